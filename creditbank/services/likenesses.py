"""Likenesses: accounts that have come or changed are compared with those like them, and pairs proposed to people."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from creditbank.core.likeness import Likeness, Traits, likeness
from creditbank.core.merging import Person
from creditbank.core.permission import require
from creditbank.core.resolution import CaseKind
from creditbank.formats.id_number import birth_date_of
from creditbank.formats.strict_json import text_of
from creditbank.services.bank import Work
from creditbank.storage import claims, identity_cases, people
from creditbank.storage import likeness as index
from creditbank.storage.identity_cases import IdentityCase, evidence_place

ROWS_MAX = 50
"""Entries of the index in one transaction: with blocks of 100 accounts at most 5,000 pairs."""


@dataclass(frozen=True, slots=True)
class Compared:
    """What one transaction did: entries looked at (none: all are done), pairs compared, cases opened, blocks skipped.

    A block that is too large is counted each time that somebody new has come into it.
    """

    rows: int
    pairs: int
    opened: int
    skipped: int

    def plus(self, other: "Compared") -> "Compared":
        """Return both together."""
        counts = (self.rows + other.rows, self.pairs + other.pairs)
        return Compared(*counts, self.opened + other.opened, self.skipped + other.skipped)


def propose(work: Work) -> Compared:
    """Compare what is new since the last time, and open a case for every pair that is much alike. Nobody is merged.

    Left out are people who are known to be one or two, or on whom a case is open; and who was erased or restricted.
    Refused: ScopeMissing.
    """
    require(work.actor, "admin")
    fresh = index.next_fresh(work.connection, ROWS_MAX)
    ends = {one for pair in fresh.pairs for one in pair}
    persons = people.people(work.connection, ends)
    apart = _settled(work, persons)
    pairs = [pair for pair in fresh.pairs if _is_open_question(pair, persons, apart)]
    traits = _traits(work, {one for pair in pairs for one in pair})
    cases: dict[tuple[UUID, UUID], IdentityCase] = {}
    for one, other in pairs:
        if one in traits and other in traits:
            found = likeness(traits[one], traits[other])
            ids = _ordered(persons[one].id, persons[other].id)
            if found.is_proposed and ids not in cases:
                cases[ids] = _case(work, one, other, found)
    identity_cases.add_missing(work.connection, list(cases.values()))
    return Compared(fresh.rows, len(pairs), len(cases), fresh.skipped)


def _settled(work: Work, persons: Mapping[UUID, Person]) -> set[tuple[UUID, UUID]]:
    """Return the pairs of people on whom a case is open, or who were decided to be two."""
    members = {member for person in persons.values() for member in person.members}
    cases = identity_cases.about(work.connection, members) if members else []
    roots = {member: person.id for person in persons.values() for member in person.members}
    ends = ((roots.get(case.learner_id), roots.get(case.other_id)) for case in cases)
    return {_ordered(one, other) for one, other in ends if one is not None and other is not None}


def _is_open_question(
    pair: tuple[UUID, UUID], persons: Mapping[UUID, Person], settled: Collection[tuple[UUID, UUID]]
) -> bool:
    """Tell whether it is open if two accounts are one person's."""
    one, other = persons[pair[0]].id, persons[pair[1]].id
    return one != other and _ordered(one, other) not in settled


def _ordered(one: UUID, other: UUID) -> tuple[UUID, UUID]:
    return min(one, other), max(one, other)


def _traits(work: Work, learner_ids: Iterable[UUID]) -> dict[UUID, Traits]:
    """Return what is compared; a birth date that nobody stated is read from a resident ID."""
    found = index.traits(work.connection, work.keyring, set(learner_ids))
    unsaid = [one for one, traits in found.items() if traits.birth_date is None]
    for claim in claims.standing(work.connection, work.keyring, unsaid):
        born = birth_date_of(claim.claim.type, claim.claim.value)
        if born is not None:
            found[claim.learner_id] = replace(found[claim.learner_id], birth_date=born)
    return found


def _case(work: Work, one: UUID, other: UUID, found: Likeness) -> IdentityCase:
    """Return a case on two accounts that are much alike, with the findings as its evidence."""
    case_id = work.new_id()
    findings = text_of([[finding.value, weight] for finding, weight in found.parts])
    evidence = work.keyring.seal_bank(findings, evidence_place(case_id))
    said = (None, found.score_hundredths, None, evidence, work.actor.client_id, work.now)
    return IdentityCase(case_id, CaseKind.LIKENESS, one, other, *said)
