"""Consents: the published texts, what learners consented to, and what they withdrew; no row ever changes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Connection,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Row,
    Select,
    String,
    Table,
    Text,
    Uuid,
    select,
    tuple_,
)

from creditbank.core.consent import Act, Consent, ConsentText, Standing
from creditbank.storage.columns import Instant, catalogue
from creditbank.storage.database import member_of
from creditbank.storage.writing import append, row_of

consent_text = Table(
    "consent_text",
    catalogue,
    Column("code", String(64), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("title_zh", String(200), nullable=False),
    Column("title_en", String(200), nullable=False),
    Column("text_zh", Text, nullable=False),
    Column("text_en", Text, nullable=False),
    Column("purpose", String(200), nullable=False),
    Column("scopes", String(100), nullable=False),
    Column("is_sensitive", Boolean, nullable=False),
    Column("published_by", String(64), nullable=False),
    Column("published_at", Instant, nullable=False),
    CheckConstraint("version > 0", name="version"),
    CheckConstraint("is_sensitive = (scopes = 'identity:read')", name="sensitive_apart"),
)

consent = Table(
    "consent",
    catalogue,
    Column("learner_id", Uuid, ForeignKey("learner.id"), primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("institution_id", Uuid, nullable=False),
    Column("text_code", String(64), nullable=False),
    Column("text_version", Integer, nullable=False),
    Column("purpose", String(200), nullable=False),
    Column("scopes", String(100), nullable=False),
    Column("is_sensitive", Boolean, nullable=False),
    Column("given_at", Instant, nullable=False),
    Column("valid_until", Date, nullable=False),
    Column("given_by", String(64), nullable=False),
    Column("given_as", String(16), nullable=False),
    Index("ix_consent_institution_id_given_at_id", "institution_id", "given_at", "id"),
    CheckConstraint("given_as IN ('self', 'proxy', 'guardian')", name="given_as"),
    CheckConstraint("is_sensitive = (scopes = 'identity:read')", name="sensitive_apart"),
)

consent_withdrawal = Table(
    "consent_withdrawal",
    catalogue,
    Column("learner_id", Uuid, primary_key=True),
    Column("consent_id", Uuid, primary_key=True),
    Column("withdrawn_at", Instant, nullable=False),
    Column("withdrawn_by", String(64), nullable=False),
    Column("withdrawn_as", String(16), nullable=False),
    ForeignKeyConstraint(["learner_id", "consent_id"], ["consent.learner_id", "consent.id"]),
    CheckConstraint("withdrawn_as IN ('self', 'proxy', 'guardian')", name="withdrawn_as"),
)

Place = tuple[datetime, UUID]
"""Where a consent stands in a list: when it was given, and its id."""


def texts(connection: Connection) -> list[ConsentText]:
    """Return every version of every text, by code, the newest first; there are some dozens."""
    query = select(consent_text).order_by(consent_text.c.code, consent_text.c.version.desc())
    return [_text(row) for row in connection.execute(query)]


def text_of(connection: Connection, code: str, version: int) -> ConsentText | None:
    """Return one version of a text."""
    query = select(consent_text).where(consent_text.c.code == code, consent_text.c.version == version)
    row = connection.execute(query).one_or_none()
    return None if row is None else _text(row)


def newest(connection: Connection, code: str) -> ConsentText | None:
    """Return the newest version of a text."""
    query = select(consent_text).where(consent_text.c.code == code).order_by(consent_text.c.version.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    return None if row is None else _text(row)


def publish(connection: Connection, value: ConsentText) -> None:
    """Write a version of a text. Published by somebody else meanwhile: Raced."""
    append(connection, consent_text, [{**row_of(value), "scopes": _joined(value.scopes)}])


def add(connection: Connection, value: Consent) -> None:
    """Write a consent."""
    row = {
        "learner_id": value.learner_id,
        "id": value.id,
        "institution_id": value.institution_id,
        "text_code": value.text_code,
        "text_version": value.text_version,
        "purpose": value.purpose,
        "scopes": _joined(value.scopes),
        "is_sensitive": value.is_sensitive,
        "given_at": value.given.at,
        "valid_until": value.valid_until,
        "given_by": value.given.by,
        "given_as": value.given.standing.value,
    }
    append(connection, consent, [row])


def withdraw(connection: Connection, value: Consent, act: Act) -> None:
    """Write that a consent is withdrawn. Withdrawn meanwhile: Raced."""
    row = {
        "learner_id": value.learner_id,
        "consent_id": value.id,
        "withdrawn_at": act.at,
        "withdrawn_by": act.by,
        "withdrawn_as": act.standing.value,
    }
    append(connection, consent_withdrawal, [row])


def by_id(connection: Connection, members: Sequence[UUID], consent_id: UUID) -> Consent | None:
    """Return a consent given for one of a person's accounts."""
    found = _query().where(member_of(connection, consent.c.learner_id, members), consent.c.id == consent_id)
    row = connection.execute(found).one_or_none()
    return None if row is None else _consent(row)


