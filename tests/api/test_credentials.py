"""Credentials over HTTP: who may have what issued, how each stands afterwards, and what links show of them."""

import json
from typing import Any
from uuid import UUID

import jwt as pyjwt
import pytest
from sqlalchemy import func, select

from creditbank.core.errors import Conflict
from creditbank.formats.status_list import ENTRIES, is_set
from creditbank.gateways.keyring import Kind
from creditbank.services import credential_following, credentials, rotation
from creditbank.services.bank import Answer, Errand, Work, carried_out
from creditbank.services.clients import administrator
from creditbank.services.credentials import TRIES
from creditbank.storage import catalogue
from creditbank.storage.credential_status import status_entry
from tests.api.test_rights import TARGET
from tests.builders import BASE_URL, SAME_TITLE, House, outcome_body
from tests.services.test_erasure import erase
from tests.services.test_merging import join, part

ISSUER = "did:web:bank.test"
ISSUE = ("cqdx", "credentials:issue")


class Holder:
    """A learner with an outcome and what is issued about them."""

    def __init__(self, house: House, **outcome: Any) -> None:
        self.house = house
        self.learner = house.open_learner(name="欧阳独一")
        self.outcome = house.post_outcome(self.learner["id"], **outcome)
        self.own = house.learner_auth(self.learner["id"])

    def ask(self, headers: dict[str, str] | None = None, **body: Any) -> Any:
        wish = {"kind": "outcome", "subject_id": self.outcome["id"]} | body
        return self.house.http.post("/v1/credentials", json=wish, headers=headers or self.own)

    def issue(self, headers: dict[str, str] | None = None, **body: Any) -> dict[str, Any]:
        answer = self.ask(headers, **body)
        assert answer.status_code == 201, answer.get_data(as_text=True)
        made: dict[str, Any] = answer.get_json()
        return made

    def document(self, made: dict[str, Any], query: str = "") -> dict[str, Any]:
        return fetched(self.house, made["id"] + query, self.own)

    def jwt(self, made: dict[str, Any], alg: str = "RS256") -> str:
        headers = self.own | {"Accept": "application/vc+jwt"}
        answer = self.house.http.get(f"/v1/credentials/{made['id']}?alg={alg}", headers=headers)
        assert (answer.status_code, answer.mimetype) == (200, "application/vc+jwt")
        return answer.get_data(as_text=True)

    def share(self, made: dict[str, Any], *details: str, **more: Any) -> dict[str, Any]:
        body = {"details": details} | more
        answer = self.house.http.post(f"/v1/credentials/{made['id']}/shares", json=body, headers=self.own)
        assert answer.status_code == 201, answer.get_data(as_text=True)
        link: dict[str, Any] = answer.get_json()
        return link


def fetched(house: House, credential_id: str, headers: dict[str, str]) -> dict[str, Any]:
    answer = house.http.get(f"/v1/credentials/{credential_id}", headers=headers)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    document: dict[str, Any] = answer.get_json()
    return document


def change(house: House, made: dict[str, Any], how: str, headers: dict[str, str] | None = None) -> Any:
    url = f"/v1/credentials/{made['id']}/{how}"
    return house.http.post(url, json={"reason": "查证"}, headers=headers or house.auth(*ISSUE))


def verdict(house: House, given: Any, *lists: Any) -> dict[str, Any]:
    answer = house.http.post("/v1/credentials/verify", json={"credential": given, "status_lists": lists})
    assert answer.status_code == 200, answer.get_data(as_text=True)
    said: dict[str, Any] = answer.get_json()
    return said


def codes(said: dict[str, Any]) -> set[str]:
    return {reason["code"] for reason in said["reasons"]}


def bits(house: House, document: dict[str, Any]) -> dict[str, bool | None]:
    """Return what the lists tell that a credential names, as whoever has no more than the credential reads them."""
    found = {}
    for entry in document["credentialStatus"]:
        path = entry["statusListCredential"].removeprefix(BASE_URL)
        listed = house.http.get(path).get_json()
        assert verdict(house, listed)["verified"]
        subject = listed["credentialSubject"]
        assert subject["statusPurpose"] == entry["statusPurpose"]
        found[entry["statusPurpose"]] = is_set(subject["encodedList"], int(entry["statusListIndex"]))
    return found


