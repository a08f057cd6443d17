"""The audit log: who did what and when; lines are written once."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, Connection, String, Table, Uuid

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
