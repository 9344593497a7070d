/* What the console costs and how fast it answers, on a real control database. Prints one JSON object.
 *
 *   build/tests/bench/bench-console [MIGRATIONS [SECONDS]]      (default 500 and 20)
 *
 * first_paint_ms, key_ms: with a server that accepts and never answers. busy_percent: of one core, while
 * every migration reports once a second, a quarter of them at a time, each time announced. idle_percent:
 * nothing changes. */
#include "test.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "control_fixture.h"

#define SETTLE_US                                                                                            \
    INT64_C(4000000) /* before a measurement: connecting and the first pictures do not count                 \
                      */
#define KEYS 20

struct console {
    pid_t pid;
    int fd;
    int64_t started_us;
    int64_t bytes;
};

static struct console console_start(const char *control)
{
    struct winsize size = {.ws_row = 43, .ws_col = 132};
    struct console c = {.started_us = clock_now_us()};

    c.pid = forkpty(&c.fd, NULL, NULL, &size);
    assert_true(c.pid >= 0);
    if (c.pid == 0) {
        setenv("TERM", "xterm-256color", 1);
        setenv("LC_ALL", "C.UTF-8", 1);
        unsetenv("SSH_CONNECTION");
        execl(getenv("TENANTMV_PROGRAM"), "tenantmv", "watch", "--control", control, (char *)NULL);
        _exit(127);
    }
    fcntl(c.fd, F_SETFL, O_NONBLOCK);
    return c;
}

/* Reads until `word` was written or `until_us`; the time it came at, or -1. The word may be cut by the
 * terminal's sequences, so a short one is asked for. */
static int64_t console_read(struct console *c, const char *word, int64_t until_us)
{
    static char tail[70000];
    size_t kept = 0;

    while (clock_now_us() < until_us) {
        struct pollfd fd = {c->fd, POLLIN, 0};
        ssize_t n;

        if (poll(&fd, 1, (int)((until_us - clock_now_us()) / 1000) + 1) <= 0)
            continue;
        if (kept > 4000) {
            memmove(tail, tail + kept - 100, 100);
            kept = 100;
        }
        n = read(c->fd, tail + kept, sizeof tail - kept - 1);
        if (n <= 0)
            return -1;
        c->bytes += n;
        kept += (size_t)n;
        tail[kept] = '\0';
        if (word && strstr(tail, word))
            return clock_now_us();
    }
    return -1;
}

static void console_stop(struct console *c, struct rusage *ret_usage)
{
    int status;

    kill(c->pid, SIGTERM);
    console_read(c, NULL, clock_now_us() + 1000000);
    wait4(c->pid, &status, 0, ret_usage);
    close(c->fd);
}

static int64_t cpu_us(pid_t pid)
{
    char path[60], text[600] = "";
    unsigned long long user = 0, kernel = 0;
    const char *at;
    FILE *file;

    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    file = fopen(path, "r");
    if (!file)
        return 0;
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    at = strrchr(text, ')');
    if (!at || sscanf(at, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &kernel) != 2)
        return 0;
    return (int64_t)(user + kernel) * 1000000 / sysconf(_SC_CLK_TCK);
}

/* ---- the fleet ---- */

struct fleet {
    struct control_fixture f;
    int migrations;
    bool stop;
    pthread_mutex_t lock;
};

static void fleet_fill(struct fleet *fleet)
{
    struct pgx_conn *conn = fleet->f.conn;

    support_sql(
        conn,
        "INSERT INTO public.tenant_migrations (id, tenant_id, source_store_id, target_store_id, phase,"
        " events_total, events_copied, started_at, bulk_copy_completed_at, dual_write_started_at)"
        " SELECT md5('m' || i)::uuid, md5('t' || i)::uuid, 'shared', 'dedicated', 'dual_write', 1000000, "
        "1000000,"
        " now() - interval '1 hour', now() - interval '10 min', now() - interval '9 min'"
        " FROM generate_series(1, %d) i",
        fleet->migrations);
    support_sql(conn, "INSERT INTO tenantmv.migration_state (migration_id, rate, lag_us, lag_events, gates) "
                      "SELECT id, 840, "
                      "3000, 2, '[{\"name\":\"lag\",\"green\":true,\"seen\":\"3 ms\"},"
                      "{\"name\":\"verified\",\"green\":false,\"seen\":\"to position 12\"}]'"
                      " FROM public.tenant_migrations");
    support_sql(conn,
                "INSERT INTO tenantmv.lease (tenant_id, migration_id, engine, engine_name, heartbeat_at)"
                " SELECT tenant_id, id, gen_random_uuid(), 'worker', now() + interval '1 hour'"
                " FROM public.tenant_migrations");
    support_sql(conn,
                "INSERT INTO tenantmv.sample (migration_id, at, events_copied, rate, lag_us, lag_events)"
                " SELECT id, now() - s * interval '1 s', 1, 840, 1000 * (s %% 17), 2"
                " FROM public.tenant_migrations, generate_series(1, 120) s");
    support_sql(conn, "VACUUM ANALYZE");
}

