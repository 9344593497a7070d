#include "support/history.h"

#include <pthread.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "test.h"

#define SHARED_TRIGGERS 3 /* for insert, update and delete */

struct history {
    pthread_mutex_t lock;
    struct history_write *writes; /* owned */
    size_t count, room;
    struct tmv_uuid *tenants; /* owned */
    size_t tenant_count;
    int64_t transactions;
};

/* ---- recording ---- */

static void *grown(void *data, size_t bytes)
{
    void *more = realloc(data, bytes);

    if (!more)
        fail_msg("no memory for the history");
    return more;
}

struct history *history_new(void)
{
    struct history *h = grown(NULL, sizeof *h);

    memset(h, 0, sizeof *h);
    pthread_mutex_init(&h->lock, NULL);
    return h;
}

void history_free(struct history *h)
{
    if (!h)
        return;
    pthread_mutex_destroy(&h->lock);
    free(h->writes);
    free(h->tenants);
    free(h);
}

size_t history_tenant(struct history *h, const struct tmv_uuid *tenant)
{
    pthread_mutex_lock(&h->lock);
    h->tenants = grown(h->tenants, (h->tenant_count + 1) * sizeof *h->tenants);
    h->tenants[h->tenant_count] = *tenant;
    size_t number = h->tenant_count++;
    pthread_mutex_unlock(&h->lock);
    return number;
}

struct tmv_uuid history_tenant_id(const struct history *h, size_t tenant)
{
    return h->tenants[tenant];
}

size_t history_attempt(struct history *h, const struct history_write *write)
{
    pthread_mutex_lock(&h->lock);
    if (h->count == h->room) {
        h->room = h->room ? h->room * 2 : 1024;
        h->writes = grown(h->writes, h->room * sizeof *h->writes);
    }
    size_t number = h->count++;
    h->writes[number] = *write;
    h->writes[number].outcome = HISTORY_UNKNOWN;
    h->writes[number].attempted_us = clock_now_us();
    h->writes[number].answered_us = 0;
    pthread_mutex_unlock(&h->lock);
    return number;
}

void history_answer(struct history *h, size_t number, enum history_outcome outcome, int64_t position)
{
    int64_t now = clock_now_us();

    pthread_mutex_lock(&h->lock);
    h->writes[number].outcome = outcome;
    h->writes[number].position = position;
    h->writes[number].answered_us = now;
    pthread_mutex_unlock(&h->lock);
}

int64_t history_transaction(struct history *h)
{
    pthread_mutex_lock(&h->lock);
    int64_t number = ++h->transactions;
    pthread_mutex_unlock(&h->lock);
    return number;
}

size_t history_count(const struct history *h)
{
    return h->count;
}

struct history_write *history_at(struct history *h, size_t number)
{
    return &h->writes[number];
}

size_t history_sum(const struct history *h, long tenant, enum history_outcome outcome)
{
    size_t sum = 0;

    for (size_t i = 0; i < h->count; i++)
        sum += (tenant < 0 || h->writes[i].tenant == (size_t)tenant) && h->writes[i].outcome == outcome;
    return sum;
}

/* ---- judging ---- */

static const char *const rule_names[HISTORY_RULE_COUNT] = {
    [HISTORY_LOST] = "lost",
    [HISTORY_TWICE] = "twice",
    [HISTORY_REFUSED_THERE] = "refused but there",
    [HISTORY_INVENTED] = "written by nobody",
    [HISTORY_TORN] = "torn transaction",
    [HISTORY_VERSIONS] = "versions not contiguous",
    [HISTORY_STREAM_ORDER] = "order within a stream",
    [HISTORY_TIME_ORDER] = "order by position",
    [HISTORY_POSITION] = "not what the writer was told",
    [HISTORY_AFTER_DECISION] = "in the source after the decision",
    [HISTORY_BEFORE_DECISION] = "on the target, and not from the source",
    [HISTORY_DIFFERENT] = "source and target differ",
    [HISTORY_CARRIED] = "not as in the new home",
    [HISTORY_LEFT_BEHIND] = "left behind on the target",
    [HISTORY_AUTHORITY] = "no single authority",
    [HISTORY_UNFINISHED] = "not ended",
    [HISTORY_AUDIT_ROWS] = "audit rows",
    [HISTORY_AUDIT_CHAIN] = "audit chain",
    [HISTORY_LEDGER] = "ledger",
    [HISTORY_COMMANDS] = "unanswered command",
    [HISTORY_TRIGGERS] = "leftover trigger",
    [HISTORY_INDEXES] = "missing index",
    [HISTORY_LOCKS] = "leftover lock",
    [HISTORY_SLOTS] = "leftover slot",
    [HISTORY_TEMPORARY] = "leftover temporary table",
    [HISTORY_CONNECTIONS] = "leftover connection",
    [HISTORY_PREPARED] = "leftover prepared transaction",
};

