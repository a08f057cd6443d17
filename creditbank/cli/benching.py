"""Commands for measuring: filling a bank with made-up people and their learning."""

import os
import time
from collections.abc import Callable

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from creditbank.config import settings_from_environment
from creditbank.gateways.keyring import KeyringUnusable
from creditbank.loading.filling import Wanted, fill
from creditbank.loading.lives import ENTRIES_MAX
from creditbank.loading.world import NotEmpty


@click.group("bench")
def bench_group() -> None:
    """Measuring how the bank does at a size."""


@bench_group.command("load")
@click.option("--learners", type=click.IntRange(1), default=2_000, show_default=True)
@click.option("--entries", type=click.IntRange(1), default=20_000, show_default=True)
@click.option("--seed", default=1, show_default=True, help="The same seed makes the same people and books.")
@click.option("--processes", type=click.IntRange(1), help="One a core on PostgreSQL, one on SQLite.")
@click.option("--until", default=lambda: int(time.time()), type=int, help="Seconds since 1970 up to which they learnt.")
def load(learners: int, entries: int, seed: int, processes: int | None, until: int) -> None:
    """Fill an empty bank with made-up learners and their learning; its schema has to be there.

    Keys and indexes are made at the end: where it is killed before, the database has none, and is to be dropped.
    """
    if entries > learners * ENTRIES_MAX:
        raise click.ClickException(f"{learners} learners have at most {learners * ENTRIES_MAX} entries; ask for fewer.")
    wanted = Wanted(learners, entries, seed, processes or os.cpu_count() or 1, until)
    began = time.monotonic()
    try:
        with Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
        ) as shown:
            written = fill(settings_from_environment(), wanted, _teller(shown, entries))
    except (NotEmpty, KeyringUnusable) as refused:
        raise click.ClickException(str(refused)) from refused
    took = time.monotonic() - began
    click.echo(f"{learners} learners, {written} entries in {took:.0f} s, {written / took:.0f} entries a second.")


def _teller(shown: Progress, entries: int) -> Callable[[str, int], None]:
    """Return what shows how far it is."""
    tasks = {"entries": shown.add_task("entries", total=entries), "keys": shown.add_task("keys", total=None)}
    return lambda name, count: shown.advance(tasks[name], count)
