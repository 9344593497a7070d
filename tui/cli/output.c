#include "cli/output.h"

#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/help.h"
#include "lib/json.h"
#include "lib/text.h"
#include "widgets/width.h"

#define LABEL_COLUMNS 18
#define TEXT_MAX 2000

struct listing_cell {
    enum tone tone;
    int columns; /* on the screen */
    char *text;  /* owned */
};

static const char *const tone_codes[TONE_COUNT] = {
    [TONE_STRONG] = "1", [TONE_GOOD] = "32", [TONE_WARN] = "33", [TONE_BAD] = "1;31", [TONE_FAINT] = "2",
};

/* ---- tables ---- */

void listing_init(struct listing *listing, const struct listing_column *columns)
{
    *listing = (struct listing){.columns = columns};
    while (columns[listing->width].title)
        listing->width++;
}

void listing_release(struct listing *listing)
{
    for (size_t i = 0; i < listing->count; i++)
        free(listing->cells[i].text);
    free(listing->cells);
    *listing = (struct listing){0};
}

/* The program has nothing better to do than to end when there is no memory for one line of text. */
static void *must(void *memory)
{
    if (!memory) {
        fputs("tenantmv: out of memory\n", stderr);
        exit(1);
    }
    return memory;
}

void listing_cell(struct listing *listing, enum tone tone, const char *fmt, ...)
{
    char text[TEXT_MAX];
    va_list ap;

    if (listing->count == listing->capacity) {
        listing->capacity = listing->capacity ? listing->capacity * 2 : 64;
        listing->cells = must(realloc(listing->cells, listing->capacity * sizeof *listing->cells));
    }
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    text_sanitize(text);
    listing->cells[listing->count++] =
        (struct listing_cell){.tone = tone, .columns = text_width(text), .text = must(strdup(text))};
}

static void print_padded(const struct cli *cli, const struct listing_cell *cell, int width, bool right,
                         bool last)
{
    int pad = width - cell->columns;

    if (right)
        printf("%*s", pad, "");
    print_tone(cli, cell->tone, "%s", cell->text);
    if (!right && !last)
        printf("%*s", pad, "");
    fputs(last ? "\n" : "  ", stdout);
}

void listing_print(const struct cli *cli, const struct listing *listing)
{
    int widths[32] = {0};

    if (listing->count == 0 || listing->width == 0)
        return;
    for (size_t c = 0; c < listing->width; c++)
        widths[c] = text_width(listing->columns[c].title);
    for (size_t i = 0; i < listing->count; i++)
        if (listing->cells[i].columns > widths[i % listing->width])
            widths[i % listing->width] = listing->cells[i].columns;
    for (size_t c = 0; c < listing->width; c++) {
        char title[80];

        text_copy(title, sizeof title, listing->columns[c].title);
        const struct listing_cell head = {.tone = TONE_STRONG, .columns = text_width(title), .text = title};
        print_padded(cli, &head, widths[c], listing->columns[c].right, c + 1 == listing->width);
    }
    for (size_t i = 0; i < listing->count; i++) {
        size_t c = i % listing->width;

        print_padded(cli, &listing->cells[i], widths[c], listing->columns[c].right, c + 1 == listing->width);
    }
}

/* ---- lines ---- */

static void print_text(const struct cli *cli, enum tone tone, char *text)
{
    bool coloured = cli->color && tone_codes[tone] && *text;

    text_sanitize(text);
    if (coloured)
        printf("\033[%sm%s\033[0m", tone_codes[tone], text);
    else
        fputs(text, stdout);
}

void print_tone(const struct cli *cli, enum tone tone, const char *fmt, ...)
{
    char text[TEXT_MAX];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    print_text(cli, tone, text);
}

void print_line(const struct cli *cli, const char *label, enum tone tone, const char *fmt, ...)
{
    char text[TEXT_MAX];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (!*text)
        return;
    printf("%-*s", LABEL_COLUMNS, label);
    print_text(cli, tone, text);
    putchar('\n');
}

void print_paragraph(const struct cli *cli, int at, int indent, const char *text)
{
    char copy[TEXT_MAX];

    text_copy(copy, sizeof copy, text);
    text_sanitize(copy);
    help_wrap(stdout, copy, at > indent ? at : indent, indent, cli->wide ? INT_MAX : help_width());
}

/* ---- JSON ---- */

void json_known(cJSON *object, const char *name, int64_t value)
{
    if (value < 0)
        cJSON_AddNullToObject(object, name);
    else
        json_add_int64(object, name, value);
}

void json_id(cJSON *object, const char *name, const struct tmv_uuid *id)
{
    char text[TMV_UUID_TEXT];

    if (tmv_uuid_is_nil(id))
        cJSON_AddNullToObject(object, name);
    else
        cJSON_AddStringToObject(object, name, tmv_uuid_format(id, text));
}

void json_time(cJSON *object, const char *name, int64_t wall_us)
{
    time_t seconds = (time_t)(wall_us / 1000000);
    struct tm tm;
    char text[40];
    size_t n;

    if (wall_us <= 0 || !gmtime_r(&seconds, &tm)) {
        cJSON_AddNullToObject(object, name);
        return;
    }
    n = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text + n, sizeof text - n, ".%06dZ", (int)(wall_us % 1000000));
    cJSON_AddStringToObject(object, name, text);
}

void json_text(cJSON *object, const char *name, const char *text)
{
    if (text && *text)
        cJSON_AddStringToObject(object, name, text);
    else
        cJSON_AddNullToObject(object, name);
}
