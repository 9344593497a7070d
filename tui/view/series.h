/* Lag and rate of the migrations over the last hour, as a console has seen them: bounded, and of use whatever
 * the connection and the clocks do.
 *
 * 1. A migration takes a fixed amount of memory, and at most SERIES_MAX of them are kept: who was silent
 * longest makes room.
 * 2. Times are the database's. What was not seen is unknown, never a guess. A clock that jumps back by more
 * than the span begins a new history.
 */
#pragma once

#include "tenantmv/snapshot.h"

#define SERIES_MAX 1000
#define SERIES_SLOT_US INT64_C(10000000)
#define SERIES_SLOTS 360 /* an hour */
#define SERIES_SECONDS TMV_SAMPLES_MAX

struct series_set; /* owned by one thread or under its lock */

/* The last hour in slots of ten seconds, oldest first; the last slot is the one of `newest_us`. The largest
 * value of each slot; -1: not seen. */
struct series_view {
    struct tmv_uuid migration; /* nil: none */
    int64_t newest_us;
    int64_t lag_us[SERIES_SLOTS];
    int64_t rate[SERIES_SLOTS];
};

struct series_set *series_new(void); /* NULL without memory */
void series_free(struct series_set *set);
/* Takes a sample over; any order, the same one twice does no harm. */
void series_add(struct series_set *set, const struct tmv_uuid *migration, const struct tmv_sample *sample);
/* What a picture says of each running migration now; then the seconds before it are put into the picture's
 * samples, which it does not have to bring along. */
void series_note(struct series_set *set, struct tmv_snapshot *snapshot);
/* False, and an empty view, when nothing is known of it. */
bool series_read(const struct series_set *set, const struct tmv_uuid *migration,
                 struct series_view *ret_view);
