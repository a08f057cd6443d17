"""Idempotency keys: one effect and one answer, however often a request is sent; what is kept tells nothing."""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from creditbank.services.access import client_token
from creditbank.services.bank import ANSWERS_KEPT
from creditbank.storage.audit import audit
from creditbank.storage.kept_answers import kept_answer
from creditbank.storage.learners import learner
from tests.builders import BASE_URL, House, learner_body, outcome_body, resident_id

KEY = "4f1c1f0e-key"

INSTITUTION = {"code": "cq-new", "name": "某学院", "level": "district", "roles": ["issuer"]}
SCHEME = {"code": "works", "title_zh": "作品", "title_en": "Works", "hours_per_credit": "16"}
RULESET: dict[str, Any] = {
    "code": "test-works",
    "version": 1,
    "kind": "recognition",
    "title": {"zh": "作品认定", "en": "Works"},
    "authority": "学分银行",
    "source": {"document": "作品认定办法"},
    "valid_from": "2000-01-01",
    "version_date": "completed",
    "scheme": "cn-16h-half",
    "rules": [{"id": "work", "when": {"kind": "other"}, "award": {"fixed": "5"}}],
    "tests": [
        {
            "id": "a course",
            "given": {"kind": "course", "title": "书法", "issuer": "cqdx", "completed_on": "2026-06-30"},
            "expect": {"credits": "0.00"},
        }
    ],
}

CREATIONS: dict[str, tuple[tuple[str, ...], dict[str, Any], dict[str, Any]]] = {
    "/v1/learners": (("cqdx",), learner_body(1), learner_body(2)),
    "/v1/rulesets": (("authority", "rules:write"), RULESET, RULESET | {"version": 2}),
    "/v1/schemes": (("authority", "rules:write"), SCHEME, SCHEME | {"code": "works-2"}),
    "/v1/institutions": (("authority", "admin"), INSTITUTION, INSTITUTION | {"code": "cq-other"}),
}
"""Where something is made: who may, what is sent, and something else."""


def send(
    house: House, path: str, body: object, asker: tuple[str, ...] = ("cqdx",), key: str | None = KEY
) -> TestResponse:
    headers = house.auth(*asker) | ({} if key is None else {"Idempotency-Key": key})
    return house.http.post(path, json=body, headers=headers)


def said(answer: TestResponse) -> tuple[int, Any]:
    return answer.status_code, answer.get_json()


