/* The verifier on real servers: whatever differs in a copied column is found, and nothing else is. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/lock.h"
#include "move/verify/verify_worker.h"
#include "support/support.h"

#define TENANT "bda448be-6aa4-4002-8af3-c3b3e2529478"
#define OTHER "00000000-0000-4000-8000-000000000002"
#define WAIT_US (30 * 1000 * 1000LL)

/* Two stores that hold the same events. */
struct bed {
    struct tmv_store_info info[2]; /* source, target */
    struct pgx_conn *conn[2];
    struct store_shape shape[2];
    struct tmv_uuid tenant;
};

/* The same `count` events on both sides (positions 1 …), every tenth of them of another tenant and only on
 * the source. */
static void open_bed(struct bed *bed, bool partitioned_target, int count, const char *changes)
{
    static const char *const names[] = {"source", "target"};
    struct tmv_error err = {0};

    assert_true(tmv_uuid_parse(TENANT, &bed->tenant));
    for (int side = 0; side < 2; side++) {
        support_store(support_cluster("store", NULL), names[side], side == 1 && partitioned_target,
                      &bed->info[side]);
        bed->conn[side] = support_connect(bed->info[side].conninfo);
        if (changes)
            support_sql(bed->conn[side], "SET search_path = public; %s; SET search_path = pg_catalog",
                        changes);
        support_sql(
            bed->conn[side],
            "INSERT INTO public.events (global_position, event_id, aggregate_id, aggregate_type, event_type,"
            " tenant_id, actor_id, version, \"timestamp\", payload, created_at)"
            " SELECT i, md5('e' || i)::uuid, md5('a' || i / 10)::uuid, 'Order', 'OrderPlaced',"
            " CASE WHEN i %% 10 = 0 THEN '%s' ELSE '%s' END::uuid, nullif(i %% 3, 0)::text, i %% 10 + 1,"
            " '2026-01-01Z'::timestamptz + i * interval '1 second',"
            " jsonb_build_object('amount', 1.0, 'text', 'Grüße ' || i), '2026-02-01Z'"
            " FROM generate_series(1, %d) i WHERE %d = 0 OR i %% 10 <> 0",
            OTHER, TENANT, count, side);
        assert_done(store_shape_discover(bed->conn[side], "public", "events", &bed->shape[side], &err), &err);
    }
}

static void close_bed(struct bed *bed)
{
    pgx_close(bed->conn[0]);
    pgx_close(bed->conn[1]);
}

static struct range_digest digest(struct bed *bed, int side, int64_t low, int64_t high)
{
    AUTO(buf) struct buf sql = BUF_INIT(20000);
    AUTO_RESULT struct pgx_result *result = NULL;
    struct range_digest d;
    struct tmv_error err = {0};

    assert_done(verifier_digest_sql(&bed->shape[0], &bed->shape[1], &bed->shape[side], &sql, &err), &err);
    assert_done(pgx_query(bed->conn[side], WAIT_US, buf_text(&sql),
                          PGX_ARGS(PGX_INT(low), PGX_INT(high), PGX_TEXT(TENANT)), &result, &err),
                &err);
    verifier_read_digest(result, &d);
    return d;
}

static bool digests_equal(struct bed *bed, int64_t low, int64_t high)
{
    struct range_digest a = digest(bed, 0, low, high);
    struct range_digest b = digest(bed, 1, low, high);

    return range_digest_equal(&a, &b);
}

static void digests_of_equal_ranges_are_equal(void **state)
{
    struct bed bed;

    (void)state;
    open_bed(&bed, true, 200, NULL);
    assert_int_equal(digest(&bed, 0, 0, 200).events, 180);
    assert_true(digests_equal(&bed, 0, 200));
    assert_true(digests_equal(&bed, 50, 51));
    assert_true(digests_equal(&bed, 200, 300));
    assert_int_equal(digest(&bed, 0, 200, 300).events, 0);
    close_bed(&bed);
}

