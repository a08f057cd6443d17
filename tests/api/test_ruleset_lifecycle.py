"""A rule set's life: checked, its impact reckoned, published, superseded or withdrawn; old versions count for ever."""

from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from werkzeug.test import TestResponse

from creditbank.services import impact as weighing
from creditbank.services.bank import Answer, Errand, carried_out
from creditbank.services.clients import administrator
from creditbank.services.rulesets import withdraw as withdrawn_by
from tests.api.test_rulesets import (
    AUTHOR,
    CODE,
    PUBLISHER,
    SCHEME,
    credited,
    document,
    draft,
    evaluated,
    faults,
    in_print,
    publish,
    second_app,
    sizes,
)
from tests.builders import House, outcome_body
from tests.core.test_minting import document as minting_document
from tests.storage.test_statements import counted

AUDITOR = ("authority", "audit:read")
BOTH = {"applies_to": {"issuer": ["cqdx", "cqou"]}}
"""A set that speaks of two institutions."""

CONVERSION = ("cn-beijing", 1)
"""A shipped set of conversion."""


def call(house: House, version: int, verb: str, asker: tuple[str, ...], **request: Any) -> TestResponse:
    code = request.pop("code", CODE)
    return house.http.post(f"/v1/rulesets/{code}/versions/{version}/{verb}", headers=house.auth(*asker), **request)


def withdraw(house: House, version: int, reason: str = "规则有误") -> TestResponse:
    return call(house, version, "withdraw", PUBLISHER, json={"reason": reason})


def impact(house: House, version: int, asker: tuple[str, ...] = AUDITOR, **query: str) -> dict[str, Any]:
    answer = call(house, version, "impact", asker, query_string=query)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    found: dict[str, Any] = answer.get_json()
    return found


def another_in_print(house: House) -> None:
    """Publish a set of another code that is asked first."""
    code = "test-more-works"
    assert draft(house, document(code=code, priority=600)).status_code == 201
    assert publish(house, code=code).status_code == 200


def statuses(house: House) -> dict[int, str]:
    items = house.http.get(f"/v1/rulesets/{CODE}", headers=house.auth(*AUTHOR)).get_json()["items"]
    return {item["version"]: item["status"] for item in items}


def replayed(house: House, decision_id: str) -> dict[str, Any]:
    answer = house.http.post(f"/v1/decisions/{decision_id}/replay", headers=house.auth())
    assert answer.status_code == 200, answer.get_data(as_text=True)
    found: dict[str, Any] = answer.get_json()
    return found


# --- withdrawn


def test_the_version_before_comes_back_into_force_where_it_is_valid(house: House) -> None:
    in_print(house, document(1, valid_until="2026-06-30"))
    in_print(house, document(2, "6"))
    learner_id = house.open_learner()["id"]
    assert credited(house, learner_id) == (2, "6.00")
    answer = withdraw(house, 2)
    assert answer.status_code == 200
    told = answer.get_json()
    assert (told["status"], told["withdrawn_reason"], told["document"]) == ("withdrawn", "规则有误", document(2, "6"))
    assert told["withdrawn_at"] == "2026-07-01T04:00:00.000000Z"
    assert told["withdrawn_by"] == told["published_by"]
    assert credited(house, learner_id, completed_on="2026-06-30") == (1, "5.00")
    assert credited(house, learner_id, completed_on="2026-07-01") is None


def test_a_withdrawal_stands_and_is_answered_as_it_stands(house: House) -> None:
    in_print(house, document())
    first = withdraw(house, 1)
    before = sizes(house)["ruleset_withdrawal"]
    house.clock.move(minutes=1)
    again = withdraw(house, 1)
    assert (again.status_code, again.get_json()) == (200, first.get_json())
    refused = withdraw(house, 1, "另有理由")
    assert (refused.status_code, faults(refused)) == (409, {("/reason", "differs")})
    assert sizes(house)["ruleset_withdrawal"] == before == 1
    read = house.http.get(f"/v1/rulesets/{CODE}/versions/1", headers=house.auth())
    assert (read.status_code, read.get_json()) == (200, first.get_json())
    assert publish(house).get_json() == first.get_json()
    same = draft(house, document())
    assert (same.status_code, same.get_json()) == (200, first.get_json())
    assert draft(house, document(credit="6")).status_code == 409


