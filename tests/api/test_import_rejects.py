"""Rejected rows go round: they come back as they were sent, and sent again unmended they are rejected again."""

import csv
import io
import json
from typing import Any

import pytest
import python_calamine

from creditbank.api import import_results
from creditbank.formats.rejected_rows import REASON_COLUMNS
from tests.builders import House
from tests.tables import CSV, HEADER, NDJSON, XLSX, answers, imported, read_back, rejects, row, table, workbook


@pytest.fixture(params=["sqlite"])
def engine_name(request: pytest.FixtureRequest) -> str:
    """Give the one engine: what a file says is found out before any database is asked."""
    return str(request.param)


def read_csv(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))


def read_xlsx(content: bytes) -> list[list[Any]]:
    return python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()


def test_rows_that_are_not_mended_are_rejected_again_and_come_back_the_same(house: House) -> None:
    shifted = [*row(1)[:3], "课程", " 素描", "48", "2026-06-30"]
    formula, wrapped = row(2, 课程名称="=A1"), row(3, 记录编号='"=""r-3"""', 学时="many")
    sent = table([shifted, formula, wrapped]).encode()
    found = imported(house, sent)
    first = rejects(house, found["id"]).get_data()
    width = len(HEADER)
    for kind, read in ((CSV, read_csv), (XLSX, read_xlsx)):
        content = rejects(house, found["id"], "csv" if kind == CSV else "xlsx").get_data()
        names, *rows = read(content)
        assert names[: width + 3] == [*HEADER, *REASON_COLUMNS]
        assert rows[0][:width] + rows[0][width + 3 :] == shifted, "what doesn't fit stands behind the reasons"
        found = imported(house, content, kind)
        assert (found["accepted"], found["rejected"]) == (0, 3)
        again = read_csv(rejects(house, found["id"], "csv").get_data())
        assert [one[:width] for one in again] == [one[:width] for one in read_csv(first)]
        assert again[0] == [*HEADER, *REASON_COLUMNS], "the reasons of the first time are not there"
    mended = first.decode("utf-8-sig").replace("many", "16").encode()
    found = imported(house, mended)
    assert [one.get("external_id") for one in answers(house, found["id"])] == [None, None, "r-3"]


def test_a_cell_without_a_name_above_it_is_still_too_much_when_the_row_comes_again(house: House) -> None:
    header = (*HEADER, "", "")
    found = imported(house, table([[*row(1), "x", ""]], header).encode())
    content = rejects(house, found["id"]).get_data()
    assert imported(house, content)["rejected"] == 1


def test_names_of_columns_are_no_formulas_either_and_are_known_again(house: House) -> None:
    header = (*HEADER[:-1], "-完成日期", "=1+1")
    found = imported(house, table([[*row(1, 学时="x"), ""]], header).encode())
    content = rejects(house, found["id"]).get_data()
    assert read_csv(content)[0][len(HEADER) - 1 : len(HEADER) + 1] == ["'-完成日期", "'=1+1"]
    assert imported(house, content.replace(b",x,", b",16,"))["accepted"] == 1


@pytest.mark.parametrize(
    "line",
    ["[1]", '{"a": ' + "[" * 50_000, '{"hours": "1", "hours": "2"}', '{"title": "\\ud800"}', '{"hours": NaN}'],
    ids=lambda line: line[:9],
)
def test_a_line_that_is_no_sound_object_comes_back_as_it_was(house: House, line: str) -> None:
    found = imported(house, line.encode(), NDJSON)
    content = rejects(house, found["id"]).get_data()
    assert json.loads(content)["rejected"]["line"] == line
    assert imported(house, content, NDJSON)["rejected"] == 1


def test_more_rejected_rows_than_a_workbook_takes_are_had_as_csv(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_results, "SHEET_CELLS_MAX", 2 * (len(HEADER) + 3))
    for count, status in ((2, 200), (3, 422)):
        found = imported(house, workbook(row(number, 学时="x") for number in range(count)), XLSX)
        answer = house.http.get(f"/v1/imports/{found['id']}/rejects", headers=house.auth())
        assert answer.status_code == status
    assert len(read_csv(rejects(house, found["id"], "csv").get_data())) == 4


def test_a_wide_row_is_mended_and_sent_again_and_its_other_courses_are_not_taken_twice(house: House) -> None:
    header = ["REGN_NO", "CNAME", "DOI", "SUB1NM", "SUB1", "SUB1_CREDIT", "SUB2NM", "SUB2", "SUB2_CREDIT"]
    sent = ["S1", "ASHA RAO", "30/06/2026", "ALGEBRA", "M1", "4", "", "M2", "4"]
    found = imported(house, table([sent], header).encode(), CSV, mapping="in-nad")
    assert [one["status"] for one in answers(house, found["id"])] == ["accepted", "rejected"]
    for kind in ("csv", "xlsx"):
        content = rejects(house, found["id"], kind).get_data()
        read = read_csv if kind == "csv" else read_xlsx
        names, cells = read(content)
        assert "SUB2NM：" in cells[names.index("拒收原因")], "a course with a code and no name is told"
        cells[names.index("SUB2NM")] = f"GEOMETRY {kind}"
        again = imported(house, table([cells], names).encode(), CSV, mapping="in-nad")
        assert (again["accepted"], again["replayed"], again["rejected"]) == (1, 1, 0)
        assert read_back(house, answers(house, again["id"])[1]["id"])["title"] == f"GEOMETRY {kind}"


def test_a_result_in_percent_is_out_of_a_hundred_and_one_that_a_spreadsheet_divided_is_rejected(house: House) -> None:
    header = [*HEADER, "成绩"]
    found = imported(house, table([[*row(1), "85.50%"], [*row(2), "0"], [*row(3), "8²"]], header).encode())
    first, second, _ = answers(house, found["id"])
    assert read_back(house, first["id"])["score"] == {"value": "85.5", "scale": "100"}
    assert read_back(house, second["id"])["score"] == {"value": "0", "scale": "100"}
    found = imported(house, workbook([[*row(4), 0.85], [*row(5), 1.0]], header), XLSX)
    assert [one["errors"][0]["code"] for one in answers(house, found["id"])] == ["percent", "percent"]
    found = imported(house, table([[*row(6), "1", "5"]], [*header, "满分"]).encode())
    assert "percent" not in str(answers(house, found["id"])), "where the scale is told, it is what it says"
