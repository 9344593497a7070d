#include "theme/check.h"

#include <stdio.h>
#include <stdarg.h>

/* Backgrounds that a terminal may have when a theme says nothing: black, and the usual grey ones. */
static const struct rgb dark_backgrounds[] = {{0, 0, 0}, {30, 30, 30}};
static const struct rgb light_backgrounds[] = {{255, 255, 255}, {250, 244, 230}};
static const struct rgb dark_text = {208, 208, 208}, light_text = {28, 28, 28};

/* What must be readable as text is everything but these. */
static const struct {
    enum role role;
    double contrast; /* 0: only ornament */
} exceptions[] = {
    {ROLE_SEPARATOR, 0},
    {ROLE_BORDER, 0},
    {ROLE_BAR_REST, 0},
    {ROLE_PLOT_GRID, 0},
    {ROLE_DISABLED, THEME_VISIBLE},
    {ROLE_LOG_DEBUG, THEME_VISIBLE},
    {ROLE_STATE_ABORTED, THEME_VISIBLE},
    {ROLE_BAR_FULL, THEME_VISIBLE},
    {ROLE_PLOT_LINE, THEME_VISIBLE},
    {ROLE_PLOT_LIMIT, THEME_VISIBLE},
    {ROLE_SPARK, THEME_VISIBLE},
    {ROLE_BORDER_FOCUS, THEME_VISIBLE},
    {ROLE_DANGER_FRAME, THEME_VISIBLE},
};

