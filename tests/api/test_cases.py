"""Cases: what becomes of approved conversions when an outcome that they rest on is revoked, and who decides it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from creditbank.services.bank import looked_up
from creditbank.services.clients import administrator
from creditbank.services.verification import verify
from tests.api.test_conversions import RULES, TARGET, asked, codes, external_id, standing
from tests.builders import House, outcome_body
from tests.moulds import Making
from tests.services.test_conversion_races import small_house

REVIEWER = ("acceptor", "conversions:review")

NOBODY = "00000000-0000-0000-0000-000000000001"

SEVERAL, PAIR, JOINT, EXEMPT = "基础综合", "法律实务", ("实务上", "实务下"), "英语四级"

CASE_RULES: dict[str, Any] = {
    **{name: RULES[name] for name in RULES if name not in ("limits", "requirements", "exclusions")},
    "rules": [
        {"id": "same", "when": {"same_title": True}},
        {"id": "several", "when": {"title": SEVERAL}},
        {"id": "pair", "when": {"title": PAIR}, "with": [{"kind": "certificate"}]},
        {"id": "joint", "when": {"title": list(JOINT)}, "joint": True},
        {"id": "exempt", "when": {"title": EXEMPT}, "spends_credits": False},
        {"id": "whole", "when": {"recognised": {"at_least": "0.01"}}, "to": "programme"},
    ],
    "review": [{"id": "school", "by": {"role": "target"}, "days": 10}],
}
"""The example rules, and outcomes that stand for several courses, need a partner, are added up, or cost no credits."""


@pytest.fixture
def house(copied: Callable[[Making], House]) -> House:
    """Give a bank that recognises courses by their hours, without the other packs."""
    return copied(small_house)


@pytest.fixture
def place(copied: Callable[[Making], House]) -> House:
    """Give a bank with these rules and a programme."""
    return copied(case_house)


def case_house(url: str, folder: Path) -> House:
    made = small_house(url, folder)
    made.publish_rules(CASE_RULES)
    made.publish_programme("acceptor")
    return made


def applied(
    house: House, *titles: str, courses: list[str] | None = None, **changes: Any
) -> tuple[str, list[str], dict[str, Any]]:
    """Open an account with an outcome for each title, apply with all; return learner, outcomes and application."""
    learner = house.open_learner()["id"]
    outcomes = [house.post_outcome(learner, title=title, **changes)["id"] for title in titles]
    return learner, outcomes, house.convert(learner, TARGET | {"courses": courses}, outcomes)


def approved(house: House, *titles: str, **more: Any) -> tuple[str, list[str], dict[str, Any]]:
    """Do so, and have the application approved."""
    learner, outcomes, made = applied(house, *titles, **more)
    return learner, outcomes, house.decide(made["id"], "acceptor")


def revoke(house: House, outcome: str, reason: str = "造假") -> None:
    status, answer = asked(house, "POST", f"/v1/outcomes/{outcome}/revoke", house.auth(), reason=reason)
    assert (status, answer["status"]) == (200, "revoked")


def cases(house: House, *who: str, **query: Any) -> list[dict[str, Any]]:
    """Return what is listed for somebody, the target unless told otherwise."""
    answer = house.http.get("/v1/cases", query_string=query, headers=house.auth(*(who or REVIEWER)))
    assert answer.status_code == 200, answer.get_data(as_text=True)
    found: list[dict[str, Any]] = answer.get_json()["items"]
    return found


def case_of(house: House, outcome: str) -> dict[str, Any]:
    (found,) = [case for case in cases(house, limit=200) if case["outcome_id"] == outcome]
    return found


def decide(house: House, case_id: str, decision: str, *who: str, **more: Any) -> tuple[int, Any]:
    headers = house.auth(*(who or REVIEWER))
    return asked(
        house, "POST", f"/v1/cases/{case_id}/decisions", headers, **{"decision": decision, "reason": "已核实", **more}
    )


def shown(house: House, learner: str, path: str) -> Any:
    status, answer = asked(house, "GET", path, house.learner_auth(learner))
    assert status == 200, answer
    return answer


def lines(house: House, learner: str) -> list[tuple[str, str]]:
    """Return kind and amount of each line in the learner's passbook, oldest first."""
    items = shown(house, learner, f"/v1/learners/{learner}/statement")["items"]
    return [(line["kind"], line["amount"]) for line in reversed(items)]


