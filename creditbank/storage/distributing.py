"""Spreading a bank's tables over many machines: the calls of the engine, in the order in which it takes them.

All of them are one transaction. References and triggers are taken away first and put back at the end, so that no table
that is spread is ever tied to one that isn't yet, and no trigger meets what the engine does with the rows.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, text

from creditbank.storage.distribution import DISTRIBUTED, GROUPS, REFERENCE

_ENGINE = "SELECT extversion FROM pg_extension WHERE extname = 'citus'"
_SPREAD = "SELECT CAST(CAST(logicalrelid AS regclass) AS text) FROM pg_dist_partition"
_NODES = "SELECT count(*) FILTER (WHERE groupid = 0), count(*) FILTER (WHERE groupid <> 0) FROM pg_dist_node"
_TABLES = """
    SELECT relname, pg_relation_size(oid) > 0 AS has_rows FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
"""
_REFERENCES = """
    SELECT conname AS name, CAST(conrelid AS regclass)::text AS from_table, confrelid::regclass::text AS to_table,
           pg_get_constraintdef(oid) AS said
    FROM pg_constraint WHERE contype = 'f' AND connamespace = 'public'::regnamespace ORDER BY 2, 1
"""
_TRIGGERS = """
    SELECT tgname AS name, tgrelid::regclass::text AS from_table, pg_get_triggerdef(oid) AS said
    FROM pg_trigger WHERE NOT tgisinternal ORDER BY 2, 1
"""


class NotReady(Exception):  # noqa: N818 - what is the matter
    """The engine is not set up for tables to be spread."""


@dataclass(frozen=True, slots=True)
class Wish:
    """How the operator wants it: where the coordinator is reached, and how many parts a table has; 0 as configured."""

    coordinator: str = ""
    shards: int = 0


@dataclass(frozen=True, slots=True)
class Engine:
    """What is known of the engine: its version (none where the extension is missing), and its machines."""

    version: str | None
    has_coordinator: bool = False
    workers: int = 0


def engine(connection: Connection) -> Engine:
    """Return what the database says of itself."""
    version = connection.execute(text(_ENGINE)).scalar_one_or_none()
    if version is None:
        return Engine(None)
    coordinators, workers = connection.execute(text(_NODES)).one()
    return Engine(version, coordinators > 0, workers)


def check(found: Engine, wish: Wish) -> None:
    """Refuse an engine that is not set up: NotReady."""
    if found.version is None:
        raise NotReady("the extension citus is not there: CREATE EXTENSION citus, on this machine and on the workers")
    if found.workers == 0:
        raise NotReady("there are no workers: SELECT citus_add_node('HOST', 5432) for each")
    if not found.has_coordinator and not wish.coordinator:
        raise NotReady("the workers don't know this machine: name it with --coordinator HOST:PORT")


def steps(connection: Connection, wish: Wish) -> list[str]:
    """Return the statements that spread what isn't spread yet; none where all is."""
    done = set(connection.execute(text(_SPREAD)).scalars()) if engine(connection).version is not None else set()
    has_rows = {row.relname: row.has_rows for row in connection.execute(text(_TABLES))}
    to_do = [table for table in (*REFERENCE, *DISTRIBUTED) if table not in done]
    if not to_do:
        return []
    references = [
        row for row in connection.execute(text(_REFERENCES)) if row.from_table in to_do or row.to_table in to_do
    ]
    triggers = [row for row in connection.execute(text(_TRIGGERS)) if row.from_table in to_do]
    return [
        *_settings(connection, wish),
        *(f"ALTER TABLE {one.from_table} DROP CONSTRAINT {one.name}" for one in references),
        *(f"DROP TRIGGER {one.name} ON {one.from_table}" for one in triggers),
        *(_call(table, wish) for table in to_do),
        *(f"SELECT truncate_local_data_after_distributing_table('{one}')" for one in to_do if has_rows[one]),
        *(f"ALTER TABLE {one.from_table} ADD CONSTRAINT {one.name} {one.said}" for one in references),
        *(one.said for one in triggers),
    ]


def spread(connection: Connection, wish: Wish) -> list[str]:
    """Spread the tables and return what was done. Raised: NotReady."""
    check(engine(connection), wish)
    made = steps(connection, wish)
    for statement in made:
        connection.exec_driver_sql(statement)
    return made


def _settings(connection: Connection, wish: Wish) -> list[str]:
    """Return what is set before: for this transaction, and for later sessions, that triggers are known to be safe."""
    database = connection.execute(text("SELECT quote_ident(current_database())")).scalar_one()
    host, _, port = wish.coordinator.partition(":")
    quoted = host.replace("'", "''")
    return [
        *([f"SELECT citus_set_coordinator_host('{quoted}', {int(port or 5432)})"] if host else []),
        "SET LOCAL lock_timeout = 0",
        "SET LOCAL citus.multi_shard_modify_mode = 'sequential'",
        "SET LOCAL citus.shard_replication_factor = 1",
        "SET LOCAL citus.enable_unsafe_triggers = on",
        f"ALTER DATABASE {database} SET citus.enable_unsafe_triggers = on",
    ]


def _call(table: str, wish: Wish) -> str:
    """Return the engine's call for a table: the first of a group founds it, the others stand with that one."""
    if table not in DISTRIBUTED:
        return f"SELECT create_reference_table('{table}')"
    group = next(group for group in GROUPS if table in group.tables)
    named = f"'{table}', '{group.tables[table]}'"
    if table != group.founder:
        return f"SELECT create_distributed_table({named}, colocate_with => '{group.founder}')"
    shards = f", shard_count => {wish.shards}" if wish.shards else ""
    return f"SELECT create_distributed_table({named}, colocate_with => 'none'{shards})"
