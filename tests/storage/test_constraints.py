"""What the database itself refuses, asked by raw SQL: changes of what is written once, and rows that break a CHECK."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import CheckConstraint, Connection, Table, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError

from creditbank.app import create_app
from creditbank.config import Settings
from creditbank.core.identity import Subject
from creditbank.core.resolution import CaseKind, Verdict
from creditbank.gateways.keyring import Kind
from creditbank.packs import shipped_regions
from creditbank.services import merging
from creditbank.services.bank import Answer, Bank, Errand, Work, carried_out, looked_up
from creditbank.services.clients import administrator, create_client
from creditbank.services.numbering import number
from creditbank.services.renewal import renew, rotate_people
from creditbank.services.rotation import retire, rotate
from creditbank.services.sealing import Log, seal
from creditbank.services.verification import verify
from creditbank.storage import audit, catalogue, identity_cases, login_proofs, logins, proxies
from creditbank.storage.database import Database
from creditbank.storage.migrations import APPEND_ONLY, DELETED_FROM, grant
from creditbank.storage.seal_log import log_node
from tests.api.seeding import a_credential, qualification_rules
from tests.builders import (
    BASE_URL,
    NOW,
    SAME_TITLE,
    House,
    learner_body,
    new_house,
    outcome_body,
    publish_packs,
    resident_id,
)
from tests.moulds import Making, PostgresqlMoulds
from tests.storage.sealing import begin_import, link_learner

WRITTEN_ONCE = (*APPEND_ONLY, "ruleset")
"""Tables with guards; the drafts among the rule sets may change."""

NEW_KEYS: dict[str, dict[str, Any]] = {
    "account": {"scheme": "other"},
    "conversion": {"id": uuid4()},
    "conversion_case": {"id": uuid4()},
    "conversion_part": {"number": 99},
    "consent": {"id": uuid4()},
    "credential": {"id": uuid4()},
    "credential_key": {"kid": "other"},
    "credential_share": {"id": uuid4()},
    "status_entry": {"pair": 99},
    "consent_text": {"version": 99},
    "consent_withdrawal": {},
    "guardianship": {"id": uuid4()},
    "lookup_use": {"client_id": "other"},
    "correction_request": {"id": uuid4()},
    "course": {"code": "other"},
    "programme": {"id": uuid4(), "code": "other"},
    "client_secret": {"slot": "b"},
    "decision": {"id": uuid4()},
    "delegation": {"id": uuid4()},
    "entry": {"seq": 99},
    "identity_case": {"id": uuid4(), "open_key": "another"},
    "import_answer": {"first_row": 99, "last_row": 99},
    "import_file": {"id": uuid4()},
    "import_lane": {"number": 99},
    "import_piece": {"number": 99},
    "identity_event": {"number": 99},
    "erasure_request": {"id": uuid4()},
    "identity_history": {"id": uuid4()},
    "institution": {"id": uuid4(), "code": "other", "social_credit_code": None},
    "institution_end": {"number": 99},
    "institution_region": {"number": 99},
    "learner": {"id": uuid4()},
    "learner_link": {"id": uuid4()},
    "login_index": {"subject_index": b"other"},
    "login_ticket": {"ticket_hash": b"other"},
    "event": {"number": 99, "id": uuid4()},
    "event_reader": {"number": 99},
    "webhook": {"id": uuid4()},
    "webhook_delivery": {"id": uuid4()},
    "log_leaf": {"position": 99, "seq": 99},
    "log_node": {"number": 99},
    "checkpoint": {"size": 99},
    "lot": {"id": uuid4()},
    "outcome": {"id": uuid4()},
    "qualification_award": {"id": uuid4(), "level": "other"},
    "qualification_case": {"id": uuid4()},
    "qualification_decision": {"id": uuid4()},
    "qualification_event": {"number": 99},
    "proxy_tries": {"day": date(2026, 1, 1)},
    "region": {"id": "other", "code": None},
    "region_successor": {"successor_id": "500103"},
    "ruleset": {"version": 99, "publication_no": 99},
    "scheme": {"code": "other"},
    "staff_role": {"number": 99},
}
"""What makes a copy of a stored row a row of its own."""

EMPTY = {"recognised_hundredths": 0, "held_hundredths": 0, "converted_hundredths": 0, "available_hundredths": 0}

BROKEN: list[tuple[str, str, dict[str, Any]]] = [
    ("account", "recognised", EMPTY | {"recognised_hundredths": 10**10, "available_hundredths": 10**10}),
    ("account", "held", EMPTY | {"held_hundredths": -1, "available_hundredths": 1}),
    ("account", "converted", EMPTY | {"converted_hundredths": -1, "available_hundredths": 1}),
    ("account", "available", EMPTY | {"held_hundredths": 1, "available_hundredths": -1}),
    ("account", "sums", EMPTY | {"available_hundredths": 1}),
    ("checkpoint", "root", {"root": bytes(31)}),
    ("checkpoint", "size", {"size": -1}),
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
    ("consent", "given_as", {"given_as": "neighbour"}),
    ("consent", "sensitive_apart", {"scopes": "balance:read identity:read", "is_sensitive": True}),
    ("consent", "sensitive_apart", {"scopes": "identity:read", "is_sensitive": False}),
    ("consent_text", "sensitive_apart", {"scopes": "identity:read", "is_sensitive": False}),
    ("consent_text", "version", {"version": 0}),
    ("consent_withdrawal", "withdrawn_as", {"withdrawn_as": "neighbour"}),
    ("credential", "kind", {"kind": "whim"}),
    ("credential", "standing", {"standing": "expired"}),
    ("credential", "about_something", {"source_id": None}),
    ("credential", "about_something", {"kind": "balance"}),
    ("credential", "status_place", {"status_pair": 0}),
    ("credential", "status_place", {"status_index": -1}),
    ("credential", "status_place", {"status_index": 131_072}),
    ("credential_key", "withdrawn_at_an_instant", {"is_withdrawn": True}),
    ("credential_share", "code_hash", {"code_hash": bytes(31)}),
    ("status_entry", "pair", {"pair": 0}),
    ("status_entry", "position", {"position": -1}),
    ("status_entry", "position", {"position": 131_072}),
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
    ("delegation", "to_another", {"to_institution": "from_institution"}),
    ("delegation", "valid", {"valid_until": date(2020, 1, 1)}),
    ("delegation", "withdrawn_whole", {"withdrawn_by": "somebody"}),
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
    ("event", "number", {"number": 0}),
    ("event_reader", "basis", {"basis": "curiosity"}),
    ("webhook", "state", {"state": "asleep"}),
    ("webhook", "says_why", {"disabled_for": "asked"}),
    ("webhook", "says_why", {"state": "disabled"}),
    ("webhook", "secret_before", {"sealed_secret_before": b"x"}),
    ("webhook", "secret_before", {"before_until": NOW}),
    ("webhook", "replay", {"replay_after": 1}),
    ("webhook", "replay", {"replay_until": 1}),
    ("webhook", "failures", {"failures": -1}),
    ("webhook_delivery", "state", {"state": "lost", "ended_at": NOW}),
    ("webhook_delivery", "ended", {"ended_at": NOW}),
    ("webhook_delivery", "ended", {"state": "dead"}),
    ("webhook_delivery", "attempts", {"attempts": -1}),
    ("webhook_delivery", "number", {"number": -1}),
    ("guardianship", "ended_whole", {"ended_by": "cqdx-1"}),
    ("guardianship", "of_two", {"guardian_id": "learner_id"}),
    ("guardianship", "relation", {"relation": "neighbour"}),
    ("identity_case", "decided_whole", {"state": "decided", "open_key": None}),
    ("identity_case", "decided_whole", {"verdict": "same"}),
    ("identity_case", "kind", {"kind": "whim"}),
    ("identity_case", "link", {"kind": "unmerge"}),
    ("identity_case", "open_key", {"open_key": None}),
    ("identity_case", "open_key", {"state": "decided", "verdict": "same"}),
    ("identity_case", "link", {"link_id": uuid4()}),
    ("identity_case", "of_two", {"other_id": "learner_id"}),
    ("identity_case", "state", {"state": "lost", "open_key": None}),
    ("identity_case", "verdict", {"state": "decided", "verdict": "maybe", "open_key": None}),
    ("identity_event", "verdict", {"verdict": "maybe"}),
    ("import_answer", "rows", {"first_row": 0}),
    ("import_answer", "rows", {"last_row": 98}),
    ("import_file", "counts", {"accepted": -1}),
    ("import_file", "ended_whole", {"state": "done"}),
    ("import_file", "ended_whole", {"ended_at": "created_at"}),
    ("import_file", "format", {"format": "xls"}),
    ("import_file", "lanes", {"lanes": 0}),
    ("import_file", "mode", {"mode": "some"}),
    ("import_file", "rows_done", {"rows_done": -1}),
    ("import_file", "rows_done", {"rows_total": 0, "rows_done": 1}),
    ("import_file", "state", {"state": "lost"}),
    ("import_lane", "leased_whole", {"leased_by": "worker"}),
    ("import_lane", "number", {"number": -1}),
    ("import_lane", "place", {"line": 0}),
    ("import_piece", "bytes_count", {"bytes_count": 0}),
    ("import_piece", "number", {"number": -1}),
    ("institution", "level", {"level": "planet"}),
    ("institution_end", "another", {"successor_id": "institution_id"}),
    ("institution_end", "number", {"number": 0}),
    ("institution_end", "succeeded_when_ended", {"ended_on": None}),
    ("institution_region", "number", {"number": 0}),
    ("learner", "status", {"status": "lost"}),
    ("lookup_use", "used", {"used": -1}),
    ("learner_link", "of_two", {"into_id": "learner_id"}),
    ("login_index", "holder", {"holder": "partners"}),
    ("login_ticket", "holder", {"holder": "partners"}),
    ("login_ticket", "wrong_tries", {"wrong_tries": 10}),
    ("login_ticket", "wrong_tries", {"wrong_tries": -1}),
    ("log_leaf", "hash", {"hash": bytes(33)}),
    ("log_leaf", "position", {"position": -1}),
    ("log_node", "hash", {"hash": b""}),
    ("log_node", "level", {"level": 0}),
    ("log_node", "level", {"level": 12}),
    ("log_node", "number", {"number": -1}),
    ("lot", "amount", {"amount_hundredths": 0, "used_hundredths": 0}),
    ("lot", "not_overspent", {"amount_hundredths": 300, "used_hundredths": 301}),
    ("lot", "not_overspent", {"amount_hundredths": 300, "used_hundredths": -1}),
    ("outcome", "revision", {"revision": 0}),
    ("outcome", "status", {"status": "lost"}),
    ("outcome", "duplicate_of_something", {"status": "duplicate", "duplicate_of": None}),
    ("programme", "total", {"total_hundredths": 0}),
    ("programme", "revision", {"revision": 0}),
    ("qualification_award", "revision", {"revision": 0}),
    ("qualification_award", "state", {"state": "lost"}),
    ("qualification_award", "valid", {"valid_until": date(2020, 1, 1)}),
    ("qualification_case", "decided_whole", {"state": "decided"}),
    ("qualification_case", "decided_whole", {"verdict": "uphold"}),
    ("qualification_case", "state", {"state": "lost"}),
    ("qualification_case", "verdict", {"state": "decided", "verdict": "shrug"}),
    ("qualification_decision", "kind", {"kind": "whim", "outcome_id": uuid4()}),
    ("qualification_decision", "on_outcome", {"outcome_id": uuid4()}),
    ("qualification_decision", "on_outcome", {"kind": "award_case"}),
    ("qualification_event", "kind", {"kind": "whim"}),
    ("region", "in_a_city", {"parent_id": None}),
    ("region", "level", {"level": "planet"}),
    ("region", "under_another", {"parent_id": "other"}),
    ("region", "valid", {"valid_from": date(2026, 1, 2), "valid_until": date(2026, 1, 1)}),
    ("region_successor", "another", {"successor_id": "region_id"}),
    ("proxy_tries", "failed", {"failed": -1}),
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
    ("staff_role", "role", {"role": "king"}),
]
"""Table, CHECK, and the values by which a sound row breaks that CHECK and no other."""

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


TODAY = "test.today"
"""The action of a line in the audit log that was really written just now."""

WHERE = {"ruleset": "status = 'published'", "audit": f"action = '{TODAY}'"}
"""Which rows of a table are written once and stay, where not all are."""


@pytest.fixture
def kept(copied: Callable[[Making], House]) -> House:
    """Give a bank in which every guarded table holds something."""
    return copied(kept_house)


def kept_house(url: str, folder: Path) -> House:
    house = new_house(url, folder)
    hook = {"url": "https://hooks.example/"}
    assert house.http.post("/v1/webhooks", json=hook, headers=house.auth("cqdx", "webhooks:write")).status_code == 201
    learner = house.open_learner()
    house.post_outcome(learner["id"])
    number(house.bank)
    house.publish_programme("acceptor")
    house.publish_rules(SAME_TITLE)
    outcome = house.post_outcome(learner["id"], title="管理学", completed_on="2026-06-29")
    house.convert(learner["id"], {"institution": "acceptor", "programme": "administration", "courses": ["c1"]})
    house.publish_rules(qualification_rules("acceptor"))
    url, own = "/v1/qualifications/made-up-qualification/awards", house.learner_auth(learner["id"])
    assert house.http.post(url, json={"level": "one"}, headers=own).status_code == 201
    revoked = house.http.post(f"/v1/outcomes/{outcome['id']}/revoke", json={"reason": "有误"}, headers=house.auth())
    assert revoked.status_code == 200, revoked.get_data(as_text=True)
    withdrawn = house.http.post(
        "/v1/rulesets/us-clep/versions/1/withdraw",
        json={"reason": "规则有误"},
        headers=house.auth("authority", "rules:publish"),
    )
    assert withdrawn.status_code == 200, withdrawn.get_data(as_text=True)
    a_credential(house, learner["id"])
    begin_import(house, 8001)
    consented(house, learner["id"])
    _exercise_rights(house, learner)
    with_logins(house, UUID(learner["id"]))
    _merge(house, learner["id"], house.open_learner()["id"])
    _keep_regions(house)
    _seal(house)
    return house


def _seal(house: House) -> None:
    """Seal what was posted; a node of the log stands over more entries than there are here."""
    seal(Log(house.bank, "bank.example/log"))
    with house.bank.database.transaction() as connection:
        connection.execute(log_node.insert().values(level=8, number=0, hash=bytes(32)))


def _merge(house: House, one: str, into: str) -> None:
    """Merge two accounts under a case on which somebody spoke."""

    def action(work: Work) -> Answer:
        case = identity_cases.IdentityCase(
            id=work.new_id(),
            kind=CaseKind.MERGE,
            learner_id=UUID(one),
            other_id=UUID(into),
            link_id=None,
            score_hundredths=None,
            sealed_reason=None,
            sealed_evidence=None,
            opened_by="registrar",
            opened_at=work.now,
        )
        identity_cases.add(work.connection, [case])
        identity_cases.say(work.connection, identity_cases.Said(case.id, 1, Verdict.SAME, "a", None, work.now))
        merging.join(work, UUID(one), UUID(into), case.id)
        return Answer({}, is_new=True, subject=str(case.id))

    carried_out(house.bank, Errand(administrator(), "test.merge"), action)


def _keep_regions(house: House) -> None:
    """Load regions, move and end an institution, and delegate its reviews."""
    admin = house.auth("authority", "admin")
    parent = {"code": "upper", "name": "上级", "level": "city", "roles": ["acceptor"]}
    child = {"code": "lower", "name": "下级", "level": "district", "roles": ["branch"], "parent": "upper"}
    upper, lower = (
        house.http.post("/v1/institutions", json=body, headers=admin).get_json()["id"] for body in (parent, child)
    )
    asked = {
        "/v1/regions": shipped_regions(),
        f"/v1/institutions/{lower}/region": {"region": "500103", "from_day": "2026-07-01"},
        f"/v1/institutions/{upper}/end": {"ended_on": "2026-12-31", "successor": "lower", "reason": "合并"},
        f"/v1/institutions/{upper}/delegations": {"to": "lower", "valid_until": "2026-12-31", "reason": "代审"},
    }
    for path, body in asked.items():
        answer = house.http.post(path, json=body, headers=admin)
        assert answer.status_code == 201, answer.get_data(as_text=True)


def with_logins(house: House, learner_id: UUID) -> None:
    """Put a staff member, a login, a ticket and a day's failures into the bank, and a line of today into the log.

    The lines that tests write bear the day of their clock, which the database one day finds old enough to go.
    """
    member = house.staff("cqdx", "registrar")
    keyring, now, who = house.bank.keyring, house.clock.now, Subject("city", "https://city.test", "wang")
    with house.bank.database.transaction() as connection:
        link = logins.Link(uuid4(), learner_id, who, "test", now)
        link_learner(connection, keyring, link)
        ticket = login_proofs.Ticket(b"ticket", "learners", who, 0, now + timedelta(minutes=1))
        login_proofs.add_ticket(connection, keyring, ticket, now)
        proxies.locked_failures(connection, UUID(member["id"]), now.date())
        audit.add(connection, audit.AuditLine(uuid4(), datetime.now(UTC), "test", TODAY, "", ""))


def consented(house: House, learner_id: str) -> None:
    """Let consents, a withdrawal, a lookup and a guardian be on record; one consent is there for its copy to end."""
    house.publish_texts()
    first, _ = (house.consent(learner_id, "partner") for _ in range(2))
    url = f"/v1/learners/me/consents/{first['id']}"
    assert house.http.delete(url, headers=house.learner_auth(learner_id)).status_code == 200
    body = learner_body(1)
    asked = {"identifier": body["identifiers"][0], "name": body["name"]}
    headers = house.auth("partner", "learners:lookup")
    assert house.http.post("/v1/learners/lookup", json=asked, headers=headers).status_code == 200
    child = house.open_learner(birth_date="2020-01-01", identifiers=[{"type": "student_no", "value": "k1"}])["id"]
    naming = {"guardian": {"id": learner_id}, "relation": "parent", "evidence": "户口簿"}
    named = house.http.post(f"/v1/learners/{child}/guardians", json=naming, headers=house.auth())
    assert named.status_code == 201, named.get_data(as_text=True)


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
    if name == "qualification_event":
        query = query.where(table.c.kind == "awarded")
    if name == "region":
        query = query.where(table.c.level == "district")
    row: dict[str, Any] = dict(connection.execute(query.limit(1)).mappings().one())
    new_keys = dict(NEW_KEYS[name])
    if name == "consent_withdrawal":
        ended = select(catalogue.tables[name].c.consent_id)
        consent = catalogue.tables["consent"]
        new_keys["consent_id"] = connection.execute(select(consent.c.id).where(consent.c.id.not_in(ended))).scalar_one()
    row |= new_keys | {column: row.get(value, value) for column, value in changes.items()}
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
        "where": WHERE.get(name, "true"),
    }
    return [attempt.format(**words) for attempt in (*ATTEMPTS, *ENGINE_ATTEMPTS[connection.dialect.name])]


def test_what_is_written_once_is_neither_changed_nor_taken_away(kept: House) -> None:
    engine = kept.bank.database.engine
    for name in WRITTEN_ONCE:
        with engine.connect() as connection:
            before = connection.execute(select(catalogue.tables[name])).all()
            attempts = _attempts(connection, name)
        assert before, name
        for attempt in attempts:
            with pytest.raises(IntegrityError), engine.connect() as connection, connection.begin():
                connection.execute(text(attempt))
        with engine.connect() as connection:
            assert connection.execute(select(catalogue.tables[name])).all() == before, name


@pytest.mark.parametrize(("hours", "goes"), [(179 * 24, False), (180 * 24 - 1, False), (180 * 24 + 1, True)])
def test_a_line_of_the_audit_log_may_go_after_180_days_and_never_changes(
    kept: House, hours: int, *, goes: bool
) -> None:
    engine = kept.bank.database.engine
    written = datetime.now(UTC) - timedelta(hours=hours)
    with kept.bank.database.transaction() as connection:
        audit.add(connection, audit.AuditLine(uuid4(), written, "test", "test.old", "", ""))
    old = "action = 'test.old'"
    with pytest.raises(IntegrityError), engine.connect() as connection, connection.begin():
        connection.execute(text(f"UPDATE audit SET subject = 'x' WHERE {old}"))  # noqa: S608 - our own text
    deletion = text(f"DELETE FROM audit WHERE {old}")  # noqa: S608 - our own text
    if goes:
        with engine.connect() as connection, connection.begin():
            assert connection.execute(deletion).rowcount == 1
    else:
        with pytest.raises(IntegrityError), engine.connect() as connection, connection.begin():
            connection.execute(deletion)


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
def narrow(postgresql_moulds: PostgresqlMoulds, tmp_path: Path) -> Iterator[tuple[House, Bank]]:
    """Give a bank on PostgreSQL whose application has a role of its own, and the bank of the schema's owner."""
    with postgresql_moulds.lent(ruleless_house, tmp_path, alone=True) as owner:
        yield from with_role(owner, tmp_path)


