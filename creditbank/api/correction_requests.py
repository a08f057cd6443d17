"""Corrections that a learner asks for over HTTP, the institutions' answers, and names and birth dates corrected."""

from typing import Any
from uuid import UUID

import marshmallow
from flask import Response

from creditbank.api import fields
from creditbank.api.caller import authenticate, carried_out, looked_up, subject
from creditbank.api.conversions import after_of
from creditbank.api.pages import PageQuery
from creditbank.api.resource import IDEMPOTENCY_KEY, Resource, answered, page_of
from creditbank.core.calendar import instant_text
from creditbank.core.errors import Fault
from creditbank.services import correction_requests, naming
from creditbank.services.bank import Answer, Work
from creditbank.services.correction_requests import Shown, Subject

resource = Resource("Corrections", __name__, url_prefix="/v1", description="What learners ask to have corrected")
resource.before_request(authenticate)


class AboutIn(fields.StrictSchema):
    """What is wrong: an outcome by its id, or a field of the account."""

    outcome_id = fields.Id(load_default=None)
    field = fields.Text(
        16, pattern="name|birth_date|identifier", hint="name, birth_date, identifier", load_default=None
    )
    type = fields.Text(
        40, load_default=None, metadata={"description": "Which identifier, where the field is `identifier`"}
    )

    @marshmallow.validates_schema
    def _check(self, data: dict[str, Any], **_kwargs: Any) -> None:  # noqa: ANN401
        if (data["outcome_id"] is None) == (data["field"] is None):
            zh, en = "请给出 outcome_id 或 field 之一。", "Name either outcome_id or field."
            raise marshmallow.ValidationError([Fault("", "wrong_subject", zh, en)])


class CorrectionRequestIn(fields.StrictSchema):
    """What a learner says is wrong, and what they want."""

    about = fields.Part(AboutIn, required=True)
    says = fields.Text(2000, required=True, metadata={"description": "What is wrong; it is stored sealed"})
    wants = fields.Text(2000, required=True, metadata={"description": "What it should be; it is stored sealed"})


class AnswerIn(fields.StrictSchema):
    """What an institution says to a request."""

    verdict = fields.Text(16, pattern="corrected|declined", hint="corrected, declined", required=True)
    reason = fields.Text(2000, required=True)


class CorrectionIn(fields.StrictSchema):
    """What a learner's name or birth date should be."""

    name = fields.Text(120, load_default=None)
    birth_date = fields.Day(load_default=None)
    reason = fields.Text(2000, required=True, metadata={"description": "Why; it is stored sealed"})
    correction_request = fields.Id(load_default=None, metadata={"description": "The learner's request it follows"})

    @marshmallow.validates_schema
    def _check(self, data: dict[str, Any], **_kwargs: Any) -> None:  # noqa: ANN401
        if data["name"] is None and data["birth_date"] is None:
            zh, en = "请给出 name 或 birth_date。", "Give name or birth_date."
            raise marshmallow.ValidationError([Fault("", "nothing_to_correct", zh, en)])


class AboutOut(marshmallow.Schema):
    """What a request is about."""

    outcome_id = marshmallow.fields.UUID(required=True, allow_none=True)
    field = marshmallow.fields.String(required=True, allow_none=True)


class CorrectionRequestOut(marshmallow.Schema):
    """A request as it stands; `verdict` is null as long as it waits."""

    id = marshmallow.fields.UUID(required=True)
    learner_id = marshmallow.fields.UUID(required=True)
    institution = marshmallow.fields.String(required=True, metadata={"description": "Code of who has to answer"})
    about = marshmallow.fields.Nested(AboutOut, required=True)
    says = marshmallow.fields.String(required=True)
    wants = marshmallow.fields.String(required=True)
    opened_at = marshmallow.fields.DateTime(required=True)
    verdict = marshmallow.fields.String(required=True, allow_none=True)
    reason = marshmallow.fields.String(required=True, allow_none=True)
    answered_at = marshmallow.fields.DateTime(required=True, allow_none=True)


