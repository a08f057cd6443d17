"""Whole-number programmes: bounded variables, linear rows, and objectives that are served one after the other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

Terms = tuple[tuple[int, int], ...]
"""Pairs of a variable's place and its factor."""


@dataclass(frozen=True, slots=True)
class Row:
    """The terms add up to at most so much; `name` is what an explanation calls the bound, None for one of structure."""

    terms: Terms
    most: int
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Linear:
    """Whole variables from 0 to their upper bounds; each objective is maximised among the best for those before it."""

    upper: tuple[int, ...]
    rows: tuple[Row, ...]
    objectives: tuple[Terms, ...]


Solve = Callable[[Linear], Sequence[int]]
"""Finds values that no other values beat, objective by objective."""


def value_of(terms: Terms, values: Sequence[int]) -> int:
    """Return what the terms add up to."""
    return sum(factor * values[place] for place, factor in terms)


def broken_rows(linear: Linear, values: Sequence[int]) -> list[Row]:
    """Return the rows that the values don't keep."""
    return [row for row in linear.rows if value_of(row.terms, values) > row.most]


def checked(linear: Linear, values: Sequence[int]) -> tuple[int, ...]:
    """Return a solver's values if they are whole, in their bounds and keep every row: nothing is taken on trust."""
    assert all(0 <= value <= most for value, most in zip(values, linear.upper, strict=True)), "a value out of bounds"
    assert not broken_rows(linear, values), "a row is broken"
    return tuple(values)
