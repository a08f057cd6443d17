"""Entitlement: who may see a learner, on which basis, and the line in the learner's diary that it leaves."""

from dataclasses import dataclass
from uuid import UUID

from creditbank.core.consent import SCOPES_OF, Standing, covering, is_child
from creditbank.core.entitlement import OWN_ONLY, Basis, Sight
from creditbank.core.errors import Unknown, unknown
from creditbank.core.merging import Person
from creditbank.core.veil import OPEN, Veil
from creditbank.services.bank import Work
from creditbank.storage import consents, guardians, learners, partners, people


@dataclass(frozen=True, slots=True)
class Seen:
    """A person who may be seen: the account that was named, and on which basis; that is empty for one's own."""

    person: Person
    account_id: UUID
    basis: str

    @property
    def is_on_consent(self) -> bool:
        """Tell whether the learner consented to this sight."""
        return self.basis.startswith(Basis.CONSENT)


def seen(work: Work, learner_id: UUID, sight: Sight) -> Person:
    """Return the person whose account it is, if the actor may see this kind of data; others' sights are noted.

    Refused: Unknown, alike for a learner who does not exist, one whom the actor does not know, one who restricted
    their data to themselves, and one who was erased; auditors see the latter two.
    """
    return looked_at(work, learner_id, sight).person


def looked_at(work: Work, learner_id: UUID, sight: Sight) -> Seen:
    """Return the same, with the account that was named, by a partner perhaps under its own name, and the basis."""
    account_id = _meant(work, learner_id)
    found = people.standing(work.connection, account_id)
    person = None if found is None else found.person
    if found is not None and _is_kept_from(work, found):
        raise no_such_learner()
    if is_own(work, account_id, person):
        person = person or Person(account_id, (account_id,))
        if work.actor.is_proxy:
            work.note_sight(person.id, sight, Basis.PROXY)
        return Seen(person, account_id, "")
    basis = None if person is None else _basis(work, person, sight)
    if person is None or basis is None:
        raise no_such_learner()
    work.note_sight(person.id, sight, basis)
    if work.actor.is_partner:
        work.veils.append(veil_for(work, person))
    return Seen(person, account_id, basis)


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


def standing_of(work: Work, learner_id: UUID) -> Standing | None:
    """Return as whom the actor speaks for a learner: as themself, at a counter, as a guardian; None if they don't."""
    actor = work.actor
    if actor.learner_id is None:
        return None
    person = None if actor.learner_id == learner_id else people.person(work.connection, learner_id)
    if is_own(work, learner_id, person):
        return Standing.PROXY if actor.is_proxy else Standing.SELF
    return Standing.GUARDIAN if person is not None and _is_guardian(work, person) else None


def note_standing(work: Work, learner_id: UUID, sight: Sight) -> None:
    """Note what a counter or a guardian, who speaks for the learner, sees."""
    basis = {Standing.PROXY: Basis.PROXY, Standing.GUARDIAN: Basis.GUARDIAN}
    standing = standing_of(work, learner_id)
    if standing in basis:
        work.note_sight(learner_id, sight, basis[standing])


def knows(work: Work, person: Person) -> bool:
    """Tell whether the actor's institution knows any account of the person."""
    institution_id = work.actor.institution_id
    if institution_id is None:
        return False
    return bool(learners.known_to(work.connection, person.members, institution_id))


def veil_of(work: Work) -> Veil:
    """Return how the learner who was seen last is shown to the actor."""
    if not work.actor.is_partner:
        return OPEN
    assert work.veils, "a partner sees nobody but under a name of its own"
    return work.veils[-1]


def veil_for(work: Work, person: Person) -> Veil:
    """Return how a partner sees a person: under the oldest of its names for their accounts."""
    assert work.actor.institution_id is not None, "a partner is an institution"
    names = partners.subjects(work.connection, work.actor.institution_id, person.members)
    secret = partners.secret(work.connection, work.actor.institution_id)
    assert names, "a consent gives a partner a name for the learner"
    assert secret is not None, "names are made under a secret"
    return Veil(secret, next(iter(names.values())))


def no_such_learner(pointer: str = "") -> Unknown:
    """Return the one answer for learners who don't exist and those whom the actor may not see."""
    return unknown("学习者", "learner", pointer)


def _meant(work: Work, learner_id: UUID) -> UUID:
    """Return the account that is meant; a partner names it by its own name or by the bank's."""
    actor = work.actor
    if not actor.is_partner or actor.institution_id is None:
        return learner_id
    return partners.account(work.connection, actor.institution_id, learner_id) or learner_id


def _is_kept_from(work: Work, found: people.Standing) -> bool:
    """Tell whether a person was erased, or restricted their data to those who act as themselves."""
    actor = work.actor
    if actor.learner_id is not None:
        return found.is_erased
    return (found.is_erased or found.is_restricted) and not actor.audits


def _basis(work: Work, person: Person, sight: Sight) -> str | None:
    """Return why the actor may see another one's data, None where they may not."""
    actor = work.actor
    if actor.learner_id is not None:
        return Basis.GUARDIAN if _is_guardian(work, person) else None
    if actor.audits:
        return Basis.AUDIT
    is_known = not actor.is_partner and sight not in OWN_ONLY and knows(work, person)
    if is_known and sight is not Sight.OUTCOMES:
        return Basis.KNOWN
    return _consented(work, person, sight) or (Basis.KNOWN if is_known else None)


def _consented(work: Work, person: Person, sight: Sight) -> str | None:
    """Return the basis that a consent in force gives: asked anew each time, so that withdrawing takes effect at once.

    Of outcomes an institution that knows the learner sees its own without a consent, and all with one.
    """
    scope, institution_id = SCOPES_OF.get(sight), work.actor.institution_id
    if scope is None or institution_id is None or scope not in work.actor.scopes:
        return None
    given = consents.standing(work.connection, person.members, institution_id)
    found = covering(given, scope, work.today)
    return None if found is None else f"{Basis.CONSENT}:{found.id}"


def _is_guardian(work: Work, person: Person) -> bool:
    """Tell whether the acting learner speaks for the person, who is still a child today."""
    assert work.actor.learner_id is not None, "asked of learners only"
    own = people.person(work.connection, work.actor.learner_id)
    if own is None or not guardians.speaks_for(work.connection, own.members, person.members):
        return False
    return is_child(guardians.born(work.connection, work.keyring, person.members), work.today)
