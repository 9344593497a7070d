/* Somebody changes a store while its tenant moves. What is daily life is taken in; everything else makes the
 * move void: the cutover is refused with words that say what was changed, also by an engine that was started
 * after it, and nothing is lost. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "store/guard/facts.h"
#include "support/life.h"

/* ---- what makes the move void ---- */

enum when { BY_DAY, WHILE_NO_ENGINE_RUNS };

struct change {
    const char *name;
    enum when when;
    bool partitioned;
    const char *on_source, *on_target; /* NULL: that side is left alone */
    const char *words;                 /* of the refusal */
};

static int void_ready(void **state)
{
    const struct change *change = *state;

    if (change->partitioned)
        life_prepare_partitioned();
    else
        life_prepare(false, false);
    life_begin_and_wait_until_ready();
    return 0;
}

static int release(void **state)
{
    (void)state;
    life_release();
    return 0;
}

static struct tmv_command_info ask_for_cutover(void)
{
    return life_ask(TMV_OP_CUTOVER, "test");
}

/* Another engine, which has taken the migration over. */
static void start_engine(void)
{
    life_start_engine();
    life_wait_for("l.engine IS NOT NULL");
}

/* The audit has each side's change once. */
static void assert_told_once(const struct change *change)
{
    assert_int_equal(support_int(l.on_control,
                                 "SELECT count(*) FROM public.migration_audit_log WHERE event_type = "
                                 "'error_occurred' AND details::text LIKE '%%the move is void%%'"),
                     (change->on_source != NULL) + (change->on_target != NULL));
}

static void refuses_the_cutover_and_says_what_was_changed(void **state)
{
    const struct change *change = *state;
    int64_t before = life_count(l.on_source);
    struct tmv_error err;

    if (change->when == WHILE_NO_ENGINE_RUNS)
        life_stop_engine();
    if (change->on_target)
        support_sql(l.on_target, "%s", change->on_target);
    if (change->on_source)
        support_sql(l.on_source, "%s", change->on_source);
    int64_t after = life_count(l.on_source);
    if (move_insert(l.on_source, &l.tenant, 900, 1, &err))
        after++;
    if (change->when == WHILE_NO_ENGINE_RUNS)
        start_engine();
    for (int i = 0; i < 2; i++) {
        struct tmv_command_info got = ask_for_cutover();
        life_expect(got, TMV_COMMAND_REFUSED, change->words);
        assert_null(strstr(got.outcome, "failover"));
    }
    assert_true(after >= before || change->partitioned);
    assert_int_equal(life_count(l.on_source), after);
    assert_int_equal(support_int(l.on_source, "SELECT count(*) FROM tenantmv.fence WHERE state = 'open'"), 1);
    assert_told_once(change);
    /* What it was noted with does not follow what the tables are now. */
    life_stop_engine();
    start_engine();
    life_expect(ask_for_cutover(), TMV_COMMAND_REFUSED, change->words);
    assert_told_once(change);
    life_expect(life_ask(TMV_OP_ABORT, "test"), TMV_COMMAND_DONE, "");
    assert_int_equal(life_count(l.on_source), after);
}

#define ADD "ALTER TABLE public.events ADD COLUMN region text"

