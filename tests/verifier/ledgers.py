"""A small ledger in which everything happened that can happen, sealed, and what the verifier says about it."""

import io
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, text

from creditbank.services.ledger_export import written
from creditbank.services.sealing import Log, seal
from tests.api.test_cases import CASE_RULES, applied, approved, case_of, decide, revoke
from tests.builders import NOW, House, outcome_body
from tools import verify_ledger
from tools.verify_ledger import Check, Checkpoint, Key, Report, export_records, parsed_checkpoint, parsed_key

ORIGIN = "bank.test/ledger"


@dataclass(frozen=True)
class Sealed:
    """A bank whose ledger is sealed, with what an outsider keeps of it: its keys and two checkpoints."""

    house: House
    log: Log
    keys: tuple[Key, ...]
    kept: tuple[tuple[str, Checkpoint], ...]

    def on(self, house: House, folder: Path) -> "Sealed":
        """Return the same on a copy of the bank."""
        return Sealed(house, Log(house.bank, ORIGIN, folder), self.keys, self.kept)


def recorded(house: House) -> None:
    """Have outcomes recorded, corrected and revoked."""
    house.publish_rules(CASE_RULES)
    house.publish_programme("acceptor")
    for number in range(5):
        learner = house.open_learner()["id"]
        bodies = [outcome_body(learner, 10_000 + 10 * number + place) for place in range(3)]
        made = [house.http.post("/v1/outcomes", json=body, headers=house.auth()).get_json() for body in bodies]
        if number % 2:
            seen = house.auth() | {"If-Match": '"1"'}
            url_of = f"/v1/outcomes/{made[0]['id']}"
            changed = house.http.put(url_of, json=bodies[0] | {"hours": "32"}, headers=seen)
            assert changed.status_code == 200, changed.get_data(as_text=True)
            revoke(house, made[1]["id"])
        house.clock.move(minutes=1)


def an_hour_later(house: House) -> None:
    """Move the clock; tokens have ended then."""
    house.clock.move(hours=1)
    house.tokens.clear()


def converted(house: House) -> None:
    """Have applications held, approved, rejected and undone."""
    applied(house, "管理学", "公文写作")
    approved(house, "管理学", "社会")
    _, _, made = applied(house, "行政法")
    house.decide(made["id"], "acceptor", "reject", reason="不符")
    _, outcomes, _ = approved(house, "管理学", "公文写作")
    revoke(house, outcomes[0])
    status, _ = decide(house, case_of(house, outcomes[0])["id"], "undo")
    assert status == 200


def sealed_ledger(house: House, folder: Path) -> Sealed:
    """Fill the ledger of a bank and seal it three times, all of it; the last two checkpoints are kept."""
    recorded(house)
    log = Log(house.bank, ORIGIN, folder / "log")
    seal(log)
    an_hour_later(house)
    converted(house)
    seal(log)
    an_hour_later(house)
    house.post_outcome(house.open_learner()["id"], title="最后一课")
    seal(log)
    return Sealed(house, log, keys_of(folder / "log"), kept_in(folder / "log")[-2:])


def keys_of(folder: Path) -> tuple[Key, ...]:
    """Return the published keys of a log."""
    return tuple(parsed_key(line) for line in (folder / "keys").read_text("utf-8").splitlines())


def kept_in(folder: Path) -> tuple[tuple[str, Checkpoint], ...]:
    """Return the published checkpoints of a log, the smallest first."""
    files = sorted((folder / "checkpoints").iterdir(), key=lambda file: int(file.name))
    return tuple((file.name, parsed_checkpoint(file.read_text("utf-8"))) for file in files)


def export_of(connection: Connection) -> bytes:
    """Return the export of a ledger as a connection sees it."""
    stream = io.BytesIO()
    written(connection, NOW, stream.write)
    return stream.getvalue()


def checked(export: bytes, keys: Iterable[Key] = (), kept: Sequence[tuple[str, Checkpoint]] = ()) -> Report:
    """Return what the verifier says of an export."""
    return Check(keys, kept).run(export_records(io.BytesIO(export)))


def checked_directly(connection: Connection, keys: Iterable[Key], kept: Sequence[tuple[str, Checkpoint]]) -> Report:
    """Return what the verifier says of the database as a connection sees it."""
    driver = connection.connection.dbapi_connection
    if isinstance(driver, sqlite3.Connection):
        return Check(keys, kept).run(verify_ledger.sqlite_records(driver))
    return Check(keys, kept).run(verify_ledger.postgresql_records(driver))


def take_guards_away(connection: Connection) -> None:
    """Let rows be changed, as somebody with all rights on the database could, until the transaction is rolled back."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        return
    for guard in connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all():
        connection.exec_driver_sql(f"DROP TRIGGER {guard}")
