#include "move/shared/fact_watch.h"

#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/fault.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/text.h"

#define TAKE_IN_PATIENCE_US (500 * US_PER_MS) /* for the triggers that a new partition lacks */
#define TAKE_IN_TRIES 3

const char *store_side_name(enum store_side side)
{
    return side == SIDE_SOURCE ? "source" : "target";
}

void fact_watch_release(struct fact_watch *w)
{
    for (int i = 0; i < SIDE_COUNT; i++)
        facts_release(&w->sides[i].noted);
    *w = (struct fact_watch){0};
}

static struct fact_side *side_of(const struct fact_look *look)
{
    return &look->watch->sides[look->side];
}

/* ---- the note ---- */

/* With what is told of it, in one transaction: what the ledger knows is news no more. `told` may be NULL. */
static bool write_note(const struct fact_look *look, const struct facts *facts,
                       const struct ledger_note *told, struct tmv_error *err)
{
    struct ledger_note row = told ? *told : (struct ledger_note){0};
    const struct fact_side *s = side_of(look);
    AUTO(json) cJSON *note = cJSON_CreateObject();
    AUTO_FREE char *text = NULL;

    json_add_text(note, "digest", facts->digest);
    if (note)
        cJSON_AddItemToObject(note, "facts", cJSON_CreateRaw(facts->list ? facts->list : "[]"));
    if (s->changed[0]) {
        json_add_text(note, "changed", s->changed);
        json_add_text(note, "noticed", s->noticed);
    }
    text = json_print(note);
    if (!text)
        return err_set(err, TMV_ERR_NOMEM, "out of memory");
    row.id = s->ledger;
    row.facts = text;
    return control_ledger_facts(look->control, look->owner, &row, err);
}

/* The side's note is what was read. */
static bool replace_note(const struct fact_look *look, struct facts *now, const struct ledger_note *told,
                         struct tmv_error *err)
{
    struct fact_side *s = side_of(look);

    s->changed[0] = '\0';
    if (!write_note(look, now, told, err))
        return false;
    facts_release(&s->noted);
    s->noted = *now;
    text_copy(s->glance, sizeof s->glance, now->glance);
    *now = (struct facts){0};
    return true;
}

bool fact_watch_note(const struct fact_look *look, int64_t ledger, const char *installed,
                     struct tmv_error *err)
{
    AUTO(facts) struct facts now = {0};

    if (!facts_read(look->store, look->guard, NULL, &now, err))
        return false;
    if (strcmp(now.glance, installed) != 0)
        return err_set(err, TMV_ERR_CONFLICT,
                       "the events table in %s was changed while the guard was installed",
                       pgx_place(look->store));
    side_of(look)->ledger = ledger;
    return replace_note(look, &now, NULL, err);
}

static bool read_note(struct fact_side *s, const struct ledger_entry *entry, struct tmv_error *err)
{
    AUTO(json) cJSON *note = NULL;

    facts_release(&s->noted);
    s->glance[0] = '\0';
    s->ledger = entry->id;
    if (!entry->facts || !entry->facts[0])
        return true;
    if (!json_parse(entry->facts, &note, err))
        return err_wrap(err, "reading the facts of a guard from the ledger");
    text_copy(s->noted.digest, sizeof s->noted.digest, json_get_text(note, "digest", ""));
    text_copy(s->changed, sizeof s->changed, json_get_text(note, "changed", ""));
    text_copy(s->noticed, sizeof s->noticed, json_get_text(note, "noticed", ""));
    const cJSON *list = cJSON_GetObjectItem(note, "facts");
    if (!list)
        return true;
    s->noted.list = json_print(list);
    return s->noted.list || err_set(err, TMV_ERR_NOMEM, "out of memory");
}

bool fact_watch_load(const struct fact_look *look, struct tmv_error *err)
{
    struct fact_side *s = side_of(look);
    struct ledger_entry *entries = NULL;
    size_t count = 0;
    bool ok = true;

    if (!control_ledger_list(look->control, &look->owner->migration, "guard", &entries, &count, err))
        return false;
    for (size_t i = 0; ok && i < count; i++)
        if (strcmp(entries[i].store, store_side_name(look->side)) == 0)
            ok = read_note(s, &entries[i], err);
    control_ledger_free(entries, count);
    return ok;
}

/* ---- looking ---- */

static void set_words(struct fact_side *s, enum store_side side, const char *what)
{
    AUTO(buf) struct buf text = BUF_INIT(sizeof s->words - 1);

    buf_printf(&text, "%s: %.130s (noticed %.25s)", store_side_name(side), what, s->noticed);
    text_copy(s->words, sizeof s->words, buf_text(&text));
}

/* The first sight of a change is kept with its time, so that a later engine says the same. */
static bool note_void(const struct fact_look *look, const struct facts *now, const char *what,
                      struct tmv_error *err)
{
    struct fact_side *s = side_of(look);
    struct tmv_error problem = {.code = TMV_ERR_REFUSED};
    const struct ledger_note told = {.problem = &problem};

    if (strcmp(s->changed, now->digest) == 0) {
        set_words(s, look->side, what);
        return true;
    }
    text_copy(s->changed, sizeof s->changed, now->digest);
    clock_format_utc(clock_wall_us(), s->noticed, sizeof s->noticed);
    set_words(s, look->side, what);
    snprintf(problem.message, sizeof problem.message, "the move is void: %.300s", s->words);
    err_hint(&problem, "abort the migration and start again");
    if (!fault_hit("facts.before_void", err) || !write_note(look, &s->noted, &told, err))
        return false;
    s->news = true;
    return fault_hit("facts.void_noted", err);
}

