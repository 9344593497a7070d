/* The business that the demo's writers are in: orders, invoices and users of a wholesaler, one stream after
 * the other, with payloads as eventsource-py stores them (about 1 KB). */
#pragma once

#include "tenantmv/router.h"

/* The stream a writer is in; all zero: none yet. */
struct business_case {
    struct tmv_uuid stream;
    int flow;        /* which kind of stream */
    int64_t version; /* of its last acknowledged event */
};

#define BUSINESS_BATCH_MAX 3
#define BUSINESS_PAYLOAD_MAX 2048
/* Events of one append, with the room that their texts need. */
struct business_batch {
    struct tmv_stream stream;
    int64_t expected; /* version of the stream before; 0: it does not exist yet */
    size_t count;
    struct tmv_new_event events[BUSINESS_BATCH_MAX];
    char payloads[BUSINESS_BATCH_MAX][BUSINESS_PAYLOAD_MAX];
};
/* Makes the next 1 … `wanted` events of the case (of a new stream when the last one is at its end). */
void business_next(struct business_case *c, const struct tmv_uuid *tenant, uint64_t random, size_t wanted,
                   struct business_batch *ret_batch);
/* The batch was stored. */
void business_confirm(struct business_case *c, size_t count);
/* It was not, or nobody knows: the stream is left as it is, the next batch begins another. */
void business_abandon(struct business_case *c);
