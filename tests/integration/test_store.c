/* Appends and reads of one store, on real servers: plain and partitioned tables, and tables that users
 * changed. */
#include "test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "store/events.h"
#include "support/support.h"

#define WAIT_US (30 * 1000 * 1000LL)

/* One store and a connection to it. */
struct bed {
    struct tmv_store_info info;
    struct pgx_conn *conn;
    struct store_shape shape;
};

static void open_bed(struct bed *bed, bool partitioned, const char *changes)
{
    struct tmv_error err = {0};

    support_store(support_cluster("store", NULL), "shared", partitioned, &bed->info);
    bed->conn = support_connect(bed->info.conninfo);
    if (changes)
        support_sql(bed->conn, "SET search_path = public; %s; SET search_path = pg_catalog", changes);
    assert_done(store_shape_discover(bed->conn, "public", "events", &bed->shape, &err), &err);
}

static void close_bed(struct bed *bed)
{
    pgx_close(bed->conn);
}

static struct tmv_stream new_stream(void)
{
    return (struct tmv_stream){
        .tenant = tmv_uuid_random(), .aggregate = tmv_uuid_random(), .aggregate_type = "Order"};
}

static struct tmv_new_event new_event(const char *payload)
{
    return (struct tmv_new_event){.id = tmv_uuid_random(), .type = "OrderPlaced", .payload = payload};
}

static bool append_one(struct bed *bed, const struct tmv_stream *stream, int64_t expected,
                       const struct tmv_new_event *event, struct tmv_error *err)
{
    struct store_append what = {.stream = stream, .expected = expected, .events = event, .count = 1};
    struct store_appended appended;

    return store_append(bed->conn, &bed->shape, &what, WAIT_US, &appended, err);
}

/* ---- shape ---- */

static void discovers_columns_types_and_the_sequence(void **state)
{
    struct bed bed;
    const struct store_column *c;

    (void)state;
    open_bed(&bed, false,
             "CREATE DOMAIN cents AS numeric(12,2) DEFAULT 0; CREATE DOMAIN price AS cents NOT NULL;"
             "ALTER TABLE events ADD COLUMN amount price, ADD COLUMN \"odd \"\"name\" text,"
             " ADD COLUMN size integer GENERATED ALWAYS AS (length(event_type)) STORED, ADD COLUMN gone int;"
             "ALTER TABLE events DROP COLUMN gone");
    assert_string_equal(bed.shape.events, "\"public\".\"events\"");
    assert_string_equal(bed.shape.sequence, "\"public\".\"events_global_position_seq\"");
    assert_false(bed.shape.partitioned);
    assert_int_equal(bed.shape.leaf_count, 0);
    assert_int_equal(bed.shape.column_count, 15);
    c = store_shape_column(&bed.shape, "amount");
    assert_non_null(c);
    assert_string_equal(c->type, "numeric(12,2)");
    assert_string_equal(c->send, "numeric_send");
    assert_true(c->not_null);
    assert_true(c->has_default);
    c = store_shape_column(&bed.shape, "size");
    assert_true(c->generated);
    assert_false(c->has_default);
    assert_null(store_shape_column(&bed.shape, "gone"));
    AUTO(buf) struct buf list = BUF_INIT(2000);
    store_copied_columns(&bed.shape, &bed.shape, "s", &list);
    assert_non_null(strstr(buf_text(&list), "s.\"global_position\", s.\"event_id\""));
    assert_non_null(strstr(buf_text(&list), "s.\"odd \"\"name\""));
    assert_null(strstr(buf_text(&list), "size"));
    assert_null(strstr(buf_text(&list), "txid"));
    assert_string_equal(buf_text(&list) + list.len - strlen(", NULL"), ", NULL");
    assert_ptr_equal(store_shape_transaction(&bed.shape), store_shape_column(&bed.shape, "txid"));
    AUTO(buf) struct buf filled = BUF_INIT(2000);
    store_filled_columns(&bed.shape, &bed.shape, &filled);
    assert_string_equal(buf_text(&filled) + filled.len - strlen(", \"txid\""), ", \"txid\"");
    close_bed(&bed);
}

