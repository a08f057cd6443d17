"""Delivering: what waits for a webhook is sent to it, in its order, until it comes through or three days are over."""

import random
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog

from creditbank.core.calendar import instant_text
from creditbank.core.event import PING
from creditbank.core.permission import PARTNER_SCOPES, Actor
from creditbank.core.webhook import (
    SLOW_SECONDS,
    TRIED,
    Delivery,
    DeliveryState,
    DisabledFor,
    Result,
    Webhook,
    asked_seconds,
    pause_seconds,
    rest_seconds,
)
from creditbank.formats.strict_json import text_of
from creditbank.formats.webhook_signing import signed_headers
from creditbank.gateways import metrics
from creditbank.gateways.webhook_sender import Message, Session, WebhookSender
from creditbank.services.bank import Bank, Work, looked_up
from creditbank.services.events import SCOPE, told
from creditbank.storage import clients, deliveries, events, webhooks
from creditbank.storage.webhooks import secret_before_place, secret_place

log = structlog.get_logger()

DELIVERIES_MAX = 50
"""Deliveries that are read, sent and written down together: so many come twice where a worker is killed."""

TURN_SECONDS = 5.0
"""How long one webhook is served before others have their turn."""

LEASE = timedelta(seconds=30)
"""How long a webhook is a worker's: longer than a turn and the longest delivery behind it; then others may have it."""

_GONE = 410
_AGENT = "creditbank-webhooks/1"


@dataclass(frozen=True, slots=True)
class _Letter:
    """A delivery with what is sent; None where it may not be told any more."""

    delivery: Delivery
    document: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class _Bag:
    """What is sent to a webhook in one go, and the secrets with which it is signed."""

    letters: tuple[_Letter, ...]
    secrets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Round:
    """What came of a bag: what became of deliveries, how the webhook stands, and how long it asks to be left alone."""

    ended: tuple[Delivery, ...]
    standing: Webhook
    is_slow: bool
    asked: float


def claim(bank: Bank, rows_max: int, *, is_slow: bool) -> list[Webhook]:
    """Claim webhooks for which something is due, of those that answer quickly or of the slow ones.

    Raised: Unavailable, Raced.
    """
    now = bank.clock()
    if rows_max <= 0 or not bank.database.read(lambda connection: webhooks.is_due(connection, now)):
        return []
    with bank.database.transaction() as connection:
        return webhooks.claim(connection, now, now + LEASE, is_slow=is_slow, rows_max=rows_max)


def deliver(bank: Bank, sender: WebhookSender, claimed: Webhook) -> int:
    """Serve a claimed webhook for one turn, and give it back; return how much came through.

    Refused: TryLater. Raised: Unavailable, Raced.
    """
    turn_ends, came_through, is_done = time.monotonic() + TURN_SECONDS, 0, False
    last = _Round((), claimed, is_slow=False, asked=0.0)
    with sender.session() as session:
        while not is_done:
            bag = _bag(bank, claimed)
            if bag is None:
                _disable(bank, claimed, DisabledFor.CLIENT_INACTIVE)
                return came_through
            last = _carried(bank, session, last.standing, bag)
            with bank.database.transaction() as connection:
                deliveries.change(connection, last.ended)
                if not bag.letters:
                    deliveries.hold_up(connection, claimed.id, bank.clock())
            came_through += sum(one.state is DeliveryState.DELIVERED for one in last.ended)
            is_full = len(last.ended) == len(bag.letters) == DELIVERIES_MAX
            is_done = not is_full or last.standing.failures > 0 or time.monotonic() > turn_ends
    _give_back(bank, claimed, last)
    return came_through


def deliver_all(bank: Bank, sender: WebhookSender) -> int:
    """Serve all webhooks for which something is due, one after the other; return how much came through."""
    came_through = 0
    for is_slow in (False, True):
        while claimed := claim(bank, 1, is_slow=is_slow):
            came_through += deliver(bank, sender, claimed[0])
    return came_through


def _bag(bank: Bank, claimed: Webhook) -> _Bag | None:
    """Return what is due to be sent to a webhook, with lines in learners' diaries; None if its client may not ask.

    Consents are asked for now, as when a client reads. What is tried again was seen, and noted, the first time.
    """
    membership = bank.membership(claimed.client_id)
    client = bank.database.read(lambda connection: clients.by_id(connection, claimed.client_id))
    if client is None or membership is None or not client.is_active or SCOPE not in client.scopes:
        return None
    place = (membership.institution_id, membership.code)
    actor = Actor(f"webhook:{claimed.id}", client.scopes, *place, institution_roles=membership.roles)
    if actor.is_partner:
        actor = replace(actor, scopes=actor.scopes & PARTNER_SCOPES)
    return looked_up(bank, actor, lambda work: _Bag(_letters(work, claimed), _secrets(work, claimed)))


def _letters(work: Work, claimed: Webhook) -> tuple[_Letter, ...]:
    due = deliveries.due(work.connection, claimed.id, work.now, DELIVERIES_MAX)
    tried = [one.number for one in due if one.attempts and one.number]
    fresh = [one.number for one in due if not one.attempts and one.number]
    documents: dict[int, dict[str, Any] | None] = {}
    for numbers in (fresh, tried):
        sights = list(work.sights)
        found = events.some(work.connection, claimed.institution_id, numbers) if numbers else []
        documents |= {one.number: document for one, document in zip(found, told(work, found), strict=True)}
        if numbers is tried:
            work.sights[:] = sights
    return tuple(_Letter(one, documents.get(one.number) if one.number else _ping(one)) for one in due)


