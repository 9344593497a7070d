/* Rights: what our role and the writers' roles may do. Every refusal prints the GRANT. */
#include "preflight/check.h"

#include "lib/cleanup.h"
#include "sql_embedded.h"

#define OID(end) PGX_INT((end)->shape.relation_oid)

static bool owner(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                  struct tmv_error *err)
{
    const struct finding f = {sql_preflight_owner, PGX_ARGS(OID(end)), TMV_VERDICT_REFUSE,
                              "the role owns the events table, or is a member of its owner"};

    (void)view;
    return check_finding(end, &f, check, err);
}

static bool not_superuser(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                          struct tmv_error *err)
{
    (void)view;
    (void)err;
    check_seen(check, TMV_VERDICT_OK, "%s is not a superuser", pgx_user(end->conn));
    if (!end->facts.superuser)
        return true;
    check_seen(check, TMV_VERDICT_WARN, "%s is a superuser: so would be the owner of the guard",
               pgx_user(end->conn));
    check_todo(
        check,
        "a role of its own needs less: CREATE ROLE tenantmv LOGIN; then preflight as that role prints the "
        "GRANTs");
    return true;
}

static bool schema_rights(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                          struct tmv_error *err)
{
    const struct finding f = {sql_preflight_schema_rights, PGX_NONE, TMV_VERDICT_REFUSE,
                              "the schema tenantmv is ours or can be created"};

    (void)view;
    return check_finding(end, &f, check, err);
}

static bool schema_version(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                           struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *known = NULL;
    AUTO_RESULT struct pgx_result *row = NULL;

    (void)view;
    check_seen(check, TMV_VERDICT_OK, "no schema tenantmv yet");
    if (!check_query(end, sql_preflight_schema_version, PGX_NONE, &known, err))
        return false;
    if (!pgx_bool(known, 0, 0))
        return true;
    if (!check_query(end, sql_store_version, PGX_NONE, &row, err))
        return false;
    int64_t version = pgx_rows(row) ? pgx_int(row, 0, 0) : 0;
    check_seen(check, TMV_VERDICT_OK, "the schema tenantmv exists in version %lld", (long long)version);
    if (version <= STORE_SCHEMA_VERSION)
        return true;
    check->verdict = TMV_VERDICT_REFUSE;
    check_todo(check, "it belongs to a newer tenantmv: use that one");
    return true;
}

static bool source_table(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                         struct tmv_error *err)
{
    const struct finding f = {sql_preflight_table_rights,
                              PGX_ARGS(OID(end), PGX_TEXT("SELECT,UPDATE,TRIGGER"), PGX_TEXT("USAGE")),
                              TMV_VERDICT_REFUSE, "the role may read the events and hang the guard on them"};

    (void)view;
    return check_finding(end, &f, check, err);
}

static bool target_table(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                         struct tmv_error *err)
{
    const struct finding f = {
        sql_preflight_table_rights,
        PGX_ARGS(OID(end), PGX_TEXT("SELECT,INSERT,UPDATE,DELETE,TRIGGER"), PGX_TEXT("USAGE,CREATE")),
        TMV_VERDICT_REFUSE, "the role may write and remove events, and build indexes"};

    (void)view;
    return check_finding(end, &f, check, err);
}

static bool sequence(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                     struct tmv_error *err)
{
    const char *needed = end == &view->source ? "SELECT,USAGE" : "SELECT,USAGE,UPDATE";
    const struct finding f = {sql_preflight_sequence_rights,
                              PGX_ARGS(PGX_TEXT(end->shape.sequence), PGX_TEXT(needed)), TMV_VERDICT_REFUSE,
                              "the role may use the position's sequence"};

    if (!*end->shape.sequence) {
        check_seen(check, TMV_VERDICT_OK, "no sequence to have rights on (see shape)");
        return true;
    }
    return check_finding(end, &f, check, err);
}

static bool temporary(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                      struct tmv_error *err)
{
    const struct finding f = {sql_preflight_temporary, PGX_NONE, TMV_VERDICT_REFUSE,
                              "the role may make temporary tables"};

    (void)view;
    return check_finding(end, &f, check, err);
}

static bool monitor(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                    struct tmv_error *err)
{
    const struct finding f = {sql_preflight_monitor, PGX_NONE, TMV_VERDICT_WARN,
                              "the role sees all sessions' states and ages"};

    (void)view;
    return check_finding(end, &f, check, err);
}

static bool signal_backend(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                           struct tmv_error *err)
{
    const struct finding f = {sql_preflight_signal, PGX_NONE, TMV_VERDICT_REFUSE,
                              "the guard can end a session of the engine that hangs"};

    (void)view;
    return check_finding(end, &f, check, err);
}

static bool row_security(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                         struct tmv_error *err)
{
    const struct finding f = {sql_preflight_row_security, PGX_ARGS(OID(end)), TMV_VERDICT_REFUSE,
                              "no row-level security hides events from the role"};

    (void)view;
    return check_finding(end, &f, check, err);
}

static bool writers(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                    struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *roles = NULL;

    if (!check_query(&view->source, sql_preflight_writer_roles, PGX_ARGS(OID(&view->source)), &roles, err))
        return false;
    const struct finding f = {
        sql_preflight_writer_grants,
        PGX_ARGS(OID(end), PGX_TEXT(pgx_text(roles, 0, 0)), PGX_TEXT(end->shape.sequence)),
        TMV_VERDICT_REFUSE,
        pgx_int(roles, 0, 1) ? "the source's writers may write here too"
                             : "no other role may write to the source"};
    return check_finding(end, &f, check, err);
}

static const struct preflight_check checks[] = {
    {"source-owner", ON_SOURCE, true, owner},
    {"target-owner", ON_TARGET, true, owner},
    {"source-not-superuser", ON_SOURCE, false, not_superuser},
    {"target-not-superuser", ON_TARGET, false, not_superuser},
    {"source-schema-tenantmv", ON_SOURCE, false, schema_rights},
    {"target-schema-tenantmv", ON_TARGET, false, schema_rights},
    {"source-schema-version", ON_SOURCE, false, schema_version},
    {"target-schema-version", ON_TARGET, false, schema_version},
    {"source-table", ON_SOURCE, true, source_table},
    {"target-table", ON_TARGET, true, target_table},
    {"source-sequence", ON_SOURCE, true, sequence},
    {"target-sequence", ON_TARGET, true, sequence},
    {"target-temporary", ON_TARGET, false, temporary},
    {"source-statistics", ON_SOURCE, false, monitor},
    {"target-statistics", ON_TARGET, false, monitor},
    {"source-signal", ON_SOURCE, false, signal_backend},
    {"target-signal", ON_TARGET, false, signal_backend},
    {"source-row-security", ON_SOURCE, true, row_security},
    {"target-row-security", ON_TARGET, true, row_security},
    {"writers", ON_BOTH, true, writers},
};
const struct preflight_group preflight_rights = {"rights", checks, ARRAY_LEN(checks)};
