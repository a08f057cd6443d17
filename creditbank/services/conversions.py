"""Conversions: applied for by a learner or on their behalf, reviewed step by step, withdrawn, appealed, decided."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from creditbank.core.conversion.planning import Plan, planned, result_document
from creditbank.core.conversion.situation import Situation, situation_document
from creditbank.core.conversion.wording import faults as reasons_why_not
from creditbank.core.credit import Scheme, decimal_text
from creditbank.core.errors import Conflict, Fault, Malformed, NotAllowed, RuleSaysNo, unknown
from creditbank.core.identity import LearnerStatus
from creditbank.core.institution import Role
from creditbank.core.permission import require
from creditbank.core.programme import Course, Programme
from creditbank.core.review import (
    Progress,
    State,
    Verdict,
    is_overdue,
    lapsed,
    lapses,
    not_open,
    opened,
    resubmitted,
    reviewers,
)
from creditbank.core.review import appealed as after_appeal
from creditbank.core.review import decided as after_verdict
from creditbank.core.review import withdrawn as after_withdrawal
from creditbank.core.rules import ConversionSet
from creditbank.core.rules.conversion_set import Reviewers, ReviewStep
from creditbank.formats.strict_json import text_of
from creditbank.gateways.optimiser import best_values
from creditbank.services import converting
from creditbank.services.bank import Work, check_may_see
from creditbank.services.converting import Account
from creditbank.storage import conversions, decisions, institutions, learners, ledger, outcomes, programmes

Part = conversions.Part

SWEEP_MAX = 500
"""Overdue applications closed in one go."""


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
class Shown:
    """An application with everything that is shown of it."""

    conversion: conversions.Conversion
    institution: str
    parts: tuple[conversions.Part, ...]
    events: tuple[conversions.Event, ...]
    ruleset: ConversionSet
    explanation: dict[str, Any]
    is_overdue: bool

    def steps(self) -> list[dict[str, Any]]:
        """Return the steps of the review with where each stands."""
        progress = self.conversion.progress
        told = [_step(step, _step_state(number, progress), progress) for number, step in enumerate(self.ruleset.review)]
        if progress.is_appeal and self.ruleset.appeal is not None:
            hearing = ReviewStep("appeal", None, self.ruleset.appeal.by, self.ruleset.appeal.days, None)
            told.append(_step(hearing, _UP_STATES.get(progress.state, "closed"), progress))
        return told


def apply(work: Work, learner_id: UUID, wish: Wish) -> Shown:
    """Apply for the best conversion that the rules allow; the credits are held until it is decided.

    Refused: Unknown learner, programme or outcome; Conflict where outcomes are used already; RuleSaysNo with all
    reasons where nothing can be converted.
    """
    require(work.actor, "conversions:write")
    check_may_see(work, learner_id)
    _check_may_convert(work, learner_id)
    programme = _programme(work, wish)
    courses = _courses(programme, wish)
    _lapse_overdue(work, learner_id)
    ruleset, scheme = _rules(work, programme)
    ledger.lock_accounts(work.connection, learner_id)
    account = converting.account_of(work, learner_id)
    pool = _pool(account, wish)
    age = converting.age_of(work, learner_id) if ruleset.asks_age else None
    wanted = (courses, wish.courses is None or not wish.courses)
    situation = converting.situation_of(work, pool, programme, wanted, age=age)
    plan = planned(ruleset, scheme, situation, best_values)
    if not plan.parts:
        raise _refused(plan)
    situation = _told(situation, plan, wish)
    plan = planned(ruleset, scheme, situation, best_values)
    return _entered(work, learner_id, (ruleset, account), (situation, plan))


def conversion(work: Work, conversion_id: UUID) -> Shown:
    """Return an application. Refused: Unknown, alike for one that the actor has nothing to do with."""
    found = conversions.by_id(work.connection, conversion_id)
    if found is None or not _may_see(work, found):
        raise unknown("转换申请", "conversion")
    return _shown(work, found)


def conversions_page(
    work: Work, learner_id: UUID | None, after: tuple[datetime, UUID] | None, rows_max: int
) -> list[Shown]:
    """Return applications, newest first: a learner's, or those into the actor's own programmes."""
    where: dict[str, object] = {}
    if learner_id is not None or work.actor.learner_id is not None:
        where["learner_id"] = learner_id or work.actor.learner_id
        check_may_see(work, learner_id or work.actor.learner_id or UUID(int=0))
    elif not work.actor.audits:
        where["institution_id"] = work.actor.institution_id
    require(work.actor, "conversions:write", "conversions:review", "audit:read")
    found = conversions.page(work.connection, after, rows_max, **where)
    return [_shown(work, one) for one in found if _may_see(work, one)]


def decide(work: Work, conversion_id: UUID, verdict: Verdict, reason: str | None) -> Shown:
    """Decide the step that is up, as one who is entitled to it.

    Refused: Unknown; NotAllowed to the submitter and to those whose step it is not; Malformed without a reason where
    one is needed; Conflict where it is not in review any more.
    """
    require(work.actor, "conversions:review")
    found, ruleset = _locked(work, conversion_id)
    if lapses(ruleset, found.progress, work.today):
        raise not_open(lapsed(found.progress))
    if found.progress.state is not State.IN_REVIEW:
        raise not_open(found.progress)
    _check_may_review(work, found, ruleset)
    if verdict is not Verdict.APPROVE and not reason:
        zh, en = "驳回或退回须说明理由；请填写 reason。", "Rejecting and returning need a reason; give one."
        raise Malformed((Fault("/reason", "reason_needed", zh, en),))
    progress = after_verdict(ruleset, found.progress, verdict, work.today)
    event = (_PAST[verdict], _step_id(ruleset, found.progress), reason)
    if progress.state is State.APPROVED:
        return _shown(work, _approved(work, found, progress, event))
    if progress.state is State.REJECTED:
        return _shown(work, converting.closed(work, found, progress, event))
    return _shown(work, converting.noted(work, found, progress, event))


def resubmit(work: Work, conversion_id: UUID, note: str | None) -> Shown:
    """Send a returned application back to the step that returned it. Refused: Unknown, Conflict unless returned."""
    found, ruleset = _own(work, conversion_id)
    if lapses(ruleset, found.progress, work.today):
        raise not_open(lapsed(found.progress))
    progress = resubmitted(ruleset, found.progress, work.today)
    return _shown(work, converting.noted(work, found, progress, ("resubmitted", None, note)))


def withdraw(work: Work, conversion_id: UUID, reason: str | None) -> Shown:
    """Take an open application back; what it holds is released. Asked again it is answered as it stands."""
    found, _ = _own(work, conversion_id)
    if found.progress.state is State.WITHDRAWN:
        return _shown(work, found)
    progress = after_withdrawal(found.progress)
    return _shown(work, converting.closed(work, found, progress, ("withdrawn", None, reason)))


def decline(work: Work, conversion_id: UUID, numbers: Collection[int]) -> Shown:
    """Decline parts of an open application; what they hold is released. Without parts left it is withdrawn.

    Refused: Unknown, Conflict where it is closed or its rules don't let parts be declined, Malformed unknown parts.
    """
    found, ruleset = _own(work, conversion_id)
    if not found.progress.is_open:
        raise not_open(found.progress)
    if not ruleset.may_decline:
        zh, en = "规则不允许只接受一部分；可以撤回整个申请。", "The rules take it as a whole; it can be withdrawn."
        raise Conflict((Fault("/parts", "all_or_nothing", zh, en),))
    held = _held(work, found)
    declined = [part for part in held if part.number in numbers]
    if {part.number for part in declined} != set(numbers):
        zh, en = "没有这些部分；请核对申请中 parts 的 number。", "There are no such parts; see the numbers in `parts`."
        raise Malformed((Fault("/parts", "unknown_part", zh, en),))
    if len(declined) == len(held):
        return withdraw(work, conversion_id, None)
    _let_go(work, found, declined, [part for part in held if part not in declined])
    told = " ".join(str(part.number) for part in declined)
    return _shown(work, converting.noted(work, found, found.progress, ("declined", None, told)))


def appeal(work: Work, conversion_id: UUID, reason: str) -> Shown:
    """Appeal against a rejection; the credits are held anew. Refused: Unknown, Conflict, also where they are used."""
    found, ruleset = _own(work, conversion_id)
    progress = after_appeal(ruleset, found.progress, work.today)
    released = [part for part in _parts(work, found) if part.state == "released"]
    code = _code(work, found.institution_id)
    claims = converting.claims_for(found, code, released)
    taken = claims & conversions.claims_of(work.connection, found.learner_id).keys()
    ledger.lock_accounts(work.connection, found.learner_id)
    lots = {lot.id: lot for lot in ledger.open_lots(work.connection, found.learner_id)}
    spent: dict[UUID, int] = {}
    for part in released:
        if part.lot_id is not None:
            spent[part.lot_id] = spent.get(part.lot_id, 0) + part.spent_hundredths
    left = {lot_id: lot.amount_hundredths - lot.used_hundredths for lot_id, lot in lots.items()}
    if taken or any(amount > left.get(lot_id, 0) for lot_id, amount in spent.items()):
        zh, en = "学分或课程已用于其他申请，不能再申诉。", "Its credits or courses are used elsewhere by now."
        raise Conflict((Fault("", "already_converted", zh, en),))
    converting.hold(work, released, found.decision_id)
    conversions.change_parts(work.connection, [replace(part, state="held") for part in released])
    conversions.claim(work.connection, found, claims)
    return _shown(work, converting.noted(work, found, progress, ("appealed", None, reason)))


def sweep(work: Work) -> int:
    """Close applications whose time is over, for the administrator; return how many."""
    require(work.actor, "admin")
    found = conversions.overdue(work.connection, work.today, SWEEP_MAX)
    for learner_id in sorted({one.learner_id for one in found}):
        learners.locked(work.connection, learner_id)
    standing = [conversions.by_id(work.connection, one.id) for one in found]
    return sum(_lapsed(work, one) for one in standing if one is not None)


def _lapse_overdue(work: Work, learner_id: UUID) -> None:
    """Close a learner's applications whose time is over; the learner is locked."""
    for found in conversions.of_learner(work.connection, learner_id):
        _lapsed(work, found)


