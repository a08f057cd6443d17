"""Queries that are asked all the time: built once, and on PostgreSQL handed to the driver as they are.

The way through SQLAlchemy costs three times what the driver does for a small query, and is most of what a request
spends on the database.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, any_, bindparam
from sqlalchemy.dialects.postgresql import ARRAY

from creditbank.storage.copying import array_of
from creditbank.storage.writing import driven, send_deferred

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Form:
    """For what a query is built: the connection tells the engine, `is_for_one` that each list has one value.

    For one value PostgreSQL keeps one plan. One that was kept for arrays would be made for ten values: with a thousand
    it compares each row of a small table with all of them, one by one. Those are planned anew each time.
    """

    connection: Connection
    is_for_one: bool


class Sent(NamedTuple):
    """A query as the driver takes it, with the values that stand in it, and whether there are arrays among them."""

    sql: str
    values: dict[str, Any]
    has_arrays: bool = False


@dataclass(slots=True)
class Prepared:
    """A query that is built once for each engine and form, and given its values when it is asked."""

    build: Callable[[Form], Select[Any]]
    lock: Callable[[Connection, Any], Any] | None = None
    """What turns the query into one that locks its rows, such as `for_update` of `storage/database`."""
    _selects: dict[str, Select[Any]] = field(default_factory=dict)
    _sent: dict[bool, Sent] = field(default_factory=dict)

    def rows(self, connection: Connection, **values: Any) -> Sequence[Any]:  # noqa: ANN401 - of any column's type
        """Return the rows, with an attribute a column; values that are lists belong to `among`."""
        if connection.dialect.name != "postgresql":
            return connection.execute(self.select(connection), values).all()
        sent = self.sent(connection, values)
        send_deferred(connection)
        return driven(connection, sent.sql, sent.values, prepare=False if sent.has_arrays else None).fetchall()

    def sent(self, connection: Connection, values: dict[str, Any]) -> Sent:
        """Return the query as the driver takes it on PostgreSQL."""
        lists = [name for name, value in values.items() if isinstance(value, list)]
        is_for_one = bool(lists) and all(len(values[name]) == 1 for name in lists)
        values = {**values, **{name: values[name][0] if is_for_one else array_of(values[name]) for name in lists}}
        built = self._sent.get(is_for_one)
        if built is None:
            built = self._sent[is_for_one] = self._compiled(Form(connection, is_for_one))
        return Sent(built.sql, {**built.values, **values}, bool(lists) and not is_for_one)

    def select(self, connection: Connection) -> Select[Any]:
        """Return the query for SQLAlchemy, which locks nothing yet."""
        name = connection.dialect.name
        if name not in self._selects:
            self._selects[name] = self.build(Form(connection, is_for_one=False))
        return self._selects[name]

    def _compiled(self, form: Form) -> Sent:
        query = self.build(form)
        query = query if self.lock is None else self.lock(form.connection, query)
        compiled = query.compile(dialect=form.connection.dialect, compile_kwargs={"render_postcompile": True})
        return Sent(str(compiled), {name: value for name, value in compiled.params.items() if value is not None})


def among(form: Form, column: ColumnElement[T], parameter: str) -> ColumnElement[bool]:
    """Return the condition that the column is among a list of values that is given when the query is asked."""
    if form.connection.dialect.name != "postgresql":
        return column.in_(bindparam(parameter, expanding=True))
    if form.is_for_one:
        return column == bindparam(parameter, type_=column.type)
    return column == any_(bindparam(parameter, type_=ARRAY(column.type)))