static struct change changes[] = {
    {"refuses_a_column_added_to_the_source", BY_DAY, false, ADD, NULL,
     "column region was added to public.events"},
    {"refuses_a_column_added_to_the_target", BY_DAY, false, NULL, ADD,
     "target: column region was added to public.events"},
    {"refuses_a_column_added_to_both", BY_DAY, false, ADD, ADD, "column region was added to public.events"},
    {"refuses_a_column_added_to_both_while_no_engine_ran", WHILE_NO_ENGINE_RUNS, false, ADD, ADD,
     "column region was added to public.events"},
    {"refuses_a_column_added_to_the_source_while_no_engine_ran", WHILE_NO_ENGINE_RUNS, false, ADD, NULL,
     "column region was added to public.events"},
    {"refuses_a_column_dropped_from_the_source", BY_DAY, false,
     "ALTER TABLE public.events DROP COLUMN actor_id", NULL, "column actor_id was dropped"},
    {"refuses_a_column_dropped_from_the_target", BY_DAY, false, NULL,
     "ALTER TABLE public.events DROP COLUMN actor_id", "column actor_id was dropped"},
    {"refuses_a_column_dropped_while_no_engine_ran", WHILE_NO_ENGINE_RUNS, false,
     "ALTER TABLE public.events DROP COLUMN actor_id", NULL, "column actor_id was dropped"},
    {"refuses_a_wider_column_on_the_target", BY_DAY, false, NULL,
     "ALTER TABLE public.events ALTER COLUMN event_type TYPE varchar(300)",
     "column event_type of public.events was given another length"},
    {"refuses_a_column_of_another_type", BY_DAY, false,
     "ALTER TABLE public.events ALTER COLUMN version TYPE bigint", NULL,
     "column version of public.events was given the type int8"},
    {"refuses_a_column_of_another_type_on_both_while_no_engine_ran", WHILE_NO_ENGINE_RUNS, false,
     "ALTER TABLE public.events ALTER COLUMN version TYPE bigint",
     "ALTER TABLE public.events ALTER COLUMN version TYPE bigint",
     "column version of public.events was given the type int8"},
    {"refuses_a_sequence_with_a_cache", BY_DAY, false,
     "ALTER SEQUENCE public.events_global_position_seq CACHE 20", NULL, "was given CACHE 20"},
    {"refuses_a_sequence_with_another_increment", BY_DAY, false,
     "ALTER SEQUENCE public.events_global_position_seq INCREMENT 2", NULL, "was given INCREMENT 2"},
    {"refuses_a_sequence_that_had_a_cache_for_a_moment", BY_DAY, false,
     "ALTER SEQUENCE public.events_global_position_seq CACHE 20; ALTER SEQUENCE "
     "public.events_global_position_seq CACHE 1",
     NULL, "was altered (ALTER SEQUENCE)"},
    {"refuses_another_default_of_the_position", BY_DAY, false,
     "CREATE SEQUENCE public.other START 100000; ALTER TABLE public.events ALTER COLUMN global_position SET "
     "DEFAULT "
     "nextval('public.other')",
     NULL, "the default of global_position of public.events was changed"},
    {"refuses_disabled_triggers", BY_DAY, false, "ALTER TABLE public.events DISABLE TRIGGER USER", NULL,
     "was disabled"},
    {"refuses_triggers_that_were_off_for_a_moment", BY_DAY, false,
     "ALTER TABLE public.events DISABLE TRIGGER USER; ALTER TABLE public.events ENABLE TRIGGER USER", NULL,
     "was enabled"},
    {"refuses_disabled_triggers_on_the_target_while_no_engine_ran", WHILE_NO_ENGINE_RUNS, false, NULL,
     "ALTER TABLE public.events DISABLE TRIGGER USER", "was disabled"},
    {"refuses_a_rule_that_sends_events_elsewhere", BY_DAY, false,
     "CREATE TABLE public.aside (LIKE public.events); CREATE RULE away AS ON INSERT TO public.events WHERE "
     "NEW.actor_id = 'nobody' DO INSTEAD INSERT INTO public.aside VALUES (NEW.*)",
     NULL, "rule away was added to public.events"},
    {"refuses_an_unlogged_table", BY_DAY, false, "ALTER TABLE public.events SET UNLOGGED", NULL,
     "was made unlogged"},
    {"refuses_row_security", BY_DAY, false, "ALTER TABLE public.events ENABLE ROW LEVEL SECURITY", NULL,
     "row security of public.events was switched on"},
    {"refuses_a_detached_partition", BY_DAY, true,
     "ALTER TABLE public.events DETACH PARTITION public.events_old", NULL,
     "partition public.events_old was detached or dropped"},
    {"refuses_a_partition_attached_with_events_in_it", BY_DAY, true,
     "CREATE TABLE public.late (LIKE public.events INCLUDING DEFAULTS); INSERT INTO public.late SELECT "
     "-global_position, gen_random_uuid(), aggregate_id, aggregate_type, event_type, tenant_id, actor_id, "
     "version, "
     "timestamp + interval '10 years', payload FROM public.events LIMIT 5; UPDATE public.late SET "
     "global_position = "
     "-global_position; ALTER TABLE public.events ATTACH PARTITION public.late FOR VALUES FROM "
     "('2030-01-01') TO "
     "('2040-01-01')",
     NULL, "was attached with events of the tenant in it"},
};

