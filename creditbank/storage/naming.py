"""Names and birth dates corrected: sealed anew, found under the new name, and what stood before kept in a history."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Column,
    Connection,
    ForeignKeyConstraint,
    LargeBinary,
    String,
    Table,
    Uuid,
    select,
    update,
)

from creditbank.core.identity import Application, Claim
from creditbank.formats.id_number import identifier_type
from creditbank.gateways.keyring import Keyring, PersonCipher
from creditbank.storage import identifier_index
from creditbank.storage.columns import Instant, catalogue
from creditbank.storage.database import member_of, one_by_one
from creditbank.storage.learners import affiliation, identifier, learner
from creditbank.storage.writing import append, row_of

identity_history = Table(
    "identity_history",
    catalogue,
    Column("learner_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("field", String(16), nullable=False),
    Column("sealed_before", LargeBinary),
    Column("sealed_reason", LargeBinary, nullable=False),
    Column("request_id", Uuid),
    Column("institution_id", Uuid),
    Column("actor", String(64), nullable=False),
    Column("happened_at", Instant, nullable=False),
    ForeignKeyConstraint(["learner_id"], ["learner.id"]),
    CheckConstraint("field IN ('name', 'birth_date')", name="field"),
)


@dataclass(frozen=True, slots=True)
class Holder:
    """One account of a person as it is stored: what is sealed, and its claims opened."""

    id: UUID
    wrapped_key: bytes
    name: str
    birth_date: str | None
    claims: tuple[Claim, ...]


@dataclass(frozen=True, slots=True)
class Before:
    """What a field held before it was corrected, sealed for this row; None where it held nothing."""

    learner_id: UUID
    id: UUID
    field: str
    sealed_before: bytes | None
    sealed_reason: bytes
    request_id: UUID | None
    institution_id: UUID | None
    actor: str
    happened_at: datetime


def place(column: str, row_id: UUID) -> str:
    """Return where a sealed text of the history belongs; it can't be opened anywhere else."""
    return f"identity_history.{column}:{row_id}"


def holders(connection: Connection, keyring: Keyring, members: Sequence[UUID]) -> list[Holder]:
    """Return a person's accounts with name, birth date and claims opened."""
    claims = connection.execute(select(identifier).where(member_of(connection, identifier.c.learner_id, members))).all()
    found = []
    for row in connection.execute(select(learner).where(member_of(connection, learner.c.id, members))):
        cipher = keyring.person_cipher(row.wrapped_key)
        born = row.sealed_birth_date
        own = tuple(
            _claim(one.type, one.issuer, cipher.opened(one.sealed_value, f"identifier.value:{one.id}"))
            for one in claims
            if one.learner_id == row.id and one.ended_at is None
        )
        name = cipher.opened(row.sealed_name, f"learner.name:{row.id}")
        birth_date = None if born is None else cipher.opened(born, f"learner.birth_date:{row.id}")
        found.append(Holder(row.id, row.wrapped_key, name, birth_date, own))
    return found


def _claim(type_name: str, issuer: str, value: str) -> Claim:
    kind = identifier_type(type_name)
    return Claim(type_name, issuer, value, kind is not None and kind.finds)


def ciphers(connection: Connection, keyring: Keyring, learner_ids: Iterable[UUID]) -> dict[UUID, PersonCipher]:
    """Return what seals and opens learners' texts, of those who were not erased."""
    theirs = member_of(connection, learner.c.id, sorted(set(learner_ids)))
    query = select(learner.c.id, learner.c.wrapped_key).where(theirs, learner.c.erased_at.is_(None))
    return {row.id: keyring.person_cipher(row.wrapped_key) for row in connection.execute(query)}


def is_anothers(connection: Connection, keyring: Keyring, holder: Holder, name: str, members: Sequence[UUID]) -> bool:
    """Tell whether somebody else holds one of an account's identifiers under a name; nobody claims one till the end."""
    keys = identifier_index.claim_keys(keyring, Application(name, None, holder.claims))
    flat = [key for one in keys for key in one]
    one_by_one(connection, [key.value_index for key in flat])
    wanted = {(key.type, key.issuer, key.value_index, key.name_index) for key in flat}
    return any(
        (match.key.type, match.key.issuer, match.key.value_index, match.key.name_index) in wanted
        for match in identifier_index.matches(connection, keys)
        if match.learner_id not in members
    )


def rename(connection: Connection, keyring: Keyring, holder: Holder, name: str) -> None:
    """Seal a new name and let the account be found by its identifiers under that name only."""
    sealed = keyring.person_cipher(holder.wrapped_key).seal(name, f"learner.name:{holder.id}")
    connection.execute(update(learner).where(learner.c.id == holder.id).values(sealed_name=sealed))
    identifier_index.forget_claims(connection, holder.id)
    keys = identifier_index.claim_keys(keyring, Application(name, None, holder.claims))
    identifier_index.add(connection, [(holder.id, one) for one in keys])


def set_birth_date(connection: Connection, keyring: Keyring, holder: Holder, birth_date: date) -> None:
    """Seal a new birth date."""
    place = f"learner.birth_date:{holder.id}"
    sealed = keyring.person_cipher(holder.wrapped_key).seal(birth_date.isoformat(), place)
    connection.execute(update(learner).where(learner.c.id == holder.id).values(sealed_birth_date=sealed))


def opened_by(connection: Connection, members: Sequence[UUID]) -> UUID | None:
    """Return the institution that opened a person's first account, which wrote down name and birth date."""
    theirs = member_of(connection, affiliation.c.learner_id, members)
    query = (
        select(affiliation.c.institution_id).where(theirs).order_by(affiliation.c.since, affiliation.c.institution_id)
    )
    return connection.execute(query.limit(1)).scalar_one_or_none()


def claimed_by(connection: Connection, members: Sequence[UUID], type_name: str | None) -> UUID | None:
    """Return the institution that recorded a person's identifier of a type, or the first one of any type."""
    query = select(identifier.c.claimed_by).where(member_of(connection, identifier.c.learner_id, members))
    query = query.where(identifier.c.ended_at.is_(None))
    if type_name is not None:
        query = query.where(identifier.c.type == type_name)
    return connection.execute(query.order_by(identifier.c.created_at, identifier.c.id).limit(1)).scalar_one_or_none()


def remember(connection: Connection, rows: Sequence[Before]) -> None:
    """Write what stood before."""
    append(connection, identity_history, [row_of(row) for row in rows])
