"""Cases on awards: what they rest on was revoked or corrected since; each for its reviewer to decide."""

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

qualification_case = Table(
    "qualification_case",
    catalogue,
    Column("learner_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True, index=True),
    Column("award_id", Uuid, nullable=False),
    Column("outcome_id", Uuid, nullable=False),
    Column("institution_id", Uuid, nullable=False, index=True),
    Column("state", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("missing", Text, nullable=False),
    Column("opened_at", Instant, nullable=False),
    Column("verdict", String(16)),
    Column("verdict_reason", Text),
    Column("decided_by", String(64)),
    Column("decided_at", Instant),
    Column("decision_id", Uuid),
    ForeignKeyConstraint(["learner_id", "award_id"], ["qualification_award.learner_id", "qualification_award.id"]),
    CheckConstraint("state IN ('open', 'decided')", name="state"),
    CheckConstraint("verdict IN ('uphold', 'revoke')", name="verdict"),
    CheckConstraint("(state = 'decided') = (verdict IS NOT NULL)", name="decided_whole"),
)


@dataclass(frozen=True, slots=True)
class AwardCase:
    """A case; `outcome_id` is the one that was revoked or corrected, `missing` a JSON list of what is missing now."""

    learner_id: UUID
    id: UUID
    award_id: UUID
    outcome_id: UUID
    institution_id: UUID
    state: str
    reason: str
    missing: str
    opened_at: datetime
    verdict: str | None = None
    verdict_reason: str | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None
    decision_id: UUID | None = None


def add(connection: Connection, value: AwardCase) -> None:
    """Open a case."""
    append(connection, qualification_case, [row_of(value)])


def change(connection: Connection, value: AwardCase) -> None:
    """Set where a case stands."""
    rewrite(connection, qualification_case, [row_of(value)])


def by_id(connection: Connection, case_id: UUID) -> AwardCase | None:
    """Return one case."""
    row = connection.execute(select(qualification_case).where(qualification_case.c.id == case_id)).one_or_none()
    return None if row is None else _case(row)


def locked(connection: Connection, case_id: UUID) -> AwardCase | None:
    """Return one case, locked until the transaction ends."""
    found = locked_rows(connection, select(qualification_case).where(qualification_case.c.id == case_id), for_update)
    return _case(found[0]) if found else None


def page(
    connection: Connection, institution_id: UUID | None, after: tuple[datetime, UUID] | None, rows_max: int
) -> list[AwardCase]:
    """Return cases, newest first, of one reviewer if it is given.

    A reviewer's are without those of learners who are restricted or erased.
    """
    query = select(qualification_case)
    if institution_id is None:
        return _page(connection, query, after, rows_max)
    query = query.where(qualification_case.c.institution_id == institution_id)
    if not is_distributed(connection):
        return _page(connection, query.where(is_open_to_others(qualification_case.c.learner_id)), after, rows_max)

    def passing(some: Sequence[AwardCase]) -> list[AwardCase]:
        shown = open_to_others(connection, {one.learner_id for one in some})
        return [one for one in some if one.learner_id in shown]

    pages = partial(_page, connection, query)
    return sieved(pages, passing, lambda one: (one.opened_at, one.id), after, rows_max)


def _page(
    connection: Connection, query: Select[Any], after: tuple[datetime, UUID] | None, rows_max: int
) -> list[AwardCase]:
    place = (qualification_case.c.opened_at, qualification_case.c.id)
    if after is not None:
        query = query.where(tuple_(*place) < tuple_(*after))
    rows = connection.execute(query.order_by(*(column.desc() for column in place)).limit(rows_max))
    return [_case(row) for row in rows]


def _case(row: Row[Any]) -> AwardCase:
    return AwardCase(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
