/* The console as lines: one per change. For pipes, logs, screen readers and terminals that cannot place a
 * cursor. It has no keys, so it is read only whatever was asked for. */
#include <stdio.h>
#include <string.h>

#include "console/session.h"
#include "lib/clock.h"
#include "screens/events.h"
#include "view/health.h"
#include "view/states.h"
#include "widgets/ascii.h"
#include "widgets/format.h"

#define ONCE_WAIT_US INT64_C(12000000)
#define IDLE_US INT64_C(1000000)

/* Every line is made safe and, where asked, ASCII; it ends in a newline and is out at once. */
static void print_line(const struct session *session, const char *text)
{
    char grapheme[CELL_BYTES];
    int width;

    for (size_t n; (n = grapheme_next(text, grapheme, &width)) > 0; text += n)
        fputs(session->options->ascii ? ascii_for(grapheme) : grapheme, stdout);
    fputc('\n', stdout);
    fflush(stdout);
}

static const struct tmv_migration *worst_lag(const struct tmv_snapshot *snapshot)
{
    const struct tmv_migration *worst = NULL;

    for (size_t i = 0; i < snapshot->migration_count; i++) {
        const struct tmv_migration *m = &snapshot->migrations[i];
        if (!tmv_phase_is_terminal(m->phase) && m->lag_us >= 0 && (!worst || m->lag_us > worst->lag_us))
            worst = m;
    }
    return worst;
}

/* prod-eu LIVE ready=3 cutover=1 …; without ages and lag, so that two equal ones mean no change. */
static void summary_words(const struct model *model, char *text, size_t size)
{
    static const char *const fresh[] = {"CONNECTING", "LIVE", "LAG", "STALE", "OFFLINE"};
    enum freshness f = model_freshness(model);
    size_t used = 0;

    used += (size_t)snprintf(text, size, "%s%s%s", model->environment ? model->environment : "",
                             model->environment ? " " : "", fresh[f == FRESH_LAG ? FRESH_LIVE : f]);
    for (int i = 0; model->snapshot && i < TMV_SHOW_COUNT && used < size; i++) {
        int64_t count = snapshot_count(model->snapshot, (enum tmv_display_state)i);
        if (count > 0)
            used += (size_t)snprintf(text + used, size - used, " %s=%lld",
                                     state_look((enum tmv_display_state)i)->count, (long long)count);
    }
}

static void print_summary(const struct session *session, const char *summary)
{
    const struct model *model = &session->state.model;
    const struct tmv_migration *worst = model->snapshot ? worst_lag(model->snapshot) : NULL;
    char line[1200], time[FORMAT_MAX], lag[FORMAT_MAX] = "", name[TENANT_NAME_MAX] = "";

    if (worst) {
        format_short(worst->lag_us, lag);
        tenant_typed(&model->names, &worst->tenant, name);
    }
    snprintf(line, sizeof line, "%s %s%s%s%s%s%s%s%.400s", format_time(model->wall_us, time), summary,
             worst ? " maxlag=" : "", lag, worst ? "(" : "", name, worst ? ")" : "",
             model->connected ? "" : " ", model->connected ? "" : model->link_error);
    print_line(session, line);
}

static void print_event(const struct session *session, const struct tmv_audit_entry *entry)
{
    const struct model *model = &session->state.model;
    const struct tmv_migration *m = model_find(model, &entry->migration);
    char words[1024], line[1300], time[FORMAT_MAX], name[TENANT_NAME_MAX] = "-";

    if (m)
        tenant_typed(&model->names, &m->tenant, name);
    event_words(entry, words, sizeof words);
    snprintf(line, sizeof line, "%s %s %s", format_time(entry->occurred_at_us, time), name, words);
    print_line(session, line);
}

/* Events above the last one printed, oldest first. */
static void print_events(const struct session *session, int64_t *last_id)
{
    const struct tmv_snapshot *snapshot = session->state.model.snapshot;

    for (size_t i = snapshot->event_count; i-- > 0;) {
        if (snapshot->events[i].id <= *last_id)
            continue;
        print_event(session, &snapshot->events[i]);
        *last_id = snapshot->events[i].id;
    }
}

int run_plain(struct session *session)
{
    struct model *model = &session->state.model;
    char shown[600] = "", now[600];
    int64_t last_id = -1;

    while (session_signal(session) == 0) {
        session_turn(session);
        if (model->snapshot && last_id < 0) /* what was before we came is history */
            last_id = model->snapshot->event_count > 0 ? model->snapshot->events[0].id : 0;
        if (model->snapshot)
            print_events(session, &last_id);
        summary_words(model, now, sizeof now);
        if (strcmp(now, shown) != 0)
            print_summary(session, now);
        memcpy(shown, now, sizeof shown);
        if (ferror(stdout)) /* nobody reads the lines any more, or the disk is full: the end says which */
            return 0;
        session_wait(session, -1, clock_now_us() + IDLE_US);
    }
    return 128 + session_signal(session);
}

/* Its state on one line, and on another what is not well, and since when. */
static void print_migration(const struct session *session, const struct tmv_migration *m)
{
    const struct model *model = &session->state.model;
    char line[1200], name[TENANT_NAME_MAX], lag[FORMAT_MAX], since[STATE_SINCE_MAX];
    const char *why;

    if (migration_health(model->snapshot, m, &why) == HEALTH_WELL && model->only_problems)
        return;
    snprintf(line, sizeof line, "%s %s %d%% lag=%s %s", tenant_typed(&model->names, &m->tenant, name),
             state_look(m->show)->word, m->percent, format_short(m->lag_us, lag), m->note);
    print_line(session, line);
    if (why[0] == '\0')
        return;
    state_since(m, model->snapshot->taken_at_us, since);
    if (m->show == TMV_SHOW_PAUSED && since[0] != '\0')
        why = ""; /* "paused for 5m" says it */
    snprintf(line, sizeof line, "%s: %s%s%s", name, why, *why && *since ? ", " : "", since);
    print_line(session, line);
}

int run_once(struct session *session)
{
    struct model *model = &session->state.model;
    int64_t until = clock_now_us() + ONCE_WAIT_US;
    char summary[600];

    while (session_signal(session) == 0 && !model->snapshot && clock_now_us() < until) {
        session_turn(session);
        if (model->snapshot || (!model->connected && model->link_error[0] != '\0'))
            break;
        session_wait(session, -1, until);
    }
    if (session_signal(session) != 0)
        return 128 + session_signal(session);
    summary_words(model, summary, sizeof summary);
    print_summary(session, summary);
    if (!model->snapshot)
        return 4;
    for (size_t i = 0; i < model->snapshot->migration_count; i++)
        print_migration(session, &model->snapshot->migrations[i]);
    return (int)fleet_health(model->snapshot);
}
