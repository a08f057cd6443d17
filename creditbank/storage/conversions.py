"""Conversions: applications with their parts, who has to do with them, and the claims that keep one use to one."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Connection,
    Date,
    ForeignKeyConstraint,
    Index,
    Integer,
    Row,
    String,
    Table,
    Text,
    Uuid,
    delete,
    select,
    tuple_,
)

from creditbank.core.review import Progress, State
from creditbank.storage.columns import Instant, catalogue
from creditbank.storage.database import member_of
from creditbank.storage.distribution import is_distributed
from creditbank.storage.people import is_open_to_others, open_to_others
from creditbank.storage.sieving import sieved
from creditbank.storage.writing import append, rewrite, row_of

_STATES = ", ".join(f"'{state.value}'" for state in State)

conversion = Table(
    "conversion",
    catalogue,
    Column("learner_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True, index=True),
    Column("institution_id", Uuid, nullable=False),
    Column("programme", String(64), nullable=False),
    Column("ruleset", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    Column("scheme", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("step", Integer, nullable=False),
    Column("due_on", Date),
    Column("is_appeal", Boolean, nullable=False),
    Column("submitted_by", String(64), nullable=False),
    Column("submitter_id", Uuid),
    Column("decision_id", Uuid, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("opened_at", Instant, nullable=False),
    ForeignKeyConstraint(["learner_id"], ["learner.id"]),
    CheckConstraint(f"state IN ({_STATES})", name="state"),
    CheckConstraint("step >= 0", name="step"),
    CheckConstraint("revision >= 1", name="revision"),
)

conversion_part = Table(
    "conversion_part",
    catalogue,
    Column("learner_id", Uuid, primary_key=True),
    Column("conversion_id", Uuid, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("account_id", Uuid, nullable=False),
    Column("outcome_id", Uuid, nullable=False, index=True),
    Column("lot_id", Uuid),
    Column("course_code", String(64)),
    Column("course_title", String(200)),
    Column("course_category", String(64)),
    Column("course_hundredths", BigInteger),
    Column("rule", String(200), nullable=False),
    Column("granted_hundredths", BigInteger, nullable=False),
    Column("spent_hundredths", BigInteger, nullable=False),
    Column("lapsed_hundredths", BigInteger, nullable=False),
    Column("partners", Text, nullable=False),
    Column("state", String(16), nullable=False),
    ForeignKeyConstraint(["learner_id", "conversion_id"], ["conversion.learner_id", "conversion.id"]),
    CheckConstraint("granted_hundredths > 0", name="granted"),
    CheckConstraint("lapsed_hundredths BETWEEN 0 AND spent_hundredths", name="lapsed"),
    CheckConstraint("(spent_hundredths = 0) OR (lot_id IS NOT NULL)", name="spends_a_lot"),
    CheckConstraint("state IN ('held', 'converted', 'released', 'declined', 'undone')", name="state"),
)

conversion_claim = Table(
    "conversion_claim",
    catalogue,
    Column("learner_id", Uuid, primary_key=True),
    Column("claim", String(200), primary_key=True),
    Column("conversion_id", Uuid, nullable=False),
    ForeignKeyConstraint(["learner_id", "conversion_id"], ["conversion.learner_id", "conversion.id"]),
)

conversion_reader = Table(
    "conversion_reader",
    catalogue,
    Column("learner_id", Uuid, primary_key=True),
    Column("conversion_id", Uuid, primary_key=True),
    Column("institution_id", Uuid, primary_key=True),
    Column("opened_at", Instant, nullable=False),
    ForeignKeyConstraint(["learner_id", "conversion_id"], ["conversion.learner_id", "conversion.id"]),
    Index("ix_conversion_reader_institution_id", "institution_id", "opened_at", "conversion_id"),
)

OUTCOME = "outcome:"
"""Begins the claim on an outcome: it is part of one conversion."""

COURSE = "course:"
"""Begins the claim on a course of a programme: it is replaced once."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """An application as it stands; `submitter_id` is the submitting institution, None where the learner applied."""

    learner_id: UUID
    id: UUID
    institution_id: UUID
    programme: str
    ruleset: str
    version: int
    scheme: str
    progress: Progress
    submitted_by: str
    submitter_id: UUID | None
    decision_id: UUID
    revision: int
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class Part:
    """One outcome toward one course, or the programme; what it spends is of its lot. `partners` are outcomes' ids.

    `account_id` is the account on which the outcome and its lot stand: the conversion's own or, where accounts were
    merged, another one of the same person.
    """

    learner_id: UUID
    conversion_id: UUID
    number: int
    account_id: UUID
    outcome_id: UUID
    lot_id: UUID | None
    course_code: str | None
    course_title: str | None
    course_category: str | None
    course_hundredths: int | None
    rule: str
    granted_hundredths: int
    spent_hundredths: int
    lapsed_hundredths: int
    partners: str
    state: str

    @property
    def uses(self) -> tuple[str, ...]:
        """The ids of all outcomes that it uses."""
        return (str(self.outcome_id), *self.partners.split())


@dataclass(frozen=True, slots=True)
class Listing:
    """Which applications: a person's, those that any of some institutions has a part in, in a state; None for any."""

    members: tuple[UUID, ...] | None = None
    reader_ids: tuple[UUID, ...] | None = None
    state: State | None = None


