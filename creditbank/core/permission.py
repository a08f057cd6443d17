"""Who acts, and what the scopes of a token allow."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from creditbank.core.errors import Family, Fault, Refusal

SCOPES = {
    "learners:write": "Open learning accounts and add identifiers",
    "outcomes:write": "Record, correct and revoke learning outcomes",
    "outcomes:read": "Read own learning outcomes and the decisions on them",
    "balance:read": "Read balances",
    "statement:read": "Read passbooks",
    "rules:write": "Draft rule sets and credit schemes, publish programmes",
    "rules:publish": "Publish rule sets drafted by somebody else",
    "conversions:write": "Apply for conversions",
    "conversions:review": "Decide conversions and cases",
    "identity:review": "Decide identity cases, merges and erasures",
    "credentials:issue": "Issue credentials",
    "webhooks:write": "Register webhooks",
    "audit:read": "Read every account's balance, passbook and decisions, for audit",
    "admin": "Register institutions",
}
"""Every scope that a client can be given, with what it allows."""

LEARNER_SCOPES = frozenset({"outcomes:read", "balance:read", "statement:read", "conversions:write"})
"""What a learner's own token carries: reading what is theirs, and applying for its conversion."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks: a client of one institution, or a learner (`learner_id` set) who asks for themselves."""

    client_id: str
    scopes: frozenset[str]
    institution_id: UUID | None = None
    institution_code: str = ""
    learner_id: UUID | None = None
    is_proxy: bool = False
    """Whether a member of staff acts for the learner: `client_id` is theirs, `learner_id` the learner's."""

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
