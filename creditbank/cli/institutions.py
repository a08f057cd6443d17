"""The command that registers an institution; a new bank has no client yet that could."""

import click

from creditbank.cli.console import bank, done
from creditbank.core.institution import Level, Role
from creditbank.services.bank import Answer, Work
from creditbank.services.clients import administrator
from creditbank.services.institutions import Registration, register


@click.group("institution")
def institution_group() -> None:
    """Institutions: who issues, recognises, accepts, and the authority itself."""


@institution_group.command("register")
@click.argument("code")
@click.argument("name")
@click.option("--role", "roles", multiple=True, required=True, type=click.Choice([role.value for role in Role]))
@click.option("--level", default=Level.CITY.value, show_default=True, type=click.Choice([one.value for one in Level]))
@click.option("--parent", metavar="CODE", help="The institution above it.")
def add(code: str, name: str, roles: tuple[str, ...], level: str, parent: str | None) -> None:
    """Register the institution CODE under NAME: first of all the authority; twice does no harm."""
    registration = Registration(code, name, Level(level), frozenset(map(Role, roles)), parent=parent)

    def action(work: Work) -> Answer:
        standing, is_new = register(work, registration)
        return Answer({"code": standing.institution.code}, is_new, subject=code)

    answer = done(bank(), administrator(), "institution.register", action)
    click.echo(f"{answer.body['code']} is {'registered' if answer.is_new else 'registered already'}.")
