/* Connection strings, judged before they are stored, shown or connected to. A password in one would be read
 * by everybody who may read the registry, the audit or a log; so what carries one is refused, and so is what
 * looks as if one slipped into another option. No message of this file repeats a part of the string, and
 * libpq's messages, which do, are not passed on. */
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/text.h"
#include "pg/conn.h"
#include "pg/internal.h"

#define PORT_MAX 65535

static const char write_it[] =
    "write host=… port=… dbname=… user=…, postgresql://user@host:port/database, or "
    "service=…; the string is not shown, because it may hold a password";
static const char carries[] = "the connection string carries a password; it is not stored";
static const char elsewhere[] =
    "leave the password out and put it into ~/.pgpass, a service file or PGPASSWORD";

static bool refuse(struct tmv_error *err, const char *why, const char *hint)
{
    err_set(err, TMV_ERR_USAGE, "%s", why);
    return err_hint(err, "%s", hint);
}

static void options_auto(PQconninfoOption **options)
{
    PQconninfoFree(*options);
}

/* ---- the values ---- */

static bool holds(const char *value, const char *const *words)
{
    for (; *words; words++)
        if (strstr(value, *words))
            return true;
    return false;
}

/* Settings of the session travel in clear text and are shown like the rest. */
static bool options_are_bare(const char *value)
{
    static const char *const secrets[] = {"passw", "passphrase", "pass=",   "pwd",    "pw=", "secret",
                                          "token", "credential", "api_key", "apikey", NULL};
    static const char harmless[] = "password_encryption";
    AUTO_FREE char *lower = strdup(value);

    if (!lower)
        return false;
    for (char *c = lower; *c; c++)
        *c = text_lower(*c);
    for (char *found = strstr(lower, harmless); found; found = strstr(found, harmless))
        memset(found, ' ', strlen(harmless));
    return !holds(lower, secrets);
}

/* A list of hosts: names, addresses, directories of sockets ("/…") and abstract ones ("@…"). */
static bool hosts_are_plain(const char *value)
{
    while (*value) {
        size_t length = strcspn(value, ",");

        if (*value != '/' && *value != '@') {
            const char *colon = memchr(value, ':', length);
            size_t address = strspn(value, "0123456789abcdefABCDEF:."); /* then may follow %zone */
            bool ipv6 = (address >= length || value[address] == '%');

            if (memchr(value, '@', length) || memchr(value, '/', length) ||
                (colon && !(ipv6 && memchr(colon + 1, ':', length - (size_t)(colon + 1 - value)))))
                return false;
        }
        value += length + (value[length] == ',');
    }
    return true;
}

static bool ports_are_numbers(const char *value)
{
    while (*value) {
        size_t length = strcspn(value, ",");
        char number[8] = "";
        int64_t port;

        if (length >= sizeof number)
            return false;
        memcpy(number, value, length);
        if (length && !text_to_int64(number, 1, PORT_MAX, &port))
            return false;
        value += length + (value[length] == ',');
    }
    return true;
}

static bool user_is_plain(const char *value)
{
    return !strpbrk(value, ":/");
}

static bool database_is_plain(const char *value)
{
    return !strpbrk(value, ":@");
}

static const struct {
    const char *option;
    bool (*is_good)(const char *value);
    const char *why;
    const char *hint;
} rules[] = {
    {"host", hosts_are_plain, "the host holds characters that no host has",
     "write the port as port=…; in a URI, a \"/\" in front of the \"@\" ends the host: a password never "
     "belongs there"},
    {"port", ports_are_numbers, "the port is not a number from 1 to 65535",
     "in a URI, what follows the first \":\" is taken for the port when a \"/\" comes before the \"@\""},
    {"user", user_is_plain, "the user holds \":\" or \"/\", as if a password followed it",
     "leave the password out; name such a role with PGUSER or in a service file"},
    {"dbname", database_is_plain,
     "the database holds \":\" or \"@\", as if a whole connection string were in its place",
     "write postgresql://… alone, without dbname=; name such a database in a service file"},
    {"options", options_are_bare, "the options carry a password or another secret; they are not stored",
     "settings of the session are for everybody to read: leave secrets out"},
};

/* The keys of SCRAM (PostgreSQL 18) open the server like the password that they are made from. */
static bool is_secret(const char *option)
{
    return strstr(option, "password") || strstr(option, "secret") ||
           strcmp(option, "scram_client_key") == 0 || strcmp(option, "scram_server_key") == 0;
}

