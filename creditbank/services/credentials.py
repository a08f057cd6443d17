"""Credentials: issued once and kept sealed, signed whenever they are fetched, and ended by who issued them."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from creditbank.core.credential import CredentialKind, Standing, StatusPlace, moved, standing_on
from creditbank.core.entitlement import Basis, Sight
from creditbank.core.errors import Conflict, Fault, NotAllowed, unknown
from creditbank.core.permission import require
from creditbank.formats.credential_document import Envelope, address_of, document_of
from creditbank.formats.credential_key import Algorithm
from creditbank.formats.did_web import did_of
from creditbank.formats.linked_data import Contexts
from creditbank.formats.status_list import ENTRIES
from creditbank.formats.strict_json import text_of
from creditbank.services import issuing_keys
from creditbank.services.bank import Work
from creditbank.services.credential_contents import SCOPE, Told, told
from creditbank.services.credential_following import stand
from creditbank.services.entitlement import hides, note_standing, seen, standing_of
from creditbank.services.telling import tell_credential
from creditbank.storage import (
    credential_sources,
    credential_status,
    credentials,
    institutions,
    learners,
    naming,
    people,
)
from creditbank.storage.credentials import Credential, Place, document_place, reason_place

__all__ = ["Credential", "Place"]

CREDENTIALS_MAX = 1000
"""Credentials of one person: far above what anybody shows, and a bound on what one may take of the status lists."""

TRIES = 16
"""Indexes that are drawn at once; where all of them are given out, the list is nearly full and another one is begun."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be issued: about what (None for one's own balances), and whether it tells the learner's name."""

    kind: CredentialKind
    subject_id: UUID | None
    with_name: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """A credential as it is told to whoever may see it: today's standing, and whose word it is."""

    credential: Credential
    standing: Standing
    institution: str | None
    address: str


def issue(work: Work, wish: Wish, base_url: str) -> Shown:
    """Issue a credential. The name is told only if the learner asks for it.

    Refused: ScopeMissing; Unknown where it is none of the actor's; Conflict where the source doesn't stand, or too
    many were issued; NotAllowed to an institution that asks for the name; TryLater.
    """
    if wish.with_name and work.actor.learner_id is None:
        zh, en = (
            "只有学习者本人可以要求在凭证中写明姓名。",
            "Only the learner can ask that it tells their name.",
        )
        raise NotAllowed((Fault("/with_name", "name_not_asked_for", zh, en),))
    content = told(work, wish.kind, wish.subject_id, base_url)
    issuing_keys.prepare(work)
    _check_count(work, content.learner_id)
    envelope = Envelope(
        base_url=base_url,
        did=did_of(base_url),
        id=work.new_id(),
        subject_id=uuid4(),  # by chance alone: two credentials of one learner have nothing in common
        issued_at=work.now,
        valid_until=content.valid_until,
        place=_drawn(work),
        holder_name=_name(work, content.learner_id) if wish.with_name else None,
    )
    value = _sealed(work, wish.kind, content, envelope)
    credentials.add(work.connection, value)
    tell_credential(work, value)
    note_sight(work, value)
    return shown(work, value, base_url)


def _sealed(work: Work, kind: CredentialKind, content: Told, envelope: Envelope) -> Credential:
    """Return a credential as it is kept. Refused: Unknown where its learner was erased meanwhile."""
    known = learners.known(work.connection, [content.learner_id], None).get(content.learner_id)
    if known is None:
        raise no_such_credential()
    text = text_of(document_of(envelope, content.body(address_of(envelope.base_url, envelope.id))))
    return Credential(
        learner_id=content.learner_id,
        id=envelope.id,
        kind=kind,
        source=content.source,
        institution_id=content.institution_id,
        issued_by=work.actor.name,
        issued_at=work.now,
        valid_until=content.valid_until,
        place=envelope.place,
        standing=Standing.VALID,
        standing_since=work.now,
        sealed_document=work.keyring.person_cipher(known.wrapped_key).seal(text, document_place(envelope.id)),
        sealed_reason=None,
    )


def fetched(work: Work, credential_id: UUID, base_url: str, contexts: Contexts | None = None) -> dict[str, Any]:
    """Return a credential with a Data Integrity proof of now, by linked data if contexts are given.

    Refused: Unknown, TryLater.
    """
    return issuing_keys.proven(work, base_url, _seen_document(work, credential_id), contexts)


def fetched_jwt(work: Work, credential_id: UUID, base_url: str, algorithm: Algorithm) -> str:
    """Return a credential as a JWT that is signed now. Refused: Unknown, TryLater."""
    return issuing_keys.as_jwt(work, base_url, _seen_document(work, credential_id), algorithm)


def credentials_page(work: Work, learner_id: UUID, page: tuple[Place | None, int], base_url: str) -> list[Shown]:
    """Return a learner's credentials, newest first, so many behind a place, to who speaks for them and auditors.

    Refused: Unknown.
    """
    person = seen(work, learner_id, Sight.CREDENTIALS)
    found = credentials.page(work.connection, person.members, *page)
    return [shown(work, one, base_url) for one in found]


