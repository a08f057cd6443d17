"""Erasure: what is left of a person in the database, its files, its index, and in a copy that is put back."""

import json
import shutil
import stat
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner
from sqlalchemy import select, text

from creditbank.cli import main
from creditbank.core.institution import Role
from creditbank.core.merging import Link, Person
from creditbank.core.permission import Actor
from creditbank.gateways import erasure_journal
from creditbank.gateways.erasure_journal import JournalUnusable
from creditbank.services import erasures
from creditbank.services.bank import Answer, Errand, Work, carried_out, looked_up
from creditbank.services.clients import administrator
from creditbank.services.verification import verify
from creditbank.storage import catalogue, identifier_index, people
from creditbank.storage.database import Database
from creditbank.storage.erasure import DELETED, EMPTIED, REWRITTEN, STAYS
from creditbank.storage.migrations import APPEND_ONLY
from tests.api.test_rights import TARGET, same_title
from tests.builders import House, outcome_body, resident_id
from tests.services.test_races import at_once, poster, statuses

pytestmark = pytest.mark.own_database

NAME = "欧阳独一"
NUMBER = resident_id(942)
CERTIFICATE = "ZS-2026-0001"


def opened(house: House) -> dict[str, Any]:
    """Open the account of the one who will be erased, with records and texts of all kinds."""
    learner = house.open_learner(
        name=NAME, birth_date="1955-12-30", identifiers=[{"type": "cn.resident_id", "value": NUMBER}]
    )
    house.post_outcome(learner["id"], certificate_no=CERTIFICATE)
    said = {"about": {"field": "name"}, "says": "名字写错", "wants": "欧阳唯一"}
    own = house.learner_auth(learner["id"])
    assert house.http.post("/v1/learners/me/correction-requests", json=said, headers=own).status_code == 201
    return learner


def ask(house: House, learner: dict[str, Any], **changes: Any) -> Any:
    body = {"confirm_account_no": learner["account_no"], "reason": "不再学习"} | changes
    return house.http.post("/v1/learners/me/erasure-requests", json=body, headers=house.learner_auth(learner["id"]))


def decide(house: House, request_id: str, verdict: str = "approve", institution: str = "authority") -> Any:
    return house.http.post(
        f"/v1/erasure-requests/{request_id}/decisions",
        json={"verdict": verdict, "reason": "本人申请"},
        headers=house.auth(institution, "identity:review"),
    )


def erase(house: House, learner: dict[str, Any]) -> str:
    asked = ask(house, learner)
    assert asked.status_code == 201, asked.get_data(as_text=True)
    request_id: str = asked.get_json()["id"]
    decided = decide(house, request_id)
    assert (decided.status_code, decided.get_json()["state"]) == (200, "erased"), decided.get_data(as_text=True)
    return request_id


def secrets_of(house: House, learner_id: str) -> dict[str, bytes]:
    """Return every byte string by which the person could be found or read: key, seals, index values."""
    found: dict[str, bytes] = {}
    with house.bank.database.engine.connect() as connection:
        for name in ("learner", "identifier", "identifier_index", "outcome_claim", "correction_request", "kept_answer"):
            table = catalogue.tables[name]
            query = select(table)
            if name == "kept_answer":
                query = query.where(table.c.subject == learner_id)
            else:
                query = query.where(table.c[{"learner": "id"}.get(name, "learner_id")] == UUID(learner_id))
            for number, row in enumerate(connection.execute(query).mappings()):
                found |= {
                    f"{name}.{column}.{number}": value
                    for column, value in row.items()
                    if isinstance(value, bytes) and len(value) >= 16
                }
    return found


