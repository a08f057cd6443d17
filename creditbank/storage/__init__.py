"""Tables and their named queries, one file each; rows stay inside, values of the core come out."""

from creditbank.storage import (
    audit,
    cases,
    certificates,
    clients,
    conversions,
    decisions,
    identifier_index,
    institutions,
    kept_answers,
    learners,
    ledger,
    outcomes,
    programmes,
    rulesets,
    schemes,
)
from creditbank.storage.columns import catalogue

__all__ = [
    "audit",
    "cases",
    "catalogue",
    "certificates",
    "clients",
    "conversions",
    "decisions",
    "identifier_index",
    "institutions",
    "kept_answers",
    "learners",
    "ledger",
    "outcomes",
    "programmes",
    "rulesets",
    "schemes",
]
