"""Deliveries: each event on its way to each webhook, until it came through or was given up; kept for a month."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    Row,
    Select,
    String,
    Table,
    Uuid,
    column,
    delete,
    func,
    select,
    table,
    tuple_,
    update,
)

from creditbank.core.webhook import Delivery, DeliveryFault, DeliveryState, WebhookState
from creditbank.storage.columns import Instant, catalogue
from creditbank.storage.writing import append, replace_rows, rewrite

webhook_delivery = Table(
    "webhook_delivery",
    catalogue,
    Column("webhook_id", Uuid, ForeignKey("webhook.id"), primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("learner_id", Uuid),
    Column("type", String(32), nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("queued_at", Instant, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("status", Integer),
    Column("fault", String(16)),
    Index("ix_webhook_delivery_webhook_id_state_number", "webhook_id", "state", "number"),
    Index("ix_webhook_delivery_webhook_id_learner_id_number", "webhook_id", "learner_id", "number"),
    Index("ix_webhook_delivery_ended_at", "ended_at"),
    CheckConstraint("state IN ('waiting', 'delivered', 'dead', 'withheld')", name="state"),
    CheckConstraint("(state = 'waiting') = (ended_at IS NULL)", name="ended"),
    CheckConstraint("attempts >= 0", name="attempts"),
    CheckConstraint("number >= 0", name="number"),
)

Place = tuple[datetime, UUID]
"""Where a delivery stands in a list: when it was queued, and its id."""

_webhook = table("webhook", column("id", Uuid), column("state", String))
_earlier = webhook_delivery.alias("earlier")
_WAITING = webhook_delivery.c.state == DeliveryState.WAITING.value


def queue(connection: Connection, found: Sequence[Delivery]) -> None:
    """Let events wait to be sent to webhooks that were never told of them."""
    append(connection, webhook_delivery, [_row(one) for one in found])


def queue_again(connection: Connection, found: Sequence[Delivery]) -> None:
    """Let events wait to be sent, also where they were sent before."""
    replace_rows(connection, webhook_delivery, [_row(one) for one in found])


def due(connection: Connection, webhook_id: UUID, now: datetime, rows_max: int) -> list[Delivery]:
    """Return what is to be sent to a webhook now, in the order of events.

    What is about a learner of whom an earlier event waits for another try waits with it: they come in their order.
    """
    mine = webhook_delivery
    is_free = ~_held_up_by(webhook_id, now, _earlier.c.id).exists()
    query = select(mine).where(mine.c.webhook_id == webhook_id, _WAITING, mine.c.due_at <= now, is_free)
    rows = connection.execute(query.order_by(mine.c.number, mine.c.id).limit(rows_max))
    return [_delivery(row) for row in rows]


def hold_up(connection: Connection, webhook_id: UUID, now: datetime) -> None:
    """Let what waits for an earlier event about the same learner be due with that, so that nobody looks for it."""
    mine = webhook_delivery
    is_held_up = _held_up_by(webhook_id, now, _earlier.c.id).exists()
    latest = _held_up_by(webhook_id, now, func.max(_earlier.c.due_at)).scalar_subquery()
    waiting = (mine.c.webhook_id == webhook_id) & _WAITING & (mine.c.due_at <= now) & is_held_up
    connection.execute(update(mine).where(waiting).values(due_at=latest))


def by_id(connection: Connection, webhook_id: UUID, delivery_id: UUID) -> Delivery | None:
    """Return one delivery to a webhook."""
    query = select(webhook_delivery).where(
        webhook_delivery.c.webhook_id == webhook_id, webhook_delivery.c.id == delivery_id
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else _delivery(row)


def change(connection: Connection, found: Sequence[Delivery]) -> None:
    """Write what became of deliveries; those that were forgotten meanwhile stay so."""
    rewrite(connection, webhook_delivery, [_row(one) for one in found])


def page(
    connection: Connection, webhook_id: UUID, state: DeliveryState | None, after: Place | None, rows_max: int
) -> list[Delivery]:
    """Return deliveries to a webhook, in a state if one is named, newest first."""
    place = (webhook_delivery.c.queued_at, webhook_delivery.c.id)
    query = select(webhook_delivery).where(webhook_delivery.c.webhook_id == webhook_id)
    if state is not None:
        query = query.where(webhook_delivery.c.state == state.value)
    if after is not None:
        query = query.where(tuple_(*place) < tuple_(*after))
    rows = connection.execute(query.order_by(*(part.desc() for part in place)).limit(rows_max))
    return [_delivery(row) for row in rows]


def remove(connection: Connection, webhook_id: UUID) -> None:
    """Forget all deliveries to a webhook."""
    connection.execute(delete(webhook_delivery).where(webhook_delivery.c.webhook_id == webhook_id))


def prune(connection: Connection, before: datetime, rows_max: int) -> int:
    """Forget deliveries that ended earlier; return how many went."""
    old = select(webhook_delivery.c.webhook_id, webhook_delivery.c.id).where(webhook_delivery.c.ended_at < before)
    keys = tuple_(webhook_delivery.c.webhook_id, webhook_delivery.c.id)
    return connection.execute(delete(webhook_delivery).where(keys.in_(old.limit(rows_max)))).rowcount


def _held_up_by(webhook_id: UUID, now: datetime, wanted: Any) -> Select[Any]:  # noqa: ANN401 - of any column
    """Return the query for earlier events about a delivery's learner that wait for another try."""
    return select(wanted).where(
        _earlier.c.webhook_id == webhook_id,
        _earlier.c.state == DeliveryState.WAITING.value,
        _earlier.c.learner_id == webhook_delivery.c.learner_id,
        _earlier.c.number < webhook_delivery.c.number,
        _earlier.c.due_at > now,
    )


def _row(value: Delivery) -> dict[str, Any]:
    return {
        "webhook_id": value.webhook_id,
        "id": value.id,
        "number": value.number,
        "learner_id": value.learner_id,
        "type": value.type,
        "state": value.state.value,
        "attempts": value.attempts,
        "queued_at": value.queued_at,
        "due_at": value.due_at,
        "ended_at": value.ended_at,
        "status": value.status,
        "fault": None if value.fault is None else value.fault.value,
    }


def _delivery(row: Row[Any]) -> Delivery:
    fault = None if row.fault is None else DeliveryFault(row.fault)
    return Delivery(**{**row._mapping, "state": DeliveryState(row.state), "fault": fault})  # noqa: SLF001 - its public name


def lag(connection: Connection, rows_max: int) -> tuple[int, datetime | None]:
    """Return how many deliveries wait and since when the oldest of them does, looking at no more than a bound.

    What waits until a webhook is turned on again doesn't count.
    """
    is_on = webhook_delivery.c.webhook_id.in_(
        select(_webhook.c.id).where(_webhook.c.state == WebhookState.ENABLED.value)
    )
    some = select(webhook_delivery.c.queued_at).where(is_on, _WAITING).limit(rows_max).subquery()
    row = connection.execute(select(func.count(), func.min(some.c.queued_at)).select_from(some)).one()
    return row[0], row[1]


def count_dead(connection: Connection, rows_max: int) -> int:
    """Return how many deliveries that were given up are kept, looking at no more than a bound."""
    theirs = webhook_delivery.c.webhook_id.in_(select(_webhook.c.id))  # by which their index is found
    some = select(webhook_delivery.c.id).where(theirs, webhook_delivery.c.state == DeliveryState.DEAD.value)
    return int(connection.execute(select(func.count()).select_from(some.limit(rows_max).subquery())).scalar_one())
