"""Counters: a staff member acts for a learner who stands before them, is recorded, and learns of nobody else."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from creditbank.services.proxies import FAILURES_MAX
from creditbank.storage import catalogue
from tests.builders import SAME_TITLE, House, learner_body, resident_id
from tests.net import NAME_MARK


def applicant(number: int, **changes: Any) -> dict[str, Any]:
    """Return a request to act for person no. `number`."""
    learner = {"identifier": {"type": "cn.resident_id", "value": resident_id(number)}, "name": f"{NAME_MARK}{number}"}
    return {"learner": learner | changes, "reason": "老人没有手机"}


def counter(house: House, institution: str = "village", level: str = "village") -> dict[str, str]:
    """Return the token of a proxy operator at an institution of a level."""
    member = house.staff(institution, "proxy_operator")
    table = catalogue.tables["institution"]
    with house.bank.database.transaction() as connection:
        connection.execute(update(table).where(table.c.code == institution).values(level=level))
    return house.staff_auth(member)


def opened(house: House, auth: dict[str, str], number: int) -> dict[str, Any]:
    answer = house.http.post("/v1/proxy-sessions", json=applicant(number), headers=auth)
    assert answer.status_code == 201, answer.get_data(as_text=True)
    document: dict[str, Any] = answer.get_json()
    return document


def person(house: House, number: int, institution: str = "cqdx") -> dict[str, Any]:
    answer = house.http.post("/v1/learners", json=learner_body(number), headers=house.auth(institution))
    document: dict[str, Any] = answer.get_json()
    return document


def code_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.get_json()["errors"][0]["code"]


def told(answer: Any) -> str:
    """Return the text of an answer without the number of the request."""
    text: str = answer.get_data(as_text=True)
    return text.replace(answer.headers["X-Request-Id"], "")


def bearer(session: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {session['access_token']}"}


@pytest.mark.parametrize("level", ["town", "village"])
def test_a_counter_acts_for_whoever_comes_as_they_could_themselves(house: House, level: str) -> None:
    learner = person(house, 7)
    session = opened(house, counter(house, level=level), 7)
    assert (session["learner_id"], session["expires_in"]) == (learner["id"], 600)
    assert session["scope"] == "balance:read consents:write conversions:write outcomes:read statement:read"
    for path in ("", "/balance", "/statement", "/outcomes", "/logins"):
        as_me = house.http.get(f"/v1/learners/me{path}", headers=bearer(session))
        own = house.http.get(f"/v1/learners/{learner['id']}{path}", headers=house.learner_auth(learner["id"]))
        assert (path, as_me.status_code, as_me.get_json()) == (path, 200, own.get_json())


def test_what_is_done_at_a_counter_bears_the_name_of_who_did_it(house: House) -> None:
    house.publish_programme("acceptor")
    house.publish_rules(SAME_TITLE)
    learner = person(house, 7)
    house.post_outcome(learner["id"], title="管理学")
    auth = counter(house)
    session = opened(house, auth, 7)
    body = {"target": {"institution": "acceptor", "programme": "administration", "courses": ["c1"]}}
    answer = house.http.post("/v1/conversions", json=body, headers=bearer(session))
    assert answer.status_code == 201, answer.get_data(as_text=True)
    tables = catalogue.tables
    with house.bank.database.reading() as connection:
        [staff_id] = connection.execute(select(tables["staff"].c.id)).scalars()
        who = f"staff:{staff_id}"
        entries = connection.execute(select(tables["entry"].c.actor).where(tables["entry"].c.kind == "convert"))
        decisions = connection.execute(
            select(tables["decision"].c.actor).where(tables["decision"].c.kind == "conversion")
        )
        submitted = connection.execute(select(tables["conversion"].c.submitted_by))
        assert {*entries.scalars(), *decisions.scalars(), *submitted.scalars()} == {who}
        lines = connection.execute(
            select(tables["audit"].c.action, tables["audit"].c.subject).where(tables["audit"].c.actor == who)
        ).all()
        [kept] = connection.execute(select(tables["proxy_session"])).all()
    assert ("proxy.open", f"learner {learner['id']} session {session['id']}") in lines
    assert len(lines) == 2
    assert (str(kept.learner_id), str(kept.id), kept.staff_id) == (learner["id"], session["id"], staff_id)
    assert "没有手机".encode() not in kept.sealed_reason


def test_a_token_of_the_counter_lasts_ten_minutes_and_as_long_as_the_role(house: House) -> None:
    person(house, 7)
    auth = counter(house)
    session = opened(house, auth, 7)
    [member] = house.http.get("/v1/staff", headers=house.auth("authority", "staff:write")).get_json()["items"]
    url = f"/v1/staff/{member['id']}"
    for roles, status in ((["registrar"], 401), (["proxy_operator"], 200)):
        house.http.put(f"{url}/roles", json={"roles": roles}, headers=house.auth("authority", "staff:write"))
        assert house.http.get("/v1/learners/me", headers=bearer(session)).status_code == status
    house.clock.move(minutes=10)
    assert house.http.get("/v1/learners/me", headers=bearer(session)).status_code == 401
    house.clock.move(minutes=-10)
    house.http.post(f"{url}/deactivate", headers=house.auth("authority", "staff:write"))
    assert house.http.get("/v1/learners/me", headers=bearer(session)).status_code == 401


def test_a_counter_acts_for_nobody_else_with_the_token(house: House) -> None:
    person(house, 7)
    other = person(house, 8)
    session = opened(house, counter(house), 7)
    for path in ("", "/balance", "/statement", "/outcomes", "/logins"):
        assert house.http.get(f"/v1/learners/{other['id']}{path}", headers=bearer(session)).status_code == 404
    answer = house.http.post("/v1/proxy-sessions", json=applicant(8), headers=bearer(session))
    assert code_of(answer) == (403, "scope_missing")


def test_a_counter_changes_no_logins(house: House) -> None:
    learner = person(house, 7)
    session = opened(house, counter(house), 7)
    url = f"/v1/learners/me/logins/{learner['id']}"
    assert code_of(house.http.delete(url, headers=bearer(session))) == (403, "not_by_proxy")
    answer = house.http.post("/v1/learners/me/link-codes", headers=bearer(session))
    assert code_of(answer) == (403, "scope_missing")


def test_an_unknown_number_and_a_wrong_name_are_answered_alike(house: House) -> None:
    person(house, 7)
    auth = counter(house)
    wrong = [applicant(7, name="别人"), applicant(8), applicant(8, name="别人")]
    answers = [house.http.post("/v1/proxy-sessions", json=body, headers=auth) for body in wrong]
    assert {code_of(answer) for answer in answers} == {(404, "unknown_learner")}
    assert len({told(answer) for answer in answers}) == 1


@pytest.mark.parametrize("level", ["district", "city"])
def test_other_institutions_serve_only_whom_they_know(house: House, level: str) -> None:
    person(house, 7, "cqdx")
    person(house, 8, "college")
    auth = counter(house, "college", level)
    foreign = house.http.post("/v1/proxy-sessions", json=applicant(7), headers=auth)
    missing = house.http.post("/v1/proxy-sessions", json=applicant(9), headers=auth)
    assert code_of(foreign) == (404, "unknown_learner")
    assert told(foreign) == told(missing)
    opened(house, auth, 8)


def test_failures_of_a_day_are_bounded(house: House) -> None:
    person(house, 7)
    auth = counter(house)
    for _ in range(FAILURES_MAX):
        assert code_of(house.http.post("/v1/proxy-sessions", json=applicant(8), headers=auth))[0] == 404
    answer = house.http.post("/v1/proxy-sessions", json=applicant(7), headers=auth)
    assert code_of(answer) == (429, "too_many"), "a right one as well, or it would tell"
    wait = int(answer.headers["Retry-After"])
    assert 0 < wait <= 24 * 3600
    opened(house, counter(house, "hamlet"), 7)  # a colleague is not stopped
    [member, _] = house.http.get("/v1/staff", headers=house.auth("authority", "staff:write")).get_json()["items"]
    house.clock.now += timedelta(seconds=wait)
    opened(house, house.staff_auth(member), 7)


def test_only_staff_act_for_learners(house: House) -> None:
    learner = person(house, 7)
    answer = house.http.post("/v1/proxy-sessions", json=applicant(7), headers=house.auth("cqdx", "learners:act"))
    assert code_of(answer) == (403, "staff_only")
    own = house.http.post("/v1/proxy-sessions", json=applicant(7), headers=house.learner_auth(learner["id"]))
    assert code_of(own) == (403, "scope_missing")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (applicant(7) | {"reason": " "}, "blank"),
        (applicant(7) | {"staff_id": "x"}, "unknown_field"),
        (applicant(7, identifier={"type": "library_card", "value": "13800000000"}), "unknown_identifier_type"),
        (applicant(7, identifier={"type": "cn.resident_id", "value": "1"}), "wrong_length"),
        ({"learner": {"id": "x"}, "reason": "x"}, "unknown_field"),
    ],
)
def test_a_faulty_request_is_told_and_counted_for_nobody(house: House, body: dict[str, Any], code: str) -> None:
    person(house, 7)
    answer = house.http.post("/v1/proxy-sessions", json=body, headers=counter(house))
    assert answer.status_code == 422
    assert code in {error["code"] for error in answer.get_json()["errors"]}
    with house.bank.database.reading() as connection:
        assert connection.execute(select(catalogue.tables["proxy_tries"])).all() == []


def test_the_same_key_for_another_learner_is_another_request(house: House) -> None:
    house.publish_programme("acceptor")
    house.publish_rules(SAME_TITLE)
    auth = counter(house)
    body = {"target": {"institution": "acceptor", "programme": "administration", "courses": ["c1"]}}
    answers = []
    for number in (7, 8):
        learner = person(house, number)
        house.post_outcome(learner["id"], title="管理学")
        headers = bearer(opened(house, auth, number)) | {"Idempotency-Key": "same"}
        answers.append(house.http.post("/v1/conversions", json=body, headers=headers))
    assert answers[0].status_code == 201
    assert answers[1].get_json()["code"] == "idempotency_key_reused"
