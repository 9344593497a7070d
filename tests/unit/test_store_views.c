/* What is counted of the stores between two readings. */
#include "test.h"

#include <stdio.h>

#include "console/store_views.h"

#define S INT64_C(1000000)

static struct tmv_store_observation seen(const char *id, int64_t server_us, int64_t commits, int64_t rejected)
{
    struct tmv_store_observation found = {
        .seen = true, .look = {.now_us = server_us, .commits = commits, .rejected = rejected}};

    snprintf(found.id, sizeof found.id, "%s", id);
    return found;
}

static void update(struct store_views *views, struct tmv_store_observation found)
{
    store_views_update(views, &found, 1, NULL, 0);
}

static void counts_from_one_look_to_the_next(void **state)
{
    const struct tmv_store_tenants tenants = {.id = "a", .tenants = 7};
    struct tmv_store_observation found = seen("a", 10 * S, 1000, 3);
    struct store_views views = {0};

    (void)state;
    store_views_update(&views, &found, 1, &tenants, 1);
    assert_int_equal(views.list[0].commit_rate, -1);
    assert_int_equal(views.list[0].rejected_before, 3);
    assert_int_equal(views.list[0].tenants, 7);
    update(&views, seen("a", 12 * S, 1500, 5));
    assert_int_equal(views.list[0].commit_rate, 250);
    update(&views, seen("a", 12 * S, 1500, 5)); /* the same look, read again */
    assert_int_equal(views.list[0].commit_rate, 250);
    assert_int_equal(views.list[0].rejected_before, 3);
    assert_int_equal(views.list[0].tenants, 7);
    update(&views, seen("a", 14 * S, 100, 5)); /* the server's statistics began anew */
    assert_int_equal(views.list[0].commit_rate, -1);
    update(&views, seen("b", 14 * S, 100, 9));
    assert_int_equal(views.count, 1);
    assert_int_equal(views.list[0].rejected_before, 9);
    assert_int_equal(views.list[0].tenants, 0);
    store_views_update(&views, NULL, 0, NULL, 0);
    assert_int_equal(views.count, 0);
    store_views_release(&views);
}

static void counts_nothing_without_a_look(void **state)
{
    struct tmv_store_observation away = {.id = "a", .failing = true};
    struct store_views views = {0};

    (void)state;
    update(&views, away);
    assert_int_equal(views.list[0].rejected_before, -1);
    update(&views, seen("a", 10 * S, 1000, 3));
    assert_int_equal(views.list[0].commit_rate, -1);
    assert_int_equal(views.list[0].rejected_before, 3);
    store_views_release(&views);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_from_one_look_to_the_next),
        cmocka_unit_test(counts_nothing_without_a_look),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
