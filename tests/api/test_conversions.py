"""Applications for conversion from end to end: holds, the review chain, time limits, ways out, cases, the planner."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from creditbank.services import reviews
from creditbank.services.bank import Answer, Errand, Work, carried_out
from creditbank.services.clients import administrator
from tests.builders import House, learner_body, new_house, outcome_body
from tests.moulds import Making

RULES: dict[str, Any] = {
    "code": "test-conversion",
    "version": 1,
    "kind": "conversion",
    "title": {"zh": "示例转换办法", "en": "Example conversion"},
    "authority": "示例",
    "source": {"document": "示例办法", "article": "第一条"},
    "valid_from": "2020-01-01",
    "version_date": "applied",
    "scheme": "cn-16h-half",
    "applies_to": {"target_institution": "acceptor"},
    "rules": [
        {"id": "same", "when": {"same_title": True}},
        {"id": "whole", "when": {"recognised": {"at_least": "0.01"}}, "to": "programme"},
    ],
    "exclusions": [{"id": "practice", "when": {"target_category": "综合实践"}}],
    "limits": [{"id": "half", "at_most": {"percent": "50.00", "of": "programme"}}],
    "requirements": [{"id": "core", "where": {"target_category": "专业核心课"}, "at_least": "5.00"}],
    "review": [
        {"id": "school", "by": {"role": "target"}, "days": 10, "escalates_to": {"role": "authority"}},
        {"id": "bank", "by": {"role": "authority"}, "days": 5},
    ],
    "appeal": {"by": {"role": "authority"}, "within_days": 30, "days": 20},
    "tests": [
        {
            "id": "nothing",
            "given": {
                "applied_on": "2026-01-01",
                "programme": {
                    "institution": "acceptor",
                    "code": "x",
                    "title": "x",
                    "scheme": "cn-16h-half",
                    "total_credits": "76",
                },
                "outcomes": [],
            },
            "expect": {"credits": "0.00"},
        }
    ],
}

TARGET = {"institution": "acceptor", "programme": "administration", "courses": ["c1", "c2", "c3"]}


@pytest.fixture
def place(copied: Callable[[Making], House]) -> House:
    """Give a bank with the example rules and a programme of 76 credits."""
    return copied(example_house)


def example_house(url: str, folder: Path) -> House:
    made = new_house(url, folder)
    made.publish_rules(RULES)
    made.publish_programme("acceptor")
    return made


def learner_with(house: House, *titles: str) -> tuple[str, list[str]]:
    """Open an account with a course of 3 credits for each title; return the learner's and the outcomes' ids."""
    learner = house.open_learner()["id"]
    return learner, [house.post_outcome(learner, title=title)["id"] for title in titles]


def standing(house: House, learner: str) -> tuple[str, str, str]:
    """Return what is available, held and converted."""
    balance = house.balance(learner)["cn-16h-half"]
    return balance["available"], balance["held"], balance["converted"]


def asked(house: House, method: str, url: str, headers: dict[str, str], **body: Any) -> tuple[int, Any]:
    """Return status and document of a call."""
    answer = house.http.open(url, method=method, headers=headers, **({"json": body} if method == "POST" else {}))
    return answer.status_code, answer.get_json()


def codes(document: Any) -> list[str]:
    return [error["code"] for error in document["errors"]]


def test_credits_are_held_while_an_application_is_open_and_spent_once_it_is_approved(place: House) -> None:
    learner, outcomes = learner_with(place, "管理学", "公文写作", "计算机")
    conversion = place.convert(learner, TARGET, outcomes)
    assert (conversion["state"], conversion["credits"], conversion["held"]) == ("in_review", "6.00", "6.00")
    assert [(step["id"], step["state"], step["due_on"]) for step in conversion["steps"]] == [
        ("school", "up", "2026-07-11"),
        ("bank", "waiting", None),
    ]
    assert {part["course"]["code"] for part in conversion["parts"]} == {"c1", "c3"}
    assert standing(place, learner) == ("3.00", "6.00", "0.00")
    assert place.decide(conversion["id"], "acceptor")["steps"][0]["state"] == "done"
    assert standing(place, learner) == ("3.00", "6.00", "0.00")
    approved = place.decide(conversion["id"], "authority")
    assert approved["state"] == "approved"
    assert {(part["state"], part["grade"]) for part in approved["parts"]} == {("converted", "免考")}
    assert [event["kind"] for event in approved["events"]] == ["submitted", "approved", "approved"]
    assert standing(place, learner) == ("3.00", "0.00", "6.00")


def test_a_course_that_nothing_replaces_is_explained(place: House) -> None:
    learner, outcomes = learner_with(place, "管理学")
    conversion = place.convert(learner, TARGET, outcomes)
    left_out = {course["code"]: course["reasons"][0]["why"] for course in conversion["explanation"]["courses_left_out"]}
    assert left_out == {"c2": "unmet", "c3": "unmet"}
    assert conversion["explanation"]["requirements"][0]["missing"] == "5.00"
    assert all(sentence["zh"] and sentence["en"] for sentence in conversion["sentences"])


def test_what_is_excluded_is_refused_with_its_reason(place: House) -> None:
    learner, outcomes = learner_with(place, "社会实践")
    status, answer = asked(
        place,
        "POST",
        "/v1/conversions",
        place.learner_auth(learner),
        target=TARGET | {"courses": ["c4"]},
        outcomes=outcomes,
    )
    assert (status, answer["code"]) == (422, "rule_says_no")
    assert codes(answer) == ["excluded", "excluded"]
    assert standing(place, learner) == ("3.00", "0.00", "0.00")


def test_an_outcome_is_converted_once_and_the_earlier_conversion_is_named(place: House) -> None:
    learner, outcomes = learner_with(place, "管理学")
    first = place.convert(learner, TARGET, outcomes)
    for wanted in (outcomes, "best"):
        status, answer = asked(
            place, "POST", "/v1/conversions", place.learner_auth(learner), target=TARGET, outcomes=wanted
        )
        assert status == 409
        assert set(codes(answer)) <= {"already_converted", "already_replaced"}
        assert first["id"] in answer["errors"][0]["message_en"] or first["id"] in str(answer)


def test_a_course_is_replaced_once(place: House) -> None:
    learner, _ = learner_with(place, "管理学")
    place.convert(learner, TARGET)
    again = place.post_outcome(learner, title="管理学", completed_on="2026-06-01")["id"]
    status, answer = asked(
        place,
        "POST",
        "/v1/conversions",
        place.learner_auth(learner),
        target=TARGET | {"courses": ["c1"]},
        outcomes=[again],
    )
    assert (status, "already_replaced" in codes(answer)) == (409, True)


def test_who_submitted_an_application_does_not_review_it(place: House) -> None:
    learner, outcomes = learner_with(place, "管理学")
    both = place.auth("acceptor", "conversions:write", "conversions:review", "learners:write")
    body = {"name": learner_body(1)["name"], "identifiers": learner_body(1)["identifiers"]}
    assert place.http.post("/v1/learners", json=body, headers=both).status_code == 200
    status, conversion = asked(
        place, "POST", "/v1/conversions", both, learner_id=learner, target=TARGET, outcomes=outcomes
    )
    assert status == 201
    url = f"/v1/conversions/{conversion['id']}/decisions"
    status, answer = asked(place, "POST", url, both, decision="approve")
    assert (status, codes(answer)) == (403, ["submitter_reviews"])
    assert place.decide(conversion["id"], "acceptor")["steps"][0]["state"] == "done"


def test_a_step_is_decided_by_those_whose_it_is(place: House) -> None:
    learner, outcomes = learner_with(place, "管理学")
    conversion = place.convert(learner, TARGET, outcomes)
    url = f"/v1/conversions/{conversion['id']}/decisions"
    status, answer = asked(place, "POST", url, place.auth("authority", "conversions:review"), decision="approve")
    assert (status, codes(answer)) == (403, ["not_your_step"])
    status, answer = asked(place, "POST", url, place.auth("stranger", "conversions:review"), decision="approve")
    assert (status, codes(answer)) == (404, ["unknown_conversion"])
    status, answer = asked(place, "POST", url, place.auth("acceptor", "outcomes:read"), decision="approve")
    assert (status, codes(answer)) == (403, ["scope_missing"])


@pytest.mark.parametrize("decision", ["reject", "return"])
def test_rejecting_and_returning_need_a_reason(place: House, decision: str) -> None:
    learner, outcomes = learner_with(place, "管理学")
    conversion = place.convert(learner, TARGET, outcomes)
    url = f"/v1/conversions/{conversion['id']}/decisions"
    status, answer = asked(place, "POST", url, place.auth("acceptor", "conversions:review"), decision=decision)
    assert (status, codes(answer)) == (422, ["reason_needed"])


def test_a_rejected_application_holds_nothing_and_its_outcomes_are_free(place: House) -> None:
    learner, outcomes = learner_with(place, "管理学")
    conversion = place.convert(learner, TARGET, outcomes)
    rejected = place.decide(conversion["id"], "acceptor", "reject", reason="材料不全")
    assert (rejected["state"], rejected["held"], rejected["events"][-1]["reason"]) == ("rejected", "0.00", "材料不全")
    assert standing(place, learner) == ("3.00", "0.00", "0.00")
    assert place.convert(learner, TARGET, outcomes)["state"] == "in_review"


def test_a_returned_application_goes_back_to_the_step_that_returned_it(place: House) -> None:
    learner, outcomes = learner_with(place, "管理学")
    conversion = place.convert(learner, TARGET, outcomes)
    place.decide(conversion["id"], "acceptor")
    returned = place.decide(conversion["id"], "authority", "return", reason="请补充说明")
    assert (returned["state"], returned["held"]) == ("returned", "3.00")
    url = f"/v1/conversions/{conversion['id']}/resubmit"
    status, again = asked(place, "POST", url, place.learner_auth(learner), reason="已补充")
    assert (status, again["state"], [step["state"] for step in again["steps"]]) == (200, "in_review", ["done", "up"])
    assert place.decide(conversion["id"], "authority")["state"] == "approved"


def test_a_learner_withdraws_once_and_what_is_held_is_released_once(place: House) -> None:
    learner, outcomes = learner_with(place, "管理学")
    conversion = place.convert(learner, TARGET, outcomes)
    url = f"/v1/conversions/{conversion['id']}/withdraw"
    for _ in range(2):
        status, withdrawn = asked(place, "POST", url, place.learner_auth(learner))
        assert (status, withdrawn["state"]) == (200, "withdrawn")
        assert standing(place, learner) == ("3.00", "0.00", "0.00")
    lines = place.http.get(f"/v1/learners/{learner}/statement", headers=place.learner_auth(learner)).get_json()
    assert [line["kind"] for line in lines["items"]] == ["release", "hold", "recognise"]
    status, answer = asked(
        place,
        "POST",
        f"/v1/conversions/{conversion['id']}/decisions",
        place.auth("acceptor", "conversions:review"),
        decision="approve",
    )
    assert (status, codes(answer)) == (409, ["not_open"])


def test_a_learner_declines_a_part_and_keeps_its_credits(place: House) -> None:
    learner, outcomes = learner_with(place, "管理学", "公文写作")
    conversion = place.convert(learner, TARGET, outcomes)
    declined = next(part["number"] for part in conversion["parts"] if part["course"]["code"] == "c1")
    url = f"/v1/conversions/{conversion['id']}/decline"
    status, answer = asked(place, "POST", url, place.learner_auth(learner), parts=[9])
    assert (status, codes(answer)) == (422, ["unknown_part"])
    status, kept = asked(place, "POST", url, place.learner_auth(learner), parts=[declined])
    assert (status, kept["credits"], kept["held"]) == (200, "3.00", "3.00")
    assert standing(place, learner) == ("3.00", "3.00", "0.00")
    place.decide(conversion["id"], "acceptor")
    assert place.decide(conversion["id"], "authority")["credits"] == "3.00"
    assert standing(place, learner) == ("3.00", "0.00", "3.00")
    assert place.convert(learner, TARGET | {"courses": ["c1"]}, [outcomes[0]])["credits"] == "3.00"


def test_an_overdue_step_escalates(place: House) -> None:
    learner, outcomes = learner_with(place, "管理学")
    conversion = place.convert(learner, TARGET, outcomes)
    place.move_to("2026-07-11")
    url = f"/v1/conversions/{conversion['id']}/decisions"
    status, answer = asked(place, "POST", url, place.auth("authority", "conversions:review"), decision="approve")
    assert (status, codes(answer)) == (403, ["not_your_step"])
    place.move_to("2026-07-12")
    assert place.decide(conversion["id"], "authority")["steps"][0]["state"] == "done"


def test_an_overdue_step_without_escalation_lapses_and_the_next_application_finds_the_credits_free(
    place: House,
) -> None:
    learner, outcomes = learner_with(place, "管理学")
    conversion = place.convert(learner, TARGET, outcomes)
    place.decide(conversion["id"], "acceptor")
    place.move_to("2026-07-07")
    url = f"/v1/conversions/{conversion['id']}/decisions"
    status, answer = asked(place, "POST", url, place.auth("authority", "conversions:review"), decision="approve")
    assert (status, codes(answer)) == (409, ["not_open"])
    again = place.convert(learner, TARGET, outcomes)
    assert again["state"] == "in_review"
    _, lapsed = asked(place, "GET", f"/v1/conversions/{conversion['id']}", place.learner_auth(learner))
    assert (lapsed["state"], lapsed["held"]) == ("lapsed", "0.00")
    assert standing(place, learner) == ("0.00", "3.00", "0.00")


def test_a_sweep_closes_what_is_overdue_and_escalates_to_nobody(place: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reviews, "SWEEP_MAX", 2)
    made = []
    for _ in range(5):
        learner, outcomes = learner_with(place, "管理学")
        made.append((learner, place.convert(learner, TARGET, outcomes)["id"]))
    for _, conversion in made[3:]:
        place.decide(conversion, "acceptor")
    place.move_to("2026-08-20")
    assert swept(place) == [2, 0, 0], "the first three escalate and stay open"
    assert swept(place) == [0, 0]
    assert [standing(place, learner)[1] for learner, _ in made] == ["3.00"] * 3 + ["0.00"] * 2


def swept(house: House) -> list[int]:
    """Sweep to the end and return how many applications were closed each time."""
    closed: list[int] = []
    after = None
    while not closed or after is not None:
        found: list[reviews.Swept] = []

        def action(work: Work, found: list[reviews.Swept] = found, after: Any = after) -> Answer:
            found.append(reviews.sweep(work, after))
            return Answer({}, is_new=False, subject="")

        carried_out(house.bank, Errand(administrator(), "test.sweep"), action)
        closed.append(found[-1].closed)
        after = found[-1].after
    return closed


def test_an_appeal_is_decided_by_somebody_who_has_not_decided_before(place: House) -> None:
    learner, outcomes = learner_with(place, "管理学")
    conversion = place.convert(learner, TARGET, outcomes)
    place.decide(conversion["id"], "acceptor")
    place.decide(conversion["id"], "authority", "reject", reason="不符")
    url = f"/v1/conversions/{conversion['id']}"
    status, appealed = asked(place, "POST", f"{url}/appeal", place.learner_auth(learner), reason="请复核")
    assert (status, appealed["state"], appealed["is_appeal"], appealed["held"]) == (200, "in_review", True, "3.00")
    status, answer = asked(
        place, "POST", f"{url}/decisions", place.auth("authority", "conversions:review"), decision="approve"
    )
    assert (status, codes(answer)) == (403, ["decided_before"])
    other = place.auth("authority", "conversions:review", "outcomes:read")
    status, approved = asked(place, "POST", f"{url}/decisions", other, decision="approve")
    assert (status, approved["state"]) == (200, "approved")
    assert standing(place, learner) == ("0.00", "0.00", "3.00")


def test_an_appeal_is_made_once_in_time_and_only_while_the_credits_are_free(place: House) -> None:
    learner, outcomes = learner_with(place, "管理学")
    first = place.convert(learner, TARGET, outcomes)
    place.decide(first["id"], "acceptor", "reject", reason="不符")
    second = place.convert(learner, TARGET, outcomes)
    url = f"/v1/conversions/{first['id']}/appeal"
    status, answer = asked(place, "POST", url, place.learner_auth(learner), reason="请复核")
    assert (status, codes(answer)) == (409, ["changed_since"])
    place.decide(second["id"], "acceptor", "reject", reason="不符")
    place.move_to("2026-08-01")
    status, answer = asked(place, "POST", url, place.learner_auth(learner), reason="请复核")
    assert (status, codes(answer)) == (409, ["too_late"])
    place.move_to("2026-07-31")
    assert asked(place, "POST", url, place.learner_auth(learner), reason="请复核")[0] == 200
    other = place.auth("authority", "conversions:review")
    decision = {"decision": "reject", "reason": "维持"}
    assert asked(place, "POST", f"/v1/conversions/{first['id']}/decisions", other, **decision)[0] == 200
    status, answer = asked(place, "POST", url, place.learner_auth(learner), reason="再次")
    assert (status, codes(answer)) == (409, ["no_appeal"])


def test_an_appeal_is_not_made_on_an_outcome_that_was_revoked_since(place: House) -> None:
    learner, outcomes = learner_with(place, "管理学")
    conversion = place.convert(learner, TARGET, outcomes)
    place.decide(conversion["id"], "acceptor", "reject", reason="不符")
    assert asked(place, "POST", f"/v1/outcomes/{outcomes[0]}/revoke", place.auth(), reason="录入错误")[0] == 200
    url = f"/v1/conversions/{conversion['id']}/appeal"
    status, answer = asked(place, "POST", url, place.learner_auth(learner), reason="请复核")
    assert (status, codes(answer)) == (409, ["changed_since"])
    assert standing(place, learner) == ("0.00", "0.00", "0.00")


def test_an_appeal_does_not_pass_a_limit_that_others_used_up_since(place: House) -> None:
    learner = place.open_learner()["id"]
    outcomes = [place.post_outcome(learner, title=title, hours="320")["id"] for title in ("甲", "乙")]
    whole = TARGET | {"courses": []}
    first = place.convert(learner, whole, outcomes[:1])
    place.decide(first["id"], "acceptor", "reject", reason="不符")
    second = place.convert(learner, whole, outcomes[1:])
    url = f"/v1/conversions/{first['id']}/appeal"
    status, answer = asked(place, "POST", url, place.learner_auth(learner), reason="请复核")
    assert (status, codes(answer)) == (409, ["changed_since"]), "20 and 20 are more than half of 76"
    assert asked(place, "POST", f"/v1/conversions/{second['id']}/withdraw", place.learner_auth(learner))[0] == 200
    assert asked(place, "POST", url, place.learner_auth(learner), reason="请复核")[0] == 200
    assert standing(place, learner) == ("20.00", "20.00", "0.00")


def test_who_applied_on_behalf_reads_the_decision(place: House) -> None:
    learner, outcomes = learner_with(place, "管理学")
    both = place.auth("cqdx", "conversions:write")
    status, conversion = asked(
        place, "POST", "/v1/conversions", both, learner_id=learner, target=TARGET, outcomes=outcomes
    )
    assert status == 201
    url = f"/v1/decisions/{conversion['decision_id']}"
    assert asked(place, "GET", url, both)[0] == 200
    assert asked(place, "GET", url, place.auth("authority", "conversions:review"))[0] == 200
    assert asked(place, "GET", url, place.auth("nobody", "conversions:review"))[0] == 404


def test_revoking_an_outcome_voids_open_applications_that_rest_on_it(place: House) -> None:
    learner, outcomes = learner_with(place, "管理学", "公文写作")
    conversion = place.convert(learner, TARGET, outcomes)
    status, _ = asked(place, "POST", f"/v1/outcomes/{outcomes[0]}/revoke", place.auth(), reason="录入错误")
    assert status == 200
    _, voided = asked(place, "GET", f"/v1/conversions/{conversion['id']}", place.learner_auth(learner))
    assert (voided["state"], voided["held"], voided["events"][-1]["reason"]) == ("voided", "0.00", "录入错误")
    assert standing(place, learner) == ("3.00", "0.00", "0.00")


@pytest.mark.parametrize(
    ("verdict", "expected", "state"),
    [("uphold", ("0.00", "0.00", "3.00"), "converted"), ("undo", ("0.00", "0.00", "0.00"), "undone")],
)
def test_revoking_a_converted_outcome_opens_a_case_that_the_accepting_institution_decides(
    place: House, verdict: str, expected: tuple[str, str, str], state: str
) -> None:
    learner, outcomes = learner_with(place, "管理学")
    conversion = place.convert(learner, TARGET, outcomes)
    place.decide(conversion["id"], "acceptor")
    place.decide(conversion["id"], "authority")
    assert asked(place, "POST", f"/v1/outcomes/{outcomes[0]}/revoke", place.auth(), reason="造假")[0] == 200
    assert standing(place, learner) == ("0.00", "0.00", "3.00")
    _, page = asked(place, "GET", "/v1/cases", place.auth("acceptor", "conversions:review"))
    (case,) = page["items"]
    assert (case["state"], case["reason"]) == ("open", "造假")
    assert case["dependents"] == [{"conversion": conversion["id"], "part": 1}]
    assert asked(place, "GET", f"/v1/cases/{case['id']}", place.auth("other", "conversions:review"))[0] == 404
    url = f"/v1/cases/{case['id']}/decisions"
    for _ in range(2):
        status, decided = asked(
            place, "POST", url, place.auth("acceptor", "conversions:review"), decision=verdict, reason="已核实"
        )
        assert (status, decided["state"], decided["verdict"]) == (200, "decided", verdict)
    assert standing(place, learner) == expected
    _, stands = asked(place, "GET", f"/v1/conversions/{conversion['id']}", place.learner_auth(learner))
    assert [part["state"] for part in stands["parts"]] == [state]
    other = {"decision": "undo" if verdict == "uphold" else "uphold", "reason": "改判"}
    status, answer = asked(place, "POST", url, place.auth("acceptor", "conversions:review"), **other)
    assert (status, codes(answer)) == (409, ["case_decided"])


def test_an_outcome_that_others_rely_on_is_revoked_and_not_corrected(place: House) -> None:
    learner, outcomes = learner_with(place, "管理学")
    place.convert(learner, TARGET, outcomes)
    body = outcome_body(learner, 1, title="管理学", hours="32")
    answer = place.http.put(
        f"/v1/outcomes/{outcomes[0]}",
        json=body | {"external_id": external_id(place, learner)},
        headers=place.auth() | {"If-Match": '"1"'},
    )
    assert (answer.status_code, codes(answer.get_json())) == (409, ["in_conversion"])


def external_id(house: House, learner: str) -> str:
    """Return the external id of the learner's only outcome."""
    url = f"/v1/learners/{learner}/outcomes"
    found: str = house.http.get(url, headers=house.learner_auth(learner)).get_json()["items"][0]["external_id"]
    return found


