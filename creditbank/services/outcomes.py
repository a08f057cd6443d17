"""Learning outcomes handed in: one by one or by thousands, each answered, settled and booked in one transaction."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from creditbank.core.entitlement import Basis, Sight
from creditbank.core.errors import Malformed, Refusal, unknown
from creditbank.core.identity import Application, ClaimKey, LearnerStatus, resolved
from creditbank.core.outcome import Record, Status, content_differs, differing_fields, record_faults
from creditbank.core.permission import require
from creditbank.core.rules.conditions import age_on
from creditbank.formats.claims import claim_of
from creditbank.gateways.keyring import Keyring
from creditbank.services.bank import Work
from creditbank.services.entitlement import hides, is_own, seen
from creditbank.services.settling import Draft, book, content_mac, duplicate_claims, revision_of, settle
from creditbank.storage import decisions, learners, outcomes, people
from creditbank.storage.outcomes import Revision

__all__ = ["Receipt", "Revision", "outcome", "outcomes_of", "post_records", "with_ages"]


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer to a record: the outcome, the result of its decision, and whether it came to be just now."""

    head: outcomes.Head
    result: dict[str, Any] | None
    is_new: bool


@dataclass(frozen=True, slots=True)
class Person:
    """The learner of a record: known to the bank already, or with an account that is still to be opened.

    `kin` are the accounts of the same person where some were merged.
    """

    id: UUID
    wrapped_key: bytes
    is_affiliated: bool
    kin: tuple[UUID, ...] = ()
    opening: learners.Opening | None = None
    rivals: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class Kin:
    """The accounts of one person, and whether the asking institution knows any of them."""

    members: tuple[UUID, ...]
    is_known: bool


@dataclass(frozen=True, slots=True)
class Entered:
    """An acceptable new record with its learner, as it will be written."""

    draft: Draft
    revision: outcomes.Revision
    person: Person


@dataclass(slots=True)
class _Desk:
    """The records of one request while they are looked at: what is on record, and what is entered so far."""

    work: Work
    institution_id: UUID
    schemes: Mapping[str, object]
    heads: dict[str, outcomes.Head]
    revisions: dict[UUID, list[outcomes.Revision]]
    entered: dict[str, Entered] = field(default_factory=dict)


def post_records(work: Work, records: Sequence[Record]) -> list[Receipt | Refusal]:
    """Record outcomes and answer each: what became of it, or why it is refused; refused rows leave no trace.

    A record that was handed in before with the same content is answered as it stands, without another effect.
    """
    require(work.actor, "outcomes:write")
    desk = _desk(work, [record.external_id for record in records])
    people = _people(work, records)
    refusals = [_entered_or_refused(desk, record, person) for record, person in zip(records, people, strict=True)]
    written = _write(work, list(desk.entered.values()))
    return _answers(work, records, refusals, desk.heads, written)


def outcome(work: Work, outcome_id: UUID) -> tuple[Receipt, Revision]:
    """Return one outcome with what is recorded of it. Refused: Unknown, alike for one that is not the actor's."""
    if work.actor.learner_id is None:
        require(work.actor, "outcomes:read", "outcomes:write", "audit:read")
    head = outcomes.by_id(work.connection, outcome_id)
    if head is None or not _may_see(work, head):
        raise unknown("学习成果", "outcome")
    _note(work, head)
    revision = outcomes.revision(work.connection, head, head.revision)
    assert revision is not None, "a head points to a revision"
    return _receipts(work, [head])[0], revision


def outcomes_of(
    work: Work, learner_id: UUID, after: tuple[datetime, UUID] | None, rows_max: int
) -> list[tuple[Receipt, Revision]]:
    """Return a learner's outcomes, newest first; an institution sees those that it recorded itself."""
    require(work.actor, "outcomes:read", "audit:read")
    person = seen(work, learner_id, Sight.OUTCOMES)
    sees_all = work.actor.learner_id is not None or work.actor.audits
    only = None if sees_all else work.actor.institution_id
    rows = outcomes.page(work.connection, person.members, only, after, rows_max)
    receipts = _receipts(work, [head for head, _ in rows])
    return [(receipt, revision) for receipt, (_, revision) in zip(receipts, rows, strict=True)]


