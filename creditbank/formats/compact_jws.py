"""Tokens in compact form (RFC 7515) as they come from anybody, taken apart strictly, their signature unchecked."""

import base64
from collections.abc import Container
from dataclasses import dataclass
from typing import Any

from creditbank.core.errors import Refusal
from creditbank.formats.strict_json import parsed

BYTES_MAX = 256 * 1024
"""A hundred times what a credential of ours takes."""

_PARTS = 3
_HEADER_DEPTH_MAX = 4


@dataclass(eq=False)
class Unreadable(Exception):  # noqa: N818 - what was found, told as a reason
    """It is none that can be read; says why, as the end of a sentence."""

    zh: str
    en: str
    is_too_deep: bool = False


def opened_jws(token: str, types: Container[object], depth_max: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and payload, if the header's `typ` is one of these and asks for no extension. Raises Unreadable."""
    parts = token.split(".")
    if len(token) > BYTES_MAX or not token.isascii() or len(parts) != _PARTS:
        raise Unreadable("不是三段式 JWT，或过长", "it has not three parts, or is too long")
    header = _object(parts[0], _HEADER_DEPTH_MAX)
    if header.get("typ") not in types or {"crit", "b64"} & header.keys():
        raise Unreadable("头部 typ 不符，或含 crit、b64", "its typ is another one, or it has crit or b64")
    _bytes(parts[2])
    return header, _object(parts[1], depth_max)


def json_of(part: str, depth_max: int) -> Any:  # noqa: ANN401 - any JSON
    """Return the JSON of a part, nested so deep at most. Raises Unreadable."""
    try:
        return parsed(_bytes(part), bytes_max=BYTES_MAX, depth_max=depth_max)
    except Refusal as refusal:
        is_too_deep = any(fault.code == "too_deep" for fault in refusal.faults)
        raise Unreadable("其中一段不是 JSON", "one of its parts is no JSON", is_too_deep) from None


def base64url(data: bytes) -> str:
    """Return bytes as they stand in tokens and keys, without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _object(part: str, depth_max: int) -> dict[str, Any]:
    value = json_of(part, depth_max)
    if not isinstance(value, dict):
        raise Unreadable("其中一段不是 JSON 对象", "one of its parts is no JSON object")
    return value


def _bytes(part: str) -> bytes:
    """Return the bytes of a part, which has no bits to spare: else its text could be changed unseen."""
    try:
        body = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError:
        body = b""
    if base64url(body) != part:
        raise Unreadable("其中一段不是 base64url", "one of its parts is no base64url")
    return body