def test_two_who_withdraw_at_once_are_answered_alike(house: House) -> None:
    in_print(house, document())
    runs = []

    def action(work: Any) -> Answer:
        runs.append(work)
        if len(runs) == 1:  # somebody else was faster, after this one had looked
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("creditbank.storage.rulesets.withdraw", lambda *_: _raced())
                withdrawn_by(work, CODE, 1, "规则有误")
        kept, is_new = withdrawn_by(work, CODE, 1, "规则有误")
        return Answer({"status": kept.standing}, is_new, subject=CODE)

    client = house.client("authority", "rules:publish")
    answer = carried_out(house.bank, Errand(administrator(client), "ruleset.withdraw"), action)
    assert (answer.body, len(runs)) == ({"status": "withdrawn"}, 2)


def _raced() -> None:
    from creditbank.storage.database import Raced  # noqa: PLC0415 - of this test only

    raise Raced


def test_what_cannot_be_withdrawn_is_refused(house: House) -> None:
    draft(house, document())
    refused = withdraw(house, 1)
    assert (refused.status_code, faults(refused)) == (409, {("", "is_draft")})
    assert withdraw(house, 2).status_code == 404
    publish(house)
    assert call(house, 1, "withdraw", PUBLISHER, json={}).status_code == 422
    assert call(house, 1, "withdraw", PUBLISHER, json={"reason": " "}).status_code == 422
    for asker in (AUTHOR, AUDITOR, ("cqdx",), ("authority", "admin")):
        refused = call(house, 1, "withdraw", asker, json={"reason": "规则有误"})
        assert (refused.status_code, faults(refused)) == (403, {("", "scope_missing")}), asker
    assert sizes(house)["ruleset_withdrawal"] == 0


def test_a_withdrawal_counts_at_once_in_every_running_app(house: House) -> None:
    in_print(house, document(1))
    in_print(house, document(2, "6"))
    other = second_app(house)
    learner_id = house.open_learner()["id"]
    assert [credited(app, learner_id) for app in (house, other)] == [(2, "6.00")] * 2
    assert withdraw(house, 2).status_code == 200
    assert [credited(app, learner_id) for app in (other, house)] == [(1, "5.00")] * 2
    assert withdraw(other, 1).status_code == 200
    assert [credited(app, learner_id) for app in (house, other)] == [None, None]
    other.bank.database.close()


def test_decisions_replay_identically_after_later_versions_and_withdrawals(house: House) -> None:
    learner_id = house.open_learner()["id"]
    taken = []
    for version, credit in ((1, "5"), (2, "6")):
        in_print(house, document(version, credit))
        taken.append(house.post_outcome(learner_id, kind="other")["decision_id"])
    in_print(house, document(3, "7"))
    before = [house.http.get(f"/v1/decisions/{one}", headers=house.auth()).get_json() for one in taken]
    assert withdraw(house, 2).status_code == 200
    for decision_id in taken:
        found = replayed(house, decision_id)
        assert (found["same"], found["differences"]) == (True, [])
    after = [house.http.get(f"/v1/decisions/{one}", headers=house.auth()).get_json() for one in taken]
    assert after == before
    assert [one["version"] for one in after] == [1, 2]
    assert house.balance(learner_id)[SCHEME]["recognised"] == "11.00"


def test_a_withdrawn_version_is_evaluated_for_ever_but_not_unless_it_is_named(house: House) -> None:
    in_print(house, document(1))
    in_print(house, document(2, "6"))
    withdraw(house, 2)
    assert evaluated(house, version=2).get_json()["result"]["credits"] == "6.00"
    assert evaluated(house).get_json()["version"] == 1
    withdraw(house, 1)
    assert evaluated(house).get_json()["version"] == 2