def files_of(house: House) -> list[Path]:
    """Return the files in which the database stands."""
    database = house.bank.database
    if database.is_sqlite:
        path = Path(str(database.url.database))
        return [one for one in (path, Path(f"{path}-wal")) if one.exists()]
    with database.engine.connect() as connection:
        folder = Path(connection.execute(text("SHOW data_directory")).scalar_one())
        names = [*REWRITTEN, *(f"pk_{name}" for name in REWRITTEN)]
        query = text(
            "SELECT pg_relation_filepath(oid) FROM pg_class WHERE relname = ANY(:names) OR relname LIKE 'ix_%'"
        )
        found = connection.execute(query, {"names": names}).scalars().all()
    return [folder / one for one in found if one and (folder / one).exists()]


def held_in(paths: list[Path], secrets: dict[str, bytes]) -> set[str]:
    """Return the names of the secrets that stand in any of the files."""
    content = [path.read_bytes() for path in paths]
    return {name for name, secret in secrets.items() if any(secret in one for one in content)}


def test_every_table_with_a_learners_id_says_what_becomes_of_it() -> None:
    personal = {one.name for one in catalogue.tables.values() if "learner_id" in one.c} | {"learner"}
    assert personal == {*DELETED, *EMPTIED, *STAYS}
    assert len(personal) == len(DELETED) + len(EMPTIED) + len(STAYS)
    for name in personal - set(DELETED):
        sealed = {column.name for column in catalogue.tables[name].c if column.name.startswith(("sealed_", "wrapped_"))}
        assert sealed <= EMPTIED.get(name, {}).keys() or name in APPEND_ONLY, name


def test_after_erasure_nobody_finds_the_person_and_the_ledger_verifies(house: House) -> None:
    learner = opened(house)
    secrets = secrets_of(house, learner["id"])
    assert {name.partition(".")[0] for name in secrets} >= {
        "learner",
        "identifier",
        "identifier_index",
        "outcome_claim",
    }
    own = house.learner_auth(learner["id"])
    erase(house, learner)
    for path in ("", "/balance", "/statement", "/outcomes", "/access-log", "/export", "/correction-requests"):
        url = f"/v1/learners/{learner['id']}{path}"
        assert house.http.get(url, headers=own).status_code == 401, path
        assert house.http.get(url, headers=house.auth()).status_code == 404, path
    audited = house.http.get(f"/v1/learners/{learner['id']}/balance", headers=house.auth("authority", "audit:read"))
    assert audited.get_json()["balances"][0]["recognised"] == "3.00"
    nameless = house.http.get(f"/v1/learners/{learner['id']}", headers=house.auth("authority", "audit:read"))
    assert nameless.status_code == 404
    recorded = house.http.post("/v1/outcomes", json=outcome_body(learner["id"], 99), headers=house.auth())
    assert (recorded.status_code, recorded.get_json()["errors"][0]["code"]) == (404, "unknown_learner")
    assert secrets_of(house, learner["id"]) == {}
    found = looked_up(
        house.bank,
        administrator(),
        lambda work: identifier_index.with_account_no(work.connection, work.keyring, learner["account_no"]),
    )
    assert found is None
    assert looked_up(house.bank, administrator(), verify).faults == ()


def test_the_same_person_may_come_again_and_has_nothing(house: House) -> None:
    learner = opened(house)
    erase(house, learner)
    again = house.open_learner(name=NAME, identifiers=[{"type": "cn.resident_id", "value": NUMBER}])
    assert again["id"] != learner["id"]
    assert (again["status"], house.balance(again["id"])) == ("active", {})
    assert house.post_outcome(again["id"], certificate_no=CERTIFICATE)["status"] == "recognised"


def test_all_accounts_of_a_person_are_erased_together(house: House) -> None:
    learner, other = opened(house), house.open_learner("cqou")
    house.post_outcome(other["id"], "cqou")
    root, merged = UUID(learner["id"]), UUID(other["id"])
    with house.bank.database.transaction() as connection:
        link = Link(house.bank.new_id(), merged, root, house.clock.now)
        people.join_up(connection, link, people.Stamp(house.bank.new_id(), "test", house.clock.now))
        people.note_roots(connection, [Person(root, (root, merged))])
    erase(house, learner)
    for one in (learner, other):
        assert secrets_of(house, one["id"]) == {}
        assert house.http.get("/v1/learners/me", headers=house.learner_auth(one["id"])).status_code == 401
    assert house.http.get(f"/v1/learners/{other['id']}/outcomes", headers=house.auth("cqou")).status_code == 404
    assert looked_up(house.bank, administrator(), verify).faults == ()


