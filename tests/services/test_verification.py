"""Verification: clean after everything that the bank does, and a fault for everything that it never does."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, Executable, inspect, text

from creditbank.services.bank import looked_up
from creditbank.services.clients import administrator
from creditbank.services.verification import Report, verify
from creditbank.storage.conversions import conversion as conversion_table
from creditbank.storage.conversions import conversion_claim as claim_table
from creditbank.storage.conversions import conversion_part as part_table
from creditbank.storage.decisions import decision
from creditbank.storage.ledger import account, entry, lot
from tests.api.test_conversions import RULES, TARGET
from tests.builders import House, outcome_body


@dataclass(frozen=True)
class Scene:
    """A bank with three learners: one with five entries, one with one, and one who has nothing yet."""

    house: House
    rich: UUID
    poor: UUID
    new: UUID


@pytest.fixture
def scene(house: House) -> Scene:
    """Give a bank in which outcomes were posted, corrected, revoked and found to be duplicates."""
    rich, poor, new = (UUID(house.open_learner()["id"]) for _ in range(3))
    first = house.post_outcome(str(rich), certificate_no="CERT-1")
    house.post_outcome(str(rich), title="重复登记", certificate_no="cert 1")
    second_body = outcome_body(str(rich), 1000)
    second = house.http.post("/v1/outcomes", json=second_body, headers=house.auth()).get_json()
    seen = house.auth() | {"If-Match": '"1"'}
    corrected = house.http.put(f"/v1/outcomes/{second['id']}", json=second_body | {"hours": "32"}, headers=seen)
    assert corrected.status_code == 200
    house.post_outcome(str(poor))
    revoked = house.http.post(f"/v1/outcomes/{first['id']}/revoke", json={"reason": "误录"}, headers=house.auth())
    assert revoked.status_code == 200
    return Scene(house, rich, poor, new)


def report(house: House) -> Report:
    return looked_up(house.bank, administrator(), verify)


def test_all_that_the_bank_does_leaves_the_ledger_sound(scene: Scene) -> None:
    found = report(scene.house)
    assert found.faults == ()
    assert (found.accounts, found.entries) == (2, 7)


def test_the_ledger_can_be_verified_while_others_post(scene: Scene) -> None:
    house = scene.house
    bodies = [outcome_body(str(scene.poor), number) for number in range(2000, 2060)]
    headers = house.auth()
    with ThreadPoolExecutor(4) as clients:
        posts = [clients.submit(house.http.post, "/v1/outcomes", json=body, headers=headers) for body in bodies]
        while not all(post.done() for post in posts):
            assert report(house).faults == ()
    assert {post.result().status_code for post in posts} == {201}
    assert report(house).entries == 67


def _entry(scene: Scene, seq: int) -> Any:
    return (entry.c.learner_id == scene.rich) & (entry.c.seq == seq)


def _entry_change(seq: int, **changes: object) -> Callable[[Scene], list[Executable]]:
    return lambda scene: [entry.update().where(_entry(scene, seq)).values(**changes)]


def _lot_change(**changes: object) -> Callable[[Scene], list[Executable]]:
    return lambda scene: [lot.update().where(lot.c.learner_id == scene.poor).values(**changes)]


def _account_change(**changes: object) -> Callable[[Scene], list[Executable]]:
    return lambda scene: [account.update().where(account.c.learner_id == scene.poor).values(**changes)]


def _moved(owner: str, *tables: Any) -> Callable[[Scene], list[Executable]]:
    """Hand the poor learner's rows to somebody else."""
    return lambda scene: [
        table.update().where(table.c.learner_id == scene.poor).values(learner_id=getattr(scene, owner))
        for table in tables
    ]


MORE = {
    "recognised_hundredths": account.c.recognised_hundredths + 100,
    "available_hundredths": account.c.available_hundredths + 100,
}

