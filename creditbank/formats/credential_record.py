"""A learner's whole record as one document: a Comprehensive Learner Record (CLR 2.0) around signed credentials."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from creditbank.core.calendar import day_end, second_text
from creditbank.formats.credential_context import context_address
from creditbank.formats.credential_document import ISSUER_NAME
from creditbank.formats.credential_shape import OB_CONTEXT, VC_CONTEXT

CLR_CONTEXT = "https://purl.imsglobal.org/spec/clr/v2p0/context-2.0.1.json"
TYPE = "ClrCredential"

BUNDLED_MAX = 40
"""Credentials in one record: what can be read as linked data, too, and fits into a JWT."""


@dataclass(frozen=True, slots=True)
class Cover:
    """What a record says around its credentials. `id` and `subject_id` are this one's alone and tell nothing."""

    base_url: str
    did: str
    id: UUID
    subject_id: UUID
    issued_at: datetime
    valid_until: date
    is_partial: bool
    """Whether the learner has more than stands in it."""


def record_document(cover: Cover, signed: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the unsigned record; it has no status of its own, each credential in it has one."""
    return {
        "@context": [VC_CONTEXT, CLR_CONTEXT, OB_CONTEXT, context_address(cover.base_url)],
        "id": f"urn:uuid:{cover.id}",
        "type": ["VerifiableCredential", TYPE],
        "issuer": {"id": cover.did, "type": ["Profile"], "name": ISSUER_NAME},
        "validFrom": second_text(cover.issued_at),
        "validUntil": second_text(day_end(cover.valid_until) - timedelta(seconds=1)),
        "name": "终身学习档案 Comprehensive learner record",
        "partial": cover.is_partial,
        "credentialSubject": {
            "id": f"urn:uuid:{cover.subject_id}",
            "type": ["ClrSubject"],
            "verifiableCredential": [dict(one) for one in signed],
        },
    }


def bundled(document: Mapping[str, Any]) -> list[Mapping[str, Any]] | None:
    """Return the credentials in a record; None of what is no record, or has something else in their place."""
    types, subject = document.get("type"), document.get("credentialSubject")
    if not isinstance(types, list) or TYPE not in types or not isinstance(subject, dict):
        return None
    found = subject.get("verifiableCredential")
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        return None
    return found
