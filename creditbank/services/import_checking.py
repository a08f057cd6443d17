"""A file is read to its end before anything of it is booked: its encoding, its rows, its header, and how long it is."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from creditbank.core.errors import Fault, Malformed
from creditbank.core.importing import Mode, SheetFormat
from creditbank.core.lanes import LANES, ROWS_MIN, Knots, lane_of
from creditbank.formats.csv_rows import Lines, whole_lines
from creditbank.formats.row_binding import Derive
from creditbank.formats.row_reading import ReadRow
from creditbank.formats.table_bytes import UTF_8, encoding_of
from creditbank.formats.table_head import chosen_sheet, head_of
from creditbank.formats.workbook import Sheet
from creditbank.formats.workbook_archive import BYTES_MAX
from creditbank.gateways.keyring import PersonCipher
from creditbank.services.bank import Bank
from creditbank.services.import_files import (
    PIECE_BYTES,
    Plan,
    asking,
    pieces_from,
    rows_of,
    sealed_piece,
    written,
)
from creditbank.storage import import_parts
from creditbank.storage.imports import Import

ALL_RECORDS_MAX = 50_000
"""Records that are booked all or none: one transaction, for which others may have to wait as long as it takes."""

Beat = Callable[[], None]
"""Is called again and again while something takes long."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A file that is sound: how its rows are read, how many there are, and by how many lanes they are booked."""

    plan: Plan
    rows_total: int
    lanes: int


def checked(bank: Bank, cipher: PersonCipher, found: Import, derive: Derive, beat: Beat) -> Checked:
    """Read a file to its end, without booking anything, and return how it is read.

    A workbook becomes a text with a line a row, kept in pieces as the file is. Refused: Malformed for what is wrong
    with the file as a whole, TryLater.
    """
    if found.format is SheetFormat.XLSX:
        sheet = chosen_sheet(_whole(bank, cipher, found), found.mapping)
        _convert(bank, cipher, found, sheet, beat)
        plan = _table_plan(bank, cipher, found, UTF_8)
    else:
        is_lines = found.format is SheetFormat.NDJSON
        pieces = _beating(pieces_from(asking(bank), cipher, found.id), beat)
        encoding = encoding_of(pieces, UTF_8 if is_lines else found.encoding)
        if isinstance(encoding, Fault):
            raise Malformed((encoding,))
        plan = Plan(encoding, "", (), 0, 1) if is_lines else _table_plan(bank, cipher, found, encoding)
    pieces = _beating(pieces_from(asking(bank), cipher, found.id, plan.position, is_converted=plan.is_converted), beat)
    lines = Lines(pieces, plan.encoding, plan.position, plan.line - 1)
    rows_total, records_total, knots = _counted(rows_of(lines, found, plan, derive))
    _check_length(found, rows_total, records_total)
    is_shared = rows_total >= ROWS_MIN and found.mode is Mode.ROWS and not bank.database.is_sqlite and not knots
    return Checked(plan, rows_total, LANES if is_shared else 1)


def _table_plan(bank: Bank, cipher: PersonCipher, found: Import, encoding: str) -> Plan:
    """Return how a table is read, from its beginning: its header and what parts its cells. Refused: Malformed."""
    is_typed = found.format is SheetFormat.XLSX
    beginning = next(pieces_from(asking(bank), cipher, found.id, is_converted=is_typed), b"")
    if len(beginning) >= PIECE_BYTES:  # the last line of it may go on in the next piece
        beginning = whole_lines(beginning)
    head = head_of(beginning, encoding, found.mapping, is_typed=is_typed)
    row = head.row
    return Plan(encoding, head.delimiter, tuple(row.cells), row.position, row.next_line, is_converted=is_typed)


def _counted(rows: Iterable[ReadRow]) -> tuple[int, int, Knots]:
    """Read rows to their end; return how many there are, how many records, and what several lanes have in common."""
    knots, count, records = Knots(LANES), 0, 0
    for row in rows:
        knots.add(lane_of(row.learner, LANES), row.keys)
        count += 1
        records += len(row.documents)
    return count, records, knots


def _whole(bank: Bank, cipher: PersonCipher, found: Import) -> bytes:
    """Return a workbook in one piece; of one that is too large no more than shows that it is."""
    whole = bytearray()
    for piece in pieces_from(asking(bank), cipher, found.id):
        whole += piece
        if len(whole) > BYTES_MAX:
            break
    return bytes(whole)


def _convert(bank: Bank, cipher: PersonCipher, found: Import, sheet: Sheet, beat: Beat) -> None:
    """Keep a sheet as a text in which a row's line is its number in the sheet. Refused: TryLater."""
    written(bank, lambda connection: import_parts.drop_pieces(connection, found.id, only_converted=True))
    for number, block in enumerate(_blocks(sheet)):
        beat()
        piece = sealed_piece(cipher, found.id, block, number, is_converted=True)
        written(bank, partial(import_parts.add_pieces, pieces=[piece]))


def _blocks(sheet: Sheet) -> Iterator[bytes]:
    """Give a sheet as CSV in parts of about a piece's length."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    line = 1
    for row in sheet.rows:
        text.write("\n" * (row.number - line))
        writer.writerow([" ".join(cell.split("\n")).replace("\r", " ") for cell in row.cells])
        line = row.number + 1
        if text.tell() >= PIECE_BYTES:
            yield text.getvalue().encode()
            text.seek(0)
            text.truncate()
    rest = text.getvalue().encode()
    if rest:
        yield rest


def _beating(pieces: Iterable[bytes], beat: Beat) -> Iterator[bytes]:
    for piece in pieces:
        beat()
        yield piece


def _check_length(found: Import, rows_total: int, records_total: int) -> None:
    """Let a file pass that has rows, and no more than are taken together where they are. Refused: Malformed."""
    if rows_total == 0:
        zh, en = "文件中没有数据行。", "The file has no rows."
        raise Malformed((Fault("", "no_rows", zh, en),))
    if found.mode is Mode.ALL and records_total > ALL_RECORDS_MAX:
        zh = f"共 {records_total} 条记录；整体入库（mode=all）最多 {ALL_RECORDS_MAX} 条，请拆分或逐行入库。"
        en = (
            f"It has {records_total} records; mode=all takes {ALL_RECORDS_MAX} at most, send it in parts or row by row."
        )
        raise Malformed((Fault("", "too_many_rows", zh, en),))
