"""Programmes over HTTP: published and replaced by the institutions that accept conversions, read by everybody."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from creditbank.api.programmes import COURSES_MAX, PAIRS_MAX
from tests.api.test_bad_input import NAUGHTY
from tests.api.test_conversions import RULES, TARGET
from tests.builders import House, new_house, programme_body
from tests.moulds import Making
from tests.services.test_races import at_once, statuses

SCHEME = {"code": "cn-16h-half", "title_zh": "学时制", "title_en": "By hours", "hours_per_credit": "16"}

URL = "/v1/programmes/acceptor/administration"

WRITER = ("acceptor", "rules:write")


@pytest.fixture
def registry(copied: Callable[[Making], House]) -> House:
    """Give a bank with one scheme and without rules, which programmes don't need."""
    return copied(registry_house)


def registry_house(url: str, folder: Path) -> House:
    house = new_house(url, folder, packs=False)
    made = house.http.post("/v1/schemes", json=SCHEME, headers=house.auth("authority", "admin"))
    assert made.status_code == 201, made.get_data(as_text=True)
    return house


def publish(house: House, who: tuple[str, ...] = WRITER, key: str = "", **changes: Any) -> TestResponse:
    """Publish the example programme with changes."""
    headers = house.auth(*who) | ({"Idempotency-Key": key} if key else {})
    return house.http.post("/v1/programmes", json=programme_body(**changes), headers=headers)


def put(house: House, seen: str | None, who: tuple[str, ...] = WRITER, url: str = URL, **changes: Any) -> TestResponse:
    """Replace the example programme by itself with changes."""
    headers = house.auth(*who) | ({} if seen is None else {"If-Match": seen})
    return house.http.put(url, json=programme_body(**changes), headers=headers)


def got(house: House, url: str = URL, **query: Any) -> TestResponse:
    """Read as an institution that has nothing to do with it."""
    return house.http.get(url, query_string=query, headers=house.auth("cqdx", "balance:read"))


def reasons(answer: TestResponse) -> set[tuple[str, str]]:
    """Return pointer and code of each reason, after looking that each is told in both languages."""
    errors = answer.get_json()["errors"]
    assert all(error["message_zh"] and error["message_en"] for error in errors)
    return {(error["pointer"], error["code"]) for error in errors}


def refused(answer: TestResponse) -> tuple[int, set[str]]:
    return answer.status_code, {code for _, code in reasons(answer)}


def course(**changes: Any) -> dict[str, Any]:
    return {"code": "c1", "title": "管理学", "credits": "3.00"} | changes


def register(house: House, code: str, *roles: str) -> None:
    """Register an institution that has these roles and no others."""
    body = {"code": code, "name": f"机构 {code}", "level": "district", "roles": list(roles)}
    answer = house.http.post("/v1/institutions", json=body, headers=house.auth("authority", "admin"))
    assert answer.status_code == 201, answer.get_data(as_text=True)


def test_a_programme_is_published_and_read_by_everybody_with_everything_that_it_holds(registry: House) -> None:
    held: dict[str, Any] = {
        "category_credits": {"专业核心课": "20.50", "a/b~c": "0"},
        "attributes": {"discipline": "non-computing", "学科": "管理学"},
        "courses": [course(category="统设必修"), course(code="C-2 上", title="行政法（一）", credits=2.5)],
    }
    answer = publish(registry, **held)
    made = answer.get_json()
    assert (answer.status_code, answer.headers["ETag"], made["revision"]) == (201, '"1"', 1)
    assert {name: made[name] for name in ("institution", "code", "title", "scheme", "total_credits")} == {
        "institution": "acceptor",
        "code": "administration",
        "title": "行政管理",
        "scheme": "cn-16h-half",
        "total_credits": "76.00",
    }
    assert made["category_credits"] == {"专业核心课": "20.50", "a/b~c": "0.00"}
    assert made["attributes"] == held["attributes"]
    assert made["courses"] == [
        {"code": "c1", "title": "管理学", "credits": "3.00", "category": "统设必修"},
        {"code": "C-2 上", "title": "行政法（一）", "credits": "2.50", "category": None},
    ]
    read = got(registry)
    assert (read.status_code, read.headers["ETag"], read.get_json()) == (200, '"1"', made)
    assert "管理学" in read.get_data(as_text=True), "Chinese stands unescaped"
    learner = registry.open_learner()["id"]
    assert registry.http.get(URL, headers=registry.learner_auth(learner)).get_json() == made
    assert registry.http.get(URL).status_code == 401


