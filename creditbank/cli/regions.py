"""Commands on the registry of regions: what is shipped, or a file of changes, is loaded."""

from pathlib import Path
from typing import Any

import click
import marshmallow

from creditbank.api import fields
from creditbank.api.regions import RegionsIn, changes_of, loaded_document
from creditbank.cli.console import bank, done
from creditbank.core.errors import Fault, Refusal
from creditbank.formats.strict_json import parsed
from creditbank.packs import shipped_regions
from creditbank.services import regions
from creditbank.services.bank import Answer, Work
from creditbank.services.clients import administrator

FILE_BYTES_MAX = 64 * 1024 * 1024
"""A file with every village of a province."""


@click.group("region")
def region() -> None:
    """The registry of regions."""


@region.command("load")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False)
def load(file: Path | None) -> None:
    """Put the regions in FILE into the registry, or those that are shipped; all or none, and twice does no harm."""
    try:
        document = shipped_regions() if file is None else parsed(file.read_bytes(), bytes_max=FILE_BYTES_MAX)
        said: dict[str, Any] = RegionsIn().load(document)  # type: ignore[arg-type] # anything may stand in a file
    except marshmallow.ValidationError as error:
        raise click.ClickException(_told(fields.faults_of(error.messages))) from error
    except Refusal as refusal:
        raise click.ClickException(_told(refusal.faults)) from refusal
    changes, source = changes_of(said)

    def action(work: Work) -> Answer:
        loaded = regions.load(work, changes, source)
        return Answer(loaded_document(loaded), bool(loaded.new or loaded.changed), subject=f"{len(changes)} regions")

    body = done(bank(), administrator(), "region.load", action).body
    names = {change.id: change.name for change in changes}
    for kind in ("new", "changed"):
        for one in body[kind]:
            click.echo(f"{kind}: {one} {names[one] or ''}".rstrip())
    click.echo(f"{len(body['new'])} new, {len(body['changed'])} changed, {len(body['unchanged'])} as they stood.")
    if source:
        click.echo(f"Source: {source}")


def _told(faults: tuple[Fault, ...]) -> str:
    """Return every reason with its place, a line each."""
    return "\n".join(f"{fault.pointer or '/'}: {fault.message_en}\n    {fault.message_zh}" for fault in faults)