def test_the_planner_ranks_what_could_be_had_and_writes_nothing(place: House) -> None:
    place.publish_programme("acceptor", code="law", title="法学", total_credits="10.00", courses=[])
    learner, _ = learner_with(place, "管理学", "公文写作")
    url = f"/v1/learners/{learner}/plan"
    status, plan = asked(place, "POST", url, place.learner_auth(learner))
    assert status == 200
    ranked = [(one["target"]["programme"], one["credits"], one["missing"]["credits"]) for one in plan["options"]]
    assert ranked == [("administration", "6.00", "70.00"), ("law", "3.00", "7.00")]
    _, nearest = asked(place, "POST", url, place.learner_auth(learner), rank_by="completion")
    assert [one["target"]["programme"] for one in nearest["options"]] == ["law", "administration"]
    assert standing(place, learner) == ("6.00", "0.00", "0.00")


def test_the_planner_counts_what_the_learner_might_still_earn(place: House) -> None:
    learner, _ = learner_with(place, "管理学")
    also = [{"kind": "course", "title": "公文写作", "issuer": "cqdx", "completed_on": "2026-06-30", "hours": "48"}]
    url = f"/v1/learners/{learner}/plan"
    target = [{"institution": "acceptor", "programme": "administration"}]
    _, now = asked(place, "POST", url, place.learner_auth(learner), targets=target)
    _, then = asked(place, "POST", url, place.learner_auth(learner), targets=target, also=also)
    assert (now["options"][0]["credits"], then["options"][0]["credits"]) == ("3.00", "6.00")
    assert "also:1" in {part["outcome"] for part in then["options"][0]["explanation"]["parts"]}
    status, answer = asked(place, "POST", url, place.learner_auth(learner), also=[{"kind": "curse"}])
    assert (status, answer["errors"][0]["pointer"]) == (422, "/also/0/title")


