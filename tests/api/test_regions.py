"""The registry of regions over HTTP: loaded, read as of a day, and contradictions refused with every reason."""

import json
from pathlib import Path
from typing import Any

import pytest

from creditbank.packs import shipped_regions
from tests.builders import House

PUBLISHED = Path(__file__).parents[3] / "shared" / "oracles" / "regions.json"

LIANGJIANG = "cq-liangjiang"
CITY = "500000"


def load(house: House, *regions: dict[str, Any], source: str | None = None) -> tuple[int, Any]:
    """Load regions as the administrator, the shipped ones if none are named; return status and document."""
    body = {"regions": list(regions)} | ({"source": source} if source else {}) if regions else shipped_regions()
    answer = house.http.post("/v1/regions", json=body, headers=house.auth("authority", "admin"))
    return answer.status_code, answer.get_json()


def listed(house: House, **query: str) -> dict[str, dict[str, Any]]:
    """Return the regions of a list by id, through all its pages."""
    found: dict[str, dict[str, Any]] = {}
    cursor: dict[str, str] = {}
    while True:
        answer = house.http.get("/v1/regions", query_string={**query, **cursor}, headers=house.auth())
        assert answer.status_code == 200, answer.get_data(as_text=True)
        page = answer.get_json()
        assert page["as_of"] == query.get("as_of", page["as_of"])
        assert not found.keys() & {item["id"] for item in page["items"]}
        found |= {item["id"]: item for item in page["items"]}
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}


def codes(document: Any) -> list[tuple[str, str]]:
    return [(error["pointer"], error["code"]) for error in document["errors"]]


def test_chongqing_has_38_units_until_2025_11_05_and_37_since(house: House) -> None:
    status, loaded = load(house)
    assert (status, len(loaded["new"])) == (201, 40)
    before, after = (listed(house, as_of=day, parent=CITY, limit="17") for day in ("2025-11-05", "2025-11-06"))
    assert (len(before), len(after)) == (38, 37)
    assert before.keys() - after.keys() == {"500105", "500112"}
    assert after.keys() - before.keys() == {LIANGJIANG}
    assert [one["id"] for one in before["500112"]["successors"]] == [LIANGJIANG]
    assert after[LIANGJIANG]["code"] is None
    assert list(before) == sorted(before)


def test_what_is_shipped_is_what_was_published(house: House) -> None:
    if not PUBLISHED.exists():
        pytest.skip("the published registry is not at ../shared/oracles/regions.json")
    load(house)
    published = json.loads(PUBLISHED.read_text("utf-8"))["chongqing_until_2025_11_05"]
    before = listed(house, as_of="2025-11-05", parent=CITY)
    assert {one["code"]: one["name"] for one in before.values()} == published


def test_loading_again_changes_nothing_also_after_a_code_was_given(house: House) -> None:
    load(house)
    assert load(house)[0] == 200
    assert load(house, {"id": LIANGJIANG, "code": "500157"}, source="公告")[1]["changed"] == [LIANGJIANG]
    status, loaded = load(house)
    assert (status, loaded["new"], loaded["changed"], len(loaded["unchanged"])) == (200, [], [], 40)
    by_code = house.http.get("/v1/regions/500157", headers=house.auth()).get_json()
    assert (by_code["id"], by_code["source"], by_code["valid_from"]) == (LIANGJIANG, "公告", "2025-11-06")
    assert by_code["parent"] == {"id": CITY, "code": CITY, "name": "重庆市"}


def test_a_code_is_given_once(house: House) -> None:
    load(house)
    assert load(house, {"id": LIANGJIANG, "code": "500157"})[0] == 201
    status, answer = load(house, {"id": LIANGJIANG, "code": "500158"})
    assert (status, codes(answer)) == (409, [("/regions/0/code", "differs")])
    status, answer = load(house, {"id": "new", "code": "500157", "name": "新区", "level": "district", "parent": CITY})
    assert (status, codes(answer)) == (409, [("/regions/0/code", "differs")])
    status, answer = load(house, {"id": "500157", "name": "新区", "level": "district", "parent": CITY})
    assert (status, codes(answer)) == (409, [("/regions/0/id", "differs")])


