"""Providers over the wire: what is asked, what is believed, and what a hostile or broken one can do: nothing."""

import gzip
import json
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from flask import Flask, Response, request
from jwt.algorithms import ECAlgorithm

from creditbank.gateways import oidc
from creditbank.gateways.oidc import LoginRefused, Providers, ProviderSilent, Secrets, open_providers
from creditbank.gateways.provider_file import Provider, ProvidersUnusable, is_safe_address
from tests.providers import served

NOW = datetime(2026, 7, 1, 4, 0, tzinfo=UTC)
SECRETS = Secrets("http://bank.test/login/callback", "v" * 43, "the-nonce")


@dataclass
class Hostile:
    """A provider that says whatever a test wants it to say."""

    issuer: str = ""
    key: Any = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    kid: str = "one"
    metadata: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, Callable[[], Any]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    forms: list[tuple[dict[str, str], str]] = field(default_factory=list)

    def app(self) -> Flask:
        app = Flask("hostile")

        @app.route("/<path:path>", methods=["GET", "POST"])
        def answer(path: str) -> Any:
            self.asked.append(path)
            if path in self.answers:
                return self.answers[path]()
            return {".well-known/openid-configuration": self._said, "jwks": self._keys, "token": self._token}[path]()

        return app

    def _said(self) -> dict[str, Any]:
        said = {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/jwks"}
        said |= {"authorization_endpoint": f"{self.issuer}/authorize", "token_endpoint": f"{self.issuer}/token"}
        return said | self.metadata

    def _keys(self) -> dict[str, Any]:
        return {"keys": [ECAlgorithm.to_jwk(self.key.public_key(), as_dict=True) | {"kid": self.kid}]}

    def _token(self) -> dict[str, Any]:
        self.forms.append((dict(request.form), request.headers.get("Authorization", "")))
        at = int(NOW.timestamp())
        said = {"iss": self.issuer, "aud": "creditbank", "sub": "wang", "nonce": "the-nonce", "iat": at, "exp": at + 60}
        token = jwt.encode(said | self.claims, self.key, algorithm="ES256", headers={"kid": self.kid})
        return {"access_token": "x", "token_type": "Bearer", "id_token": token}


@dataclass
class Seconds:
    """A clock that only goes forward, when it is told to."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Wire:
    """A bank's end of the wire and the provider at the other."""

    hostile: Hostile
    provider: Provider
    providers: Providers
    seconds: Seconds

    def claims(self) -> dict[str, Any]:
        return self.providers.claims(self.provider, "the-code", SECRETS, NOW)


@pytest.fixture
def wire() -> Iterator[Wire]:
    hostile, seconds = Hostile(), Seconds()
    with served(hostile.app()) as issuer:
        hostile.issuer = issuer
        provider = Provider("city", issuer, "creditbank", "learners", "s3cret/+:")
        providers = Providers({"city": provider}, seconds=seconds)
        yield Wire(hostile, provider, providers, seconds)
        providers.close()


# --- what is asked


def test_a_code_is_exchanged_with_its_verifier_and_the_banks_secret(wire: Wire) -> None:
    assert wire.claims()["sub"] == "wang"
    [(form, shown)] = wire.hostile.forms
    assert form == {
        "grant_type": "authorization_code",
        "code": "the-code",
        "redirect_uri": SECRETS.redirect_uri,
        "code_verifier": SECRETS.verifier,
    }
    assert shown.startswith("Basic ")
    assert "s3cret" not in json.dumps(form)


@pytest.mark.parametrize("methods", [["client_secret_post"], ["private_key_jwt", "client_secret_post"]])
def test_the_secret_goes_into_the_form_where_the_provider_takes_it_there_only(wire: Wire, methods: list[str]) -> None:
    wire.hostile.metadata = {"token_endpoint_auth_methods_supported": methods}
    wire.claims()
    [(form, shown)] = wire.hostile.forms
    assert (form["client_secret"], form["client_id"], shown) == ("s3cret/+:", "creditbank", "")


def test_a_public_client_names_itself_and_shows_no_secret(wire: Wire) -> None:
    wire.provider = replace(wire.provider, client_secret=None)
    wire.claims()
    [(form, shown)] = wire.hostile.forms
    assert (form["client_id"], "client_secret" in form, shown) == ("creditbank", False, "")


def test_the_address_keeps_what_the_providers_own_has_in_it(wire: Wire) -> None:
    wire.hostile.metadata = {"authorization_endpoint": f"{wire.hostile.issuer}/authorize?tenant=cq"}
    address = wire.providers.address(wire.provider, "the-state", SECRETS)
    query = parse_qs(urlsplit(address).query)
    assert (query["tenant"], query["state"], query["nonce"]) == (["cq"], ["the-state"], ["the-nonce"])
    assert SECRETS.verifier not in address


# --- how often it is asked


def test_metadata_and_keys_are_fetched_once_an_hour(wire: Wire) -> None:
    for _ in range(3):
        wire.claims()
    assert sorted(set(wire.hostile.asked)) == [".well-known/openid-configuration", "jwks", "token"]
    assert [wire.hostile.asked.count(path) for path in (".well-known/openid-configuration", "jwks")] == [1, 1]
    wire.seconds.now += 3601
    wire.claims()
    assert [wire.hostile.asked.count(path) for path in (".well-known/openid-configuration", "jwks")] == [2, 2]


def test_a_new_key_is_found_when_it_is_named_but_not_asked_for_more_than_once_a_minute(wire: Wire) -> None:
    wire.claims()
    wire.hostile.key, wire.hostile.kid = ec.generate_private_key(ec.SECP256R1()), "two"
    for _ in range(3):
        with pytest.raises(LoginRefused):
            wire.claims()
    assert wire.hostile.asked.count("jwks") == 1, "within a minute of the last time it is not asked again"
    wire.seconds.now += 61
    assert wire.claims()["sub"] == "wang"
    assert wire.hostile.asked.count("jwks") == 2


def test_a_provider_that_failed_is_left_alone_for_a_while(wire: Wire) -> None:
    wire.hostile.answers = {".well-known/openid-configuration": lambda: Response("no", status=500)}
    for _ in range(3):
        with pytest.raises(ProviderSilent):
            wire.claims()
    assert len(wire.hostile.asked) == 1
    wire.hostile.answers = {}
    wire.seconds.now += oidc.SILENT_SECONDS
    assert wire.claims()["sub"] == "wang"


# --- what is not believed


@pytest.mark.parametrize(
    "changes",
    [{"iss": "https://evil.test"}, {"aud": "other"}, {"nonce": "other"}, {"exp": 1}, {"azp": "other"}, {"sub": ""}],
    ids=str,
)
def test_an_id_token_that_does_not_hold_lets_nobody_in(wire: Wire, changes: dict[str, Any]) -> None:
    wire.hostile.claims = changes
    with pytest.raises(LoginRefused) as refused:
        wire.claims()
    assert [fault.code for fault in refused.value.faults] == ["login_unproven"]


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://other.test"},
        {"issuer": None},
        {"token_endpoint": "http://evil.test/token"},
        {"token_endpoint": "file:///etc/passwd"},
        {"jwks_uri": "ftp://evil.test/jwks"},
        {"jwks_uri": None},
        {"jwks_uri": ["https://evil.test/jwks"]},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": "https://user:secret@evil.test/"},
        {"authorization_endpoint": "https://"},
    ],
    ids=str,
)
def test_metadata_that_lead_elsewhere_are_not_followed(wire: Wire, metadata: dict[str, Any]) -> None:
    wire.hostile.metadata = metadata
    with pytest.raises(ProviderSilent):
        wire.providers.address(wire.provider, "state", SECRETS)


