"""Trials of what others rely on: who sees nothing, credentials that hold without the server, and the log."""

import base64
import time
from datetime import UTC, datetime
from typing import Any

from creditbank.conformance.target import NOBODY, Client, NotTriable, Target, record
from creditbank.conformance.trials import Area, expect, expect_equal, expect_status, trial
from creditbank.core.checkpoint import parsed_checkpoint
from creditbank.core.merkle import proves_consistency, proves_inclusion
from creditbank.formats.credential_check import checked_document, checked_jwt
from creditbank.formats.credential_issuers import Issuer, issuer_from
from creditbank.formats.signed_note import opened_note
from creditbank.formats.status_list import is_set

SEAL_SECONDS = 30
"""How long the log may take to have its first leaves."""


@trial(Area.PRIVACY, "another institution's learners and outcomes answer as those that don't exist")
def hides_what_is_foreign(target: Target) -> None:
    """Try to read what is another institution's, and what is nobody's."""
    client, other = target.issuers()
    learner = target.learner(client)["id"]
    outcome = target.outcome(client, learner)["id"]
    for pattern, foreign in (
        ("/v1/learners/{}", learner),
        ("/v1/learners/{}/balance", learner),
        ("/v1/learners/{}/statement", learner),
        ("/v1/outcomes/{}", outcome),
    ):
        _expect_alike(target, other, pattern, foreign)


@trial(Area.PRIVACY, "a partner platform reads nothing without the learner's consent")
def asks_for_consent(target: Target) -> None:
    """Try a partner without a consent."""
    client, _ = target.issuers()
    partner = target.with_scope("balance:read", without="outcomes:write")
    learner = target.learner(client)["id"]
    target.outcome(client, learner)
    _expect_alike(target, partner, "/v1/learners/{}/balance", learner)


def _expect_alike(target: Target, client: Client, pattern: str, foreign: str) -> None:
    """Go on if what is foreign is answered as what doesn't exist."""
    answers = [target.ask(client, "GET", pattern.format(one)) for one in (foreign, NOBODY)]
    expect_status(answers[0], 404)
    expect_status(answers[1], 404)
    seen, missing = (answer.json() | {"request_id": None} for answer in answers)
    expect(seen == missing, f"GET {pattern} answers otherwise than for what doesn't exist")


@trial(Area.CREDENTIALS, "a credential holds by the issuer's published keys alone, as a document and as a JWT")
def issues_proofs(target: Target) -> None:
    """Try both forms of a credential by the DID document alone, whole and changed."""
    client, made = _issued(target)
    issuer = _issuer(target)
    now, trusted = datetime.now(UTC), {issuer.id: issuer}
    document = target.ask(client, "GET", f"/v1/credentials/{made['id']}").raise_for_status().json()
    token = _jwt(target, client, made["id"])
    for form, faults in (
        ("document", checked_document(document, trusted, now).faults),
        ("JWT", checked_jwt(token, trusted, now).faults),
    ):
        expect(not faults, f"the {form} doesn't hold: {', '.join(fault.code for fault in faults)}")
    changed = document | {"validFrom": "2020-01-01T00:00:00Z"}
    expect(bool(checked_document(changed, trusted, now).faults), "a changed document holds, too")
    verdict = target.http.post("/v1/credentials/verify", json={"credential": token}).raise_for_status().json()
    expect_equal((verdict["accepted"], verdict["status"]), (True, "valid"), "(accepted, status)")


@trial(Area.CREDENTIALS, "a request under an Idempotency-Key has one effect, and the key is for one content")
def repeats_without_effect(target: Target) -> None:
    """Try to have a credential issued twice under one key, then another one."""
    client = _credential_issuer(target)
    learner = target.learner(client)["id"]
    wishes = [{"kind": "outcome", "subject_id": target.outcome(client, learner)["id"]} for _ in range(2)]
    headers = {"Idempotency-Key": record(learner)["external_id"]}
    first = target.ask(client, "POST", "/v1/credentials", json=wishes[0], headers=headers)
    expect_status(first, 201)
    again = target.ask(client, "POST", "/v1/credentials", json=wishes[0], headers=headers)
    expect_equal(again.json()["id"], first.json()["id"], "id")
    expect_status(target.ask(client, "POST", "/v1/credentials", json=wishes[1], headers=headers), 422)


