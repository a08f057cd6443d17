"""Guardians over HTTP: who speaks for a child under 14."""

from typing import Any
from uuid import UUID

import marshmallow
from flask import Response

from creditbank.api import fields
from creditbank.api.caller import authenticate, carried_out, looked_up, subject
from creditbank.api.resource import IDEMPOTENCY_KEY, Resource, answered
from creditbank.core.calendar import instant_text
from creditbank.core.identity import Relation
from creditbank.services import guardians
from creditbank.services.bank import Answer, Work

resource = Resource("Guardians", __name__, url_prefix="/v1/learners", description="Who speaks for a child under 14")
resource.before_request(authenticate)


class GuardianNamed(fields.StrictSchema):
    """A guardian, who has an account of their own."""

    id = fields.Id(required=True)


class GuardianIn(fields.StrictSchema):
    """Who is to speak for a child."""

    guardian = fields.Part(GuardianNamed, required=True)
    relation = fields.Choice(Relation, required=True)
    evidence = fields.Text(
        500, required=True, metadata={"description": "The document that you saw; kept sealed, shown to nobody"}
    )


class GuardianOut(marshmallow.Schema):
    """Somebody who speaks for a child, or spoke for it."""

    id = marshmallow.fields.UUID(required=True)
    learner_id = marshmallow.fields.UUID(required=True)
    guardian_id = marshmallow.fields.UUID(required=True)
    relation = marshmallow.fields.Enum(Relation, by_value=True, required=True)
    since = marshmallow.fields.DateTime(required=True)
    ended_at = marshmallow.fields.DateTime(required=True, allow_none=True)


class GuardianList(marshmallow.Schema):
    """Everybody who speaks or spoke for a learner, the oldest first."""

    items = marshmallow.fields.List(marshmallow.fields.Nested(GuardianOut), required=True)
    next_cursor = marshmallow.fields.String(required=True, allow_none=True)


@resource.route("/<learner:learner_id>/guardians", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.arguments(GuardianIn())
@resource.response(201, GuardianOut, description="Recorded now")
@resource.alt_response(200, schema=GuardianOut, description="Recorded already")
def name_guardian(said: dict[str, Any], learner_id: UUID | None) -> Response:
    """Record who speaks for a child under 14; you have to know both. Needs `learners:write`."""
    naming = guardians.Naming(said["guardian"]["id"], said["relation"], said["evidence"])

    def action(work: Work) -> Answer:
        found, is_new = guardians.name(work, subject(learner_id), naming)
        return Answer(_document(found), is_new, subject=str(found.id))

    return carried_out("guardian.name", action)


@resource.route("/<learner:learner_id>/guardians")
@resource.response(200, GuardianList)
def list_guardians(learner_id: UUID | None) -> Response:
    """List who speaks or spoke for a learner. Needs `learners:write`, or to be the learner or a guardian."""
    found = looked_up(lambda work: guardians.guardians_of(work, subject(learner_id)))
    return answered({"items": [_document(one) for one in found], "next_cursor": None})


@resource.route("/<learner:learner_id>/guardians/<id:guardianship_id>", methods=["DELETE"])
@resource.response(200, GuardianOut)
def end_guardian(learner_id: UUID | None, guardianship_id: UUID) -> Response:
    """Let somebody speak for a child no longer. Asked again it is answered as it stands. Needs `learners:write`."""

    def action(work: Work) -> Answer:
        found = guardians.end(work, subject(learner_id), guardianship_id)
        return Answer(_document(found), is_new=False, subject=str(found.id))

    return carried_out("guardian.end", action)


def _document(value: guardians.Guardianship) -> dict[str, Any]:
    """Return a guardianship as it stands on the wire."""
    return {
        "id": str(value.id),
        "learner_id": str(value.learner_id),
        "guardian_id": str(value.guardian_id),
        "relation": value.relation.value,
        "since": instant_text(value.since),
        "ended_at": value.ended_at and instant_text(value.ended_at),
    }
