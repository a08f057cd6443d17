"""Credentials over HTTP: issued, fetched as documents or JWTs, ended by their issuers, shown by the learner's links."""

from typing import Any
from uuid import UUID

import marshmallow
from flask import Response

from creditbank.api import fields
from creditbank.api.caller import authenticate, carried_out, looked_up, subject
from creditbank.api.credential_forms import (
    SD_JWT,
    SHOWABLE_FORMS,
    ProofQuery,
    base_url,
    contexts,
    document_answer,
    jwt_answer,
    wants,
    wants_jwt,
)
from creditbank.api.pages import PageQuery
from creditbank.api.resource import IDEMPOTENCY_KEY, Resource, answered, cursor_place, instant_part, page_of
from creditbank.core.calendar import instant_text
from creditbank.core.credential import CredentialKind, Detail, Standing
from creditbank.formats.data_integrity import Cryptosuite
from creditbank.services import credential_presentations, credential_records, credential_shares, credentials
from creditbank.services.bank import Answer, Work
from creditbank.services.credential_shares import Share
from creditbank.services.credentials import Shown

resource = Resource("Credentials", __name__, url_prefix="/v1", description="Signed proofs that anyone can verify")
resource.before_request(authenticate)


class CredentialIn(fields.StrictSchema):
    """What is to be issued."""

    kind = fields.Choice(CredentialKind, required=True)
    subject_id = fields.Id(
        load_default=None,
        metadata={"description": "The outcome, conversion or award; of `balance` left out, it is the learner's own"},
    )
    with_name = fields.Flag(
        load_default=False, metadata={"description": "Whether it tells the learner's name, which only the learner asks"}
    )

    def built(self, data: dict[str, Any]) -> credentials.Wish:
        """Return what is wished for."""
        return credentials.Wish(**data)


class StandingReasonIn(fields.StrictSchema):
    """Why a credential stands otherwise from now on."""

    reason = fields.Text(500, required=True)


class ShareIn(fields.StrictSchema):
    """What a link shows, and until when."""

    details = fields.Items(
        fields.Choice(Detail),
        len(Detail),
        required=True,
        metadata={"description": "`proof` shows the signed credential whole"},
    )
    valid_until = fields.Day(
        load_default=None, metadata={"description": "The last day, inclusive; 7 days ahead if left out, 90 at most"}
    )


class CredentialOut(marshmallow.Schema):
    """A credential as it stands; it is fetched, signed, from its `address`."""

    id = marshmallow.fields.UUID(required=True)
    kind = marshmallow.fields.Enum(CredentialKind, by_value=True, required=True)
    learner_id = marshmallow.fields.UUID(required=True)
    subject_id = marshmallow.fields.UUID(required=True, allow_none=True)
    institution = marshmallow.fields.String(required=True, allow_none=True)
    status = marshmallow.fields.Enum(Standing, by_value=True, required=True)
    status_since = marshmallow.fields.DateTime(required=True)
    issued_at = marshmallow.fields.DateTime(required=True)
    valid_until = marshmallow.fields.Date(required=True, allow_none=True)
    address = marshmallow.fields.String(required=True)


class CredentialPage(marshmallow.Schema):
    """A page of a learner's credentials, newest first."""

    items = marshmallow.fields.List(marshmallow.fields.Nested(CredentialOut), required=True)
    next_cursor = marshmallow.fields.String(required=True, allow_none=True)


class ShareOut(marshmallow.Schema):
    """A link to a credential; `code` and `address` are told once, when it is made."""

    id = marshmallow.fields.UUID(required=True)
    details = marshmallow.fields.List(marshmallow.fields.Enum(Detail, by_value=True), required=True)
    made_at = marshmallow.fields.DateTime(required=True)
    valid_until = marshmallow.fields.Date(required=True)
    withdrawn_at = marshmallow.fields.DateTime(required=True, allow_none=True)
    code = marshmallow.fields.String()
    address = marshmallow.fields.String()


class ShareList(marshmallow.Schema):
    """All links to a credential, newest first."""

    items = marshmallow.fields.List(marshmallow.fields.Nested(ShareOut), required=True)
    next_cursor = marshmallow.fields.String(required=True, allow_none=True)