def test_the_issuer_can_neither_read_correct_nor_revoke_what_it_recorded(house: House) -> None:
    learner = house.open_learner()
    outcome = house.post_outcome(learner["id"])
    erase(house, learner)
    url = f"/v1/outcomes/{outcome['id']}"
    body = outcome_body(learner["id"], 1) | {"external_id": outcome["external_id"]}
    answers = (
        house.http.get(url, headers=house.auth()),
        house.http.put(url, json=body, headers=house.auth() | {"If-Match": '"1"'}),
        house.http.post(f"{url}/revoke", json={"reason": "x"}, headers=house.auth()),
        house.http.get(f"/v1/decisions/{outcome['decision_id']}", headers=house.auth()),
    )
    assert [one.status_code for one in answers] == [404] * 4


def test_the_kept_answer_that_names_the_person_goes(house: House) -> None:
    body = {"name": NAME, "identifiers": [{"type": "cn.resident_id", "value": NUMBER}]}
    auth = house.auth() | {"Idempotency-Key": "once"}
    learner = house.http.post("/v1/learners", json=body, headers=auth).get_json()
    assert house.http.post("/v1/learners", json=body, headers=auth).get_json() == learner
    erase(house, learner)
    with house.bank.database.engine.connect() as connection:
        kept = connection.execute(select(catalogue.tables["kept_answer"])).all()
    assert [row for row in kept if row.subject == learner["id"]] == []
    assert house.http.post("/v1/learners", json=body, headers=auth).get_json()["id"] != learner["id"]


def test_neither_the_files_nor_the_log_of_the_database_hold_what_was_erased(house: House) -> None:
    for _ in range(40):  # pages that split and rows that move leave copies behind where nothing wipes them
        house.open_learner()
    learner = opened(house)
    for _ in range(40):
        house.open_learner()
    secrets = secrets_of(house, learner["id"])
    if house.bank.database.is_sqlite:
        house.bank.database.forget_log()
    else:
        with house.bank.database.reading() as connection:
            connection.execute(text("CHECKPOINT"))
    assert held_in(files_of(house), secrets) == secrets.keys(), "the search finds what is there"
    erase(house, learner)
    if not house.bank.database.is_sqlite:
        house.bank.database.rewrite_files(REWRITTEN)
        with house.bank.database.reading() as connection:
            connection.execute(text("CHECKPOINT"))
    assert held_in(files_of(house), secrets) == set()
    house.bank.database.rewrite_files(REWRITTEN)
    assert held_in(files_of(house), secrets) == set()
    assert looked_up(house.bank, administrator(), verify).faults == ()


def test_it_takes_the_learners_own_account_number(house: House) -> None:
    learner, other = house.open_learner(), house.open_learner()
    wrong = ask(house, learner, confirm_account_no=other["account_no"])
    assert (wrong.status_code, wrong.get_json()["errors"][0]["code"]) == (422, "wrong_account_no")
    url, body = f"/v1/learners/{learner['id']}/erasure-requests", {"confirm_account_no": learner["account_no"]}
    for auth in (house.auth(), house.learner_auth(other["id"]), house.auth("reviewer", "identity:review")):
        assert house.http.post(url, json=body, headers=auth).status_code == 404


def test_a_second_request_is_the_first_one(house: House) -> None:
    learner = house.open_learner()
    first, second = ask(house, learner), ask(house, learner)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.get_json() == second.get_json()


