/* The tail and its horizon (design §7): core/move/tail/tailer.c, core/move/tail/horizon.c, and the guard's installation of
 * core/engine/phases/start.c.
 *
 * Writers insert one event each. Positions come from the sequence and are committed in any order, or never. The tail
 * reads V, then the holders L of the tenant's shared lock; once none of L is left it reads once more and stores the
 * events with w := V in one transaction. Ranges that patient holders keep open are applied early ("soft"), without
 * moving w. The engine may crash anywhere; what it knows then is what the target says.
 *
 * -DINSTALL        begins before the guard: writers without a lock, V0, the copy of everything up to V0
 * -DSOURCE_CRASH   the source crashes once and forgets what was not on disk
 * -DSEQUENCE_BACK  somebody sets the sequence back once, to any value. It is seen before the positions are used
 *                  up to the watermark: what a sequence did in between cannot be read from it. The comparison of
 *                  totals before the cutover is for that.
 */
#include "properties.pml"

#ifndef WRITERS
#define WRITERS 3
#endif
#ifndef CRASHES
#define CRASHES 1
#endif
#define UP_TO(p) ((1 << ((p) + 1)) - 1) /* mask of the positions 0…p */

/* The source. Masks have a bit for each position. */
#ifdef SEQUENCE_BACK
#define BEGINS 3 /* positions that no event has, and that are already behind the tail */
byte last = BEGINS;
bool called = true;
#else
#define BEGINS 0
byte last = 1; /* last_value and is_called of the sequence */
bool called = false;
#endif
byte here = 0;      /* committed events */
byte in_flight = 0; /* positions of writers that are not decided */
byte holders = 0;   /* writers that hold the tenant's shared lock */
byte with_pid = 0;  /* of those, the ones that pg_locks shows with a pid (a prepared transaction has none) */
byte done = 0;      /* writers that are through */
byte begun = 0;     /* writers are alike: they begin in their order, which only leaves out mirror images */
#ifdef INSTALL
byte in_table = 0; /* writers that hold the table's ROW EXCLUSIVE lock */
bool guarded = false;
#else
#define guarded true
#endif
#ifdef SOURCE_CRASH
byte disk_last = 1, disk_here = 0; /* what a crash leaves */
bool disk_called = false;
byte life = 0; /* of the server */
#define FLUSH disk_last = last; disk_called = called; disk_here = here
#define ALIVE (life == my_life)
#else
#define FLUSH skip
#define ALIVE true
#endif

/* The target. */
byte there = 0;     /* events */
byte watermark = BEGINS; /* stored with them */

#ifdef SEQUENCE_BACK
bool set_back = false;
byte latest = BEGINS; /* ghost: the highest V that the tail remembers */
#if defined(MUTANT_BACK_IS_AN_EMPTY_RANGE) || defined(MUTANT_BACK_BELOW_THE_WATERMARK_ONLY)
#define MAY_RISE true
#else
#define MAY_RISE (!set_back || last + 1 < watermark)
#endif
#if defined(MUTANT_BACK_IS_AN_EMPTY_RANGE)
#define WENT_BACK(v, w, highest) false
#elif defined(MUTANT_BACK_BELOW_THE_WATERMARK_ONLY)
#define WENT_BACK(v, w, highest) (v < w)
#else
#define WENT_BACK(v, w, highest) (v < highest)
#endif
#define TAKEN(p) ((here | in_flight) & (1 << (p)))
/* Set back below events while nobody remembers an earlier V: they lie above it, and the lock's holder sees them there. */
#ifdef MUTANT_BACK_WITH_EVENTS_ABOVE
#define LIES_ABOVE(v) false
#else
#define LIES_ABOVE(v) ((here & ~UP_TO(v)) != 0)
#endif
#define CAUGHT_UP(w) (w >= V && !WENT_BACK(V, w, highest) && !LIES_ABOVE(V))
#else
#define MAY_RISE true
#define CAUGHT_UP(w) (w == V)
#endif


#ifdef MUTANT_V_WITHOUT_IS_CALLED
#define V last
#else
#define V (last - (called -> 0 : 1))
#endif

/* What a sequence that was set back hands out breaks these at once; the tail must see it before the cutover. */
#ifdef SEQUENCE_BACK
bool was_set_back = false;
#define EXCUSED was_set_back
#else
#define EXCUSED false
#endif

#define S6_HOLDS MUST(S6, EXCUSED || (here & UP_TO(watermark) & ~there) == 0)
#define S4_HOLDS MUST(S4, EXCUSED || ((here ^ there) & UP_TO(watermark)) == 0)
#define S7_HOLDS(w) MUST(S7, EXCUSED || (in_flight & UP_TO(w)) == 0)

