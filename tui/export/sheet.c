#include "export/sheet.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "lib/text.h"
#include "view/states.h"
#include "widgets/format.h"
#include "widgets/width.h"

#define VALUE_MAX 1024

#define AT(member) offsetof(ROW, member)

#define ROW struct tmv_migration
const struct sheet sheet_migrations = {
    "migrations",
    (const struct sheet_column[]){{"tenant_name", SHEET_TENANT, AT(tenant)},
                                  {"tenant", SHEET_UUID, AT(tenant)},
                                  {"migration", SHEET_UUID, AT(id)},
                                  {"state", SHEET_STATE, AT(show)},
                                  {"phase", SHEET_PHASE, AT(phase)},
                                  {"paused", SHEET_BOOL, AT(paused)},
                                  {"source", SHEET_TEXT, AT(source)},
                                  {"target", SHEET_TEXT, AT(target)},
                                  {"percent", SHEET_SMALL, AT(percent)},
                                  {"events_copied", SHEET_INTEGER, AT(events_copied)},
                                  {"events_total", SHEET_INTEGER, AT(events_total)},
                                  {"events_per_second", SHEET_KNOWN, AT(rate)},
                                  {"events_per_second_at", SHEET_TIME, AT(measured_us[TMV_FIGURE_RATE])},
                                  {"lag_us", SHEET_KNOWN, AT(lag_us)},
                                  {"lag_at", SHEET_TIME, AT(measured_us[TMV_FIGURE_LAG])},
                                  {"lag_events", SHEET_KNOWN, AT(lag_events)},
                                  {"watermark", SHEET_INTEGER, AT(watermark)},
                                  {"watermark_at", SHEET_TIME, AT(measured_us[TMV_FIGURE_WATERMARK])},
                                  {"verified_to", SHEET_INTEGER, AT(verified_to)},
                                  {"verified_at", SHEET_TIME, AT(measured_us[TMV_FIGURE_VERIFIED_TO])},
                                  {"time_left_us", SHEET_KNOWN, AT(eta_us)},
                                  {"predicted_pause_us", SHEET_KNOWN, AT(predicted_pause_us)},
                                  {"created_by", SHEET_TEXT, AT(created_by)},
                                  {"created_at", SHEET_TIME, AT(created_at_us)},
                                  {"started_at", SHEET_TIME, AT(started_at_us)},
                                  {"dual_write_started_at", SHEET_TIME, AT(dual_write_started_at_us)},
                                  {"completed_at", SHEET_TIME, AT(completed_at_us)},
                                  {"owner", SHEET_TEXT, AT(owner)},
                                  {"note", SHEET_TEXT, AT(note)},
                                  {"waiting_since", SHEET_TIME, AT(waiting_since_us)},
                                  {"next_try_at", SHEET_TIME, AT(next_try_at_us)},
                                  {"pause_reason", SHEET_TEXT, AT(pause_reason)},
                                  {"paused_at", SHEET_TIME, AT(paused_at_us)},
                                  {"last_error", SHEET_TEXT, AT(last_error)},
                                  {"foreign_sign_at", SHEET_TIME, AT(foreign_sign_at_us)},
                                  {0}},
    sizeof(ROW)};
#undef ROW

#define ROW struct tmv_audit_entry
const struct sheet sheet_events = {"events",
                                   (const struct sheet_column[]){{"id", SHEET_INTEGER, AT(id)},
                                                                 {"at", SHEET_TIME, AT(occurred_at_us)},
                                                                 {"migration", SHEET_UUID, AT(migration)},
                                                                 {"event", SHEET_TEXT, AT(event_type)},
                                                                 {"old_phase", SHEET_TEXT, AT(old_phase)},
                                                                 {"new_phase", SHEET_TEXT, AT(new_phase)},
                                                                 {"operator", SHEET_TEXT, AT(operator_name)},
                                                                 {"by_others", SHEET_BOOL, AT(by_others)},
                                                                 {"details", SHEET_TEXT, AT(details)},
                                                                 {0}},
                                   sizeof(ROW)};
#undef ROW