def add(connection: Connection, value: Conversion, parts: Sequence[Part], claims: Iterable[str]) -> None:
    """Write an application with its parts and claims. A claim taken meanwhile: Raced."""
    append(connection, conversion, [_row(value)])
    append(connection, conversion_part, [row_of(part) for part in parts])
    claim(connection, value, claims)


def claim(connection: Connection, value: Conversion, claims: Iterable[str]) -> None:
    """Let an application hold claims."""
    row = {"learner_id": value.learner_id, "conversion_id": value.id}
    append(connection, conversion_claim, [row | {"claim": name} for name in sorted(set(claims))])


def release_claims(connection: Connection, value: Conversion, claims: Iterable[str] | None = None) -> None:
    """Let go of an application's claims, or of some of them."""
    query = delete(conversion_claim).filter_by(learner_id=value.learner_id, conversion_id=value.id)
    if claims is not None:
        query = query.where(conversion_claim.c.claim.in_(sorted(set(claims))))
    connection.execute(query)


def claims_of(connection: Connection, members: Iterable[UUID]) -> dict[str, UUID]:
    """Return which conversion holds each claim of a person."""
    theirs = member_of(connection, conversion_claim.c.learner_id, sorted(set(members)))
    rows = connection.execute(select(conversion_claim).where(theirs))
    return {row.claim: row.conversion_id for row in rows}


def change(connection: Connection, value: Conversion) -> None:
    """Set where an application stands."""
    rewrite(connection, conversion, [_row(value)])


def change_parts(connection: Connection, parts: Sequence[Part]) -> None:
    """Set where parts stand."""
    rewrite(connection, conversion_part, [row_of(part) for part in parts])


def by_id(connection: Connection, conversion_id: UUID) -> Conversion | None:
    """Return one application."""
    row = connection.execute(select(conversion).where(conversion.c.id == conversion_id)).one_or_none()
    return None if row is None else conversion_of(row)


def of_people(connection: Connection, members: Iterable[UUID]) -> list[Conversion]:
    """Return the applications on some accounts, oldest first."""
    theirs = member_of(connection, conversion.c.learner_id, sorted(set(members)))
    query = select(conversion).where(theirs).order_by(conversion.c.opened_at, conversion.c.id)
    return [conversion_of(row) for row in connection.execute(query)]


def let_read(connection: Connection, value: Conversion, institution_ids: Iterable[UUID]) -> None:
    """Let institutions see an application: those that have a part in it."""
    row = {"learner_id": value.learner_id, "conversion_id": value.id, "opened_at": value.opened_at}
    append(connection, conversion_reader, [row | {"institution_id": one} for one in sorted(set(institution_ids))])


def readers_of(connection: Connection, value: Conversion) -> set[UUID]:
    """Return the institutions that have a part in an application."""
    wanted = {"learner_id": value.learner_id, "conversion_id": value.id}
    return set(connection.execute(select(conversion_reader.c.institution_id).filter_by(**wanted)).scalars())


def may_read(connection: Connection, value: Conversion, institution_id: UUID) -> bool:
    """Tell whether an institution has a part in an application."""
    wanted = {"learner_id": value.learner_id, "conversion_id": value.id, "institution_id": institution_id}
    return connection.execute(select(conversion_reader).filter_by(**wanted)).first() is not None


