"""Credentials as linked data over HTTP: offered where the contexts are installed, and checked by them."""

from typing import Any

from creditbank.formats.linked_data import Contexts
from tests.api.test_credentials import Holder, fetched, verdict
from tests.builders import BASE_URL, House
from tests.formats.linked import contexts, needs_samples
from tests.formats.test_linked_data import sample, sample_issuer

RDFC = "?cryptosuite=eddsa-rdfc-2022"


def trusting(house: House, document: dict[str, Any]) -> House:
    """Return a bank that trusts the issuer of a document, and has contexts installed."""
    issuer = sample_issuer(document)
    house.app.extensions["creditbank.trusted_issuers"] = {issuer.id: issuer}
    house.app.extensions["creditbank.contexts"] = contexts(BASE_URL)
    return house


@needs_samples
def test_a_credential_is_given_as_linked_data_and_believed_until_it_is_changed(house: House) -> None:
    holder = Holder(house)
    house.app.extensions["creditbank.contexts"] = contexts(BASE_URL)
    made = holder.issue(with_name=True)
    document = holder.document(made, RDFC)
    assert document["proof"]["cryptosuite"] == "eddsa-rdfc-2022"
    found = verdict(house, document)
    assert (found["accepted"], found["proof"], found["reasons"]) == (True, "eddsa-rdfc-2022", [])
    document["credentialSubject"]["achievement"]["name"] = "x"
    assert [one["code"] for one in verdict(house, document)["reasons"]] == ["signature_wrong"]
    document["credentialSubject"]["nickname"] = "x"
    (told,) = verdict(house, document)["reasons"]
    assert (told["pointer"], told["code"]) == ("/credentialSubject/nickname", "term_undefined")
    assert holder.document(made)["proof"]["cryptosuite"] == "eddsa-jcs-2022"


@needs_samples
def test_every_kind_is_defined_by_its_contexts(house: House) -> None:
    holder = Holder(house)
    house.app.extensions["creditbank.contexts"] = contexts(BASE_URL)
    made = holder.issue(kind="balance", subject_id=None)
    assert verdict(house, holder.document(made, RDFC))["accepted"]


def test_without_the_contexts_it_says_what_is_missing_and_what_to_do(house: House) -> None:
    holder = Holder(house)
    own = house.app.extensions["creditbank.contexts"]
    assert list(own.documents) == [f"{BASE_URL}/credentials/contexts/v1"]
    made = holder.issue()
    answer = house.http.get(f"/v1/credentials/{made['id']}{RDFC}", headers=holder.own)
    assert (answer.status_code, [one["code"] for one in answer.get_json()["errors"]]) == (
        503,
        ["context_not_installed"] * 2,
    )
    assert [one["pointer"] for one in answer.get_json()["errors"]] == ["/@context/0", "/@context/1"]
    assert fetched(house, made["id"], holder.own)["proof"]["cryptosuite"] == "eddsa-jcs-2022"
    assert house.http.get(f"/v1/credentials/{made['id']}?cryptosuite=x", headers=holder.own).status_code == 422


@needs_samples
def test_credentials_of_others_are_believed_if_they_are_trusted_and_their_contexts_are_here(house: House) -> None:
    document, _ = sample("ob30/simple")
    assert [one["code"] for one in verdict(house, document)["reasons"]] == ["issuer_unknown"]
    found = verdict(trusting(house, document), document)
    assert (found["accepted"], found["status"], found["reasons"]) == (True, "none", [])
    house.app.extensions["creditbank.contexts"] = Contexts({})
    assert {one["code"] for one in verdict(house, document)["reasons"]} == {"context_not_installed"}
