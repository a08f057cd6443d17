"""What is sealed and what is indexed where: the one list from which keys are rotated, renewed and retired."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Connection, Table, case, delete, func, select, tuple_

from creditbank.core.identity import Application, Claim
from creditbank.gateways.keyring import ID_BYTES, Keyring, SealBroken
from creditbank.storage.columns import catalogue
from creditbank.storage.database import for_change, for_update, member_of
from creditbank.storage.distribution import is_distributed
from creditbank.storage.learners import identifier, learner
from creditbank.storage.locking import locked_rows
from creditbank.storage.writing import rewrite

DELETED_MAX = 5000
"""Rows deleted by one statement, so that on SQLite others get their turn to write in between."""

Cursor = tuple[Any, ...] | None
"""The primary key after which a page begins; None at the start."""


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """A column of sealed texts. `place` is made of the row's own columns, as it was when the text was sealed.

    `owner` is the column with the id of the person under whose key they are sealed; empty for the bank's own texts.
    """

    table: str
    name: str
    place: str
    owner: str = ""

    def place_of(self, row: Mapping[str, Any]) -> str:
        """Return where the row's text belongs."""
        return self.place.format(**{name: _shown(value) for name, value in row.items()})


@dataclass(frozen=True, slots=True)
class KeyedTable:
    """A table of keyed hashes, each with the `key_id` of its index key; `owner` is whose hashes are made anew."""

    table: str
    owner: str


def _shown(value: object) -> object:
    """Return a value as it stands in a place: bytes in hexadecimal digits."""
    return value.hex() if isinstance(value, bytes) else value


PERSON_SEALED = (
    SealedColumn("learner", "sealed_name", "learner.name:{id}", "id"),
    SealedColumn("learner", "sealed_birth_date", "learner.birth_date:{id}", "id"),
    SealedColumn("identifier", "sealed_value", "identifier.value:{id}", "learner_id"),
    SealedColumn(
        "certificate", "sealed_number", "outcome_revision.certificate_no:{outcome_id}:{revision}", "learner_id"
    ),
    SealedColumn("guardianship", "sealed_evidence", "guardianship.evidence:{id}", "learner_id"),
    SealedColumn("correction_request", "sealed_says", "correction_request.says:{id}", "learner_id"),
    SealedColumn("correction_request", "sealed_wants", "correction_request.wants:{id}", "learner_id"),
    SealedColumn("correction_request", "sealed_reason", "correction_request.reason:{id}", "learner_id"),
    SealedColumn("erasure_request", "sealed_reason", "erasure_request.reason:{id}", "learner_id"),
    SealedColumn("erasure_request", "sealed_verdict_reason", "erasure_request.verdict_reason:{id}", "learner_id"),
    SealedColumn("identity_history", "sealed_before", "identity_history.before:{id}", "learner_id"),
    SealedColumn("identity_history", "sealed_reason", "identity_history.reason:{id}", "learner_id"),
    SealedColumn("learner_login", "sealed_subject", "learner_login.subject:{id}", "learner_id"),
    SealedColumn("credential", "sealed_document", "credential.document:{id}", "learner_id"),
    SealedColumn("credential", "sealed_reason", "credential.reason:{id}", "learner_id"),
    SealedColumn("proxy_session", "sealed_reason", "proxy_session.reason:{id}", "learner_id"),
)
"""Everything that is sealed under a person's key."""

BANK_SEALED = (
    SealedColumn("kept_answer", "sealed_answer", "kept_answer:{client_id}:{key}"),
    SealedColumn("identity_case", "sealed_reason", "identity_case.reason:{id}"),
    SealedColumn("identity_case", "sealed_evidence", "identity_case.evidence:{id}"),
    SealedColumn("staff", "sealed_name", "staff.name:{id}"),
    SealedColumn("staff_login", "sealed_subject", "staff_login.subject:{id}"),
    SealedColumn("login_ticket", "sealed_subject", "login_ticket.subject:{ticket_hash}"),
    SealedColumn("login_attempt", "sealed_secrets", "login_attempt:{state_hash}"),
    SealedColumn("webhook", "sealed_secret", "webhook.secret:{id}"),
    SealedColumn("webhook", "sealed_secret_before", "webhook.secret_before:{id}"),
    SealedColumn("identity_reason", "sealed_reason", "identity_event.reason:{case_id}:{number}"),
    SealedColumn("import_salt", "sealed_salt", "import_salt:{institution_id}"),
)
"""Everything that is sealed under a master key as the bank's own."""

WRAPPED = (SealedColumn("learner", "wrapped_key", ""), SealedColumn("import_file", "wrapped_key", ""))
"""Keys of persons, and of files that are imported, which are wrapped under a master key."""

IDENTIFIERS = KeyedTable("identifier_index", "learner_id")
CLAIMS = KeyedTable("outcome_claim", "outcome_id")
LOGINS = KeyedTable("login_index", "holder_id")

LIKENESS = KeyedTable("likeness_index", "learner_id")

KEYED = (IDENTIFIERS, CLAIMS, LOGINS, LIKENESS)
"""Everything that is found by a keyed hash."""


def counts_by_master_key(connection: Connection, column: SealedColumn) -> dict[str, int]:
    """Return how many rows are under each master key, by its id."""
    found = _column(column)
    key_id = _master_id(found)
    query = select(key_id, func.count()).where(_is_there(found)).group_by(key_id)
    return {bytes(row[0]).hex(): row[1] for row in connection.execute(query)}


def counts_by_index_key(connection: Connection, keyed: KeyedTable) -> dict[str, int]:
    """Return how many rows were made with each index key, by its id."""
    key_id = catalogue.tables[keyed.table].c.key_id
    return {row[0]: row[1] for row in connection.execute(select(key_id, func.count()).group_by(key_id))}


