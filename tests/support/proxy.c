#include "test.h"

#include "support/proxy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/text.h"
#include "support/support.h"

#define PAIRS_MAX 100
#define BYTES ((size_t)64 * 1024)
#define PORT_IN_DIRECTORY 5432

/* Bytes on their way in one direction. */
struct half {
    char *data;       /* owned */
    size_t from, len; /* what is not written yet */
    int64_t ready_us; /* not written before */
    bool ended;       /* nothing more comes */
    bool shut;        /* the reader was told so */
};

struct pair {
    int fds[2];            /* client, server; -1 unused */
    struct half halves[2]; /* by enum proxy_way: to the server, to the client */
    bool silent;           /* nothing passes any more, and nothing is closed */
};

struct proxy {
    pthread_t thread;
    pthread_mutex_t lock;
    char directory[200]; /* of our unix socket */
    char upstream[200];  /* the server's unix socket */
    int listeners[2];    /* unix, TCP */
    int tcp_port;
    int wake; /* eventfd: something was changed */
    /* under the lock */
    bool stopped, refused;
    bool stalled[2];
    int64_t delay_us;
    struct pair pairs[PAIRS_MAX];
};

/* ---- starting ---- */

static void word_of(const char *conninfo, const char *key, char *value, size_t size)
{
    const char *at = strstr(conninfo, key);

    assert_non_null(at);
    at += strlen(key);
    snprintf(value, size, "%.*s", (int)strcspn(at, " "), at);
}

static int listen_unix(const char *directory)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    snprintf(address.sun_path, sizeof address.sun_path, "%.80s/.s.PGSQL.%d", directory, PORT_IN_DIRECTORY);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 100), 0);
    return fd;
}

static int listen_tcp(int *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 100), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

static void close_pair(struct pair *p)
{
    for (int side = 0; side < 2; side++) {
        if (p->fds[side] >= 0)
            close(p->fds[side]);
        p->fds[side] = -1;
        free(TAKE(p->halves[side].data));
    }
}

/* ---- passing on ---- */

static int connect_upstream(const struct proxy *proxy)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    text_copy(address.sun_path, sizeof address.sun_path, proxy->upstream);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
        fcntl(fd, F_SETFL, O_NONBLOCK) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static void take_connection(struct proxy *proxy, int listener)
{
    int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    struct pair *p = NULL;

    if (client < 0)
        return;
    for (int i = 0; i < PAIRS_MAX && !p; i++)
        if (proxy->pairs[i].fds[0] < 0)
            p = &proxy->pairs[i];
    int server = proxy->refused || !p ? -1 : connect_upstream(proxy);
    if (server < 0) {
        close(client);
        return;
    }
    *p = (struct pair){.fds = {client, server}};
    for (int way = 0; way < 2; way++)
        p->halves[way].data = malloc(BYTES);
}

/* Side 0 is the client: what it sends is the half to the server (way 0), read from fds[0], written to fds[1].
 */
static bool read_half(struct proxy *proxy, struct pair *p, int way)
{
    struct half *h = &p->halves[way];
    ssize_t n = h->data ? recv(p->fds[way], h->data, BYTES, 0) : 0;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (n < 0)
        return false;
    h->from = 0;
    h->len = (size_t)n;
    h->ended = h->ended || n == 0;
    h->ready_us = clock_now_us() + proxy->delay_us;
    return true;
}

static bool may_write(const struct proxy *proxy, const struct pair *p, int way)
{
    const struct half *h = &p->halves[way];

    return h->len > 0 && !proxy->stalled[way] && !p->silent && clock_now_us() >= h->ready_us;
}

static bool write_half(struct pair *p, int way)
{
    struct half *h = &p->halves[way];
    ssize_t n = send(p->fds[!way], h->data + h->from, h->len, MSG_NOSIGNAL);

    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    h->from += (size_t)n;
    h->len -= (size_t)n;
    return true;
}

