#include "test.h"

#include "chaos/changes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/text.h"
#include "support/support.h"

#define GAP 1000 /* positions that no event of the tenant's history has */
#define STATEMENT_US (20 * US_PER_S)
#define REFUSED_US (5 * US_PER_S) /* a message that lasts this long is the migration's last word */
#define NAMES_MAX 24

/* Statements read what they need from settings of their session: chaos.tenant, chaos.event, chaos.stream, and
 * chaos.gap, the position after which the gap begins. */

/* One condition would look the table up where it is not there yet. */
#define UNLESS_MOVED                                                                                         \
    "IF to_regclass('tenantmv.fence') IS NOT NULL THEN IF EXISTS (SELECT FROM tenantmv.fence WHERE "         \
    "tenant_id = current_setting('chaos.tenant')::uuid AND state = 'moved') THEN RETURN; END IF; END IF; "

#define ADD_COLUMN "ALTER TABLE public.events ADD COLUMN note text; "
/* Every writer fills it without knowing of it. */
#define FILL_COLUMN "ALTER TABLE public.events ALTER COLUMN note SET DEFAULT clock_timestamp()::text"

#define SEQUENCE "public.events_global_position_seq"

#define NEW_PARTITION                                                                                        \
    "CREATE TABLE public.events_next PARTITION OF public.events FOR VALUES FROM ('2200-01-01') TO "          \
    "('2300-01-01')"

/* As pg_restore attaches what it filled. Its row lies at a position that the tail may have passed. */
static const char attach_rows[] =
    "DO $$ BEGIN " UNLESS_MOVED
    "CREATE TABLE public.events_attached (LIKE public.events INCLUDING DEFAULTS); "
    "INSERT INTO public.events_attached (global_position, event_id, aggregate_id, aggregate_type, "
    "event_type, "
    "tenant_id, version, \"timestamp\", payload) VALUES (current_setting('chaos.gap')::bigint + 1, "
    "current_setting('chaos.event')::uuid, current_setting('chaos.stream')::uuid, 'Order', 'OrderPlaced', "
    "current_setting('chaos.tenant')::uuid, 1, '2250-01-01', '{}'); "
    "ALTER TABLE public.events ATTACH PARTITION public.events_attached FOR VALUES FROM ('2200-01-01') TO "
    "('2300-01-01'); END $$";

/* Once the tenant has moved, what keeps late writers out of the source is not taken away: no program could
 * hold them then. */
static const char disable_triggers[] =
    "DO $$ BEGIN LOCK TABLE public.events IN SHARE ROW EXCLUSIVE MODE; " UNLESS_MOVED
    "ALTER TABLE public.events DISABLE TRIGGER ALL; END $$";

static const char replace_function[] =
    "DO $$ DECLARE f regprocedure; BEGIN LOCK TABLE public.events IN SHARE ROW EXCLUSIVE MODE; " UNLESS_MOVED
    "SELECT t.tgfoid INTO f FROM pg_trigger t WHERE t.tgrelid = 'public.events'::regclass AND t.tgtype & 5 = "
    "5 "
    "AND t.tgname LIKE '~tenantmv%' AND position(current_setting('chaos.tenant') IN encode(t.tgargs, "
    "'escape')) "
    "> 0 LIMIT 1; IF f IS NOT NULL THEN EXECUTE format('CREATE OR REPLACE FUNCTION %s RETURNS trigger "
    "LANGUAGE "
    "plpgsql AS %L', f, 'BEGIN RETURN NEW; END'); END IF; END $$";

#define RULE(r) (INT64_C(1) << (r))
/* Positions that do not follow the order of the writes are what such a sequence gives. */
#define DISORDER (RULE(HISTORY_STREAM_ORDER) | RULE(HISTORY_TIME_ORDER))

struct change_kind {
    const char *name;
    const char *on_target, *on_source; /* in this order; NULL: nothing */
    const char *words;                 /* pattern: what a refusal must say */
    const char *remedy;                /* on the target, when it was refused; NULL none */
    const char *timestamp; /* of the event that is written after the change; NULL: the change writes it */
    bool partitioned;
    bool moves; /* a refusal would be a failure */
    int64_t waived;
};