/* Taking one for the other could mislead an operator. */
static const struct {
    enum role a, b;
} pairs[] = {
    {ROLE_STATE_READY, ROLE_STATE_FAILED},   {ROLE_STATE_READY, ROLE_STATE_SYNC},
    {ROLE_STATE_SYNC, ROLE_STATE_FAILED},    {ROLE_STATE_COPY, ROLE_STATE_FAILED},
    {ROLE_STATE_HOLD, ROLE_STATE_FAILED},    {ROLE_STATE_DONE, ROLE_STATE_FAILED},
    {ROLE_STATE_CUTOVER, ROLE_STATE_FAILED}, {ROLE_STATE_CUTOVER, ROLE_STATE_SYNC},
    {ROLE_STATE_SYNC, ROLE_STATE_ORPHAN},    {ROLE_STATE_PAUSED, ROLE_STATE_FAILED},
    {ROLE_STATE_SYNC, ROLE_STATE_THROTTLED}, {ROLE_LEVEL_OK, ROLE_LEVEL_WARN},
    {ROLE_LEVEL_OK, ROLE_LEVEL_CRIT},        {ROLE_FRESH_LIVE, ROLE_FRESH_OFFLINE},
    {ROLE_FRESH_LIVE, ROLE_FRESH_STALE},     {ROLE_LOG_OK, ROLE_LOG_ERROR},
    {ROLE_CONFIRM_READY, ROLE_DANGER},       {ROLE_ENV_PROD, ROLE_ENV_DEV},
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

struct colours {
    struct rgb fg, bg;
    bool known; /* neither depends on the palette of the person's terminal */
};

/* How a role looks on a terminal with this background; reverse swaps. */
static struct colours colours_in(const struct theme *theme, enum theme_tier tier, enum role role,
                                 struct rgb background)
{
    struct style style = theme->styles[tier][role];
    struct colours c = {theme->light ? light_text : dark_text, background, true};

    if (style.fg >= 0)
        c.fg = color_rgb(style.fg);
    if (style.bg >= 0)
        c.bg = color_rgb(style.bg);
    c.known = (style.fg < 0 || style.fg > 15) && (style.bg < 0 || style.bg > 15);
    if (style.attrs & STYLE_REVERSE) {
        struct rgb swap = c.fg;
        c.fg = c.bg;
        c.bg = swap;
    }
    return c;
}

static struct colours colours_of(const struct theme *theme, enum role role, struct rgb background)
{
    return colours_in(theme, THEME_256, role, background);
}

static double needed_contrast(const struct theme *theme, enum role role)
{
    for (size_t i = 0; i < COUNT(exceptions); i++)
        if (exceptions[i].role == role)
            return exceptions[i].contrast;
    return theme->contrast > THEME_CONTRAST ? theme->contrast : THEME_CONTRAST;
}

struct check {
    void (*tell)(void *user, const struct theme_finding *finding);
    void *user;
    int bad;
};

__attribute__((format(printf, 3, 4))) static void say(struct check *check, bool bad, const char *format, ...)
{
    struct theme_finding finding = {.bad = bad};
    va_list args;

    va_start(args, format);
    vsnprintf(finding.text, sizeof finding.text, format, args);
    va_end(args);
    check->bad += bad;
    check->tell(check->user, &finding);
}

/* What the sixteen colours look like is up to the terminal, so that about them there are only remarks. */
static void check_contrast(struct check *check, const struct theme *theme, enum theme_tier tier,
                           enum role role)
{
    const struct rgb *backgrounds = theme->light ? light_backgrounds : dark_backgrounds;
    double worst = 21, needed = needed_contrast(theme, role);
    bool known = true;

    if (tier == THEME_16 && needed > THEME_VISIBLE)
        needed = THEME_VISIBLE;

    for (size_t i = 0; i < COUNT(dark_backgrounds); i++) {
        struct colours c = colours_in(theme, tier, role, backgrounds[i]);
        double contrast = color_contrast(c.fg, c.bg);
        worst = contrast < worst ? contrast : worst;
        known = c.known && tier == THEME_256;
    }
    if (worst >= needed)
        return;
    say(check, known, "%s has contrast %.1f:1, less than %.1f:1%s", theme_role_name(role), worst, needed,
        known ? "" : " with xterm's sixteen colours");
}

/* Two roles are as far apart as what differs most in them, text or background. */
static double pair_distance(const struct theme *theme, enum role a, enum role b, enum vision vision)
{
    struct rgb background = theme->light ? light_backgrounds[0] : dark_backgrounds[1];
    struct colours x = colours_of(theme, a, background), y = colours_of(theme, b, background);
    double text = color_distance(color_seen(x.fg, vision), color_seen(y.fg, vision));
    double behind = color_distance(color_seen(x.bg, vision), color_seen(y.bg, vision));

    return text > behind ? text : behind;
}

/* A theme without colours tells states by words, shapes and attributes alone, and so it may. */
static bool has_colours(const struct theme *theme)
{
    for (int i = 0; i < ROLE_COUNT; i++)
        if (theme->styles[THEME_256][i].fg >= 0 || theme->styles[THEME_256][i].bg >= 0)
            return true;
    return false;
}

double theme_least_distance(const struct theme *theme, enum vision vision, enum role *ret_a, enum role *ret_b)
{
    double least = 1000;

    for (size_t i = 0; i < COUNT(pairs); i++) {
        double distance = pair_distance(theme, pairs[i].a, pairs[i].b, vision);
        if (distance >= least)
            continue;
        least = distance;
        *ret_a = pairs[i].a;
        *ret_b = pairs[i].b;
    }
    return least;
}

static void check_distances(struct check *check, const struct theme *theme, enum vision vision)
{
    struct rgb background = dark_backgrounds[0];

    for (size_t i = 0; i < COUNT(pairs); i++) {
        double distance = pair_distance(theme, pairs[i].a, pairs[i].b, vision);
        bool known = colours_of(theme, pairs[i].a, background).known &&
                     colours_of(theme, pairs[i].b, background).known;
        if (distance < THEME_DISTANCE)
            say(check, known, "%s and %s are %.0f apart for %s vision, less than %.0f",
                theme_role_name(pairs[i].a), theme_role_name(pairs[i].b), distance, vision_name(vision),
                THEME_DISTANCE);
    }
}

int theme_check(const struct theme *theme, void (*tell)(void *user, const struct theme_finding *finding),
                void *user)
{
    struct check check = {tell, user, 0};

    if (!has_colours(theme)) {
        say(&check, false, "no colours: states are told by word, shape and attribute");
        return 0;
    }
    for (int i = 0; i < ROLE_COUNT; i++) {
        check_contrast(&check, theme, THEME_256, (enum role)i);
        check_contrast(&check, theme, THEME_16, (enum role)i);
    }
    for (int vision = 0; vision < VISION_COUNT; vision++)
        check_distances(&check, theme, (enum vision)vision);
    return check.bad;
}
