"""Lanes: the shares into which the rows of an import are parted, each worked on by one worker at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ColumnElement,
    Connection,
    ForeignKey,
    Integer,
    String,
    Table,
    Uuid,
    delete,
    func,
    or_,
    select,
    update,
)

from creditbank.core.importing import Cursor
from creditbank.storage.columns import Instant, catalogue
from creditbank.storage.database import for_update, member_of

import_lane = Table(
    "import_lane",
    catalogue,
    Column("file_id", Uuid, ForeignKey("import_file.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("position", BigInteger, nullable=False),
    Column("line", Integer, nullable=False),
    Column("is_done", Boolean(name="is_done"), nullable=False),
    Column("leased_by", String(64)),
    Column("leased_until", Instant),
    CheckConstraint("number >= 0", name="number"),
    CheckConstraint("position >= 0 AND line > 0", name="place"),
    CheckConstraint("(leased_by IS NULL) = (leased_until IS NULL)", name="leased_whole"),
)


@dataclass(frozen=True, slots=True)
class Lane:
    """A share of a file's rows, from 0: how far it is, and who works on it."""

    file_id: UUID
    number: int
    cursor: Cursor
    is_done: bool = False
    leased_by: str | None = None


def spread(connection: Connection, file_id: UUID, lanes: int, cursor: Cursor) -> None:
    """Let so many lanes of a file begin at a place: the first, which is there, and further ones."""
    change(connection, Lane(file_id, 0, cursor), position=cursor.position, line=cursor.line)
    for number in range(1, lanes):
        add(connection, Lane(file_id, number, cursor))


def add(connection: Connection, value: Lane) -> None:
    """Write down a lane that nobody works on."""
    place = {"position": value.cursor.position, "line": value.cursor.line}
    row = {"file_id": value.file_id, "number": value.number, "is_done": value.is_done, **place}
    connection.execute(import_lane.insert().values(row | {"leased_by": None, "leased_until": None}))


def locked(connection: Connection, lane: Lane) -> Lane | None:
    """Return a lane as it stands, which nobody else changes till the transaction ends."""
    found = connection.execute(for_update(connection, select(import_lane).where(*_is(lane)))).one_or_none()
    return None if found is None else lane_in(found)


def release(connection: Connection, lane: Lane, worker: str) -> None:
    """Let others work on a lane, if it is still this worker's."""
    own = update(import_lane).where(*_is(lane), import_lane.c.leased_by == worker)
    connection.execute(own.values(leased_by=None, leased_until=None))


def renew(connection: Connection, lane: Lane, worker: str, until: datetime) -> bool:
    """Prolong a worker's lease; tell whether it had it still."""
    own = update(import_lane).where(*_is(lane), import_lane.c.leased_by == worker)
    return connection.execute(own.values(leased_until=until)).rowcount == 1


def change(connection: Connection, lane: Lane, **values: Any) -> None:  # noqa: ANN401 - what its columns take
    """Set columns of a lane."""
    connection.execute(update(import_lane).where(*_is(lane)).values(values))


def line_reached(connection: Connection, file_id: UUID) -> int | None:
    """Return the line before which all rows of a file have their answers; None where no lane has any left."""
    left = (import_lane.c.file_id == file_id) & ~import_lane.c.is_done
    line: int | None = connection.execute(select(func.min(import_lane.c.line)).where(left)).scalar_one()
    return line


def drop(connection: Connection, file_ids: Sequence[UUID]) -> None:
    """Delete the lanes of files."""
    connection.execute(delete(import_lane).where(member_of(connection, import_lane.c.file_id, file_ids)))


def is_free(now: datetime) -> ColumnElement[bool]:
    """Return the condition that a lane has rows left and nobody works on it."""
    unleased = or_(import_lane.c.leased_until.is_(None), import_lane.c.leased_until <= now)
    return ~import_lane.c.is_done & unleased


def lane_in(row: Any) -> Lane:  # noqa: ANN401 - a row of the table
    """Return the lane that a row holds."""
    return Lane(row.file_id, row.number, Cursor(row.position, row.line), row.is_done, row.leased_by)


def _is(lane: Lane) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return import_lane.c.file_id == lane.file_id, import_lane.c.number == lane.number
