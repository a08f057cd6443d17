"""Events: what happened that institutions and partners are told of, in ids and states, with no word about a person."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from creditbank.core.calendar import instant_text
from creditbank.core.entitlement import Basis, Sight
from creditbank.core.outcome import Status
from creditbank.core.veil import Veil


class EventType(StrEnum):
    """What happened; the part before the dot says to what."""

    OUTCOME_RECOGNISED = "outcome.recognised"
    OUTCOME_REJECTED = "outcome.rejected"
    """It is on record without credits: no rule gives any, or it is a duplicate."""
    OUTCOME_CORRECTED = "outcome.corrected"
    OUTCOME_REVOKED = "outcome.revoked"
    CONVERSION_SUBMITTED = "conversion.submitted"
    CONVERSION_DECIDED = "conversion.decided"
    """Approved, rejected, or taken back since."""
    CONVERSION_CLOSED = "conversion.closed"
    """Withdrawn, lapsed or void, without a decision."""
    QUALIFICATION_AWARDED = "qualification.awarded"
    QUALIFICATION_CHANGED = "qualification.changed"
    """An award is in review, upheld, superseded or revoked."""
    CREDENTIAL_ISSUED = "credential.issued"
    CREDENTIAL_SUSPENDED = "credential.suspended"
    CREDENTIAL_RESUMED = "credential.resumed"
    CREDENTIAL_REVOKED = "credential.revoked"
    LEARNER_MERGED = "learner.merged"
    LEARNER_PARTED = "learner.parted"


PING = "webhook.ping"
"""The type of what is sent to try a webhook; nothing happened."""

SIGHTS = {
    "outcome": Sight.OUTCOMES,
    "conversion": Sight.CONVERSION,
    "qualification": Sight.QUALIFICATION,
    "credential": Sight.CREDENTIALS,
    "learner": Sight.IDENTITY,
}
"""Which kind of data is seen with an event, by what it happened to."""

CONSENTABLE = frozenset({"outcome", "qualification"})
"""What can be told of to others on a learner's consent: that somebody was merged with whom isn't."""

KEPT_DAYS = 30
"""How long events are kept: whoever was away for longer reads what there is instead of what happened."""

STRENGTH = (Basis.ISSUED, Basis.PART, Basis.KNOWN, Basis.CONSENT)
"""On which bases events are told of, the strongest first."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a learner's account; `ids` and `said` are all that is told of it.

    `readers` are the institutions that are told because they have a part in it, each with its basis; those to whom the
    learner consented are found when it is passed on.
    """

    id: UUID
    type: EventType
    happened_at: datetime
    learner_id: UUID
    ids: Mapping[str, UUID]
    said: Mapping[str, str | int]
    readers: Mapping[UUID, Basis]

    @property
    def sight(self) -> Sight:
        """Return which kind of data is seen with it."""
        return SIGHTS[self.noun]

    @property
    def noun(self) -> str:
        """Return to what it happened."""
        return self.type.partition(".")[0]


def stronger(one: Basis, other: Basis | None) -> Basis:
    """Return the stronger of two bases."""
    return one if other is None else min(one, other, key=STRENGTH.index)


def outcome_type(status: Status, *, is_correction: bool) -> EventType:
    """Return what happened to an outcome that stands so now."""
    if status is Status.REVOKED:
        return EventType.OUTCOME_REVOKED
    if is_correction:
        return EventType.OUTCOME_CORRECTED
    return EventType.OUTCOME_RECOGNISED if status is Status.RECOGNISED else EventType.OUTCOME_REJECTED


def event_document(event: Event, veil: Veil) -> dict[str, Any]:
    """Return an event as it is told; a partner is told ids of its own and the day instead of the instant."""
    return {
        "id": veil.id(event.id),
        "type": event.type.value,
        "timestamp": instant_text(veil.instant(event.happened_at)),
        "ordering_key": veil.learner(event.learner_id),
        "data": {
            "learner_id": veil.learner(event.learner_id),
            **{name: veil.id(value) for name, value in event.ids.items()},
            **event.said,
        },
    }