static void knows_a_transaction_id_by_its_type_and_default(void **state)
{
    static const struct {
        const char *change;
        bool is_one;
    } cases[] = {
        {"ALTER TABLE events ALTER txid DROP DEFAULT", false},
        {"ALTER TABLE events ALTER txid SET DEFAULT '3'", false},
        {"ALTER TABLE events DROP txid; ALTER TABLE events ADD txid bigint DEFAULT 3", false},
        {"ALTER TABLE events DROP txid; ALTER TABLE events ADD txid text DEFAULT pg_current_xact_id()::text",
         false},
        {"ALTER TABLE events DROP txid; CREATE DOMAIN who AS xid8;"
         "ALTER TABLE events ADD txid who DEFAULT pg_current_xact_id() NOT NULL",
         true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bed bed;

        open_bed(&bed, false, cases[i].change);
        const struct store_column *c = store_shape_column(&bed.shape, "txid");
        assert_non_null(c);
        if (c->local_only != cases[i].is_one)
            fail_msg("%s", cases[i].change);
        assert_ptr_equal(store_shape_transaction(&bed.shape), cases[i].is_one ? c : NULL);
        close_bed(&bed);
    }
}

static void lists_the_leaves_of_a_partitioned_table(void **state)
{
    struct bed bed;

    (void)state;
    open_bed(&bed, true, NULL);
    assert_true(bed.shape.partitioned);
    assert_string_equal(bed.shape.sequence, "\"public\".\"events_global_position_seq\"");
    assert_int_equal(bed.shape.leaf_count,
                     support_int(bed.conn, "SELECT count(*) FROM pg_inherits WHERE inhparent = %u",
                                 bed.shape.relation_oid));
    assert_true(bed.shape.leaf_count > 1);
    close_bed(&bed);
}

static void finds_no_sequence_behind_another_default(void **state)
{
    static const char *const defaults[] = {
        "ALTER TABLE events ALTER global_position DROP DEFAULT",
        "ALTER TABLE events ALTER global_position SET DEFAULT 2 * nextval('events_global_position_seq')",
        "CREATE SEQUENCE other; ALTER TABLE events ALTER global_position SET DEFAULT"
        " nextval('events_global_position_seq') + nextval('other')",
        "ALTER TABLE events ALTER global_position SET DEFAULT "
        "nextval('public.events_global_position_seq'::text)",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(defaults); i++) {
        struct bed bed;

        open_bed(&bed, false, defaults[i]);
        assert_string_equal(bed.shape.sequence, "");
        close_bed(&bed);
    }
}

static void refuses_a_table_that_is_not_an_events_table(void **state)
{
    struct bed bed;
    struct store_shape shape;
    struct tmv_error err = {0};

    (void)state;
    open_bed(&bed, false, "CREATE VIEW seen AS SELECT * FROM events; CREATE TABLE half (event_id uuid)");
    assert_fails(store_shape_discover(bed.conn, "public", "nothing", &shape, &err), &err, TMV_ERR_REFUSED);
    assert_non_null(strstr(err.message, "public.nothing"));
    assert_fails(store_shape_discover(bed.conn, "public", "seen", &shape, &err), &err, TMV_ERR_REFUSED);
    assert_fails(store_shape_discover(bed.conn, "public", "half", &shape, &err), &err, TMV_ERR_REFUSED);
    assert_non_null(strstr(err.message, "lacks global_position, aggregate_id"));
    close_bed(&bed);
}

static void creates_the_events_table_once_and_sees_it(void **state)
{
    struct tmv_store_info info = {.id = "fresh"};
    char conninfo[CLUSTER_CONNINFO_MAX];
    struct tmv_store_facts facts;
    struct tmv_error err = {0};

    (void)state;
    support_database(support_cluster("store", NULL), conninfo);
    snprintf(info.conninfo, sizeof info.conninfo, "%s", conninfo);
    assert_done(tmv_store_check(&info, &facts, &err), &err);
    assert_false(facts.has_events);
    assert_done(tmv_store_create_events(&info, &err), &err);
    assert_done(tmv_store_check(&info, &facts, &err), &err);
    assert_true(facts.has_events);
    assert_false(facts.partitioned);
    assert_false(facts.read_only);
    assert_false(facts.guard_ready);
    assert_int_equal(facts.columns, 12);
    assert_fails(tmv_store_create_events(&info, &err), &err, TMV_ERR_SQL);
    assert_non_null(strstr(err.hint, "there already"));
    struct pgx_conn *conn = support_connect(conninfo);
    assert_true(support_int(conn, "SELECT public.eventsource_feed_horizon()::bigint") > 0);
    pgx_close(conn);
}

static void fails_clearly_when_a_store_cannot_be_reached(void **state)
{
    struct tmv_store_info info = {.id = "away", .conninfo = "host=/nowhere dbname=x"};
    struct tmv_store_facts facts;
    struct tmv_error err = {0};

    (void)state;
    assert_fails(tmv_store_check(&info, &facts, &err), &err, TMV_ERR_UNREACHABLE);
    assert_non_null(strstr(err.message, "store away"));
    assert_true(err.hint[0]);
}

/* ---- append ---- */

static void holds_each_expectation(void **state)
{
    static const struct {
        int64_t expected;
        bool fresh_holds, existing_holds; /* existing: the stream is at version 2 */
    } cases[] = {
        {TMV_EXPECT_ANY, true, true},
        {TMV_EXPECT_NO_STREAM, true, false},
        {TMV_EXPECT_STREAM_EXISTS, false, true},
        {0, true, false},
        {2, false, true},
        {1, false, false},
        {3, false, false},
    };

    (void)state;
    for (int partitioned = 0; partitioned < 2; partitioned++) {
        struct bed bed;

        open_bed(&bed, partitioned, NULL);
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
            struct tmv_new_event events[] = {new_event("{}"), new_event("{}"), new_event("{}")};
            struct tmv_stream fresh = new_stream(), existing = new_stream();
            struct tmv_error err = {0};
            int64_t version;

            assert_done(append_one(&bed, &existing, TMV_EXPECT_NO_STREAM, &events[0], &err), &err);
            assert_done(append_one(&bed, &existing, 1, &events[1], &err), &err);
            if (append_one(&bed, &existing, cases[i].expected, &events[2], &err) != cases[i].existing_holds)
                fail_msg("case %zu on an existing stream: %s", i, err.message);
            assert_true(cases[i].existing_holds || err.code == TMV_ERR_VERSION);
            assert_done(store_stream_version(bed.conn, &bed.shape, &existing, &version, &err), &err);
            assert_int_equal(version, cases[i].existing_holds ? 3 : 2);
            events[2].id = tmv_uuid_random();
            if (append_one(&bed, &fresh, cases[i].expected, &events[2], &err) != cases[i].fresh_holds)
                fail_msg("case %zu on a fresh stream: %s", i, err.message);
            assert_true(cases[i].fresh_holds || err.code == TMV_ERR_VERSION);
            assert_done(store_stream_version(bed.conn, &bed.shape, &fresh, &version, &err), &err);
            assert_int_equal(version, cases[i].fresh_holds ? 1 : 0);
        }
        close_bed(&bed);
    }
}

