"""Partners: they read on consent alone, withdrawal counts at once, and two of them can't join what they see."""

import base64
import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from creditbank.core.merging import Link, person_of
from creditbank.core.permission import SCOPES
from creditbank.services.bank import Answer, Errand, Work, carried_out
from creditbank.services.clients import administrator
from creditbank.storage import learners as storage
from creditbank.storage import people
from tests.api.test_consents import diary, masked, sql_id
from tests.builders import House, learner_body, outcome_body

READING = ("balance:read", "statement:read", "outcomes:read", "identity:read", "learners:lookup")
PATHS = {"/balance": "balance:read", "/statement": "statement:read", "/outcomes": "outcomes:read", "": "identity:read"}
NOBODY = "00000000-0000-0000-0000-000000000001"
UUIDS = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@pytest.fixture
def asked(house: House) -> House:
    """Give a bank with texts in print and two partners."""
    house.publish_texts()
    for partner in ("partner", "partner-b"):
        house.auth(partner, *READING)
    return house


def somebody(house: House, **changes: Any) -> str:
    """Return a learner with an outcome."""
    learner: str = house.open_learner(**changes)["id"]
    house.post_outcome(learner)
    return learner


def read(house: House, learner_id: str, path: str, who: str = "partner", *scopes: str, **query: str) -> Any:
    headers = house.auth(who, *(scopes or READING))
    return house.http.get(f"/v1/learners/{learner_id}{path}", query_string=query, headers=headers)


def joined(house: House, one: str, into: str) -> None:
    """Merge two accounts, as far as reading has to do with it."""

    def action(work: Work) -> Answer:
        link = Link(work.new_id(), UUID(one), UUID(into), work.now)
        people.join_up(work.connection, link, people.Stamp(uuid4(), "test", work.now))
        people.note_roots(work.connection, [person_of([link], UUID(one))])
        return Answer({}, is_new=True, subject="test")

    carried_out(house.bank, Errand(administrator(), "test.join"), action)


# --- on consent


@pytest.mark.parametrize(("path", "scope"), PATHS.items())
def test_a_partner_reads_what_is_consented_to_and_nothing_else(asked: House, path: str, scope: str) -> None:
    learner = somebody(asked)
    nobody = read(asked, NOBODY, path)
    assert masked(read(asked, learner, path)) == masked(nobody)
    given = asked.consent(learner, "partner", scope)
    for name in (learner, given["subject"]):
        assert read(asked, name, path).status_code == 200
        for other in PATHS.keys() - {path}:
            assert masked(read(asked, name, other)) == masked(read(asked, NOBODY, other)), other
        assert masked(read(asked, name, path, "partner-b")) == masked(nobody)


@pytest.mark.parametrize(("path", "scope"), PATHS.items())
def test_a_consent_is_no_scope(asked: House, path: str, scope: str) -> None:
    learner = somebody(asked)
    asked.consent(learner, "partner", scope)
    others = [name for name in READING if name != scope]
    assert read(asked, learner, path, "partner", *others).status_code in (403, 404)


@pytest.mark.parametrize(("path", "scope"), PATHS.items())
def test_withdrawal_counts_with_the_next_request(asked: House, path: str, scope: str) -> None:
    learner = somebody(asked)
    given = asked.consent(learner, "partner", scope)
    assert read(asked, given["subject"], path).status_code == 200
    url = f"/v1/learners/me/consents/{given['id']}"
    assert asked.http.delete(url, headers=asked.learner_auth(learner)).status_code == 200
    for name in (learner, given["subject"]):
        assert masked(read(asked, name, path)) == masked(read(asked, NOBODY, path))


def test_a_consent_counts_on_its_last_day_and_not_on_the_day_after(asked: House) -> None:
    learner = somebody(asked)
    subject = asked.consent(learner, "partner", "balance:read", valid_until="2026-07-02")["subject"]
    for day, status in (("2026-07-02", 200), ("2026-07-03", 404)):
        asked.move_to(day)
        assert read(asked, subject, "/balance").status_code == status


