"""Learning accounts: opened for a person once, whoever asks, and shown to those who know the person."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from uuid import UUID

from creditbank.core.entitlement import Basis, Sight
from creditbank.core.errors import unknown
from creditbank.core.identity import Application, Learner, LearnerStatus
from creditbank.core.merging import Person
from creditbank.core.permission import require
from creditbank.formats.claims import Declared, check_birth_date, check_findable
from creditbank.formats.id_number import masked
from creditbank.services import claiming, conflicts
from creditbank.services.bank import Work
from creditbank.services.entitlement import no_such_learner, seen
from creditbank.storage import identifier_index, learners
from creditbank.storage.database import Raced

__all__ = ["READING_SCOPES", "Declared", "account", "holder", "open_account"]

READING_SCOPES = (
    *("learners:write", "outcomes:write", "outcomes:read", "balance:read", "statement:read", "audit:read"),
    "identity:read",
)
"""Any of these lets an institution look at the account of a learner whom it knows; the last one, on consent, of any."""


def open_account(work: Work, name: str, birth_date: date | None, declared: Sequence[Declared]) -> tuple[Learner, bool]:
    """Return the person's account and whether it was opened now.

    Refused: Malformed identifiers, and such as find nobody; Conflict where they belong to different people.
    """
    require(work.actor, "learners:write")
    claims = claiming.read(work, declared)
    check_findable(claims)
    check_birth_date(birth_date, claims, work.today)
    application = Application(name, birth_date, claims)
    found = claiming.find(work, application)
    if found.person is None or found.account_id is None:
        return _shown(work, _opened(work, application, found.rivals)), True
    if found.account_id not in learners.known(work.connection, [found.account_id], None):
        raise Raced("the learner was erased meanwhile")
    claiming.add_new(work, found, application, _institution(work))
    work.note_sight(found.person.id, Sight.IDENTITY, Basis.KNOWN)
    shown = _shown(work, found.person)
    return _as_declared(shown, application) if shown.is_restricted else shown, False


def account(work: Work, learner_id: UUID) -> Learner:
    """Return a learner's account. Refused: Unknown, also for a learner whom the actor does not know."""
    if work.actor.learner_id is None:
        require(work.actor, *READING_SCOPES)
    return _shown(work, seen(work, learner_id, Sight.IDENTITY))


def holder(work: Work, account_no: str) -> UUID:
    """Return who holds an account number, for a token at the counter, which stands in their diary.

    Refused: ScopeMissing, Unknown.
    """
    require(work.actor, "admin")
    found = identifier_index.with_account_no(work.connection, work.keyring, account_no)
    if found is None:
        raise unknown("学习者", "learner")
    work.note_sight(found, Sight.TOKEN, Basis.OPERATOR)
    return found


def _opened(work: Work, application: Application, rivals: tuple[UUID, ...]) -> Person:
    """Open an account; where somebody else claims an identifier, a case is opened between the two."""
    opening = learners.opening(work.keyring, work.new_id(), application, _institution(work), work.now)
    if rivals:
        opening = replace(opening, status=LearnerStatus.CONFLICT)
        learners.mark_conflict(work.connection, rivals)
    claiming.open_new(work, [opening])
    conflicts.raise_between(work, [(opening.id, min(rivals))] if rivals else [])
    return Person(opening.id, (opening.id,))


def _shown(work: Work, person: Person) -> Learner:
    """Return the learner as the actor may see them. Refused: Unknown to the bearer of a token of nobody."""
    sees_all = work.actor.learner_id is not None or work.actor.audits
    shown = learners.shown(work.connection, work.keyring, person, None if sees_all else work.actor.institution_code)
    if shown is None:
        raise no_such_learner()
    return shown


def _as_declared(shown: Learner, application: Application) -> Learner:
    """Return a restricted learner's account with nothing but what the institution said itself."""
    said = {(claim.type, masked(claim.type, claim.value)) for claim in application.claims}
    own = tuple(one for one in shown.identifiers if (one.type, one.masked) in said)
    return replace(shown, name=application.name, birth_date=application.birth_date, identifiers=own)


def _institution(work: Work) -> UUID:
    """Return the actor's institution; learners' tokens carry no scope for writing."""
    assert work.actor.institution_id is not None, "only institutions open accounts"
    return work.actor.institution_id
