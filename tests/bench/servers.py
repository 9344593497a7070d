"""Private PostgreSQL servers for the benchmarks: two clusters on unix sockets, and what they and the clients cost.

Whatever ends the program ends the servers and removes the directory; only processes that were started here are ended.
"""

import atexit
import glob
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time

TICKS = os.sysconf("SC_CLK_TCK")
SETTINGS = {
    "listen_addresses": "''",
    "max_connections": "120",
    "max_prepared_transactions": "10",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "30min",
    "wal_level": "replica",
}


def find_bin():
    """Where the newest server's programs are."""
    found = [p for p in glob.glob("/usr/lib/postgresql/*/bin") if os.path.exists(os.path.join(p, "initdb"))]
    if found:
        return max(found, key=lambda p: int(p.split("/")[-2]))
    if not shutil.which("initdb"):
        raise SystemExit("bench: no PostgreSQL server is installed")
    return os.path.dirname(os.path.realpath(shutil.which("initdb")))


def server_user():
    """PostgreSQL does not run as root: another user does it then."""
    if os.getuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise SystemExit("bench: no user postgres or nobody to run the servers")


def stat_cpu(pid, children):
    """CPU seconds of a process; with `children`, of those that it has waited for as well."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    ticks = int(fields[11]) + int(fields[12])
    return (ticks + (int(fields[13]) + int(fields[14]) if children else 0)) / TICKS


class Cluster:
    """One server in a directory of its own."""

    def __init__(self, root, name):
        self.bin = find_bin()
        self.user = server_user()
        self.home = os.path.join(root, name)
        self.data = os.path.join(self.home, "data")
        os.mkdir(self.home)
        if self.user:
            shutil.chown(self.home, self.user)
        self.run("initdb", "-D", self.data, "-A", "trust", "-U", "bench", "--locale=C.UTF-8", "-E", "UTF8")
        with open(os.path.join(self.data, "postgresql.conf"), "a", encoding="ascii") as f:
            for key, value in SETTINGS.items():
                f.write(f"{key} = {value}\n")
            f.write(f"unix_socket_directories = '{self.home}'\n")
        self.run("pg_ctl", "-D", self.data, "-l", os.path.join(self.home, "log"), "-w", "start")
        with open(os.path.join(self.data, "postmaster.pid"), encoding="ascii") as f:
            self.pid = int(f.readline())

    def run(self, program, *arguments):
        extra = {"user": self.user, "cwd": self.home} if self.user else {}
        subprocess.run([os.path.join(self.bin, program), *arguments], check=True, stdout=subprocess.DEVNULL, **extra)

    def stop(self):
        try:
            self.run("pg_ctl", "-D", self.data, "-m", "immediate", "-w", "stop")
        except (subprocess.CalledProcessError, FileNotFoundError):
            pass

    def conninfo(self, database):
        return f"host={self.home} user=bench dbname={database}"

    def sql(self, database, text):
        """Runs statements and gives what they print."""
        done = subprocess.run(
            [os.path.join(self.bin, "psql"), "-qXAt", "-v", "ON_ERROR_STOP=1", self.conninfo(database), "-f", "-"],
            input=text, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def cpu(self):
        """CPU seconds of the whole server so far, ended sessions included."""
        total = stat_cpu(self.pid, True)
        for path in glob.glob("/proc/[0-9]*/stat"):
            try:
                with open(path, encoding="ascii", errors="replace") as f:
                    fields = f.read().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(fields[1]) == self.pid:
                total += (int(fields[11]) + int(fields[12])) / TICKS
        return total


class Bed:
    """A source and a target server, a directory, and the program under test."""

    def __init__(self, program, where):
        self.program = os.path.abspath(program)
        self.root = tempfile.mkdtemp(prefix="tenantmv-bench-", dir=where)
        os.chmod(self.root, 0o755)
        self.clusters = []
        self.workers = []
        atexit.register(self.close)
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: os.sys.exit(1))
        self.source = self.cluster("source")
        self.target = self.cluster("target")

    def cluster(self, name):
        made = Cluster(self.root, name)
        self.clusters.append(made)
        return made

    def close(self):
        for worker in self.workers:
            if worker.poll() is None:
                worker.terminate()
                worker.wait()
        for cluster in self.clusters:
            cluster.stop()
        shutil.rmtree(self.root, ignore_errors=True)

    def environment(self):
        return dict(os.environ, TENANTMV_CONTROL=self.source.conninfo("control"))

    def tenantmv(self, *arguments, check=True):
        done = subprocess.run([self.program, *arguments], env=self.environment(), capture_output=True, text=True,
                              check=False)
        if check and done.returncode != 0:
            raise RuntimeError(f"tenantmv {' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done.stdout

    def start_worker(self):
        worker = subprocess.Popen([self.program, "worker"], env=self.environment(), stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL)
        self.workers.append(worker)
        return worker

    def stop_worker(self, worker):
        worker.terminate()
        worker.wait()
        self.workers.remove(worker)

    def fresh(self):
        """Takes everything of earlier runs back: control, targets, and what a migration left in the source."""
        self.source.sql("postgres", "DROP DATABASE IF EXISTS control WITH (FORCE)")
        self.source.sql("postgres", "CREATE DATABASE control")
        self.source.sql("source", "DROP SCHEMA IF EXISTS tenantmv CASCADE")
        self.fresh_target("target")
        self.tenantmv("init")
        self.tenantmv("store", "add", "shared", self.source.conninfo("source"))
        self.tenantmv("store", "add", "dedicated", self.target.conninfo("target"), "--create-events")

    def fresh_target(self, name):
        self.target.sql("postgres", f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        self.target.sql("postgres", f"CREATE DATABASE {name}")

    def settle(self):
        """Nothing of the measurement before is left to be written."""
        for cluster in self.clusters:
            cluster.sql("postgres", "CHECKPOINT")
        time.sleep(0.2)


def memory_kib(pid):
    """The most memory that a process had resident."""
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as f:
        for line in f:
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    return 0
