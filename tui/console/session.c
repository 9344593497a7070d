#include "console/session.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/text.h"
#include "tenantmv/engine.h"

static const int end_signals[] = {SIGINT, SIGTERM, SIGQUIT, SIGHUP};

#define END_SIGNALS (sizeof end_signals / sizeof *end_signals)

/* Handlers can reach nothing else. One session at a time. */
static volatile sig_atomic_t signal_seen;
static int signal_wake = -1;
static struct sigaction actions_before[END_SIGNALS];

/* The screen's thread may hang in a write to a terminal that does not read: a second signal ends the program.
 */
static void on_signal(int number)
{
    static const char reset[] = "\033[?2004l\033[?1049l\033[?25h\033[0m\r\n";
    uint64_t one = 1;
    int saved = errno;
    ssize_t n;

    if (signal_seen != 0) {
        n = number == SIGHUP ? 0 : write(STDOUT_FILENO, reset, sizeof reset - 1);
        (void)n;
        _exit(128 + number);
    }
    signal_seen = number;
    n = write(signal_wake, &one, sizeof one);
    (void)n;
    errno = saved;
}

static void handle_signals(bool on)
{
    struct sigaction action = {.sa_handler = on_signal};

    for (size_t i = 0; i < END_SIGNALS; i++) {
        if (on)
            sigaction(end_signals[i], &action, &actions_before[i]);
        else
            sigaction(end_signals[i], &actions_before[i], NULL);
    }
}

static void fill_actor(const struct console_options *options, struct tmv_actor *ret_actor)
{
    char host[128] = "";

    memset(ret_actor, 0, sizeof *ret_actor);
    text_copy(ret_actor->name, sizeof ret_actor->name, options->who ? options->who : "console");
    gethostname(host, sizeof host - 1);
    if (options->from)
        text_copy(ret_actor->from, sizeof ret_actor->from, options->from);
    else
        snprintf(ret_actor->from, sizeof ret_actor->from, "%s pid %d", host, (int)getpid());
}

static void update_clocks(struct session *session)
{
    session->state.model.now_us = clock_now_us();
    session->state.model.wall_us = session->fixed_wall_us > 0 ? session->fixed_wall_us : clock_wall_us();
}

/* What was asked for; else what fits the terminal's background, if that is known: rxvt and others export
 * "foreground;background" as numbers of the sixteen colours. */
static void load_theme(struct session *session)
{
    const char *name = session->options->theme, *colors = getenv("COLORFGBG"), *background;
    char problem[400];

    if (!name || name[0] == '\0')
        name = getenv("TENANTMV_THEME");
    if (!name || name[0] == '\0') {
        background = colors ? strrchr(colors, ';') : NULL;
        name = background && (strcmp(background, ";7") == 0 || strcmp(background, ";15") == 0)
                   ? "default-light"
                   : "default-dark";
    }
    if (!theme_load(name, &session->theme, problem, sizeof problem))
        state_toast(&session->state, ROLE_LEVEL_WARN, "theme: %s", problem);
    session->state.theme = &session->theme;
}

bool session_start(struct session *session, const struct console_options *options)
{
    struct model *model = &session->state.model;
    struct tmv_actor actor;
    struct tmv_error err = {.message = "out of memory"};

    memset(session, 0, sizeof *session);
    state_init(&session->state);
    session->options = options;
    session->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    session->signal_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    model->environment = options->environment;
    model->environment_kind = options->environment_kind;
    model->who = options->who;
    model->engine_note = options->engine_note;
    model->read_only = options->read_only;
    model->unjudged = !options->read_only;
    model->names = options->names;
    model->only_problems = options->only_problems;
    model->big = options->big;
    model->no_keys = options->no_keys;
    update_clocks(session);
    load_theme(session);
    signal_seen = 0;
    signal_wake = session->signal_fd;
    handle_signals(true);
    fill_actor(options, &actor);
    session->monitor = monitor_start(options->control_conninfo, session->wake_fd, FLEET_MAX, &err);
    session->shows_stores = !options->plain && !options->once; /* lines say nothing of the servers */
    if (!options->read_only && !options->plain && !options->once)
        session->state.requests = requests_start(options->control_conninfo, &actor, session->wake_fd, &err);
    if (session->monitor && canvas_init(&session->canvas, 80, 24) &&
        (options->read_only || options->plain || options->once || session->state.requests))
        return true;
    fprintf(stderr, "tenantmv: the console cannot start: %s\n", err.message);
    session_stop(session);
    return false;
}

void session_stop(struct session *session)
{
    requests_stop(session->state.requests);
    session->state.requests = NULL;
    monitor_stop(session->monitor);
    state_release(&session->state);
    canvas_release(&session->canvas);
    handle_signals(false);
    signal_wake = -1;
    close(session->wake_fd);
    close(session->signal_fd);
}

int session_signal(const struct session *session)
{
    (void)session;
    return signal_seen;
}

