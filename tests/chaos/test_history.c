/* The checker must see what it is there for: a good history of a tenant that moved (or was taken back) is
 * broken in every way that a rule forbids, and that rule must fire. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/text.h"
#include "support/history.h"

#define STREAMS 2
#define VERSIONS 4
#define EVENTS (STREAMS * VERSIONS)
#define DECISION 6 /* the watermark: events 1 … 6 were written to the source, 7 and 8 to the target */

/* A history with the stores and facts that belong to it. */
struct scene {
    struct history *history;
    struct history_store source, target;
    struct history_facts facts;
    struct history_leftovers left;
    bool neighbour; /* judged without facts */
};

static struct tmv_uuid id_of(int n)
{
    struct tmv_uuid id = {.bytes = {(uint8_t)n}};

    id.bytes[15] = 1;
    return id;
}

static struct history_row row_of(int n)
{
    struct history_row row = {.event = id_of(n),
                              .stream = id_of(100 + n % STREAMS),
                              .version = (n - 1) / STREAMS + 1,
                              .position = n};

    snprintf(row.digest, sizeof row.digest, "digest %d", n);
    snprintf(row.content, sizeof row.content, "content %d", n);
    return row;
}

static void add_write(struct scene *s, int n)
{
    const struct history_row row = row_of(n);
    const struct history_write write = {.event = row.event,
                                        .stream = row.stream,
                                        .kind = "test",
                                        .transaction = n > 6 ? 1 : 0,
                                        .version = row.version};
    size_t number = history_attempt(s->history, &write);

    history_answer(s->history, number, HISTORY_ACKNOWLEDGED, row.position);
    history_at(s->history, number)->attempted_us = n * 10;
    history_at(s->history, number)->answered_us = n * 10 + 5;
}

static void add_row(struct history_store *store, struct history_row row)
{
    store->rows[store->count++] = row;
}

static void add_transition(struct scene *s, const char *from, const char *to, const char *event)
{
    struct history_transition *t = &s->facts.transitions[s->facts.transition_count++];

    text_copy(t->from, sizeof t->from, from);
    text_copy(t->to, sizeof t->to, to);
    text_copy(t->event, sizeof t->event, event);
}

static void set_scene(struct scene *s)
{
    const struct tmv_uuid tenant = id_of(50);

    memset(s, 0, sizeof *s);
    s->history = history_new();
    history_tenant(s->history, &tenant);
    assert_int_equal(history_transaction(s->history), 1);
    s->source.rows = calloc(2 * EVENTS, sizeof *s->source.rows);
    s->target.rows = calloc(2 * EVENTS, sizeof *s->target.rows);
    assert_non_null(s->source.rows);
    assert_non_null(s->target.rows);
    for (int n = 1; n <= EVENTS; n++) {
        add_write(s, n);
        add_row(&s->target, row_of(n));
        if (n <= DECISION)
            add_row(&s->source, row_of(n));
    }
    s->facts = (struct history_facts){.has_migration = true,
                                      .phase = "completed",
                                      .route_store = "dedicated",
                                      .route_state = "migrated",
                                      .source_id = "shared",
                                      .target_id = "dedicated",
                                      .source_fence = "moved",
                                      .target_fence = "open",
                                      .watermark = DECISION,
                                      .audit_intact = true,
                                      .source_triggers = 2,
                                      .target_triggers = 2};
    add_transition(s, "", "pending", "migration_started");
    add_transition(s, "pending", "bulk_copy", "phase_changed");
    add_transition(s, "bulk_copy", "dual_write", "phase_changed");
    add_transition(s, "dual_write", "cutover", "cutover_initiated");
    add_transition(s, "", "", "cutover_completed");
    add_transition(s, "cutover", "completed", "migration_completed");
}

/* The same tenant, whose migration was aborted: all eight events are in the source. */
static void take_back(struct scene *s)
{
    add_row(&s->source, row_of(7));
    add_row(&s->source, row_of(8));
    s->target.count = 0;
    s->facts.transition_count = 3;
    add_transition(s, "dual_write", "aborted", "migration_aborted");
    text_copy(s->facts.phase, sizeof s->facts.phase, "aborted");
    text_copy(s->facts.route_store, sizeof s->facts.route_store, "shared");
    text_copy(s->facts.route_state, sizeof s->facts.route_state, "normal");
    s->facts.source_fence[0] = s->facts.target_fence[0] = '\0';
    s->facts.source_triggers = s->facts.target_triggers = 0;
    s->facts.watermark = -1;
}

static void judge(struct scene *s, struct history_report *report)
{
    const struct history_view view = {
        .source = &s->source, .target = &s->target, .facts = s->neighbour ? NULL : &s->facts};

    memset(report, 0, sizeof *report);
    history_judge(s->history, &view, report);
    history_judge_leftovers(&s->left, "the source", report);
}

