"""A judge of statements: which of them PostgreSQL with Citus would refuse, read from their syntax trees.

It is stricter than the engine where that is simpler to say. What it holds to is told in docs/distribution.md. To have
the bank behave as if its tables were distributed, `stand_in` makes the table in which the engine would list them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import psycopg
from pglast import ast, parse_sql
from pglast.visitors import Visitor
from sqlalchemy import Connection, Engine, event

from creditbank.storage import writing
from creditbank.storage.distribution import GROUPS, IS_DISTRIBUTED, LOCAL

EVENTS = ("update", "delete", "truncate")
"""On what tables that are written once have triggers."""

PLACES = re.compile(r"%\(\w+\)s|%[sbt]")
GROUP_OF = {table: (number, column) for number, group in enumerate(GROUPS) for table, column in group.tables.items()}
Column = tuple[str, str]


def stand_in(url: str) -> None:
    """Let the bank believe that its tables are distributed: make the list that the engine would keep of them."""
    with psycopg.connect(url.replace("postgresql+psycopg://", "postgresql://"), autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS pg_dist_partition")
        connection.execute("CREATE TABLE pg_dist_partition (logicalrelid regclass PRIMARY KEY, partmethod char)")
        connection.execute("INSERT INTO pg_dist_partition VALUES ('learner', 'h')")
        connection.execute("GRANT SELECT ON pg_dist_partition TO PUBLIC")


@dataclass
class Sources:
    """What one level of a query reads: tables by the name under which they stand, and the conditions that join them."""

    tables: dict[str, str] = field(default_factory=dict)
    subqueries: list[ast.SelectStmt] = field(default_factory=list)
    conditions: list[Any] = field(default_factory=list)
    others: list[str] = field(default_factory=list)

    def add(self, node: Any) -> None:
        """Take in a member of FROM."""
        if isinstance(node, ast.RangeVar):
            self.tables[node.alias.aliasname if node.alias else node.relname] = node.relname
        elif isinstance(node, ast.JoinExpr):
            self.add(node.larg)
            self.add(node.rarg)
            self.conditions += list(_anded(node.quals))
        elif isinstance(node, ast.RangeSubselect):
            self.subqueries.append(node.subquery)
        elif node is not None:
            self.others.append(type(node).__name__)

    def distributed(self) -> dict[str, tuple[int, str]]:
        """Return the distributed tables among them, each with its group and column."""
        return {name: GROUP_OF[table] for name, table in self.tables.items() if table in GROUP_OF}


def faults(sql: str) -> list[str]:
    """Return what the engine would refuse of a statement; nothing of one that is no query."""
    numbers = iter(range(1, 10_000))
    text = PLACES.sub(lambda _: f"${next(numbers)}", sql).replace("%%", "%")
    return [fault for raw in parse_sql(text) for fault in _faults(raw.stmt)]


def _faults(node: Any) -> Iterator[str]:
    if isinstance(node, ast.SelectStmt):
        yield from _select_faults(node)
    elif isinstance(node, ast.InsertStmt):
        yield from _insert_faults(node)
    elif isinstance(node, (ast.UpdateStmt, ast.DeleteStmt)):
        yield from _change_faults(node)


def _select_faults(node: ast.SelectStmt, outer: Sources | None = None) -> Iterator[str]:
    if node.larg is not None:
        yield from _select_faults(node.larg, outer)
        yield from _select_faults(node.rarg, outer)
        return
    sources = Sources()
    for source in node.fromClause or ():
        sources.add(source)
    sources.conditions += list(_anded(node.whereClause))
    touched = _names(node) & GROUP_OF.keys()
    if node.withClause is not None and touched:
        if node.withClause.recursive:
            yield "a recursive query reads distributed tables"
        if any(not isinstance(one.ctequery, ast.SelectStmt) for one in node.withClause.ctes):
            yield "a query in WITH writes"
    yield from _join_faults(sources, outer)
    if node.lockingClause and sources.distributed() and not _is_of_one_shard(sources):
        yield "rows of several shards are locked by SELECT"
    for subquery in sources.subqueries:
        yield from _select_faults(subquery)
    if touched:
        yield from _sublink_faults(node, sources)


def _join_faults(sources: Sources, outer: Sources | None) -> Iterator[str]:
    """Tell what isn't joined with everything else by distribution columns."""
    standing = sources.distributed()
    around = outer.distributed() if outer is not None else {}
    locals_ = {table for table in sources.tables.values() if table in LOCAL}
    if standing and (locals_ or (outer is not None and set(outer.tables.values()) & set(LOCAL))):
        yield f"distributed tables are joined with {sorted(locals_) or 'one outside'} of the coordinator"
    joined = {**around, **standing}
    if len(joined) > 1 and standing:
        if len({group for group, _ in joined.values()}) > 1:
            yield f"tables of different groups are joined: {sorted(joined)}"
        elif not _is_connected(joined, [*sources.conditions, *(outer.conditions if outer else ())]):
            yield f"tables are not joined on their distribution columns: {sorted(joined)}"


