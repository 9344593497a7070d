#include "lib/fault.h"

#ifdef TMV_FAULT_POINTS

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/log.h"

#define PLANNED_MAX 4
#define EXIT_CODE 86

/* In the order of a migration's life. */
static const char *const points[] = {
    "engine.heartbeat",
    "lease.before_take",
    "lease.taken",
    "store.before_identity",
    "store.identified",
    "lease.before_release",
    "lease.released",
    "takeover.source_sessions_ended",
    "takeover.after_source",
    "takeover.store_upgraded",
    "takeover.target_sessions_ended",
    "takeover.target_raised",
    "takeover.applied_raised",
    "resolve.before_open",
    "resolve.opened",
    "resolve.before_disarm",
    "resolve.disarmed",
    "follow.before_control",
    "follow.control",
    "follow.before_settle",
    "follow.figures",
    "follow.settled",
    "follow.counted",
    "retire.before_drop",
    "retire.dropped",
    "retire.before_control",
    "retire.control",
    "error.before_report",
    "error.reported",
    "command.taken",
    "command.before_answer",
    "command.answered",
    "finalize.begun",
    "finalize.leg_ended",
    "finalize.before_row",
    "finalize.row",
    "pause.before_row",
    "pause.row",
    "pending.before_change",
    "phase.before_bulk_copy",
    "phase.bulk_copy",
    "phase.before_dual_write",
    "phase.dual_write",
    "phase.before_cutover",
    "phase.cutover",
    "phase.before_aborted",
    "phase.aborted",
    "ledger.before_guard",
    "ledger.guard_noted",
    "ledger.facts_noted",
    "facts.before_void",
    "facts.void_noted",
    "facts.leaf_guarded",
    "facts.before_take_in",
    "facts.taken_in",
    "guard.before_prepare_commit",
    "guard.store_prepared",
    "guard.owner_raised",
    "guard.target_prepared",
    "guard.before_install_commit",
    "guard.target_installed",
    "guard.source_prepared",
    "guard.source_installed",
    "guard.installed",
    "guard.applied_begun",
    "copy.before_sequence_commit",
    "copy.sequence_raised",
    "copy.after_index_ledger",
    "copy.before_index_drop",
    "copy.after_index_drop",
    "copy.before_chunk_commit",
    "copy.after_chunk_commit",
    "copy.after_index_build",
    "copy.after_index_attach",
    "copy.index_done",
    "copy.analyzed",
    "copy.row_guard_installed",
    "copy.statement_guard_removed",
    "copy.target_row_guard",
    "copy.mirroring",
    "mirror.before_dual_write",
    "mirror.verification_started",
    "mirror.before_progress",
    "mirror.progress",
    "tail.before_commit",
    "tail.after_commit",
    "verify.before_proof",
    "verify.proof_saved",
    "verify.before_report",
    "verify.report_stored",
    "verify.reported",
    "cutover.gates_judged",
    "cutover.attempt_noted",
    "cutover.begun",
    "cutover.before_lock",
    "cutover.after_lock",
    "cutover.receiving",
    "cutover.sending",
    "cutover.before_target_commit",
    "cutover.drain_committed",
    "cutover.after_drain",
    "cutover.before_decide",
    "cutover.after_decide",
    "cutover.before_open",
    "cutover.after_open",
    "cutover.before_control_follows",
    "cutover.control_follows",
    "cutover.recorded",
    "cutover.attempt_ended",
    "rollback.before_disarm",
    "rollback.disarmed",
    "rollback.before_phase",
    "rollback.phase",
    "abort.stores_prepared",
    "abort.before_undoing",
    "abort.undoing",
    "abort.before_fence_off",
    "abort.fence_off",
    "abort.before_batch_commit",
    "abort.batch",
    "abort.indexes_restored",
    "abort.before_guard_removed",
    "abort.target_guard_removed",
    "abort.target_clean",
    "abort.source_guard_removed",
    "abort.source_clean",
    "abort.ledger_row",
    "abort.ledger_empty",
};

/* What the environment asks for, read once. */
struct planned {
    char name[60];
    char what[12];
    int wanted; /* the so many-th time */
    atomic_int reached;
};
static struct planned planned[PLANNED_MAX];
static size_t planned_count;
static atomic_uint_fast64_t chance; /* state of the random faults */
static int permille;
static const char *trace_path;
static atomic_bool traced[ARRAY_LEN(points)];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static _Thread_local int used_fd = -1; /* of the connection that this thread waited on last */
static _Thread_local bool lose_next;

