"""Figures by region as of a day: what the registry says of 渝北区, and that an answer once given stays."""

from typing import Any

import pytest

from tests.api.test_conversions import RULES, TARGET
from tests.api.test_institutions import YUBEI, post, registered
from tests.api.test_regions import CITY, LIANGJIANG, codes, load
from tests.builders import House, learner_body, outcome_body

SCHEME = "cn-16h-half"


def asked(house: House, *, scope: str = "audit:read", **query: str) -> tuple[int, Any]:
    answer = house.http.get("/v1/statistics", query_string=query, headers=house.auth("authority", scope))
    return answer.status_code, answer.get_json()


def counted(house: House, **query: str) -> Any:
    status, answer = asked(house, **query)
    assert status == 200, answer
    return answer


def brief(figures: dict[str, Any]) -> tuple[int | None, int, str, str]:
    """Return accounts, outcomes, and recognised and converted credits of the one scheme."""
    [credit] = figures["credits"] or [{"scheme": SCHEME, "recognised": "0.00", "converted": "0.00"}]
    assert credit["scheme"] == SCHEME
    return figures["accounts"], figures["outcomes"], credit["recognised"], credit["converted"]


def told(answer: Any) -> dict[str | None, Any]:
    """Return the items that have any figures, by key."""
    items = {item["key"]: brief(item) for item in answer["items"]}
    assert len(items) == len(answer["items"])
    return {key: figures for key, figures in items.items() if set(figures[1:]) != {0, "0.00"} or figures[0]}


@pytest.fixture
def year(house: House) -> House:
    """Give a bank on 2025-11-07 with outcomes recorded in 渝北区, 江北区 and 渝中区 since the fifth."""
    load(house)
    house.move_to("2025-11-05")
    for code, region in (("yubei", YUBEI), ("jiangbei", "500105"), ("yuzhong", "500103")):
        registered(house, code, region_code=region)
    registered(house, "cityhall", level="city", region_code=CITY)
    registered(house, "nowhere")
    for code, many in (("yubei", 2), ("jiangbei", 1), ("yuzhong", 1), ("cityhall", 1), ("nowhere", 1)):
        learner = house.open_learner(code)["id"]
        for _ in range(many):
            house.post_outcome(learner, code, completed_on="2025-11-01")
    house.move_to("2025-11-07")
    return house


def every_answer(house: House) -> list[Any]:
    """Return the answers to everything that can be asked about days that are over."""
    return [
        counted(house, as_of=day, **({"region": region} if region else {}), **({"by": by} if by else {}))
        for day in ("2025-11-04", "2025-11-05", "2025-11-06")
        for region in ("", CITY, YUBEI, LIANGJIANG, "500103")
        for by in ("", "region", "institution", "kind", "age_band")
    ]


def test_yubei_is_counted_until_the_day_on_which_it_ends_and_its_successor_since(year: House) -> None:
    before, after = (counted(year, region=YUBEI, as_of=day) for day in ("2025-11-05", "2025-11-07"))
    assert (before["region"]["in_force"], brief(before["figures"])) == (True, (1, 2, "6.00", "0.00"))
    assert after["region"] == {
        "id": YUBEI,
        "name": "渝北区",
        "in_force": False,
        "valid_from": None,
        "valid_until": "2025-11-05",
        "successors": [{"id": LIANGJIANG, "name": "两江新区"}],
    }
    assert (brief(after["figures"]), after["items"], after["institutions"]) == ((0, 0, "0.00", "0.00"), [], 0)
    before, after = (counted(year, region=LIANGJIANG, as_of=day) for day in ("2025-11-05", "2025-11-07"))
    assert (before["region"]["in_force"], brief(before["figures"])) == (False, (0, 0, "0.00", "0.00"))
    assert (after["region"]["in_force"], brief(after["figures"])) == (True, (2, 3, "9.00", "0.00"))


