"""Applications for conversion as they are shown, and who may see, change and review them."""

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from creditbank.core.credit import decimal_text
from creditbank.core.entitlement import Basis, Sight
from creditbank.core.errors import Conflict, Fault, NotAllowed, unknown
from creditbank.core.institution import Role
from creditbank.core.merging import Person
from creditbank.core.permission import require
from creditbank.core.review import (
    Progress,
    State,
    Verdict,
    is_overdue,
    lapsed,
    lapses,
    reviewers,
)
from creditbank.core.rules import ConversionSet
from creditbank.core.rules.conversion_set import Reviewers, ReviewStep
from creditbank.services import converting, delegations
from creditbank.services.bank import Work
from creditbank.services.entitlement import hides, no_such_learner, note_standing, standing_of
from creditbank.storage import conversion_events, conversions, decisions, institutions, outcomes, people
from creditbank.storage.conversions import Part

__all__ = ["PAST", "READING", "Part", "Shown"]

READING = ("conversions:write", "conversions:review", "audit:read")
"""Any of these lets somebody look at applications that they have to do with."""


@dataclass(frozen=True, slots=True)
class Shown:
    """An application with everything that is shown of it."""

    conversion: conversions.Conversion
    institution: str
    parts: tuple[conversions.Part, ...]
    events: tuple[conversion_events.Event, ...]
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


def shown(work: Work, found: conversions.Conversion) -> Shown:
    """Return an application with everything that is shown of it."""
    decision = decisions.by_id(work.connection, found.decision_id)
    assert decision is not None, "an application rests on a decision"
    return Shown(
        conversion=found,
        institution=code_of(work, found.institution_id),
        parts=tuple(parts_of(work, found)),
        events=tuple(conversion_events.of(work.connection, found.learner_id, found.id)),
        ruleset=ruleset_of(work, found),
        explanation=json.loads(decision.explanation),
        is_overdue=is_overdue(found.progress, work.today),
    )


def may_see(work: Work, found: conversions.Conversion) -> bool:
    """Tell whether the actor has to do with an application: as learner, submitter, reviewer or auditor."""
    actor = work.actor
    if hides(work, found.learner_id):
        return False
    if actor.learner_id is not None:
        accounts = {part.account_id for part in parts_of(work, found)} | {found.learner_id}
        return any(standing_of(work, account) is not None for account in accounts)
    if actor.audits:
        return True
    if actor.institution_id is None:
        return False
    if conversions.may_read(work.connection, found, actor.institution_id):
        return True
    in_place_of = delegations.delegators_of(work, found)
    return bool(in_place_of) and not in_place_of.isdisjoint(_reviewing(work, found))


def note_seen(work: Work, found: conversions.Conversion) -> None:
    """Note in the learner's diary that somebody else sees an application."""
    actor = work.actor
    if actor.learner_id is None:
        work.note_sight(found.learner_id, Sight.CONVERSION, Basis.AUDIT if actor.audits else Basis.PART)
    else:
        note_standing(work, found.learner_id, Sight.CONVERSION)


def readers(work: Work, found: conversions.Conversion) -> set[UUID]:
    """Return the institutions that have a part in an application: they accept, submitted or may come to review it."""
    submitter = {found.submitter_id} if found.submitter_id else set()
    return _reviewing(work, found) | {found.institution_id} | submitter


def _reviewing(work: Work, found: conversions.Conversion) -> set[UUID]:
    """Return the institutions that may come to review an application."""
    ruleset = ruleset_of(work, found)
    named = [step.by for step in ruleset.review]
    named += [step.escalates_to for step in ruleset.review if step.escalates_to is not None]
    named += [ruleset.appeal.by] if ruleset.appeal is not None else []
    return {one for reviewer in named for one in _institution_ids(work, found, reviewer)}


def is_awaited(work: Work, found: conversions.Conversion) -> bool:
    """Tell whether the step that is up is one for the actor's institution to decide, also in another's place."""
    entitled = _entitled(work, found, ruleset_of(work, found))
    mine = work.actor.institution_id
    if mine in entitled or mine == found.submitter_id:
        return mine in entitled
    return not entitled.isdisjoint(delegations.delegators_of(work, found))


def own(work: Work, conversion_id: UUID) -> tuple[conversions.Conversion, ConversionSet]:
    """Return an application, locked, to its learner or to who applied on their behalf. Refused: Unknown."""
    require(work.actor, "conversions:write")
    found, ruleset = locked(work, conversion_id)
    actor = work.actor
    is_learner = standing_of(work, found.learner_id) is not None
    is_submitter = found.submitter_id is not None and actor.institution_id == found.submitter_id
    if not (is_learner or is_submitter):
        raise unknown("转换申请", "conversion")
    return found, ruleset


