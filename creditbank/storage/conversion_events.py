"""What was done with applications for conversion: written down as it happens, never changed."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, Connection, ForeignKeyConstraint, Integer, String, Table, Text, Uuid, select

from creditbank.storage.columns import Instant, catalogue
from creditbank.storage.writing import append, row_of

conversion_event = Table(
    "conversion_event",
    catalogue,
    Column("learner_id", Uuid, primary_key=True),
    Column("conversion_id", Uuid, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("step", String(64)),
    Column("reason", Text),
    Column("actor", String(64), nullable=False),
    Column("institution_id", Uuid),
    Column("happened_at", Instant, nullable=False),
    ForeignKeyConstraint(["learner_id", "conversion_id"], ["conversion.learner_id", "conversion.id"]),
)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that was done with an application; written once."""

    learner_id: UUID
    conversion_id: UUID
    number: int
    kind: str
    step: str | None
    reason: str | None
    actor: str
    institution_id: UUID | None
    happened_at: datetime


def add(connection: Connection, event: Event) -> None:
    """Write down what was done."""
    append(connection, conversion_event, [row_of(event)])


def of(connection: Connection, learner_id: UUID, conversion_id: UUID) -> list[Event]:
    """Return what was done with an application, in its order."""
    query = select(conversion_event).where(
        conversion_event.c.learner_id == learner_id, conversion_event.c.conversion_id == conversion_id
    )
    rows = connection.execute(query.order_by(conversion_event.c.number))
    return [Event(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name for it
