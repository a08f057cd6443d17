"""What the database itself refuses, asked by raw SQL: changes of what is written once, and rows that break a CHECK."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import CheckConstraint, Connection, Table, make_url, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError

from creditbank.app import create_app
from creditbank.config import Settings
from creditbank.services.bank import Answer, Bank, Errand, carried_out, looked_up
from creditbank.services.clients import administrator, create_client
from creditbank.services.verification import verify
from creditbank.storage import catalogue
from creditbank.storage.database import Database
from creditbank.storage.migrations import APPEND_ONLY, DELETED_FROM, grant
from tests.builders import BASE_URL, House, new_house, outcome_body, publish_packs

WRITTEN_ONCE = (*APPEND_ONLY, "ruleset")
"""Tables with guards; the drafts among the rule sets may change."""

NEW_KEYS: dict[str, dict[str, Any]] = {
    "account": {"scheme": "other"},
    "conversion": {"id": uuid4()},
    "conversion_case": {"id": uuid4()},
    "conversion_part": {"number": 99},
    "correction_request": {"id": uuid4()},
    "course": {"code": "other"},
    "programme": {"id": uuid4(), "code": "other"},
    "client_secret": {"slot": "b"},
    "decision": {"id": uuid4()},
    "entry": {"seq": 99},
    "erasure_request": {"id": uuid4()},
    "identity_history": {"id": uuid4()},
    "institution": {"id": uuid4(), "code": "other", "social_credit_code": None},
    "learner": {"id": uuid4()},
    "lot": {"id": uuid4()},
    "outcome": {"id": uuid4()},
    "ruleset": {"version": 99, "publication_no": 99},
    "scheme": {"code": "other"},
}
"""What makes a copy of a stored row a row of its own."""

EMPTY = {"recognised_hundredths": 0, "held_hundredths": 0, "converted_hundredths": 0, "available_hundredths": 0}

BROKEN: list[tuple[str, str, dict[str, Any]]] = [
    ("account", "recognised", EMPTY | {"recognised_hundredths": 10**10, "available_hundredths": 10**10}),
    ("account", "held", EMPTY | {"held_hundredths": -1, "available_hundredths": 1}),
    ("account", "converted", EMPTY | {"converted_hundredths": -1, "available_hundredths": 1}),
    ("account", "available", EMPTY | {"held_hundredths": 1, "available_hundredths": -1}),
    ("account", "sums", EMPTY | {"available_hundredths": 1}),
    ("client_secret", "two_live_secrets", {"slot": "c"}),
    ("conversion", "state", {"state": "lost"}),
    ("conversion", "step", {"step": -1}),
    ("conversion", "revision", {"revision": 0}),
    ("conversion_case", "state", {"state": "lost"}),
    ("conversion_case", "verdict", {"state": "decided", "verdict": "shrug"}),
    ("conversion_case", "decided_whole", {"state": "decided"}),
    ("conversion_case", "decided_whole", {"verdict": "undo"}),
    ("conversion_part", "granted", {"granted_hundredths": 0}),
    ("conversion_part", "lapsed", {"lapsed_hundredths": 301}),
    ("conversion_part", "lapsed", {"lapsed_hundredths": -1}),
    ("conversion_part", "spends_a_lot", {"lot_id": None}),
    ("conversion_part", "state", {"state": "lost"}),
    ("correction_request", "about_one", {"field": None}),
    ("correction_request", "about_one", {"outcome_id": uuid4()}),
    ("correction_request", "field", {"field": "shoe_size"}),
    ("correction_request", "verdict", {"verdict": "shrug", "answered_at": "opened_at"}),
    ("correction_request", "answered_whole", {"verdict": "declined"}),
    ("correction_request", "answered_whole", {"answered_at": "opened_at"}),
    ("course", "credit", {"credit_hundredths": 0}),
    ("decision", "kind", {"kind": "whim"}),
    ("decision", "on_conversion", {"conversion_id": uuid4()}),
    ("decision", "on_conversion", {"kind": "case"}),
    ("decision", "on_outcome", {"outcome_id": None}),
    ("entry", "moves_something", {"kind": "reverse", "amount_hundredths": 0}),
    ("entry", "balance_after", {"balance_after_hundredths": -1}),
    ("entry", "kind", {"kind": "gift", "amount_hundredths": -1}),
    ("entry", "sign", {"kind": "recognise", "amount_hundredths": -1}),
    ("entry", "sign", {"kind": "release", "amount_hundredths": -1}),
    ("entry", "sign", {"kind": "reverse", "amount_hundredths": 1}),
    ("erasure_request", "state", {"state": "lost", "decided_at": "requested_at"}),
    ("erasure_request", "decided_whole", {"state": "declined"}),
    ("erasure_request", "decided_whole", {"decided_at": "requested_at"}),
    ("identity_history", "field", {"field": "shoe_size"}),
    ("institution", "level", {"level": "planet"}),
    ("learner", "status", {"status": "lost"}),
    ("lot", "amount", {"amount_hundredths": 0, "used_hundredths": 0}),
    ("lot", "not_overspent", {"amount_hundredths": 300, "used_hundredths": 301}),
    ("lot", "not_overspent", {"amount_hundredths": 300, "used_hundredths": -1}),
    ("outcome", "revision", {"revision": 0}),
    ("outcome", "status", {"status": "lost"}),
    ("outcome", "duplicate_of_something", {"status": "duplicate", "duplicate_of": None}),
    ("programme", "total", {"total_hundredths": 0}),
    ("programme", "revision", {"revision": 0}),
    ("ruleset", "status", {"status": "rumour"}),
    ("ruleset", "published_by_somebody_else", {"published_by": "drafted_by"}),
    ("ruleset", "published_whole", {"publication_no": None}),
    ("ruleset", "published_whole", {"published_by": None}),
    ("ruleset", "published_whole", {"status": "draft"}),
    ("scheme", "hours_per_credit", {"hours_per_credit_hundredths": 0}),
    ("scheme", "minutes_per_hour", {"minutes_per_hour": 0}),
    ("scheme", "minutes_per_hour", {"minutes_per_hour": 241}),
    ("scheme", "step", {"step_hundredths": 0}),
    ("scheme", "step", {"step_hundredths": 10_001}),
    ("scheme", "rounding", {"rounding": "generous"}),
]
"""Table, CHECK, and the values by which a sound row breaks that CHECK and no other."""

SAME_TITLE: dict[str, Any] = {
    "code": "test-same-title",
    "version": 1,
    "kind": "conversion",
    "title": {"zh": "示例", "en": "Example"},
    "authority": "示例",
    "source": {"document": "示例"},
    "valid_from": "2020-01-01",
    "version_date": "applied",
    "scheme": "cn-16h-half",
    "rules": [{"id": "same", "when": {"same_title": True}}],
    "tests": [
        {
            "id": "nothing",
            "given": {
                "applied_on": "2026-01-01",
                "programme": {
                    "institution": "acceptor",
                    "code": "x",
                    "title": "x",
                    "scheme": "cn-16h-half",
                    "total_credits": "76",
                },
                "outcomes": [],
            },
            "expect": {"credits": "0.00"},
        }
    ],
}
"""Rules without review: an application is approved at once."""

ATTEMPTS = (
    "UPDATE {table} SET {column} = {column} WHERE {where}",
    "DELETE FROM {table} WHERE {where}",
    """
    INSERT INTO {table} ({columns}) SELECT {columns} FROM {table} WHERE {where}
    ON CONFLICT ({keys}) DO UPDATE SET {column} = excluded.{column}
    """,
)
ENGINE_ATTEMPTS = {
    "postgresql": ("TRUNCATE {table} CASCADE",),
    "sqlite": (
        "INSERT OR REPLACE INTO {table} SELECT * FROM {table} WHERE {where}",
        "UPDATE OR REPLACE {table} SET {column} = {column} WHERE {where}",
    ),
}
"""Ways to change rows that are there; REPLACE is SQLite's own, TRUNCATE PostgreSQL's."""


@pytest.fixture
def kept(house: House) -> House:
    """Give a bank in which every guarded table holds something."""
    learner = house.open_learner()
    house.post_outcome(learner["id"])
    house.publish_programme("acceptor")
    house.publish_rules(SAME_TITLE)
    outcome = house.post_outcome(learner["id"], title="管理学", completed_on="2026-06-29")
    house.convert(learner["id"], {"institution": "acceptor", "programme": "administration", "courses": ["c1"]})
    revoked = house.http.post(f"/v1/outcomes/{outcome['id']}/revoke", json={"reason": "有误"}, headers=house.auth())
    assert revoked.status_code == 200, revoked.get_data(as_text=True)
    withdrawn = house.http.post(
        "/v1/rulesets/us-clep/versions/1/withdraw",
        json={"reason": "规则有误"},
        headers=house.auth("authority", "rules:publish"),
    )
    assert withdrawn.status_code == 200, withdrawn.get_data(as_text=True)
    _exercise_rights(house, learner)
    return house


def _exercise_rights(house: House, learner: dict[str, Any]) -> None:
    """Leave something in the tables of a learner's rights."""
    own = house.learner_auth(learner["id"])
    for path, body, auth in (
        ("correction-requests", {"about": {"field": "name"}, "says": "x", "wants": "y"}, own),
        ("corrections", {"name": "新名", "reason": "更正"}, house.auth()),
        ("erasure-requests", {"confirm_account_no": learner["account_no"]}, own),
    ):
        answer = house.http.post(f"/v1/learners/{learner['id']}/{path}", json=body, headers=auth)
        assert answer.status_code in (200, 201), answer.get_data(as_text=True)
    house.balance(learner["id"])


