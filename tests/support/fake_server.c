#include "support/fake_server.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "test.h"

struct fake_server {
    struct fake_server_options options;
    char path[108];
    int listener;
    pthread_t thread;
};

/* One message of the server: type, length, body. */
static bool say(int fd, char type, const void *body, size_t len)
{
    char message[512];
    uint32_t length = htonl((uint32_t)len + 4);

    if (len + 5 > sizeof message)
        return false;
    message[0] = type;
    memcpy(message + 1, &length, 4);
    memcpy(message + 5, body, len);
    return send(fd, message, len + 5, MSG_NOSIGNAL) == (ssize_t)(len + 5);
}

static bool read_all(int fd, void *to, size_t len)
{
    for (size_t got = 0; got < len;) {
        ssize_t n = recv(fd, (char *)to + got, len - got, 0);

        if (n <= 0)
            return false;
        got += (size_t)n;
    }
    return true;
}

/* Reads what follows a length and drops it. */
static bool skip_message(int fd)
{
    uint32_t length;
    char body[4096];

    if (!read_all(fd, &length, 4))
        return false;
    length = ntohl(length);
    return length >= 4 && length - 4 <= sizeof body && read_all(fd, body, length - 4);
}

/* As a server with lc_messages = de_DE refuses. */
static void refuse(const struct fake_server *server, int fd)
{
    char body[300];
    int n = snprintf(body, sizeof body, "SFATAL%cVFATAL%cC%s%cM%s%cFauth.c%cL326%cRauth_failed%c", 0, 0,
                     server->options.refuses_with, 0, server->options.refusal, 0, 0, 0, 0);

    say(fd, 'E', body, (size_t)n + 1);
}

static bool welcome(const struct fake_server *server, int fd)
{
    char version[64];
    int n = snprintf(version, sizeof version, "server_version%c%s", '\0', server->options.server_version);
    uint32_t key[2] = {htonl((uint32_t)server->options.told_pid), 0};
    uint32_t ok = 0;

    return say(fd, 'R', &ok, 4) && say(fd, 'S', version, (size_t)n + 1) &&
           say(fd, 'S', "client_encoding\0UTF8", 21) && say(fd, 'K', key, 8) && say(fd, 'Z', "I", 1);
}

/* Every query gets two results, as the script that begins a session does: each one row, the process id. */
static bool answer(const struct fake_server *server, int fd)
{
    static const char columns[] = "\0\1pid\0\0\0\0\0\0\0\0\0\0\27\0\4\377\377\377\377\0\0";
    char row[40];
    char digits[16];
    int n = snprintf(digits, sizeof digits, "%d", server->options.answered_pid);
    uint32_t length = htonl((uint32_t)n);

    memcpy(row, "\0\1", 2);
    memcpy(row + 2, &length, 4);
    memcpy(row + 6, digits, (size_t)n);
    for (int i = 0; i < 2; i++)
        if (!say(fd, 'T', columns, sizeof columns - 1) || !say(fd, 'D', row, (size_t)n + 6) ||
            !say(fd, 'C', "SELECT 1", 9))
            return false;
    return say(fd, 'Z', "I", 1);
}

static void serve(const struct fake_server *server, int fd)
{
    char type;

    if (!skip_message(fd))
        return;
    if (server->options.refuses_with) {
        refuse(server, fd);
        return;
    }
    if (!welcome(server, fd))
        return;
    while (read_all(fd, &type, 1) && skip_message(fd) && type != 'X')
        if (type == 'Q' && !answer(server, fd))
            return;
}

static void *run(void *user)
{
    struct fake_server *server = user;
    int fd;

    while ((fd = accept(server->listener, NULL, NULL)) >= 0) {
        serve(server, fd);
        close(fd);
    }
    return NULL;
}

struct fake_server *fake_server_start(const struct fake_server_options *options)
{
    struct fake_server *server = calloc(1, sizeof *server);
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    assert_non_null(server);
    server->options = *options;
    assert_in_range(snprintf(server->path, sizeof server->path, "%s/.s.PGSQL.5432", options->directory), 1,
                    (int)sizeof server->path - 1);
    memcpy(address.sun_path, server->path, sizeof address.sun_path);
    server->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(server->listener >= 0);
    assert_int_equal(bind(server->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(server->listener, 4), 0);
    assert_int_equal(pthread_create(&server->thread, NULL, run, server), 0);
    return server;
}

void fake_server_stop(struct fake_server *server)
{
    shutdown(server->listener, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->listener);
    unlink(server->path);
    free(server);
}
