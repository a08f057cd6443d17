"""Repeats: whether a record says what is on record already; shared by posting and correcting."""

import json
from dataclasses import dataclass
from uuid import UUID

from creditbank.core.outcome import Record, differing_fields
from creditbank.gateways.keyring import Keyring
from creditbank.storage.certificates import Certificate
from creditbank.storage.outcomes import Revision


@dataclass(frozen=True, slots=True)
class Told:
    """One revision of an outcome with all that it tells: its certificate, if any, sealed under its learner's key."""

    revision: Revision
    certificate: Certificate | None
    wrapped_key: bytes


def differing(keyring: Keyring, told: Told, record: Record, learner_id: UUID) -> list[str]:
    """Return the names of what a record of a learner says otherwise than a revision; none for a faithful repeat.

    The certificate number, which is sealed, is opened only where both have one.
    """
    names = differing_fields(json.loads(told.revision.content), record.content())
    if learner_id != told.revision.learner_id:
        names.append("learner")
    if told.certificate is None:
        is_same = record.certificate_no is None
    else:
        is_same = told.certificate.is_numbered(record.certificate_no, keyring, told.wrapped_key)
    return names if is_same else [*names, "certificate_no"]
