"""The database: its engines and transactions, and the few places where SQLite and PostgreSQL differ."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Dialect,
    Engine,
    any_,
    bindparam,
    cast,
    create_engine,
    event,
    func,
    make_url,
    text,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from creditbank.gateways import metrics
from creditbank.storage.distribution import IS_DISTRIBUTED, is_distributed, look
from creditbank.storage.pressure import watch_pool
from creditbank.storage.writing import deferring, send_deferred

BUSY_SECONDS = 30
"""How long a writer waits for its turn on SQLite: longer than a batch of the largest size takes."""

LOCK_SECONDS = 20
"""How long a statement waits for a lock on PostgreSQL before the caller is asked to try later."""

LOOK_SECONDS = 0.02
"""Between two looks at which transactions are still under way."""

POOL_SIZE = 16
"""Connections that one process keeps: one for each of its threads, as the server starts them."""

KEY_LOCKS_MAX = 1024
"""Locks that stand for keys: far fewer than the 6,400 that PostgreSQL has room for as it comes."""

JOB_LOCKS = 1
"""The first half of the locks that stand for jobs; those that stand for keys have no halves, and are others."""

_RETRIED_SQLSTATES = frozenset({"40001", "40P01"})
_LOCK_NOT_AVAILABLE_SQLSTATE = "55P03"
_SQLITE_OUT_OF_REACH = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CANTOPEN")
_SQLITE_PRAGMAS = (
    "foreign_keys=ON",
    "journal_mode=WAL",
    "synchronous=FULL",
    f"busy_timeout={BUSY_SECONDS * 1000}",
    "secure_delete=ON",  # what is deleted or overwritten leaves no bytes in the file
    "recursive_triggers=ON",  # without it INSERT OR REPLACE takes away a written row past the triggers
)

_POSTGRESQL: Dialect = postgresql.dialect()  # type: ignore[no-untyped-call] # SQLAlchemy leaves it untyped

Row = Mapping[str, Any]
T = TypeVar("T")


class Raced(Exception):  # noqa: N818 - what happened, not an error
    """Another transaction won; the whole transaction has to run again and will see what the other wrote."""


class Unavailable(Exception):  # noqa: N818 - what happened, not an error
    """The database did not answer in time or is not there."""


class LockedTooLong(Unavailable):
    """Another transaction kept a row for longer than a caller is made to wait."""


class Database:
    """One database with its connection pool; transactions for writing, snapshots for reading."""

    def __init__(self, url: str, *, pool_size: int = POOL_SIZE, has_pooler: bool = False) -> None:
        """Prepare the pool; nothing is connected yet. `url` is sqlite:///… or postgresql+psycopg://….

        With a pooler between, the server's session changes from one transaction to the next: nothing is left in it.
        """
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite:
            self._writer = _sqlite_engine(url, pool_size)
        else:
            self._writer = _postgresql_engine(url, pool_size, has_pooler=has_pooler)
        watch_pool(self._writer)
        self._reader = self._writer.execution_options(isolation_level="AUTOCOMMIT")

    @property
    def engine(self) -> Engine:
        """The engine that transactions use, for migrations and tests."""
        return self._writer

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Give one transaction that commits at the end.

        Raised after a rollback: Raced, Unavailable. Where the connection is lost before the commit, nothing can have
        been done and Raced asks for another run; lost during the commit it is Unavailable, as nobody knows.
        """
        is_committing = False
        try:
            with self._writer.connect() as connection, connection.begin() as transaction:
                with deferring(connection):
                    yield connection
                is_committing = True
                transaction.commit()
        except (DBAPIError, PoolTimeout) as error:
            if isinstance(error, DBAPIError) and error.connection_invalidated and not is_committing:
                raise Raced(str(error.orig)) from error
            raise _classified(error) from error

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection for reading; each statement sees what is committed when it starts.

        Raised: Raced where the connection was lost and another run may succeed, Unavailable.
        """
        try:
            with self._reader.connect() as connection:
                yield connection
        except (DBAPIError, PoolTimeout) as error:
            if isinstance(error, DBAPIError) and error.connection_invalidated:
                raise Raced(str(error.orig)) from error
            raise _classified(error) from error

    def read(self, query: Callable[[Connection], T]) -> T:
        """Run a query that changes nothing, and once more where the connection turns out to be lost.

        Raised: Unavailable.
        """
        try:
            with self.reading() as connection:
                return query(connection)
        except Raced:
            try:
                with self.reading() as connection:
                    return query(connection)
            except Raced as lost:
                raise Unavailable(str(lost)) from lost

    def forget_log(self) -> None:
        """Move everything from SQLite's write-ahead log into the file and empty the log, as far as readers let it."""
        if self.is_sqlite:
            with self.reading() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def rewrite_files(self, tables: Iterable[str]) -> None:
        """Write tables anew (SQLite: all of the file), so that nothing overwritten or deleted is left in the files.

        Nobody else reads or writes a table meanwhile. Raised: Unavailable.
        """
        names = [""] if self.is_sqlite else sorted(tables)
        with self.reading() as connection:
            for name in names:
                connection.exec_driver_sql("VACUUM" if self.is_sqlite else f"VACUUM FULL {name}")
        self.forget_log()

    def close(self) -> None:
        """Close every pooled connection."""
        self._writer.dispose()


