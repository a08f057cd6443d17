"""No migration locks a large table for long: its SQL for PostgreSQL is read, statement by statement."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from alembic.script import ScriptDirectory
from pglast import ast, enums, parse_sql
from sqlalchemy import event

from creditbank.storage import catalogue
from creditbank.storage.database import Database
from creditbank.storage.distribution import REFERENCE
from creditbank.storage.migrations import SCRIPTS, migrate
from tests import judge
from tests.conftest import postgresql_database

SMALL = {*REFERENCE, "alembic_version"}
"""Registries of some hundred rows, in which nothing takes long."""

REVISIONS = [script.revision for script in ScriptDirectory(str(SCRIPTS)).walk_revisions()][::-1]
"""Every revision, oldest first."""

EXEMPT = dict.fromkeys(("0006", "0009", "0012"), "from before the first bank: all of its tables were empty")
"""Migrations that lock large tables, and why they may."""

IMMUTABLE = {"now", "current_timestamp"}
"""Functions whose value is taken once for a whole column that is added."""

LONG = {
    enums.AlterTableType.AT_AlterColumnType: "changes a column's type, which writes the table anew",
    enums.AlterTableType.AT_SetNotNull: "sets NOT NULL, which reads the table: a validated CHECK comes first",
    enums.AlterTableType.AT_SetLogged: "writes the table anew",
    enums.AlterTableType.AT_SetUnLogged: "writes the table anew",
    enums.AlterTableType.AT_SetTableSpace: "writes the table anew",
}


@dataclass
class Reading:
    """What has been read of one migration so far: tables that it made, which are empty, and its bound on waiting."""

    made: set[str] = field(default_factory=set)
    has_bound: bool = False

    def is_large(self, table: str) -> bool:
        return table not in self.made and table not in SMALL


def faults(sql: str) -> list[str]:
    """Return what in some SQL would keep others from a large table for long."""
    return judged([sql])


def _faults(node: Any, reading: Reading) -> Iterator[str]:
    if isinstance(node, ast.VariableSetStmt) and node.name == "lock_timeout":
        reading.has_bound = True
    elif isinstance(node, ast.CreateStmt):
        reading.made.add(node.relation.relname)
        yield from _references(node.relation.relname, node.tableElts or (), reading)
    elif isinstance(node, (ast.UpdateStmt, ast.DeleteStmt, ast.InsertStmt)):
        yield from _row_faults(node, reading)
    elif isinstance(node, ast.IndexStmt) and reading.is_large(node.relation.relname) and not node.concurrent:
        yield f"{node.idxname}: an index on {node.relation.relname} without CONCURRENTLY"
    elif isinstance(node, ast.AlterTableStmt) and reading.is_large(node.relation.relname):
        if not reading.has_bound:
            yield f"{node.relation.relname} is altered without a lock_timeout"
        for one in node.cmds:
            yield from _alteration_faults(node.relation.relname, one)
    elif isinstance(node, (ast.VacuumStmt, ast.ClusterStmt, ast.ReindexStmt, ast.LockStmt)):
        yield f"{type(node).__name__} keeps others out"


def _row_faults(node: Any, reading: Reading) -> Iterator[str]:
    if not isinstance(node, ast.InsertStmt):
        if reading.is_large(node.relation.relname):
            yield f"rows of {node.relation.relname} are changed in one go; a command that goes on in parts does it"
    elif node.selectStmt is not None:
        read = {one for one in re.findall(r"relname='(\w+)'", repr(node.selectStmt)) if reading.is_large(one)}
        if read:
            yield f"rows of {sorted(read)} are copied in one go"


def _alteration_faults(table: str, change: ast.AlterTableCmd) -> Iterator[str]:
    if change.subtype in LONG:
        yield f"{table}: {LONG[change.subtype]}"
    elif change.subtype == enums.AlterTableType.AT_AddConstraint:
        kind = change.def_.contype
        by_index = kind in (enums.ConstrType.CONSTR_PRIMARY, enums.ConstrType.CONSTR_UNIQUE)
        if by_index and not change.def_.indexname:
            yield f"{table}: a key that builds its index; build it CONCURRENTLY and add it USING INDEX"
        elif not by_index and not change.def_.skip_validation:
            yield f"{table}: a constraint without NOT VALID, which reads the table under a lock"
    elif change.subtype == enums.AlterTableType.AT_AddColumn:
        for one in change.def_.constraints or ():
            if one.contype == enums.ConstrType.CONSTR_DEFAULT and _is_volatile(one.raw_expr):
                yield f"{table}: a column with a default of its own for each row, which writes the table anew"
            elif one.contype not in (enums.ConstrType.CONSTR_DEFAULT, enums.ConstrType.CONSTR_NULL) and (
                one.contype != enums.ConstrType.CONSTR_NOTNULL or not _has_default(change.def_)
            ):
                yield f"{table}: a column with a constraint that is checked for each row"


def _has_default(column: ast.ColumnDef) -> bool:
    return any(one.contype == enums.ConstrType.CONSTR_DEFAULT for one in column.constraints or ())


def _is_volatile(node: Any) -> bool:
    names = set(re.findall(r"FuncCall funcname=\(<String sval='(\w+)'", repr(node)))
    return bool(names - IMMUTABLE)


def _references(table: str, elements: Any, reading: Reading) -> Iterator[str]:
    """Tell of references to large tables: they lock those for a moment, so that waiting has to have a bound."""
    for one in elements:
        is_reference = isinstance(one, ast.Constraint) and one.contype == enums.ConstrType.CONSTR_FOREIGN
        if is_reference and reading.is_large(one.pktable.relname) and not reading.has_bound:
            yield f"{table} refers to {one.pktable.relname}, which is locked without a lock_timeout"


@pytest.fixture(scope="module")
def sent(postgresql_server: str) -> dict[str, list[str]]:
    """Give the statements that every migration sends to PostgreSQL, oldest first."""
    found: dict[str, list[str]] = {}
    with postgresql_database(postgresql_server) as url:
        database = Database(url)

        @event.listens_for(database.engine, "before_cursor_execute")
        def _note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            found.setdefault(revision, []).append(statement)

        for revision in REVISIONS:
            migrate(database, revision)
        database.close()
    return found


def judged(statements: list[str]) -> list[str]:
    """Return what is wrong with a migration."""
    reading, numbers = Reading(), iter(range(1, 100_000))
    told = [judge.PLACES.sub(lambda _: f"${next(numbers)}", one).replace("%%", "%") for one in statements]
    return [fault for one in told for raw in parse_sql(one) for fault in _faults(raw.stmt, reading)]


def test_no_migration_locks_a_large_table_for_long(sent: dict[str, list[str]]) -> None:
    found = {revision: judged(statements) for revision, statements in sent.items()}
    assert {revision: told for revision, told in found.items() if told and revision not in EXEMPT} == {}
    assert {revision for revision in EXEMPT if not found[revision]} == set(), "these need no exemption"


def test_every_statement_of_the_migrations_was_read(sent: dict[str, list[str]]) -> None:
    assert list(sent) == REVISIONS
    made = re.findall(r"CREATE TABLE (\w+)", "".join(one for statements in sent.values() for one in statements))
    assert catalogue.tables.keys() <= set(made)


BOUND = "SET LOCAL lock_timeout = '5s'; "


@pytest.mark.parametrize(
    ("planted", "said"),
    [
        ("CREATE INDEX planted ON entry (id)", "without CONCURRENTLY"),
        (BOUND + "ALTER TABLE entry ADD CONSTRAINT c CHECK (seq > 0)", "without NOT VALID"),
        (BOUND + "ALTER TABLE lot ADD FOREIGN KEY (learner_id) REFERENCES learner (id)", "without NOT VALID"),
        (BOUND + "ALTER TABLE lot ADD CONSTRAINT u UNIQUE (learner_id, outcome_id)", "builds its index"),
        (BOUND + "ALTER TABLE lot ADD PRIMARY KEY (id)", "builds its index"),
        (BOUND + "ALTER TABLE entry ALTER COLUMN seq TYPE bigint", "writes the table anew"),
        (BOUND + "ALTER TABLE entry ALTER COLUMN seq SET NOT NULL", "a validated CHECK"),
        (BOUND + "ALTER TABLE entry ADD COLUMN n uuid DEFAULT gen_random_uuid()", "of its own for each row"),
        (BOUND + "ALTER TABLE entry ADD COLUMN n int CHECK (n > 0)", "checked for each row"),
        (BOUND + "ALTER TABLE entry ADD COLUMN n int NOT NULL", "checked for each row"),
        ("ALTER TABLE entry ADD COLUMN n int", "without a lock_timeout"),
        ("UPDATE learner SET status = 'active'", "in one go"),
        ("DELETE FROM audit WHERE true", "in one go"),
        ("CREATE TABLE a (id uuid); INSERT INTO a SELECT id FROM learner", "copied in one go"),
        ("CREATE TABLE a (id uuid, FOREIGN KEY (id) REFERENCES learner (id))", "without a lock_timeout"),
        ("LOCK TABLE entry", "keeps others out"),
        ("CLUSTER entry USING pk_entry", "keeps others out"),
    ],
)
def test_a_migration_that_would_is_found(planted: str, said: str) -> None:
    assert any(said in fault for fault in faults(planted)), faults(planted)


@pytest.mark.parametrize(
    "allowed",
    [
        "CREATE INDEX CONCURRENTLY fine ON entry (id)",
        "CREATE TABLE a (id uuid PRIMARY KEY); CREATE INDEX fine ON a (id); UPDATE a SET id = id",
        BOUND + "CREATE TABLE a (id uuid, FOREIGN KEY (id) REFERENCES learner (id))",
        BOUND + "ALTER TABLE entry ADD CONSTRAINT c CHECK (seq > 0) NOT VALID; ALTER TABLE entry VALIDATE CONSTRAINT c",
        BOUND + "ALTER TABLE entry ADD COLUMN n int DEFAULT 0 NOT NULL",
        BOUND + "ALTER TABLE entry ADD COLUMN n timestamptz DEFAULT now()",
        BOUND + "ALTER TABLE lot ADD CONSTRAINT u UNIQUE USING INDEX built_before",
        BOUND + "ALTER TABLE entry DROP COLUMN actor",
        "UPDATE region SET name = name",
        "CREATE TRIGGER t BEFORE UPDATE ON entry FOR EACH ROW EXECUTE FUNCTION refuse_change()",
    ],
)
def test_a_migration_that_waits_for_nobody_passes(allowed: str) -> None:
    assert faults(allowed) == []
