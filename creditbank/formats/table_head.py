"""Where the header of a table stands: the first rows are looked at, as titles and notes may stand above it."""

from collections.abc import Iterator
from dataclasses import dataclass

from creditbank.core.errors import Fault, Malformed
from creditbank.formats.csv_rows import Lines, Row, delimiter_of, rows
from creditbank.formats.row_binding import HEADER_ROWS_MAX, Binding, bound, recognised_count
from creditbank.formats.row_mapping import mapping_codes
from creditbank.formats.workbook import Sheet, SheetRow, sheets_of


@dataclass(frozen=True, slots=True)
class Head:
    """The header of a table as it was found, what parts its cells, and what its columns mean."""

    row: Row
    delimiter: str
    binding: Binding


def head_of(beginning: bytes, encoding: str, code: str, *, is_typed: bool = False) -> Head:
    """Return the header of a table by its beginning, the first piece of it.

    Refused: Malformed with every column that is missing, or comes twice, in the row that looks most like a header.
    """
    text = beginning.decode(encoding, errors="ignore")
    delimiter = "," if is_typed else _likeliest(text, code)
    candidates = list(_first(rows(Lines([beginning], encoding), delimiter)))
    for row in candidates:
        binding = bound(code, row.cells, is_typed=is_typed)
        if isinstance(binding, Binding):
            return Head(row, delimiter, binding)
    raise Malformed(_why_none([row.cells for row in candidates], code))


def chosen_sheet(content: bytes, code: str) -> Sheet:
    """Return the one sheet of a workbook that has a header; others, such as notes, are passed over.

    Refused: Malformed where there is none, or more than one, so that no sheet is left out unseen; and where cells of
    the one are merged below its header, or hold formulas without values.
    """
    chosen: Sheet | None = None
    looked_at: list[list[SheetRow]] = []
    for sheet in sheets_of(content, HEADER_ROWS_MAX):
        looked_at.append(sheet.first)
        header = sheet_header(sheet, code)
        if header is None:
            continue
        if chosen is not None:
            raise Malformed((_several_sheets(chosen.number, sheet.number),))
        chosen, header_row = sheet, header[0].number
    if chosen is None:
        raise Malformed(_why_none([row.cells for rows_ in looked_at for row in rows_], code))
    if chosen.fault is not None:
        raise Malformed((chosen.fault,))
    if chosen.merged_to > header_row:
        raise Malformed((_merged(chosen.merged_to),))
    return chosen


def sheet_header(sheet: Sheet, code: str) -> tuple[SheetRow, Binding] | None:
    """Return the row of a sheet that is its header, with what its columns mean; None where no row is one."""
    for row in sheet.first:
        binding = bound(code, row.cells, is_typed=True)
        if isinstance(binding, Binding):
            return row, binding
    return None


def _first(all_rows: Iterator[Row]) -> Iterator[Row]:
    """Give the rows among which the header is looked for, as far as they can be read."""
    for _, row in zip(range(HEADER_ROWS_MAX), all_rows, strict=False):
        yield row


def _likeliest(text: str, code: str) -> str:
    """Return what parts the cells: as the line says among the first that has most names of columns."""
    lines = text.splitlines()[:HEADER_ROWS_MAX]
    parted = [(delimiter_of(line), line) for line in lines if line.strip()]
    if not parted:
        return ","
    best = max(parted, key=lambda one: recognised_count(code, [name.strip('" ') for name in one[1].split(one[0])]))
    return best[0]


def _why_none(candidates: list[list[str]], code: str) -> tuple[Fault, ...]:
    """Return why none of some rows is a header: what is wrong with the one that looks most like it."""
    if not any(map(any, candidates)):
        return (Fault("", "empty_file", "文件中没有内容。", "The file has nothing in it."),)
    likest = max(candidates, key=lambda cells: recognised_count(code, cells), default=[])
    if recognised_count(code, likest) == 0:
        return (_no_header(code),)
    faults = bound(code, likest)
    assert not isinstance(faults, Binding), "the first that is bound is taken"
    return faults


def _merged(row: int) -> Fault:
    zh = f"第 {row} 行有合并单元格；请取消合并，并补全表头以下的每一行后再提交。"
    en = f"Cells are merged in row {row}; unmerge them and fill in every row below the header."
    return Fault("", "merged_cells", zh, en)


def _several_sheets(one: int, other: int) -> Fault:
    zh = f"第 {one} 个和第 {other} 个工作表都有可识别的表头；请合并到一个工作表，或分别提交。"
    en = f"Sheets {one} and {other} both have a header that is known; put their rows on one sheet, or send them apart."
    return Fault("", "several_sheets", zh, en)


def _no_header(code: str) -> Fault:
    others = ", ".join(one for one in mapping_codes() if one != code)
    zh = f"前 {HEADER_ROWS_MAX} 行中没有可识别的表头；模板见 GET /v1/imports/templates/{code}，其他对照表：{others}。"
    en = (
        f"None of the first {HEADER_ROWS_MAX} rows is a header that is known; GET /v1/imports/templates/{code} gives a "
        f"template, and other mappings are {others}."
    )
    return Fault("", "no_header", zh, en)
