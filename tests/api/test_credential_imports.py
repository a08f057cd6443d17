"""Credentials of others recorded as outcomes: once, of whom is trusted, with credits where their unit is known."""

import copy
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from creditbank.core.credential import StatusPlace
from creditbank.formats.credential_reading import achieved
from creditbank.formats.credential_record import Cover, record_document
from creditbank.formats.status_list import REVOCATION, SUSPENSION, status_list
from tests.api.test_credentials import Holder
from tests.builders import BASE_URL, House
from tests.formats import credentials as made
from tests.formats.linked import contexts, needs_samples
from tests.formats.sd_jwts import by_hand
from tests.formats.test_linked_data import sample, sample_issuer

PLACE = StatusPlace(1, 4711)


@pytest.fixture
def bank(house: House) -> House:
    """Give a bank that trusts another one, at whose time it is."""
    house.clock.now = made.AT + timedelta(minutes=5)
    house.app.extensions["creditbank.trusted_issuers"] = made.issuers()
    return house


def lists(*revoked: int, suspended: tuple[int, ...] = ()) -> list[dict[str, Any]]:
    address = f"{made.BASE}/v1/status-lists"
    return [
        made.proven(status_list(f"{address}/1", made.DID, REVOCATION, revoked, made.AT)),
        made.proven(status_list(f"{address}/2", made.DID, SUSPENSION, suspended, made.AT)),
    ]


def post(house: House, learner_id: str, credential: Any, status_lists: Any = None, **headers: str) -> Any:
    body = {"credential": credential, "status_lists": lists() if status_lists is None else status_lists}
    url = f"/v1/learners/{learner_id}/credentials/imports"
    return house.http.post(url, json=body, headers={**house.auth(), **headers})


def results(answer: Any) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.get_data(as_text=True)
    found: list[dict[str, Any]] = answer.get_json()["results"]
    return found


def why(answer: Any) -> set[str]:
    (row,) = results(answer)
    assert row["status"] == "rejected"
    return {one["code"] for one in row["errors"]}


