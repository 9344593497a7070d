#include "move/tail/horizon.h"

#include <string.h>

#include "lib/text.h"

#define GONE UINT16_MAX

void horizon_init(struct horizon *h, int64_t patience_us)
{
    h->patience_us = patience_us;
    h->highest = INT64_MIN;
    horizon_reset(h);
}

void horizon_reset(struct horizon *h)
{
    h->holder_count = 0;
    h->pair_count = 0;
}

bool horizon_accepts(struct horizon *h, int64_t value)
{
    if (value < h->highest)
        return false;
    h->highest = value;
    return true;
}

static bool names_contain(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static int find_holder(const struct horizon *h, const char *name)
{
    for (size_t i = 0; i < h->holder_count; i++)
        if (strcmp(h->holders[i].name, name) == 0)
            return (int)i;
    return -1;
}

/* Transactions that released the lock leave every pair. Indices are renumbered. */
static void forget_departed(struct horizon *h, const char *const *names, size_t count)
{
    uint16_t moved_to[HORIZON_HOLDERS_MAX] = {0};
    size_t kept = 0;

    for (size_t i = 0; i < h->holder_count; i++) {
        bool stays = names_contain(names, count, h->holders[i].name);

        moved_to[i] = stays ? (uint16_t)kept : GONE;
        if (stays)
            h->holders[kept++] = h->holders[i];
    }
    h->holder_count = kept;
    for (size_t p = 0; p < h->pair_count; p++) {
        struct horizon_pair *pair = &h->pairs[p];
        size_t left = 0;

        for (size_t i = 0; i < pair->count; i++)
            if (moved_to[pair->holders[i]] != GONE)
                pair->holders[left++] = moved_to[pair->holders[i]];
        pair->count = left;
    }
}

/* A prepared transaction may appear under a new name while its old one disappears (older servers rename it at
 * PREPARE, every server at a restart). So an unknown "-1/…" counts as a member of every pair that is still
 * pending. */
static void add_to_all_pairs(struct horizon *h, uint16_t holder)
{
    for (size_t p = 0; p < h->pair_count; p++)
        if (h->pairs[p].count < HORIZON_HOLDERS_MAX)
            h->pairs[p].holders[h->pairs[p].count++] = holder;
}

static bool pair_is_within(const struct horizon_pair *small, const struct horizon_pair *big)
{
    for (size_t i = 0; i < small->count; i++) {
        bool found = false;

        for (size_t j = 0; j < big->count && !found; j++)
            found = big->holders[j] == small->holders[i];
        if (!found)
            return false;
    }
    return true;
}

/* A pair that cannot become final before a later one is of no use. With nothing to drop, the oldest pending
 * pair but one gives way: that only delays. */
static void make_room(struct horizon *h)
{
    size_t kept = 0;

    for (size_t p = 0; p < h->pair_count; p++) {
        bool useless = p + 1 < h->pair_count && pair_is_within(&h->pairs[p + 1], &h->pairs[p]);

        if (!useless) {
            if (kept != p)
                h->pairs[kept] = h->pairs[p];
            kept++;
        }
    }
    h->pair_count = kept;
    if (h->pair_count == HORIZON_PAIRS_MAX) {
        memmove(&h->pairs[1], &h->pairs[2], (HORIZON_PAIRS_MAX - 2) * sizeof h->pairs[0]);
        h->pair_count--;
    }
}

bool horizon_observe(struct horizon *h, int64_t now_us, int64_t value, const char *const *names, size_t count)
{
    if (count > HORIZON_HOLDERS_MAX)
        return false;
    forget_departed(h, names, count);
    for (size_t i = 0; i < count; i++) {
        if (find_holder(h, names[i]) >= 0)
            continue;
        struct horizon_holder *holder = &h->holders[h->holder_count];
        text_copy(holder->name, sizeof holder->name, names[i]);
        holder->name[sizeof holder->name - 1] = '\0';
        holder->seen_us = now_us;
        if (strncmp(names[i], "-1/", 3) == 0)
            add_to_all_pairs(h, (uint16_t)h->holder_count);
        h->holder_count++;
    }
    make_room(h);
    struct horizon_pair *pair = &h->pairs[h->pair_count++];
    pair->value = value;
    pair->taken_us = now_us;
    pair->count = h->holder_count;
    for (size_t i = 0; i < h->holder_count; i++)
        pair->holders[i] = (uint16_t)i;
    return true;
}

static bool only_patient_ones(const struct horizon *h, const struct horizon_pair *pair, int64_t now_us)
{
    for (size_t i = 0; i < pair->count; i++)
        if (now_us - h->holders[pair->holders[i]].seen_us < h->patience_us)
            return false;
    return true;
}

struct horizon_answer horizon_advance(struct horizon *h, int64_t now_us)
{
    struct horizon_answer answer = {.final_position = -1, .soft_position = -1};
    size_t drop = 0;

    for (size_t p = 0; p < h->pair_count; p++) {
        const struct horizon_pair *pair = &h->pairs[p];

        if (pair->count == 0) {
            answer.final_position = pair->value;
            answer.final_taken_us = pair->taken_us;
            drop = p + 1;
        }
        if (only_patient_ones(h, pair, now_us)) {
            answer.soft_position = pair->value;
            answer.soft_taken_us = pair->taken_us;
        }
    }
    for (size_t i = 0; i < h->holder_count; i++)
        if (now_us - h->holders[i].seen_us > answer.oldest_holder_us)
            answer.oldest_holder_us = now_us - h->holders[i].seen_us;
    memmove(h->pairs, h->pairs + drop, (h->pair_count - drop) * sizeof h->pairs[0]);
    h->pair_count -= drop;
    return answer;
}
