"""Sealing: each committed entry becomes one leaf, in the order of commits; what was published is never contradicted."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import date, timedelta
from pathlib import Path
from threading import Barrier, Event
from uuid import UUID

import pytest
from sqlalchemy import delete, select

from creditbank.core.checkpoint import Checkpoint, parsed_checkpoint
from creditbank.core.errors import Conflict
from creditbank.core.ledger import EntryKind, Stamp, Transfer, canonical_line
from creditbank.core.merkle import EMPTY_ROOT, GrowingTree, leaf_hash, proves_consistency, proves_inclusion
from creditbank.formats.signed_note import opened_note, vkey
from creditbank.formats.strict_json import parsed, text_of
from creditbank.gateways import checkpoint_files
from creditbank.gateways.keyring import KeyringUnusable, Kind
from creditbank.gateways.keyring_source import GivenKeyring
from creditbank.services import proofs, rotation, sealing
from creditbank.services.bank import Bank, looked_up
from creditbank.services.clients import administrator
from creditbank.services.sealing import Log, LogRolledBack, seal
from creditbank.services.verification import verify
from creditbank.storage import ledger, seal_log
from creditbank.storage.database import is_alone
from creditbank.storage.seal_log import Leaf, StoredCheckpoint, log_leaf, log_node
from creditbank.storage.unsealed import unsealed_entry
from creditbank.storage.writing import send_deferred
from tests.builders import KEYRING_FILE, House, outcome_body
from tests.storage.test_statements import counted

ORIGIN = "bank.example/v1/log"

OPERATOR = administrator()

ROUNDS = 5
"""Times that several seal at the same moment."""


@pytest.fixture
def log(house: House, tmp_path: Path) -> Log:
    """Give the log of a bank, with a folder for its checkpoints."""
    return Log(house.bank, ORIGIN, tmp_path / "log")


def post(house: House, learner: str, rows: int) -> None:
    """Record outcomes, each of which gives an entry."""
    bodies = [outcome_body(learner, next(house.numbers)) for _ in range(rows)]
    answer = house.http.post("/v1/outcomes/batch", json=bodies, headers=house.auth())
    assert answer.get_json()["summary"]["accepted"] == rows


def leaves(bank: Bank) -> list[Leaf]:
    with bank.database.reading() as connection:
        rows = connection.execute(select(log_leaf).order_by(log_leaf.c.position)).all()
    return [Leaf(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name for it


def checkpoints(bank: Bank) -> list[StoredCheckpoint]:
    return bank.database.read(lambda connection: seal_log.checkpoints(connection, 0, 1000))


def lines(bank: Bank) -> dict[tuple[UUID, str, int], bytes]:
    """Return the canonical line of every entry."""
    with bank.database.reading() as connection:
        entries = list(ledger.entries_in(connection, select(ledger.entry)))
    return {(one.learner_id, one.scheme, one.seq): canonical_line(one) for one in entries}


def check(house: House) -> None:
    """See that the log holds exactly the entries, each once, an account's in their order, and that all is sound."""
    found, written = leaves(house.bank), lines(house.bank)
    assert [one.position for one in found] == list(range(len(written)))
    assert {(one.learner_id, one.scheme, one.seq): one.hash for one in found} == {
        key: leaf_hash(line) for key, line in written.items()
    }
    last: dict[tuple[UUID, str], int] = {}
    for one in found:
        assert one.seq == last.get((one.learner_id, one.scheme), 0) + 1
        last[one.learner_id, one.scheme] = one.seq
    tree = GrowingTree()
    roots = [tree.root, *(grown_by(tree, one.hash) for one in found)]
    for stored in checkpoints(house.bank):
        assert stored.root == roots[stored.size]
    report = looked_up(house.bank, OPERATOR, verify)
    assert (report.faults, report.sealed) == ((), len(written))


def grown_by(tree: GrowingTree, leaf: bytes) -> bytes:
    tree.append(leaf)
    return tree.root


def test_a_log_begins_empty_and_signed(house: House, log: Log) -> None:
    assert seal(log) == 0
    (first,) = checkpoints(house.bank)
    assert (first.size, first.root) == (0, EMPTY_ROOT)
    assert seal(log) == 0
    assert len(checkpoints(house.bank)) == 1
    check(house)


def test_what_is_posted_is_sealed_once_and_in_the_order_of_its_account(house: House, log: Log) -> None:
    learners = [house.open_learner()["id"] for _ in range(3)]
    for learner in learners:
        post(house, learner, 4)
    assert seal(log) == 12
    house.post_outcome(learners[0])
    assert seal(log) == 1
    assert [one.size for one in checkpoints(house.bank)] == [12, 13]
    check(house)