def status(house: House, holder: Holder, made: dict[str, Any]) -> str:
    """Return how a credential stands, which every way of asking has to say alike."""
    url = "/v1/learners/me/credentials"
    listed = {one["id"]: one for one in house.http.get(url, headers=holder.own).get_json()["items"]}
    told: str = listed[made["id"]]["status"]
    document = holder.document(made)
    for said in (verdict(house, document), verdict(house, holder.jwt(made))):
        assert (said["status"], said["accepted"]) == (told, told == "valid")
        assert codes(said) == ({"expired"} if told == "expired" else set())
    link = holder.share(made, "credits")
    assert house.http.get(f"/verify/{link['code']}").get_json()["status"] == told
    is_over, is_suspended = told in ("revoked", "superseded"), told == "suspended"
    assert bits(house, document) == {"revocation": is_over, "suspension": is_suspended}
    return told


def test_an_outcome_is_issued_with_its_credits_and_their_unit(house: House) -> None:
    holder = Holder(house)
    made = holder.issue()
    assert (made["kind"], made["institution"], made["status"]) == ("outcome", "cqdx", "valid")
    document = holder.document(made)
    assert document["id"] == made["address"] == f"{BASE_URL}/v1/credentials/{made['id']}"
    assert document["type"] == ["VerifiableCredential", "OpenBadgeCredential"]
    assert document["issuer"]["id"] == ISSUER
    recognition = document["credentialSubject"]["creditRecognition"]
    assert recognition["creditAmount"] == holder.outcome["recognition"]["credits"] == "3.00"
    assert recognition["creditScheme"]["schemeCode"] == "cn-16h-half"
    assert recognition["creditScheme"]["hoursPerCredit"] == "16.00"
    for alg in ("RS256", "ES256", "EdDSA"):
        said = verdict(house, holder.jwt(made, alg))
        assert (said["accepted"], said["issuer"], said["proof"]) == (True, ISSUER, f"jwt:{alg}")
    assert verdict(house, document)["accepted"]


def test_a_credential_tells_the_name_only_if_the_learner_asks(house: House) -> None:
    holder = Holder(house)
    silent, named = holder.document(holder.issue()), holder.document(holder.issue(with_name=True))
    assert "欧阳独一" not in json.dumps(silent, ensure_ascii=False)
    assert named["credentialSubject"]["identifier"][0]["identityHash"] == "欧阳独一"
    refused = holder.ask(house.auth(*ISSUE), with_name=True)
    assert (refused.status_code, refused.get_json()["errors"][0]["code"]) == (403, "name_not_asked_for")


def test_two_credentials_of_one_learner_have_no_id_in_common(house: House) -> None:
    holder = Holder(house)
    one, other = holder.document(holder.issue()), holder.document(holder.issue())
    assert one["credentialSubject"]["id"] != other["credentialSubject"]["id"]
    for document in (one, other):
        text = json.dumps(document)
        assert holder.learner["id"] not in text
        assert holder.learner["account_no"] not in text
        assert holder.outcome["id"] not in text
        assert holder.outcome["recognition"]["decision_id"] not in text


def test_an_institution_issues_of_its_own_outcomes_alone(house: House) -> None:
    holder = Holder(house)
    made = holder.issue(house.auth(*ISSUE))
    assert fetched(house, made["id"], house.auth(*ISSUE))["id"] == made["address"]
    assert holder.ask(house.auth("cqdx", "outcomes:read")).status_code == 403
    other = house.auth("other", "credentials:issue")
    assert holder.ask(other).status_code == 404
    assert house.http.get(f"/v1/credentials/{made['id']}", headers=other).status_code == 404
    assert change(house, made, "revoke", other).status_code == 404
    stranger = house.learner_auth(house.open_learner()["id"])
    assert holder.ask(stranger).status_code == 404
    assert house.http.get(f"/v1/credentials/{made['id']}", headers=stranger).status_code == 404


