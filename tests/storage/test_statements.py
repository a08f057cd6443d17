"""How many statements a request takes: a few, and as many for ten thousand rows as for ten."""

from typing import Any

import pytest
from sqlalchemy import Engine

from tests.builders import House, learner_body, outcome_body
from tests.statements import Count, counted

WRITING_MAX = {"postgresql": 6, "sqlite": 17}
"""Statements of a posting: five read keys, people, rules, claims and accounts; the rows of twelve tables go in one on
PostgreSQL, and in one each after the BEGIN on SQLite."""

COPYING_MAX = {"postgresql": 17, "sqlite": 17}
"""The same where the rows are many and copied, each table's by itself."""

OPENING_MAX = {"postgresql": 18, "sqlite": 25}
"""Statements of a posting for people who are new: a look whether somebody else claims their identifiers, and the rows
of their accounts and balances come on top."""

COPIES_MAX = 8
"""Statements more where the rows are many: each table's are copied by themselves."""

CONFLICTS_MAX = 4
"""Statements more where numbers come under two names: marking the accounts, looking whether they
are rivals still, and opening their cases; one to spare."""

BALANCE_MAX = {"postgresql": 1, "sqlite": 2}
"""May the actor see the learner, the balances with the lots that end some day, and the line in the diary: one."""

STATEMENT_MAX = {"postgresql": 4, "sqlite": 4}
"""Whose account it is, may the actor see it, one page of lines; and the line in the diary."""


@pytest.fixture
def engine(house: House) -> Engine:
    """Give the engine of the house, warmed up: rules and memberships are known."""
    house.post_outcome(house.open_learner()["id"])
    return house.bank.database.engine


def _batch(house: House, rows: list[dict[str, Any]], engine: Engine) -> Count:
    headers = house.auth()
    with counted(engine) as count:
        answer = house.http.post("/v1/outcomes/batch", json=rows, headers=headers)
    assert answer.get_json()["summary"] == {"accepted": len(rows), "replayed": 0, "rejected": 0}
    return count


def _rows(house: House, learners: list[str], rows: int) -> list[dict[str, Any]]:
    return [outcome_body(learners[number % len(learners)], next(house.numbers)) for number in range(rows)]


def test_a_batch_of_any_size_takes_the_statements_of_a_batch_of_one(house: House, engine: Engine) -> None:
    learners = [house.open_learner()["id"] for _ in range(5)]
    _batch(house, _rows(house, learners, 5), engine)  # the accounts are opened now
    counts = {rows: len(_batch(house, _rows(house, learners, rows), engine)) for rows in (2, 100, 300, 1000)}
    assert counts[2] == counts[100] <= WRITING_MAX[engine.dialect.name]
    assert counts[300] == counts[1000] <= COPYING_MAX[engine.dialect.name]
    with counted(engine) as single:
        house.post_outcome(learners[0])
    assert len(single) <= counts[2]


def test_a_batch_that_opens_accounts_takes_no_more_however_many_they_are(house: House, engine: Engine) -> None:
    def people(rows: int) -> list[dict[str, Any]]:
        numbers = [next(house.numbers) for _ in range(rows)]
        bodies = [learner_body(number) for number in numbers]
        return [
            outcome_body("", number, learner={"name": body["name"], "identifier": body["identifiers"][0]})
            for number, body in zip(numbers, bodies, strict=True)
        ]

    counts = {rows: len(_batch(house, people(rows), engine)) for rows in (2, 40, 300, 1000)}
    assert counts[2] == counts[40] <= OPENING_MAX[engine.dialect.name]
    assert counts[300] == counts[1000] <= OPENING_MAX[engine.dialect.name] + COPIES_MAX


def test_a_batch_of_conflicts_takes_no_more_however_many_they_are(house: House, engine: Engine) -> None:
    def rivals(rows: int) -> list[dict[str, Any]]:
        numbers = [next(house.numbers) for _ in range(rows)]
        named = [
            {"name": name, "identifier": learner_body(number)["identifiers"][0]}
            for number in numbers
            for name in ("甲", "乙")
        ]
        return [outcome_body("", next(house.numbers), learner=learner) for learner in named]

    counts = {rows: len(_batch(house, rivals(rows), engine)) for rows in (1, 10, 40, 200)}
    assert counts[1] == counts[10] == counts[40], counts
    assert counts[200] <= OPENING_MAX[engine.dialect.name] + CONFLICTS_MAX + COPIES_MAX


def test_a_batch_that_was_handed_in_before_takes_no_more_than_the_first_time(house: House, engine: Engine) -> None:
    rows = _rows(house, [house.open_learner()["id"]], 1000)
    first = _batch(house, rows, engine)
    headers = house.auth()
    with counted(engine) as again:
        answer = house.http.post("/v1/outcomes/batch", json=rows, headers=headers)
    assert answer.get_json()["summary"]["replayed"] == 1000
    assert len(again) < len(first)


def test_postgresql_is_never_sent_one_statement_a_row(house: House, engine: Engine) -> None:
    count = _batch(house, _rows(house, [house.open_learner()["id"]], 100), engine)
    sent_a_row = [statement for statement, executemany in count.statements if executemany]
    if engine.dialect.name == "postgresql":
        assert sent_a_row == []
    else:
        assert sent_a_row  # SQLite has no round trip: its driver runs a prepared statement for each row


@pytest.mark.parametrize(("path", "statements_max"), [("balance", BALANCE_MAX), ("statement", STATEMENT_MAX)])
def test_reading_takes_as_many_statements_however_much_there_is(
    house: House, engine: Engine, path: str, statements_max: dict[str, int]
) -> None:
    learner = house.open_learner()["id"]
    headers = house.auth()
    counts = []
    for rows in (1, 60):
        _batch(house, _rows(house, [learner], rows), engine)
        with counted(engine) as count:
            answer = house.http.get(f"/v1/learners/{learner}/{path}", headers=headers)
        assert answer.status_code == 200
        counts.append(len(count))
    assert counts[0] == counts[1]
    assert counts[0] <= statements_max[engine.dialect.name]
