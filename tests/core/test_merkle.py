"""The Merkle tree: roots as others compute them, every proof up to 33 leaves, and what a changed proof is worth."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymerkle import InmemoryTree

from creditbank.core.merkle import (
    EMPTY_ROOT,
    GrowingTree,
    Span,
    Subtree,
    complete,
    consistency_spans,
    folded,
    inclusion_spans,
    leaf_hash,
    node_hash,
    proves_consistency,
    proves_inclusion,
    subtrees,
)

SIZE_MAX = 33

LEAVES = [f"entry {number}".encode() for number in range(1500)]

PUBLISHED_LEAVES = ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
PUBLISHED_ROOTS = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
"""The leaves and roots with which the logs of Certificate Transparency are tested."""


def hashes(size: int) -> list[bytes]:
    return [leaf_hash(leaf) for leaf in LEAVES[:size]]


def root_of(leaves: Sequence[bytes]) -> bytes:
    """Return the root as section 2.1.1 of RFC 9162 defines it, which says nothing of how to compute it quickly."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return node_hash(root_of(leaves[:half]), root_of(leaves[half:]))


def read(leaves: Sequence[bytes], span: Span) -> bytes:
    """Return the hash of a span from its complete subtrees, as it is read from where they are stored."""
    return folded([complete(leaves[one.number << one.level : (one.number + 1) << one.level]) for one in subtrees(span)])


def grown(leaves: Sequence[bytes]) -> GrowingTree:
    tree = GrowingTree()
    for leaf in leaves:
        tree.append(leaf)
    return tree


def changed(hashes_given: Sequence[bytes]) -> Iterator[list[bytes]]:
    """Give all that a list of hashes becomes by a changed bit, a hash less, a hash more, and two exchanged."""
    given_list = list(hashes_given)
    for place, one in enumerate(given_list):
        for bit in (0, 100, 255):
            flipped = (int.from_bytes(one) ^ 1 << bit).to_bytes(32)
            yield [*given_list[:place], flipped, *given_list[place + 1 :]]
        yield given_list[:place] + given_list[place + 1 :]
        yield [*given_list[:place], one, *given_list[place:]]
        if place and given_list[place - 1] != one:
            yield [*given_list[: place - 1], one, given_list[place - 1], *given_list[place + 1 :]]
    yield [*given_list, leaf_hash(b"one more")]
    yield [leaf_hash(b"one more"), *given_list]


def test_roots_are_those_that_others_published() -> None:
    leaves = [leaf_hash(bytes.fromhex(text)) for text in PUBLISHED_LEAVES]
    roots = [grown(leaves[:size]).root.hex() for size in range(len(leaves) + 1)]
    assert roots == list(PUBLISHED_ROOTS)


@pytest.mark.parametrize("size", [*range(SIZE_MAX + 8), 255, 256, 257, 1023, 1024, 1025, 1500])
def test_roots_are_those_of_pymerkle_and_of_the_definition(size: int) -> None:
    theirs: Any = InmemoryTree(algorithm="sha256")
    for leaf in LEAVES[:size]:
        theirs.append_entry(leaf)
    root = grown(hashes(size)).root
    assert root == theirs.get_root()
    assert root == root_of(hashes(size))
    assert root == read(hashes(size), Span(0, size))


def test_every_inclusion_is_proven_and_every_changed_proof_refused() -> None:
    for size in range(1, SIZE_MAX + 1):
        leaves, root = hashes(size), root_of(hashes(size))
        for position, leaf in enumerate(leaves):
            proof = [read(leaves, span) for span in inclusion_spans(position, size)]
            assert proves_inclusion(leaf, position, size, proof, root)
            assert not any(proves_inclusion(leaf, position, size, other, root) for other in changed(proof))
            assert not any(
                proves_inclusion(leaf, other, size, proof, root) for other in range(size) if other != position
            )
            for other in (leaf_hash(b"another"), node_hash(leaf, leaf), *leaves[:position], *leaves[position + 1 :]):
                assert not proves_inclusion(other, position, size, proof, root)
            assert not proves_inclusion(leaf, position, size, proof, root_of(hashes(size + 1)))


