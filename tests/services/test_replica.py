"""Reads at a replica: they may lag, but never behind what the caller wrote, and never where rights are judged."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, func, select

from creditbank.api.positions import POSITION
from creditbank.storage import writing
from creditbank.storage.access_log import access_log
from creditbank.storage.database import Database
from creditbank.storage.replica import LOOK_SECONDS, Replica, place_of
from tests.builders import House, app_of, new_house, outcome_body
from tests.moulds import PostgresqlMoulds
from tests.replicas import Standby, standby

LAG = 10.0
READER = ("balance:read",)
"""All that somebody may who only reads."""


@dataclass
class Pair:
    """A bank with a replica, a clock for its lag, and the statements that the replica was asked."""

    house: House
    standby: Standby
    replica: Replica
    seconds: list[float]
    asked: list[str] = field(default_factory=list)

    def catch_up(self) -> None:
        """Wait until the replica has all that the primary has, and let it be looked at again."""
        at = self.written()
        for _ in range(1000):
            followed = place_of(self.standby.said("SELECT pg_last_wal_replay_lsn()::text"))
            if followed is not None and followed >= at:
                break
            time.sleep(0.01)
        else:
            pytest.fail("the replica does not follow")
        self.pass_by(LAG * 3)

    def written(self) -> int:
        with self.house.bank.database.reading() as connection:
            place = place_of(connection.exec_driver_sql("SELECT pg_current_wal_lsn()::text").scalar_one())
        assert place is not None
        return place

    def pass_by(self, seconds: float) -> None:
        self.seconds[0] += seconds

    def pause(self) -> None:
        self.standby.said("SELECT pg_wal_replay_pause()")

    def resume(self) -> None:
        self.standby.said("SELECT pg_wal_replay_resume()")

    def add_scheme(self, code: str) -> str:
        """Register a scheme and return the position that the answer tells."""
        body = {
            "code": code,
            "title_zh": "学分",
            "title_en": "Credit",
            "hours_per_credit": "16",
            "minutes_per_hour": 45,
        }
        body |= {"step": "0.5", "rounding": "down"}
        answer = self.house.http.post("/v1/schemes", json=body, headers=self.house.auth("authority", "rules:write"))
        assert answer.status_code == 201, answer.get_data(as_text=True)
        return answer.headers[POSITION]

    def schemes(self, *scopes: str, position: str | None = None) -> tuple[set[str], bool]:
        """Return the schemes that somebody sees, and whether the replica was asked."""
        self.asked.clear()
        headers = self.house.auth("authority", *scopes) | ({POSITION: position} if position else {})
        page = self.house.http.get("/v1/schemes", headers=headers).get_json()
        return {one["code"] for one in page["items"]}, any("FROM scheme" in one for one in self.asked)

    def balance(self, auth: dict[str, str], learner_id: str, position: str | None = None) -> tuple[Any, bool]:
        """Return the answer to a read of a balance, and whether the replica was asked."""
        self.asked.clear()
        headers = auth | ({POSITION: position} if position else {})
        answer = self.house.http.get(f"/v1/learners/{learner_id}/balance", headers=headers)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        return answer.get_json()["balances"], any("FROM account" in one for one in self.asked)


@pytest.fixture(scope="module")
def follower(postgresql_server: str) -> Iterator[Standby]:
    """Give a replica of the tests' server, once for all tests."""
    with standby(postgresql_server) as made:
        yield made


@pytest.fixture
def pair(
    follower: Standby, postgresql_moulds: PostgresqlMoulds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Pair]:
    """Give a bank on the primary that knows a replica, which has caught up."""
    with postgresql_moulds.lent(new_house, tmp_path, alone=True) as house:
        copy = Database(follower.url(str(house.bank.database.url.database)))
        seconds = [1000.0]
        replica = Replica(copy, house.bank.database, LAG, lambda: seconds[0])
        bank = replace(house.bank, replica=replica)
        made = Pair(House(bank, app_of(bank), house.clock), follower, replica, seconds)

        @event.listens_for(copy.engine, "before_cursor_execute")
        def _note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            made.asked.append(statement)

        by_driver = writing.sent

        def noted(connection: Connection, cursor: Any, sql: str, parameters: Any, **how: Any) -> Any:
            if connection.engine.url == copy.engine.url:
                made.asked.append(sql)
            return by_driver(connection, cursor, sql, parameters, **how)

        monkeypatch.setattr(writing, "sent", noted)
        made.house.auth("authority", *READER)
        made.house.auth("authority", "rules:write")
        made.catch_up()
        yield made
        made.resume()
        replica.close()


