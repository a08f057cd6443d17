"""Tables and their named queries, one file each; rows stay inside, values of the core come out."""

from creditbank.storage import (
    audit,
    clients,
    decisions,
    institutions,
    kept_answers,
    learners,
    ledger,
    outcomes,
    rulesets,
    schemes,
)
from creditbank.storage.columns import catalogue

__all__ = [
    "audit",
    "catalogue",
    "clients",
    "decisions",
    "institutions",
    "kept_answers",
    "learners",
    "ledger",
    "outcomes",
    "rulesets",
    "schemes",
]
