"""A file is read to its end before anything of it is booked: its encoding, its rows, its header, and how long it is."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from creditbank.core.errors import Fault, Malformed
from creditbank.core.importing import Mode, SheetFormat
from creditbank.formats.csv_rows import Lines, rows, whole_lines
from creditbank.formats.table_bytes import UTF_8, encoding_of
from creditbank.formats.table_head import chosen_sheet, head_of
from creditbank.formats.workbook import Sheet
from creditbank.formats.workbook_archive import BYTES_MAX
from creditbank.gateways.keyring import PersonCipher
from creditbank.services.bank import Bank
from creditbank.services.import_files import PIECE_BYTES, Plan, asking, pieces_from, sealed_piece, written
from creditbank.storage import import_parts
from creditbank.storage.imports import Import

ALL_ROWS_MAX = 50_000
"""Rows that are booked all or none, fewer if each may tell of many courses: one transaction, for which others may have
to wait as long as it takes."""

Beat = Callable[[], None]
"""Is called again and again while something takes long."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A file that is sound: how its rows are read, how many there are, and how many records each may tell of."""

    plan: Plan
    rows_total: int
    records_a_row: int = 1


def checked(bank: Bank, cipher: PersonCipher, found: Import, beat: Beat) -> Checked:
    """Read a file to its end, without booking anything, and return how it is read.

    A workbook becomes a text with a line a row, kept in pieces as the file is. Refused: Malformed for what is wrong
    with the file as a whole, TryLater.
    """
    if found.format is SheetFormat.XLSX:
        sheet = chosen_sheet(_whole(bank, cipher, found), found.mapping)
        _convert(bank, cipher, found, sheet, beat)
        done = _checked_table(bank, cipher, found, UTF_8, beat)
    else:
        asked = UTF_8 if found.format is SheetFormat.NDJSON else found.encoding
        encoding = encoding_of(_beating(pieces_from(asking(bank), cipher, found.id), beat), asked)
        if isinstance(encoding, Fault):
            raise Malformed((encoding,))
        read = _checked_lines if found.format is SheetFormat.NDJSON else _checked_table
        done = read(bank, cipher, found, encoding, beat)
    _check_length(found, done)
    return done


def _checked_table(bank: Bank, cipher: PersonCipher, found: Import, encoding: str, beat: Beat) -> Checked:
    """Read a table to its end: its header, its quotes, its rows."""
    is_typed = found.format is SheetFormat.XLSX
    beginning = next(pieces_from(asking(bank), cipher, found.id, is_converted=is_typed), b"")
    if len(beginning) >= PIECE_BYTES:  # the last line of it may go on in the next piece
        beginning = whole_lines(beginning)
    head = head_of(beginning, encoding, found.mapping, is_typed=is_typed)
    row = head.row
    plan = Plan(encoding, head.delimiter, tuple(row.cells), row.position, row.next_line, is_converted=is_typed)
    behind = _beating(pieces_from(asking(bank), cipher, found.id, row.position, is_converted=is_typed), beat)
    lines = Lines(behind, encoding, row.position, row.next_line - 1)
    return Checked(plan, sum(1 for _ in rows(lines, head.delimiter)), max(len(head.binding.groups), 1))


def _checked_lines(bank: Bank, cipher: PersonCipher, found: Import, encoding: str, beat: Beat) -> Checked:
    """Read lines of JSON to their end; what each says is looked at when it is booked."""
    lines = Lines(_beating(pieces_from(asking(bank), cipher, found.id), beat), encoding)
    return Checked(Plan(encoding, "", (), 0, 1), sum(1 for line in lines if line.strip()))


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


def _check_length(found: Import, done: Checked) -> None:
    """Let a file pass that has rows, and no more than are taken together where they are. Refused: Malformed."""
    if done.rows_total == 0:
        zh, en = "文件中没有数据行。", "The file has no rows."
        raise Malformed((Fault("", "no_rows", zh, en),))
    rows_max = ALL_ROWS_MAX // done.records_a_row
    if found.mode is Mode.ALL and done.rows_total > rows_max:
        zh = f"共 {done.rows_total} 行；整体入库（mode=all）最多 {rows_max} 行，请拆分或逐行入库。"
        en = f"It has {done.rows_total} rows; mode=all takes {rows_max} at most, send it in parts or row by row."
        raise Malformed((Fault("", "too_many_rows", zh, en),))
