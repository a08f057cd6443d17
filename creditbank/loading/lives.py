"""A made-up learner's life with the bank: an account, outcomes over years, corrections, revocations and conversions."""

from datetime import UTC, datetime
from uuid import UUID

from creditbank.core.normalisation import certificate_key
from creditbank.formats.strict_json import text_of
from creditbank.loading import people
from creditbank.loading.applying import apply
from creditbank.loading.courses import Course
from creditbank.loading.desk import Desk, Life, Lot, Outcome
from creditbank.loading.ledgers import Posting, bank_day, day_text, stored
from creditbank.storage import learners
from creditbank.storage.certificates import certificate_place

DAY = 86_400
YEARS_MIN, YEARS_MAX = 3, 12
"""How long ago accounts were opened."""

LAST_DAYS = 40
"""Days at the end that are kept free for an application that is still under review."""

ENTRIES_MAX = 150
"""Of one learner: a gap of some days lies between two outcomes."""

FAITHFUL, CERTIFIED = 0.85, 0.2
"""How many outcomes come from the school that opened the account, and how many tell a certificate number."""

WAYS = (
    *(("plain", 1, 42), ("corrected", 3, 12), ("revoked", 2, 4)),
    *(("rejected", 3, 5), ("approved", 4, 34), ("held", 2, 3)),
)
"""What becomes of outcomes, the entries that it takes, and how often of a hundred times it is so."""

OFTEN, WAYS_LEFT = 100, 4
WAYS_WITH = [
    [(way, took) if took <= left else ("plain", 1) for way, took, often in WAYS for _ in range(often)]
    for left in range(WAYS_LEFT + 1)
]
"""Ways to draw from where so many entries are left, or more."""

REASON = "学籍核对后撤销"


def live(desk: Desk, number: int, entries: int) -> None:
    """Write the life of person no. `number` with exactly so many entries."""
    life = _opened(desk, number)
    left = min(entries, ENTRIES_MAX)
    while left > 0:
        left -= _studied(life, left)
    desk.rows["account"] += [account.row() for account in life.accounts.values()]
    since = {
        desk.world.issuers[one].institution_id: datetime.fromtimestamp(at, UTC) for one, at in life.schools.items()
    }
    desk.rows["affiliation"] += [(life.learner, school, at) for school, at in since.items()]


