"""A rule set as a value: who made it and when it is valid, its rules, its own tests, and an index to find rules."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from itertools import chain
from typing import Any

from creditbank.core.outcome import Facts
from creditbank.core.rules.awards import Award
from creditbank.core.rules.conditions import AgeBetween, AllOf, AnyOf, AtLeast, Condition, Not, OneOf
from creditbank.core.rules.subject import Subject

INDEXED = ("code", "title", "issuer", "kind")
"""The facts by which rules are found, the most telling first."""

Anchors = tuple[OneOf, ...]
"""Predicates of which one must hold for a condition to hold."""


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
    named: Mapping[str, Any] = field(init=False, compare=False, repr=False)
    """How an explanation names it."""

    def __post_init__(self) -> None:
        """Write down once what every explanation says of it."""
        named: dict[str, Any] = {"rule": self.id}
        if self.article is not None:
            named["article"] = self.article
        if self.title is not None:
            named["title"] = {"zh": self.title.zh, "en": self.title.en}
        object.__setattr__(self, "named", named)


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
class Places:
    """Numbers of things by the values that they need; what needs none of them is always among those found."""

    by_fact: Mapping[str, Mapping[str, tuple[int, ...]]]
    always: tuple[int, ...]

    def lists(self, subject: Subject) -> list[tuple[int, ...]]:
        """Return ascending lists of those that can be meant; one can stand in several."""
        texts = subject.texts
        found = [self.always]
        for fact, places in self.by_fact.items():
            found.append(places.get(texts.get(fact) or "", ()))
        return found

    def found(self, subject: Subject) -> list[int]:
        """Return those that can be meant, in order, each once."""
        lists = [one for one in self.lists(subject) if one]
        return sorted(set(chain.from_iterable(lists))) if len(lists) > 1 else list(*lists)


@dataclass(frozen=True, slots=True)
class RuleIndex:
    """How rules are found: those that can apply by the rarest value that they need, those near by the most telling.

    A rule that applies is among both; one that is near and does not apply came close, which an explanation tells.
    """

    fitting: Places
    near: Places

    def candidates(self, subject: Subject) -> Sequence[int]:
        """Return the places of the rules that can apply, in the order of the document."""
        return self.fitting.found(subject)

    def close(self, subject: Subject, applying: Collection[int], most: int) -> tuple[list[int], int]:
        """Return the places of the first rules that are near without applying, and how many there are in all.

        `applying` are all rules that apply, of which each is near; `most` is how many at most are returned.
        """
        lists, applying_count = self.near.lists(subject), len(applying)
        count = sum(len(one) for one in lists) - applying_count
        if not count:
            return [], 0
        first = sorted(place for one in lists for place in one[: most + applying_count])
        return [place for place in first if place not in applying][:most], count


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
    named: Mapping[str, Any] = field(init=False, compare=False, repr=False)
    """How an explanation names it."""

    def __post_init__(self) -> None:
        """Write down once what every explanation says of it."""
        source = {"document": self.source.document}
        if self.source.article is not None:
            source["article"] = self.source.article
        named = {
            "ruleset": self.code,
            "version": self.version,
            "title": {"zh": self.title.zh, "en": self.title.en},
            "source": source,
            "scheme": self.scheme,
            "choose": self.choose.value,
        }
        object.__setattr__(self, "named", named)

    @property
    def asks_age(self) -> bool:
        """Tell whether any of its conditions asks for the learner's age."""
        conditions = [rule.when for rule in self.rules]
        return any(map(is_about_age, conditions if self.applies_to is None else [*conditions, self.applies_to]))


def indexed(rules: Sequence[Rule]) -> RuleIndex:
    """Return the index of the rules."""
    needed = [_needed(rule.when) for rule in rules]
    values = (_name(one, key) for ways in needed for way in ways for one in way for key in one.values)
    frequency = Counter(values)

    def spread(way: Anchors) -> int:
        return sum(max(frequency[_name(one, key)] for key in one.values) for one in way)

    return RuleIndex(
        fitting=placed(min(ways, key=spread, default=()) for ways in needed),
        near=placed(map(_telling, rules)),
    )


def placed(anchors: Iterable[Anchors]) -> Places:
    """Return things in their order by the predicates of which each needs one to hold; none is no need."""
    by_fact: dict[str, dict[str, list[int]]] = {}
    always = []
    for place, way in enumerate(anchors):
        if not way:
            always.append(place)
        for fact, key in sorted({_name(one, key) for one in way for key in one.values}):
            by_fact.setdefault(fact, {}).setdefault(key, []).append(place)
    frozen = {fact: {key: tuple(places) for key, places in keys.items()} for fact, keys in by_fact.items()}
    return Places(frozen, tuple(always))


def anchors_of(condition: AllOf | None) -> Anchors:
    """Return predicates of which one holds wherever the condition does: the most telling; none where there are none."""
    return () if condition is None else min(_needed(condition), key=_rank, default=())


def _needed(condition: Condition) -> list[Anchors]:
    """Return the ways in which a condition can be found: in each, one of the predicates must hold for it to hold."""
    if isinstance(condition, OneOf):
        return [(condition,)]
    if isinstance(condition, AllOf):
        return [way for part in condition.parts for way in _needed(part)]
    if isinstance(condition, AnyOf):
        ways = [min(_needed(part), key=_rank, default=()) for part in condition.parts]
        return [tuple(one for way in ways for one in way)] if all(ways) else []
    return []


def _rank(way: Anchors) -> int:
    """Return how little a way tells; the most telling fact comes first."""
    return max(INDEXED.index(one.fact) if one.fact in INDEXED else len(INDEXED) for one in way)


def _telling(rule: Rule) -> Anchors:
    """Return the most telling predicate that must hold by itself for the rule to apply."""
    needed = {part.fact: part for part in rule.when.parts if isinstance(part, OneOf)}
    return next(((needed[fact],) for fact in INDEXED if fact in needed), ())


def _name(one: OneOf, key: str) -> tuple[str, str]:
    return one.fact, key


def is_about_age(condition: Condition) -> bool:
    """Tell whether a condition or any part of it asks for the learner's age."""
    if isinstance(condition, Not):
        return is_about_age(condition.part)
    if isinstance(condition, (AllOf, AnyOf, AtLeast)):
        return any(map(is_about_age, condition.parts))
    return isinstance(condition, AgeBetween)
