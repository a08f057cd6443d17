"""Trials at the door: what a server says of itself, whom it lets in, and how it refuses."""

import jwt

from creditbank.conformance.target import NOBODY, Target, record
from creditbank.conformance.trials import Area, expect, expect_equal, expect_status, trial

PATHS = ("/v1/learners", "/v1/outcomes", "/v1/outcomes/batch", "/v1/learners/{learner_id}/balance", "/v1/conversions")
"""Some of the operations that every credit bank has."""

TOKEN_SECONDS_MAX = 600

MALFORMED = {
    "a member that is named twice": b'{"external_id": "a", "external_id": "b"}',
    "NaN": b'{"hours": NaN}',
    "a number that is too large": b'{"hours": 1E+999999999}',
    "half a character": b'{"title": "\\ud800"}',
    "text that goes on behind its end": b"{} {}",
    "nothing": b"",
}
"""Bodies that aren't JSON as RFC 8259 and common sense want it."""

DEEP = 100_000


@trial(Area.DISCOVERY, "the server is well and describes its operations as OpenAPI 3.1")
def describes_itself(target: Target) -> None:
    """Try GET /healthz and GET /openapi.json."""
    expect_status(target.http.get("/healthz"), 200)
    document = target.http.get("/openapi.json").raise_for_status().json()
    expect(str(document["openapi"]).startswith("3.1"), f"the document is of OpenAPI {document['openapi']}")
    missing = [path for path in PATHS if path not in document["paths"]]
    expect(not missing, f"the document lacks {' '.join(missing)}")


@trial(Area.DISCOVERY, "its OAuth metadata (RFC 8414) names where tokens are given and keys stand")
def names_its_keys(target: Target) -> None:
    """Try the metadata and the key set."""
    metadata = target.http.get("/.well-known/oauth-authorization-server").raise_for_status().json()
    expect_equal(metadata["issuer"], target.base_url, "issuer")
    for name in ("token_endpoint", "jwks_uri"):
        expect(metadata[name].startswith(target.base_url + "/"), f"{name} is {metadata[name]}")
    keys = target.http.get("/.well-known/jwks.json").raise_for_status().json()["keys"]
    expect(bool(keys) and all(key.get("kid") for key in keys), "the key set has no key with a kid")
    expect(not any("d" in key for key in keys), "the key set tells a private key")


@trial(Area.ACCESS, "an access token is a signed JWT (RFC 9068) of at most ten minutes")
def gives_tokens(target: Target) -> None:
    """Try a token: its head, its claims and its signature by a published key."""
    client, _ = target.issuers()
    token = target.token(client)
    head = jwt.get_unverified_header(token)
    expect_equal((head.get("typ"), head.get("alg")), ("at+jwt", "ES256"), "(typ, alg)")
    keys = {key["kid"]: key for key in target.http.get("/.well-known/jwks.json").json()["keys"]}
    expect(head["kid"] in keys, "the token's key is not published")
    try:
        said = jwt.decode(
            token, jwt.PyJWK(keys[head["kid"]]), algorithms=["ES256"], issuer=target.base_url,
            options={"require": ["exp", "iat", "iss", "aud", "sub"], "verify_aud": False},
        )  # fmt: skip
    except jwt.PyJWTError as error:
        expect(holds=False, seen=f"the token doesn't hold: {error}")
        return
    expect(said["exp"] - said["iat"] <= TOKEN_SECONDS_MAX, f"it lasts {said['exp'] - said['iat']} seconds")


@trial(Area.ACCESS, "nobody comes in without a token, with a changed one, or with a wrong secret")
def keeps_others_out(target: Target) -> None:
    """Try requests without a right to anything."""
    client, _ = target.issuers()
    token = target.token(client)
    head, body, signature = token.split(".")
    unsigned = jwt.encode({"sub": client.client_id, "iss": target.base_url}, "", algorithm="none")
    other = "B" if signature[0] == "A" else "A"
    for name, headers in (
        ("no token", {}),
        ("a changed token", {"Authorization": f"Bearer {head}.{body}.{other}{signature[1:]}"}),
        ("an unsigned token", {"Authorization": f"Bearer {unsigned}"}),
    ):
        answer = target.http.get("/v1/conversions", headers=headers)
        expect(answer.status_code == 401, f"{name} gets {answer.status_code}, not 401")  # noqa: PLR2004 - HTTP's own
        expect("Bearer" in answer.headers.get("WWW-Authenticate", ""), f"{name} isn't told how to come in")
    refused = target.http.post(
        "/oauth/token", data={"grant_type": "client_credentials"}, auth=(client.client_id, "wrong")
    )
    expect_status(refused, 401)


@trial(Area.ACCESS, "what a token has no scope for is refused with 403")
def asks_for_scopes(target: Target) -> None:
    """Try to post outcomes without the scope."""
    reader = target.with_scope("audit:read", without="outcomes:write")
    expect_status(target.ask(reader, "POST", "/v1/outcomes", json=record(NOBODY)), 403)


@trial(Area.REFUSALS, "refusals are problem details (RFC 9457) that say where and why in Chinese and English")
def explains_refusals(target: Target) -> None:
    """Try a record with faults."""
    client, _ = target.issuers()
    answer = target.ask(client, "POST", "/v1/outcomes", json={"kind": "no such kind", "surplus": 1})
    expect_status(answer, 422)
    expect_equal(answer.headers["Content-Type"].partition(";")[0], "application/problem+json", "Content-Type")
    problem = answer.json()
    expect_equal(problem["status"], 422, "status")
    expect(bool(problem["title"]) and bool(problem["type"]), "type or title is missing")
    found = {error["pointer"] for error in problem["errors"]}
    wanted = {"/kind", "/surplus", "/external_id"}
    expect(wanted <= found, f"faults are told at {sorted(found)}, not at {sorted(wanted)}")
    for error in problem["errors"]:
        expect(bool(error["code"] and error["message_zh"] and error["message_en"]), "a fault has no code or message")


@trial(Area.REFUSALS, "what is no sound JSON is refused, whatever it is, and never breaks the server")
def takes_sound_json_alone(target: Target) -> None:
    """Try malformed bodies."""
    client, _ = target.issuers()
    bodies = MALFORMED | {
        "lists in lists": b"[" * DEEP + b"]" * DEEP,
        "a body in another encoding": "{}".encode("utf-16"),
    }
    for name, body in bodies.items():
        answer = target.ask(client, "POST", "/v1/outcomes", content=body, headers={"Content-Type": "application/json"})
        expect(400 <= answer.status_code < 500, f"{name} gets {answer.status_code}")  # noqa: PLR2004 - HTTP's own


@trial(Area.REFUSALS, "amounts are exact decimals of at most two places, and nothing else is taken for one")
def takes_exact_amounts(target: Target) -> None:
    """Try amounts that can't be taken as they are."""
    client, _ = target.issuers()
    body = record(target.learner(client)["id"])
    for hours in (1.999, "1.999", "1_000", "１６", "-1", True, "1e3"):
        answer = target.ask(client, "POST", "/v1/outcomes", json=body | {"hours": hours})
        expect_status(answer, 422)
        pointers = {error["pointer"] for error in answer.json()["errors"]}
        expect("/hours" in pointers, f"hours of {hours!r} are taken")