static void the_digest_does_not_depend_on_session_settings(void **state)
{
    struct bed bed;

    (void)state;
    open_bed(&bed, false, 100,
             "CREATE TYPE mood AS ENUM ('fine', 'odd');"
             "ALTER TABLE events ADD f float8 DEFAULT 0.1, ADD i interval DEFAULT '1 day 2 s',"
             " ADD m mood DEFAULT 'odd', ADD b bytea DEFAULT 'x'");
    support_sql(bed.conn[1],
                "SET TimeZone = 'Asia/Tokyo'; SET DateStyle = 'German'; SET extra_float_digits = -10;"
                "SET IntervalStyle = 'iso_8601'; SET bytea_output = 'escape'; SET lc_numeric = 'C'");
    assert_true(digests_equal(&bed, 0, 100));
    close_bed(&bed);
}

/* Both sums, each under its own seed, are over the hashes of the events' binary forms: computed here one
 * event at a time. */
static void the_sums_are_those_of_the_seeded_hashes(void **state)
{
    struct bed bed;
    AUTO_FREE char *expected = NULL;

    (void)state;
    open_bed(&bed, false, 9, NULL);
    assert_true(verifier_seeds()[0] != verifier_seeds()[1]);
    expected = support_text(
        bed.conn[0],
        "SELECT string_agg(total::text, ' ' ORDER BY number) FROM (SELECT number, sum(h) AS total FROM"
        " (SELECT number, (SELECT hash_array_extended(ARRAY[record_send(r)], seed) FROM (SELECT"
        " global_position, event_id, aggregate_id, aggregate_type, event_type, tenant_id, actor_id, version,"
        " \"timestamp\", payload, created_at FROM public.events one WHERE one.event_id = e.event_id) r) AS h"
        " FROM public.events e, (VALUES (1, %lld), (2, %lld)) s (number, seed)) x GROUP BY number) y",
        (long long)verifier_seeds()[0], (long long)verifier_seeds()[1]);
    struct range_digest d = digest(&bed, 0, 0, 9);
    char got[120];
    snprintf(got, sizeof got, "%s %s", d.sums[0], d.sums[1]);
    assert_string_equal(got, expected);
    close_bed(&bed);
}

static void the_digest_finds_every_small_change(void **state)
{
    static const char *const changes[] = {
        "payload = '{\"amount\": 1.00, \"text\": \"Grüße 5\"}'",
        "payload = '{\"amount\": 1.0, \"text\": \"Grüse 5\"}'",
        "created_at = created_at + interval '1 microsecond'",
        "actor_id = ''",
        "actor_id = NULL",
        "version = 77",
        "global_position = 1005",
        "event_id = 'bda448be-6aa4-4002-8af3-c3b3e2529479'",
        ("tenant_id = '" OTHER "'"),
    };
    struct bed bed;

    (void)state;
    open_bed(&bed, false, 20, NULL);
    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        assert_true(digests_equal(&bed, 0, 2000));
        support_sql(bed.conn[1], "BEGIN; UPDATE public.events SET %s WHERE global_position = 5", changes[i]);
        if (digests_equal(&bed, 0, 2000))
            fail_msg("not found: %s", changes[i]);
        support_sql(bed.conn[1], "ROLLBACK");
    }
    close_bed(&bed);
}

/* ---- ranges and stores ---- */

static struct tmv_verify_report verify(struct bed *bed, enum tmv_verify_level level)
{
    struct tmv_verify_report report;
    struct tmv_error err = {0};

    const struct tmv_verify_options options = {
        .source = &bed->info[0], .target = &bed->info[1], .tenant = bed->tenant, .level = level};
    assert_done(tmv_verify_stores(&options, &report, &err), &err);
    assert_int_equal(report.level, level);
    return report;
}

