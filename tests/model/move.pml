/* The switch, everything around it, and its ways back (design §6, §9): core/move/cutover/cutover_manager.c, takeover.c,
 * coordinator.c, phase_mirror.c, phase_abort.c, core/store/guard/sql/guard_prepare/guard_functions.sql, core/route/*.c.
 *
 * FROM is the store that has the tenant, TO the one that is to get it. Each atomic {} is one statement or one commit of
 * one database; between them everything else may happen. Engines may stop for ever between any two, be late by any time,
 * and lose the answer to a COMMIT, which then happens at any later time, or never. The server ends a session that holds
 * the tenant's lock whenever it likes (its deadline). An engine may use a new session for every step, so nothing here
 * rests on the ending of old sessions but the progress of a successor.
 *
 * -DENGINES=n        each takes over from the one before at any time, which then stops, or goes on without knowing
 * -DATTEMPTS=n       cutovers that are tried, together
 * -DROUTERS=n        writers that use the router: begin at FROM, follow TM001, repeat after a lost answer
 * -DSTALE            their first route is TO
 * -DREPEATABLE=n     writers that use plain REPEATABLE READ transactions on FROM
 * -DSTRAYS=n         writers whose route names TO although nothing told them so
 * -DELSEWHERE        the control database is not FROM's: fence and routing cannot change in one commit
 * -DABORT            the operator aborts at any time
 * -DEXTERNAL_ABORT   another program sets the phase to aborted at any time
 * -DMIRROR           routers mirror what they wrote (in-process dual write)
 * -DNEIGHBOUR        another tenant moves between the same stores
 * -DBACK             FROM and TO have changed places: rollback after completion (reverse tail, then the same transaction)
 * -DALONE            nobody takes over from an engine that stops
 * -DEARLIER          engine 0 belongs to an earlier migration of the tenant, which is over
 */
#include "properties.pml"

#ifndef ENGINES
#define ENGINES 1
#endif
#ifndef ATTEMPTS
#define ATTEMPTS 1
#endif
#ifndef ROUTERS
#define ROUTERS 0
#endif
#ifndef REPEATABLE
#define REPEATABLE 0
#endif
#ifndef STRAYS
#define STRAYS 0
#endif
#if defined(ABORT) || defined(EXTERNAL_ABORT)
#define UNDO
#endif
#define WRITERS (ROUTERS + REPEATABLE + STRAYS)
#define FROM 0
#define TO 1
#define NOBODY 9
#ifndef TRIES
#define TRIES 2 /* of a router for one write */
#endif
#ifdef STALE
#define FIRST_ROUTE TO
#else
#define FIRST_ROUTE FROM
#endif
#ifdef BACK
#define RESTING moved /* what TO's fence says while FROM has the tenant */
#define FIRST_EPOCH 2
#else
#define RESTING closed
#define FIRST_EPOCH 1
#endif

mtype:fence = { open, moved, closed, armed, off, absent };
mtype:phase = { dual_write, cutover, completed, aborted };
mtype:applied = { mirroring, undoing, gone };
mtype:session = { unused, begun, held, sent, deciding, committed, refused, ended };

/* ---- the stores ---- */

typedef store {
    mtype:fence fence;
    byte epoch;  /* placement epoch, in the fence row */
    byte owner;  /* owner row: epoch of the engine that may act */
    byte raised; /* ghost: the latest taker of the lease that raised the owner row */
    byte seq;    /* positions handed out */
    byte has;    /* committed events, a bit for each writer's one event */
    byte wrote;  /* of those, the ones that a writer wrote here itself */
    byte shared; /* writers that hold the tenant's shared lock */
    byte excl    /* 1 + the attempt that holds it exclusively; 0 nobody */
};
store st[2];
byte pos[WRITERS + 1]; /* position of an event in the store that took it first */

/* The applied row, in TO. */
mtype:applied app = mirroring;
byte app_owner = 0;
byte app_lock = 0; /* 1 + the attempt whose transaction holds the row FOR UPDATE */
byte watermark = 0;

