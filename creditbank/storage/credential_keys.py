"""Public halves of the keys that sign credentials: they stay when a key leaves the ring, for what it signed counts."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, CheckConstraint, Column, Connection, Row, String, Table, Text, select, update

from creditbank.formats.credential_key import VerificationKey, key_of_jwk
from creditbank.formats.did_web import PublishedKey
from creditbank.storage.columns import Instant, catalogue
from creditbank.storage.writing import append_missing

credential_key = Table(
    "credential_key",
    catalogue,
    Column("kid", String(64), primary_key=True),
    Column("jwk", Text, nullable=False),
    Column("since", Instant, nullable=False),
    Column("until", Instant),
    Column("is_withdrawn", Boolean, nullable=False),
    CheckConstraint("NOT is_withdrawn OR until IS NOT NULL", name="withdrawn_at_an_instant"),
)


def published(connection: Connection) -> list[PublishedKey]:
    """Return all keys that are written down, the oldest first."""
    query = select(credential_key).order_by(credential_key.c.since, credential_key.c.kid)
    return [_published(row) for row in connection.execute(query)]


def publish(connection: Connection, keys: Iterable[VerificationKey], since: datetime) -> None:
    """Write down those of the keys that are not, as signing since an instant."""
    rows = [
        {"kid": key.kid, "jwk": json.dumps(dict(key.jwk)), "since": since, "until": None, "is_withdrawn": False}
        for key in keys
    ]
    append_missing(connection, credential_key, rows)


def end(connection: Connection, kids: Iterable[str], until: datetime, *, is_withdrawn: bool) -> None:
    """Write that keys sign no more; of those that are withdrawn nothing counts that they ever signed."""
    here = credential_key.c.kid.in_(list(kids))
    connection.execute(update(credential_key).where(here).values(until=until, is_withdrawn=is_withdrawn))


def _published(row: Row[Any]) -> PublishedKey:
    key = key_of_jwk(json.loads(row.jwk))
    assert key is not None, "only keys that can be read are written"
    return PublishedKey(key, row.since, row.until, row.is_withdrawn)
