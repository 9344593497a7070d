/* The real program without a terminal: what it prints, its exit code, its JSON document. */
#pragma once

#include <cjson/cJSON.h>

#define OUTPUT_MAX 200000

struct outcome {
    int code;
    char out[OUTPUT_MAX], err[OUTPUT_MAX];
};

/* XDG_CONFIG_HOME of the program. */
extern char program_home[300];

/* The name of a verb as words, which point into `copy`; how many. */
size_t name_words(const char *name, char copy[80], const char **words);
/* In a child process: becomes the program with these words, the last of which is NULL. It is ended after two
 * minutes: a test that gets there has failed. */
_Noreturn void become(const char *const *words);
/* Runs the program; the outcome is valid until the next run. */
struct outcome *run_words(const char *const *words);
#define run(...) run_words((const char *const[]){__VA_ARGS__, NULL})
/* The same on a disk that is full: nothing of what it prints is kept. */
struct outcome *run_on_full_disk(const char *const *words);
/* Fails with everything that was printed unless the exit code is this one. */
struct outcome *expect(int code, struct outcome *o);
void says(const char *text, const char *part);
/* The one JSON document of standard output, which has no key twice; the caller deletes it. */
cJSON *document(struct outcome *o);
/* A field of a field; of an array its first element. `second` may be NULL. */
const cJSON *at(const cJSON *root, const char *first, const char *second);
void has_text(const cJSON *root, const char *first, const char *second, const char *value);
