"""Institutions: the table and its queries."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Connection, Date, ForeignKey, Row, String, Table, Uuid, select

from creditbank.core.institution import Institution, Level, Role
from creditbank.storage.columns import Instant, catalogue
from creditbank.storage.database import member_of

institution = Table(
    "institution",
    catalogue,
    Column("id", Uuid, primary_key=True),
    Column("code", String(32), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("level", String(16), nullable=False),
    Column("roles", String(100), nullable=False),
    Column("parent_id", Uuid, ForeignKey("institution.id")),
    Column("social_credit_code", String(18), unique=True),
    Column("region_code", String(12)),
    Column("created_at", Instant, nullable=False),
    Column("valid_from", Date),
    CheckConstraint("level IN ('city', 'district', 'town', 'village')", name="level"),
)


def by_id(connection: Connection, institution_id: UUID) -> Institution | None:
    """Return one institution."""
    row = connection.execute(select(institution).where(institution.c.id == institution_id)).one_or_none()
    return None if row is None else _institution(row)


def by_code(connection: Connection, code: str) -> Institution | None:
    """Return the institution with this code."""
    row = connection.execute(select(institution).where(institution.c.code == code)).one_or_none()
    return None if row is None else _institution(row)


def has_social_credit_code(connection: Connection, code: str) -> bool:
    """Tell whether an institution with this social credit code is registered."""
    query = select(institution.c.id).where(institution.c.social_credit_code == code)
    return connection.execute(query).first() is not None


def codes(connection: Connection, institution_ids: Iterable[UUID]) -> dict[UUID, str]:
    """Return the codes of institutions by id."""
    among = member_of(connection, institution.c.id, sorted(set(institution_ids)))
    rows = connection.execute(select(institution.c.id, institution.c.code).where(among))
    return {row.id: row.code for row in rows}


def names(connection: Connection, institution_ids: Iterable[UUID]) -> dict[UUID, tuple[str, str]]:
    """Return the codes and names of institutions by id."""
    among = member_of(connection, institution.c.id, sorted(set(institution_ids)))
    rows = connection.execute(select(institution.c.id, institution.c.code, institution.c.name).where(among))
    return {row.id: (row.code, row.name) for row in rows}


def with_role(connection: Connection, role: Role) -> set[UUID]:
    """Return the institutions that have a role; there are some dozens of authorities at most."""
    rows = connection.execute(select(institution.c.id, institution.c.roles))
    return {row.id for row in rows if role.value in row.roles.split()}


def mere_partners(connection: Connection, institution_ids: Iterable[UUID]) -> set[UUID]:
    """Return those of some institutions that are nothing but partners."""
    among = member_of(connection, institution.c.id, sorted(set(institution_ids)))
    query = select(institution.c.id).where(among, institution.c.roles == _joined([Role.PARTNER]))
    return set(connection.execute(query).scalars())


def page(connection: Connection, after_code: str, rows_max: int) -> list[Institution]:
    """Return institutions in the order of their codes, from the one behind `after_code`."""
    query = select(institution).where(institution.c.code > after_code).order_by(institution.c.code).limit(rows_max)
    return [_institution(row) for row in connection.execute(query)]


def every(connection: Connection) -> list[Institution]:
    """Return all institutions in the order of their codes."""
    return [_institution(row) for row in connection.execute(select(institution).order_by(institution.c.code))]


def is_below(connection: Connection, lower_id: UUID, higher_id: UUID) -> bool:
    """Tell whether an institution stands below another in the tree, however far."""
    above = select(institution.c.parent_id).where(institution.c.id == lower_id).cte("above", recursive=True)
    above = above.union(select(institution.c.parent_id).join(above, institution.c.id == above.c.parent_id))
    return connection.execute(select(above.c.parent_id).where(above.c.parent_id == higher_id)).first() is not None


def add(connection: Connection, value: Institution) -> None:
    """Register an institution."""
    connection.execute(
        institution.insert().values(
            id=value.id,
            code=value.code,
            name=value.name,
            level=value.level.value,
            roles=_joined(value.roles),
            parent_id=value.parent_id,
            social_credit_code=value.social_credit_code,
            region_code=value.region_code,
            created_at=value.created_at,
            valid_from=value.valid_from,
        )
    )


def _joined(roles: Iterable[Role]) -> str:
    """Return roles as they are stored: sorted, parted by blanks."""
    return " ".join(sorted(roles))


def _institution(row: Row[Any]) -> Institution:
    """Return the value that a row holds."""
    return Institution(
        id=row.id,
        code=row.code,
        name=row.name,
        level=Level(row.level),
        roles=frozenset(Role(role) for role in row.roles.split()),
        parent_id=row.parent_id,
        social_credit_code=row.social_credit_code,
        region_code=row.region_code,
        created_at=row.created_at,
        valid_from=row.valid_from,
    )
