"""Learners: sealed personal data, claims, and who knows whom; `identifier_index` is what finds them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Column,
    Connection,
    ForeignKey,
    ForeignKeyConstraint,
    LargeBinary,
    Select,
    String,
    Table,
    Uuid,
    bindparam,
    select,
    update,
)

from creditbank.core.identity import (
    Application,
    Assurance,
    Claim,
    Identifier,
    Learner,
    LearnerStatus,
    account_number,
)
from creditbank.formats.id_number import masked
from creditbank.gateways.keyring import Keyring, PersonCipher
from creditbank.storage import identifier_index
from creditbank.storage.columns import Instant, catalogue
from creditbank.storage.database import Raced, among, built_once, for_change, for_reference, member_of
from creditbank.storage.identifier_index import account_no_keys, claim_keys, claimed
from creditbank.storage.writing import append, append_missing

learner = Table(
    "learner",
    catalogue,
    Column("id", Uuid, primary_key=True),
    Column("account_no", String(16), nullable=False),
    Column("status", String(16), nullable=False),
    Column("wrapped_key", LargeBinary, nullable=False),
    Column("sealed_name", LargeBinary, nullable=False),
    Column("sealed_birth_date", LargeBinary),
    Column("created_at", Instant, nullable=False),
    CheckConstraint("status IN ('active', 'conflict')", name="status"),
)

identifier = Table(
    "identifier",
    catalogue,
    Column("learner_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("type", String(40), nullable=False),
    Column("issuer", String(32), nullable=False),
    Column("sealed_value", LargeBinary, nullable=False),
    Column("assurance", String(16), nullable=False),
    Column("claimed_by", Uuid, nullable=False),
    Column("created_at", Instant, nullable=False),
    ForeignKeyConstraint(["learner_id"], ["learner.id"]),
)

affiliation = Table(
    "affiliation",
    catalogue,
    Column("learner_id", Uuid, ForeignKey("learner.id"), primary_key=True),
    Column("institution_id", Uuid, primary_key=True),
    Column("since", Instant, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Known:
    """A learner as far as a record needs: whether the asking institution knows them, and their wrapped key."""

    id: UUID
    status: LearnerStatus
    wrapped_key: bytes
    is_affiliated: bool


@dataclass(frozen=True, slots=True)
class Claimant:
    """Which institution says something of a learner, and when."""

    learner_id: UUID
    institution_id: UUID
    at: datetime


@dataclass(frozen=True, slots=True)
class Opening:
    """A new account with everything that is written when it is opened."""

    id: UUID
    account_no: str
    status: LearnerStatus
    application: Application
    wrapped_key: bytes
    opened_by: UUID
    opened_at: datetime


def opening(keyring: Keyring, learner_id: UUID, application: Application, who: UUID, at: datetime) -> Opening:
    """Return a new account with its own key and its number, which follows from the id by a keyed hash."""
    hashed = int.from_bytes(keyring.blind_index("learner.account_no", str(learner_id)))
    number = account_number(f"{hashed % 10**15:015d}")
    return Opening(learner_id, number, LearnerStatus.ACTIVE, application, keyring.new_person_key(), who, at)


def known(connection: Connection, learner_ids: Iterable[UUID], institution_id: UUID | None) -> dict[UUID, Known]:
    """Return those of the learners that exist, and whether the institution knows each.

    Their keys don't change until the transaction ends, so that it can seal under them.
    """
    ids = sorted(set(learner_ids))
    if not ids:
        return {}
    rows = connection.execute(_known(connection), {"ids": ids, "institution_id": institution_id})
    return {row.id: Known(row.id, LearnerStatus(row.status), row.wrapped_key, row.knows is not None) for row in rows}


def locked(connection: Connection, learner_id: UUID) -> LearnerStatus | None:
    """Return a learner's status; until the transaction ends no other that locks the learner goes on.

    New outcomes, which only refer to the learner, don't wait.
    """
    query = select(learner.c.status).where(learner.c.id == learner_id)
    status = connection.execute(for_change(connection, query)).scalar_one_or_none()
    return None if status is None else LearnerStatus(status)


def birth_date(connection: Connection, keyring: Keyring, learner_id: UUID) -> date | None:
    """Return a learner's birth date, if it is on record."""
    return birth_dates(connection, keyring, [learner_id]).get(learner_id)


