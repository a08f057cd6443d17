"""Regions: the registry's tables and queries."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    Connection,
    Date,
    ForeignKey,
    Row,
    String,
    Table,
    or_,
    select,
)

from creditbank.core.institution import Level
from creditbank.core.region import Region, Registry
from creditbank.storage.columns import catalogue
from creditbank.storage.database import for_update, member_of
from creditbank.storage.writing import append, rewrite

CODE_LENGTH_MAX = 12
"""Digits of a village's code; PostgreSQL would cut a longer text to this before it compares."""

region = Table(
    "region",
    catalogue,
    Column("id", String(64), primary_key=True),
    Column("code", String(CODE_LENGTH_MAX), unique=True),
    Column("name", String(200), nullable=False),
    Column("level", String(16), nullable=False),
    Column("parent_id", String(64), ForeignKey("region.id"), index=True),
    Column("valid_from", Date),
    Column("valid_until", Date),
    Column("source", String(500)),
    CheckConstraint("level IN ('city', 'district', 'town', 'village')", name="level"),
    CheckConstraint("parent_id <> id", name="under_another"),
    CheckConstraint("parent_id IS NOT NULL OR level = 'city'", name="in_a_city"),
    CheckConstraint("valid_until >= valid_from", name="valid"),
)

region_successor = Table(
    "region_successor",
    catalogue,
    Column("region_id", String(64), ForeignKey("region.id"), primary_key=True),
    Column("successor_id", String(64), ForeignKey("region.id"), primary_key=True),
    Column("since", Date, nullable=False),
    CheckConstraint("successor_id <> region_id", name="another"),
)


def registry(connection: Connection) -> Registry:
    """Return all regions."""
    return _registry(connection.execute(select(region)), connection.execute(select(region_successor)))


def locked(connection: Connection) -> Registry:
    """Return all regions; until the transaction ends nobody changes one."""
    rows = connection.execute(for_update(connection, select(region).order_by(region.c.id))).all()
    return _registry(rows, connection.execute(select(region_successor)))


def around(connection: Connection, names: Iterable[str]) -> Registry:
    """Return the regions with these ids or codes, with all that succeed them and stand above, however far."""
    wanted = sorted(set(names))
    codes = [name for name in wanted if len(name) <= CODE_LENGTH_MAX]
    start = select(region.c.id).where(
        or_(member_of(connection, region.c.id, wanted), member_of(connection, region.c.code, codes))
    )
    # PostgreSQL lets a recursive query name itself once, so that both ways onward are read as one list
    edges = (
        select(region.c.id.label("start"), region.c.parent_id.label("goal"))
        .where(region.c.parent_id.is_not(None))
        .union_all(select(region_successor.c.region_id, region_successor.c.successor_id))
        .subquery("edges")
    )
    reached = start.cte("reached", recursive=True)
    reached = reached.union(select(edges.c.goal).join(reached, edges.c.start == reached.c.id))
    rows = connection.execute(select(region).where(region.c.id.in_(select(reached.c.id)))).all()
    ids = [row.id for row in rows]
    successors = select(region_successor).where(member_of(connection, region_successor.c.region_id, ids))
    return _registry(rows, connection.execute(successors))


def keep(connection: Connection, before: Registry, after: Iterable[Region]) -> None:
    """Write regions that are new or changed; those above come before those below. Loaded meanwhile: Raced."""
    ordered = sorted(after, key=lambda one: (list(Level).index(one.level), one.id))
    append(connection, region, [_row(one) for one in ordered if one.id not in before.regions])
    rewrite(connection, region, [_row(one) for one in ordered if one.id in before.regions])
    known = {(one.id, successor) for one in before.regions.values() for successor in one.successors}
    rows = [
        {"region_id": one.id, "successor_id": successor, "since": one.succeeded_on}
        for one in ordered
        for successor in one.successors
        if (one.id, successor) not in known
    ]
    append(connection, region_successor, rows)


def _registry(rows: Iterable[Row[Any]], successors: Iterable[Row[Any]]) -> Registry:
    """Return the registry that rows hold."""
    after: dict[str, list[str]] = {}
    for row in successors:
        after.setdefault(row.region_id, []).append(row.successor_id)
    return Registry(
        {
            row.id: Region(
                id=row.id,
                code=row.code,
                name=row.name,
                level=Level(row.level),
                parent_id=row.parent_id,
                valid_from=row.valid_from,
                valid_until=row.valid_until,
                successors=tuple(sorted(after.get(row.id, []))),
                source=row.source,
            )
            for row in rows
        }
    )


def _row(value: Region) -> dict[str, Any]:
    """Return a region as it is stored."""
    return {
        "id": value.id,
        "code": value.code,
        "name": value.name,
        "level": value.level.value,
        "parent_id": value.parent_id,
        "valid_from": value.valid_from,
        "valid_until": value.valid_until,
        "source": value.source,
    }