const char *history_rule_name(enum history_rule rule)
{
    return rule_names[rule];
}

/* What one call of the judge works on. */
struct judge {
    const struct history *history;
    const struct history_view *view;
    struct history_report *report;
    const struct history_store *home;    /* the authoritative store */
    const struct history_row **by_event; /* of home, sorted; owned */
    const struct history_write **writes; /* of the tenant, sorted by event; owned */
    size_t write_count;
    bool moved;
};

static void found(struct judge *j, enum history_rule rule, const struct tmv_uuid *stream, const char *fmt,
                  ...) TMV_PRINTF(4, 5);

static void found(struct judge *j, enum history_rule rule, const struct tmv_uuid *stream, const char *fmt,
                  ...)
{
    struct history_report *report = j->report;
    va_list ap;

    if (report->waived & (INT64_C(1) << rule) || report->count++ >= HISTORY_VIOLATIONS_MAX)
        return;
    struct history_violation *v = &report->found[report->count - 1];
    *v = (struct history_violation){.rule = rule, .tenant = j->view->tenant};
    if (stream)
        v->stream = *stream;
    va_start(ap, fmt);
    vsnprintf(v->text, sizeof v->text, fmt, ap);
    va_end(ap);
}

static int compare_uuid(const struct tmv_uuid *a, const struct tmv_uuid *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes);
}

static int by_row_event(const void *a, const void *b)
{
    return compare_uuid(&(*(const struct history_row *const *)a)->event,
                        &(*(const struct history_row *const *)b)->event);
}

static int by_write_event(const void *a, const void *b)
{
    return compare_uuid(&(*(const struct history_write *const *)a)->event,
                        &(*(const struct history_write *const *)b)->event);
}

static int by_stream_version(const void *a, const void *b)
{
    const struct history_row *x = *(const struct history_row *const *)a;
    const struct history_row *y = *(const struct history_row *const *)b;
    int order = compare_uuid(&x->stream, &y->stream);

    return order ? order : (x->version > y->version) - (x->version < y->version);
}

static const struct history_row *row_of(const struct judge *j, const struct tmv_uuid *event)
{
    const struct history_row key = {.event = *event};
    const struct history_row *at = &key;
    const struct history_row *const *hit =
        j->home->count ? bsearch(&at, j->by_event, j->home->count, sizeof at, by_row_event) : NULL;

    return hit ? *hit : NULL;
}

static const struct history_write *write_of(const struct judge *j, const struct tmv_uuid *event)
{
    const struct history_write key = {.event = *event};
    const struct history_write *at = &key;
    const struct history_write *const *hit =
        j->write_count ? bsearch(&at, j->writes, j->write_count, sizeof at, by_write_event) : NULL;

    return hit ? *hit : NULL;
}

static void index_all(struct judge *j)
{
    const struct history *h = j->history;

    j->by_event = grown(NULL, (j->home->count + 1) * sizeof *j->by_event);
    for (size_t i = 0; i < j->home->count; i++)
        j->by_event[i] = &j->home->rows[i];
    qsort(j->by_event, j->home->count, sizeof *j->by_event, by_row_event);
    j->writes = grown(NULL, (h->count + 1) * sizeof *j->writes);
    for (size_t i = 0; i < h->count; i++)
        if (h->writes[i].tenant == j->view->tenant)
            j->writes[j->write_count++] = &h->writes[i];
    qsort(j->writes, j->write_count, sizeof *j->writes, by_write_event);
}

