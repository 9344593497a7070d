/* What the checks of preflight share. A check is one function and one row in its group's table; it looks,
 * says what it saw, and changes nothing: the sessions it gets are read only.
 *
 * A check that cannot look returns false with the error; the runner turns that into a verdict (a statement
 * that took too long: warn; anything else: refuse). It never ends the preflight.
 */
#pragma once

#include "pg/query.h"
#include "store/shape.h"
#include "tenantmv/preflight.h"

/* One statement may take so long on a server before the check gives up, and so long until we stop waiting for
 * it. */
#define PREFLIGHT_STATEMENT_US (4 * 1000 * 1000LL)
#define PREFLIGHT_WAIT_US (6 * 1000 * 1000LL)
/* Checks that have not begun by then are not begun. */
#define PREFLIGHT_TOTAL_US (25 * 1000 * 1000LL)

/* What a server says of itself. */
struct preflight_facts {
    bool standby;
    bool read_only;    /* default_transaction_read_only, as this role gets it */
    char encoding[32]; /* of the database */
    char identity[64]; /* system identifier and database oid: the same for the same database only */
    char version[64];
    bool fsync;
    char synchronous_names[128]; /* synchronous_standby_names */
    char synchronous_commit[16];
    int64_t replicas; /* connected standbys and other receivers */
    bool superuser;   /* our role is one */
};

/* One of the two stores. */
struct preflight_end {
    const char *word; /* "source" or "target" */
    struct tmv_store_info store;
    struct pgx_conn *conn;    /* owned; NULL when it could not be opened */
    struct tmv_error why_not; /* why there is no conn */
    struct preflight_facts facts;
    struct store_shape shape;
    bool has_shape;
    struct tmv_error why_no_shape;
};

struct preflight_view {
    struct tmv_control *control;             /* borrowed */
    const struct tmv_start_options *options; /* borrowed */
    char tenant[TMV_UUID_TEXT];
    bool has_route; /* the tenant has a routing row */
    struct tmv_route_info route;
    struct preflight_end source, target;
    int64_t tenant_events; /* on the source, known after the data group began; -1 unknown */
};

/* Whose connection (and shape) a check needs. */
enum preflight_on { ON_NOTHING, ON_SOURCE, ON_TARGET, ON_BOTH };

struct preflight_check {
    const char *name;
    enum preflight_on on;
    bool shape; /* needs the shape as well as the connection */
    /* `end` is the one that `on` names; the target when both are needed. */
    bool (*look)(struct preflight_view *view, struct preflight_end *end, struct tmv_check *ret_check,
                 struct tmv_error *err);
};
struct preflight_group {
    const char *name;
    const struct preflight_check *checks;
    size_t count;
};
extern const struct preflight_group preflight_places, preflight_rights, preflight_shape, preflight_columns,
    preflight_unique, preflight_data, preflight_application, preflight_trial, preflight_load;
/* Run only for a move that keeps the old store current afterwards (hold_s). */
extern const struct preflight_group preflight_way_back;

/* What the check found, and what to do about it. A check that says nothing is ok. */
void check_seen(struct tmv_check *check, enum tmv_verdict verdict, const char *fmt, ...) TMV_PRINTF(3, 4);
void check_todo(struct tmv_check *check, const char *fmt, ...) TMV_PRINTF(2, 3);
/* Whether what kept a check from looking may end by itself: a server that is away or restarts. */
bool check_is_passing(const struct tmv_error *err);

/* Runs one statement on an end, its template filled in when the end has a shape. */
TMV_NODISCARD bool check_query(struct preflight_end *end, const char *sql, struct pgx_args args,
                               struct pgx_result **ret_result, struct tmv_error *err);
/* A statement whose row is a finding: (what was seen, what to do[, the verdict]). No row, or NULL in the
 * first column, is ok, and `fine` says so. `verdict` holds where the row brings none. */
struct finding {
    const char *sql;
    struct pgx_args args;
    enum tmv_verdict verdict;
    const char *fine;
};
TMV_NODISCARD bool check_finding(struct preflight_end *end, const struct finding *finding,
                                 struct tmv_check *ret_check, struct tmv_error *err);

/* Whether a column of type `to` holds whatever one of type `from` holds. */
bool check_type_fits(const char *from, const char *to);

/* What a store itself says of the tenant. */
struct preflight_fence {
    char state[16];           /* "open", "moved", "closed", "armed" or "off"; "" there is no fence */
    char store[TMV_NAME_MAX]; /* where it moved to; "" not known */
    bool guarded;             /* its events cannot be removed: the tenant has triggers of its own there */
};
/* Reads the tenant's fence on an end that has a shape; a store without our schema has none. */
TMV_NODISCARD bool check_fence(const struct preflight_view *view, struct preflight_end *end,
                               struct preflight_fence *ret_fence, struct tmv_error *err);

/* The statements that starting would run, by phase; the caller frees *ret_text. Needs both shapes. */
TMV_NODISCARD bool preflight_statements(const struct preflight_view *view, char **ret_text,
                                        struct tmv_error *err);
