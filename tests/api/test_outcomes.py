"""Learning outcomes: recorded once, corrected, revoked, known again as duplicates, and handed in by thousands."""

import io
import json
from random import Random
from typing import Any

import pytest
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from creditbank.services.bank import looked_up
from creditbank.services.clients import administrator
from creditbank.services.verification import verify
from creditbank.storage.learners import learner as learner_table
from tests.builders import House, learner_body, outcome_body, resident_id

SCHEME = "cn-16h-half"

FULL: dict[str, Any] = {
    "kind": "course",
    "title": "高等数学（一）",
    "code": "MATH-1",
    "category": "学历教育",
    "level": "本科",
    "hours": "48",
    "credits": "3",
    "scheme": SCHEME,
    "score": {"value": "85", "scale": "100"},
    "certificate_no": "渝证-2026-001",
    "started_on": "2026-03-01",
    "completed_on": "2026-06-30",
    "programme": "计算机科学",
}
"""A record that says everything that a record can say."""

OTHERWISE: dict[str, Any] = {
    "kind": "training",
    "title": "高等数学（二）",
    "code": "MATH-2",
    "category": "职业培训",
    "level": "专科",
    "hours": "32",
    "credits": "2.5",
    "scheme": "hk-qf",
    "score": {"value": "86", "scale": "100"},
    "certificate_no": "渝证-2026-002",
    "started_on": "2026-03-02",
    "completed_on": "2026-06-29",
    "programme": "数学",
}
"""Something else for each of its fields."""


def post(house: House, body: object, institution: str = "cqdx") -> TestResponse:
    return house.http.post("/v1/outcomes", json=body, headers=house.auth(institution))


def put(house: House, outcome_id: str, body: object, revision: int, institution: str = "cqdx") -> TestResponse:
    headers = house.auth(institution) | {"If-Match": f'"{revision}"'}
    return house.http.put(f"/v1/outcomes/{outcome_id}", json=body, headers=headers)


def revoke(house: House, outcome_id: str, institution: str = "cqdx", reason: str = "录入有误") -> TestResponse:
    url = f"/v1/outcomes/{outcome_id}/revoke"
    return house.http.post(url, json={"reason": reason}, headers=house.auth(institution))


def shown(house: House, outcome_id: str, institution: str = "cqdx") -> dict[str, Any]:
    answer = house.http.get(f"/v1/outcomes/{outcome_id}", headers=house.auth(institution))
    assert answer.status_code == 200, answer.get_data(as_text=True)
    document: dict[str, Any] = answer.get_json()
    return document


def batch(house: House, rows: object, institution: str = "cqdx") -> dict[str, Any]:
    answer = house.http.post("/v1/outcomes/batch", json=rows, headers=house.auth(institution))
    assert answer.status_code == 200, answer.get_data(as_text=True)
    document: dict[str, Any] = answer.get_json()
    return document


def amounts(house: House, learner_id: str, institution: str = "cqdx") -> list[tuple[str, str, str]]:
    """Return kind, amount and balance after of each passbook line, oldest first."""
    answer = house.http.get(f"/v1/learners/{learner_id}/statement", headers=house.auth(institution))
    lines = reversed(answer.get_json()["items"])
    return [(line["kind"], line["amount"], line["balance_after"]) for line in lines]


def recognised(house: House, learner_id: str, institution: str = "cqdx") -> str:
    balances = house.balance(learner_id, institution)
    return str(balances[SCHEME]["recognised"]) if SCHEME in balances else "none"


def faults(answer: TestResponse) -> set[tuple[str, str]]:
    return {(fault["pointer"], fault["code"]) for fault in answer.get_json()["errors"]}


def named(number: int, **changes: Any) -> dict[str, Any]:
    """Return a learner named by identifier and name, as `learner_body` would open the account."""
    body = learner_body(number)
    return {"identifier": body["identifiers"][0], "name": body["name"]} | changes


def learners_count(house: House) -> int:
    with house.bank.database.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(learner_table)).scalar_one())


def verified(house: House) -> None:
    assert looked_up(house.bank, administrator(), verify).faults == ()


# --- the same record again


def test_a_repeat_is_answered_200_with_the_same_body_and_books_nothing(house: House) -> None:
    learner_id = house.open_learner()["id"]
    body = outcome_body(learner_id, 1, **FULL)
    first = post(house, body)
    assert (first.status_code, first.get_json()["status"]) == (201, "recognised")
    assert first.get_json().keys() >= {"id", "revision", "status", "learner_id", "recognition", "duplicate_of"}
    for again in (body, body | {"hours": 48}, body | {"hours": "48.00"}, body | {"credits": 3}):
        answer = post(house, again)
        assert (answer.status_code, answer.get_json()) == (200, first.get_json())
    assert amounts(house, learner_id) == [("recognise", "3.00", "3.00")]


