"""Health: whether the bank can do its work now."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from creditbank import __version__
from creditbank.core.webhook import Health
from creditbank.gateways import metrics
from creditbank.services.bank import Bank
from creditbank.storage import clients, deliveries, imports, outbox, seal_log, webhooks
from creditbank.storage.database import Unavailable, is_ready
from creditbank.storage.migrations import suits
from creditbank.storage.pressure import lock_waiters

LAG_ROWS_MAX = 10_000
"""Entries that wait which are counted: more of them are an alarm however many they are."""


QUEUES: Mapping[str, Callable[[Connection, int], tuple[int, datetime | None]]] = {
    "seal": seal_log.lag,
    "imports": imports.lag,
    "events": outbox.lag,
    "webhooks": deliveries.lag,
}
"""What waits for the worker: how many, looking at no more than a bound, and since when the oldest of them does."""

DEMONSTRATION = frozenset({"rule author", "rule publisher", "second identity reviewer"})
"""Names of clients that only the demonstration makes, all of them; their secrets lie in a file."""


def is_able(bank: Bank) -> bool:
    """Tell whether the database answers and has the schema of this version, or of a newer one."""
    return is_ready(bank.database) and suits(bank.database)


def has_demonstration(bank: Bank) -> bool:
    """Tell whether clients of the demonstration are active; no where the database can't be asked or is another's."""
    try:
        return is_able(bank) and bank.database.read(lambda one: clients.are_active(one, DEMONSTRATION))
    except Unavailable:
        return False


def figures(bank: Bank) -> tuple[bytes, str]:
    """Return the operator's figures as text and its content type; without the database, those of before."""
    metrics.build.labels(__version__).set(1)
    with suppress(Unavailable):
        bank.database.read(partial(_look, now=bank.clock()))
    return metrics.exposition()


def _look(connection: Connection, now: datetime) -> None:
    """Look how far the log is, what waits for the worker, how webhooks do, and who waits for locks."""
    newest = seal_log.newest_checkpoint(connection)
    metrics.log_size.set(newest.size if newest else 0)
    for queue, waiting_since in QUEUES.items():
        waiting, since = waiting_since(connection, LAG_ROWS_MAX)
        metrics.queue_entries.labels(queue).set(waiting)
        metrics.queue_seconds.labels(queue).set(max(0, (now - since).total_seconds()) if since else 0)
    healths = webhooks.count_by_health(connection)
    for health in Health:
        metrics.webhooks.labels(health.value).set(healths[health])
    metrics.webhook_dead_letters.set(deliveries.count_dead(connection, LAG_ROWS_MAX))
    metrics.lock_waiters.set(lock_waiters(connection))
