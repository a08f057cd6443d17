"""Delegations of review: which institution lets one below it decide in its place, and until when."""

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
    Row,
    String,
    Table,
    Text,
    Uuid,
    or_,
    select,
    tuple_,
)

from creditbank.storage.columns import Instant, catalogue
from creditbank.storage.database import for_update
from creditbank.storage.writing import append, rewrite, row_of

delegation = Table(
    "delegation",
    catalogue,
    Column("from_institution", Uuid, ForeignKey("institution.id"), primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("to_institution", Uuid, ForeignKey("institution.id"), nullable=False, index=True),
    Column("programme", String(64)),
    Column("valid_from", Date, nullable=False),
    Column("valid_until", Date),
    Column("reason", Text, nullable=False),
    Column("given_by", String(64), nullable=False),
    Column("given_at", Instant, nullable=False),
    Column("withdrawn_by", String(64)),
    Column("withdrawn_at", Instant),
    CheckConstraint("to_institution <> from_institution", name="to_another"),
    CheckConstraint("valid_until >= valid_from", name="valid"),
    CheckConstraint("(withdrawn_at IS NULL) = (withdrawn_by IS NULL)", name="withdrawn_whole"),
)


@dataclass(frozen=True, slots=True)
class Delegation:
    """A delegation, both days included; with a `programme` it covers only that one of the delegating institution."""

    from_institution: UUID
    id: UUID
    to_institution: UUID
    programme: str | None
    valid_from: date
    valid_until: date | None
    reason: str
    given_by: str
    given_at: datetime
    withdrawn_by: str | None = None
    withdrawn_at: datetime | None = None

    def is_in_force(self, day: date) -> bool:
        """Tell whether it counts on a day; one that was withdrawn counts no more at all."""
        return (
            self.withdrawn_at is None
            and self.valid_from <= day
            and (self.valid_until is None or day <= self.valid_until)
        )

    def covers(self, institution_id: UUID, programme: str) -> bool:
        """Tell whether it covers applications for a programme of an institution."""
        return self.programme is None or (self.from_institution, self.programme) == (institution_id, programme)


def in_force(connection: Connection, to_institution: UUID, day: date) -> list[Delegation]:
    """Return the delegations under which an institution acts on a day."""
    query = select(delegation).filter_by(to_institution=to_institution, withdrawn_at=None)
    found = (_delegation(row) for row in connection.execute(query.where(delegation.c.valid_from <= day)))
    return [one for one in found if one.is_in_force(day)]


def page(
    connection: Connection, institution_id: UUID, after: tuple[datetime, UUID] | None, rows_max: int
) -> list[Delegation]:
    """Return the delegations that an institution gave or was given, newest first."""
    place = (delegation.c.given_at, delegation.c.id)
    mine = or_(delegation.c.from_institution == institution_id, delegation.c.to_institution == institution_id)
    query = select(delegation).where(mine)
    if after is not None:
        query = query.where(tuple_(*place) < tuple_(*after))
    query = query.order_by(*(column.desc() for column in place)).limit(rows_max)
    return [_delegation(row) for row in connection.execute(query)]


def locked(connection: Connection, from_institution: UUID, delegation_id: UUID) -> Delegation | None:
    """Return one delegation; nobody else changes it until the transaction ends."""
    query = select(delegation).filter_by(from_institution=from_institution, id=delegation_id)
    row = connection.execute(for_update(connection, query)).one_or_none()
    return None if row is None else _delegation(row)


def add(connection: Connection, value: Delegation) -> None:
    """Write a new delegation."""
    append(connection, delegation, [row_of(value)])


def change(connection: Connection, value: Delegation) -> None:
    """Set where a delegation stands."""
    rewrite(connection, delegation, [row_of(value)])


def _delegation(row: Row[Any]) -> Delegation:
    """Return the value that a row holds."""
    return Delegation(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