def test_null_and_left_out_are_the_same_content(house: House) -> None:
    learner_id = house.open_learner()["id"]
    first = post(house, outcome_body(learner_id, 1))
    nulls = dict.fromkeys(("code", "category", "level", "score", "certificate_no", "started_on", "programme"))
    again = post(house, outcome_body(learner_id, 1, **nulls))
    assert (again.status_code, again.get_json()) == (200, first.get_json())


@pytest.mark.parametrize("left_out", [False, True])
def test_other_content_is_a_conflict_that_names_the_field(house: House, *, left_out: bool) -> None:
    learner_id = house.open_learner()["id"]
    body = outcome_body(learner_id, 1, **FULL)
    kept = post(house, body).get_json()
    for name, value in OTHERWISE.items():
        if left_out and name in ("kind", "title", "completed_on"):
            continue
        answer = post(house, body | {name: None if left_out else value})
        assert (answer.status_code, faults(answer)) == (409, {(f"/{name}", "differs")}), name
    assert shown(house, kept["id"])["revision"] == 1
    assert recognised(house, learner_id) == "3.00"


def test_the_conflict_names_the_learner_and_everything_else_that_differs(house: House) -> None:
    learner_id, other_id = house.open_learner()["id"], house.open_learner()["id"]
    body = outcome_body(learner_id, 1, **FULL)
    post(house, body)
    assert faults(post(house, body | {"learner": {"id": other_id}})) == {("/learner", "differs")}
    assert faults(post(house, body | {"learner": named(99)})) == {("/learner", "differs")}
    all_other = post(house, body | OTHERWISE | {"learner": {"id": other_id}})
    assert all_other.status_code == 409
    assert faults(all_other) == {(f"/{name}", "differs") for name in [*OTHERWISE, "learner"]}
    assert learners_count(house) == 2


def test_an_external_id_belongs_to_its_institution(house: House) -> None:
    answers = []
    for institution in ("cqdx", "cqou"):
        learner_id = house.open_learner(institution)["id"]
        answers.append(post(house, outcome_body(learner_id, 1, title=institution), institution))
    assert [answer.status_code for answer in answers] == [201, 201]


# --- who the learner is


def test_a_learner_named_by_identifier_gets_the_account_that_opening_one_would_give(house: House) -> None:
    answer = post(house, outcome_body("", 1, learner=named(7)))
    assert answer.status_code == 201, answer.get_data(as_text=True)
    learner_id = answer.get_json()["learner_id"]
    opened = house.http.post("/v1/learners", json=learner_body(7), headers=house.auth())
    assert (opened.status_code, opened.get_json()["id"]) == (200, learner_id)
    assert (opened.get_json()["status"], opened.get_json()["name"]) == ("active", learner_body(7)["name"])
    assert post(house, outcome_body("", 2, learner=named(7))).get_json()["learner_id"] == learner_id
    assert post(house, outcome_body("", 1, learner={"id": learner_id})).status_code == 200
    assert recognised(house, learner_id) == "6.00"


def test_an_institution_comes_to_know_a_learner_by_naming_them(house: House) -> None:
    learner_id = house.open_learner("cqdx", **learner_body(7))["id"]
    assert post(house, outcome_body(learner_id, 1), "cqou").status_code == 404
    answer = post(house, outcome_body("", 1, learner=named(7), hours="54"), "cqou")
    assert (answer.status_code, answer.get_json()["learner_id"]) == (201, learner_id)
    assert house.balance(learner_id, "cqou")["cn-ou-18h"]["recognised"] == "3.00"


def test_one_identifier_under_two_names_is_two_learners_in_conflict_who_both_receive(house: House) -> None:
    answers = [
        post(house, outcome_body("", number, learner=named(7, name=name)))
        for number, name in enumerate(["张三", "李四"], start=1)
    ]
    ids = [answer.get_json()["learner_id"] for answer in answers]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert len(set(ids)) == 2
    for learner_id, name in zip(ids, ["张三", "李四"], strict=True):
        account = house.http.get(f"/v1/learners/{learner_id}", headers=house.auth()).get_json()
        assert (account["status"], account["name"]) == ("conflict", name)
        assert recognised(house, learner_id) == "3.00"
    again = post(house, outcome_body("", 3, learner=named(7, name="张三")))
    assert again.get_json()["learner_id"] == ids[0]