struct racer {
    const struct bed *bed;
    const struct tmv_stream *stream;
    pthread_barrier_t *start;
    int won, lost, other;
};

static void *race(void *arg)
{
    struct racer *racer = arg;
    struct bed own = *racer->bed;
    struct pgx_options options = {.conninfo = own.info.conninfo, .part = "racer"};
    struct tmv_error err = {0};

    if (!pgx_connect(&options, &own.conn, &err))
        own.conn = NULL;
    for (int version = 0; version < 20; version++) {
        struct tmv_new_event event = new_event("{}");

        pthread_barrier_wait(racer->start);
        if (append_one(&own, racer->stream, version, &event, &err))
            racer->won++;
        else if (err.code == TMV_ERR_VERSION)
            racer->lost++;
        else
            racer->other++;
        pthread_barrier_wait(racer->start);
    }
    pgx_close(own.conn);
    return NULL;
}

static void lets_one_of_several_racing_writers_win(void **state)
{
    struct bed bed;
    struct tmv_stream stream = new_stream();
    struct racer racers[4];
    pthread_t threads[4];
    pthread_barrier_t start;
    int won = 0, lost = 0;

    (void)state;
    open_bed(&bed, false, NULL);
    pthread_barrier_init(&start, NULL, ARRAY_LEN(racers));
    for (size_t i = 0; i < ARRAY_LEN(racers); i++) {
        racers[i] = (struct racer){.bed = &bed, .stream = &stream, .start = &start};
        assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(racers); i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(racers[i].other, 0);
        won += racers[i].won;
        lost += racers[i].lost;
    }
    pthread_barrier_destroy(&start);
    assert_int_equal(won, 20);
    assert_int_equal(lost, 60);
    close_bed(&bed);
}

