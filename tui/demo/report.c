#include "demo/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/json.h"
#include "lib/text.h"

void report_release(struct demo_report *r)
{
    free(r->cutovers);
    memset(r, 0, sizeof *r);
}

bool report_add_cutover(struct demo_report *r, const struct report_cutover *cutover, struct tmv_error *err)
{
    struct report_cutover *grown = realloc(r->cutovers, (r->cutover_count + 1) * sizeof *grown);

    if (!grown)
        return err_set(err, TMV_ERR_NOMEM, "no memory for the report");
    r->cutovers = grown;
    r->cutovers[r->cutover_count++] = *cutover;
    return true;
}

bool report_is_clean(const struct demo_report *r)
{
    return r->checked && r->consistent && !r->problem[0] && r->completed == r->wanted &&
           r->writes_failed == 0 && r->lost == 0 && r->duplicated == 0 && r->out_of_order == 0;
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* p50, p99 and max of the writers' gaps around the cutovers, or right before them, by nearest rank. */
static void gap_figures(const struct demo_report *r, bool quiet, int64_t ret_figures[3])
{
    AUTO_FREE int64_t *gaps = calloc(r->cutover_count + 1, sizeof *gaps);
    size_t n = r->cutover_count;

    memset(ret_figures, 0, 3 * sizeof *ret_figures);
    for (size_t i = 0; gaps && i < n; i++)
        gaps[i] = quiet ? r->cutovers[i].quiet_gap_us : r->cutovers[i].writer_gap_us;
    if (gaps && n > 0) {
        qsort(gaps, n, sizeof *gaps, compare);
        ret_figures[0] = gaps[(n * 50 + 99) / 100 - 1];
        ret_figures[1] = gaps[(n * 99 + 99) / 100 - 1];
        ret_figures[2] = gaps[n - 1];
    }
}

static double per_second(int64_t count, int64_t us)
{
    return us > 0 ? (double)count * 1e6 / (double)us : 0;
}

static void add_cutovers(const struct demo_report *r, cJSON *object)
{
    cJSON *list = cJSON_AddArrayToObject(object, "cutovers");

    for (size_t i = 0; i < r->cutover_count; i++) {
        const struct tmv_attempt *a = &r->cutovers[i].attempt;
        cJSON *item = cJSON_CreateObject();

        cJSON_AddStringToObject(item, "outcome", tmv_attempt_outcome_name(a->outcome));
        json_add_int64(item, "lock_us", a->lock_us);
        json_add_int64(item, "drain_us", a->drain_us);
        json_add_int64(item, "decide_us", a->decide_us);
        json_add_int64(item, "pause_us", a->pause_us);
        json_add_int64(item, "writer_gap_us", r->cutovers[i].writer_gap_us);
        json_add_int64(item, "drained_events", a->drained_events);
        json_add_int64(item, "quiet_gap_us", r->cutovers[i].quiet_gap_us);
        cJSON_AddItemToArray(list, item);
    }
}

static void add_gaps(const struct demo_report *r, bool quiet, const char *name, cJSON *object)
{
    cJSON *part = cJSON_AddObjectToObject(object, name);
    int64_t gaps[3];

    gap_figures(r, quiet, gaps);
    json_add_int64(part, "p50", gaps[0]);
    json_add_int64(part, "p99", gaps[1]);
    json_add_int64(part, "max", gaps[2]);
}

void report_to_json(const struct demo_report *r, cJSON *object)
{
    cJSON *part;

    cJSON_AddStringToObject(object, "version", TMV_VERSION);
    json_add_int64(object, "events_total", r->events_total);
    json_add_decimal(object, "copy_events_per_second", per_second(r->copied_events, r->copy_us), 0);
    json_add_decimal(object, "copy_seconds", (double)r->copy_us / 1e6, 3);
    part = cJSON_AddObjectToObject(object, "mirror_lag_ms");
    json_add_decimal(part, "p50", (double)figures_percentile(&r->lag, 50) / 1e3, 1);
    json_add_decimal(part, "p99", (double)figures_percentile(&r->lag, 99) / 1e3, 1);
    add_cutovers(r, object);
    add_gaps(r, false, "writer_gap_us", object);
    json_add_int64(object, "writes_acknowledged", r->writes_acknowledged);
    json_add_int64(object, "writes_failed", r->writes_failed);
    json_add_int64(object, "events_lost", r->lost);
    json_add_int64(object, "events_duplicated", r->duplicated);
    json_add_int64(object, "events_out_of_order", r->out_of_order);
    part = cJSON_AddObjectToObject(object, "verification");
    cJSON_AddStringToObject(part, "level", "hash");
    cJSON_AddBoolToObject(part, "consistent", r->consistent);
    json_add_decimal(part, "seconds", (double)r->verify_us / 1e6, 3);
    json_add_int64(object, "peak_rss_kib", r->peak_rss_kib);
    add_gaps(r, true, "quiet_gap_us", object);
    if (r->problem[0])
        cJSON_AddStringToObject(object, "problem", r->problem);
}

static void print_gaps(const struct demo_report *r, bool quiet, const char *label)
{
    int64_t gaps[3];

    gap_figures(r, quiet, gaps);
    printf("%s p50 %.1f ms, p99 %.1f ms, max %.1f ms\n", label, (double)gaps[0] / 1e3, (double)gaps[1] / 1e3,
           (double)gaps[2] / 1e3);
}

void report_print(const struct demo_report *r)
{
    printf("tenants moved        %d of %d\n", r->completed, r->wanted);
    printf("events               %" PRId64 " in the stores at the end\n", r->events_total);
    printf("bulk copy            %.0f events/s, indexes included (%.1f s in all)\n",
           per_second(r->copied_events, r->copy_us), (double)r->copy_us / 1e6);
    printf("mirror lag           p50 %.1f ms, p99 %.1f ms\n", (double)figures_percentile(&r->lag, 50) / 1e3,
           (double)figures_percentile(&r->lag, 99) / 1e3);
    print_gaps(r, false, "writers' longest gap");
    print_gaps(r, true, "  without a cutover ");
    printf("writes               %" PRId64 " acknowledged, %" PRId64 " failed\n", r->writes_acknowledged,
           r->writes_failed);
    if (r->checked)
        printf("compared with stores %" PRId64 " lost, %" PRId64 " duplicated, %" PRId64 " out of order\n",
               r->lost, r->duplicated, r->out_of_order);
    else
        printf("compared with stores no: the demo ended before\n");
    printf("hash verification    %s, %.1f s\n", r->consistent ? "consistent" : "NOT CONSISTENT",
           (double)r->verify_us / 1e6);
    printf("peak memory          %" PRId64 " KiB\n", r->peak_rss_kib);
    if (r->problem[0])
        printf("problem              %s\n", r->problem);
}
