"""API clients, their hashed secrets, and the assertion ids that they have used."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Connection,
    ForeignKey,
    String,
    Table,
    Text,
    Uuid,
    delete,
    select,
    update,
)

from creditbank.core.institution import Client
from creditbank.storage.columns import Instant, catalogue

client = Table(
    "client",
    catalogue,
    Column("id", String(64), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("institution_id", Uuid, ForeignKey("institution.id"), nullable=False),
    Column("scopes", String(500), nullable=False),
    Column("public_keys", Text),
    Column("is_active", Boolean(name="is_active"), nullable=False),
    Column("created_at", Instant, nullable=False),
)

client_secret = Table(
    "client_secret",
    catalogue,
    Column("client_id", String(64), ForeignKey("client.id"), primary_key=True),
    Column("slot", String(1), primary_key=True),
    Column("secret_hash", String(200), nullable=False),
    Column("created_at", Instant, nullable=False),
    CheckConstraint("slot IN ('a', 'b')", name="two_live_secrets"),
)

client_assertion = Table(
    "client_assertion",
    catalogue,
    Column("client_id", String(64), ForeignKey("client.id"), primary_key=True),
    Column("jti", String(128), primary_key=True),
    Column("expires_at", Instant, nullable=False, index=True),
)


@dataclass(frozen=True, slots=True)
class HashedSecret:
    """A live secret of a client; it has two slots, so that a new one can be put to use before the old one ends."""

    slot: str
    secret_hash: str
    created_at: datetime


def by_id(connection: Connection, client_id: str) -> Client | None:
    """Return one client."""
    row = connection.execute(select(client).where(client.c.id == client_id)).one_or_none()
    if row is None:
        return None
    return Client(
        id=row.id,
        name=row.name,
        institution_id=row.institution_id,
        scopes=frozenset(row.scopes.split()),
        public_keys=row.public_keys,
        is_active=row.is_active,
        created_at=row.created_at,
    )


def are_active(connection: Connection, names: Collection[str]) -> bool:
    """Tell whether there are active clients under each of these names."""
    found = select(client.c.name).where(client.c.name.in_(names), client.c.is_active).distinct()
    return len(connection.execute(found).all()) == len(names)


def secrets(connection: Connection, client_id: str) -> list[HashedSecret]:
    """Return the client's live secrets, oldest first."""
    query = select(client_secret).where(client_secret.c.client_id == client_id).order_by(client_secret.c.created_at)
    return [HashedSecret(row.slot, row.secret_hash, row.created_at) for row in connection.execute(query)]


def add(connection: Connection, value: Client) -> None:
    """Register a client."""
    connection.execute(
        client.insert().values(
            id=value.id,
            name=value.name,
            institution_id=value.institution_id,
            scopes=" ".join(sorted(value.scopes)),
            public_keys=value.public_keys,
            is_active=value.is_active,
            created_at=value.created_at,
        )
    )


def put_secret(connection: Connection, client_id: str, secret: HashedSecret) -> None:
    """Fill one of the client's two slots, ending the secret that was in it."""
    owned = (client_secret.c.client_id == client_id) & (client_secret.c.slot == secret.slot)
    connection.execute(delete(client_secret).where(owned))
    connection.execute(
        client_secret.insert().values(
            client_id=client_id, slot=secret.slot, secret_hash=secret.secret_hash, created_at=secret.created_at
        )
    )


def set_active(connection: Connection, client_id: str, *, is_active: bool) -> None:
    """Let the client get tokens, or no longer."""
    connection.execute(update(client).where(client.c.id == client_id).values(is_active=is_active))


def claim_assertion(connection: Connection, client_id: str, jti: str, expires_at: datetime) -> None:
    """Use up an assertion's id; a second use breaks the primary key (Raced)."""
    connection.execute(client_assertion.insert().values(client_id=client_id, jti=jti, expires_at=expires_at))


def is_assertion_used(connection: Connection, client_id: str, jti: str) -> bool:
    """Tell whether the client has used this assertion id already."""
    query = select(client_assertion.c.jti).where(
        client_assertion.c.client_id == client_id, client_assertion.c.jti == jti
    )
    return connection.execute(query).first() is not None


def forget_assertions(connection: Connection, expired_before: datetime) -> None:
    """Drop ids of assertions that are too old to be accepted anyway."""
    connection.execute(delete(client_assertion).where(client_assertion.c.expires_at < expired_before))