TAMPERINGS: dict[str, Callable[[Scene], list[Executable]]] = {
    "an entry's amount": _entry_change(1, amount_hundredths=entry.c.amount_hundredths + 100),
    "an entry's balance": _entry_change(2, balance_after_hundredths=entry.c.balance_after_hundredths + 100),
    "an entry's kind and counter account": _entry_change(3, kind="hold", counter_account="held"),
    "an entry's kind alone": _entry_change(3, kind="hold"),
    "an entry's counter account": _entry_change(1, counter_account="issuance:cqou"),
    "an entry's day": _entry_change(1, effective_on=date(2020, 1, 1)),
    "an entry's instant": _entry_change(5, recorded_at=datetime(2026, 7, 1, 4, 0, 0, 1, tzinfo=UTC)),
    "an entry's actor": _entry_change(1, actor="somebody"),
    "an entry's decision": _entry_change(1, decision_id=uuid4()),
    "an entry's posting": _entry_change(1, posting_id=uuid4()),
    "an entry's lot": _entry_change(1, lot_id=uuid4()),
    "an entry's id": _entry_change(1, id=uuid4()),
    "an entry's hash": _entry_change(1, hash=bytes(32)),
    "the last entry's hash": _entry_change(5, hash=bytes(32)),
    "the first entry deleted": lambda scene: [entry.delete().where(_entry(scene, 1))],
    "an entry in between deleted": lambda scene: [entry.delete().where(_entry(scene, 3))],
    "the last entry deleted": lambda scene: [entry.delete().where(_entry(scene, 5))],
    "all entries of an account deleted": lambda scene: [entry.delete().where(entry.c.learner_id == scene.poor)],
    "entry and lot handed to an account": _moved("rich", lot),
    "an entry handed to somebody without account": _moved("new", entry),
    "entry and lot handed to somebody without account": _moved("new", entry, lot),
    "an account handed to somebody else": _moved("new", account),
    "entry, lot and account handed to somebody else": _moved("new", entry, lot, account),
    "a balance": _account_change(**MORE),
    "a held balance": _account_change(held_hundredths=100, available_hundredths=account.c.available_hundredths - 100),
    "an account's hash": _account_change(chain_hash=bytes(32)),
    "an account's number of entries": _account_change(seq=7),
    "an account's instant": _account_change(recorded_at=datetime(2026, 7, 2, tzinfo=UTC)),
    "an account deleted": lambda scene: [account.delete().where(account.c.learner_id == scene.poor)],
    "a lot's amount": _lot_change(amount_hundredths=lot.c.amount_hundredths + 100),
    "a lot's use": _lot_change(used_hundredths=100),
    "a lot's last day": _lot_change(valid_until=date(2099, 12, 31)),
    "a lot's scheme": _lot_change(scheme="other"),
    "a lot's outcome": _lot_change(outcome_id=uuid4()),
    "a lot deleted": lambda scene: [lot.delete().where(lot.c.learner_id == scene.poor)],
    "a decision's result": lambda scene: [
        decision.update().where(decision.c.learner_id == scene.poor).values(result='{"credits": "9.00"}')
    ],
}


def test_every_tampering_is_found(scene: Scene) -> None:
    unseen = []
    with scene.house.bank.database.reading() as connection:
        _take_guards_away(connection)
        before = [
            (table, connection.execute(table.select()).mappings().all()) for table in (entry, lot, account, decision)
        ]
        for name, tampering in TAMPERINGS.items():
            for statement in tampering(scene):
                assert connection.execute(statement).rowcount > 0, name
            if not report(scene.house).faults:
                unseen.append(name)
            for table, rows in before:
                connection.execute(table.delete())
                connection.execute(table.insert(), [dict(row) for row in rows])
    assert unseen == []
    assert report(scene.house).faults == ()


def test_an_outcome_that_is_credited_twice_is_found(scene: Scene) -> None:
    house = scene.house
    house.post_outcome(str(scene.poor))
    with house.bank.database.reading() as connection:
        _take_guards_away(connection)
        outcome_id = connection.execute(lot.select().where(lot.c.learner_id == scene.poor)).first().outcome_id
        connection.execute(lot.update().where(lot.c.learner_id == scene.poor).values(outcome_id=outcome_id))
        connection.execute(decision.update().where(decision.c.learner_id == scene.poor).values(outcome_id=outcome_id))
    assert report(house).faults == (f"outcome {outcome_id}: credited more than once",)


