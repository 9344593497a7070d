#include "view/outcome.h"

#include <stdio.h>

#include "widgets/format.h"

#define SILENT_US INT64_C(3000000) /* an owner that was not heard for so long is named */

/* Why a request waits, as far as the picture tells. */
static void waiting_words(const struct tmv_migration *m, char *text, size_t size)
{
    char age[FORMAT_MAX];

    if (!m)
        snprintf(text, size, "waits for its engine");
    else if (m->owner[0] == '\0' || m->owner_age_us < 0)
        snprintf(text, size, "waits: no engine runs it (start one: tenantmv worker)");
    else if (m->owner_age_us > SILENT_US)
        snprintf(text, size, "waits: its engine %.100s is silent for %s", m->owner,
                 format_duration(m->owner_age_us, age));
    else
        snprintf(text, size, "waits for its engine %.100s", m->owner);
}

static void state_words(const struct outcome *outcome, const struct tmv_migration *m, char *text, size_t size)
{
    bool tried = outcome->operation == TMV_OP_CUTOVER && !tmv_uuid_is_nil(&outcome->command);
    const char *words[] = {
        [OUTCOME_REQUESTED] = "requested",
        [OUTCOME_RUNNING] = "running",
        [OUTCOME_DONE] = "done",
        [OUTCOME_REFUSED] = "refused",
        [OUTCOME_FAILED] = tried ? "rolled back" : "failed",
        [OUTCOME_UNKNOWN] = "unknown, checking",
    };
    const char *more = outcome->text;
    char waits[240];

    if (outcome->kind == OUTCOME_REQUESTED) {
        waiting_words(m, waits, sizeof waits);
        snprintf(text, size, "requested, %s", waits);
        return;
    }
    if (outcome->kind == OUTCOME_RUNNING)
        more = m ? m->step : "";
    snprintf(text, size, "%s%s%s", words[outcome->kind], more[0] != '\0' ? ": " : "", more);
}

enum role outcome_words(const struct outcome *outcome, const struct model *model, char *text, size_t size)
{
    static const enum role roles[] = {
        [OUTCOME_REQUESTED] = ROLE_TEXT,     [OUTCOME_RUNNING] = ROLE_TEXT_STRONG,
        [OUTCOME_DONE] = ROLE_TOAST_OK,      [OUTCOME_REFUSED] = ROLE_TOAST_ERROR,
        [OUTCOME_FAILED] = ROLE_TOAST_ERROR, [OUTCOME_UNKNOWN] = ROLE_LEVEL_WARN,
    };
    const struct tmv_migration *m = model_find(model, &outcome->migration);
    char name[TENANT_NAME_MAX] = "", command[TMV_UUID_TEXT] = "", id[24] = "";
    char words[TMV_REASON_MAX + 600];

    if (m)
        tenant_name(&model->names, &m->tenant, name);
    if (!tmv_uuid_is_nil(&outcome->command))
        snprintf(id, sizeof id, " (command %.4s)", tmv_uuid_format(&outcome->command, command));
    state_words(outcome, m, words, sizeof words);
    snprintf(text, size, "%s %s%s: %s", outcome->limits ? "throttle" : tmv_operation_name(outcome->operation),
             name, id, words);
    return roles[outcome->kind];
}
