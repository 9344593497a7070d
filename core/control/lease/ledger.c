/* The ledger of what a migration has created in its stores. */
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/text.h"
#include "control/row.h"
#include "sql_embedded.h"

static const char *const whens[] = {
    [LEDGER_ALWAYS] = "always", [LEDGER_ON_ABORT] = "abort", [LEDGER_ON_FINALIZE] = "finalize"};

bool control_ledger_add(struct pgx_conn *conn, const struct owner *owner, const struct ledger_entry *entry,
                        int64_t *ret_id, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;
    const char *facts = entry->facts && entry->facts[0] ? entry->facts : NULL;
    struct pgx_args args =
        PGX_ARGS(OWNER_ARGS(owner), PGX_TEXT(entry->store), PGX_TEXT(entry->kind), PGX_TEXT(entry->name),
                 PGX_TEXT(whens[entry->when]), PGX_TEXT(entry->undo ? entry->undo : ""), PGX_TEXT(facts));

    if (!row_owned(conn, owner, sql_control_ledger_add, args, &result, err))
        return err_wrap(err, "writing %s %s into the ledger", entry->kind, entry->name);
    if (ret_id)
        *ret_id = pgx_int(result, 0, 1);
    return true;
}

static bool touched(struct pgx_conn *conn, const struct owner *owner, const char *sql, struct pgx_args args,
                    struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;

    if (!row_owned(conn, owner, sql, args, &result, err))
        return err_wrap(err, "the ledger");
    if (pgx_int(result, 0, 1) == 0)
        return err_set(err, TMV_ERR_NOT_FOUND, "the ledger has no such row of this migration");
    return true;
}

bool control_ledger_facts(struct pgx_conn *conn, const struct owner *owner, const struct ledger_note *note,
                          struct tmv_error *err)
{
    AUTO_FREE char *problem = NULL;
    char cause[ERR_CAUSE_MAX];
    const char *event_type = note->problem ? "error_occurred" : note->event_type;

    if (note->problem && !control_error_details(note->problem, &problem, err))
        return false;
    return touched(conn, owner, sql_control_ledger_facts,
                   PGX_ARGS(OWNER_ARGS(owner), PGX_INT(note->id), PGX_TEXT(note->facts), PGX_TEXT(event_type),
                            PGX_TEXT(problem ? problem : note->details),
                            PGX_TEXT(note->problem ? err_cause_first(note->problem, cause) : NULL)),
                   err);
}

bool control_ledger_done(struct pgx_conn *conn, const struct owner *owner, int64_t id, struct tmv_error *err)
{
    return touched(conn, owner, sql_control_ledger_done, PGX_ARGS(OWNER_ARGS(owner), PGX_INT(id)), err);
}

static bool read_entry(const struct pgx_result *result, int row, struct ledger_entry *entry,
                       struct tmv_error *err)
{
    entry->id = pgx_int(result, row, 0);
    row_text(entry->store, sizeof entry->store, result, row, 1);
    row_text(entry->kind, sizeof entry->kind, result, row, 2);
    text_copy(entry->name, sizeof entry->name,
              pgx_text(result, row, 3)); /* an identifier: exactly as it is */
    for (size_t i = 0; i < ARRAY_LEN(whens); i++)
        if (strcmp(whens[i], pgx_text(result, row, 4)) == 0)
            entry->when = (enum ledger_when)i;
    entry->undo = strdup(pgx_text(result, row, 5));
    entry->facts = strdup(pgx_text(result, row, 6));
    return (entry->undo && entry->facts) || err_set(err, TMV_ERR_NOMEM, "out of memory");
}

bool control_ledger_list(struct pgx_conn *conn, const struct tmv_uuid *migration, const char *kind,
                         struct ledger_entry **ret_entries, size_t *ret_count, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;
    struct ledger_entry *entries;
    size_t count;

    *ret_entries = NULL;
    *ret_count = 0;
    if (!pgx_query(conn, CONTROL_TIMEOUT_US, sql_control_ledger_list,
                   PGX_ARGS(PGX_UUID(migration), PGX_TEXT(kind)), &result, err))
        return err_wrap(err, "reading the ledger");
    count = (size_t)pgx_rows(result);
    entries = calloc(count + 1, sizeof *entries);
    if (!entries)
        return err_set(err, TMV_ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < count; i++) {
        if (read_entry(result, (int)i, &entries[i], err))
            continue;
        control_ledger_free(entries, count);
        return false;
    }
    *ret_entries = entries;
    *ret_count = count;
    return true;
}

void control_ledger_free(struct ledger_entry *entries, size_t count)
{
    for (size_t i = 0; entries && i < count; i++) {
        free(entries[i].undo);
        free(entries[i].facts);
    }
    free(entries);
}