def test_a_proof_of_inclusion_is_of_one_size_only_wherever_sizes_have_other_shapes() -> None:
    for size in range(1, SIZE_MAX + 1):
        leaves, root = hashes(size), root_of(hashes(size))
        for position, leaf in enumerate(leaves):
            proof = [read(leaves, span) for span in inclusion_spans(position, size)]
            for other in range(position + 1, SIZE_MAX + 1):
                is_alike = _shape(position, other) == _shape(position, size)
                assert proves_inclusion(leaf, position, other, proof, root) == is_alike


def _shape(position: int, size: int) -> list[bool]:
    """Tell of each hash of a proof whether it stands left, which with the hashes is all that a proof is checked by."""
    return [span.start < position for span in inclusion_spans(position, size)]


@pytest.mark.parametrize(("position", "size"), [(-1, 1), (1, 1), (0, 0), (5, 3)])
def test_no_proof_shows_a_leaf_outside_the_tree(position: int, size: int) -> None:
    leaf = leaf_hash(b"")
    assert not proves_inclusion(leaf, position, size, [], leaf)
    with pytest.raises(AssertionError):
        inclusion_spans(position, size)


def test_consistency_is_proven_for_every_pair_and_every_changed_proof_refused() -> None:
    roots = [root_of(hashes(size)) for size in range(SIZE_MAX + 1)]
    for newer in range(1, SIZE_MAX + 1):
        leaves = hashes(newer)
        for older in range(1, newer + 1):
            proof = [read(leaves, span) for span in consistency_spans(older, newer)]
            assert proves_consistency(older, newer, proof, roots[older], roots[newer])
            assert not any(
                proves_consistency(older, newer, other, roots[older], roots[newer]) for other in changed(proof)
            )
            wrong = leaf_hash(b"another history")
            assert not proves_consistency(older, newer, proof, wrong, roots[newer])
            assert not proves_consistency(older, newer, proof, roots[older], wrong)
            if older < newer:
                assert not proves_consistency(newer, older, proof, roots[newer], roots[older])
                assert not proves_consistency(older, newer, proof, roots[newer], roots[older])


def test_every_tree_grew_out_of_the_empty_one() -> None:
    root = root_of(hashes(5))
    assert proves_consistency(0, 5, [], EMPTY_ROOT, root)
    assert proves_consistency(0, 0, [], EMPTY_ROOT, EMPTY_ROOT)
    assert not proves_consistency(0, 5, [root], EMPTY_ROOT, root)
    assert not proves_consistency(0, 5, [], root, root)
    assert not proves_consistency(-1, 5, [], EMPTY_ROOT, root)
    assert not proves_consistency(3, 5, [], root_of(hashes(3)), root)
    with pytest.raises(AssertionError):
        consistency_spans(0, 5)
    with pytest.raises(AssertionError):
        consistency_spans(6, 5)


@given(st.integers(0, 1500), st.integers(0, 300))
def test_a_tree_goes_on_from_its_edge_as_if_it_had_never_stopped(size: int, more: int) -> None:
    leaves = [leaf_hash(leaf) for leaf in (LEAVES * 2)[: size + more]]
    edge = [
        read(leaves[:size], Span(one.number << one.level, (one.number + 1) << one.level))
        for one in subtrees(Span(0, size))
    ]
    tree = GrowingTree(size, edge)
    completed: dict[Subtree, bytes] = {}
    for leaf in leaves[size:]:
        completed.update(tree.append(leaf))
    assert (tree.size, tree.root) == (size + more, grown(leaves).root)
    for one, digest in completed.items():
        start, end = one.number << one.level, (one.number + 1) << one.level
        assert size < end <= size + more
        assert digest == root_of(leaves[start:end])


@given(st.integers(1, 10**15), st.data())
def test_proofs_of_large_trees_are_short(size: int, data: st.DataObject) -> None:
    position, older = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    for spans in (inclusion_spans(position, size), consistency_spans(older, size)):
        assert len(spans) <= size.bit_length() + 1
        assert sum(len(subtrees(span)) for span in spans) <= 2 * size.bit_length()
    own = sorted([Span(position, position + 1), *inclusion_spans(position, size)])
    assert [span.end for span in own] == [*(span.start for span in own[1:]), size]
