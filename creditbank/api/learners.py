"""Learning accounts over HTTP."""

from typing import Any
from uuid import UUID

import marshmallow
from flask import Response

from creditbank.api import fields
from creditbank.api.caller import authenticate, carried_out, looked_up, subject
from creditbank.api.resource import IDEMPOTENCY_KEY, Resource, answered
from creditbank.core.identity import Assurance, Learner, LearnerStatus
from creditbank.core.veil import OPEN, Veil
from creditbank.formats.id_number import IDENTIFIER_TYPES
from creditbank.services import learners
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


class LearnerIn(fields.StrictSchema):
    """A person for whom an account is asked."""

    name = fields.Text(120, required=True, metadata={"description": "As in the document; comes back byte for byte"})
    birth_date = fields.Day(allow_none=True, load_default=None)
    identifiers = fields.Items(fields.Part(IdentifierIn), IDENTIFIERS_MAX, required=True)


class IdentifierOut(marshmallow.Schema):
    """An identifier, masked."""

    type = marshmallow.fields.String(required=True)
    masked = marshmallow.fields.String(required=True)
    assurance = marshmallow.fields.Enum(Assurance, by_value=True, required=True)


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
    declared = [learners.Declared(item["type"], item["value"]) for item in application["identifiers"]]

    def action(work: Work) -> Answer:
        learner, is_new = learners.open_account(work, application["name"], application["birth_date"], declared)
        return Answer(_document(learner), is_new, subject=str(learner.id))

    return carried_out("learner.open", action)


@resource.route("/<learner:learner_id>")
@resource.response(200, LearnerOut)
def account(learner_id: UUID | None) -> Response:
    """Show a learner's account to the learner, and to institutions that know them."""

    def asked(work: Work) -> tuple[Learner, Veil]:
        return learners.account(work, subject(learner_id)), veil_of(work)

    return answered(_document(*looked_up(asked)))


def _document(learner: Learner, veil: Veil = OPEN) -> dict[str, Any]:
    """Return an account as it stands on the wire."""
    return {
        "id": veil.learner(learner.id),
        "account_no": veil.account_no(learner.account_no),
        "status": learner.status.value,
        "name": learner.name,
        "birth_date": learner.birth_date and learner.birth_date.isoformat(),
        "identifiers": [
            {"type": item.type, "masked": item.masked, "assurance": item.assurance.value}
            for item in learner.identifiers
        ],
        "merged": [str(one) for one in learner.merged],
        "restricted": learner.is_restricted,
    }
