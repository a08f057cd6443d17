"""The embedded bank is copied while it serves, and put back at once or not at all."""

import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from threading import Event
from uuid import UUID

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from creditbank.cli import main
from creditbank.gateways.sqlite_backup import BackupUnusable, back_up
from creditbank.services.bank import looked_up
from creditbank.services.clients import administrator
from creditbank.services.sealing import Log, seal
from creditbank.services.verification import Report, verify
from creditbank.storage import people
from creditbank.storage.database import Database
from creditbank.storage.migrations import is_current, migrate
from creditbank.storage.outcomes import outcome
from tests.builders import KEYRING_FILE, SQLITE_FILE, House, copied_house, new_bank, outcome_body
from tests.services.test_erasure import erase
from tests.verifier.ledgers import ORIGIN, checked_directly, kept_in

pytestmark = pytest.mark.parametrize("engine_name", ["sqlite"])

BACKUPS = 4
"""Taken one after the other while clients post."""


@dataclass(frozen=True)
class Place:
    """A bank on SQLite, and a console on it."""

    house: House
    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / SQLITE_FILE

    def run(self, *command: str) -> Result:
        ended = CliRunner().invoke(main, list(command))
        assert ended.exception is None or isinstance(ended.exception, SystemExit), ended.exception
        return ended

    def opened(self) -> House:
        """Return the bank as it stands in its file now."""
        return copied_house(f"sqlite:///{self.file}", self.folder)


