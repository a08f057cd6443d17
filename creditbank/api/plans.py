"""The planner over HTTP."""

from typing import Any
from uuid import UUID

import marshmallow
from flask import Response

from creditbank.api import fields
from creditbank.api.applications import TargetOut
from creditbank.api.caller import authenticate, looked_up, subject
from creditbank.api.decisions import SentenceOut
from creditbank.api.resource import (
    Resource,
    answered,
)
from creditbank.core.errors import Malformed
from creditbank.core.outcome import Facts
from creditbank.core.rules import facts_from
from creditbank.services import plans
from creditbank.services.plans import RankBy

resource = Resource("Planner", __name__, url_prefix="/v1", description="What could be had with what is there")
resource.before_request(authenticate)


ALSO_MAX = 50
"""Outcomes imagined in one plan."""


class PlanTargetIn(fields.StrictSchema):
    """A programme to plan for."""

    institution = fields.Text(64, required=True)
    programme = fields.Text(64, required=True)


class PlanIn(fields.StrictSchema):
    """What is planned: toward which targets (all, if none are named), with which further outcomes, ranked how."""

    targets = fields.Items(fields.Part(PlanTargetIn), plans.TARGETS_MAX, allow_none=True, load_default=None)
    also = fields.Items(fields.AnyJson(), ALSO_MAX, count_min=0, load_default=list, metadata={"description": "Facts"})
    rank_by = fields.Choice(RankBy, load_default=RankBy.CREDITS)


class PlainTargetOut(marshmallow.Schema):
    """A programme by its codes."""

    institution = marshmallow.fields.String(required=True)
    programme = marshmallow.fields.String(required=True)


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
    without_rules = marshmallow.fields.List(
        marshmallow.fields.Nested(PlainTargetOut),
        required=True,
        metadata={"description": "Targets for which no rules are in force"},
    )
    is_complete = marshmallow.fields.Boolean(required=True)


@resource.route("/learners/<learner:learner_id>/plan", methods=["POST"])
@resource.arguments(PlanIn())
@resource.response(200, PlanOut)
@resource.alt_response(409, "CONFLICT")
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
    without = [{"institution": one.institution, "programme": one.code} for one in found.without_rules]
    return answered({"options": options, "without_rules": without, "is_complete": found.is_complete})


def _facts(number: int, document: object) -> Facts:
    try:
        return facts_from(document)
    except Malformed as malformed:
        raise Malformed(tuple(fault.under(f"/also/{number}") for fault in malformed.faults)) from malformed
