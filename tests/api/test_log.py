"""The log over HTTP: checkpoints and proofs for everybody, and an entry's proof for who may read it."""

import base64
from typing import Any

import pytest
from werkzeug.test import TestResponse

from creditbank.core.merkle import EMPTY_ROOT, leaf_hash, proves_consistency, proves_inclusion
from creditbank.formats.signed_note import opened_note
from creditbank.services.proofs import SIZE_MAX
from creditbank.services.sealing import Log, seal
from tests.builders import House

ORIGIN = "bank.example/v1/log"

JSON = {"Accept": "application/json"}

pytestmark = pytest.mark.parametrize("engine_name", ["sqlite"], indirect=True)
"""What differs between the engines is tested with the services (test_sealing)."""


@pytest.fixture
def learner(house: House) -> str:
    """Give a learner of `cqdx` with three entries, of which one and then both others are sealed."""
    learner_id: str = house.open_learner()["id"]
    for _ in range(2):
        house.post_outcome(learner_id)
        seal(Log(house.bank, ORIGIN))
    house.post_outcome(learner_id)
    seal(Log(house.bank, ORIGIN))
    return learner_id


def ask(house: House, path: str, headers: dict[str, str] | None = None, **query: object) -> TestResponse:
    return house.http.get(f"/v1/log/{path}", query_string=query, headers=headers or {})


def code(answer: TestResponse) -> tuple[int, str, str]:
    (error,) = answer.get_json()["errors"]
    return answer.status_code, error["pointer"], error["code"]


def root(house: House, size: int) -> bytes:
    return base64.b64decode(ask(house, "checkpoint", JSON, size=size).get_json()["root"])


def hashes(document: dict[str, Any]) -> list[bytes]:
    return [base64.b64decode(one) for one in document["hashes"]]


def lines(house: House, learner: str) -> list[dict[str, Any]]:
    """Return the learner's passbook, oldest first."""
    answer = house.http.get("/v1/learners/me/statement", headers=house.learner_auth(learner))
    return list(reversed(answer.get_json()["items"]))


def proof_of_line(house: House, learner: str, line: str, auth: dict[str, str], **query: object) -> TestResponse:
    return house.http.get(f"/v1/learners/{learner}/statement/{line}/proof", headers=auth, query_string=query)


def test_the_checkpoint_is_a_note_or_json_by_accept(house: House, learner: str) -> None:
    assert learner
    note = ask(house, "checkpoint")
    assert (note.status_code, note.mimetype, note.headers["Vary"]) == (200, "text/plain", "Accept")
    shown = ask(house, "checkpoint", JSON).get_json()
    assert shown["note"] == note.get_data(as_text=True)
    assert (shown["origin"], shown["size"], shown["made_at"]) == (ORIGIN, 3, "2026-07-01T04:00:00.000000Z")
    assert opened_note(shown["note"], shown["keys"]) == f"{ORIGIN}\n3\n{shown['root']}\n"
    assert ask(house, "checkpoint", {"Accept": "*/*"}).mimetype == "text/plain"
    assert ask(house, "checkpoint", {"Accept": "text/plain;q=0.5, application/json"}).mimetype == "application/json"


def test_an_older_checkpoint_can_be_kept_for_ever(house: House, learner: str) -> None:
    assert learner
    first = ask(house, "checkpoint", size=1)
    assert first.get_data(as_text=True).split("\n")[1] == "1"
    assert "immutable" in first.headers["Cache-Control"]
    assert ask(house, "checkpoint").headers["Cache-Control"] == "no-store"


def test_before_anything_was_sealed_there_is_no_checkpoint(house: House) -> None:
    assert code(ask(house, "checkpoint")) == (404, "/size", "unknown_checkpoint")
    assert code(ask(house, "proof", position=0)) == (404, "/position", "unknown_leaf")
    assert ask(house, "proof", **{"from": 0}).get_json() == {"from": 0, "to": 0, "hashes": []}
    seal(Log(house.bank, ORIGIN))
    assert root(house, 0) == EMPTY_ROOT