def parts(house: House, learner: str, conversion: dict[str, Any]) -> list[tuple[str, str, str | None]]:
    """Return outcome, state and grade of each part as it stands."""
    stands = shown(house, learner, f"/v1/conversions/{conversion['id']}")
    return [(part["outcome_id"], part["state"], part["grade"]) for part in stands["parts"]]


def applying(house: House, learner: str, outcomes: object, *courses: str) -> tuple[int, Any]:
    target = TARGET | {"courses": list(courses)}
    return asked(house, "POST", "/v1/conversions", house.learner_auth(learner), target=target, outcomes=outcomes)


def check_sound(house: House) -> None:
    assert looked_up(house.bank, administrator(), verify).faults == ()


def test_a_case_lists_every_part_that_rests_on_the_outcome_and_no_other(place: House) -> None:
    learner = place.open_learner()["id"]
    large = place.post_outcome(learner, title=SEVERAL, hours="96")["id"]
    small = place.post_outcome(learner, title="行政法", hours="32")["id"]
    made = place.convert(learner, TARGET, [large, small])
    place.decide(made["id"], "acceptor")
    resting = [part["number"] for part in made["parts"] if part["outcome_id"] == large]
    assert (len(resting), len(made["parts"])) == (2, 3)
    revoke(place, large, "录入错误")
    found = case_of(place, large)
    assert found == {
        **found,
        "state": "open",
        "learner_id": learner,
        "outcome_id": large,
        "conversion_id": made["id"],
        "reason": "录入错误",
        "dependents": [{"conversion": made["id"], "part": number} for number in resting],
        "verdict": None,
        "verdict_reason": None,
        "decided_at": None,
    }
    revoke(place, large, "again")
    assert case_of(place, large) == found
    assert len(cases(place)) == 1


def test_a_case_lists_parts_for_which_the_outcome_was_only_a_partner(place: House) -> None:
    learner = place.open_learner()["id"]
    own = place.post_outcome(learner, title=PAIR)["id"]
    partner = place.post_outcome(learner, title="证书", kind="certificate")["id"]
    made = place.convert(learner, TARGET | {"courses": ["c2"]}, [own, partner])
    assert [(part["outcome_id"], part["partners"]) for part in made["parts"]] == [(own, [partner])]
    place.decide(made["id"], "acceptor")
    revoke(place, partner)
    assert case_of(place, partner)["dependents"] == [{"conversion": made["id"], "part": 1}]


def test_what_is_closed_or_open_or_undone_already_gets_no_case(place: House) -> None:
    for way in ("reject", "withdraw", "open"):
        learner, (outcome,), made = applied(place, "管理学", courses=["c1"])
        if way == "reject":
            place.decide(made["id"], "acceptor", "reject", reason="不符")
        elif way == "withdraw":
            assert asked(place, "POST", f"/v1/conversions/{made['id']}/withdraw", place.learner_auth(learner))[0] == 200
        revoke(place, outcome)
        assert standing(place, learner) == ("0.00", "0.00", "0.00")
    assert cases(place) == []


def test_cases_are_seen_by_the_accepting_institution_and_by_auditors_only(place: House) -> None:
    learner, (outcome,), _ = approved(place, "管理学", courses=["c1"])
    revoke(place, outcome)
    found = case_of(place, outcome)
    url = f"/v1/cases/{found['id']}"
    assert asked(place, "GET", url, place.auth(*REVIEWER)) == (200, found)
    auditor = ("stranger", "audit:read")
    assert cases(place, *auditor) == [found]
    assert asked(place, "GET", url, place.auth(*auditor)) == (200, found)
    for other in ("cqdx", "elsewhere", "authority"):
        who = (other, "conversions:review")
        assert cases(place, *who) == []
        status, answer = asked(place, "GET", url, place.auth(*who))
        unknown = asked(place, "GET", f"/v1/cases/{NOBODY}", place.auth(*who))
        assert (status, codes(answer), unknown[0]) == (404, ["unknown_case"], 404)
        assert unknown[1]["errors"] == answer["errors"]
    for headers in (place.auth("acceptor", "conversions:write"), place.learner_auth(learner)):
        for path in ("/v1/cases", url):
            status, answer = asked(place, "GET", path, headers)
            assert (status, codes(answer)) == (403, ["scope_missing"])


