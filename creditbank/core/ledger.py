"""The ledger's arithmetic: transfers become chained entries and move an account's balances.

Every entry is a transfer between a learner's account and one counter account, so it sums to zero by its shape.
The signed amount is what it does to the learner's *available* credits; the counter account tells the rest:

    recognise  +3.00  issuance:cqdx      recognised +3.00
    reverse    -3.00  issuance:cqdx      recognised -3.00
    hold       -3.00  held               held       +3.00
    release    +3.00  held               held       -3.00
    convert    -3.00  conversion:bj-cs   converted  +3.00
    restore    +3.00  conversion:bj-cs   converted  -3.00
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from creditbank.core.calendar import instant_text
from creditbank.core.credit import HUNDREDTHS_MAX

GENESIS_HASH = bytes(32)
"""What stands before the first entry of every account."""


class EntryKind(StrEnum):
    """Why credits moved."""

    RECOGNISE = "recognise"
    REVERSE = "reverse"
    HOLD = "hold"
    RELEASE = "release"
    CONVERT = "convert"
    RESTORE = "restore"
    """A conversion is undone: its credits are the learner's again, or reversed next where their outcome is revoked."""


class Overdrawn(AssertionError):  # noqa: N818 - named for what happened, as refusals are
    """A transfer would take a balance under zero or over the largest amount: a broken promise of our own."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """Credits to be moved between a learner's account and a counter account, for one lot and under one decision."""

    lot_id: UUID
    counter_account: str
    amount_hundredths: int
    kind: EntryKind
    decision_id: UUID
    effective_on: date

    def __post_init__(self) -> None:
        """Refuse a transfer whose sign or counter account contradicts its kind."""
        grows = self.kind in (EntryKind.RECOGNISE, EntryKind.RELEASE, EntryKind.RESTORE)
        assert self.amount_hundredths != 0, "a transfer moves something"
        assert (self.amount_hundredths > 0) == grows, f"{self.kind} with {self.amount_hundredths}"
        assert self.counter_account.partition(":")[0] == _COUNTER[self.kind], self.counter_account


