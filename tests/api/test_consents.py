"""Consents: given with a receipt, listed, withdrawn at once; what can't be consented to; whose they are."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import jwt
import pytest
from sqlalchemy import text

from creditbank.core.permission import LEARNER_SCOPES, Actor
from creditbank.formats.signing import InvalidToken, verified_access_token
from creditbank.services import consents
from creditbank.services.access import client_token
from creditbank.services.bank import Answer, Errand, Work, carried_out
from tests.builders import BASE_URL, CONSENT_TEXTS, House, add_client, consent_body

NOBODY = "00000000-0000-0000-0000-000000000001"


@pytest.fixture
def asked(house: House) -> House:
    """Give a bank with texts in print and a partner."""
    house.publish_texts()
    house.auth("partner")
    return house


def give(house: House, learner_id: str, body: dict[str, Any], path: str = "me", **headers: str) -> Any:
    url = f"/v1/learners/{path}/consents"
    return house.http.post(url, json=body, headers=house.learner_auth(learner_id) | headers)


def codes(answer: Any) -> list[tuple[str, str]]:
    return [(error["pointer"], error["code"]) for error in answer.get_json()["errors"]]


# --- texts


def test_a_text_is_published_once_by_an_administrator_and_read_by_everybody(house: House) -> None:
    admin, body = house.auth("authority", "admin"), CONSENT_TEXTS[0]
    assert house.http.post("/v1/consent-texts", json=body, headers=house.auth()).status_code == 403
    first = house.http.post("/v1/consent-texts", json=body, headers=admin)
    again = house.http.post("/v1/consent-texts", json=body, headers=admin)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.get_json() == again.get_json()
    assert first.get_json()["is_sensitive"] is False
    other = house.http.post("/v1/consent-texts", json=body | {"text_en": "Something else."}, headers=admin)
    assert (other.status_code, codes(other)) == (409, [("/version", "differs")])
    skipped = house.http.post("/v1/consent-texts", json=body | {"version": 3}, headers=admin)
    assert (skipped.status_code, codes(skipped)) == (409, [("/version", "wrong_version")])
    assert house.http.post("/v1/consent-texts", json=body | {"version": 2}, headers=admin).status_code == 201
    learner = house.learner_auth(house.open_learner()["id"])
    for headers in (house.auth(), learner):
        items = house.http.get("/v1/consent-texts", headers=headers).get_json()["items"]
        assert [(item["code"], item["version"]) for item in items] == [("account-data", 2), ("account-data", 1)]


def test_a_text_does_not_mix_sensitive_data_with_others(house: House) -> None:
    body = CONSENT_TEXTS[0] | {"scopes": ["identity:read", "balance:read"]}
    answer = house.http.post("/v1/consent-texts", json=body, headers=house.auth("authority", "admin"))
    assert (answer.status_code, codes(answer)) == (422, [("/scopes", "sensitive_apart")])


# --- giving


def test_a_consent_is_answered_with_all_its_facts(asked: House) -> None:
    learner = asked.open_learner()["id"]
    answer = give(asked, learner, consent_body("partner", "balance:read", "statement:read"))
    assert answer.status_code == 201, answer.get_data(as_text=True)
    given = answer.get_json()
    assert {name: given[name] for name in ("state", "purpose", "scopes", "is_sensitive", "valid_until")} == {
        "state": "in_force",
        "purpose": "岗位匹配",
        "scopes": ["balance:read", "statement:read"],
        "is_sensitive": False,
        "valid_until": "2026-12-31",
    }
    assert given["recipient"] == {"code": "partner", "name": "机构 partner"}
    assert (given["given_by"], given["given_as"], given["withdrawn_at"]) == ("learner", "self", None)
    assert (given["text"]["code"], given["text"]["version"]) == ("account-data", 1)
    assert given["text"]["text_zh"] == CONSENT_TEXTS[0]["text_zh"]
    assert learner not in answer.get_data(as_text=True)
    sensitive = give(asked, learner, consent_body("partner", "identity:read")).get_json()
    assert (sensitive["is_sensitive"], sensitive["text"]["code"]) == (True, "identity-data")
    assert sensitive["subject"] == given["subject"]


def test_the_receipt_is_checked_by_the_published_keys(asked: House) -> None:
    given = asked.consent(asked.open_learner()["id"], "partner")
    header = jwt.get_unverified_header(given["receipt"])
    keys = jwt.PyJWKSet.from_dict(asked.http.get("/.well-known/jwks.json").get_json())
    options: Any = {"verify_aud": True, "require": ["iss", "aud", "sub", "iat", "jti"], "verify_iat": False}
    told = jwt.decode(
        given["receipt"], keys[header["kid"]].key, ["ES256"], audience="partner", issuer=BASE_URL, options=options
    )
    assert header["typ"] == "consent-receipt+jwt"
    assert (told["sub"], told["jti"], told["scope"]) == (given["subject"], given["id"], "balance:read")
    assert (told["valid_until"], told["given_as"], told["withdrawn_at"]) == ("2026-12-31", "self", None)
    assert (told["recipient_name"], told["purpose"], told["sensitive"]) == ("机构 partner", "岗位匹配", False)
    assert told["text"].keys() == {"code", "version", "sha256"}


def test_a_receipt_is_no_token(asked: House) -> None:
    given = asked.consent(asked.open_learner()["id"], "partner")
    headers = {"Authorization": f"Bearer {given['receipt']}"}
    for path in ("/v1/learners/me", "/v1/consents", "/v1/learners/me/consents"):
        assert asked.http.get(path, headers=headers).status_code == 401
    keys = asked.bank.keyring.public_keys
    with pytest.raises(InvalidToken):
        verified_access_token(given["receipt"], keys, issuer=BASE_URL, audience="partner", now=asked.clock())


@pytest.mark.parametrize(
    ("changes", "status", "expected"),
    [
        ({"recipient": "nowhere"}, 404, [("/recipient", "unknown_institution")]),
        ({"valid_until": "2026-06-30"}, 422, [("/valid_until", "in_the_past")]),
        ({"valid_until": "2029-07-02"}, 422, [("/valid_until", "term_too_long")]),
        ({"scopes": ["identity:read", "balance:read"]}, 422, [("/scopes", "sensitive_apart")]),
        (
            {"scopes": ["identity:read", "balance:read"], "valid_until": "2020-01-01"},
            422,
            [("/valid_until", "in_the_past"), ("/scopes", "sensitive_apart")],
        ),
        ({"scopes": []}, 422, [("/scopes", "wrong_count")]),
        ({"scopes": ["outcomes:write"]}, 422, [("/scopes/0", "wrong_choice")]),
        ({"scopes": ["admin"]}, 422, [("/scopes/0", "wrong_choice")]),
        ({"scopes": ["audit:read"]}, 422, [("/scopes/0", "wrong_choice")]),
        ({"text": {"code": "no-such", "version": 1}}, 404, [("/text", "unknown_consent_text")]),
        ({"text": {"code": "account-data", "version": 2}}, 404, [("/text", "unknown_consent_text")]),
        ({"text": {"code": "identity-data", "version": 1}}, 422, [("/text", "text_does_not_cover")]),
        ({"purpose": " "}, 422, [("/purpose", "blank")]),
    ],
)
def test_what_cannot_be_consented_to_is_refused_with_its_reason(
    asked: House, changes: dict[str, Any], status: int, expected: list[tuple[str, str]]
) -> None:
    answer = give(asked, asked.open_learner()["id"], consent_body("partner") | changes)
    assert (answer.status_code, codes(answer)) == (status, expected)


def test_no_column_can_be_set_from_outside(asked: House) -> None:
    learner = asked.open_learner()["id"]
    wanted = ("id", "learner_id", "institution_id", "given_by", "given_as", "given_at", "is_sensitive", "subject")
    for name in (*wanted, "text_code", "state", "withdrawn_at", "recipient_id"):
        answer = give(asked, learner, consent_body("partner") | {name: "self"})
        assert (answer.status_code, codes(answer)) == (422, [(f"/{name}", "unknown_field")])


def test_both_sides_of_the_term_are_taken(asked: House) -> None:
    learner = asked.open_learner()["id"]
    for day in ("2026-07-01", "2029-07-01"):
        assert give(asked, learner, consent_body("partner", valid_until=day)).status_code == 201


def test_a_text_that_was_replaced_is_not_agreed_to_any_more(asked: House) -> None:
    learner, named = asked.open_learner()["id"], {"code": "account-data", "version": 1}
    assert give(asked, learner, consent_body("partner", text=named)).status_code == 201
    body = CONSENT_TEXTS[0] | {"version": 2}
    assert asked.http.post("/v1/consent-texts", json=body, headers=asked.auth("authority", "admin")).status_code == 201
    replaced = give(asked, learner, consent_body("partner", text=named))
    assert (replaced.status_code, codes(replaced)) == (409, [("/text/version", "superseded")])
    assert give(asked, learner, consent_body("partner")).get_json()["text"]["version"] == 2


def test_without_a_text_nothing_can_be_consented_to(house: House) -> None:
    house.auth("partner")
    answer = give(house, house.open_learner()["id"], consent_body("partner"))
    assert (answer.status_code, codes(answer)) == (422, [("/scopes", "text_missing")])


# --- whose they are


def test_another_learners_consents_are_as_if_they_did_not_exist(asked: House) -> None:
    learner, other = (asked.open_learner()["id"] for _ in range(2))
    given = asked.consent(learner, "partner")
    auth = asked.learner_auth(other)
    mine, theirs = f"/v1/learners/me/consents/{given['id']}", f"/v1/learners/{learner}/consents"
    missing = asked.http.get(f"/v1/learners/{NOBODY}/consents", headers=auth)
    assert masked(asked.http.get(theirs, headers=auth)) == masked(missing)
    nothing = asked.http.get(f"/v1/learners/me/consents/{NOBODY}", headers=auth)
    for method in ("get", "delete"):
        for url in (mine, f"{theirs}/{given['id']}"):
            answer = getattr(asked.http, method)(url, headers=auth)
            assert answer.status_code == 404, (method, url)
        assert masked(getattr(asked.http, method)(mine, headers=auth)) == masked(nothing)
    assert give(asked, other, consent_body("partner"), path=learner).status_code == 404
    assert state(asked, learner, given) == "in_force"


def test_institutions_neither_give_nor_see_nor_withdraw_a_learners_consents(asked: House) -> None:
    learner = asked.open_learner()["id"]
    given = asked.consent(learner, "partner")
    url = f"/v1/learners/{learner}/consents"
    for auth in (asked.auth("cqdx", *LEARNER_SCOPES), asked.auth("partner", *LEARNER_SCOPES)):
        assert asked.http.get(url, headers=auth).status_code == 404
        assert asked.http.get(f"{url}/{given['id']}", headers=auth).status_code == 404
        assert asked.http.post(url, json=consent_body("partner"), headers=auth).status_code in (403, 404)
        assert asked.http.delete(f"{url}/{given['id']}", headers=auth).status_code in (403, 404)
    auditor = asked.auth("authority", "audit:read")
    assert asked.http.get(url, headers=auditor).get_json()["items"][0]["id"] == given["id"]


def test_the_token_of_nobody_gives_no_consent(asked: House) -> None:
    assert give(asked, NOBODY, consent_body("partner")).status_code == 404


def test_a_counter_gives_and_withdraws_for_the_learner_and_that_is_on_record(asked: House) -> None:
    learner = asked.open_learner()["id"]
    counter = Actor("counter-7", LEARNER_SCOPES, learner_id=UUID(learner), is_proxy=True)
    wish = consents.Wish("partner", "查询", frozenset({"balance:read"}), asked.clock().date(), None)  # type: ignore[arg-type]
    shown: list[consents.Shown] = []

    def give_for(work: Work) -> Answer:
        shown.append(consents.give(work, UUID(learner), wish))
        return Answer({}, is_new=True, subject="x")

    def withdraw_for(work: Work) -> Answer:
        shown.append(consents.withdraw(work, UUID(learner), shown[0].consent.id))
        return Answer({}, is_new=True, subject="x")

    for action in (give_for, withdraw_for):
        carried_out(asked.bank, Errand(counter, "test"), action)
    [item] = asked.http.get("/v1/learners/me/consents", headers=asked.learner_auth(learner)).get_json()["items"]
    assert (item["given_by"], item["given_as"]) == ("counter-7", "proxy")
    assert (item["withdrawn_by"], item["withdrawn_as"]) == ("counter-7", "proxy")
    assert diary(asked, learner) == [("counter-7", "consents", "proxy")] * 2


# --- withdrawing


def test_a_withdrawn_consent_stays_on_the_list_and_is_withdrawn_once(asked: House) -> None:
    learner = asked.open_learner()["id"]
    first, second = asked.consent(learner, "partner"), asked.consent(learner, "partner", "statement:read")
    url, auth = f"/v1/learners/me/consents/{first['id']}", asked.learner_auth(learner)
    asked.clock.move(minutes=1)
    withdrawn = asked.http.delete(url, headers=auth)
    asked.clock.move(minutes=1)
    again = asked.http.delete(url, headers=auth)
    assert (withdrawn.status_code, again.status_code) == (200, 200)
    assert withdrawn.get_json()["withdrawn_at"] == again.get_json()["withdrawn_at"] != None  # noqa: E711 - all three
    assert withdrawn.get_json()["withdrawn_as"] == "self"
    items = asked.http.get("/v1/learners/me/consents", headers=auth).get_json()["items"]
    assert [(item["id"], item["state"]) for item in items] == [
        (second["id"], "in_force"),
        (first["id"], "withdrawn"),
    ]


def test_a_consent_that_is_over_says_so(asked: House) -> None:
    learner = asked.open_learner()["id"]
    given = asked.consent(learner, "partner", valid_until="2026-07-02")
    asked.move_to("2026-07-02")
    assert state(asked, learner, given) == "in_force"
    asked.move_to("2026-07-03")
    assert state(asked, learner, given) == "over"


def test_the_list_comes_in_pages(asked: House) -> None:
    learner = asked.open_learner()["id"]
    given = [asked.consent(learner, "partner")["id"] for _ in range(5)]
    found, cursor = [], None
    while True:
        query = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = asked.http.get(
            "/v1/learners/me/consents", query_string=query, headers=asked.learner_auth(learner)
        ).get_json()
        found += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert sorted(found) == sorted(given)
    assert len(found) == 5


# --- sent again


def test_a_consent_sent_again_under_its_key_is_given_once(asked: House) -> None:
    learner = asked.open_learner()["id"]
    key = {"Idempotency-Key": "once"}
    first, again = (give(asked, learner, consent_body("partner"), **key) for _ in range(2))
    assert first.get_json() == again.get_json()
    other = give(asked, learner, consent_body("partner", "statement:read"), **key)
    assert other.status_code == 422
    assert len(listed(asked, learner)) == 1


def test_two_learners_with_the_same_key_and_request_get_answers_of_their_own(asked: House) -> None:
    one, other = (asked.open_learner()["id"] for _ in range(2))
    key = {"Idempotency-Key": "1"}
    answers = [give(asked, learner, consent_body("partner"), **key) for learner in (one, other)]
    assert [answer.status_code for answer in answers] == [201, 201]
    subjects = {answer.get_json()["subject"] for answer in answers}
    assert len(subjects) == 2
    assert [len(listed(asked, learner)) for learner in (one, other)] == [1, 1]


def test_many_give_and_withdraw_at_once_and_every_consent_is_there_once(asked: House) -> None:
    learner = asked.open_learner()["id"]
    auth = asked.learner_auth(learner)
    body, key = consent_body("partner"), {"Idempotency-Key": "raced"}

    def ask(number: int) -> int:
        headers = auth | (key if number % 2 else {})
        status: int = asked.app.test_client().post("/v1/learners/me/consents", json=body, headers=headers).status_code
        return status

    with ThreadPoolExecutor(6) as pool:
        statuses = list(pool.map(ask, range(8)))
    assert set(statuses) <= {201, 409}
    given = listed(asked, learner)
    assert len(given) == sum(status == 201 for number, status in enumerate(statuses) if number % 2 == 0) + 1
    assert len({item["subject"] for item in given}) == 1
    url = f"/v1/learners/me/consents/{given[0]['id']}"
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: asked.app.test_client().delete(url, headers=auth), range(6)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({json.dumps(answer.get_json()["withdrawn_at"]) for answer in answers}) == 1


def test_consents_in_force_are_bounded(asked: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consents, "CONSENTS_MAX", 2)
    learner = asked.open_learner()["id"]
    given = [asked.consent(learner, "partner") for _ in range(2)]
    full = give(asked, learner, consent_body("partner"))
    assert (full.status_code, codes(full)) == (409, [("", "too_many_consents")])
    asked.http.delete(f"/v1/learners/me/consents/{given[0]['id']}", headers=asked.learner_auth(learner))
    assert give(asked, learner, consent_body("partner")).status_code == 201


def test_who_wants_their_data_kept_and_not_used_gives_no_consent(asked: House) -> None:
    learner = asked.open_learner()["id"]
    with asked.bank.database.transaction() as connection:
        connection.execute(
            text("UPDATE learner SET restricted_at = created_at WHERE id = :id"), {"id": sql_id(asked, learner)}
        )
    answer = give(asked, learner, consent_body("partner"))
    assert (answer.status_code, codes(answer)) == (409, [("", "restricted")])


def test_a_client_with_the_scope_acts_for_nobody(asked: House) -> None:
    client = add_client(asked.bank, "cqdx", ("consents:write",)).client.id
    token = client_token(asked.bank, BASE_URL, client, ("consents:write",))
    learner = asked.open_learner()["id"]
    for path in (learner, "me"):
        answer = asked.http.post(
            f"/v1/learners/{path}/consents",
            json=consent_body("partner"),
            headers={"Authorization": f"Bearer {token}"},
        )
        assert answer.status_code == 404


def sql_id(house: House, learner_id: str) -> object:
    """Return an id as the engine keeps it."""
    return UUID(learner_id).hex if house.bank.database.is_sqlite else UUID(learner_id)


def masked(answer: Any) -> tuple[int, dict[str, Any]]:
    """Return an answer without the request's id."""
    return answer.status_code, {**answer.get_json(), "request_id": ""}


def listed(house: House, learner_id: str) -> list[dict[str, Any]]:
    answer = house.http.get("/v1/learners/me/consents", headers=house.learner_auth(learner_id))
    items: list[dict[str, Any]] = answer.get_json()["items"]
    return items


def state(house: House, learner_id: str, given: dict[str, Any]) -> str:
    url = f"/v1/learners/me/consents/{given['id']}"
    answer = house.http.get(url, headers=house.learner_auth(learner_id))
    found: str = answer.get_json()["state"]
    return found


def diary(house: House, learner_id: str) -> list[tuple[str, str, str]]:
    """Return the lines about a learner: reader, what was seen, basis."""
    query = text("SELECT reader, sight, basis FROM access_log WHERE learner_id = :id ORDER BY happened_at, id")
    with house.bank.database.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(query, {"id": sql_id(house, learner_id)})]
