#include "demo/figures.h"

/* Values below 64 have a bucket each; above, every doubling is cut into 64. */
static int bucket_of(int64_t value)
{
    int shift;

    if (value < 64)
        return (int)value;
    shift = 57 - __builtin_clzll((uint64_t)value);
    return shift * 64 + (int)(value >> shift);
}

static int64_t top_of(int bucket)
{
    int shift = bucket / 64 - 1;

    if (shift < 1)
        return bucket;
    return (int64_t)(((uint64_t)(bucket - shift * 64 + 1) << shift) - 1);
}

void figures_add(struct figures *f, int64_t value)
{
    if (value < 0)
        value = 0;
    f->count++;
    if (value > f->max)
        f->max = value;
    f->buckets[bucket_of(value)]++;
}

int64_t figures_percentile(const struct figures *f, double percent)
{
    double share = (double)f->count * percent / 100;
    int64_t wanted = (int64_t)share, seen = 0;

    if ((double)wanted < share)
        wanted++;
    for (int i = 0; i < FIGURES_BUCKETS; i++) {
        seen += f->buckets[i];
        if (seen >= wanted && seen > 0)
            return top_of(i) < f->max ? top_of(i) : f->max;
    }
    return f->max;
}
