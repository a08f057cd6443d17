"""Credentials are believed as they were signed and in no other way: changes, wrong claims and tricks are refused."""

import base64
import copy
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives import serialization

from creditbank.formats.credential_check import checked_document, checked_jwt
from creditbank.formats.credential_issuers import issuer_from
from creditbank.formats.credential_key import Algorithm, key_of_jwk
from creditbank.formats.credential_shape import VC1_CONTEXT
from creditbank.formats.did_web import did_document, did_of, jwk_method
from tests.formats import credentials as made

Document = dict[str, Any]


def at(path: str, value: object) -> Callable[[Document], None]:
    """Return what sets a member at a path."""

    def change(document: Document) -> None:
        *steps, last = path.split("/")
        inner: Any = document
        for step in steps:
            inner = inner[int(step) if step.isdigit() else step]
        inner[int(last) if last.isdigit() else last] = value

    return change


def without(name: str) -> Callable[[Document], None]:
    return lambda document: document.pop(name)


SUBJECT = "credentialSubject"
TAMPERINGS: dict[str, Callable[[Document], None]] = {
    "name": at("name", "高等数学"),
    "id": at("id", f"{made.BASE}/v1/credentials/00000000-0000-0000-0000-000000000008"),
    "more credits": at(f"{SUBJECT}/creditRecognition/creditAmount", "30.00"),
    "credits as a number": at(f"{SUBJECT}/creditRecognition/creditAmount", 3),
    "another scheme": at(f"{SUBJECT}/creditRecognition/creditScheme/schemeCode", "cn-18h"),
    "other hours": at(f"{SUBJECT}/creditRecognition/creditScheme/hoursPerCredit", "1.00"),
    "another level": at(f"{SUBJECT}/creditRecognition/creditLevel", "7"),
    "another subject": at(f"{SUBJECT}/id", "urn:uuid:00000000-0000-0000-0000-000000000009"),
    "another holder": at(f"{SUBJECT}/identifier/0/identityHash", "李四"),
    "hashed": at(f"{SUBJECT}/identifier/0/hashed", "true"),
    "another title": at(f"{SUBJECT}/achievement/name", "线性代数"),
    "another sort": at(f"{SUBJECT}/achievement/achievementType", "Degree"),
    "another institution": at(f"{SUBJECT}/source/name", "清华大学"),
    "another creator": at(f"{SUBJECT}/achievement/creator/id", "https://other.example"),
    "another day": at(f"{SUBJECT}/activityEndDate", "2020-01-01T00:00:00+08:00"),
    "something more": at(f"{SUBJECT}/licenseNumber", "A-1"),
    "from earlier on": at("validFrom", "2020-01-01T00:00:00Z"),
    "for longer": at("validUntil", "2099-01-01T00:00:00Z"),
    "without an end": without("validUntil"),
    "another index": at("credentialStatus/0/statusListIndex", "4712"),
    "another list": at("credentialStatus/0/statusListCredential", "https://other.example/list"),
    "another purpose": at("credentialStatus/0/statusPurpose", "suspension"),
    "no status": without("credentialStatus"),
    "fewer status entries": at("credentialStatus", made.document()["credentialStatus"][:1]),
    "another issuer's name": at("issuer/name", "清华大学"),
    "another issuer": at("issuer/id", "did:web:other.example"),
    "another context of ours": at("@context/2", "https://other.example/contexts/v1"),
    "one type more": at("type", ["VerifiableCredential", "OpenBadgeCredential", "DegreeCredential"]),
    "types in another order": at("type", ["OpenBadgeCredential", "VerifiableCredential"]),
    "a space": at("name", made.document()["name"] + " "),
    "the same character written otherwise": at("name", "高等数学 \ufa0e"),
    "null": at("description", None),
}

PROOF_TAMPERINGS: dict[str, Callable[[Document], None]] = {
    "made at another time": at("proof/created", "2026-07-02T04:00:00Z"),
    "for another purpose": at("proof/proofPurpose", "authentication"),
    "by another suite": at("proof/cryptosuite", "eddsa-rdfc-2022"),
    "of another type": at("proof/type", "Ed25519Signature2020"),
    "by a key of another use": at("proof/verificationMethod", jwk_method(made.DID, made.keys().public[0])),
    "by a key of nobody": at("proof/verificationMethod", f"{made.DID}#z6Mknobody"),
    "without a value": at("proof/proofValue", ""),
    "with a value in another base": at("proof/proofValue", "u" + "A" * 86),
    "with the value of zeros": at("proof/proofValue", "z" + "1" * 64),
    "with a domain": at("proof/domain", "other.example"),
    "over": at("proof/expires", "2026-06-01T00:00:00Z"),
    "on another proof": at("proof/previousProof", "urn:uuid:1"),
    "under other contexts": at("proof/@context", ["https://www.w3.org/ns/credentials/v1"]),
}


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_a_jwt_is_believed_as_it_was_signed_and_checked_by_pyjwt_alone(algorithm: Algorithm) -> None:
    token = made.jwt(algorithm=algorithm)
    assert made.checked(token).faults == ()
    public = made.keys().keys[algorithm].public
    claims = pyjwt.decode(token, pyjwt.PyJWK(dict(public.jwk), algorithm.value), options={"verify_exp": False})
    document = made.document()
    assert {name: claims[name] for name in document} == document
    assert (claims["iss"], claims["sub"]) == (document["issuer"]["id"], document[SUBJECT]["id"])
    assert (claims["jti"], claims["nbf"]) == (document["id"], int(made.AT.timestamp()))
    assert pyjwt.get_unverified_header(token) == {
        "alg": algorithm.value,
        "kid": jwk_method(made.DID, public),
        "typ": "JWT",
    }


