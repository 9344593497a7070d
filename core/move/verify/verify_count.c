/* COUNT: the number of events and the last version of every stream, merged from both servers in one order. */
#include <string.h>

#include "lib/text.h"
#include "move/verify/verify_range.h"
#include "sql_embedded.h"

enum stream_field { STREAM_ID, STREAM_TYPE, STREAM_EVENTS, STREAM_LAST };

static int compare_streams(const struct row_stream streams[SIDES])
{
    int order = range_compare_ends(streams);

    if (order == 0)
        order = strcmp(streams[SOURCE].fields[STREAM_ID], streams[TARGET].fields[STREAM_ID]);
    if (order == 0)
        order = strcmp(streams[SOURCE].fields[STREAM_TYPE], streams[TARGET].fields[STREAM_TYPE]);
    return order;
}

static void note_stream(struct range_check *v, const char *kind, const struct row_stream *row,
                        const char *what)
{
    struct tmv_difference *d = range_note(v, kind, 0);

    if (!d)
        return;
    tmv_uuid_parse(row->fields[STREAM_ID], &d->aggregate);
    d->version = range_field_int(row, STREAM_LAST);
    text_copy(d->columns, sizeof d->columns, what);
}

static void compare_stream(struct range_check *v, const struct row_stream streams[SIDES])
{
    bool events =
        range_field_int(&streams[SOURCE], STREAM_EVENTS) == range_field_int(&streams[TARGET], STREAM_EVENTS);
    bool last =
        range_field_int(&streams[SOURCE], STREAM_LAST) == range_field_int(&streams[TARGET], STREAM_LAST);

    if (!events || !last)
        note_stream(v, "differs", &streams[SOURCE],
                    events ? "last version"
                    : last ? "number of events"
                           : "number of events, last version");
}

bool range_count(struct range_check *v, const struct position_span *span, struct tmv_error *err)
{
    struct row_stream streams[SIDES];

    if (!range_streams(v, sql_verify_streams, span, streams, err))
        return false;
    while (!streams[SOURCE].ended || !streams[TARGET].ended) {
        int order = compare_streams(streams);

        if (order < 0)
            note_stream(v, "missing", &streams[SOURCE], "stream");
        else if (order > 0)
            note_stream(v, "extra", &streams[TARGET], "stream");
        else
            compare_stream(v, streams);
        if (order <= 0)
            v->part->events_source += range_field_int(&streams[SOURCE], STREAM_EVENTS);
        if (order >= 0)
            v->part->events_target += range_field_int(&streams[TARGET], STREAM_EVENTS);
        if ((order <= 0 && !row_stream_next(&streams[SOURCE], err)) ||
            (order >= 0 && !row_stream_next(&streams[TARGET], err)))
            return false;
    }
    return true;
}
