/* The target's indexes and constraints around a bulk copy, on a real server: they end as they began, whatever
 * is killed on the way, and stay where they must. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "support/copy_bed.h"

/* Everything that says what an index is, of all indexes and constraints of the table. */
static char *index_picture(struct copy_bed *bed)
{
    return support_text(
        bed->conn[TARGET],
        "SELECT coalesce((SELECT string_agg(concat_ws('|', i.relname, pg_get_indexdef(i.oid), x.indisprimary,"
        "  x.indisunique, x.indisclustered, x.indisreplident, x.indisvalid, s.spcname, i.reloptions::text,"
        "  pg_get_userbyid(i.relowner), obj_description(i.oid, 'pg_class'),"
        "  (SELECT string_agg(a.attnum || ':' || a.attstattarget, ',' ORDER BY a.attnum) FROM pg_attribute a"
        "    WHERE a.attrelid = i.oid)), E'\\n' ORDER BY i.relname)"
        " FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid LEFT JOIN pg_tablespace s ON s.oid = "
        "i.reltablespace"
        " WHERE x.indrelid = 'public.events'::regclass), '') || E'\\n' ||"
        " (SELECT string_agg(concat_ws('|', c.conname, c.contype, pg_get_constraintdef(c.oid), "
        "c.condeferrable,"
        "  c.condeferred, c.convalidated, obj_description(c.oid, 'pg_constraint')), E'\\n' ORDER BY "
        "c.conname)"
        " FROM pg_constraint c WHERE c.conrelid = 'public.events'::regclass) || E'\\n' ||"
        " (SELECT string_agg(a.attname || ' ' || a.attnotnull, ',' ORDER BY a.attnum) FROM pg_attribute a"
        "   WHERE a.attrelid = 'public.events'::regclass AND a.attnum > 0)");
}

static int64_t index_count(struct copy_bed *bed)
{
    return support_int(bed->conn[TARGET],
                       "SELECT count(*) FROM pg_index WHERE indrelid = 'public.events'::regclass");
}

/* Indexes with everything that a definition can carry. */
static const char index_changes[] =
    "CREATE INDEX \"odd \"\"name\" ON events USING btree (lower(event_type) COLLATE \"C\" DESC NULLS LAST, "
    "version)"
    " INCLUDE (actor_id) WITH (fillfactor = 70) WHERE version > 1;"
    "ALTER INDEX \"odd \"\"name\" ALTER COLUMN 1 SET STATISTICS 500;"
    "COMMENT ON INDEX \"odd \"\"name\" IS 'it''s \\ odd';"
    "CREATE INDEX events_payload ON events USING gin (payload jsonb_path_ops);"
    "CREATE INDEX events_hash ON events USING hash (event_type);"
    "ALTER TABLE events ADD CONSTRAINT late UNIQUE (event_id, version) DEFERRABLE INITIALLY DEFERRED;"
    "COMMENT ON CONSTRAINT uq_events_aggregate_version ON events IS 'one of each version';"
    "ALTER TABLE events CLUSTER ON idx_events_timestamp;"
    "ALTER TABLE events ADD CONSTRAINT positive CHECK (version > 0);"
    "CREATE UNIQUE INDEX plain_unique ON events (event_id, global_position)";

static void open_index_bed(struct copy_bed *bed)
{
    const struct copy_bed_options o = {.changes = {NULL, index_changes}};

    copy_bed_open(bed, &o);
    copy_bed_fill(bed, 25000);
    bed->settings.batch_size = 2000;
}

static void drops_the_indexes_and_puts_them_back(void **state)
{
    struct copy_bed bed;
    AUTO_FREE char *before = NULL;
    AUTO_FREE char *after = NULL;
    struct copy_seen seen = {.stop_after = 1};
    struct tmv_error err = {0};
    bool finished;

    (void)state;
    open_index_bed(&bed);
    before = index_picture(&bed);
    bed.settings.max_bulk_copy_rate = 10000;
    assert_done(copy_bed_run(&bed, &seen, &finished, &err), &err);
    assert_false(finished);
    AUTO_FREE char *left = index_picture(&bed);
    if (index_count(&bed) > 0)
        fail_msg("not dropped: %s", left);
    bed.settings.max_bulk_copy_rate = 0;
    copy_bed_copy_all(&bed);
    after = index_picture(&bed);
    assert_string_equal(before, after);
    copy_bed_assert_copied(&bed);
    copy_bed_close(&bed);
}

