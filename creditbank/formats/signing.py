"""Access tokens (RFC 9068) signed with ES256, the keys that sign them, and the public key set that checks them."""

import base64
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.api_jws import PyJWS
from jwt.exceptions import PyJWTError

from creditbank.core.errors import Family, Fault, Refusal
from creditbank.formats.canonical import canonical_bytes
from creditbank.formats.compact_jws import base64url
from creditbank.formats.strict_json import parsed

ALGORITHM = "ES256"
"""The one algorithm of every key here; a token that names another is refused before its signature is looked at."""

TOKEN_TYPE = "at+jwt"  # noqa: S105 - the media type of RFC 9068, section 2.1
RECEIPT_TYPE = "consent-receipt+jwt"
"""Says what it is, so that no checker of tokens takes it for one (RFC 8725, section 3.11)."""

TOKEN_BYTES_MAX = 8 * 1024
"""Ten times what our own tokens need, and the usual limit of a request header."""

CLOCK_SKEW = timedelta(seconds=60)
"""How far the clocks of two servers of ours may differ before a token looks as if it came from the future."""

_SECONDS_MAX = 253402300799
"""The last second of the year 9999, after which there are no datetimes."""

_VERIFIED_MAX = 4096
"""Tokens of as many callers at once are checked by a look-up instead of by curve arithmetic; about 4 MB."""

_HEADER_DEPTH_MAX = 4
_PARTS = 3
_COORDINATE_BYTES = 32
_JWS = PyJWS(algorithms=[ALGORITHM])


class InvalidToken(Refusal):
    """The access token is not one of ours, not for here, or no longer valid."""

    family = Family.UNAUTHENTICATED
    code = "invalid_token"
    title = "The access token is not valid"


@dataclass(frozen=True, slots=True)
class TokenClaims:
    """What an access token says: who may do what, where and until when. `expires_at` is exclusive, in whole seconds.

    `acting` is who acts for the subject (`act`, RFC 8693), where it is not the subject themselves.
    """

    issuer: str
    audience: str
    subject: str
    client_id: str
    scopes: tuple[str, ...]
    issued_at: datetime
    expires_at: datetime
    token_id: str
    acting: str | None = None


@dataclass(frozen=True, slots=True)
class PublicKey:
    """The half of a signing key that everybody may have; equal where its point on P-256 is."""

    kid: str
    x: bytes
    y: bytes
    key: ec.EllipticCurvePublicKey = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key that signs with ES256 and nothing else; never shown."""

    public: PublicKey
    private: ec.EllipticCurvePrivateKey = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class _Signed:
    """The content of a token whose signature holds."""

    claims: TokenClaims
    not_before: datetime


def new_signing_key() -> SigningKey:
    """Return a new P-256 key."""
    return _signing_key(ec.generate_private_key(ec.SECP256R1()))


def signing_key_from_pem(pem: str) -> SigningKey:
    """Return the key of an unencrypted PKCS #8 PEM; raises ValueError where it is none on P-256."""
    private = serialization.load_pem_private_key(pem.encode(), password=None)
    if not isinstance(private, ec.EllipticCurvePrivateKey) or not isinstance(private.curve, ec.SECP256R1):
        message = "the signing key is not an EC key on P-256"
        raise ValueError(message)  # noqa: TRY004 - the text is at fault, not the type of the argument
    return _signing_key(private)


def pem_of(key: SigningKey) -> str:
    """Return the private key as unencrypted PKCS #8 PEM, for the keyring file only."""
    return key.private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def jwks(keys: Iterable[PublicKey]) -> dict[str, object]:
    """Return the public key set (RFC 7517) under which others check our tokens."""
    return {
        "keys": [{**_point(key.x, key.y), "alg": ALGORITHM, "use": "sig", "kid": key.kid} for key in keys],
    }


def signed_access_token(key: SigningKey, claims: TokenClaims) -> str:
    """Return the token of these claims."""
    payload: dict[str, object] = {
        "iss": claims.issuer,
        "aud": claims.audience,
        "sub": claims.subject,
        "client_id": claims.client_id,
        "scope": " ".join(claims.scopes),
        "iat": int(claims.issued_at.timestamp()),
        "exp": int(claims.expires_at.timestamp()),
        "jti": claims.token_id,
    }
    if claims.acting is not None:
        payload["act"] = {"sub": claims.acting}
    headers = {"typ": TOKEN_TYPE, "kid": key.public.kid}
    return _JWS.encode(canonical_bytes(payload), key.private, algorithm=ALGORITHM, headers=headers)


def signed_receipt(key: SigningKey, payload: Mapping[str, object]) -> str:
    """Return a receipt of a consent, which anybody can check by the published keys and nobody can use as a token."""
    headers = {"typ": RECEIPT_TYPE, "kid": key.public.kid}
    return _JWS.encode(canonical_bytes(payload), key.private, algorithm=ALGORITHM, headers=headers)


