"""Staff: registered by security administration, invited to link their login, given roles that may be in one hand."""

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from creditbank.core.errors import Conflict, Fault, NotAllowed, unknown
from creditbank.core.institution import Client, Institution, Role
from creditbank.core.permission import LOCAL_ROLES, STAFF, StaffRole, check_roles, require
from creditbank.services.bank import Work
from creditbank.storage import clients, institutions, logins, staff
from creditbank.storage.staff import RoleChange, StaffMember

__all__ = ["Invited", "StaffMember", "deactivate", "invite", "member", "register", "set_roles", "staff_page"]

INVITATION_KEPT = timedelta(days=7)
INVITATION_BYTES = 24
"""192 random bits, sent as a link or typed once."""


@dataclass(frozen=True, slots=True)
class Invited:
    """A staff member with an invitation that is shown this one time."""

    member: StaffMember
    institution: str
    invitation: str


def register(work: Work, institution_code: str, name: str, roles: Iterable[StaffRole]) -> Invited:
    """Register a staff member of an institution and invite them.

    Refused: ScopeMissing; Unknown institution, alike for one that isn't the actor's; RolesClash; NotAllowed roles.
    """
    require(work.actor, "staff:write")
    institution = institutions.by_code(work.connection, institution_code)
    if institution is None or not _administers(work, institution.id):
        raise unknown("机构", "institution", "/institution")
    wanted = frozenset(roles)
    check_roles(wanted)
    _check_reach(work, wanted)
    new = StaffMember(
        id=work.new_id(),
        institution_id=institution.id,
        name=name,
        is_active=True,
        roles=wanted,
        created_at=work.now,
        created_by=work.actor.client_id,
    )
    staff.add(work.connection, work.keyring, new)
    clients.add(work.connection, _acting_client(new, institution))
    _change_roles(work, new.id, frozenset(), wanted)
    return Invited(new, institution.code, _invitation(work, new.id))


def member(work: Work, staff_id: UUID) -> tuple[StaffMember, str]:
    """Return a staff member and the code of their institution. Refused: ScopeMissing, Unknown."""
    require(work.actor, "staff:write")
    found = _found(work, staff_id)
    return found, institutions.codes(work.connection, [found.institution_id])[found.institution_id]


def staff_page(work: Work, after: UUID | None, rows_max: int) -> list[tuple[StaffMember, str]]:
    """Return staff in the order in which they were registered: all to the authority, one's own to others."""
    require(work.actor, "staff:write")
    own = None if _is_central(work) else work.actor.institution_id
    found = staff.page(work.connection, work.keyring, own, after, rows_max)
    codes = institutions.codes(work.connection, [one.institution_id for one in found])
    return [(one, codes[one.institution_id]) for one in found]


def set_roles(work: Work, staff_id: UUID, roles: Iterable[StaffRole]) -> tuple[StaffMember, str]:
    """Let a staff member hold exactly these roles from now on; what changes is appended to their history.

    Refused: Unknown; NotAllowed to oneself and beyond one's reach; Conflict on who is deactivated; RolesClash.
    """
    require(work.actor, "staff:write")
    wanted = frozenset(roles)
    check_roles(wanted)
    found = _changed_by_another(work, staff_id)
    if not found.is_active:
        raise _deactivated()
    _check_reach(work, wanted ^ found.roles)
    _change_roles(work, staff_id, found.roles, wanted)
    return member(work, staff_id)


def invite(work: Work, staff_id: UUID) -> Invited:
    """Invite a staff member anew, ending an earlier invitation; linked, it ends their earlier login."""
    require(work.actor, "staff:write")
    found = _changed_by_another(work, staff_id)
    if not found.is_active:
        raise _deactivated()
    _check_reach(work, found.roles)
    code = institutions.codes(work.connection, [found.institution_id])[found.institution_id]
    return Invited(found, code, _invitation(work, staff_id))


def deactivate(work: Work, staff_id: UUID) -> tuple[StaffMember, str]:
    """Let a staff member do nothing any more, at once; their login and invitation end.

    Refused: Unknown; NotAllowed to oneself and beyond one's reach.
    """
    require(work.actor, "staff:write")
    found = _changed_by_another(work, staff_id)
    _check_reach(work, found.roles)
    staff.deactivate(work.connection, staff_id)
    logins.end_staff_logins(work.connection, staff_id, work.now)
    return member(work, staff_id)


def _is_central(work: Work) -> bool:
    """Tell whether the actor administers staff everywhere: at the bank's console, or from an authority."""
    if work.actor.institution_id is None:
        return True
    institution = institutions.by_id(work.connection, work.actor.institution_id)
    return institution is not None and Role.AUTHORITY in institution.roles


def _administers(work: Work, institution_id: UUID) -> bool:
    return work.actor.institution_id == institution_id or _is_central(work)


def _found(work: Work, staff_id: UUID) -> StaffMember:
    """Return a staff member whom the actor administers. Refused: Unknown."""
    found = staff.by_id(work.connection, work.keyring, staff_id)
    if found is None or not _administers(work, found.institution_id):
        raise unknown("工作人员", "staff member")
    return found


def _changed_by_another(work: Work, staff_id: UUID) -> StaffMember:
    """Return a staff member to be changed by somebody else, locked. Refused: Unknown, NotAllowed."""
    staff.lock(work.connection, staff_id)
    found = _found(work, staff_id)
    if work.actor.staff_id == staff_id:
        zh = "不能变更自己的角色或账户；请由另一位安全管理员办理。"
        en = "Nobody changes their own roles or account; ask another security administrator."
        raise NotAllowed((Fault("", "own_account", zh, en),))
    return found


def _check_reach(work: Work, changed: frozenset[StaffRole]) -> None:
    """Let changes of roles pass that reach no further than the actor's institution, if the actor does not.

    Refused: NotAllowed.
    """
    beyond = sorted(changed - LOCAL_ROLES)
    if beyond and not _is_central(work):
        names = ", ".join(beyond)
        zh = f"{names} 的权限及于全行，只能由学分银行主管机构授予、变更。"
        en = f"What {names} may do reaches the whole bank: only its authority grants and changes it."
        raise NotAllowed((Fault("/roles", "beyond_reach", zh, en),))


def _change_roles(work: Work, staff_id: UUID, held: frozenset[StaffRole], wanted: frozenset[StaffRole]) -> None:
    """Append what is granted and what is revoked."""
    changes = [
        RoleChange(role, role in wanted, work.actor.client_id, work.now) for role in sorted(held ^ wanted, key=str)
    ]
    staff.change_roles(work.connection, staff_id, changes)


def _invitation(work: Work, staff_id: UUID) -> str:
    """Return a new invitation, of which only a hash is kept."""
    invitation = secrets.token_urlsafe(INVITATION_BYTES)
    kept = hashlib.sha256(invitation.encode()).digest()
    staff.put_invitation(work.connection, staff_id, kept, work.now + INVITATION_KEPT)
    return invitation


def _acting_client(new: StaffMember, institution: Institution) -> Client:
    """Return the client as which a staff member acts: without secret and scopes, it gets no token of its own."""
    return Client(
        id=f"{STAFF}{new.id}",
        name="staff",
        institution_id=institution.id,
        scopes=frozenset(),
        public_keys=None,
        is_active=False,
        created_at=new.created_at,
    )


def _deactivated() -> Conflict:
    zh, en = "此工作人员已停用。", "This staff member is deactivated."
    return Conflict((Fault("", "deactivated", zh, en),))
