"""Limits: by client and by cost, by address where nobody says who it is; told with when to come again."""

from collections.abc import Callable
from copy import copy
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from creditbank.api import limits
from creditbank.api.limits import COSTS, EXPORTS, FREE, GUESSED
from creditbank.app import create_app
from creditbank.config import Settings
from tests.builders import BASE_URL, UNBOUNDED, House, outcome_body


@pytest.fixture
def engine_name() -> str:
    """Ask on one engine alone: nothing of this is counted in the database."""
    return "sqlite"


def limited(house: House, **given: Any) -> House:
    """Return the same bank behind an app with these limits: a copy, as making its routes anew takes long."""
    app, counted = copy(house.app), house.app.extensions["creditbank.limits"]
    made = limits.limits_of(Settings(**(UNBOUNDED | given)), counted.open_endpoints)
    app.extensions = app.extensions | {"creditbank.limits": made}
    return replace(house, app=app)


def refused(answer: Any) -> tuple[int, str, bool]:
    """Return status, code and whether it is told when to come again, in both languages."""
    assert answer.mimetype == "application/problem+json"
    (error,) = answer.get_json()["errors"]
    assert error["message_zh"] != error["message_en"]
    return answer.status_code, error["code"], 1 <= int(answer.headers["Retry-After"]) <= 86_400


TOO_MANY = (429, "too_many_requests", True)


