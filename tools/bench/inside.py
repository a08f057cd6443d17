"""What the bank does inside one process, without HTTP: one record at a time, and thousands in one transaction."""

import time
from datetime import date
from uuid import UUID

from creditbank.core.outcome import Kind, LearnerReference, Record, Score
from creditbank.core.permission import Actor
from creditbank.services.bank import Answer, Errand, Work, carried_out
from creditbank.services.outcomes import post_records
from creditbank.services.receipts import Receipt
from tests.builders import INSTITUTION_SCOPES
from tools.bench.scene import LEARNERS, Figures, Scene

BULK = 10_000
"""Records of one transaction."""


def round_of(scene: Scene, seconds: float) -> Figures:
    """Measure both once, in one thread."""
    singles = [record(scene) for _ in range(int(2000 * seconds))]
    ends, posted, began = time.monotonic() + seconds, 0, time.perf_counter()
    while time.monotonic() < ends and posted < len(singles):
        post(scene, singles[posted : posted + 1])
        posted += 1
    figures = {"single post inside": posted / (time.perf_counter() - began)}
    bulk = [record(scene) for _ in range(BULK)]
    began = time.perf_counter()
    post(scene, bulk)
    return figures | {"bulk import inside": BULK / (time.perf_counter() - began)}


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


def lines(figures: Figures) -> list[str]:
    """Return the rows of the table, beside what the database does by itself where that was measured."""
    told = []
    pairs = (
        ("single post inside", "raw one statement", ""),
        ("bulk import inside", "COPY to staging, insert, aggregate", " (wanted 60%)"),
    )
    for name, limit, wanted in pairs:
        if limit in figures:
            ratio = f"{figures[name] / figures[limit]:.0%}{wanted}"
            told.append(f"| {name} | {figures[name]:,.0f} | {limit} {figures[limit]:,.0f} | {ratio} |")
        else:
            told.append(f"| {name} | {figures[name]:,.0f} | | |")
    return told
