"""Reports for the authority: how applications were handled, why learning brought no credit, as tables, too."""

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from tests.api.test_conversions import TARGET, example_house, learner_with
from tests.api.test_institutions import YUBEI, registered
from tests.api.test_regions import CITY, codes, load
from tests.builders import House
from tests.moulds import Making

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pytest.fixture
def place(copied: Callable[[Making], House]) -> House:
    """Give a bank with rules of conversion whose review has two steps, on 2026-07-01."""
    return copied(example_house)


def asked(house: House, report: str, accept: str = "application/json", **query: str) -> Any:
    headers = house.auth("authority", "audit:read") | {"Accept": accept}
    return house.http.get(f"/v1/statistics/{report}".rstrip("/"), query_string=query, headers=headers)


def told(house: House, report: str, **query: str) -> Any:
    answer = asked(house, report, **query)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return answer.get_json()


def rows_of(answer: Any) -> list[dict[str, str]]:
    assert answer.status_code == 200
    return list(csv.DictReader(io.StringIO(answer.get_data().decode("utf-8-sig"), newline="")))


def later(house: House, days: int) -> None:
    house.clock.move(days=days)
    house.tokens.clear()


def applied(house: House) -> Any:
    learner, outcomes = learner_with(house, "管理学")
    return house.convert(learner, TARGET, outcomes)


def test_handling_tells_what_came_in_what_ended_and_how_long_it_took(place: House) -> None:
    quick, slow, refused, waiting = (applied(place)["id"] for _ in range(4))
    assert told(place, "handling")["figures"]["open"] == 4
    for one, days in ((quick, 2), (slow, 3)):
        later(place, days)
        place.decide(one, "acceptor")
        place.decide(one, "authority")
    place.decide(refused, "acceptor", "reject", reason="学时不足")
    place.decide(waiting, "acceptor")
    report = told(place, "handling", by="institution")
    assert report["figures"] == {
        "applied": 4,
        "ended": {"approved": 2, "rejected": 1, "withdrawn": 0, "lapsed": 0, "voided": 0},
        "open": 1,
        "days": {"half": 5, "nine_tenths": 5, "longest": 5},
    }
    items = {item.pop("key"): item for item in report["items"]}
    assert items["acceptor"] == report["figures"] | {"name": items["acceptor"]["name"]}
    assert (items["cqdx"]["applied"], items["cqdx"]["days"]) == (0, None)


def test_a_span_that_is_over_is_told_the_same_for_ever(place: House) -> None:
    one = applied(place)["id"]
    later(place, 1)
    span = {"since": "2026-07-01", "until": "2026-07-01", "by": "institution"}
    first = told(place, "handling", **span)
    assert (first["final"], first["figures"]["open"]) == (True, 1)
    place.decide(one, "acceptor")
    place.decide(one, "authority")
    later(place, 1)
    assert told(place, "handling", **span) == first
    since = told(place, "handling", since="2026-07-02", until="2026-07-02")["figures"]
    assert (since["applied"], since["ended"]["approved"], since["open"]) == (0, 1, 0)


def test_reasons_are_counted_by_institution(place: House) -> None:
    learner = place.open_learner()["id"]
    place.post_outcome(learner, title="书法")
    place.post_outcome(learner, title="书法")
    place.post_outcome(learner, title="驾驶证", kind="certificate", hours=None)
    place.post_outcome(learner, title="零学时", hours="0.10")
    gone = place.post_outcome(learner, title="录错的课")
    place.http.post(f"/v1/outcomes/{gone['id']}/revoke", json={"reason": "误"}, headers=place.auth())
    report = told(place, "reasons", by="institution")
    counted = {one["code"]: one["decisions"] for one in report["reasons"]}
    assert counted["duplicate"] == 1
    assert counted["revocation"] == 1
    assert sum(counted[code] for code in counted.keys() - {"duplicate", "revocation"}) == 2
    (mine,) = [item for item in report["items"] if item["key"] == "cqdx"]
    assert mine["reasons"] == report["reasons"]
    assert all(one["message_zh"] and one["message_en"] for one in report["reasons"])
    later(place, 1)
    assert told(place, "reasons", since="2026-07-02")["reasons"] == []


def test_regions_are_those_of_the_last_day(house: House) -> None:
    load(house)
    house.move_to("2025-11-05")
    registered(house, "yubei", region_code=YUBEI)
    learner = house.open_learner("yubei")["id"]
    for _ in range(2):
        house.post_outcome(learner, "yubei", title="书法", completed_on="2025-11-01")
    house.move_to("2025-11-07")
    for day, region in (("2025-11-05", YUBEI), ("2025-11-06", "cq-liangjiang")):
        report = told(house, "reasons", region=CITY, until=day, by="region")
        counted = {item["key"]: item["reasons"] for item in report["items"] if item["reasons"]}
        assert list(counted) == [region]
        assert [one["code"] for one in counted[region]] == ["duplicate"]
    over = told(house, "handling", region=YUBEI, until="2025-11-06", by="region")
    assert (over["region"]["in_force"], over["items"], over["institutions"]) == (False, [], 0)


@pytest.mark.parametrize("report", ["", "handling", "reasons"])
def test_every_report_comes_as_a_table_without_formulas(place: House, report: str) -> None:
    registered(place, "odd", name="=HYPERLINK(1)")
    place.post_outcome(place.open_learner("odd")["id"], "odd")
    document = told(place, report, by="institution")
    rows = rows_of(asked(place, report, "text/csv", by="institution"))
    assert [row["key"] for row in rows] == [*(item["key"] for item in document["items"]), ""]
    assert rows[-1]["name"] == "合计 / total"
    odd = next(row for row in rows if row["key"] == "odd")
    assert odd["name"] == "'=HYPERLINK(1)"
    answer = asked(place, report, XLSX, by="institution")
    assert (answer.status_code, answer.content_type) == (200, XLSX)
    header, *lines = CalamineWorkbook.from_filelike(io.BytesIO(answer.get_data())).get_sheet_by_index(0).to_python()
    assert header == list(rows[0])
    assert len(lines) == len(rows)


def test_figures_as_a_table_have_two_columns_for_each_scheme(place: House) -> None:
    learner, _ = learner_with(place, "管理学", "书法")
    assert learner
    (total,) = rows_of(asked(place, "", "text/csv"))
    assert (total["accounts"], total["outcomes"]) == ("1", "2")
    assert (total["recognised cn-16h-half"], total["converted cn-16h-half"]) == ("6.00", "0.00")


@pytest.mark.parametrize("report", ["handling", "reasons"])
def test_who_may_ask_and_what(place: House, report: str) -> None:
    url = f"/v1/statistics/{report}"
    assert place.http.get(url, headers=place.auth("authority", "balance:read")).status_code == 403
    assert place.http.get(url, headers=place.learner_auth(place.open_learner()["id"])).status_code == 403
    assert codes(asked(place, report, region="500199").get_json()) == [("/region", "unknown_region")]
    assert codes(asked(place, report, until="2026-07-02").get_json()) == [("/until", "future_date")]
    wrong = asked(place, report, since="2026-06-02", until="2026-06-01").get_json()
    assert codes(wrong) == [("/since", "ends_before_it_begins")]
    assert codes(asked(place, report, by="kind").get_json()) == [("/by", "wrong_choice")]