def test_a_document_is_believed_as_it_was_signed() -> None:
    assert made.checked(made.proven()).faults == ()


@pytest.mark.parametrize("name", TAMPERINGS)
def test_a_document_that_was_changed_is_refused(name: str) -> None:
    changed = made.proven()
    TAMPERINGS[name](changed)
    assert made.codes(made.checked(changed)) & {"signature_wrong", "issuer_unknown"}


@pytest.mark.parametrize("name", PROOF_TAMPERINGS)
def test_a_document_whose_proof_was_changed_is_refused(name: str) -> None:
    changed = made.proven()
    PROOF_TAMPERINGS[name](changed)
    assert made.checked(changed).faults


@pytest.mark.parametrize("name", TAMPERINGS)
def test_a_jwt_whose_content_was_changed_is_refused(name: str) -> None:
    head, body, signature = made.jwt().split(".")
    content = json.loads(base64.urlsafe_b64decode(body + "=="))
    TAMPERINGS[name](content)
    changed = base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()
    assert made.codes(made.checked(f"{head}.{changed}.{signature}")) & {"signature_wrong", "issuer_unknown"}


CLAIMS = {
    "iss": ("did:web:other.example", "did:web:bank.example/", None, 1, ""),
    "sub": ("urn:uuid:00000000-0000-0000-0000-000000000009", None, ""),
    "jti": (f"{made.BASE}/v1/credentials/other", None, ""),
    "nbf": (0, int(made.AT.timestamp()) + 1, int(made.AT.timestamp()) - 1, str(int(made.AT.timestamp())), None, True),
    "exp": (int(made.AT.timestamp()) + 10**9, None, True),
}


@pytest.mark.parametrize(("claim", "value"), [(claim, value) for claim, values in CLAIMS.items() for value in values])
def test_a_jwt_signed_anew_with_one_claim_wrong_is_refused_for_that_claim(claim: str, value: object) -> None:
    content = resigned_content() | {claim: value}
    if value is None:
        content.pop(claim)
    assert made.codes(made.checked(resigned(content))) == {f"{claim}_differs"}


def test_a_jwt_whose_every_claim_is_right_passes_when_it_is_signed_anew() -> None:
    assert made.checked(resigned(resigned_content())).faults == ()


def resigned_content() -> Document:
    body = made.jwt().split(".")[1]
    content: Document = json.loads(base64.urlsafe_b64decode(body + "=="))
    return content


def resigned(content: Document, **headers: object) -> str:
    """Return content signed by the bank's own key, as nobody but the bank could."""
    secret = made.keys().keys[Algorithm.ES256]
    head = {"kid": jwk_method(made.DID, secret.public), "typ": "JWT"} | headers
    return pyjwt.PyJWS().encode(json.dumps(content).encode(), secret.private, algorithm="ES256", headers=head)


def test_every_other_algorithm_than_the_keys_own_is_refused() -> None:
    """Alg confusion: none, HMAC with the public key as secret, and the algorithm of another key of the issuer's."""
    _, body, signature = made.jwt(algorithm=Algorithm.RS256).split(".")
    rsa = made.keys().keys[Algorithm.RS256]
    kid = jwk_method(made.DID, rsa.public)
    pem = rsa.private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    for algorithm in ("none", "HS256", "ES256", "EdDSA", "PS256", "RS512", "rs256", "", None, 1):
        head = base64.urlsafe_b64encode(json.dumps({"alg": algorithm, "kid": kid}).encode()).rstrip(b"=").decode()
        signed = f"{head}.{body}"
        mac = base64.urlsafe_b64encode(hmac.new(pem, signed.encode(), hashlib.sha256).digest()).rstrip(b"=").decode()
        for end in ("", mac, signature):
            assert made.codes(made.checked(f"{signed}.{end}")) == {"alg_refused"}, algorithm


