"""Credentials that were issued, sealed under the key of their person, and links that show parts of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Column,
    Connection,
    Date,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    Row,
    String,
    Table,
    Uuid,
    select,
    tuple_,
    update,
)

from creditbank.core.credential import FINAL, KEPT, PAPER_UNTIL, CredentialKind, Detail, Standing, StatusPlace
from creditbank.storage.columns import Instant, catalogue
from creditbank.storage.database import for_change, member_of
from creditbank.storage.locking import locked_rows
from creditbank.storage.writing import append

_KINDS = ", ".join(f"'{kind.value}'" for kind in CredentialKind)
_STANDINGS = ", ".join(f"'{standing.value}'" for standing in KEPT)

credential = Table(
    "credential",
    catalogue,
    Column("learner_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True, index=True),
    Column("kind", String(16), nullable=False),
    Column("source_id", Uuid),
    Column("source_revision", Integer),
    Column("source_decision_id", Uuid),
    Column("institution_id", Uuid),
    Column("issued_by", String(64), nullable=False),
    Column("issued_at", Instant, nullable=False),
    Column("valid_until", Date),
    Column("status_pair", Integer, nullable=False),
    Column("status_index", Integer, nullable=False),
    Column("standing", String(16), nullable=False),
    Column("standing_since", Instant, nullable=False),
    Column("sealed_document", LargeBinary, nullable=False),
    Column("sealed_reason", LargeBinary),
    ForeignKeyConstraint(["learner_id"], ["learner.id"]),
    CheckConstraint(f"kind IN ({_KINDS})", name="kind"),
    CheckConstraint(f"standing IN ({_STANDINGS})", name="standing"),
    CheckConstraint("(kind = 'balance') = (source_id IS NULL)", name="about_something"),
    CheckConstraint("status_pair > 0 AND status_index BETWEEN 0 AND 131071", name="status_place"),
)

credential_share = Table(
    "credential_share",
    catalogue,
    Column("learner_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("credential_id", Uuid, nullable=False),
    Column("code_hash", LargeBinary, nullable=False, index=True),
    Column("details", String(64), nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("valid_until", Date, nullable=False),
    Column("withdrawn_at", Instant),
    ForeignKeyConstraint(["learner_id", "credential_id"], ["credential.learner_id", "credential.id"]),
    CheckConstraint("length(code_hash) = 32", name="code_hash"),
)

Place = tuple[datetime, UUID]
"""Where a credential stands in a list: when it was issued, and its id."""


@dataclass(frozen=True, slots=True)
class Source:
    """What a credential is about as it stood: outcome, conversion or award, revision and decision; none of balances."""

    id: UUID | None = None
    revision: int | None = None
    decision_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Credential:
    """A credential that was issued. `institution_id` is whose word it is; None where it is the bank's own."""

    learner_id: UUID
    id: UUID
    kind: CredentialKind
    source: Source
    institution_id: UUID | None
    issued_by: str
    issued_at: datetime
    valid_until: date | None
    place: StatusPlace
    standing: Standing
    standing_since: datetime
    sealed_document: bytes = field(repr=False)
    sealed_reason: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Share:
    """A link that shows parts of a credential to whoever has its code, until its last day or till it is withdrawn."""

    learner_id: UUID
    id: UUID
    credential_id: UUID
    code_hash: bytes = field(repr=False)
    details: frozenset[Detail]
    made_at: datetime
    valid_until: date
    withdrawn_at: datetime | None

    @property
    def is_paper(self) -> bool:
        """Tell whether it is the address on a paper, which has no last day."""
        return self.valid_until == PAPER_UNTIL

    def counts_on(self, today: date) -> bool:
        """Tell whether the link shows anything on a day."""
        return self.withdrawn_at is None and today <= self.valid_until


def document_place(credential_id: UUID) -> str:
    """Return where the document of a credential is sealed."""
    return f"credential.document:{credential_id}"


def reason_place(credential_id: UUID) -> str:
    """Return where it is sealed why a credential stands as it does."""
    return f"credential.reason:{credential_id}"


def add(connection: Connection, value: Credential) -> None:
    """Write a credential."""
    row = {
        "learner_id": value.learner_id,
        "id": value.id,
        "kind": value.kind.value,
        "source_id": value.source.id,
        "source_revision": value.source.revision,
        "source_decision_id": value.source.decision_id,
        "institution_id": value.institution_id,
        "issued_by": value.issued_by,
        "issued_at": value.issued_at,
        "valid_until": value.valid_until,
        "status_pair": value.place.pair,
        "status_index": value.place.index,
        "standing": value.standing.value,
        "standing_since": value.standing_since,
        "sealed_document": value.sealed_document,
        "sealed_reason": value.sealed_reason,
    }
    append(connection, credential, [row])


