"""Figures of the bank: accounts, outcomes and credits counted, and the bands of age by which they are told."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class By(StrEnum):
    """By what figures are told one by one."""

    REGION = "region"
    INSTITUTION = "institution"
    KIND = "kind"
    AGE_BAND = "age_band"


@dataclass(frozen=True, slots=True)
class Credits:
    """Credits of one scheme in hundredths: recognised less reversed, and converted less restored."""

    recognised_hundredths: int = 0
    converted_hundredths: int = 0


@dataclass(frozen=True, slots=True)
class Figures:
    """What was counted: accounts opened, outcomes recorded, credits by scheme."""

    accounts: int = 0
    outcomes: int = 0
    credits: Mapping[str, Credits] = field(default_factory=dict)


BANDS = ((18, "under_18"), (35, "18_34"), (60, "35_59"), (70, "60_69"), (80, "70_79"))
"""Bands of age by the first age that is above them; 60 is where 银龄 begins."""

OLDEST = "80_plus"
UNKNOWN_AGE = "unknown"

BAND_NAMES = (*(name for _, name in BANDS), OLDEST, UNKNOWN_AGE)
"""All bands in their order."""


def age_band(age: int | None) -> str:
    """Return the band that an age in whole years falls into; None is an age that is not known."""
    if age is None:
        return UNKNOWN_AGE
    return next((name for above, name in BANDS if age < above), OLDEST)


def total(parts: Iterable[Figures]) -> Figures:
    """Return the sum of figures."""
    accounts = outcomes = 0
    credit: dict[str, Credits] = {}
    for part in parts:
        accounts += part.accounts
        outcomes += part.outcomes
        for scheme, more in part.credits.items():
            so_far = credit.get(scheme, Credits())
            credit[scheme] = Credits(
                so_far.recognised_hundredths + more.recognised_hundredths,
                so_far.converted_hundredths + more.converted_hundredths,
            )
    return Figures(accounts, outcomes, dict(sorted(credit.items())))
