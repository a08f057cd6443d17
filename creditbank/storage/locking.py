"""Locking rows of one table: one statement in their order or, where tables are distributed, shard by shard."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, FromClause, Join, Row, Select, TableClause, update

from creditbank.storage.columns import catalogue
from creditbank.storage.database import member_of
from creditbank.storage.distribution import distribution_column, is_distributed
from creditbank.storage.prepared import Prepared

OWNERS_MAX = 16
"""Owners whose rows are locked one after the other; more are locked by one UPDATE, whose order the engine chooses."""

Lock = Callable[[Connection, Any], Any]
"""What turns a query into one that locks: `for_update` and its like of `storage/database`."""

_locking: WeakKeyDictionary[Select[Any], Select[Any]] = WeakKeyDictionary()


def locked_rows(
    connection: Connection,
    query: Select[Any],
    lock: Lock,
    values: Mapping[str, Any] | None = None,
    owners: Iterable[Any] | None = None,
) -> list[Row[Any]]:
    """Return the rows of a query, those of its first table locked until the transaction ends.

    On one machine they are locked in the query's order. Spread over many, SELECT … FOR UPDATE reaches one shard at a
    time: rows are locked owner by owner, in the owners' order and returned so; of more than a few by an UPDATE that
    changes nothing, where the engine ends what would be a deadlock and the whole transaction runs again. `owners` are
    the values of the distribution column, where they are known.
    """
    given = dict(values or {})
    table = _first(query.get_final_froms()[0])
    column = distribution_column(table.name)
    if column is None or not is_distributed(connection):
        return list(connection.execute(_kept(connection, query, lock), given))
    owner = table.c[column]
    if owners is None:
        owners = connection.execute(query.with_only_columns(owner, maintain_column_froms=True), given).scalars()
    found = sorted(set(owners))
    if len(found) <= OWNERS_MAX:
        each = [lock(connection, query.where(owner == one)) for one in found]
        return [row for one in each for row in connection.execute(one, given)]
    touched = _touched(connection, query, given, found)
    return [row for row in connection.execute(query, given) if _key(row, table) in touched]


def locked_of(connection: Connection, query: Prepared, owners: list[Any], **values: Any) -> Sequence[Any]:  # noqa: ANN401
    """Return the rows of a prepared query, locked as it says, in the same ways; `owners` as above."""
    assert query.lock is not None, "it says how it locks"
    if not is_distributed(connection):
        return query.rows(connection, **values)
    return locked_rows(connection, query.select(connection), query.lock, values, owners)


def _touched(
    connection: Connection, query: Select[Any], given: Mapping[str, Any], owners: Sequence[Any]
) -> set[tuple[Any, ...]]:
    """Lock rows by setting a column to what it holds, and return their keys."""
    table = _first(query.get_final_froms()[0])
    keys = _keys(table)
    same = next(column for column in table.c if column.name not in keys)
    column = distribution_column(table.name)
    assert column is not None, "the table is distributed"
    statement = update(table).where(member_of(connection, table.c[column], owners))
    if query.whereclause is not None:
        statement = statement.where(query.whereclause)
    touching = statement.values({same: same}).returning(*(table.c[key] for key in keys))
    return {tuple(row) for row in connection.execute(touching, dict(given))}


def _kept(connection: Connection, query: Select[Any], lock: Lock) -> Select[Any]:
    """Return the locking form of a query; of one that is built once it is built once, too."""
    if query not in _locking:
        _locking[query] = lock(connection, query)
    return _locking[query]


def _first(source: FromClause) -> TableClause:
    """Return the table that a query names first."""
    while isinstance(source, Join):
        source = source.left
    assert isinstance(source, TableClause), "rows of a table are locked"
    return source


def _keys(table: TableClause) -> list[str]:
    return [column.name for column in catalogue.tables[table.name].primary_key]


def _key(row: Row[Any], table: TableClause) -> tuple[Any, ...]:
    return tuple(getattr(row, key) for key in _keys(table))