BROKEN: dict[str, Callable[[], Any]] = {
    "an error": lambda: Response("no", status=500),
    "a page": lambda: Response("<html>", content_type="text/html"),
    "a list": lambda: Response("[]", content_type="application/json"),
    "nothing": lambda: Response(""),
    "a redirect": lambda: Response(status=302, headers={"Location": "http://localhost:1/evil"}),
    "a flood": lambda: Response(b" " * (oidc.BYTES_MAX + 1)),
    "an endless flood": lambda: Response(b" " * 65536 for _ in range(10**6)),
    "two answers in one": lambda: Response('{"id_token": "a", "id_token": "b"}', content_type="application/json"),
    "deep nesting": lambda: Response('{"a":' * 5000 + "1" + "}" * 5000),
    "a packed flood": lambda: Response(
        gzip.compress(b" " * 10**7 + b"{}"), headers={"Content-Encoding": "gzip", "Content-Type": "application/json"}
    ),
    "a packed answer": lambda: Response(gzip.compress(b"{}"), headers={"Content-Encoding": "gzip"}),
    "not UTF-8": lambda: Response(b'{"a": "\xff"}'),
    "NaN": lambda: Response('{"a": NaN}'),
}


@pytest.mark.parametrize("path", [".well-known/openid-configuration", "jwks", "token"])
@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN)
def test_a_broken_answer_is_no_answer(wire: Wire, path: str, answer: Callable[[], Any]) -> None:
    wire.hostile.answers = {path: answer}
    with pytest.raises(ProviderSilent):
        wire.claims()
    wire.hostile.answers = {}
    wire.seconds.now += 61
    assert wire.claims()["sub"] == "wang", "what failed is not kept"


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_code_that_the_provider_refuses_lets_nobody_in_and_its_words_stay_there(wire: Wire, status: int) -> None:
    body = json.dumps({"error": "invalid_grant", "error_description": "王芳 <script>"})
    wire.hostile.answers = {"token": lambda: Response(body, status=status, content_type="application/json")}
    with pytest.raises(LoginRefused) as refused:
        wire.claims()
    assert "script" not in str(refused.value)


