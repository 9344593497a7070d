/* Operands that are missing or unusual, tried with every verb that has some. No database is needed for that.
 */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"
#include "support/program.h"
#include "support/support.h"

static int setup(void **state)
{
    (void)state;
    snprintf(program_home, sizeof program_home, "%s", support_temporary_dir());
    setenv("TENANTMV_CONTROL", "host=/nowhere dbname=x", 1);
    return 0;
}

/* A file of that name goes before the built-in theme. */
static void break_the_default_theme(void)
{
    char folder[400], path[440];

    snprintf(folder, sizeof folder, "%s/tenantmv", program_home);
    assert_true(mkdir(folder, 0700) == 0 || errno == EEXIST);
    snprintf(path, sizeof path, "%s/themes", folder);
    assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
    snprintf(path, sizeof path, "%s/themes/default-dark.theme", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("[theme]\nname = default-dark\n[roles]\nno.such.role = red\n", file);
    assert_int_equal(fclose(file), 0);
}

/* With only the first operands of those it has; run_words fails when a signal ends the program. */
static void answers_without_an_operand_that_it_could_have(void **state)
{
    (void)state;
    break_the_default_theme();
    for (const struct command *const *c = commands; *c; c++) {
        for (size_t given = 0; (*c)->operands && (*c)->operands[given].name; given++) {
            const struct operand_spec *missing = &(*c)->operands[given];
            const char *words[12] = {NULL};
            char copy[80];
            size_t n = name_words((*c)->name, copy, words);

            for (size_t i = 0; i < given; i++)
                words[n++] = (*c)->operands[i].choices ? (*c)->operands[i].choices[0] : "acme";
            struct outcome *o = run_words(words);
            if (!missing->optional && (o->code != 2 || !strstr(o->err, "is missing")))
                fail_msg("%s without %s: exit code %d, stderr: %s", (*c)->name, missing->name, o->code,
                         o->err);
        }
    }
    says(expect(0, run("theme", "preview"))->err, "\"default-dark\": ");
    says(expect(2, run("export", "bundle"))->err, "a bundle is of one migration");
}

/* These characters are usual in names of files. */
static void shows_a_path_whatever_its_characters(void **state)
{
    static const char path[] = "/nowhere/run=7/amy@db1 at 12:30";

    (void)state;
    says(expect(2, run("list", "--config", path))->err, path);
    says(expect(0, run("theme", "preview", path))->err, path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(answers_without_an_operand_that_it_could_have, setup),
        cmocka_unit_test_setup(shows_a_path_whatever_its_characters, setup),
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}
