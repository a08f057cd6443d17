"""Proxy sessions: when staff acted for a learner at a counter and why, and how often they failed to name one."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Column,
    Connection,
    Date,
    ForeignKey,
    Integer,
    LargeBinary,
    Table,
    Uuid,
    delete,
    select,
    update,
)

from creditbank.gateways.keyring import Keyring
from creditbank.storage.columns import Instant, catalogue
from creditbank.storage.database import for_update
from creditbank.storage.writing import append_missing

proxy_session = Table(
    "proxy_session",
    catalogue,
    Column("learner_id", Uuid, ForeignKey("learner.id"), primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("staff_id", Uuid, nullable=False),
    Column("institution_id", Uuid, nullable=False),
    Column("sealed_reason", LargeBinary, nullable=False),
    Column("opened_at", Instant, nullable=False),
)

proxy_tries = Table(
    "proxy_tries",
    catalogue,
    Column("staff_id", Uuid, ForeignKey("staff.id"), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("failed", Integer, nullable=False),
    CheckConstraint("failed >= 0", name="failed"),
)


@dataclass(frozen=True, slots=True)
class ProxySession:
    """A session at a counter: who acts for whom, where and why."""

    id: UUID
    learner_id: UUID
    staff_id: UUID
    institution_id: UUID
    reason: str
    opened_at: datetime


def add(connection: Connection, keyring: Keyring, wrapped_key: bytes, session: ProxySession) -> None:
    """Write a session down; the reason is sealed under the learner's key."""
    sealed = keyring.person_cipher(wrapped_key).seal(session.reason, f"proxy_session.reason:{session.id}")
    connection.execute(
        proxy_session.insert().values(
            learner_id=session.learner_id,
            id=session.id,
            staff_id=session.staff_id,
            institution_id=session.institution_id,
            sealed_reason=sealed,
            opened_at=session.opened_at,
        )
    )


def locked_failures(connection: Connection, staff_id: UUID, day: date) -> int:
    """Return how often a staff member failed today; nobody else counts for them till the transaction ends."""
    connection.execute(delete(proxy_tries).where(proxy_tries.c.staff_id == staff_id, proxy_tries.c.day < day))
    append_missing(connection, proxy_tries, [{"staff_id": staff_id, "day": day, "failed": 0}])
    its = (proxy_tries.c.staff_id == staff_id) & (proxy_tries.c.day == day)
    failed: int = connection.execute(for_update(connection, select(proxy_tries.c.failed).where(its))).scalar_one()
    return failed


def count_failure(connection: Connection, staff_id: UUID, day: date) -> None:
    """Count one more failure."""
    its = (proxy_tries.c.staff_id == staff_id) & (proxy_tries.c.day == day)
    connection.execute(update(proxy_tries).where(its).values(failed=proxy_tries.c.failed + 1))
