"""Counting what is sent to the database, whether SQLAlchemy hands it over or the driver is called by itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import psycopg
from sqlalchemy import Engine, event


@dataclass
class Count:
    """The statements that were sent, with whether each was sent once for every row."""

    statements: list[tuple[str, bool]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.statements)


@contextmanager
def counted(engine: Engine) -> Iterator[Count]:
    """Count every statement that goes to the database, BEGIN among them where it is sent as one."""
    count = Count()
    with _counted_on_sqlite(engine, count) if engine.dialect.name == "sqlite" else _counted_by_driver(count):
        yield count


@contextmanager
def _counted_on_sqlite(engine: Engine, count: Count) -> Iterator[None]:
    def note(*arguments: Any) -> None:
        _, _, statement, _, _, executemany = arguments
        count.statements.append((statement, executemany))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", note)


@contextmanager
def _counted_by_driver(count: Count) -> Iterator[None]:
    """Note what the driver's cursors are given on any connection; a COPY is a statement, too."""
    execute, executemany, copy = psycopg.Cursor.execute, psycopg.Cursor.executemany, psycopg.Cursor.copy

    def noting(method: Any, *, is_for_every_row: bool) -> Any:
        def noted(self: Any, query: Any, *arguments: Any, **options: Any) -> Any:
            count.statements.append((str(query), is_for_every_row))
            return method(self, query, *arguments, **options)

        return noted

    with (
        patch.object(psycopg.Cursor, "execute", noting(execute, is_for_every_row=False)),
        patch.object(psycopg.Cursor, "executemany", noting(executemany, is_for_every_row=True)),
        patch.object(psycopg.Cursor, "copy", noting(copy, is_for_every_row=False)),
    ):
        yield