def test_who_has_nothing_to_do_with_a_learner_learns_nothing(place: House) -> None:
    learner, outcomes = learner_with(place, "管理学")
    conversion = place.convert(learner, TARGET, outcomes)
    stranger = place.auth("stranger", "conversions:write", "conversions:review", "balance:read")
    other = place.open_learner()["id"]
    for headers in (stranger, place.learner_auth(other)):
        assert asked(place, "GET", f"/v1/conversions/{conversion['id']}", headers)[0] == 404
        assert asked(place, "POST", f"/v1/conversions/{conversion['id']}/withdraw", headers)[0] == 404
        assert asked(place, "POST", f"/v1/learners/{learner}/plan", headers)[0] == 404
        assert asked(place, "POST", "/v1/conversions", headers, learner_id=learner, target=TARGET)[0] == 404
    status, answer = asked(
        place, "POST", "/v1/conversions", place.learner_auth(other), target=TARGET, outcomes=outcomes
    )
    assert (status, answer["errors"][0]["pointer"]) == (404, "/outcomes/0")


def test_a_decision_on_a_conversion_is_told_and_comes_out_the_same_after_newer_versions(place: House) -> None:
    learner, outcomes = learner_with(place, "管理学")
    conversion = place.convert(learner, TARGET, outcomes)
    for version in (2, 3):
        stricter = [{"id": "half", "at_most": {"credits": "5.00"}}]
        place.publish_rules(RULES | {"version": version, "limits": stricter})
    url = f"/v1/decisions/{conversion['decision_id']}"
    status, decision = asked(place, "GET", url, place.learner_auth(learner))
    assert (status, decision["kind"], decision["version"]) == (200, "conversion", 1)
    assert decision["sentences"][0]["zh"].startswith("按《示例转换办法》第 1 版")
    assert asked(place, "POST", f"{url}/replay", place.learner_auth(learner))[1]["same"] is True
    assert place.decide(conversion["id"], "acceptor")["version"] == 1