def birth_dates(connection: Connection, keyring: Keyring, learner_ids: Iterable[UUID]) -> dict[UUID, date]:
    """Return the learners' birth dates, of those who have one on record."""
    columns = learner.c.id, learner.c.wrapped_key, learner.c.sealed_birth_date
    query = select(*columns).where(member_of(connection, learner.c.id, sorted(set(learner_ids))))
    return {
        row.id: _birth_date(keyring.person_cipher(row.wrapped_key), row.id, row.sealed_birth_date)
        for row in connection.execute(query.where(learner.c.sealed_birth_date.is_not(None)))
    }


def _birth_date(cipher: PersonCipher, learner_id: UUID, sealed: bytes) -> date:
    return date.fromisoformat(cipher.opened(sealed, _place("learner.birth_date", learner_id)))


def is_known(connection: Connection, learner_id: UUID, institution_id: UUID) -> bool:
    """Tell whether the institution knows the learner."""
    query = select(affiliation.c.since).where(
        affiliation.c.learner_id == learner_id, affiliation.c.institution_id == institution_id
    )
    return connection.execute(query).first() is not None


def exists(connection: Connection, learner_id: UUID) -> bool:
    """Tell whether there is such a learner."""
    return connection.execute(select(learner.c.id).where(learner.c.id == learner_id)).first() is not None


def open_accounts(
    connection: Connection, keyring: Keyring, openings: Sequence[Opening], new_id: Callable[[], UUID]
) -> None:
    """Write new accounts with their sealed claims, index rows and who knows them. Opened meanwhile: Raced."""
    claims = [(opened, keys) for opened in openings for keys in claim_keys(keyring, opened.application)]
    named = {key.value_index: opened for opened, keys in claims for key in keys}
    for value_index, status in claimed(connection, [keys for _, keys in claims]):
        if LearnerStatus.ACTIVE in (status, named[value_index].status):
            raise Raced("an identifier was claimed under another name meanwhile")
    append(connection, learner, [_learner_row(keyring, opened) for opened in openings])
    numbers = [(opened, account_no_keys(keyring, opened.account_no)) for opened in openings]
    claim_rows = []
    for opened in openings:
        cipher = keyring.person_cipher(opened.wrapped_key)
        claim_rows += [
            _claim_row(cipher, Claimant(opened.id, opened.opened_by, opened.opened_at), claim, new_id())
            for claim in opened.application.claims
        ]
    identifier_index.add(connection, [(opened.id, keys) for opened, keys in numbers + claims])
    append(connection, identifier, claim_rows)
    affiliate(connection, [(opened.id, opened.opened_by, opened.opened_at) for opened in openings])


def add_claims(
    connection: Connection, keyring: Keyring, claimant: Claimant, application: Application, new_id: Callable[[], UUID]
) -> None:
    """Add claims to a learner who is there already. Claimed by somebody else meanwhile: Raced."""
    keys = claim_keys(keyring, application)
    if claimed(connection, keys):
        raise Raced("an identifier was claimed meanwhile")
    query = select(learner.c.wrapped_key).where(learner.c.id == claimant.learner_id)
    cipher = keyring.person_cipher(connection.execute(for_reference(connection, query)).scalar_one())
    identifier_index.add(connection, [(claimant.learner_id, claim) for claim in keys])
    append(connection, identifier, [_claim_row(cipher, claimant, claim, new_id()) for claim in application.claims])