static void stores_every_shape_of_payload(void **state)
{
    static const char *const payloads[] = {
        "{}",
        "[]",
        "null",
        "true",
        "1.00",
        "-12345678901234567890.000000000000000001",
        "\"\"",
        "\"NULL\"",
        "{\"a\": {\"b\": [1, 2, {\"c\": null}]}}",
        "{\"text\": \"quote \\\" backslash \\\\ newline \\n tab \\t\"}",
        "{\"naïve\": \"日本語 🙂 Ωμέγα\"}",
        "{\"\": \"empty key\"}",
        "{\"brace\": \"},{\\\"x\\\": 1\"}",
    };
    struct tmv_stream stream = new_stream();
    struct tmv_error err = {0};

    (void)state;
    for (int partitioned = 0; partitioned < 2; partitioned++) {
        struct bed bed;
        struct tmv_event_list list;

        open_bed(&bed, partitioned, NULL);
        for (size_t i = 0; i < ARRAY_LEN(payloads); i++) {
            struct tmv_new_event event = new_event(payloads[i]);

            event.actor = i % 2 ? "Zoë \"the\" \\ {admin}, NULL" : NULL;
            event.timestamp_us = 1700000000123456 + (int64_t)i;
            assert_done(append_one(&bed, &stream, (int64_t)i, &event, &err), &err);
        }
        assert_done(
            store_read_stream(bed.conn, &bed.shape, &(struct store_range){&stream, 0, 100}, &list, &err),
            &err);
        assert_int_equal(list.count, ARRAY_LEN(payloads));
        for (size_t i = 0; i < list.count; i++) {
            AUTO(buf) struct buf literal = BUF_INIT(2000);

            pgx_literal(&literal, payloads[i]);
            char *as_stored = support_text(bed.conn, "SELECT %s::jsonb", buf_text(&literal));
            assert_string_equal(list.events[i].payload, as_stored);
            free(as_stored);
            assert_int_equal(list.events[i].version, i + 1);
            assert_int_equal(list.events[i].timestamp_us, 1700000000123456 + (int64_t)i);
            assert_true(list.events[i].created_at_us > 1700000000123456);
            assert_string_equal(list.events[i].type, "OrderPlaced");
            assert_true(tmv_uuid_equal(&list.events[i].tenant, &stream.tenant));
            if (i % 2)
                assert_string_equal(list.events[i].actor, "Zoë \"the\" \\ {admin}, NULL");
            else
                assert_null(list.events[i].actor);
        }
        tmv_event_list_free(&list);
        close_bed(&bed);
    }
}

static void stores_a_payload_of_a_megabyte(void **state)
{
    struct bed bed;
    struct tmv_stream stream = new_stream();
    struct tmv_event_list list;
    struct tmv_error err = {0};
    AUTO(buf) struct buf payload = BUF_INIT(2 << 20);

    (void)state;
    open_bed(&bed, false, NULL);
    buf_str(&payload, "{\"blob\": \"");
    while (payload.len < 1 << 20)
        buf_printf(&payload, "é%zu\\\\", payload.len);
    buf_str(&payload, "\"}");
    struct tmv_new_event event = new_event(buf_text(&payload));
    assert_done(append_one(&bed, &stream, 0, &event, &err), &err);
    assert_done(store_read_stream(bed.conn, &bed.shape, &(struct store_range){&stream, 0, 100}, &list, &err),
                &err);
    assert_int_equal(list.count, 1);
    assert_string_equal(list.events[0].payload, buf_text(&payload));
    tmv_event_list_free(&list);
    close_bed(&bed);
}

static void refuses_events_that_cannot_be_stored(void **state)
{
    char long_type[300];
    struct bed bed;
    struct tmv_stream stream = new_stream();
    struct tmv_error err = {0};
    int64_t version;

    (void)state;
    open_bed(&bed, false, NULL);
    memset(long_type, 'x', sizeof long_type);
    long_type[sizeof long_type - 1] = '\0';
    struct tmv_new_event bad[] = {new_event("{\"a\":"),
                                  new_event("{}},{\"event\": 2"),
                                  new_event("{\"a\": \"\\u0000\"}"),
                                  new_event(""),
                                  new_event("{}"),
                                  new_event(NULL)};
    bad[4].type = long_type;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_fails(append_one(&bed, &stream, TMV_EXPECT_ANY, &bad[i], &err), &err, TMV_ERR_USAGE);
    assert_done(store_stream_version(bed.conn, &bed.shape, &stream, &version, &err), &err);
    assert_int_equal(version, 0);
    close_bed(&bed);
}

