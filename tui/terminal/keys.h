/* Bytes from a terminal to keys. Pure: bytes and times in, inputs out; no terminal is asked anything.
 *
 * A sequence may arrive in any number of pieces. What is part of a sequence, a reply or a paste never comes
 * out as a letter: an Escape that stood alone for the delay is a key, but what follows it as a sequence's
 * tail within KEYS_TAIL_US is swallowed; a paste comes out as text that is marked as pasted, and INPUT_PASTE.
 * A report of the mouse (a program that died may have left it on) is no key, in any of its forms; nor is what
 * follows a reply or a report without a pause.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "widgets/width.h"

enum input_kind {
    INPUT_NONE,
    INPUT_TEXT, /* one printable character in `text` */
    INPUT_CTRL, /* Ctrl with the lower-case letter in `text` */
    INPUT_ENTER,
    INPUT_ESCAPE,
    INPUT_TAB,
    INPUT_BACKTAB,
    INPUT_BACKSPACE,
    INPUT_UP,
    INPUT_DOWN,
    INPUT_LEFT,
    INPUT_RIGHT,
    INPUT_HOME,
    INPUT_END,
    INPUT_PAGE_UP,
    INPUT_PAGE_DOWN,
    INPUT_DELETE,
    INPUT_F1,
    INPUT_PASTE,  /* the end of what was pasted, which came before as pasted text */
    INPUT_OTHER,  /* a key that has no meaning here; still a key: it cancels a countdown */
    INPUT_RESIZE, /* the terminal has another size */
};

struct input {
    enum input_kind kind;
    char text[CELL_BYTES];
    int64_t at_us;
    int64_t gap_us; /* since the byte before this key */
    bool pasted;    /* text that was pasted: never a key, only for a field */
    bool blind;     /* pressed while the screen did not move: nothing may be done by it */
};

#define KEYS_ESCAPE_US INT64_C(50000)
#define KEYS_ESCAPE_SSH_US INT64_C(150000)
#define KEYS_TAIL_US INT64_C(400000)
#define KEYS_QUIET_US INT64_C(50000)      /* silence after which a reply or report is over */
#define KEYS_SEQUENCE_US INT64_C(2000000) /* a sequence that stops for so long is over */

enum keys_state {
    KEYS_GROUND,
    KEYS_ESCAPE,
    KEYS_CSI,
    KEYS_SS3,
    KEYS_CONSOLE,
    KEYS_STRING,
    KEYS_STRING_END,
    KEYS_MOUSE
};

struct keys {
    enum keys_state state;
    bool swallow;          /* the sequence follows an Escape that already came out */
    bool pasting;          /* between the marks of a bracketed paste */
    int64_t escape_us;     /* how long an Escape waits for the rest of a sequence */
    int64_t changed_us;    /* when the last byte came */
    int64_t tail_until_us; /* a sequence's tail is swallowed until then; 0: none */
    char buffer[32];       /* parameters of the sequence, or a part of a UTF-8 character */
    int length;
    int expected;           /* bytes of the UTF-8 character, 0 none */
    int mouse;              /* characters of a mouse report that are still to come */
    int64_t quiet_until_us; /* a reply was read: what comes before is part of it; 0: none */
};

void keys_init(struct keys *keys, int64_t escape_us);
/* One byte. True when it completed an input. */
bool keys_feed(struct keys *keys, unsigned char byte, int64_t now_us, struct input *ret_input);
/* To be called when keys_deadline_us has passed. True when the waiting Escape is a key. */
bool keys_expire(struct keys *keys, int64_t now_us, struct input *ret_input);
/* When something will be decided without another byte; INT64_MAX: nothing waits. */
int64_t keys_deadline_us(const struct keys *keys);
/* The name of a key as tables write it: "j", "Enter", "Ctrl-l", "Esc", "Left", "Space"; "" for what is no key
 * with a name. */
#define INPUT_NAME_MAX (CELL_BYTES + 8)
const char *input_name(const struct input *input, char name[INPUT_NAME_MAX]);
