"""A bank with a planted defect: what tells a repeat from a new record is written after the effect is committed."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from flask import Flask
from sqlalchemy import Connection, Table

from creditbank.app import create_app
from creditbank.config import settings_from_environment
from creditbank.opening import create_bank
from creditbank.storage import outcome_claims, outcomes
from creditbank.storage.database import Database
from creditbank.storage.writing import append, append_missing

GAP_SECONDS = 0.05
"""Between the two commits: wide enough to be hit by a drill of some kills, narrow enough to escape other tests."""

LATE_TABLES = ("outcome_key", "outcome_claim")
LATE = "drill.late_rows"


class ForgetfulDatabase(Database):
    """A database that commits the keys of idempotency in a transaction of their own."""

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Give a transaction; the rows that were put aside in it follow after its commit."""
        with super().transaction() as connection:
            late: list[tuple[Table, Sequence[Any]]] = []
            connection.info[LATE] = late
            yield connection
        if late:
            time.sleep(GAP_SECONDS)
            with super().transaction() as connection:
                for table, rows in late:
                    append_missing(connection, table, rows)


def append_late(connection: Connection, table: Table, rows: Sequence[Any]) -> None:
    """Put rows of the late tables aside and write all others at once."""
    if table.name in LATE_TABLES:
        if rows:
            connection.info[LATE].append((table, rows))
    else:
        append(connection, table, rows)


def create_defective_app() -> Flask:
    """Return the application of the environment with the defect in it."""
    for table in (outcomes, outcome_claims):
        assert table.append is append, "the defect is planted where the keys are written"
        table.append = append_late
    settings = settings_from_environment()
    database = ForgetfulDatabase(settings.database_url, pool_size=settings.pool_size)
    return create_app(settings, replace(create_bank(settings), database=database))
