/* The rights of an engine's role in the control database: what the catalogue is asked for (control_rights) is
 * enough for all that an engine and its console do, each right that lacks is named with its GRANT, and the
 * guide lists the same. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/rights.h"
#include "lib/cleanup.h"
#include "lib/text.h"
#include "support/life.h"
#include "support/worker.h"
#include "tenantmv/preflight.h"

#define GUIDE INTEGRATION_DIR "/../../docs/migration-guide.md"
#define GUIDE_MAX (64 * 1024)

static char owner[CLUSTER_CONNINFO_MAX]; /* of the control database */

/* Every right of a role on the schemas' objects, as "INSERT ON tenantmv.lease". */
#define RIGHTS_OF                                                                                            \
    "SELECT a.privilege_type || ' ON ' || o.kind || o.name AS granted FROM ("                                \
    " SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE ' ELSE '' END AS kind, format('%%I.%%I', n.nspname, "    \
    "        c.relname) AS name, c.relacl AS acl FROM pg_class c JOIN pg_namespace n ON n.oid = "            \
    "        c.relnamespace WHERE n.nspname IN ('public', 'tenantmv')"                                       \
    " UNION ALL SELECT 'SCHEMA ', quote_ident(n.nspname), n.nspacl FROM pg_namespace n"                      \
    " UNION ALL SELECT 'FUNCTION ', p.oid::regprocedure::text, p.proacl FROM pg_proc p"                      \
    ") o, aclexplode(o.acl) a WHERE a.grantee = '%s'::regrole"

static void make_role(const char *role)
{
    support_sql(l.on_control,
                "DO $$ BEGIN CREATE ROLE %s LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$", role);
}

/* A control database in which nobody but its owner has a right, also none that everybody has by default. */
static int nobody_may(void **state)
{
    (void)state;
    life_prepare(true, false);
    text_copy(owner, sizeof owner, l.control);
    make_role("mover");
    support_sql(l.on_control, "REVOKE ALL ON SCHEMA public FROM PUBLIC; "
                              "REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA tenantmv FROM PUBLIC");
    snprintf(l.control, sizeof l.control, "%.*s user=mover", (int)sizeof l.control - 20, owner);
    return 0;
}

/* What the role lacks, granted; it lacks nothing then. */
static void grant_exactly(void)
{
    struct tmv_rights rights;
    struct tmv_error err;

    assert_done(tmv_control_rights(l.control, &rights, &err), &err);
    assert_false(rights.may_run);
    support_sql(l.on_control, "%s", rights.grants);
    assert_done(tmv_control_rights(l.control, &rights, &err), &err);
    assert_true(rights.may_run && rights.may_request);
    assert_string_equal(rights.lacks, "");
}

static void program(const char *arguments, const char *says)
{
    AUTO_FREE char *text = calloc(1, 20000);
    char command[1400];

    snprintf(command, sizeof command, "TENANTMV_CONTROL=\"%s\" timeout 60 '%s' %s 2>&1; echo code $?",
             l.control, getenv("TENANTMV_PROGRAM"), arguments);
    FILE *out = popen(command, "r");
    assert_non_null(out);
    text[fread(text, 1, 19999, out)] = '\0';
    pclose(out);
    if (!strstr(text, says))
        fail_msg("%s: %s", arguments, text);
}

static void move_by_way_of_everything(void)
{
    const struct tmv_uuid dialog = tmv_uuid_random();
    struct tmv_error err;

    l.settings.hold_s = 3600;
    life_begin_and_wait_until_ready();
    assert_done(tmv_dialog_show(l.handle, &dialog, &l.migration, TMV_OP_ABORT, &amy, &err), &err);
    life_expect(life_ask(TMV_OP_ABORT, "no"), TMV_COMMAND_DONE, "aborted");
    assert_done(tmv_dialog_close(l.handle, &dialog, &err), &err);
    life_begin_and_wait_until_ready();
    life_expect(life_ask(TMV_OP_PAUSE, "wait"), TMV_COMMAND_DONE, "");
    life_expect(life_ask(TMV_OP_RESUME, NULL), TMV_COMMAND_DONE, "");
    life_wait_for("m.phase = 'dual_write' AND s.ready");
    life_expect(life_ask(TMV_OP_VERIFY, NULL), TMV_COMMAND_DONE, "");
    life_expect(life_ask(TMV_OP_REHEARSE, NULL), TMV_COMMAND_DONE, "");
    life_wait_for("m.phase = 'dual_write' AND s.ready");
    life_expect(life_ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_DONE, "completed");
    life_wait_for("s.ending = 'hold'");
    life_expect(life_ask(TMV_OP_FINALIZE, NULL), TMV_COMMAND_DONE, "");
    life_wait_for("s.ending = 'finalized' AND s.retired");
}

