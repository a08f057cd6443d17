"""Bitstring Status List (W3C): a bit for each credential tells whether it is revoked, or suspended."""

import base64
import gzip
import zlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from creditbank.core.calendar import second_text
from creditbank.core.credential import StatusPlace
from creditbank.formats.compact_jws import base64url

ENTRIES = 131_072
"""Entries of a list: the least that the standard allows, so that one more or less tells nothing of anybody."""

REVOCATION = "revocation"
SUSPENSION = "suspension"

VALIDITY = timedelta(days=1)
"""How long a list may be kept by whoever read it; an issuer that is out of reach for longer is no proof of anything."""

SECONDS_OLD_MAX = 10
"""How long caches may hand out a list: after so long everybody has seen what was revoked."""

BYTES_MAX = 8 * 1024 * 1024
"""Sixty-four million entries: a foreign list that unpacks to more is refused."""

_MULTIBASE = "u"
CONTEXT = "https://www.w3.org/ns/credentials/v2"


def list_address(base_url: str, number: int) -> str:
    """Return under which address a list is read."""
    return f"{base_url}/v1/status-lists/{number}"


def status_entries(base_url: str, place: StatusPlace) -> list[dict[str, str]]:
    """Return the `credentialStatus` of a credential: one entry for each purpose."""
    lists = ((REVOCATION, place.revocation_list), (SUSPENSION, place.suspension_list))
    return [
        {
            "id": f"{list_address(base_url, number)}#{place.index}",
            "type": "BitstringStatusListEntry",
            "statusPurpose": purpose,
            "statusListIndex": str(place.index),
            "statusListCredential": list_address(base_url, number),
        }
        for purpose, number in lists
    ]


def status_list(address: str, did: str, purpose: str, indexes: Iterable[int], at: datetime) -> dict[str, Any]:
    """Return the unsigned credential of a list in which these entries are set."""
    return {
        "@context": [CONTEXT],
        "id": address,
        "type": ["VerifiableCredential", "BitstringStatusListCredential"],
        "issuer": did,
        "validFrom": second_text(at),
        "validUntil": second_text(at + VALIDITY),
        "credentialSubject": {
            "id": f"{address}#list",
            "type": "BitstringStatusList",
            "statusPurpose": purpose,
            "encodedList": encoded(indexes),
            "ttl": SECONDS_OLD_MAX * 1000,
        },
    }


def encoded(indexes: Iterable[int]) -> str:
    """Return the list in which these entries are set, packed by gzip and written in multibase; entry 0 is leftmost."""
    bits = bytearray(ENTRIES // 8)
    for index in indexes:
        bits[index // 8] |= 0x80 >> (index % 8)
    return _MULTIBASE + base64url(gzip.compress(bytes(bits), mtime=0))


def is_set(encoded_list: str, index: int) -> bool | None:
    """Tell whether an entry of a list is set; None where the list can't be read or has no such entry."""
    if not encoded_list.startswith(_MULTIBASE):
        return None
    try:
        packed = base64.b64decode(encoded_list[1:] + "=" * (-len(encoded_list[1:]) % 4), altchars=b"-_", validate=True)
        unpacking = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        bits = unpacking.decompress(packed, BYTES_MAX)
    except (ValueError, zlib.error):
        return None
    if not unpacking.eof or not 0 <= index < len(bits) * 8 or len(bits) * 8 < ENTRIES:
        return None
    return bool(bits[index // 8] & (0x80 >> (index % 8)))
