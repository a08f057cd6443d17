"""Learners: sealed personal data, claims, and who knows whom; `identifier_index` is what finds them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Column,
    Connection,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    LargeBinary,
    Row,
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
from creditbank.core.merging import Person
from creditbank.formats.id_number import identifier_type, masked
from creditbank.gateways.keyring import Keyring, PersonCipher
from creditbank.storage import identifier_index
from creditbank.storage.columns import Instant, catalogue
from creditbank.storage.database import Raced, for_reference, member_of
from creditbank.storage.identifier_index import account_no_keys, claim_keys, claimed
from creditbank.storage.locking import locked_of
from creditbank.storage.prepared import Form, Prepared, among
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
    Column("root_id", Uuid, index=True),
    Column("restricted_at", Instant),
    Column("erased_at", Instant),
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
    Column("valid_until", Date),
    Column("ended_at", Instant),
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
    """A learner as far as a record needs: whether the asking institution knows them, and their wrapped key.

    `root_id` is the account that the person is known by where accounts were merged.
    """

    id: UUID
    status: LearnerStatus
    wrapped_key: bytes
    is_affiliated: bool
    root_id: UUID | None


@dataclass(frozen=True, slots=True)
class Claimant:
    """Which institution says something of a learner, and when; `rivals` claim an identifier under other names."""

    learner_id: UUID
    institution_id: UUID
    at: datetime
    rivals: tuple[UUID, ...] = ()


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
    """Return those of the learners that exist and were not erased, and whether the institution knows each.

    Until the transaction ends none of them is merged or parted, and their keys don't change.
    """
    ids = sorted(set(learner_ids))
    if not ids:
        return {}
    rows = locked_of(connection, _known, ids, ids=ids, institution_id=institution_id)
    return {
        row.id: Known(row.id, LearnerStatus(row.status), row.wrapped_key, row.knows is not None, row.root_id)
        for row in rows
    }


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


def known_to(connection: Connection, learner_ids: Iterable[UUID], institution_id: UUID) -> set[UUID]:
    """Return those of the learners whom the institution knows."""
    query = select(affiliation.c.learner_id).where(affiliation.c.institution_id == institution_id)
    among_them = member_of(connection, affiliation.c.learner_id, sorted(set(learner_ids)))
    return set(connection.execute(query.where(among_them)).scalars())


def open_accounts(
    connection: Connection, keyring: Keyring, openings: Sequence[Opening], new_id: Callable[[], UUID]
) -> None:
    """Write new accounts with their sealed claims, index rows and who knows them. Opened meanwhile: Raced."""
    claims = [(opened, keys) for opened in openings for keys in claim_keys(keyring, opened.application)]
    named = {key.value_index: opened for opened, keys in claims for key in keys}
    for value_index, _, status in claimed(connection, [keys for _, keys in claims]):
        if LearnerStatus.ACTIVE in (status, named[value_index].status):
            raise Raced("an identifier was claimed under another name meanwhile")
    append(connection, learner, [learner_row(keyring, opened) for opened in openings])
    numbers = [(opened, account_no_keys(keyring, opened.account_no)) for opened in openings]
    claim_rows = []
    for opened in openings:
        cipher = keyring.person_cipher(opened.wrapped_key)
        claim_rows += [
            claim_row(cipher, Claimant(opened.id, opened.opened_by, opened.opened_at), claim, new_id())
            for claim in opened.application.claims
        ]
    identifier_index.add(connection, [(opened.id, keys) for opened, keys in numbers + claims])
    append(connection, identifier, claim_rows)
    affiliate(connection, [(opened.id, opened.opened_by, opened.opened_at) for opened in openings])


def add_claims(
    connection: Connection, keyring: Keyring, claimant: Claimant, application: Application, new_id: Callable[[], UUID]
) -> None:
    """Add claims to a learner who is there already. Claimed meanwhile by others than the claimant's rivals: Raced."""
    keys = claim_keys(keyring, application)
    if {learner_id for _, learner_id, _ in claimed(connection, keys)} - set(claimant.rivals):
        raise Raced("an identifier was claimed meanwhile")
    query = select(learner.c.wrapped_key).where(learner.c.id == claimant.learner_id)
    cipher = keyring.person_cipher(connection.execute(for_reference(connection, query)).scalar_one())
    identifier_index.add(connection, [(claimant.learner_id, claim) for claim in keys])
    append(connection, identifier, [claim_row(cipher, claimant, claim, new_id()) for claim in application.claims])


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


