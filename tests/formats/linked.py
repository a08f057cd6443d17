"""Contexts to test with: those of 1EdTech and W3C, if their files are beside the checkout, and one of our own."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from creditbank.formats.credential_context import context_address, context_document
from creditbank.formats.linked_data import Contexts
from creditbank.formats.strict_json import parsed
from tests.formats import credentials as made

SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "standards" / "1edtech"
"""Beside the checkout, where they are."""

needs_samples = pytest.mark.skipif(not SAMPLES.is_dir(), reason="the files of 1EdTech are not beside the checkout")

FILES = {
    "https://www.w3.org/ns/credentials/v2": "credentials-v2.jsonld",
    "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json": "ob-v3p0-3.0.3.json",
    "https://purl.imsglobal.org/spec/clr/v2p0/context-2.0.1.json": "clr-v2p0-2.0.1.json",
    "https://w3id.org/security/data-integrity/v1": "data-integrity-v1.jsonld",
}

EXTENSIONS = {
    "@context": {
        "id": "@id",
        "type": "@type",
        "1EdTechJsonSchemaValidator2019": (
            "https://purl.imsglobal.org/spec/vccs/v1p0/context.json#1EdTechJsonSchemaValidator2019"
        ),
        "1EdTechRevocationList": "https://purl.imsglobal.org/spec/vcrl/v1p0/context.json#1EdTechRevocationList",
        "1EdTechCredentialRefresh": "https://purl.imsglobal.org/spec/vccr/v1p0/context.json#1EdTechCredentialRefresh",
    }
}
"""The three names that 1EdTech's extensions stand for, of which there is no file beside the checkout."""

HOUSEHOLD = "https://example.org/household"
SMALL = {
    "@context": {
        "id": "@id",
        "type": "@type",
        "DataIntegrityProof": "https://w3id.org/security#DataIntegrityProof",
        "cryptosuite": "https://w3id.org/security#cryptosuite",
        "proofPurpose": "https://w3id.org/security#proofPurpose",
        "verificationMethod": {"@id": "https://w3id.org/security#verificationMethod", "@type": "@id"},
        "created": "http://purl.org/dc/terms/created",
        "Person": "https://example.org/Person",
        "name": "https://example.org/name",
        "age": "https://example.org/age",
        "knows": "https://example.org/knows",
        "home": {"@id": "https://example.org/home", "@type": "@id"},
    }
}
"""A context that is ours, for tests that need no file of others."""


@cache
def contexts(base_url: str = made.BASE) -> Contexts:
    """Return all contexts that there are files of, and ours as a bank at an address publishes it."""
    known: dict[str, Any] = {
        address: parsed((SAMPLES / "contexts" / file).read_bytes(), bytes_max=2**18)
        for address, file in FILES.items()
        if SAMPLES.is_dir()
    }
    known[context_address(base_url)] = context_document(base_url)
    known["https://purl.imsglobal.org/spec/ob/v3p0/extensions.json"] = EXTENSIONS
    return Contexts({**known, HOUSEHOLD: SMALL})
