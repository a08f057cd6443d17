"""Imports under way and ended: how each is to be taken, how far it is, who works on it, and what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ColumnElement,
    Connection,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    Uuid,
    delete,
    func,
    or_,
    select,
    tuple_,
    update,
)

from creditbank.core.importing import OPEN, WORKED_ON, Counts, Cursor, ImportState, Mode, SheetFormat
from creditbank.storage.columns import Instant, catalogue
from creditbank.storage.database import for_claim, for_update, member_of
from creditbank.storage.import_parts import import_answer, import_piece
from creditbank.storage.writing import row_of

import_file = Table(
    "import_file",
    catalogue,
    Column("id", Uuid, primary_key=True),
    Column("institution_id", Uuid, nullable=False, index=True),
    Column("client_id", String(64), nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("format", String(8), nullable=False),
    Column("mapping", String(64), nullable=False),
    Column("mode", String(8), nullable=False),
    Column("encoding", String(16)),
    Column("wrapped_key", LargeBinary),
    Column("sealed_plan", LargeBinary),
    Column("faults", Text),
    Column("bytes_total", BigInteger, nullable=False),
    Column("rows_total", Integer),
    Column("rows_done", Integer, nullable=False),
    Column("accepted", Integer, nullable=False),
    Column("replayed", Integer, nullable=False),
    Column("rejected", Integer, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("line", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("leased_by", String(64)),
    Column("leased_until", Instant),
    Column("created_at", Instant, nullable=False),
    Column("ended_at", Instant, index=True),
    CheckConstraint("state IN ('receiving', 'waiting', 'posting', 'done', 'refused', 'cancelled')", name="state"),
    CheckConstraint("format IN ('csv', 'xlsx', 'ndjson')", name="format"),
    CheckConstraint("mode IN ('rows', 'all')", name="mode"),
    CheckConstraint("accepted >= 0 AND replayed >= 0 AND rejected >= 0", name="counts"),
    CheckConstraint("rows_done >= 0 AND (rows_total IS NULL OR rows_done <= rows_total)", name="rows_done"),
    CheckConstraint("(ended_at IS NOT NULL) = (state IN ('done', 'refused', 'cancelled'))", name="ended_whole"),
    CheckConstraint("(leased_by IS NULL) = (leased_until IS NULL)", name="leased_whole"),
)


@dataclass(frozen=True, slots=True)
class Import:
    """A file that is imported; `faults` is a JSON text, `wrapped_key` opens all that is kept of it."""

    id: UUID
    institution_id: UUID
    client_id: str
    state: ImportState
    format: SheetFormat
    mapping: str
    mode: Mode
    encoding: str | None
    wrapped_key: bytes | None
    sealed_plan: bytes | None
    faults: str | None
    bytes_total: int
    rows_total: int | None
    cursor: Cursor
    counts: Counts
    failures: int
    leased_by: str | None
    created_at: datetime
    ended_at: datetime | None


def add(connection: Connection, value: Import) -> None:
    """Write down an import."""
    row = {name: kept for name, kept in row_of(value).items() if name not in ("cursor", "counts")}
    row |= row_of(value.cursor) | row_of(value.counts) | {"leased_by": None, "leased_until": None}
    connection.execute(import_file.insert().values(row))


def by_id(connection: Connection, import_id: UUID) -> Import | None:
    """Return one import."""
    return _import(connection.execute(select(import_file).where(import_file.c.id == import_id)).one_or_none())


def locked(connection: Connection, import_id: UUID) -> Import | None:
    """Return an import, which nobody else changes till the transaction ends."""
    query = for_update(connection, select(import_file).where(import_file.c.id == import_id))
    return _import(connection.execute(query).one_or_none())


def page(
    connection: Connection, institution_id: UUID, after: tuple[datetime, UUID] | None, rows_max: int
) -> list[Import]:
    """Return an institution's imports, newest first, from the one behind `after`."""
    order = (import_file.c.created_at, import_file.c.id)
    query = select(import_file).where(import_file.c.institution_id == institution_id)
    if after is not None:
        query = query.where(tuple_(*order) < tuple_(*after, types=[column.type for column in order]))
    query = query.order_by(*(column.desc() for column in order)).limit(rows_max)
    return [found for row in connection.execute(query) if (found := _import(row)) is not None]


def open_count(connection: Connection, client_id: str) -> int:
    """Return how many imports of a client are not at their end."""
    query = select(func.count()).where(import_file.c.client_id == client_id, import_file.c.state.in_(OPEN))
    return int(connection.execute(query).scalar_one())


def is_waiting(connection: Connection, now: datetime) -> bool:
    """Tell whether there is an import that nobody works on: asked before a lease is tried, which writes."""
    query = select(import_file.c.id).where(import_file.c.state.in_(WORKED_ON), _is_free(now)).limit(1)
    return connection.execute(query).first() is not None


