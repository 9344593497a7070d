#include "observe/webhook.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/lock.h"
#include "lib/log.h"
#include "lib/stop.h"
#include "lib/text.h"
#include "lib/thread.h"

#define CONNECT_TIMEOUT_MS 3000L
#define TRANSFER_TIMEOUT_MS 10000L
#define TRIES 4
#define FIRST_PAUSE_US (250 * US_PER_MS) /* then twice as long each time */

struct webhook {
    char *url;                           /* owned */
    char server[300];                    /* scheme, host and port, for logs */
    CURL *curl;                          /* used by the thread only */
    struct curl_slist *headers;          /* owned */
    struct stop closing;                 /* raised by webhook_stop */
    _Atomic int64_t closing_deadline_us; /* set before `closing` is raised */
    pthread_t thread;
    pthread_mutex_t lock; /* of everything below */
    pthread_cond_t changed;
    char *queue[WEBHOOK_QUEUE_MAX]; /* ring of owned texts */
    size_t first, count;
    struct webhook_stats stats;
};

enum outcome { DELIVERED, WORTH_REPEATING, FINAL };

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static CURLcode curl_ready;

static void init_curl(void)
{
    curl_ready = curl_global_init(CURL_GLOBAL_DEFAULT);
}

static void curl_text_auto(char **text)
{
    curl_free(*text);
}

static void curl_url_auto(CURLU **url)
{
    curl_url_cleanup(*url);
}

