"""Workbooks (XLSX): looked at before anything is unpacked, then read row by row as texts."""

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import chain, islice

import python_calamine

from creditbank.core.errors import Fault, Malformed

BYTES_MAX = 64 * 1024 * 1024
"""The largest workbook: half a million rows; it is opened in memory, so that no part of it lies open on a disk."""

UNPACKED_MAX = 512 * 1024 * 1024
"""What all parts of a workbook may unpack to: 100,000 rows of 15 columns take 70 MB."""

SHEET_UNPACKED_MAX = 384 * 1024 * 1024
RATIO_MAX = 200
"""How much smaller a part may be packed than it is: sheets are packed to a tenth, what is repeated a million times to
a thousandth."""

RATIO_FROM_BYTES = 1024 * 1024
"""Below this size nothing harms, however well it is packed."""

MEMBERS_MAX = 1_000
CELLS_MAX = 20_000_000
"""Cells of the sheet's area, blank ones included: what a single stray cell in the last row would make of it."""

EXACT_BELOW = 10**15
"""From here on a spreadsheet has lost digits of a whole number."""

_ENCRYPTED_FLAG = 1
_CONTENT_TYPES = "[Content_Types].xml"
_WORKBOOK = "xl/workbook.xml"
_MACROS = "xl/vbaProject.bin"

_SHEET_PART = re.compile(r"xl/worksheets/sheet([0-9]{1,4})\.xml", re.ASCII)
_FORMULA_MARKS = re.compile(rb'<c [^>]*(t="e")|(?:</f>|<f [^>]*/>)(?:<v></v>|<v ?/>)?</c>')
_FAILED = b't="e"'
_MARK_BYTES = 200
"""What is looked at again with the next block: no mark is longer."""

_WORKSHEET = python_calamine.SheetTypeEnum.WorkSheet
_VISIBLE = python_calamine.SheetVisibleEnum.Visible

Cell = int | float | str | bool | time | date | datetime | timedelta