/* What one option says; an empty value says nothing. */
static bool check_value(const char *option, const char *value, struct tmv_error *err)
{
    if (!*value)
        return true;
    if (is_secret(option))
        return refuse(err, carries, elsewhere);
    if (strcmp(option, "options") != 0 && strchr(value, '='))
        return refuse(err,
                      "a value in the connection string holds \"=\", as if a quote were in the wrong place",
                      write_it);
    for (size_t i = 0; i < ARRAY_LEN(rules); i++)
        if (strcmp(option, rules[i].option) == 0 && !rules[i].is_good(value))
            return refuse(err, rules[i].why, rules[i].hint);
    return true;
}

/* ---- option = value … ---- */

/* libpq's isspace in the C locale */
static const char spaces[] = " \f\n\r\t\v";

static const char *skip_space(const char *at)
{
    return at + strspn(at, spaces);
}

/* Copies a value without its quotes and backslashes; the text after it, or NULL when its quote is not closed.
 */
static const char *read_value(const char *at, char *value)
{
    bool quoted = *at == '\'';

    for (at += quoted; *at && (quoted ? *at != '\'' : !strchr(spaces, *at)); at++) {
        if (*at == '\\' && at[1])
            at++;
        *value++ = *at;
    }
    *value = '\0';
    if (quoted && !*at)
        return NULL;
    return at + quoted;
}

/* Every value is judged as it is written: libpq keeps the last of two values of an option, the registry would
 * keep both. */
static bool read_pairs(const char *text, struct tmv_error *err)
{
    AUTO_FREE char *option = strdup(text);
    AUTO_FREE char *value = strdup(text);
    size_t words = 1;

    if (!option || !value)
        return err_set(err, TMV_ERR_NOMEM, "out of memory");
    for (const char *at = skip_space(text); *at; at = skip_space(at), words++) {
        size_t length = strcspn(at, "= \f\n\r\t\v");
        const char *equals = skip_space(at + length);

        if (*equals != '=') {
            err_set(err, TMV_ERR_USAGE, "not a connection string: word %zu has no \"=\" after it", words);
            return err_hint(err, "%s", write_it);
        }
        memcpy(option, at, length);
        option[length] = '\0';
        at = read_value(skip_space(equals + 1), value);
        if (!at)
            return refuse(err, "not a connection string: a quote is not closed", write_it);
        if (!check_value(option, value, err))
            return false;
    }
    return true;
}

/* ---- postgresql://… ---- */

static bool is_uri(const char *text)
{
    return text_starts(text, "postgresql://") || text_starts(text, "postgres://");
}

/* Whether an option is written again after `at`. */
static bool is_again(const char *at, size_t length)
{
    for (const char *next = strchr(at, '&'); next; next = strchr(next, '&'))
        if (strncmp(++next, at, length) == 0 && (next[length] == '=' || next[length] == '\0'))
            return true;
    return false;
}

/* What libpq would not keep of a URI: a password that a later one replaces. */
static bool read_uri(const char *text, struct tmv_error *err)
{
    const char *at = strstr(text, "://") + 3;
    size_t user = strcspn(at, "@/");
    const char *colon = memchr(at, ':', user);

    if (at[user] == '@' && colon && colon[1] != '@')
        return refuse(err, carries, elsewhere);
    for (at = strchr(at, '?'); at; at = strchr(at, '&')) {
        size_t length = strcspn(++at, "=&");

        if (memchr(at, '%', length))
            return refuse(err, "not a connection URI: the name of an option is written with \"%\"", write_it);
        if (is_again(at, length))
            return refuse(err, "not a connection URI: it has an option twice", write_it);
    }
    return true;
}

bool pgx_check_conninfo(const char *conninfo, struct tmv_error *err)
{
    AUTO(options) PQconninfoOption *options = NULL;
    bool uri = is_uri(conninfo);
    char *why = NULL;

    if (!(uri ? read_uri(conninfo, err) : read_pairs(conninfo, err)))
        return false;
    options = PQconninfoParse(conninfo, &why);
    PQfreemem(why); /* it repeats what was written */
    if (!options)
        return refuse(err,
                      uri ? "not a connection URI"
                          : "not a connection string: it has an option that libpq does not know",
                      write_it);
    for (const PQconninfoOption *o = options; o->keyword; o++)
        if (!check_value(o->keyword, o->val ? o->val : "", err))
            return false;
    return true;
}

bool pgx_conninfo_user(const char *conninfo, char user[64])
{
    AUTO(options) PQconninfoOption *options = PQconninfoParse(conninfo, NULL);
    bool named = false;

    user[0] = '\0';
    for (const PQconninfoOption *o = options; o && o->keyword; o++) {
        if (!o->val || !*o->val)
            continue;
        if (strcmp(o->keyword, "user") == 0)
            text_copy(user, 64, o->val);
        named |= strcmp(o->keyword, "user") == 0 || strcmp(o->keyword, "service") == 0;
    }
    return named;
}
