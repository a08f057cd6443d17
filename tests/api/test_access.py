"""Access: who gets a token and for what, which tokens count, and what a token lets its bearer see and do."""

import base64
import hashlib
import hmac
import json
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from creditbank.core.permission import SCOPES
from creditbank.formats.signing import new_signing_key
from creditbank.services.bank import Answer, Errand, Work, carried_out
from creditbank.services.clients import Credentials, administrator, rotate_secret
from creditbank.storage import clients
from tests.builders import BASE_URL, NOW, House, add_client, basic, learner_body, outcome_body

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

DECISION_READERS = {"outcomes:read", "outcomes:write", "conversions:write", "conversions:review", "audit:read"}
"""Whoever records outcomes, applies or reviews reads what was decided on them."""

NOBODY = "00000000-0000-0000-0000-000000000001"


def asked(house: House, headers: dict[str, str] | None = None, **form: str) -> Any:
    """Ask for a token."""
    return house.http.post("/oauth/token", data={"grant_type": "client_credentials"} | form, headers=headers)


def refused(answer: Any) -> tuple[int, str]:
    """Return how a request for a token was refused, after looking that nothing else is told."""
    assert answer.mimetype == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "access_token" not in answer.get_data(as_text=True)
    return answer.status_code, answer.get_json()["error"]


# --- the token endpoint


def test_a_client_gets_a_token_by_basic_and_by_form(house: House) -> None:
    made = add_client(house.bank, "cqdx", ("balance:read", "outcomes:write"))
    client_id, secret = made.client.id, made.secret
    for answer in (
        asked(house, basic(client_id, secret)),
        asked(house, client_id=client_id, client_secret=secret),
    ):
        assert answer.status_code == 200, answer.get_data(as_text=True)
        assert answer.headers["Cache-Control"] == "no-store"
        document = answer.get_json()
        assert document.keys() == {"access_token", "token_type", "expires_in", "scope"}
        assert (document["token_type"], document["expires_in"]) == ("Bearer", 600)
        assert document["scope"] == "balance:read outcomes:write"
        headers = {"Authorization": f"Bearer {document['access_token']}"}
        assert house.http.get("/v1/schemes", headers=headers).status_code == 200


def test_a_token_is_given_whatever_address_the_last_hop_used(house: House) -> None:
    """Authlib looks for https in it, which a proxy has taken away."""
    made = add_client(house.bank, "cqdx", ("balance:read",))
    for host in ("bank.example.cn", "10.0.0.7:8001", "[no host"):
        answer = asked(house, basic(made.client.id, made.secret) | {"Host": host})
        assert answer.status_code == 200, answer.get_data(as_text=True)


def test_a_wrong_secret_and_an_unknown_client_are_answered_alike(house: House) -> None:
    made = add_client(house.bank, "cqdx", ("balance:read",))
    wrong = [(made.client.id, "wrong"), ("nobody", made.secret), ("nobody", "wrong"), ("a\0b", "x"), ("n" * 500, "x")]
    answers = [asked(house, basic(name, secret)) for name, secret in wrong]
    answers += [asked(house, client_id=name, client_secret=secret) for name, secret in wrong]
    answers += [
        asked(house),
        asked(house, client_id=made.client.id),
        asked(house, {"Authorization": "Basic " + base64.b64encode(b"\xff\xfe:\xff").decode()}),
        asked(house, {"Authorization": "Basic !"}),
        asked(house, client_assertion_type=ASSERTION, client_assertion="a.b.c"),
    ]
    assert {refused(answer) for answer in answers} == {(401, "invalid_client")}
    assert len({answer.get_data() for answer in answers[:-5]}) == 1


def test_a_client_gets_the_scopes_that_it_asks_for_and_no_more_than_it_was_granted(house: House) -> None:
    made = add_client(house.bank, "cqdx", ("balance:read", "statement:read"))
    login = basic(made.client.id, made.secret)
    assert asked(house, login, scope="balance:read").get_json()["scope"] == "balance:read"
    for scope in ("outcomes:write", "balance:read outcomes:write", "no-such", "balance:read,statement:read", "admin"):
        assert refused(asked(house, login, scope=scope)) == (400, "invalid_scope")


