"""Institutions: the registry of who issues, recognises, accepts and reviews."""

from dataclasses import dataclass
from uuid import UUID

from creditbank.core.errors import Conflict, Fault, Malformed, unknown
from creditbank.core.institution import Institution, Level, Role
from creditbank.core.permission import require
from creditbank.formats.id_number import social_credit_code
from creditbank.services.bank import Work
from creditbank.storage import institutions


@dataclass(frozen=True, slots=True)
class Registration:
    """What is said of an institution when it is registered; `parent` is the code of the one above it."""

    code: str
    name: str
    level: Level
    roles: frozenset[Role]
    parent: str | None = None
    social_credit_code: str | None = None
    region_code: str | None = None


def institution(work: Work, institution_id: UUID) -> Institution:
    """Return one institution; anybody with a token may read the registry. Refused: Unknown."""
    found = institutions.by_id(work.connection, institution_id)
    if found is None:
        raise unknown("机构", "institution")
    return found


def institutions_page(work: Work, after_code: str, rows_max: int) -> list[Institution]:
    """Return institutions in code order, from the one behind `after_code`."""
    return institutions.page(work.connection, after_code, rows_max)


def register(work: Work, registration: Registration) -> tuple[Institution, bool]:
    """Register an institution and tell whether it is new.

    Refused: Malformed for an unknown parent or a wrong social credit code, Conflict where the code is another's.
    """
    require(work.actor, "admin")
    code = _social_credit_code(registration)
    parent = institutions.by_code(work.connection, registration.parent) if registration.parent else None
    if registration.parent and parent is None:
        zh, en = (
            "没有此代码的上级机构；请先登记上级机构。",
            "There is no institution with this code; register it first.",
        )
        raise Malformed((Fault("/parent", "unknown_institution", zh, en),))
    found = institutions.by_code(work.connection, registration.code)
    value = Institution(
        id=found.id if found else work.new_id(),
        code=registration.code,
        name=registration.name,
        level=registration.level,
        roles=registration.roles,
        parent_id=None if parent is None else parent.id,
        social_credit_code=code,
        region_code=registration.region_code,
        created_at=found.created_at if found else work.now,
    )
    if found is None:
        if code is not None and institutions.has_social_credit_code(work.connection, code):
            raise _taken("/social_credit_code")
        institutions.add(work.connection, value)
    elif found != value:
        raise _taken("/code")
    return value, found is None


def _social_credit_code(registration: Registration) -> str | None:
    """Return the social credit code in normal form. Refused: Malformed."""
    if registration.social_credit_code is None:
        return None
    try:
        return social_credit_code(registration.social_credit_code)
    except Malformed as malformed:
        raise Malformed(tuple(fault.under("/social_credit_code") for fault in malformed.faults)) from malformed


def _taken(pointer: str) -> Conflict:
    """Return the answer to a code that stands for another institution."""
    zh = "此代码已用于另一机构；请核对，或使用新的代码。"
    en = "This code stands for another institution; check it, or use a new one."
    return Conflict((Fault(pointer, "differs", zh, en),))
