"""The keys under which titles, certificate numbers and names are equal although they are written differently.

`title_key("计算机应用基础（一）")` and `title_key("计算机应用基础 Ⅰ")` are both "计算机应用基础1".
"""

import re
import unicodedata
from functools import lru_cache

KEYS_KEPT_MAX = 8192
"""Keys kept at hand: a term's courses come in thousands of records each. At a few hundred bytes each, some MB."""

_MIDDLE_DOTS = "·•‧∙⋅・･ㆍᆞꞏ⸱・●．."
_OPENING = "([{<《〈「『【〔〖“‘〘〚"
_CLOSING = ")]}>》〉」』】〕〗”’〙〛"

_TITLE_SIGNS_KEPT = "+#"
"""C, C++ and C# are three languages."""

_TITLE_SYMBOLS_DROPPED = "<>|~`^´¨∙⋅−∕ㆍᆞꞏ"
"""Written as brackets, strokes and dots are, although Unicode counts them as symbols or letters."""

_UNITS = "一二三四五六七八九壹贰叁肆伍陆柒捌玖"
_CHINESE = _UNITS + "十拾"
_DIGIT = dict(zip(_UNITS, "123456789" * 2, strict=True))
_ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII")
_ROMAN_VALUE = {numeral.casefold(): str(value) for value, numeral in enumerate(_ROMAN, start=1)}
_UNAMBIGUOUS = (
    {first + place: f" {place + 1} " for first in (0x2160, 0x2170) for place in range(12)}  # Ⅰ to Ⅻ, ⅰ to ⅻ
    | {0x3280 + place: f"({'一二三四五六七八九十'[place]})" for place in range(10)}  # circled, which NFKC makes bare
)
_BRACKETED = re.compile(rf"[{re.escape(_OPENING)}]\s*([{_CHINESE}]+|[ivx]+|[0-9]+)\s*[{re.escape(_CLOSING)}]")
_CHINESE_AT_END = re.compile(rf"(?<=[^{_CHINESE}百千万亿零〇])[{_CHINESE}]+$")
_ROMAN_AT_END = re.compile(r"(?<=[^a-z])[ivx]+$")
_CHINESE_NUMBER = re.compile(rf"(?:([{_UNITS}])?([十拾]))?([{_UNITS}])?")

_CERTIFICATE_DROPPED = "/\\∕_−。" + _MIDDLE_DOTS
_ONE_BRACKET = str.maketrans("[{〔【〖［", "((((((") | str.maketrans("]}〕】〗］", "))))))")
_NUMBER_WRAPPER = re.compile(r"第(?=[0-9A-Z(])|[号號]$")


@lru_cache(maxsize=KEYS_KEPT_MAX)
def title_key(text: str) -> str:
    """Return the key under which two writings of one title are equal.

    Width, case, blanks, punctuation, brackets and middle dots don't count; letters, numbers, symbols, + and # do.
    An ordinal is written in digits: Ⅰ to Ⅻ anywhere, and a Chinese number up to 99 or a Roman one of I, V and X up to
    XII either alone in brackets or at the very end behind something else; nowhere else, so that 三国演义 and 第一次
    stay as they are. Numbers that something stood between stay apart: 2.0 is not 20. A title without any letter or
    number is its own key. Source: Korea's published rules on duplicate subjects.
    """
    folded = _folded(text.translate(_UNAMBIGUOUS))
    marked = _BRACKETED.sub(lambda found: f" {_arabic(found[1])} ", folded)
    bare = marked.rstrip("".join({char for char in marked if not _counts_in_title(char)}))
    for at_end in (_CHINESE_AT_END, _ROMAN_AT_END):
        bare = at_end.sub(lambda found: f" {_arabic(found[0])} ", bare)
    return _joined(bare) or folded or text


@lru_cache(maxsize=KEYS_KEPT_MAX)
def text_key(text: str) -> str:
    """Return the key under which short words such as levels, categories and grades are equal: width and case apart."""
    return _folded(text).strip()


def certificate_key(text: str) -> str:
    """Return the key under which two writings of one certificate number are equal.

    Width, case, kinds of brackets, blanks, hyphens, dots, slashes, underscores and the 第 … 号 around it don't count.
    """
    plain = unicodedata.normalize("NFKC", text).upper().translate(_ONE_BRACKET)
    kept = "".join(char for char in plain if not _drops_in_certificate(char))
    return _NUMBER_WRAPPER.sub("", kept) or plain


def name_key(text: str) -> str:
    """Return the key under which two writings of one person's name are compatible.

    Width, case, blanks and every kind of middle dot don't count: 阿依·努尔, 阿依•努尔 and 阿依努尔 are one name.
    """
    folded = _folded(text)
    return "".join(char for char in folded if char not in _MIDDLE_DOTS and not _is_blank(char)) or folded


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def _joined(text: str) -> str:
    """Return what counts of a title; one blank parts two numbers that something stood between."""
    kept: list[str] = []
    gap = False
    for char in text:
        if not _counts_in_title(char):
            gap = True
            continue
        digit = str(unicodedata.decimal(char)) if char.isdecimal() else char
        if gap and kept and kept[-1].isdecimal() and digit.isdecimal():
            kept.append(" ")
        kept.append(digit)
        gap = False
    return "".join(kept)


def _counts_in_title(char: str) -> bool:
    if char.isalnum():
        return char not in _TITLE_SYMBOLS_DROPPED
    if char in _TITLE_SIGNS_KEPT:
        return True
    category = unicodedata.category(char)
    if category[0] == "M":
        return not 0xFE00 <= ord(char) <= 0xFE0F  # noqa: PLR2004 - variation selectors change only the look
    return category[0] not in "PZ" and category not in {"Cc", "Cf", "Sk"} and char not in _TITLE_SYMBOLS_DROPPED


def _arabic(numeral: str) -> str:
    """Return a Chinese, Roman or Arabic numeral in digits, or as it is where it is not well formed: 五四."""
    if numeral in _ROMAN_VALUE:
        return _ROMAN_VALUE[numeral]
    match = _CHINESE_NUMBER.fullmatch(numeral)
    if match is None:
        return numeral
    tens = _DIGIT.get(match[1] or "", "1") if match[2] else ""
    return tens + (_DIGIT[match[3]] if match[3] else "0")


def _drops_in_certificate(char: str) -> bool:
    return char in _CERTIFICATE_DROPPED or _is_blank(char) or unicodedata.category(char) == "Pd"


def _is_blank(char: str) -> bool:
    return char.isspace() or unicodedata.category(char) in {"Cc", "Cf", "Zs"}
