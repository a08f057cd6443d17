"""The audit log: who did what and when; lines are written once."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, Connection, String, Table, Uuid, delete, select, tuple_

from creditbank.storage.columns import Instant, catalogue
from creditbank.storage.writing import append, row_of

audit = Table(
    "audit",
    catalogue,
    Column("id", Uuid, primary_key=True),
    Column("happened_at", Instant, nullable=False, index=True),
    Column("actor", String(64), nullable=False),
    Column("action", String(64), nullable=False),
    Column("subject", String(200), nullable=False),
    Column("request_id", String(64), nullable=False),
)


@dataclass(frozen=True, slots=True)
class AuditLine:
    """One act; `subject` names what it touched by opaque ids and codes only."""

    id: UUID
    happened_at: datetime
    actor: str
    action: str
    subject: str
    request_id: str


def add(connection: Connection, line: AuditLine) -> None:
    """Write one line."""
    append(connection, audit, [row_of(line)])


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines are asked for; None takes all. `since` is inclusive, `until` exclusive."""

    actor: str | None = None
    action: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def page(connection: Connection, wanted: Wanted, after: tuple[datetime, UUID] | None, rows_max: int) -> list[AuditLine]:
    """Return lines, newest first, from the one behind `after`."""
    query = select(audit).order_by(audit.c.happened_at.desc(), audit.c.id.desc()).limit(rows_max)
    if wanted.actor is not None:
        query = query.where(audit.c.actor == wanted.actor)
    if wanted.action is not None:
        query = query.where(audit.c.action == wanted.action)
    if wanted.since is not None:
        query = query.where(audit.c.happened_at >= wanted.since)
    if wanted.until is not None:
        query = query.where(audit.c.happened_at < wanted.until)
    if after is not None:
        place = tuple_(audit.c.happened_at, audit.c.id)
        query = query.where(place < tuple_(*after, types=[audit.c.happened_at.type, audit.c.id.type]))
    return [AuditLine(*row) for row in connection.execute(query)]


def prune(connection: Connection, before: datetime) -> int:
    """Delete lines that are older; the database refuses to lose any younger than 180 days. Returns how many went."""
    return connection.execute(delete(audit).where(audit.c.happened_at < before)).rowcount
