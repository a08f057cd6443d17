"""Where each table stands when the bank is spread over many machines, and whether the one at hand is.

The engine is PostgreSQL with the Citus extension. What it refuses, and what that means here, is told in
docs/distribution.md.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class Group:
    """Tables whose rows with the same value in the distribution column stand on the same machine.

    `tables` has each table's column; a table stands behind those that it refers to, the first one founds the group.
    """

    tables: dict[str, str]

    @property
    def founder(self) -> str:
        """Return the table with which the others stand together."""
        return next(iter(self.tables))


_OF_LEARNERS = (
    *("affiliation", "identifier", "likeness_index", "learner_login", "identity_history", "pairwise", "access_log"),
    *("consent", "consent_withdrawal", "guardianship", "proxy_session", "correction_request", "erasure_request"),
    *("outcome", "outcome_revision", "certificate", "decision", "account", "lot", "entry", "unsealed_entry"),
    *("conversion", "conversion_part", "conversion_claim", "conversion_reader", "conversion_event", "conversion_case"),
    *("credential", "credential_share"),
    *("qualification_award", "qualification_source", "qualification_event", "qualification_case"),
    "qualification_decision",
)

GROUPS = (
    Group({"learner": "id"} | dict.fromkeys(_OF_LEARNERS, "learner_id")),
    Group({"outcome_key": "institution_id"}),
    Group({"outcome_claim": "claim"}),
    Group({"identifier_index": "value_index"}),
    Group({"login_index": "subject_index"}),
    Group({"status_entry": "position"}),
    Group({"kept_answer": "client_id"}),
    Group({"audit": "id"}),
    Group({"outbox": "id"}),
)
"""All that belongs to a learner stands together. What finds learners and records, and what has to be unique across
learners, is distributed by what is looked for; entries of status
lists by their place, answers by client; the audit log and the outbox evenly."""

DISTRIBUTED = {table: column for group in GROUPS for table, column in group.tables.items()}
"""The column by which each distributed table is distributed."""

REFERENCE = (
    *("institution", "client", "client_secret", "client_assertion", "partner_secret", "delegation"),
    *("region", "region_successor", "institution_region", "institution_end"),
    *("scheme", "programme", "course", "ruleset", "ruleset_withdrawal", "consent_text"),
    *("staff", "staff_role", "staff_login", "staff_invitation", "proxy_tries"),
)
"""Registries, of which every machine has a copy; a table stands behind those that it refers to."""

LOCAL = {
    "credential_key": "public keys of the issuer of credentials, some in a year",
    "checkpoint": "one signed root for every run of the sealer",
    "log_key": "public keys of the log, a few in its life",
    "qualification_look": "how far a single job has come, a row for each definition",
    "event": "what happened in a month, numbered by one worker",
    "event_reader": "who is told of each of those",
    "webhook": "some for each institution, locked by couriers",
    "webhook_delivery": "events on their way, of a month",
    "log_leaf": "one log for the whole bank, appended to by one sealer",
    "log_node": "the same log's inner hashes",
    "alembic_version": "the schema's history, asked where migrations run",
    "identity_case": "questions about two accounts at once; some for every thousand learners",
    "identity_event": "what was said on those questions",
    "identity_reason": "why it was said",
    "learner_link": "which two accounts are one person's; a merge joins any two",
    "import_answer": "answers to rows of files, kept for some weeks",
    "import_file": "files that are imported, some thousand in a busy week",
    "import_lane": "how far files are that are imported, kept as long as the answers",
    "import_piece": "parts of files that wait to be imported, deleted as soon as they are",
    "import_salt": "a row for each institution that imports",
    "link_code": "codes that count for some minutes",
    "login_attempt": "logins under way",
    "login_ticket": "logins that wait to be linked",
    "lookup_use": "a counter for each client and day",
}
"""Tables that stay on the coordinator alone, and why that is enough."""

IS_DISTRIBUTED = "creditbank.is_distributed"
"""Under which name a connection keeps whether tables are distributed."""

_CATALOGUE = "SELECT to_regclass('pg_dist_partition') IS NOT NULL"
_FOUNDER = """
    SELECT EXISTS (SELECT FROM pg_dist_partition WHERE logicalrelid = to_regclass('learner') AND partmethod = 'h')
"""


def look(driver: Any) -> bool:  # noqa: ANN401 - the driver's own connection
    """Ask on a fresh connection whether learners' tables are distributed."""
    with driver.cursor() as cursor:
        is_there = cursor.execute(_CATALOGUE).fetchone()[0] and cursor.execute(_FOUNDER).fetchone()[0]
    driver.rollback()
    return bool(is_there)


def is_distributed(connection: Connection) -> bool:
    """Tell whether learners' tables are distributed, as the connection found when it was opened."""
    return bool(connection.info.get(IS_DISTRIBUTED))


def distribution_column(table: str) -> str | None:
    """Return the column by which a table is distributed, None for one that stands as a whole somewhere."""
    return DISTRIBUTED.get(table)
