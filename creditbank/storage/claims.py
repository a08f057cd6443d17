"""Claims one by one: an account's identifiers, until when they hold, how one ends, and which ones two accounts share.

The tables are those of `learners`, which writes them together with the account.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    Connection,
    Date,
    LargeBinary,
    String,
    Uuid,
    and_,
    column,
    delete,
    select,
    table,
    tuple_,
    update,
)

from creditbank.core.identity import Claim, ClaimKey
from creditbank.formats.id_number import identifier_type
from creditbank.gateways.keyring import Keyring
from creditbank.storage.columns import Instant
from creditbank.storage.database import member_of

_learner = table(
    "learner",
    column("id", Uuid),
    column("wrapped_key", LargeBinary),
    column("sealed_name", LargeBinary),
    column("erased_at", Instant),
)
_identifier = table(
    "identifier",
    column("learner_id", Uuid),
    column("id", Uuid),
    column("type", String),
    column("issuer", String),
    column("sealed_value", LargeBinary),
    column("claimed_by", Uuid),
    column("created_at", Instant),
    column("valid_until", Date),
    column("ended_at", Instant),
)
_index = table(
    "identifier_index",
    column("value_index", LargeBinary),
    column("type", String),
    column("issuer", String),
    column("learner_id", Uuid),
)

Number = tuple[str, str, bytes]
"""An identifier as the index has it: type, issuer, keyed hash of the value."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A claim that has not ended, with its value open, and the institution that made it."""

    learner_id: UUID
    id: UUID
    claim: Claim
    claimed_by: UUID


def standing(connection: Connection, keyring: Keyring, learner_ids: Iterable[UUID]) -> list[Standing]:
    """Return the claims on some accounts that have not ended, oldest first; none of who was erased."""
    joined = _identifier.join(_learner, _learner.c.id == _identifier.c.learner_id)
    among = member_of(connection, _identifier.c.learner_id, sorted(set(learner_ids)))
    query = select(_identifier, _learner.c.wrapped_key).select_from(joined).where(among)
    query = query.where(_identifier.c.ended_at.is_(None), _learner.c.erased_at.is_(None))
    found = []
    for row in connection.execute(query.order_by(_identifier.c.created_at, _identifier.c.id)):
        value = keyring.person_cipher(row.wrapped_key).opened(row.sealed_value, f"identifier.value:{row.id}")
        kind = identifier_type(row.type)
        claim = Claim(row.type, row.issuer, value, kind is not None and kind.finds, row.valid_until)
        found.append(Standing(row.learner_id, row.id, claim, row.claimed_by))
    return found


def names(connection: Connection, keyring: Keyring, learner_ids: Iterable[UUID]) -> dict[UUID, str]:
    """Return the names on some accounts, of those who were not erased."""
    among = member_of(connection, _learner.c.id, sorted(set(learner_ids)))
    return {
        row.id: keyring.person_cipher(row.wrapped_key).opened(row.sealed_name, f"learner.name:{row.id}")
        for row in connection.execute(select(_learner).where(among, _learner.c.erased_at.is_(None)))
    }


def ended_by(connection: Connection, learner_ids: Iterable[UUID], claim_id: UUID) -> UUID | None:
    """Return the institution that made a claim which has ended, None where there is none."""
    among = member_of(connection, _identifier.c.learner_id, sorted(set(learner_ids)))
    query = select(_identifier.c.claimed_by).where(among, _identifier.c.id == claim_id)
    return connection.execute(query.where(_identifier.c.ended_at.is_not(None))).scalar_one_or_none()


def prolong(connection: Connection, one: Standing, valid_until: date) -> None:
    """Note another last day of a claim's document."""
    where = and_(_identifier.c.learner_id == one.learner_id, _identifier.c.id == one.id)
    connection.execute(update(_identifier).where(where).values(valid_until=valid_until))


def end(connection: Connection, ended: Collection[Standing], at: datetime) -> None:
    """Note that claims have ended; they stay on record."""
    if ended:
        learners = member_of(connection, _identifier.c.learner_id, sorted({one.learner_id for one in ended}))
        ids = member_of(connection, _identifier.c.id, sorted(one.id for one in ended))
        connection.execute(update(_identifier).where(learners, ids).values(ended_at=at))


def forget(connection: Connection, learner_ids: Iterable[UUID], keys: Iterable[ClaimKey]) -> None:
    """Take numbers of some accounts out of the index, under whatever name they stand there."""
    for key in keys:
        number = tuple_(_index.c.value_index, _index.c.type, _index.c.issuer)
        ids = member_of(connection, _index.c.learner_id, sorted(set(learner_ids)))
        connection.execute(delete(_index).where(number == (key.value_index, key.type, key.issuer), ids))


def shared(connection: Connection, some: Iterable[UUID], others: Iterable[UUID]) -> set[Number]:
    """Return the numbers in the index that stand on accounts of both sides."""
    return _numbers(connection, some) & _numbers(connection, others)


def holders(connection: Connection, numbers: Collection[Number]) -> dict[Number, set[UUID]]:
    """Return by number the accounts on which it stands in the index."""
    wanted = sorted({number[2] for number in numbers})
    query = select(_index).where(member_of(connection, _index.c.value_index, wanted))
    found: dict[Number, set[UUID]] = {number: set() for number in numbers}
    for row in connection.execute(query):
        number = (row.type, row.issuer, row.value_index)
        if number in found:
            found[number].add(row.learner_id)
    return found


def _numbers(connection: Connection, learner_ids: Iterable[UUID]) -> set[Number]:
    query = select(_index).where(member_of(connection, _index.c.learner_id, sorted(set(learner_ids))))
    return {(row.type, row.issuer, row.value_index) for row in connection.execute(query)}