def _sublink_faults(node: ast.SelectStmt, sources: Sources) -> Iterator[str]:
    """Tell what is wrong with the subqueries of a query's conditions and columns."""
    inside = [one for part in (node.targetList, node.whereClause, node.havingClause) for one in _sublinks(part)]
    for link in inside:
        query = link.subselect
        if not _names(query) & GROUP_OF.keys():
            continue
        is_correlated = bool(_outside(query) & set(sources.tables))
        if not is_correlated:
            yield from _select_faults(query)
        elif query.limitCount is not None:
            yield "a subquery that is asked for each row has a limit"
        else:
            yield from _select_faults(query, sources)


def _insert_faults(node: ast.InsertStmt) -> Iterator[str]:
    table = node.relation.relname
    if node.withClause is not None and _names(node) & GROUP_OF.keys():
        yield "a query in WITH goes before an INSERT"
    if isinstance(node.selectStmt, ast.SelectStmt):
        yield from _select_faults(node.selectStmt)
    if table not in GROUP_OF:
        return
    column = GROUP_OF[table][1]
    if column not in {one.name for one in node.cols or ()}:
        yield f"{table} is written without {column}"
    conflict = node.onConflictClause
    if conflict is not None and conflict.infer is not None:
        if column not in {one.name for one in conflict.infer.indexElems}:
            yield f"a conflict on {table} is looked for without {column}"
        if any(one.name == column for one in conflict.targetList or ()):
            yield f"{column} of {table} is changed"


def _change_faults(node: ast.UpdateStmt | ast.DeleteStmt) -> Iterator[str]:
    table = node.relation.relname
    is_update = isinstance(node, ast.UpdateStmt)
    if node.withClause is not None and _names(node) & GROUP_OF.keys():
        yield "a query in WITH goes before a change"
    if table not in GROUP_OF:
        if _names(node) & GROUP_OF.keys():
            yield f"{table} is changed by what distributed tables say"
        return
    if node.fromClause if is_update else node.usingClause:
        yield f"{table} is changed by rows from elsewhere"
    if is_update and any(one.name == GROUP_OF[table][1] for one in node.targetList):
        yield f"the distribution column of {table} is changed"
    if any(True for _ in _sublinks(node.whereClause)) or any(
        True for _ in _sublinks(node.targetList if is_update else ())
    ):
        yield f"{table} is changed by a subquery"


def _is_of_one_shard(sources: Sources) -> bool:
    """Tell whether the distribution column of some table equals one value, and the others are joined with it."""
    standing = sources.distributed()
    fixed = {
        name
        for name, (_, column) in standing.items()
        for condition in sources.conditions
        if _is_equal_to_value(condition, (name, column), is_alone=len(sources.tables) == 1)
    }
    return bool(fixed) and (len(standing) == 1 or _is_connected(standing, sources.conditions))


def _is_connected(joined: dict[str, tuple[int, str]], conditions: list[Any]) -> bool:
    """Tell whether equalities of distribution columns join all of the tables."""
    reached, pairs = {next(iter(joined))}, [pair for one in conditions for pair in _equalities(one, joined)]
    grown = True
    while grown:
        fresh = {b for a, b in pairs if a in reached} | {a for a, b in pairs if b in reached}
        grown = not fresh <= reached
        reached |= fresh
    return reached >= joined.keys()


