/* Connection strings: what is refused, and that no message repeats a password, however it was mistyped. */
#include "test.h"

#include <string.h>

#include "lib/cleanup.h"
#include "pg/conn.h"
#include "pg/internal.h"

static void takes_what_carries_no_secret(void **state)
{
    static const char *const good[] = {
        "",
        "host=db1 dbname=app",
        "host = db1  port= 5432 dbname ='my app' user=engine",
        "host=/var/run/postgresql,db1,::1 port=5432,,5433 dbname=app",
        "host=::1 dbname=app",
        "host=fe80::1%eth0 hostaddr=10.0.0.1",
        "host=@abstract user=admin@server",
        "service=shared",
        "postgresql://db1/app",
        "postgres://engine@db1:5432,db2:5433/app?sslmode=require&connect_timeout=3",
        "postgresql://engine@[::1]:5432/app",
        "postgresql:///app?host=/tmp",
        "postgresql://engine:@db1/app",
        "host=db1 options='-c search_path=a -c password_encryption=md5'",
        "host=db1 user=a dbname=app user=b",
        "host=db1 passfile=/etc/app/pgpass password=''",
    };
    struct tmv_error err;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (!pgx_check_conninfo(good[i], &err))
            fail_msg("%s: %s", good[i], err.message);
}

