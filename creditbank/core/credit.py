"""Credit amounts: whole hundredths inside, a decimal string outside, and the one place that rounds."""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

HUNDREDTHS_MAX = 10**10 - 1
"""The largest amount, 99,999,999.99: far above a life's learning and exact in every JSON reader."""

_AMOUNT = re.compile(r"(0|[1-9][0-9]{0,7})(?:\.([0-9]{1,2}))?", re.ASCII)


class Rounding(StrEnum):
    """How a scheme brings an amount to its smallest step."""

    DOWN = "down"
    UP = "up"
    HALF_UP = "half_up"
    HALF_EVEN = "half_even"


@dataclass(frozen=True, slots=True)
class Scheme:
    """A unit of credit: how many hours make one, its smallest step and how it rounds.

    `hours_per_credit_hundredths` counts 学时 of `minutes_per_hour` minutes; `step_hundredths` is 50 for half credits.
    """

    code: str
    title_zh: str
    title_en: str
    hours_per_credit_hundredths: int
    minutes_per_hour: int
    step_hundredths: int
    rounding: Rounding


def parsed_hundredths(text: str) -> int | None:
    """Return the hundredths that a plain decimal string names, or None where it is not one.

    Taken: "0", "2.5", "12.50". Not taken: signs, exponents, separators, more than two places or eight digits.
    """
    match = _AMOUNT.fullmatch(text)
    if match is None:
        return None
    return int(match[1]) * 100 + int((match[2] or "").ljust(2, "0"))


@lru_cache(4096)
def decimal_text(hundredths: int) -> str:
    """Return the amount as it stands on the wire, with two places: 250 is "2.50", -5 is "-0.05"."""
    sign = "-" if hundredths < 0 else ""
    whole, rest = divmod(abs(hundredths), 100)
    return f"{sign}{whole}.{rest:02d}"


def rounded_ratio_hundredths(numerator: int, denominator: int, step_hundredths: int, rounding: Rounding) -> int:
    """Return numerator / denominator credits in hundredths, brought to a multiple of the step.

    Both are whole and not negative, the denominator and the step above 0. Exact: the quotient is rounded once.
    """
    divisor = denominator * step_hundredths
    steps, rest = divmod(numerator * 100, divisor)
    if _rounds_up(rounding, steps, rest * 2 - divisor, exact=rest == 0):
        steps += 1
    return steps * step_hundredths


def _rounds_up(rounding: Rounding, steps: int, over_half: int, *, exact: bool) -> bool:
    """Tell whether a quotient of `steps` and a rest, compared with one half by `over_half`, goes to the next step."""
    if exact or rounding is Rounding.DOWN:
        return False
    if rounding is Rounding.UP or over_half > 0:
        return True
    return over_half == 0 and (rounding is Rounding.HALF_UP or steps % 2 == 1)