static const struct change_kind kinds[] = {
    {.name = "column-source", .on_source = ADD_COLUMN FILL_COLUMN, .words = "column", .timestamp = "now()"},
    {.name = "column-target", .on_target = ADD_COLUMN, .words = "column", .timestamp = "now()"},
    {.name = "column-both",
     .on_target = ADD_COLUMN FILL_COLUMN,
     .on_source = ADD_COLUMN FILL_COLUMN,
     .words = "column",
     .timestamp = "now()"},
    {.name = "sequence-back",
     .on_source = "SELECT setval('" SEQUENCE "', current_setting('chaos.gap')::bigint + 1, false)",
     .words = "sequence|position",
     .timestamp = "now()",
     .waived = DISORDER},
    {.name = "sequence-jump",
     .on_source = "SELECT setval('" SEQUENCE "', last_value + 50000000000) FROM " SEQUENCE,
     .words = "sequence|position",
     .timestamp = "now()",
     .moves = true},
    {.name = "sequence-cache",
     .on_source = "ALTER SEQUENCE " SEQUENCE " CACHE 20",
     .words = "sequence|cache",
     .timestamp = "now()",
     .waived = DISORDER},
    {.name = "sequence-increment",
     .on_source = "ALTER SEQUENCE " SEQUENCE " INCREMENT BY 3",
     .words = "sequence|increment",
     .timestamp = "now()"},
    {.name = "function", .on_source = replace_function, .words = "guard|function", .timestamp = "now()"},
    {.name = "triggers", .on_source = disable_triggers, .words = "guard|trigger", .timestamp = "now()"},
    {.name = "partition-both",
     .on_target = NEW_PARTITION,
     .on_source = NEW_PARTITION,
     .words = "partition",
     .timestamp = "'2250-01-01'",
     .partitioned = true,
     .moves = true},
    {.name = "partition-late",
     .on_source = NEW_PARTITION,
     .words = "partition",
     .remedy = NEW_PARTITION,
     .timestamp = "'2250-01-01'",
     .partitioned = true,
     .moves = true},
    /* Where the tail went on since the facts were looked at last, the comparison of all events finds them. */
    {.name = "partition-rows",
     .on_source = attach_rows,
     .words = "partition|verification found",
     .partitioned = true},
};

const char *const *change_faults(size_t *ret_count)
{
    static const char *names[ARRAY_LEN(kinds)];

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        names[i] = kinds[i].name;
    *ret_count = ARRAY_LEN(kinds);
    return names;
}

static const struct change_kind *find(const char *fault)
{
    for (size_t i = 0; fault && i < ARRAY_LEN(kinds); i++)
        if (strcmp(kinds[i].name, fault) == 0)
            return &kinds[i];
    return NULL;
}

bool change_is(const char *fault)
{
    return find(fault) != NULL;
}

bool change_is_partitioned(const char *fault)
{
    const struct change_kind *kind = find(fault);

    return kind && kind->partitioned;
}

/* ---- around the migration ---- */

/* A session whose statements do not make the writers queue behind them for long. */
static struct pgx_conn *connect_to(const char *conninfo)
{
    struct pgx_conn *conn = support_connect(conninfo);

    support_sql(conn, "SET lock_timeout = '100ms'; SET statement_timeout = '1s'");
    return conn;
}

/* The event that comes with the change; until it is in the store it counts as refused. */
static void note_event(struct change *c, struct bed *bed, const struct bed_tenant *tenant, int64_t gap)
{
    const struct history_write write = {.event = tmv_uuid_random(),
                                        .stream = tmv_uuid_random(),
                                        .tenant = tenant->number,
                                        .kind = "change",
                                        .version = 1};
    char event[TMV_UUID_TEXT], stream[TMV_UUID_TEXT];

    c->written = history_attempt(bed->history, &write);
    support_sql(c->on_source,
                "SELECT set_config('chaos.tenant', '%s', false), set_config('chaos.event', '%s', false), "
                "set_config('chaos.stream', '%s', false), set_config('chaos.gap', '%" PRId64 "', false)",
                tenant->text, tmv_uuid_format(&write.event, event), tmv_uuid_format(&write.stream, stream),
                gap);
}

void change_open(struct change *c, const char *fault, struct bed *bed, const struct bed_tenant *tenant)
{
    memset(c, 0, sizeof *c);
    c->kind = find(fault);
    if (!c->kind)
        return;
    bed->waived = c->kind->waived;
    c->on_source = connect_to(bed->source.conninfo);
    c->on_target = connect_to(tenant->target.conninfo);
    /* A store that was never written to begins at 1: there is nothing to leave out. */
    int64_t gap =
        support_int(c->on_source,
                    "SELECT CASE WHEN is_called THEN setval('" SEQUENCE "', last_value + %d) - %d ELSE 0 "
                    "END FROM " SEQUENCE,
                    GAP, GAP);
    note_event(c, bed, tenant, gap);
}

