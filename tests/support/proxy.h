/* A proxy under a test's control, between programs and one PostgreSQL server: delays, stalls, cuts,
 * silences, half-closes and refuses connections. It passes bytes through in order and looks at none of them.
 *
 * It listens on a unix socket in the test's workspace and on a loopback TCP port. A thread of its own does
 * the work; every function may be called from any thread and takes effect at once. Stop it before the
 * workspace is closed.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "demo/cluster.h"

struct proxy;

/* To the server that `conninfo` names (host=DIRECTORY port=…, as cluster_conninfo writes it). Ends the test
 * when it cannot be started. */
struct proxy *proxy_start(const char *conninfo);
void proxy_stop(struct proxy *proxy); /* cuts what is open; NULL is fine */
/* `conninfo` with the way through the proxy's unix socket, or its TCP port; returns `text`. */
const char *proxy_conninfo(const struct proxy *proxy, const char *conninfo, char text[CLUSTER_CONNINFO_MAX]);
const char *proxy_tcp_conninfo(const struct proxy *proxy, const char *conninfo,
                               char text[CLUSTER_CONNINFO_MAX]);

enum proxy_way { PROXY_TO_SERVER, PROXY_TO_CLIENT };

/* Everything takes so long in each direction; 0: no delay. */
void proxy_delay(struct proxy *proxy, int64_t delay_us);
/* Holds what comes in a direction, and nothing is closed: the network, or the peer, has fallen silent. What
 * was held goes on when it ends. */
void proxy_stall(struct proxy *proxy, enum proxy_way way, bool stalled);
/* Closes every connection at once on both sides, with what is under way in them. */
void proxy_cut(struct proxy *proxy);
/* Every connection that is open now falls silent for ever, and nothing is closed, as behind a firewall that
 * forgot it; over TCP not even acknowledgements come back. New connections work. */
void proxy_silence(struct proxy *proxy);
/* Ends one direction of every connection that is open now; the other one works on. */
void proxy_half_close(struct proxy *proxy, enum proxy_way way);
/* Closes new connections at once. */
void proxy_refuse(struct proxy *proxy, bool refused);
/* Connections that are open now. */
int proxy_connections(struct proxy *proxy);
