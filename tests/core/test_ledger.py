"""The ledger's laws: transfers that can't be built wrong, balances never under zero, and a chain that shows changes."""

from collections.abc import Iterable
from dataclasses import FrozenInstanceError, replace
from datetime import UTC, date, datetime, timedelta, timezone
from hashlib import sha256
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbank.core.credit import HUNDREDTHS_MAX
from creditbank.core.ledger import (
    GENESIS_HASH,
    Entry,
    EntryKind,
    Overdrawn,
    Stamp,
    Standing,
    Transfer,
    canonical_line,
    chain_hash,
    posted,
    replayed,
)

LEARNER, LOT, DECISION, POSTING, ENTRY = (UUID(int=number) for number in range(1, 6))
NOW = datetime(2026, 7, 1, 4, tzinfo=UTC)
DAY = date(2026, 6, 30)
EMPTY = Standing(LEARNER, "cn-16h-half")
STAMP = Stamp(ENTRY, POSTING, "client-1", NOW)
COUNTERS = {
    EntryKind.RECOGNISE: "issuance:cqdx",
    EntryKind.REVERSE: "issuance:cqdx",
    EntryKind.HOLD: "held",
    EntryKind.RELEASE: "held",
    EntryKind.RESTORE: "conversion:bj-cs",
    EntryKind.CONVERT: "conversion:bj-cs",
}
GROWING = (EntryKind.RECOGNISE, EntryKind.RELEASE, EntryKind.RESTORE)


def transfer(kind: EntryKind, hundredths: int, lot_id: UUID = LOT) -> Transfer:
    """Build a transfer of a kind; the sign is that of the kind."""
    amount = hundredths if kind in GROWING else -hundredths
    return Transfer(lot_id, COUNTERS[kind], amount, kind, DECISION, DAY)


def book(*transfers: Transfer) -> tuple[list[Entry], Standing]:
    """Post transfers one after the other on an empty account; those that overdraw are left out."""
    standing, entries = EMPTY, []
    for number, one in enumerate(transfers):
        stamp = Stamp(UUID(int=100 + number), POSTING, "client-1", NOW + timedelta(seconds=number))
        try:
            entry, standing = posted(standing, one, stamp)
        except Overdrawn:
            continue
        entries.append(entry)
    return entries, standing


TRANSFERS = st.lists(
    st.builds(
        transfer,
        st.sampled_from(EntryKind),
        st.integers(1, 1000),
        st.integers(10, 13).map(lambda number: UUID(int=number)),
    ),
    max_size=30,
)
BOOKS = TRANSFERS.map(lambda transfers: book(transfer(EntryKind.RECOGNISE, 500), *transfers))


@pytest.mark.parametrize(
    ("kind", "recognised", "held", "converted", "available"),
    [
        (EntryKind.RECOGNISE, 1300, 200, 100, 1000),
        (EntryKind.REVERSE, 700, 200, 100, 400),
        (EntryKind.HOLD, 1000, 500, 100, 400),
        (EntryKind.CONVERT, 1000, 200, 400, 400),
    ],
)
def test_each_kind_moves_its_own_balance(
    kind: EntryKind, recognised: int, held: int, converted: int, available: int
) -> None:
    before = replace(EMPTY, recognised_hundredths=1000, held_hundredths=200, converted_hundredths=100)
    entry, after = posted(before, transfer(kind, 300), STAMP)
    assert (after.recognised_hundredths, after.held_hundredths, after.converted_hundredths) == (
        recognised,
        held,
        converted,
    )
    assert after.available_hundredths == entry.balance_after_hundredths == available


def test_a_release_gives_back_what_was_held() -> None:
    before = replace(EMPTY, recognised_hundredths=1000, held_hundredths=200)
    _, after = posted(before, transfer(EntryKind.RELEASE, 200), STAMP)
    assert (after.held_hundredths, after.available_hundredths) == (0, 1000)