/* Each attempt has a session on FROM, which holds the lock and decides, and a transaction on TO, which drains. */
typedef attempt {
    mtype:session lock;  /* begun: may hold rows of control; held: and the tenant's lock; sent: decide() and COMMIT on their way;
                          * deciding: decide() has run */
    mtype:session drain; /* begun; sent: its COMMIT on its way */
    byte owner;          /* owner epoch under which both act */
    byte term;           /* ghost: the taker of the lease */
    byte from, to;       /* placement epochs */
    byte v;              /* V, read under the lock */
    byte events;         /* what the drain read */
};
attempt at[ATTEMPTS];
byte attempts = 0;

/* ---- the control database ---- */

mtype:phase phase = dual_write;
byte route = FROM;       /* tenant_routing: store … */
bool route_moved = false; /* … and state "migrated" */
byte lease = 0;          /* owner epoch */
byte lease_by = NOBODY;
byte terms = 0;          /* ghost: how often the lease was taken */
byte audited = 0;        /* audit rows "migration completed" */

/* ---- ghosts, and what is waited for ---- */

bool decided = false;
byte acked = 0;   /* events whose writers were told that they are safe */
byte over = 0;    /* writers that are through */
byte started = 0; /* engines */
#ifdef NEIGHBOUR
mtype:fence other_from = open, other_to = closed;
#endif
#ifdef MUTANT_SESSION_LOCK_TO_TAKE_OVER
byte session_lock = NOBODY; /* a pooler or a stopped process keeps it */
#define SESSION_LOCK_FREE (session_lock == NOBODY)
#else
#define SESSION_LOCK_FREE true
#endif

#define AUTHORITY (decided -> TO : FROM)
#define S1_HOLDS MUST(S1, (acked & ~st[AUTHORITY].has) == 0)
#define S2_ROUTE MUST(S2, (route == TO) == route_moved)
#ifdef BACK
#define CARRIED S14
#else
#define CARRIED S4
#endif
/* Nothing in FROM up to the watermark lacks in TO, and TO has nothing of its own before the decision. */
#define S4_HOLDS(b) \
    b = 0; \
    do \
    :: b < WRITERS -> \
        MUST(CARRIED, decided || pos[b] > watermark || (st[FROM].has & ~st[TO].has & BIT(b)) == 0); \
        b++ \
    :: else -> b = 0; break \
    od; \
    MUST(S4, decided || (st[TO].has & ~st[FROM].has) == 0)
#define S11_HOLDS(s) MUST(S11, term >= st[s].raised)

/* Rows that a decision holds to its end: owner and fence in FROM once it was executed; and lease, phase and routing, where
 * control is FROM's database, from before it asks for the lock. */
#if ATTEMPTS == 2
#define ANY(condition) (condition(0) || condition(1))
#else
#define ANY(condition) condition(0)
#endif
#define IS_DECIDING(i) (at[i].lock == deciding)
#define IS_OPEN(i) (at[i].lock == begun || at[i].lock == held || at[i].lock == sent || at[i].lock == deciding)
#define DECIDING ANY(IS_DECIDING)
#ifdef ELSEWHERE
#define CONTROL_FREE true
#else
#define CONTROL_FREE (!ANY(IS_OPEN))
#endif

/* What tenantmv.decide() checks: the fence, and that the engine still owns the migration here. */
#define FENCE_FITS(i) (st[FROM].fence == open && st[FROM].epoch == at[i].from)
#ifdef MUTANT_DECIDES_WITHOUT_LEASE
#define MAY_DECIDE(i) FENCE_FITS(i)
#else
#define MAY_DECIDE(i) (FENCE_FITS(i) && st[FROM].owner == at[i].owner)
#endif

/* ---- what the servers do by themselves ---- */

inline release_lock(i)
{
    st[FROM].excl = (st[FROM].excl == i + 1 -> 0 : st[FROM].excl)
}