def test_no_other_grant_is_taken(house: House) -> None:
    made = add_client(house.bank, "cqdx", ("balance:read",))
    login = basic(made.client.id, made.secret)
    for grant in ("password", "authorization_code", "refresh_token", "", "client_credentials "):
        assert refused(asked(house, login, grant_type=grant)) == (400, "unsupported_grant_type")
    without = house.http.post("/oauth/token", data={}, headers=login)
    assert refused(without) == (400, "unsupported_grant_type")
    as_json = house.http.post("/oauth/token", json={"grant_type": "client_credentials"}, headers=login)
    assert refused(as_json) == (400, "unsupported_grant_type")


def test_two_secrets_live_at_once_and_a_third_ends_the_oldest(house: House) -> None:
    first = add_client(house.bank, "cqdx", ("balance:read",))
    client_id = first.client.id
    second = rotated(house, client_id)
    assert [status(house, client_id, made.secret) for made in (first, second)] == [200, 200]
    third = rotated(house, client_id)
    assert [status(house, client_id, made.secret) for made in (first, second, third)] == [401, 200, 200]
    fourth = rotated(house, client_id)
    assert [status(house, client_id, made.secret) for made in (second, third, fourth)] == [401, 200, 200]


def rotated(house: House, client_id: str) -> Credentials:
    """Give the client another secret, a minute later."""
    house.clock.move(minutes=1)
    made: list[Credentials] = []

    def action(work: Work) -> Answer:
        made.append(rotate_secret(work, client_id))
        return Answer({}, is_new=True, subject=client_id)

    carried_out(house.bank, Errand(administrator(), "test.rotate"), action)
    return made[-1]


def status(house: House, client_id: str, secret: str) -> int:
    code: int = asked(house, basic(client_id, secret)).status_code
    return code


def test_a_secret_is_nowhere_in_the_database(house: House, tmp_path: Path) -> None:
    made = add_client(house.bank, "cqdx", ("balance:read",))
    assert status(house, made.client.id, made.secret) == 200
    with house.bank.database.reading() as connection:
        hashes = [stored.secret_hash for stored in clients.secrets(connection, made.client.id)]
    assert all(stored.startswith("$argon2id$") for stored in hashes)
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("bank.sqlite3*"))
    assert made.secret.encode() not in stored
    assert stored == b"" or made.client.id.encode() in stored  # PostgreSQL keeps its files elsewhere


def test_a_deactivated_client_gets_no_token(house: House) -> None:
    made = add_client(house.bank, "cqdx", ("balance:read",))
    assert status(house, made.client.id, made.secret) == 200
    with house.bank.database.transaction() as connection:
        clients.set_active(connection, made.client.id, is_active=False)
    assert refused(asked(house, basic(made.client.id, made.secret))) == (401, "invalid_client")


# --- private_key_jwt


class Signer:
    """A client that signs its assertions with a key of its own."""

    def __init__(self, house: House, key: Any = None, alg: str = "ES256") -> None:
        self.house, self.alg = house, alg
        self.key = key or ec.generate_private_key(ec.SECP256R1())
        algorithm: Any = RSAAlgorithm if alg in ("RS256", "PS256") else ECAlgorithm
        public = algorithm.to_jwk(self.key.public_key(), as_dict=True) | {"kid": "one", "use": "sig"}
        keys = json.dumps({"keys": [public]})
        self.client_id = add_client(house.bank, "cqdx", ("balance:read",), keys).client.id

    def assertion(self, key: Any = None, alg: str = "", **changes: Any) -> str:
        """Return an assertion; a change of None leaves the claim out."""
        now = int(time.time())
        claims = {"iss": self.client_id, "sub": self.client_id, "aud": f"{BASE_URL}/oauth/token", "exp": now + 60}
        claims |= {"jti": f"{now}-{next(self.house.numbers)}"} | changes
        payload = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(payload, key or self.key, algorithm=alg or self.alg, headers={"kid": "one"})

    def ask(self, assertion: str) -> Any:
        return asked(self.house, client_assertion_type=ASSERTION, client_assertion=assertion)


