"""Filling an empty database: rows by COPY or in one go, with keys and indexes made when all rows are there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import Connection, Table, Uuid, text

from creditbank.storage.columns import catalogue
from creditbank.storage.database import Database

MAINTENANCE_MEMORY = "512MB"
"""For sorting the keys of an index; it is measured in hundreds of megabytes at ten million rows."""

_KEYS = """
    SELECT c.conrelid::regclass::text AS table_name, c.conname AS name, pg_get_constraintdef(c.oid) AS definition,
        c.contype = 'f' AS is_reference
    FROM pg_constraint c
    WHERE c.contype IN ('p', 'u', 'f')
        AND (c.conrelid::regclass::text = ANY(:tables) OR c.confrelid::regclass::text = ANY(:tables))
    ORDER BY c.contype = 'f' DESC, c.conname
"""

_INDEXES = """
    SELECT i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS definition
    FROM pg_index i LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid AND c.contype IN ('p', 'u')
    WHERE i.indrelid::regclass::text = ANY(:tables) AND c.oid IS NULL
"""


@dataclass(frozen=True, slots=True)
class Bared:
    """What was taken off tables, as statements that put it back: keys and indexes first, then references."""

    keys: tuple[str, ...]
    references: tuple[str, ...]


def bare(connection: Connection, tables: Sequence[str]) -> Bared:
    """Take keys, indexes and references off tables of PostgreSQL; SQLite keeps its own. Whoever does puts them back."""
    if connection.dialect.name != "postgresql":
        return Bared((), ())
    keys = connection.execute(text(_KEYS), {"tables": list(tables)}).all()
    indexes = connection.execute(text(_INDEXES), {"tables": list(tables)}).all()
    for key in keys:  # references first: they hang on the others
        connection.exec_driver_sql(f"ALTER TABLE {key.table_name} DROP CONSTRAINT {key.name}")
    for index in indexes:
        connection.exec_driver_sql(f"DROP INDEX {index.name}")
    adding = {
        is_reference: tuple(
            f"ALTER TABLE {key.table_name} ADD CONSTRAINT {key.name} {key.definition}"
            for key in keys
            if key.is_reference == is_reference
        )
        for is_reference in (False, True)
    }
    return Bared((*adding[False], *(index.definition for index in indexes)), adding[True])


def put_back(connection: Connection, statement: str) -> None:
    """Make a key, an index or a reference again; the database checks every row for it, however long it takes.

    References to one table are made one after the other: each waits for the one before.
    """
    connection.exec_driver_sql("SET lock_timeout = 0")
    connection.exec_driver_sql(f"SET maintenance_work_mem = '{MAINTENANCE_MEMORY}'")
    connection.exec_driver_sql(statement)


def analyse(connection: Connection) -> None:
    """Let the database look at what is there now, so that it plans for it."""
    connection.exec_driver_sql("ANALYZE")


class Writer:
    """Writes rows of many tables, each block of them in one transaction."""

    def __init__(self, database: Database, columns: Mapping[str, Sequence[str]]) -> None:
        """Keep one connection for rows with these columns a table."""
        self._columns = columns
        self._connection = database.engine.connect()

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()

    def write(self, rows: Mapping[str, Sequence[tuple[Any, ...]]]) -> None:
        """Write a block of rows, tables in the order of the columns given, and commit."""
        if self._connection.dialect.name == "postgresql":
            self._connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
            for table, names in self._columns.items():
                self._copy(table, names, rows[table])
        else:
            for table, names in self._columns.items():
                self._insert(catalogue.tables[table], names, rows[table])
        self._connection.commit()

    def _copy(self, table: str, names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
        driver = self._connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection), "the engine is PostgreSQL's"
        with driver.cursor() as cursor, cursor.copy(f"COPY {table} ({', '.join(names)}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)

    def _insert(self, table: Table, names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
        if not rows:
            return
        places = ", ".join("?" * len(names))
        are_ids = [isinstance(table.c[name].type, Uuid) for name in names]
        cells = [
            tuple(_sqlite_cell(value, is_id=is_id) for value, is_id in zip(row, are_ids, strict=True)) for row in rows
        ]
        sql = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({places})"  # noqa: S608 - own names only
        self._connection.exec_driver_sql(sql, cells)


def _sqlite_cell(value: Any, *, is_id: bool) -> Any:  # noqa: ANN401 - cells of any type
    """Return a cell as the tables' types would store it; ids come as texts or values."""
    if isinstance(value, UUID):
        return value.hex
    if is_id and value is not None:
        return value.replace("-", "")
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
    return value.isoformat() if isinstance(value, date) else value