static void keeps_indexes_that_something_needs(void **state)
{
    struct copy_bed_options o = {
        .changes = {NULL, "CREATE TABLE refers (id uuid REFERENCES events (event_id));"
                          "CREATE UNIQUE INDEX identity ON events (event_id, version);"
                          "ALTER TABLE events ALTER event_id SET NOT NULL;"
                          "ALTER TABLE events REPLICA IDENTITY USING INDEX identity;"
                          "CREATE VIEW grouped AS SELECT global_position, event_type FROM events GROUP BY 1;"
                          "CREATE PUBLICATION p FOR TABLE events"}};
    struct copy_bed bed;
    AUTO_FREE char *before = NULL;
    AUTO_FREE char *after = NULL;
    struct copy_seen seen = {.stop_after = 1};
    struct tmv_error err = {0};
    bool finished;

    (void)state;
    copy_bed_open(&bed, &o);
    copy_bed_fill(&bed, 25000);
    before = index_picture(&bed);
    bed.settings.max_bulk_copy_rate = 10000;
    assert_done(copy_bed_run(&bed, &seen, &finished, &err), &err);
    AUTO_FREE char *left =
        support_text(bed.conn[TARGET],
                     "SELECT string_agg(i.relname, ' ' ORDER BY i.relname) FROM pg_index x JOIN pg_class i"
                     " ON i.oid = x.indexrelid WHERE x.indrelid = 'public.events'::regclass");
    assert_string_equal(left, "events_event_id_key events_pkey identity");
    bed.settings.max_bulk_copy_rate = 0;
    copy_bed_copy_all(&bed);
    after = index_picture(&bed);
    assert_string_equal(before, after);
    copy_bed_close(&bed);
}

static void keeps_the_indexes_of_a_target_that_is_not_empty(void **state)
{
    const struct copy_bed_options o = {0};
    struct copy_bed bed;
    struct copy_seen seen = {.stop_after = 1};
    struct tmv_error err = {0};
    bool finished;

    (void)state;
    copy_bed_open(&bed, &o);
    copy_bed_fill(&bed, 25000);
    support_sql(
        bed.conn[TARGET],
        "INSERT INTO public.events (global_position, event_id, aggregate_id, aggregate_type, event_type,"
        " tenant_id, version, \"timestamp\", payload)"
        " VALUES (9000000, gen_random_uuid(), gen_random_uuid(), 'O', 'O', '%s', 1, now(), '{}')",
        COPY_BED_OTHER);
    int64_t before = index_count(&bed);
    bed.settings.max_bulk_copy_rate = 10000;
    assert_done(copy_bed_run(&bed, &seen, &finished, &err), &err);
    assert_int_equal(index_count(&bed), before);
    copy_bed_close(&bed);
}

static void keeps_the_indexes_when_asked(void **state)
{
    struct copy_bed bed;
    struct copy_seen seen = {.stop_after = 1};
    struct tmv_error err = {0};
    bool finished;

    (void)state;
    open_index_bed(&bed);
    int64_t before = index_count(&bed);
    bed.settings.keep_indexes = true;
    bed.settings.max_bulk_copy_rate = 10000;
    assert_done(copy_bed_run(&bed, &seen, &finished, &err), &err);
    assert_int_equal(index_count(&bed), before);
    copy_bed_close(&bed);
}

