"""Conversions, many at once: credits are held once, spent once and let go once, whoever is first."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from werkzeug.test import TestResponse

from creditbank.core.permission import Actor
from creditbank.core.review import Verdict
from creditbank.packs import load_pack
from creditbank.services import converting, situations
from creditbank.services.applications import PAST
from creditbank.services.bank import looked_up
from creditbank.services.clients import administrator
from creditbank.services.verification import verify
from creditbank.storage.conversions import conversion
from tests.api.test_conversions import RULES, TARGET, codes, standing
from tests.builders import House, new_house, outcome_body
from tests.moulds import Making
from tests.services.test_races import at_once, check_sound, count, statuses

ROUNDS = 3
"""Times that a race for one moment is run: each one alone may miss it."""

ONE_STEP = {name: RULES[name] for name in RULES if name not in ("limits", "requirements")} | {
    "review": [{"id": "school", "by": {"role": "target"}, "days": 10}]
}
"""The example rules without limits, decided by the target alone."""

HELD = ("0.00", "3.00", "0.00")
"""Available, held and converted while one course of 3 credits is applied for."""

UNREVIEWED = {name: ONE_STEP[name] for name in ONE_STEP if name not in ("review", "appeal")}
"""Rules under which an application is approved at once."""

Call = Callable[[], TestResponse]


@pytest.fixture
def house(copied: Callable[[Making], House]) -> House:
    """Give a bank that recognises courses by their hours, without the other packs."""
    return copied(small_house)


@pytest.fixture
def place(copied: Callable[[Making], House]) -> House:
    """Give a bank with rules of one step of review and a programme."""
    return copied(one_step_house)


def small_house(url: str, folder: Path) -> House:
    """Return a bank with the one pack that recognises courses by their hours."""
    made = new_house(url, folder, packs=False)
    author, publisher = (made.client("authority", scope) for scope in ("rules:write", "rules:publish"))
    clerks = Actor(author, frozenset({"rules:write"})), Actor(publisher, frozenset({"rules:publish"}))
    load_pack(made.bank, "cn-exchange-hours", *clerks)
    return made


def one_step_house(url: str, folder: Path) -> House:
    """Return the same bank with rules of one step of review and a programme."""
    made = small_house(url, folder)
    made.publish_rules(ONE_STEP)
    made.publish_programme("acceptor")
    return made


def caller(house: House, headers: dict[str, str], path: str, **body: Any) -> Call:
    """Return the call that posts a body to a path."""
    return lambda: house.http.post(path, json=body, headers=headers)


def applying(house: House, learner: str, outcomes: object, key: str = "", **target: Any) -> Call:
    """Return the call with which a learner applies for a conversion."""
    headers = house.learner_auth(learner) | ({"Idempotency-Key": key} if key else {})
    return caller(house, headers, "/v1/conversions", target=TARGET | target, outcomes=outcomes)


def deciding(house: House, conversion_id: str, decision: str, *scopes: str) -> Call:
    """Return the call with which a reviewer of the target decides; further scopes make it another client."""
    headers = house.auth("acceptor", "conversions:review", *scopes)
    path = f"/v1/conversions/{conversion_id}/decisions"
    return caller(house, headers, path, decision=decision, reason="理由")


def revoking(house: House, outcome: str) -> Call:
    return caller(house, house.auth(), f"/v1/outcomes/{outcome}/revoke", reason="误录")


def learner_with(house: House, *titles: str) -> tuple[str, list[str]]:
    """Open an account with a course of 3 credits for each title; return the learner's and the outcomes' ids."""
    learner = house.open_learner()["id"]
    return learner, [house.post_outcome(learner, title=title)["id"] for title in titles]


def shown(house: House, learner: str, path: str) -> Any:
    answer = house.http.get(path, headers=house.learner_auth(learner))
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return answer.get_json()


def kinds(house: House, learner: str) -> list[str]:
    """Return what stands in the learner's passbook, oldest first."""
    lines = shown(house, learner, f"/v1/learners/{learner}/statement")["items"]
    return [line["kind"] for line in reversed(lines)]


def told(answer: TestResponse) -> tuple[int, list[str]]:
    """Return a refusal's status and codes."""
    return answer.status_code, codes(answer.get_json())


def split(answers: list[TestResponse], status: int) -> tuple[list[TestResponse], list[TestResponse]]:
    """Return the answers with the status, and the others."""
    return [one for one in answers if one.status_code == status], [one for one in answers if one.status_code != status]


