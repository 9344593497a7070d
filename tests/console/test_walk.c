/* The walk of a new operator, on real servers with a real engine: the keys stand in walk.keys and abort.keys,
 * the pictures on the way in golden/. With TENANTMV_WRITE_GOLDEN=1 a picture that differs leaves in its
 * golden what both have in common; a golden that was removed is written anew. Look at the difference before
 * you commit it.
 *
 * While a script runs, the world can do something at a named place (`with NAME`): the program writes its
 * screen to a pipe and waits until the test has read it; then the test acts, and reads a second one. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "support/life.h"
#include "support/spawn.h"
#include "golden.h"
#include "walk_golden.h"
#include "walk_mask.h"

#define PICTURE_MAX 60000
#define WALKS 3 /* until its pictures are as they were */
#define SCRIPT_US INT64_C(300000000)
#define COPY_GATE 4711 /* an advisory lock: every event that arrives on the target takes it shared */

static const char *const sizes[] = {"80x24", "132x43"};

/* Of the case that runs. */
static struct walk {
    const char *size;
    pid_t pid; /* of the program; 0: it has ended */
    int exit_code;
    struct pgx_conn *copy_gate; /* holds the copy while it is open */
    pthread_t writers;          /* applications with long transactions */
    atomic_bool rest;           /* they are to end */
    atomic_bool holds;          /* one of them is in its transaction */
    struct pgx_conn *writer;    /* an application that sits on its transaction */
    struct tmv_uuid beta;       /* the other tenant */
} w;

static void walk_begin(const char *size)
{
    memset(&w, 0, sizeof w);
    w.size = size;
}

/* ---- the world ---- */

