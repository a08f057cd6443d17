"""The planner over HTTP: what could be had toward which programme, why, and what is missing; nothing is written."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from creditbank.api.plans import ALSO_MAX
from creditbank.services import plans
from creditbank.storage.columns import catalogue
from tests.api.test_conversions import RULES, TARGET
from tests.builders import House
from tests.moulds import Making
from tests.services.test_conversion_races import small_house

ADMINISTRATION = {"institution": "acceptor", "programme": "administration"}

LAW = {"institution": "acceptor", "programme": "law"}

NOBODY = "00000000-0000-0000-0000-000000000001"


@pytest.fixture
def house(copied: Callable[[Making], House]) -> House:
    """Give a bank that recognises courses by their hours, without the other packs."""
    return copied(small_house)


@pytest.fixture
def place(copied: Callable[[Making], House]) -> House:
    """Give a bank with the example rules and two programmes: one of 76 credits and one of 10 without courses."""
    return copied(planning_house)


def planning_house(url: str, folder: Path) -> House:
    made = small_house(url, folder)
    made.publish_rules(RULES)
    made.publish_programme("acceptor")
    made.publish_programme("acceptor", code="law", title="法学", total_credits="10.00", courses=[])
    return made


def planned(
    house: House, learner: str, headers: dict[str, str] | None = None, path: str = "", **body: Any
) -> TestResponse:
    """Ask for a plan, as the learner unless told otherwise."""
    url = f"/v1/learners/{path or learner}/plan"
    return house.http.post(url, json=body, headers=headers or house.learner_auth(learner))


def options(answer: TestResponse) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.get_data(as_text=True)
    found: list[dict[str, Any]] = answer.get_json()["options"]
    return found


def ranked(answer: TestResponse) -> list[tuple[str, str, str]]:
    """Return each option's programme with the credits that it takes and those that it misses."""
    return [(one["target"]["programme"], one["credits"], one["missing"]["credits"]) for one in options(answer)]


def reasons(answer: TestResponse) -> set[tuple[str, str]]:
    """Return pointer and code of each reason, after looking that each is told in both languages."""
    errors = answer.get_json()["errors"]
    assert all(error["message_zh"] and error["message_en"] for error in errors)
    return {(error["pointer"], error["code"]) for error in errors}


def said(answer: TestResponse) -> tuple[int, dict[str, Any]]:
    """Return status and document without the id of the request."""
    return answer.status_code, {name: value for name, value in answer.get_json().items() if name != "request_id"}


def learner_with(house: House, *titles: str) -> tuple[str, list[str]]:
    """Open an account with a course of 3 credits for each title; return the learner's and the outcomes' ids."""
    learner = house.open_learner()["id"]
    return learner, [house.post_outcome(learner, title=title)["id"] for title in titles]


def imagined(title: str, **changes: Any) -> dict[str, Any]:
    """Return a course of 3 credits that a learner might still take."""
    return {"kind": "course", "title": title, "issuer": "cqdx", "completed_on": "2026-12-31", "hours": "48"} | changes


def everything(house: House) -> dict[str, list[Any]]:
    """Return all rows of all tables but the diaries, in which others leave a line whenever they look."""
    with house.bank.database.reading() as connection:
        return {
            table.name: sorted(repr(tuple(row)) for row in connection.execute(select(table)))
            for table in catalogue.sorted_tables
            if table.name != "access_log"
        }


def test_a_plan_tells_what_counts_for_what_under_which_rules_and_what_is_missing(place: House) -> None:
    learner, (first, _) = learner_with(place, "管理学", "摄影")
    answer = planned(place, learner, targets=[ADMINISTRATION])
    (option,) = options(answer)
    assert answer.get_json()["is_complete"] is True
    assert (option["target"], option["title"]) == (ADMINISTRATION, "行政管理")
    assert (option["ruleset"], option["version"], option["scheme"]) == ("test-conversion", 1, "cn-16h-half")
    assert (option["credits"], option["total"], option["missing"]["credits"]) == ("6.00", "76.00", "70.00")
    assert option["missing"]["courses"] == ["c2", "c3", "c4"]
    (requirement,) = option["missing"]["requirements"]
    assert (requirement["requirement"], requirement["at_least"], requirement["missing"]) == ("core", "5.00", "5.00")
    parts = option["explanation"]["parts"]
    assert [(part["outcome"] == first, part["course"] and part["course"]["code"]) for part in parts] == [
        (True, "c1"),
        (False, None),
    ]


