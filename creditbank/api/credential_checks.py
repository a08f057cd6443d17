"""What anybody needs to check a credential: keys, status lists, our terms, opened links, and a verifier."""

from http import HTTPStatus
from typing import Any

import marshmallow
from flask import Response, current_app, request

from creditbank.api import fields
from creditbank.api.caller import asked_by_anybody
from creditbank.api.credential_forms import (
    JSON,
    LIST_FORMS,
    TOKEN_LIST,
    FormQuery,
    base_url,
    contexts,
    document_answer,
    jwt_answer,
    wants,
    wants_jwt,
)
from creditbank.api.problems import fault_document
from creditbank.api.resource import ProblemError, Resource, answered, check_length
from creditbank.core.calendar import instant_text
from creditbank.core.credential import CredentialKind, Detail, Standing
from creditbank.core.errors import Fault, Unknown
from creditbank.formats.check_page import check_page, page_policy, unknown_page
from creditbank.formats.credential_context import PATH, context_document
from creditbank.formats.did_web import did_of
from creditbank.formats.status_list import SECONDS_OLD_MAX
from creditbank.services import credential_checks, credential_shares, issuing_keys, status_lists
from creditbank.services.credential_checks import LISTS_MAX, Belief, Unsaid

HTML = "text/html"

BODY_BYTES_MAX = 512 * 1024
"""A credential and its lists: of a list of the usual length there are 16 KB, and far less if little is set."""

JWT_LENGTH_MAX = 256 * 1024

resource = Resource("Verification", __name__, description="Keys, status lists and links, and a verifier for everybody")

_HOW_ZH = (
    "不经本行也可核验：取完整凭证，用 did.json 中的公钥验证签名（VC-JWT，或 eddsa-jcs-2022 数据完整性证明），"
    "再从 credentialStatus 所指的状态列表读取该位置。任何支持 W3C VC 2.0 的软件都可以做到。"
)
_HOW_EN = (
    "To check without the bank: take the whole credential, check its signature (VC-JWT, or a Data Integrity proof of "
    "eddsa-jcs-2022) by the keys in did.json, and read its index in the status lists that credentialStatus names. Any "
    "software for W3C Verifiable Credentials 2.0 can do it."
)


