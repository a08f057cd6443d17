"""Counters: a staff member acts for a learner who stands before them, named by document and name, and is recorded."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from itertools import chain
from uuid import UUID

from creditbank.core.calendar import SHANGHAI
from creditbank.core.entitlement import Basis, Sight
from creditbank.core.errors import Fault, NotAllowed, Refusal, TooMany, Unknown
from creditbank.core.identity import Application, resolved
from creditbank.core.institution import Level
from creditbank.core.permission import require
from creditbank.formats.claims import Declared, claim_of
from creditbank.services.bank import Answer, Bank, Errand, Work, carried_out
from creditbank.services.entitlement import knows
from creditbank.storage import institutions, learners, people, proxies
from creditbank.storage.identifier_index import claim_keys, matches
from creditbank.storage.proxies import ProxySession

__all__ = ["Applicant", "ProxySession", "open_session"]

FAILURES_MAX = 20
"""Wrong names or numbers that one staff member may send in a day: enough for slips of the pen at a busy counter."""

COUNTER_LEVELS = (Level.TOWN, Level.VILLAGE)
"""Institutions whose counters serve whoever comes; others only the learners whom they know."""


@dataclass(frozen=True, slots=True)
class Applicant:
    """The learner before the counter: a document, and the name that stands in it."""

    type: str
    value: str
    name: str


def open_session(bank: Bank, errand: Errand, applicant: Applicant, reason: str) -> ProxySession:
    """Write down that a staff member acts for a learner from now on, and why.

    A failure is counted even though it is refused. Refused: ScopeMissing, NotAllowed; Malformed document; Unknown,
    alike for a learner who isn't there, has another name, or isn't this counter's; TooMany failures today.
    """
    ended: list[ProxySession | Refusal] = []

    def action(work: Work) -> Answer:
        ended.append(_opened(work, applicant, reason))
        last = ended[-1]
        subject = "refused" if isinstance(last, Refusal) else f"learner {last.learner_id} session {last.id}"
        return Answer({}, is_new=True, subject=subject)

    carried_out(bank, errand, action)
    last = ended[-1]
    if isinstance(last, Refusal):
        raise last
    return last


def _opened(work: Work, applicant: Applicant, reason: str) -> ProxySession | Refusal:
    """Return the session, or a refusal that keeps what was counted."""
    require(work.actor, "learners:act")
    staff_id, institution_id = work.actor.staff_id, work.actor.institution_id
    if staff_id is None or institution_id is None or work.actor.learner_id is not None:
        zh, en = "只有登录的工作人员可以代办。", "Only staff who logged in act for a learner."
        raise NotAllowed((Fault("", "staff_only", zh, en),))
    claim = claim_of(Declared(applicant.type, applicant.value), work.actor.institution_code, work.today)
    if proxies.locked_failures(work.connection, staff_id, work.today) >= FAILURES_MAX:
        return _too_many(work.now)
    keys = claim_keys(work.keyring, Application(applicant.name, None, (claim,)))
    found = resolved(chain.from_iterable(keys), matches(work.connection, keys))
    learner_id = found.learner_ids[0] if len(found.learner_ids) == 1 else None
    if learner_id is None or not _serves(work, institution_id, learner_id):
        proxies.count_failure(work.connection, staff_id, work.today)
        return _not_found()
    known = learners.known(work.connection, [learner_id], None)[learner_id]
    session = ProxySession(work.new_id(), learner_id, staff_id, institution_id, reason, work.now)
    proxies.add(work.connection, work.keyring, known.wrapped_key, session)
    work.note_sight(learner_id, Sight.IDENTITY, Basis.PROXY)
    return session


def _serves(work: Work, institution_id: UUID, learner_id: UUID) -> bool:
    """Tell whether the counter serves the learner."""
    institution = institutions.by_id(work.connection, institution_id)
    if institution is not None and institution.level in COUNTER_LEVELS:
        return True
    person = people.person(work.connection, learner_id)
    return person is not None and knows(work, person)


def _not_found() -> Unknown:
    zh = "没有此证件与姓名的学习者，或不属于本网点的服务范围；请核对证件与姓名。"
    en = "There is no learner with this document and name, or none whom this counter serves; check both."
    return Unknown((Fault("/learner", "unknown_learner", zh, en),))


def _too_many(now: datetime) -> TooMany:
    """Return the answer to who failed too often today, with the time till midnight."""
    here = now.astimezone(SHANGHAI)
    midnight = datetime.combine(here.date() + timedelta(days=1), time(), SHANGHAI)
    zh = f"今天已有 {FAILURES_MAX} 次查找失败；请明天再试，或请管理员核查。"
    en = f"{FAILURES_MAX} searches failed today; try again tomorrow, or have your administrator look into it."
    return TooMany((Fault("", "too_many", zh, en),), int((midnight - here).total_seconds()) + 1)
