"""Conditions on one outcome: what they ask, whether it holds, and the account of it that an explanation keeps.

A fact that the outcome does not have fulfils no predicate, so that `not` of such a predicate holds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Any, Protocol

from creditbank.core.credit import decimal_text, parsed_hundredths
from creditbank.core.normalisation import text_key
from creditbank.core.rules.subject import AGE_MAX, Subject

ASKED_MAX = 12
"""Values of a long list that an explanation repeats; how many more there were is told."""


class Condition(Protocol):
    """Something that holds of an outcome or does not."""

    def holds(self, subject: Subject) -> bool:
        """Tell whether it holds, as quickly as possible."""

    def explained(self, subject: Subject) -> dict[str, Any]:
        """Return what was asked, what was found and whether it held, of every part."""


@dataclass(frozen=True, slots=True)
class AllOf:
    """Holds where every part does."""

    parts: tuple[Condition, ...]

    def holds(self, subject: Subject) -> bool:
        """Tell whether every part holds."""
        return all(part.holds(subject) for part in self.parts)

    def explained(self, subject: Subject) -> dict[str, Any]:
        """Return the account of every part."""
        parts = [part.explained(subject) for part in self.parts]
        return {"all": parts, "held": all(part["held"] for part in parts)}


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Holds where at least one part does."""

    parts: tuple[Condition, ...]

    def holds(self, subject: Subject) -> bool:
        """Tell whether any part holds."""
        return any(part.holds(subject) for part in self.parts)

    def explained(self, subject: Subject) -> dict[str, Any]:
        """Return the account of every part."""
        parts = [part.explained(subject) for part in self.parts]
        return {"any": parts, "held": any(part["held"] for part in parts)}


@dataclass(frozen=True, slots=True)
class Not:
    """Holds where its part does not."""

    part: Condition

    def holds(self, subject: Subject) -> bool:
        """Tell whether the part fails."""
        return not self.part.holds(subject)

    def explained(self, subject: Subject) -> dict[str, Any]:
        """Return the account of the part."""
        part = self.part.explained(subject)
        return {"not": part, "held": not part["held"]}


@dataclass(frozen=True, slots=True)
class AtLeast:
    """Holds where at least `count` of its parts do."""

    count: int
    parts: tuple[Condition, ...]

    def holds(self, subject: Subject) -> bool:
        """Tell whether enough parts hold."""
        return sum(part.holds(subject) for part in self.parts) >= self.count

    def explained(self, subject: Subject) -> dict[str, Any]:
        """Return the account of every part, and how many were asked for."""
        parts = [part.explained(subject) for part in self.parts]
        return {"at_least": self.count, "of": parts, "held": sum(part["held"] for part in parts) >= self.count}


@dataclass(frozen=True, slots=True)
class AgeBetween:
    """The learner's age in whole years lies between two bounds, both inclusive; None is no bound."""

    at_least: int | None
    at_most: int | None

    def holds(self, subject: Subject) -> bool:
        """Tell whether the age is known and within the bounds."""
        return _within(subject.facts.age, self.at_least, self.at_most)

    def explained(self, subject: Subject) -> dict[str, Any]:
        """Return the bounds and the age."""
        bounds = {"at_least": self.at_least, "at_most": self.at_most}
        asked = {name: str(bound) for name, bound in bounds.items() if bound is not None}
        age = subject.facts.age
        return _account("age", asked, None if age is None else str(age), held=self.holds(subject))


@dataclass(frozen=True, slots=True)
class OneOf:
    """A text fact is one of some values; `values` maps the key under which each is equal to how it was written."""

    fact: str
    values: Mapping[str, str]

    def holds(self, subject: Subject) -> bool:
        """Tell whether the fact's key is among the values'."""
        return subject.texts.get(self.fact) in self.values

    def explained(self, subject: Subject) -> dict[str, Any]:
        """Return the values asked for, the first of a long list, and what was found."""
        asked = list(islice(self.values.values(), ASKED_MAX))
        account = _account(self.fact, asked, subject.written.get(self.fact), held=self.holds(subject))
        if len(self.values) > ASKED_MAX:
            account["asked_more"] = len(self.values) - ASKED_MAX
        return account


@dataclass(frozen=True, slots=True)
class Between:
    """A number fact, in hundredths, lies between two bounds, both inclusive; None is no bound."""

    fact: str
    at_least: int | None
    at_most: int | None

    def holds(self, subject: Subject) -> bool:
        """Tell whether the number is there and within the bounds."""
        return _within(subject.numbers.get(self.fact), self.at_least, self.at_most)

    def explained(self, subject: Subject) -> dict[str, Any]:
        """Return the bounds and the number, or the text in its place."""
        number = subject.numbers.get(self.fact)
        found = subject.written.get(self.fact) if number is None else decimal_text(number)
        return _account(self.fact, _bounds(self.at_least, self.at_most), found, held=self.holds(subject))