def test_a_client_shows_who_it_is_by_its_own_key(house: House) -> None:
    signer = Signer(house)
    answer = signer.ask(signer.assertion())
    assert answer.status_code == 200, answer.get_data(as_text=True)
    headers = {"Authorization": f"Bearer {answer.get_json()['access_token']}"}
    assert house.http.get("/v1/schemes", headers=headers).status_code == 200
    assert signer.ask(signer.assertion(aud=BASE_URL)).status_code == 200


def test_every_algorithm_that_the_metadata_names_is_taken(house: House) -> None:
    named = house.http.get("/.well-known/oauth-authorization-server").get_json()
    big = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    for alg in named["token_endpoint_auth_signing_alg_values_supported"]:
        signer = Signer(house, None if alg == "ES256" else big, alg)
        assert (alg, signer.ask(signer.assertion()).status_code) == (alg, 200)


def test_an_assertion_counts_once(house: House) -> None:
    signer = Signer(house)
    assertion = signer.assertion()
    assert [signer.ask(assertion).status_code for _ in range(3)] == [200, 401, 401]


def test_an_assertion_that_is_not_the_clients_own_for_here_and_now_is_refused(house: House) -> None:
    signer, other = Signer(house), Signer(house)
    now = int(time.time())
    spoilt: tuple[dict[str, Any], ...] = (
        *({name: None} for name in ("iss", "sub", "aud", "exp", "jti")),
        *({"aud": "https://elsewhere.test"}, {"iss": "other"}, {"sub": "nobody", "iss": "nobody"}, {"sub": 7}),
        *({"exp": now - 3600}, {"exp": now + 10**6}, {"exp": 2**60}, {"exp": "soon"}, {"nbf": now + 3600}),
        *({"jti": ""}, {"jti": "j" * 129}, {"jti": 7}, {"jti": "a\0b"}, {"sub": "a\0b", "iss": "a\0b"}),
        {"sub": other.client_id, "iss": other.client_id},
    )
    for changes in spoilt:
        answer = signer.ask(signer.assertion(**changes))
        assert (changes, refused(answer)) == (changes, (401, "invalid_client"))
    public = signer.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    header, payload, _ = signer.assertion().split(".")
    deep = part(b'{"a":' * 2000 + b"1" + b"}" * 2000)
    forged = (
        signer.assertion(key=other.key),
        part(b'{"alg":"none"}') + f".{payload}.",
        forged_hs256(public, payload, {"kid": "one"}),
        f"{header}.{deep}.x",
        f"{deep}.{payload}.x",
        f"{header}.{payload}",
        "",
        "..",
        "é.é.é",
        "a" * 100_000,
    )
    for assertion in forged:
        assert refused(signer.ask(assertion)) == (401, "invalid_client"), assertion[:80]
    keyless = add_client(house.bank, "cqdx", ("balance:read",)).client.id
    assert refused(signer.ask(signer.assertion(sub=keyless, iss=keyless))) == (401, "invalid_client")


