"""Numbering: events that are committed get numbers, one after the other, and it is written down who is told of each.

An id can be there before its row is seen: whoever read by ids would miss what commits late. One transaction at a time
numbers what it sees, which is committed, behind all that is numbered already.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection

from creditbank.core.calendar import bank_day
from creditbank.core.entitlement import Basis
from creditbank.core.event import CONSENTABLE, KEPT_DAYS, Event, stronger
from creditbank.services.bank import Bank
from creditbank.storage import events, outbox, people
from creditbank.storage.database import is_alone

JOB = "events"
"""Under which name one worker keeps others from numbering."""

ROWS_MAX = {"postgresql": 100, "sqlite": 20}
"""Rows of the outbox, of up to a hundred events, in one transaction: on SQLite everybody who writes waits for it."""

PRUNED_ROWS = 5_000
"""Events that one transaction forgets."""


def number(bank: Bank) -> int:
    """Number all events that wait, and return how many; none where somebody else numbers. Raised: Unavailable."""
    numbered = 0
    while bank.database.read(outbox.is_waiting):
        some = number_some(bank)
        if not some:
            break
        numbered += some
    return numbered


def number_some(bank: Bank) -> int:
    """Number the events of the next rows in one transaction; return how many."""
    with bank.database.transaction() as connection:
        if not is_alone(connection, JOB):
            return 0
        row_ids, found = outbox.waiting(connection, ROWS_MAX[connection.dialect.name])
        now = bank.clock()
        events.number(connection, found, _readers(connection, found, now), now)
        outbox.take_out(connection, row_ids)
    return len(found)


def prune(bank: Bank) -> int:
    """Forget events that are too old, and return how many. Raised: Unavailable."""
    pruned = 0
    while True:
        with bank.database.transaction() as connection:
            some = events.prune(connection, bank.clock() - timedelta(days=KEPT_DAYS), PRUNED_ROWS)
        pruned += some
        if some < PRUNED_ROWS:
            return pruned


def _readers(connection: Connection, found: Sequence[Event], now: datetime) -> list[Mapping[UUID, Basis]]:
    """Return who is told of each: those with a part in it, and those to whom the learner consented by now.

    Whether a consent covers it and is in force still is asked when it is told.
    """
    asked = {one.learner_id for one in found if one.noun in CONSENTABLE}
    whose = people.people(connection, asked)
    members = sorted({member for one in whose.values() for member in one.members})
    consented = events.consented_to(connection, members, bank_day(now)) if members else {}
    told: list[Mapping[UUID, Basis]] = []
    for one in found:
        readers = dict(one.readers)
        if one.learner_id in whose and one.noun in CONSENTABLE:
            for reader in {found for member in whose[one.learner_id].members for found in consented.get(member, ())}:
                readers[reader] = stronger(Basis.CONSENT, readers.get(reader))
        told.append(readers)
    return told
