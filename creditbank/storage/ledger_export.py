"""The whole ledger in order of learners, as it stands in the database, whether or not the bank wrote it so."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from operator import attrgetter
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, Select, func, select

from creditbank.core.calendar import instant_text
from creditbank.storage.decisions import decision
from creditbank.storage.ledger import Lot, account, entry, lot
from creditbank.storage.seal_log import Leaf, StoredCheckpoint, checkpoint, log_leaf

ROWS_AT_ONCE = 5_000
"""Rows that are fetched together from each of the tables: some megabytes."""


@dataclass(frozen=True, slots=True)
class StoredAccount:
    """An account's row, with the available credits as they are stored."""

    learner_id: UUID
    scheme: str
    recognised_hundredths: int
    held_hundredths: int
    converted_hundredths: int
    available_hundredths: int
    seq: int
    recorded_at: datetime | None
    chain_hash: bytes


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An entry's row: its canonical line, its hash, and what it takes to find what belongs to it."""

    scheme: str
    seq: int
    kind: str
    lot_id: UUID
    decision_id: UUID
    line: str
    hash: bytes


@dataclass(frozen=True, slots=True)
class Award:
    """What a decision awarded, as its result says it (a JSON text)."""

    decision_id: UUID
    outcome_id: UUID | None
    result: str


@dataclass(frozen=True, slots=True)
class Book:
    """All that the ledger and its log hold of one learner."""

    learner_id: UUID
    accounts: Sequence[StoredAccount]
    lots: Sequence[Lot]
    entries: Sequence[StoredEntry]
    leaves: Sequence[Leaf]
    awards: Sequence[Award]


def counts(connection: Connection) -> dict[str, int]:
    """Return how many rows each part of the ledger has."""
    tables = {"accounts": account, "lots": lot, "entries": entry, "leaves": log_leaf, "checkpoints": checkpoint}
    return {
        name: connection.execute(select(func.count()).select_from(table)).scalar_one() for name, table in tables.items()
    }


def books(connection: Connection) -> Iterator[Book]:
    """Yield what is there of each learner, in the order of ids; five tables are read side by side, a few rows at once.

    Asked within a snapshot, all of it is of one moment.
    """
    queries: tuple[Select[Any], ...] = (
        select(account).order_by(account.c.learner_id, account.c.scheme),
        select(lot).order_by(lot.c.learner_id, lot.c.id),
        select(entry).order_by(entry.c.learner_id, entry.c.scheme, entry.c.seq),
        select(log_leaf).order_by(log_leaf.c.learner_id, log_leaf.c.scheme, log_leaf.c.seq),
        select(decision.c.learner_id, decision.c.id, decision.c.outcome_id, decision.c.result)
        .where(decision.c.kind == "recognition")
        .order_by(decision.c.learner_id, decision.c.id),
    )
    groups = [groupby(_rows(connection, query), attrgetter("learner_id")) for query in queries]
    heads = [next(group, None) for group in groups]
    while any(heads):
        learner_id = min(head[0] for head in heads if head is not None)
        found: list[list[Row[Any]]] = []
        for number, head in enumerate(heads):
            is_theirs = head is not None and head[0] == learner_id
            found.append(list(head[1]) if head is not None and is_theirs else [])
            if is_theirs:
                heads[number] = next(groups[number], None)
        yield _book(learner_id, found)


def checkpoints(connection: Connection) -> Iterator[StoredCheckpoint]:
    """Yield all checkpoints, the smallest first."""
    for row in _rows(connection, select(checkpoint).order_by(checkpoint.c.size)):
        yield StoredCheckpoint(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it


def _rows(connection: Connection, query: Select[Any]) -> Iterator[Row[Any]]:
    """Yield the rows of a query as they come, without keeping them."""
    return iter(connection.execute(query, execution_options={"yield_per": ROWS_AT_ONCE}))


def _book(learner_id: UUID, found: Sequence[Sequence[Row[Any]]]) -> Book:
    """Return the values that a learner's rows hold."""
    accounts, lots, entries, leaves, awards = found
    return Book(
        learner_id,
        [StoredAccount(**row._mapping) for row in accounts],  # noqa: SLF001 - SQLAlchemy's public name for it
        [Lot(**row._mapping) for row in lots],  # noqa: SLF001 - as above
        [_entry(row) for row in entries],
        [Leaf(row.position, row.learner_id, row.scheme, row.seq, row.hash) for row in leaves],
        [Award(row.id, row.outcome_id, row.result) for row in awards],
    )


def _entry(row: Row[Any]) -> StoredEntry:
    """Return an entry with its line, written as `core/ledger.canonical_line` does, whatever the row says."""
    effective_on: date = row.effective_on
    parts = (
        *("1", row.learner_id, row.scheme, row.seq, row.id, row.posting_id, row.lot_id, row.decision_id, row.kind),
        *(row.counter_account, row.amount_hundredths, row.balance_after_hundredths, effective_on.isoformat()),
        *(instant_text(row.recorded_at), row.actor),
    )
    line = "|".join(map(str, parts))
    return StoredEntry(row.scheme, row.seq, row.kind, row.lot_id, row.decision_id, line, row.hash)
