"""Issuers of credentials that are trusted, each with the keys under the ids by which proofs name them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from creditbank.formats.credential_key import Algorithm, VerificationKey, key_of_jwk, key_of_multibase
from creditbank.formats.did_web import PublishedKey, jwk_method, multikey_method

METHODS_MAX = 200
"""Keys of one issuer: one a month for sixteen years."""


@dataclass(frozen=True, slots=True)
class Method:
    """A key as its issuer publishes it: until when it signs (inclusive, None for no end), whether it is withdrawn."""

    id: str
    key: VerificationKey
    until: datetime | None = None
    is_withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class Issuer:
    """An issuer that is trusted, and its keys by the ids that proofs name."""

    id: str
    name: str
    methods: Mapping[str, Method] = field(repr=False)
    credit_scheme: str | None = None
    """The scheme in which its `creditsEarned` are counted, which Open Badges doesn't say; None if nobody knows."""


def issuer_of(did: str, name: str, keys: Iterable[PublishedKey]) -> Issuer:
    """Return the bank itself as an issuer."""
    methods: dict[str, Method] = {}
    for one in keys:
        ids = [jwk_method(did, one.key)]
        if one.key.algorithm is Algorithm.EDDSA:
            ids.append(multikey_method(did, one.key))
        methods |= {named: Method(named, one.key, one.until, one.is_withdrawn) for named in ids}
    return Issuer(did, name, methods)


def issuer_from(document: Mapping[str, Any], name: str) -> Issuer | None:
    """Return the issuer whose DID document, or whose document of the same shape, it is; None where it is none.

    Only keys under `assertionMethod` with the issuer as controller count; of an issuer without a key none is made.
    `expires` and `revoked` are read, and where an id names two keys, or a key is of no known kind, none is made either.
    """
    issuer, listed = document.get("id"), document.get("verificationMethod")
    if not isinstance(issuer, str) or not isinstance(listed, list) or not 0 < len(listed) <= METHODS_MAX:
        return None
    asserting = document.get("assertionMethod", [])
    methods: dict[str, Method] = {}
    for one in listed:
        method = _method(one, issuer) if isinstance(one, dict) else None
        if method is None or method.id in methods:
            return None
        methods[method.id] = method
    counting = {
        named: method for named, method in methods.items() if isinstance(asserting, list) and named in asserting
    }
    return Issuer(issuer, name, counting) if counting else None


def _method(said: Mapping[str, Any], issuer: str) -> Method | None:
    """Return one key of a document; None where it is none of the issuer's, or can't be read."""
    named = said.get("id")
    if not isinstance(named, str) or said.get("controller") != issuer:
        return None
    jwk, multibase = said.get("publicKeyJwk"), said.get("publicKeyMultibase")
    if isinstance(jwk, dict):
        key = key_of_jwk(jwk)
    else:
        key = key_of_multibase(multibase) if isinstance(multibase, str) else None
    ends = [instant_of(said[name]) for name in ("expires", "revoked") if name in said]
    if key is None or None in ends:
        return None
    until = min((one for one in ends if one is not None), default=None)
    return Method(named, key, until, "revoked" in said)


def instant_of(text: object) -> datetime | None:
    """Return the instant that an XML Schema dateTimeStamp names; None where it is none."""
    if not isinstance(text, str) or "T" not in text:
        return None
    try:
        instant = datetime.fromisoformat(text)
        return None if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
