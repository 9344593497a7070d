#include "demo/business.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/clock.h"

#define STEPS_MAX 8

static const struct {
    const char *kind;
    const char *prefix;
    const char *steps[STEPS_MAX + 1]; /* types of its events in order */
} flows[] = {
    {"Order",
     "ORD",
     {"OrderPlaced", "OrderLineAdded", "OrderLineAdded", "OrderPaid", "OrderPacked", "OrderShipped",
      "OrderDelivered"}},
    {"Invoice",
     "INV",
     {"InvoiceDrafted", "InvoiceLineAdded", "InvoiceIssued", "InvoiceSent", "InvoicePaid",
      "InvoiceArchived"}},
    {"User",
     "USR",
     {"UserRegistered", "UserEmailVerified", "UserAddressChanged", "UserLoggedIn", "UserLimitRaised",
      "UserLoggedIn", "UserAddressChanged", "UserLoggedIn"}},
};
#define FLOWS (sizeof flows / sizeof *flows)

static const char *const actors[] = {"user:anna", "user:björn", "user:chloé", "system:billing"};

static void format_now(char *text, size_t size)
{
    int64_t ts = clock_wall_us();
    time_t whole = (time_t)(ts / US_PER_S);
    struct tm tm;
    char seconds[32];

    gmtime_r(&whole, &tm);
    strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text, size, "%s.%06ld+00:00", seconds, (long)(ts % US_PER_S));
}

/* What every event of eventsource-py says of itself. */
static int write_base(const struct business_batch *batch, const struct tmv_new_event *event, int64_t version,
                      char *text)
{
    char id[TMV_UUID_TEXT], stream[TMV_UUID_TEXT], tenant[TMV_UUID_TEXT], at[64];

    format_now(at, sizeof at);
    return snprintf(
        text, BUSINESS_PAYLOAD_MAX,
        "{\"event_id\":\"%s\",\"event_type\":\"%s\",\"event_version\":1,\"occurred_at\":\"%s\","
        "\"aggregate_id\":\"%s\",\"aggregate_type\":\"%s\",\"aggregate_version\":%" PRId64 ","
        "\"tenant_id\":\"%s\",\"actor_id\":\"%s\",\"correlation_id\":\"%s\",\"causation_id\":null,"
        "\"metadata\":{\"source\":\"demo\",\"region\":\"eu-central\",\"schema\":3},",
        tmv_uuid_format(&event->id, id), event->type, at, tmv_uuid_format(&batch->stream.aggregate, stream),
        batch->stream.aggregate_type, version, tmv_uuid_format(&batch->stream.tenant, tenant), event->actor,
        stream);
}

/* The first event of a stream says all there is, a line or an address comes alone, and the rest are steps
 * with little to say: the same in seed.sql. */
static void write_payload(const struct business_batch *batch, const struct tmv_new_event *event,
                          const char *prefix, int64_t version, char *text)
{
    unsigned n = (unsigned)event->id.bytes[14] << 8 | event->id.bytes[15];
    int used = write_base(batch, event, version, text);
    size_t room = BUSINESS_PAYLOAD_MAX - (size_t)used;

    text += used;
    if (version == 1)
        snprintf(
            text, room,
            "\"number\":\"%s-%u\",\"customer\":{\"id\":\"%u\",\"name\":\"Customer %u\",\"email\":"
            "\"customer%u@example.com\",\"address\":{\"street\":\"Mill Lane %u\",\"city\":\"Harbour Town\","
            "\"postcode\":\"%u\",\"country\":\"DE\"}},\"currency\":\"EUR\",\"note\":\"Leave at gate %u, call "
            "before delivery\"}",
            prefix, n, n % 9973, n % 9973, n % 9973, 1 + n % 240, 10000 + n, 1 + n % 12);
    else if (strstr(event->type, "LineAdded"))
        snprintf(text, room,
                 "\"line\":{\"sku\":\"SKU-%u\",\"text\":\"Bearing 6204-2RS, sealed, 20 × 47 × 14 "
                 "mm\",\"quantity\":"
                 "%u,\"price\":\"%u.90\"}}",
                 n % 50021, 1 + n % 9, 2 + n % 80);
    else if (strstr(event->type, "AddressChanged"))
        snprintf(text, room,
                 "\"address\":{\"street\":\"Mill Lane %u\",\"city\":\"Harbour Town\",\"postcode\":\"%u\","
                 "\"country\":\"DE\"}}",
                 1 + n % 240, 10000 + n);
    else
        snprintf(text, room, "\"number\":\"%s-%u\",\"total\":\"%u.00\"}", prefix, n, 40 + n % 5000);
}

static int64_t steps_of(int flow)
{
    int64_t count = 0;

    while (count < STEPS_MAX && flows[flow].steps[count])
        count++;
    return count;
}

void business_next(struct business_case *c, const struct tmv_uuid *tenant, uint64_t random, size_t wanted,
                   struct business_batch *batch)
{
    int64_t left = steps_of(c->flow) - c->version;

    if (tmv_uuid_is_nil(&c->stream) || left <= 0) {
        c->stream = tmv_uuid_random();
        c->flow = (int)(random % FLOWS);
        c->version = 0;
        left = steps_of(c->flow);
    }
    batch->stream = (struct tmv_stream){*tenant, c->stream, flows[c->flow].kind};
    batch->expected = c->version;
    batch->count = wanted < (size_t)left ? wanted : (size_t)left;
    for (size_t i = 0; i < batch->count; i++) {
        struct tmv_new_event *event = &batch->events[i];

        memset(event, 0, sizeof *event);
        event->id = tmv_uuid_random();
        event->type = flows[c->flow].steps[c->version + (int64_t)i];
        event->actor = actors[random / FLOWS % (sizeof actors / sizeof *actors)];
        event->payload = batch->payloads[i];
        write_payload(batch, event, flows[c->flow].prefix, c->version + 1 + (int64_t)i, batch->payloads[i]);
    }
}

void business_confirm(struct business_case *c, size_t count)
{
    c->version += (int64_t)count;
}

void business_abandon(struct business_case *c)
{
    memset(c, 0, sizeof *c);
}
