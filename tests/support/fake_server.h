/* A process that speaks just enough of PostgreSQL's protocol to be connected to: for servers that cannot be
 * had for real in a test, such as one that is too old, one behind a pooler, or one of another language. It
 * lives in a thread of the test. */
#pragma once

struct fake_server;

struct fake_server_options {
    const char *directory;      /* its socket's, with port 5432 */
    const char *server_version; /* as the server reports it: "12.22" */
    int told_pid;               /* of the key that it hands out */
    const char *refuses_with;   /* NULL, or the SQLSTATE with which every connection is refused */
    const char *refusal;        /* and its words */
    int answered_pid;           /* what it answers to every query: the pid behind a pooler is another one */
};
/* Listens when it returns; the test fails when it cannot. */
struct fake_server *fake_server_start(const struct fake_server_options *options);
void fake_server_stop(struct fake_server *server);