def test_every_leaf_is_proven_by_position_and_by_hash_at_every_size(house: House, learner: str) -> None:
    assert learner
    for size in range(1, 4):
        for position in range(size):
            found = ask(house, "proof", position=position, size=size).get_json()
            leaf = base64.b64decode(found["leaf_hash"])
            assert proves_inclusion(leaf, position, size, hashes(found), root(house, size))
            assert ask(house, "proof", hash=found["leaf_hash"], size=size).get_json() == found
            assert "line" not in found
    assert ask(house, "proof", position=1).get_json()["size"] == 3


def test_every_pair_of_sizes_is_proven_consistent(house: House, learner: str) -> None:
    assert learner
    seal(Log(house.bank, ORIGIN))
    for newer in range(1, 4):
        for older in range(1, newer + 1):
            found = ask(house, "proof", **{"from": older, "to": newer}).get_json()
            assert proves_consistency(older, newer, hashes(found), root(house, older), root(house, newer))
    assert ask(house, "proof", **{"from": 1}).get_json()["to"] == 3


def test_a_learner_proves_a_line_of_the_passbook_from_the_line_itself(house: House, learner: str) -> None:
    own = house.learner_auth(learner)
    for number, line in enumerate(lines(house, learner), 1):
        found = proof_of_line(house, "me", line["id"], own).get_json()
        leaf = leaf_hash(found["line"].encode())
        assert base64.b64decode(found["leaf_hash"]) == leaf
        assert proves_inclusion(leaf, found["position"], found["size"], hashes(found), root(house, 3))
        assert found["line"].split("|")[4] == line["id"]
        for name in ("me", learner):
            assert ask(house, "proof", own, entry=f"{name}/{line['scheme']}/{number}").get_json() == found


def test_a_line_that_is_not_sealed_yet_is_a_conflict_that_passes(house: House, learner: str) -> None:
    house.post_outcome(learner)
    own, line = house.learner_auth(learner), lines(house, learner)[-1]["id"]
    assert code(proof_of_line(house, "me", line, own)) == (409, "", "not_sealed")
    seal(Log(house.bank, ORIGIN))
    assert proof_of_line(house, "me", line, own).status_code == 200
    assert code(proof_of_line(house, "me", line, own, size=3)) == (404, "", "unknown_leaf")


def test_the_line_itself_is_shown_to_the_learner_and_to_auditors_alone(house: House, learner: str) -> None:
    line = lines(house, learner)[0]["id"]
    auditor, institution = house.auth("authority", "audit:read"), house.auth()
    assert "line" in proof_of_line(house, learner, line, auditor).get_json()
    assert "line" not in proof_of_line(house, learner, line, institution).get_json()
    diary = house.http.get("/v1/learners/me/access-log", headers=house.learner_auth(learner)).get_json()["items"]
    assert [(one["sight"], one["basis"]) for one in diary] == [("statement", "known"), ("statement", "audit")]


def test_a_foreign_entry_is_answered_as_a_missing_one(house: House, learner: str) -> None:
    line, nothing = lines(house, learner)[0]["id"], "0198c0de-0000-7000-8000-00000000dead"
    other = house.open_learner("elsewhere")["id"]
    house.post_outcome(other, "elsewhere")
    seal(Log(house.bank, ORIGIN))
    stranger, neighbour = house.auth("elsewhere"), house.learner_auth(other)
    for auth in (stranger, neighbour):
        assert code(proof_of_line(house, learner, line, auth)) == code(proof_of_line(house, nothing, line, auth))
        assert code(proof_of_line(house, learner, line, auth)) == (404, "", "unknown_learner")
        assert code(ask(house, "proof", auth, entry=f"{learner}/cn-16h-half/1")) == (404, "", "unknown_learner")
        assert code(ask(house, "proof", auth, entry=f"{nothing}/cn-16h-half/1")) == (404, "", "unknown_learner")
    own = house.learner_auth(learner)
    foreign = lines(house, other)[0]["id"]
    for missing in (foreign, nothing):
        assert code(proof_of_line(house, "me", missing, own)) == (404, "", "unknown_entry")
    assert code(ask(house, "proof", own, entry="me/cn-16h-half/9")) == (404, "", "unknown_entry")
    assert ask(house, "proof", entry=f"{learner}/cn-16h-half/1").status_code == 401
    unable = house.auth("cqdx", "outcomes:read")
    assert proof_of_line(house, learner, line, unable).status_code == 403


