"""Commands on rule sets: checked, drafted, published, withdrawn, weighed and loaded from what is shipped."""

import json
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from creditbank.cli.console import asked, bank, done
from creditbank.core.errors import Fault, Refusal
from creditbank.core.permission import Actor
from creditbank.core.rules import QualificationSet, parsed_ruleset
from creditbank.formats.ruleset_schema import ruleset_schema
from creditbank.formats.strict_json import parsed
from creditbank.packs import load_pack, pack_names, schemes_of_packs
from creditbank.services import checking, rulesets, schemes
from creditbank.services import impact as weighing
from creditbank.services.bank import Answer, Work

DOCUMENT_BYTES_MAX = 16 * 1024 * 1024


@click.group()
def ruleset() -> None:
    """Rule sets."""


@ruleset.command("schema")
def schema() -> None:
    """Print the JSON Schema of rule sets."""
    click.echo(json.dumps(ruleset_schema(), ensure_ascii=False, indent=2))


@ruleset.command("check")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def check(file: Path) -> None:
    """Check the rule set in FILE, or every one of a pack: its form, and its own tests if its scheme is known."""
    try:
        document = parsed(file.read_bytes(), bytes_max=DOCUMENT_BYTES_MAX)
    except Refusal as refusal:
        _tell(refusal.faults, "")
        sys.exit(1)
    pack = document.get("rulesets") if isinstance(document, dict) else None
    found = (
        {f"/rulesets/{number}": one for number, one in enumerate(pack)} if isinstance(pack, list) else {"": document}
    )
    sound = [_is_sound(one, place) for place, one in found.items()]
    if not all(sound):
        sys.exit(1)


def _is_sound(document: object, place: str) -> bool:
    """Tell whether a rule set is sound, after saying so or what is wrong with it and where in its file."""
    try:
        found = parsed_ruleset(document)
        scheme = schemes_of_packs().get(found.scheme) or _registered_scheme(found.scheme)
        faults = tuple(() if scheme is None else checking.failures(found, scheme))
    except Refusal as refusal:
        _tell(refusal.faults, place)
        return False
    _tell(faults, place)
    tested = f"{len(found.tests)} tests pass" if scheme else f"tests not run: scheme {found.scheme} is not known here"
    if not faults:
        held = f"{len(found.levels)} levels" if isinstance(found, QualificationSet) else f"{len(found.rules)} rules"
        click.echo(f"{found.code} version {found.version}: {held}, {tested}.")
    return not faults


def _tell(faults: Iterable[Fault], place: str) -> None:
    """Print what is wrong, each with where it is."""
    for fault in faults:
        click.echo(f"{place}{fault.pointer or '/'}: {fault.message_en}\n{' ' * 4}{fault.message_zh}", err=True)


def _registered_scheme(code: str) -> Any:  # noqa: ANN401 - a scheme or none
    """Return a scheme of the bank of the environment, if there is one."""
    return next((scheme for scheme in asked(bank(), schemes.every_scheme) if scheme.code == code), None)


@ruleset.command("draft")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--as", "client_id", required=True, help="The client who drafts.")
def draft(file: Path, client_id: str) -> None:
    """Draft the rule set in FILE."""

    def action(work: Work) -> Answer:
        kept, is_new = rulesets.draft(work, parsed(file.read_bytes(), bytes_max=DOCUMENT_BYTES_MAX))
        return Answer({"code": kept.code, "version": kept.version}, is_new, subject=f"{kept.code} {kept.version}")

    body = done(bank(), Actor(client_id, frozenset({"rules:write"})), "ruleset.draft", action).body
    click.echo(f"{body['code']} version {body['version']} is drafted.")


@ruleset.command("publish")
@click.argument("code")
@click.argument("version", type=int)
@click.option("--as", "client_id", required=True, help="The client who publishes; not the one who drafted.")
def publish(code: str, version: int, client_id: str) -> None:
    """Publish VERSION of the rule set CODE."""

    def action(work: Work) -> Answer:
        kept, is_new = rulesets.publish(work, code, version)
        return Answer({"status": kept.status}, is_new, subject=f"{kept.code} {kept.version}")

    done(bank(), Actor(client_id, frozenset({"rules:publish"})), "ruleset.publish", action)
    click.echo(f"{code} version {version} is published.")


@ruleset.command("withdraw")
@click.argument("code")
@click.argument("version", type=int)
@click.option("--reason", required=True, help="Why; everybody with a token can read it.")
@click.option("--as", "client_id", required=True, help="The client who withdraws.")
def withdraw(code: str, version: int, reason: str, client_id: str) -> None:
    """Withdraw VERSION of the rule set CODE: new decisions leave it out, those taken by it stand."""

    def action(work: Work) -> Answer:
        kept, is_new = rulesets.withdraw(work, code, version, reason)
        return Answer({"status": kept.standing}, is_new, subject=f"{kept.code} {kept.version}")

    done(bank(), Actor(client_id, frozenset({"rules:publish"})), "ruleset.withdraw", action)
    click.echo(f"{code} version {version} is withdrawn.")


@ruleset.command("impact")
@click.argument("code")
@click.argument("version", type=int)
@click.option("--cursor", help="Where to go on: next_cursor of the answer before.")
def impact(code: str, version: int, cursor: str | None) -> None:
    """Print which recognitions in force would change if VERSION of the rule set CODE were published now."""
    found = asked(bank(), lambda work: weighing.impact(work, code, version, cursor))
    click.echo(json.dumps(asdict(found), ensure_ascii=False, indent=2))


@ruleset.command("load")
@click.argument("pack", type=click.Choice(pack_names()))
@click.option("--author", required=True, help="The client who drafts.")
@click.option("--publisher", required=True, help="The client who publishes.")
def load(pack: str, author: str, publisher: str) -> None:
    """Draft and publish a shipped PACK with its schemes."""
    writer, releaser = Actor(author, frozenset({"rules:write"})), Actor(publisher, frozenset({"rules:publish"}))
    try:
        click.echo("\n".join(f"{name} is published." for name in load_pack(bank(), pack, writer, releaser)))
    except Refusal as refusal:
        raise click.ClickException(str(refusal)) from refusal
