/* A look at a store's server: a connection of its own that is closed again, so that looking takes no slot
 * from writers. It changes nothing, and what the role may not see is unknown, never an error.
 */
#pragma once

#include "lib/stop.h"
#include "tenantmv/stores.h"

/* `timeout_us` bounds each of connecting and asking (name resolution may take longer); a raised `stop` (may
 * be NULL) ends both. Errors: UNREACHABLE, TIMEOUT, CANCELLED, SQL, REFUSED for another database than the
 * registered one; *ret_look is empty then. Any thread; blocks. */
TMV_NODISCARD bool store_look(const struct tmv_store_info *store, const struct stop *stop, int64_t timeout_us,
                              struct tmv_store_look *ret_look, struct tmv_error *err);
