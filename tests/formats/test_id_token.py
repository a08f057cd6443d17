"""ID tokens: only the provider's own keys, by their own algorithm, for us, in this attempt, now."""

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from creditbank.formats.id_token import (
    CLOCK_SKEW,
    TOKEN_AGE_MAX,
    Expected,
    IdTokenInvalid,
    key_id,
    provider_keys,
    verified_id_token,
)

NOW = datetime(2026, 7, 1, 4, 0, tzinfo=UTC)
EXPECTED = Expected("https://city.test", "creditbank", "the-nonce", NOW)

RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
WEAK_KEY = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - it is to be refused
EC_KEY = ec.generate_private_key(ec.SECP256R1())
OTHER_CURVE = ec.generate_private_key(ec.SECP384R1())
ED_KEY = ed25519.Ed25519PrivateKey.generate()
STRANGER = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def jwk(key: Any, **members: Any) -> dict[str, Any]:
    """Return the public half of a key as a provider publishes it."""
    kinds: Any = ((rsa.RSAPrivateKey, RSAAlgorithm), (ec.EllipticCurvePrivateKey, ECAlgorithm))
    algorithm = next((found for kind, found in kinds if isinstance(key, kind)), OKPAlgorithm)
    made: dict[str, Any] = algorithm.to_jwk(key.public_key(), as_dict=True)
    return {name: value for name, value in made.items() if name != "key_ops"} | members


def keys(*items: dict[str, Any]) -> Any:
    return provider_keys({"keys": list(items)})


KEYS = keys(jwk(RSA_KEY, kid="rsa", use="sig"), jwk(EC_KEY, kid="ec", alg="ES256"), jwk(ED_KEY, kid="ed"))


def claims(**changes: Any) -> dict[str, Any]:
    """Return the claims of a sound token; a change of None leaves the claim out."""
    at = int(NOW.timestamp())
    said = {"iss": "https://city.test", "aud": "creditbank", "sub": "wang", "nonce": "the-nonce", "iat": at}
    return {name: value for name, value in (said | {"exp": at + 300} | changes).items() if value is not None}


def signed(said: dict[str, Any], key: Any = RSA_KEY, alg: str = "RS256", **header: Any) -> str:
    body = json.dumps(said).encode()
    return jwt.PyJWS().encode(body, key, algorithm=alg, headers={"typ": "JWT", "kid": "rsa"} | header)