def test_one_identifier_under_two_names_in_one_batch_is_two_learners_in_conflict(house: House) -> None:
    rows = [outcome_body("", number, learner=named(7, name=name)) for number, name in enumerate("甲乙甲", start=1)]
    results = batch(house, rows)["results"]
    assert [row["status"] for row in results] == ["accepted"] * 3
    ids = [row["learner_id"] for row in results]
    assert ids[0] == ids[2] != ids[1]
    for learner_id in set(ids):
        account = house.http.get(f"/v1/learners/{learner_id}", headers=house.auth()).get_json()
        assert account["status"] == "conflict"


def test_a_student_number_means_something_within_its_institution_only(house: House) -> None:
    student = named(7, identifier={"type": "student_no", "value": "2026001234"}, name="王五")
    ids = {
        institution: post(house, outcome_body("", 1, learner=student, title=institution), institution).get_json()
        for institution in ("cqdx", "cqou")
    }
    assert ids["cqdx"]["learner_id"] != ids["cqou"]["learner_id"]
    for institution, answer in ids.items():
        url = f"/v1/learners/{answer['learner_id']}"
        account = house.http.get(url, headers=house.auth(institution)).get_json()
        assert account["status"] == "active"
        assert [item["type"] for item in account["identifiers"]] == ["student_no"]


def test_another_institution_does_not_see_a_student_number(house: House) -> None:
    both = [
        {"type": "cn.resident_id", "value": resident_id(7)},
        {"type": "student_no", "value": "2026001234"},
    ]
    learner_id = house.open_learner("cqdx", name="王五", identifiers=both)["id"]
    seen = house.open_learner("cqou", name="王五", identifiers=both[:1])
    assert seen["id"] == learner_id
    assert [item["type"] for item in seen["identifiers"]] == ["cn.resident_id"]


# --- corrections


def test_a_correction_is_a_new_revision_a_reversal_and_a_new_entry(house: House) -> None:
    learner_id = house.open_learner()["id"]
    body = outcome_body(learner_id, 1)
    outcome_id = post(house, body).get_json()["id"]
    read = house.http.get(f"/v1/outcomes/{outcome_id}", headers=house.auth())
    assert read.headers["ETag"] == '"1"'
    corrected = put(house, outcome_id, body | {"hours": "32"}, 1)
    assert (corrected.status_code, corrected.headers["ETag"]) == (200, '"2"')
    document = corrected.get_json()
    assert (document["id"], document["revision"], document["status"]) == (outcome_id, 2, "recognised")
    assert document["recognition"]["credits"] == "2.00"
    assert amounts(house, learner_id) == [
        ("recognise", "3.00", "3.00"),
        ("reverse", "-3.00", "0.00"),
        ("recognise", "2.00", "2.00"),
    ]
    assert recognised(house, learner_id) == "2.00"
    read = house.http.get(f"/v1/outcomes/{outcome_id}", headers=house.auth())
    assert (read.headers["ETag"], read.get_json()["content"]["hours"]) == ('"2"', "32.00")
    verified(house)


def test_a_correction_sent_again_is_answered_as_it_stands(house: House) -> None:
    learner_id = house.open_learner()["id"]
    body = outcome_body(learner_id, 1, certificate_no="渝-1")
    outcome_id = post(house, body).get_json()["id"]
    changed = body | {"certificate_no": "渝-2", "hours": "32"}
    first = put(house, outcome_id, changed, 1)
    again = put(house, outcome_id, changed, 1)
    assert (again.status_code, again.get_json(), again.headers["ETag"]) == (200, first.get_json(), '"2"')
    same = put(house, outcome_id, changed, 2)
    assert (same.status_code, same.get_json()) == (200, first.get_json())
    assert len(amounts(house, learner_id)) == 3


def test_a_correction_of_an_older_revision_is_refused(house: House) -> None:
    learner_id = house.open_learner()["id"]
    body = outcome_body(learner_id, 1)
    outcome_id = post(house, body).get_json()["id"]
    put(house, outcome_id, body | {"hours": "32"}, 1)
    for revision in (1, 3):
        answer = put(house, outcome_id, body | {"hours": "64"}, revision)
        assert (answer.status_code, faults(answer)) == (412, {("", "outdated")})
    assert recognised(house, learner_id) == "2.00"
    put(house, outcome_id, body | {"hours": "64"}, 2)
    assert put(house, outcome_id, body | {"hours": "64"}, 1).status_code == 412
    assert recognised(house, learner_id) == "4.00"


def test_a_correction_without_if_match_is_refused(house: House) -> None:
    body = outcome_body(house.open_learner()["id"], 1)
    outcome_id = post(house, body).get_json()["id"]
    answer = house.http.put(f"/v1/outcomes/{outcome_id}", json=body, headers=house.auth())
    assert answer.status_code == 428