def check_nothing_rests_on(house: House, learner: str, outcome: str) -> None:
    """See that each standing part on a revoked outcome has a case, and open applications have none."""
    cases = house.http.get("/v1/cases?limit=200", headers=house.auth("acceptor", "conversions:review")).get_json()
    in_question = {case["conversion_id"] for case in cases["items"] if case["outcome_id"] == outcome}
    for one in shown(house, learner, "/v1/conversions")["items"]:
        rests = any(part["outcome_id"] == outcome and part["state"] in ("held", "converted") for part in one["parts"])
        assert not rests or (one["state"] == "approved" and one["id"] in in_question), one["state"]


def test_of_fifty_applications_for_one_outcome_one_is_taken_and_the_others_are_told_which(place: House) -> None:
    learner, outcomes = learner_with(place, "管理学")
    answers = at_once([applying(place, learner, outcomes, f"k-{number}") for number in range(50)])
    assert statuses(answers) == {201: 1, 409: 49}
    taken, refused = split(answers, 201)
    assert {tuple(codes(one.get_json())) for one in refused} == {("already_converted",)}
    assert all(taken[0].get_json()["id"] in one.get_json()["errors"][0]["message_en"] for one in refused)
    assert standing(place, learner) == HELD
    assert kinds(place, learner) == ["recognise", "hold"]
    assert count(place, conversion) == 1
    check_sound(place)


def test_of_applications_for_the_best_choice_at_once_one_is_taken(place: House) -> None:
    for _ in range(ROUNDS):
        learner, _ = learner_with(place, "管理学", "公文写作")
        answers = at_once([applying(place, learner, "best")] * 8)
        assert statuses(answers) == {201: 1, 409: 7}
        _, refused = split(answers, 201)
        assert {code for one in refused for code in codes(one.get_json())} <= {"already_converted", "already_replaced"}
        assert standing(place, learner) == ("0.00", "6.00", "0.00")
    check_sound(place)


def test_a_course_that_two_outcomes_could_replace_is_replaced_by_one(place: House) -> None:
    for _ in range(ROUNDS):
        learner, (first,) = learner_with(place, "管理学")
        second = place.post_outcome(learner, title="管理学", completed_on="2026-06-01")["id"]
        answers = at_once([applying(place, learner, [one], courses=["c1"]) for one in (first, second)])
        assert statuses(answers) == {201: 1, 409: 1}
        _, (refused,) = split(answers, 201)
        assert "already_replaced" in codes(refused.get_json())
        assert standing(place, learner) == ("3.00", "3.00", "0.00")
    check_sound(place)


def test_of_two_reviewers_who_decide_a_step_at_once_one_decides(place: House) -> None:
    left = {"approved": ("0.00", "0.00", "3.00"), "rejected": ("3.00", "0.00", "0.00"), "returned": HELD}
    for decisions in [("approve", "approve"), ("approve", "reject"), ("approve", "return")] * (ROUNDS - 1):
        learner, outcomes = learner_with(place, "管理学")
        made = place.convert(learner, TARGET, outcomes)["id"]
        first, second = decisions
        answers = at_once([deciding(place, made, first), deciding(place, made, second, "outcomes:read")])
        assert statuses(answers) == {200: 1, 409: 1}
        (taken,), (refused,) = split(answers, 200)
        assert codes(refused.get_json()) == ["not_open"]
        stands = shown(place, learner, f"/v1/conversions/{made}")
        assert stands["state"] == taken.get_json()["state"] == PAST[Verdict(decisions[answers.index(taken)])]
        assert [event["kind"] for event in stands["events"]] == ["submitted", stands["state"]]
        assert standing(place, learner) == left[stands["state"]]
    check_sound(place)


def test_one_step_that_two_decide_at_once_is_not_decided_twice_where_another_step_follows(house: House) -> None:
    house.publish_rules(RULES)
    house.publish_programme("acceptor")
    for _ in range(ROUNDS):
        learner, outcomes = learner_with(house, "管理学")
        made = house.convert(learner, TARGET, outcomes)["id"]
        answers = at_once([deciding(house, made, "approve"), deciding(house, made, "approve", "outcomes:read")])
        _, (refused,) = split(answers, 200)
        assert told(refused) in ((403, ["not_your_step"]), (409, ["not_open"]))
        stands = shown(house, learner, f"/v1/conversions/{made}")
        assert (stands["state"], [step["state"] for step in stands["steps"]]) == ("in_review", ["done", "up"])
    check_sound(house)