def _equalities(condition: Any, joined: dict[str, tuple[int, str]]) -> Iterator[tuple[str, str]]:
    if isinstance(condition, ast.A_Expr) and condition.name[0].sval == "=":
        sides = [_column(condition.lexpr), _column(condition.rexpr)]
        if all(side is not None and joined.get(side[0], (0, ""))[1] == side[1] for side in sides):
            yield sides[0][0], sides[1][0]  # type: ignore[index]


def _is_equal_to_value(condition: Any, column: Column, *, is_alone: bool) -> bool:
    if not isinstance(condition, ast.A_Expr) or condition.kind != 0 or condition.name[0].sval != "=":
        return False
    named = _column(condition.lexpr)
    is_it = named == column or (is_alone and named == ("", column[1]))
    value = condition.rexpr
    while isinstance(value, ast.TypeCast):
        value = value.arg
    return is_it and isinstance(value, (ast.ParamRef, ast.A_Const))


def _column(node: Any) -> Column | None:
    if not isinstance(node, ast.ColumnRef) or not all(isinstance(part, ast.String) for part in node.fields):
        return None
    names = [part.sval for part in node.fields]
    return (names[0], names[1]) if len(names) > 1 else ("", names[0])


def _anded(node: Any) -> Iterator[Any]:
    if isinstance(node, ast.BoolExpr) and node.boolop == 0:
        for part in node.args:
            yield from _anded(part)
    elif node is not None:
        yield node


def _names(node: Any) -> set[str]:
    """Return every table that is named anywhere in a tree."""
    found: set[str] = set()

    class Names(Visitor):
        def visit_RangeVar(self, _: Any, node: ast.RangeVar) -> None:  # noqa: N802 - the library's way
            found.add(node.relname)

    Names()(node)
    return found


def _sublinks(node: Any) -> Iterator[ast.SubLink]:
    """Yield the subqueries in an expression, but not those inside of them."""
    if isinstance(node, ast.SubLink):
        yield node
    elif isinstance(node, (list, tuple)):
        for one in node:
            yield from _sublinks(one)
    elif isinstance(node, ast.Node):
        for name in node:
            yield from _sublinks(getattr(node, name))


def _outside(query: ast.SelectStmt) -> set[str]:
    """Return the names by which a subquery speaks of columns, without its own tables."""
    named: set[str] = set()
    own: set[str] = set()

    class Names(Visitor):
        def visit_ColumnRef(self, _: Any, node: ast.ColumnRef) -> None:  # noqa: N802 - the library's way
            column = _column(node)
            if column is not None:
                named.add(column[0])

        def visit_RangeVar(self, _: Any, node: ast.RangeVar) -> None:  # noqa: N802 - the library's way
            own.add(node.alias.aliasname if node.alias else node.relname)

    Names()(query)
    return named - own


_judged: set[str] = set()


def preside(url: str) -> None:
    """Let the bank at an address believe that its tables are distributed, and judge what is sent there."""
    stand_in(url)
    sit()


@cache
def sit() -> None:
    """Judge every statement of this process that goes to a database whose tables are said to be distributed."""

    @event.listens_for(Engine, "before_cursor_execute")
    def _judge(connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
        if connection.info.get(IS_DISTRIBUTED):
            _hold(statement)

    by_driver = writing.sent

    def _judged_sent(connection: Connection, cursor: Any, sql: str, parameters: Any, **how: Any) -> Any:
        if connection.info.get(IS_DISTRIBUTED):
            _hold(sql)
        return by_driver(connection, cursor, sql, parameters, **how)

    writing.sent = _judged_sent


def _hold(statement: str) -> None:
    """Let a statement pass that the engine would take."""
    if statement not in _judged:
        found = faults(statement)
        assert not found, f"{'; '.join(found)}: {statement}"
        _judged.add(statement)
