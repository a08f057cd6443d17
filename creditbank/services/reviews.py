"""Reviews: applications decided step by step, returned, withdrawn, declined in part, appealed, and lapsed."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from creditbank.core.conversion.account import Part
from creditbank.core.conversion.planning import still_stands
from creditbank.core.conversion.situation import situation_from
from creditbank.core.errors import Conflict, Fault, Malformed
from creditbank.core.merging import Person
from creditbank.core.permission import require
from creditbank.core.review import (
    Progress,
    State,
    Verdict,
    lapsed,
    lapses,
    not_open,
    resubmitted,
)
from creditbank.core.review import appealed as after_appeal
from creditbank.core.review import decided as after_verdict
from creditbank.core.review import withdrawn as after_withdrawal
from creditbank.core.rules import ConversionSet
from creditbank.services import converting, situations
from creditbank.services.applications import (
    PAST,
    Shown,
    check_identity,
    check_may_review,
    code_of,
    held_parts,
    lapse,
    locked,
    own,
    parts_of,
    shown,
    step_id,
)
from creditbank.services.bank import ANSWERS_KEPT, Work
from creditbank.storage import conversions, decisions, kept_answers, ledger, people

SWEEP_MAX = 500
"""Overdue applications looked at in one go."""


@dataclass(frozen=True, slots=True)
class Swept:
    """How many applications were closed, and behind which to go on; None where there are no more."""

    closed: int
    after: tuple[date, UUID] | None


@dataclass(frozen=True, slots=True)
class Said:
    """What a reviewer says; `step` is the one that they look at, None for whichever is up."""

    verdict: Verdict
    reason: str | None = None
    step: str | None = None


def decide(work: Work, conversion_id: UUID, said: Said) -> Shown:
    """Decide the step that is up, as one who is entitled to it.

    Refused: Unknown; NotAllowed to the submitter and to those whose step it is not; Malformed without a reason where
    one is needed; Conflict where it is not in review any more, at another step, or the identity is in doubt.
    """
    verdict, reason = said.verdict, said.reason
    require(work.actor, "conversions:review")
    found, ruleset = locked(work, conversion_id)
    if lapses(ruleset, found.progress, work.today):
        raise not_open(lapsed(found.progress))
    if found.progress.state is not State.IN_REVIEW:
        raise not_open(found.progress)
    _check_step(ruleset, found.progress, said.step)
    check_may_review(work, found, ruleset)
    if verdict is not Verdict.APPROVE and not reason:
        zh, en = "驳回或退回须说明理由；请填写 reason。", "Rejecting and returning need a reason; give one."
        raise Malformed((Fault("/reason", "reason_needed", zh, en),))
    if verdict is Verdict.APPROVE:
        check_identity(work, found.learner_id)
    progress = after_verdict(ruleset, found.progress, verdict, work.today)
    event = (PAST[verdict], step_id(ruleset, found.progress), reason)
    if progress.state is State.APPROVED:
        return shown(work, _approved(work, found, progress, event))
    if progress.state is State.REJECTED:
        return shown(work, converting.closed(work, found, progress, event))
    return shown(work, converting.noted(work, found, progress, event))


def _check_step(ruleset: ConversionSet, progress: Progress, seen: str | None) -> None:
    """Refuse a decision on a step that is decided already: who sends it twice does not decide the next one, too."""
    up = step_id(ruleset, progress)
    if seen is not None and seen != up:
        zh = f"所述步骤不是当前步骤，当前步骤为 {up}；请重新查看申请。"
        en = f"The step that you name is not up; {up} is. Look at the application again."
        raise Conflict((Fault("/step", "step_passed", zh, en),))


def resubmit(work: Work, conversion_id: UUID, note: str | None) -> Shown:
    """Send a returned application back to the step that returned it. Refused: Unknown, Conflict unless returned."""
    found, ruleset = own(work, conversion_id)
    if lapses(ruleset, found.progress, work.today):
        raise not_open(lapsed(found.progress))
    progress = resubmitted(ruleset, found.progress, work.today)
    return shown(work, converting.noted(work, found, progress, ("resubmitted", None, note)))


def withdraw(work: Work, conversion_id: UUID, reason: str | None) -> Shown:
    """Take an open application back; what it holds is released. Asked again it is answered as it stands."""
    found, _ = own(work, conversion_id)
    if found.progress.state is State.WITHDRAWN:
        return shown(work, found)
    progress = after_withdrawal(found.progress)
    return shown(work, converting.closed(work, found, progress, ("withdrawn", None, reason)))


def decline(work: Work, conversion_id: UUID, numbers: Collection[int]) -> Shown:
    """Decline parts of an open application; what they hold is released. Without parts left it is withdrawn.

    Parts that make up a course together are declined together.

    Refused: Unknown, Conflict where it is closed or its rules don't let parts be declined, Malformed unknown parts.
    """
    found, ruleset = own(work, conversion_id)
    if not found.progress.is_open:
        raise not_open(found.progress)
    if not ruleset.may_decline:
        zh, en = "规则不允许只接受一部分；可以撤回整个申请。", "The rules take it as a whole; it can be withdrawn."
        raise Conflict((Fault("/parts", "all_or_nothing", zh, en),))
    held = held_parts(work, found)
    named = [part for part in held if part.number in numbers]
    if {part.number for part in named} != set(numbers):
        zh, en = "没有这些部分；请核对申请中 parts 的 number。", "There are no such parts; see the numbers in `parts`."
        raise Malformed((Fault("/parts", "unknown_part", zh, en),))
    declined = converting.together(held, named)
    if len(declined) == len(held):
        return withdraw(work, conversion_id, None)
    _let_go(work, found, declined, [part for part in held if part not in declined])
    told = " ".join(str(part.number) for part in declined)
    return shown(work, converting.noted(work, found, found.progress, ("declined", None, told)))


def appeal(work: Work, conversion_id: UUID, reason: str) -> Shown:
    """Appeal against a rejection; the credits are held anew.

    Refused: Unknown; Conflict, also where what it asked for can't be converted any more as it was asked for.
    """
    found, ruleset = own(work, conversion_id)
    person = check_identity(work, found.learner_id)
    progress = after_appeal(ruleset, found.progress, work.today)
    released = [part for part in parts_of(work, found) if part.state == "released"]
    ledger.lock_accounts(work.connection, person.members)
    if not _can_be_made(work, found, ruleset, (person, released)):
        zh = "其成果、学分、课程或限额已有变化，原申请不能照原样转换；可重新申请。"
        en = "Its outcomes, credits, courses or limits went elsewhere since; it can't be made as it was, apply anew."
        raise Conflict((Fault("", "changed_since", zh, en),))
    converting.hold(work, released, found.decision_id)
    conversions.change_parts(work.connection, [replace(part, state="held") for part in released])
    claims = converting.claims_for(found, code_of(work, found.institution_id), released)
    conversions.claim(work.connection, found, claims)
    return shown(work, converting.noted(work, found, progress, ("appealed", None, reason)))


def _can_be_made(
    work: Work, found: conversions.Conversion, ruleset: ConversionSet, wanted: tuple[Person, Sequence[conversions.Part]]
) -> bool:
    """Tell whether the person's accounts as they stand let an application be made again, part by part."""
    person, parts = wanted
    decision = decisions.by_id(work.connection, found.decision_id)
    assert decision is not None, "an application rests on a decision"
    then = situation_from(json.loads(decision.inputs)["situation"])
    account = situations.account_of(work, person)
    lots = {outcome: lot.id for outcome, lot in account.lots.items()}
    if any(part.lot_id is not None and lots.get(str(part.outcome_id)) != part.lot_id for part in parts):
        return False  # corrected since: its credits stand in another lot
    used = {outcome for part in parts for outcome in part.uses}
    holdings = {holding.outcome: holding for holding in account.holdings}
    standing = [holdings[held.outcome] for held in then.holdings if held.outcome in used & holdings.keys()]
    today = [one for one in standing if one.valid_until is None or work.today <= one.valid_until]
    now = replace(then, holdings=tuple(today), earlier=account.earlier)
    courses = {course.code: course for course in then.programme.courses}
    chosen = [
        Part(
            outcome=str(part.outcome_id),
            course=None if part.course_code is None else courses[part.course_code],
            rule=part.rule,
            granted_hundredths=part.granted_hundredths,
            spent_hundredths=part.spent_hundredths,
            lapsed_hundredths=part.lapsed_hundredths,
            partners=tuple(part.partners.split()),
        )
        for part in parts
    ]
    return still_stands(ruleset, work.rulebook().schemes[ruleset.scheme], now, chosen)