/* An engine's role has its rights: now, or since it was refused. */
static void start_engine(struct session *session)
{
    struct tmv_error err = {0};

    session->engine = session->options->engine_start(session->options->engine_user, &err);
    session->state.engine_here = session->engine;
    if (session->engine)
        session->state.model.engine_note = "engine here";
    else
        state_toast(&session->state, ROLE_LEVEL_CRIT, "no engine: %.400s", err.message);
}

/* Without it screen 5 shows what others saw. */
static void start_stores(struct session *session)
{
    struct tmv_error err = {0};

    session->stores = session->options->stores_start(session->options->engine_user, &err);
    if (!session->stores)
        state_toast(&session->state, ROLE_LEVEL_CRIT, "nothing looks at the stores: %.400s", err.message);
}

/* What this role's console is: it shows READ-ONLY where it could change nothing, and has no engine where that
 * could not run. */
static void take_rights(struct session *session, const struct tmv_rights *rights)
{
    struct model *model = &session->state.model;
    bool wanted = session->options->engine_start;

    model->unjudged = false;
    model->read_only = session->options->read_only || !rights->may_request;
    model->engine_missing = NULL;
    if (session->options->stores_start && session->shows_stores && rights->may_run && !session->stores)
        start_stores(session);
    if (wanted && rights->may_run && !session->engine)
        start_engine(session);
    else if (wanted && !rights->may_run && session->engine)
        model->engine_missing = "but its role lacks rights";
    else if (wanted && !rights->may_run && rights->may_request)
        model->engine_missing = "no engine: its role lacks rights";
}

static void take_report(struct session *session, struct monitor_report *report)
{
    struct model *model = &session->state.model;

    model->connected = report->connected;
    model->offline_since_us = report->offline_since_us;
    text_copy(model->link_error, sizeof model->link_error, report->error);
    text_copy(model->link_hint, sizeof model->link_hint, report->hint);
    if (report->judged)
        take_rights(session, &report->rights);
    event_log_add(&model->log, report->log, report->log_count);
    free(report->log);
    if (report->record)
        state_set_record(&session->state, report->record);
    if (report->snapshot)
        state_set_snapshot(&session->state, report->snapshot);
}

static bool take_stores(struct session *session)
{
    struct store_view *stores;
    size_t count;

    if (!monitor_take_stores(session->monitor, &stores, &count, session->state.model.stores_problem))
        return false;
    state_set_stores(&session->state, stores, count);
    return true;
}

/* Others see which dialog is open here. */
static void show_dialog(struct session *session)
{
    const struct confirm *confirm = &session->state.confirm;
    struct tmv_dialog *mine = &session->state.model.own_dialog;
    bool open = confirm->kind != CONFIRM_NONE && !confirm->bulk;

    if (!session->state.requests)
        return;
    if (!open)
        *mine = (struct tmv_dialog){0};
    else if (tmv_uuid_is_nil(&mine->id) || !tmv_uuid_equal(&mine->migration, &confirm->migration) ||
             mine->operation != confirm->operation)
        *mine = (struct tmv_dialog){
            .id = tmv_uuid_random(), .migration = confirm->migration, .operation = confirm->operation};
    requests_dialog(session->state.requests, mine);
}

static void look_at_engine(struct session *session)
{
    struct tmv_engine_status status = {0};

    if (session->engine)
        tmv_engine_get_status(session->engine, &status);
    session->state.engine_runs = status.running;
}

bool session_turn(struct session *session)
{
    struct monitor_report report;
    struct outcome outcome;
    bool any = false;

    update_clocks(session);
    if (!session->state.model.frozen && monitor_take(session->monitor, &report)) {
        take_report(session, &report);
        any = true;
    }
    any = take_stores(session) || any;
    monitor_focus(session->monitor, &session->state.model.focus);
    if (!session->state.model.frozen)
        monitor_series(session->monitor, &session->state.model.focus, &session->state.model.series);
    if (session->shows_stores)
        monitor_watch_stores(session->monitor, session->state.model.stores_wanted);
    while (session->state.requests && requests_take(session->state.requests, &outcome)) {
        state_outcome(&session->state, &outcome);
        any = true;
    }
    look_at_engine(session);
    if (session->options->note)
        session->options->note(session->options->note_user, session->state.model.note,
                               sizeof session->state.model.note);
    state_tick(&session->state);
    show_dialog(session);
    return any;
}

static void drain(int fd)
{
    uint64_t value;
    ssize_t n = read(fd, &value, sizeof value);

    (void)n; /* empty is fine */
}

int session_wait(struct session *session, int fd, int64_t deadline_us)
{
    struct pollfd fds[] = {
        {.fd = session->signal_fd, .events = POLLIN},
        {.fd = session->wake_fd, .events = POLLIN},
        {.fd = fd, .events = POLLIN},
    };
    int64_t left_us = deadline_us - clock_now_us();
    int timeout_ms = left_us <= 0 ? 0 : left_us > 60000000 ? 60000 : (int)(left_us / 1000) + 1;

    if (poll(fds, fd >= 0 ? 3 : 2, timeout_ms) < 0)
        return 0; /* interrupted: the caller looks again */
    if (fds[1].revents != 0)
        drain(session->wake_fd);
    return fd >= 0 ? fds[2].revents : 0;
}
