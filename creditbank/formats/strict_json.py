"""The one door for JSON: bytes become plain values, or a refusal that says what is wrong, where, and how to mend it."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import accumulate

import orjson

from creditbank.core.errors import UNNAMED, Family, Fault, Malformed, Refusal, pointer_segment

INTEGER_MAX = 2**53 - 1
"""The largest integer that every JSON reader takes exactly (RFC 8259, section 6)."""

DIGITS_MAX = 30
"""Far more than any amount or measure needs, and few enough that no number costs time to read."""

DEPTH_CEILING = 200
"""The deepest nesting that a caller may allow: well below the depth at which the parser itself gives up."""

FAULTS_MAX = 100
"""As many faults as a person mends in one go; the rest shows at the next attempt."""

_NAME, _TEXT = ("此处一个成员名", "A name in this object"), ("该文本", "This text")
_OPENING, _CLOSING = ord("("), ord(")")
_TO_ROUND = bytes.maketrans(b"[{]}", b"(())")
_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[{]}")
_SUSPECT_ESCAPE = re.compile(rb"\\u(?:[dD][89a-fA-F]|0000)")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class TooLarge(Refusal):
    """The request is larger than this door takes."""

    family = Family.TOO_LARGE
    code = "too_large"
    title = "The request is too large"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of NDJSON: its number in the file, from 1, and either its value or its faults (then value is None)."""

    line: int
    value: object
    faults: tuple[Fault, ...] = ()


@dataclass(slots=True)
class _Flaw:
    """Stands in the parsed value where something is wrong, until its place is known."""

    code: str
    twice: str = ""
    inside: list[tuple[str, object]] = field(default_factory=list)


def parsed(body: bytes, *, bytes_max: int, depth_max: int = 32) -> object:
    """Return the value of a JSON text: None, bool, int, Decimal, str, list or dict; never a float.

    `depth_max` counts arrays and objects inside each other, inclusive, and is at most DEPTH_CEILING.
    Refused: TooLarge, or Malformed with all faults of one kind of check together (RFC 8259, I-JSON RFC 7493).
    """
    assert 1 <= depth_max <= DEPTH_CEILING, "the parser itself gives up on deeper nesting"
    if len(body) > bytes_max:
        raise TooLarge((too_large(len(body), bytes_max),))
    text = _checked_text(body)
    if _depth_exceeds(body, depth_max):
        raise Malformed((_too_deep(depth_max),))
    flaws: list[_Flaw] = []
    value = _scanned(text, flaws)
    if flaws or _SUSPECT_ESCAPE.search(body):
        faults = tuple(_first(FAULTS_MAX, _faults_in(value, "")))
        if faults:
            raise Malformed(faults)
    return value


def ndjson_rows(body: bytes, *, bytes_max: int, rows_max: int) -> list[Row]:
    """Return the rows of an NDJSON text; a bad line is a bad row and blank lines are left out.

    Refused as a whole: TooLarge, where the body has more than `bytes_max` bytes or `rows_max` rows (both inclusive).
    """
    if len(body) > bytes_max:
        raise TooLarge((too_large(len(body), bytes_max),))
    lines = [(number, line) for number, line in enumerate(body.split(b"\n"), start=1) if line.strip()]
    if len(lines) > rows_max:
        raise TooLarge((_too_many_rows(len(lines), rows_max),))
    return [_row(number, line) for number, line in lines]


def text_of(value: object) -> str:
    """Return the value as compact JSON with Chinese unescaped; values unknown to JSON are errors of ours."""
    return orjson.dumps(value).decode()


def _row(number: int, line: bytes) -> Row:
    try:
        return Row(number, parsed(line, bytes_max=len(line)))
    except Malformed as refusal:
        return Row(number, None, refusal.faults)


def _checked_text(body: bytes) -> str:
    """Return the body as text without byte order mark and raw NUL, so that the parser only sees characters."""
    if body.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise Malformed((_byte_order_mark(),))
    if b"\0" in body:
        raise Malformed((_raw_nul(body.index(b"\0")),))
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise Malformed((_not_utf8(error.start),)) from None


def _depth_exceeds(body: bytes, depth_max: int) -> bool:
    """Tell whether arrays and objects stand more than `depth_max` deep, without parsing.

    Strings are cut out (escaped backslashes go first, then escaped quotes, so that each quote left opens or closes),
    then each pass removes the innermost brackets: what is balanced and not too deep is gone after `depth_max` passes.
    """
    if b"\\" in body:
        body = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    brackets = b"".join(body.split(b'"')[::2]).translate(_TO_ROUND, _NOT_BRACKETS)
    if brackets.count(_OPENING) <= depth_max:
        return False
    rest = brackets
    for _ in range(depth_max):
        rest = rest.replace(b"()", b"")
        if not rest:
            return False
    return any(depth > depth_max for depth in accumulate(map({_OPENING: 1, _CLOSING: -1}.__getitem__, brackets)))


def _scanned(text: str, flaws: list[_Flaw]) -> object:
    """Return the parsed value; each flaw stands in its place in the value, and in `flaws`."""

    def kept(flaw: _Flaw) -> _Flaw:
        flaws.append(flaw)
        return flaw

    decoder = json.JSONDecoder(
        object_pairs_hook=lambda pairs: _object(pairs, kept),
        parse_float=lambda digits: _decimal(digits, kept),
        parse_int=lambda digits: _integer(digits, kept),
        parse_constant=lambda _: kept(_Flaw("not_a_number")),
    )
    try:
        return decoder.decode(text)
    except json.JSONDecodeError as error:
        raise Malformed((_not_json(error),)) from None