@trial(Area.CREDENTIALS, "what is revoked says so at once: to the verifier and in the status list")
def revokes_proofs(target: Target) -> None:
    """Try a credential whose outcome is revoked."""
    client, made = _issued(target)
    token = _jwt(target, client, made["id"])
    document = target.ask(client, "GET", f"/v1/credentials/{made['id']}").raise_for_status().json()
    target.ask(
        client, "POST", f"/v1/outcomes/{made['subject_id']}/revoke", json={"reason": "一致性测试"}
    ).raise_for_status()
    verdict = target.http.post("/v1/credentials/verify", json={"credential": token}).raise_for_status().json()
    expect_equal((verdict["accepted"], verdict["status"]), (False, "revoked"), "(accepted, status)")
    for entry in document["credentialStatus"]:
        path = entry["statusListCredential"].removeprefix(target.base_url)
        listed = target.http.get(path).raise_for_status().json()["credentialSubject"]
        expect_equal(
            is_set(listed["encodedList"], int(entry["statusListIndex"])),
            entry["statusPurpose"] == "revocation",
            f"the bit of {entry['statusPurpose']}",
        )


@trial(Area.LOG, "the log's checkpoint is a signed note whose tree has every leaf that is asked for, and only grew")
def proves_its_log(target: Target) -> None:
    """Try the newest checkpoint, the first and the last leaf, and that the tree grew from one leaf."""
    client, _ = target.issuers()
    target.outcome(client, target.learner(client)["id"])
    shown = _checkpoint(target)
    text = opened_note(shown["note"], shown["keys"])
    expect(text is not None, "none of the published keys has signed the checkpoint")
    checkpoint = parsed_checkpoint(shown["note"])
    root = base64.b64decode(shown["root"])
    expect_equal((checkpoint.size, checkpoint.root), (shown["size"], root), "(size, root) of the note")
    size = shown["size"]
    for position in {0, size - 1}:
        proof = target.http.get("/v1/log/proof", params={"position": position, "size": size}).raise_for_status().json()
        leaf, hashes = base64.b64decode(proof["leaf_hash"]), _hashes(proof)
        expect(proves_inclusion(leaf, position, size, hashes, root), f"leaf {position} isn't proven")
        if position == 0:
            first = leaf
    grown = target.http.get("/v1/log/proof", params={"from": 1, "to": size}).raise_for_status().json()
    expect(proves_consistency(1, size, _hashes(grown), first, root), "it isn't proven that the log only grew")


def _checkpoint(target: Target) -> dict[str, Any]:
    """Return the newest checkpoint; one with a leaf is waited for. Raises NotTriable."""
    until = time.monotonic() + SEAL_SECONDS
    while True:
        answer = target.http.get("/v1/log/checkpoint", headers={"Accept": "application/json"})
        if answer.is_success and answer.json()["size"] > 0:
            found: dict[str, Any] = answer.json()
            return found
        if time.monotonic() > until:
            raise NotTriable(f"a worker that seals what is posted within {SEAL_SECONDS} seconds")
        time.sleep(1)


def _hashes(proof: dict[str, Any]) -> list[bytes]:
    return [base64.b64decode(one) for one in proof["hashes"]]


def _issued(target: Target) -> tuple[Client, dict[str, Any]]:
    """Have a credential of an outcome issued. Raises NotTriable."""
    client = _credential_issuer(target)
    outcome = target.outcome(client, target.learner(client)["id"])
    answer = target.ask(client, "POST", "/v1/credentials", json={"kind": "outcome", "subject_id": outcome["id"]})
    expect_status(answer, 201)
    return client, dict(answer.json()) | {"subject_id": outcome["id"]}


def _credential_issuer(target: Target) -> Client:
    """Return the client that posts outcomes and has credentials of them issued. Raises NotTriable."""
    client, _ = target.issuers()
    if "credentials:issue" not in client.scopes:
        raise NotTriable("a client that posts outcomes with the scope credentials:issue")
    return client


def _jwt(target: Target, client: Client, credential_id: str) -> str:
    answer = target.ask(client, "GET", f"/v1/credentials/{credential_id}", headers={"Accept": "application/vc+jwt"})
    return answer.raise_for_status().text


def _issuer(target: Target) -> Issuer:
    """Return the server as the issuer that its DID document describes."""
    issuer = issuer_from(target.http.get("/.well-known/did.json").raise_for_status().json(), "the server under trial")
    if issuer is None:
        raise ValueError("the DID document has no key that can be used")
    return issuer
