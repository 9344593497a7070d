/* The console on a real control database: keys in, what stands on the screen and in the command table out. No
 * engine runs, so a request stays what it is: a request. */
#include "test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actions/actions.h"
#include "console_pty.h"
#include "integration/control_fixture.h"

struct stage {
    struct control_fixture fixture;
    struct pty *pty;
    char name[9]; /* of the tenant, as it is shown and typed */
};

static const char *program(void)
{
    const char *path = getenv("TENANTMV_PROGRAM");

    assert_non_null(path);
    return path;
}

static struct pty *open_as(const struct stage *stage, const char *who, const char *command, const char *flag)
{
    const char *argv[] = {program(),    command, "--control", stage->fixture.conninfo,
                          "--operator", who,     flag,        NULL};
    struct pty_options options = {argv, NULL, 100, 30};

    return pty_start(&options);
}

static struct pty *open_program(const struct stage *stage, const char *command, const char *flag)
{
    return open_as(stage, "amy", command, flag);
}

/* A migration in phase pending with a living owner, and the console on it. */
static void stage_open(struct stage *stage)
{
    char uuid[TMV_UUID_TEXT];

    control_fixture_open(&stage->fixture);
    control_fixture_own(&stage->fixture);
    snprintf(stage->name, sizeof stage->name, "%.8s", tmv_uuid_format(&stage->fixture.tenant, uuid));
    stage->pty = open_program(stage, "console", "--no-engine");
    pty_wait_text(stage->pty, stage->name);
    pty_wait_text(stage->pty, "LIVE");
}

static void stage_close(struct stage *stage)
{
    pty_free(stage->pty);
    control_fixture_close(&stage->fixture);
}

static int64_t commands(const struct stage *stage)
{
    return support_int(stage->fixture.conn,
                       "SELECT count(*) FROM tenantmv.command WHERE operation <> 'start'");
}

static void p_requests_a_pause_at_once(void **state)
{
    struct stage stage;

    (void)state;
    stage_open(&stage);
    pty_wait_text(stage.pty, "[OPERATE]");
    pty_send_alone(stage.pty, "p");
    pty_wait_text(stage.pty, "requested, waits for its engine");
    assert_int_equal(support_int(stage.fixture.conn,
                                 "SELECT count(*) FROM tenantmv.command WHERE operation = 'pause' "
                                 "AND requested_by = 'amy' AND state = 'requested' AND generation > 0"),
                     1);
    pty_send(stage.pty, "q");
    pty_expect_exit(stage.pty, 0);
    stage_close(&stage);
}

/* Reads until a console says what became of its command. */
static bool wait_outcome(struct pty *pty)
{
    for (int i = 0; i < 300; i++) {
        if (pty_shows(pty, "refused: ") || pty_shows(pty, "requested, waits for its engine"))
            return true;
        pty_settle(pty, 50);
    }
    return false;
}

static void of_two_consoles_one_wins_and_the_other_is_told(void **state)
{
    struct stage stage;
    struct pty *bob, *winner, *loser;
    char *by;

    (void)state;
    stage_open(&stage);
    bob = open_as(&stage, "bob", "console", "--no-engine");
    pty_wait_text(bob, stage.name);
    pty_wait_text(bob, "LIVE");
    pty_send_alone(stage.pty, "p");
    pty_send_alone(bob, "p");
    assert_true(wait_outcome(stage.pty));
    assert_true(wait_outcome(bob));
    by = support_text(stage.fixture.conn,
                      "SELECT requested_by FROM tenantmv.command WHERE operation = 'pause'");
    assert_int_equal(commands(&stage), 1);
    winner = strcmp(by, "amy") == 0 ? stage.pty : bob;
    loser = winner == bob ? stage.pty : bob;
    pty_wait_text(winner, "requested, waits for its engine");
    /* already, or a moment ago: by whom it is said either way */
    pty_wait_text(loser, "refused: ");
    pty_wait_text(loser, by);
    free(by);
    pty_free(bob);
    stage_close(&stage);
}