def standing(connection: Connection, members: Sequence[UUID], institution_id: UUID | None = None) -> list[Consent]:
    """Return a person's consents that were not withdrawn, of one institution if it is named, the oldest first."""
    query = _query().where(member_of(connection, consent.c.learner_id, members))
    query = query.where(consent_withdrawal.c.consent_id.is_(None))
    if institution_id is not None:
        query = query.where(consent.c.institution_id == institution_id)
    return [_consent(row) for row in connection.execute(query.order_by(consent.c.given_at, consent.c.id))]


def page(connection: Connection, members: Sequence[UUID], after: Place | None, rows_max: int) -> list[Consent]:
    """Return all consents of a person, also those withdrawn or over, newest first."""
    return _page(connection, _query().where(member_of(connection, consent.c.learner_id, members)), after, rows_max)


def page_to(connection: Connection, institution_id: UUID, after: Place | None, rows_max: int) -> list[Consent]:
    """Return all consents given to an institution, newest first."""
    return _page(connection, _query().where(consent.c.institution_id == institution_id), after, rows_max)


def _page(connection: Connection, query: Select[Any], after: Place | None, rows_max: int) -> list[Consent]:
    place = (consent.c.given_at, consent.c.id)
    if after is not None:
        query = query.where(tuple_(*place) < tuple_(*after))
    query = query.order_by(*(part.desc() for part in place)).limit(rows_max)
    return [_consent(row) for row in connection.execute(query)]


def _query() -> Select[Any]:
    """Return the query for consents with what was withdrawn."""
    is_withdrawn = (consent_withdrawal.c.learner_id == consent.c.learner_id) & (
        consent_withdrawal.c.consent_id == consent.c.id
    )
    joined = consent.outerjoin(consent_withdrawal, is_withdrawn)
    ended = (
        consent_withdrawal.c.withdrawn_at,
        consent_withdrawal.c.withdrawn_by,
        consent_withdrawal.c.withdrawn_as,
    )
    return select(consent, *ended).select_from(joined)


def _consent(row: Row[Any]) -> Consent:
    withdrawn = None
    if row.withdrawn_at is not None:
        withdrawn = Act(row.withdrawn_at, row.withdrawn_by, Standing(row.withdrawn_as))
    return Consent(
        learner_id=row.learner_id,
        id=row.id,
        institution_id=row.institution_id,
        text_code=row.text_code,
        text_version=row.text_version,
        purpose=row.purpose,
        scopes=frozenset(row.scopes.split()),
        is_sensitive=row.is_sensitive,
        valid_until=row.valid_until,
        given=Act(row.given_at, row.given_by, Standing(row.given_as)),
        withdrawn=withdrawn,
    )


def _text(row: Row[Any]) -> ConsentText:
    return ConsentText(**{**row._mapping, "scopes": frozenset(row.scopes.split())})  # noqa: SLF001 - SQLAlchemy's own


def _joined(scopes: frozenset[str]) -> str:
    """Return scopes as they are stored: sorted, parted by blanks."""
    return " ".join(sorted(scopes))
