"""Copying rows into a table of PostgreSQL by COPY, in the driver's text form, column by column."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from operator import attrgetter, itemgetter
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import Table

_ESCAPED = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})

Column = Sequence[Any]


def copied(driver: psycopg.Connection[Any], table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that all have the same columns."""
    names = list(rows[0])
    columns = [_texts(list(map(itemgetter(name), rows))) for name in names]
    lines = "\n".join(map("\t".join, zip(*columns, strict=True)))
    with driver.cursor() as cursor, cursor.copy(f"COPY {table.name} ({', '.join(names)}) FROM STDIN") as copy:
        copy.write(f"{lines}\n".encode())


def _texts(values: Column) -> Iterable[str]:
    """Return a column's values as COPY reads them."""
    kinds = set(map(type, values))
    if len(kinds) == 1:
        return _writer_of(kinds.pop())(values)
    texts = {kind: iter(_writer_of(kind)([value for value in values if type(value) is kind])) for kind in kinds}
    return [next(texts[type(value)]) for value in values]


def _writer_of(kind: type) -> Callable[[Column], Iterable[str]]:
    """Return what writes a column of a kind; numbers, days and ids hold nothing that has to be escaped."""
    return _each_once(_escaped) if issubclass(kind, str) else _WRITERS[kind]


def _each_once(write: Callable[[Any], str]) -> Callable[[Column], Iterable[str]]:
    """Return what writes a column in which many values come again, as reasons and instants do."""

    def written(values: Column) -> Iterable[str]:
        known = {value: write(value) for value in set(values)}
        return map(known.__getitem__, values)

    return written


def _escaped(value: str) -> str:
    return value.translate(_ESCAPED) if "\\" in value or not value.isprintable() else value


_WRITERS: dict[type, Callable[[Column], Iterable[str]]] = {
    int: lambda values: map(str, values),
    bool: lambda values: ["t" if value else "f" for value in values],
    UUID: lambda values: map("%032x".__mod__, map(attrgetter("int"), values)),
    date: _each_once(date.isoformat),
    datetime: _each_once(datetime.isoformat),
    bytes: lambda values: [f"\\\\x{value.hex()}" for value in values],
    type(None): lambda values: ["\\N"] * len(values),
}
