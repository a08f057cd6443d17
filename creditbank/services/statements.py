"""What a learner has: balances on a day or as they were known, and the passbook."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from creditbank.core.errors import unknown
from creditbank.core.lots import Balance, balances
from creditbank.core.permission import require
from creditbank.services.bank import Work, check_may_see
from creditbank.storage import passbook as book
from creditbank.storage.passbook import Line

__all__ = ["Balances", "Line", "balance", "passbook"]


@dataclass(frozen=True, slots=True)
class Balances:
    """A learner's balances, one a scheme, as of a day."""

    learner_id: UUID
    as_of: date
    balances: tuple[Balance, ...]


def balance(work: Work, learner_id: UUID, as_of: date | None, known_at: datetime | None) -> Balances:
    """Return the balances as of a day (today if None), as known at an instant (now if None).

    Refused: ScopeMissing; Unknown for a learner who does not exist or is not known to the actor.
    """
    require(work.actor, "balance:read", "audit:read")
    on = as_of or work.today
    if as_of is None and known_at is None:
        return Balances(learner_id, on, _balances_today(work, learner_id, on))
    check_may_see(work, learner_id)
    return Balances(learner_id, on, balances(book.transfers(work.connection, learner_id, on, known_at), on))


def passbook(work: Work, learner_id: UUID, after: book.Place | None, rows_max: int) -> list[Line]:
    """Return passbook lines, newest first. Refused: as for `balance`."""
    require(work.actor, "statement:read", "audit:read")
    check_may_see(work, learner_id)
    return book.lines(work.connection, learner_id, after, rows_max)


def _balances_today(work: Work, learner_id: UUID, on: date) -> tuple[Balance, ...]:
    """Return the balances of today: the question asked most, for institutions in one statement with the permission."""
    actor = work.actor
    known_to = actor.institution_id
    if known_to is None or actor.audits:
        check_may_see(work, learner_id)
        known_to = None
    found = book.balances_today(work.connection, learner_id, on, known_to)
    if found is None:
        raise unknown("学习者", "learner")
    return tuple(found)
