/* What people and programs may ask for. Each call is one statement, so that a caller on a dying link leaves
 * no lock behind; who carries it out decides again when the time comes. */
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/text.h"
#include "model/lifecycle.h"
#include "control/row.h"
#include "control/migration/settings.h"
#include "sql_embedded.h"

/* What start_migration answered, in words. */
static bool start_refused(const struct pgx_result *result, const struct tmv_start_options *options,
                          const char *outcome, struct tmv_error *err)
{
    char tenant[TMV_UUID_TEXT];
    char place[TMV_NAME_MAX];

    tmv_uuid_format(&options->tenant, tenant);
    row_text(place, sizeof place, result, 0, 2);
    if (strcmp(outcome, "active") == 0) {
        err_set(err, TMV_ERR_REFUSED, "tenant %s has an active migration already: %s", tenant,
                pgx_text(result, 0, 1));
        return err_hint(err,
                        "watch it with `tenantmv status`, or abort it first (with --foreign when another "
                        "program that is gone ran it)");
    }
    if (strcmp(outcome, "held") == 0) {
        err_set(err, TMV_ERR_REFUSED, "migration %s still keeps the old store of tenant %s current",
                pgx_text(result, 0, 1), tenant);
        snprintf(err->sqlstate, sizeof err->sqlstate, "TM140");
        return err_hint(err, "end that first: tenantmv finalize %s", pgx_text(result, 0, 1));
    }
    if (strcmp(outcome, "unrouted") == 0) {
        err_set(err, TMV_ERR_REFUSED, "no routing row says where tenant %s lives", tenant);
        return err_hint(err, "register it where it lives now: see `tenantmv routing --help`");
    }
    if (strcmp(outcome, "same") == 0)
        return err_set(err, TMV_ERR_REFUSED, "tenant %s: source and target are the same store, %s", tenant,
                       options->target);
    if (strcmp(outcome, "elsewhere") == 0) {
        err_set(err, TMV_ERR_REFUSED, "tenant %s does not live on %s but on %s", tenant, options->source,
                place);
        return err_hint(err, "leave the source out: routing knows it");
    }
    if (strcmp(outcome, "no_store") == 0) {
        err_set(err, TMV_ERR_NOT_FOUND, "there is no store %s", ARGUMENT(place));
        return err_hint(err, "add it with `tenantmv store add`");
    }
    return err_set(err, TMV_ERR_INTERNAL, "starting answered '%s'", outcome);
}

/* Two starts at the same moment: the index lets one through, and the other reads whose it was. */
static bool start_raced(struct tmv_control *control, const struct pgx_args *args,
                        const struct tmv_start_options *options, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;

    if (!err_is_sqlstate(err, "23505"))
        return err_wrap(err, "starting a migration");
    if (!pgx_query(control->conn, CONTROL_TIMEOUT_US, sql_control_start, *args, &result, err))
        return err_wrap(err, "starting a migration");
    if (strcmp(pgx_text(result, 0, 0), "ok") == 0)
        return true;
    return start_refused(result, options, pgx_text(result, 0, 0), err);
}

bool tmv_start(struct tmv_control *control, const struct tmv_start_options *options,
               const struct tmv_actor *actor, struct tmv_uuid *ret_migration, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;
    AUTO_FREE char *config = tmv_settings_to_json(&options->settings);
    struct tmv_uuid id = tmv_uuid_random();
    struct pgx_args args =
        PGX_ARGS(PGX_UUID(&id), PGX_UUID(&options->tenant), PGX_TEXT(options->source),
                 PGX_TEXT(options->target), PGX_TEXT(config), PGX_TEXT(actor->name), PGX_TEXT(actor->from));

    if (!control_check_writable(control, err) || !settings_check(&options->settings, err))
        return false;
    if (!config)
        return err_set(err, TMV_ERR_NOMEM, "out of memory");
    if (!options->target || !options->target[0])
        return err_set(err, TMV_ERR_USAGE, "a migration needs a target store");
    if (tmv_uuid_is_nil(&options->tenant))
        return err_set(err, TMV_ERR_USAGE, "a migration needs a tenant");
    if (pgx_query(control->conn, CONTROL_TIMEOUT_US, sql_control_start, args, &result, err)) {
        if (strcmp(pgx_text(result, 0, 0), "ok") != 0)
            return start_refused(result, options, pgx_text(result, 0, 0), err);
    } else if (!start_raced(control, &args, options, err)) {
        return false;
    }
    *ret_migration = id;
    return true;
}

static bool check_request(const struct tmv_request *request, struct tmv_error *err)
{
    bool wants_reason =
        request->operation == TMV_OP_ABORT ||
        (request->force && (request->operation == TMV_OP_CUTOVER || request->operation == TMV_OP_FINALIZE));

    if ((unsigned)request->operation >= TMV_OP_COUNT || request->operation == TMV_OP_START)
        return err_set(err, TMV_ERR_USAGE, "%s is not an operation on a migration",
                       tmv_operation_name(request->operation));
    if (wants_reason && (!request->reason || !request->reason[0]))
        return err_set(err, TMV_ERR_USAGE, "%s%s needs a reason", request->force ? "a forced " : "",
                       tmv_operation_name(request->operation));
    if (request->repair && request->operation != TMV_OP_VERIFY)
        return err_set(err, TMV_ERR_USAGE, "only verify repairs");
    return true;
}