/* The engine lost the migration while the indexes were away: whoever took it over puts them back. */
static void leaves_the_indexes_to_a_successor(void **state)
{
    struct copy_bed bed;
    struct copy_seen seen = {.stop_after = 1};
    struct tmv_error err = {0};
    bool finished;

    (void)state;
    open_index_bed(&bed);
    bed.settings.max_bulk_copy_rate = 10000;
    assert_done(copy_bed_run(&bed, &seen, &finished, &err), &err);
    int64_t left = index_count(&bed);
    support_sql(bed.conn[TARGET], "UPDATE tenantmv.owner SET owner_epoch = owner_epoch + 1");
    assert_fails(bulk_copier_restore_indexes(&bed.endpoints, bed.control->conn, &err), &err,
                 TMV_ERR_OWNERSHIP);
    assert_int_equal(index_count(&bed), left);
    copy_bed_close(&bed);
}

static void indexes_survive_a_kill(struct copy_seen seen, const char *fault)
{
    struct copy_bed bed;
    AUTO_FREE char *before = NULL;
    AUTO_FREE char *after = NULL;
    struct tmv_error err = {0};

    open_index_bed(&bed);
    before = index_picture(&bed);
    copy_bed_run_and_be_killed(&bed, &seen, fault);
    assert_done(bulk_copier_restore_indexes(&bed.endpoints, bed.control->conn, &err), &err);
    after = index_picture(&bed);
    assert_string_equal(before, after);
    copy_bed_copy_all(&bed);
    copy_bed_assert_copied(&bed);
    free(TAKE(after));
    after = index_picture(&bed);
    assert_string_equal(before, after);
    copy_bed_close(&bed);
}

static void indexes_survive_a_kill_during_the_copy(void **state)
{
    (void)state;
    indexes_survive_a_kill((struct copy_seen){.kill_after = 2000}, NULL);
}

static void indexes_survive_a_kill_while_they_are_built(void **state)
{
    (void)state;
    indexes_survive_a_kill((struct copy_seen){.kill_at_step = "building indexes"}, NULL);
}

static void indexes_survive_a_kill_at_every_fault_point(void **state)
{
    (void)state;
#ifdef TMV_FAULT_POINTS
    static const char *const faults[] = {
        "copy.after_index_ledger=exit",   "copy.after_index_drop=exit",    "copy.before_chunk_commit#3=exit",
        "copy.after_chunk_commit#3=exit", "copy.after_index_build#4=exit", "copy.after_index_attach=exit",
        "copy.index_done=exit",           "copy.index_done#9=exit",
    };
    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        print_message("  %s\n", faults[i]);
        indexes_survive_a_kill((struct copy_seen){0}, faults[i]);
    }
#else
    print_message("  fault points are not compiled in\n");
#endif
}

static void says_which_index_cannot_be_built(void **state)
{
    const struct copy_bed_options o = {
        .changes = {NULL, "CREATE UNIQUE INDEX one_per_type ON events (event_type)"}};
    struct copy_seen seen = {0};
    struct copy_bed bed;
    struct tmv_error err = {0};
    bool finished;

    (void)state;
    copy_bed_open(&bed, &o);
    copy_bed_fill(&bed, 25000);
    assert_fails(copy_bed_run(&bed, &seen, &finished, &err), &err, TMV_ERR_SQL);
    assert_non_null(strstr(err.message, "one_per_type"));
    /* what an abort does: the events go, then the indexes come back */
    support_sql(bed.conn[TARGET], "TRUNCATE public.events");
    assert_done(bulk_copier_restore_indexes(&bed.endpoints, bed.control->conn, &err), &err);
    assert_int_equal(index_count(&bed), 12);
    copy_bed_close(&bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(drops_the_indexes_and_puts_them_back),
        cmocka_unit_test(keeps_indexes_that_something_needs),
        cmocka_unit_test(keeps_the_indexes_of_a_target_that_is_not_empty),
        cmocka_unit_test(keeps_the_indexes_when_asked),
        cmocka_unit_test(leaves_the_indexes_to_a_successor),
        cmocka_unit_test(indexes_survive_a_kill_during_the_copy),
        cmocka_unit_test(indexes_survive_a_kill_while_they_are_built),
        cmocka_unit_test(indexes_survive_a_kill_at_every_fault_point),
        cmocka_unit_test(says_which_index_cannot_be_built),
    };

    cmocka_set_test_filter(getenv("CMOCKA_TEST_FILTER"));
    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}
