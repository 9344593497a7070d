/* What a cell means. Widgets and screens name meanings; only the theme knows colours (console.md §7). */
#pragma once

/* enum name, name in theme files, role that stands in when a theme leaves it out */
#define ROLE_LIST(R)                                                                                         \
    R(TEXT, "text", TEXT)                                                                                    \
    R(TEXT_DIM, "text.dim", TEXT)                                                                            \
    R(TEXT_STRONG, "text.strong", TEXT)                                                                      \
    R(HEADING, "heading", TEXT)                                                                              \
    R(SEPARATOR, "separator", TEXT)                                                                          \
    R(BORDER, "border", TEXT)                                                                                \
    R(BORDER_FOCUS, "border.focus", BORDER)                                                                  \
    R(SELECTION, "selection", TEXT)                                                                          \
    R(MARK, "mark", TEXT)                                                                                    \
    R(MATCH, "match", TEXT)                                                                                  \
    R(CHANGED, "changed", TEXT)                                                                              \
    R(DISABLED, "disabled", TEXT)                                                                            \
    R(HEADER, "header", TEXT)                                                                                \
    R(HEADER_TAB, "header.tab", HEADER)                                                                      \
    R(HEADER_ACTIVE, "header.active", HEADER)                                                                \
    R(FOOTER, "footer", TEXT)                                                                                \
    R(KEY, "key", TEXT)                                                                                      \
    R(KEY_LABEL, "key.label", TEXT)                                                                          \
    R(INPUT, "input", TEXT)                                                                                  \
    R(INPUT_BAD, "input.bad", INPUT)                                                                         \
    R(HINT, "hint", TEXT)                                                                                    \
    R(ENV_PROD, "env.prod", TEXT)                                                                            \
    R(ENV_STAGING, "env.staging", TEXT)                                                                      \
    R(ENV_DEV, "env.dev", TEXT)                                                                              \
    R(MODE_OPERATE, "mode.operate", TEXT)                                                                    \
    R(MODE_READONLY, "mode.readonly", TEXT)                                                                  \
    R(MODE_FROZEN, "mode.frozen", TEXT)                                                                      \
    R(MODE_REPLAY, "mode.replay", TEXT)                                                                      \
    R(FRESH_LIVE, "fresh.live", TEXT)                                                                        \
    R(FRESH_LAG, "fresh.lag", TEXT)                                                                          \
    R(FRESH_STALE, "fresh.stale", TEXT)                                                                      \
    R(FRESH_OFFLINE, "fresh.offline", TEXT)                                                                  \
    R(STATE, "state", TEXT)                                                                                  \
    R(STATE_PENDING, "state.pending", STATE)                                                                 \
    R(STATE_COPY, "state.copy", STATE)                                                                       \
    R(STATE_SYNC, "state.sync", STATE)                                                                       \
    R(STATE_READY, "state.ready", STATE)                                                                     \
    R(STATE_CUTOVER, "state.cutover", STATE)                                                                 \
    R(STATE_HOLD, "state.hold", STATE)                                                                       \
    R(STATE_DONE, "state.done", STATE)                                                                       \
    R(STATE_PAUSED, "state.paused", STATE)                                                                   \
    R(STATE_THROTTLED, "state.throttled", STATE)                                                             \
    R(STATE_FAILED, "state.failed", STATE)                                                                   \
    R(STATE_ABORTED, "state.aborted", STATE)                                                                 \
    R(STATE_ORPHAN, "state.orphan", STATE)                                                                   \
    R(LEVEL_OK, "level.ok", TEXT)                                                                            \
    R(LEVEL_WARN, "level.warn", TEXT)                                                                        \
    R(LEVEL_CRIT, "level.crit", TEXT)                                                                        \
    R(LOG_DEBUG, "log.debug", TEXT)                                                                          \
    R(LOG_INFO, "log.info", TEXT)                                                                            \
    R(LOG_OK, "log.ok", TEXT)                                                                                \
    R(LOG_WARN, "log.warn", TEXT)                                                                            \
    R(LOG_ERROR, "log.error", TEXT)                                                                          \
    R(DANGER, "danger", TEXT)                                                                                \
    R(DANGER_FRAME, "danger.frame", DANGER)                                                                  \
    R(CONFIRM_READY, "confirm.ready", TEXT)                                                                  \
    R(TOAST_OK, "toast.ok", TEXT)                                                                            \
    R(TOAST_ERROR, "toast.error", TEXT)                                                                      \
    R(BAR_FULL, "bar.full", TEXT)                                                                            \
    R(BAR_REST, "bar.rest", TEXT_DIM)                                                                        \
    R(PLOT_LINE, "plot.line", TEXT)                                                                          \
    R(PLOT_LIMIT, "plot.limit", TEXT)                                                                        \
    R(PLOT_GRID, "plot.grid", TEXT_DIM)                                                                      \
    R(SPARK, "spark", TEXT)

enum role {
#define ROLE_ENUM(name, text, parent) ROLE_##name,
    ROLE_LIST(ROLE_ENUM)
#undef ROLE_ENUM
        ROLE_COUNT
};
