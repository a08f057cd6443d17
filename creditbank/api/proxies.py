"""Counters over HTTP: a staff member gets a token with which they act for a learner who has no device of their own."""

from typing import Any

import marshmallow
from flask import Response, current_app

from creditbank.api import fields
from creditbank.api.caller import authenticate, bank, errand
from creditbank.api.learners import IdentifierIn
from creditbank.api.logins import token_document
from creditbank.api.resource import Resource, answered
from creditbank.core.permission import LEARNER_SCOPES
from creditbank.services import access, proxies

resource = Resource("Counters", __name__, url_prefix="/v1/proxy-sessions", description="Acting for a learner")
resource.before_request(authenticate)


class ApplicantIn(fields.StrictSchema):
    """The learner before the counter, as their document says."""

    identifier = fields.Part(IdentifierIn, required=True)
    name = fields.Text(120, required=True)


class ProxyIn(fields.StrictSchema):
    """For whom somebody wants to act, and why."""

    learner = fields.Part(ApplicantIn, required=True)
    reason = fields.Text(500, required=True)


class ProxyOut(marshmallow.Schema):
    """A token with which a staff member acts for a learner."""

    id = marshmallow.fields.UUID(required=True)
    learner_id = marshmallow.fields.UUID(required=True)
    access_token = marshmallow.fields.String(required=True)
    token_type = marshmallow.fields.String(required=True)
    expires_in = marshmallow.fields.Integer(required=True)
    scope = marshmallow.fields.String(required=True)


@resource.route("", methods=["POST"])
@resource.arguments(ProxyIn())
@resource.response(201, ProxyOut)
@resource.alt_response(404, "NOT_FOUND")
def open_session(said: dict[str, Any]) -> Response:
    """Act for a learner who stands before the counter, for ten minutes, as the learner could themselves.

    Whatever is done with the token bears your name. Needs `learners:act`, which only staff have.
    """
    shown = said["learner"]
    applicant = proxies.Applicant(shown["identifier"]["type"], shown["identifier"]["value"], shown["name"])
    session = proxies.open_session(bank(), errand("proxy.open", with_key=False), applicant, said["reason"])
    token = access.proxy_token(bank(), current_app.config["ISSUER"], session.staff_id, session.learner_id)
    holder = {"id": str(session.id), "learner_id": str(session.learner_id)}
    return answered(holder | token_document(token, LEARNER_SCOPES), 201)
