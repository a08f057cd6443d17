"""Conversions over HTTP: applied for, reviewed, withdrawn, appealed; cases after a revocation; and the planner."""

from typing import Any
from uuid import UUID

import marshmallow
from flask import Response

from creditbank.api import fields
from creditbank.api.caller import authenticate, carried_out, looked_up, subject
from creditbank.api.decisions import SentenceOut
from creditbank.api.pages import PageQuery
from creditbank.api.resource import (
    IDEMPOTENCY_KEY,
    Resource,
    answered,
    cursor_place,
    instant_part,
    page_of,
)
from creditbank.core.calendar import instant_text
from creditbank.core.conversion.wording import sentences
from creditbank.core.credit import decimal_text
from creditbank.core.errors import Malformed
from creditbank.core.outcome import Facts
from creditbank.core.review import Verdict
from creditbank.core.rules import facts_from
from creditbank.services import cases, conversions, plans
from creditbank.services.bank import Answer, Work
from creditbank.services.conversions import Shown, Wish
from creditbank.services.plans import RankBy

OUTCOMES_MAX = 200
"""Outcomes named in one application."""

COURSES_MAX = 1000
"""Courses named in one application; the longest published programmes have some 200."""

ALSO_MAX = 50
"""Outcomes imagined in one plan."""

PARTS_MAX = 1000
"""Parts of one application."""

BEST = "best"
"""Stands for the best choice among all outcomes of the learner."""

resource = Resource("Conversions", __name__, url_prefix="/v1", description="Learning that counts elsewhere")
resource.before_request(authenticate)


