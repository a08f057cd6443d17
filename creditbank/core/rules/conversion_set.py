"""A rule set of conversion as a value: what may replace what, within which limits, and who reviews it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Any

from creditbank.core.calendar import AcademicYear
from creditbank.core.rules.conditions import AllOf
from creditbank.core.rules.ruleset import Choice, Source, Title, Validity


class Toward(StrEnum):
    """What a rule converts into: a course of the programme, or credits of the programme as a whole."""

    COURSE = "course"
    PROGRAMME = "programme"


class Over(StrEnum):
    """What happens to a conversion that would pass a limit."""

    REFUSE = "refuse"
    """It is not made."""
    TRIM = "trim"
    """It counts up to the limit; what is over lapses with it."""
    SPLIT = "split"
    """It counts up to the limit; what is over stays on the learner's account."""


class Across(StrEnum):
    """Which conversions a limit adds up, besides the one that is asked for."""

    APPLICATION = "application"
    PROGRAMME = "programme"
    INSTITUTION = "institution"
    EVERYTHING = "everything"


class Measure(StrEnum):
    """What a limit counts."""

    CREDITS = "credits"
    OUTCOMES = "outcomes"
    COURSES = "courses"
    PERCENT_OF_PROGRAMME = "percent_of_programme"
    PERCENT_OF_CATEGORY = "percent_of_category"


class TieBreak(StrEnum):
    """What decides between conversions that bring equally many credits."""

    FEWEST_OUTCOMES = "fewest_outcomes"
    SOONEST_EXPIRING = "soonest_expiring"
    IN_ORDER = "in_order"


@dataclass(frozen=True, slots=True)
class ConversionRule:
    """One rule: which outcome, of which learner, counts toward which course or programme.

    `partners` are conditions that other outcomes of the application must fulfil, one outcome each; they are used up
    with it. `spends_credits` is false where the outcome itself exempts, whatever credits it has. A `joint` rule adds
    several outcomes up to the credits of one course. `at_most_hundredths` bounds what one outcome brings to one course.
    """

    id: str
    article: str | None
    title: Title | None
    when: AllOf
    partners: tuple[AllOf, ...]
    toward: Toward
    spends_credits: bool
    is_partial: bool
    is_joint: bool
    at_most_hundredths: int | None


@dataclass(frozen=True, slots=True)
class Exclusion:
    """What is never converted, whatever rules say."""

    id: str
    article: str | None
    title: Title | None
    when: AllOf


@dataclass(frozen=True, slots=True)
class Limit:
    """A bound on what is converted, for each group of `per`.

    `most` is in hundredths of a credit, a count, or hundredths of a percent, as the measure says.
    """

    id: str
    article: str | None
    title: Title | None
    where: AllOf | None
    per: tuple[str, ...]
    across: Across
    measure: Measure
    most: int
    over: Over


@dataclass(frozen=True, slots=True)
class Requirement:
    """Credits that the programme asks for in the end; what is missing is told."""

    id: str
    article: str | None
    title: Title | None
    where: AllOf | None
    least_hundredths: int


@dataclass(frozen=True, slots=True)
class Reviewers:
    """Who may decide a step: clients of a named institution, or of the one in a role toward the conversion."""

    institution: str | None
    role: str | None

    def document(self) -> dict[str, str]:
        """Return them as a rule set names them."""
        return {"institution": self.institution} if self.institution else {"role": str(self.role)}


@dataclass(frozen=True, slots=True)
class ReviewStep:
    """One step of the review: who decides within how many days, and who else may when those are over.

    Without `escalates_to` an overdue conversion lapses and what is held is released.
    """

    id: str
    title: Title | None
    by: Reviewers
    days: int
    escalates_to: Reviewers | None


@dataclass(frozen=True, slots=True)
class Appeal:
    """Who hears an appeal against a rejection, and within how many days it is made and heard."""

    by: Reviewers
    within_days: int
    days: int


@dataclass(frozen=True, slots=True)
class ConversionExample:
    """A rule set's own test: a situation as a document, and what is expected of it, as written."""

    id: str
    given: Mapping[str, Any]
    expected: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ConversionSet:
    """A version of a rule set of conversion; `rates` say what a credit of another scheme is worth in the set's own."""

    code: str
    version: int
    title: Title
    source: Source
    validity: Validity
    scheme: str
    priority: int
    applies_to: AllOf | None
    rates: Mapping[str, Fraction]
    valid_years: int | None
    calendar: AcademicYear
    rules: tuple[ConversionRule, ...]
    exclusions: tuple[Exclusion, ...]
    limits: tuple[Limit, ...]
    requirements: tuple[Requirement, ...]
    choose: Choice
    tie_break: tuple[TieBreak, ...]
    may_decline: bool
    asks_age: bool
    review: tuple[ReviewStep, ...]
    appeal: Appeal | None
    tests: tuple[ConversionExample, ...]