def test_every_contradiction_is_told_and_nothing_is_loaded(house: House) -> None:
    load(house)
    new = {"name": "新", "level": "district", "parent": CITY}
    status, answer = load(
        house,
        {"id": "a", **new, "parent": "nowhere"},
        {"id": "b", **new, "parent": "500101"},
        {"id": "c"},
        {"id": "d", **new, "valid_from": "2026-01-02", "valid_until": "2026-01-01"},
        {"id": "e", **new, "successors": ["500101"]},
        {"id": "f", **new, "valid_until": "2025-11-04", "successors": [LIANGJIANG]},
        {"id": "g", **new, "valid_until": "2025-11-04", "successors": ["nobody"]},
        {"id": "h", **new, "valid_until": "2025-11-04", "successors": [CITY]},
        {"id": "500103", "name": "渝东区"},
        {"id": "a", **new},
        {"id": "z", **new, "valid_until": "9999-12-31", "successors": [LIANGJIANG]},
    )
    assert status == 422
    assert set(codes(answer)) == {
        ("/regions/0/parent", "unknown_region"),
        ("/regions/1/parent", "wrong_level"),
        ("/regions/2/name", "required"),
        ("/regions/2/level", "required"),
        ("/regions/2/parent", "required"),
        ("/regions/3/valid_until", "ends_before_it_begins"),
        ("/regions/4/successors", "no_end"),
        ("/regions/5/successors", "not_in_force"),
        ("/regions/6/successors", "unknown_region"),
        ("/regions/7/successors", "wrong_level"),
        ("/regions/8/name", "differs"),
        ("/regions/9/id", "repeated"),
        ("/regions/10/successors", "no_end"),
    }
    assert len(listed(house, as_of="2026-07-01")) == 38


def test_an_end_is_said_once_and_takes_no_successor_away_from_another(house: House) -> None:
    load(house)
    status, answer = load(house, {"id": "500112", "valid_until": "2025-11-04"})
    assert (status, codes(answer)) == (409, [("/regions/0/valid_until", "differs")])
    status, answer = load(house, {"id": LIANGJIANG, "valid_until": "2025-11-05"})
    assert status == 422
    assert ("/regions/0/valid_until", "ends_before_it_begins") in codes(answer)
    assert ("/regions/0/successors", "not_in_force") in codes(answer)
    assert load(house, {"id": "500103", "valid_until": "2026-12-31", "successors": ["500106"]})[0] == 201
    assert "500103" not in listed(house, as_of="2027-01-01")


def test_what_stood_in_a_region_that_ended_is_listed_below_its_successor(house: House) -> None:
    load(house)
    town = {"id": "500112001", "code": "500112001", "name": "双凤桥街道", "level": "town", "parent": "500112"}
    assert load(house, town)[0] == 201
    assert listed(house, as_of="2025-11-05", parent="500112").keys() == {"500112001"}
    assert listed(house, as_of="2025-11-06", parent="500112").keys() == set()
    assert listed(house, as_of="2025-11-06", parent=LIANGJIANG).keys() == {"500112001"}


def test_a_region_that_is_not_there_is_answered_so(house: House) -> None:
    load(house)
    for path, code in (("/v1/regions/500199", 404), ("/v1/regions/500112000000-x", 404), ("/v1/regions/%00", 404)):
        assert house.http.get(path, headers=house.auth()).status_code == code
    answer = house.http.get("/v1/regions?parent=nowhere", headers=house.auth())
    assert (answer.status_code, codes(answer.get_json())) == (404, [("/parent", "unknown_region")])


def test_only_an_administrator_loads(house: House) -> None:
    answer = house.http.post("/v1/regions", json=shipped_regions(), headers=house.auth("authority", "rules:write"))
    assert (answer.status_code, codes(answer.get_json())) == (403, [("", "scope_missing")])
    assert listed(house) == {}