def check_identity(work: Work, learner_id: UUID) -> Person:
    """Lock the learner and let those pass whose identity is in no doubt. Refused: Unknown, Conflict."""
    held = people.locked(work.connection, learner_id)
    if held is None or held.is_erased:
        raise no_such_learner("/learner_id")
    if held.is_restricted:
        zh = "该学习者已要求限制处理其数据，解除限制之前不能转换学分。"
        en = "The learner asked that their data be kept and not used; nothing is converted until they lift that."
        raise Conflict((Fault("/learner_id", "restricted", zh, en),))
    if held.is_in_conflict:
        zh = "该学习者的身份标识存在冲突，核实之前不能转换学分。"
        en = "The learner's identifiers are in conflict; nothing is converted until that is decided."
        raise Conflict((Fault("/learner_id", "identity_conflict", zh, en),))
    return held.person


def locked(work: Work, conversion_id: UUID) -> tuple[conversions.Conversion, ConversionSet]:
    """Return an application with its learner locked. Refused: Unknown."""
    found = conversions.by_id(work.connection, conversion_id)
    if found is None or not may_see(work, found):
        raise unknown("转换申请", "conversion")
    people.locked(work.connection, found.learner_id)
    standing = conversions.by_id(work.connection, conversion_id)
    assert standing is not None, "an application is never taken away"
    return standing, ruleset_of(work, standing)


def check_may_review(work: Work, found: conversions.Conversion, ruleset: ConversionSet) -> None:
    """Let those pass who may decide the step that is up. Refused: NotAllowed."""
    actor = work.actor
    if actor.client_id == found.submitted_by:
        zh, en = "申请的提交者不能审核该申请。", "Who submitted an application can't review it."
        raise NotAllowed((Fault("", "submitter_reviews", zh, en),))
    entitled = _entitled(work, found, ruleset)
    if actor.institution_id not in entitled:
        if entitled.isdisjoint(delegations.delegators_of(work, found)):
            zh, en = "当前步骤不由您的机构审核。", "The step that is up is not your institution's to decide."
            raise NotAllowed((Fault("", "not_your_step", zh, en),))
        if actor.institution_id == found.submitter_id:
            zh, en = "提交申请的机构不能受托审核该申请。", "Who submitted an application can't review it for another."
            raise NotAllowed((Fault("", "submitter_reviews", zh, en),))
    if found.progress.is_appeal and actor.client_id in _deciders(work, found):
        zh, en = "申诉须由未曾作出决定的审核人处理。", "An appeal is decided by somebody who has not decided before."
        raise NotAllowed((Fault("", "decided_before", zh, en),))


def _deciders(work: Work, found: conversions.Conversion) -> set[str]:
    """Return who decided a step of the application."""
    events = conversion_events.of(work.connection, found.learner_id, found.id)
    return {event.actor for event in events if event.kind in PAST.values()}


def _entitled(work: Work, found: conversions.Conversion, ruleset: ConversionSet) -> set[UUID]:
    """Return the institutions whose the step that is up is to decide."""
    named = reviewers(ruleset, found.progress, work.today)
    return {one for reviewer in named for one in _institution_ids(work, found, reviewer)}


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
        return outcomes.issuers(work.connection, [part.outcome_id for part in parts_of(work, found)])
    return institutions.with_role(work.connection, Role.AUTHORITY)


def lapse(work: Work, found: conversions.Conversion) -> bool:
    """Close an application if its time is over, and tell whether it was."""
    if not is_overdue(found.progress, work.today):
        return False
    ruleset = ruleset_of(work, found)
    if not lapses(ruleset, found.progress, work.today):
        return False
    converting.closed(work, found, lapsed(found.progress), ("lapsed", step_id(ruleset, found.progress), None))
    return True


def held_credits(shown: Shown) -> str:
    """Return how many credits an application holds, in its outcomes' own schemes, as a decimal string."""
    return decimal_text(sum(part.spent_hundredths for part in shown.parts if part.state == "held"))


def ruleset_of(work: Work, found: conversions.Conversion) -> ConversionSet:
    """Return the version under which an application was made, whatever was published since."""
    return work.rulebook().conversion_version(found.ruleset, found.version)


def parts_of(work: Work, found: conversions.Conversion) -> list[conversions.Part]:
    """Return all parts of an application."""
    return conversions.parts_of(work.connection, [found.learner_id], [found.id])


def held_parts(work: Work, found: conversions.Conversion) -> list[conversions.Part]:
    """Return the parts for which credits are held."""
    return [part for part in parts_of(work, found) if part.state == "held"]


def code_of(work: Work, institution_id: UUID) -> str:
    """Return an institution's code."""
    return institutions.codes(work.connection, [institution_id])[institution_id]


def step_id(ruleset: ConversionSet, progress: Progress) -> str | None:
    """Return the id of the step that is up."""
    if progress.is_appeal:
        return "appeal"
    return ruleset.review[progress.step].id if progress.step < len(ruleset.review) else None


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


PAST = {Verdict.APPROVE: "approved", Verdict.REJECT: "rejected", Verdict.RETURN: "returned"}
