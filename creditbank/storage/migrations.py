"""The schema's history: brought up to date, compared, and the rights of the application's own role."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from creditbank.storage.columns import catalogue
from creditbank.storage.database import Database

SCRIPTS = Path(__file__).resolve().parents[2] / "migrations"
"""Beside the package, both in a checkout and in an installed wheel."""

APPEND_ONLY = (
    *("entry", "decision", "outcome_revision", "audit", "scheme", "conversion_event", "ruleset_withdrawal"),
    *("access_log", "identity_event", "learner_link", "consent", "consent_text", "consent_withdrawal"),
    *("pairwise", "partner_secret"),
    *("region_successor", "institution_region", "institution_end", "staff_role"),
    *("log_leaf", "log_node", "checkpoint", "log_key"),
    *("qualification_decision", "qualification_source", "qualification_event"),
)
"""Tables whose rows are written once: triggers refuse UPDATE and DELETE, and the application's role lacks the right.

Lines of the audit log may be deleted by the schema's owner once they are 180 days old.
"""

DELETED_FROM = (
    *("client_assertion", "client_secret", "kept_answer", "identifier_index", "outcome_claim", "conversion_claim"),
    *("login_attempt", "login_ticket", "link_code", "login_index", "staff_invitation", "proxy_tries"),
    *("ruleset", "course", "lookup_use", "likeness_index", "identifier", "affiliation", "certificate", "learner_login"),
    *("identity_reason", "unsealed_entry", "credential_share"),
    *("import_file", "import_lane", "import_piece", "import_answer"),
    *("outbox", "event", "event_reader", "webhook", "webhook_delivery"),
)
"""Tables whose rows end: used assertions, old secrets and answers, claims let go and index rows of retired keys, drafts
and courses replaced, what proves a login or an invitation once, yesterday's counts, what accounts had in common,
who a learner was, where they are erased, entries that waited to be sealed, files once they are imported, events that
waited to be numbered, and those of more than a month ago with their deliveries, and webhooks."""


def configuration(database: Database) -> Config:
    """Return Alembic's configuration for a database."""
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.attributes["connection"] = database.engine
    return config


def migrate(database: Database, revision: str = "head") -> None:
    """Bring the schema up to a revision."""
    command.upgrade(configuration(database), revision)


def is_current(database: Database) -> bool:
    """Tell whether the schema is that of this version."""
    head = ScriptDirectory(str(SCRIPTS)).get_current_head()
    return database.read(lambda connection: MigrationContext.configure(connection).get_current_revision()) == head


def suits(database: Database) -> bool:
    """Tell whether this version can work with the schema: it is its own, or a newer one.

    A migration leaves the version before it at work, so that two versions run while one takes the other's place.
    """
    head = ScriptDirectory(str(SCRIPTS)).get_current_head()
    revision = database.read(lambda connection: MigrationContext.configure(connection).get_current_revision())
    return revision == head or (revision is not None and not is_known(revision))


def is_known(revision: str) -> bool:
    """Tell whether a revision of the schema is this version's or one before it."""
    return revision in {script.revision for script in ScriptDirectory(str(SCRIPTS)).walk_revisions()}


def grants(role: str) -> list[str]:
    """Return the statements that give PostgreSQL's role of the application what it needs and no more."""
    quoted = '"' + role.replace('"', '""') + '"'
    statements = [f"GRANT USAGE ON SCHEMA public TO {quoted}", f"GRANT SELECT ON alembic_version TO {quoted}"]
    for table in sorted(catalogue.tables):
        rights = ["SELECT", "INSERT"]
        if table not in APPEND_ONLY:
            rights.append("UPDATE")
        if table in DELETED_FROM:
            rights.append("DELETE")
        statements.append(f"GRANT {', '.join(rights)} ON {table} TO {quoted}")
    return statements


def grant(database: Database, role: str) -> None:
    """Give PostgreSQL's role of the application its rights."""
    with database.transaction() as connection:
        for statement in grants(role):
            connection.execute(text(statement))
