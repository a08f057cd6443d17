"""Identity cases over HTTP: numbers under two names, merges and their undoing, and who may decide them."""

from typing import Any

import pytest
from sqlalchemy import select

from creditbank.services.access import client_token
from creditbank.storage import catalogue
from creditbank.storage.access_log import access_log
from tests.builders import BASE_URL, SAME_TITLE, House, learner_body, outcome_body, resident_id

REASON = {"reason": "同一人在两处报名", "evidence": "现场核验身份证"}


def reviewer(house: House, institution: str = "authority") -> dict[str, str]:
    """Return the header of one more reviewer."""
    client_id = house.client(institution, "identity:review")
    return {"Authorization": f"Bearer {client_token(house.bank, BASE_URL, client_id, ('identity:review',))}"}


def reviewers(house: House, institution: str = "authority") -> list[dict[str, str]]:
    return [reviewer(house, institution) for _ in range(3)]


def cases(house: House, auth: dict[str, str], **query: str) -> list[dict[str, Any]]:
    answer = house.http.get("/v1/identity/cases", query_string=query, headers=auth)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    items: list[dict[str, Any]] = answer.get_json()["items"]
    return items


def opened(house: House, auth: dict[str, str], status: int = 201, **body: Any) -> dict[str, Any]:
    answer = house.http.post("/v1/identity/cases", json=REASON | body, headers=auth)
    assert answer.status_code == status, answer.get_data(as_text=True)
    document: dict[str, Any] = answer.get_json()
    return document


def said(house: House, auth: dict[str, str], case_id: str, verdict: str, **more: Any) -> tuple[int, dict[str, Any]]:
    url = f"/v1/identity/cases/{case_id}/decisions"
    answer = house.http.post(url, json={"verdict": verdict, **more}, headers=auth)
    return answer.status_code, answer.get_json()


def codes(problem: dict[str, Any]) -> list[str]:
    return [error["code"] for error in problem["errors"]]


def shown(house: House, learner_id: str, institution: str = "cqdx") -> dict[str, Any]:
    answer = house.http.get(f"/v1/learners/{learner_id}", headers=house.auth(institution))
    assert answer.status_code == 200, answer.get_data(as_text=True)
    document: dict[str, Any] = answer.get_json()
    return document


def rivals(house: House) -> tuple[dict[str, Any], dict[str, Any]]:
    """Open two accounts with one number under two names."""
    number = next(house.numbers)
    one = house.http.post("/v1/learners", json=learner_body(number), headers=house.auth()).get_json()
    body = learner_body(number, name="另一个名字")
    other = house.http.post("/v1/learners", json=body, headers=house.auth()).get_json()
    assert one["id"] != other["id"]
    return one, other


