"""Decisions over HTTP: why an outcome counts, and the same decision taken again."""

import json
from typing import Any
from uuid import UUID

import marshmallow
from flask import Response

from creditbank.api.caller import actor, authenticate, looked_up
from creditbank.api.positions import read_own
from creditbank.api.resource import Resource, answered
from creditbank.core.calendar import instant_text
from creditbank.services import decisions

resource = Resource("Decisions", __name__, url_prefix="/v1/decisions", description="Why an outcome counts")
resource.before_request(authenticate)


class SentenceOut(marshmallow.Schema):
    """A sentence for the learner, in both languages."""

    zh = marshmallow.fields.String(required=True)
    en = marshmallow.fields.String(required=True)


class DecisionOut(marshmallow.Schema):
    """A decision with everything that it rests on."""

    id = marshmallow.fields.UUID(required=True)
    kind = marshmallow.fields.String(
        required=True,
        metadata={"enum": ["recognition", "duplicate", "revocation", "conversion", "case", "award", "award_case"]},
    )
    learner_id = marshmallow.fields.UUID(required=True)
    outcome_id = marshmallow.fields.UUID(required=True, allow_none=True)
    conversion_id = marshmallow.fields.UUID(required=True, allow_none=True)
    revision = marshmallow.fields.Integer(required=True)
    ruleset = marshmallow.fields.String(required=True, allow_none=True)
    version = marshmallow.fields.Integer(required=True, allow_none=True)
    decided_at = marshmallow.fields.DateTime(required=True)
    inputs = marshmallow.fields.Dict(required=True)
    result = marshmallow.fields.Dict(required=True, allow_none=True)
    explanation = marshmallow.fields.Dict(required=True)
    sentences = marshmallow.fields.List(marshmallow.fields.Nested(SentenceOut), required=True)


class DifferenceOut(marshmallow.Schema):
    """A field that comes out otherwise."""

    field = marshmallow.fields.String(required=True)
    stored = marshmallow.fields.Raw(required=True, allow_none=True)
    now = marshmallow.fields.Raw(required=True, allow_none=True)


class ReplayOut(marshmallow.Schema):
    """Whether the decision comes out the same."""

    decision_id = marshmallow.fields.UUID(required=True)
    same = marshmallow.fields.Boolean(required=True)
    differences = marshmallow.fields.List(marshmallow.fields.Nested(DifferenceOut), required=True)


@resource.route("/<id:decision_id>")
@resource.response(200, DecisionOut)
def decision(decision_id: UUID) -> Response:
    """Show a decision: what was asked, by which rules, with what result, and why in plain sentences."""
    found = read_own(lambda work: decisions.decision(work, decision_id), actor().learner_id)
    explanation: dict[str, Any] = json.loads(found.explanation)
    return answered(
        {
            "id": str(found.id),
            "kind": found.kind,
            "learner_id": str(found.learner_id),
            "outcome_id": found.outcome_id and str(found.outcome_id),
            "conversion_id": found.conversion_id and str(found.conversion_id),
            "revision": found.revision,
            "ruleset": found.ruleset,
            "version": found.version,
            "decided_at": instant_text(found.decided_at),
            "inputs": json.loads(found.inputs),
            "result": json.loads(found.result),
            "explanation": explanation,
            "sentences": decisions.told(found),
        }
    )


@resource.route("/<id:decision_id>/replay", methods=["POST"])
@resource.response(200, ReplayOut)
def replay(decision_id: UUID) -> Response:
    """Take a decision again from its stored inputs by the same versions of the rules; nothing is written."""
    found = looked_up(lambda work: decisions.replay(work, decision_id))
    differences = list(found.differences)
    return answered({"decision_id": str(found.decision_id), "same": found.is_same, "differences": differences})
