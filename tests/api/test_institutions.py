"""Institutions: the tree, social credit codes, regions as of a day, ends with successors, and what an end stops."""

from typing import Any

import pytest

from tests.api.test_conversions import RULES, TARGET, learner_with
from tests.api.test_regions import LIANGJIANG, codes, load
from tests.builders import House, outcome_body

YUBEI = "500112"


def post(house: House, path: str, **body: Any) -> tuple[int, Any]:
    """Post as the administrator; return status and document."""
    answer = house.http.post(f"/v1/institutions{path}", json=body, headers=house.auth("authority", "admin"))
    return answer.status_code, answer.get_json()


def registered(house: House, code: str, **more: Any) -> dict[str, Any]:
    """Register a school, of a district unless told otherwise, and return it."""
    body = {"code": code, "name": f"机构 {code}", "level": "district", "roles": ["issuer", "acceptor"]} | more
    status, document = post(house, "", **body)
    assert status == 201, document
    found: dict[str, Any] = document
    return found


def refused(house: House, **more: Any) -> tuple[int, list[tuple[str, str]]]:
    body = {"code": "new", "name": "新机构", "level": "town", "roles": ["issuer"]} | more
    status, answer = post(house, "", **body)
    return status, codes(answer)


def shown(house: House, institution_id: str, as_of: str | None = None) -> dict[str, Any]:
    answer = house.http.get(
        f"/v1/institutions/{institution_id}", query_string={"as_of": as_of} if as_of else {}, headers=house.auth()
    )
    assert answer.status_code == 200, answer.get_data(as_text=True)
    found: dict[str, Any] = answer.get_json()
    return found


def region_of(house: House, institution_id: str, as_of: str) -> str | None:
    region = shown(house, institution_id, as_of)["region"]
    return None if region is None else str(region["id"])


def test_a_parent_is_of_the_same_or_a_higher_level(house: House) -> None:
    registered(house, "district-school")
    assert registered(house, "branch", level="district", parent="district-school", roles=["branch"])["roles"] == [
        "branch"
    ]
    assert registered(house, "village", level="village", parent="branch")["parent_id"] is not None
    assert refused(house, level="city", parent="district-school") == (422, [("/parent", "wrong_level")])
    assert refused(house, parent="new") == (422, [("/parent", "unknown_institution")])
    assert refused(house, roles=["branch"]) == (422, [("/parent", "required")])


@pytest.mark.parametrize(
    ("given", "code"),
    [("91110000600037341X", "wrong_check_digit"), ("9111", "wrong_length"), ("9111000060003734IL", "wrong_form")],
)
def test_a_wrong_social_credit_code_is_refused(house: House, given: str, code: str) -> None:
    assert refused(house, social_credit_code=given) == (422, [("/social_credit_code", code)])


def test_a_social_credit_code_stands_for_one_institution(house: House) -> None:
    right = "91110000600037341L"
    assert registered(house, "first", social_credit_code=right.lower())["social_credit_code"] == right
    assert refused(house, social_credit_code=right) == (409, [("/social_credit_code", "differs")])


def test_a_region_code_is_in_force_where_the_registry_knows_the_city(house: House) -> None:
    assert registered(house, "before", region_code="500199")["region"] is None
    load(house)
    assert registered(house, "there", region_code="500103")["region"]["name"] == "渝中区"
    assert registered(house, "elsewhere", region_code="330106")["region"] is None
    assert registered(house, "old", region_code=YUBEI, valid_from="2020-01-01")["region"]["id"] == LIANGJIANG
    assert registered(house, "new-district", region=LIANGJIANG)["region"]["id"] == LIANGJIANG
    for wrong in ("500199", YUBEI):
        assert refused(house, region_code=wrong) == (422, [("/region_code", "unknown_region")])
    assert refused(house, region="nowhere") == (422, [("/region", "unknown_region")])


