"""Requests for erasure: who asked for what to be forgotten, and who decided."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Column,
    Connection,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    Row,
    Select,
    String,
    Table,
    Uuid,
    select,
    tuple_,
)

from creditbank.storage.columns import Instant, catalogue
from creditbank.storage.database import for_update, member_of
from creditbank.storage.distribution import is_distributed
from creditbank.storage.locking import locked_rows
from creditbank.storage.people import is_known_to
from creditbank.storage.people import known_to as among_known
from creditbank.storage.sieving import sieved
from creditbank.storage.writing import append, rewrite, row_of

erasure_request = Table(
    "erasure_request",
    catalogue,
    Column("learner_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True, index=True),
    Column("state", String(16), nullable=False),
    Column("sealed_reason", LargeBinary),
    Column("requested_by", String(64), nullable=False),
    Column("requested_at", Instant, nullable=False),
    Column("sealed_verdict_reason", LargeBinary),
    Column("decided_by", String(64)),
    Column("decided_at", Instant),
    ForeignKeyConstraint(["learner_id"], ["learner.id"]),
    Index("ix_erasure_request_state_requested_at_id", "state", "requested_at", "id"),
    CheckConstraint("state IN ('open', 'withdrawn', 'declined', 'erased')", name="state"),
    CheckConstraint("(state = 'open') = (decided_at IS NULL)", name="decided_whole"),
)

OPEN = "open"
REFUSED = ("withdrawn", "declined")
"""How a request stands after which nobody is erased."""


@dataclass(frozen=True, slots=True)
class ErasureRequest:
    """A request as it stands; both reasons are sealed under the learner's key and go with it."""

    learner_id: UUID
    id: UUID
    state: str
    sealed_reason: bytes | None
    requested_by: str
    requested_at: datetime
    sealed_verdict_reason: bytes | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None


def place(column: str, request_id: UUID) -> str:
    """Return where a sealed text of a request belongs; it can't be opened anywhere else."""
    return f"erasure_request.{column}:{request_id}"


def add(connection: Connection, value: ErasureRequest) -> None:
    """Write a request."""
    append(connection, erasure_request, [row_of(value)])


def change(connection: Connection, value: ErasureRequest) -> None:
    """Write how a request stands."""
    rewrite(connection, erasure_request, [row_of(value)])


def by_id(connection: Connection, request_id: UUID) -> ErasureRequest | None:
    """Return one request."""
    row = connection.execute(select(erasure_request).where(erasure_request.c.id == request_id)).one_or_none()
    return None if row is None else _request(row)


def locked(connection: Connection, request_id: UUID) -> ErasureRequest | None:
    """Return one request, locked until the transaction ends."""
    query = select(erasure_request).where(erasure_request.c.id == request_id)
    found = locked_rows(connection, query, for_update)
    return _request(found[0]) if found else None


def of_people(connection: Connection, members: Sequence[UUID]) -> list[ErasureRequest]:
    """Return a person's requests, newest first."""
    theirs = member_of(connection, erasure_request.c.learner_id, members)
    newest_first = (erasure_request.c.requested_at.desc(), erasure_request.c.id.desc())
    return [_request(row) for row in connection.execute(select(erasure_request).where(theirs).order_by(*newest_first))]


def waiting(
    connection: Connection, known_to: UUID | None, after: tuple[datetime, UUID] | None, rows_max: int
) -> list[ErasureRequest]:
    """Return the requests that wait for a decision, newest first: of people whom an institution knows; None for any."""
    query = select(erasure_request).where(erasure_request.c.state == OPEN)
    if known_to is None:
        return _page(connection, query, after, rows_max)
    if not is_distributed(connection):
        return _page(connection, query.where(is_known_to(erasure_request.c.learner_id, known_to)), after, rows_max)

    def passing(some: Sequence[ErasureRequest]) -> list[ErasureRequest]:
        known = among_known(connection, {one.learner_id for one in some}, known_to)
        return [one for one in some if one.learner_id in known]

    pages = partial(_page, connection, query)
    return sieved(pages, passing, lambda one: (one.requested_at, one.id), after, rows_max)


def _page(
    connection: Connection, query: Select[Any], after: tuple[datetime, UUID] | None, rows_max: int
) -> list[ErasureRequest]:
    order = (erasure_request.c.requested_at, erasure_request.c.id)
    if after is not None:
        query = query.where(tuple_(*order) < tuple_(*after))
    rows = connection.execute(query.order_by(*(part.desc() for part in order)).limit(rows_max))
    return [_request(row) for row in rows]


def _request(row: Row[Any]) -> ErasureRequest:
    return ErasureRequest(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
