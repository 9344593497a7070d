/* The facts of a store: everything in its catalogue on which a guard and a proof rely, as a readable list,
 * one fact per object, with a digest (core/store/guard/sql/facts/guard_facts.sql). They are noted when the
 * guard is installed, and compared with what was noted then: at the gates, by every proof, and under the
 * locks of the decision. Reading them takes some milliseconds; a glance tells in a tenth of that whether they
 * are read from the same rows as before, and then they are the same.
 *
 * The list is a JSON array of objects whose members are all text: "kind" and "id" say what the fact is about,
 * the others how it is.
 */
#pragma once

#include "lib/buf.h"
#include "store/guard/guard.h"

#define FACTS_DIGEST_SIZE 80

struct facts {
    char digest[FACTS_DIGEST_SIZE]; /* "" none */
    char *list;                     /* owned; NULL: not read, because the digest was known already */
    char glance[FACTS_DIGEST_SIZE]; /* that belongs to just these facts */
};
void facts_release(struct facts *facts);
static inline void facts_auto(struct facts *facts)
{
    facts_release(facts);
}
/* Reads the facts as they are now. `known`: a digest for which the list is not needed, or NULL. One round
 * trip; 30 s at most. The caller releases `ret_facts`, which holds nothing yet. */
TMV_NODISCARD bool facts_read(struct pgx_conn *conn, const struct guard *guard, const char *known,
                              struct facts *ret_facts, struct tmv_error *err);
/* A digest of the versions of the catalogue's rows that the facts are read from (guard_glance in
 * core/store/guard/sql/guard_prepare/guard_functions.sql). The same glance: the same facts; another one need
 * not mean other facts. One round trip. */
TMV_NODISCARD bool facts_glance(struct pgx_conn *conn, const struct guard *guard,
                                char glance[FACTS_DIGEST_SIZE], struct tmv_error *err);
/* Appends the statement that ends its transaction (TM012) unless the glance is still `glance`. */
TMV_NODISCARD bool facts_must_hold(const struct guard *guard, const char *glance, struct buf *ret_sql,
                                   struct tmv_error *err);
/* Whether a partition holds events of the guard's tenant at positions up to `position`. `leaf` is quoted and
 * qualified. Reads the whole partition where it has no index for that; a minute at most. */
TMV_NODISCARD bool facts_leaf_holds(struct pgx_conn *conn, const struct guard *guard, const char *leaf,
                                    int64_t position, bool *ret_holds, struct tmv_error *err);

/* ---- comparing: pure ---- */

/* What a change takes away, mildest first. */
enum fact_effect {
    FACT_NOTHING, /* daily life: it is taken in, and the proof continues */
    FACT_PROOF,   /* what was proven equal is compared again from the first event */
    FACT_MOVE,    /* events may have passed the guard, or values are missing: the move cannot be decided */
    FACT_SHAPE    /* and events can no longer be carried over at all */
};
enum fact_how { FACT_ADDED, FACT_REMOVED, FACT_CHANGED };

/* A row of the table of changes: the first one that fits an object gives its words and effect. */
struct fact_rule {
    const char *kind;
    enum fact_how how;
    const char *member; /* of a changed fact; NULL: none needs to differ that has a row of its own */
    enum fact_effect effect;
    const char *words; /* {name} and other members as they are now, {was} and {now} of `member` */
};
extern const struct fact_rule fact_rules[];
extern const size_t fact_rule_count;

struct fact_change {
    enum fact_effect effect;
    char words[240];
    const char *kind; /* of the rule: "table", "column" … */
    char leaf[140];   /* a new partition that carries the guard; "" otherwise */
    bool unfinished;  /* it lacks what is not cloned: the TRUNCATE trigger, ENABLE ALWAYS */
};
struct facts_diff {
    enum fact_effect worst;
    size_t count;
    struct fact_change *changes; /* owned; the worst first */
};
void facts_diff_release(struct facts_diff *diff);
static inline void facts_diff_auto(struct facts_diff *diff)
{
    facts_diff_release(diff);
}
/* What turned the list `before` into `now`. Fails on memory, and on text that is not such a list. The caller
 * releases `ret_diff`. */
TMV_NODISCARD bool facts_compare(const char *before, const char *now, struct facts_diff *ret_diff,
                                 struct tmv_error *err);
/* The changes of the worst kind in words, joined by "; ", cut to `size`. */
void facts_diff_words(const struct facts_diff *diff, char *words, size_t size);
