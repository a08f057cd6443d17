"""What verification reads of conversions: everything of some learners at once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import Connection, String, Uuid, column, func, select, table

from creditbank.storage.conversions import (
    Conversion,
    Part,
    conversion,
    conversion_claim,
    conversion_of,
    conversion_part,
)
from creditbank.storage.database import member_of

_lot = table("lot", column("learner_id", Uuid), column("id", Uuid), column("scheme", String))


@dataclass(frozen=True, slots=True)
class ConversionBook:
    """A learner's applications with their parts, and which application holds each claim."""

    learner_id: UUID
    conversions: list[Conversion] = field(default_factory=list)
    parts: dict[UUID, list[Part]] = field(default_factory=dict)
    claims: dict[str, UUID] = field(default_factory=dict)


def learners_with_any(connection: Connection, after: UUID | None, rows_max: int) -> list[UUID]:
    """Return learners who ever applied, in the order of their ids, from the one behind `after`."""
    query = select(conversion.c.learner_id).distinct().order_by(conversion.c.learner_id).limit(rows_max)
    if after is not None:
        query = query.where(conversion.c.learner_id > after)
    return list(connection.execute(query).scalars())


def books_of(connection: Connection, learner_ids: Sequence[UUID]) -> list[ConversionBook]:
    """Return everything that is on record of these learners' conversions."""
    books = {learner_id: ConversionBook(learner_id) for learner_id in learner_ids}
    found = select(conversion).where(member_of(connection, conversion.c.learner_id, learner_ids))
    for row in connection.execute(found.order_by(conversion.c.opened_at, conversion.c.id)):
        books[row.learner_id].conversions.append(conversion_of(row))
    parts = select(conversion_part).where(member_of(connection, conversion_part.c.learner_id, learner_ids))
    for row in connection.execute(parts.order_by(conversion_part.c.conversion_id, conversion_part.c.number)):
        part = Part(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
        books[row.learner_id].parts.setdefault(row.conversion_id, []).append(part)
    claims = select(conversion_claim).where(member_of(connection, conversion_claim.c.learner_id, learner_ids))
    for row in connection.execute(claims):
        books[row.learner_id].claims[row.claim] = row.conversion_id
    return list(books.values())


def spending(connection: Connection, learner_ids: Sequence[UUID]) -> dict[tuple[UUID, str], dict[str, int]]:
    """Return what parts spend of learners' accounts in hundredths, by account and scheme, then by the part's state."""
    by = (conversion_part.c.account_id, conversion_part.c.lot_id, conversion_part.c.state)
    query = select(*by, func.sum(conversion_part.c.spent_hundredths).label("hundredths"))
    query = query.where(member_of(connection, by[0], learner_ids), by[1].is_not(None)).group_by(*by)
    rows = connection.execute(query).all()
    named = select(_lot.c.id, _lot.c.scheme).where(member_of(connection, _lot.c.learner_id, learner_ids))
    ids = sorted({row.lot_id for row in rows})
    lots = connection.execute(named.where(member_of(connection, _lot.c.id, ids))) if rows else ()
    schemes: dict[UUID, str] = {row.id: row.scheme for row in lots}
    found: dict[tuple[UUID, str], dict[str, int]] = {}
    for row in rows:
        if row.lot_id in schemes:
            states = found.setdefault((row.account_id, schemes[row.lot_id]), {})
            states[row.state] = states.get(row.state, 0) + int(row.hundredths)
    return found
