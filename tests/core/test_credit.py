"""Credit amounts: what is read, what is written, and rounding that is exact to the last hundredth."""

from fractions import Fraction
from math import ceil, floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbank.core.credit import (
    HUNDREDTHS_MAX,
    Rounding,
    decimal_text,
    parsed_hundredths,
    rounded_ratio_hundredths,
)

AMOUNTS = st.integers(0, HUNDREDTHS_MAX)


@pytest.mark.parametrize(
    ("text", "hundredths"),
    [
        ("0", 0),
        ("0.0", 0),
        ("2.5", 250),
        ("2.05", 205),
        ("12.50", 1250),
        ("99999999.99", HUNDREDTHS_MAX),
        ("100000000", None),
        ("2.505", None),
        ("2.", None),
        (".5", None),
        ("00.5", None),
        ("01", None),
        ("-1", None),
        ("+1", None),
        ("1_000", None),
        ("1,000", None),
        ("1E+999999999", None),
        ("NaN", None),
        ("Infinity", None),
        ("１２", None),
        ("٣", None),
        (" 1", None),
        ("1\n", None),
        ("", None),
    ],
)
def test_only_plain_decimals_of_two_places_are_amounts(text: str, hundredths: int | None) -> None:
    assert parsed_hundredths(text) == hundredths


@pytest.mark.parametrize(
    ("hundredths", "text"), [(0, "0.00"), (5, "0.05"), (-5, "-0.05"), (250, "2.50"), (-12345, "-123.45")]
)
def test_amounts_are_written_with_two_places(hundredths: int, text: str) -> None:
    assert decimal_text(hundredths) == text


@given(AMOUNTS)
def test_what_is_written_is_read_back(hundredths: int) -> None:
    assert parsed_hundredths(decimal_text(hundredths)) == hundredths


@pytest.mark.parametrize(
    ("numerator", "denominator", "step", "rounding", "hundredths"),
    [
        (48, 16, 50, Rounding.DOWN, 300),
        (47, 16, 50, Rounding.DOWN, 250),
        (47, 16, 50, Rounding.UP, 300),
        (20, 16, 50, Rounding.HALF_UP, 150),
        (19, 16, 50, Rounding.HALF_UP, 100),
        (20, 16, 50, Rounding.HALF_EVEN, 100),
        (28, 16, 50, Rounding.HALF_EVEN, 200),
        (21, 16, 50, Rounding.HALF_EVEN, 150),
        (0, 16, 50, Rounding.UP, 0),
        (1, 10**9, 50, Rounding.UP, 50),
        (1, 3, 1, Rounding.DOWN, 33),
        (2, 3, 1, Rounding.HALF_UP, 67),
    ],
)
def test_a_ratio_goes_to_the_step_that_the_scheme_names(
    numerator: int, denominator: int, step: int, rounding: Rounding, hundredths: int
) -> None:
    assert rounded_ratio_hundredths(numerator, denominator, step, rounding) == hundredths


@given(st.integers(0, 10**12), st.integers(1, 10**6), st.integers(1, 10_000), st.sampled_from(Rounding))
def test_rounding_is_that_of_exact_fractions(numerator: int, denominator: int, step: int, rounding: Rounding) -> None:
    steps = Fraction(numerator * 100, denominator * step)
    exact = {
        Rounding.DOWN: floor(steps),
        Rounding.UP: ceil(steps),
        Rounding.HALF_UP: floor(steps + Fraction(1, 2)),
        Rounding.HALF_EVEN: round(steps),
    }[rounding]
    assert rounded_ratio_hundredths(numerator, denominator, step, rounding) == exact * step