/* Checks the URL and keeps the part that may be shown. */
static bool read_url(const char *text, char *ret_server, size_t size, struct tmv_error *err)
{
    AUTO(curl_url) CURLU *url = curl_url();
    AUTO(curl_text) char *scheme = NULL;
    AUTO(curl_text) char *host = NULL;
    AUTO(curl_text) char *port = NULL;

    if (!url)
        return err_set(err, TMV_ERR_NOMEM, "no memory for a webhook");
    bool parsed = curl_url_set(url, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
                  curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
                  curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
                  curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK;
    if (!parsed || (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)) {
        err_set(err, TMV_ERR_USAGE, "the webhook's address is not an http or https URL");
        return err_hint(err, "write it as https://host/path");
    }
    snprintf(ret_server, size, "%s://%s:%s", scheme, host, port);
    return true;
}

static size_t discard(char *data, size_t size, size_t count, void *user)
{
    (void)data;
    (void)user;
    return size * count;
}

static bool is_over(const struct webhook *w)
{
    return stop_is_raised(&w->closing) && clock_now_us() >= w->closing_deadline_us;
}

/* curl asks about once a second whether to go on. */
static int keep_going(void *user, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    (void)a, (void)b, (void)c, (void)d;
    return is_over(user);
}

static void prepare_transfers(struct webhook *w)
{
    curl_easy_setopt(w->curl, CURLOPT_URL, w->url);
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(w->curl, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    curl_easy_setopt(w->curl, CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
#endif
    curl_easy_setopt(w->curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(w->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(w->curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
    curl_easy_setopt(w->curl, CURLOPT_TIMEOUT_MS, TRANSFER_TIMEOUT_MS);
    curl_easy_setopt(w->curl, CURLOPT_USERAGENT, "tenantmv/" TMV_VERSION);
    curl_easy_setopt(w->curl, CURLOPT_HTTPHEADER, w->headers);
    curl_easy_setopt(w->curl, CURLOPT_WRITEFUNCTION, discard);
    curl_easy_setopt(w->curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(w->curl, CURLOPT_XFERINFOFUNCTION, keep_going);
    curl_easy_setopt(w->curl, CURLOPT_XFERINFODATA, w);
}

static enum outcome send_once(struct webhook *w, const char *json, char *ret_why, size_t why_size)
{
    long status = 0;

    curl_easy_setopt(w->curl, CURLOPT_POSTFIELDS, json);
    curl_easy_setopt(w->curl, CURLOPT_POSTFIELDSIZE, (long)strlen(json));
    CURLcode code = curl_easy_perform(w->curl);
    if (code != CURLE_OK) {
        text_copy(ret_why, why_size, curl_easy_strerror(code));
        return code == CURLE_ABORTED_BY_CALLBACK ? FINAL : WORTH_REPEATING;
    }
    curl_easy_getinfo(w->curl, CURLINFO_RESPONSE_CODE, &status);
    snprintf(ret_why, why_size, "status %ld", status);
    if (status >= 200 && status <= 299)
        return DELIVERED;
    return status >= 500 || status == 408 || status == 429 ? WORTH_REPEATING : FINAL;
}

static void count_attempt(struct webhook *w)
{
    pthread_mutex_lock(&w->lock);
    w->stats.attempts++;
    pthread_mutex_unlock(&w->lock);
}

static void deliver(struct webhook *w, const char *json)
{
    char why[120] = "";
    int64_t pause_us = FIRST_PAUSE_US;
    enum outcome outcome = WORTH_REPEATING;

    for (int try = 1; outcome == WORTH_REPEATING; try++) {
        count_attempt(w);
        outcome = send_once(w, json, why, sizeof why);
        if (outcome != WORTH_REPEATING || try == TRIES || !stop_sleep(&w->closing, pause_us))
            break;
        pause_us *= 2;
    }
    if (outcome != DELIVERED)
        log_warn("a message to the webhook was not delivered server=%s why=%s", w->server, why);
    pthread_mutex_lock(&w->lock);
    if (outcome == DELIVERED)
        w->stats.delivered++;
    else
        w->stats.failed++;
    pthread_mutex_unlock(&w->lock);
}

/* The next message, or NULL when it is time to end. The caller frees it. */
static char *next_message(struct webhook *w)
{
    char *message = NULL;

    pthread_mutex_lock(&w->lock);
    while (w->count == 0 && !stop_is_raised(&w->closing))
        pthread_cond_wait(&w->changed, &w->lock); /* webhook_stop ends it */
    if (w->count > 0 && !is_over(w)) {
        message = w->queue[w->first];
        w->first = (w->first + 1) % WEBHOOK_QUEUE_MAX;
        w->count--;
    }
    pthread_mutex_unlock(&w->lock);
    return message;
}

static void *run(void *user)
{
    struct webhook *w = user;

    for (;;) {
        AUTO_FREE char *message = next_message(w);

        if (!message)
            return NULL;
        deliver(w, message);
    }
}

static void release(struct webhook *w)
{
    for (size_t i = 0; i < w->count; i++)
        free(w->queue[(w->first + i) % WEBHOOK_QUEUE_MAX]);
    curl_easy_cleanup(w->curl);
    curl_slist_free_all(w->headers);
    stop_release(&w->closing);
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->lock);
    free(w->url);
    free(w);
}

static bool prepare(struct webhook *w, const char *url, struct tmv_error *err)
{
    pthread_once(&curl_once, init_curl);
    if (curl_ready != CURLE_OK)
        return err_set(err, TMV_ERR_INTERNAL, "libcurl: %s", curl_easy_strerror(curl_ready));
    if (!read_url(url, w->server, sizeof w->server, err) || !stop_init(&w->closing, err))
        return false;
    w->url = strdup(url);
    w->curl = curl_easy_init();
    w->headers = curl_slist_append(NULL, "Content-Type: application/json");
    if (!w->url || !w->curl || !w->headers || !curl_slist_append(w->headers, "Expect:"))
        return err_set(err, TMV_ERR_NOMEM, "no memory for a webhook");
    prepare_transfers(w);
    return true;
}

bool webhook_start(const char *url, struct webhook **ret_webhook, struct tmv_error *err)
{
    struct webhook *w = calloc(1, sizeof *w);

    if (!w)
        return err_set(err, TMV_ERR_NOMEM, "no memory for a webhook");
    w->closing.fd = -1;
    lock_init(&w->lock);
    cond_init(&w->changed);
    if (!prepare(w, url, err) || !thread_spawn(&w->thread, "webhook", run, w, err)) {
        release(w);
        return false;
    }
    *ret_webhook = w;
    return true;
}

void webhook_post(struct webhook *w, const char *json)
{
    if (!w)
        return;
    char *message = strlen(json) <= WEBHOOK_MESSAGE_MAX ? strdup(json) : NULL;
    pthread_mutex_lock(&w->lock);
    if (!message || w->count == WEBHOOK_QUEUE_MAX)
        w->stats.dropped++;
    if (message) {
        if (w->count == WEBHOOK_QUEUE_MAX) {
            free(w->queue[w->first]);
            w->first = (w->first + 1) % WEBHOOK_QUEUE_MAX;
            w->count--;
        }
        w->queue[(w->first + w->count++) % WEBHOOK_QUEUE_MAX] = message;
        pthread_cond_signal(&w->changed);
    }
    pthread_mutex_unlock(&w->lock);
}

void webhook_stop(struct webhook *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    w->closing_deadline_us = clock_now_us() + WEBHOOK_STOP_US;
    stop_raise(&w->closing);
    pthread_cond_signal(&w->changed);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    w->stats.dropped += (int64_t)w->count;
    if (w->stats.dropped > 0)
        log_warn("messages to the webhook were dropped server=%s count=%lld", w->server,
                 (long long)w->stats.dropped);
    release(w);
}

void webhook_get_stats(struct webhook *w, struct webhook_stats *ret_stats)
{
    pthread_mutex_lock(&w->lock);
    *ret_stats = w->stats;
    pthread_mutex_unlock(&w->lock);
}

bool webhook_observe(const struct observer_options *options, void **ret_self, struct tmv_error *err)
{
    struct webhook *webhook = NULL;

    if (options->webhook_url && !webhook_start(options->webhook_url, &webhook, err))
        return false;
    *ret_self = webhook;
    return true;
}

void webhook_tell(void *self, const struct notice *notice)
{
    AUTO_FREE char *json = notice_to_json(notice);

    if (json)
        webhook_post(self, json);
}

void webhook_end(void *self)
{
    webhook_stop(self);
}