def _lapsed(work: Work, found: conversions.Conversion) -> bool:
    """Close an application if its time is over, and tell whether it was."""
    if not is_overdue(found.progress, work.today):
        return False
    ruleset = _ruleset(work, found)
    if not lapses(ruleset, found.progress, work.today):
        return False
    converting.closed(work, found, lapsed(found.progress), ("lapsed", _step_id(ruleset, found.progress), None))
    return True


_PAST = {Verdict.APPROVE: "approved", Verdict.REJECT: "rejected", Verdict.RETURN: "returned"}


def _check_may_convert(work: Work, learner_id: UUID) -> None:
    """Lock the learner and let those pass whose identity is in no doubt. Refused: Unknown, Conflict."""
    status = learners.locked(work.connection, learner_id)
    if status is None:
        raise unknown("学习者", "learner", "/learner_id")
    if status is LearnerStatus.CONFLICT:
        zh = "该学习者的身份标识存在冲突，核实之前不能转换学分。"
        en = "The learner's identifiers are in conflict; nothing is converted until that is decided."
        raise Conflict((Fault("/learner_id", "identity_conflict", zh, en),))


def _programme(work: Work, wish: Wish) -> Programme:
    found = programmes.by_code(work.connection, wish.institution, wish.programme)
    if found is None:
        raise unknown("培养方案", "programme", "/target")
    return found.programme


