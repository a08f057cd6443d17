"""Lookups: how often each client asked on a day whether somebody is a learner here."""

from datetime import date

from sqlalchemy import CheckConstraint, Column, Connection, Date, Integer, String, Table, delete, update

from creditbank.storage.columns import catalogue
from creditbank.storage.writing import append_missing

lookup_use = Table(
    "lookup_use",
    catalogue,
    Column("client_id", String(64), primary_key=True),
    Column("on_day", Date, primary_key=True),
    Column("used", Integer, nullable=False),
    CheckConstraint("used >= 0", name="used"),
)


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