static void appends_several_events_as_a_whole(void **state)
{
    struct bed bed;
    struct tmv_stream stream = new_stream();
    struct tmv_new_event events[50];
    struct store_append what = {
        .stream = &stream, .expected = 0, .events = events, .count = ARRAY_LEN(events)};
    struct store_appended appended;
    struct tmv_event_list list;
    struct tmv_error err = {0};

    (void)state;
    open_bed(&bed, false, NULL);
    for (size_t i = 0; i < ARRAY_LEN(events); i++)
        events[i] = new_event("{}");
    assert_done(store_append(bed.conn, &bed.shape, &what, WAIT_US, &appended, &err), &err);
    assert_int_equal(appended.version, 50);
    assert_null(appended.copy);
    assert_done(store_read_stream(bed.conn, &bed.shape, &(struct store_range){&stream, 10, 20}, &list, &err),
                &err);
    assert_int_equal(list.count, 20);
    for (size_t i = 0; i < list.count; i++) {
        assert_true(tmv_uuid_equal(&list.events[i].id, &events[i + 10].id));
        assert_int_equal(list.events[i].version, i + 11);
        assert_int_equal(list.events[i].position, appended.position + 10 + (int64_t)i);
    }
    tmv_event_list_free(&list);
    /* The last of fifty is a duplicate: none is stored. */
    what.expected = 50;
    for (size_t i = 0; i + 1 < ARRAY_LEN(events); i++)
        events[i] = new_event("{}");
    assert_fails(store_append(bed.conn, &bed.shape, &what, WAIT_US, &appended, &err), &err,
                 TMV_ERR_DUPLICATE);
    assert_int_equal(support_int(bed.conn, "SELECT count(*) FROM public.events"), 50);
    close_bed(&bed);
}

static void tells_duplicates_from_lost_races_in_partitions(void **state)
{
    struct bed bed;
    struct tmv_stream stream = new_stream(), other = new_stream();
    struct tmv_new_event event = new_event("{}");
    struct tmv_error err = {0};

    (void)state;
    open_bed(&bed, true, NULL);
    event.timestamp_us = 1767225600000000;
    assert_done(append_one(&bed, &stream, 0, &event, &err), &err);
    assert_fails(append_one(&bed, &other, 0, &event, &err), &err, TMV_ERR_DUPLICATE);
    /* A rival whose version this writer's snapshot does not show: a trigger puts it there just before the
     * insert. */
    support_sql(
        bed.conn,
        "CREATE FUNCTION public.rival() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN"
        " IF NEW.event_type = 'OrderPlaced' THEN INSERT INTO public.events (event_id, aggregate_id,"
        " aggregate_type, event_type, version, \"timestamp\", payload) VALUES (gen_random_uuid(),"
        " NEW.aggregate_id, NEW.aggregate_type, 'Rival', NEW.version, NEW.\"timestamp\", '{}');"
        " END IF; RETURN NEW; END $f$;"
        "CREATE TRIGGER rival BEFORE INSERT ON public.events FOR EACH ROW EXECUTE FUNCTION public.rival()");
    event.id = tmv_uuid_random();
    assert_fails(append_one(&bed, &stream, 1, &event, &err), &err, TMV_ERR_VERSION);
    close_bed(&bed);
}

static void fills_extra_columns_from_their_defaults(void **state)
{
    struct bed bed;
    struct tmv_stream stream = new_stream();
    struct tmv_new_event event = new_event("{\"n\": 1}");
    struct tmv_error err = {0};

    (void)state;
    open_bed(&bed, false,
             "ALTER TABLE events ADD COLUMN region text NOT NULL DEFAULT 'eu', ADD COLUMN note text,"
             " ADD COLUMN size integer GENERATED ALWAYS AS (length(event_type)) STORED");
    assert_done(append_one(&bed, &stream, 0, &event, &err), &err);
    assert_int_equal(support_int(bed.conn,
                                 "SELECT count(*) FROM public.events WHERE region = 'eu' AND note IS NULL"
                                 " AND size = 11 AND txid IS NOT NULL"),
                     1);
    close_bed(&bed);
}