def test_an_open_application_stands_in_the_way_before_and_at_the_decision(house: House) -> None:
    learner = house.open_learner()
    asked = ask(house, learner).get_json()
    house.publish_programme("acceptor")
    house.publish_rules(same_title("acceptor") | {"review": [{"id": "school", "by": {"role": "target"}, "days": 10}]})
    house.post_outcome(learner["id"], title="管理学")
    applied = house.convert(learner["id"], TARGET)
    assert applied["state"] == "in_review"
    late = decide(house, asked["id"])
    assert (late.status_code, late.get_json()["errors"][0]["code"]) == (409, "open_conversion")
    assert decide(house, asked["id"], "decline").status_code == 200
    early = ask(house, learner)
    assert (early.status_code, early.get_json()["errors"][0]["code"]) == (409, "open_conversion")
    own = house.learner_auth(learner["id"])
    assert house.http.post(f"/v1/conversions/{applied['id']}/withdraw", json={}, headers=own).status_code == 200
    erase(house, learner)


def test_the_learner_takes_it_back_before_it_is_decided(house: House) -> None:
    learner = house.open_learner()
    asked = ask(house, learner).get_json()
    url = f"/v1/learners/me/erasure-requests/{asked['id']}/withdraw"
    own = house.learner_auth(learner["id"])
    assert house.http.post(url, headers=house.learner_auth(house.open_learner()["id"])).status_code == 404
    for _ in range(2):
        withdrawn = house.http.post(url, headers=own)
        assert (withdrawn.status_code, withdrawn.get_json()["state"]) == (200, "withdrawn")
    late = decide(house, asked["id"])
    assert (late.status_code, late.get_json()["errors"][0]["code"]) == (409, "request_closed")
    assert house.http.get("/v1/learners/me", headers=own).status_code == 200
    assert ask(house, learner).status_code == 201


def test_an_authority_decides_or_who_knows_the_learner_and_reads_it_again(house: House) -> None:
    asked = ask(house, house.open_learner()).get_json()
    auth = house.auth("cqou", "identity:review")
    assert house.http.get("/v1/erasure-requests", headers=auth).get_json()["items"] == []
    refused = decide(house, asked["id"], institution="cqou")
    assert (refused.status_code, refused.get_json()["errors"][0]["code"]) == (404, "unknown_erasure_request")
    for _ in range(2):
        decided = decide(house, asked["id"], institution="cqdx")
        assert (decided.status_code, decided.get_json()["state"]) == (200, "erased")


def test_a_declined_request_tells_the_learner_why(house: House) -> None:
    learner = house.open_learner()
    asked = ask(house, learner).get_json()
    assert decide(house, asked["id"], "decline").get_json()["state"] == "declined"
    assert decide(house, asked["id"], "decline").status_code == 200
    assert decide(house, asked["id"], "approve").status_code == 409
    (own,) = house.http.get("/v1/learners/me/erasure-requests", headers=house.learner_auth(learner["id"])).get_json()[
        "items"
    ]
    assert (own["verdict_reason"], own["reason"]) == ("本人申请", "不再学习")


def test_who_asked_at_the_counter_cannot_approve(house: House) -> None:
    learner = house.open_learner()
    client_id = house.client("counter", "identity:review")
    proxy = Actor(client_id, frozenset(), learner_id=UUID(learner["id"]), is_proxy=True)

    def asked(work: Work) -> Answer:
        made, _ = erasures.ask(work, UUID(learner["id"]), learner["account_no"], None)
        return Answer({"id": str(made.request.id)}, is_new=True, subject=str(made.request.id))

    request_id = carried_out(house.bank, Errand(proxy, "test.ask"), asked).body["id"]
    own = Actor(client_id, frozenset({"identity:review"}), institution_roles=frozenset({Role.AUTHORITY}))

    def approved(work: Work) -> Answer:
        erasures.decide(work, UUID(request_id), "approve", "x")
        return Answer({}, is_new=False, subject=request_id)

    with pytest.raises(Exception, match="somebody else has to"):
        carried_out(house.bank, Errand(own, "test.approve"), approved)
    assert house.http.get("/v1/learners/me", headers=house.learner_auth(learner["id"])).status_code == 200


