/* Which database a store is, and the refusal of another one under its name: a write that is acknowledged
 * there is lost to everybody who looks for it where the tenant lives. */
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/text.h"
#include "sql_embedded.h"
#include "store/shape.h"

bool store_identity_read(struct pgx_conn *conn, const struct tmv_store_info *store,
                         struct tmv_store_identity *ret_identity, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;
    char role[PGX_QUOTED_MAX];
    const char *schema = store->events_schema[0] ? store->events_schema : "public";
    const char *table = store->events_table[0] ? store->events_table : "events";

    memset(ret_identity, 0, sizeof *ret_identity);
    if (!pgx_query(conn, STORE_TIMEOUT_US, sql_store_identity, PGX_ARGS(PGX_TEXT(schema), PGX_TEXT(table)),
                   &result, err)) {
        if (err_is_sqlstate(err, "42501"))
            err_hint(err, "GRANT EXECUTE ON FUNCTION pg_catalog.pg_control_system() TO %s",
                     pgx_quoted(pgx_user(conn), role));
        return err_wrap(err, "finding out which database store %s is", store->id);
    }
    text_copy(ret_identity->system_identifier, sizeof ret_identity->system_identifier,
              pgx_text(result, 0, 0));
    ret_identity->database_oid = pgx_int(result, 0, 1);
    ret_identity->events_oid = pgx_is_null(result, 0, 2) ? 0 : pgx_int(result, 0, 2);
    return true;
}

bool store_identity_check(const struct tmv_store_info *store, const struct tmv_store_identity *found,
                          const char *place, struct tmv_error *err)
{
    const struct tmv_store_identity *known = &store->identity;

    if (!known->system_identifier[0])
        return true;
    if (strcmp(known->system_identifier, found->system_identifier) != 0)
        err_set(err, TMV_ERR_REFUSED,
                "%s is not the database that store %.100s was registered with: another server (system "
                "identifier %s, "
                "registered %s)",
                place, store->id, found->system_identifier, known->system_identifier);
    else if (known->database_oid != found->database_oid)
        err_set(err, TMV_ERR_REFUSED,
                "%s is not the database that store %.100s was registered with: another one on the same "
                "server (oid "
                "%lld, registered %lld)",
                place, store->id, (long long)found->database_oid, (long long)known->database_oid);
    else if (known->events_oid && known->events_oid != found->events_oid)
        err_set(err, TMV_ERR_REFUSED,
                "the events table of store %.100s in %s is not the one it was registered with (oid %lld, "
                "registered "
                "%lld)",
                store->id, place, (long long)found->events_oid, (long long)known->events_oid);
    else
        return true;
    return err_hint(
        err,
        "correct its host, port and database; if it was restored or moved there on purpose: tenantmv store "
        "add %.100s CONNINFO --replace",
        store->id);
}
