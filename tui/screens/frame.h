/* What stands around every screen: header, tabs, a line for outcomes, the key bar. */
#pragma once

#include "view/model.h"

/* An action as the key bar shows it. */
struct key_item {
    const char *key;   /* "p" */
    const char *label; /* "pause" */
    bool available;    /* else in parentheses */
    const char *why;   /* why not; shown when it was pressed */
};

struct frame {
    int active; /* index of the screen shown */
    const struct key_item *keys;
    int key_count;
    const char *toast; /* last outcome, "" none */
    enum role toast_role;
    const char *toast_hint;     /* at its right, "u: resume it again" */
    bool dialog;                /* the keys are those of an open dialog */
    const struct field *prompt; /* open line (the filter); NULL none */
    const char *prompt_label;
};

/* Smallest size with a frame; below it only a line of status is drawn. */
#define FRAME_COLS 40
#define FRAME_ROWS 10

/* The part of the canvas that the screen gets. */
struct rect frame_body(const struct model *model, const struct canvas *canvas);
/* Draws header, tabs, screen, outcome line and key bar. */
void frame_draw(const struct model *model, const struct frame *frame, struct canvas *canvas);
/* Migrations that need a person. */
int frame_alerts(const struct model *model);
/* LIVE 0.4s and its role. */
enum role fresh_words(const struct model *model, char *text, size_t size);
