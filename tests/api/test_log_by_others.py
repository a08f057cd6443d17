"""Checkpoints and proofs of inclusion, as the API gives them, checked by npm's @sigstore/verify (`make test-log`)."""

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from creditbank.services.sealing import Log, seal
from tests.builders import House

SCRIPT = Path(__file__).resolve().parents[1] / "log" / "check.mjs"

OTHERS = "CREDITBANK_TEST_LOG"
"""Set to "others", the log is checked by the library of npm, which `make test-log` installs."""

SIZE_MAX = 33

ORIGIN = "bank.example/v1/log"

Case = dict[str, Any]


@pytest.fixture
def node() -> str:
    found = shutil.which("node")
    if os.environ.get(OTHERS) != "others" or found is None:
        pytest.skip("`make test-log` checks the log by @sigstore/verify; it needs Node 20 or newer")
    return found


def verdicts(node: str, cases: list[Case]) -> list[bool]:
    """Return of each case whether the library accepts it."""
    lines = "".join(json.dumps(case) + "\n" for case in cases)
    done = subprocess.run([node, str(SCRIPT)], input=lines, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: list[bool] = json.loads(done.stdout)
    assert len(found) == len(cases)
    return found


def der(public: Ed25519PublicKey) -> str:
    encoded = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(encoded).decode()


def authority(vkey: str) -> Case:
    """Return the key of a line as the library takes it."""
    name, key_id, encoded = vkey.split("+", 2)
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(encoded)[1:])
    return {"name": name, "keyId": base64.b64encode(bytes.fromhex(key_id)).decode(), "key": der(public)}


@pytest.fixture
def sound(house: House) -> list[Case]:
    """Give every leaf's proof at every size up to 33, each with the checkpoint of its size, as asked over HTTP."""
    learner, log = house.open_learner()["id"], Log(house.bank, ORIGIN)
    auth = house.learner_auth(learner)
    for _ in range(SIZE_MAX):
        house.post_outcome(learner)
        seal(log)
    cases = []
    for size in range(1, SIZE_MAX + 1):
        url = f"/v1/log/checkpoint?size={size}"
        shown = house.http.get(url, headers={"Accept": "application/json"}).get_json()
        note = house.http.get(url).get_data(as_text=True)
        assert note == shown["note"]
        for number in range(1, size + 1):
            query = {"entry": f"me/cn-16h-half/{number}", "size": size}
            proof = house.http.get("/v1/log/proof", query_string=query, headers=auth).get_json()
            case = {"note": note, "line": proof["line"], "position": proof["position"], "hashes": proof["hashes"]}
            cases.append(authority(shown["keys"][-1]) | case)
    return cases


def flipped(text: str, bit: int) -> str:
    """Return the base64 of the same bytes with one bit changed."""
    value = bytearray(base64.b64decode(text))
    value[bit // 8] ^= 1 << bit % 8
    return base64.b64encode(bytes(value)).decode()


def changed(case: Case, others: list[Case]) -> Iterator[Case]:
    """Give a case with each of its parts changed in turn."""
    hashes, position = case["hashes"], case["position"]
    for place, one in enumerate(hashes):
        for bit in (0, 77, 255):
            yield case | {"hashes": [*hashes[:place], flipped(one, bit), *hashes[place + 1 :]]}
        yield case | {"hashes": hashes[:place] + hashes[place + 1 :]}
        yield case | {"hashes": [*hashes[:place], one, *hashes[place:]]}
    yield case | {"hashes": [*hashes, case["keyId"] * 8]}
    yield from (case | {"position": other} for other in (position + 1, position - 1, position + 64))
    yield case | {"line": case["line"].replace("|300|", "|301|", 1)}
    yield from (case | {"note": note} for note in changed_notes(case["note"]))
    yield case | {"key": der(Ed25519PrivateKey.generate().public_key())}
    yield case | {"name": "another.example/log"}
    yield from (case | {"note": other["note"]} for other in others if other["note"] != case["note"])


def changed_notes(note: str) -> Iterator[str]:
    """Give a note with its origin, size, root, the key's id or the signature changed, and without a signature."""
    origin, size, root, blank, signature, end = note.split("\n")
    head, _, signed = signature.rpartition(" ")
    yield note.replace(origin, "another.example/log", 1)
    yield from (note.replace(f"\n{size}\n", f"\n{other}\n", 1) for other in (int(size) + 1, int(size) - 1))
    yield from (note.replace(root, flipped(root, bit), 1) for bit in (0, 255))
    yield from (note.replace(signed, flipped(signed, bit)) for bit in (0, 31, 40, 300, 540))
    yield f"{origin}\n{size}\n{root}\n{blank}\n{end}"
    yield f"{origin}\n{size}\n{root}\nmore\n{blank}\n{head} {signed}\n{end}"


@pytest.mark.parametrize("engine_name", ["sqlite"], indirect=True)
def test_another_implementation_accepts_every_proof_and_refuses_every_changed_one(node: str, sound: list[Case]) -> None:
    assert len(sound) == SIZE_MAX * (SIZE_MAX + 1) // 2
    assert verdicts(node, sound) == [True] * len(sound)
    newest_of = {case["note"]: case for case in sound}
    spoilt = [other for case in sound for other in changed(case, [*newest_of.values()][::8])]
    assert len(spoilt) > 20 * len(sound)
    accepted = [case for case, is_accepted in zip(spoilt, verdicts(node, spoilt), strict=True) if is_accepted]
    assert accepted == []
