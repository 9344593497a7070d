"""The benchmarks, each against its peer in the same run, interleaved, as medians and ratios (design §12).

    ./run bench [--quick] [--only copy,verify,guard,cutovers,sizes,ten] [--rounds N] [--out FILE] [--dir DIR]

Prints one table and writes one JSON file with every single figure. A ratio is the row's rate against that of the
first row of its group (or its latency, where that is all there is), so what is below 1 is slower than tenantmv.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time

import suites
from servers import Bed

COLUMNS = ("seconds", "rate", "rate_per_core_and_side", "latency_ms", "cpu_client", "cpu_source", "cpu_target",
           "peak_rss_kib", "gap_p50_ms", "gap_p99_ms", "gap_max_ms", "pause_p50_ms", "pause_max_ms", "lag_p50_ms",
           "lag_p99_ms", "failed", "lost", "done")


class Report:
    """Every figure of every round, and the medians of them."""

    def __init__(self):
        self.groups = {}

    def add(self, group, peer, row):
        self.groups.setdefault(group, {}).setdefault(peer, []).append(row)
        print(f"  {group} · {peer}: " + ", ".join(f"{k} {v:.4g}" for k, v in row.items()), file=sys.stderr, flush=True)

    def medians(self):
        for group, peers in self.groups.items():
            first = None
            for peer, rows in peers.items():
                row = {key: statistics.median(r[key] for r in rows) for key in rows[0]}
                first = first or row
                if first.get("rate"):
                    row["ratio"] = row["rate"] / first["rate"]
                cores = os.cpu_count() * row.get("seconds", 0)
                if "cpu_client" in row and cores:
                    row["idle"] = max(0.0, 1 - (row["cpu_client"] + row["cpu_source"] + row["cpu_target"]) / cores)
                yield group, peer, len(rows), row

    def table(self):
        last = None
        for group, peer, rounds, row in self.medians():
            if group != last:
                print(f"\n{group}  (median of {rounds})")
                last = group
            cells = [f"{key} {row[key]:,.6g}" if row[key] < 1000 else f"{key} {row[key]:,.0f}"
                     for key in (*COLUMNS, "idle", "ratio") if key in row]
            print(f"  {peer:<28} " + "  ".join(cells))

    def write(self, path, facts):
        document = dict(facts, rounds=self.groups, medians=[
            dict(row, group=group, peer=peer, rounds=rounds) for group, peer, rounds, row in self.medians()])
        with open(path, "w", encoding="utf-8") as f:
            json.dump(document, f, indent=1)


def copies(bed, report, o):
    wanted = [(20000, 1000, 100), (20000, 1000, 50)] if o.quick else [
        (1000000, 1000, 100), (1000000, 100, 100), (200000, 10000, 100), (1000000, 1000, 50), (1000000, 1000, 1)]
    if o.events:
        wanted = [(o.events, o.payload, o.share)]
    for rows, payload, share in wanted:
        suites.copy(bed, report, rows, payload, share, o.rounds)


def verifications(bed, report, o):
    wanted = [(20000, 1000)] if o.quick else [(500000, 1000), (500000, 100), (50000, 10000)]
    for rows, payload in [(o.events, o.payload)] if o.events else wanted:
        suites.verify(bed, report, rows, payload, o.rounds)


def guards(bed, report, o):
    suites.guard(bed, report, 2 if o.quick else 20, o.rounds)


def cutovers(bed, report, o):
    rates, writers = ([1000], [8]) if o.quick else ([100, 1000, 0], [1, 8, 32])
    suites.cutovers(bed, report, 2 if o.quick else 25, rates, writers)


def sizes(bed, report, o):
    wanted = [1000, 20000] if o.quick else [10000, 100000, 1000000, 5000000]
    suites.sizes(bed, report, [o.events] if o.events else wanted, o.payload if o.events else 300)


def ten(bed, report, o):
    suites.ten(bed, report, 1000 if o.quick else 50000, 2 if o.quick else 10)


SUITES = {"copy": copies, "verify": verifications, "guard": guards, "cutovers": cutovers, "sizes": sizes, "ten": ten}


def run_suites(bed, report, options):
    """What fails is told and left out; the others go on."""
    failed = []
    for name, run in SUITES.items():
        if name not in options.only:
            continue
        try:
            run(bed, report, options)
        except (RuntimeError, subprocess.SubprocessError, KeyError, ValueError) as error:
            failed.append(name)
            print(f"bench: {name} failed: {error}", file=sys.stderr)
    return failed


def parse():
    parser = argparse.ArgumentParser(prog="run bench", description="Benchmarks against peers.")
    every = list(SUITES)
    parser.add_argument("--quick", action="store_true", help="small sizes: shows that it works, the figures say little")
    parser.add_argument("--only", default=",".join(every), help="which, separated by commas: " + ", ".join(every))
    parser.add_argument("--rounds", type=int, help="of each measurement; 5, or 1 with --quick")
    parser.add_argument("--events", type=int, help="copy, verify and sizes: this many only, instead of their list")
    parser.add_argument("--payload", type=int, default=1000, help="with --events: bytes of each payload")
    parser.add_argument("--share", type=int, default=100, help="with --events: the tenant's share of the table, percent")
    parser.add_argument("--out", default="bench.json", help="file for every figure")
    parser.add_argument("--dir", help="where the servers keep their data; the temporary directory otherwise")
    parser.add_argument("--program", default="build/tui/tenantmv")
    options = parser.parse_args()
    options.only = options.only.split(",")
    options.rounds = options.rounds or (1 if options.quick else 5)
    unknown = set(options.only) - set(every)
    if unknown:
        parser.error("there is no benchmark " + ", ".join(sorted(unknown)))
    for tool in ("pgbench", "pgcopydb"):
        if not shutil.which(tool):
            parser.error(f"{tool} is missing: ./run packages bench")
    return options


def main():
    options = parse()
    report = Report()
    facts = {"machine": platform.machine(), "cores": os.cpu_count(), "quick": options.quick,
             "began": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
             "server": subprocess.run(["psql", "--version"], capture_output=True, text=True, check=True).stdout.strip(),
             "program": subprocess.run([options.program, "version"], capture_output=True, text=True,
                                       check=True).stdout.strip()}
    bed = Bed(options.program, options.dir)
    failed = ["all"]
    try:
        failed = run_suites(bed, report, options)
    finally:
        report.table()
        report.write(options.out, dict(facts, failed=failed))
        print(f"\nevery figure: {options.out}")
    return 1 if failed else 0


sys.exit(main())