def test_a_partner_sees_all_outcomes_and_an_institution_its_own_until_the_learner_consents(asked: House) -> None:
    learner = somebody(asked)
    asked.open_learner("other", **learner_of(asked, learner))
    asked.post_outcome(learner, "other")
    asked.consent(learner, "partner", "outcomes:read")
    assert len(read(asked, learner, "/outcomes").get_json()["items"]) == 2
    assert len(read(asked, learner, "/outcomes", "cqdx").get_json()["items"]) == 1
    asked.consent(learner, "cqdx", "outcomes:read")
    assert len(read(asked, learner, "/outcomes", "cqdx").get_json()["items"]) == 2


def test_an_institution_that_does_not_know_the_learner_reads_on_consent_under_the_banks_ids(asked: House) -> None:
    learner = somebody(asked)
    assert read(asked, learner, "/balance", "employer").status_code == 404
    asked.consent(learner, "employer", "balance:read", "statement:read")
    assert read(asked, learner, "/balance", "employer").get_json()["learner_id"] == learner
    assert read(asked, learner, "/statement", "employer").status_code == 200
    assert read(asked, learner, "", "employer").status_code == 404


def test_a_partner_that_is_affiliated_needs_consent_all_the_same(asked: House) -> None:
    learner = somebody(asked)
    code = text("SELECT id FROM institution WHERE code = 'partner'")
    with asked.bank.database.transaction() as connection:
        row_id = connection.execute(code).scalar_one()
        institution_id = row_id if isinstance(row_id, UUID) else UUID(row_id)
        storage.affiliate(connection, [(UUID(learner), institution_id, asked.clock())])
    for path in PATHS:
        assert read(asked, learner, path).status_code == 404, path
    asked.consent(learner, "partner", "balance:read")
    assert read(asked, learner, "/balance").get_json()["learner_id"] != learner


def test_whatever_its_client_was_granted_a_partner_only_reads(asked: House) -> None:
    learner = somebody(asked)
    everything = asked.auth("partner", *SCOPES)
    for url, body in (
        ("/v1/learners", learner_body(7)),
        ("/v1/outcomes", outcome_body(learner, 7)),
        ("/v1/institutions", {"code": "x", "name": "x", "level": "city", "roles": ["issuer"]}),
        ("/v1/conversions", {"target": {"institution": "x", "programme": "x"}, "learner_id": learner}),
    ):
        answer = asked.http.post(url, json=body, headers=everything)
        assert (answer.status_code, answer.get_json()["code"]) == (403, "scope_missing"), url
    assert asked.http.post(f"/v1/learners/{learner}/plan", json={}, headers=everything).status_code == 404
    assert asked.http.get(f"/v1/learners/{learner}/balance", headers=everything).status_code == 404


def test_a_partner_sees_no_single_outcome_and_no_decision(asked: House) -> None:
    learner = somebody(asked)
    asked.consent(learner, "partner", "outcomes:read", "statement:read")
    [outcome] = read(asked, learner, "/outcomes").get_json()["items"]
    [real] = asked.http.get("/v1/learners/me/outcomes", headers=asked.learner_auth(learner)).get_json()["items"]
    for kind, name in (("outcomes", "id"), ("decisions", "decision_id")):
        for found in (outcome, real):
            answer = asked.http.get(f"/v1/{kind}/{found[name]}", headers=asked.auth("partner", *READING))
            assert answer.status_code == 404


def test_what_a_partner_saw_stands_in_the_diary_with_the_consent(asked: House) -> None:
    learner = somebody(asked)
    given = asked.consent(learner, "partner", "balance:read")
    before = len(diary(asked, learner))
    read(asked, given["subject"], "/balance")
    read(asked, given["subject"], "/statement")
    [(reader, sight, basis)] = diary(asked, learner)[before:]
    assert reader.startswith("partner-")
    assert (sight, basis) == ("balance", f"consent:{given['id']}")


# --- names of one's own


