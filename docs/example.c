/* example CONTROL TENANT TARGET: writes and reads, moves the tenant (an engine runs), writes again. */
#include <stdio.h>
#include "tenantmv/router.h"
#include "tenantmv/snapshot.h"

static bool append(struct tmv_router *router, const struct tmv_stream *stream, struct tmv_error *err)
{
    const struct tmv_new_event event = {.type = "Added", .payload = "{}"};
    struct tmv_append_result done;
    struct tmv_event_list list;

    if (!tmv_router_append(router, &(struct tmv_append){stream, TMV_EXPECT_ANY, &event, 1}, &done, err) ||
        !tmv_router_read_stream(router, stream, 0, 100, &list, err))
        return false;
    printf("version %lld on store %s, %zu events\n", (long long)done.version, done.store_id, list.count);
    tmv_event_list_free(&list);
    return true;
}

static bool move(struct tmv_control *control, const struct tmv_start_options *what, struct tmv_error *err)
{
    enum tmv_phase phase = TMV_PHASE_PENDING;
    struct tmv_snapshot *now;
    struct tmv_uuid id;

    if (!tmv_start(control, what, &(struct tmv_actor){"example", "here"}, &id, err))
        return false;
    while (!tmv_phase_is_terminal(phase)) {
        if (!tmv_control_wait_change(control, 1000000, err) ||
            !tmv_snapshot_read(control, &what->tenant, 1, &now, err))
            return false;
        phase = now->migrations[0].phase;
        printf("%s %s\n", tmv_phase_name(phase), now->migrations[0].note);
        tmv_snapshot_free(now);
    }
    return true;
}

int main(int argc, char **argv)
{
    struct tmv_stream stream = {.aggregate = tmv_uuid_random(), .aggregate_type = "Note"};
    struct tmv_start_options what = {.target = argv[argc - 1]};
    struct tmv_control *control = NULL;
    struct tmv_router *router = NULL;
    struct tmv_error err;

    if (argc != 4 || !tmv_uuid_parse(argv[2], &stream.tenant))
        return 2;
    what.tenant = stream.tenant;
    tmv_settings_default(&what.settings);
    what.settings.auto_cutover = true;
    bool ok = tmv_control_open(argv[1], &control, &err) &&
              tmv_router_open(&(struct tmv_router_options){.control_conninfo = argv[1]}, &router, &err) &&
              append(router, &stream, &err) && move(control, &what, &err) && append(router, &stream, &err);
    if (!ok)
        printf("%s; %s\n", err.message, err.hint);
    tmv_router_close(router);
    tmv_control_close(control);
    return ok ? 0 : 1;
}