def _checks(table: Table) -> set[str]:
    """Return the names of a table's CHECK constraints, without the prefix that the catalogue gives them."""
    found = (constraint for constraint in table.constraints if isinstance(constraint, CheckConstraint))
    return {str(constraint.name).removeprefix(f"ck_{table.name}_") for constraint in found}


def _copy(connection: Connection, name: str, changes: dict[str, Any]) -> None:
    """Insert a copy of a stored row with other values; a value that names a column stands for that column's value."""
    table = catalogue.tables[name]
    query = select(table)
    if name == "ruleset":
        query = query.where(table.c.status == "published")
    if name == "decision":
        query = query.where(table.c.kind == "recognition")
    row: dict[str, Any] = dict(connection.execute(query.limit(1)).mappings().one())
    row |= NEW_KEYS[name] | {column: row.get(value, value) for column, value in changes.items()}
    connection.execute(table.insert().values(row))


def test_every_check_of_the_catalogue_has_a_row_that_breaks_it() -> None:
    there = {(table.name, check) for table in catalogue.tables.values() for check in _checks(table)}
    assert there == {(table, check) for table, check, _ in BROKEN}


def test_every_check_refuses_the_row_that_breaks_it_and_takes_a_sound_one(kept: House) -> None:
    engine = kept.bank.database.engine
    for name, check, changes in BROKEN:
        with engine.connect() as connection, connection.begin() as transaction:
            _copy(connection, name, {})
            transaction.rollback()
        with pytest.raises(IntegrityError) as refused, engine.connect() as connection, connection.begin():
            _copy(connection, name, changes)
        assert f"ck_{name}_{check}" in str(refused.value.orig), (name, check)


