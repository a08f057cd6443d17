"""Whole records (CLR 2.0): all that was issued of a learner's achievements and holds, in one signed document."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from creditbank.core.credential import CredentialKind, Standing, standing_on
from creditbank.core.entitlement import Sight
from creditbank.core.errors import Conflict, Fault
from creditbank.formats.credential_key import Algorithm
from creditbank.formats.credential_record import BUNDLED_MAX, Cover, record_document
from creditbank.formats.did_web import did_of
from creditbank.formats.linked_data import Contexts
from creditbank.services import issuing_keys
from creditbank.services.bank import Work
from creditbank.services.credentials import CREDENTIALS_MAX
from creditbank.services.entitlement import seen
from creditbank.storage import credentials, naming
from creditbank.storage.credentials import Credential, document_place

RECORD_DAYS = 90
"""How long a record holds; what stands in it may change on any day."""

_NO_ACHIEVEMENTS = (CredentialKind.BALANCE, CredentialKind.CONVERSION)


def record(work: Work, learner_id: UUID, base_url: str, contexts: Contexts | None = None) -> dict[str, Any]:
    """Return the record with a Data Integrity proof of now, as has each in it; by linked data if contexts are given.

    Refused: Unknown; Conflict where nothing is there that holds; TryLater.
    """
    return issuing_keys.proven(work, base_url, _unsigned(work, learner_id, base_url, contexts), contexts)


def record_jwt(work: Work, learner_id: UUID, base_url: str, algorithm: Algorithm) -> str:
    """Return the record as a JWT that is signed now, with documents in it. Refused as above."""
    return issuing_keys.as_jwt(work, base_url, _unsigned(work, learner_id, base_url, None), algorithm)


def _unsigned(work: Work, learner_id: UUID, base_url: str, contexts: Contexts | None) -> dict[str, Any]:
    person = seen(work, learner_id, Sight.CREDENTIALS)
    found = holding(work, person.members)
    if not found:
        raise nothing_to_bundle()
    chosen = found[:BUNDLED_MAX]
    ciphers = naming.ciphers(work.connection, work.keyring, [one.learner_id for one in chosen])
    documents = [
        json.loads(ciphers[one.learner_id].opened(one.sealed_document, document_place(one.id))) for one in chosen
    ]
    cover = Cover(
        base_url=base_url,
        did=did_of(base_url),
        id=uuid4(),  # by chance alone, as is the subject's: two records of one learner have nothing in common
        subject_id=uuid4(),
        issued_at=work.now,
        valid_until=work.today + timedelta(days=RECORD_DAYS),
        is_partial=len(found) > len(chosen),
    )
    return record_document(cover, [issuing_keys.proven(work, base_url, one, contexts) for one in documents])


def holding(work: Work, members: Sequence[UUID]) -> list[Credential]:
    """Return the credentials of achievements that hold today, newest first: of each achievement the newest."""
    by_source: dict[UUID | None, Credential] = {}
    for one in credentials.page(work.connection, members, None, CREDENTIALS_MAX):
        holds = standing_on(one.standing, one.valid_until, work.today) is Standing.VALID
        if holds and one.kind not in _NO_ACHIEVEMENTS:
            by_source.setdefault(one.source.id, one)
    return list(by_source.values())


def nothing_to_bundle() -> Conflict:
    """Return the refusal of a record in which nothing would stand."""
    zh = "没有有效的学习成果凭证可以汇入；请先为学习成果签发凭证（POST /v1/credentials）。"
    en = "No credential of an achievement holds that could stand in it; have some issued by POST /v1/credentials."
    return Conflict((Fault("", "nothing_to_bundle", zh, en),))
