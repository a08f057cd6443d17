"""Copies of a PostgreSQL database for one test after another: put back in place, as making one anew takes longer."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

import psycopg

Making = Callable[[], AbstractContextManager[str]]

TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"

SHAPE = """
SELECT (SELECT array_agg((oid, relname)::text ORDER BY oid) FROM pg_class WHERE relnamespace = 'public'::regnamespace),
       (SELECT array_agg((oid, conname)::text ORDER BY oid) FROM pg_constraint),
       (SELECT array_agg((oid, tgname, tgenabled)::text ORDER BY oid) FROM pg_trigger)
"""
"""What a test may change beside rows: tables and their indexes, constraints, triggers."""

OTHERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"  # noqa: E501


class Copies:
    """Lends a copy that holds the same rows each time; it is made anew where a test changed more than rows."""

    def __init__(self, making: Making) -> None:
        """Take what makes a copy and drops it at the end."""
        self.making = making
        self.kept = ExitStack()
        self.url = ""
        self.shape: object = None
        self.putting_back = ""

    def close(self) -> None:
        """Drop the copy."""
        self.kept.close()
        self.url = ""

    @contextmanager
    def lent(self) -> Iterator[str]:
        """Give the address of the copy."""
        if not self.url:
            self._make()
        yield self.url
        if not self._put_back():
            self.close()

    def _make(self) -> None:
        self.url = self.kept.enter_context(self.making())
        with self._connected() as connection:
            self.shape = connection.execute(SHAPE).fetchone()
            names = [name for (name,) in connection.execute(TABLES).fetchall()]
            connection.execute("CREATE SCHEMA kept")
            steps = ["SET LOCAL session_replication_role = replica"]  # which keeps triggers and references still
            steps += [f'DELETE FROM public."{name}"' for name in names]  # noqa: S608 - our own names
            for name in names:
                made = connection.execute(f'CREATE TABLE kept."{name}" AS TABLE public."{name}"')
                if made.rowcount:
                    steps.append(f'INSERT INTO public."{name}" SELECT * FROM kept."{name}"')  # noqa: S608
        self.putting_back = f"BEGIN; {'; '.join(steps)}; COMMIT"

    def _put_back(self) -> bool:
        """Give the copy its rows again, and tell whether that was all."""
        with self._connected() as connection:
            connection.execute(OTHERS)
            if connection.execute(SHAPE).fetchone() != self.shape:
                return False
            connection.execute(self.putting_back)
        return True

    def _connected(self) -> psycopg.Connection:
        return psycopg.connect(self.url.replace("postgresql+psycopg://", "postgresql://"), autocommit=True)