def part(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def forged_hs256(secret: bytes, payload: str, header: dict[str, Any]) -> str:
    """Return a token whose signature is made with a public key as the secret, which PyJWT refuses to make."""
    signed = f"{part(json.dumps({'alg': 'HS256', **header}).encode())}.{payload}"
    return f"{signed}.{part(hmac.digest(secret, signed.encode(), hashlib.sha256))}"


# --- tokens


def test_anybody_can_verify_a_token_by_the_published_metadata_and_keys(house: House) -> None:
    made = add_client(house.bank, "cqdx", ("balance:read",))
    token = asked(house, basic(made.client.id, made.secret)).get_json()["access_token"]
    metadata = house.http.get("/.well-known/oauth-authorization-server").get_json()
    assert metadata["issuer"] == BASE_URL
    assert metadata["token_endpoint"] == f"{BASE_URL}/oauth/token"
    assert set(metadata["scopes_supported"]) == SCOPES.keys()
    keys = house.http.get(metadata["jwks_uri"].removeprefix(BASE_URL)).get_json()["keys"]
    assert all("d" not in key for key in keys)
    header = jwt.get_unverified_header(token)
    assert (header["typ"], header["alg"]) == ("at+jwt", "ES256")
    key = jwt.PyJWK(next(key for key in keys if key["kid"] == header["kid"]))
    claims = jwt.decode(
        token, key, algorithms=["ES256"], issuer=BASE_URL, audience=BASE_URL, options={"verify_exp": False}
    )
    assert (claims["client_id"], claims["sub"], claims["scope"]) == (made.client.id, made.client.id, "balance:read")
    assert claims["exp"] - claims["iat"] == 600
    assert claims["iat"] == int(NOW.timestamp())
    assert claims["jti"]


def test_a_token_ends_after_ten_minutes(house: House) -> None:
    headers = house.auth()
    house.clock.move(seconds=599)
    assert house.http.get("/v1/schemes", headers=headers).status_code == 200
    house.clock.move(seconds=1)
    answer = house.http.get("/v1/schemes", headers=headers)
    assert (answer.status_code, answer.get_json()["errors"][0]["code"]) == (401, "expired_token")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def claims_of(house: House, **changes: Any) -> dict[str, Any]:
    """Return the claims of a sound token of a client; a change of None leaves the claim out."""
    client_id = house.client("cqdx", "balance:read")
    issued = int(house.clock().timestamp())
    claims = {"iss": BASE_URL, "aud": BASE_URL, "sub": client_id, "client_id": client_id, "scope": "balance:read"}
    claims |= {"iat": issued, "exp": issued + 600, "jti": "j"} | changes
    return {name: value for name, value in claims.items() if value is not None}


def signed(house: House, claims: dict[str, Any], **header: Any) -> str:
    """Return a token signed by the bank's own key."""
    key = house.bank.keyring.signing_key
    headers = {"typ": "at+jwt", "kid": key.public.kid} | header
    return jwt.encode(claims, key.private, algorithm="ES256", headers=headers)


SPOILT: tuple[dict[str, Any], ...] = (
    *({name: None} for name in ("exp", "iss", "aud", "sub", "client_id", "iat", "jti")),
    *({"aud": "https://elsewhere.test"}, {"iss": "https://elsewhere.test"}, {"sub": "other"}, {"client_id": "nobody"}),
    *({"exp": int(NOW.timestamp())}, {"exp": "9999999999"}, {"exp": True}, {"exp": 1e20}, {"aud": [BASE_URL]}),
    *({"nbf": int(NOW.timestamp()) + 3600}, {"iat": int(NOW.timestamp()) + 3600}, {"scope": ["balance:read"]}),
    {"client_id": "learner"},
    *({"act": act} for act in ({"sub": "x"}, {"sub": ""}, {"sub": 7}, {}, "x", [], {"sub": "x", "act": {"sub": "y"}})),
    *({"client_id": client_id, "sub": NOBODY} for client_id in ("staff:", "staff:x", f"staff:{NOBODY}")),
    {"client_id": f"staff:{NOBODY}", "sub": NOBODY, "act": {"sub": NOBODY}},
)
"""What is changed in the claims of a sound token, signed by the bank's own key, so that it counts no longer."""


def test_a_token_counts_only_as_the_bank_issues_it(house: House) -> None:
    claims = claims_of(house)
    key = house.bank.keyring.signing_key
    public = key.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    sound = signed(house, claims)
    assert answered(house, sound) == 200
    payload = sound.split(".")[1]
    ours = {"typ": "at+jwt", "kid": key.public.kid}
    stranger = new_signing_key()
    foreign = {
        "alg none": f"{part(json.dumps({'alg': 'none', **ours}).encode())}.{payload}.",
        "alg none with a signature": f"{part(json.dumps({'alg': 'none', **ours}).encode())}.{payload}.{part(b'x')}",
        "HS256 with the public key": forged_hs256(public, payload, ours),
        "HS256 with the public key in DER": forged_hs256(
            key.private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo), payload, ours
        ),
        "an unknown key": jwt.encode(claims, stranger.private, "ES256", ours | {"kid": stranger.public.kid}),
        "our kid on another's key": jwt.encode(claims, stranger.private, "ES256", ours),
        "no kid": jwt.encode(claims, key.private, "ES256", {"typ": "at+jwt"}),
        "an ID token": signed(house, claims, typ="JWT"),
        "a key of its own": jwt.encode(
            claims,
            stranger.private,
            "ES256",
            ours | {"jwk": ECAlgorithm.to_jwk(stranger.private.public_key(), as_dict=True)},
        ),
        "unknown extensions": signed(house, claims, crit=["x"], x=1),
        "another signature": sound[:-8] + "AAAAAAAA",
        "a changed payload": ".".join([sound.split(".")[0], part(json.dumps(claims).encode()), sound.split(".")[2]]),
        "two parts": sound.rpartition(".")[0],
        "four parts": sound + ".x",
        "no token": "x",
        "a long one": sound + "A" * 9000,
        "Chinese": "令.牌.牌",
    } | {json.dumps(changes): signed(house, claims_of(house, **changes)) for changes in SPOILT}
    assert {name: status for name, token in foreign.items() if (status := answered(house, token)) != 401} == {}