const char *const *fault_points(size_t *ret_count)
{
    *ret_count = ARRAY_LEN(points);
    return points;
}

static void plan_one(const char *text, size_t length)
{
    char spec[100];
    char *what, *number;

    if (length >= sizeof spec || planned_count == PLANNED_MAX)
        return;
    memcpy(spec, text, length);
    spec[length] = '\0';
    what = strchr(spec, '=');
    if (!what)
        return;
    *what++ = '\0';
    number = strchr(spec, '#');
    if (number)
        *number++ = '\0';
    if (strcmp(spec, "random") == 0) {
        atomic_store(&chance, number ? strtoull(number, NULL, 10) * 2654435761U + 1 : 1);
        permille = atoi(what);
        return;
    }
    struct planned *p = &planned[planned_count++];
    snprintf(p->name, sizeof p->name, "%.59s", spec);
    snprintf(p->what, sizeof p->what, "%.11s", what);
    p->wanted = number ? atoi(number) : 1;
}

/* A child reads the environment anew: it may have set its own before it reaches its first point. */
static void forget(void)
{
    static const pthread_once_t again = PTHREAD_ONCE_INIT;

    memcpy(&once, &again, sizeof once);
}

static void plan(void)
{
    static bool registered;
    const char *spec = getenv("TENANTMV_FAULT");

    if (!registered)
        registered = pthread_atfork(NULL, NULL, forget) == 0;
    planned_count = 0;
    permille = 0;
    trace_path = getenv("TENANTMV_FAULT_TRACE");
    while (spec && *spec) {
        size_t length = strcspn(spec, ",");

        plan_one(spec, length);
        spec += length + (spec[length] == ',');
    }
}

static size_t number_of(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(points); i++)
        if (strcmp(points[i], name) == 0)
            return i;
    log_warn("the fault point %s is not in the table", name);
    abort();
}

static void trace(const char *name)
{
    char line[80];
    int fd, length;

    if (atomic_exchange(&traced[number_of(name)], true) || !trace_path)
        return;
    errno = 0; /* a line that was cut short leaves none */
    fd = open(trace_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    length = snprintf(line, sizeof line, "%s\n", name);
    if (fd < 0 || write(fd, line, (size_t)length) != length)
        log_warn("the fault points cannot be written to %s: %s", trace_path,
                 strerror(errno ? errno : ENOSPC));
    if (fd >= 0)
        close(fd);
}

static bool strike(const char *name, const char *what, struct tmv_error *err)
{
    if (strcmp(what, "exit") == 0)
        _exit(EXIT_CODE);
    if (strcmp(what, "stop") == 0) {
        raise(SIGSTOP);
    } else if (strcmp(what, "cut") == 0) {
        if (used_fd >= 0)
            shutdown(used_fd, SHUT_RDWR);
    } else if (strcmp(what, "lose") == 0) {
        lose_next = true;
    } else {
        return err_set(err, TMV_ERR_INTERNAL, "fault point %s", name);
    }
    return true;
}

/* A splitmix64 step: threads may interleave as they like. */
static uint64_t next_chance(void)
{
    uint64_t z = atomic_fetch_add(&chance, UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

bool fault_hit(const char *name, struct tmv_error *err)
{
    static const char *const any[] = {"cut", "lose", "exit", "cut", "lose", "error", "stop", "exit"};

    pthread_once(&once, plan);
    trace(name);
    for (size_t i = 0; i < planned_count; i++)
        if (strcmp(planned[i].name, name) == 0 &&
            atomic_fetch_add(&planned[i].reached, 1) + 1 == planned[i].wanted)
            return strike(name, planned[i].what, err);
    if (permille) {
        uint64_t dice = next_chance();
        if ((int)(dice % 1000) < permille) {
            const char *what = any[(dice >> 32) % ARRAY_LEN(any)];
            log_info("random fault at %s: %s", name, what);
            return strike(name, what, err);
        }
    }
    return true;
}

void fault_socket_used(int fd)
{
    used_fd = fd;
}

void fault_statement_sent(int fd)
{
    if (!lose_next)
        return;
    lose_next = false;
    shutdown(fd, SHUT_RDWR);
}

bool fault_is_mutant(const char *name)
{
    const char *wanted = getenv("TENANTMV_MUTANT");

    return wanted && strcmp(wanted, name) == 0;
}

#else

typedef int fault_points_are_compiled_out;

#endif
