"""Lanes: how the rows of a large file are shared by several workers, so that all comes out as if one had booked them.

What counts, and what is a repeat or a duplicate, depends on the order of the rows that are about one learner, or that
have an id or a certificate's number in common. The first are in one lane; a file with others in several has one lane.
"""

import re
import unicodedata
import zlib
from array import array
from collections.abc import Iterable

LANES = 2
"""Lanes of a large file. Each reads all of it, which costs a twentieth of booking it."""

ROWS_MIN = 5_000
"""Rows from which on a file is large: fewer are booked in some seconds by one worker."""

_PARTS = 64
"""Into so many parts keys are put by their hash, to be compared part by part: a million of them would fill memory."""

_SIGNS = re.compile(r"[\W_]+")


def lane_of(learner: str, lanes: int) -> int:
    """Return the lane, from 0, of the rows about a learner, who is named by a number or an id in any spelling."""
    if not learner.isascii():
        learner = unicodedata.normalize("NFKC", learner)
    return zlib.crc32(_SIGNS.sub("", learner).upper().encode()) % lanes


class Knots:
    """Tells whether rows of different lanes have a key in common, in about 16 bytes a row."""

    def __init__(self, lanes: int) -> None:
        """Begin without rows."""
        self._hashes = [[array("q") for _ in range(_PARTS)] for _ in range(lanes)]

    def add(self, lane: int, keys: Iterable[str]) -> None:
        """Note the keys of a row."""
        for key in keys:
            hashed = hash(key)
            self._hashes[lane][hashed % _PARTS].append(hashed)

    def __bool__(self) -> bool:
        """Tell whether any key stands in several lanes."""
        for parts in zip(*self._hashes, strict=True):
            seen: set[int] = set()
            for part in parts:
                if not seen.isdisjoint(part):
                    return True
                seen.update(part)
        return False
