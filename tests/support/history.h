/* What writers attempted and what they were told, and the rules that a store must keep afterwards.
 *
 * Writers (threads of one program; the monotonic clock is the machine's, so several programs may be merged)
 * record every event before they send it and every answer when they have it. After the run the stores are
 * read (history_read_*) and judged (history_judge): the judging is pure, so that it can be tested with broken
 * histories. Recording is thread-safe; reading and judging are for one thread after the writers have ended.
 */
#pragma once

#include <stdio.h>

#include "pg/query.h"
#include "tenantmv/types.h"

/* What a writer knows of a write. */
enum history_outcome {
    HISTORY_UNKNOWN, /* attempted, and no answer, or the answer was lost: it may be there, once */
    HISTORY_ACKNOWLEDGED,
    HISTORY_REFUSED, /* the database or the router said no: it must not be there */
};

/* One event that a writer attempted. */
struct history_write {
    struct tmv_uuid event, stream;
    size_t tenant;        /* number that history_tenant gave */
    int writer;           /* for reports */
    const char *kind;     /* of writer, for reports; borrowed for ever (a literal) */
    int64_t transaction;  /* events of one transaction share it and are there together; 0: alone */
    int64_t version;      /* in its stream */
    int64_t position;     /* that the writer was told; 0: none */
    int64_t attempted_us; /* monotonic; set by history_attempt */
    int64_t answered_us;  /* monotonic; 0: never */
    enum history_outcome outcome;
};

struct history;

struct history *history_new(void); /* fails the test without memory */
void history_free(struct history *history);
/* Adds a tenant; returns its number, from 0. */
size_t history_tenant(struct history *history, const struct tmv_uuid *tenant);
struct tmv_uuid history_tenant_id(const struct history *history, size_t tenant);
/* Notes a write before it is sent; returns its number for history_answer. `write` is copied. */
size_t history_attempt(struct history *history, const struct history_write *write);
void history_answer(struct history *history, size_t number, enum history_outcome outcome, int64_t position);
/* A number for the events of one transaction. */
int64_t history_transaction(struct history *history);
size_t history_count(const struct history *history);
/* For tests of the judge and for sums: write `number` as it stands. */
struct history_write *history_at(struct history *history, size_t number);
/* How many writes have an outcome; -1 tenant: of all. */
size_t history_sum(const struct history *history, long tenant, enum history_outcome outcome);

/* ---- what stands in the databases ---- */

struct history_row {
    struct tmv_uuid event, stream;
    int64_t version, position;
    char digest[33];  /* of every column but txid */
    char content[33]; /* the same without the position */
};
/* A tenant's events in one store, by position. */
struct history_store {
    struct history_row *rows; /* owned */
    size_t count;
};
/* One audit row that changed the phase. */
struct history_transition {
    char from[16], to[16]; /* "" none */
    char event[24];
};
#define HISTORY_TRANSITIONS_MAX 200

/* Everything else about one tenant that is judged. Zero is good for every count. */
struct history_facts {
    bool has_migration;
    char phase[16];       /* of its latest migration */
    char route_store[64]; /* tenant_routing.store_id */
    char route_state[24]; /* tenant_routing.migration_state */
    char source_id[64];   /* store ids of the latest migration */
    char target_id[64];
    char source_fence[16]; /* "" none */
    char target_fence[16];
    int64_t watermark;       /* the target's applied row; -1 none */
    bool kept_current;       /* the source was, by the way back: what it has beyond the next is carried */
    int64_t back_base;       /* position of the source at the decision */
    bool audit_intact;       /* its chain of hashes fits */
    int64_t open_ledger;     /* rows of things not taken back */
    int64_t open_commands;   /* that nobody answered */
    int64_t source_triggers; /* the guard's, of this tenant */
    int64_t target_triggers;
    int64_t shared_triggers; /* the source's, for all tenants that have moved away; all or none of them */
    int64_t missing_indexes; /* on the target's events table */
    struct history_transition transitions[HISTORY_TRANSITIONS_MAX]; /* of the latest migration, in order */
    size_t transition_count;
};