_COUNTER = {
    EntryKind.RECOGNISE: "issuance",
    EntryKind.REVERSE: "issuance",
    EntryKind.HOLD: "held",
    EntryKind.RELEASE: "held",
    EntryKind.CONVERT: "conversion",
    EntryKind.RESTORE: "conversion",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger, as it stands for ever. `seq` counts from 1 within the account."""

    id: UUID
    posting_id: UUID
    learner_id: UUID
    scheme: str
    seq: int
    transfer: Transfer
    balance_after_hundredths: int
    recorded_at: datetime
    actor: str
    hash: bytes


@dataclass(frozen=True, slots=True)
class Standing:
    """The stored balances of one account (a learner's credits in one scheme) and the end of its hash chain."""

    learner_id: UUID
    scheme: str
    recognised_hundredths: int = 0
    held_hundredths: int = 0
    converted_hundredths: int = 0
    seq: int = 0
    recorded_at: datetime | None = None
    chain_hash: bytes = GENESIS_HASH

    @property
    def available_hundredths(self) -> int:
        """Credits neither held nor converted; expiry is not seen here but computed from dates when read."""
        return self.recognised_hundredths - self.held_hundredths - self.converted_hundredths


@dataclass(frozen=True, slots=True)
class Stamp:
    """What an entry is given when it is made: its id, its posting's id, who posts and when."""

    entry_id: UUID
    posting_id: UUID
    actor: str
    recorded_at: datetime


def posted(standing: Standing, transfer: Transfer, stamp: Stamp) -> tuple[Entry, Standing]:
    """Return the entry that the transfer becomes and the account's standing after it.

    An account's instants never run backwards, even where the machine's clock does. Refused: Overdrawn.
    """
    recognised, held, converted = _moved(standing, transfer)
    available = recognised - held - converted
    recorded_at = max(stamp.recorded_at, standing.recorded_at or stamp.recorded_at)
    place = (standing.learner_id, standing.scheme, standing.seq + 1)
    stamp = stamp if stamp.recorded_at == recorded_at else replace(stamp, recorded_at=recorded_at)
    line = _line(place, transfer, stamp, available)
    entry = Entry(
        id=stamp.entry_id,
        posting_id=stamp.posting_id,
        learner_id=standing.learner_id,
        scheme=standing.scheme,
        seq=standing.seq + 1,
        transfer=transfer,
        balance_after_hundredths=available,
        recorded_at=recorded_at,
        actor=stamp.actor,
        hash=hashlib.sha256(standing.chain_hash + line).digest(),
    )
    after = Standing(
        standing.learner_id, standing.scheme, recognised, held, converted, entry.seq, recorded_at, entry.hash
    )
    return entry, after


def _moved(standing: Standing, transfer: Transfer) -> tuple[int, int, int]:
    """Return what the transfer leaves as recognised, held and converted."""
    amount = transfer.amount_hundredths
    recognised, held = standing.recognised_hundredths, standing.held_hundredths
    converted = standing.converted_hundredths
    if transfer.kind in (EntryKind.RECOGNISE, EntryKind.REVERSE):
        recognised += amount
    elif transfer.kind in (EntryKind.CONVERT, EntryKind.RESTORE):
        converted -= amount
    else:
        held -= amount
    if min(held, converted, recognised - held - converted) < 0 or recognised > HUNDREDTHS_MAX:
        raise Overdrawn(f"{transfer.kind} of {amount} on account {standing.learner_id} {standing.scheme}")
    return recognised, held, converted


def chain_hash(previous: bytes, entry: Entry) -> bytes:
    """Return SHA-256 over the account's previous hash and the entry's canonical line."""
    return hashlib.sha256(previous + canonical_line(entry)).digest()


def canonical_line(entry: Entry) -> bytes:
    """Return the entry's fields joined by "|", as hashed: ids and codes can't hold that sign.

    Order: version, learner, scheme, seq, entry, posting, lot, decision, kind, counter account, amount and balance
    after (hundredths), effective day, recorded instant (RFC 3339, UTC, microseconds), actor.
    """
    stamp = Stamp(entry.id, entry.posting_id, entry.actor, entry.recorded_at)
    place = (entry.learner_id, entry.scheme, entry.seq)
    return _line(place, entry.transfer, stamp, entry.balance_after_hundredths)


def _line(place: tuple[UUID, str, int], transfer: Transfer, stamp: Stamp, balance_after_hundredths: int) -> bytes:
    """Return an entry's canonical line before there is an entry; `place` is its learner, scheme and seq."""
    learner_id, scheme, seq = place
    return (
        f"1|{learner_id}|{scheme}|{seq}|{stamp.entry_id}|{stamp.posting_id}|{transfer.lot_id}|{transfer.decision_id}"
        f"|{transfer.kind}|{transfer.counter_account}|{transfer.amount_hundredths}|{balance_after_hundredths}"
        f"|{transfer.effective_on.isoformat()}|{instant_text(stamp.recorded_at)}|{stamp.actor}"
    ).encode()


def replayed(learner_id: UUID, scheme: str, entries: Iterable[Entry]) -> tuple[Standing, list[str]]:
    """Replay an account's entries in order; return the standing they give and what is wrong with each, in words."""
    standing = Standing(learner_id, scheme)
    faults: list[str] = []
    for entry in entries:
        stamp = Stamp(entry.id, entry.posting_id, entry.actor, entry.recorded_at)
        try:
            expected, standing = posted(standing, entry.transfer, stamp)
        except Overdrawn as overdrawn:
            faults.append(f"entry {entry.id}: {overdrawn}")
            return standing, faults
        if expected != entry:
            faults.append(f"entry {entry.id} (no. {entry.seq}): does not follow from the entries before it")
    return standing, faults