def test_two_partners_share_no_id_in_anything_that_they_see(asked: House) -> None:
    learner = somebody(asked)
    asked.post_outcome(learner, title="另一门课程")
    asked.post_outcome(learner, title="另一门课程")  # a duplicate, which names the outcome that counts
    ours = asked.http.get("/v1/learners/me", headers=asked.learner_auth(learner)).get_json()
    seen: dict[str, str] = {}
    for partner in ("partner", "partner-b"):
        for scopes in (("balance:read", "statement:read", "outcomes:read"), ("identity:read",)):
            asked.consent(learner, partner, *scopes)
        answers = [read(asked, learner, path, partner) for path in PATHS]
        answers += [read(asked, learner, path, partner, limit="1") for path in ("/statement", "/outcomes")]
        answers.append(asked.http.get("/v1/consents", headers=asked.auth(partner, *READING)))
        assert {answer.status_code for answer in answers} == {200}
        seen[partner] = "\n".join(with_cursors(answer) for answer in answers)
    real = "".join(
        asked.http.get(f"/v1/learners/me{path}", headers=asked.learner_auth(learner)).get_data(as_text=True)
        for path in PATHS
    )
    ids = [set(UUIDS.findall(part)) for part in (seen["partner"], seen["partner-b"], real)]
    assert [len(part) > 5 for part in ids] == [True] * 3
    assert ids[0] & ids[1] == ids[0] & ids[2] == ids[1] & ids[2] == set()
    for word in (ours["account_no"], "record-"):
        assert word in real
        assert word not in seen["partner"] + seen["partner-b"]
    assert not re.search(r"T0[0-9]:", seen["partner"].partition('"valid_until"')[0]), "instants would join them"


def with_cursors(answer: Any) -> str:
    """Return an answer with what its cursor says, if anybody can read it."""
    cursor = answer.get_json().get("next_cursor")
    told = base64.urlsafe_b64decode(cursor + "==").decode(errors="replace") if cursor else ""
    return f"{answer.get_data(as_text=True)}\n{told}"


def test_a_partner_knows_a_learner_by_one_name_through_all_consents(asked: House) -> None:
    learner = somebody(asked)
    first = asked.consent(learner, "partner", "balance:read")
    asked.http.delete(f"/v1/learners/me/consents/{first['id']}", headers=asked.learner_auth(learner))
    second = asked.consent(learner, "partner", "statement:read")
    other = asked.consent(learner, "partner-b", "balance:read")
    assert first["subject"] == second["subject"] != other["subject"]
    assert read(asked, first["subject"], "/statement").status_code == 200
    assert read(asked, other["subject"], "/statement").status_code == 404


def test_a_partner_turns_pages_without_being_told_our_ids(asked: House) -> None:
    learner = somebody(asked)
    for number in range(4):
        asked.post_outcome(learner, title=f"第 {number} 课")
    subject = asked.consent(learner, "partner", "statement:read", "outcomes:read")["subject"]
    for path in ("/statement", "/outcomes"):
        whole = [item["id"] for item in read(asked, subject, path).get_json()["items"]]
        found: list[str] = []
        query: dict[str, str] = {"limit": "2"}
        while True:
            page = read(asked, subject, path, **query).get_json()
            found += [item["id"] for item in page["items"]]
            if page["next_cursor"] is None:
                break
            query["cursor"] = page["next_cursor"]
        assert found == whole
        assert len(whole) == 5
    stolen = query["cursor"]
    asked.consent(learner, "partner-b", "outcomes:read")
    for who, wrong in (("partner-b", stolen), ("partner", stolen[:-4] + "AAAA"), ("partner", "x"), ("partner", "é")):
        answer = read(asked, learner, "/outcomes", who, cursor=wrong)
        assert (answer.status_code, answer.get_json()["errors"][0]["code"]) == (422, "wrong_cursor")


def test_one_who_was_merged_is_read_under_either_name_and_on_the_consents_of_both(asked: House) -> None:
    one, into = somebody(asked), somebody(asked)
    first = asked.consent(one, "partner", "balance:read")
    asked.clock.move(minutes=1)
    second = asked.consent(into, "partner", "statement:read")
    joined(asked, one, into)
    names = (first["subject"], second["subject"])
    for name in (*names, one, into):
        for path in ("/balance", "/statement"):
            assert read(asked, name, path).status_code == 200, (name, path)
        assert read(asked, name, "/balance").get_json()["learner_id"] == first["subject"]
        assert read(asked, name, "/balance", known_at="2030-01-01T00:00:00Z").status_code == 200
        assert len(read(asked, name, "/statement").get_json()["items"]) == 2
    asked.consent(one, "partner", "identity:read")
    shown = read(asked, names[0], "").get_data(as_text=True)
    assert one not in shown
    assert into not in shown
    url = f"/v1/learners/{into}/consents/{first['id']}"
    assert asked.http.delete(url, headers=asked.learner_auth(into)).status_code == 200
    assert read(asked, first["subject"], "/balance").status_code == 404