def test_a_programme_needs_no_courses_and_its_courses_may_have_more_credits_than_it_asks_for(registry: House) -> None:
    assert publish(registry, code="open", courses=[]).get_json()["courses"] == []
    many = [course(code=f"k{number}") for number in range(COURSES_MAX)]
    answer = publish(registry, code="choice", total_credits="0.01", courses=many)
    assert (answer.status_code, len(answer.get_json()["courses"])) == (201, COURSES_MAX)
    assert got(registry, "/v1/programmes/acceptor/choice").get_json() == answer.get_json()


def test_the_same_programme_published_again_is_answered_and_another_under_its_code_is_refused(registry: House) -> None:
    first = publish(registry)
    alike: tuple[dict[str, Any], ...] = ({}, {"total_credits": 76}, {"category_credits": {}, "attributes": {}})
    for written in alike:
        again = publish(registry, **written)
        assert (again.status_code, again.get_json()) == (200, first.get_json())
    others: tuple[dict[str, Any], ...] = ({"title": "行政管理学"}, {"courses": []}, {"attributes": {"a": "b"}})
    for differing in others:
        answer = publish(registry, **differing)
        assert (answer.status_code, reasons(answer)) == (409, {("/code", "differs")})
    assert got(registry).get_json() == first.get_json()
    assert publish(registry, ("acceptor-2", "rules:write")).status_code == 201, "codes are an institution's own"


def test_a_publication_under_its_key_is_answered_as_the_first_time(registry: House) -> None:
    first = publish(registry, key="k1")
    assert put(registry, '"1"', title="改").status_code == 200
    again = publish(registry, key="k1")
    assert (again.status_code, again.get_json(), again.headers["ETag"]) == (201, first.get_json(), '"1"')
    assert refused(publish(registry, key="k1", title="改")) == (422, {"idempotency_key_reused"})


def test_a_programme_is_replaced_on_the_revision_that_was_seen(registry: House) -> None:
    publish(registry)
    assert refused(put(registry, None)) == (428, {"if_match_missing"})
    for wrong in ('"2"', '"0"', '"01"', "1", "*", 'W/"1"', ""):
        assert refused(put(registry, wrong, title="新")) == (412, {"outdated"}), wrong
    changed = put(registry, '"1"', title="公共管理", courses=[course(code="c9", title="公共政策")])
    assert (changed.status_code, changed.headers["ETag"], changed.get_json()["revision"]) == (200, '"2"', 2)
    assert got(registry).get_json() == changed.get_json()
    assert [one["code"] for one in changed.get_json()["courses"]] == ["c9"]
    assert refused(put(registry, '"1"')) == (412, {"outdated"})
    again = put(registry, '"1"', title="公共管理", courses=[course(code="c9", title="公共政策")])
    assert (again.status_code, again.get_json()) == (200, changed.get_json()), "what stands already is answered"


def test_a_programme_keeps_its_code(registry: House) -> None:
    publish(registry)
    answer = put(registry, '"1"', code="other")
    assert (answer.status_code, reasons(answer)) == (422, {("/code", "fixed")})
    assert refused(put(registry, '"1"', url="/v1/programmes/acceptor/other", code="other")) == (
        404,
        {"unknown_programme"},
    )


def test_only_the_accepting_institution_itself_writes_its_programmes(registry: House) -> None:
    first = publish(registry).get_json()
    for other in (("acceptor-2", "rules:write"), ("authority", "rules:write", "admin", "audit:read")):
        own = publish(registry, other).get_json()
        assert refused(put(registry, '"1"', other, title="改")) == (404, {"unknown_programme"})
        assert got(registry, f"/v1/programmes/{other[0]}/administration").get_json() == own
    for scope in ("balance:read", "conversions:review", "rules:publish"):
        assert refused(put(registry, '"1"', ("acceptor", scope), title="改")) == (403, {"scope_missing"})
        assert refused(publish(registry, ("acceptor", scope), code="new")) == (403, {"scope_missing"})
    learner = registry.learner_auth(registry.open_learner()["id"])
    assert refused(registry.http.post("/v1/programmes", json=programme_body(), headers=learner)) == (
        403,
        {"scope_missing"},
    )
    assert got(registry).get_json() == first