proctype sessions(byte i)
{
    byte b;
end:
    do
#ifndef MUTANT_DEADLINE_IN_THE_ENGINE
    :: atomic { at[i].lock == begun || at[i].lock == held -> at[i].lock = ended; release_lock(i) } /* idle_in_transaction_session_timeout, or killed */
#endif
    :: atomic { at[i].lock == sent -> at[i].lock = ended; release_lock(i) }     /* the connection broke before it was read */
    :: atomic { at[i].lock == deciding -> at[i].lock = ended; release_lock(i) } /* the session died before its commit */
    :: atomic { /* tenantmv.decide() */
           at[i].lock == sent && !DECIDING ->
           if
           :: MAY_DECIDE(i) -> at[i].lock = deciding
           :: else -> at[i].lock = refused; release_lock(i)
           fi
       }
    :: atomic { /* its COMMIT: the point of decision */
           at[i].lock == deciding ->
           MUST(S9, !decided);
           MUST(S9, at[i].term >= st[FROM].raised);
           MUST(S9, st[TO].epoch == at[i].to && (st[TO].fence == armed || st[TO].fence == open));
           decided = true;
           MUST(S8, st[FROM].has == st[TO].has);
           st[FROM].fence = moved;
           st[FROM].epoch = at[i].to;
#ifndef ELSEWHERE
           phase = completed;
           route = TO;
#ifndef MUTANT_ROUTING_IN_TWO_WRITES
           route_moved = true;
#endif
           audited++;
           S2_ROUTE;
#endif
           S1_HOLDS;
           at[i].lock = committed;
           release_lock(i)
       }
    :: atomic { /* it breaks off, or arm() refuses: the fence does not rest, or another engine owns it */
           at[i].drain == sent -> at[i].drain = ended; app_lock = 0 }
    :: atomic { /* the drain's COMMIT: events, watermark, sequence, and the armed fence */
           at[i].drain == sent && st[TO].fence == RESTING && st[TO].owner == at[i].owner ->
           MUST(S11, at[i].term >= st[TO].raised);
           st[TO].has = st[TO].has | at[i].events;
           watermark = at[i].v;
#ifndef BACK /* a rollback appends: its events get new positions */
           st[TO].seq = (st[TO].seq > at[i].v -> st[TO].seq : at[i].v);
#endif
#if defined(MUTANT_OPENED_BEFORE_THE_DECISION) || defined(MUTANT_ROLLBACK_OPENED_EARLY)
           st[TO].fence = open;
#else
           st[TO].fence = armed;
#endif
           MUST(S2, st[TO].fence != open || decided);
           st[TO].epoch = at[i].to;
           at[i].drain = committed;
           app_lock = 0;
           S4_HOLDS(b)
       }
    od
}

/* ---- writers ---- */

/* The INSERT's row and the COMMIT, once the guard has let it pass. */
inline insert_and_commit(s, me)
{
    atomic {
        pos_ = st[s].seq + 1;
        st[s].seq = pos_
#ifdef MUTANT_OPEN_TRANSACTION
        ; st[s].shared = st[s].shared & ~BIT(me) /* the lock does not last as long as the transaction */
#endif
    };
    atomic {
        st[s].has = st[s].has | BIT(me);
        st[s].wrote = st[s].wrote | BIT(me);
        pos[me] = pos_;
        pos_ = 0;
        MUST(S3, s != FROM || !decided);
        MUST(S2, s != TO || decided);
#ifndef BACK
        MUST(S16, s != TO || pos[me] > st[FROM].seq);
#endif
        MUST(S5, (st[FROM].wrote & st[TO].wrote) == 0);
        S1_HOLDS;
        st[s].shared = st[s].shared & ~BIT(me)
    }
}

inline roll_back(s, me)
{
    pos_ = 0;
    st[s].shared = st[s].shared & ~BIT(me)
}

