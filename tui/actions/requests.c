#include "actions/requests.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actions/limits.h"
#include "console/thread.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/text.h"

#define JOBS_MAX 240 /* a bulk action and a few more */
#define NEWS_MAX 512
#define FOLLOW_WAIT_US INT64_C(200000)
#define RETRY_US INT64_C(500000)
#define LOOKS 10 /* for a command whose answer was lost: what was on its way has arrived by then */

#define DIALOG_AGAIN_US INT64_C(3000000) /* it counts as closed after 10 s */

struct job {
    struct tmv_request request;
    char reason[TMV_REASON_MAX]; /* the request's own copy; of new limits: the changes */
    bool limits;                 /* new limits, and no request */
    bool sent;
    struct tmv_uuid command; /* once sent, or perhaps sent */
    int looks;               /* for a command whose answer was lost; 0: it was not */
    enum outcome_kind last;  /* what was told last */
    bool lost;               /* OUTCOME_UNKNOWN was told since */
};

struct requests {
    struct thread thread; /* first: see thread.h */
    char *conninfo;
    struct tmv_actor actor;
    struct job jobs[JOBS_MAX]; /* under the lock: the first job_count */
    int job_count;
    struct outcome news[NEWS_MAX]; /* under the lock: a ring */
    int news_first, news_count;
    struct tmv_dialog dialog;     /* under the lock: as it should be known */
    bool dialog_changed;          /* under the lock */
    struct tmv_dialog told;       /* the thread's own: as it is known */
    int64_t told_us;              /* monotonic, when it was said last */
    struct tmv_control *control;  /* the thread's own */
    struct job at_work[JOBS_MAX]; /* the thread's own copies */
};

static void requests_free(struct requests *r)
{
    free(r->conninfo);
    free(r);
}

static void tell(struct requests *r, const struct job *job, enum outcome_kind kind, const char *text)
{
    struct outcome *outcome;

    pthread_mutex_lock(&r->thread.lock);
    if (r->news_count == NEWS_MAX) { /* nobody takes them: the oldest leaves */
        r->news_first = (r->news_first + 1) % NEWS_MAX;
        r->news_count--;
    }
    outcome = &r->news[(r->news_first + r->news_count++) % NEWS_MAX];
    memset(outcome, 0, sizeof *outcome);
    outcome->kind = kind;
    outcome->operation = job->request.operation;
    outcome->limits = job->limits;
    outcome->migration = job->request.migration;
    outcome->command = job->command;
    outcome->ended = kind == OUTCOME_DONE || kind == OUTCOME_REFUSED || kind == OUTCOME_FAILED;
    text_copy(outcome->text, sizeof outcome->text, text);
    pthread_mutex_unlock(&r->thread.lock);
    thread_wake(&r->thread);
}

static bool connected(struct requests *r, struct tmv_error *err)
{
    return r->control || tmv_control_open(r->conninfo, &r->control, err);
}

static void drop_connection(struct requests *r)
{
    tmv_control_close(r->control);
    r->control = NULL;
}

static bool is_lost_link(const struct tmv_error *err)
{
    return err->code == TMV_ERR_UNREACHABLE || err->code == TMV_ERR_TIMEOUT || err->code == TMV_ERR_UNKNOWN;
}

/* Doing it again changes nothing, so the person may just ask again. */
static bool send_limits(struct requests *r, const struct job *job)
{
    struct tmv_settings settings;
    struct tmv_error err = {0};
    char text[sizeof r->news->text];

    if (tmv_settings_change(r->control, &job->request.migration, job->reason, &r->actor, &settings, &err)) {
        limits_words(&settings, text, sizeof text);
        tell(r, job, OUTCOME_DONE, text);
        return true;
    }
    if (is_lost_link(&err))
        drop_connection(r);
    snprintf(text, sizeof text, "%.600s", err.message);
    tell(r, job, err.code == TMV_ERR_REFUSED ? OUTCOME_REFUSED : OUTCOME_FAILED, text);
    return true;
}

/* Sends one. True when the job has ended. */
static bool send_job(struct requests *r, struct job *job)
{
    struct tmv_error err = {0};
    char text[sizeof r->news->text];

    if (!connected(r, &err)) { /* nothing has been sent: the person decides whether to ask again */
        snprintf(text, sizeof text, "not sent: %.600s", err.message);
        tell(r, job, OUTCOME_FAILED, text);
        return true;
    }
    if (job->limits)
        return send_limits(r, job);
    job->request.reason = job->reason[0] != '\0' ? job->reason : NULL;
    if (tmv_request(r->control, &job->request, &r->actor, &job->command, &err)) {
        job->sent = true;
        tell(r, job, OUTCOME_REQUESTED, "");
        return false;
    }
    if (is_lost_link(&err)) {
        drop_connection(r);
        job->command = job->request.id;
        job->looks = 1;
        snprintf(text, sizeof text, "the answer was lost (%.400s)", err.message);
        tell(r, job, OUTCOME_UNKNOWN, text);
        return false;
    }
    snprintf(text, sizeof text, "%.600s", err.message);
    tell(r, job,
         err.code == TMV_ERR_REFUSED || err.code == TMV_ERR_CONFLICT ? OUTCOME_REFUSED : OUTCOME_FAILED,
         text);
    return true;
}

