/* What turned one list of facts into another: every row of the table of changes, and partitions as a whole.
 */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/json.h"
#include "store/guard/facts.h"

/* A fact as the store would list it; members that a rule looks at have a value of their own. */
static cJSON *fact_of(const char *kind, const char *id)
{
    static const char *const members[] = {
        "attached",  "persistence", "row_security", "forced",    "owner", "type",   "type_oid", "modifier",
        "generated", "identity",    "not_null",     "increment", "cache", "cycle",  "minimum",  "maximum",
        "altered",   "enabled",     "function",     "made",      "text",  "number", "table",    "expression"};
    cJSON *fact = cJSON_CreateObject();

    json_add_text(fact, "kind", kind);
    json_add_text(fact, "id", id);
    json_add_text(fact, "name", "thing");
    json_add_text(fact, "parent", "1");
    json_add_text(fact, "dropped", "false");
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        json_add_text(fact, members[i], "before");
    return fact;
}

/* A list of nothing, or of one fact. The caller frees the text. */
static char *list_with(const cJSON *fact)
{
    AUTO(json) cJSON *list = cJSON_CreateArray();

    if (fact)
        cJSON_AddItemToArray(list, cJSON_Duplicate(fact, true));
    return json_print(list);
}

static void compare(const cJSON *was, const cJSON *now, struct facts_diff *ret_diff)
{
    AUTO_FREE char *before = list_with(was);
    AUTO_FREE char *after = list_with(now);
    struct tmv_error err;

    assert_true(facts_compare(before, after, ret_diff, &err));
}

/* A kind that is not stored under its own name: what makes the comparison call a fact so. */
static const char *stored_kind(const char *kind)
{
    return strcmp(kind, "events table") == 0 || strcmp(kind, "bare table") == 0 ? "table" : kind;
}

static void says_what_each_change_is_and_what_it_takes_away(void **state)
{
    (void)state;
    for (size_t i = 0; i < fact_rule_count; i++) {
        const struct fact_rule *rule = &fact_rules[i];
        AUTO(json) cJSON *was = fact_of(stored_kind(rule->kind), "7");
        AUTO(json) cJSON *now = fact_of(stored_kind(rule->kind), "7");
        AUTO(facts_diff) struct facts_diff diff = {0};

        if (rule->how == FACT_ADDED && strcmp(rule->kind, "table") == 0)
            continue; /* needs its clones: see below */
        if (strcmp(rule->kind, "events table") == 0) {
            cJSON_ReplaceItemInObject(was, "parent", cJSON_CreateString(""));
            cJSON_ReplaceItemInObject(now, "parent", cJSON_CreateString(""));
        }
        if (rule->member)
            cJSON_ReplaceItemInObject(now, rule->member, cJSON_CreateString("after"));
        compare(rule->how == FACT_ADDED ? NULL : was, rule->how == FACT_REMOVED ? NULL : now, &diff);
        if (diff.count != 1 || diff.worst != rule->effect || strcmp(diff.changes[0].kind, rule->kind) != 0)
            fail_msg("row %zu (%s %s): %zu changes, effect %d instead of %d, as %s", i, rule->kind,
                     rule->member ? rule->member : "", diff.count, (int)diff.worst, (int)rule->effect,
                     diff.count ? diff.changes[0].kind : "nothing");
        assert_null(strstr(diff.changes[0].words, "{{"));
    }
}

