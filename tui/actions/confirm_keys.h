/* What keys and time do to the confirmation dialog. Pure: no clock, no terminal, nothing is sent from here.
 */
#pragma once

#include "actions/actions.h"
#include "terminal/keys.h"

/* A key that does something counts only with this much silence around it: replies of terminals end in
 * letters, and pastes are made of them. */
#define ALONE_US INT64_C(50000)

enum confirm_result {
    CONFIRM_STAYS,
    CONFIRM_CLOSED, /* cancelled: nothing was and nothing will be sent */
    CONFIRM_SEND,   /* the request of confirm_request may be sent, now */
};

/* What a key does to a line that is typed into: letters, Backspace, Ctrl-W, Ctrl-U. False: it is no such key.
 */
bool input_edit(const struct input *input, struct field *field);
/* How far a key moves: rows, ±MOVE_PAGE, ±MOVE_END, 0 not at all. `typing`: letters and Ctrl-U are text. */
int input_rows(const struct input *input, bool typing);
/* Opens the dialog of an action for the migration under the model's cursor, or (`bulk`) for all that are
 * marked. */
void confirm_open(struct confirm *confirm, const struct action *action, const struct model *model, bool bulk);
enum confirm_result confirm_key(struct confirm *confirm, const struct model *model,
                                const struct input *input);
/* Called at each turn: ends the countdown, voids it when a gate turned red or the migration changed. */
enum confirm_result confirm_tick(struct confirm *confirm, const struct model *model);
/* The dialog is on the screen since `now_us`; `stalled`: writing it took so long that its person saw nothing
 * move, and a countdown is void. What was not seen to its end is not sent. */
void confirm_shown(struct confirm *confirm, int64_t now_us, bool stalled);
/* The connection to the person was lost: a countdown is void. */
void confirm_void(struct confirm *confirm);
/* When confirm_tick has to be called next; INT64_MAX: not by time. */
int64_t confirm_deadline_us(const struct confirm *confirm);
/* The request it stands for; `reason` points into the dialog and names what was acknowledged. */
struct tmv_request confirm_request(struct confirm *confirm, const struct model *model);
