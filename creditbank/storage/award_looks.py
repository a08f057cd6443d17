"""How far decisions on outcomes have been looked at for each definition that is awarded by the rules themselves."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Column, Connection, Integer, String, Table, Uuid, select

from creditbank.storage.columns import catalogue
from creditbank.storage.decisions import decision
from creditbank.storage.writing import append_missing, rewrite

qualification_look = Table(
    "qualification_look",
    catalogue,
    Column("code", String(64), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("decision_id", Uuid, nullable=False),
)

START = UUID(int=0)
"""Before the first decision."""

Look = tuple[UUID, UUID]
"""A decision's id and whose it is."""


def position(connection: Connection, code: str, version: int) -> UUID:
    """Return the last decision that was looked at for a version of a definition."""
    query = select(qualification_look.c.decision_id).filter_by(code=code, version=version)
    return connection.execute(query).scalar_one_or_none() or START


def behind(connection: Connection, after: UUID, before: UUID, rows_max: int) -> Sequence[Look]:
    """Return decisions by their ids, which are in the order of time, behind one and before another one."""
    query = select(decision.c.id, decision.c.learner_id).where(decision.c.id > after, decision.c.id < before)
    return [(row.id, row.learner_id) for row in connection.execute(query.order_by(decision.c.id).limit(rows_max))]


def advance(connection: Connection, code: str, version: int, to: UUID) -> None:
    """Write how far decisions were looked at."""
    row = {"code": code, "version": version, "decision_id": to}
    append_missing(connection, qualification_look, [row])
    rewrite(connection, qualification_look, [row])
