"""The one byte form of a value that is hashed or signed, so that anyone can compute it again in any language."""

import hashlib
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

_INTEGER_MAX = 2**53 - 1
"""RFC 8785 writes numbers as IEEE doubles; up to here whole numbers read the same everywhere."""

_PLAIN_MAX = 21
"""So many digits before the point ECMAScript writes without an exponent."""

_PLAIN_MIN = -6
"""Up to five zeros behind the point, too."""


def canonical_bytes(value: object) -> bytes:
    """Return the JSON of a value as RFC 8785 (JCS) writes it: names sorted, nothing escaped or spaced that need not be.

    Taken: None, bool, int within ±(2^53-1), str, list, and dict with names that are str. Anything else, floats and
    Decimals above all, is a broken promise of our own and raises AssertionError.
    """
    return json.dumps(_ordered(value), ensure_ascii=False, separators=(",", ":")).encode()


def foreign_canonical_bytes(value: object) -> bytes:
    """Return the same for a document of others, as the strict JSON door read it: there numbers may have decimals.

    A number is written as ECMAScript writes the double that is nearest to it (RFC 8785, section 3.2.2.3). Raises
    ValueError for one that no double holds.
    """
    return _written(value).encode()


def digest(value: object) -> bytes:
    """Return the 32 bytes of SHA-256 over the canonical bytes of a value."""
    return hashlib.sha256(canonical_bytes(value)).digest()


def _ordered(value: object) -> object:
    """Return the value with the names of every object in order, after checking that it has a canonical form."""
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, int):
        assert -_INTEGER_MAX <= value <= _INTEGER_MAX, "a number beyond 2^53-1 has no exact form in JSON"
        return value
    if isinstance(value, list):
        return [_ordered(member) for member in value]
    if isinstance(value, dict):
        assert all(isinstance(name, str) for name in value), "the names of an object are strings"
        return {name: _ordered(value[name]) for name in sorted(value, key=_utf16)}
    message = f"{type(value).__name__} has no canonical form"
    raise AssertionError(message)


def _utf16(name: str) -> bytes:
    """Return what RFC 8785, section 3.2.3, sorts by: UTF-16 code units, which differ from code points above U+FFFF."""
    return name.encode("utf-16-be")


def _written(value: object) -> str:
    """Return a value of a foreign document as RFC 8785 writes it."""
    if isinstance(value, list):
        return f"[{','.join(_written(member) for member in value)}]"
    if isinstance(value, dict):
        names = sorted(value, key=_utf16)
        return f"{{{','.join(f'{_written(name)}:{_written(value[name])}' for name in names)}}}"
    if isinstance(value, (Decimal, int)) and not isinstance(value, bool):
        return _number(value)
    return json.dumps(value, ensure_ascii=False)


def _number(value: Decimal | int) -> str:
    """Return a number as ECMAScript's Number::toString writes it: the shortest digits that are the same double."""
    try:
        double = float(value)
    except OverflowError:
        double = float("inf")
    if double in (float("inf"), float("-inf")):
        message = "no double holds the number"
        raise ValueError(message)
    if double == 0:
        return "0"
    sign, digits, exponent = Decimal(repr(double)).normalize().as_tuple()
    assert isinstance(exponent, int), "a finite number has an exponent"
    text = "".join(map(str, digits))
    point = len(text) + exponent
    return ("-" if sign else "") + _placed(text, point)


def _placed(text: str, point: int) -> str:
    """Return digits with the decimal point behind the first `point` of them, as ECMAScript places it."""
    if len(text) <= point <= _PLAIN_MAX:
        return text + "0" * (point - len(text))
    if 0 < point <= _PLAIN_MAX:
        return f"{text[:point]}.{text[point:]}"
    if _PLAIN_MIN < point <= 0:
        return "0." + "0" * -point + text
    power = f"e{point - 1:+d}"
    return text + power if len(text) == 1 else f"{text[0]}.{text[1:]}{power}"


def plain_numbers(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return JSON of others, as the strict JSON door read it, with the numbers that other writers and readers know."""
    if isinstance(value, Mapping):
        return {name: plain_numbers(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_numbers(inner) for inner in value]
    if isinstance(value, Decimal):
        number = float(value)
        return int(number) if number.is_integer() else number
    return value
