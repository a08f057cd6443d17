"""Commands that run the bank: its schema, the server, the demonstration, verification, and what a timer starts."""

import json
import multiprocessing
import os
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import click
from granian import Granian
from granian.constants import Interfaces

from creditbank.app import create_app
from creditbank.cli.console import asked, bank, done
from creditbank.cli.erasing import reapplied
from creditbank.cli.working import figures_together, start_importers, work_beside
from creditbank.config import NONE, VAR, Settings, settings_from_environment
from creditbank.demo import run_demo
from creditbank.gateways.context_folder import ContextsUnusable, open_contexts
from creditbank.gateways.issuer_file import IssuersUnusable, open_issuers
from creditbank.gateways.oidc import open_providers
from creditbank.gateways.provider_file import ProvidersUnusable
from creditbank.opening import check_for_production
from creditbank.services import clients, reviews, verification
from creditbank.services.bank import Answer, Bank, Work
from creditbank.storage.migrations import grant, grants, migrate

STOP_SECONDS = 50
"""How long processes may go on answering once the server is told to stop; operators wait for a minute.

One that is told so while it starts doesn't notice, and would never end.
"""


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True)
@click.option("--workers", type=int, help="Processes; one on SQLite, one a core on PostgreSQL.")
@click.option("--threads", default=2, show_default=True, help="Threads that serve requests in each process.")
@click.option("--worker/--no-worker", default=True, show_default=True, help="Whether a worker runs beside the server.")
def serve(host: str, port: int, workers: int | None, threads: int, worker: bool) -> None:  # noqa: FBT001 - click's way
    """Serve the API until stopped, with a worker beside it, which seals what is posted."""
    os.environ.setdefault("CREDITBANK_BASE_URL", f"http://{host}:{port}")
    os.environ.setdefault("CREDITBANK_POOL_SIZE", str(threads))
    is_embedded = settings_from_environment().database_url.startswith("sqlite")
    workers = workers or (1 if is_embedded else os.cpu_count() or 1)
    os.environ.setdefault("CREDITBANK_PROCESSES", str(workers))
    settings = settings_from_environment()
    check_for_production(settings)
    try:
        open_providers(settings.oidc_providers)
        open_issuers(settings.trusted_issuers, NONE)
        open_contexts(settings.contexts)
    except (ProvidersUnusable, IssuersUnusable, ContextsUnusable) as unusable:
        raise click.ClickException(str(unusable)) from unusable
    opened = bank()
    again = reapplied(opened)
    opened.database.close()
    if again:
        click.echo(f"{again} accounts are erased again: an older state of the database was put back.")
    with figures_together():
        _serve(settings, host, port, (workers, threads), has_worker=worker)


def _serve(settings: Settings, host: str, port: int, shape: tuple[int, int], *, has_worker: bool) -> None:
    """Serve until stopped; `shape` is how many processes, and how many threads in each."""
    if has_worker:
        multiprocessing.Process(target=work_beside, args=(os.getpid(),), daemon=True).start()
        start_importers(settings)
    click.echo(f"Serving {settings.base_url} (documentation: {settings.base_url}/docs); stop with Ctrl-C.")
    Granian(
        "creditbank.app:create_app",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        factory=True,
        workers=shape[0],
        blocking_threads=shape[1],
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_SECONDS,
        log_enabled=False,
    ).serve()


@click.command("migrate")
def migrate_schema() -> None:
    """Bring the database's schema up to date."""
    settings = settings_from_environment()
    if settings.database_url.startswith("sqlite"):
        Path(settings.database_url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    migrate(bank().database)
    click.echo("The schema is up to date.")


@click.command()
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), default=VAR, show_default=True)
def demo(folder: Path) -> None:
    """Load the demonstration, post its records, print what happened and write demo.json."""
    settings = replace(settings_from_environment(), log_format="none")
    folder.mkdir(parents=True, exist_ok=True)
    run_demo(create_app(settings), folder, settings.base_url)


@click.command()
def openapi() -> None:
    """Print the API document."""
    app = create_app(replace(settings_from_environment(), log_format="none"))
    answer: Any = app.view_functions["openapi"]()
    click.echo(json.dumps(answer.get_json(), ensure_ascii=False, indent=2))


@click.command()
def verify() -> None:
    """Replay the whole ledger and compare every balance and lot, and the log with its signed checkpoints."""
    report = asked(bank(), verification.verify)
    for fault in report.faults:
        click.echo(fault, err=True)
    seen = f"{report.accounts} accounts, {report.entries} entries, {report.conversions} conversions"
    click.echo(f"{seen}, {report.sealed} sealed, {len(report.faults)} faults.")
    if report.faults:
        sys.exit(1)


@click.command("grant")
@click.argument("role")
@click.option("--print", "only_prints", is_flag=True, help="Print the statements instead of running them.")
def grant_rights(role: str, only_prints: bool) -> None:  # noqa: FBT001 - click's own way
    """Give PostgreSQL's ROLE of the application its rights: no UPDATE or DELETE on what is written once."""
    if only_prints:
        click.echo(";\n".join(grants(role)) + ";")
    else:
        grant(bank().database, role)
        click.echo(f"{role} has its rights.")


@click.command()
def sweep() -> None:
    """Close applications for conversion whose time is over, and release what they hold; for a timer, once a day."""
    opened, closed = bank(), 0
    swept = _swept(opened, None)
    while swept.after is not None:
        closed += swept.closed
        swept = _swept(opened, swept.after)
    click.echo(f"{closed + swept.closed} applications are closed.")


def _swept(opened: Bank, after: tuple[date, UUID] | None) -> reviews.Swept:
    """Look at the next overdue applications."""
    found: list[reviews.Swept] = []

    def action(work: Work) -> Answer:
        found.append(reviews.sweep(work, after))
        return Answer({}, is_new=False, subject=f"{found[-1].closed} closed")

    done(opened, clients.administrator(), "conversion.sweep", action)
    return found[-1]