@resource.route("/credentials", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.arguments(CredentialIn())
@resource.response(201, CredentialOut)
@resource.alt_response(404, "NOT_FOUND")
def issue(wish: credentials.Wish) -> Response:
    """Issue a credential of an outcome, of today's balances, of a conversion or of a qualification that was awarded.

    For the learner; for the institution whose outcome, conversion or award it is with `credentials:issue`.
    """

    def action(work: Work) -> Answer:
        made = credentials.issue(work, wish, base_url())
        return Answer(_document(made), is_new=True, subject=str(made.credential.id))

    return carried_out("credential.issue", action)


@resource.route("/credentials/<id:credential_id>")
@resource.doc(responses=SHOWABLE_FORMS)
@resource.arguments(ProofQuery(), location="query")
def credential(query: dict[str, Any], credential_id: UUID) -> Response:
    """Show a credential, signed now, with a Data Integrity proof, as a JWT or as an SD-JWT, by Accept."""
    if wants(SD_JWT):
        text = looked_up(
            lambda work: credential_presentations.fetched_sd_jwt(work, credential_id, base_url(), query["alg"])
        )
        return jwt_answer(text, media_type=SD_JWT)
    if wants_jwt():
        return jwt_answer(
            looked_up(lambda work: credentials.fetched_jwt(work, credential_id, base_url(), query["alg"]))
        )
    by = contexts() if query["cryptosuite"] is Cryptosuite.RDFC else None
    return document_answer(looked_up(lambda work: credentials.fetched(work, credential_id, base_url(), by)))


@resource.route("/learners/<learner:learner_id>/credentials")
@resource.arguments(PageQuery(), location="query")
@resource.response(200, CredentialPage)
def list_credentials(query: dict[str, Any], learner_id: UUID | None) -> Response:
    """List a learner's credentials, newest first, to those who speak for the learner."""
    rows_max = query["limit"]
    place = cursor_place(query["cursor"], instant_part, UUID)
    after = None if place is None else (place[0], place[1])
    found = looked_up(
        lambda work: credentials.credentials_page(work, subject(learner_id), (after, rows_max + 1), base_url())
    )
    return answered(page_of([_document(one) for one in found], rows_max, lambda item: [item["issued_at"], item["id"]]))


@resource.route("/learners/<learner:learner_id>/credentials/record")
@resource.doc(responses=SHOWABLE_FORMS)
@resource.arguments(ProofQuery(), location="query")
@resource.alt_response(409, "CONFLICT")
def record(query: dict[str, Any], learner_id: UUID | None) -> Response:
    """Show a learner's whole record (CLR 2.0): the credentials of achievements that hold, signed now, in one document.

    To those who may see the learner's credentials; with a Data Integrity proof, as a JWT or as an SD-JWT, by Accept.
    """
    if wants(SD_JWT):
        whose = subject(learner_id)
        text = looked_up(lambda work: credential_presentations.record_sd_jwt(work, whose, base_url(), query["alg"]))
        return jwt_answer(text, media_type=SD_JWT)
    if wants_jwt():
        return jwt_answer(
            looked_up(lambda work: credential_records.record_jwt(work, subject(learner_id), base_url(), query["alg"]))
        )
    by = contexts() if query["cryptosuite"] is Cryptosuite.RDFC else None
    return document_answer(looked_up(lambda work: credential_records.record(work, subject(learner_id), base_url(), by)))


@resource.route("/credentials/<id:credential_id>/revoke", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.arguments(StandingReasonIn())
@resource.response(200, CredentialOut)
def revoke(said: dict[str, Any], credential_id: UUID) -> Response:
    """Revoke a credential for ever, as its issuer: with `credentials:issue`, or the learner's own."""
    return _changed("credential.revoke", credential_id, Standing.REVOKED, said["reason"])


@resource.route("/credentials/<id:credential_id>/suspend", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.arguments(StandingReasonIn())
@resource.response(200, CredentialOut)
def suspend(said: dict[str, Any], credential_id: UUID) -> Response:
    """Suspend a credential for a while, as its issuer: with `credentials:issue`, or the learner's own."""
    return _changed("credential.suspend", credential_id, Standing.SUSPENDED, said["reason"])


@resource.route("/credentials/<id:credential_id>/reinstate", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.arguments(StandingReasonIn())
@resource.response(200, CredentialOut)
def reinstate(said: dict[str, Any], credential_id: UUID) -> Response:
    """Let a suspended credential count again, as its issuer: with `credentials:issue`, or the learner's own."""
    return _changed("credential.reinstate", credential_id, Standing.VALID, said["reason"])


@resource.route("/credentials/<id:credential_id>/shares", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.arguments(ShareIn())
@resource.response(201, ShareOut)
def share(said: dict[str, Any], credential_id: UUID) -> Response:
    """Make a link that shows some details of a credential for a while; for its learner."""

    def action(work: Work) -> Answer:
        made = credential_shares.make(work, credential_id, frozenset(said["details"]), said["valid_until"])
        told = {"code": made.code, "address": f"{base_url()}/verify/{made.code}"}
        return Answer(_share(made.share) | told, is_new=True, subject=str(made.share.id))

    return carried_out("credential.share", action)


@resource.route("/credentials/<id:credential_id>/shares")
@resource.response(200, ShareList)
def list_shares(credential_id: UUID) -> Response:
    """List all links to a credential, newest first, without their codes; for its learner."""
    found = looked_up(lambda work: credential_shares.shares(work, credential_id))
    return answered({"items": [_share(one) for one in found], "next_cursor": None})


@resource.route("/credentials/<id:credential_id>/shares/<id:share_id>", methods=["DELETE"])
@resource.response(200, ShareOut)
def withdraw_share(credential_id: UUID, share_id: UUID) -> Response:
    """Withdraw a link: it shows nothing from now on. Asked again it is answered as it stands; for its learner."""

    def action(work: Work) -> Answer:
        withdrawn = credential_shares.withdraw(work, credential_id, share_id)
        return Answer(_share(withdrawn), is_new=False, subject=str(share_id))

    return carried_out("credential.withdraw_share", action)


def _changed(action_name: str, credential_id: UUID, standing: Standing, reason: str) -> Response:
    def action(work: Work) -> Answer:
        shown = credentials.change(work, credential_id, (standing, reason), base_url())
        return Answer(_document(shown), is_new=False, subject=str(credential_id))

    return carried_out(action_name, action)


def _document(shown: Shown) -> dict[str, Any]:
    """Return a credential as it stands on the wire."""
    value = shown.credential
    return {
        "id": str(value.id),
        "kind": value.kind.value,
        "learner_id": str(value.learner_id),
        "subject_id": value.source.id and str(value.source.id),
        "institution": shown.institution,
        "status": shown.standing.value,
        "status_since": instant_text(value.standing_since),
        "issued_at": instant_text(value.issued_at),
        "valid_until": value.valid_until and value.valid_until.isoformat(),
        "address": shown.address,
    }


def _share(value: Share) -> dict[str, Any]:
    return {
        "id": str(value.id),
        "details": sorted(value.details),
        "made_at": instant_text(value.made_at),
        "valid_until": value.valid_until.isoformat(),
        "withdrawn_at": value.withdrawn_at and instant_text(value.withdrawn_at),
    }
