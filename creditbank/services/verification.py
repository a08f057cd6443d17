"""Verification: every account's entries replayed and compared with its balances, lots, decisions, conversions, seal."""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from uuid import UUID

from creditbank.core.credit import decimal_text
from creditbank.core.ledger import Entry, EntryKind, Standing, replayed
from creditbank.core.merging import roots
from creditbank.core.review import OPEN, State
from creditbank.services.bank import Work
from creditbank.services.converting import claims_for
from creditbank.services.log_checking import log_faults
from creditbank.storage import conversion_books, decisions, institutions, ledger, people
from creditbank.storage.conversion_books import ConversionBook
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
    conversions: int
    sealed: int
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Book:
    """One account with all that has to agree on it."""

    standing: Standing
    entries: Sequence[Entry]
    lots: Sequence[ledger.Lot]
    awards: Mapping[UUID, tuple[UUID, str]]
    spent: Mapping[str, int]


def verify(work: Work) -> Report:
    """Replay the whole ledger as it stands at one moment; compare with it what rests on it.

    That is balances, lots, decisions, what conversions hold, spent and claim, and the log with its checkpoints.
    """
    accounts = entries = conversions = 0
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
        faults += _person_faults(work)
        last = None
        while learner_ids := conversion_books.learners_with_any(work.connection, last, ACCOUNTS_AT_ONCE):
            last = learner_ids[-1]
            found = _conversion_faults(work, learner_ids)
            faults += [fault for _, own in found for fault in own]
            conversions += sum(number for number, _ in found)
        sealed, of_log = log_faults(work)
    return Report(accounts, entries, conversions, sealed, tuple(faults + of_log))


def _person_faults(work: Work) -> list[str]:
    """Return accounts on which somebody else is written than whom the standing links join them to."""
    links = people.every_standing(work.connection)
    wrong = sorted({account for account, _ in roots(links).items() ^ people.every_root(work.connection).items()})
    return [f"learner {account}: is not known by the account that its links lead to" for account in wrong]


def _books(work: Work, standings: Sequence[Standing]) -> list[_Book]:
    """Return the accounts with their entries and lots, read for all of them together."""
    learner_ids = sorted({standing.learner_id for standing in standings})
    found = ledger.entries_of(work.connection, learner_ids)
    entries = {key: list(group) for key, group in groupby(found, lambda entry: (entry.learner_id, entry.scheme))}
    lots = ledger.lots_by_learner(work.connection, learner_ids)
    awards = decisions.awards(work.connection, learner_ids)
    spent = conversion_books.spending(work.connection, learner_ids)
    return [
        _Book(
            standing,
            entries.get((standing.learner_id, standing.scheme), []),
            [lot for lot in lots[standing.learner_id] if lot.scheme == standing.scheme],
            awards,
            spent.get((standing.learner_id, standing.scheme), {}),
        )
        for standing in standings
    ]


def _faults(book: _Book) -> list[str]:
    """Return everything on an account that does not agree."""
    return _standing_faults(book) + _lot_faults(book) + _award_faults(book) + _spending_faults(book)


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


def _conversion_faults(work: Work, learner_ids: Sequence[UUID]) -> list[tuple[int, list[str]]]:
    """Return how many applications each learner has, and everything about them that does not agree."""
    books = conversion_books.books_of(work.connection, learner_ids)
    codes = institutions.codes(work.connection, {one.institution_id for book in books for one in book.conversions})
    return [(len(book.conversions), _state_faults(book) + _claim_faults(book, codes)) for book in books]


def _state_faults(book: ConversionBook) -> list[str]:
    """Return parts that can't stand as they do in an application that stands as it does."""
    return [
        f"conversion {one.id}: is {one.progress.state.value}, but its part {part.number} is {part.state}"
        for one in book.conversions
        for part in book.parts.get(one.id, [])
        if part.state not in _PART_STATES.get(one.progress.state, ("released", "declined"))
    ]


_PART_STATES = dict.fromkeys(OPEN, ("held", "declined")) | {State.APPROVED: ("converted", "undone", "declined")}
"""How parts may stand in an application; in one that was closed without effect they are let go."""


def _claim_faults(book: ConversionBook, codes: Mapping[UUID, str]) -> list[str]:
    """Return claims that are missing, and those that nothing stands on any more."""
    expected: dict[str, UUID] = {}
    faults = []
    for one in book.conversions:
        live = [part for part in book.parts.get(one.id, []) if part.state in ("held", "converted")]
        for claim in claims_for(one, codes[one.institution_id], live):
            if claim in expected:
                faults.append(f"conversion {one.id}: {claim} is part of conversion {expected[claim]} as well")
            expected[claim] = one.id
    wrong = sorted(expected.items() ^ book.claims.items())
    return faults + [f"conversion {conversion_id}: its claim on {claim} is astray" for claim, conversion_id in wrong]


def _spending_faults(book: _Book) -> list[str]:
    """Return where an account doesn't hold, or has not spent, what the learner's applications say."""
    standing = book.standing
    stored = (standing.held_hundredths, standing.converted_hundredths)
    said = (book.spent.get("held", 0), book.spent.get("converted", 0))
    if said == stored:
        return []
    has, should = (f"{held} held and {spent} converted" for held, spent in (stored, said))
    return [f"account {standing.learner_id} {standing.scheme}: has {has}, its conversions say {should} (hundredths)"]


def _shown(standing: Standing) -> str:
    """Return a standing in few words."""
    return (
        f"recognised {standing.recognised_hundredths}, held {standing.held_hundredths}, converted"
        f" {standing.converted_hundredths}, {standing.seq} entries, chain {standing.chain_hash.hex()[:12]}"
    )
