"""Likeness: what two accounts have in common, on both sides of the threshold."""

from datetime import date
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbank.core.likeness import (
    SENTENCES,
    THRESHOLD_HUNDREDTHS,
    WEIGHTS,
    Finding,
    Traits,
    likeness,
    weight_hundredths,
)

BORN = date(1955, 3, 7)
PHONE, LEGACY = frozenset({b"phone"}), frozenset({b"legacy"})
SCHOOL = frozenset({UUID(int=9)})


def traits(name: str = "张小明", born: date | None = BORN, **more: frozenset) -> Traits:  # type: ignore[type-arg]
    return Traits(UUID(int=1), name, born, **more)


@pytest.mark.parametrize(
    ("one", "other", "is_proposed"),
    [
        (traits(), traits(), True),
        (traits(born=None), traits(born=None), False),
        (traits(), traits("张晓明"), False),
        (traits(institutions=SCHOOL), traits("张晓明", institutions=SCHOOL), True),
        (traits(), traits("小明张"), True),
        (traits(), traits(born=date(1955, 7, 3)), True),
        (traits(), traits(born=date(1955, 3, 8)), False),
        (traits(institutions=SCHOOL), traits(born=date(1955, 3, 8), institutions=SCHOOL), True),
        (traits(), traits(born=date(1961, 3, 7)), False),
        (traits(phones=PHONE), traits(born=date(1961, 3, 7), phones=PHONE), True),
        (traits(phones=PHONE), traits("李四", date(1985, 1, 1), phones=PHONE), False),
        (traits(born=None, phones=PHONE), traits(born=None, phones=PHONE), True),
        (traits(legacy=LEGACY), traits(legacy=LEGACY), True),
        (traits(legacy=LEGACY), traits("李四", legacy=LEGACY), False),
        (traits(resident_ids=PHONE), traits(resident_ids=LEGACY), False),
        (traits(resident_ids=PHONE), traits(resident_ids=PHONE), True),
        (traits(resident_ids=PHONE, phones=PHONE), traits(resident_ids=LEGACY, phones=PHONE), True),
        (traits("李四"), traits(), False),
    ],
    ids=[
        "name and birth date",
        "a name alone",
        "one character, same birthday: may be twins",
        "one character, same birthday, same school",
        "surname and given name swapped",
        "day and month swapped",
        "one digit of the birth date",
        "one digit of the birth date, same school",
        "another year",
        "another year, same phone",
        "parent and child with one phone",
        "name and phone",
        "name and the older form of the number",
        "the older form of the number alone",
        "namesakes with two resident IDs",
        "one resident ID",
        "two resident IDs, but one phone",
        "a birth date alone",
    ],
)
def test_what_is_proposed(one: Traits, other: Traits, is_proposed: bool) -> None:  # noqa: FBT001 - a table's column
    assert likeness(one, other).is_proposed is is_proposed
    assert likeness(other, one) == likeness(one, other)


@pytest.mark.parametrize(
    ("one", "other", "finding"),
    [
        ("张小明", "张小", Finding.NAME_ONE_CHARACTER),
        ("张小明", "小明", Finding.NAME_ONE_CHARACTER),
        ("张小明", "张大小明", Finding.NAME_ONE_CHARACTER),
        ("张三", "张四", Finding.NAME_ONE_CHARACTER),
        ("张三", "三张", Finding.NAME_SAME_CHARACTERS),
        ("张三", "李四", Finding.NAME_DIFFERS),
        ("张", "李", Finding.NAME_DIFFERS),
        ("", "张三", Finding.NAME_DIFFERS),
        ("张小明", "张", Finding.NAME_DIFFERS),
    ],
)
def test_names_are_compared(one: str, other: str, finding: Finding) -> None:
    assert [part[0] for part in likeness(traits(one, None), traits(other, None)).parts] == [finding]


def test_a_birth_date_adds_nothing_to_a_number_that_states_it() -> None:
    found = [finding for finding, _ in likeness(traits(legacy=LEGACY), traits(legacy=LEGACY)).parts]
    assert found == [Finding.NAME_EQUAL, Finding.LEGACY_EQUAL]


def test_every_finding_has_a_weight_and_words() -> None:
    assert WEIGHTS.keys() == SENTENCES.keys() == set(Finding)
    assert weight_hundredths(Finding.NAME_EQUAL) == 1314
    assert weight_hundredths(Finding.NAME_DIFFERS) < 0 < weight_hundredths(Finding.INSTITUTION_SHARED)


@given(st.text(max_size=4), st.text(max_size=4), st.dates(), st.dates())
def test_a_score_is_the_sum_of_its_parts_whichever_comes_first(a: str, b: str, x: date, y: date) -> None:
    found = likeness(traits(a, x), traits(b, y))
    assert found == likeness(traits(b, y), traits(a, x))
    assert found.score_hundredths == sum(weight for _, weight in found.parts)
    assert found.is_proposed is (found.score_hundredths >= THRESHOLD_HUNDREDTHS)
