#!/usr/bin/env python3
"""Checks the model of the move: every clean configuration must hold, exhaustively, and every mutant must be caught by the
property that is named for it.

usage: check.py [--write] [NAME…]

Prints a table and a total. Without names the README's tables are compared with what was found (--write: rewritten).
NAME is a configuration or a mutant. Exit code 0: all as expected; 1: not; 77: spin or a C compiler is missing.
"""

import argparse
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field

HERE = os.path.dirname(os.path.abspath(__file__))
README = os.path.join(HERE, "README.md")
DEPTH = 100000  # of the search; a deeper one is reported by pan and is a failure
MEGABYTES = 3000
SECONDS = 300

# name: (file, switches, what is in it)
CLEAN = {
    "tail": ("tail.pml", "WRITERS=3 CRASHES=0", "three writers, the horizon, early ranges"),
    "tail-crash": ("tail.pml", "WRITERS=2 CRASHES=2", "two writers, the engine crashes twice anywhere"),
    "tail-prepared": ("tail.pml", "WRITERS=2 PREPARED", "writers may prepare their transactions"),
    "tail-install": ("tail.pml", "WRITERS=2 INSTALL", "from before the guard: V0, bulk copy, tail"),
    "tail-durable": ("tail.pml", "WRITERS=2 SOURCE_CRASH", "the source crashes and forgets what was not on disk"),
    "tail-back": ("tail.pml", "WRITERS=2 CRASHES=1 SEQUENCE_BACK", "the sequence is set back, the engine crashes once"),
    "columns": ("facts.pml", "COLUMNS RESTARTS=1", "columns are added and dropped on either side, the engine starts again once"),
    "columns-takeover": ("facts.pml", "COLUMNS ENGINES=2 EVENTS=1", "the same, and a second engine takes over at any time"),
    "cache": ("facts.pml", "CACHE RESTARTS=1", "the sequence gets a cache and loses it, the engine starts again once"),
    "memory": ("facts.pml", "ENGINES=2 EVENTS=1 RESTARTS=1", "engines begin with an empty memory: lag, watermark"),
    "writers": ("move.pml", "ROUTERS=1 REPEATABLE=1", "READ COMMITTED router and REPEATABLE READ writer, one cutover"),
    "stale": ("move.pml", "ROUTERS=1 STRAYS=1", "a writer whose route names the target too early"),
    "attempts": ("move.pml", "ROUTERS=1 ATTEMPTS=2 TRIES=3", "two cutovers, the first of which may roll back"),
    "alone": ("move.pml", "ROUTERS=1 STRAYS=1 ALONE", "the engine stops for good anywhere, no engine takes over"),
    "takeover": ("move.pml", "ROUTERS=1 ENGINES=2", "a second engine takes over at any time"),
    "takeover-twice": ("move.pml", "ENGINES=2 ATTEMPTS=2", "the same, two cutovers, no writers"),
    "elsewhere": ("move.pml", "ROUTERS=1 ENGINES=2 ELSEWHERE", "control is not the source's database"),
    "earlier": ("move.pml", "ENGINES=2 EARLIER", "an engine of an earlier migration of the tenant wakes up"),
    "abort": ("move.pml", "ROUTERS=1 ENGINES=2 ABORT MIRROR TRIES=1", "abort, with a router that mirrors"),
    "other-program": ("move.pml", "ROUTERS=1 ENGINES=2 ELSEWHERE EXTERNAL_ABORT TRIES=1", "another program aborts in control"),
    "neighbour": ("move.pml", "NEIGHBOUR ATTEMPTS=2", "another tenant moves between the same stores"),
    "order": ("order.pml", "ENGINES=1", "events carried back beside two neighbours, lost answers"),
    "order-together": ("order.pml", "ENGINES=1 TOGETHER", "the same, neighbours take id and position in one statement"),
    "order-takeover": ("order.pml", "ENGINES=2 NEIGHBOURS=1", "the same, and a second engine takes over at any time"),
    "back": ("move.pml", "ROUTERS=1 STALE ENGINES=2 BACK TRIES=3", "rollback after completion, a router with a stale route"),
}

