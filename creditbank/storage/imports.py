"""Imports under way and ended: how each is to be taken, how far it is, and what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    Integer,
    LargeBinary,
    Select,
    String,
    Table,
    Text,
    Uuid,
    delete,
    func,
    select,
    tuple_,
    update,
)

from creditbank.core.importing import OPEN, WORKED_ON, Counts, Cursor, ImportState, Mode, SheetFormat
from creditbank.storage import import_lanes
from creditbank.storage.columns import Instant, catalogue
from creditbank.storage.database import for_change, for_claim, member_of
from creditbank.storage.import_lanes import Lane, import_lane, lane_in
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
    Column("lanes", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("ended_at", Instant, index=True),
    CheckConstraint("state IN ('receiving', 'waiting', 'posting', 'done', 'refused', 'cancelled')", name="state"),
    CheckConstraint("format IN ('csv', 'xlsx', 'ndjson')", name="format"),
    CheckConstraint("mode IN ('rows', 'all')", name="mode"),
    CheckConstraint("accepted >= 0 AND replayed >= 0 AND rejected >= 0", name="counts"),
    CheckConstraint("rows_done >= 0 AND (rows_total IS NULL OR rows_done <= rows_total)", name="rows_done"),
    CheckConstraint("(ended_at IS NOT NULL) = (state IN ('done', 'refused', 'cancelled'))", name="ended_whole"),
    CheckConstraint("lanes > 0", name="lanes"),
)


@dataclass(frozen=True, slots=True)
class Import:
    """A file that is imported; `faults` is a JSON text, `wrapped_key` opens all that is kept of it.

    Its rows are shared by so many `lanes`.
    """

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
    rows_done: int
    counts: Counts
    lanes: int
    failures: int
    created_at: datetime
    ended_at: datetime | None


def add(connection: Connection, value: Import) -> None:
    """Write down an import, which begins with one lane."""
    row = {name: kept for name, kept in row_of(value).items() if name != "counts"}
    connection.execute(import_file.insert().values(row | row_of(value.counts)))
    import_lanes.add(connection, Lane(value.id, 0, Cursor()))


def by_id(connection: Connection, import_id: UUID) -> Import | None:
    """Return one import."""
    return _import(connection.execute(select(import_file).where(import_file.c.id == import_id)).one_or_none())


def locked(connection: Connection, import_id: UUID) -> Import | None:
    """Return an import, which nobody else changes till the transaction ends; rows of it may be booked meanwhile."""
    query = for_change(connection, select(import_file).where(import_file.c.id == import_id))
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
    """Tell whether there is a lane that nobody works on: asked before a lease is tried, which writes."""
    return connection.execute(_waiting(now).limit(1)).first() is not None


def leased(
    connection: Connection, worker: str, lease: tuple[datetime, datetime], import_id: UUID | None = None
) -> tuple[Import, Lane] | None:
    """Give a lane of the oldest import that has one to a worker, or of the import that is named; None without any.

    The lease is from now until an instant; one that has run out counts no more.
    """
    now, until = lease
    waiting = _waiting(now)
    if import_id is not None:
        waiting = waiting.where(import_file.c.id == import_id)
    oldest = waiting.order_by(import_file.c.created_at, import_file.c.id, import_lane.c.number).limit(1)
    row = connection.execute(for_claim(connection, oldest, of=import_lane)).one_or_none()
    if row is None:
        return None
    lane = replace(lane_in(row), leased_by=worker)
    import_lanes.change(connection, lane, leased_by=worker, leased_until=until)
    found = by_id(connection, lane.file_id)
    assert found is not None, "its lane was there"
    return found, lane


def advance(connection: Connection, lane: Lane, done: tuple[Cursor, int, Counts], until: datetime) -> bool:
    """Note how far a lane is, how many rows that were and what came of them, and prolong its lease.

    Tell whether that was noted: an import that was stopped meanwhile stays as it is.
    """
    end, rows, counts = done
    import_lanes.change(connection, lane, position=end.position, line=end.line, leased_until=until)
    column = import_file.c
    noted = (
        update(import_file)
        .where(column.id == lane.file_id, column.state == ImportState.POSTING)
        .values(
            rows_done=column.rows_done + rows,
            accepted=column.accepted + counts.accepted,
            replayed=column.replayed + counts.replayed,
            rejected=column.rejected + counts.rejected,
            failures=0,
        )
    )
    return connection.execute(noted).rowcount == 1


def end(connection: Connection, import_id: UUID, state: ImportState, now: datetime, faults: str | None = None) -> None:
    """End an import; its file is needed no more."""
    change(connection, import_id, state=state, ended_at=now, faults=faults)
    connection.execute(delete(import_piece).where(import_piece.c.file_id == import_id))


def change(connection: Connection, import_id: UUID, **values: Any) -> None:  # noqa: ANN401 - what its columns take
    """Set columns of an import."""
    connection.execute(update(import_file).where(import_file.c.id == import_id).values(values))


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
    import_lanes.drop(connection, import_ids)
    for table in (import_piece, import_answer):
        connection.execute(delete(table).where(member_of(connection, table.c.file_id, import_ids)))
    theirs = member_of(connection, import_file.c.id, import_ids)
    connection.execute(update(import_file).where(theirs).values(wrapped_key=None, sealed_plan=None))


def drop(connection: Connection, import_id: UUID) -> None:
    """Delete an import that came to nothing, with all of its pieces."""
    import_lanes.drop(connection, [import_id])
    connection.execute(delete(import_piece).where(import_piece.c.file_id == import_id))
    connection.execute(delete(import_file).where(import_file.c.id == import_id))


def _waiting(now: datetime) -> Select[Any]:
    """Return the query for lanes that nobody works on."""
    joined = import_lane.join(import_file, import_file.c.id == import_lane.c.file_id)
    is_waiting = import_file.c.state.in_(WORKED_ON) & import_lanes.is_free(now)
    return select(import_lane).select_from(joined).where(is_waiting)


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
        rows_done=row.rows_done,
        counts=Counts(row.accepted, row.replayed, row.rejected),
        lanes=row.lanes,
        failures=row.failures,
        created_at=row.created_at,
        ended_at=row.ended_at,
    )


def lag(connection: Connection, rows_max: int) -> tuple[int, datetime | None]:
    """Return how many imports aren't at their end and since when the oldest of them is there, looking at a bound."""
    some = select(import_file.c.created_at).where(import_file.c.state.in_(WORKED_ON)).limit(rows_max).subquery()
    row = connection.execute(select(func.count(), func.min(some.c.created_at)).select_from(some)).one()
    return row[0], row[1]
