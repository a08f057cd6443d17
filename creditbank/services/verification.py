"""Verification: every account's entries replayed and compared with its balances, its lots and their decisions."""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from uuid import UUID

from creditbank.core.credit import decimal_text
from creditbank.core.ledger import Entry, EntryKind, Standing, replayed
from creditbank.services.bank import Work
from creditbank.storage import decisions, ledger
from creditbank.storage.database import snapshot

ACCOUNTS_AT_ONCE = 500
"""Accounts read in one go: bounds memory at some ten thousand entries."""

STRAYS_MAX = 100
"""Entries and lots without an account that are named one by one: more of them are the same disaster."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a verification saw: how much was checked, and each fault in words."""

    accounts: int
    entries: int
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Book:
    """One account with all that has to agree on it."""

    standing: Standing
    entries: Sequence[Entry]
    lots: Sequence[ledger.Lot]
    awards: Mapping[UUID, tuple[UUID, str]]


def verify(work: Work) -> Report:
    """Replay the whole ledger as it stands at one moment; compare balances, lots and decisions with its entries."""
    accounts = entries = 0
    with snapshot(work.connection):
        strays = ledger.strays(work.connection, STRAYS_MAX)
        faults = [f"{name} {stray_id}: stands on no account" for name, stray_id in strays]
        after = None
        while standings := ledger.standings(work.connection, after, ACCOUNTS_AT_ONCE):
            after = (standings[-1].learner_id, standings[-1].scheme)
            for book in _books(work, standings):
                faults += _faults(book)
                accounts += 1
                entries += len(book.entries)
    return Report(accounts, entries, tuple(faults))


def _books(work: Work, standings: Sequence[Standing]) -> list[_Book]:
    """Return the accounts with their entries and lots, read for all of them together."""
    learner_ids = sorted({standing.learner_id for standing in standings})
    found = ledger.entries_of(work.connection, learner_ids)
    entries = {key: list(group) for key, group in groupby(found, lambda entry: (entry.learner_id, entry.scheme))}
    lots = ledger.lots_by_learner(work.connection, learner_ids)
    awards = decisions.awards(work.connection, learner_ids)
    return [
        _Book(
            standing,
            entries.get((standing.learner_id, standing.scheme), []),
            [lot for lot in lots[standing.learner_id] if lot.scheme == standing.scheme],
            awards,
        )
        for standing in standings
    ]


def _faults(book: _Book) -> list[str]:
    """Return everything on an account that does not agree."""
    return _standing_faults(book) + _lot_faults(book) + _award_faults(book)


def _standing_faults(book: _Book) -> list[str]:
    """Return where the account's stored standing or chain is not what its entries give."""
    standing = book.standing
    expected, faults = replayed(standing.learner_id, standing.scheme, book.entries)
    if expected != standing:
        faults.append(
            f"account {standing.learner_id} {standing.scheme}: stored {_shown(standing)},"
            f" entries give {_shown(expected)}"
        )
    return faults


def _lot_faults(book: _Book) -> list[str]:
    """Return where a lot is not what the entries on it give, and outcomes that are credited twice."""
    added: dict[UUID, int] = defaultdict(int)
    left: dict[UUID, int] = defaultdict(int)
    in_force: dict[UUID, int] = defaultdict(int)
    for entry in book.entries:
        transfer = entry.transfer
        left[transfer.lot_id] += transfer.amount_hundredths
        added[transfer.lot_id] += transfer.amount_hundredths if transfer.kind is EntryKind.RECOGNISE else 0
        if transfer.kind in (EntryKind.RECOGNISE, EntryKind.REVERSE):
            in_force[transfer.lot_id] += transfer.amount_hundredths
    faults = [
        f"lot {lot.id}: stored {lot.amount_hundredths} less {lot.used_hundredths} used, entries give {added[lot.id]}"
        f" with {left[lot.id]} left (hundredths)"
        for lot in book.lots
        if (added[lot.id], left[lot.id]) != (lot.amount_hundredths, lot.amount_hundredths - lot.used_hundredths)
    ]
    credited = Counter(lot.outcome_id for lot in book.lots if in_force[lot.id] > 0)
    twice = sorted(outcome_id for outcome_id, times in credited.items() if times > 1)
    return faults + [f"outcome {outcome_id}: credited more than once" for outcome_id in twice]


def _award_faults(book: _Book) -> list[str]:
    """Return recognitions that are not what their decision says, and entries on a lot that is not there."""
    faults = []
    lots = {lot.id: lot for lot in book.lots}
    for entry in book.entries:
        transfer = entry.transfer
        lot = lots.get(transfer.lot_id)
        if lot is None:
            faults.append(f"entry {entry.id}: its lot {transfer.lot_id} is not on the account")
        elif transfer.kind is EntryKind.RECOGNISE:
            outcome_id, text = book.awards.get(transfer.decision_id, (None, "null"))
            result = json.loads(text) or {}
            ends = lot.valid_until and lot.valid_until.isoformat()
            said = (outcome_id, result.get("credits"), result.get("scheme"), result.get("valid_until"))
            if said != (lot.outcome_id, decimal_text(transfer.amount_hundredths), lot.scheme, ends):
                faults.append(f"lot {lot.id}: is not what decision {transfer.decision_id} awarded")
    return faults


def _shown(standing: Standing) -> str:
    """Return a standing in few words."""
    return (
        f"recognised {standing.recognised_hundredths}, held {standing.held_hundredths}, converted"
        f" {standing.converted_hundredths}, {standing.seq} entries, chain {standing.chain_hash.hex()[:12]}"
    )
