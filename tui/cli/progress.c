#include "cli/progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/text.h"

#define BAR_COLUMNS 24
#define LINE_EVERY_US INT64_C(5000000)

void progress_begin(struct progress *progress, const struct cli *cli)
{
    const char *term = getenv("TERM");

    *progress = (struct progress){.cli = cli};
    progress->bar = !cli->json && cli->terminal && term && *term && strcmp(term, "dumb") != 0;
}

static int terminal_columns(void)
{
    struct winsize size;

    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : 80;
}

static void draw_bar(struct progress *progress, int percent, const char *stage, const char *text)
{
    char bar[BAR_COLUMNS + 1];
    char line[500];
    int full = percent < 0 ? 0 : percent * BAR_COLUMNS / 100;
    int columns = terminal_columns() - 1;

    memset(bar, '.', BAR_COLUMNS);
    memset(bar, '#', (size_t)full);
    bar[BAR_COLUMNS] = 0;
    if (percent < 0)
        snprintf(line, sizeof line, "%s  %s", stage, text);
    else
        snprintf(line, sizeof line, "[%s] %3d%%  %s  %s", bar, percent, stage, text);
    /* Bytes, not columns: a line that is cut too early is better than one that wraps. */
    fprintf(stderr, "\r\033[K%.*s", columns, text_sanitize(line));
    fflush(stderr);
    progress->drawn = true;
}

void progress_show(struct progress *progress, int percent, const char *stage, const char *fmt, ...)
{
    int64_t now = clock_now_us();
    char text[400];
    va_list ap;

    if (progress->cli->json)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (progress->bar) {
        draw_bar(progress, percent > 100 ? 100 : percent, stage, text);
        return;
    }
    if (strcmp(stage, progress->stage) == 0 && now - progress->printed_at_us < LINE_EVERY_US)
        return;
    text_copy(progress->stage, sizeof progress->stage, stage);
    progress->printed_at_us = now;
    if (percent < 0)
        cli_note(progress->cli, "%s  %s", stage, text);
    else
        cli_note(progress->cli, "%s %d%%  %s", stage, percent, text);
}

void progress_end(struct progress *progress)
{
    if (progress->drawn)
        fputs("\r\033[K", stderr);
    progress->drawn = false;
}