/* CREATE OR REPLACE with one blank more: another text. */
static void replace_function(struct pgx_conn *conn, const char *name)
{
    AUTO_FREE char *made =
        support_text(conn,
                     "SELECT replace(pg_get_functiondef(oid), E'\\nBEGIN', E'\\n BEGIN') FROM pg_proc "
                     "WHERE pronamespace = 'tenantmv'::regnamespace AND proname = '%s'",
                     name);
    struct tmv_error err;

    assert_done(pgx_script(conn, SUPPORT_TIMEOUT_US, made, 0, NULL, &err), &err);
}

static void refuses_the_cutover_when_a_function_was_replaced(void **state)
{
    (void)state;
    replace_function(l.on_source, "guard_insert");
    life_expect(ask_for_cutover(), TMV_COMMAND_REFUSED, "function tenantmv.guard_insert was replaced");
}

/* ---- at the last moment ---- */

/* The gates are green, the facts were compared, the tenant is locked: a change that no table lock keeps out.
 */
static void decides_nothing_when_the_facts_change_under_the_lock(void **state)
{
    struct guard guard = {0};
    struct store_shape shape;
    char glance[FACTS_DIGEST_SIZE];
    AUTO(buf) struct buf sql = BUF_INIT(16000);
    struct tmv_error err;
    static const char *const late[] = {
        "ALTER SEQUENCE public.events_global_position_seq CACHE 20",
        "ALTER FUNCTION tenantmv.guard_insert() STABLE",
        ("CREATE TABLE public.extra PARTITION OF public.events FOR VALUES FROM ('2031-01-01') TO "
         "('2032-01-01')"),
    };

    (void)state;
    assert_done(store_shape_discover(l.on_source, "public", "events", &shape, &err), &err);
    guard.shape = &shape;
    for (size_t i = 0; i < ARRAY_LEN(late); i++) {
        assert_done(facts_glance(l.on_source, &guard, glance, &err), &err);
        buf_clear(&sql);
        assert_done(facts_must_hold(&guard, glance, &sql, &err), &err);
        assert_done(pgx_script(l.on_source, SUPPORT_TIMEOUT_US, buf_text(&sql), 0, NULL, &err), &err);
        support_sql(l.on_source, "%s", late[i]);
        assert_fails(pgx_script(l.on_source, SUPPORT_TIMEOUT_US, buf_text(&sql), 0, NULL, &err), &err,
                     TMV_ERR_SQL);
        assert_string_equal(err.sqlstate, "TM012");
    }
}

/* ---- partitions: daily life ---- */

#define NEXT_YEARS                                                                                           \
    "CREATE TABLE public.events_next PARTITION OF public.events FOR VALUES FROM ('2030-01-01') TO "          \
    "('2040-01-01')"

static int partitioned_ready(void **state)
{
    (void)state;
    life_prepare_partitioned();
    life_begin_and_wait_until_ready();
    return 0;
}

static void insert_in_2031(int count)
{
    support_sql(
        l.on_source,
        "INSERT INTO public.events (event_id, aggregate_id, aggregate_type, event_type, tenant_id, version, "
        "timestamp, payload) SELECT gen_random_uuid(), gen_random_uuid(), 'Order', 'OrderPlaced', '%s', 1, "
        "'2031-01-01', '{}' FROM generate_series(1, %d)",
        l.tenant_text, count);
}

static void takes_a_new_partition_in_and_moves_what_is_written_to_it(void **state)
{
    AUTO_FREE char *proven = NULL;

    (void)state;
    life_wait_for("EXISTS (SELECT FROM tenantmv.proof p WHERE p.migration_id = m.id AND p.proven_to > 0)");
    support_sql(l.on_target, NEXT_YEARS);
    support_sql(l.on_source, NEXT_YEARS);
    insert_in_2031(7);
    life_wait_for(
        "EXISTS (SELECT FROM public.migration_audit_log a WHERE a.migration_id = m.id AND a.event_type = "
        "'progress_checkpoint' AND a.details->>'store' = 'source' AND a.details::text LIKE '%events_next%')");
    /* The proof was not begun again, and the partition refuses TRUNCATE like all others. */
    proven = support_text(l.on_control, "SELECT count(*) FROM public.migration_audit_log WHERE event_type = "
                                        "'verification_completed'");
    assert_string_equal(proven, "1");
    assert_int_equal(
        support_int(l.on_source,
                    "SELECT count(*) FROM pg_trigger WHERE tgrelid = 'public.events_next'::regclass "
                    "AND tgname = '~tenantmv_truncate' AND tgenabled = 'A'"),
        1);
    life_wait_for("s.ready");
    life_expect(ask_for_cutover(), TMV_COMMAND_DONE, "completed");
    life_assert_moved();
    assert_int_equal(support_int(l.on_target, "SELECT count(*) FROM public.events_next"), 7);
}

