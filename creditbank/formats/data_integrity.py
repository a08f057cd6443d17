"""Data Integrity proofs of Ed25519: over the canonical JSON of a document (jcs) or over its canonical RDF (rdfc)."""

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from creditbank.core.calendar import second_text
from creditbank.formats.canonical import canonical_bytes, foreign_canonical_bytes
from creditbank.formats.credential_key import SecretKey, VerificationKey
from creditbank.formats.linked_data import Contexts, NotSignable, quads_of
from creditbank.formats.multibase import bytes_of, multibase_of

TYPE = "DataIntegrityProof"
PURPOSE = "assertionMethod"


class Cryptosuite(StrEnum):
    """How a document is written before it is signed."""

    JCS = "eddsa-jcs-2022"
    """As canonical JSON, for which no context has to be there."""
    RDFC = "eddsa-rdfc-2022"
    """As canonical RDF, for which every context that it names has to be installed."""


OLD_RDFC = "eddsa-2022"
"""What the drafts called eddsa-rdfc-2022; it is checked, never made."""

KNOWN = frozenset({*Cryptosuite, OLD_RDFC})
"""Cryptosuites whose proofs can be checked."""

Judge = Callable[[Mapping[str, Any], VerificationKey], bool]
"""Tells whether a proof is by a key and over the document that the judge was made for."""

_SIGNATURE_BYTES = 64


def with_proof(
    document: Mapping[str, Any], key: SecretKey, method: str, at: datetime, contexts: Contexts | None = None
) -> dict[str, Any]:
    """Return a document with the proof of a key of Ed25519, published under the id `method`, made at an instant.

    With contexts it is one of eddsa-rdfc-2022, else of eddsa-jcs-2022. Raises NotSignable where a context is missing
    or doesn't define all that the document says.
    """
    assert isinstance(key.private, Ed25519PrivateKey), "the cryptosuites are Ed25519's"
    suite = Cryptosuite.JCS if contexts is None else Cryptosuite.RDFC
    proof = {
        "type": TYPE,
        "cryptosuite": suite.value,
        "created": second_text(at),
        "verificationMethod": method,
        "proofPurpose": PURPOSE,
    }
    options = proof | {"@context": document["@context"]}
    if contexts is None:
        proof = options
        data = _hashed(canonical_bytes(options)) + _hashed(canonical_bytes(dict(document)))
    else:
        data = _hashed(quads_of(options, contexts)) + _hashed(quads_of(document, contexts))
    return {**document, "proof": {**proof, "proofValue": multibase_of(key.private.sign(data))}}


def judge_of(document: Mapping[str, Any], contexts: Contexts, suites: set[str]) -> Judge:
    """Return who judges proofs, of some cryptosuites, over a document, whose `proof` is left out.

    Raises NotSignable where one of them wants RDF and the document can't be read so.
    """
    unsecured = {name: value for name, value in document.items() if name != "proof"}
    digest = _hashed(quads_of(unsecured, contexts)) if suites - {Cryptosuite.JCS} else b""

    def is_proven(proof: Mapping[str, Any], key: VerificationKey) -> bool:
        value = proof.get("proofValue")
        signature = bytes_of(value) if isinstance(value, str) else None
        if signature is None or len(signature) != _SIGNATURE_BYTES or not isinstance(key.key, Ed25519PublicKey):
            return False
        options = {name: inner for name, inner in proof.items() if name != "proofValue"}
        contexts_named = unsecured.get("@context")
        if "@context" in options and not _begins_with(contexts_named, options["@context"]):
            return False
        try:
            if options.get("cryptosuite") == Cryptosuite.JCS:
                signed = unsecured | {name: inner for name, inner in options.items() if name == "@context"}
                data = _hashed(foreign_canonical_bytes(options)) + _hashed(foreign_canonical_bytes(signed))
            else:
                data = _hashed(quads_of(options | {"@context": contexts_named}, contexts)) + digest
            key.key.verify(signature, data)
        except (InvalidSignature, NotSignable, ValueError):
            return False
        return True

    return is_proven


def _begins_with(contexts: object, proven: object) -> bool:
    """Tell whether the contexts of a document begin with those of its proof, in the same order."""
    listed = contexts if isinstance(contexts, list) else [contexts]
    wanted = proven if isinstance(proven, list) else [proven]
    return listed[: len(wanted)] == wanted


def _hashed(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()
