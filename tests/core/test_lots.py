"""Lots by the day: the last day still counts, what ended is expired, and a balance says the same as its account."""

from datetime import date, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbank.core.ledger import Entry, EntryKind, Standing
from creditbank.core.lots import (
    Balance,
    DatedTransfer,
    Left,
    Remainder,
    balances,
    expired,
    expiring,
    left_of_lots,
)
from tests.core.test_ledger import BOOKS, transfer

LAST = date(2026, 6, 30)
DAYS = st.one_of(st.none(), st.dates(date(2026, 6, 25), date(2026, 7, 5)))
REMAINDERS = st.lists(st.builds(Remainder, DAYS, st.integers(0, 1000)))


@pytest.mark.parametrize(
    ("on", "hundredths"),
    [(LAST - timedelta(days=1), 0), (LAST, 0), (LAST + timedelta(days=1), 300), (date.max, 300)],
)
def test_credit_can_be_used_on_its_last_day_and_not_after(on: date, hundredths: int) -> None:
    assert expired([Remainder(LAST, 300), Remainder(None, 500)], on) == hundredths


def test_what_ends_is_told_once_a_day_and_soonest_first() -> None:
    later = LAST + timedelta(days=5)
    remainders = [Remainder(later, 100), Remainder(LAST, 200), Remainder(later, 50), Remainder(None, 7)]
    assert expiring(remainders, LAST) == (Remainder(LAST, 200), Remainder(later, 150))
    assert expiring(remainders, LAST + timedelta(days=1)) == (Remainder(later, 150),)


def test_a_used_up_lot_is_not_told_to_end() -> None:
    assert expiring([Remainder(LAST, 0)], LAST) == ()


@given(REMAINDERS, st.dates(date(2026, 6, 20), date(2026, 7, 10)))
def test_every_credit_is_expired_or_ends_some_day_or_never(remainders: list[Remainder], on: date) -> None:
    endless = sum(one.credit_hundredths for one in remainders if one.valid_until is None)
    to_come = sum(one.credit_hundredths for one in expiring(remainders, on))
    assert expired(remainders, on) + to_come + endless == sum(one.credit_hundredths for one in remainders)


@given(REMAINDERS, st.dates(date(2026, 6, 20), date(2026, 7, 10)), st.integers(0, 20))
def test_time_only_lets_more_expire(remainders: list[Remainder], on: date, days: int) -> None:
    assert expired(remainders, on) <= expired(remainders, on + timedelta(days=days))


def test_balances_come_by_scheme_in_the_order_of_their_codes() -> None:
    first, second = UUID(int=1), UUID(int=2)
    transfers = [
        DatedTransfer("b", transfer(EntryKind.RECOGNISE, 300, first), LAST),
        DatedTransfer("a", transfer(EntryKind.RECOGNISE, 500, second), None),
        DatedTransfer("b", transfer(EntryKind.HOLD, 100, first), LAST),
    ]
    assert balances(transfers, LAST) == (
        Balance("a", 500, 0, 0, 0, ()),
        Balance("b", 300, 100, 0, 0, (Remainder(LAST, 200),)),
    )
    assert [one.available_hundredths for one in balances(transfers, LAST)] == [500, 200]


def test_only_what_is_left_of_a_lot_expires() -> None:
    lot = UUID(int=1)
    transfers = [
        DatedTransfer("a", transfer(kind, amount, lot), LAST)
        for kind, amount in (
            (EntryKind.RECOGNISE, 1000),
            (EntryKind.HOLD, 300),
            (EntryKind.RELEASE, 100),
            (EntryKind.CONVERT, 250),
            (EntryKind.REVERSE, 50),
        )
    ]
    (balance,) = balances(transfers, LAST + timedelta(days=1))
    assert balance == Balance("a", 950, 200, 250, 500, ())
    assert balance.available_hundredths == 0


def test_nothing_recorded_is_no_balance() -> None:
    assert balances([], LAST) == ()


@given(BOOKS, st.dates(date(2026, 6, 20), date(2026, 7, 10)))
def test_a_balance_says_what_the_account_says_less_what_expired(made: tuple[list[Entry], Standing], on: date) -> None:
    entries, standing = made
    ends = {UUID(int=number): LAST + timedelta(days=number - 11) for number in range(10, 13)}
    dated = [
        DatedTransfer(entry.scheme, entry.transfer, ends.get(entry.transfer.lot_id)) for entry in reversed(entries)
    ]
    (balance,) = balances(dated, on)
    assert (balance.recognised_hundredths, balance.held_hundredths, balance.converted_hundredths) == (
        standing.recognised_hundredths,
        standing.held_hundredths,
        standing.converted_hundredths,
    )
    assert balance.available_hundredths == standing.available_hundredths - balance.expired_hundredths


@given(
    st.lists(st.tuples(DAYS, st.integers(1, 1000), st.integers(0, 1000), st.integers(0, 1000)), max_size=5),
    st.dates(date(2026, 6, 20), date(2026, 7, 10)),
)
def test_what_is_left_of_lots_is_what_is_available(lots: list[tuple[date | None, int, int, int]], on: date) -> None:
    dated = []
    for number, (last_day, recognised, held, converted) in enumerate(lots):
        used = {EntryKind.HOLD: min(held, recognised), EntryKind.CONVERT: min(converted, max(0, recognised - held))}
        amounts = {EntryKind.RECOGNISE: recognised} | {kind: amount for kind, amount in used.items() if amount}
        moved = [transfer(kind, amount, UUID(int=number)) for kind, amount in amounts.items()]
        dated += [DatedTransfer("a", one, last_day) for one in moved]
    left = left_of_lots(reversed(dated), on)
    assert sum(one.credit_hundredths for one in left) == sum(one.available_hundredths for one in balances(dated, on))
    assert all(one.credit_hundredths > 0 for one in left)


def test_a_lot_tells_by_which_decision_it_came_until_its_last_day() -> None:
    moved = transfer(EntryKind.RECOGNISE, 300)
    for on, left in ((LAST, [Left("a", moved.decision_id, 300)]), (LAST + timedelta(days=1), [])):
        assert left_of_lots([DatedTransfer("a", moved, LAST)], on) == left