def _sqlite_engine(url: str, pool_size: int) -> Engine:
    """Return an engine whose transactions take the write lock when they begin, so that none fails half way."""
    engine = create_engine(url, pool_size=pool_size, max_overflow=0, pool_timeout=BUSY_SECONDS, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own connection
        connection.isolation_level = None
        for pragma in _SQLITE_PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _postgresql_engine(url: str, pool_size: int, *, has_pooler: bool) -> Engine:
    """Return an engine at READ COMMITTED with a bound on waiting for locks, said once a session or a transaction."""
    session = {"options": f"-c lock_timeout={LOCK_SECONDS}s -c timezone=UTC"}
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=LOCK_SECONDS,
        connect_args={"prepare_threshold": None} if has_pooler else session,
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def _look(driver: Any, record: Any) -> None:  # noqa: ANN401 - the driver's own connection
        record.info[IS_DISTRIBUTED] = look(driver)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
            if connection.info[IS_DISTRIBUTED]:
                connection.exec_driver_sql("SET LOCAL citus.propagate_set_commands = 'local'")
            if has_pooler or connection.info[IS_DISTRIBUTED]:
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")

    @event.listens_for(engine, "before_cursor_execute")
    def _send_first(connection: Connection, *_execution: object) -> None:
        send_deferred(connection)

    return engine


def _classified(error: DBAPIError | PoolTimeout) -> Exception:
    """Return what a driver's error means to the caller; a fault of our own comes back unchanged."""
    if isinstance(error, PoolTimeout):
        metrics.pool_timeouts_total.inc()
        return Unavailable(str(error))
    state = getattr(error.orig, "sqlstate", None)
    if isinstance(error, IntegrityError) and _is_unique_violation(error):
        return Raced(str(error.orig))
    if state in _RETRIED_SQLSTATES:
        return Raced(str(error.orig))
    if state == _LOCK_NOT_AVAILABLE_SQLSTATE:
        metrics.lock_timeouts_total.inc()
        return LockedTooLong(str(error.orig))
    if error.connection_invalidated or _is_out_of_reach(error):
        metrics.unavailable_total.inc()
        return Unavailable(str(error.orig))
    return error


def _is_out_of_reach(error: DBAPIError) -> bool:
    """Tell a database that is busy, full or gone from a statement that it does not understand."""
    name = getattr(error.orig, "sqlite_errorname", None)
    return isinstance(error, OperationalError) and (name is None or name.startswith(_SQLITE_OUT_OF_REACH))


def _is_unique_violation(error: IntegrityError) -> bool:
    """Tell a lost race for a key from a broken CHECK, NOT NULL or foreign key, which are faults of our own."""
    if getattr(error.orig, "sqlite_errorname", None) in ("SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY"):
        return True
    return getattr(error.orig, "sqlstate", None) == "23505"


def member_of(connection: Connection, column: ColumnElement[T], values: Iterable[T]) -> ColumnElement[bool]:
    """Return the condition that the column is among the values: one array on PostgreSQL, up to 32,766 on SQLite."""
    listed = list(values)
    if connection.dialect.name == "postgresql":
        return column == any_(bindparam(None, listed, type_=ARRAY(column.type)))
    return column.in_(listed)


def for_update(connection: Connection, query: Any) -> Any:  # noqa: ANN401 - a select of any shape
    """Return the query locking its rows in their order; on SQLite the transaction has the only write lock already."""
    return query.with_for_update() if connection.dialect.name == "postgresql" else query


def for_claim(connection: Connection, query: Any, of: Any = None) -> Any:  # noqa: ANN401 - a select of any shape
    """Return the query locking its rows as above, but passing over those that somebody else has locked.

    Of a join only the rows `of` one table are locked, if it is named.
    """
    return query.with_for_update(skip_locked=True, of=of) if connection.dialect.name == "postgresql" else query


def for_share(connection: Connection, query: Any, of: Any = None) -> Any:  # noqa: ANN401 - a select of any shape
    """Return the query keeping others from changing or deleting its rows, while they may still read and share them.

    Of a join only the rows `of` one table are kept, if it is named.
    """
    return query.with_for_update(read=True, of=of) if connection.dialect.name == "postgresql" else query


def for_change(connection: Connection, query: Any) -> Any:  # noqa: ANN401 - a select of any shape
    """Return the query locking its rows as an UPDATE of other columns than keys does: who refers to them may go on."""
    return query.with_for_update(key_share=True) if connection.dialect.name == "postgresql" else query


def for_reference(connection: Connection, query: Any, of: Any = None) -> Any:  # noqa: ANN401 - a select of any shape
    """Return the query locking rows (`of` one table) as a reference to them does: only who locks them whole waits."""
    is_postgresql = connection.dialect.name == "postgresql"
    return query.with_for_update(read=True, key_share=True, of=of) if is_postgresql else query


def unless_locked(connection: Connection, query: Any) -> Any:  # noqa: ANN401 - a select of any shape
    """Return the query locking its rows as an UPDATE does but for those that others have locked, which are left out."""
    return query.with_for_update(skip_locked=True, key_share=True) if connection.dialect.name == "postgresql" else query


def one_by_one(connection: Connection, keys: Iterable[bytes]) -> None:
    """Wait until no other transaction has named any of the keys; on SQLite there is only one writer anyway.

    For rows that are still to come, which nobody can lock. Keys share a bounded number of locks, as a batch may name
    more than PostgreSQL's lock table holds.
    """
    if connection.dialect.name == "postgresql":
        numbers = sorted({int.from_bytes(key[:8]) % KEY_LOCKS_MAX for key in keys})
        locks = "SELECT pg_advisory_xact_lock(number) FROM unnest(CAST(:numbers AS bigint[])) AS number"
        connection.execute(text(locks), {"numbers": numbers})


def is_alone(connection: Connection, job: str) -> bool:
    """Tell whether no other transaction is at a job, and keep others from it till this one ends; waits for nobody.

    On SQLite there is only one writer anyway.
    """
    if connection.dialect.name != "postgresql":
        return True
    lock = text("SELECT pg_try_advisory_xact_lock(:space, hashtext(:job))")
    return bool(connection.execute(lock, {"space": JOB_LOCKS, "job": job}).scalar_one())


def outlast_transactions(connection: Connection) -> None:
    """Wait until every transaction that is under way now has ended; on SQLite the next one to write has waited anyway.

    Raised: LockedTooLong where one lasts longer than a caller is made to wait.
    """
    if connection.dialect.name != "postgresql":
        return
    query = text("""
        SELECT virtualtransaction FROM pg_locks JOIN pg_stat_activity USING (pid)
        WHERE locktype = 'virtualxid' AND granted AND datname = current_database() AND pid <> pg_backend_pid()
    """)
    waiting = set(connection.execute(query).scalars())
    deadline = time.monotonic() + LOCK_SECONDS
    while waiting:
        if time.monotonic() > deadline:
            raise LockedTooLong("a transaction that began earlier goes on")
        time.sleep(LOOK_SECONDS)
        waiting &= set(connection.execute(query).scalars())


def writing_since(connection: Connection) -> datetime | None:
    """Return when the oldest transaction began that has written and not ended; None where there is none.

    On SQLite nobody else writes while this is asked. Where tables are spread, what only reads counts as well: the
    coordinator doesn't know who writes on other machines.
    """
    if connection.dialect.name != "postgresql":
        return None
    query = text("""
        SELECT min(xact_start) FROM pg_stat_activity
        WHERE (backend_xid IS NOT NULL OR :is_spread) AND datname = current_database() AND pid <> pg_backend_pid()
    """)
    found: datetime | None = connection.execute(query, {"is_spread": is_distributed(connection)}).scalar_one()
    return found


@contextmanager
def snapshot(connection: Connection) -> Iterator[None]:
    """Let several statements on a reading connection see the database as it stood at one moment."""
    mode = " ISOLATION LEVEL REPEATABLE READ READ ONLY" if connection.dialect.name == "postgresql" else ""
    connection.exec_driver_sql("BEGIN" + mode)
    try:
        yield
    finally:
        connection.exec_driver_sql("ROLLBACK")


def is_ready(database: Database) -> bool:
    """Tell whether the database answers."""
    try:
        return database.read(lambda connection: bool(connection.execute(text("SELECT 1")).scalar_one() == 1))
    except Unavailable:
        return False


def json_member(connection: Connection, column: ColumnElement[str], *path: str | int) -> ColumnElement[str]:
    """Return the text that stands at a path of names and places in a column of JSON texts; NULL where nothing does."""
    if connection.dialect.name == "postgresql":
        found: ColumnElement[Any] = cast(column, postgresql.JSONB)
        *upper, last = path
        for step in upper:
            found = found[step]
        member: ColumnElement[str] = found[last].astext
        return member
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return func.json_extract(column, "$" + "".join(steps))