def test_a_refused_posting_waits_for_nothing(house: House, log: Log) -> None:
    learner = house.open_learner()["id"]
    refused = house.http.post(
        "/v1/outcomes", json=outcome_body(learner, 1, completed_on="2099-01-01"), headers=house.auth()
    )
    assert refused.status_code == 422
    assert seal(log) == 0
    check(house)


@contextmanager
def reversed_without_commit(house: House, learner: str) -> Iterator[None]:
    """Write an entry in a transaction of its own that commits when the block ends."""
    bank, learner_id = house.bank, UUID(learner)
    with bank.database.transaction() as connection:
        (lot,) = ledger.open_lots(connection, [learner_id])
        taken = Transfer(lot.id, "issuance:cqdx", -100, EntryKind.REVERSE, bank.new_id(), date(2026, 7, 1))
        postings = [ledger.Posting(bank.new_id(), lot, taken)]
        locked = ledger.locked(connection, postings)
        ledger.post(connection, locked, postings, lambda one: Stamp(bank.new_id(), one, "test", bank.clock()))
        send_deferred(connection)
        yield


@pytest.mark.parametrize("engine_name", ["postgresql"], indirect=True)
def test_an_entry_that_commits_late_is_sealed_when_it_is_committed(house: House, log: Log) -> None:
    early, late = (house.open_learner()["id"] for _ in range(2))
    for learner in (early, late):
        house.post_outcome(learner)
    seal(log)
    with reversed_without_commit(house, early):  # its id, learner and recorded instant are the lower ones
        house.clock.move(seconds=1)
        house.post_outcome(late)
        assert seal(log) == 1
        assert leaves(house.bank)[-1].learner_id == UUID(late)
        assert seal(log) == 0
    assert seal(log) == 1
    assert leaves(house.bank)[-1].learner_id == UUID(early)
    with house.bank.database.reading() as connection:
        (own, other) = (
            seal_log.entry_of_person(connection, [UUID(one)], (UUID(one), "cn-16h-half", 2)) for one in (early, late)
        )
    assert own is not None
    assert other is not None
    assert own.id < other.id
    check(house)
    for older in range(1, 5):
        assert is_consistent(house, older, 4)


@pytest.mark.parametrize("engine_name", ["postgresql"], indirect=True)
def test_an_entry_whose_transaction_is_rolled_back_is_never_sealed(house: House, log: Log) -> None:
    learner = house.open_learner()["id"]
    house.post_outcome(learner)
    with suppress(ZeroDivisionError), reversed_without_commit(house, learner):
        assert seal(log) == 1
        raise ZeroDivisionError
    assert seal(log) == 0
    check(house)


def is_consistent(house: House, older: int, newer: int) -> bool:
    found = looked_up(house.bank, OPERATOR, lambda work: proofs.consistency(work, older, newer))
    tree = GrowingTree()
    roots = [tree.root, *(grown_by(tree, one.hash) for one in leaves(house.bank))]
    return proves_consistency(older, newer, found.hashes, roots[older], roots[newer])


def test_several_at_once_seal_everything_once(house: House, log: Log) -> None:
    learners = [house.open_learner()["id"] for _ in range(3)]
    for _ in range(ROUNDS):
        for learner in learners:
            post(house, learner, 7)
        barrier = Barrier(3)

        def run(barrier: Barrier = barrier) -> int:
            barrier.wait()
            return seal(log)

        with ThreadPoolExecutor(3) as threads:
            sealed = [started.result() for started in [threads.submit(run) for _ in range(3)]]
        assert sum(sealed) + seal(log) == 21
    check(house)


@pytest.mark.parametrize("engine_name", ["postgresql"], indirect=True)
def test_who_finds_another_one_sealing_does_nothing_and_waits_for_nobody(house: House, log: Log) -> None:
    house.post_outcome(house.open_learner()["id"])
    with house.bank.database.transaction() as connection:
        assert is_alone(connection, sealing.JOB)
        assert seal(log) == 0
    assert seal(log) == 1


