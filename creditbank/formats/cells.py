"""Cells of tables as people fill them in: texts, numbers, dates and documents' numbers, brought to one spelling.

What can't be brought to it is left as it is, so that the field that it is for says what is wrong; only what a
spreadsheet has damaged is refused here, as it may look sound.
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache, wraps

from creditbank.core.errors import Fault

Read = Callable[[str], "str | Fault"]
"""Reads a cell that isn't blank."""

SHANGHAI = timezone(timedelta(hours=8))

SERIAL_MIN, SERIAL_MAX = 10_000, 80_000
"""Days since 1899-12-30 that a spreadsheet's date is stored as: from 1927 to 2119. Years have four digits."""

_DAY_ZERO = date(1899, 12, 30)
_CACHED = 65_536
_CACHED_CHARACTERS = 100

_SPACES = " \t\r\n\xa0\u3000\ufeff\u200b\u200c\u200d\u2060"
"""What stands around cells without being seen, as tables that were copied from pages and papers have it."""

_WIDE = {0xFF01 + offset: 0x21 + offset for offset in range(94)} | {0x3000: 0x20}
_BREAKS = re.compile(r"\s*[\r\n\x0b\x0c\u2028\u2029]\s*")
_TEXT_FORMULA = re.compile(r'="([^"]*)"')
_SCIENTIFIC = re.compile(r"[0-9](?:\.[0-9]+)?[eE]\+?[0-9]{1,3}", re.ASCII)
_WITH_PLACES = re.compile(r"[0-9]{5,}\.0+", re.ASCII)
_ROUNDED_NUMBER = re.compile(r"[0-9]{15}000", re.ASCII)
_AMOUNT = re.compile(r"([0-9]+)\.([0-9]*?)0*", re.ASCII)
_NEARLY = re.compile(r"[0-9]{1,8}\.[0-9]{12,17}", re.ASCII)
_YEAR_FIRST = re.compile(
    r"(?:([0-9]{4})([-/.年])([0-9]{1,2})([-/.月])([0-9]{1,2})日?|([0-9]{4})([0-9]{2})([0-9]{2}))"
    r"(?:[T ]+([0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?) ?(Z|[+-][0-9]{2}:?[0-9]{2})?)?",
    re.ASCII | re.IGNORECASE,
)
_DAY_FIRST = re.compile(r"([0-9]{1,2})[-/.]([0-9]{1,2})[-/.]([0-9]{4})", re.ASCII)
_SAME = {"-": "-", "/": "/", ".": ".", "年": "月"}
_GARBLED = ("\ufffd", "锟斤拷")
"""What a program writes for characters that it couldn't read, and what that becomes when it is read as GBK."""

_ERRORS = frozenset({"#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!"})


def _cached(read: Read) -> Read:
    """Return a reader that remembers what it made of short cells: long ones come once, and fill the memory."""
    remembering = lru_cache(_CACHED)(read)

    @wraps(read)
    def reading(cell: str) -> str | Fault:
        return remembering(cell) if len(cell) <= _CACHED_CHARACTERS else read(cell)

    return reading


def bare(cell: str) -> str | Fault:
    """Return a cell without what stands around it: spaces, and what spreadsheets take for "this is text".

    Line breaks inside become spaces. Refused: a formula, a formula's error, and characters that were lost on the way.
    """
    text = cell.strip(_SPACES)
    if not text:
        return ""
    if text[0] == "'":
        text = text[1:].strip(_SPACES)
    if text.startswith("="):  # behind an apostrophe as well, by which rejected rows are kept from being calculated
        match = _TEXT_FORMULA.fullmatch(text)
        if match is None:
            return _formula()
        text = match[1].strip(_SPACES)
    if any(one in text for one in _GARBLED):
        return _garbled()
    if text in _ERRORS:
        return _formula_error()
    return text if text.isprintable() else _BREAKS.sub(" ", text)


@_cached
def read_text(cell: str) -> str | Fault:
    """Return words as they are: names and titles keep the width of their letters."""
    return bare(cell)


def read_code(cell: str) -> str | Fault:
    """Return a number or code in half-width letters. Refused: one that a program has turned into an amount."""
    text = _half_width(cell)
    return _damaged_by_places() if type(text) is str and _WITH_PLACES.fullmatch(text) else text


def _half_width(cell: str) -> str | Fault:
    """Return a cell in half-width letters. Refused: a number that lost its digits."""
    if cell.isascii() and (cell.isdecimal() or (cell.isalnum() and not cell[0].isdecimal())):
        return cell  # as most are
    text = bare(cell)
    if type(text) is not str:
        return text
    if not text.isascii():
        text = text.translate(_WIDE).strip()
    return _damaged() if _SCIENTIFIC.fullmatch(text) else text


