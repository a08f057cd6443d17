"""API clients: registered, given secrets that can be rotated without a pause, and recognised when they come."""

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from creditbank.core.errors import Fault, Malformed, unknown
from creditbank.core.institution import Client
from creditbank.core.permission import SCOPES, STAFF, Actor, check_separate, require
from creditbank.services.bank import Work
from creditbank.storage import clients, institutions

SECRET_BYTES = 32
"""256 random bits: no dictionary holds them, and the hash only has to guard a stolen table."""

_CLIENT_ID = re.compile(r"[!-~]{1,64}")
"""What may be asked of the database as an id: no NUL, which PostgreSQL refuses to look at."""

_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
"""Argon2id with OWASP's least memory (19 MiB, 2 passes): some 20 ms, so that the token endpoint can't be flooded."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """A client with a secret that is shown this one time."""

    client: Client
    secret: str


def create_client(
    work: Work, name: str, institution_code: str, scopes: Iterable[str], public_keys: str | None = None
) -> Credentials:
    """Register a client of an institution with its first secret. Refused: as by `register_client`."""
    made = register_client(work, name, institution_code, scopes, public_keys)
    return Credentials(made, _new_secret(work, made.id, "a"))


def register_client(
    work: Work, name: str, institution_code: str, scopes: Iterable[str], public_keys: str | None = None
) -> Client:
    """Register a client of an institution that has no secret yet.

    Refused: Unknown institution, Malformed scopes, RolesClash where it would hold two scopes of administration.
    """
    require(work.actor, "admin")
    institution = institutions.by_code(work.connection, institution_code)
    if institution is None:
        raise unknown("机构", "institution", "/institution")
    wanted = frozenset(scopes)
    unknown_scopes = sorted(wanted - SCOPES.keys())
    if unknown_scopes:
        names = ", ".join(unknown_scopes)
        zh, en = f"没有权限 {names}。", f"There is no scope {names}; there are {', '.join(SCOPES)}."
        raise Malformed((Fault("/scopes", "unknown_scope", zh, en),))
    check_separate(wanted)
    client = Client(
        id=f"{institution_code}-{secrets.token_hex(4)}",
        name=name,
        institution_id=institution.id,
        scopes=wanted,
        public_keys=public_keys,
        is_active=True,
        created_at=work.now,
    )
    clients.add(work.connection, client)
    return client


def rotate_secret(work: Work, client_id: str) -> Credentials:
    """Give a client a second secret; the older of two ends. Refused: Unknown."""
    require(work.actor, "admin")
    client = clients.by_id(work.connection, client_id)
    if client is None or client_id.startswith(STAFF):
        raise unknown("客户端", "client")
    live = clients.secrets(work.connection, client_id)
    used = {secret.slot for secret in live}
    slot = next((slot for slot in ("a", "b") if slot not in used), live[0].slot if live else "a")
    return Credentials(client, _new_secret(work, client_id, slot))


def client(work: Work, client_id: str) -> Client | None:
    """Return an active client, for the token endpoint."""
    if not _CLIENT_ID.fullmatch(client_id):
        return None
    found = clients.by_id(work.connection, client_id)
    return found if found is not None and found.is_active else None


def deactivate(work: Work, client_id: str) -> Client:
    """Let a client get no more tokens; those that it has end within minutes. Refused: Unknown."""
    require(work.actor, "admin")
    found = clients.by_id(work.connection, client_id)
    if found is None:
        raise unknown("客户端", "client")
    clients.set_active(work.connection, client_id, is_active=False)
    return found


def is_secret_of(work: Work, client_id: str, secret: str) -> bool:
    """Tell whether the secret is one of the client's live ones; an unknown client takes as long as a wrong secret."""
    live = clients.secrets(work.connection, client_id) if _CLIENT_ID.fullmatch(client_id) else []
    hashes = [stored.secret_hash for stored in live] or [_decoy_hash()]
    matching = [_matches(stored, secret) for stored in hashes]
    return any(matching) and bool(live)


def use_assertion(work: Work, client_id: str, jti: str, expires_at: datetime) -> bool:
    """Use up the id of a signed assertion; False if it was used before."""
    if clients.is_assertion_used(work.connection, client_id, jti):
        return False
    clients.forget_assertions(work.connection, work.now)
    clients.claim_assertion(work.connection, client_id, jti, expires_at)
    return True


def administrator(client_id: str = "operator") -> Actor:
    """Return the actor for work at the bank's own console, which whoever holds the machine may do."""
    return Actor(client_id, frozenset(SCOPES))


def _new_secret(work: Work, client_id: str, slot: str) -> str:
    """Fill a slot of the client with a new secret and return it."""
    secret = secrets.token_urlsafe(SECRET_BYTES)
    clients.put_secret(work.connection, client_id, clients.HashedSecret(slot, _HASHER.hash(secret), work.now))
    return secret


def _matches(stored_hash: str, secret: str) -> bool:
    """Tell whether the hash is that of the secret."""
    try:
        return _HASHER.verify(stored_hash, secret)
    except (VerifyMismatchError, InvalidHashError):
        return False


@lru_cache(maxsize=1)
def _decoy_hash() -> str:
    """Return a hash that no secret has, to be compared where there is nothing to compare."""
    return _HASHER.hash(secrets.token_urlsafe(SECRET_BYTES))
