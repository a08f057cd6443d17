"""Credentials, as the API gives them, checked by npm's @digitalbazaar/vc and jose (`make test-credentials`)."""

import copy
import json
import os
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from creditbank.core.credential import CredentialKind
from creditbank.formats.linked_data import Contexts
from creditbank.gateways.keyring import Kind
from creditbank.services import rotation
from creditbank.services.clients import administrator
from tests.api.seeding import qualification_rules
from tests.api.test_credentials import ISSUER, Holder, change, verdict
from tests.api.test_rights import TARGET
from tests.builders import BASE_URL, SAME_TITLE, House
from tests.formats.linked import SAMPLES, contexts, needs_samples
from tests.formats.test_credential_check import PROOF_TAMPERINGS, TAMPERINGS
from tests.formats.test_linked_data import LINKED_TAMPERINGS, sample

SCRIPT = Path(__file__).resolve().parents[1] / "credentials" / "check.mjs"

OTHERS = "CREDITBANK_TEST_CREDENTIALS"
"""Set to "others", credentials are checked by the libraries of npm, which `make test-credentials` installs."""

Case = dict[str, Any]


@pytest.fixture
def node() -> str:
    found = shutil.which("node")
    if os.environ.get(OTHERS) != "others" or found is None:
        pytest.skip("`make test-credentials` checks credentials by libraries of npm; it needs Node 20 or newer")
    return found


@pytest.fixture
def holder(house: House) -> Holder:
    """Give a learner of a bank whose clock is that of the world, as those libraries go by no other."""
    house.clock.now = datetime.now(UTC)
    house.tokens.clear()
    return Holder(house, completed_on=(datetime.now(UTC) - timedelta(days=2)).date().isoformat())


