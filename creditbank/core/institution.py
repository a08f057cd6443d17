"""Institutions and the clients through which they, partners and the authority speak to the bank."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


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
    AUTHORITY = "authority"
    PARTNER = "partner"


@dataclass(frozen=True, slots=True)
class Institution:
    """Who issues, recognises, accepts, reviews or, as a partner, reads. `code` is short, unique and never changes."""

    id: UUID
    code: str
    name: str
    level: Level
    roles: frozenset[Role]
    parent_id: UUID | None
    social_credit_code: str | None
    region_code: str | None
    created_at: datetime


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
