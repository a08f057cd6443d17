"""OAuth 2 for programs: the token endpoint (client credentials), its metadata and the keys that verify tokens."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import marshmallow
from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.integrations.flask_oauth2.requests import FlaskOAuth2Payload, FlaskOAuth2Request
from authlib.oauth2.rfc6749 import ClientMixin, InvalidClientError, InvalidScopeError, OAuth2Error, OAuth2Request
from authlib.oauth2.rfc6749.authenticate_client import authenticate_client_secret_basic
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from flask import Flask, Response, current_app, g, request
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from creditbank.api.caller import bank
from creditbank.api.resource import Resource, answered
from creditbank.core.institution import Client
from creditbank.core.permission import SCOPES, Actor
from creditbank.formats.signing import is_readable_jwt, jwks
from creditbank.services import access, clients
from creditbank.services import bank as services
from creditbank.services.bank import Answer, Errand

CLIENT_AUTH_METHODS = ("client_secret_basic", "client_secret_post", "private_key_jwt")
"""How a client can show who it is."""

NOT_SHOWN = "The client is unknown, or has not shown that it is this client."

ASSERTION_SECONDS_MAX = 3600
"""How far ahead an assertion may end: until then its id is kept, so that it counts once."""

ASSERTION_ALGORITHMS = ("ES256", "PS256", "RS256")
"""Signatures taken in private_key_jwt; the client's registered key says which of them is its own."""

tokens = Resource("Access", __name__, description="Tokens for programs of institutions and partners")


class TokenRequest(marshmallow.Schema):
    """A request for a token; the client shows who it is by HTTP Basic, in the form, or by a signed assertion."""

    grant_type = marshmallow.fields.String(required=True, metadata={"enum": ["client_credentials"]})
    scope = marshmallow.fields.String(
        metadata={"description": "Scopes parted by blanks; without it all of the client's"}
    )
    client_id = marshmallow.fields.String()
    client_secret = marshmallow.fields.String()
    client_assertion_type = marshmallow.fields.String()
    client_assertion = marshmallow.fields.String()


class TokenAnswer(marshmallow.Schema):
    """A token, RFC 6749."""

    access_token = marshmallow.fields.String(required=True)
    token_type = marshmallow.fields.String(required=True)
    expires_in = marshmallow.fields.Integer(required=True)
    scope = marshmallow.fields.String(required=True)


class TokenError(marshmallow.Schema):
    """Why there is no token, RFC 6749."""

    error = marshmallow.fields.String(required=True)
    error_description = marshmallow.fields.String()


class ServerMetadata(marshmallow.Schema):
    """Where and how programs get tokens, RFC 8414."""

    issuer = marshmallow.fields.String(required=True)
    token_endpoint = marshmallow.fields.String(required=True)
    jwks_uri = marshmallow.fields.String(required=True)
    grant_types_supported = marshmallow.fields.List(marshmallow.fields.String(), required=True)
    response_types_supported = marshmallow.fields.List(marshmallow.fields.String(), required=True)
    token_endpoint_auth_methods_supported = marshmallow.fields.List(marshmallow.fields.String(), required=True)
    token_endpoint_auth_signing_alg_values_supported = marshmallow.fields.List(
        marshmallow.fields.String(), required=True
    )
    scopes_supported = marshmallow.fields.List(marshmallow.fields.String(), required=True)
    service_documentation = marshmallow.fields.String(required=True)


class KeySetOut(marshmallow.Schema):
    """Public keys, RFC 7517."""

    keys = marshmallow.fields.List(marshmallow.fields.Dict(), required=True)