def test_the_key_in_a_header_proves_nothing() -> None:
    stranger = made.keys(2).keys[Algorithm.ES256]
    for headers in (
        {"jwk": dict(stranger.public.jwk), "kid": jwk_method(made.DID, stranger.public)},
        {"jwk": dict(stranger.public.jwk)},
        {"kid": "https://other.example/key"},
        {},
    ):
        token = pyjwt.PyJWS().encode(
            json.dumps(resigned_content()).encode(), stranger.private, algorithm="ES256", headers=headers
        )
        assert made.codes(made.checked(token)) == {"key_unknown"}


def test_a_jwk_in_the_header_counts_where_it_is_the_issuers_own() -> None:
    secret = made.keys().keys[Algorithm.ES256]
    content = json.dumps(resigned_content()).encode()
    token = pyjwt.PyJWS().encode(content, secret.private, algorithm="ES256", headers={"jwk": dict(secret.public.jwk)})
    assert made.checked(token).faults == ()


def test_a_credential_signed_by_another_one_under_the_banks_name_is_refused() -> None:
    assert made.codes(made.checked(made.jwt(number=2))) == {"key_unknown"}
    assert made.codes(made.checked(made.proven(number=2))) == {"key_unknown"}
    forged = made.proven(number=2)
    forged["proof"]["verificationMethod"] = made.proven()["proof"]["verificationMethod"]
    assert made.codes(made.checked(forged)) == {"signature_wrong"}


def test_an_issuer_who_is_not_trusted_is_refused() -> None:
    assert made.codes(checked_jwt(made.jwt(), {}, made.AT)) == {"issuer_unknown"}
    assert made.codes(checked_document(made.proven(), {}, made.AT)) == {"issuer_unknown"}


@pytest.mark.parametrize("make", [made.jwt, made.proven])
def test_a_key_that_was_retired_counts_for_what_it_signed_before_alone(make: Callable[[], Any]) -> None:
    given = make()
    assert (
        made.checked(
            given, *made.published(until=made.AT + timedelta(days=1)), now=made.AT + timedelta(days=300)
        ).faults
        == ()
    )
    ended = made.published(until=made.AT - timedelta(days=1))
    assert made.codes(made.checked(given, *ended)) == {"key_expired"}


@pytest.mark.parametrize("make", [made.jwt, made.proven])
def test_of_a_key_that_was_withdrawn_nothing_counts(make: Callable[[], Any]) -> None:
    stolen = made.published(until=made.AT + timedelta(days=1), is_withdrawn=True)
    assert made.codes(made.checked(make(), *stolen)) == {"key_withdrawn"}


@pytest.mark.parametrize("make", [made.jwt, made.proven])
@pytest.mark.parametrize(
    ("now", "wanted"),
    [
        (made.AT.replace(microsecond=0) - timedelta(seconds=1), {"not_yet_valid"}),
        (made.AT.replace(microsecond=0), set()),
        (datetime.fromisoformat("2027-07-01T15:59:59+00:00"), set()),
        (datetime.fromisoformat("2027-07-01T16:00:00+00:00"), {"expired"}),
    ],
)
def test_a_credential_holds_from_its_first_second_to_its_last(
    make: Callable[[], Any], now: datetime, wanted: set[str]
) -> None:
    assert made.codes(made.checked(make(), now=now)) == wanted


@pytest.mark.parametrize("make", [made.jwt, made.proven])
@pytest.mark.parametrize(
    ("name", "said", "wanted"),
    [("validUntil", "2026-06-30T00:00:00Z", "expired"), ("validFrom", "2026-12-31T00:00:00Z", "not_yet_valid")],
)
def test_an_older_credential_is_not_believed_against_a_time_by_its_newer_name(
    make: Callable[[Any], Any], name: str, said: str, wanted: str
) -> None:
    document = made.document()
    older = {"@context": [VC1_CONTEXT, *document["@context"][1:]], "issuanceDate": document["validFrom"]}
    assert made.codes(made.checked(make(document | older))) == set()
    assert made.codes(made.checked(make(document | older | {name: said}))) == {wanted}


@pytest.mark.parametrize(
    "token",
    [
        *("", "a", "a.b", "a.b.c.d", "....", "é.é.é", "e30.e30.", "e30.W10.AA", "bnVsbA.e30.AA", "e30.e31.AA"),
        "x" * (256 * 1024 + 1),
        f"{base64.urlsafe_b64encode(b'{' * 1000).decode()}.e30.AA",
    ],
)
def test_what_is_no_jwt_is_refused_as_such(token: str) -> None:
    assert made.checked(token).faults