def test_what_is_registered_is_answered_as_it_stands_after_its_region_ended(house: House) -> None:
    load(house)
    house.move_to("2025-11-05")
    old = registered(house, "old", region_code=YUBEI)
    house.move_to("2025-11-07")
    body = {"code": "old", "name": "机构 old", "level": "district", "roles": ["issuer", "acceptor"]}
    status, again = post(house, "", **body, region_code=YUBEI)
    assert (status, again["id"], again["region"]["id"]) == (200, old["id"], LIANGJIANG)
    assert post(house, "", **body, region_code="500103")[0] == 409
    assert post(house, "", **body, region_code=YUBEI, region="500103")[0] == 409


def test_an_institution_follows_the_one_successor_of_its_region(house: House) -> None:
    load(house)
    house.move_to("2025-11-01")
    school = registered(house, "school", region_code=YUBEI)["id"]
    assert region_of(house, school, "2025-11-05") == YUBEI
    assert region_of(house, school, "2025-11-06") == LIANGJIANG
    load(house, {"id": LIANGJIANG, "code": "500157"})
    assert shown(house, school, "2025-11-06")["region"] == {"id": LIANGJIANG, "code": "500157", "name": "两江新区"}


def test_with_several_successors_somebody_has_to_say_which(house: House) -> None:
    load(house)
    school = registered(house, "school", region_code="500103")["id"]
    load(house, {"id": "500103", "valid_until": "2026-12-31", "successors": ["500106", "500108"]})
    assert region_of(house, school, "2026-12-31") == "500103"
    assert region_of(house, school, "2027-01-01") is None
    status, moved = post(house, f"/{school}/region", region="500108", from_day="2027-01-01")
    assert (status, moved["region"]["name"]) == (201, "南岸区")
    assert post(house, f"/{school}/region", region="500108", from_day="2027-01-01")[0] == 200
    assert (region_of(house, school, "2026-12-31"), region_of(house, school, "2027-01-01")) == ("500103", "500108")


def test_of_two_moves_on_one_day_the_later_counts(house: House) -> None:
    load(house)
    school = registered(house, "school", region_code="500109")["id"]
    for region in ("500103", LIANGJIANG):
        assert post(house, f"/{school}/region", region=region, from_day="2026-07-01")[0] == 201
    assert region_of(house, school, "2026-07-01") == LIANGJIANG
    assert region_of(house, school, "2026-06-30") == "500109"


def test_a_move_goes_to_a_region_in_force_on_the_day(house: House) -> None:
    load(house)
    school = registered(house, "school", region_code="500109")["id"]
    for region, day in ((YUBEI, "2025-11-06"), (LIANGJIANG, "2025-11-05"), ("nowhere", "2026-07-01")):
        status, answer = post(house, f"/{school}/region", region=region, from_day=day)
        assert (status, codes(answer)) == (422, [("/region", "unknown_region")])
    assert post(house, f"/{school}/region", region=YUBEI, from_day="2025-11-05")[0] == 201
    nobody = "00000000-0000-0000-0000-000000000000"
    assert post(house, f"/{nobody}/region", region=YUBEI, from_day="2025-11-05")[0] == 404


def test_an_end_is_shown_with_its_successor_and_can_be_taken_back(house: House) -> None:
    old, new = (registered(house, code)["id"] for code in ("old", "new"))
    end = {"ended_on": "2026-07-31", "successor": "new", "reason": "合并"}
    status, ended = post(house, f"/{old}/end", **end)
    assert (status, ended["valid_until"], ended["successor_id"], ended["in_force"]) == (201, "2026-07-31", new, True)
    assert post(house, f"/{old}/end", **end)[0] == 200
    assert [shown(house, old, day)["in_force"] for day in ("2026-07-31", "2026-08-01")] == [True, False]
    status, back = post(house, f"/{old}/end", ended_on=None, reason="误录")
    assert (status, back["valid_until"], back["successor_id"]) == (201, None, None)
    assert shown(house, old, "2026-08-01")["in_force"]


