"""Cases over HTTP: what accepting institutions decide after an outcome was revoked."""

from typing import Any
from uuid import UUID

import marshmallow
from flask import Response

from creditbank.api import fields
from creditbank.api.caller import authenticate, carried_out, looked_up
from creditbank.api.conversions import after_of
from creditbank.api.pages import PageQuery
from creditbank.api.resource import (
    IDEMPOTENCY_KEY,
    Resource,
    answered,
    page_of,
)
from creditbank.core.calendar import instant_text
from creditbank.services import cases
from creditbank.services.bank import Answer, Work

resource = Resource("Cases", __name__, url_prefix="/v1/cases", description="Conversions after a revocation")
resource.before_request(authenticate)


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
    decision_id = marshmallow.fields.UUID(required=True, allow_none=True)


class CasePage(marshmallow.Schema):
    """A page of cases, newest first."""

    items = marshmallow.fields.List(marshmallow.fields.Nested(CaseOut), required=True)
    next_cursor = marshmallow.fields.String(required=True, allow_none=True)


@resource.route("")
@resource.arguments(PageQuery(), location="query")
@resource.response(200, CasePage)
def list_cases(query: dict[str, Any]) -> Response:
    """List the cases that your institution has to decide. Needs `conversions:review`."""
    after, rows_max = after_of(query), query["limit"]
    found = looked_up(lambda work: cases.cases_page(work, after, rows_max + 1))
    items = [_document(one) for one in found]
    return answered(page_of(items, rows_max, lambda item: [item["opened_at"], item["id"]]))


@resource.route("/<id:case_id>")
@resource.response(200, CaseOut)
def case(case_id: UUID) -> Response:
    """Show a case with everything that rests on the revoked outcome. Needs `conversions:review`."""
    return answered(_document(looked_up(lambda work: cases.case(work, case_id))))


@resource.route("/<id:case_id>/decisions", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.arguments(CaseDecisionIn())
@resource.response(200, CaseOut)
def decide_case(said: dict[str, str], case_id: UUID) -> Response:
    """Let the conversion stand, or take back what rests on the revoked outcome. Needs `conversions:review`."""

    def action(work: Work) -> Answer:
        decided = cases.decide(work, case_id, said["decision"], said["reason"])
        return Answer(_document(decided), is_new=False, subject=str(case_id))

    return carried_out("case.decide", action)


def _document(one: cases.Case) -> dict[str, Any]:
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
        "decision_id": one.decision_id and str(one.decision_id),
    }
