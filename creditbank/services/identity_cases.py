"""Identity cases: who asks whether accounts are one person's, and what whoever decides it gets to see."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from creditbank.core.entitlement import Basis, Sight
from creditbank.core.errors import Conflict, Fault, Malformed, Unknown, unknown
from creditbank.core.identity import Learner
from creditbank.core.institution import Role
from creditbank.core.likeness import Finding
from creditbank.core.merging import Link, Person, parted, standing
from creditbank.core.permission import require
from creditbank.core.resolution import CaseKind
from creditbank.services import merging
from creditbank.services.bank import Work
from creditbank.services.entitlement import hides, no_such_learner
from creditbank.storage import identity_cases, institutions, learners, people
from creditbank.storage.identity_cases import IdentityCase, Said, Wanted, evidence_place, reason_place

__all__ = ["Grounds", "IdentityCase", "Said", "View", "Wanted", "case", "open_merge", "open_unmerge", "page"]

SCOPE = "identity:review"

NOBODY = UUID(int=0)
"""The institution of whoever has none: it knows nobody."""


@dataclass(frozen=True, slots=True)
class Grounds:
    """Why somebody asks, and what it rests on."""

    reason: str
    evidence: str


@dataclass(frozen=True, slots=True)
class View:
    """A case as it is shown: the two sides (None where somebody was erased), what was found alike, who said what."""

    case: IdentityCase
    sides: tuple[Learner | None, Learner | None]
    grounds: tuple[str | None, str | None]
    findings: tuple[tuple[Finding, int], ...]
    said: tuple[tuple[Said, str | None], ...]
    on: date
    """The day on which it is shown, by which documents are valid or expired."""


def page(work: Work, wanted: Wanted, after: tuple[datetime, UUID] | None, rows_max: int) -> list[IdentityCase]:
    """Return cases, newest first: all to an authority, to others those both of whose people they know."""
    require(work.actor, SCOPE)
    wanted = replace(wanted, known_to=None if _sees_all(work) else work.actor.institution_id or NOBODY)
    found = identity_cases.page(work.connection, wanted, after, rows_max)
    persons = people.people(work.connection, {end for case in found for end in (case.learner_id, case.other_id)})
    for case in found:
        for end in (case.learner_id, case.other_id):
            work.note_sight(persons[end].id, Sight.CASE, Basis.IDENTITY_CASE)
    return found


def case(work: Work, case_id: UUID) -> View:
    """Return one case with both accounts. Refused: Unknown, alike for one that the actor may not see."""
    require(work.actor, SCOPE)
    return view(work, visible(work, case_id))


def open_merge(work: Work, learner_id: UUID, into_id: UUID, grounds: Grounds) -> tuple[View, bool]:
    """Ask whether two accounts are one person's, and return the case and whether it is new.

    Where one is open on the two already, it is returned. Refused: Unknown; Conflict where they are one person.
    """
    require(work.actor, SCOPE)
    persons = people.people(work.connection, (learner_id, into_id))
    for end, pointer in ((learner_id, "/learner_id"), (into_id, "/into_id")):
        if end not in persons or not _may_see(work, [persons[end]]) or _shown(work, persons[end]) is None:
            raise no_such_learner(pointer)
    one, other = persons[learner_id], persons[into_id]
    if one.id == other.id:
        zh, en = "这两个账户已属于同一人。", "These accounts are one person's already."
        raise Conflict((Fault("/into_id", "one_person", zh, en),))
    for earlier in identity_cases.about(work.connection, one.members):
        ends = {earlier.learner_id, earlier.other_id}
        if earlier.verdict is None and ends & set(other.members):
            return view(work, earlier), False
    return _opened(work, CaseKind.MERGE, (learner_id, into_id, None), grounds), True


def open_unmerge(work: Work, learner_id: UUID, link_id: UUID | None, grounds: Grounds) -> tuple[View, bool]:
    """Ask whether merged accounts are two people's, and return the case and whether it is new.

    Institutions that approved conversions with outcomes of both are asked to take them back. Refused: Unknown;
    Conflict where nothing is merged; Malformed where several links stand and none is named.
    """
    require(work.actor, SCOPE)
    person = people.person(work.connection, learner_id)
    if person is None or not _may_see(work, [person]) or _shown(work, person) is None:
        raise no_such_learner("/learner_id")
    link = _link(work, person, learner_id, link_id)
    for earlier in identity_cases.about(work.connection, [link.learner_id]):
        if earlier.verdict is None and earlier.link_id == link.id:
            return view(work, earlier), False
    opened = _opened(work, CaseKind.UNMERGE, (link.learner_id, link.into_id, link.id), grounds)
    merging.ask_back(work, link.id, f"identity case {opened.case.id}")
    return opened, True


def visible(work: Work, case_id: UUID) -> IdentityCase:
    """Return a case that the actor may see. Refused: Unknown."""
    found = identity_cases.by_id(work.connection, case_id)
    if found is not None:
        persons = people.people(work.connection, (found.learner_id, found.other_id))
        if _may_see(work, list(persons.values())):
            return found
    raise _no_such_case()


def view(work: Work, found: IdentityCase) -> View:
    """Return a case as it is shown, and note in the diaries of both that the actor sees it."""
    one, other = sides(work, found)
    for side in (one, other):
        work.note_sight(side.id, Sight.IDENTITY, Basis.IDENTITY_CASE)
    evidence = found.evidence(work.keyring)
    findings: tuple[tuple[Finding, int], ...] = ()
    if found.kind is CaseKind.LIKENESS and evidence is not None:
        findings = tuple((Finding(name), weight) for name, weight in json.loads(evidence))
        evidence = None
    said = identity_cases.said_on(work.connection, [found.id])[found.id]
    return View(
        case=found,
        sides=(_shown(work, one), _shown(work, other)),
        grounds=(found.reason(work.keyring), evidence),
        findings=findings,
        said=tuple((one, one.reason(work.keyring)) for one in said),
        on=work.today,
    )


def links_of(work: Work, person: Person) -> tuple[Link, ...]:
    """Return the links that join a person's accounts now."""
    around = standing(people.links_around(work.connection, person.id))
    return tuple(link for link in around if link.learner_id in person.members)