def test_a_correction_after_a_withdrawal_is_judged_without_the_version(house: House) -> None:
    in_print(house, document(1))
    in_print(house, document(2, "6"))
    body = outcome_body(house.open_learner()["id"], 1, kind="other")
    posted = house.http.post("/v1/outcomes", json=body, headers=house.auth()).get_json()
    assert posted["recognition"]["credits"] == "6.00"
    withdraw(house, 2)
    headers = house.auth() | {"If-Match": '"1"'}
    corrected = house.http.put(f"/v1/outcomes/{posted['id']}", json=body | {"title": "另一件作品"}, headers=headers)
    assert corrected.get_json()["recognition"]["credits"] == "5.00"


# --- superseded


def test_a_version_is_superseded_while_a_higher_one_is_published_and_not_withdrawn(house: House) -> None:
    in_print(house, document(1))
    draft(house, document(2, "6"))
    assert statuses(house) == {1: "published", 2: "draft"}
    publish(house, 2)
    in_print(house, document(3, "7"))
    assert statuses(house) == {1: "superseded", 2: "superseded", 3: "published"}
    withdraw(house, 3)
    assert statuses(house) == {1: "superseded", 2: "published", 3: "withdrawn"}
    withdraw(house, 2)
    assert statuses(house) == {1: "published", 2: "withdrawn", 3: "withdrawn"}
    listed = house.http.get("/v1/rulesets", query_string={"limit": 200}, headers=house.auth()).get_json()["items"]
    assert {one["version"]: one["status"] for one in listed if one["code"] == CODE} == statuses(house)


def test_a_superseded_version_still_applies_on_its_own_days(house: House) -> None:
    in_print(house, document(1))
    in_print(house, document(2, "6", valid_from="2026-06-30"))
    assert statuses(house)[1] == "superseded"
    learner_id = house.open_learner()["id"]
    found = [credited(house, learner_id, completed_on=day) for day in ("2026-06-29", "2026-06-30")]
    assert found == [(1, "5.00"), (2, "6.00")]


# --- checked


def test_a_draft_is_checked_by_its_own_tests_and_nothing_is_written(house: House) -> None:
    draft(house, document())
    house.auth(*PUBLISHER)
    before = sizes(house)
    for asker in (AUTHOR, PUBLISHER):
        answer = call(house, 1, "check", asker)
        passed = {"passed": True, "tests": [{"id": "a work", "passed": True}], "faults": []}
        assert (answer.status_code, answer.get_json()) == (200, passed)
    assert sizes(house) == before
    assert statuses(house) == {1: "draft"}


def test_a_test_that_fails_is_told_with_what_was_found(house: House) -> None:
    body = document()
    (good,) = body["tests"]
    body["rules"] += [body["rules"][0] | {"id": "other", "award": {"fixed": "1"}}]
    wrong = good | {"id": "wrong", "expect": {"credits": "6.00", "rule": "other", "category": "作品"}}
    draft(house, body | {"tests": [good, wrong]})
    found = call(house, 1, "check", AUTHOR).get_json()
    assert found["passed"] is False
    assert found["tests"] == [
        {"id": "a work", "passed": True},
        {
            "id": "wrong",
            "passed": False,
            "expected": {"credits": "6.00", "rule": "other", "category": "作品"},
            "found": {"credits": "5.00", "rule": "work", "category": None},
        },
    ]
    assert {(fault["pointer"], fault["code"]) for fault in found["faults"]} == {
        (f"/tests/1/expect/{name}", "test_failed") for name in ("credits", "rule", "category")
    }
    assert faults(publish(house)) == {(fault["pointer"], fault["code"]) for fault in found["faults"]}


def test_every_failing_test_is_told_even_where_there_are_more_faults_than_are(house: House) -> None:
    body = document()
    wrong = [body["tests"][0] | {"id": f"test {number}", "expect": {"credits": "6.00"}} for number in range(60)]
    draft(house, body | {"tests": [*wrong, body["tests"][0]]})
    found = call(house, 1, "check", AUTHOR).get_json()
    assert [test["passed"] for test in found["tests"]] == [False] * 60 + [True]
    assert len(found["faults"]) == 50


