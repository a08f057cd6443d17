"""Cases on awards over HTTP: what reviewers decide when an award's sources were revoked or corrected."""

import json
from typing import Any
from uuid import UUID

import marshmallow
from flask import Response

from creditbank.api import fields
from creditbank.api.caller import authenticate, carried_out, looked_up
from creditbank.api.conversions import after_of
from creditbank.api.pages import PageQuery
from creditbank.api.qualifications import STATES, MissingOut
from creditbank.api.resource import IDEMPOTENCY_KEY, Resource, answered, page_of
from creditbank.core.calendar import instant_text
from creditbank.services import award_cases
from creditbank.services.award_cases import Shown
from creditbank.services.bank import Answer, Work

resource = Resource("Award cases", __name__, url_prefix="/v1/award-cases", description="Awards whose sources failed")
resource.before_request(authenticate)


class AwardCaseDecisionIn(fields.StrictSchema):
    """What becomes of an award: it stands ("uphold") or is revoked ("revoke")."""

    decision = fields.Text(16, pattern="uphold|revoke", hint="uphold, revoke", required=True)
    reason = fields.Text(1000, required=True)


class AwardCaseOut(marshmallow.Schema):
    """A case on an award."""

    id = marshmallow.fields.UUID(required=True)
    state = marshmallow.fields.String(required=True, metadata={"enum": ["open", "decided"]})
    learner_id = marshmallow.fields.UUID(required=True)
    award_id = marshmallow.fields.UUID(required=True)
    award_state = marshmallow.fields.String(required=True, metadata={"enum": STATES})
    qualification = marshmallow.fields.String(required=True)
    version = marshmallow.fields.Integer(required=True)
    level = marshmallow.fields.String(required=True)
    outcome_id = marshmallow.fields.UUID(
        required=True, metadata={"description": "The outcome that was revoked or corrected"}
    )
    reason = marshmallow.fields.String(required=True)
    missing = marshmallow.fields.List(
        marshmallow.fields.Nested(MissingOut), required=True, metadata={"description": "As of the day it was opened"}
    )
    verdict = marshmallow.fields.String(required=True, allow_none=True)
    verdict_reason = marshmallow.fields.String(required=True, allow_none=True)
    opened_at = marshmallow.fields.DateTime(required=True)
    decided_at = marshmallow.fields.DateTime(required=True, allow_none=True)
    decision_id = marshmallow.fields.UUID(required=True, allow_none=True)


class AwardCasePage(marshmallow.Schema):
    """A page of cases on awards, newest first."""

    items = marshmallow.fields.List(marshmallow.fields.Nested(AwardCaseOut), required=True)
    next_cursor = marshmallow.fields.String(required=True, allow_none=True)


@resource.route("")
@resource.arguments(PageQuery(), location="query")
@resource.response(200, AwardCasePage)
def list_award_cases(query: dict[str, Any]) -> Response:
    """List the cases on awards that your institution has to decide. Needs `conversions:review`."""
    after, rows_max = after_of(query), query["limit"]
    found = looked_up(lambda work: award_cases.cases_page(work, after, rows_max + 1))
    items = [_document(one) for one in found]
    return answered(page_of(items, rows_max, lambda item: [item["opened_at"], item["id"]]))


@resource.route("/<id:case_id>")
@resource.response(200, AwardCaseOut)
def award_case(case_id: UUID) -> Response:
    """Show a case with what is missing to the award. Needs `conversions:review`."""
    return answered(_document(looked_up(lambda work: award_cases.case(work, case_id))))


@resource.route("/<id:case_id>/decisions", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.arguments(AwardCaseDecisionIn())
@resource.response(200, AwardCaseOut)
def decide_award_case(said: dict[str, str], case_id: UUID) -> Response:
    """Let the award stand, or revoke it. Needs `conversions:review`."""

    def action(work: Work) -> Answer:
        decided = award_cases.decide(work, case_id, said["decision"], said["reason"])
        return Answer(_document(decided), is_new=False, subject=str(case_id))

    return carried_out("award_case.decide", action)


def _document(shown: Shown) -> dict[str, Any]:
    one, award = shown
    return {
        "id": str(one.id),
        "state": one.state,
        "learner_id": str(one.learner_id),
        "award_id": str(award.id),
        "award_state": award.state,
        "qualification": award.code,
        "version": award.version,
        "level": award.level,
        "outcome_id": str(one.outcome_id),
        "reason": one.reason,
        "missing": json.loads(one.missing),
        "verdict": one.verdict,
        "verdict_reason": one.verdict_reason,
        "opened_at": instant_text(one.opened_at),
        "decided_at": one.decided_at and instant_text(one.decided_at),
        "decision_id": one.decision_id and str(one.decision_id),
    }
