"""Presentations over HTTP: what a learner chooses to show of credits or outcomes, for those who have no wallet."""

from typing import Any
from uuid import UUID

import marshmallow
from flask import Response

from creditbank.api import fields
from creditbank.api.caller import authenticate, carried_out, subject
from creditbank.api.credential_forms import base_url
from creditbank.api.resource import IDEMPOTENCY_KEY, Resource
from creditbank.core.credential import ANY_LEVEL, LEVEL_MAX
from creditbank.core.errors import Fault
from creditbank.formats.credential_record import BUNDLED_MAX
from creditbank.services import credential_presentations
from creditbank.services.bank import Answer, Work
from creditbank.services.credential_presentations import Asked, Choice

SCHEME_LENGTH_MAX = 64

resource = Resource(
    "CredentialPresentations", __name__, url_prefix="/v1/learners", description="What a learner chooses to show"
)
resource.before_request(authenticate)


class AtLeastIn(fields.StrictSchema):
    """How many credits are shown to be there; of the true amount nothing is told."""

    scheme = fields.Text(SCHEME_LENGTH_MAX, required=True)
    credits = fields.Amount(required=True)
    level = fields.Whole(
        1,
        LEVEL_MAX,
        metadata={"description": "At this level or higher; at any, and without one, if left out"},
    )

    @marshmallow.validates_schema
    def _check(self, data: dict[str, Any], **_kwargs: Any) -> None:  # noqa: ANN401
        if data["credits"] == 0:
            raise marshmallow.ValidationError({"credits": [fields.NOT_POSITIVE]})

    def built(self, data: dict[str, Any]) -> Asked:
        """Return what is to be said."""
        return Asked(data["scheme"], data.get("level", ANY_LEVEL), data["credits"])


class PresentationIn(fields.StrictSchema):
    """What is to be shown: either `at_least` or `outcomes`, and of the learner only what is asked for."""

    at_least = fields.Part(AtLeastIn())
    outcomes = fields.Items(fields.Id(), BUNDLED_MAX)
    with_name = fields.Flag(load_default=False)
    with_birth_date = fields.Flag(load_default=False)

    @marshmallow.validates_schema
    def _check(self, data: dict[str, Any], **_kwargs: Any) -> None:  # noqa: ANN401
        if ("at_least" in data) == ("outcomes" in data):
            zh, en = "请给出 at_least 或 outcomes 之一。", "Name either at_least or outcomes."
            raise marshmallow.ValidationError([Fault("", "wrong_choice", zh, en)])

    def built(self, data: dict[str, Any]) -> Choice:
        """Return what is chosen."""
        outcomes = tuple(dict.fromkeys(data.get("outcomes", ())))
        return Choice(data.get("at_least"), outcomes, data["with_name"], data["with_birth_date"])


class PresentationOut(marshmallow.Schema):
    """A presentation to be handed on; `shown` is all that whoever has it learns, beside who issued it and when."""

    presentation = marshmallow.fields.String(required=True)
    shown = marshmallow.fields.Dict(required=True)
    valid_until = marshmallow.fields.Date(required=True)
    credential_ids = marshmallow.fields.List(
        marshmallow.fields.UUID(), required=True, metadata={"description": "Revoke one, and it counts no more"}
    )


@resource.route("/<learner:learner_id>/credentials/presentations", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.arguments(PresentationIn())
@resource.response(201, PresentationOut)
@resource.alt_response(404, "NOT_FOUND")
@resource.alt_response(409, "CONFLICT")
def make_presentation(choice: Choice, learner_id: UUID | None) -> Response:
    """Show that there are so many credits at a level or higher, or single outcomes, as an SD-JWT; for the learner.

    Whoever gets it learns that and nothing else: `POST /v1/credentials/verify` and any software for SD-JWT VC check it.
    """

    def action(work: Work) -> Answer:
        made = credential_presentations.present(work, subject(learner_id), choice, base_url())
        named = [str(one) for one in made.credential_ids]
        body = {
            "presentation": made.text,
            "shown": made.shown,
            "valid_until": made.valid_until.isoformat(),
            "credential_ids": named,
        }
        return Answer(body, is_new=True, subject=named[0])

    return carried_out("credential.present", action)
