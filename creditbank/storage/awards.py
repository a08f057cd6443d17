"""Awards of qualifications: where each stands, the outcomes on which it rests, and what was done with it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Column,
    Connection,
    Date,
    ForeignKeyConstraint,
    Index,
    Integer,
    Row,
    String,
    Table,
    Text,
    Uuid,
    select,
)

from creditbank.storage.columns import Instant, catalogue
from creditbank.storage.database import member_of
from creditbank.storage.writing import append, rewrite, row_of

STANDING = ("in_force", "in_review")
"""The states in which an award counts; one in review counts until it is decided."""

qualification_award = Table(
    "qualification_award",
    catalogue,
    Column("learner_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("code", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    Column("level", String(64), nullable=False),
    Column("decision_id", Uuid, nullable=False),
    Column("institution_id", Uuid),
    Column("reviewer_id", Uuid, nullable=False),
    Column("awarded_on", Date, nullable=False),
    Column("valid_until", Date),
    Column("state", String(16), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    ForeignKeyConstraint(["learner_id"], ["learner.id"]),
    CheckConstraint("state IN ('in_force', 'in_review', 'revoked', 'superseded')", name="state"),
    CheckConstraint("revision >= 1", name="revision"),
    CheckConstraint("valid_until IS NULL OR valid_until >= awarded_on", name="valid"),
)

qualification_source = Table(
    "qualification_source",
    catalogue,
    Column("learner_id", Uuid, primary_key=True),
    Column("award_id", Uuid, primary_key=True),
    Column("outcome_id", Uuid, primary_key=True),
    Column("recorded_at", Instant, nullable=False),
    ForeignKeyConstraint(["learner_id", "award_id"], ["qualification_award.learner_id", "qualification_award.id"]),
)

qualification_event = Table(
    "qualification_event",
    catalogue,
    Column("learner_id", Uuid, primary_key=True),
    Column("award_id", Uuid, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("reason", Text),
    Column("actor", String(64), nullable=False),
    Column("institution_id", Uuid),
    Column("happened_at", Instant, nullable=False),
    ForeignKeyConstraint(["learner_id", "award_id"], ["qualification_award.learner_id", "qualification_award.id"]),
    CheckConstraint(
        "kind IN ('awarded', 'review_opened', 'upheld', 'revoked', 'superseded')",
        name="kind",
    ),
)

Index("ix_qualification_award_id", qualification_award.c.id)
Index(
    "uq_qualification_award_standing",
    qualification_award.c.learner_id,
    qualification_award.c.code,
    qualification_award.c.level,
    unique=True,
    sqlite_where=qualification_award.c.state.in_(STANDING),
    postgresql_where=qualification_award.c.state.in_(STANDING),
)


@dataclass(frozen=True, slots=True)
class Award:
    """An award as it stands. `institution_id` awarded it, None where the rules did; `reviewer_id` decides its cases.

    `revision` counts what was done with it; `valid_until` is its last day, None where it lasts for life.
    """

    learner_id: UUID
    id: UUID
    code: str
    version: int
    level: str
    decision_id: UUID
    institution_id: UUID | None
    reviewer_id: UUID
    awarded_on: date
    valid_until: date | None
    state: str
    revision: int
    recorded_at: datetime

    def counts_on(self, day: date) -> bool:
        """Tell whether it counts on a day: it stands, and its last day isn't over."""
        return self.state in STANDING and (self.valid_until is None or day <= self.valid_until)


@dataclass(frozen=True, slots=True)
class AwardEvent:
    """Something that was done with an award; written once. `number` is the award's revision with it."""

    learner_id: UUID
    award_id: UUID
    number: int
    kind: str
    reason: str | None
    actor: str
    institution_id: UUID | None
    happened_at: datetime


def add(connection: Connection, value: Award, sources: Iterable[UUID]) -> None:
    """Write an award with the outcomes on which it rests. One of the same level that stands: Raced."""
    append(connection, qualification_award, [row_of(value)])
    rows = [
        {"learner_id": value.learner_id, "award_id": value.id, "outcome_id": one, "recorded_at": value.recorded_at}
        for one in sorted(sources)
    ]
    append(connection, qualification_source, rows)


def change(connection: Connection, value: Award, event: AwardEvent) -> None:
    """Set where an award stands, and write down what was done with it."""
    rewrite(connection, qualification_award, [row_of(value)])
    note(connection, event)


def note(connection: Connection, event: AwardEvent) -> None:
    """Write down what was done with an award."""
    append(connection, qualification_event, [row_of(event)])


def standing(connection: Connection, members: Sequence[UUID]) -> list[Award]:
    """Return a person's awards that stand, whatever their last day, oldest first."""
    query = select(qualification_award).where(qualification_award.c.state.in_(STANDING))
    theirs = query.where(member_of(connection, qualification_award.c.learner_id, members))
    rows = connection.execute(theirs.order_by(qualification_award.c.recorded_at, qualification_award.c.id))
    return [_award(row) for row in rows]


def sources(connection: Connection, award: Award) -> Sequence[UUID]:
    """Return the outcomes on which an award rests."""
    query = select(qualification_source.c.outcome_id).filter_by(learner_id=award.learner_id, award_id=award.id)
    return connection.execute(query).scalars().all()


def by_id(connection: Connection, learner_id: UUID, award_id: UUID) -> Award | None:
    """Return one award on an account."""
    query = select(qualification_award).filter_by(learner_id=learner_id, id=award_id)
    row = connection.execute(query).one_or_none()
    return None if row is None else _award(row)


def wherever(connection: Connection, award_id: UUID) -> Award | None:
    """Return one award, on whosever account."""
    query = select(qualification_award).where(qualification_award.c.id == award_id)
    row = connection.execute(query).one_or_none()
    return None if row is None else _award(row)


def _award(row: Row[Any]) -> Award:
    return Award(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
