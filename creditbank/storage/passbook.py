"""The passbook: what is read of the ledger for statements, now and as of any day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Uuid, bindparam, column, select, table, tuple_

from creditbank.core.ledger import Entry
from creditbank.core.lots import Balance, DatedTransfer, Remainder, expired, expiring
from creditbank.storage.ledger import account, entry, entry_of, lot, transfer_of

_affiliation = table("affiliation", column("learner_id", Uuid), column("institution_id", Uuid))

_LOTS_THAT_END = account.outerjoin(
    lot,
    (lot.c.learner_id == account.c.learner_id)
    & (lot.c.scheme == account.c.scheme)
    & lot.c.valid_until.is_not(None)
    & (lot.c.used_hundredths < lot.c.amount_hundredths),
)

_BALANCE = select(
    account.c.scheme,
    account.c.recognised_hundredths,
    account.c.held_hundredths,
    account.c.converted_hundredths,
    lot.c.valid_until,
    (lot.c.amount_hundredths - lot.c.used_hundredths).label("left"),
).order_by(account.c.scheme)

_BALANCES = _BALANCE.select_from(_LOTS_THAT_END).where(account.c.learner_id == bindparam("learner_id"))

_BALANCES_KNOWN_TO = _BALANCE.select_from(
    _affiliation.outerjoin(_LOTS_THAT_END, account.c.learner_id == _affiliation.c.learner_id)
).where(
    _affiliation.c.learner_id == bindparam("learner_id"),
    _affiliation.c.institution_id == bindparam("institution_id"),
)

Place = tuple[datetime, str, int]
"""Where an entry stands in the passbook: its instant, scheme and number."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the passbook."""

    entry: Entry
    outcome_id: UUID


def balances_today(connection: Connection, learner_id: UUID, on: date, known_to: UUID | None) -> list[Balance] | None:
    """Return the stored balances, with expiry computed for the day.

    With `known_to`, None where that institution does not know the learner: both are asked in one statement.
    """
    if known_to is None:
        rows = connection.execute(_BALANCES, {"learner_id": learner_id})
    else:
        rows = connection.execute(_BALANCES_KNOWN_TO, {"learner_id": learner_id, "institution_id": known_to})
    by_scheme: dict[str | None, list[Any]] = {}
    for row in rows:
        by_scheme.setdefault(row.scheme, []).append(row)
    if known_to is not None and not by_scheme:
        return None
    return [_balance(found, on) for scheme, found in by_scheme.items() if scheme is not None]


def transfers(connection: Connection, learner_id: UUID, as_of: date, known_at: datetime | None) -> list[DatedTransfer]:
    """Return what had taken effect by the end of a day, as far as it was recorded by an instant."""
    joined = entry.join(lot, (lot.c.learner_id == entry.c.learner_id) & (lot.c.id == entry.c.lot_id))
    query = select(entry, lot.c.valid_until).select_from(joined).where(entry.c.learner_id == learner_id)
    query = query.where(entry.c.effective_on <= as_of)
    if known_at is not None:
        query = query.where(entry.c.recorded_at <= known_at)
    return [DatedTransfer(row.scheme, transfer_of(row), row.valid_until) for row in connection.execute(query)]


def lines(connection: Connection, learner_id: UUID, after: Place | None, rows_max: int) -> list[Line]:
    """Return passbook lines, newest first, from the one behind `after` (its instant, scheme and number)."""
    joined = entry.join(lot, (lot.c.learner_id == entry.c.learner_id) & (lot.c.id == entry.c.lot_id))
    place = (entry.c.recorded_at, entry.c.scheme, entry.c.seq)
    query = select(entry, lot.c.outcome_id).select_from(joined).where(entry.c.learner_id == learner_id)
    if after is not None:
        query = query.where(tuple_(*place) < tuple_(*after))
    query = query.order_by(*(column.desc() for column in place)).limit(rows_max)
    return [Line(entry_of(row), row.outcome_id) for row in connection.execute(query)]


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
