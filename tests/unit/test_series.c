/* What a console remembers: the last hour of lags and rates, and the audit. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "view/event_log.h"
#include "view/series.h"

#define S INT64_C(1000000)
#define NOON (INT64_C(1795348800) * S) /* a round slot */

static struct tmv_uuid id_of(int i)
{
    struct tmv_uuid id = {{(uint8_t)(i >> 8), (uint8_t)i, 1}};

    return id;
}

static void add(struct series_set *set, int migration, int64_t at_us, int64_t lag_us)
{
    const struct tmv_uuid id = id_of(migration);
    const struct tmv_sample sample = {.at_us = at_us, .lag_us = lag_us, .rate = 7};

    series_add(set, &id, &sample);
}

static struct series_view *read_one(struct series_set *set, int migration)
{
    static struct series_view view;
    const struct tmv_uuid id = id_of(migration);

    series_read(set, &id, &view);
    return &view;
}

static int known(const struct series_view *view)
{
    int n = 0;

    for (int i = 0; i < SERIES_SLOTS; i++)
        n += view->lag_us[i] >= 0;
    return n;
}

static void keeps_the_largest_of_each_slot(void **state)
{
    struct series_set *set = series_new();
    const struct series_view *view;

    (void)state;
    add(set, 1, NOON + 1 * S, 5);
    add(set, 1, NOON + 2 * S, 90);
    add(set, 1, NOON + 2 * S, 90); /* once more does no harm */
    add(set, 1, NOON + 9 * S, 3);
    add(set, 1, NOON + 31 * S, 4);
    view = read_one(set, 1);
    assert_int_equal(view->lag_us[SERIES_SLOTS - 1], 4);
    assert_int_equal(view->lag_us[SERIES_SLOTS - 2], -1); /* not seen is not zero */
    assert_int_equal(view->lag_us[SERIES_SLOTS - 4], 90);
    assert_int_equal(view->rate[SERIES_SLOTS - 4], 7);
    assert_int_equal(known(view), 2);
    series_free(set);
}

static void takes_older_samples_in_afterwards(void **state)
{
    struct series_set *set = series_new();
    const struct series_view *view;

    (void)state;
    add(set, 1, NOON, 4);
    for (int i = 1; i <= 100; i++)
        add(set, 1, NOON - i * SERIES_SLOT_US, i);
    view = read_one(set, 1);
    assert_int_equal(view->lag_us[SERIES_SLOTS - 1], 4);
    assert_int_equal(view->lag_us[SERIES_SLOTS - 101], 100);
    assert_int_equal(known(view), 101);
    series_free(set);
}

static void forgets_after_an_hour(void **state)
{
    struct series_set *set = series_new();

    (void)state;
    for (int i = 0; i < 3 * SERIES_SLOTS; i++)
        add(set, 1, NOON + i * SERIES_SLOT_US, i);
    assert_int_equal(known(read_one(set, 1)), SERIES_SLOTS);
    assert_int_equal(read_one(set, 1)->lag_us[0], 2 * SERIES_SLOTS);
    add(set, 1, NOON + 100000 * S, 1); /* a jump ahead leaves nothing of before in sight */
    assert_int_equal(known(read_one(set, 1)), 1);
    series_free(set);
}

static void begins_anew_when_the_clock_goes_back(void **state)
{
    struct series_set *set = series_new();

    (void)state;
    add(set, 1, NOON, 1);
    add(set, 1, NOON - 30 * S, 2); /* a little: it is only late */
    assert_int_equal(known(read_one(set, 1)), 2);
    add(set, 1, NOON - 4000 * S, 3); /* too old to be kept, no reason to forget */
    assert_int_equal(known(read_one(set, 1)), 2);
    add(set, 1, NOON - 86400 * S, 4); /* a day: a new time */
    assert_int_equal(known(read_one(set, 1)), 1);
    assert_true(read_one(set, 1)->newest_us == NOON - 86400 * S);
    add(set, 1, -5, 1); /* no time at all */
    add(set, 1, INT64_MIN, 1);
    assert_int_equal(known(read_one(set, 1)), 1);
    series_free(set);
}

