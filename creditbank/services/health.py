"""Health: whether the bank can do its work now."""

from contextlib import suppress
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from creditbank.gateways import metrics
from creditbank.services.bank import Bank
from creditbank.storage import clients, seal_log
from creditbank.storage.database import Unavailable, is_ready
from creditbank.storage.migrations import is_current

LAG_ROWS_MAX = 10_000
"""Entries that wait which are counted: more of them are an alarm however many they are."""


DEMONSTRATION = frozenset({"rule author", "rule publisher", "second identity reviewer"})
"""Names of clients that only the demonstration makes, all of them; their secrets lie in a file."""


def is_able(bank: Bank) -> bool:
    """Tell whether the database answers and stands at the schema of this version."""
    return is_ready(bank.database) and is_current(bank.database)


def has_demonstration(bank: Bank) -> bool:
    """Tell whether clients of the demonstration are active; no where the database can't be asked or is another's."""
    try:
        return is_able(bank) and bank.database.read(lambda one: clients.are_active(one, DEMONSTRATION))
    except Unavailable:
        return False


def figures(bank: Bank) -> tuple[bytes, str]:
    """Return the operator's figures as text and its content type; without the database, those of before."""
    with suppress(Unavailable):
        bank.database.read(partial(_look_at_log, now=bank.clock()))
    return metrics.exposition()


def _look_at_log(connection: Connection, now: datetime) -> None:
    """Look how far the log is behind the ledger."""
    newest = seal_log.newest_checkpoint(connection)
    waiting, since = seal_log.lag(connection, LAG_ROWS_MAX)
    metrics.log_size.set(newest.size if newest else 0)
    metrics.unsealed_entries.set(waiting)
    metrics.unsealed_seconds.set(max(0, (now - since).total_seconds()) if since else 0)
