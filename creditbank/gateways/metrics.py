"""Figures for the operator's monitoring, in Prometheus' form; processes that share a folder are shown together.

Where PROMETHEUS_MULTIPROC_DIR names a folder each process keeps its figures in files there, and whichever is asked adds
them up. `creditbank serve` makes such a folder for its processes. Labels are routes, codes and names of our own:
nothing that a caller can make up, and nobody's id.
"""

import importlib
import os
import re
import sys
from pathlib import Path

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    start_http_server,
)
from prometheus_client import values as kept
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The variable that names the folder, as Prometheus' library calls it."""

registry = CollectorRegistry()

requests_total = Counter(
    "creditbank_requests", "Requests answered", ["operation", "method", "status"], registry=registry
)
request_seconds = Histogram(
    "creditbank_request_seconds",
    "Seconds from a request to its answer, by class of status",
    ["operation", "status"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    registry=registry,
)
refusals_total = Counter("creditbank_refusals", "Requests refused", ["code"], registry=registry)
rejected_records_total = Counter(
    "creditbank_rejected_records",
    "Records of batches that were rejected, by the first reason",
    ["code"],
    registry=registry,
)
postings_total = Counter("creditbank_postings", "Ledger entries written", ["kind"], registry=registry)
retries_total = Counter("creditbank_transaction_retries", "Transactions run again after a lost race", registry=registry)
lock_timeouts_total = Counter(
    "creditbank_lock_timeouts", "Statements given up after waiting for a lock", registry=registry
)
pool_timeouts_total = Counter(
    "creditbank_pool_timeouts", "Requests given up after waiting for a connection", registry=registry
)
unavailable_total = Counter(
    "creditbank_database_unavailable", "Statements that the database didn't answer", registry=registry
)
pool_connections_in_use = Gauge(
    "creditbank_pool_connections_in_use",
    "Database connections in use by all processes",
    registry=registry,
    multiprocess_mode="livesum",
)
pool_connections_max = Gauge(
    "creditbank_pool_connections_max",
    "Database connections that all processes may use",
    registry=registry,
    multiprocess_mode="livesum",
)
lock_waiters = Gauge(
    "creditbank_lock_waiters",
    "Connections that wait for a lock in the database now",
    registry=registry,
    multiprocess_mode="mostrecent",
)
queue_entries = Gauge(
    "creditbank_queue_entries",
    "What waits to be worked on, counted up to a bound",
    ["queue"],
    registry=registry,
    multiprocess_mode="mostrecent",
)
queue_seconds = Gauge(
    "creditbank_queue_seconds",
    "Seconds that the oldest of it has waited",
    ["queue"],
    registry=registry,
    multiprocess_mode="mostrecent",
)
webhook_deliveries_total = Counter(
    "creditbank_webhook_deliveries",
    "Deliveries to webhooks tried, by what came of it",
    ["result"],
    registry=registry,
)
webhook_dead_letters = Gauge(
    "creditbank_webhook_dead_letters",
    "Deliveries to webhooks that were given up and are kept, counted up to a bound",
    registry=registry,
    multiprocess_mode="mostrecent",
)
webhooks = Gauge(
    "creditbank_webhooks",
    "Webhooks by how they do: sound, failing, paused by the bank, or off as their institution asked",
    ["health"],
    registry=registry,
    multiprocess_mode="mostrecent",
)
log_size = Gauge("creditbank_log_size", "Ledger entries sealed", registry=registry, multiprocess_mode="mostrecent")
jobs_total = Counter("creditbank_jobs", "Runs of the worker's jobs", ["job", "outcome"], registry=registry)
budget_refusals_total = Counter(
    "creditbank_budget_refusals", "Requests refused because a budget was used up", ["budget"], registry=registry
)
limits_store_failures_total = Counter(
    "creditbank_limits_store_failures",
    "Times that the shared store of limits didn't answer, after which a process counts by itself for a while",
    registry=registry,
)
build = Gauge("creditbank_build", "The version that runs", ["version"], registry=registry, multiprocess_mode="livemax")


def exposition() -> tuple[bytes, str]:
    """Return all figures as text and its content type; of processes that ended, what they counted stays."""
    folder = os.environ.get(FOLDER)
    if not folder:
        return generate_latest(registry), CONTENT_TYPE_LATEST
    _forget_the_dead(Path(folder))
    return generate_latest(_together()), CONTENT_TYPE_LATEST


def show_at(host: str, port: int) -> None:
    """Show all figures at an address of their own. Raises OSError where that is taken, OverflowError."""
    start_http_server(port, host, _together())


def _together() -> CollectorRegistry:
    """Return where the figures of all processes are added up that share a folder, or else those of this one are."""
    folder = os.environ.get(FOLDER)
    if not folder:
        return registry
    together = CollectorRegistry()
    MultiProcessCollector(together, folder)  # type: ignore[no-untyped-call] # the library leaves it untyped
    return together


def count_together(folder: Path) -> None:
    """Keep the figures of this process and of those that it starts in a folder; begins them anew.

    The library decides when it is loaded where it keeps figures, so it is loaded again, and this module with it.
    """
    os.environ[FOLDER] = str(folder)
    importlib.reload(kept)
    importlib.reload(sys.modules[__name__])


def _forget_the_dead(folder: Path) -> None:
    """Take away what processes that ended had in use."""
    for file in folder.glob("gauge_live*.db"):
        pid = int(re.findall(r"[0-9]+", file.stem)[-1])
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]
        except PermissionError:
            continue  # it lives, and is another user's
