"""The canonical form is the one of RFC 8785, for values that have one."""

import hashlib
import json
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbank.formats.canonical import canonical_bytes, digest, foreign_canonical_bytes


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        ([True, False, 0, -1], "[true,false,0,-1]"),
        ({"b": 1, "a": [{"d": 1, "c": 2}]}, '{"a":[{"c":2,"d":1}],"b":1}'),
        ({"10": 1, "2": 2, "": 3}, '{"":3,"10":1,"2":2}'),
        ("学分/€\x7f\u2028", '"学分/€\x7f\u2028"'),
        (2**53 - 1, "9007199254740991"),
        # RFC 8785, section 3.2.2: the string of the sample
        ('€$\x0f\nA\'B"\\\\"/', '"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'),
        ("\b\t\n\f\r\x00\x1f", '"\\b\\t\\n\\f\\r\\u0000\\u001f"'),
    ],
)
def test_values_have_the_published_form(value: object, text: str) -> None:
    assert canonical_bytes(value) == text.encode()


def test_names_are_sorted_by_utf16_code_units() -> None:
    """The sample of RFC 8785, section 3.2.3: the smiling face, above U+FFFF, sorts before the Hebrew letter."""
    names = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    in_order = json.loads(canonical_bytes(dict.fromkeys(names)))
    assert list(in_order) == ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]


@pytest.mark.parametrize(
    "value", [1.5, Decimal("2.50"), 2**53, -(2**53), (1,), {1: 1}, b"x", UUID(int=0), {"a": [{"b": 0.0}]}]
)
def test_what_has_no_canonical_form_is_a_broken_promise(value: object) -> None:
    with pytest.raises(AssertionError):
        canonical_bytes(value)


def test_the_digest_is_sha256_of_the_canonical_bytes() -> None:
    assert digest({"b": 1, "a": 2}) == hashlib.sha256(b'{"a":2,"b":1}').digest()


@given(st.dictionaries(st.text(), st.text() | st.integers(-100, 100) | st.lists(st.booleans())))
def test_the_order_of_names_does_not_matter_and_nothing_is_lost(value: dict[str, object]) -> None:
    turned = dict(reversed(value.items()))
    assert canonical_bytes(turned) == canonical_bytes(value)
    assert json.loads(canonical_bytes(value)) == value


NUMBERS = {
    "0": "0",
    "-0": "0",
    "-0.0": "0",
    "1.0": "1",
    "4.50": "4.5",
    "2e-3": "0.002",
    "1e-27": "1e-27",
    "0.000001": "0.000001",
    "0.0000001": "1e-7",
    "1E30": "1e+30",
    "1e21": "1e+21",
    "1E+20": "100000000000000000000",
    "123456789012345680000": "123456789012345680000",
    "295147905179352830000": "295147905179352830000",
    "333333333.33333329": "333333333.3333333",
    "9007199254740993": "9007199254740992",
    "-1.5e300": "-1.5e+300",
    "1.7976931348623157e308": "1.7976931348623157e+308",
    "5e-324": "5e-324",
}
"""As RFC 8785 writes them, in its section 3.2.2 and appendix B."""


@pytest.mark.parametrize("text", NUMBERS)
def test_numbers_of_others_are_written_as_ecmascript_writes_them(text: str) -> None:
    assert foreign_canonical_bytes(Decimal(text)).decode() == NUMBERS[text]


def test_documents_of_others_are_written_like_our_own() -> None:
    value = {"b": [1, True, None, "\u20ac\x0f\n\\"], "a": {"\U00010000": 1, "\ufb33": 2}}
    assert foreign_canonical_bytes(value) == canonical_bytes(value)


def test_a_number_that_no_double_holds_is_refused() -> None:
    for huge in (Decimal("1e400"), Decimal("-1e400"), 10**400):
        with pytest.raises(ValueError, match="no double"):
            foreign_canonical_bytes([huge])
