"""Rule sets: drafts that change, and published versions that the database itself keeps as they are."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    Connection,
    ForeignKey,
    Integer,
    Row,
    String,
    Table,
    Text,
    delete,
    func,
    select,
    table,
    tuple_,
    update,
)

from creditbank.storage.columns import Instant, catalogue

ruleset = Table(
    "ruleset",
    catalogue,
    Column("code", String(64), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("status", String(16), nullable=False),
    Column("scheme", String(64), ForeignKey("scheme.code"), nullable=False),
    Column("document", Text, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("drafted_by", String(64), ForeignKey("client.id"), nullable=False),
    Column("drafted_at", Instant, nullable=False),
    Column("published_by", String(64), ForeignKey("client.id")),
    Column("published_at", Instant),
    Column("publication_no", Integer, unique=True),
    CheckConstraint("status IN ('draft', 'published')", name="status"),
    CheckConstraint("drafted_by <> published_by", name="published_by_somebody_else"),
    CheckConstraint(
        "(status = 'draft') = (published_by IS NULL) AND (status = 'draft') = (publication_no IS NULL)",
        name="published_whole",
    ),
)


_EDITION = select(
    func.coalesce(func.max(ruleset.c.publication_no), 0),
    select(func.count()).select_from(table("scheme")).scalar_subquery(),
)


@dataclass(frozen=True, slots=True)
class StoredRuleset:
    """A version of a rule set as it is kept; `document` is its JSON text and `digest` the SHA-256 of it in hex."""

    code: str
    version: int
    status: str
    scheme: str
    document: str
    digest: str
    drafted_by: str
    drafted_at: datetime
    published_by: str | None = None
    published_at: datetime | None = None


def by_version(connection: Connection, code: str, version: int) -> StoredRuleset | None:
    """Return one version, draft or published."""
    query = select(ruleset).where(ruleset.c.code == code, ruleset.c.version == version)
    row = connection.execute(query).one_or_none()
    return None if row is None else _stored(row)


def versions(connection: Connection, code: str, *, drafts: bool) -> list[StoredRuleset]:
    """Return the versions of one code, newest first, drafts among them if asked."""
    query = select(ruleset).where(ruleset.c.code == code).order_by(ruleset.c.version.desc())
    if not drafts:
        query = query.where(ruleset.c.status == "published")
    return [_stored(row) for row in connection.execute(query)]


def page(connection: Connection, after: tuple[str, int], rows_max: int, *, drafts: bool) -> list[StoredRuleset]:
    """Return versions in the order of code and version, from the one behind `after`."""
    key = tuple_(ruleset.c.code, ruleset.c.version)
    query = select(ruleset).where(key > tuple_(*after)).order_by(ruleset.c.code, ruleset.c.version).limit(rows_max)
    if not drafts:
        query = query.where(ruleset.c.status == "published")
    return [_stored(row) for row in connection.execute(query)]


def edition(connection: Connection) -> tuple[int, int]:
    """Return how many versions were ever published and how many schemes there are; with them the rules change."""
    publications, schemes = connection.execute(_EDITION).one()
    return publications, schemes


def published(connection: Connection) -> list[StoredRuleset]:
    """Return every published version."""
    query = select(ruleset).where(ruleset.c.status == "published").order_by(ruleset.c.code, ruleset.c.version)
    return [_stored(row) for row in connection.execute(query)]


def put_draft(connection: Connection, draft: StoredRuleset) -> None:
    """Keep a draft in place of an earlier draft of the same version."""
    owned = (ruleset.c.code == draft.code) & (ruleset.c.version == draft.version) & (ruleset.c.status == "draft")
    connection.execute(delete(ruleset).where(owned))
    connection.execute(
        ruleset.insert().values(
            code=draft.code,
            version=draft.version,
            status="draft",
            scheme=draft.scheme,
            document=draft.document,
            digest=draft.digest,
            drafted_by=draft.drafted_by,
            drafted_at=draft.drafted_at,
        )
    )


def publish(connection: Connection, draft: StoredRuleset, published_by: str, published_at: datetime) -> bool:
    """Publish a draft that is still the one that was judged; False if it was changed meanwhile."""
    number = select(func.coalesce(func.max(ruleset.c.publication_no), 0) + 1).scalar_subquery()
    changed = connection.execute(
        update(ruleset)
        .where(
            ruleset.c.code == draft.code,
            ruleset.c.version == draft.version,
            ruleset.c.status == "draft",
            ruleset.c.digest == draft.digest,
            ruleset.c.drafted_by == draft.drafted_by,
        )
        .values(status="published", published_by=published_by, published_at=published_at, publication_no=number)
    )
    return changed.rowcount == 1


def _stored(row: Row[Any]) -> StoredRuleset:
    """Return the value that a row holds."""
    return StoredRuleset(
        code=row.code,
        version=row.version,
        status=row.status,
        scheme=row.scheme,
        document=row.document,
        digest=row.digest,
        drafted_by=row.drafted_by,
        drafted_at=row.drafted_at,
        published_by=row.published_by,
        published_at=row.published_at,
    )