def test_a_set_of_conversion_is_checked_alike(house: House) -> None:
    code, version = CONVERSION
    found = call(house, version, "check", AUTHOR, code=code).get_json()
    assert (found["passed"], {test["passed"] for test in found["tests"]}) == (True, {True})
    kept = house.http.get(f"/v1/rulesets/{code}/versions/{version}", headers=house.auth()).get_json()["document"]
    tests = [kept["tests"][0] | {"expect": {"credits": "99.00"}}, *kept["tests"][1:]]
    assert draft(house, kept | {"version": 99, "tests": tests}).status_code == 201
    found = call(house, 99, "check", AUTHOR, code=code).get_json()
    assert [test["passed"] for test in found["tests"]] == [False] + [True] * (len(tests) - 1)
    assert found["tests"][0]["expected"] == {"credits": "99.00"}
    assert found["tests"][0]["found"].keys() == {"credits"}


def test_checks_are_for_those_who_write_or_publish(house: House) -> None:
    draft(house, document())
    for asker in (AUDITOR, ("cqdx",), ("authority", "admin")):
        refused = call(house, 1, "check", asker)
        assert (refused.status_code, faults(refused)) == (403, {("", "scope_missing")}), asker
    assert call(house, 2, "check", AUTHOR).status_code == 404


# --- its impact reckoned


def posted(house: House, institution: str, **changes: Any) -> dict[str, Any]:
    """Record a work of a learner of their own."""
    learner_id = house.open_learner(institution)["id"]
    return house.post_outcome(learner_id, institution, **({"kind": "other"} | changes))


def worth(receipt: dict[str, Any]) -> Decimal:
    """Return the credits of an outcome."""
    return Decimal(receipt["recognition"]["credits"] if receipt["recognition"] else 0)


def test_the_impact_is_what_really_changes_when_outcomes_are_posted_anew(house: House) -> None:
    in_print(house, document(1, **BOTH))
    changed_rules = [
        {"id": "long", "when": {"kind": "other", "hours": {"at_least": "40"}}, "award": {"fixed": "8"}},
        {"id": "work", "when": {"kind": "other", "hours": {"at_least": "20"}}, "award": {"fixed": "5"}},
    ]
    cases = [
        *(("cqdx", {"hours": "48"}), ("cqdx", {"hours": "24"}), ("cqdx", {"hours": "8"})),
        *(("cqou", {"hours": "40"}), ("cqou", {"hours": "39.99"}), ("cqou", {"kind": "course", "hours": "48"})),
        ("cqdx", {"hours": "48", "completed_on": "1999-12-31"}),
    ]
    bodies = [outcome_body(house.open_learner(code)["id"], 500 + place) for place, (code, _) in enumerate(cases)]
    before = []
    for (code, changes), body in zip(cases, bodies, strict=True):
        answer = house.http.post("/v1/outcomes", json=body | {"kind": "other"} | changes, headers=house.auth(code))
        before.append(answer.get_json())
    expected_given = {**document()["tests"][0]["given"], "hours": "48"}
    tests = [{"id": "a work", "given": expected_given, "expect": {"credits": "8.00"}}]
    draft(house, document(2, rules=changed_rules, tests=tests, **BOTH))
    told = impact(house, 2)
    publish(house, 2)
    after = []
    for place, ((code, changes), body, receipt) in enumerate(zip(cases, bodies, before, strict=True)):
        auth = house.auth(code)
        house.http.post(f"/v1/outcomes/{receipt['id']}/revoke", json={"reason": "重新认定"}, headers=auth)
        anew = body | {"kind": "other"} | changes | {"external_id": f"anew-{place}"}
        after.append(house.http.post("/v1/outcomes", json=anew, headers=auth).get_json())
    names = weighing.COMPARED
    changed = [
        (code, old, new)
        for (code, _), old, new in zip(cases, before, after, strict=True)
        if [(old["recognition"] or {}).get(name) for name in names]
        != [(new["recognition"] or {}).get(name) for name in names]
    ]
    assert len(changed) == told["changed"] == 3
    assert told["credits_before"] == {SCHEME: f"{sum(worth(old) for _, old, _ in changed):.2f}"}
    assert told["credits_after"] == {SCHEME: f"{sum(worth(new) for _, _, new in changed):.2f}"}
    differences: Counter[str] = Counter()
    for code, old, new in changed:
        differences[code] += worth(new) - worth(old)  # type: ignore[assignment] # a Counter adds anything
    assert told["by_institution"] == [
        {"institution": "cqdx", "changed": 2, "credits_difference": {SCHEME: f"{differences['cqdx']:.2f}"}},
        {"institution": "cqou", "changed": 1, "credits_difference": {SCHEME: f"{differences['cqou']:.2f}"}},
    ]
    shown = {one["outcome_id"]: (one["before"]["credits"], one["after"]["credits"]) for one in told["examples"]}
    assert shown == {old["id"]: (f"{worth(old):.2f}", f"{worth(new):.2f}") for _, old, new in changed}
    assert (told["ruleset"], told["version"], told["is_complete"], told["next_cursor"]) == (CODE, 2, True, None)
    assert told["examined"] == 6


