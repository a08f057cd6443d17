"""Learning accounts: opened for a person once, whoever asks, and shown to those who know the person."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from creditbank.core.entitlement import Basis, Sight
from creditbank.core.errors import Conflict, Fault, Malformed, unknown
from creditbank.core.identity import Application, Claim, Learner, LearnerStatus, Match, resolved
from creditbank.core.merging import Person
from creditbank.core.permission import require
from creditbank.formats.claims import check_birth_date, claim_of
from creditbank.formats.id_number import masked
from creditbank.services.bank import Work
from creditbank.services.entitlement import no_such_learner, seen
from creditbank.storage import learners, people
from creditbank.storage.database import Raced

READING_SCOPES = ("learners:write", "outcomes:write", "outcomes:read", "balance:read", "statement:read", "audit:read")
"""Any of these lets an institution look at the account of a learner whom it knows."""


@dataclass(frozen=True, slots=True)
class Declared:
    """An identifier as somebody wrote it."""

    type: str
    value: str


def open_account(work: Work, name: str, birth_date: date | None, declared: Sequence[Declared]) -> tuple[Learner, bool]:
    """Return the person's account and whether it was opened now.

    Refused: Malformed identifiers; Conflict where they belong to different people.
    """
    require(work.actor, "learners:write")
    application = _application(work, name, birth_date, declared)
    keys = learners.claim_keys(work.keyring, application)
    matches = learners.matches(work.connection, keys)
    found = resolved(keys, matches)
    if len({person.id for person in people.people(work.connection, found.learner_ids).values()}) > 1:
        raise _different_people()
    if found.learner_ids:
        learner_id = found.learner_ids[0]
        if learner_id not in learners.known(work.connection, [learner_id], None):
            raise Raced("the learner was erased meanwhile")
        _add_what_is_new(work, learner_id, application, matches)
        if found.rivals:
            learners.mark_conflict(work.connection, [learner_id, *found.rivals])
    else:
        learner_id = _opened(work, application, found.rivals)
    person = people.person(work.connection, learner_id)
    assert person is not None, "an account that was found or opened is there"
    if found.learner_ids:
        work.note_sight(person.id, Sight.IDENTITY, Basis.KNOWN)
    shown = _shown(work, person)
    return _as_declared(shown, application) if shown.is_restricted else shown, not found.learner_ids


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
    found = learners.with_account_no(work.connection, work.keyring, account_no)
    if found is None:
        raise unknown("学习者", "learner")
    work.note_sight(found, Sight.TOKEN, Basis.OPERATOR)
    return found


def _application(work: Work, name: str, birth_date: date | None, declared: Sequence[Declared]) -> Application:
    """Return what was said of the person in its normal form, or refuse with the faults of all identifiers."""
    claims: list[Claim] = []
    faults: list[Fault] = []
    for place, item in enumerate(declared):
        try:
            claims.append(claim_of(item.type, item.value, work.actor.institution_code, work.today))
        except Malformed as malformed:
            faults += [fault.under(f"/identifiers/{place}") for fault in malformed.faults]
    if faults:
        raise Malformed(tuple(faults))
    distinct = tuple(dict.fromkeys(claims))
    check_birth_date(birth_date, distinct, work.today)
    return Application(name, birth_date, distinct)


def _opened(work: Work, application: Application, rivals: tuple[UUID, ...]) -> UUID:
    """Open an account; where somebody else claims an identifier, note the conflict on both."""
    institution_id = _institution(work)
    opening = learners.opening(work.keyring, work.new_id(), application, institution_id, work.now)
    if rivals:
        opening = replace(opening, status=LearnerStatus.CONFLICT)
        learners.mark_conflict(work.connection, rivals)
    learners.open_accounts(work.connection, work.keyring, [opening], work.new_id)
    return opening.id


def _add_what_is_new(work: Work, learner_id: UUID, application: Application, matches: Sequence[Match]) -> None:
    """Add the claims that the learner has not yet, and that the institution knows them now."""
    institution_id = _institution(work)
    learners.affiliate(work.connection, [(learner_id, institution_id, work.now)])
    held = {(match.key.type, match.key.issuer, match.key.value_index) for match in matches}
    keys = learners.claim_keys(work.keyring, application)
    new = tuple(
        claim
        for claim, key in zip(application.claims, keys, strict=True)
        if (key.type, key.issuer, key.value_index) not in held
    )
    if new:
        claimant = learners.Claimant(learner_id, institution_id, work.now)
        learners.add_claims(work.connection, work.keyring, claimant, replace(application, claims=new), work.new_id)


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


def _different_people() -> Conflict:
    """Return the answer to identifiers that stand on two accounts."""
    zh = "这些证件属于不同的学习者账户；请核对证件，或分别提交。"
    en = "These identifiers belong to different learners' accounts; check them, or send them one by one."
    return Conflict((Fault("/identifiers", "identifiers_of_different_learners", zh, en),))