def test_the_learner_reads_in_the_diary_who_saw_it(house: House) -> None:
    holder = Holder(house)
    made = holder.issue()
    fetched(house, made["id"], house.auth(*ISSUE))
    house.http.get(f"/verify/{holder.share(made, 'credits')['code']}")
    lines = house.http.get("/v1/learners/me/access-log", headers=holder.own).get_json()["items"]
    seen = [(line["sight"], line["basis"].partition(":")[0]) for line in lines]
    assert ("credentials", "issued") in seen
    assert ("credentials", "share") in seen


def test_balances_are_stated_to_the_learner_alone(house: House) -> None:
    holder = Holder(house)
    document = holder.document(holder.issue(kind="balance", subject_id=holder.learner["id"]))
    told = document["credentialSubject"]["creditBalance"]
    assert [(one["creditScheme"]["schemeCode"], one["availableCredits"]) for one in told] == [("cn-16h-half", "3.00")]
    body = {"kind": "balance", "subject_id": holder.learner["id"]}
    refused = house.http.post("/v1/credentials", json=body, headers=house.auth(*ISSUE))
    assert refused.status_code == 404


def test_a_conversion_is_issued_once_it_is_approved_and_is_over_once_it_is_undone(house: House) -> None:
    house.publish_rules(SAME_TITLE)
    house.publish_programme("acceptor")
    holder = Holder(house, title="管理学")
    converted = house.convert(holder.learner["id"], TARGET, [holder.outcome["id"]])
    made = holder.issue(kind="conversion", subject_id=converted["id"])
    conversion = holder.document(made)["credentialSubject"]["creditConversion"]
    assert [one["courseCode"] for one in conversion["convertedPart"]] == ["c1"]
    assert (conversion["grantedCredits"], made["institution"]) == ("3.00", "acceptor")
    assert status(house, holder, made) == "valid"
    revoked = house.http.post(
        f"/v1/outcomes/{holder.outcome['id']}/revoke", json={"reason": "错"}, headers=house.auth()
    )
    assert revoked.status_code == 200
    assert status(house, holder, made) == "valid"  # the accepting institution has not decided yet
    reviewer = house.auth("acceptor", "conversions:review")
    (case,) = house.http.get("/v1/cases", headers=reviewer).get_json()["items"]
    url = f"/v1/cases/{case['id']}/decisions"
    said = house.http.post(url, json={"decision": "undo", "reason": "成果无效"}, headers=reviewer)
    assert said.status_code == 200, said.get_data(as_text=True)
    assert status(house, holder, made) == "superseded"
    assert holder.ask(kind="conversion", subject_id=converted["id"]).status_code == 409


def test_what_was_revoked_is_revoked_in_every_way_of_asking_at_once(house: House) -> None:
    holder = Holder(house)
    made, stated = holder.issue(), holder.issue(kind="balance", subject_id=None)
    assert [status(house, holder, one) for one in (made, stated)] == ["valid", "valid"]
    house.http.post(f"/v1/outcomes/{holder.outcome['id']}/revoke", json={"reason": "错"}, headers=house.auth())
    assert [status(house, holder, one) for one in (made, stated)] == ["revoked", "superseded"]
    refused = holder.ask()
    assert (refused.status_code, refused.get_json()["errors"][0]["code"]) == (409, "not_standing")


def test_what_was_corrected_is_superseded_and_can_be_issued_anew(house: House) -> None:
    holder = Holder(house, external_id="record-1", title="旧名")
    made = holder.issue()
    body = outcome_body(holder.learner["id"], 1, title="新名", hours="32")
    url, headers = f"/v1/outcomes/{holder.outcome['id']}", house.auth() | {"If-Match": '"1"'}
    assert house.http.put(url, json=body, headers=headers).status_code == 200
    assert status(house, holder, made) == "superseded"
    again = holder.document(holder.issue())
    assert again["name"] == "新名"
    assert again["credentialSubject"]["creditRecognition"]["creditAmount"] == "2.00"


