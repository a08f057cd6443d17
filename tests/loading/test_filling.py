"""A filled bank: sound in every book, read as any other, the same for the same seed, and never on top of one."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, inspect, select, text

from creditbank.config import Settings
from creditbank.core.ledger import EntryKind, Stamp, Standing, Transfer, posted
from creditbank.loading.filling import Wanted, fill, shares
from creditbank.loading.ledgers import Account, Ids, Posting, bank_day
from creditbank.loading.lives import ENTRIES_MAX
from creditbank.loading.world import ACCEPTOR, NotEmpty
from creditbank.services import verification
from creditbank.services.access import client_token
from creditbank.services.bank import looked_up
from creditbank.services.clients import administrator
from creditbank.storage import catalogue
from tests.builders import BASE_URL, KEYRING_FILE, House, new_house
from tests.moulds import Moulds

LEARNERS, ENTRIES = 60, 700


def _filled(house: House, folder: Path, processes: int = 1) -> int:
    """Fill the house's bank up to its own present and return how many entries that made."""
    url = house.bank.database.url.render_as_string(hide_password=False)
    settings = Settings(database_url=url, keyring=folder / KEYRING_FILE, log_format="none")
    wanted = Wanted(LEARNERS, ENTRIES, 7, processes, int(house.clock.now.timestamp()))
    return fill(settings, wanted, lambda _name, _count: None)


def _rows(house: House, table: str) -> list[Any]:
    with house.bank.database.reading() as connection:
        return list(connection.execute(select(catalogue.tables[table])))


def _keys(connection: Connection) -> dict[str, object]:
    """Return every key, index and reference of the tables that are filled."""
    seen = inspect(connection)
    return {
        table: (
            seen.get_pk_constraint(table),
            sorted(seen.get_unique_constraints(table), key=str),
            sorted(seen.get_foreign_keys(table), key=str),
            sorted(_plain(index) for index in seen.get_indexes(table)),
        )
        for table in seen.get_table_names()
    }


def _plain(index: Any) -> str:
    """Return an index in words: its condition is an object of its own each time it is looked at."""
    options = {name: str(value) for name, value in index.get("dialect_options", {}).items()}
    return f"{index['name']} {index['column_names']} {index['unique']} {options}"


def test_a_filled_bank_is_sound_and_has_all_its_keys_again(house: House, tmp_path: Path, engine_name: str) -> None:
    with house.bank.database.reading() as connection:
        before = _keys(connection)
    assert _filled(house, tmp_path, processes=2 if engine_name == "postgresql" else 1) == ENTRIES
    report = looked_up(house.bank, administrator(), verification.verify)
    assert (report.faults, report.entries) == ((), ENTRIES)
    with house.bank.database.reading() as connection:
        assert _keys(connection) == before
        if engine_name == "sqlite":
            assert connection.execute(text("PRAGMA foreign_key_check")).all() == []
    kinds = Counter(row.kind for row in _rows(house, "entry"))
    assert all(kinds[kind] for kind in ("recognise", "reverse", "hold", "release", "convert")), kinds
    assert {row.state for row in _rows(house, "conversion")} >= {"approved", "rejected"}
    assert {row.revision for row in _rows(house, "outcome")} == {1, 2}
    assert {row.status for row in _rows(house, "outcome")} == {"recognised", "recorded", "revoked"}
    _check_reads(house)
    _check_an_application_is_decided(house)


def _check_reads(house: House) -> None:
    """Read the accounts of some learners as their school, ask for them by their names, and decide all anew."""
    learner_id, _ = Counter(row.learner_id for row in _rows(house, "entry")).most_common(1)[0]
    school = next(row for row in _rows(house, "affiliation") if row.learner_id == learner_id)
    member = next(row for row in _rows(house, "client") if row.institution_id == school.institution_id)
    scopes = ("balance:read", "statement:read", "learners:write")
    token = client_token(house.bank, BASE_URL, member.id, scopes)
    headers = {"Authorization": f"Bearer {token}"}
    entries = [row for row in _rows(house, "entry") if row.learner_id == learner_id]
    lines, url = [], f"/v1/learners/{learner_id}/statement?limit=100"
    while url:
        page = house.http.get(url, headers=headers).get_json()
        lines += page["items"]
        url = page["next_cursor"] and f"/v1/learners/{learner_id}/statement?limit=100&cursor={page['next_cursor']}"
    assert len(lines) == len(entries)
    balances = house.http.get(f"/v1/learners/{learner_id}/balance", headers=headers).get_json()["balances"]
    assert len(balances) == len({row.scheme for row in entries})
    shown = house.http.get(f"/v1/learners/{learner_id}", headers=headers).get_json()
    assert shown["name"]
    auditor = house.auth("authority", "audit:read")
    for decision in _rows(house, "decision")[:40]:
        again = house.http.post(f"/v1/decisions/{decision.id}/replay", headers=auditor)
        assert again.status_code == 200, again.get_data(as_text=True)
        assert decision.kind == "revocation" or again.get_json()["same"] is True