@pytest.mark.parametrize("body", [{}, {"id_token": None}, {"id_token": 7}, {"id_token": ""}, {"id_token": "a.b.c"}])
def test_an_answer_without_an_id_token_lets_nobody_in(wire: Wire, body: dict[str, Any]) -> None:
    wire.hostile.answers = {"token": lambda: body}
    with pytest.raises(LoginRefused):
        wire.claims()


def test_a_provider_that_is_not_there_is_silent() -> None:
    provider = Provider("city", "http://localhost:1", "creditbank", "learners")
    providers = Providers({"city": provider})
    with pytest.raises(ProviderSilent):
        providers.address(provider, "state", SECRETS)
    providers.close()


def test_a_provider_that_never_ends_is_silent(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    def drip() -> Iterator[bytes]:
        for _ in range(200):
            wire.seconds.now += 1
            time.sleep(0.005)
            yield b" "

    wire.hostile.answers = {"jwks": lambda: Response(drip())}
    with pytest.raises(ProviderSilent):
        wire.claims()
    monkeypatch.setattr(oidc, "SECONDS_MAX", 0.1)
    slow = Providers({"city": wire.provider})
    wire.hostile.answers = {".well-known/openid-configuration": lambda: time.sleep(1) or "late"}
    with pytest.raises(ProviderSilent):
        slow.address(wire.provider, "state", SECRETS)
    slow.close()


@pytest.mark.parametrize(
    ("metadata", "issuer", "passes"),
    [
        ({}, None, True),
        ({}, "own", True),
        ({}, "https://evil.test", False),
        ({"authorization_response_iss_parameter_supported": True}, None, False),
        ({"authorization_response_iss_parameter_supported": True}, "own", True),
    ],
)
def test_an_answer_names_its_own_provider(
    wire: Wire, metadata: dict[str, Any], issuer: str | None, *, passes: bool
) -> None:
    """Mix-up: the code of one provider is not carried to another."""
    wire.hostile.metadata = metadata
    named = wire.hostile.issuer if issuer == "own" else issuer
    if passes:
        wire.providers.check_origin(wire.provider, named)
        return
    with pytest.raises(LoginRefused):
        wire.providers.check_origin(wire.provider, named)


def test_no_secret_shows_in_what_is_printed(wire: Wire) -> None:
    assert "s3cret" not in repr(wire.provider)
    assert SECRETS.nonce not in repr(SECRETS)
    assert SECRETS.verifier not in repr(SECRETS)


# --- the file

SOUND: dict[str, Any] = {"name": "city", "issuer": "https://city.test", "client_id": "creditbank", "for": "learners"}


def written(folder: Path, content: object, mode: int = 0o600) -> str:
    path = folder / "providers.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    path.chmod(mode)
    return str(path)


def test_the_file_names_providers(tmp_path: Path) -> None:
    netid = SOUND | {"name": "netid", "identifier_claim": {"claim": "id", "type": "netid"}}
    office = SOUND | {"name": "office", "for": "staff", "client_secret": "x"}
    found = open_providers(written(tmp_path, [SOUND, netid, office]))
    assert list(found.by_name) == ["city", "netid", "office"]
    assert found.by_name["netid"].identifier is not None
    assert found.by_name["netid"].identifier.type == "cn.netid"
    assert (found.by_name["office"].holder, found.by_name["office"].client_secret) == ("staff", "x")
    found.close()


def test_without_a_file_nobody_logs_in() -> None:
    assert open_providers("none").by_name == {}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{}",
        "[1]",
        '[{"name": "a", "name": "b"}]',
        [SOUND, SOUND],
        [{name: value for name, value in SOUND.items() if name != "issuer"}],
        [SOUND | {"secret": "x"}],
        *([SOUND | {"name": name}] for name in ("", "callback", "City", "a/b", "x" * 33, 7)),
        *([SOUND | {"issuer": issuer}] for issuer in ("http://city.test", "city", "https://a.test?x=1", "ftp://x", 7)),
        [SOUND | {"issuer": "https://" + "x" * 300}],
        [SOUND | {"for": "partners"}],
        [SOUND | {"client_secret": ""}],
        [SOUND | {"identifier_claim": "netid"}],
        [SOUND | {"identifier_claim": {"claim": "id", "type": "student_no"}}],
        [SOUND | {"identifier_claim": {"claim": "id", "type": "phone"}}],
        [SOUND | {"identifier_claim": {"claim": "", "type": "netid"}}],
        [SOUND | {"for": "staff", "identifier_claim": {"claim": "id", "type": "netid"}}],
        [SOUND | {"name": f"p{number}"} for number in range(101)],
    ],
    ids=lambda content: str(content)[:60],
)
def test_a_faulty_file_is_told(tmp_path: Path, content: object) -> None:
    with pytest.raises(ProvidersUnusable):
        open_providers(written(tmp_path, content))


