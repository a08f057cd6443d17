"""Commands at the counter: clients of institutions, their staff, and learners who have no device of their own."""

import json
from collections.abc import Callable
from typing import Any

import click

from creditbank.cli.console import asked, bank, done
from creditbank.config import settings_from_environment
from creditbank.core.permission import SCOPES, StaffRole
from creditbank.services import access, clients, learners, likenesses
from creditbank.services import staff as personnel
from creditbank.services.bank import Answer, Bank, Work


@click.group("client")
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

    done(bank(), clients.administrator(), "client.deactivate", action)
    click.echo(f"{client_id} gets no more tokens.")


def _show_secret(action_name: str, make: Callable[[Work], clients.Credentials]) -> None:
    """Carry out what makes a secret and print it."""
    made: list[clients.Credentials] = []

    def action(work: Work) -> Answer:
        made.append(make(work))
        return Answer({}, is_new=True, subject=made[-1].client.id)

    done(bank(), clients.administrator(), action_name, action)
    click.echo(json.dumps({"client_id": made[-1].client.id, "client_secret": made[-1].secret}))


@click.group()
def learner() -> None:
    """Learners at the counter."""


@learner.command("token")
@click.argument("account_no")
def token(account_no: str) -> None:
    """Print a token with which the holder of ACCOUNT_NO reads what is theirs, for ten minutes."""
    opened = bank()
    learner_id = asked(opened, lambda work: learners.holder(work, account_no))
    click.echo(access.learner_token(opened, settings_from_environment().base_url, learner_id))


@click.group("staff")
def staff_group() -> None:
    """Staff of institutions."""


@staff_group.command("add")
@click.argument("institution")
@click.argument("name")
@click.option("--role", "roles", multiple=True, required=True, type=click.Choice([role.value for role in StaffRole]))
def add(institution: str, name: str, roles: tuple[str, ...]) -> None:
    """Register a staff member of INSTITUTION (its code) and show their invitation, once: the first administrator."""
    made: list[personnel.Invited] = []
    wanted = [StaffRole(role) for role in roles]

    def action(work: Work) -> Answer:
        made.append(personnel.register(work, institution, name, wanted))
        granted = " ".join(f"+{role}" for role in sorted(set(wanted)))
        return Answer({}, is_new=True, subject=f"{made[-1].member.id} {granted}")

    done(bank(), clients.administrator(), "staff.register", action)
    click.echo(json.dumps({"staff_id": str(made[-1].member.id), "invitation": made[-1].invitation}))


@click.command("likeness")
def propose_likeness() -> None:
    """Compare accounts that have come or changed with those like them, and propose pairs to people; for a timer.

    It only opens cases, and goes on where it stopped.
    """
    opened, total = bank(), likenesses.Compared(0, 0, 0, 0)
    while (found := _compared(opened)).rows:
        total = total.plus(found)
    click.echo(
        f"{total.pairs} pairs compared, {total.opened} cases opened; {total.skipped} blocks were too large to tell."
    )


def _compared(opened: Bank) -> likenesses.Compared:
    """Compare what is next."""
    found: list[likenesses.Compared] = []

    def action(work: Work) -> Answer:
        found.append(likenesses.propose(work))
        return Answer({}, is_new=False, subject=f"{found[-1].opened} cases")

    done(opened, clients.administrator(), "identity.likeness", action)
    return found[-1]
