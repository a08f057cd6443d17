"""Commands on the database as a whole: its tables spread over many machines."""

import click

from creditbank.cli.console import bank
from creditbank.storage.database import Unavailable
from creditbank.storage.distributing import NotReady, Wish, check, engine, spread, steps


@click.group("db")
def database_group() -> None:
    """The database as a whole."""


@database_group.command("distribute")
@click.option("--dry-run", is_flag=True, help="Print the statements and change nothing.")
@click.option("--coordinator", default="", metavar="HOST:PORT", help="Where the workers reach this database.")
@click.option("--shards", default=0, metavar="NUMBER", help="Parts of each table; else as the engine is set.")
def distribute(dry_run: bool, coordinator: str, shards: int) -> None:  # noqa: FBT001 - click's own way
    """Spread the tables over the machines of Citus, with the bank stopped; again after a migration adds tables."""
    database, wish = bank().database, Wish(coordinator, shards)
    if database.is_sqlite:
        raise click.ClickException("SQLite is one file on one machine; tables are spread on PostgreSQL with Citus")
    try:
        with database.transaction() as connection:
            found = engine(connection)
            if not dry_run:
                _tell(spread(connection, wish), is_done=True)
                return
            _tell(steps(connection, wish), is_done=False)
        check(found, wish)
    except NotReady as reason:
        raise click.ClickException(f"{'this would not work yet' if dry_run else 'nothing is done'}: {reason}") from None
    except Unavailable as reason:
        raise click.ClickException(str(reason)) from reason
    finally:
        database.close()


def _tell(statements: list[str], *, is_done: bool) -> None:
    for statement in statements:
        click.echo(f"{statement};")
    if not statements:
        click.echo("-- all tables are spread already")
    elif is_done:
        click.echo("-- done; start the bank again: a connection learns when it is opened that tables are spread")
