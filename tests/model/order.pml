/* A leg in append mode (core/move/tail/tail_append.c, tenantmv.append_take): events that were first written to a tenant's new
 * home are carried to the store that it has left, where neighbours write. There positions come from a sequence and transaction
 * ids from a counter, and a reader that waits for a horizon goes by both.
 *
 * Engines carry batches under a row that they lock (`applied`: owner epoch, watermark); a second engine takes over at any time,
 * and the answer to a COMMIT may be lost: it is executed later, or never. Neighbours take their id first and then their
 * position; one that does it the other way round is beyond what anybody can see.
 *
 * -DTOGETHER  they take both in one statement: then they do not overtake carried events either
 *
 * What is first written to the new home is there from the beginning, and final: the horizon is tail.pml's matter. */
#include "properties.pml"

#ifndef EVENTS
#define EVENTS 3 /* of the tenant, in the new home's order: 1, 2, … */
#endif
#ifndef ENGINES
#define ENGINES 1
#endif
#ifndef NEIGHBOURS
#define NEIGHBOURS 2
#endif
#define POSITIONS 12
#define TRIES 2
#define NOBODY 0
#define A_NEIGHBOUR 100

/* The old store. */
byte next_xid = 2;
byte next_position = 1;
byte what[POSITIONS];      /* in the row at a position: an event's number, or A_NEIGHBOUR; 0 nothing */
byte xid_of[POSITIONS];    /* of whoever took the position */
bool visible[POSITIONS];   /* committed */
bool unchecked[POSITIONS]; /* the batch was written although others had got ids in between */
byte owner = 1;            /* owner epoch of the applied row */
byte locked_by = NOBODY;   /* who has the applied row; 10 + engine: a COMMIT whose answer was lost */
byte watermark = 0;        /* the last event that is here, as the row says */
byte losses = 2;           /* so many answers are lost at most */

/* A batch that is written and not committed. One per engine. */
typedef batch {
    byte xid;
    byte from, count; /* events from + 1 … from + count */
    byte at[2];       /* their positions */
    bool checked
}
batch b[ENGINES + 1];

inline take_xid(e)
{
    b[e].xid = next_xid;
    next_xid++
}

inline take_block(e)
{
    i = 0;
    do
    :: i < b[e].count ->
        b[e].at[i] = next_position;
        xid_of[next_position] = b[e].xid;
        next_position++;
        i++
    :: else -> break
    od;
    i = 0
}

/* What everybody sees from now on. */
inline make_visible(e)
{
    i = 0;
    do
    :: i < b[e].count ->
        what[b[e].at[i]] = b[e].from + i + 1;
#ifdef MUTANT_EMPTY_TRANSACTION_ID
        xid_of[b[e].at[i]] = 1;
#else
        xid_of[b[e].at[i]] = b[e].xid;
#endif
        visible[b[e].at[i]] = true;
        unchecked[b[e].at[i]] = !b[e].checked;
        i++
    :: else -> break
    od;
    i = 0;
    watermark = b[e].from + b[e].count
}

/* Nothing twice, nothing missing, in the new home's order; and ids rise with positions. */
inline check_order()
{
    p = 1;
    last_event = 0;
    last_xid = 0;
    do
    :: p < next_position ->
        if
        :: visible[p] && what[p] != A_NEIGHBOUR && what[p] != 0 ->
            MUST(S5, what[p] > last_event);
            MUST(S20, what[p] == last_event + 1 && xid_of[p] >= last_xid);
            last_event = what[p];
            last_xid = xid_of[p]
        :: else
        fi;
        p++
    :: else -> break
    od;
    p = 0;
    last_event = 0;
    last_xid = 0
}

/* No neighbour that has its id has a lower position than a carried event and a higher id: a reader of all tenants would pass it. */
inline check_overtaking(e)
{
    p = 1;
    do
    :: p < b[e].at[0] ->
        MUST(S22, !(b[e].checked && xid_of[p] > xid_of[b[e].at[0]]));
        p++
    :: else -> break
    od;
#ifdef TOGETHER
    /* Nor is it overtaken by one that takes both in one statement. */
    do
    :: p < next_position ->
        MUST(S22, !(b[e].checked && xid_of[p] != 0 && xid_of[p] < xid_of[b[e].at[0]]));
        p++
    :: else -> break
    od;
#endif
    p = 0
}