def leased(
    connection: Connection, worker: str, lease: tuple[datetime, datetime], import_id: UUID | None = None
) -> Import | None:
    """Give the oldest import that nobody works on to a worker, or the one that is named; None where there is none.

    The lease is from now until an instant; one that has run out counts no more.
    """
    now, until = lease
    waiting = select(import_file).where(import_file.c.state.in_(WORKED_ON), _is_free(now))
    if import_id is not None:
        waiting = waiting.where(import_file.c.id == import_id)
    oldest = waiting.order_by(import_file.c.created_at, import_file.c.id).limit(1)
    found = _import(connection.execute(for_claim(connection, oldest)).one_or_none())
    if found is None:
        return None
    change(connection, found.id, leased_by=worker, leased_until=until)
    return replace(found, leased_by=worker)


def release(connection: Connection, import_id: UUID, worker: str) -> None:
    """Let others work on an import, if it is still this worker's."""
    own = (import_file.c.id == import_id) & (import_file.c.leased_by == worker)
    connection.execute(update(import_file).where(own).values(leased_by=None, leased_until=None))


def advance(connection: Connection, import_id: UUID, end: Cursor, counts: Counts, until: datetime) -> None:
    """Note how far an import is and what came of the rows since, and prolong its lease."""
    column = import_file.c
    change(
        connection,
        import_id,
        position=end.position,
        line=end.line,
        rows_done=end.rows_done,
        accepted=column.accepted + counts.accepted,
        replayed=column.replayed + counts.replayed,
        rejected=column.rejected + counts.rejected,
        failures=0,
        leased_until=until,
    )


def end(connection: Connection, import_id: UUID, state: ImportState, now: datetime, faults: str | None = None) -> None:
    """End an import; its file is needed no more."""
    ended = {"state": state, "ended_at": now, "faults": faults, "leased_by": None, "leased_until": None}
    change(connection, import_id, **ended)
    connection.execute(delete(import_piece).where(import_piece.c.file_id == import_id))


def change(connection: Connection, import_id: UUID, **values: Any) -> None:  # noqa: ANN401 - what its columns take
    """Set columns of an import."""
    connection.execute(update(import_file).where(import_file.c.id == import_id).values(values))


def renew(connection: Connection, import_id: UUID, worker: str, until: datetime) -> bool:
    """Prolong a worker's lease; tell whether it had it still."""
    own = (import_file.c.id == import_id) & (import_file.c.leased_by == worker)
    return connection.execute(update(import_file).where(own).values(leased_until=until)).rowcount == 1


def ended_before(connection: Connection, instant: datetime, rows_max: int) -> list[UUID]:
    """Return imports of which something is kept and which ended before an instant."""
    query = select(import_file.c.id).where(import_file.c.ended_at < instant, import_file.c.wrapped_key.is_not(None))
    return list(connection.execute(query.order_by(import_file.c.ended_at).limit(rows_max)).scalars())


def abandoned(connection: Connection, instant: datetime, rows_max: int) -> list[UUID]:
    """Return imports that began to be sent before an instant and were never sent whole."""
    query = select(import_file.c.id).where(
        import_file.c.state == ImportState.RECEIVING, import_file.c.created_at < instant
    )
    return list(connection.execute(query.limit(rows_max)).scalars())


def forget(connection: Connection, import_ids: Sequence[UUID]) -> None:
    """Delete all that is kept of imports but their figures, and the keys that would open it."""
    for table in (import_piece, import_answer):
        connection.execute(delete(table).where(member_of(connection, table.c.file_id, import_ids)))
    theirs = member_of(connection, import_file.c.id, import_ids)
    connection.execute(update(import_file).where(theirs).values(wrapped_key=None, sealed_plan=None))


def drop(connection: Connection, import_id: UUID) -> None:
    """Delete an import that came to nothing, with all of its pieces."""
    connection.execute(delete(import_piece).where(import_piece.c.file_id == import_id))
    connection.execute(delete(import_file).where(import_file.c.id == import_id))


def _is_free(now: datetime) -> ColumnElement[bool]:
    return or_(import_file.c.leased_until.is_(None), import_file.c.leased_until <= now)


def _import(row: Any) -> Import | None:  # noqa: ANN401 - a row of the table
    if row is None:
        return None
    return Import(
        id=row.id,
        institution_id=row.institution_id,
        client_id=row.client_id,
        state=ImportState(row.state),
        format=SheetFormat(row.format),
        mapping=row.mapping,
        mode=Mode(row.mode),
        encoding=row.encoding,
        wrapped_key=row.wrapped_key,
        sealed_plan=row.sealed_plan,
        faults=row.faults,
        bytes_total=row.bytes_total,
        rows_total=row.rows_total,
        cursor=Cursor(row.position, row.line, row.rows_done),
        counts=Counts(row.accepted, row.replayed, row.rejected),
        failures=row.failures,
        leased_by=row.leased_by,
        created_at=row.created_at,
        ended_at=row.ended_at,
    )


def lag(connection: Connection, rows_max: int) -> tuple[int, datetime | None]:
    """Return how many imports aren't at their end and since when the oldest of them is there, looking at a bound."""
    some = select(import_file.c.created_at).where(import_file.c.state.in_(WORKED_ON)).limit(rows_max).subquery()
    row = connection.execute(select(func.count(), func.min(some.c.created_at)).select_from(some)).one()
    return row[0], row[1]
