"""The one byte form of a value that is hashed or signed, so that anyone can compute it again in any language."""

import hashlib
import json

_INTEGER_MAX = 2**53 - 1
"""RFC 8785 writes numbers as IEEE doubles; up to here whole numbers read the same everywhere."""


def canonical_bytes(value: object) -> bytes:
    """Return the JSON of a value as RFC 8785 (JCS) writes it: names sorted, nothing escaped or spaced that need not be.

    Taken: None, bool, int within ±(2^53-1), str, list, and dict with names that are str. Anything else, floats and
    Decimals above all, is a broken promise of our own and raises AssertionError.
    """
    return json.dumps(_ordered(value), ensure_ascii=False, separators=(",", ":")).encode()


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