def test_the_worker_ends_what_nobody_ended(house: House) -> None:
    """As after a change by a process of an older version, which knew nothing of credentials."""
    holder, other = Holder(house), Holder(house)
    made, kept = holder.issue(), other.issue()
    stated = holder.issue(kind="balance", subject_id=None)
    assert credential_following.look_again(house.bank) == 0
    table = catalogue.tables["outcome"]
    with house.bank.database.transaction() as connection:
        here = table.c.id == UUID(holder.outcome["id"])
        connection.execute(table.update().where(here).values(revision=2))
    assert status(house, holder, made) == "valid"
    assert credential_following.look_again(house.bank) == 1
    assert status(house, holder, made) == "superseded"
    assert (status(house, other, kept), status(house, holder, stated)) == ("valid", "valid")
    assert credential_following.look_again(house.bank) == 0


def test_an_issuer_suspends_reinstates_and_revokes_for_ever(house: House) -> None:
    holder = Holder(house)
    made = holder.issue()
    for how, wanted in (("suspend", "suspended"), ("reinstate", "valid"), ("suspend", "suspended")):
        assert change(house, made, how).get_json()["status"] == wanted
        assert change(house, made, how).status_code == 200
        assert status(house, holder, made) == wanted
    assert change(house, made, "revoke").get_json()["status"] == "revoked"
    assert status(house, holder, made) == "revoked"
    for how in ("suspend", "reinstate"):
        refused = change(house, made, how)
        assert (refused.status_code, refused.get_json()["errors"][0]["code"]) == (409, "credential_over")
    assert change(house, made, "revoke").status_code == 200
    assert change(house, made, "revoke", holder.own).status_code == 404


def test_what_was_issued_to_two_people_taken_for_one_is_over_once_they_are_parted(house: House) -> None:
    holder = Holder(house)
    other = house.open_learner(name="上官别人")
    theirs = house.post_outcome(other["id"], title="篆刻")
    before = holder.issue(with_name=True)
    link = join(house, other["id"], holder.learner["id"])
    house.clock.move(minutes=1)
    of_both = holder.issue(kind="balance", subject_id=None)
    misnamed = holder.issue(subject_id=theirs["id"], with_name=True)
    nameless, own = holder.issue(subject_id=theirs["id"]), holder.issue(with_name=True)
    code = holder.share(misnamed, "holder", "achievement")["code"]
    house.clock.move(minutes=1)
    part(house, link)
    house.tokens.clear()
    listed = house.http.get("/v1/learners/me/credentials", headers=holder.own).get_json()["items"]
    found = {one["id"]: one["status"] for one in listed}
    assert found == {before["id"]: "valid", own["id"]: "valid", of_both["id"]: "superseded"}
    headers = house.learner_auth(other["id"])
    listed = house.http.get("/v1/learners/me/credentials", headers=headers).get_json()["items"]
    assert {one["id"]: one["status"] for one in listed} == {misnamed["id"]: "superseded", nameless["id"]: "valid"}
    assert house.http.get(f"/verify/{code}").get_json()["status"] == "superseded"


def test_a_learner_takes_back_a_statement_of_their_own(house: House) -> None:
    holder = Holder(house)
    made = holder.issue(kind="balance", subject_id=None)
    assert change(house, made, "revoke").status_code == 404
    assert change(house, made, "revoke", holder.own).status_code == 200
    assert status(house, holder, made) == "revoked"


def test_a_statement_is_over_though_the_reversal_behind_it_has_an_earlier_instant(house: House) -> None:
    holder = Holder(house)
    house.clock.move(seconds=5)
    made = holder.issue(kind="balance", subject_id=None)
    house.clock.move(seconds=-2)  # as of a transaction that began before, and waited for the account
    revoked = house.http.post(
        f"/v1/outcomes/{holder.outcome['id']}/revoke", json={"reason": "查证"}, headers=house.auth()
    )
    assert revoked.status_code == 200
    house.clock.move(seconds=2)
    assert verdict(house, holder.jwt(made))["status"] == "superseded"


def test_a_statement_expires_after_its_last_day(house: House) -> None:
    holder = Holder(house)
    made = holder.issue(kind="balance", subject_id=None)
    house.clock.move(days=90)
    holder.own = house.learner_auth(holder.learner["id"])
    assert status(house, holder, made) == "valid"
    house.clock.move(days=1)
    holder.own = house.learner_auth(holder.learner["id"])
    assert status(house, holder, made) == "expired"
    said = verdict(house, holder.document(made))
    assert (codes(said), said["accepted"]) == ({"expired"}, False)


