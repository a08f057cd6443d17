"""Learning outcomes handed in: one by one or by thousands, each answered, settled and booked in one transaction."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from creditbank.core.errors import Malformed, Refusal, unknown
from creditbank.core.identity import Application, LearnerStatus, Match, resolved
from creditbank.core.institution import Ending, ended_fault
from creditbank.core.outcome import Record, Status, content_differs, differing_fields, record_faults
from creditbank.core.permission import require
from creditbank.core.rules.conditions import age_on
from creditbank.formats.claims import claim_of_reference
from creditbank.services import claiming
from creditbank.services.bank import Work
from creditbank.services.receipts import Receipt, receipts
from creditbank.services.repeats import Told, differing
from creditbank.services.settling import Draft, book, certificate_of, duplicate_claims, revision_of, settle
from creditbank.storage import certificates, identifier_index, learners, outcomes, people
from creditbank.storage.certificates import Certificate
from creditbank.storage.identifier_index import ClaimKeys, claim_keys

__all__ = ["Receipt", "post_records", "with_ages"]


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
    record: Record
    revision: outcomes.Revision
    certificate: Certificate | None
    person: Person


@dataclass(slots=True)
class _Desk:
    """The records of one request while they are looked at: what is on record, and what is entered so far."""

    work: Work
    institution_id: UUID
    schemes: Mapping[str, object]
    heads: dict[str, outcomes.Head]
    revisions: dict[UUID, list[outcomes.Revision]]
    ending: Ending | None
    certificates: dict[tuple[UUID, int], Certificate] = field(default_factory=dict)
    wrapped_keys: dict[UUID, bytes] = field(default_factory=dict)
    entered: dict[str, Entered] = field(default_factory=dict)


def post_records(work: Work, records: Sequence[Record]) -> list[Receipt | Refusal]:
    """Record outcomes and answer each: what became of it, or why it is refused; refused rows leave no trace.

    A record that was handed in before with the same content is answered as it stands, without another effect.
    """
    require(work.actor, "outcomes:write")
    desk = _desk(work, [record.external_id for record in records])
    people = _people(desk, records)
    desk.certificates |= certificates.of_outcomes(work.connection, [head.id for head in desk.heads.values()])
    refusals = [_entered_or_refused(desk, record, person) for record, person in zip(records, people, strict=True)]
    written = _write(work, list(desk.entered.values()))
    return _answers(work, records, refusals, desk.heads, written)


def _desk(work: Work, external_ids: Sequence[str]) -> _Desk:
    """Return the desk with everything that is on record under the external ids."""
    assert work.actor.institution_id is not None, "learners' tokens carry no scope for writing"
    heads = outcomes.recorded(work.connection, work.actor.institution_id, external_ids)
    revisions = outcomes.revisions(work.connection, [head.id for head in heads.values()])
    schemes = work.rulebook().schemes
    ending = work.ending(work.actor.institution_id)
    return _Desk(work, work.actor.institution_id, schemes, heads, revisions, ending)


def _people(desk: _Desk, records: Sequence[Record]) -> list[Person | Refusal]:
    """Return the learner of each record, found for all of them together, or why it can't be known.

    The keys of those whose outcomes are on record come with them, for comparing what is sealed.
    """
    work = desk.work
    keyed = [_claim_keys(work, record) for record in records]
    matches = identifier_index.matches(work.connection, {keys for keys in keyed if isinstance(keys, tuple)})
    named = {record.learner.id for record in records if record.learner.id is not None}
    wanted = named | {match.learner_id for match in matches} | {head.learner_id for head in desk.heads.values()}
    known = learners.known(work.connection, wanted, work.actor.institution_id)
    matches = [match for match in matches if match.learner_id in known]  # not those who were erased meanwhile
    kin = _kin(work, known.values())
    desk.wrapped_keys |= {found.id: found.wrapped_key for found in known.values()}
    found: dict[ClaimKeys, Person] = {}
    found_people: list[Person | Refusal] = []
    matches_of: dict[bytes, list[Match]] = {}
    for match in matches:
        matches_of.setdefault(match.key.value_index, []).append(match)
    for record, keys in zip(records, keyed, strict=True):
        if isinstance(keys, Refusal):
            found_people.append(keys)
        elif keys is None:
            found_people.append(_named(record, known, kin))
        else:
            if keys not in found:
                matching = [match for key in keys for match in matches_of.get(key.value_index, [])]
                resolution = resolved(keys, matching)
                found[keys] = (
                    _known_person(known[resolution.learner_ids[0]], kin)
                    if resolution.learner_ids
                    else _new_person(work, record, resolution.rivals)
                )
            found_people.append(found[keys])
    return found_people


def _claim_keys(work: Work, record: Record) -> ClaimKeys | Refusal | None:
    """Return how the record's identifier is searched for; None where it names the learner by id."""
    if record.learner.id is not None:
        return None
    application = _application(work, record)
    if isinstance(application, Refusal):
        return application
    return claim_keys(work.keyring, application)[0]


