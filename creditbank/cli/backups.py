"""Commands that copy the embedded bank into a file and put it back; for PostgreSQL they say what to do instead."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import click

from creditbank.cli.console import bank
from creditbank.cli.erasing import reapplied
from creditbank.gateways.sqlite_backup import (
    BackupUnusable,
    BankInUse,
    as_one_file,
    back_up,
    copy,
    looked_through,
    put_in_place,
)
from creditbank.gateways.whole_file import FileInTheWay
from creditbank.services.bank import Bank
from creditbank.storage.database import Database
from creditbank.storage.migrations import is_known, migrate

_POSTGRESQL_BACKUP = """this bank is on PostgreSQL, whose own tools copy it while it runs (docs/backup.md):
  pg_basebackup --pgdata={file} --wal-method=stream --checkpoint=fast   (and an archive of the write-ahead log)"""

_POSTGRESQL_RESTORE = """this bank is on PostgreSQL, whose own tools put it back, to any moment (docs/backup.md):
  a base backup, restore_command and recovery_target_time, then `creditbank erasures reapply` and `creditbank verify`"""


@click.command("backup")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Replace the file if it is there.")
def backup(file: Path, force: bool) -> None:  # noqa: FBT001 - click's own way
    """Copy the bank into FILE as it stands at one moment, while it goes on serving."""
    opened = bank()
    if not opened.database.is_sqlite:
        raise click.ClickException(_POSTGRESQL_BACKUP.format(file=file))
    with _reasons("not backed up"):
        made = back_up(_path(opened), file, replaces=force)
    click.echo(f"{file}: {made.size_bytes:,} bytes, schema {made.revision}, looked through.")
    click.echo("Keep the keyring and the journal of erasures apart from it; without the keys nobody reads it.")


@click.command("restore")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Replace the database that is there.")
def restore(file: Path, force: bool) -> None:  # noqa: FBT001 - click's own way
    """Put the bank back as it stands in FILE: a stopped one, at once or not at all.

    The schema is brought up to date and whoever was erased since is erased again, before it takes its place.
    """
    opened = bank()
    if not opened.database.is_sqlite:
        raise click.ClickException(_POSTGRESQL_RESTORE)
    target = _path(opened)
    if target.exists() and not force:
        raise click.ClickException(f"{target} is there already: say --force to replace it")
    with _reasons("not restored"):
        if not is_known(looked_through(file).revision):
            raise BackupUnusable(f"{file} is of a newer version of the bank than this one: install that one")
        target.parent.mkdir(parents=True, exist_ok=True)
        with put_in_place(target) as beside:
            copy(file, beside)
            again = _brought_up_to_date(opened, beside)
            looked_through(beside)
    click.echo(f"{target} stands as in {file}; {again} accounts are erased again.")
    click.echo("Now verify it (creditbank verify), and compare it with the newest checkpoint that was kept elsewhere")
    click.echo("(tools/verify_ledger.py --database … --checkpoint …), which tells whether sealed entries are missing.")


def _path(opened: Bank) -> Path:
    """Return the file of an embedded bank."""
    name = opened.database.url.database
    if not name or name == ":memory:":
        raise click.ClickException("a bank in memory has no file")
    return Path(name).resolve()


def _brought_up_to_date(opened: Bank, file: Path) -> int:
    """Migrate a copy and erase again whoever stands in the journal; return how many accounts that were."""
    with closing(Database(f"sqlite:///{file}")) as database:
        migrate(database)
        again = reapplied(replace(opened, database=database))
    as_one_file(file)
    return again


@contextmanager
def _reasons(what: str) -> Iterator[None]:
    """End with the reason why something wasn't done."""
    try:
        yield
    except (BackupUnusable, BankInUse, FileInTheWay, OSError) as error:
        raise click.ClickException(f"{what}: {error}") from error
