"""Commands on erasures: done again after a backup was put back, and cleared out of the database's files."""

from contextlib import closing

import click

from creditbank.cli.console import bank, done
from creditbank.gateways.erasure_journal import JournalUnusable, read
from creditbank.services import clients, erasures
from creditbank.services.bank import Answer, Bank, Work
from creditbank.storage.database import Unavailable
from creditbank.storage.erasure import REWRITTEN


@click.group("erasures")
def erasures_group() -> None:
    """Learners who were erased at their own wish."""


@erasures_group.command("reapply")
def reapply() -> None:
    """Erase again whoever stands in the journal and is in the database: after a backup was put back."""
    opened = bank()
    with closing(opened.database):
        click.echo(f"{reapplied(opened)} accounts are erased again.")


@erasures_group.command("scrub")
def scrub() -> None:
    """Write the database's files anew, so that nothing erased is left in them; tables are locked meanwhile."""
    try:
        with closing(bank().database) as database:
            database.rewrite_files(REWRITTEN)
    except Unavailable as unavailable:
        raise click.ClickException(f"the database is busy or out of reach, try again: {unavailable}") from unavailable
    click.echo("The files hold nothing of those who were erased.")


def reapplied(opened: Bank) -> int:
    """Erase again whoever stands in the journal; return how many accounts that were."""
    try:
        entries = list(read(opened.erasures))
    except JournalUnusable as unusable:
        raise click.ClickException(str(unusable)) from unusable
    if not entries:
        return 0
    counted: list[int] = []

    def action(work: Work) -> Answer:
        counted.append(erasures.reapply(work, entries))
        return Answer({}, is_new=False, subject=f"{counted[-1]} accounts")

    done(opened, clients.administrator(), "erasure.reapply", action)
    return counted[-1]
