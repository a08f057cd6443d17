"""Credentials as JWTs (VC-JWT of Open Badges 3.0): the document with iss, sub, jti, nbf and exp that say the same."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jwt import PyJWS
from jwt.exceptions import PyJWTError

from creditbank.core.errors import Fault
from creditbank.formats.canonical import canonical_bytes
from creditbank.formats.compact_jws import Unreadable, opened_jws
from creditbank.formats.credential_issuers import instant_of
from creditbank.formats.credential_key import Algorithm, SecretKey, VerificationKey

TYPE = "JWT"
"""The `typ` that Open Badges 3.0 asks for; access tokens have another, so that no credential passes for one."""

TYPES_TAKEN = (None, TYPE, "vc+jwt", "application/vc+jwt")

DEPTH_MAX = 32
_CLAIMS = ("iss", "sub", "jti", "nbf", "exp", "iat")
_JWS = PyJWS(algorithms=list(Algorithm))


@dataclass(frozen=True, slots=True)
class Opened:
    """What a JWT says, before anything of it is believed."""

    algorithm: object
    kid: object
    jwk: object
    document: dict[str, Any]
    claims: dict[str, Any]


@dataclass(eq=False)
class NoJwt(Exception):  # noqa: N818 - what was found, told as a reason
    """It is no JWT of a credential; the fault says why."""

    faults: tuple[Fault, ...]


def signed_jwt(document: Mapping[str, Any], key: SecretKey, kid: str, at: datetime) -> str:
    """Return a credential, which has an id, validFrom and a subject with an id, as a JWT signed at an instant."""
    payload = {**document, **_claims_of(document), "iat": int(at.timestamp())}
    headers = {"typ": TYPE, "kid": kid}
    return _JWS.encode(canonical_bytes(payload), key.private, algorithm=key.public.algorithm.value, headers=headers)


def opened_jwt(token: str) -> Opened:
    """Return what a JWT says, its signature unchecked. Raises NoJwt."""
    try:
        header, content = opened_jws(token, TYPES_TAKEN, DEPTH_MAX)
    except Unreadable as why:
        raise no_jwt(why.zh, why.en) from None
    claims = {name: content.pop(name) for name in _CLAIMS if name in content}
    return Opened(header.get("alg"), header.get("kid"), header.get("jwk"), content, claims)


def is_signed_by(token: str, key: VerificationKey) -> bool:
    """Tell whether a JWT was signed by a key, by the one algorithm that the key is for."""
    try:
        _JWS.decode(token, key.key, algorithms=[key.algorithm.value])
    except PyJWTError:
        return False
    return True


def claim_faults(opened: Opened) -> list[Fault]:
    """Return in what the claims say something else than the credential: each has to stand there and be the same."""
    wanted = _claims_of(opened.document)
    return [
        _differs(name)
        for name in ("iss", "sub", "jti", "nbf", "exp")
        if wanted.get(name) != opened.claims.get(name) or isinstance(opened.claims.get(name), bool)
    ]


def signed_at(opened: Opened) -> object:
    """Return when a JWT says that it was signed, in seconds, else from when on it holds."""
    return opened.claims.get("iat", opened.claims.get("nbf"))


def no_jwt(zh: str, en: str) -> NoJwt:
    """Return the refusal of what is no JWT of a credential."""
    return NoJwt((Fault("", "not_a_jwt", f"不是凭证的 JWT：{zh}。", f"It is no JWT of a credential: {en}."),))


def _claims_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the claims say of a credential."""
    issuer, subject = document.get("issuer"), document.get("credentialSubject")
    claims = {
        "iss": issuer.get("id") if isinstance(issuer, dict) else issuer,
        "sub": subject.get("id") if isinstance(subject, dict) else None,
        "jti": document.get("id"),
        "nbf": _seconds(document.get("validFrom")),
        "exp": _seconds(document.get("validUntil")),
    }
    return {name: value for name, value in claims.items() if value is not None}


def _seconds(text: object) -> int | None:
    instant = instant_of(text)
    return None if instant is None else int(instant.timestamp())


def _differs(name: str) -> Fault:
    zh = f"JWT 的 {name} 与凭证内容不一致或缺失；内容可能被改动，请向签发者索取原件。"
    en = f"Its {name} is missing or says something else than the credential; ask the issuer for the original."
    return Fault(f"/{name}", f"{name}_differs", zh, en)