def test_the_city_stays_the_same_while_38_units_become_37(year: House) -> None:
    before, after = (counted(year, region=CITY, as_of=day, by="region") for day in ("2025-11-05", "2025-11-07"))
    assert brief(before["figures"]) == brief(after["figures"]) == (4, 5, "15.00", "0.00")
    assert [sum(item["key"] is not None for item in one["items"]) for one in (before, after)] == [38, 37]
    city, yuzhong = {None: (1, 1, "3.00", "0.00")}, {"500103": (1, 1, "3.00", "0.00")}
    assert told(before) == {YUBEI: (1, 2, "6.00", "0.00"), "500105": (1, 1, "3.00", "0.00")} | city | yuzhong
    assert told(after) == {LIANGJIANG: (2, 3, "9.00", "0.00")} | city | yuzhong


def test_the_whole_bank_counts_those_of_no_region_too(year: House) -> None:
    whole = counted(year, as_of="2025-11-06", by="region")
    assert (whole["region"], whole["final"]) == (None, True)
    assert told(whole) == {CITY: (4, 5, "15.00", "0.00"), None: (1, 1, "3.00", "0.00")}
    assert "nowhere" in {one["code"] for one in whole["unassigned"]}
    assert counted(year, as_of="2025-11-07")["final"] is False
    assert counted(year)["as_of"] == "2025-11-07"


def test_a_day_is_over_at_midnight_in_shanghai(year: House) -> None:
    learner = year.open_learner("yuzhong")["id"]
    for instant, at in (("2025-11-08T15:59:59.999999+00:00", 1), ("2025-11-08T16:00:00+00:00", 2)):
        year.clock.now = year.clock.now.fromisoformat(instant)
        year.tokens.clear()
        year.post_outcome(learner, "yuzhong", completed_on="2025-11-01")
        assert counted(year, region="500103", as_of="2025-11-08")["figures"]["outcomes"] == 2
        assert counted(year, region="500103")["figures"]["outcomes"] == 1 + at


def test_an_answer_stays_whatever_comes_after(year: House) -> None:
    posted = year.http.get("/v1/institutions?limit=200", headers=year.auth()).get_json()["items"]
    ids = {one["code"]: one["id"] for one in posted}
    learner = year.open_learner("yubei")["id"]
    year.clock.move(days=-1)
    year.tokens.clear()
    outcome = year.post_outcome(learner, "yubei", completed_on="2025-11-01")
    corrected = year.post_outcome(learner, "yubei", completed_on="2025-11-01")
    year.move_to("2025-11-08")
    first = every_answer(year)
    assert any(brief(one["figures"])[2] == "6.00" for one in first)

    revoked = year.http.post(f"/v1/outcomes/{outcome['id']}/revoke", json={"reason": "误"}, headers=year.auth("yubei"))
    assert revoked.status_code == 200
    document = year.http.get(f"/v1/outcomes/{corrected['id']}", headers=year.auth("yubei")).get_json()
    body = outcome_body(learner, 1, external_id=document["external_id"], title="改名", hours="16", kind="training")
    body["completed_on"] = "2025-11-02"
    put = year.http.put(f"/v1/outcomes/{corrected['id']}", json=body, headers=year.auth("yubei") | {"If-Match": '"1"'})
    assert put.status_code == 200, put.get_data(as_text=True)
    for code in ("yubei", "yuzhong", "nowhere"):
        year.post_outcome(year.open_learner(code)["id"], code, completed_on="2025-11-01")
    known = {"name": learner_body(1)["name"], "identifiers": learner_body(1)["identifiers"]}
    assert year.http.post("/v1/learners", json=known, headers=year.auth("yuzhong")).status_code == 200
    assert post(year, f"/{ids['yubei']}/region", region="500103", from_day="2025-11-06")[0] == 201
    assert post(year, f"/{ids['nowhere']}/region", region="500103", from_day="2025-11-01")[0] == 201
    assert post(year, f"/{ids['jiangbei']}/end", ended_on="2025-11-06", reason="终止")[0] == 201
    assert load(year, {"id": LIANGJIANG, "code": "500157"})[0] == 201
    assert registered(year, "late", region_code="500103", valid_from="2025-01-01")["in_force"]
    year.move_to("2026-03-01")

    assert every_answer(year) == first
    since = counted(year, region="500103", as_of="2025-11-08")
    assert since["figures"] != counted(year, region="500103", as_of="2025-11-07")["figures"]
    by_code = counted(year, region="500157", as_of="2025-11-06")
    assert by_code == counted(year, region=LIANGJIANG, as_of="2025-11-06")