def _attempts(connection: Connection, name: str) -> list[str]:
    """Return statements of every kind that would change or take away rows of a table."""
    table = catalogue.tables[name]
    words = {
        "table": name,
        "column": next(column.name for column in table.columns if not column.primary_key),
        "columns": ", ".join(column.name for column in table.columns),
        "keys": ", ".join(column.name for column in table.primary_key),
        "where": "status = 'published'" if name == "ruleset" else "true",
    }
    return [attempt.format(**words) for attempt in (*ATTEMPTS, *ENGINE_ATTEMPTS[connection.dialect.name])]


@pytest.mark.parametrize("name", WRITTEN_ONCE)
def test_what_is_written_once_is_neither_changed_nor_taken_away(kept: House, name: str) -> None:
    engine = kept.bank.database.engine
    with engine.connect() as connection:
        before = connection.execute(select(catalogue.tables[name])).all()
        attempts = _attempts(connection, name)
    assert before
    for attempt in attempts:
        with pytest.raises(IntegrityError), engine.connect() as connection, connection.begin():
            connection.execute(text(attempt))
    with engine.connect() as connection:
        assert connection.execute(select(catalogue.tables[name])).all() == before


def test_a_draft_may_still_change_and_go(kept: House) -> None:
    engine = kept.bank.database.engine
    with engine.connect() as connection, connection.begin():
        _copy(
            connection,
            "ruleset",
            {"status": "draft", "published_by": None, "published_at": None, "publication_no": None},
        )
    with engine.connect() as connection, connection.begin():
        drafts = "ruleset WHERE status = 'draft'"
        assert connection.execute(text("UPDATE ruleset SET digest = 'x' WHERE status = 'draft'")).rowcount == 1
        assert connection.execute(text(f"DELETE FROM {drafts}")).rowcount == 1  # noqa: S608 - our own text