def test_a_partner_gets_no_proof_even_on_consent(house: House, learner: str) -> None:
    house.publish_texts()
    given = house.consent(learner, "partner", "statement:read")
    auth = house.auth("partner", "statement:read")
    url = f"/v1/learners/{given['subject']}/statement"
    shown = house.http.get(url, headers=auth).get_json()["items"]
    assert len(shown) == 3
    for line in (shown[0]["id"], lines(house, learner)[-1]["id"]):
        refused = house.http.get(f"{url}/{line}/proof", headers=auth)
        assert code(refused) == (404, "", "unknown_learner")


def test_lines_of_accounts_that_were_merged_are_proven_from_either(house: House, learner: str) -> None:
    other = house.open_learner()["id"]
    house.post_outcome(other)
    seal(Log(house.bank, ORIGIN))
    own = house.learner_auth(learner)
    before = lines(house, other)[0]["id"]
    assert proof_of_line(house, "me", before, own).status_code == 404
    asked, said = (
        {"kind": "merge", "learner_id": other, "into_id": learner, "reason": "同一人", "evidence": "核验"},
        {"verdict": "same"},
    )
    case = house.http.post(
        "/v1/identity/cases", json=asked, headers=house.auth("authority", "identity:review")
    ).get_json()
    for more in ("admin", "learners:write"):
        auth = house.auth("authority", "identity:review", more)
        assert house.http.post(f"/v1/identity/cases/{case['id']}/decisions", json=said, headers=auth).status_code == 200
    assert proof_of_line(house, "me", before, own).status_code == 200


FAULTY: list[tuple[dict[str, object], tuple[int, str, str]]] = [
    ({}, (422, "", "wrong_proof")),
    ({"position": 0, "hash": base64.b64encode(bytes(32)).decode()}, (422, "", "wrong_proof")),
    ({"position": 0, "from": 1}, (422, "", "wrong_proof")),
    ({"position": 0, "to": 1}, (422, "", "wrong_proof")),
    ({"from": 1, "size": 3}, (422, "", "wrong_proof")),
    ({"to": 3}, (422, "", "wrong_proof")),
    ({"from": 3, "to": 2}, (422, "/from", "from_after_to")),
    ({"from": 1, "to": 4}, (404, "/to", "unknown_size")),
    ({"from": 4}, (404, "/from", "unknown_size")),
    ({"position": 0, "size": 4}, (404, "/size", "unknown_size")),
    ({"position": 0, "size": 0}, (422, "/size", "wrong_number")),
    ({"position": 3}, (404, "/position", "unknown_leaf")),
    ({"position": 2, "size": 2}, (404, "/position", "unknown_leaf")),
    ({"position": SIZE_MAX + 1}, (422, "/position", "wrong_number")),
    ({"position": SIZE_MAX}, (404, "/position", "unknown_leaf")),
    ({"hash": base64.b64encode(bytes(32)).decode()}, (404, "/hash", "unknown_leaf")),
    ({"hash": "AAAA"}, (422, "/hash", "wrong_form")),
    ({"entry": "me/cn-16h-half/0"}, (422, "/entry", "wrong_form")),
    ({"entry": "me"}, (422, "/entry", "wrong_form")),
]


def test_what_cannot_be_proven_is_told_where(house: House, learner: str) -> None:
    own = house.learner_auth(learner)
    for query, expected in FAULTY:
        assert code(ask(house, "proof", own, **query)) == expected, query


def test_how_far_the_log_is_stands_among_the_figures(house: House, learner: str) -> None:
    def figures() -> dict[str, str]:
        text = house.http.get("/metrics").get_data(as_text=True)
        found = (line.split(" ") for line in text.splitlines() if not line.startswith("#"))
        return {words[0]: words[1] for words in found if "seal" in words[0] or "log_size" in words[0]}

    names = ("creditbank_log_size", 'creditbank_queue_entries{queue="seal"}', 'creditbank_queue_seconds{queue="seal"}')
    assert [figures()[name] for name in names] == ["3.0", "0.0", "0.0"]
    house.post_outcome(learner)
    house.clock.move(seconds=7)
    assert [figures()[name] for name in names] == ["3.0", "1.0", "7.0"]
