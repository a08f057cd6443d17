"""Commands on the audit log."""

from datetime import datetime

import click

from creditbank.cli.console import bank, done
from creditbank.config import settings_from_environment
from creditbank.services import auditing, clients
from creditbank.services.bank import Answer, Work


@click.group("audit")
def audit_group() -> None:
    """The audit log."""


@audit_group.command("prune")
@click.option(
    "--before", required=True, type=click.DateTime(["%Y-%m-%d"]), help="The first day whose lines are kept, YYYY-MM-DD."
)
def prune(before: datetime) -> None:
    """Delete lines that are older than DATE and older than the bank keeps them at least.

    It needs the right to delete, which on PostgreSQL the schema's owner has and the application's role has not.
    """
    kept_days = settings_from_environment().audit_days
    pruned: list[int] = []

    def action(work: Work) -> Answer:
        pruned.append(auditing.prune(work, before.date(), kept_days))
        return Answer({}, is_new=False, subject=f"before {before.date().isoformat()}: {pruned[-1]} lines")

    done(bank(), clients.administrator(), "audit.prune", action)
    click.echo(f"{pruned[-1]} lines are deleted.")
