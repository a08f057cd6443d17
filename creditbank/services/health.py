"""Health: whether the bank can do its work now."""

from creditbank.gateways import metrics
from creditbank.services.bank import Bank
from creditbank.storage.database import is_ready
from creditbank.storage.migrations import is_current


def is_able(bank: Bank) -> bool:
    """Tell whether the database answers and stands at the schema of this version."""
    return is_ready(bank.database) and is_current(bank.database)


def figures() -> tuple[bytes, str]:
    """Return the operator's figures as text and its content type."""
    return metrics.exposition()