def by_id(connection: Connection, credential_id: UUID) -> Credential | None:
    """Return one credential."""
    row = connection.execute(select(credential).where(credential.c.id == credential_id)).one_or_none()
    return None if row is None else credential_of(row)


def locked(connection: Connection, credential_id: UUID) -> Credential | None:
    """Return one credential and keep others from changing it until the transaction ends."""
    rows = locked_rows(connection, select(credential).where(credential.c.id == credential_id), for_change)
    return credential_of(rows[0]) if rows else None


def page(connection: Connection, members: Sequence[UUID], after: Place | None, rows_max: int) -> list[Credential]:
    """Return a person's credentials, newest first."""
    place = (credential.c.issued_at, credential.c.id)
    query = select(credential).where(member_of(connection, credential.c.learner_id, members))
    if after is not None:
        query = query.where(tuple_(*place) < tuple_(*after))
    query = query.order_by(*(part.desc() for part in place)).limit(rows_max)
    return [credential_of(row) for row in connection.execute(query)]


def alive_since(connection: Connection, members: Sequence[UUID], since: datetime) -> list[Credential]:
    """Return a person's credentials that were issued from an instant on and are not over for ever, oldest first."""
    theirs = member_of(connection, credential.c.learner_id, members)
    alive = credential.c.standing.not_in([one.value for one in FINAL])
    query = select(credential).where(theirs, alive, credential.c.issued_at >= since).order_by(credential.c.id)
    return [credential_of(row) for row in connection.execute(query)]


def stand(connection: Connection, value: Credential) -> None:
    """Write how a credential stands, since when and why."""
    theirs = (credential.c.learner_id == value.learner_id) & (credential.c.id == value.id)
    connection.execute(
        update(credential)
        .where(theirs)
        .values(standing=value.standing.value, standing_since=value.standing_since, sealed_reason=value.sealed_reason)
    )


def add_share(connection: Connection, value: Share) -> None:
    """Write a link."""
    row = {
        "learner_id": value.learner_id,
        "id": value.id,
        "credential_id": value.credential_id,
        "code_hash": value.code_hash,
        "details": " ".join(sorted(value.details)),
        "made_at": value.made_at,
        "valid_until": value.valid_until,
        "withdrawn_at": value.withdrawn_at,
    }
    append(connection, credential_share, [row])


def shares_of(connection: Connection, value: Credential) -> list[Share]:
    """Return all links of a credential, newest first."""
    query = select(credential_share).filter_by(learner_id=value.learner_id, credential_id=value.id)
    query = query.order_by(credential_share.c.made_at.desc(), credential_share.c.id.desc())
    return [_share(row) for row in connection.execute(query)]


def share_by_code(connection: Connection, code_hash: bytes) -> Share | None:
    """Return the link whose code has this hash."""
    row = connection.execute(select(credential_share).where(credential_share.c.code_hash == code_hash)).one_or_none()
    return None if row is None else _share(row)


def withdraw_share(connection: Connection, value: Share, at: datetime) -> None:
    """Let a link show nothing any more."""
    theirs = (credential_share.c.learner_id == value.learner_id) & (credential_share.c.id == value.id)
    connection.execute(update(credential_share).where(theirs).values(withdrawn_at=at))


def credential_of(row: Row[Any]) -> Credential:
    """Return the credential that a row holds."""
    return Credential(
        learner_id=row.learner_id,
        id=row.id,
        kind=CredentialKind(row.kind),
        source=Source(row.source_id, row.source_revision, row.source_decision_id),
        institution_id=row.institution_id,
        issued_by=row.issued_by,
        issued_at=row.issued_at,
        valid_until=row.valid_until,
        place=StatusPlace(row.status_pair, row.status_index),
        standing=Standing(row.standing),
        standing_since=row.standing_since,
        sealed_document=row.sealed_document,
        sealed_reason=row.sealed_reason,
    )


def _share(row: Row[Any]) -> Share:
    return Share(
        learner_id=row.learner_id,
        id=row.id,
        credential_id=row.credential_id,
        code_hash=row.code_hash,
        details=frozenset(Detail(one) for one in row.details.split()),
        made_at=row.made_at,
        valid_until=row.valid_until,
        withdrawn_at=row.withdrawn_at,
    )
