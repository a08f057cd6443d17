"""Who a learner is: which stored claims mean the same person, which are rivals, and account numbers that check."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import luhn

from creditbank.core.identity import ClaimKey, Match, Resolution, account_number, resolved

ANNA, BORIS, CHEN = (UUID(int=number) for number in (1, 2, 3))


def key(value: str = "id", name: str = "anna", issuer: str = "", kind: str = "cn.resident_id") -> ClaimKey:
    return ClaimKey(kind, issuer, value.encode(), name.encode(), "k1")


@pytest.mark.parametrize(
    ("matches", "same", "rivals"),
    [
        ([], (), ()),
        ([Match(key(), ANNA)], (ANNA,), ()),
        ([Match(key(name="boris"), BORIS)], (), (BORIS,)),
        ([Match(key(), ANNA), Match(key(name="boris"), BORIS)], (ANNA,), (BORIS,)),
        ([Match(key(), ANNA), Match(key("no", issuer="cqdx"), ANNA)], (ANNA,), ()),
        ([Match(key(), ANNA), Match(key("no", issuer="cqdx"), CHEN)], (ANNA, CHEN), ()),
        ([Match(key(), ANNA), Match(key("no", "anna maria", "cqdx"), ANNA)], (ANNA,), ()),
        ([Match(key("no", issuer="cqou"), CHEN)], (), ()),
        ([Match(key(kind="passport"), CHEN)], (), ()),
        ([Match(key("other"), CHEN)], (), ()),
    ],
    ids=[
        "nobody",
        "the same person",
        "another name is a rival",
        "the same person beside a rival",
        "two identifiers of one person",
        "identifiers of two people",
        "nobody is their own rival",
        "the number of another issuer",
        "the number of another type",
        "another number",
    ],
)
def test_identifier_and_name_together_tell_the_person(
    matches: list[Match], same: tuple[UUID, ...], rivals: tuple[UUID, ...]
) -> None:
    wanted = [key(), key("no", issuer="cqdx")]
    assert resolved(wanted, matches) == Resolution(same, rivals)


_KEYS = st.builds(key, st.sampled_from("ab"), st.sampled_from("xy"), st.sampled_from(["", "cqdx"]))


@given(st.lists(_KEYS, max_size=3), st.lists(st.builds(Match, _KEYS, st.sampled_from([ANNA, BORIS, CHEN]))))
def test_nobody_is_both_the_person_and_a_rival_and_order_does_not_matter(
    keys: list[ClaimKey], matches: list[Match]
) -> None:
    there = resolved(keys, matches)
    back = resolved(list(reversed(keys)), list(reversed(matches)))
    assert not set(there.learner_ids) & set(there.rivals)
    if len({(one.type, one.issuer, one.value_index) for one in keys}) == len(keys):
        assert (set(there.learner_ids), set(there.rivals)) == (set(back.learner_ids), set(back.rivals))


@pytest.mark.parametrize(
    ("digits", "number"),
    [("000000000000000", "0000000000000000"), ("453201511283036", "4532015112830366")],
)
def test_known_account_numbers(digits: str, number: str) -> None:
    assert account_number(digits) == number


@given(st.from_regex(r"[0-9]{15}", fullmatch=True))
def test_account_numbers_have_sixteen_digits_that_pass_luhn(digits: str) -> None:
    number = account_number(digits)
    assert len(number) == 16
    assert luhn.is_valid(number)


@given(st.from_regex(r"[0-9]{15}", fullmatch=True), st.integers(0, 15), st.integers(1, 9))
def test_one_wrong_digit_never_passes(digits: str, place: int, change: int) -> None:
    number = account_number(digits)
    wrong = str((int(number[place]) + change) % 10)
    assert not luhn.is_valid(number[:place] + wrong + number[place + 1 :])