def test_kinds_are_those_that_stood_then(year: House) -> None:
    learner = year.open_learner("yuzhong")["id"]
    outcome = year.post_outcome(learner, "yuzhong", completed_on="2025-11-01")
    year.move_to("2025-11-08")
    content = year.http.get(f"/v1/outcomes/{outcome['id']}", headers=year.auth("yuzhong")).get_json()
    body = outcome_body(learner, 1, external_id=content["external_id"], kind="training", completed_on="2025-11-01")
    put = year.http.put(f"/v1/outcomes/{outcome['id']}", json=body, headers=year.auth("yuzhong") | {"If-Match": '"1"'})
    assert put.status_code == 200, put.get_data(as_text=True)
    before, after = (counted(year, region="500103", as_of=day, by="kind") for day in ("2025-11-07", "2025-11-08"))
    assert {key: figures[:2] for key, figures in told(before).items()} == {"course": (None, 2)}
    assert {key: figures[:2] for key, figures in told(after).items()} == {"course": (None, 1), "training": (None, 1)}
    assert len(before["items"]) == len(after["items"]) == 7


def test_ages_are_those_of_the_day(house: House) -> None:
    load(house)
    registered(house, "yuzhong", region_code="500103")
    for number, day in enumerate(("1956-07-01", "1966-07-01", "1966-07-02", "2008-07-02")):
        body = {
            "name": f"某{number}",
            "birth_date": day,
            "identifiers": [{"type": "student_no", "value": f"2026{number}"}],
        }
        learner = house.http.post("/v1/learners", json=body, headers=house.auth("yuzhong")).get_json()
        house.post_outcome(learner["id"], "yuzhong")
    unknown = {"name": "某", "identifiers": [{"type": "student_no", "value": "20269"}]}
    assert house.http.post("/v1/learners", json=unknown, headers=house.auth("yuzhong")).status_code == 201
    answer = counted(house, region="500103", by="age_band")
    one = (1, 1, "3.00", "0.00")
    assert told(answer) == {
        "70_79": one,
        "60_69": one,
        "35_59": one,
        "under_18": one,
        "unknown": (1, 0, "0.00", "0.00"),
    }
    assert [item["key"] for item in answer["items"]] == [
        *("under_18", "18_34", "35_59", "60_69", "70_79", "80_plus", "unknown")
    ]
    house.move_to("2026-07-02")
    assert told(counted(house, region="500103", by="age_band"))["60_69"] == (2, 2, "6.00", "0.00")
    assert told(counted(house, region="500103", by="age_band", as_of="2026-07-01")) == told(answer)


def test_an_account_counts_where_its_learner_was_known_first(year: House) -> None:
    body = {"name": learner_body(1)["name"], "identifiers": learner_body(1)["identifiers"]}
    assert year.http.post("/v1/learners", json=body, headers=year.auth("yuzhong")).status_code == 200
    assert told(counted(year, region=CITY, by="institution")) == {
        "cityhall": (1, 1, "3.00", "0.00"),
        "jiangbei": (1, 1, "3.00", "0.00"),
        "yubei": (1, 2, "6.00", "0.00"),
        "yuzhong": (1, 1, "3.00", "0.00"),
    }


