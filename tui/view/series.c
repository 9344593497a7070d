#include "view/series.h"

#include <stdlib.h>
#include <string.h>

#define SECOND_US INT64_C(1000000)
#define TABLE 2048 /* places of the index, a power of two above 2 × SERIES_MAX */

/* One place of a ring; it holds what belongs to `number` and nothing else. */
struct slot {
    int64_t number; /* time / width + 1, 0: never used */
    int64_t lag_us; /* largest, -1 unknown */
    int64_t rate;
};
struct series {
    struct tmv_uuid migration;
    int64_t newest_us;
    struct slot slots[SERIES_SLOTS];
    struct slot seconds[SERIES_SECONDS];
};
struct series_set {
    struct series *items[SERIES_MAX]; /* owned */
    int count;
    int16_t index[TABLE]; /* by hash of the id: place in items + 1, 0 free */
};

struct series_set *series_new(void)
{
    return calloc(1, sizeof(struct series_set));
}

void series_free(struct series_set *set)
{
    for (int i = 0; set && i < set->count; i++)
        free(set->items[i]);
    free(set);
}

/* Ids are random already, but another program's may not be. */
static unsigned hash_of(const struct tmv_uuid *id)
{
    uint32_t hash = 2166136261U;

    for (size_t i = 0; i < sizeof id->bytes; i++)
        hash = (hash ^ id->bytes[i]) * 16777619U;
    return hash ^ hash >> 15;
}

/* The place in the index where this id stands or would stand. */
static unsigned place_of(const struct series_set *set, const struct tmv_uuid *id)
{
    unsigned at = hash_of(id) % TABLE;

    while (set->index[at] != 0 && !tmv_uuid_equal(&set->items[set->index[at] - 1]->migration, id))
        at = (at + 1) % TABLE;
    return at;
}

static const struct series *find(const struct series_set *set, const struct tmv_uuid *id)
{
    int item = set->index[place_of(set, id)];

    return item == 0 ? NULL : set->items[item - 1];
}

static void index_anew(struct series_set *set)
{
    memset(set->index, 0, sizeof set->index);
    for (int i = 0; i < set->count; i++)
        set->index[place_of(set, &set->items[i]->migration)] = (int16_t)(i + 1);
}

static struct series *oldest(struct series_set *set)
{
    struct series *found = set->items[0];

    for (int i = 1; i < set->count; i++)
        if (set->items[i]->newest_us < found->newest_us)
            found = set->items[i];
    return found;
}

/* The series of a migration, made when it has none; NULL without memory. */
static struct series *claim(struct series_set *set, const struct tmv_uuid *id)
{
    unsigned at = place_of(set, id);
    struct series *series;

    if (set->index[at] != 0)
        return set->items[set->index[at] - 1];
    if (set->count == SERIES_MAX) {
        series = oldest(set);
        memset(series, 0, sizeof *series);
        series->migration = *id;
        index_anew(set);
        return series;
    }
    series = calloc(1, sizeof *series);
    if (!series)
        return NULL;
    series->migration = *id;
    set->items[set->count++] = series;
    set->index[at] = (int16_t)set->count;
    return series;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static void put(struct slot *ring, int size, int64_t number, const struct tmv_sample *sample)
{
    struct slot *slot = &ring[number % size];

    if (slot->number > number)
        return; /* what stands there is newer */
    if (slot->number < number)
        *slot = (struct slot){number, -1, -1};
    slot->lag_us = larger(slot->lag_us, sample->lag_us);
    slot->rate = larger(slot->rate, sample->rate);
}

void series_add(struct series_set *set, const struct tmv_uuid *migration, const struct tmv_sample *sample)
{
    struct series *series = sample->at_us > 0 ? claim(set, migration) : NULL;
    int64_t at = sample->at_us;

    if (!series)
        return;
    if (series->newest_us - at > SERIES_SLOTS * SERIES_SLOT_US) {
        if (series->newest_us - at < 2 * SERIES_SLOTS * SERIES_SLOT_US)
            return;                        /* kept longer than we keep it */
        memset(series, 0, sizeof *series); /* the clock went back: what seems newer is from another time */
        series->migration = *migration;
    }
    series->newest_us = larger(series->newest_us, at);
    put(series->slots, SERIES_SLOTS, at / SERIES_SLOT_US + 1, sample);
    put(series->seconds, SERIES_SECONDS, at / SECOND_US + 1, sample);
}

/* The last minute by the second, oldest first, unknown where nothing was seen; what came before the first is
 * left out. */
static void fill_samples(const struct series *series, int64_t now_us, struct tmv_migration *m)
{
    m->sample_count = 0;
    for (int64_t n = now_us / SECOND_US + 1 - (SERIES_SECONDS - 1); n <= now_us / SECOND_US + 1; n++) {
        const struct slot *slot = &series->seconds[n % SERIES_SECONDS];
        bool known = slot->number == n;
        if (!known && m->sample_count == 0)
            continue;
        m->samples[m->sample_count++] = (struct tmv_sample){.at_us = (n - 1) * SECOND_US,
                                                            .rate = known ? slot->rate : -1,
                                                            .lag_us = known ? slot->lag_us : -1,
                                                            .lag_events = -1};
    }
}

void series_note(struct series_set *set, struct tmv_snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->migration_count; i++) {
        struct tmv_migration *m = &snapshot->migrations[i];
        const struct tmv_sample now = {.at_us = snapshot->taken_at_us, .rate = m->rate, .lag_us = m->lag_us};
        const struct series *series;
        if ((tmv_phase_is_terminal(m->phase) && !m->held) ||
            snapshot->taken_at_us <= SERIES_SECONDS * SECOND_US)
            continue;
        for (size_t k = 0; k < m->sample_count; k++)
            series_add(set, &m->id, &m->samples[k]);
        series_add(set, &m->id, &now);
        series = find(set, &m->id);
        if (series)
            fill_samples(series, snapshot->taken_at_us, m);
    }
}

bool series_read(const struct series_set *set, const struct tmv_uuid *migration, struct series_view *ret_view)
{
    const struct series *series = find(set, migration);
    int64_t last;

    memset(ret_view, 0, sizeof *ret_view);
    for (int i = 0; i < SERIES_SLOTS; i++)
        ret_view->lag_us[i] = ret_view->rate[i] = -1;
    if (!series)
        return false;
    ret_view->migration = *migration;
    ret_view->newest_us = series->newest_us;
    last = series->newest_us / SERIES_SLOT_US + 1;
    for (int i = 0; i < SERIES_SLOTS; i++) {
        int64_t number = last - (SERIES_SLOTS - 1) + i;
        const struct slot *slot = &series->slots[(number % SERIES_SLOTS + SERIES_SLOTS) % SERIES_SLOTS];
        if (number <= 0 || slot->number != number)
            continue;
        ret_view->lag_us[i] = slot->lag_us;
        ret_view->rate[i] = slot->rate;
    }
    return true;
}