# mutant: (property that must catch it, configuration, what is wrong, the same bug in the code). The last names in backquotes
# a switch of the C code (fault_is_mutant) or a test that takes the protection out of a live server; else it says why not.
IN_SQL = "SQL: "
FACTS = "not a switch: what guard_facts.sql reads, and when it is compared"
MUTANTS = {
    "V_BEFORE_THE_LOCK": ("S8", "writers", "final position read before the drain's lock",
                             "not a switch: V is read by the statement after the lock, in one script"),
    "OPEN_TRANSACTION": ("S4", "writers", "an open transaction commits after the switch: its lock ends before its COMMIT",
                             "not a switch: the guard has only PostgreSQL's transaction-level lock"),
    "WATERMARK_AHEAD": ("S6", "tail", "the watermark is written ahead of the applied events",
                             "not a switch: one script advances and commits"),
    "HIGHEST_SEEN": ("S7", "tail", "the tail passes by the highest position seen", "`tail.no_holders`"),
    "NO_LAST_READ": ("S6", "tail", "the horizon's last read is left out", "`tail.no_last_read`"),
    "L_BEFORE_V": ("S7", "tail", "the holders are read before V",
                             "not a switch: order of two statements in tenantmv.observe()"),
    "L_BY_PID": ("S7", "tail-prepared", "L by pid: a prepared transaction is not counted",
                             "SQL: `would_lose_it_if_holders_were_known_by_pid`"),
    "V_WITHOUT_IS_CALLED": ("S6", "tail", "V without is_called", "`tail.v_without_is_called`"),
    "V0_AFTER_THE_LOCK": ("S6", "tail-install", "V0 read after the guard's transaction, not under its table lock",
                             "not a switch: guard_install() reads V0 in its own transaction"),
    "NOT_DURABLE_FIRST": ("S4", "tail-durable", "the target commits before the source is durable", "`tail.not_durable_first`"),
    "BACK_IS_AN_EMPTY_RANGE": ("S1", "tail-back", "V below the watermark is taken for: nothing to do",
                              "`notices_it_in_the_drain`, `notices_it_while_the_tenant_is_quiet`"),
    "BACK_BELOW_THE_WATERMARK_ONLY": ("S1", "tail-back", "V is compared with the watermark only, not with an earlier V",
                                      "`notices_a_step_back_above_the_watermark`"),
    "BACK_WITH_EVENTS_ABOVE": ("S1", "tail-back", "the last reading does not look for events above V",
                               "`refuses_a_cutover_with_an_event_above_the_sequence`"),
    "CACHE_IS_NO_FACT": ("S8", "cache", "the sequence is not one of the facts", FACTS),
    "CACHE_AS_IT_IS_NOW": ("S8", "cache", "facts are compared as they are now: a change that was taken back is not seen",
                           FACTS),
    "SOURCE_HAS_NO_FACTS": ("S8", "columns", "the source's columns are not compared", FACTS),
    "TARGET_HAS_NO_FACTS": ("S8", "columns", "the target's columns are not compared", FACTS),
    "COMPARED_AT_THE_GATES_ONLY": ("S8", "columns", "facts are compared by the gates and not under the decision's locks",
                                   FACTS),
    "NOTED_AGAIN_AT_A_RECONNECT": ("S8", "columns", "facts are noted again when an engine connects", FACTS),
    "READS_BEFORE_RAISING": ("S5", "memory", "a takeover reads the watermark before it raises the owner",
                             "needs two engines between two statements"),
    "UNKNOWN_LAG_IS_ZERO": ("G1", "memory", "a lag that was not measured yet counts as none",
                            "`lag_is_not_known_before_everything_is_applied`"),
    "READY_OF_ANOTHER_LIFE": ("G1", "memory", "what control says of the gates is taken over from the engine before",
                              "no such path: gates are computed from what this engine measured, control only shows them"),
    "ROUTER_CACHE_TRUSTED": ("S3", "writers", "a router's cache is trusted for seconds, the fence is not asked",
                             "the guard fires whatever the router believes; without it, see `would_be_bypassed_under_an_earlier_name`"),
    "LOST_WRITE_TAKEN_FOR_DONE": ("S1", "writers", "a router takes a lost answer for: written",
                             "no such path: store_append() calls it unknown"),
    "REPEATS_WITH_A_NEW_ID": ("S5", "attempts", "a write is repeated under a new event id",
                             "no such path: the ids are filled in once, before the first try"),
    "REFUSAL_TAKEN_FOR_PROOF": ("S10", "writers", "TM001 after a lost answer is taken for: not written",
                             "see `claims_no_more_than_a_refusal_proves`"),
    "GUARD_OLD_SNAPSHOT": ("S3", "writers", "the guard reads an old snapshot (REPEATABLE READ without FOR SHARE)",
                           IN_SQL + "`would_admit_an_old_snapshot_without_the_row_lock`"),
    "GUARD_STABLE": ("S3", "writers", "the guard is STABLE (its essence: the snapshot is older than the lock)",
                     IN_SQL + "`would_admit_a_held_writer_if_it_were_stable`"),
    "MISSING_ROW_IS_OPEN": ("S3", "writers", "a missing fence row is taken for open",
                            IN_SQL + "`would_admit_it_if_a_missing_row_meant_open`"),
    "ROLLBACK_NEEDS_THE_LOCK": ("S12", "attempts", "rollback needs the lock that it lost",
                             "no such path: rolling back asks for no lock"),
    "CLEANUP_REOPENS": ("S9", "attempts", "a failure after the decision reopens the source",
                             "no such path: nothing writes open over moved of the same migration"),
    "ROUTING_IN_TWO_WRITES": ("S2", "writers", "routing is switched in two writes",
                             "not a switch: one UPDATE in complete_cutover()"),
    "OPENED_BEFORE_THE_DECISION": ("S2", "stale", "the target is opened before the decision",
                             "SQL: `would_take_a_stray_write_if_opened_by_the_drain`"),
    "ROLLBACK_OPENED_EARLY": ("S2", "back", "the same in a rollback", "no rollback after completion yet"),
    "NO_REVERSE_TAIL": ("S14", "back", "a rollback that does not carry the new events back", "no rollback after completion yet"),
    "HIGHEST_READ": ("S16", "attempts", "the drain's watermark is the highest position read",
                             "not a switch: the drain knows no other end than V"),
    "DEADLINE_IN_THE_ENGINE": ("L1", "alone", "the pause's deadline is the engine's, not the database's",
                             "not a switch: a setting in cutover_lock.sql"),
    "DECIDES_WITHOUT_LEASE": ("S9", "elsewhere", "a session decides after its lease is gone",
                             "SQL: `would_let_an_earlier_owner_decide`"),
    "TWO_OWNERS": ("S11", "takeover", "the lease is taken without a new epoch: two owners",
                             "see `never_uses_an_epoch_twice`"),
    "ANSWER_TAKEN_FOR_NO": ("S9", "takeover", "a lost commit answer is taken for: did not happen",
                             "needs a lost answer at one COMMIT"),
    "ANSWER_TAKEN_FOR_YES": ("S2", "takeover", "a lost commit answer is taken for: happened",
                             "needs a lost answer at one COMMIT"),
    "RESOLVED_BY_PLAIN_READ": ("S9", "takeover", "a lost commit answer is resolved by a plain read",
                             "needs a COMMIT that is executed after its answer was given up"),
    "RESOLVED_BY_FOR_UPDATE": ("S9", "takeover", "a lost commit answer is resolved by FOR UPDATE",
                             "needs a COMMIT that is executed after its answer was given up"),
    "TAKEOVER_READS_FIRST": ("S9", "elsewhere", "takeover reads before it raises",
                             "needs two engines between two statements"),
    "RAISES_BLINDLY": ("S11", "takeover", "takeover raises blindly, downwards too",
                             "not a switch: a condition of guard_owner_raise.sql"),
    "EPOCHS_START_AGAIN": ("S11", "earlier", "owner epochs start again for a new migration",
                             "see `never_uses_an_epoch_twice`"),
    "FOLLOWS_TWICE": ("S19", "takeover", "following a decision is not idempotent",
                             "not a switch: a condition of follow_decision()"),
    "PHASE_BEFORE_FENCE": ("S9", "elsewhere", "recovery looks at the phase before the fence",
                             "`resolve.phase_before_fence`"),
    "ABORTED_BEFORE_FENCE": ("L2", "other-program", "the same for a phase that another program set to aborted",
                             "`ended.phase_before_fence`"),
    "SESSION_LOCK_TO_TAKE_OVER": ("L2", "takeover", "a session lock is the precondition of a takeover",
                             "no such path: a takeover asks for no session lock"),
    "SESSIONS_STAY": ("L2", "takeover", "takeover does not end the old engine's sessions",
                             "needs a stopped process that holds a row"),
    "LATE_MIRROR": ("S18", "abort", "an in-process mirror arrives after the abort",
                             "not a switch: a condition of route_mirror.sql; see `mirrors_nothing_after_an_abort_or_a_change_of_owner`"),
    "BLOCK_IN_AN_EARLIER_TRANSACTION": ("S22", "order-together", "a batch's positions are taken in an earlier transaction",
                             "not a switch: one statement of tenantmv.append_take()"),
    "POSITIONS_BEFORE_THE_ID": ("S22", "order-together", "a batch's positions are taken before its transaction has an id",
                             "not a switch: order of two statements in tenantmv.append_take()"),
    "NO_LOOK_AT_OTHERS_IDS": ("S22", "order", "no look at whether others got an id in between",
                             "`knows_whether_others_got_an_id_before_its_positions`, `overtakes_no_neighbour`"),
    "EMPTY_TRANSACTION_ID": ("S22", "order", "carried events have no transaction id of their own",
                             "`brings_back_what_is_written_to_the_new_home`"),
    "NO_OWNER_CHECK": ("S5", "order-takeover", "a batch is written without a look at who owns the leg",
                             "`refuses_when_another_engine_has_taken_over`"),
    "WATERMARK_BEFORE_RAISING": ("S5", "order-takeover", "a takeover reads the leg's watermark before it raises the owner",
                             "needs two engines between two statements"),
    "PLAIN_READ_AFTER_A_LOST_ANSWER": ("S5", "order", "after a lost answer the leg's watermark is simply read",
                             "needs a COMMIT that is executed after its answer was given up"),
    "ROLLBACK_TOUCHES_ANOTHER": ("S13", "neighbour", "one tenant's rollback touches another",
                             "not a switch: a condition of guard_fence_change.sql"),
}


