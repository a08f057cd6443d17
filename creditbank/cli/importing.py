"""The command that imports a file at the console, with a bar that shows how far it is."""

import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from creditbank.api.outcomes import read_record
from creditbank.cli.console import bank
from creditbank.config import settings_from_environment
from creditbank.core.errors import Refusal, TryLater
from creditbank.core.importing import OPEN, ImportState, Mode, SheetFormat
from creditbank.core.permission import Actor
from creditbank.formats.rejected_rows import csv_parts, ndjson_parts, workbook
from creditbank.formats.row_mapping import DEFAULT, mapping_codes
from creditbank.formats.table_bytes import ENCODINGS
from creditbank.services import import_receiving, imports
from creditbank.services.bank import Bank, Errand, looked_up
from creditbank.services.import_posting import Desk, work_on_one
from creditbank.services.import_receiving import SCOPE, Asked

TURN_SECONDS = 1.0
READ_BYTES = 1024 * 1024
WAIT_SECONDS = 0.5

_ENDINGS = {".csv": SheetFormat.CSV, ".ndjson": SheetFormat.NDJSON, ".jsonl": SheetFormat.NDJSON}


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--client", required=True, help="In whose name it is booked: the id of an institution's client.")
@click.option("--mapping", default=DEFAULT, show_default=True, type=click.Choice(list(mapping_codes())))
@click.option("--encoding", type=click.Choice(list(ENCODINGS)), help="Found by itself if left out.")
@click.option("--all-or-nothing", is_flag=True, help="Book nothing if any row is rejected.")
@click.option(
    "--rejects",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where rejected rows are written to: as XLSX if the name says so, else like the file.",
)
def import_file(file: Path, client: str, rejects: Path | None, **how: Any) -> None:  # noqa: ANN401 - click's options
    """Import FILE, which is CSV, XLSX or NDJSON, and show how far it is.

    Broken off, it is gone on with by any worker. Ends with 1 if the file is refused or a row is rejected.
    """
    if rejects is not None and not rejects.resolve().parent.is_dir():
        message = f"there is no folder for the rejected rows: {rejects.parent}"
        raise click.ClickException(message)
    opened = bank()
    mode = Mode.ALL if how["all_or_nothing"] else Mode.ROWS
    asked = Asked(how["mapping"], mode, how["encoding"], _ENDINGS.get(file.suffix.casefold()))
    try:
        actor = _sender(opened, client)
        most = settings_from_environment().import_mebibytes * 1024 * 1024
        import_id = import_receiving.received(opened, Errand(actor, "import.receive"), asked, _content(file), most)
        found = _followed(opened, actor, import_id)
    except Refusal as refusal:
        told = "\n".join(f"{fault.message_zh} {fault.message_en}" for fault in refusal.faults)
        raise click.ClickException(told) from refusal
    for fault in imports.faults_of(found):
        click.echo(f"{fault['message_zh']} {fault['message_en']}", err=True)
    counts = found.counts
    click.echo(f"{found.state}: {counts.accepted} accepted, {counts.replayed} replayed, {counts.rejected} rejected.")
    if rejects is not None and counts.rejected:
        _write_rejects(opened, actor, found, rejects)
        click.echo(f"Rejected rows with their reasons: {rejects}")
    if found.state is not ImportState.DONE or counts.rejected:
        raise SystemExit(1)


def _sender(opened: Bank, client: str) -> Actor:
    """Return the client in whose name the file is booked."""
    member = opened.membership(client)
    if member is None:
        message = "there is no such client; register one with: creditbank client create"
        raise click.ClickException(message)
    return Actor(client, frozenset({SCOPE}), member.institution_id, member.code, institution_roles=member.roles)


def _content(file: Path) -> Iterator[bytes]:
    with file.open("rb") as stream:
        while part := stream.read(READ_BYTES):
            yield part


def _followed(opened: Bank, actor: Actor, import_id: UUID) -> imports.Import:
    """Work on the import until it is at its end, or watch who does, and return it."""
    desk = Desk(opened, f"console:{os.getpid()}:{uuid4()}", read_record)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as progress:
        bar = progress.add_task("读取 reading", total=None)
        while True:
            try:
                done = work_on_one(desk, TURN_SECONDS, import_id)
            except TryLater:
                done = 0
            found = looked_up(opened, actor, lambda work: imports.shown(work, import_id))
            told = f"入库 booking, {found.counts.rejected} rejected" if found.rows_total else "读取 reading"
            progress.update(bar, total=found.rows_total, completed=found.rows_done, description=told)
            if found.state not in OPEN:
                return found
            if not done:
                time.sleep(WAIT_SECONDS)


def _write_rejects(opened: Bank, actor: Actor, found: imports.Import, path: Path) -> None:
    """Write the rejected rows, readable by their owner alone, also where a file was there before."""
    first = looked_up(opened, actor, lambda work: imports.rejected(work, found.id, 0))
    rows = imports.all_rejected(opened, actor, found.id, first)
    parts: Iterable[bytes]
    if found.format is SheetFormat.NDJSON:
        parts = ndjson_parts(rows)
    elif path.suffix.casefold() == ".xlsx":
        parts = [workbook(first.header, found.mapping, rows)]
    else:
        parts = csv_parts(first.header, found.mapping, rows)
    with open(path, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as stream:
        os.fchmod(stream.fileno(), 0o600)
        stream.writelines(parts)
