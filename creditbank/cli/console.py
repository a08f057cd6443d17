"""What all commands share: the bank of the environment, and its refusals as the reasons why a command ends."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import click

from creditbank.config import settings_from_environment
from creditbank.core.errors import Refusal
from creditbank.core.permission import Actor
from creditbank.gateways.keyring import KeyringUnusable
from creditbank.opening import create_bank
from creditbank.services import clients
from creditbank.services.bank import Answer, Bank, Errand, Work, carried_out, looked_up

T = TypeVar("T")


def bank(pool_size_min: int = 1) -> Bank:
    """Return the bank of the environment, or end with what is wrong with its settings."""
    settings = settings_from_environment()
    try:
        return create_bank(replace(settings, pool_size=max(settings.pool_size, pool_size_min)))
    except KeyringUnusable as unusable:
        raise click.ClickException(str(unusable)) from unusable


def done(opened: Bank, actor: Actor, action_name: str, action: Callable[[Work], Answer]) -> Answer:
    """Carry out an errand, or end with the reasons why not."""
    try:
        return carried_out(opened, Errand(actor, action_name), action)
    except Refusal as refusal:
        raise click.ClickException(str(refusal)) from refusal


def asked(opened: Bank, query: Callable[[Work], T]) -> T:
    """Run a query as the operator, or end with the reasons why not."""
    try:
        return looked_up(opened, clients.administrator(), query)
    except Refusal as refusal:
        raise click.ClickException(str(refusal)) from refusal
