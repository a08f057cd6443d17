"""Numbering: committed events get numbers, who is told of each is written down, and they wait for webhooks.

An id can be there before its row is seen: whoever read by ids would miss what commits late. One transaction at a time
numbers what it sees, which is committed, behind all that is numbered already.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection

from creditbank.core.calendar import bank_day
from creditbank.core.entitlement import Basis
from creditbank.core.event import CONSENTABLE, KEPT_DAYS, Event, stronger
from creditbank.core.veil import Veil
from creditbank.core.webhook import Delivery, DeliveryState, Webhook
from creditbank.services.bank import Bank
from creditbank.storage import deliveries, events, institutions, outbox, partners, people, webhooks
from creditbank.storage.database import is_alone

JOB = "events"
"""Under which name one worker keeps others from numbering."""

ROWS_MAX = {"postgresql": 100, "sqlite": 20}
"""Rows of the outbox, of up to a hundred events, in one transaction: on SQLite everybody who writes waits for it."""

PRUNED_ROWS = 5_000
"""Events, and deliveries, that one transaction forgets."""

REPLAYED_ROWS = 2_000
"""Events that one transaction lets be sent again."""


def number(bank: Bank) -> int:
    """Number all events that wait, and return how many; none where somebody else numbers. Raised: Unavailable."""
    numbered = 0
    while bank.database.read(outbox.is_waiting):
        some = number_some(bank)
        if not some:
            break
        numbered += some
    return numbered


def number_some(bank: Bank) -> int:
    """Number the events of the next rows in one transaction; return how many."""
    with bank.database.transaction() as connection:
        if not is_alone(connection, JOB):
            return 0
        row_ids, found = outbox.waiting(connection, ROWS_MAX[connection.dialect.name])
        now = bank.clock()
        readers = _readers(connection, found, now)
        numbers = events.number(connection, found, readers, now)
        _queue(connection, found, (numbers, readers), now)
        outbox.take_out(connection, row_ids)
    return len(found)


def prune(bank: Bank) -> int:
    """Forget events that are too old, and return how many. Raised: Unavailable."""
    pruned = 0
    while True:
        with bank.database.transaction() as connection:
            before = bank.clock() - timedelta(days=KEPT_DAYS)
            gone = events.prune(connection, before, PRUNED_ROWS)
            ended = deliveries.prune(connection, before, PRUNED_ROWS)
        pruned += gone + ended
        if max(gone, ended) < PRUNED_ROWS:
            return pruned


def replay(bank: Bank) -> int:
    """Let events that are asked for again wait to be sent, and return how many. Raised: Unavailable, Raced."""
    queued = 0
    while bank.database.read(webhooks.is_replaying):
        some = _replay_some(bank)
        if some is None:
            break
        queued += some
    return queued


def _replay_some(bank: Bank) -> int | None:
    """Queue the next events of one webhook; None where somebody else is at it."""
    with bank.database.transaction() as connection:
        wanted = webhooks.replaying(connection)
        if wanted is None:
            return None
        webhook, now = wanted.webhook, bank.clock()
        rows = (wanted.until, REPLAYED_ROWS)
        found = events.page(connection, webhook.institution_id, wanted.after, webhook.types, rows)
        name = _names(connection, [webhook])[webhook.institution_id]
        deliveries.queue_again(connection, [_delivery(webhook, one.number, one.event, now, name) for one in found])
        is_done = len(found) < REPLAYED_ROWS
        after, until = (None, None) if is_done else (found[-1].number, wanted.until)
        webhooks.replay(connection, webhook.id, after, until)
    return len(found)


def _queue(
    connection: Connection,
    found: Sequence[Event],
    numbered: tuple[Sequence[int], Sequence[Mapping[UUID, Basis]]],
    now: datetime,
) -> None:
    """Let events wait to be sent to the webhooks of those who are told of them."""
    told = {reader for readers in numbered[1] for reader in readers}
    listening: dict[UUID, list[Webhook]] = {}
    for webhook in webhooks.enabled(connection) if told else []:
        if webhook.institution_id in told:
            listening.setdefault(webhook.institution_id, []).append(webhook)
    names = _names(connection, [webhook for theirs in listening.values() for webhook in theirs])
    deliveries.queue(
        connection,
        [
            _delivery(webhook, number, event, now, names[reader])
            for event, number, readers in zip(found, *numbered, strict=True)
            for reader in readers
            for webhook in listening.get(reader, ())
            if webhook.wants(event.type)
        ],
    )


def _names(connection: Connection, found: Sequence[Webhook]) -> dict[UUID, Veil]:
    """Return how ids are shown to the institutions of some webhooks."""
    ids = {one.institution_id for one in found}
    if not ids:
        return {}
    secrets = partners.secrets_of(connection, institutions.mere_partners(connection, ids))
    return {one: Veil(secrets.get(one)) for one in ids}


def _delivery(webhook: Webhook, number: int, event: Event, now: datetime, veil: Veil) -> Delivery:
    delivery_id = UUID(veil.id(event.id))
    state = DeliveryState.WAITING
    return Delivery(webhook.id, delivery_id, number, event.learner_id, event.type, state, 0, now, now)


def _readers(connection: Connection, found: Sequence[Event], now: datetime) -> list[Mapping[UUID, Basis]]:
    """Return who is told of each: those with a part in it, and those to whom the learner consented by now.

    Whether a consent covers it and is in force still is asked when it is told.
    """
    asked = {one.learner_id for one in found if one.noun in CONSENTABLE}
    whose = people.people(connection, asked)
    members = sorted({member for one in whose.values() for member in one.members})
    consented = events.consented_to(connection, members, bank_day(now)) if members else {}
    told: list[Mapping[UUID, Basis]] = []
    for one in found:
        readers = dict(one.readers)
        if one.learner_id in whose and one.noun in CONSENTABLE:
            for reader in {found for member in whose[one.learner_id].members for found in consented.get(member, ())}:
                readers[reader] = stronger(Basis.CONSENT, readers.get(reader))
        told.append(readers)
    return told