def test_reckoning_an_impact_writes_nothing_but_a_line_for_the_learner_who_was_shown(house: House) -> None:
    in_print(house, document())
    posted(house, "cqdx")
    draft(house, document(2, "6"))
    house.auth(*AUDITOR)
    before = sizes(house)
    assert impact(house, 2)["changed"] == 1
    assert sizes(house) == before | {"access_log": before["access_log"] + 1}
    assert statuses(house) == {1: "published", 2: "draft"}


def test_duplicates_and_what_was_revoked_are_not_examined(house: House) -> None:
    in_print(house, document())
    learner_id = house.open_learner()["id"]
    same = {"kind": "other", "title": "同一件作品"}
    first = house.post_outcome(learner_id, **same)
    assert house.post_outcome(learner_id, **same)["status"] == "duplicate"
    gone = house.post_outcome(learner_id, kind="other")
    house.http.post(f"/v1/outcomes/{gone['id']}/revoke", json={"reason": "录入有误"}, headers=house.auth())
    draft(house, document(2, "6"))
    told = impact(house, 2)
    assert (told["examined"], told["changed"]) == (1, 1)
    assert [one["outcome_id"] for one in told["examples"]] == [first["id"]]


def test_an_outcome_is_weighed_by_the_decision_that_stands_on_it(house: House) -> None:
    in_print(house, document())
    body = outcome_body(house.open_learner()["id"], 1, kind="other")
    first = house.http.post("/v1/outcomes", json=body, headers=house.auth()).get_json()
    in_print(house, document(2, "6"))
    headers = house.auth() | {"If-Match": '"1"'}
    now = house.http.put(f"/v1/outcomes/{first['id']}", json=body | {"title": "另一件"}, headers=headers).get_json()
    draft(house, document(3, "7"))
    told = impact(house, 3)
    assert (told["credits_before"], told["credits_after"]) == ({SCHEME: "6.00"}, {SCHEME: "7.00"})
    assert told["examples"][0]["decision_id"] == now["decision_id"]


def test_a_version_that_says_the_same_changes_nothing(house: House) -> None:
    in_print(house, document())
    posted(house, "cqdx")
    draft(house, document(2))
    told = impact(house, 2)
    assert (told["examined"], told["changed"], told["by_institution"], told["examples"]) == (1, 0, [], [])
    assert (told["credits_before"], told["credits_after"]) == ({}, {})
    in_print(house, document(3, "6"))
    assert impact(house, 3)["changed"] == 1
    posted(house, "cqdx")
    told = impact(house, 3)
    assert (told["examined"], told["changed"]) == (2, 1)


def test_what_a_version_has_no_part_in_does_not_count_as_changed(house: House) -> None:
    posted(house, "cqdx")
    another_in_print(house)
    draft(house, document(1, applies_to={"issuer": "cqou"}))
    told = impact(house, 1)
    assert (told["examined"], told["changed"]) == (1, 0)


def test_a_set_that_is_not_asked_as_another_awards_first_has_no_part_in_it(house: House) -> None:
    posted(house, "cqdx")
    another_in_print(house)
    draft(house, document(1))
    assert impact(house, 1)["changed"] == 0


