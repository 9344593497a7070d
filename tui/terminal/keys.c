#include "terminal/keys.h"

#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "lib/text.h"

void keys_init(struct keys *keys, int64_t escape_us)
{
    memset(keys, 0, sizeof *keys);
    keys->escape_us = escape_us;
    keys->changed_us = INT64_MIN / 2;
}

static bool emit(struct input *ret_input, enum input_kind kind, const char *text)
{
    size_t n = strlen(text);

    ret_input->kind = kind;
    memcpy(ret_input->text, text, n + 1);
    return true;
}

/* The end of a sequence: one that continues an Escape is not a key of its own. */
static bool finish(struct keys *keys, struct input *ret_input, enum input_kind kind)
{
    bool swallow = keys->swallow;

    keys->state = KEYS_GROUND;
    keys->swallow = false;
    keys->length = 0;
    keys->tail_until_us = 0;
    return !swallow && kind != INPUT_NONE && emit(ret_input, kind, "");
}

/* The end of what no person sent. */
static bool finish_reply(struct keys *keys, struct input *ret_input)
{
    finish(keys, ret_input, INPUT_NONE);
    keys->quiet_until_us = keys->changed_us + KEYS_QUIET_US;
    return false;
}

static enum input_kind letter_key(unsigned char final)
{
    switch (final) {
    case 'A':
        return INPUT_UP;
    case 'B':
        return INPUT_DOWN;
    case 'C':
        return INPUT_RIGHT;
    case 'D':
        return INPUT_LEFT;
    case 'H':
        return INPUT_HOME;
    case 'F':
        return INPUT_END;
    case 'Z':
        return INPUT_BACKTAB;
    case 'P': /* SS3 P: F1 */
        return INPUT_F1;
    case 'M': /* keypad Enter */
        return INPUT_ENTER;
    default:
        return INPUT_OTHER;
    }
}

/* ESC [ number ~ */
static enum input_kind number_key(int number)
{
    static const enum input_kind keys[] = {
        [1] = INPUT_HOME,      [3] = INPUT_DELETE, [4] = INPUT_END, [5] = INPUT_PAGE_UP,
        [6] = INPUT_PAGE_DOWN, [7] = INPUT_HOME,   [8] = INPUT_END, [11] = INPUT_F1,
    };
    size_t count = sizeof keys / sizeof *keys;

    if (number > 0 && (size_t)number < count && keys[number] != INPUT_NONE)
        return keys[number];
    return INPUT_OTHER;
}

static bool is_one_of(unsigned char byte, const char *bytes)
{
    return byte != '\0' && strchr(bytes, byte);
}

/* How many raw characters follow ESC [ M (button and place of the mouse), ESC [ t and ESC [ T (of a text
 * marked with it); 0: it is no such report. */
static int mouse_characters(const struct keys *keys, unsigned char final)
{
    if (keys->length > 0)
        return 0;
    return final == 'M' ? 3 : final == 't' ? 2 : final == 'T' ? 6 : 0;
}

static bool is_reply(const struct keys *keys, unsigned char final)
{
    bool numbers = strchr(keys->buffer, ';');

    return is_one_of((unsigned char)keys->buffer[0], "?<>=") || is_one_of(final, "RnctyIOT") ||
           (final == 'M' && numbers); /* the mouse, as rxvt reports it */
}

static bool end_csi(struct keys *keys, unsigned char final, struct input *ret_input)
{
    int number;

    keys->buffer[keys->length] = '\0';
    number = atoi(keys->buffer);
    if (final == '~' && number == 200 && keys->buffer[0] == '2') {
        keys->pasting = true;
        return finish(keys, ret_input, INPUT_NONE);
    }
    if (final == '~' && number == 201 && keys->pasting) {
        keys->pasting = false;
        keys->swallow = false;
        return finish(keys, ret_input, INPUT_PASTE);
    }
    if (keys->pasting)
        return finish(keys, ret_input, INPUT_NONE);
    if (is_one_of(final, "~^$@"))
        return finish(keys, ret_input, number_key(number));
    if (mouse_characters(keys, final) > 0) {
        keys->mouse = mouse_characters(keys, final);
        keys->state = KEYS_MOUSE;
        keys->length = keys->expected = 0;
        return false;
    }
    /* device attributes, cursor position, mode reports, focus and mouse events: no person pressed them */
    if (is_reply(keys, final))
        return finish_reply(keys, ret_input);
    return finish(keys, ret_input, final == 'M' || final == 'P' ? INPUT_OTHER : letter_key(final));
}

