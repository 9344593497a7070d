/* Verification that runs along: a thread of its own with connections of its own proves the prefix up to the
 * tail's watermark equal (HASH), so that at the cutover only the tail is left. The coordinator's thread
 * starts, feeds and asks it, and keeps its proof in the control database.
 *
 * A proof holds under the guards' facts that it was made under: while they are unchanged nothing can have
 * changed what was compared (design §6). When they change, by day or while no engine ran, it begins anew.
 *
 * Ranges see only what lies in them, and only once. So when everything up to the watermark is proven, the
 * totals of the tenant on both ends are compared without a lower bound, again from time to time, by every new
 * engine, and before a cutover: an event below the first position, or one that came in where everything was
 * proven already (the position sequence was set back and forward again), takes the proof back.
 */
#pragma once

#include <pthread.h>

#include "move/verify/consistency_verifier.h"
#include "move/shared/fact_watch.h"
#include "store/guard/guard.h"

/* What is proven: everything up to `to`, under these facts. */
struct verify_proof {
    int64_t to;
    char guards[164]; /* facts of both guards; "" none */
};

/* The facts of a side as the worker's session read them last. */
struct facts_seen {
    char digest[FACTS_DIGEST_SIZE];
    char glance[FACTS_DIGEST_SIZE]; /* "" not by this session */
};

struct verify_worker {
    struct endpoints endpoints; /* a copy whose waits end with `stop` */
    struct guard source_guard, target_guard;
    int workers; /* ranges compared at the same time */
    pthread_t thread;
    bool running;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct stop stop;
    struct facts
        known[SIDE_COUNT]; /* owned: the thread's: what the proof's digests are of; no list: not known */
    bool may_be_noted;     /* the thread's: the target may have the note of a repair that was interrupted */
    struct facts_seen seen[SIDE_COUNT]; /* the thread's */
    const struct stop *engine_stop;     /* borrowed; may be NULL */
    /* under the lock: */
    int64_t limit;                     /* may verify up to here */
    struct verify_proof proof;         /* proven equal so far */
    int64_t restarts;                  /* grows when it was told to begin again */
    bool held;                         /* begins nothing new */
    bool busy;                         /* compares a range now */
    bool differs;                      /* a difference was found; `report` says which */
    bool repair;                       /* shall repair before it goes on */
    struct tmv_verify_report report;   /* since it began: from there to the proof, or to the difference */
    struct tmv_verify_report repaired; /* of the last repair */
    struct tmv_error repair_failed;    /* code 0: it did not */
    struct tmv_error problem;          /* code 0: none; it tries again by itself */
    int64_t total_at_us; /* when the totals were found equal (monotonic); 0: not under this proof */
    int64_t total_took_us;
    bool recount;       /* the totals are asked for again */
    int totals_unequal; /* in a row */
};

/* What it begins with; borrowed for the call. */
struct verify_start {
    const struct endpoints *endpoints;
    const struct guard *source_guard, *target_guard;
    int workers;
    struct verify_proof proof;      /* of an earlier engine; counts only if the facts are still the same */
    int64_t watermark;              /* a proof beyond what the target has is none */
    const struct fact_watch *facts; /* what was noted; NULL: every change of the facts voids the proof */
};
TMV_NODISCARD bool verify_worker_start(struct verify_worker *w, const struct verify_start *start,
                                       struct tmv_error *err);
/* Ends the thread and joins it; waits end early. A worker that was never started is fine. */
void verify_worker_stop(struct verify_worker *w);
/* Everything up to `limit` is on the target. */
void verify_worker_feed(struct verify_worker *w, int64_t limit);
/* A cutover needs the machine for itself: holds the worker, and waits up to `patience_us` for the range that
 * it compares now. */
void verify_worker_hold(struct verify_worker *w, int64_t patience_us);
void verify_worker_resume(struct verify_worker *w);
/* Begins again from the first event; with `repair`, makes the target equal to the source first. */
void verify_worker_restart(struct verify_worker *w, bool repair);
/* Asks for the tenant's totals on both ends to be compared again: *ret_asked false when that takes too long
 * to be waited for. What came in behind the proof since is found by that. */
void verify_worker_recount(struct verify_worker *w, bool *ret_asked);

struct verify_progress {
    int64_t verified_to;
    bool differs;
    bool repairing;
    int64_t total_at_us; /* when the totals were found equal; 0: they were not compared yet */
    struct verify_proof proof;
    struct tmv_verify_report report;
    struct tmv_verify_report repaired;
    struct tmv_error repair_failed;
    struct tmv_error problem;
};
void verify_worker_look(struct verify_worker *w, struct verify_progress *ret_progress);
