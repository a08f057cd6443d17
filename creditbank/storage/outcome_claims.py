"""Claims on learning: the keyed hashes by which the same learning is known again, and which outcome holds each."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Connection, LargeBinary, Select, String, Table, Uuid, column, delete, select, table

from creditbank.core.outcome import Status
from creditbank.storage.columns import catalogue
from creditbank.storage.database import Raced, for_share, member_of
from creditbank.storage.prepared import Form, Prepared, among
from creditbank.storage.writing import append, replace_rows, row_of

outcome_claim = Table(
    "outcome_claim",
    catalogue,
    Column("claim", LargeBinary, primary_key=True),
    Column("learner_id", Uuid, nullable=False),
    Column("outcome_id", Uuid, nullable=False, index=True),
    Column("key_id", String(16), nullable=False, server_default="unnamed"),
)


_outcome = table(
    "outcome",
    column("learner_id", Uuid),
    column("id", Uuid),
    column("status", String),
    column("duplicate_of", Uuid),
)


@dataclass(frozen=True, slots=True)
class DuplicateClaim:
    """A keyed hash by which the same learning is known again, the outcome that holds it, and the key that made it."""

    claim: bytes
    learner_id: UUID
    outcome_id: UUID
    key_id: str


def holders(connection: Connection, claims: Iterable[bytes]) -> dict[bytes, UUID]:
    """Return which outcome stands for each of the claims that are held; until the transaction ends none is let go.

    It is the holder itself or, where that is a duplicate, the outcome that counts instead. Whoever is a duplicate of an
    outcome that is being revoked would else be missed when that one's duplicates are settled anew. Revoked or settled
    anew meanwhile: Raced.
    """
    wanted = sorted(set(claims))
    if not wanted:
        return {}
    held = _holders.rows(connection, claims=wanted)
    roots = sorted({row.duplicate_of for row in held if row.duplicate_of is not None})
    if roots:
        _keep_standing(connection, roots)
    return {row.claim: row.duplicate_of or row.outcome_id for row in held}


def _keep_standing(connection: Connection, roots: Sequence[UUID]) -> None:
    """Keep outcomes that count instead of others from being revoked until the transaction ends."""
    standing = _outcome.c.status.in_((Status.RECOGNISED.value, Status.RECORDED.value))
    query = select(_outcome.c.id).where(member_of(connection, _outcome.c.id, roots), standing).order_by(_outcome.c.id)
    if len(connection.execute(for_share(connection, query)).all()) < len(roots):
        raise Raced("an outcome that others are duplicates of was revoked or settled anew meanwhile")


def claim(connection: Connection, claims: Sequence[DuplicateClaim]) -> None:
    """Let outcomes hold claims. A claim taken meanwhile: Raced."""
    append(connection, outcome_claim, [row_of(value) for value in sorted(claims, key=lambda value: value.claim)])


def claims_of(connection: Connection, outcome_ids: Sequence[UUID]) -> dict[UUID, set[bytes]]:
    """Return the claims that outcomes hold."""
    held: dict[UUID, set[bytes]] = {outcome_id: set() for outcome_id in outcome_ids}
    query = select(outcome_claim).where(member_of(connection, outcome_claim.c.outcome_id, outcome_ids))
    for row in connection.execute(query):
        held[row.outcome_id].add(row.claim)
    return held


def put_claims(connection: Connection, claims: Sequence[DuplicateClaim]) -> None:
    """Let outcomes hold claims, whoever holds them now: a duplicate may have come first under a newer key."""
    replace_rows(connection, outcome_claim, [row_of(value) for value in claims])


def release_claims(connection: Connection, outcome_ids: Iterable[UUID]) -> None:
    """Let go of every claim that the outcomes hold."""
    ids = sorted(set(outcome_ids))
    if ids:
        connection.execute(delete(outcome_claim).where(member_of(connection, outcome_claim.c.outcome_id, ids)))


@Prepared
def _holders(form: Form) -> Select[Any]:
    """Return the query for who holds claims, which keeps them held."""
    joined = outcome_claim.join(
        _outcome, (_outcome.c.learner_id == outcome_claim.c.learner_id) & (_outcome.c.id == outcome_claim.c.outcome_id)
    )
    query = select(outcome_claim.c.claim, outcome_claim.c.outcome_id, _outcome.c.duplicate_of).select_from(joined)
    query = query.where(among(form, outcome_claim.c.claim, "claims")).order_by(outcome_claim.c.claim)
    keeping: Select[Any] = for_share(form.connection, query, of=outcome_claim)
    return keeping