static void works_on_older_stores_without_transaction_ids(void **state)
{
    struct bed bed;
    struct tmv_stream stream = new_stream();
    struct tmv_new_event event = new_event("{}");
    struct tmv_feed feed = {.tenant = stream.tenant, .limit = 10};
    struct tmv_event_list list;
    struct tmv_error err = {0};

    (void)state;
    open_bed(&bed, false, "ALTER TABLE events DROP COLUMN txid");
    assert_done(append_one(&bed, &stream, 0, &event, &err), &err);
    assert_done(store_read_feed(bed.conn, &bed.shape, &feed, &list, &err), &err);
    assert_int_equal(list.count, 1);
    tmv_event_list_free(&list);
    close_bed(&bed);
}

static void stores_events_without_a_tenant(void **state)
{
    struct bed bed;
    struct tmv_stream stream = new_stream();
    struct tmv_new_event event = new_event("{}");
    struct tmv_error err = {0};
    bool exists;

    (void)state;
    open_bed(&bed, false, NULL);
    stream.tenant = (struct tmv_uuid){0};
    assert_done(append_one(&bed, &stream, 0, &event, &err), &err);
    assert_int_equal(support_int(bed.conn, "SELECT count(*) FROM public.events WHERE tenant_id IS NULL"), 1);
    assert_done(store_event_exists(bed.conn, &bed.shape, &stream.tenant, &event.id, &exists, &err), &err);
    assert_true(exists);
    close_bed(&bed);
}

static void names_the_right_that_is_missing(void **state)
{
    struct bed bed, poor;
    struct tmv_stream stream = new_stream();
    struct tmv_new_event event = new_event("{}");
    char conninfo[TMV_CONNINFO_MAX + 20];
    struct tmv_error err = {0};

    (void)state;
    open_bed(&bed, false, NULL);
    support_sql(bed.conn, "CREATE ROLE poor LOGIN; GRANT SELECT ON public.events TO poor");
    snprintf(conninfo, sizeof conninfo, "%s user=poor", bed.info.conninfo);
    poor = bed;
    poor.conn = support_connect(conninfo);
    assert_fails(append_one(&poor, &stream, 0, &event, &err), &err, TMV_ERR_SQL);
    assert_string_equal(err.sqlstate, "42501");
    assert_non_null(strstr(err.hint, "GRANT SELECT, INSERT ON \"public\".\"events\" TO \"poor\""));
    pgx_close(poor.conn);
    close_bed(&bed);
}

/* ---- the guard's answers, by triggers made by hand ---- */

static void hands_on_what_a_guard_answers(void **state)
{
    struct bed bed;
    struct tmv_stream stream = new_stream();
    struct tmv_new_event event = new_event("{}");
    struct tmv_error err = {0};

    (void)state;
    open_bed(&bed, false, NULL);
    support_sql(
        bed.conn,
        "CREATE FUNCTION public.guard() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN"
        " IF NEW.event_type = 'Closed' THEN RAISE EXCEPTION 'closed' USING ERRCODE = 'TM002'; END IF;"
        " RAISE EXCEPTION 'moved' USING ERRCODE = 'TM001',"
        " DETAIL = '{\"store_id\": \"new home\", \"placement_epoch\": 7}'; END $f$;"
        "CREATE TRIGGER guard BEFORE INSERT ON public.events FOR EACH ROW EXECUTE FUNCTION public.guard()");
    assert_fails(append_one(&bed, &stream, 0, &event, &err), &err, TMV_ERR_MOVED);
    assert_string_equal(err.detail, "{\"store_id\": \"new home\", \"placement_epoch\": 7}");
    event.type = "Closed";
    assert_fails(append_one(&bed, &stream, 0, &event, &err), &err, TMV_ERR_CLOSED);
    close_bed(&bed);
}

static void names_the_epoch_for_its_own_transaction_only(void **state)
{
    struct bed bed;
    struct tmv_stream stream = new_stream();
    struct tmv_new_event event = new_event("{}");
    struct store_append what = {.stream = &stream, .events = &event, .count = 1, .epoch = 42};
    struct store_appended appended;
    struct tmv_error err = {0};

    (void)state;
    open_bed(&bed, false, "ALTER TABLE events ADD COLUMN named text");
    support_sql(
        bed.conn,
        "CREATE FUNCTION public.guard() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN"
        " NEW.named := current_setting('tenantmv.epoch', true); RETURN NEW; END $f$;"
        "CREATE TRIGGER guard BEFORE INSERT ON public.events FOR EACH ROW EXECUTE FUNCTION public.guard()");
    assert_done(store_append(bed.conn, &bed.shape, &what, WAIT_US, &appended, &err), &err);
    assert_int_equal(support_int(bed.conn, "SELECT named FROM public.events"), 42);
    assert_int_equal(support_int(bed.conn, "SELECT length(current_setting('tenantmv.epoch'))"), 0);
    close_bed(&bed);
}