@dataclass(frozen=True, slots=True)
class SheetRow:
    """A row of a sheet: its number there, from 1, and its cells as texts."""

    number: int
    cells: list[str]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet that holds something: its first rows, all of its rows, and the last row with a part in merged cells."""

    first: list[SheetRow]
    merged_to: int
    rows: Iterator[SheetRow]


def sheets_of(content: bytes, first_max: int) -> Iterator[Sheet]:
    """Give the sheets of a workbook that are shown and hold something, one after the other, as they are asked for.

    Refused: Malformed for what is no sound workbook, would unpack to too much, or holds nothing.
    """
    try:
        fault = archive_fault(content) or _formula_fault(content)
        if fault is not None:
            raise Malformed((fault,))
        workbook = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
        is_empty = True
        for one in workbook.sheets_metadata:
            if one.typ == _WORKSHEET and one.visible == _VISIBLE:
                sheet = workbook.get_sheet_by_name(one.name)
                if sheet.height > 0:
                    is_empty = False
                    yield _sheet(sheet, first_max)
    except (python_calamine.CalamineError, zipfile.BadZipFile, zlib.error, OSError, ValueError):
        raise Malformed((_broken(),)) from None
    if is_empty:
        zh, en = "工作簿是空的；请核对后再提交。", "The workbook is empty; check the file."
        raise Malformed((Fault("", "empty_sheet", zh, en),))


def archive_fault(content: bytes) -> Fault | None:
    """Return what is wrong with a workbook by its list of parts alone; nothing is unpacked."""
    if len(content) > BYTES_MAX:
        most = BYTES_MAX // 1024 // 1024
        zh = f"工作簿大于 {most} MiB；请另存为 CSV UTF-8，CSV 可以大得多。"
        en = f"The workbook is larger than {most} MiB; save it as CSV UTF-8, which may be far larger."
        return Fault("", "workbook_too_large", zh, en)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        return _broken()
    names = {part.filename for part in parts}
    if any(part.flag_bits & _ENCRYPTED_FLAG for part in parts):
        zh, en = "压缩包已加密；请去掉密码后再提交。", "The archive is encrypted; take its password away."
        return Fault("", "old_or_encrypted_workbook", zh, en)
    if _CONTENT_TYPES not in names or _WORKBOOK not in names:
        zh = "这是 ZIP 压缩包，但不是 .xlsx 工作簿；请解压后提交其中的表格。"
        return Fault("", "no_table", zh, "This is a ZIP archive but no .xlsx workbook; unpack it and send the table.")
    if _MACROS in names:
        zh, en = "工作簿含有宏；请另存为不含宏的 .xlsx。", "The workbook holds macros; save it as .xlsx without them."
        return Fault("", "macros", zh, en)
    return _bomb(parts)


def _bomb(parts: list[zipfile.ZipInfo]) -> Fault | None:
    """Return the fault of an archive that would unpack to far more than it is, or overlaps itself."""
    unpacked = sum(part.file_size for part in parts)
    packed = sum(part.compress_size for part in parts)
    is_bomb = (
        len(parts) > MEMBERS_MAX
        or unpacked > UNPACKED_MAX
        or any(part.file_size > SHEET_UNPACKED_MAX for part in parts)
        or any(
            part.file_size > RATIO_FROM_BYTES and part.file_size > RATIO_MAX * max(part.compress_size, 1)
            for part in parts
        )
        or len({part.header_offset for part in parts}) < len(parts)
        or (unpacked > RATIO_FROM_BYTES and unpacked > RATIO_MAX * max(packed, 1))
    )
    if not is_bomb:
        return None
    zh = "工作簿解压后过大或异常，未予打开；请删除多余的工作表和格式，或另存为 CSV UTF-8。"
    en = "It would unpack to far too much and wasn't opened; remove sheets and formats, or save it as CSV UTF-8."
    return Fault("", "unpacks_to_too_much", zh, en)


def _formula_fault(content: bytes) -> Fault | None:
    """Return the fault of a workbook with formulas that were never calculated, or that failed.

    Of both nothing but a blank cell would be read.
    """
    for name, mark in _marks(content):
        if mark == _FAILED:
            zh = f"{name} 中有公式错误值（如 #N/A）；请更正或粘贴为数值后再提交。"
            return Fault(
                "", "formula_error", zh, f"A formula in {name} fails, as with #N/A; correct it or paste values."
            )
        zh = f"{name} 中有未计算的公式；请在 Excel 或 WPS 中打开并保存，或粘贴为数值后再提交。"
        en = f"A formula in {name} was never calculated; open and save it in a spreadsheet program, or paste values."
        return Fault("", "formula", zh, en)
    return None


def _marks(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Give the sheets' parts, by their plain names, in which a mark of such a formula stands."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for part in archive.infolist():
            match = _SHEET_PART.fullmatch(part.filename)
            if match is None:
                continue
            with archive.open(part) as stream:
                tail = b""
                while block := stream.read(RATIO_FROM_BYTES):
                    found = _FORMULA_MARKS.search(tail + block)
                    if found is not None:
                        yield f"sheet{match[1]}", _FAILED if found[1] else b""
                        break
                    tail = block[-_MARK_BYTES:]


def _sheet(sheet: python_calamine.CalamineSheet, first_max: int) -> Sheet:
    if sheet.total_height * sheet.total_width > CELLS_MAX:
        zh = "工作表的区域过大；请删除数据之外的行和列，或另存为 CSV UTF-8。"
        en = "The sheet's area is too large; delete rows and columns beyond the data, or save it as CSV UTF-8."
        raise Malformed((Fault("", "sheet_too_large", zh, en),))
    merged_to = max((end[0] + 1 for _, end in sheet.merged_cell_ranges or []), default=0)
    rows = _rows(sheet)
    first = list(islice(rows, first_max))
    return Sheet(first, merged_to, chain(first, rows))


def _rows(sheet: python_calamine.CalamineSheet) -> Iterator[SheetRow]:
    """Give every row from the first that holds anything."""
    first = sheet.start[0] + 1 if sheet.start else 1
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


def _broken() -> Fault:
    zh = "无法作为 .xlsx 工作簿打开；请在 Excel 或 WPS 中重新另存为 .xlsx。"
    return Fault("", "broken_workbook", zh, "It can't be opened as .xlsx; save it anew in a spreadsheet program.")