def test_a_correction_to_what_stands_changes_nothing(house: House) -> None:
    learner_id = house.open_learner()["id"]
    body = outcome_body(learner_id, 1, **FULL)
    posted = post(house, body).get_json()
    answer = put(house, posted["id"], body, 1)
    assert (answer.status_code, answer.get_json(), answer.headers["ETag"]) == (200, posted, '"1"')
    assert amounts(house, learner_id) == [("recognise", "3.00", "3.00")]


@pytest.mark.parametrize("hours", ["48", "32"])
def test_a_correction_changes_neither_the_learner_nor_the_external_id(house: House, hours: str) -> None:
    house.open_learner("cqdx", **learner_body(7))
    learner_id, other_id = house.open_learner()["id"], house.open_learner()["id"]
    body = outcome_body(learner_id, 1)
    outcome_id = post(house, body).get_json()["id"]
    changed = body | {"hours": hours}
    for changes, expected in (
        ({"learner": {"id": other_id}}, {("/learner", "fixed")}),
        ({"learner": named(7)}, {("/learner", "fixed")}),
        ({"learner": named(8)}, {("/learner", "fixed")}),
        ({"external_id": "another"}, {("/external_id", "fixed")}),
        ({"external_id": "another", "learner": {"id": other_id}}, {("/external_id", "fixed"), ("/learner", "fixed")}),
    ):
        answer = put(house, outcome_id, changed | changes, 1)
        assert (answer.status_code, faults(answer)) == (422, expected)
    assert (shown(house, outcome_id)["revision"], recognised(house, learner_id)) == (1, "3.00")
    assert learners_count(house) == 3


def test_a_correction_may_name_the_learner_in_either_way(house: House) -> None:
    learner_id = house.open_learner("cqdx", **learner_body(7))["id"]
    body = outcome_body(learner_id, 1)
    outcome_id = post(house, body).get_json()["id"]
    answer = put(house, outcome_id, body | {"learner": named(7), "hours": "32"}, 1)
    assert (answer.status_code, answer.get_json()["learner_id"]) == (200, learner_id)


def test_content_of_any_revision_posted_again_is_a_replay_of_what_stands(house: House) -> None:
    learner_id = house.open_learner()["id"]
    body = outcome_body(learner_id, 1)
    outcome_id = post(house, body).get_json()["id"]
    stands = put(house, outcome_id, body | {"hours": "32"}, 1).get_json()
    for content in (body, body | {"hours": "32"}):
        answer = post(house, content)
        assert (answer.status_code, answer.get_json()) == (200, stands)
    third = post(house, body | {"hours": "64"})
    assert (third.status_code, faults(third)) == (409, {("/hours", "differs")})
    assert recognised(house, learner_id) == "2.00"


def test_a_correction_can_take_the_credits_away_and_bring_them_back(house: House) -> None:
    learner_id = house.open_learner()["id"]
    body = outcome_body(learner_id, 1)
    outcome_id = post(house, body).get_json()["id"]
    failed = put(house, outcome_id, body | {"score": {"value": "59", "scale": "100"}}, 1).get_json()
    assert (failed["status"], failed["recognition"], recognised(house, learner_id)) == ("recorded", None, "0.00")
    passed = put(house, outcome_id, body | {"score": {"value": "60", "scale": "100"}}, 2).get_json()
    assert (passed["status"], passed["revision"], recognised(house, learner_id)) == ("recognised", 3, "3.00")
    verified(house)


def test_a_correction_is_judged_like_a_new_record(house: House) -> None:
    body = outcome_body(house.open_learner()["id"], 1)
    outcome_id = post(house, body).get_json()["id"]
    answer = put(house, outcome_id, body | {"completed_on": "2026-07-02", "scheme": "none"}, 1)
    assert answer.status_code == 422
    assert faults(answer) == {("/completed_on", "future_date"), ("/scheme", "unknown_scheme")}


# --- revocation


def test_a_revoked_outcome_has_no_credits_and_stays_revoked(house: House) -> None:
    learner_id = house.open_learner()["id"]
    body = outcome_body(learner_id, 1)
    outcome_id = post(house, body).get_json()["id"]
    first = revoke(house, outcome_id, reason="证书作废")
    assert first.status_code == 200
    assert (first.get_json()["status"], first.get_json()["recognition"]) == ("revoked", None)
    assert revoke(house, outcome_id, reason="再来一次").get_json() == first.get_json()
    assert amounts(house, learner_id) == [("recognise", "3.00", "3.00"), ("reverse", "-3.00", "0.00")]
    assert recognised(house, learner_id) == "0.00"
    decision_id = first.get_json()["decision_id"]
    decision = house.http.get(f"/v1/decisions/{decision_id}", headers=house.auth()).get_json()
    assert (decision["kind"], decision["inputs"]) == ("revocation", {"reason": "证书作废"})
    verified(house)


