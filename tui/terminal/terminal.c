#include "lib/cleanup.h"
#include "lib/utf8.h"
#include "terminal/terminal.h"
#include "lib/text.h"

#include <curses.h>
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

struct terminal {
    SCREEN *screen;
    struct terminal_options options;
    enum theme_tier tier;
    bool default_colors; /* the terminal can show its own colours (-1) */
    int64_t drawn_us;    /* when something was written last */
    bool everything;     /* the next drawing starts from nothing */
    struct canvas shown; /* what the screen shows; no cells: nothing yet */
    struct keys keys;
    unsigned char input[256]; /* bytes that were read and not yet taken */
    int input_at, input_end;
    int real_stderr; /* the true stderr while the screen is up; -1: was left alone */
    int held_stderr; /* memory file that collects it meanwhile */
};

/* For the crash handler alone: it must work when everything else is broken. */
static struct termios saved_modes;
static volatile sig_atomic_t modes_saved;
static volatile sig_atomic_t crash_stderr = -1, crash_held = -1; /* real_stderr and held_stderr */
static const int crash_signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

static void write_bytes(int fd, const char *bytes, size_t left)
{
    while (left > 0) {
        ssize_t n = write(fd, bytes, left);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        bytes += n;
        left -= (size_t)n;
    }
}

static void write_all(int fd, const char *text)
{
    write_bytes(fd, text, strlen(text));
}

/* What was held back from stderr, a failed assertion among it. */
static void write_held(int from, int to)
{
    char bytes[512];
    off_t at = 0;
    ssize_t n;

    while (from >= 0 && to >= 0 && (n = pread(from, bytes, sizeof bytes, at)) > 0) {
        write_bytes(to, bytes, (size_t)n);
        at += n;
    }
}

/* Leaves the alternate screen, shows the cursor, ends bracketed paste; fixed bytes, no curses. The handler
 * was installed for one shot, so that returning runs into the same fault again, with its usual end. */
static void on_crash(int number)
{
    write_all(STDOUT_FILENO, "\033[?2026l\033[?2004l\033[?1049l\033[?25h\033[0m\r\n");
    if (modes_saved)
        tcsetattr(STDIN_FILENO, TCSANOW, &saved_modes);
    write_held(crash_held, crash_stderr);
    raise(number);
}

static void handle_crashes(bool on)
{
    struct sigaction action = {.sa_handler = on ? on_crash : SIG_DFL, .sa_flags = SA_RESETHAND};

    for (size_t i = 0; i < sizeof crash_signals / sizeof *crash_signals; i++)
        sigaction(crash_signals[i], &action, NULL);
}

void terminal_fill_standard_fds(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", O_RDWR) != fd)
            return; /* the lowest free descriptor is always the one that is missing */
}

/* UTF-8 from the environment; else C.UTF-8 when the environment asks for a UTF-8 that is not installed or for
 * nothing at all; else ASCII. Only LC_CTYPE: numbers stay as they are. */
