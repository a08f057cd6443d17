"""Requests for correction: what a learner says is wrong, to the institution that recorded it, and its answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Column,
    ColumnElement,
    Connection,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    Row,
    String,
    Table,
    Uuid,
    select,
    tuple_,
)

from creditbank.storage.columns import Instant, catalogue
from creditbank.storage.database import for_update, member_of
from creditbank.storage.locking import locked_rows
from creditbank.storage.people import is_there
from creditbank.storage.writing import append, rewrite, row_of

correction_request = Table(
    "correction_request",
    catalogue,
    Column("learner_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True, index=True),
    Column("institution_id", Uuid, nullable=False),
    Column("outcome_id", Uuid),
    Column("field", String(16)),
    Column("sealed_says", LargeBinary, nullable=False),
    Column("sealed_wants", LargeBinary, nullable=False),
    Column("opened_by", String(64), nullable=False),
    Column("opened_at", Instant, nullable=False),
    Column("verdict", String(16)),
    Column("sealed_reason", LargeBinary),
    Column("answered_by", String(64)),
    Column("answered_at", Instant),
    ForeignKeyConstraint(["learner_id"], ["learner.id"]),
    Index("ix_correction_request_institution_id", "institution_id", "opened_at", "id"),
    CheckConstraint("(outcome_id IS NULL) <> (field IS NULL)", name="about_one"),
    CheckConstraint("field IN ('name', 'birth_date', 'identifier')", name="field"),
    CheckConstraint("verdict IN ('corrected', 'declined')", name="verdict"),
    CheckConstraint("(verdict IS NULL) = (answered_at IS NULL)", name="answered_whole"),
)


@dataclass(frozen=True, slots=True)
class CorrectionRequest:
    """A request about an outcome, or about a field of the account; its texts are sealed under the learner's key."""

    learner_id: UUID
    id: UUID
    institution_id: UUID
    outcome_id: UUID | None
    field: str | None
    sealed_says: bytes
    sealed_wants: bytes
    opened_by: str
    opened_at: datetime
    verdict: str | None = None
    sealed_reason: bytes | None = None
    answered_by: str | None = None
    answered_at: datetime | None = None


def place(column: str, request_id: UUID) -> str:
    """Return where a sealed text of a request belongs; it can't be opened anywhere else."""
    return f"correction_request.{column}:{request_id}"


def add(connection: Connection, value: CorrectionRequest) -> None:
    """Write a request."""
    append(connection, correction_request, [row_of(value)])


def change(connection: Connection, value: CorrectionRequest) -> None:
    """Write how a request was answered."""
    rewrite(connection, correction_request, [row_of(value)])


def locked(connection: Connection, request_id: UUID) -> CorrectionRequest | None:
    """Return one request, locked until the transaction ends."""
    query = select(correction_request).where(correction_request.c.id == request_id)
    found = locked_rows(connection, query, for_update)
    return _request(found[0]) if found else None


def of_people(
    connection: Connection, members: Sequence[UUID], after: tuple[datetime, UUID] | None, rows_max: int
) -> list[CorrectionRequest]:
    """Return a person's requests, newest first."""
    theirs = member_of(connection, correction_request.c.learner_id, members)
    return _page(connection, theirs, after, rows_max)


def addressed_to(
    connection: Connection, institution_id: UUID, after: tuple[datetime, UUID] | None, rows_max: int
) -> list[CorrectionRequest]:
    """Return the requests that an institution has to answer or answered, newest first, of learners not erased since."""
    theirs = correction_request.c.institution_id == institution_id
    return _page(connection, theirs & is_there(correction_request.c.learner_id), after, rows_max)


def _page(
    connection: Connection, condition: ColumnElement[bool], after: tuple[datetime, UUID] | None, rows_max: int
) -> list[CorrectionRequest]:
    place = (correction_request.c.opened_at, correction_request.c.id)
    query = select(correction_request).where(condition)
    if after is not None:
        query = query.where(tuple_(*place) < tuple_(*after))
    rows = connection.execute(query.order_by(*(part.desc() for part in place)).limit(rows_max))
    return [_request(row) for row in rows]


def _request(row: Row[Any]) -> CorrectionRequest:
    return CorrectionRequest(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