def code(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, answer.get_json()["code"]


def count(house: House, table: Any) -> int:
    with house.bank.database.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


@pytest.mark.parametrize("path", CREATIONS)
def test_the_same_request_under_its_key_has_one_effect_and_the_first_answer(house: House, path: str) -> None:
    asker, body, _ = CREATIONS[path]
    first = send(house, path, body, asker)
    lines = count(house, audit)
    assert first.status_code == 201, first.get_data(as_text=True)
    for _ in range(2):
        assert said(send(house, path, body, asker)) == said(first)
    assert count(house, audit) == lines
    without = send(house, path, body, asker, key=None)
    assert (without.status_code, without.get_json()) == (200, first.get_json())


@pytest.mark.parametrize("path", CREATIONS)
def test_other_content_under_a_used_key_is_refused_and_does_nothing(house: House, path: str) -> None:
    asker, body, other = CREATIONS[path]
    first = send(house, path, body, asker)
    assert code(send(house, path, other, asker)) == (422, "idempotency_key_reused")
    assert said(send(house, path, body, asker)) == said(first)
    assert send(house, path, other, asker, key="another").status_code == 201


def test_a_key_belongs_to_its_address_too(house: House) -> None:
    admin = ("authority", "admin")
    send(house, "/v1/institutions", INSTITUTION, admin)
    assert code(send(house, "/v1/schemes", SCHEME, admin)) == (422, "idempotency_key_reused")


def test_a_revocation_under_its_key_is_answered_as_the_first_time(house: House) -> None:
    learner_id = house.open_learner()["id"]
    outcome_id = house.post_outcome(learner_id)["id"]
    url = f"/v1/outcomes/{outcome_id}/revoke"
    first = send(house, url, {"reason": "录入有误"})
    assert (first.status_code, first.get_json()["status"]) == (200, "revoked")
    assert said(send(house, url, {"reason": "录入有误"})) == said(first)
    assert code(send(house, url, {"reason": "另一原因"})) == (422, "idempotency_key_reused")
    statement = house.http.get(f"/v1/learners/{learner_id}/statement", headers=house.auth()).get_json()
    assert [line["kind"] for line in statement["items"]] == ["reverse", "recognise"]


def test_a_publication_under_its_key_is_answered_as_the_first_time(house: House) -> None:
    send(house, "/v1/rulesets", RULESET, ("authority", "rules:write"))
    url, publisher = "/v1/rulesets/test-works/versions/1/publish", ("authority", "rules:publish")
    first = send(house, url, None, publisher)
    house.clock.move(minutes=1)
    assert first.status_code == 200, first.get_data(as_text=True)
    assert said(send(house, url, None, publisher)) == said(first)


def test_an_outcome_under_its_key_is_answered_as_the_first_time_also_when_it_changed_since(house: House) -> None:
    learner_id = house.open_learner()["id"]
    body = outcome_body(learner_id, 1)
    first = send(house, "/v1/outcomes", body)
    assert first.status_code == 201
    assert send(house, f"/v1/outcomes/{first.get_json()['id']}/revoke", {"reason": "x"}, key=None).status_code == 200
    assert said(send(house, "/v1/outcomes", body)) == said(first)
    now = send(house, "/v1/outcomes", body, key=None)
    assert (now.status_code, now.get_json()["status"]) == (200, "revoked")


def test_a_correction_under_its_key_is_answered_with_its_etag_again(house: House) -> None:
    body = outcome_body(house.open_learner()["id"], 1)
    url = f"/v1/outcomes/{send(house, '/v1/outcomes', body, key=None).get_json()['id']}"
    headers = house.auth() | {"Idempotency-Key": KEY, "If-Match": '"1"'}
    answers = [house.http.put(url, json=body | {"hours": "32"}, headers=headers) for _ in range(2)]
    assert said(answers[0]) == said(answers[1])
    assert [answer.headers["ETag"] for answer in answers] == ['"2"', '"2"']


def test_a_key_is_its_clients_own(house: House) -> None:
    first = send(house, "/v1/learners", learner_body(1), ("cqdx",))
    second = send(house, "/v1/learners", learner_body(2), ("cqou",))
    same_institution = client_token(house.bank, BASE_URL, house.client("cqdx", "learners:write"), ("learners:write",))
    headers = {"Authorization": f"Bearer {same_institution}", "Idempotency-Key": KEY}
    third = house.http.post("/v1/learners", json=learner_body(3), headers=headers)
    assert [answer.status_code for answer in (first, second, third)] == [201, 201, 201]
    assert len({answer.get_json()["id"] for answer in (first, second, third)}) == 3


def test_a_key_outlives_the_token_that_it_came_with(house: House) -> None:
    client_id = house.client("cqdx", "learners:write")
    answers = []
    for _ in range(2):
        token = client_token(house.bank, BASE_URL, client_id, ("learners:write",))
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": KEY}
        answers.append(house.http.post("/v1/learners", json=learner_body(1), headers=headers))
        house.clock.move(hours=1)
    assert said(answers[0]) == said(answers[1])


def refused_content(house: House) -> TestResponse:
    return send(house, "/v1/learners", learner_body(1, name=" "))


def refused_identifier(house: House) -> TestResponse:
    wrong = [{"type": "cn.resident_id", "value": "11010519491231002"}]
    return send(house, "/v1/learners", learner_body(1, identifiers=wrong))


def refused_scope(house: House) -> TestResponse:
    client_id = house.client("cqdx", "learners:write")
    tokens = [client_token(house.bank, BASE_URL, client_id, (scope,)) for scope in ("balance:read", "learners:write")]
    house.tokens["cqdx", "learners:write"] = tokens[1]
    headers = {"Authorization": f"Bearer {tokens[0]}", "Idempotency-Key": KEY}
    return house.http.post("/v1/learners", json=learner_body(1), headers=headers)


@pytest.mark.parametrize(
    ("refuse", "status"), [(refused_content, 422), (refused_identifier, 422), (refused_scope, 403)]
)
def test_a_refused_request_leaves_its_key_free(
    house: House, refuse: Callable[[House], TestResponse], status: int
) -> None:
    assert refuse(house).status_code == status
    assert count(house, kept_answer) == count(house, learner) == 0
    scopes = ("cqdx", "learners:write") if refuse is refused_scope else ("cqdx",)
    mended = send(house, "/v1/learners", learner_body(1), scopes)
    assert mended.status_code == 201, mended.get_data(as_text=True)


@pytest.mark.parametrize("key", ["", " ", "two words", "键", "k" * 129])
def test_a_key_that_is_none_is_refused(house: House, key: str) -> None:
    raw = key.encode().decode("latin-1")
    answer = send(house, "/v1/learners", learner_body(1), key=raw)
    assert (answer.status_code, answer.get_json()["errors"][0]["code"]) == (422, "wrong_idempotency_key")
    assert count(house, learner) == 0


def test_kept_answers_are_sealed_and_the_request_is_kept_as_a_hash_inside_only(house: House) -> None:
    name = "阿卜杜热西提·买买提"
    answer = send(house, "/v1/learners", learner_body(1, name=name, birth_date="1955-12-30"))
    assert answer.status_code == 201, answer.get_data(as_text=True)
    with house.bank.database.reading() as connection:
        (row,) = connection.execute(select(kept_answer)).all()
    stored = b"".join(cell if isinstance(cell, bytes) else str(cell).encode() for cell in row)
    document = answer.get_json()
    for plain in (name, "买买提", resident_id(1), "1955-12-30", document["account_no"], "identifiers"):
        assert plain.encode() not in stored, plain
    assert KEY.encode() not in stored, "a caller may have made it of somebody's number"


def test_a_sealed_answer_can_not_be_put_under_another_key(house: House) -> None:
    for number, key in enumerate(("key-1", "key-2"), start=1):
        assert send(house, "/v1/learners", learner_body(number), key=key).status_code == 201
    with house.bank.database.transaction() as connection:
        rows = {row.key: row for row in connection.execute(select(kept_answer))}
        one, two = (hashlib.sha256(key.encode()).hexdigest() for key in ("key-1", "key-2"))
        changed = kept_answer.update().where(kept_answer.c.key == two)
        connection.execute(changed.values(sealed_answer=rows[one].sealed_answer))
    answer = send(house, "/v1/learners", learner_body(2), key="key-2")
    assert answer.status_code == 500
    assert learner_body(1)["name"] not in answer.get_data(as_text=True)


def test_an_answer_is_kept_for_days_and_then_forgotten(house: House) -> None:
    first = send(house, "/v1/learners", learner_body(1))
    client_id = house.bank.database.read(
        lambda connection: connection.execute(select(kept_answer.c.client_id)).scalar()
    )

    def again() -> TestResponse:
        token = client_token(house.bank, BASE_URL, str(client_id), ("learners:write",))
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": KEY}
        return house.http.post("/v1/learners", json=learner_body(1), headers=headers)

    house.clock.now += ANSWERS_KEPT - timedelta(seconds=1)
    assert said(again()) == said(first)
    house.clock.move(seconds=2)
    house.tokens.clear()
    send(house, "/v1/learners", learner_body(2))
    assert (again().status_code, again().get_json()) == (200, first.get_json())
