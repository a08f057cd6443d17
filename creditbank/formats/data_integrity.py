"""Data Integrity proofs by eddsa-jcs-2022: Ed25519 over the canonical JSON of a document and of the proof's options."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from creditbank.core.calendar import second_text
from creditbank.formats.canonical import canonical_bytes, foreign_canonical_bytes
from creditbank.formats.credential_key import SecretKey, VerificationKey
from creditbank.formats.multibase import bytes_of, multibase_of

TYPE = "DataIntegrityProof"
CRYPTOSUITE = "eddsa-jcs-2022"
PURPOSE = "assertionMethod"

_SIGNATURE_BYTES = 64


def with_proof(document: Mapping[str, Any], key: SecretKey, method: str, at: datetime) -> dict[str, Any]:
    """Return a document with the proof of a key of Ed25519, published under the id `method`, made at an instant."""
    assert isinstance(key.private, Ed25519PrivateKey), "the cryptosuite is Ed25519's"
    options = {
        "type": TYPE,
        "cryptosuite": CRYPTOSUITE,
        "created": second_text(at),
        "verificationMethod": method,
        "proofPurpose": PURPOSE,
        "@context": document["@context"],
    }
    data = _hashed(canonical_bytes(options)) + _hashed(canonical_bytes(dict(document)))
    return {**document, "proof": {**options, "proofValue": multibase_of(key.private.sign(data))}}


def is_proven(document: Mapping[str, Any], proof: Mapping[str, Any], key: VerificationKey) -> bool:
    """Tell whether a proof of eddsa-jcs-2022 is by a key and over the document, whose `proof` is left out."""
    options = {name: value for name, value in proof.items() if name != "proofValue"}
    unsecured = {name: value for name, value in document.items() if name != "proof"}
    value = proof.get("proofValue")
    signature = bytes_of(value) if isinstance(value, str) else None
    if signature is None or len(signature) != _SIGNATURE_BYTES or not isinstance(key.key, Ed25519PublicKey):
        return False
    if "@context" in options:
        if not _begins_with(unsecured.get("@context"), options["@context"]):
            return False
        unsecured["@context"] = options["@context"]
    try:
        data = _hashed(foreign_canonical_bytes(options)) + _hashed(foreign_canonical_bytes(unsecured))
        key.key.verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


def _begins_with(contexts: object, proven: object) -> bool:
    """Tell whether the contexts of a document begin with those of its proof, in the same order."""
    listed = contexts if isinstance(contexts, list) else [contexts]
    wanted = proven if isinstance(proven, list) else [proven]
    return listed[: len(wanted)] == wanted


def _hashed(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()
