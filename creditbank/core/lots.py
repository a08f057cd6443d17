"""Lots: the credits that one recognition put on an account, each with its own last day."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from creditbank.core.ledger import EntryKind, Transfer


@dataclass(frozen=True, slots=True)
class Remainder:
    """What is left of lots that end on the same day; `valid_until` is their last day, None for no end."""

    valid_until: date | None
    credit_hundredths: int


@dataclass(frozen=True, slots=True)
class Balance:
    """An account's credits as seen on a day: available is what is neither held, converted nor expired."""

    scheme: str
    recognised_hundredths: int
    held_hundredths: int
    converted_hundredths: int
    expired_hundredths: int
    expiring: tuple[Remainder, ...]

    @property
    def available_hundredths(self) -> int:
        """Credits that can be held or converted on the day of the balance."""
        used = self.held_hundredths + self.converted_hundredths + self.expired_hundredths
        return self.recognised_hundredths - used


@dataclass(frozen=True, slots=True)
class DatedTransfer:
    """A transfer of a scheme together with the last day of its lot."""

    scheme: str
    transfer: Transfer
    lot_valid_until: date | None


def expired(remainders: Iterable[Remainder], on: date) -> int:
    """Return the hundredths whose last day lies before `on`."""
    return sum(r.credit_hundredths for r in remainders if r.valid_until is not None and r.valid_until < on)


def expiring(remainders: Iterable[Remainder], on: date) -> tuple[Remainder, ...]:
    """Return what ends on `on` or later, soonest first, one item a day; credits without an end are left out."""
    by_day: dict[date, int] = defaultdict(int)
    for remainder in remainders:
        if remainder.valid_until is not None and remainder.valid_until >= on and remainder.credit_hundredths:
            by_day[remainder.valid_until] += remainder.credit_hundredths
    return tuple(Remainder(day, by_day[day]) for day in sorted(by_day))


def balances(transfers: Iterable[DatedTransfer], on: date) -> tuple[Balance, ...]:
    """Return the balance of each scheme, in code order, that the transfers (those of interest only) give on a day."""
    by_scheme: dict[str, list[DatedTransfer]] = defaultdict(list)
    for dated in transfers:
        by_scheme[dated.scheme].append(dated)
    return tuple(_balance(scheme, by_scheme[scheme], on) for scheme in sorted(by_scheme))


@dataclass(frozen=True, slots=True)
class Left:
    """What can be used of one lot on a day, and the decision that put it on the account."""

    scheme: str
    decision_id: UUID
    credit_hundredths: int


def left_of_lots(transfers: Iterable[DatedTransfer], on: date) -> list[Left]:
    """Return the lots of which something is neither held, converted nor expired on a day: what is available, by lots.

    Each lot is recognised once, and that is among the transfers.
    """
    amounts: dict[UUID, int] = defaultdict(int)
    recognised: dict[UUID, tuple[str, UUID]] = {}
    ended: set[UUID] = set()
    for dated in transfers:
        lot_id = dated.transfer.lot_id
        amounts[lot_id] += dated.transfer.amount_hundredths
        if dated.transfer.kind is EntryKind.RECOGNISE:
            recognised[lot_id] = dated.scheme, dated.transfer.decision_id
        if dated.lot_valid_until is not None and dated.lot_valid_until < on:
            ended.add(lot_id)
    return [Left(*recognised[lot_id], amount) for lot_id, amount in amounts.items() if amount and lot_id not in ended]


def summed(found: Iterable[Balance]) -> list[Balance]:
    """Return one balance a scheme, in code order, from those of several accounts of one person."""
    by_scheme: dict[str, list[Balance]] = defaultdict(list)
    for balance in found:
        by_scheme[balance.scheme].append(balance)
    return [_sum(by_scheme[scheme]) for scheme in sorted(by_scheme)]


def _sum(balances: list[Balance]) -> Balance:
    """Return the sum of balances in one scheme."""
    by_day: dict[date, int] = defaultdict(int)
    for part in (part for balance in balances for part in balance.expiring):
        assert part.valid_until is not None, "what expires has a last day"
        by_day[part.valid_until] += part.credit_hundredths
    return Balance(
        scheme=balances[0].scheme,
        recognised_hundredths=sum(balance.recognised_hundredths for balance in balances),
        held_hundredths=sum(balance.held_hundredths for balance in balances),
        converted_hundredths=sum(balance.converted_hundredths for balance in balances),
        expired_hundredths=sum(balance.expired_hundredths for balance in balances),
        expiring=tuple(Remainder(day, by_day[day]) for day in sorted(by_day)),
    )


def _balance(scheme: str, transfers: list[DatedTransfer], on: date) -> Balance:
    """Return one scheme's balance from all its transfers."""
    sums: dict[EntryKind, int] = defaultdict(int)
    left: dict[UUID, int] = defaultdict(int)
    last_day: dict[UUID, date | None] = {}
    for dated in transfers:
        sums[dated.transfer.kind] += dated.transfer.amount_hundredths
        left[dated.transfer.lot_id] += dated.transfer.amount_hundredths
        last_day[dated.transfer.lot_id] = dated.lot_valid_until
    remainders = [Remainder(last_day[lot], amount) for lot, amount in left.items()]
    return Balance(
        scheme=scheme,
        recognised_hundredths=sums[EntryKind.RECOGNISE] + sums[EntryKind.REVERSE],
        held_hundredths=-(sums[EntryKind.HOLD] + sums[EntryKind.RELEASE]),
        converted_hundredths=-(sums[EntryKind.CONVERT] + sums[EntryKind.RESTORE]),
        expired_hundredths=expired(remainders, on),
        expiring=expiring(remainders, on),
    )