def ruleless_house(url: str, folder: Path) -> House:
    return new_house(url, folder, packs=False)


def with_role(owner: House, folder: Path) -> Iterator[tuple[House, Bank]]:
    """Give the application a role of its own on the bank of the schema's owner."""
    role = f"app_{uuid4().hex}"
    with owner.bank.database.transaction() as connection:
        connection.execute(text(f"CREATE ROLE {role} LOGIN PASSWORD '{role}'"))
    grant(owner.bank.database, role)
    url = owner.bank.database.url.set(username=role, password=role).render_as_string(hide_password=False)
    bank = replace(owner.bank, database=Database(url))
    settings = Settings(database_url=url, keyring=folder / "keyring.json", base_url=BASE_URL)
    yield House(bank, create_app(settings, bank), owner.clock), owner.bank
    bank.database.close()
    with owner.bank.database.transaction() as connection:
        connection.execute(text(f"DROP OWNED BY {role}"))
        connection.execute(text(f"DROP ROLE {role}"))


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
    assert seal(Log(house.bank, "bank.example/log")) == 7
    assert looked_up(house.bank, administrator(), verify).faults == ()


def test_the_applications_role_can_register_clients(narrow: tuple[House, Bank]) -> None:
    house, _ = narrow
    house.client("cqou", "balance:read")

    def action(work: Any) -> Answer:
        create_client(work, "another", "cqou", ("balance:read",), None)
        return Answer({}, is_new=True, subject="cqou")

    assert carried_out(house.bank, Errand(administrator(), "test.client"), action).is_new