def _may_see(work: Work, head: outcomes.Head) -> bool:
    """Tell whether the outcome is the actor's own, as its issuer or learner, or the actor audits."""
    actor = work.actor
    if hides(work, head.learner_id):
        return False
    if actor.learner_id is not None:
        return is_own(work, head.learner_id)
    return actor.audits or head.institution_id == actor.institution_id


def _note(work: Work, head: outcomes.Head) -> None:
    """Note in the learner's diary that somebody else sees an outcome."""
    actor = work.actor
    if actor.is_proxy:
        work.note_sight(head.learner_id, Sight.OUTCOMES, Basis.PROXY)
    elif actor.learner_id is None:
        is_issuer = head.institution_id == actor.institution_id
        work.note_sight(head.learner_id, Sight.OUTCOMES, Basis.ISSUED if is_issuer else Basis.AUDIT)


def _desk(work: Work, external_ids: Sequence[str]) -> _Desk:
    """Return the desk with everything that is on record under the external ids."""
    assert work.actor.institution_id is not None, "learners' tokens carry no scope for writing"
    heads = outcomes.recorded(work.connection, work.actor.institution_id, external_ids)
    revisions = outcomes.revisions(work.connection, [head.id for head in heads.values()])
    schemes = work.rulebook().schemes
    return _Desk(work, work.actor.institution_id, schemes, heads, revisions)


def _people(work: Work, records: Sequence[Record]) -> list[Person | Refusal]:
    """Return the learner of each record, found for all of them together, or why it can't be known."""
    keyed = [_claim_key(work, record) for record in records]
    matches = learners.matches(work.connection, list({key for key in keyed if isinstance(key, ClaimKey)}))
    named = {record.learner.id for record in records if record.learner.id is not None}
    known = learners.known(work.connection, named | {match.learner_id for match in matches}, work.actor.institution_id)
    matches = [match for match in matches if match.learner_id in known]  # not those who were erased meanwhile
    kin = _kin(work, known.values())
    found: dict[ClaimKey, Person] = {}
    found_people: list[Person | Refusal] = []
    matches_of: dict[bytes, list[Any]] = {}
    for match in matches:
        matches_of.setdefault(match.key.value_index, []).append(match)
    for record, key in zip(records, keyed, strict=True):
        if isinstance(key, Refusal):
            found_people.append(key)
        elif key is None:
            found_people.append(_named(record, known, kin))
        else:
            if key not in found:
                resolution = resolved([key], matches_of.get(key.value_index, []))
                found[key] = (
                    _known_person(known[resolution.learner_ids[0]], kin)
                    if resolution.learner_ids
                    else _new_person(work, record, resolution.rivals)
                )
            found_people.append(found[key])
    return found_people


def _claim_key(work: Work, record: Record) -> ClaimKey | Refusal | None:
    """Return how the record's identifier is searched for; None where it names the learner by id."""
    if record.learner.id is not None:
        return None
    application = _application(work, record)
    if isinstance(application, Refusal):
        return application
    return learners.claim_keys(work.keyring, application)[0]


def _application(work: Work, record: Record) -> Application | Refusal:
    """Return what the record says of its learner, in normal form."""
    reference = record.learner
    try:
        code = work.actor.institution_code
        claim = claim_of(reference.identifier_type, reference.identifier_value, code, work.today)
    except Malformed as malformed:
        return Malformed(tuple(fault.under("/learner/identifier") for fault in malformed.faults))
    return Application(reference.name, None, (claim,))


