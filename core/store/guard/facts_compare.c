/* What turned one list of facts into another: which rule of the table fits, and what it takes away. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/json.h"
#include "lib/text.h"
#include "pg/ident.h"
#include "store/guard/facts.h"

#define TRUNCATE_TRIGGER "~tenantmv_truncate"

/* {{name}} and {{table}} are the object's as they are now (or were, when it is gone); {{was}} and {{now}} are
 * the member's. Of a changed object the first row whose member differs counts: "altered" (xmin) is last. */
const struct fact_rule fact_rules[] = {
    {"events table", FACT_ADDED, NULL, FACT_SHAPE, "another table is called {{name}} now"},
    {"events table", FACT_REMOVED, NULL, FACT_SHAPE, "the table {{name}} was dropped or renamed"},
    {"table", FACT_ADDED, NULL, FACT_NOTHING, "partition {{name}} was attached"},
    {"bare table", FACT_ADDED, NULL, FACT_MOVE,
     "partition {{name}} was attached without the guard's triggers"},
    {"table", FACT_REMOVED, NULL, FACT_MOVE, "partition {{name}} was detached or dropped"},
    {"table", FACT_CHANGED, "parent", FACT_MOVE, "partition {{name}} was attached to another table"},
    {"table", FACT_CHANGED, "attached", FACT_MOVE,
     "partition {{name}} is being detached, or was detached and attached again"},
    {"table", FACT_CHANGED, "persistence", FACT_MOVE, "the table {{name}} was made {{now}} (it was {{was}})"},
    {"table", FACT_CHANGED, "row_security", FACT_MOVE, "row security of {{name}} was switched {{now}}"},
    {"table", FACT_CHANGED, "forced", FACT_MOVE, "FORCE ROW LEVEL SECURITY of {{name}} was switched {{now}}"},
    {"table", FACT_CHANGED, "owner", FACT_MOVE, "the table {{name}} was given to another owner"},
    {"table", FACT_CHANGED, "name", FACT_NOTHING, "partition {{was}} was renamed to {{now}}"},
    {"column", FACT_ADDED, NULL, FACT_MOVE, "column {{name}} was added to {{table}}"},
    {"column", FACT_REMOVED, NULL, FACT_SHAPE, "column {{name}} of {{table}} is gone"},
    {"column", FACT_CHANGED, "dropped", FACT_SHAPE, "column {{name}} was dropped from {{table}}"},
    {"column", FACT_CHANGED, "name", FACT_SHAPE, "column {{was}} of {{table}} was renamed to {{now}}"},
    {"column", FACT_CHANGED, "type", FACT_SHAPE,
     "column {{name}} of {{table}} was given the type {{now}} (it was {{was}})"},
    {"column", FACT_CHANGED, "type_oid", FACT_SHAPE,
     "column {{name}} of {{table}} was given another type of the same name"},
    {"column", FACT_CHANGED, "modifier", FACT_MOVE,
     "column {{name}} of {{table}} was given another length or precision"},
    {"column", FACT_CHANGED, "generated", FACT_SHAPE,
     "column {{name}} of {{table}} is generated now, or no longer"},
    {"column", FACT_CHANGED, "identity", FACT_MOVE,
     "column {{name}} of {{table}} is an identity column now, or no longer"},
    {"column", FACT_CHANGED, "not_null", FACT_NOTHING, "column {{name}} of {{table}} was set {{now}}"},
    {"column", FACT_CHANGED, "table", FACT_SHAPE, "the table {{was}} was renamed to {{now}}"},
    {"default", FACT_ADDED, NULL, FACT_MOVE, "column {{name}} of {{table}} was given a default"},
    {"default", FACT_REMOVED, NULL, FACT_MOVE, "the default of {{name}} of {{table}} was dropped"},
    {"default", FACT_CHANGED, "expression", FACT_MOVE, "the default of {{name}} of {{table}} was changed"},
    {"sequence", FACT_ADDED, NULL, FACT_MOVE, "positions come from the sequence {{name}} now"},
    {"sequence", FACT_REMOVED, NULL, FACT_MOVE, "positions no longer come from the sequence {{name}}"},
    {"sequence", FACT_CHANGED, "increment", FACT_MOVE,
     "the sequence {{name}} was given INCREMENT {{now}} (it was {{was}})"},
    {"sequence", FACT_CHANGED, "cache", FACT_MOVE,
     "the sequence {{name}} was given CACHE {{now}} (it was {{was}})"},
    {"sequence", FACT_CHANGED, "cycle", FACT_MOVE, "the sequence {{name}} was given {{now}}"},
    {"sequence", FACT_CHANGED, "minimum", FACT_MOVE,
     "the sequence {{name}} was given MINVALUE {{now}} (it was {{was}})"},
    {"sequence", FACT_CHANGED, "maximum", FACT_MOVE,
     "the sequence {{name}} was given MAXVALUE {{now}} (it was {{was}})"},
    {"sequence", FACT_CHANGED, "type", FACT_MOVE, "the sequence {{name}} was given another type"},
    {"sequence", FACT_CHANGED, "persistence", FACT_MOVE, "the sequence {{name}} was made {{now}}"},
    {"sequence", FACT_CHANGED, "owner", FACT_MOVE, "the sequence {{name}} was given to another owner"},
    {"sequence", FACT_CHANGED, "name", FACT_NOTHING, "the sequence {{was}} was renamed to {{now}}"},
    {"sequence", FACT_CHANGED, "altered", FACT_MOVE,
     "the sequence {{name}} was altered (ALTER SEQUENCE) and has its settings again: sessions may hold "
     "positions that they took meanwhile"},
    {"late trigger", FACT_ADDED, NULL, FACT_MOVE,
     "trigger {{name}} was added to {{table}}; it fires after the guard's"},
    {"late trigger", FACT_REMOVED, NULL, FACT_NOTHING, "trigger {{name}} was dropped from {{table}}"},
    {"late trigger", FACT_CHANGED, "enabled", FACT_MOVE,
     "trigger {{name}} of {{table}}, which fires after the guard's, was {{now}}"},
    {"late trigger", FACT_CHANGED, "altered", FACT_MOVE,
     "trigger {{name}} of {{table}}, which fires after the guard's, was altered"},
    {"trigger", FACT_ADDED, NULL, FACT_NOTHING, "trigger {{name}} was added to {{table}}"},
    {"trigger", FACT_REMOVED, NULL, FACT_MOVE, "trigger {{name}} was dropped from {{table}}"},
    {"trigger", FACT_CHANGED, "enabled", FACT_MOVE, "trigger {{name}} of {{table}} was {{now}}"},
    {"trigger", FACT_CHANGED, "function", FACT_MOVE, "trigger {{name}} of {{table}} was replaced"},
    {"trigger", FACT_CHANGED, "made", FACT_MOVE, "trigger {{name}} of {{table}} was dropped and made again"},
    {"trigger", FACT_CHANGED, "altered", FACT_MOVE,
     "trigger {{name}} of {{table}} was altered and is as before: it may have been off meanwhile"},
    {"rule", FACT_ADDED, NULL, FACT_MOVE,
     "rule {{name}} was added to {{table}}: it can send events elsewhere, past the guard"},
    {"rule", FACT_REMOVED, NULL, FACT_NOTHING, "rule {{name}} was dropped from {{table}}"},
    {"rule", FACT_CHANGED, "enabled", FACT_MOVE, "rule {{name}} of {{table}} was enabled or disabled"},
    {"rule", FACT_CHANGED, "altered", FACT_MOVE, "rule {{name}} of {{table}} was replaced"},
    {"function", FACT_ADDED, NULL, FACT_NOTHING, "function tenantmv.{{name}} was added"},
    {"function", FACT_REMOVED, NULL, FACT_MOVE, "function tenantmv.{{name}} was dropped"},
    {"function", FACT_CHANGED, "text", FACT_MOVE, "function tenantmv.{{name}} was replaced"},
    {"function", FACT_CHANGED, "owner", FACT_MOVE, "function tenantmv.{{name}} was given to another owner"},
    {"function", FACT_CHANGED, "altered", FACT_MOVE,
     "function tenantmv.{{name}} was altered or replaced and has its text again"},
    {"version", FACT_CHANGED, "number", FACT_PROOF,
     "the schema tenantmv was upgraded from version {{was}} to {{now}}"},
};
const size_t fact_rule_count = ARRAY_LEN(fact_rules);