static void waits_for_a_partition_that_the_target_lacks_and_continues_by_itself(void **state)
{
    (void)state;
    support_sql(l.on_source, NEXT_YEARS);
    insert_in_2031(3);
    life_wait_for(
        "s.note LIKE '%CREATE TABLE public.events_next PARTITION OF public.events FOR VALUES FROM%'");
    assert_int_equal(
        support_int(l.on_control, "SELECT count(*) FROM public.tenant_migrations WHERE is_paused"), 0);
    AUTO_FREE char *statement = support_text(
        l.on_control, "SELECT substring(note FROM 'CREATE TABLE [^;]*;') FROM tenantmv.migration_state");
    support_sql(l.on_target, "%s", statement);
    life_wait_for("s.ready");
    life_expect(ask_for_cutover(), TMV_COMMAND_DONE, "completed");
    life_assert_moved();
    assert_int_equal(support_int(l.on_target, "SELECT count(*) FROM public.events_next"), 3);
}

#define NESTED                                                                                               \
    "CREATE TABLE public.events_next PARTITION OF public.events FOR VALUES FROM ('2030-01-01') TO "          \
    "('2040-01-01') PARTITION BY RANGE (timestamp)"
#define NESTED_LEAF                                                                                          \
    "CREATE TABLE public.events_2031 PARTITION OF public.events_next FOR VALUES FROM ('2031-01-01') TO "     \
    "('2032-01-01')"

static void assert_moves_with_its_nested_partition(int events)
{
    life_wait_for("s.ready");
    assert_int_equal(
        support_int(l.on_source,
                    "SELECT count(*) FROM pg_trigger WHERE tgrelid IN "
                    "('public.events_next'::regclass, 'public.events_2031'::regclass) AND tgname "
                    "= '~tenantmv_truncate' AND tgenabled = 'A'"),
        2);
    life_expect(ask_for_cutover(), TMV_COMMAND_DONE, "completed");
    life_assert_moved();
    assert_int_equal(support_int(l.on_target, "SELECT count(*) FROM public.events_2031"), events);
}

static void takes_a_partition_of_a_partition_in(void **state)
{
    (void)state;
    support_sql(l.on_target, NESTED "; " NESTED_LEAF);
    support_sql(l.on_source, NESTED "; " NESTED_LEAF);
    insert_in_2031(7);
    life_wait_for(
        "EXISTS (SELECT FROM public.migration_audit_log a WHERE a.migration_id = m.id AND a.event_type = "
        "'progress_checkpoint' AND a.details->>'store' = 'source' AND a.details::text LIKE '%events_2031%')");
    assert_moves_with_its_nested_partition(7);
}

/* Both of them, the parent first; then, with another leaf, only that. */
static void names_each_partition_of_a_partition_that_the_target_lacks(void **state)
{
    (void)state;
    support_sql(l.on_source, NESTED "; " NESTED_LEAF);
    insert_in_2031(3);
    life_wait_for(
        "s.note LIKE '%run on the target: CREATE TABLE public.events_next PARTITION OF public.events "
        "FOR VALUES FROM % PARTITION BY RANGE (\"timestamp\"); CREATE TABLE public.events_2031 "
        "PARTITION OF public.events_next FOR VALUES FROM %;%'");
    support_sql(l.on_target, NESTED);
    life_wait_for("s.note LIKE '%run on the target: CREATE TABLE public.events_2031 PARTITION OF "
                  "public.events_next FOR VALUES FROM %;%'");
    AUTO_FREE char *statement = support_text(
        l.on_control, "SELECT substring(note FROM 'CREATE TABLE [^;]*;') FROM tenantmv.migration_state");
    support_sql(l.on_target, "%s", statement);
    assert_moves_with_its_nested_partition(3);
}

/* ---- types that both stores call by one name ---- */

struct own_type {
    const char *made, *changed, *value; /* value: a literal of the column that the old type refuses */
    const char *said;                   /* by the server */
};

