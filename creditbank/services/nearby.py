"""Reading at the replica: answers that may lag a little, never behind what the caller wrote."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy import Connection

from creditbank.core.errors import Refusal
from creditbank.core.permission import Actor
from creditbank.gateways.keyring import SealBroken
from creditbank.services.bank import Bank, Work, looked_up
from creditbank.storage.database import Raced, Unavailable
from creditbank.storage.replica import Replica, place_of, position

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Since:
    """How far behind an answer may be.

    `position` is what the caller saw last of its own writes. `is_exact` asks for all that is committed by now: figures
    that are said to be final.
    """

    position: str | None = None
    is_exact: bool = False


@dataclass(frozen=True, slots=True)
class _Found(Generic[T]):
    value: T


def looked_up_nearby(bank: Bank, actor: Actor, query: Callable[[Work], T], request_id: str, since: Since) -> T:
    """Run a query at the replica where that is fit, else at the primary. Refused: what the query refuses, TryLater.

    A caller that can write and doesn't say what it saw reads from the primary. So does whoever would be refused by the
    replica, and whoever is to stand in a learner's diary: who may see what is judged by what holds now.
    """
    found = _found(bank, actor, query, request_id, since)
    return looked_up(bank, actor, query, request_id) if found is None else found.value


def written(bank: Bank) -> str | None:
    """Return how far the bank has written by now, for callers that will read; None where there is no replica."""
    if bank.replica is None:
        return None
    try:
        return bank.database.read(position)
    except Unavailable:
        return None


def _found(bank: Bank, actor: Actor, query: Callable[[Work], T], request_id: str, since: Since) -> _Found[T] | None:
    replica = bank.replica
    if replica is None or (since.position is None and actor.can_write and not since.is_exact):
        return None
    seen = written(bank) if since.is_exact else since.position
    place = None if seen is None else place_of(seen)
    if (place is None and (seen is not None or since.is_exact)) or not _is_fit(replica, place):
        return None

    def at_replica(connection: Connection) -> _Found[T] | None:
        work = Work(bank, connection, actor, bank.clock(), bank.keyring, request_id)
        value = query(work)
        return None if work.sights else _Found(value)

    try:
        with replica.database.reading() as connection:
            return at_replica(connection)
    except (Refusal, SealBroken):
        return None
    except (Unavailable, Raced):
        replica.give_up()
        return None


def _is_fit(replica: Replica, place: int | None) -> bool:
    try:
        return replica.is_fit(place)
    except Unavailable:
        return False
