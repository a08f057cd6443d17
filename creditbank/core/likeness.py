"""Likeness: how much speaks for two accounts being one person's, reckoned as Fellegi and Sunter did.

Each field adds log2(m / u): m is how often it comes out so for two records of one person, u how often for two people.
The same name and birth date: log2(0.9 / 0.0001) + log2(0.95 / 0.00005) = 13.1 + 14.2, beyond the threshold of 20.
Source: Fellegi and Sunter, A Theory for Record Linkage (1969). Enough likeness proposes a pair to people; it decides
nothing.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from math import log2
from types import MappingProxyType
from uuid import UUID

THRESHOLD_HUNDREDTHS = 2000
"""From 20 bits on a pair is proposed.

Among 100,000 accounts, one in a hundred of them doubled, 1,000 right pairs stand in 5 * 10^9, so that 22 bits are an
even bet and 20 one in six: at worst people look at five pairs in vain for each that is found.
"""


class Finding(StrEnum):
    """How a field of two accounts compares; what one of them does not say is no finding."""

    NAME_EQUAL = "name_equal"
    NAME_ONE_CHARACTER = "name_one_character"
    """One character differs, is missing or too many."""
    NAME_SAME_CHARACTERS = "name_same_characters"
    """The same characters in another order, as where surname and given name were swapped."""
    NAME_DIFFERS = "name_differs"
    BORN_EQUAL = "born_equal"
    BORN_SWAPPED = "born_swapped"
    """Day and month change places."""
    BORN_ONE_DIGIT = "born_one_digit"
    BORN_OTHER_YEAR = "born_other_year"
    """Day and month are equal, the year is not."""
    BORN_DIFFERS = "born_differs"
    PHONE_EQUAL = "phone_equal"
    LEGACY_EQUAL = "legacy_equal"
    """One resident number, of 15 digits with one account and of 18 with the other."""
    RESIDENT_ID_DIFFERS = "resident_id_differs"
    INSTITUTION_SHARED = "institution_shared"


WEIGHTS: Mapping[Finding, tuple[float, float]] = MappingProxyType(
    {
        # m: nine in ten records of a person spell the name alike. u: common names are shared by 2 in 10,000 people,
        # most by far fewer; two who meet by chance share one in 10,000.
        Finding.NAME_EQUAL: (0.9, 0.0001),
        # m: a slip of the pen, or a character that an old system didn't have. u: surname and one character in common.
        Finding.NAME_ONE_CHARACTER: (0.03, 0.001),
        Finding.NAME_SAME_CHARACTERS: (0.01, 0.00001),
        Finding.NAME_DIFFERS: (0.06, 0.999),
        # u: one day of the 55 years in which most learners were born.
        Finding.BORN_EQUAL: (0.95, 0.00005),
        # u: the one other date that has the same numbers.
        Finding.BORN_SWAPPED: (0.01, 0.00005),
        # u: some twenty dates are one digit away.
        Finding.BORN_ONE_DIGIT: (0.02, 0.001),
        # u: one day of the year, and another of the 55 years; m: years were estimated, or counted by the lunar year.
        Finding.BORN_OTHER_YEAR: (0.01, 0.0027),
        Finding.BORN_DIFFERS: (0.01, 0.996),
        # m: half the people kept their number. u: families share one, and numbers go to their next holder.
        Finding.PHONE_EQUAL: (0.5, 0.00001),
        # u: numbers of 15 digits were given out twice now and then, in one county to people born on one day.
        Finding.LEGACY_EQUAL: (0.5, 0.00001),
        # m: a mistyped number rarely passes its check digit, and double numbers were cleared up; a few are left.
        Finding.RESIDENT_ID_DIFFERS: (0.001, 0.999),
        # u: one in thirty, as schools are large and people learn where they live.
        Finding.INSTITUTION_SHARED: (0.3, 0.03),
    }
)
"""m and u of every finding: judgements from what is known of names, calendars and numbers, until decided cases tell."""


SENTENCES: Mapping[Finding, tuple[str, str]] = MappingProxyType(
    {
        Finding.NAME_EQUAL: ("姓名相同", "The names are equal"),
        Finding.NAME_ONE_CHARACTER: ("姓名相差一个字", "The names differ in one character"),
        Finding.NAME_SAME_CHARACTERS: ("姓名用字相同、顺序不同", "The names have the same characters in another order"),
        Finding.NAME_DIFFERS: ("姓名不同", "The names differ"),
        Finding.BORN_EQUAL: ("出生日期相同", "The birth dates are equal"),
        Finding.BORN_SWAPPED: ("出生日期的月与日互换", "Day and month of the birth dates are swapped"),
        Finding.BORN_ONE_DIGIT: ("出生日期相差一位数字", "The birth dates differ in one digit"),
        Finding.BORN_OTHER_YEAR: ("出生月日相同、年份不同", "Born on the same day of another year"),
        Finding.BORN_DIFFERS: ("出生日期不同", "The birth dates differ"),
        Finding.PHONE_EQUAL: ("电话号码相同", "The phone numbers are equal"),
        Finding.LEGACY_EQUAL: ("15 位与 18 位身份证号码一致", "The resident numbers of 15 and 18 digits are one"),
        Finding.RESIDENT_ID_DIFFERS: ("身份证号码不同", "The resident IDs differ"),
        Finding.INSTITUTION_SHARED: ("在同一机构学习", "Both are known to one institution"),
    }
)
"""What is found, in words, Chinese and English."""


@dataclass(frozen=True, slots=True)
class Traits:
    """What is known of an account for comparing: the name in its normal form; numbers only as keyed hashes."""

    learner_id: UUID
    name: str
    birth_date: date | None = None
    phones: frozenset[bytes] = frozenset()
    legacy: frozenset[bytes] = frozenset()
    resident_ids: frozenset[bytes] = frozenset()
    institutions: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True)
class Likeness:
    """What was found on two accounts, and what each finding adds, in hundredths of a bit."""

    parts: tuple[tuple[Finding, int], ...]

    @property
    def score_hundredths(self) -> int:
        """The sum of all parts."""
        return sum(weight for _, weight in self.parts)

    @property
    def is_proposed(self) -> bool:
        """Tell whether people should look at the pair."""
        return self.score_hundredths >= THRESHOLD_HUNDREDTHS


def likeness(one: Traits, other: Traits) -> Likeness:
    """Compare two accounts; the same whichever comes first."""
    findings = [_name(one.name, other.name)]
    same_legacy = bool(one.legacy & other.legacy)
    if one.birth_date is not None and other.birth_date is not None:
        born = _born(one.birth_date, other.birth_date)
        if not (same_legacy and born is Finding.BORN_EQUAL):  # the number says it already
            findings.append(born)
    if one.phones & other.phones:
        findings.append(Finding.PHONE_EQUAL)
    if same_legacy:
        findings.append(Finding.LEGACY_EQUAL)
    if one.resident_ids and other.resident_ids and not one.resident_ids & other.resident_ids:
        findings.append(Finding.RESIDENT_ID_DIFFERS)
    if one.institutions & other.institutions:
        findings.append(Finding.INSTITUTION_SHARED)
    return Likeness(tuple((finding, weight_hundredths(finding)) for finding in findings))


def weight_hundredths(finding: Finding) -> int:
    """Return what a finding adds, in hundredths of a bit."""
    of_one, of_two = WEIGHTS[finding]
    return round(100 * log2(of_one / of_two))


def _name(one: str, other: str) -> Finding:
    if one == other:
        return Finding.NAME_EQUAL
    if _is_one_edit(*sorted((one, other), key=len)):
        return Finding.NAME_ONE_CHARACTER
    if Counter(one) == Counter(other):
        return Finding.NAME_SAME_CHARACTERS
    return Finding.NAME_DIFFERS


def _is_one_edit(shorter: str, longer: str) -> bool:
    """Tell whether one character differs or is missing; a name of one character has nothing else in common."""
    if len(shorter) < 2 or len(longer) - len(shorter) > 1:  # noqa: PLR2004 - said above
        return False
    start = next((place for place, char in enumerate(shorter) if char != longer[place]), len(shorter))
    rest = start + 1 if len(shorter) == len(longer) else start
    return shorter[rest:] == longer[start + 1 :]


def _born(one: date, other: date) -> Finding:
    if one == other:
        return Finding.BORN_EQUAL
    if (one.year, one.month, one.day) == (other.year, other.day, other.month):
        return Finding.BORN_SWAPPED
    if sum(a != b for a, b in zip(one.isoformat(), other.isoformat(), strict=True)) == 1:
        return Finding.BORN_ONE_DIGIT
    if (one.month, one.day) == (other.month, other.day):
        return Finding.BORN_OTHER_YEAR
    return Finding.BORN_DIFFERS