def test_sealing_goes_on_while_others_post(house: House, log: Log) -> None:
    learners, done = [house.open_learner()["id"] for _ in range(4)], Event()
    house.token("cqdx")

    def keep_sealing() -> int:
        sealed = 0
        while not done.is_set():
            sealed += seal(log)
        return sealed

    with ThreadPoolExecutor(5) as threads:
        sealer = threads.submit(keep_sealing)
        posts = [threads.submit(post, house, learner, 3) for learner in learners * 4]
        for started in posts:
            started.result()
        done.set()
    assert sealer.result() + seal(log) == 48
    check(house)


def test_a_backlog_is_sealed_part_by_part_each_under_a_checkpoint(
    house: House, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "ENTRIES_MAX", dict.fromkeys(sealing.ENTRIES_MAX, 3))
    for rows in (5, 6):
        post(house, house.open_learner()["id"], rows)
    assert seal(log) == 11
    assert [one.size for one in checkpoints(house.bank)] == [3, 6, 9, 11]
    check(house)


def test_a_part_takes_as_many_statements_however_many_entries_it_has(house: House, log: Log) -> None:
    learner = house.open_learner()["id"]
    counts = []
    for rows in (260, 2, 300):  # from the second on there is an edge with stored nodes to be read
        post(house, learner, rows)
        with counted(house.bank.database.engine) as count:
            assert seal(log) == rows
        counts.append(len(count))
    assert counts[2] - counts[1] in (0, 1)  # one more where a node is completed
    assert max(counts) <= 20


def test_proofs_from_stored_nodes_hold_at_every_older_size(house: House, log: Log) -> None:
    learner = house.open_learner()["id"]
    for rows in (250, 9, 260):
        post(house, learner, rows)
        seal(log)
    found = leaves(house.bank)
    tree = GrowingTree()
    roots = [tree.root, *(grown_by(tree, one.hash) for one in found)]
    with house.bank.database.reading() as connection:
        assert len(connection.execute(select(log_node)).all()) == 2
    sizes = (1, 255, 256, 257, 511, 512, 513, 519)
    for size in sizes:
        for position in {0, 1, 200, 255, 256, 400, 511, 512, 518} & set(range(size)):
            proof = looked_up(house.bank, OPERATOR, lambda work, at=position, of=size: proofs.inclusion(work, at, of))
            assert proves_inclusion(found[position].hash, position, size, proof.hashes, roots[size])
        for older in sizes:
            if older <= size:
                assert is_consistent(house, older, size)


def test_an_entry_that_somebody_broke_goes_on_waiting_and_holds_nobody_up(house: House, log: Log) -> None:
    learner = house.open_learner()["id"]
    post(house, learner, 3)
    with house.bank.database.transaction() as connection:
        connection.execute(unsealed_entry.insert().values(learner_id=UUID(learner), scheme="cn-16h-half", seq=99))
    assert seal(log) == 3
    assert "waits to be sealed and is not there" in looked_up(house.bank, OPERATOR, verify).faults[0]


def test_entries_that_an_older_version_wrote_are_found_and_sealed(house: House, log: Log) -> None:
    seal(log)
    post(house, house.open_learner()["id"], 3)
    with house.bank.database.transaction() as connection:
        connection.execute(delete(unsealed_entry).where(unsealed_entry.c.seq == 2))
    assert ["--find-missed" in fault for fault in looked_up(house.bank, OPERATOR, verify).faults] == [True]
    assert seal(log) == 2
    assert sealing.find_missed(log) == 1
    assert sealing.find_missed(log) == 0
    assert seal(log) == 1
    assert looked_up(house.bank, OPERATOR, verify).faults == ()


def test_a_log_begins_with_the_entries_that_are_there(house: House, log: Log) -> None:
    post(house, house.open_learner()["id"], 3)
    with house.bank.database.transaction() as connection:
        connection.execute(delete(unsealed_entry))
    assert seal(log) == 3
    assert looked_up(house.bank, OPERATOR, verify).faults == ()


# --- files


def test_every_checkpoint_is_a_file_and_the_newest_has_a_name(house: House, log: Log, tmp_path: Path) -> None:
    learner = house.open_learner()["id"]
    for _ in range(2):
        house.post_outcome(learner)
        seal(log)
    house.post_outcome(learner)
    seal(Log(house.bank, ORIGIN))  # which publishes nothing, as if it had been killed before
    assert not (tmp_path / "log" / "checkpoints" / "3").exists()
    seal(log)
    stored = checkpoints(house.bank)
    assert {path.name: path.read_text("utf-8") for path in (tmp_path / "log" / "checkpoints").iterdir()} == {
        str(one.size): one.note for one in stored
    }
    assert (tmp_path / "log" / "checkpoint").read_text("utf-8") == stored[-1].note
    keys = (tmp_path / "log" / "keys").read_text("utf-8").splitlines()
    assert opened_note(stored[-1].note, keys) == Checkpoint(ORIGIN, 3, stored[-1].root).text


