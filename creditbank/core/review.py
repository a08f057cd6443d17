"""How an application for conversion goes through its review: steps, time limits, appeal, and where it ends.

in_review ──approve──> the next step … ──> approved
│  └──return──> returned ──resubmit──> in_review, at the same step
└──reject──> rejected ──appeal──> in_review by other reviewers ──> approved | rejected for good
in_review, returned ──withdraw──> withdrawn     ──time is over──> lapsed     ──an outcome is revoked──> voided
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum

from creditbank.core.errors import Conflict, Fault
from creditbank.core.rules.conversion_set import ConversionSet, Reviewers

RETURNED_DAYS = 30
"""How long a returned application waits for its submitter before it lapses."""


class State(StrEnum):
    """Where an application stands."""

    IN_REVIEW = "in_review"
    RETURNED = "returned"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"
    """Nobody decided in time, or the submitter did not answer; what was held is released."""
    VOIDED = "voided"
    """An outcome that it rests on was revoked while it was open."""


OPEN = frozenset({State.IN_REVIEW, State.RETURNED})
"""While it stands like this, credits are held."""


class Verdict(StrEnum):
    """What a reviewer decides."""

    APPROVE = "approve"
    REJECT = "reject"
    RETURN = "return"


@dataclass(frozen=True, slots=True)
class Progress:
    """The state, the step that is up (counted from 0), its last day, and whether it is an appeal."""

    state: State
    step: int = 0
    due_on: date | None = None
    is_appeal: bool = False

    @property
    def is_open(self) -> bool:
        """Tell whether credits are held for it."""
        return self.state in OPEN


def opened(ruleset: ConversionSet, today: date) -> Progress:
    """Return how an application begins: at the first step, or approved where nobody reviews."""
    if not ruleset.review:
        return Progress(State.APPROVED)
    return Progress(State.IN_REVIEW, 0, _due(today, ruleset.review[0].days))


def decided(ruleset: ConversionSet, progress: Progress, verdict: Verdict, today: date) -> Progress:
    """Return how it stands after a reviewer's verdict. Refused: Conflict where there is nothing to review."""
    if progress.state is not State.IN_REVIEW:
        raise not_open(progress)
    match verdict:
        case Verdict.REJECT:
            return replace(progress, state=State.REJECTED, due_on=_appealable_until(ruleset, progress, today))
        case Verdict.RETURN:
            return replace(progress, state=State.RETURNED, due_on=_due(today, RETURNED_DAYS))
        case Verdict.APPROVE:
            following = progress.step + 1
            if progress.is_appeal or following >= len(ruleset.review):
                return replace(progress, state=State.APPROVED, due_on=None)
            return replace(progress, step=following, due_on=_due(today, ruleset.review[following].days))


def resubmitted(ruleset: ConversionSet, progress: Progress, today: date) -> Progress:
    """Return how it stands when its submitter answered. Refused: Conflict unless it was returned."""
    if progress.state is not State.RETURNED:
        raise not_open(progress)
    return replace(progress, state=State.IN_REVIEW, due_on=_due(today, _days(ruleset, progress)))


def withdrawn(progress: Progress) -> Progress:
    """Return how it stands when the learner takes it back. Refused: Conflict once it is closed."""
    if not progress.is_open:
        raise not_open(progress)
    return replace(progress, state=State.WITHDRAWN, due_on=None)


def voided(progress: Progress) -> Progress:
    """Return how it stands when an outcome that it rests on was revoked."""
    assert progress.is_open, "what is closed is not voided"
    return replace(progress, state=State.VOIDED, due_on=None)


def appealed(ruleset: ConversionSet, progress: Progress, today: date) -> Progress:
    """Return how it stands when the learner appeals.

    Refused: Conflict unless it was rejected, for the first time, under rules that know an appeal, and in time.
    """
    if progress.state is not State.REJECTED:
        raise not_open(progress)
    if ruleset.appeal is None or progress.is_appeal:
        zh, en = "此决定不能申诉。", "There is no appeal against this decision."
        raise Conflict((Fault("", "no_appeal", zh, en),))
    if progress.due_on is not None and today > progress.due_on:
        zh = f"申诉期限已于 {progress.due_on} 届满。"
        raise Conflict((Fault("", "too_late", zh, f"An appeal could be made until {progress.due_on}."),))
    return Progress(State.IN_REVIEW, progress.step, _due(today, ruleset.appeal.days), is_appeal=True)


def is_overdue(progress: Progress, today: date) -> bool:
    """Tell whether the last day of what is up has passed."""
    return progress.is_open and progress.due_on is not None and today > progress.due_on


def lapses(ruleset: ConversionSet, progress: Progress, today: date) -> bool:
    """Tell whether time is over and nobody else may decide instead."""
    if not is_overdue(progress, today):
        return False
    if progress.state is State.RETURNED or progress.is_appeal:
        return True
    return ruleset.review[progress.step].escalates_to is None


def lapsed(progress: Progress) -> Progress:
    """Return how it stands when time is over."""
    return replace(progress, state=State.LAPSED, due_on=None)


def reviewers(ruleset: ConversionSet, progress: Progress, today: date) -> Sequence[Reviewers]:
    """Return who may decide what is up: those of the step and, when it is overdue, those to whom it escalates."""
    if progress.state is not State.IN_REVIEW:
        return ()
    if progress.is_appeal:
        assert ruleset.appeal is not None, "an appeal is heard under rules that know one"
        return (ruleset.appeal.by,)
    step = ruleset.review[progress.step]
    if is_overdue(progress, today) and step.escalates_to is not None:
        return (step.by, step.escalates_to)
    return (step.by,)


def not_open(progress: Progress) -> Conflict:
    """Return the answer to what can't be done in a state."""
    zh = f"此申请的状态为 {progress.state.value}，不能执行此操作。"
    en = f"The application is {progress.state.value}; this can't be done with it any more."
    return Conflict((Fault("", "not_open", zh, en),))


def _days(ruleset: ConversionSet, progress: Progress) -> int:
    if progress.is_appeal:
        assert ruleset.appeal is not None, "an appeal is heard under rules that know one"
        return ruleset.appeal.days
    return ruleset.review[progress.step].days


def _appealable_until(ruleset: ConversionSet, progress: Progress, today: date) -> date | None:
    if ruleset.appeal is None or progress.is_appeal:
        return None
    return _due(today, ruleset.appeal.within_days)


def _due(today: date, days: int) -> date:
    return today + timedelta(days=days)
