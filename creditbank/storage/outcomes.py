"""Learning outcomes: their keys of idempotency, heads, revisions, and the claims that show duplicates."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Column,
    Connection,
    Date,
    ForeignKeyConstraint,
    Integer,
    Row,
    Select,
    String,
    Table,
    Text,
    Uuid,
    bindparam,
    func,
    select,
    tuple_,
)

from creditbank.core.outcome import Status
from creditbank.storage.columns import Instant, catalogue
from creditbank.storage.database import for_change, for_update, member_of
from creditbank.storage.prepared import Form, Prepared, among
from creditbank.storage.writing import append, rewrite, row_of

outcome_key = Table(
    "outcome_key",
    catalogue,
    Column("institution_id", Uuid, primary_key=True),
    Column("external_id", String(128), primary_key=True),
    Column("learner_id", Uuid, nullable=False),
    Column("outcome_id", Uuid, nullable=False),
)

outcome = Table(
    "outcome",
    catalogue,
    Column("learner_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True, index=True),
    Column("institution_id", Uuid, nullable=False),
    Column("external_id", String(128), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("status", String(16), nullable=False),
    Column("duplicate_of", Uuid, index=True),
    Column("decision_id", Uuid),
    Column("kind", String(16), nullable=False),
    Column("completed_on", Date, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    ForeignKeyConstraint(["learner_id"], ["learner.id"]),
    CheckConstraint("revision >= 1", name="revision"),
    CheckConstraint("status IN ('recognised', 'recorded', 'duplicate', 'revoked')", name="status"),
    CheckConstraint("status <> 'duplicate' OR duplicate_of IS NOT NULL", name="duplicate_of_something"),
)

outcome_revision = Table(
    "outcome_revision",
    catalogue,
    Column("learner_id", Uuid, primary_key=True),
    Column("outcome_id", Uuid, primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("content", Text, nullable=False),
    Column("applied_on", Date, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("actor", String(64), nullable=False),
    ForeignKeyConstraint(["learner_id", "outcome_id"], ["outcome.learner_id", "outcome.id"]),
)


@dataclass(frozen=True, slots=True)
class Head:
    """An outcome as it stands now; what was recorded about it is in its revisions."""

    learner_id: UUID
    id: UUID
    institution_id: UUID
    external_id: str
    revision: int
    status: Status
    duplicate_of: UUID | None
    decision_id: UUID | None
    kind: str
    completed_on: date
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Revision:
    """What an institution recorded, once and for ever, as JSON text; `certificates` holds the certificate number."""

    learner_id: UUID
    outcome_id: UUID
    revision: int
    content: str
    applied_on: date
    recorded_at: datetime
    actor: str


def recorded(connection: Connection, institution_id: UUID, external_ids: Sequence[str]) -> dict[str, Head]:
    """Return the institution's outcomes that stand under these external ids."""
    rows = _recorded.rows(connection, institution_id=institution_id, external_ids=list(external_ids))
    return {row.external_id: _head(row) for row in rows}


def by_id(connection: Connection, outcome_id: UUID) -> Head | None:
    """Return one outcome."""
    row = connection.execute(select(outcome).where(outcome.c.id == outcome_id)).one_or_none()
    return None if row is None else _head(row)


def locked(connection: Connection, outcome_id: UUID) -> Head | None:
    """Return one outcome and keep others from changing it until the transaction ends; what refers to it may go on."""
    query = for_change(connection, select(outcome).where(outcome.c.id == outcome_id))
    row = connection.execute(query).one_or_none()
    return None if row is None else _head(row)


def locked_all(connection: Connection, outcome_ids: Sequence[UUID]) -> list[Head]:
    """Return outcomes in the order of their ids, each locked as one alone is."""
    query = select(outcome).where(member_of(connection, outcome.c.id, outcome_ids)).order_by(outcome.c.id)
    return [_head(row) for row in connection.execute(for_change(connection, query))]


def duplicates_of(connection: Connection, outcome_id: UUID) -> list[Head]:
    """Return the outcomes that were not credited because of this one, oldest first."""
    query = select(outcome).where(outcome.c.duplicate_of == outcome_id, outcome.c.status == Status.DUPLICATE.value)
    ordered = query.order_by(outcome.c.recorded_at, outcome.c.id)
    return [_head(row) for row in connection.execute(for_update(connection, ordered))]


def page(
    connection: Connection,
    members: Sequence[UUID],
    institution_id: UUID | None,
    after: tuple[datetime, UUID] | None,
    rows_max: int,
) -> list[tuple[Head, Revision]]:
    """Return a person's outcomes with what is recorded of each, newest first, of one institution if it is given."""
    joined = outcome.join(
        outcome_revision,
        (outcome_revision.c.learner_id == outcome.c.learner_id)
        & (outcome_revision.c.outcome_id == outcome.c.id)
        & (outcome_revision.c.revision == outcome.c.revision),
    )
    query = select(outcome, *(column.label(f"r_{column.name}") for column in outcome_revision.c)).select_from(joined)
    query = query.where(member_of(connection, outcome.c.learner_id, members))
    if institution_id is not None:
        query = query.where(outcome.c.institution_id == institution_id)
    if after is not None:
        query = query.where(tuple_(outcome.c.recorded_at, outcome.c.id) < tuple_(*after))
    query = query.order_by(outcome.c.recorded_at.desc(), outcome.c.id.desc()).limit(rows_max)
    return [(_head(row), _revision(row, "r_")) for row in connection.execute(query)]


