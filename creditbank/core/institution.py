"""Institutions and the clients through which they, partners and the authority speak to the bank."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from creditbank.core.errors import Fault


class Level(StrEnum):
    """Where an institution stands in the tree 市/区县/镇街/村社区."""

    CITY = "city"
    DISTRICT = "district"
    TOWN = "town"
    VILLAGE = "village"


class Role(StrEnum):
    """What an institution does in the bank."""

    ISSUER = "issuer"
    RECOGNISER = "recogniser"
    ACCEPTOR = "acceptor"
    BRANCH = "branch"
    AUTHORITY = "authority"
    PARTNER = "partner"


@dataclass(frozen=True, slots=True)
class Institution:
    """Who issues, recognises, accepts, reviews or, as a partner, reads. `code` is short, unique and never changes.

    `region_code` is what was said at registration, `valid_from` None where nobody said since when there is such a one.
    """

    id: UUID
    code: str
    name: str
    level: Level
    roles: frozenset[Role]
    parent_id: UUID | None
    social_credit_code: str | None
    region_code: str | None
    created_at: datetime
    valid_from: date | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of an institution: its last day, who succeeds it, and why."""

    ended_on: date
    successor_id: UUID | None
    successor_code: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Client:
    """A program that holds credentials of exactly one institution; `scopes` is the most that its tokens can carry."""

    id: str
    name: str
    institution_id: UUID
    scopes: frozenset[str]
    public_keys: str | None
    is_active: bool
    created_at: datetime


def ended_fault(ending: Ending | None, day: date, pointer: str) -> Fault | None:
    """Return why an institution that has ended does nothing new on a day; None on its last day and before."""
    if ending is None or day <= ending.ended_on:
        return None
    successor = ending.successor_code
    zh = f"该机构已于 {ending.ended_on} 终止" + (f"，由机构 {successor} 承接，请向其办理。" if successor else "。")
    en = f"The institution ended on {ending.ended_on}" + (
        f"; {successor} succeeds it, turn to that one." if successor else "; nobody succeeds it."
    )
    return Fault(pointer, "institution_ended", zh, en)