static bool has_ended(void)
{
    int status;

    if (w.pid != 0 && waitpid(w.pid, &status, WNOHANG) == w.pid) {
        w.pid = 0;
        w.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    return w.pid == 0;
}

/* Every event that arrives on the target waits for the gate, by the default of a column of its own. */
static void hold_the_copy(void)
{
    support_sql(l.on_target,
                "CREATE FUNCTION public.gate() RETURNS boolean LANGUAGE sql VOLATILE AS 'SELECT "
                "true FROM pg_catalog.pg_advisory_xact_lock_shared(%d)'",
                COPY_GATE);
    support_sql(l.on_target, "ALTER TABLE public.events ADD COLUMN passed boolean");
    support_sql(l.on_target, "ALTER TABLE public.events ALTER COLUMN passed SET DEFAULT public.gate()");
    w.copy_gate = support_connect(l.target.conninfo);
    support_sql(w.copy_gate, "SELECT pg_advisory_lock(%d)", COPY_GATE);
}

static void the_copy_goes_on(void)
{
    pgx_close(w.copy_gate);
    w.copy_gate = NULL;
}

#define HOLD_US (1050 * US_PER_MS) /* above the lock budget of the case */

/* Two writers take turns with transactions of two seconds, so that one always has more to go than the
 * cutover is willing to wait for its lock, and none is so old that the gate would be red. */
static void *write_slowly(void *unused)
{
    struct pgx_conn *turns[2];
    struct tmv_error err;
    int version = 1;

    (void)unused;
    for (int i = 0; i < 2; i++)
        turns[i] = support_connect(l.source.conninfo);
    for (int i = 0; !atomic_load(&w.rest); i = 1 - i, version++) {
        if (!pgx_begin(turns[i], SUPPORT_TIMEOUT_US, &err) ||
            !move_insert(turns[i], &l.tenant, 700 + i, (version + 1) / 2, &err))
            break;
        atomic_store(&w.holds, true);
        stop_sleep(NULL, HOLD_US);
        if (version > 1 && !pgx_commit(turns[1 - i], SUPPORT_TIMEOUT_US, &err))
            break;
    }
    pgx_close(turns[0]);
    pgx_close(turns[1]);
    return NULL;
}

static void writers_are_slow(void)
{
    atomic_store(&w.rest, false);
    assert_int_equal(pthread_create(&w.writers, NULL, write_slowly, NULL), 0);
    while (!atomic_load(&w.holds) && !has_ended())
        stop_sleep(NULL, 10 * US_PER_MS);
}

static void one_writer_sits_on_its_transaction(void)
{
    struct tmv_error err;

    atomic_store(&w.rest, true);
    pthread_join(w.writers, NULL);
    w.writer = support_connect(l.source.conninfo);
    support_sql(w.writer, "BEGIN");
    assert_done(move_insert(w.writer, &l.tenant, 702, 1, &err), &err);
}

static void the_writer_commits(void)
{
    support_sql(w.writer, "COMMIT");
    pgx_close(w.writer);
    w.writer = NULL;
}

static const struct {
    const char *name;
    void (*happens)(void);
} world[] = {
    {"the-copy-goes-on", the_copy_goes_on},
    {"writers-are-slow", writers_are_slow},
    {"one-writer-sits-on-its-transaction", one_writer_sits_on_its_transaction},
    {"the-writer-commits", the_writer_commits},
};

/* Another tenant with a store of its own, so that there is something to find. */
static void begin_beta(void)
{
    struct tmv_store_info store;
    struct tmv_start_options options = {.target = "dedicated-2", .settings = l.settings};
    struct tmv_uuid id;
    struct tmv_error err;

    support_store(support_cluster("target", NULL), "dedicated-2", false, &store);
    assert_done(tmv_store_add(l.handle, &store, &err), &err);
    w.beta = options.tenant = tmv_uuid_random();
    assert_done(tmv_routing_register(l.handle, &w.beta, l.source.id, &err), &err);
    support_fill(l.on_source, &w.beta, 5, 10);
    assert_done(tmv_start(l.handle, &options, &amy, &id, &err), &err);
}

/* ---- scripts ---- */

static void path_of(char path[400], const char *name, const char *suffix)
{
    snprintf(path, 400, "%s/%s-%s%s", support_temporary_dir(), name, w.size, suffix);
}

/* The program's own words for a line of a script. */
static void write_line(FILE *to, char *line)
{
    char name[100], path[400];

    line[strcspn(line, "\n")] = '\0';
    if (sscanf(line, "picture %99s", name) == 1) {
        path_of(path, name, ".txt");
        fprintf(to, "save %s\n", path);
    } else if (sscanf(line, "with %99s", name) == 1) {
        for (int i = 0; i < 2; i++) {
            path_of(path, name, i == 0 ? ".begin" : ".end");
            unlink(path); /* of an earlier walk */
            assert_int_equal(mkfifo(path, 0600), 0);
            fprintf(to, "save %s\n", path);
        }
    } else {
        fprintf(to, "%s\n", line);
    }
}

static void write_script(const char *script, const char *path)
{
    char line[300];
    FILE *from, *to = fopen(path, "w");

    snprintf(line, sizeof line, WALK_DIR "/%s.keys", script);
    from = fopen(line, "r");
    assert_non_null(from);
    assert_non_null(to);
    fprintf(to, "size %s\n", w.size);
    while (fgets(line, sizeof line, from) != NULL)
        write_line(to, line);
    fclose(from);
    fclose(to);
}

static void write_config(const char *path)
{
    char text[TMV_UUID_TEXT];
    FILE *to = fopen(path, "w");

    assert_non_null(to);
    fprintf(to, "{\"aliases\": {\"acme\": \"%s\", \"beta\": \"%s\"}}\n", l.tenant_text,
            tmv_uuid_format(&w.beta, text));
    fclose(to);
}

/* Reads all that the program writes into a pipe, which it waits for. */
static void read_pipe(const char *name, const char *suffix)
{
    int64_t until = clock_now_us() + SCRIPT_US;
    char path[400], bytes[4096];
    bool any = false;
    int fd;

    path_of(path, name, suffix);
    fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(fd >= 0);
    for (;;) {
        struct pollfd wait = {fd, POLLIN, 0};
        ssize_t n;
        poll(&wait, 1, 50);
        n = read(fd, bytes, sizeof bytes);
        any = any || n > 0;
        if (n == 0 && any)
            break;
        if (has_ended() || clock_now_us() > until)
            fail_msg("the script ended (%d) before: %s", w.exit_code, name);
    }
    close(fd);
}

static void let_the_world_go_on(const char *script)
{
    char line[300], name[100];
    FILE *from;

    snprintf(line, sizeof line, WALK_DIR "/%s.keys", script);
    from = fopen(line, "r");
    assert_non_null(from);
    while (fgets(line, sizeof line, from) != NULL) {
        if (sscanf(line, "with %99s", name) != 1)
            continue;
        read_pipe(name, ".begin");
        for (size_t i = 0; i < sizeof world / sizeof *world; i++)
            if (strcmp(world[i].name, name) == 0)
                world[i].happens();
        read_pipe(name, ".end");
    }
    fclose(from);
}

/* ---- pictures ---- */

/* What a file holds; "" when it is missing. */
static void read_file(const char *path, char *text, size_t size)
{
    FILE *file = fopen(path, "r");

    text[file != NULL ? fread(text, 1, size - 1, file) : 0] = '\0';
    if (file != NULL)
        fclose(file);
}

static void write_golden(const char *path, const char *golden, const char *masked)
{
    static char merged[PICTURE_MAX];
    FILE *to = fopen(path, "w");

    assert_non_null(to);
    walk_golden_merge(golden, masked, merged, sizeof merged);
    fputs(merged, to);
    fclose(to);
}

/* Whether it has what the golden has. */
static bool compare_picture(const char *name)
{
    static char picture[PICTURE_MAX], masked[PICTURE_MAX], golden[PICTURE_MAX];
    const char *missing = "";
    char path[400];

    path_of(path, name, ".txt");
    read_file(path, picture, sizeof picture);
    assert_true(picture[0] != '\0');
    walk_mask(picture, masked, sizeof masked);
    golden_path(path, WALK_DIR "/golden", name, w.size);
    read_file(path, golden, sizeof golden);
    if (getenv("TENANTMV_WRITE_GOLDEN") != NULL)
        write_golden(path, golden, masked);
    else if (!walk_golden_matches(golden, masked, &missing))
        fprintf(stderr, "%s differs from here: %.*s\n%s%s", path, (int)strcspn(missing, "\n"), missing,
                picture, masked);
    else
        return true;
    return getenv("TENANTMV_WRITE_GOLDEN") != NULL;
}

static bool compare_pictures(const char *script)
{
    char line[300], name[100];
    bool same = true;
    FILE *from;

    snprintf(line, sizeof line, WALK_DIR "/%s.keys", script);
    from = fopen(line, "r");
    assert_non_null(from);
    while (fgets(line, sizeof line, from) != NULL)
        if (sscanf(line, "picture %99s", name) == 1)
            same = compare_picture(name) && same;
    fclose(from);
    return same;
}

/* Runs a script, the tenants under the names of acme and beta. Whether every picture was as its golden. */
static bool run(const char *script)
{
    char config[400], keys[400];
    const char *argv[] = {getenv("TENANTMV_PROGRAM"),
                          "console",
                          "--no-engine",
                          "--operator",
                          "amy",
                          "--config",
                          config,
                          "--control",
                          l.control,
                          "--script",
                          keys,
                          NULL};
    const struct spawn spawn = {.argv = argv};
    int64_t until = clock_now_us() + SCRIPT_US;

    path_of(config, "config", ".json");
    path_of(keys, script, ".keys");
    write_config(config);
    write_script(script, keys);
    w.pid = spawn_program(&spawn);
    let_the_world_go_on(script);
    while (!has_ended() && clock_now_us() < until)
        stop_sleep(NULL, 20 * US_PER_MS);
    assert_int_equal(w.pid, 0);
    assert_int_equal(w.exit_code, 0);
    return compare_pictures(script);
}

static int64_t commands(const char *condition)
{
    return support_int(l.on_control, "SELECT count(*) FROM tenantmv.command WHERE %s", condition);
}

static bool walk(const char *size)
{
    struct tmv_error err;

    walk_begin(size);
    life_prepare(false, false);
    l.settings.lock_budget_ms = 900; /* a writer may be open five times as long before the gate is red */
    hold_the_copy();
    begin_beta();
    assert_done(life_begin(&err), &err);
    life_start_engine();
    bool same = run("walk");
    assert_int_equal(commands("state = 'done' AND operation IN ('pause', 'resume', 'rehearse')"), 3);
    assert_int_equal(commands("operation = 'cutover' AND requested_by = 'amy'"), 2);
    assert_int_equal(commands("operation = 'cutover' AND reason LIKE '%the last attempt was rolled back%'"),
                     1);
    life_assert_moved();
    life_stop_engine();
    life_release();
    return same;
}

/* A picture of a live system may show a moment that its golden does not know: then the walk is done again.
 * What is always different fails. */
static void a_new_operator_moves_a_tenant_and_gives_one_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        bool same = false;

        for (int attempt = 0; attempt < WALKS && !same; attempt++)
            same = walk(sizes[i]);
        assert_true(same);
    }
}

