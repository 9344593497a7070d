/* Connection strings in the wrong place, or mistyped: no verb repeats the password of one. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "support/program.h"
#include "support/support.h"

#define TENANT "5d0c5a1e-6a52-4c0b-9f6a-0f4f6f1f2a3b"
#define MISTYPED "host=db1 pasword=Geheim7"

static void hides(const struct outcome *o)
{
    if (strstr(o->out, "Geheim7") || strstr(o->err, "Geheim7"))
        fail_msg("a password is shown: %s%s", o->out, o->err);
}

/* Those that would run until they are ended get no further than their arguments. */
static bool runs_on(const struct command *command)
{
    static const char *const names[] = {"console", "watch", "worker", "demo"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(command->name, names[i]) == 0)
            return true;
    return false;
}

/* A call with one of its options, or with a last operand more. */
static void try_word(const struct command *command, const char *option, size_t operands, const char *secret,
                     bool json)
{
    const char *words[20] = {NULL};
    char copy[80], name[80];
    size_t n = name_words(command->name, copy, words);

    for (size_t i = 0; i + 1 < operands; i++)
        words[n++] = command->operands[i].choices ? command->operands[i].choices[0] : "beef";
    if (operands)
        words[n++] = secret;
    snprintf(name, sizeof name, "--%s", option ? option : "");
    if (option) {
        words[n++] = name;
        words[n++] = secret;
    }
    if (runs_on(command))
        words[n++] = "--no-such-option";
    if (json)
        words[n++] = "--json";
    hides(run_words(words));
}

static void try_options(const struct command *command, const struct option_spec *spec, const char *secret,
                        bool json)
{
    for (; spec && spec->name; spec++)
        try_word(command, spec->name, 0, secret, json);
}

/* A connection string with a mistyped name of an option, or in a place of another argument, is no reason to
 * print its password into a terminal's history or a log of CI. */
static void repeats_no_password_whatever_the_argument(void **state)
{
    static const char *const secrets[] = {MISTYPED, "postgres//amy:Geheim7@db1/x"};

    (void)state;
    snprintf(program_home, sizeof program_home, "%s", support_temporary_dir());
    setenv("TENANTMV_CONTROL", "host=/nowhere dbname=x", 1);
    for (size_t s = 0; s < 2; s++) {
        hides(expect(2, run(secrets[s])));
        hides(expect(2, run("store", secrets[s])));
        hides(expect(2, run("help", secrets[s])));
        for (const struct command *const *c = commands; *c; c++) {
            size_t operands = 0;

            while ((*c)->operands && (*c)->operands[operands].name)
                try_word(*c, NULL, ++operands, secrets[s], s > 0);
            try_options(*c, (*c)->options, secrets[s], s > 0);
        }
        try_options(commands[0], common_options, secrets[s], s > 0);
    }
    hides(expect(2, run("help", "password", "=", "Geheim7")));
    hides(expect(2, run("store", "add", "x", "host=db1", "password", "Geheim7")));
}

/* The same of what gets as far as the database. */
static void repeats_none_that_the_database_does_not_know(void **state)
{
    char control[CLUSTER_CONNINFO_MAX];
    struct tmv_store_info store;

    (void)state;
    support_database(support_cluster("cli", NULL), control);
    support_store(support_cluster("cli", NULL), "shared", false, &store);
    setenv("TENANTMV_CONTROL", control, 1);
    expect(0, run("init"));
    expect(0, run("store", "add", "shared", store.conninfo));
    expect(0, run("routing", TENANT, "--register", "shared"));
    hides(expect(3, run("store", "check", MISTYPED)));
    hides(expect(3, run("store", "remove", MISTYPED)));
    hides(expect(3, run("routing", "5d0cffff-6a52-4c0b-9f6a-0f4f6f1f2a3b", "--register", MISTYPED)));
    hides(expect(3, run("start", TENANT, "--to", MISTYPED, "--no-preflight")));
    hides(expect(3, run("status", MISTYPED)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(repeats_no_password_whatever_the_argument),
        cmocka_unit_test(repeats_none_that_the_database_does_not_know),
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}