static void a_clean_pair_is_consistent_at_every_level(void **state)
{
    struct bed bed;

    (void)state;
    open_bed(&bed, true, 3000, NULL);
    for (int level = 0; level < TMV_VERIFY_LEVELS; level++) {
        struct tmv_verify_report report = verify(&bed, (enum tmv_verify_level)level);

        assert_true(report.consistent);
        assert_int_equal(report.differences, 0);
        assert_int_equal(report.events_source, 2700);
        assert_int_equal(report.events_target, 2700);
        assert_int_equal(report.to_position, 3000);
    }
    close_bed(&bed);
}

static void stores_without_the_tenant_are_consistent(void **state)
{
    struct bed bed;

    (void)state;
    open_bed(&bed, false, 100, NULL);
    bed.tenant = tmv_uuid_random();
    assert_true(verify(&bed, TMV_VERIFY_HASH).consistent);
    assert_true(verify(&bed, TMV_VERIFY_COUNT).consistent);
    close_bed(&bed);
}

/* One change on the target and how HASH and FULL name it. */
struct naming {
    const char *change;
    int64_t differences;
    const char *kind;
    int64_t position;
    const char *columns;
    int64_t target_position;
};

static const struct naming namings[] = {
    /* one bit of one byte: 'r' is 0x72, 's' 0x73 */
    {"UPDATE public.events SET payload = jsonb_set(payload, '{text}', to_jsonb(replace(payload->>'text', 'r',"
     " 's'))) WHERE global_position = 1778",
     1, "differs", 1778, "payload", 0},
    {"UPDATE public.events SET payload = jsonb_set(payload, '{amount}', '1.00') WHERE global_position = 1777",
     1, "differs", 1777, "payload", 0},
    {"UPDATE public.events SET created_at = created_at + interval '1 us' WHERE global_position = 1", 1,
     "differs", 1, "created_at", 0},
    {"UPDATE public.events SET actor_id = coalesce(actor_id, '') || 'x', version = 99 WHERE global_position "
     "= "
     "2999",
     1, "differs", 2999, "actor_id, version", 0},
    {"UPDATE public.events SET actor_id = '' WHERE global_position = 3", 1, "differs", 3, "actor_id", 0},
    {"DELETE FROM public.events WHERE global_position = 42", 1, "missing", 42, "", 0},
    {"DELETE FROM public.events", 2700, "missing", 1, "", 0},
    {"INSERT INTO public.events SELECT 3000, gen_random_uuid(), gen_random_uuid(), 'O', 'O', '" TENANT
     "', NULL, 1, now(), '{}'",
     1, "extra", 3000, "", 0},
    {"UPDATE public.events SET tenant_id = '" OTHER "' WHERE global_position = 8", 1, "missing", 8, "", 0},
    /* a swapped pair */
    {"UPDATE public.events SET global_position = CASE global_position WHEN 11 THEN -12 ELSE -11 END"
     " WHERE global_position IN (11, 12); UPDATE public.events SET global_position = -global_position"
     " WHERE global_position < 0",
     2, "moved", 11, "event_id, actor_id, version, timestamp, payload", 12},
    /* a pair whose payloads are swapped: sums over the payloads alone would be the same */
    {"UPDATE public.events e SET payload = o.payload FROM public.events o"
     " WHERE (e.global_position, o.global_position) IN ((21, 22), (22, 21))",
     2, "differs", 21, "payload", 0},
    {"UPDATE public.events SET global_position = 3000 WHERE global_position = 77", 2, "moved", 77, "", 3000},
};

static void expect_naming(const struct naming *c, const struct tmv_verify_report *report)
{
    const struct tmv_difference *first = &report->found[0];

    print_message("  %s: %s at %lld in (%s)\n", tmv_verify_level_name(report->level), first->kind,
                  (long long)first->position, first->columns);
    assert_false(report->consistent);
    assert_int_equal(report->differences, c->differences);
    assert_string_equal(first->kind, c->kind);
    assert_int_equal(first->position, c->position);
    assert_string_equal(first->columns, c->columns);
    assert_int_equal(first->target_position, c->target_position);
    assert_false(tmv_uuid_is_nil(&first->event_id));
    assert_false(tmv_uuid_is_nil(&first->aggregate));
    assert_true(first->version > 0);
    assert_true(report->equal_to < c->position);
}

