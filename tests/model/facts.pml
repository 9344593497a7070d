/* What people change in the stores while a tenant moves (design §6, facts of a store): core/move/cutover/cutover_manager.c,
 * cutover_gates.c, takeover.c, tailer.c.
 *
 * Facts are what the proof of a move rests on: the columns of both tables, and the sequence of the positions. They are
 * noted when the guard is installed, compared by the gates, and compared again under the locks of the decision. Each
 * event has a value in column a, which both tables have from the start, and in column b, which may be added. The horizon
 * is ideal here (tail.pml proves it), so is the switch (move.pml), and there is no verification, which could hide a
 * difference.
 *
 * -DCOLUMNS      somebody adds b to either table, or drops a from the target, at any time
 * -DCACHE        somebody gives the sequence a cache, and takes it back, at any time
 * -DENGINES=n    each takes over from the one before at any time, which then stops, or continues without knowing
 * -DRESTARTS=n   an engine starts again with an empty memory, at any step
 */
#include "properties.pml"

#ifndef ENGINES
#define ENGINES 1
#endif
#ifndef RESTARTS
#define RESTARTS 0
#endif
#define WRITERS 2
#ifndef EVENTS
#define EVENTS 2 /* of each writer */
#endif
#define UP_TO(p) ((1 << ((p) + 1)) - 1) /* mask of the positions 0…p */

mtype:behind = { unknown, none, some };

/* The source. Masks have a bit for each position. */
byte last = 0;             /* of the sequence */
byte cache = 1;            /* how many positions a session takes at a time */
byte here = 0, here_b = 0; /* committed events, and those with a value in b */
byte holders = 0;          /* writers that hold the tenant's shared lock */
bool locked = false;       /* the tenant's exclusive lock, and those of both tables against ALTER TABLE */
byte owner = 0;            /* owner rows of both stores */

/* The target. */
byte there = 0, there_a = 0, there_b = 0;
byte watermark = 0;

/* The catalogues: how often each changed. An added and dropped column has another number, a changed row another xmin. */
bool from_b = false, to_a = true, to_b = false;
byte sequence_changes = 0;

#ifdef MUTANT_CACHE_IS_NO_FACT
#define SEQUENCE_FACT 0
#elif defined(MUTANT_CACHE_AS_IT_IS_NOW)
#define SEQUENCE_FACT (cache - 1)
#else
#define SEQUENCE_FACT sequence_changes
#endif
#ifdef MUTANT_TARGET_HAS_NO_FACTS
#define TARGET_FACT 0
#else
#define TARGET_FACT (2 * (1 - to_a) + 4 * to_b)
#endif
#ifdef MUTANT_SOURCE_HAS_NO_FACTS
#define FACTS (TARGET_FACT + 8 * SEQUENCE_FACT)
#else
#define FACTS (from_b + TARGET_FACT + 8 * SEQUENCE_FACT)
#endif

byte noted = 0;    /* the facts at the installation, in the databases */
bool ready = false; /* what the engine before reported in control */
bool decided = false;
byte finished = 0; /* writers that are through */
byte started = 0;  /* engines */
byte restarts = RESTARTS;

proctype writer(byte me)
{
    byte events = 0, position = 0;
    byte cached = 0, seen = 0; /* of the session: a position that it took in advance, and from which sequence */

    do
    :: events == EVENTS -> break
    :: events < EVENTS ->
        if
        :: atomic { !locked -> holders = holders | BIT(me) }
        :: atomic { decided -> break } /* TM001: it has moved */
        fi;
        if
        :: atomic { decided -> holders = holders & ~BIT(me); break }
        :: atomic { /* the guard: nextval, after the lock */
               !decided ->
               if
               :: cached != 0 && seen == sequence_changes -> position = cached; cached = 0
               :: !(cached != 0 && seen == sequence_changes) && cache == 1 -> last++; position = last; cached = 0
               :: !(cached != 0 && seen == sequence_changes) && cache == 2 ->
                   position = last + 1;
                   cached = last + 2;
                   seen = sequence_changes;
                   last = last + 2
               fi
           }
        fi;
        atomic { /* COMMIT */
            here = here | (1 << position);
            here_b = here_b | (from_b -> 1 << position : 0);
            holders = holders & ~BIT(me);
            position = 0;
            events++
        }
    od;
    finished++
}

#ifdef COLUMNS
proctype alters_the_source()
{
end: /* ACCESS EXCLUSIVE waits for the decision's lock, and for writers */
    atomic { !locked && !decided && holders == 0 -> from_b = true }
}

proctype alters_the_target()
{
end:
    if
    :: atomic { !locked && !decided -> to_b = true }
    :: atomic { !locked && !decided -> to_a = false; there_a = 0 }
    fi
}
#endif

