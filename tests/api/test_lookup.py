"""The lookup: yes only on consent or an own award, everything else alike, within a budget that no race breaks."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text

from tests.api.test_consents import diary
from tests.builders import House, learner_body
from tests.statements import counted

NO = b'{"is_learner":false,"learner_id":null}'


@pytest.fixture
def asked(house: House) -> House:
    house.publish_texts()
    house.auth("partner", "learners:lookup")
    return house


def person(number: int, **changes: Any) -> dict[str, Any]:
    body = learner_body(number)
    return {"identifier": body["identifiers"][0], "name": body["name"]} | changes


def look(house: House, body: dict[str, Any], who: str = "partner") -> Any:
    return house.http.post("/v1/learners/lookup", json=body, headers=house.auth(who, "learners:lookup"))


def opened(house: House, number: int) -> str:
    answer = house.http.post("/v1/learners", json=learner_body(number), headers=house.auth())
    learner_id: str = answer.get_json()["id"]
    return learner_id


def test_nobody_and_somebody_who_did_not_consent_are_answered_with_the_same_bytes(asked: House) -> None:
    learner = opened(asked, 501)
    asked.post_outcome(learner)
    asked.consent(learner, "partner-b")
    known, unknown = look(asked, person(501)), look(asked, person(502))
    misnamed = look(asked, person(501, name="别人"))
    for answer in (known, unknown, misnamed):
        assert (answer.status_code, answer.get_data().replace(b" ", b"").strip()) == (200, NO)
    volatile = {"X-Request-Id", "Date", "RateLimit"}
    headers = [{name: value for name, value in answer.headers if name not in volatile} for answer in (known, unknown)]
    assert headers[0] == headers[1]


def test_somebody_unknown_takes_the_same_statements_as_somebody_who_did_not_consent(asked: House) -> None:
    asked.post_outcome(opened(asked, 501))
    look(asked, person(503))
    told = []
    for number in (501, 502):
        with counted(asked.bank.database.engine) as count:
            assert look(asked, person(number)).get_json()["is_learner"] is False
        told.append(count.statements)
    assert told[0] == told[1]
    assert len(told[0]) > 5


def test_a_consent_of_any_scope_lets_a_partner_know_and_its_withdrawal_ends_that(asked: House) -> None:
    learner = opened(asked, 501)
    given = asked.consent(learner, "partner", "identity:read")
    assert look(asked, person(501)).get_json() == {"is_learner": True, "learner_id": given["subject"]}
    assert look(asked, person(501, name="别人")).get_json()["is_learner"] is False
    assert diary(asked, learner)[-1][1:] == ("lookup", f"consent:{given['id']}")
    url = f"/v1/learners/me/consents/{given['id']}"
    asked.http.delete(url, headers=asked.learner_auth(learner))
    lines = len(diary(asked, learner))
    assert look(asked, person(501)).get_json()["is_learner"] is False
    assert len(diary(asked, learner)) == lines


def test_a_consent_that_is_over_lets_nobody_know(asked: House) -> None:
    asked.consent(opened(asked, 501), "partner", valid_until="2026-07-02")
    for day, is_learner in (("2026-07-02", True), ("2026-07-03", False)):
        asked.move_to(day)
        assert look(asked, person(501)).get_json()["is_learner"] is is_learner


def test_who_recorded_an_outcome_knows_until_it_is_revoked(asked: House) -> None:
    learner = opened(asked, 501)
    assert look(asked, person(501), "cqdx").get_json()["is_learner"] is False, "an account alone is no award"
    outcome = asked.post_outcome(learner)
    assert look(asked, person(501), "cqdx").get_json() == {"is_learner": True, "learner_id": learner}
    assert diary(asked, learner)[-1][1:] == ("lookup", "issued")
    assert look(asked, person(501), "employer").get_json()["is_learner"] is False
    asked.http.post(f"/v1/outcomes/{outcome['id']}/revoke", json={"reason": "有误"}, headers=asked.auth())
    assert look(asked, person(501), "cqdx").get_json()["is_learner"] is False


def test_a_lookup_takes_the_scope_of_an_institution(asked: House) -> None:
    learner = opened(asked, 501)
    for headers in (asked.auth(), asked.learner_auth(learner), asked.auth("partner", "balance:read")):
        assert asked.http.post("/v1/learners/lookup", json=person(501), headers=headers).status_code == 403


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (person(501, identifier={"type": "cn.resident_id", "value": "110105194912310021"}), "/identifier/value"),
        (person(501, identifier={"type": "shoe_size", "value": "42"}), "/identifier/type"),
        (person(501, name=""), "/name"),
        (person(501, learner_id="00000000-0000-0000-0000-000000000001"), "/learner_id"),
    ],
)
def test_what_cannot_be_asked_is_refused_and_costs_nothing(asked: House, body: dict[str, Any], pointer: str) -> None:
    answer = look(asked, body)
    assert (answer.status_code, answer.get_json()["errors"][0]["pointer"]) == (422, pointer)
    assert used(asked) == 0


def test_a_clients_budget_of_the_day_ends_and_comes_back_on_the_next(asked: House) -> None:
    asked.app.config["LOOKUPS_A_DAY"] = 2
    assert [look(asked, person(501)).status_code for _ in range(3)] == [200, 200, 429]
    refused = look(asked, person(501))
    assert refused.get_json()["code"] == "too_many"
    assert refused.headers["Retry-After"] == str(12 * 3600)
    assert used(asked) == 2
    assert look(asked, person(501), "cqdx").status_code == 200, "another client has a budget of its own"
    asked.move_to("2026-07-02")
    assert look(asked, person(501)).status_code == 200


def test_many_who_ask_at_once_do_not_get_past_the_budget(asked: House) -> None:
    asked.app.config["LOOKUPS_A_DAY"] = 5
    headers = asked.auth("partner", "learners:lookup")

    def ask(number: int) -> int:
        http = asked.app.test_client()
        status: int = http.post("/v1/learners/lookup", json=person(600 + number), headers=headers).status_code
        return status

    with ThreadPoolExecutor(6) as pool:
        statuses = list(pool.map(ask, range(12)))
    assert sorted(statuses) == [200] * 5 + [429] * 7
    assert used(asked) == 5


def test_no_audit_line_tells_who_was_asked_about(asked: House) -> None:
    learner = opened(asked, 501)
    given = asked.consent(learner, "partner")
    look(asked, person(501))
    look(asked, person(502))
    query = text("SELECT subject FROM audit WHERE action = 'learner.lookup'")
    with asked.bank.database.engine.connect() as connection:
        assert set(connection.execute(query).scalars()) == {"lookup"}
    assert given["subject"]


def used(house: House) -> int:
    with house.bank.database.engine.connect() as connection:
        query = text("SELECT coalesce(sum(used), 0) FROM lookup_use WHERE client_id LIKE 'partner-%'")
        return int(connection.execute(query).scalar_one())