@pytest.mark.parametrize(
    ("roles", "code"),
    [
        (("issuer",), "no_acceptor"),
        (("partner",), "scope_missing"),
        (("issuer", "recogniser", "partner"), "no_acceptor"),
    ],
)
def test_an_institution_that_accepts_nothing_publishes_nothing(
    registry: House, roles: tuple[str, ...], code: str
) -> None:
    register(registry, "school", *roles)
    writer = ("school", "rules:write")
    assert refused(publish(registry, writer)) == (403, {code})
    url = "/v1/programmes/school/administration"
    assert refused(put(registry, '"1"', writer, url=url)) == (403, {code})
    assert got(registry, url).status_code == 404


FAULTY: tuple[tuple[dict[str, Any], set[tuple[str, str]]], ...] = (
    *(({"code": code}, {("/code", "wrong_form")}) for code in ("A", "a_b", "-a", "a b", "管理", "ａ", "a/b")),
    ({"code": "a" * 65}, {("/code", "too_long")}),
    ({"code": ""}, {("/code", "blank")}),
    ({"code": 7}, {("/code", "wrong_type")}),
    ({"title": "\u3000"}, {("/title", "blank")}),
    ({"title": "管" * 201}, {("/title", "too_long")}),
    ({"title": "管\n理"}, {("/title", "control_character")}),
    ({"scheme": "no-such"}, {("/scheme", "unknown_scheme")}),
    ({"scheme": None}, {("/scheme", "null")}),
    *(
        ({"total_credits": wrong}, {("/total_credits", "wrong_amount")})
        for wrong in ("-1", "0", 0, "1.234", "", "76分")
    ),
    ({"total_credits": "100000000"}, {("/total_credits", "wrong_amount")}),
    ({"courses": {}}, {("/courses", "wrong_type")}),
    ({"courses": None}, {("/courses", "null")}),
    ({"courses": [[]]}, {("/courses/0", "wrong_type")}),
    (
        {"courses": [course(credits="-1"), course(code="c2", credits="0")]},
        {("/courses/0/credits", "wrong_amount"), ("/courses/1/credits", "wrong_amount")},
    ),
    (
        {"courses": [{}]},
        {("/courses/0/code", "required"), ("/courses/0/title", "required"), ("/courses/0/credits", "required")},
    ),
    ({"courses": [course(code="码" * 65)]}, {("/courses/0/code", "too_long")}),
    ({"courses": [course(title="题" * 201)]}, {("/courses/0/title", "too_long")}),
    ({"courses": [course(category="类" * 65)]}, {("/courses/0/category", "too_long")}),
    ({"courses": [course(category="")]}, {("/courses/0/category", "blank")}),
    ({"courses": [course(credit="3")]}, {("/courses/0/credit", "unknown_field")}),
    (
        {"courses": [course(), course(title="另一门"), course()]},
        {("/courses/1/code", "duplicate_code"), ("/courses/2/code", "duplicate_code")},
    ),
    ({"courses": [course(code=f"k{number}") for number in range(COURSES_MAX + 1)]}, {("/courses", "wrong_count")}),
    ({"category_credits": ["专业课"]}, {("/category_credits", "wrong_type")}),
    ({"category_credits": None}, {("/category_credits", "null")}),
    ({"attributes": "computing"}, {("/attributes", "wrong_type")}),
    ({"attributes": {f"a{number}": "x" for number in range(PAIRS_MAX + 1)}}, {("/attributes", "wrong_count")}),
    ({"institution": "acceptor-2"}, {("/institution", "unknown_field")}),
    (
        {"scheme": "no-such", "courses": [course(), course()]},
        {("/scheme", "unknown_scheme"), ("/courses/1/code", "duplicate_code")},
    ),
    (
        {"code": "A", "title": "", "total_credits": "-1", "courses": [course(code="")]},
        {
            ("/code", "wrong_form"),
            ("/title", "blank"),
            ("/total_credits", "wrong_amount"),
            ("/courses/0/code", "blank"),
        },
    ),
)
"""Changes of a sound programme, and all that is told of them."""