def test_a_revoked_outcome_is_not_corrected(house: House) -> None:
    body = outcome_body(house.open_learner()["id"], 1)
    outcome_id = post(house, body).get_json()["id"]
    revoke(house, outcome_id)
    for content in (body, body | {"hours": "32"}):
        answer = put(house, outcome_id, content, 1)
        assert (answer.status_code, faults(answer)) == (409, {("", "revoked")})
    replay = post(house, body)
    assert (replay.status_code, replay.get_json()["status"]) == (200, "revoked")
    assert shown(house, outcome_id)["status"] == "revoked"


def test_what_was_revoked_can_be_recorded_again_under_another_external_id(house: House) -> None:
    learner_id = house.open_learner()["id"]
    body = outcome_body(learner_id, 1, certificate_no="渝-1")
    revoke(house, post(house, body).get_json()["id"])
    again = post(house, body | {"external_id": "record-1-again"})
    assert (again.status_code, again.get_json()["status"]) == (201, "recognised")
    assert recognised(house, learner_id) == "3.00"


# --- duplicates


@pytest.mark.parametrize("other", ["渝证 2026 001", "渝证—2026—００１", "渝证2026-001号", "渝证·2026/001"])
def test_a_certificate_number_is_known_again_across_institutions_and_titles(house: House, other: str) -> None:
    learner_id = house.open_learner("cqdx", **learner_body(7))["id"]
    kept = house.post_outcome(learner_id, title="计算机一级", certificate_no="渝证-2026-001")
    body = outcome_body(
        "", 2, learner=named(7), title="NCRE Level 1", certificate_no=other, completed_on="2026-05-01", hours="54"
    )
    found = post(house, body, "cqou")
    assert found.status_code == 201
    document = found.get_json()
    assert (document["status"], document["recognition"]) == ("duplicate", None)
    assert document["duplicate_of"] == kept["id"]
    assert house.balance(learner_id, "cqou").keys() == {SCHEME}
    assert recognised(house, learner_id) == "3.00"


def test_letters_of_a_certificate_number_count_in_either_case(house: House) -> None:
    learner_id = house.open_learner()["id"]
    kept = house.post_outcome(learner_id, certificate_no="ncre-2026-ab1")
    found = house.post_outcome(learner_id, certificate_no="NCRE 2026 AB1")
    assert found["duplicate_of"] == kept["id"]
    assert house.post_outcome(learner_id, certificate_no="NCRE 2026 AB2")["status"] == "recognised"


def test_a_title_on_the_same_day_is_known_again_across_institutions(house: House) -> None:
    learner_id = house.open_learner("cqdx", **learner_body(7))["id"]
    kept = house.post_outcome(learner_id, title="大学语文")
    found = post(house, outcome_body("", 2, learner=named(7), title="《大学语文》"), "cq-community").get_json()
    assert (found["status"], found["duplicate_of"]) == ("duplicate", kept["id"])
    assert recognised(house, learner_id) == "3.00"
    decision = house.http.get(f"/v1/decisions/{found['decision_id']}", headers=house.auth("cq-community")).get_json()
    assert (decision["kind"], decision["result"]) == ("duplicate", None)
    assert decision["inputs"]["duplicate_of"] == kept["id"]


def test_when_the_first_is_revoked_its_duplicate_is_credited_in_its_place(house: House) -> None:
    learner_id = house.open_learner("cqdx", **learner_body(7))["id"]
    kept = house.post_outcome(learner_id, title="大学语文")
    later = post(house, outcome_body("", 2, learner=named(7), title="大学语文", hours="54"), "cqou").get_json()
    last = post(house, outcome_body(learner_id, 3, title="大学语文")).get_json()
    revoke(house, kept["id"])
    promoted = shown(house, later["id"], "cqou")
    assert (promoted["status"], promoted["duplicate_of"]) == ("recognised", None)
    assert promoted["recognition"]["credits"] == "3.00"
    assert (shown(house, last["id"])["status"], shown(house, last["id"])["duplicate_of"]) == ("duplicate", later["id"])
    balances = house.balance(learner_id)
    assert (balances[SCHEME]["recognised"], balances["cn-ou-18h"]["recognised"]) == ("0.00", "3.00")
    verified(house)


