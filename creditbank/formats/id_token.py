"""ID tokens of OpenID providers (OpenID Connect Core 1.0): their keys, and what a token says that holds."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from jwt.api_jws import PyJWS
from jwt.exceptions import PyJWTError

from creditbank.core.errors import Refusal
from creditbank.formats.compact_jws import base64url
from creditbank.formats.strict_json import parsed

TOKEN_BYTES_MAX = 16 * 1024
"""Far more than a provider has to say of a person."""

CLOCK_SKEW = timedelta(seconds=60)
"""How far the provider's clock may be from ours."""

TOKEN_AGE_MAX = timedelta(minutes=10)
"""An ID token comes straight from the provider; one that was issued longer ago was kept by somebody."""

SUBJECT_LENGTH_MAX = 255
"""By OpenID Connect Core, section 2."""

KEYS_MAX = 100
"""Keys of one provider that are looked at."""

RSA_BITS_MIN = 2048

_PARTS = 3
_DEPTH_MAX = 16
_READERS: dict[str, Any] = {"RSA": RSAAlgorithm, "EC": ECAlgorithm, "OKP": OKPAlgorithm}
_ALGORITHMS = {"RSA": ("RS256", "PS256"), "EC": ("ES256",), "OKP": ("EdDSA",)}
"""What a key of each kind may sign with: asymmetric algorithms only, one kind of key for each."""

_JWS = PyJWS(algorithms=[name for names in _ALGORITHMS.values() for name in names])


class IdTokenInvalid(Exception):  # noqa: N818 - what happened, not an error of the program
    """The ID token does not hold; the sentence says why and nothing of the token."""


@dataclass(frozen=True, slots=True)
class ProviderKey:
    """A public key of a provider with the algorithms that it may be used with."""

    kid: str | None
    algorithms: tuple[str, ...]
    key: Any


@dataclass(frozen=True, slots=True)
class Expected:
    """What an ID token has to be: whose, for whom, of which attempt, at which instant."""

    issuer: str
    client_id: str
    nonce: str
    now: datetime
    access_token: str | None = None


def provider_keys(key_set: object) -> tuple[ProviderKey, ...]:
    """Return the keys of a JWKS that can verify signatures here; others are passed over."""
    listed = key_set.get("keys") if isinstance(key_set, dict) else None
    found = (_provider_key(item) for item in (listed if isinstance(listed, list) else [])[:KEYS_MAX])
    return tuple(key for key in found if key is not None)


def key_id(token: str) -> str | None:
    """Return the kid that a token's header names, None where it names none. Raises IdTokenInvalid."""
    kid = _header(token).get("kid")
    if kid is not None and not isinstance(kid, str):
        raise IdTokenInvalid("its kid is no text")
    return kid


def verified_id_token(token: str, keys: tuple[ProviderKey, ...], expected: Expected) -> dict[str, object]:
    """Return the claims of an ID token that one of the provider's keys signed, for us and for this attempt, just now.

    A kid only chooses among the given keys; without one there has to be a single key. Keys in the token's own header
    (jwk, jku, x5c, x5u) are never looked at. Raises IdTokenInvalid.
    """
    header = _header(token)
    if "crit" in header or "b64" in header:
        raise IdTokenInvalid("its header asks for extensions")
    key = _chosen(keys, key_id(token))
    algorithm = header.get("alg")
    if algorithm not in key.algorithms:
        raise IdTokenInvalid("its algorithm is not that of the key")
    try:
        payload = _JWS.decode(token, key.key, algorithms=[str(algorithm)])
    except (PyJWTError, ValueError, TypeError):
        raise IdTokenInvalid("its signature does not hold") from None
    claims = _object(payload)
    _check_whom(claims, expected)
    _check_when(claims, expected.now)
    _check_access_token(claims, str(algorithm), expected.access_token)
    return claims


def _check_whom(claims: Mapping[str, object], expected: Expected) -> None:
    """Let claims pass that are the issuer's, for us alone, of our attempt."""
    if claims.get("iss") != expected.issuer:
        raise IdTokenInvalid("another issued it")
    if claims.get("aud") not in (expected.client_id, [expected.client_id]):
        raise IdTokenInvalid("it is for another audience")
    if claims.get("azp", expected.client_id) != expected.client_id:
        raise IdTokenInvalid("it was issued to another party")
    nonce, subject = claims.get("nonce"), claims.get("sub")
    if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(), expected.nonce.encode()):
        raise IdTokenInvalid("it is not of this attempt")
    if not isinstance(subject, str) or not 1 <= len(subject) <= SUBJECT_LENGTH_MAX or not subject.isprintable():
        raise IdTokenInvalid("its subject is missing or no text")


