"""Credentials whose source is not what it was: an outcome revised or revoked, a conversion undone, credits reversed."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Select, and_, or_, select

from creditbank.core.credential import FINAL, CredentialKind, Standing
from creditbank.core.outcome import Status
from creditbank.core.review import State
from creditbank.storage.conversions import conversion
from creditbank.storage.credentials import Credential, credential, credential_of
from creditbank.storage.database import member_of
from creditbank.storage.ledger import entry
from creditbank.storage.outcomes import outcome


def overtaken(
    connection: Connection, members: Sequence[UUID] | None, after: UUID | None = None, rows_max: int | None = None
) -> list[tuple[Credential, Standing]]:
    """Return credentials that can't stand as they do, each with how it has to stand; in the order of their ids.

    Of some accounts, or of all behind an id: then a reversal on another account of the same person goes unseen.
    """
    found: list[tuple[Credential, Standing]] = []
    for query, standing in (_revoked(), _revised(), _undone(), _reversed(connection, members)):
        alive = query.where(credential.c.standing.not_in([one.value for one in FINAL]))
        if members is not None:
            alive = alive.where(member_of(connection, credential.c.learner_id, members))
        if after is not None:
            alive = alive.where(credential.c.id > after)
        rows = connection.execute(alive.order_by(credential.c.id).limit(rows_max))
        found += [(credential_of(row), standing) for row in rows]
    return sorted(found, key=lambda one: one[0].id)


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


def _reversed(connection: Connection, members: Sequence[UUID] | None) -> tuple[Select[Any], Standing]:
    """Return the statements of balances behind which credits were taken back."""
    owner = entry.c.learner_id
    theirs = owner == credential.c.learner_id if members is None else member_of(connection, owner, members)
    back = select(1).where(theirs, entry.c.kind == "reverse", entry.c.recorded_at >= credential.c.issued_at).exists()
    return select(credential).where(credential.c.kind == CredentialKind.BALANCE.value, back), Standing.SUPERSEDED
