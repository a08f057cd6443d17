"""The rows of a large file are shared by several workers, and all comes out as if one had booked them."""

import csv
import io
from typing import Any

import pytest

from creditbank.core.importing import ImportState, Mode
from creditbank.core.lanes import LANES, lane_of
from creditbank.services import import_checking, import_rows
from tests.builders import House
from tests.drills.importing import found
from tests.tables import HEADER, answers, person, rejects, row, send, shown, table, work

PEOPLE = 12

pytestmark = pytest.mark.parametrize("engine_name", ["postgresql"], indirect=True)


@pytest.fixture(autouse=True)
def _all_files_are_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_checking, "ROWS_MIN", 1)
    monkeypatch.setattr(import_rows, "RECORDS_MAX", 2)


def sent(house: House, content: str, **query: str) -> str:
    """Send a table and return its import."""
    import_id: str = send(house, content.encode(), **query).get_json()["id"]
    return import_id


def lines_of(lane: int) -> list[int]:
    """Return the lines of a table with a row for each of some people that are in a lane."""
    return [number + 1 for number in range(1, PEOPLE + 1) if lane_of(person(number), LANES) == lane]


def test_answers_are_given_as_far_as_all_lanes_are_and_in_the_order_of_the_file(house: House) -> None:
    bad = {2, 5, 6, 11}
    import_id = sent(house, table(row(one, 学时="x" if one in bad else "8") for one in range(1, PEOPLE + 1)))
    first, second = lines_of(0), lines_of(1)
    assert min(len(first), len(second)) > 2
    assert work(house, seconds=0) == 2
    assert [one["row"] for one in answers(house, import_id)] == []
    assert work(house, seconds=60) == len(first) - 2
    assert shown(house, import_id)["rows_done"] == len(first)
    assert work(house, seconds=0) == 2
    reached = [line for line in sorted(first + second) if line <= second[1]]
    assert [one["row"] for one in answers(house, import_id)] == reached
    work(house)
    assert found(house.bank, import_id).state is ImportState.DONE
    assert [one["row"] for one in answers(house, import_id)] == sorted(first + second)
    mine = csv.reader(io.StringIO(rejects(house, import_id).get_data().decode("utf-8-sig")))
    assert [line[0] for line in mine][1:] == [row(one)[0] for one in sorted(bad)]


def test_an_import_that_is_stopped_shows_what_was_booked_in_any_lane(house: House) -> None:
    import_id = sent(house, table(row(one) for one in range(1, PEOPLE + 1)))
    work(house, seconds=0)
    house.http.post(f"/v1/imports/{import_id}/cancel", headers=house.auth())
    assert [one["row"] for one in answers(house, import_id)] == lines_of(0)[:2]
    assert work(house) == 0


@pytest.mark.parametrize("mode", Mode)
def test_an_import_is_stopped_at_once_and_what_is_being_booked_is_not(
    house: House, monkeypatch: pytest.MonkeyPatch, mode: Mode
) -> None:
    import_id = sent(house, table(row(one) for one in range(1, PEOPLE + 1)), mode=mode)
    booked, answered = import_rows.booked, []

    def stopped(*given: Any) -> Any:
        answer = booked(*given)
        if not answered:
            answered.append(house.http.post(f"/v1/imports/{import_id}/cancel", headers=house.auth()).status_code)
        return answer

    monkeypatch.setattr(import_rows, "booked", stopped)
    assert (work(house), answered) == (0, [200])
    assert (shown(house, import_id)["accepted"], answers(house, import_id)) == (0, [])


@pytest.mark.parametrize(
    ("ids", "certificates", "lanes"),
    [(("r-1", "r-2"), ("AB1", "AB2"), LANES), (("r-1", "r-1 "), ("", ""), 1), (("r-1", "r-2"), ("AB1", " ab-1 "), 1)],
    ids=["nothing", "id", "certificate"],
)
def test_rows_of_several_people_with_something_in_common_are_booked_in_their_order(
    house: House, ids: tuple[str, str], certificates: tuple[str, str], lanes: int
) -> None:
    people = [lines_of(lane)[0] - 1 for lane in range(LANES)]
    rows = [
        [*row(one, 记录编号=external_id), certificate]
        for one, external_id, certificate in zip(people, ids, certificates, strict=True)
    ]
    import_id = sent(house, table(rows, (*HEADER, "证书编号")))
    while work(house):
        pass
    assert found(house.bank, import_id).lanes == lanes
    assert len(answers(house, import_id)) == len(rows)
