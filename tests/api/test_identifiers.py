"""Identifiers as claims: issuers, days, weak ones that find nobody, and how one is added and ended."""

from typing import Any

import pytest

from tests.builders import House, learner_body, outcome_body, resident_id


def posted(house: House, *identifiers: dict[str, Any], name: str = "张三", institution: str = "cqdx") -> Any:
    body = {"name": name, "identifiers": list(identifiers)}
    return house.http.post("/v1/learners", json=body, headers=house.auth(institution))


def added(house: House, learner_id: str, institution: str = "cqdx", **body: Any) -> Any:
    return house.http.post(f"/v1/learners/{learner_id}/identifiers", json=body, headers=house.auth(institution))


def ended(house: House, learner_id: str, identifier_id: str, institution: str = "cqdx") -> Any:
    url = f"/v1/learners/{learner_id}/identifiers/{identifier_id}/end"
    return house.http.post(url, headers=house.auth(institution))


def codes(answer: Any) -> list[tuple[str, str]]:
    return [(error["pointer"], error["code"]) for error in answer.get_json()["errors"]]


def test_a_passport_of_two_countries_is_two_identifiers(house: House) -> None:
    number = {"type": "passport", "value": "E12345678"}
    accounts = [posted(house, number | more) for more in ({}, {"issuer": "CHN"}, {"issuer": "KOR"})]
    assert [answer.status_code for answer in accounts] == [201, 201, 201]
    assert len({answer.get_json()["id"] for answer in accounts}) == 3
    assert posted(house, number | {"issuer": "KOR"}).get_json() == accounts[2].get_json()
    seen = accounts[2].get_json()["identifiers"][0]
    assert (seen["type"], seen["issuer"]) == ("passport", "KOR")
    other = posted(house, number | {"issuer": "KOR"}, institution="cqou").get_json()
    assert other["identifiers"][0]["issuer"] == "KOR"


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"issuer": "KRO"}, ("/identifiers/0/issuer", "unknown_country")),
        ({"issuer": "kor"}, ("/identifiers/0/issuer", "wrong_form")),
        ({"type": "cn.netid", "issuer": "CHN"}, ("/identifiers/0/issuer", "no_issuer_here")),
        ({"type": "phone", "value": "13800138000"}, ("/identifiers", "finds_nobody")),
        ({"type": "resident_id_15", "value": "510201551230004"}, ("/identifiers", "finds_nobody")),
        ({"type": "phone", "value": "12800138000"}, ("/identifiers/0/value", "wrong_form")),
        ({"assurance": "verified"}, ("/identifiers/0/assurance", "unknown_field")),
        ({"status": "valid"}, ("/identifiers/0/status", "unknown_field")),
    ],
)
def test_an_identifier_that_cannot_be_taken_is_refused(
    house: House, change: dict[str, Any], fault: tuple[str, str]
) -> None:
    answer = posted(house, {"type": "passport", "value": "E12345678"} | change)
    assert (answer.status_code, codes(answer)) == (422, [fault])


def test_an_expired_document_still_identifies_and_is_marked(house: House) -> None:
    document = {"type": "passport", "value": "E12345678", "valid_until": "2026-07-01"}
    learner = posted(house, document).get_json()
    assert learner["identifiers"][0]["status"] == "valid"
    house.clock.move(days=1)
    house.tokens.clear()
    again = posted(house, document)
    assert (again.status_code, again.get_json()["id"]) == (200, learner["id"])
    assert again.get_json()["identifiers"][0]["status"] == "expired"
    renewed = posted(house, document | {"valid_until": "2036-07-01"}).get_json()
    assert [(one["status"], one["valid_until"]) for one in renewed["identifiers"]] == [("valid", "2036-07-01")]


def test_a_phone_never_leads_to_anybody(house: House) -> None:
    phone = {"type": "phone", "value": "13800138000"}
    one = posted(house, phone, {"type": "student_no", "value": "1"}).get_json()
    other = posted(house, phone, {"type": "student_no", "value": "2"}).get_json()
    assert one["id"] != other["id"]
    assert [account["status"] for account in (one, other)] == ["active", "active"]
    again = posted(house, {"type": "phone", "value": "+8613800138000"}, {"type": "student_no", "value": "1"}).get_json()
    assert again == one
    record = outcome_body("", 1, learner={"name": "张三", "identifier": phone})
    answer = house.http.post("/v1/outcomes", json=record, headers=house.auth())
    assert (answer.status_code, codes(answer)) == (422, [("/learner/identifier/type", "finds_nobody")])


@pytest.mark.parametrize("prefix", ["810000", "820000", "830000"])
def test_residence_permits_of_hong_kong_macao_and_taiwan_are_resident_ids(house: House, prefix: str) -> None:
    value = resident_id(1, prefix=prefix, born="1990-01-01")
    assert posted(house, {"type": "resident_id", "value": value}).status_code == 201


def test_an_identifier_is_added_once_by_who_knows_the_learner(house: House) -> None:
    number = next(house.numbers)
    learner = house.http.post("/v1/learners", json=learner_body(number), headers=house.auth()).get_json()
    passport = {"type": "passport", "value": "E12345678", "issuer": "CHN"}
    first, second = added(house, learner["id"], **passport), added(house, learner["id"], **passport)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.get_json() == second.get_json()
    found = posted(house, passport, name=learner["name"], institution="cqou")
    assert (found.status_code, found.get_json()["id"]) == (200, learner["id"])
    wrong = added(house, learner["id"], type="student_no", value="7", name="另一人")
    assert (wrong.status_code, codes(wrong)) == (409, [("/name", "another_name")])
    stranger = added(house, learner["id"], "other", **passport)
    nobody = added(house, "00000000-0000-0000-0000-000000000001", "other", **passport)
    assert stranger.status_code == nobody.status_code == 404
    assert stranger.get_json()["errors"] == nobody.get_json()["errors"]


def test_a_number_of_somebody_else_is_not_added(house: House) -> None:
    passport = {"type": "passport", "value": "E12345678"}
    posted(house, passport, name="张三")
    namesake = posted(house, {"type": "student_no", "value": "9"}, name="张三").get_json()
    answer = added(house, namesake["id"], **passport)
    assert (answer.status_code, codes(answer)) == (409, [("/identifiers", "identifiers_of_different_learners")])
    other = posted(house, {"type": "student_no", "value": "8"}, name="李四").get_json()
    assert added(house, other["id"], **passport).get_json()["status"] == "conflict"


def test_an_identifier_is_ended_by_who_claimed_it_and_finds_nobody_any_more(house: House) -> None:
    passport, number = {"type": "passport", "value": "E12345678"}, {"type": "student_no", "value": "9"}
    learner = posted(house, passport, number).get_json()
    posted(house, passport, institution="cqou")
    by_type = {one["type"]: one["id"] for one in learner["identifiers"]}
    foreign = ended(house, learner["id"], by_type["passport"], "cqou")
    missing = ended(house, learner["id"], "00000000-0000-0000-0000-000000000001", "cqou")
    assert foreign.status_code == missing.status_code == 404
    assert foreign.get_json()["errors"] == missing.get_json()["errors"]
    for _ in range(2):
        answer = ended(house, learner["id"], by_type["passport"])
        assert (answer.status_code, [one["type"] for one in answer.get_json()["identifiers"]]) == (200, ["student_no"])
    last = ended(house, learner["id"], by_type["student_no"])
    assert (last.status_code, codes(last)) == (409, [("", "last_identifier")])
    assert posted(house, passport).get_json()["id"] != learner["id"]