def test_nothing_is_erased_where_the_journal_cannot_be_written(house: House, tmp_path: Path) -> None:
    learner = house.open_learner()
    asked = ask(house, learner).get_json()
    (tmp_path / "erasures.jsonl").mkdir()
    refused = decide(house, asked["id"])
    assert (refused.status_code, refused.get_json()["errors"][0]["code"]) == (503, "journal_unusable")
    assert house.http.get("/v1/learners/me", headers=house.learner_auth(learner["id"])).status_code == 200


def test_the_journal_is_private_holds_no_name_and_survives_a_broken_line(house: House, tmp_path: Path) -> None:
    path = tmp_path / "erasures.jsonl"
    learner, other = opened(house), house.open_learner()
    erase(house, learner)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    (line,) = path.read_text("utf-8").splitlines()
    assert json.loads(line)["learners"] == [learner["id"]]
    with path.open("a", encoding="utf-8") as file:
        file.write('{"at": "2026-')
    erase(house, other)
    assert [one.learner_ids for one in erasure_journal.read(path)] == [(UUID(learner["id"]),), (UUID(other["id"]),)]
    assert list(erasure_journal.read(None)) == []
    with pytest.raises(JournalUnusable):
        list(erasure_journal.read(tmp_path))


def reapplied(house: House, tmp_path: Path) -> int:
    counted: list[int] = []

    def action(work: Work) -> Answer:
        counted.append(erasures.reapply(work, list(erasure_journal.read(tmp_path / "erasures.jsonl"))))
        return Answer({}, is_new=False, subject="test")

    carried_out(house.bank, Errand(administrator(), "erasure.reapply"), action)
    return counted[-1]


def test_a_copy_that_is_put_back_forgets_the_person_again(house: House, tmp_path: Path) -> None:
    """On PostgreSQL the rows of before are put back by hand."""
    learner = opened(house)
    secrets = secrets_of(house, learner["id"])
    database = house.bank.database
    names = (*EMPTIED, *DELETED)
    with database.engine.connect() as connection:
        before = {
            name: [dict(row) for row in connection.execute(select(catalogue.tables[name])).mappings()] for name in names
        }
    database.forget_log()
    if database.is_sqlite:
        shutil.copy(str(database.url.database), tmp_path / "old.sqlite3")
    erase(house, learner)
    assert reapplied(house, tmp_path) == 0
    if database.is_sqlite:
        database.close()
        Path(f"{database.url.database}-wal").unlink(missing_ok=True)
        shutil.copy(tmp_path / "old.sqlite3", str(database.url.database))
    else:
        with database.engine.connect() as connection, connection.begin():
            for name in ("identifier_index", "outcome_claim", "affiliation", "identifier", "erasure_request"):
                connection.execute(catalogue.tables[name].delete())
            table = catalogue.tables["learner"]
            for row in before["learner"]:
                before_it = {name: value for name, value in row.items() if name != "id"}
                connection.execute(table.update().where(table.c.id == row["id"]).values(before_it))
            for name in DELETED[::-1]:
                if before[name]:
                    connection.execute(catalogue.tables[name].insert(), before[name])
    assert house.http.get("/v1/learners/me", headers=house.learner_auth(learner["id"])).get_json()["name"] == NAME
    assert reapplied(house, tmp_path) == 1
    assert reapplied(house, tmp_path) == 0
    assert house.http.get("/v1/learners/me", headers=house.learner_auth(learner["id"])).status_code == 401
    assert secrets_of(house, learner["id"]) == {}
    again = house.open_learner(name=NAME, identifiers=[{"type": "cn.resident_id", "value": NUMBER}])
    assert again["id"] != learner["id"]
    if database.is_sqlite:
        left = held_in(files_of(house), {name: one for name, one in secrets.items() if "_index." not in name})
        assert {name for name in left if not name.startswith("identifier.")} == set()
    assert looked_up(house.bank, administrator(), verify).faults == ()