def answered(house: House, token: str) -> int:
    """Return the status of a request with the token, after looking at the form of its refusal."""
    answer = house.http.get("/v1/schemes", headers={"Authorization": f"Bearer {token}".encode().decode("latin-1")})
    if answer.status_code == 401:
        assert answer.mimetype == "application/problem+json"
        assert answer.get_json()["errors"][0]["code"] in ("invalid_token", "expired_token")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    code: int = answer.status_code
    return code


def test_without_a_bearer_token_nothing_is_answered(house: House) -> None:
    for headers in ({}, {"Authorization": "Bearer"}, {"Authorization": "Bearer "}, basic("a", "b")):
        for path in ("/v1/schemes", "/v1/institutions", f"/v1/learners/{NOBODY}", "/v1/rulesets"):
            answer = house.http.get(path, headers=headers)
            assert (answer.status_code, answer.get_json()["errors"][0]["code"]) == (401, "token_missing")


# --- scopes


def test_every_protected_operation_needs_its_scope(house: House) -> None:
    learner = house.open_learner()
    outcome = house.post_outcome(learner["id"])
    record = outcome_body(learner["id"], 99)
    mine, one = f"/v1/learners/{learner['id']}", f"/v1/outcomes/{outcome['id']}"
    decision = f"/v1/decisions/{outcome['decision_id']}"
    institution = {"code": "x", "name": "x", "level": "city", "roles": ["issuer"]}
    scheme = {"code": "x", "title_zh": "x", "title_en": "x", "hours_per_credit": "1"}
    pack = house.http.get("/v1/rulesets/cn-chongqing-community/versions/1", headers=house.auth()).get_json()
    operations: tuple[tuple[str, str, Any, set[str]], ...] = (
        ("POST", "/v1/learners", learner_body(99), {"learners:write"}),
        ("GET", mine, None, READERS),
        ("POST", "/v1/outcomes", record, {"outcomes:write"}),
        ("POST", "/v1/outcomes/batch", [record], {"outcomes:write"}),
        ("PUT", one, record, {"outcomes:write"}),
        ("POST", f"{one}/revoke", {"reason": "误"}, {"outcomes:write"}),
        ("GET", one, None, {"outcomes:read", "outcomes:write", "audit:read"}),
        ("GET", f"{mine}/outcomes", None, {"outcomes:read", "audit:read"}),
        ("GET", f"{mine}/balance", None, {"balance:read", "audit:read"}),
        ("GET", f"{mine}/statement", None, {"statement:read", "audit:read"}),
        ("GET", decision, None, DECISION_READERS),
        ("POST", f"{decision}/replay", None, DECISION_READERS),
        ("POST", "/v1/rulesets", pack["document"], {"rules:write"}),
        ("POST", "/v1/rulesets/cn-chongqing-community/versions/1/publish", None, {"rules:publish"}),
        ("POST", "/v1/institutions", institution, {"admin"}),
        ("POST", "/v1/schemes", scheme, {"rules:write", "admin"}),
        ("POST", f"{mine}/link-codes", None, {"learners:write"}),
        ("POST", "/v1/staff", {"institution": "cqdx", "name": "x", "roles": []}, {"staff:write"}),
        ("GET", "/v1/staff", None, {"staff:write"}),
        ("GET", f"/v1/staff/{NOBODY}", None, {"staff:write"}),
        ("PUT", f"/v1/staff/{NOBODY}/roles", {"roles": []}, {"staff:write"}),
        ("POST", f"/v1/staff/{NOBODY}/invitations", None, {"staff:write"}),
        ("POST", f"/v1/staff/{NOBODY}/deactivate", None, {"staff:write"}),
        ("GET", "/v1/audit", None, {"audit:log"}),
    )
    for method, path, body, wanted in operations:
        others = sorted(SCOPES.keys() - wanted)
        headers = house.auth("cqdx", *others) | {"If-Match": '"9"'}
        answer = house.http.open(path, method=method, json=body, headers=headers)
        assert (method, path, answer.status_code) == (method, path, 403)
        assert answer.get_json()["errors"][0]["code"] == "scope_missing"
        for scope in sorted(wanted):
            headers = house.auth("cqdx", scope) | {"If-Match": '"9"'}
            answer = house.http.open(path, method=method, json=body, headers=headers)
            assert (method, path, scope, answer.status_code == 403) == (method, path, scope, False)


