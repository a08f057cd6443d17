"""Figures for the operator's monitoring, in Prometheus' form; each process counts for itself."""

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

registry = CollectorRegistry()

requests_total = Counter(
    "creditbank_requests", "Requests answered", ["operation", "method", "status"], registry=registry
)
request_seconds = Histogram(
    "creditbank_request_seconds",
    "Seconds from a request to its answer",
    ["operation"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    registry=registry,
)
refusals_total = Counter("creditbank_refusals", "Requests refused", ["code"], registry=registry)
postings_total = Counter("creditbank_postings", "Ledger entries written", ["kind"], registry=registry)
retries_total = Counter("creditbank_transaction_retries", "Transactions run again after a lost race", registry=registry)
budget_refusals_total = Counter(
    "creditbank_budget_refusals", "Requests refused because a budget was used up", ["budget"], registry=registry
)
limits_store_up = Gauge(
    "creditbank_limits_store_up", "Whether the shared store of limits answers this process", registry=registry
)
log_size = Gauge("creditbank_log_size", "Ledger entries sealed", registry=registry)
unsealed_entries = Gauge("creditbank_unsealed_entries", "Ledger entries that wait to be sealed", registry=registry)
unsealed_seconds = Gauge("creditbank_unsealed_seconds", "Seconds that the oldest of them has waited", registry=registry)


def exposition() -> tuple[bytes, str]:
    """Return all figures as text and its content type."""
    return generate_latest(registry), CONTENT_TYPE_LATEST
