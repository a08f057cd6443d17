"""Tables for people: rows as CSV and XLSX that a spreadsheet opens without harm, and as JSON."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import xlsxwriter

BYTE_ORDER_MARK = "\ufeff"
"""Tells spreadsheets, which would else take the text for GBK, that it is UTF-8."""

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What a spreadsheet takes for the beginning of a formula, in full width as well (OWASP, CSV injection)."""


def csv_bytes(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Return rows as CSV with a header."""
    columns = columns_of(rows)
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([cell(row.get(name)) for name in columns] for row in rows)
    return (BYTE_ORDER_MARK + text.getvalue()).encode()


def xlsx_bytes(sheets: Mapping[str, Sequence[Mapping[str, Any]]]) -> bytes:
    """Return rows as an XLSX workbook, a sheet for each name, with headers that stay in sight.

    Text is text, whatever it begins with; whole numbers and Decimals are numbers, the latter with two places.
    """
    written = io.BytesIO()
    with xlsxwriter.Workbook(written, {"in_memory": True}) as book:
        heading, amount = book.add_format({"bold": True}), book.add_format({"num_format": "0.00"})
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            sheet.freeze_panes(1, 0)
            columns = columns_of(rows)
            for place, column in enumerate(columns):
                sheet.write_string(0, place, column, heading)
                for number, row in enumerate(rows, start=1):
                    value = row.get(column)
                    if isinstance(value, int | Decimal) and not isinstance(value, bool):
                        sheet.write_number(number, place, value, amount if isinstance(value, Decimal) else None)
                    elif value is not None:
                        sheet.write_string(number, place, str(value))
            sheet.autofit()
    return written.getvalue()


def columns_of(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the columns of all rows, in the order in which they first come."""
    return list(dict.fromkeys(name for row in rows for name in row))


def json_bytes(value: object) -> bytes:
    """Return a value as JSON to be read by people, too: indented, Chinese as it is."""
    return (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode()


def cell(value: object) -> str:
    """Return a value as it stands in a cell; text that would be taken for a formula is led by an apostrophe."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    text = str(value)
    return "'" + text if text.startswith(_FORMULA_STARTS) and not _is_number(text) else text


def _is_number(text: str) -> bool:
    """Tell an amount such as -3.00 from a formula."""
    whole, _, places = text.removeprefix("-").partition(".")
    return text.isascii() and whole.isdigit() and (places.isdigit() or not places)
