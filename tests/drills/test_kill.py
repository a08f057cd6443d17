"""A server that is killed while clients post and retry loses nothing that it acknowledged and posts nothing twice."""

from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from creditbank.app import create_app
from creditbank.config import Settings
from creditbank.services.access import client_token
from creditbank.services.bank import Bank
from creditbank.storage.database import Database
from tests import builders
from tests.builders import INSTITUTION_SCOPES, House, new_house, outcome_body
from tests.drills.serving import BASE_URL, Server, environment
from tests.drills.shooting import Aim, Drill, Fate, ledger_faults, miscounted, shoot

LEARNERS = 5
"""Few enough that clients meet on the same accounts all the time."""

AIM = Aim(kills_min=4, acknowledged_min=100)
"""Of the embedded bank; PostgreSQL is drilled under these and other faults in `test_faults`."""

DEFECT_AIM = Aim(kills_min=3, acknowledged_min=20)


@pytest.fixture
def bank_at_work(house: House) -> House:
    """Give a bank at the time of the real clock, which the server goes by."""
    house.clock.now = datetime.now(UTC)
    return house


def drill(house: House, folder: Path, application: str, seed: int, aim: Aim) -> Drill:
    """Open some accounts and shoot at a server of the application."""
    learners = [house.open_learner()["id"] for _ in range(LEARNERS)]
    token = client_token(house.bank, BASE_URL, house.client("cqdx", *INSTITUTION_SCOPES), INSTITUTION_SCOPES)
    url = house.bank.database.url.render_as_string(hide_password=False)
    server = Server(application, environment(url, folder / "keyring.json"))
    return shoot(server, token, learners, seed, aim)


@pytest.mark.parametrize("engine_name", ["sqlite"], indirect=True)
def test_what_was_acknowledged_stands_once_and_what_was_refused_does_not(
    bank_at_work: House, tmp_path: Path, seed: int
) -> None:
    seen = drill(bank_at_work, tmp_path, "creditbank.app:create_app", seed, AIM)
    assert seen.unforeseen == []
    assert miscounted(bank_at_work.bank, seen.fates) == {}
    assert ledger_faults(bank_at_work.bank) == ()
    assert seen.kills >= AIM.kills_min
    assert seen.acknowledged >= AIM.acknowledged_min
    assert seen.retries >= seen.kills, "a kill that hits no request proves nothing"
    assert Fate.REFUSED in seen.fates.values()


@pytest.mark.parametrize("engine_name", ["sqlite"], indirect=True)
def test_the_drill_finds_keys_that_are_committed_after_the_effect(
    bank_at_work: House, tmp_path: Path, seed: int
) -> None:
    seen = drill(bank_at_work, tmp_path, "tests.drills.late_keys:create_defective_app", seed, DEFECT_AIM)
    assert seen.kills >= DEFECT_AIM.kills_min
    doubled = {one: found for one, found in miscounted(bank_at_work.bank, seen.fates).items() if found == (2, 2)}
    assert doubled, "outcomes that were posted twice were not seen"
    assert all(seen.fates[one] is Fate.ACKNOWLEDGED for one in doubled)


def test_a_cut_of_all_database_connections_costs_callers_nothing(postgresql_url: str, tmp_path: Path) -> None:
    house = new_house(postgresql_url, tmp_path)
    learner_id = house.open_learner()["id"]
    requests = (
        lambda: house.http.get("/readyz"),
        lambda: house.http.get(f"/v1/learners/{learner_id}/balance", headers=house.auth()),
        lambda: house.http.post("/v1/outcomes", json=outcome_body(learner_id, 1), headers=house.auth()),
    )
    cut = """
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()
    """
    for request in requests:
        assert request().status_code in (200, 201)
        with psycopg.connect(postgresql_url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(cut)
        assert request().status_code == 200
    house.bank.database.close()


def test_without_its_database_the_bank_asks_to_try_later(tmp_path: Path) -> None:
    house = new_house(f"sqlite:///{tmp_path / 'bank.sqlite3'}", tmp_path)
    learner_id = house.open_learner()["id"]
    headers = house.auth()
    house.bank.database.close()
    nowhere = Database("postgresql+psycopg://nobody@127.0.0.1:1/nothing")
    bank = Bank(nowhere, house.bank.keys, house.clock, house.bank.new_id)
    http = create_app(Settings(base_url=builders.BASE_URL), bank).test_client()
    answers = [
        http.get(f"/v1/learners/{learner_id}/balance", headers=headers),
        http.post("/v1/outcomes", json=outcome_body(learner_id, 1), headers=headers),
    ]
    assert [(answer.status_code, answer.get_json()["code"]) for answer in answers] == [(503, "try_later")] * 2
    assert http.get("/readyz").status_code == 503
    assert http.get("/healthz").status_code == 200
