"""Credentials of others over HTTP, recorded as outcomes of an institution."""

from typing import Any
from uuid import UUID

from flask import Response, current_app, request

from creditbank.api.caller import authenticate, carried_out, subject
from creditbank.api.credential_checks import BODY_BYTES_MAX, CredentialGiven
from creditbank.api.credential_forms import base_url, contexts
from creditbank.api.resource import IDEMPOTENCY_KEY, Resource, check_length
from creditbank.api.transcripts import TranscriptTaken, taken_document
from creditbank.services import credential_imports
from creditbank.services.bank import Answer, Work
from creditbank.services.credential_checks import Belief

resource = Resource(
    "CredentialImports", __name__, url_prefix="/v1/learners", description="Credentials of others as outcomes"
)
resource.before_request(authenticate)


@resource.route("/<learner:learner_id>/credentials/imports", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.arguments(CredentialGiven())
@resource.response(200, TranscriptTaken)
def post_import(said: dict[str, Any], learner_id: UUID | None) -> Response:
    """Record a credential of a trusted issuer, or each in a record (CLR), as outcomes of the institution.

    Its signature and its status have to hold; each credential is answered for. Needs `outcomes:write`.
    """
    check_length(request, BODY_BYTES_MAX)
    belief = Belief(current_app.extensions["creditbank.trusted_issuers"], contexts())

    def action(work: Work) -> Answer:
        given = said["credential"], said["status_lists"]
        body = taken_document(credential_imports.take(work, subject(learner_id), given, base_url(), belief))
        return Answer(body, is_new=False, subject=f"{body['summary']['accepted']} outcomes")

    return carried_out("credential.import", action)
