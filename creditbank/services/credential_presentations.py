"""Credentials of which the learner shows some: as SD-JWTs for wallets, and presentations for those who have none."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

from creditbank.core.calendar import bank_day
from creditbank.core.credential import CredentialKind, reached
from creditbank.core.entitlement import Sight
from creditbank.core.errors import Conflict, Fault, Unknown
from creditbank.core.lots import left_of_lots
from creditbank.core.merging import Person as Accounts
from creditbank.formats.credential_key import Algorithm
from creditbank.formats.credential_record import BUNDLED_MAX
from creditbank.formats.did_web import did_of
from creditbank.formats.sd_jwt import Hidden, presented
from creditbank.formats.sd_jwt_check import shown_of
from creditbank.formats.sd_jwt_claims import (
    CREDENTIALS,
    Asked,
    AtLeast,
    Credits,
    Person,
    RecordCover,
    Told,
    credential_claims,
    record_claims,
)
from creditbank.formats.sd_jwt_reading import opened_sd_jwt
from creditbank.services import issuing_keys
from creditbank.services.bank import Work
from creditbank.services.credential_records import RECORD_DAYS, holding, nothing_to_bundle
from creditbank.services.credentials import Wish, issue, unsigned, visible
from creditbank.services.entitlement import acting_for, seen
from creditbank.storage import decisions, learners, passbook, people
from creditbank.storage.credentials import Credential

__all__ = ["Asked"]

PRESENTED_BY = Algorithm.ES256
"""What wallets and their verifiers have to know."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What a learner wants to show: that there are so many credits at least, or some outcomes; and who they are."""

    at_least: Asked | None
    outcomes: Sequence[UUID]
    with_name: bool
    with_birth_date: bool


@dataclass(frozen=True, slots=True)
class Presentation:
    """A presentation, what exactly it shows, its last day, and the credentials that it is of."""

    text: str
    shown: Mapping[str, Any]
    valid_until: date
    credential_ids: Sequence[UUID]


def fetched_sd_jwt(work: Work, credential_id: UUID, base_url: str, algorithm: Algorithm) -> str:
    """Return a credential as an SD-JWT that is signed now, with all that can be shown. Refused: Unknown, TryLater."""
    found = visible(work, credential_id)
    person = _person(work, people.person(work.connection, found.learner_id))
    claims = _claims(work, found, person, _credits(work, found), base_url)
    return issuing_keys.as_sd_jwt(work, base_url, claims, algorithm)


def record_sd_jwt(work: Work, learner_id: UUID, base_url: str, algorithm: Algorithm) -> str:
    """Return a whole record as an SD-JWT, the credentials of achievements that hold, each to be shown alone.

    Refused: Unknown; Conflict where nothing is there that holds; TryLater.
    """
    person = seen(work, learner_id, Sight.CREDENTIALS)
    found = holding(work, person.members)[:BUNDLED_MAX]
    if not found:
        raise nothing_to_bundle()
    claims = _record(work, found, _person(work, person), base_url)
    return issuing_keys.as_sd_jwt(work, base_url, claims, algorithm)


def present(work: Work, learner_id: UUID, choice: Choice, base_url: str) -> Presentation:
    """Make a presentation for a learner, or for who speaks for them: of credentials of its own, or those that hold.

    Refused: Unknown; Conflict where it isn't so, or what is to be shown isn't on record; TryLater.
    """
    accounts = acting_for(work, learner_id, Sight.CREDENTIALS)
    person = _asked_of(_person(work, accounts), choice)
    if choice.at_least is not None:
        return _statement(work, learner_id, choice.at_least, person, base_url)
    return _some_outcomes(work, accounts, choice.outcomes, person, base_url)


def _statement(work: Work, learner_id: UUID, asked: Asked, person: Person, base_url: str) -> Presentation:
    """Return a presentation of a new statement of balances: no two of them have an index in common."""
    found = _issued(work, Wish(CredentialKind.BALANCE, learner_id, with_name=False), "", base_url)
    there = _at_least(work, found).get(asked.scheme, {}).get(asked.level, 0)
    if there < asked.credit_hundredths:
        zh = "今天可用的学分达不到所要出示的数额；请改为较低的数额、等级或其他学分体系。"
        en = "There aren't as many credits available today; ask for fewer, for a lower level, or another scheme."
        raise Conflict((Fault("/at_least", "not_reached", zh, en),))
    assert found.valid_until is not None, "a statement has a last day"
    # nothing else is ever shown of it, and every place is padded as if it were
    held = Credits({asked.scheme: {asked.level: there}}, asked)
    claims = _claims(work, found, person, held, base_url)
    text = _presented(work, claims, asked.chosen | dict.fromkeys(person.claims, True), base_url)
    return Presentation(text, _told_by(text), found.valid_until, [found.id])