static void leave_scene(struct scene *s)
{
    history_store_release(&s->source);
    history_store_release(&s->target);
    history_free(s->history);
}

/* ---- what is broken ---- */

static struct history_write *write_at(struct scene *s, int n)
{
    return history_at(s->history, (size_t)n - 1);
}

static void remove_row(struct history_store *store, int n)
{
    memmove(&store->rows[n - 1], &store->rows[n], (store->count - (size_t)n) * sizeof *store->rows);
    store->count--;
}

static void drop_last_of_target(struct scene *s)
{
    s->target.count--;
    write_at(s, 7)->transaction = 0;
}

static void drop_of_aborted(struct scene *s)
{
    take_back(s);
    remove_row(&s->source, 5);
}

static void repeat_row(struct scene *s)
{
    struct history_row row = row_of(8);

    row.position = 9;
    add_row(&s->target, row);
}

static void refuse_what_is_there(struct scene *s)
{
    write_at(s, 6)->outcome = HISTORY_REFUSED;
}

static void invent(struct scene *s)
{
    struct history_row row = row_of(7);

    row.event = id_of(77);
    row.stream = id_of(78);
    row.version = 1;
    row.position = 12;
    add_row(&s->target, row);
}

static void tear(struct scene *s)
{
    write_at(s, 8)->outcome = HISTORY_UNKNOWN;
    s->target.count--;
}

static void leave_a_gap(struct scene *s)
{
    s->target.rows[7].version = 5;
}

static void start_at_two(struct scene *s)
{
    for (int i = 0; i < EVENTS; i++)
        s->target.rows[i].version++;
}

static void turn_a_stream_round(struct scene *s)
{
    s->target.rows[7].version = 3;
    s->target.rows[5].version = 4;
}

static void answer_before_a_lower_position(struct scene *s)
{
    write_at(s, 8)->answered_us = 3;
    write_at(s, 8)->attempted_us = 2;
}

static void put_elsewhere_than_told(struct scene *s)
{
    write_at(s, 8)->position = 7;
}

static void put_into_another_stream(struct scene *s)
{
    write_at(s, 8)->stream = id_of(99);
}

static void write_to_the_source_after_the_decision(struct scene *s)
{
    add_row(&s->source, row_of(7));
}

static void let_the_target_take_an_early_write(struct scene *s)
{
    remove_row(&s->source, 6);
}

static void lose_in_the_copy(struct scene *s)
{
    remove_row(&s->target, 3);
}

static void change_in_the_copy(struct scene *s)
{
    text_copy(s->target.rows[2].digest, sizeof s->target.rows[2].digest, "another");
}

static void leave_events_on_the_target(struct scene *s)
{
    take_back(s);
    s->target.count = 1;
}

static void route_to_the_source(struct scene *s)
{
    text_copy(s->facts.route_store, sizeof s->facts.route_store, "shared");
}

static void leave_the_route_in_dual_write(struct scene *s)
{
    text_copy(s->facts.route_state, sizeof s->facts.route_state, "dual_write");
}

static void complete_without_a_decision(struct scene *s)
{
    text_copy(s->facts.source_fence, sizeof s->facts.source_fence, "open");
    text_copy(s->facts.route_store, sizeof s->facts.route_store, "shared");
    text_copy(s->facts.route_state, sizeof s->facts.route_state, "normal");
    add_row(&s->source, row_of(7));
    add_row(&s->source, row_of(8));
}

static void leave_the_target_armed(struct scene *s)
{
    text_copy(s->facts.target_fence, sizeof s->facts.target_fence, "armed");
}

static void leave_the_fence_of_an_aborted_one(struct scene *s)
{
    take_back(s);
    text_copy(s->facts.source_fence, sizeof s->facts.source_fence, "open");
}

static void do_not_end(struct scene *s)
{
    take_back(s);
    s->facts.transition_count = 3;
    text_copy(s->facts.phase, sizeof s->facts.phase, "dual_write");
}

static void decide_and_not_follow(struct scene *s)
{
    s->facts.transition_count = 4;
    text_copy(s->facts.phase, sizeof s->facts.phase, "cutover");
}

/* A crash took back what the target had already. */
static void let_the_source_forget(struct scene *s)
{
    do_not_end(s);
    s->target.count = DECISION;
    s->facts.watermark = DECISION;
    text_copy(s->facts.source_fence, sizeof s->facts.source_fence, "open");
    remove_row(&s->source, DECISION);
}

static void write_a_transition_twice(struct scene *s)
{
    add_transition(s, "cutover", "completed", "migration_completed");
}

static void lose_a_transition(struct scene *s)
{
    s->facts.transitions[1] = s->facts.transitions[2];
}

