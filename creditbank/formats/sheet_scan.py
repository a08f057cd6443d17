"""The sheets of a workbook looked through before they are read: how far their cells reach, and formulas without values.

Whoever reads a sheet makes room for its whole area at once. One stray cell in the last row and column makes an area of
seventeen thousand million cells, for which no machine has the memory, and the process ends.
"""

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from xml.parsers import expat

CELLS_MAX = 10_000_000
"""Cells of a sheet's area, blank ones included: 240 MB, and half a million rows of 20 columns."""

BLOCK_BYTES = 1024 * 1024
UNSPLIT_BLOCKS_MAX = 4
"""Blocks without the beginning of a cell or row that belong to one: a cell has 32,767 characters at most."""

_PREFIX = rb"(?:[\w.-]+:)?"
_PLACED = re.compile(rb'<(?:c|row)(?![\w:.-])(?: r="([A-Z]*)([0-9]{1,10})")?')
_PREFIXED = re.compile(rb":(?:c|row)[\s/>]")
_FAILED = re.compile(rb"<" + _PREFIX + rb"c\s(?=[^>]*\bt\s*=\s*[\"']e[\"'])([^>]*)>")
_UNCALCULATED = re.compile(
    rb"<PREc\b([^>]*)>\s*<PREf\b(?:[^>]*/>|[^>]*>[^<]*</PREf>)\s*(?:<PREv\s*/>|<PREv>\s*</PREv>)?\s*</PREc>".replace(
        b"PRE", _PREFIX
    )
)
_TEXT = re.compile(rb"\bt\s*=\s*[\"']str[\"']")
_REFERENCE = re.compile(rb"\br\s*=\s*[\"']([A-Z]{1,3}[0-9]{1,7})[\"']")
_LETTERS = 26


@dataclass(slots=True)
class Scan:
    """What was seen of a sheet: its area in cells, how many cells and rows it has at most, and bad formulas.

    `failed` and `uncalculated` are the first cells whose formula failed, or has no value yet; an empty text is one.
    """

    area: int = 0
    cells: int = 0
    failed: str | None = None
    uncalculated: str | None = None


def scanned(archive: zipfile.ZipFile, part: str) -> Scan:
    """Return what is seen of a sheet's part. Raised: BadZipFile, ExpatError, ValueError where it can't be read."""
    found = Scan()
    rows, columns, is_plain = {0}, {0}, True
    for block in _blocks(archive, part):
        placed = _PLACED.findall(block)
        found.cells += len(placed) + len(_PREFIXED.findall(block))
        names, numbers = {one[0] for one in placed}, {one[1] for one in placed}
        is_plain = is_plain and b"" not in numbers and _PREFIXED.search(block) is None
        rows.add(max(map(int, numbers - {b""}), default=0))
        columns.add(max(map(_column, names), default=0))
        _look_at_formulas(block, found)
    found.area = max(rows) * max(columns)
    if found.area > CELLS_MAX or not is_plain:
        found.area = _measured(archive, part)
    return found


def _look_at_formulas(block: bytes, found: Scan) -> None:
    """Note the first cells with formulas of which nothing but a blank would be read."""
    if found.failed is None and (b't="e"' in block or b"t='e'" in block):
        failed = _FAILED.search(block)
        found.failed = None if failed is None else _place(failed[1])
    if found.uncalculated is None and (b"<f" in block or b":f" in block):
        without = (one[1] for one in _UNCALCULATED.finditer(block) if not _TEXT.search(one[1]))
        found.uncalculated = next(map(_place, without), None)


def _blocks(archive: zipfile.ZipFile, part: str) -> Iterator[bytes]:
    """Give a part in blocks that end where a cell or a row begins, so that none is parted."""
    rest = b""
    with archive.open(part) as stream:
        while block := stream.read(BLOCK_BYTES):
            rest += block
            cut = max(rest.rfind(b"<c "), rest.rfind(b":c "), rest.rfind(b"<row"), rest.rfind(b":row"))
            cut = rest.rfind(b"<", 0, cut + 1)
            if cut > 0:
                yield rest[:cut]
                rest = rest[cut:]
            elif len(rest) > UNSPLIT_BLOCKS_MAX * BLOCK_BYTES:
                cut = max(rest.rfind(b"<"), 1)
                yield rest[:cut]
                rest = rest[cut:]
    yield rest


@dataclass(slots=True)
class _Measure:
    """Follows the elements of a sheet, as cells that hold something make its area and those with a format alone don't.

    A cell or a row that doesn't say where it stands follows on the one before it.
    """

    row: int = 0
    column: int = 0
    rows: int = 0
    columns: int = 0
    _open: list[str] = field(default_factory=list)

    def begin(self, name: str, attributes: dict[str, str]) -> None:
        """Take in that an element begins."""
        name = name.rpartition(":")[2]
        place = attributes.get("r", "")
        if name == "row":
            self.row, self.column = int(place or self.row + 1), 0
        elif name == "c":
            letters = place.rstrip("0123456789")
            self.column = _column(letters.encode()) if letters else self.column + 1
            self.row = int(place[len(letters) :] or self.row)
        elif self._open[-1:] == ["c"]:
            self.rows, self.columns = max(self.rows, self.row), max(self.columns, self.column)
        self._open.append(name)

    def end(self, _name: str) -> None:
        """Take in that an element ends."""
        self._open.pop()


def _measured(archive: zipfile.ZipFile, part: str) -> int:
    """Return the area of a sheet exactly, which takes three times as long."""
    measure, parser = _Measure(), expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = measure.begin, measure.end
    with archive.open(part) as stream:
        for block in iter(partial(stream.read, BLOCK_BYTES), b""):
            parser.Parse(block)
    parser.Parse(b"", True)  # noqa: FBT003 - C takes it by place: these were the last
    return measure.rows * measure.columns


def _column(letters: bytes) -> int:
    """Return the number of a column by its letters, from 1."""
    number = 0
    for letter in letters.upper():
        number = number * _LETTERS + letter - ord("A") + 1
    return number


def _place(attributes: bytes) -> str:
    """Return the cell of which these are the attributes, such as B7; empty if it doesn't say."""
    found = _REFERENCE.search(attributes)
    return "" if found is None else found[1].decode()