def test_a_signature_cannot_be_written_in_two_ways() -> None:
    token = made.jwt(algorithm=Algorithm.RS256)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    other = alphabet[alphabet.index(token[-1]) ^ 1]
    assert made.codes(made.checked(token[:-1] + other)) == {"not_a_jwt"}
    assert made.codes(made.checked(token + "=")) == {"not_a_jwt"}


@pytest.mark.parametrize("headers", [{"crit": ["b64"], "b64": True}, {"b64": True}, {"typ": "at+jwt"}])
def test_headers_that_change_what_is_signed_are_refused(headers: dict[str, Any]) -> None:
    head, body, signature = made.jwt().split(".")
    said = json.loads(base64.urlsafe_b64decode(head + "==")) | headers
    changed = base64.urlsafe_b64encode(json.dumps(said).encode()).rstrip(b"=").decode()
    assert made.codes(made.checked(f"{changed}.{body}.{signature}")) == {"not_a_jwt"}


def test_of_several_proofs_each_that_can_be_checked_has_to_hold() -> None:
    good, other = made.proven(), made.proven()
    other["proof"]["created"] = "2026-07-02T04:00:00Z"
    unknown = {"type": "SomeProofType", "created": "2022-11-16T18:54:22Z"}
    assert made.checked(good | {"proof": [unknown, good["proof"]]}).faults == ()
    assert made.codes(made.checked(good | {"proof": [good["proof"], other["proof"]]})) == {"signature_wrong"}
    assert made.codes(made.checked(good | {"proof": [unknown]})) == {"proof_unsupported"}
    assert made.codes(made.checked(good | {"proof": []})) == {"proof_missing"}
    assert made.codes(made.checked(good | {"proof": [good["proof"]] * 9})) == {"proof_missing"}
    assert made.codes(made.checked(made.document())) == {"proof_missing"}


def test_the_did_document_alone_is_enough_to_check() -> None:
    read = made.read_back()
    assert read is not None
    for algorithm in Algorithm:
        assert checked_jwt(made.jwt(algorithm=algorithm), {read.id: read}, made.AT).faults == ()
    assert checked_document(made.proven(), {read.id: read}, made.AT).faults == ()


SPOILT: list[Callable[[Document], object]] = [
    lambda document: document.pop("id"),
    lambda document: document.pop("verificationMethod"),
    lambda document: document.update(assertionMethod=[]),
    lambda document: document.pop("assertionMethod"),
    lambda document: document["verificationMethod"][0].update(controller="did:web:other.example"),
    lambda document: document["verificationMethod"][0].pop("publicKeyJwk"),
    lambda document: document["verificationMethod"][0]["publicKeyJwk"].update(kty="oct", k="AA"),
    lambda document: document["verificationMethod"][0].update(expires="soon"),
    lambda document: document["verificationMethod"].append(document["verificationMethod"][0]),
]


@pytest.mark.parametrize("spoil", SPOILT)
def test_a_did_document_that_is_unsound_makes_nobody_trusted(spoil: Callable[[Document], object]) -> None:
    document = copy.deepcopy(did_document(made.DID, made.published()))
    spoil(document)
    assert issuer_from(document, "spoilt") is None


def test_a_key_that_its_issuer_does_not_assert_with_counts_not() -> None:
    document = did_document(made.DID, made.published())
    document["assertionMethod"].remove(made.proven()["proof"]["verificationMethod"])
    issuer = issuer_from(document, "less")
    assert issuer is not None
    assert made.codes(checked_document(made.proven(), {issuer.id: issuer}, made.AT)) == {"key_unknown"}


def test_a_withdrawn_key_is_told_and_asserts_nothing() -> None:
    document = did_document(made.DID, made.published(until=made.AT, is_withdrawn=True))
    assert document["assertionMethod"] == []
    assert {one["revoked"] for one in document["verificationMethod"]} == {"2026-07-01T04:00:00Z"}


@pytest.mark.parametrize(
    ("address", "did"),
    [
        ("https://bank.example", "did:web:bank.example"),
        ("http://127.0.0.1:8000", "did:web:127.0.0.1%3A8000"),
        ("https://bank.example/credit/bank", "did:web:bank.example:credit:bank"),
    ],
)
def test_the_did_of_an_address_is_that_of_did_web(address: str, did: str) -> None:
    assert did_of(address) == did


@pytest.mark.parametrize(
    "jwk",
    [
        {},
        {"kty": "oct", "k": "AA"},
        {"kty": "EC", "crv": "P-384", "x": "AA", "y": "AA"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kty": "OKP", "crv": "X25519", "x": "A" * 43},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
        {"kty": "RSA", "n": 1, "e": "AQAB"},
        {"kty": ["EC"]},
    ],
)
def test_keys_of_other_kinds_or_too_weak_are_none(jwk: dict[str, Any]) -> None:
    assert key_of_jwk(jwk) is None