/* Through the router (core/route/writes.c), READ COMMITTED. */
proctype router(byte me)
{
    byte s = FIRST_ROUTE; /* where the route leads */
    byte named = 0;       /* placement epoch that TM001 named */
    byte tries = TRIES;
    bool unsure = false;  /* the answer to an earlier COMMIT was lost */
    mtype:fence seen;
    byte pos_ = 0;

again:
    if
    :: tries == 0 -> goto finish /* the caller is told: held for too long, or unknown */
    :: else -> tries--
    fi;
#ifdef MUTANT_GUARD_STABLE
    seen = st[s].fence; /* the snapshot is the statement's, taken before it waits for the lock */
#endif
    atomic { st[s].excl == 0 -> st[s].shared = st[s].shared | BIT(me) };
    atomic {
#ifdef MUTANT_ROUTER_CACHE_TRUSTED
        seen = (s == FROM -> open : st[s].fence); /* the cache said so some seconds ago; nobody asks the fence */
#elif !defined(MUTANT_GUARD_STABLE)
        seen = st[s].fence;
#endif
        if
        :: seen == moved -> /* TM001 with the new home */
            MUST(S10, st[s].epoch > named); /* it always leads on, never in a circle */
            named = st[s].epoch;
            roll_back(s, me);
            s = 1 - s;
            seen = 0;
#ifdef MUTANT_REFUSAL_TAKEN_FOR_PROOF
            if
            :: unsure -> MUST(S10, ((st[FROM].has | st[TO].has) & BIT(me)) == 0); goto finish
            :: else -> goto again
            fi
#else
            goto again
#endif
        :: seen == closed || (seen == armed && named != st[s].epoch) -> roll_back(s, me); seen = 0; s = (unsure -> s : route); goto again /* TM002 */
        :: else -> seen = 0
        fi
    };
    atomic {
        if
#ifndef MUTANT_REPEATS_WITH_A_NEW_ID
        :: (st[s].has & BIT(me)) != 0 -> roll_back(s, me); goto told /* a duplicate: the earlier try did happen */
#endif
        :: else
        fi
    };
    if
    :: atomic { roll_back(s, me); st[s].seq++; goto again } /* the transaction fails; its position stays unused */
#ifdef MUTANT_LOST_WRITE_TAKEN_FOR_DONE
    :: atomic { roll_back(s, me); goto told }
#else
    :: atomic { roll_back(s, me); unsure = true; goto again } /* the same, but the writer does not learn it */
#endif
    :: true
    fi;
    insert_and_commit(s, me);
    if
    :: true
    :: unsure = true; goto again /* the answer is lost */
    fi;
told:
    atomic { acked = acked | BIT(me); S1_HOLDS };
    if
    :: atomic { s == TO && st[s].fence == armed && st[s].epoch == named -> MUST(S2, decided); st[s].fence = open }
    :: else
    fi;
#ifdef MIRROR
    if
    :: atomic { s == FROM && app == mirroring -> named = app_owner };
        if
        :: atomic {
#ifdef MUTANT_LATE_MIRROR
               true -> /* looked at above, in a statement of its own */
#else
               app_lock == 0 && app == mirroring && app_owner == named -> /* FOR SHARE */
#endif
               st[TO].has = st[TO].has | BIT(me)
           }
        :: true /* it is away; the tail brings the event */
        fi
    :: else
    fi;
#endif
finish:
    over = over | BIT(me)
}

/* A plain REPEATABLE READ transaction on FROM. Its snapshot may be older than anything, the fence row too. */
proctype repeatable(byte me)
{
    mtype:fence seen;
    byte epoch = 0;
    byte tries = 2;
    byte pos_ = 0;

again:
    if
    :: tries == 0 -> goto finish
    :: else -> tries--
    fi;
    if
    :: atomic { seen = st[FROM].fence; epoch = st[FROM].epoch }
    :: tries == 1 -> seen = absent
    fi;
    atomic { st[FROM].excl == 0 -> st[FROM].shared = st[FROM].shared | BIT(me) };
    atomic {
#ifdef MUTANT_GUARD_OLD_SNAPSHOT
        true ->
        if
        :: seen == open -> goto admitted
        :: else -> roll_back(FROM, me); goto again
        fi
#else
        !DECIDING -> /* FOR SHARE waits for whoever changes the row */
        if
#ifdef MUTANT_MISSING_ROW_IS_OPEN
        :: seen == absent -> goto admitted
#endif
        :: seen == open && st[FROM].fence == open && st[FROM].epoch == epoch -> goto admitted
        :: else -> roll_back(FROM, me); goto again /* 40001, TM001 */
        fi
#endif
    };
admitted:
    insert_and_commit(FROM, me);
    atomic { acked = acked | BIT(me); S1_HOLDS };
finish:
    over = over | BIT(me)
}

/* A writer whose route names TO, and that names no epoch. */
proctype stray(byte me)
{
    byte tries = 2;
    byte pos_ = 0;

again:
    if
    :: tries == 0 -> goto finish
    :: else -> tries--
    fi;
    atomic { st[TO].excl == 0 -> st[TO].shared = st[TO].shared | BIT(me) };
    if
    :: atomic { st[TO].fence == open -> skip }
    :: atomic { st[TO].fence != open -> roll_back(TO, me); goto again }
    fi;
    insert_and_commit(TO, me);
    atomic { acked = acked | BIT(me); S1_HOLDS };
finish:
    over = over | BIT(me)
}

