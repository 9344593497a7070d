/* A server that takes connections and never says a word. */
#pragma once

#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "support/support.h"

/* Listens in a folder of its own; the caller closes the descriptor. `conninfo` leads there. */
static inline int silent_server(char conninfo[300])
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char folder[150];
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(folder, sizeof folder, "%s/silent-XXXXXX", support_temporary_dir());
    assert_non_null(mkdtemp(folder));
    assert_true(snprintf(address.sun_path, sizeof address.sun_path, "%s/.s.PGSQL.5432", folder) <
                (int)sizeof address.sun_path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 200), 0);
    snprintf(conninfo, 300, "host=%s dbname=none", folder);
    return fd;
}