def _courses(programme: Programme, wish: Wish) -> tuple[Course, ...]:
    """Return the courses that are asked for. Refused: Malformed with each that the programme does not have."""
    if wish.courses is None:
        return programme.courses
    by_code = {course.code: course for course in programme.courses}
    faults = []
    for number, code in enumerate(wish.courses):
        if code not in by_code:
            zh = f"培养方案 {programme.code} 没有代码为 {code} 的课程；请核对课程代码。"
            en = f"The programme {programme.code} has no course {code}; check the code of the course."
            faults.append(Fault(f"/target/courses/{number}", "unknown_course", zh, en))
    if faults:
        raise Malformed(tuple(faults))
    return tuple(by_code[code] for code in dict.fromkeys(wish.courses))


def _rules(work: Work, programme: Programme) -> tuple[ConversionSet, Scheme]:
    ruleset = converting.in_force(work, programme)
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


def _entered(
    work: Work, learner_id: UUID, basis: tuple[ConversionSet, Account], found: tuple[Situation, Plan]
) -> Shown:
    """Write a new application, hold its credits, and approve it at once where nobody reviews."""
    (ruleset, account), (situation, plan) = basis, found
    accepting = institutions.by_code(work.connection, situation.programme.institution)
    assert accepting is not None, "a programme belongs to an institution"
    value = conversions.Conversion(
        learner_id=learner_id,
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
    converting.note(work, value, ("submitted", None, None))
    if value.progress.state is State.APPROVED:
        converting.convert(work, parts, accepting.code, value.decision_id)
        conversions.change_parts(work.connection, [replace(part, state="converted") for part in parts])
    else:
        converting.hold(work, parts, value.decision_id)
    return _shown(work, value)


def _new_parts(value: conversions.Conversion, plan: Plan, account: Account) -> list[conversions.Part]:
    """Return a plan's parts as they are kept."""
    return [
        conversions.Part(
            learner_id=value.learner_id,
            conversion_id=value.id,
            number=number,
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


def _approved(
    work: Work, found: conversions.Conversion, progress: Progress, event: tuple[str, str | None, str | None]
) -> conversions.Conversion:
    """Spend what an application holds; its courses are exempt from now on."""
    held = _held(work, found)
    converting.release(work, held, found.decision_id)
    converting.convert(work, held, _code(work, found.institution_id), found.decision_id)
    conversions.change_parts(work.connection, [replace(part, state="converted") for part in held])
    return converting.noted(work, found, progress, event)


def _let_go(
    work: Work,
    found: conversions.Conversion,
    declined: Sequence[conversions.Part],
    kept: Sequence[conversions.Part],
) -> None:
    """Release what declined parts hold and claim, as far as no other part needs it."""
    code = _code(work, found.institution_id)
    converting.release(work, declined, found.decision_id)
    conversions.change_parts(work.connection, [replace(part, state="declined") for part in declined])
    free = converting.claims_for(found, code, declined) - converting.claims_for(found, code, kept)
    conversions.release_claims(work.connection, found, free)


def _own(work: Work, conversion_id: UUID) -> tuple[conversions.Conversion, ConversionSet]:
    """Return an application, locked, to its learner or to who applied on their behalf. Refused: Unknown."""
    require(work.actor, "conversions:write")
    found, ruleset = _locked(work, conversion_id)
    actor = work.actor
    is_learner = actor.learner_id == found.learner_id
    is_submitter = found.submitter_id is not None and actor.institution_id == found.submitter_id
    if not (is_learner or is_submitter):
        raise unknown("转换申请", "conversion")
    return found, ruleset


def _locked(work: Work, conversion_id: UUID) -> tuple[conversions.Conversion, ConversionSet]:
    """Return an application with its learner locked. Refused: Unknown."""
    found = conversions.by_id(work.connection, conversion_id)
    if found is None or not _may_see(work, found):
        raise unknown("转换申请", "conversion")
    learners.locked(work.connection, found.learner_id)
    standing = conversions.by_id(work.connection, conversion_id)
    assert standing is not None, "an application is never taken away"
    return standing, _ruleset(work, standing)


def _check_may_review(work: Work, found: conversions.Conversion, ruleset: ConversionSet) -> None:
    """Let those pass who may decide the step that is up. Refused: NotAllowed."""
    actor = work.actor
    if actor.client_id == found.submitted_by:
        zh, en = "申请的提交者不能审核该申请。", "Who submitted an application can't review it."
        raise NotAllowed((Fault("", "submitter_reviews", zh, en),))
    entitled = reviewers(ruleset, found.progress, work.today)
    if not any(actor.institution_id in _institution_ids(work, found, one) for one in entitled):
        zh, en = "当前步骤不由您的机构审核。", "The step that is up is not your institution's to decide."
        raise NotAllowed((Fault("", "not_your_step", zh, en),))
    if found.progress.is_appeal and actor.client_id in _deciders(work, found):
        zh, en = "申诉须由未曾作出决定的审核人处理。", "An appeal is decided by somebody who has not decided before."
        raise NotAllowed((Fault("", "decided_before", zh, en),))


def _deciders(work: Work, found: conversions.Conversion) -> set[str]:
    """Return who decided a step of the application."""
    events = conversions.events_of(work.connection, found.learner_id, found.id)
    return {event.actor for event in events if event.kind in _PAST.values()}


def _institution_ids(work: Work, found: conversions.Conversion, named: Reviewers) -> set[UUID]:
    """Return the institutions that a rule set names as reviewers of this application."""
    if named.institution is not None:
        one = institutions.by_code(work.connection, named.institution)
        return set() if one is None else {one.id}
    if named.role == "target":
        return {found.institution_id}
    if named.role == "target_parent":
        accepting = institutions.by_id(work.connection, found.institution_id)
        return {accepting.parent_id} if accepting and accepting.parent_id else set()
    if named.role == "issuer":
        return outcomes.issuers(work.connection, found.learner_id, [part.outcome_id for part in _parts(work, found)])
    return institutions.with_role(work.connection, Role.AUTHORITY)


def _may_see(work: Work, found: conversions.Conversion) -> bool:
    """Tell whether the actor has to do with an application: as learner, submitter, reviewer or auditor."""
    actor = work.actor
    if actor.learner_id is not None:
        return actor.learner_id == found.learner_id
    if actor.audits or actor.institution_id in (found.institution_id, found.submitter_id):
        return True
    ruleset = _ruleset(work, found)
    named = [step.by for step in ruleset.review]
    named += [step.escalates_to for step in ruleset.review if step.escalates_to is not None]
    named += [ruleset.appeal.by] if ruleset.appeal is not None else []
    return any(actor.institution_id in _institution_ids(work, found, one) for one in named)


def _ruleset(work: Work, found: conversions.Conversion) -> ConversionSet:
    """Return the version under which an application was made, whatever was published since."""
    named = (found.ruleset, found.version)
    return next(one for one in work.rulebook().conversions if (one.code, one.version) == named)


def _shown(work: Work, found: conversions.Conversion) -> Shown:
    decision = decisions.by_id(work.connection, found.decision_id)
    assert decision is not None, "an application rests on a decision"
    return Shown(
        conversion=found,
        institution=_code(work, found.institution_id),
        parts=tuple(_parts(work, found)),
        events=tuple(conversions.events_of(work.connection, found.learner_id, found.id)),
        ruleset=_ruleset(work, found),
        explanation=json.loads(decision.explanation),
        is_overdue=is_overdue(found.progress, work.today),
    )


_UP_STATES = {
    State.IN_REVIEW: "up",
    State.RETURNED: "returned",
    State.REJECTED: "rejected",
    State.APPROVED: "done",
}


def _step_state(number: int, progress: Progress) -> str:
    if number < progress.step or progress.state is State.APPROVED:
        return "done"
    if number > progress.step:
        return "waiting" if progress.is_open else "closed"
    return "rejected" if progress.is_appeal else _UP_STATES.get(progress.state, "closed")


def _step(step: ReviewStep, state: str, progress: Progress) -> dict[str, Any]:
    due_on = progress.due_on if state in ("up", "returned") else None
    return {
        "id": step.id,
        "title": step.title and {"zh": step.title.zh, "en": step.title.en},
        "by": step.by.document(),
        "state": state,
        "due_on": due_on and due_on.isoformat(),
    }


def held_credits(shown: Shown) -> str:
    """Return how many credits an application holds, in its outcomes' own schemes, as a decimal string."""
    return decimal_text(sum(part.spent_hundredths for part in shown.parts if part.state == "held"))


def _parts(work: Work, found: conversions.Conversion) -> list[conversions.Part]:
    return conversions.parts_of(work.connection, found.learner_id, [found.id])


def _held(work: Work, found: conversions.Conversion) -> list[conversions.Part]:
    return [part for part in _parts(work, found) if part.state == "held"]


def _code(work: Work, institution_id: UUID) -> str:
    return institutions.codes(work.connection, [institution_id])[institution_id]


def _step_id(ruleset: ConversionSet, progress: Progress) -> str | None:
    if progress.is_appeal:
        return "appeal"
    return ruleset.review[progress.step].id if progress.step < len(ruleset.review) else None