/* ---- the engine ---- */

/* Somewhere between two steps it ends, or is stopped for good; somebody else is there, or will be. */
#ifdef ALONE
#define MAY_STOP if :: true :: goto stop fi
#else
#define MAY_STOP if :: true :: started < ENGINES || lease_by != e -> goto stop fi
#endif
#define OWNS (lease == me && lease_by == e)

/* TO's fence, from armed to what it was, or to open at the decision's epoch. One statement, which checks the owner row. */
inline disarm()
{
    atomic {
        if
        :: st[TO].owner == me && st[TO].fence == armed -> S11_HOLDS(TO); MUST(S9, !decided); st[TO].fence = RESTING
        :: else
        fi
#ifdef MUTANT_ROLLBACK_TOUCHES_ANOTHER
        ; if
        :: other_to == armed -> other_to = closed
        :: else
        fi
#endif
    }
}

inline open_to(e_)
{
    atomic {
        if
        :: st[TO].owner == me && st[TO].fence == armed && st[TO].epoch == e_ ->
            S11_HOLDS(TO);
            MUST(S2, decided);
            st[TO].fence = open
        :: else
        fi
    }
}

inline complete()
{
    phase = completed;
    route = TO;
    route_moved = true;
    audited++;
    S2_ROUTE
}

inline take_lease()
{
#ifdef MUTANT_TWO_OWNERS
    lease = (lease == 0 -> 1 : lease);
#elif defined(MUTANT_EPOCHS_START_AGAIN)
    lease = 1;
#else
    lease++;
#endif
    me = lease;
    lease_by = e;
    terms++;
    term = terms
}

