"""Webhooks: where events are sent, how long it is tried, and when it is given up."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from uuid import UUID

TRIED = timedelta(days=3)
"""How long a delivery is tried, and how long an endpoint may fail, before it is given up."""

FIRST_PAUSE_SECONDS = 5.0
"""Before the second try; each further pause is so many times longer, up to the longest."""

PAUSE_GROWTH = 3.0
PAUSE_SECONDS_MAX = 4 * 3600.0

FAILURES_BORNE = 3
"""Failures in a row after which an endpoint is left alone for a while, whatever waits for it."""

REST_SECONDS_MAX = 3600.0
"""The longest time that it is left alone: so long after it is back it hears of it."""

SECRET_OVERLAP = timedelta(hours=24)
"""How long deliveries are signed with the secret before, too, after it was changed."""

SLOW_SECONDS = 2.0
"""An endpoint that takes longer for one delivery counts as slow, and shares its couriers with others of its kind."""


class WebhookState(StrEnum):
    """Whether anything is sent."""

    ENABLED = "enabled"
    DISABLED = "disabled"


class DisabledFor(StrEnum):
    """Why nothing is sent any more."""

    ASKED = "asked"
    """Its institution turned it off."""
    FAILING = "failing"
    """Nothing came through for three days."""
    GONE = "gone"
    """It answered 410."""
    CLIENT_INACTIVE = "client_inactive"
    """The client that registered it gets no more tokens, or has the scope no longer."""


class Health(StrEnum):
    """How a webhook does, as its operator sees it."""

    SOUND = "sound"
    FAILING = "failing"
    """It is tried, and nothing comes through just now."""
    PAUSED = "paused"
    """The bank turned it off, for whichever reason."""
    OFF = "off"
    """Its institution turned it off."""


class DeliveryState(StrEnum):
    """What became of a delivery."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"
    """It was tried for three days in vain."""
    WITHHELD = "withheld"
    """It may not be told any more: a consent was withdrawn, a learner restricted their data."""


class DeliveryFault(StrEnum):
    """What kept a delivery from coming through."""

    ADDRESS_REFUSED = "address_refused"
    """The name leads to an address to which the bank doesn't connect."""
    NAME_UNKNOWN = "name_unknown"
    UNREACHABLE = "unreachable"
    """Nobody answers there, or not with a certificate that counts."""
    TIMEOUT = "timeout"
    NOT_HTTP = "not_http"
    REDIRECT = "redirect"
    """It answered with another address; nothing is sent there."""
    STATUS = "status"
    """It answered with something else than 2xx."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a try gave: the status that was answered, or what went wrong; `seconds` is how long it took.

    `retry_after` is what a receiver that was too busy said of when it wants to be asked again, as it said it.
    """

    fault: DeliveryFault | None
    status: int | None
    seconds: float
    retry_after: str = ""

    @property
    def is_delivered(self) -> bool:
        """Tell whether it came through."""
        return self.fault is None


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where an institution wants to be told of events; `types` is empty for all."""

    id: UUID
    institution_id: UUID
    client_id: str
    url: str
    types: tuple[str, ...]
    description: str
    state: WebhookState
    disabled_for: DisabledFor | None
    sealed_secret: bytes
    sealed_secret_before: bytes | None
    before_until: datetime | None
    revision: int
    created_at: datetime
    failures: int
    failing_since: datetime | None

    def wants(self, kind: str) -> bool:
        """Tell whether it is told of events of a type."""
        return not self.types or kind in self.types


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to one webhook, under the id by which the webhook's institution knows the event.

    `number` is the event's; 0 for a test, which has none.
    """

    webhook_id: UUID
    id: UUID
    number: int
    learner_id: UUID | None
    type: str
    state: DeliveryState
    attempts: int
    queued_at: datetime
    due_at: datetime
    ended_at: datetime | None = None
    status: int | None = None
    fault: DeliveryFault | None = None


def health(state: WebhookState, disabled_for: DisabledFor | None, *, is_failing: bool) -> Health:
    """Return how a webhook does."""
    if state is WebhookState.DISABLED:
        return Health.OFF if disabled_for is DisabledFor.ASKED else Health.PAUSED
    return Health.FAILING if is_failing else Health.SOUND


def pause_seconds(attempts: int, chance: float) -> float:
    """Return how long after so many tries the next one is made; `chance`, from 0 to 1, spreads what fails at once."""
    return _grown(attempts - 1, PAUSE_SECONDS_MAX) * (0.5 + chance / 2)


def rest_seconds(failures: int, chance: float) -> float:
    """Return how long an endpoint is left alone after so many failures in a row."""
    if failures < FAILURES_BORNE:
        return 0.0
    return _grown(failures - FAILURES_BORNE, REST_SECONDS_MAX) * (0.5 + chance / 2)


def asked_seconds(retry_after: str, now: datetime) -> float:
    """Return for how long a receiver asks to be left alone; 0 where it says nothing that counts.

    No more than the longest pause: it may be wrong about itself. Source: Retry-After of RFC 9110, seconds or a date.
    """
    if retry_after.isascii() and retry_after.isdigit():
        return min(PAUSE_SECONDS_MAX, float(retry_after))
    try:
        until = parsedate_to_datetime(retry_after)
        left = (until if until.tzinfo else until.replace(tzinfo=UTC)) - now
    except (ValueError, OverflowError):
        return 0.0
    return min(PAUSE_SECONDS_MAX, max(0.0, left.total_seconds()))


def _grown(times: int, longest: float) -> float:
    return min(longest, FIRST_PAUSE_SECONDS * PAUSE_GROWTH ** min(times, 20))
