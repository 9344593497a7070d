/* Shape of an event store: which table, columns, types, sequence and partitions a store really has.
 *
 * The store profile names the table's columns by meaning; the built-in profile is eventsource-py's (plain and
 * partitioned by range of "timestamp"). Everything else is discovered from the catalogue.
 */
#pragma once

#include "lib/buf.h"
#include "pg/ident.h"
#include "pg/query.h"
#include "tenantmv/control.h"

/* Names of columns by meaning. */
struct store_profile {
    const char *position, *event_id, *stream, *stream_type, *event_type, *tenant, *actor, *version;
    const char *timestamp, *payload, *created_at;
    const char
        *transaction; /* xid of the row's transaction, which feed readers compare; older stores have none */
};
extern const struct store_profile store_profile_eventsource_py;

/* Whether the profile needs a column of this name. */
bool store_profile_has(const char *column);

#define STORE_SCHEMA_VERSION                                                                                 \
    7 /* of core/store/guard/sql/guard_prepare/store_schema.sql, as written in tenantmv.store_version */
#define STORE_TIMEOUT_US (10 * 1000 * 1000LL) /* bound of a look at the catalogue */
#define STORE_COLUMNS_MAX 64
#define STORE_LEAVES_MAX 512
/* How the values of a column can be carried to another database; see
 * core/store/sql/shape/store_column_types.sql. */
enum store_travel {
    STORE_TRAVELS,   /* in the type's binary form */
    STORE_LOCAL,     /* not at all: they mean something in their own database only (oid, regclass, xid …) */
    STORE_NO_BINARY, /* not by us: there is no binary form, or it holds ids of types that a user made */
};
struct store_column {
    char name[64];
    char type[96]; /* format_type of the base type (domains resolved), with its modifier */
    char send[64]; /* its binary output function, "uuid_send", always in pg_catalog for built-in types */
    enum store_travel travel;
    bool left; /* left behind on purpose; see store_shape_leave */
    bool not_null;
    bool has_default;
    bool generated;  /* GENERATED ALWAYS AS (…) STORED: left out of the copy */
    bool local_only; /* xid8 DEFAULT pg_current_xact_id(): means something inside one cluster only, not copied
                      */
};
struct store_shape {
    char schema[64];
    char table[64];
    char events[140];   /* quoted, qualified */
    char sequence[140]; /* quoted, qualified; "" when the position's default is not nextval of one sequence */
    char sequence_schema[64], sequence_name[64];
    uint32_t relation_oid, sequence_oid; /* 0: no such sequence */
    bool partitioned;
    size_t leaf_count; /* leaves of a partitioned table; 0 for a plain one */
    uint32_t leaf_oids[STORE_LEAVES_MAX];
    size_t column_count;
    struct store_column columns[STORE_COLUMNS_MAX];
    char columns_version[65]; /* another text when one was added, dropped or changed */
};

/* Looks at the events table ("" as schema means public, "" as table means events). REFUSED with a hint when
 * it is missing or lacks a column of the profile. */
TMV_NODISCARD bool store_shape_discover(struct pgx_conn *conn, const char *schema, const char *table,
                                        struct store_shape *ret_shape, struct tmv_error *err);
/* The same for a table that had the profile's columns once: one that is gone is not refused here. */
TMV_NODISCARD bool store_shape_read(struct pgx_conn *conn, const char *schema, const char *table,
                                    struct store_shape *ret_shape, struct tmv_error *err);
const struct store_column *store_shape_column(const struct store_shape *shape,
                                              const char *name); /* NULL: none */
/* The column that feed readers compare with their horizon; NULL: none. A user's own column of that name is
 * not it: type and default decide. */
const struct store_column *store_shape_transaction(const struct store_shape *shape);
/* Marks the columns that the operator accepts to leave behind. Both shapes of a migration are marked with the
 * same names; a shape that was just discovered has no mark. */
void store_shape_leave(struct store_shape *shape, const struct tmv_names *columns);
/* Whether a column's values are copied: both sides have it (either may be NULL), neither generates it, its
 * values can be carried to another database, and it is not left behind on purpose. */
bool store_column_is_copied(const struct store_column *from, const struct store_column *to);
/* Whether values of a source's column would be lost without having been given up: it is not copied, not left
 * on purpose, and not made by the target itself (a column that both sides generate, or that holds the
 * transaction's own id). Preflight accepts such a column when the tenant has no value in it; the hashes of
 * verification include whether there is a value, so that one which appears later is found. `to` may be
 * NULL. */
bool store_column_is_watched(const struct store_column *from, const struct store_column *to);
/* Whether a copied row gets NULL in this column of the target: it is local_only and allows it. Its default,
 * the copy's own transaction, would be out of the order of positions, and feed readers would skip events. */
bool store_column_is_emptied(const struct store_shape *source, const struct store_column *to);
/* Appends what a copy reads on the source, quoted and separated by ", ": the copied columns in the order of
 * `source`, then a NULL for each column that is emptied on the target. With `alias` not NULL each column is
 * prefixed "alias.". */
void store_copied_columns(const struct store_shape *source, const struct store_shape *target,
                          const char *alias, struct buf *ret_list);
/* Appends the target's columns that take what store_copied_columns reads, in that order. */
void store_filled_columns(const struct store_shape *source, const struct store_shape *target,
                          struct buf *ret_list);
/* Appends what a leg in append mode reads and fills, quoted: the position, then the other copied columns. The
 * target's transaction id is left to its default: positions rise with it there. */
void store_appended_columns(const struct store_shape *source, const struct store_shape *target,
                            struct buf *ret_list);
/* Expands a statement: {{events}} {{schema}} {{sequence}} {{position}} {{event_id}} {{stream}}
 * {{stream_type}}
 * {{event_type}} {{tenant}} {{actor}} {{version}} {{timestamp}} {{payload}} {{created_at}} {{store_version}}
 * {{events_oid}} {{sequence_oid}} (numbers) {{events_key}} {{sequence_key}} (the same as regclass values)
 * from the shape and profile, and the caller's own variables. Appends to `b`. */
TMV_NODISCARD bool store_sql(struct buf *b, const char *template, const struct store_shape *shape,
                             const struct pgx_var *extra, size_t extra_count, struct tmv_error *err);
/* A table or sequence in a statement by its oid, which a rename does not change: "'16384'::regclass". */
#define STORE_KEY_SQL 24
const char *store_key_sql(uint32_t oid, char ret_sql[STORE_KEY_SQL]);
/* Which database this is. SQL 42501 with the GRANT as hint when the role may not ask. */
TMV_NODISCARD bool store_identity_read(struct pgx_conn *conn, const struct tmv_store_info *store,
                                       struct tmv_store_identity *ret_identity, struct tmv_error *err);
/* REFUSED, with what differs and the next step, when `found` (at `place`) is not the database that the store
 * was registered with. What is not known is not compared. */
TMV_NODISCARD bool store_identity_check(const struct tmv_store_info *store,
                                        const struct tmv_store_identity *found, const char *place,
                                        struct tmv_error *err);
/* Opens a connection to a store; REFUSED when it leads to another database than the registered one. */
TMV_NODISCARD bool store_connect(const struct tmv_store_info *store, const struct pgx_options *like,
                                 struct pgx_conn **ret_conn, struct tmv_error *err);
