"""Guardians: whoever speaks for a child under 14 sees and decides for it, and from its birthday on nothing more."""

from typing import Any

import pytest

from tests.api.seeding import conversion_rules
from tests.api.test_consents import codes, diary, masked
from tests.builders import House, consent_body, programme_body, resident_id

NOBODY = "00000000-0000-0000-0000-000000000001"
BORN = "2012-07-02"
"""The child is 13 on the first of July 2026, and 14 the day after."""


@pytest.fixture
def asked(house: House) -> House:
    house.publish_texts()
    house.auth("partner")
    return house


def child_of(house: House, born: str = BORN) -> str:
    number = next(house.numbers)
    body = {"identifiers": [{"type": "student_no", "value": f"kid{number}"}], "birth_date": born}
    child: str = house.open_learner(**body)["id"]
    return child


def naming(guardian: str, **changes: Any) -> dict[str, Any]:
    return {"guardian": {"id": guardian}, "relation": "parent", "evidence": "户口簿：王某某之母"} | changes


def name(house: House, child: str, guardian: str, who: str = "cqdx", **changes: Any) -> Any:
    url = f"/v1/learners/{child}/guardians"
    return house.http.post(url, json=naming(guardian, **changes), headers=house.auth(who))


def family(house: House) -> tuple[str, str, str]:
    """Return a child, its guardian, and the id under which that is recorded."""
    child, guardian = child_of(house), house.open_learner()["id"]
    answer = name(house, child, guardian)
    assert answer.status_code == 201, answer.get_data(as_text=True)
    return child, guardian, answer.get_json()["id"]


def test_a_guardian_is_recorded_once_and_shown_without_the_evidence(asked: House) -> None:
    child, guardian, recorded = family(asked)
    again = name(asked, child, guardian)
    assert (again.status_code, again.get_json()["id"]) == (200, recorded)
    url = f"/v1/learners/{child}/guardians"
    for headers in (asked.auth(), asked.learner_auth(child), asked.learner_auth(guardian)):
        answer = asked.http.get(url, headers=headers)
        [item] = answer.get_json()["items"]
        assert (item["guardian_id"], item["relation"], item["ended_at"]) == (guardian, "parent", None)
        assert "户口簿" not in answer.get_data(as_text=True)


def test_while_the_child_is_under_fourteen_its_guardian_sees_its_data(asked: House) -> None:
    child, guardian, _ = family(asked)
    outcome = asked.post_outcome(child)
    auth = asked.learner_auth(guardian)
    paths = [f"/v1/learners/{child}{part}" for part in ("", "/balance", "/statement", "/outcomes", "/consents")]
    paths += [f"/v1/outcomes/{outcome['id']}", f"/v1/decisions/{outcome['decision_id']}"]
    for path in paths:
        assert asked.http.get(path, headers=auth).status_code == 200, path
    seen = {line for line in diary(asked, child) if line[2] == "guardian"}
    assert {reader for reader, _, _ in seen} == {f"learner:{guardian}"}
    assert {sight for _, sight, _ in seen} == {"identity", "balance", "statement", "outcomes", "decision", "consents"}


def test_from_its_birthday_on_the_guardian_sees_nothing_and_the_child_decides(asked: House) -> None:
    child, guardian, _ = family(asked)
    outcome = asked.post_outcome(child)
    early = give(asked, child, child)
    assert (early.status_code, codes(early)) == (403, [("", "guardian_needed")])
    asked.move_to("2026-07-02")
    auth = asked.learner_auth(guardian)
    nobody = asked.http.get(f"/v1/learners/{NOBODY}/balance", headers=auth)
    assert masked(asked.http.get(f"/v1/learners/{child}/balance", headers=auth)) == masked(nobody)
    for path in (f"/v1/learners/{child}", f"/v1/learners/{child}/consents", f"/v1/outcomes/{outcome['id']}"):
        assert asked.http.get(path, headers=auth).status_code == 404
    assert give(asked, guardian, child).status_code == 404
    assert give(asked, child, child).status_code == 201


def test_a_guardian_consents_for_the_child_and_withdraws(asked: House) -> None:
    child, guardian, _ = family(asked)
    given = give(asked, guardian, child)
    assert given.status_code == 201, given.get_data(as_text=True)
    document = given.get_json()
    assert (document["given_as"], document["given_by"]) == ("guardian", f"learner:{guardian}")
    url = f"/v1/learners/{child}/consents/{document['id']}"
    balance = f"/v1/learners/{document['subject']}/balance"
    assert asked.http.get(balance, headers=asked.auth("partner")).status_code == 200
    withdrawn = asked.http.delete(url, headers=asked.learner_auth(guardian))
    assert withdrawn.get_json()["withdrawn_as"] == "guardian"
    assert asked.http.get(balance, headers=asked.auth("partner")).status_code == 404
    assert asked.http.get("/v1/learners/me/consents", headers=asked.learner_auth(guardian)).get_json()["items"] == []


def test_a_child_may_withdraw_what_its_guardian_consented_to(asked: House) -> None:
    child, guardian, _ = family(asked)
    given = give(asked, guardian, child).get_json()
    withdrawn = asked.http.delete(f"/v1/learners/me/consents/{given['id']}", headers=asked.learner_auth(child))
    assert (withdrawn.status_code, withdrawn.get_json()["withdrawn_as"]) == (200, "self")


