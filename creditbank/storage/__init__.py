"""Tables and their named queries, one file each; rows stay inside, values of the core come out."""

from creditbank.storage import (
    audit,
    cases,
    clients,
    conversions,
    decisions,
    delegations,
    institution_days,
    institutions,
    kept_answers,
    learners,
    ledger,
    outcomes,
    programmes,
    regions,
    rulesets,
    schemes,
)
from creditbank.storage.columns import catalogue

__all__ = [
    "audit",
    "cases",
    "catalogue",
    "clients",
    "conversions",
    "decisions",
    "delegations",
    "institution_days",
    "institutions",
    "kept_answers",
    "learners",
    "ledger",
    "outcomes",
    "programmes",
    "regions",
    "rulesets",
    "schemes",
]
