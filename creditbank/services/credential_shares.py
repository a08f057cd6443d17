"""Links by which learners show parts of a credential for a while: made, listed, withdrawn, and opened by anybody."""

import base64
import hashlib
import secrets
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from creditbank.core.credential import (
    SHARE_DAYS,
    SHARE_DAYS_MAX,
    SHARES_MAX,
    CredentialKind,
    Detail,
    Standing,
    standing_on,
)
from creditbank.core.entitlement import Basis, Sight
from creditbank.core.errors import Conflict, Fault, Malformed, unknown
from creditbank.formats.credential_document import shown_of
from creditbank.services import issuing_keys
from creditbank.services.bank import Work
from creditbank.services.credentials import no_such_credential, unsigned, visible
from creditbank.storage import credentials
from creditbank.storage.credentials import Credential, Share

__all__ = ["Share"]

CODE_BYTES = 20
"""160 bits by chance: nobody comes upon a code by trying."""


@dataclass(frozen=True, slots=True)
class Made:
    """A link that was made, with its code, which is told this once and kept nowhere."""

    share: Share
    code: str


@dataclass(frozen=True, slots=True)
class Opened:
    """What a link shows: where the credential stands now, and as much of it as the learner chose."""

    share: Share
    kind: CredentialKind
    standing: Standing
    standing_since: datetime
    document: dict[str, Any]
    shown: Any
    signed: dict[str, Any] | None
    """The signed credential, where the learner chose to show it."""


def make(work: Work, credential_id: UUID, details: frozenset[Detail], valid_until: date | None) -> Made:
    """Make a link that shows some details of a credential of the learner's until a day, its last.

    Refused: Unknown; Malformed for a day that is over or too far; Conflict where too many links count.
    """
    found = _own(work, credential_id)
    until = valid_until or work.today + timedelta(days=SHARE_DAYS)
    if not work.today <= until <= work.today + timedelta(days=SHARE_DAYS_MAX):
        zh = f"有效期最后一天应在今天起的 {SHARE_DAYS_MAX} 天之内。"
        en = f"Its last day has to be from today on, at most {SHARE_DAYS_MAX} days ahead."
        raise Malformed((Fault("/valid_until", "wrong_term", zh, en),))
    counting = [one for one in credentials.shares_of(work.connection, found) if one.counts_on(work.today)]
    if len(counting) >= SHARES_MAX:
        zh = f"有效的出示链接已达 {SHARES_MAX} 个；请先撤回不再需要的链接。"
        en = f"There are {SHARES_MAX} links to it that count; withdraw those that are no longer needed first."
        raise Conflict((Fault("", "too_many_shares", zh, en),))
    code = base64.b32encode(secrets.token_bytes(CODE_BYTES)).decode().lower()
    share = Share(found.learner_id, work.new_id(), found.id, hash_of(code), details, work.now, until, None)
    credentials.add_share(work.connection, share)
    return Made(share, code)


def shares(work: Work, credential_id: UUID) -> list[Share]:
    """Return all links to a credential of the learner's, newest first. Refused: Unknown."""
    return credentials.shares_of(work.connection, _own(work, credential_id))


def withdraw(work: Work, credential_id: UUID, share_id: UUID) -> Share:
    """Let a link show nothing from now on; asked again it is answered as it stands. Refused: Unknown."""
    found = _own(work, credential_id)
    share = next((one for one in credentials.shares_of(work.connection, found) if one.id == share_id), None)
    if share is None:
        raise unknown("出示链接", "share")
    if share.withdrawn_at is None:
        credentials.withdraw_share(work.connection, share, work.now)
        return replace(share, withdrawn_at=work.now)
    return share


def opened(work: Work, code: str, base_url: str) -> Opened:
    """Return what a link shows, and note in the learner's diary that it was opened.

    Refused: Unknown, alike for a code that never was, a link that is over, and a learner who was erased.
    """
    share = credentials.share_by_code(work.connection, hash_of(code))
    found = None if share is None else credentials.by_id(work.connection, share.credential_id)
    if share is None or found is None or not share.counts_on(work.today) or not found.sealed_document:
        raise unknown("凭证", "credential")
    work.note_sight(found.learner_id, Sight.CREDENTIALS, f"{Basis.SHARE}:{share.id}")
    document = unsigned(work, found)
    signed = issuing_keys.proven(work, base_url, document) if Detail.PROOF in share.details else None
    return Opened(
        share=share,
        kind=found.kind,
        standing=standing_on(found.standing, found.valid_until, work.today),
        standing_since=found.standing_since,
        document=document,
        shown=shown_of(document, share.details),
        signed=signed,
    )


def hash_of(code: str) -> bytes:
    """Return what is kept of a code: it can be found again, and not told from what is stored."""
    return hashlib.sha256(code.encode()).digest()


def _own(work: Work, credential_id: UUID) -> Credential:
    """Return a credential of the learner who acts. Refused: Unknown, also to its issuer and to auditors."""
    if work.actor.learner_id is None:
        raise no_such_credential()
    return visible(work, credential_id)
