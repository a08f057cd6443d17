"""OpenID providers by which learners and staff log in: where they are, their keys, and the exchange of codes."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from creditbank.core.errors import Family, Fault, Refusal
from creditbank.formats.id_token import (
    Expected,
    IdTokenInvalid,
    ProviderKey,
    key_id,
    provider_keys,
    verified_id_token,
)
from creditbank.formats.strict_json import parsed
from creditbank.gateways.provider_file import Provider, is_safe_address, read_providers

SECONDS_MAX = 5.0
"""How long a provider may take for each of connecting, sending and receiving a part of its answer."""

ANSWER_SECONDS_MAX = 15.0
"""How long a provider may take for a whole answer, however small its parts."""

BYTES_MAX = 256 * 1024
"""The longest answer of a provider that is read; a key set of a hundred keys is shorter."""

KEPT_SECONDS = 3600
"""How long metadata and keys are kept."""

REFETCH_SECONDS = 60
"""A kid that is not known has the keys fetched again, but not more often."""

SILENT_SECONDS = 10
"""After a failure nothing is fetched for so long: a provider that hangs would have every thread wait for it."""

_DEPTH_MAX = 16
_OK = 200
_REFUSING = (400, 401, 403)
"""How a token endpoint refuses a code (400), or the bank itself."""


class ProviderSilent(Refusal):
    """The provider did not answer, or not as a provider does."""

    family = Family.TRY_LATER
    code = "provider_unavailable"
    title = "The login provider does not answer"


class LoginRefused(Refusal):
    """The login does not hold, whatever the reason: nobody is logged in."""

    family = Family.NOT_ALLOWED
    code = "login_refused"
    title = "The login does not hold"


@dataclass(frozen=True, slots=True)
class Secrets:
    """What only the bank knows of a login under way: the PKCE verifier and the nonce; and where the code is sent."""

    redirect_uri: str
    verifier: str = field(repr=False)
    nonce: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Endpoints:
    """Where a provider does what, as its metadata says."""

    authorization: str
    token: str
    keys: str
    auth_methods: tuple[str, ...]
    names_itself: bool


@dataclass(slots=True)
class _Kept:
    """What was fetched of a provider and when (monotonic seconds)."""

    endpoints: _Endpoints | None = None
    endpoints_at: float = 0.0
    keys: tuple[ProviderKey, ...] = ()
    keys_at: float = float("-inf")
    failed_at: float = float("-inf")
    lock: threading.Lock = field(default_factory=threading.Lock)


class Providers:
    """The providers of this bank, with what is kept of each."""

    def __init__(self, providers: Mapping[str, Provider], *, seconds: Callable[[], float] = time.monotonic) -> None:
        """`providers` by name; `seconds` is a clock that only goes forward."""
        self.by_name = dict(providers)
        self._seconds = seconds
        self._kept = {name: _Kept() for name in self.by_name}
        self._http = _client() if providers else None

    def close(self) -> None:
        """Close every connection."""
        if self._http is not None:
            self._http.close()

    def address(self, provider: Provider, state: str, secrets: Secrets) -> str:
        """Return where a browser goes to log in (code flow with PKCE). Refused: ProviderSilent."""
        scope = "openid profile" if provider.identifier else "openid"
        uri: str = prepare_grant_uri(
            self._endpoints(provider).authorization,
            client_id=provider.client_id,
            response_type="code",
            redirect_uri=secrets.redirect_uri,
            scope=scope,
            state=state,
            nonce=secrets.nonce,
            code_challenge=create_s256_code_challenge(secrets.verifier),
            code_challenge_method="S256",
        )
        return uri

    def check_origin(self, provider: Provider, issuer: str | None) -> None:
        """Let an answer pass that names its provider (RFC 9207), or none where that provider never does.

        Refused: LoginRefused, ProviderSilent.
        """
        if issuer != provider.issuer and (issuer is not None or self._endpoints(provider).names_itself):
            raise unproven()

    def claims(self, provider: Provider, code: str, secrets: Secrets, now: datetime) -> dict[str, Any]:
        """Return what the provider says of who logged in, for a code. Refused: LoginRefused, ProviderSilent."""
        answer = self._exchanged(provider, code, secrets)
        token, access_token = answer.get("id_token"), answer.get("access_token")
        if not isinstance(token, str):
            raise unproven()
        expected = Expected(
            provider.issuer,
            provider.client_id,
            secrets.nonce,
            now,
            access_token if isinstance(access_token, str) else None,
        )
        try:
            return verified_id_token(token, self._keys(provider, key_id(token)), expected)
        except IdTokenInvalid:
            raise unproven() from None

    def _exchanged(self, provider: Provider, code: str, secrets: Secrets) -> dict[str, Any]:
        """Return the token endpoint's answer to a code."""
        endpoints = self._endpoints(provider)
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": secrets.redirect_uri,
            "code_verifier": secrets.verifier,
        }
        auth = None
        if provider.client_secret is None:
            form["client_id"] = provider.client_id
        elif "client_secret_basic" in endpoints.auth_methods:
            auth = httpx.BasicAuth(quote(provider.client_id, safe=""), quote(provider.client_secret, safe=""))
        else:
            form |= {"client_id": provider.client_id, "client_secret": provider.client_secret}
        request = self._client.build_request("POST", endpoints.token, data=form, headers={"Accept": "application/json"})
        status, body = self._answer(request, auth)
        if status in _REFUSING:
            raise unproven()
        return _object(status, body)

    def _endpoints(self, provider: Provider) -> _Endpoints:
        """Return where the provider does what, as it says itself."""
        kept = self._kept[provider.name]
        with kept.lock:
            if kept.endpoints is None or self._seconds() - kept.endpoints_at > KEPT_SECONDS:
                address = provider.issuer.rstrip("/") + "/.well-known/openid-configuration"
                kept.endpoints = _read_metadata(provider, self._fetched(kept, address))
                kept.endpoints_at = self._seconds()
            return kept.endpoints

    def _keys(self, provider: Provider, kid: str | None) -> tuple[ProviderKey, ...]:
        """Return the provider's keys, fetched again where they are old or the kid is none of them."""
        address = self._endpoints(provider).keys
        kept = self._kept[provider.name]
        with kept.lock:
            age = self._seconds() - kept.keys_at
            is_known = kid is None or any(key.kid == kid for key in kept.keys)
            if age > KEPT_SECONDS or (not is_known and age > REFETCH_SECONDS):
                kept.keys = provider_keys(self._fetched(kept, address))
                kept.keys_at = self._seconds()
            return kept.keys

    @property
    def _client(self) -> httpx.Client:
        assert self._http is not None, "without providers nothing is asked"
        return self._http

    def _fetched(self, kept: _Kept, address: str) -> dict[str, Any]:
        """Return a document of the provider's. Refused: ProviderSilent, at once where it failed just now."""
        if self._seconds() - kept.failed_at < SILENT_SECONDS:
            raise _silent()
        try:
            return _object(*self._answer(self._client.build_request("GET", address), None))
        except ProviderSilent:
            kept.failed_at = self._seconds()
            raise

    def _answer(self, request: httpx.Request, auth: httpx.Auth | None) -> tuple[int, bytes]:
        """Return status and body of an answer, of which no more is read than is taken. Refused: ProviderSilent."""
        until = self._seconds() + ANSWER_SECONDS_MAX
        try:
            response = self._client.send(request, auth=auth, stream=True)
            try:
                body = b""
                for part in response.iter_raw():
                    body += part
                    if len(body) > BYTES_MAX or self._seconds() > until:
                        raise _silent()
            finally:
                response.close()
        except httpx.HTTPError:
            raise _silent() from None
        return response.status_code, body


