/* Every key of every terminal that this machine describes, as the terminal sends it: whole, split at each
 * byte, and split so late that its Escape was taken for a key. None of them ever becomes a letter. */
#include "test.h"

#include <stdio.h>
#include <string.h>
#include <curses.h>
#include <term.h>

#include "terminal/keys.h"

#define MS INT64_C(1000)

static const char *const terminals[] = {
    "xterm",    "xterm-256color", "xterm-color", "xterm-mono", "xterm-r5",
    "xterm-r6", "xterm-vt220",    "linux",       "screen",     "screen-256color",
    "tmux",     "tmux-256color",  "rxvt",        "rxvt-basic", "vt100",
    "vt102",    "vt220",          "ansi",        "cygwin",     "cons25",
    "mach",     "hurd",           "Eterm",       "sun",        "pcansi",
    "wsvt25",
};

static void hear(struct keys *keys, const char *bytes, size_t n, int64_t now_us, struct input *ret_inputs,
                 int *count)
{
    for (size_t i = 0; i < n; i++)
        if (keys_feed(keys, (unsigned char)bytes[i], now_us, &ret_inputs[*count]))
            (*count)++;
}

/* Feeds a sequence cut in two with a pause between; returns what was heard. */
static int hear_split(const char *bytes, size_t cut, int64_t pause_us, struct input inputs[32])
{
    struct keys keys;
    int count = 0;

    keys_init(&keys, KEYS_ESCAPE_US);
    hear(&keys, bytes, cut, 0, inputs, &count);
    if (keys_expire(&keys, pause_us, &inputs[count]))
        count++;
    hear(&keys, bytes + cut, strlen(bytes) - cut, pause_us, inputs, &count);
    if (keys_expire(&keys, pause_us + 10 * KEYS_SEQUENCE_US, &inputs[count]))
        count++;
    return count;
}

/* Late: Alt with a letter is Escape and that letter then, nobody can tell; a sequence is not. */
static void check_late(const char *terminal, const char *name, const char *bytes, size_t cut)
{
    struct input inputs[32];
    int count;

    if (bytes[1] != '[' && bytes[1] != 'O')
        return;
    count = hear_split(bytes, cut, 300 * MS, inputs);
    for (int i = 0; i < count; i++)
        if (inputs[i].kind == INPUT_TEXT || inputs[i].kind == INPUT_CTRL)
            fail_msg("%s: %s split late at %zu becomes \"%s\"", terminal, name, cut, inputs[i].text);
}

static void check_key(const char *terminal, const char *name, const char *bytes)
{
    struct input whole[32], split[32];
    size_t length = strlen(bytes);
    int heard;

    if (bytes[0] != '\033' || length < 2 || length > 30)
        return;                             /* a single byte is what it is */
    heard = hear_split(bytes, 0, 0, whole); /* none: what is a focus event or a mouse's prefix elsewhere */
    if (heard > 1 || (heard == 1 && whole[0].kind == INPUT_TEXT))
        fail_msg("%s: %s is %d keys, or a letter", terminal, name, heard);
    for (size_t cut = 1; cut < length; cut++) {
        int count = hear_split(bytes, cut, 20 * MS, split);
        if (count != heard || (heard == 1 && split[0].kind != whole[0].kind))
            fail_msg("%s: %s split at %zu is heard as %d keys", terminal, name, cut, count);
        check_late(terminal, name, bytes, cut);
    }
}

static void no_key_of_any_terminal_becomes_a_letter(void **state)
{
    int described = 0, keys = 0;

    (void)state;
    for (size_t t = 0; t < sizeof terminals / sizeof *terminals; t++) {
        int error;
        if (setupterm(terminals[t], 1, &error) != OK)
            continue;
        described++;
        for (int i = 0; strnames[i] != NULL; i++) {
            const char *bytes = strnames[i][0] == 'k' ? tigetstr(strnames[i]) : NULL;
            if (bytes == NULL || bytes == (const char *)-1)
                continue;
            keys++;
            check_key(terminals[t], strnames[i], bytes);
        }
        del_curterm(cur_term);
    }
    assert_true(described >= 15);
    assert_true(keys > 300);
}

static void arrows_are_arrows_on_every_terminal(void **state)
{
    static const struct {
        const char *name;
        enum input_kind kind;
    } arrows[] = {{"kcuu1", INPUT_UP},    {"kcud1", INPUT_DOWN},  {"kcub1", INPUT_LEFT},
                  {"kcuf1", INPUT_RIGHT}, {"kpp", INPUT_PAGE_UP}, {"knp", INPUT_PAGE_DOWN}};
    static const char *const usual[] = {"xterm", "xterm-256color", "linux", "screen",
                                        "tmux",  "rxvt",           "vt220"};

    (void)state;
    for (size_t t = 0; t < sizeof usual / sizeof *usual; t++) {
        int error;
        if (setupterm(usual[t], 1, &error) != OK)
            continue;
        for (size_t i = 0; i < sizeof arrows / sizeof *arrows; i++) {
            const char *bytes = tigetstr(arrows[i].name);
            struct input inputs[32];
            if (bytes == NULL || bytes == (const char *)-1)
                continue;
            assert_int_equal(hear_split(bytes, 0, 0, inputs), 1);
            if (inputs[0].kind != arrows[i].kind)
                fail_msg("%s: %s is not heard as one", usual[t], arrows[i].name);
        }
        del_curterm(cur_term);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_key_of_any_terminal_becomes_a_letter),
        cmocka_unit_test(arrows_are_arrows_on_every_terminal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
