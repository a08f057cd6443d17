"""Logins over HTTP: to a provider and back, and the linking of a login with a learner or staff member."""

import hashlib
import re
from typing import Any
from uuid import UUID

import marshmallow
from flask import Response, current_app, g, request

from creditbank.api import fields
from creditbank.api.caller import authenticate, bank, carried_out, errand, looked_up, subject
from creditbank.api.resource import Resource, answered
from creditbank.core.calendar import instant_text
from creditbank.core.errors import Fault, Malformed
from creditbank.core.permission import LEARNER_SCOPES
from creditbank.gateways.oidc import LoginRefused, Providers
from creditbank.services import access, learner_logins, logins
from creditbank.services import bank as services
from creditbank.services.bank import Answer, Work

ANSWER_LENGTH_MAX = 4096
"""The longest state or code that a provider sends back."""

TICKET_LENGTH_MAX = 128

_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")

entrance = Resource("Login", __name__, description="Login of learners and staff by OpenID providers")
resource = Resource("Logins", __name__, url_prefix="/v1/learners", description="Logins of a learner")
resource.before_request(authenticate)


class ReturnQuery(marshmallow.Schema):
    """What a provider sends a browser back with; it may say more than is read."""

    state = fields.Text(ANSWER_LENGTH_MAX, load_default=None)
    code = fields.Text(ANSWER_LENGTH_MAX, load_default=None)
    error = fields.Text(ANSWER_LENGTH_MAX, load_default=None)
    iss = fields.Text(ANSWER_LENGTH_MAX, load_default=None)


class LinkIn(fields.StrictSchema):
    """A login, and the proof of whose it is: a learner's link code, or a staff member's invitation."""

    ticket = fields.Text(TICKET_LENGTH_MAX, required=True)
    link_code = fields.Text(40, load_default=None, metadata={"description": "From an institution that knows you"})
    invitation = fields.Text(TICKET_LENGTH_MAX, load_default=None, metadata={"description": "Of a staff member"})


class EnteredOut(marshmallow.Schema):
    """A token; or, as long as the login is nobody's, a ticket for `POST /v1/logins/link`."""

    access_token = marshmallow.fields.String()
    token_type = marshmallow.fields.String()
    expires_in = marshmallow.fields.Integer(required=True)
    scope = marshmallow.fields.String()
    learner_id = marshmallow.fields.UUID()
    staff_id = marshmallow.fields.UUID()
    link_required = marshmallow.fields.Boolean()
    ticket = marshmallow.fields.String()


class LinkCodeOut(marshmallow.Schema):
    """A link code, shown this one time."""

    code = marshmallow.fields.String(required=True)
    expires_at = marshmallow.fields.DateTime(required=True)


class LoginOut(marshmallow.Schema):
    """A login of a learner."""

    id = marshmallow.fields.UUID(required=True)
    provider = marshmallow.fields.String(required=True)
    issuer = marshmallow.fields.String(required=True)
    linked_at = marshmallow.fields.DateTime(required=True)


class LoginList(marshmallow.Schema):
    """All logins of a learner."""

    items = marshmallow.fields.List(marshmallow.fields.Nested(LoginOut), required=True)


def providers() -> Providers:
    """Return the providers of this app."""
    found: Providers = current_app.extensions["creditbank.providers"]
    return found


@entrance.route("/login/<code:provider>")
@entrance.doc(security=[])
@entrance.response(302, description="On to the provider", headers={"Location": {"schema": {"type": "string"}}})
def login(provider: str) -> Response:
    """Send the browser to a provider to log in.

    The browser is given a cookie by which it is known when it comes back.
    """
    begun = logins.begin(bank(), providers(), provider, _redirect_uri())
    response = Response(status=302, headers={"Location": begun.address, "Referrer-Policy": "no-referrer"})
    response.set_cookie(
        _cookie_name(begun.state),
        begun.browser_secret,
        max_age=int(logins.ATTEMPT_KEPT.total_seconds()),
        path="/login",
        secure=_is_secure(),
        httponly=True,
        samesite="Lax",
    )
    return response


@entrance.route("/login/callback")
@entrance.doc(security=[])
@entrance.arguments(ReturnQuery(), location="query", unknown=marshmallow.EXCLUDE)
@entrance.response(200, EnteredOut)
@entrance.alt_response(403, "FORBIDDEN")
def login_callback(query: dict[str, Any]) -> Response:
    """Take the browser back from a provider.

    The answer is a token; or a ticket where the login is not linked yet.
    """
    if query["error"] is not None or query["state"] is None or query["code"] is None:
        zh, en = "身份提供方没有完成登录；请重新登录。", "The provider did not let you in; log in again."
        raise LoginRefused((Fault("", "login_denied", zh, en),))
    name = _cookie_name(query["state"])
    secret = request.cookies.get(name, "")
    browser_secret = secret if _SECRET.fullmatch(secret) else ""
    answer = logins.LoginAnswer(query["state"], query["code"], query["iss"], browser_secret)
    response = answered(_document(logins.returned(bank(), providers(), answer, g.request_id)))
    response.headers["Referrer-Policy"] = "no-referrer"
    response.delete_cookie(name, path="/login", secure=_is_secure(), httponly=True, samesite="Lax")
    return response


