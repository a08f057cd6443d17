"""Webhooks: where institutions want to be told of events, and which of them a worker is at."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Connection,
    Integer,
    LargeBinary,
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

from creditbank.core.webhook import DeliveryState, DisabledFor, Health, Webhook, WebhookState, health
from creditbank.storage.columns import Instant, catalogue
from creditbank.storage.database import for_change, for_reference, for_update, unless_locked
from creditbank.storage.writing import append, rewrite

webhook = Table(
    "webhook",
    catalogue,
    Column("id", Uuid, primary_key=True),
    Column("institution_id", Uuid, nullable=False, index=True),
    Column("client_id", String(64), nullable=False),
    Column("url", String(500), nullable=False),
    Column("types", String(500), nullable=False),
    Column("description", String(200), nullable=False),
    Column("state", String(16), nullable=False),
    Column("disabled_for", String(16)),
    Column("sealed_secret", LargeBinary, nullable=False),
    Column("sealed_secret_before", LargeBinary),
    Column("before_until", Instant),
    Column("revision", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("failing_since", Instant),
    Column("is_slow", Boolean(name="is_slow"), nullable=False),
    Column("rests_until", Instant, nullable=False),
    Column("leased_until", Instant, nullable=False),
    Column("replay_after", BigInteger),
    Column("replay_until", BigInteger),
    CheckConstraint("state IN ('enabled', 'disabled')", name="state"),
    CheckConstraint("(state = 'disabled') = (disabled_for IS NOT NULL)", name="says_why"),
    CheckConstraint("(sealed_secret_before IS NULL) = (before_until IS NULL)", name="secret_before"),
    CheckConstraint("(replay_after IS NULL) = (replay_until IS NULL)", name="replay"),
    CheckConstraint("failures >= 0", name="failures"),
)

_delivery = table("webhook_delivery", column("webhook_id", Uuid), column("state", String), column("due_at", Instant))

Place = tuple[datetime, UUID]
"""Where a webhook stands in a list: when it was registered, and its id."""


@dataclass(frozen=True, slots=True)
class Replay:
    """A webhook to which events are sent again: those behind a number and up to another one."""

    webhook: Webhook
    after: int
    until: int


def secret_place(webhook_id: UUID) -> str:
    """Return where a webhook's secret is sealed."""
    return f"webhook.secret:{webhook_id}"


def secret_before_place(webhook_id: UUID) -> str:
    """Return where the secret before is sealed."""
    return f"webhook.secret_before:{webhook_id}"


def by_id(connection: Connection, webhook_id: UUID) -> Webhook | None:
    """Return one webhook."""
    row = connection.execute(select(webhook).where(webhook.c.id == webhook_id)).one_or_none()
    return None if row is None else _webhook(row)


def locked(connection: Connection, webhook_id: UUID) -> Webhook | None:
    """Return one webhook and keep others from changing it until the transaction ends."""
    query = for_change(connection, select(webhook).where(webhook.c.id == webhook_id))
    row = connection.execute(query).one_or_none()
    return None if row is None else _webhook(row)


def locked_whole(connection: Connection, webhook_id: UUID) -> Webhook | None:
    """Return one webhook to be forgotten, when all who queue something for it have ended; nobody begins meanwhile."""
    query = for_update(connection, select(webhook).where(webhook.c.id == webhook_id))
    row = connection.execute(query).one_or_none()
    return None if row is None else _webhook(row)


def page(connection: Connection, institution_id: UUID, after: Place | None, rows_max: int) -> list[Webhook]:
    """Return an institution's webhooks, newest first."""
    place = (webhook.c.created_at, webhook.c.id)
    query = select(webhook).where(webhook.c.institution_id == institution_id)
    if after is not None:
        query = query.where(tuple_(*place) < tuple_(*after))
    rows = connection.execute(query.order_by(*(part.desc() for part in place)).limit(rows_max))
    return [_webhook(row) for row in rows]


def count(connection: Connection, institution_id: UUID) -> int:
    """Return how many webhooks an institution has."""
    query = select(func.count()).select_from(webhook).where(webhook.c.institution_id == institution_id)
    return int(connection.execute(query).scalar_one())


def count_by_health(connection: Connection) -> Counter[Health]:
    """Return how many webhooks of all institutions do well, or how they do."""
    stand = (webhook.c.state, webhook.c.disabled_for, webhook.c.failing_since.is_not(None).label("is_failing"))
    counted: Counter[Health] = Counter()
    for row in connection.execute(select(*stand, func.count().label("webhooks")).group_by(*stand)):
        why = None if row.disabled_for is None else DisabledFor(row.disabled_for)
        counted[health(WebhookState(row.state), why, is_failing=row.is_failing)] += row.webhooks
    return counted


def enabled(connection: Connection) -> list[Webhook]:
    """Return all webhooks to which something is sent, some for each institution; none of them goes meanwhile."""
    query = select(webhook).where(webhook.c.state == WebhookState.ENABLED.value).order_by(webhook.c.id)
    return [_webhook(row) for row in connection.execute(for_reference(connection, query))]


def add(connection: Connection, value: Webhook) -> None:
    """Register a webhook at which nobody is; it counts as slow until it was quick once."""
    free = {"is_slow": True, "rests_until": value.created_at, "leased_until": value.created_at}
    append(connection, webhook, [_row(value) | free])


def change(connection: Connection, value: Webhook) -> None:
    """Set what its institution says of it."""
    rewrite(connection, webhook, [_row(value)])


