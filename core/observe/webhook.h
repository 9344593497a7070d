/* Tells an HTTP server about changes, as JSON by POST, from a thread of its own. What the engine does never
 * waits for it and never depends on it: the queue is bounded, and when the server is slow or away the oldest
 * messages go.
 *
 * Only http and https; no redirect is followed, so that a message cannot be sent on to somewhere else. A
 * message is tried four times with growing pauses when the server cannot be reached or answers 408, 429 or
 * 5xx; any other answer but 2xx is final. Logs name the server, never the path or a password of the URL.
 */
#pragma once

#include <stdint.h>

#include "observe/observer.h"
#include "tenantmv/error.h"

#define WEBHOOK_QUEUE_MAX 64            /* messages that wait */
#define WEBHOOK_MESSAGE_MAX (64 * 1024) /* bytes of one message; longer ones are dropped */
#define WEBHOOK_STOP_US 2000000         /* how long webhook_stop lets waiting messages go out */

struct webhook;

/* Starts the thread. The URL is copied. Errors: USAGE (not an http or https URL), NOMEM, IO. */
TMV_NODISCARD bool webhook_start(const char *url, struct webhook **ret_webhook, struct tmv_error *err);
/* Queues a copy of a JSON text; never blocks for the network. Any thread. NULL is fine. */
void webhook_post(struct webhook *webhook, const char *json);
/* Sends what waits, without repeating and for at most WEBHOOK_STOP_US (and the second in which a transfer
 * that runs notices), then ends the thread and frees. NULL is fine. */
void webhook_stop(struct webhook *webhook);

struct webhook_stats {
    int64_t delivered; /* answered with 2xx */
    int64_t failed;    /* given up */
    int64_t
        dropped; /* never tried: the queue was full, or the message too long, or the time to stop was over */
    int64_t attempts; /* requests made */
};
void webhook_get_stats(struct webhook *webhook, struct webhook_stats *ret_stats);

/* Its row of the observers (observer.c): starts it when the options name an address. */
TMV_NODISCARD bool webhook_observe(const struct observer_options *options, void **ret_self,
                                   struct tmv_error *err);
void webhook_tell(void *self, const struct notice *notice);
void webhook_end(void *self);
