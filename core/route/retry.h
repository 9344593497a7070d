/* What a writer does about an error: one table. Pure, any thread. */
#pragma once

#include <stdint.h>

#include "tenantmv/router.h"

enum retry_action {
    RETRY_GIVE_UP, /* hand the error to the caller */
    RETRY_NOW,     /* again at once */
    RETRY_LATER,   /* again after a short pause */
    RETRY_FOLLOW,  /* again on the store that the answer names */
    RETRY_RESOLVE, /* an earlier answer was lost: look whether that append happened */
    RETRY_ACTION_COUNT
};
/* The action after an append failed with `err`. `unsure`: the answer to an earlier try of it was lost. */
enum retry_action retry_decide(const struct tmv_error *err, int64_t expected_version, bool unsure);
/* The same for a read. */
enum retry_action retry_decide_read(const struct tmv_error *err);
/* Length of the pause before try `attempt` (1, 2, …) in microseconds: grows to 64 ms, with jitter. */
int64_t retry_pause_us(int attempt);

/* Where a tenant went, as TM001's DETAIL says. */
struct retry_home {
    char store_id[TMV_NAME_MAX];
    int64_t epoch; /* placement epoch */
};
/* Reads the DETAIL; false when it is not what the guard sends. */
bool retry_read_home(const char *detail, struct retry_home *ret_home);
