"""Workbooks: what spreadsheet programs write is read, and nothing that one holds brings the reader down."""

import io
from typing import Any

import pytest
import xlsxwriter

from creditbank.core.errors import Malformed
from creditbank.formats import sheet_scan
from creditbank.formats.sheet_scan import CELLS_MAX
from creditbank.formats.table_head import chosen_sheet
from tests.tables import HEADER, rezipped, row, sheet_part, workbook

SHEET, STRINGS = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"
SOUND = workbook([row(1), row(2)])
LIST = b'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">%s</sst>'
TEXTS = ("记录编号", "姓名", "身份证号", "课程名称", "学时", "完成日期", "x" * 5000)


def ending_on(xml: bytes) -> bytes:
    """Return a sound workbook whose sheet goes on with these rows."""
    return rezipped(SOUND, {SHEET: sheet_part(SOUND).replace(b"</sheetData>", xml + b"</sheetData>")})


def rows_of(content: bytes) -> list[list[str]]:
    return [one.cells for one in chosen_sheet(content, "creditbank").rows]


def refused(content: bytes) -> tuple[str, str]:
    """Return the code and the message of the one reason for which a workbook is refused."""
    with pytest.raises(Malformed) as caught:
        rows_of(content)
    (fault,) = caught.value.faults
    return fault.code, fault.message_en


@pytest.mark.parametrize(
    ("xml", "code"),
    [
        (b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>', "sheet_too_large"),
        (b"<row r='9'><c\nr='XFD1048576'><v>1</v></c></row>", "sheet_too_large"),
        (b'<x:row xmlns:x="x" r="9"><x:c r="XFD999999"><x:v>1</x:v></x:c></x:row>', "sheet_too_large"),
        (b'<row r="9"><c r="&#88;FD1048576"><v>1</v></c></row>', "sheet_too_large"),
        (b'<row r="9"><c r="ZZZZZZZZ99999999999999"><v>1</v></c></row>', "sheet_too_large"),
        (b"<row/>" * 20_000 + b"<row>" + b"<c/>" * 600 + b"<c><v>1</v></c></row>", "sheet_too_large"),
        (b'<row r="9"><c r="9"><v>1</v></c></row>', "broken_workbook"),
        (b'<row r="9"><c r="A9"><v>NaN</v></c></row>', "broken_workbook"),
        (b'<row r="9"><c r="A9"', "broken_workbook"),
    ],
)
def test_a_sheet_that_reaches_too_far_or_is_broken_is_refused_and_ends_no_process(xml: bytes, code: str) -> None:
    assert refused(ending_on(xml))[0] == code


def test_a_cell_that_is_far_off_and_has_a_format_alone_takes_no_room() -> None:
    assert len(rows_of(ending_on(b'<row r="1048576"><c r="XFD1048576" s="0"/></row>'))) == 3
    within = CELLS_MAX // len(HEADER)
    assert refused(ending_on(f'<row r="9"><c r="F{within + 1}"><v>1</v></c></row>'.encode()))[0] == "sheet_too_large"


def test_texts_that_are_said_to_be_more_than_they_are_make_no_room_for_themselves() -> None:
    strings = LIST.replace(b">%s", b' uniqueCount="%s">')
    for count in (b"4294967296", b"&#52;294967296"):
        assert refused(rezipped(SOUND, {STRINGS: strings.replace(b"%s", count)}))[0] == "broken_workbook"


@pytest.mark.parametrize(
    ("shift", "pointed", "is_taken"),
    [
        ("", "<c><v>5</v></c>" * 100, True),
        ("", '<c t="s"><v>6</v></c>' * 5, True),
        ("", '<c t="s"><v>6</v></c>' * 100, False),
        ("", '<c t="s"><v>&#54;</v></c>' * 100, False),
        ("<si><rPh><t>x</t></rPh></si>", '<c t="s"><v>6</v></c>' * 100, False),
        ("<si/>", '<c t="s"><v>6</v></c>' * 100, False),
    ],
)
def test_a_long_text_to_which_many_cells_point_is_refused_before_each_has_its_own(
    monkeypatch: pytest.MonkeyPatch, shift: str, pointed: str, *, is_taken: bool
) -> None:
    monkeypatch.setattr("creditbank.formats.workbook.TEXTS_BYTES_MAX", 100_000)
    texts = shift + "".join(f"<si><t>{one}</t></si>" for one in TEXTS)
    head = "".join(f'<c t="s"><v>{place}</v></c>' for place in range(6))
    sheet = sheet_part(SOUND).partition(b"<sheetData>")[0] + f"<sheetData><row>{head}</row>".encode()
    sheet += f"<row>{pointed}</row></sheetData></worksheet>".encode()
    content = rezipped(SOUND, {STRINGS: LIST.replace(b"%s", texts.encode()), SHEET: sheet})
    if is_taken:
        assert len(rows_of(content)) == 2
    else:
        assert refused(content)[0] == "unpacks_to_too_much"


@pytest.mark.parametrize("number", [1e17, -1e17])
def test_a_number_too_large_for_its_format_refuses_the_workbook(number: float) -> None:
    """The reader raises OverflowError of the one, and panics of the other."""
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, HEADER)
        sheet.write_number(1, 4, number, book.add_format({"num_format": "[h]:mm"}))
    assert refused(content.getvalue())[0] == "broken_workbook"