@pytest.mark.parametrize(
    ("first", "corrected"),
    [
        ({"title": "大学语文"}, {"title": "大学英语"}),
        ({"title": "大学语文"}, {"title": "大学语文", "completed_on": "2026-06-29"}),
        ({"title": "甲", "certificate_no": "渝-1"}, {"title": "甲", "certificate_no": "渝-2"}),
        ({"title": "甲", "certificate_no": "渝-1"}, {"title": "甲"}),
    ],
)
def test_when_the_first_is_corrected_away_its_duplicate_is_credited_too(
    house: House, first: dict[str, str], corrected: dict[str, str]
) -> None:
    learner_id = house.open_learner()["id"]
    kept = house.post_outcome(learner_id, external_id="first", **first)
    same = first if "certificate_no" not in first else {"title": "乙", "certificate_no": "渝 1"}
    duplicate = house.post_outcome(learner_id, **same)
    assert duplicate["duplicate_of"] == kept["id"]
    put(house, kept["id"], outcome_body(learner_id, 0, external_id="first", **corrected), 1)
    found = shown(house, duplicate["id"])
    assert (found["status"], found["duplicate_of"], recognised(house, learner_id)) == ("recognised", None, "6.00")
    verified(house)


def test_an_outcome_corrected_into_another_one_loses_its_credits(house: House) -> None:
    learner_id = house.open_learner()["id"]
    kept = house.post_outcome(learner_id, title="大学语文")
    second = house.post_outcome(learner_id, external_id="second", title="大学英语")
    body = outcome_body(learner_id, 0, external_id="second", title="大学语文")
    found = put(house, second["id"], body, 1).get_json()
    assert (found["status"], found["duplicate_of"], found["recognition"]) == ("duplicate", kept["id"], None)
    assert recognised(house, learner_id) == "3.00"
    back = put(house, second["id"], body | {"title": "大学英语"}, 2).get_json()
    assert (back["status"], recognised(house, learner_id)) == ("recognised", "6.00")
    verified(house)


def three_of_the_same(house: House) -> tuple[str, str, str, str]:
    """Post a record, one of the same certificate, and one of the title of that second; return learner and outcomes."""
    learner_id = house.open_learner()["id"]
    first = house.post_outcome(learner_id, external_id="a", title="计算机一级", certificate_no="渝-1")
    second = house.post_outcome(learner_id, external_id="b", title="NCRE", certificate_no="渝 1")
    third = house.post_outcome(learner_id, external_id="c", title="ncre")
    assert [one["duplicate_of"] for one in (first, second, third)] == [None, first["id"], first["id"]]
    assert recognised(house, learner_id) == "3.00"
    return learner_id, first["id"], second["id"], third["id"]


def counts_for(house: House, outcome_id: str) -> str | None:
    """Return the outcome that counts in its place: itself where it is credited, none where it is revoked."""
    found = shown(house, outcome_id)
    counting: str | None = {"recognised": outcome_id, "revoked": None}.get(found["status"], found["duplicate_of"])
    return counting


def test_what_is_the_same_as_a_duplicate_is_the_same_as_what_counts(house: House) -> None:
    learner_id, first, second, third = three_of_the_same(house)
    revoke(house, first)
    assert [counts_for(house, one) for one in (first, second, third)] == [None, second, second]
    assert recognised(house, learner_id) == "3.00"
    revoke(house, second)
    assert [counts_for(house, one) for one in (first, second, third)] == [None, None, third]
    assert recognised(house, learner_id) == "3.00"
    verified(house)


def test_without_the_one_between_them_two_are_no_longer_the_same(house: House) -> None:
    learner_id, first, second, third = three_of_the_same(house)
    revoke(house, second)
    assert [counts_for(house, one) for one in (first, second, third)] == [first, None, third]
    assert recognised(house, learner_id) == "6.00"
    verified(house)


def test_the_one_between_takes_with_it_what_is_the_same_as_it_only(house: House) -> None:
    learner_id, first, second, third = three_of_the_same(house)
    put(house, second, outcome_body(learner_id, 0, external_id="b", title="NCRE", certificate_no="渝-2"), 1)
    assert [counts_for(house, one) for one in (first, second, third)] == [first, second, second]
    assert recognised(house, learner_id) == "6.00"
    again = outcome_body(learner_id, 0, external_id="b", title="NCRE", certificate_no="渝-1")
    put(house, second, again, 2)
    assert [counts_for(house, one) for one in (first, second, third)] == [first, first, first]
    assert recognised(house, learner_id) == "3.00"
    verified(house)


def test_rows_of_a_batch_are_the_same_as_duplicates_before_them(house: House) -> None:
    learner_id = house.open_learner()["id"]
    rows = [
        outcome_body(learner_id, 1, title="甲", certificate_no="渝-1"),
        outcome_body(learner_id, 2, title="乙", certificate_no="渝-1"),
        outcome_body(learner_id, 3, title="乙"),
    ]
    results = house.http.post("/v1/outcomes/batch", json=rows, headers=house.auth()).get_json()["results"]
    assert [row["outcome_status"] for row in results] == ["recognised", "duplicate", "duplicate"]
    assert {row["duplicate_of"] for row in results[1:]} == {results[0]["id"]}
    assert recognised(house, learner_id) == "3.00"
    verified(house)


