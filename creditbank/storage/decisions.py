"""Decisions: what was asked, by which rules, with what result and why; written once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Connection, Integer, Row, String, Table, Text, Uuid, select

from creditbank.storage.columns import Instant, catalogue
from creditbank.storage.database import member_of
from creditbank.storage.writing import append, row_of

decision = Table(
    "decision",
    catalogue,
    Column("learner_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True, index=True),
    Column("kind", String(16), nullable=False),
    Column("outcome_id", Uuid, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("institution_id", Uuid, nullable=False),
    Column("ruleset", String(64)),
    Column("version", Integer),
    Column("inputs", Text, nullable=False),
    Column("result", Text, nullable=False),
    Column("explanation", Text, nullable=False),
    Column("decided_at", Instant, nullable=False),
    Column("actor", String(64), nullable=False),
    CheckConstraint("kind IN ('recognition', 'duplicate', 'revocation')", name="kind"),
)


@dataclass(frozen=True, slots=True)
class StoredDecision:
    """A decision as it is kept; inputs, result and explanation are JSON texts without personal data."""

    learner_id: UUID
    id: UUID
    kind: str
    outcome_id: UUID
    revision: int
    institution_id: UUID
    ruleset: str | None
    version: int | None
    inputs: str
    result: str
    explanation: str
    decided_at: datetime
    actor: str


def add(connection: Connection, decisions: Sequence[StoredDecision]) -> None:
    """Write decisions."""
    append(connection, decision, [row_of(value) for value in decisions])


def by_id(connection: Connection, decision_id: UUID) -> StoredDecision | None:
    """Return one decision."""
    row = connection.execute(select(decision).where(decision.c.id == decision_id)).one_or_none()
    return None if row is None else _stored(row)


def results(connection: Connection, decision_ids: Iterable[UUID]) -> dict[UUID, str]:
    """Return the result texts of decisions by id."""
    ids = sorted(set(decision_ids))
    if not ids:
        return {}
    query = select(decision.c.id, decision.c.result).where(member_of(connection, decision.c.id, ids))
    return {row.id: row.result for row in connection.execute(query)}


def awards(connection: Connection, learner_ids: Sequence[UUID]) -> dict[UUID, tuple[UUID, str]]:
    """Return the outcome and the result text of each of the learners' recognitions, by the decision's id."""
    query = select(decision.c.id, decision.c.outcome_id, decision.c.result).where(decision.c.kind == "recognition")
    among = member_of(connection, decision.c.learner_id, learner_ids)
    return {row.id: (row.outcome_id, row.result) for row in connection.execute(query.where(among))}


def _stored(row: Row[Any]) -> StoredDecision:
    """Return the value that a row holds."""
    return StoredDecision(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
