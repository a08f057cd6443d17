"""The passbook: what is read of the ledger for statements, now and as of any day."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from operator import itemgetter
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Select, Uuid, bindparam, column, func, select, table, tuple_

from creditbank.core.ledger import Entry
from creditbank.core.lots import Balance, DatedTransfer, Remainder, expired, expiring
from creditbank.storage.access_log import DiaryLine, rows_noted
from creditbank.storage.columns import Instant
from creditbank.storage.database import member_of
from creditbank.storage.ledger import account, entry, entry_of, lot, transfer_of
from creditbank.storage.prepared import Form, Prepared, among

_affiliation = table("affiliation", column("learner_id", Uuid), column("institution_id", Uuid))

_learner = table(
    "learner",
    column("id", Uuid),
    column("root_id", Uuid),
    column("restricted_at", Instant),
    column("erased_at", Instant),
)

_LOTS_THAT_END = account.outerjoin(
    lot,
    (lot.c.learner_id == account.c.learner_id)
    & (lot.c.scheme == account.c.scheme)
    & lot.c.valid_until.is_not(None)
    & (lot.c.used_hundredths < lot.c.amount_hundredths),
)

_BALANCE = select(
    account.c.learner_id,
    account.c.scheme,
    account.c.recognised_hundredths,
    account.c.held_hundredths,
    account.c.converted_hundredths,
    lot.c.valid_until,
    (lot.c.amount_hundredths - lot.c.used_hundredths).label("left"),
)

Place = tuple[datetime, str, int, UUID]
"""Where an entry stands in the passbook: its instant, scheme, number and account."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the passbook, with what was available in its scheme after it on all accounts of the person."""

    entry: Entry
    outcome_id: UUID
    balance_after_hundredths: int


def balances_today(connection: Connection, members: Sequence[UUID], on: date) -> list[Balance]:
    """Return the stored balances of accounts, one an account and scheme, with expiry computed for the day."""
    return _balances(_balances_of.rows(connection, members=list(members)), on)


def balances_known_to(connection: Connection, line: DiaryLine, on: date) -> list[Balance] | None:
    """Return the stored balances of a learner whom the reader's institution knows, and note it in their diary.

    All of it is one statement. None where it doesn't know them, and where more has to be asked: accounts that were
    merged, restricted or erased; nothing is noted then.
    """
    rows = rows_noted(connection, _balances_known_to, line)
    return _balances((row for row in rows if row.scheme is not None), on) if rows else None


def transfers(
    connection: Connection, members: Sequence[UUID], as_of: date, known_at: datetime | None
) -> list[DatedTransfer]:
    """Return what had taken effect by the end of a day, as far as it was recorded by an instant."""
    joined = entry.join(lot, (lot.c.learner_id == entry.c.learner_id) & (lot.c.id == entry.c.lot_id))
    query = select(entry, lot.c.valid_until).select_from(joined)
    query = query.where(member_of(connection, entry.c.learner_id, members), entry.c.effective_on <= as_of)
    if known_at is not None:
        query = query.where(entry.c.recorded_at <= known_at)
    return [DatedTransfer(row.scheme, transfer_of(row), row.valid_until) for row in connection.execute(query)]


def lines(connection: Connection, members: Sequence[UUID], after: Place | None, rows_max: int) -> list[Line]:
    """Return passbook lines, newest first, from the one behind `after`."""
    joined = entry.join(lot, (lot.c.learner_id == entry.c.learner_id) & (lot.c.id == entry.c.lot_id))
    place = (entry.c.recorded_at, entry.c.scheme, entry.c.seq, entry.c.learner_id)
    query = select(entry, lot.c.outcome_id).select_from(joined)
    query = query.where(member_of(connection, entry.c.learner_id, members))
    if after is not None:
        query = query.where(tuple_(*place) < tuple_(*after))
    query = query.order_by(*(part.desc() for part in place)).limit(rows_max)
    rows = connection.execute(query).all()
    if len(members) == 1:
        return [Line(entry_of(row), row.outcome_id, row.balance_after_hundredths) for row in rows]
    totals = _totals(connection, members)
    return [Line(entry_of(row), row.outcome_id, totals[row.id]) for row in rows]


def _totals(connection: Connection, members: Sequence[UUID]) -> dict[UUID, int]:
    """Return by entry what was available in its scheme after it on several accounts together."""
    place = (entry.c.recorded_at, entry.c.seq, entry.c.learner_id)
    total = func.sum(entry.c.amount_hundredths).over(partition_by=entry.c.scheme, order_by=place)
    query = select(entry.c.id, total.label("total")).where(member_of(connection, entry.c.learner_id, members))
    return {row.id: int(row.total) for row in connection.execute(query)}


@Prepared
def _balances_known_to(_form: Form) -> Select[Any]:
    """Return the query for the stored balances of a learner whom an institution knows."""
    known = _affiliation.join(_learner, _learner.c.id == _affiliation.c.learner_id)
    joined = known.outerjoin(_LOTS_THAT_END, account.c.learner_id == _affiliation.c.learner_id)
    return _BALANCE.select_from(joined).where(
        _affiliation.c.learner_id == bindparam("learner_id", type_=Uuid),
        _affiliation.c.institution_id == bindparam("institution_id", type_=Uuid),
        _learner.c.root_id.is_(None),
        _learner.c.restricted_at.is_(None),
        _learner.c.erased_at.is_(None),
    )


@Prepared
def _balances_of(form: Form) -> Select[Any]:
    """Return the query for the stored balances of some accounts."""
    return _BALANCE.select_from(_LOTS_THAT_END).where(among(form, account.c.learner_id, "members"))


def _balances(rows: Iterable[Any], on: date) -> list[Balance]:
    """Return a balance an account and scheme."""
    by_account: dict[tuple[UUID, str], list[Any]] = {}
    for row in rows:
        by_account.setdefault((row.learner_id, row.scheme), []).append(row)
    return [_balance(by_account[key], on) for key in sorted(by_account, key=itemgetter(1))]


def _balance(rows: Sequence[Any], on: date) -> Balance:
    """Return one scheme's balance from its account joined with the lots that end some day."""
    remainders = [Remainder(row.valid_until, row.left) for row in rows if row.valid_until is not None]
    return Balance(
        scheme=rows[0].scheme,
        recognised_hundredths=rows[0].recognised_hundredths,
        held_hundredths=rows[0].held_hundredths,
        converted_hundredths=rows[0].converted_hundredths,
        expired_hundredths=expired(remainders, on),
        expiring=expiring(remainders, on),
    )