def affiliate(connection: Connection, known_since: Iterable[tuple[UUID, UUID, datetime]]) -> None:
    """Note that institutions know learners; items are (learner, institution, since) and may be noted already."""
    rows = [
        {"learner_id": learner_id, "institution_id": institution_id, "since": since}
        for learner_id, institution_id, since in sorted(set(known_since))
    ]
    append_missing(connection, affiliation, rows)


def mark_conflict(connection: Connection, learner_ids: Iterable[UUID]) -> None:
    """Note that an identifier of these learners is claimed under another name, too."""
    ids = sorted(set(learner_ids))
    if ids:
        status = LearnerStatus.CONFLICT.value
        connection.execute(update(learner).where(member_of(connection, learner.c.id, ids)).values(status=status))


def by_id(connection: Connection, keyring: Keyring, learner_id: UUID, seen_by: str | None) -> Learner | None:
    """Return the learner; numbers of other institutions than `seen_by` are left out, None leaves nothing out."""
    row = connection.execute(select(learner).where(learner.c.id == learner_id)).one_or_none()
    if row is None:
        return None
    cipher = keyring.person_cipher(row.wrapped_key)
    query = select(identifier).where(identifier.c.learner_id == learner_id).order_by(identifier.c.created_at)
    seen = [found for found in connection.execute(query) if seen_by is None or found.issuer in ("", seen_by)]
    return Learner(
        id=row.id,
        account_no=row.account_no,
        status=LearnerStatus(row.status),
        name=cipher.opened(row.sealed_name, _place("learner.name", row.id)),
        birth_date=row.sealed_birth_date and _birth_date(cipher, row.id, row.sealed_birth_date),
        identifiers=tuple(
            Identifier(
                found.type,
                masked(found.type, cipher.opened(found.sealed_value, _place("identifier.value", found.id))),
                Assurance(found.assurance),
            )
            for found in seen
        ),
        created_at=row.created_at,
    )


def _claim_row(cipher: PersonCipher, claimant: Claimant, claim: Claim, claim_id: UUID) -> dict[str, Any]:
    """Return a claim as stored: its value sealed under the learner's key for this very row."""
    return {
        "learner_id": claimant.learner_id,
        "id": claim_id,
        "type": claim.type,
        "issuer": claim.issuer,
        "sealed_value": cipher.seal(claim.value, _place("identifier.value", claim_id)),
        "assurance": Assurance.INSTITUTION.value,
        "claimed_by": claimant.institution_id,
        "created_at": claimant.at,
    }


@built_once
def _known(connection: Connection) -> Select[Any]:
    """Return the query for learners, and whether an institution knows each."""
    knows = affiliation.c.institution_id.label("knows")
    joined = learner.outerjoin(
        affiliation,
        (affiliation.c.learner_id == learner.c.id) & (affiliation.c.institution_id == bindparam("institution_id")),
    )
    query = select(learner.c.id, learner.c.status, learner.c.wrapped_key, knows).select_from(joined)
    keeping: Select[Any] = for_reference(connection, query.where(among(connection, learner.c.id, "ids")), of=learner)
    return keeping


def _learner_row(keyring: Keyring, opening: Opening) -> dict[str, Any]:
    """Return a new learner as stored: name and birth date sealed under the learner's own key."""
    cipher = keyring.person_cipher(opening.wrapped_key)
    born = opening.application.birth_date
    return {
        "id": opening.id,
        "account_no": opening.account_no,
        "status": opening.status.value,
        "wrapped_key": opening.wrapped_key,
        "sealed_name": cipher.seal(opening.application.name, _place("learner.name", opening.id)),
        "sealed_birth_date": born and cipher.seal(born.isoformat(), _place("learner.birth_date", opening.id)),
        "created_at": opening.opened_at,
    }


def _place(column: str, row_id: UUID) -> str:
    """Return where a ciphertext belongs; it can't be opened anywhere else."""
    return f"{column}:{row_id}"
