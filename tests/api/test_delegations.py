"""Delegated reviews: given down the tree, seen and decided while they are in force, and nothing before or after."""

from typing import Any

import pytest

from tests.api.test_conversions import RULES, TARGET, learner_with
from tests.api.test_institutions import registered
from tests.builders import House

REVIEW = "conversions:review"


@pytest.fixture
def tree(house: House) -> dict[str, str]:
    """Give a bank where `college` stands below `acceptor`, `point` below that, and `aside` elsewhere: ids by code."""
    house.publish_rules(RULES)
    house.publish_programme("acceptor")
    registered(house, "college", parent="acceptor")
    registered(house, "point", level="village", parent="college", roles=["branch"])
    registered(house, "aside")
    found = house.http.get("/v1/institutions", headers=house.auth()).get_json()["items"]
    return {one["code"]: one["id"] for one in found}


def given(house: House, giver: tuple[str, str], to: str, **more: Any) -> tuple[int, Any]:
    """Delegate the reviews of an institution (its code and id); return status and document."""
    code, institution_id = giver
    body = {"to": to, "reason": "由学院代审", **more}
    answer = house.http.post(
        f"/v1/institutions/{institution_id}/delegations", json=body, headers=house.auth(code, REVIEW)
    )
    return answer.status_code, answer.get_json()


def delegated(house: House, tree: dict[str, str], to: str = "college", **more: Any) -> str:
    """Let `acceptor` delegate and return the delegation's path."""
    status, answer = given(house, ("acceptor", tree["acceptor"]), to, **more)
    assert status == 201, answer
    return f"/v1/institutions/{tree['acceptor']}/delegations/{answer['id']}"


def applied(house: House) -> str:
    """Return a new application into the programme of `acceptor`."""
    learner, outcomes = learner_with(house, "管理学")
    conversion_id: str = house.convert(learner, TARGET, outcomes)["id"]
    return conversion_id


def sees(house: House, conversion_id: str, code: str) -> bool:
    """Tell whether an institution sees an application, alone and among those that it has to decide, and its reasons."""
    headers = house.auth(code, REVIEW)
    status = house.http.get(f"/v1/conversions/{conversion_id}", headers=headers).status_code
    assert status in (200, 404)
    listed = house.http.get("/v1/conversions", headers=headers).get_json()["items"]
    awaited = house.http.get("/v1/conversions?awaits=me", headers=headers).get_json()["items"]
    assert (conversion_id in {one["id"] for one in listed}) == (status == 200)
    assert (conversion_id in {one["id"] for one in awaited}) == (status == 200)
    return status == 200


def tried(house: House, conversion_id: str, code: str, *scopes: str) -> tuple[int, str | None]:
    """Try to approve as an institution; return the status and the reason why not."""
    answer = house.http.post(
        f"/v1/conversions/{conversion_id}/decisions",
        json={"decision": "approve"},
        headers=house.auth(code, *(scopes or (REVIEW,))),
    )
    return answer.status_code, answer.get_json()["errors"][0]["code"] if answer.status_code >= 400 else None


def codes(answer: Any) -> list[tuple[str, str]]:
    return [(error["pointer"], error["code"]) for error in answer["errors"]]


def test_a_delegate_sees_and_decides_while_it_is_in_force_and_nothing_before_or_after(
    house: House, tree: dict[str, str]
) -> None:
    application, another = applied(house), applied(house)
    assert tried(house, application, "college") == (404, "unknown_conversion")
    delegated(house, tree, valid_from="2026-07-03", valid_until="2026-07-04")
    for day, is_in_force in (("2026-07-02", False), ("2026-07-03", True), ("2026-07-04", True), ("2026-07-05", False)):
        house.move_to(day)
        assert sees(house, application, "college") is is_in_force, day
    assert tried(house, application, "college") == (404, "unknown_conversion")
    house.move_to("2026-07-04")
    assert tried(house, application, "college") == (200, None)
    assert tried(house, application, "college") == (403, "not_your_step")
    assert sees(house, another, "acceptor")


def test_it_ends_at_once_when_it_is_withdrawn(house: House, tree: dict[str, str]) -> None:
    application, path = applied(house), delegated(house, tree)
    assert sees(house, application, "college")
    for code in ("college", "aside"):
        assert house.http.delete(path, headers=house.auth(code, REVIEW)).status_code == 404
    withdrawn = house.http.delete(path, headers=house.auth("acceptor", REVIEW))
    assert withdrawn.get_json()["withdrawn_at"] == "2026-07-01T04:00:00.000000Z"
    house.clock.move(hours=1)
    house.tokens.clear()
    assert house.http.delete(path, headers=house.auth("acceptor", REVIEW)).get_json() == withdrawn.get_json()
    assert not sees(house, application, "college")
    assert tried(house, application, "college") == (404, "unknown_conversion")
    assert tried(house, application, "acceptor") == (200, None)


def test_nobody_else_sees_it_and_a_delegate_delegates_no_further(house: House, tree: dict[str, str]) -> None:
    application = applied(house)
    delegated(house, tree)
    assert given(house, ("college", tree["college"]), "point")[0] == 201
    for code in ("point", "aside"):
        assert not sees(house, application, code)
        assert tried(house, application, code) == (404, "unknown_conversion")