static void lose_the_last_transition(struct scene *s)
{
    take_back(s);
    s->facts.transition_count--;
}

static void lose_the_row_of_the_cutover(struct scene *s)
{
    s->facts.transitions[4] = s->facts.transitions[5];
    s->facts.transition_count--;
}

static void break_the_chain(struct scene *s)
{
    s->facts.audit_intact = false;
}

static void leave_the_ledger(struct scene *s)
{
    take_back(s);
    s->facts.open_ledger = 1;
}

static void leave_a_command(struct scene *s)
{
    s->facts.open_commands = 1;
}

static void leave_a_trigger(struct scene *s)
{
    take_back(s);
    s->facts.source_triggers = 1;
}

static void lose_the_guard(struct scene *s)
{
    s->facts.source_triggers = 0;
}

static void lose_a_shared_trigger(struct scene *s)
{
    s->facts.source_triggers = 0;
    s->facts.shared_triggers = 2;
}

static void lose_an_index(struct scene *s)
{
    s->facts.missing_indexes = 1;
}

static void leave_a_lock(struct scene *s)
{
    s->left.locks = 1;
}

static void leave_a_slot(struct scene *s)
{
    s->left.slots = 1;
}

static void leave_a_temporary_table(struct scene *s)
{
    s->left.temporary = 1;
}

static void leave_a_connection(struct scene *s)
{
    s->left.connections = 1;
}

static void leave_a_prepared_transaction(struct scene *s)
{
    s->left.prepared = 1;
}

/* As a hold-down leaves it: the source has gone on with the new home's events, at positions of its own. */
static void keep_the_source_current(struct scene *s)
{
    s->facts.kept_current = true;
    s->facts.back_base = DECISION + 10;
    for (int n = DECISION + 1; n <= EVENTS; n++) {
        struct history_row row = row_of(n);

        row.position = DECISION + 20 + 3 * n;
        snprintf(row.digest, sizeof row.digest, "elsewhere %d", n);
        add_row(&s->source, row);
    }
}

static void carry_one_twice(struct scene *s)
{
    keep_the_source_current(s);
    struct history_row again = s->source.rows[DECISION];
    again.position = 1000;
    add_row(&s->source, again);
}

static void carry_in_another_order(struct scene *s)
{
    keep_the_source_current(s);
    struct history_row first = s->source.rows[DECISION];
    int64_t position = first.position;

    first.position = s->source.rows[DECISION + 1].position;
    s->source.rows[DECISION + 1].position = position;
    s->source.rows[DECISION] = s->source.rows[DECISION + 1];
    s->source.rows[DECISION + 1] = first;
}

static void carry_it_changed(struct scene *s)
{
    keep_the_source_current(s);
    text_copy(s->source.rows[DECISION].content, sizeof s->source.rows[DECISION].content, "changed");
}

static void leave_one_out_on_the_way_back(struct scene *s)
{
    keep_the_source_current(s);
    remove_row(&s->source, DECISION + 1);
}

static void harm_a_neighbour(struct scene *s)
{
    take_back(s);
    s->neighbour = true;
    remove_row(&s->source, 8);
}

