r"""The Merkle tree of RFC 9162: roots, proofs that a leaf is in it, and proofs that it only grew.

    size 7          root = MTH(0, 7)
                   /                \
            (2, 0)                  MTH(4, 7)        A pair (level, number) is a complete subtree: 2^level leaves
           /      \                /         \       from number * 2^level on. Any range of leaves is made of a few.
      (1, 0)      (1, 1)      (1, 2)        (0, 6)
      /    \      /    \      /    \
    d0     d1   d2     d3   d4     d5         d6

Proofs are told as the ranges of leaves whose hashes they consist of, so that who stores the tree can read the
subtrees of all of them at once.
"""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

HASH_BYTES = 32
"""Of SHA-256."""

EMPTY_ROOT = hashlib.sha256().digest()
"""The root of a tree without leaves."""


class Subtree(NamedTuple):
    """A complete subtree: its hash is over 2^level leaves, from leaf no. number * 2^level on."""

    level: int
    number: int


class Span(NamedTuple):
    """The leaves from `start` to before `end`."""

    start: int
    end: int


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node above two others."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def subtrees(span: Span) -> list[Subtree]:
    """Return the complete subtrees that make a span up, from left to right.

    The span starts where a subtree that is as large as itself could start, as all spans of this module do.
    """
    found = []
    start = span.start
    for level in reversed(range((span.end - span.start).bit_length())):
        if (span.end - span.start) >> level & 1:
            found.append(Subtree(level, start >> level))
            start += 1 << level
    return found


def folded(hashes: Sequence[bytes]) -> bytes:
    """Return the root over the hashes of `subtrees(span)`, in their order; of none, the root of the empty tree."""
    if not hashes:
        return EMPTY_ROOT
    *others, folding = hashes
    for one in reversed(others):
        folding = node_hash(one, folding)
    return folding


def complete(hashes: Sequence[bytes]) -> bytes:
    """Return the hash of a complete subtree from those of its 2^n parts on one level below."""
    row = list(hashes)
    while len(row) > 1:
        row = [node_hash(row[place], row[place + 1]) for place in range(0, len(row), 2)]
    return row[0]


def inclusion_spans(position: int, size: int) -> list[Span]:
    """Return the spans whose hashes prove that the leaf is in the tree of a size (RFC 9162, section 2.1.3.1)."""
    assert 0 <= position < size, f"leaf {position} of {size}"
    spans = []
    whole = Span(0, size)
    while whole.end - whole.start > 1:
        middle = whole.start + _split(whole.end - whole.start)
        left, right = Span(whole.start, middle), Span(middle, whole.end)
        whole, beside = (left, right) if position < middle else (right, left)
        spans.append(beside)
    return spans[::-1]


def consistency_spans(older: int, newer: int) -> list[Span]:
    """Return the spans whose hashes prove that the tree of a size grew out of an older one (section 2.1.4.1)."""
    assert 0 < older <= newer, f"from {older} to {newer}"
    if older == newer:
        return []
    spans = []
    whole, is_whole_old = Span(0, newer), True
    while whole.end != older:
        middle = whole.start + _split(whole.end - whole.start)
        left, right = Span(whole.start, middle), Span(middle, whole.end)
        if older <= middle:
            whole, beside = left, right
        else:
            whole, beside, is_whole_old = right, left, False
        spans.append(beside)
    return ([] if is_whole_old else [whole]) + spans[::-1]


def proves_inclusion(leaf: bytes, position: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Tell whether a proof shows that the leaf of this hash stands at a position (section 2.1.3.2)."""
    if not 0 <= position < size:
        return False
    place, last, computed = position, size - 1, leaf
    for one in proof:
        if last == 0:
            return False
        if place & 1 or place == last:
            computed = node_hash(one, computed)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            computed = node_hash(computed, one)
        place, last = place >> 1, last >> 1
    return last == 0 and computed == root


def proves_consistency(older: int, newer: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    """Tell whether a proof shows that one tree grew out of another (section 2.1.4.2); every tree did of the empty."""
    if not 0 <= older <= newer:
        return False
    if older in (0, newer):
        return not proof and old_root == (new_root if older == newer else EMPTY_ROOT)
    path = [old_root, *proof] if older & (older - 1) == 0 else list(proof)
    if not path:
        return False
    place, last = older - 1, newer - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    return _grown(path, place, last) == (old_root, new_root)


def _grown(path: Sequence[bytes], place: int, last: int) -> tuple[bytes, bytes] | None:
    """Return the roots that a proof of consistency computes; None where it is too long or too short."""
    old = new = path[0]
    for one in path[1:]:
        if last == 0:
            return None
        if place & 1 or place == last:
            old, new = node_hash(one, old), node_hash(one, new)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            new = node_hash(new, one)
        place, last = place >> 1, last >> 1
    return (old, new) if last == 0 else None


def _split(leaves: int) -> int:
    """Return how many leaves stand left: the largest power of two below their number."""
    return 1 << (leaves - 1).bit_length() - 1


class GrowingTree:
    """A tree at its right edge: all that is needed to append leaves and to tell the root after each."""

    def __init__(self, size: int = 0, edge: Sequence[bytes] = ()) -> None:
        """Go on with a tree of a size; `edge` holds the hashes of `subtrees(Span(0, size))`."""
        assert len(edge) == size.bit_count(), f"{len(edge)} hashes at the edge of {size} leaves"
        self.size = size
        self._edge = list(edge)

    @property
    def root(self) -> bytes:
        """The root over all leaves so far."""
        return folded(self._edge)

    def append(self, leaf: bytes) -> list[tuple[Subtree, bytes]]:
        """Append a leaf by its hash, and return the subtrees above it that it completes, the smallest first."""
        position, self.size = self.size, self.size + 1
        self._edge.append(leaf)
        level = 0
        completed = []
        while position >> level & 1:
            right = self._edge.pop()
            level += 1
            self._edge[-1] = node_hash(self._edge[-1], right)
            completed.append((Subtree(level, position >> level), self._edge[-1]))
        return completed
