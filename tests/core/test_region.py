"""Regions followed to their successors, the tree of a day, cities' codes, and bands of age."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbank.core.calendar import bank_day, day_end
from creditbank.core.errors import Conflict, Malformed
from creditbank.core.figures import BAND_NAMES, Credits, Figures, age_band, total
from creditbank.core.institution import Ending, Level, ended_fault
from creditbank.core.region import Place, Region, Registry, is_above
from creditbank.core.region_changes import RegionChange, changed

LAST = date(2025, 11, 5)
DAY = timedelta(days=1)


def registry(*regions: Region) -> Registry:
    city = Region("city", "500000", "市", Level.CITY, None)
    return Registry({one.id: one for one in (city, *regions)})


def district(region_id: str, **more: object) -> Region:
    return Region(region_id, None, region_id, Level.DISTRICT, "city", **more)  # type: ignore[arg-type]


TREE = registry(
    district("old", valid_until=LAST, successors=("new",)),
    district("new", valid_from=LAST + DAY, valid_until=LAST + 9 * DAY, successors=("newest",)),
    district("newest", valid_from=LAST + 10 * DAY),
    district("split", valid_until=LAST, successors=("new", "stays")),
    district("gone", valid_until=LAST),
    district("stays"),
    Region("town", None, "镇", Level.TOWN, "old"),
    Region("torn", None, "镇", Level.TOWN, "split"),
)


@pytest.mark.parametrize(
    ("region", "day", "place"),
    [
        ("old", LAST, Place("old", is_exact=True)),
        ("old", LAST + DAY, Place("new", is_exact=True)),
        ("old", LAST + 9 * DAY, Place("new", is_exact=True)),
        ("old", LAST + 10 * DAY, Place("newest", is_exact=True)),
        ("new", LAST, Place("city", is_exact=False)),
        ("split", LAST, Place("split", is_exact=True)),
        ("split", LAST + DAY, Place("city", is_exact=False)),
        ("gone", LAST + DAY, Place("city", is_exact=False)),
        (None, LAST, Place(None, is_exact=False)),
    ],
)
def test_a_region_is_followed_to_the_one_that_succeeded_it(region: str | None, day: date, place: Place) -> None:
    assert TREE.place(region, day) == place


def test_a_town_stands_in_what_succeeded_its_district() -> None:
    assert list(TREE.upward("town", LAST)) == ["town", "old", "city"]
    assert list(TREE.upward("town", LAST + DAY)) == ["town", "new", "city"]
    assert list(TREE.upward("torn", LAST + DAY)) == ["torn", "city"]
    assert [one.id for one in TREE.children("new", LAST + DAY)] == ["town"]
    assert [one.id for one in TREE.children("city", LAST + DAY)] == ["new", "stays", "torn"]
    assert [one.id for one in TREE.children(None, LAST)] == ["city"]


@given(st.dates(date(2025, 10, 1), date(2025, 12, 31)))
def test_on_every_day_each_region_in_force_has_one_way_up(day: date) -> None:
    below = [one.id for parent in (None, *TREE.regions) for one in TREE.children(parent, day)]
    assert sorted(below) == sorted(one.id for one in TREE.regions.values() if one.is_in_force(day))


@pytest.mark.parametrize(
    ("city", "code", "is_known"),
    [
        ("500000", "500112", True),
        ("500000", "500230001", True),
        ("500000", "510112", False),
        ("330100", "330106", True),
        ("330100", "330206", False),
        ("110000", "110101", True),
    ],
)
def test_a_city_is_known_by_the_digits_that_its_codes_share(city: str, code: str, is_known: bool) -> None:  # noqa: FBT001
    assert Registry({"c": Region("c", city, "市", Level.CITY, None)}).knows_city_of(code) is is_known


def test_levels_stand_above_each_other_in_their_order() -> None:
    levels = list(Level)
    assert [is_above(higher, lower) for higher in levels for lower in levels] == [
        levels.index(higher) < levels.index(lower) for higher in levels for lower in levels
    ]


def test_what_is_said_once_is_taken_and_said_otherwise_refused() -> None:
    source = "公告"
    first = changed(registry(), [RegionChange("a", name="甲", level=Level.DISTRICT, parent="city")], source)
    assert (first.new, first.registry.regions["a"].source) == (("a",), source)
    second = changed(first.registry, [RegionChange("a", code="500199", valid_until=LAST)], "另一公告")
    assert (second.changed, second.registry.regions["a"].source) == (("a",), "另一公告")
    assert changed(second.registry, [RegionChange("a", code="500199")], None).unchanged == ("a",)
    for change in (
        RegionChange("a", code="500198"),
        RegionChange("a", valid_until=LAST + DAY),
        RegionChange("a", valid_from=LAST),
        RegionChange("a", successors=("city",)),
        RegionChange("a", parent="b"),
        RegionChange("b", name="乙", level=Level.CITY, code="500199"),
        RegionChange("500199", name="乙", level=Level.CITY),
    ):
        with pytest.raises(Conflict):
            changed(second.registry, [change], None)


@given(
    st.lists(
        st.builds(
            RegionChange,
            id=st.sampled_from("abc"),
            code=st.sampled_from([None, "500101", "500102"]),
            name=st.sampled_from([None, "甲"]),
            level=st.sampled_from([None, *Level]),
            parent=st.sampled_from([None, "a", "b", "c", "city"]),
            valid_from=st.sampled_from([None, LAST, LAST + DAY]),
            valid_until=st.sampled_from([None, LAST, LAST + DAY, date.max]),
            successors=st.lists(st.sampled_from("abc"), max_size=2).map(tuple),
        ),
        max_size=4,
    )
)
def test_whatever_is_loaded_every_place_ends_and_loading_it_again_changes_nothing(changes: list[RegionChange]) -> None:
    try:
        after = changed(registry(), changes, None)
    except (Malformed, Conflict):
        return
    for region_id in after.registry.regions:
        for day in (date.min, LAST, LAST + DAY, LAST + 2 * DAY, date.max):
            place = after.registry.place(region_id, day).region_id
            assert place is None or after.registry.regions[place].is_in_force(day)
            list(after.registry.upward(place, day))
    assert changed(after.registry, changes, None).registry.regions == after.registry.regions


@pytest.mark.parametrize(
    ("age", "band"),
    [
        (0, "under_18"),
        (17, "under_18"),
        (18, "18_34"),
        (34, "18_34"),
        (35, "35_59"),
        (59, "35_59"),
        (60, "60_69"),
        (69, "60_69"),
        (70, "70_79"),
        (79, "70_79"),
        (80, "80_plus"),
        (120, "80_plus"),
        (None, "unknown"),
    ],
)
def test_an_age_falls_into_one_band(age: int | None, band: str) -> None:
    assert age_band(age) == band
    assert band in BAND_NAMES


def test_figures_add_up_scheme_by_scheme() -> None:
    parts = [
        Figures(1, 2, {"b": Credits(300, 0), "a": Credits(100, 50)}),
        Figures(0, 1, {"b": Credits(-300, 20)}),
    ]
    assert total(parts) == Figures(1, 3, {"a": Credits(100, 50), "b": Credits(0, 20)})
    assert list(total(parts).credits) == ["a", "b"]
    assert total([]) == Figures()


@given(st.dates(date(1991, 1, 1), date(9999, 12, 30)))
def test_a_day_is_over_at_the_first_instant_of_the_next(day: date) -> None:
    end = day_end(day)
    assert bank_day(end) == day + DAY
    assert bank_day(end - timedelta(microseconds=1)) == day


def test_an_institution_does_new_things_up_to_its_last_day() -> None:
    ending = Ending(LAST, None, "heir", "合并")
    assert ended_fault(None, LAST, "/x") is None
    assert ended_fault(ending, LAST, "/x") is None
    fault = ended_fault(ending, LAST + DAY, "/x")
    assert fault is not None
    assert "heir" in fault.message_zh
    assert "heir" in fault.message_en
    alone = ended_fault(Ending(LAST, None, None, "终止"), LAST + DAY, "/x")
    assert alone is not None
    assert "nobody" in alone.message_en