@dataclass
class Result:
    """What pan found in one configuration."""

    states: int = 0
    seconds: float = 0.0
    violated: str = ""  # the property's name; "" for none
    problem: str = ""  # why the search says nothing
    unreached: set = field(default_factory=set)


def property_names():
    text = open(os.path.join(HERE, "properties.pml"), encoding="utf-8").read()
    return {number: name for name, number in re.findall(r"#define ([SGL]\d+) (\d+)", text)}


def statements_unreached(output):
    """(file:line, statement) of what was never executed; the end of a process that may run for ever is not counted."""
    found = set()
    process = ""
    for line in output.splitlines():
        process = line.rsplit(" ", 1)[1] if line.startswith("unreached in ") else process
        match = re.match(r"\s+\S*?([a-z]+\.pml:\d+), state \d+, \"(.*)\"$", line)
        if match and match.group(2) != "-end-":
            found.add((match.group(1), f"{process}: {match.group(2)}"))
    return found


def read_answer(output, names):
    r = Result()
    states = re.search(r"(\d+) states, stored", output)
    errors = re.search(r"errors: (\d+)", output)
    if not states or not errors:
        r.problem = "pan gives no figures: " + output[-300:]
        return r
    r.states = int(states.group(1))
    r.unreached = statements_unreached(output)
    if errors.group(1) != "0":
        said = re.search(r"pan:\d+: (.*) \(at depth", output)
        number = re.search(r"\|\|\((\d+)==0\)\)", said.group(1)) if said else None
        r.violated = names.get(number.group(1), "?") if number else (said.group(1) if said else "?")
    elif re.search(r"Search not completed|too small|MEMLIM|out of memory|interrupted", output):
        r.problem = "the search was not exhaustive"
    return r


