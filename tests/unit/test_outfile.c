/* Files that know why a write failed: the cause is the first one's, whatever happened to errno since. */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/outfile.h"

#define SHORT 10             /* bytes that wait in stdio's buffer until the end */
#define LONG (3 * 64 * 1024) /* bytes of which stdio has to write some at once */

static void fill(struct outfile *file, int bytes)
{
    for (int i = 0; i < bytes; i++)
        fputc('x', file->stream);
}

static void keeps_the_cause_of_a_full_disk(void **state)
{
    static const int sizes[] = {SHORT, LONG};

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct outfile file;

        assert_true(outfile_append(&file, "/dev/full"));
        fill(&file, sizes[i]);
        errno = EDOM; /* something else happens before the end */
        assert_int_equal(outfile_flush(&file), ENOSPC);
        errno = 0;
        assert_int_equal(outfile_flush(&file), ENOSPC);
        assert_int_equal(outfile_close(&file), ENOSPC);
        assert_null(file.stream);
        assert_int_equal(outfile_close(&file), 0);
    }
}

static void reports_what_only_the_end_writes(void **state)
{
    struct outfile file;

    (void)state;
    assert_true(outfile_append(&file, "/dev/full"));
    fill(&file, SHORT);
    assert_int_equal(outfile_close(&file), ENOSPC);
}

/* Some file systems say only at the end that what was taken has no room. */
static void reports_a_close_that_fails(void **state)
{
    struct outfile file;

    (void)state;
    assert_true(outfile_append(&file, "/dev/null"));
    close(file.fd);
    assert_int_equal(outfile_close(&file), EBADF);
}

static void makes_truncates_and_extends(void **state)
{
    char path[] = "/tmp/outfile-XXXXXX", text[20];
    int fd = mkstemp(path);
    struct outfile file;
    FILE *in;

    (void)state;
    assert_true(fd >= 0);
    close(fd);
    assert_false(outfile_create(&file, path, true));
    assert_int_equal(errno, EEXIST);
    assert_null(file.stream);
    assert_true(outfile_create(&file, path, false));
    fputs("one\n", file.stream);
    assert_int_equal(outfile_close(&file), 0);
    assert_true(outfile_append(&file, path));
    fputs("two\n", file.stream);
    assert_int_equal(outfile_close(&file), 0);
    in = fopen(path, "re");
    assert_non_null(in);
    assert_int_equal(fread(text, 1, sizeof text, in), 8);
    assert_memory_equal(text, "one\ntwo\n", 8);
    fclose(in);
    unlink(path);
    assert_false(outfile_create(&file, "/nowhere/at/all", false));
    assert_int_equal(errno, ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_the_cause_of_a_full_disk),
        cmocka_unit_test(reports_what_only_the_end_writes),
        cmocka_unit_test(reports_a_close_that_fails),
        cmocka_unit_test(makes_truncates_and_extends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
