"""Guardians: who speaks for a child, and what a learner's birth date is by all that is on record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Connection, ForeignKey, LargeBinary, Row, String, Table, Uuid, select
from sqlalchemy import update as updating

from creditbank.core.identity import Relation
from creditbank.formats.id_number import birth_date_of
from creditbank.gateways.keyring import Keyring
from creditbank.storage.columns import Instant, catalogue
from creditbank.storage.database import member_of
from creditbank.storage.learners import identifier, learner
from creditbank.storage.writing import append, row_of

guardianship = Table(
    "guardianship",
    catalogue,
    Column("learner_id", Uuid, ForeignKey("learner.id"), primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("guardian_id", Uuid, nullable=False, index=True),
    Column("relation", String(16), nullable=False),
    Column("sealed_evidence", LargeBinary, nullable=False),
    Column("recorded_by", String(64), nullable=False),
    Column("institution_id", Uuid, nullable=False),
    Column("since", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("ended_by", String(64)),
    CheckConstraint("guardian_id <> learner_id", name="of_two"),
    CheckConstraint("relation IN ('parent', 'grandparent', 'sibling', 'other')", name="relation"),
    CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name="ended_whole"),
)

_LEARNER_COLUMNS = (learner.c.id, learner.c.wrapped_key, learner.c.sealed_birth_date)


@dataclass(frozen=True, slots=True)
class Guardianship:
    """Who speaks for a child (`learner_id`), recorded by whom and since when; the evidence is sealed under its key."""

    learner_id: UUID
    id: UUID
    guardian_id: UUID
    relation: Relation
    sealed_evidence: bytes
    recorded_by: str
    institution_id: UUID
    since: datetime
    ended_at: datetime | None = None
    ended_by: str | None = None


def evidence_place(guardianship_id: UUID) -> str:
    """Return where the sealed evidence belongs."""
    return f"guardianship.evidence:{guardianship_id}"


def add(connection: Connection, value: Guardianship) -> None:
    """Write who speaks for a child."""
    append(connection, guardianship, [{**row_of(value), "relation": value.relation.value}])


def end(connection: Connection, value: Guardianship, by: str, at: datetime) -> None:
    """Write that somebody no longer speaks for a child."""
    found = (guardianship.c.learner_id == value.learner_id) & (guardianship.c.id == value.id)
    connection.execute(updating(guardianship).where(found).values(ended_at=at, ended_by=by))


def by_id(connection: Connection, members: Sequence[UUID], guardianship_id: UUID) -> Guardianship | None:
    """Return one of those recorded for a child."""
    child = member_of(connection, guardianship.c.learner_id, members)
    row = connection.execute(select(guardianship).where(child, guardianship.c.id == guardianship_id)).one_or_none()
    return None if row is None else _guardianship(row)


def of_child(connection: Connection, members: Sequence[UUID]) -> list[Guardianship]:
    """Return everybody who speaks or spoke for a child, the oldest first."""
    query = select(guardianship).where(member_of(connection, guardianship.c.learner_id, members))
    rows = connection.execute(query.order_by(guardianship.c.since, guardianship.c.id))
    return [_guardianship(row) for row in rows]


def speaks_for(connection: Connection, guardian_members: Sequence[UUID], child_members: Sequence[UUID]) -> bool:
    """Tell whether a person is recorded as speaking for a child, whichever accounts were named."""
    query = select(guardianship.c.id).where(
        member_of(connection, guardianship.c.learner_id, child_members),
        member_of(connection, guardianship.c.guardian_id, guardian_members),
        guardianship.c.ended_at.is_(None),
    )
    return connection.execute(query.limit(1)).first() is not None


def born(connection: Connection, keyring: Keyring, members: Sequence[UUID]) -> date | None:
    """Return a person's birth date: as it was told, else as it is written in an identifier of theirs."""
    query = select(*_LEARNER_COLUMNS).where(member_of(connection, learner.c.id, members), learner.c.erased_at.is_(None))
    rows: dict[UUID, Any] = {row.id: row for row in connection.execute(query)}
    for member in members:
        row = rows.get(member)
        if row is not None and row.sealed_birth_date is not None:
            cipher = keyring.person_cipher(row.wrapped_key)
            return date.fromisoformat(cipher.opened(row.sealed_birth_date, f"learner.birth_date:{member}"))
    return _written(connection, keyring, rows)


def _written(connection: Connection, keyring: Keyring, rows: Mapping[UUID, Any]) -> date | None:
    columns = (identifier.c.learner_id, identifier.c.id, identifier.c.type, identifier.c.sealed_value)
    query = select(*columns).where(member_of(connection, identifier.c.learner_id, sorted(rows)))
    query = query.where(identifier.c.ended_at.is_(None)).order_by(identifier.c.created_at, identifier.c.id)
    for row in connection.execute(query):
        cipher = keyring.person_cipher(rows[row.learner_id].wrapped_key)
        found = birth_date_of(row.type, cipher.opened(row.sealed_value, f"identifier.value:{row.id}"))
        if found is not None:
            return found
    return None


def _guardianship(row: Row[Any]) -> Guardianship:
    return Guardianship(**{**row._mapping, "relation": Relation(row.relation)})  # noqa: SLF001 - SQLAlchemy's own