/* What a server must not keep once every engine and writer has ended. */
struct history_leftovers {
    int64_t locks, slots, temporary, connections, prepared;
};

/* ---- judging ---- */

enum history_rule {
    HISTORY_LOST,            /* acknowledged, and not in the authoritative store */
    HISTORY_TWICE,           /* there more than once, in one store */
    HISTORY_REFUSED_THERE,   /* refused, and there all the same */
    HISTORY_INVENTED,        /* nobody wrote it */
    HISTORY_TORN,            /* a part of a transaction */
    HISTORY_VERSIONS,        /* a stream's versions are not 1, 2, 3 … */
    HISTORY_STREAM_ORDER,    /* positions of a stream do not follow its versions */
    HISTORY_TIME_ORDER,      /* acknowledged before the other was attempted, and has the higher position */
    HISTORY_POSITION,        /* not where, or not what, the writer was told */
    HISTORY_AFTER_DECISION,  /* an event in the source behind the watermark of the decision */
    HISTORY_BEFORE_DECISION, /* an event up to the watermark that the target has and the source has not */
    HISTORY_DIFFERENT,       /* source and target differ up to the watermark */
    HISTORY_CARRIED,         /* carried back twice, changed, or not in the new home's order */
    HISTORY_LEFT_BEHIND,     /* an aborted migration left events on the target */
    HISTORY_AUTHORITY,       /* routing, phase and fences do not agree on where the tenant lives */
    HISTORY_UNFINISHED,      /* the migration did not end */
    HISTORY_AUDIT_ROWS,      /* not one audit row per transition */
    HISTORY_AUDIT_CHAIN,
    HISTORY_LEDGER,
    HISTORY_COMMANDS, /* somebody asked and was never answered */
    HISTORY_TRIGGERS,
    HISTORY_INDEXES,
    HISTORY_LOCKS,
    HISTORY_SLOTS,
    HISTORY_TEMPORARY,
    HISTORY_CONNECTIONS,
    HISTORY_PREPARED,
    HISTORY_RULE_COUNT
};
const char *history_rule_name(enum history_rule rule);

struct history_violation {
    enum history_rule rule;
    size_t tenant;
    struct tmv_uuid stream; /* nil: not about a stream */
    char text[300];
};
#define HISTORY_VIOLATIONS_MAX 100
struct history_report {
    struct history_violation found[HISTORY_VIOLATIONS_MAX];
    size_t count;   /* of all; `found` has the first */
    int64_t waived; /* a bit for each rule that is not applied */
    size_t events, acknowledged, refused, unknown, unknown_there;
};

/* One tenant's view for the judge. `target` NULL: it never had one (a neighbour). */
struct history_view {
    size_t tenant;
    const struct history_store *source, *target;
    const struct history_facts *facts; /* NULL: a neighbour, nothing moves it */
};
/* Adds what breaks a rule to `report`; call it once for each tenant. */
void history_judge(const struct history *history, const struct history_view *view,
                   struct history_report *report);
void history_judge_leftovers(const struct history_leftovers *left, const char *where,
                             struct history_report *report);
bool history_broke(const struct history_report *report, enum history_rule rule);
/* Prints each violation with the writes of the stream that it is about: the smallest history that shows it.
 */
void history_print(const struct history *history, const struct history_report *report, FILE *out);

/* ---- reading (history_read.c) ---- */

/* Notes everything of a tenant that stands in a store as acknowledged long ago. */
void history_seed(struct history *history, size_t tenant, struct pgx_conn *conn);
void history_read_store(struct pgx_conn *conn, const struct tmv_uuid *tenant,
                        struct history_store *ret_store);
void history_store_release(struct history_store *store);
/* Reads the facts of a tenant's latest migration. */
struct history_databases {
    struct pgx_conn *control, *source, *target;
};
void history_read_facts(const struct history_databases *db, const struct tmv_uuid *tenant,
                        struct history_facts *ret_facts);
/* Of the database that `conn` leads to; tenantmv's connections to it count. */
void history_read_leftovers(struct pgx_conn *conn, struct history_leftovers *ret_left);
