/* The console driven by a file, for tests and recordings: the same state, views and threads, without a
 * terminal.
 *
 *   size 132x43        the canvas (80x24 at first)
 *   clock SECONDS      a fixed wall clock, seconds since 1970
 *   key NAME           Enter Escape Tab Backspace Up Down …, C-l, or one character
 *   text WORDS         each character as a key
 *   wait-idle          until a picture is there and no request waits for its end
 *   wait-text WORDS    until the screen shows them
 *   save FILE          the screen as text; - is stdout
 *
 * A wait is bounded by WAIT_US; one that fails ends the script with exit code 1, the screen and a message.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "console/session.h"
#include "lib/clock.h"
#include "lib/outfile.h"
#include "lib/text.h"
#include "widgets/plain.h"

#define WAIT_US INT64_C(60000000)
#define LOOK_US INT64_C(100000)

struct script {
    struct session *session;
    const char *path;
    int line;
};

static bool complain(const struct script *script, const char *what, const char *argument)
{
    if (script->line > 0)
        fprintf(stderr, "%s:%d: %s %s\n", script->path, script->line, what, argument);
    else
        fprintf(stderr, "%s: %s %s\n", PATH_ARGUMENT(script->path), what, argument);
    return false;
}

static bool look(struct script *script)
{
    session_turn(script->session);
    script->session->canvas.words = script->session->options->accessible;
    state_draw(&script->session->state, &script->session->canvas);
    state_shown(&script->session->state, clock_now_us(), 0);
    return session_signal(script->session) == 0;
}

static bool is_idle(struct session *session)
{
    struct state *state = &session->state;

    return state->model.snapshot && state->confirm.armed_until_us == 0 && state->confirm.yes_until_us == 0 &&
           !state->pending.action && (!state->requests || requests_pending(state->requests) == 0);
}

static bool wait_for(struct script *script, const char *text)
{
    int64_t until = clock_now_us() + WAIT_US;

    while (look(script) && clock_now_us() < until) {
        if (!text ? is_idle(script->session) : plain_contains(&script->session->canvas, text))
            return true;
        session_wait(script->session, -1, clock_now_us() + LOOK_US);
    }
    plain_write(&script->session->canvas, script->session->options->ascii, stderr);
    return complain(script, "waited in vain for", text ? text : "rest");
}

static bool press(struct script *script, struct input input)
{
    struct state *state = &script->session->state;

    look(script);
    while (state->pending.action && look(script)) /* what is done without a question waits for silence */
        session_wait(script->session, -1, state->pending.due_us);
    /* a dialog that just opened does not hear yet */
    while (state->confirm.kind != CONFIRM_NONE && clock_now_us() - state->confirm.opened_us < CONFIRM_DEAF_US)
        session_wait(script->session, -1, state->confirm.opened_us + CONFIRM_DEAF_US);
    look(script);
    input.at_us = state->model.now_us;
    input.gap_us = INT64_MAX / 2;
    state_key(state, &input, &script->session->canvas);
    return look(script);
}

static bool key_by_name(const char *name, struct input *ret_input)
{
    static const struct {
        const char *name;
        enum input_kind kind;
    } names[] = {
        {"Enter", INPUT_ENTER},         {"Escape", INPUT_ESCAPE}, {"Tab", INPUT_TAB},
        {"Backspace", INPUT_BACKSPACE}, {"Up", INPUT_UP},         {"Down", INPUT_DOWN},
        {"Left", INPUT_LEFT},           {"Right", INPUT_RIGHT},   {"PageUp", INPUT_PAGE_UP},
        {"PageDown", INPUT_PAGE_DOWN},  {"Home", INPUT_HOME},     {"End", INPUT_END},
        {"BackTab", INPUT_BACKTAB},     {"Paste", INPUT_PASTE},
    };

    memset(ret_input, 0, sizeof *ret_input);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i].name, name) == 0) {
            ret_input->kind = names[i].kind;
            return true;
        }
    }
    if (strncmp(name, "C-", 2) == 0 && name[2] != '\0') {
        ret_input->kind = INPUT_CTRL;
        ret_input->text[0] = name[2];
        return true;
    }
    ret_input->kind = INPUT_TEXT;
    text_copy(ret_input->text, sizeof ret_input->text, name);
    return name[0] != '\0' && text_width(name) == 1;
}

static bool type_text(struct script *script, const char *text)
{
    struct input input = {.kind = INPUT_TEXT};
    int width;

    for (size_t n; (n = grapheme_next(text, input.text, &width)) > 0; text += n)
        if (!press(script, input))
            return false;
    return true;
}

static bool save(struct script *script, const char *path)
{
    const struct session *session = script->session;
    bool on_stdout = strcmp(path, "-") == 0;
    struct outfile file;
    char what[200];
    int cause = 0;

    if (!on_stdout && !outfile_create(&file, path, false))
        cause = errno;
    if (cause == 0) {
        look(script);
        plain_write(&session->canvas, session->options->ascii, on_stdout ? stdout : file.stream);
        cause = on_stdout ? outfile_flush_stdout() : outfile_close(&file);
    }
    snprintf(what, sizeof what, "cannot write (%.150s)", strerror(cause));
    return cause == 0 || complain(script, what, path);
}

static bool resize(struct script *script, const char *argument)
{
    int cols, rows;

    if (sscanf(argument, "%dx%d", &cols, &rows) != 2 || cols < 1 || rows < 1 || cols > 1000 || rows > 1000)
        return complain(script, "not a size:", argument);
    canvas_release(&script->session->canvas);
    return canvas_init(&script->session->canvas, cols, rows);
}

static bool run_line(struct script *script, const char *word, const char *argument)
{
    struct input input;

    if (strcmp(word, "size") == 0)
        return resize(script, argument);
    if (strcmp(word, "clock") == 0) {
        script->session->fixed_wall_us = strtoll(argument, NULL, 10) * 1000000;
        return true;
    }
    if (strcmp(word, "key") == 0)
        return key_by_name(argument, &input) ? press(script, input)
                                             : complain(script, "no such key", argument);
    if (strcmp(word, "text") == 0)
        return type_text(script, argument);
    if (strcmp(word, "wait-idle") == 0)
        return wait_for(script, NULL);
    if (strcmp(word, "wait-text") == 0)
        return wait_for(script, argument);
    if (strcmp(word, "save") == 0)
        return save(script, argument);
    return complain(script, "no such command:", word);
}

int run_script(struct session *session)
{
    struct script script = {.session = session, .path = session->options->script};
    FILE *in = fopen(script.path, "r");
    char line[1024];
    bool fine = true;

    if (!in) {
        complain(&script, "cannot be read:", strerror(errno));
        return 2;
    }
    while (fine && !session->state.quit && fgets(line, sizeof line, in)) {
        char *argument = line + strcspn(line, " \n");
        script.line++;
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '\0' || line[0] == '#')
            continue;
        if (*argument == ' ')
            *argument++ = '\0';
        fine = run_line(&script, line, argument);
    }
    fclose(in);
    return session_signal(session) != 0 ? 128 + session_signal(session) : fine ? 0 : 1;
}
