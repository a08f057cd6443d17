"""Staff: who works with the bank at which institution, their roles as granted and revoked, and invitations."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Connection,
    ForeignKey,
    Integer,
    LargeBinary,
    Row,
    String,
    Table,
    Uuid,
    delete,
    select,
    update,
)

from creditbank.core.permission import StaffRole
from creditbank.gateways.keyring import Keyring
from creditbank.storage.columns import Instant, catalogue
from creditbank.storage.database import for_change, for_update, member_of

_ROLES = ", ".join(f"'{role}'" for role in StaffRole)

staff = Table(
    "staff",
    catalogue,
    Column("id", Uuid, primary_key=True),
    Column("institution_id", Uuid, ForeignKey("institution.id"), nullable=False),
    Column("sealed_name", LargeBinary, nullable=False),
    Column("is_active", Boolean(name="is_active"), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("created_by", String(64), nullable=False),
)

staff_role = Table(
    "staff_role",
    catalogue,
    Column("staff_id", Uuid, ForeignKey("staff.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("role", String(32), nullable=False),
    Column("is_granted", Boolean(name="is_granted"), nullable=False),
    Column("changed_by", String(64), nullable=False),
    Column("changed_at", Instant, nullable=False),
    CheckConstraint(f"role IN ({_ROLES})", name="role"),
)

staff_invitation = Table(
    "staff_invitation",
    catalogue,
    Column("invitation_hash", LargeBinary, primary_key=True),
    Column("staff_id", Uuid, ForeignKey("staff.id"), nullable=False, index=True),
    Column("expires_at", Instant, nullable=False),
)


@dataclass(frozen=True, slots=True)
class StaffMember:
    """Somebody who works with the bank at an institution, with the roles that they hold now."""

    id: UUID
    institution_id: UUID
    name: str
    is_active: bool
    roles: frozenset[StaffRole]
    created_at: datetime
    created_by: str


@dataclass(frozen=True, slots=True)
class RoleChange:
    """A role granted to somebody, or taken from them."""

    role: StaffRole
    is_granted: bool
    changed_by: str
    changed_at: datetime


def add(connection: Connection, keyring: Keyring, member: StaffMember) -> None:
    """Register a staff member; roles are granted by themselves."""
    connection.execute(
        staff.insert().values(
            id=member.id,
            institution_id=member.institution_id,
            sealed_name=keyring.seal_bank(member.name, _place(member.id)),
            is_active=member.is_active,
            created_at=member.created_at,
            created_by=member.created_by,
        )
    )


def by_id(connection: Connection, keyring: Keyring, staff_id: UUID) -> StaffMember | None:
    """Return one staff member."""
    row = connection.execute(select(staff).where(staff.c.id == staff_id)).one_or_none()
    return None if row is None else _member(keyring, row, roles_of(connection, [staff_id]).get(staff_id, frozenset()))


def roles_now(connection: Connection, staff_id: UUID) -> frozenset[StaffRole] | None:
    """Return the roles of a staff member who is active, None for one who isn't or doesn't exist."""
    row = connection.execute(select(staff.c.is_active).where(staff.c.id == staff_id)).one_or_none()
    if row is None or not row.is_active:
        return None
    return roles_of(connection, [staff_id]).get(staff_id, frozenset())


def lock(connection: Connection, staff_id: UUID) -> None:
    """Keep others from changing the staff member till the transaction ends."""
    connection.execute(for_change(connection, select(staff.c.id).where(staff.c.id == staff_id))).first()


def page(
    connection: Connection, keyring: Keyring, institution_id: UUID | None, after: UUID | None, rows_max: int
) -> list[StaffMember]:
    """Return staff in the order in which they were registered, of one institution or of all."""
    query = select(staff).order_by(staff.c.id).limit(rows_max)
    if institution_id is not None:
        query = query.where(staff.c.institution_id == institution_id)
    if after is not None:
        query = query.where(staff.c.id > after)
    rows = connection.execute(query).all()
    roles = roles_of(connection, [row.id for row in rows])
    return [_member(keyring, row, roles.get(row.id, frozenset())) for row in rows]


def roles_of(connection: Connection, staff_ids: Iterable[UUID]) -> dict[UUID, frozenset[StaffRole]]:
    """Return what each holds now: what the last change of each role says."""
    query = select(staff_role.c.staff_id, staff_role.c.role, staff_role.c.is_granted).order_by(staff_role.c.number)
    last: dict[tuple[UUID, str], bool] = {
        (row.staff_id, row.role): row.is_granted
        for row in connection.execute(query.where(member_of(connection, staff_role.c.staff_id, sorted(staff_ids))))
    }
    held: dict[UUID, set[StaffRole]] = {}
    for (staff_id, role), is_granted in last.items():
        if is_granted:
            held.setdefault(staff_id, set()).add(StaffRole(role))
    return {staff_id: frozenset(roles) for staff_id, roles in held.items()}


def role_changes(connection: Connection, staff_id: UUID) -> list[RoleChange]:
    """Return every change of somebody's roles, oldest first."""
    query = select(staff_role).where(staff_role.c.staff_id == staff_id).order_by(staff_role.c.number)
    return [
        RoleChange(StaffRole(row.role), row.is_granted, row.changed_by, row.changed_at)
        for row in connection.execute(query)
    ]


def change_roles(connection: Connection, staff_id: UUID, changes: Iterable[RoleChange]) -> None:
    """Append changes of somebody's roles; the staff member is locked by the caller."""
    first = len(role_changes(connection, staff_id)) + 1
    rows = [
        {
            "staff_id": staff_id,
            "number": number,
            "role": change.role.value,
            "is_granted": change.is_granted,
            "changed_by": change.changed_by,
            "changed_at": change.changed_at,
        }
        for number, change in enumerate(changes, first)
    ]
    if rows:
        connection.execute(staff_role.insert(), rows)


def deactivate(connection: Connection, staff_id: UUID) -> None:
    """Let a staff member do nothing any more, and end their invitations."""
    connection.execute(update(staff).where(staff.c.id == staff_id).values(is_active=False))
    connection.execute(delete(staff_invitation).where(staff_invitation.c.staff_id == staff_id))


def put_invitation(connection: Connection, staff_id: UUID, invitation_hash: bytes, expires_at: datetime) -> None:
    """Keep an invitation, ending an earlier one."""
    connection.execute(delete(staff_invitation).where(staff_invitation.c.staff_id == staff_id))
    connection.execute(
        staff_invitation.insert().values(invitation_hash=invitation_hash, staff_id=staff_id, expires_at=expires_at)
    )


def take_invitation(connection: Connection, invitation_hash: bytes, now: datetime) -> UUID | None:
    """Take an invitation away and return whom it invites; it counts once."""
    its = staff_invitation.c.invitation_hash == invitation_hash
    row = connection.execute(for_update(connection, select(staff_invitation).where(its))).one_or_none()
    if row is None or row.expires_at <= now:
        return None
    connection.execute(delete(staff_invitation).where(its))
    staff_id: UUID = row.staff_id
    return staff_id


def _member(keyring: Keyring, row: Row[Any], roles: frozenset[StaffRole]) -> StaffMember:
    return StaffMember(
        id=row.id,
        institution_id=row.institution_id,
        name=keyring.opened_bank(row.sealed_name, _place(row.id)),
        is_active=row.is_active,
        roles=roles,
        created_at=row.created_at,
        created_by=row.created_by,
    )


def _place(staff_id: UUID) -> str:
    return f"staff.name:{staff_id}"
