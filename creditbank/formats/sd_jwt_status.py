"""How an SD-JWT of another issuer stands, by a Token Status List that came along, signed by the same issuer."""

import base64
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from creditbank.core.credential import Standing
from creditbank.core.errors import Fault
from creditbank.formats.compact_jws import Unreadable, opened_jws
from creditbank.formats.credential_check import signature_faults
from creditbank.formats.credential_issuers import Issuer
from creditbank.formats.sd_jwt_reading import DEPTH_MAX
from creditbank.formats.status_list import BYTES_MAX as UNPACKED_BYTES_MAX
from creditbank.formats.token_status_list import INVALID, SUSPENDED, TYPE, VALID

_STANDINGS = {VALID: Standing.VALID, INVALID: Standing.REVOKED, SUSPENDED: Standing.SUSPENDED}
_BITS = (1, 2, 4, 8)


@dataclass(frozen=True, slots=True)
class TokenList:
    """A list that holds: where it stands, and the values, of so many bits each."""

    address: str
    bits: int
    values: bytes = field(repr=False)

    def value(self, index: int) -> int | None:
        """Return what is told at an index; None where the list has no such entry."""
        at = index * self.bits
        if not 0 <= at < len(self.values) * 8:
            return None
        return self.values[at // 8] >> at % 8 & (1 << self.bits) - 1


def listed_standing(
    claims: Mapping[str, Any], lists: Sequence[object], issuer: Issuer, now: datetime
) -> tuple[list[Fault], Standing | None]:
    """Return how a credential stands by lists that came along; None where none of them tells it."""
    status = claims.get("status")
    place = status.get("status_list") if isinstance(status, dict) else None
    if not isinstance(place, dict):
        return [], None
    for text in lists:
        found = token_list_of(text, issuer, now) if isinstance(text, str) else None
        if found is None:
            zh, en = "状态列表无效，或不是同一签发者的。", "The status list doesn't hold, or is by another issuer."
            return [Fault("/status", "status_list_refused", zh, en)], None
        if found.address != place.get("uri"):
            continue
        index = place.get("idx")
        value = found.value(index) if isinstance(index, int) and not isinstance(index, bool) else None
        if value is None:
            zh, en = "状态列表没有该位置。", "The status list has no such index."
            return [Fault("/status", "status_index_foreign", zh, en)], None
        return [], _STANDINGS.get(value)
    return [], None


def token_list_of(text: str, issuer: Issuer, now: datetime) -> TokenList | None:
    """Return a list, if its issuer signed it, it holds now, and it unpacks to no more than the bank keeps."""
    try:
        header, claims = opened_jws(text, (TYPE,), DEPTH_MAX)
    except Unreadable:
        return None
    kid, address, said, at, ends = (
        header.get("kid"),
        *(claims.get(one) for one in ("sub", "status_list", "iat", "exp")),
    )
    method = issuer.methods.get(kid) if isinstance(kid, str) else None
    if method is None or signature_faults(text, header.get("alg"), method, at):
        return None
    is_over = "exp" in claims and not (isinstance(ends, int) and ends > now.timestamp())
    if is_over or not isinstance(address, str) or not isinstance(said, dict):
        return None
    bits, values = said.get("bits"), _unpacked(said.get("lst"))
    if isinstance(bits, bool) or bits not in _BITS or values is None:
        return None
    return TokenList(address, bits, values)


def _unpacked(packed: object) -> bytes | None:
    if not isinstance(packed, str):
        return None
    unpacking = zlib.decompressobj()
    try:
        body = base64.b64decode(packed + "=" * (-len(packed) % 4), altchars=b"-_", validate=True)
        values = unpacking.decompress(body, UNPACKED_BYTES_MAX)
    except (ValueError, zlib.error):
        return None
    return values if unpacking.eof else None