def content(house: House, row: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = house.http.get(f"/v1/outcomes/{row['id']}", headers=house.auth()).get_json()["content"]
    return found


def test_a_credential_becomes_an_outcome_once(bank: House) -> None:
    learner_id = bank.open_learner()["id"]
    (row,) = results(post(bank, learner_id, made.proven()))
    assert (row["status"], row["external_id"]) == ("accepted", f"vc:{made.document()['id']}")
    assert content(bank, row) == content(bank, row) | {
        "kind": "course",
        "title": "高等数学 𬭎",
        "completed_on": "2026-07-01",
        "credits": "3.00",
        "scheme": "cn-16h-half",
        "level": "3",
    }
    for again in (made.proven(), made.jwt()):
        (told,) = results(post(bank, learner_id, again))
        assert (told["status"], told["id"]) == ("replayed", row["id"])
    other = bank.open_learner()["id"]
    assert results(post(bank, other, made.proven()))[0]["status"] == "rejected"


def test_the_same_key_has_one_effect(bank: House) -> None:
    learner_id = bank.open_learner()["id"]
    token = made.jwt()
    first, second = (post(bank, learner_id, token, **{"Idempotency-Key": "k"}) for _ in range(2))
    assert first.get_json() == second.get_json()


def test_what_is_not_believed_is_refused_for_its_reasons(bank: House) -> None:
    learner_id = bank.open_learner()["id"]
    assert why(post(bank, learner_id, "x")) == {"not_a_jwt"}
    assert why(post(bank, learner_id, made.proven() | {"name": "x"})) == {"signature_wrong"}
    assert why(post(bank, learner_id, made.proven(), [])) == {"status_not_good"}
    assert why(post(bank, learner_id, made.proven(), lists(PLACE.index))) == {"status_not_good"}
    assert why(post(bank, learner_id, made.proven(), lists(suspended=(PLACE.index,)))) == {"status_not_good"}
    statement = made.document(credentialSubject={"id": "urn:uuid:1", "type": ["CreditHolder"]})
    assert why(post(bank, learner_id, made.proven(statement | {"type": ["VerifiableCredential"]}))) == {
        "no_achievement"
    }
    assert why(post(bank, bank.open_learner("cqkfdx")["id"], made.proven())) == {"unknown_learner"}
    bank.app.extensions["creditbank.trusted_issuers"] = {}
    assert why(post(bank, learner_id, made.proven())) == {"issuer_unknown"}


def test_the_banks_own_are_on_record_already(house: House) -> None:
    holder = Holder(house)
    document = holder.document(holder.issue())
    assert why(post(house, holder.learner["id"], document, [])) == {"own_credential"}


def recognised(**changes: Any) -> dict[str, Any]:
    """Return a credential of the other bank whose scheme says something else."""
    document = copy.deepcopy(made.document())
    document["credentialSubject"]["creditRecognition"]["creditScheme"].update(changes)
    return made.proven(document)


def test_credits_count_only_in_a_unit_that_is_the_same_here(bank: House) -> None:
    learner_id = bank.open_learner()["id"]
    for changes in ({"schemeCode": "elsewhere"}, {"hoursPerCredit": "18.00"}, {"minutesPerHour": 60}):
        assert why(post(bank, learner_id, recognised(**changes))) == {"scheme_differs"}
    (row,) = results(post(bank, learner_id, recognised(schemeCode="CN-16H-HALF")))
    assert content(bank, row)["scheme"] == "cn-16h-half"


@pytest.mark.parametrize("said", ["-3", "1e3", "99999999999", [], True])
def test_credits_that_are_no_amount_are_refused_as_such(bank: House, said: Any) -> None:
    document = copy.deepcopy(made.document())
    document["credentialSubject"]["creditRecognition"]["creditAmount"] = said
    assert why(post(bank, bank.open_learner()["id"], made.proven(document))) == {"wrong_amount"}


@pytest.mark.parametrize(
    ("told", "taken"), [("x" * 40, "x" * 40), ("x" * 41, None), (" ", None), (3, None), ("a\n", None)]
)
def test_a_level_is_a_short_text_or_left_out(told: Any, taken: str | None) -> None:
    document = copy.deepcopy(made.document())
    document["credentialSubject"]["creditRecognition"]["creditLevel"] = told
    found = achieved(document)
    assert found is not None
    assert found.level == taken


@pytest.mark.parametrize("said", ["2027-01-01T00:00:00+08:00", "9999-12-31T20:00:00Z"])
def test_what_is_not_completed_yet_is_refused(bank: House, said: str) -> None:
    document = copy.deepcopy(made.document())
    document["credentialSubject"]["activityEndDate"] = said
    assert why(post(bank, bank.open_learner()["id"], made.proven(document))) == {"future_date"}


def badge(credential_id: str, earned: Any) -> dict[str, Any]:
    """Return a badge that has Open Badges' own credits."""
    document = copy.deepcopy(made.document(id=credential_id))
    del document["credentialSubject"]["creditRecognition"]
    document["credentialSubject"]["creditsEarned"] = earned
    return document


def test_credits_earned_count_if_the_file_of_issuers_says_in_which_scheme(bank: House) -> None:
    learner_id = bank.open_learner()["id"]
    (row,) = results(post(bank, learner_id, made.proven(badge("urn:uuid:1", 4))))
    assert "credits" not in content(bank, row)
    (issuer,) = made.issuers().values()
    bank.app.extensions["creditbank.trusted_issuers"] = {made.DID: replace(issuer, credit_scheme="cn-16h-half")}
    (row,) = results(post(bank, learner_id, made.proven(badge("urn:uuid:2", 4) | {"name": "b"})))
    assert (content(bank, row)["credits"], content(bank, row)["scheme"]) == ("4.00", "cn-16h-half")


@pytest.mark.parametrize(
    ("told", "taken"), [(Decimal("2.5"), 250), ("2.50", 250), (3, 300), (Decimal("2.555"), None), (True, None)]
)
def test_amounts_are_read_exactly_or_not_at_all(told: Any, taken: int | None) -> None:
    found = achieved(badge("urn:uuid:1", told))
    assert found is not None
    assert found.credit_hundredths == taken


def test_each_credential_in_a_record_is_answered_for(bank: House) -> None:
    learner_id = bank.open_learner()["id"]
    second = copy.deepcopy(made.document(id=f"{made.BASE}/v1/credentials/2"))
    second["credentialSubject"]["achievement"]["name"] = "线性代数"
    forged = made.proven(made.document(id=f"{made.BASE}/v1/credentials/3")) | {"name": "x"}
    signed = [made.proven(), made.proven(second), forged]
    cover = Cover(made.BASE, made.DID, made.ID, made.ID, made.AT, made.AT.date() + timedelta(days=9), is_partial=False)
    record = made.proven(record_document(cover, signed))
    rows = results(post(bank, learner_id, record))
    assert [row["status"] for row in rows] == ["accepted", "accepted", "rejected"]
    assert [row["place"] for row in rows] == [f"/credentialSubject/verifiableCredential/{place}" for place in range(3)]
    assert [one["code"] for one in rows[2]["errors"]] == ["signature_wrong"]
    record["partial"] = True
    assert why(post(bank, learner_id, record)) == {"signature_wrong"}


def verified(house: House, credential: Any, status_lists: Any) -> tuple[bool, bool, str, list[tuple[str, str]]]:
    body = {"credential": credential, "status_lists": status_lists}
    said = house.http.post("/v1/credentials/verify", json=body).get_json()
    reasons = [(one["pointer"], one["code"]) for one in said["reasons"]]
    return said["accepted"], said["verified"], said["status"], reasons


def test_anothers_record_stands_as_the_worst_of_what_is_in_it(bank: House) -> None:
    cover = Cover(made.BASE, made.DID, made.ID, made.ID, made.AT, made.AT.date() + timedelta(days=9), is_partial=False)
    without = {name: value for name, value in made.document().items() if name != "credentialStatus"}
    inner = [made.proven(without), made.proven()]
    record = made.proven(record_document(cover, inner))
    assert verified(bank, record, lists()) == (True, True, "valid", [])
    assert verified(bank, record, lists(PLACE.index)) == (False, True, "revoked", [])
    assert verified(bank, record, lists(suspended=(PLACE.index,))) == (False, True, "suspended", [])
    assert verified(bank, record, []) == (False, True, "unknown", [])
    assert verified(bank, made.proven(record_document(cover, inner[:1])), []) == (True, True, "none", [])
    assert verified(bank, made.proven(record_document(cover, inner[:1] * 41)), [])[:3] == (False, True, "unknown")
    forged = made.proven(record_document(cover, [inner[0], inner[1] | {"name": "x"}]))
    place = "/credentialSubject/verifiableCredential/1/proof"
    assert verified(bank, forged, lists()) == (False, False, "valid", [(place, "signature_wrong")])


@needs_samples
def test_a_sample_of_1edtech_is_recorded_without_credits(bank: House) -> None:
    document, _ = sample("ob30/simple")
    issuer = sample_issuer(document)
    bank.app.extensions["creditbank.trusted_issuers"] = {issuer.id: issuer}
    bank.app.extensions["creditbank.contexts"] = contexts(BASE_URL)
    (row,) = results(post(bank, bank.open_learner()["id"], document, []))
    assert content(bank, row) == {"kind": "other", "title": "Teamwork", "completed_on": "2010-01-01"}


def test_something_else_that_the_issuer_signed_is_no_status_list(bank: House) -> None:
    learner_id = bank.open_learner()["id"]
    for place in range(2):
        given = [{name: value for name, value in one.items() if name != "proof"} for one in lists()]
        given[place]["type"] = ["VerifiableCredential"]
        assert why(post(bank, learner_id, made.proven(), [made.proven(one) for one in given])) == {
            "status_list_refused"
        }


@pytest.mark.parametrize(
    "subject", [[1], "x", {"achievement": {"name": "T"}, "activityEndDate": "2026-01-01T00:00:00Z"}]
)
def test_an_sd_jwt_with_the_members_of_a_credential_is_judged_and_never_fails(bank: House, subject: Any) -> None:
    told = by_hand([], {"credentialSubject": subject, "_sd": None})
    assert why(post(bank, bank.open_learner()["id"], told)) == {"no_achievement"}
