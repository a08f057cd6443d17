"""What a check of the whole log reads: leaves beside their entries, stored nodes, and entries that were left out."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, or_, select

from creditbank.core.ledger import Entry
from creditbank.core.merkle import Subtree
from creditbank.storage.ledger import entry, entry_of
from creditbank.storage.seal_log import Leaf, log_leaf, log_node
from creditbank.storage.unsealed import unsealed_entry

_KEY = ("learner_id", "scheme", "seq")


@dataclass(frozen=True, slots=True)
class Pair:
    """A leaf and the entry that it stands for, None where there is none that can be one."""

    leaf: Leaf
    entry: Entry | None


def pairs(connection: Connection, from_position: int, rows_max: int) -> list[Pair]:
    """Return leaves with their entries in the order of positions."""
    named = and_(*(log_leaf.c[name] == entry.c[name] for name in _KEY))
    leaf: list[ColumnElement[Any]] = [column.label(f"leaf_{column.name}") for column in log_leaf.columns]
    query: Select[Any] = select(*leaf, entry).select_from(log_leaf.outerjoin(entry, named))
    found = []
    query = query.where(log_leaf.c.position >= from_position).order_by(log_leaf.c.position).limit(rows_max)
    for row in connection.execute(query):
        names = ("position", *_KEY, "hash")
        found.append(Pair(Leaf(*(getattr(row, f"leaf_{name}") for name in names)), _entry(row)))
    return found


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
    seen = [select(1).where(*(table.c[name] == entry.c[name] for name in _KEY)) for table in (unsealed_entry, log_leaf)]
    query = select(entry.c.id).where(*(~one.exists() for one in seen)).limit(rows_max)
    return list(connection.execute(query).scalars())


def waiting_for_nothing(connection: Connection, rows_max: int) -> list[tuple[UUID, str, int]]:
    """Return the keys of entries that wait to be sealed though they don't exist or are in the log already."""
    named = [unsealed_entry.c[name] for name in _KEY]
    is_there, is_sealed = (
        select(1).where(*(table.c[name] == unsealed_entry.c[name] for name in _KEY)).exists()
        for table in (entry, log_leaf)
    )
    query = select(*named).where(or_(~is_there, is_sealed)).order_by(*named).limit(rows_max)
    return [(row.learner_id, row.scheme, row.seq) for row in connection.execute(query)]
