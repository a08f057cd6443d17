"""Tables and their named queries, one file each; rows stay inside, values of the core come out."""

from creditbank.storage import (
    audit,
    cases,
    clients,
    conversions,
    decisions,
    institutions,
    kept_answers,
    learners,
    ledger,
    login_proofs,
    logins,
    outcomes,
    programmes,
    proxies,
    rulesets,
    schemes,
    staff,
)
from creditbank.storage.columns import catalogue

__all__ = [
    "audit",
    "cases",
    "catalogue",
    "clients",
    "conversions",
    "decisions",
    "institutions",
    "kept_answers",
    "learners",
    "ledger",
    "login_proofs",
    "logins",
    "outcomes",
    "programmes",
    "proxies",
    "rulesets",
    "schemes",
    "staff",
]
