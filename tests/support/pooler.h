/* PgBouncer in transaction mode, as many users have it between their applications and PostgreSQL: each
 * transaction of a client gets whichever server connection is free. */
#pragma once

#include "demo/cluster.h"

#define POOLER_DATABASES_MAX 4
#define POOLER_CONNECTIONS 3 /* to each database: fewer than a test has writers */

struct pooler_database {
    const char *name;     /* as clients ask for it */
    const char *conninfo; /* host=… port=… user=… dbname=…, as cluster_conninfo writes it */
};

/* Starts it; it ends with the workspace. Clients reach database `name` with pooler_conninfo. */
void pooler_start(const struct pooler_database *databases, size_t count);
/* For libpq; returns `text`. */
const char *pooler_conninfo(const char *name, char text[CLUSTER_CONNINFO_MAX]);