def test_an_approval_that_never_came_through_and_was_taken_back_erases_nobody(house: House, tmp_path: Path) -> None:
    learner = house.open_learner()
    asked = ask(house, learner).get_json()
    line = erasure_journal.Erased(house.clock.now, UUID(asked["id"]), (UUID(learner["id"]),))
    erasure_journal.write(tmp_path / "erasures.jsonl", line)
    own = house.learner_auth(learner["id"])
    withdrawn = house.http.post(f"/v1/learners/me/erasure-requests/{asked['id']}/withdraw", headers=own)
    assert withdrawn.status_code == 200
    assert reapplied(house, tmp_path) == 0
    assert house.http.get("/v1/learners/me", headers=own).status_code == 200


def test_the_operator_reapplies_and_scrubs_at_the_console(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learner = house.open_learner()
    line = erasure_journal.Erased(house.clock.now, UUID(int=7), (UUID(learner["id"]),))
    erasure_journal.write(tmp_path / "erasures.jsonl", line)
    monkeypatch.setenv("CREDITBANK_DATABASE_URL", house.bank.database.url.render_as_string(hide_password=False))
    monkeypatch.setenv("CREDITBANK_KEYRING", str(tmp_path / "keyring.json"))
    monkeypatch.setenv("CREDITBANK_ERASURES", str(tmp_path / "erasures.jsonl"))
    ran = [CliRunner().invoke(main, ["erasures", name]) for name in ("reapply", "reapply", "scrub")]
    assert [one.exit_code for one in ran] == [0, 0, 0], [one.output for one in ran]
    assert [one.output.split()[0] for one in ran] == ["1", "0", "The"]
    assert house.http.get("/v1/learners/me", headers=house.learner_auth(learner["id"])).status_code == 401


def test_secure_delete_is_on_wherever_the_file_is_opened(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'bank.sqlite3'}")
    with database.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA secure_delete").scalar_one() == 1
    database.close()


@pytest.mark.parametrize("number", range(4))
def test_whatever_comes_at_the_moment_of_erasure_leaves_nothing_behind(house: House, number: int) -> None:
    shown = {"type": "cn.resident_id", "value": resident_id(900 + number)}
    body: dict[str, Any] = {"name": NAME, "identifiers": [shown]}
    learner = house.open_learner(**body)
    outcome = house.post_outcome(learner["id"])
    asked = ask(house, learner).get_json()["id"]
    own = house.learner_auth(learner["id"])
    for institution in ("cqou", "elsewhere"):
        house.auth(institution)  # made before the race
    house.auth("authority", "identity:review")
    corrected = outcome_body(learner["id"], 1) | {"external_id": outcome["external_id"], "hours": "64"}
    said = {"about": {"field": "name"}, "says": "x", "wants": "y"}
    url = f"/v1/outcomes/{outcome['id']}"
    answers = at_once(
        [
            lambda: decide(house, asked),
            lambda: decide(house, asked),
            poster(house, outcome_body(learner["id"], 5000)),
            poster(house, outcome_body(learner["id"], 6000) | {"learner": {"identifier": shown, "name": NAME}}, "cqou"),
            poster(house, body, "elsewhere", "/v1/learners"),
            poster(
                house, {"birth_date": "1955-12-30", "reason": "x"}, "cqdx", f"/v1/learners/{learner['id']}/corrections"
            ),
            poster(house, {"reason": "x"}, "cqdx", f"{url}/revoke"),
            lambda: house.http.put(url, json=corrected, headers=house.auth() | {"If-Match": '"1"'}),
            lambda: house.http.post("/v1/learners/me/correction-requests", json=said, headers=own),
            lambda: house.http.get("/v1/learners/me/export", headers=own),
        ]
    )
    assert max(statuses(answers)) < 500, [one.get_data(as_text=True)[:300] for one in answers]
    assert statuses(answers[:2]) == {200: 2}, [one.get_data(as_text=True) for one in answers[:2]]
    assert secrets_of(house, learner["id"]) == {}
    assert house.http.get("/v1/learners/me", headers=own).status_code == 401
    assert looked_up(house.bank, administrator(), verify).faults == ()
