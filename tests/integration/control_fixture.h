/* A control database of its own for each case: stores `shared` and `dedicated`, one tenant that lives on
 * `shared`. */
#pragma once

#include <stdio.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/text.h"
#include "control/repositories.h"
#include "sql_embedded.h"
#include "support/support.h"

struct control_fixture {
    char conninfo[CLUSTER_CONNINFO_MAX];
    struct tmv_control *control; /* a person's handle */
    struct pgx_conn *conn;       /* an engine's, or anybody's, connection */
    struct tmv_uuid tenant;
    struct tmv_uuid migration; /* after control_fixture_start */
    struct tmv_actor actor;
    struct owner owner; /* after control_fixture_own */
};

static inline void control_fixture_open(struct control_fixture *f)
{
    struct tmv_error err = {0};
    const struct tmv_store_info stores[] = {{.id = "shared", .conninfo = "host=/nonexistent/one"},
                                            {.id = "dedicated", .conninfo = "host=/nonexistent/two"}};

    *f = (struct control_fixture){.tenant = tmv_uuid_random(),
                                  .actor = {.name = "amy", .from = "bastion2 pid 4711"}};
    support_database(support_cluster("source", NULL), f->conninfo);
    assert_done(tmv_control_init(f->conninfo, &err), &err);
    assert_done(tmv_control_open(f->conninfo, &f->control, &err), &err);
    f->conn = support_connect(f->conninfo);
    for (size_t i = 0; i < ARRAY_LEN(stores); i++)
        assert_done(tmv_store_add(f->control, &stores[i], &err), &err);
    assert_done(tmv_routing_register(f->control, &f->tenant, "shared", &err), &err);
}

static inline void control_fixture_close(struct control_fixture *f)
{
    tmv_control_close(f->control);
    pgx_close(f->conn);
}

static inline void control_fixture_options(const struct control_fixture *f,
                                           struct tmv_start_options *ret_options)
{
    *ret_options = (struct tmv_start_options){.tenant = f->tenant, .target = "dedicated"};
    tmv_settings_default(&ret_options->settings);
}

/* Asks for the migration; nothing owns it yet. */
static inline void control_fixture_start(struct control_fixture *f)
{
    struct tmv_start_options options;
    struct tmv_error err = {0};

    control_fixture_options(f, &options);
    assert_done(tmv_start(f->control, &options, &f->actor, &f->migration, &err), &err);
}

/* Takes the lease for a new engine, which then counts as alive however slow this machine is; fails the test
 * when another one is alive. */
static inline void control_fixture_take(struct control_fixture *f, struct owner *ret_owner)
{
    const struct claimable what = {.migration = f->migration, .tenant = f->tenant};
    const struct engine_identity engine = {.id = tmv_uuid_random(), .name = "worker one"};
    struct lease lease;
    struct tmv_error err = {0};

    assert_done(control_lease_take(f->conn, &what, &engine, &lease, &err), &err);
    assert_true(lease.taken);
    support_sql(f->conn, "UPDATE tenantmv.lease SET heartbeat_at = clock_timestamp() + interval '1 hour'");
    *ret_owner = lease.owner;
}

/* Starts the migration, and an engine owns it. */
static inline void control_fixture_own(struct control_fixture *f)
{
    control_fixture_start(f);
    control_fixture_take(f, &f->owner);
}

/* Its engine looks at the gates: without that no cutover is asked for. */
static inline void control_fixture_look(struct control_fixture *f)
{
    const struct tmv_gate gate = {.name = "lag", .green = true, .seen = "3 ms", .at_us = clock_now_us()};
    const struct migration_progress progress = {.gates = &gate, .gate_count = 1};
    struct tmv_error err = {0};

    assert_done(control_report_progress(f->conn, &f->owner, &progress, &err), &err);
}

/* The move that leads from one phase to the next on the way to a cutover, or back to dual_write. */
static inline enum move_id control_fixture_move(enum tmv_phase from, enum tmv_phase to)
{
    static const enum move_id moves[] = {MOVE_BEGIN_COPY, MOVE_BEGIN_DUAL_WRITE, MOVE_BEGIN_CUTOVER,
                                         MOVE_ROLL_BACK};

    for (size_t i = 0; i < sizeof moves / sizeof *moves; i++)
        if (move_is_made_from(moves[i], from) && move_leads_to(moves[i], from) == to)
            return moves[i];
    return MOVE_ABORT;
}

/* Its engine changes the phase; in dual_write it reports a gate that is green, too. */
static inline void control_fixture_to(struct control_fixture *f, enum tmv_phase from, enum tmv_phase to)
{
    const struct phase_change change = {.move = control_fixture_move(from, to), .from = from};
    struct tmv_error err = {0};

    assert_done(control_phase_change(f->conn, &f->owner, &change, &err), &err);
    if (to == TMV_PHASE_DUAL_WRITE)
        control_fixture_look(f);
}

/* Starts the tenant's migration and brings it to dual_write, owned by an engine that lives. */
static inline void control_fixture_to_dual_write(struct control_fixture *f)
{
    control_fixture_own(f);
    control_fixture_to(f, TMV_PHASE_PENDING, TMV_PHASE_BULK_COPY);
    control_fixture_to(f, TMV_PHASE_BULK_COPY, TMV_PHASE_DUAL_WRITE);
}

/* The same, and on to cutover. */
static inline void control_fixture_to_cutover(struct control_fixture *f)
{
    control_fixture_to_dual_write(f);
    control_fixture_to(f, TMV_PHASE_DUAL_WRITE, TMV_PHASE_CUTOVER);
}
