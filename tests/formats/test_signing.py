"""An access token is believed only as it was issued, here, by a key of ours, and for as long as it says."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from hypothesis import given
from hypothesis import strategies as st

from creditbank.formats import signing
from creditbank.formats.signing import (
    InvalidToken,
    PublicKey,
    TokenClaims,
    jwks,
    new_signing_key,
    pem_of,
    signed_access_token,
    signing_key_from_pem,
    verified_access_token,
)

NOW = datetime(2025, 6, 30, 8, 0, tzinfo=UTC)
ISSUER, AUDIENCE = "https://bank.example", "https://bank.example/v1"
KEY, OTHER_KEY = new_signing_key(), new_signing_key()
KEYS = {KEY.public.kid: KEY.public}
CLAIMS = TokenClaims(
    issuer=ISSUER,
    audience=AUDIENCE,
    subject="client-1",
    client_id="client-1",
    scopes=("outcomes:write", "balance:read"),
    issued_at=NOW,
    expires_at=NOW + timedelta(minutes=10),
    token_id="token-1",
)
HEADER = {"typ": "at+jwt", "alg": "ES256", "kid": KEY.public.kid}
PAYLOAD: dict[str, object] = {
    "iss": ISSUER,
    "aud": AUDIENCE,
    "sub": "client-1",
    "client_id": "client-1",
    "scope": "outcomes:write balance:read",
    "iat": int(NOW.timestamp()),
    "exp": int(NOW.timestamp()) + 600,
    "jti": "token-1",
}


def verified(token: str, now: datetime = NOW, keys: Mapping[str, PublicKey] = KEYS) -> TokenClaims:
    return verified_access_token(token, keys, issuer=ISSUER, audience=AUDIENCE, now=now)


def code_of(token: str, now: datetime = NOW) -> str:
    with pytest.raises(InvalidToken) as refused:
        verified(token, now)
    return refused.value.faults[0].code


def token_of(header: object = HEADER, payload: object = PAYLOAD) -> str:
    """Return a token with our own key's signature over any header and payload."""
    return token_of_bytes(json.dumps(header).encode(), json.dumps(payload).encode())


def token_of_bytes(header: bytes, payload: bytes) -> str:
    text = f"{encoded(header)}.{encoded(payload)}"
    algorithm = jwt.get_algorithm_by_name("ES256")
    return f"{text}.{encoded(algorithm.sign(text.encode(), KEY.private))}"


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def without(name: str, content: Mapping[str, object] = PAYLOAD) -> dict[str, object]:
    return {key: value for key, value in content.items() if key != name}


def test_a_token_comes_back_with_its_claims() -> None:
    token = signed_access_token(KEY, CLAIMS)
    assert verified(token) == CLAIMS
    assert verified(token_of()) == CLAIMS
    assert jwt.get_unverified_header(token) == HEADER


def test_who_acts_for_the_subject_comes_back() -> None:
    acting = replace(CLAIMS, acting="staff-1")
    token = signed_access_token(KEY, acting)
    assert verified(token) == acting
    assert jwt.decode(token, options={"verify_signature": False})["act"] == {"sub": "staff-1"}
    assert "act" not in jwt.decode(signed_access_token(KEY, CLAIMS), options={"verify_signature": False})


def test_other_software_verifies_a_token_with_the_published_keys() -> None:
    keys = jwt.PyJWKSet.from_dict(json.loads(json.dumps(jwks([KEY.public, OTHER_KEY.public]))))
    key = keys[KEY.public.kid]
    claims = jwt.decode(
        signed_access_token(KEY, CLAIMS), key, ["ES256"], audience=AUDIENCE, options={"verify_exp": False}
    )
    assert claims == PAYLOAD


def test_published_keys_hold_the_public_half_only() -> None:
    document = jwks([KEY.public])
    assert isinstance(document["keys"], list)
    (key,) = document["keys"]
    assert key.keys() == {"kty", "crv", "x", "y", "alg", "use", "kid"}
    assert (key["kty"], key["crv"], key["alg"], key["use"]) == ("EC", "P-256", "ES256", "sig")
    text = f'{{"crv":"P-256","kty":"EC","x":"{key["x"]}","y":"{key["y"]}"}}'
    assert key["kid"] == encoded(hashlib.sha256(text.encode()).digest())


