"""Pages of rows that pass a sieve, for conditions that no query of a distributed database can ask."""

from collections.abc import Callable, Sequence
from typing import TypeVar

Value = TypeVar("Value")
Place = TypeVar("Place")

CHUNK_ROWS = 500
"""Rows that are read at once to find those that pass."""


def sieved(
    page: Callable[[Place | None, int], Sequence[Value]],
    passing: Callable[[Sequence[Value]], Sequence[Value]],
    place: Callable[[Value], Place],
    after: Place | None,
    rows_max: int,
) -> list[Value]:
    """Return the first values behind `after` that pass, of pages that are read one after the other."""
    found: list[Value] = []
    while len(found) < rows_max:
        some = page(after, CHUNK_ROWS)
        found += passing(some)
        if len(some) < CHUNK_ROWS:
            break
        after = place(some[-1])
    return found[:rows_max]
