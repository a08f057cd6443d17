"""Who acts, what the scopes of a token allow, and which scopes the roles of staff carry."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from creditbank.core.errors import Family, Fault, Refusal
from creditbank.core.institution import Role

SCOPES = {
    "learners:write": "Open learning accounts and add identifiers",
    "learners:lookup": "Ask whether somebody is a learner here, within a daily budget",
    "identity:read": "Read names, birth dates and masked identifiers, on a separate consent",
    "outcomes:write": "Record, correct and revoke learning outcomes",
    "outcomes:read": "Read own learning outcomes and the decisions on them",
    "balance:read": "Read balances",
    "statement:read": "Read passbooks",
    "rules:write": "Draft rule sets and credit schemes, publish programmes",
    "rules:publish": "Publish rule sets drafted by somebody else",
    "consents:write": "Give and withdraw consents of the learner for whom one acts",
    "conversions:write": "Apply for conversions",
    "conversions:review": "Decide conversions and cases",
    "credentials:issue": "Award qualifications and issue credentials",
    "webhooks:write": "Register webhooks and read events",
    "identity:review": "Decide identity cases, merges and erasures",
    "audit:read": "Read every account's balance, passbook and decisions, for audit",
    "admin": "Register institutions",
    "staff:write": "Register staff and grant roles",
    "audit:log": "Read the audit log",
    "learners:act": "Act for a learner at a counter",
}
"""Every scope that a client can be given, with what it allows."""

LEARNER_SCOPES = frozenset({"outcomes:read", "balance:read", "statement:read", "conversions:write", "consents:write"})
"""What a learner's own token carries: reading what is theirs, applying for its conversion, letting others read."""

PARTNER_SCOPES = frozenset(
    {"balance:read", "statement:read", "outcomes:read", "identity:read", "learners:lookup", "webhooks:write"}
)
"""The most that counts of a token of a mere partner, whatever its client was granted: a partner reads on consent."""

SEPARATE_SCOPES = frozenset({"admin", "staff:write", "audit:log"})
"""三员分立: system, security and audit administration; no program and no person holds two of them."""

STAFF = "staff:"
"""How the client id of a staff member begins; their own id follows."""


class StaffRole(StrEnum):
    """What a staff member of an institution does in the bank."""

    REGISTRAR = "registrar"
    REVIEWER = "reviewer"
    RULE_AUTHOR = "rule_author"
    PUBLISHER = "publisher"
    AUDITOR = "auditor"
    SYSTEM_ADMINISTRATOR = "system_administrator"
    SECURITY_ADMINISTRATOR = "security_administrator"
    AUDIT_ADMINISTRATOR = "audit_administrator"
    PROXY_OPERATOR = "proxy_operator"


ROLE_SCOPES = {
    StaffRole.REGISTRAR: frozenset({"learners:write", "outcomes:read", "identity:review", "credentials:issue"}),
    StaffRole.REVIEWER: frozenset({"conversions:review"}),
    StaffRole.RULE_AUTHOR: frozenset({"rules:write"}),
    StaffRole.PUBLISHER: frozenset({"rules:publish"}),
    StaffRole.AUDITOR: frozenset({"audit:read"}),
    StaffRole.SYSTEM_ADMINISTRATOR: frozenset({"admin"}),
    StaffRole.SECURITY_ADMINISTRATOR: frozenset({"staff:write"}),
    StaffRole.AUDIT_ADMINISTRATOR: frozenset({"audit:log"}),
    StaffRole.PROXY_OPERATOR: frozenset({"learners:act"}),
}
"""The scopes that a role carries."""

ADMINISTRATORS = frozenset(
    {StaffRole.SYSTEM_ADMINISTRATOR, StaffRole.SECURITY_ADMINISTRATOR, StaffRole.AUDIT_ADMINISTRATOR}
)
"""三员: nobody holds two of them, nor one of them and the auditor's."""

LOCAL_ROLES = frozenset({StaffRole.REGISTRAR, StaffRole.REVIEWER, StaffRole.PROXY_OPERATOR})
"""Roles that reach no further than one's own institution, which its own security administrator may grant."""


