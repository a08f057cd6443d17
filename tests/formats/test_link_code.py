"""Link codes: what is printed is read again however it is typed, and nothing else is."""

import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbank.formats.link_code import ALPHABET, LENGTH, new_link_code, read_link_code, shown

CODES = st.text(ALPHABET, min_size=LENGTH, max_size=LENGTH)


def test_a_code_has_at_least_60_bits_and_no_look_alikes() -> None:
    assert len(set(ALPHABET)) ** LENGTH >= 2**60
    assert not set("ILOUilou") & set(ALPHABET)
    assert len({new_link_code(secrets.choice) for _ in range(1000)}) == 1000


@given(CODES)
def test_what_is_printed_is_read_again_in_any_case_and_with_look_alikes(code: str) -> None:
    printed = shown(code)
    for typed in (printed, printed.lower(), printed.replace("-", " "), code, f" {printed} "):
        assert read_link_code(typed) == code
        assert read_link_code(typed.replace("0", "O").replace("1", "I")) == code
        assert read_link_code(typed.replace("0", "o").replace("1", "l")) == code


@given(st.text(max_size=40))
def test_whatever_is_typed_is_a_code_of_the_alphabet_or_none(text: str) -> None:
    code = read_link_code(text)
    assert code is None or (len(code) == LENGTH and set(code) <= set(ALPHABET))


@pytest.mark.parametrize(
    "text", ["", "7K2M-9QXA-40Z", "7K2M-9QXA-40ZTT", "7K2M-9QXA-40ZU", "７K2M-9QXA-40ZT", "é" * 12]
)
def test_what_is_no_code_is_none(text: str) -> None:
    assert read_link_code(text) is None