static bool choose_utf8(void)
{
    const char *codeset, *wanted = getenv("LC_ALL");

    if (!wanted || wanted[0] == '\0')
        wanted = getenv("LC_CTYPE");
    if (!wanted || wanted[0] == '\0')
        wanted = getenv("LANG");
    codeset = wanted ? strchr(wanted, '.') : NULL;
    if (codeset && !fold_starts(codeset, ".utf"))
        return setlocale(LC_CTYPE, "") && strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    if (!setlocale(LC_CTYPE, "") || !wanted || wanted[0] == '\0')
        setlocale(LC_CTYPE, "C.UTF-8");
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

/* A TERM that this machine does not know (a new emulator, seen over SSH) gets one that nearly fits. */
static SCREEN *new_screen(char *why, size_t why_size)
{
    static const char *const fallbacks[] = {"xterm-256color", "xterm", "vt100", "ansi"};
    const char *name = getenv("TERM");
    SCREEN *screen;

    if (!name || name[0] == '\0' || strcmp(name, "dumb") == 0) {
        snprintf(why, why_size, "TERM is %s", name && name[0] != '\0' ? name : "not set");
        return NULL;
    }
    screen = newterm(name, stdout, stdin);
    for (size_t i = 0; !screen && i < sizeof fallbacks / sizeof *fallbacks; i++) {
        screen = newterm(fallbacks[i], stdout, stdin);
        if (screen)
            snprintf(why, why_size, "terminal %.40s is not known here; taken for %s", name, fallbacks[i]);
    }
    if (!screen)
        snprintf(why, why_size, "terminal %.40s is not known here", name);
    return screen;
}

static void choose_colors(struct terminal *t)
{
    t->tier = THEME_MONO;
    if (t->options.no_color || !has_colors() || start_color() == ERR)
        return;
    t->default_colors = use_default_colors() != ERR;
    t->tier = COLORS >= 256 ? THEME_256 : THEME_16;
}

/* While the screen is up, stderr goes to memory and is written out afterwards: a server's notice or a
 * library's message must not tear the picture. A redirected stderr is left alone. */
static void hold_stderr(struct terminal *t)
{
    t->real_stderr = t->held_stderr = -1;
    if (!isatty(STDERR_FILENO))
        return;
    t->held_stderr = memfd_create("stderr", MFD_CLOEXEC);
    t->real_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    if (t->held_stderr >= 0 && t->real_stderr >= 0)
        dup2(t->held_stderr, STDERR_FILENO);
    crash_held = t->held_stderr;
    crash_stderr = t->real_stderr;
}

static void release_stderr(struct terminal *t, bool gone)
{
    char buffer[4096];
    off_t size;
    ssize_t n;

    crash_stderr = crash_held = -1;
    if (t->real_stderr >= 0) {
        fflush(stderr);
        dup2(t->real_stderr, STDERR_FILENO);
        close(t->real_stderr);
    }
    if (t->held_stderr < 0)
        return;
    size = lseek(t->held_stderr, 0, SEEK_END);
    lseek(t->held_stderr, size > 65536 ? size - 65536 : 0, SEEK_SET);
    while (!gone && (n = read(t->held_stderr, buffer, sizeof buffer - 1)) > 0) {
        buffer[n] = '\0';
        write_all(STDERR_FILENO, buffer);
    }
    close(t->held_stderr);
}

static bool can_address_cursor(void)
{
    const char *cup = tigetstr("cup");

    return cup && cup != (char *)-1;
}

/* Pastes are marked; the mouse and the focus, which a program that died may have left on, are not reported.
 */
static const char terminal_modes[] = "\033[?9;1000;1001;1002;1003;1004;1005;1006;1015;1016l\033[?2004h";

/* raw(): Ctrl-S and Ctrl-Z are keys; in cbreak mode Ctrl-S stops all output. No keypad mode: keys.c decodes
 * the bytes, so that split sequences, replies and pastes are handled in one place. */
static void enter(struct terminal *t)
{
    raw();
    noecho();
    nonl();
    keypad(stdscr, FALSE);
    nodelay(stdscr, TRUE);
    scrollok(stdscr, FALSE);
    curs_set(0);
    t->everything = true;
}

struct terminal *terminal_open(const struct terminal_options *options, char *why, size_t why_size)
{
    struct terminal *t;
    bool ssh = getenv("SSH_CONNECTION") || getenv("SSH_TTY");

    why[0] = '\0';
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
        snprintf(why, why_size, "not a terminal");
        return NULL;
    }
    t = calloc(1, sizeof *t);
    if (!t) {
        snprintf(why, why_size, "no memory");
        return NULL;
    }
    t->options = *options;
    if (!choose_utf8())
        t->options.ascii = true;
    modes_saved = tcgetattr(STDIN_FILENO, &saved_modes) == 0;
    unsetenv("LINES"); /* with these exported, a resize would do nothing */
    unsetenv("COLUMNS");
    t->screen = new_screen(why, why_size);
    if (t->screen && !can_address_cursor()) {
        endwin();
        delscreen(t->screen);
        t->screen = NULL;
        snprintf(why, why_size, "the terminal cannot place its cursor");
    }
    if (!t->screen) {
        free(t);
        return NULL;
    }
    handle_crashes(true);
    hold_stderr(t);
    choose_colors(t);
    enter(t);
    keys_init(&t->keys, ssh ? KEYS_ESCAPE_SSH_US : KEYS_ESCAPE_US);
    write_all(STDOUT_FILENO, terminal_modes);
    return t;
}

