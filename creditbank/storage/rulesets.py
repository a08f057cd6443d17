"""Rule sets: drafts that change, published versions that the database keeps as they are, and their withdrawals."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    Connection,
    ForeignKey,
    ForeignKeyConstraint,
    Integer,
    Row,
    Select,
    String,
    Table,
    Text,
    delete,
    exists,
    func,
    select,
    table,
    tuple_,
    update,
)

from creditbank.storage.columns import Instant, catalogue
from creditbank.storage.prepared import Form, Prepared

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

ruleset_withdrawal = Table(
    "ruleset_withdrawal",
    catalogue,
    Column("code", String(64), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("withdrawn_by", String(64), ForeignKey("client.id"), nullable=False),
    Column("withdrawn_at", Instant, nullable=False),
    ForeignKeyConstraint(["code", "version"], ["ruleset.code", "ruleset.version"]),
)

_newer, _newer_withdrawal = ruleset.alias("newer"), ruleset_withdrawal.alias("newer_withdrawal")

_STORED = select(
    ruleset,
    ruleset_withdrawal.c.reason,
    ruleset_withdrawal.c.withdrawn_by,
    ruleset_withdrawal.c.withdrawn_at,
    exists()
    .where(
        _newer.c.code == ruleset.c.code,
        _newer.c.version > ruleset.c.version,
        _newer.c.status == "published",
        ~exists().where(_newer_withdrawal.c.code == _newer.c.code, _newer_withdrawal.c.version == _newer.c.version),
    )
    .label("has_newer"),
).select_from(
    ruleset.outerjoin(
        ruleset_withdrawal,
        (ruleset_withdrawal.c.code == ruleset.c.code) & (ruleset_withdrawal.c.version == ruleset.c.version),
    )
)
"""Versions with their withdrawals, and whether a newer published version stands that is not withdrawn."""

Edition = tuple[int, int, int, int]
"""How many versions were ever published, schemes there are, versions were withdrawn, and ends of institutions noted."""


@dataclass(frozen=True, slots=True)
class StoredRuleset:
    """A version of a rule set as it is kept; `document` is its JSON text and `digest` the SHA-256 of it in hex.

    `status` is draft or published, as stored; `standing` tells also what came of a published version.
    """

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
    withdrawn_by: str | None = None
    withdrawn_at: datetime | None = None
    withdrawn_reason: str | None = None
    has_newer: bool = False

    @property
    def is_withdrawn(self) -> bool:
        """Tell whether new decisions leave the version out."""
        return self.withdrawn_at is not None

    @property
    def standing(self) -> str:
        """Return draft, published, superseded or withdrawn."""
        if self.is_withdrawn:
            return "withdrawn"
        return "superseded" if self.status == "published" and self.has_newer else self.status


def by_version(connection: Connection, code: str, version: int) -> StoredRuleset | None:
    """Return one version, draft or published."""
    query = _STORED.where(ruleset.c.code == code, ruleset.c.version == version)
    row = connection.execute(query).one_or_none()
    return None if row is None else _stored(row)


def versions(connection: Connection, code: str, *, drafts: bool) -> list[StoredRuleset]:
    """Return the versions of one code, newest first, drafts among them if asked."""
    query = _STORED.where(ruleset.c.code == code).order_by(ruleset.c.version.desc())
    if not drafts:
        query = query.where(ruleset.c.status == "published")
    return [_stored(row) for row in connection.execute(query)]


def page(connection: Connection, after: tuple[str, int], rows_max: int, *, drafts: bool) -> list[StoredRuleset]:
    """Return versions in the order of code and version, from the one behind `after`."""
    key = tuple_(ruleset.c.code, ruleset.c.version)
    query = _STORED.where(key > tuple_(*after)).order_by(ruleset.c.code, ruleset.c.version).limit(rows_max)
    if not drafts:
        query = query.where(ruleset.c.status == "published")
    return [_stored(row) for row in connection.execute(query)]


def edition(connection: Connection) -> Edition:
    """Return the edition of the rules: whatever changes what they say, or until when institutions act, changes it."""
    ((publications, schemes, withdrawals, ends),) = _edition.rows(connection)
    return publications, schemes, withdrawals, ends


@Prepared
def _edition(_form: Form) -> Select[Any]:
    """Return the query for how many publications, schemes, withdrawals and ends of institutions there are."""
    return select(
        func.coalesce(func.max(ruleset.c.publication_no), 0).label("publications"),
        select(func.count()).select_from(table("scheme")).scalar_subquery().label("schemes"),
        select(func.count()).select_from(ruleset_withdrawal).scalar_subquery().label("withdrawals"),
        select(func.count()).select_from(table("institution_end")).scalar_subquery().label("ends"),
    )


def published(connection: Connection) -> list[StoredRuleset]:
    """Return every published version, also those that were withdrawn."""
    query = _STORED.where(ruleset.c.status == "published").order_by(ruleset.c.code, ruleset.c.version)
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


def withdraw(connection: Connection, withdrawn: StoredRuleset) -> None:
    """Write that a published version is withdrawn. One that was withdrawn meanwhile: Raced."""
    connection.execute(
        ruleset_withdrawal.insert().values(
            code=withdrawn.code,
            version=withdrawn.version,
            reason=withdrawn.withdrawn_reason,
            withdrawn_by=withdrawn.withdrawn_by,
            withdrawn_at=withdrawn.withdrawn_at,
        )
    )


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
        withdrawn_by=row.withdrawn_by,
        withdrawn_at=row.withdrawn_at,
        withdrawn_reason=row.reason,
        has_newer=bool(row.has_newer),
    )
