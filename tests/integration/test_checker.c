/* The demo's checker must see what it is there for: every kind of damage is done to a store and must be
 * found. */
#include <stdio.h>
#include <string.h>

#include "demo/checker.h"
#include "demo/journal.h"
#include "support/support.h"
#include "test.h"

#define STREAMS 10
#define VERSIONS 5
#define TOLD 3 /* versions of the first stream from here on were told to a writer */

struct scene {
    struct pgx_conn *conn;
    struct tmv_uuid tenant;
    struct journal *journal;
    struct check_request request;
    char database[64];
    int told;
};

/* A store with a history, of which the last versions of every stream stand in the journal. */
static void set_scene(struct scene *s)
{
    struct cluster *cluster = support_cluster("source", NULL);
    struct tmv_store_info store;
    struct tmv_error err = {0};
    AUTO_RESULT struct pgx_result *rows = NULL;

    memset(s, 0, sizeof *s);
    s->tenant = tmv_uuid_random();
    support_store(cluster, "shared", false, &store);
    s->conn = support_connect(store.conninfo);
    support_fill(s->conn, &s->tenant, STREAMS, VERSIONS);
    assert_done(journal_open(support_temporary_dir(), 1, &s->journal, &err), &err);
    assert_done(pgx_query(s->conn, SUPPORT_TIMEOUT_US,
                          "SELECT event_id, aggregate_id, version, global_position FROM public.events "
                          "WHERE version >= $1 ORDER BY global_position",
                          PGX_ARGS(PGX_INT(TOLD)), &rows, &err),
                &err);
    for (int i = 0; i < pgx_rows(rows); i++) {
        struct journal_entry entry = {.event = pgx_uuid(rows, i, 0),
                                      .stream = pgx_uuid(rows, i, 1),
                                      .kind = "Order",
                                      .version = pgx_int(rows, i, 2),
                                      .position = i % 2 ? pgx_int(rows, i, 3) : 0,
                                      .known = true};

        journal_add(s->journal, 0, &entry);
    }
    s->told = pgx_rows(rows);
    assert_int_equal(s->told, STREAMS * (VERSIONS - TOLD + 1));
    snprintf(s->database, sizeof s->database, "%s", pgx_database(s->conn));
    s->request = (struct check_request){
        cluster, s->database, &s->tenant, journal_path(s->journal, 0), STREAMS * (TOLD - 1), true};
}

static struct check_result check(struct scene *s)
{
    struct check_result result;
    struct tmv_error err = {0};

    assert_done(journal_flush(s->journal, 0, &err), &err);
    assert_done(checker_run(&s->request, &result, &err), &err);
    return result;
}

static void leave_scene(struct scene *s)
{
    pgx_close(s->conn);
    journal_close(s->journal);
}

static void finds_nothing_in_an_undamaged_store(void **state)
{
    struct scene s;
    struct check_result r;
    struct tmv_error err = {0};
    int64_t last;

    (void)state;
    set_scene(&s);
    r = check(&s);
    assert_int_equal(r.lost, 0);
    assert_int_equal(r.duplicated, 0);
    assert_int_equal(r.out_of_order, 0);
    assert_int_equal(r.events, STREAMS * VERSIONS);
    assert_done(checker_last_position(s.request.cluster, s.database, &s.tenant, &last, &err), &err);
    assert_int_equal(last, STREAMS * VERSIONS);
    leave_scene(&s);
}