def test_a_plan_is_explained_in_both_languages(place: House) -> None:
    learner, _ = learner_with(place, "管理学")
    (option,) = options(planned(place, learner, targets=[ADMINISTRATION]))
    sentences = option["sentences"]
    assert all(set(one) == {"zh", "en"} and one["zh"].endswith("。") and one["en"].endswith(".") for one in sentences)
    assert sentences[0] == {
        "zh": "按《示例转换办法》第 1 版，转换到“行政管理”共 3 学分。",
        "en": "Under “Example conversion”, version 1, 3 credits count toward “行政管理”.",
    }
    assert sentences[-1] == {
        "zh": "要求“core”不少于 5 学分，还差 5 学分。",
        "en": "“core” asks for 5 credits; 5 are missing.",
    }
    empty, _ = learner_with(place)
    (option,) = options(planned(place, empty, targets=[LAW]))
    assert (option["credits"], option["missing"]["credits"]) == ("0.00", "10.00")
    assert option["sentences"][0]["zh"] == "按《示例转换办法》第 1 版，目前没有可以转换到“法学”的学分。"


def test_without_targets_every_programme_that_has_rules_is_planned(place: House) -> None:
    place.publish_programme("elsewhere", code="no-rules")
    learner, _ = learner_with(place, "管理学")
    bodies: tuple[dict[str, Any], ...] = ({}, {"targets": None})
    for body in bodies:
        assert [one[0] for one in ranked(planned(place, learner, **body))] == ["law", "administration"]


def test_options_are_ranked_by_credits_or_by_what_is_missing_and_then_by_code(place: House) -> None:
    place.publish_programme("acceptor", code="law-b", title="法学", total_credits="10.00", courses=[])
    place.publish_programme("acceptor", code="a-large", total_credits="90.00")
    place.publish_programme("acceptor", code="z-near", total_credits="13.00")
    learner, _ = learner_with(place, "管理学", "公文写作")
    small, tied = ("law", "3.00", "7.00"), ("law-b", "3.00", "7.00")
    near, middle, large = ("z-near", "6.00", "7.00"), ("administration", "6.00", "70.00"), ("a-large", "6.00", "84.00")
    by_credits, by_completion = [near, middle, large, small, tied], [near, small, tied, middle, large]
    assert ranked(planned(place, learner)) == by_credits
    assert ranked(planned(place, learner, rank_by="credits")) == by_credits
    assert ranked(planned(place, learner, rank_by="completion")) == by_completion
    named = [LAW | {"programme": code} for code in ("a-large", "law-b", "administration")]
    assert ranked(planned(place, learner, targets=named)) == [middle, large, tied]
    assert ranked(planned(place, learner, targets=named, rank_by="completion")) == [tied, middle, large]


def test_a_target_that_is_unknown_is_named(place: House) -> None:
    learner, _ = learner_with(place, "管理学")
    for unknown in (LAW | {"programme": "no-such"}, LAW | {"institution": "no-such"}, LAW | {"programme": "法学"}):
        answer = planned(place, learner, targets=[ADMINISTRATION, unknown])
        assert (answer.status_code, reasons(answer)) == (404, {("/targets/1", "unknown_programme")})


