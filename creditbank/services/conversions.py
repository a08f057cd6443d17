"""Conversions: applied for by a learner or on their behalf, and listed."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from creditbank.core.conversion.planning import Plan, planned, result_document
from creditbank.core.conversion.situation import Situation, situation_document
from creditbank.core.conversion.wording import faults as reasons_why_not
from creditbank.core.credit import Scheme
from creditbank.core.entitlement import Sight
from creditbank.core.errors import Conflict, Fault, Malformed, RuleSaysNo, unknown
from creditbank.core.institution import ended_fault
from creditbank.core.merging import Person, owner, standing
from creditbank.core.permission import require
from creditbank.core.programme import Course, Programme
from creditbank.core.review import (
    State,
    opened,
)
from creditbank.core.rules import ConversionSet
from creditbank.formats.strict_json import text_of
from creditbank.gateways.optimiser import best_values
from creditbank.services import converting, delegations, situations
from creditbank.services.applications import (
    READING,
    Shown,
    check_identity,
    is_awaited,
    lapse,
    may_see,
    note_seen,
    readers,
    shown,
)
from creditbank.services.bank import Work
from creditbank.services.entitlement import no_such_learner, seen, standing_of
from creditbank.services.situations import Account
from creditbank.storage import conversions, decisions, institutions, ledger, people, programmes


@dataclass(frozen=True, slots=True)
class Wish:
    """What a learner wants: a programme, its courses (None for all and the programme as a whole) and which outcomes.

    `outcomes` are the bank's ids, None for the best choice among all.
    """

    institution: str
    programme: str
    courses: tuple[str, ...] | None
    outcomes: tuple[UUID, ...] | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which applications are listed: a learner's, those in a state, those whose step is the actor's to decide."""

    learner_id: UUID | None
    state: State | None
    awaits_me: bool


def apply(work: Work, learner_id: UUID, wish: Wish) -> Shown:
    """Apply for the best conversion that the rules allow; the credits are held until it is decided.

    Refused: Unknown learner, programme or outcome; Conflict where outcomes are used already; RuleSaysNo with all
    reasons where nothing can be converted.
    """
    require(work.actor, "conversions:write")
    seen(work, learner_id, Sight.CONVERSION)
    person = check_identity(work, learner_id)
    programme = _programme(work, wish)
    _check_accepts(work, programme)
    courses = _courses(programme, wish)
    _lapse_overdue(work, person)
    ruleset, scheme = _rules(work, programme)
    ledger.lock_accounts(work.connection, person.members)
    account = situations.account_of(work, person)
    pool = _pool(account, wish)
    age = situations.age_of(work, person) if ruleset.asks_age else None
    wanted = (courses, wish.courses is None or not wish.courses)
    situation = situations.situation_of(work, pool, programme, wanted, age=age)
    plan = planned(ruleset, scheme, situation, best_values)
    if not plan.parts:
        raise _refused(plan)
    situation = _told(situation, plan, wish)
    plan = planned(ruleset, scheme, situation, best_values)
    return _entered(work, person, (ruleset, account), (situation, plan))


def conversion(work: Work, conversion_id: UUID) -> Shown:
    """Return an application. Refused: ScopeMissing; Unknown, alike for one that the actor has nothing to do with."""
    require(work.actor, *READING)
    found = conversions.by_id(work.connection, conversion_id)
    if found is None or not may_see(work, found):
        raise unknown("转换申请", "conversion")
    note_seen(work, found)
    return shown(work, found)