def sweep(work: Work, after: tuple[date, UUID] | None) -> Swept:
    """Close applications whose time is over and that escalate to nobody, some hundred at once, for the administrator.

    Those are looked at that come behind `after`, by their last day and id.
    """
    require(work.actor, "admin")
    kept_answers.forget_all(work.connection, work.now - ANSWERS_KEPT)
    found = conversions.overdue(work.connection, work.today, after, SWEEP_MAX)
    for learner_id in sorted({one.learner_id for one in found}):
        people.locked(work.connection, learner_id)
    standing = [conversions.by_id(work.connection, one.id) for one in found]
    closed = sum(lapse(work, one) for one in standing if one is not None)
    is_last = len(found) < SWEEP_MAX
    return Swept(
        closed, None if is_last or found[-1].progress.due_on is None else (found[-1].progress.due_on, found[-1].id)
    )


def _approved(
    work: Work, found: conversions.Conversion, progress: Progress, event: tuple[str, str | None, str | None]
) -> conversions.Conversion:
    """Spend what an application holds; its courses are exempt from now on."""
    held = held_parts(work, found)
    converting.release(work, held, found.decision_id)
    converting.convert(work, held, code_of(work, found.institution_id), found.decision_id)
    conversions.change_parts(work.connection, [replace(part, state="converted") for part in held])
    return converting.noted(work, found, progress, event)


def _let_go(
    work: Work,
    found: conversions.Conversion,
    declined: Sequence[conversions.Part],
    kept: Sequence[conversions.Part],
) -> None:
    """Release what declined parts hold and claim, as far as no other part needs it."""
    code = code_of(work, found.institution_id)
    converting.release(work, declined, found.decision_id)
    conversions.change_parts(work.connection, [replace(part, state="declined") for part in declined])
    free = converting.claims_for(found, code, declined) - converting.claims_for(found, code, kept)
    conversions.release_claims(work.connection, found, free)
