#include "view/event_log.h"

#include <stdlib.h>
#include <string.h>

/* Place of the first entry with an id of at least this; entries mostly come at the end. */
static size_t place_of(const struct event_log *log, int64_t id)
{
    size_t low = 0, high = log->count;

    if (high > 0 && log->entries[high - 1].id < id)
        return high;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (log->entries[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool make_room(struct event_log *log)
{
    size_t room = log->room == 0 ? 200 : log->room * 2;
    struct tmv_audit_entry *entries;

    if (log->count < log->room)
        return true;
    room = room > EVENT_LOG_MAX + 1 ? EVENT_LOG_MAX + 1 : room;
    entries = realloc(log->entries, room * sizeof *entries);
    if (!entries)
        return false;
    log->entries = entries;
    log->room = room;
    return true;
}

static void add_one(struct event_log *log, const struct tmv_audit_entry *entry)
{
    size_t at = place_of(log, entry->id);

    if (at < log->count && log->entries[at].id == entry->id)
        return;
    if ((at == 0 && log->count == EVENT_LOG_MAX) || !make_room(log))
        return;
    memmove(&log->entries[at + 1], &log->entries[at], (log->count - at) * sizeof *entry);
    log->entries[at] = *entry;
    log->count++;
    if (log->count > EVENT_LOG_MAX) {
        log->count--;
        memmove(&log->entries[0], &log->entries[1], log->count * sizeof *entry);
    }
}

void event_log_add(struct event_log *log, const struct tmv_audit_entry *entries, size_t count)
{
    for (size_t i = count; i > 0; i--) /* pictures come newest first */
        add_one(log, &entries[i - 1]);
}

void event_log_release(struct event_log *log)
{
    free(log->entries);
    memset(log, 0, sizeof *log);
}
