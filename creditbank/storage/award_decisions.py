"""Decisions on awards of qualifications: given, upheld or revoked; written once, in the form of all decisions.

They stand in a table of their own, so that the one of all recognitions needs no other constraints for them.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Column,
    Connection,
    ForeignKeyConstraint,
    Integer,
    String,
    Table,
    Text,
    Uuid,
    select,
)

from creditbank.storage.columns import Instant, catalogue
from creditbank.storage.decisions import StoredDecision
from creditbank.storage.writing import append

qualification_decision = Table(
    "qualification_decision",
    catalogue,
    Column("learner_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True, index=True),
    Column("kind", String(16), nullable=False),
    Column("award_id", Uuid, nullable=False),
    Column("outcome_id", Uuid),
    Column("institution_id", Uuid, nullable=False),
    Column("ruleset", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    Column("inputs", Text, nullable=False),
    Column("result", Text, nullable=False),
    Column("explanation", Text, nullable=False),
    Column("decided_at", Instant, nullable=False),
    Column("actor", String(64), nullable=False),
    ForeignKeyConstraint(["learner_id", "award_id"], ["qualification_award.learner_id", "qualification_award.id"]),
    CheckConstraint("kind IN ('award', 'award_case')", name="kind"),
    CheckConstraint("(kind = 'award') = (outcome_id IS NULL)", name="on_outcome"),
)


def add(connection: Connection, award_id: UUID, value: StoredDecision) -> None:
    """Write a decision on an award; that on a case names the outcome that opened it."""
    named = (column.name for column in qualification_decision.c if column.name != "award_id")
    row = {name: getattr(value, name) for name in named}
    append(connection, qualification_decision, [row | {"award_id": award_id}])


def by_id(connection: Connection, decision_id: UUID) -> StoredDecision | None:
    """Return one decision; it is about no revision of an outcome."""
    query = select(qualification_decision).where(qualification_decision.c.id == decision_id)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else stored(dict(row))


def stored(row: Mapping[str, Any]) -> StoredDecision:
    """Return the decision that a row holds."""
    return StoredDecision(**{name: value for name, value in row.items() if name != "award_id"}, revision=0)
