/* Everything that is kept of one migration, read in one read-only transaction. */
#include "tenantmv/record.h"

#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/json.h"
#include "control/audit/audit.h"
#include "control/row.h"
#include "sql_embedded.h"

#define ATTEMPTS_MAX 100
#define EVENTS_MAX 500
#define COMMANDS_MAX 200
#define VERIFICATIONS_MAX 50
#define SAMPLES_MAX 7200

static void record_auto(struct tmv_record **record)
{
    tmv_record_free(*record);
}

void tmv_record_free(struct tmv_record *record)
{
    if (!record)
        return;
    free(record->attempts);
    free(record->events);
    free(record->commands);
    free(record->verifications);
    free(record->samples);
    free(record);
}

/* A list of the record: its statement, and what makes an item of a row. */
struct part {
    const char *sql;
    int64_t most;
    size_t item_bytes;
    bool (*read)(const struct pgx_result *r, int row, void *item, struct tmv_error *err);
};

static bool attempt_row(const struct pgx_result *r, int row, void *item, struct tmv_error *err)
{
    (void)err;
    attempt_read(r, row, item);
    return true;
}

static bool event_row(const struct pgx_result *r, int row, void *item, struct tmv_error *err)
{
    (void)err;
    audit_read(r, row, item);
    return true;
}

static bool command_row(const struct pgx_result *r, int row, void *item, struct tmv_error *err)
{
    return command_read(r, row, item, err);
}

static bool sample_row(const struct pgx_result *r, int row, void *item, struct tmv_error *err)
{
    struct tmv_sample *sample = item;

    (void)err;
    *sample = (struct tmv_sample){.at_us = pgx_int(r, row, 0),
                                  .events_copied = pgx_int(r, row, 1),
                                  .rate = pgx_int(r, row, 2),
                                  .lag_us = pgx_int(r, row, 3),
                                  .lag_events = pgx_int(r, row, 4)};
    return true;
}

static int64_t report_number(const cJSON *report, const char *name)
{
    return report ? json_get_int64(report, name, -1) : -1;
}

/* A report that cannot be read keeps its verdict, which stands beside it. */
static bool verification_row(const struct pgx_result *r, int row, void *item, struct tmv_error *err)
{
    struct tmv_verification *v = item;
    AUTO(json) cJSON *report = NULL;
    struct tmv_error ignored;

    (void)err;
    row_text(v->level, sizeof v->level, r, row, 0);
    v->consistent = pgx_bool(r, row, 1);
    v->made_at_us = pgx_int(r, row, 2);
    if (!json_parse(pgx_text(r, row, 3), &report, &ignored))
        report = NULL;
    v->from_position = report_number(report, "from_position");
    v->to_position = report_number(report, "to_position");
    v->events_source = report_number(report, "events_source");
    v->events_target = report_number(report, "events_target");
    v->differences = report_number(report, "differences");
    return true;
}

static bool read_part(struct tmv_control *control, const struct tmv_uuid *migration, const struct part *part,
                      void **ret_items, size_t *ret_count, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *r = NULL;
    char *items;

    if (!pgx_query(control->conn, CONTROL_TIMEOUT_US, part->sql,
                   PGX_ARGS(PGX_UUID(migration), PGX_INT(part->most)), &r, err))
        return false;
    items = calloc((size_t)pgx_rows(r) + 1, part->item_bytes);
    if (!items)
        return err_set(err, TMV_ERR_NOMEM, "out of memory");
    *ret_items = items;
    for (int row = 0; row < pgx_rows(r); row++)
        if (!part->read(r, row, items + (size_t)row * part->item_bytes, err))
            return false;
    *ret_count = (size_t)pgx_rows(r);
    return true;
}

static bool read_state(struct tmv_control *control, struct tmv_record *record, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *r = NULL;
    char id[TMV_UUID_TEXT];

    if (!pgx_query(control->conn, CONTROL_TIMEOUT_US, sql_control_record_state,
                   PGX_ARGS(PGX_UUID(&record->migration)), &r, err))
        return false;
    if (pgx_int(r, 0, 0) == 0)
        return err_set(err, TMV_ERR_NOT_FOUND, "there is no migration %s",
                       tmv_uuid_format(&record->migration, id));
    record->left_behind = pgx_int(r, 0, 1);
    return true;
}

static bool read_parts(struct tmv_control *control, struct tmv_record *record, struct tmv_error *err)
{
    const struct {
        struct part part;
        void **items;
        size_t *count;
    } parts[] = {
        {{sql_control_record_attempts, ATTEMPTS_MAX, sizeof *record->attempts, attempt_row},
         (void **)&record->attempts,
         &record->attempt_count},
        {{sql_control_record_events, EVENTS_MAX, sizeof *record->events, event_row},
         (void **)&record->events,
         &record->event_count},
        {{sql_control_record_commands, COMMANDS_MAX, sizeof *record->commands, command_row},
         (void **)&record->commands,
         &record->command_count},
        {{sql_control_record_verifications, VERIFICATIONS_MAX, sizeof *record->verifications,
          verification_row},
         (void **)&record->verifications,
         &record->verification_count},
        {{sql_control_record_samples, SAMPLES_MAX, sizeof *record->samples, sample_row},
         (void **)&record->samples,
         &record->sample_count},
    };

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (!read_part(control, &record->migration, &parts[i].part, parts[i].items, parts[i].count, err))
            return false;
    return true;
}

bool tmv_record_read(struct tmv_control *control, const struct tmv_uuid *migration,
                     struct tmv_record **ret_record, struct tmv_error *err)
{
    AUTO(record) struct tmv_record *record = calloc(1, sizeof *record);
    bool ok;

    if (!record)
        return err_set(err, TMV_ERR_NOMEM, "out of memory");
    record->migration = *migration;
    ok = pgx_script(control->conn, CONTROL_TIMEOUT_US, sql_control_snapshot_begin, 0, NULL, err) &&
         read_state(control, record, err) && read_parts(control, record, err);
    pgx_rollback(control->conn, CONTROL_TIMEOUT_US); /* nothing was written */
    if (!ok)
        return err_wrap(err, "reading the record of a migration");
    *ret_record = TAKE(record);
    return true;
}

bool control_waits(struct pgx_conn *conn, const struct owner *owner, const struct engine_wait *wait,
                   struct tmv_error *err)
{
    return row_owned(conn, owner, sql_control_waits,
                     PGX_ARGS(OWNER_ARGS(owner), PGX_INT(wait->for_us), PGX_INT(wait->since_us),
                              PGX_TEXT(wait->why)),
                     NULL, err) ||
           err_wrap(err, "recording that the engine waits");
}

bool control_resumed(struct pgx_conn *conn, const struct owner *owner, struct tmv_error *err)
{
    return row_owned(conn, owner, sql_control_resumed, PGX_ARGS(OWNER_ARGS(owner)), NULL, err) ||
           err_wrap(err, "recording that the engine has stopped waiting");
}
