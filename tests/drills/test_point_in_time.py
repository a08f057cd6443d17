"""PostgreSQL is put back to a moment as docs/backup.md says: what was acknowledged by then is there, nothing else."""

import shutil
import time
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import select

from creditbank.services.bank import looked_up
from creditbank.services.clients import administrator
from creditbank.services.sealing import Log, LogRolledBack, seal
from creditbank.services.verification import verify
from creditbank.storage.outcomes import outcome
from tests.builders import House, copied_house, outcome_body
from tests.drills.recovering import archived, base_backup, drill_folder, moment, server_on, settings
from tests.services.test_conversion_races import small_house
from tests.verifier.ledgers import ORIGIN, checked_directly, kept_in, keys_of

EACH = 4
"""Outcomes before the base backup, between it and the moment, and after the moment."""


def url_of(uri: str) -> str:
    """Return a server's address as the bank takes it."""
    host = psycopg.conninfo.conninfo_to_dict(uri)["host"]
    return f"postgresql+psycopg://postgres@/postgres?host={host}"


def post(house: House, learner: str, number: int) -> tuple[int, str]:
    """Post a record, new or again; return the status and the outcome's id."""
    answer = house.http.post("/v1/outcomes", json=outcome_body(learner, number), headers=house.auth())
    return answer.status_code, answer.get_json()["id"]


def posted(house: House, learner: str, log: Log, numbers: range) -> dict[int, str]:
    """Post some records and have them sealed; return the ids that were acknowledged."""
    made = {number: post(house, learner, number) for number in numbers}
    assert {status for status, _ in made.values()} == {201}
    assert seal(log) == len(numbers)
    return {number: outcome_id for number, (_, outcome_id) in made.items()}


def test_a_bank_is_put_back_to_a_moment(tmp_path: Path) -> None:
    with drill_folder() as folder:
        archive, published = folder / "archive", tmp_path / "log"
        archive.mkdir()
        archive.chmod(0o777)
        with server_on(folder / "first", settings(0, archive=archive)) as server:
            house = small_house(url_of(server.get_uri()), tmp_path)
            log, learner = Log(house.bank, ORIGIN, published), house.open_learner()["id"]
            before = posted(house, learner, log, range(EACH))
            base_backup(server, folder / "second")
            before |= posted(house, learner, log, range(EACH, 2 * EACH))
            kept = tmp_path / "kept"
            shutil.copytree(published, kept)
            at = moment(server.get_uri())
            after = posted(house, learner, log, range(2 * EACH, 3 * EACH))
            archived(server.get_uri())
            house.bank.database.close()
        (folder / "second" / "recovery.signal").touch()
        with server_on(folder / "second", settings(1, archive=archive, moment=at)) as server:
            await_promotion(server.get_uri())
            house = copied_house(url_of(server.get_uri()), tmp_path)
            check(house, before, (kept, published))
            assert {number: post(house, learner, number) for number in before} == {
                number: (200, outcome_id) for number, outcome_id in before.items()
            }, "what is there is a replay"
            assert {post(house, learner, number)[0] for number in after} == {201}, "what is missing is taken again"
            house.bank.database.close()


def await_promotion(uri: str) -> None:
    """Return when the server has come to the moment and takes writes."""
    with psycopg.connect(uri, autocommit=True) as connection:
        for _ in range(600):
            if connection.execute("SELECT NOT pg_is_in_recovery()").fetchone() == (True,):
                return
            time.sleep(0.05)
    pytest.fail("the recovery did not come to its end")


def check(house: House, before: dict[int, str], folders: tuple[Path, Path]) -> None:
    """See that what was acknowledged by the moment is there and nothing else, and that the rollback is seen."""
    report = looked_up(house.bank, administrator(), verify)
    assert (report.faults, report.entries) == ((), 2 * EACH)
    kept, published = folders
    with house.bank.database.engine.connect() as connection:
        held = {str(one) for one in connection.execute(select(outcome.c.id)).scalars()}
        sound = checked_directly(connection, keys_of(kept), kept_in(kept))
        rolled_back = checked_directly(connection, keys_of(published), kept_in(published))
    assert held == set(before.values())
    assert (sound.faults, sound.kept_checkpoints) == ([], 2)
    assert rolled_back.by_code == {"rolled_back": 1}
    with pytest.raises(LogRolledBack):
        seal(Log(house.bank, ORIGIN, published))
