"""The one door into the ledger: accounts with their balances, lots, and entries that are only ever appended."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    Date,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    Row,
    Select,
    String,
    Table,
    Uuid,
    select,
    tuple_,
)

from creditbank.core.ledger import Entry, EntryKind, Stamp, Standing, Transfer, posted
from creditbank.storage.columns import Instant, catalogue
from creditbank.storage.database import for_update, member_of
from creditbank.storage.prepared import Form, Prepared, among
from creditbank.storage.unsealed import queue
from creditbank.storage.writing import append, append_missing, rewrite, row_of

account = Table(
    "account",
    catalogue,
    Column("learner_id", Uuid, primary_key=True),
    Column("scheme", String(64), primary_key=True),
    Column("recognised_hundredths", BigInteger, nullable=False),
    Column("held_hundredths", BigInteger, nullable=False),
    Column("converted_hundredths", BigInteger, nullable=False),
    Column("available_hundredths", BigInteger, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("recorded_at", Instant),
    Column("chain_hash", LargeBinary, nullable=False),
    ForeignKeyConstraint(["learner_id"], ["learner.id"]),
    CheckConstraint("recognised_hundredths BETWEEN 0 AND 9999999999", name="recognised"),
    CheckConstraint("held_hundredths >= 0", name="held"),
    CheckConstraint("converted_hundredths >= 0", name="converted"),
    CheckConstraint("available_hundredths >= 0", name="available"),
    CheckConstraint(
        "available_hundredths = recognised_hundredths - held_hundredths - converted_hundredths", name="sums"
    ),
)

lot = Table(
    "lot",
    catalogue,
    Column("learner_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("scheme", String(64), nullable=False),
    Column("outcome_id", Uuid, nullable=False),
    Column("amount_hundredths", BigInteger, nullable=False),
    Column("used_hundredths", BigInteger, nullable=False),
    Column("valid_until", Date),
    ForeignKeyConstraint(["learner_id", "outcome_id"], ["outcome.learner_id", "outcome.id"]),
    CheckConstraint("amount_hundredths > 0", name="amount"),
    CheckConstraint("used_hundredths BETWEEN 0 AND amount_hundredths", name="not_overspent"),
)

entry = Table(
    "entry",
    catalogue,
    Column("learner_id", Uuid, primary_key=True),
    Column("scheme", String(64), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("id", Uuid, nullable=False),
    Column("posting_id", Uuid, nullable=False),
    Column("lot_id", Uuid, nullable=False),
    Column("decision_id", Uuid, nullable=False),
    Column("counter_account", String(100), nullable=False),
    Column("amount_hundredths", BigInteger, nullable=False),
    Column("balance_after_hundredths", BigInteger, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("effective_on", Date, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("hash", LargeBinary, nullable=False),
    ForeignKeyConstraint(["learner_id", "lot_id"], ["lot.learner_id", "lot.id"]),
    CheckConstraint("amount_hundredths <> 0", name="moves_something"),
    CheckConstraint("balance_after_hundredths >= 0", name="balance_after"),
    CheckConstraint("kind IN ('recognise', 'reverse', 'hold', 'release', 'convert', 'restore')", name="kind"),
    CheckConstraint("(kind IN ('recognise', 'release', 'restore')) = (amount_hundredths > 0)", name="sign"),
)


@dataclass(frozen=True, slots=True)
class Lot:
    """The credits of one recognition; `used_hundredths` were reversed, held or converted."""

    learner_id: UUID
    id: UUID
    scheme: str
    outcome_id: UUID
    amount_hundredths: int
    used_hundredths: int
    valid_until: date | None


Standings = dict[tuple[UUID, str], Standing]
"""The standings of accounts by learner and scheme, while their rows are locked."""


@dataclass(frozen=True, slots=True)
class Posting:
    """A transfer asked for on the account of a lot; the lot is new where the transfer recognises.

    Transfers that belong together, such as a reversal and what replaces it, share the posting's id.
    """

    id: UUID
    lot: Lot
    transfer: Transfer


def post(
    connection: Connection, locked: Standings, postings: Sequence[Posting], stamped: Callable[[UUID], Stamp]
) -> list[Entry]:
    """Append entries for all postings, move the balances and the lots.

    `locked` are the standings of their accounts; `stamped` gives the stamp of the next entry of a posting.
    """
    if not postings:
        return []
    standings = dict(locked)
    entries = []
    for posting in postings:
        key = (posting.lot.learner_id, posting.lot.scheme)
        made, standings[key] = posted(standings[key], posting.transfer, stamped(posting.id))
        entries.append(made)
    _write_lots(connection, postings)
    append(connection, entry, [_entry_row(made) for made in entries])
    queue(connection, entries)
    rewrite(connection, account, [_account_row(standing) for standing in standings.values()])
    return entries


def lots_of(connection: Connection, outcome_ids: Iterable[UUID], learner_ids: Iterable[UUID]) -> dict[UUID, Lot]:
    """Return the lot with credits left of each outcome that has one."""
    query = (
        select(lot)
        .where(member_of(connection, lot.c.learner_id, sorted(set(learner_ids))))
        .where(member_of(connection, lot.c.outcome_id, sorted(set(outcome_ids))))
        .where(lot.c.used_hundredths < lot.c.amount_hundredths)
    )
    return {row.outcome_id: _lot(row) for row in connection.execute(query)}


def lock_accounts(connection: Connection, learner_ids: Iterable[UUID]) -> None:
    """Lock the accounts of a person: until the transaction ends nobody spends their lots."""
    _accounts.rows(connection, learner_ids=sorted(set(learner_ids)))


def open_lots(connection: Connection, learner_ids: Iterable[UUID]) -> list[Lot]:
    """Return a person's lots with credits left."""
    theirs = member_of(connection, lot.c.learner_id, sorted(set(learner_ids)))
    query = select(lot).where(theirs, lot.c.used_hundredths < lot.c.amount_hundredths)
    return [_lot(row) for row in connection.execute(query.order_by(lot.c.id))]


