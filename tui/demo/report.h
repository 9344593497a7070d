/* What a headless demo found, and its two forms: one JSON object and lines for people. */
#pragma once

#include <cjson/cJSON.h>

#include "demo/figures.h"
#include "tenantmv/snapshot.h"

/* One attempt to cut over, and what the writers noticed of it. */
struct report_cutover {
    struct tmv_attempt attempt;
    int64_t writer_gap_us; /* the tenant's longest time without an answer, around it */
    int64_t quiet_gap_us;  /* the same right before, when nothing was cut over */
};

struct demo_report {
    int64_t events_total;  /* in the authoritative stores at the end */
    int64_t copied_events; /* by the bulk copies of all migrations */
    int64_t copy_us;       /* time of these copies, indexes rebuilt included */
    struct figures lag;    /* of the mirror in dual write, microseconds */
    size_t cutover_count;
    struct report_cutover *cutovers; /* owned */
    int wanted;                      /* tenants to move */
    int completed;                   /* that moved */
    int64_t writes_acknowledged, writes_failed;
    int64_t lost, duplicated, out_of_order;
    bool checked; /* the figures above were compared with the stores */
    bool consistent;
    int64_t verify_us;
    int64_t peak_rss_kib;
    char problem[700]; /* first thing that went wrong, "" nothing */
};

void report_release(struct demo_report *report);
TMV_NODISCARD bool report_add_cutover(struct demo_report *report, const struct report_cutover *cutover,
                                      struct tmv_error *err);
/* Nothing lost, duplicated, reordered or failed, and everything was looked at. */
bool report_is_clean(const struct demo_report *report);
/* Adds the members to `object`. */
void report_to_json(const struct demo_report *report, cJSON *object);
/* Lines for people, on stdout. */
void report_print(const struct demo_report *report);