def wake(connection: Connection, webhook_id: UUID, now: datetime) -> None:
    """Let it be tried at once, however it failed."""
    rewrite(connection, webhook, [{"id": webhook_id, "failures": 0, "failing_since": None, "rests_until": now}])


def remove(connection: Connection, webhook_id: UUID) -> None:
    """Forget a webhook whose deliveries are forgotten."""
    connection.execute(delete(webhook).where(webhook.c.id == webhook_id))


def claim(connection: Connection, now: datetime, until: datetime, *, is_slow: bool, rows_max: int) -> list[Webhook]:
    """Return webhooks for which something is due and at which nobody is, the least recently served first.

    They are the caller's until an instant, unless given back before. Those that others claim just now are passed over.
    """
    query = (
        _due(now).where(webhook.c.is_slow.is_(is_slow)).order_by(webhook.c.leased_until, webhook.c.id).limit(rows_max)
    )
    rows = connection.execute(unless_locked(connection, query)).all()
    rewrite(connection, webhook, [{"id": row.id, "leased_until": until} for row in rows])
    return [_webhook(row) for row in rows]


def is_due(connection: Connection, now: datetime) -> bool:
    """Tell whether there is a webhook to claim, for who would else take SQLite's only write lock to see that."""
    return connection.execute(_due(now).limit(1)).first() is not None


def release(connection: Connection, webhook_id: UUID, now: datetime, *, is_slow: bool) -> None:
    """Let others have a webhook."""
    rewrite(connection, webhook, [{"id": webhook_id, "is_slow": is_slow, "leased_until": now}])


def note_answers(connection: Connection, claimed: Webhook, standing: Webhook, rests_until: datetime) -> bool:
    """Write how a webhook answered, unless it was changed or woken since it was claimed; tell whether it wasn't."""
    is_as_claimed = (webhook.c.revision == claimed.revision) & (webhook.c.failures == claimed.failures)
    values = {"failures": standing.failures, "failing_since": standing.failing_since, "rests_until": rests_until}
    change = update(webhook).where(webhook.c.id == claimed.id, is_as_claimed).values(values)
    return connection.execute(change).rowcount == 1


def disable(connection: Connection, found: Webhook, why: DisabledFor) -> None:
    """Send nothing more, if anything is sent and it was not changed meanwhile."""
    is_it = (webhook.c.id == found.id) & (webhook.c.revision == found.revision)
    is_it &= webhook.c.state == WebhookState.ENABLED.value
    values = {"state": WebhookState.DISABLED.value, "disabled_for": why.value, "revision": webhook.c.revision + 1}
    connection.execute(update(webhook).where(is_it).values(values))


def replay(connection: Connection, webhook_id: UUID, after: int | None, until: int | None) -> None:
    """Let events behind a number and up to another one be sent again; None where that is done."""
    rewrite(connection, webhook, [{"id": webhook_id, "replay_after": after, "replay_until": until}])


def replayed_behind(connection: Connection, webhook_id: UUID) -> int | None:
    """Return behind which number events are to be sent again to a webhook; None where none are."""
    query = select(webhook.c.replay_after).where(webhook.c.id == webhook_id)
    return connection.execute(query).scalar_one_or_none()


def replaying(connection: Connection) -> Replay | None:
    """Return a webhook to which events are to be sent again, unless somebody is at it."""
    query = select(webhook).where(webhook.c.replay_after.is_not(None)).order_by(webhook.c.id).limit(1)
    row = connection.execute(unless_locked(connection, query)).one_or_none()
    return None if row is None else Replay(_webhook(row), row.replay_after, row.replay_until)


def is_replaying(connection: Connection) -> bool:
    """Tell whether events are to be sent again."""
    return (
        connection.execute(select(webhook.c.id).where(webhook.c.replay_after.is_not(None)).limit(1)).first() is not None
    )


def _due(now: datetime) -> Select[Any]:
    """Return the query for webhooks for which something is due and at which nobody is."""
    is_theirs = (_delivery.c.webhook_id == webhook.c.id) & (_delivery.c.state == DeliveryState.WAITING.value)
    return select(webhook).where(
        webhook.c.state == WebhookState.ENABLED.value,
        webhook.c.rests_until <= now,
        webhook.c.leased_until <= now,
        select(_delivery.c.state).where(is_theirs, _delivery.c.due_at <= now).exists(),
    )


def _row(value: Webhook) -> dict[str, Any]:
    return {
        "id": value.id,
        "institution_id": value.institution_id,
        "client_id": value.client_id,
        "url": value.url,
        "types": " ".join(value.types),
        "description": value.description,
        "state": value.state.value,
        "disabled_for": None if value.disabled_for is None else value.disabled_for.value,
        "sealed_secret": value.sealed_secret,
        "sealed_secret_before": value.sealed_secret_before,
        "before_until": value.before_until,
        "revision": value.revision,
        "created_at": value.created_at,
        "failures": value.failures,
        "failing_since": value.failing_since,
    }


def _webhook(row: Row[Any]) -> Webhook:
    return Webhook(
        id=row.id,
        institution_id=row.institution_id,
        client_id=row.client_id,
        url=row.url,
        types=tuple(row.types.split()),
        description=row.description,
        state=WebhookState(row.state),
        disabled_for=None if row.disabled_for is None else DisabledFor(row.disabled_for),
        sealed_secret=row.sealed_secret,
        sealed_secret_before=row.sealed_secret_before,
        before_until=row.before_until,
        revision=row.revision,
        created_at=row.created_at,
        failures=row.failures,
        failing_since=row.failing_since,
    )
