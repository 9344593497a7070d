/* How long a migration still needs until it can be cut over: the rest of the copy, the indexes, the
 * verification. Pure functions; -1 means that nothing is known yet. Times in microseconds. */
#pragma once

#include <stdint.h>

/* A copy as it is now. */
struct eta_copy {
    int64_t events_left, events_total;
    int64_t events_per_second; /* while copying: over the last seconds; afterwards: of the whole copy; 0
                                  unknown */
    int indexes;               /* to be built after it, in all */
    double indexes_built;      /* of them, those under way counted by their share */
    int64_t building_us;       /* since the builds began; 0: they have not */
};
/* What has not begun is a guess from the copy's own speed: an index takes ETA_INDEX_SHARE of the time that
 * all rows take (two are built at a time), the verification ETA_VERIFY_SHARE; measured with 300,000 events of
 * 1 KB and 11 indexes: 0.077 and 0.73. Builds under way tell by themselves. */
#define ETA_INDEX_SHARE 0.08
#define ETA_VERIFY_SHARE 0.7
int64_t eta_of_copy_us(const struct eta_copy *copy);

/* A verification that runs along: `verified` events in `elapsed_us`, and `left` of them still to do. What
 * the tail adds meanwhile is not counted. Short times (below ETA_SHORT_US) are none: they would be gone
 * before anybody has read them. */
#define ETA_SHORT_US (10 * 1000000LL)
int64_t eta_of_verification_us(int64_t verified, int64_t left, int64_t elapsed_us);