def test_keys_that_were_rotated_and_retired_leave_older_proofs_good(house: House) -> None:
    holder = Holder(house)
    made = holder.issue()
    before = [holder.document(made), *(holder.jwt(made, alg) for alg in ("RS256", "ES256", "EdDSA"))]
    for _ in range(2):
        house.clock.move(days=1)
        rotation.rotate(house.bank, administrator(), Kind.CREDENTIAL)
        house.clock.move(days=1)
        assert len(rotation.retire(house.bank, administrator(), Kind.CREDENTIAL)) == 1
    house.clock.move(days=365)
    assert [verdict(house, one)["accepted"] for one in before] == [True] * 4
    holder.own = house.learner_auth(holder.learner["id"])
    now = holder.document(made)
    assert now["proof"]["verificationMethod"] != before[0]["proof"]["verificationMethod"]
    document = house.http.get("/.well-known/did.json").get_json()
    assert before[0]["proof"]["verificationMethod"] in document["assertionMethod"]
    assert {one["controller"] for one in document["verificationMethod"]} == {ISSUER} == {document["id"]}
    keys = {one["id"]: one["publicKeyJwk"] for one in document["verificationMethod"] if "publicKeyJwk" in one}
    for token in before[1:]:
        header = pyjwt.get_unverified_header(token)
        pyjwt.decode(token, pyjwt.PyJWK(keys[header["kid"]]), algorithms=[header["alg"]], options={"verify_iat": False})


def test_of_stolen_keys_nothing_counts_and_the_credential_is_fetched_anew(house: House) -> None:
    holder = Holder(house)
    made = holder.issue()
    before = [holder.document(made), holder.jwt(made)]
    rotation.rotate(house.bank, administrator(), Kind.CREDENTIAL)
    rotation.retire(house.bank, administrator(), Kind.CREDENTIAL, at_once=True)
    assert [codes(verdict(house, one)) for one in before] == [{"key_withdrawn"}] * 2
    assert verdict(house, holder.document(made))["accepted"]
    assert (
        before[0]["proof"]["verificationMethod"]
        not in house.http.get("/.well-known/did.json").get_json()["assertionMethod"]
    )


def test_a_key_that_was_stolen_after_it_was_retired_is_withdrawn_by_its_name(house: House) -> None:
    holder = Holder(house)
    made = holder.issue()
    before = {algorithm: holder.jwt(made, algorithm) for algorithm in ("RS256", "ES256")}
    kid = pyjwt.get_unverified_header(before["RS256"])["kid"].partition("#")[2]

    def withdraw() -> None:
        def action(work: Work) -> Answer:
            rotation.withdraw(work, kid)
            return Answer({}, is_new=False, subject=kid)

        carried_out(house.bank, Errand(administrator(), "keys.withdraw"), action)

    with pytest.raises(Conflict):
        withdraw()
    rotation.rotate(house.bank, administrator(), Kind.CREDENTIAL)
    rotation.retire(house.bank, administrator(), Kind.CREDENTIAL)
    assert verdict(house, before["RS256"])["accepted"]
    for _ in range(2):
        withdraw()
    assert codes(verdict(house, before["RS256"])) == {"key_withdrawn"}
    assert verdict(house, before["ES256"])["accepted"], "only the one that was named"


def test_a_ring_from_before_there_were_credentials_gets_keys_with_the_first(house: House) -> None:
    holder = Holder(house)
    house.bank.keys.current()  # the file as it stands
    path = house.bank.keys._path  # type: ignore[attr-defined] # noqa: SLF001 - the file under test
    content = json.loads(path.read_text())
    del content["credential_keys"]
    path.write_text(json.dumps(content))
    refused = house.http.get("/v1/status-lists/1")
    assert (refused.status_code, refused.get_json()["errors"][0]["code"]) == (503, "no_credential_keys")
    assert verdict(house, holder.document(holder.issue()))["accepted"]


