#include "support/http_server.h"

#include "test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define REQUEST_MAX 200000
#define HELD_MAX 16
#define WAIT_S 30

struct http_server {
    int listener, port;
    int wake[2]; /* a byte in it ends the thread */
    const int *statuses;
    const char *location;
    pthread_t thread;
    pthread_mutex_t lock; /* of the rest */
    pthread_cond_t arrived;
    size_t count;
    char *heads[HTTP_SERVER_REQUESTS_MAX], *bodies[HTTP_SERVER_REQUESTS_MAX];
    int held[HELD_MAX]; /* connections kept open and silent */
    size_t held_count;
};

static size_t content_length(const char *head)
{
    const char *at = strcasestr(head, "\r\ncontent-length:");
    return at ? (size_t)strtoul(at + 17, NULL, 10) : 0;
}

/* Reads one request into `text`; returns where its body begins, or NULL. */
static char *read_request(int fd, char *text, size_t size)
{
    size_t len = 0;

    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        ssize_t n = poll(&p, 1, WAIT_S * 1000) == 1 ? recv(fd, text + len, size - len - 1, 0) : -1;

        if (n <= 0)
            return NULL;
        len += (size_t)n;
        text[len] = '\0';
        char *end = strstr(text, "\r\n\r\n");
        if (end && len >= (size_t)(end + 4 - text) + content_length(text)) {
            *end = '\0';
            return end + 4;
        }
    }
}

static int keep_request(struct http_server *s, const char *head, const char *body)
{
    int status = s->statuses[0];

    pthread_mutex_lock(&s->lock);
    if (s->count == HTTP_SERVER_REQUESTS_MAX)
        abort();
    for (size_t i = 0; i <= s->count && s->statuses[i]; i++)
        status = s->statuses[i];
    s->heads[s->count] = strdup(head);
    s->bodies[s->count++] = strdup(body);
    pthread_cond_broadcast(&s->arrived);
    pthread_mutex_unlock(&s->lock);
    return status;
}

static void answer(struct http_server *s, int fd, int status)
{
    char text[500];

    if (status == -2 && s->held_count < HELD_MAX) {
        s->held[s->held_count++] = fd;
        return;
    }
    if (status > 0) {
        int n = snprintf(text, sizeof text,
                         "HTTP/1.1 %d X\r\n%s%s%sContent-Length: 2\r\nConnection: close\r\n\r\nok", status,
                         status == 302 ? "Location: " : "", status == 302 ? s->location : "",
                         status == 302 ? "\r\n" : "");
        (void)!send(fd, text, (size_t)n, MSG_NOSIGNAL);
    }
    close(fd);
}

static void *serve(void *user)
{
    struct http_server *s = user;
    char *text = malloc(REQUEST_MAX);

    for (;;) {
        struct pollfd p[2] = {{.fd = s->listener, .events = POLLIN}, {.fd = s->wake[0], .events = POLLIN}};

        if (poll(p, 2, -1) < 0 && errno == EINTR)
            continue;
        if (p[1].revents)
            break;
        int fd = accept(s->listener, NULL, NULL);
        if (fd < 0)
            continue;
        char *body = read_request(fd, text, REQUEST_MAX);
        if (body)
            answer(s, fd, keep_request(s, text, body));
        else
            close(fd);
    }
    free(text);
    return NULL;
}

struct http_server *http_server_start(const int *statuses, const char *location)
{
    struct http_server *s = calloc(1, sizeof *s);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;

    assert_non_null(s);
    s->statuses = statuses;
    s->location = location;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->arrived, NULL);
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(s->listener >= 0);
    assert_int_equal(bind(s->listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(s->listener, (struct sockaddr *)&address, &size), 0);
    assert_int_equal(listen(s->listener, 16), 0);
    assert_int_equal(pipe(s->wake), 0);
    s->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
    return s;
}

void http_server_stop(struct http_server *s)
{
    if (!s)
        return;
    assert_int_equal(write(s->wake[1], "x", 1), 1);
    pthread_join(s->thread, NULL);
    for (size_t i = 0; i < s->held_count; i++)
        close(s->held[i]);
    for (size_t i = 0; i < s->count; i++) {
        free(s->heads[i]);
        free(s->bodies[i]);
    }
    close(s->listener);
    close(s->wake[0]);
    close(s->wake[1]);
    pthread_cond_destroy(&s->arrived);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

int http_server_port(const struct http_server *s)
{
    return s->port;
}

void http_server_wait(struct http_server *s, size_t count)
{
    struct timespec until;
    int rc = 0;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WAIT_S;
    pthread_mutex_lock(&s->lock);
    while (s->count < count && rc == 0)
        rc = pthread_cond_timedwait(&s->arrived, &s->lock, &until);
    size_t have = s->count;
    pthread_mutex_unlock(&s->lock);
    if (have < count)
        fail_msg("%zu requests arrived, %zu were expected", have, count);
}

size_t http_server_count(struct http_server *s)
{
    pthread_mutex_lock(&s->lock);
    size_t count = s->count;
    pthread_mutex_unlock(&s->lock);
    return count;
}

const char *http_server_head(struct http_server *s, size_t i)
{
    return s->heads[i];
}

const char *http_server_body(struct http_server *s, size_t i)
{
    return s->bodies[i];
}
