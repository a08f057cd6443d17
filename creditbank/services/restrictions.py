"""Restriction: a learner has their data kept and not used; records still come in, and only they see them."""

from uuid import UUID

from creditbank.core.entitlement import Sight
from creditbank.services.bank import Work
from creditbank.services.entitlement import acting_for, no_such_learner
from creditbank.storage import people


def restrict(work: Work, learner_id: UUID) -> UUID:
    """Keep a person's data from everybody but themselves and auditors, and from any use. Refused: Unknown."""
    held = _held(work, learner_id)
    if not held.is_restricted:
        people.restrict(work.connection, held.person.members, work.now)
    return held.person.id


def lift(work: Work, learner_id: UUID) -> UUID:
    """Let a person's data be seen and used again. Refused: Unknown."""
    held = _held(work, learner_id)
    if held.is_restricted:
        people.restrict(work.connection, held.person.members, None)
    return held.person.id


def _held(work: Work, learner_id: UUID) -> people.Held:
    """Return the person, locked, for whom the actor acts. Refused: Unknown."""
    acting_for(work, learner_id, Sight.IDENTITY)
    held = people.locked(work.connection, learner_id)
    if held is None or held.is_erased:
        raise no_such_learner()
    return held
