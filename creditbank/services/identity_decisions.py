"""Decisions on identity: each approver's word, and what it does to the accounts once enough have spoken alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from creditbank.core.errors import Conflict, Fault, Malformed
from creditbank.core.merging import Person
from creditbank.core.permission import require
from creditbank.core.resolution import CaseKind, Statement, Verdict, check_may_say, decided
from creditbank.services import conflicts, credential_following, identity_cases, merging
from creditbank.services.bank import Work
from creditbank.services.identity_cases import SCOPE, View
from creditbank.storage import claims, people
from creditbank.storage import identity_cases as cases
from creditbank.storage.identity_cases import IdentityCase, Said, said_place
from creditbank.storage.people import Held


@dataclass(frozen=True, slots=True)
class Word:
    """What an approver says: the verdict; of "same" the account to be known by, of "different" who keeps the number."""

    verdict: Verdict
    into_id: UUID | None = None
    holder_id: UUID | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """A case with the people on both sides, locked; of an unmerge one person on both sides."""

    case: IdentityCase
    one: Person
    other: Person

    def side_of(self, account_id: UUID) -> Person | None:
        """Return the side to which an account belongs."""
        return next((side for side in (self.one, self.other) if account_id in side.members), None)


def decide(work: Work, case_id: UUID, word: Word) -> View:
    """Note what an approver says, and carry it out where it takes no more.

    Refused: Unknown; NotAllowed to who opened it; Conflict for a second word, where it is decided, and where
    conversions stand in the way of parting; Malformed where who keeps the number is not said, or an account is none of
    the case's.
    """
    require(work.actor, SCOPE)
    seen = identity_cases.visible(work, case_id)
    held = people.locked_whole(work.connection, (seen.learner_id, seen.other_id))
    found = cases.locked(work.connection, case_id)
    assert found is not None, "a case is never taken away"
    check_may_say(found.opened_by, [], work.actor.client_id)
    said = cases.said_on(work.connection, [case_id])[case_id]
    if found.verdict is not None:
        if any(one.actor == work.actor.client_id and one.verdict is word.verdict for one in said):
            return identity_cases.view(work, found)
        raise _decided_already(found.verdict)
    statements = [Statement(one.verdict, one.actor) for one in said]
    check_may_say(found.opened_by, statements, work.actor.client_id)
    question = _question(work, found, held)
    account_id = _account(work, question, word, said, held)
    cases.say(work.connection, _said(work, case_id, len(said) + 1, word, account_id))
    verdict = decided(found.kind, found.opened_by, [*statements, Statement(word.verdict, work.actor.client_id)])
    if verdict is not None:
        named = [account_id, *(one.account_id for one in said if one.verdict is verdict)]
        _carry_out(work, question, verdict, next((one for one in named if one is not None), None))
    after = cases.by_id(work.connection, case_id)
    assert after is not None, "a case is never taken away"
    return identity_cases.view(work, after)


def _question(work: Work, found: IdentityCase, held: Mapping[UUID, Held]) -> Question:
    """Return the case with both sides; of an unmerge as they would be parted."""
    one, other = held[found.learner_id].person, held[found.other_id].person
    if found.kind is CaseKind.UNMERGE:
        one, other = identity_cases.sides(work, found)
    return Question(found, one, other)


def _account(
    work: Work, question: Question, word: Word, said: Sequence[Said], held: Mapping[UUID, Held]
) -> UUID | None:
    """Return the account that the verdict names. Refused: Malformed, Conflict."""
    is_same = word.verdict is Verdict.SAME
    merges = is_same and question.case.kind is not CaseKind.UNMERGE
    if merges and any(one.is_erased for one in held.values()):
        zh, en = "其中一个账户已被删除，无法合并。", "One of the accounts was erased; they can't be merged."
        raise Conflict((Fault("", "erased", zh, en),))
    if word.into_id is not None and not merges:
        raise _not_here("/into_id")
    if word.holder_id is not None and is_same:
        raise _not_here("/holder")
    named = word.into_id or word.holder_id
    if named is not None and question.side_of(named) is None:
        zh, en = "此账户不属于本案件。", "This account is none of the case's."
        raise Malformed((Fault("/into_id" if is_same else "/holder", "other_account", zh, en),))
    if not is_same and named is None and question.case.kind is not CaseKind.UNMERGE:
        _check_nothing_shared(work, question)
    for one in said:
        if one.verdict is word.verdict and None not in (named, one.account_id) and one.account_id != named:
            zh = f"先前的审批人指定了账户 {one.account_id}；请指定同一账户，或不指定。"
            en = f"Who spoke before named the account {one.account_id}; name the same, or none."
            raise Conflict((Fault("", "named_otherwise", zh, en),))
    return named


def _check_nothing_shared(work: Work, question: Question) -> None:
    """Let two people be different without a word on whose number it is, if they share none. Refused: Malformed."""
    if claims.shared(work.connection, question.one.members, question.other.members):
        zh = "双方都登记了同一号码；请用 holder 指明号码属于哪个账户。"
        en = "Both have one number on record; say as holder whose account keeps it."
        raise Malformed((Fault("/holder", "holder_needed", zh, en),))


def _carry_out(work: Work, question: Question, verdict: Verdict, account_id: UUID | None) -> None:
    """Do to the accounts what was decided, and close the case and all that it answers as well."""
    case = question.case
    after: tuple[Person, ...] = ()
    if case.kind is CaseKind.UNMERGE:
        if verdict is Verdict.DIFFERENT:
            assert case.link_id is not None, "an unmerge is about a link"
            after = merging.part(work, case.link_id, case.id)
    elif verdict is Verdict.SAME:
        after = (_joined(work, question, account_id),)
    else:
        after = (question.one, question.other)
    _close(work, case, verdict, after)
    if verdict is Verdict.DIFFERENT and after:
        _part_numbers(work, after, account_id)
    conflicts.settle(work, after)
    for person in after:
        credential_following.follow(work, person.members)


def _joined(work: Work, question: Question, account_id: UUID | None) -> Person:
    """Merge the sides into the one that was named, else into the second of a merge, else into the older account's."""
    one, other = question.one, question.other
    if account_id is not None:
        into = question.side_of(account_id)
        assert into is not None, "it was checked when it was named"
    else:
        into = other if question.case.kind is CaseKind.MERGE else min(one, other, key=lambda side: side.id)
    merged = other if into is one else one
    merging.join(work, merged.id, into.id, question.case.id)
    union = people.person(work.connection, into.id)
    assert union is not None, "it is locked"
    return union