def test_it_may_be_for_one_programme(house: House, tree: dict[str, str]) -> None:
    house.publish_programme("acceptor", code="law")
    application = applied(house)
    path = delegated(house, tree, programme="law")
    assert not sees(house, application, "college")
    assert house.http.delete(path, headers=house.auth("acceptor", REVIEW)).status_code == 200
    delegated(house, tree, programme="administration")
    assert sees(house, application, "college")


def test_the_step_of_another_is_not_the_delegates(house: House, tree: dict[str, str]) -> None:
    application = applied(house)
    delegated(house, tree)
    assert tried(house, application, "college") == (200, None)
    assert tried(house, application, "authority") == (200, None)


def test_who_submitted_does_not_decide_for_another(house: House, tree: dict[str, str]) -> None:
    learner = house.open_learner("college")["id"]
    outcome = house.post_outcome(learner, "college", title="管理学")["id"]
    body = {"learner_id": learner, "target": TARGET, "outcomes": [outcome]}
    answer = house.http.post("/v1/conversions", json=body, headers=house.auth("college", "conversions:write"))
    assert answer.status_code == 201
    application = answer.get_json()["id"]
    delegated(house, tree)
    assert tried(house, application, "college") == (403, "submitter_reviews")
    listed = house.http.get("/v1/conversions?awaits=me", headers=house.auth("college", REVIEW)).get_json()["items"]
    assert listed == []
    assert tried(house, application, "acceptor") == (200, None)


def test_what_cannot_be_delegated_is_refused_with_every_reason(house: House, tree: dict[str, str]) -> None:
    giver = ("acceptor", tree["acceptor"])
    for to, code in (("aside", "not_below"), ("acceptor", "not_below"), ("nobody", "unknown_institution")):
        assert codes(given(house, giver, to)[1]) == [("/to", code)]
    assert codes(given(house, ("college", tree["college"]), "acceptor")[1]) == [("/to", "not_below")]
    status, answer = given(
        house, giver, "point", valid_from="2026-06-30", valid_until="2026-06-29", programme="astronomy"
    )
    assert (status, codes(answer)) == (
        422,
        [("/valid_from", "past_date"), ("/valid_until", "ends_before_it_begins"), ("/programme", "unknown_programme")],
    )
    ended = house.http.post(
        f"/v1/institutions/{tree['college']}/end",
        json={"ended_on": "2026-06-30", "reason": "终止"},
        headers=house.auth("authority", "admin"),
    )
    assert ended.status_code == 201
    assert codes(given(house, giver, "college")[1]) == [("/to", "institution_ended")]


def test_delegations_are_given_by_ones_own_institution_and_listed_by_both_sides(
    house: House, tree: dict[str, str]
) -> None:
    first, second = delegated(house, tree), delegated(house, tree, "point")
    url = f"/v1/institutions/{tree['acceptor']}/delegations"
    for code, status in (("acceptor", 200), ("college", 404), ("aside", 404)):
        assert house.http.get(url, headers=house.auth(code, REVIEW)).status_code == status
    assert house.http.get(url, headers=house.auth("authority", "audit:read")).status_code == 200
    assert house.http.get(url, headers=house.auth("acceptor", "outcomes:read")).status_code == 403
    page = house.http.get(f"{url}?limit=1", headers=house.auth("acceptor", REVIEW)).get_json()
    rest = house.http.get(f"{url}?cursor={page['next_cursor']}", headers=house.auth("acceptor", REVIEW)).get_json()
    assert {one["id"] for one in page["items"] + rest["items"]} == {first[-36:], second[-36:]}
    taken = house.http.get(
        f"/v1/institutions/{tree['college']}/delegations", headers=house.auth("college", REVIEW)
    ).get_json()["items"]
    assert [(one["institution"], one["to"]) for one in taken] == [("acceptor", "college")]
    assert given(house, ("aside", tree["acceptor"]), "college")[0] == 404
    by_admin = house.http.post(url, json={"to": "point", "reason": "代审"}, headers=house.auth("authority", "admin"))
    assert by_admin.status_code == 201
    assert (
        house.http.post(url, json={"to": "point", "reason": "x"}, headers=house.auth("college", REVIEW)).status_code
        == 404
    )


def test_a_delegate_that_ended_decides_no_more(house: House, tree: dict[str, str]) -> None:
    application = applied(house)
    delegated(house, tree)
    end = {"ended_on": "2026-07-01", "reason": "终止"}
    url = f"/v1/institutions/{tree['college']}/end"
    assert house.http.post(url, json=end, headers=house.auth("authority", "admin")).status_code == 201
    assert sees(house, application, "college")
    house.move_to("2026-07-02")
    assert not sees(house, application, "college")
    assert tried(house, application, "college") == (404, "unknown_conversion")


def test_a_delegate_sees_each_application_once_page_by_page(house: House, tree: dict[str, str]) -> None:
    applications = {applied(house) for _ in range(3)}
    delegated(house, tree)
    delegated(house, tree, programme="administration")
    seen, cursor = [], ""
    while True:
        url = f"/v1/conversions?limit=2{cursor}"
        page = house.http.get(url, headers=house.auth("college", REVIEW)).get_json()
        seen += [one["id"] for one in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert sorted(seen) == sorted(applications)