def test_the_impact_of_a_new_version_is_reckoned_on_conversions_that_stand(place: House) -> None:
    learner, outcomes = learner_with(place, "管理学", "公文写作")
    conversion = place.convert(learner, TARGET, outcomes)
    stricter = RULES | {"version": 2, "limits": [{"id": "few", "at_most": {"credits": "5.00"}}]}
    author = place.auth("authority", "rules:write")
    assert place.http.post("/v1/rulesets", json=stricter, headers=author).status_code == 201
    url = "/v1/rulesets/test-conversion/versions/{}/impact"
    _, impact = asked(place, "POST", url.format(2), author)
    assert (impact["examined"], impact["changed"], impact["is_complete"]) == (1, 1, True)
    assert (impact["credits_before"], impact["credits_after"]) == ({"cn-16h-half": "6.00"}, {"cn-16h-half": "3.00"})
    assert impact["by_institution"] == [
        {"institution": "acceptor", "changed": 1, "credits_difference": {"cn-16h-half": "-3.00"}}
    ]
    assert asked(place, "POST", url.format(1), author)[1]["changed"] == 0
    _, shown = asked(place, "POST", url.format(2), place.auth("authority", "audit:read"))
    assert [example["conversion_id"] for example in shown["examples"]] == [conversion["id"]]
    assert standing(place, learner) == ("0.00", "6.00", "0.00")
    place.decide(conversion["id"], "acceptor", "reject", reason="不符")
    assert asked(place, "POST", url.format(2), author)[1]["examined"] == 0