class GivenField(fields.AnyJson):
    """A credential: a JWT or an SD-JWT as a string, or a document with proofs as an object."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:  # noqa: ANN401, ARG002
        if isinstance(value, dict) or (isinstance(value, str) and len(value) <= JWT_LENGTH_MAX):
            return value
        zh, en = "应为 JWT 字符串或 JSON 对象。", "A JWT as a string, or a JSON object, belongs here."
        raise marshmallow.ValidationError([Fault("", "wrong_type", zh, en)])


class CredentialGiven(fields.StrictSchema):
    """A credential to be checked; status lists of another issuer than the bank have to come along."""

    credential = GivenField(required=True, metadata={"type": ["object", "string"]})
    status_lists = fields.Items(
        GivenField(metadata={"type": ["object", "string"]}), LISTS_MAX, count_min=0, load_default=[]
    )


class CredentialVerdict(marshmallow.Schema):
    """A verdict: `verified` says that it is whole, by a trusted issuer and of now; `status` how it stands.

    `accepted` is both: it can be relied on.
    """

    accepted = marshmallow.fields.Boolean(required=True)
    verified = marshmallow.fields.Boolean(required=True)
    status = marshmallow.fields.String(required=True, metadata={"enum": [*Standing, *Unsaid]})
    issuer = marshmallow.fields.String(required=True, allow_none=True)
    issuer_name = marshmallow.fields.String(required=True, allow_none=True)
    proof = marshmallow.fields.String(required=True)
    reasons = marshmallow.fields.List(marshmallow.fields.Nested(ProblemError), required=True)
    shown = marshmallow.fields.Dict(
        required=True,
        allow_none=True,
        metadata={"description": "What its holder chose to show, of an SD-JWT that is verified; else null"},
    )


class CredentialValidity(marshmallow.Schema):
    """From when until when something holds, `until` inclusive."""

    since = marshmallow.fields.String(required=True, data_key="from")
    until = marshmallow.fields.String(required=True, allow_none=True)


class CheckingHow(marshmallow.Schema):
    """How to check a credential without the bank."""

    zh = marshmallow.fields.String(required=True)
    en = marshmallow.fields.String(required=True)
    issuer = marshmallow.fields.String(required=True)
    keys = marshmallow.fields.String(required=True)
    status_lists = marshmallow.fields.List(marshmallow.fields.String(), required=True)


class OpenedShare(marshmallow.Schema):
    """What a link shows: what the learner chose of it, and how it stands now."""

    kind = marshmallow.fields.Enum(CredentialKind, by_value=True, required=True)
    status = marshmallow.fields.Enum(Standing, by_value=True, required=True)
    status_since = marshmallow.fields.DateTime(required=True)
    checked_at = marshmallow.fields.DateTime(required=True)
    issuer = marshmallow.fields.Dict(required=True)
    validity = marshmallow.fields.Nested(CredentialValidity, required=True)
    details = marshmallow.fields.List(marshmallow.fields.Enum(Detail, by_value=True), required=True)
    shown = marshmallow.fields.Dict(required=True)
    credential = marshmallow.fields.Dict(allow_none=True, required=True)
    link_valid_until = marshmallow.fields.Date(
        required=True, allow_none=True, metadata={"description": "Null for the address on a paper"}
    )
    how_to_check = marshmallow.fields.Nested(CheckingHow, required=True)


class DidDocument(marshmallow.Schema):
    """The DID document of the bank."""

    context = marshmallow.fields.List(marshmallow.fields.String(), required=True, data_key="@context")
    id = marshmallow.fields.String(required=True)
    verification_method = marshmallow.fields.List(
        marshmallow.fields.Dict(), required=True, data_key="verificationMethod"
    )
    assertion_method = marshmallow.fields.List(marshmallow.fields.String(), required=True, data_key="assertionMethod")


class ContextDocument(marshmallow.Schema):
    """A JSON-LD context, with what each term means."""

    context = marshmallow.fields.Dict(required=True, data_key="@context")
    meanings = marshmallow.fields.Dict(required=True)


SHOWN = {
    "200": {
        "description": "As JSON, or as a page in a browser",
        "content": {JSON: {"schema": OpenedShare}, HTML: {"schema": {"type": "string"}}},
    }
}
"""How an opened link is documented."""


@resource.route("/.well-known/did.json")
@resource.doc(security=[])
@resource.response(200, DidDocument)
def did() -> Response:
    """Show the bank as the issuer of credentials (did:web): all keys whose signatures count, also older ones."""
    told = asked_by_anybody(lambda work: issuing_keys.document(work, base_url()))
    return answered(told, headers={"Cache-Control": "public, max-age=300"})


@resource.route(PATH)
@resource.doc(security=[])
@resource.response(200, ContextDocument)
def context() -> Response:
    """Show the JSON-LD context of our own terms in credentials, and what each means."""
    return answered(context_document(base_url()), headers={"Cache-Control": "public, max-age=86400"})


@resource.route("/v1/status-lists/<int:list_number>")
@resource.doc(security=[], responses=LIST_FORMS)
@resource.arguments(FormQuery(), location="query")
def status_list(query: dict[str, Any], list_number: int) -> Response:
    """Show a Bitstring Status List, signed now: odd numbers tell who is revoked, even ones who is suspended.

    As a Token Status List, by Accept, it tells both.
    """
    headers = {"Cache-Control": f"public, max-age={SECONDS_OLD_MAX}"}
    if wants(TOKEN_LIST):
        tokens = asked_by_anybody(lambda work: status_lists.token_list_jwt(work, list_number, base_url(), query["alg"]))
        return jwt_answer(tokens, headers, TOKEN_LIST)
    if wants_jwt():
        token = asked_by_anybody(lambda work: status_lists.list_jwt(work, list_number, base_url(), query["alg"]))
        return jwt_answer(token, headers)
    return document_answer(
        asked_by_anybody(lambda work: status_lists.proven_list(work, list_number, base_url())), headers
    )


@resource.route("/verify/<share:share_code>")
@resource.doc(security=[], responses=SHOWN)
def opened(share_code: str) -> Response:
    """Open a link of a learner's, or the address on a paper: what it shows, how it stands now, and how to check it.

    In a browser it is a page, to programs a document, by Accept.
    """
    try:
        found = asked_by_anybody(lambda work: (credential_shares.opened(work, share_code, base_url()), work.now))
    except Unknown:
        if _wants_page():
            return _page(unknown_page(), HTTPStatus.NOT_FOUND)
        raise
    if _wants_page():
        return _page(check_page(_opened(*found)), HTTPStatus.OK)
    return answered(_opened(*found), headers={"Cache-Control": "no-store", "Vary": "Accept"})


@resource.route("/v1/credentials/verify", methods=["POST"])
@resource.doc(security=[])
@resource.arguments(CredentialGiven())
@resource.response(200, CredentialVerdict)
def verify_credential(said: dict[str, Any]) -> Response:
    """Check a credential of the bank, or of an issuer that it trusts; each reason against it is told."""
    check_length(request, BODY_BYTES_MAX)
    belief = Belief(current_app.extensions["creditbank.trusted_issuers"], contexts())
    verdict = asked_by_anybody(
        lambda work: credential_checks.check_whole(work, (said["credential"], said["status_lists"]), base_url(), belief)
    )
    return answered(
        {
            "accepted": verdict.is_accepted,
            "verified": not verdict.faults,
            "status": verdict.status.value,
            "issuer": verdict.issuer and verdict.issuer.id,
            "issuer_name": verdict.issuer and verdict.issuer.name,
            "proof": verdict.proof,
            "reasons": [fault_document(fault) for fault in verdict.faults],
            "shown": verdict.shown,
        }
    )


def _wants_page() -> bool:
    """Tell whether a browser asks, which would rather have a page."""
    return request.accept_mimetypes.best_match([JSON, HTML], default=JSON) == HTML


def _page(page: str, status: HTTPStatus) -> Response:
    headers = {
        "Cache-Control": "no-store",
        "Vary": "Accept",
        "Content-Security-Policy": page_policy(),
        "Referrer-Policy": "no-referrer",
    }
    return Response(page, status, content_type="text/html; charset=utf-8", headers=headers)


def _opened(found: credential_shares.Opened, now: Any) -> dict[str, Any]:  # noqa: ANN401
    document = found.document
    return {
        "kind": found.kind.value,
        "status": found.standing.value,
        "status_since": instant_text(found.standing_since),
        "checked_at": instant_text(now),
        "issuer": document["issuer"],
        "validity": {"from": document["validFrom"], "until": document.get("validUntil")},
        "details": sorted(found.share.details),
        "shown": found.shown,
        "credential": found.signed,
        "link_valid_until": None if found.share.is_paper else found.share.valid_until.isoformat(),
        "how_to_check": {
            "zh": _HOW_ZH,
            "en": _HOW_EN,
            "issuer": did_of(base_url()),
            "keys": f"{base_url()}/.well-known/did.json",
            "status_lists": [one["statusListCredential"] for one in document["credentialStatus"]],
        },
    }