def test_a_revoked_duplicate_moves_nothing(house: House) -> None:
    learner_id = house.open_learner()["id"]
    house.post_outcome(learner_id, title="大学语文")
    duplicate = house.post_outcome(learner_id, title="大学语文")
    assert revoke(house, duplicate["id"]).get_json()["status"] == "revoked"
    assert amounts(house, learner_id) == [("recognise", "3.00", "3.00")]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_however_outcomes_come_change_and_go_each_learning_counts_once(house: House, seed: int) -> None:
    chance = Random(seed)  # noqa: S311 - a seeded sequence, no secret
    learner_id = house.open_learner()["id"]
    standing: dict[str, tuple[dict[str, Any], int]] = {}

    def record(number: int) -> dict[str, Any]:
        title, day = chance.choice(["语文", "数学", "英语"]), chance.choice(["2026-06-29", "2026-06-30"])
        return outcome_body(learner_id, number, title=title, completed_on=day)

    for number in range(40):
        chosen = chance.choice(sorted(standing)) if standing else None
        step = chance.random()
        if chosen is None or step < 0.4:
            body = record(number)
            standing[post(house, body).get_json()["id"]] = (body, 1)
        elif step < 0.75:
            body, revision = standing[chosen]
            changed = record(number) | {"external_id": body["external_id"]}
            answer = put(house, chosen, changed, revision)
            standing[chosen] = (changed, answer.get_json()["revision"])
        else:
            assert revoke(house, chosen).status_code == 200
            del standing[chosen]
        learned = {(body["title"], body["completed_on"]) for body, _ in standing.values()}
        assert recognised(house, learner_id) == f"{3 * len(learned)}.00"
    verified(house)


# --- batches


def test_good_rows_are_booked_bad_rows_reported_and_the_summary_adds_up(house: House) -> None:
    learner_id = house.open_learner()["id"]
    on_record = outcome_body(learner_id, 1)
    post(house, on_record)
    rows = [
        on_record,
        outcome_body(learner_id, 2),
        outcome_body(learner_id, 3, completed_on="2026-07-02"),
        on_record | {"hours": "32"},
        outcome_body(learner_id, 4, wrong="field"),
        "no record",
        outcome_body(learner_id, 2),
        outcome_body(learner_id, 2, hours="32"),
        outcome_body("", 5, learner=named(7)),
        outcome_body("00000000-0000-0000-0000-000000000001", 6),
    ]
    found = batch(house, rows)
    assert [(row["row"], row["status"]) for row in found["results"]] == [
        (1, "replayed"),
        (2, "accepted"),
        (3, "rejected"),
        (4, "rejected"),
        (5, "rejected"),
        (6, "rejected"),
        (7, "replayed"),
        (8, "rejected"),
        (9, "accepted"),
        (10, "rejected"),
    ]
    assert found["summary"] == {"accepted": 2, "replayed": 2, "rejected": 6}
    reasons = {
        row["row"]: {(fault["pointer"], fault["code"]) for fault in row["errors"]}
        for row in found["results"]
        if row["status"] == "rejected"
    }
    assert reasons == {
        3: {("/completed_on", "future_date")},
        4: {("/hours", "differs")},
        5: {("/wrong", "unknown_field")},
        6: {("", "wrong_type")},
        8: {("/hours", "differs")},
        10: {("/learner/id", "unknown_learner")},
    }
    accepted = found["results"][1]
    assert (accepted["recognition"]["credits"], accepted["outcome_status"]) == ("3.00", "recognised")
    assert found["results"][6]["id"] == accepted["id"]
    assert recognised(house, learner_id) == "6.00"
    verified(house)


def test_a_batch_sent_again_is_replayed_row_by_row(house: House) -> None:
    learner_id = house.open_learner()["id"]
    rows = [outcome_body(learner_id, number) for number in range(5)]
    first, again = batch(house, rows), batch(house, rows)
    assert (first["summary"]["accepted"], again["summary"]["replayed"]) == (5, 5)
    assert [row["id"] for row in first["results"]] == [row["id"] for row in again["results"]]
    assert [row["recognition"] for row in first["results"]] == [row["recognition"] for row in again["results"]]
    assert recognised(house, learner_id) == "15.00"


def test_a_bad_row_does_not_keep_its_external_id_from_a_good_one(house: House) -> None:
    learner_id = house.open_learner()["id"]
    rows = [outcome_body(learner_id, 1, completed_on="2026-07-02"), outcome_body(learner_id, 1)]
    assert [row["status"] for row in batch(house, rows)["results"]] == ["rejected", "accepted"]


