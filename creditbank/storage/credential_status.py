"""Status lists: which indexes are given out, and which of them are set; nothing here tells whose they are."""

from collections.abc import Sequence

from sqlalchemy import Boolean, CheckConstraint, Column, Connection, Integer, Table, func, select, update

from creditbank.core.credential import StatusPlace
from creditbank.storage.columns import catalogue
from creditbank.storage.writing import append

status_entry = Table(
    "status_entry",
    catalogue,
    Column("pair", Integer, primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("is_revoked", Boolean, nullable=False),
    Column("is_suspended", Boolean, nullable=False),
    CheckConstraint("pair > 0", name="pair"),
    CheckConstraint("position BETWEEN 0 AND 131071", name="position"),
)


def newest_pair(connection: Connection) -> int:
    """Return the number of the newest pair of lists; the first is there from the start."""
    return connection.execute(select(func.max(status_entry.c.pair))).scalar_one() or 1


def taken(connection: Connection, pair: int, positions: Sequence[int]) -> set[int]:
    """Return which of some indexes of a pair are given out."""
    query = select(status_entry.c.position).where(status_entry.c.pair == pair, status_entry.c.position.in_(positions))
    return set(connection.execute(query).scalars())


def give_out(connection: Connection, place: StatusPlace) -> None:
    """Write that an index is given out. Given out meanwhile: Raced."""
    row = {"pair": place.pair, "position": place.index, "is_revoked": False, "is_suspended": False}
    append(connection, status_entry, [row])


def put(connection: Connection, place: StatusPlace, *, is_revoked: bool, is_suspended: bool) -> None:
    """Set what the lists tell at an index."""
    here = (status_entry.c.pair == place.pair) & (status_entry.c.position == place.index)
    connection.execute(update(status_entry).where(here).values(is_revoked=is_revoked, is_suspended=is_suspended))


def revoked(connection: Connection, pair: int) -> list[int]:
    """Return the indexes that are revoked."""
    query = select(status_entry.c.position).where(status_entry.c.pair == pair, status_entry.c.is_revoked)
    return list(connection.execute(query).scalars())


def suspended(connection: Connection, pair: int) -> list[int]:
    """Return the indexes that are suspended."""
    query = select(status_entry.c.position).where(status_entry.c.pair == pair, status_entry.c.is_suspended)
    return list(connection.execute(query).scalars())
