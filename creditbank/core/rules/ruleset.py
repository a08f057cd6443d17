"""A rule set as a value: who made it and when it is valid, its rules, its own tests, and an index to find rules."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from creditbank.core.outcome import Facts
from creditbank.core.rules.awards import Award
from creditbank.core.rules.conditions import AllOf, OneOf
from creditbank.core.rules.subject import Subject

INDEXED = ("code", "title", "issuer", "kind")
"""The facts by which rules are found, the most telling first."""


class VersionDate(StrEnum):
    """The day that says which version of a rule set applies."""

    COMPLETED = "completed"
    APPLIED = "applied"


class Choice(StrEnum):
    """Which rule's award counts when several award something: the most credits, or the first in the document."""

    BEST = "best"
    FIRST = "first"


@dataclass(frozen=True, slots=True)
class Title:
    """A title in both languages."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: when it applies and what it awards. A level or category that it names replaces the outcome's own."""

    id: str
    article: str | None
    title: Title | None
    when: AllOf
    award: Award
    level: str | None
    category: str | None
    valid_years: int | None


@dataclass(frozen=True, slots=True)
class Expected:
    """What a rule set's own test expects; None is not asked."""

    credit_hundredths: int
    rule: str | None
    level: str | None
    category: str | None


@dataclass(frozen=True, slots=True)
class Example:
    """A rule set's own test."""

    id: str
    given: Facts
    expected: Expected


@dataclass(frozen=True, slots=True)
class Source:
    """Who answers for the rules, and the document and article that they encode."""

    authority: str
    document: str
    article: str | None


@dataclass(frozen=True, slots=True)
class Validity:
    """The days on which a version applies, both inclusive, and which day of an outcome is asked about."""

    first: date
    last: date | None
    version_date: VersionDate

    def day_of(self, facts: Facts) -> date:
        """Return the day of the outcome that picks the version."""
        return facts.completed_on if self.version_date is VersionDate.COMPLETED else facts.applied_on

    def contains(self, facts: Facts) -> bool:
        """Tell whether the outcome falls into the validity."""
        return self.contains_day(self.day_of(facts))

    def contains_day(self, day: date) -> bool:
        """Tell whether the day falls into the validity."""
        return self.first <= day and (self.last is None or day <= self.last)


@dataclass(frozen=True, slots=True)
class RuleIndex:
    """The places of rules by the value of their most telling fact; a rule that names none is always a candidate."""

    by_fact: Mapping[str, Mapping[str, tuple[int, ...]]]
    always: tuple[int, ...]

    def candidates(self, subject: Subject) -> Sequence[int]:
        """Return the places of the rules that can apply, in the order of the document."""
        found = list(self.always)
        for fact, places in self.by_fact.items():
            found.extend(places.get(subject.texts[fact] or "", ()))
        found.sort()
        return found


@dataclass(frozen=True, slots=True)
class RuleSet:
    """A version of a rule set. `priority` orders sets, the highest first; `tests` must pass before it is published."""

    code: str
    version: int
    title: Title
    source: Source
    validity: Validity
    scheme: str
    priority: int
    applies_to: AllOf | None
    choose: Choice
    rules: tuple[Rule, ...]
    tests: tuple[Example, ...]
    index: RuleIndex


def indexed(rules: Sequence[Rule]) -> RuleIndex:
    """Return the index of the rules."""
    by_fact: dict[str, dict[str, list[int]]] = {}
    always = []
    for place, rule in enumerate(rules):
        anchor = _anchor(rule)
        if anchor is None:
            always.append(place)
            continue
        for key in anchor.values:
            by_fact.setdefault(anchor.fact, {}).setdefault(key, []).append(place)
    frozen = {fact: {key: tuple(places) for key, places in keys.items()} for fact, keys in by_fact.items()}
    return RuleIndex(frozen, tuple(always))


def _anchor(rule: Rule) -> OneOf | None:
    """Return the most telling predicate that must hold for the rule to apply."""
    needed = {part.fact: part for part in rule.when.parts if isinstance(part, OneOf)}
    return next((needed[fact] for fact in INDEXED if fact in needed), None)