def test_whatever_is_wrong_with_a_programme_is_told_all_at_once_by_its_place(registry: House) -> None:
    publish(registry)
    for changes, expected in FAULTY:
        answer = publish(registry, **{"code": "faulty", **changes})
        assert (answer.status_code, reasons(answer)) == (422, expected), changes
        if "code" not in changes:
            answer = put(registry, '"1"', **changes)
            assert (answer.status_code, reasons(answer)) == (422, expected), changes
    assert [one["revision"] for one in got(registry, "/v1/programmes").get_json()["items"]] == [1]


def test_a_programme_without_what_it_needs_is_told_what_that_is(registry: House) -> None:
    answer = registry.http.post("/v1/programmes", json={}, headers=registry.auth(*WRITER))
    needed = ("code", "title", "scheme", "total_credits")
    assert (answer.status_code, reasons(answer)) == (422, {(f"/{name}", "required") for name in needed})
    bodies: tuple[object, ...] = ([], "x", 1)
    for body in bodies:
        answer = registry.http.post("/v1/programmes", json=body, headers=registry.auth(*WRITER))
        assert (answer.status_code, reasons(answer)) == (422, {("", "wrong_type")})


def test_what_is_wrong_in_a_category_or_attribute_is_told_where_it_stands(registry: House) -> None:
    wrong: tuple[tuple[dict[str, Any], set[tuple[str, str]]], ...] = (
        ({"category_credits": {"甲": "-1"}}, {("/category_credits/*", "wrong_amount")}),
        (
            {"category_credits": {"core": "x", "乙": "1.234"}},
            {("/category_credits/core", "wrong_amount"), ("/category_credits/*", "wrong_amount")},
        ),
        ({"attributes": {"discipline": ""}}, {("/attributes/discipline", "blank")}),
    )
    answers = [publish(registry, **changes) for changes, _ in wrong]
    assert [(answer.status_code, reasons(answer)) for answer in answers] == [(422, expected) for _, expected in wrong]


def test_a_category_does_not_ask_for_more_credits_than_the_programme(registry: House) -> None:
    assert publish(registry, code="even", category_credits={"专业课": "76.00"}).status_code == 201
    answer = publish(registry, code="above", category_credits={"专业课": "76.01"})
    assert (answer.status_code, {pointer for pointer, _ in reasons(answer)}) == (422, {"/category_credits/*"})


def test_codes_of_courses_that_differ_in_width_or_case_are_one_code(registry: House) -> None:
    others = ("c1", "Ｃ１", " C1")
    answers = [publish(registry, courses=[course(code="C1"), course(code=other)]) for other in others]
    assert [(answer.status_code, reasons(answer)) for answer in answers] == [
        (422, {("/courses/1/code", "duplicate_code")})
    ] * len(others)


