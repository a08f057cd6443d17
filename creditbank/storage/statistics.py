"""Counting what was written once by an instant: the same question gives the same answer, whatever came since.

Counted are first affiliations, outcomes by the instant at which they were recorded, and the ledger's entries; never
balances or statuses, which change. All of a table is read: this is asked some times a month.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, FromClause, Select, case, func, literal, select

from creditbank.core.ledger import EntryKind
from creditbank.storage.database import json_member, member_of
from creditbank.storage.learners import affiliation
from creditbank.storage.ledger import entry, lot
from creditbank.storage.outcomes import outcome, outcome_revision

ISSUANCE, CONVERSION = "issuance:", "conversion:"
"""Begin the counter accounts of who recognised, and of who accepted."""

_RECOGNISED = (EntryKind.RECOGNISE.value, EntryKind.REVERSE.value)
_CONVERTED = (EntryKind.CONVERT.value, EntryKind.RESTORE.value)


@dataclass(frozen=True, slots=True)
class CreditRow:
    """Credits moved under a counter account in one scheme, for whatever they were grouped by."""

    counter_account: str
    scheme: str
    group: Any
    recognised_hundredths: int
    converted_hundredths: int


def accounts(connection: Connection, until: datetime) -> dict[UUID, int]:
    """Return how many learners came to the bank through each institution: it was the first to know them."""
    first = _first_known(until).subquery("first")
    query = select(first.c.institution_id, func.count().label("many")).where(first.c.place == 1)
    return {row.institution_id: row.many for row in connection.execute(query.group_by(first.c.institution_id))}


def account_holders(
    connection: Connection, until: datetime, institution_ids: Sequence[UUID], rows_max: int
) -> list[UUID]:
    """Return the learners who came through any of some institutions."""
    first = _first_known(until).subquery("first")
    among = member_of(connection, first.c.institution_id, institution_ids)
    query = select(first.c.learner_id).where(first.c.place == 1, among).limit(rows_max)
    return list(connection.execute(query).scalars())


def outcomes(connection: Connection, until: datetime, *, by_kind: bool) -> list[tuple[UUID, str, int]]:
    """Return how many outcomes each institution recorded, with their kind as it stood then, or "" for all."""
    source, kind = _with_kind_then(connection, outcome, until) if by_kind else (outcome, literal(""))
    wanted = select(outcome.c.institution_id, kind.label("kind")).select_from(source)
    told = wanted.where(outcome.c.recorded_at < until).subquery("told")
    query = select(told.c.institution_id, told.c.kind, func.count().label("many"))
    rows = connection.execute(query.group_by(told.c.institution_id, told.c.kind))
    return [(row.institution_id, row.kind, row.many) for row in rows]


def outcomes_by_learner(
    connection: Connection, until: datetime, institution_ids: Sequence[UUID], rows_max: int
) -> dict[UUID, int]:
    """Return how many outcomes some institutions recorded for each learner."""
    among = member_of(connection, outcome.c.institution_id, institution_ids)
    query = select(outcome.c.learner_id, func.count().label("many")).where(outcome.c.recorded_at < until, among)
    grouped = query.group_by(outcome.c.learner_id).limit(rows_max)
    return {row.learner_id: row.many for row in connection.execute(grouped)}


def credit_rows(connection: Connection, until: datetime, *, by_kind: bool) -> list[CreditRow]:
    """Return credits by counter account and scheme, and by the kind of their outcome as it stood then."""
    if not by_kind:
        return _summed(connection, _moves(until, literal("")))
    joined = entry.join(lot, (lot.c.learner_id == entry.c.learner_id) & (lot.c.id == entry.c.lot_id)).join(
        outcome, (outcome.c.learner_id == lot.c.learner_id) & (outcome.c.id == lot.c.outcome_id)
    )
    source, kind = _with_kind_then(connection, joined, until)
    return _summed(connection, _moves(until, kind).select_from(source))


def credit_rows_by_learner(
    connection: Connection, until: datetime, codes: Iterable[str], rows_max: int
) -> list[CreditRow]:
    """Return credits that some institutions recognised or accepted, by counter account, scheme and learner."""
    named = [prefix + code for code in codes for prefix in (ISSUANCE, CONVERSION)]
    moves = _moves(until, entry.c.learner_id).where(member_of(connection, entry.c.counter_account, named))
    return _summed(connection, moves, rows_max)


def _first_known(until: datetime) -> Select[Any]:
    """Return every affiliation by an instant, the learner's first in place 1."""
    order = (affiliation.c.since, affiliation.c.institution_id)
    place = func.row_number().over(partition_by=affiliation.c.learner_id, order_by=order).label("place")
    columns = (affiliation.c.learner_id, affiliation.c.institution_id, place)
    return select(*columns).where(affiliation.c.since < until)


def _with_kind_then(
    connection: Connection, source: FromClause, until: datetime
) -> tuple[FromClause, ColumnElement[str]]:
    """Return a source of outcomes with each one's kind as it stood at an instant.

    Looked up are those that were corrected at all: the last revision by then, found by joins, as a distributed
    database takes no subquery that is asked for each row.
    """
    corrected = outcome.alias("corrected")
    of_it = (outcome_revision.c.learner_id == corrected.c.learner_id) & (
        outcome_revision.c.outcome_id == corrected.c.id
    )
    key = (outcome_revision.c.learner_id, outcome_revision.c.outcome_id)
    by_then = select(*key, func.max(outcome_revision.c.revision).label("revision"))
    by_then = by_then.select_from(outcome_revision.join(corrected, of_it))
    by_then = by_then.where(corrected.c.revision > 1, outcome_revision.c.recorded_at < until)
    last = by_then.group_by(*key).subquery("last")
    then = outcome_revision.alias("then")
    its_last = (last.c.learner_id == outcome.c.learner_id) & (last.c.outcome_id == outcome.c.id)
    of_last = (then.c.learner_id == outcome.c.learner_id) & (then.c.outcome_id == outcome.c.id)
    told = source.outerjoin(last, its_last).outerjoin(then, of_last & (then.c.revision == last.c.revision))
    return told, func.coalesce(json_member(connection, then.c.content, "kind"), outcome.c.kind)


def _moves(until: datetime, group: ColumnElement[Any]) -> Select[Any]:
    """Return the entries that recognise or convert by an instant, each with what it is grouped by."""
    moved = entry.c.amount_hundredths
    columns = (
        entry.c.counter_account,
        entry.c.scheme,
        group.label("grouped"),
        case((entry.c.kind.in_(_RECOGNISED), moved), else_=0).label("recognised"),
        case((entry.c.kind.in_(_CONVERTED), -moved), else_=0).label("converted"),
    )
    return select(*columns).where(entry.c.recorded_at < until, entry.c.kind.in_(_RECOGNISED + _CONVERTED))


def _summed(connection: Connection, moves: Select[Any], rows_max: int | None = None) -> list[CreditRow]:
    """Return the sums of moves; grouped outside of the query that reads them, as PostgreSQL compares no parameters."""
    read = moves.subquery("read")
    keys = (read.c.counter_account, read.c.scheme, read.c.grouped)
    sums = (func.sum(read.c.recognised).label("recognised"), func.sum(read.c.converted).label("converted"))
    query = select(*keys, *sums).group_by(*keys).limit(rows_max)
    return [
        CreditRow(row.counter_account, row.scheme, row.grouped, int(row.recognised), int(row.converted))
        for row in connection.execute(query)
    ]