static const struct fact_rule no_rule = {"", FACT_CHANGED, NULL, FACT_MOVE,
                                         "{{name}} of {{table}} was changed"};

void facts_diff_release(struct facts_diff *diff)
{
    free(TAKE(diff->changes));
    diff->count = 0;
}

/* ---- one fact ---- */

static const char *member(const cJSON *fact, const char *name)
{
    return json_get_text(fact, name, "");
}

static bool is_same(const cJSON *a, const cJSON *b, const char *name)
{
    return strcmp(member(a, name), member(b, name)) == 0;
}

static const cJSON *find(const cJSON *list, const char *kind, const char *id)
{
    const cJSON *fact;

    cJSON_ArrayForEach(fact, list) if (strcmp(member(fact, "id"), id) == 0 &&
                                       strcmp(member(fact, "kind"), kind) == 0) return fact;
    return NULL;
}

static bool is_root(const cJSON *fact)
{
    return strcmp(member(fact, "kind"), "table") == 0 && !*member(fact, "parent");
}

/* A trigger of the events table that must have a clone on every partition. */
static bool is_cloned(const cJSON *list, const cJSON *fact)
{
    const cJSON *table = find(list, "table", member(fact, "relation"));

    return strcmp(member(fact, "kind"), "trigger") == 0 && strcmp(member(fact, "row"), "1") == 0 && table &&
           is_root(table);
}

