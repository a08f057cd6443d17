"""Writing rows: one statement for any number of them, and on PostgreSQL one for several tables together."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from itertools import count
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import psycopg
from psycopg.rows import namedtuple_row
from sqlalchemy import Connection, Dialect, String, Table, Text, any_, bindparam, func
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeEngine

from creditbank.storage.copying import array_of, copied
from creditbank.storage.distribution import is_distributed

Row = Mapping[str, Any]
Given = Any
"""Parameters of a statement, as the driver takes them."""
MakeCursor = Callable[[psycopg.Connection[Any]], psycopg.Cursor[Any]]

_POSTGRESQL: Dialect = postgresql.dialect()  # type: ignore[no-untyped-call] # SQLAlchemy leaves it untyped

COPIED_ROWS_MIN = 200
"""From so many rows on they are copied, which costs PostgreSQL and the driver less a row, and a round trip a table."""

CALM = "calm AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))"
"""Part of a statement that is a transaction of its own: whoever reads from it commits without waiting for the disk."""

_TEXTS = postgresql.ARRAY(Text)
_PLACE = re.compile("%s")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Write:
    """A statement that waits to be sent."""

    table: str
    sql: str
    parameters: tuple[Any, ...]


_deferred: WeakKeyDictionary[Connection, list[_Write]] = WeakKeyDictionary()


@contextmanager
def deferring(connection: Connection) -> Iterator[None]:
    """Keep rows that are appended or rewritten until something is read or the block ends, then send them together.

    A posting writes to nine tables; nine round trips would cost more than the writing. On PostgreSQL only: SQLite
    has no round trips.
    """
    if connection.dialect.name != "postgresql":
        yield
        return
    _deferred[connection] = []
    try:
        yield
        send_deferred(connection)
    finally:
        del _deferred[connection]


def send_deferred(connection: Connection) -> None:
    """Send what waits, in as few statements as can be."""
    waiting = _deferred.get(connection)
    if not waiting:
        return
    _deferred[connection] = []
    for part in [[write] for write in waiting] if is_distributed(connection) else _parts(waiting):
        parameters = tuple(parameter for write in part for parameter in write.parameters)
        sql = _joined_sql(tuple(write.sql for write in part))
        sent(connection, psycopg.RawCursor, sql, parameters)


def driven(connection: Connection, sql: str, given: Given, *, prepare: bool | None = None) -> psycopg.Cursor[Any]:
    """Run a statement on PostgreSQL through the driver alone; its rows have an attribute a column."""
    return sent(connection, partial(psycopg.Cursor, row_factory=namedtuple_row), sql, given, prepare=prepare)


def sent(
    connection: Connection, cursor: MakeCursor, sql: str, given: Given, *, prepare: bool | None = None
) -> psycopg.Cursor[Any]:
    """Run a statement on PostgreSQL by a cursor of the driver, which prepares what comes often unless it is told."""
    return _by_driver(connection, lambda driver: cursor(driver).execute(sql, given, prepare=prepare))


def _by_driver(connection: Connection, work: Callable[[psycopg.Connection[Any]], T]) -> T:
    """Let the driver work on PostgreSQL; what goes wrong is SQLAlchemy's error, as from any other statement."""
    driver: Any = connection.connection.driver_connection
    try:
        return work(driver)
    except psycopg.Error as error:
        if driver.closed:
            connection.invalidate(error)
        raise DBAPIError.instance(
            None, None, error, psycopg.Error, hide_parameters=True, connection_invalidated=driver.closed
        ) from error


def append(connection: Connection, table: Table, rows: Sequence[Row], copied_rows_min: int = COPIED_ROWS_MIN) -> None:
    """Insert rows that all have the same columns, in one statement however many they are. A taken key: Raced."""
    if not rows:
        return
    if connection.dialect.name != "postgresql":
        connection.execute(table.insert(), list(rows))
        return
    names = tuple(rows[0])
    if len(rows) == 1:
        _send(connection, table, _insert_one_sql(table, names), tuple(rows[0].values()))
    elif len(rows) < copied_rows_min:
        _send(connection, table, _insert_sql(table, names), _columns(rows, names))
    else:
        send_deferred(connection)
        _by_driver(connection, lambda driver: copied(driver, table, rows))