static const struct {
    const char *what;
    void (*harm)(struct scene *s);
    enum history_rule rule;
} breaks[] = {
    {"an acknowledged event is not on the target", drop_last_of_target, HISTORY_LOST},
    {"an acknowledged event is not on the source of an aborted move", drop_of_aborted, HISTORY_LOST},
    {"a neighbour's event is gone", harm_a_neighbour, HISTORY_LOST},
    {"an event is there twice", repeat_row, HISTORY_TWICE},
    {"a refused event is there", refuse_what_is_there, HISTORY_REFUSED_THERE},
    {"an event that nobody wrote", invent, HISTORY_INVENTED},
    {"half a transaction", tear, HISTORY_TORN},
    {"a version is left out", leave_a_gap, HISTORY_VERSIONS},
    {"streams begin at two", start_at_two, HISTORY_VERSIONS},
    {"two events of a stream changed places", turn_a_stream_round, HISTORY_STREAM_ORDER},
    {"a later write has a lower position", answer_before_a_lower_position, HISTORY_TIME_ORDER},
    {"another position than told", put_elsewhere_than_told, HISTORY_POSITION},
    {"another stream than told", put_into_another_stream, HISTORY_POSITION},
    {"the source took a write after the decision", write_to_the_source_after_the_decision,
     HISTORY_AFTER_DECISION},
    {"the target took a write before the decision", let_the_target_take_an_early_write,
     HISTORY_BEFORE_DECISION},
    {"the copy lacks an event", lose_in_the_copy, HISTORY_DIFFERENT},
    {"the copy changed an event", change_in_the_copy, HISTORY_DIFFERENT},
    {"an event was carried back twice", carry_one_twice, HISTORY_CARRIED},
    {"two events were carried back in another order", carry_in_another_order, HISTORY_CARRIED},
    {"an event was changed on the way back", carry_it_changed, HISTORY_CARRIED},
    {"an event was left out on the way back", leave_one_out_on_the_way_back, HISTORY_CARRIED},
    {"an abort left events", leave_events_on_the_target, HISTORY_LEFT_BEHIND},
    {"routing names the source", route_to_the_source, HISTORY_AUTHORITY},
    {"routing is not migrated", leave_the_route_in_dual_write, HISTORY_AUTHORITY},
    {"completed without a decision", complete_without_a_decision, HISTORY_AUTHORITY},
    {"control does not follow a decision", decide_and_not_follow, HISTORY_AUTHORITY},
    {"the source forgot what the target has", let_the_source_forget, HISTORY_BEFORE_DECISION},
    {"the target was never opened", leave_the_target_armed, HISTORY_AUTHORITY},
    {"an abort left the fence", leave_the_fence_of_an_aborted_one, HISTORY_AUTHORITY},
    {"the migration did not end", do_not_end, HISTORY_UNFINISHED},
    {"a transition has two rows", write_a_transition_twice, HISTORY_AUDIT_ROWS},
    {"a transition has no row", lose_a_transition, HISTORY_AUDIT_ROWS},
    {"the last transition has no row", lose_the_last_transition, HISTORY_AUDIT_ROWS},
    {"the cutover has no row", lose_the_row_of_the_cutover, HISTORY_AUDIT_ROWS},
    {"the chain is broken", break_the_chain, HISTORY_AUDIT_CHAIN},
    {"the ledger of an aborted move is open", leave_the_ledger, HISTORY_LEDGER},
    {"nobody answered a command", leave_a_command, HISTORY_COMMANDS},
    {"a trigger is left", leave_a_trigger, HISTORY_TRIGGERS},
    {"the guard of a moved tenant is gone", lose_the_guard, HISTORY_TRIGGERS},
    {"a trigger of those that moved tenants share is gone", lose_a_shared_trigger, HISTORY_TRIGGERS},
    {"an index is missing", lose_an_index, HISTORY_INDEXES},
    {"a lock is left", leave_a_lock, HISTORY_LOCKS},
    {"a slot is left", leave_a_slot, HISTORY_SLOTS},
    {"a temporary table is left", leave_a_temporary_table, HISTORY_TEMPORARY},
    {"a connection is left", leave_a_connection, HISTORY_CONNECTIONS},
    {"a prepared transaction is left", leave_a_prepared_transaction, HISTORY_PREPARED},
};

static void every_rule_fires_on_what_it_forbids(void **state)
{
    bool seen[HISTORY_RULE_COUNT] = {false};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(breaks); i++) {
        struct scene s;
        struct history_report report;

        set_scene(&s);
        breaks[i].harm(&s);
        judge(&s, &report);
        if (!history_broke(&report, breaks[i].rule)) {
            history_print(s.history, &report, stdout);
            fail_msg("%s: the rule \"%s\" did not fire", breaks[i].what, history_rule_name(breaks[i].rule));
        }
        seen[breaks[i].rule] = true;
        leave_scene(&s);
    }
    for (int rule = 0; rule < HISTORY_RULE_COUNT; rule++)
        if (!seen[rule])
            fail_msg("no broken history for the rule \"%s\"", history_rule_name((enum history_rule)rule));
}

static void good_histories_break_no_rule(void **state)
{
    struct history_report report;
    struct scene s;

    (void)state;
    for (int i = 0; i < 4; i++) {
        set_scene(&s);
        if (i == 3)
            keep_the_source_current(&s);
        else if (i > 0)
            take_back(&s);
        s.neighbour = i == 2;
        judge(&s, &report);
        history_print(s.history, &report, stdout);
        assert_int_equal(report.count, 0);
        assert_int_equal(report.acknowledged, EVENTS);
        assert_int_equal(report.events, EVENTS);
        leave_scene(&s);
    }
}

static void takes_an_unknown_write_either_way(void **state)
{
    struct history_report report;
    struct scene s;

    (void)state;
    for (int there = 0; there < 2; there++) {
        set_scene(&s);
        write_at(&s, 7)->outcome = write_at(&s, 8)->outcome = HISTORY_UNKNOWN;
        if (!there)
            s.target.count -= 2;
        judge(&s, &report);
        history_print(s.history, &report, stdout);
        assert_int_equal(report.count, 0);
        assert_int_equal(report.unknown, 2);
        assert_int_equal(report.unknown_there, there ? 2 : 0);
        leave_scene(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_histories_break_no_rule),
        cmocka_unit_test(every_rule_fires_on_what_it_forbids),
        cmocka_unit_test(takes_an_unknown_write_either_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