def test_what_might_be_earned_counts_in_the_plan_and_is_written_nowhere(place: House) -> None:
    learner, _ = learner_with(place, "管理学")
    headers = place.learner_auth(learner)
    before = everything(place)
    now = planned(place, learner, headers, targets=[ADMINISTRATION])
    also = [imagined("公文写作"), imagined("行政法", hours="32"), imagined("社会实践"), imagined("雕塑", hours="8")]
    answer = planned(place, learner, headers, targets=[ADMINISTRATION], also=also)
    (option,) = options(answer)
    used = {part["outcome"]: part["course"] and part["course"]["code"] for part in option["explanation"]["parts"]}
    assert {name: code for name, code in used.items() if name.startswith("also:")} == {
        "also:1": "c3",
        "also:2": "c2",
        "also:3": None,
        "also:4": None,
    }
    assert (option["credits"], option["missing"]["courses"]) == ("11.50", ["c4"])
    assert option["missing"]["requirements"] == []
    assert "“公文写作”免考课程“公文写作”" in "".join(one["zh"] for one in option["sentences"])
    assert said(planned(place, learner, headers, targets=[ADMINISTRATION])) == said(now)
    assert everything(place) == before
    held = place.convert(learner, TARGET | {"courses": ["c1", "c2", "c3"]})
    assert [part["course"]["code"] for part in held["parts"]] == ["c1"]


def test_a_plan_of_any_kind_writes_nothing(place: House) -> None:
    learner, outcomes = learner_with(place, "管理学", "公文写作")
    place.convert(learner, TARGET, outcomes[:1])
    readers = [place.learner_auth(learner), place.auth("cqdx", "balance:read"), place.auth("authority", "audit:read")]
    before = everything(place)
    bodies: tuple[dict[str, Any], ...] = (
        {},
        {"rank_by": "completion"},
        {"targets": [ADMINISTRATION, LAW]},
        {"also": [imagined("书法")]},
        {"targets": [{"institution": "no", "programme": "no"}]},
        {"also": [{"kind": "curse"}]},
    )
    answers = [planned(place, learner, headers, **body) for headers in readers for body in bodies]
    assert {answer.status_code for answer in answers} == {200, 404, 422}
    assert everything(place) == before


def test_what_a_plan_promises_is_what_an_application_gets(place: House) -> None:
    learner, _ = learner_with(place, "管理学", "公文写作", "摄影")
    (option,) = options(planned(place, learner, targets=[ADMINISTRATION]))
    made = place.convert(learner, ADMINISTRATION)
    assert (made["credits"], len(made["parts"])) == (option["credits"], len(option["explanation"]["parts"]))


def test_what_is_used_or_revoked_is_not_planned_with_again(place: House) -> None:
    learner, (first, second) = learner_with(place, "管理学", "公文写作")
    place.convert(learner, TARGET, [first])
    (option,) = options(planned(place, learner, targets=[ADMINISTRATION]))
    assert (option["credits"], option["missing"]["credits"]) == ("3.00", "70.00")
    left_out = {one["outcome"]: one["reasons"][0]["why"] for one in option["explanation"]["outcomes_left_out"]}
    assert left_out == {first: "already_converted"}
    assert (
        place.http.post(f"/v1/outcomes/{second}/revoke", json={"reason": "误录"}, headers=place.auth()).status_code
        == 200
    )
    (option,) = options(planned(place, learner, targets=[ADMINISTRATION]))
    assert (option["credits"], option["missing"]["credits"]) == ("0.00", "73.00")


def test_a_course_that_is_replaced_already_is_not_missing(place: House) -> None:
    learner, outcomes = learner_with(place, "管理学")
    made = place.convert(learner, TARGET, outcomes)
    place.decide(made["id"], "acceptor")
    assert place.decide(made["id"], "authority")["parts"][0]["grade"] == "免考"
    (option,) = options(planned(place, learner, targets=[ADMINISTRATION]))
    assert option["missing"]["courses"] == ["c2", "c3", "c4"]


def test_what_would_be_a_duplicate_does_not_count_twice(place: House) -> None:
    learner, _ = learner_with(place, "管理学")
    same = imagined("管理学", completed_on="2026-06-30")
    assert place.post_outcome(learner, title="管理学 ")["status"] == "duplicate"
    (option,) = options(planned(place, learner, targets=[ADMINISTRATION], also=[same, same]))
    assert option["credits"] == "3.00"