/* Whoever wants to do something to a migration sees that somebody else is about to. */
static void a_dialog_is_seen_on_other_consoles(void **state)
{
    struct stage stage;
    struct pty *bob;

    (void)state;
    stage_open(&stage);
    bob = open_as(&stage, "bob", "console", "--no-engine");
    pty_wait_text(bob, stage.name);
    pty_wait_text(bob, "LIVE");
    pty_send_alone(stage.pty, "x");
    pty_wait_text(stage.pty, "ABORT");
    pty_wait_text(bob, "amy: abort dialog open"); /* fleet */
    pty_send(bob, "\r");
    pty_wait_text(bob, "[2 Migration]");
    pty_wait_text(bob, "amy: abort dialog open");
    pty_send_alone(bob, "x");
    pty_wait_text(bob, "ABORT");
    pty_wait_text(bob, "amy: abort dialog open");
    pty_wait_text(stage.pty, "bob: abort dialog open"); /* and not that amy has one */
    assert_false(pty_shows(stage.pty, "amy: abort"));
    /* it goes with the dialog, and with the console */
    pty_send(stage.pty, "\033");
    pty_wait_text(stage.pty, "nothing was sent");
    support_wait_until(stage.fixture.conn, "SELECT array_agg(operator) = '{bob}' FROM tenantmv.dialog");
    pty_hang_up(bob);
    pty_wait_exit(bob);
    support_wait_until(stage.fixture.conn, "SELECT count(*) = 0 FROM tenantmv.dialog");
    assert_int_equal(commands(&stage), 0);
    pty_free(bob);
    stage_close(&stage);
}

static void a_frozen_display_does_not_act(void **state)
{
    struct stage stage;

    (void)state;
    stage_open(&stage);
    pty_send(stage.pty, "f");
    pty_wait_text(stage.pty, "[FROZEN]");
    pty_send_alone(stage.pty, "p");
    pty_wait_text(stage.pty, "the display is frozen");
    assert_int_equal(commands(&stage), 0);
    stage_close(&stage);
}

static void a_bulk_pause_names_all_and_can_be_cancelled(void **state)
{
    struct stage stage;

    (void)state;
    stage_open(&stage);
    pty_send(stage.pty, " ");
    pty_wait_text(stage.pty, "1 marked");
    pty_wait_text(stage.pty, "(c cutover");
    pty_send_alone(stage.pty, "p");
    pty_wait_text(stage.pty, "pause 1 of 1 marked");
    assert_int_equal(commands(&stage), 0);
    pty_wait_text(stage.pty, stage.name);
    pty_send(stage.pty, "\033");
    pty_wait_text(stage.pty, "nothing was sent");
    pty_wait_text(stage.pty, "1 marked"); /* cancelling keeps the marks */
    assert_int_equal(commands(&stage), 0);
    stage_close(&stage);
}

static void copies_to_the_clipboard_of_the_terminal(void **state)
{
    struct stage stage;

    (void)state;
    stage_open(&stage);
    pty_send(stage.pty, "y");
    pty_wait_bytes(stage.pty, "\033]52;c;");
    pty_wait_text(stage.pty, "clipboard");
    assert_int_equal(commands(&stage), 0);
    stage_close(&stage);
}

static void the_history_keeps_what_was_said(void **state)
{
    struct stage stage;

    (void)state;
    stage_open(&stage);
    pty_send_alone(stage.pty, "c");
    pty_wait_text(stage.pty, "cutover is not possible in pending");
    pty_send(stage.pty, "w");
    pty_wait_text(stage.pty, "columns:");
    pty_send(stage.pty, "\007");
    pty_wait_text(stage.pty, "newest first");
    pty_wait_text(stage.pty, "cutover is not possible in pending");
    stage_close(&stage);
}

/* Typed into the palette, and done when it is there to be read: in one piece it would be taken for a paste.
 */
static void command(const struct stage *stage, const char *words)
{
    pty_send(stage->pty, words);
    pty_wait_text(stage->pty, words + 1);
    pty_send_alone(stage->pty, "\r");
}

/* Limits are in the settings at once, and the record says who changed what; no engine has to take them up. */
static void the_palette_limits_the_copy(void **state)
{
    struct stage stage;

    (void)state;
    stage_open(&stage);
    command(&stage, ":throttle soon");
    pty_wait_text(stage.pty, "throttle wants one of: EVENTS | N MB | N workers | none");
    command(&stage, ":throttle 5000");
    pty_wait_text(stage.pty, "done: 5,000 events/s, of any size, 2 workers");
    command(&stage, ":throttle 20 MB");
    pty_wait_text(stage.pty, "done: 5,000 events/s, 20 MB/s, 2 workers");
    command(&stage, ":throttle 999 workers");
    pty_wait_text(stage.pty, "copy_workers");
    command(&stage, ":throttle none");
    pty_wait_text(stage.pty, "done: any number of events, of any size, 2 workers");
    assert_int_equal(commands(&stage), 0);
    assert_int_equal(support_int(stage.fixture.conn,
                                 "SELECT count(*) FROM public.migration_audit_log WHERE operator = 'amy' AND "
                                 "details::text LIKE '%%max_bulk_copy_%%'"),
                     3);
    stage_close(&stage);
}