def _check_when(claims: Mapping[str, object], now: datetime) -> None:
    """Let claims pass that were issued just now and hold still."""
    issued, ends, begins = (_seconds(claims, name) for name in ("iat", "exp", "nbf"))
    at, skew = now.timestamp(), CLOCK_SKEW.total_seconds()
    if issued is None or ends is None:
        raise IdTokenInvalid("its times are missing")
    if at >= ends + skew or at - issued > (TOKEN_AGE_MAX + CLOCK_SKEW).total_seconds():
        raise IdTokenInvalid("it is too old")
    if max(issued, begins or 0) > at + skew:
        raise IdTokenInvalid("it is not valid yet")


def _check_access_token(claims: Mapping[str, object], algorithm: str, access_token: str | None) -> None:
    """Let claims pass whose at_hash, if there is one, is that of the access token which came along."""
    wanted = claims.get("at_hash")
    if wanted is None or access_token is None:
        return
    hashed = hashlib.sha512 if algorithm == "EdDSA" else hashlib.sha256
    digest = hashed(access_token.encode()).digest()
    half = base64url(digest[: len(digest) // 2])
    if not isinstance(wanted, str) or not hmac.compare_digest(wanted.encode(), half.encode()):
        raise IdTokenInvalid("it came with another access token")


def _seconds(claims: Mapping[str, object], name: str) -> int | None:
    """Return an instant of the claims, None where it is missing. Raises IdTokenInvalid."""
    if name not in claims:
        return None
    value = claims[name]
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise IdTokenInvalid("its times are no whole numbers")
    return value


def _chosen(keys: tuple[ProviderKey, ...], kid: str | None) -> ProviderKey:
    """Return the one key that a token can be signed with."""
    fitting = [key for key in keys if kid is None or key.kid == kid]
    if len(fitting) != 1:
        raise IdTokenInvalid("no single key of the provider is named")
    return fitting[0]


def _provider_key(item: object) -> ProviderKey | None:
    """Return a key of a JWKS, None where it is of no use here: for encryption, symmetric, weak or malformed."""
    if not isinstance(item, dict) or item.get("use", "sig") != "sig":
        return None
    kind, kid = item.get("kty"), item.get("kid")
    if not isinstance(kind, str) or kind not in _READERS or not (kid is None or isinstance(kid, str)):
        return None
    try:
        key = _READERS[kind].from_jwk({name: value for name, value in item.items() if name not in _PRIVATE})
    except (PyJWTError, ValueError, TypeError, KeyError, AttributeError):
        return None
    named = item.get("alg")
    algorithms = tuple(name for name in _ALGORITHMS[kind] if named is None or named == name)
    return ProviderKey(kid, algorithms, key) if algorithms and _is_strong(key) else None


_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
"""Members that a public key has not; where a provider shows them all the same they are not read."""


def _is_strong(key: object) -> bool:
    """Tell whether a key is of a kind and size that is taken."""
    if isinstance(key, RSAPublicKey):
        return key.key_size >= RSA_BITS_MIN
    if isinstance(key, EllipticCurvePublicKey):
        return isinstance(key.curve, SECP256R1)
    return isinstance(key, Ed25519PublicKey)


def _header(token: str) -> dict[str, object]:
    """Return the header of a token, in sound JSON."""
    if len(token) > TOKEN_BYTES_MAX or not token.isascii() or token.count(".") != _PARTS - 1:
        raise IdTokenInvalid("it is no JWT")
    part = token.partition(".")[0]
    try:
        return _object(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except ValueError:
        raise IdTokenInvalid("it is no JWT") from None


def _object(body: bytes) -> dict[str, object]:
    try:
        value = parsed(body, bytes_max=TOKEN_BYTES_MAX, depth_max=_DEPTH_MAX)
    except Refusal:
        value = None
    if not isinstance(value, dict):
        raise IdTokenInvalid("it holds no JSON object")
    return value
