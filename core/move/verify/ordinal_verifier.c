#include "move/verify/ordinal_verifier.h"

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "sql_embedded.h"

#define STEP_TIMEOUT_US (10 * US_PER_S)
#define RANGE_TIMEOUT_US (600 * US_PER_S)
#define RANGE_EVENTS 20000

void ordinal_verifier_init(struct ordinal_verifier *v, const struct endpoints *endpoints)
{
    *v = (struct ordinal_verifier){
        .endpoints = endpoints, .source_sql = BUF_INIT(64 * 1024), .target_sql = BUF_INIT(64 * 1024)};
}

void ordinal_verifier_release(struct ordinal_verifier *v)
{
    pgx_close(TAKE(v->source));
    pgx_close(TAKE(v->target));
    buf_release(&v->source_sql);
    buf_release(&v->target_sql);
}

bool ordinal_verifier_connect(struct ordinal_verifier *v, int64_t proven_to, struct tmv_error *err)
{
    const struct endpoints *e = v->endpoints;
    AUTO_RESULT struct pgx_result *row = NULL;

    if (!verifier_ordinal_digest_sql(&e->source, &e->target, &e->source, &v->source_sql, err) ||
        !verifier_ordinal_digest_sql(&e->source, &e->target, &e->target, &v->target_sql, err) ||
        !endpoints_connect_source(e, "verify", &v->source, err) ||
        !endpoints_connect_target(e, "verify", &v->target, err) ||
        !pgx_query(v->target, STEP_TIMEOUT_US, sql_verify_ordinal_begin,
                   PGX_ARGS(PGX_UUID(&e->owner.migration), PGX_INT(leg_number(&e->leg)), PGX_INT(proven_to)),
                   &row, err))
        return false;
    if (pgx_rows(row) == 0)
        return err_set(err, TMV_ERR_REFUSED, "%s has no record of where the way back begins",
                       pgx_place(v->target));
    v->proven.from = pgx_int(row, 0, 0);
    v->proven.to = pgx_int(row, 0, 1);
    v->proven.events = pgx_int(row, 0, 2);
    return true;
}

static bool ask(struct ordinal_verifier *v, struct tmv_error *err)
{
    const struct endpoints *e = v->endpoints;
    AUTO_RESULT struct pgx_result *row = NULL;

    if (!pgx_query(v->target, STEP_TIMEOUT_US, sql_verify_ordinal_next,
                   PGX_ARGS(PGX_UUID(&e->owner.migration), PGX_INT(leg_number(&e->leg)),
                            PGX_INT(v->proven.from), PGX_INT(v->proven.events), PGX_INT(RANGE_EVENTS)),
                   &row, err))
        return false;
    if (pgx_rows(row) == 0)
        return true;
    v->next.from = pgx_int(row, 0, 0);
    v->next.to = pgx_int(row, 0, 1);
    v->next.events = pgx_int(row, 0, 2);
    v->asked_us = clock_now_us();
    v->asked =
        pgx_send(v->source, buf_text(&v->source_sql),
                 PGX_ARGS(PGX_INT(v->proven.from), PGX_INT(v->next.from), PGX_UUID(&e->owner.tenant)), err) &&
        pgx_send(v->target, buf_text(&v->target_sql),
                 PGX_ARGS(PGX_INT(v->proven.to), PGX_INT(v->next.to), PGX_UUID(&e->owner.tenant)), err);
    return v->asked;
}

static bool take(struct ordinal_verifier *v, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *there = NULL;
    AUTO_RESULT struct pgx_result *here = NULL;
    struct range_digest source, target;

    v->asked = false;
    if (!pgx_receive(v->source, STEP_TIMEOUT_US, &there, err) ||
        !pgx_receive(v->target, STEP_TIMEOUT_US, &here, err))
        return false;
    verifier_read_digest(there, &source);
    verifier_read_digest(here, &target);
    if (range_digest_equal(&source, &target)) {
        v->proven = v->next;
        return true;
    }
    v->differs = true;
    v->source_events = source.events;
    v->target_events = target.events;
    return true;
}

/* *ret_both: both servers have answered. */
static bool have_answered(struct ordinal_verifier *v, bool *ret_both, struct tmv_error *err)
{
    bool there = false;

    *ret_both = false;
    if (clock_now_us() - v->asked_us > RANGE_TIMEOUT_US)
        return err_set(err, TMV_ERR_TIMEOUT, "a range was not compared within %d s",
                       (int)(RANGE_TIMEOUT_US / US_PER_S));
    return pgx_await(v->source, 0, &there, err) && (!there || pgx_await(v->target, 0, ret_both, err));
}

bool ordinal_verifier_step(struct ordinal_verifier *v, struct tmv_error *err)
{
    bool both = false;

    if (v->differs)
        return true;
    if (!v->asked)
        return ask(v, err) || err_wrap(err, "verifying the way back");
    return (have_answered(v, &both, err) && (!both || take(v, err))) ||
           err_wrap(err, "verifying the way back");
}
