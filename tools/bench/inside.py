"""What the bank does inside one process, without HTTP: one at a time, and thousands in one transaction.

A record is judged, explained, kept and posted; a posting is what the ledger by itself does of that, and what other
ledgers do.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import UUID

from creditbank.core.ledger import EntryKind, Stamp, Transfer
from creditbank.core.outcome import Kind, LearnerReference, Record, Score
from creditbank.core.permission import Actor
from creditbank.services.bank import Answer, Errand, Work, carried_out
from creditbank.services.outcomes import post_records
from creditbank.services.receipts import Receipt
from creditbank.storage import ledger
from tests.builders import INSTITUTION_SCOPES
from tools.bench.scene import LEARNERS, Figures, Scene

BULK = 10_000
"""Records of one transaction."""


def round_of(scene: Scene, seconds: float) -> Figures:
    """Measure everything once, in one thread."""
    singles = iter([record(scene) for _ in range(int(2000 * seconds))])
    figures = {"single post inside": _singly(lambda: post(scene, [next(singles)]), seconds)}
    bulk = [record(scene) for _ in range(BULK)]
    began = time.perf_counter()
    post(scene, bulk)
    figures["bulk import inside"] = BULK / (time.perf_counter() - began)
    moves = _moves(scene)
    figures["posting inside"] = _singly(lambda: move(scene, [moves()]), seconds)
    postings = [moves() for _ in range(BULK)]
    began = time.perf_counter()
    move(scene, postings)
    return figures | {"postings in bulk inside": BULK / (time.perf_counter() - began)}


def _singly(way: Callable[[], None], seconds: float) -> float:
    """Return how often a second something can be done one after the other."""
    ends, done, began = time.monotonic() + seconds, 0, time.perf_counter()
    while time.monotonic() < ends:
        way()
        done += 1
    return done / (time.perf_counter() - began)


def record(scene: Scene) -> Record:
    """Return a new record as the door hands it in, the same as those that are sent over HTTP."""
    number = next(scene.numbers)
    return Record(
        external_id=f"bench-{number}",
        learner=LearnerReference(UUID(scene.learners[number % LEARNERS])),
        kind=Kind.COURSE,
        title=f"课程 {number % 3000}",
        completed_on=date(2000 + number // 3000 % 25, 1 + number % 9, 1 + number % 28),
        hours_hundredths=4800,
        score=Score("80", "100"),
        certificate_no=f"ZS-{number}",
    )


def post(scene: Scene, records: list[Record]) -> None:
    """Post records in one transaction, as the API does, and see that each is taken."""
    bank = scene.house.bank
    member = bank.membership(scene.client_id)
    assert member is not None, "the client was made with the scene"
    actor = Actor(scene.client_id, frozenset(INSTITUTION_SCOPES), member.institution_id, member.code)

    def action(work: Work) -> Answer:
        answers = post_records(work, records)
        assert all(isinstance(one, Receipt) and one.is_new for one in answers), answers[:1]
        return Answer({}, is_new=True, subject=f"{len(answers)} outcomes")

    carried_out(bank, Errand(actor, "outcome.post"), action)


def _moves(scene: Scene) -> Callable[[], ledger.Posting]:
    """Return what gives the next posting: a hundredth of a learner's lot is held, and released the next time round."""
    with scene.house.bank.database.reading() as connection:
        found = ledger.lots_by_learner(connection, [UUID(one) for one in scene.learners])
    lots = [theirs[0] for theirs in found.values() if theirs]
    place = 0

    def next_move() -> ledger.Posting:
        nonlocal place
        number, is_release = place % len(lots), place // len(lots) % 2
        place += 1
        lot, amount = lots[number], 1 if is_release else -1
        kind = EntryKind.RELEASE if is_release else EntryKind.HOLD
        transfer = Transfer(lot.id, "held:bench", amount, kind, lot.outcome_id, date(2026, 1, 1))
        posting = ledger.Posting(scene.house.bank.new_id(), lot, transfer)
        lots[number] = replace(lot, used_hundredths=lot.used_hundredths - amount)
        return posting

    return next_move


def move(scene: Scene, postings: list[ledger.Posting]) -> None:
    """Carry out postings in one transaction through the ledger's one door."""
    bank, now = scene.house.bank, datetime.now(UTC)

    def stamped(posting_id: UUID) -> Stamp:
        return Stamp(bank.new_id(), posting_id, scene.client_id, now)

    with bank.database.transaction() as connection:
        ledger.post(connection, ledger.locked(connection, postings), postings, stamped)


def lines(figures: Figures) -> list[str]:
    """Return the rows of the table, beside what the database does by itself where that was measured."""
    told = []
    pairs = (
        ("single post inside", "raw one statement", ""),
        ("bulk import inside", "COPY to staging, insert, aggregate", ""),
        ("posting inside", "raw one statement", ""),
        ("postings in bulk inside", "COPY to staging, insert, aggregate", " (wanted 60%)"),
    )
    for name, limit, wanted in pairs:
        if limit in figures:
            ratio = f"{figures[name] / figures[limit]:.0%}{wanted}"
            told.append(f"| {name} | {figures[name]:,.0f} | {limit} {figures[limit]:,.0f} | {ratio} |")
        else:
            told.append(f"| {name} | {figures[name]:,.0f} | | |")
    return told
