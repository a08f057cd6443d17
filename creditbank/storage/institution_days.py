"""What changes about an institution in time, appended and never rewritten: the region it stands in, and its end."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Column,
    Connection,
    Date,
    ForeignKey,
    Integer,
    Row,
    Select,
    String,
    Table,
    Text,
    Uuid,
    bindparam,
    select,
)

from creditbank.core.institution import Ending
from creditbank.storage.columns import Instant, catalogue
from creditbank.storage.database import member_of
from creditbank.storage.institutions import codes as institution_codes
from creditbank.storage.institutions import institution
from creditbank.storage.prepared import Form, Prepared
from creditbank.storage.writing import append, row_of

institution_region = Table(
    "institution_region",
    catalogue,
    Column("institution_id", Uuid, ForeignKey("institution.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("region_id", String(64), ForeignKey("region.id"), nullable=False),
    Column("from_day", Date, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("recorded_by", String(64), nullable=False),
    CheckConstraint("number >= 1", name="number"),
)

institution_end = Table(
    "institution_end",
    catalogue,
    Column("institution_id", Uuid, ForeignKey("institution.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("ended_on", Date),
    Column("successor_id", Uuid, ForeignKey("institution.id")),
    Column("reason", Text, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("recorded_by", String(64), nullable=False),
    CheckConstraint("number >= 1", name="number"),
    CheckConstraint("successor_id <> institution_id", name="another"),
    CheckConstraint("ended_on IS NOT NULL OR successor_id IS NULL", name="succeeded_when_ended"),
)


@dataclass(frozen=True, slots=True)
class Membership:
    """From which day on an institution stands in a region, as somebody wrote it down; numbered from 1."""

    institution_id: UUID
    number: int
    region_id: str
    from_day: date
    recorded_at: datetime
    recorded_by: str


@dataclass(frozen=True, slots=True)
class EndNote:
    """An end as somebody wrote it down; without a day it takes back what was written before. Numbered from 1."""

    institution_id: UUID
    number: int
    ended_on: date | None
    successor_id: UUID | None
    reason: str
    recorded_at: datetime
    recorded_by: str


def memberships(connection: Connection, institution_ids: Iterable[UUID] | None) -> dict[UUID, list[Membership]]:
    """Return where institutions stand, all of them for None, in the order in which it was written."""
    found: dict[UUID, list[Membership]] = {}
    query = select(institution_region).order_by(institution_region.c.institution_id, institution_region.c.number)
    for row in connection.execute(_among(connection, query, institution_region, institution_ids)):
        found.setdefault(row.institution_id, []).append(Membership(**row._mapping))  # noqa: SLF001 - its public name
    return found


def region_on(rows: Iterable[Membership], day: date) -> str | None:
    """Return the region that the latest row by a day names; of two with the same day the one written later counts."""
    by_then = [row for row in rows if row.from_day <= day]
    return max(by_then, key=lambda row: (row.from_day, row.number)).region_id if by_then else None


def end_notes(connection: Connection, institution_ids: Iterable[UUID]) -> dict[UUID, EndNote]:
    """Return what was written last about the end of each institution."""
    query = select(institution_end).order_by(institution_end.c.institution_id, institution_end.c.number)
    rows = connection.execute(_among(connection, query, institution_end, institution_ids))
    return {row.institution_id: _end_note(row) for row in rows}


def ending(connection: Connection, institution_id: UUID) -> Ending | None:
    """Return an institution's end, if one is known."""
    rows = _last_end.rows(connection, institution_id=institution_id)
    if not rows or rows[0].ended_on is None:
        return None
    return Ending(rows[0].ended_on, rows[0].successor_id, rows[0].successor_code, rows[0].reason)


@Prepared
def _last_end(_form: Form) -> Select[Any]:
    """Return the query for what was written last about the end of an institution."""
    joined = institution_end.outerjoin(institution, institution.c.id == institution_end.c.successor_id)
    query = select(institution_end, institution.c.code.label("successor_code")).select_from(joined)
    query = query.where(institution_end.c.institution_id == bindparam("institution_id"))
    return query.order_by(institution_end.c.number.desc()).limit(1)


def ended_by(connection: Connection, day: date) -> dict[str, Ending]:
    """Return the ends of the institutions whose last day is over, by their codes."""
    last = {}
    for row in connection.execute(select(institution_end).order_by(institution_end.c.number)):
        last[row.institution_id] = row
    over = {key: row for key, row in last.items() if row.ended_on is not None and row.ended_on < day}
    named = over.keys() | {row.successor_id for row in over.values() if row.successor_id is not None}
    codes = institution_codes(connection, named)
    return {
        codes[key]: Ending(row.ended_on, row.successor_id, codes.get(row.successor_id), row.reason)
        for key, row in over.items()
    }


def add_membership(connection: Connection, value: Membership) -> None:
    """Write where an institution stands. Written by somebody else meanwhile: Raced."""
    append(connection, institution_region, [row_of(value)])


def add_end_note(connection: Connection, value: EndNote) -> None:
    """Write an end. Written by somebody else meanwhile: Raced."""
    append(connection, institution_end, [row_of(value)])


def _among(connection: Connection, query: Select[Any], table: Table, ids: Iterable[UUID] | None) -> Select[Any]:
    """Return the query for some institutions, or for all."""
    return query if ids is None else query.where(member_of(connection, table.c.institution_id, sorted(set(ids))))


def _end_note(row: Row[Any]) -> EndNote:
    """Return the note that a row holds."""
    return EndNote(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