static void puts_a_change_into_words(void **state)
{
    static const struct {
        const char *kind, *member, *before, *after, *words;
    } cases[] = {
        {"column", "type", "int4", "text",
         "column thing of public.events was given the type text (it was int4)"},
        {"column", "name", "thing", "place", "column thing of public.events was renamed to place"},
        {"sequence", "cache", "1", "20", "the sequence thing was given CACHE 20 (it was 1)"},
        {"trigger", "enabled", "enabled always", "disabled", "trigger thing of public.events was disabled"},
        {"function", "text", "a", "b", "function tenantmv.thing was replaced"},
        {"table", "persistence", "permanent", "unlogged",
         "the table thing was made unlogged (it was permanent)"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(json) cJSON *was = fact_of(cases[i].kind, "7");
        AUTO(json) cJSON *now = fact_of(cases[i].kind, "7");
        AUTO(facts_diff) struct facts_diff diff = {0};
        char words[300];

        cJSON_ReplaceItemInObject(was, "table", cJSON_CreateString("public.events"));
        cJSON_ReplaceItemInObject(now, "table", cJSON_CreateString("public.events"));
        cJSON_ReplaceItemInObject(was, cases[i].member, cJSON_CreateString(cases[i].before));
        cJSON_ReplaceItemInObject(now, cases[i].member, cJSON_CreateString(cases[i].after));
        compare(was, now, &diff);
        facts_diff_words(&diff, words, sizeof words);
        assert_string_equal(words, cases[i].words);
    }
}

/* The list of a partitioned store; a leaf that is attached has what `leaf` says. */
#define ROOT                                                                                                 \
    "{\"kind\":\"table\",\"id\":\"1\",\"name\":\"public.events\",\"parent\":\"\"},"                          \
    "{\"kind\":\"trigger\",\"id\":\"1/~t_insert\",\"name\":\"~t_insert\",\"relation\":\"1\",\"row\":\"1\","  \
    "\"function\":\"9\",\"enabled\":\"enabled always\",\"table\":\"public.events\"},"                        \
    "{\"kind\":\"trigger\",\"id\":\"1/"                                                                      \
    "~tenantmv_truncate\",\"name\":\"~tenantmv_truncate\",\"relation\":\"1\","                               \
    "\"row\":\"0\",\"function\":\"8\",\"enabled\":\"enabled always\",\"table\":\"public.events\"}"
#define LEAF "{\"kind\":\"table\",\"id\":\"2\",\"name\":\"public.events_c\",\"parent\":\"1\"}"
#define CLONE(enabled)                                                                                       \
    "{\"kind\":\"trigger\",\"id\":\"2/~t_insert\",\"name\":\"~t_insert\",\"relation\":\"2\",\"row\":\"1\","  \
    "\"function\":\"9\",\"enabled\":\"" enabled "\",\"table\":\"public.events_c\"}"
#define TRUNCATE                                                                                             \
    "{\"kind\":\"trigger\",\"id\":\"2/"                                                                      \
    "~tenantmv_truncate\",\"name\":\"~tenantmv_truncate\",\"relation\":\"2\","                               \
    "\"row\":\"0\",\"function\":\"8\",\"enabled\":\"enabled always\",\"table\":\"public.events_c\"}"

static void takes_a_partition_in_only_with_all_of_the_guards_clones(void **state)
{
    static const struct {
        const char *now;
        enum fact_effect effect;
        const char *leaf;
        bool unfinished;
    } cases[] = {
        {"[" ROOT "," LEAF "]", FACT_MOVE, "", false},
        {"[" ROOT "," LEAF "," CLONE("disabled") "]", FACT_MOVE, "", false},
        {"[" ROOT "," LEAF "," CLONE("enabled for replicas only") "]", FACT_MOVE, "", false},
        {"[" ROOT "," LEAF "," CLONE("enabled") "," TRUNCATE "]", FACT_NOTHING, "public.events_c", true},
        {"[" ROOT "," LEAF "," CLONE("enabled always") "]", FACT_NOTHING, "public.events_c", true},
        {"[" ROOT "," LEAF "," CLONE("enabled always") "," TRUNCATE "]", FACT_NOTHING, "public.events_c",
         false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(facts_diff) struct facts_diff diff = {0};
        struct tmv_error err;

        assert_true(facts_compare("[" ROOT "]", cases[i].now, &diff, &err));
        if (diff.count != 1 || diff.worst != cases[i].effect ||
            strcmp(diff.changes[0].leaf, cases[i].leaf) != 0 ||
            diff.changes[0].unfinished != cases[i].unfinished)
            fail_msg("case %zu: %zu changes, effect %d, leaf \"%s\", unfinished %d", i, diff.count,
                     (int)diff.worst, diff.changes[0].leaf, diff.changes[0].unfinished);
    }
}

static void a_partition_that_leaves_takes_its_triggers_along(void **state)
{
    AUTO(facts_diff) struct facts_diff diff = {0};
    struct tmv_error err;

    (void)state;
    assert_true(facts_compare("[" ROOT "," LEAF "," CLONE("enabled always") "," TRUNCATE "]", "[" ROOT "]",
                              &diff, &err));
    assert_int_equal(diff.count, 1);
    assert_int_equal(diff.worst, FACT_MOVE);
    assert_string_equal(diff.changes[0].words, "partition public.events_c was detached or dropped");
}

#define VERSION(number) "{\"kind\":\"version\",\"id\":\"\",\"name\":\"tenantmv\",\"number\":\"" number "\"}"
#define FUNCTION(text)                                                                                       \
    "{\"kind\":\"function\",\"id\":\"5\",\"name\":\"guard_insert\",\"owner\":\"10\",\"text\":\"" text "\"}"

static void an_upgrade_of_the_schema_explains_new_functions(void **state)
{
    AUTO(facts_diff) struct facts_diff upgrade = {0};
    AUTO(facts_diff) struct facts_diff replaced = {0};
    struct tmv_error err;

    (void)state;
    assert_true(facts_compare("[" FUNCTION("a") "," VERSION("3") "]", "[" FUNCTION("b") "," VERSION("4") "]",
                              &upgrade, &err));
    assert_int_equal(upgrade.worst, FACT_PROOF);
    assert_true(facts_compare("[" FUNCTION("a") "," VERSION("3") "]", "[" FUNCTION("b") "," VERSION("3") "]",
                              &replaced, &err));
    assert_int_equal(replaced.worst, FACT_MOVE);
}

static void the_worst_change_comes_first_and_alone_into_the_words(void **state)
{
    AUTO(facts_diff) struct facts_diff diff = {0};
    struct tmv_error err;
    char words[300], few[60];

    (void)state;
    assert_true(facts_compare(
        "[" ROOT "]",
        "[" ROOT "," LEAF "," CLONE(
            "enabled always") "," TRUNCATE
                              ",{\"kind\":\"column\",\"id\":\"3\",\"name\":\"x\",\"table\":\"public.events\"}"
                              ",{\"kind\":\"column\",\"id\":\"4\",\"name\":\"y\",\"table\":\"public.events\"}"
                              "]",
        &diff, &err));
    assert_int_equal(diff.count, 3);
    assert_int_equal(diff.worst, FACT_MOVE);
    facts_diff_words(&diff, words, sizeof words);
    assert_string_equal(words, "column x was added to public.events; column y was added to public.events");
    facts_diff_words(&diff, few, sizeof few);
    assert_string_equal(few, "column x was added to public.events; …");
}

static void what_is_no_list_is_an_error(void **state)
{
    AUTO(facts_diff) struct facts_diff diff = {0};
    struct tmv_error err;

    (void)state;
    assert_false(facts_compare("[", "[]", &diff, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_each_change_is_and_what_it_takes_away),
        cmocka_unit_test(puts_a_change_into_words),
        cmocka_unit_test(takes_a_partition_in_only_with_all_of_the_guards_clones),
        cmocka_unit_test(a_partition_that_leaves_takes_its_triggers_along),
        cmocka_unit_test(an_upgrade_of_the_schema_explains_new_functions),
        cmocka_unit_test(the_worst_change_comes_first_and_alone_into_the_words),
        cmocka_unit_test(what_is_no_list_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