#define REQUEST_TRIES 3
#define LATELY_US (60 * 1000 * 1000LL) /* a command so fresh explains what a person finds changed */

/* Says who did what a moment ago: two people at two consoles learn of each other. */
static bool refused_after(const struct pgx_result *result, struct tmv_error *err)
{
    char by[TMV_NAME_MAX];

    /* That it was started, everybody sees. */
    if (pgx_is_null(result, 0, 3) || strcmp(pgx_text(result, 0, 3), "start") == 0 ||
        pgx_int(result, 0, 6) > LATELY_US)
        return false;
    row_text(by, sizeof by, result, 0, 5);
    return err_wrap(err, "%.60s asked for %s %lld s ago (%s)", by, pgx_text(result, 0, 3),
                    (long long)(pgx_int(result, 0, 6) / 1000000), pgx_text(result, 0, 4));
}

/* Whoever starts an engine later does not know of them, and neither do they of what has changed since. */
static bool expires(enum tmv_operation operation)
{
    return operation == TMV_OP_CUTOVER || operation == TMV_OP_REHEARSE || operation == TMV_OP_ABORT;
}

static bool no_engine(enum tmv_operation operation, struct tmv_error *err)
{
    err_set(err, TMV_ERR_REFUSED, "no engine runs: the %s was not asked for", tmv_operation_name(operation));
    return err_hint(err, "start `tenantmv worker` or the console, then ask again");
}

/* Nobody decides on gates that were looked at too long ago: an engine looks once a second. */
static bool gates_known(const struct pgx_result *look, struct tmv_error *err)
{
    int64_t age_us = pgx_int(look, 0, 8);

    if (!pgx_is_null(look, 0, 8) && fact_is_fresh(1, age_us + 1))
        return true;
    if (pgx_is_null(look, 0, 8))
        err_set(err, TMV_ERR_REFUSED,
                "the gates of the cutover are not known: no engine has looked at them yet");
    else
        err_set(err, TMV_ERR_REFUSED,
                "the gates of the cutover are not known: they were last looked at %lld s ago",
                (long long)(age_us / 1000000));
    return err_hint(err, "`tenantmv status` shows what its engine does; ask again when the gates are known");
}

/* What is so now, as far as it decides about a request. */
static bool read_state(struct tmv_control *control, const struct tmv_request *request,
                       struct pgx_result **ret_look, struct tmv_migration *ret_now, struct tmv_error *err)
{
    char id[TMV_UUID_TEXT];

    tmv_uuid_format(&request->migration, id);
    if (!pgx_query(control->conn, CONTROL_TIMEOUT_US, sql_control_command_expire,
                   PGX_ARGS(PGX_UUID(&request->migration)), NULL, err) ||
        !pgx_query(control->conn, CONTROL_TIMEOUT_US, sql_control_request_look,
                   PGX_ARGS(PGX_UUID(&request->migration), PGX_INT(LEASE_TTL_US)), ret_look, err))
        return err_wrap(err, "reading migration %s", id);
    if (pgx_rows(*ret_look) == 0)
        return err_set(err, TMV_ERR_NOT_FOUND, "there is no migration %s", id);
    if (!tmv_phase_parse(pgx_text(*ret_look, 0, 0), &ret_now->phase))
        return err_set(err, TMV_ERR_REFUSED, "migration %s is in an unknown phase: %s", id,
                       pgx_text(*ret_look, 0, 0));
    ret_now->id = request->migration;
    ret_now->paused = pgx_bool(*ret_look, 0, 1);
    ret_now->generation = pgx_int(*ret_look, 0, 2);
    row_text(ret_now->created_by, sizeof ret_now->created_by, *ret_look, 0, 9);
    ret_now->foreign_sign_at_us = pgx_int(*ret_look, 0, 10);
    return true;
}

/* The phase table. */
static bool phase_permits(const struct tmv_migration *now, const struct tmv_request *request,
                          const struct pgx_result *look, struct tmv_error *err)
{
    char id[TMV_UUID_TEXT];
    char why[TMV_REASON_MAX];

    tmv_uuid_format(&now->id, id);
    if (request->operation == TMV_OP_ABORT && !tmv_foreign_check(now, err))
        return false;
    if (!tmv_operation_allowed(now, request->operation, why)) {
        err_set(err, TMV_ERR_REFUSED, "%s", why);
        return refused_after(look, err);
    }
    if (request->repair && !tmv_repair_allowed(now->phase, err))
        return false;
    if (!tmv_phase_is_terminal(now->phase) || pgx_bool(look, 0, 11))
        return true;
    if (request->operation == TMV_OP_FINALIZE)
        return err_set(err, TMV_ERR_REFUSED,
                       "migration %s keeps no old store current: there is nothing to finalize", id);
    err_set(err, TMV_ERR_REFUSED, "migration %s is %s: no engine runs it any more", id,
            tmv_phase_name(now->phase));
    return err_hint(err, "compare the stores from here: tenantmv verify TENANT --direct");
}