void terminal_close(struct terminal *t, bool gone)
{
    if (!t)
        return;
    if (!gone) {
        write_all(STDOUT_FILENO, "\033[?2004l");
        endwin();
        if (modes_saved)
            tcsetattr(STDIN_FILENO, TCSANOW, &saved_modes);
        delscreen(t->screen);
    } /* else curses would write to a terminal that is not there; its memory goes with the process */
    handle_crashes(false);
    release_stderr(t, gone);
    canvas_release(&t->shown);
    free(t);
}

int terminal_fd(const struct terminal *t)
{
    (void)t;
    return STDIN_FILENO;
}

void terminal_size(const struct terminal *t, int *ret_cols, int *ret_rows)
{
    (void)t;
    *ret_cols = COLS < 1 ? 1 : COLS;
    *ret_rows = LINES < 1 ? 1 : LINES;
}

bool terminal_has_input(const struct terminal *t)
{
    int bytes = 0;

    if (t->input_at < t->input_end)
        return true;
    return ioctl(STDIN_FILENO, FIONREAD, &bytes) == 0 && bytes > 0;
}

/* The kernel is asked: curses looks for a new size only when it reads the keys. */
static bool size_changed(void)
{
    struct winsize size;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0)
        return false;
    if (!is_term_resized(size.ws_row, size.ws_col))
        return false;
    resizeterm(size.ws_row, size.ws_col);
    return true;
}

/* Read here and not by curses, whose getch first writes what changed on the screen: that can hang for as long
 * as the terminal does not read, and no drawing would be to blame. -1: none is there. */
static int next_byte(struct terminal *t)
{
    ssize_t n;

    if (t->input_at < t->input_end)
        return t->input[t->input_at++];
    if (!terminal_has_input(t))
        return -1;
    n = read(STDIN_FILENO, t->input, sizeof t->input);
    t->input_at = 0;
    t->input_end = n > 0 ? (int)n : 0;
    return n > 0 ? t->input[t->input_at++] : -1;
}

bool terminal_read(struct terminal *t, int64_t now_us, struct input *ret_input)
{
    int byte;

    memset(ret_input, 0, sizeof *ret_input);
    if (size_changed()) {
        t->everything = true;
        ret_input->kind = INPUT_RESIZE;
        return true;
    }
    while ((byte = next_byte(t)) >= 0)
        if (keys_feed(&t->keys, (unsigned char)byte, now_us, ret_input))
            return true;
    return keys_expire(&t->keys, now_us, ret_input);
}

int64_t terminal_deadline_us(const struct terminal *t)
{
    return keys_deadline_us(&t->keys);
}

static attr_t attributes(struct style style)
{
    attr_t attrs = A_NORMAL;

    if (style.attrs & STYLE_BOLD)
        attrs |= A_BOLD;
    if (style.attrs & STYLE_DIM)
        attrs |= A_DIM;
    if (style.attrs & STYLE_UNDERLINE)
        attrs |= A_UNDERLINE;
    if (style.attrs & STYLE_REVERSE)
        attrs |= A_REVERSE;
    return attrs;
}

static void set_style(const struct terminal *t, struct style style)
{
    attr_t attrs = attributes(style);
    int pair = 0, fg = style.fg, bg = style.bg;

    if (t->tier == THEME_16 && COLORS < 16) { /* eight colours: bright is bold, and grey is plain text */
        if (fg == 8)
            fg = -1;
        if (fg > 8) {
            fg -= 8;
            attrs |= A_BOLD;
        }
        bg = bg > 7 ? bg - 8 : bg;
    }
    if (t->tier != THEME_MONO && (fg >= 0 || bg >= 0)) {
        if (!t->default_colors) {
            fg = fg < 0 ? COLOR_WHITE : fg;
            bg = bg < 0 ? COLOR_BLACK : bg;
        }
        pair = alloc_pair(fg, bg);
        pair = pair < 0 ? 0 : pair;
    }
    attr_set(attrs, 0, &pair);
}