def lots_by_id(connection: Connection, learner_ids: Iterable[UUID], lot_ids: Iterable[UUID]) -> dict[UUID, Lot]:
    """Return lots on some accounts by id."""
    theirs = member_of(connection, lot.c.learner_id, sorted(set(learner_ids)))
    wanted = member_of(connection, lot.c.id, sorted(set(lot_ids)))
    return {row.id: _lot(row) for row in connection.execute(select(lot).where(theirs, wanted))}


def standings(connection: Connection, after: tuple[UUID, str] | None, rows_max: int) -> list[Standing]:
    """Return accounts in the order of learner and scheme, from the one behind `after`."""
    query = select(account).order_by(account.c.learner_id, account.c.scheme).limit(rows_max)
    if after is not None:
        query = query.where(tuple_(account.c.learner_id, account.c.scheme) > tuple_(*after))
    return [_standing(row) for row in connection.execute(query)]


def entries_of(connection: Connection, learner_ids: Sequence[UUID]) -> Iterator[Entry]:
    """Return all entries of learners, in the order of learner, scheme and number.

    A row that somebody changed into what no entry can be is left out: the gap shows in the account's chain.
    """
    query = select(entry).where(member_of(connection, entry.c.learner_id, learner_ids))
    return entries_in(connection, query.order_by(entry.c.learner_id, entry.c.scheme, entry.c.seq))


def entries_in(connection: Connection, query: Select[Any]) -> Iterator[Entry]:
    """Return the entries that a query finds, but for rows that can't be any."""
    for row in connection.execute(query):
        with suppress(AssertionError):
            yield entry_of(row)


def lots_by_learner(connection: Connection, learner_ids: Sequence[UUID]) -> dict[UUID, list[Lot]]:
    """Return all lots of learners."""
    found: dict[UUID, list[Lot]] = {learner_id: [] for learner_id in learner_ids}
    for row in connection.execute(select(lot).where(member_of(connection, lot.c.learner_id, learner_ids))):
        found[row.learner_id].append(_lot(row))
    return found


def strays(connection: Connection, rows_max: int) -> list[tuple[str, UUID]]:
    """Return entries and lots that stand on no account, each as the name of its table and its id."""
    found: list[tuple[str, UUID]] = []
    for held in (entry, lot):
        is_on = (account.c.learner_id == held.c.learner_id) & (account.c.scheme == held.c.scheme)
        joined = held.outerjoin(account, is_on)
        query = select(held.c.id).select_from(joined).where(account.c.scheme.is_(None)).limit(rows_max)
        found += [(held.name, found_id) for found_id in connection.execute(query).scalars()]
    return found


