/* A tenant that has moved, and the old store that is kept current: what tests of that share. */
#pragma once

#include "support/life.h"

/* A setup of life.h, with a hold of an hour for its migration; `failed` is what it returned. */
int held_prepared(int failed);
/* Moves the tenant; its old store is kept current then. */
void held_move(void);
void held_write_home(int stream, int version);
/* Until the old store has as many events of the tenant as the new one. */
void held_wait_until_carried(void);
/* Every event once, with the same content, in the order of the new store. */
void held_assert_same(void);