inline next_value(p)
{
    if
    :: called -> last++
    :: else -> called = true
    fi;
    p = last
}

inline release(me)
{
    holders = holders & ~BIT(me);
    with_pid = with_pid & ~BIT(me);
    in_flight = in_flight & ~(1 << position);
#ifdef INSTALL
    in_table = in_table & ~BIT(me)
#endif
}

proctype writer(byte me)
{
    byte position = 0;
#ifdef SOURCE_CRASH
    byte my_life = 0;
#endif

#ifdef INSTALL
    atomic { begun == me -> begun++; in_table = in_table | BIT(me) }; /* the statement begins; whether the trigger fires is known from here on */
    if
    :: atomic { guarded -> holders = holders | BIT(me); with_pid = with_pid | BIT(me) }
    :: !guarded
    fi;
#else
    if
    :: atomic { begun == me && ALIVE -> begun++; holders = holders | BIT(me); with_pid = with_pid | BIT(me) }
#ifdef SOURCE_CRASH
    :: atomic { begun == me && !ALIVE -> begun++; goto gone }
#endif
    fi;
#endif
    if
    :: atomic {
           ALIVE && MAY_RISE ->
           next_value(position);
#ifdef SEQUENCE_BACK
           if
           :: TAKEN(position) -> position = 0; release(me); goto gone /* the primary key refuses it */
           :: else
           fi;
#endif
           in_flight = in_flight | (1 << position)
       }
#ifdef SOURCE_CRASH
    :: atomic { !ALIVE -> goto gone }
#endif
    fi;
#ifdef PREPARED
    if
    :: with_pid = with_pid & ~BIT(me) /* PREPARE TRANSACTION */
    :: skip
    fi;
#endif
    if
    :: atomic { ALIVE -> here = here | (1 << position); release(me); FLUSH } /* COMMIT */
    :: atomic { ALIVE -> release(me) }                                       /* ROLLBACK */
#ifdef SOURCE_CRASH
    :: atomic { ALIVE -> here = here | (1 << position); release(me) } /* COMMIT with synchronous_commit = off */
    :: atomic { !ALIVE -> goto gone }
#endif
    fi;
gone:
    done = done | BIT(me)
}