def test_another_ones_index_is_refused_though_it_is_signed(house: House) -> None:
    """As by somebody within the bank who has its key: the place on record counts, not the one in the document."""
    holder = Holder(house)
    made, revoked = holder.issue(), holder.issue()
    change(house, revoked, "revoke")
    forged = {**holder.document(revoked), "credentialStatus": holder.document(made)["credentialStatus"]}
    signed = signed_by_the_bank(house, forged)
    said = verdict(house, signed)
    assert (codes(said), said["status"], said["accepted"]) == ({"status_index_foreign"}, "revoked", False)
    unknown = signed_by_the_bank(house, {**holder.document(made), "id": f"{BASE_URL}/v1/credentials/{UUID(int=1)}"})
    assert codes(verdict(house, unknown)) == {"not_on_record"}


def signed_by_the_bank(house: House, document: dict[str, Any]) -> dict[str, Any]:
    from creditbank.services import issuing_keys  # noqa: PLC0415 - for this alone
    from creditbank.services.bank import looked_up  # noqa: PLC0415

    unsigned = {name: value for name, value in document.items() if name != "proof"}
    return looked_up(house.bank, administrator(), lambda work: issuing_keys.proven(work, BASE_URL, unsigned))


def test_indexes_are_drawn_by_chance_and_given_out_once(house: House) -> None:
    holder = Holder(house)
    documents = [holder.document(holder.issue()) for _ in range(12)]
    indexes = [int(one["credentialStatus"][0]["statusListIndex"]) for one in documents]
    assert len(set(indexes)) == len(indexes)
    assert indexes != sorted(indexes)
    assert max(indexes) - min(indexes) > ENTRIES // 8


def test_a_list_that_is_nearly_full_makes_way_for_the_next(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    holder = Holder(house)
    monkeypatch.setattr(credentials.secrets, "randbelow", lambda _: 5)
    first, second, third = (holder.document(holder.issue()) for _ in range(3))
    lists = [one["credentialStatus"][0]["statusListCredential"] for one in (first, second, third)]
    assert [one.rpartition("/")[2] for one in lists] == ["1", "3", "5"]
    with house.bank.database.engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(status_entry)).scalar_one() == 3
    assert TRIES > 1
    assert house.http.get("/v1/status-lists/6").status_code == 200
    assert house.http.get("/v1/status-lists/7").status_code == 404


def test_a_link_shows_what_was_chosen_until_it_is_withdrawn_or_over(house: House) -> None:
    holder = Holder(house)
    made = holder.issue(with_name=True)
    link = holder.share(made, "credits")
    assert link["valid_until"] == "2026-07-08"
    shown = house.http.get(f"/verify/{link['code']}")
    text = shown.get_data(as_text=True)
    assert "3.00" in text
    assert "欧阳独一" not in text
    assert "课程" not in text
    assert shown.get_json()["credential"] is None
    whole = house.http.get(f"/verify/{holder.share(made, 'proof')['code']}").get_json()
    assert verdict(house, whole["credential"])["accepted"]
    url = f"/v1/credentials/{made['id']}/shares"
    withdrawn = house.http.delete(f"{url}/{link['id']}", headers=holder.own)
    assert withdrawn.get_json()["withdrawn_at"] is not None
    assert house.http.get(f"/verify/{link['code']}").status_code == 404
    assert "code" not in house.http.get(url, headers=holder.own).get_json()["items"][0]
    short = holder.share(made, "credits", valid_until="2026-07-01")
    assert house.http.get(f"/verify/{short['code']}").status_code == 200
    house.clock.move(days=1)
    assert house.http.get(f"/verify/{short['code']}").status_code == 404


@pytest.mark.parametrize("code", ["a" * 32, "a" * 31, "A" * 32, "0" * 32, "me"])
def test_a_code_that_never_was_shows_nothing(house: House, code: str) -> None:
    assert house.http.get(f"/verify/{code}").status_code == 404


@pytest.mark.parametrize("day", ["2026-06-30", "2026-09-30"])
def test_a_link_that_is_over_or_too_long_is_refused(house: House, day: str) -> None:
    holder = Holder(house)
    made = holder.issue()
    body = {"details": ["credits"], "valid_until": day}
    refused = house.http.post(f"/v1/credentials/{made['id']}/shares", json=body, headers=holder.own)
    assert (refused.status_code, refused.get_json()["errors"][0]["code"]) == (422, "wrong_term")


