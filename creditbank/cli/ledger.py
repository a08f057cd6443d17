"""Commands on the ledger as a whole: its export for those who check it from outside."""

import gzip
import sys
from contextlib import closing
from pathlib import Path

import click

from creditbank.cli.console import bank
from creditbank.gateways.whole_file import FileInTheWay, whole_file
from creditbank.services.bank import Bank
from creditbank.services.ledger_export import Exported, export
from creditbank.storage.database import Raced, Unavailable

PACKED_LEVEL = 5
"""Of gzip: a third of the size, at about the speed of the export itself."""


@click.group("ledger")
def ledger_group() -> None:
    """The ledger as a whole."""


@ledger_group.command("export")
@click.argument("file")
@click.option("--force", is_flag=True, help="Replace the file if it is there.")
def export_ledger(file: str, force: bool) -> None:  # noqa: FBT001 - click's own way
    """Write the ledger to FILE (packed if its name ends with .gz), or to standard output if it is -.

    The lines hold pseudonyms only; tools/verify_ledger.py checks them without the bank.
    """
    try:
        opened = bank()
        with closing(opened.database):
            written = _printed(opened) if file == "-" else _written(opened, Path(file), replaces=force)
    except (FileInTheWay, OSError, Raced, Unavailable) as error:
        raise click.ClickException(f"the ledger was not exported: {error}") from error
    seen = ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in written.counts.items())
    click.echo(f"{seen}; SHA-256 {written.sha256}", err=True)


def _printed(opened: Bank) -> Exported:
    """Write the export to standard output."""
    written = export(opened, sys.stdout.buffer.write)
    sys.stdout.buffer.flush()
    return written


def _written(opened: Bank, path: Path, *, replaces: bool) -> Exported:
    """Write the export to a file that appears when it is whole."""
    with whole_file(path, replaces=replaces) as beside:
        if path.suffix == ".gz":
            with gzip.open(beside, "wb", PACKED_LEVEL) as packed:
                return export(opened, packed.write)
        with beside.open("wb") as plain:
            return export(opened, plain.write)