def locked(connection: Connection, postings: Sequence[Posting]) -> Standings:
    """Return the standings of the accounts of postings, their rows locked in key order; new accounts start empty."""
    keys = {(posting.lot.learner_id, posting.lot.scheme) for posting in postings}
    if not keys:
        return {}
    ids = sorted({learner_id for learner_id, _ in keys})
    found = {(row.learner_id, row.scheme): _standing(row) for row in _accounts.rows(connection, learner_ids=ids)}
    missing = sorted(keys - found.keys())
    if missing:
        append_missing(connection, account, [_account_row(Standing(*key)) for key in missing])
        found = {(row.learner_id, row.scheme): _standing(row) for row in _accounts.rows(connection, learner_ids=ids)}
    return {key: found[key] for key in sorted(keys)}


@Prepared
def _accounts(form: Form) -> Select[Any]:
    """Return the query that locks learners' accounts, in the one order in which they are locked."""
    query = select(account).where(among(form, account.c.learner_id, "learner_ids"))
    locking: Select[Any] = for_update(form.connection, query.order_by(account.c.learner_id, account.c.scheme))
    return locking


def _write_lots(connection: Connection, postings: Sequence[Posting]) -> None:
    """Add the lots of recognitions and use up the lots that the other transfers take from."""
    added: dict[UUID, Lot] = {}
    changed: dict[UUID, Lot] = {}
    for posting in postings:
        if posting.transfer.kind is EntryKind.RECOGNISE:
            added[posting.lot.id] = posting.lot
        else:
            before = changed.get(posting.lot.id, posting.lot)
            used = before.used_hundredths - posting.transfer.amount_hundredths
            changed[posting.lot.id] = replace(before, used_hundredths=used)
    append(connection, lot, [row_of(value) for value in added.values()])
    rewrite(connection, lot, [row_of(value) for value in changed.values()])


def _account_row(standing: Standing) -> dict[str, Any]:
    """Return a standing as stored."""
    return {**row_of(standing), "available_hundredths": standing.available_hundredths}


def _standing(row: Row[Any]) -> Standing:
    """Return the standing that a row holds."""
    return Standing(
        learner_id=row.learner_id,
        scheme=row.scheme,
        recognised_hundredths=row.recognised_hundredths,
        held_hundredths=row.held_hundredths,
        converted_hundredths=row.converted_hundredths,
        seq=row.seq,
        recorded_at=row.recorded_at,
        chain_hash=row.chain_hash,
    )


def _lot(row: Row[Any]) -> Lot:
    """Return the lot that a row holds."""
    return Lot(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it


def _entry_row(made: Entry) -> dict[str, Any]:
    """Return an entry as stored."""
    return {
        "learner_id": made.learner_id,
        "scheme": made.scheme,
        "seq": made.seq,
        "id": made.id,
        "posting_id": made.posting_id,
        "lot_id": made.transfer.lot_id,
        "decision_id": made.transfer.decision_id,
        "counter_account": made.transfer.counter_account,
        "amount_hundredths": made.transfer.amount_hundredths,
        "balance_after_hundredths": made.balance_after_hundredths,
        "kind": made.transfer.kind.value,
        "effective_on": made.transfer.effective_on,
        "recorded_at": made.recorded_at,
        "actor": made.actor,
        "hash": made.hash,
    }


def entry_of(row: Row[Any]) -> Entry:
    """Return the entry that a row holds."""
    return Entry(
        id=row.id,
        posting_id=row.posting_id,
        learner_id=row.learner_id,
        scheme=row.scheme,
        seq=row.seq,
        transfer=transfer_of(row),
        balance_after_hundredths=row.balance_after_hundredths,
        recorded_at=row.recorded_at,
        actor=row.actor,
        hash=row.hash,
    )


def transfer_of(row: Row[Any]) -> Transfer:
    """Return the transfer that an entry's row holds."""
    return Transfer(
        lot_id=row.lot_id,
        counter_account=row.counter_account,
        amount_hundredths=row.amount_hundredths,
        kind=EntryKind(row.kind),
        decision_id=row.decision_id,
        effective_on=row.effective_on,
    )
