"""The command that explains the settings: what is missing or dangerous, and what to do about it."""

import os
from dataclasses import replace

import click

from creditbank.config import PRODUCTION, SettingsUnreadable, settings_from_environment
from creditbank.opening import create_bank
from creditbank.soundness import concerns_in_database, concerns_of
from creditbank.soundness.values import Concern, Weight, unreadable

_MARKS = {Weight.BROKEN: ("错误", "wrong"), Weight.DANGEROUS: ("危险", "dangerous"), Weight.NOTABLE: ("注意", "notice")}

_LATER = ("上线前须改", "to be mended before production")


@click.group("config")
def config_group() -> None:
    """The settings of this bank, which come from the environment."""


@config_group.command("check")
@click.option("--production", is_flag=True, help="Judge as in production, whatever CREDITBANK_MODE says.")
def check(production: bool) -> None:  # noqa: FBT001 - click's own way
    """Explain every missing or dangerous setting; ends with 1 where the bank must not start. Changes nothing."""
    in_production, found = _found(in_production=production)
    for one in found:
        tell(one, in_production=in_production)
    hindering = sum(one.hinders(in_production=in_production) for one in found)
    mode = "production" if in_production else "development"
    click.echo(f"{hindering} 项须改，{len(found) - hindering} 项提示（按 {mode} 判断）。")
    click.echo(f"{hindering} to be mended, {len(found) - hindering} to know of (judged for {mode}).")
    if hindering:
        raise click.exceptions.Exit(1)


def tell(concern: Concern, *, in_production: bool) -> None:
    """Print a concern in both languages."""
    is_later = concern.weight is Weight.DANGEROUS and not in_production
    zh, en = _LATER if is_later else _MARKS[concern.weight]
    click.echo(f"{concern.variable} [{zh}] {concern.zh}", err=True)
    click.echo(f"{concern.variable} [{en}] {concern.en}", err=True)


def _found(*, in_production: bool) -> tuple[bool, list[Concern]]:
    """Return whether it is judged for production, and everything that is to be said, the worst first."""
    unread: tuple[str, ...] = ()
    try:
        settings = settings_from_environment()
    except SettingsUnreadable as unreadables:
        settings, unread = unreadables.rest, unreadables.names
    judged = PRODUCTION if in_production or os.environ.get("CREDITBANK_MODE") == PRODUCTION else settings.mode
    settings = replace(settings, mode=judged)
    found = [*map(unreadable, unread), *concerns_of(settings, os.environ)]
    if not any(one.weight is Weight.BROKEN for one in found) and (settings.keyring_json or settings.keyring.exists()):
        opened = create_bank(settings)
        found += concerns_in_database(opened)
        opened.database.close()
    order = list(Weight)
    return judged == PRODUCTION, sorted(found, key=lambda one: (order.index(one.weight), one.variable))
