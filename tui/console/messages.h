/* What the console said, kept for Ctrl-G. */
#pragma once

#include <stdint.h>

#include "widgets/role.h"

#define MESSAGES_MAX 200
#define MESSAGE_MAX 460

struct message {
    int64_t wall_us;
    enum role role;
    char text[MESSAGE_MAX];
};
/* A ring; the oldest leave. */
struct messages {
    struct message kept[MESSAGES_MAX];
    int first, count;
};
void messages_add(struct messages *messages, int64_t wall_us, enum role role, const char *text);
/* 0 is the newest; NULL behind the oldest. */
const struct message *messages_at(const struct messages *messages, int back);
