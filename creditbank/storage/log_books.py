"""What a check of the whole log reads: leaves beside their entries, stored nodes, and entries that were left out."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, or_, select

from creditbank.core.ledger import Entry
from creditbank.core.merkle import Subtree
from creditbank.storage.database import member_of
from creditbank.storage.distribution import is_distributed
from creditbank.storage.ledger import entry, entry_of
from creditbank.storage.seal_log import Key, Leaf, log_leaf, log_node
from creditbank.storage.seal_missed import missed, sealed_and_waiting
from creditbank.storage.unsealed import unsealed_entry

_KEY = ("learner_id", "scheme", "seq")


@dataclass(frozen=True, slots=True)
class Pair:
    """A leaf and the entry that it stands for, None where there is none that can be one."""

    leaf: Leaf
    entry: Entry | None


def pairs(connection: Connection, from_position: int, rows_max: int) -> list[Pair]:
    """Return leaves with their entries in the order of positions."""
    if is_distributed(connection):
        return _pairs_apart(connection, from_position, rows_max)
    named = and_(*(log_leaf.c[name] == entry.c[name] for name in _KEY))
    leaf: list[ColumnElement[Any]] = [column.label(f"leaf_{column.name}") for column in log_leaf.columns]
    query: Select[Any] = select(*leaf, entry).select_from(log_leaf.outerjoin(entry, named))
    found = []
    query = query.where(log_leaf.c.position >= from_position).order_by(log_leaf.c.position).limit(rows_max)
    for row in connection.execute(query):
        names = ("position", *_KEY, "hash")
        found.append(Pair(Leaf(*(getattr(row, f"leaf_{name}") for name in names)), _entry(row)))
    return found


def _pairs_apart(connection: Connection, from_position: int, rows_max: int) -> list[Pair]:
    """Return the same where leaves stand on the coordinator and entries on the shards, which are not joined."""
    query = select(log_leaf).where(log_leaf.c.position >= from_position).order_by(log_leaf.c.position).limit(rows_max)
    leaves = [Leaf(**row._mapping) for row in connection.execute(query)]  # noqa: SLF001 - SQLAlchemy's public name
    theirs = select(entry).where(member_of(connection, entry.c.learner_id, {leaf.learner_id for leaf in leaves}))
    theirs = theirs.where(member_of(connection, entry.c.seq, {leaf.seq for leaf in leaves}))
    entries = {(row.learner_id, row.scheme, row.seq): _entry(row) for row in connection.execute(theirs)}
    return [Pair(leaf, entries.get((leaf.learner_id, leaf.scheme, leaf.seq))) for leaf in leaves]


def _entry(row: Row[Any]) -> Entry | None:
    """Return the entry in a row; none where there is none, or somebody made it what no entry can be."""
    with suppress(AssertionError, ValueError):
        return None if row.id is None else entry_of(row)
    return None


def other_nodes(connection: Connection, expected: Mapping[Subtree, bytes]) -> list[Subtree]:
    """Return those of some nodes that aren't stored as they should be."""
    levels: dict[int, list[int]] = {}
    for subtree in expected:
        levels.setdefault(subtree.level, []).append(subtree.number)
    ranges: list[ColumnElement[bool]] = [
        and_(log_node.c.level == level, log_node.c.number.between(min(numbers), max(numbers)))
        for level, numbers in levels.items()
    ]
    if not ranges:
        return []
    stored = {
        Subtree(row.level, row.number): row.hash for row in connection.execute(select(log_node).where(or_(*ranges)))
    }
    return sorted(one for one, digest in expected.items() if stored.get(one) != digest)


def left_out(connection: Connection, rows_max: int) -> list[UUID]:
    """Return entries that neither wait to be sealed nor are in the log."""
    return [row.id for row in missed(connection, rows_max)]


def waiting_for_nothing(connection: Connection, rows_max: int) -> list[Key]:
    """Return the keys of entries that wait to be sealed though they don't exist or are in the log already."""
    named = [unsealed_entry.c[name] for name in _KEY]
    is_there = select(1).where(*(entry.c[name] == unsealed_entry.c[name] for name in _KEY)).exists()
    query = select(*named).where(~is_there).order_by(*named).limit(rows_max)
    of_none = [(row.learner_id, row.scheme, row.seq) for row in connection.execute(query)]
    return sorted({*of_none, *sealed_and_waiting(connection, rows_max)})[:rows_max]