static void name_every_event_that_differs(bool partitioned_target)
{
    struct bed bed;

    open_bed(&bed, partitioned_target, 3000, NULL);
    support_sql(bed.conn[1], "CREATE TABLE public.kept AS TABLE public.events");
    for (size_t i = 0; i < ARRAY_LEN(namings); i++) {
        support_sql(bed.conn[1], "%s", namings[i].change);
        for (int level = TMV_VERIFY_HASH; level <= TMV_VERIFY_FULL; level++) {
            struct tmv_verify_report report = verify(&bed, (enum tmv_verify_level)level);

            expect_naming(&namings[i], &report);
        }
        support_sql(bed.conn[1],
                    "TRUNCATE public.events; INSERT INTO public.events SELECT * FROM public.kept");
    }
    assert_true(verify(&bed, TMV_VERIFY_HASH).consistent);
    assert_true(verify(&bed, TMV_VERIFY_FULL).consistent);
    close_bed(&bed);
}

static void hash_and_full_name_every_event_that_differs(void **state)
{
    (void)state;
    name_every_event_that_differs(false);
}

static void they_name_it_on_a_partitioned_target_too(void **state)
{
    (void)state;
    name_every_event_that_differs(true);
}

static void full_reads_events_of_any_size(void **state)
{
    struct bed bed;

    (void)state;
    open_bed(&bed, false, 20, NULL);
    for (int side = 0; side < 2; side++)
        support_sql(bed.conn[side],
                    "UPDATE public.events SET payload = jsonb_build_object('text', repeat('x',"
                    " 5000000)), actor_id = NULL WHERE global_position = 5");
    assert_true(verify(&bed, TMV_VERIFY_FULL).consistent);
    support_sql(bed.conn[1], "UPDATE public.events SET payload = jsonb_build_object('text', repeat('x',"
                             " 4999999) || 'y') WHERE global_position = 5");
    assert_string_equal(verify(&bed, TMV_VERIFY_FULL).found[0].columns, "payload");
    close_bed(&bed);
}

/* ---- several ranges, several workers, samples ---- */

static struct tmv_verify_report verify_with(struct bed *bed, const struct tmv_verify_options *like)
{
    struct tmv_verify_options options = *like;
    struct tmv_verify_report report;
    struct tmv_error err = {0};

    options.source = &bed->info[0];
    options.target = &bed->info[1];
    options.tenant = bed->tenant;
    assert_done(tmv_verify_stores(&options, &report, &err), &err);
    return report;
}

static void several_workers_find_what_one_finds(void **state)
{
    static const struct tmv_verify_options one = {.level = TMV_VERIFY_HASH, .workers = 1};
    static const struct tmv_verify_options four = {.level = TMV_VERIFY_HASH, .workers = 4};
    static const struct tmv_verify_options full = {.level = TMV_VERIFY_FULL, .workers = 3};
    struct bed bed;

    (void)state;
    open_bed(&bed, false, 260000, NULL);
    support_sql(bed.conn[1], "UPDATE public.events SET version = 77 WHERE global_position %% 4000 = 1");
    const struct tmv_verify_report a = verify_with(&bed, &one);
    const struct tmv_verify_report b = verify_with(&bed, &four);
    const struct tmv_verify_report c = verify_with(&bed, &full);
    assert_int_equal(a.differences, 65);
    assert_int_equal(a.events_source, 234000);
    assert_int_equal(b.differences, 65);
    assert_int_equal(b.events_source, 234000);
    assert_int_equal(b.events_target, 234000);
    assert_int_equal(c.differences, 65);
    assert_int_equal(c.events_target, 234000);
    for (int i = 0; i < TMV_DIFFERENCES_MAX; i++) {
        assert_int_equal(a.found[i].position, i * 4000 + 1);
        assert_int_equal(b.found[i].position, i * 4000 + 1);
        assert_int_equal(c.found[i].position, i * 4000 + 1);
        assert_string_equal(b.found[i].columns, "version");
    }
    assert_int_equal(b.equal_to, 0);
    close_bed(&bed);
}