def test_links_are_the_learners_alone_and_bounded(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    holder = Holder(house)
    made = holder.issue()
    url = f"/v1/credentials/{made['id']}/shares"
    for headers in (
        house.auth(*ISSUE),
        house.auth("audit", "audit:read"),
        house.learner_auth(house.open_learner()["id"]),
    ):
        assert house.http.get(url, headers=headers).status_code == 404
        assert house.http.post(url, json={"details": ["credits"]}, headers=headers).status_code == 404
    monkeypatch.setattr("creditbank.services.credential_shares.SHARES_MAX", 1)
    holder.share(made, "credits")
    refused = house.http.post(url, json={"details": ["credits"]}, headers=holder.own)
    assert (refused.status_code, refused.get_json()["errors"][0]["code"]) == (409, "too_many_shares")


def test_a_repeat_under_its_key_issues_once(house: House) -> None:
    holder = Holder(house)
    headers = holder.own | {"Idempotency-Key": "once"}
    first, second = holder.issue(headers), holder.ask(headers)
    assert first == second.get_json()
    url = "/v1/learners/me/credentials"
    assert len(house.http.get(url, headers=holder.own).get_json()["items"]) == 1


def test_credentials_of_one_person_are_bounded(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    holder = Holder(house)
    monkeypatch.setattr("creditbank.services.credentials.CREDENTIALS_MAX", 1)
    holder.issue()
    refused = holder.ask()
    assert (refused.status_code, refused.get_json()["errors"][0]["code"]) == (409, "too_many_credentials")


def test_lists_are_paged_newest_first(house: House) -> None:
    holder = Holder(house)
    made = []
    for _ in range(3):
        made.append(holder.issue()["id"])
        house.clock.move(seconds=1)
    url = "/v1/learners/me/credentials?limit=2"
    first = house.http.get(url, headers=holder.own).get_json()
    second = house.http.get(f"{url}&cursor={first['next_cursor']}", headers=holder.own).get_json()
    assert [one["id"] for one in (*first["items"], *second["items"])] == made[::-1]


@pytest.mark.own_database
def test_of_who_was_erased_no_credential_is_told_and_none_can_be_opened(house: House) -> None:
    holder = Holder(house)
    made = holder.issue(with_name=True)
    link = holder.share(made, "holder", "proof")
    document = holder.document(made)
    erase(house, holder.learner)
    assert house.http.get(f"/verify/{link['code']}").status_code == 404
    assert house.http.get(f"/v1/credentials/{made['id']}", headers=house.auth(*ISSUE)).status_code == 404
    assert change(house, made, "revoke").status_code == 404
    table = catalogue.tables["credential"]
    with house.bank.database.engine.connect() as connection:
        (row,) = connection.execute(select(table)).all()
        assert (bytes(row.sealed_document), row.sealed_reason) == (b"", None)
        assert connection.execute(select(catalogue.tables["credential_share"])).all() == []
    assert verdict(house, document)["accepted"]  # what is in others' hands goes on to hold


@pytest.mark.parametrize("body", [{}, {"credential": 1}, {"credential": None}, {"credential": []}, {"credential": "x"}])
def test_what_is_no_credential_is_no_fault_of_the_banks(house: House, body: dict[str, Any]) -> None:
    answer = house.http.post("/v1/credentials/verify", json=body)
    assert answer.status_code == (200 if body.get("credential") == "x" else 422)


def test_forms_are_chosen_by_accept(house: House) -> None:
    holder = Holder(house)
    made = holder.issue()
    for path, headers in ((f"/v1/credentials/{made['id']}", holder.own), ("/v1/status-lists/1", {})):
        for accept, mimetype in (
            ("*/*", "application/json"),
            ("application/vc", "application/vc"),
            ("application/vc+jwt", "application/vc+jwt"),
            ("text/html", "application/json"),
        ):
            answer = house.http.get(path, headers={**headers, "Accept": accept})
            assert (answer.status_code, answer.mimetype) == (200, mimetype)


def test_our_terms_are_published_where_credentials_say(house: House) -> None:
    holder = Holder(house)
    *_, ours = holder.document(holder.issue())["@context"]
    published = house.http.get(ours.removeprefix(BASE_URL)).get_json()
    assert "creditRecognition" in published["@context"]
