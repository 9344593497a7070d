#include "view/model.h"

#include <stdio.h>
#include <string.h>

void tenant_cell(const struct model *model, const struct tmv_uuid *tenant, struct canvas *canvas,
                 struct rect cell)
{
    char name[TENANT_NAME_MAX];

    if (text_width(tenant_name(&model->names, tenant, name)) > cell.w)
        tenant_typed(&model->names, tenant, name);
    canvas_fit(canvas, cell, ROLE_TEXT_STRONG, name);
}

void tenant_fit(const struct model *model, const struct tmv_uuid *tenant, int *width)
{
    char name[TENANT_NAME_MAX];
    int least =
        tenant_has_alias(&model->names, tenant) ? 0 : text_width(tenant_typed(&model->names, tenant, name));

    *width = least > *width ? least : *width;
}

int64_t snapshot_count(const struct tmv_snapshot *snapshot, enum tmv_display_state state)
{
    int64_t count = 0;

    if (snapshot->migration_total > (int64_t)snapshot->migration_count)
        return snapshot->counts[state];
    for (size_t i = 0; i < snapshot->migration_count; i++)
        count += snapshot->migrations[i].show == state;
    return count;
}

const struct tmv_migration *model_find(const struct model *model, const struct tmv_uuid *id)
{
    if (!model->snapshot)
        return NULL;
    for (size_t i = 0; i < model->snapshot->migration_count; i++)
        if (tmv_uuid_equal(&model->snapshot->migrations[i].id, id))
            return &model->snapshot->migrations[i];
    return NULL;
}

const struct tmv_migration *model_selected(const struct model *model)
{
    return model->no_subject ? NULL : model_find(model, &model->fleet.selected);
}

const struct tmv_migration *model_under_cursor(const struct model *model)
{
    const struct tmv_migration *m = model_selected(model);

    if (m || model->no_subject || tmv_uuid_is_nil(&model->fleet.selected))
        return m;
    return tmv_uuid_equal(&model->kept.id, &model->fleet.selected) ? &model->kept : NULL;
}

const struct tmv_migration *model_row(const struct model *model, int row)
{
    int index = model->fleet.order[row];

    return index < 0 ? &model->kept : &model->snapshot->migrations[index];
}

const struct tmv_dialog *model_dialog_of_other(const struct model *model, const struct tmv_uuid *migration)
{
    for (size_t i = 0; model->snapshot && i < model->snapshot->dialog_count; i++) {
        const struct tmv_dialog *dialog = &model->snapshot->dialogs[i];
        if (tmv_uuid_equal(&dialog->migration, migration) &&
            !tmv_uuid_equal(&dialog->id, &model->own_dialog.id))
            return dialog;
    }
    return NULL;
}

const char *model_dialog_words(const struct model *model, const struct tmv_uuid *migration, char *text,
                               size_t size)
{
    const struct tmv_dialog *dialog = model_dialog_of_other(model, migration);

    text[0] = '\0';
    if (dialog)
        snprintf(text, size, "%.60s: %s dialog open", dialog->operator_name,
                 tmv_operation_name(dialog->operation));
    return text;
}

void model_begin(struct model *model)
{
    memset(&model->focus, 0, sizeof model->focus);
    model->stores_wanted = model->replaying = model->no_subject = false;
}

const struct tmv_record *model_record(const struct model *model, const struct tmv_uuid *id)
{
    return model->record && tmv_uuid_equal(&model->record->migration, id) ? model->record : NULL;
}

int64_t model_age_us(const struct model *model)
{
    int64_t age;

    if (!model->snapshot)
        return -1;
    age = model->now_us - model->snapshot->taken_mono_us;
    return age < 0 ? 0 : age;
}

enum freshness model_freshness(const struct model *model)
{
    int64_t age = model_age_us(model);

    if (!model->connected)
        return age < 0 && model->link_error[0] == '\0' ? FRESH_CONNECTING : FRESH_OFFLINE;
    if (age < 0)
        return FRESH_CONNECTING;
    return age > FRESH_STALE_US ? FRESH_STALE : age > FRESH_LAG_US ? FRESH_LAG : FRESH_LIVE;
}

int64_t model_database_now_us(const struct model *model)
{
    if (!model->snapshot)
        return model->wall_us;
    return model->snapshot->taken_at_us + model_age_us(model);
}

static int mark_of(const struct model *model, const struct tmv_uuid *id)
{
    for (int i = 0; i < model->fleet.mark_count; i++)
        if (tmv_uuid_equal(&model->fleet.marks[i], id))
            return i;
    return -1;
}

bool model_is_marked(const struct model *model, const struct tmv_uuid *id)
{
    return mark_of(model, id) >= 0;
}

bool model_mark(struct model *model, const struct tmv_uuid *id)
{
    struct fleet_state *fleet = &model->fleet;
    int at = mark_of(model, id);

    if (at < 0 && fleet->mark_count == MARKS_MAX)
        return false;
    if (at < 0)
        fleet->marks[fleet->mark_count++] = *id;
    else
        fleet->marks[at] = fleet->marks[--fleet->mark_count];
    return true;
}

size_t model_event_count(const struct model *model)
{
    if (model->log.count > 0)
        return model->log.count;
    return model->snapshot ? model->snapshot->event_count : 0;
}

const struct tmv_audit_entry *model_event(const struct model *model, size_t index)
{
    return model->log.count > 0 ? &model->log.entries[model->log.count - 1 - index]
                                : &model->snapshot->events[index];
}
