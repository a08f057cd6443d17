"""The outbox: what happened, written in the transaction in which it did, until a worker has numbered it."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Connection, Table, Text, Uuid, func, select

from creditbank.core.entitlement import Basis
from creditbank.core.event import Event, EventType
from creditbank.formats.strict_json import text_of
from creditbank.storage.columns import Instant, catalogue
from creditbank.storage.writing import append, delete_rows

EVENTS_A_ROW = 100
"""Events that stand in one row, so that the events of a large batch are few rows, and no row is large."""

outbox = Table(
    "outbox",
    catalogue,
    Column("id", Uuid, primary_key=True),
    Column("happened_at", Instant, nullable=False),
    Column("events", Text, nullable=False),
)


def add(connection: Connection, events: Sequence[Event]) -> None:
    """Write the events of one transaction, in their order; each row goes by the id of its first one."""
    parts = [events[first : first + EVENTS_A_ROW] for first in range(0, len(events), EVENTS_A_ROW)]
    rows = [
        {"id": some[0].id, "happened_at": some[0].happened_at, "events": text_of([_document(one) for one in some])}
        for some in parts
    ]
    append(connection, outbox, rows, copied_rows_min=2)  # long texts in arrays cost the driver more


def waiting(connection: Connection, rows_max: int) -> tuple[list[UUID], list[Event]]:
    """Return the ids of some rows, in their order, and the events in them. What is seen of the outbox is committed."""
    rows = connection.execute(select(outbox).order_by(outbox.c.id).limit(rows_max)).all()
    events = [_event(one, row.happened_at) for row in rows for one in json.loads(row.events)]
    return [row.id for row in rows], events


def is_waiting(connection: Connection) -> bool:
    """Tell whether anything waits to be numbered."""
    return connection.execute(select(outbox.c.id).limit(1)).first() is not None


def lag(connection: Connection, rows_max: int) -> tuple[int, datetime | None]:
    """Return how many rows wait to be numbered and since when the oldest of them does, looking at a bound."""
    some = select(outbox.c.happened_at).order_by(outbox.c.id).limit(rows_max).subquery()
    row = connection.execute(select(func.count(), func.min(some.c.happened_at)).select_from(some)).one()
    return row[0], row[1]


def take_out(connection: Connection, row_ids: Sequence[UUID]) -> None:
    """Delete rows whose events are numbered."""
    delete_rows(connection, outbox, [{"id": one} for one in row_ids])


def _document(event: Event) -> list[Any]:
    """Return an event as it is written, ids and names as they are: turning them into texts is left to the JSON."""
    return [event.id, event.type, event.learner_id, event.ids, event.said, list(event.readers.items())]


def _event(document: list[Any], happened_at: datetime) -> Event:
    event_id, kind, learner_id, ids, said, readers = document
    return Event(
        id=UUID(event_id),
        type=EventType(kind),
        happened_at=happened_at,
        learner_id=UUID(learner_id),
        ids={name: UUID(value) for name, value in ids.items()},
        said=said,
        readers={UUID(reader): Basis(basis) for reader, basis in readers},
    )