/* "geheim" stands for the password. */
static void never_repeats_a_mistyped_password(void **state)
{
    static const struct {
        const char *text, *why;
    } bad[] = {
        {"host=db1 password=geheim", "carries a password"},
        {"host=db1 password = 'geheim'", "carries a password"},
        {"host=db1 sslpassword=geheim", "carries a password"},
        {"host=db1 scram_client_key=geheim", "carries a password"},
        {"host=db1 scram_server_key='geheim'", "carries a password"},
        {"host=db1 password==geheim", "carries a password"},
        {"host=db1 password=geheim password=", "carries a password"},
        {"host=db1 password=my geheim", "carries a password"},
        {"host=db1 user=my geheim", "no \"=\""},
        {"host=db1 password geheim", "no \"=\""},
        {"host=db1 password:geheim", "no \"=\""},
        {"geheim", "no \"=\""},
        {"host=db1 passwd=geheim", "libpq does not know"},
        {"host=db1 geheim=x", "libpq does not know"},
        {"host=db1 password='geheim", "quote is not closed"},
        {"host='db1 password=geheim", "quote is not closed"},
        {"host='db1 password=geheim'", "quote were in the wrong place"},
        {"user='me password=geheim'", "quote were in the wrong place"},
        {"user=me\\ password=geheim", "quote were in the wrong place"},
        {"user=me:geheim host=db1", "user holds"},
        {"user=me/geheim host=db1", "user holds"},
        {"host=me:geheim@db1", "the host holds"},
        {"host=db1:geheim", "the host holds"},
        {"host=db1 port=geheim", "port is not a number"},
        {"host=db1 dbname=app:geheim", "the database holds"},
        {"host=db1 dbname=postgresql://me:geheim@db1/app", "the database holds"},
        {"host=db1 dbname=geheim@db1", "the database holds"},
        {"host=db1 dbname='host=db2 password=geheim'", "quote were in the wrong place"},
        {"host=db1 options='-c x.password=geheim'", "the options carry"},
        {"host=db1 options=-cx.PassWord=geheim", "the options carry"},
        {"host=db1 options='-c password_encryption=md5 -c x.secret=geheim'", "the options carry"},
        {"host=db1 options='-c x.token=geheim' options=", "the options carry"},
        {"dbname=postgresql://me:geheim@db1/app dbname=app", "the database holds"},
        {"postgresql://me:geheim@db1/app", "carries a password"},
        {"postgresql://me:geheim@db1/app?password=", "carries a password"},
        {"postgresql://me:ge@heim@db1/geheim", "carries a password"},
        {"postgresql://me:#geheim@db1/app", "carries a password"},
        {"postgresql://me:?geheim@db1/app", "carries a password"},
        {"postgresql://me:geheim/x@db1/app", "the database holds"},
        {"postgresql://me:/geheim@db1/app", "the database holds"},
        {"postgresql://me:12/geheim@db1/app", "the database holds"},
        {"postgresql://me:geheim/app", "port is not a number"},
        {"postgresql://me:geheim%zz@db1/app", "carries a password"},
        {"postgresql://me%zz@db1/geheim", "not a connection URI"},
        {"postgresql://me@db1/app?password=geheim", "carries a password"},
        {"postgresql://me@db1/app?password=geheim&password=", "option twice"},
        {"postgresql://me@db1/app?scram_client_key=geheim", ""}, /* an older libpq does not know it */
        {"postgresql://me@db1/app?pass%77ord=geheim&password=", "name of an option"},
        {"postgresql://me@db1/app?geheim", "not a connection URI"},
        {"postgresql://me@db1/app?pw=geheim", "not a connection URI"},
        {"postgresql://me@db1/app?options=-c%20x.password%3Dgeheim", "the options carry"},
        {"postgresql://me@[db1/geheim", "not a connection URI"},
        {"postgresql:/me:geheim@db1/app", "no \"=\""},
        {"postgresql:/me:geheim@db1/app?sslmode=require", "libpq does not know"},
        {"POSTGRESQL://me:geheim@db1/app", "no \"=\""},
        {"http://me:geheim@db1/app", "no \"=\""},
        {" postgresql://me:geheim@db1/app", "no \"=\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct tmv_error err;

        if (pgx_check_conninfo(bad[i].text, &err))
            fail_msg("%s: is taken", bad[i].text);
        if (!strstr(err.message, bad[i].why))
            fail_msg("%s: %s", bad[i].text, err.message);
        if (strstr(err.message, "geheim") || strstr(err.hint, "geheim") || strstr(err.message, "heim@"))
            fail_msg("%s is repeated: %s (%s)", bad[i].text, err.message, err.hint);
        assert_int_equal(err.code, TMV_ERR_USAGE);
        assert_true(err.hint[0]);
    }
}

/* A registry may hold strings from before they were checked. */
static void connects_to_nothing_that_it_would_refuse_to_store(void **state)
{
    const struct pgx_options options = {.conninfo = "postgresql://me:geheim/x@db1/app"};
    struct pgx_conn *conn = NULL;
    struct tmv_error err;

    (void)state;
    assert_false(pgx_connect(&options, &conn, &err));
    assert_null(conn);
    assert_int_equal(err.code, TMV_ERR_USAGE);
    assert_null(strstr(err.message, "geheim"));
}

static void knows_who_a_string_connects_as(void **state)
{
    static const struct {
        const char *text, *user;
        bool decided;
    } cases[] = {
        {"host=db1 dbname=app", "", false}, {"host=db1 user=''", "", false},
        {"host=db1 user=app", "app", true}, {"postgresql://app@db1/x", "app", true},
        {"service=shared", "", true},       {"not one", "", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char user[64];

        assert_int_equal(pgx_conninfo_user(cases[i].text, user), cases[i].decided);
        assert_string_equal(user, cases[i].user);
    }
}

#define REFUSED(state, words) "connection to server at \"db\" failed: FATAL:  " state ": " words "\n"

static void knows_which_refusal_tells_what_to_do(void **state)
{
    static const struct {
        const char *why, *sqlstate;
    } cases[] = {
        {"could not connect: Connection refused", ""},
        {REFUSED("28P01", "password authentication failed"), "28P01"},
        {REFUSED("28000", "no pg_hba.conf entry, SSL encryption"), "28000"},
        /* a wrong password, and then once more without encryption */
        {REFUSED("28P01", "password authentication failed") "LOCATION:  auth_failed, auth.c:326\n" REFUSED(
             "28000", "no pg_hba.conf entry, no encryption"),
         "28P01"},
        {REFUSED("28000", "no pg_hba.conf entry") REFUSED("28P01", "password authentication failed"),
         "28P01"},
        {REFUSED("28P01", "password authentication failed") REFUSED("57P03", "the server is starting up"),
         "57P03"},
        {REFUSED("57P03", "the server is starting up") REFUSED("28000", "no pg_hba.conf entry"), "28000"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO(buf) struct buf text = BUF_INIT(1000);
        char sqlstate[SQLSTATE_LENGTH + 1] = "";

        pgx_read_refusal(cases[i].why, &text, sqlstate);
        assert_string_equal(sqlstate, cases[i].sqlstate);
        assert_null(strstr(buf_text(&text), "LOCATION"));
        if (*sqlstate)
            assert_null(strstr(buf_text(&text), sqlstate));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_what_carries_no_secret),
        cmocka_unit_test(never_repeats_a_mistyped_password),
        cmocka_unit_test(connects_to_nothing_that_it_would_refuse_to_store),
        cmocka_unit_test(knows_who_a_string_connects_as),
        cmocka_unit_test(knows_which_refusal_tells_what_to_do),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
