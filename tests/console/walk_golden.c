#include "walk_golden.h"

#include <stdio.h>
#include <string.h>

#define LINES_MAX 200

struct line {
    const char *text; /* not terminated */
    size_t length;
    bool open; /* a golden's line of dots stands before it */
};

struct page {
    struct line lines[LINES_MAX];
    size_t count;
    bool open; /* a line of dots stands at the end */
};

static void split(const char *text, struct page *page)
{
    bool open = false;

    page->count = 0;
    while (*text != '\0' && page->count < LINES_MAX) {
        size_t n = strcspn(text, "\n");

        if (n == strlen("…") && memcmp(text, "…", n) == 0) {
            open = true;
        } else {
            page->lines[page->count++] = (struct line){text, n, open};
            open = false;
        }
        text += n + (text[n] == '\n');
    }
    page->open = open;
}

static bool equal(const struct line *a, const struct line *b)
{
    return a->length == b->length && memcmp(a->text, b->text, a->length) == 0;
}

/* Lines of the golden that follow each other without dots. */
static size_t run_length(const struct page *golden, size_t from)
{
    size_t n = 1;

    while (from + n < golden->count && !golden->lines[from + n].open)
        n++;
    return n;
}

static bool stands_at(const struct page *golden, size_t from, size_t n, const struct page *page, size_t at)
{
    if (at + n > page->count)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!equal(&golden->lines[from + i], &page->lines[at + i]))
            return false;
    return true;
}

/* The first place for a run; the last run of a golden that does not end in dots stands at the page's end. */
static bool find(const struct page *golden, size_t from, size_t n, const struct page *page, size_t *at)
{
    bool last = from + n == golden->count && !golden->open;
    size_t first = *at;
    size_t end = golden->lines[from].open ? page->count : first;

    if (last && n <= page->count && (golden->lines[from].open || page->count - n == first))
        first = end = page->count - n;
    for (*at = first; *at <= end; ++*at)
        if (stands_at(golden, from, n, page, *at))
            return !last || *at + n == page->count;
    return false;
}

bool walk_golden_matches(const char *text, const char *masked, const char **ret_missing)
{
    static struct page golden, page;
    size_t at = 0;

    split(text, &golden);
    split(masked, &page);
    for (size_t from = 0, n; from < golden.count; from += n, at += n) {
        n = run_length(&golden, from);
        *ret_missing = golden.lines[from].text;
        if (!find(&golden, from, n, &page, &at))
            return false;
    }
    return golden.open || at == page.count;
}

/* Longest common lines from here on. */
static int common[LINES_MAX + 1][LINES_MAX + 1];

static void fill_common(const struct page *a, const struct page *b)
{
    memset(common, 0, sizeof common);
    for (size_t i = a->count; i-- > 0;)
        for (size_t k = b->count; k-- > 0;)
            common[i][k] = equal(&a->lines[i], &b->lines[k])     ? common[i + 1][k + 1] + 1
                           : common[i + 1][k] > common[i][k + 1] ? common[i + 1][k]
                                                                 : common[i][k + 1];
}

void walk_golden_merge(const char *text, const char *masked, char *merged, size_t size)
{
    static struct page golden, page;
    size_t used = 0, i = 0, k = 0;
    bool open = false;

    if (text[0] == '\0') {
        snprintf(merged, size, "%s", masked);
        return;
    }
    split(text, &golden);
    split(masked, &page);
    fill_common(&golden, &page);
    merged[0] = '\0';
    while (i < golden.count && k < page.count && used < size) {
        if (equal(&golden.lines[i], &page.lines[k])) {
            used += (size_t)snprintf(merged + used, size - used, "%s%.*s\n",
                                     open || golden.lines[i].open ? "…\n" : "", (int)golden.lines[i].length,
                                     golden.lines[i].text);
            open = false;
            i++, k++;
            continue;
        }
        open = true;
        if (common[i + 1][k] >= common[i][k + 1])
            i++;
        else
            k++;
    }
    if ((open || i < golden.count || k < page.count || golden.open) && used < size)
        snprintf(merged + used, size - used, "…\n");
}