READING = (":read", ":log")
"""What the scopes end with that let nobody change anything."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks: a client of one institution, one of its staff, or a learner (`learner_id` set) who asks for themselves.

    At a counter a staff member acts for a learner (`is_proxy`): `learner_id` is theirs, `client_id` the staff's.
    """

    client_id: str
    scopes: frozenset[str]
    institution_id: UUID | None = None
    institution_code: str = ""
    learner_id: UUID | None = None
    is_proxy: bool = False
    """Whether a member of staff acts for the learner: `client_id` is theirs, `learner_id` the learner's."""
    institution_roles: frozenset[Role] = frozenset()

    @property
    def is_partner(self) -> bool:
        """Tell whether the actor's institution is nothing but a partner, which reads on consent alone."""
        return self.institution_roles == {Role.PARTNER}

    @property
    def is_authority(self) -> bool:
        """Tell whether the actor's institution is an authority."""
        return Role.AUTHORITY in self.institution_roles

    @property
    def name(self) -> str:
        """Who it is, told apart from everybody else: all learners share one client id."""
        return self.client_id if self.learner_id is None or self.is_proxy else f"{self.client_id}:{self.learner_id}"

    @property
    def staff_id(self) -> UUID | None:
        """The staff member who asks, if it is one."""
        return UUID(self.client_id.removeprefix(STAFF)) if self.client_id.startswith(STAFF) else None

    @property
    def can_write(self) -> bool:
        """Tell whether the actor can change anything: all but clients and staff who only read."""
        return self.learner_id is not None or not all(scope.endswith(READING) for scope in self.scopes)

    @property
    def audits(self) -> bool:
        """Tell whether the actor reads every account, as an auditor does."""
        return "audit:read" in self.scopes


@dataclass(eq=False)
class ScopeMissing(Refusal):
    """The token does not carry a scope that the request needs."""

    family = Family.NOT_ALLOWED
    code = "scope_missing"
    title: ClassVar[str] = "The token lacks a scope"
    needed: tuple[str, ...] = ()


class RolesClash(Refusal):
    """These roles or scopes may not be in one hand."""

    family = Family.RULE_SAYS_NO
    code = "roles_clash"
    title = "These may not be in one hand"


def require(actor: Actor, *scopes: str) -> None:
    """Let the actor pass if the token carries any of the scopes. Refused: ScopeMissing."""
    if actor.scopes.isdisjoint(scopes):
        needed = " / ".join(scopes)
        fault = Fault(
            "",
            "scope_missing",
            f"访问令牌缺少权限 {needed}；请在申请令牌时请求该权限，或请管理员为客户端开通。",
            f"The token lacks the scope {needed}; ask for it when you get the token, or have it granted to the client.",
        )
        raise ScopeMissing((fault,), scopes)


def scopes_of(roles: Iterable[StaffRole]) -> frozenset[str]:
    """Return what a staff member with these roles may do."""
    return frozenset[str]().union(*(ROLE_SCOPES[role] for role in roles))


def check_roles(roles: Iterable[StaffRole]) -> None:
    """Let roles pass that one person may hold together. Refused: RolesClash."""
    held = frozenset(roles)
    administering = sorted(held & ADMINISTRATORS)
    if len(administering) > 1 or (administering and StaffRole.AUDITOR in held):
        names = ", ".join(sorted(held & (ADMINISTRATORS | {StaffRole.AUDITOR})))
        zh = f"同一人不能兼任 {names}：系统、安全、审计管理员须三员分立，且不得兼任审计员。"
        en = f"Nobody holds {names} together: system, security and audit administration are separate, and from audit."
        raise RolesClash((Fault("/roles", "roles_clash", zh, en),))


def check_separate(scopes: Iterable[str]) -> None:
    """Let scopes pass that one program may hold together. Refused: RolesClash."""
    held = sorted(SEPARATE_SCOPES.intersection(scopes))
    if len(held) > 1:
        names = ", ".join(held)
        zh = f"同一客户端不能同时拥有 {names}：系统、安全、审计管理须三员分立。"
        en = f"No client holds {names} together: system, security and audit administration are separate."
        raise RolesClash((Fault("/scopes", "roles_clash", zh, en),))