static bool same_cell(const struct cell *a, const struct cell *b)
{
    return a->width == b->width && a->role == b->role && a->over == b->over && strcmp(a->text, b->text) == 0;
}

/* curses goes by the C library's tables, which are as old as the system. What they judge differently would
 * push the rest of its line aside and leave parts of older pictures on the screen. */
static bool curses_agrees(const char *text, int width)
{
    wchar_t wide[CELL_BYTES];
    size_t n;

    if ((unsigned char)text[0] < 0x80 && text[1] == '\0')
        return true;
    n = mbstowcs(wide, text, CELL_BYTES);
    return n != (size_t)-1 && n < CELL_BYTES && wcswidth(wide, n) == width;
}

static void draw_cell(const struct terminal *t, const struct cell *cell, int x, int y)
{
    const char *text = theme_text(t->options.theme, cell, t->options.ascii);
    bool replaced = !t->options.ascii && !curses_agrees(text, cell->width);

    set_style(t, theme_cell_style(t->options.theme, t->tier, cell));
    mvaddstr(y, x, replaced ? "?" : text);
    if ((t->options.ascii || replaced) && cell->width == 2)
        mvaddstr(y, x + 1, " ");
}

/* The first line of the screen is its header, whose clock and ages always move. */
static bool says_the_same(const struct canvas *a, const struct canvas *b)
{
    for (int x = 0; x < a->cols; x++) {
        const struct cell *c = canvas_at(a, x, 0), *d = canvas_at(b, x, 0);
        bool digits = text_is_digit(c->text[0]) && text_is_digit(d->text[0]);
        if (c->role != d->role || (!digits && !same_cell(c, d)))
            return false;
    }
    return true;
}

/* On a slow line a moved digit is 130 bytes, and for somebody who hears the screen it is a line read out
 * again: the header stays as it is until it says something else, or something below it changed. */
static bool may_stay(const struct terminal *t, const struct canvas *canvas, int64_t now_us)
{
    if (now_us - t->drawn_us >= t->options.header_us || !t->shown.cells || !says_the_same(canvas, &t->shown))
        return false;
    for (int i = canvas->cols; i < canvas->cols * canvas->rows; i++)
        if (!same_cell(&canvas->cells[i], &t->shown.cells[i]))
            return false;
    return true;
}

/* Where the cursor stands: in a field, or for `accessible` on the selected row. */
static void place_cursor(const struct terminal *t, const struct canvas *canvas, int *ret_x, int *ret_y)
{
    *ret_x = canvas->cursor_x;
    *ret_y = canvas->cursor_y;
    for (int y = 0; t->options.accessible && *ret_x < 0 && y < canvas->rows; y++) {
        if (canvas_at(canvas, canvas->cols - 1, y)->over != ROLE_SELECTION)
            continue;
        *ret_x = 0;
        *ret_y = y;
    }
}

/* Makes `shown` a canvas of the same size; true when the drawing starts from nothing. */
static bool prepare(struct terminal *t, const struct canvas *canvas)
{
    bool fresh =
        t->everything || !t->shown.cells || t->shown.cols != canvas->cols || t->shown.rows != canvas->rows;

    if (!fresh)
        return false;
    canvas_release(&t->shown);
    if (!canvas_init(&t->shown, canvas->cols, canvas->rows))
        memset(&t->shown, 0, sizeof t->shown);
    attr_set(A_NORMAL, 0, NULL);
    erase();
    if (t->everything)
        clearok(curscr, TRUE);
    t->everything = false;
    return true;
}

