#include "move/shared/row_stream.h"

#include <string.h>

#include "lib/clock.h"
#include "lib/err.h"

#define ROW_TIMEOUT_US (3600 * US_PER_S) /* a server may sort for long before the first row */

bool row_stream_start(struct row_stream *s, struct pgx_conn *conn, const char *sql, struct tmv_error *err)
{
    *s = (struct row_stream){.conn = conn};
    return pgx_copy_out(conn, ROW_TIMEOUT_US, sql, err);
}

bool row_stream_next(struct row_stream *s, struct tmv_error *err)
{
    const char *line = NULL;
    size_t len = 0;
    size_t field = 0;

    if (s->ended)
        return true;
    if (!pgx_copy_read(s->conn, ROW_TIMEOUT_US, &line, &len, err))
        return false;
    s->ended = len == 0;
    while (len > 0 && field < ROW_STREAM_FIELDS) {
        const char *end = memchr(line, '\t', len);
        size_t size = end ? (size_t)(end - line) : len - (line[len - 1] == '\n');

        if (size >= ROW_STREAM_FIELD_MAX)
            return err_set(err, TMV_ERR_INTERNAL, "a field of %zu bytes in a row to compare", size);
        memcpy(s->fields[field], line, size);
        s->fields[field++][size] = '\0';
        if (!end)
            break;
        len -= size + 1;
        line = end + 1;
    }
    return true;
}
