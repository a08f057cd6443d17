"""The conversion packs' own tests over HTTP: real programmes, outcomes, postings, reviews and balances."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.builders import House, learner_body, outcome_body, resident_id

PACKS = Path(__file__).parents[2] / "creditbank" / "rulepacks"

HOURS_PER_CREDIT = {"cn-16h-half": 16, "cn-beijing": 16, "cn-ou-18h": 18, "in-ncrf": 30}
"""Schemes whose packs recognise by hours; in the others credits are claimed, fixed, or follow from a score."""

EXAMINATIONS = {
    "code": "us-other-examinations",
    "version": 1,
    "kind": "recognition",
    "title": {"zh": "其他考试", "en": "Other examinations"},
    "authority": "us-college",
    "source": {"document": "for the record of earlier examinations"},
    "valid_from": "2000-01-01",
    "version_date": "completed",
    "scheme": "us-semester-hours",
    "priority": 300,
    "applies_to": {"issuer": "us-college-board", "code": "other"},
    "rules": [{"id": "claimed", "when": {"kind": "examination"}, "award": {"claimed": {}}}],
    "tests": [
        {
            "id": "claimed",
            "given": {
                "kind": "examination",
                "title": "x",
                "issuer": "us-college-board",
                "code": "other",
                "completed_on": "2020-01-01",
                "credits": "59",
            },
            "expect": {"credits": "59.00"},
        }
    ],
}
"""No examinations of the pack add up to 59 credits; the case asks for them."""


def person(given: dict[str, Any]) -> dict[str, Any]:
    """Return a request for the account of the learner of a test, who has the age that it says."""
    applied_on = date.fromisoformat(given["applied_on"])
    born = applied_on.replace(year=applied_on.year - given.get("age", 30))
    return learner_body(1, identifiers=[{"type": "cn.resident_id", "value": resident_id(1, born=str(born))}])


def packs_cases() -> list[Any]:
    cases = []
    for path in sorted(PACKS.glob("*.json")):
        for document in json.loads(path.read_text())["rulesets"]:
            if document["kind"] == "conversion":
                cases += [
                    pytest.param(document, test, id=f"{document['code']}-{test['id']}") for test in document["tests"]
                ]
    return cases


def recorded(house: House, owner: dict[str, Any], number: int, held: dict[str, Any]) -> str:
    """Record an outcome as its issuer, see that it is recognised for what the test says, and return its id."""
    facts, wanted = dict(held["facts"]), held.get("recognised") or held.get("credits")
    issuer, scheme = facts.pop("issuer"), held.get("scheme")
    extra: dict[str, Any] = {"hours": None}
    if wanted is not None and scheme in HOURS_PER_CREDIT:
        extra["hours"] = str(Decimal(wanted) * HOURS_PER_CREDIT[scheme])
    elif wanted is not None and "score" not in facts:
        extra["credits"] = wanted
    body = outcome_body("", number, **(extra | facts))
    body["learner"] = {"identifier": owner["identifiers"][0], "name": owner["name"]}
    answer = house.http.post("/v1/outcomes", json=body, headers=house.auth(issuer))
    assert answer.status_code == 201, answer.get_data(as_text=True)
    recognition = answer.get_json()["recognition"]
    if wanted is None:
        assert recognition is None
    else:
        assert (recognition["credits"], recognition["scheme"]) == (wanted, scheme)
    outcome_id: str = answer.get_json()["id"]
    return outcome_id


def reviewed(house: House, conversion: dict[str, Any], issuer: str) -> dict[str, Any]:
    """Approve every step by the institution whose it is, and return the application."""
    by = {"target": conversion["target"]["institution"], "issuer": issuer, "authority": "authority"}
    for step in conversion["steps"]:
        assert conversion["state"] == "in_review"
        conversion = house.decide(conversion["id"], by[step["by"]["role"]])
    return conversion


def before(house: House, learner_id: str, ruleset: dict[str, Any], given: dict[str, Any], ids: dict[str, str]) -> None:
    """Convert what the test says was converted before, through the very same calls."""
    programme = given["programme"]
    target = {"institution": programme["institution"], "programme": programme["code"]}
    for number, earlier in enumerate(given.get("earlier", []), start=500):
        held = earlier | {"scheme": ruleset["scheme"]}
        if earlier["facts"]["issuer"] == "us-college-board":
            held["facts"] = earlier["facts"] | {"code": "other"}
        if earlier.get("course"):
            held["credits"] = "6.00"
        outcome_id = recorded(house, person(given), number, held)
        courses = [earlier["course"]["code"]] if earlier.get("course") else []
        conversion = house.convert(learner_id, target | {"courses": courses}, [outcome_id])
        assert conversion["credits"] == earlier["credits"]
        assert reviewed(house, conversion, earlier["facts"]["issuer"])["state"] == "approved"
        ids[earlier["outcome"]] = outcome_id
    for held in given["outcomes"]:
        if "used_in" in held:
            conversion = house.convert(learner_id, target, [ids[held["id"]]])
            reviewed(house, conversion, held["facts"]["issuer"])


@pytest.mark.parametrize(("ruleset", "test"), packs_cases())
def test_a_published_case_holds_with_real_outcomes_and_balances(
    house: House, ruleset: dict[str, Any], test: dict[str, Any]
) -> None:
    given, expected = test["given"], test["expect"]
    house.move_to(given["applied_on"])
    house.publish_rules(EXAMINATIONS)
    programme = {name: value for name, value in given["programme"].items() if name != "institution"}
    institution = given["programme"]["institution"]
    house.publish_programme(institution, **{"courses": [], **programme})
    owner = person(given)
    learner = house.http.post("/v1/learners", json=owner, headers=house.auth()).get_json()["id"]
    outcomes = {held["id"]: recorded(house, owner, n, held) for n, held in enumerate(given["outcomes"], start=1)}
    before(house, learner, ruleset, given, outcomes)
    spent_before = Decimal(house.balance(learner).get(ruleset["scheme"], {}).get("converted", "0"))

    asked: dict[str, Any] = {"institution": institution, "programme": programme["code"]}
    if "courses" in given:
        asked["courses"] = given["courses"]
    answer = house.http.post(
        "/v1/conversions",
        json={"target": asked, "outcomes": [outcomes[held["id"]] for held in given["outcomes"]]},
        headers=house.learner_auth(learner),
    )
    if expected["credits"] == "0.00":
        codes = {error["code"] for error in answer.get_json()["errors"]}
        assert answer.status_code == (409 if codes <= {"already_converted", "already_replaced"} else 422)
        assert {reason.partition(":")[0] for reason in expected["reasons"].values()} <= codes
        return
    assert answer.status_code == 201, answer.get_data(as_text=True)
    conversion = answer.get_json()
    assert conversion["ruleset"] == ruleset["code"]
    assert conversion["credits"] == expected["credits"]
    converted = {part["course"]["code"] for part in conversion["parts"] if part["course"]}
    assert converted == set(expected.get("courses", converted))
    spent = sum(Decimal(part["spent"]) for part in conversion["parts"])
    if conversion["steps"]:
        assert Decimal(conversion["held"]) == spent
        conversion = reviewed(house, conversion, given["outcomes"][0]["facts"]["issuer"])
    assert conversion["state"] == "approved"
    assert {part["grade"] for part in conversion["parts"] if part["course"]} <= {"免考"}
    scheme = given["outcomes"][0].get("scheme")
    if scheme is not None:
        balance = house.balance(learner)[scheme]
        assert (Decimal(balance["converted"]), balance["held"]) == (spent_before + spent, "0.00")
    replay = house.http.post(
        f"/v1/decisions/{conversion['decision_id']}/replay", headers=house.learner_auth(learner)
    ).get_json()
    assert replay["same"] is True
