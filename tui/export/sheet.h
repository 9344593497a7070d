/* Rows of a picture or a record as CSV and as JSON: one table of columns for each kind of row says what
 * stands where. Text is safe in both: nothing in it can end a field, and a spreadsheet takes none of it for a
 * formula.
 */
#pragma once

#include <stdio.h>

#include "view/names.h"
#include "tenantmv/record.h"

enum sheet_kind {
    SHEET_TEXT,    /* characters in the row */
    SHEET_INTEGER, /* int64_t */
    SHEET_KNOWN,   /* int64_t, negative: unknown */
    SHEET_SMALL,   /* int */
    SHEET_TIME,    /* int64_t, microseconds since 1970; 0: never */
    SHEET_BOOL,
    SHEET_UUID,
    SHEET_TENANT, /* UUID, written as the name */
    SHEET_STATE,  /* enum tmv_display_state */
    SHEET_PHASE,
    SHEET_OPERATION,
    SHEET_COMMAND_STATE,
};
struct sheet_column {
    const char *name;
    enum sheet_kind kind;
    size_t offset; /* in the row */
};
struct sheet {
    const char *name;
    const struct sheet_column *columns; /* ends with a NULL name */
    size_t row_size;
};

extern const struct sheet sheet_migrations, sheet_events, sheet_commands, sheet_attempts, sheet_samples,
    sheet_verifications, sheet_gates;

void sheet_csv(const struct sheet *sheet, const void *rows, size_t count, const struct tenant_names *names,
               FILE *out);
/* An array of objects, without a line end. */
void sheet_json(const struct sheet *sheet, const void *rows, size_t count, const struct tenant_names *names,
                FILE *out);
/* Text as a JSON string, with its quotes. */
void sheet_json_text(const char *text, FILE *out);