def _ping(delivery: Delivery) -> dict[str, Any]:
    queued = instant_text(delivery.queued_at)
    return {"id": str(delivery.id), "type": PING, "timestamp": queued, "ordering_key": None, "data": {}}


def _secrets(work: Work, claimed: Webhook) -> tuple[str, ...]:
    """Return the secrets that count, the newest first; none where it was changed or deleted since it was claimed."""
    found = webhooks.by_id(work.connection, claimed.id)
    if found is None or found.revision != claimed.revision:
        return ()
    now = work.keyring.opened_bank(found.sealed_secret, secret_place(found.id))
    if found.sealed_secret_before is None or found.before_until is None or found.before_until <= work.now:
        return (now,)
    return (now, work.keyring.opened_bank(found.sealed_secret_before, secret_before_place(found.id)))


def _carried(bank: Bank, session: Session, standing: Webhook, bag: _Bag) -> _Round:
    """Send letter by letter, and return what came of it.

    Nothing more is sent where it fails several times in a row or asks to be left alone, nor about a learner of whom
    something failed.
    """
    ended: list[Delivery] = []
    held_up: set[UUID] = set()
    is_slow, asked = False, 0.0
    begun = time.monotonic()
    for letter in bag.letters:
        if letter.delivery.learner_id in held_up or not bag.secrets:
            continue
        if letter.document is None:
            ended.append(replace(letter.delivery, state=DeliveryState.WITHHELD, ended_at=bank.clock()))
            metrics.webhook_deliveries_total.labels(DeliveryState.WITHHELD.value).inc()
            continue
        result = session.send(_message(standing, letter, bag.secrets, bank.clock()))
        metrics.webhook_deliveries_total.labels((result.fault or DeliveryState.DELIVERED).value).inc()
        ended.append(after(letter.delivery, result, bank.clock()))
        standing = _standing(standing, result, bank.clock())
        asked = asked_seconds(result.retry_after, bank.clock())
        is_slow = is_slow or result.seconds > SLOW_SECONDS or not result.is_delivered
        if not result.is_delivered and letter.delivery.learner_id is not None:
            held_up.add(letter.delivery.learner_id)
        is_over = asked or rest_seconds(standing.failures, 0) or result.status == _GONE
        if is_over or time.monotonic() - begun > TURN_SECONDS:
            break
    return _Round(tuple(ended), standing, is_slow, asked)


def _message(claimed: Webhook, letter: _Letter, secrets: Iterable[str], now: datetime) -> Message:
    assert letter.document is not None, "it may be told"
    body = text_of(letter.document).encode()
    headers = signed_headers(str(letter.delivery.id), now, body, secrets)
    return Message(claimed.url, {**headers, "Content-Type": "application/json", "User-Agent": _AGENT}, body)


def after(delivery: Delivery, result: Result, now: datetime) -> Delivery:
    """Return how a delivery stands after a try."""
    attempts = delivery.attempts + 1
    tried = replace(delivery, attempts=attempts, status=result.status, fault=result.fault)
    if result.is_delivered:
        return replace(tried, state=DeliveryState.DELIVERED, ended_at=now)
    if now - delivery.queued_at >= TRIED:
        return replace(tried, state=DeliveryState.DEAD, ended_at=now)
    pause = pause_seconds(attempts, random.random())  # noqa: S311 - spreads load, no secret
    return replace(tried, due_at=now + timedelta(seconds=max(pause, asked_seconds(result.retry_after, now))))


def _standing(standing: Webhook, result: Result, now: datetime) -> Webhook:
    if result.is_delivered:
        return replace(standing, failures=0, failing_since=None)
    gone = DisabledFor.GONE if result.status == _GONE else standing.disabled_for
    since = standing.failing_since or now
    return replace(standing, failures=standing.failures + 1, failing_since=since, disabled_for=gone)


def _give_back(bank: Bank, claimed: Webhook, last: _Round) -> None:
    """Let others have the webhook, after a rest where it fails; disable it where that lasts, or it is gone.

    Where its institution changed or woke it meanwhile, how it answered before doesn't count.
    """
    now, standing = bank.clock(), last.standing
    rests = max(last.asked, rest_seconds(standing.failures, random.random()))  # noqa: S311 - as above
    with bank.database.transaction() as connection:
        webhooks.release(connection, claimed.id, now, is_slow=last.is_slow)
        is_as_claimed = webhooks.note_answers(connection, claimed, standing, now + timedelta(seconds=rests))
    if not is_as_claimed:
        return
    if standing.disabled_for is DisabledFor.GONE:
        _disable(bank, claimed, DisabledFor.GONE)
    elif standing.failing_since is not None and now - standing.failing_since >= TRIED:
        _disable(bank, claimed, DisabledFor.FAILING)


def _disable(bank: Bank, claimed: Webhook, why: DisabledFor) -> None:
    log.warning("webhook_disabled", webhook=str(claimed.id), reason=why.value)
    with bank.database.transaction() as connection:
        webhooks.disable(connection, claimed, why)
