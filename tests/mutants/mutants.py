#!/usr/bin/env python3
"""Shows that the tests of bad input and bad days notice: for each row of table.py one mistake is made in a copy of the tree,
and the named test case must fail.

usage: mutants.py [--list | --check] [NAME…]

NAME is the beginning of a mutant's name (`wrong-password`, `wrong-password/no-hint`) or a test (`bad_moves`); without names
all are run. First every named case must pass as the tree stands; one that this machine cannot run (it says so) leaves its
mutants out. Exit code 0: every other mutant was caught; 1: one survived, does not apply or does not build, a case fails
without a mutant, or a row of ROWS has none; 2: usage.
"""

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from table import MUTANTS, ROWS

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MESON = os.environ.get("MESON", "meson").split()
SECONDS = 280  # for one case, servers and all


def copy_tree(to):
    """What git knows of, and what is new and not ignored, as it stands."""
    names = subprocess.run(["git", "-C", TOP, "ls-files", "-coz", "--exclude-standard"], check=True, capture_output=True)
    for name in filter(None, names.stdout.decode().split("\0")):
        if os.path.isfile(os.path.join(TOP, name)):
            os.makedirs(os.path.dirname(os.path.join(to, name)), exist_ok=True)
            shutil.copy2(os.path.join(TOP, name), os.path.join(to, name))


