"""Partners: the secret under which each sees ids of its own, and its names for the learners who consented."""

import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, Connection, ForeignKey, Index, LargeBinary, Table, Uuid, select

from creditbank.core.veil import SECRET_BYTES, pseudonym
from creditbank.storage.columns import Instant, catalogue
from creditbank.storage.database import member_of
from creditbank.storage.writing import append_missing

partner_secret = Table(
    "partner_secret",
    catalogue,
    Column("institution_id", Uuid, ForeignKey("institution.id"), primary_key=True),
    Column("secret", LargeBinary, nullable=False),
    Column("made_at", Instant, nullable=False),
)

pairwise = Table(
    "pairwise",
    catalogue,
    Column("learner_id", Uuid, ForeignKey("learner.id"), primary_key=True),
    Column("institution_id", Uuid, primary_key=True),
    Column("subject", Uuid, nullable=False),
    Column("made_at", Instant, nullable=False),
    Index("ix_pairwise_institution_id_subject", "institution_id", "subject"),
)


def secret(connection: Connection, institution_id: UUID) -> bytes | None:
    """Return the secret of an institution to which somebody once consented."""
    query = select(partner_secret.c.secret).where(partner_secret.c.institution_id == institution_id)
    return connection.execute(query).scalar_one_or_none()


def secrets_of(connection: Connection, institution_ids: Iterable[UUID]) -> dict[UUID, bytes]:
    """Return the secrets of those of the institutions to which somebody once consented."""
    ids = member_of(connection, partner_secret.c.institution_id, sorted(institution_ids))
    rows = connection.execute(select(partner_secret.c.institution_id, partner_secret.c.secret).where(ids))
    return {row.institution_id: row.secret for row in rows}


def name_for(connection: Connection, institution_id: UUID, learner_id: UUID, at: datetime) -> None:
    """Let an institution have its own name for a learner; it keeps the one that it has."""
    new_secret = {"institution_id": institution_id, "secret": secrets.token_bytes(SECRET_BYTES), "made_at": at}
    append_missing(connection, partner_secret, [new_secret])
    kept = secret(connection, institution_id)
    assert kept is not None, "it was there or is there now"
    named = {
        "learner_id": learner_id,
        "institution_id": institution_id,
        "subject": pseudonym(kept, str(learner_id)),
        "made_at": at,
    }
    append_missing(connection, pairwise, [named])


def account(connection: Connection, institution_id: UUID, subject: UUID) -> UUID | None:
    """Return the account behind an institution's name for a learner."""
    query = select(pairwise.c.learner_id).where(
        pairwise.c.institution_id == institution_id, pairwise.c.subject == subject
    )
    return connection.execute(query).scalar_one_or_none()


def subjects(connection: Connection, institution_id: UUID, learner_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """Return an institution's names for accounts, the one that it has had for longest first."""
    query = select(pairwise.c.learner_id, pairwise.c.subject).where(
        member_of(connection, pairwise.c.learner_id, learner_ids), pairwise.c.institution_id == institution_id
    )
    rows = connection.execute(query.order_by(pairwise.c.made_at, pairwise.c.subject))
    return {row.learner_id: row.subject for row in rows}
