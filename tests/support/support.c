#include "support/support.h"

#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "test.h"

#define CLUSTERS_MAX 8

static struct {
    struct workspace *workspace;
    char temporary[200];
    struct {
        char name[32];
        struct cluster *cluster;
    } clusters[CLUSTERS_MAX];
    size_t cluster_count;
    int databases; /* made so far, for their names */
} bed;

/* TENANTMV_CASE=NAME runs one case of a test program; before main, because a group counts its cases first. */
__attribute__((constructor)) static void choose_case(void)
{
    const char *name = getenv("TENANTMV_CASE");

    if (name)
        cmocka_set_test_filter(name);
}

/* TENANTMV_TEST_LOCALE=NAME: this process is a program that lives in that locale, and its servers speak it.
 */
static const char *locale_of_test(void)
{
    return getenv("TENANTMV_TEST_LOCALE");
}

__attribute__((constructor)) static void choose_locale(void)
{
    const char *name = locale_of_test();

    if (!name || setlocale(LC_ALL, name))
        return;
    fprintf(stderr, "the locale %s is not installed: ./run packages lint makes it\n", name);
    _exit(77); /* skipped, for meson */
}

void support_assert(bool ok, const struct tmv_error *err, const char *what, const char *file, int line)
{
    if (ok)
        return;
    print_error("%s\n  failed (%s %s): %s\n  detail: %s\n  hint: %s\n", what, tmv_code_name(err->code),
                err->sqlstate, err->message, err->detail, err->hint);
    _fail(file, line);
}

void support_assert_code(bool failed, const struct tmv_error *err, enum tmv_code expected, const char *what,
                         const char *file, int line)
{
    if (failed && err->code == expected)
        return;
    if (failed)
        print_error("%s\n  failed with %s instead of %s: %s\n", what, tmv_code_name(err->code),
                    tmv_code_name(expected), err->message);
    else
        print_error("%s\n  succeeded, should fail with %s\n", what, tmv_code_name(expected));
    _fail(file, line);
}

int support_setup(void **state)
{
    struct workspace_options options = {.cancel_fd = -1};
    struct tmv_error err = {0};

    (void)state;
    if (!workspace_open(&options, &bed.workspace, &err) ||
        !workspace_make_dir(bed.workspace, "files", bed.temporary, sizeof bed.temporary, &err)) {
        print_error("%s\n", err.message);
        return -1;
    }
    return 0;
}

int support_teardown(void **state)
{
    (void)state;
    for (size_t i = 0; i < bed.cluster_count; i++)
        cluster_free(bed.clusters[i].cluster);
    workspace_close(bed.workspace);
    memset(&bed, 0, sizeof bed);
    return 0;
}

void support_setup_apart(void)
{
    struct workspace_options options = {.cancel_fd = -1};
    struct tmv_error err = {0};

    memset(bed.clusters, 0, sizeof bed.clusters);
    bed.cluster_count = 0;
    bed.databases = 0;
    assert_done(workspace_open(&options, &bed.workspace, &err), &err);
}

struct workspace *support_workspace(void)
{
    return bed.workspace;
}

const char *support_temporary_dir(void)
{
    return bed.temporary;
}

/* The build keeps a data directory fresh from initdb for each name; copying it is many times faster than
 * making another. For each name, because copies have the same system identifier, by which servers are told
 * apart. */
static void template_dir(const char *name, char *text, size_t size)
{
    const char *dir = getenv("TENANTMV_TEST_TEMPLATE");

    const char *locale = locale_of_test();

    snprintf(text, size, "%s-%s%s%s", dir ? dir : SUPPORT_TEMPLATE_DIR, name, locale ? "-" : "",
             locale ? locale : "");
}

struct cluster *support_cluster(const char *name, const char *const *settings)
{
    const char *all[16] = {"max_prepared_transactions=10", "shared_buffers=32MB"};
    char template[400];
    struct cluster_options options = {
        .name = name, .settings = all, .locale = locale_of_test(), .template_dir = template};
    struct tmv_error err = {0};
    size_t count = 2;

    for (size_t i = 0; i < bed.cluster_count; i++)
        if (strcmp(bed.clusters[i].name, name) == 0)
            return bed.clusters[i].cluster;
    for (; settings && *settings && count < 15; settings++)
        all[count++] = *settings;
    template_dir(name, template, sizeof template);
    assert_in_range(bed.cluster_count, 0, CLUSTERS_MAX - 1);
    snprintf(bed.clusters[bed.cluster_count].name, sizeof bed.clusters[0].name, "%s", name);
    assert_done(cluster_start(bed.workspace, &options, &bed.clusters[bed.cluster_count].cluster, &err), &err);
    return bed.clusters[bed.cluster_count++].cluster;
}

void support_database(struct cluster *cluster, char conninfo[CLUSTER_CONNINFO_MAX])
{
    char name[32];
    struct tmv_error err = {0};

    snprintf(name, sizeof name, "test_%d", ++bed.databases);
    assert_done(cluster_create_database(cluster, name, &err), &err);
    cluster_conninfo(cluster, name, conninfo);
}