def conversions_page(work: Work, wanted: Wanted, after: tuple[datetime, UUID] | None, rows_max: int) -> list[Shown]:
    """Return applications, newest first: a learner's own, those an institution has a part in, all to auditors.

    Refused: ScopeMissing; Unknown where a learner asks for another.
    """
    actor = work.actor
    require(actor, *READING)
    learner_id = wanted.learner_id or actor.learner_id
    person = None if learner_id is None else people.person(work.connection, learner_id)
    if actor.learner_id is not None and (learner_id is None or standing_of(work, learner_id) is None):
        raise no_such_learner()
    members = (person.members if person else (learner_id,)) if learner_id is not None else None
    sees_all = actor.learner_id is not None or actor.audits
    given = set() if sees_all else {one.from_institution for one in delegations.delegators(work)}
    reader_ids = None if sees_all or actor.institution_id is None else (actor.institution_id, *given)
    listing = conversions.Listing(members, reader_ids, State.IN_REVIEW if wanted.awaits_me else wanted.state)
    found: list[conversions.Conversion] = []
    while page := conversions.page(work.connection, listing, after, rows_max):
        visible = [one for one in page if may_see(work, one)] if given else page
        found += [one for one in visible if not wanted.awaits_me or is_awaited(work, one)]
        if len(found) >= rows_max or len(page) < rows_max:
            break
        after = (page[-1].opened_at, page[-1].id)
    for one in found[:rows_max]:
        note_seen(work, one)
    return [shown(work, one) for one in found[:rows_max]]


def _lapse_overdue(work: Work, person: Person) -> None:
    """Close a learner's applications whose time is over; the learner is locked."""
    for found in conversions.of_people(work.connection, person.members):
        lapse(work, found)


def _programme(work: Work, wish: Wish) -> Programme:
    found = programmes.by_code(work.connection, wish.institution, wish.programme)
    if found is None:
        raise unknown("培养方案", "programme", "/target")
    return found.programme


def _check_accepts(work: Work, programme: Programme) -> None:
    """Refuse what would be converted into a programme of an institution that has ended: Conflict."""
    accepting = institutions.by_code(work.connection, programme.institution)
    ending = work.ending(accepting.id) if accepting is not None else None
    fault = ended_fault(ending, work.today, "/target/institution")
    if fault is not None:
        raise Conflict((fault,))


def _courses(programme: Programme, wish: Wish) -> tuple[Course, ...]:
    """Return the courses that are asked for. Refused: Malformed with each that the programme does not have."""
    if wish.courses is None:
        return programme.courses
    by_code = {course.code: course for course in programme.courses}
    faults = []
    for number, code in enumerate(wish.courses):
        if code not in by_code:
            zh = f"培养方案 {programme.code} 没有这个代码的课程；请核对课程代码。"
            en = f"The programme {programme.code} has no course of this code; check it."
            faults.append(Fault(f"/target/courses/{number}", "unknown_course", zh, en))
    if faults:
        raise Malformed(tuple(faults))
    return tuple(by_code[code] for code in dict.fromkeys(wish.courses))


def _rules(work: Work, programme: Programme) -> tuple[ConversionSet, Scheme]:
    ruleset = situations.in_force(work, programme)
    if ruleset is None:
        zh, en = (
            "目前没有适用于此培养方案的转换规则。",
            "No rules are in force for conversion into this programme.",
        )
        raise RuleSaysNo((Fault("/target", "no_rules", zh, en),))
    return ruleset, work.rulebook().schemes[ruleset.scheme]


def _pool(account: Account, wish: Wish) -> Account:
    """Return the account with the outcomes that are named, in the order of naming.

    Refused: Unknown outcomes of the learner; Conflict where one is part of another conversion, naming that.
    """
    if wish.outcomes is None:
        return account
    by_id = {holding.outcome: holding for holding in account.holdings}
    chosen = []
    for number, outcome_id in enumerate(dict.fromkeys(wish.outcomes)):
        holding = by_id.get(str(outcome_id))
        if holding is None:
            raise unknown("学习成果", "outcome", f"/outcomes/{number}")
        if holding.used_in is not None:
            zh = f"此成果已用于转换 {holding.used_in}，不能重复转换。"
            en = f"This outcome is part of conversion {holding.used_in} already; it is converted once."
            raise Conflict((Fault(f"/outcomes/{number}", "already_converted", zh, en),))
        chosen.append(holding)
    return replace(account, holdings=tuple(chosen))


def _refused(plan: Plan) -> Conflict | RuleSaysNo:
    """Return why nothing can be converted: a conflict where everything is used already, else what the rules say."""
    faults = reasons_why_not(plan.explanation)
    is_used = all(fault.code in ("already_converted", "already_replaced") for fault in faults)
    return Conflict(faults) if is_used else RuleSaysNo(faults)


