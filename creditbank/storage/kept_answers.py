"""Answers kept under their idempotency keys, written in the same transaction as the effect."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, Connection, LargeBinary, String, Table, delete, select, update

from creditbank.storage.columns import Instant, catalogue

kept_answer = Table(
    "kept_answer",
    catalogue,
    Column("client_id", String(64), primary_key=True),
    Column("key", String(128), primary_key=True),
    Column("request_digest", LargeBinary, nullable=False),
    Column("sealed_answer", LargeBinary),
    Column("created_at", Instant, nullable=False, index=True),
    Column("subject_index", LargeBinary),
)


SUBJECT = "kept_answer.subject"
"""The domain of the keyed hash of the id that an answer is about."""


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """What was asked under a key (a keyed digest) and the sealed answer."""

    request_digest: bytes
    sealed_answer: bytes


def by_key(connection: Connection, client_id: str, key: str) -> KeptAnswer | None:
    """Return what is kept under the client's key."""
    query = select(kept_answer).where(kept_answer.c.client_id == client_id, kept_answer.c.key == key)
    row = connection.execute(query).one_or_none()
    return None if row is None else KeptAnswer(row.request_digest, row.sealed_answer)


def claim(connection: Connection, client_id: str, key: str, request_digest: bytes, at: datetime) -> None:
    """Take the key before anything else is done; whoever comes second waits here, then meets Raced."""
    connection.execute(
        kept_answer.insert().values(client_id=client_id, key=key, request_digest=request_digest, created_at=at)
    )


def keep(connection: Connection, owner: tuple[str, str], sealed_answer: bytes, subject_index: bytes) -> None:
    """Fill in the answer under a client's key that this transaction claimed.

    `subject_index` is the keyed hash of the id that it is about.
    """
    client_id, key = owner
    owned = (kept_answer.c.client_id == client_id) & (kept_answer.c.key == key)
    connection.execute(
        update(kept_answer).where(owned).values(sealed_answer=sealed_answer, subject_index=subject_index)
    )


def forget(connection: Connection, created_before: datetime) -> None:
    """Drop answers that nobody will ask for again."""
    connection.execute(delete(kept_answer).where(kept_answer.c.created_at < created_before))