def test_an_end_that_cannot_be_is_refused_with_every_reason(house: House) -> None:
    school = registered(house, "school", valid_from="2026-01-01")["id"]
    status, answer = post(house, f"/{school}/end", ended_on="2025-12-31", successor="nobody", reason="误")
    assert status == 422
    assert codes(answer) == [("/ended_on", "ends_before_it_begins"), ("/successor", "unknown_institution")]
    assert codes(post(house, f"/{school}/end", ended_on=None, successor="school", reason="误")[1]) == [
        ("/successor", "succeeds_itself"),
        ("/successor", "no_end"),
    ]
    assert not shown(house, school, "2025-12-31")["in_force"]
    answer = house.http.post(
        f"/v1/institutions/{school}/end", json={"ended_on": "2026-07-01", "reason": "误"}, headers=house.auth("school")
    )
    assert answer.status_code == 403


def test_an_institution_that_ended_records_nothing_completed_after(house: House) -> None:
    school = registered(house, "school")["id"]
    learner = house.open_learner("school")["id"]
    kept = house.post_outcome(learner, "school", external_id="kept", completed_on="2026-07-01")
    registered(house, "heir")
    post(house, f"/{school}/end", ended_on="2026-06-30", successor="heir", reason="并入")
    last = house.post_outcome(learner, "school", external_id="last", completed_on="2026-06-30")

    def posted(**changes: Any) -> tuple[int, Any]:
        body = outcome_body(learner, 900, **changes)
        answer = house.http.post("/v1/outcomes", json=body, headers=house.auth("school"))
        return answer.status_code, answer.get_json()

    status, answer = posted(completed_on="2026-07-01")
    assert (status, codes(answer)) == (422, [("/completed_on", "institution_ended")])
    assert "heir" in answer["errors"][0]["message_zh"]
    assert "heir" in answer["errors"][0]["message_en"]
    stored = house.http.get(f"/v1/outcomes/{kept['id']}", headers=house.auth("school")).get_json()["content"]
    status, again = posted(external_id="kept", **{name: stored[name] for name in ("title", "completed_on", "hours")})
    assert (status, again["id"]) == (200, kept["id"])
    content = house.http.get(f"/v1/outcomes/{last['id']}", headers=house.auth("school")).get_json()["content"]
    body = outcome_body(learner, 1, external_id="last", title=content["title"], completed_on="2026-07-01")
    corrected = house.http.put(
        f"/v1/outcomes/{last['id']}", json=body, headers=house.auth("school") | {"If-Match": '"1"'}
    )
    assert (corrected.status_code, codes(corrected.get_json())) == (422, [("/completed_on", "institution_ended")])


def test_an_institution_that_ended_accepts_no_new_conversion_and_decides_what_is_open(house: House) -> None:
    house.publish_rules(RULES)
    house.publish_programme("acceptor")
    acceptor = next(
        one["id"]
        for one in house.http.get("/v1/institutions", headers=house.auth()).get_json()["items"]
        if one["code"] == "acceptor"
    )
    learner, _ = learner_with(house, "管理学", "公文写作")
    open_one = house.convert(learner, TARGET | {"courses": ["c1"]})
    post(house, f"/{acceptor}/end", ended_on="2026-07-01", reason="终止")
    on_the_last_day = house.convert(learner, TARGET | {"courses": ["c3"]})
    house.move_to("2026-07-02")
    other, outcomes = learner_with(house, "管理学")
    answer = house.http.post(
        "/v1/conversions", json={"target": TARGET, "outcomes": outcomes}, headers=house.learner_auth(other)
    )
    assert (answer.status_code, codes(answer.get_json())) == (409, [("/target/institution", "institution_ended")])
    plan = f"/v1/learners/{other}/plan"
    answer = house.http.post(plan, json={}, headers=house.learner_auth(other))
    assert "acceptor" not in {option["target"]["institution"] for option in answer.get_json()["options"]}
    wanted = {"targets": [{"institution": "acceptor", "programme": "administration"}]}
    answer = house.http.post(plan, json=wanted, headers=house.learner_auth(other))
    assert (answer.status_code, codes(answer.get_json())) == (409, [("/targets/0/institution", "institution_ended")])
    for application in (open_one, on_the_last_day):
        assert house.decide(application["id"], "acceptor")["steps"][0]["state"] == "done"