static void a_sample_is_chosen_by_its_seed(void **state)
{
    const struct tmv_verify_options seven = {
        .level = TMV_VERIFY_HASH, .sample_percent = 20, .sample_seed = 7};
    const struct tmv_verify_options eight = {
        .level = TMV_VERIFY_FULL, .sample_percent = 20, .sample_seed = 8};
    const struct tmv_verify_options all = {.level = TMV_VERIFY_HASH, .sample_percent = 100, .sample_seed = 7};
    struct bed bed;

    (void)state;
    open_bed(&bed, false, 50000, NULL);
    support_sql(bed.conn[1], "DELETE FROM public.events WHERE global_position %% 100 = 1");
    const struct tmv_verify_report a = verify_with(&bed, &seven);
    const struct tmv_verify_report b = verify_with(&bed, &seven);
    const struct tmv_verify_report c = verify_with(&bed, &eight);
    assert_true(a.differences > 0 && a.differences < 250);
    assert_true(a.events_source > 0 && a.events_source < 22500);
    assert_int_equal(a.sample_seed, 7);
    assert_true(a.sample_percent > 19.9 && a.sample_percent < 20.1);
    assert_int_equal(b.differences, a.differences);
    assert_int_equal(b.found[0].position, a.found[0].position);
    assert_true(c.found[0].position != a.found[0].position || c.differences != a.differences);
    assert_int_equal(verify_with(&bed, &all).differences, 500);
    close_bed(&bed);
}

static void a_sample_of_count_is_refused(void **state)
{
    const struct tmv_verify_options options = {.level = TMV_VERIFY_COUNT, .sample_percent = 5};
    struct tmv_verify_report report;
    struct tmv_error err = {0};

    (void)state;
    assert_fails(tmv_verify_stores(&options, &report, &err), &err, TMV_ERR_USAGE);
}

/* 255 characters of four bytes each, and two types that differ in the last one. */
static void count_takes_types_of_any_length_and_script(void **state)
{
    struct bed bed;

    (void)state;
    open_bed(&bed, false, 200, NULL);
    for (int side = 0; side < 2; side++)
        support_sql(bed.conn[side], "UPDATE public.events SET aggregate_type = repeat('𝒯', 254) || CASE WHEN "
                                    "global_position %% 20 < 10 "
                                    "THEN '木' ELSE '本' END");
    struct tmv_verify_report report = verify(&bed, TMV_VERIFY_COUNT);
    assert_true(report.consistent);
    assert_int_equal(report.events_source, 180);
    support_sql(bed.conn[1], "UPDATE public.events SET aggregate_type = repeat('𝒯', 254) || '本'"
                             " WHERE global_position IN (1, 2)");
    report = verify(&bed, TMV_VERIFY_COUNT);
    assert_false(report.consistent);
    close_bed(&bed);
}

static void count_finds_streams_that_differ(void **state)
{
    struct bed bed;

    (void)state;
    open_bed(&bed, false, 300, NULL);
    support_sql(
        bed.conn[1],
        "DELETE FROM public.events WHERE global_position = 11;"             /* one of stream 1 */
        "DELETE FROM public.events WHERE aggregate_id = md5('a5')::uuid;"   /* a whole stream */
        "UPDATE public.events SET version = 50 WHERE global_position = 79;" /* stream 7 */
        "UPDATE public.events SET aggregate_type = E'B\\t\\\\x' WHERE global_position = 91"); /* new stream */
    struct tmv_verify_report report = verify(&bed, TMV_VERIFY_COUNT);
    assert_false(report.consistent);
    assert_int_equal(report.differences, 5);
    assert_int_equal(report.events_source - report.events_target, 1 + 9);
    int kinds[3] = {0};
    for (int i = 0; i < 5; i++)
        kinds[strcmp(report.found[i].kind, "missing") == 0 ? 0
              : strcmp(report.found[i].kind, "extra") == 0 ? 1
                                                           : 2]++;
    assert_int_equal(kinds[0], 1);
    assert_int_equal(kinds[1], 1);
    assert_int_equal(kinds[2], 3);
    close_bed(&bed);
}