def test_a_client_has_its_budget_and_another_one_its_own(house: House) -> None:
    asked = limited(house, requests_a_minute=3)
    answers = [asked.http.get("/v1/institutions", headers=asked.auth("cqdx")) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert refused(answers[3]) == TOO_MANY
    assert answers[0].headers["RateLimit-Policy"] == '"requests";q=3;w=60'
    assert [answer.headers["RateLimit"].partition(";t=")[0] for answer in answers] == [
        f'"requests";r={left}' for left in (2, 1, 0, 0)
    ]
    assert asked.http.get("/v1/institutions", headers=asked.auth("cqou")).status_code == 200


def test_two_learners_do_not_share_a_budget_nor_does_staff_with_its_institution(house: House) -> None:
    asked = limited(house, requests_a_minute=1)
    people = [house.learner_auth(house.open_learner()["id"]) for _ in range(2)]
    staff = house.staff_auth(house.staff("cqdx", "registrar"))
    for headers in (*people, staff, house.auth("cqdx")):
        assert asked.http.get("/v1/institutions", headers=headers).status_code == 200
        assert asked.http.get("/v1/institutions", headers=headers).status_code == 429


def test_a_batch_costs_one_more_for_each_hundred_rows_and_leaves_nothing_where_there_is_no_budget(house: House) -> None:
    asked = limited(house, requests_a_minute=6)
    learner_id = house.open_learner()["id"]

    def post(rows: int, first: int) -> Any:
        body = [outcome_body(learner_id, first + number) for number in range(rows)]
        return asked.http.post("/v1/outcomes/batch", json=body, headers=asked.auth("cqdx"))

    assert post(99, 0).headers["RateLimit"] == '"requests";r=5'
    assert post(200, 100).headers["RateLimit"] == '"requests";r=2'
    assert refused(post(250, 400)) == TOO_MANY
    again = house.http.post(
        "/v1/outcomes/batch",
        json=[outcome_body(learner_id, 400 + number) for number in range(250)],
        headers=house.auth("cqdx"),
    )
    assert again.get_json()["summary"] == {"accepted": 250, "replayed": 0, "rejected": 0}


def test_what_takes_long_costs_more_and_what_costs_more_than_all_is_taken_once(house: House) -> None:
    learner = house.learner_auth(house.open_learner()["id"])
    asked = limited(house, requests_a_minute=45)
    first, second = (asked.http.get("/v1/learners/me/export", headers=learner) for _ in range(2))
    assert [first.headers["RateLimit"], second.headers["RateLimit"]] == [
        '"exports";r=999999999',
        '"exports";r=999999998',
    ]
    assert refused(asked.http.get("/v1/learners/me/export", headers=learner)) == TOO_MANY
    once = limited(house, requests_a_minute=2)
    assert once.http.get("/v1/learners/me/export", headers=learner).status_code == 200
    assert once.http.get("/v1/institutions", headers=learner).status_code == 429


def test_exports_have_a_budget_of_the_day(house: House) -> None:
    learner = house.learner_auth(house.open_learner()["id"])
    asked = limited(house, exports_a_day=1)
    assert asked.http.get("/v1/learners/me/export", headers=learner).status_code == 200
    again = asked.http.get("/v1/learners/me/export", headers=learner)
    assert refused(again) == TOO_MANY
    assert int(again.headers["Retry-After"]) > 80_000
    assert asked.http.get("/v1/learners/me", headers=learner).status_code == 200


def test_without_a_token_an_address_has_a_budget_that_a_made_up_token_does_not_widen(house: House) -> None:
    asked = limited(house, address_requests_a_minute=3)
    made_up = {"Authorization": "Bearer none"}
    statuses = [
        asked.http.get("/v1/log/checkpoint").status_code,
        asked.http.get("/v1/log/checkpoint", headers=made_up).status_code,
        asked.http.get("/nowhere").status_code,
        asked.http.get("/v1/log/checkpoint", headers=made_up).status_code,
        asked.http.get("/nowhere").status_code,
    ]
    assert statuses[2:] == [404, 429, 429]
    assert 429 not in statuses[:3]
    assert asked.http.get("/v1/institutions", headers=asked.auth()).status_code == 200, "who shows a token isn't meant"
    elsewhere = asked.http.get("/nowhere", environ_base={"REMOTE_ADDR": "192.0.2.7"})
    assert elsewhere.status_code == 404


def test_who_shows_no_token_where_one_is_needed_has_the_budget_of_the_address(house: House) -> None:
    asked = limited(house, address_requests_a_minute=2)
    for headers, status in (({}, 401), ({"Authorization": "Basic eDp5"}, 401), ({"Authorization": "Bearer "}, 429)):
        assert asked.http.get("/v1/institutions", headers=headers).status_code == status
    assert asked.http.get("/v1/institutions", headers=asked.auth()).status_code == 200


def test_probes_are_never_refused(house: House) -> None:
    asked = limited(house, address_requests_a_minute=1)
    assert [asked.http.get(path).status_code for path in ("/healthz", "/readyz") * 3] == [200] * 6


GUESSES: list[tuple[str, Callable[[Any], Any], int]] = [
    ("secret", lambda http: http.post("/oauth/token", data={"grant_type": "client_credentials"}, auth=("x", "y")), 401),
    ("token", lambda http: http.get("/v1/institutions", headers={"Authorization": "Bearer none"}), 401),
    ("check code", lambda http: http.get(f"/verify/{'a' * 32}"), 404),
    (
        "link code",
        lambda http: http.post("/v1/logins/link", json={"ticket": "none", "link_code": "none"}),
        404,
    ),
]


@pytest.mark.parametrize(("what", "guess", "status"), GUESSES, ids=[one[0] for one in GUESSES])
def test_guesses_from_one_address_come_to_an_end(
    house: House, what: str, guess: Callable[[Any], Any], status: int
) -> None:
    asked = limited(house, tries_a_minute=2)
    answers = [guess(asked.http) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [status, status, 429, 429], what
    assert refused(answers[3]) == TOO_MANY
    assert asked.http.get("/v1/log/checkpoint").status_code != 429, "what is no guess goes on"
    assert asked.http.get("/v1/institutions", headers=asked.auth()).status_code == 200


def test_behind_proxies_the_address_is_the_one_that_the_last_of_them_saw(house: House) -> None:
    settings = Settings(base_url=BASE_URL, **(UNBOUNDED | {"address_requests_a_minute": 1, "proxies": 1}))
    asked = replace(house, app=create_app(settings, house.bank))

    def status(forwarded: str) -> int:
        return asked.http.get("/nowhere", headers={"X-Forwarded-For": forwarded}).status_code

    assert [status("192.0.2.1"), status("192.0.2.2"), status("192.0.2.1")] == [404, 404, 429]
    assert status("198.51.100.9, 192.0.2.1") == 429, "what the caller says itself before it doesn't count"
    plain = limited(house, address_requests_a_minute=1)
    plain.http.get("/nowhere", headers={"X-Forwarded-For": "192.0.2.1"})
    assert plain.http.get("/nowhere", headers={"X-Forwarded-For": "192.0.2.2"}).status_code == 429


@pytest.mark.parametrize(
    ("first", "second", "is_one"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
    ],
)
def test_a_network_of_ipv6_is_one_address(house: House, first: str, second: str, is_one: bool) -> None:  # noqa: FBT001
    asked = limited(house, address_requests_a_minute=1)
    asked.http.get("/nowhere", environ_base={"REMOTE_ADDR": first})
    assert (asked.http.get("/nowhere", environ_base={"REMOTE_ADDR": second}).status_code == 429) is is_one


def test_what_is_refused_is_counted_for_the_operator(house: House) -> None:
    asked = limited(house, requests_a_minute=1)
    for _ in range(2):
        asked.http.get("/v1/institutions", headers=asked.auth())
    assert 'creditbank_budget_refusals_total{budget="requests"}' in asked.http.get("/metrics").get_data(as_text=True)


def test_what_costs_more_is_there(house: House) -> None:
    app: Flask = house.app
    assert {*COSTS, *EXPORTS, *FREE, *GUESSED} <= app.view_functions.keys()
    found = app.extensions["creditbank.limits"]
    assert isinstance(found, limits.Limits)
    assert GUESSED - {"Access.token"} <= found.open_endpoints