def under_older_master_keys(
    connection: Connection, column: SealedColumn, keyring: Keyring, after: Cursor, rows_max: int
) -> list[dict[str, Any]]:
    """Return rows under any but the newest master key, locked, in the order of their primary key."""
    table, found = catalogue.tables[column.table], _column(column)
    query = select(*table.primary_key, found).where(_is_there(found), _master_id(found) != keyring.master_key.id)
    if after is not None:
        query = query.where(_is_behind(list(table.primary_key), after))
    query = query.order_by(*table.primary_key).limit(rows_max)
    return [dict(row._mapping) for row in locked_rows(connection, query, for_change)]  # noqa: SLF001 - its public name


def key_of(column: SealedColumn, row: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return a row's primary key."""
    return tuple(row[key.name] for key in catalogue.tables[column.table].primary_key)


def put(connection: Connection, column: SealedColumn, rows: Sequence[Mapping[str, Any]]) -> None:
    """Set a sealed column of rows that are given with their primary key."""
    rewrite(connection, catalogue.tables[column.table], rows)


def of_learner(connection: Connection, column: SealedColumn, learner_id: UUID) -> list[dict[str, Any]]:
    """Return a learner's sealed texts of one column with their primary keys."""
    table, found = catalogue.tables[column.table], _column(column)
    query = select(*table.primary_key, found).where(table.c[column.owner] == learner_id, _is_there(found))
    return [dict(row) for row in connection.execute(query).mappings()]


def locked_whole(connection: Connection, learner_id: UUID) -> bytes | None:
    """Return a learner's wrapped key; until the transaction ends nobody seals anything for them."""
    query = select(learner.c.wrapped_key).where(learner.c.id == learner_id, learner.c.erased_at.is_(None))
    return connection.execute(for_update(connection, query)).scalar_one_or_none()


def learner_ids(connection: Connection, after: UUID | None, rows_max: int) -> list[UUID]:
    """Return the ids of learners who were not erased, in their order."""
    query = select(learner.c.id).where(learner.c.erased_at.is_(None)).order_by(learner.c.id).limit(rows_max)
    if after is not None:
        query = query.where(learner.c.id > after)
    return list(connection.execute(query).scalars())


def incomplete(connection: Connection, keyed: KeyedTable, key_id: str, after: UUID | None, rows_max: int) -> list[UUID]:
    """Return owners that have fewer hashes under this index key than under another one, in their order."""
    table = catalogue.tables[keyed.table]
    owner = table.c[keyed.owner]
    under_it = func.sum(case((table.c.key_id == key_id, 1), else_=0))
    query = select(owner).group_by(owner).having(under_it * func.count(table.c.key_id.distinct()) < func.count())
    if after is not None:
        query = query.where(owner > after)
    return list(connection.execute(query.order_by(owner).limit(rows_max)).scalars())


def forget_other_keys(connection: Connection, keyed: KeyedTable, key_ids: Collection[str]) -> int:
    """Delete some of what was made with other index keys than these, and return how many rows that were."""
    table = catalogue.tables[keyed.table]
    keys = list(table.primary_key)
    if is_distributed(connection):
        return connection.execute(delete(table).where(table.c.key_id.not_in(key_ids))).rowcount
    some = select(*keys).where(table.c.key_id.not_in(key_ids)).limit(DELETED_MAX)
    return connection.execute(delete(table).where(tuple_(*keys).in_(some))).rowcount


def applications(
    connection: Connection, keyring: Keyring, ids: Sequence[UUID]
) -> Iterator[tuple[UUID, str, Application | None]]:
    """Yield learners, locked, with account number and all that the index is made of; None where it doesn't open."""
    query = select(learner.c.id, learner.c.account_no, learner.c.wrapped_key, learner.c.sealed_name)
    query = query.where(member_of(connection, learner.c.id, ids)).order_by(learner.c.id)
    people = locked_rows(connection, query, for_change, owners=ids)
    claims: dict[UUID, list[Any]] = {found: [] for found in ids}
    for row in connection.execute(select(identifier).where(member_of(connection, identifier.c.learner_id, ids))):
        claims[row.learner_id].append(row)
    for person in people:
        try:
            yield person.id, person.account_no, _application(keyring, person, claims[person.id])
        except SealBroken:
            yield person.id, person.account_no, None


def _application(keyring: Keyring, person: Any, claims: Sequence[Any]) -> Application:  # noqa: ANN401 - rows
    cipher = keyring.person_cipher(person.wrapped_key)
    name = cipher.opened(person.sealed_name, f"learner.name:{person.id}")
    return Application(
        name,
        None,
        tuple(
            Claim(row.type, row.issuer, cipher.opened(row.sealed_value, f"identifier.value:{row.id}")) for row in claims
        ),
    )


def _column(column: SealedColumn) -> Column[Any]:
    table: Table = catalogue.tables[column.table]
    return table.c[column.name]


def _is_there(column: Column[Any]) -> ColumnElement[bool]:
    """Return the condition that something is sealed in a column: what was erased is empty."""
    return column.is_not(None) & (func.length(column) > 0)


def _master_id(column: Column[Any]) -> ColumnElement[bytes]:
    """Return where a sealed text names its master key, behind the byte of the suite."""
    return func.substr(column, 2, ID_BYTES, type_=column.type)


def _is_behind(keys: Sequence[Column[Any]], after: tuple[Any, ...]) -> ColumnElement[bool]:
    """Return the condition that a row comes after one with this primary key."""
    return tuple_(*keys) > tuple_(*after)
