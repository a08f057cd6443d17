"""Lookup: whether somebody is a learner here, told only to whom the learner consented or who issued an outcome."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from itertools import chain
from uuid import UUID

from creditbank.core.calendar import SHANGHAI
from creditbank.core.consent import covering
from creditbank.core.entitlement import Basis, Sight
from creditbank.core.errors import Fault, Malformed, TooMany
from creditbank.core.identity import Application, resolved
from creditbank.core.merging import Person
from creditbank.core.permission import require
from creditbank.formats.claims import Declared, claim_of
from creditbank.services.bank import Work
from creditbank.storage import consents, identifier_index, lookups, partners, people

NOBODY = Person(UUID(int=0), (UUID(int=0),))
"""Asked about in place of somebody unknown, so that it takes the same statements."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Who is asked about: an identifier and the name in the same document."""

    type: str
    value: str
    name: str


def looked_up(work: Work, asked: Asked, budget: int) -> UUID | None:
    """Return the learner's id, as the actor knows them; None for somebody unknown and for who is none of theirs.

    Refused: ScopeMissing; Malformed identifier; TooMany where the client's budget of the day is used up.
    """
    require(work.actor, "learners:lookup")
    institution_id = work.actor.institution_id
    assert institution_id is not None, "learners' tokens carry no scope for it"
    _count(work, budget)
    person = _person(work, asked) or NOBODY
    given = covering(consents.standing(work.connection, person.members, institution_id), None, work.today)
    has_awarded = lookups.has_awarded(work.connection, person.members, institution_id)
    names = partners.subjects(work.connection, institution_id, person.members)
    if given is None and (work.actor.is_partner or not has_awarded):
        return None
    work.note_sight(person.id, Sight.LOOKUP, Basis.ISSUED if given is None else f"{Basis.CONSENT}:{given.id}")
    return next(iter(names.values())) if work.actor.is_partner else person.id


def _count(work: Work, budget: int) -> None:
    """Count this lookup. Refused: TooMany."""
    client_id, today = work.actor.client_id, work.today
    used = lookups.count_one(work.connection, client_id, today)
    if used > budget:
        zh = f"今日查询已达 {budget} 次；请明日再试，或请学习者授权后直接读取。"
        en = f"Today's {budget} lookups are used up; try again tomorrow, or read on the learner's consent."
        tomorrow = datetime.combine(today + timedelta(days=1), time(), SHANGHAI)
        raise TooMany((Fault("", "lookups_used_up", zh, en),), max(1, int((tomorrow - work.now).total_seconds())))
    if used == 1:
        lookups.forget(work.connection, client_id, today)


def _person(work: Work, asked: Asked) -> Person | None:
    """Return whose identifier it is, under a compatible name."""
    try:
        claim = claim_of(Declared(asked.type, asked.value), work.actor.institution_code, work.today)
    except Malformed as malformed:
        raise Malformed(tuple(fault.under("/identifier") for fault in malformed.faults)) from malformed
    keys = identifier_index.claim_keys(work.keyring, Application(asked.name, None, (claim,)))
    found = resolved(chain.from_iterable(keys), identifier_index.matches(work.connection, keys)).learner_ids
    wanted = found[0] if found else NOBODY.id
    return people.people(work.connection, [wanted]).get(wanted)