def _kin(work: Work, known: Iterable[learners.Known]) -> dict[UUID, Kin]:
    """Return the accounts of the same people as those that were merged, locked so that they count as one account.

    Two who record the same learning at once on two accounts of one person would else not see each other.
    """
    joint = [one.id for one in known if one.root_id is not None]
    if not joint:
        return {}
    found = people.locked_together(work.connection, joint)
    familiar: set[UUID] = set()
    if work.actor.institution_id is not None:
        members = {member for person in found.values() for member in person.members}
        familiar = learners.known_to(work.connection, members, work.actor.institution_id)
    return {one: Kin(person.members, not familiar.isdisjoint(person.members)) for one, person in found.items()}


def _named(record: Record, known: Mapping[UUID, learners.Known], kin: Mapping[UUID, Kin]) -> Person | Refusal:
    """Return the learner whom the record names by id, if the institution knows them."""
    found = known.get(record.learner.id) if record.learner.id is not None else None
    if found is None or not (found.is_affiliated or (found.id in kin and kin[found.id].is_known)):
        return unknown("学习者", "learner", "/learner/id")
    return _known_person(found, kin)


def _known_person(known: learners.Known, kin: Mapping[UUID, Kin]) -> Person:
    """Return a learner who has an account."""
    members = kin[known.id].members if known.id in kin else ()
    return Person(known.id, known.wrapped_key, known.is_affiliated, tuple(one for one in members if one != known.id))


def _new_person(work: Work, record: Record, rivals: tuple[UUID, ...]) -> Person:
    """Return a learner whose account is opened with the record; in conflict if others claim the identifier."""
    application = _application(work, record)
    assert isinstance(application, Application), "its claim was read before"
    assert work.actor.institution_id is not None, "learners' tokens carry no scope for writing"
    opening = learners.opening(work.keyring, work.new_id(), application, work.actor.institution_id, work.now)
    if rivals:
        opening = replace(opening, status=LearnerStatus.CONFLICT)
    return Person(opening.id, opening.wrapped_key, is_affiliated=True, opening=opening, rivals=rivals)


def _entered_or_refused(desk: _Desk, record: Record, person: Person | Refusal) -> Refusal | None:
    """Enter a new record at the desk, let a faithful repeat pass, or return why the record is refused."""
    faults = record_faults(record, desk.work.today, desk.schemes)
    if isinstance(person, Refusal):
        return Malformed(faults + person.faults) if faults else person
    if faults:
        return Malformed(faults)
    head = desk.heads.get(record.external_id)
    if head is not None:
        return _refused_repeat(desk.work.keyring, record, person, head, desk.revisions[head.id])
    earlier = desk.entered.get(record.external_id)
    if earlier is not None:
        return _refused_repeat(desk.work.keyring, record, person, earlier.draft.head, [earlier.revision])
    desk.entered[record.external_id] = _entered(desk, record, person)
    return None


def _refused_repeat(
    keyring: Keyring, record: Record, person: Person, head: outcomes.Head, revisions: Sequence[outcomes.Revision]
) -> Refusal | None:
    """Return why a repeated external id is refused; None if its content is that of any revision on record."""
    content, number = record.content(), record.certificate_no
    mac = content_mac(keyring, content, number, person.id)
    if any(revision.content_mac == mac for revision in revisions):
        return None
    latest = revisions[-1]
    stored = json.loads(latest.content)
    names = differing_fields(stored, content)
    if person.id != head.learner_id:
        names.append("learner")
    if latest.content_mac != content_mac(keyring, stored, number, head.learner_id):
        names.append("certificate_no")
    return content_differs(names, latest.revision)


def _entered(desk: _Desk, record: Record, person: Person) -> Entered:
    """Return a new record as it will be written."""
    work = desk.work
    head = outcomes.Head(
        learner_id=person.id,
        id=work.new_id(),
        institution_id=desk.institution_id,
        external_id=record.external_id,
        revision=1,
        status=Status.RECORDED,
        duplicate_of=None,
        decision_id=None,
        kind=record.kind.value,
        completed_on=record.completed_on,
        recorded_at=work.now,
    )
    facts = record.facts(work.actor.institution_code, work.today)
    claims = duplicate_claims(work.keyring, person.id, facts, record.certificate_no)
    return Entered(
        Draft(head, facts, claims, kin=person.kin),
        revision_of(work, head, record, person.wrapped_key, work.today),
        person,
    )


