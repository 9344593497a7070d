/* The filter's language over the made-up fleet. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "sample_fleet.h"
#include "view/filter.h"
#include "view/fleet_order.h"

/* Names that pass, in the order of the snapshot, joined by blanks. */
static void passing(const char *text, char *names, size_t size)
{
    struct tmv_snapshot *snapshot = sample_snapshot();
    struct tenant_names aliases = sample_names();
    char problem[FILTER_PROBLEM_MAX];
    struct filter filter;
    size_t used = 0;

    names[0] = '\0';
    if (!filter_parse(text, &filter, problem))
        fail_msg("%s: %s", text, problem);
    for (size_t i = 0; i < snapshot->migration_count; i++) {
        char name[TENANT_NAME_MAX];
        struct filter_subject subject = {&snapshot->migrations[i],
                                         tenant_name(&aliases, &snapshot->migrations[i].tenant, name),
                                         "amy@bastion2", snapshot->taken_at_us};
        if (filter_passes(&filter, &subject))
            used += (size_t)snprintf(names + used, size - used, "%s%s", used > 0 ? " " : "", name);
    }
    filter_release(&filter);
    tmv_snapshot_free(snapshot);
}

static void finds_what_the_words_mean(void **state)
{
    static const struct {
        const char *text, *names;
    } cases[] = {
        {"COBALT", "cobalt-retail"},
        {"phase=ready", "acme-eu-1042"},
        {"phase=ready,copy", "acme-eu-1042 delta-7"},
        {"phase=READY lag<50ms", "acme-eu-1042"},
        {"lag>50ms", "cobalt-retail fjord-labs"},
        {"lag>=41s", "fjord-labs"},
        {"lag>0.5m", "fjord-labs"},
        {"store:k1", "acme-eu-1042 ra?[31mw?? juniper"},
        {"phase=throttled", "juniper"},
        {"target=dedicated-k1", "acme-eu-1042"},
        {"progress<50 -nimbus phase!=aborted", "fjord-labs 日本の会社"},
        {"rate>1k -cobalt", "borealis delta-7"},
        {"eta>3m", "cobalt-retail"},
        {"gate:verified", "cobalt-retail"},
        {"~^(acme|bore)", "acme-eu-1042 borealis"},
        {"-~[aeo]", ""},
        {"by:me paused", "fjord-labs"},
        {"note:deploy", "fjord-labs"},
        {"\"engine is silent\"", "nimbus"},
        {"indigo nimbus", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char names[800];
        passing(cases[i].text, names, sizeof names);
        if (strcmp(names, cases[i].names) != 0)
            fail_msg("\"%s\" finds \"%s\", not \"%s\"", cases[i].text, names, cases[i].names);
    }
}

static void negation_splits_the_fleet_in_two(void **state)
{
    static const char *const pairs[][2] = {{"phase=ready", "phase!=ready"},
                                           {"store:k1", "-store:k1"},
                                           {"retail", "-retail"},
                                           {"~^.a", "-~^.a"},
                                           {"lag>50ms", "-lag>50ms"}};

    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char with[800], without[800], all[800];
        size_t blanks = 0;
        passing(pairs[i][0], with, sizeof with);
        passing(pairs[i][1], without, sizeof without);
        passing("", all, sizeof all);
        assert_true(with[0] != '\0' && without[0] != '\0');
        for (const char *c = all; *c != '\0'; c++)
            blanks += *c == ' ';
        for (const char *c = with; *c != '\0'; c++)
            blanks -= *c == ' ';
        for (const char *c = without; *c != '\0'; c++)
            blanks -= *c == ' ';
        assert_int_equal(blanks, 1); /* two lists have one blank less than the one of both */
    }
}

static void an_empty_field_is_found(void **state)
{
    char names[800];

    (void)state;
    passing("!note phase=ready", names, sizeof names);
    assert_string_equal(names, "acme-eu-1042");
    passing("!note nimbus", names, sizeof names);
    assert_string_equal(names, "");
    passing("!lag phase=copy", names, sizeof names);
    assert_string_equal(names, "delta-7");
}

