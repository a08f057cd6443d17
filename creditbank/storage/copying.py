"""Copying rows into a table of PostgreSQL by COPY, in the driver's text form."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import Table

_ESCAPED = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def copied(driver: psycopg.Connection[Any], table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that all have the same columns."""
    names = list(rows[0])
    columns = [_texts([row[name] for row in rows]) for name in names]
    lines = "\n".join(map("\t".join, zip(*columns, strict=True)))
    with driver.cursor() as cursor, cursor.copy(f"COPY {table.name} ({', '.join(names)}) FROM STDIN") as copy:
        copy.write(f"{lines}\n".encode())


def _texts(values: list[Any]) -> list[str]:
    """Return a column's values as COPY reads them."""
    kinds = set(map(type, values))
    if len(kinds) == 1:
        return list(map(_text_of(kinds.pop()), values))
    return [_text_of(type(value))(value) for value in values]


def _text_of(kind: type) -> Any:  # noqa: ANN401 - a function of that kind
    """Return what writes a value of a kind; numbers, days and ids hold nothing that has to be escaped."""
    if issubclass(kind, str):
        return _escaped
    return _WRITTEN[kind]


def _escaped(value: str) -> str:
    return value.translate(_ESCAPED) if "\\" in value or not value.isprintable() else value


_WRITTEN: dict[type, Any] = {
    int: str,
    bool: lambda value: "t" if value else "f",
    UUID: lambda value: value.hex,
    date: date.isoformat,
    datetime: datetime.isoformat,
    bytes: lambda value: f"\\\\x{value.hex()}",
    type(None): lambda _: "\\N",
}