def listed(house: House, headers: dict[str, str], **query: str) -> list[str]:
    """Return the ids of the applications that are listed, read page by page."""
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        answer = house.http.get("/v1/conversions", query_string={"limit": "1"} | query | cursor, headers=headers)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        found += [one["id"] for one in answer.get_json()["items"]]
        if answer.get_json()["next_cursor"] is None:
            return found
        cursor = {"cursor": answer.get_json()["next_cursor"]}


def test_each_reviewer_finds_what_awaits_them_and_what_they_had_a_part_in(place: House) -> None:
    applications = []
    for _ in range(3):
        learner, outcomes = learner_with(place, "管理学")
        applications.append(place.convert(learner, TARGET, outcomes)["id"])
    first, second, third = applications
    school, bank = (place.auth(name, "conversions:review") for name in ("acceptor", "authority"))
    assert listed(place, school) == listed(place, bank) == [third, second, first]
    assert listed(place, school, awaits="me") == [third, second, first]
    assert listed(place, bank, awaits="me") == []
    place.decide(second, "acceptor")
    assert listed(place, school, awaits="me") == [third, first]
    assert listed(place, bank, awaits="me") == [second]
    place.decide(second, "authority")
    assert listed(place, bank, state="approved") == [second]
    assert listed(place, bank, awaits="me") == []
    place.move_to("2026-07-12")
    overdue = place.auth("authority", "conversions:review")
    assert listed(place, overdue, awaits="me") == [third, first], "what is overdue escalates"
    assert listed(place, place.auth("cqdx", "conversions:review")) == []


