"""Erasure: asked for by the learner, decided by somebody else, done in one transaction, and done again after a restore.

What is destroyed and what stays is listed in storage/erasure.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from creditbank.core.entitlement import Basis, Sight
from creditbank.core.errors import Conflict, Fault, Malformed, NotAllowed, TryLater, unknown
from creditbank.core.permission import require
from creditbank.core.review import OPEN
from creditbank.gateways import erasure_journal
from creditbank.gateways.erasure_journal import Erased
from creditbank.services.bank import Work
from creditbank.services.entitlement import acting_for, knows, no_such_learner
from creditbank.storage import (
    conversions,
    erasure,
    erasure_requests,
    identifier_index,
    identity_cases,
    naming,
    people,
)
from creditbank.storage.erasure_requests import ErasureRequest

SCOPE = "identity:review"
"""What it takes to decide on an erasure."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A request with its reasons opened; they are gone once the person is erased."""

    request: ErasureRequest
    reason: str | None
    verdict_reason: str | None


def ask(work: Work, learner_id: UUID, account_no: str, reason: str | None) -> tuple[Shown, bool]:
    """Ask that a person be erased, and tell whether that is new; one request waits at a time.

    Refused: Unknown; Malformed where the account number is not theirs; Conflict with all that stands in the way.
    """
    acting_for(work, learner_id, Sight.IDENTITY)
    held = people.locked(work.connection, learner_id)
    if held is None or held.is_erased:
        raise no_such_learner()
    person = held.person
    if identifier_index.with_account_no(work.connection, work.keyring, account_no) not in person.members:
        zh = "账号与您的学习账户不符；请填写您自己的账号以确认删除。"
        en = "This is not the number of your account; give your own to confirm the erasure."
        raise Malformed((Fault("/confirm_account_no", "wrong_account_no", zh, en),))
    waiting = [one for one in erasure_requests.of_people(work.connection, person.members) if one.state == "open"]
    if waiting:
        return _shown(work, waiting[0]), False
    _check_nothing_in_the_way(work, person.members)
    request_id = work.new_id()
    sealed = None if reason is None else _sealed(work, person.id, reason, ("reason", request_id))
    made = ErasureRequest(person.id, request_id, erasure_requests.OPEN, sealed, work.actor.client_id, work.now)
    erasure_requests.add(work.connection, made)
    return Shown(made, reason, None), True


def own_requests(work: Work, learner_id: UUID) -> list[Shown]:
    """Return a learner's requests, newest first. Refused: Unknown."""
    person = acting_for(work, learner_id, Sight.REQUESTS)
    return [_shown(work, one) for one in erasure_requests.of_people(work.connection, person.members)]


def withdraw(work: Work, learner_id: UUID, request_id: UUID) -> Shown:
    """Take a request back before it is decided; taken back already it is answered as it stands.

    Refused: Unknown, Conflict once it is decided.
    """
    person = acting_for(work, learner_id, Sight.REQUESTS)
    people.locked(work.connection, person.id)
    found = erasure_requests.locked(work.connection, request_id)
    if found is None or found.learner_id not in person.members:
        raise unknown("删除申请", "erasure request")
    if found.state == "withdrawn":
        return _shown(work, found)
    _check_open(found)
    changed = replace(found, state="withdrawn", decided_by=work.actor.client_id, decided_at=work.now)
    erasure_requests.change(work.connection, changed)
    return _shown(work, changed)


def waiting(work: Work, after: tuple[datetime, UUID] | None, rows_max: int) -> list[Shown]:
    """Return the requests that wait for a decision, newest first: all to an authority, to others of whom they know.

    Refused: ScopeMissing.
    """
    require(work.actor, SCOPE)
    known_to = None if work.actor.is_authority else work.actor.institution_id or UUID(int=0)
    found = erasure_requests.waiting(work.connection, known_to, after, rows_max)
    for one in found:
        work.note_sight(one.learner_id, Sight.REQUESTS, Basis.PART)
    return [_shown(work, one) for one in found]


def decide(work: Work, request_id: UUID, verdict: str, reason: str) -> ErasureRequest:
    """Erase the person ("approve"), or let them be ("decline"); decided alike already it is answered as it stands.

    Refused: Unknown, alike for a request of somebody whom neither the institution knows nor an authority asks about;
    NotAllowed to who asked; Conflict where it was decided otherwise or something stands in the way.
    """
    require(work.actor, SCOPE)
    asked = erasure_requests.by_id(work.connection, request_id)
    if asked is None or not _may_decide(work, asked):
        raise unknown("删除申请", "erasure request")
    held = people.locked_whole(work.connection, [asked.learner_id]).get(asked.learner_id)
    found = erasure_requests.locked(work.connection, request_id)
    assert held is not None, "an account is never taken away"
    assert found is not None, "a request is never taken away"
    state = "erased" if verdict == "approve" else "declined"
    if found.state == state:
        return found
    _check_open(found)
    if work.actor.client_id == found.requested_by:
        raise _own_request()
    decided = replace(found, state=state, decided_by=work.actor.client_id, decided_at=work.now)
    if verdict == "decline":
        sealed = _sealed(work, found.learner_id, reason, ("verdict_reason", found.id))
        erasure_requests.change(work.connection, replace(decided, sealed_verdict_reason=sealed))
        return decided
    _check_nothing_in_the_way(work, held.person.members)
    erasure_requests.change(work.connection, replace(decided, sealed_reason=None))
    _close_others(work, held.person.members, decided)
    _erase(work, Erased(work.now, found.id, held.person.members))
    return decided


