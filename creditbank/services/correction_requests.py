"""Requests for correction: made by the learner, addressed to the institution that recorded it, answered by that one."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from creditbank.core.entitlement import Basis, Sight
from creditbank.core.errors import Conflict, Fault, unknown
from creditbank.core.merging import Person
from creditbank.core.permission import require
from creditbank.services.bank import Work
from creditbank.services.entitlement import acting_for, no_such_learner
from creditbank.storage import correction_requests, institutions, naming, outcomes, people
from creditbank.storage.correction_requests import CorrectionRequest

ANSWERING = ("learners:write", "outcomes:write")
"""Either of these lets an institution see and answer what was addressed to it."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is said to be wrong: an outcome, or a field of the account; of identifiers the one of a `type`, if said."""

    outcome_id: UUID | None
    field: str | None
    type: str | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """A request with its texts opened, and the code of the institution that it is addressed to."""

    request: CorrectionRequest
    institution: str
    says: str
    wants: str
    reason: str | None


def ask(work: Work, learner_id: UUID, subject: Subject, says: str, wants: str) -> Shown:
    """Ask the institution that recorded something to correct it. Refused: Unknown learner or outcome."""
    acting_for(work, learner_id, Sight.IDENTITY)
    held = people.locked(work.connection, learner_id)
    if held is None or held.is_erased:
        raise no_such_learner()
    account_id, institution_id = _addressed(work, held.person, subject)
    cipher = naming.ciphers(work.connection, work.keyring, [account_id])[account_id]
    request_id = work.new_id()
    made = CorrectionRequest(
        learner_id=account_id,
        id=request_id,
        institution_id=institution_id,
        outcome_id=subject.outcome_id,
        field=subject.field,
        sealed_says=cipher.seal(says, correction_requests.place("says", request_id)),
        sealed_wants=cipher.seal(wants, correction_requests.place("wants", request_id)),
        opened_by=work.actor.client_id,
        opened_at=work.now,
    )
    correction_requests.add(work.connection, made)
    code = institutions.codes(work.connection, [institution_id])[institution_id]
    return Shown(made, code, says, wants, None)


def own_page(work: Work, learner_id: UUID, after: tuple[datetime, UUID] | None, rows_max: int) -> list[Shown]:
    """Return what a learner asked for, newest first. Refused: Unknown."""
    person = acting_for(work, learner_id, Sight.REQUESTS)
    return shown(work, correction_requests.of_people(work.connection, person.members, after, rows_max))


def addressed_page(work: Work, after: tuple[datetime, UUID] | None, rows_max: int) -> list[Shown]:
    """Return what learners asked of the actor's institution, newest first, of restricted ones as well: they asked it.

    Refused: ScopeMissing.
    """
    require(work.actor, *ANSWERING)
    assert work.actor.institution_id is not None, "learners' tokens carry no scope for writing"
    found = correction_requests.addressed_to(work.connection, work.actor.institution_id, after, rows_max)
    for one in found:
        work.note_sight(one.learner_id, Sight.REQUESTS, Basis.PART)
    return shown(work, found)


def answer(work: Work, request_id: UUID, verdict: str, reason: str) -> Shown:
    """Tell the learner that it was corrected, or why not; answered alike already it is shown as it stands.

    Refused: Unknown, alike for a request to another institution; Conflict where it was answered otherwise.
    """
    require(work.actor, *ANSWERING)
    found = correction_requests.locked(work.connection, request_id)
    if found is None or found.institution_id != work.actor.institution_id:
        raise unknown("更正申请", "correction request")
    cipher = naming.ciphers(work.connection, work.keyring, [found.learner_id]).get(found.learner_id)
    if cipher is None:
        raise unknown("更正申请", "correction request")
    work.note_sight(found.learner_id, Sight.REQUESTS, Basis.PART)
    if found.verdict is not None:
        if found.verdict != verdict:
            zh, en = f"此申请已答复（{found.verdict}）。", f"This request was answered already: {found.verdict}."
            raise Conflict((Fault("", "request_closed", zh, en),))
        return shown(work, [found])[0]
    answered = replace(
        found,
        verdict=verdict,
        sealed_reason=cipher.seal(reason, correction_requests.place("reason", found.id)),
        answered_by=work.actor.client_id,
        answered_at=work.now,
    )
    correction_requests.change(work.connection, answered)
    return shown(work, [answered])[0]


def shown(work: Work, found: list[CorrectionRequest]) -> list[Shown]:
    """Return requests with their texts opened; their learners are not erased."""
    ciphers = naming.ciphers(work.connection, work.keyring, {one.learner_id for one in found})
    codes = institutions.codes(work.connection, {one.institution_id for one in found})
    opened = []
    for one in found:
        if one.learner_id not in ciphers:
            continue
        says, wants, reason = (
            None if sealed is None else ciphers[one.learner_id].opened(sealed, correction_requests.place(name, one.id))
            for name, sealed in (("says", one.sealed_says), ("wants", one.sealed_wants), ("reason", one.sealed_reason))
        )
        opened.append(Shown(one, codes[one.institution_id], says or "", wants or "", reason))
    return opened


def _addressed(work: Work, person: Person, subject: Subject) -> tuple[UUID, UUID]:
    """Return the account that something is on, and the institution that recorded it. Refused: Unknown."""
    if subject.outcome_id is not None:
        head = outcomes.by_id(work.connection, subject.outcome_id)
        if head is None or head.learner_id not in person.members:
            raise unknown("学习成果", "outcome", "/about/outcome_id")
        return head.learner_id, head.institution_id
    institution_id = naming.opened_by(work.connection, person.members)
    if subject.field == "identifier":
        institution_id = naming.claimed_by(work.connection, person.members, subject.type)
    if institution_id is None:
        raise unknown("身份标识", "identifier", "/about")
    return person.id, institution_id
