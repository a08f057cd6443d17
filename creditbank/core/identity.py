"""Who a learner is: claims made about them, and when two records speak of the same person."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID


class LearnerStatus(StrEnum):
    """Whether it is settled who the learner is."""

    ACTIVE = "active"
    CONFLICT = "conflict"
    """Somebody else claims the same identifier under another name; credits are received but not converted."""


class Relation(StrEnum):
    """What somebody who speaks for a child is to it (Civil Code, article 27)."""

    PARENT = "parent"
    GRANDPARENT = "grandparent"
    SIBLING = "sibling"
    OTHER = "other"


class Assurance(StrEnum):
    """How sure it is that the identifier belongs to the learner, from the least on."""

    SELF = "self"
    """The learner says so."""
    INSTITUTION = "institution"
    """An institution recorded it from the document that it saw: the most that a client can claim by itself."""
    VERIFIED = "verified"
    """It was checked with the authority or provider that issued it."""


class Validity(StrEnum):
    """Whether the document behind an identifier is still in force; one that has run out identifies as before."""

    VALID = "valid"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Claim:
    """An identifier in its normal form. Equal are claims of one number, however long its document is valid.

    `issuer` is the institution's code where the number is its own, the country of a passport, else empty. `finds` tells
    whether the number leads to its holder. `valid_until` is the document's last day.
    """

    type: str
    issuer: str
    value: str
    finds: bool = True
    valid_until: date | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Subject:
    """Who logged in: a provider's subject, which means something under its issuer only.

    `provider` is the name by which this bank calls the provider.
    """

    provider: str
    issuer: str
    subject: str


@dataclass(frozen=True, slots=True)
class Application:
    """What an institution says of a person when it asks for their account; claims are in normal form."""

    name: str
    birth_date: date | None
    claims: tuple[Claim, ...]


@dataclass(frozen=True, slots=True)
class ClaimKey:
    """A claim as it can be searched for: keyed hashes instead of the number and the name."""

    type: str
    issuer: str
    value_index: bytes
    name_index: bytes
    key_id: str
    """The index key that made both hashes; a value is compared with a name under the same key only."""


@dataclass(frozen=True, slots=True)
class Match:
    """A stored claim with the same identifier as one that was asked for."""

    key: ClaimKey
    learner_id: UUID


@dataclass(frozen=True, slots=True)
class Resolution:
    """Whom an application speaks of: `learner_ids` hold the same identifier and a compatible name.

    None: somebody new; one: that person; several: identifiers of different people. `rivals` hold the same identifier
    under another name.
    """

    learner_ids: tuple[UUID, ...]
    rivals: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Identifier:
    """A stored claim, masked for every reader."""

    id: UUID
    type: str
    issuer: str
    masked: str
    assurance: Assurance
    valid_until: date | None = None

    def validity(self, on: date) -> Validity:
        """Tell whether its document is in force on a day; its last day is."""
        is_over = self.valid_until is not None and self.valid_until < on
        return Validity.EXPIRED if is_over else Validity.VALID


@dataclass(frozen=True, slots=True)
class Learner:
    """A person with a learning account, as an institution that knows them may see it."""

    id: UUID
    account_no: str
    status: LearnerStatus
    name: str
    birth_date: date | None
    identifiers: tuple[Identifier, ...]
    created_at: datetime
    merged: tuple[UUID, ...] = ()
    """Ids of accounts that were merged into this one; each of them still leads here."""
    is_restricted: bool = False


def resolved(keys: Iterable[ClaimKey], matches: Iterable[Match]) -> Resolution:
    """Tell whom the keys of one application speak of, given every stored claim with one of its identifiers.

    Names are compatible when they are equal after normalisation, which the name's hash stands for.
    """
    wanted = {(key.type, key.issuer, key.value_index): key.name_index for key in keys}
    same: dict[UUID, None] = {}
    rivals: dict[UUID, None] = {}
    for match in matches:
        name_index = wanted.get((match.key.type, match.key.issuer, match.key.value_index))
        if name_index is not None:
            (same if match.key.name_index == name_index else rivals)[match.learner_id] = None
    return Resolution(tuple(same), tuple(learner_id for learner_id in rivals if learner_id not in same))


def account_number(random_digits: str) -> str:
    """Return a 16-digit account number: 15 random digits and the Luhn check digit of ISO/IEC 7812-1."""
    total = 0
    for place, digit in enumerate(reversed(random_digits)):
        weighted = int(digit) * (2 if place % 2 == 0 else 1)
        total += weighted - 9 if weighted > 9 else weighted  # noqa: PLR2004 - the sum of two digits
    return random_digits + str(-total % 10)