def read_document_number(cell: str) -> str | Fault:
    """Return the number of a document with its letters in capitals.

    Refused: 18 digits that end on 000 as well, as a spreadsheet keeps fifteen: a number that ends so by itself is
    one in a thousand, and comes as a text cell of XLSX or as NDJSON.
    """
    if cell.isdecimal() and cell.isascii() and not cell.endswith("000"):
        return cell  # as most are
    text = read_code(cell)
    if type(text) is not str:
        return text
    return _rounded() if _ROUNDED_NUMBER.fullmatch(text) else text.upper().replace(" ", "")


def read_typed_number(cell: str) -> str | Fault:
    """Return the number of a document from a table whose cells told whether they are texts or numbers."""
    text = read_code(cell)
    return text.upper().replace(" ", "") if type(text) is str else text


@_cached
def read_amount(cell: str) -> str | Fault:
    """Return an amount without zeros behind its places, and without the noise of binary fractions."""
    text = _half_width(cell)
    if type(text) is not str:
        return text
    if _NEARLY.fullmatch(text):
        text = f"{round(float(text), 6):f}"
    match = _AMOUNT.fullmatch(text)
    if match is None:
        return text
    return f"{match[1]}.{match[2]}" if match[2] else match[1]


@_cached
def read_day(cell: str) -> str | Fault:
    """Return a date as YYYY-MM-DD from any form that begins with the year, a time behind it, or a serial number.

    Taken: 2024-09-01, 2024/9/1, 2024.9.1, 20240901, 2024年9月1日, 45536; a time with its zone is one in Shanghai.
    """
    text = _half_width(cell)
    if type(text) is not str:
        return text
    match = _YEAR_FIRST.fullmatch(text)
    if match is not None:
        return _year_first(match) or text
    whole = text.removesuffix(".0")
    if whole.isascii() and whole.isdigit() and SERIAL_MIN <= int(whole) <= SERIAL_MAX:
        return (_DAY_ZERO + timedelta(days=int(whole))).isoformat()
    return text


@_cached
def read_day_first(cell: str) -> str | Fault:
    """Return a date from DD/MM/YYYY, as some countries write it, or from any form that begins with the year."""
    text = read_day(cell)
    if type(text) is not str:
        return text
    match = _DAY_FIRST.fullmatch(text)
    return (_iso(match[3], match[2], match[1]) or text) if match is not None else text


def _year_first(match: re.Match[str]) -> str | None:
    """Return the date of a matched form; None where its signs don't belong together or there is no such day."""
    if match[1] is not None:
        if _SAME[match[2]] != match[4] or (match[2] == "年") != match[0].split(" ")[0].split("T")[0].endswith("日"):
            return None
        day = _iso(match[1], match[3], match[5])
    else:
        day = _iso(match[6], match[7], match[8])
    if day is None or match[10] is None:
        return day
    clock = match[9].rjust(5, "0") if ":" in match[9][:2] else match[9]
    zone = match[10].upper().replace("Z", "+00:00")
    try:
        at = datetime.fromisoformat(f"{day}T{clock}{zone}")
    except ValueError:
        return None
    return at.astimezone(UTC).astimezone(SHANGHAI).date().isoformat()


def _iso(year: str, month: str, day: str) -> str | None:
    try:
        return date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        return None


def _damaged() -> Fault:
    zh = "该号码已被电子表格当作数字处理，后几位已丢失；请把该列设为“文本”后重新填写完整号码。"
    en = (
        "A spreadsheet took this number for an amount and lost its last digits; make the column text and enter it anew."
    )
    return Fault("", "damaged_number", zh, en)


def _damaged_by_places() -> Fault:
    zh = "该号码带有小数（.0），已被程序当作数字处理；请把该列设为“文本”后重新填写号码。"
    en = "A program took this number for an amount, with places behind it; make the column text and enter it anew."
    return Fault("", "damaged_number", zh, en)


def _rounded() -> Fault:
    zh = (
        "号码以 000 结尾，很可能已被 Excel 改动（只保留 15 位）；请把该列设为“文本”后重填。"
        "若号码确实如此，请用 XLSX 的文本列提交。"
    )
    en = (
        "The number ends on 000, as Excel keeps fifteen digits; make the column text and enter it anew. "
        "If it is right, send it in a text column of XLSX."
    )
    return Fault("", "damaged_number", zh, en)


def _garbled() -> Fault:
    zh = "该单元格含有乱码（�），原来的文字已丢失；请从原系统重新导出（CSV UTF-8 或 XLSX）。"
    en = "Characters of this cell were lost (�) before it was sent; export it anew, as CSV UTF-8 or XLSX."
    return Fault("", "garbled", zh, en)


def _formula() -> Fault:
    zh = "该单元格是公式；请粘贴为数值后再提交。"
    return Fault("", "formula", zh, "This cell is a formula; paste it as a value.")


def _formula_error() -> Fault:
    zh = "该单元格是公式错误值；请更正后再提交。"
    return Fault("", "formula_error", zh, "This cell is a formula's error; correct it.")
