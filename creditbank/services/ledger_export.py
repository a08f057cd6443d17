"""The export of the ledger: everything that an outsider needs to check it, of one moment, line by line.

Pseudonyms only: no name, no number of a person, nothing that was said about them.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from creditbank.core.calendar import instant_text
from creditbank.formats.ledger_lines import LedgerLines
from creditbank.services.bank import Bank
from creditbank.storage import ledger_export, schemes, seal_log
from creditbank.storage.database import snapshot
from creditbank.storage.ledger import Lot
from creditbank.storage.ledger_export import Award, Book, StoredAccount
from creditbank.storage.seal_log import Leaf

Line = tuple[str, dict[str, object]]
"""The type of a line, and what it says."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written: how many lines of each type, and the SHA-256 of all but the last."""

    counts: dict[str, int]
    sha256: str


def export(bank: Bank, write: Callable[[bytes], object]) -> Exported:
    """Write the whole ledger as it stands at one moment; memory doesn't grow with it. Raised: Raced, Unavailable."""
    with bank.database.reading() as connection, snapshot(connection):
        return written(connection, bank.clock(), write)


def written(connection: Connection, made_at: datetime, write: Callable[[bytes], object]) -> Exported:
    """Write the ledger as a connection sees it."""
    lines = LedgerLines(write)
    counts = ledger_export.counts(connection)
    lines.head(
        made_at=instant_text(made_at),
        leaves=counts.pop("leaves"),
        counts=counts,
        schemes=[asdict(scheme) for scheme in schemes.every(connection).values()],
    )
    for book in ledger_export.books(connection):
        for kind, said in _book_lines(book):
            lines.add(kind, said)
    for key in seal_log.public_keys(connection):
        lines.add("key", {"key": key})
    for one in ledger_export.checkpoints(connection):
        lines.add("checkpoint", {"size": one.size, "root": one.root.hex(), "note": one.note})
    return Exported(lines.counts, lines.end())


def _book_lines(book: Book) -> Iterator[Line]:
    """Yield a learner's accounts, each with its lots and entries, and leaves of the log that have no entry any more."""
    leaves: dict[tuple[str, int], list[Leaf]] = {}
    for leaf in book.leaves:
        leaves.setdefault((leaf.scheme, leaf.seq), []).append(leaf)
    schemes_seen = {one.scheme for held in (book.accounts, book.lots, book.entries) for one in held}
    for scheme in sorted(schemes_seen):
        yield from _account_lines(book, scheme, leaves)
    for leaf in (leaf for left in leaves.values() for leaf in left):
        said = {"position": leaf.position, "learner": str(leaf.learner_id), "scheme": leaf.scheme, "seq": leaf.seq}
        yield "leaf", said | {"leaf": leaf.hash.hex()}


def _account_lines(book: Book, scheme: str, leaves: dict[tuple[str, int], list[Leaf]]) -> Iterator[Line]:
    """Yield an account with its lots and entries; leaves that are found in the log are taken out of `leaves`."""
    awards = {award.decision_id: award for award in book.awards}
    decided = {one.lot_id: awards.get(one.decision_id) for one in book.entries if one.kind == "recognise"}
    for account in book.accounts:
        if account.scheme == scheme:
            yield "account", _account(account)
    for lot in book.lots:
        if lot.scheme == scheme:
            yield "lot", _lot(lot, decided.get(lot.id))
    for entry in book.entries:
        if entry.scheme == scheme:
            found = leaves.get((scheme, entry.seq))
            leaf = found.pop(0) if found else None
            place = {"position": leaf and leaf.position, "leaf": leaf and leaf.hash.hex()}
            yield "entry", {"line": entry.line, "hash": entry.hash.hex(), **place}


def _account(account: StoredAccount) -> dict[str, object]:
    return {
        "learner": str(account.learner_id),
        "scheme": account.scheme,
        "recognised_hundredths": account.recognised_hundredths,
        "held_hundredths": account.held_hundredths,
        "converted_hundredths": account.converted_hundredths,
        "available_hundredths": account.available_hundredths,
        "seq": account.seq,
        "recorded_at": account.recorded_at and instant_text(account.recorded_at),
        "chain_hash": account.chain_hash.hex(),
    }


def _lot(lot: Lot, award: Award | None) -> dict[str, object]:
    return {
        "learner": str(lot.learner_id),
        "scheme": lot.scheme,
        "lot": str(lot.id),
        "outcome": str(lot.outcome_id),
        "amount_hundredths": lot.amount_hundredths,
        "used_hundredths": lot.used_hundredths,
        "valid_until": lot.valid_until and lot.valid_until.isoformat(),
        "awarded": None if award is None else _award(award),
    }


def _award(award: Award) -> dict[str, object]:
    """Return what a decision awarded; of its result no more than that."""
    result: dict[str, Any] = json.loads(award.result) or {}
    said = {"decision": str(award.decision_id), "outcome": _text(award.outcome_id)}
    return said | {name: result.get(name) for name in ("credits", "scheme", "valid_until")}


def _text(known: UUID | None) -> str | None:
    return None if known is None else str(known)