static void runs_a_whole_move_with_exactly_these_rights(void **state)
{
    struct tmv_error err;

    (void)state;
    grant_exactly();
    tmv_control_close(TAKE(l.handle));
    assert_done(tmv_control_open(l.control, &l.handle, &err), &err);
    move_by_way_of_everything();
    life_stop_engine();
    life_assert_moved();
    assert_int_equal(support_int(l.on_control, "SELECT count(*) FROM public.migration_audit_log WHERE "
                                               "event_type IN ('error_occurred', 'migration_failed')"),
                     0);
    /* the first contact was noted, by the engine */
    assert_int_equal(support_int(l.on_control, "SELECT count(*) FROM tenantmv.registry_audit WHERE action = "
                                               "'store_identified'"),
                     2);
    program("status", "code 0");
    program("watch --once", "code 0");
    program("audit", "code 0");
}

static void names_each_right_that_is_revoked(void **state)
{
    AUTO_RESULT struct pgx_result *granted = NULL;
    struct tmv_error err;
    char sql[1400];

    (void)state;
    grant_exactly();
    AUTO_CONN struct pgx_conn *mover = support_connect(l.control);
    snprintf(sql, sizeof sql, RIGHTS_OF, "mover");
    assert_done(pgx_query(l.on_control, SUPPORT_TIMEOUT_US, sql, PGX_NONE, &granted, &err), &err);
    assert_true(pgx_rows(granted) > 60);
    for (int i = 0; i < pgx_rows(granted); i++) {
        const char *right = pgx_text(granted, i, 0);
        struct tmv_rights rights;

        support_sql(l.on_control, "REVOKE %s FROM mover", right);
        assert_done(control_rights(mover, &rights, &err), &err);
        snprintf(sql, sizeof sql, "GRANT %s TO mover;", right);
        if (rights.may_run || strcmp(rights.grants, sql) != 0)
            fail_msg("%s: \"%s\"", right, rights.grants);
        support_sql(l.on_control, "%s", rights.grants);
    }
}

/* What may follow the last statement: nothing, or how many more there are and who prints them. */
static bool ends_the_list(const char *piece)
{
    int more = 0, read = 0;

    if (*piece == '\0')
        return true;
    return sscanf(piece, "and %d more: tenantmv worker prints them all%n", &more, &read) == 1 && more > 0 &&
           read > 0 && piece[read] == '\0';
}

/* A role that lacks all of them gets whole statements, as many as there is room for. */
static void assert_whole_statements(char *text)
{
    char *rest = text;

    for (char *one = strsep(&rest, ";"); one; one = strsep(&rest, ";")) {
        const char *to = strstr(one, " TO mover");

        one += strspn(one, " \n");
        if (!rest && ends_the_list(one))
            return;
        if (strncmp(one, "GRANT ", strlen("GRANT ")) != 0 || !to || strcmp(to, " TO mover") != 0)
            fail_msg("\"%s\"", one);
    }
}