@pytest.mark.parametrize(("size", "root"), [(99, EMPTY_ROOT), (1, EMPTY_ROOT)])
def test_nothing_is_sealed_on_a_database_without_what_was_published(
    house: House, log: Log, tmp_path: Path, size: int, root: bytes
) -> None:
    house.post_outcome(house.open_learner()["id"])
    seal(log)
    note = Checkpoint(ORIGIN, size, root).text + "\n— nobody\n"
    checkpoint_files.publish(tmp_path / "log", [(size, note)], [])
    house.post_outcome(house.open_learner()["id"])
    with pytest.raises(LogRolledBack):
        seal(log)
    assert len(leaves(house.bank)) == 1


def test_a_folder_that_cannot_be_written_is_named(house: House, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(checkpoint_files.FolderUnusable, match="writable"):
        seal(Log(house.bank, ORIGIN, tmp_path / "file"))
    (tmp_path / "checkpoint").write_bytes(b"\xff")
    with pytest.raises(checkpoint_files.FolderUnusable, match="no text"):
        seal(Log(house.bank, ORIGIN, tmp_path))


# --- keys


def test_checkpoints_stay_verifiable_after_a_rotation(house: House, log: Log) -> None:
    learner = house.open_learner()["id"]
    house.post_outcome(learner)
    seal(log)
    rotation.rotate(house.bank, OPERATOR, Kind.LOG)
    with pytest.raises(Conflict) as refused:
        rotation.retire(house.bank, OPERATOR, Kind.LOG)
    assert [fault.code for fault in refused.value.faults] == ["key_still_needed"]
    house.clock.move(seconds=1)
    house.post_outcome(learner)
    seal(Log(house.bank, "another.example/log", log.folder))  # a log keeps the name under which it began
    assert len(rotation.retire(house.bank, OPERATOR, Kind.LOG)) == 1
    keys = house.bank.database.read(seal_log.public_keys)
    older, newer = checkpoints(house.bank)
    assert [opened_note(older.note, [key]) is not None for key in keys] == [True, False]
    assert [opened_note(newer.note, [key]) is not None for key in keys] == [False, True]
    assert parsed_checkpoint(newer.note).origin == ORIGIN
    check(house)


def test_a_stolen_log_key_can_go_at_once(house: House, log: Log) -> None:
    house.post_outcome(house.open_learner()["id"])
    seal(log)
    rotation.rotate(house.bank, OPERATOR, Kind.LOG)
    assert len(rotation.retire(house.bank, OPERATOR, Kind.LOG, at_once=True)) == 1
    assert [vkey(key, ORIGIN) for key in house.bank.keyring.log_keys] != house.bank.database.read(seal_log.public_keys)
    faults = looked_up(house.bank, OPERATOR, verify).faults
    assert faults == ("checkpoint 1: is the newest, and no key of the keyring has signed it",)


def without_log_keys(folder: Path) -> str:
    """Return the content of a keyring from before there was a log."""
    content = parsed((folder / KEYRING_FILE).read_bytes(), bytes_max=10**6)
    assert isinstance(content, dict)
    return text_of({name: value for name, value in content.items() if name != "log_keys"})


def test_a_keyring_from_before_the_log_is_given_a_key_when_one_is_needed(
    house: House, log: Log, tmp_path: Path
) -> None:
    file = tmp_path / KEYRING_FILE
    file.write_text(without_log_keys(tmp_path), "utf-8")
    house.clock.now += timedelta(seconds=1)
    assert house.bank.keyring.log_keys == ()
    assert rotation.retire(house.bank, OPERATOR, Kind.LOG) == []
    house.post_outcome(house.open_learner()["id"])
    assert seal(log) == 1
    assert [key.added_at for key in house.bank.keyring.log_keys] == [house.clock.now]
    check(house)


def test_a_given_keyring_without_a_log_key_says_how_to_get_one(house: House, tmp_path: Path) -> None:
    given = GivenKeyring(without_log_keys(tmp_path), "CREDITBANK_KEYRING_JSON")
    bank = Bank(house.bank.database, given, house.clock, house.bank.new_id)
    with pytest.raises(KeyringUnusable, match="creditbank keys rotate log"):
        seal(Log(bank, ORIGIN))
    assert leaves(bank) == []
