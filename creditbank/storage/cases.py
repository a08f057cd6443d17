"""Cases: approved conversions whose outcome was revoked since, each for the accepting institution to decide."""

import json
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
    Row,
    Select,
    String,
    Table,
    Text,
    Uuid,
    select,
    tuple_,
)

from creditbank.storage.columns import Instant, catalogue
from creditbank.storage.database import for_update
from creditbank.storage.distribution import is_distributed
from creditbank.storage.locking import locked_rows
from creditbank.storage.people import is_open_to_others, open_to_others
from creditbank.storage.sieving import sieved
from creditbank.storage.writing import append, rewrite, row_of

conversion_case = Table(
    "conversion_case",
    catalogue,
    Column("learner_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True, index=True),
    Column("conversion_id", Uuid, nullable=False),
    Column("outcome_id", Uuid, nullable=False),
    Column("institution_id", Uuid, nullable=False, index=True),
    Column("state", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("dependents", Text, nullable=False),
    Column("opened_at", Instant, nullable=False),
    Column("verdict", String(16)),
    Column("verdict_reason", Text),
    Column("decided_by", String(64)),
    Column("decided_at", Instant),
    Column("decision_id", Uuid),
    ForeignKeyConstraint(["learner_id", "conversion_id"], ["conversion.learner_id", "conversion.id"]),
    CheckConstraint("state IN ('open', 'decided')", name="state"),
    CheckConstraint("verdict IN ('uphold', 'undo')", name="verdict"),
    CheckConstraint("(state = 'decided') = (verdict IS NOT NULL)", name="decided_whole"),
)


@dataclass(frozen=True, slots=True)
class Case:
    """A case; `dependents` is a JSON list of what rests on the outcome."""

    learner_id: UUID
    id: UUID
    conversion_id: UUID
    outcome_id: UUID
    institution_id: UUID
    state: str
    reason: str
    dependents: str
    opened_at: datetime
    verdict: str | None
    verdict_reason: str | None
    decided_by: str | None
    decided_at: datetime | None
    decision_id: UUID | None

    def listed(self) -> list[dict[str, Any]]:
        """Return everything that rests on the outcome."""
        found: list[dict[str, Any]] = json.loads(self.dependents)
        return found


def add(connection: Connection, value: Case) -> None:
    """Open a case."""
    append(connection, conversion_case, [row_of(value)])


def change(connection: Connection, value: Case) -> None:
    """Set where a case stands."""
    rewrite(connection, conversion_case, [row_of(value)])


def by_id(connection: Connection, case_id: UUID) -> Case | None:
    """Return one case."""
    row = connection.execute(select(conversion_case).where(conversion_case.c.id == case_id)).one_or_none()
    return None if row is None else _case(row)


def is_open_on(connection: Connection, conversion_id: UUID) -> bool:
    """Tell whether a case about a conversion waits to be decided."""
    query = select(conversion_case.c.id).filter_by(conversion_id=conversion_id, state="open")
    return connection.execute(query).first() is not None


def locked(connection: Connection, case_id: UUID) -> Case | None:
    """Return one case, locked until the transaction ends."""
    found = locked_rows(connection, select(conversion_case).where(conversion_case.c.id == case_id), for_update)
    return _case(found[0]) if found else None


def page(
    connection: Connection, institution_id: UUID | None, after: tuple[datetime, UUID] | None, rows_max: int
) -> list[Case]:
    """Return cases, newest first, of one accepting institution if it is given.

    An institution's are without those of learners who are restricted or erased.
    """
    query = select(conversion_case)
    if institution_id is None:
        return _page(connection, query, after, rows_max)
    query = query.where(conversion_case.c.institution_id == institution_id)
    if not is_distributed(connection):
        return _page(connection, query.where(is_open_to_others(conversion_case.c.learner_id)), after, rows_max)

    def passing(some: Sequence[Case]) -> list[Case]:
        shown = open_to_others(connection, {one.learner_id for one in some})
        return [one for one in some if one.learner_id in shown]

    pages = partial(_page, connection, query)
    return sieved(pages, passing, lambda one: (one.opened_at, one.id), after, rows_max)


def _page(connection: Connection, query: Select[Any], after: tuple[datetime, UUID] | None, rows_max: int) -> list[Case]:
    place = (conversion_case.c.opened_at, conversion_case.c.id)
    if after is not None:
        query = query.where(tuple_(*place) < tuple_(*after))
    rows = connection.execute(query.order_by(*(column.desc() for column in place)).limit(rows_max))
    return [_case(row) for row in rows]


def _case(row: Row[Any]) -> Case:
    return Case(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
