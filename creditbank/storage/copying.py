"""Columns of values as PostgreSQL reads them in text: for COPY, and as arrays.

The driver writes value by value, which for a thousand rows takes longer than the database does.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from operator import attrgetter, itemgetter
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import Table

_ESCAPED = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_QUOTED = str.maketrans({"\\": "\\\\", '"': '\\"'})

Column = Sequence[Any]
Write = Callable[[Column], Iterable[str]]


def copied(driver: psycopg.Connection[Any], table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that all have the same columns."""
    names = list(rows[0])
    columns = [_COPY.texts(list(map(itemgetter(name), rows))) for name in names]
    lines = "\n".join(map("\t".join, zip(*columns, strict=True)))
    with driver.cursor() as cursor, cursor.copy(f"COPY {table.name} ({', '.join(names)}) FROM STDIN") as copy:
        copy.write(f"{lines}\n".encode())


def array_of(values: list[Any]) -> str | list[Any]:
    """Return values as the text of an array; values of kinds that are rare are left to the driver as they are."""
    if all(kind in _WRITERS or kind is type(None) or issubclass(kind, str) for kind in set(map(type, values))):
        return f"{{{','.join(_ARRAY.texts(values))}}}"
    return values


def _each_once(write: Callable[[Any], str]) -> Write:
    """Return what writes a column in which many values come again, as reasons and instants do."""

    def written(values: Column) -> Iterable[str]:
        known = {value: write(value) for value in set(values)}
        return map(known.__getitem__, values)

    return written


@dataclass(frozen=True, slots=True)
class _Form:
    """How texts and nothing are written; numbers, days and ids hold nothing that has to be escaped anywhere."""

    text: Write
    nothing: str

    def texts(self, values: Column) -> Iterable[str]:
        """Return a column's values as they are written."""
        kinds = set(map(type, values))
        if len(kinds) == 1:
            return self._writer_of(kinds.pop())(values)
        texts = {kind: iter(self._writer_of(kind)([one for one in values if type(one) is kind])) for kind in kinds}
        return [next(texts[type(value)]) for value in values]

    def _writer_of(self, kind: type) -> Write:
        if issubclass(kind, str):
            return self.text
        return _WRITERS.get(kind, self._nothings)

    def _nothings(self, values: Column) -> Iterable[str]:
        assert set(values) == {None}, "a column has values of known kinds"
        return [self.nothing] * len(values)


def _escaped(value: str) -> str:
    return value.translate(_ESCAPED) if "\\" in value or not value.isprintable() else value


def _quoted(value: str) -> str:
    return f'"{value.translate(_QUOTED)}"' if "\\" in value or '"' in value else f'"{value}"'


_COPY = _Form(_each_once(_escaped), "\\N")
_ARRAY = _Form(_each_once(_quoted), "NULL")

_WRITERS: dict[type, Write] = {
    int: lambda values: map(str, values),
    bool: lambda values: ["t" if value else "f" for value in values],
    UUID: lambda values: map("%032x".__mod__, map(attrgetter("int"), values)),
    date: _each_once(date.isoformat),
    datetime: _each_once(datetime.isoformat),
    bytes: lambda values: [f"\\\\x{value.hex()}" for value in values],
}