static void prints_every_grant_whole(void **state)
{
    struct tmv_rights rights;
    struct tmv_error err;
    int lines = 0;

    (void)state;
    assert_done(tmv_control_rights(l.control, &rights, &err), &err);
    /* the worker prints all of them, and ends */
    for (char *rest = rights.grants, *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n"), lines++)
        program("worker", line);
    assert_true(lines >= 9);
    program("worker", "code 3");
    /* preflight: as many as it has room for */
    support_sql(l.on_control, "GRANT USAGE ON SCHEMA tenantmv, public TO mover; "
                              "GRANT SELECT ON ALL TABLES IN SCHEMA tenantmv, public TO mover; "
                              "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA tenantmv TO mover");
    tmv_control_close(TAKE(l.handle));
    assert_done(tmv_control_open(l.control, &l.handle, &err), &err);
    struct tmv_start_options options = {.tenant = l.tenant, .target = l.target.id, .settings = l.settings};
    struct tmv_preflight *p = NULL;
    assert_done(tmv_preflight_run(l.handle, &options, false, &p, &err), &err);
    struct tmv_check *found = NULL;
    for (size_t i = 0; i < p->count; i++)
        if (strcmp(p->checks[i].name, "control-rights") == 0)
            found = &p->checks[i];
    assert_non_null(found);
    assert_int_equal(found->verdict, TMV_VERDICT_REFUSE);
    assert_non_null(strstr(found->seen, "mover lacks in the control database "));
    assert_non_null(strstr(found->todo, "GRANT"));
    assert_whole_statements(found->todo);
    tmv_preflight_free(p);
}

/* Whatever the room, a text is there whole or is counted, and what was promised at the end is there. */
static void folds_whole_texts(void **state)
{
    AUTO_RESULT struct pgx_result *rows = NULL;
    struct tmv_error err;

    (void)state;
    assert_done(pgx_query(l.on_control, SUPPORT_TIMEOUT_US,
                          "SELECT repeat('x', n) || ';' FROM generate_series(1, 9) n", PGX_NONE, &rows, &err),
                &err);
    for (size_t size = 40; size < 80; size++) {
        char text[100], expected[100];
        int whole = 0, left;

        memset(text, '#', sizeof text);
        pgx_fold(rows, 0, " ", ": ask again", text, size);
        assert_true(strlen(text) < size);
        for (const char *c = text; *c; c++)
            whole += *c == ';';
        left = 9 - whole;
        expected[0] = '\0';
        for (int n = 1; n <= whole; n++)
            snprintf(expected + strlen(expected), sizeof expected - strlen(expected), "%s%.*s;",
                     n > 1 ? " " : "", n, "xxxxxxxxx");
        if (left)
            snprintf(expected + strlen(expected), sizeof expected - strlen(expected),
                     " and %d more: ask again", left);
        assert_string_equal(text, expected);
        assert_int_equal(left == 0, size > 62); /* 45 letters, 9 marks, 8 blanks */
    }
}

/* Runs the guide's block for a role of its name. */
static void grant_as_the_guide_says(void)
{
    AUTO_FREE char *text = calloc(1, GUIDE_MAX);
    FILE *file = fopen(GUIDE, "re");

    assert_non_null(file);
    assert_true(fread(text, 1, GUIDE_MAX - 1, file) > 0);
    fclose(file);
    char *heading = strstr(text, "\n### Rights in the control database\n");
    assert_non_null(heading);
    char *begin = strstr(heading, "\n```sql\n");
    assert_non_null(begin);
    begin += strlen("\n```sql\n");
    char *end = strstr(begin, "\n```");
    assert_non_null(end);
    *end = '\0';
    make_role("engine");
    support_sql(l.on_control, "%s", begin);
}

static void says_in_the_guide_what_it_asks_for(void **state)
{
    static const char extra[] =
        "SELECT coalesce(string_agg(granted, ', '), '') FROM (SELECT granted FROM (" RIGHTS_OF
        ") a EXCEPT SELECT granted FROM (" RIGHTS_OF ") b) c";

    (void)state;
    support_sql(l.on_control, "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA tenantmv TO PUBLIC");
    grant_exactly();
    grant_as_the_guide_says();
    AUTO_FREE char *more = support_text(l.on_control, extra, "engine", "mover");
    AUTO_FREE char *less = support_text(l.on_control, extra, "mover", "engine");
    assert_string_equal(more, "");
    assert_string_equal(less, "");
}

/* A role whose name looks like a password after a user: not in a connection string, but by PGUSER, and what
 * it is told to run can be run. */
static void works_for_a_role_of_any_name(void **state)
{
    (void)state;
    support_sql(l.on_control, "CREATE ROLE \"team:a/b\" LOGIN");
    snprintf(l.control, sizeof l.control, "%.*s user=team:a/b", (int)sizeof l.control - 20, owner);
    program("list", "name such a role with PGUSER");
    snprintf(l.control, sizeof l.control, "%.*s dbname=%s", (int)(strstr(owner, " user=") - owner), owner,
             pgx_database(l.on_control));
    setenv("PGUSER", "team:a/b", 1);
    program("list", "GRANT USAGE ON SCHEMA tenantmv TO \"team:a/b\"; GRANT SELECT ON ALL TABLES IN SCHEMA "
                    "tenantmv TO \"team:a/b\"");
    grant_exactly();
    program("list", "code 0");
    unsetenv("PGUSER");
}

/* Every table, sequence and function of the control database is asked for, or has a reason not to be. */
static void asks_for_everything_but_what_no_engine_touches(void **state)
{
    static const char untouched[] =
        "SELECT coalesce(string_agg(name, ' ' ORDER BY name), '') FROM ("
        " SELECT c.relname::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE "
        "  n.nspname IN ('public', 'tenantmv') AND CASE c.relkind WHEN 'S' THEN NOT "
        "  has_sequence_privilege('mover', c.oid, 'USAGE') AND NOT EXISTS (SELECT FROM pg_depend d WHERE "
        "  d.objid = c.oid AND d.deptype = 'i') WHEN 'r' THEN NOT has_table_privilege('mover', c.oid, "
        "  'SELECT, INSERT') ELSE false END"
        " UNION ALL SELECT p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE "
        "  n.nspname = 'tenantmv' AND p.prorettype <> 'trigger'::regtype AND NOT "
        "  has_function_privilege('mover', p.oid, 'EXECUTE')) o";

    (void)state;
    grant_exactly();
    AUTO_FREE char *names = support_text(l.on_control, untouched);
    assert_string_equal(names, "migration_position_mappings_id_seq"); /* it is only read */
}

/* With the control tables in the source's database, the decision is made by the role that connects there. */
static void asks_for_the_source_stores_role_too(void **state)
{
    struct tmv_store_info source = l.source;
    struct tmv_preflight *p = NULL;
    struct tmv_error err;
    bool named = false;

    (void)state;
    support_sql(l.on_control,
                "DO $$ BEGIN CREATE ROLE keeper LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$");
    snprintf(source.id, sizeof source.id, "kept");
    snprintf(source.conninfo, sizeof source.conninfo, "%.*s user=keeper", (int)sizeof source.conninfo - 20,
             l.source.conninfo);
    assert_done(tmv_store_add(l.handle, &source, &err), &err);
    struct tmv_start_options options = {
        .tenant = l.tenant, .source = "kept", .target = l.target.id, .settings = l.settings};
    assert_done(tmv_preflight_run(l.handle, &options, false, &p, &err), &err);
    for (size_t i = 0; i < p->count; i++)
        named |= strcmp(p->checks[i].name, "control-rights") == 0 &&
                 p->checks[i].verdict == TMV_VERDICT_REFUSE && strstr(p->checks[i].seen, "keeper lacks");
    tmv_preflight_free(p);
    assert_true(named);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(runs_a_whole_move_with_exactly_these_rights, nobody_may, life_done),
        cmocka_unit_test_setup_teardown(names_each_right_that_is_revoked, nobody_may, life_done),
        cmocka_unit_test_setup_teardown(folds_whole_texts, life_plain, life_done),
        cmocka_unit_test_setup_teardown(prints_every_grant_whole, nobody_may, life_done),
        cmocka_unit_test_setup_teardown(says_in_the_guide_what_it_asks_for, nobody_may, life_done),
        cmocka_unit_test_setup_teardown(works_for_a_role_of_any_name, nobody_may, life_done),
        cmocka_unit_test_setup_teardown(asks_for_everything_but_what_no_engine_touches, nobody_may,
                                        life_done),
        cmocka_unit_test_setup_teardown(asks_for_the_source_stores_role_too, life_plain, life_done),
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}
