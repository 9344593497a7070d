#include "support/program.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/json_keys.h"
#include "support/support.h"
#include "test.h"

#define PATIENCE_S 120

char program_home[300];

static void read_whole(const char *path, char text[OUTPUT_MAX])
{
    FILE *file = fopen(path, "r");

    assert_non_null(file);
    text[fread(text, 1, OUTPUT_MAX - 1, file)] = 0;
    fclose(file);
}

size_t name_words(const char *name, char copy[80], const char **words)
{
    size_t count = 0;

    snprintf(copy, 80, "%s", name);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
        words[count++] = word;
    return count;
}

/* In the child: the program with these words, the last of which is NULL. */
_Noreturn void become(const char *const *words)
{
    const char *argv[40] = {"tenantmv"};

    for (size_t i = 0; words[i] && i < 38; i++)
        argv[i + 1] = words[i];
    setenv("XDG_CONFIG_HOME", program_home, 1);
    alarm(PATIENCE_S);
    execv(getenv("TENANTMV_PROGRAM"), (char *const *)(uintptr_t)argv);
    _exit(127);
}

/* Runs the program without a terminal, its output into the file `out`. */
static struct outcome *run_to(const char *out, const char *const *words)
{
    static struct outcome o;
    char err[400];
    int status = 0;

    snprintf(err, sizeof err, "%s/err", support_temporary_dir());
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (freopen("/dev/null", "r", stdin) && freopen(out, "w", stdout) && freopen(err, "w", stderr))
            become(words);
        _exit(127);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    read_whole(err, o.err);
    if (!WIFEXITED(status))
        fail_msg("signal %d: %s", WTERMSIG(status), o.err);
    o.code = WEXITSTATUS(status);
    o.out[0] = 0;
    return &o;
}

struct outcome *run_words(const char *const *words)
{
    char out[400];

    snprintf(out, sizeof out, "%s/out", support_temporary_dir());
    struct outcome *o = run_to(out, words);
    read_whole(out, o->out);
    return o;
}

struct outcome *run_on_full_disk(const char *const *words)
{
    return run_to("/dev/full", words);
}

/* Fails with everything that was printed unless the exit code is this one. */
struct outcome *expect(int code, struct outcome *o)
{
    if (o->code != code)
        fail_msg("exit code %d instead of %d\nstdout: %s\nstderr: %s", o->code, code, o->out, o->err);
    return o;
}

void says(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" does not say \"%s\"", text, part);
}

/* The one JSON document of standard output; the caller deletes it. */
cJSON *document(struct outcome *o)
{
    cJSON *root = cJSON_ParseWithOpts(o->out, NULL, 1);

    if (!root)
        fail_msg("not one JSON document: %s", o->out);
    has_no_key_twice(root);
    return root;
}

const cJSON *at(const cJSON *root, const char *first, const char *second)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(root, first);

    if (cJSON_IsArray(item))
        item = cJSON_GetArrayItem(item, 0);
    return second ? cJSON_GetObjectItemCaseSensitive(item, second) : item;
}

void has_text(const cJSON *root, const char *first, const char *second, const char *value)
{
    const cJSON *item = at(root, first, second);

    if (!cJSON_IsString(item) || strcmp(item->valuestring, value) != 0) {
        char *text = cJSON_Print(root);
        fail_msg("%s.%s is not \"%s\" in %s", first, second, value, text);
    }
}
