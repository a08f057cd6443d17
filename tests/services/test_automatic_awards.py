"""Automatic awards unasked: to whoever reaches a level, once, wherever the worker is stopped or run beside another."""

import copy
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text

from creditbank.services import automatic_awards
from creditbank.services.automatic_awards import give_unasked
from creditbank.storage import catalogue
from tests.api.test_qualifications import (
    AUTOMATIC,
    award,
    cases,
    decide,
    elder,
    learned,
    qualifying_house,
    revoke,
    rows,
    states,
)
from tests.builders import House, outcome_body
from tests.moulds import Making

AT_ONCE = timedelta(0)
"""Nothing is left alone: what is committed is looked at."""


@pytest.fixture
def house(copied: Callable[[Making], House]) -> House:
    """Give a bank with two definitions in print, one of them automatic."""
    return copied(qualifying_house)


def reaching(house: House) -> str:
    """Return a learner of 70 with three credits, which is all that is asked for."""
    learner = elder(house)
    house.post_outcome(learner, "cqdx")
    return learner


def look(house: House) -> int:
    """Look at all that was decided."""
    total = 0
    while given := give_unasked(house.bank, AT_ONCE):
        total += given
    return total


def position(house: House) -> UUID:
    table = catalogue.tables["qualification_look"]
    with house.bank.database.reading() as connection:
        found: UUID = connection.execute(select(table.c.decision_id)).scalar_one()
    return found


def test_who_reaches_a_level_is_awarded_it_without_asking(house: House) -> None:
    learner, short = reaching(house), house.open_learner("cqdx")["id"]
    house.post_outcome(short, "cqdx")
    assert look(house) == 1
    assert states(house, learner, "automatic") == {"one": "in_force"}
    assert states(house, short, "automatic") == {"one": None}, "too young"
    status, given = award(house, None, "one", house.learner_auth(learner), "automatic")
    assert (status, given["institution"], given["valid_until"]) == (200, None, "2027-07-01")
    decision = house.http.get(f"/v1/decisions/{given['decision_id']}", headers=house.learner_auth(learner)).get_json()
    assert decision["kind"] == "award"
    event = catalogue.tables["qualification_event"]
    with house.bank.database.reading() as connection:
        assert connection.execute(select(event.c.actor)).scalars().all() == ["worker"]


def test_what_institutions_award_is_left_to_them(house: House) -> None:
    learner, _, _ = learned(house)
    assert look(house) == 0
    assert states(house, learner) == {"first": None, "second": None}


