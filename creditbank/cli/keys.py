"""Commands on the bank's secret keys: shown, rotated, renewed and retired while it serves."""

from collections.abc import Callable
from typing import TypeVar

import click

from creditbank.cli.console import asked, bank, done
from creditbank.config import settings_from_environment
from creditbank.core.errors import Refusal
from creditbank.gateways.keyring import KeyringUnusable, Kind
from creditbank.gateways.keyring_source import create_keyring
from creditbank.gateways.suites import SUITES
from creditbank.opening import suite_named
from creditbank.services import clients, learners, renewal, rotation
from creditbank.services.bank import Answer, Work

T = TypeVar("T")

OPERATOR = clients.administrator()


@click.group("keys")
def keys_group() -> None:
    """The bank's secret keys; no command ever prints one."""


@keys_group.command("create")
def create() -> None:
    """Make the keyring of a new bank; nothing that is there is ever replaced."""
    settings = settings_from_environment()
    try:
        settings.keyring.parent.mkdir(parents=True, exist_ok=True)
        create_keyring(settings.keyring, suite_named(settings.cipher_suite))
    except KeyringUnusable as unusable:
        raise click.ClickException(str(unusable)) from unusable
    click.echo(f"{settings.keyring} is made; keep a copy of it apart from the database's backups.")


@keys_group.command("show")
def show() -> None:
    """List all keys, newest last of each kind, with the rows that still rest on each."""
    click.echo(f"{'kind':10} {'id':45} {'suite':18} {'added':20} rows")
    for key in asked(bank(), rotation.keys_in_use):
        added = "not in the keyring" if key.added_at is None else f"{key.added_at:%Y-%m-%d %H:%M:%S}"
        rows = "" if key.rows is None else str(key.rows)
        click.echo(f"{key.kind.value:10} {key.id:45} {key.suite:18} {added:20} {rows}".rstrip())


@keys_group.group("rotate")
def rotate() -> None:
    """Add a new newest key; older ones go on opening and verifying until they are retired."""


@rotate.command("master")
@click.option("--suite", type=click.Choice(list(SUITES)), help="Its cipher suite; that of the settings by default.")
def rotate_master(suite: str | None) -> None:
    """Add a master key, which wraps persons' keys and seals what the bank keeps."""
    _rotated(Kind.MASTER, suite)
    click.echo("Run creditbank keys renew, then creditbank keys retire master.")


@rotate.command("index")
@click.option("--suite", type=click.Choice(list(SUITES)), help="Its cipher suite; that of the settings by default.")
def rotate_index(suite: str | None) -> None:
    """Add an index key, by which persons and learning are found."""
    _rotated(Kind.INDEX, suite)
    click.echo("Run creditbank keys renew, then creditbank keys retire index.")


@rotate.command("signing")
def rotate_signing() -> None:
    """Add a key that signs access tokens."""
    _rotated(Kind.SIGNING, None)
    click.echo("Run creditbank keys retire signing in ten minutes, when older tokens are over.")


@rotate.command("log")
def rotate_log() -> None:
    """Add a key that signs the log's checkpoints; what older ones signed is checked by their public halves."""
    _rotated(Kind.LOG, None)
    click.echo("Make its public half known (GET /v1/log/checkpoint lists it with the next checkpoint).")


@rotate.command("credential")
def rotate_credential() -> None:
    """Add keys that sign credentials; what older ones signed counts on, by their published halves."""
    _rotated(Kind.CREDENTIAL, None)
    click.echo("They are published already (GET /.well-known/did.json); older ones stay there when they are retired.")


@rotate.command("person")
@click.option("--learner", "account_no", required=True, metavar="ACCOUNT_NO|all", help="Whose key, or everybody's.")
def rotate_person(account_no: str) -> None:
    """Give one person, or everybody, a new key of the newest master key's suite, and seal all that is theirs anew."""
    opened = bank()
    if account_no == "all":
        people = _tried(lambda: renewal.rotate_people(opened, OPERATOR))
        click.echo(f"{people} persons have new keys.")
        return
    learner_id = asked(opened, lambda work: learners.holder(work, account_no))

    def action(work: Work) -> Answer:
        return Answer({"texts": renewal.rotate_person(work, learner_id)}, is_new=True, subject=str(learner_id))

    texts = done(opened, OPERATOR, "keys.rotate_person", action).body["texts"]
    click.echo(f"{texts} texts are sealed under a new key.")


@keys_group.command("renew")
def renew() -> None:
    """Bring everything under the newest master and index key; can be broken off and run again."""
    opened = bank()
    renewed = _tried(lambda: renewal.renew(opened, OPERATOR))
    for name, rows in renewed.rows.items():
        click.echo(f"{name}: {rows}")
    for place in renewed.broken:
        click.echo(f"{place} doesn't open and was left as it is: restore it from a backup", err=True)
    if renewed.broken:
        raise click.exceptions.Exit(1)


@keys_group.command("retire")
@click.argument("kind", type=click.Choice([kind.value for kind in Kind]))
@click.option(
    "--now",
    "at_once",
    is_flag=True,
    help="As after a theft: though tokens or the newest checkpoint are by them; credentials by them count no more.",
)
def retire(kind: str, at_once: bool) -> None:  # noqa: FBT001 - click's own way
    """Take away all keys of a KIND but the newest, for ever, if nothing needs them any more."""
    opened = bank()
    gone = _tried(lambda: rotation.retire(opened, OPERATOR, Kind(kind), at_once=at_once))
    click.echo("\n".join(f"{kind} {key_id} is retired." for key_id in gone) or f"There is one {kind} key; it stays.")
    if gone:
        click.echo("Keep the backup of the older keyring as long as backups of the database from before today.")


@keys_group.command("withdraw")
@click.argument("kid")
def withdraw(kid: str) -> None:
    """Let nothing count that the retired key KID of credentials signed; GET /.well-known/did.json lists it."""

    def action(work: Work) -> Answer:
        rotation.withdraw(work, kid)
        return Answer({}, is_new=False, subject=f"credential {kid}")

    done(bank(), OPERATOR, "keys.withdraw", action)
    click.echo(f"{kid} is withdrawn: what it signed counts no more; credentials are fetched anew under the newest key.")


def _rotated(kind: Kind, suite: str | None) -> None:
    """Add a key and say which."""
    opened = bank()
    key_id = _tried(lambda: rotation.rotate(opened, OPERATOR, kind, SUITES[suite] if suite else None))
    click.echo(f"{kind.value} {key_id} is the newest. Back up the keyring now.")


def _tried(action: Callable[[], T]) -> T:
    """Run something, or end with the reasons why not."""
    try:
        return action()
    except (Refusal, KeyringUnusable) as reason:
        raise click.ClickException(str(reason)) from reason
