"""A file looked at before it is imported: what its first rows and its columns would be understood as."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from creditbank.core.errors import Fault, Malformed
from creditbank.core.importing import SheetFormat
from creditbank.formats.csv_rows import Lines, whole_lines
from creditbank.formats.row_mapping import recognised
from creditbank.formats.row_reading import ReadRow, json_rows, table_rows
from creditbank.formats.table_bytes import SNIFFED_BYTES, UTF_8, encoding_of, kind_of
from creditbank.formats.table_head import chosen_sheet, head_of, sheet_header

ROWS_MAX = 20
"""Rows that are shown: enough to see whether columns were taken for what they are."""


@dataclass(frozen=True, slots=True)
class SeenColumn:
    """A column by its number, from 1, with the field that it is for; None where it is left out."""

    number: int
    name: str
    field: str | None


@dataclass(frozen=True, slots=True)
class Preview:
    """What is understood of a file; `ids_are_made` tells that its rows have no ids and would be given some."""

    format: SheetFormat
    mapping: str
    encoding: str | None
    delimiter: str | None
    header_row: int | None
    columns: tuple[SeenColumn, ...]
    ids_are_made: bool
    rows: tuple[ReadRow, ...]


def previewed(content: bytes, mapping: str, encoding: str | None, wanted: SheetFormat | None) -> Preview:
    """Return what a file, or the beginning of one, would be understood as. Refused: Malformed."""
    kind = kind_of(content[:SNIFFED_BYTES], wanted)
    if isinstance(kind, Fault):
        raise Malformed((kind,))
    if kind is SheetFormat.XLSX:
        return _of_workbook(content, mapping)
    found = encoding_of([whole_lines(content)], UTF_8 if kind is SheetFormat.NDJSON else encoding)
    if isinstance(found, Fault):
        raise Malformed((found,))
    content = _sound(content, found)
    if kind is SheetFormat.NDJSON:
        rows = tuple(islice(json_rows(Lines([content], found), mapping, _made_later), ROWS_MAX))
        return Preview(kind, mapping, found, None, None, (), ids_are_made=False, rows=rows)
    head = head_of(content, found, mapping)
    lines = Lines([content[head.row.position :]], found, head.row.position, head.row.next_line - 1)
    rows = tuple(islice(table_rows(lines, head.delimiter, head.binding, _made_later), ROWS_MAX))
    columns = _columns(head.row.cells, mapping)
    made = head.binding.derives_id
    return Preview(kind, mapping, found, head.delimiter, head.row.line, columns, ids_are_made=made, rows=rows)


def _of_workbook(content: bytes, mapping: str) -> Preview:
    sheet = chosen_sheet(content, mapping)
    header = sheet_header(sheet, mapping)
    assert header is not None, "a sheet is chosen by its header"
    row, binding = header
    behind = (one for one in sheet.rows if one.number > row.number and any(map(str.strip, one.cells)))
    rows = tuple(
        ReadRow(one.number, binding.documents(one.cells, _made_later), one.cells, 0, one.number + 1)
        for one in islice(behind, ROWS_MAX)
    )
    columns = _columns(row.cells, mapping)
    made = binding.derives_id
    return Preview(SheetFormat.XLSX, mapping, None, None, row.number, columns, ids_are_made=made, rows=rows)


def _columns(header: Sequence[str], mapping: str) -> tuple[SeenColumn, ...]:
    return tuple(_seen(number, name, mapping) for number, name in enumerate(header, 1) if name.strip())


def _seen(number: int, name: str, mapping: str) -> SeenColumn:
    meaning = recognised(mapping, name)
    if meaning is None:
        return SeenColumn(number, name, None)
    group, rule = meaning
    return SeenColumn(number, name, f"{rule.to}[{group}]" if group else rule.to)


def _sound(content: bytes, encoding: str) -> bytes:
    """Return a text without its last line where that ends amidst a character, as the beginning of a file may."""
    whole = whole_lines(content)
    try:
        content[len(whole) :].decode(encoding)
    except UnicodeDecodeError:
        return whole
    return content


def _made_later(_text: str) -> str:
    """Stand in for the id that a row is given when it is booked."""
    return "file:"