def _write(work: Work, entered: Sequence[Entered]) -> dict[str, Receipt]:
    """Open the accounts that are missing, settle the outcomes and write everything; return receipts by external id."""
    if not entered:
        return {}
    _write_people(work, [item.person for item in entered])
    settlement = settle(work, with_ages(work, [item.draft for item in entered]))
    outcomes.add(work.connection, settlement.heads)
    outcomes.add_revisions(work.connection, [item.revision for item in entered])
    book(work, settlement)
    return {
        head.external_id: Receipt(head, json.loads(decision.result), is_new=True)
        for head, decision in zip(settlement.heads, settlement.decisions, strict=True)
    }


def with_ages(work: Work, drafts: Sequence[Draft]) -> Sequence[Draft]:
    """Return drafts whose facts tell the learner's age on completion, where any rule in force ever asks for it."""
    if not work.rulebook().asks_age:
        return drafts
    born = learners.birth_dates(work.connection, work.keyring, {draft.head.learner_id for draft in drafts})
    ages = [age_on(draft.facts.completed_on, born.get(draft.head.learner_id)) for draft in drafts]
    return [replace(draft, facts=replace(draft.facts, age=age)) for draft, age in zip(drafts, ages, strict=True)]


def _write_people(work: Work, people: Sequence[Person]) -> None:
    """Open new accounts, note conflicts, and note whom the institution knows from now on."""
    assert work.actor.institution_id is not None, "learners' tokens carry no scope for writing"
    openings = {person.id: person.opening for person in people if person.opening is not None}
    if openings:
        learners.mark_conflict(work.connection, [rival for person in people for rival in person.rivals])
        learners.open_accounts(work.connection, work.keyring, _openings(list(openings.values())), work.new_id)
    strangers = {person.id for person in people if not person.is_affiliated}
    learners.affiliate(work.connection, [(person, work.actor.institution_id, work.now) for person in strangers])


def _openings(openings: Sequence[learners.Opening]) -> list[learners.Opening]:
    """Return the openings, in conflict where two of them claim the same identifier under different names."""
    claimed = Counter(claim for opening in openings for claim in opening.application.claims)
    return [
        replace(opening, status=LearnerStatus.CONFLICT)
        if any(claimed[claim] > 1 for claim in opening.application.claims)
        else opening
        for opening in openings
    ]


def _answers(
    work: Work,
    records: Sequence[Record],
    refusals: Sequence[Refusal | None],
    heads: Mapping[str, outcomes.Head],
    written: Mapping[str, Receipt],
) -> list[Receipt | Refusal]:
    """Return an answer a record, in their order; a second row with the same new outcome is a repeat of the first."""
    repeated = {
        receipt.head.external_id: receipt
        for receipt in _receipts(work, [heads[record.external_id] for record in records if record.external_id in heads])
    }
    answered: set[str] = set()
    answers: list[Receipt | Refusal] = []
    for record, refusal in zip(records, refusals, strict=True):
        if refusal is not None:
            answers.append(refusal)
        elif record.external_id in repeated:
            answers.append(repeated[record.external_id])
        else:
            receipt = written[record.external_id]
            answers.append(replace(receipt, is_new=False) if record.external_id in answered else receipt)
            answered.add(record.external_id)
    return answers


def _receipts(work: Work, heads: Sequence[outcomes.Head]) -> list[Receipt]:
    """Return outcomes that stand, each with the result of its decision."""
    results = decisions.results(work.connection, [head.decision_id for head in heads if head.decision_id])
    return [
        Receipt(head, json.loads(results[head.decision_id]) if head.decision_id else None, is_new=False)
        for head in heads
    ]
