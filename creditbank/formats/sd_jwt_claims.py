"""What credentials say as SD-JWT VC: each member of the subject is shown or not, and of credits how many at least."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from creditbank.core.calendar import day_end
from creditbank.core.credential import ANY_LEVEL, LEVEL_MAX, CredentialKind, StatusPlace, rungs_reached
from creditbank.core.credit import decimal_text
from creditbank.formats.credential_context import context_address
from creditbank.formats.credential_document import name_in
from creditbank.formats.credential_issuers import instant_of
from creditbank.formats.credential_record import BUNDLED_MAX
from creditbank.formats.sd_jwt import Hidden, HiddenItems
from creditbank.formats.token_status_list import status_claim

RECORD = "record"
"""What the `vct` of a whole record ends with; of a credential it is its kind."""

ANY = "any"
"""The name of credits at whatever level."""

CREDITS_AT_LEAST, CREDENTIALS = "creditsAtLeast", "credentials"

_MEMBERS = 16
_ITEMS = 24
_SCHEMES = 24
_LEVELS = LEVEL_MAX + 2
_RUNGS = 48
"""To how many digests each place is padded: more than any has, so that all look alike."""

_NOT_SAID = ("id", "type", "identifier", "creditsAsOf")

AtLeast = Mapping[str, Mapping[int, int]]
"""By scheme and level, how many hundredths are at it or higher."""


@dataclass(frozen=True, slots=True)
class Person:
    """What can be shown of the learner; None of what isn't to be had."""

    name: str | None = field(default=None, repr=False)
    birth_date: date | None = field(default=None, repr=False)

    @property
    def claims(self) -> dict[str, str]:
        """It by the names that OpenID Connect gives."""
        told = {"name": self.name, "birthdate": self.birth_date and self.birth_date.isoformat()}
        return {name: value for name, value in told.items() if value}


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants to say of their credits: as many of a scheme, at a level or higher (ANY_LEVEL for any)."""

    scheme: str
    level: int
    credit_hundredths: int

    @property
    def chosen(self) -> dict[str, Any]:
        """What is shown for it."""
        return {CREDITS_AT_LEAST: {self.scheme: {level_name(self.level): {decimal_text(self.credit_hundredths): True}}}}


@dataclass(frozen=True, slots=True)
class Credits:
    """What holds of a learner's credits, and what somebody wants to say of them beside what every statement says."""

    at_least: AtLeast
    asked: Asked | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """A credential as it is told: its document as it was issued, its kind and its place in the status lists."""

    document: Mapping[str, Any]
    kind: CredentialKind
    place: StatusPlace


@dataclass(frozen=True, slots=True)
class RecordCover:
    """What a record says around what is in it; `id` is this one's alone."""

    base_url: str
    did: str
    id: UUID
    valid_until: date


def vct_of(base_url: str, name: str) -> str:
    """Return the type of a credential of a kind, or of a record."""
    return f"{context_address(base_url)}#{name}"


def level_name(level: int) -> str:
    """Return how a level is named."""
    return ANY if level == ANY_LEVEL else str(level)


def credential_claims(base_url: str, told: Told, person: Person, at: datetime, held: Credits | None) -> Hidden:
    """Return a credential's claims; of a statement of balances also the credits by scheme and level."""
    document = told.document
    subject = document["credentialSubject"]
    open_claims = {
        "iss": document["issuer"]["id"],
        "vct": vct_of(base_url, told.kind.value),
        "iat": int(at.timestamp()),
        **_held(base_url, told),
        **({"creditsAsOf": subject["creditsAsOf"]} if "creditsAsOf" in subject else {}),
    }
    members = person.claims | Person(name_in(subject)).claims | _members(subject)
    if held is not None:
        members[CREDITS_AT_LEAST] = _at_least(held)
    return Hidden(members, _MEMBERS, open_claims)


def record_claims(cover: RecordCover, told: Sequence[Told], person: Person, at: datetime) -> Hidden:
    """Return a record's claims: each credential in it is shown whole or not at all, with its own status."""
    items = [
        {"kind": one.kind.value, **_held(cover.base_url, one), **_plain(one.document["credentialSubject"])}
        for one in told
    ]
    open_claims = {
        "iss": cover.did,
        "vct": vct_of(cover.base_url, RECORD),
        "jti": f"urn:uuid:{cover.id}",
        "iat": int(at.timestamp()),
        "nbf": int(at.timestamp()),
        "exp": int((day_end(cover.valid_until) - timedelta(seconds=1)).timestamp()),
        CREDENTIALS: HiddenItems(items, BUNDLED_MAX),
    }
    return Hidden(person.claims, _MEMBERS, open_claims)


def _held(base_url: str, told: Told) -> dict[str, Any]:
    """Return by what a credential is known, from when until when it holds, and where its status is read."""
    document = told.document
    times = {"nbf": instant_of(document["validFrom"]), "exp": instant_of(document.get("validUntil"))}
    return {
        "jti": document["id"],
        **{name: int(instant.timestamp()) for name, instant in times.items() if instant is not None},
        "status": status_claim(base_url, told.place),
    }


def _members(subject: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _with_hidden_items(value) for name, value in _plain(subject).items()}


def _plain(subject: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a subject says of learning; who they are stands elsewhere, and its id would say nothing more."""
    return {name: value for name, value in subject.items() if name not in _NOT_SAID}


def _with_hidden_items(value: Any) -> Any:  # noqa: ANN401 - any member
    """Return a member in which each item of a list of objects is shown or not: a course, the balance of a scheme."""
    if isinstance(value, Mapping):
        return {name: _with_hidden_items(inner) for name, inner in value.items()}
    if isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
        return HiddenItems(value, _ITEMS)
    return value


def _at_least(held: Credits) -> Hidden:
    """Return what holds of credits, each amount for itself: who is shown one learns neither the next nor how many."""
    schemes = {}
    for scheme, by_level in held.at_least.items():
        levels = {}
        for level, hundredths in by_level.items():
            asked = held.asked
            is_asked = asked is not None and (asked.scheme, asked.level) == (scheme, level)
            rungs = rungs_reached(hundredths, asked.credit_hundredths if asked is not None and is_asked else None)
            levels[level_name(level)] = Hidden({decimal_text(rung): True for rung in rungs}, _RUNGS, {})
        schemes[scheme] = Hidden(levels, _LEVELS, {})
    return Hidden(schemes, _SCHEMES, {})
