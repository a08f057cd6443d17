"""Claiming: what somebody says of a person is read, the person found by it, and what is new of it written down."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from uuid import UUID

from creditbank.core.errors import Conflict, Fault, Malformed
from creditbank.core.identity import Application, Claim, ClaimKey, Match, resolved
from creditbank.core.merging import Person
from creditbank.formats.claims import Declared, claim_of
from creditbank.services import conflicts
from creditbank.services.bank import Work
from creditbank.storage import claims, identifier_index, learners, likeness, people


@dataclass(frozen=True, slots=True)
class Found:
    """Whom an application speaks of, None for somebody new.

    `account_id` is the account that was found, `rivals` the accounts of others with one of the numbers under another
    name, `matches` all that stands in the index under its numbers.
    """

    person: Person | None
    account_id: UUID | None
    rivals: tuple[UUID, ...]
    matches: tuple[Match, ...]


def read(work: Work, declared: Sequence[Declared]) -> tuple[Claim, ...]:
    """Return identifiers in their normal form, each once. Refused: Malformed, with the faults of all."""
    read_claims: list[Claim] = []
    faults: list[Fault] = []
    for place, item in enumerate(declared):
        try:
            read_claims.append(claim_of(item, work.actor.institution_code, work.today))
        except Malformed as malformed:
            faults += [fault.under(f"/identifiers/{place}") for fault in malformed.faults]
    if faults:
        raise Malformed(tuple(faults))
    return tuple(dict.fromkeys(read_claims))


def find(work: Work, application: Application, account_id: UUID | None = None) -> Found:
    """Return whom an application speaks of; `account_id` is the account where it is known already.

    Refused: Conflict where its identifiers belong to different people.
    """
    keys = identifier_index.claim_keys(work.keyring, application)
    matches = identifier_index.matches(work.connection, keys)
    resolution = resolved(chain.from_iterable(keys), matches)
    same = (*resolution.learner_ids, *(() if account_id is None else (account_id,)))
    found = people.people(work.connection, (*same, *resolution.rivals))
    persons = {found[one].id: found[one] for one in same}
    if len(persons) > 1:
        raise _different_people()
    person = next(iter(persons.values()), None)
    rivals = tuple(one for one in resolution.rivals if person is None or one not in person.members)
    known = account_id or (resolution.learner_ids[0] if resolution.learner_ids else None)
    return Found(person, known, rivals, tuple(matches))


def open_new(work: Work, openings: Sequence[learners.Opening]) -> None:
    """Open accounts, and let them be compared with those that are like them."""
    learners.open_accounts(work.connection, work.keyring, openings, work.new_id)
    keyed = [(opened.id, keys) for opened in openings for keys in _blocks(work, opened.application)]
    likeness.add(work.connection, keyed)


def add_new(work: Work, found: Found, application: Application, institution_id: UUID) -> bool:
    """Add the claims that the person has not yet, and that the institution knows them now; tell whether any was new.

    Where others claim a number under another name, a case is opened.
    """
    assert found.person is not None, "the person was found"
    assert found.account_id is not None, "the account was found"
    account_id = found.account_id
    learners.affiliate(work.connection, [(account_id, institution_id, work.now)])
    born = learners.birth_dates(work.connection, work.keyring, [account_id]).get(account_id)
    blocks = _blocks(work, replace(application, birth_date=born))
    held = likeness.of_learners(work.connection, found.person.members)
    in_blocks = {key for keys in held.values() for key in keys}
    new = tuple(one for one in application.claims if not _is_held(work, one, found, in_blocks))
    conflicts.raise_between(work, [(account_id, min(found.rivals))] if found.rivals else [])
    learners.mark_conflict(work.connection, found.rivals)
    if new:
        claimant = learners.Claimant(account_id, institution_id, work.now, found.rivals)
        learners.add_claims(work.connection, work.keyring, claimant, replace(application, claims=new), work.new_id)
    fresh = [keys for keys in blocks if not any(key.key in held[account_id] for key in keys)]
    likeness.add(work.connection, [(account_id, keys) for keys in fresh])
    _prolong(work, found.person, [one for one in application.claims if one not in new and one.valid_until])
    return bool(new)


def _is_held(work: Work, claim: Claim, found: Found, in_blocks: set[bytes]) -> bool:
    """Tell whether the person has a claim already: by the index, or by its block where it finds nobody."""
    assert found.person is not None, "the person was found"
    application = Application("", None, (claim,))
    if not claim.finds:
        return any(key.key in in_blocks for keys in _blocks(work, application) for key in keys)
    numbers = {_number(key) for keys in identifier_index.claim_keys(work.keyring, application) for key in keys}
    return any(_number(match.key) in numbers and match.learner_id in found.person.members for match in found.matches)


def _number(key: ClaimKey) -> tuple[str, str, bytes]:
    return key.type, key.issuer, key.value_index


def _blocks(work: Work, application: Application) -> list[likeness.BlockKeys]:
    return likeness.keys_of(work.keyring, application.name, application.birth_date, application.claims)


def _prolong(work: Work, person: Person, renewed: Sequence[Claim]) -> None:
    """Note the last day of documents whose numbers are on record already."""
    if not renewed:
        return
    until = {claim: claim.valid_until for claim in renewed}
    for one in claims.standing(work.connection, work.keyring, person.members):
        day = until.get(one.claim)
        if day is not None and day != one.claim.valid_until:
            claims.prolong(work.connection, one, day)


def _different_people() -> Conflict:
    """Return the answer to identifiers that stand on two accounts."""
    zh = "这些证件属于不同的学习者账户；请核对证件，或分别提交；如确为同一人，请提出合并案件。"
    en = (
        "These identifiers belong to different learners' accounts; check them, or send them one by one. Where it is one"
        " person, open a case to merge them."
    )
    return Conflict((Fault("/identifiers", "identifiers_of_different_learners", zh, en),))