def _opened(desk: Desk, number: int) -> Life:
    """Open the account."""
    at = desk.until - YEARS_MIN * 365 * DAY - desk.chance((YEARS_MAX - YEARS_MIN) * 365 * DAY)
    home, learner = desk.chance(len(desk.world.issuers)), desk.ids.new(at)
    school = desk.world.issuers[home].institution_id
    asked = people.application(number, desk.random)
    opening = learners.opening(desk.keyring, UUID(learner), asked, school, datetime.fromtimestamp(at, UTC))
    people.opened(desk.rows, desk.keyring, opening, lambda: UUID(desk.ids.new(at)))
    cipher = desk.keyring.person_cipher(opening.wrapped_key)
    return Life(desk, number, learner, cipher, home, at, at // DAY, schools={home: at})


def _studied(life: Life, left: int) -> int:
    """Write one outcome with what becomes of it; return the entries that it took, none where it brought no credit."""
    desk = life.desk
    gap = (desk.until - LAST_DAYS * DAY - life.at) // (left + 1)
    life.at += gap // 2 + desk.chance(gap // 2)
    way, took = WAYS_WITH[min(left, WAYS_LEFT)][desk.chance(OFTEN)]
    if way == "held" and took < left:
        way, took = "plain", 1
    issuer = life.home if desk.random.random() < FAITHFUL else desk.chance(len(desk.world.issuers))
    place = desk.chance(len(desk.catalogue.right[issuer]))
    course = desk.catalogue.right[issuer][place]
    if course.scheme is None:
        way, took = "plain", 0
    elif way in ("rejected", "approved", "held") and not _is_convertible(life, course):
        way, took = "plain", 1
    life.schools.setdefault(issuer, life.at)
    if way == "held":
        life.at = desk.until - 2 * DAY - desk.chance(18 * DAY)
    outcome = _recorded(life, desk.catalogue.wrong[issuer][place] if way == "corrected" else course)
    if way == "corrected":
        _corrected(life, outcome, course)
    elif way == "revoked":
        _revoked(life, outcome)
    elif way != "plain":
        apply(life, outcome, way)
    _written(life, outcome)
    return took


def _is_convertible(life: Life, course: Course) -> bool:
    conversion = course.conversion
    return conversion is not None and (course.issuer, conversion.course) not in life.converted


def _recorded(life: Life, course: Course) -> Outcome:
    """Record an outcome and recognise it."""
    desk = life.desk
    life.outcomes += 1
    life.day = max(life.day + 1, life.at // DAY - 1 - desk.chance(40))
    life.at = max(life.at, (life.day + 1) * DAY)
    outcome = Outcome(life.id(), course, day_text(life.day), bank_day(life.at), stored(life.at))
    outcome.certificate = f"ZS{life.number:010d}{life.outcomes:03d}" if desk.random.random() < CERTIFIED else None
    _judged(life, outcome, life.id())
    return outcome


def _judged(life: Life, outcome: Outcome, posting: str) -> None:
    """Write a revision of an outcome with the decision on it; what it brought before is reversed, then booked anew."""
    course, school = outcome.course, life.desk.world.issuers[outcome.course.issuer]
    content = course.content % outcome.day
    row = (outcome.id, outcome.revision, content, outcome.applied, stored(life.at), school.client_id)
    life.desk.rows["outcome_revision"].append((life.learner, *row))
    if outcome.certificate is not None:
        place = certificate_place(UUID(outcome.id), outcome.revision)
        sealed = life.cipher.seal(outcome.certificate, place)
        life.desk.rows["certificate"].append((life.learner, outcome.id, outcome.revision, sealed))
    outcome.decision = life.id()
    inputs = course.inputs % (outcome.day, outcome.applied)
    life.decided(
        *(outcome.decision, "recognition", outcome.id, None, outcome.revision, school.institution_id),
        *(course.ruleset, course.version, inputs, course.result, course.explanation, stored(life.at), school.client_id),
    )
    if outcome.lots:
        _reversed(life, outcome, posting)
    if course.scheme is not None:
        outcome.status = "recognised"
        lot = Lot(life.id(), course.scheme, outcome.id, course.credit_hundredths)
        outcome.lots.append(lot)
        stamp = Posting(posting, outcome.decision, outcome.day, life.at, school.client_id)
        life.moved(stamp, lot, "recognise", f"issuance:{school.code}", lot.amount)


def _reversed(life: Life, outcome: Outcome, posting: str) -> None:
    """Take back the credits that an outcome brought, under the decision that stands now."""
    school, lot = life.desk.world.issuers[outcome.course.issuer], outcome.lots[-1]
    stamp = Posting(posting, outcome.decision, outcome.day, life.at, school.client_id)
    life.moved(stamp, lot, "reverse", f"issuance:{school.code}", -lot.amount)


def _corrected(life: Life, outcome: Outcome, course: Course) -> None:
    """Record another revision, which puts the right hours for the wrong ones."""
    life.wait(20)
    outcome.course, outcome.revision = course, outcome.revision + 1
    _judged(life, outcome, life.id())


def _revoked(life: Life, outcome: Outcome) -> None:
    """Take an outcome back."""
    life.wait(20)
    school = life.desk.world.issuers[outcome.course.issuer]
    outcome.status, outcome.decision = "revoked", life.id()
    inputs, explanation = text_of({"reason": REASON}), text_of({"revoked_for": REASON})
    life.decided(
        *(outcome.decision, "revocation", outcome.id, None, outcome.revision, school.institution_id),
        *(None, None, inputs, "null", explanation, stored(life.at), school.client_id),
    )
    _reversed(life, outcome, life.id())


def _written(life: Life, outcome: Outcome) -> None:
    """Write an outcome as it stands in the end, with its lots and what it is known by."""
    rows, course, school = life.desk.rows, outcome.course, life.desk.world.issuers[outcome.course.issuer]
    external_id = f"{life.number:09d}-{life.outcomes:03d}"
    rows["outcome_key"].append((school.institution_id, external_id, life.learner, outcome.id))
    stands = (outcome.revision, outcome.status, None, outcome.decision, course.kind, outcome.day, outcome.recorded_at)
    rows["outcome"].append((life.learner, outcome.id, school.institution_id, external_id, *stands))
    rows["lot"] += [(life.learner, lot.id, lot.scheme, lot.outcome, lot.amount, lot.used, None) for lot in outcome.lots]
    if outcome.status == "revoked":
        return
    learning = [("outcome.course", f"{life.learner}|{outcome.day}|{course.title_key}")]
    if outcome.certificate is not None:
        learning.append(("outcome.certificate", certificate_key(outcome.certificate)))
    for key in life.desk.keyring.index_keys:
        for domain, value in learning:
            rows["outcome_claim"].append((key.blind(domain, value), life.learner, outcome.id, key.id))
