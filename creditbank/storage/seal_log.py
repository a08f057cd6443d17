"""The log of the seal: leaves in the order in which they were sealed, the nodes above them, and signed checkpoints.

Of the nodes only every eighth level is kept (one hash over 256 of the level below): the others are made of at most 256
hashes when they are asked for, and the log takes hardly more room than its leaves.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ColumnElement,
    Connection,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    and_,
    func,
    or_,
    select,
    tuple_,
)

from creditbank.core.ledger import Entry
from creditbank.core.merkle import Subtree, complete
from creditbank.storage.columns import Instant, catalogue
from creditbank.storage.database import member_of
from creditbank.storage.ledger import entries_in, entry
from creditbank.storage.unsealed import unsealed_entry
from creditbank.storage.writing import append, append_missing, delete_rows

LEVELS_APART = 8
"""Levels from one that is kept to the next."""

Key = tuple[UUID, str, int]
"""Learner, scheme and number of an entry."""

log_leaf = Table(
    "log_leaf",
    catalogue,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("learner_id", Uuid, nullable=False),
    Column("scheme", String(64), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    UniqueConstraint("learner_id", "scheme", "seq"),
    Index("ix_log_leaf_hash", "hash", postgresql_using="hash"),
    CheckConstraint("position >= 0", name="position"),
    CheckConstraint("length(hash) = 32", name="hash"),
)

log_node = Table(
    "log_node",
    catalogue,
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary, nullable=False),
    CheckConstraint("level > 0 AND level % 8 = 0", name="level"),
    CheckConstraint("number >= 0", name="number"),
    CheckConstraint("length(hash) = 32", name="hash"),
)

checkpoint = Table(
    "checkpoint",
    catalogue,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("root", LargeBinary, nullable=False),
    Column("note", Text, nullable=False),
    Column("made_at", Instant, nullable=False),
    CheckConstraint("size >= 0", name="size"),
    CheckConstraint("length(root) = 32", name="root"),
)

log_key = Table(
    "log_key",
    catalogue,
    Column("id", String(64), primary_key=True),
    Column("vkey", Text, nullable=False),
    Column("since", Instant, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Leaf:
    """Where an entry stands in the log, and the hash of its canonical line when it was sealed."""

    position: int
    learner_id: UUID
    scheme: str
    seq: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class StoredCheckpoint:
    """What was signed of the log at a size."""

    size: int
    root: bytes
    note: str
    made_at: datetime


def waiting(connection: Connection, after: Key | None, rows_max: int) -> list[Entry]:
    """Return entries that wait to be sealed, in the order of learner, scheme and number, from the one behind `after`.

    What is seen of the queue is committed. A row that somebody changed into what no entry can be goes on waiting.
    """
    key = (unsealed_entry.c.learner_id, unsealed_entry.c.scheme, unsealed_entry.c.seq)
    chosen = select(unsealed_entry).order_by(*key).limit(rows_max)
    if after is not None:
        chosen = chosen.where(tuple_(*key) > tuple_(*after))
    picked = chosen.subquery()
    named = [entry.c[column.name] == picked.c[column.name] for column in key]
    joined = select(entry).join_from(picked, entry, and_(*named))
    return list(entries_in(connection, joined.order_by(picked.c.learner_id, picked.c.scheme, picked.c.seq)))


def seal(connection: Connection, leaves: Sequence[Leaf], nodes: Mapping[Subtree, bytes]) -> None:
    """Append leaves and nodes, and let the entries wait no more."""
    rows = [
        {"position": one.position, "learner_id": one.learner_id, "scheme": one.scheme, "seq": one.seq, "hash": one.hash}
        for one in leaves
    ]
    append(connection, log_leaf, rows)
    kept = {subtree: digest for subtree, digest in nodes.items() if subtree.level % LEVELS_APART == 0}
    append(connection, log_node, [{"level": one.level, "number": one.number, "hash": kept[one]} for one in kept])
    keys = [{name: row[name] for name in ("learner_id", "scheme", "seq")} for row in rows]
    delete_rows(connection, unsealed_entry, keys)


def add_checkpoint(connection: Connection, made: StoredCheckpoint) -> None:
    """Keep a checkpoint."""
    row = {"size": made.size, "root": made.root, "note": made.note, "made_at": made.made_at}
    append(connection, checkpoint, [row])


def newest_checkpoint(connection: Connection) -> StoredCheckpoint | None:
    """Return the checkpoint of the largest size; the log has as many leaves as it says."""
    query = select(checkpoint).order_by(checkpoint.c.size.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    return None if row is None else StoredCheckpoint(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it


def checkpoints(connection: Connection, from_size: int, rows_max: int) -> list[StoredCheckpoint]:
    """Return checkpoints from a size on, the smallest first."""
    query = select(checkpoint).where(checkpoint.c.size >= from_size).order_by(checkpoint.c.size).limit(rows_max)
    return [StoredCheckpoint(**row._mapping) for row in connection.execute(query)]  # noqa: SLF001 - as above


def checkpoint_of(connection: Connection, size: int) -> StoredCheckpoint | None:
    """Return the checkpoint of a size."""
    found = checkpoints(connection, size, 1)
    return found[0] if found and found[0].size == size else None


def is_waiting(connection: Connection) -> bool:
    """Tell whether there is something to seal: an entry, or a log that has not begun."""
    waits = select(unsealed_entry.c.seq).limit(1)
    return connection.execute(waits).first() is not None or not checkpoints(connection, 0, 1)


def lag(connection: Connection, rows_max: int) -> tuple[int, datetime | None]:
    """Return how many entries wait to be sealed and since when, looking at no more than `rows_max` of them."""
    key = ("learner_id", "scheme", "seq")
    some = select(unsealed_entry).limit(rows_max).subquery()
    joined = some.join(entry, and_(*(entry.c[name] == some.c[name] for name in key)))
    row = connection.execute(select(func.count(), func.min(entry.c.recorded_at)).select_from(joined)).one()
    return row[0], row[1]


def leaf_at(connection: Connection, position: int) -> Leaf | None:
    """Return the leaf at a position."""
    return _leaf(connection, log_leaf.c.position == position)


def leaf_with(connection: Connection, digest: bytes) -> Leaf | None:
    """Return the leaf of a hash."""
    return _leaf(connection, log_leaf.c.hash == digest)


def leaf_of(connection: Connection, key: Key) -> Leaf | None:
    """Return the leaf of an entry."""
    return _leaf(connection, tuple_(log_leaf.c.learner_id, log_leaf.c.scheme, log_leaf.c.seq) == key)


def entry_of_person(connection: Connection, members: Sequence[UUID], named: UUID | Key) -> Entry | None:
    """Return an entry on the accounts of a person by its id, or by account, scheme and number."""
    query = select(entry).where(member_of(connection, entry.c.learner_id, members))
    if isinstance(named, UUID):
        query = query.where(entry.c.id == named)
    else:
        query = query.where(tuple_(entry.c.learner_id, entry.c.scheme, entry.c.seq) == named)
    return next(entries_in(connection, query), None)


def _leaf(connection: Connection, condition: ColumnElement[bool]) -> Leaf | None:
    row = connection.execute(select(log_leaf).where(condition)).first()
    return None if row is None else Leaf(**row._mapping)  # noqa: SLF001 - as above


def subtree_hashes(connection: Connection, wanted: Iterable[Subtree]) -> dict[Subtree, bytes]:
    """Return the hashes of complete subtrees, made of those that are kept: one statement for leaves, one for nodes."""
    parts = {subtree: _kept_below(subtree) for subtree in wanted}
    levels: dict[int, set[tuple[int, int]]] = defaultdict(set)
    for level, start, end in parts.values():
        levels[level].add((start, end))
    found = _kept(connection, levels)
    return {
        subtree: complete([found[level, number] for number in range(start, end)])
        for subtree, (level, start, end) in parts.items()
    }


def _kept_below(subtree: Subtree) -> tuple[int, int, int]:
    """Return the kept level of which a subtree is made, and its first and last number there, the last exclusive."""
    above = subtree.level % LEVELS_APART
    return subtree.level - above, subtree.number << above, (subtree.number + 1) << above


def _kept(connection: Connection, levels: Mapping[int, set[tuple[int, int]]]) -> dict[tuple[int, int], bytes]:
    """Return the kept hashes of ranges by level and number."""
    found: dict[tuple[int, int], bytes] = {}
    leaves = [log_leaf.c.position.between(start, end - 1) for start, end in levels.get(0, ())]
    if leaves:
        query = select(log_leaf.c.position, log_leaf.c.hash).where(or_(*leaves))
        found = {(0, row.position): row.hash for row in connection.execute(query)}
    number = log_node.c.number
    nodes: list[ColumnElement[bool]] = [
        and_(log_node.c.level == level, number.between(start, end - 1))
        for level in levels.keys() - {0}
        for start, end in levels[level]
    ]
    if nodes:
        rows = connection.execute(select(log_node).where(or_(*nodes)))
        found |= {(row.level, row.number): row.hash for row in rows}
    return found


def add_key(connection: Connection, key_id: str, vkey: str, since: datetime) -> None:
    """Keep the public half of a key that signs checkpoints, if it is new: with it they are checked for ever."""
    append_missing(connection, log_key, [{"id": key_id, "vkey": vkey, "since": since}])


def public_keys(connection: Connection) -> list[str]:
    """Return the lines of all keys that ever signed a checkpoint, the oldest first."""
    return list(connection.execute(select(log_key.c.vkey).order_by(log_key.c.since, log_key.c.id)).scalars())