static void the_palette_completes_and_searches(void **state)
{
    struct stage stage;

    (void)state;
    stage_open(&stage);
    pty_send(stage.pty, ":so");
    pty_wait_text(stage.pty, "orders the fleet");
    pty_send(stage.pty, "\tte\r");
    pty_wait_text(stage.pty, "sort: tenant");
    pty_send(stage.pty, ":nonsense\r");
    pty_wait_text(stage.pty, "no command \"nonsense\"");
    pty_send(stage.pty, "?/clipboard");
    pty_wait_text(stage.pty, "copies to the terminal's clipboard");
    pty_wait_no_text(stage.pty, "stops at the next safe point");
    stage_close(&stage);
}

/* Opens the abort dialog and fills it in, one key at a time, until it is armed. */
static void arm_abort(struct stage *stage)
{
    pty_send_alone(stage->pty, "x");
    pty_wait_text(stage->pty, "type the name first");
    /* the dialog is deaf for a moment: type until it hears */
    while (!pty_shows(stage->pty, "name does not match yet")) {
        pty_send_alone(stage->pty, "#");
        pty_wait_text(stage->pty, "paste is off");
    }
    pty_send(stage->pty, "\025");
    pty_wait_text(stage->pty, "type the name first");
    pty_send(stage->pty, stage->name);
    pty_wait_text(stage->pty, "give a reason");
    pty_send(stage->pty, "\r");
    pty_send(stage->pty, "wrong target");
    pty_wait_text(stage->pty, "wrong target");
    pty_wait_text(stage->pty, "[ Arm ]");
    pty_send(stage->pty, "\r\r");
    pty_wait_text(stage->pty, "ARMED");
    assert_int_equal(commands(stage), 0);
}

static void abort_is_sent_when_the_countdown_has_ended(void **state)
{
    struct stage stage;

    (void)state;
    stage_open(&stage);
    arm_abort(&stage);
    pty_wait_text(stage.pty, "requested, waits for its engine");
    assert_int_equal(support_int(stage.fixture.conn,
                                 "SELECT count(*) FROM tenantmv.command WHERE operation = 'abort' "
                                 "AND reason = 'wrong target' AND requested_by = 'amy'"),
                     1);
    stage_close(&stage);
}

static void any_key_cancels_the_countdown(void **state)
{
    struct stage stage;

    (void)state;
    stage_open(&stage);
    arm_abort(&stage);
    pty_send(stage.pty, "\033[A"); /* an arrow is a key too */
    pty_wait_text(stage.pty, "Countdown cancelled");
    pty_send(stage.pty, "\033");
    pty_wait_text(stage.pty, "nothing was sent");
    assert_int_equal(commands(&stage), 0);
    stage_close(&stage);
}

static void a_hang_up_during_the_countdown_sends_nothing(void **state)
{
    struct stage stage;

    (void)state;
    stage_open(&stage);
    arm_abort(&stage);
    pty_hang_up(stage.pty);
    pty_expect_exit(stage.pty, 128 + SIGHUP);
    assert_int_equal(commands(&stage), 0);
    stage_close(&stage);
}

static void what_the_phase_forbids_is_in_parentheses_and_says_why(void **state)
{
    struct stage stage;

    (void)state;
    stage_open(&stage);
    pty_wait_text(stage.pty, "(c cutover");
    pty_send_alone(stage.pty, "c");
    pty_wait_text(stage.pty, "cutover is not possible in pending");
    assert_int_equal(commands(&stage), 0);
    stage_close(&stage);
}

