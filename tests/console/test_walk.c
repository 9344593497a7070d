/* The walk of a new operator, on real servers with a real engine: the keys stand in walk.keys and abort.keys.
 */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "support/life.h"

static const char *const sizes[] = {"80x24", "132x43"};

/* Runs a script at a size with the tenant under the name of acme. */
static void run(const char *script, const char *size)
{
    char config[300], keys[300], command[1400], line[300];
    FILE *from, *to;

    snprintf(config, sizeof config, "%s/config.json", support_temporary_dir());
    snprintf(keys, sizeof keys, "%s/keys", support_temporary_dir());
    to = fopen(config, "w");
    assert_non_null(to);
    fprintf(to, "{\"aliases\": {\"acme\": \"%s\"}}\n", l.tenant_text);
    fclose(to);
    snprintf(line, sizeof line, WALK_DIR "/%s.keys", script);
    from = fopen(line, "r");
    to = fopen(keys, "w");
    assert_non_null(from);
    assert_non_null(to);
    fprintf(to, "size %s\n", size);
    while (fgets(line, sizeof line, from) != NULL)
        fputs(line, to);
    fclose(from);
    fclose(to);
    snprintf(command, sizeof command,
             "'%s' console --no-engine --operator amy --config '%s' --control '%s' --script '%s'",
             getenv("TENANTMV_PROGRAM"), config, l.control, keys);
    assert_int_equal(system(command), 0);
}

static void a_new_operator_finds_pauses_and_rehearses(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        life_prepare(false, false);
        life_begin_and_wait_until_ready();
        run("walk", sizes[i]);
        assert_int_equal(support_int(l.on_control,
                                     "SELECT count(*) FROM tenantmv.command WHERE state = 'done' "
                                     "AND operation IN ('pause', 'resume', 'rehearse')"),
                         3);
        assert_int_equal(
            support_int(l.on_control, "SELECT count(*) FROM tenantmv.command WHERE operation = 'cutover'"),
            0);
        life_stop_engine();
        life_release();
    }
}

static void a_new_operator_gives_a_migration_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        life_prepare(false, false);
        life_begin_and_wait_until_ready();
        run("abort", sizes[i]);
        life_wait_for("m.phase = 'aborted'");
        life_assert_source_as_it_was();
        assert_int_equal(support_int(l.on_control,
                                     "SELECT count(*) FROM tenantmv.command WHERE operation = 'abort' "
                                     "AND reason LIKE 'wrong target; acknowledged: the copy is "
                                     "complete%%'"),
                         1);
        life_stop_engine();
        life_release();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_operator_finds_pauses_and_rehearses),
        cmocka_unit_test(a_new_operator_gives_a_migration_up),
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}