static enum outcome_kind kind_of(enum tmv_command_state state)
{
    switch (state) {
    case TMV_COMMAND_RUNNING:
        return OUTCOME_RUNNING;
    case TMV_COMMAND_DONE:
        return OUTCOME_DONE;
    case TMV_COMMAND_REFUSED:
    case TMV_COMMAND_EXPIRED:
    case TMV_COMMAND_WITHDRAWN:
        return OUTCOME_REFUSED;
    case TMV_COMMAND_FAILED:
        return OUTCOME_FAILED;
    case TMV_COMMAND_REQUESTED:
    case TMV_COMMAND_STATE_COUNT:
        break;
    }
    return OUTCOME_REQUESTED;
}

/* Whether a command whose answer was lost had arrived. It is never sent a second time: the person decides
 * that. True when the job has ended. */
static bool look_for_job(struct requests *r, struct job *job)
{
    struct tmv_command_info info;
    struct tmv_error err = {0};

    if (!connected(r, &err))
        return false;
    if (tmv_command_get(r->control, &job->command, &info, &err)) {
        job->sent = true;
        job->looks = 0;
        job->lost = true; /* its state is news */
        return false;
    }
    if (err.code != TMV_ERR_NOT_FOUND) {
        drop_connection(r);
        return false;
    }
    if (++job->looks <= LOOKS)
        return false;
    tell(r, job, OUTCOME_FAILED, "it never arrived, nothing was asked for: ask again if you still want it");
    return true;
}

/* Looks at one that was sent. True when it has ended. */
static bool follow_job(struct requests *r, struct job *job)
{
    struct tmv_command_info info;
    struct tmv_error err = {0};
    enum outcome_kind kind;

    if (!connected(r, &err) || !tmv_command_get(r->control, &job->command, &info, &err)) {
        if (!job->lost)
            tell(r, job, OUTCOME_UNKNOWN, err.message);
        job->lost = true;
        drop_connection(r);
        return false;
    }
    kind = kind_of(info.state);
    if (kind != job->last || job->lost)
        tell(r, job, kind, info.outcome);
    job->last = kind;
    job->lost = false;
    return kind == OUTCOME_DONE || kind == OUTCOME_REFUSED || kind == OUTCOME_FAILED;
}

static bool say_dialog(struct requests *r, const struct tmv_dialog *now, struct tmv_error *err)
{
    if (!tmv_uuid_equal(&now->id, &r->told.id) && !tmv_uuid_is_nil(&r->told.id) &&
        !tmv_dialog_close(r->control, &r->told.id, err))
        return false;
    return tmv_uuid_is_nil(&now->id) ||
           tmv_dialog_show(r->control, &now->id, &now->migration, now->operation, &r->actor, err);
}

/* Says which dialog is open when that changed, or when it has to be said again. Nobody is told when it does
 * not work: it is said again soon, and what is asked for says by itself that there is no connection. */
static void tell_dialog(struct requests *r)
{
    struct tmv_error err = {0};
    struct tmv_dialog now;
    bool stop;

    pthread_mutex_lock(&r->thread.lock);
    stop = r->thread.stop;
    now = r->dialog;
    if (stop)
        now = (struct tmv_dialog){0};
    r->dialog_changed = false;
    pthread_mutex_unlock(&r->thread.lock);
    if (tmv_uuid_equal(&now.id, &r->told.id) &&
        (tmv_uuid_is_nil(&now.id) || clock_now_us() - r->told_us < DIALOG_AGAIN_US))
        return;
    r->told_us = clock_now_us();
    if ((stop ? !!r->control : connected(r, &err)) && say_dialog(r, &now, &err))
        r->told = now;
    else if (is_lost_link(&err))
        drop_connection(r);
}

/* Under the lock: when tell_dialog has to be called. */
static int64_t dialog_deadline_us(const struct requests *r)
{
    if (r->dialog_changed)
        return 0;
    if (!tmv_uuid_equal(&r->dialog.id, &r->told.id))
        return r->told_us + RETRY_US;
    return tmv_uuid_is_nil(&r->dialog.id) ? INT64_MAX : r->told_us + DIALOG_AGAIN_US;
}

/* Waits for work; copies the jobs so that nothing is held while a database is asked. None: there is something
 * to say about a dialog, or it is time to end. */
static int take_jobs(struct requests *r, struct job jobs[JOBS_MAX])
{
    pthread_mutex_lock(&r->thread.lock);
    while (!r->thread.stop && r->job_count == 0 && dialog_deadline_us(r) > clock_now_us())
        thread_wait(&r->thread, dialog_deadline_us(r));
    memcpy(jobs, r->jobs, sizeof r->jobs);
    int count = r->thread.stop ? 0 : r->job_count;
    pthread_mutex_unlock(&r->thread.lock);
    return count;
}