def test_cases_are_listed_newest_first_page_by_page(place: House) -> None:
    outcomes = []
    for _ in range(3):
        _, (outcome,), _ = approved(place, "管理学", courses=["c1"])
        place.clock.move(seconds=1)
        revoke(place, outcome)
        outcomes.append(outcome)
    seen, cursor = [], None
    for _ in outcomes:
        query = {"limit": 1} | ({"cursor": cursor} if cursor else {})
        page = place.http.get("/v1/cases", query_string=query, headers=place.auth(*REVIEWER)).get_json()
        seen += [case["outcome_id"] for case in page["items"]]
        cursor = page["next_cursor"]
    assert (seen, cursor) == (outcomes[::-1], None)
    for name, value, code in (
        ("limit", "0", "wrong_number"),
        ("cursor", "x", "wrong_cursor"),
        ("state", "open", "unknown_field"),
    ):
        status, answer = asked(place, "GET", f"/v1/cases?{name}={value}", place.auth(*REVIEWER))
        assert (status, codes(answer), answer["errors"][0]["pointer"]) == (422, [code], f"/{name}")


def test_a_case_that_is_upheld_leaves_everything_as_it_stood(place: House) -> None:
    learner, (outcome,), made = approved(place, "管理学", courses=["c1"])
    revoke(place, outcome)
    before, again = lines(place, learner), place.post_outcome(learner, title="管理学", completed_on="2026-06-01")["id"]
    place.clock.move(days=3)
    place.tokens.clear()
    status, decided = decide(place, case_of(place, outcome)["id"], "uphold", reason="学习属实")
    assert (status, decided["verdict_reason"], decided["decided_at"][:10]) == (200, "学习属实", "2026-07-04")
    assert lines(place, learner) == [*before, ("recognise", "3.00")]
    assert before == [("recognise", "3.00"), ("hold", "-3.00"), ("release", "3.00"), ("convert", "-3.00")]
    assert parts(place, learner, made) == [(outcome, "converted", "免考")]
    assert standing(place, learner) == ("3.00", "0.00", "3.00")
    status, answer = applying(place, learner, [again], "c1")
    assert (status, "already_replaced" in codes(answer)) == (409, True)
    check_sound(place)


def test_a_case_that_is_undone_gives_the_course_free_and_the_credits_to_nobody(place: House) -> None:
    learner, (outcome, other), made = approved(place, "管理学", "公文写作", courses=["c1", "c3"])
    revoke(place, outcome)
    before = lines(place, learner)
    assert standing(place, learner) == ("0.00", "0.00", "6.00")
    status, decided = decide(place, case_of(place, outcome)["id"], "undo")
    assert (status, decided["state"], decided["verdict"]) == (200, "decided", "undo")
    assert lines(place, learner)[len(before) :] == [("restore", "3.00"), ("reverse", "-3.00")]
    assert standing(place, learner) == ("0.00", "0.00", "3.00")
    stands = shown(place, learner, f"/v1/conversions/{made['id']}")
    assert (stands["state"], stands["credits"], stands["events"][-1]["kind"]) == ("approved", "3.00", "undone")
    assert set(parts(place, learner, made)) == {(outcome, "undone", None), (other, "converted", "免考")}
    assert asked(place, "GET", f"/v1/cases/{decided['id']}", place.auth(*REVIEWER)) == (200, decided)

    assert applying(place, learner, [outcome], "c1")[0] == 404, "revoked stays revoked"
    status, answer = applying(place, learner, [other], "c1")
    assert (status, codes(answer)) == (409, ["already_converted"])
    again = place.post_outcome(learner, title="管理学", completed_on="2026-06-01")["id"]
    status, second = applying(place, learner, [again], "c1", "c3")
    assert (status, [part["course"]["code"] for part in second["parts"]]) == (201, ["c1"])
    assert place.decide(second["id"], "acceptor")["state"] == "approved"
    check_sound(place)


def test_what_was_left_of_a_revoked_outcome_is_taken_back_at_once_and_the_rest_when_it_is_undone(place: House) -> None:
    learner, (outcome,), _ = approved(place, "管理学", courses=["c1"], hours="96")
    assert standing(place, learner) == ("3.00", "0.00", "3.00")
    revoke(place, outcome)
    assert standing(place, learner) == ("0.00", "0.00", "3.00")
    assert decide(place, case_of(place, outcome)["id"], "undo")[0] == 200
    assert standing(place, learner) == ("0.00", "0.00", "0.00")
    assert lines(place, learner)[-3:] == [("reverse", "-3.00"), ("restore", "3.00"), ("reverse", "-3.00")]
    check_sound(place)