def _check_an_application_is_decided(house: House) -> None:
    """Decide one of the applications that are still under review, as the school would whose step it is."""
    open_ones = [row for row in _rows(house, "conversion") if row.state == "in_review"]
    assert open_ones
    assert house.decide(str(open_ones[0].id), ACCEPTOR)["state"] == "approved"
    assert looked_up(house.bank, administrator(), verification.verify).faults == ()


def test_a_bank_with_outcomes_is_left_alone(house: House, tmp_path: Path) -> None:
    house.post_outcome(house.open_learner()["id"])
    with pytest.raises(NotEmpty):
        _filled(house, tmp_path)
    assert len(_rows(house, "entry")) == 1


@given(st.integers(0, 2**32), st.integers(1, 300), st.integers(0, 30))
def test_shares_are_whole_and_bounded(seed: int, learners: int, each: int) -> None:
    found = shares(Random(seed), learners, learners * each)  # noqa: S311 - makes up data
    assert sum(found) == learners * each
    assert len(found) == learners
    assert all(0 <= share <= ENTRIES_MAX for share in found)


MOVES = ("recognise", "hold", "release", "convert", "restore", "reverse")
COUNTERS = {"recognise": "issuance:a", "reverse": "issuance:a", "hold": "held", "release": "held"}


@given(st.integers(0, 2**32), st.lists(st.tuples(st.sampled_from(MOVES), st.integers(1, 500)), max_size=30))
def test_a_fast_entry_is_the_core_s_entry(seed: int, moves: Sequence[tuple[str, int]]) -> None:
    ids, at = Ids(Random(seed)), 1_700_000_000  # noqa: S311 - makes up data
    learner, lot = ids.new(at), ids.new(at)
    account, standing = Account(learner, "cn-16h-half"), Standing(UUID(learner), "cn-16h-half")
    for kind, size in moves:
        amount = _possible(standing, kind, size)
        if not amount:
            continue
        at += size * 977
        posting = Posting(ids.new(at), ids.new(at), bank_day(at), at, "client-1")
        counter = COUNTERS.get(kind, "conversion:b")
        row = account.moved(ids, posting, lot, (kind, counter, amount))
        day = date.fromisoformat(posting.day)
        transfer = Transfer(UUID(lot), counter, amount, EntryKind(kind), UUID(posting.decision), day)
        stamp = Stamp(UUID(row[3]), UUID(posting.id), "client-1", datetime.fromtimestamp(at, UTC))
        entry, standing = posted(standing, transfer, stamp)
        assert row[-1] == entry.hash
        assert row[2:4] == (entry.seq, str(entry.id))
        assert row[8:11] == (amount, entry.balance_after_hundredths, kind)
        assert account.row()[-1] == standing.chain_hash
        assert account.row()[2:6] == (
            *(standing.recognised_hundredths, standing.held_hundredths, standing.converted_hundredths),
            standing.available_hundredths,
        )


def _possible(standing: Standing, kind: str, size: int) -> int:
    """Return what such a transfer can move, signed; 0 where it can't move anything."""
    most = {"recognise": size, "release": standing.held_hundredths, "restore": standing.converted_hundredths}
    amount = min(size, most.get(kind, standing.available_hundredths))
    return amount if kind in ("recognise", "release", "restore") else -amount


def test_the_same_seed_makes_the_same_books(tmp_path: Path, moulds: Moulds) -> None:
    books = []
    for name in ("one", "other"):
        folder = tmp_path / name
        folder.mkdir()
        with moulds.lent(new_house, folder) as house:
            _filled(house, folder)
            rows = _rows(house, "entry")
            books.append(sorted((row.learner_id, row.scheme, row.seq, row.id, row.amount_hundredths) for row in rows))
    assert books[0] == books[1]