static bool feed_csi(struct keys *keys, unsigned char byte, struct input *ret_input)
{
    if (byte == '[' && keys->length == 0 && !keys->pasting) {
        keys->state = KEYS_CONSOLE; /* Linux console: ESC [ [ A is F1 */
        return false;
    }
    if (byte >= 0x40 && byte <= 0x7e)
        return end_csi(keys, byte, ret_input);
    if (byte == 0x1b) { /* cut off by the next sequence */
        keys->state = KEYS_ESCAPE;
        keys->length = 0;
        return false;
    }
    if (keys->length < (int)sizeof keys->buffer - 1)
        keys->buffer[keys->length++] = (char)byte;
    return false;
}

/* The byte after ESC: what kind of sequence it opens. False when none. */
static bool opens_sequence(struct keys *keys, unsigned char byte)
{
    if (byte == '[')
        keys->state = KEYS_CSI;
    else if (byte == 'O')
        keys->state = KEYS_SS3;
    else if (byte == ']' || byte == 'P' || byte == '_' || byte == '^' || byte == 'X')
        keys->state = KEYS_STRING;
    else
        return false;
    keys->length = 0;
    return true;
}

static bool feed_control(unsigned char byte, struct input *ret_input)
{
    char letter[2] = {(char)(byte + 'a' - 1), '\0'};

    switch (byte) {
    case '\r':
    case '\n':
        return emit(ret_input, INPUT_ENTER, "");
    case '\t':
        return emit(ret_input, INPUT_TAB, "");
    case '\b':
    case 0x7f:
        return emit(ret_input, INPUT_BACKSPACE, "");
    default:
        if (byte >= 1 && byte <= 26)
            return emit(ret_input, INPUT_CTRL, letter);
        return emit(ret_input, INPUT_OTHER, "");
    }
}

/* Part of a UTF-8 character; complete and valid ones are text, everything else is dropped. */
static bool feed_utf8(struct keys *keys, unsigned char byte, struct input *ret_input)
{
    char text[8], grapheme[CELL_BYTES];
    int width, length;

    if (byte >= 0xc0) {
        keys->length = 0;
        keys->expected = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    }
    if (keys->expected == 0)
        return false;
    keys->buffer[keys->length++] = (char)byte;
    if (keys->length < keys->expected)
        return false;
    length = keys->length;
    memcpy(text, keys->buffer, (size_t)length);
    text[length] = '\0';
    keys->length = keys->expected = 0;
    if (grapheme_next(text, grapheme, &width) != (size_t)length || strcmp(grapheme, text) != 0)
        return false;
    ret_input->pasted = keys->pasting;
    return emit(ret_input, INPUT_TEXT, text);
}

/* Button and place, each a byte above 31, or a UTF-8 character where the terminal was told so. */
static bool feed_mouse(struct keys *keys, unsigned char byte, struct input *ret_input)
{
    bool continues = keys->expected > 0 && byte >= 0x80 && byte < 0xc0;

    keys->expected = byte >= 0xc0 && !continues ? 1 : 0;
    keys->mouse -= !continues;
    if (keys->mouse > 0 || keys->expected > 0)
        return false;
    return finish_reply(keys, ret_input);
}

/* What comes right behind a reply is more of the same. */
static bool is_rest_of_reply(struct keys *keys, int64_t now_us)
{
    if (now_us >= keys->quiet_until_us) {
        keys->quiet_until_us = 0;
        return false;
    }
    keys->quiet_until_us = now_us + KEYS_QUIET_US;
    return true;
}

/* Between the marks: letters, and a blank for each control character. */
static bool feed_paste(unsigned char byte, struct input *ret_input)
{
    char text[2] = {byte < 0x20 || byte == 0x7f ? ' ' : (char)byte, '\0'};

    ret_input->pasted = true;
    return emit(ret_input, INPUT_TEXT, text);
}

static bool feed_ground(struct keys *keys, unsigned char byte, int64_t now_us, struct input *ret_input)
{
    char text[2] = {(char)byte, '\0'};

    if (byte == 0x1b) {
        keys->state = KEYS_ESCAPE;
        keys->swallow = false;
        keys->expected = 0;
        return false;
    }
    if (byte != 0x03 && is_rest_of_reply(keys, now_us))
        return false;
    if (now_us < keys->tail_until_us && opens_sequence(keys, byte)) {
        keys->swallow = true;
        return false;
    }
    keys->tail_until_us = 0;
    if (keys->pasting && byte < 0x80)
        return feed_paste(byte, ret_input);
    if (byte >= 0x80)
        return feed_utf8(keys, byte, ret_input);
    keys->expected = 0;
    if (byte < 0x20 || byte == 0x7f)
        return feed_control(byte, ret_input);
    return emit(ret_input, INPUT_TEXT, text);
}

