/* Positions in rows of a binary COPY stream: set in place, and nothing that is not such a row is touched. */
#include "test.h"

#include <string.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "move/tail/append_rows.h"
#include "move/tail/tail_append.h"

static void add(struct buf *b, uint64_t value, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--)
        buf_char(b, (char)(value >> 8 * i));
}

/* A position, a text of `text` bytes, a NULL. */
static void add_row(struct buf *b, int64_t position, size_t text)
{
    add(b, 3, 2);
    add(b, 8, 4);
    add(b, (uint64_t)position, 8);
    add(b, text, 4);
    for (size_t i = 0; i < text; i++)
        buf_char(b, '\377');
    add(b, UINT32_MAX, 4);
}

static void sets_positions_and_nothing_else(void **state)
{
    AUTO(buf) struct buf before = BUF_INIT(10000);
    AUTO(buf) struct buf after = BUF_INIT(10000);
    static const int64_t positions[] = {1, INT64_MAX, 0x0102030405060708};
    int64_t last = 0;
    size_t count = 0;

    (void)state;
    for (int i = 0; i < 3; i++) {
        add_row(&before, 100 + i, (size_t)i * 700);
        add_row(&after, positions[i], (size_t)i * 700);
    }
    assert_true(append_rows_count(before.data, before.len, &count, &last));
    assert_int_equal(count, 3);
    assert_int_equal(last, 102);
    append_rows_set(before.data, before.len, positions);
    assert_memory_equal(before.data, after.data, after.len);
}

static void takes_no_rows_for_none(void **state)
{
    int64_t last = 7;
    size_t count = 7;

    (void)state;
    assert_true(append_rows_count("", 0, &count, &last));
    assert_int_equal(count, 0);
    assert_int_equal(last, 7);
}

static void refuses_what_is_cut_at_any_byte(void **state)
{
    AUTO(buf) struct buf row = BUF_INIT(1000);
    int64_t last = 0;
    size_t count = 0;

    (void)state;
    add_row(&row, 5, 20);
    for (size_t size = 1; size < row.len; size++)
        assert_false(append_rows_count(row.data, size, &count, &last));
    assert_true(append_rows_count(row.data, row.len, &count, &last));
}

static void refuses_a_first_field_that_is_no_position(void **state)
{
    AUTO(buf) struct buf row = BUF_INIT(1000);
    int64_t last = 0;
    size_t count = 0;

    (void)state;
    add(&row, 1, 2);
    add(&row, UINT32_MAX, 4);
    assert_false(append_rows_count(row.data, row.len, &count, &last));
    buf_clear(&row);
    add(&row, 1, 2);
    add(&row, 4, 4);
    add(&row, 5, 4);
    assert_false(append_rows_count(row.data, row.len, &count, &last));
    buf_clear(&row);
    add(&row, 0, 2);
    assert_false(append_rows_count(row.data, row.len, &count, &last));
}

/* Time is a budget: neighbours' feeds stand still as long as a batch is open. */
static void sizes_batches_by_the_time_they_take(void **state)
{
    (void)state;
    assert_int_equal(tail_append_next(100, 1000), 200);
    assert_int_equal(tail_append_next(400, 1000), APPEND_EVENTS_MAX);
    assert_int_equal(tail_append_next(100, 30000), 100);
    assert_int_equal(tail_append_next(100, 60000), 50);
    assert_int_equal(tail_append_next(1, 60000), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_positions_and_nothing_else),
        cmocka_unit_test(takes_no_rows_for_none),
        cmocka_unit_test(refuses_what_is_cut_at_any_byte),
        cmocka_unit_test(refuses_a_first_field_that_is_no_position),
        cmocka_unit_test(sizes_batches_by_the_time_they_take),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