/* False when the pair is finished or broken. */
static bool serve_pair(struct proxy *proxy, struct pair *p, const struct pollfd *fds)
{
    for (int way = 0; way < 2 && !p->silent; way++) {
        struct half *h = &p->halves[way];

        if (h->len == 0 && !h->ended && fds[way].revents && !read_half(proxy, p, way))
            return false;
        if (may_write(proxy, p, way) && !write_half(p, way))
            return false;
        if (h->ended && h->len == 0 && !h->shut && !proxy->stalled[way] && !p->silent) {
            h->shut = true;
            shutdown(p->fds[!way], SHUT_WR);
        }
    }
    return !(p->halves[0].shut && p->halves[1].shut);
}

static void want(const struct proxy *proxy, const struct pair *p, struct pollfd *fds, int *timeout_ms)
{
    if (p->silent)
        return; /* nobody listens to either side */
    for (int way = 0; way < 2; way++) {
        const struct half *h = &p->halves[way];

        fds[way].fd = p->fds[way];
        if (h->len == 0 && !h->ended)
            fds[way].events |= POLLIN;
        if (may_write(proxy, p, way))
            fds[!way].events |= POLLOUT;
        else if (h->len > 0 && !proxy->stalled[way])
            *timeout_ms = 1;
        if (!fds[way].events)
            fds[way].fd = -1; /* a hang-up would be reported again and again */
    }
}

static void *proxy_main(void *arg)
{
    struct proxy *proxy = arg;
    static const int first = 3; /* of the pairs, behind the listeners and the wake-up */
    bool stopped = false;

    while (!stopped) {
        struct pollfd fds[3 + 2 * PAIRS_MAX];
        int timeout_ms = 1000;
        uint64_t ignored;

        memset(fds, 0, sizeof fds);
        for (int i = 0; i < 3; i++)
            fds[i] = (struct pollfd){.fd = i < 2 ? proxy->listeners[i] : proxy->wake, .events = POLLIN};
        pthread_mutex_lock(&proxy->lock);
        for (int i = 0; i < PAIRS_MAX; i++) {
            fds[first + 2 * i].fd = fds[first + 2 * i + 1].fd = -1;
            if (proxy->pairs[i].fds[0] >= 0)
                want(proxy, &proxy->pairs[i], &fds[first + 2 * i], &timeout_ms);
        }
        pthread_mutex_unlock(&proxy->lock);
        poll(fds, ARRAY_LEN(fds), timeout_ms);
        pthread_mutex_lock(&proxy->lock);
        if (fds[2].revents && read(proxy->wake, &ignored, sizeof ignored) < 0)
            proxy->stopped = true;
        for (int i = 0; i < PAIRS_MAX; i++)
            if (proxy->pairs[i].fds[0] >= 0 && !serve_pair(proxy, &proxy->pairs[i], &fds[first + 2 * i]))
                close_pair(&proxy->pairs[i]);
        for (int i = 0; i < 2; i++)
            if (fds[i].revents)
                take_connection(proxy, proxy->listeners[i]);
        stopped = proxy->stopped;
        pthread_mutex_unlock(&proxy->lock);
    }
    return NULL;
}

struct proxy *proxy_start(const char *conninfo)
{
    static int made;
    struct proxy *proxy = calloc(1, sizeof *proxy);
    char name[24], host[160], port[8];
    struct tmv_error err;

    assert_non_null(proxy);
    snprintf(name, sizeof name, "proxy%d-%d", (int)getpid(), ++made);
    word_of(conninfo, "host=", host, sizeof host);
    word_of(conninfo, "port=", port, sizeof port);
    snprintf(proxy->upstream, sizeof proxy->upstream, "%s/.s.PGSQL.%s", host, port);
    assert_done(
        workspace_make_dir(support_workspace(), name, proxy->directory, sizeof proxy->directory, &err), &err);
    for (int i = 0; i < PAIRS_MAX; i++)
        proxy->pairs[i].fds[0] = proxy->pairs[i].fds[1] = -1;
    proxy->listeners[0] = listen_unix(proxy->directory);
    proxy->listeners[1] = listen_tcp(&proxy->tcp_port);
    proxy->wake = eventfd(0, EFD_CLOEXEC);
    pthread_mutex_init(&proxy->lock, NULL);
    assert_int_equal(pthread_create(&proxy->thread, NULL, proxy_main, proxy), 0);
    return proxy;
}

