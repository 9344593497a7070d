/* A console without a terminal, for tests of screens: a state with the sample's picture, and a canvas. */
#pragma once

#include "test.h"

#include <stdio.h>
#include <string.h>

#include "console/state.h"
#include "sample_fleet.h"
#include "widgets/plain.h"

struct stage {
    struct state state;
    struct canvas canvas;
};

static inline void stage_begin(struct stage *stage, struct tmv_snapshot *snapshot)
{
    state_init(&stage->state);
    stage->state.snapshot = snapshot;
    sample_model(&stage->state.model, snapshot);
    memset(&stage->canvas, 0, sizeof stage->canvas);
}

static inline void stage_end(struct stage *stage)
{
    canvas_release(&stage->canvas);
    state_release(&stage->state);
}

static inline void stage_draw(struct stage *stage, int cols, int rows)
{
    canvas_release(&stage->canvas);
    assert_true(canvas_init(&stage->canvas, cols, rows));
    state_draw(&stage->state, &stage->canvas);
    state_shown(&stage->state, stage->state.model.now_us, 0);
}

static inline void stage_press(struct stage *stage, enum input_kind kind, const char *text)
{
    struct input input = {.kind = kind, .at_us = stage->state.model.now_us, .gap_us = 1000000};

    snprintf(input.text, sizeof input.text, "%s", text);
    state_key(&stage->state, &input, &stage->canvas);
    stage_draw(stage, stage->canvas.cols, stage->canvas.rows);
}

static inline void stage_type(struct stage *stage, const char *keys)
{
    for (; *keys != '\0'; keys++)
        stage_press(stage, INPUT_TEXT, (const char[]){*keys, '\0'});
}

static inline bool stage_shows(const struct stage *stage, const char *words)
{
    return plain_contains(&stage->canvas, words);
}