def test_credits_that_a_narrower_version_no_longer_gives_are_told(house: House) -> None:
    in_print(house, document(1, **BOTH))
    posted(house, "cqou")
    draft(house, document(2))
    told = impact(house, 2)
    assert told["by_institution"] == [
        {"institution": "cqou", "changed": 1, "credits_difference": {SCHEME: "-5.00"}},
    ]
    assert (told["credits_before"], told["credits_after"]) == ({SCHEME: "5.00"}, {})
    assert (told["examples"][0]["after"]["credits"], told["examples"][0]["after"]["scheme"]) == ("0.00", None)


def test_a_version_below_one_in_force_changes_nothing_on_the_days_of_that_one(house: House) -> None:
    posted(house, "cqdx", completed_on="2026-06-29")
    posted(house, "cqdx", completed_on="2026-06-30")
    in_print(house, document(2, "6", valid_from="2026-06-30"))
    draft(house, document(1))
    told = impact(house, 1)
    assert (told["changed"], told["credits_after"]) == (1, {SCHEME: "5.00"})
    withdraw(house, 2)
    assert impact(house, 1)["changed"] == 2
    assert impact(house, 2)["credits_after"] == {SCHEME: "6.00"}


@pytest.mark.parametrize(("version_date", "expected"), [("completed", 2), ("applied", 3)])
def test_outcomes_are_examined_whose_day_lies_in_the_validity(house: House, version_date: str, expected: int) -> None:
    for day in ("2026-06-28", "2026-06-29", "2026-06-30"):
        posted(house, "cqdx", completed_on=day)
    house.clock.move(days=2)
    house.tokens.clear()
    posted(house, "cqdx", completed_on="2026-07-03")
    last = {"completed": "2026-06-29", "applied": "2026-07-02"}[version_date]
    draft(house, document(1, version_date=version_date, valid_from="2026-06-28", valid_until=last))
    told = impact(house, 1)
    assert (told["examined"], told["changed"]) == (expected, expected)


def test_examples_of_other_institutions_are_shown_to_auditors_and_administrators_only(house: House) -> None:
    in_print(house, document(1, **BOTH))
    ours, theirs = posted(house, "cqdx")["id"], posted(house, "cqou")["id"]
    draft(house, document(2, "6", **BOTH))
    for asker, expected in (
        (AUDITOR, {ours, theirs}),
        (("cqdx", "audit:read"), {ours, theirs}),
        (("cqdx", "rules:write", "admin"), {ours, theirs}),
        (AUTHOR, set()),
        (PUBLISHER, set()),
        (("cqdx", "rules:write"), {ours}),
        (("cqou", "rules:publish"), {theirs}),
    ):
        told = impact(house, 2, asker)
        assert {one["outcome_id"] for one in told["examples"]} == expected, asker
        assert (told["changed"], [one["institution"] for one in told["by_institution"]]) == (2, ["cqdx", "cqou"])


def test_no_more_examples_are_shown_than_are_read(house: House) -> None:
    in_print(house, document())
    learner_id = house.open_learner()["id"]
    for _ in range(weighing.EXAMPLES_MAX + 1):
        house.post_outcome(learner_id, kind="other")
    draft(house, document(2, "6"))
    told = impact(house, 2)
    assert (told["changed"], len(told["examples"])) == (weighing.EXAMPLES_MAX + 1, weighing.EXAMPLES_MAX)