def run_one(compiler, model, switches, names):
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tenantmv-model-") as work:
        steps = [
            ["spin", "-a"] + ["-D" + s for s in switches] + [os.path.join(HERE, model)],
            # A mutant dies early: most of its time would be the compiler's.
            [compiler, "-O0" if any(s.startswith("MUTANT_") for s in switches) else "-O1", "-w", "-DSAFETY", "-DCOLLAPSE", f"-DMEMLIM={MEGABYTES}", "-o", "pan", "pan.c"],
            ["./pan", f"-m{DEPTH}"],
        ]
        output = ""
        for step in steps:
            try:
                done = subprocess.run(step, cwd=work, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                      timeout=SECONDS, check=False)
            except subprocess.TimeoutExpired:
                return Result(problem=f"{step[0]} ran for more than {SECONDS} s")
            output = done.stdout
            if step[0] != "./pan" and (done.returncode != 0 or "Error:" in output):
                return Result(problem=f"{step[0]}: {output[:500]}")
    r = read_answer(output, names)
    r.seconds = time.monotonic() - began
    return r


def switches_of(name):
    """The model and the switches of a configuration or a mutant."""
    if name in CLEAN:
        model, switches, _ = CLEAN[name]
        return model, switches.split()
    base = MUTANTS[name][1]
    model, switches, _ = CLEAN[base]
    return model, switches.split() + ["MUTANT_" + name]