def test_converted_credits_count_where_they_were_accepted(house: House) -> None:
    load(house)
    registered(house, "issuer", region_code="500106")
    registered(house, "acceptor", region_code="500103")
    house.publish_rules(RULES)
    house.publish_programme("acceptor")
    learner = house.open_learner("issuer")["id"]
    outcome = house.post_outcome(learner, "issuer", title="管理学")["id"]
    conversion = house.convert(learner, TARGET, [outcome])["id"]
    assert brief(counted(house, region=CITY)["figures"]) == (1, 1, "3.00", "0.00")
    for reviewer in ("acceptor", "authority"):
        house.decide(conversion, reviewer)
    answer = counted(house, region=CITY, by="region")
    assert told(answer) == {"500106": (1, 1, "3.00", "0.00"), "500103": (0, 0, "0.00", "3.00")}
    for by in ("kind", "age_band"):
        [(_, figures)] = told(counted(house, region="500103", by=by)).items()
        assert figures[1:] == (0, "0.00", "3.00")
    house.move_to("2026-07-02")
    revoked = house.http.post(f"/v1/outcomes/{outcome}/revoke", json={"reason": "误"}, headers=house.auth("issuer"))
    assert revoked.status_code == 200
    [case] = house.http.get("/v1/cases", headers=house.auth("acceptor", "conversions:review")).get_json()["items"]
    undone = house.http.post(
        f"/v1/cases/{case['id']}/decisions",
        json={"decision": "undo", "reason": "撤销"},
        headers=house.auth("acceptor", "conversions:review"),
    )
    assert undone.status_code == 200
    assert brief(counted(house, region=CITY)["figures"]) == (1, 1, "0.00", "0.00")
    assert told(counted(house, region=CITY, by="region", as_of="2026-07-01")) == told(answer)


def test_where_several_succeed_an_institution_counts_above_and_is_named(year: House) -> None:
    load(year, {"id": "500103", "valid_until": "2025-11-06", "successors": ["500106", "500108"]})
    before, after = (counted(year, region=CITY, as_of=day, by="region") for day in ("2025-11-06", "2025-11-07"))
    assert (before["unassigned"], [one["code"] for one in after["unassigned"]]) == ([], ["yuzhong"])
    assert told(before)["500103"] == (1, 1, "3.00", "0.00")
    assert told(after)[None] == (2, 2, "6.00", "0.00")
    assert brief(before["figures"]) == brief(after["figures"])


def test_what_stands_in_a_town_counts_in_all_above_it(house: House) -> None:
    load(house)
    town = {"id": "500112001", "code": "500112001", "name": "双凤桥街道", "level": "town", "parent": YUBEI}
    assert load(house, town)[0] == 201
    house.move_to("2025-11-05")
    registered(house, "town-school", level="town", region_code="500112001")
    house.post_outcome(house.open_learner("town-school")["id"], "town-school", completed_on="2025-11-01")
    house.move_to("2025-11-07")
    one = (1, 1, "3.00", "0.00")
    for day, district in (("2025-11-05", YUBEI), ("2025-11-06", LIANGJIANG)):
        assert told(counted(house, region=CITY, as_of=day, by="region")) == {district: one}
        assert told(counted(house, region=district, as_of=day, by="region")) == {"500112001": one}
        assert brief(counted(house, region="500112001", as_of=day)["figures"]) == one


def test_who_may_ask_and_what(year: House) -> None:
    assert asked(year, scope="admin")[0] == 200
    status, answer = asked(year, scope="balance:read")
    assert (status, codes(answer)) == (403, [("", "scope_missing")])
    learner = year.open_learner()["id"]
    assert year.http.get("/v1/statistics", headers=year.learner_auth(learner)).status_code == 403
    assert codes(asked(year, region="500199")[1]) == [("/region", "unknown_region")]
    assert codes(asked(year, as_of="2025-11-08")[1]) == [("/as_of", "future_date")]
    assert codes(asked(year, by="planet")[1]) == [("/by", "wrong_choice")]


def test_no_answer_names_a_learner(year: House) -> None:
    learner = year.open_learner("yuzhong")["id"]
    assert learner not in str(every_answer(year))
