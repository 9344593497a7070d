"""What is measured, each against its peer in the same run: functions that give rows of figures."""

import json
import os
import re
import subprocess
import time

from servers import memory_kib, stat_cpu

TENANT = "bda448be-6aa4-4002-8af3-c3b3e2529478"
OTHER = "00000000-0000-4000-8000-000000000002"


# ---- stores and their contents ----


def fill(bed, rows, payload, share, tenants=1):
    """A shared store with `rows` events, of which `share` percent are the tenant's (or those of `tenants`)."""
    bed.source.sql("postgres", "DROP DATABASE IF EXISTS source WITH (FORCE)")
    bed.source.sql("postgres", "CREATE DATABASE source")
    bed.source.sql("postgres", "DROP DATABASE IF EXISTS control WITH (FORCE)")
    bed.source.sql("postgres", "CREATE DATABASE control")
    bed.tenantmv("init")
    bed.tenantmv("store", "add", "shared", bed.source.conninfo("source"), "--create-events")
    every = max(1, round(100 / share))
    nested = max(0, min(8, (payload - 150) // 95))
    note = max(1, (payload - 130 - nested * 95) // 32) if payload > 130 else 0
    mine = f"'{TENANT}'" if tenants == 1 else f"md5('t' || i % {tenants})"
    tenant = f"CASE WHEN i % {every} = 0 THEN {mine} ELSE '{OTHER}' END"
    bed.source.sql("source", f"""
        INSERT INTO public.events (event_id, aggregate_id, aggregate_type, event_type, tenant_id, actor_id, version,
                                   "timestamp", payload)
        SELECT gen_random_uuid(), md5({tenant} || i / 20)::uuid, 'Order', 'OrderPlaced', ({tenant})::uuid, 'user' || i % 100, i % 20 + 1, now(),
               jsonb_build_object('id', gen_random_uuid(), 'amount', (i % 1000) * 1.50,
                   'lines', (SELECT coalesce(jsonb_agg(jsonb_build_object('sku', 'A' || x, 'qty', x, 'price', x * 1.10,
                                                                          'name', md5(x::text || i))), '[]')
                             FROM generate_series(1, {nested}) x),
                   'note', repeat(md5(i::text), {note}))
        FROM generate_series(1, {rows}) i;
        VACUUM ANALYZE public.events""")


def tenant_events(bed):
    return int(bed.source.sql("source", f"SELECT count(*) FROM public.events WHERE tenant_id = '{TENANT}'"))


class Stopwatch:
    """Wall time, and CPU time of client processes and of both servers."""

    def __init__(self, bed, clients=()):
        self.bed, self.clients = bed, clients
        self.began = time.monotonic()
        self.cpu = [c.cpu() for c in (bed.source, bed.target)]
        self.client = sum(stat_cpu(p, False) for p in clients)
        self.children = os.times()

    def stop(self):
        seconds = time.monotonic() - self.began
        source, target = (c.cpu() - b for c, b in zip((self.bed.source, self.bed.target), self.cpu))
        now = os.times()
        client = sum(stat_cpu(p, False) for p in self.clients) - self.client if self.clients else (
            now.children_user + now.children_system - self.children.children_user - self.children.children_system)
        return {"seconds": seconds, "cpu_client": client, "cpu_source": source, "cpu_target": target}


# ---- copy ----


def copy_tenantmv(bed):
    """The whole of the program's bulk copy, indexes included, and its memory."""
    bed.fresh()
    bed.tenantmv("routing", TENANT, "--register", "shared")
    bed.settle()
    worker = bed.start_worker()
    watch = Stopwatch(bed, (worker.pid,))
    bed.tenantmv("start", TENANT, "--to", "dedicated", "--wait", "dual_write")
    row = watch.stop()
    row["seconds"] = float(bed.source.sql("control", """
        SELECT extract(epoch FROM bulk_copy_completed_at - bulk_copy_started_at) FROM public.tenant_migrations"""))
    row["peak_rss_kib"] = memory_kib(worker.pid)
    bed.stop_worker(worker)
    return row


PIPE = "\"{bin}/psql\" -qX '{source}' -c \"COPY (SELECT * FROM public.events WHERE tenant_id = '{tenant}') TO STDOUT" \
       " (FORMAT binary)\" | \"{bin}/psql\" -qX '{target}' -c 'COPY public.events FROM STDIN (FORMAT binary)'"


def shell(command):
    subprocess.run(["bash", "-c", "set -e -o pipefail; " + command], check=True, stdout=subprocess.DEVNULL)


def peer_target(bed):
    """An empty table of the same shape, made by the program itself."""
    bed.fresh_target("peer")
    bed.tenantmv("store", "add", "peer", bed.target.conninfo("peer"), "--create-events")


def pipe(bed):
    shell(PIPE.format(bin=bed.source.bin, source=bed.source.conninfo("source"), target=bed.target.conninfo("peer"),
                      tenant=TENANT))


def copy_pipe_into_indexes(bed):
    peer_target(bed)
    bed.settle()
    watch = Stopwatch(bed)
    pipe(bed)
    bed.target.sql("peer", "ANALYZE public.events")
    return watch.stop()


def copy_pipe_then_indexes(bed):
    """What a careful person does by hand: no index while copying, then two sessions that build them."""
    peer_target(bed)
    builds = bed.target.sql("peer", """
        SELECT pg_get_indexdef(indexrelid) || ';' FROM pg_index WHERE indrelid = 'public.events'::regclass""").split("\n")
    bed.target.sql("peer", """
        DO $$ DECLARE c record; BEGIN
        FOR c IN SELECT conname FROM pg_constraint WHERE conrelid = 'public.events'::regclass AND contype IN ('p', 'u') LOOP
          EXECUTE format('ALTER TABLE public.events DROP CONSTRAINT %I', c.conname); END LOOP;
        FOR c IN SELECT i.relname FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
                  WHERE x.indrelid = 'public.events'::regclass LOOP
          EXECUTE format('DROP INDEX public.%I', c.relname); END LOOP; END $$""")
    bed.settle()
    watch = Stopwatch(bed)
    pipe(bed)
    sessions = []
    for half in (0, 1):
        text = "SET maintenance_work_mem = '256MB'; SET search_path = public;" + "".join(builds[half::2])
        sessions.append(subprocess.Popen(
            [os.path.join(bed.target.bin, "psql"), "-qX", "-v", "ON_ERROR_STOP=1", bed.target.conninfo("peer"), "-c", text],
            stdout=subprocess.DEVNULL))
    if any(s.wait() for s in sessions):
        raise RuntimeError("building the peer's indexes failed")
    bed.target.sql("peer", "ANALYZE public.events")
    return watch.stop()


def copy_dump_restore(bed):
    bed.fresh_target("peer")
    bed.source.sql("source", "DROP SCHEMA IF EXISTS tenantmv CASCADE")
    bed.settle()
    watch = Stopwatch(bed)
    shell(f"\"{bed.source.bin}/pg_dump\" -Fc -Z0 -n public -t public.events -d '{bed.source.conninfo('source')}' |"
          f" \"{bed.target.bin}/pg_restore\" --no-owner -d '{bed.target.conninfo('peer')}'")
    bed.target.sql("peer", "ANALYZE public.events")
    return watch.stop()


def copy_pgcopydb(bed):
    bed.fresh_target("peer")
    bed.source.sql("source", "DROP SCHEMA IF EXISTS tenantmv CASCADE")
    work = os.path.join(bed.root, "pgcopydb")
    bed.settle()
    watch = Stopwatch(bed)
    subprocess.run(["pgcopydb", "clone", "--source", bed.source.conninfo("source"), "--target",
                    bed.target.conninfo("peer"), "--table-jobs", "2", "--index-jobs", "2", "--no-owner", "--no-acl",
                    "--skip-extensions", "--dir", work], check=True, capture_output=True,
                   env=dict(os.environ, PATH=bed.source.bin + ":" + os.environ["PATH"]))
    row = watch.stop()
    subprocess.run(["rm", "-rf", work], check=True)
    return row


def copy(bed, report, rows, payload, share, rounds):
    """The copy against what else copies a table; only whole tables can be dumped or cloned."""
    makers = {"tenantmv": copy_tenantmv, "psql pipe, indexes kept": copy_pipe_into_indexes,
              "psql pipe, indexes after": copy_pipe_then_indexes}
    if share == 100:
        makers.update({"pg_dump | pg_restore": copy_dump_restore, "pgcopydb clone": copy_pgcopydb})
    fill(bed, rows, payload, share)
    events = tenant_events(bed)
    name = f"copy {events} events of {payload} B, {share} % of the table"
    for _ in range(rounds):
        for peer, make in makers.items():
            row = make(bed)
            row["rate"] = events / row["seconds"]
            report.add(name, peer, row)


# ---- verification ----


def both_sides(bed, command):
    """The same command on both servers at once; `{conninfo}` is the side."""
    watch = Stopwatch(bed)
    sides = [subprocess.Popen(["bash", "-c", command.format(conninfo=c)], stdout=subprocess.PIPE)
             for c in (bed.source.conninfo("source"), bed.target.conninfo("target"))]
    outputs = [s.communicate()[0] for s in sides]
    if any(s.returncode for s in sides) or outputs[0] != outputs[1]:
        raise RuntimeError("the peer's check failed or found a difference")
    return watch.stop()


def verify_md5(bed):
    return both_sides(bed, f"'{bed.source.bin}/psql' -qXAt '{{conninfo}}' -c \"SELECT md5(string_agg(md5((global_position,"
                      " event_id, aggregate_id, aggregate_type, event_type, tenant_id, actor_id, version, \\\"timestamp\\\","
                      " payload, created_at)::text), '' ORDER BY global_position)) FROM public.events"
                      f" WHERE tenant_id = '{TENANT}'\"")


def verify_diff(bed):
    columns = "global_position, event_id, aggregate_id, aggregate_type, event_type, tenant_id, actor_id, version," \
              " \\\"timestamp\\\", payload, created_at"
    side = "<('" + bed.source.bin + "/psql' -qXAt '{}' -c \"COPY (SELECT " + columns + " FROM public.events WHERE" \
           f" tenant_id = '{TENANT}' ORDER BY global_position) TO STDOUT\")"
    watch = Stopwatch(bed)
    shell(f"cmp {side.format(bed.source.conninfo('source'))} {side.format(bed.target.conninfo('target'))}")
    return watch.stop()


def verify_tenantmv(bed, level, workers, last):
    watch = Stopwatch(bed)
    out = json.loads(bed.tenantmv("verify", TENANT, "--direct", "--level", level, "--workers", str(workers), "--to",
                                  str(last), "--json"))
    row = watch.stop()
    found = out.get("verification") or out["result"]["verification"]
    if not found["consistent"]:
        raise RuntimeError("the stores differ")
    row["seconds"] = found["duration_us"] / 1e6
    return row


def verify(bed, report, rows, payload, rounds):
    """HASH and FULL against a hash by hand and against two streams compared here."""
    fill(bed, rows, payload, 100)
    copy_tenantmv(bed)
    name = f"verify {rows} events of {payload} B"
    makers = {"tenantmv hash, 1 worker": lambda: verify_tenantmv(bed, "hash", 1, rows),
              "tenantmv hash, 2 workers": lambda: verify_tenantmv(bed, "hash", 2, rows),
              "tenantmv full, 1 worker": lambda: verify_tenantmv(bed, "full", 1, rows),
              "tenantmv full, 2 workers": lambda: verify_tenantmv(bed, "full", 2, rows),
              "md5(string_agg(…)) by psql": lambda: verify_md5(bed),
              "COPY … ORDER BY | cmp": lambda: verify_diff(bed)}
    for _ in range(rounds):
        for peer, make in makers.items():
            row = make()
            row["rate"] = rows / row["seconds"]
            row["rate_per_core_and_side"] = rows / max(row["cpu_source"], row["cpu_target"], 0.01)
            report.add(name, peer, row)


# ---- the guard ----

INSERT = """INSERT INTO public.events (event_id, aggregate_id, aggregate_type, event_type, tenant_id, version,
 "timestamp", payload) VALUES (gen_random_uuid(), gen_random_uuid(), 'Order', 'OrderPlaced', '{tenant}', 1, now(),
 '{{"amount": 1.50, "note": "a small event"}}');
"""


def pgbench(bed, tenant, seconds, rate):
    script = os.path.join(bed.root, "insert.sql")
    with open(script, "w", encoding="ascii") as f:
        f.write(INSERT.format(tenant=tenant).replace("\n", " ").strip() + "\n")
    limit = ["-R", str(rate)] if rate else []
    done = subprocess.run(["pgbench", "-n", "-c", "4", "-j", "2", "-M", "prepared", "-T", str(seconds), "-f", script,
                           *limit, bed.source.conninfo("source")], check=True, capture_output=True, text=True)
    return {"seconds": float(seconds),
            "rate": float(re.search(r"tps = ([\d.]+)", done.stdout).group(1)),
            "latency_ms": float(re.search(r"latency average = ([\d.]+)", done.stdout).group(1))}


def wait_until_folded(bed, seconds=120):
    """Until the moved tenant's own triggers have given way to those that all moved tenants share."""
    deadline = time.monotonic() + seconds
    while bed.source.sql("control", "SELECT bool_and(retired) FROM tenantmv.migration_state") != "t":
        if time.monotonic() > deadline:
            raise RuntimeError(f"the guard of the tenant that moved was not folded within {seconds} s")
        time.sleep(0.5)


def put_guard(bed, state):
    """Brings the source's guard there: of a tenant that moves (its mirror paused), or of one that has moved."""
    bed.tenantmv("routing", TENANT, "--register", "shared")
    worker = bed.start_worker()
    bed.tenantmv("start", TENANT, "--to", "dedicated", "--wait", "ready")
    if state == "guard":
        bed.tenantmv("pause", TENANT, "--wait")
        return worker
    bed.tenantmv("cutover", TENANT, "--confirm", TENANT, "--wait")
    wait_until_folded(bed)
    return worker


def guard(bed, report, seconds, rounds):
    """One-row inserts of a neighbour and of the tenant, without the guard, with it, and of a neighbour afterwards."""
    fill(bed, 20000, 300, 50)
    for _ in range(rounds):
        for state in ("no guard", "guard", "moved away"):
            bed.fresh()
            worker = None if state == "no guard" else put_guard(bed, state)
            for who, tenant in (("a neighbour", OTHER), ("the tenant", TENANT)):
                if state == "moved away" and tenant == TENANT:
                    continue
                for rate in (0, 1000):
                    bed.settle()
                    pace = f"{rate}/s" if rate else "as fast as it goes"
                    report.add(f"guard: inserts of {who}, {pace}", state, pgbench(bed, tenant, seconds, rate))
            if worker:
                bed.stop_worker(worker)


# ---- cutovers ----


def cutovers(bed, report, count, rates, writers):
    """The demo's whole life: mirror lag, and the pause as the writers see it; every event is checked there."""
    for rate in rates:
        for threads in writers:
            out = json.loads(subprocess.run(
                [bed.program, "demo", "--headless", "--json", "--events", "20000", "--tenants", str(count), "--cutovers",
                 str(count), "--writers", str(threads), "--rate", str(rate)], capture_output=True, text=True,
                check=False).stdout)
            out = out.get("demo") or out.get("result") or out
            gaps, quiet = out["writer_gap_us"], out["quiet_gap_us"]  # the peer: as long right before each cutover
            pauses = sorted(c["pause_us"] for c in out["cutovers"]) or [0]
            report.add(f"{len(pauses)} cutovers, {threads} writers", f"{rate}/s" if rate else "saturated", {
                "gap_p50_ms": gaps["p50"] / 1e3, "gap_p99_ms": gaps["p99"] / 1e3, "gap_max_ms": gaps["max"] / 1e3,
                "pause_p50_ms": pauses[len(pauses) // 2] / 1e3, "pause_max_ms": pauses[-1] / 1e3,
                "lag_p50_ms": out["mirror_lag_ms"]["p50"], "lag_p99_ms": out["mirror_lag_ms"]["p99"],
                "failed": out["writes_failed"], "lost": out["events_lost"],
                "done": sum(c["outcome"] == "completed" for c in out["cutovers"])})


# ---- size and number ----


def sizes(bed, report, counts, payload):
    """Memory flat, time linear: one copy of each size."""
    for events in counts:
        fill(bed, events, payload, 100)
        row = copy_tenantmv(bed)
        row["rate"] = events / row["seconds"]
        report.add(f"tenant size, {payload} B", f"{events} events", row)


def tenant_id(number, tenants, bed):
    return bed.source.sql("source", f"SELECT md5('t' || {number} % {tenants})::uuid")


def ten(bed, report, events, tenants=10):
    """Ten migrations, one after the other and at once, until each is ready."""
    fill(bed, events * tenants, 300, 100, tenants)
    ids = [tenant_id(i, tenants, bed) for i in range(tenants)]
    for peer in ("one after the other", "at once"):
        bed.fresh()
        for i, tenant in enumerate(ids):
            bed.fresh_target(f"ten{i}")
            bed.tenantmv("store", "add", f"ten{i}", bed.target.conninfo(f"ten{i}"), "--create-events")
            bed.tenantmv("routing", tenant, "--register", "shared")
        bed.settle()
        worker = bed.start_worker()
        watch = Stopwatch(bed, (worker.pid,))
        if peer == "at once":
            starts = [subprocess.Popen([bed.program, "start", t, "--to", f"ten{i}", "--wait", "ready"],
                                       env=bed.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
                      for i, t in enumerate(ids)]
            if any(s.wait() for s in starts):
                raise RuntimeError("a migration of ten did not get ready")
        else:
            for i, tenant in enumerate(ids):
                bed.tenantmv("start", tenant, "--to", f"ten{i}", "--wait", "ready")
        row = watch.stop()
        row["rate"] = events * tenants / row["seconds"]
        row["peak_rss_kib"] = memory_kib(worker.pid)
        report.add(f"{tenants} migrations of {events} events", peer, row)
        bed.stop_worker(worker)
