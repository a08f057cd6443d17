"""Identifiers one by one: added to somebody who has an account, and ended by the institution that claimed one."""

from uuid import UUID

from creditbank.core.entitlement import Sight
from creditbank.core.errors import Conflict, Fault, Malformed, unknown
from creditbank.core.identity import Application, Claim, Identifier, Learner
from creditbank.core.merging import Person
from creditbank.core.normalisation import name_key
from creditbank.core.permission import require
from creditbank.formats.claims import Declared, claim_of
from creditbank.formats.id_number import birth_date_of
from creditbank.services import claiming, conflicts
from creditbank.services.bank import Work
from creditbank.services.entitlement import knows, no_such_learner, seen
from creditbank.storage import claims, learners, people
from creditbank.storage.identifier_index import claim_keys

__all__ = ["Declared", "Identifier", "add", "end"]


def add(work: Work, learner_id: UUID, name: str | None, declared: Declared) -> tuple[Learner, bool]:
    """Add an identifier to a learner whom the institution knows; return the learner and whether it was new.

    A name that is given has to be the learner's. Refused: Unknown; Malformed; Conflict for another name, and where the
    number is another person's with the same name.
    """
    require(work.actor, "learners:write")
    person = _known(work, learner_id)
    claim = claim_of(declared, work.actor.institution_code, work.today)
    shown = learners.shown(work.connection, work.keyring, person, work.actor.institution_code)
    if shown is None:
        raise no_such_learner()
    known_as = claims.names(work.connection, work.keyring, person.members)
    if name is not None and name_key(name) not in {name_key(one) for one in known_as.values()}:
        raise _another_name()
    _check_birth_date(shown, claim)
    application = Application(known_as.get(learner_id, shown.name), shown.birth_date, (claim,))
    found = claiming.find(work, application, learner_id)
    assert work.actor.institution_id is not None, "who knows a learner is an institution"
    is_new = claiming.add_new(work, found, application, work.actor.institution_id)
    after = learners.shown(work.connection, work.keyring, person, work.actor.institution_code)
    assert after is not None, "the learner was there before"
    return after, is_new


def end(work: Work, learner_id: UUID, identifier_id: UUID) -> Learner:
    """End an identifier that the institution claimed; it leads to the learner no more. Ended before: answered again.

    Refused: Unknown, also for another institution's claim; Conflict for the last one by which the learner is found.
    """
    require(work.actor, "learners:write")
    person = _known(work, learner_id)
    people.locked(work.connection, learner_id)
    standing = claims.standing(work.connection, work.keyring, person.members)
    one = next((claim for claim in standing if claim.id == identifier_id), None)
    claimed_by = one.claimed_by if one else claims.ended_by(work.connection, person.members, identifier_id)
    if claimed_by is None or claimed_by != work.actor.institution_id:
        raise unknown("身份标识", "identifier")
    if one is not None:
        if one.claim.finds and not any(other.claim.finds for other in standing if other is not one):
            raise _last_one()
        alike = [other for other in standing if other.claim == one.claim and other.learner_id == one.learner_id]
        keyed = claim_keys(work.keyring, Application("", None, (one.claim,)))
        conflicts.end(work, [one], [key for keys in keyed for key in keys] if alike == [one] else [])
    shown = learners.shown(work.connection, work.keyring, person, work.actor.institution_code)
    if shown is None:
        raise no_such_learner()
    return shown


def _known(work: Work, learner_id: UUID) -> Person:
    """Return the person if the actor's institution knows them: to read every account, as auditors do, is not enough."""
    person = seen(work, learner_id, Sight.IDENTITY)
    if not knows(work, person):
        raise no_such_learner()
    return person


def _check_birth_date(shown: Learner, claim: Claim) -> None:
    """Let a number pass that states no other birth date than the one on record. Refused: Malformed."""
    written = birth_date_of(claim.type, claim.value)
    if written is not None and shown.birth_date is not None and written != shown.birth_date:
        zh = "证件号码中的出生日期与账户上的不一致；请核对证件，或更正账户上的出生日期。"
        en = "The number states another birth date than the account; check the document, or have the account corrected."
        raise Malformed((Fault("/value", "contradicts_birth_date", zh, en),))


def _another_name() -> Conflict:
    zh = "姓名与此账户的不符；请核对学习者编号和姓名。"
    en = "The account has another name; check the learner's id and the name."
    return Conflict((Fault("/name", "another_name", zh, en),))


def _last_one() -> Conflict:
    zh = "这是可以找到该学习者的最后一个标识；请先添加另一个。"
    en = "The learner is found by no other identifier; add another one first."
    return Conflict((Fault("", "last_identifier", zh, en),))
