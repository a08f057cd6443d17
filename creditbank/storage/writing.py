"""Writing rows: one statement for any number of them, and on PostgreSQL one for several tables together."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from sqlalchemy import Connection, Dialect, Table, bindparam
from sqlalchemy.dialects import postgresql

Row = Mapping[str, Any]

_POSTGRESQL: Dialect = postgresql.dialect()  # type: ignore[no-untyped-call] # SQLAlchemy leaves it untyped
_Write = tuple[str, tuple[Any, ...]]

PARAMETERS_MAX = 50
"""The driver parses a statement with more parameters anew at every call, which costs more than a round trip."""

_PENDING = "creditbank.pending_writes"


@contextmanager
def together(connection: Connection) -> Iterator[None]:
    """Send all rows that are appended or rewritten inside in as few statements as can be, on PostgreSQL.

    A posting writes to eight tables; eight round trips would cost more than the writing. Nothing that is written
    inside can be read inside.
    """
    if connection.dialect.name != "postgresql":
        yield
        return
    connection.info[_PENDING] = []
    try:
        yield
        pending = connection.info[_PENDING]
    finally:
        del connection.info[_PENDING]
    for part in _parts(pending):
        parameters = tuple(parameter for _, its_parameters in part for parameter in its_parameters)
        connection.exec_driver_sql(_joined_sql(tuple(sql for sql, _ in part)), parameters)


def append(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows that all have the same columns, in one statement however many they are. A taken key: Raced."""
    if not rows:
        return
    if connection.dialect.name != "postgresql":
        connection.execute(table.insert(), list(rows))
        return
    names = tuple(rows[0])
    if len(rows) == 1:
        _send(connection, _insert_one_sql(table, names), tuple(rows[0].values()))
    else:
        _send(connection, _insert_sql(table, names), _columns(rows, names))


def append_missing(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert those of the rows whose key is not taken yet, waiting for others that insert the same key."""
    if not rows:
        return
    if connection.dialect.name != "postgresql":
        connection.execute(table.insert().prefix_with("OR IGNORE"), list(rows))
        return
    names = tuple(rows[0])
    connection.exec_driver_sql(_insert_sql(table, names) + " ON CONFLICT DO NOTHING", _columns(rows, names))


def rewrite(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Set the rows' other columns where their primary key stands, in one statement however many they are."""
    if not rows:
        return
    keys = tuple(column.name for column in table.primary_key)
    names = tuple(rows[0])
    if connection.dialect.name == "postgresql":
        if len(rows) == 1:
            values = [rows[0][name] for name in (*(name for name in names if name not in keys), *keys)]
            _send(connection, _update_one_sql(table, names), tuple(values))
        else:
            _send(connection, _update_sql(table, names), _columns(rows, names))
        return
    where = [table.c[key] == bindparam(f"key_{key}") for key in keys]
    changes: dict[str, Any] = {name: bindparam(f"new_{name}") for name in names if name not in keys}
    bound = [{f"key_{name}" if name in keys else f"new_{name}": row[name] for name in names} for row in rows]
    connection.execute(table.update().where(*where).values(changes), bound)


def row_of(value: object) -> dict[str, Any]:
    """Return the fields of a slotted dataclass as a row; `dataclasses.asdict` would copy every value deeply."""
    return {name: getattr(value, name) for name in value.__slots__}  # type: ignore[attr-defined] # our values have slots


def _send(connection: Connection, sql: str, parameters: tuple[Any, ...]) -> None:
    """Send a statement now, or with others where they are sent together."""
    pending = connection.info.get(_PENDING)
    if pending is None:
        connection.exec_driver_sql(sql, parameters)
    else:
        pending.append((sql, parameters))


def _parts(pending: Sequence[_Write]) -> list[list[_Write]]:
    """Return the writes in their order, parted where a statement would take too many parameters."""
    parts: list[list[_Write]] = [[]]
    for write in pending:
        if sum(len(parameters) for _, parameters in parts[-1]) + len(write[1]) > PARAMETERS_MAX:
            parts.append([])
        parts[-1].append(write)
    return [part for part in parts if part]


@cache
def _joined_sql(statements: tuple[str, ...]) -> str:
    """Return one statement that carries out all of them."""
    named = ", ".join(f"w{number} AS ({sql})" for number, sql in enumerate(statements[:-1]))
    return f"WITH {named} {statements[-1]}" if named else statements[-1]


def _columns(rows: Sequence[Row], names: tuple[str, ...]) -> tuple[list[Any], ...]:
    """Return the rows turned into one list a column."""
    return tuple([row[name] for row in rows] for name in names)


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
def _update_sql(table: Table, names: tuple[str, ...]) -> str:
    """Return PostgreSQL's statement that updates any number of rows, found by primary key."""
    keys = [column.name for column in table.primary_key]
    changes = ", ".join(f"{name} = new.{name}" for name in names if name not in keys)
    where = " AND ".join(f"{table.name}.{key} = new.{key}" for key in keys)
    source = f"{_unnested(table, names)} AS new ({', '.join(names)})"
    return f"UPDATE {table.name} SET {changes} FROM {source} WHERE {where}"  # noqa: S608 - own names only


def _unnested(table: Table, names: tuple[str, ...]) -> str:
    """Return the call that turns one array a column into rows."""
    arrays = ", ".join(f"%b::{table.c[name].type.compile(_POSTGRESQL)}[]" for name in names)
    return f"unnest({arrays})"
