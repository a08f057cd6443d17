"""Status lists: each entry reads as it was set, the others don't, and lists of others are read within bounds."""

import base64
import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbank.core.credential import StatusPlace
from creditbank.formats.status_list import BYTES_MAX, ENTRIES, encoded, is_set, status_entries


@given(st.sets(st.integers(0, ENTRIES - 1), max_size=40), st.integers(0, ENTRIES - 1))
def test_an_entry_is_set_where_it_was_set_and_nowhere_else(indexes: set[int], other: int) -> None:
    packed = encoded(indexes)
    assert all(is_set(packed, index) for index in indexes)
    assert is_set(packed, other) is (other in indexes)


def test_entry_0_is_the_leftmost_bit_as_the_standard_has_it() -> None:
    bits = gzip.decompress(base64.urlsafe_b64decode(encoded([0, 9])[1:] + "=="))
    assert (len(bits) * 8, bits[:2]) == (131_072, b"\x80\x40")


@pytest.mark.parametrize("index", [-1, ENTRIES])
def test_an_index_beyond_the_list_is_none(index: int) -> None:
    assert is_set(encoded([]), index) is None


def packed(bits: bytes) -> str:
    return "u" + base64.urlsafe_b64encode(gzip.compress(bits, mtime=0)).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "text",
    [
        *("", "u", "x", "uAAAA", "zAAAA", encoded([])[1:], encoded([])[:-8]),
        packed(bytes(ENTRIES // 8 - 1)),
        packed(bytes(BYTES_MAX + 1)),
    ],
)
def test_what_is_no_list_or_too_short_or_too_long_tells_nothing(text: str) -> None:
    assert is_set(text, 0) is None


def test_each_credential_names_one_index_in_two_lists() -> None:
    entries = status_entries("https://bank.example", StatusPlace(2, 4711))
    assert [(one["statusPurpose"], one["statusListIndex"], one["statusListCredential"]) for one in entries] == [
        ("revocation", "4711", "https://bank.example/v1/status-lists/3"),
        ("suspension", "4711", "https://bank.example/v1/status-lists/4"),
    ]