def test_a_page_takes_one_statement_however_long_it_is(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    in_print(house, document())
    draft(house, document(2, "6"))
    house.auth(*AUDITOR)
    counts = {}
    for rows in (2, 12):
        while impact(house, 2)["examined"] < rows:
            posted(house, "cqdx")
        with counted(house.bank.database.engine) as count:
            assert impact(house, 2)["changed"] == rows
        counts[rows] = len(count)
    assert counts[2] == counts[12]
    monkeypatch.setattr(weighing, "PAGE_OUTCOMES", 5)
    with counted(house.bank.database.engine) as count:
        assert impact(house, 2)["changed"] == 12
    assert len(count) == counts[12] + 2


def test_where_the_limit_is_reached_the_caller_goes_on(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    in_print(house, document())
    for _ in range(7):
        posted(house, "cqdx")
    draft(house, document(2, "6"))
    whole = impact(house, 2)
    monkeypatch.setattr(weighing, "PAGE_OUTCOMES", 2)
    monkeypatch.setattr(weighing, "OUTCOMES_MAX", 3)
    parts = [impact(house, 2)]
    while not parts[-1]["is_complete"]:
        parts.append(impact(house, 2, cursor=parts[-1]["next_cursor"]))
    assert [part["examined"] for part in parts] == [3, 3, 1]
    assert [example for part in parts for example in part["examples"]] == whole["examples"]
    monkeypatch.setattr(weighing, "OUTCOMES_MAX", 7)
    assert impact(house, 2) == whole


def test_a_cursor_tells_nothing_and_counts_for_its_version_only(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weighing, "OUTCOMES_MAX", 1)
    for version in (1, 2):
        draft(house, document(version))
    receipts = [posted(house, "cqdx") for _ in range(2)]
    cursor = impact(house, 1)["next_cursor"]
    assert not any(receipt[name][:8] in cursor for receipt in receipts for name in ("id", "learner_id"))
    for version, wrong in ((2, cursor), (1, cursor[:-2]), (1, "x"), (1, "学"), (1, "AAAA")):
        refused = call(house, version, "impact", AUTHOR, query_string={"cursor": wrong})
        assert (refused.status_code, faults(refused)) == (422, {("/cursor", "wrong_cursor")}), wrong


def test_an_impact_is_for_those_who_have_to_do_with_rules(house: House) -> None:
    draft(house, document())
    for asker in (AUTHOR, PUBLISHER, AUDITOR):
        assert call(house, 1, "impact", asker).status_code == 200
    for asker in (("cqdx",), ("authority", "admin")):
        refused = call(house, 1, "impact", asker)
        assert (refused.status_code, faults(refused)) == (403, {("", "scope_missing")}), asker
    assert call(house, 2, "impact", AUTHOR).status_code == 404


def test_a_set_of_conversion_changes_no_recognition(house: House) -> None:
    code, version = CONVERSION
    answer = call(house, version, "impact", AUTHOR, code=code)
    assert (answer.status_code, answer.get_json()["examined"]) == (200, 0)


def test_a_second_person_still_publishes_after_check_and_impact(house: House) -> None:
    both = ("authority", "rules:write", "rules:publish")
    draft(house, document(), both)
    assert call(house, 1, "check", both).status_code == call(house, 1, "impact", both).status_code == 200
    assert faults(publish(house, 1, both)) == {("", "second_person_needed")}
    assert publish(house).get_json()["status"] == "published"


def test_rules_that_would_gain_credit_on_a_round_of_conversions_are_not_published(house: House) -> None:
    there = minting_document(SCHEME, {"cn-ou-18h": "2.00"})
    back = minting_document("cn-ou-18h", {SCHEME: "0.60"})
    house.publish_rules(there)
    assert draft(house, back).status_code == 201
    refused = publish(house, code=back["code"])
    assert (refused.status_code, refused.get_json()["code"]) == (422, "ruleset_faulty")
    [fault] = refused.get_json()["errors"]
    assert (fault["pointer"], fault["code"]) == ("/rates/0/rate", "mints_credit")
    assert "into 1.20" in fault["message_en"]
    report = call(house, 1, "check", AUTHOR, code=back["code"]).get_json()
    assert (report["passed"], [error["code"] for error in report["faults"]]) == (False, ["mints_credit"])
    withdrawn = call(house, 1, "withdraw", PUBLISHER, code=there["code"], json={"reason": "比率有误"})
    assert withdrawn.status_code == 200
    assert publish(house, code=back["code"]).status_code == 200
    assert publish_of(house, there | {"version": 2}).get_json()["errors"][0]["code"] == "mints_credit"
    later = there | {"version": 2, "valid_from": "2031-01-01"}
    assert publish_of(house, later).get_json()["errors"][0]["code"] == "mints_credit", "both are in force some day"


def publish_of(house: House, body: dict[str, Any]) -> TestResponse:
    """Draft a version and publish it."""
    assert draft(house, body).status_code in (200, 201)
    return publish(house, version=body["version"], code=body["code"])