def change(work: Work, credential_id: UUID, wanted: tuple[Standing, str], base_url: str) -> Shown:
    """Let a credential stand as its issuer says, with the reason: suspended, valid again, or revoked for ever.

    Asked again it is answered as it stands. Refused: ScopeMissing, Unknown, Conflict where it is over, or where what it
    is about is in review.
    """
    if work.actor.learner_id is None:
        require(work.actor, SCOPE)
    found = credentials.locked(work.connection, credential_id)
    if found is None or not _is_issuer(work, found):
        raise no_such_credential()
    note_sight(work, found)
    standing, reason = wanted
    if found.standing is moved(found.standing, standing):
        return shown(work, found, base_url)
    if standing is Standing.VALID and credential_sources.is_in_review(work.connection, found):
        zh = "所依据的资历正在复核，裁定维持后凭证自动恢复。"
        en = "The award that it is about is in review; the credential counts again once that is upheld."
        raise Conflict((Fault("", "award_in_review", zh, en),))
    known = learners.known(work.connection, [found.learner_id], None).get(found.learner_id)
    if known is None:
        raise no_such_credential()
    cipher = work.keyring.person_cipher(known.wrapped_key)
    sealed = cipher.seal(reason, reason_place(found.id))
    return shown(work, stand(work, found, standing, sealed), base_url)


def visible(work: Work, credential_id: UUID) -> Credential:
    """Return a credential that the actor may see: its learner's, its issuer's, an auditor's.

    Refused: ScopeMissing, Unknown.
    """
    if work.actor.learner_id is None:
        require(work.actor, SCOPE, "audit:read")
    found = credentials.by_id(work.connection, credential_id)
    if found is None or not _may_see(work, found):
        raise no_such_credential()
    note_sight(work, found)
    return found


def unsigned(work: Work, found: Credential) -> dict[str, Any]:
    """Return the document of a credential as it was issued. Refused: Unknown where its learner was erased."""
    cipher = naming.ciphers(work.connection, work.keyring, [found.learner_id]).get(found.learner_id)
    if cipher is None:
        raise no_such_credential()
    document: dict[str, Any] = json.loads(cipher.opened(found.sealed_document, document_place(found.id)))
    return document


def shown(work: Work, found: Credential, base_url: str) -> Shown:
    """Return how a credential is told of."""
    codes: Mapping[UUID, str] = {}
    if found.institution_id is not None:
        codes = institutions.codes(work.connection, [found.institution_id])
    standing = standing_on(found.standing, found.valid_until, work.today)
    institution = None if found.institution_id is None else codes[found.institution_id]
    return Shown(found, standing, institution, address_of(base_url, found.id))


def no_such_credential() -> Exception:
    """Return the one answer for credentials that don't exist and those that are none of the actor's."""
    return unknown("凭证", "credential")


def note_sight(work: Work, found: Credential) -> None:
    """Note in the learner's diary that somebody else sees a credential."""
    actor = work.actor
    if actor.learner_id is not None:
        note_standing(work, found.learner_id, Sight.CREDENTIALS)
    else:
        is_issuer = found.institution_id == actor.institution_id
        work.note_sight(found.learner_id, Sight.CREDENTIALS, Basis.ISSUED if is_issuer else Basis.AUDIT)


def _seen_document(work: Work, credential_id: UUID) -> dict[str, Any]:
    return unsigned(work, visible(work, credential_id))


def _may_see(work: Work, found: Credential) -> bool:
    actor = work.actor
    if hides(work, found.learner_id):
        return False
    if actor.learner_id is not None:
        return standing_of(work, found.learner_id) is not None
    return actor.audits or _is_own_word(work, found)


def _is_own_word(work: Work, found: Credential) -> bool:
    """Tell whether it is the word of the actor's institution."""
    actor = work.actor
    own = actor.institution_id
    return own is not None and found.institution_id == own and not actor.is_partner


def _is_issuer(work: Work, found: Credential) -> bool:
    """Tell whether it is the actor's word: an institution's own, or the learner's where no institution said it."""
    actor = work.actor
    if hides(work, found.learner_id):
        return False
    if actor.learner_id is not None:
        return found.institution_id is None and standing_of(work, found.learner_id) is not None
    return _is_own_word(work, found)


def _name(work: Work, learner_id: UUID) -> str:
    person = people.person(work.connection, learner_id)
    learner = None if person is None else learners.shown(work.connection, work.keyring, person, None)
    assert learner is not None, "who asks for it is there"
    return learner.name


def _check_count(work: Work, learner_id: UUID) -> None:
    person = people.person(work.connection, learner_id)
    members = (learner_id,) if person is None else person.members
    if len(credentials.page(work.connection, members, None, CREDENTIALS_MAX)) >= CREDENTIALS_MAX:
        zh = f"每人最多签发 {CREDENTIALS_MAX} 份凭证；已签发的凭证可重复取用。"
        en = f"At most {CREDENTIALS_MAX} credentials are issued of one person; those that were can be fetched again."
        raise Conflict((Fault("", "too_many_credentials", zh, en),))


def _drawn(work: Work) -> StatusPlace:
    """Return a place in the newest lists that is nobody's yet, drawn by chance: it tells nothing of order or person."""
    pair = credential_status.newest_pair(work.connection)
    drawn = [secrets.randbelow(ENTRIES) for _ in range(TRIES)]
    taken = credential_status.taken(work.connection, pair, drawn)
    free = [index for index in drawn if index not in taken]
    place = StatusPlace(pair, free[0]) if free else StatusPlace(pair + 1, drawn[0])
    credential_status.give_out(work.connection, place)
    return place