#define ROW struct tmv_command_info
const struct sheet sheet_commands = {
    "commands",
    (const struct sheet_column[]){{"command", SHEET_UUID, AT(id)},
                                  {"operation", SHEET_OPERATION, AT(operation)},
                                  {"state", SHEET_COMMAND_STATE, AT(state)},
                                  {"requested_by", SHEET_TEXT, AT(requested_by)},
                                  {"requested_from", SHEET_TEXT, AT(requested_from)},
                                  {"requested_at", SHEET_TIME, AT(requested_at_us)},
                                  {"finished_at", SHEET_TIME, AT(finished_at_us)},
                                  {"outcome", SHEET_TEXT, AT(outcome)},
                                  {0}},
    sizeof(ROW)};
#undef ROW

#define ROW struct tmv_attempt
const struct sheet sheet_attempts = {
    "attempts",
    (const struct sheet_column[]){{"number", SHEET_SMALL, AT(number)},
                                  {"rehearsal", SHEET_BOOL, AT(rehearsal)},
                                  {"outcome", SHEET_TEXT, AT(outcome)},
                                  {"requested_by", SHEET_TEXT, AT(requested_by)},
                                  {"started_at", SHEET_TIME, AT(started_at_us)},
                                  {"lock_us", SHEET_INTEGER, AT(lock_us)},
                                  {"drain_us", SHEET_INTEGER, AT(drain_us)},
                                  {"decide_us", SHEET_INTEGER, AT(decide_us)},
                                  {"pause_us", SHEET_INTEGER, AT(pause_us)},
                                  {"drained_events", SHEET_INTEGER, AT(drained_events)},
                                  {"held_writers", SHEET_INTEGER, AT(held_writers)},
                                  {"reason", SHEET_TEXT, AT(reason)},
                                  {0}},
    sizeof(ROW)};
#undef ROW

#define ROW struct tmv_sample
const struct sheet sheet_samples = {
    "samples",
    (const struct sheet_column[]){{"at", SHEET_TIME, AT(at_us)},
                                  {"events_copied", SHEET_INTEGER, AT(events_copied)},
                                  {"events_per_second", SHEET_KNOWN, AT(rate)},
                                  {"lag_us", SHEET_KNOWN, AT(lag_us)},
                                  {"lag_events", SHEET_KNOWN, AT(lag_events)},
                                  {0}},
    sizeof(ROW)};
#undef ROW

#define ROW struct tmv_verification
const struct sheet sheet_verifications = {
    "verifications",
    (const struct sheet_column[]){{"at", SHEET_TIME, AT(made_at_us)},
                                  {"level", SHEET_TEXT, AT(level)},
                                  {"consistent", SHEET_BOOL, AT(consistent)},
                                  {"from_position", SHEET_KNOWN, AT(from_position)},
                                  {"to_position", SHEET_KNOWN, AT(to_position)},
                                  {"events_source", SHEET_KNOWN, AT(events_source)},
                                  {"events_target", SHEET_KNOWN, AT(events_target)},
                                  {"differences", SHEET_KNOWN, AT(differences)},
                                  {0}},
    sizeof(ROW)};
#undef ROW

#define ROW struct tmv_gate
const struct sheet sheet_gates = {"gates",
                                  (const struct sheet_column[]){{"gate", SHEET_TEXT, AT(name)},
                                                                {"green", SHEET_BOOL, AT(green)},
                                                                {"unknown", SHEET_BOOL, AT(unknown)},
                                                                {"measured_at", SHEET_TIME, AT(at_us)},
                                                                {"seen", SHEET_TEXT, AT(seen)},
                                                                {0}},
                                  sizeof(ROW)};
#undef ROW

/* Words for what is stored as a number. */
static const char *enum_name(enum sheet_kind kind, const void *at)
{
    switch (kind) {
    case SHEET_STATE:
        return tmv_display_state_name(*(const enum tmv_display_state *)at);
    case SHEET_PHASE:
        return tmv_phase_name(*(const enum tmv_phase *)at);
    case SHEET_OPERATION:
        return tmv_operation_name(*(const enum tmv_operation *)at);
    case SHEET_COMMAND_STATE:
        return tmv_command_state_name(*(const enum tmv_command_state *)at);
    case SHEET_TEXT:
    case SHEET_INTEGER:
    case SHEET_KNOWN:
    case SHEET_SMALL:
    case SHEET_TIME:
    case SHEET_BOOL:
    case SHEET_UUID:
    case SHEET_TENANT:
        break;
    }
    return at; /* text already */
}

