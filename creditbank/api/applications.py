"""How applications for conversion are shown: their schemas and their documents."""

from typing import Any

import marshmallow

from creditbank.api.decisions import SentenceOut
from creditbank.core.calendar import instant_text
from creditbank.core.conversion.wording import sentences
from creditbank.core.credit import decimal_text
from creditbank.services import applications
from creditbank.services.applications import Part, Shown


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


def document(shown: Shown) -> dict[str, Any]:
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
        "held": applications.held_credits(shown),
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


def _part_document(part: Part) -> dict[str, Any]:
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
