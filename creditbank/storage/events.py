"""Events in the order in which they were numbered, with who is told of each; kept for a month.

One worker numbers what is committed, and numbers have no gaps: whoever has read up to a number misses nothing.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    Date,
    Row,
    Select,
    String,
    Table,
    Text,
    Uuid,
    column,
    delete,
    func,
    select,
    table,
)

from creditbank.core.entitlement import Basis
from creditbank.core.event import Event, EventType
from creditbank.formats.strict_json import text_of
from creditbank.storage.columns import Instant, catalogue
from creditbank.storage.database import member_of
from creditbank.storage.writing import append

event = Table(
    "event",
    catalogue,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("id", Uuid, nullable=False, unique=True),
    Column("type", String(32), nullable=False),
    Column("happened_at", Instant, nullable=False),
    Column("numbered_at", Instant, nullable=False, index=True),
    Column("learner_id", Uuid, nullable=False),
    Column("content", Text, nullable=False),
    CheckConstraint("number > 0", name="number"),
)

event_reader = Table(
    "event_reader",
    catalogue,
    Column("institution_id", Uuid, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False, index=True),
    Column("basis", String(16), nullable=False),
    CheckConstraint("basis IN ('issued', 'part', 'known', 'consent')", name="basis"),
)

_consent = table(
    "consent",
    column("learner_id", Uuid),
    column("id", Uuid),
    column("institution_id", Uuid),
    column("valid_until", Date),
)
_affiliation = table("affiliation", column("learner_id", Uuid), column("institution_id", Uuid))
_withdrawal = table("consent_withdrawal", column("learner_id", Uuid), column("consent_id", Uuid))


@dataclass(frozen=True, slots=True)
class Numbered:
    """An event with its number and, for one institution, the basis on which it is told of it."""

    number: int
    event: Event
    basis: Basis


def newest(connection: Connection) -> int:
    """Return the highest number that was given; 0 before the first event."""
    return int(connection.execute(select(func.max(event.c.number))).scalar_one() or 0)


def oldest(connection: Connection) -> int:
    """Return the lowest number that is kept; 1 before the first event."""
    return int(connection.execute(select(func.min(event.c.number))).scalar_one() or 1)


def number(
    connection: Connection, found: Sequence[Event], readers: Sequence[Mapping[UUID, Basis]], now: datetime
) -> list[int]:
    """Give events the next numbers and say who is told of each; return the numbers. One transaction at a time does."""
    first = newest(connection) + 1
    rows = [
        {
            "number": first + place,
            "id": one.id,
            "type": one.type.value,
            "happened_at": one.happened_at,
            "numbered_at": now,
            "learner_id": one.learner_id,
            "content": text_of([{name: str(value) for name, value in one.ids.items()}, one.said]),
        }
        for place, one in enumerate(found)
    ]
    append(connection, event, rows)
    told = [
        {"institution_id": reader, "number": first + place, "basis": basis.value}
        for place, theirs in enumerate(readers)
        for reader, basis in theirs.items()
    ]
    append(connection, event_reader, told)
    return [first + place for place in range(len(found))]


def consented_to(connection: Connection, learner_ids: Sequence[UUID], on: date) -> dict[UUID, set[UUID]]:
    """Return by account the institutions to which its learner has a consent in force, whatever its scopes."""
    is_withdrawn = (_withdrawal.c.learner_id == _consent.c.learner_id) & (_withdrawal.c.consent_id == _consent.c.id)
    query = select(_consent.c.learner_id, _consent.c.institution_id).where(
        member_of(connection, _consent.c.learner_id, learner_ids),
        _consent.c.valid_until >= on,
        ~select(_withdrawal.c.consent_id).where(is_withdrawn).exists(),
    )
    found: dict[UUID, set[UUID]] = {}
    for row in connection.execute(query):
        found.setdefault(row.learner_id, set()).add(row.institution_id)
    return found


def knowing(connection: Connection, learner_ids: Sequence[UUID]) -> set[UUID]:
    """Return the institutions that know any of the learners."""
    theirs = member_of(connection, _affiliation.c.learner_id, learner_ids)
    return set(connection.execute(select(_affiliation.c.institution_id).where(theirs)).scalars())


def page(
    connection: Connection, institution_id: UUID, after: int, types: Sequence[str], rows: tuple[int, int]
) -> list[Numbered]:
    """Return events of which an institution is told, behind a number and of some types (all if none is named).

    `rows` are the highest number that is looked at, and how many are returned at most.
    """
    newest_number, rows_max = rows
    query = _told(institution_id).where(event_reader.c.number > after, event_reader.c.number <= newest_number)
    if types:
        query = query.where(event.c.type.in_(types))
    return [_numbered(row) for row in connection.execute(query.order_by(event_reader.c.number).limit(rows_max))]


def some(connection: Connection, institution_id: UUID, numbers: Sequence[int]) -> list[Numbered]:
    """Return those events under some numbers of which an institution is told."""
    query = _told(institution_id).where(member_of(connection, event_reader.c.number, numbers))
    return [_numbered(row) for row in connection.execute(query.order_by(event_reader.c.number))]


def since(connection: Connection, at: datetime) -> int:
    """Return the number before the first event that was numbered at an instant or later."""
    first = connection.execute(select(func.min(event.c.number)).where(event.c.numbered_at >= at)).scalar_one()
    return newest(connection) if first is None else int(first) - 1


def prune(connection: Connection, before: datetime, rows_max: int) -> int:
    """Forget events that were numbered earlier, the oldest first, but never the newest; return how many went."""
    old = select(event.c.number).where(event.c.numbered_at < before, event.c.number < newest(connection))
    numbers = list(connection.execute(old.order_by(event.c.number).limit(rows_max)).scalars())
    if numbers:
        connection.execute(delete(event_reader).where(member_of(connection, event_reader.c.number, numbers)))
        connection.execute(delete(event).where(member_of(connection, event.c.number, numbers)))
    return len(numbers)


def _told(institution_id: UUID) -> Select[Any]:
    """Return the query for what an institution is told of."""
    joined = event_reader.join(event, event.c.number == event_reader.c.number)
    query = select(event, event_reader.c.basis).select_from(joined)
    return query.where(event_reader.c.institution_id == institution_id)


def _numbered(row: Row[Any]) -> Numbered:
    ids, said = json.loads(row.content)
    told = Event(
        id=row.id,
        type=EventType(row.type),
        happened_at=row.happened_at,
        learner_id=row.learner_id,
        ids={name: UUID(value) for name, value in ids.items()},
        said=said,
        readers={},
    )
    return Numbered(row.number, told, Basis(row.basis))
