#include "view/fleet_order.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "view/filter.h"
#include "view/health.h"
#include "view/states.h"

/* One row while it is sorted. */
struct row {
    const struct tmv_migration *m;
    int index; /* in the snapshot */
    int place; /* row it had before, or after all others */
    char name[TENANT_NAME_MAX];
};

static int compare_number(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

/* Every order ends in the name and the id, so that it is total: rows never swap without a reason. */
static int finally(const struct row *a, const struct row *b)
{
    int c = strcmp(a->name, b->name);

    return c != 0 ? c : memcmp(&a->m->id, &b->m->id, sizeof a->m->id);
}

static int by_state(const void *va, const void *vb)
{
    const struct row *a = va, *b = vb;
    int c = compare_number(state_look(a->m->show)->rank, state_look(b->m->show)->rank);

    if (c == 0)
        c = compare_number(b->m->lag_us / 1000000, a->m->lag_us / 1000000);
    return c != 0 ? c : finally(a, b);
}

static int by_tenant(const void *va, const void *vb)
{
    return finally(va, vb);
}

static int by_lag(const void *va, const void *vb)
{
    const struct row *a = va, *b = vb;
    int c = compare_number(b->m->lag_us, a->m->lag_us);

    return c != 0 ? c : finally(a, b);
}

static int by_progress(const void *va, const void *vb)
{
    const struct row *a = va, *b = vb;
    int c = compare_number(b->m->percent, a->m->percent);

    return c != 0 ? c : finally(a, b);
}

static int by_newest(const void *va, const void *vb)
{
    const struct row *a = va, *b = vb;
    int c = compare_number(b->m->created_at_us, a->m->created_at_us);

    return c != 0 ? c : finally(a, b);
}

static int by_rate(const void *va, const void *vb)
{
    const struct row *a = va, *b = vb;
    int c = compare_number(b->m->rate, a->m->rate);

    return c != 0 ? c : finally(a, b);
}

/* Those that end soonest first; those without an end last. */
static int by_eta(const void *va, const void *vb)
{
    const struct row *a = va, *b = vb;
    int c = compare_number(a->m->eta_us < 0 ? INT64_MAX : a->m->eta_us,
                           b->m->eta_us < 0 ? INT64_MAX : b->m->eta_us);

    return c != 0 ? c : finally(a, b);
}

static int by_target(const void *va, const void *vb)
{
    const struct row *a = va, *b = vb;
    int c = strcmp(a->m->target, b->m->target);

    return c != 0 ? c : finally(a, b);
}

static int by_place(const void *va, const void *vb)
{
    const struct row *a = va, *b = vb;
    int c = compare_number(a->place, b->place);

    return c != 0 ? c : finally(a, b);
}

static const struct {
    const char *name;
    int (*compare)(const void *a, const void *b);
} sorts[] = {
    {"state, lag", by_state}, {"tenant", by_tenant}, {"lag", by_lag},       {"progress", by_progress},
    {"newest", by_newest},    {"rate", by_rate},     {"time left", by_eta}, {"target", by_target},
};

int fleet_sorts(void)
{
    return (int)(sizeof sorts / sizeof *sorts);
}

const char *fleet_sort_name(int sort)
{
    return sorts[sort].name;
}

/* The filter in force; one that cannot be read leaves the last good one. */
static void read_filter(struct fleet_state *fleet, struct filter *ret_filter)
{
    char unused[FILTER_PROBLEM_MAX];

    if (filter_parse(fleet->filter, ret_filter, fleet->filter_problem))
        memcpy(fleet->filter_good, fleet->filter, sizeof fleet->filter_good);
    else if (!filter_parse(fleet->filter_good, ret_filter, unused))
        *ret_filter = (struct filter){0};
}

static int place_of(const struct fleet_state *fleet, const struct tmv_uuid *id)
{
    for (int i = 0; i < fleet->shown; i++)
        if (tmv_uuid_equal(&fleet->ids[i], id))
            return i;
    return FLEET_MAX; /* after all that pass */
}

/* Puts the selected migration, which left the list by itself, back where it was: another one must not slide
 * under the cursor. False: it is not known any more. */
static bool keep_ghost(struct model *model)
{
    struct fleet_state *fleet = &model->fleet;
    const struct tmv_migration *m = model_find(model, &fleet->selected);
    int row = fleet->selected_row < 0              ? 0
              : fleet->selected_row > fleet->shown ? fleet->shown
                                                   : fleet->selected_row;

    if (tmv_uuid_is_nil(&fleet->selected) || model->no_keys ||
        (!m && !tmv_uuid_equal(&model->kept.id, &fleet->selected)))
        return false;
    memmove(fleet->order + row + 1, fleet->order + row, sizeof *fleet->order * (size_t)(fleet->shown - row));
    memmove(fleet->ids + row + 1, fleet->ids + row, sizeof *fleet->ids * (size_t)(fleet->shown - row));
    fleet->order[row] = m ? (int)(m - model->snapshot->migrations) : -1;
    fleet->ids[row] = fleet->selected;
    fleet->selected_row = row;
    fleet->shown++;
    return true;
}

/* The selection follows its migration. One that left the list stays as a ghost; without one (`moves`: the
 * person changed the list) the row stays where it was. */
static void keep_selection(struct model *model, bool moves)
{
    struct fleet_state *fleet = &model->fleet;
    int row = place_of(fleet, &fleet->selected);

    fleet->ghost = row == FLEET_MAX && !moves && keep_ghost(model);
    if (fleet->ghost)
        return;
    if (row == FLEET_MAX)
        row = fleet->selected_row;
    if (row >= fleet->shown)
        row = fleet->shown - 1;
    if (row < 0 && fleet->shown > 0)
        row = 0;
    fleet->selected_row = row;
    if (row >= 0)
        fleet->selected = fleet->ids[row];
}

static void reverse_rows(struct row *rows, int count)
{
    for (int i = 0; i < count / 2; i++) {
        struct row other = rows[i];
        rows[i] = rows[count - 1 - i];
        rows[count - 1 - i] = other;
    }
}

/* `moves`: the person changed the list, and the cursor with it. */
static void arrange(struct model *model, bool hold, bool moves)
{
    struct fleet_state *fleet = &model->fleet;
    size_t count = !model->snapshot ? 0 : model->snapshot->migration_count;
    struct filter filter;
    AUTO_FREE struct row *rows = NULL;
    int shown = 0;

    if (count > FLEET_MAX)
        count = FLEET_MAX;
    rows = calloc(count + 1, sizeof *rows);
    if (!rows)
        return; /* the order before stays */
    read_filter(fleet, &filter);
    for (size_t i = 0; i < count; i++) {
        struct row *row = &rows[shown];
        row->m = &model->snapshot->migrations[i];
        row->index = (int)i;
        row->place = place_of(fleet, &row->m->id);
        tenant_full(&model->names, &row->m->tenant, row->name);
        if (model->only_problems && migration_health(model->snapshot, row->m, NULL) == HEALTH_WELL)
            continue;
        shown += filter_passes(
            &filter, &(struct filter_subject){row->m, row->name, model->who, model_database_now_us(model)});
    }
    qsort(rows, (size_t)shown, sizeof *rows, hold ? by_place : sorts[fleet->sort].compare);
    if (fleet->reverse && !hold)
        reverse_rows(rows, shown);
    for (int i = 0; i < shown; i++) {
        fleet->order[i] = rows[i].index;
        fleet->ids[i] = rows[i].m->id;
    }
    fleet->shown = shown;
    keep_selection(model, moves);
    filter_release(&filter);
}

void fleet_order(struct model *model, bool hold)
{
    arrange(model, hold, false);
}

void fleet_refilter(struct model *model)
{
    arrange(model, false, true);
}

void fleet_let_go(struct fleet_state *fleet)
{
    int row = fleet->selected_row;
    size_t after = (size_t)(fleet->shown - row - 1);

    if (!fleet->ghost)
        return;
    memmove(fleet->order + row, fleet->order + row + 1, sizeof *fleet->order * after);
    memmove(fleet->ids + row, fleet->ids + row + 1, sizeof *fleet->ids * after);
    fleet->shown--;
    fleet->ghost = false;
    memset(&fleet->selected, 0, sizeof fleet->selected);
}

int fleet_row_of(const struct fleet_state *fleet, const struct tmv_uuid *id)
{
    int row = place_of(fleet, id);

    return row == FLEET_MAX ? -1 : row;
}
