"""Credentials whose source is not what it was: an outcome, a conversion, credits on an account, an award."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select

from creditbank.core.credential import FINAL, CredentialKind, Standing
from creditbank.core.outcome import Status
from creditbank.core.review import State
from creditbank.storage.awards import qualification_award
from creditbank.storage.conversions import conversion
from creditbank.storage.credentials import Credential, credential, credential_of
from creditbank.storage.database import member_of
from creditbank.storage.ledger import entry
from creditbank.storage.outcomes import outcome

_BACK = "reverse"
"""What the ledger calls an entry that takes credits back."""


def overtaken(
    connection: Connection,
    members: Sequence[UUID] | None,
    after: UUID | None = None,
    rows_max: int | None = None,
    now: datetime | None = None,
) -> list[tuple[Credential, Standing]]:
    """Return credentials that can't stand as they do, each with how it has to stand; in the order of their ids.

    Of some accounts, or of all behind an id: then a reversal on another account of the same person goes unseen. `now`
    is the instant of a transaction that holds the accounts: what it reversed itself comes behind all that was issued.
    """
    found: list[tuple[Credential, Standing]] = []
    queries = [_revoked(), _revised(), _undone(), *_awards(), *([] if members is not None else [_reversed()])]
    for query, standing in queries:
        alive = query.where(_is_alive())
        if members is not None:
            alive = alive.where(member_of(connection, credential.c.learner_id, members))
        if after is not None:
            alive = alive.where(credential.c.id > after)
        rows = connection.execute(alive.order_by(credential.c.id).limit(rows_max))
        found += [(credential_of(row), standing) for row in rows]
    if members is not None:
        found += [(one, Standing.SUPERSEDED) for one in _stated_before_a_reversal(connection, members, now)]
    return sorted(found, key=lambda one: one[0].id)


def is_in_review(connection: Connection, value: Credential) -> bool:
    """Tell whether a credential is about an award that is in review."""
    if value.kind is not CredentialKind.QUALIFICATION:
        return False
    query = select(qualification_award.c.state).filter_by(learner_id=value.learner_id, id=value.source.id)
    return bool(connection.execute(query).scalar_one() == "in_review")


def _is_alive() -> ColumnElement[bool]:
    return credential.c.standing.not_in([one.value for one in FINAL])


def _revoked() -> tuple[Select[Any], Standing]:
    return _of_outcome(outcome.c.status == Status.REVOKED.value), Standing.REVOKED


def _revised() -> tuple[Select[Any], Standing]:
    changed = or_(
        outcome.c.revision != credential.c.source_revision,
        outcome.c.decision_id.is_distinct_from(credential.c.source_decision_id),
    )
    return _of_outcome(and_(outcome.c.status != Status.REVOKED.value, changed)), Standing.SUPERSEDED


def _of_outcome(condition: ColumnElement[bool]) -> Select[Any]:
    same = (outcome.c.learner_id == credential.c.learner_id) & (outcome.c.id == credential.c.source_id)
    query = select(credential).join(outcome, same)
    return query.where(credential.c.kind == CredentialKind.OUTCOME.value, condition)


def _undone() -> tuple[Select[Any], Standing]:
    same = (conversion.c.learner_id == credential.c.learner_id) & (conversion.c.id == credential.c.source_id)
    changed = or_(conversion.c.revision != credential.c.source_revision, conversion.c.state != State.APPROVED.value)
    query = select(credential).join(conversion, same)
    return query.where(credential.c.kind == CredentialKind.CONVERSION.value, changed), Standing.SUPERSEDED


def _awards() -> list[tuple[Select[Any], Standing]]:
    """Return the credentials of awards that stand otherwise than the award does.

    A reason is kept where the issuer suspended one, and none where it followed its award: only those come back with it.
    """
    same = qualification_award.c.learner_id == credential.c.learner_id
    query = select(credential).join(qualification_award, same & (qualification_award.c.id == credential.c.source_id))
    query = query.where(credential.c.kind == CredentialKind.QUALIFICATION.value)
    state, standing = qualification_award.c.state, credential.c.standing
    followed = and_(
        standing == Standing.SUSPENDED.value,
        credential.c.sealed_reason.is_(None),
        func.length(credential.c.sealed_document) > 0,  # an erasure takes reason and document away
    )
    return [
        (query.where(state == "revoked"), Standing.REVOKED),
        (query.where(state == "superseded"), Standing.SUPERSEDED),
        (query.where(state == "in_review", standing == Standing.VALID.value), Standing.SUSPENDED),
        (query.where(state == "in_force", followed), Standing.VALID),
    ]


def _reversed() -> tuple[Select[Any], Standing]:
    """Return the statements of balances behind which credits were taken back from the same account."""
    theirs = entry.c.learner_id == credential.c.learner_id
    back = select(1).where(theirs, entry.c.kind == _BACK, entry.c.recorded_at >= credential.c.issued_at).exists()
    return select(credential).where(credential.c.kind == CredentialKind.BALANCE.value, back), Standing.SUPERSEDED


def _stated_before_a_reversal(
    connection: Connection, members: Sequence[UUID], now: datetime | None
) -> list[Credential]:
    """Return the same of one person, whose accounts may stand on several machines: no query joins what they hold.

    A transaction may have begun before a statement was issued for which it then waited: its own reversals have an
    earlier instant, and come later all the same.
    """
    theirs = member_of(connection, credential.c.learner_id, members)
    stated = select(credential).where(theirs, credential.c.kind == CredentialKind.BALANCE.value, _is_alive())
    found = [credential_of(row) for row in connection.execute(stated)]
    if not found:
        return []
    owned = member_of(connection, entry.c.learner_id, members)
    back = select(func.max(entry.c.recorded_at)).where(owned, entry.c.kind == _BACK)
    newest = connection.execute(back).scalar_one()
    own = None if now is None else connection.execute(back.where(entry.c.recorded_at >= now)).scalar_one()
    return [one for one in found if own is not None or (newest is not None and one.issued_at <= newest)]