def page(
    connection: Connection, listing: Listing, after: tuple[datetime, UUID] | None, rows_max: int
) -> list[Conversion]:
    """Return applications, newest first."""
    if listing.reader_ids is None or not is_distributed(connection):
        hides = listing.reader_ids is not None
        return _page(connection, listing, after, rows_max, hides=hides)

    def passing(some: Sequence[Conversion]) -> list[Conversion]:
        shown = open_to_others(connection, {one.learner_id for one in some})
        return [one for one in some if one.learner_id in shown]

    pages = partial(_page, connection, listing)
    return sieved(pages, passing, lambda one: (one.opened_at, one.id), after, rows_max)


def _page(
    connection: Connection,
    listing: Listing,
    after: tuple[datetime, UUID] | None,
    rows_max: int,
    *,
    hides: bool = False,
) -> list[Conversion]:
    """Return applications, without those of people who are kept from others if it `hides` them."""
    query = select(conversion)
    place = (conversion.c.opened_at, conversion.c.id)
    if hides:
        query = query.where(is_open_to_others(conversion.c.learner_id))
    if listing.reader_ids is not None and len(listing.reader_ids) > 1:
        among = conversion_reader.c.institution_id.in_(listing.reader_ids)
        key = (conversion_reader.c.learner_id, conversion_reader.c.conversion_id)
        query = query.where(tuple_(conversion.c.learner_id, conversion.c.id).in_(select(*key).where(among)))
    elif listing.reader_ids is not None:
        query = query.join(conversion_reader).where(conversion_reader.c.institution_id == listing.reader_ids[0])
        place = (conversion_reader.c.opened_at, conversion_reader.c.conversion_id)
    if listing.members is not None:
        query = query.where(member_of(connection, conversion.c.learner_id, listing.members))
    if listing.state is not None:
        query = query.where(conversion.c.state == listing.state.value)
    if after is not None:
        query = query.where(tuple_(*place) < tuple_(*after))
    query = query.order_by(*(column.desc() for column in place)).limit(rows_max)
    return [conversion_of(row) for row in connection.execute(query)]


def overdue(connection: Connection, today: date, after: tuple[date, UUID] | None, rows_max: int) -> list[Conversion]:
    """Return open applications whose last day has passed, oldest day first, from the one behind `after`."""
    place = (conversion.c.due_on, conversion.c.id)
    query = select(conversion).where(conversion.c.state.in_(("in_review", "returned")), conversion.c.due_on < today)
    if after is not None:
        query = query.where(tuple_(*place) > tuple_(*after))
    return [conversion_of(row) for row in connection.execute(query.order_by(*place).limit(rows_max))]


def parts_of(connection: Connection, members: Iterable[UUID], conversion_ids: Iterable[UUID]) -> list[Part]:
    """Return the parts of applications on some accounts, in their order."""
    wanted = sorted(set(conversion_ids))
    if not wanted:
        return []
    theirs = member_of(connection, conversion_part.c.learner_id, sorted(set(members)))
    query = select(conversion_part).where(theirs)
    query = query.where(member_of(connection, conversion_part.c.conversion_id, wanted))
    query = query.order_by(conversion_part.c.conversion_id, conversion_part.c.number)
    return [Part(**row._mapping) for row in connection.execute(query)]  # noqa: SLF001 - SQLAlchemy's public name for it


def _row(value: Conversion) -> dict[str, Any]:
    """Return an application as it is stored."""
    row = row_of(value)
    progress: Progress = row.pop("progress")
    return {
        **row,
        "state": progress.state.value,
        "step": progress.step,
        "due_on": progress.due_on,
        "is_appeal": progress.is_appeal,
    }


def conversion_of(row: Row[Any]) -> Conversion:
    """Return the application that a row holds."""
    return Conversion(
        learner_id=row.learner_id,
        id=row.id,
        institution_id=row.institution_id,
        programme=row.programme,
        ruleset=row.ruleset,
        version=row.version,
        scheme=row.scheme,
        progress=Progress(State(row.state), row.step, row.due_on, row.is_appeal),
        submitted_by=row.submitted_by,
        submitter_id=row.submitter_id,
        decision_id=row.decision_id,
        revision=row.revision,
        opened_at=row.opened_at,
    )
