"""Ledger entries made by the hundred thousand: the arithmetic of `core/ledger.posted`, on texts instead of values.

A test compares the two entry by entry, and `creditbank verify` replays whatever was loaded.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from hashlib import sha256
from random import Random
from typing import Any

from creditbank.core.ledger import GENESIS_HASH

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - texts are made of it, all of them in UTC
DAY_SECONDS = 86_400
SHANGHAI_SECONDS = 8 * 3600

_DAYS = tuple((date(1970, 1, 1) + timedelta(days=day)).isoformat() for day in range(40_000))
_TIMES = tuple((EPOCH + timedelta(seconds=second)).strftime("%H:%M:%S.000000") for second in range(DAY_SECONDS))

ID_CHANCE = 18
"""Hexadecimal digits of an id that are left to chance."""

IDS_AT_ONCE = 4096

ENTRY_COLUMNS = (
    *("learner_id", "scheme", "seq", "id", "posting_id", "lot_id", "decision_id", "counter_account"),
    *("amount_hundredths", "balance_after_hundredths", "kind", "effective_on", "recorded_at", "actor", "hash"),
)
ACCOUNT_COLUMNS = (
    *("learner_id", "scheme", "recognised_hundredths", "held_hundredths", "converted_hundredths"),
    *("available_hundredths", "seq", "recorded_at", "chain_hash"),
)


def stored(instant: int) -> str:
    """Return an instant, in seconds since 1970, as both engines take it."""
    return f"{_DAYS[instant // DAY_SECONDS]} {_TIMES[instant % DAY_SECONDS]}"


def bank_day(instant: int) -> str:
    """Return the day in Shanghai of an instant."""
    return _DAYS[(instant + SHANGHAI_SECONDS) // DAY_SECONDS]


def day_text(day: int) -> str:
    """Return a day, counted from 1970."""
    return _DAYS[day]


class Ids:
    """Ids of version 7 by the hundred thousand: the instant of what they name, and chance that a seed decides."""

    __slots__ = ("_at", "_chance", "_place", "_random", "_time")

    def __init__(self, random: Random) -> None:
        """Draw chance from a random, many ids at once."""
        self._random, self._chance, self._place = random, "", 0
        self._at, self._time = -1, ""

    def new(self, at: int) -> str:
        """Return another id for something that happens at an instant."""
        if at != self._at:
            stamp = f"{at * 1000:012x}"
            self._at, self._time = at, f"{stamp[:8]}-{stamp[8:]}-7"
        place = self._place
        if place >= len(self._chance):
            self._chance, place = self._random.randbytes(IDS_AT_ONCE * ID_CHANCE // 2).hex(), 0
        self._place = place + ID_CHANCE
        drawn = self._chance[place : place + ID_CHANCE]
        return f"{self._time}{drawn[:3]}-8{drawn[3:6]}-{drawn[6:]}"


@dataclass(slots=True)
class Posting:
    """What several entries of one posting have in common: its id, decision, effective day, instant and actor."""

    id: str
    decision: str
    day: str
    at: int
    actor: str


@dataclass(slots=True)
class Account:
    """A learner's credits in one scheme, moved entry by entry; instants don't run backwards."""

    learner: str
    scheme: str
    recognised: int = 0
    held: int = 0
    converted: int = 0
    seq: int = 0
    at: int = 0
    hash: bytes = field(default=GENESIS_HASH)

    def moved(self, ids: Ids, posting: Posting, lot: str, transfer: tuple[str, str, int]) -> tuple[Any, ...]:
        """Return the row of the entry that a transfer (kind, counter account, hundredths) becomes, and move."""
        kind, counter, amount = transfer
        if kind in ("recognise", "reverse"):
            self.recognised += amount
        elif kind in ("hold", "release"):
            self.held -= amount
        else:
            self.converted -= amount
        after = self.recognised - self.held - self.converted
        assert min(self.held, self.converted, after) >= 0, "nothing is overdrawn"
        assert posting.at >= self.at, "an account's instants never run backwards"
        self.seq, self.at = self.seq + 1, posting.at
        entry = ids.new(posting.at)
        day, time = _DAYS[posting.at // DAY_SECONDS], _TIMES[posting.at % DAY_SECONDS]
        line = (
            f"1|{self.learner}|{self.scheme}|{self.seq}|{entry}|{posting.id}|{lot}|{posting.decision}|{kind}|{counter}"
            f"|{amount}|{after}|{posting.day}|{day}T{time}Z|{posting.actor}"
        )
        self.hash = sha256(self.hash + line.encode()).digest()
        return (
            *(self.learner, self.scheme, self.seq, entry, posting.id, lot, posting.decision, counter, amount, after),
            *(kind, posting.day, f"{day} {time}", posting.actor, self.hash),
        )

    def row(self) -> tuple[Any, ...]:
        """Return the account as it stands."""
        available = self.recognised - self.held - self.converted
        sums = (self.recognised, self.held, self.converted, available)
        return (self.learner, self.scheme, *sums, self.seq, stored(self.at), self.hash)