/* Each write against the authoritative store. */
static void judge_write(struct judge *j, const struct history_write *w)
{
    const struct history_row *row = row_of(j, &w->event);
    char id[TMV_UUID_TEXT];

    tmv_uuid_format(&w->event, id);
    if (w->outcome == HISTORY_ACKNOWLEDGED && !row)
        found(j, HISTORY_LOST, &w->stream, "event %s, version %" PRId64 ", acknowledged to %s writer %d", id,
              w->version, w->kind ? w->kind : "a", w->writer);
    if (w->outcome == HISTORY_REFUSED && row)
        found(j, HISTORY_REFUSED_THERE, &w->stream, "event %s, version %" PRId64 ", at position %" PRId64, id,
              w->version, row->position);
    if (w->outcome == HISTORY_UNKNOWN && row)
        j->report->unknown_there++;
    if (!row || w->outcome != HISTORY_ACKNOWLEDGED)
        return;
    if ((w->position && row->position != w->position) || row->version != w->version ||
        !tmv_uuid_equal(&row->stream, &w->stream))
        found(j, HISTORY_POSITION, &w->stream,
              "event %s is version %" PRId64 " at position %" PRId64 ", told was version %" PRId64
              " at %" PRId64,
              id, row->version, row->position, w->version, w->position);
}

static void judge_writes(struct judge *j)
{
    for (size_t i = 0; i < j->write_count; i++) {
        j->report->acknowledged += j->writes[i]->outcome == HISTORY_ACKNOWLEDGED;
        j->report->refused += j->writes[i]->outcome == HISTORY_REFUSED;
        j->report->unknown += j->writes[i]->outcome == HISTORY_UNKNOWN;
        judge_write(j, j->writes[i]);
    }
}

static void judge_rows(struct judge *j)
{
    char id[TMV_UUID_TEXT];

    j->report->events += j->home->count;
    for (size_t i = 0; i < j->home->count; i++) {
        const struct history_row *row = j->by_event[i];

        tmv_uuid_format(&row->event, id);
        if (i && tmv_uuid_equal(&row->event, &j->by_event[i - 1]->event))
            found(j, HISTORY_TWICE, &row->stream, "event %s at positions %" PRId64 " and %" PRId64, id,
                  j->by_event[i - 1]->position, row->position);
        if (!write_of(j, &row->event))
            found(j, HISTORY_INVENTED, &row->stream, "event %s at position %" PRId64, id, row->position);
    }
}

static void judge_streams(struct judge *j)
{
    qsort(j->by_event, j->home->count, sizeof *j->by_event, by_stream_version);
    for (size_t i = 0; i < j->home->count; i++) {
        const struct history_row *row = j->by_event[i];
        const struct history_row *before =
            i && tmv_uuid_equal(&row->stream, &j->by_event[i - 1]->stream) ? j->by_event[i - 1] : NULL;

        if (row->version != (before ? before->version + 1 : 1))
            found(j, HISTORY_VERSIONS, &row->stream, "version %" PRId64 " follows %" PRId64, row->version,
                  before ? before->version : 0);
        if (before && row->position <= before->position)
            found(j, HISTORY_STREAM_ORDER, &row->stream,
                  "version %" PRId64 " is at position %" PRId64 ", the one before at %" PRId64, row->version,
                  row->position, before->position);
    }
    qsort(j->by_event, j->home->count, sizeof *j->by_event, by_row_event);
}

/* All writes of a transaction are there, or none. */
static void judge_transactions(struct judge *j)
{
    size_t room = (size_t)j->history->transactions + 1;
    const struct history_write **first = calloc(room, sizeof *first);
    bool *torn = calloc(room, sizeof *torn);

    assert_non_null(first);
    assert_non_null(torn);
    for (size_t i = 0; i < j->write_count; i++) {
        const struct history_write *w = j->writes[i];

        if (!w->transaction || (size_t)w->transaction >= room)
            continue;
        const struct history_write **other = &first[w->transaction];
        if (!*other)
            *other = w;
        if (torn[w->transaction] || !row_of(j, &w->event) == !row_of(j, &(*other)->event))
            continue;
        torn[w->transaction] = true;
        found(j, HISTORY_TORN, &w->stream,
              "version %" PRId64 " of this stream and version %" PRId64
              " of another were one transaction, and only one is there",
              w->version, (*other)->version);
    }
    free(first);
    free(torn);
}

static int by_attempt(const void *a, const void *b)
{
    const struct history_write *x = *(const struct history_write *const *)a;
    const struct history_write *y = *(const struct history_write *const *)b;

    return (x->attempted_us > y->attempted_us) - (x->attempted_us < y->attempted_us);
}

