/* The facts of both stores over the life of a migration: noted in the ledger when the guard is installed, and
 * compared with that note ever after, also by a later engine. What is daily life (a new partition that
 * carries the guard) is taken in and noted; everything else makes the move void, with words that say what
 * changed.
 *
 * F1 facts are noted once, at the installation, and replaced only by taking in what facts_compare calls
 * FACT_NOTHING or FACT_PROOF; never by what an engine finds when it connects. F2 a partition is taken in only
 * if it holds no event of the tenant at a position that was mirrored when it did not exist yet.
 */
#pragma once

#include "move/shared/endpoints.h"
#include "store/guard/facts.h"

enum store_side { SIDE_SOURCE, SIDE_TARGET, SIDE_COUNT };
const char *store_side_name(enum store_side side);

struct fact_side {
    struct facts noted;              /* as in the ledger; owned */
    int64_t ledger;                  /* its row */
    char glance[FACTS_DIGEST_SIZE];  /* under which the facts were last seen to be the noted ones; "" never */
    char changed[FACTS_DIGEST_SIZE]; /* digest of the change that `words` are about; "" none */
    char words[TMV_REASON_MAX];      /* why the move is void, with the time; "" it is not */
    char noticed[40];                /* when that was first seen */
    bool columns_changed;            /* events can no longer be carried over */
    bool news;                       /* that the move is void was written just now, and is still to be told */
};
struct fact_watch {
    struct fact_side sides[SIDE_COUNT];
    int64_t good_to; /* what was mirrored up to here was so under the noted facts */
};
void fact_watch_release(struct fact_watch *w);

/* One side as it is looked at: what the coordinator has at hand. */
struct fact_look {
    struct fact_watch *watch;
    enum store_side side;
    struct pgx_conn *control;
    const struct owner *owner;
    struct pgx_conn *store;
    const struct guard *guard;
};
/* Fills a side from the migration's ledger. A note without a list is an older version's, whose guard had been
 * changed before the store was upgraded (upgrade.h): the move is void. */
TMV_NODISCARD bool fact_watch_load(const struct fact_look *look, struct tmv_error *err);
/* Notes what an installation found. CONFLICT when they changed since the glance `installed`:
 * install again. */
TMV_NODISCARD bool fact_watch_note(const struct fact_look *look, int64_t ledger, const char *installed,
                                   struct tmv_error *err);
/* Compares with what was noted (a glance, where that tells enough), takes in what is daily life, and sets the
 * side's words. A first sight of a change is audited. *ret_reconnect: a name that the connections use has
 * changed. */
TMV_NODISCARD bool fact_watch_look(const struct fact_look *look, bool *ret_reconnect, struct tmv_error *err);
/* Whether the move is void; `words` (may be NULL) says why, with what to do. */
bool fact_watch_is_void(const struct fact_watch *w, char *words, size_t size);
