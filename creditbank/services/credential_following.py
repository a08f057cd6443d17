"""Credentials follow their sources: what changes one changes what was issued about it, in one transaction."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from uuid import UUID

from creditbank.core.credential import FINAL, CredentialKind, Standing
from creditbank.core.merging import Person
from creditbank.core.permission import Actor
from creditbank.formats.credential_document import name_in
from creditbank.services.bank import Answer, Bank, Errand, Work, carried_out
from creditbank.services.telling import tell_credential
from creditbank.storage import credential_sources, credential_status, credentials, learners, naming
from creditbank.storage.credentials import Credential, document_place

WORKER = Actor("worker", frozenset())
"""Who looks again at what was issued, where nobody asks for it."""

CREDENTIALS_AT_ONCE = 500
"""Credentials that one transaction of the worker changes: on SQLite everybody who writes waits for it."""


def follow(work: Work, members: Sequence[UUID]) -> int:
    """Let credentials of some accounts stand as their sources do, where those are not what they were; return how many.

    What is found is locked and looked at once more: somebody may be changing it.
    """
    candidates = credential_sources.overtaken(work.connection, members, now=work.now)
    for one, _ in candidates:
        credentials.locked(work.connection, one.id)
    found = credential_sources.overtaken(work.connection, members, now=work.now) if candidates else []
    for one, standing in found:
        stand(work, one, standing)
    return len(found)


def follow_parting(work: Work, sides: Sequence[Person], joined_at: datetime) -> None:
    """Supersede what was issued while two people were taken for one and tells of both, once they are parted.

    That is statements of both one's credits, and whatever has the other one's name.
    """
    for side in sides:
        issued = credentials.alive_since(work.connection, side.members, joined_at)
        for one in issued:
            if one.kind is CredentialKind.BALANCE or _names_another(work, one, side):
                found = credentials.locked(work.connection, one.id)
                assert found is not None, "a credential is never taken away"
                stand(work, found, Standing.SUPERSEDED)


def _names_another(work: Work, found: Credential, person: Person) -> bool:
    """Tell whether a credential has another name than the person's."""
    learner = learners.shown(work.connection, work.keyring, person, None)
    cipher = naming.ciphers(work.connection, work.keyring, [found.learner_id]).get(found.learner_id)
    if learner is None or cipher is None:
        return False
    name = name_in(json.loads(cipher.opened(found.sealed_document, document_place(found.id)))["credentialSubject"])
    return name is not None and name != learner.name


def stand(work: Work, found: Credential, standing: Standing, sealed_reason: bytes | None = None) -> Credential:
    """Write how a credential stands, in its row and in the lists that everybody reads."""
    changed = replace(found, standing=standing, standing_since=work.now, sealed_reason=sealed_reason)
    credentials.stand(work.connection, changed)
    is_suspended = standing is Standing.SUSPENDED
    credential_status.put(work.connection, found.place, is_revoked=standing in FINAL, is_suspended=is_suspended)
    tell_credential(work, changed, found.standing)
    return changed


def look_again(bank: Bank) -> int:
    """Look at all that was issued, as what changed a source may have known nothing of it; return how many changed.

    Refused: TryLater. Raised: Unavailable.
    """
    changed, after = 0, None
    while True:
        page = partial(credential_sources.overtaken, members=None, after=after, rows_max=CREDENTIALS_AT_ONCE)
        found = bank.database.read(page)[:CREDENTIALS_AT_ONCE]
        if not found:
            return changed
        changed += _follow(bank, sorted({one.learner_id for one, _ in found}))
        after = found[-1][0].id


def _follow(bank: Bank, learner_ids: Sequence[UUID]) -> int:
    """Change what has to on some accounts, in a transaction of its own."""
    done: list[int] = []

    def action(work: Work) -> Answer:
        done.append(follow(work, learner_ids))
        return Answer({}, is_new=True, subject=f"{done[-1]} credentials")

    carried_out(bank, Errand(WORKER, "credential.follow"), action)
    return done[-1]