def part(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


@pytest.mark.parametrize(
    ("key", "alg", "kid"),
    [(RSA_KEY, "RS256", "rsa"), (RSA_KEY, "PS256", "rsa"), (EC_KEY, "ES256", "ec"), (ED_KEY, "EdDSA", "ed")],
)
def test_a_token_of_each_algorithm_is_taken(key: Any, alg: str, kid: str) -> None:
    assert verified_id_token(signed(claims(), key, alg, kid=kid), KEYS, EXPECTED) == claims()


def test_a_token_without_kid_needs_a_single_key() -> None:
    token = jwt.encode(claims(), RSA_KEY, algorithm="RS256")
    assert verified_id_token(token, keys(jwk(RSA_KEY)), EXPECTED) == claims()
    with pytest.raises(IdTokenInvalid):
        verified_id_token(token, KEYS, EXPECTED)


PUBLIC = RSA_KEY.public_key()
PAYLOAD = part(json.dumps(claims()).encode())


def by_secret(secret: bytes, alg: str = "HS256") -> str:
    """Return a token whose signature is made with something public as the secret."""
    text = f"{part(json.dumps({'alg': alg, 'kid': 'rsa'}).encode())}.{PAYLOAD}"
    return f"{text}.{part(hmac.digest(secret, text.encode(), hashlib.sha256))}"


def unsigned(header: str, signature: str = "") -> str:
    """Return a token with a header as it stands, which nobody signed."""
    return f"{part(header.encode())}.{PAYLOAD}.{signature}"


FORGED = {
    "alg none": unsigned('{"alg":"none","kid":"rsa"}'),
    "alg None": unsigned('{"alg":"None","kid":"rsa"}'),
    "alg none with a signature": unsigned('{"alg":"none","kid":"rsa"}', part(b"x")),
    "no alg": unsigned('{"kid":"rsa"}', part(b"x")),
    "HS256 with the public key as PEM": by_secret(PUBLIC.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)),
    "HS256 with the public key as DER": by_secret(PUBLIC.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)),
    "HS256 with the key as JSON": by_secret(json.dumps(jwk(RSA_KEY, kid="rsa", use="sig")).encode()),
    "HS256 with the client's secret": by_secret(b"the provider knows it, and the bank"),
    "HS256 with nothing": by_secret(b""),
    "RS384": signed(claims(), alg="RS384"),
    "another's key under a known kid": signed(claims(), STRANGER),
    "an unknown kid": signed(claims(), STRANGER, kid="other"),
    "a kid that is a path": signed(claims(), STRANGER, kid="../../../dev/null"),
    "a kid that is a query": signed(claims(), STRANGER, kid="' OR 1=1 --"),
    "a kid that is an address": signed(claims(), STRANGER, kid="https://evil.test/jwks.json"),
    "an empty kid": signed(claims(), STRANGER, kid=""),
    "a key of its own": signed(claims(), STRANGER, jwk=jwk(STRANGER, kid="rsa")),
    "an address of keys": signed(claims(), STRANGER, jku="https://evil.test/jwks.json", x5u="https://evil.test/x"),
    "a key of another kind": signed(claims(), EC_KEY, "ES256", kid="rsa"),
    "the RSA key under the kid of the curve": signed(claims(), RSA_KEY, "RS256", kid="ec"),
    "extensions": signed(claims(), crit=["x"], x=1),
    "a changed payload": ".".join(
        [signed(claims()).split(".")[0], part(json.dumps(claims(sub="li")).encode()), signed(claims()).split(".")[2]]
    ),
    "no signature": signed(claims()).rpartition(".")[0] + ".",
    "two parts": signed(claims()).rpartition(".")[0],
    "four parts": signed(claims()) + ".x",
    "five parts, encrypted": "a.b.c.d.e",
    "nothing": "",
    "dots": "..",
    "a long one": signed(claims(padding="x" * 20_000)),
    "a deep one": unsigned('{"a":' * 500 + "1" + "}" * 500, "x"),
    "a list": unsigned("[]", "x"),
    "Chinese": "令.牌.牌",
    "two algorithms": unsigned('{"alg":"RS256","alg":"none","kid":"rsa"}', "x"),
}


@pytest.mark.parametrize("token", FORGED.values(), ids=FORGED)
def test_what_the_providers_keys_did_not_sign_is_refused(token: str) -> None:
    """The attacks of the issue on ID tokens: algorithm confusion and kid injection."""
    with pytest.raises(IdTokenInvalid):
        verified_id_token(token, KEYS, EXPECTED)


AT = int(NOW.timestamp())
SKEW, AGE = int(CLOCK_SKEW.total_seconds()), int(TOKEN_AGE_MAX.total_seconds())

WRONG: list[dict[str, Any]] = [
    *({name: None} for name in ("iss", "aud", "sub", "nonce", "iat", "exp")),
    *({"iss": value} for value in ("https://city.test/", "https://evil.test", ["https://city.test"], 7)),
    *({"aud": value} for value in ("other", [], ["creditbank", "other"], ["other"], "creditbank ", {"a": 1})),
    *({"azp": value} for value in ("other", "", 7)),
    *({"nonce": value} for value in ("other", "", 7, ["the-nonce"])),
    *({"sub": value} for value in ("", 7, "x" * 256, "a\nb", "a\x00b", ["wang"])),
    *({"exp": value} for value in (AT - SKEW, AT - 10**6, str(AT + 300), True, -1, 1e20)),
    *({"iat": value} for value in (AT + SKEW + 1, AT - AGE - SKEW - 1, str(AT), None)),
    *({"nbf": value} for value in (AT + SKEW + 1, "soon")),
]


