"""The list of texts to which a workbook's cells point, measured before it is read: each cell is given its own copy.

A text of 32,767 characters to which a million cells point takes a megabyte as a file and thirty gigabytes in memory.
"""

import re
import zipfile
from array import array
from collections.abc import Iterator

from creditbank.formats.sheet_scan import BLOCK_BYTES

TEXTS_BYTES_MAX = 256 * 1024 * 1024
"""What the texts of a sheet's cells may have together: 100,000 rows of 15 columns have 30 MB."""

ENTRY_BYTES_MAX = 1024 * 1024
"""A text of the list with its markup: a cell has 32,767 characters at most."""

_STRINGS = "xl/sharedstrings.xml"
_COUNT = re.compile(rb"uniqueCount\s*=\s*[\"']([^\"']*)[\"']")
_END = re.compile(rb"</(?:[\w.-]+:)?si\s*>")
_VALUE = re.compile(rb"<(?:[\w.-]+:)?v(?:\s[^>]*)?>([0-9]*)")
_PLAIN = (b"<si><t", b"<si><r>")


def longest(archive: zipfile.ZipFile) -> int:
    """Return how many bytes the longest text has, with its markup. Raised: BadZipFile."""
    return max((max(map(len, entries)) for entries in _entries(archive)), default=0)


def bytes_of(archive: zipfile.ZipFile, part: str) -> int:
    """Return how many bytes the texts of a sheet's cells have together, at most; which is known only by reading both.

    Every value that could point to a text is taken to do so, and to the longest where it can't be told which.
    """
    lengths, is_plain = array("I"), True
    for entries in _entries(archive):
        lengths.extend(map(len, entries))
        is_plain = is_plain and all(map(_is_plain, entries))
    most = max(lengths, default=0)
    total, rest = 0, b""
    with archive.open(part) as stream:
        while block := stream.read(BLOCK_BYTES):
            rest += block
            cut = max(rest.rfind(b"<"), 0)
            for value in _VALUE.findall(rest[:cut]):
                place = int(value) if value and is_plain else -1
                total += lengths[place] if 0 <= place < len(lengths) else most
            rest = rest[cut:]
    return total


def _entries(archive: zipfile.ZipFile) -> Iterator[list[bytes]]:
    """Give the texts of the list, each up to its end, some thousand at a time.

    Raised: BadZipFile where it says that it has more texts than bytes, as room is made for all of them, or where one is
    too long.
    """
    for part in archive.infolist():
        if part.filename.casefold() != _STRINGS:
            continue
        rest = b""
        with archive.open(part) as stream:
            while block := stream.read(BLOCK_BYTES):
                rest += block
                counts = _COUNT.findall(rest)
                *entries, rest = _END.split(rest)
                is_overstated = any(not one.isdigit() or int(one) > part.file_size for one in counts)
                if is_overstated or len(rest) > ENTRY_BYTES_MAX:
                    message = "a list of texts that isn't sound"
                    raise zipfile.BadZipFile(message)
                if entries:
                    yield [entries[0][max(entries[0].find(b"<si"), 0) :], *entries[1:]]


def _is_plain(entry: bytes) -> bool:
    """Tell whether this is one text of the list, and surely counted as one: no phonetic hint, no comment, not blank."""
    return entry.lstrip().startswith(_PLAIN) and b"rPh" not in entry and b"<!" not in entry