def mark_settled(connection: Connection, learner_ids: Iterable[UUID]) -> None:
    """Note that it is settled who these learners are."""
    members = member_of(connection, learner.c.id, sorted(set(learner_ids)))
    connection.execute(update(learner).where(members).values(status=LearnerStatus.ACTIVE.value))


def shown(connection: Connection, keyring: Keyring, person: Person, seen_by: str | None) -> Learner | None:
    """Return the learner with the identifiers of all their accounts.

    Numbers of other institutions than `seen_by` are left out, None leaves nothing out. None where there is nobody, or
    nobody any more.
    """
    rows = connection.execute(select(learner).where(member_of(connection, learner.c.id, person.members))).all()
    by_id = {row.id: row for row in rows if row.erased_at is None}
    if person.id not in by_id:
        return None
    root = by_id[person.id]
    ciphers = {row.id: keyring.person_cipher(row.wrapped_key) for row in by_id.values()}
    born = next((row for row in (root, *by_id.values()) if row.sealed_birth_date is not None), None)
    query = select(identifier).where(member_of(connection, identifier.c.learner_id, list(by_id)))
    claims = connection.execute(query.order_by(identifier.c.created_at, identifier.c.id)).all()
    return Learner(
        id=root.id,
        account_no=root.account_no,
        status=_status(by_id.values()),
        name=ciphers[root.id].opened(root.sealed_name, _place("learner.name", root.id)),
        birth_date=None if born is None else _birth_date(ciphers[born.id], born.id, born.sealed_birth_date),
        identifiers=tuple(_identifier(ciphers[found.learner_id], found) for found in claims if _shows(found, seen_by)),
        created_at=root.created_at,
        merged=person.members[1:],
        is_restricted=any(row.restricted_at is not None for row in by_id.values()),
    )


def _shows(found: Row[Any], seen_by: str | None) -> bool:
    """Tell whether an identifier stands, and is to be seen by an institution (its code; None for everybody)."""
    kind = identifier_type(found.type)
    is_own = seen_by is None or kind is None or not kind.issuer_scoped or found.issuer == seen_by
    return found.ended_at is None and is_own


def _status(rows: Iterable[Row[Any]]) -> LearnerStatus:
    """Return a person's status: in conflict where any account is."""
    is_in_conflict = any(row.status == LearnerStatus.CONFLICT for row in rows)
    return LearnerStatus.CONFLICT if is_in_conflict else LearnerStatus.ACTIVE


def _identifier(cipher: PersonCipher, found: Row[Any]) -> Identifier:
    value = cipher.opened(found.sealed_value, _place("identifier.value", found.id))
    hidden = masked(found.type, value)
    return Identifier(found.id, found.type, found.issuer, hidden, Assurance(found.assurance), found.valid_until)


def claim_row(cipher: PersonCipher, claimant: Claimant, claim: Claim, claim_id: UUID) -> dict[str, Any]:
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
        "valid_until": claim.valid_until,
    }


@partial(Prepared, lock=partial(for_reference, of=learner))
def _known(form: Form) -> Select[Any]:
    """Return the query for learners, and whether an institution knows each."""
    knows = affiliation.c.institution_id.label("knows")
    joined = learner.outerjoin(
        affiliation,
        (affiliation.c.learner_id == learner.c.id) & (affiliation.c.institution_id == bindparam("institution_id")),
    )
    columns = (learner.c.id, learner.c.status, learner.c.wrapped_key, learner.c.root_id)
    query = select(*columns, knows).select_from(joined)
    return query.where(among(form, learner.c.id, "ids"), learner.c.erased_at.is_(None))


def learner_row(keyring: Keyring, opening: Opening) -> dict[str, Any]:
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