def verdicts(node: str, cases: list[Case]) -> list[Case]:
    """Return of each case what the libraries say."""
    lines = "".join(json.dumps(case) + "\n" for case in cases)
    done = subprocess.run([node, str(SCRIPT)], input=lines, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: list[Case] = json.loads(done.stdout)
    assert len(found) == len(cases)
    return found


def documents(house: House) -> dict[str, Any]:
    """Return what whoever checks a credential has of the bank: its keys and its status lists."""
    paths = {ISSUER: "/.well-known/did.json"} | {
        f"{BASE_URL}/v1/status-lists/{number}": f"/v1/status-lists/{number}" for number in (1, 2)
    }
    return {name: house.http.get(path).get_json() for name, path in paths.items()}


def case(house: House, **asked: Any) -> Case:
    return {"documents": documents(house), "issuer": ISSUER, "now": house.clock.now.isoformat(), **asked}


def of_every_kind(holder: Holder) -> list[dict[str, Any]]:
    """Return a credential of every kind, of the first one also with a name."""
    house = holder.house
    house.publish_rules(SAME_TITLE)
    house.publish_rules(qualification_rules("cqdx", "管理学"))
    house.publish_programme("acceptor")
    holder.outcome = house.post_outcome(holder.learner["id"], title="管理学")
    converted = house.convert(holder.learner["id"], TARGET, [holder.outcome["id"]])
    url = "/v1/qualifications/made-up-qualification/awards"
    given = house.http.post(url, json={"level": "one"}, headers=holder.own)
    assert given.status_code == 201, given.get_data(as_text=True)
    subjects = {"outcome": holder.outcome["id"], "conversion": converted["id"], "qualification": given.get_json()["id"]}
    assert {*subjects, "balance"} == set(CredentialKind)
    stated = [holder.issue(kind="balance", subject_id=None), holder.issue(with_name=True)]
    return stated + [holder.issue(kind=kind, subject_id=subject) for kind, subject in subjects.items()]


def test_what_follows_an_award_reads_so_at_others(node: str, holder: Holder) -> None:
    house = holder.house
    made = of_every_kind(holder)[-1]
    assert made["kind"] == "qualification"
    house.http.post(f"/v1/outcomes/{holder.outcome['id']}/revoke", json={"reason": "错"}, headers=house.auth())
    (said,) = verdicts(node, [case(house, credential=holder.document(made))])
    assert dict(said["statuses"]) == {"revocation": False, "suspension": True}
    reviewer = house.auth("cqdx", "conversions:review")
    (review,) = house.http.get("/v1/award-cases", headers=reviewer).get_json()["items"]
    decision = {"decision": "revoke", "reason": "成果无效"}
    url = f"/v1/award-cases/{review['id']}/decisions"
    assert house.http.post(url, json=decision, headers=reviewer).status_code == 200
    (said,) = verdicts(node, [case(house, credential=holder.document(made))])
    assert dict(said["statuses"]) == {"revocation": True, "suspension": False}


def test_every_kind_is_verified_by_others_and_its_status_read(node: str, holder: Holder) -> None:
    house, made = holder.house, of_every_kind(holder)
    good = [case(house, credential=holder.document(one)) for one in made]
    for said in verdicts(node, good):
        assert said == {"verified": True, "statuses": [["revocation", False], ["suspension", False]], "reasons": []}
    tokens = [case(house, jwt=holder.jwt(one)) for one in made]
    assert [said["jti"] for said in verdicts(node, tokens)] == [one["address"] for one in made]


def test_what_is_revoked_or_suspended_reads_so_at_others(node: str, holder: Holder) -> None:
    house = holder.house
    made = [holder.issue() for _ in range(3)]
    change(house, made[0], "revoke")
    change(house, made[1], "suspend")
    told = verdicts(node, [case(house, credential=holder.document(one)) for one in made])
    assert [dict(said["statuses"]) for said in told] == [
        {"revocation": True, "suspension": False},
        {"revocation": False, "suspension": True},
        {"revocation": False, "suspension": False},
    ]


def test_each_change_is_refused_by_others(node: str, holder: Holder) -> None:
    original = holder.document(holder.issue(with_name=True))
    has_none = {"without an end"}
    cases = []
    for name in (TAMPERINGS | PROOF_TAMPERINGS).keys() - has_none:
        changed = copy.deepcopy(original)
        (TAMPERINGS | PROOF_TAMPERINGS)[name](changed)
        cases.append(case(holder.house, credential=changed))
    told = verdicts(node, cases)
    assert len(cases) >= 20
    assert [said["verified"] for said in told] == [False] * len(cases)
    assert verdicts(node, [case(holder.house, credential=original)])[0]["verified"]


def test_jose_verifies_jwts_of_every_algorithm_and_refuses_them_changed(node: str, holder: Holder) -> None:
    made = holder.issue()
    tokens = [holder.jwt(made, alg) for alg in ("RS256", "ES256", "EdDSA")]
    told = verdicts(node, [case(holder.house, jwt=token) for token in tokens])
    assert [(said["verified"], said["jti"]) for said in told] == [(True, made["address"])] * 3
    other = holder.jwt(holder.issue(), "RS256").split(".")
    broken = []
    for token in tokens:
        head, body, signature = token.split(".")
        broken += [f"{head}.{other[1]}.{signature}", f"{head}.{body}.{other[2]}", f"{head}.{body}."]
    assert not any(said["verified"] for said in verdicts(node, [case(holder.house, jwt=one) for one in broken]))


def test_others_go_on_believing_what_retired_keys_signed(node: str, holder: Holder) -> None:
    house, made = holder.house, holder.issue()
    before, token = holder.document(made), holder.jwt(made)
    rotation.rotate(house.bank, administrator(), Kind.CREDENTIAL)
    rotation.retire(house.bank, administrator(), Kind.CREDENTIAL)
    told = verdicts(node, [case(house, credential=before), case(house, jwt=token)])
    assert [said["verified"] for said in told] == [True, True]
    stolen = holder.document(made)
    rotation.rotate(house.bank, administrator(), Kind.CREDENTIAL)
    rotation.retire(house.bank, administrator(), Kind.CREDENTIAL, at_once=True)
    told = verdicts(node, [case(house, credential=stolen), case(house, credential=before)])
    assert [said["verified"] for said in told] == [False, True]


@needs_samples
def test_every_term_is_defined_by_the_contexts_that_a_credential_names(node: str, holder: Holder) -> None:
    house, made = holder.house, of_every_kind(holder)
    contexts = {
        "https://www.w3.org/ns/credentials/v2": "credentials-v2.jsonld",
        "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json": "ob-v3p0-3.0.3.json",
    }
    known = {name: json.loads((SAMPLES / "contexts" / file).read_bytes()) for name, file in contexts.items()}
    ours = f"{BASE_URL}/credentials/contexts/v1"
    known[ours] = house.http.get("/credentials/contexts/v1").get_json()
    cases = [{"terms": holder.document(one), "documents": known} for one in made]
    undefined = copy.deepcopy(cases[1])
    undefined["terms"]["credentialSubject"]["undefinedTerm"] = "x"
    told = verdicts(node, [*cases, undefined])
    assert [said["reasons"] for said in told[:-1]] == [[]] * len(made)
    assert [said["verified"] for said in told] == [True] * len(made) + [False]


@needs_samples
def test_credentials_as_linked_data_are_verified_by_others_and_refused_changed(node: str, holder: Holder) -> None:
    house = holder.house
    house.app.extensions["creditbank.contexts"] = contexts(BASE_URL)
    good = [holder.document(one, "?cryptosuite=eddsa-rdfc-2022") for one in of_every_kind(holder)]
    assert [verdict(house, one)["accepted"] for one in good] == [True] * len(good)
    with_name = good[1]
    changed = []
    names = sorted(LINKED_TAMPERINGS.keys() - {"without an end", "under other contexts", "null"})
    for name in names:
        changed.append(copy.deepcopy(with_name))
        LINKED_TAMPERINGS[name](changed[-1])
    known = documents(house) | dict(contexts(BASE_URL).documents)
    asked = [case(house, credential=one) | {"documents": known} for one in (*good, *changed)]
    told = verdicts(node, asked)
    assert [(said["verified"], said["reasons"]) for said in told[: len(good)]] == [(True, [])] * len(good)
    assert len(changed) >= 20
    assert [name for name, said in zip(names, told[len(good) :], strict=True) if said["verified"]] == []


@needs_samples
@pytest.mark.parametrize("query", ["", "?cryptosuite=eddsa-rdfc-2022"])
def test_a_whole_record_is_verified_by_others_and_so_is_each_credential_in_it(
    node: str, holder: Holder, query: str
) -> None:
    house = holder.house
    house.app.extensions["creditbank.contexts"] = contexts(BASE_URL)
    made = holder.issue(with_name=True)
    url = f"/v1/learners/{holder.learner['id']}/credentials/record"
    document = house.http.get(url + query, headers=holder.own).get_json()
    (within,) = document["credentialSubject"]["verifiableCredential"]
    token = house.http.get(url, headers=holder.own | {"Accept": "application/vc+jwt"}).get_data(as_text=True)
    known = documents(house) | dict(contexts(BASE_URL).documents)
    changed = copy.deepcopy(document)
    changed["credentialSubject"]["verifiableCredential"][0]["name"] = "x"
    asked = [case(house, credential=one) | {"documents": known} for one in (document, within, changed)]
    told = verdicts(node, [*asked, case(house, jwt=token)])
    assert [said["verified"] for said in told] == [True, True, False, True]
    change(house, made, "revoke")
    revoked = case(house, credential=within)
    (said,) = verdicts(node, [revoked | {"documents": known | documents(house)}])
    assert dict(said["statuses"])["revocation"]


@needs_samples
@pytest.mark.parametrize("name", ["simple-context-version", "simple-eddsa-2022"])
def test_older_samples_hold_once_their_contexts_are_installed(node: str, name: str) -> None:
    (older,) = verdicts(node, [{"contexts": True}])
    installed = Contexts({**contexts().documents, **older})
    _, found = sample(f"ob30/{name}", installed)
    assert found.faults == ()
