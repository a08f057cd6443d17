"""Who calls: the token becomes an actor, the header an idempotency key, the request an errand of the bank."""

import base64
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from uuid import UUID

from flask import Flask, Response, current_app, g, request

from creditbank.api.limits import admit, admit_without_token, tried
from creditbank.api.resource import answered, wrong_cursor
from creditbank.core.errors import Fault, Malformed
from creditbank.core.permission import Actor
from creditbank.formats.signing import InvalidToken, verified_access_token
from creditbank.gateways.keyring import SealBroken
from creditbank.services import bank as services
from creditbank.services.access import actor_of
from creditbank.services.bank import Answer, Bank, Errand, Work

NOBODY = Actor("nobody", frozenset())
"""Who asks without a token."""

_KEY = re.compile(r"[\x21-\x7e]{1,128}")

T = TypeVar("T")


def bank() -> Bank:
    """Return the bank that this app serves."""
    found: Bank = current_app.extensions["creditbank"]
    return found


def authenticate() -> None:
    """Make the bearer of the request's token its actor. Refused: InvalidToken, TooMany."""
    header = request.headers.get("Authorization", "")
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token:
        admit_without_token()
        zh = "缺少访问令牌；请在 Authorization: Bearer 中附上 POST /oauth/token 取得的令牌。"
        en = "The access token is missing; send one from POST /oauth/token as Authorization: Bearer."
        raise InvalidToken((Fault("", "token_missing", zh, en),))
    issuer = current_app.config["ISSUER"]
    keys = bank().keyring.public_keys
    try:
        claims = verified_access_token(token.strip(), keys, issuer=issuer, audience=issuer, now=bank().clock())
        g.actor = actor_of(bank(), claims)
    except InvalidToken:
        tried()
        raise
    admit(actor().name)


def open_endpoints(app: Flask) -> frozenset[str]:
    """Return the endpoints of an app that ask for no token."""
    endpoints = (rule.endpoint for rule in app.url_map.iter_rules())
    return frozenset(
        endpoint
        for endpoint in endpoints
        if authenticate not in app.before_request_funcs.get(endpoint.rpartition(".")[0], ())
    )


def actor() -> Actor:
    """Return who asks."""
    found: Actor = g.actor
    return found


def subject(learner_id: UUID | None) -> UUID:
    """Return the learner whom a path names; `me` is the learner who asks, and nobody for an institution."""
    return learner_id or actor().learner_id or UUID(int=0)


def looked_up(query: Callable[[Work], T]) -> T:
    """Run a query for the caller."""
    return services.looked_up(bank(), actor(), query, g.request_id)


def asked_by_anybody(query: Callable[[Work], T]) -> T:
    """Run a query that needs no token and shows nothing of a person."""
    return services.looked_up(bank(), NOBODY, query, g.request_id)


def carried_out(
    action_name: str, action: Callable[[Work], Answer], *, status_new: int = 201, with_key: bool = True
) -> Response:
    """Run an errand for the caller, once under its idempotency key, and return its answer: 200 if nothing new came."""
    answer = services.carried_out(bank(), errand(action_name, with_key=with_key), action)
    return answered(answer.body, status_new if answer.is_new else 200)


def cursor_of(query: Mapping[str, Any]) -> str | None:
    """Return the cursor that a query names; a partner's is opened first. Refused: Malformed."""
    cursor: str | None = query["cursor"]
    if cursor is None or not actor().is_partner:
        return cursor
    try:
        sealed = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        return bank().keyring.opened_bank(sealed, _cursor_place())
    except (SealBroken, ValueError):
        raise wrong_cursor() from None


def paged(page: dict[str, Any]) -> Response:
    """Return a page; a partner's cursor is sealed, as it tells which ids things have here."""
    cursor: str | None = page["next_cursor"]
    if cursor is None or not actor().is_partner:
        return answered(page)
    sealed = bank().keyring.seal_bank(cursor, _cursor_place())
    return answered({**page, "next_cursor": base64.urlsafe_b64encode(sealed).decode().rstrip("=")})


def _cursor_place() -> str:
    """Return where a sealed cursor can be opened: by the same partner, in the same kind of list."""
    rule = request.url_rule.rule if request.url_rule else ""
    return f"cursor:{actor().institution_id}:{rule}"


def errand(action_name: str, *, with_key: bool, has_body: bool = True) -> Errand:
    """Return what the request asks for; without a body where that is a file, which is read on its way.

    Refused: Malformed where the idempotency key is none.
    """
    key = request.headers.get("Idempotency-Key") if with_key else None
    if key is not None and not _KEY.fullmatch(key):
        zh = "Idempotency-Key 应为 1 到 128 个可见 ASCII 字符。"
        en = "An Idempotency-Key has 1 to 128 visible ASCII characters."
        raise Malformed((Fault("", "wrong_idempotency_key", zh, en),))
    content = ""
    if key is not None:
        seen = request.headers.get("If-Match", "")
        body = request.get_data(cache=True).decode(errors="replace") if has_body else ""
        content = f"{request.method} {request.path} {seen}\n{body}"
        if actor().is_proxy:
            content = f"{actor().learner_id} {content}"
    return Errand(actor(), action_name, g.request_id, key, content)
