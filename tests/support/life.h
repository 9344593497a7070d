/* A tenant's whole life between real stores, driven through the public interface: shared by the tests of the
 * coordinator. */
#pragma once

#include "support/move.h"
#include "tenantmv/engine.h"
#include "tenantmv/snapshot.h"
#include "tenantmv/verify.h"

struct life {
    struct tmv_store_info source, target;
    char control[CLUSTER_CONNINFO_MAX];
    struct tmv_uuid tenant, migration;
    struct tmv_settings
        settings; /* of life_begin: budgets that a slow machine keeps, unless the test sets others */
    char tenant_text[TMV_UUID_TEXT];
    struct pgx_conn *on_control, *on_source, *on_target;
    struct tmv_control *handle;
    struct tmv_engine *engine;
};
extern struct life l; /* of the case that runs */
extern const struct tmv_actor amy;

#define HISTORY 300 /* events of the tenant before anything moves */

/* Databases, stores, routing and a history; nothing runs yet. */
void life_prepare(bool control_elsewhere, bool partitioned);
/* The same with both stores partitioned and no partition from 2030 on. */
void life_prepare_partitioned(void);
void life_release(void);
/* Fixtures of a case: the control tables in the source's database, or elsewhere. */
int life_plain(void **state);
int life_with_control_elsewhere(void **state);
/* Both stores are databases of one server: half the time to begin. */
int life_on_one_server(void **state);
int life_done(void **state);
void life_start_engine(void);
/* One that tells a webhook. */
void life_start_engine_with_webhook(const char *url);
void life_stop_engine(void);
/* Creates the migration, with budgets that a slow machine keeps. */
bool life_begin(struct tmv_error *err);
/* Polls a condition over m (tenant_migrations), s (migration_state), l (lease); shows what stands there when
 * it does not come true. */
void life_wait_for(const char *condition);
/* Creates the migration, starts an engine here unless one runs, and waits for every gate to be green. */
void life_begin_and_wait_until_ready(void);
/* Asks for an operation and waits for its outcome. */
struct tmv_command_info life_ask(enum tmv_operation operation, const char *reason);
/* The same with everything that can be asked for. */
struct tmv_command_info life_ask_for(const struct tmv_request *request);
void life_expect(struct tmv_command_info got, enum tmv_command_state state, const char *words);
int64_t life_count(struct pgx_conn *conn); /* events of the tenant there */
/* Routing, fences, events, positions and audit say that the tenant moved, once; writes one more event to the
 * target. */
void life_assert_moved(void);
void life_assert_one_audit_row(const char *event_type);
void life_assert_source_as_it_was(void);