def verified_access_token(
    token: str, public_keys: Mapping[str, PublicKey], *, issuer: str, audience: str, now: datetime
) -> TokenClaims:
    """Return the claims of a token that one of these keys (by kid) signed, for this audience, and that holds `now`.

    Keys named or carried by the token's own header (jku, jwk, x5u) are never looked at. Refused: InvalidToken, with
    code expired_token from the second of `exp` on, else invalid_token.
    """
    signed = _signed_content(token, _named_key(token, public_keys))
    claims = signed.claims
    if claims.issuer != issuer or claims.audience != audience:
        raise _invalid("签发者或受众不符", "it was issued by or for someone else")
    if signed.not_before > now:
        raise _invalid("尚未生效", "it is not valid yet")
    if now >= claims.expires_at:
        raise InvalidToken(
            (Fault("", "expired_token", "访问令牌已过期，请重新获取。", "The token has expired; get a new one."),)
        )
    return claims


def is_readable_jwt(token: str) -> bool:
    """Tell whether a foreign JWT is small and its header and content are sound JSON, so that a library can take it."""
    if len(token) > TOKEN_BYTES_MAX or not token.isascii() or token.count(".") != _PARTS - 1:
        return False
    try:
        for part in token.split(".")[:2]:
            _object_of(_decoded(part), "", "")
    except InvalidToken:
        return False
    return True


def _named_key(token: str, public_keys: Mapping[str, PublicKey]) -> PublicKey:
    """Return the key of ours that the token's header names, after checking all that the header says."""
    if len(token) > TOKEN_BYTES_MAX:
        raise _invalid("过长", "it is too long")
    if not token.isascii() or token.count(".") != _PARTS - 1:
        raise _invalid("不是 JWT", "it is no JWT")
    header = _object_of(_decoded(token.partition(".")[0]), "头部", "its header")
    if header.get("typ") not in (TOKEN_TYPE, f"application/{TOKEN_TYPE}"):
        raise _invalid("不是访问令牌", "it is not an access token")
    if header.get("alg") != ALGORITHM or "crit" in header or "b64" in header:
        raise _invalid("签名算法不符", f"it is not signed with {ALGORITHM} alone")
    kid = header.get("kid")
    key = public_keys.get(kid) if isinstance(kid, str) else None
    if key is None:
        raise _invalid("签名密钥未知", "it is signed by an unknown key")
    return key


@lru_cache(maxsize=_VERIFIED_MAX)
def _signed_content(token: str, key: PublicKey) -> _Signed:
    """Return what a token says, its signature checked; whether it holds now is asked each time by the caller."""
    try:
        payload = _JWS.decode(token, key.key, algorithms=[ALGORITHM])
    except PyJWTError:
        raise _invalid("签名不符", "its signature does not hold") from None
    content = _object_of(payload, "内容", "its content")
    issued_at = _instant(content, "iat")
    claims = TokenClaims(
        issuer=_text(content, "iss"),
        audience=_text(content, "aud"),
        subject=_text(content, "sub"),
        client_id=_text(content, "client_id"),
        scopes=tuple(_text(content, "scope", empty=True).split()),
        issued_at=issued_at,
        expires_at=_instant(content, "exp"),
        token_id=_text(content, "jti"),
        acting=_acting(content),
    )
    known_from = issued_at - CLOCK_SKEW
    return _Signed(claims, max(known_from, _instant(content, "nbf")) if "nbf" in content else known_from)


def _acting(content: Mapping[str, object]) -> str | None:
    """Return who acts for the subject; one who acts for another who acts is nobody that we know."""
    if "act" not in content:
        return None
    acting = content["act"]
    if not isinstance(acting, dict) or acting.keys() != {"sub"}:
        raise _invalid("act 的形式不对", "its act is none of ours")
    return _text(acting, "sub")


def _text(content: Mapping[str, object], name: str, *, empty: bool = False) -> str:
    value = content.get(name)
    if not isinstance(value, str) or not (value or empty):
        raise _invalid(f"缺少 {name} 或其形式不对", f"its {name} is missing or no text")
    return value


def _instant(content: Mapping[str, object], name: str) -> datetime:
    value = content.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _SECONDS_MAX:
        raise _invalid(f"缺少 {name} 或其形式不对", f"its {name} is missing or no time")
    return datetime.fromtimestamp(value, UTC)


def _decoded(part: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError:
        raise _invalid("不是 JWT", "it is no JWT") from None


def _object_of(body: bytes, zh: str, en: str) -> dict[str, object]:
    try:
        value = parsed(body, bytes_max=TOKEN_BYTES_MAX, depth_max=_HEADER_DEPTH_MAX)
    except Refusal:
        value = None
    if not isinstance(value, dict):
        raise _invalid(f"{zh}不是 JSON 对象", f"{en} is no JSON object")
    return value


def _invalid(zh: str, en: str) -> InvalidToken:
    return InvalidToken(
        (Fault("", "invalid_token", f"访问令牌无效：{zh}。", f"The access token can't be used: {en}."),)
    )


def _signing_key(private: ec.EllipticCurvePrivateKey) -> SigningKey:
    public = private.public_key()
    numbers = public.public_numbers()
    x, y = (number.to_bytes(_COORDINATE_BYTES, "big") for number in (numbers.x, numbers.y))
    return SigningKey(PublicKey(_thumbprint(x, y), x, y, public), private)


def _thumbprint(x: bytes, y: bytes) -> str:
    """Return the key's name, the hash of its required members in canonical form (RFC 7638)."""
    return base64url(hashlib.sha256(canonical_bytes(_point(x, y))).digest())


def _point(x: bytes, y: bytes) -> dict[str, object]:
    return {"kty": "EC", "crv": "P-256", "x": base64url(x), "y": base64url(y)}