def test_a_reader_may_see_an_older_state_and_a_writer_sees_what_it_wrote(pair: Pair) -> None:
    before, at_replica = pair.schemes(*READER)
    assert at_replica
    pair.pause()
    position = pair.add_scheme("new")
    pair.pass_by(LOOK_SECONDS)
    assert pair.schemes(*READER) == (before, True)
    assert pair.schemes("rules:write") == (before | {"new"}, False)
    assert pair.schemes(*READER, position=position) == (before | {"new"}, False)
    assert pair.schemes("rules:write", position=position) == (before | {"new"}, False)
    pair.resume()
    pair.catch_up()
    assert pair.schemes("rules:write", position=position) == (before | {"new"}, True)
    assert pair.schemes("rules:write") == (before | {"new"}, False)
    assert pair.schemes(*READER, position="none of ours") == (before | {"new"}, False)


def test_a_replica_that_is_too_far_behind_is_not_read(pair: Pair) -> None:
    before, _ = pair.schemes(*READER)
    pair.pause()
    pair.add_scheme("new")
    pair.pass_by(LAG - 1)
    assert pair.schemes(*READER) == (before, True)
    pair.pass_by(LAG)
    assert pair.schemes(*READER) == (before | {"new"}, False)
    pair.resume()
    pair.catch_up()
    assert pair.schemes(*READER) == (before | {"new"}, True)


def test_a_replica_that_nobody_looked_at_for_long_is_not_trusted(pair: Pair) -> None:
    before, _ = pair.schemes(*READER)
    pair.pause()
    pair.add_scheme("new")
    pair.pass_by(LAG * 100)
    assert pair.schemes(*READER) == (before | {"new"}, False)


def test_a_learner_reads_at_the_replica_and_others_at_the_primary(pair: Pair) -> None:
    house = pair.house
    learner = house.open_learner()
    house.post_outcome(learner["id"])
    own, others = house.learner_auth(learner["id"]), house.auth()
    position = house.http.post(f"/v1/learners/{learner['id']}/consents", json={}, headers=own).headers.get(POSITION)
    assert position is None, "what is refused writes nothing"
    pair.pause()
    answer = house.http.post("/v1/outcomes", json=outcome_body(learner["id"], 77), headers=others)
    pair.pass_by(LOOK_SECONDS)
    seen = pair.balance(own, learner["id"], answer.headers[POSITION])
    assert (seen[0][0]["available"], seen[1]) == ("6.00", False)
    assert pair.balance(own, learner["id"])[1] is False
    # the replica has heard nothing of this learner: what it would refuse is asked again where rights are judged
    assert pair.balance(own, learner["id"], "0/1")[0][0]["available"] == "6.00"
    pair.resume()
    pair.catch_up()
    seen = pair.balance(own, learner["id"], answer.headers[POSITION])
    assert (seen[0][0]["available"], seen[1]) == ("6.00", True)
    lines = _lines(house)
    auditor = house.auth("authority", "audit:read", "balance:read")
    assert pair.balance(auditor, learner["id"], answer.headers[POSITION])[1] is False
    assert _lines(house) == lines + 1


def test_figures_that_are_final_wait_for_all_that_is_committed(pair: Pair) -> None:
    pair.pause()
    learner = pair.house.open_learner()
    pair.pass_by(LOOK_SECONDS)
    pair.house.move_to("2027-01-01")
    auth = pair.house.auth("authority", "audit:read")
    counted = pair.house.http.get("/v1/statistics?as_of=2026-12-31", headers=auth).get_json()
    assert learner["id"]
    assert counted["final"] is True
    assert counted["figures"]["accounts"] == 1


def test_a_replica_that_is_down_is_not_read_until_it_is_back(pair: Pair) -> None:
    before, at_replica = pair.schemes(*READER)
    assert at_replica
    pair.standby.stop()
    assert pair.schemes(*READER)[0] == before, "it was asked, and the primary answers"
    assert pair.schemes(*READER) == (before, False)
    pair.add_scheme("new")
    pair.standby.start()
    pair.pass_by(LOOK_SECONDS)
    pair.catch_up()
    assert pair.schemes(*READER) == (before | {"new"}, True)


def test_a_replica_that_was_promoted_goes_its_own_way(postgresql_server: str, pair: Pair) -> None:
    before, _ = pair.schemes(*READER)
    with standby(postgresql_server) as other:
        copy = Database(other.url(str(pair.house.bank.database.url.database)))
        promoted = Replica(copy, pair.house.bank.database, LAG)
        pair.add_scheme("new")
        other.said("SELECT pg_promote()")
        with copy.transaction() as connection:
            connection.exec_driver_sql("CREATE TABLE its_own ()")
        assert promoted.is_fit(None) is False
        copy.close()
    assert "new" in pair.schemes("rules:write")[0] - before


def _lines(house: House) -> int:
    with house.bank.database.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(access_log)).scalar_one())
