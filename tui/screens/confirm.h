/* The dialog before an operation: gates, effect, a typed name, a countdown. The struct is what it knows, the
 * functions here draw it; what keys do to it is in actions/confirm_keys.c.
 *
 * 1. It is bound to one migration and the generation that the person saw.
 * 2. Nothing is sent before the countdown ended, and every key cancels the countdown.
 * 3. Cancel is the default.
 * 4. A red gate cannot be passed; a warning has to be acknowledged by itself, and goes into the record.
 */
#pragma once

#include "screens/frame.h"

#define CONFIRM_COUNTDOWN_US INT64_C(5000000)
#define CONFIRM_DEAF_US INT64_C(300000) /* input is ignored for so long after it opened */

enum confirm_kind {
    CONFIRM_NONE,
    CONFIRM_YES_NO, /* a lone y */
    CONFIRM_TYPED,  /* typed name and countdown */
};
enum confirm_focus {
    CONFIRM_ON_NAME,
    CONFIRM_ON_REASON,
    CONFIRM_ON_KEEP,
    CONFIRM_ON_WARNING,
    CONFIRM_ON_GO,
    CONFIRM_ON_CANCEL
};

/* What does not forbid it but has to be seen; bits of confirm.acknowledged. */
enum confirm_warning {
    WARNING_ROLLED_BACK, /* the last attempt did not succeed */
    WARNING_UNPREDICTED, /* nobody measured how long writers would be held */
    WARNING_OTHER,       /* somebody else asked for something a moment ago */
    WARNING_COPIED,      /* abort: a complete copy is thrown away */
    CONFIRM_WARNINGS
};
struct confirm_warning_text {
    enum confirm_warning warning;
    char text[200];
};

struct confirm {
    enum confirm_kind kind;
    enum tmv_operation operation;
    const char *title;                   /* "CUTOVER" */
    const char *effect;                  /* what it does, in words */
    const char *back;                    /* how to come back from it */
    const char *go;                      /* label of the button */
    bool needs_reason;                   /* the reason field is there and required */
    bool offers_keep;                    /* abort: the copied events may stay on the target */
    bool bulk;                           /* for all that are marked; each is named */
    int scroll;                          /* first row of the names shown */
    struct tmv_uuid bulk_ids[MARKS_MAX]; /* those that were marked when it opened, as they were then */
    int64_t bulk_generations[MARKS_MAX];
    int bulk_count;
    bool shown;       /* it has been on the screen */
    bool readable;    /* as it was drawn last it could be read */
    int64_t shown_us; /* when it was drawn last */
    struct tmv_uuid migration;
    int64_t generation;
    unsigned acknowledged;      /* warnings that were seen */
    char name[TENANT_NAME_MAX]; /* what has to be typed */
    struct field typed;
    struct field reason;
    bool keep_events;
    enum confirm_focus focus;
    int64_t opened_us;
    int64_t armed_until_us;      /* 0: not armed */
    int64_t yes_until_us;        /* a y was pressed and counts when nothing follows until then; 0: none */
    char record[TMV_REASON_MAX]; /* reason and acknowledged warnings, as sent */
    char notice[200];            /* what just happened in the dialog, "" none */
};

/* What keeps it from being armed now, for the button's label; "" nothing. Pure. */
void confirm_blocked(const struct confirm *confirm, const struct model *model, char *why, size_t size);
/* The warnings that hold now; returns how many. Pure. */
int confirm_warnings(const struct confirm *confirm, const struct model *model,
                     struct confirm_warning_text ret_warnings[CONFIRM_WARNINGS]);
/* Whether a bulk operation is done to the `i`th of those named: it is allowed now, and nothing changed since
 * the dialog opened. */
bool confirm_takes(const struct confirm *confirm, int i, const struct tmv_migration *m,
                   char why[TMV_REASON_MAX]);
/* False: there was no room for all that has to be read. */
bool confirm_draw(const struct confirm *confirm, const struct model *model, struct canvas *canvas);

#define CONFIRM_KEYS_MAX 5
/* The keys that work in the dialog now, for the line below it; returns how many. */
int confirm_key_bar(const struct confirm *confirm, const struct model *model,
                    struct key_item ret_items[CONFIRM_KEYS_MAX]);
