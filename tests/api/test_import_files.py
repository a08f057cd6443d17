"""Files as institutions really send them: each gets a clear answer, and nothing of a bad one is booked."""

import io
import random
from typing import Any

import pytest
import xlsxwriter
from sqlalchemy import func, select

from creditbank.storage import catalogue
from tests.builders import House
from tests.tables import (
    CSV,
    HEADER,
    NDJSON,
    XLSX,
    answers,
    codes,
    ended,
    imported,
    person,
    read_back,
    rezipped,
    row,
    send,
    sheet_part,
    table,
    workbook,
)

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(200)

DAYS = (
    "2026-06-30",
    "2026/6/30",
    "20260630",
    "2026年6月30日",
    "2026.6.30",
    "46203",
    "2026-06-30 00:00:00",
    "2026/6/30 0:00",
)
"""One day as six programs and people write it, and with a time behind it."""


@pytest.fixture(params=["sqlite"])
def engine_name(request: pytest.FixtureRequest) -> str:
    """Give the one engine: what a file says is found out before any database is asked."""
    return str(request.param)


def outcomes(house: House) -> int:
    with house.bank.database.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(catalogue.tables["outcome"])).scalar_one())


def refused(house: House, content: bytes, kind: str = CSV, **query: str) -> list[str]:
    """Send a file that is refused, at once or when it is read, and return the codes of its faults."""
    sent = send(house, content, kind, **query)
    if sent.status_code != 202:
        assert sent.status_code == 422, sent.get_data(as_text=True)
        faults = sent.get_json()["errors"]
    else:
        found = ended(house, sent.get_json()["id"])
        assert (found["state"], found["accepted"], found["rejected"]) == ("refused", 0, 0), found
        faults = found["errors"]
    assert all(one["message_zh"] and one["message_en"] for one in faults)
    assert outcomes(house) == 0
    return [one["code"] for one in faults]


def book(*sheets: list[list[Any]], merged: str = "", macros: bool = False) -> bytes:
    """Return a workbook of sheets."""
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True}) as made:
        for rows in sheets:
            sheet = made.add_worksheet()
            for line, cells in enumerate(rows):
                for column, cell in enumerate(cells):
                    sheet.write(line, column, cell)
            if merged:
                sheet.merge_range(merged, "合并")
    return content.getvalue() if not macros else rezipped(content.getvalue(), {"xl/vbaProject.bin": b"x"})