static bool has_clone(const cJSON *list, const cJSON *leaf, const cJSON *trigger)
{
    char id[300];
    const cJSON *clone;

    snprintf(id, sizeof id, "%s/%s", member(leaf, "id"), member(trigger, "name"));
    clone = find(list, "trigger", id);
    return clone && is_same(clone, trigger, "function") &&
           (strcmp(member(clone, "enabled"), "enabled always") == 0 ||
            strcmp(member(clone, "enabled"), "enabled") == 0);
}

/* The TRUNCATE trigger, which is not cloned, is added when the partition is taken in. */
static bool is_guarded(const cJSON *list, const cJSON *leaf)
{
    const cJSON *fact;
    bool any = false;

    cJSON_ArrayForEach(fact, list)
    {
        if (!is_cloned(list, fact))
            continue;
        if (!has_clone(list, leaf, fact))
            return false;
        any = true;
    }
    return any;
}

static bool is_finished(const cJSON *list, const cJSON *leaf)
{
    const cJSON *fact;
    bool refuses_truncate = false;

    cJSON_ArrayForEach(fact, list)
    {
        if (strcmp(member(fact, "kind"), "trigger") != 0 ||
            strcmp(member(fact, "relation"), member(leaf, "id")) != 0)
            continue;
        if (strcmp(member(fact, "enabled"), "enabled always") != 0)
            return false;
        refuses_truncate = refuses_truncate || strcmp(member(fact, "name"), TRUNCATE_TRIGGER) == 0;
    }
    return refuses_truncate;
}

/* ---- rules ---- */

static const char *kind_of(const cJSON *list, const cJSON *fact, enum fact_how how)
{
    if (is_root(fact) && how != FACT_CHANGED)
        return "events table";
    if (how == FACT_ADDED && strcmp(member(fact, "kind"), "table") == 0 && !is_guarded(list, fact))
        return "bare table";
    return member(fact, "kind");
}

static const struct fact_rule *rule_for(const char *kind, enum fact_how how, const cJSON *was,
                                        const cJSON *now)
{
    for (size_t i = 0; i < ARRAY_LEN(fact_rules); i++) {
        const struct fact_rule *rule = &fact_rules[i];

        if (rule->how == how && strcmp(rule->kind, kind) == 0 &&
            (!rule->member || !is_same(was, now, rule->member)))
            return rule;
    }
    return &no_rule;
}

struct comparison {
    const cJSON *before, *now; /* the lists */
    bool upgraded;             /* by this program: its functions are new then */
    struct facts_diff *diff;
};

static bool write_words(const struct fact_rule *rule, const cJSON *was, const cJSON *now, char *words,
                        size_t size, struct tmv_error *err)
{
    AUTO(buf) struct buf text = BUF_INIT(4000);
    const cJSON *named = now && *member(now, "name") ? now : was;
    const char *what = rule->member ? rule->member : "name";
    const struct pgx_var vars[] = {
        {"name", named ? member(named, "name") : ""},
        {"table", member(now ? now : was, "table")},
        {"was", was ? member(was, what) : ""},
        {"now", now ? member(now, what) : ""},
    };

    if (!pgx_expand(&text, rule->words, vars, ARRAY_LEN(vars), err))
        return false;
    text_copy(words, size, buf_text(&text));
    text_sanitize(words);
    return true;
}

