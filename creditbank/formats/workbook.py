"""Workbooks (XLSX): looked at before anything is unpacked, then read row by row as texts."""

import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import chain, islice
from xml.etree.ElementTree import ParseError
from xml.parsers.expat import ExpatError

import python_calamine

from creditbank.core.errors import Fault, Malformed
from creditbank.formats import shared_texts
from creditbank.formats.shared_texts import TEXTS_BYTES_MAX
from creditbank.formats.sheet_scan import CELLS_MAX, Scan, scanned
from creditbank.formats.workbook_archive import archive_fault, broken, parts_of, too_much

EXACT_BELOW = 10**15
"""From here on a spreadsheet has lost digits of a whole number."""

_WORKSHEET = python_calamine.SheetTypeEnum.WorkSheet
_VISIBLE = python_calamine.SheetVisibleEnum.Visible
_STUMBLES = (
    python_calamine.CalamineError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    NotImplementedError,
    ParseError,
    ExpatError,
    LookupError,
    OSError,
    OverflowError,
    ValueError,
)
_PANIC = "PanicException"
"""What a broken promise of the reader, which is written in Rust, becomes; it can't be imported, and is no Exception."""

Cell = int | float | str | bool | time | date | datetime | timedelta


@dataclass(frozen=True, slots=True)
class SheetRow:
    """A row of a sheet: its number there, from 1, and its cells as texts."""

    number: int
    cells: list[str]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet that holds something: its first rows, all of its rows, and the last row with a part in merged cells.

    `number` counts the sheets that are shown, from 1. `fault` tells of formulas of which nothing but a blank is read.
    """

    number: int
    first: list[SheetRow]
    merged_to: int
    rows: Iterator[SheetRow]
    fault: Fault | None


def sheets_of(content: bytes, first_max: int) -> Iterator[Sheet]:
    """Give the sheets of a workbook that are shown and hold something, one after the other, as they are asked for.

    Refused: Malformed for what is no sound workbook, would unpack to too much, or holds nothing; so are its rows.
    """
    fault = archive_fault(content)
    if fault is not None:
        raise Malformed((fault,))
    is_empty = True
    with _refusing_what_is_broken():
        seen = _looked_through(content)
        workbook = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
        shown = [one for one in workbook.sheets_metadata if one.visible == _VISIBLE]
        for number, one in enumerate(shown, 1):
            sheet = workbook.get_sheet_by_name(one.name) if one.typ == _WORKSHEET else None
            if sheet is not None and sheet.height > 0:
                is_empty = False
                yield _sheet(number, sheet, first_max, seen[one.name])
    if is_empty:
        zh, en = "工作簿是空的；请核对后再提交。", "The workbook is empty; check the file."
        raise Malformed((Fault("", "empty_sheet", zh, en),))


@contextmanager
def _refusing_what_is_broken() -> Iterator[None]:
    """Refuse what a reader of workbooks stumbles over. Refused: Malformed."""
    try:
        yield
    except _STUMBLES:
        raise Malformed((broken(),)) from None
    except BaseException as error:
        if type(error).__name__ != _PANIC:
            raise
        raise Malformed((broken(),)) from None


def _looked_through(content: bytes) -> dict[str, Scan]:
    """Return what is seen of each sheet, by its name, before any is read. Refused: Malformed."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = parts_of(archive)
        seen = {part: scanned(archive, part) for part in parts.linked}
        longest = shared_texts.longest(archive)
        for part, one in seen.items():
            if one.cells * longest > TEXTS_BYTES_MAX and shared_texts.bytes_of(archive, part) > TEXTS_BYTES_MAX:
                raise Malformed((too_much(),))
    if any(one.area > CELLS_MAX for one in seen.values()):
        zh = "有工作表的区域过大；请删除数据之外的行和列（尤其是远处的零星单元格），或另存为 CSV UTF-8。"
        en = (
            "The area of a sheet is too large; delete rows and columns beyond the data, above all stray cells far off, "
            "or save it as CSV UTF-8."
        )
        raise Malformed((Fault("", "sheet_too_large", zh, en),))
    return {name: seen[part] for name, part in parts.sheets.items()}


def _formula_fault(number: int, seen: Scan) -> Fault | None:
    """Return the fault of a sheet, by its number among those shown, with formulas that failed or have no value yet."""
    if seen.failed is not None:
        zh = f"第 {number} 个工作表的单元格 {seen.failed} 是公式错误值（如 #N/A）；请更正或粘贴为数值后再提交。"
        en = f"The formula in cell {seen.failed} of sheet {number} fails, as with #N/A; correct it or paste values."
        return Fault("", "formula_error", zh, en)
    if seen.uncalculated is None:
        return None
    zh = (
        f"第 {number} 个工作表的单元格 {seen.uncalculated} 是未计算的公式；"
        "请在 Excel 或 WPS 中打开并保存，或粘贴为数值后再提交。"
    )
    en = (
        f"The formula in cell {seen.uncalculated} of sheet {number} was never calculated; open and save it in a "
        "spreadsheet program, or paste values."
    )
    return Fault("", "formula", zh, en)


def _sheet(number: int, sheet: python_calamine.CalamineSheet, first_max: int, seen: Scan) -> Sheet:
    merged_to = max((end[0] + 1 for _, end in sheet.merged_cell_ranges or []), default=0)
    rows = _rows(sheet)
    first = list(islice(rows, first_max))
    return Sheet(number, first, merged_to, chain(first, rows), _formula_fault(number, seen))


def _rows(sheet: python_calamine.CalamineSheet) -> Iterator[SheetRow]:
    """Give every row from the first that holds anything. Refused: Malformed."""
    first = sheet.start[0] + 1 if sheet.start else 1
    with _refusing_what_is_broken():
        for number, cells in enumerate(sheet.iter_rows(), first):
            yield SheetRow(number, [cell if type(cell) is str else _text(cell) for cell in cells])


def _text(cell: Cell) -> str:
    """Return a cell that isn't text as one; a whole number that has lost digits shows that it has."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, int | float):
        if abs(cell) >= EXACT_BELOW:
            return f"{Decimal(cell):.13E}"
        return str(int(cell)) if cell == int(cell) else repr(cell)
    if isinstance(cell, datetime):
        return cell.date().isoformat()
    return cell.isoformat() if isinstance(cell, date | time) else str(cell)