@pytest.mark.parametrize(
    ("kind", "amount", "counter"),
    [
        (EntryKind.RECOGNISE, 0, "issuance:cqdx"),
        (EntryKind.RECOGNISE, -1, "issuance:cqdx"),
        (EntryKind.RELEASE, -1, "held"),
        (EntryKind.RESTORE, -1, "conversion:bj-cs"),
        (EntryKind.REVERSE, 1, "issuance:cqdx"),
        (EntryKind.HOLD, 1, "held"),
        (EntryKind.CONVERT, 1, "conversion:bj-cs"),
        (EntryKind.RECOGNISE, 1, "held"),
        (EntryKind.REVERSE, -1, "conversion:bj-cs"),
        (EntryKind.HOLD, -1, "issuance:cqdx"),
        (EntryKind.RELEASE, 1, "issuance:cqdx"),
        (EntryKind.RESTORE, 1, "held"),
        (EntryKind.CONVERT, -1, "held"),
    ],
)
def test_a_transfer_with_the_wrong_sign_or_counter_account_is_not_built(
    kind: EntryKind, amount: int, counter: str
) -> None:
    with pytest.raises(AssertionError):
        Transfer(LOT, counter, amount, kind, DECISION, DAY)


@pytest.mark.parametrize(
    ("before", "one"),
    [
        ({"recognised_hundredths": 299}, transfer(EntryKind.REVERSE, 300)),
        ({"recognised_hundredths": 299}, transfer(EntryKind.HOLD, 300)),
        ({"recognised_hundredths": 299}, transfer(EntryKind.CONVERT, 300)),
        ({"recognised_hundredths": 400, "held_hundredths": 200}, transfer(EntryKind.REVERSE, 300)),
        ({"recognised_hundredths": 400, "converted_hundredths": 200}, transfer(EntryKind.HOLD, 300)),
        ({"recognised_hundredths": 400, "held_hundredths": 299}, transfer(EntryKind.RELEASE, 300)),
        ({"recognised_hundredths": 400, "converted_hundredths": 299}, transfer(EntryKind.RESTORE, 300)),
        ({"recognised_hundredths": HUNDREDTHS_MAX - 299}, transfer(EntryKind.RECOGNISE, 300)),
    ],
)
def test_no_balance_goes_under_zero_or_over_the_largest_amount(before: dict[str, int], one: Transfer) -> None:
    with pytest.raises(Overdrawn):
        posted(replace(EMPTY, **before), one, STAMP)


@pytest.mark.parametrize(
    ("before", "one"),
    [
        ({"recognised_hundredths": 300}, transfer(EntryKind.REVERSE, 300)),
        ({"recognised_hundredths": 300}, transfer(EntryKind.HOLD, 300)),
        ({"recognised_hundredths": 300}, transfer(EntryKind.CONVERT, 300)),
        ({"recognised_hundredths": 400, "held_hundredths": 300}, transfer(EntryKind.RELEASE, 300)),
        ({"recognised_hundredths": 400, "converted_hundredths": 300}, transfer(EntryKind.RESTORE, 300)),
        ({"recognised_hundredths": HUNDREDTHS_MAX - 300}, transfer(EntryKind.RECOGNISE, 300)),
    ],
)
def test_balances_may_go_to_their_very_ends(before: dict[str, int], one: Transfer) -> None:
    _, after = posted(replace(EMPTY, **before), one, STAMP)
    assert after.seq == 1


def test_the_clock_of_an_account_never_runs_backwards() -> None:
    _, first = posted(EMPTY, transfer(EntryKind.RECOGNISE, 300), STAMP)
    earlier = replace(STAMP, recorded_at=NOW - timedelta(hours=1))
    entry, second = posted(first, transfer(EntryKind.RECOGNISE, 300), earlier)
    assert entry.recorded_at == second.recorded_at == NOW


def test_the_hashed_line_is_the_documented_one() -> None:
    entry, after = posted(EMPTY, transfer(EntryKind.RECOGNISE, 300), STAMP)
    line = (
        "1|00000000-0000-0000-0000-000000000001|cn-16h-half|1|00000000-0000-0000-0000-000000000005"
        "|00000000-0000-0000-0000-000000000004|00000000-0000-0000-0000-000000000002"
        "|00000000-0000-0000-0000-000000000003|recognise|issuance:cqdx|300|300|2026-06-30"
        "|2026-07-01T04:00:00.000000Z|client-1"
    )
    assert canonical_line(entry) == line.encode()
    assert entry.hash == after.chain_hash == sha256(bytes(32) + line.encode()).digest()