/* What is done to the store, and which figure must tell. */
static const struct {
    const char *damage;
    int lost, duplicated, disordered; /* at least */
} damages[] = {
    /* the last event of a stream, which somebody was told of: nothing else would miss it */
    {"DELETE FROM public.events WHERE ctid = (SELECT ctid FROM public.events WHERE version = 5 LIMIT 1)", 1,
     0, 0},
    /* one that nobody was told of */
    {"DELETE FROM public.events WHERE ctid = (SELECT ctid FROM public.events WHERE version = 1 LIMIT 1)", 1,
     0, 0},
    {"ALTER TABLE public.events DROP CONSTRAINT events_event_id_key, DROP CONSTRAINT "
     "uq_events_aggregate_version; "
     "INSERT INTO public.events (event_id, aggregate_id, aggregate_type, event_type, tenant_id, version, "
     "\"timestamp\", "
     "payload) SELECT event_id, aggregate_id, aggregate_type, event_type, tenant_id, version, \"timestamp\", "
     "payload "
     "FROM public.events WHERE version = 4 LIMIT 1",
     0, 1, 1},
    /* an event that nobody was told of */
    {"INSERT INTO public.events (event_id, aggregate_id, aggregate_type, event_type, tenant_id, version, "
     "\"timestamp\", "
     "payload) SELECT gen_random_uuid(), gen_random_uuid(), 'Order', 'OrderChanged', tenant_id, 1, now(), "
     "'{}' "
     "FROM public.events LIMIT 1",
     0, 1, 0},
    /* somebody else's event in a dedicated store */
    {"INSERT INTO public.events (event_id, aggregate_id, aggregate_type, event_type, tenant_id, version, "
     "\"timestamp\", "
     "payload) VALUES (gen_random_uuid(), gen_random_uuid(), 'Order', 'OrderChanged', gen_random_uuid(), 1, "
     "now(), '{}')",
     0, 1, 0},
    /* two events of one stream change places */
    {"UPDATE public.events SET global_position = -global_position WHERE version IN (2, 3); "
     "UPDATE public.events AS a SET global_position = -b.global_position FROM public.events AS b "
     "WHERE a.aggregate_id = b.aggregate_id AND a.version + b.version = 5 AND a.version IN (2, 3)",
     0, 0, 1},
    /* a position other than the one the writer was told, which changes no order: the last event moves up */
    {"UPDATE public.events SET global_position = global_position + 1000 WHERE global_position = 50", 0, 0, 1},
    {"UPDATE public.events SET version = version + 1 WHERE version = 5", 0, 0, 1},
    {"UPDATE public.events SET aggregate_id = gen_random_uuid(), version = 1 WHERE global_position = 50", 0,
     0, 1},
};

static void finds_every_kind_of_damage(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        struct scene s;
        struct check_result r;

        set_scene(&s);
        support_sql(s.conn, "%s", damages[i].damage);
        r = check(&s);
        if (r.lost < damages[i].lost || r.duplicated < damages[i].duplicated ||
            r.out_of_order < damages[i].disordered)
            fail_msg("damage %zu: lost %d, duplicated %d, out of order %d", i, (int)r.lost, (int)r.duplicated,
                     (int)r.out_of_order);
        if (!damages[i].lost)
            assert_int_equal(r.lost, 0);
        leave_scene(&s);
    }
}

static void takes_an_unknown_write_either_way(void **state)
{
    struct journal_entry absent = {.event = tmv_uuid_random(),
                                   .stream = tmv_uuid_random(),
                                   .kind = "Order",
                                   .version = 1,
                                   .known = false};
    struct journal_entry present = absent;
    char event[TMV_UUID_TEXT], stream[TMV_UUID_TEXT], tenant[TMV_UUID_TEXT];
    struct scene s;
    struct check_result r;

    (void)state;
    set_scene(&s);
    present.event = tmv_uuid_random();
    present.stream = tmv_uuid_random();
    support_sql(
        s.conn,
        "INSERT INTO public.events (event_id, aggregate_id, aggregate_type, event_type, tenant_id, version, "
        "\"timestamp\", payload) VALUES ('%s', '%s', 'Order', 'OrderPlaced', '%s', 1, now(), '{}')",
        tmv_uuid_format(&present.event, event), tmv_uuid_format(&present.stream, stream),
        tmv_uuid_format(&s.tenant, tenant));
    journal_add(s.journal, 0, &absent);
    journal_add(s.journal, 0, &present);
    r = check(&s);
    assert_int_equal(r.lost, 0);
    assert_int_equal(r.duplicated, 0);
    assert_int_equal(r.out_of_order, 0);
    assert_int_equal(r.unknown_found, 1);
    leave_scene(&s);
}

static void finds_answers_that_went_backwards(void **state)
{
    struct journal_entry entry = {.stream = tmv_uuid_random(), .kind = "Order", .known = true};
    struct scene s;

    (void)state;
    set_scene(&s);
    for (int version = 2; version >= 1; version--) {
        entry.event = tmv_uuid_random();
        entry.version = version;
        journal_add(s.journal, 0, &entry);
    }
    assert_true(check(&s).out_of_order >= 1);
    leave_scene(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_nothing_in_an_undamaged_store),
        cmocka_unit_test(finds_every_kind_of_damage),
        cmocka_unit_test(takes_an_unknown_write_either_way),
        cmocka_unit_test(finds_answers_that_went_backwards),
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}
