"""Answers kept under hashes of their idempotency keys, written in the same transaction as the effect."""

from datetime import datetime

from sqlalchemy import Column, Connection, LargeBinary, String, Table, delete, select, update

from creditbank.storage.columns import Instant, catalogue
from creditbank.storage.distribution import is_distributed

kept_answer = Table(
    "kept_answer",
    catalogue,
    Column("client_id", String(64), primary_key=True),
    Column("key", String(128), primary_key=True),
    Column("sealed_answer", LargeBinary),
    Column("created_at", Instant, nullable=False, index=True),
    Column("subject", String(200)),
)


def by_key(connection: Connection, client_id: str, key: str) -> bytes | None:
    """Return the sealed answer under the client's key, with a digest of what was asked inside."""
    query = select(kept_answer.c.sealed_answer).where(kept_answer.c.client_id == client_id, kept_answer.c.key == key)
    return connection.execute(query).scalar_one_or_none()


def claim(connection: Connection, client_id: str, key: str, at: datetime) -> None:
    """Take the key before anything else is done; whoever comes second waits here, then meets Raced."""
    connection.execute(kept_answer.insert().values(client_id=client_id, key=key, created_at=at))


def keep(connection: Connection, owner: tuple[str, str], sealed_answer: bytes, subject: str) -> None:
    """Fill in the answer under a client's key that this transaction claimed; `subject` is what it is about, by id."""
    client_id, key = owner
    owned = (kept_answer.c.client_id == client_id) & (kept_answer.c.key == key)
    connection.execute(update(kept_answer).where(owned).values(sealed_answer=sealed_answer, subject=subject))


def forget(connection: Connection, client_id: str, created_before: datetime) -> None:
    """Drop answers that nobody will ask for again: all or, where clients stand apart, those of the client."""
    query = delete(kept_answer).where(kept_answer.c.created_at < created_before)
    if is_distributed(connection):
        query = query.where(kept_answer.c.client_id == client_id)
    connection.execute(query)


def forget_all(connection: Connection, created_before: datetime) -> None:
    """Drop answers that nobody will ask for again, also those of clients that never came back."""
    connection.execute(delete(kept_answer).where(kept_answer.c.created_at < created_before))
