#include "console/messages.h"

#include <stdio.h>

#include "lib/text.h"

void messages_add(struct messages *messages, int64_t wall_us, enum role role, const char *text)
{
    struct message *message;

    if (messages->count == MESSAGES_MAX) {
        messages->first = (messages->first + 1) % MESSAGES_MAX;
        messages->count--;
    }
    message = &messages->kept[(messages->first + messages->count++) % MESSAGES_MAX];
    message->wall_us = wall_us;
    message->role = role;
    text_copy(message->text, sizeof message->text, text);
}

const struct message *messages_at(const struct messages *messages, int back)
{
    if (back < 0 || back >= messages->count)
        return NULL;
    return &messages->kept[(messages->first + messages->count - 1 - back) % MESSAGES_MAX];
}