/* One observation and a second one that is pending: (V, L) each. */
proctype tail()
{
    byte w, reached;     /* memory of the process: watermark, and how far the early ranges went */
    byte v0, l0, v1, l1; /* pairs, the older one first */
    byte pairs;
    byte final, low, rows;
    byte crashes = CRASHES;
#ifdef SEQUENCE_BACK
    byte highest; /* memory: V as it was read before */
#endif
#ifdef SOURCE_CRASH
    byte my_life = 0;
#endif

#ifdef INSTALL
#ifdef MUTANT_V0_AFTER_THE_LOCK
    atomic { in_table == 0 -> guarded = true };
    w = V;
#else
    atomic { in_table == 0 -> guarded = true; w = V }; /* CREATE TRIGGER waits for the table's writers, and holds new ones */
#endif
    atomic { there = here & UP_TO(w); watermark = w; S6_HOLDS; S4_HOLDS }; /* the bulk copy */
#endif

connect: /* what the target says is all that is known */
    atomic {
        w = watermark;
        reached = w;
        v0 = 0; l0 = 0; v1 = 0; l1 = 0; pairs = 0; final = 0; low = 0; rows = 0
#ifdef SOURCE_CRASH
        ; my_life = life
#endif
#ifdef SEQUENCE_BACK
        ; highest = w; latest = w; set_back = set_back && V < w
#endif
    };
    do
#ifdef SEQUENCE_BACK
    :: atomic { done == BIT(WRITERS) - 1 && (WENT_BACK(V, w, highest) || LIES_ABOVE(V)) -> goto refused } /* every reading, the last one too */
#endif
    :: done == BIT(WRITERS) - 1 && CAUGHT_UP(w) && ALIVE -> break
    :: else ->
        if
        :: atomic { crashes > 0 -> crashes--; goto connect }
        :: skip
        fi;
        /* observe: V, then L, in two statements */
        atomic {
            if
            :: pairs == 2 -> skip /* the newer one gives way: that only delays */
            :: else -> pairs++
            fi;
#ifdef MUTANT_L_BEFORE_V
            rows = holders
#else
            final = V
#endif
#ifdef SEQUENCE_BACK
            ;
            if
            :: WENT_BACK(final, w, highest) -> goto refused /* an error: it pauses, and says what happened */
            :: else -> highest = (final > highest -> final : highest); latest = highest; set_back = false
            fi
#endif
        };
        atomic {
#ifdef MUTANT_L_BEFORE_V
            final = V;
#elif defined(MUTANT_L_BY_PID)
            rows = holders & with_pid;
#else
            rows = holders;
#endif
            l0 = l0 & rows; /* who released the lock leaves every pair */
            l1 = l1 & rows;
            if
            :: pairs == 1 -> v0 = final; l0 = rows
            :: else -> v1 = final; l1 = rows
            fi;
            final = 0;
            rows = 0;
            /* advance: the newest pair without holders */
            if
            :: pairs == 2 && l1 == 0 -> final = v1; v0 = 0; v1 = 0; pairs = 0; l0 = 0
            :: (pairs == 1 || l1 != 0) && pairs > 0 && l0 == 0 -> final = v0; v0 = v1; l0 = l1; v1 = 0; l1 = 0; pairs--
            :: else -> skip
            fi
        };
#ifdef MUTANT_HIGHEST_SEEN
        /* no horizon: everything that is visible, and on from the highest position */
        atomic {
            final = w;
            rows = here & ~UP_TO(w);
            do
            :: rows >> (final + 1) -> final++
            :: else -> break
            od;
            rows = 0
        };
#endif
        if
        :: final > w -> /* read once more, from w, with a snapshot of now */
#ifdef MUTANT_NO_LAST_READ
            low = reached;
#else
            low = w;
#endif
            if
            :: atomic { ALIVE -> rows = here & UP_TO(final) & ~UP_TO(low) }
#ifdef SOURCE_CRASH
            :: atomic { !ALIVE -> goto connect }
#endif
            fi;
            if
            :: atomic { /* an empty range need not be stored */
                   rows == 0 ->
                   S7_HOLDS(final);
                   MUST(S6, EXCUSED || (here & UP_TO(final) & ~there) == 0);
                   w = final;
                   low = 0;
                   final = 0
               }
            :: true -> /* one transaction on the target: events and watermark, the source durable before its commit */
#if defined(SOURCE_CRASH) && !defined(MUTANT_NOT_DURABLE_FIRST)
                if
                :: atomic { ALIVE -> FLUSH }
                :: atomic { !ALIVE -> goto connect }
                fi;
#endif
#ifdef MUTANT_WATERMARK_AHEAD
                atomic { watermark = final; S6_HOLDS };
#endif
                atomic {
                    S7_HOLDS(final);
                    there = there | rows;
                    watermark = final;
                    S6_HOLDS;
                    S4_HOLDS;
                    w = final;
                    rows = 0; low = 0; final = 0
                };
            fi;
            if
            :: reached < w -> reached = w
            :: else -> skip
            fi
        :: else -> final = 0
        fi;
#ifndef SOURCE_CRASH
        if
        :: pairs > 0 && (pairs == 2 -> v1 : v0) > reached -> /* patience is over: apply early, w stays */
            atomic {
                final = (pairs == 2 -> v1 : v0);
                rows = here & UP_TO(final) & ~UP_TO(reached)
            };
            atomic { there = there | rows; reached = final; rows = 0; final = 0; S6_HOLDS; S4_HOLDS }
        :: true -> skip
        fi
#endif
    od;
    MUST(S1, (here & ~there) == 0); /* nothing is left behind */
    MUST(S4, here == there);
    goto finished;
refused:
#ifdef SEQUENCE_BACK
    set_back = false; /* nobody waits for it any more */
#endif
finished:
    skip
}

#ifdef SEQUENCE_BACK
/* setval(), or a dump that restores it. */
proctype somebody()
{
    byte to = 0;

end:
    atomic {
        called && last > 1 ->
        to = last;
        do
        :: to > 1 -> to--
        :: to < last -> break
        od;
        last = to;
        to = 0;
        set_back = latest > last;
        was_set_back = true
    }
}
#endif

#ifdef SOURCE_CRASH
/* The server comes back with what is on disk; transactions that were open are gone. */
proctype crash()
{
    atomic {
        here = disk_here;
        last = disk_last;
        called = disk_called;
        in_flight = 0;
        holders = 0;
        with_pid = 0;
        life = 1;
        S4_HOLDS
    }
}
#endif

init {
    atomic {
        byte n = 0;
        do
        :: n < WRITERS -> run writer(n); n++
        :: else -> break
        od;
        run tail();
#ifdef SOURCE_CRASH
        run crash();
#endif
#ifdef SEQUENCE_BACK
        run somebody();
#endif
    }
}