def test_naughty_strings_come_back_byte_for_byte_or_are_refused(registry: House) -> None:
    if not NAUGHTY.exists():
        pytest.skip(f"the Big List of Naughty Strings is not at {NAUGHTY}")
    strings = list(dict.fromkeys(json.loads(NAUGHTY.read_text())))
    sound = [course(code=text, title=text, category=text) for text in strings]
    for refused_for in ({"blank", "control_character", "too_long"}, {"duplicate_code", "too_long"}):
        answer = publish(registry, courses=sound)
        assert answer.status_code == 422
        assert {code for _, code in reasons(answer)} <= refused_for
        faulty = {int(pointer.split("/")[2]) for pointer, _ in reasons(answer)}
        sound = [one for number, one in enumerate(sound) if number not in faulty]
    assert len(sound) > len(strings) * 0.7
    wanted = [{"category": None, **one} for one in sound]
    few = {one["code"]: one["code"] for one in sound[:: len(sound) // (PAIRS_MAX - 10)]}
    answer = publish(registry, courses=sound, attributes=few, title=max(few, key=len))
    assert answer.status_code == 201, answer.get_data(as_text=True)[:2000]
    read = got(registry).get_json()
    assert (read["courses"], read["attributes"], read["title"]) == (wanted, few, max(few, key=len))
    again = publish(registry, courses=sound, attributes=few, title=max(few, key=len))
    assert (again.status_code, again.get_json()) == (200, read)


def test_the_list_is_read_page_by_page_each_programme_once(registry: House) -> None:
    names = [("acceptor", code) for code in ("law", "law-2", "law1", "a", "z9")]
    names += [("accept", code) for code in ("law", "b")]
    for institution, code in names:
        assert (
            publish(registry, (institution, "rules:write"), code=code, title=f"{institution} {code}").status_code == 201
        )
    seen: list[tuple[str, str]] = []
    cursor = None
    for rows in (2, 2, 2, 1):
        page = got(registry, "/v1/programmes", limit=2, **({"cursor": cursor} if cursor else {})).get_json()
        assert len(page["items"]) == rows
        seen += [(one["institution"], one["code"]) for one in page["items"]]
        cursor = page["next_cursor"]
    assert cursor is None
    assert seen == sorted(names)
    own = got(registry, "/v1/programmes", institution="accept").get_json()
    assert ([one["code"] for one in own["items"]], own["next_cursor"]) == (["b", "law"], None)
    exact = got(registry, "/v1/programmes", institution="accept", limit=2).get_json()
    assert (len(exact["items"]), exact["next_cursor"]) == (2, None)


def test_what_a_list_does_not_take_is_refused(registry: House) -> None:
    wrong: dict[str, tuple[tuple[str, str], ...]] = {
        "wrong_number": (("limit", "0"), ("limit", "201"), ("limit", "-1"), ("limit", "２"), ("limit", "1.0")),
        "wrong_cursor": (
            ("cursor", "!"),
            ("cursor", "W10"),
            ("cursor", "WyJhIl0"),
            ("cursor", "WzEsMl0"),
            ("cursor", "e30"),
        ),
        "unknown_field": (("page", "2"),),
        "too_long": (("institution", "a" * 65), ("cursor", "a" * 501)),
        "blank": (("institution", ""),),
        "control_character": (("institution", "a\x00b"),),
    }
    for code, queries in wrong.items():
        for name, value in queries:
            answer = got(registry, "/v1/programmes", **{name: value})
            assert (answer.status_code, reasons(answer)) == (422, {(f"/{name}", code)}), (name, value)


def test_an_unknown_institution_or_programme_is_told_alike(registry: House) -> None:
    publish(registry)
    unknown = ("acceptor/no-such", "no-such/administration", "cqdx/administration")
    told = [got(registry, f"/v1/programmes/{path}") for path in unknown]
    assert {refused(answer)[0] for answer in told} == {404}
    assert {tuple(refused(answer)[1]) for answer in told} == {("unknown_programme",)}
    for path in ("Acceptor/administration", "acceptor/行政管理", "acceptor/%00", "acceptor/" + "a" * 65, "acceptor"):
        assert got(registry, f"/v1/programmes/{path}").status_code == 404
    assert got(registry, "/v1/programmes", institution="no-such").get_json() == {"items": [], "next_cursor": None}


def test_one_of_many_publications_and_replacements_at_once_takes_effect(registry: House) -> None:
    registry.auth(*WRITER)
    answers = at_once([lambda: publish(registry)] * 10)
    assert statuses(answers) == {201: 1, 200: 9}
    assert len({answer.get_data() for answer in answers}) == 1
    answers = at_once([partial(put, registry, '"1"', title=f"第{number}") for number in range(10)])
    assert statuses(answers) == {200: 1, 412: 9}
    winner = next(answer for answer in answers if answer.status_code == 200)
    assert got(registry).get_json() == winner.get_json()


def test_a_conversion_keeps_the_programme_that_it_was_decided_on(house: House) -> None:
    house.publish_rules(RULES)
    house.publish_programme("acceptor")
    learner = house.open_learner()["id"]
    outcome = house.post_outcome(learner, title="管理学")["id"]
    made = house.convert(learner, TARGET | {"courses": ["c1"]}, [outcome])
    changed = put(house, '"1"', title="另一名称", total_credits="10.00", courses=[course(title="书法", credits="1.00")])
    assert changed.status_code == 200
    headers = house.learner_auth(learner)
    shown = house.http.get(f"/v1/conversions/{made['id']}", headers=headers).get_json()
    assert shown == made
    assert shown["parts"][0]["course"]["title"] == "管理学"
    replayed = house.http.post(f"/v1/decisions/{made['decision_id']}/replay", headers=headers).get_json()
    assert replayed["same"] is True
    house.decide(made["id"], "acceptor")
    assert house.decide(made["id"], "authority")["credits"] == "3.00"