def _client() -> httpx.Client:
    """Return a client that takes answers as they are: a packed one could be far longer than it seems."""
    plain = {"Accept-Encoding": "identity"}
    return httpx.Client(timeout=SECONDS_MAX, follow_redirects=False, trust_env=False, headers=plain)


def open_providers(path: str) -> Providers:
    """Return the providers that a file names, or no providers for "none". Raises ProvidersUnusable."""
    return Providers({} if path == "none" else read_providers(Path(path)))


def unproven() -> LoginRefused:
    """Return the answer to a login that the provider does not vouch for; of its reasons nothing is passed on."""
    zh = "登录未能得到身份提供方的证明；请重新登录。"
    en = "The provider does not vouch for this login; log in again."
    return LoginRefused((Fault("", "login_unproven", zh, en),))


def _read_metadata(provider: Provider, said: dict[str, Any]) -> _Endpoints:
    """Return what the provider's metadata say (OpenID Connect Discovery 1.0). Refused: ProviderSilent."""
    addresses = [said.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
    methods = said.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    if said.get("issuer") != provider.issuer or not all(map(is_safe_address, addresses)):
        raise _silent()
    authorization, token, keys = map(str, addresses)
    names_itself = said.get("authorization_response_iss_parameter_supported") is True
    taken = tuple(map(str, methods)) if isinstance(methods, list) else ()
    return _Endpoints(authorization, token, keys, taken, names_itself)


def _object(status: int, body: bytes) -> dict[str, Any]:
    """Return the JSON object of an answer. Refused: ProviderSilent."""
    try:
        value = parsed(body, bytes_max=BYTES_MAX, depth_max=_DEPTH_MAX) if status == _OK else None
    except Refusal:
        value = None
    if not isinstance(value, dict):
        raise _silent()
    return value


def _silent() -> ProviderSilent:
    zh = "身份提供方没有应答；请稍后重试。"
    en = "The login provider does not answer; try again in a moment."
    return ProviderSilent((Fault("", "provider_unavailable", zh, en),))