/* What a change comes to, partitions included: they may bring events along. */
struct judgement {
    enum fact_effect effect;
    char words[TMV_REASON_MAX];
    bool unfinished; /* a partition lacks triggers that are not cloned */
    bool renamed;
};

static bool judge_leaf(const struct fact_look *look, const struct fact_change *change, struct judgement *j,
                       struct tmv_error *err)
{
    bool holds = false;

    if (!change->leaf[0])
        return true;
    if (!facts_leaf_holds(look->store, look->guard, change->leaf, look->watch->good_to, &holds, err))
        return false;
    if (holds) {
        j->effect = FACT_MOVE;
        snprintf(j->words, sizeof j->words, "partition %.120s was attached with events of the tenant in it",
                 change->leaf);
    }
    j->unfinished = j->unfinished || change->unfinished;
    return true;
}

static bool judge(const struct fact_look *look, const struct facts *now, struct judgement *j,
                  struct tmv_error *err)
{
    AUTO(facts_diff) struct facts_diff diff = {0};

    *j = (struct judgement){.effect = FACT_SHAPE};
    if (!side_of(look)->noted.list) {
        text_copy(j->words, sizeof j->words, "what an older version noted about it no longer holds");
        return true;
    }
    if (!facts_compare(side_of(look)->noted.list, now->list, &diff, err))
        return false;
    j->effect = diff.worst;
    facts_diff_words(&diff, j->words, sizeof j->words);
    for (size_t i = 0; i < diff.count && diff.worst < FACT_MOVE && j->effect < FACT_MOVE; i++) {
        j->renamed = j->renamed || strcmp(diff.changes[i].kind, "sequence") == 0;
        if (!judge_leaf(look, &diff.changes[i], j, err))
            return false;
    }
    return true;
}

/* Triggers that are not cloned are added as they were installed: the table is asked for a moment. */
static bool finish_leaves(const struct fact_look *look, const char *words, bool *ret_done,
                          struct tmv_error *err)
{
    struct fact_side *s = side_of(look);
    struct guard_installed ignored;
    struct tmv_error why = {0};

    *ret_done = guard_install(look->store, look->guard, GUARD_ROWS, TAKE_IN_PATIENCE_US, &ignored, &why);
    if (*ret_done)
        return fault_hit("facts.leaf_guarded", err);
    if (why.code != TMV_ERR_TIMEOUT) {
        *err = why;
        return false;
    }
    snprintf(s->words, sizeof s->words, "%s: %.100s; its TRUNCATE trigger waits for the table",
             store_side_name(look->side), words);
    return true;
}

static bool take_in(const struct fact_look *look, struct facts *now, const struct judgement *j,
                    struct tmv_error *err)
{
    AUTO(json) cJSON *details = cJSON_CreateObject();
    AUTO_FREE char *text = NULL;
    struct ledger_note told = {.event_type = "progress_checkpoint"};

    json_add_text(details, "store", store_side_name(look->side));
    json_add_text(details, "taken_in", j->words);
    text = json_print(details);
    told.details = text;
    log_info("migration: %s: %s: taken in", store_side_name(look->side), j->words);
    side_of(look)->words[0] = '\0';
    return fault_hit("facts.before_take_in", err) && replace_note(look, now, &told, err) &&
           fault_hit("facts.taken_in", err);
}

/* Whether nothing was touched since the facts were last seen to be the noted ones. */
static bool is_untouched(const struct fact_look *look, bool *ret_untouched, struct tmv_error *err)
{
    const struct fact_side *s = side_of(look);
    char glance[FACTS_DIGEST_SIZE];

    *ret_untouched = false;
    if (!s->glance[0])
        return true;
    if (!facts_glance(look->store, look->guard, glance, err))
        return false;
    *ret_untouched = strcmp(glance, s->glance) == 0;
    return true;
}

/* One comparison. *ret_again: the guard was completed on a partition, so the facts are new again. */
static bool look_once(const struct fact_look *look, bool *ret_again, bool *ret_reconnect,
                      struct tmv_error *err)
{
    struct fact_side *s = side_of(look);
    AUTO(facts) struct facts now = {0};
    struct judgement j;
    bool untouched = false;

    *ret_again = false;
    if (!is_untouched(look, &untouched, err))
        return false;
    if (untouched) {
        s->words[0] = '\0';
        return true;
    }
    if (!facts_read(look->store, look->guard, s->noted.list ? s->noted.digest : NULL, &now, err))
        return false;
    if (strcmp(now.digest, s->noted.digest) == 0) {
        text_copy(s->glance, sizeof s->glance, now.glance);
        s->words[0] = '\0';
        return true;
    }
    if (!judge(look, &now, &j, err))
        return false;
    s->columns_changed = j.effect == FACT_SHAPE;
    if (j.effect >= FACT_MOVE)
        return note_void(look, &now, j.words, err);
    if (j.unfinished)
        return finish_leaves(look, j.words, ret_again, err);
    *ret_reconnect = *ret_reconnect || j.renamed;
    return take_in(look, &now, &j, err);
}

bool fact_watch_look(const struct fact_look *look, bool *ret_reconnect, struct tmv_error *err)
{
    bool again = true;

    for (int i = 0; again && i < TAKE_IN_TRIES; i++)
        if (!look_once(look, &again, ret_reconnect, err))
            return err_wrap(err, "looking at the facts of the %s", store_side_name(look->side));
    return true;
}

bool fact_watch_is_void(const struct fact_watch *w, char *words, size_t size)
{
    for (int i = 0; i < SIDE_COUNT; i++) {
        if (!w->sides[i].words[0])
            continue;
        if (words)
            snprintf(words, size, "%s; abort the migration and start again", w->sides[i].words);
        return true;
    }
    return false;
}
