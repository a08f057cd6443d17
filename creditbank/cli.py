"""The command line: what an operator does at the bank's own console."""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TypeVar

import click
from granian import Granian
from granian.constants import Interfaces

from creditbank.app import create_app, create_bank
from creditbank.config import VAR, settings_from_environment
from creditbank.core.errors import Refusal
from creditbank.core.permission import SCOPES, Actor
from creditbank.core.rules import parsed_ruleset
from creditbank.demo import run_demo
from creditbank.formats.ruleset_schema import ruleset_schema
from creditbank.formats.strict_json import parsed
from creditbank.gateways.keyring import KeyringUnusable
from creditbank.packs import load_pack, pack_names, schemes_of_packs
from creditbank.services import access, checking, clients, learners, rulesets, schemes, verification
from creditbank.services import impact as weighing
from creditbank.services.bank import Answer, Bank, Errand, Work, carried_out, looked_up
from creditbank.storage.migrations import grant, grants, migrate

DOCUMENT_BYTES_MAX = 16 * 1024 * 1024
T = TypeVar("T")


@click.group()
def main() -> None:
    """The open backend of a lifelong-learning credit bank (终身学习学分银行)."""


def _bank() -> Bank:
    """Return the bank of the environment, or end with what is wrong with its settings."""
    try:
        return create_bank(settings_from_environment())
    except KeyringUnusable as unusable:
        raise click.ClickException(str(unusable)) from unusable


def _done(bank: Bank, actor: Actor, action_name: str, action: Callable[[Work], Answer]) -> Answer:
    """Carry out an errand, or end with the reasons why not."""
    try:
        return carried_out(bank, Errand(actor, action_name), action)
    except Refusal as refusal:
        raise click.ClickException(str(refusal)) from refusal


def _asked(bank: Bank, query: Callable[[Work], T]) -> T:
    """Run a query as the operator, or end with the reasons why not."""
    try:
        return looked_up(bank, clients.administrator(), query)
    except Refusal as refusal:
        raise click.ClickException(str(refusal)) from refusal


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True)
@click.option("--workers", type=int, help="Processes; one on SQLite, one a core on PostgreSQL.")
@click.option("--threads", default=2, show_default=True, help="Threads that serve requests in each process.")
def serve(host: str, port: int, workers: int | None, threads: int) -> None:
    """Serve the API until stopped."""
    os.environ.setdefault("CREDITBANK_BASE_URL", f"http://{host}:{port}")
    os.environ.setdefault("CREDITBANK_POOL_SIZE", str(threads))
    settings = settings_from_environment()
    _bank().database.close()
    click.echo(f"Serving {settings.base_url} (documentation: {settings.base_url}/docs); stop with Ctrl-C.")
    Granian(
        "creditbank.app:create_app",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        factory=True,
        workers=workers or (1 if settings.database_url.startswith("sqlite") else os.cpu_count() or 1),
        blocking_threads=threads,
        respawn_failed_workers=True,
        log_enabled=False,
    ).serve()


@main.command("migrate")
def migrate_schema() -> None:
    """Bring the database's schema up to date."""
    settings = settings_from_environment()
    if settings.database_url.startswith("sqlite"):
        Path(settings.database_url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    migrate(_bank().database)
    click.echo("The schema is up to date.")


@main.command()
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), default=VAR, show_default=True)
def demo(folder: Path) -> None:
    """Load the demonstration, post its records, print what happened and write demo.json."""
    settings = replace(settings_from_environment(), log_format="none")
    folder.mkdir(parents=True, exist_ok=True)
    run_demo(create_app(settings), folder, settings.base_url)


@main.command()
def openapi() -> None:
    """Print the API document."""
    app = create_app(replace(settings_from_environment(), log_format="none"))
    answer: Any = app.view_functions["openapi"]()
    click.echo(json.dumps(answer.get_json(), ensure_ascii=False, indent=2))


@main.group("client")
def client_group() -> None:
    """Programs of institutions and partners."""


@client_group.command("create")
@click.argument("institution")
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, required=True, type=click.Choice(list(SCOPES)))
@click.option("--public-keys", type=click.File(), help="JWKS with the client's own keys, for private_key_jwt.")
def create(institution: str, name: str, scopes: tuple[str, ...], public_keys: Any) -> None:  # noqa: ANN401
    """Register a client of INSTITUTION (its code) and show its secret, once."""
    keys = None if public_keys is None else public_keys.read()
    _show_secret("client.create", lambda work: clients.create_client(work, name, institution, scopes, keys))


@client_group.command("rotate")
@click.argument("client_id")
def rotate(client_id: str) -> None:
    """Give CLIENT_ID a second secret; the older of two ends."""
    _show_secret("client.rotate", lambda work: clients.rotate_secret(work, client_id))


@client_group.command("deactivate")
@click.argument("client_id")
def deactivate(client_id: str) -> None:
    """Let CLIENT_ID get no more tokens."""

    def action(work: Work) -> Answer:
        return Answer({}, is_new=False, subject=clients.deactivate(work, client_id).id)

    _done(_bank(), clients.administrator(), "client.deactivate", action)
    click.echo(f"{client_id} gets no more tokens.")


