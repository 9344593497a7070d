/* Sends operations from a thread of its own and follows each command to its end, so that the screen never
 * waits. */
#pragma once

#include "view/outcome.h"

struct requests;

/* Starts it; `wake_fd` (an eventfd) is written at every outcome. The string and the actor are copied. NULL
 * when there is no memory or no thread: see `err`. */
struct requests *requests_start(const char *conninfo, const struct tmv_actor *actor, int wake_fd,
                                struct tmv_error *err);
/* Queues an operation; false when too many wait already. Does not block. */
bool requests_send(struct requests *requests, const struct tmv_request *request);
/* Queues a change of a migration's limits, as tmv_settings_change takes it; false as above. Its outcome is
 * done, refused or failed at once: no engine has to take it up. */
bool requests_limit(struct requests *requests, const struct tmv_uuid *migration, const char *changes);
/* The dialog that is open here (id, migration, operation), for other people to see; id nil: none. It is said
 * again while it is open. Does not block. */
void requests_dialog(struct requests *requests, const struct tmv_dialog *dialog);
/* The next news about a command; false: none. Does not block. */
bool requests_take(struct requests *requests, struct outcome *ret_outcome);
/* Commands sent or queued whose end is not known yet. */
int requests_pending(struct requests *requests);
/* Ends it; what was queued and not sent is dropped. NULL is fine. */
void requests_stop(struct requests *requests);
