"""Copies of an SQLite file: made while others write, looked through, and put in the place of another one."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from creditbank.gateways.whole_file import whole_file

HEADER = b"SQLite format 3\0"
"""How every SQLite file begins."""

BUSY_SECONDS = 30
"""How long a copy waits for a writer; none holds the file for longer."""

FAULTS_SHOWN = 3


class BackupUnusable(Exception):  # noqa: N818 - reads as what it is
    """The file is no sound copy of a bank; the sentence says why."""


class BankInUse(Exception):  # noqa: N818 - reads as what it is
    """The database that is to be replaced is open elsewhere; the sentence says what to do."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look through a copy found: its bytes, and the revision of its schema."""

    size_bytes: int
    revision: str


def back_up(database: Path, file: Path, *, replaces: bool) -> Looked:
    """Copy a database into a file as it stands at one moment; others read and write meanwhile.

    The file appears when it was looked through. Raised: BackupUnusable, FileInTheWay, OSError.
    """
    if not database.is_file():
        raise BackupUnusable(f"there is no database {database}")
    with whole_file(file, replaces=replaces) as beside:
        copy(database, beside)
        return looked_through(beside)


def copy(source: Path, target: Path) -> None:
    """Copy a database in one step, so that no writer makes it begin anew. Raised: BackupUnusable."""
    try:
        with closing(_opened(source)) as opened, closing(sqlite3.connect(target)) as copied:
            opened.backup(copied)
        as_one_file(target)
    except sqlite3.Error as error:
        raise BackupUnusable(f"{source}: {error}") from error


def as_one_file(database: Path) -> None:
    """Move the write-ahead log of a database that nobody else has open into its file."""
    with closing(sqlite3.connect(database)) as opened:
        opened.execute("PRAGMA journal_mode=DELETE")


def looked_through(file: Path) -> Looked:
    """Look through a copy: its pages, references, and the revision of its schema. Raised: BackupUnusable, OSError."""
    with file.open("rb") as stream:
        if stream.read(len(HEADER)) != HEADER:
            raise BackupUnusable(f"{file} is no SQLite file")
    try:
        with closing(_opened(file)) as opened:
            faults = [str(row[0]) for row in opened.execute("PRAGMA integrity_check") if row[0] != "ok"]
            faults += [f"{row[0]} refers to nothing in {row[2]}" for row in opened.execute("PRAGMA foreign_key_check")]
            revision = opened.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error as error:
        raise BackupUnusable(f"{file} is no backup of a bank: {error}") from error
    if faults:
        raise BackupUnusable(f"{file} is damaged: {'; '.join(faults[:FAULTS_SHOWN])}")
    if revision is None:
        raise BackupUnusable(f"{file} is no backup of a bank: it has no schema")
    return Looked(file.stat().st_size, str(revision[0]))


@contextmanager
def put_in_place(target: Path) -> Iterator[Path]:
    """Give a path beside the database to restore to; what stands there at the end takes the database's place at once.

    Nobody has the old one open then, and nothing is left of its log. Raised: BankInUse, OSError.
    """
    with whole_file(target, replaces=True) as beside:
        yield beside
        if target.exists():
            _close_for_good(target)
        for name in ("-wal", "-shm", "-journal"):
            Path(f"{target}{name}").unlink(missing_ok=True)


def _close_for_good(target: Path) -> None:
    """Move the old database's log into its file, which takes that nobody else has it open. Raised: BankInUse."""
    with target.open("rb") as stream:
        if stream.read(len(HEADER)) != HEADER:
            return
    try:
        with closing(sqlite3.connect(target, timeout=0)) as opened:
            opened.execute("PRAGMA locking_mode=EXCLUSIVE")
            opened.execute("BEGIN EXCLUSIVE")
            opened.execute("ROLLBACK")
            mode = opened.execute("PRAGMA journal_mode=DELETE").fetchone()[0]
    except sqlite3.OperationalError as error:
        raise BankInUse(f"{target} is open elsewhere ({error}): stop the bank, and restore again") from error
    except sqlite3.DatabaseError:
        return  # what is damaged beyond reading is what a backup is for
    if mode != "delete":
        raise BankInUse(f"{target} is open elsewhere: stop the bank, and restore again")


def _opened(file: Path) -> sqlite3.Connection:
    """Open a database that is there; whoever closes it last tidies up its log, which a mere reader could not."""
    return sqlite3.connect(f"{file.resolve().as_uri()}?mode=rw", uri=True, timeout=BUSY_SECONDS)
