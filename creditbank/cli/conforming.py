"""The command that tries whether a server does what a credit bank promises."""

import json
import sys
from collections import Counter
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape

from creditbank.config import VAR
from creditbank.conformance.target import Target, opened
from creditbank.conformance.trials import Area, Result, Verdict, results
from creditbank.conformance.whole import TRIALS

_MARKS = {Verdict.HOLDS: "[green]✓[/]", Verdict.FAILS: "[red]✗[/]", Verdict.NOT_TRIED: "[yellow]–[/]"}


@click.command("conformance")
@click.argument("base_url")
@click.option(
    "--clients",
    "clients_file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    default=VAR / "demo.json",
    show_default=True,
    help='JSON file: {"clients": [{"name", "client_id", "client_secret", "scopes"}]}.',
)
@click.option("--area", "areas", multiple=True, type=click.Choice([area.value for area in Area]), help="Only these.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def conformance(base_url: str, clients_file: Path, areas: tuple[str, ...], as_json: bool) -> None:  # noqa: FBT001 - click's own way
    """Try on the server at BASE_URL what a credit bank promises: for partners and those who build another one.

    Made-up people and outcomes are posted there by clients of two institutions: aim it at a server that is no
    production. Ends with 1 if anything fails.
    """
    try:
        target = opened(base_url.rstrip("/"), clients_file)
    except (OSError, ValueError, KeyError, TypeError) as error:
        message = f"{clients_file} can't be read as a file of clients ({type(error).__name__}); `make run` leaves one"
        raise click.ClickException(message) from error
    made = _told(target, areas, as_json=as_json)
    counts = Counter(one.verdict for one in made)
    if not as_json:
        click.echo(", ".join(f"{counts[verdict]} {verdict.value}" for verdict in Verdict))
    sys.exit(1 if counts[Verdict.FAILS] or not counts[Verdict.HOLDS] else 0)


def _told(target: Target, areas: tuple[str, ...], *, as_json: bool) -> list[Result]:
    """Make the trials, telling each as it is made unless all are told as JSON."""
    console, made = Console(soft_wrap=True), []
    for one in results(target, [trial for trial in TRIALS if not areas or trial.area in areas]):
        made.append(one)
        if not as_json:
            why = f"\n    {escape(one.why)}" if one.why else ""
            console.print(f"{_MARKS[one.verdict]} {one.trial.area.value}: {escape(one.trial.claim)}{why}")
    if as_json:
        told = [
            {"area": one.trial.area, "claim": one.trial.claim, "verdict": one.verdict, "why": one.why} for one in made
        ]
        click.echo(json.dumps(told, ensure_ascii=False, indent=1))
    return made