static void says_what_it_cannot_read(void **state)
{
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"lag>50", "with its unit"},     {"age<1", "50ms 3s 2m 1h"},
        {"lag>fast", "needs a time"},    {"lag>", "a value has to follow"},
        {"colour=red", "no such field"}, {"~(", "is no regular expression"},
        {"~", "has to follow"},          {"rate>x", "needs a number"},
        {"!nonsense", "names no field"}, {"phase>ready", "is a text"},
        {"lag>1e300h", "needs a time"},  {"a b c d e f g h i j k l m", "too many terms"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char problem[FILTER_PROBLEM_MAX];
        struct filter filter;
        assert_false(filter_parse(cases[i].text, &filter, problem));
        if (strstr(problem, cases[i].words) == NULL)
            fail_msg("%s: %s", cases[i].text, problem);
    }
}

static void every_example_of_the_help_can_be_read(void **state)
{
    (void)state;
    for (int i = 0; i < filter_field_count(); i++) {
        char problem[FILTER_PROBLEM_MAX];
        struct filter filter;
        assert_true(filter_parse(filter_field_at(i)->example, &filter, problem));
        assert_non_null(strstr(filter_field_at(i)->example, filter_field_at(i)->name));
        filter_release(&filter);
    }
}

/* ~B++++… took 3 GB. */
static void an_expression_takes_no_time_or_memory_without_bound(void **state)
{
    static const char *const refused[] = {
        "~B++++++++++++++++++++",
        "~(a+)+",
        "~((a*)b)*",
        "~(a|b+)*c",
        "~a{9999}",
        "~(a)\\1",
        "~a**",
        "~((((((((a))))))))",
        "~a*b*c*d*e*f*g*h*i*",
    };
    static const char *const taken[] = {"~^ac.*eu", "~(acme|bor)e?", "~[a-c]+",
                                        "~a\\+",    "~x(ab)*y",      "~a.b.c+$"};
    char problem[FILTER_PROBLEM_MAX], text[400];
    struct filter filter;

    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        if (filter_parse(refused[i], &filter, problem))
            fail_msg("%s was taken", refused[i]);
        assert_true(problem[0] != '\0');
    }
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
        if (!filter_parse(taken[i], &filter, problem))
            fail_msg("%s: %s", taken[i], problem);
        filter_release(&filter);
    }
    memset(text, 'a', sizeof text);
    text[0] = '~';
    text[sizeof text - 1] = '\0';
    assert_false(filter_parse(text, &filter, problem));
}

static void bad_input_keeps_the_last_good_result(void **state)
{
    struct tmv_snapshot *snapshot = sample_snapshot();
    struct model model;

    (void)state;
    sample_model(&model, snapshot);
    strcpy(model.fleet.filter, "phase=ready");
    fleet_refilter(&model);
    assert_int_equal(model.fleet.shown, 1);
    strcpy(model.fleet.filter, "phase=ready lag>");
    fleet_refilter(&model);
    assert_int_equal(model.fleet.shown, 1);
    assert_non_null(strstr(model.fleet.filter_problem, "lag>"));
    strcpy(model.fleet.filter, "");
    fleet_refilter(&model);
    assert_int_equal(model.fleet.shown, 11);
    assert_string_equal(model.fleet.filter_problem, "");
    tmv_snapshot_free(snapshot);
}

/* ---- orders ---- */

static void every_order_is_total_and_can_be_reversed(void **state)
{
    struct tmv_snapshot *snapshot = sample_many(60);
    struct model model;

    (void)state;
    sample_model(&model, snapshot);
    for (int sort = 0; sort < fleet_sorts(); sort++) {
        int first[60];
        model.fleet.sort = sort;
        model.fleet.reverse = false;
        fleet_order(&model, false);
        memcpy(first, model.fleet.order, sizeof first);
        fleet_order(&model, false);
        assert_memory_equal(first, model.fleet.order, sizeof first);
        model.fleet.reverse = true;
        fleet_order(&model, false);
        for (int i = 0; i < 60; i++)
            assert_int_equal(model.fleet.order[i], first[59 - i]);
    }
    tmv_snapshot_free(snapshot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_the_words_mean),
        cmocka_unit_test(negation_splits_the_fleet_in_two),
        cmocka_unit_test(an_empty_field_is_found),
        cmocka_unit_test(says_what_it_cannot_read),
        cmocka_unit_test(every_example_of_the_help_can_be_read),
        cmocka_unit_test(an_expression_takes_no_time_or_memory_without_bound),
        cmocka_unit_test(bad_input_keeps_the_last_good_result),
        cmocka_unit_test(every_order_is_total_and_can_be_reversed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
