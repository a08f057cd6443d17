"""Rows of CSV of any length, each with where it ends, so that reading can go on from any row."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from creditbank.core.errors import Fault, Malformed
from creditbank.formats.table_bytes import BYTE_ORDER_MARK

LINE_BYTES_MAX = 1024 * 1024 - 1
"""The longest line: far more than 2,000 columns need, and shorter than a piece of a file, so that it holds one."""

BROKEN_ROW_MAX = LINE_BYTES_MAX
"""Characters of a row beyond its first line: what quoted cells with line breaks may have."""

DELIMITERS = (",", ";", "\t")

_BROKEN = "wrong_quotes"


@dataclass(slots=True)
class Lines:
    """The lines of a text that comes in pieces of bytes: split at LF, CR LF or a lone CR, each as it is decoded.

    `position` is where the last line that was given ends, in bytes. None of the three bytes that matter (LF, CR, the
    quote) is ever part of another character in UTF-8 or GB18030. Raised: Malformed for a line that is too long.
    """

    pieces: Iterable[bytes]
    encoding: str
    position: int = 0
    number: int = 0

    def __iter__(self) -> Iterator[str]:
        """Give line after line, with its end."""
        rest = b""
        for piece in self.pieces:
            lines = (rest + piece).splitlines(keepends=True)
            rest = lines.pop() if lines else b""
            if not lines and len(rest) > LINE_BYTES_MAX:
                raise Malformed((_too_long(self.number + 1),))
            yield from self._given(lines)
        if rest:
            yield from self._given([rest])

    def _given(self, lines: list[bytes]) -> Iterator[str]:
        encoding = self.encoding
        for line in lines:
            if len(line) > LINE_BYTES_MAX:
                raise Malformed((_too_long(self.number + 1),))
            if self.position == 0 and line.startswith(BYTE_ORDER_MARK):
                text = line[len(BYTE_ORDER_MARK) :].decode(encoding)
            else:
                text = line.decode(encoding)
            self.position += len(line)
            self.number += 1
            yield text


@dataclass(frozen=True, slots=True)
class Row:
    """A row: the line on which it begins, from 1; its cells; and where it ends: the position and the line behind it."""

    line: int
    cells: list[str]
    position: int
    next_line: int


def rows(lines: Lines, delimiter: str) -> Iterator[Row]:
    """Give every row that isn't blank. Raised: Malformed where quotes don't close, with the line where they open."""
    kept = _Kept(lines)
    reader = csv.reader(kept, delimiter=delimiter, strict=True)
    begins = lines.number + 1
    while True:
        kept.begin()
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise Malformed((_quotes_fault(kept.text, begins, delimiter, error),)) from None
        if cells is None:
            return
        ends = lines.number
        if any(map(str.strip, cells)):
            yield Row(begins, cells, lines.position, ends + 1)
        begins = ends + 1


def whole_lines(beginning: bytes) -> bytes:
    """Return the beginning of a text without the last line, which may go on; all of it where no line ends."""
    return beginning[: max(beginning.rfind(b"\n"), beginning.rfind(b"\r")) + 1] or beginning


def delimiter_of(header: str) -> str:
    """Return what parts the cells of a header line: whichever of the three comes most often outside quotes."""
    plain = "".join(header.split('"')[::2])
    return max(DELIMITERS, key=plain.count)


class _Kept:
    """Lines on their way to the reader, with those of the row that is being read kept to tell what is wrong."""

    def __init__(self, lines: Lines) -> None:
        self.text: list[str] = []
        self._lines = iter(lines)
        self._number = lines.number
        self._characters = 0

    def begin(self) -> None:
        """Begin with another row."""
        self._number += len(self.text)
        self._characters = 0
        self.text.clear()

    def __iter__(self) -> "_Kept":
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        if self.text:
            self._characters += len(line)
            if self._characters > BROKEN_ROW_MAX:
                raise Malformed((_row_too_long(self._number + 1),))
        self.text.append(line)
        return line


def _quotes_fault(text: list[str], begins: int, delimiter: str, error: csv.Error) -> Fault:
    """Return what is wrong with a row: a quote that is never closed, one amidst a cell, or a cell without end."""
    opened = _opened_at("".join(text), delimiter)
    if opened is not None:
        line = begins + opened
        zh = f"第 {line} 行打开的引号没有闭合；请在该行补上引号，单元格内的引号应写成两个。"
        en = f"A quote that opens on line {line} is never closed; close it, and double quotes inside of cells."
        return Fault("", "quote_not_closed", zh, en)
    line = begins + max(len(text) - 1, 0)
    if "field larger" in str(error):
        zh, en = f"第 {line} 行有一个过长的单元格。", f"A cell on line {line} is too long."
        return Fault("", "cell_too_long", zh, en)
    if line > begins:  # it closed at the next quote, which was meant to open another cell
        zh = (
            f"第 {begins} 行至第 {line} 行的引号不成对，很可能第 {begins} 行打开的引号没有闭合；"
            "请补上该引号，单元格内的引号应写成两个。"
        )
        en = (
            f"Quotes on lines {begins} to {line} don't pair, most likely as one that opens on line {begins} is never "
            "closed; close it, and double quotes inside of cells."
        )
        return Fault("", _BROKEN, zh, en)
    zh = f"第 {line} 行的引号后还有别的内容；单元格内的引号应写成两个。"
    return Fault("", _BROKEN, zh, f"Something follows a closing quote on line {line}; double quotes inside of cells.")


def _opened_at(text: str, delimiter: str) -> int | None:
    """Return how many lines further down in a text a quote opens that is never closed, None where all are closed."""
    opened, is_start, line, place = None, True, 0, 0
    while place < len(text):
        mark = text[place]
        if opened is not None:
            if mark == '"' and text[place + 1 : place + 2] == '"':
                place += 1
            elif mark == '"':
                opened = None
        elif mark == '"' and is_start:
            opened = line
        line += mark == "\n"
        is_start = opened is None and mark in (delimiter, "\n", "\r")
        place += 1
    return opened


def _row_too_long(line: int) -> Fault:
    zh = f"第 {line} 行开始的一行数据过长（引号内换行过多）；请核对该行的引号。"
    en = f"The row that begins on line {line} is too long, with too many lines in quotes; check its quotes."
    return Fault("", "line_too_long", zh, en)


def _too_long(line: int) -> Fault:
    zh = f"第 {line} 行长于 {LINE_BYTES_MAX} 字节；这不像是表格，请核对分隔与换行。"
    return Fault("", "line_too_long", zh, f"Line {line} has more than {LINE_BYTES_MAX} bytes, which no row has.")