def _application(work: Work, record: Record) -> Application | Refusal:
    """Return what the record says of its learner, in normal form."""
    reference = record.learner
    try:
        claim = claim_of_reference(reference, work.actor.institution_code, work.today)
    except Malformed as malformed:
        return malformed
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
        return _refused_repeat(desk, record, person, head)
    earlier = desk.entered.get(record.external_id)
    if earlier is not None:
        return _refused_second(record, person, earlier)
    too_late = ended_fault(desk.ending, record.completed_on, "/completed_on")
    if too_late is not None:
        return Malformed((too_late,))
    desk.entered[record.external_id] = _entered(desk, record, person)
    return None


def _refused_repeat(desk: _Desk, record: Record, person: Person, head: outcomes.Head) -> Refusal | None:
    """Return why a repeated external id is refused; None if its content is that of any revision on record."""
    key = desk.wrapped_keys[head.learner_id]
    told = [Told(one, desk.certificates.get((head.id, one.revision)), key) for one in desk.revisions[head.id]]
    names = [differing(desk.work.keyring, one, record, person.id) for one in told]
    return content_differs(names[-1], head.revision) if all(names) else None


def _refused_second(record: Record, person: Person, earlier: Entered) -> Refusal | None:
    """Return why a record is refused whose external id came earlier in the same request; None if it says the same."""
    names = differing_fields(earlier.record.content(), record.content())
    if person.id != earlier.person.id:
        names.append("learner")
    if record.certificate_no != earlier.record.certificate_no:
        names.append("certificate_no")
    return content_differs(names, earlier.revision.revision) if names else None


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
    certificate = certificate_of(work, head, record, person.wrapped_key)
    draft = Draft(head, facts, claims, kin=person.kin)
    return Entered(draft, record, revision_of(work, head, record, work.today), certificate, person)


def _write(work: Work, entered: Sequence[Entered]) -> dict[str, Receipt]:
    """Open the accounts that are missing, settle the outcomes and write everything; return receipts by external id."""
    if not entered:
        return {}
    _write_people(work, [item.person for item in entered])
    settlement = settle(work, with_ages(work, [item.draft for item in entered]))

    def write_heads() -> None:
        outcomes.add(work.connection, settlement.heads)
        outcomes.add_revisions(work.connection, [item.revision for item in entered])
        certificates.add(work.connection, [item.certificate for item in entered if item.certificate is not None])

    book(work, settlement, write_heads)
    return {
        head.external_id: Receipt(head, result, is_new=True)
        for head, result in zip(settlement.heads, settlement.results, strict=True)
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
    openings = {person.id: (person.opening, person.rivals) for person in people if person.opening is not None}
    claiming.open_new(work, list(openings.values()))
    strangers = {person.id for person in people if not person.is_affiliated}
    learners.affiliate(work.connection, [(person, work.actor.institution_id, work.now) for person in strangers])


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
        for receipt in receipts(work, [heads[record.external_id] for record in records if record.external_id in heads])
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