@pytest.mark.parametrize("changes", WRONG, ids=str)
def test_claims_of_another_for_another_of_another_attempt_or_time_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(IdTokenInvalid):
        verified_id_token(signed(claims(**changes)), KEYS, EXPECTED)


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": ["creditbank"]},
        {"azp": "creditbank"},
        {"exp": AT - SKEW + 1},
        {"iat": AT + SKEW},
        {"iat": AT - AGE - SKEW},
        {"nbf": AT + SKEW},
        {"sub": "x" * 255},
    ],
    ids=str,
)
def test_claims_on_the_right_side_of_each_bound_are_taken(changes: dict[str, Any]) -> None:
    assert verified_id_token(signed(claims(**changes)), KEYS, EXPECTED)["iss"] == "https://city.test"


def test_an_access_token_of_another_login_is_noticed() -> None:
    half = part(hashlib.sha256(b"access").digest()[:16])
    token = signed(claims(at_hash=half))
    assert verified_id_token(token, KEYS, replace(EXPECTED, access_token="access"))
    for other in ("other", ""):
        with pytest.raises(IdTokenInvalid):
            verified_id_token(token, KEYS, replace(EXPECTED, access_token=other))
    with pytest.raises(IdTokenInvalid):
        verified_id_token(signed(claims(at_hash=7)), KEYS, replace(EXPECTED, access_token="access"))


@pytest.mark.parametrize(
    "item",
    [
        {"kty": "oct", "k": part(b"secret"), "kid": "rsa"},
        jwk(RSA_KEY, kid="rsa", use="enc"),
        jwk(RSA_KEY, kid="rsa", alg="HS256"),
        jwk(RSA_KEY, kid="rsa", alg="RS512"),
        jwk(RSA_KEY, kid="rsa", alg="ES256"),
        jwk(RSA_KEY, kid=7),
        jwk(WEAK_KEY, kid="rsa"),
        jwk(OTHER_CURVE, kid="rsa"),
        {"kty": "RSA", "kid": "rsa"},
        {"kty": "RSA", "kid": "rsa", "n": "!", "e": "AQAB"},
        {"kty": ["RSA"], "kid": "rsa"},
        "rsa",
        None,
    ],
    ids=str,
)
def test_keys_that_are_of_no_use_are_passed_over(item: Any) -> None:
    assert keys(item) == ()
    assert len(keys(item, jwk(EC_KEY, kid="ec"))) == 1


@pytest.mark.parametrize("key_set", [None, [], {}, {"keys": None}, {"keys": {}}, "keys"], ids=str)
def test_what_is_no_key_set_holds_no_keys(key_set: Any) -> None:
    assert provider_keys(key_set) == ()


def test_two_keys_of_one_name_are_no_key() -> None:
    twice = keys(jwk(RSA_KEY, kid="rsa"), jwk(STRANGER, kid="rsa"))
    with pytest.raises(IdTokenInvalid):
        verified_id_token(signed(claims()), twice, EXPECTED)


def test_a_key_that_names_its_algorithm_is_used_with_no_other() -> None:
    only = keys(jwk(RSA_KEY, kid="rsa", alg="PS256"))
    assert verified_id_token(signed(claims(), alg="PS256"), only, EXPECTED)
    with pytest.raises(IdTokenInvalid):
        verified_id_token(signed(claims(), alg="RS256"), only, EXPECTED)


@given(st.text(max_size=200) | st.builds(lambda a, b: f"{a}.{b}.", st.text(max_size=50), st.text(max_size=50)))
def test_anything_else_is_refused_and_nothing_breaks(text: str) -> None:
    for read in (key_id, lambda token: verified_id_token(token, KEYS, EXPECTED)):
        with pytest.raises(IdTokenInvalid):
            read(text)


def test_old_tokens_are_refused_though_they_hold_for_long() -> None:
    token = signed(claims(exp=AT + 10**7))
    later = replace(EXPECTED, now=NOW + timedelta(hours=1))
    with pytest.raises(IdTokenInvalid):
        verified_id_token(token, KEYS, later)
