"""What a learner has: balances on a day or as they were known, and the passbook."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from creditbank.core.entitlement import Basis, Sight
from creditbank.core.lots import Balance, balances, summed
from creditbank.core.merging import person_of, standing
from creditbank.core.permission import require
from creditbank.services.bank import Work
from creditbank.services.entitlement import looked_at, seen
from creditbank.storage import passbook as book
from creditbank.storage import people
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
        return _balances_today(work, learner_id, on)
    found = looked_at(work, learner_id, Sight.BALANCE)
    person = found.person
    if known_at is not None and person.is_joint:
        links = people.links_around(work.connection, person.id)
        known = person_of(standing(links, known_at), found.account_id)
        return Balances(known.id, on, balances(book.transfers(work.connection, known.members, on, known_at), on))
    return Balances(person.id, on, balances(book.transfers(work.connection, person.members, on, known_at), on))


def passbook(work: Work, learner_id: UUID, after: book.Place | None, rows_max: int) -> list[Line]:
    """Return passbook lines, newest first. Refused: as for `balance`."""
    require(work.actor, "statement:read", "audit:read")
    person = seen(work, learner_id, Sight.STATEMENT)
    return book.lines(work.connection, person.members, after, rows_max)


def _balances_today(work: Work, learner_id: UUID, on: date) -> Balances:
    """Return the balances of today: the question asked most, for institutions in one statement with the permission."""
    actor = work.actor
    needs_no_more = actor.learner_id is None and not actor.audits and not actor.is_partner
    if actor.institution_id is not None and needs_no_more:
        found = book.balances_known_to(work.connection, work.sight(learner_id, Sight.BALANCE, Basis.KNOWN), on)
        if found is not None:
            return Balances(learner_id, on, tuple(found))
    person = seen(work, learner_id, Sight.BALANCE)
    return Balances(person.id, on, tuple(summed(book.balances_today(work.connection, person.members, on))))
