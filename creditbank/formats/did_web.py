"""The issuer of credentials as a DID: did:web, whose document lists every key that ever signed and counts still."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlsplit

from creditbank.core.calendar import second_text
from creditbank.formats.credential_key import Algorithm, VerificationKey

CONTEXTS = (
    "https://www.w3.org/ns/did/v1",
    "https://w3id.org/security/multikey/v1",
    "https://w3id.org/security/jwk/v1",
)


@dataclass(frozen=True, slots=True)
class PublishedKey:
    """A key of the issuer's: since when it signs, when it stopped, and whether nothing counts that it ever signed."""

    key: VerificationKey
    since: datetime
    until: datetime | None = None
    is_withdrawn: bool = False


def did_of(base_url: str) -> str:
    """Return the DID of whoever stands at an address: did:web with the host, its port escaped, and the path."""
    parts = urlsplit(base_url)
    path = [quote(step, safe="") for step in parts.path.split("/") if step]
    return ":".join(("did:web", quote(parts.netloc, safe=""), *path))


def jwk_method(did: str, key: VerificationKey) -> str:
    """Return under which id the document has a key as a JWK, which is the kid of what it signs."""
    return f"{did}#{key.kid}"


def multikey_method(did: str, key: VerificationKey) -> str:
    """Return under which id the document has a key of Ed25519 as a Multikey."""
    return f"{did}#{key.multibase}"


def did_document(did: str, keys: Iterable[PublishedKey]) -> dict[str, Any]:
    """Return the document of the issuer: what counts is an assertionMethod, what was withdrawn is only told."""
    methods: list[dict[str, Any]] = []
    asserting = []
    for published in keys:
        told = _methods(did, published.key)
        if published.is_withdrawn:
            assert published.until is not None, "a key is withdrawn at an instant"
            told = [one | {"revoked": second_text(published.until)} for one in told]
        else:
            asserting += [one["id"] for one in told]
        methods += told
    return {"@context": list(CONTEXTS), "id": did, "verificationMethod": methods, "assertionMethod": asserting}


def _methods(did: str, key: VerificationKey) -> list[dict[str, Any]]:
    """Return the ways in which a key is written: for JWTs, and for Data Integrity if it signs those."""
    told = [
        {
            "id": jwk_method(did, key),
            "type": "JsonWebKey",
            "controller": did,
            "publicKeyJwk": {**key.jwk, "alg": key.algorithm.value, "kid": key.kid},
        }
    ]
    if key.algorithm is Algorithm.EDDSA:
        method = multikey_method(did, key)
        told.append({"id": method, "type": "Multikey", "controller": did, "publicKeyMultibase": key.multibase})
    return told
