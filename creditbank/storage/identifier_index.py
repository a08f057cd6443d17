"""The keyed index that finds learners: every identifier and account number under each index key of the ring."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Connection, LargeBinary, Select, String, Table, Uuid, delete, select

from creditbank.core.identity import Application, Claim, ClaimKey, LearnerStatus, Match
from creditbank.core.normalisation import name_key
from creditbank.gateways.keyring import Keyring
from creditbank.storage.columns import catalogue
from creditbank.storage.database import member_of, one_by_one
from creditbank.storage.prepared import Form, Prepared, among
from creditbank.storage.writing import append, replace_rows

identifier_index = Table(
    "identifier_index",
    catalogue,
    Column("value_index", LargeBinary, primary_key=True),
    Column("name_index", LargeBinary, primary_key=True),
    Column("type", String(40), primary_key=True),
    Column("issuer", String(32), primary_key=True),
    Column("learner_id", Uuid, nullable=False, index=True),
    Column("key_id", String(16), nullable=False, server_default="unnamed"),
)

ACCOUNT_NO = "creditbank.account_no"
"""The account number stands in the index as a claim of the bank's own, which keeps it unique."""

ClaimKeys = tuple[ClaimKey, ...]
"""One claim under every index key of the ring, newest first."""


def claim_keys(keyring: Keyring, application: Application) -> list[ClaimKeys]:
    """Return the searchable form of each of an application's claims that leads to its holder."""
    names = keyring.blind_indexes("learner.name", name_key(application.name))
    finding = [claim for claim in application.claims if claim.finds]
    return [_under_all(keyring, claim, [name.value for name in names]) for claim in finding]


def account_no_keys(keyring: Keyring, account_no: str) -> ClaimKeys:
    """Return the searchable form of an account number, which goes with no name."""
    return _under_all(keyring, Claim(ACCOUNT_NO, "", account_no), [b""] * len(keyring.index_keys))


def matches(connection: Connection, keys: Iterable[ClaimKeys]) -> list[Match]:
    """Return every stored claim with one of the identifiers, whatever its name."""
    wanted = _values(keys)
    if not wanted:
        return []
    return [Match(_key_of(row), row.learner_id) for row in _holders.rows(connection, values=wanted)]


@Prepared
def _holders(form: Form) -> Select[Any]:
    """Return the query for who holds identifiers."""
    return select(identifier_index).where(among(form, identifier_index.c.value_index, "values"))


def with_account_no(connection: Connection, keyring: Keyring, account_no: str) -> UUID | None:
    """Return the learner with this account number."""
    holders = {match.learner_id for match in matches(connection, [account_no_keys(keyring, account_no)])}
    assert len(holders) <= 1, "an account number is one learner's"
    return next(iter(holders), None)


def claimed(connection: Connection, keys: Iterable[ClaimKeys]) -> list[tuple[bytes, UUID, LearnerStatus]]:
    """Return those of the identifiers that are claimed, by whom, and their status; nobody claims others till the end.

    The same identifier under two names breaks no key, so that two who claim it at once would not see each other.
    """
    wanted = _values(keys)
    one_by_one(connection, wanted)
    query = select(identifier_index).where(member_of(connection, identifier_index.c.value_index, wanted))
    holders = [(row.value_index, row.learner_id) for row in connection.execute(query)]
    if not holders:
        return []
    learner = catalogue.tables["learner"]
    theirs = member_of(connection, learner.c.id, sorted({learner_id for _, learner_id in holders}))
    rows = connection.execute(select(learner.c.id, learner.c.status).where(theirs))
    statuses = {row.id: LearnerStatus(row.status) for row in rows}
    return [(value_index, one, statuses[one]) for value_index, one in holders]


def add(connection: Connection, keyed: Iterable[tuple[UUID, ClaimKeys]]) -> None:
    """Make learners' claims findable. Claimed under the same name meanwhile: Raced."""
    rows = [index_row(key, learner_id) for learner_id, keys in keyed for key in keys]
    append(connection, identifier_index, sorted(rows, key=lambda row: (row["value_index"], row["name_index"])))


def forget_claims(connection: Connection, learner_id: UUID) -> None:
    """Let a learner be found by nothing but the account number any more."""
    own = identifier_index.c.learner_id == learner_id
    connection.execute(delete(identifier_index).where(own, identifier_index.c.type != ACCOUNT_NO))


def of_learners(connection: Connection, learner_ids: Sequence[UUID]) -> dict[UUID, list[ClaimKey]]:
    """Return what stands in the index for learners."""
    found: dict[UUID, list[ClaimKey]] = {learner_id: [] for learner_id in learner_ids}
    query = select(identifier_index).where(member_of(connection, identifier_index.c.learner_id, learner_ids))
    for row in connection.execute(query):
        found[row.learner_id].append(_key_of(row))
    return found


def put(connection: Connection, keyed: Iterable[tuple[UUID, ClaimKey]]) -> None:
    """Write claims under a key; one that stands already gets the id of the key that made it."""
    replace_rows(connection, identifier_index, [index_row(key, learner_id) for learner_id, key in keyed])


def _under_all(keyring: Keyring, claim: Claim, names: Sequence[bytes]) -> ClaimKeys:
    """Return a claim under every index key; `names` are the name's hashes in the same order."""
    values = keyring.blind_indexes(f"identifier:{claim.type}:{claim.issuer}", claim.value)
    return tuple(
        ClaimKey(claim.type, claim.issuer, value.value, name, value.key_id)
        for value, name in zip(values, names, strict=True)
    )


def _values(keys: Iterable[ClaimKeys]) -> list[bytes]:
    return sorted({key.value_index for claim in keys for key in claim})


def _key_of(row: Any) -> ClaimKey:  # noqa: ANN401 - a row of the index
    return ClaimKey(row.type, row.issuer, row.value_index, row.name_index, row.key_id)


def index_row(key: ClaimKey, learner_id: UUID) -> Mapping[str, Any]:
    """Return a searchable claim as stored."""
    return {
        "value_index": key.value_index,
        "name_index": key.name_index,
        "type": key.type,
        "issuer": key.issuer,
        "learner_id": learner_id,
        "key_id": key.key_id,
    }