static bool feed_string(struct keys *keys, unsigned char byte, struct input *ret_input)
{
    if (keys->state == KEYS_STRING_END) { /* ESC seen: the string ends, with its backslash or cut off */
        keys->state = KEYS_GROUND;
        return finish_reply(keys, ret_input);
    }
    if (byte == 0x07 || byte == 0x18 || byte == 0x1a)
        return finish_reply(keys, ret_input);
    if (byte == 0x1b)
        keys->state = KEYS_STRING_END;
    return false;
}

static bool feed_escape(struct keys *keys, unsigned char byte, struct input *ret_input)
{
    if (byte == 0x1b)
        return keys->pasting ? false : emit(ret_input, INPUT_ESCAPE, "");
    if (opens_sequence(keys, byte))
        return false;
    if (byte == 0x03 && !keys->pasting) { /* an interrupt is one whatever is before it */
        keys->state = KEYS_GROUND;
        return feed_control(byte, ret_input);
    }
    /* Alt with a key: a key, but not the letter */
    return finish(keys, ret_input, keys->pasting ? INPUT_NONE : INPUT_OTHER);
}

static bool feed_state(struct keys *keys, unsigned char byte, int64_t now_us, struct input *ret_input)
{
    switch (keys->state) {
    case KEYS_ESCAPE:
        return feed_escape(keys, byte, ret_input);
    case KEYS_CSI:
        return feed_csi(keys, byte, ret_input);
    case KEYS_SS3:
        return finish(keys, ret_input, letter_key(byte));
    case KEYS_CONSOLE:
        return finish(keys, ret_input, byte == 'A' ? INPUT_F1 : INPUT_OTHER);
    case KEYS_STRING:
    case KEYS_STRING_END:
        return feed_string(keys, byte, ret_input);
    case KEYS_MOUSE:
        if (byte >= 0x20)
            return feed_mouse(keys, byte, ret_input);
        finish(keys, ret_input, INPUT_NONE); /* cut off */
        break;
    case KEYS_GROUND:
        break;
    }
    return feed_ground(keys, byte, now_us, ret_input);
}

bool keys_feed(struct keys *keys, unsigned char byte, int64_t now_us, struct input *ret_input)
{
    *ret_input = (struct input){.at_us = now_us, .gap_us = now_us - keys->changed_us};
    keys->changed_us = now_us;
    return feed_state(keys, byte, now_us, ret_input);
}

int64_t keys_deadline_us(const struct keys *keys)
{
    if (keys->state == KEYS_ESCAPE)
        return keys->changed_us + keys->escape_us;
    return keys->state == KEYS_GROUND ? INT64_MAX : keys->changed_us + KEYS_SEQUENCE_US;
}

bool keys_expire(struct keys *keys, int64_t now_us, struct input *ret_input)
{
    bool escape = keys->state == KEYS_ESCAPE && !keys->pasting;

    if (now_us < keys_deadline_us(keys))
        return false;
    ret_input->at_us = now_us;
    ret_input->gap_us = now_us - keys->changed_us;
    keys->swallow = false;
    finish(keys, ret_input, INPUT_NONE);
    if (!escape)
        return false;
    keys->tail_until_us = now_us + KEYS_TAIL_US;
    return emit(ret_input, INPUT_ESCAPE, "");
}

const char *input_name(const struct input *input, char name[INPUT_NAME_MAX])
{
    static const char *const names[] = {
        [INPUT_ENTER] = "Enter",         [INPUT_ESCAPE] = "Esc",    [INPUT_TAB] = "Tab",
        [INPUT_BACKTAB] = "Shift-Tab",   [INPUT_UP] = "Up",         [INPUT_BACKSPACE] = "Backspace",
        [INPUT_DOWN] = "Down",           [INPUT_LEFT] = "Left",     [INPUT_RIGHT] = "Right",
        [INPUT_HOME] = "Home",           [INPUT_END] = "End",       [INPUT_PAGE_UP] = "Page Up",
        [INPUT_PAGE_DOWN] = "Page Down", [INPUT_DELETE] = "Delete", [INPUT_F1] = "F1",
    };
    const char *word = (size_t)input->kind < sizeof names / sizeof *names ? names[input->kind] : NULL;

    name[0] = '\0';
    if (input->kind == INPUT_TEXT && strcmp(input->text, " ") == 0)
        word = "Space";
    if (word)
        text_copy(name, INPUT_NAME_MAX, word);
    else if (input->kind == INPUT_TEXT || input->kind == INPUT_CTRL)
        snprintf(name, INPUT_NAME_MAX, "%s%s", input->kind == INPUT_CTRL ? "Ctrl-" : "", input->text);
    return name;
}