class Tree:
    """The copy, and its build."""

    def __init__(self, top, tests):
        self.top = top
        self.build_dir = os.path.join(top, "build")
        # The copy has another name each time: what was compiled once is found again.
        self.env = dict(os.environ, CCACHE_NOHASHDIR="1", CCACHE_BASEDIR=top)
        copy_tree(top)
        self.call([*MESON, "setup", "-Dfault_points=true", self.build_dir, top])
        known = json.loads(self.call([*MESON, "introspect", "--tests", self.build_dir]))
        self.tests = {t["name"]: t for t in known if t["name"] in tests}
        unknown = tests - set(self.tests)
        if unknown:
            sys.exit(f"mutants: no test is called {', '.join(sorted(unknown))}")
        self.targets = ["tui/tenantmv"] + [os.path.relpath(t["cmd"][0], self.build_dir) for t in self.tests.values()]

    def call(self, command):
        done = subprocess.run(command, env=self.env, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"mutants: {' '.join(command)}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def build(self):
        """Empty when it was built, else what the compiler said."""
        done = subprocess.run(["ninja", "-C", self.build_dir, *self.targets], env=self.env, capture_output=True, text=True)
        return "" if done.returncode == 0 else done.stdout

    def run(self, test, case):
        """("passed", "failed", "skipped" or "no verdict", a word about it) of one case."""
        what = self.tests[test]
        env = {**self.env, **what["env"], "TENANTMV_CASE": case}
        with tempfile.TemporaryFile() as log:
            child = subprocess.Popen(what["cmd"], env=env, stdout=log, stderr=log, cwd=self.build_dir, start_new_session=True)
            try:
                child.wait(SECONDS)
                late = ""
            except subprocess.TimeoutExpired:
                late = f"no end in {SECONDS} s"
            finally:
                if child.poll() is None:
                    child.terminate()  # the program removes its servers
                    child.wait()
            log.seek(0)
            text = log.read().decode(errors="replace")
        said = re.findall(r"\[  ERROR   \] --- (?!\[)(.*)", text) or re.findall(r"\[   LINE   \] --- (.*)", text)
        word = late or " ".join(said[:1])
        for verdict, mark in {"failed": "[  FAILED  ]", "skipped": "[  SKIPPED ]", "passed": "[       OK ]"}.items():
            if f"{mark} {case}\n" in text and (verdict == "failed" or child.returncode == 0):
                return verdict, word
        return "no verdict", word


def apply(tree, mutant):
    """The file's path and its text before, or (None, why not)."""
    path = os.path.join(tree.top, mutant.file)
    with open(path, encoding="utf-8") as file:
        before = file.read()
    found = before.count(mutant.text)
    if found != 1:
        return None, f"the text stands {found} times in {mutant.file}"
    write(path, before.replace(mutant.text, mutant.instead))
    return path, before


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def try_mutant(tree, mutant):
    """("caught", "SURVIVED" or "BROKEN", a word about it)."""
    path, before = apply(tree, mutant)
    if not path:
        return "BROKEN", before
    try:
        problem = tree.build()
        if problem:
            return "BROKEN", "does not build: " + " ".join(re.findall(r"(?:error|FAILED): .*", problem)[:3])
        verdict, word = tree.run(mutant.test, mutant.case)
    finally:
        write(path, before)
    return {"failed": "caught", "passed": "SURVIVED"}.get(verdict, "BROKEN"), word or verdict


def check_cases(tree, mutants):
    """Runs every named case once on the tree as it is: (all is well, the cases that pass)."""
    cases = sorted({(m.test, m.case) for m in mutants})
    found = {case: tree.run(*case) for case in cases}
    for case, (verdict, word) in found.items():
        if verdict != "passed":
            print(f"WITHOUT A MUTANT {verdict}: {' '.join(case)}: {word}", flush=True)
    passed = {case for case in cases if found[case][0] == "passed"}
    print(f"{len(passed)} of {len(cases)} cases pass as the tree stands", flush=True)
    return all(verdict in ("passed", "skipped") for verdict, _ in found.values()), passed


def report(tree, mutant):
    begun = time.monotonic()
    verdict, word = try_mutant(tree, mutant)
    took = time.monotonic() - begun
    print(f"{verdict:8} {took:4.0f} s  {mutant.name:42} {mutant.case}\n{'':17}{word[:140]}", flush=True)
    return verdict == "caught"


def run(mutants):
    with tempfile.TemporaryDirectory(prefix="tenantmv-mutants-") as top:
        os.chmod(top, 0o755)  # the servers of the tests run as another user
        tree = Tree(top, {m.test for m in mutants})
        problem = tree.build()
        if problem:
            sys.exit(f"mutants: the tree does not build:\n{problem[-3000:]}")
        well, passed = check_cases(tree, mutants)
        possible = [m for m in mutants if (m.test, m.case) in passed]
        caught = sum([report(tree, mutant) for mutant in possible])
    print(f"{caught} of {len(possible)} mutants caught, {len(mutants) - len(possible)} left out")
    return well and caught == len(possible)


def stale(mutants):
    """Says which mistakes cannot be made any more because the text that they change is gone, or stands twice."""
    for mutant in mutants:
        with open(os.path.join(TOP, mutant.file), encoding="utf-8") as file:
            found = file.read().count(mutant.text)
        if found != 1:
            yield f"mutants: {mutant.name}: the text stands {found} times in {mutant.file}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--list", action="store_true", help="only name the mutants, by row")
    parser.add_argument("--check", action="store_true", help="only look whether each mistake can still be made")
    parser.add_argument("names", nargs="*", metavar="NAME", help="the beginning of a mutant's name, or a test")
    options = parser.parse_args()
    chosen = [m for m in MUTANTS if not options.names or any(m.name.startswith(n) or m.test == n for n in options.names)]
    bare = [row for row in ROWS if not any(m.name.split("/")[0] == row for m in MUTANTS)]
    strange = [m.name for m in MUTANTS if m.name.split("/")[0] not in ROWS]
    if bare or strange:
        sys.exit(f"mutants: rows without a mutant: {bare}; mutants without a row: {strange}")
    if not chosen:
        parser.error("no mutant is called so; --list names them")
    if options.list:
        for mutant in chosen:
            print(f"{mutant.name:42} {mutant.test:14} {mutant.case}")
        return 0
    if options.check:
        wrong = list(stale(chosen))
        print(*wrong, sep="\n", end="\n" if wrong else "")
        return 1 if wrong else 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the copy is removed
    return 0 if run(chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
