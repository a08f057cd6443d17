"""Filling a bank: blocks of learners shared out to processes, keys and indexes made afterwards."""

import gc
import multiprocessing
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from random import Random

from creditbank.config import Settings
from creditbank.loading.courses import Catalogue, catalogue
from creditbank.loading.desk import Desk
from creditbank.loading.ledgers import ACCOUNT_COLUMNS, ENTRY_COLUMNS, Ids
from creditbank.loading.lives import ENTRIES_MAX, live
from creditbank.loading.people import COLUMNS
from creditbank.loading.world import World, opened
from creditbank.opening import create_bank
from creditbank.services.bank import Bank, looked_up
from creditbank.services.clients import administrator
from creditbank.storage import bulk, seal_missed

BLOCK = 2000
"""Learners whose rows are written together: their entries mix on the pages as those of people who learn at once do."""

SKEW = 1.6
"""The shape of the Pareto distribution of entries among learners: a tenth of them has some four tenths of all."""

ALL_COLUMNS: dict[str, tuple[str, ...]] = {
    **COLUMNS,
    "outcome": (
        *("learner_id", "id", "institution_id", "external_id", "revision", "status", "duplicate_of", "decision_id"),
        *("kind", "completed_on", "recorded_at"),
    ),
    "outcome_key": ("institution_id", "external_id", "learner_id", "outcome_id"),
    "outcome_revision": ("learner_id", "outcome_id", "revision", "content", "applied_on", "recorded_at", "actor"),
    "certificate": ("learner_id", "outcome_id", "revision", "sealed_number"),
    "outcome_claim": ("claim", "learner_id", "outcome_id", "key_id"),
    "decision": (
        *("learner_id", "id", "kind", "outcome_id", "conversion_id", "revision", "institution_id", "ruleset"),
        *("version", "inputs", "result", "explanation", "decided_at", "actor"),
    ),
    "account": ACCOUNT_COLUMNS,
    "lot": ("learner_id", "id", "scheme", "outcome_id", "amount_hundredths", "used_hundredths", "valid_until"),
    "conversion": (
        *("learner_id", "id", "institution_id", "programme", "ruleset", "version", "scheme", "state", "step"),
        *("due_on", "is_appeal", "submitted_by", "submitter_id", "decision_id", "revision", "opened_at"),
    ),
    "conversion_part": (
        *("learner_id", "conversion_id", "number", "account_id", "outcome_id", "lot_id", "course_code", "course_title"),
        *("course_category", "course_hundredths", "rule", "granted_hundredths", "spent_hundredths"),
        *("lapsed_hundredths", "partners", "state"),
    ),
    "conversion_event": (
        *("learner_id", "conversion_id", "number", "kind", "step", "reason", "actor", "institution_id", "happened_at"),
    ),
    "conversion_reader": ("learner_id", "conversion_id", "institution_id", "opened_at"),
    "conversion_claim": ("learner_id", "claim", "conversion_id"),
    "entry": ENTRY_COLUMNS,
}
"""The tables that are filled, each after those that it refers to."""

_RECORDED = ENTRY_COLUMNS.index("recorded_at")