def _show_secret(action_name: str, make: Callable[[Work], clients.Credentials]) -> None:
    """Carry out what makes a secret and print it."""
    made: list[clients.Credentials] = []

    def action(work: Work) -> Answer:
        made.append(make(work))
        return Answer({}, is_new=True, subject=made[-1].client.id)

    _done(_bank(), clients.administrator(), action_name, action)
    click.echo(json.dumps({"client_id": made[-1].client.id, "client_secret": made[-1].secret}))


@main.group()
def ruleset() -> None:
    """Rule sets."""


@ruleset.command("schema")
def schema() -> None:
    """Print the JSON Schema of rule sets."""
    click.echo(json.dumps(ruleset_schema(), ensure_ascii=False, indent=2))


@ruleset.command("check")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def check(file: Path) -> None:
    """Check a rule set in FILE: its form, and its own tests if its scheme is known."""
    try:
        found = parsed_ruleset(parsed(file.read_bytes(), bytes_max=DOCUMENT_BYTES_MAX))
        scheme = schemes_of_packs().get(found.scheme) or _registered_scheme(found.scheme)
        faults = tuple(() if scheme is None else checking.failures(found, scheme))
    except Refusal as refusal:
        faults, scheme, found = refusal.faults, None, None
    for fault in faults:
        click.echo(f"{fault.pointer or '/'}: {fault.message_en}\n{' ' * 4}{fault.message_zh}", err=True)
    if faults:
        sys.exit(1)
    assert found is not None, "without faults there is a rule set"
    tested = f"{len(found.tests)} tests pass" if scheme else f"tests not run: scheme {found.scheme} is not known here"
    click.echo(f"{found.code} version {found.version}: {len(found.rules)} rules, {tested}.")


def _registered_scheme(code: str) -> Any:  # noqa: ANN401 - a scheme or none
    """Return a scheme of the bank of the environment, if there is one."""
    return next((scheme for scheme in _asked(_bank(), schemes.every_scheme) if scheme.code == code), None)


@ruleset.command("draft")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--as", "client_id", required=True, help="The client who drafts.")
def draft(file: Path, client_id: str) -> None:
    """Draft the rule set in FILE."""

    def action(work: Work) -> Answer:
        kept, is_new = rulesets.draft(work, parsed(file.read_bytes(), bytes_max=DOCUMENT_BYTES_MAX))
        return Answer({"code": kept.code, "version": kept.version}, is_new, subject=f"{kept.code} {kept.version}")

    body = _done(_bank(), Actor(client_id, frozenset({"rules:write"})), "ruleset.draft", action).body
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

    _done(_bank(), Actor(client_id, frozenset({"rules:publish"})), "ruleset.publish", action)
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

    _done(_bank(), Actor(client_id, frozenset({"rules:publish"})), "ruleset.withdraw", action)
    click.echo(f"{code} version {version} is withdrawn.")


@ruleset.command("impact")
@click.argument("code")
@click.argument("version", type=int)
@click.option("--cursor", help="Where to go on: next_cursor of the answer before.")
def impact(code: str, version: int, cursor: str | None) -> None:
    """Print which recognitions in force would change if VERSION of the rule set CODE were published now."""
    found = _asked(_bank(), lambda work: weighing.impact(work, code, version, cursor))
    click.echo(json.dumps(asdict(found), ensure_ascii=False, indent=2))


@ruleset.command("load")
@click.argument("pack", type=click.Choice(pack_names()))
@click.option("--author", required=True, help="The client who drafts.")
@click.option("--publisher", required=True, help="The client who publishes.")
def load(pack: str, author: str, publisher: str) -> None:
    """Draft and publish a shipped PACK with its schemes."""
    writer, releaser = Actor(author, frozenset({"rules:write"})), Actor(publisher, frozenset({"rules:publish"}))
    try:
        click.echo("\n".join(f"{name} is published." for name in load_pack(_bank(), pack, writer, releaser)))
    except Refusal as refusal:
        raise click.ClickException(str(refusal)) from refusal


@main.group()
def learner() -> None:
    """Learners at the counter."""


@learner.command("token")
@click.argument("account_no")
def token(account_no: str) -> None:
    """Print a token with which the holder of ACCOUNT_NO reads what is theirs, for ten minutes."""
    bank = _bank()
    learner_id = _asked(bank, lambda work: learners.holder(work, account_no))
    click.echo(access.learner_token(bank, settings_from_environment().base_url, learner_id))


@main.command()
def verify() -> None:
    """Replay the whole ledger and compare every balance and lot."""
    report = _asked(_bank(), verification.verify)
    for fault in report.faults:
        click.echo(fault, err=True)
    seen = f"{report.accounts} accounts, {report.entries} entries, {report.conversions} conversions"
    click.echo(f"{seen}, {len(report.faults)} faults.")
    if report.faults:
        sys.exit(1)


@main.command("grant")
@click.argument("role")
@click.option("--print", "only_prints", is_flag=True, help="Print the statements instead of running them.")
def grant_rights(role: str, only_prints: bool) -> None:  # noqa: FBT001 - click's own way
    """Give PostgreSQL's ROLE of the application its rights: no UPDATE or DELETE on what is written once."""
    if only_prints:
        click.echo(";\n".join(grants(role)) + ";")
    else:
        grant(_bank().database, role)
        click.echo(f"{role} has its rights.")