static void makes_room_by_forgetting_who_was_silent_longest(void **state)
{
    struct series_set *set = series_new();

    (void)state;
    for (int i = 0; i < SERIES_MAX; i++)
        add(set, i, NOON + i * S, i);
    add(set, 0, NOON + 5000 * S, 1); /* the first one speaks again */
    add(set, SERIES_MAX, NOON + 5000 * S, 2);
    assert_int_equal(known(read_one(set, 0)), 1);
    assert_int_equal(known(read_one(set, 1)), 0); /* it made room */
    assert_int_equal(known(read_one(set, 2)), 1);
    assert_int_equal(known(read_one(set, SERIES_MAX)), 1);
    for (int i = 0; i < 3 * SERIES_MAX; i++) /* and again and again */
        add(set, 5000 + i, NOON + 6000 * S + i, 1);
    assert_int_equal(known(read_one(set, 5000 + 3 * SERIES_MAX - 1)), 1);
    series_free(set);
}

static struct tmv_snapshot *picture(int64_t at_us, int64_t lag_us)
{
    struct tmv_snapshot *s = calloc(1, sizeof *s);

    s->taken_at_us = at_us;
    s->migration_count = 1;
    s->migrations = calloc(1, sizeof *s->migrations);
    s->migrations[0].id = id_of(1);
    s->migrations[0].phase = TMV_PHASE_DUAL_WRITE;
    s->migrations[0].lag_us = lag_us;
    return s;
}

static void puts_the_last_minute_into_each_picture(void **state)
{
    struct series_set *set = series_new();
    struct tmv_snapshot *s;

    (void)state;
    for (int i = 0; i < 200; i++) {
        s = picture(NOON + i * S, i);
        if (i != 195)
            series_note(set, s);
        if (i == 5)
            assert_int_equal(s->migrations[0].sample_count, 6);
        tmv_snapshot_free(s);
    }
    s = picture(NOON + 200 * S, 200);
    series_note(set, s);
    assert_int_equal(s->migrations[0].sample_count, TMV_SAMPLES_MAX);
    assert_int_equal(s->migrations[0].samples[TMV_SAMPLES_MAX - 1].lag_us, 200);
    assert_int_equal(s->migrations[0].samples[TMV_SAMPLES_MAX - 6].lag_us,
                     -1); /* the second without a picture */
    assert_int_equal(s->migrations[0].samples[0].lag_us, 141);
    tmv_snapshot_free(s);
    series_free(set);
}

/* ---- the audit ---- */

static void log_ids(struct event_log *log, int64_t from, int64_t to)
{
    for (int64_t id = from; id <= to; id++) {
        const struct tmv_audit_entry entry = {.id = id};
        event_log_add(log, &entry, 1);
    }
}

static void log_keeps_order_and_knows_each_entry_once(void **state)
{
    struct event_log log = {0};
    const struct tmv_audit_entry newest_first[] = {{.id = 9}, {.id = 7}, {.id = 5}};

    (void)state;
    event_log_add(&log, newest_first, 3);
    log_ids(&log, 4, 8); /* what was written meanwhile and before, some of it known */
    assert_int_equal(log.count, 6);
    for (size_t i = 0; i < log.count; i++)
        assert_int_equal(log.entries[i].id, 4 + (int)i);
    event_log_release(&log);
}

static void log_is_bounded(void **state)
{
    struct event_log log = {0};

    (void)state;
    log_ids(&log, 100, 100 + 2 * EVENT_LOG_MAX);
    assert_int_equal(log.count, EVENT_LOG_MAX);
    assert_int_equal(log.entries[log.count - 1].id, 100 + 2 * EVENT_LOG_MAX);
    log_ids(&log, 1, 50); /* older than everything that a full log keeps */
    assert_int_equal(log.entries[0].id, 100 + EVENT_LOG_MAX + 1);
    event_log_release(&log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_the_largest_of_each_slot),
        cmocka_unit_test(takes_older_samples_in_afterwards),
        cmocka_unit_test(forgets_after_an_hour),
        cmocka_unit_test(begins_anew_when_the_clock_goes_back),
        cmocka_unit_test(makes_room_by_forgetting_who_was_silent_longest),
        cmocka_unit_test(puts_the_last_minute_into_each_picture),
        cmocka_unit_test(log_keeps_order_and_knows_each_entry_once),
        cmocka_unit_test(log_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