def verdict(name, r):
    """"" when the result is the expected one."""
    if r.problem:
        return r.problem
    if name in CLEAN:
        return f"{r.violated} is violated" if r.violated else ""
    expected = MUTANTS[name][0]
    if not r.violated:
        return "nothing noticed it"
    return "" if r.violated == expected else f"{r.violated} noticed it, not {expected}"


def never_reached(results):
    """Statements that no clean configuration executes: an obligation there would hold for nothing."""
    lacking = []
    for model in sorted({CLEAN[name][0] for name in CLEAN}):
        sets = [results[name].unreached for name in CLEAN if CLEAN[name][0] == model]
        lacking += sorted(set.intersection(*sets))
    return lacking


def tables(results):
    lines = ["| clean configuration | switches | what is in it | states |", "|---|---|---|---|"]
    for name, (model, switches, what) in CLEAN.items():
        lines.append(f"| {name} | {model} {switches} | {what} | {results[name].states:,} |")
    lines += ["", "| mutant | what is wrong | killed by | in | in the code | states |", "|---|---|---|---|---|---|"]
    for name, (_, base, what, in_code) in MUTANTS.items():
        r = results[name]
        lines.append(f"| {name} | {what} | {r.violated or '-'} | {base} | {in_code} | {r.states:,} |")
    return "\n".join(lines) + "\n"