/* One batch at a time, by whoever has the row. */
proctype engine(byte e)
{
    byte known = 0; /* the watermark, as it was read */
    byte tries = 0;
    byte i = 0, p = 0, last_event = 0, last_xid = 0;

    /* Taking over: the row is raised, which waits for whoever has it; then the watermark is read. */
#ifdef MUTANT_WATERMARK_BEFORE_RAISING
    known = watermark;
#endif
    atomic {
        locked_by == NOBODY ->
        if
        :: owner > e -> goto replaced
        :: else -> owner = e
        fi
    }
#ifndef MUTANT_WATERMARK_BEFORE_RAISING
    known = watermark;
#endif
    do
    :: known >= EVENTS -> break
    :: else ->
        /* The statement that takes everything: row, id, positions, and the look at who got an id in between. */
#ifdef MUTANT_BLOCK_IN_AN_EARLIER_TRANSACTION
        atomic { b[e].from = known; b[e].count = (EVENTS - known > 1 -> 2 : 1); b[e].xid = 0; take_block(e) }
#endif
#ifdef MUTANT_NO_OWNER_CHECK
        atomic { locked_by == NOBODY -> locked_by = e; b[e].from = known }
#else
        atomic {
            locked_by == NOBODY ->
            if
            :: owner != e -> goto replaced
            :: else -> locked_by = e; b[e].from = known
            fi
        }
#endif
#ifdef MUTANT_POSITIONS_BEFORE_THE_ID
        atomic { b[e].count = (EVENTS - known > 1 -> 2 : 1); b[e].xid = 0; take_block(e) }
#endif
        atomic { take_xid(e) }
#if !defined(MUTANT_POSITIONS_BEFORE_THE_ID) && !defined(MUTANT_BLOCK_IN_AN_EARLIER_TRANSACTION)
        atomic {
            if
            :: EVENTS - known > 1 -> b[e].count = 2
            :: b[e].count = 1
            fi;
            take_block(e)
        }
#endif
        atomic {
#ifdef MUTANT_NO_LOOK_AT_OTHERS_IDS
            b[e].checked = true;
#else
            b[e].checked = (next_xid == b[e].xid + 1);
#endif
#if defined(MUTANT_POSITIONS_BEFORE_THE_ID) || defined(MUTANT_BLOCK_IN_AN_EARLIER_TRANSACTION)
            b[e].checked = true;
#endif
            if
            :: !b[e].checked && tries < TRIES -> /* rolled back: the positions are lost to everybody */
                tries++;
                locked_by = NOBODY
            :: else -> skip
            fi
        }
        if
        :: locked_by != e -> skip
        :: else ->
            tries = 0;
            if
            :: atomic { /* committed, and answered */
                make_visible(e);
                check_order();
                check_overtaking(e);
                locked_by = NOBODY;
                known = watermark
               }
            :: atomic { /* the answer is lost: the server still has it */
                losses > 0 -> losses--;
                locked_by = 10 + e
               };
#ifdef MUTANT_PLAIN_READ_AFTER_A_LOST_ANSWER
                known = watermark
#else
                goto lost
#endif
            fi
        fi
    od;
replaced:
lost:
    skip
}

/* The server does what it was asked to, or not. */
proctype server(byte e)
{
    byte i = 0, p = 0, last_event = 0, last_xid = 0;

end:
    do
    :: atomic { locked_by == 10 + e ->
        if
        :: make_visible(e); check_order(); check_overtaking(e)
        :: skip
        fi;
        locked_by = NOBODY
       }
    od
}

/* It may stop between its two steps for as long as it likes, and its transaction may fail. */
proctype a_neighbour()
{
    byte xid, at;

#ifdef TOGETHER
    atomic { xid = next_xid; next_xid++; at = next_position; xid_of[at] = xid; next_position++ }
#else
    atomic { xid = next_xid; next_xid++ }
    atomic { at = next_position; xid_of[at] = xid; next_position++ }
#endif
    if
    :: atomic { what[at] = A_NEIGHBOUR; visible[at] = true }
    :: skip
    fi
}

/* Reads the tenant's events alone: those whose transactions are all over. It never passes one that comes later. */
proctype reader()
{
    byte cursor = 0, seen = 0, p = 0;

    do
    :: seen < EVENTS ->
        atomic {
            p = 1;
            do
            :: p < next_position ->
                if
                :: p > cursor && visible[p] && what[p] != A_NEIGHBOUR && what[p] != 0 ->
                    MUST(S22, what[p] == seen + 1);
                    cursor = p;
                    seen = what[p]
                :: else
                fi;
                p++
            :: else -> break
            od;
            p = 0
        }
    :: break
    od
}

init {
    byte i = 1;

    atomic {
        do
        :: i <= ENGINES -> run engine(i); run server(i); i++
        :: else -> break
        od;
        i = 0;
        do
        :: i < NEIGHBOURS -> run a_neighbour(); i++
        :: else -> break
        od;
        run reader()
    }
}
