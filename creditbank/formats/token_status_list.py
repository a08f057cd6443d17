"""Token Status List (IETF): two bits for each credential, which readers of SD-JWT VC look up; signed as a JWT."""

import zlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from jwt import PyJWS

from creditbank.core.credential import StatusPlace
from creditbank.formats.canonical import canonical_bytes
from creditbank.formats.compact_jws import base64url
from creditbank.formats.credential_key import Algorithm, SecretKey
from creditbank.formats.status_list import ENTRIES, SECONDS_OLD_MAX, VALIDITY, list_address

TYPE = "statuslist+jwt"
MEDIA_TYPE = "application/statuslist+jwt"

BITS = 2
"""Two bits tell three things: valid, invalid for ever, and suspended."""

VALID, INVALID, SUSPENDED = 0, 1, 2

_PER_BYTE = 8 // BITS
_JWS = PyJWS(algorithms=list(Algorithm))


def status_claim(base_url: str, place: StatusPlace) -> dict[str, Any]:
    """Return the `status` of a credential: its index in the list that tells how it stands."""
    return {"status_list": {"idx": place.index, "uri": list_address(base_url, place.revocation_list)}}


def token_list(address: str, revoked: Iterable[int], suspended: Iterable[int], at: datetime) -> dict[str, Any]:
    """Return the claims of a list; what is revoked is so whatever else it is."""
    values = bytearray(ENTRIES // _PER_BYTE)
    stands = dict.fromkeys(suspended, SUSPENDED) | dict.fromkeys(revoked, INVALID)
    for index, value in stands.items():
        values[index // _PER_BYTE] |= value << (index % _PER_BYTE * BITS)
    packed = base64url(zlib.compress(bytes(values), 9))
    return {
        "sub": address,
        "iat": int(at.timestamp()),
        "exp": int((at + VALIDITY).timestamp()),
        "ttl": SECONDS_OLD_MAX,
        "status_list": {"bits": BITS, "lst": packed},
    }


def signed_list(claims: Mapping[str, Any], key: SecretKey, kid: str) -> str:
    """Return a list as it is read."""
    headers = {"typ": TYPE, "kid": kid}
    algorithm = key.public.algorithm.value
    return _JWS.encode(canonical_bytes(claims), key.private, algorithm=algorithm, headers=headers)