def _object(pairs: list[tuple[str, object]], kept: Callable[[_Flaw], _Flaw]) -> object:
    value = dict(pairs)
    if len(value) == len(pairs):
        return value
    ((twice, _),) = Counter(key for key, _ in pairs).most_common(1)
    return kept(_Flaw("duplicate_key", twice, pairs))


def _integer(digits: str, kept: Callable[[_Flaw], _Flaw]) -> object:
    if len(digits) > DIGITS_MAX and len(digits.lstrip("-")) > DIGITS_MAX:
        return kept(_Flaw("number_form"))
    value = int(digits)
    return value if -INTEGER_MAX <= value <= INTEGER_MAX else kept(_Flaw("number_range"))


def _decimal(digits: str, kept: Callable[[_Flaw], _Flaw]) -> object:
    if "e" in digits or "E" in digits or len(digits.lstrip("-")) - 1 > DIGITS_MAX:
        return kept(_Flaw("number_form"))
    return Decimal(digits)


def _faults_in(value: object, pointer: str) -> Iterator[Fault]:
    """Yield the faults of a value whose nesting has been checked, in the order of the text."""
    if isinstance(value, _Flaw):
        yield _flaw_fault(value, pointer)
        yield from _faults_in_pairs(value.inside, pointer)
    elif isinstance(value, str):
        yield from _character_faults(value, pointer, _TEXT)
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _faults_in(member, f"{pointer}/{index}")
    elif isinstance(value, dict):
        yield from _faults_in_pairs(list(value.items()), pointer)


def _faults_in_pairs(pairs: list[tuple[str, object]], pointer: str) -> Iterator[Fault]:
    for key, member in pairs:
        yield from _character_faults(key, pointer, _NAME)
        yield from _faults_in(member, f"{pointer}/{pointer_segment(key)}")


def _character_faults(text: str, pointer: str, noun: tuple[str, str]) -> Iterator[Fault]:
    """Yield what is wrong with the characters of a string, a member's name or a value."""
    zh, en = noun
    if "\0" in text:
        yield Fault(pointer, "nul_character", f"{zh}含有空字符(U+0000)，请删除。", f"{en} holds U+0000; remove it.")
    if _LONE_SURROGATE.search(text):
        yield Fault(
            pointer,
            "lone_surrogate",
            f"{zh}含有不成对的代理项转义（\\ud800–\\udfff），请改为完整的字符。",
            f"{en} holds half of a surrogate pair (\\ud800 to \\udfff); write the whole character.",
        )


def _flaw_fault(flaw: _Flaw, pointer: str) -> Fault:
    """Return what is told of a flaw: its place and how to mend it, never what stands there."""
    name = pointer_segment(flaw.twice)
    shown_zh, shown_en = ("一个成员名", "A name") if name == UNNAMED else (f"“{name}”", f'"{name}"')
    zh, en = {
        "duplicate_key": (
            f"{shown_zh}出现了两次，请只保留一个。",
            f"{shown_en} stands twice in this object; keep one.",
        ),
        "not_a_number": ("这不是 JSON 数字，请写数字或 null。", "This is no JSON number; write one or null."),
        "number_form": (
            f"该数字带有指数或超过 {DIGITS_MAX} 位，请写成普通的十进制数。",
            f"The number has an exponent or over {DIGITS_MAX} digits; write a plain decimal number.",
        ),
        "number_range": (
            "该整数超出 ±(2^53-1)，请改用文本。",
            "The integer is outside ±(2^53-1), where readers lose digits; send it as a string.",
        ),
    }[flaw.code]
    return Fault(pointer, flaw.code, zh, en)


def _first(count: int, faults: Iterator[Fault]) -> Iterator[Fault]:
    return (fault for _, fault in zip(range(count), faults, strict=False))


def too_large(size: int, bytes_max: int) -> Fault:
    """Return what is told of a body over the limit, both in bytes."""
    return Fault(
        "",
        "too_large",
        f"内容有 {size} 字节，上限为 {bytes_max} 字节，请分批提交。",
        f"The body has {size} bytes and the limit is {bytes_max}; send it in parts.",
    )


def _too_many_rows(rows: int, rows_max: int) -> Fault:
    return Fault(
        "",
        "too_many_rows",
        f"共有 {rows} 行，上限为 {rows_max} 行，请分批提交。",
        f"There are {rows} rows and the limit is {rows_max}; send them in parts.",
    )


def _too_deep(depth_max: int) -> Fault:
    return Fault(
        "",
        "too_deep",
        f"嵌套超过 {depth_max} 层，请减少层数。",
        f"Arrays and objects are nested more than {depth_max} deep; flatten them.",
    )


def _byte_order_mark() -> Fault:
    return Fault(
        "",
        "byte_order_mark",
        "开头有字节顺序标记（BOM），请以不带 BOM 的 UTF-8 发送。",
        "The body starts with a byte order mark; send UTF-8 without it.",
    )


def _raw_nul(position: int) -> Fault:
    return Fault(
        "",
        "nul_character",
        f"第 {position + 1} 个字节是空字符(U+0000)，请删除，并以 UTF-8 发送。",
        f"Byte {position + 1} is U+0000; remove it, and send UTF-8.",
    )


def _not_utf8(position: int) -> Fault:
    return Fault(
        "",
        "not_utf8",
        f"从第 {position + 1} 个字节起不是 UTF-8，请以 UTF-8 编码发送。",
        f"From byte {position + 1} on this is not UTF-8; send it encoded as UTF-8.",
    )


def _not_json(error: json.JSONDecodeError) -> Fault:
    return Fault(
        "",
        "not_json",
        f"第 {error.lineno} 行第 {error.colno} 列起不是合法的 JSON，请检查此处的引号、逗号和括号。",
        f"Not JSON from line {error.lineno}, column {error.colno} on ({error.msg}); check quotes, commas and brackets.",
    )