static int by_answer(const void *a, const void *b)
{
    const struct history_write *x = *(const struct history_write *const *)a;
    const struct history_write *y = *(const struct history_write *const *)b;

    return (x->answered_us > y->answered_us) - (x->answered_us < y->answered_us);
}

/* A write that was attempted after another was acknowledged has the higher position: readers that go by
 * position would skip it otherwise. */
static void judge_time(struct judge *j)
{
    size_t bytes = (j->write_count + 1) * sizeof *j->writes;
    const struct history_write **attempts = grown(NULL, bytes);
    const struct history_write **answers = grown(NULL, bytes);
    const struct history_write *highest = NULL;
    int64_t high = -1;
    size_t next = 0, answered = 0;

    memcpy(attempts, j->writes, j->write_count * sizeof *attempts);
    qsort(attempts, j->write_count, sizeof *attempts, by_attempt);
    for (size_t i = 0; i < j->write_count; i++)
        if (j->writes[i]->outcome == HISTORY_ACKNOWLEDGED && row_of(j, &j->writes[i]->event))
            answers[answered++] = j->writes[i];
    qsort(answers, answered, sizeof *answers, by_answer);
    for (size_t i = 0; i < j->write_count; i++) {
        const struct history_row *row = row_of(j, &attempts[i]->event);

        for (; next < answered && answers[next]->answered_us < attempts[i]->attempted_us; next++) {
            const struct history_row *told = row_of(j, &answers[next]->event);
            if (told->position <= high)
                continue;
            high = told->position;
            highest = answers[next];
        }
        if (row && highest && row->position < high)
            found(j, HISTORY_TIME_ORDER, &attempts[i]->stream,
                  "version %" PRId64 " is at position %" PRId64 ", but was attempted %" PRId64
                  " us after position %" PRId64 " was acknowledged",
                  attempts[i]->version, row->position, attempts[i]->attempted_us - highest->answered_us,
                  high);
    }
    free(attempts);
    free(answers);
}

static size_t rows_up_to(const struct history_store *store, int64_t position)
{
    size_t count = 0;

    while (count < store->count && store->rows[count].position <= position)
        count++;
    return count;
}

/* What was written to the source itself, or copied from there: not what the way back has brought. */
static size_t own_rows(const struct judge *j)
{
    const struct history_facts *f = j->view->facts;

    return f && f->kept_current ? rows_up_to(j->view->source, f->back_base) : j->view->source->count;
}

/* The source continues with what the new home has taken since the decision, in that order, up to some event.
 */
static void judge_carried(struct judge *j)
{
    const struct history_store *source = j->view->source, *target = j->view->target;
    size_t first = own_rows(j), written = rows_up_to(target, j->view->facts->watermark);

    for (size_t i = 0; first + i < source->count; i++) {
        const struct history_row *here = &source->rows[first + i];
        const struct history_row *there = written + i < target->count ? &target->rows[written + i] : NULL;

        if (there && tmv_uuid_equal(&here->event, &there->event) &&
            strcmp(here->content, there->content) == 0)
            continue;
        found(j, HISTORY_CARRIED, &here->stream,
              "carried event %zu, version %" PRId64 " at position %" PRId64
              ", is not event %zu of the new home",
              i + 1, here->version, here->position, i + 1);
        return;
    }
}

/* Up to the watermark both stores hold the same; behind it the source of a tenant that moved holds nothing.
 */
static void judge_watermark(struct judge *j)
{
    const struct history_store *source = j->view->source, *target = j->view->target;
    int64_t watermark = j->view->facts->watermark;
    size_t count = j->moved ? own_rows(j) : rows_up_to(source, watermark); /* behind: not mirrored yet */
    size_t copied = rows_up_to(target, watermark);
    size_t s = 0, t = 0;

    for (;;) {
        const struct history_row *a = s < count ? &source->rows[s] : NULL;
        const struct history_row *b = t < copied ? &target->rows[t] : NULL;

        if (a && a->position > watermark) {
            found(j, HISTORY_AFTER_DECISION, &a->stream,
                  "version %" PRId64 " at position %" PRId64 ", the decision is at %" PRId64, a->version,
                  a->position, watermark);
            s++;
        } else if (!a && !b) {
            return;
        } else if (!a || (b && b->position < a->position)) {
            found(j, HISTORY_BEFORE_DECISION, &b->stream,
                  "version %" PRId64 " at position %" PRId64
                  " is not in the source, the decision is at %" PRId64,
                  b->version, b->position, watermark);
            t++;
        } else if (!b || a->position < b->position) {
            found(j, HISTORY_DIFFERENT, &a->stream, "position %" PRId64 " of the source is not in the target",
                  a->position);
            s++;
        } else {
            if (strcmp(a->digest, b->digest) != 0)
                found(j, HISTORY_DIFFERENT, &a->stream, "position %" PRId64 " differs", a->position);
            s++;
            t++;
        }
    }
}

