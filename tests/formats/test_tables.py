"""Tables for people: what a spreadsheet would take for a formula stays text, numbers stay numbers."""

import csv
import io
import zipfile
from decimal import Decimal

import pytest
from python_calamine import CalamineWorkbook

from creditbank.formats.tables import csv_bytes, xlsx_bytes

ROWS = [
    {"key": "a", "name": "=1+1", "accounts": 3, "recognised": Decimal("12.50")},
    {"key": None, "name": "@SUM(A1)", "accounts": 0, "converted": Decimal("-3.00")},
]


def test_a_workbook_reads_as_it_was_written_and_has_no_formula() -> None:
    body = xlsx_bytes({"figures": ROWS})
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(body)).get_sheet_by_name("figures")
    header, first, second = sheet.to_python()
    assert header == ["key", "name", "accounts", "recognised", "converted"]
    assert first == ["a", "=1+1", 3.0, 12.5, ""]
    assert second == ["", "@SUM(A1)", 0.0, "", -3.0]
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        written = archive.read("xl/worksheets/sheet1.xml")
    assert b"<f>" not in written


@pytest.mark.parametrize(
    "text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(1)", "\t=1", "\r=1", "\n=1", "＝1+1", "＋1", "－1", "＠SUM(1)"]
)
def test_in_csv_a_formula_is_led_by_an_apostrophe(text: str) -> None:
    (row,) = csv.DictReader(io.StringIO(csv_bytes([{"name": text}]).decode("utf-8-sig"), newline=""))
    assert row["name"] == "'" + text


@pytest.mark.parametrize("value", [Decimal("-3.00"), "-3.00", 12])
def test_in_csv_a_number_stays_one(value: object) -> None:
    (row,) = csv.DictReader(io.StringIO(csv_bytes([{"amount": value}]).decode("utf-8-sig")))
    assert row["amount"] == str(value)
