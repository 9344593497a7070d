/* The line of keys while a dialog is open: those of the list behind it do not work. */
#include "screens/confirm.h"

static int question_keys(const struct confirm *confirm, bool possible, struct key_item *items)
{
    int n = 0;

    items[n++] = (struct key_item){"y", confirm->go, possible, ""};
    if (confirm->bulk)
        items[n++] = (struct key_item){"↓ ↑", "more names", true, ""};
    items[n++] = (struct key_item){"Esc", "cancel", true, ""};
    return n;
}

int confirm_key_bar(const struct confirm *confirm, const struct model *model,
                    struct key_item ret_items[CONFIRM_KEYS_MAX])
{
    bool types = confirm->focus == CONFIRM_ON_NAME || confirm->focus == CONFIRM_ON_REASON;
    char why[TMV_REASON_MAX];
    int n = 0;

    if (confirm->armed_until_us > 0) {
        ret_items[n++] = (struct key_item){"any key", "stops the countdown", true, ""};
        return n;
    }
    confirm_blocked(confirm, model, why, sizeof why);
    if (confirm->kind == CONFIRM_YES_NO)
        return question_keys(confirm, why[0] == '\0', ret_items);
    ret_items[n++] = (struct key_item){"Tab", "next field", true, ""};
    if (confirm->focus == CONFIRM_ON_KEEP || confirm->focus == CONFIRM_ON_WARNING)
        ret_items[n++] = (struct key_item){
            "Space", confirm->focus == CONFIRM_ON_KEEP ? "keep or not" : "I know", true, ""};
    ret_items[n++] = (struct key_item){"Enter",
                                       confirm->focus == CONFIRM_ON_CANCEL ? "cancel"
                                       : confirm->focus == CONFIRM_ON_GO   ? confirm->go
                                                                           : "on",
                                       confirm->focus != CONFIRM_ON_GO || why[0] == '\0', ""};
    if (types)
        ret_items[n++] = (struct key_item){"Ctrl-U", "clear", true, ""};
    ret_items[n++] = (struct key_item){"Esc", "cancel", true, ""};
    return n;
}