def test_the_applications_role_can_change_every_key(narrow: tuple[House, Bank]) -> None:
    house, _ = narrow
    learner = house.open_learner()
    house.post_outcome(learner["id"], certificate_no="ZS-1")
    for kind in Kind:
        rotate(house.bank, administrator(), kind)
    assert rotate_people(house.bank, administrator()) == 1
    renew(house.bank, administrator())
    assert all(retire(house.bank, administrator(), kind, at_once=True) for kind in Kind)
    house.tokens.clear()
    assert house.http.get(f"/v1/learners/{learner['id']}", headers=house.auth()).get_json() == learner


def test_the_applications_role_can_let_people_in(narrow: tuple[House, Bank]) -> None:
    house, owner = narrow
    now, keyring = house.clock.now, house.bank.keyring
    learner = house.open_learner()
    who = Subject("city", "https://city.test", "wang")
    ticket = login_proofs.Ticket(hashlib.sha256(b"ticket").digest(), "learners", who, 0, now + timedelta(minutes=1))
    with house.bank.database.transaction() as connection:
        attempt = login_proofs.Attempt(b"state", b"browser", "city", b"sealed", ticket.expires_at)
        login_proofs.add_attempt(connection, attempt, now)
        assert login_proofs.take_attempt(connection, b"state", b"browser", now) is not None
        login_proofs.add_ticket(connection, keyring, ticket, now)
    code = house.http.post(f"/v1/learners/{learner['id']}/link-codes", headers=house.auth()).get_json()["code"]
    for sent, status in (("0000-0000-0000", 404), (code, 200)):
        answer = house.http.post("/v1/logins/link", json={"ticket": "ticket", "link_code": sent})
        assert answer.status_code == status, answer.get_data(as_text=True)
    member = house.staff("cqdx", "proxy_operator")
    body = {"identifier": {"type": "cn.resident_id", "value": resident_id(999)}, "name": "别人"}
    sent_body = {"learner": body, "reason": "没有手机"}
    answer = house.http.post("/v1/proxy-sessions", json=sent_body, headers=house.staff_auth(member))
    assert answer.status_code == 404, answer.get_data(as_text=True)
    auth = house.auth("authority", "staff:write")
    url = f"/v1/staff/{member['id']}"
    assert house.http.put(f"{url}/roles", json={"roles": ["registrar"]}, headers=auth).status_code == 200
    assert house.http.post(f"{url}/deactivate", headers=auth).status_code == 200
    with house.bank.database.transaction() as connection:
        audit.add(connection, audit.AuditLine(uuid4(), now - timedelta(days=400), "test", "test.old", "", ""))
    with pytest.raises(ProgrammingError), house.bank.database.transaction() as connection:
        audit.prune(connection, now)
    with owner.database.transaction() as connection:
        assert audit.prune(connection, now - timedelta(days=399)) == 1


@pytest.mark.parametrize("attempt", ["UPDATE {0} SET {1} = {1}", "DELETE FROM {0}", "TRUNCATE {0} CASCADE"])
def test_the_applications_role_lacks_the_right_to_change_what_is_written_once(
    narrow: tuple[House, Bank], attempt: str
) -> None:
    house, _ = narrow
    for name in APPEND_ONLY:
        column = next(iter(catalogue.tables[name].columns)).name
        with pytest.raises(ProgrammingError) as refused, house.bank.database.engine.connect() as connection:
            connection.execute(text(attempt.format(name, column)))
        assert getattr(refused.value.orig, "sqlstate", None) == "42501", name


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
