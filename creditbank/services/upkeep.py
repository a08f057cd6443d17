"""Upkeep: parts of a larger work at the console, each in a transaction of its own with its line in the audit log."""

from collections.abc import Callable
from typing import TypeVar

from creditbank.core.permission import Actor
from creditbank.services.bank import Answer, Bank, Errand, Work, carried_out

T = TypeVar("T")


def carried_out_as(bank: Bank, actor: Actor, action_name: str, subject: str, part: Callable[[Work], T]) -> T:
    """Run a part of something larger in a transaction of its own with its line in the audit log; return what it gives.

    Refused: what the part refuses, TryLater.
    """
    given: list[T] = []

    def action(work: Work) -> Answer:
        given.append(part(work))
        return Answer({}, is_new=True, subject=subject)

    carried_out(bank, Errand(actor, action_name), action)
    return given[-1]