def test_a_learner_whom_one_does_not_know_is_nobody(place: House) -> None:
    learner, _ = learner_with(place, "管理学")
    other = place.open_learner("cqou")["id"]
    stranger = place.auth("stranger", "balance:read", "conversions:write")
    for headers in (stranger, place.learner_auth(other)):
        answers = [planned(place, learner, headers, path=path) for path in (learner, NOBODY, "no-id", learner.upper())]
        assert [answer.status_code for answer in answers] == [404] * 4
        assert len({str(said(answer)) for answer in answers}) == 1
        assert reasons(answers[0]) == {("", "unknown_learner")}
        assert said(planned(place, learner, headers, targets=[{"institution": "x", "programme": "x"}])) == said(
            answers[0]
        )
    auditor = place.auth("authority", "audit:read")
    assert planned(place, learner, auditor).status_code == 200
    assert planned(place, learner, auditor, path=NOBODY).status_code == 404
    assert planned(place, learner, place.auth("cqdx", "balance:read"), path="me").status_code == 404


def test_a_learner_plans_under_their_own_id_and_as_me(place: House) -> None:
    learner, _ = learner_with(place, "管理学")
    own = planned(place, learner)
    assert options(own)
    assert said(planned(place, learner, path="me")) == said(own)
    assert said(planned(place, learner, place.auth("cqdx", "conversions:write"))) == said(own)
    for scope in ("outcomes:read", "statement:read", "conversions:review", "rules:write"):
        answer = planned(place, learner, place.auth("cqdx", scope))
        assert (answer.status_code, reasons(answer)) == (403, {("", "scope_missing")})
    assert place.http.post(f"/v1/learners/{learner}/plan", json={}).status_code == 401


def test_sizes_have_limits_and_faults_have_places(place: House) -> None:
    learner, _ = learner_with(place, "管理学")
    most = [imagined(f"课程{number}", hours="16") for number in range(ALSO_MAX)]
    wrong: tuple[tuple[dict[str, Any], set[tuple[str, str]]], ...] = (
        ({"targets": []}, {("/targets", "wrong_count")}),
        ({"targets": [LAW] * (plans.TARGETS_MAX + 1)}, {("/targets", "wrong_count")}),
        ({"targets": LAW}, {("/targets", "wrong_type")}),
        ({"targets": [{}]}, {("/targets/0/institution", "required"), ("/targets/0/programme", "required")}),
        ({"targets": [LAW | {"courses": ["c1"]}]}, {("/targets/0/courses", "unknown_field")}),
        ({"targets": [LAW, LAW | {"programme": "a" * 65}]}, {("/targets/1/programme", "too_long")}),
        ({"targets": [LAW | {"institution": "a\u0001"}]}, {("/targets/0/institution", "control_character")}),
        ({"also": [*most, imagined("多")]}, {("/also", "wrong_count")}),
        ({"also": None}, {("/also", "null")}),
        ({"also": {}}, {("/also", "wrong_type")}),
        ({"also": [imagined("甲"), 1]}, {("/also/1", "wrong_type")}),
        ({"also": [None]}, {("/also/0", "null")}),
        ({"also": [imagined("甲", hour="1")]}, {("/also/0/hour", "unknown_field")}),
        (
            {"also": [imagined("甲"), imagined("乙", completed_on="2026-02-30")]},
            {("/also/1/completed_on", "bad_date")},
        ),
        ({"rank_by": "luck"}, {("/rank_by", "wrong_choice")}),
        ({"rank_by": None}, {("/rank_by", "null")}),
        ({"learner_id": learner}, {("/learner_id", "unknown_field")}),
    )
    for body, expected in wrong:
        answer = planned(place, learner, **body)
        assert (answer.status_code, reasons(answer)) == (422, expected), body
    assert len(options(planned(place, learner, targets=[LAW, ADMINISTRATION], also=most))) == 2
    headers = place.learner_auth(learner)
    assert place.http.post("/v1/learners/me/plan", headers=headers).status_code == 415
    assert place.http.post("/v1/learners/me/plan", json=[], headers=headers).status_code == 422
    assert place.http.get("/v1/learners/me/plan", headers=headers).status_code == 405


def test_a_plan_that_is_not_of_all_programmes_says_so(place: House, monkeypatch: pytest.MonkeyPatch) -> None:
    learner, _ = learner_with(place, "管理学")
    for most, expected in ((1, (1, False)), (2, (2, True))):
        monkeypatch.setattr(plans, "TARGETS_MAX", most)
        answer = planned(place, learner)
        assert (len(options(answer)), answer.get_json()["is_complete"]) == expected