/* A figure; "" when it is not known. */
static void number_value(enum sheet_kind kind, const void *at, char value[VALUE_MAX])
{
    int64_t number = 0;

    if (kind == SHEET_SMALL)
        number = *(const int *)at;
    else
        memcpy(&number, at, sizeof number);
    value[0] = '\0';
    if (kind == SHEET_TIME && number > 0)
        format_time(number, value);
    else if (kind != SHEET_TIME && (kind != SHEET_KNOWN || number >= 0))
        snprintf(value, VALUE_MAX, "%" PRId64, number);
}

/* A cell as text; *ret_bare: JSON writes it without quotes, "" is null there. */
static void cell_value(const struct sheet_column *column, const char *row, const struct tenant_names *names,
                       char value[VALUE_MAX], bool *ret_bare)
{
    const void *at = row + column->offset;

    *ret_bare = false;
    switch (column->kind) {
    case SHEET_TENANT:
        tenant_typed(names, at, value);
        return;
    case SHEET_UUID:
        tmv_uuid_format(at, value);
        return;
    case SHEET_BOOL:
        *ret_bare = true;
        text_copy(value, VALUE_MAX, *(const bool *)at ? "true" : "false");
        return;
    case SHEET_SMALL:
    case SHEET_INTEGER:
    case SHEET_KNOWN:
    case SHEET_TIME:
        *ret_bare = column->kind != SHEET_TIME;
        number_value(column->kind, at, value);
        return;
    case SHEET_TEXT:
    case SHEET_STATE:
    case SHEET_PHASE:
    case SHEET_OPERATION:
    case SHEET_COMMAND_STATE:
        text_copy(value, VALUE_MAX, enum_name(column->kind, at));
        return;
    }
}

/* ---- CSV (RFC 4180) ---- */

static void csv_field(const char *text, bool bare, FILE *out)
{
    bool formula = !bare && text[0] != '\0' && strchr("=+-@\t\r", text[0]);

    if (!formula && !strpbrk(text, ",\"\r\n")) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    if (formula)
        fputc('\'', out);
    for (; *text != '\0'; text++) {
        if (*text == '"')
            fputc('"', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

void sheet_csv(const struct sheet *sheet, const void *rows, size_t count, const struct tenant_names *names,
               FILE *out)
{
    char value[VALUE_MAX];
    bool bare;

    for (const struct sheet_column *c = sheet->columns; c->name; c++)
        fprintf(out, "%s%s", c == sheet->columns ? "" : ",", c->name);
    fputs("\r\n", out);
    for (size_t i = 0; i < count; i++) {
        for (const struct sheet_column *c = sheet->columns; c->name; c++) {
            cell_value(c, (const char *)rows + i * sheet->row_size, names, value, &bare);
            if (c != sheet->columns)
                fputc(',', out);
            csv_field(value, bare, out);
        }
        fputs("\r\n", out);
    }
}

/* ---- JSON ---- */

/* Graphemes, so that what is no UTF-8 does not come out as such. */
void sheet_json_text(const char *text, FILE *out)
{
    char grapheme[CELL_BYTES];
    int width;

    fputc('"', out);
    for (size_t n; (n = grapheme_next(text, grapheme, &width)) > 0; text += n) {
        if (*text == '\n')
            fputs("\\n", out);
        else if (grapheme[0] == '"' || grapheme[0] == '\\')
            fprintf(out, "\\%s", grapheme);
        else
            fputs(grapheme, out);
    }
    fputc('"', out);
}

void sheet_json(const struct sheet *sheet, const void *rows, size_t count, const struct tenant_names *names,
                FILE *out)
{
    char value[VALUE_MAX];
    bool bare;

    fputc('[', out);
    for (size_t i = 0; i < count; i++) {
        fputs(i > 0 ? ",\n  {" : "\n  {", out);
        for (const struct sheet_column *c = sheet->columns; c->name; c++) {
            cell_value(c, (const char *)rows + i * sheet->row_size, names, value, &bare);
            fprintf(out, "%s\"%s\": ", c == sheet->columns ? "" : ", ", c->name);
            if (value[0] == '\0')
                fputs("null", out);
            else if (bare)
                fputs(value, out);
            else
                sheet_json_text(value, out);
        }
        fputc('}', out);
    }
    fputs(count > 0 ? "\n]" : "]", out);
}