static void a_new_operator_gives_a_migration_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        walk_begin(sizes[i]);
        life_prepare(false, false);
        life_begin_and_wait_until_ready();
        assert_true(run("abort"));
        life_wait_for("m.phase = 'aborted'");
        life_assert_source_as_it_was();
        assert_int_equal(commands("operation = 'abort' AND reason LIKE 'wrong target; acknowledged: the copy "
                                  "is complete%'"),
                         1);
        life_stop_engine();
        life_release();
    }
}

static void a_golden_matches_what_it_has_in_common_with_a_picture(void **state)
{
    static const struct {
        const char *golden, *picture;
        bool matches;
    } cases[] = {
        {"a\nb\n", "a\nb\n", true},
        {"a\nb\n", "a\nb\nc\n", false},
        {"a\nb\n", "a\n", false},
        {"a\nb\n", "a\nc\n", false},
        {"a\n…\nb\n", "a\nb\n", true},
        {"a\n…\nb\n", "a\nx\ny\nb\n", true},
        {"a\n…\nb\n", "a\nb\nx\n", false},
        {"a\n…\nb\n…\n", "a\nb\nx\n", true},
        {"a\n…\nb\n", "x\na\nb\n", false},
        {"…\na\nb\n", "x\na\nb\n", true},
        {"…\na\nb\n", "a\nx\nb\n", false},
        {"a\n…\nb\n…\nc\n", "a\nc\nb\n", false},
        {"", "a\n", false},
    };
    char merged[100];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *missing;
        if (walk_golden_matches(cases[i].golden, cases[i].picture, &missing) != cases[i].matches)
            fail_msg("case %zu", i);
        walk_golden_merge(cases[i].golden, cases[i].picture, merged, sizeof merged);
        assert_true(walk_golden_matches(merged, cases[i].picture, &missing));
        if (cases[i].golden[0] != '\0')
            assert_true(walk_golden_matches(merged, cases[i].golden, &missing));
    }
    walk_golden_merge("a\nb\nc\nd\n", "a\nx\nc\n", merged, sizeof merged);
    assert_string_equal(merged, "a\n…\nc\n…\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_golden_matches_what_it_has_in_common_with_a_picture),
        cmocka_unit_test(a_new_operator_moves_a_tenant_and_gives_one_up),
        cmocka_unit_test(a_new_operator_gives_a_migration_up),
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}