proctype engine(byte e)
{
    byte me = 0, term = 0; /* owner epoch; ghost */
    byte k = NOBODY;       /* attempt */
    byte from = 0, to = 0, v = 0, b = 0;
    bool has_moved = false;

    /* The one before is silent: it ended, or is stopped, or is only slow. */
end_wait:
    atomic {
        started == e && CONTROL_FREE && SESSION_LOCK_FREE ->
#ifdef MUTANT_SESSION_LOCK_TO_TAKE_OVER
        session_lock = e;
#endif
        started++;
        take_lease();
        goto raise
    };

take: /* from the start again, under an epoch of its own: after an unknown outcome, and after every surprise */
    atomic {
        CONTROL_FREE ->
        k = NOBODY; from = 0; to = 0; v = 0;
        if
        :: lease_by != e -> goto rest
        :: else -> take_lease()
        fi
    };

    /* ---- takeover: raise, then read ---- */
raise:
#ifdef MUTANT_TAKEOVER_READS_FIRST
    atomic { has_moved = st[FROM].fence == moved; to = st[FROM].epoch };
#endif
    MAY_STOP;
    atomic {
        !DECIDING -> /* a decision that was executed holds the row FOR SHARE */
        if
#ifdef MUTANT_RAISES_BLINDLY
        :: true ->
#else
        :: me >= st[FROM].owner ->
#endif
            S11_HOLDS(FROM);
            st[FROM].owner = me;
            st[FROM].raised = term
#ifndef MUTANT_RAISES_BLINDLY
        :: else -> goto rest
#endif
        fi
    };
    MAY_STOP;
    if
    :: atomic { me >= st[TO].owner -> st[TO].owner = me }
#ifndef MUTANT_RAISES_BLINDLY
    :: atomic { me < st[TO].owner -> goto rest }
#endif
    fi;
    do
#ifndef MUTANT_SESSIONS_STAY
    :: atomic { app_lock != 0 && at[app_lock - 1].drain == begun -> at[app_lock - 1].drain = ended; app_lock = 0 } /* end_sessions */
#endif
    :: atomic {
           app_lock == 0 ->
           if
           :: app == gone
           :: app != gone && me >= app_owner -> app_owner = me; st[TO].raised = term
#ifndef MUTANT_RAISES_BLINDLY
           :: app != gone && me < app_owner -> goto rest
#endif
           fi;
           break
       }
    od;
#ifdef EARLIER
    if
    :: e == 0 -> goto rest /* nothing else of it names the migration that runs now */
    :: else
    fi;
#endif
    MAY_STOP;

    /* ---- resolve: the fence outranks the phase ---- */
#ifdef MUTANT_PHASE_BEFORE_FENCE
    has_moved = phase == completed;
#elif !defined(MUTANT_TAKEOVER_READS_FIRST)
resolve:
    atomic { has_moved = st[FROM].fence == moved; to = st[FROM].epoch };
#endif
    MAY_STOP;
#ifdef MUTANT_ABORTED_BEFORE_FENCE
    if
    :: phase == aborted -> goto undo
    :: else
    fi;
#endif
    if
    :: has_moved -> goto finish
    :: else
    fi;
#ifdef UNDO
    if
    :: app == undoing || phase == aborted -> goto undo
    :: app == gone && phase != aborted -> goto undo /* the command was given back and is asked for again */
    :: else
    fi;
#endif
    disarm();
    MAY_STOP;
    atomic {
        CONTROL_FREE ->
        if
        :: !OWNS -> goto rest
        :: OWNS && phase == cutover -> phase = dual_write
        :: else
        fi
    };

    /* ---- dual_write ---- */
work:
    k = NOBODY;
    MAY_STOP;
    if
    :: attempts < ATTEMPTS
    :: atomic { /* a turn of the tail (tail.pml), here only between writers */
           app_lock == 0 && st[FROM].shared == 0 && watermark != st[FROM].seq && app == mirroring && app_owner == me ->
           S11_HOLDS(TO);
           st[TO].has = st[TO].has | st[FROM].has;
           watermark = st[FROM].seq;
           goto work
       }
#ifdef ABORT
    :: goto undo
#endif
    :: attempts == ATTEMPTS -> goto rest /* rests */
    fi;

    /* ---- cutover ---- */
    atomic {
        CONTROL_FREE ->
        if
        :: !OWNS -> goto rest
        :: OWNS && phase == dual_write -> phase = cutover
        :: OWNS && phase != dual_write -> goto take
        fi
    };
    MAY_STOP;
    atomic {
        if
        :: st[FROM].fence == open -> from = st[FROM].epoch
        :: else -> goto roll_back_
        fi
    };
    atomic {
        if
        :: st[TO].fence == RESTING -> to = (st[TO].epoch > from -> st[TO].epoch : from) + 1
        :: else -> goto roll_back_
        fi
    };
    /* both transactions are begun before anybody is held */
    atomic {
        app_lock == 0 ->
        if
        :: app == mirroring && app_owner == me && attempts < ATTEMPTS ->
            k = attempts;
            attempts++;
            app_lock = k + 1;
            at[k].drain = begun;
            at[k].term = term
        :: else -> goto roll_back_
        fi
    };
    MAY_STOP;
    atomic {
#ifndef ELSEWHERE
        CONTROL_FREE -> /* complete_cutover(): lease, phase, routing, audit; seen by others from the COMMIT on */
        if
        :: OWNS && phase == cutover -> skip
        :: !OWNS || phase != cutover -> goto roll_back_
        fi;
#endif
        at[k].lock = begun;
        at[k].owner = me;
        at[k].from = from;
        at[k].to = to;
        from = 0
    };
    MAY_STOP;
#ifdef MUTANT_V_BEFORE_THE_LOCK
    v = st[FROM].seq;
#endif
    if
    :: atomic { /* the pause begins: writers in flight are gone, then V */
           at[k].lock == begun && st[FROM].excl == 0 && st[FROM].shared == 0 ->
           st[FROM].excl = k + 1;
#ifndef MUTANT_V_BEFORE_THE_LOCK
           v = st[FROM].seq;
#endif
           at[k].lock = held
       }
    :: atomic { at[k].lock == begun -> goto roll_back_ } /* lock_timeout */
    :: atomic { at[k].lock == ended -> goto take }
    fi;
    MAY_STOP;
    atomic {
        do
        :: b < WRITERS && (st[FROM].has & BIT(b)) != 0 && pos[b] > watermark && pos[b] <= v ->
            at[k].events = at[k].events | BIT(b);
            b++
        :: b < WRITERS && !((st[FROM].has & BIT(b)) != 0 && pos[b] > watermark && pos[b] <= v) -> b++
        :: b == WRITERS -> break
        od;
        b = 0;
#ifdef MUTANT_NO_REVERSE_TAIL
        at[k].events = 0;
#endif
#ifdef MUTANT_HIGHEST_READ
        v = 0;
        do
        :: b < WRITERS && (at[k].events & BIT(b)) != 0 && pos[b] > v -> v = pos[b]; b++
        :: b < WRITERS && !((at[k].events & BIT(b)) != 0 && pos[b] > v) -> b++
        :: b == WRITERS -> break
        od;
        b = 0;
#endif
        at[k].v = v;
        v = 0
    };
    MAY_STOP;
    if /* watermark, arm() and COMMIT are sent in one */
    :: atomic { at[k].drain == begun -> at[k].drain = sent }
    :: atomic { at[k].drain == begun -> goto roll_back_ } /* over the budget, or the tail is not equal */
    :: atomic { at[k].drain == ended -> goto take }       /* the session is gone */
    fi;
    if
    :: at[k].drain == committed
    :: at[k].drain == ended -> goto roll_back_ /* an error said so */
    :: goto take                               /* the answer is lost */
    fi;
    MAY_STOP;

    /* the decision */
    if
    :: atomic { at[k].lock == held -> at[k].lock = sent }
    :: atomic { at[k].lock == ended -> goto roll_back_ } /* the deadline passed: nothing was sent */
    fi;
    if
    :: at[k].lock == committed
    :: at[k].lock == refused -> goto roll_back_
    :: at[k].lock == ended -> goto take
    :: at[k].lock != held -> /* the answer is lost: it may happen yet */
#ifdef MUTANT_ANSWER_TAKEN_FOR_NO
        goto roll_back_
#elif defined(MUTANT_ANSWER_TAKEN_FOR_YES)
        skip
#elif defined(MUTANT_RESOLVED_BY_PLAIN_READ)
        goto resolve
#elif defined(MUTANT_RESOLVED_BY_FOR_UPDATE)
        atomic { !DECIDING -> goto resolve }
#else
        goto take
#endif
    fi;
    MAY_STOP;
#ifdef MUTANT_CLEANUP_REOPENS
    if
    :: true -> st[FROM].fence = open; goto roll_back_ /* something after the decision failed, and is "rolled back" */
    :: true
    fi;
#endif

    /* ---- after the decision: idempotent, by whoever owns the migration ---- */
finish:
    open_to(to);
    MAY_STOP;
    atomic {
        CONTROL_FREE ->
        if
#ifdef MUTANT_FOLLOWS_TWICE
        :: OWNS -> complete()
#else
        :: OWNS && phase != completed -> complete()
#endif
        :: else
        fi
    };
#ifdef MUTANT_ROUTING_IN_TWO_WRITES
    route_moved = true;
#endif
    goto rest;

    /* ---- an attempt that did not decide ---- */
roll_back_:
#ifdef MUTANT_ROLLBACK_NEEDS_THE_LOCK
    k == NOBODY || at[k].lock == held;
#endif
    atomic {
        if
        :: k != NOBODY && (at[k].lock == begun || at[k].lock == held) -> at[k].lock = ended; release_lock(k)
        :: else
        fi;
        if
        :: k != NOBODY && at[k].drain == begun -> at[k].drain = ended; app_lock = 0
        :: else
        fi;
        from = 0; v = 0
    };
    MAY_STOP;
    disarm();
    MAY_STOP;
    atomic {
        CONTROL_FREE ->
        if
        :: !OWNS -> goto rest
        :: OWNS && phase == cutover -> phase = dual_write; goto work
        :: OWNS && phase != cutover -> goto take
        fi
    };

    /* ---- abort ---- */
#ifdef UNDO
undo:
    k = NOBODY;
    atomic { /* from here on nothing arrives */
        app_lock == 0 ->
        if
        :: app != gone && app_owner == me -> S11_HOLDS(TO); app = undoing
        :: app == gone
        :: app != gone && app_owner != me -> goto rest
        fi
    };
    MAY_STOP;
    atomic {
        !DECIDING ->
        if
        :: st[FROM].owner == me && st[FROM].fence == open -> S11_HOLDS(FROM); st[FROM].fence = off
        :: else
        fi
    };
    MAY_STOP;
    if
#ifdef MUTANT_ABORTED_BEFORE_FENCE
    :: st[FROM].fence == moved -> goto stop /* refused; it waits for the operator */
#endif
    :: st[FROM].fence == open -> goto rest /* not ours any more */
    :: st[FROM].fence == off || st[FROM].fence == absent
    fi;
    atomic {
        app_lock == 0 ->
        if
        :: app == undoing && app_owner == me -> S11_HOLDS(TO); st[TO].has = st[TO].wrote
        :: app == gone
        :: app != gone && app_owner != me -> goto rest
        fi
    };
    MAY_STOP;
    atomic { app = gone; st[TO].fence = absent };
    MAY_STOP;
    atomic {
        if
        :: st[FROM].fence == off -> st[FROM].fence = absent
        :: else
        fi
    };
    MAY_STOP;
    atomic {
        CONTROL_FREE ->
        if
        :: OWNS -> phase = aborted; route = FROM
        :: else
        fi
    };
#endif
rest:
#ifdef EXTERNAL_ABORT
end_rest: /* it polls, while it owns the migration */
    atomic { lease_by == e && phase == aborted && app != gone && started == ENGINES -> goto take };
#endif
    skip;
stop:
    skip
}