def test_a_learner_lists_their_own_applications_only(place: House) -> None:
    mine, outcomes = learner_with(place, "管理学")
    application = place.convert(mine, TARGET, outcomes)["id"]
    other, others = learner_with(place, "管理学")
    place.convert(other, TARGET, others)
    assert listed(place, place.learner_auth(mine)) == [application]
    assert listed(place, place.auth("acceptor", "conversions:review"), learner_id=mine) == [application]
    assert listed(place, place.auth("nobody", "conversions:review"), learner_id=mine) == []
    status, answer = asked(place, "GET", f"/v1/conversions?learner_id={other}", place.learner_auth(mine))
    assert (status, codes(answer)) == (404, ["unknown_learner"])


def test_a_verdict_on_a_step_that_is_passed_decides_no_other(place: House) -> None:
    learner, outcomes = learner_with(place, "管理学")
    conversion = place.convert(learner, TARGET, outcomes)
    url = f"/v1/conversions/{conversion['id']}/decisions"
    bank = place.auth("authority", "conversions:review")
    early = asked(place, "POST", url, bank, decision="approve", step="bank")
    assert (early[0], codes(early[1])) == (409, ["step_passed"])
    school = place.auth("acceptor", "conversions:review")
    assert asked(place, "POST", url, school, decision="approve", step="school")[0] == 200
    late = asked(place, "POST", url, school, decision="approve", step="school")
    assert (late[0], codes(late[1])) == (409, ["step_passed"])
    assert asked(place, "POST", url, bank, decision="approve", step="bank")[1]["state"] == "approved"


