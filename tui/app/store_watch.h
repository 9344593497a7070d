/* Looks at the stores' servers again and again, at each in a thread of its own: one that does not answer
 * delays no other. */
#pragma once

#include "screens/model.h"

struct store_watch;

/* Starts it; `wake_fd` (an eventfd) is written at every change. The string is copied. NULL without memory. */
struct store_watch *store_watch_start(const char *conninfo, int wake_fd, struct tmv_error *err);
/* Somebody looks at the stores now: often; else seldom. */
void store_watch_often(struct store_watch *watch, bool often);
/* What is known, by id, when something changed since the last call; the caller frees *ret_stores. Does not
 * block. */
bool store_watch_take(struct store_watch *watch, struct store_view **ret_stores, size_t *ret_count);
/* Ends it. Waits a moment only. NULL is fine. */
void store_watch_stop(struct store_watch *watch);