def test_a_guardian_applies_for_the_childs_conversion(asked: House) -> None:

    child, guardian, _ = family(asked)
    asked.post_outcome(child, title="管理学")
    asked.publish_rules(conversion_rules())
    asked.publish_programme("acceptor", **programme_body(code="made-up"))
    body = {
        "learner_id": child,
        "target": {"institution": "acceptor", "programme": "made-up", "courses": ["c1"]},
        "outcomes": "best",
    }
    auth = asked.learner_auth(guardian)
    applied = asked.http.post("/v1/conversions", json=body, headers=auth)
    assert applied.status_code == 201, applied.get_data(as_text=True)
    url = f"/v1/conversions/{applied.get_json()['id']}"
    assert asked.http.get(url, headers=auth).status_code == 200
    assert len(asked.http.get(f"/v1/conversions?learner_id={child}", headers=auth).get_json()["items"]) == 1
    stranger = asked.learner_auth(asked.open_learner()["id"])
    assert asked.http.get(url, headers=stranger).status_code == 404
    assert asked.http.post(f"{url}/withdraw", json={}, headers=stranger).status_code == 404
    assert asked.http.post(f"{url}/withdraw", json={}, headers=auth).status_code == 200


def test_a_guardian_whose_time_ended_sees_nothing(asked: House) -> None:
    child, guardian, recorded = family(asked)
    url = f"/v1/learners/{child}/guardians/{recorded}"
    ended = asked.http.delete(url, headers=asked.auth())
    asked.clock.move(minutes=1)
    again = asked.http.delete(url, headers=asked.auth())
    assert (ended.status_code, again.get_json()) == (200, ended.get_json())
    assert ended.get_json()["ended_at"] is not None
    assert asked.http.get(f"/v1/learners/{child}/balance", headers=asked.learner_auth(guardian)).status_code == 404
    renewed = name(asked, child, guardian)
    assert (renewed.status_code, renewed.get_json()["id"] != recorded) == (201, True)


def test_who_is_no_guardian_of_this_child_sees_nothing_of_it(asked: House) -> None:
    child, guardian, _ = family(asked)
    other = child_of(asked)
    stranger = asked.open_learner()["id"]
    for who, whom in ((stranger, child), (guardian, other), (child, guardian)):
        assert asked.http.get(f"/v1/learners/{whom}/balance", headers=asked.learner_auth(who)).status_code == 404
        assert give(asked, who, whom).status_code == 404


def test_only_an_institution_that_knows_both_records_and_ends_it(asked: House) -> None:
    child, guardian, recorded = family(asked)
    nowhere = masked(name(asked, NOBODY, guardian))
    assert masked(name(asked, child, guardian, "other")) == nowhere
    unknown_guardian = name(asked, child, asked.open_learner("other")["id"])
    assert (unknown_guardian.status_code, codes(unknown_guardian)) == (404, [("/guardian/id", "unknown_learner")])
    url = f"/v1/learners/{child}/guardians/{recorded}"
    assert asked.http.delete(url, headers=asked.auth("other")).status_code == 404
    assert asked.http.delete(f"/v1/learners/{child}/guardians/{NOBODY}", headers=asked.auth()).status_code == 404
    for headers in (asked.learner_auth(guardian), asked.learner_auth(child), asked.auth("cqdx", "balance:read")):
        assert asked.http.delete(url, headers=headers).status_code == 403
        made = asked.http.post(f"/v1/learners/{child}/guardians", json=naming(guardian), headers=headers)
        assert made.status_code == 403


def test_nobody_guards_themself_a_grown_up_or_while_a_minor(asked: House) -> None:
    child, guardian, _ = family(asked)
    teenager = child_of(asked, "2008-07-02")
    cases = [
        (child, child, 422, ("/guardian/id", "own_guardian")),
        (child, teenager, 422, ("/guardian/id", "guardian_too_young")),
        (teenager, guardian, 409, ("", "no_child")),
        (ageless(asked), guardian, 409, ("", "birth_date_missing")),
    ]
    for whom, who, status, code in cases:
        answer = name(asked, whom, who)
        assert (answer.status_code, codes(answer)) == (status, [code])


def test_an_age_is_read_from_the_resident_id_where_no_birth_date_was_told(asked: House) -> None:
    number = resident_id(0, born=BORN)
    child = asked.open_learner(identifiers=[{"type": "cn.resident_id", "value": number}])["id"]
    assert name(asked, child, asked.open_learner()["id"]).status_code == 201
    assert give(asked, child, child).status_code == 403


def test_the_evidence_is_sealed(asked: House) -> None:
    family(asked)
    from sqlalchemy import text  # noqa: PLC0415 - for this look alone

    with asked.bank.database.engine.connect() as connection:
        [sealed] = connection.execute(text("SELECT sealed_evidence FROM guardianship")).scalars()
    assert "户口簿".encode() not in bytes(sealed)


def test_no_column_can_be_set_from_outside(asked: House) -> None:
    child, guardian = child_of(asked), asked.open_learner()["id"]
    for field in ("id", "learner_id", "guardian_id", "institution_id", "recorded_by", "since", "ended_at"):
        answer = name(asked, child, guardian, **{field: "x"})
        assert (answer.status_code, codes(answer)) == (422, [(f"/{field}", "unknown_field")])


def ageless(house: House) -> str:
    learner: str = house.open_learner(identifiers=[{"type": "student_no", "value": "ageless"}])["id"]
    return learner


def give(house: House, who: str, whom: str) -> Any:
    url = f"/v1/learners/{whom}/consents"
    return house.http.post(url, json=consent_body("partner"), headers=house.learner_auth(who))