static void says_how_far_everything_is_equal(void **state)
{
    struct tmv_verify_report report;
    struct tmv_error err = {0};
    struct endpoints *endpoints = calloc(1, sizeof *endpoints);
    struct bed bed;
    struct verifier_task task = {.endpoints = endpoints,
                                 .level = TMV_VERIFY_HASH,
                                 .span = {.low = 1000, .high = 120000},
                                 .workers = 1};

    (void)state;
    open_bed(&bed, false, 120000, NULL);
    endpoints->source = bed.shape[0];
    endpoints->target = bed.shape[1];
    strcpy(endpoints->tenant, TENANT);
    task.source = bed.conn[0];
    task.target = bed.conn[1];
    assert_done(verifier_run(&task, &report, &err), &err);
    assert_true(report.consistent);
    assert_int_equal(report.events_source, 119000 - 11900);
    assert_int_equal(report.equal_to, 120000);
    support_sql(bed.conn[1],
                "UPDATE public.events SET version = 50 WHERE global_position IN (60001, 110001)");
    assert_done(verifier_run(&task, &report, &err), &err);
    assert_false(report.consistent);
    assert_int_equal(report.differences, 2);
    assert_true(report.equal_to >= 1000 && report.equal_to < 60001);
    free(endpoints);
    close_bed(&bed);
}

/* A worker over a bed whose stores know the guard's functions. */
static void start_worker(struct bed *bed, struct endpoints *endpoints, struct verify_worker *w,
                         int64_t watermark)
{
    struct guard guards[2];
    const struct verify_start start = {.endpoints = endpoints,
                                       .source_guard = &guards[0],
                                       .target_guard = &guards[1],
                                       .workers = 1,
                                       .watermark = watermark};
    struct tmv_error err = {0};

    endpoints->source_store = bed->info[0];
    endpoints->target_store = bed->info[1];
    endpoints->source = bed->shape[0];
    endpoints->target = bed->shape[1];
    endpoints->owner = (struct owner){.tenant = bed->tenant, .migration = bed->tenant, .epoch = 1};
    strcpy(endpoints->tenant, TENANT);
    strcpy(endpoints->migration, TENANT);
    for (int side = 0; side < 2; side++) {
        assert_done(guard_prepare_store(bed->conn[side], &bed->shape[side], &err), &err);
        guards[side] = (struct guard){.shape = &bed->shape[side], .tenant = bed->tenant};
        assert_done(guard_identify(bed->conn[side], &guards[side], &err), &err);
    }
    support_sql(bed->conn[1],
                "INSERT INTO tenantmv.applied (migration_id, tenant_id, owner_epoch, state, events_table)"
                " VALUES ('%s', '%s', 1, 'mirroring', 'public.events')",
                TENANT, TENANT);
    assert_done(verify_worker_start(w, &start, &err), &err);
}

/* Looks after the worker's next step, or 5 ms. */
static void look_soon(struct verify_worker *w, struct verify_progress *ret_seen)
{
    pthread_mutex_lock(&w->lock);
    (void)cond_wait_until(&w->changed, &w->lock, clock_now_us() + 5 * US_PER_MS);
    pthread_mutex_unlock(&w->lock);
    verify_worker_look(w, ret_seen);
}

static void wait_for_proof(struct verify_worker *w, int64_t to, int64_t counted_after_us)
{
    int64_t end = clock_now_us() + WAIT_US;
    struct verify_progress seen;

    do {
        look_soon(w, &seen);
        assert_int_equal(seen.problem.code, TMV_OK);
        assert_true(clock_now_us() < end);
    } while (seen.verified_to < to || seen.total_at_us <= counted_after_us);
}