struct pgx_conn *support_connect(const char *conninfo)
{
    struct pgx_options options = {.conninfo = conninfo, .part = "test"};
    struct pgx_conn *conn = NULL;
    struct tmv_error err = {0};

    assert_done(pgx_connect(&options, &conn, &err), &err);
    return conn;
}

static char *read_sql(const char *name)
{
    char path[600], *text = calloc(1, 65536);
    FILE *file;

    assert_non_null(text);
    snprintf(path, sizeof path, "%s/%s", SUPPORT_SQL_DIR, name);
    file = fopen(path, "re");
    assert_non_null(file);
    assert_in_range(fread(text, 1, 65535, file), 1, 65534);
    fclose(file);
    return text;
}

static void run_file(struct pgx_conn *conn, const char *name)
{
    char *sql = read_sql(name);
    struct tmv_error err = {0};

    assert_done(pgx_script(conn, SUPPORT_TIMEOUT_US, sql, 0, NULL, &err), &err);
    free(sql);
}

void support_store(struct cluster *cluster, const char *id, bool partitioned,
                   struct tmv_store_info *ret_store)
{
    char conninfo[CLUSTER_CONNINFO_MAX];
    struct pgx_conn *conn;

    support_database(cluster, conninfo);
    memset(ret_store, 0, sizeof *ret_store);
    snprintf(ret_store->id, sizeof ret_store->id, "%s", id);
    snprintf(ret_store->conninfo, sizeof ret_store->conninfo, "%s", conninfo);
    snprintf(ret_store->events_schema, sizeof ret_store->events_schema, "public");
    snprintf(ret_store->events_table, sizeof ret_store->events_table, "events");
    conn = support_connect(conninfo);
    run_file(conn, partitioned ? "events_partitioned.sql" : "events_plain.sql");
    run_file(conn, "events_indexes.sql");
    pgx_close(conn);
}

static char *TMV_PRINTF(1, 0) format(const char *fmt, va_list args)
{
    char *text = NULL;

    assert_true(vasprintf(&text, fmt, args) >= 0);
    return text;
}

void support_sql(struct pgx_conn *conn, const char *fmt, ...)
{
    struct tmv_error err = {0};
    va_list args;
    char *sql;

    va_start(args, fmt);
    sql = format(fmt, args);
    va_end(args);
    assert_done(pgx_script(conn, SUPPORT_TIMEOUT_US, sql, 0, NULL, &err), &err);
    free(sql);
}

static char *TMV_PRINTF(2, 0) first_field(struct pgx_conn *conn, const char *fmt, va_list args)
{
    AUTO_RESULT struct pgx_result *result = NULL;
    struct tmv_error err = {0};
    char *sql = format(fmt, args), *text;

    assert_done(pgx_query(conn, SUPPORT_TIMEOUT_US, sql, PGX_NONE, &result, &err), &err);
    if (pgx_rows(result) < 1)
        fail_msg("no row: %s", sql);
    free(sql);
    text = strdup(pgx_text(result, 0, 0));
    assert_non_null(text);
    return text;
}

int64_t support_int(struct pgx_conn *conn, const char *fmt, ...)
{
    va_list args;
    char *text;
    int64_t value;

    va_start(args, fmt);
    text = first_field(conn, fmt, args);
    va_end(args);
    value = strtoll(text, NULL, 10);
    free(text);
    return value;
}

char *support_text(struct pgx_conn *conn, const char *fmt, ...)
{
    va_list args;
    char *text;

    va_start(args, fmt);
    text = first_field(conn, fmt, args);
    va_end(args);
    return text;
}

void support_fill(struct pgx_conn *conn, const struct tmv_uuid *tenant, int streams, int versions)
{
    char text[TMV_UUID_TEXT], *sql = read_sql("fill.sql");
    const char *id = tmv_uuid_format(tenant, text);
    AUTO_RESULT struct pgx_result *result = NULL;
    struct tmv_error err = {0};

    assert_done(pgx_query(conn, SUPPORT_TIMEOUT_US, sql,
                          PGX_ARGS(PGX_TEXT(id), PGX_INT(streams), PGX_INT(versions)), &result, &err),
                &err);
    free(sql);
}

void support_wait_until(struct pgx_conn *conn, const char *fmt, ...)
{
    int64_t end = clock_now_us() + SUPPORT_TIMEOUT_US;
    va_list args;
    bool holds = false;

    while (!holds) {
        char *text;

        va_start(args, fmt);
        text = first_field(conn, fmt, args);
        va_end(args);
        holds = strcmp(text, "t") == 0;
        free(text);
        if (!holds && clock_now_us() > end)
            fail_msg("never became true: %s", fmt);
        if (!holds)
            stop_sleep(NULL, 2000);
    }
}