def test_a_token_holds_until_just_before_its_end_by_the_time_given() -> None:
    token = signed_access_token(KEY, CLAIMS)
    assert verified(token, CLAIMS.expires_at - timedelta(microseconds=1)) == CLAIMS
    assert code_of(token, CLAIMS.expires_at) == "expired_token"
    assert verified(token) == CLAIMS


def test_a_token_from_the_future_is_taken_within_the_skew_of_clocks_only() -> None:
    token = signed_access_token(KEY, CLAIMS)
    assert verified(token, NOW - signing.CLOCK_SKEW) == CLAIMS
    assert code_of(token, NOW - signing.CLOCK_SKEW - timedelta(seconds=1)) == "invalid_token"


def test_a_token_holds_from_its_nbf_on() -> None:
    token = token_of(payload={**PAYLOAD, "nbf": int(NOW.timestamp()) + 30})
    assert code_of(token, NOW + timedelta(seconds=29)) == "invalid_token"
    assert verified(token, NOW + timedelta(seconds=30)) == CLAIMS
    token = token_of(payload={**PAYLOAD, "nbf": 0})
    assert code_of(token, NOW - timedelta(minutes=2)) == "invalid_token"


@pytest.mark.parametrize("name", sorted(PAYLOAD))
def test_a_token_without_any_of_its_claims_is_refused(name: str) -> None:
    assert code_of(token_of(payload=without(name))) == "invalid_token"


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "https://other.example"},
        {"aud": "https://other.example"},
        {"aud": [AUDIENCE]},
        {"sub": 7},
        {"sub": ""},
        {"sub": None},
        {"client_id": ["client-1"]},
        {"scope": ["admin"]},
        {"jti": 1},
        {"exp": "9999999999"},
        {"exp": 9999999999.5},
        {"exp": True},
        {"exp": None},
        {"exp": 10**15},
        {"iat": -1},
        {"nbf": "now"},
        {"act": "somebody"},
        {"act": None},
        {"act": {}},
        {"act": {"sub": ""}},
        {"act": {"sub": 7}},
        {"act": {"sub": "x", "act": {"sub": "y"}}},
    ],
)
def test_a_claim_of_another_value_or_form_is_refused(change: dict[str, object]) -> None:
    assert code_of(token_of(payload={**PAYLOAD, **change})) == "invalid_token"


@pytest.mark.parametrize(
    "header",
    [
        without("kid", HEADER),
        without("typ", HEADER),
        without("alg", HEADER),
        {**HEADER, "kid": OTHER_KEY.public.kid},
        {**HEADER, "kid": ["x"]},
        {**HEADER, "kid": None},
        {**HEADER, "typ": "JWT"},
        {**HEADER, "typ": "id_token"},
        {**HEADER, "typ": ["at+jwt"]},
        {**HEADER, "alg": "none"},
        {**HEADER, "alg": "ES256K"},
        {**HEADER, "alg": ["ES256"]},
        {**HEADER, "crit": ["exp"]},
        {**HEADER, "b64": False, "crit": ["b64"]},
        [],
        "at+jwt",
    ],
)
def test_a_header_that_is_not_ours_is_refused_under_a_good_signature(header: object) -> None:
    assert code_of(token_of(header)) == "invalid_token"


def test_a_token_without_signature_is_refused() -> None:
    assert code_of(f"{token_of().rpartition('.')[0]}.") == "invalid_token"
    unsigned = jwt.encode(PAYLOAD, "", algorithm="none", headers={"typ": "at+jwt", "kid": KEY.public.kid})
    assert code_of(unsigned) == "invalid_token"


def test_a_token_signed_with_the_public_key_as_a_shared_secret_is_refused() -> None:
    pem = KEY.public.key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    for algorithm in ("HS256", "ES256"):
        header = json.dumps({**HEADER, "alg": algorithm}).encode()
        text = f"{encoded(header)}.{encoded(json.dumps(PAYLOAD).encode())}"
        assert code_of(f"{text}.{encoded(hmac.digest(pem, text.encode(), 'sha256'))}") == "invalid_token"