def _part_numbers(work: Work, sides: Sequence[Person], account_id: UUID | None) -> None:
    """Leave numbers that both have with the one who was named; open a conflict where nobody was."""
    one, other = sides
    if account_id is not None:
        holder, loser = (one, other) if account_id in one.members else (other, one)
        conflicts.keep_with(work, holder, loser)
    elif claims.shared(work.connection, one.members, other.members):
        conflicts.raise_between(work, [(one.id, other.id)])


def _close(work: Work, case: IdentityCase, verdict: Verdict, after: Sequence[Person]) -> None:
    """Note the verdict on the case, and on every other open one that asks the same of the same people."""
    answered = [case]
    for other in cases.about(work.connection, {member for person in after for member in person.members}):
        if other.id == case.id or other.verdict is not None or other.kind is CaseKind.UNMERGE:
            continue
        places = [next((n for n, one in enumerate(after) if end in one.members), None) for end in _ends(other)]
        if None not in places and (places[0] == places[1]) is (verdict is Verdict.SAME):
            answered.append(other)
    cases.change(work.connection, [replace(one, verdict=verdict, decided_at=work.now) for one in answered])


def _ends(case: IdentityCase) -> tuple[UUID, UUID]:
    return case.learner_id, case.other_id


def _said(work: Work, case_id: UUID, number: int, word: Word, account_id: UUID | None) -> Said:
    """Return an approver's word as it is written down."""
    place = said_place(case_id, number)
    reason = None if word.reason is None else work.keyring.seal_bank(word.reason, place)
    actor = work.actor
    return Said(case_id, number, word.verdict, actor.client_id, actor.institution_id, work.now, account_id, reason)


def _decided_already(verdict: Verdict) -> Conflict:
    zh, en = f"此案件已裁定为 {verdict}。", f"The case was decided already: {verdict}."
    return Conflict((Fault("", "case_decided", zh, en),))


def _not_here(pointer: str) -> Malformed:
    zh, en = "此裁定不需要指明该账户；请删除此字段。", "This verdict names no such account; leave the field out."
    return Malformed((Fault(pointer, "not_here", zh, en),))
