"""Checking of the log: the tree is made anew from the entries, and compared with what was stored and signed."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from creditbank.core.checkpoint import Checkpoint
from creditbank.core.ledger import canonical_line
from creditbank.core.merkle import GrowingTree, Subtree, leaf_hash
from creditbank.formats.signed_note import opened_note, vkey
from creditbank.services.bank import Work
from creditbank.storage import log_books, seal_log
from creditbank.storage.log_books import Pair
from creditbank.storage.seal_log import LEVELS_APART, StoredCheckpoint

ROWS_MAX = 5_000
"""Leaves, and checkpoints, read at once: some ten megabytes."""

FAULTS_MAX = 100
"""Faults of one sort that are named one by one."""


@dataclass(slots=True)
class _Check:
    """How far the tree is made, the checkpoints that are still to come, and what was found wrong."""

    keys: list[str]
    checkpoints: Iterator[StoredCheckpoint]
    tree: GrowingTree = field(default_factory=GrowingTree)
    next: StoredCheckpoint | None = None
    newest: StoredCheckpoint | None = None
    faults: list[str] = field(default_factory=list)
    is_forked: bool = False
    """Whether a root was found to be another; all roots after it are others, too."""


def log_faults(work: Work) -> tuple[int, list[str]]:
    """Return how many entries are sealed, and everything of the log that is not what the entries give."""
    connection = work.connection
    check = _Check(seal_log.public_keys(connection), _checkpoints(work))
    check.next = next(check.checkpoints, None)
    _compare_checkpoint(check)
    while found := log_books.pairs(connection, check.tree.size, ROWS_MAX):
        expected: dict[Subtree, bytes] = {}
        for pair in found:
            check.faults += _leaf_faults(pair, check.tree.size)
            expected.update(check.tree.append(pair.leaf.hash))
            _compare_checkpoint(check)
        kept = {one: digest for one, digest in expected.items() if one.level % LEVELS_APART == 0}
        others = log_books.other_nodes(connection, kept)
        check.faults += [f"log node {one.level}/{one.number}: is not what the leaves below it give" for one in others]
        if found[-1].leaf.position != check.tree.size - 1:
            break  # positions are astray, which was said; what follows would be compared with the wrong ones
    return check.tree.size, [*check.faults, *_end_faults(work, check), *_queue_faults(work)]


def _checkpoints(work: Work) -> Iterator[StoredCheckpoint]:
    """Give all checkpoints, the smallest first."""
    size = 0
    while found := seal_log.checkpoints(work.connection, size, ROWS_MAX):
        yield from found
        size = found[-1].size + 1


def _leaf_faults(pair: Pair, position: int) -> list[str]:
    """Return where a leaf isn't at its place or its entry isn't what was sealed."""
    leaf = pair.leaf
    name = f"account {leaf.learner_id} {leaf.scheme}, entry no. {leaf.seq}"
    if leaf.position != position:
        return [f"log position {position}: there is no leaf, the next is {leaf.position}"]
    if pair.entry is None:
        return [f"{name}: was sealed at {position} and is not there"]
    if leaf_hash(canonical_line(pair.entry)) != leaf.hash:
        return [f"entry {pair.entry.id} (no. {leaf.seq}): is not what was sealed at {position}"]
    return []


def _compare_checkpoint(check: _Check) -> None:
    """Compare the checkpoint of the tree's size, if there is one, with the tree."""
    if check.next is None or check.next.size != check.tree.size:
        return
    check.newest, check.next = check.next, next(check.checkpoints, None)
    check.faults += _checkpoint_faults(check, check.newest)


def _checkpoint_faults(check: _Check, stored: StoredCheckpoint) -> list[str]:
    """Return what is wrong with a checkpoint at the size that the tree has now."""
    name = f"checkpoint {stored.size}"
    text = opened_note(stored.note, check.keys)
    if text is None:
        return [f"{name}: no key of the log has signed it"]
    if text != Checkpoint(text.partition("\n")[0], stored.size, stored.root).text:
        return [f"{name}: what was signed is not what is stored beside it"]
    if stored.root != check.tree.root and not check.is_forked:
        check.is_forked = True
        return [f"{name}: the leaves give another root than was signed, here and in all checkpoints after it"]
    return []


def _end_faults(work: Work, check: _Check) -> list[str]:
    """Return what is wrong at the end: leaves that no checkpoint covers, checkpoints of leaves that are not there."""
    faults = [f"checkpoint {one.size}: there are only {check.tree.size} leaves" for one in filter(None, [check.next])]
    newest = check.newest
    if newest is None:
        return faults + (["the log has leaves and no checkpoint"] if check.tree.size else [])
    if newest.size != check.tree.size:
        faults.append(f"checkpoint {newest.size}: is the newest, though there are {check.tree.size} leaves")
    origin = newest.note.partition("\n")[0]
    own = [vkey(key, origin) for key in work.keyring.log_keys]
    if opened_note(newest.note, own) is None:
        faults.append(f"checkpoint {newest.size}: is the newest, and no key of the keyring has signed it")
    return faults


def _queue_faults(work: Work) -> list[str]:
    """Return entries that will never be sealed, and what waits without reason."""
    left = log_books.left_out(work.connection, FAULTS_MAX)
    astray = log_books.waiting_for_nothing(work.connection, FAULTS_MAX)
    return [f"entry {one}: neither is sealed nor waits for it; run creditbank worker --find-missed" for one in left] + [
        f"account {learner_id} {scheme}, entry no. {seq}: waits to be sealed and is not there, or is sealed already"
        for learner_id, scheme, seq in astray
    ]
