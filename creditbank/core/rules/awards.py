"""Awards: how much a rule gives for an outcome, with the arithmetic as an explanation keeps it.

An award of 0 comes with the `reason` for it: a fact that is missing, a score under the lowest tier, a level unlisted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from creditbank.core.credit import Rounding, Scheme, decimal_text, parsed_hundredths, rounded_ratio_hundredths
from creditbank.core.normalisation import text_key
from creditbank.core.rules.subject import Subject

AWARD_HUNDREDTHS_MAX = 1_000_000
"""10,000.00 credits for one outcome: some 250 years of study at 40 a year, so that more is a slip of the pen."""

EXACT_PLACES = 6
"""Places of an exact quotient that an explanation shows; a longer one ends in an ellipsis."""

Awarded = tuple[int, dict[str, Any]]


class Award(Protocol):
    """A way to count credits."""

    def given(self, subject: Subject, scheme: Scheme) -> Awarded:
        """Return the hundredths of credit, 0 for none, and how they came about."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """The same credits for every outcome."""

    credit_hundredths: int

    def given(self, subject: Subject, scheme: Scheme) -> Awarded:  # noqa: ARG002 - it asks nothing
        """Return the credits."""
        return _outcome({"how": "fixed"}, self.credit_hundredths)


@dataclass(frozen=True, slots=True)
class FromHours:
    """The outcome's hours divided by the hours per credit; what is None is the scheme's.

    `minutes_per_hour` is the length of the outcome's hours where it differs from the scheme's.
    """

    per_credit_hundredths: int | None
    minutes_per_hour: int | None
    step_hundredths: int | None
    rounding: Rounding | None

    def given(self, subject: Subject, scheme: Scheme) -> Awarded:
        """Return the hours x their minutes / the scheme's minutes / the hours per credit, rounded once."""
        hours = subject.facts.hours_hundredths
        if hours is None:
            return _nothing({"how": "hours"}, "no_hours")
        per_credit = self.per_credit_hundredths or scheme.hours_per_credit_hundredths
        minutes = self.minutes_per_hour or scheme.minutes_per_hour
        step, rounding = self.step_hundredths or scheme.step_hundredths, self.rounding or scheme.rounding
        numerator, denominator = hours * minutes, per_credit * scheme.minutes_per_hour
        account = {"how": "hours", "hours": decimal_text(hours), "per_credit": decimal_text(per_credit)}
        if minutes != scheme.minutes_per_hour:
            account |= {"minutes_per_hour": str(minutes), "scheme_minutes_per_hour": str(scheme.minutes_per_hour)}
        return _rounded(account, numerator, denominator, (step, rounding))


@dataclass(frozen=True, slots=True)
class Tiers:
    """Credits by the highest tier that the score on the scale reaches; `steps` are (least score, credits) ascending."""

    scale: str
    steps: tuple[tuple[int, int], ...]

    def given(self, subject: Subject, scheme: Scheme) -> Awarded:  # noqa: ARG002 - tiers are in credits already
        """Return the credits of the highest tier reached, and which one would be next."""
        account: dict[str, Any] = {"how": "tiers", "scale": self.scale, "lowest": decimal_text(self.steps[0][0])}
        score = subject.facts.score
        if score is None:
            return _nothing(account, "no_score")
        account["score"] = score.value
        if text_key(score.scale) != text_key(self.scale):
            return _nothing(account | {"score_scale": score.scale}, "other_scale")
        value = parsed_hundredths(score.value)
        if value is None:
            return _nothing(account, "score_not_a_number")
        reached = [step for step in self.steps if step[0] <= value]
        if len(reached) < len(self.steps):
            account["next"] = decimal_text(self.steps[len(reached)][0])
        if not reached:
            return _nothing(account, "below_lowest_tier")
        tier, credit_hundredths = reached[-1]
        return _outcome(account | {"tier": decimal_text(tier)}, credit_hundredths)