# --- what a partner was given


def test_a_partner_lists_the_consents_that_it_was_given(asked: House) -> None:
    one, other = somebody(asked), somebody(asked)
    given = [asked.consent(one, "partner"), asked.consent(other, "partner", "identity:read")]
    asked.consent(one, "partner-b")
    asked.http.delete(f"/v1/learners/me/consents/{given[0]['id']}", headers=asked.learner_auth(one))
    items = asked.http.get("/v1/consents", headers=asked.auth("partner", *READING)).get_json()["items"]
    assert [(item["id"], item["learner_id"], item["state"]) for item in items] == [
        (given[1]["id"], given[1]["subject"], "in_force"),
        (given[0]["id"], given[0]["subject"], "withdrawn"),
    ]
    assert items[1]["withdrawn_at"] is not None
    assert items[0].keys() == {
        *("id", "learner_id", "state", "purpose", "scopes", "is_sensitive", "valid_until", "given_at", "withdrawn_at"),
    }
    asked.consent(one, "employer")
    [item] = asked.http.get("/v1/consents", headers=asked.auth("employer", "balance:read")).get_json()["items"]
    assert item["learner_id"] == one
    assert asked.http.get("/v1/consents", headers=asked.learner_auth(one)).get_json()["items"] == []
    assert asked.http.get("/v1/consents", headers=asked.auth("partner", "webhooks:write")).status_code == 403


# --- races


def test_while_a_consent_is_withdrawn_reads_are_answered_or_refused_and_after_it_refused(asked: House) -> None:
    learner = somebody(asked)
    given = asked.consent(learner, "partner", "balance:read")
    headers, learner_auth = asked.auth("partner", *READING), asked.learner_auth(learner)
    url, balance = f"/v1/learners/me/consents/{given['id']}", f"/v1/learners/{given['subject']}/balance"

    def ask(number: int) -> tuple[int, int]:
        http = asked.app.test_client()
        if number == 6:
            return number, http.delete(url, headers=learner_auth).status_code
        return number, http.get(balance, headers=headers).status_code

    with ThreadPoolExecutor(4) as pool:
        answers = dict(pool.map(ask, range(20)))
    assert answers.pop(6) == 200
    assert set(answers.values()) <= {200, 404}
    assert asked.http.get(balance, headers=headers).status_code == 404


def test_first_consents_at_once_give_a_partner_one_name_for_the_learner(asked: House) -> None:
    learners = [somebody(asked) for _ in range(3)]
    asked.auth("partner-new")
    body = {"recipient": "partner-new", "purpose": "查询", "scopes": ["balance:read"], "valid_until": "2026-12-31"}

    def ask(number: int) -> tuple[str, str]:
        learner = learners[number % 3]
        answer = asked.app.test_client().post(
            "/v1/learners/me/consents", json=body, headers=asked.learner_auth(learner)
        )
        assert answer.status_code == 201, answer.get_data(as_text=True)
        return learner, json.loads(answer.get_data())["subject"]

    with ThreadPoolExecutor(6) as pool:
        named = set(pool.map(ask, range(9)))
    assert len(named) == 3
    with asked.bank.database.engine.connect() as connection:
        query = text("SELECT count(*) FROM pairwise WHERE learner_id = :id")
        assert connection.execute(query, {"id": sql_id(asked, learners[0])}).scalar_one() == 1


def learner_of(house: House, learner_id: str) -> dict[str, Any]:
    """Return what opens the same account at another institution."""
    number = next(house.numbers) - 2
    found = learner_body(number)
    shown = house.http.get("/v1/learners/me", headers=house.learner_auth(learner_id)).get_json()
    assert shown["name"] == found["name"], "the learner who was opened last but for an outcome"
    return found