def test_a_token_of_another_key_under_our_kid_is_refused_even_if_it_brings_that_key() -> None:
    (theirs,) = json.loads(json.dumps(jwks([OTHER_KEY.public])))["keys"]
    for brought in ({}, {"jwk": theirs}, {"jku": "https://evil.example/jwks"}, {"x5u": "https://evil.example/c"}):
        token = jwt.encode(PAYLOAD, OTHER_KEY.private, algorithm="ES256", headers={**HEADER, **brought})
        assert code_of(token) == "invalid_token"
        assert verified(token_of({**HEADER, **brought})) == CLAIMS


def test_a_key_signs_with_one_algorithm_only() -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    token = jwt.encode(PAYLOAD, key, algorithm="EdDSA", headers={"typ": "at+jwt", "kid": KEY.public.kid})
    assert code_of(token) == "invalid_token"
    assert code_of(token_of({**HEADER, "alg": "ES384"})) == "invalid_token"


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "a.b",
        "a.b.c.d",
        "学.分.银",
        "\0.\0.\0",
        "!!!.???.***",
        f"{encoded(b'[' * 5000)}.e30.x",
        f"{encoded(b'not json')}.e30.x",
        f"{encoded(json.dumps(HEADER).encode())}.e30.AAAA",
        f"{encoded(json.dumps(HEADER).encode())}..",
    ],
)
def test_garbage_is_refused(token: str) -> None:
    assert code_of(token) == "invalid_token"


@pytest.mark.parametrize("added", ["\ud800", "学", "\0", "."])
def test_a_good_token_with_something_added_is_refused(added: str) -> None:
    assert code_of(token_of() + added) == "invalid_token"


def test_content_that_readers_would_understand_differently_is_refused() -> None:
    header, payload = json.dumps(HEADER).encode(), json.dumps(PAYLOAD).encode()
    assert code_of(token_of_bytes(header, payload[:-1] + b',"sub":"admin"}')) == "invalid_token"
    assert code_of(token_of_bytes(header[:-1] + b',"alg":"none"}', payload)) == "invalid_token"
    assert code_of(token_of_bytes(header, b"[" * 3000)) == "invalid_token"
    assert code_of(token_of_bytes(header, b"[]")) == "invalid_token"


def test_a_token_has_at_most_eight_kibibytes() -> None:
    def padded(size: int) -> str:
        token = token_of(payload={**PAYLOAD, "pad": ""})
        pad = (size - len(token)) * 3 // 4
        while len(token := token_of(payload={**PAYLOAD, "pad": "x" * pad})) > size:
            pad -= 1
        return token

    fits = padded(signing.TOKEN_BYTES_MAX)
    assert len(fits) > signing.TOKEN_BYTES_MAX - 4
    assert verified(fits) == CLAIMS
    assert code_of(padded(signing.TOKEN_BYTES_MAX + 4)) == "invalid_token"


@given(st.data())
def test_a_token_changed_anywhere_in_header_or_content_is_refused(data: st.DataObject) -> None:
    token = signed_access_token(KEY, CLAIMS)
    place = data.draw(st.integers(0, token.rindex(".") - 1))
    other = data.draw(st.sampled_from("ABCXYZabcxyz0189-_.="))
    if other != token[place]:
        assert code_of(token[:place] + other + token[place + 1 :]) == "invalid_token"


def test_a_signature_is_checked_once_and_a_withdrawn_key_no_longer_counts() -> None:
    token = signed_access_token(KEY, replace(CLAIMS, token_id="token-2"))
    verified(token)
    hits = signing._signed_content.cache_info().hits  # noqa: SLF001 - that it is not computed again can't be seen otherwise
    verified(token)
    assert signing._signed_content.cache_info().hits == hits + 1  # noqa: SLF001 - as above
    with pytest.raises(InvalidToken):
        verified(token, keys={OTHER_KEY.public.kid: OTHER_KEY.public})
    with pytest.raises(InvalidToken):
        verified(token, keys={KEY.public.kid: replace(OTHER_KEY.public, kid=KEY.public.kid)})


def test_a_key_comes_back_from_its_pem_and_other_keys_do_not() -> None:
    assert signing_key_from_pem(pem_of(KEY)) == KEY
    for private in (ec.generate_private_key(ec.SECP384R1()), ed25519.Ed25519PrivateKey.generate()):
        pem = private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        with pytest.raises(ValueError, match="P-256"):
            signing_key_from_pem(pem.decode())


def test_the_private_key_does_not_show() -> None:
    number = KEY.private.private_numbers().private_value
    assert str(number) not in repr(KEY)
    assert "private" not in repr(KEY)
