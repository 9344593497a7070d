/* Feed readers of a tenant that moves (interop.md "Feed read"): what the gates say about transactions that
 * would make them wait or skip. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "support/life.h"

/* Ready to be cut over to a target whose rows may, or may not, be without a transaction id. */
static int ready(void **state)
{
    (void)state;
    life_prepare(false, false);
    life_begin_and_wait_until_ready();
    return 0;
}

static int ready_where_every_row_has_a_transaction(void **state)
{
    (void)state;
    life_prepare(false, false);
    support_sql(l.on_target, "ALTER TABLE public.events ALTER COLUMN txid SET NOT NULL");
    life_begin_and_wait_until_ready();
    return 0;
}

static int release(void **state)
{
    return life_done(state);
}

/* A session of another database on the target's server that has a transaction id. */
static struct pgx_conn *in_another_database(void)
{
    char conninfo[CLUSTER_CONNINFO_MAX];

    support_database(support_cluster("target", NULL), conninfo);
    struct pgx_conn *conn = support_connect(conninfo);
    support_sql(conn, "BEGIN; SELECT pg_current_xact_id()");
    return conn;
}

static void warns_of_a_transaction_that_feeds_of_the_target_will_wait_for(void **state)
{
    struct pgx_conn *neighbour = in_another_database();
    AUTO_FREE char *name = support_text(neighbour, "SELECT current_database()");

    (void)state;
    life_wait_for(
        "s.gates @? '$[*] ? (@.name == \"target-transactions\" && @.seen like_regex \"^warning\")'");
    AUTO_FREE char *seen =
        support_text(l.on_control, "SELECT jsonb_path_query_first(gates::jsonb, '$[*] ? (@.name == "
                                   "\"target-transactions\")')::text FROM tenantmv.migration_state");
    char pid[80];
    snprintf(pid, sizeof pid, "pid %d in database %s", pgx_backend_pid(neighbour), name);
    if (!strstr(seen, pid) || !strstr(seen, "\"green\": true"))
        fail_msg("%s", seen);
    life_expect(life_ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_DONE, "completed");
    pgx_close(neighbour);
}

static void refuses_the_cutover_where_copied_rows_would_be_read_out_of_order(void **state)
{
    struct pgx_conn *neighbour = in_another_database();

    (void)state;
    support_sql(neighbour, "PREPARE TRANSACTION 'forgotten'");
    life_wait_for("s.gates @? '$[*] ? (@.name == \"target-transactions\" && @.green == false && @.seen "
                  "like_regex \"prepared transaction .forgotten. in database\")'");
    life_expect(life_ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_REFUSED, "target-transactions");
    support_sql(neighbour, "ROLLBACK PREPARED 'forgotten'");
    life_wait_for("s.ready");
    life_expect(life_ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_DONE, "completed");
    life_assert_moved();
    pgx_close(neighbour);
}

#define CASE(name, setup) cmocka_unit_test_setup_teardown(name, setup, release)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(warns_of_a_transaction_that_feeds_of_the_target_will_wait_for, ready),
        CASE(refuses_the_cutover_where_copied_rows_would_be_read_out_of_order,
             ready_where_every_row_has_a_transaction),
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}