def _some_outcomes(
    work: Work, accounts: Accounts, outcome_ids: Sequence[UUID], person: Person, base_url: str
) -> Presentation:
    """Return a presentation of outcomes, by the credentials of them that hold, or new ones."""
    held = holding(work, accounts.members)
    by_source = {one.source.id: one for one in held if one.kind is CredentialKind.OUTCOME}
    wishes = [Wish(CredentialKind.OUTCOME, one, with_name=False) for one in outcome_ids]
    found = [
        by_source.get(wish.subject_id) or _issued(work, wish, f"/outcomes/{place}", base_url)
        for place, wish in enumerate(wishes)
    ]
    chosen = {CREDENTIALS: [True] * BUNDLED_MAX} | dict.fromkeys(person.claims, True)
    text = _presented(work, _record(work, found, person, base_url), chosen, base_url)
    until = work.today + timedelta(days=RECORD_DAYS)
    return Presentation(text, _told_by(text), until, [one.id for one in found])


def _presented(work: Work, claims: Hidden, chosen: Mapping[str, Any], base_url: str) -> str:
    return presented(issuing_keys.as_sd_jwt(work, base_url, claims, PRESENTED_BY), chosen)


def _told_by(text: str) -> dict[str, Any]:
    return shown_of(opened_sd_jwt(text).claims)


def _issued(work: Work, wish: Wish, pointer: str, base_url: str) -> Credential:
    """Return a new credential. Refused: Unknown and Conflict, at where it was asked for; TryLater."""
    try:
        return issue(work, wish, base_url).credential
    except (Unknown, Conflict) as refusal:
        raise type(refusal)(tuple(replace(fault, pointer=pointer) for fault in refusal.faults)) from None


def _claims(work: Work, found: Credential, person: Person, held: Credits | None, base_url: str) -> Hidden:
    told = Told(unsigned(work, found), found.kind, found.place)
    return credential_claims(base_url, told, person, work.now, held)


def _record(work: Work, found: Sequence[Credential], person: Person, base_url: str) -> Hidden:
    cover = RecordCover(
        base_url=base_url,
        did=did_of(base_url),
        id=uuid4(),  # by chance alone: two records of one learner have nothing in common
        valid_until=work.today + timedelta(days=RECORD_DAYS),
    )
    told = [Told(unsigned(work, one), one.kind, one.place) for one in found]
    return record_claims(cover, told, person, work.now)


def _credits(work: Work, found: Credential) -> Credits | None:
    """Return what a statement of balances says of credits; None of any other credential."""
    return Credits(_at_least(work, found)) if found.kind is CredentialKind.BALANCE else None


def _at_least(work: Work, found: Credential) -> AtLeast:
    """Return how many credits a statement of balances stands for, as the ledger knew them when it was issued.

    Later entries make no difference, as they make none to the statement; what was merged since is the same person's.
    """
    person = people.person(work.connection, found.learner_id)
    members = (found.learner_id,) if person is None else person.members
    day = bank_day(found.issued_at)
    left = left_of_lots(passbook.transfers(work.connection, members, day, found.issued_at), day)
    results = decisions.results(work.connection, {one.decision_id for one in left})
    levels = {decision_id: json.loads(result)["level"] for decision_id, result in results.items()}
    by_scheme: dict[str, list[tuple[str | None, int]]] = {}
    for one in left:
        by_scheme.setdefault(one.scheme, []).append((levels[one.decision_id], one.credit_hundredths))
    return {scheme: reached(amounts) for scheme, amounts in sorted(by_scheme.items())}


def _person(work: Work, accounts: Accounts | None) -> Person:
    """Return what the learner, or who speaks for them, can show of them; institutions have what a document tells."""
    if work.actor.learner_id is None or accounts is None:
        return Person()
    learner = learners.shown(work.connection, work.keyring, accounts, None)
    return Person() if learner is None else Person(learner.name, learner.birth_date)


def _asked_of(person: Person, choice: Choice) -> Person:
    """Return what is to be shown of a learner. Refused: Conflict where the birth date isn't on record."""
    if choice.with_birth_date and person.birth_date is None:
        zh, en = "账户中没有出生日期，不能出示。", "There is no birth date on the account that could be shown."
        raise Conflict((Fault("/with_birth_date", "birth_date_missing", zh, en),))
    return Person(person.name if choice.with_name else None, person.birth_date if choice.with_birth_date else None)
