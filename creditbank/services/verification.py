"""Verification: every account's entries replayed and compared with its balances and lots."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from uuid import UUID

from creditbank.core.ledger import Entry, Standing, replayed
from creditbank.services.bank import Work
from creditbank.storage import ledger

ACCOUNTS_AT_ONCE = 500
"""Accounts read in one go: bounds memory at some ten thousand entries."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a verification saw: how much was checked, and each fault in words."""

    accounts: int
    entries: int
    faults: tuple[str, ...]


def verify(work: Work) -> Report:
    """Replay the whole ledger and compare every balance and lot with what its entries give."""
    accounts = entries = 0
    faults = [f"entry {entry_id}: stands on no account" for entry_id in ledger.strays(work.connection)]
    after = None
    while standings := ledger.standings(work.connection, after, ACCOUNTS_AT_ONCE):
        after = (standings[-1].learner_id, standings[-1].scheme)
        learner_ids = sorted({standing.learner_id for standing in standings})
        by_account = _entries_by_account(work, learner_ids)
        lots = ledger.lots_by_learner(work.connection, learner_ids)
        for standing in standings:
            found = by_account.get((standing.learner_id, standing.scheme), [])
            own_lots = [lot for lot in lots[standing.learner_id] if lot.scheme == standing.scheme]
            faults += _account_faults(standing, found) + _lot_faults(own_lots, found)
            accounts += 1
            entries += len(found)
    return Report(accounts, entries, tuple(faults))


def _entries_by_account(work: Work, learner_ids: Sequence[UUID]) -> dict[tuple[UUID, str], list[Entry]]:
    """Return the learners' entries by account, in order."""
    found = ledger.entries_of(work.connection, learner_ids)
    return {key: list(group) for key, group in groupby(found, lambda entry: (entry.learner_id, entry.scheme))}


def _account_faults(standing: Standing, entries: Sequence[Entry]) -> list[str]:
    """Return where an account's stored standing or chain is not what its entries give."""
    expected, faults = replayed(standing.learner_id, standing.scheme, entries)
    if expected != standing:
        faults.append(
            f"account {standing.learner_id} {standing.scheme}: stored {_shown(standing)},"
            f" entries give {_shown(expected)}"
        )
    return faults


def _lot_faults(lots: Sequence[ledger.Lot], entries: Sequence[Entry]) -> list[str]:
    """Return where a lot is not what the entries on it give."""
    added: dict[UUID, int] = defaultdict(int)
    left: dict[UUID, int] = defaultdict(int)
    for entry in entries:
        left[entry.transfer.lot_id] += entry.transfer.amount_hundredths
        added[entry.transfer.lot_id] += entry.transfer.amount_hundredths if entry.transfer.kind == "recognise" else 0
    return [
        f"lot {lot.id}: stored {lot.amount_hundredths} less {lot.used_hundredths} used, entries give {added[lot.id]}"
        f" with {left[lot.id]} left (hundredths)"
        for lot in lots
        if (added[lot.id], left[lot.id]) != (lot.amount_hundredths, lot.amount_hundredths - lot.used_hundredths)
    ]


def _shown(standing: Standing) -> str:
    """Return a standing in few words."""
    return (
        f"recognised {standing.recognised_hundredths}, held {standing.held_hundredths}, converted"
        f" {standing.converted_hundredths}, {standing.seq} entries, chain {standing.chain_hash.hex()[:12]}"
    )