@pytest.fixture
def place(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Give a bank whose console is this one."""
    monkeypatch.setenv("CREDITBANK_DATABASE_URL", f"sqlite:///{tmp_path / SQLITE_FILE}")
    monkeypatch.setenv("CREDITBANK_KEYRING", str(tmp_path / KEYRING_FILE))
    monkeypatch.setenv("CREDITBANK_ERASURES", str(tmp_path / "erasures.jsonl"))
    return Place(house, tmp_path)


def report(house: House) -> Report:
    return looked_up(house.bank, administrator(), verify)


def post_until(stop: Event, house: House, learner: str, acknowledged: list[str]) -> None:
    """Post outcomes until told to stop; each is noted once it is acknowledged."""
    headers, numbers = house.auth(), count(1)
    while not stop.is_set():
        answer = house.http.post("/v1/outcomes", json=outcome_body(learner, next(numbers)), headers=headers)
        assert answer.status_code == 201
        acknowledged.append(answer.get_json()["id"])


def test_a_backup_under_way_holds_all_that_was_acknowledged_before_it(place: Place) -> None:
    house, stop = place.house, Event()
    acknowledged: list[str] = []
    before: list[set[str]] = []
    learner = house.open_learner()["id"]
    with ThreadPoolExecutor(1) as clients:
        posting = clients.submit(post_until, stop, house, learner, acknowledged)
        try:
            for number in range(BACKUPS):
                least = len(acknowledged) + 5
                while len(acknowledged) < least and not posting.done():
                    time.sleep(0.001)
                before.append(set(acknowledged))
                assert place.run("backup", str(place.folder / f"backup-{number}")).exit_code == 0
        finally:
            stop.set()
        posting.result()
    assert len(before[-1]) < len(acknowledged), "clients post on while the last backup is made"
    for number, known in enumerate(before):
        copied = copied_house(f"sqlite:///{place.folder / f'backup-{number}'}", place.folder)
        assert report(copied).faults == ()
        with copied.bank.database.engine.connect() as connection:
            held = {str(one) for one in connection.execute(select(outcome.c.id)).scalars()}
        assert known <= held <= set(acknowledged)
        copied.bank.database.close()


def test_a_backup_is_one_file_for_its_owner_and_replaces_nothing_unasked(place: Place) -> None:
    file = place.folder / "copies" / "backup"
    assert place.run("backup", str(file)).exit_code == 1, "there is no such folder"
    file.parent.mkdir()
    assert place.run("backup", str(file)).exit_code == 0
    assert [path.name for path in file.parent.iterdir()] == ["backup"]
    assert file.stat().st_mode & 0o777 == 0o600
    kept = file.read_bytes()
    place.house.open_learner()
    refused = place.run("backup", str(file))
    assert (refused.exit_code, "--force" in refused.stderr, file.read_bytes() == kept) == (1, True, True)
    assert place.run("backup", "--force", str(file)).exit_code == 0
    assert file.read_bytes() != kept


def test_a_bank_is_put_back_and_who_was_erased_since_stays_erased(place: Place) -> None:
    house, log = place.house, Log(place.house.bank, ORIGIN, place.folder / "log")
    kept_one, erased_one = house.open_learner(), house.open_learner()
    for learner in (kept_one, erased_one):
        house.post_outcome(learner["id"])
    seal(log)
    backup = place.folder / "backup"
    assert place.run("backup", str(backup)).exit_code == 0
    house.post_outcome(kept_one["id"])
    seal(log)
    erase(house, erased_one)
    assert report(house).entries == 3
    in_use = place.run("restore", "--force", str(backup))
    assert (in_use.exit_code, "stop the bank" in in_use.stderr) == (1, True)
    house.bank.database.close()
    assert place.run("restore", str(backup)).exit_code == 1, "it is there already"
    restored = place.run("restore", "--force", str(backup))
    assert (restored.exit_code, "1 accounts are erased again" in restored.stdout) == (0, True), restored.output
    opened = place.opened()
    found = report(opened)
    assert (found.faults, found.entries) == ((), 2)
    with opened.bank.database.engine.connect() as connection:
        standing = people.standing(connection, UUID(erased_one["id"]))
        assert standing is not None
        assert standing.is_erased
        rolled_back = checked_directly(connection, (), kept_in(place.folder / "log"))
    assert rolled_back.by_code == {"rolled_back": 1}, (
        "the checkpoint of after the backup tells that entries are missing"
    )
    opened.bank.database.close()


def a_damaged_page(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[5 * 4096 : 6 * 4096] = bytes(range(256)) * 16
    file.write_bytes(content)


def a_newer_version(file: Path) -> None:
    with closing(sqlite3.connect(file)) as opened, opened:
        opened.execute("UPDATE alembic_version SET version_num = '9999'")


def no_schema(file: Path) -> None:
    with closing(sqlite3.connect(file)) as opened, opened:
        opened.execute("DELETE FROM alembic_version")


def another_database(file: Path) -> None:
    file.unlink()
    with closing(sqlite3.connect(file)) as opened, opened:
        opened.execute("CREATE TABLE notes (note TEXT)")


def a_reference_to_nothing(file: Path) -> None:
    with closing(sqlite3.connect(file)) as opened, opened:
        opened.execute("DELETE FROM learner")


SPOILT: dict[str, Callable[[Path], object]] = {
    "no database": lambda file: file.write_text("SQL, but no database", "utf-8"),
    "nothing": lambda file: file.write_bytes(b""),
    "half of it": lambda file: file.write_bytes(file.read_bytes()[: file.stat().st_size // 2]),
    "a page damaged": a_damaged_page,
    "of a newer version": a_newer_version,
    "without a schema": no_schema,
    "of another program": another_database,
    "a reference to nothing": a_reference_to_nothing,
    "a folder": lambda file: (file.unlink(), file.mkdir()),
}


def test_what_is_no_sound_backup_is_refused_and_the_bank_stays(place: Place) -> None:
    place.house.post_outcome(place.house.open_learner()["id"])
    backup = place.folder / "backup"
    assert place.run("backup", str(backup)).exit_code == 0
    sound = backup.read_bytes()
    place.house.bank.database.close()
    bank = place.file.read_bytes()
    for name, spoil in SPOILT.items():
        backup.write_bytes(sound)
        spoil(backup)
        ended = place.run("restore", "--force", str(backup))
        assert (name, ended.exit_code in (1, 2), place.file.read_bytes() == bank) == (name, True, True)
    backup.rmdir()
    assert place.run("restore", "--force", str(backup)).exit_code == 1, "there is none"
    assert not [path for path in place.folder.iterdir() if path.name.startswith(".")], "nothing half is left"
    backup.write_bytes(sound)
    assert place.run("restore", "--force", str(backup)).exit_code == 0


def test_a_backup_of_an_older_version_is_brought_up_to_date(
    place: Place, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("older")
    older = Database(f"sqlite:///{folder / 'old.sqlite3'}")
    migrate(older, "0012")
    older.close()
    back_up(folder / "old.sqlite3", folder / "backup", replaces=False)
    place.house.bank.database.close()
    place.file.unlink()
    assert place.run("restore", str(folder / "backup")).exit_code == 0
    bank = new_bank(f"sqlite:///{place.file}", place.folder, is_there=True)
    assert is_current(bank.database)
    bank.database.close()


def test_a_bank_that_is_not_there_has_no_backup(place: Place) -> None:
    with pytest.raises(BackupUnusable):
        back_up(place.folder / "nowhere", place.folder / "backup", replaces=False)


def test_postgresql_is_left_to_its_own_tools(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDITBANK_DATABASE_URL", "postgresql+psycopg://nobody@127.0.0.1:1/nothing")
    for command, tool in (("backup", "pg_basebackup"), ("restore", "recovery_target_time")):
        ended = place.run(command, str(place.folder))
        assert ended.exit_code in (1, 2)
        ended = place.run(command, str(place.folder / "backup"))
        assert (ended.exit_code, tool in ended.stderr, "docs/backup.md" in ended.stderr) == (1, True, True)