def test_rows_of_one_batch_are_duplicates_of_each_other(house: House) -> None:
    learner_id = house.open_learner()["id"]
    rows = [outcome_body(learner_id, number, title="大学语文") for number in (1, 2)]
    results = batch(house, rows)["results"]
    assert [row["outcome_status"] for row in results] == ["recognised", "duplicate"]
    assert results[1]["duplicate_of"] == results[0]["id"]
    assert recognised(house, learner_id) == "3.00"


def test_ndjson_rows_are_numbered_by_their_lines(house: House) -> None:
    learner_id = house.open_learner()["id"]
    good = [json.dumps(outcome_body(learner_id, number), ensure_ascii=False) for number in (1, 2)]
    body = f"{good[0]}\n\n{{not json\r\n{good[1]}\n"
    answer = house.http.post(
        "/v1/outcomes/batch", data=body.encode(), content_type="application/x-ndjson", headers=house.auth()
    )
    assert answer.status_code == 200, answer.get_data(as_text=True)
    found = answer.get_json()
    assert [(row["row"], row["status"]) for row in found["results"]] == [
        (1, "accepted"),
        (3, "rejected"),
        (4, "accepted"),
    ]
    assert found["summary"] == {"accepted": 2, "replayed": 0, "rejected": 1}
    assert [fault["code"] for fault in found["results"][1]["errors"]] == ["not_json"]


@pytest.mark.parametrize("is_ended_by_server", [True, False])
def test_rows_whose_sending_breaks_off_are_not_recorded(house: House, *, is_ended_by_server: bool) -> None:
    """Lines that came would be sound by themselves, and their answer would be kept for all under the same key."""
    body = f"{json.dumps(outcome_body(house.open_learner()['id'], 1))}\n".encode()
    length = {"CONTENT_LENGTH": str(2 * len(body)), "wsgi.input_terminated": is_ended_by_server}
    answer = house.http.post(
        "/v1/outcomes/batch",
        input_stream=io.BytesIO(body),
        content_type="application/x-ndjson",
        headers={**house.auth(), "Idempotency-Key": "once"},
        environ_overrides=length,
    )
    assert (answer.status_code, answer.get_json()["errors"][0]["code"]) == (422, "broken_off")
    again = house.http.post(
        "/v1/outcomes/batch",
        data=body + body,
        content_type="application/x-ndjson",
        headers={**house.auth(), "Idempotency-Key": "once"},
    )
    assert again.get_json()["summary"] == {"accepted": 1, "replayed": 1, "rejected": 0}


def test_bad_rows_leave_no_trace(house: House) -> None:
    stranger = outcome_body("", 1, learner=named(7), completed_on="2026-07-02")
    conflicting = outcome_body("", 2, learner=named(8, name="另一人"), completed_on="2026-07-02")
    known = house.open_learner("cqdx", **learner_body(8))
    assert batch(house, [stranger, conflicting])["summary"] == {"accepted": 0, "replayed": 0, "rejected": 2}
    assert learners_count(house) == 1
    account = house.http.get(f"/v1/learners/{known['id']}", headers=house.auth()).get_json()
    assert account["status"] == "active"
    opened = house.http.post("/v1/learners", json=learner_body(7), headers=house.auth())
    assert opened.status_code == 201
    assert batch(house, [stranger | {"completed_on": "2026-06-30"}])["summary"]["accepted"] == 1


def test_ten_thousand_rows_are_taken_at_once_and_no_more(house: House) -> None:
    too_many = [{}] * 10_001
    refused = house.http.post("/v1/outcomes/batch", json=too_many, headers=house.auth())
    assert (refused.status_code, faults(refused)) == (413, {("", "too_many_rows")})
    lines = b"{}\n" * 10_001
    refused = house.http.post(
        "/v1/outcomes/batch", data=lines, content_type="application/x-ndjson", headers=house.auth()
    )
    assert (refused.status_code, faults(refused)) == (413, {("", "too_many_rows")})
    assert batch(house, too_many[:-1])["summary"] == {"accepted": 0, "replayed": 0, "rejected": 10_000}


def test_a_batch_without_rows_does_nothing(house: House) -> None:
    assert batch(house, []) == {"summary": {"accepted": 0, "replayed": 0, "rejected": 0}, "results": []}


def test_a_batch_that_is_no_list_is_refused(house: House) -> None:
    answer = house.http.post("/v1/outcomes/batch", json={"rows": []}, headers=house.auth())
    assert (answer.status_code, faults(answer)) == (422, {("", "wrong_type")})