def texts_under(folder):
    for place, _, files in os.walk(os.path.join(HERE, "..", "..", folder)):
        for name in files:
            if name.endswith((".c", ".h")):
                with open(os.path.join(place, name), encoding="utf-8") as file:
                    yield file.read()


def not_in_the_code():
    """Names in the column "in the code" that are nowhere in it, and switches of the code that are not in the table
    or not in that of the chaos tests."""
    core = "".join(texts_under("core"))
    tests = "".join(texts_under("tests/integration"))
    chaos = "".join(texts_under("tests/chaos"))
    named = [n for row in MUTANTS.values() for n in re.findall(r"`([^`]+)`", row[3])]
    switches = sorted(set(re.findall(r'fault_is_mutant\("([^"]+)"\)', core)))
    lacking = [n for n in named if f'fault_is_mutant("{n}")' not in core and f"{n}(void **state)" not in tests]
    return lacking + [n for n in switches if n not in named or f'{{"{n}", "' not in chaos]


def spin_version():
    said = subprocess.run(["spin", "-V"], stdout=subprocess.PIPE, text=True, check=False).stdout
    found = re.search(r"Spin Version (\S+)", said)
    return found.group(1) if found else "?"


def without_states(text):
    """The tables without their last column: another version of spin counts otherwise."""
    return [row.rstrip().rstrip("|").rsplit("|", 1)[0] for row in text.splitlines()]


def readme_fits(found, write):
    text = open(README, encoding="utf-8").read()
    begin, end = "<!-- begin: written by check.py -->\n", "<!-- end -->"
    head, rest = text.split(begin)
    old, tail = rest.split(end)
    version = f"Spin {spin_version()}:\n\n"
    if write:
        with open(README, "w", encoding="utf-8") as file:
            file.write(head + begin + version + found + end + tail)
        return True
    if old.startswith(version):
        return old == version + found
    return without_states(old)[2:] == without_states(found)


def show(name, r, wrong):
    if name in CLEAN:
        kind, seen = "holds", r.violated or "-"
    else:
        kind, seen = "killed", r.violated or "-"
    print(f"{'FAILED' if wrong else kind:7} {seen:4} {r.states:>10,} states {r.seconds:6.1f} s  {name}"
          + (f": {wrong}" if wrong else ""), flush=True)


def run_all(compiler, wanted):
    names = property_names()
    results, failed = {}, 0
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        running = {pool.submit(run_one, compiler, *switches_of(name), names): name for name in wanted}
        for done in concurrent.futures.as_completed(running):
            name = running[done]
            results[name] = done.result()
            wrong = verdict(name, results[name])
            failed += bool(wrong)
            show(name, results[name], wrong)
    return results, failed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write the README's tables")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    compiler = next((c for c in (os.environ.get("CC", ""), "cc", "gcc", "clang") if c and shutil.which(c)), None)
    if not shutil.which("spin") or not compiler:
        print("skipped: " + ("a C compiler" if not compiler else "spin") + " is missing")
        return 77
    unknown = [n for n in options.names if n not in CLEAN and n not in MUTANTS]
    if unknown:
        parser.error("neither a configuration nor a mutant: " + ", ".join(unknown))
    began = time.monotonic()
    wanted = options.names or [*CLEAN, *MUTANTS]
    results, failed = run_all(compiler, wanted)
    if not options.names:
        for place, text in never_reached(results):
            failed += 1
            print(f"FAILED  never executed in a clean configuration: {place}: {text}")
        for name in not_in_the_code():
            failed += 1
            print(f"FAILED  in the table and not in the code, or in the code and not in the table: {name}")
        if not readme_fits(tables(results), options.write):
            failed += 1
            print("FAILED  the README's tables are not what was found: check.py --write")
    clean = sum(name in CLEAN for name in wanted)
    print(f"{clean} configurations, {len(wanted) - clean} mutants, "
          f"{sum(r.states for r in results.values()):,} states, {time.monotonic() - began:.0f} s, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
