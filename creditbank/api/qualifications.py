"""Qualifications over HTTP: what a learner has of one, what is missing, and awards."""

from typing import Any
from uuid import UUID

import marshmallow
from flask import Response

from creditbank.api import fields
from creditbank.api.caller import authenticate, carried_out, subject
from creditbank.api.positions import read_own
from creditbank.api.resource import IDEMPOTENCY_KEY, Resource, answered
from creditbank.core.qualification.progress import Reached
from creditbank.core.qualification.wording import missing
from creditbank.core.veil import OPEN, Veil
from creditbank.services import qualifications
from creditbank.services.bank import Answer, Work
from creditbank.services.entitlement import veil_of
from creditbank.services.qualifications import Given, Standing

resource = Resource("Qualifications", __name__, url_prefix="/v1", description="What learning adds up to")
resource.before_request(authenticate)

STATES = ["in_force", "in_review", "revoked", "superseded"]


class BilingualOut(marshmallow.Schema):
    """A title in both languages."""

    zh = marshmallow.fields.String(required=True)
    en = marshmallow.fields.String(required=True)


class MissingOut(marshmallow.Schema):
    """A sentence about something that is missing; several parts are alternatives."""

    parts = marshmallow.fields.List(marshmallow.fields.String(), required=True)
    zh = marshmallow.fields.String(required=True)
    en = marshmallow.fields.String(required=True)


class AwardOut(marshmallow.Schema):
    """An award as it stands; `institution` awarded it, null where the rules did."""

    id = marshmallow.fields.UUID(required=True)
    learner_id = marshmallow.fields.UUID(required=True)
    qualification = marshmallow.fields.String(required=True)
    version = marshmallow.fields.Integer(required=True)
    level = marshmallow.fields.String(required=True)
    title = marshmallow.fields.Nested(BilingualOut, required=True)
    state = marshmallow.fields.String(required=True, metadata={"enum": STATES})
    institution = marshmallow.fields.String(required=True, allow_none=True)
    awarded_on = marshmallow.fields.Date(required=True)
    valid_until = marshmallow.fields.Date(required=True, allow_none=True)
    decision_id = marshmallow.fields.UUID(required=True)


class LevelOut(marshmallow.Schema):
    """A level: whether it is reached today, the award where one counts, and exactly what is missing."""

    level = marshmallow.fields.String(required=True)
    title = marshmallow.fields.Nested(BilingualOut, required=True)
    met = marshmallow.fields.Boolean(required=True)
    award = marshmallow.fields.Nested(AwardOut, required=True, allow_none=True)
    missing = marshmallow.fields.List(marshmallow.fields.Nested(MissingOut), required=True)
    parts = marshmallow.fields.Dict(
        required=True,
        metadata={
            "description": "What is asked for and found, as a tree: `of` are parts, of which `needs` are needed. "
            "Which outcomes count (`sources`, `near`) is told to the learner, to auditors and on consent"
        },
    )


class ProgressOut(marshmallow.Schema):
    """What a learner has of a qualification today, by the version in force."""

    learner_id = marshmallow.fields.UUID(required=True)
    qualification = marshmallow.fields.String(required=True)
    version = marshmallow.fields.Integer(required=True)
    title = marshmallow.fields.Nested(BilingualOut, required=True)
    on = marshmallow.fields.Date(required=True)
    levels = marshmallow.fields.List(marshmallow.fields.Nested(LevelOut), required=True)


class AwardIn(fields.StrictSchema):
    """To whom a level is awarded."""

    learner_id = fields.Id(allow_none=True, load_default=None, metadata={"description": "Left out: who asks"})
    level = fields.Text(64, required=True)


@resource.route("/learners/<learner:learner_id>/qualifications/<code:code>")
@resource.response(200, ProgressOut)
def progress(learner_id: UUID | None, code: str) -> Response:
    """Show what a learner has of a qualification, and exactly what is missing to each level, in plain sentences.

    Needs `outcomes:read` or `credentials:issue`.
    """

    def asked(work: Work) -> tuple[Standing, Veil]:
        return qualifications.standing(work, subject(learner_id), code), veil_of(work)

    found, veil = read_own(asked, learner_id)
    ruleset = found.progress.ruleset
    return answered(
        {
            "learner_id": veil.learner(found.learner_id),
            "qualification": ruleset.code,
            "version": ruleset.version,
            "title": {"zh": ruleset.title.zh, "en": ruleset.title.en},
            "on": found.progress.record.on.isoformat(),
            "levels": [_level_document(found, one, veil) for one in found.progress.levels],
        }
    )


@resource.route("/qualifications/<code:code>/awards", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.arguments(AwardIn())
@resource.response(201, AwardOut, description="Awarded now")
@resource.alt_response(200, schema=AwardOut, description="It was awarded before, and is answered as it stands")
@resource.alt_response(404, "NOT_FOUND")
@resource.alt_response(409, "CONFLICT")
def award(asked: dict[str, Any], code: str) -> Response:
    """Award a level to a learner who has all that it asks for; where parts are missing each of them is told.

    By an institution that the definition names, which needs `credentials:issue`; where awards are automatic by the
    learner as well.
    """

    def action(work: Work) -> Answer:
        given, is_new = qualifications.award(work, code, asked["learner_id"] or subject(None), asked["level"])
        return Answer(award_document(given, OPEN), is_new, subject=str(given.award.id))

    return carried_out("qualification.award", action)


def award_document(given: Given, veil: Veil) -> dict[str, Any]:
    """Return an award as it stands on the wire."""
    one = given.award
    return {
        "id": veil.id(one.id),
        "learner_id": veil.learner(one.learner_id),
        "qualification": one.code,
        "version": one.version,
        "level": one.level,
        "title": given.title,
        "state": one.state,
        "institution": given.institution,
        "awarded_on": one.awarded_on.isoformat(),
        "valid_until": one.valid_until and one.valid_until.isoformat(),
        "decision_id": veil.id(one.decision_id),
    }


def _level_document(found: Standing, one: Reached, veil: Veil) -> dict[str, Any]:
    title, given = one.level.title, found.given.get(one.level.id)
    tree = _tree(one.tree, veil, shows_outcomes=found.shows_outcomes)
    return {
        "level": one.level.id,
        "title": {"zh": title.zh, "en": title.en},
        "met": one.is_met,
        "award": None if given is None else award_document(given, veil),
        "missing": missing(tree),
        "parts": tree,
    }


def _tree(node: Any, veil: Veil, *, shows_outcomes: bool) -> dict[str, Any]:  # noqa: ANN401 - JSON values
    """Return a tree as it is shown: outcomes by the names that the reader knows, or not at all."""
    if "of" in node:
        return {**node, "of": [_tree(inner, veil, shows_outcomes=shows_outcomes) for inner in node["of"]]}
    shown = {**node, "sources": [veil.id(UUID(one)) for one in node["sources"]] if shows_outcomes else []}
    if "near" in node:
        near = [{**one, "outcome": veil.id(UUID(one["outcome"]))} for one in node["near"]]
        shown["near"] = near if shows_outcomes else []
    return shown
