"""Entries that the log has not and that don't wait for it, and those that wait without reason.

Where tables are distributed the log stands on the coordinator and entries on the shards: they are compared in blocks.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import Column, Connection, Row, Select, Table, select, tuple_

from creditbank.storage.database import member_of
from creditbank.storage.distribution import is_distributed
from creditbank.storage.ledger import entry
from creditbank.storage.seal_log import Key, log_leaf
from creditbank.storage.unsealed import unsealed_entry
from creditbank.storage.writing import append

APART_ROWS = 5_000
"""Rows that are compared at once where they stand on different machines."""

_KEY = ("learner_id", "scheme", "seq")


def queue_missed(connection: Connection) -> int:
    """Queue all entries that neither wait nor are in the log, and return how many; reads the whole ledger."""
    if is_distributed(connection):
        found = [{name: getattr(row, name) for name in _KEY} for row in _missed_apart(connection)]
        append(connection, unsealed_entry, found)
        return len(found)
    queueing = unsealed_entry.insert().from_select(_KEY, _missed(connection).with_only_columns(*_named(entry)))
    return connection.execute(queueing.execution_options(preserve_rowcount=True)).rowcount


def missed(connection: Connection, rows_max: int) -> list[Row[Any]]:
    """Return entries that neither wait nor are in the log, each with its id and key."""
    if is_distributed(connection):
        return list(islice(_missed_apart(connection), rows_max))
    return list(connection.execute(_missed(connection).limit(rows_max)))


def sealed_and_waiting(connection: Connection, rows_max: int) -> list[Key]:
    """Return keys of entries that wait to be sealed though they are in the log."""
    query = select(*_named(unsealed_entry))
    if not is_distributed(connection):
        is_logged = select(1).where(*(log_leaf.c[name] == unsealed_entry.c[name] for name in _KEY)).exists()
        query = query.where(is_logged).order_by(*_named(unsealed_entry)).limit(rows_max)
        return [(row.learner_id, row.scheme, row.seq) for row in connection.execute(query)]
    found = (key for rows in _blocks(connection, query, unsealed_entry) for key in _logged(connection, rows))
    return list(islice(found, rows_max))


def _missed_apart(connection: Connection) -> Iterator[Row[Any]]:
    """Yield all of them where log and entries are compared in blocks."""
    for rows in _blocks(connection, _missed(connection), entry):
        logged = _logged(connection, rows)
        yield from (row for row in rows if (row.learner_id, row.scheme, row.seq) not in logged)


def _missed(connection: Connection) -> Select[Any]:
    """Return the query for entries that don't wait and, where the log can be asked with them, are not in it."""
    others = (unsealed_entry,) if is_distributed(connection) else (unsealed_entry, log_leaf)
    seen = [select(1).where(*(table.c[name] == entry.c[name] for name in _KEY)).exists() for table in others]
    return select(entry.c.id, *_named(entry)).where(*(~one for one in seen))


def _blocks(connection: Connection, query: Select[Any], table: Table) -> Iterator[list[Row[Any]]]:
    """Yield the rows of a query on a table in the order of the entries' keys, some thousands at a time."""
    key, after = _named(table), None
    while True:
        asked = query.order_by(*key).limit(APART_ROWS)
        rows = list(connection.execute(asked if after is None else asked.where(tuple_(*key) > tuple_(*after))))
        if not rows:
            return
        yield rows
        after = (rows[-1].learner_id, rows[-1].scheme, rows[-1].seq)


def _logged(connection: Connection, rows: Sequence[Row[Any]]) -> set[Key]:
    """Return those of some entries' keys that are in the log."""
    theirs = member_of(connection, log_leaf.c.learner_id, {row.learner_id for row in rows})
    found = connection.execute(select(*_named(log_leaf)).where(theirs))
    asked = {(row.learner_id, row.scheme, row.seq) for row in rows}
    return {key for row in found if (key := (row.learner_id, row.scheme, row.seq)) in asked}


def _named(table: Table) -> list[Column[Any]]:
    """Return the columns of a table that name an entry."""
    return [table.c[name] for name in _KEY]