@pytest.fixture
def converted(house: House) -> House:
    """Give a bank with an application that is approved, one that is open with a part declined, and one rejected."""
    house.publish_rules(RULES)
    house.publish_programme("acceptor")
    ids = []
    for _ in range(3):
        learner = house.open_learner()["id"]
        outcomes = [house.post_outcome(learner, title=title)["id"] for title in ("管理学", "公文写作")]
        ids.append(house.convert(learner, TARGET, outcomes)["id"])
    approved, opened, rejected = ids
    house.decide(approved, "acceptor")
    house.decide(approved, "authority")
    learner_id = house.http.get(f"/v1/conversions/{opened}", headers=house.auth("acceptor", "conversions:review"))
    holder = house.learner_auth(learner_id.get_json()["learner_id"])
    url = f"/v1/conversions/{opened}/decline"
    assert house.http.post(url, json={"parts": [1]}, headers=holder).status_code == 200
    house.decide(rejected, "acceptor", "reject", reason="不符")
    return house


def _part_change(of: str, **changes: object) -> list[Executable]:
    return [part_table.update().where(part_table.c.state == of).values(**changes)]


CONVERSION_TAMPERINGS: dict[str, list[Executable]] = {
    "a converted part let go": _part_change("converted", state="released"),
    "a held part converted": _part_change("held", state="converted"),
    "a released part held": _part_change("released", state="held"),
    "what a held part spends": _part_change("held", spent_hundredths=part_table.c.spent_hundredths + 100),
    "what a converted part spends": _part_change("converted", spent_hundredths=100, lapsed_hundredths=0),
    "the outcome of a held part": _part_change("held", outcome_id=uuid4()),
    "the course of a converted part": _part_change("converted", course_code="c9"),
    "the lot of a held part": _part_change("held", lot_id=uuid4()),
    "an open application rejected": [
        conversion_table.update().where(conversion_table.c.state == "in_review").values(state="rejected")
    ],
    "a rejected application approved": [
        conversion_table.update().where(conversion_table.c.state == "rejected").values(state="approved")
    ],
    "claims let go": [claim_table.delete()],
    "a claim renamed": [
        claim_table.update().where(claim_table.c.claim.like("course:%|c1")).values(claim="course:acceptor|x|c1")
    ],
    "claims of another application": [claim_table.update().values(conversion_id=uuid4())],
    "parts gone": [part_table.delete()],
}


def test_every_tampering_with_conversions_is_found(converted: House) -> None:
    sound = report(converted)
    assert (sound.faults, sound.conversions) == ((), 3)
    unseen = []
    with converted.bank.database.reading() as connection:
        _take_guards_away(connection)
        tables = (conversion_table, part_table, claim_table)
        before = [(table, connection.execute(table.select()).mappings().all()) for table in tables]
        for name, statements in CONVERSION_TAMPERINGS.items():
            for statement in statements:
                assert connection.execute(statement).rowcount > 0, name
            if not report(converted).faults:
                unseen.append(name)
            for table, rows in before:
                connection.execute(table.delete())
                connection.execute(table.insert(), [dict(row) for row in rows])
    assert unseen == []
    assert report(converted).faults == ()


def _take_guards_away(connection: Connection) -> None:
    """Drop what keeps rows from being changed, as somebody with all rights on the database could."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        guards = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all()
        for guard in guards:
            connection.exec_driver_sql(f"DROP TRIGGER {guard}")
        return
    connection.exec_driver_sql("DROP FUNCTION refuse_change() CASCADE")
    inspector = inspect(connection)
    for table in inspector.get_table_names():
        for key in inspector.get_foreign_keys(table):
            connection.exec_driver_sql(f"ALTER TABLE {table} DROP CONSTRAINT {key['name']} CASCADE")