static void watch_has_no_key_that_acts(void **state)
{
    static const char keys[] = "pxacrvu";
    struct stage stage;

    (void)state;
    stage_open(&stage);
    pty_free(stage.pty);
    stage.pty = open_program(&stage, "watch", NULL);
    pty_wait_text(stage.pty, stage.name);
    pty_wait_text(stage.pty, "[READ-ONLY]");
    assert_false(pty_shows(stage.pty, "pause"));
    for (const char *key = keys; *key != '\0'; key++)
        pty_send(stage.pty, (char[]){*key, '\0'});
    for (int i = 0; i < action_count(); i++) { /* nor a name */
        char command[80];
        if (action_at(i)->group != GROUP_ACT)
            continue;
        snprintf(command, sizeof command, ":%s\r", action_at(i)->name);
        pty_send(stage.pty, command);
        pty_wait_text(stage.pty, "read only: this console cannot change anything");
        pty_send(stage.pty, ":freeze\r:freeze\r");
    }
    pty_send(stage.pty, "?"); /* the last key has been heard when this one has */
    pty_wait_text(stage.pty, "/ search");
    assert_int_equal(commands(&stage), 0);
    stage_close(&stage);
}

/* From another database: none can close itself. */
static void allow_connections(const struct stage *stage, bool allowed)
{
    char elsewhere[CLUSTER_CONNINFO_MAX];
    char *name = support_text(stage->fixture.conn, "SELECT current_database()");
    struct pgx_conn *conn;

    support_database(support_cluster("source", NULL), elsewhere);
    conn = support_connect(elsewhere);
    support_sql(conn, "ALTER DATABASE \"%s\" ALLOW_CONNECTIONS %s", name, allowed ? "true" : "false");
    pgx_close(conn);
    free(name);
}

static void keeps_the_last_picture_when_the_database_goes_away(void **state)
{
    struct stage stage;

    (void)state;
    stage_open(&stage);
    allow_connections(&stage, false);
    support_sql(stage.fixture.conn, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                                    "WHERE datname = current_database() AND pid <> pg_backend_pid()");
    pty_wait_text(stage.pty, "OFFLINE");
    pty_wait_text(stage.pty, stage.name);
    pty_send(stage.pty, "?");
    pty_wait_text(stage.pty, "/ search");
    pty_send(stage.pty, "?");
    allow_connections(&stage, true);
    pty_wait_text(stage.pty, "LIVE");
    stage_close(&stage);
}

static void a_script_saves_what_the_keys_show(void **state)
{
    char script[300], picture[300], command[900], text[8000] = "";
    struct stage stage;
    FILE *file;

    (void)state;
    stage_open(&stage);
    snprintf(script, sizeof script, "%s/script", support_temporary_dir());
    snprintf(picture, sizeof picture, "%s/picture", support_temporary_dir());
    file = fopen(script, "w");
    assert_non_null(file);
    fprintf(
        file,
        "# keys of a test\nsize 90x20\nclock 1795356151\nwait-idle\nkey Enter\nwait-text Fleet ›\nsave %s\n",
        picture);
    fclose(file);
    snprintf(command, sizeof command, "'%s' console --no-engine --control '%s' --script '%s'", program(),
             stage.fixture.conninfo, script);
    assert_int_equal(system(command), 0);
    file = fopen(picture, "r");
    assert_non_null(file);
    assert_true(fread(text, 1, sizeof text - 1, file) > 0);
    fclose(file);
    assert_non_null(strstr(text, stage.name));
    assert_non_null(strstr(text, "14:02:31Z"));
    assert_non_null(strstr(text, "cutover gates"));
    stage_close(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(p_requests_a_pause_at_once),
        cmocka_unit_test(of_two_consoles_one_wins_and_the_other_is_told),
        cmocka_unit_test(a_dialog_is_seen_on_other_consoles),
        cmocka_unit_test(a_frozen_display_does_not_act),
        cmocka_unit_test(a_bulk_pause_names_all_and_can_be_cancelled),
        cmocka_unit_test(copies_to_the_clipboard_of_the_terminal),
        cmocka_unit_test(the_history_keeps_what_was_said),
        cmocka_unit_test(the_palette_completes_and_searches),
        cmocka_unit_test(the_palette_limits_the_copy),
        cmocka_unit_test(abort_is_sent_when_the_countdown_has_ended),
        cmocka_unit_test(any_key_cancels_the_countdown),
        cmocka_unit_test(a_hang_up_during_the_countdown_sends_nothing),
        cmocka_unit_test(what_the_phase_forbids_is_in_parentheses_and_says_why),
        cmocka_unit_test(watch_has_no_key_that_acts),
        cmocka_unit_test(keeps_the_last_picture_when_the_database_goes_away),
        cmocka_unit_test(a_script_saves_what_the_keys_show),
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}