def merged(house: House) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Merge two accounts and return them with the case."""
    one, other = house.open_learner(), house.open_learner()
    asks, first, second = reviewers(house)
    case = opened(house, asks, kind="merge", learner_id=one["id"], into_id=other["id"])
    assert said(house, first, case["id"], "same")[1]["state"] == "open"
    status, decided = said(house, second, case["id"], "same")
    assert (status, decided["state"], decided["verdict"]) == (200, "decided", "same")
    return one, other, decided


def test_a_number_under_another_name_opens_one_case_however_often_it_comes(house: House) -> None:
    one, other = rivals(house)
    number = next(house.numbers) - 1
    for changes in ({}, {"name": "另一个名字"}, {}):
        again = house.http.post("/v1/learners", json=learner_body(number, **changes), headers=house.auth())
        assert again.status_code == 200
    auth = reviewer(house)
    (case,) = cases(house, auth, kind="conflict", state="open")
    assert {case["learner_id"], case["other_id"]} == {one["id"], other["id"]}
    full = house.http.get(f"/v1/identity/cases/{case['id']}", headers=auth).get_json()
    assert {account["name"] for account in full["accounts"]} == {one["name"], "另一个名字"}
    assert {account["status"] for account in full["accounts"]} == {"conflict"}
    assert all("*" in found["masked"] for account in full["accounts"] for found in account["identifiers"])
    assert full["score"] is None


def test_a_batch_opens_a_case_for_each_name_but_the_first(house: House) -> None:
    number = resident_id(next(house.numbers))
    rows = [
        outcome_body(
            "", next(house.numbers), learner={"name": name, "identifier": {"type": "resident_id", "value": number}}
        )
        for name in ("甲", "乙", "丙")
    ]
    answer = house.http.post("/v1/outcomes/batch", json=rows, headers=house.auth()).get_json()
    assert answer["summary"]["accepted"] == 3
    found = cases(house, reviewer(house))
    assert [case["kind"] for case in found] == ["conflict", "conflict"]
    ends = [{case["learner_id"], case["other_id"]} for case in found]
    assert len(ends[0] & ends[1]) == 1
    assert len(ends[0] | ends[1]) == 3


def test_decided_to_be_two_the_number_stays_with_its_holder_and_both_convert_again(house: House) -> None:
    one, other = rivals(house)
    auth = reviewer(house)
    (case,) = cases(house, auth)
    status, problem = said(house, auth, case["id"], "different")
    assert (status, codes(problem)) == (422, ["holder_needed"])
    status, decided = said(house, auth, case["id"], "different", holder=one["id"], reason="核对了照片")
    assert (status, decided["state"], decided["verdict"]) == (200, "decided", "different")
    assert decided["said"][0]["reason"] == "核对了照片"
    assert [shown(house, account["id"])["status"] for account in (one, other)] == ["active", "active"]
    assert len(shown(house, one["id"])["identifiers"]) == 1
    assert shown(house, other["id"])["identifiers"] == []


def test_decided_to_be_one_by_two_people_either_name_finds_the_person(house: House) -> None:
    number = next(house.numbers)
    bodies = [learner_body(number), learner_body(number, name="曾用名")]
    ids = [house.http.post("/v1/learners", json=body, headers=house.auth()).get_json()["id"] for body in bodies]
    first, second, third = reviewers(house)
    (case,) = cases(house, first)
    assert said(house, first, case["id"], "same", into_id=ids[1])[1]["state"] == "open"
    status, problem = said(house, first, case["id"], "same")
    assert (status, codes(problem)) == (409, ["spoken_already"])
    status, problem = said(house, third, case["id"], "same", into_id=ids[0])
    assert (status, codes(problem)) == (409, ["named_otherwise"])
    assert said(house, second, case["id"], "same")[1]["state"] == "decided"
    for body in bodies:
        again = house.http.post("/v1/learners", json=body, headers=house.auth())
        assert (again.status_code, again.get_json()["id"]) == (200, ids[1])
        assert (again.get_json()["name"], again.get_json()["status"]) == ("曾用名", "active")
    assert cases(house, first, state="open") == []


def test_what_a_third_one_claims_is_asked_anew_when_the_first_holder_is_found_to_be_wrong(house: House) -> None:
    number = next(house.numbers)
    ids = [
        house.http.post("/v1/learners", json=learner_body(number, name=name), headers=house.auth()).get_json()["id"]
        for name in ("甲", "乙", "丙")
    ]
    auth = reviewer(house)
    case = next(one for one in cases(house, auth) if ids[1] in (one["learner_id"], one["other_id"]))
    said(house, auth, case["id"], "different", holder=ids[1])
    assert [shown(house, one)["status"] for one in ids] == ["conflict", "conflict", "conflict"]
    left = [{one["learner_id"], one["other_id"]} for one in cases(house, auth, state="open")]
    assert sorted(map(sorted, left)) == sorted([sorted(ids[1:]), sorted((ids[0], ids[2]))])


def test_who_asked_for_a_merge_never_approves_it(house: House) -> None:
    one, other = house.open_learner(), house.open_learner()
    asks = reviewer(house)
    case = opened(house, asks, kind="merge", learner_id=one["id"], into_id=other["id"])
    for verdict in ("same", "different"):
        status, problem = said(house, asks, case["id"], verdict)
        assert (status, codes(problem)) == (403, ["own_case"])


def test_merged_accounts_are_one_and_parted_ones_two_again(house: House) -> None:
    one, other, case = merged(house)
    assert shown(house, one["id"])["id"] == shown(house, other["id"])["id"] == other["id"]
    assert {account["id"] for account in case["accounts"]} == {one["id"], other["id"]}
    asks, first, second = reviewers(house)
    parting = opened(house, asks, kind="unmerge", learner_id=other["id"])
    assert opened(house, first, 200, kind="unmerge", learner_id=one["id"])["id"] == parting["id"]
    said(house, first, parting["id"], "different")
    assert said(house, second, parting["id"], "different")[1]["verdict"] == "different"
    assert shown(house, one["id"]) == one
    assert shown(house, other["id"]) == other


def test_one_word_is_enough_to_leave_accounts_as_they_are(house: House) -> None:
    one, other, _ = merged(house)
    asks, first, _ = reviewers(house)
    parting = opened(house, asks, kind="unmerge", learner_id=one["id"])
    assert said(house, first, parting["id"], "same")[1]["verdict"] == "same"
    assert shown(house, one["id"])["id"] == other["id"]


def test_parted_accounts_with_one_number_are_in_conflict_again_unless_somebody_says_whose_it_is(house: House) -> None:
    for holds in (True, False):
        one, other = rivals(house)
        first, second, third = reviewers(house)
        (case,) = cases(house, first, state="open")
        said(house, first, case["id"], "same")
        assert said(house, second, case["id"], "same")[0] == 200
        parting = opened(house, third, kind="unmerge", learner_id=one["id"])
        more = {"holder": other["id"]} if holds else {}
        said(house, first, parting["id"], "different", **more)
        assert said(house, second, parting["id"], "different")[0] == 200
        wanted = "active" if holds else "conflict"
        assert [shown(house, account["id"])["status"] for account in (one, other)] == [wanted, wanted]
        assert len(cases(house, first, state="open")) == (0 if holds else 1)


def test_a_case_that_is_open_on_the_pair_is_answered_as_it_stands(house: House) -> None:
    one, other = house.open_learner(), house.open_learner()
    auth = reviewer(house)
    case = opened(house, auth, kind="merge", learner_id=one["id"], into_id=other["id"])
    again = opened(house, reviewer(house), 200, kind="merge", learner_id=other["id"], into_id=one["id"])
    assert again["id"] == case["id"]


def test_a_merge_that_answers_another_case_closes_it(house: House) -> None:
    one, other, third = (house.open_learner() for _ in range(3))
    asks, first, second = reviewers(house)
    pairs = [(one, other), (other, third), (one, third)]
    ids = [opened(house, asks, kind="merge", learner_id=low["id"], into_id=high["id"])["id"] for low, high in pairs]
    for case_id in ids[:2]:
        said(house, first, case_id, "same")
        assert said(house, second, case_id, "same")[1]["verdict"] == "same"
    assert cases(house, first, state="open") == []
    status, problem = said(house, first, ids[2], "same")
    assert (status, codes(problem)) == (409, ["case_decided"])
    assert {shown(house, one["id"])["id"] for one in (one, other, third)} == {third["id"]}


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"into_id": "00000000-0000-0000-0000-000000000001"}, 404, "unknown_learner"),
        ({"learner_id": "00000000-0000-0000-0000-000000000001"}, 404, "unknown_learner"),
        ({"into_id": None}, 422, "required"),
        ({"link": "00000000-0000-0000-0000-000000000001"}, 422, "not_here"),
        ({"kind": "unmerge"}, 422, "not_here"),
        ({"kind": "unmerge", "into_id": None}, 409, "not_merged"),
        ({"kind": "likeness"}, 422, "wrong_choice"),
        ({"reason": " "}, 422, "blank"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(
    house: House, change: dict[str, Any], status: int, code: str
) -> None:
    ids = {"learner_id": house.open_learner()["id"], "into_id": house.open_learner()["id"]}
    body = REASON | {"kind": "merge"} | ids | change
    answer = house.http.post("/v1/identity/cases", json=body, headers=reviewer(house))
    assert (answer.status_code, codes(answer.get_json())) == (status, [code])


def test_nobody_is_merged_with_themself(house: House) -> None:
    one, other, _ = merged(house)
    body = REASON | {"kind": "merge", "learner_id": one["id"]}
    for into in (one, other):
        answer = house.http.post("/v1/identity/cases", json=body | {"into_id": into["id"]}, headers=reviewer(house))
        assert (answer.status_code, codes(answer.get_json())) == (409, ["one_person"])


def test_an_institution_sees_cases_both_of_whose_learners_it_knows_and_no_others(house: House) -> None:
    one, other = house.open_learner("cqdx"), house.open_learner("cqou")
    asks = reviewer(house)
    case = opened(house, asks, kind="merge", learner_id=one["id"], into_id=other["id"])
    for institution in ("cqdx", "cqou"):
        auth = reviewer(house, institution)
        assert cases(house, auth) == []
        missing = house.http.get("/v1/identity/cases/00000000-0000-0000-0000-000000000001", headers=auth)
        foreign = house.http.get(f"/v1/identity/cases/{case['id']}", headers=auth)
        assert missing.status_code == foreign.status_code == 404
        assert missing.get_json()["errors"] == foreign.get_json()["errors"]
        assert said(house, auth, case["id"], "same")[0] == 404
        body = REASON | {"kind": "merge", "learner_id": one["id"], "into_id": other["id"]}
        assert house.http.post("/v1/identity/cases", json=body, headers=auth).status_code == 404
    house.post_outcome(one["id"], "cqdx")
    rows = [outcome_body(other["id"], next(house.numbers))]
    assert (
        house.http.post("/v1/outcomes/batch", json=rows, headers=house.auth("cqdx")).get_json()["summary"]["rejected"]
        == 1
    )
    mine = house.open_learner("cqdx")
    known = opened(house, asks, kind="merge", learner_id=one["id"], into_id=mine["id"])
    assert [found["id"] for found in cases(house, reviewer(house, "cqdx"))] == [known["id"]]


def test_other_institutions_own_numbers_are_shown_to_an_authority_only(house: House) -> None:
    number = {"type": "student_no", "value": "2026-0001"}
    resident = {"type": "resident_id", "value": resident_id(next(house.numbers))}
    one = house.open_learner("cqou", name="张三", identifiers=[resident, number])
    house.open_learner("cqdx", name="张三", identifiers=[resident])
    other = house.open_learner("cqdx")
    case = opened(house, reviewer(house), kind="merge", learner_id=one["id"], into_id=other["id"])
    url = f"/v1/identity/cases/{case['id']}"
    types = {
        institution: {
            found["type"]
            for found in house.http.get(url, headers=reviewer(house, institution)).get_json()["accounts"][0][
                "identifiers"
            ]
        }
        for institution in ("authority", "cqdx")
    }
    assert types == {"authority": {"cn.resident_id", "student_no"}, "cqdx": {"cn.resident_id"}}


def test_without_the_scope_there_is_no_way_in(house: House) -> None:
    one, other = rivals(house)
    (case,) = cases(house, reviewer(house))
    url = f"/v1/identity/cases/{case['id']}"
    for auth in (house.auth(), house.learner_auth(one["id"])):
        answers = [
            house.http.get("/v1/identity/cases", headers=auth),
            house.http.get(url, headers=auth),
            house.http.post(f"{url}/decisions", json={"verdict": "same"}, headers=auth),
            house.http.post(
                "/v1/identity/cases",
                json=REASON | {"kind": "merge", "learner_id": one["id"], "into_id": other["id"]},
                headers=auth,
            ),
        ]
        assert [(answer.status_code, codes(answer.get_json())) for answer in answers] == [(403, ["scope_missing"])] * 4


def test_whoever_is_shown_a_case_leaves_a_line_in_both_diaries(house: House) -> None:
    one, other = rivals(house)
    auth = reviewer(house)
    (case,) = cases(house, auth)
    house.http.get(f"/v1/identity/cases/{case['id']}", headers=auth)
    with house.bank.database.reading() as connection:
        query = select(access_log.c.learner_id, access_log.c.sight).where(access_log.c.basis == "identity_case")
        lines = {(str(row.learner_id), row.sight) for row in connection.execute(query)}
    assert lines == {(end, sight) for end in (one["id"], other["id"]) for sight in ("case", "identity")}


def test_reasons_are_sealed_and_stand_nowhere_else(house: House) -> None:
    one, other = house.open_learner(), house.open_learner()
    secret = "金丝雀理由"
    body = {"reason": secret, "evidence": secret, "kind": "merge", "learner_id": one["id"], "into_id": other["id"]}
    case = house.http.post("/v1/identity/cases", json=body, headers=reviewer(house)).get_json()
    answer = said(house, reviewer(house), case["id"], "different", reason=secret)[1]
    assert (answer["reason"], answer["evidence"], answer["said"][0]["reason"]) == (secret, secret, secret)
    with house.bank.database.reading() as connection:
        for table in catalogue.tables.values():
            for row in connection.execute(select(table)):
                assert all(secret.encode() not in bytes(str(cell), "utf-8") for cell in row)
                assert all(secret.encode() not in cell for cell in row if isinstance(cell, bytes))


def test_accounts_with_a_joint_conversion_are_parted_only_when_it_was_taken_back(house: House) -> None:
    one, other, _ = merged(house)
    house.publish_rules(SAME_TITLE)
    house.publish_programme("acceptor")
    for account, title in ((one, "管理学"), (other, "行政法")):
        house.post_outcome(account["id"], title=title, completed_on="2026-06-29")
    target = {"institution": "acceptor", "programme": "administration", "courses": ["c1", "c2"]}
    converted = house.convert(other["id"], target)
    assert converted["state"] == "approved"
    asks, first, second = reviewers(house)
    parting = opened(house, asks, kind="unmerge", learner_id=one["id"])
    said(house, first, parting["id"], "different")
    status, problem = said(house, second, parting["id"], "different")
    assert (status, codes(problem)) == (409, ["joint_conversion"])
    accepting = house.auth("acceptor", "conversions:review")
    (case,) = house.http.get("/v1/cases", headers=accepting).get_json()["items"]
    taken = {"decision": "undo", "reason": "误并账户"}
    assert house.http.post(f"/v1/cases/{case['id']}/decisions", json=taken, headers=accepting).status_code == 200
    assert said(house, second, parting["id"], "different")[1]["verdict"] == "different"
    assert shown(house, one["id"])["id"] == one["id"]
