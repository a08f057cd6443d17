"""Tables and their named queries, one file each; rows stay inside, values of the core come out."""

from creditbank.storage import (
    access_log,
    audit,
    cases,
    clients,
    conversions,
    decisions,
    identity_cases,
    institutions,
    kept_answers,
    learners,
    ledger,
    outcomes,
    people,
    programmes,
    rulesets,
    schemes,
)
from creditbank.storage.columns import catalogue

__all__ = [
    "access_log",
    "audit",
    "cases",
    "catalogue",
    "clients",
    "conversions",
    "decisions",
    "identity_cases",
    "institutions",
    "kept_answers",
    "learners",
    "ledger",
    "outcomes",
    "people",
    "programmes",
    "rulesets",
    "schemes",
]
