#include "control/snapshot/figures.h"

#include <inttypes.h>
#include <stdio.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/text.h"

#define FIGURE(which, kind, member) [which] = {#member, kind, offsetof(struct tmv_migration, member)}
static const struct figure figures_list[TMV_FIGURE_COUNT] = {
    FIGURE(TMV_FIGURE_EVENTS_TOTAL, FIGURE_REACHED, events_total),
    FIGURE(TMV_FIGURE_EVENTS_COPIED, FIGURE_REACHED, events_copied),
    FIGURE(TMV_FIGURE_RATE, FIGURE_MOMENT, rate),
    FIGURE(TMV_FIGURE_LAG, FIGURE_MOMENT, lag_us),
    FIGURE(TMV_FIGURE_LAG_EVENTS, FIGURE_MOMENT, lag_events),
    FIGURE(TMV_FIGURE_VERIFIED_TO, FIGURE_REACHED, verified_to),
    FIGURE(TMV_FIGURE_WATERMARK, FIGURE_REACHED, watermark),
    FIGURE(TMV_FIGURE_ETA, FIGURE_MOMENT, eta_us),
    FIGURE(TMV_FIGURE_PREDICTED_PAUSE, FIGURE_MOMENT, predicted_pause_us),
};
#undef FIGURE

const struct figure *figure_row(enum tmv_figure which)
{
    return &figures_list[which];
}

int64_t *figure_of(struct tmv_migration *migration, enum tmv_figure which)
{
    return (int64_t *)(void *)((char *)migration + figures_list[which].offset);
}

const char *tmv_figure_name(enum tmv_figure which)
{
    return (unsigned)which < TMV_FIGURE_COUNT ? figures_list[which].name : "?";
}

void figure_set(struct figures *figures, enum tmv_figure which, int64_t value)
{
    figures->of[which].value = value;
    figures->of[which].at_us = clock_now_us();
}

void figures_to_json(const struct figures *figures, int64_t now_us, struct buf *ret_json)
{
    char before = '{';

    for (int i = 0; i < TMV_FIGURE_COUNT; i++) {
        if (!figures->of[i].at_us)
            continue;
        buf_printf(ret_json, "%c\"%s\":[%" PRId64 ",%" PRId64 "]", before, figures_list[i].name,
                   figures->of[i].value, now_us - figures->of[i].at_us);
        before = ',';
    }
    buf_str(ret_json, before == '{' ? "{}" : "}");
}

void figures_read_times(const char *json, int64_t ret_times_us[TMV_FIGURE_COUNT])
{
    AUTO(json) cJSON *times = NULL;
    struct tmv_error ignored;

    if (!json_parse(json, &times, &ignored))
        times = NULL;
    for (int i = 0; i < TMV_FIGURE_COUNT; i++)
        ret_times_us[i] = json_get_int64(times, figures_list[i].name, 0);
}

/* ---- age ---- */

bool fact_is_fresh(int64_t at_us, int64_t now_us)
{
    return at_us > 0 && at_us <= now_us + TMV_FACT_TTL_US && now_us - at_us <= TMV_FACT_TTL_US;
}

/* When, not for how long: a screen that shows it need not change every second. */
static void forget_gate(struct tmv_gate *gate)
{
    char time[24];

    gate->green = false;
    gate->unknown = true;
    if (gate->at_us == 0)
        text_copy(gate->seen, sizeof gate->seen, "not known");
    else
        snprintf(gate->seen, sizeof gate->seen, "not known: last looked at %s",
                 clock_format_utc(gate->at_us, time, sizeof time));
}

bool tmv_cutover_facts(const struct tmv_migration *m, char why[TMV_REASON_MAX])
{
    if (m->gate_count == 0) {
        text_copy(why, TMV_REASON_MAX, "the gates are not known: no engine has looked at them yet");
        return false;
    }
    for (size_t i = 0; i < m->gate_count; i++) {
        const struct tmv_gate *gate = &m->gates[i];

        if (gate->green)
            continue;
        snprintf(why, TMV_REASON_MAX, gate->unknown ? "gate %s is %s" : "gate is red: %s %s", gate->name,
                 gate->seen);
        return false;
    }
    return true;
}

void tmv_migration_age(struct tmv_migration *m, int64_t now_us)
{
    bool ended = tmv_phase_is_terminal(m->phase);
    char why[TMV_REASON_MAX];

    for (int i = 0; i < TMV_FIGURE_COUNT; i++)
        if (figures_list[i].kind == FIGURE_MOMENT && (ended || !fact_is_fresh(m->measured_us[i], now_us)))
            *figure_of(m, (enum tmv_figure)i) = -1;
    if (ended)
        m->gate_count = 0; /* nothing is left to decide */
    for (size_t i = 0; i < m->gate_count; i++)
        if (!fact_is_fresh(m->gates[i].at_us, now_us))
            forget_gate(&m->gates[i]);
    /* An engine says ready and writes the gates it means in one statement; without any there is nothing to
     * age. */
    if (m->show == TMV_SHOW_READY && m->gate_count > 0 && !tmv_cutover_facts(m, why)) {
        m->show = TMV_SHOW_SYNC;
        if (!m->note[0])
            text_copy(m->note, sizeof m->note, why);
    }
}

void tmv_snapshot_age(struct tmv_snapshot *snapshot, int64_t now_us)
{
    for (size_t i = 0; i < snapshot->migration_count; i++) {
        struct tmv_migration *m = &snapshot->migrations[i];
        enum tmv_display_state before = m->show;

        tmv_migration_age(m, now_us);
        snapshot->counts[before] -= before != m->show;
        snapshot->counts[m->show] += before != m->show;
    }
}