def test_a_withdrawal_beside_an_approval_lets_go_of_the_hold_once(place: House) -> None:
    ways: dict[str, dict[str, Any]] = {"withdraw": {"reason": "不需要了"}, "decline": {"parts": [1]}}
    for way_out, body in list(ways.items()) * ROUNDS:
        learner, outcomes = learner_with(place, "管理学")
        made = place.convert(learner, TARGET, outcomes)["id"]
        leaving = caller(place, place.learner_auth(learner), f"/v1/conversions/{made}/{way_out}", **body)
        answers = at_once([leaving, deciding(place, made, "approve")])
        assert statuses(answers) == {200: 1, 409: 1}
        (taken,), (refused,) = split(answers, 200)
        assert codes(refused.get_json()) == ["not_open"]
        is_withdrawn = taken is answers[0]
        assert taken.get_json()["state"] == ("withdrawn" if is_withdrawn else "approved")
        assert kinds(place, learner) == ["recognise", "hold", "release", *([] if is_withdrawn else ["convert"])]
        assert standing(place, learner) == (("3.00", "0.00", "0.00") if is_withdrawn else ("0.00", "0.00", "3.00"))
    check_sound(place)


def test_an_application_beside_the_revocation_of_its_outcome_does_not_rest_on_it(place: House) -> None:
    for number in range(2 * ROUNDS):
        if number == ROUNDS:
            place.publish_rules(UNREVIEWED | {"version": 2})
        learner, outcomes = learner_with(place, "管理学")
        applied, revoked = at_once([applying(place, learner, outcomes), revoking(place, outcomes[0])])
        assert revoked.status_code == 200
        assert applied.status_code == 201 or told(applied) == (404, ["unknown_outcome"])
        check_nothing_rests_on(place, learner, outcomes[0])
        assert standing(place, learner)[:2] == ("0.00", "0.00")
    check_sound(place)


def test_a_revocation_that_overtakes_an_application_finds_it(place: House, monkeypatch: pytest.MonkeyPatch) -> None:
    learner, outcomes = learner_with(place, "管理学")
    has_read, is_revoked = Event(), Event()
    account_of = situations.account_of

    def slow_account(*arguments: Any) -> Any:
        """Read the account, then give the revocation a second to overtake."""
        found = account_of(*arguments)
        has_read.set()
        is_revoked.wait(1)
        return found

    monkeypatch.setattr(situations, "account_of", slow_account)
    applied, revoked = overtaken(
        applying(place, learner, outcomes), revoking(place, outcomes[0]), (has_read, is_revoked)
    )
    assert (applied.status_code, revoked.status_code) == (201, 200)
    check_nothing_rests_on(place, learner, outcomes[0])
    assert shown(place, learner, "/v1/conversions")["items"][0]["state"] == "voided"
    assert standing(place, learner) == ("0.00", "0.00", "0.00")
    check_sound(place)