@entrance.route("/v1/logins/link", methods=["POST"])
@entrance.doc(security=[])
@entrance.arguments(LinkIn())
@entrance.response(200, EnteredOut)
@entrance.alt_response(403, "FORBIDDEN")
@entrance.alt_response(404, "NOT_FOUND")
@entrance.alt_response(409, "CONFLICT")
def link_login(said: dict[str, Any]) -> Response:
    """Link a login with a learner by a link code, or with a staff member by an invitation, and get a token.

    The ticket is the proof of the login; it takes ten wrong codes and then counts no longer.
    """
    proof = (said["link_code"], said["invitation"])
    if (proof[0] is None) == (proof[1] is None):
        zh, en = "请给出 link_code 或 invitation 之一。", "Send link_code or invitation, one of the two."
        raise Malformed((Fault("", "one_proof", zh, en),))
    return answered(_document(logins.link(bank(), said["ticket"], proof, g.request_id)))


@resource.route("/<learner:learner_id>/link-codes", methods=["POST"])
@resource.response(201, LinkCodeOut)
def issue_link_code(learner_id: UUID | None) -> Response:
    """Issue a link code for a learner whom your institution knows.

    It is shown this one time, counts once and for seven days, and ends your earlier ones for the learner. Hand it to
    the person themselves. Needs `learners:write`.
    """

    def action(work: Work) -> Answer:
        code, kept = learner_logins.issue_link_code(work, subject(learner_id))
        body = {"code": code, "expires_at": instant_text(kept.expires_at)}
        return Answer(body, is_new=True, subject=f"learner {kept.learner_id}")

    answer = services.carried_out(bank(), errand("link_code.issue", with_key=False), action)
    return answered(answer.body, 201)


@resource.route("/<learner:learner_id>/logins")
@resource.response(200, LoginList)
def list_logins(learner_id: UUID | None) -> Response:
    """List your own logins."""
    found = looked_up(lambda work: learner_logins.logins_of(work, subject(learner_id)))
    return answered({"items": [_login_document(one) for one in found]})


@resource.route("/<learner:learner_id>/logins/<id:login_id>", methods=["DELETE"])
@resource.response(200, LoginList)
def end_login(learner_id: UUID | None, login_id: UUID) -> Response:
    """End one of your own logins; tokens that it gave already end within ten minutes."""

    def action(work: Work) -> Answer:
        mine = subject(learner_id)
        learner_logins.end_login(work, mine, login_id)
        body = {"items": [_login_document(one) for one in learner_logins.logins_of(work, mine)]}
        return Answer(body, is_new=False, subject=f"learner {mine} login {login_id}")

    return carried_out("login.end", action)


def _document(entered: logins.Entered) -> dict[str, Any]:
    """Return what who came in is given."""
    issuer = current_app.config["ISSUER"]
    if entered.ticket is not None:
        seconds = int(logins.TICKET_KEPT.total_seconds())
        return {"link_required": True, "ticket": entered.ticket, "expires_in": seconds}
    if entered.learner_id is not None:
        token, scopes = access.learner_token(bank(), issuer, entered.learner_id), LEARNER_SCOPES
        holder = {"learner_id": str(entered.learner_id)}
    else:
        assert entered.staff_id is not None, "who comes in is a learner or a staff member"
        token, scopes = access.staff_token(bank(), issuer, entered.staff_id, entered.scopes), entered.scopes
        holder = {"staff_id": str(entered.staff_id)}
    return token_document(token, scopes) | holder


def token_document(token: str, scopes: frozenset[str]) -> dict[str, Any]:
    """Return a token as the token endpoint does (RFC 6749)."""
    return {
        "access_token": token,
        "token_type": "Bearer",
        "expires_in": access.TOKEN_SECONDS,
        "scope": " ".join(sorted(scopes)),
    }


def _login_document(one: learner_logins.LearnerLogin) -> dict[str, Any]:
    return {
        "id": str(one.id),
        "provider": one.provider,
        "issuer": one.issuer,
        "linked_at": instant_text(one.linked_at),
    }


def _redirect_uri() -> str:
    return f"{current_app.config['ISSUER']}/login/callback"


def _is_secure() -> bool:
    return bool(current_app.config["ISSUER"].startswith("https:"))


def _cookie_name(state: str) -> str:
    """Return the name of the cookie of one attempt, so that two that are begun side by side don't meet."""
    return f"login_{hashlib.sha256(state.encode()).hexdigest()[:16]}"