class _OAuthClient(ClientMixin):  # type: ignore[misc] # Authlib is untyped
    """A registered client as Authlib asks for it."""

    def __init__(self, client_id: str, client: Client | None) -> None:
        self.client_id = client_id
        self.client = client

    def check_client_secret(self, secret: str) -> bool:
        """Tell whether the secret is one of the client's; one that does not exist takes as long to be refused."""
        is_right = services.looked_up(
            bank(), _nobody(), lambda work: clients.is_secret_of(work, self.client_id, secret)
        )
        return is_right and self.client is not None

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        """Tell whether the client may show who it is in this way."""
        return endpoint == "token" and method in CLIENT_AUTH_METHODS

    def check_grant_type(self, grant_type: str) -> bool:
        """Tell whether the client may use the grant: programs act for themselves alone."""
        return bool(grant_type == "client_credentials")


class _Grant(ClientCredentialsGrant):  # type: ignore[misc] # Authlib is untyped
    """Client credentials, with scopes bounded by what the client was granted."""

    TOKEN_ENDPOINT_AUTH_METHODS = list(CLIENT_AUTH_METHODS)  # noqa: RUF012 - Authlib's own way

    def validate_requested_scope(self) -> None:
        """Refuse a scope that the client was not granted."""
        asked = set((self.request.payload.scope or "").split())
        if not asked <= self.request.client.client.scopes:
            raise InvalidScopeError


class _Request(FlaskOAuth2Request):  # type: ignore[misc] # Authlib is untyped
    """The request as Authlib takes it, which refuses http; behind a proxy that ends TLS, the last hop tells nothing."""

    def __init__(self) -> None:
        OAuth2Request.__init__(self, request.method, f"https://bank{request.path}", headers=request.headers)
        self._request = request
        self.payload = FlaskOAuth2Payload(request)


class _Server(AuthorizationServer):  # type: ignore[misc] # Authlib is untyped
    """Authlib's server; it does not tell a client that does not exist from one with a wrong secret."""

    def create_oauth2_request(self, request: object) -> _Request:  # noqa: ARG002 - Authlib hands on nothing here
        """Return what is asked."""
        return _Request()

    def handle_error_response(self, request: object, error: OAuth2Error) -> Response:
        """Answer every client that has not shown who it is alike."""
        if isinstance(error, InvalidClientError):
            error = InvalidClientError(description=NOT_SHOWN, status_code=401)
        response: Response = super().handle_error_response(request, error)
        return response