static const struct own_type own_types[] = {
    {"CREATE TYPE public.mood AS ENUM ('calm'); ALTER TABLE public.events ADD COLUMN own public.mood",
     "ALTER TYPE public.mood ADD VALUE 'angry'", "angry", "invalid input value for enum"},
    {"CREATE DOMAIN public.amount AS integer CONSTRAINT small CHECK (VALUE < 10); ALTER TABLE public.events "
     "ADD COLUMN own public.amount",
     "ALTER DOMAIN public.amount DROP CONSTRAINT small", "11", "violates check constraint \"small\""},
};

static void pauses_with_what_to_do_when_the_target_refuses_a_value(void **state)
{
    char words[300];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(own_types); i++) {
        const struct own_type *type = &own_types[i];

        life_prepare(false, false);
        support_sql(l.on_source, "%s", type->made);
        support_sql(l.on_target, "%s", type->made);
        life_begin_and_wait_until_ready();
        support_sql(l.on_source, "%s", type->changed);
        support_sql(l.on_source,
                    "INSERT INTO public.events (event_id, aggregate_id, aggregate_type, event_type, "
                    "tenant_id, version, timestamp, payload, own) VALUES (gen_random_uuid(), "
                    "gen_random_uuid(), 'Order', 'OrderPlaced', '%s', 1, now(), '{}', '%s')",
                    l.tenant_text, type->value);
        snprintf(words, sizeof words,
                 "m.is_paused AND s.note LIKE '%%%s%%change its type, domain or constraint%%'", type->said);
        life_wait_for(words);
        support_sql(l.on_target, "%s", type->changed);
        life_expect(life_ask(TMV_OP_RESUME, "test"), TMV_COMMAND_DONE, "");
        life_wait_for("s.ready");
        life_expect(ask_for_cutover(), TMV_COMMAND_DONE, "completed");
        life_assert_moved();
        if (i + 1 < ARRAY_LEN(own_types))
            life_release();
    }
}

/* A sequence's name is no fact that anything relies on. */
static void follows_a_sequence_that_is_renamed(void **state)
{
    struct tmv_error err;

    (void)state;
    support_sql(l.on_source, "ALTER SEQUENCE public.events_global_position_seq RENAME TO other_name");
    life_wait_for("EXISTS (SELECT FROM public.migration_audit_log a WHERE a.migration_id = m.id AND "
                  "a.details::text LIKE "
                  "'%renamed to public.other_name%')");
    life_wait_for("s.ready");
    support_sql(l.on_source, "ALTER SEQUENCE public.other_name RENAME TO events_global_position_seq");
    assert_done(move_insert(l.on_source, &l.tenant, 901, 1, &err), &err);
    life_wait_for("EXISTS (SELECT FROM public.migration_audit_log a WHERE a.migration_id = m.id AND "
                  "a.details::text LIKE "
                  "'%renamed to public.events_global_position_seq%')");
    life_wait_for("s.ready");
    life_expect(ask_for_cutover(), TMV_COMMAND_DONE, "completed");
    life_assert_moved();
}

static int plain_ready(void **state)
{
    (void)state;
    life_prepare(false, false);
    life_begin_and_wait_until_ready();
    return 0;
}

#define CASE(test, before) cmocka_unit_test_setup_teardown(test, before, release)

int main(void)
{
    struct CMUnitTest voids[ARRAY_LEN(changes)];
    const struct CMUnitTest tests[] = {
        CASE(refuses_the_cutover_when_a_function_was_replaced, plain_ready),
        CASE(decides_nothing_when_the_facts_change_under_the_lock, partitioned_ready),
        CASE(takes_a_new_partition_in_and_moves_what_is_written_to_it, partitioned_ready),
        CASE(waits_for_a_partition_that_the_target_lacks_and_continues_by_itself, partitioned_ready),
        CASE(takes_a_partition_of_a_partition_in, partitioned_ready),
        CASE(names_each_partition_of_a_partition_that_the_target_lacks, partitioned_ready),
        cmocka_unit_test_teardown(pauses_with_what_to_do_when_the_target_refuses_a_value, release),
        CASE(follows_a_sequence_that_is_renamed, plain_ready),
    };

    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        voids[i] = (struct CMUnitTest){.name = changes[i].name,
                                       .test_func = refuses_the_cutover_and_says_what_was_changed,
                                       .setup_func = void_ready,
                                       .teardown_func = release,
                                       .initial_state = &changes[i]};
    }
    int failed = cmocka_run_group_tests(tests, support_setup, support_teardown);
    return failed + cmocka_run_group_tests(voids, support_setup, support_teardown);
}