@dataclass(frozen=True, slots=True)
class Wanted:
    """How much is made of what; the same seed makes the same people and books, but for their keys."""

    learners: int
    entries: int
    seed: int
    processes: int
    until: int
    """The instant, in seconds since 1970, up to which they have learnt."""

    def blocks(self) -> int:
        """Return how many blocks of learners there are."""
        return -(-self.learners // BLOCK)

    def block(self, number: int) -> tuple[range, int]:
        """Return the learners of a block and how many entries they have together."""
        first, last = number * BLOCK, min((number + 1) * BLOCK, self.learners)
        entries = [self.entries * one // self.learners for one in (first, last)]
        return range(first, last), entries[1] - entries[0]


def fill(settings: Settings, wanted: Wanted, tell: Callable[[str, int], None]) -> int:
    """Fill an empty bank and return how many entries there are; `tell` is told what was done, and of how much.

    Raises NotEmpty where the database holds outcomes already.
    """
    bank = create_bank(settings)
    try:
        world = opened(bank)
        with bank.database.transaction() as connection:
            bared = bulk.bare(connection, list(ALL_COLUMNS))
        try:
            entries = 0
            for written in _written(settings, wanted, world):
                entries += written
                tell("entries", written)
        finally:
            _put_back(bank, bared, wanted.processes, tell)
        with bank.database.transaction() as connection:
            seal_missed.queue_missed(connection)
        with bank.database.reading() as connection:
            bulk.analyse(connection)
    finally:
        bank.database.close()
    return entries


def shares(random: Random, learners: int, entries: int) -> list[int]:
    """Return how many entries each learner has: few have many, everybody at most ENTRIES_MAX, together `entries`."""
    weights = [min(random.paretovariate(SKEW), 40.0) for _ in range(learners)]
    total, given, so_far, found = sum(weights), 0, 0.0, []
    for weight in weights:
        so_far += weight
        share = min(round(entries * so_far / total) - given, ENTRIES_MAX)
        given += share
        found.append(share)
    place = 0
    while given < entries:  # what was cut off of the busiest goes to others, one each
        if found[place % learners] < ENTRIES_MAX:
            found[place % learners] += 1
            given += 1
        place += 1
    return found


def _written(settings: Settings, wanted: Wanted, world: World) -> Iterator[int]:
    """Write all blocks and yield the entries of each; on SQLite, which has one writer, in this process."""
    numbers = range(wanted.blocks())
    if wanted.processes == 1 or settings.database_url.startswith("sqlite"):
        hand = Hand(settings, wanted, world)
        yield from map(hand.block, numbers)
        hand.close()
        return
    context = multiprocessing.get_context("spawn")
    with context.Pool(wanted.processes, _start, (settings, wanted, world)) as pool:
        yield from pool.imap_unordered(_block, numbers)


class Hand:
    """A process that writes blocks."""

    def __init__(self, settings: Settings, wanted: Wanted, world: World) -> None:
        """Open the database and judge all courses once."""
        bank = create_bank(settings)
        self._wanted, self._world, self._keyring = wanted, world, bank.keyring
        self._catalogue: Catalogue = catalogue(looked_up(bank, administrator(), lambda work: work.rulebook()))
        self._database = bank.database
        self._writer = bulk.Writer(bank.database, ALL_COLUMNS)

    def close(self) -> None:
        """Close the database."""
        self._writer.close()
        self._database.close()

    def block(self, number: int) -> int:
        """Write one block of learners and return how many entries it has."""
        learners, entries = self._wanted.block(number)
        random = Random(f"{self._wanted.seed}:{number}")  # noqa: S311 - makes up data
        rows: dict[str, list[tuple[object, ...]]] = defaultdict(list)
        desk = Desk(self._world, self._catalogue, self._keyring, random, self._wanted.until, rows, Ids(random))
        for learner, share in zip(learners, shares(random, len(learners), entries), strict=True):
            live(desk, learner, share)
        rows["entry"].sort(key=lambda row: str(row[_RECORDED]))
        self._writer.write(rows)
        return len(rows["entry"])


_hand: list[Hand] = []


def _start(settings: Settings, wanted: Wanted, world: World) -> None:
    """Prepare a process of the pool; its connection lasts as long as the process."""
    gc.disable()  # rows have no circles, and looking for some took a fifth of the time
    _hand.append(Hand(settings, wanted, world))


def _block(number: int) -> int:
    return _hand[0].block(number)


def _put_back(bank: Bank, bared: bulk.Bared, processes: int, tell: Callable[[str, int], None]) -> None:
    """Make keys, indexes and references again, as many at once as there are processes."""

    def make(statement: str) -> None:
        with bank.database.reading() as connection:
            bulk.put_back(connection, statement)
        tell("keys", 1)

    with ThreadPoolExecutor(processes) as threads:
        for statements in (bared.keys, bared.references):
            list(threads.map(make, statements))