def test_a_correction_that_an_application_overtakes_sees_it(
    postgresql_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On SQLite, which has one writer, nothing overtakes."""
    house = one_step_house(postgresql_url, tmp_path)
    learner = house.open_learner()["id"]
    posted = house.post_outcome(learner, title="管理学", external_id="e-1")["id"]
    has_read, is_applied = Event(), Event()
    is_in_use = converting.is_in_use

    def slow_use(*arguments: Any) -> Any:
        """See whether the outcome is in use, then give the application a second to overtake."""
        found = is_in_use(*arguments)
        has_read.set()
        is_applied.wait(1)
        return found

    monkeypatch.setattr(converting, "is_in_use", slow_use)
    body = outcome_body(learner, 1, title="管理学", external_id="e-1", hours="16")
    headers = house.auth() | {"If-Match": '"1"'}
    corrected, applied = overtaken(
        lambda: house.http.put(f"/v1/outcomes/{posted}", json=body, headers=headers),
        applying(house, learner, [posted]),
        (has_read, is_applied),
    )
    corrected_first = (corrected.status_code, applied.status_code) == (200, 422)
    applied_first = (corrected.status_code, applied.status_code) == (409, 201)
    credits_now, faults = (
        house.balance(learner)["cn-16h-half"]["recognised"],
        looked_up(house.bank, administrator(), verify),
    )
    house.bank.database.close()
    assert faults.faults == ()
    assert credits_now == ("1.00" if corrected_first else "3.00")
    assert corrected_first or applied_first


def overtaken(slow: Call, fast: Call, signals: tuple[Event, Event]) -> tuple[TestResponse, TestResponse]:
    """Start the fast call when the slow one is half way, let both end, and return their answers."""
    is_half_way, may_go_on = signals
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(slow)
        is_half_way.wait(5)
        second = threads.submit(fast)
        with suppress(TimeoutError):
            second.result(0.5)
        may_go_on.set()
        return first.result(), second.result()


def test_an_approval_beside_a_revocation_leaves_a_case_or_nothing_converted(place: House) -> None:
    for _ in range(ROUNDS):
        learner, outcomes = learner_with(place, "管理学", "公文写作")
        made = place.convert(learner, TARGET, outcomes)["id"]
        approved, revoked = at_once([deciding(place, made, "approve"), revoking(place, outcomes[0])])
        assert revoked.status_code == 200
        assert approved.status_code == 200 or told(approved) == (409, ["not_open"])
        check_nothing_rests_on(place, learner, outcomes[0])
        expected = ("0.00", "0.00", "6.00") if approved.status_code == 200 else ("3.00", "0.00", "0.00")
        assert standing(place, learner) == expected
    check_sound(place)


def test_applications_at_once_do_not_pass_the_limits_that_they_share(house: House) -> None:
    one = {"id": "one", "at_most": {"credits": "7.00"}, "across": "programme"}
    both = {"id": "both", "at_most": {"credits": "10.00"}, "across": "institution"}
    house.publish_rules(ONE_STEP | {"limits": [one, both]})
    titles = [f"课程{letter}" for letter in "甲乙丙丁戊己"]
    programmes = ["administration", "law"] * 3
    for code in programmes[:2]:
        courses = [{"code": f"k{place}", "title": title, "credits": "3.00"} for place, title in enumerate(titles)]
        house.publish_programme("acceptor", code=code, courses=courses)
    for _ in range(ROUNDS):
        learner, outcomes = learner_with(house, *titles)
        calls = [
            applying(house, learner, [outcome], programme=code, courses=[f"k{place}"])
            for place, (outcome, code) in enumerate(zip(outcomes, programmes, strict=True))
        ]
        answers = at_once(calls)
        assert statuses(answers) == {201: 3, 422: 3}
        taken, refused = split(answers, 201)
        assert {code for one in refused for code in codes(one.get_json())} == {"limit"}
        assert max(Counter(one.get_json()["target"]["programme"] for one in taken).values()) == 2
        assert standing(house, learner) == ("9.00", "9.00", "0.00")
    check_sound(house)


def test_one_idempotency_key_at_once_has_one_effect_and_one_answer(place: House) -> None:
    for number in range(ROUNDS):
        learner, outcomes = learner_with(place, "管理学")
        answers = at_once([applying(place, learner, outcomes, f"apply-{number}")] * 20)
        assert statuses(answers) == {201: 20}
        assert len({one.get_data() for one in answers}) == 1
        assert kinds(place, learner) == ["recognise", "hold"]
        headers = place.auth("acceptor", "conversions:review") | {"Idempotency-Key": f"decide-{number}"}
        path = f"/v1/conversions/{answers[0].get_json()['id']}/decisions"
        answers = at_once([caller(place, headers, path, decision="approve")] * 20)
        assert statuses(answers) == {200: 20}
        assert len({one.get_data() for one in answers}) == 1
        assert kinds(place, learner) == ["recognise", "hold", "release", "convert"]
    assert count(place, conversion) == ROUNDS
    check_sound(place)


def test_an_appeal_beside_a_new_application_holds_the_credits_once(place: House) -> None:
    for _ in range(ROUNDS):
        learner, outcomes = learner_with(place, "管理学")
        made = place.convert(learner, TARGET, outcomes)["id"]
        place.decide(made, "acceptor", "reject", reason="不符")
        appeal = caller(place, place.learner_auth(learner), f"/v1/conversions/{made}/appeal", reason="请复核")
        appealed, applied = at_once([appeal, applying(place, learner, outcomes)])
        assert (appealed.status_code, applied.status_code) in ((200, 409), (409, 201))
        is_appealed = appealed.status_code == 200
        assert codes((applied if is_appealed else appealed).get_json()) == [
            "already_converted" if is_appealed else "changed_since"
        ]
        assert standing(place, learner) == HELD
    check_sound(place)


def test_a_case_that_two_decide_at_once_is_decided_once(place: House) -> None:
    reviewers = [place.auth("acceptor", "conversions:review", *more) for more in ((), ("outcomes:read",))]
    for verdicts in [("undo", "undo"), ("undo", "uphold")] * ROUNDS:
        learner, outcomes = learner_with(place, "管理学")
        place.decide(place.convert(learner, TARGET, outcomes)["id"], "acceptor")
        assert revoking(place, outcomes[0])().status_code == 200
        page = place.http.get("/v1/cases", headers=reviewers[0]).get_json()["items"]
        path = f"/v1/cases/{next(case['id'] for case in page if case['learner_id'] == learner)}/decisions"
        calls = [
            caller(place, headers, path, decision=verdict, reason="已核实")
            for headers, verdict in zip(reviewers, verdicts, strict=True)
        ]
        taken, refused = split(at_once(calls), 200)
        assert [told(one) for one in refused] == ([] if verdicts[0] == verdicts[1] else [(409, ["case_decided"])])
        assert len({one.get_data() for one in taken}) == 1
        is_undone = taken[0].get_json()["verdict"] == "undo"
        assert kinds(place, learner).count("restore") == int(is_undone)
        assert standing(place, learner) == ("0.00", "0.00", "0.00" if is_undone else "3.00")
    check_sound(place)
