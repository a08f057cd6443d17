"""Learning accounts over HTTP."""

from datetime import date
from typing import Any
from uuid import UUID

import marshmallow
from flask import Response

from creditbank.api import fields
from creditbank.api.caller import authenticate, carried_out, looked_up, subject
from creditbank.api.resource import IDEMPOTENCY_KEY, Resource, answered
from creditbank.core.identity import Assurance, Identifier, Learner, LearnerStatus, Validity
from creditbank.core.veil import OPEN, Veil
from creditbank.formats.id_number import IDENTIFIER_TYPES
from creditbank.services import identifiers, learners
from creditbank.services.bank import Answer, Work
from creditbank.services.entitlement import veil_of

IDENTIFIERS_MAX = 10
"""More documents than one person can show at a counter."""

resource = Resource("Learners", __name__, url_prefix="/v1/learners", description="Learning accounts")
resource.before_request(authenticate)


class IdentifierIn(fields.StrictSchema):
    """An identifier from the document that the learner showed."""

    type = fields.Text(
        40, required=True, metadata={"description": f"One of {', '.join(IDENTIFIER_TYPES)}; `cn.` may be left out"}
    )
    value = fields.Text(64, required=True)
    issuer = fields.Text(
        3,
        pattern="[A-Z]{3}",
        hint="ISO 3166, 3 letters: CHN",
        allow_none=True,
        load_default=None,
        metadata={"description": "The country of a passport, by its three letters of ISO 3166; of nothing else"},
    )
    valid_until = fields.Day(
        allow_none=True, load_default=None, metadata={"description": "The last day of the document"}
    )


class AddedIdentifierIn(IdentifierIn):
    """An identifier for a learner who has an account."""

    name = fields.Text(
        120,
        allow_none=True,
        load_default=None,
        metadata={"description": "Guards against a wrong id: it has to be the learner's name"},
    )


class LearnerIn(fields.StrictSchema):
    """A person for whom an account is asked."""

    name = fields.Text(120, required=True, metadata={"description": "As in the document; comes back byte for byte"})
    birth_date = fields.Day(allow_none=True, load_default=None)
    identifiers = fields.Items(fields.Part(IdentifierIn), IDENTIFIERS_MAX, required=True)


class IdentifierOut(marshmallow.Schema):
    """An identifier, masked; its document valid or expired today."""

    id = marshmallow.fields.UUID(required=True)
    type = marshmallow.fields.String(required=True)
    masked = marshmallow.fields.String(required=True)
    issuer = marshmallow.fields.String(required=True, allow_none=True)
    assurance = marshmallow.fields.Enum(Assurance, by_value=True, required=True)
    status = marshmallow.fields.Enum(Validity, by_value=True, required=True)
    valid_until = marshmallow.fields.Date(required=True, allow_none=True)


class LearnerOut(marshmallow.Schema):
    """A learning account."""

    id = marshmallow.fields.UUID(required=True)
    account_no = marshmallow.fields.String(required=True)
    status = marshmallow.fields.Enum(LearnerStatus, by_value=True, required=True)
    name = marshmallow.fields.String(required=True)
    birth_date = marshmallow.fields.Date(required=True, allow_none=True)
    identifiers = marshmallow.fields.List(marshmallow.fields.Nested(IdentifierOut), required=True)
    merged = marshmallow.fields.List(
        marshmallow.fields.UUID(), required=True, metadata={"description": "Ids that lead here, of merged accounts"}
    )
    restricted = marshmallow.fields.Boolean(
        required=True, metadata={"description": "Whether the learner had the use of their data restricted to storage"}
    )


@resource.route("", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.arguments(LearnerIn())
@resource.response(201, LearnerOut, description="The account was opened now")
@resource.alt_response(200, schema=LearnerOut, description="The same person has this account already")
def open_account(application: dict[str, Any]) -> Response:
    """Open a person's account.

    Whoever sends the same identifier with the same name is given the same account. Needs `learners:write`.
    """
    declared = [learners.Declared(**item) for item in application["identifiers"]]

    def action(work: Work) -> Answer:
        learner, is_new = learners.open_account(work, application["name"], application["birth_date"], declared)
        return Answer(_document(learner, work.today), is_new, subject=str(learner.id))

    return carried_out("learner.open", action)


@resource.route("/<learner:learner_id>")
@resource.response(200, LearnerOut)
def account(learner_id: UUID | None) -> Response:
    """Show a learner's account to the learner, and to institutions that know them."""

    def query(work: Work) -> dict[str, Any]:
        learner = learners.account(work, subject(learner_id))
        return _document(learner, work.today, veil_of(work))

    return answered(looked_up(query))


@resource.route("/<learner:learner_id>/identifiers", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.arguments(AddedIdentifierIn())
@resource.response(201, LearnerOut, description="The identifier was added now")
@resource.alt_response(200, schema=LearnerOut, description="The learner has this identifier already")
def add_identifier(added: dict[str, Any], learner_id: UUID | None) -> Response:
    """Add an identifier to a learner whom you know. Needs `learners:write`."""
    name = added.pop("name")

    def action(work: Work) -> Answer:
        learner, is_new = identifiers.add(work, subject(learner_id), name, identifiers.Declared(**added))
        return Answer(_document(learner, work.today), is_new, subject=str(learner.id))

    return carried_out("identifier.add", action)


@resource.route("/<learner:learner_id>/identifiers/<id:identifier_id>/end", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.response(200, LearnerOut)
def end_identifier(learner_id: UUID | None, identifier_id: UUID) -> Response:
    """End an identifier that you claimed: it leads to the learner no more. Needs `learners:write`."""

    def action(work: Work) -> Answer:
        learner = identifiers.end(work, subject(learner_id), identifier_id)
        return Answer(_document(learner, work.today), is_new=False, subject=str(identifier_id))

    return carried_out("identifier.end", action)


def _document(learner: Learner, on: date, veil: Veil = OPEN) -> dict[str, Any]:
    """Return an account as it stands on the wire."""
    return {
        "id": veil.learner(learner.id),
        "account_no": veil.account_no(learner.account_no),
        "status": learner.status.value,
        "name": learner.name,
        "birth_date": learner.birth_date and learner.birth_date.isoformat(),
        "identifiers": [identifier_document(one, on, veil) for one in learner.identifiers],
        "merged": [str(one) for one in learner.merged] if veil.is_open else [],
        "restricted": learner.is_restricted,
    }


def identifier_document(one: Identifier, on: date, veil: Veil = OPEN) -> dict[str, Any]:
    """Return an identifier as it stands on the wire; `on` is today."""
    return {
        "id": veil.id(one.id),
        "type": one.type,
        "issuer": one.issuer or None,
        "masked": one.masked,
        "assurance": one.assurance.value,
        "status": one.validity(on).value,
        "valid_until": one.valid_until and one.valid_until.isoformat(),
    }
