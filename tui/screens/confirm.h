/* The dialog before an operation: gates, effect, a typed name, a countdown. The struct is what it knows, the
 * functions here draw it; what keys do to it stands in app/confirm_keys.c.
 *
 * 1. It is bound to one migration and the generation that the person saw.
 * 2. Nothing is sent before the countdown ended, and every key cancels the countdown.
 * 3. Cancel is the default.
 */
#pragma once

#include "screens/model.h"

#define CONFIRM_COUNTDOWN_US INT64_C(5000000)
#define CONFIRM_DEAF_US INT64_C(300000) /* input is ignored for so long after it opened */

enum confirm_kind {
    CONFIRM_NONE,
    CONFIRM_YES_NO, /* a lone y */
    CONFIRM_TYPED,  /* typed name and countdown */
};
enum confirm_focus { CONFIRM_ON_NAME, CONFIRM_ON_REASON, CONFIRM_ON_KEEP, CONFIRM_ON_GO, CONFIRM_ON_CANCEL };

struct confirm {
    enum confirm_kind kind;
    enum tmv_operation operation;
    const char *title;  /* "CUTOVER" */
    const char *effect; /* what it does, in words */
    const char *back;   /* how to come back from it */
    const char *go;     /* label of the button */
    bool needs_reason;  /* the reason field is there and required */
    bool offers_keep;   /* abort: the copied events may stay on the target */
    struct tmv_uuid migration;
    int64_t generation;
    char name[TENANT_NAME_MAX]; /* what has to be typed */
    struct field typed;
    struct field reason;
    bool keep_events;
    enum confirm_focus focus;
    int64_t opened_us;
    int64_t armed_until_us; /* 0: not armed */
    int64_t yes_until_us;   /* a y was pressed and counts when nothing follows until then; 0: none */
    char notice[200];       /* what just happened in the dialog, "" none */
};

/* What keeps it from being armed now, for the button's label; "" nothing. Pure. */
void confirm_blocked(const struct confirm *confirm, const struct model *model, char *why, size_t size);
void confirm_draw(const struct confirm *confirm, const struct model *model, struct canvas *canvas);