static bool note_change(struct comparison *c, enum fact_how how, const cJSON *was, const cJSON *now,
                        struct tmv_error *err)
{
    const char *kind = kind_of(how == FACT_REMOVED ? c->before : c->now, now ? now : was, how);
    const struct fact_rule *rule = rule_for(kind, how, was, now);
    struct fact_change *change = &c->diff->changes[c->diff->count];

    if (!write_words(rule, was, now, change->words, sizeof change->words, err))
        return false;
    change->effect = rule->effect;
    change->kind = rule->kind;
    if (c->upgraded && strcmp(kind, "function") == 0 && rule->effect > FACT_PROOF)
        change->effect = FACT_PROOF;
    if (how == FACT_ADDED && strcmp(kind, "table") == 0) {
        change->unfinished = !is_finished(c->now, now);
        if (!text_copy(change->leaf, sizeof change->leaf, member(now, "name")))
            change->effect = FACT_MOVE; /* a name too long to look at */
    }
    c->diff->count++;
    return true;
}

/* A trigger comes and goes with its partition. */
static bool follows_its_table(const cJSON *other, const cJSON *fact)
{
    const char *relation = member(fact, "relation");

    return *relation && strcmp(member(fact, "kind"), "trigger") == 0 && !find(other, "table", relation);
}

static bool compare_one(struct comparison *c, const cJSON *was, const cJSON *now, struct tmv_error *err)
{
    if (!was)
        return follows_its_table(c->before, now) || note_change(c, FACT_ADDED, NULL, now, err);
    if (!now)
        return follows_its_table(c->now, was) || note_change(c, FACT_REMOVED, was, NULL, err);
    return cJSON_Compare(was, now, true) || note_change(c, FACT_CHANGED, was, now, err);
}

static bool compare_all(struct comparison *c, struct tmv_error *err)
{
    const cJSON *fact;

    cJSON_ArrayForEach(fact, c->before)
    {
        if (!compare_one(c, fact, find(c->now, member(fact, "kind"), member(fact, "id")), err))
            return false;
    }
    cJSON_ArrayForEach(fact, c->now)
    {
        if (!find(c->before, member(fact, "kind"), member(fact, "id")) && !compare_one(c, NULL, fact, err))
            return false;
    }
    return true;
}

static int by_effect(const void *a, const void *b)
{
    const struct fact_change *left = a, *right = b;

    return (right->effect > left->effect) - (right->effect < left->effect);
}

bool facts_compare(const char *before, const char *now, struct facts_diff *ret_diff, struct tmv_error *err)
{
    AUTO(json) cJSON *was_list = NULL;
    AUTO(json) cJSON *now_list = NULL;
    struct comparison c = {.diff = ret_diff};

    *ret_diff = (struct facts_diff){.worst = FACT_NOTHING};
    if (!json_parse(before, &was_list, err) || !json_parse(now, &now_list, err))
        return err_wrap(err, "comparing the facts of a store");
    c.before = was_list;
    c.now = now_list;
    const cJSON *version = find(was_list, "version", "");
    const cJSON *new_version = find(now_list, "version", "");
    c.upgraded = version && new_version && !is_same(version, new_version, "number");
    size_t most = (size_t)cJSON_GetArraySize(was_list) + (size_t)cJSON_GetArraySize(now_list) + 1;
    ret_diff->changes = calloc(most, sizeof *ret_diff->changes);
    if (!ret_diff->changes)
        return err_set(err, TMV_ERR_NOMEM, "out of memory");
    if (!compare_all(&c, err))
        return false;
    qsort(ret_diff->changes, ret_diff->count, sizeof *ret_diff->changes, by_effect);
    ret_diff->worst = ret_diff->count ? ret_diff->changes[0].effect : FACT_NOTHING;
    return true;
}

void facts_diff_words(const struct facts_diff *diff, char *words, size_t size)
{
    AUTO(buf) struct buf text = BUF_INIT(4000);

    for (size_t i = 0; i < diff->count && diff->changes[i].effect == diff->worst; i++) {
        if (text.len + sizeof diff->changes[i].words > size && text.len) {
            buf_str(&text, "; …");
            break;
        }
        buf_printf(&text, "%s%s", text.len ? "; " : "", diff->changes[i].words);
    }
    text_copy(words, size, buf_text(&text));
}