def reapply(work: Work, entries: Sequence[Erased]) -> int:
    """Erase again whoever stands in the journal and is alive; return how many accounts that were.

    Not those whose request was taken back or declined: their line was written by an approval that never came through.
    """
    require(work.actor, "admin")
    erased = 0
    for entry in entries:
        request = erasure_requests.by_id(work.connection, entry.request_id)
        if request is not None and request.state in erasure_requests.REFUSED:
            continue
        for learner_id in erasure.alive(work.connection, entry.learner_ids):
            people.locked_whole(work.connection, [learner_id])
            erasure.erase(work.connection, [learner_id], entry.at)
            erased += 1
        if request is not None and request.state == erasure_requests.OPEN:
            done = replace(request, state="erased", sealed_reason=None, decided_at=entry.at)
            erasure_requests.change(work.connection, done)
    work.afterwards.append(work.bank.database.forget_log)
    return erased


def _may_decide(work: Work, asked: ErasureRequest) -> bool:
    """Tell whether the actor decides on a request: as an authority, or knowing the learner; or did so before."""
    if work.actor.is_authority or work.actor.client_id == asked.decided_by:
        return True
    person = people.person(work.connection, asked.learner_id)
    return person is not None and knows(work, person)


def _erase(work: Work, entry: Erased) -> None:
    """Write the erasure to the journal, then do it; once it is committed nothing is left of it in SQLite's log."""
    journal = work.bank.erasures
    assert journal is not None, "a bank that erases has a journal"
    erasure.erase(work.connection, entry.learner_ids, entry.at)
    try:
        erasure_journal.write(journal, entry)
    except erasure_journal.JournalUnusable as unusable:
        zh = "删除日志无法写入，未删除任何数据；请联系系统管理员。"
        en = "The journal of erasures can't be written, so nothing was erased; tell the bank's operator."
        raise TryLater((Fault("", "journal_unusable", zh, en),)) from unusable
    work.afterwards.append(work.bank.database.forget_log)


def _close_others(work: Work, members: Sequence[UUID], decided: ErasureRequest) -> None:
    """Close what waits on accounts that were merged while both had asked."""
    for one in erasure_requests.of_people(work.connection, members):
        if one.state == erasure_requests.OPEN and one.id != decided.id:
            closed = replace(one, state="erased", decided_by=decided.decided_by, decided_at=decided.decided_at)
            erasure_requests.change(work.connection, closed)


def _check_nothing_in_the_way(work: Work, members: Sequence[UUID]) -> None:
    """Let a person go of whom nothing is undecided. Refused: Conflict with everything that is."""
    faults = tuple(_in_the_way(work, members))
    if faults:
        raise Conflict(faults)


def _in_the_way(work: Work, members: Sequence[UUID]) -> Iterator[Fault]:
    for one in conversions.of_people(work.connection, members):
        if one.progress.state in OPEN:
            zh = f"转换申请 {one.id} 尚未结束；请先撤回，或等待审核结果。"
            en = f"The application {one.id} is open; withdraw it first, or wait until it is decided."
            yield Fault("", "open_conversion", zh, en)
    for case in identity_cases.about(work.connection, members):
        if case.verdict is None:
            zh = f"身份案件 {case.id} 尚未裁定；裁定后即可删除。"
            en = f"The identity case {case.id} is open; the erasure can follow when it is decided."
            yield Fault("", "open_identity_case", zh, en)


def _check_open(found: ErasureRequest) -> None:
    if found.state != erasure_requests.OPEN:
        zh, en = f"此申请已结束（{found.state}）。", f"This request is closed already: {found.state}."
        raise Conflict((Fault("", "request_closed", zh, en),))


def _own_request() -> NotAllowed:
    """Return the answer to who would decide what they asked for themselves."""
    zh, en = "申请的提出者不能裁定该申请；请由他人裁定。", "Who made a request can't decide it; somebody else has to."
    return NotAllowed((Fault("", "own_request", zh, en),))


def _sealed(work: Work, learner_id: UUID, text: str, where: tuple[str, UUID]) -> bytes:
    """Return a text sealed under a learner's key for a column of a request."""
    cipher = naming.ciphers(work.connection, work.keyring, [learner_id])[learner_id]
    return cipher.seal(text, erasure_requests.place(*where))


def _shown(work: Work, found: ErasureRequest) -> Shown:
    cipher = naming.ciphers(work.connection, work.keyring, [found.learner_id]).get(found.learner_id)
    if cipher is None:
        return Shown(found, None, None)
    reason, verdict_reason = (
        None if sealed is None else cipher.opened(sealed, erasure_requests.place(column, found.id))
        for column, sealed in (("reason", found.sealed_reason), ("verdict_reason", found.sealed_verdict_reason))
    )
    return Shown(found, reason, verdict_reason)