@dataclass(frozen=True, slots=True)
class ByLevel:
    """Credits by the outcome's level or rank; `amounts` is keyed by the key under which levels are equal."""

    amounts: Mapping[str, int]

    def given(self, subject: Subject, scheme: Scheme) -> Awarded:  # noqa: ARG002 - they are credits already
        """Return the credits of the level."""
        level, key = subject.facts.level, subject.texts["level"]
        if level is None or key is None:
            return _nothing({"how": "levels"}, "no_level")
        if key not in self.amounts:
            return _nothing({"how": "levels", "level": level}, "level_unlisted")
        return _outcome({"how": "levels", "level": level}, self.amounts[key])


@dataclass(frozen=True, slots=True)
class Claimed:
    """The credits that the issuer claims, times a factor, rounded by the scheme, at most so many."""

    factor_hundredths: int
    at_most_hundredths: int | None

    def given(self, subject: Subject, scheme: Scheme) -> Awarded:
        """Return the claimed credits x the factor, rounded once and then trimmed."""
        claimed = subject.facts.credit_hundredths
        if claimed is None:
            return _nothing({"how": "claimed"}, "no_credits")
        account = {"how": "claimed", "claimed": decimal_text(claimed), "factor": decimal_text(self.factor_hundredths)}
        step = (scheme.step_hundredths, scheme.rounding)
        rounded, how = _rounded(account, claimed * self.factor_hundredths, 10_000, step)
        most = self.at_most_hundredths
        if most is None or rounded <= most:
            return rounded, how
        return _outcome(how | {"at_most": decimal_text(most)}, most)


@dataclass(frozen=True, slots=True)
class Points:
    """Credit points: the credits that the issuer claims x the outcome's numeric level, rounded by the scheme."""

    def given(self, subject: Subject, scheme: Scheme) -> Awarded:
        """Return the claimed credits x the level, rounded once."""
        claimed, level = subject.facts.credit_hundredths, subject.numbers["level"]
        if claimed is None:
            return _nothing({"how": "points"}, "no_credits")
        account = {"how": "points", "claimed": decimal_text(claimed), "level": subject.facts.level}
        if level is None:
            return _nothing(account, "no_level" if subject.facts.level is None else "level_not_a_number")
        return _rounded(account, claimed * level, 10_000, (scheme.step_hundredths, scheme.rounding))


def _rounded(account: dict[str, Any], numerator: int, denominator: int, step: tuple[int, Rounding]) -> Awarded:
    step_hundredths, rounding = step
    credit_hundredths = rounded_ratio_hundredths(numerator, denominator, step_hundredths, rounding)
    account["exact"] = exact_text(numerator, denominator)
    account |= {"step": decimal_text(step_hundredths), "rounding": rounding.value}
    if credit_hundredths > AWARD_HUNDREDTHS_MAX:
        return _nothing(account | {"most": decimal_text(AWARD_HUNDREDTHS_MAX)}, "over_limit")
    return _outcome(account, credit_hundredths)


def exact_text(numerator: int, denominator: int) -> str:
    """Return a quotient in decimals, with an ellipsis where it goes on after six places: "3", "2.5", "2.666666…"."""
    whole, rest = divmod(numerator * 10**EXACT_PLACES, denominator)
    units, places = divmod(whole, 10**EXACT_PLACES)
    text = f"{units}.{places:0{EXACT_PLACES}d}"
    return text + "…" if rest else text.rstrip("0").rstrip(".")


def _outcome(account: dict[str, Any], credit_hundredths: int) -> Awarded:
    if credit_hundredths == 0:
        return _nothing(account, "rounds_to_zero")
    return credit_hundredths, account | {"credits": decimal_text(credit_hundredths)}


def _nothing(account: dict[str, Any], reason: str) -> Awarded:
    return 0, account | {"credits": "0.00", "reason": reason}