static void change(struct proxy *proxy)
{
    const uint64_t one = 1;

    pthread_mutex_unlock(&proxy->lock);
    assert_int_equal(write(proxy->wake, &one, sizeof one), sizeof one);
}

void proxy_stop(struct proxy *proxy)
{
    if (!proxy)
        return;
    pthread_mutex_lock(&proxy->lock);
    proxy->stopped = true;
    change(proxy);
    pthread_join(proxy->thread, NULL);
    for (int i = 0; i < PAIRS_MAX; i++)
        close_pair(&proxy->pairs[i]);
    for (int i = 0; i < 2; i++)
        close(proxy->listeners[i]);
    close(proxy->wake);
    pthread_mutex_destroy(&proxy->lock);
    free(proxy);
}

/* ---- control ---- */

static const char *replace_place(const char *conninfo, const char *host, int port,
                                 char text[CLUSTER_CONNINFO_MAX])
{
    const char *rest = strstr(conninfo, " user=");

    snprintf(text, CLUSTER_CONNINFO_MAX, "host=%s port=%d%s", host, port, rest ? rest : "");
    return text;
}

const char *proxy_conninfo(const struct proxy *proxy, const char *conninfo, char text[CLUSTER_CONNINFO_MAX])
{
    return replace_place(conninfo, proxy->directory, PORT_IN_DIRECTORY, text);
}

const char *proxy_tcp_conninfo(const struct proxy *proxy, const char *conninfo,
                               char text[CLUSTER_CONNINFO_MAX])
{
    return replace_place(conninfo, "127.0.0.1", proxy->tcp_port, text);
}

void proxy_delay(struct proxy *proxy, int64_t delay_us)
{
    pthread_mutex_lock(&proxy->lock);
    proxy->delay_us = delay_us;
    change(proxy);
}

void proxy_stall(struct proxy *proxy, enum proxy_way way, bool stalled)
{
    pthread_mutex_lock(&proxy->lock);
    proxy->stalled[way] = stalled;
    change(proxy);
}

void proxy_cut(struct proxy *proxy)
{
    pthread_mutex_lock(&proxy->lock);
    for (int i = 0; i < PAIRS_MAX; i++)
        close_pair(&proxy->pairs[i]);
    change(proxy);
}

/* As a firewall that forgot the connection: what arrives is dropped before TCP sees it, so nothing is
 * acknowledged, keepalives neither, and only the client's own clock tells it. */
static void drop_everything(int fd)
{
    struct sock_filter nothing = {.code = BPF_RET | BPF_K, .k = 0};
    const struct sock_fprog program = {.len = 1, .filter = &nothing};

    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program), 0);
}

void proxy_silence(struct proxy *proxy)
{
    pthread_mutex_lock(&proxy->lock);
    for (int i = 0; i < PAIRS_MAX; i++) {
        struct pair *p = &proxy->pairs[i];
        int domain = AF_UNSPEC;
        socklen_t size = sizeof domain;

        if (p->fds[0] < 0)
            continue;
        p->silent = true;
        getsockopt(p->fds[0], SOL_SOCKET, SO_DOMAIN, &domain, &size);
        if (domain == AF_INET)
            drop_everything(p->fds[0]);
    }
    change(proxy);
}

void proxy_half_close(struct proxy *proxy, enum proxy_way way)
{
    pthread_mutex_lock(&proxy->lock);
    for (int i = 0; i < PAIRS_MAX; i++)
        if (proxy->pairs[i].fds[0] >= 0)
            proxy->pairs[i].halves[way].ended = true;
    change(proxy);
}

void proxy_refuse(struct proxy *proxy, bool refused)
{
    pthread_mutex_lock(&proxy->lock);
    proxy->refused = refused;
    change(proxy);
}

int proxy_connections(struct proxy *proxy)
{
    int count = 0;

    pthread_mutex_lock(&proxy->lock);
    for (int i = 0; i < PAIRS_MAX; i++)
        count += proxy->pairs[i].fds[0] >= 0;
    pthread_mutex_unlock(&proxy->lock);
    return count;
}
