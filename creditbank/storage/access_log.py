"""The diary of reads: who saw what of a learner, when and on which basis; lines are written once and never end."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Connection, String, Table, Uuid, select, tuple_

from creditbank.core.entitlement import Sight
from creditbank.storage.columns import Instant, catalogue
from creditbank.storage.database import member_of
from creditbank.storage.prepared import Prepared
from creditbank.storage.writing import CALM, append, append_without_waiting, driven

access_log = Table(
    "access_log",
    catalogue,
    Column("learner_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("happened_at", Instant, nullable=False),
    Column("reader", String(64), nullable=False),
    Column("institution_id", Uuid),
    Column("sight", String(16), nullable=False),
    Column("basis", String(64), nullable=False),
    Column("request_id", String(64), nullable=False),
)


@dataclass(frozen=True, slots=True)
class DiaryLine:
    """One sight of a learner's data by somebody else; `reader` is a client or a member of staff."""

    learner_id: UUID
    id: UUID
    happened_at: datetime
    reader: str
    institution_id: UUID | None
    sight: Sight
    basis: str
    request_id: str


def add(connection: Connection, lines: Sequence[DiaryLine]) -> None:
    """Write lines."""
    append(connection, access_log, [_row(line) for line in lines])


def add_at_once(connection: Connection, lines: Sequence[DiaryLine]) -> None:
    """Write lines in a statement that is a transaction of its own, seen by everybody before the read is answered.

    On PostgreSQL it doesn't wait for the disk: a machine that loses power may forget the reads of its last half
    second, whose answers were on their way; a server that crashes or is killed forgets none.
    """
    append_without_waiting(connection, access_log, [_row(line) for line in lines])


def rows_noted(connection: Connection, query: Prepared, line: DiaryLine) -> Sequence[Any]:
    """Return what a query finds of the learner for the line's institution; if it is anything, the line is written.

    As for `add_at_once`, and on PostgreSQL in the same statement. The query takes `learner_id` and `institution_id`;
    its rows come in no order.
    """
    row = _row(line)
    asked = {"learner_id": line.learner_id, "institution_id": line.institution_id}
    if connection.dialect.name == "postgresql":
        sent = query.sent(connection, asked)
        return driven(connection, _noting_sql(sent.sql), {**sent.values, **row}).fetchall()
    rows = query.rows(connection, **asked)
    if rows:
        append(connection, access_log, [row])
    return rows


@cache
def _noting_sql(query: str) -> str:
    """Return the statement that runs the query and writes a line of the diary if it finds anything."""
    names = [column.name for column in access_log.columns]
    values = ", ".join(f"%({name})s" for name in names)
    return (
        f"WITH found AS MATERIALIZED ({query}), {CALM}, noted AS (INSERT INTO access_log ({', '.join(names)})"  # noqa: S608
        f" SELECT {values} FROM calm WHERE EXISTS (SELECT FROM found)) SELECT * FROM found"
    )


def page(
    connection: Connection, members: Sequence[UUID], after: tuple[datetime, UUID] | None, rows_max: int
) -> list[DiaryLine]:
    """Return the lines about a person's accounts, newest first."""
    place = (access_log.c.happened_at, access_log.c.id)
    query = select(access_log).where(member_of(connection, access_log.c.learner_id, members))
    if after is not None:
        query = query.where(tuple_(*place) < tuple_(*after))
    query = query.order_by(*(part.desc() for part in place)).limit(rows_max)
    return [
        DiaryLine(**{**row._mapping, "sight": Sight(row.sight)})  # noqa: SLF001 - SQLAlchemy's public name for it
        for row in connection.execute(query)
    ]


def _row(line: DiaryLine) -> dict[str, object]:
    return {
        "learner_id": line.learner_id,
        "id": line.id,
        "happened_at": line.happened_at,
        "reader": line.reader,
        "institution_id": line.institution_id,
        "sight": line.sight.value,
        "basis": line.basis,
        "request_id": line.request_id,
    }
