#include "console/store_views.h"

#include <stdlib.h>
#include <string.h>

static const struct store_view *find(const struct store_views *views, const char *id)
{
    for (size_t i = 0; i < views->count; i++)
        if (strcmp(views->list[i].now.id, id) == 0)
            return &views->list[i];
    return NULL;
}

static int64_t tenants_of(const struct tmv_store_tenants *tenants, size_t count, const char *id)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(tenants[i].id, id) == 0)
            return tenants[i].tenants;
    return 0;
}

/* Two looks of different engines count too: it is the server that counts. */
static int64_t commit_rate(const struct store_view *before, const struct tmv_store_observation *now)
{
    int64_t since_us = now->look.now_us - before->now.look.now_us;
    int64_t commits = now->look.commits - before->now.look.commits;

    if (since_us == 0)
        return before->commit_rate;
    return since_us > 0 && before->now.look.commits >= 0 && commits >= 0 ? commits * 1000000 / since_us : -1;
}

static struct store_view take_in(const struct store_view *before, const struct tmv_store_observation *found)
{
    struct store_view view = {.commit_rate = -1, .rejected_before = -1};

    if (before)
        view = *before;
    if (before && before->now.seen && found->seen)
        view.commit_rate = commit_rate(before, found);
    if (view.rejected_before < 0 && found->seen)
        view.rejected_before = found->look.rejected;
    view.now = *found;
    return view;
}

void store_views_update(struct store_views *views, const struct tmv_store_observation *found, size_t count,
                        const struct tmv_store_tenants *tenants, size_t tenant_count)
{
    struct store_view *list = calloc(count + 1, sizeof *list);

    if (!list)
        return;
    for (size_t i = 0; i < count; i++) {
        list[i] = take_in(find(views, found[i].id), &found[i]);
        if (tenants)
            list[i].tenants = tenants_of(tenants, tenant_count, found[i].id);
    }
    free(views->list);
    views->list = list;
    views->count = count;
}

void store_views_release(struct store_views *views)
{
    free(views->list);
    *views = (struct store_views){0};
}
