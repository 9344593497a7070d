/* What a failed connection says. libpq gives words only, the server's in the language of its lc_messages and
 * its own in that of the process; what an operator must do is chosen by SQLSTATE. libpq writes it when it is
 * told to be verbose while it connects: "FATAL:  28P01: password authentication failed …", then "LOCATION:
 * auth_failed, auth.c:326" on a line of its own. Both are taken out of the text.
 */
#include <string.h>

#include "lib/cleanup.h"
#include "lib/text.h"
#include "pg/internal.h"

#define WHY_MAX 2000
#define WRONG_PASSWORD "28P01"
#define NOT_ADMITTED "28000"

/* Where "28P01: " begins in a line; NULL: nowhere. */
static const char *find_sqlstate(const char *line, size_t length)
{
    static const char mark[] = ":  ";
    const char *end = line + length;

    for (const char *p = line; p + sizeof mark + SQLSTATE_LENGTH < end; p++)
        if (memcmp(p, mark, sizeof mark - 1) == 0 &&
            strspn(p + 3, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == SQLSTATE_LENGTH && p[8] == ':' &&
            p[9] == ' ')
            return p + 3;
    return NULL;
}

/* "…:  function, file.c:123" in any language. */
static bool is_location(const char *line, size_t length)
{
    size_t digits = 0;

    while (digits < length && text_is_digit(line[length - 1 - digits]))
        digits++;
    return digits > 0 && length > digits + 3 && memcmp(line + length - digits - 3, ".c:", 3) == 0;
}

/* libpq tries host after host, and each with and without encryption: the last one counts, unless one asked
 * for a password and the last one only has no entry for what was tried (sslmode=prefer after a wrong
 * password). */
static bool counts(const char *state, const char *before)
{
    return strcmp(before, WRONG_PASSWORD) != 0 || strncmp(state, NOT_ADMITTED, SQLSTATE_LENGTH) != 0;
}

void pgx_read_refusal(const char *why, struct buf *text, char sqlstate[SQLSTATE_LENGTH + 1])
{
    size_t length;

    for (const char *line = why; *line; line += length + (line[length] == '\n')) {
        length = strcspn(line, "\n");
        const char *state = find_sqlstate(line, length);
        size_t before = state ? (size_t)(state - line) : 0;
        size_t skipped = state ? before + SQLSTATE_LENGTH + strlen(": ") : 0;

        if (is_location(line, length))
            continue;
        if (state && counts(state, sqlstate))
            text_copy(sqlstate, SQLSTATE_LENGTH + 1, state);
        if (text->len > 0)
            buf_char(text, '\n');
        buf_add(text, line, before);
        buf_add(text, line + skipped, length - skipped);
    }
}

/* What to do; the first row for what has no row of its own. SQLSTATEs: PostgreSQL documentation, appendix A.
 */
static const char *todo(const char *sqlstate)
{
    static const struct {
        const char *sqlstate, *hint;
    } rows[] = {
        {"", "check that the server runs and that host and port of the connection string are right"},
        {WRONG_PASSWORD,
         "put the password into ~/.pgpass, a service file or PGPASSWORD, and see pg_hba.conf"},
        {NOT_ADMITTED, "check the role's name and that it may log in, and see pg_hba.conf on the server"},
        {"3D000", "check the database and role names in the store's connection string"},
        {"42501", "give the role the right to connect: GRANT CONNECT ON DATABASE … TO …"},
        {"53300", "the server has no connection left: raise max_connections, or end idle sessions"},
        {"57P03", "the server is starting or stopping: wait until it accepts connections"},
    };

    for (size_t i = 1; i < ARRAY_LEN(rows); i++)
        if (strcmp(rows[i].sqlstate, sqlstate) == 0)
            return rows[i].hint;
    return rows[0].hint;
}

bool pgx_connect_failed(struct pgx_conn *conn, struct tmv_error *err)
{
    AUTO(buf) struct buf text = BUF_INIT(WHY_MAX);
    char sqlstate[SQLSTATE_LENGTH + 1] = "";

    pgx_read_refusal(PQerrorMessage(conn->pg), &text, sqlstate);
    if (PQconnectionNeedsPassword(conn->pg))
        text_copy(sqlstate, sizeof sqlstate, WRONG_PASSWORD); /* libpq's own refusal: it has none to send */
    err_set(err, TMV_ERR_UNREACHABLE, "cannot connect to %s: %s", conn->place, buf_text(&text));
    text_copy(err->sqlstate, sizeof err->sqlstate, sqlstate);
    return err_hint(err, "%s", todo(sqlstate));
}
