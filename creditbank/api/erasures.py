"""Erasure over HTTP: asked for and taken back by the learner, decided by somebody with the scope for it."""

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
from creditbank.services import erasures
from creditbank.services.bank import Answer, Work
from creditbank.services.erasures import Shown

resource = Resource("Erasure", __name__, url_prefix="/v1", description="Learners forgotten at their own wish")
resource.before_request(authenticate)


class ErasureIn(fields.StrictSchema):
    """A learner asks to be forgotten."""

    confirm_account_no = fields.Text(16, required=True, metadata={"description": "The learner's own account number"})
    reason = fields.Text(2000, load_default=None)


class ErasureDecisionIn(fields.StrictSchema):
    """What becomes of a request."""

    verdict = fields.Text(16, pattern="approve|decline", hint="approve, decline", required=True)
    reason = fields.Text(2000, required=True)


class ErasureOut(marshmallow.Schema):
    """A request as it stands."""

    id = marshmallow.fields.UUID(required=True)
    learner_id = marshmallow.fields.UUID(required=True)
    state = marshmallow.fields.String(required=True, metadata={"enum": ["open", "withdrawn", "declined", "erased"]})
    reason = marshmallow.fields.String(required=True, allow_none=True)
    requested_at = marshmallow.fields.DateTime(required=True)
    verdict_reason = marshmallow.fields.String(required=True, allow_none=True)
    decided_at = marshmallow.fields.DateTime(required=True, allow_none=True)


class ErasureList(marshmallow.Schema):
    """A learner's requests, newest first."""

    items = marshmallow.fields.List(marshmallow.fields.Nested(ErasureOut), required=True)


class ErasurePage(ErasureList):
    """A page of requests, newest first."""

    next_cursor = marshmallow.fields.String(required=True, allow_none=True)


@resource.route("/learners/<learner:learner_id>/erasure-requests", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.arguments(ErasureIn())
@resource.response(201, ErasureOut)
@resource.alt_response(200, schema=ErasureOut, description="A request waits already")
def ask_for_erasure(said: dict[str, Any], learner_id: UUID | None) -> Response:
    """Ask to be forgotten; refused with all that stands in the way. For the learner and who acts for them."""

    def action(work: Work) -> Answer:
        made, is_new = erasures.ask(work, subject(learner_id), said["confirm_account_no"], said["reason"])
        return Answer(_document(made), is_new, subject=str(made.request.id))

    return carried_out("erasure.request", action)


@resource.route("/learners/<learner:learner_id>/erasure-requests")
@resource.response(200, ErasureList)
def own_erasure_requests(learner_id: UUID | None) -> Response:
    """List a learner's requests for erasure. For the learner and who acts for them."""
    found = looked_up(lambda work: erasures.own_requests(work, subject(learner_id)))
    return answered({"items": [_document(one) for one in found]})


@resource.route("/learners/<learner:learner_id>/erasure-requests/<id:request_id>/withdraw", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.response(200, ErasureOut)
def withdraw_erasure_request(learner_id: UUID | None, request_id: UUID) -> Response:
    """Take a request back before it is decided. For the learner and who acts for them."""

    def action(work: Work) -> Answer:
        found = erasures.withdraw(work, subject(learner_id), request_id)
        return Answer(_document(found), is_new=False, subject=str(request_id))

    return carried_out("erasure.withdraw", action)


@resource.route("/erasure-requests")
@resource.arguments(PageQuery(), location="query")
@resource.response(200, ErasurePage)
def waiting_erasure_requests(query: dict[str, Any]) -> Response:
    """List the requests that wait for a decision: an authority's are all, another's those of whom it knows.

    Needs `identity:review`.
    """
    after, rows_max = after_of(query), query["limit"]
    items = [_document(one) for one in looked_up(lambda work: erasures.waiting(work, after, rows_max + 1))]
    return answered(page_of(items, rows_max, lambda item: [item["requested_at"], item["id"]]))


@resource.route("/erasure-requests/<id:request_id>/decisions", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.arguments(ErasureDecisionIn())
@resource.response(200, ErasureOut)
def decide_erasure_request(said: dict[str, str], request_id: UUID) -> Response:
    """Erase a learner whom you know for good, or decline; an authority anybody; never one's own request.

    Needs `identity:review`.
    """

    def action(work: Work) -> Answer:
        decided = erasures.decide(work, request_id, said["verdict"], said["reason"])
        return Answer(_document(Shown(decided, None, None)), is_new=False, subject=str(request_id))

    return carried_out("erasure.decide", action)


def _document(shown: Shown) -> dict[str, Any]:
    one = shown.request
    return {
        "id": str(one.id),
        "learner_id": str(one.learner_id),
        "state": one.state,
        "reason": shown.reason,
        "requested_at": instant_text(one.requested_at),
        "verdict_reason": shown.verdict_reason,
        "decided_at": one.decided_at and instant_text(one.decided_at),
    }