/* Hands the changed cells to curses; the number of lines from the top that hold them, 0: none changed. */
static int copy_changes(const struct terminal *t, const struct canvas *canvas, bool fresh)
{
    int changed = 0;

    for (int i = 0; i < canvas->cols * canvas->rows; i++) {
        const struct cell *cell = &canvas->cells[i];
        const struct cell *before = t->shown.cells ? &t->shown.cells[i] : NULL;
        if (cell->width == 0 || (!fresh && before && same_cell(cell, before)))
            continue;
        draw_cell(t, cell, i % canvas->cols, i / canvas->cols);
        changed = i / canvas->cols + 1;
    }
    return changed;
}

/* The marks are for pictures that could be seen half drawn: on a line that moves alone they would be a sixth
 * of all that an idle console writes. */
static void update(bool marked)
{
    if (marked)
        write_all(STDOUT_FILENO, "\033[?2026h");
    doupdate();
    if (marked)
        write_all(STDOUT_FILENO, "\033[?2026l");
}

void terminal_draw(struct terminal *t, const struct canvas *canvas, int64_t now_us)
{
    bool fresh = prepare(t, canvas);
    int cursor_x, cursor_y, changed;

    if (!fresh && may_stay(t, canvas, now_us))
        return;
    place_cursor(t, canvas, &cursor_x, &cursor_y);
    changed = copy_changes(t, canvas, fresh);
    if (t->shown.cells)
        memcpy(t->shown.cells, canvas->cells,
               sizeof *canvas->cells * (size_t)canvas->cols * (size_t)canvas->rows);
    if (!fresh && changed == 0 && cursor_x == t->shown.cursor_x && cursor_y == t->shown.cursor_y)
        return;
    t->drawn_us = now_us;
    t->shown.cursor_x = cursor_x;
    t->shown.cursor_y = cursor_y;
    curs_set(cursor_x >= 0 ? 1 : 0);
    leaveok(stdscr, cursor_x < 0); /* a cursor that nobody sees may stay where it is */
    if (cursor_x >= 0)
        move(cursor_y, cursor_x);
    wnoutrefresh(stdscr);
    update(fresh || changed > 1);
}

void terminal_redraw(struct terminal *t)
{
    t->everything = true;
}

/* The modes are those of the shell: what it changed meanwhile (stty) is what we give back at the end. */
void terminal_suspend(struct terminal *t)
{
    write_all(STDOUT_FILENO, "\033[?2004l");
    endwin();
    if (modes_saved)
        tcsetattr(STDIN_FILENO, TCSANOW, &saved_modes);
    raise(SIGSTOP);
    modes_saved = tcgetattr(STDIN_FILENO, &saved_modes) == 0;
    def_shell_mode();
    reset_prog_mode();
    enter(t);
    refresh();
    write_all(STDOUT_FILENO, terminal_modes);
    keys_init(&t->keys, t->keys.escape_us);
}

#define COPY_MAX 74000 /* bytes: what terminals take in one sequence, after base64 */

void terminal_copy(struct terminal *t, const char *text)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t length = strnlen(text, COPY_MAX), out = 0;
    AUTO_FREE char *coded = malloc(length / 3 * 4 + 8);

    (void)t;
    if (!coded)
        return;
    for (size_t i = 0; i < length; i += 3) {
        unsigned bits = (unsigned)(unsigned char)text[i] << 16;
        bits |= i + 1 < length ? (unsigned)(unsigned char)text[i + 1] << 8 : 0;
        bits |= i + 2 < length ? (unsigned char)text[i + 2] : 0;
        coded[out++] = digits[bits >> 18 & 63];
        coded[out++] = digits[bits >> 12 & 63];
        coded[out++] = i + 1 < length ? digits[bits >> 6 & 63] : '=';
        coded[out++] = i + 2 < length ? digits[bits & 63] : '=';
    }
    coded[out] = '\0';
    write_all(STDOUT_FILENO, "\033]52;c;");
    write_all(STDOUT_FILENO, coded);
    write_all(STDOUT_FILENO, "\033\\");
}