GOOD = table([row(1), row(2)]).encode()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        (b"\xef\xbb\xbf \r\n,,\n", "empty_file"),
        (PNG, "no_table"),
        (b"\xff\xd8\xff\xe0" + bytes(50), "no_table"),
        (b"%PDF-1.7\n", "no_table"),
        (b"\x1f\x8b\x08" + bytes(20), "no_table"),
        (b' [\n {"external_id": "x"}]', "no_table"),
        (b"<html><table><tr><td>x</td></tr></table></html>", "no_table"),
        (b'\xef\xbb\xbf\n<?xml version="1.0"?><Workbook/>', "no_table"),
        (b"{\\rtf1 x}", "no_table"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "old_or_encrypted_workbook"),
        (table([row(1)]).encode("utf-16"), "utf_16"),
        (bytes(10_000), "nul_bytes"),
        (GOOD + b"\0", "nul_bytes"),
        (GOOD + "课".encode() + b"\xff\xfe\xff", "wrong_encoding"),
        (b"a,b,c\n1,2,3\n", "no_header"),
        (table([row(1)[:-1]], HEADER[:-1]).encode(), "missing_column"),
        (table([row(1)], (*HEADER[:-1], "课程名称")).encode(), "missing_column"),
        (table([[*row(1), "x"]], (*HEADER, "课程名")).encode(), "column_twice"),
        (table([]).encode(), "no_rows"),
        (table([["x"] * 2500], [f"c{n}" for n in range(2500)]).encode(), "no_header"),
        (table([row(1)], (*HEADER, *(f"c{n}" for n in range(2500)))).encode(), "too_many_columns"),
        (GOOD + b"x" * 3_000_000, "line_too_long"),
        ("课".encode() * 600_000, "line_too_long"),
        (table(row(number) for number in range(12)).encode() + b'"\n",' * 600_000, "line_too_long"),
        (GOOD + b'r-9,"' + b"x" * 200_000, "quote_not_closed"),
        (GOOD + b'r-9,"' + b"x" * 200_000 + b'"', "cell_too_long"),
        (GOOD + '"r-9"x,张三\n'.encode(), "wrong_quotes"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_what_is_no_sound_table_is_refused_with_the_reason_and_nothing_is_booked(
    house: House, content: bytes, code: str
) -> None:
    assert code in refused(house, content)


def test_a_hundred_megabytes_of_zeros_are_refused_before_they_are_read(house: House) -> None:
    class Zeros(io.BytesIO):
        given = 0

        def read(self, size: int | None = -1, /) -> bytes:
            part = super().read(size)
            self.given += len(part)
            return part

    zeros = Zeros(bytes(100_000_000))
    length = {"CONTENT_LENGTH": "100000000"}
    sent = house.http.post(
        "/v1/imports", input_stream=zeros, content_type=CSV, headers=house.auth(), environ_overrides=length
    )
    assert (sent.status_code, sent.get_json()["errors"][0]["code"]) == (422, "nul_bytes")
    assert zeros.given < 3_000_000


@pytest.mark.parametrize("kind", [CSV, "multipart/form-data; boundary=made-up"])
@pytest.mark.parametrize("server", ["granian", "werkzeug"])
def test_a_file_whose_sending_breaks_off_is_not_imported(house: House, kind: str, server: str) -> None:
    content = table([row(1), row(2)]).encode()
    if kind != CSV:
        head = 'Content-Disposition: form-data; name="file"; filename="a.csv"'
        content = f"--made-up\r\n{head}\r\n\r\n".encode() + content
    sent = house.http.post(
        "/v1/imports",
        input_stream=io.BytesIO(content),
        content_type=kind,
        headers=house.auth(),
        environ_overrides={"CONTENT_LENGTH": str(len(content) + 100), "wsgi.input_terminated": server == "granian"},
    )
    assert (sent.status_code, sent.get_json()["errors"][0]["code"]) == (422, "broken_off")
    assert house.http.get("/v1/imports", headers=house.auth()).get_json()["items"] == []


def test_a_file_that_does_not_say_its_length_is_a_form_or_refused(house: House) -> None:
    """Chunks that break off end as whole ones do."""
    chunked: dict[str, Any] = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    content = table([row(1)])
    head = 'Content-Disposition: form-data; name="file"; filename="a.csv"'
    form = f"--made-up\r\n{head}\r\n\r\n{content}\r\n--made-up--\r\n"
    for kind, body, status in ((CSV, content, 422), ("multipart/form-data; boundary=made-up", form, 202)):
        sent = house.http.post(
            "/v1/imports",
            input_stream=io.BytesIO(body.encode()),
            content_type=kind,
            headers=house.auth(),
            environ_overrides=chunked,
        )
        assert sent.status_code == status
        assert status == 202 or sent.get_json()["errors"][0]["code"] == "no_length"


def test_a_quote_that_is_never_closed_is_told_with_the_line_on_which_it_opens(house: House) -> None:
    rows = [row(number) for number in range(1, 200)]
    rows[100][3] = '"课程'
    found = imported(house, table(rows).encode())
    assert codes(found) == ["quote_not_closed"]
    assert "102" in found["errors"][0]["message_zh"]
    assert outcomes(house) == 0


def test_what_is_wrong_far_down_is_found_before_anything_is_booked(house: House) -> None:
    """The first megabyte is sound ASCII; the encoding shows behind it."""
    head = table([[f"r-{n}", "Li", person(n % 50 + 1), "a" * 60, "1", "2026-01-01"] for n in range(11_000)]).encode()
    assert len(head) > 1024 * 1024
    found = imported(house, head + "r-x,张三,1,课,1,".encode("gbk") + b"\xff\xff\xff")
    assert (codes(found), outcomes(house)) == (["wrong_encoding"], 0)
    told = house.http.post(
        "/v1/imports/preview", data=head[:5000] + "\nr,张三".encode("gbk"), content_type=CSV, headers=house.auth()
    )
    assert told.status_code == 200


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_texts_are_read_in_each_encoding_with_each_end_of_line(house: House, encoding: str, end: str) -> None:
    rare = "𠮷" if encoding != "gbk" else "吉"
    found = imported(house, table([row(1, 课程名称=f"{rare}课")], end=end).encode(encoding))
    assert (found["accepted"], found["rejected"]) == (1, 0)
    given = read_back(house, answers(house, found["id"])[0]["id"])
    assert given["title"] == f"{rare}课"


@pytest.mark.parametrize(("encoding", "end"), [("utf-8", "\n"), ("utf-8", "\r"), ("gb18030", "\r\n")])
def test_the_beginning_of_a_file_may_end_amidst_a_character(house: House, encoding: str, end: str) -> None:
    content = table([row(1), row(2, 课程名称="课")], end=end).encode(encoding)
    cut = content[: content.rindex("课".encode(encoding)) + 1]
    seen = house.http.post("/v1/imports/preview", data=cut, content_type=CSV, headers=house.auth())
    assert [one["row"] for one in seen.get_json()["rows"]] == [2]


def test_what_is_wrong_with_a_row_by_itself_is_told_beforehand_as_it_is_when_it_is_booked(house: House) -> None:
    header = (*HEADER, "开始日期", "学分体系")
    unsound = person(1)[:-1] + ("1" if person(1)[-1] != "1" else "2")
    rows = [[*row(1, 身份证号=unsound, 完成日期="2099-01-01"), "", "nowhere"], [*row(2, 学时="x"), "", ""]]
    rows += [[*row(3), "2026-07-01", ""], [*row(4), "2026-01-01", ""]]
    content = table(rows, header).encode()
    seen = house.http.post("/v1/imports/preview", data=content, content_type=CSV, headers=house.auth()).get_json()
    found = imported(house, content)
    assert [one["errors"] for one in seen["rows"]] == [one.get("errors", []) for one in answers(house, found["id"])]
    assert [len(one["errors"]) for one in seen["rows"]] == [3, 1, 1, 0]


def test_numbers_of_lines_are_shown_beforehand(house: House) -> None:
    content = b'{"hours": 2.50, "credits": 3, "learner": {"x": [0.5]}}'
    seen = house.http.post("/v1/imports/preview", data=content, content_type=NDJSON, headers=house.auth())
    (shown_,) = seen.get_json()["rows"]
    assert shown_["records"] == [{"hours": "2.50", "credits": 3, "learner": {"x": ["0.5"]}}]


def test_an_encoding_that_is_named_is_the_one_that_is_tried(house: House) -> None:
    content = table([row(1)]).encode("gbk")
    assert refused(house, content, encoding="utf-8") == ["wrong_encoding"]
    assert imported(house, content, CSV, encoding="gb18030")["accepted"] == 1


def test_line_ends_may_be_mixed_and_lines_blank_and_quoted_cells_hold_breaks(house: House) -> None:
    one, two, three = (",".join(row(number)) for number in (1, 2, 3))
    three = three.replace("课程 3", '"课程\n三 ""上"""')
    content = "\r\n".join([",".join(HEADER), one]) + f"\n\n{two}\r,,,,\r\n\r\n{three}"
    found = imported(house, content.encode())
    assert (found["accepted"], found["rejected"], found["rows_total"]) == (3, 0, 3)
    given = answers(house, found["id"])
    assert [one["row"] for one in given] == [2, 4, 7]
    assert read_back(house, given[2]["id"])["title"] == '课程 三 "上"'


def test_tables_parted_by_semicolons_or_tabs_with_titles_above_are_read(house: House) -> None:
    for number, sign in enumerate((";", "\t")):
        lines = ["2026 年成绩表", "", sign.join(HEADER), sign.join(row(number + 1))]
        found = imported(house, "\n".join(lines).encode("gbk"))
        assert (found["accepted"], answers(house, found["id"])[0]["row"]) == (1, 4)


def test_five_hundred_columns_are_read_and_those_that_mean_nothing_are_told(house: House) -> None:
    header = (*HEADER, *(f"备用{n}" for n in range(494)))
    content = table([[*row(1), *["x"] * 494]], header).encode()
    seen = house.http.post("/v1/imports/preview", data=content, content_type=CSV, headers=house.auth()).get_json()
    assert sum(one["field"] is None for one in seen["columns"]) == 494
    assert imported(house, content)["accepted"] == 1


def test_a_row_with_more_cells_than_columns_is_rejected_and_one_with_fewer_is_not(house: House) -> None:
    found = imported(house, table([[*row(1), "", " "], [*row(2), "x"], row(3)]).encode())
    assert [one["status"] for one in answers(house, found["id"])] == ["accepted", "rejected", "accepted"]
    assert answers(house, found["id"])[1]["errors"][0]["code"] == "too_many_cells"


@pytest.mark.parametrize("day", DAYS)
def test_a_day_is_read_in_each_form(house: House, day: str) -> None:
    found = imported(house, table([row(1, 完成日期=day)]).encode())
    assert found["accepted"] == 1, found
    assert read_back(house, answers(house, found["id"])[0]["id"])["completed_on"] == "2026-06-30"


@pytest.mark.parametrize(
    "day", ["2026-06", "2026-13-01", "30/06/2026", "2026-02-30", "六月三十日", "2026-6/30", "123456789"]
)
def test_what_could_be_another_day_is_rejected(house: House, day: str) -> None:
    found = imported(house, table([row(1, 完成日期=day)]).encode())
    assert answers(house, found["id"])[0]["errors"][0]["code"] == "wrong_date"


@pytest.mark.parametrize("number", ["5.10201195512300E+17", "5.1E+17", "510201195512300000"])
def test_a_number_that_a_spreadsheet_damaged_is_rejected_and_told_so(house: House, number: str) -> None:
    found = imported(house, table([row(1, 身份证号=number)]).encode())
    fault = answers(house, found["id"])[0]["errors"][0]
    assert (fault["code"], fault["pointer"]) == ("damaged_number", "/learner/identifier/value")
    assert "文本" in fault["message_zh"]


def test_a_number_with_places_behind_it_names_nobody(house: House) -> None:
    header = ["学号", "姓名", "课程名称", "完成日期", "学时"]
    rows = [["20240001.0", "李平", "素描", "46203.0", "48.0"], ["20240001", "李平", "素描", "46203.0", "12345.0"]]
    first, second = answers(house, imported(house, table(rows, header).encode())["id"])
    assert (first["errors"][0]["code"], second["status"]) == ("damaged_number", "accepted")


def test_a_number_that_is_a_number_in_a_workbook_is_rejected_and_one_that_is_text_is_not(house: House) -> None:
    found = imported(house, workbook([row(1, 身份证号=int(person(2)[:17]) * 10), row(3)]), XLSX)
    first, second = answers(house, found["id"])
    assert (first["errors"][0]["code"], second["status"]) == ("damaged_number", "accepted")


def test_cells_of_spreadsheets_and_pages_are_read_for_what_they_mean(house: House) -> None:
    cells = row(
        1,
        身份证号=f'"=""{person(1)}"""',
        学时="４８.00",
        课程名称="\u3000课程\xa0",
        记录编号="'r-1",
        完成日期=" 2026-06-30\t",
    )
    bad = [row(2, 课程名称="=A1"), row(3, 学时="#N/A"), row(4, 姓名="王\ufffd"), row(5, 课程名称="锟斤拷锟斤拷")]
    given = answers(house, imported(house, table([cells, *bad]).encode())["id"])
    assert [one["status"] for one in given] == ["accepted", *["rejected"] * 4]
    assert [one["errors"][0]["code"] for one in given[1:]] == ["formula", "formula_error", "garbled", "garbled"]
    assert given[0]["external_id"] == "r-1"
    assert (read_back(house, given[0]["id"])["title"], read_back(house, given[0]["id"])["hours"]) == ("课程", "48.00")


def test_workbooks_that_are_not_sound_are_refused(house: House) -> None:
    head = list(HEADER)
    data = [head, row(1), row(2)]
    sound = book(data)
    formula = rezipped(sound, {"xl/worksheets/sheet1.xml": sheet_part(sound).replace(b"</sheetData>", UNCALCULATED)})
    failing = rezipped(sound, {"xl/worksheets/sheet1.xml": sheet_part(sound).replace(b"</sheetData>", FAILED)})
    far = rezipped(sound, {"xl/worksheets/sheet1.xml": sheet_part(sound).replace(b"</sheetData>", FAR)})
    bomb = rezipped(sound, {"xl/worksheets/sheet2.xml": bytes(50_000_000)})
    cases = {
        "empty_sheet": book([]),
        "no_header": book([["a", "b"], [1, 2]]),
        "several_sheets": book(data, data),
        "merged_cells": book(data, merged="A2:A3"),
        "macros": book(data, macros=True),
        "formula": formula,
        "formula_error": failing,
        "unpacks_to_too_much": bomb,
        "sheet_too_large": far,
        "broken_workbook": sound[:-100],
        "no_table": rezipped(b"PK\x05\x06" + bytes(18), {"成绩.csv": GOOD}),
        "old_or_encrypted_workbook": encrypted(sound),
    }
    for code, content in cases.items():
        assert refused(house, content, XLSX) == [code], code
        seen = house.http.post("/v1/imports/preview", data=content, content_type=XLSX, headers=house.auth())
        assert [one["code"] for one in seen.get_json()["errors"]] == [code], "and it is told beforehand"


def test_what_a_workbook_may_have_is_read(house: House) -> None:
    data = [["2026 年成绩表"], [], list(HEADER), row(1, 完成日期=46203, 学时=48.0), [], row(2)]
    found = imported(house, book([["说明"]], data, merged="A1:F1"), "application/octet-stream")
    assert (found["format"], found["accepted"], found["rejected"]) == ("xlsx", 2, 0)
    assert [one["row"] for one in answers(house, found["id"])] == [4, 6]


def test_bytes_tell_what_a_file_is_and_not_its_type(house: House) -> None:
    assert imported(house, workbook([row(1)]), CSV)["format"] == "xlsx"
    assert imported(house, table([row(2)]).encode(), XLSX)["format"] == "csv"
    assert imported(house, table([row(3)]).encode(), "application/vnd.ms-excel")["accepted"] == 1
    assert imported(house, b'{"x": 1}\n', "application/octet-stream")["format"] == "ndjson"
    sent = send(house, PNG, NDJSON)
    assert (sent.status_code, sent.get_json()["errors"][0]["code"]) == (422, "no_table")


def test_bytes_at_random_are_answered_and_never_a_fault_of_ours(house: House) -> None:
    drawn = random.Random(7)  # noqa: S311 - the same bytes each time
    sound = [GOOD, workbook([row(1)]), b'{"external_id": "x"}\n']
    before = outcomes(house)
    for _ in range(60):
        content = bytearray(drawn.choice(sound))
        for _ in range(drawn.randint(1, 40)):
            content[drawn.randrange(len(content))] = drawn.randrange(256)
        sent = send(house, bytes(content), drawn.choice([CSV, XLSX, NDJSON]))
        assert sent.status_code in (202, 422), sent.get_data(as_text=True)
        if sent.status_code == 202:
            assert ended(house, sent.get_json()["id"])["state"] in ("done", "refused")
    assert outcomes(house) >= before


UNCALCULATED = b'<row r="9"><c r="A9"><f>1+1</f></c></row></sheetData>'
FAR = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
FAILED = b'<row r="9"><c r="A9" t="e"><f>1/0</f><v>#DIV/0!</v></c></row></sheetData>'


def encrypted(content: bytes) -> bytes:
    """Return an archive that says of each part that it is encrypted."""
    made = bytearray(content)
    place = 0
    while (place := made.find(b"PK\x01\x02", place)) >= 0:
        made[place + 8] |= 1
        place += 4
    return bytes(made)
