"""Automatic awards unasked: the worker gives them to those whose outcomes changed since they were looked at.

Every outcome that is recorded or corrected leaves a decision, whose id begins with its time: decisions are walked in
that order, so that nothing has to be written for it when credits are posted. A version of a definition that is new has
all decisions before it, and so looks at everybody once.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import Connection

from creditbank.core.merging import Person
from creditbank.core.permission import Actor
from creditbank.core.rules import QualificationSet
from creditbank.services.awarding import give, progress_of, standing_of
from creditbank.services.bank import Answer, Bank, Errand, Work, carried_out, looked_up
from creditbank.storage import award_looks, people
from creditbank.storage.awards import Award
from creditbank.storage.database import is_alone, writing_since

WORKER = Actor("worker", frozenset())
"""Who awards what nobody asks for."""

SETTLED = timedelta(seconds=60)
"""How long decisions are left alone: machines' clocks differ, and an id is there before its row is written."""

ROWS_MAX = 50
"""Decisions of one transaction: on SQLite everybody who writes waits for it, for a third of a second if all are awarded
something, for a tenth if nobody is."""

BLOCKS_MAX = 20
"""Transactions of one run for each definition, so that the worker's other jobs have their turn."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What one transaction did: decisions that were looked at, and awards that were given."""

    decisions: int
    awards: int


def give_unasked(bank: Bank, settled: timedelta = SETTLED) -> int:
    """Look at what was decided until a while ago, as much as one run takes; return how many awards were given.

    Refused: TryLater. Raised: Unavailable, KeyringUnusable.
    """
    given = 0
    for ruleset in looked_up(bank, WORKER, lambda work: work.rulebook().automatic_qualifications(work.today)):
        for _ in range(BLOCKS_MAX):
            looked = _some(bank, ruleset, settled)
            given += looked.awards
            if looked.decisions < ROWS_MAX:
                break
    return given


def _some(bank: Bank, ruleset: QualificationSet, settled: timedelta) -> Looked:
    """Look at the next decisions in one transaction with how far that is, unless there are none."""
    if not bank.database.read(lambda connection: _waiting(bank, connection, ruleset, settled)):
        return Looked(0, 0)
    done: list[Looked] = []

    def action(work: Work) -> Answer:
        done.append(_looked_at(work, ruleset, settled))
        return Answer({}, is_new=True, subject=f"{ruleset.code} {ruleset.version}: {done[-1].awards} awards")

    carried_out(bank, Errand(WORKER, "qualification.award_unasked"), action)
    return done[-1]


def _looked_at(work: Work, ruleset: QualificationSet, settled: timedelta) -> Looked:
    if not is_alone(work.connection, f"awards:{ruleset.code}"):
        return Looked(0, 0)
    waiting = _waiting(work.bank, work.connection, ruleset, settled)
    given = sum(_given(work, ruleset, one) for one in _persons(work, {learner_id for _, learner_id in waiting}))
    if waiting:
        award_looks.advance(work.connection, ruleset.code, ruleset.version, waiting[-1][0])
    return Looked(len(waiting), given)


def _waiting(
    bank: Bank, connection: Connection, ruleset: QualificationSet, settled: timedelta
) -> list[award_looks.Look]:
    """Return the next decisions that nobody can slip in before any more."""
    since = writing_since(connection)  # first: who begins to write behind it writes later ids
    end = _time_of(bank.new_id()) if since is None else min(since.timestamp(), _time_of(bank.new_id()))
    after = award_looks.position(connection, ruleset.code, ruleset.version)
    return list(award_looks.behind(connection, after, _first_at(end - settled.total_seconds()), ROWS_MAX))


def _time_of(made: UUID) -> float:
    """Return when an id was made, in seconds since 1970: ids of version 7 begin with it in milliseconds."""
    return (made.int >> 80) / 1000


def _first_at(seconds: float) -> UUID:
    """Return what is before every id from a time on."""
    return UUID(int=int(seconds * 1000) << 80)


def _persons(work: Work, learner_ids: Iterable[UUID]) -> list[Person]:
    """Return to whom accounts belong, each once, in the order in which they are locked; not who is kept from others."""
    open_ones = people.open_to_others(work.connection, learner_ids)
    found = {one.id: one for one in people.people(work.connection, open_ones).values()}
    return [one for _, one in sorted(found.items())]


def _given(work: Work, ruleset: QualificationSet, person: Person) -> int:
    """Give a person every level that they reach and don't hold; return how many. Locked is who gets something."""
    if not _due(work, ruleset, person):
        return 0
    held = people.locked(work.connection, person.id)
    if held is None or held.is_erased or held.is_restricted or held.is_in_conflict:
        return 0
    made = [give(work, ruleset, held.person, level) for level in _due(work, ruleset, held.person)]
    return sum(isinstance(one, Award) for one in made)


def _due(work: Work, ruleset: QualificationSet, person: Person) -> list[str]:
    """Return the levels that a person reaches and doesn't hold, in the order of the ladder."""
    holding = {one.level for one in standing_of(work, ruleset, person) if one.counts_on(work.today)}
    if holding == {level.id for level in ruleset.levels}:
        return []
    reached = progress_of(work, ruleset, person).levels
    return [one.level.id for one in reached if one.is_met and one.level.id not in holding]
