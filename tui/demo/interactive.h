/* The demo for a person: writers write, some migrations are under way, and the console is open on them. */
#pragma once

#include "demo/demo.h"
#include "demo/stage.h"

/* Until the person leaves the console. */
TMV_NODISCARD bool interactive_run(const struct stage *stage, const struct demo_options *options,
                                   struct tmv_error *err);
