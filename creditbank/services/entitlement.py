"""Entitlement: who may see a learner, on which basis, and the line in the learner's diary that it leaves."""

from uuid import UUID

from creditbank.core.entitlement import Basis, Sight
from creditbank.core.errors import Unknown, unknown
from creditbank.core.merging import Person
from creditbank.services.bank import Work
from creditbank.storage import learners, people


def seen(work: Work, learner_id: UUID, sight: Sight) -> Person:
    """Return the person whose account it is, if the actor may see this kind of data; others' sights are noted.

    Refused: Unknown, alike for a learner who does not exist, one whom the actor does not know, one who restricted
    their data to themselves, and one who was erased; auditors see the latter two.
    """
    found = people.standing(work.connection, learner_id)
    person = None if found is None else found.person
    if found is not None and _is_kept_from(work, found):
        raise no_such_learner()
    if is_own(work, learner_id, person):
        person = person or Person(learner_id, (learner_id,))
        if work.actor.is_proxy:
            work.note_sight(person.id, sight, Basis.PROXY)
        return person
    basis = None if person is None else _basis(work, person)
    if person is None or basis is None:
        raise no_such_learner()
    work.note_sight(person.id, sight, basis)
    return person


def acting_for(work: Work, learner_id: UUID, sight: Sight) -> Person:
    """Return the person if the actor is the learner or acts for them; their sights are noted as everywhere.

    Refused: Unknown, to institutions and auditors as well.
    """
    if work.actor.learner_id is None:
        raise no_such_learner()
    return seen(work, learner_id, sight)


def hides(work: Work, learner_id: UUID) -> bool:
    """Tell whether what belongs to a learner is kept from the actor.

    What is of somebody who was erased is kept from all, what is of a restricted learner from other learners and
    institutions; auditors see both.
    """
    found = people.standing(work.connection, learner_id)
    return found is None or _is_kept_from(work, found)


def is_own(work: Work, learner_id: UUID, person: Person | None = None) -> bool:
    """Tell whether the account is the acting learner's: any account of theirs, where some were merged."""
    own = work.actor.learner_id
    if own is None or own == learner_id:
        return own is not None
    person = person or people.person(work.connection, learner_id)
    return person is not None and own in person.members


def knows(work: Work, person: Person) -> bool:
    """Tell whether the actor's institution knows any account of the person."""
    institution_id = work.actor.institution_id
    if institution_id is None:
        return False
    return bool(learners.known_to(work.connection, person.members, institution_id))


def no_such_learner(pointer: str = "") -> Unknown:
    """Return the one answer for learners who don't exist and those whom the actor may not see."""
    return unknown("学习者", "learner", pointer)


def _is_kept_from(work: Work, found: people.Standing) -> bool:
    """Tell whether a person was erased, or restricted their data to those who act as themselves."""
    actor = work.actor
    if actor.learner_id is not None:
        return found.is_erased
    return (found.is_erased or found.is_restricted) and not actor.audits


def _basis(work: Work, person: Person) -> str | None:
    """Return why the actor may see another one's data, None where they may not."""
    if work.actor.learner_id is not None:
        return None
    if work.actor.audits:
        return Basis.AUDIT
    return Basis.KNOWN if knows(work, person) else None