@dataclass(frozen=True, slots=True)
class ScoreBetween:
    """The score is a number on the named scale and lies between two bounds, in hundredths, both inclusive."""

    scale: str
    at_least: int | None
    at_most: int | None

    def holds(self, subject: Subject) -> bool:
        """Tell whether the scale is the same and the score within the bounds."""
        score = subject.facts.score
        if score is None or text_key(score.scale) != text_key(self.scale):
            return False
        return _within(parsed_hundredths(score.value), self.at_least, self.at_most)

    def explained(self, subject: Subject) -> dict[str, Any]:
        """Return the bounds with their scale and the score with its own."""
        asked = {"scale": self.scale, **_bounds(self.at_least, self.at_most)}
        return _account("score", asked, _score(subject), held=self.holds(subject))


@dataclass(frozen=True, slots=True)
class ScoreIn:
    """The score is one of some grades of the named scale; `values` maps each one's key to how it was written."""

    scale: str
    values: Mapping[str, str]

    def holds(self, subject: Subject) -> bool:
        """Tell whether the scale is the same and the grade among the values."""
        score = subject.facts.score
        if score is None or text_key(score.scale) != text_key(self.scale):
            return False
        return text_key(score.value) in self.values

    def explained(self, subject: Subject) -> dict[str, Any]:
        """Return the grades with their scale and the score with its own."""
        asked = {"scale": self.scale, "in": list(self.values.values())[:ASKED_MAX]}
        return _account("score", asked, _score(subject), held=self.holds(subject))


@dataclass(frozen=True, slots=True)
class During:
    """A day lies between two days, both inclusive; None is no bound."""

    fact: str
    first: date | None
    last: date | None

    def holds(self, subject: Subject) -> bool:
        """Tell whether the day is there and within the bounds."""
        day = subject.days[self.fact]
        if day is None or (self.first is not None and day < self.first):
            return False
        return self.last is None or day <= self.last

    def explained(self, subject: Subject) -> dict[str, Any]:
        """Return the bounds and the day."""
        day = subject.days[self.fact]
        bounds = {"from": self.first, "until": self.last}
        asked = {name: bound.isoformat() for name, bound in bounds.items() if bound is not None}
        return _account(self.fact, asked, day and day.isoformat(), held=self.holds(subject))


@dataclass(frozen=True, slots=True)
class CompletedWithin:
    """The outcome was completed at most so many years before it was handed in: 16 years and one day are over 16."""

    years: int

    def holds(self, subject: Subject) -> bool:
        """Tell whether it is young enough."""
        facts = subject.facts
        return facts.completed_on >= years_later(facts.applied_on, -self.years)

    def explained(self, subject: Subject) -> dict[str, Any]:
        """Return the years and both days."""
        facts = subject.facts
        found = {"completed_on": facts.completed_on.isoformat(), "applied_on": facts.applied_on.isoformat()}
        return _account("completed_within_years", self.years, found, held=self.holds(subject))


@dataclass(frozen=True, slots=True)
class SameTitle:
    """The outcome has the same normalised title as the course that it is to replace."""

    def holds(self, subject: Subject) -> bool:
        """Tell whether the titles are the same."""
        return subject.texts["title"] == subject.texts.get("target_title")

    def explained(self, subject: Subject) -> dict[str, Any]:
        """Return both titles."""
        asked, found = subject.written.get("target_title"), subject.written["title"]
        return _account("same_title", asked, found, held=self.holds(subject))


def years_later(day: date, years: int) -> date:
    """Return the same calendar day so many years later, or earlier if negative.

    29 February is 28 February in common years; where the calendar ends, its first or last day.
    """
    year = day.year + years
    if not date.min.year <= year <= date.max.year:
        return date.min if years < 0 else date.max
    try:
        return day.replace(year=year)
    except ValueError:
        return day.replace(year=year, day=28)


def age_on(day: date, birth_date: date | None) -> int | None:
    """Return the whole years that somebody has lived on a day; None without a birth date or where nobody is so old.

    Who was born on 29 February is a year older on 28 February in common years.
    """
    if birth_date is None:
        return None
    years = day.year - birth_date.year
    age = years - (years_later(birth_date, years) > day)
    return age if 0 <= age <= AGE_MAX else None


def _within(number: int | None, at_least: int | None, at_most: int | None) -> bool:
    if number is None or (at_least is not None and number < at_least):
        return False
    return at_most is None or number <= at_most


def _bounds(at_least: int | None, at_most: int | None) -> dict[str, str]:
    bounds = {"at_least": at_least, "at_most": at_most}
    return {name: decimal_text(bound) for name, bound in bounds.items() if bound is not None}


def _score(subject: Subject) -> dict[str, str] | None:
    score = subject.facts.score
    return None if score is None else {"value": score.value, "scale": score.scale}


def _account(fact: str, asked: object, found: object, *, held: bool) -> dict[str, Any]:
    return {"fact": fact, "asked": asked, "found": found, "held": held}