def _told(situation: Situation, plan: Plan, wish: Wish) -> Situation:
    """Return the situation with no other outcomes than those named or used: nobody learns of the rest."""
    if wish.outcomes is not None:
        return situation
    used = {part.outcome for part in plan.parts} | {partner for part in plan.parts for partner in part.partners}
    return replace(situation, holdings=tuple(one for one in situation.holdings if one.outcome in used))


def _entered(work: Work, person: Person, basis: tuple[ConversionSet, Account], found: tuple[Situation, Plan]) -> Shown:
    """Write a new application, hold its credits, and approve it at once where nobody reviews."""
    (ruleset, account), (situation, plan) = basis, found
    accepting = institutions.by_code(work.connection, situation.programme.institution)
    assert accepting is not None, "a programme belongs to an institution"
    value = conversions.Conversion(
        learner_id=_owner(work, person, account, plan),
        id=work.new_id(),
        institution_id=accepting.id,
        programme=situation.programme.code,
        ruleset=ruleset.code,
        version=ruleset.version,
        scheme=ruleset.scheme,
        progress=opened(ruleset, work.today),
        submitted_by=work.actor.client_id,
        submitter_id=work.actor.institution_id,
        decision_id=work.new_id(),
        revision=1,
        opened_at=work.now,
    )
    parts = _new_parts(value, plan, account)
    decisions.add(work.connection, [_decision(work, value, situation, plan)])
    claims = converting.claims_for(value, accepting.code, parts)
    conversions.add(work.connection, value, parts, claims)
    conversions.let_read(work.connection, value, readers(work, value))
    converting.note(work, value, ("submitted", None, None))
    if value.progress.state is State.APPROVED:
        converting.convert(work, parts, accepting.code, value.decision_id)
        conversions.change_parts(work.connection, [replace(part, state="converted") for part in parts])
    else:
        converting.hold(work, parts, value.decision_id)
    return shown(work, value)


def _owner(work: Work, person: Person, account: Account, plan: Plan) -> UUID:
    """Return the account to which an application belongs: that of its outcomes, or the one above several of them."""
    if not person.is_joint:
        return person.id
    used = {outcome for part in plan.parts for outcome in (part.outcome, *part.partners)}
    links = standing(people.links_around(work.connection, person.id))
    return owner(links, sorted({account.standing_on[outcome] for outcome in used}))


def _new_parts(value: conversions.Conversion, plan: Plan, account: Account) -> list[conversions.Part]:
    """Return a plan's parts as they are kept."""
    return [
        conversions.Part(
            learner_id=value.learner_id,
            conversion_id=value.id,
            number=number,
            account_id=account.standing_on[part.outcome],
            outcome_id=UUID(part.outcome),
            lot_id=account.lots[part.outcome].id if part.spent_hundredths else None,
            course_code=None if part.course is None else part.course.code,
            course_title=None if part.course is None else part.course.title,
            course_category=None if part.course is None else part.course.category,
            course_hundredths=None if part.course is None else part.course.credit_hundredths,
            rule=part.rule,
            granted_hundredths=part.granted_hundredths,
            spent_hundredths=part.spent_hundredths,
            lapsed_hundredths=part.lapsed_hundredths,
            partners=" ".join(part.partners),
            state="held",
        )
        for number, part in enumerate(plan.parts, start=1)
    ]


def _decision(work: Work, value: conversions.Conversion, situation: Situation, plan: Plan) -> decisions.StoredDecision:
    """Return the decision with everything that is needed to take it again."""
    return decisions.StoredDecision(
        learner_id=value.learner_id,
        id=value.decision_id,
        kind="conversion",
        outcome_id=None,
        revision=0,
        institution_id=value.institution_id,
        ruleset=value.ruleset,
        version=value.version,
        inputs=text_of({"situation": situation_document(situation)}),
        result=text_of(result_document(plan)),
        explanation=text_of(plan.explanation),
        decided_at=work.now,
        actor=work.actor.client_id,
        conversion_id=value.id,
    )
