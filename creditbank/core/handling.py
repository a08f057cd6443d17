"""Handling: how applications for conversion ended, in how many days, as far as what happened by a day tells."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from creditbank.core.review import State


class ByPlace(StrEnum):
    """By what reports are told part by part."""

    REGION = "region"
    INSTITUTION = "institution"


class Reason(StrEnum):
    """Why a decision on an outcome brings it no credit."""

    NO_RULESET = "no_ruleset"
    NO_RULE_APPLIES = "no_rule_applies"
    NO_CREDIT = "no_credit"
    """A rule applies, and what it awards comes to nothing."""
    DUPLICATE = "duplicate"
    REVOCATION = "revocation"


APPEAL = "appeal"
"""The step of an application that was appealed; who hears it decides for good."""

_ENDS = {
    "rejected": State.REJECTED,
    "withdrawn": State.WITHDRAWN,
    "lapsed": State.LAPSED,
    "voided": State.VOIDED,
}
"""What ends an application whatever its step; an approval does at the last one alone."""

ENDED = (State.APPROVED, *_ENDS.values())
"""How applications end, in the order in which it is told."""

DECIDED = frozenset({State.APPROVED, State.REJECTED})
"""Those of them that somebody decided; how long that took is what is told in days."""


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that was done with an application: its kind, the step that was up, and the day."""

    kind: str
    step: str | None
    on: date


@dataclass(frozen=True, slots=True)
class Ended:
    """How an application ended, on which day."""

    state: State
    on: date


@dataclass(frozen=True, slots=True)
class Days:
    """In how many days half, nine of ten, and all of some applications were decided; 0 is the same day."""

    half: int
    nine_tenths: int
    longest: int


@dataclass(slots=True)
class Handled:
    """Applications of a span of days: how many came in, how many ended and how, how many are open at its end."""

    applied: int = 0
    ended: Counter[State] = field(default_factory=Counter)
    open: int = 0
    days_taken: list[int] = field(default_factory=list)

    def days(self) -> Days | None:
        """Return how long the decided ones took; None where there are none."""
        taken = sorted(self.days_taken)
        if not taken:
            return None
        return Days(_within(taken, 5), _within(taken, 9), taken[-1])

    def count(self, steps: Sequence[str], happenings: Sequence[Happening], since: date) -> None:
        """Count an application by all that happened with it until the span's end; `since` is the span's first day."""
        submitted, ended = happenings[0].on, end_of(steps, happenings)
        self.applied += submitted >= since
        if ended is None:
            self.open += 1
        elif ended.on >= since:
            self.ended[ended.state] += 1
            if ended.state in DECIDED:
                self.days_taken.append((ended.on - submitted).days)


def end_of(steps: Sequence[str], happenings: Iterable[Happening]) -> Ended | None:
    """Return how an application with these steps of review ended, as far as what happened tells; None while open."""
    ended: Ended | None = None
    for one in happenings:
        if one.kind == "appealed":
            ended = None
        elif one.kind in _ENDS:
            ended = Ended(_ENDS[one.kind], one.on)
        elif (one.kind == "submitted" and not steps) or (one.kind == "approved" and one.step in (APPEAL, *steps[-1:])):
            ended = Ended(State.APPROVED, one.on)
    return ended


def _within(taken: Sequence[int], tenths: int) -> int:
    """Return the smallest number of days within which so many tenths of them were decided; `taken` is sorted."""
    return taken[-(-len(taken) * tenths // 10) - 1]
