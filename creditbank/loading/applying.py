"""A made-up application: an outcome toward the course of the same title, held, and then approved, rejected or open."""

from creditbank.loading.desk import Life, Outcome
from creditbank.loading.ledgers import Posting, bank_day, day_text, stored
from creditbank.loading.world import REVIEW_DAYS, RULES, SCHEME

PART_STATES = {"held": "held", "approved": "converted", "rejected": "released"}
STATES = {"held": "in_review"}
"""How an application stands whose way isn't its state's name."""


def apply(life: Life, outcome: Outcome, way: str) -> None:
    """Write an application for an outcome that was just recorded, and what becomes of it."""
    course, (lot,) = outcome.course, outcome.lots
    asked = course.conversion
    assert asked is not None, "only what converts is applied with"
    life.converted.add((course.issuer, asked.course))
    life.wait(6)
    acceptor, issuer, rows = life.desk.world.acceptor, life.desk.world.issuers[course.issuer], life.desk.rows
    conversion, decision, day, opened_at = life.id(), life.id(), bank_day(life.at), stored(life.at)
    due = day_text((life.at + 8 * 3600) // 86_400 + REVIEW_DAYS) if way == "held" else None
    _decided(life, outcome, (conversion, decision), day)
    spent = asked.spent_hundredths
    life.moved(Posting(life.id(), decision, day, life.at, issuer.client_id), lot, "hold", "held", -spent)
    events: list[tuple[object, ...]] = [
        (1, "submitted", None, None, issuer.client_id, issuer.institution_id, opened_at)
    ]
    if way != "held":
        life.wait(12)
        day, actor = bank_day(life.at), acceptor.client_id
        life.moved(Posting(life.id(), decision, day, life.at, actor), lot, "release", "held", spent)
        reason = "课程内容不符" if way == "rejected" else None
        events.append((2, way, "acceptor", reason, actor, acceptor.institution_id, stored(life.at)))
        if way == "approved":
            stamp = Posting(life.id(), decision, day, life.at, actor)
            life.moved(stamp, lot, "convert", f"conversion:{acceptor.code}", -spent)
    head = (life.learner, conversion)
    target = (acceptor.institution_id, asked.programme, RULES, 1, SCHEME, STATES.get(way, way), 0, due, False)
    said = (issuer.client_id, issuer.institution_id, decision, len(events), opened_at)
    rows["conversion"].append((*head, *target, *said))
    toward = (asked.course, asked.course_title, "专业课", 300, asked.rule, asked.granted_hundredths, spent, 0, "")
    rows["conversion_part"].append((*head, 1, life.learner, outcome.id, lot.id, *toward, PART_STATES[way]))
    rows["conversion_event"] += [(*head, *event) for event in events]
    rows["conversion_reader"] += [(*head, one.institution_id, opened_at) for one in (acceptor, issuer)]
    if way != "rejected":
        claims = (f"outcome:{outcome.id}", asked.claim)
        rows["conversion_claim"] += [(life.learner, claim, conversion) for claim in claims]


def _decided(life: Life, outcome: Outcome, ids: tuple[str, str], day: str) -> None:
    """Write the decision on an application."""
    asked, issuer = outcome.course.conversion, life.desk.world.issuers[outcome.course.issuer]
    assert asked is not None, "only what converts is applied with"
    conversion, decision = ids
    real = {"completed": outcome.day, "applied": outcome.applied, "asked": day, "outcome": outcome.id}
    texts = (asked.inputs % real, asked.result % real, asked.explanation % real)
    acceptor = life.desk.world.acceptor.institution_id
    life.decided(
        *(decision, "conversion", None, conversion, 0, acceptor, RULES, 1, *texts),
        *(stored(life.at), issuer.client_id),
    )