#ifdef EXTERNAL_ABORT
proctype other_program()
{
end: /* too late when the migration is completed */
    atomic { CONTROL_FREE && (phase == dual_write || phase == cutover) -> phase = aborted; route = FROM; route_moved = false }
}
#endif

#ifdef NEIGHBOUR
/* Moves between the same stores: armed, decided, opened. */
proctype neighbour()
{
    other_to = armed;
    other_from = moved;
    if
    :: atomic { other_to == armed -> other_to = open }
    :: atomic { other_to != armed -> skip }
    fi
}
#endif

/* When nothing can happen any more. */
#if ENGINES == 1
#define ROLLED_BACK S12 /* by the engine that ran the cutover */
#else
#define ROLLED_BACK L2 /* by some engine */
#endif
proctype judge()
{
    atomic {
        timeout ->
        MUST(L1, over == BIT(WRITERS) - 1);
        MUST(L1, st[FROM].excl == 0);
#ifndef ALONE
        if
        :: decided ->
            MUST(L2, st[FROM].fence == moved && st[TO].fence == open && st[FROM].epoch == st[TO].epoch);
            MUST(L2, phase == completed && route == TO && route_moved)
#ifdef UNDO
        :: !decided && phase == aborted ->
            MUST(S18, st[FROM].fence == absent && st[TO].fence == absent && app == gone);
            MUST(S18, st[TO].has == 0);
            MUST(L2, route == FROM && !route_moved)
#endif
        :: else ->
            MUST(ROLLED_BACK, phase == dual_write && st[TO].fence != armed);
            MUST(L2, st[FROM].fence == open && st[TO].fence == RESTING && route == FROM && !route_moved)
        fi;
        MUST(S19, audited == (decided -> 1 : 0));
#ifdef NEIGHBOUR
        MUST(S13, other_from == moved && other_to == open)
#endif
#endif
    }
}

init {
    atomic {
        byte n = 0;
        st[FROM].fence = open;
        st[FROM].epoch = FIRST_EPOCH;
        st[TO].fence = RESTING;
        st[TO].epoch = FIRST_EPOCH;
        do
        :: n < ATTEMPTS -> at[n].lock = unused; at[n].drain = unused; run sessions(n); n++
        :: else -> n = 0; break
        od;
        do
        :: n < ENGINES -> run engine(n); n++
        :: else -> n = 0; break
        od;
        do
        :: n < ROUTERS -> run router(n); n++
        :: n >= ROUTERS && n < ROUTERS + REPEATABLE -> run repeatable(n); n++
        :: n >= ROUTERS + REPEATABLE && n < WRITERS -> run stray(n); n++
        :: else -> break
        od;
#ifdef EXTERNAL_ABORT
        run other_program();
#endif
#ifdef NEIGHBOUR
        run neighbour();
#endif
        run judge()
    }
}