/* The phase table and the picture the person acts on, against what is so now. */
static bool check_state(struct tmv_control *control, const struct tmv_request *request, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *look = NULL;
    struct tmv_migration now = {0};
    char id[TMV_UUID_TEXT];

    if (!read_state(control, request, &look, &now, err) || !phase_permits(&now, request, look, err))
        return false;
    if (request->generation && request->generation != now.generation) {
        err_set(err, TMV_ERR_REFUSED, "migration %s has changed since you looked (generation %lld, now %lld)",
                tmv_uuid_format(&now.id, id), (long long)request->generation, (long long)now.generation);
        err_hint(err, "look again, then decide again");
        return refused_after(look, err);
    }
    if (expires(request->operation) && !pgx_bool(look, 0, 7))
        return no_engine(request->operation, err);
    return request->operation != TMV_OP_CUTOVER || gates_known(look, err);
}

/* Somebody else's command of the same moment is in the way of ours before our statement's snapshot shows it:
 * the next statement sees it, and says whose it is. */
static bool add_command(struct tmv_control *control, const struct tmv_request *request, struct pgx_args args,
                        struct pgx_result **ret_result, struct tmv_error *err)
{
    for (int tries = 0; tries < REQUEST_TRIES; tries++) {
        pgx_result_free(TAKE(*ret_result));
        if (!check_state(control, request, err))
            return false;
        if (!pgx_query(control->conn, CONTROL_TIMEOUT_US, sql_control_request_add, args, ret_result, err))
            return err_wrap(err, "requesting %s", tmv_operation_name(request->operation));
        if (pgx_bool(*ret_result, 0, 0) || !pgx_is_null(*ret_result, 0, 1))
            break;
    }
    return true;
}

bool tmv_request(struct tmv_control *control, const struct tmv_request *request,
                 const struct tmv_actor *actor, struct tmv_uuid *ret_command, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;
    struct tmv_uuid id = tmv_uuid_is_nil(&request->id) ? tmv_uuid_random() : request->id;
    int64_t lifetime_us = request->lifetime_us ? request->lifetime_us : TMV_REQUEST_LIFETIME_US;
    char reason[TMV_REASON_MAX];
    char by[TMV_NAME_MAX];
    struct pgx_args args =
        PGX_ARGS(PGX_UUID(&id), PGX_UUID(&request->migration),
                 PGX_TEXT(tmv_operation_name(request->operation)), PGX_INT(request->generation),
                 PGX_TEXT(request->reason ? reason : NULL), PGX_BOOL(request->keep_copied_events),
                 PGX_BOOL(request->force), PGX_TEXT(actor->name), PGX_TEXT(actor->from),
                 PGX_BOOL(request->repair), expires(request->operation) ? PGX_INT(lifetime_us) : PGX_NULL);

    if (!control_check_writable(control, err) || !check_request(request, err))
        return false;
    text_copy(reason, sizeof reason, request->reason);
    text_sanitize(reason);
    if (!add_command(control, request, args, &result, err))
        return false;
    if (!pgx_bool(result, 0, 0) && pgx_is_null(result, 0, 1))
        return err_set(err, TMV_ERR_REFUSED, "the migration ended meanwhile: %s came too late",
                       tmv_operation_name(request->operation));
    if (!pgx_bool(result, 0, 0)) {
        row_text(by, sizeof by, result, 0, 3);
        err_set(err, TMV_ERR_REFUSED, "%s is %s already, by %s (command %s)",
                tmv_operation_name(request->operation), pgx_text(result, 0, 2), by, pgx_text(result, 0, 1));
        return err_hint(err, "wait for its outcome; without a running engine nothing is carried out");
    }
    *ret_command = id;
    return true;
}

bool tmv_repair_allowed(enum tmv_phase phase, struct tmv_error *err)
{
    if (phase == TMV_PHASE_DUAL_WRITE)
        return true;
    err_set(err, TMV_ERR_REFUSED, "a repair is possible in dual_write only; the migration is in %s",
            tmv_phase_name(phase));
    return err_hint(err, phase == TMV_PHASE_COMPLETED
                             ? "the target is where the tenant lives now: nothing is overwritten there"
                             : "wait until it mirrors, or start a new migration");
}

bool tmv_operation_allowed(const struct tmv_migration *migration, enum tmv_operation operation,
                           char why[TMV_REASON_MAX])
{
    if (migration->generation != 0)
        return lifecycle_allows(migration->phase, migration->paused, operation, why);
    if (why)
        text_copy(why, TMV_REASON_MAX,
                  operation == TMV_OP_ABORT
                      ? "another program runs this migration; when that program is gone, `tenantmv abort "
                        "--foreign` ends it"
                      : "another program runs this migration; tenantmv does not touch it");
    return false;
}