READERS = {
    *(
        "learners:write",
        "outcomes:write",
        "outcomes:read",
        "balance:read",
        "statement:read",
        "identity:read",
        "audit:read",
    )
}


# --- learners and others


def test_a_learner_reads_what_is_theirs_as_me_and_by_their_id(house: House) -> None:
    learner = house.open_learner()
    outcome = house.post_outcome(learner["id"])
    auth = house.learner_auth(learner["id"])
    for path in ("", "/balance", "/balance?as_of=2026-07-01", "/statement", "/outcomes"):
        as_me = house.http.get(f"/v1/learners/me{path}", headers=auth)
        by_id = house.http.get(f"/v1/learners/{learner['id']}{path}", headers=auth)
        assert (path, as_me.status_code, as_me.get_json()) == (path, 200, by_id.get_json())
    assert house.http.get("/v1/learners/me/outcomes", headers=auth).get_json()["items"][0]["id"] == outcome["id"]
    for path in (f"/v1/outcomes/{outcome['id']}", f"/v1/decisions/{outcome['decision_id']}"):
        assert house.http.get(path, headers=auth).status_code == 200


def test_a_learner_can_neither_see_others_nor_write(house: House) -> None:
    learner, other = house.open_learner(), house.open_learner()
    outcome = house.post_outcome(other["id"])
    auth = house.learner_auth(learner["id"])
    for path in ("", "/balance", "/balance?known_at=2026-07-01T00:00:00Z", "/statement", "/outcomes"):
        answers = [house.http.get(f"/v1/learners/{name}{path}", headers=auth) for name in (other["id"], NOBODY)]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert len({body_of(answer) for answer in answers}) == 1
    for path in ("/v1/outcomes/", "/v1/decisions/"):
        foreign = outcome["id"] if "outcomes" in path else outcome["decision_id"]
        answers = [house.http.get(path + name, headers=auth) for name in (foreign, NOBODY)]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert len({body_of(answer) for answer in answers}) == 1
    own = house.post_outcome(learner["id"])
    record = outcome_body(learner["id"], 99)
    for method, path, body in (
        ("POST", "/v1/learners", learner_body(99)),
        ("POST", "/v1/outcomes", record),
        ("POST", "/v1/outcomes/batch", [record]),
        ("PUT", f"/v1/outcomes/{own['id']}", record),
        ("POST", f"/v1/outcomes/{own['id']}/revoke", {"reason": "误"}),
        ("POST", "/v1/schemes", {"code": "x", "title_zh": "x", "title_en": "x", "hours_per_credit": "1"}),
        ("POST", "/v1/rulesets/cn-chongqing-community/versions/1/publish", None),
    ):
        answer = house.http.open(path, method=method, json=body, headers=auth | {"If-Match": '"1"'})
        assert (path, answer.status_code) == (path, 403)