static void warms_up_without_writing(void **state)
{
    struct bed bed;
    struct tmv_stream stream = new_stream();
    struct store_append what = {.stream = &stream, .expected = TMV_EXPECT_ANY};
    struct store_appended appended;
    struct tmv_error err = {0};

    (void)state;
    open_bed(&bed, false, NULL);
    assert_done(store_append(bed.conn, &bed.shape, &what, WAIT_US, &appended, &err), &err);
    assert_int_equal(support_int(bed.conn, "SELECT count(*) FROM public.events"), 0);
    close_bed(&bed);
}

/* ---- lost answers ---- */

static void says_unknown_when_the_answer_is_lost(void **state)
{
    struct bed bed;
    struct tmv_stream stream = new_stream();
    struct tmv_new_event event = new_event("{}");
    struct store_append what = {.stream = &stream, .events = &event, .count = 1};
    struct store_appended appended;
    struct tmv_error err = {0};
    struct pgx_conn *other;
    bool found;

    (void)state;
    open_bed(&bed, false, NULL);
    other = support_connect(bed.info.conninfo);
    what.count = 0;
    assert_done(store_append(bed.conn, &bed.shape, &what, WAIT_US, &appended, &err), &err);
    what.count = 1;
    support_sql(other, "SELECT pg_terminate_backend(%d)", pgx_backend_pid(bed.conn));
    assert_fails(store_append(bed.conn, &bed.shape, &what, WAIT_US, &appended, &err), &err, TMV_ERR_UNKNOWN);
    assert_false(pgx_is_usable(bed.conn));
    assert_fails(store_append(bed.conn, &bed.shape, &what, WAIT_US, &appended, &err), &err,
                 TMV_ERR_UNREACHABLE);
    assert_done(store_find_appended(other, &bed.shape, &what, &found, &appended, &err), &err);
    assert_false(found);
    pgx_close(bed.conn);
    bed.conn = other;
    assert_done(append_one(&bed, &stream, 0, &event, &err), &err);
    assert_done(store_find_appended(other, &bed.shape, &what, &found, &appended, &err), &err);
    assert_true(found);
    assert_int_equal(appended.version, 1);
    assert_int_equal(appended.position, support_int(other, "SELECT global_position FROM public.events"));
    close_bed(&bed);
}

static void a_commit_that_is_refused_is_not_a_success(void **state)
{
    struct bed bed;
    struct tmv_stream stream = new_stream();
    struct tmv_new_event event = new_event("{}");
    struct tmv_error err = {0};

    (void)state;
    open_bed(&bed, false, NULL);
    support_sql(bed.conn,
                "CREATE FUNCTION public.late() RETURNS trigger LANGUAGE plpgsql AS"
                " $f$ BEGIN RAISE EXCEPTION 'too late'; END $f$;"
                "CREATE CONSTRAINT TRIGGER late AFTER INSERT ON public.events DEFERRABLE INITIALLY DEFERRED"
                " FOR EACH ROW EXECUTE FUNCTION public.late()");
    assert_fails(append_one(&bed, &stream, 0, &event, &err), &err, TMV_ERR_SQL);
    assert_string_equal(err.message, "too late");
    assert_true(pgx_is_usable(bed.conn));
    assert_int_equal(support_int(bed.conn, "SELECT count(*) FROM public.events"), 0);
    close_bed(&bed);
}

/* ---- reads ---- */