void change_close(struct change *c)
{
    pgx_close(TAKE(c->on_source));
    pgx_close(TAKE(c->on_target));
}

/* ---- the change ---- */

/* Whether a statement is through; false: locks were in its way. */
static bool run(struct pgx_conn *conn, const char *statement)
{
    struct tmv_error err;

    if (!statement || pgx_script(conn, STATEMENT_US, statement, 0, NULL, &err))
        return true;
    bool later = strcmp(err.sqlstate, "55P03") == 0 || strcmp(err.sqlstate, "57014") == 0 ||
                 strcmp(err.sqlstate, "40P01") == 0;
    if (!later)
        fail_msg("%s: %s", statement, err.message);
    return false;
}

/* Whether the event's fate is known. The tenant's guard may turn it away: moved, or held for too long. */
static bool write_event(struct change *c, struct bed *bed)
{
    static const char there[] =
        "SELECT count(*) FROM public.events WHERE event_id = current_setting('chaos.event')::uuid";
    char insert[500];
    struct tmv_error err;
    bool settled = true;

    if (c->kind->timestamp) {
        snprintf(insert, sizeof insert,
                 "INSERT INTO public.events (event_id, aggregate_id, aggregate_type, event_type, tenant_id, "
                 "version, \"timestamp\", payload) VALUES (current_setting('chaos.event')::uuid, "
                 "current_setting('chaos.stream')::uuid, 'Order', 'OrderPlaced', "
                 "current_setting('chaos.tenant')::uuid, 1, %s, '{}')",
                 c->kind->timestamp);
        settled = pgx_script(c->on_source, STATEMENT_US, insert, 0, NULL, &err) || err.code == TMV_ERR_MOVED;
    }
    if (settled)
        history_answer(bed->history, c->written,
                       support_int(c->on_source, there) ? HISTORY_ACKNOWLEDGED : HISTORY_REFUSED, 0);
    return settled;
}

enum step { ON_TARGET, ON_SOURCE, EVENT, STEPS };

/* Makes the steps that are left, up to the first that has to wait. */
static void make(struct change *c, struct bed *bed)
{
    bool made = true;

    while (made && c->made < STEPS) {
        switch ((enum step)c->made) {
        case ON_TARGET:
            made = run(c->on_target, c->kind->on_target);
            break;
        case ON_SOURCE:
            made = run(c->on_source, c->kind->on_source);
            break;
        case EVENT:
            made = write_event(c, bed);
            break;
        case STEPS:
            break;
        }
        c->made += made;
    }
}

void change_strike(struct change *c, struct bed *bed, const struct bed_tenant *tenant)
{
    (void)tenant;
    if (!c->kind)
        return;
    c->struck = true;
    make(c, bed);
}

bool change_is_made(const struct change *c)
{
    return !c->kind || c->made == STEPS;
}

/* ---- what becomes of it ---- */

/* Whether the migration says, in words, what keeps it from the cutover. */
static bool says_why(const struct change *c, struct bed *bed, const struct bed_tenant *tenant)
{
    char condition[600];

    snprintf(
        condition, sizeof condition,
        "m.phase NOT IN ('completed', 'aborted', 'failed') AND concat_ws(' ', s.note, m.last_error, (SELECT "
        "string_agg(g->>'seen', ' ') FROM jsonb_array_elements(s.gates) g WHERE NOT (g->>'green')::boolean)) "
        "~* '%s'",
        c->kind->words);
    return bed_is(bed, tenant, condition);
}

void change_continue(struct change *c, struct bed *bed, const struct bed_tenant *tenant)
{
    if (!c->kind || !c->struck || c->refused)
        return;
    make(c, bed);
    if (!says_why(c, bed, tenant)) {
        c->refused_us = 0;
        return;
    }
    if (c->kind->remedy && !c->remedied)
        c->remedied = run(c->on_target, c->kind->remedy);
    if (c->refused_us == 0)
        c->refused_us = clock_now_us();
    c->refused = !c->kind->moves && clock_now_us() - c->refused_us > REFUSED_US;
}

bool change_is_refused(const struct change *c)
{
    return c->refused;
}
