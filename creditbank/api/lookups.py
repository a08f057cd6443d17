"""The lookup over HTTP: whether a person is a learner of the bank's."""

from typing import Any

import marshmallow
from flask import Response, current_app

from creditbank.api import fields
from creditbank.api.caller import authenticate, carried_out
from creditbank.api.learners import IdentifierIn
from creditbank.api.resource import Resource
from creditbank.services import lookups
from creditbank.services.bank import Answer, Work

resource = Resource("Lookup", __name__, url_prefix="/v1/learners", description="Whether somebody is a learner here")
resource.before_request(authenticate)


class LookupIn(fields.StrictSchema):
    """Who is asked about."""

    identifier = fields.Part(IdentifierIn, required=True)
    name = fields.Text(120, required=True)


class LookupOut(marshmallow.Schema):
    """Whether they are a learner, as far as the asking institution may know."""

    is_learner = marshmallow.fields.Boolean(required=True)
    learner_id = marshmallow.fields.UUID(required=True, allow_none=True)


@resource.route("/lookup", methods=["POST"])
@resource.arguments(LookupIn())
@resource.response(200, LookupOut)
def lookup(said: dict[str, Any]) -> Response:
    """Tell whether somebody is a learner here: yes only with their consent, or to who recorded an outcome of theirs.

    Unknown people, and those of whom you may know nothing, are answered alike. Needs `learners:lookup`.
    """
    asked = lookups.Asked(said["identifier"]["type"], said["identifier"]["value"], said["name"])
    budget: int = current_app.config["LOOKUPS_A_DAY"]

    def action(work: Work) -> Answer:
        found = lookups.looked_up(work, asked, budget)
        body = {"is_learner": found is not None, "learner_id": found and str(found)}
        return Answer(body, is_new=False, subject="lookup")

    return carried_out("learner.lookup", action, with_key=False)
