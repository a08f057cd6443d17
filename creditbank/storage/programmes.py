"""Programmes and their courses: the tables and their queries."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    ForeignKey,
    Integer,
    Row,
    Select,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    column,
    delete,
    select,
    table,
    tuple_,
)

from creditbank.core.programme import Course, Programme
from creditbank.storage.columns import Instant, catalogue
from creditbank.storage.database import for_update, member_of
from creditbank.storage.writing import append, rewrite

programme = Table(
    "programme",
    catalogue,
    Column("id", Uuid, primary_key=True),
    Column("institution_id", Uuid, ForeignKey("institution.id"), nullable=False),
    Column("code", String(64), nullable=False),
    Column("title", String(200), nullable=False),
    Column("scheme", String(64), ForeignKey("scheme.code"), nullable=False),
    Column("total_hundredths", BigInteger, nullable=False),
    Column("category_credits", Text, nullable=False),
    Column("attributes", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    UniqueConstraint("institution_id", "code"),
    CheckConstraint("total_hundredths > 0", name="total"),
    CheckConstraint("revision >= 1", name="revision"),
)

course = Table(
    "course",
    catalogue,
    Column("programme_id", Uuid, ForeignKey("programme.id"), primary_key=True),
    Column("code", String(64), primary_key=True),
    Column("place", Integer, nullable=False),
    Column("title", String(200), nullable=False),
    Column("credit_hundredths", BigInteger, nullable=False),
    Column("category", String(64)),
    CheckConstraint("credit_hundredths > 0", name="credit"),
)

_institution = table("institution", column("id", Uuid), column("code", String))


@dataclass(frozen=True, slots=True)
class StoredProgramme:
    """A programme as it is kept, with whose it is and its revision."""

    id: UUID
    institution_id: UUID
    revision: int
    created_at: datetime
    changed_at: datetime
    programme: Programme


def add(connection: Connection, value: StoredProgramme) -> None:
    """Write a new programme. Its code taken meanwhile: Raced."""
    append(connection, programme, [_row(value)])
    append(connection, course, _course_rows(value))


def replace_with(connection: Connection, value: StoredProgramme) -> None:
    """Put a new revision in the place of the one that stands."""
    rewrite(connection, programme, [_row(value)])
    connection.execute(delete(course).where(course.c.programme_id == value.id))
    append(connection, course, _course_rows(value))


def by_code(connection: Connection, institution: str, code: str) -> StoredProgramme | None:
    """Return the programme of an institution, both by their codes."""
    query = _query().where(_institution.c.code == institution, programme.c.code == code)
    found = _with_courses(connection, connection.execute(query).all())
    return found[0] if found else None


def locked(connection: Connection, institution_id: UUID, code: str) -> StoredProgramme | None:
    """Return the programme of an institution, locked until the transaction ends."""
    own = (programme.c.institution_id == institution_id, programme.c.code == code)
    connection.execute(for_update(connection, select(programme.c.id).where(*own))).all()
    found = _with_courses(connection, connection.execute(_query().where(*own)).all())
    return found[0] if found else None


def every(connection: Connection) -> list[StoredProgramme]:
    """Return all programmes with their courses, in the order of institutions' codes and their own."""
    ordered = _query().order_by(_institution.c.code, programme.c.code)
    return _with_courses(connection, connection.execute(ordered).all())


def page(
    connection: Connection, institution: str | None, after: tuple[str, str], rows_max: int
) -> list[StoredProgramme]:
    """Return programmes in the order of institutions' codes and their own, from the one behind `after`."""
    place = (_institution.c.code, programme.c.code)
    query = _query().where(tuple_(*place) > tuple_(*after)).order_by(*place).limit(rows_max)
    if institution is not None:
        query = query.where(_institution.c.code == institution)
    return _with_courses(connection, connection.execute(query).all())


def _query() -> Select[Any]:
    """Return the query for programmes with their institutions' codes."""
    joined = programme.join(_institution, _institution.c.id == programme.c.institution_id)
    return select(programme, _institution.c.code.label("institution")).select_from(joined)


def _with_courses(connection: Connection, rows: Sequence[Row[Any]]) -> list[StoredProgramme]:
    """Return the programmes that rows hold, with the courses of all of them read together."""
    if not rows:
        return []
    among = member_of(connection, course.c.programme_id, [row.id for row in rows])
    courses: dict[UUID, list[Course]] = {row.id: [] for row in rows}
    for found in connection.execute(select(course).where(among).order_by(course.c.programme_id, course.c.place)):
        courses[found.programme_id].append(Course(found.code, found.title, found.credit_hundredths, found.category))
    return [_stored(row, courses[row.id]) for row in rows]


def _stored(row: Row[Any], courses: Iterable[Course]) -> StoredProgramme:
    categories: Mapping[str, int] = json.loads(row.category_credits)
    value = Programme(
        institution=row.institution,
        code=row.code,
        title=row.title,
        scheme=row.scheme,
        total_hundredths=row.total_hundredths,
        courses=tuple(courses),
        category_hundredths=categories or None,
        attributes=json.loads(row.attributes) or None,
    )
    return StoredProgramme(row.id, row.institution_id, row.revision, row.created_at, row.changed_at, value)


def _row(value: StoredProgramme) -> dict[str, Any]:
    """Return a programme as it is stored."""
    held = value.programme
    return {
        "id": value.id,
        "institution_id": value.institution_id,
        "code": held.code,
        "title": held.title,
        "scheme": held.scheme,
        "total_hundredths": held.total_hundredths,
        "category_credits": json.dumps(held.category_hundredths or {}, ensure_ascii=False, sort_keys=True),
        "attributes": json.dumps(held.attributes or {}, ensure_ascii=False, sort_keys=True),
        "revision": value.revision,
        "created_at": value.created_at,
        "changed_at": value.changed_at,
    }


def _course_rows(value: StoredProgramme) -> list[dict[str, Any]]:
    return [
        {
            "programme_id": value.id,
            "code": one.code,
            "place": place,
            "title": one.title,
            "credit_hundredths": one.credit_hundredths,
            "category": one.category,
        }
        for place, one in enumerate(value.programme.courses)
    ]