def test_nothing_is_approved_while_the_identity_is_in_doubt(place: House) -> None:
    learner, outcomes = learner_with(place, "管理学")
    conversion = place.convert(learner, TARGET, outcomes)
    number = next(place.numbers) - 2
    other = place.http.post(
        "/v1/learners", json=learner_body(number, name="另一人"), headers=place.auth("cqou")
    ).get_json()
    assert other["status"] == "conflict"
    url = f"/v1/conversions/{conversion['id']}/decisions"
    school = place.auth("acceptor", "conversions:review")
    status, answer = asked(place, "POST", url, school, decision="approve")
    assert (status, codes(answer)) == (409, ["identity_conflict"])
    assert asked(place, "POST", url, school, decision="reject", reason="身份未核实")[0] == 200


def test_a_long_code_is_refused_where_it_would_be_cut(place: House) -> None:
    courses = [{"code": code, "title": "公式", "credits": "1"} for code in ("\ufdfa" * 4, "c")]
    body = {"code": "long", "title": "长", "scheme": "cn-16h-half", "total_credits": "10", "courses": courses}
    answer = place.http.post("/v1/programmes", json=body, headers=place.auth("acceptor", "rules:write"))
    assert [(fault["pointer"], fault["code"]) for fault in answer.get_json()["errors"]] == [
        ("/courses/0/code", "too_long")
    ]