/* ---- facts ---- */

static bool is(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

static void judge_authority(struct judge *j, const struct history_facts *f)
{
    bool completed = is(f->phase, "completed");
    bool ended = completed || is(f->phase, "aborted") || is(f->phase, "failed");
    const char *home = j->moved ? f->target_id : f->source_id;

    if (!ended)
        found(j, HISTORY_UNFINISHED, NULL, "phase %s", f->phase);
    if (completed != j->moved) /* every engine has had the time to follow a decision */
        found(j, HISTORY_AUTHORITY, NULL, "phase %s, the source's fence is %s", f->phase, f->source_fence);
    if (ended && (!is(f->route_store, home) || !is(f->route_state, j->moved ? "migrated" : "normal")))
        found(j, HISTORY_AUTHORITY, NULL, "routing says %s (%s), the fence says %s", f->route_store,
              f->route_state, home);
}

static void judge_fences(struct judge *j, const struct history_facts *f)
{
    bool taken_back = is(f->phase, "aborted") || is(f->phase, "failed");

    if (is(f->phase, "completed") && !is(f->target_fence, "open"))
        found(j, HISTORY_AUTHORITY, NULL, "completed, and the target's fence is %s", f->target_fence);
    if (taken_back && !is(f->source_fence, "") && !is(f->source_fence, "off"))
        found(j, HISTORY_AUTHORITY, NULL, "%s, and the source's fence is %s", f->phase, f->source_fence);
}

/* Rows that mark a transition carry its two phases; each begins where the one before ended. */
static void judge_audit(struct judge *j, const struct history_facts *f)
{
    static const char *const once[] = {"migration_started", "migration_completed", "cutover_completed",
                                       "migration_aborted"};
    const char *now = "";

    if (!f->audit_intact)
        found(j, HISTORY_AUDIT_CHAIN, NULL, "the chain of hashes is broken");
    for (size_t i = 0; i < f->transition_count; i++) {
        const struct history_transition *t = &f->transitions[i];

        if (!t->to[0])
            continue;
        if (!is(t->from, now) || is(t->from, t->to))
            found(j, HISTORY_AUDIT_ROWS, NULL, "row %zu (%s) says %s → %s after %s", i, t->event, t->from,
                  t->to, now);
        now = t->to;
    }
    if (!is(now, f->phase))
        found(j, HISTORY_AUDIT_ROWS, NULL, "the last transition ends in %s, the phase is %s", now, f->phase);
    for (size_t k = 0; k < ARRAY_LEN(once); k++) {
        size_t rows = 0;
        bool one = k == 0 || (k < 3 && is(f->phase, "completed"));

        for (size_t i = 0; i < f->transition_count; i++)
            rows += is(f->transitions[i].event, once[k]);
        if (rows > 1 || (one && rows == 0))
            found(j, HISTORY_AUDIT_ROWS, NULL, "%zu rows %s", rows, once[k]);
    }
}

static void judge_leftover_objects(struct judge *j, const struct history_facts *f)
{
    bool taken_back = is(f->phase, "aborted") || is(f->phase, "failed");

    if (taken_back && f->open_ledger)
        found(j, HISTORY_LEDGER, NULL, "%" PRId64 " rows are open after %s", f->open_ledger, f->phase);
    if (taken_back && (f->source_triggers || f->target_triggers))
        found(j, HISTORY_TRIGGERS, NULL, "%" PRId64 " on the source, %" PRId64 " on the target after %s",
              f->source_triggers, f->target_triggers, f->phase);
    if (is(f->phase, "completed") && !f->source_triggers && f->shared_triggers != SHARED_TRIGGERS)
        found(j, HISTORY_TRIGGERS, NULL,
              "completed, and of the source's guard %" PRId64 " of %d triggers stand", f->shared_triggers,
              SHARED_TRIGGERS);
    if (f->open_commands)
        found(j, HISTORY_COMMANDS, NULL, "%" PRId64, f->open_commands);
    if (f->missing_indexes)
        found(j, HISTORY_INDEXES, NULL, "%" PRId64 " on the target", f->missing_indexes);
    if (taken_back && j->view->target->count)
        found(j, HISTORY_LEFT_BEHIND, NULL, "%zu events", j->view->target->count);
}

void history_judge(const struct history *history, const struct history_view *view,
                   struct history_report *report)
{
    const struct history_facts *f = view->facts;
    struct judge j = {.history = history, .view = view, .report = report};

    j.moved = f && f->has_migration && is(f->source_fence, "moved");
    j.home = j.moved ? view->target : view->source;
    index_all(&j);
    judge_rows(&j);
    judge_writes(&j);
    judge_streams(&j);
    judge_transactions(&j);
    judge_time(&j);
    if (j.moved || (f && (is(f->phase, "bulk_copy") || is(f->phase, "dual_write"))))
        judge_watermark(&j);
    if (j.moved && f->kept_current)
        judge_carried(&j);
    if (f && f->has_migration) {
        judge_authority(&j, f);
        judge_fences(&j, f);
        judge_audit(&j, f);
        judge_leftover_objects(&j, f);
    }
    free(j.by_event);
    free(j.writes);
}

void history_judge_leftovers(const struct history_leftovers *left, const char *where,
                             struct history_report *report)
{
    const struct history_view nobody = {0};
    struct judge j = {.view = &nobody, .report = report};
    const struct {
        enum history_rule rule;
        int64_t count;
    } all[] = {{HISTORY_LOCKS, left->locks},
               {HISTORY_SLOTS, left->slots},
               {HISTORY_TEMPORARY, left->temporary},
               {HISTORY_CONNECTIONS, left->connections},
               {HISTORY_PREPARED, left->prepared}};

    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        if (all[i].count)
            found(&j, all[i].rule, NULL, "%" PRId64 " on %s", all[i].count, where);
}

bool history_broke(const struct history_report *report, enum history_rule rule)
{
    for (size_t i = 0; i < report->count && i < HISTORY_VIOLATIONS_MAX; i++)
        if (report->found[i].rule == rule)
            return true;
    return false;
}

/* ---- printing ---- */

static void print_stream(const struct history *h, const struct tmv_uuid *stream, FILE *out)
{
    static const char *const outcomes[] = {"unknown", "acknowledged", "refused"};
    char id[TMV_UUID_TEXT];

    fprintf(out, "    stream %s:\n", tmv_uuid_format(stream, id));
    for (size_t i = 0; i < h->count; i++) {
        const struct history_write *w = &h->writes[i];

        if (!tmv_uuid_equal(&w->stream, stream))
            continue;
        fprintf(out,
                "      %s version %" PRId64 " by %s writer %d, attempted %" PRId64 " us, %s %" PRId64
                " us, told position %" PRId64 ", transaction %" PRId64 "\n",
                tmv_uuid_format(&w->event, id), w->version, w->kind ? w->kind : "a", w->writer,
                w->attempted_us, outcomes[w->outcome], w->answered_us, w->position, w->transaction);
    }
}

void history_print(const struct history *h, const struct history_report *report, FILE *out)
{
    size_t shown = report->count < HISTORY_VIOLATIONS_MAX ? report->count : HISTORY_VIOLATIONS_MAX;

    for (size_t i = 0; i < shown; i++) {
        const struct history_violation *v = &report->found[i];
        bool again = false;

        fprintf(out, "  %s (tenant %zu): %s\n", rule_names[v->rule], v->tenant, v->text);
        for (size_t k = 0; k < i; k++)
            again = again || tmv_uuid_equal(&report->found[k].stream, &v->stream);
        if (h && !again && !tmv_uuid_is_nil(&v->stream))
            print_stream(h, &v->stream, out);
    }
    if (report->count > shown)
        fprintf(out, "  … and %zu more\n", report->count - shown);
}
