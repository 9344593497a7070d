/* SIGINT, SIGTERM and SIGHUP as a descriptor that everything waits on besides its own business. One per
 * program; the second signal ends the program at once (the reaper of the workspace then cleans up). */
#pragma once

#include "tenantmv/error.h"

/* Installs the handlers; *ret_fd becomes readable at the first signal. */
TMV_NODISCARD bool cancel_begin(int *ret_fd, struct tmv_error *err);
/* Puts the old handlers back. */
void cancel_end(void);
/* Whether a signal came. */
bool cancel_asked(void);