def sides(work: Work, found: IdentityCase) -> tuple[Person, Person]:
    """Return the two people whom a case is about: as they are, as they would be parted, or account by account."""
    persons: Mapping[UUID, Person] = people.people(work.connection, (found.learner_id, found.other_id))
    one, other = persons[found.learner_id], persons[found.other_id]
    if one.id != other.id:
        return one, other
    links = links_of(work, one)
    if found.link_id in {link.id for link in links}:
        assert found.link_id is not None, "it is among the links"
        _, merged, left = parted(links, found.link_id)
        return merged, left
    return Person(found.learner_id, (found.learner_id,)), Person(found.other_id, (found.other_id,))


def _opened(work: Work, kind: CaseKind, about: tuple[UUID, UUID, UUID | None], grounds: Grounds) -> View:
    """Open a case. One of its kind on the same accounts was opened meanwhile: Raced."""
    case_id = work.new_id()
    reason = work.keyring.seal_bank(grounds.reason, reason_place(case_id))
    evidence = work.keyring.seal_bank(grounds.evidence, evidence_place(case_id))
    opened = IdentityCase(case_id, kind, *about, None, reason, evidence, work.actor.client_id, work.now)
    identity_cases.add(work.connection, [opened])
    return view(work, opened)


def _link(work: Work, person: Person, learner_id: UUID, link_id: UUID | None) -> Link:
    """Return the link that is named, or the one that merged the account. Refused: Conflict, Malformed."""
    links = links_of(work, person)
    if not links:
        zh, en = "此账户未与其他账户合并。", "The account is not merged with another one."
        raise Conflict((Fault("/learner_id", "not_merged", zh, en),))
    if link_id is None:
        own = [link for link in links if link.learner_id == learner_id] or list(links)
        if len(own) == 1:
            return own[0]
    for link in links:
        if link.id == link_id:
            return link
    listed = "; ".join(f"{link.id} ({link.learner_id} → {link.into_id})" for link in links)
    zh, en = f"请用 link 指明要撤销的合并：{listed}。", f"Name the merge to take back as link: {listed}."
    raise Malformed((Fault("/link", "which_link", zh, en),))


def _sees_all(work: Work) -> bool:
    """Tell whether the actor belongs to an authority."""
    institution_id = work.actor.institution_id
    found = None if institution_id is None else institutions.by_id(work.connection, institution_id)
    return found is not None and Role.AUTHORITY in found.roles


def _may_see(work: Work, persons: list[Person]) -> bool:
    """Tell whether the actor may see a case on some people: as an authority, or knowing each of them.

    Who restricted their data is nobody's but the authority's to merge or part.
    """
    if _sees_all(work):
        return True
    if work.actor.institution_id is None or work.actor.learner_id is not None:
        return False
    members = {member for person in persons for member in person.members}
    known = learners.known_to(work.connection, members, work.actor.institution_id)
    return all(not known.isdisjoint(one.members) and not hides(work, one.id) for one in persons)


def _shown(work: Work, person: Person) -> Learner | None:
    """Return a person with masked identifiers; other institutions' own numbers only to an authority."""
    seen_by = None if _sees_all(work) else work.actor.institution_code
    return learners.shown(work.connection, work.keyring, person, seen_by)


def _no_such_case() -> Unknown:
    return unknown("案件", "case")
