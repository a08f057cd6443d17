"""Whole records: what stands in one, that it is checked with all in it, and how it stands when something in it ends."""

from typing import Any

import pytest

from creditbank.formats import credential_record
from creditbank.services import credential_records
from tests.api.test_credentials import ISSUER, Holder, change, verdict
from tests.builders import BASE_URL, House
from tests.formats.linked import contexts, needs_samples

RDFC = "?cryptosuite=eddsa-rdfc-2022"


@pytest.fixture
def holder(house: House) -> Holder:
    return Holder(house)


def asked(holder: Holder, query: str = "", **headers: str) -> Any:
    url = f"/v1/learners/{holder.learner['id']}/credentials/record{query}"
    return holder.house.http.get(url, headers=holder.own | headers)


def record(holder: Holder, query: str = "") -> dict[str, Any]:
    answer = asked(holder, query)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    found: dict[str, Any] = answer.get_json()
    return found


def inner(document: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = document["credentialSubject"]["verifiableCredential"]
    return found


def test_a_record_holds_the_newest_credential_of_each_achievement_and_no_other(holder: Holder) -> None:
    refused = asked(holder)
    assert (refused.status_code, refused.get_json()["errors"][0]["code"]) == (409, "nothing_to_bundle")
    holder.issue()
    holder.issue(kind="balance", subject_id=None)
    other = holder.house.post_outcome(holder.learner["id"], external_id="B-2", title="线性代数")
    made = [holder.issue(subject_id=other["id"]), holder.issue()]
    document = record(holder)
    assert document["type"] == ["VerifiableCredential", "ClrCredential"]
    assert document["@context"][:3] == [
        "https://www.w3.org/ns/credentials/v2",
        "https://purl.imsglobal.org/spec/clr/v2p0/context-2.0.1.json",
        "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json",
    ]
    assert (document["partial"], document["credentialSubject"]["type"]) == (False, ["ClrSubject"])
    assert {one["id"] for one in inner(document)} == {one["address"] for one in made}
    assert [verdict(holder.house, one)["accepted"] for one in inner(document)] == [True, True]
    assert record(holder)["credentialSubject"]["id"] != document["credentialSubject"]["id"]


def test_a_record_is_believed_in_every_form_and_refused_when_it_is_changed(holder: Holder) -> None:
    holder.issue(with_name=True)
    document = record(holder)
    token = asked(holder, "?alg=ES256", Accept="application/vc+jwt").get_data(as_text=True)
    for given, proof in ((document, "eddsa-jcs-2022"), (token, "jwt:ES256")):
        found = verdict(holder.house, given)
        assert (found["accepted"], found["status"], found["proof"]) == (True, "valid", proof)
        assert found["issuer"] == ISSUER
    inner(document)[0]["credentialSubject"]["achievement"]["name"] = "x"
    assert [one["code"] for one in verdict(holder.house, document)["reasons"]] == ["signature_wrong"]
    foreign = record(holder)
    inner(foreign)[0]["id"] = f"{BASE_URL}/v1/credentials/00000000-0000-0000-0000-000000000001"
    pointers = {one["code"]: one["pointer"] for one in verdict(holder.house, foreign)["reasons"]}
    assert pointers["not_on_record"] == "/credentialSubject/verifiableCredential/0/id"


def test_a_record_stands_as_the_worst_in_it_and_the_next_has_it_no_more(holder: Holder) -> None:
    first = holder.issue()
    other = holder.house.post_outcome(holder.learner["id"], external_id="B-2", title="线性代数")
    second = holder.issue(subject_id=other["id"])
    document = record(holder)
    change(holder.house, first, "suspend")
    assert verdict(holder.house, document)["status"] == "suspended"
    change(holder.house, second, "revoke")
    found = verdict(holder.house, document)
    assert (found["verified"], found["status"], found["accepted"]) == (True, "revoked", False)
    assert asked(holder).status_code == 409
    change(holder.house, first, "reinstate")
    assert [one["id"] for one in inner(record(holder))] == [first["address"]]


def test_a_record_that_is_full_says_that_there_is_more(holder: Holder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credential_records, "BUNDLED_MAX", 1)
    holder.issue()
    assert record(holder)["partial"] is False
    other = holder.house.post_outcome(holder.learner["id"], external_id="B-2", title="线性代数")
    newest = holder.issue(subject_id=other["id"])
    document = record(holder)
    assert (document["partial"], [one["id"] for one in inner(document)]) == (True, [newest["address"]])


def test_a_record_is_nobodys_elses(holder: Holder) -> None:
    holder.issue()
    url = f"/v1/learners/{holder.learner['id']}/credentials/record"
    stranger = holder.house.learner_auth(holder.house.open_learner()["id"])
    for headers in (stranger, holder.house.auth("cqdx", "credentials:issue"), holder.house.auth("cqou")):
        assert holder.house.http.get(url, headers=headers).status_code == 404


@needs_samples
def test_a_full_record_is_signed_and_checked_as_linked_data_and_fits_into_a_jwt(holder: Holder) -> None:
    house = holder.house
    house.app.extensions["creditbank.contexts"] = contexts(BASE_URL)
    for number in range(credential_record.BUNDLED_MAX):
        title = f"终身学习者通识课程第 {number} 部分"
        other = house.post_outcome(holder.learner["id"], external_id=f"B-{number}", title=title)
        holder.issue(subject_id=other["id"], with_name=True)
    document = record(holder, RDFC)
    assert len(inner(document)) == credential_record.BUNDLED_MAX
    assert {one["proof"]["cryptosuite"] for one in (document, *inner(document))} == {"eddsa-rdfc-2022"}
    assert verdict(house, document)["accepted"]
    assert verdict(house, inner(document)[7])["accepted"]
    assert verdict(house, asked(holder, Accept="application/vc+jwt").get_data(as_text=True))["accepted"]
    inner(document)[7]["credentialSubject"]["achievement"]["name"] = "x"
    assert [one["code"] for one in verdict(house, document)["reasons"]] == ["signature_wrong"]