def test_a_file_that_is_not_there_or_open_to_others_is_told(tmp_path: Path) -> None:
    with pytest.raises(ProvidersUnusable, match="can't be read"):
        open_providers(str(tmp_path / "none.json"))
    secret = [SOUND | {"client_secret": "hush"}]
    for mode in (stat.S_IRGRP, stat.S_IROTH):
        with pytest.raises(ProvidersUnusable, match="chmod 600") as told:
            open_providers(written(tmp_path, secret, 0o600 | mode))
        assert "hush" not in str(told.value)
    open_providers(written(tmp_path, [SOUND], 0o644)).close()


@pytest.mark.parametrize(
    ("address", "is_safe"),
    [
        ("https://city.test", True),
        ("https://city.test:8443/a/b", True),
        ("http://127.0.0.1:8080", True),
        ("http://[::1]:8080", True),
        ("http://localhost", True),
        ("http://127.0.0.1.evil.test", False),
        ("http://localhost.evil.test", False),
        ("http://10.0.0.1", False),
        ("https://city.test#x", False),
        ("https://a:b@city.test", False),
        ("https://city.test:port", False),
        ("https://[::1", False),
        ("//city.test", False),
        ("", False),
        (None, False),
    ],
)
def test_addresses_are_https_or_on_this_machine(address: object, *, is_safe: bool) -> None:
    assert is_safe_address(address) is is_safe