def test_the_decision_on_a_case_is_told_to_the_learner(place: House) -> None:
    learner, (outcome,), _ = approved(place, "管理学", courses=["c1"])
    revoke(place, outcome)
    decide(place, case_of(place, outcome)["id"], "undo", reason="证书系伪造")
    restored = shown(place, learner, f"/v1/learners/{learner}/statement")["items"][0]
    decision = shown(place, learner, f"/v1/decisions/{restored['decision_id']}")
    assert (decision["kind"], decision["explanation"]["reason"]) == ("case", "证书系伪造")


@pytest.mark.parametrize(("first", "second"), [("undo", "uphold"), ("uphold", "undo")])
def test_a_case_is_decided_once(place: House, first: str, second: str) -> None:
    learner, (outcome,), _ = approved(place, "管理学", courses=["c1"])
    revoke(place, outcome)
    case_id = case_of(place, outcome)["id"]
    _, decided = decide(place, case_id, first)
    after = lines(place, learner)
    assert decide(place, case_id, first, reason="另一理由") == (200, decided), "answered as it stands"
    status, answer = decide(place, case_id, second)
    assert (status, codes(answer)) == (409, ["case_decided"])
    assert (lines(place, learner), case_of(place, outcome)) == (after, decided)
    check_sound(place)


def test_a_case_needs_one_of_two_decisions_and_a_reason(place: House) -> None:
    _, (outcome,), _ = approved(place, "管理学", courses=["c1"])
    revoke(place, outcome)
    found = case_of(place, outcome)
    url = f"/v1/cases/{found['id']}/decisions"
    wrong: tuple[tuple[dict[str, Any], tuple[str, str]], ...] = (
        ({"decision": "undo"}, ("/reason", "required")),
        ({"decision": "undo", "reason": None}, ("/reason", "null")),
        ({"decision": "undo", "reason": "　"}, ("/reason", "blank")),
        ({"decision": "undo", "reason": "理" * 1001}, ("/reason", "too_long")),
        ({"decision": "undo", "reason": "a\u0007"}, ("/reason", "control_character")),
        ({"reason": "x"}, ("/decision", "required")),
        ({"decision": "annul", "reason": "x"}, ("/decision", "wrong_form")),
        ({"decision": "UNDO", "reason": "x"}, ("/decision", "wrong_form")),
        ({"decision": "undo", "reason": "x", "force": True}, ("/force", "unknown_field")),
    )
    for body, expected in wrong:
        status, answer = asked(place, "POST", url, place.auth(*REVIEWER), **body)
        assert (status, [(one["pointer"], one["code"]) for one in answer["errors"]]) == (422, [expected]), body
    assert case_of(place, outcome) == found


def test_only_the_accepting_institution_decides_its_case(place: House) -> None:
    learner, (outcome,), _ = approved(place, "管理学", courses=["c1"])
    revoke(place, outcome)
    found = case_of(place, outcome)
    for other in ("cqdx", "elsewhere", "authority"):
        status, answer = decide(place, found["id"], "undo", other, "conversions:review")
        assert (status, codes(answer)) == (404, ["unknown_case"])
    for who in (("acceptor", "conversions:write"), ("authority", "audit:read"), ("acceptor", "audit:read")):
        status, answer = decide(place, found["id"], "undo", *who)
        assert (status, codes(answer)) == (403, ["scope_missing"])
    body = {"decision": "undo", "reason": "x"}
    assert asked(place, "POST", f"/v1/cases/{found['id']}/decisions", place.learner_auth(learner), **body)[0] == 403
    assert decide(place, NOBODY, "undo")[0] == 404
    assert case_of(place, outcome) == found


def test_two_outcomes_of_one_conversion_that_are_revoked_one_after_another_are_two_cases(place: House) -> None:
    learner, (first, second), made = approved(place, "管理学", "公文写作", courses=["c1", "c3"])
    revoke(place, first, "第一")
    revoke(place, second, "第二")
    opened = [case_of(place, outcome) for outcome in (first, second)]
    assert [(case["reason"], len(case["dependents"])) for case in opened] == [("第一", 1), ("第二", 1)]
    assert opened[0]["dependents"] != opened[1]["dependents"]
    assert decide(place, opened[1]["id"], "undo")[0] == 200
    assert case_of(place, first)["state"] == "open"
    assert set(parts(place, learner, made)) == {(first, "converted", "免考"), (second, "undone", None)}
    assert standing(place, learner) == ("0.00", "0.00", "3.00")
    assert decide(place, opened[0]["id"], "undo")[0] == 200
    assert {state for _, state, _ in parts(place, learner, made)} == {"undone"}
    assert shown(place, learner, f"/v1/conversions/{made['id']}")["credits"] == "0.00"
    assert standing(place, learner) == ("0.00", "0.00", "0.00")
    check_sound(place)