def test_a_learner_who_does_not_exist_sees_nothing(house: House) -> None:
    house.open_learner()
    headers = house.learner_auth(NOBODY)
    assert house.http.get("/v1/learners/me", headers=headers).status_code == 404
    assert house.http.get("/v1/learners/me/balance", headers=headers).get_json()["balances"] == []


def body_of(answer: Any) -> str:
    """Return the text of an answer without the number of the request."""
    text: str = answer.get_data(as_text=True)
    return text.replace(answer.headers["X-Request-Id"], "")


@pytest.mark.parametrize(("stranger", "audited"), [("cqou", 200), ("partner", 403)])
def test_an_institution_sees_only_learners_whom_it_knows(house: House, stranger: str, audited: int) -> None:
    learner = house.open_learner("cqdx", name="相识")
    house.post_outcome(learner["id"], "cqdx")
    every = sorted(SCOPES.keys() - {"audit:read"})
    for path in ("", "/balance", "/statement", "/outcomes"):
        url = f"/v1/learners/{learner['id']}{path}"
        assert house.http.get(url, headers=house.auth("cqdx", *every)).status_code == 200
        assert house.http.get(url, headers=house.auth(stranger, *every)).status_code == 404
        assert house.http.get(url, headers=house.auth(stranger, "audit:read")).status_code == audited


def test_a_client_acts_for_its_own_institution_whatever_it_says(house: House) -> None:
    learner = house.open_learner("cqdx")
    outcome = house.post_outcome(learner["id"], "cqdx", external_id="same")
    body = learner_body(1)  # the same person, known to the other institution from now on
    house.http.post("/v1/learners", json=body, headers=house.auth("cqou"))
    other = house.post_outcome(learner["id"], "cqou", external_id="same", title="别的课")
    assert other["id"] != outcome["id"]
    for name in ("institution", "issuer", "institution_id"):
        record = outcome_body(learner["id"], 50) | {name: "cqdx"}
        answer = house.http.post("/v1/outcomes", json=record, headers=house.auth("cqou"))
        assert answer.status_code == 422
    listed = house.http.get(f"/v1/learners/{learner['id']}/outcomes", headers=house.auth("cqou")).get_json()["items"]
    assert [item["id"] for item in listed] == [other["id"]]


def test_a_token_of_another_bank_does_not_count(house: House) -> None:
    house.app.config["ISSUER"] = "https://other.test"
    assert house.http.get("/v1/schemes", headers=house.auth()).status_code == 401


def test_a_token_from_a_server_whose_clock_is_a_minute_ahead_counts(house: House) -> None:
    issued = int((house.clock() + timedelta(seconds=60)).timestamp())
    assert answered(house, signed(house, claims_of(house, iat=issued))) == 200
    assert answered(house, signed(house, claims_of(house, iat=issued + 1))) == 401