@pytest.mark.parametrize("block_bytes", [64, 1024 * 1024])
@pytest.mark.parametrize(
    ("cell", "code", "place"),
    [
        (b'<c r="B9"><f>1+1</f></c>', "formula", "B9"),
        (b'<c r="B9">\n <f>1+1</f>\n <v></v>\n</c>', "formula", "B9"),
        (b'<c r="B9"><f t="shared" si="0"/><v/></c>', "formula", "B9"),
        (b'<c s="0" t="e" r="C9"><f>1/0</f><v>#DIV/0!</v></c>', "formula_error", "C9"),
        (b'<c r="B9" t="str"><f>IF(A9="","",1)</f><v></v></c>', None, ""),
        (b'<c r="B9"><f>1+1</f><v>2</v></c>', None, ""),
    ],
)
def test_formulas_without_values_are_told_with_their_cell_and_an_empty_text_is_a_value(
    monkeypatch: pytest.MonkeyPatch, block_bytes: int, cell: bytes, code: str | None, place: str
) -> None:
    monkeypatch.setattr(sheet_scan, "BLOCK_BYTES", block_bytes)
    content = ending_on(b'<row r="9"><c r="A9"><v>9</v></c>' + cell + b"</row>")
    if code is None:
        assert len(rows_of(content)) == 9
        return
    found, message = refused(content)
    assert (found, place in message) == (code, True)


def sheets(*made: tuple[list[list[Any]], str]) -> bytes:
    """Return a workbook of sheets, each with a formula that fails or none."""
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True}) as book:
        for rows, formula in made:
            sheet = book.add_worksheet()
            for line, cells in enumerate(rows):
                sheet.write_row(line, 0, cells)
            if formula:
                sheet.write_formula("H9", formula, None, "#N/A")
    return content.getvalue()


def test_formulas_that_fail_on_another_sheet_stop_nothing() -> None:
    data: list[list[Any]] = [list(HEADER), row(1)]
    assert len(rows_of(sheets((data, ""), ([["合计"]], "=1/0")))) == 2
    code, message = refused(sheets(([["说明"]], ""), (data, "=1/0")))
    assert (code, "H9 of sheet 2" in message) == ("formula_error", True)


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ({"成绩.csv": b"x"}, "unpack"),
        ({"[Content_Types].xml": b"x", "xl/workbook.bin": b"x"}, ".xlsb"),
        ({"mimetype": b"application/vnd.oasis.opendocument.spreadsheet"}, ".ods"),
    ],
)
def test_an_archive_that_is_no_workbook_is_told_apart_from_other_documents(parts: dict[str, bytes], told: str) -> None:
    code, message = refused(rezipped(b"PK\x05\x06" + bytes(18), parts))
    assert (code, told in message) == ("no_table", True)
