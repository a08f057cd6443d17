"""Decisions: what was asked, by which rules, with what result and why; written once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Column,
    ColumnElement,
    Connection,
    Date,
    Integer,
    Row,
    String,
    Table,
    Text,
    Uuid,
    column,
    select,
    table,
    tuple_,
)

from creditbank.core.outcome import Status
from creditbank.core.rules.ruleset import Validity, VersionDate
from creditbank.storage.columns import Instant, catalogue
from creditbank.storage.database import member_of
from creditbank.storage.writing import append, row_of

decision = Table(
    "decision",
    catalogue,
    Column("learner_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True, index=True),
    Column("kind", String(16), nullable=False),
    Column("outcome_id", Uuid),
    Column("conversion_id", Uuid),
    Column("revision", Integer, nullable=False),
    Column("institution_id", Uuid, nullable=False),
    Column("ruleset", String(64)),
    Column("version", Integer),
    Column("inputs", Text, nullable=False),
    Column("result", Text, nullable=False),
    Column("explanation", Text, nullable=False),
    Column("decided_at", Instant, nullable=False),
    Column("actor", String(64), nullable=False),
    CheckConstraint("kind IN ('recognition', 'duplicate', 'revocation', 'conversion', 'case')", name="kind"),
    CheckConstraint("(kind IN ('conversion', 'case')) = (conversion_id IS NOT NULL)", name="on_conversion"),
    CheckConstraint("(kind = 'conversion') = (outcome_id IS NULL)", name="on_outcome"),
)

_outcome = table(
    "outcome",
    column("learner_id", Uuid),
    column("id", Uuid),
    column("revision", Integer),
    column("status", String),
    column("decision_id", Uuid),
    column("completed_on", Date),
)

_revision = table(
    "outcome_revision",
    column("learner_id", Uuid),
    column("outcome_id", Uuid),
    column("revision", Integer),
    column("applied_on", Date),
)

_conversion = table(
    "conversion",
    column("learner_id", Uuid),
    column("id", Uuid),
    column("state", String),
    column("decision_id", Uuid),
)

_JUDGED = (Status.RECOGNISED.value, Status.RECORDED.value)
"""What becomes of an outcome that the rules judged and that stands."""


@dataclass(frozen=True, slots=True)
class StoredDecision:
    """A decision as it is kept; inputs, result and explanation are JSON texts without personal data.

    It is about an outcome, or about a conversion, or, where a case is decided, about both. `revision` is the outcome's,
    0 where there is none.
    """

    learner_id: UUID
    id: UUID
    kind: str
    outcome_id: UUID | None
    revision: int
    institution_id: UUID
    ruleset: str | None
    version: int | None
    inputs: str
    result: str
    explanation: str
    decided_at: datetime
    actor: str
    conversion_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class DecisionInForce:
    """A decision that stands: what was asked and what came out; `subject` tells what `subject_id` is the id of."""

    learner_id: UUID
    subject_id: UUID
    decision_id: UUID
    institution_id: UUID
    inputs: str
    result: str
    subject: str = "outcome_id"


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


def latest_recognitions(connection: Connection, outcome_ids: Iterable[UUID]) -> dict[UUID, StoredDecision]:
    """Return by outcome the last recognition that was decided on it, of outcomes that ever had one."""
    wanted = member_of(connection, decision.c.outcome_id, sorted(set(outcome_ids)))
    query = select(decision).where(wanted, decision.c.kind == "recognition")
    rows = connection.execute(query.order_by(decision.c.decided_at, decision.c.id))
    return {row.outcome_id: _stored(row) for row in rows if row.outcome_id is not None}


def decided_behind(connection: Connection, outcome_ids: Iterable[UUID], since: datetime) -> set[UUID]:
    """Return those of some outcomes on which something was decided behind an instant."""
    wanted = member_of(connection, decision.c.outcome_id, sorted(set(outcome_ids)))
    query = select(decision.c.outcome_id).where(wanted, decision.c.decided_at > since)
    return set(connection.execute(query).scalars())


def awards(connection: Connection, learner_ids: Sequence[UUID]) -> dict[UUID, tuple[UUID, str]]:
    """Return the outcome and the result text of each of the learners' recognitions, by the decision's id."""
    query = select(decision.c.id, decision.c.outcome_id, decision.c.result).where(decision.c.kind == "recognition")
    among = member_of(connection, decision.c.learner_id, learner_ids)
    return {row.id: (row.outcome_id, row.result) for row in connection.execute(query.where(among))}


def recognitions_in_force(
    connection: Connection, validity: Validity, after: tuple[UUID, UUID] | None, rows_max: int
) -> list[DecisionInForce]:
    """Return recognitions that stand, of outcomes on whose day the validity asks, by learner and outcome.

    Neither duplicates nor what was revoked or decided anew since are among them.
    """
    joined = _outcome.join(
        decision, (decision.c.learner_id == _outcome.c.learner_id) & (decision.c.id == _outcome.c.decision_id)
    )
    day: ColumnElement[date] = _outcome.c.completed_on
    if validity.version_date is VersionDate.APPLIED:
        same_outcome = (_revision.c.learner_id == _outcome.c.learner_id) & (_revision.c.outcome_id == _outcome.c.id)
        joined = joined.join(_revision, same_outcome & (_revision.c.revision == _outcome.c.revision))
        day = _revision.c.applied_on
    names = (decision.c.institution_id, decision.c.inputs, decision.c.result)
    query = select(_outcome.c.learner_id, _outcome.c.id.label("subject_id"), decision.c.id.label("decision_id"), *names)
    query = query.select_from(joined).where(_outcome.c.status.in_(_JUDGED), decision.c.kind == "recognition")
    query = query.where(day >= validity.first)
    if validity.last is not None:
        query = query.where(day <= validity.last)
    if after is not None:
        query = query.where(tuple_(_outcome.c.learner_id, _outcome.c.id) > tuple_(*after))
    rows = connection.execute(query.order_by(_outcome.c.learner_id, _outcome.c.id).limit(rows_max))
    return [DecisionInForce(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name for it


def conversions_in_force(
    connection: Connection, after: tuple[UUID, UUID] | None, rows_max: int
) -> list[DecisionInForce]:
    """Return the decisions of conversions that are open or approved, by learner and conversion."""
    joined = _conversion.join(
        decision, (decision.c.learner_id == _conversion.c.learner_id) & (decision.c.id == _conversion.c.decision_id)
    )
    subject_id, decision_id = _conversion.c.id.label("subject_id"), decision.c.id.label("decision_id")
    names = (decision.c.institution_id, decision.c.inputs, decision.c.result)
    query = select(_conversion.c.learner_id, subject_id, decision_id, *names).select_from(joined)
    query = query.where(_conversion.c.state.in_(("in_review", "returned", "approved")))
    if after is not None:
        query = query.where(tuple_(_conversion.c.learner_id, _conversion.c.id) > tuple_(*after))
    rows = connection.execute(query.order_by(_conversion.c.learner_id, _conversion.c.id).limit(rows_max))
    return [DecisionInForce(**row._mapping, subject="conversion_id") for row in rows]  # noqa: SLF001 - public


def _stored(row: Row[Any]) -> StoredDecision:
    """Return the value that a row holds."""
    return StoredDecision(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
