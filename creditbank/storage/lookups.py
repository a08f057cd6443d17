"""Lookups: how often each client asked on a day whether somebody is a learner here, and who recorded outcomes."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Column,
    Connection,
    Date,
    Integer,
    String,
    Table,
    Uuid,
    column,
    delete,
    select,
    table,
    update,
)

from creditbank.core.outcome import Status
from creditbank.storage.columns import catalogue
from creditbank.storage.database import member_of
from creditbank.storage.writing import append_missing

lookup_use = Table(
    "lookup_use",
    catalogue,
    Column("client_id", String(64), primary_key=True),
    Column("on_day", Date, primary_key=True),
    Column("used", Integer, nullable=False),
    CheckConstraint("used >= 0", name="used"),
)


_outcome = table("outcome", column("learner_id", Uuid), column("institution_id", Uuid), column("status", String))


def has_awarded(connection: Connection, members: Sequence[UUID], institution_id: UUID) -> bool:
    """Tell whether an institution recorded an outcome of the person's that it has not revoked."""
    query = select(_outcome.c.status).where(
        member_of(connection, _outcome.c.learner_id, members),
        _outcome.c.institution_id == institution_id,
        _outcome.c.status != Status.REVOKED.value,
    )
    return connection.execute(query.limit(1)).first() is not None


def count_one(connection: Connection, client_id: str, on: date) -> int:
    """Count one lookup and return how many the client made on the day; others of the client wait till the end."""
    append_missing(connection, lookup_use, [{"client_id": client_id, "on_day": on, "used": 0}])
    todays = (lookup_use.c.client_id == client_id) & (lookup_use.c.on_day == on)
    one_more = update(lookup_use).where(todays).values(used=lookup_use.c.used + 1).returning(lookup_use.c.used)
    return int(connection.execute(one_more).scalar_one())


def forget(connection: Connection, client_id: str, before: date) -> None:
    """Drop a client's counts of earlier days."""
    earlier = (lookup_use.c.client_id == client_id) & (lookup_use.c.on_day < before)
    connection.execute(delete(lookup_use).where(earlier))
