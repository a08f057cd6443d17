"""Guardians: who speaks for a child under 14, recorded by an institution that knows both."""

from dataclasses import dataclass
from uuid import UUID

from creditbank.core.consent import is_child, is_minor
from creditbank.core.entitlement import Sight
from creditbank.core.errors import Conflict, Fault, Malformed, unknown
from creditbank.core.identity import Relation
from creditbank.core.merging import Person
from creditbank.core.permission import require
from creditbank.services.bank import Work
from creditbank.services.entitlement import knows, no_such_learner, seen
from creditbank.storage import guardians, learners, people
from creditbank.storage.guardians import Guardianship

__all__ = ["GUARDIANS_MAX", "Guardianship", "Naming", "end", "guardians_of", "name"]

GUARDIANS_MAX = 10
"""People who speak for one child at a time: both parents and all grandparents, and room for more."""


@dataclass(frozen=True, slots=True)
class Naming:
    """Who is to speak for a child, what they are to it, and on what evidence; that is sealed."""

    guardian_id: UUID
    relation: Relation
    evidence: str


def name(work: Work, child_id: UUID, naming: Naming) -> tuple[Guardianship, bool]:
    """Record who speaks for a child, and tell whether it is new.

    Refused: ScopeMissing; Unknown child or guardian, alike for those whom the institution doesn't know; Conflict where
    the learner is no child any more, or has enough guardians; Malformed where nobody can be a guardian so.
    """
    require(work.actor, "learners:write")
    child, guardian = _known(work, child_id, ""), _known(work, naming.guardian_id, "/guardian/id")
    held = people.locked(work.connection, child.id)
    assert held is not None, "known just now"
    _check_ages(work, held.person, guardian)
    current = [one for one in guardians.of_child(work.connection, held.person.members) if one.ended_at is None]
    same = next((one for one in current if one.guardian_id in guardian.members), None)
    if same is not None:
        return same, False
    if len(current) >= GUARDIANS_MAX:
        zh = f"该学习者已有 {GUARDIANS_MAX} 名监护人；请先结束不再有效的监护关系。"
        en = f"The learner has {GUARDIANS_MAX} guardians; end those that no longer hold first."
        raise Conflict((Fault("", "too_many_guardians", zh, en),))
    value = _new(work, child_id, naming)
    guardians.add(work.connection, value)
    return value, True


def guardians_of(work: Work, child_id: UUID) -> list[Guardianship]:
    """Return everybody who speaks or spoke for a learner. Refused: Unknown."""
    if work.actor.learner_id is None:
        require(work.actor, "learners:write", "audit:read")
    person = seen(work, child_id, Sight.IDENTITY)
    return guardians.of_child(work.connection, person.members)


def end(work: Work, child_id: UUID, guardianship_id: UUID) -> Guardianship:
    """Let somebody speak for a child no longer; what ended stays as it is. Refused: ScopeMissing, Unknown."""
    require(work.actor, "learners:write")
    child = _known(work, child_id, "")
    people.locked(work.connection, child.id)
    found = guardians.by_id(work.connection, child.members, guardianship_id)
    if found is None:
        raise unknown("监护关系", "guardian")
    if found.ended_at is None:
        guardians.end(work.connection, found, work.actor.client_id, work.now)
        found = guardians.by_id(work.connection, child.members, guardianship_id)
        assert found is not None, "it stays"
    return found


def _known(work: Work, learner_id: UUID, pointer: str) -> Person:
    """Return a learner whom the institution knows. Refused: Unknown."""
    person = people.person(work.connection, learner_id)
    if work.actor.learner_id is not None or person is None or not knows(work, person):
        raise no_such_learner(pointer)
    return person


def _check_ages(work: Work, child: Person, guardian: Person) -> None:
    """Let a grown-up speak for a child. Refused: Malformed, Conflict."""
    born = guardians.born(work.connection, work.keyring, child.members)
    if guardian.id == child.id:
        zh, en = "不能将学习者本人登记为其监护人。", "Nobody is their own guardian; name somebody else."
        raise Malformed((Fault("/guardian/id", "own_guardian", zh, en),))
    if born is None:
        zh = "该学习者没有出生日期记录，无法确认是否未满十四周岁；请先补充居民身份证号。"
        en = "There is no birth date of the learner on record; add their resident ID first, so that their age is known."
        raise Conflict((Fault("", "birth_date_missing", zh, en),))
    if not is_child(born, work.today):
        zh, en = "该学习者已满十四周岁，由本人办理。", "The learner is 14 or older and speaks for themself."
        raise Conflict((Fault("", "no_child", zh, en),))
    if is_minor(guardians.born(work.connection, work.keyring, guardian.members), work.today):
        zh, en = "监护人须年满十八周岁。", "A guardian has to be 18 or older."
        raise Malformed((Fault("/guardian/id", "guardian_too_young", zh, en),))


def _new(work: Work, child_id: UUID, naming: Naming) -> Guardianship:
    """Return what is written; the evidence names people and is sealed under the child's own key."""
    assert work.actor.institution_id is not None, "an institution knows the child"
    guardianship_id = work.new_id()
    known = learners.known(work.connection, [child_id], work.actor.institution_id)[child_id]
    cipher = work.keyring.person_cipher(known.wrapped_key)
    return Guardianship(
        learner_id=child_id,
        id=guardianship_id,
        guardian_id=naming.guardian_id,
        relation=naming.relation,
        sealed_evidence=cipher.seal(naming.evidence, guardians.evidence_place(guardianship_id)),
        recorded_by=work.actor.client_id,
        institution_id=work.actor.institution_id,
        since=work.now,
    )
