/* A tiny HTTP server on 127.0.0.1 for tests: keeps what it was sent and answers as it was told. One thread;
 * one request per connection. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define HTTP_SERVER_REQUESTS_MAX 256

struct http_server;

/* Starts on a free port. `statuses` ends with 0; the n-th request gets the n-th status, later ones the last.
 * A status of -1 closes the connection without an answer, -2 keeps it open and silent until the server stops.
 * 302 sends the client to `location`. Ends the test when it cannot start. */
struct http_server *http_server_start(const int *statuses, const char *location);
void http_server_stop(struct http_server *server); /* NULL is fine */
int http_server_port(const struct http_server *server);
/* Waits until so many requests have been read; fails the test after 30 s. */
void http_server_wait(struct http_server *server, size_t count);
size_t http_server_count(struct http_server *server);
/* Head (up to the empty line) and body of a request; they belong to the server. */
const char *http_server_head(struct http_server *server, size_t i);
const char *http_server_body(struct http_server *server, size_t i);
