/* What became of a request, in words: the states are the server's (console.md §5). */
#pragma once

#include "view/model.h"

enum outcome_kind {
    OUTCOME_REQUESTED, /* the command stands in the control database and waits for the owner */
    OUTCOME_RUNNING,
    OUTCOME_DONE,
    OUTCOME_REFUSED,
    OUTCOME_FAILED,
    OUTCOME_UNKNOWN, /* the connection was lost while it was sent or followed; it is being looked up */
};
struct outcome {
    enum outcome_kind kind;
    enum tmv_operation operation;
    bool limits; /* of a change of limits; the operation means nothing */
    struct tmv_uuid migration;
    struct tmv_uuid command; /* nil when it never came to one */
    bool ended;              /* nothing more will come */
    char text[TMV_REASON_MAX + 400];
};

/* "cutover acme (command 8f3a): running: draining 28 events"; the picture says what it waits for. */
enum role outcome_words(const struct outcome *outcome, const struct model *model, char *text, size_t size);