def append_missing(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert those of the rows whose key is not taken yet, waiting for others that insert the same key."""
    if not rows:
        return
    if connection.dialect.name != "postgresql":
        connection.execute(table.insert().prefix_with("OR IGNORE"), list(rows))
        return
    names = tuple(rows[0])
    send_deferred(connection)
    driven(connection, _insert_sql(table, names) + " ON CONFLICT DO NOTHING", _columns(rows, names))


def append_without_waiting(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows on a connection that commits each statement; on PostgreSQL the disk is not waited for.

    A crash of the database's machine may lose the last half second of such rows; nothing else loses any.
    """
    if not rows:
        return
    if connection.dialect.name != "postgresql":
        connection.execute(table.insert(), list(rows))
        return
    names = tuple(rows[0])
    build = _insert_sql if is_distributed(connection) else _insert_without_waiting_sql
    driven(connection, build(table, names), _columns(rows, names))


def rewrite(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Set the rows' other columns where their primary key stands, in one statement however many they are."""
    if not rows:
        return
    keys = tuple(column.name for column in table.primary_key)
    names = tuple(rows[0])
    if connection.dialect.name == "postgresql":
        if len(rows) > 1 and not is_distributed(connection):
            _send(connection, table, _update_sql(table, names), _columns(rows, names))
        elif len(rows) > 1 and len(names) == len(table.c):
            replace_rows(connection, table, rows)  # a distributed UPDATE takes no rows from elsewhere, an INSERT does
        else:
            for row in rows:
                values = [row[name] for name in (*(name for name in names if name not in keys), *keys)]
                _send(connection, table, _update_one_sql(table, names), tuple(values))
        return
    where = [table.c[key] == bindparam(f"key_{key}") for key in keys]
    changes: dict[str, Any] = {name: bindparam(f"new_{name}") for name in names if name not in keys}
    bound = [{f"key_{name}" if name in keys else f"new_{name}": row[name] for name in names} for row in rows]
    connection.execute(table.update().where(*where).values(changes), bound)


def replace_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows of all columns; where a row's key stands already, its other columns are set."""
    if not rows:
        return
    keys = [column.name for column in table.primary_key]
    ordered = sorted(rows, key=lambda row: [str(row[key]) for key in keys])
    if connection.dialect.name != "postgresql":
        connection.execute(table.insert().prefix_with("OR REPLACE"), ordered)
        return
    names = tuple(ordered[0])
    changes = ", ".join(f"{name} = excluded.{name}" for name in names if name not in keys)
    sql = f"{_insert_sql(table, names)} ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {changes}"
    send_deferred(connection)
    driven(connection, sql, _columns(ordered, names))


def delete_rows(connection: Connection, table: Table, keys: Sequence[Row]) -> None:
    """Delete the rows whose whole primary key is given, in one statement however many they are."""
    if not keys:
        return
    names = tuple(keys[0])
    if connection.dialect.name != "postgresql":
        where = [table.c[name] == bindparam(f"key_{name}") for name in names]
        connection.execute(table.delete().where(*where), [{f"key_{name}": key[name] for name in names} for key in keys])
    elif is_distributed(connection):  # a distributed DELETE takes no rows from elsewhere, but it takes lists
        owner, named = table.c[names[0]], func.concat_ws("|", *(table.c[name] for name in names))
        owners, texts = [key[names[0]] for key in keys], ["|".join(map(str, key.values())) for key in keys]
        theirs = owner == any_(bindparam(None, owners, type_=postgresql.ARRAY(owner.type)))
        connection.execute(table.delete().where(theirs, named == any_(bindparam(None, texts, type_=_TEXTS))))
    else:
        found = " AND ".join(f"{table.name}.{name} = gone.{name}" for name in names)
        rows = f"{_unnested(table, names)} AS gone ({', '.join(names)})"
        sql = f"DELETE FROM {table.name} USING {rows} WHERE {found}"  # noqa: S608 - own names only
        connection.exec_driver_sql(sql, _columns(keys, names))


def row_of(value: object) -> dict[str, Any]:
    """Return the fields of a slotted dataclass as a row; `dataclasses.asdict` would copy every value deeply."""
    return {name: getattr(value, name) for name in value.__slots__}  # type: ignore[attr-defined] # our values have slots


def _send(connection: Connection, table: Table, sql: str, parameters: tuple[Any, ...]) -> None:
    """Send a statement now, or let it wait for others where that is wanted."""
    waiting = _deferred.get(connection)
    if waiting is None:
        driven(connection, sql, parameters)
    else:
        waiting.append(_Write(table.name, sql, parameters))


def _parts(waiting: Sequence[_Write]) -> list[list[_Write]]:
    """Return the writes in their order, parted where a statement would take a table twice.

    Parts of one statement don't see each other's rows, so that one can't rewrite what another appends.
    """
    parts: list[list[_Write]] = [[]]
    for write in waiting:
        if any(earlier.table == write.table for earlier in parts[-1]):
            parts.append([])
        parts[-1].append(write)
    return parts


@cache
def _joined_sql(statements: tuple[str, ...]) -> str:
    """Return one statement that carries out all of them, its places numbered as the server wants them.

    The driver, which numbers them otherwise, would do so anew at every call where there are many.
    """
    named = ", ".join(f"w{number} AS ({sql})" for number, sql in enumerate(statements[:-1]))
    numbers = count(1)
    joined = f"WITH {named} {statements[-1]}" if named else statements[-1]
    return _PLACE.sub(lambda _: f"${next(numbers)}", joined)


def _columns(rows: Sequence[Row], names: tuple[str, ...]) -> tuple[Any, ...]:
    """Return the rows turned into one array a column."""
    return tuple(array_of([row[name] for row in rows]) for name in names)


@cache
def _insert_one_sql(table: Table, names: tuple[str, ...]) -> str:
    """Return PostgreSQL's statement that inserts one row; arrays of one would cost the driver more."""
    places = ", ".join(["%s"] * len(names))
    return f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({places})"  # noqa: S608 - own names only


@cache
def _update_one_sql(table: Table, names: tuple[str, ...]) -> str:
    """Return PostgreSQL's statement that updates one row; the key's values come last."""
    keys = [column.name for column in table.primary_key]
    changes = ", ".join(f"{name} = %s" for name in names if name not in keys)
    where = " AND ".join(f"{key} = %s" for key in keys)
    return f"UPDATE {table.name} SET {changes} WHERE {where}"  # noqa: S608 - own names only


@cache
def _insert_sql(table: Table, names: tuple[str, ...]) -> str:
    """Return PostgreSQL's statement that inserts any number of rows from one array a column."""
    return f"INSERT INTO {table.name} ({', '.join(names)}) SELECT * FROM {_unnested(table, names)}"  # noqa: S608


@cache
def _insert_without_waiting_sql(table: Table, names: tuple[str, ...]) -> str:
    """Return the same statement, which as long as it lasts sets that its commit waits for no disk."""
    rows = f"SELECT written.* FROM calm, {_unnested(table, names)} AS written"  # noqa: S608 - own names only
    return f"WITH {CALM} INSERT INTO {table.name} ({', '.join(names)}) {rows}"


@cache
def _update_sql(table: Table, names: tuple[str, ...]) -> str:
    """Return PostgreSQL's statement that updates any number of rows, found by primary key."""
    keys = [column.name for column in table.primary_key]
    changes = ", ".join(f"{name} = new.{name}" for name in names if name not in keys)
    where = " AND ".join(f"{table.name}.{key} = new.{key}" for key in keys)
    source = f"{_unnested(table, names)} AS new ({', '.join(names)})"
    return f"UPDATE {table.name} SET {changes} FROM {source} WHERE {where}"  # noqa: S608 - own names only


def _unnested(table: Table, names: tuple[str, ...]) -> str:
    """Return the call that turns one array a column into rows."""
    arrays = ", ".join(f"%s::{_array_type(table.c[name].type)}[]" for name in names)
    return f"unnest({arrays})"


def _array_type(column_type: TypeEngine[Any]) -> str:
    """Return the type of an array's items: of texts without their length, to which a cast would cut them in silence."""
    return "TEXT" if isinstance(column_type, String) else column_type.compile(_POSTGRESQL)
