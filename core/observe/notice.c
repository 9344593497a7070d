/* A notice as others read it. */
#include "observe/observer.h"

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/json.h"

char *notice_to_json(const struct notice *notice)
{
    AUTO(json) cJSON *o = cJSON_CreateObject();
    char at[40];

    if (!o)
        return NULL;
    json_add_text(o, "event", audit_event_name(notice->event));
    json_add_text(o, "migration_id", notice->migration);
    json_add_text(o, "tenant_id", notice->tenant);
    json_add_text(o, "old_phase", tmv_phase_name(notice->from));
    json_add_text(o, "new_phase", tmv_phase_name(notice->to));
    json_add_text(o, "engine", notice->engine);
    json_add_text(o, "occurred_at", clock_format_utc(notice->at_us, at, sizeof at));
    if (notice->operator_name)
        json_add_text(o, "operator", notice->operator_name);
    if (notice->reason)
        json_add_text(o, "reason", notice->reason);
    return json_print(o);
}