@pytest.fixture
def narrow(postgresql_url: str, tmp_path: Path) -> Iterator[tuple[House, Bank]]:
    """Give a bank on PostgreSQL whose application has a role of its own, and the bank of the schema's owner."""
    owner = new_house(postgresql_url, tmp_path, packs=False)
    role = f"app_{uuid4().hex}"
    with owner.bank.database.transaction() as connection:
        connection.execute(text(f"CREATE ROLE {role} LOGIN PASSWORD '{role}'"))
    grant(owner.bank.database, role)
    url = make_url(postgresql_url).set(username=role, password=role).render_as_string(hide_password=False)
    bank = replace(owner.bank, database=Database(url))
    settings = Settings(database_url=url, keyring=tmp_path / "keyring.json", base_url=BASE_URL)
    yield House(bank, create_app(settings, bank), owner.clock), owner.bank
    bank.database.close()
    with owner.bank.database.transaction() as connection:
        connection.execute(text(f"DROP OWNED BY {role}"))
        connection.execute(text(f"DROP ROLE {role}"))
    owner.bank.database.close()


def test_the_applications_role_can_do_all_that_the_bank_does(narrow: tuple[House, Bank]) -> None:
    house, _ = narrow
    publish_packs(house.bank)
    learner = house.open_learner()
    auth = house.auth() | {"Idempotency-Key": "once"}
    body = outcome_body(learner["id"], 1)
    recorded = house.http.post("/v1/outcomes", json=body, headers=auth)
    again = house.http.post("/v1/outcomes", json=body, headers=auth)
    assert (recorded.status_code, again.get_json()) == (201, recorded.get_json())
    outcome = f"/v1/outcomes/{recorded.get_json()['id']}"
    corrected = house.http.put(outcome, json=body | {"hours": "32"}, headers=house.auth() | {"If-Match": '"1"'})
    assert corrected.status_code == 200, corrected.get_data(as_text=True)
    batch = [outcome_body(learner["id"], number) for number in range(2, 5)]
    assert house.http.post("/v1/outcomes/batch", json=batch, headers=house.auth()).status_code == 200
    assert house.http.post(f"{outcome}/revoke", json={"reason": "录入有误"}, headers=house.auth()).status_code == 200
    for path in ("balance", "statement", "outcomes"):
        assert house.http.get(f"/v1/learners/{learner['id']}/{path}", headers=house.auth()).status_code == 200
    assert house.http.get("/readyz").status_code == 200
    assert looked_up(house.bank, administrator(), verify).faults == ()


def test_the_applications_role_can_register_clients(narrow: tuple[House, Bank]) -> None:
    house, _ = narrow
    house.client("cqou", "balance:read")

    def action(work: Any) -> Answer:
        create_client(work, "another", "cqou", ("balance:read",), None)
        return Answer({}, is_new=True, subject="cqou")

    assert carried_out(house.bank, Errand(administrator(), "test.client"), action).is_new


@pytest.mark.parametrize("name", APPEND_ONLY)
@pytest.mark.parametrize("attempt", ["UPDATE {0} SET {1} = {1}", "DELETE FROM {0}", "TRUNCATE {0} CASCADE"])
def test_the_applications_role_lacks_the_right_to_change_what_is_written_once(
    narrow: tuple[House, Bank], name: str, attempt: str
) -> None:
    house, _ = narrow
    column = next(iter(catalogue.tables[name].columns)).name
    with pytest.raises(ProgrammingError) as refused, house.bank.database.engine.connect() as connection:
        connection.execute(text(attempt.format(name, column)))
    assert getattr(refused.value.orig, "sqlstate", None) == "42501"


def test_the_applications_role_has_exactly_the_rights_that_are_meant(narrow: tuple[House, Bank]) -> None:
    house, _ = narrow
    question = text("SELECT has_table_privilege(current_user, :name, :right)")
    with house.bank.database.engine.connect() as connection:
        for name in catalogue.tables:
            held = {
                right
                for right in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
                if connection.execute(question, {"name": name, "right": right}).scalar_one()
            }
            changes = {"UPDATE"} - ({"UPDATE"} if name in APPEND_ONLY else set())
            ends = {"DELETE"} if name in DELETED_FROM else set()
            assert held == {"SELECT", "INSERT"} | changes | ends, name


def test_the_applications_role_cannot_take_the_guards_away(narrow: tuple[House, Bank]) -> None:
    house, _ = narrow
    for attempt in (
        "DROP TRIGGER entry_no_update ON entry",
        "ALTER TABLE entry DISABLE TRIGGER ALL",
        "SET session_replication_role = replica",
        "DROP FUNCTION refuse_change() CASCADE",
        "DROP TABLE entry CASCADE",
    ):
        with pytest.raises(DBAPIError) as refused, house.bank.database.engine.connect() as connection:
            connection.execute(text(attempt))
        assert getattr(refused.value.orig, "sqlstate", None) == "42501", attempt