#ifdef CACHE
proctype alters_the_sequence()
{
end:
    atomic { !decided -> cache = 2; sequence_changes++ };
end_again: /* sessions give up what they took in advance [measured], not what they wrote */
    atomic { !decided -> cache = 1; sequence_changes++ }
}
#endif

#define MAY_RESTART if :: atomic { restarts > 0 && !locked -> restarts--; goto take } :: true fi
#define OWNS (owner == me)

proctype engine(byte e)
{
    byte me = e + 1;          /* owner epoch */
    byte w = 0, v = 0;        /* memory: the watermark, and V */
    byte reference = 0;       /* the facts as they were noted */
    bool carries_a = false, carries_b = false; /* the columns as they were when it connected */
    mtype:behind lag = unknown;
    bool caught_up = false;   /* ghost: since it took over, everything was on the target at some moment */
    byte rows = 0;

end_wait:
    started == e -> started++;

take: /* nothing of an earlier life, or of another engine, is known */
    atomic {
        w = 0; v = 0; reference = 0; carries_a = false; carries_b = false; rows = 0; caught_up = false; lag = unknown
    };
#ifdef MUTANT_READS_BEFORE_RAISING
    w = watermark;
#endif
    atomic {
        if
        :: owner <= me && !locked -> owner = me
        :: owner > me -> goto stop
        fi
    };
#ifndef MUTANT_READS_BEFORE_RAISING
    w = watermark;
#endif
#ifdef MUTANT_NOTED_AGAIN_AT_A_RECONNECT
    noted = FACTS;
#endif
    reference = noted;
connect:
    atomic { carries_a = to_a; carries_b = (from_b && to_b) };

work:
    MAY_RESTART;
    if
    :: started < ENGINES -> goto stop /* stopped for good; the next one takes over */
    :: true
    fi;
    do
    :: last != w && holders == 0 && !locked -> /* a turn of the tail: read … */
        atomic { holders == 0 -> v = last; rows = here & UP_TO(v) & ~UP_TO(w) };
        MAY_RESTART;
        atomic { /* … and apply, in one transaction that looks at the owner */
            if
            :: !OWNS || locked -> goto stop
            :: OWNS && !locked && carries_a && !to_a -> rows = 0; goto connect /* an error says so */
            :: OWNS && !locked && !(carries_a && !to_a) ->
                MUST(S5, (there & rows) == 0);
                there = there | rows;
                there_a = there_a | (carries_a -> rows : 0);
                there_b = there_b | (carries_b -> rows & here_b : 0);
                watermark = v;
                w = v;
                caught_up = caught_up || w == last;
                lag = (w == last -> none : some);
                ready = (lag == none);
                rows = 0
            fi
        };
        goto work
    :: atomic { last == w && holders == 0 && lag == unknown -> lag = none; caught_up = true; ready = true }
    :: finished == WRITERS && lag == none && last == w && FACTS != reference -> goto stop /* refused, with what changed */
#ifdef MUTANT_UNKNOWN_LAG_IS_ZERO
    :: lag != some -> break
#elif defined(MUTANT_READY_OF_ANOTHER_LIFE)
    :: lag == none || ready -> break
#else
    :: lag == none -> break
#endif
    :: !OWNS -> goto stop
    od;

    /* the gates */
    if
    :: atomic { FACTS == reference -> MUST(G1, caught_up) }
    :: FACTS != reference -> goto stop /* refused, with what changed */
    fi;
    MAY_RESTART;

    /* the pause */
    if
    :: atomic { !OWNS -> goto stop }
    :: atomic { OWNS && !locked && holders == 0 -> locked = true; v = last }
    fi;
    if
#ifndef MUTANT_COMPARED_AT_THE_GATES_ONLY
    :: atomic { FACTS != reference -> locked = false; goto stop } /* refused, with what changed */
    :: atomic {
           FACTS == reference ->
#else
    :: atomic {
           true ->
#endif
           rows = here & UP_TO(v) & ~UP_TO(w);
           there = there | rows;
           there_a = there_a | (carries_a && to_a -> rows : 0);
           there_b = there_b | (carries_b -> rows & here_b : 0);
           watermark = v;
           rows = 0
       }
    fi;
    atomic {
        if
        :: !OWNS -> locked = false; goto stop
        :: OWNS ->
            decided = true;
            locked = false;
            MUST(S8, here == there);
            MUST(S8, here == there_a && here_b == there_b)
        fi
    };
stop:
    skip
}

init {
    atomic {
        byte n = 0;
        do
        :: n < WRITERS -> run writer(n); n++
        :: else -> n = 0; break
        od;
        do
        :: n < ENGINES -> run engine(n); n++
        :: else -> n = 0; break
        od;
#ifdef COLUMNS
        run alters_the_source();
        run alters_the_target();
#endif
#ifdef CACHE
        run alters_the_sequence();
#endif
    }
}
