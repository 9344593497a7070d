#include "test.h"

#include "support/pooler.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/stop.h"
#include "support/support.h"

#define PORT 6432
#define READY_US (30 * US_PER_S)

static char directory[200];

static void write_configuration(const char *path, const struct pooler_database *databases, size_t count)
{
    FILE *file = fopen(path, "we");

    assert_non_null(file);
    fprintf(file, "[databases]\n");
    for (size_t i = 0; i < count; i++)
        fprintf(file, "%s = %s\n", databases[i].name, databases[i].conninfo);
    fprintf(file,
            "[pgbouncer]\nlisten_addr =\nlisten_port = %d\nunix_socket_dir = %s\nauth_type = any\n"
            "pool_mode = transaction\ndefault_pool_size = %d\nmax_client_conn = 200\n",
            PORT, directory, POOLER_CONNECTIONS);
    assert_int_equal(fclose(file), 0);
}

static bool answers(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof address.sun_path, "%.80s/.s.PGSQL.%d", directory, PORT);
    bool ok = connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
    close(fd);
    return ok;
}

void pooler_start(const struct pooler_database *databases, size_t count)
{
    static int started;
    char name[20], configuration[300], log[300];
    const char *const argv[] = {"/usr/sbin/pgbouncer", configuration, NULL};
    int64_t until = clock_now_us() + READY_US;
    struct tmv_error err;
    pid_t pid;

    if (access(argv[0], X_OK) != 0)
        fail_msg("%s is not installed: ./run packages installs it", argv[0]);
    snprintf(name, sizeof name, "pooler%d", ++started);
    assert_done(workspace_make_dir(support_workspace(), name, directory, sizeof directory, &err), &err);
    snprintf(configuration, sizeof configuration, "%s/pgbouncer.ini", directory);
    snprintf(log, sizeof log, "%s/log", directory);
    write_configuration(configuration, databases, count);
    assert_done(workspace_spawn(support_workspace(), argv, log, &pid, &err), &err);
    while (!answers()) {
        if (clock_now_us() > until)
            fail_msg("the pooler does not answer: see %s", log);
        stop_sleep(NULL, 10 * US_PER_MS);
    }
}

const char *pooler_conninfo(const char *name, char text[CLUSTER_CONNINFO_MAX])
{
    snprintf(text, CLUSTER_CONNINFO_MAX, "host=%s port=%d user=%s dbname=%s", directory, PORT,
             CLUSTER_SUPERUSER, name);
    return text;
}
