"""What becomes of outcomes: the same learning counts once, and the rules in force say for how much."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from types import MappingProxyType
from uuid import UUID

from creditbank.core.credit import Scheme
from creditbank.core.outcome import Facts, Status
from creditbank.core.recognition import Recognition, Shelf, recognised_subject, shelved
from creditbank.core.rules import AnySet, ConversionSet, QualificationSet, RuleSet
from creditbank.core.rules.subject import subject_of


@dataclass(frozen=True, slots=True)
class Rulebook:
    """The published rule sets of all versions and the schemes that they count in.

    Those in `withdrawn`, by code and version, stand for decisions that were taken by them; new ones leave them out.
    """

    rulesets: tuple[RuleSet, ...]
    schemes: Mapping[str, Scheme]
    conversions: tuple[ConversionSet, ...] = ()
    withdrawn: frozenset[tuple[str, int]] = frozenset()
    qualifications: tuple[QualificationSet, ...] = ()
    shelf: Shelf = field(init=False, compare=False, repr=False)
    asks_age: bool = field(init=False, compare=False, repr=False)
    """Whether any set that stands asks for the learner's age, so that facts have to tell it."""

    def __post_init__(self) -> None:
        """Put the sets where they are found again, once for all decisions."""
        standing = self.standing()
        object.__setattr__(self, "shelf", shelved(standing))
        object.__setattr__(self, "asks_age", any(ruleset.asks_age for ruleset in standing))

    def standing(self) -> tuple[RuleSet, ...]:
        """Return the sets of recognition that are not withdrawn."""
        return tuple(ruleset for ruleset in self.rulesets if not self._is_withdrawn(ruleset))

    def including(self, ruleset: RuleSet) -> "Rulebook":
        """Return what the rulebook is once this version is published; one that was withdrawn stands again in it."""
        name = (ruleset.code, ruleset.version)
        others = (one for one in self.rulesets if (one.code, one.version) != name)
        return replace(self, rulesets=(*others, ruleset), withdrawn=self.withdrawn - {name})

    def conversions_in_force(self, day: date) -> list[ConversionSet]:
        """Return the sets of conversion that are valid on a day, in every version that is not withdrawn."""
        return [
            ruleset
            for ruleset in self.conversions
            if ruleset.validity.contains_day(day) and not self._is_withdrawn(ruleset)
        ]

    def conversion_version(self, code: str, version: int) -> ConversionSet:
        """Return a version of a set of conversion, which there is: applications go by their own for ever."""
        return next(one for one in self.conversions if (one.code, one.version) == (code, version))

    def qualification(self, code: str, day: date) -> QualificationSet | None:
        """Return the newest version of a definition that is valid on a day and not withdrawn."""
        found = [
            one
            for one in self.qualifications
            if one.code == code and one.validity.contains_day(day) and not self._is_withdrawn(one)
        ]
        return max(found, key=lambda one: one.version, default=None)

    def automatic_qualifications(self, day: date) -> list[QualificationSet]:
        """Return the definitions in force on a day that are awarded by the rules themselves, by their codes."""
        found = (self.qualification(code, day) for code in sorted({one.code for one in self.qualifications}))
        return [one for one in found if one is not None and one.awarders.is_automatic]

    def qualification_version(self, code: str, version: int) -> QualificationSet:
        """Return a version of a definition, which there is: awards stand under their own for ever."""
        return next(one for one in self.qualifications if (one.code, one.version) == (code, version))

    def recognise(self, facts: Facts) -> Recognition:
        """Return what the rules in force make of the facts."""
        subject = subject_of(facts)
        return recognised_subject(self.shelf.in_force(subject), self.schemes, subject)

    def _is_withdrawn(self, ruleset: AnySet) -> bool:
        return (ruleset.code, ruleset.version) in self.withdrawn


@dataclass(frozen=True, slots=True)
class Case:
    """An outcome to be settled; `claims` are the keyed hashes by which the same learning is known again.

    It holds its claims. By those in `also` the same learning is known on other accounts of the same person.
    """

    outcome_id: UUID
    facts: Facts
    claims: tuple[bytes, ...]
    also: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of an outcome: a duplicate of another one, or judged by the rules."""

    status: Status
    duplicate_of: UUID | None
    recognition: Recognition | None


@dataclass(frozen=True, slots=True)
class Standing:
    """An outcome that counts on one of a person's accounts; `learning` is what the same learning has in common."""

    outcome_id: UUID
    account_id: UUID
    learning: tuple[date, str]
    is_in_use: bool
    is_credited: bool
    recorded_at: datetime


def revealed(found: Iterable[Standing]) -> list[tuple[UUID, UUID]]:
    """Return which outcomes turn out to be the same learning when accounts are merged: (duplicate, what counts).

    What is part of a conversion counts before what is not, what brought credits before what brought none, and then
    what was recorded first.
    """
    alike: dict[tuple[date, str], list[Standing]] = {}
    for one in found:
        alike.setdefault(one.learning, []).append(one)
    pairs = []
    for standing in alike.values():
        first, *others = sorted(standing, key=_precedence)
        pairs += [(one.outcome_id, first.outcome_id) for one in others]
    return pairs


def _precedence(one: Standing) -> tuple[bool, bool, datetime, UUID]:
    return (not one.is_in_use, not one.is_credited, one.recorded_at, one.outcome_id)


def settled(
    cases: Iterable[Case],
    holders: Mapping[bytes, UUID],
    rulebook: Rulebook,
    restored: Mapping[UUID, Recognition] = MappingProxyType({}),
) -> list[Verdict]:
    """Settle outcomes in their order, given which outcome stands for each claim of learning already on record.

    An outcome that shares a claim with an earlier one is its duplicate and gets no credit, whoever recorded either.
    What else a duplicate is known by stands for the same outcome from then on: what is the same as it is the same as
    that one. Outcomes in `restored` are recognised as they were once. What has the same facts, as a course that a whole
    class has passed, is recognised by the same object.
    """
    held = dict(holders)
    alike: dict[Facts, Recognition] = {}
    verdicts = []
    for case in cases:
        known_by = (*case.claims, *case.also)
        earlier = next((held[claim] for claim in known_by if held.get(claim, case.outcome_id) != case.outcome_id), None)
        if earlier is not None:
            for claim in case.claims:
                held.setdefault(claim, earlier)
            verdicts.append(Verdict(Status.DUPLICATE, earlier, None))
            continue
        held.update(dict.fromkeys(case.claims, case.outcome_id))
        recognition = restored.get(case.outcome_id) or alike.get(case.facts)
        if recognition is None:
            recognition = alike[case.facts] = rulebook.recognise(case.facts)
        status = Status.RECOGNISED if recognition.credit_hundredths else Status.RECORDED
        verdicts.append(Verdict(status, None, recognition))
    return verdicts