/* Between two small ranges the worker pauses for 200 ms. It has just begun to when the totals are asked for.
 */
static void a_cutover_does_not_wait_until_the_next_range_is_due(void **state)
{
    struct endpoints *endpoints = calloc(1, sizeof *endpoints);
    struct verify_worker worker;
    struct bed bed;
    int64_t least_us = INT64_MAX;

    (void)state;
    open_bed(&bed, false, 100, NULL);
    start_worker(&bed, endpoints, &worker, 10);
    wait_for_proof(&worker, 10, 0);
    for (int i = 2; i <= 10; i++) {
        bool asked = false;

        verify_worker_feed(&worker, 10 * i);
        wait_for_proof(&worker, 10 * i, 0);
        int64_t asked_us = clock_now_us();
        verify_worker_recount(&worker, &asked);
        assert_true(asked);
        wait_for_proof(&worker, 10 * i, asked_us);
        int64_t took_us = clock_now_us() - asked_us;
        least_us = took_us < least_us ? took_us : least_us;
    }
    verify_worker_stop(&worker);
    assert_in_range(least_us, 0, 150 * US_PER_MS);
    free(endpoints);
    close_bed(&bed);
}

/* An event that was proven is changed on the target, then a row of the facts on one side: what was compared
 * before does not count any more. */
static void what_was_proven_is_compared_again_when_facts_have_changed(void **state)
{
    (void)state;
    for (int side = 0; side < 2; side++) {
        struct endpoints *endpoints = calloc(1, sizeof *endpoints);
        int64_t end = clock_now_us() + WAIT_US;
        struct verify_progress seen = {0};
        struct verify_worker worker;
        struct bed bed;

        open_bed(&bed, false, 100, NULL);
        start_worker(&bed, endpoints, &worker, 50);
        wait_for_proof(&worker, 50, 0);
        support_sql(bed.conn[1], "UPDATE public.events SET version = 50 WHERE global_position = 7");
        support_sql(bed.conn[side], "ALTER FUNCTION tenantmv.guard_value(regclass) COST 7");
        verify_worker_feed(&worker, 60);
        while (!seen.differs && seen.verified_to < 60 && clock_now_us() < end)
            look_soon(&worker, &seen);
        verify_worker_stop(&worker);
        assert_true(seen.differs);
        assert_int_equal(seen.report.found[0].position, 7);
        free(endpoints);
        close_bed(&bed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_of_equal_ranges_are_equal),
        cmocka_unit_test(the_digest_does_not_depend_on_session_settings),
        cmocka_unit_test(the_sums_are_those_of_the_seeded_hashes),
        cmocka_unit_test(the_digest_finds_every_small_change),
        cmocka_unit_test(a_clean_pair_is_consistent_at_every_level),
        cmocka_unit_test(stores_without_the_tenant_are_consistent),
        cmocka_unit_test(hash_and_full_name_every_event_that_differs),
        cmocka_unit_test(they_name_it_on_a_partitioned_target_too),
        cmocka_unit_test(full_reads_events_of_any_size),
        cmocka_unit_test(several_workers_find_what_one_finds),
        cmocka_unit_test(a_sample_is_chosen_by_its_seed),
        cmocka_unit_test(a_sample_of_count_is_refused),
        cmocka_unit_test(count_finds_streams_that_differ),
        cmocka_unit_test(count_takes_types_of_any_length_and_script),
        cmocka_unit_test(says_how_far_everything_is_equal),
        cmocka_unit_test(a_cutover_does_not_wait_until_the_next_range_is_due),
        cmocka_unit_test(what_was_proven_is_compared_again_when_facts_have_changed),
    };

    cmocka_set_test_filter(getenv("CMOCKA_TEST_FILTER"));
    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}
