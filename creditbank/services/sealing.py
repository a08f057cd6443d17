"""Sealing: committed entries become leaves of the log, and what the log then is, is signed."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from creditbank.core.checkpoint import Checkpoint, parsed_checkpoint
from creditbank.core.ledger import Entry, canonical_line
from creditbank.core.merkle import GrowingTree, Span, Subtree, leaf_hash, subtrees
from creditbank.formats.signed_note import NoteKey, signed_note, vkey
from creditbank.gateways import checkpoint_files
from creditbank.gateways.keyring import KeyringUnusable, Kind
from creditbank.services.bank import Bank
from creditbank.storage import seal_log, seal_missed
from creditbank.storage.database import is_alone
from creditbank.storage.seal_log import Key, Leaf, StoredCheckpoint

JOB = "seal"
"""Under which name one worker keeps others from sealing."""

ENTRIES_MAX = {"postgresql": 10_000, "sqlite": 2_000}
"""Entries of one transaction: on SQLite everybody who writes waits for it, for a fifth of a second."""

FILES_MAX = 1_000
"""Checkpoints that are read at once to be written to files."""


class LogRolledBack(Exception):  # noqa: N818 - reads as what it is
    """What was published of the log is not in the database: to go on would be to sign another history."""


@dataclass(frozen=True, slots=True)
class Log:
    """The log of a bank: under which name it begins, and the folder to which its checkpoints are written, if any."""

    bank: Bank
    origin: str
    folder: Path | None = None


@dataclass(frozen=True, slots=True)
class Sealed:
    """What one transaction sealed: how many entries, and the last of them if more may wait behind it."""

    entries: int
    last: Key | None


def seal(log: Log) -> int:
    """Seal all entries that wait, publish the checkpoints, and return how many were sealed.

    Where somebody else is sealing, nothing is. Raises LogRolledBack, Raced, Unavailable, KeyringUnusable,
    FolderUnusable.
    """
    _check_published(log)
    if log.bank.database.read(seal_log.newest_checkpoint) is None:
        find_missed(log)  # entries from before there was a log
    entries, last = 0, None
    is_at_end = not log.bank.database.read(seal_log.is_waiting)
    while not is_at_end:
        sealed = seal_some(log, last)
        entries, last = entries + sealed.entries, sealed.last
        is_at_end = last is None
        publish(log)
    publish(log)
    return entries


def seal_some(log: Log, after: Key | None) -> Sealed:
    """Seal the next entries behind one, in one transaction, under one new checkpoint; raises as `seal`."""
    bank = log.bank
    with bank.database.transaction() as connection:
        if not is_alone(connection, JOB):
            return Sealed(0, None)
        before = seal_log.newest_checkpoint(connection)
        entries_max = ENTRIES_MAX[connection.dialect.name]
        entries = seal_log.waiting(connection, after, entries_max)
        if entries or before is None:
            size = 0 if before is None else before.size
            _append(log, connection, _tree(connection, size), entries)
    is_full = len(entries) >= entries_max
    return Sealed(len(entries), _key(entries[-1]) if is_full else None)


def publish(log: Log) -> None:
    """Write checkpoints that are not in the folder yet; raises FolderUnusable, Unavailable."""
    if log.folder is None:
        return
    published = checkpoint_files.newest(log.folder)
    size = -1 if published is None else parsed_checkpoint(published).size
    while found := _checkpoints_from(log, size + 1):
        keys = log.bank.database.read(seal_log.public_keys)
        checkpoint_files.publish(log.folder, [(one.size, one.note) for one in found], keys)
        size = found[-1].size


def _checkpoints_from(log: Log, size: int) -> list[StoredCheckpoint]:
    return log.bank.database.read(lambda connection: seal_log.checkpoints(connection, size, FILES_MAX))


def find_missed(log: Log) -> int:
    """Queue entries that neither wait nor are sealed, which a process of an older version wrote; return how many."""
    with log.bank.database.transaction() as connection:
        return seal_missed.queue_missed(connection)


def _check_published(log: Log) -> None:
    """Seal nothing on a database that was put back to before the newest published checkpoint: LogRolledBack."""
    published = None if log.folder is None else checkpoint_files.newest(log.folder)
    if published is None:
        return
    kept = parsed_checkpoint(published)
    found = log.bank.database.read(lambda connection: seal_log.checkpoints(connection, kept.size, 1))
    if [(one.size, one.root) for one in found] != [(kept.size, kept.root)]:
        message = (
            f"the checkpoint of size {kept.size} in {log.folder} is not in the database, which was put back to an older"
            " state: restore a newer one, or begin another log with another CREDITBANK_LOG_FOLDER"
        )
        raise LogRolledBack(message)


def _tree(connection: Connection, size: int) -> GrowingTree:
    """Return the tree at its right edge, as it is stored."""
    edge = subtrees(Span(0, size))
    hashes = seal_log.subtree_hashes(connection, edge)
    return GrowingTree(size, [hashes[one] for one in edge])


def _append(log: Log, connection: Connection, tree: GrowingTree, entries: Sequence[Entry]) -> None:
    """Append entries and sign the checkpoint."""
    leaves: list[Leaf] = []
    nodes: dict[Subtree, bytes] = {}
    for entry in entries:
        digest = leaf_hash(canonical_line(entry))
        leaves.append(Leaf(tree.size, *_key(entry), digest))
        nodes.update(tree.append(digest))
    seal_log.seal(connection, leaves, nodes)
    made_at, key = log.bank.clock(), log_key(log.bank)
    origin = _origin(connection) or log.origin
    seal_log.add_key(connection, key.id, vkey(key, origin), made_at)
    made = Checkpoint(origin, tree.size, tree.root)
    note = signed_note(made.text, key, origin)
    seal_log.add_checkpoint(connection, StoredCheckpoint(made.size, made.root, note, made_at))


def log_key(bank: Bank) -> NoteKey:
    """Return the key that signs checkpoints; the first one is made when it is needed. Raises KeyringUnusable."""
    if not bank.keyring.log_keys:
        try:
            bank.keys.add(Kind.LOG, None, bank.clock())
        except KeyringUnusable as unusable:
            message = f"there is no log key yet; make one with creditbank keys rotate log, though {unusable}"
            raise KeyringUnusable(message) from unusable
    return bank.keyring.log_keys[-1]


def _origin(connection: Connection) -> str | None:
    """Return the name under which the log began, which it keeps."""
    first = seal_log.checkpoints(connection, 0, 1)
    return parsed_checkpoint(first[0].note).origin if first else None


def _key(entry: Entry) -> Key:
    return entry.learner_id, entry.scheme, entry.seq