def test_the_same_instant_in_another_zone_hashes_alike() -> None:
    entry, _ = posted(EMPTY, transfer(EntryKind.RECOGNISE, 300), STAMP)
    elsewhere = replace(entry, recorded_at=NOW.astimezone(timezone(timedelta(hours=8))))
    assert chain_hash(GENESIS_HASH, elsewhere) == entry.hash


def test_entries_and_transfers_never_change() -> None:
    entry, _ = posted(EMPTY, transfer(EntryKind.RECOGNISE, 300), STAMP)
    with pytest.raises(FrozenInstanceError):
        entry.seq = 2  # type: ignore[misc]


@given(BOOKS)
def test_balances_are_conserved(made: tuple[list[Entry], Standing]) -> None:
    entries, standing = made
    sums: dict[str, int] = {}
    for entry in entries:
        counter = entry.transfer.counter_account.partition(":")[0]
        sums[counter] = sums.get(counter, 0) - entry.transfer.amount_hundredths
    assert standing.available_hundredths + sum(sums.values()) == 0
    assert standing.recognised_hundredths == -sums.get("issuance", 0)
    assert standing.held_hundredths == sums.get("held", 0)
    assert standing.converted_hundredths == sums.get("conversion", 0)


@given(BOOKS)
def test_no_entry_leaves_a_balance_under_zero(made: tuple[list[Entry], Standing]) -> None:
    entries, standing = made
    assert min(entry.balance_after_hundredths for entry in entries) >= 0
    assert min(standing.held_hundredths, standing.converted_hundredths, standing.available_hundredths) >= 0


@given(BOOKS)
def test_a_replay_gives_the_balances_and_finds_no_fault(made: tuple[list[Entry], Standing]) -> None:
    entries, standing = made
    assert replayed(LEARNER, EMPTY.scheme, entries) == (standing, [])
    assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))


def changed(entry: Entry) -> Iterable[Entry]:
    """Give the entry with each of its fields changed in turn, so that it could still be built."""
    other = UUID(int=999)
    moved = entry.transfer
    one_more = moved.amount_hundredths + (1 if moved.amount_hundredths > 0 else -1)
    yield replace(entry, id=other)
    yield replace(entry, posting_id=other)
    yield replace(entry, learner_id=other)
    yield replace(entry, scheme="other")
    yield replace(entry, seq=entry.seq + 1)
    yield replace(entry, balance_after_hundredths=entry.balance_after_hundredths + 1)
    yield replace(entry, recorded_at=entry.recorded_at + timedelta(microseconds=1))
    yield replace(entry, actor="client-2")
    yield replace(entry, hash=bytes(32))
    yield replace(entry, transfer=replace(moved, lot_id=other))
    yield replace(entry, transfer=replace(moved, decision_id=other))
    yield replace(entry, transfer=replace(moved, effective_on=DAY + timedelta(days=1)))
    yield replace(entry, transfer=replace(moved, amount_hundredths=one_more))
    if ":" in moved.counter_account:
        yield replace(entry, transfer=replace(moved, counter_account=moved.counter_account + "x"))


@given(BOOKS, st.data())
def test_any_changed_field_of_any_entry_is_seen(made: tuple[list[Entry], Standing], data: st.DataObject) -> None:
    entries, standing = made
    place = data.draw(st.integers(0, len(entries) - 1))
    for wrong in changed(entries[place]):
        again, faults = replayed(LEARNER, EMPTY.scheme, [*entries[:place], wrong, *entries[place + 1 :]])
        assert faults or again != standing


@given(BOOKS, st.data())
def test_a_missing_or_doubled_or_moved_entry_is_seen(made: tuple[list[Entry], Standing], data: st.DataObject) -> None:
    entries, standing = made
    place = data.draw(st.integers(0, len(entries) - 1))
    missing = [*entries[:place], *entries[place + 1 :]]
    doubled = [*entries[: place + 1], *entries[place:]]
    for wrong in (missing, doubled, list(reversed(entries)) if len(entries) > 1 else missing):
        again, faults = replayed(LEARNER, EMPTY.scheme, wrong)
        assert faults or again != standing


def test_a_replay_ends_where_an_account_is_overdrawn() -> None:
    entries, _ = book(transfer(EntryKind.RECOGNISE, 300), transfer(EntryKind.HOLD, 300))
    standing, faults = replayed(LEARNER, EMPTY.scheme, entries[1:])
    assert standing == EMPTY
    assert len(faults) == 1