def test_an_outcome_is_corrected_while_no_conversion_rests_on_it_and_never_once_it_is_revoked(place: House) -> None:
    learner, (outcome,), made = applied(place, "管理学", courses=["c1"])
    body = outcome_body(learner, 1, title="管理学", hours="32") | {"external_id": external_id(place, learner)}

    def corrected() -> tuple[int, Any]:
        headers = place.auth() | {"If-Match": '"1"'}
        answer = place.http.put(f"/v1/outcomes/{outcome}", json=body, headers=headers)
        return answer.status_code, answer.get_json()

    for state in ("in_review", "approved", "revoked", "undone"):
        if state == "approved":
            place.decide(made["id"], "acceptor")
        elif state == "revoked":
            revoke(place, outcome)
        elif state == "undone":
            decide(place, case_of(place, outcome)["id"], "undo")
        status, answer = corrected()
        assert (status, codes(answer)) == (409, ["revoked" if state in ("revoked", "undone") else "in_conversion"])

    learner, (outcome,), made = applied(place, "管理学", courses=["c1"])
    body = outcome_body(learner, 1, title="管理学", hours="32") | {"external_id": external_id(place, learner)}
    place.decide(made["id"], "acceptor", "reject", reason="不符")
    assert corrected()[0] == 200
    check_sound(place)


def test_credits_of_a_revoked_outcome_do_not_come_back_when_the_case_of_its_partner_is_undone(place: House) -> None:
    left = []
    for verdict in ("undo", "uphold"):
        learner = place.open_learner()["id"]
        own = place.post_outcome(learner, title=PAIR, hours="32")["id"]
        partner = place.post_outcome(learner, title="证书", kind="certificate")["id"]
        made = place.convert(learner, TARGET | {"courses": ["c2"]}, [own, partner])
        place.decide(made["id"], "acceptor")
        revoke(place, own)
        revoke(place, partner)
        order = [(partner, "undo"), (own, "undo")] if verdict == "undo" else [(own, "uphold"), (partner, "undo")]
        for outcome, decision in order:
            assert decide(place, case_of(place, outcome)["id"], decision)[0] == 200
        left.append(standing(place, learner)[0])
    assert left == ["0.00", "0.00"]


def test_a_course_that_two_outcomes_make_up_together_is_not_exempt_by_one_of_them(place: House) -> None:
    learner, (first, _), made = approved(place, *JOINT, courses=["c4"], hours="32")
    assert [(part["course"]["code"], part["credits"]) for part in made["parts"]] == [("c4", "2.00"), ("c4", "2.00")]
    revoke(place, first)
    assert decide(place, case_of(place, first)["id"], "undo")[0] == 200
    undone = [grade for _, _, grade in parts(place, learner, made)]
    learner, _, made = applied(place, *JOINT, courses=["c4"], hours="32")
    url = f"/v1/conversions/{made['id']}/decline"
    assert asked(place, "POST", url, place.learner_auth(learner), parts=[1])[1]["state"] == "withdrawn"
    declined = [grade for _, _, grade in parts(place, learner, made)]
    assert (undone, declined) == ([None, None], [None, None])


@pytest.mark.parametrize("kind", ["partner", "without credits"])
def test_an_appeal_does_not_rest_on_an_outcome_that_was_revoked_meanwhile(place: House, kind: str) -> None:
    learner = place.open_learner()["id"]
    titles = (PAIR, "证书") if kind == "partner" else (EXEMPT,)
    outcomes = [
        place.post_outcome(learner, title=title, kind="certificate" if title == "证书" else "course")["id"]
        for title in titles
    ]
    made = place.convert(learner, TARGET | {"courses": ["c2"]}, outcomes)
    place.decide(made["id"], "acceptor", "reject", reason="不符")
    revoke(place, outcomes[-1])
    url = f"/v1/conversions/{made['id']}/appeal"
    status, _ = asked(place, "POST", url, place.learner_auth(learner), reason="请复核")
    assert status == 409