static bool fleet_stopped(struct fleet *fleet)
{
    bool stop;

    pthread_mutex_lock(&fleet->lock);
    stop = fleet->stop;
    pthread_mutex_unlock(&fleet->lock);
    return stop;
}

/* What 500 engines would write: a quarter of the fleet every quarter of a second. */
static void *fleet_report(void *user)
{
    struct fleet *fleet = user;
    struct pgx_conn *conn = support_connect(fleet->f.conninfo);

    for (int turn = 0; !fleet_stopped(fleet); turn++) {
        int64_t next = clock_now_us() + 250000;
        support_sql(
            conn,
            "UPDATE tenantmv.migration_state SET lag_us = (random() * 60000)::bigint, rate = (random() * "
            "999)::bigint, measured = jsonb_build_object('rate', us, 'lag_us', us, 'lag_events', us) FROM "
            "(SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS us) now"
            " WHERE abs(hashtext(migration_id::text)) %% 4 = %d; INSERT INTO tenantmv.sample"
            " SELECT migration_id, clock_timestamp(), 1, rate, lag_us, 1 FROM tenantmv.migration_state"
            " WHERE abs(hashtext(migration_id::text)) %% 4 = %d; NOTIFY tenantmv",
            turn % 4, turn % 4);
        if (next > clock_now_us())
            usleep((unsigned)(next - clock_now_us()));
    }
    pgx_close(conn);
    return NULL;
}

static double percent(struct console *c, int64_t seconds, double *ret_bytes_per_s)
{
    int64_t before, began;

    console_read(c, NULL, clock_now_us() + SETTLE_US);
    before = cpu_us(c->pid);
    began = clock_now_us();
    c->bytes = 0;
    console_read(c, NULL, began + seconds * 1000000);
    *ret_bytes_per_s = (double)c->bytes * 1e6 / (double)(clock_now_us() - began);
    return (double)(cpu_us(c->pid) - before) * 100 / (double)(clock_now_us() - began);
}

static void measure_fleet(int migrations, int64_t seconds)
{
    struct fleet fleet = {.migrations = migrations, .lock = PTHREAD_MUTEX_INITIALIZER};
    struct console console;
    struct rusage usage;
    double busy, idle, bytes;
    int64_t filled;
    pthread_t thread;

    control_fixture_open(&fleet.f);
    fleet_fill(&fleet);
    console = console_start(fleet.f.conninfo);
    filled = console_read(&console, "sync", console.started_us + 30000000);
    printf("  \"migrations\": %d,\n  \"filled_ms\": %.0f,\n", migrations,
           (double)(filled - console.started_us) / 1000);
    idle = percent(&console, seconds, &bytes);
    printf("  \"idle_percent\": %.2f,\n  \"idle_bytes_per_s\": %.0f,\n", idle, bytes);
    pthread_create(&thread, NULL, fleet_report, &fleet);
    busy = percent(&console, seconds, &bytes);
    pthread_mutex_lock(&fleet.lock);
    fleet.stop = true;
    pthread_mutex_unlock(&fleet.lock);
    pthread_join(thread, NULL);
    console_stop(&console, &usage);
    printf("  \"busy_percent\": %.2f,\n  \"busy_bytes_per_s\": %.0f,\n  \"memory_mb\": %.1f\n", busy, bytes,
           (double)usage.ru_maxrss / 1024);
    control_fixture_close(&fleet.f);
}

/* ---- a server that accepts and never answers ---- */

static int mute_server(char conninfo[120])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
                listen(fd, 50) == 0 && getsockname(fd, (struct sockaddr *)&address, &size) == 0);
    snprintf(conninfo, 120, "host=127.0.0.1 port=%d dbname=far user=far", ntohs(address.sin_port));
    return fd;
}

static void measure_answers(void)
{
    char conninfo[120];
    int fd = mute_server(conninfo);
    struct console console = console_start(conninfo);
    int64_t painted = console_read(&console, "Fleet", console.started_us + 10000000), worst = 0;
    struct rusage usage;

    printf("  \"first_paint_ms\": %.1f,\n", (double)(painted - console.started_us) / 1000);
    console_read(&console, NULL, clock_now_us() + 500000);
    for (int i = 0; i < KEYS; i++) { /* to and fro between two screens */
        const char *key = i % 2 ? "1" : "3", *word = i % 2 ? "[1" : "[3";
        int64_t asked = clock_now_us(), answered;

        assert_int_equal(write(console.fd, key, 1), 1);
        answered = console_read(&console, word, asked + 5000000);
        if (answered < 0 || answered - asked > worst)
            worst = answered < 0 ? 5000000 : answered - asked;
        console_read(&console, NULL, clock_now_us() + 100000);
    }
    printf("  \"key_ms_worst\": %.1f,\n", (double)worst / 1000);
    console_stop(&console, &usage);
    close(fd);
}

int main(int argc, char **argv)
{
    int migrations = argc > 1 ? atoi(argv[1]) : 500, seconds = argc > 2 ? atoi(argv[2]) : 20;

    support_setup(NULL);
    printf("{\n");
    measure_answers();
    measure_fleet(migrations, seconds);
    printf("}\n");
    support_teardown(NULL);
    return 0;
}