def test_what_was_looked_at_is_not_looked_at_again_until_something_changes(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    learner = elder(house)
    house.post_outcome(learner, "cqdx", hours="32")
    judged: list[UUID] = []
    whole = automatic_awards._due  # noqa: SLF001 - what judging a person costs is counted

    def noted(work: Any, ruleset: Any, person: Any) -> list[str]:
        judged.append(person.id)
        return whole(work, ruleset, person)

    monkeypatch.setattr(automatic_awards, "_due", noted)
    assert look(house) == 0
    assert judged == [UUID(learner)]
    stands_at = position(house)
    assert (look(house), judged, position(house)) == (0, [UUID(learner)], stands_at)
    house.post_outcome(learner, "cqdx", hours="16")
    assert look(house) == 1
    assert set(judged) == {UUID(learner)}
    assert position(house) > stands_at


def test_a_correction_is_seen_as_a_new_outcome_is(house: House) -> None:
    learner = elder(house)
    made = house.post_outcome(learner, "cqdx", external_id="record", hours="32")
    assert look(house) == 0
    body = outcome_body(learner, 1, external_id="record", hours="48")
    headers = house.auth("cqdx") | {"If-Match": '"1"'}
    assert house.http.put(f"/v1/outcomes/{made['id']}", json=body, headers=headers).status_code == 200
    assert look(house) == 1


def test_a_block_at_a_time_reaches_everybody(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(automatic_awards, "ROWS_MAX", 2)
    monkeypatch.setattr(automatic_awards, "BLOCKS_MAX", 2)
    learners = [reaching(house) for _ in range(7)]
    assert give_unasked(house.bank, AT_ONCE) == 4
    assert look(house) == 3
    assert {states(house, one, "automatic")["one"] for one in learners} == {"in_force"}


def test_what_was_just_decided_is_left_alone_for_a_while(house: House) -> None:
    """An id is there before its row is committed, and machines' clocks differ."""
    reaching(house)
    assert give_unasked(house.bank) == 0
    assert rows(house, "qualification_look") == 0
    assert give_unasked(house.bank, AT_ONCE) == 1


def test_a_new_definition_looks_at_everybody_who_was_there_before(house: House) -> None:
    learner = reaching(house)
    assert look(house) == 1
    house.publish_rules(copy.deepcopy(AUTOMATIC) | {"code": "another"})
    assert look(house) == 1
    assert states(house, learner, "another") == {"one": "in_force"}


def test_nothing_is_awarded_to_who_is_restricted_or_in_doubt(house: House) -> None:
    restricted, doubtful, fine = (reaching(house) for _ in range(3))
    learner = catalogue.tables["learner"]
    with house.bank.database.transaction() as connection:
        here = learner.c.id == UUID(doubtful)
        connection.execute(learner.update().where(here).values(status="conflict"))
        here = learner.c.id == UUID(restricted)
        connection.execute(learner.update().where(here).values(restricted_at=house.clock.now))
    assert look(house) == 1
    assert states(house, fine, "automatic") == {"one": "in_force"}
    assert rows(house, "qualification_award") == 1


def test_what_a_reviewer_revoked_comes_back_only_with_more_learning(house: House) -> None:
    learner = elder(house)
    outcome = house.post_outcome(learner, "cqdx")["id"]
    assert look(house) == 1
    revoke(house, outcome)
    who = ("authority", "conversions:review")
    decide(house, cases(house, *who)[0], "revoke", *who)
    assert look(house) == 0
    house.post_outcome(learner, "cqdx", title="另一门课")
    assert look(house) == 1


def test_several_workers_at_once_award_each_level_once(house: House) -> None:
    learners = [reaching(house) for _ in range(6)]
    for _ in range(4):
        barrier = Barrier(3)

        def run(_: int, barrier: Barrier = barrier) -> int:
            barrier.wait()
            return give_unasked(house.bank, AT_ONCE)

        with ThreadPoolExecutor(3) as threads:
            list(threads.map(run, range(3)))
    look(house)
    assert rows(house, "qualification_award") == len(learners)
    assert {states(house, one, "automatic")["one"] for one in learners} == {"in_force"}


def test_who_asks_while_the_worker_awards_has_one_award(house: House) -> None:
    for _ in range(4):
        learner = reaching(house)
        own, barrier = house.learner_auth(learner), Barrier(2)

        def asked(learner: str = learner, own: dict[str, str] = own, barrier: Barrier = barrier) -> int:
            barrier.wait()
            return award(house, learner, "one", own, "automatic")[0]

        def given(barrier: Barrier = barrier) -> int:
            barrier.wait()
            return look(house)

        with ThreadPoolExecutor(2) as threads:
            answers = threads.submit(asked), threads.submit(given)
        assert (answers[0].result(), answers[1].result()) in ((200, 1), (201, 0))
    assert rows(house, "qualification_award") == 4


def test_an_award_that_breaks_off_leaves_the_position_where_it_was(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    reaching(house)

    def broken(*_: object) -> None:
        raise RuntimeError("the worker is stopped here")

    with monkeypatch.context() as patched:
        patched.setattr(automatic_awards.award_looks, "advance", broken)
        with pytest.raises(RuntimeError):
            give_unasked(house.bank, AT_ONCE)
    assert (rows(house, "qualification_award"), rows(house, "qualification_look")) == (0, 0)
    assert look(house) == 1


def test_what_is_being_written_is_waited_for(house: House) -> None:
    """A decision whose id was made early may be committed late: nothing behind it is passed over."""
    if house.bank.database.is_sqlite:
        pytest.skip("SQLite has one writer at a time")
    learner = reaching(house)
    engine = house.bank.database.engine
    with engine.connect() as writing:
        writing.execute(text("SELECT pg_current_xact_id()"))
        reached = give_unasked(house.bank, AT_ONCE)
        writing.rollback()
    assert reached == 1, "what was decided before it began is looked at"
    with engine.connect() as writing:
        writing.execute(text("SELECT pg_current_xact_id()"))
        house.post_outcome(learner, "cqdx", title="之后的课程")
        before = position(house)
        give_unasked(house.bank, AT_ONCE)
        assert position(house) == before
        writing.rollback()
    give_unasked(house.bank, AT_ONCE)
    assert position(house) > before
