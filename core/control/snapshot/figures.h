/* Figures: what an engine measures of a migration, each with the time of its measurement.
 *
 * One list says what each is called in the database and on paper, where it is kept in a tmv_migration, and
 * whether it goes out of date. Everything else follows from it: a report carries only what its sender knows,
 * the database keeps the rest as it was, with its own time, and what is read is judged by its age in one
 * place (tmv_migration_age). Pure, but for the monotonic clock in figure_set.
 */
#pragma once

#include "tenantmv/snapshot.h"

enum figure_kind {
    FIGURE_REACHED, /* a count or a position that was reached: it stays true, however old */
    FIGURE_MOMENT   /* true for a moment: not known any more once it is older than TMV_FACT_TTL_US */
};
struct figure {
    const char *name; /* of its column, and of its time in tenantmv.migration_state.measured */
    enum figure_kind kind;
    size_t offset; /* of its int64_t in struct tmv_migration */
};
/* The row of a figure; `which` is one of the list. */
const struct figure *figure_row(enum tmv_figure which);
/* Where a migration keeps it. */
int64_t *figure_of(struct tmv_migration *migration, enum tmv_figure which);

/* What a report knows. All zero: nothing. */
struct figures {
    struct {
        int64_t value;
        int64_t at_us; /* monotonic; 0: not known */
    } of[TMV_FIGURE_COUNT];
};
/* Notes a value as measured now; -1 of a figure for the moment says that it cannot be told now. */
void figure_set(struct figures *figures, enum tmv_figure which, int64_t value);

struct buf;
/* Appends {"lag_us":[3000,12], …}: value and age in microseconds of what is known at `now_us` (monotonic). */
void figures_to_json(const struct figures *figures, int64_t now_us, struct buf *ret_json);
/* Reads the times of a row: {"lag_us":1764…} in microseconds of the database's clock. What it does not name
 * was never measured. */
void figures_read_times(const char *json, int64_t ret_times_us[TMV_FIGURE_COUNT]);
/* Whether a fact of `at_us` still counts at `now_us`, both of one clock: it is at most TMV_FACT_TTL_US (5 s)
 * old, or as much from the future (what was reported while a snapshot was taken is younger than it). One from
 * later than that was written before the clock was set back, and does not count; nor does 0, never. */
bool fact_is_fresh(int64_t at_us, int64_t now_us);