static void keeps_the_feed_behind_open_transactions(void **state)
{
    struct bed bed;
    struct tmv_stream stream = new_stream(), other_type = stream;
    struct tmv_new_event event = new_event("{}");
    struct tmv_feed feed = {.tenant = stream.tenant, .limit = 10};
    struct tmv_event_list list;
    struct tmv_error err = {0};
    struct pgx_conn *slow;
    char text[TMV_UUID_TEXT];

    (void)state;
    open_bed(&bed, false, NULL);
    slow = support_connect(bed.info.conninfo);
    support_sql(
        slow,
        "BEGIN; INSERT INTO public.events (event_id, aggregate_id, aggregate_type, event_type, tenant_id,"
        " version, \"timestamp\", payload) VALUES (gen_random_uuid(), gen_random_uuid(), 'Order', 'Slow',"
        " '%s', 1, now(), '{}')",
        tmv_uuid_format(&stream.tenant, text));
    other_type.aggregate = tmv_uuid_random();
    other_type.aggregate_type = "Invoice";
    assert_done(append_one(&bed, &stream, 0, &event, &err), &err);
    event.id = tmv_uuid_random();
    assert_done(append_one(&bed, &other_type, 0, &event, &err), &err);
    assert_done(store_read_feed(bed.conn, &bed.shape, &feed, &list, &err), &err);
    assert_int_equal(list.count, 0);
    assert_null(list.events);
    support_sql(slow, "COMMIT");
    assert_done(store_read_feed(bed.conn, &bed.shape, &feed, &list, &err), &err);
    assert_int_equal(list.count, 3);
    assert_string_equal(list.events[0].type, "Slow");
    assert_true(list.events[0].position < list.events[1].position);
    feed.after_position = list.events[0].position;
    feed.aggregate_type = "Invoice";
    tmv_event_list_free(&list);
    assert_done(store_read_feed(bed.conn, &bed.shape, &feed, &list, &err), &err);
    assert_int_equal(list.count, 1);
    assert_string_equal(list.events[0].aggregate_type, "Invoice");
    tmv_event_list_free(&list);
    pgx_close(slow);
    close_bed(&bed);
}

static void hands_out_stored_rows_for_a_mirror(void **state)
{
    struct bed bed;
    struct tmv_stream stream = new_stream();
    struct tmv_new_event events[] = {new_event("{\"n\": 1.00}"), new_event("{\"n\": 2}")};
    struct store_append what = {.stream = &stream, .events = events, .count = 2, .want_copy = true};
    struct store_appended appended;
    struct tmv_error err = {0};
    AUTO(buf) struct buf literal = BUF_INIT(20000);

    (void)state;
    open_bed(&bed, false, "ALTER TABLE events ADD COLUMN token uuid DEFAULT gen_random_uuid()");
    assert_done(store_append(bed.conn, &bed.shape, &what, WAIT_US, &appended, &err), &err);
    assert_non_null(appended.copy);
    pgx_literal(&literal, appended.copy);
    assert_int_equal(support_int(bed.conn,
                                 "SELECT count(*) FROM jsonb_array_elements(%s::jsonb) x JOIN public.events e"
                                 " ON e.global_position = (x->>0)::bigint AND e.event_id = (x->>1)::uuid"
                                 " AND e.token = (x->>11)::uuid AND e.created_at = (x->>10)::timestamptz"
                                 " AND e.payload::text = x->>9",
                                 buf_text(&literal)),
                     2);
    free(appended.copy);
    close_bed(&bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(discovers_columns_types_and_the_sequence),
        cmocka_unit_test(knows_a_transaction_id_by_its_type_and_default),
        cmocka_unit_test(lists_the_leaves_of_a_partitioned_table),
        cmocka_unit_test(finds_no_sequence_behind_another_default),
        cmocka_unit_test(refuses_a_table_that_is_not_an_events_table),
        cmocka_unit_test(creates_the_events_table_once_and_sees_it),
        cmocka_unit_test(fails_clearly_when_a_store_cannot_be_reached),
        cmocka_unit_test(holds_each_expectation),
        cmocka_unit_test(lets_one_of_several_racing_writers_win),
        cmocka_unit_test(stores_every_shape_of_payload),
        cmocka_unit_test(stores_a_payload_of_a_megabyte),
        cmocka_unit_test(refuses_events_that_cannot_be_stored),
        cmocka_unit_test(appends_several_events_as_a_whole),
        cmocka_unit_test(tells_duplicates_from_lost_races_in_partitions),
        cmocka_unit_test(fills_extra_columns_from_their_defaults),
        cmocka_unit_test(works_on_older_stores_without_transaction_ids),
        cmocka_unit_test(stores_events_without_a_tenant),
        cmocka_unit_test(names_the_right_that_is_missing),
        cmocka_unit_test(hands_on_what_a_guard_answers),
        cmocka_unit_test(names_the_epoch_for_its_own_transaction_only),
        cmocka_unit_test(warms_up_without_writing),
        cmocka_unit_test(says_unknown_when_the_answer_is_lost),
        cmocka_unit_test(a_commit_that_is_refused_is_not_a_success),
        cmocka_unit_test(keeps_the_feed_behind_open_transactions),
        cmocka_unit_test(hands_out_stored_rows_for_a_mirror),
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}