class _SignedAssertion(JWTBearerClientAssertion):  # type: ignore[misc] # Authlib is untyped
    """A client that signs who it is with its own key (RFC 7523); each assertion counts once."""

    CLIENT_AUTH_METHOD = "private_key_jwt"

    def get_audiences(self) -> list[str]:
        """Return what an assertion may be addressed to."""
        issuer = current_app.config["ISSUER"]
        return [issuer, f"{issuer}/oauth/token"]

    def extract_assertion(self, assertion: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return header and content of an assertion that comes in sound JSON."""
        if not is_readable_jwt(assertion):
            raise InvalidClientError
        extracted: tuple[dict[str, Any], dict[str, Any]] = super().extract_assertion(assertion)
        return extracted

    def resolve_client_public_key(self, client: _OAuthClient) -> KeySet:
        """Return the keys that the client registered."""
        if client.client is None or not client.client.public_keys:
            raise InvalidClientError
        return KeySet.import_key_set(json.loads(client.client.public_keys))

    def process_assertion_claims(self, assertion: str, resolve_key: KeySet) -> dict[str, Any]:
        """Return the claims of an assertion that one of the keys signed."""
        try:
            token = jwt.decode(assertion, resolve_key, algorithms=list(ASSERTION_ALGORITHMS))
        except (JoseError, ValueError) as error:
            raise InvalidClientError from error
        self.verify_claims(token.claims)
        return token.claims

    def validate_jti(self, claims: dict[str, Any], jti: object) -> bool:
        """Use up the assertion's id."""
        if not isinstance(jti, str) or not 1 <= len(jti) <= 128:  # noqa: PLR2004 - the column's width
            return False
        if claims["exp"] > datetime.now(UTC).timestamp() + ASSERTION_SECONDS_MAX:
            return False
        client_id, ends = claims["sub"], datetime.fromtimestamp(int(claims["exp"]) + self.leeway, UTC)
        used: list[bool] = []

        def use(work: services.Work) -> Answer:
            used.append(clients.use_assertion(work, client_id, jti, ends))
            return Answer({}, is_new=True, subject=client_id)

        services.carried_out(bank(), Errand(_nobody(client_id), "token.assertion", g.request_id), use)
        return used[-1]


def register_token_endpoint(app: Flask) -> None:
    """Join Authlib's server with the bank."""
    server = _Server(app, query_client=_client, save_token=lambda *_: None)
    server.register_grant(_Grant)
    server.register_token_generator("default", _token)
    server.register_client_auth_method("client_secret_basic", _authenticated_basic)
    server.register_client_auth_method("private_key_jwt", _SignedAssertion())
    app.extensions["creditbank.oauth"] = server


@tokens.route("/oauth/token", methods=["POST"])
@tokens.doc(
    security=[{"client": []}, {}],
    requestBody={"content": {"application/x-www-form-urlencoded": {"schema": TokenRequest}}, "required": True},
)
@tokens.response(200, TokenAnswer)
@tokens.alt_response(400, schema=TokenError, description="The request has a fault")
@tokens.alt_response(401, schema=TokenError, description="The client is not who it says")
def token() -> Response:
    """Get an access token.

    The token counts for ten minutes. Send it as `Authorization: Bearer …`.
    """
    response: Response = current_app.extensions["creditbank.oauth"].create_token_response()
    return response


@tokens.route("/.well-known/oauth-authorization-server")
@tokens.doc(security=[])
@tokens.response(200, ServerMetadata)
def metadata() -> Response:
    """Tell programs where and how to get tokens (RFC 8414)."""
    issuer = current_app.config["ISSUER"]
    return answered(
        {
            "issuer": issuer,
            "token_endpoint": f"{issuer}/oauth/token",
            "jwks_uri": f"{issuer}/.well-known/jwks.json",
            "grant_types_supported": ["client_credentials"],
            "response_types_supported": [],
            "token_endpoint_auth_methods_supported": list(CLIENT_AUTH_METHODS),
            "token_endpoint_auth_signing_alg_values_supported": list(ASSERTION_ALGORITHMS),
            "scopes_supported": list(SCOPES),
            "service_documentation": f"{issuer}/docs",
        }
    )


@tokens.route("/.well-known/jwks.json")
@tokens.doc(security=[])
@tokens.response(200, KeySetOut)
def keys() -> Response:
    """Show the public keys that verify access tokens."""
    return answered(jwks(bank().keyring.public_keys.values()), headers={"Cache-Control": "public, max-age=300"})


def _client(client_id: str) -> _OAuthClient:
    """Return an active client as Authlib asks for it, or one that can't show who it is where there is none."""
    found = services.looked_up(bank(), _nobody(), lambda work: clients.client(work, client_id))
    return _OAuthClient(client_id, found)


def _authenticated_basic(query_client: Callable[[str], _OAuthClient], request: object) -> _OAuthClient | None:
    """Return the client that shows its secret by HTTP Basic; None also for a header that is no text."""
    try:
        client: _OAuthClient | None = authenticate_client_secret_basic(query_client, request)
    except UnicodeDecodeError:
        return None
    return client


def _token(
    grant_type: str,  # noqa: ARG001 - Authlib's call
    client: _OAuthClient,
    user: object = None,  # noqa: ARG001
    scope: str | None = None,
    **_rest: object,
) -> dict[str, object]:
    """Return a new token with the scopes that were asked for, all of the client's if none was."""
    assert client.client is not None, "a client that has shown who it is exists"
    scopes = sorted(set(scope.split()) if scope else client.client.scopes)
    return {
        "access_token": access.client_token(bank(), current_app.config["ISSUER"], client.client.id, scopes),
        "token_type": "Bearer",
        "expires_in": access.TOKEN_SECONDS,
        "scope": " ".join(scopes),
    }


def _nobody(client_id: str = "") -> Actor:
    """Return the actor of a caller who has not shown who it is yet."""
    return Actor(client_id, frozenset())