def revision(connection: Connection, head: Head, number: int) -> Revision | None:
    """Return one revision of an outcome."""
    query = select(outcome_revision).where(
        outcome_revision.c.learner_id == head.learner_id,
        outcome_revision.c.outcome_id == head.id,
        outcome_revision.c.revision == number,
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else _revision(row)


def revisions(connection: Connection, outcome_ids: Iterable[UUID]) -> dict[UUID, list[Revision]]:
    """Return all revisions of outcomes, oldest first, by outcome."""
    ids = sorted(set(outcome_ids))
    found: dict[UUID, list[Revision]] = {outcome_id: [] for outcome_id in ids}
    if ids:
        query = select(outcome_revision).where(member_of(connection, outcome_revision.c.outcome_id, ids))
        for row in connection.execute(query.order_by(outcome_revision.c.revision)):
            found[row.outcome_id].append(_revision(row))
    return found


def add(connection: Connection, heads: Sequence[Head]) -> None:
    """Record new outcomes under their keys. An outcome that was recorded meanwhile: Raced."""
    ordered = sorted(heads, key=lambda head: head.external_id)
    names = ("institution_id", "external_id", "learner_id")
    keys = [{name: getattr(head, name) for name in names} | {"outcome_id": head.id} for head in ordered]
    append(connection, outcome_key, keys)
    append(connection, outcome, [_row(head) for head in heads])


def add_revisions(connection: Connection, revisions: Sequence[Revision]) -> None:
    """Write what institutions recorded."""
    append(connection, outcome_revision, [row_of(value) for value in revisions])


def change(connection: Connection, heads: Sequence[Head]) -> None:
    """Set where outcomes stand now."""
    rewrite(connection, outcome, [_row(head) for head in heads])


def issuers(connection: Connection, outcome_ids: Iterable[UUID]) -> set[UUID]:
    """Return the institutions that issued some outcomes."""
    wanted = member_of(connection, outcome.c.id, sorted(set(outcome_ids)))
    return set(connection.execute(select(outcome.c.institution_id).where(wanted)).scalars())


def accounts(connection: Connection, outcome_ids: Iterable[UUID]) -> dict[UUID, UUID]:
    """Return on which account each of some outcomes stands."""
    wanted = member_of(connection, outcome.c.id, sorted(set(outcome_ids)))
    rows = connection.execute(select(outcome.c.id, outcome.c.learner_id).where(wanted))
    return {row.id: row.learner_id for row in rows}


def of_people(connection: Connection, members: Sequence[UUID], statuses: Iterable[Status]) -> list[Head]:
    """Return the outcomes on some accounts that stand as said, oldest first, and keep others from changing them."""
    wanted = outcome.c.status.in_([status.value for status in statuses])
    query = select(outcome).where(member_of(connection, outcome.c.learner_id, members), wanted)
    ordered = query.order_by(outcome.c.recorded_at, outcome.c.id)
    return [_head(row) for row in connection.execute(for_update(connection, ordered))]


def count(connection: Connection) -> int:
    """Return how many outcomes are on record."""
    return int(connection.execute(select(func.count()).select_from(outcome)).scalar_one())


@Prepared
def _recorded(form: Form) -> Select[Any]:
    """Return the query for the outcomes under an institution's external ids."""
    joined = outcome.join(
        outcome_key,
        (outcome_key.c.learner_id == outcome.c.learner_id) & (outcome_key.c.outcome_id == outcome.c.id),
    )
    return (
        select(outcome)
        .select_from(joined)
        .where(outcome_key.c.institution_id == bindparam("institution_id"))
        .where(among(form, outcome_key.c.external_id, "external_ids"))
    )


def _row(head: Head) -> dict[str, Any]:
    """Return a head as it is stored."""
    return {**row_of(head), "status": head.status.value}


def _head(row: Row[Any]) -> Head:
    """Return the head that a row holds."""
    return Head(
        learner_id=row.learner_id,
        id=row.id,
        institution_id=row.institution_id,
        external_id=row.external_id,
        revision=row.revision,
        status=Status(row.status),
        duplicate_of=row.duplicate_of,
        decision_id=row.decision_id,
        kind=row.kind,
        completed_on=row.completed_on,
        recorded_at=row.recorded_at,
    )


def _revision(row: Row[Any], prefix: str = "") -> Revision:
    """Return the revision that a row holds in columns with this prefix."""
    cells = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for it
    return Revision(**{column.name: cells[prefix + column.name] for column in outcome_revision.c})