/* Puts the jobs that go on back in front of those that came meanwhile. */
static void keep_jobs(struct requests *r, const struct job *jobs, int before, const bool *ended)
{
    int n = 0;

    pthread_mutex_lock(&r->thread.lock);
    for (int i = 0; i < r->job_count; i++) {
        struct job job = i < before ? jobs[i] : r->jobs[i];
        if (i >= before || !ended[i])
            r->jobs[n++] = job;
    }
    r->job_count = n;
    pthread_mutex_unlock(&r->thread.lock);
}

/* A moment between two looks: until the database says that something changed, or the time passes. */
static void wait_for_change(struct requests *r)
{
    struct tmv_error err;

    if (r->control) {
        if (!tmv_control_wait_change(r->control, FOLLOW_WAIT_US, &err))
            drop_connection(r);
        return;
    }
    pthread_mutex_lock(&r->thread.lock);
    if (!r->thread.stop)
        thread_wait(&r->thread, clock_now_us() + RETRY_US);
    pthread_mutex_unlock(&r->thread.lock);
}

static void *requests_run(void *self)
{
    struct requests *r = self;
    struct job *jobs = r->at_work;
    int count;

    while ((count = take_jobs(r, jobs)) > 0 || !thread_stopping(&r->thread)) {
        bool ended[JOBS_MAX] = {false}, any_left = false;
        for (int i = 0; i < count; i++) {
            ended[i] = jobs[i].sent        ? follow_job(r, &jobs[i])
                       : jobs[i].looks > 0 ? look_for_job(r, &jobs[i])
                                           : send_job(r, &jobs[i]);
            any_left = any_left || !ended[i];
        }
        keep_jobs(r, jobs, count, ended);
        tell_dialog(r);
        if (any_left)
            wait_for_change(r);
    }
    tell_dialog(r); /* closed */
    drop_connection(r);
    if (thread_release(&r->thread))
        requests_free(r);
    return NULL;
}

struct requests *requests_start(const char *conninfo, const struct tmv_actor *actor, int wake_fd,
                                struct tmv_error *err)
{
    struct requests *r = calloc(1, sizeof *r);

    if (!r) {
        err_set(err, TMV_ERR_NOMEM, "out of memory");
        return NULL;
    }
    r->conninfo = strdup(conninfo);
    r->actor = *actor;
    bool ok = r->conninfo || err_set(err, TMV_ERR_NOMEM, "out of memory");
    if (!ok || !thread_start(&r->thread, "requests", wake_fd, requests_run, err)) {
        requests_free(r);
        return NULL;
    }
    return r;
}

static bool queue(struct requests *r, const struct job *job)
{
    bool room;

    pthread_mutex_lock(&r->thread.lock);
    room = r->job_count < JOBS_MAX;
    if (room) {
        r->jobs[r->job_count++] = *job;
        pthread_cond_broadcast(&r->thread.changed);
    }
    pthread_mutex_unlock(&r->thread.lock);
    return room;
}

bool requests_send(struct requests *r, const struct tmv_request *request)
{
    struct job job = {.request = *request};

    if (tmv_uuid_is_nil(&job.request.id))
        job.request.id = tmv_uuid_random();
    text_copy(job.reason, sizeof job.reason, request->reason ? request->reason : "");
    return queue(r, &job);
}

bool requests_limit(struct requests *r, const struct tmv_uuid *migration, const char *changes)
{
    struct job job = {.request = {.migration = *migration}, .limits = true};

    text_copy(job.reason, sizeof job.reason, changes);
    return queue(r, &job);
}

void requests_dialog(struct requests *r, const struct tmv_dialog *dialog)
{
    pthread_mutex_lock(&r->thread.lock);
    if (!tmv_uuid_equal(&r->dialog.id, &dialog->id)) {
        r->dialog = *dialog;
        r->dialog_changed = true;
        pthread_cond_broadcast(&r->thread.changed);
    }
    pthread_mutex_unlock(&r->thread.lock);
}

bool requests_take(struct requests *r, struct outcome *ret_outcome)
{
    bool any;

    pthread_mutex_lock(&r->thread.lock);
    any = r->news_count > 0;
    if (any) {
        *ret_outcome = r->news[r->news_first];
        r->news_first = (r->news_first + 1) % NEWS_MAX;
        r->news_count--;
    }
    pthread_mutex_unlock(&r->thread.lock);
    return any;
}

int requests_pending(struct requests *r)
{
    int pending;

    pthread_mutex_lock(&r->thread.lock);
    pending = r->job_count;
    pthread_mutex_unlock(&r->thread.lock);
    return pending;
}

void requests_stop(struct requests *r)
{
    if (!r)
        return;
    thread_stop(&r->thread);
    if (thread_release(&r->thread))
        requests_free(r);
}