class CorrectionRequestPage(marshmallow.Schema):
    """A page of requests, newest first."""

    items = marshmallow.fields.List(marshmallow.fields.Nested(CorrectionRequestOut), required=True)
    next_cursor = marshmallow.fields.String(required=True, allow_none=True)


class CorrectedOut(marshmallow.Schema):
    """What was corrected."""

    learner_id = marshmallow.fields.UUID(required=True)
    changed = marshmallow.fields.List(marshmallow.fields.String(), required=True)


@resource.route("/learners/<learner:learner_id>/correction-requests", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.arguments(CorrectionRequestIn())
@resource.response(201, CorrectionRequestOut)
def ask_for_correction(said: dict[str, Any], learner_id: UUID | None) -> Response:
    """Ask the institution that recorded something to correct it. For the learner and who acts for them."""
    about = Subject(said["about"]["outcome_id"], said["about"]["field"], said["about"]["type"])

    def action(work: Work) -> Answer:
        made = correction_requests.ask(work, subject(learner_id), about, said["says"], said["wants"])
        return Answer(_document(made), is_new=True, subject=str(made.request.id))

    return carried_out("correction.request", action)


@resource.route("/learners/<learner:learner_id>/correction-requests")
@resource.arguments(PageQuery(), location="query")
@resource.response(200, CorrectionRequestPage)
def own_correction_requests(query: dict[str, Any], learner_id: UUID | None) -> Response:
    """List what a learner asked to have corrected. For the learner and who acts for them."""
    after, rows_max = after_of(query), query["limit"]
    return _page(
        looked_up(lambda work: correction_requests.own_page(work, subject(learner_id), after, rows_max + 1)), rows_max
    )


@resource.route("/correction-requests")
@resource.arguments(PageQuery(), location="query")
@resource.response(200, CorrectionRequestPage)
def addressed_correction_requests(query: dict[str, Any]) -> Response:
    """List what learners asked your institution to correct. Needs `learners:write` or `outcomes:write`."""
    after, rows_max = after_of(query), query["limit"]
    return _page(looked_up(lambda work: correction_requests.addressed_page(work, after, rows_max + 1)), rows_max)


@resource.route("/correction-requests/<id:request_id>/answer", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.arguments(AnswerIn())
@resource.response(200, CorrectionRequestOut)
def answer_correction_request(said: dict[str, str], request_id: UUID) -> Response:
    """Tell a learner that it was corrected, or why not. Needs `learners:write` or `outcomes:write`."""

    def action(work: Work) -> Answer:
        found = correction_requests.answer(work, request_id, said["verdict"], said["reason"])
        return Answer(_document(found), is_new=False, subject=str(request_id))

    return carried_out("correction.answer", action)


@resource.route("/learners/<id:learner_id>/corrections", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.arguments(CorrectionIn())
@resource.response(200, CorrectedOut)
def correct_learner(said: dict[str, Any], learner_id: UUID) -> Response:
    """Correct the name or birth date of a learner whom your institution knows. Needs `learners:write`."""
    wanted = naming.Correction(said["name"], said["birth_date"], said["reason"], said["correction_request"])

    def action(work: Work) -> Answer:
        person_id, changed = naming.correct(work, learner_id, wanted)
        return Answer({"learner_id": str(person_id), "changed": list(changed)}, is_new=False, subject=str(person_id))

    return carried_out("learner.correct", action)


def _page(found: list[Shown], rows_max: int) -> Response:
    items = [_document(one) for one in found]
    return answered(page_of(items, rows_max, lambda item: [item["opened_at"], item["id"]]))


def _document(shown: Shown) -> dict[str, Any]:
    one = shown.request
    return {
        "id": str(one.id),
        "learner_id": str(one.learner_id),
        "institution": shown.institution,
        "about": {"outcome_id": one.outcome_id and str(one.outcome_id), "field": one.field},
        "says": shown.says,
        "wants": shown.wants,
        "opened_at": instant_text(one.opened_at),
        "verdict": one.verdict,
        "reason": shown.reason,
        "answered_at": one.answered_at and instant_text(one.answered_at),
    }