class OutcomesWanted(fields.Items):
    """A list of outcomes' ids, or "best" for the best choice among all."""

    def __init__(self, **kwargs: Any) -> None:  # noqa: ANN401
        """Take marshmallow's own options."""
        super().__init__(fields.Id(), OUTCOMES_MAX, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        return None if value == BEST else super()._deserialize(value, attr, data, **kwargs)


class TargetIn(fields.StrictSchema):
    """A programme and its courses; without courses all of them, and the programme as a whole."""

    institution = fields.Text(64, required=True)
    programme = fields.Text(64, required=True)
    courses = fields.Items(fields.Text(64), COURSES_MAX, count_min=0, allow_none=True, load_default=None)


class ConversionIn(fields.StrictSchema):
    """An application for conversion."""

    learner_id = fields.Id(allow_none=True, load_default=None, metadata={"description": "Left out: who asks"})
    target = fields.Part(TargetIn, required=True)
    outcomes = OutcomesWanted(load_default=None, metadata={"description": 'Ids, or "best" (as it comes)'})


class DecisionIn(fields.StrictSchema):
    """A reviewer's verdict; rejecting and returning need a reason, which the learner reads."""

    decision = fields.Choice(Verdict, required=True)
    reason = fields.Text(1000, allow_none=True, load_default=None)


class ReasonIn(fields.StrictSchema):
    """A reason, if there is one to tell."""

    reason = fields.Text(1000, allow_none=True, load_default=None)


class AppealIn(fields.StrictSchema):
    """Why a rejection is appealed against."""

    reason = fields.Text(1000, required=True)


class PartsIn(fields.StrictSchema):
    """The numbers of parts that the learner declines."""

    parts = fields.Items(fields.Whole(1, PARTS_MAX), PARTS_MAX, required=True)


class StepOut(marshmallow.Schema):
    """A step of the review."""

    id = marshmallow.fields.String(required=True)
    title = marshmallow.fields.Dict(required=True, allow_none=True)
    by = marshmallow.fields.Dict(required=True)
    state = marshmallow.fields.String(
        required=True, metadata={"enum": ["done", "up", "waiting", "rejected", "returned", "closed"]}
    )
    due_on = marshmallow.fields.Date(required=True, allow_none=True)


class PartOut(marshmallow.Schema):
    """One outcome toward one course, or the programme."""

    number = marshmallow.fields.Integer(required=True)
    outcome_id = marshmallow.fields.UUID(required=True)
    course = marshmallow.fields.Dict(required=True, allow_none=True)
    rule = marshmallow.fields.String(required=True)
    credits = marshmallow.fields.String(required=True)
    spent = marshmallow.fields.String(required=True)
    lapsed = marshmallow.fields.String(required=True)
    partners = marshmallow.fields.List(marshmallow.fields.UUID(), required=True)
    state = marshmallow.fields.String(
        required=True, metadata={"enum": ["held", "converted", "released", "declined", "undone"]}
    )
    grade = marshmallow.fields.String(required=True, allow_none=True, metadata={"description": "免考 once it counts"})


class EventOut(marshmallow.Schema):
    """Something that was done with an application."""

    kind = marshmallow.fields.String(required=True)
    step = marshmallow.fields.String(required=True, allow_none=True)
    reason = marshmallow.fields.String(required=True, allow_none=True)
    happened_at = marshmallow.fields.DateTime(required=True)


class TargetOut(marshmallow.Schema):
    """What is converted into."""

    institution = marshmallow.fields.String(required=True)
    programme = marshmallow.fields.String(required=True)


class ConversionOut(marshmallow.Schema):
    """An application for conversion as it stands."""

    id = marshmallow.fields.UUID(required=True)
    learner_id = marshmallow.fields.UUID(required=True)
    state = marshmallow.fields.String(required=True)
    target = marshmallow.fields.Nested(TargetOut, required=True)
    ruleset = marshmallow.fields.String(required=True)
    version = marshmallow.fields.Integer(required=True)
    scheme = marshmallow.fields.String(required=True)
    credits = marshmallow.fields.String(required=True, metadata={"description": "Granted or to be granted"})
    held = marshmallow.fields.String(required=True, metadata={"description": "Credits held while it is open"})
    is_appeal = marshmallow.fields.Boolean(required=True)
    due_on = marshmallow.fields.Date(required=True, allow_none=True)
    is_overdue = marshmallow.fields.Boolean(required=True)
    steps = marshmallow.fields.List(marshmallow.fields.Nested(StepOut), required=True)
    parts = marshmallow.fields.List(marshmallow.fields.Nested(PartOut), required=True)
    events = marshmallow.fields.List(marshmallow.fields.Nested(EventOut), required=True)
    decision_id = marshmallow.fields.UUID(required=True)
    explanation = marshmallow.fields.Dict(required=True)
    sentences = marshmallow.fields.List(marshmallow.fields.Nested(SentenceOut), required=True)
    opened_at = marshmallow.fields.DateTime(required=True)


class ConversionPage(marshmallow.Schema):
    """A page of applications, newest first."""

    items = marshmallow.fields.List(marshmallow.fields.Nested(ConversionOut), required=True)
    next_cursor = marshmallow.fields.String(required=True, allow_none=True)


class ConversionQuery(PageQuery):
    """Which applications are listed."""

    learner_id = fields.Id(load_default=None)


class CaseDecisionIn(fields.StrictSchema):
    """What becomes of a conversion whose outcome was revoked: it stands ("uphold") or is taken back ("undo")."""

    decision = fields.Text(16, pattern="uphold|undo", hint="uphold, undo", required=True)
    reason = fields.Text(1000, required=True)


class CaseOut(marshmallow.Schema):
    """A case after a revocation."""

    id = marshmallow.fields.UUID(required=True)
    state = marshmallow.fields.String(required=True, metadata={"enum": ["open", "decided"]})
    learner_id = marshmallow.fields.UUID(required=True)
    outcome_id = marshmallow.fields.UUID(required=True)
    conversion_id = marshmallow.fields.UUID(required=True)
    reason = marshmallow.fields.String(required=True, metadata={"description": "Why the outcome was revoked"})
    dependents = marshmallow.fields.List(marshmallow.fields.Dict(), required=True)
    verdict = marshmallow.fields.String(required=True, allow_none=True)
    verdict_reason = marshmallow.fields.String(required=True, allow_none=True)
    opened_at = marshmallow.fields.DateTime(required=True)
    decided_at = marshmallow.fields.DateTime(required=True, allow_none=True)


class CasePage(marshmallow.Schema):
    """A page of cases, newest first."""

    items = marshmallow.fields.List(marshmallow.fields.Nested(CaseOut), required=True)
    next_cursor = marshmallow.fields.String(required=True, allow_none=True)


class PlanTargetIn(fields.StrictSchema):
    """A programme to plan for."""

    institution = fields.Text(64, required=True)
    programme = fields.Text(64, required=True)


class PlanIn(fields.StrictSchema):
    """What is planned: toward which targets (all, if none are named), with which further outcomes, ranked how."""

    targets = fields.Items(fields.Part(PlanTargetIn), plans.TARGETS_MAX, allow_none=True, load_default=None)
    also = fields.Items(fields.AnyJson(), ALSO_MAX, count_min=0, load_default=list, metadata={"description": "Facts"})
    rank_by = fields.Choice(RankBy, load_default=RankBy.CREDITS)


class OptionOut(marshmallow.Schema):
    """What one programme would take."""

    target = marshmallow.fields.Nested(TargetOut, required=True)
    title = marshmallow.fields.String(required=True)
    ruleset = marshmallow.fields.String(required=True)
    version = marshmallow.fields.Integer(required=True)
    credits = marshmallow.fields.String(required=True)
    scheme = marshmallow.fields.String(required=True)
    total = marshmallow.fields.String(required=True)
    missing = marshmallow.fields.Dict(required=True)
    explanation = marshmallow.fields.Dict(required=True)
    sentences = marshmallow.fields.List(marshmallow.fields.Nested(SentenceOut), required=True)


class PlanOut(marshmallow.Schema):
    """The options, ranked."""

    options = marshmallow.fields.List(marshmallow.fields.Nested(OptionOut), required=True)
    is_complete = marshmallow.fields.Boolean(required=True)


@resource.route("/conversions", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.arguments(ConversionIn())
@resource.response(201, ConversionOut)
@resource.alt_response(404, "NOT_FOUND")
def apply(asked: dict[str, Any]) -> Response:
    """Apply for the best conversion that the rules allow; its credits are held until it is decided.

    By the learner, or on their behalf by an institution that knows them. Where nothing can be converted every reason
    is told: 409 if all of it is used already, else 422. Needs `conversions:write`.
    """
    target, wanted = asked["target"], asked["outcomes"]
    courses = None if target["courses"] is None else tuple(target["courses"])
    wish = Wish(target["institution"], target["programme"], courses, None if wanted is None else tuple(wanted))

    def action(work: Work) -> Answer:
        shown = conversions.apply(work, asked["learner_id"] or subject(None), wish)
        return Answer(_document(shown), is_new=True, subject=str(shown.conversion.id))

    return carried_out("conversion.apply", action)


@resource.route("/conversions")
@resource.arguments(ConversionQuery(), location="query")
@resource.response(200, ConversionPage)
def listing(query: dict[str, Any]) -> Response:
    """List applications, newest first: a learner's own, or those into your institution's programmes."""
    after, rows_max = _after(query), query["limit"]
    found = looked_up(lambda work: conversions.conversions_page(work, query["learner_id"], after, rows_max + 1))
    items = [_document(one) for one in found]
    return answered(page_of(items, rows_max, lambda item: [item["opened_at"], item["id"]]))


@resource.route("/conversions/<id:conversion_id>")
@resource.response(200, ConversionOut)
def conversion(conversion_id: UUID) -> Response:
    """Show an application to its learner, who applied, its reviewers and auditors."""
    return answered(_document(looked_up(lambda work: conversions.conversion(work, conversion_id))))


@resource.route("/conversions/<id:conversion_id>/decisions", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.arguments(DecisionIn())
@resource.response(200, ConversionOut)
def decide(said: dict[str, Any], conversion_id: UUID) -> Response:
    """Decide the step that is up: approve, reject or return. Needs `conversions:review` and the step to be yours."""
    verdict, reason = said["decision"], said["reason"]
    return _changed(
        "conversion.decide", conversion_id, lambda work: conversions.decide(work, conversion_id, verdict, reason)
    )


@resource.route("/conversions/<id:conversion_id>/resubmit", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.arguments(ReasonIn())
@resource.response(200, ConversionOut)
def resubmit(said: dict[str, Any], conversion_id: UUID) -> Response:
    """Send a returned application back to the step that returned it. Needs `conversions:write`."""
    return _changed(
        "conversion.resubmit", conversion_id, lambda work: conversions.resubmit(work, conversion_id, said["reason"])
    )


@resource.route("/conversions/<id:conversion_id>/withdraw", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.arguments(ReasonIn())
@resource.response(200, ConversionOut)
def withdraw(said: dict[str, Any], conversion_id: UUID) -> Response:
    """Withdraw an open application; what it holds is released. Needs `conversions:write`."""
    return _changed(
        "conversion.withdraw", conversion_id, lambda work: conversions.withdraw(work, conversion_id, said["reason"])
    )


@resource.route("/conversions/<id:conversion_id>/decline", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.arguments(PartsIn())
@resource.response(200, ConversionOut)
def decline(said: dict[str, Any], conversion_id: UUID) -> Response:
    """Decline parts of an open application, as far as its rules let you. Needs `conversions:write`."""
    numbers = set(said["parts"])
    return _changed("conversion.decline", conversion_id, lambda work: conversions.decline(work, conversion_id, numbers))


@resource.route("/conversions/<id:conversion_id>/appeal", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.arguments(AppealIn())
@resource.response(200, ConversionOut)
def appeal(said: dict[str, Any], conversion_id: UUID) -> Response:
    """Appeal against a rejection; somebody else decides. Needs `conversions:write`."""
    return _changed(
        "conversion.appeal", conversion_id, lambda work: conversions.appeal(work, conversion_id, said["reason"])
    )


@resource.route("/cases")
@resource.arguments(PageQuery(), location="query")
@resource.response(200, CasePage)
def list_cases(query: dict[str, Any]) -> Response:
    """List the cases that your institution has to decide. Needs `conversions:review`."""
    after, rows_max = _after(query), query["limit"]
    found = looked_up(lambda work: cases.cases_page(work, after, rows_max + 1))
    items = [_case_document(one) for one in found]
    return answered(page_of(items, rows_max, lambda item: [item["opened_at"], item["id"]]))


@resource.route("/cases/<id:case_id>")
@resource.response(200, CaseOut)
def case(case_id: UUID) -> Response:
    """Show a case with everything that rests on the revoked outcome. Needs `conversions:review`."""
    return answered(_case_document(looked_up(lambda work: cases.case(work, case_id))))


@resource.route("/cases/<id:case_id>/decisions", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.arguments(CaseDecisionIn())
@resource.response(200, CaseOut)
def decide_case(said: dict[str, str], case_id: UUID) -> Response:
    """Let the conversion stand, or take back what rests on the revoked outcome. Needs `conversions:review`."""

    def action(work: Work) -> Answer:
        decided = cases.decide(work, case_id, said["decision"], said["reason"])
        return Answer(_case_document(decided), is_new=False, subject=str(case_id))

    return carried_out("case.decide", action)


@resource.route("/learners/<learner:learner_id>/plan", methods=["POST"])
@resource.arguments(PlanIn())
@resource.response(200, PlanOut)
def plan(asked: dict[str, Any], learner_id: UUID | None) -> Response:
    """Plan: what would be converted toward each target, what is missing, also with outcomes still to be earned.

    Nothing is written. Needs `conversions:write` or `balance:read`.
    """
    named = asked["targets"]
    targets = None if named is None else [(one["institution"], one["programme"]) for one in named]
    also = [_facts(number, facts) for number, facts in enumerate(asked["also"])]
    who = subject(learner_id)
    found = looked_up(lambda work: plans.plan(work, who, targets, also, asked["rank_by"]))
    options = [option.document() for option in found.options]
    return answered({"options": options, "is_complete": found.is_complete})


def _facts(number: int, document: object) -> Facts:
    try:
        return facts_from(document)
    except Malformed as malformed:
        raise Malformed(tuple(fault.under(f"/also/{number}") for fault in malformed.faults)) from malformed


def _changed(name: str, conversion_id: UUID, change: Any) -> Response:  # noqa: ANN401 - a use case
    def action(work: Work) -> Answer:
        return Answer(_document(change(work)), is_new=False, subject=str(conversion_id))

    return carried_out(name, action)


def _after(query: dict[str, Any]) -> tuple[Any, UUID] | None:
    place = cursor_place(query["cursor"], instant_part, UUID)
    return None if place is None else (place[0], place[1])


def _document(shown: Shown) -> dict[str, Any]:
    """Return an application as it stands on the wire."""
    one, progress = shown.conversion, shown.conversion.progress
    counting = [part for part in shown.parts if part.state in ("held", "converted")]
    return {
        "id": str(one.id),
        "learner_id": str(one.learner_id),
        "state": progress.state.value,
        "target": {"institution": shown.institution, "programme": one.programme},
        "ruleset": one.ruleset,
        "version": one.version,
        "scheme": one.scheme,
        "credits": decimal_text(sum(part.granted_hundredths for part in counting)),
        "held": conversions.held_credits(shown),
        "is_appeal": progress.is_appeal,
        "due_on": progress.due_on and progress.due_on.isoformat(),
        "is_overdue": shown.is_overdue,
        "steps": shown.steps(),
        "parts": [_part_document(part) for part in shown.parts],
        "events": [
            {
                "kind": event.kind,
                "step": event.step,
                "reason": event.reason,
                "happened_at": instant_text(event.happened_at),
            }
            for event in shown.events
        ],
        "decision_id": str(one.decision_id),
        "explanation": shown.explanation,
        "sentences": sentences(shown.explanation),
        "opened_at": instant_text(one.opened_at),
    }


def _part_document(part: conversions.Part) -> dict[str, Any]:
    course = None
    if part.course_code is not None:
        course = {
            "code": part.course_code,
            "title": part.course_title,
            "credits": decimal_text(part.course_hundredths or 0),
            "category": part.course_category,
        }
    return {
        "number": part.number,
        "outcome_id": str(part.outcome_id),
        "course": course,
        "rule": part.rule,
        "credits": decimal_text(part.granted_hundredths),
        "spent": decimal_text(part.spent_hundredths),
        "lapsed": decimal_text(part.lapsed_hundredths),
        "partners": part.partners.split(),
        "state": part.state,
        "grade": "免考" if course is not None and part.state == "converted" else None,
    }


def _case_document(one: cases.Case) -> dict[str, Any]:
    return {
        "id": str(one.id),
        "state": one.state,
        "learner_id": str(one.learner_id),
        "outcome_id": str(one.outcome_id),
        "conversion_id": str(one.conversion_id),
        "reason": one.reason,
        "dependents": one.listed(),
        "verdict": one.verdict,
        "verdict_reason": one.verdict_reason,
        "opened_at": instant_text(one.opened_at),
        "decided_at": one.decided_at and instant_text(one.decided_at),
    }
