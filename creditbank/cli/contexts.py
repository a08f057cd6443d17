"""Commands on the JSON-LD contexts by which credentials are signed and checked as linked data."""

from pathlib import Path

import click

from creditbank.config import settings_from_environment
from creditbank.gateways.context_folder import ContextsUnusable, install, open_contexts


@click.group("contexts")
def contexts_group() -> None:
    """JSON-LD contexts, which are installed from files; none is ever fetched."""


@contexts_group.command("add")
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
def add(files: tuple[str, ...]) -> None:
    """Install contexts from files: FILE where it is well known, else ADDRESS=FILE, the address that documents name.

    A server takes them up when it starts anew.
    """
    try:
        installed = install(settings_from_environment().contexts, [_named(one) for one in files])
    except ContextsUnusable as unusable:
        raise click.ClickException(str(unusable)) from unusable
    for address in installed:
        click.echo(f"{address} is installed.")


@contexts_group.command("list")
def list_contexts() -> None:
    """Tell which contexts are installed."""
    try:
        for address in sorted(open_contexts(settings_from_environment().contexts)):
            click.echo(address)
    except ContextsUnusable as unusable:
        raise click.ClickException(str(unusable)) from unusable


def _named(argument: str) -> tuple[str | None, Path]:
    """Return the address, if one is given, and the file of an argument."""
    address, sign, path = argument.rpartition("=")
    is_named = bool(sign) and "://" in address
    return (address, Path(path)) if is_named else (None, Path(argument))
