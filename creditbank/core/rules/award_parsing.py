"""From the JSON of an award to its value; one table says how each way of counting is read."""

from collections.abc import Callable

from creditbank.core.credit import HUNDREDTHS_MAX, Rounding
from creditbank.core.normalisation import text_key
from creditbank.core.rules.awards import AWARD_HUNDREDTHS_MAX, Award, ByLevel, Claimed, Fixed, FromHours, Points, Tiers
from creditbank.core.rules.document import Place, shown
from creditbank.core.rules.subject import WORD_MAX

STEPS_MAX = 100
"""A scale of whole points has a hundred."""

LEVELS_MAX = 200
"""Far more than any published list of ranks."""

PER_CREDIT_HUNDREDTHS_MAX = 1_000_000
"""10,000 hours for one credit: more than a working life's courses."""

STEP_HUNDREDTHS_MAX = 10_000
"""Steps of 100 credits: no scheme is coarser."""

MINUTES_MAX = 240
"""A 学时 of four hours: half-day sessions are the longest that are counted."""

FACTOR_HUNDREDTHS_MAX = 10_000
"""A hundred to one: more than any two published schemes differ."""


def award_at(place: Place) -> Award | None:
    """Return the award at a place, or None where faults were noted or nothing stands there."""
    entries = place.entries(len(_AWARDS))
    if len(entries) > 1:
        names = "、".join(_AWARDS), ", ".join(_AWARDS)
        zh = f"授予方式只能有一种（{names[0]}）；请拆分为几条规则。"
        place.fault("several_awards", zh, f"An award counts in one way ({names[1]}); split the rule into several.")
        return None
    for name, inner in entries:
        if name in _AWARDS:
            return _AWARDS[name](inner)
        place.unknown_field(name, tuple(_AWARDS))
    return None


def _fixed_at(place: Place) -> Fixed | None:
    credit_hundredths = place.hundredths(1, AWARD_HUNDREDTHS_MAX)
    return None if credit_hundredths is None else Fixed(credit_hundredths)


def _hours_at(place: Place) -> FromHours:
    fields = place.fields((), ("per_credit", "minutes_per_hour", "step", "rounding"))
    rounding = fields["rounding"].choice(rounding.value for rounding in Rounding)
    return FromHours(
        fields["per_credit"].hundredths(1, PER_CREDIT_HUNDREDTHS_MAX),
        fields["minutes_per_hour"].integer(1, MINUTES_MAX),
        fields["step"].hundredths(1, STEP_HUNDREDTHS_MAX),
        None if rounding is None else Rounding(rounding),
    )


def _tiers_at(place: Place) -> Tiers | None:
    fields = place.fields(("scale", "steps"))
    scale = fields["scale"].text(WORD_MAX)
    steps: list[tuple[int, int]] = []
    for step_place in fields["steps"].items(STEPS_MAX):
        step = step_place.fields(("at_least", "credits"))
        least = step["at_least"].hundredths(0, HUNDREDTHS_MAX)
        credit_hundredths = step["credits"].hundredths(1, AWARD_HUNDREDTHS_MAX)
        if least is None or credit_hundredths is None:
            continue
        if steps and least <= steps[-1][0]:
            zh = "档位的 at_least 必须逐级增大；请按从低到高排列。"
            step["at_least"].fault("not_ascending", zh, "Tiers must ascend in at_least; order them from low to high.")
        steps.append((least, credit_hundredths))
    return Tiers(scale, tuple(steps)) if scale is not None and steps else None


def _levels_at(place: Place) -> ByLevel | None:
    amounts: dict[str, int] = {}
    for name, inner in place.entries(LEVELS_MAX):
        level = Place(inner.reading, inner.pointer, name).text(WORD_MAX)
        credit_hundredths = inner.hundredths(1, AWARD_HUNDREDTHS_MAX)
        if level is None or credit_hundredths is None:
            continue
        if text_key(level) in amounts:
            zh = f"等级 {shown(level)} 重复（不分大小写和全半角）；请合并。"
            en = f"The level {shown(level)} stands here twice (width and case don't count); keep one."
            inner.fault("duplicate_level", zh, en)
        amounts[text_key(level)] = credit_hundredths
    return ByLevel(amounts) if amounts else None


def _claimed_at(place: Place) -> Claimed:
    fields = place.fields((), ("factor", "at_most"))
    factor = fields["factor"].hundredths(1, FACTOR_HUNDREDTHS_MAX)
    return Claimed(100 if factor is None else factor, fields["at_most"].hundredths(1, AWARD_HUNDREDTHS_MAX))


def _points_at(place: Place) -> Points:
    place.fields(())
    return Points()


_AWARDS: dict[str, Callable[[Place], Award | None]] = {
    "fixed": _fixed_at,
    "hours": _hours_at,
    "tiers": _tiers_at,
    "levels": _levels_at,
    "claimed": _claimed_at,
    "points": _points_at,
}
