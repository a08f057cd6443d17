"""Presentations over HTTP: what a learner shows of credits and outcomes, and nothing else in what is handed on."""

import base64
import json
import zlib
from typing import Any

import pytest
from jwt import PyJWK, PyJWS

from creditbank.formats.credential_key import Algorithm
from creditbank.formats.sd_jwt import presented
from creditbank.formats.sd_jwt_claims import Asked
from creditbank.gateways.keyring import Kind
from creditbank.services import rotation
from creditbank.services.clients import administrator
from tests.api.test_credentials import ISSUE, ISSUER, Holder, change, codes, verdict
from tests.api.test_rights import TARGET
from tests.builders import BASE_URL, SAME_TITLE, House
from tests.formats import credentials as issued
from tests.formats.sd_jwts import AMOUNTS, by_hand, everything_in, packed, statement, unpacked
from tests.formats.test_token_status_list import a_list

SD_JWT = "application/dc+sd-jwt"
NAME = "欧阳独一"
PRESENT = "/v1/learners/me/credentials/presentations"


class Shower(Holder):
    """A learner with 37.50 credits: 34.50 at level 3 or higher, of them 30 at level 5, and 3 without a level."""

    def __init__(self, house: House) -> None:
        super().__init__(house)
        self.learner = house.open_learner(name=NAME, birth_date="1955-12-30")
        self.own = house.learner_auth(self.learner["id"])
        self.outcome = house.post_outcome(self.learner["id"], title="太极拳入门")
        self.leveled = [self.record("古琴进阶", "72", "3")]
        self.leveled += [self.record(f"书法 {number}", "160", "5") for number in range(3)]

    def record(self, title: str, hours: str, level: str) -> dict[str, Any]:
        return self.house.post_outcome(self.learner["id"], title=title, hours=hours, level=level)

    def present(self, **body: Any) -> Any:
        return self.house.http.post(PRESENT, json=body, headers=self.own)

    def presented(self, **body: Any) -> dict[str, Any]:
        answer = self.present(**body)
        assert answer.status_code == 201, answer.get_data(as_text=True)
        made: dict[str, Any] = answer.get_json()
        return made

    def sd_jwt(self, path: str, alg: str = "ES256") -> str:
        answer = self.house.http.get(f"{path}?alg={alg}", headers=self.own | {"Accept": SD_JWT})
        assert (answer.status_code, answer.mimetype) == (200, SD_JWT), answer.get_data(as_text=True)
        return answer.get_data(as_text=True)


@pytest.fixture
def shower(house: House) -> Shower:
    return Shower(house)


AT_LEAST = {"scheme": "cn-16h-half", "credits": "30", "level": 3}


def test_a_learner_shows_that_there_is_enough_and_the_true_number_stands_nowhere(shower: Shower) -> None:
    made = shower.presented(at_least=AT_LEAST)
    assert shower.house.balance(shower.learner["id"])["cn-16h-half"]["available"] == "37.50"
    said = verdict(shower.house, made["presentation"])
    assert (said["accepted"], said["status"], said["issuer"]) == (True, "valid", ISSUER)
    assert said["proof"] == "sd-jwt:ES256"
    assert said["shown"] == made["shown"]
    assert made["shown"]["creditsAtLeast"] == {"cn-16h-half": {"3": {"30.00": True}}}
    assert made["shown"].keys() == {"vct", "creditsAsOf", "creditsAtLeast"}
    told = everything_in(made["presentation"])
    for hidden in ("37.5", "34.5", "4.50", NAME, "1955", "古琴", "书法", shower.learner["id"], shower.outcome["id"]):
        assert hidden not in told
        assert json.dumps(hidden)[1:-1] not in told


def test_what_is_shown_is_so_on_both_sides_of_the_bound(shower: Shower) -> None:
    there = [(None, "37.50"), (1, "34.50"), (3, "34.50"), (4, "30"), (5, "30")]
    not_there = [(None, "37.51"), (1, "34.51"), (3, "34.51"), (5, "30.01"), (6, "0.01")]
    for level, amount in not_there:
        answer = shower.present(at_least=at_least(level, amount))
        assert (answer.status_code, answer.get_json()["errors"][0]["code"]) == (409, "not_reached")
    credentials = shower.house.http.get("/v1/learners/me/credentials", headers=shower.own).get_json()
    assert credentials["items"] == [], "nothing is issued where nothing is shown"
    for level, amount in there:
        said = shower.presented(at_least=at_least(level, amount))["shown"]["creditsAtLeast"]
        assert said == {"cn-16h-half": {str(level or "any"): {f"{float(amount):.2f}": True}}}


def at_least(level: int | None, amount: str) -> dict[str, Any]:
    return {"scheme": "cn-16h-half", "credits": amount} | ({} if level is None else {"level": level})


def test_one_course_is_shown_alone(shower: Shower) -> None:
    made = shower.presented(outcomes=[shower.leveled[0]["id"]], with_birth_date=True)
    said = verdict(shower.house, made["presentation"])
    assert (said["accepted"], said["shown"]) == (True, made["shown"])
    (course,) = made["shown"]["credentials"]
    assert (course["achievement"]["name"], course["creditRecognition"]["creditAmount"]) == ("古琴进阶", "4.50")
    assert made["shown"]["birthdate"] == "1955-12-30"
    told = everything_in(made["presentation"])
    assert not [hidden for hidden in ("太极拳", "书法", NAME) if json.dumps(hidden)[1:-1] in told or hidden in told]


def test_a_record_hides_how_much_is_in_it_and_shows_each_alone(shower: Shower) -> None:
    for outcome in (shower.outcome, *shower.leveled):
        shower.issue(subject_id=outcome["id"])
    whole = shower.sd_jwt("/v1/learners/me/credentials/record")
    items = body(whole)["credentials"]
    assert len(items) == 40
    told = {
        disclosure(one)[-1]["achievement"]["name"]: one for one in whole.split("~")[1:-1] if len(disclosure(one)) == 2
    }
    assert len(told) == 5
    for name, one in told.items():
        said = verdict(shower.house, "~".join([whole.split("~")[0], one, ""]))
        assert [course["achievement"]["name"] for course in said["shown"]["credentials"]] == [name]
        assert (said["accepted"], said["status"]) == (True, "valid")
    nothing = verdict(shower.house, whole.split("~")[0] + "~")
    assert (nothing["accepted"], nothing["status"], nothing["shown"]["credentials"]) == (True, "none", [])


def test_a_credential_is_kept_in_a_wallet_and_shown_member_by_member(shower: Shower) -> None:
    made = shower.issue(with_name=True)
    for alg in ("ES256", "EdDSA", "RS256"):
        text = shower.sd_jwt(f"/v1/credentials/{made['id']}", alg)
        said = verdict(shower.house, text)
        assert (said["accepted"], said["proof"]) == (True, f"sd-jwt:{alg}")
        assert said["shown"]["name"] == NAME
        assert said["shown"]["achievement"]["name"] == "太极拳入门"
        token, *disclosures, _ = text.split("~")
        for one in disclosures:
            alone = verdict(shower.house, f"{token}~{one}~")
            assert alone["accepted"]
            assert set(alone["shown"]) == {"vct", disclosure(one)[1]}


def test_the_balance_of_each_scheme_is_shown_alone(shower: Shower) -> None:
    text = shower.sd_jwt(f"/v1/credentials/{shower.issue(kind='balance', subject_id=None)['id']}")
    token, *disclosures, _ = text.split("~")
    by_name = {disclosure(one)[1]: one for one in disclosures if len(disclosure(one)) == 3}
    said = verdict(shower.house, f"{token}~{by_name['creditBalance']}~")
    assert (said["accepted"], said["shown"]["creditBalance"]) == (True, [])
    (balance,) = (one for one in disclosures if len(disclosure(one)) == 2)
    said = verdict(shower.house, f"{token}~{by_name['creditBalance']}~{balance}~")
    assert said["shown"]["creditBalance"][0]["availableCredits"] == "37.50"


def test_an_institution_hands_out_no_more_of_a_person_than_the_credential_tells(shower: Shower) -> None:
    made = shower.issue(shower.house.auth(*ISSUE))
    headers = shower.house.auth(*ISSUE) | {"Accept": SD_JWT}
    text = shower.house.http.get(f"/v1/credentials/{made['id']}", headers=headers).get_data(as_text=True)
    assert "name" not in verdict(shower.house, text)["shown"]
    assert "birthdate" not in verdict(shower.house, text)["shown"]


@pytest.mark.parametrize(("how", "status"), [("revoke", "revoked"), ("suspend", "suspended")])
def test_what_is_revoked_or_suspended_shows_so_at_once(shower: Shower, how: str, status: str) -> None:
    made = shower.presented(at_least=AT_LEAST)
    (credential,) = made["credential_ids"]
    assert listed(shower.house, made["presentation"]) == 0
    assert change(shower.house, {"id": credential}, how, shower.own).status_code == 200
    said = verdict(shower.house, made["presentation"])
    assert (said["accepted"], said["verified"], said["status"]) == (False, True, status)
    assert listed(shower.house, made["presentation"]) == {"revoke": 1, "suspend": 2}[how]


def test_a_statement_is_over_once_credits_are_taken_back_and_a_course_once_it_is_revoked(shower: Shower) -> None:
    statement, course = shower.presented(at_least=AT_LEAST), shower.presented(outcomes=[shower.leveled[1]["id"]])
    url = f"/v1/outcomes/{shower.leveled[1]['id']}/revoke"
    assert shower.house.http.post(url, json={"reason": "错"}, headers=shower.house.auth()).status_code == 200
    assert verdict(shower.house, statement["presentation"])["status"] == "superseded"
    assert verdict(shower.house, course["presentation"])["status"] == "revoked"
    assert shower.present(at_least=AT_LEAST).get_json()["errors"][0]["code"] == "not_reached"
    refused = shower.present(outcomes=[shower.leveled[1]["id"]]).get_json()["errors"][0]
    assert (refused["pointer"], refused["code"]) == ("/outcomes/0", "not_standing")


def test_an_old_statement_goes_on_telling_what_it_told(shower: Shower) -> None:
    path = f"/v1/credentials/{shower.issue(kind='balance', subject_id=None)['id']}"
    before = verdict(shower.house, shower.sd_jwt(path))["shown"]["creditsAtLeast"]
    shower.house.move_to("2026-07-02")
    shower.own = shower.house.learner_auth(shower.learner["id"])
    shower.record("书法 9", "160", "5")
    assert verdict(shower.house, shower.sd_jwt(path))["shown"]["creditsAtLeast"] == before
    assert shower.presented(at_least=at_least(3, "44.50"))["shown"]["creditsAsOf"] == "2026-07-02"


def test_what_was_converted_is_not_shown(shower: Shower) -> None:
    shower.house.publish_rules(SAME_TITLE)
    shower.house.publish_programme("acceptor")
    outcome = shower.record("管理学", "48", "3")
    shower.presented(at_least=at_least(3, "37.50"))
    converted = shower.house.convert(shower.learner["id"], TARGET, [outcome["id"]])
    text = shower.sd_jwt(f"/v1/credentials/{shower.issue(kind='conversion', subject_id=converted['id'])['id']}")
    (part,) = verdict(shower.house, text)["shown"]["creditConversion"]["convertedPart"]
    (hidden,) = (one for one in text.split("~")[1:-1] if disclosure(one)[-1] == part)
    said = verdict(shower.house, text.replace(f"~{hidden}~", "~"))
    assert (said["accepted"], said["shown"]["creditConversion"]["convertedPart"]) == (True, [])
    assert shower.present(at_least=at_least(3, "34.51")).status_code == 409
    shower.presented(at_least=at_least(3, "34.50"))


def test_keys_that_were_retired_count_and_stolen_ones_dont(shower: Shower) -> None:
    old = shower.presented(at_least=AT_LEAST)["presentation"]
    rotation.rotate(shower.house.bank, administrator(), Kind.CREDENTIAL)
    rotation.retire(shower.house.bank, administrator(), Kind.CREDENTIAL)
    new = shower.presented(at_least=AT_LEAST)["presentation"]
    assert head(old)["kid"] != head(new)["kid"]
    assert verdict(shower.house, old)["accepted"]
    assert verdict(shower.house, new)["accepted"]
    rotation.rotate(shower.house.bank, administrator(), Kind.CREDENTIAL)
    rotation.retire(shower.house.bank, administrator(), Kind.CREDENTIAL, at_once=True)
    assert codes(verdict(shower.house, new)) == {"key_withdrawn"}
    assert verdict(shower.house, old)["accepted"]


def test_two_presentations_have_nothing_in_common(shower: Shower) -> None:
    one, other = (body(shower.presented(at_least=AT_LEAST)["presentation"]) for _ in range(2))
    assert not set(one["_sd"]) & set(other["_sd"])
    assert one["jti"] != other["jti"]
    assert one["status"] != other["status"]


def test_another_credentials_place_in_the_list_is_refused_even_if_the_bank_signed_it(shower: Shower) -> None:
    one, other = shower.presented(at_least=AT_LEAST), shower.presented(outcomes=[shower.leveled[0]["id"]])
    keys = shower.house.bank.keyring.credential_keys[-1].keys[Algorithm.ES256]
    own, foreign = body(one["presentation"]), disclosure(other["presentation"].split("~")[1])[-1]
    cases = {
        "status_index_foreign": own | {"status": foreign["status"]},
        "not_on_record": own | {"vct": f"{BASE_URL}/credentials/contexts/v1#outcome"},
    }
    for code, payload in cases.items():
        token = PyJWS().encode(json.dumps(payload).encode(), keys.private, "ES256", head(one["presentation"]))
        assert codes(verdict(shower.house, token + "~")) == {code}
    gone = own | {"jti": f"{BASE_URL}/v1/credentials/00000000-0000-0000-0000-000000000001"}
    token = PyJWS().encode(json.dumps(gone).encode(), keys.private, "ES256", head(one["presentation"]))
    assert codes(verdict(shower.house, token + "~")) == {"not_on_record"}


def test_a_forger_gets_a_verdict_whatever_stands_in_it(shower: Shower) -> None:
    made = shower.presented(outcomes=[shower.leveled[0]["id"]])["presentation"]
    start, _, signature = made.split("~")[0].split(".")
    forged: list[dict[str, Any]] = [{"credentials": 1}, {"credentials": [1, {"kind": []}]}, {"vct": []}, {"jti": []}]
    for claims in forged:
        payload = base64.urlsafe_b64encode(json.dumps(body(made) | claims).encode()).decode().rstrip("=")
        said = verdict(shower.house, f"{start}.{payload}.{signature}~")
        assert "signature_wrong" in codes(said)
        assert said["shown"] is None


def test_a_presentation_is_no_outcome_of_another_institution(shower: Shower) -> None:
    made = shower.presented(outcomes=[shower.leveled[0]["id"]])
    url = f"/v1/learners/{shower.learner['id']}/credentials/imports"
    given = {"credential": made["presentation"]}
    (taken,) = shower.house.http.post(url, json=given, headers=shower.house.auth()).get_json()["results"]
    assert [one["code"] for one in taken["errors"]] == ["own_credential"]


def test_what_another_issuer_signed_stands_as_its_own_list_tells(house: House) -> None:
    house.app.extensions["creditbank.trusted_issuers"] = issued.issuers()
    text = presented(statement(AMOUNTS), Asked("cn-16h-half", 3, 3000).chosen)
    said = verdict(house, text)
    assert (said["verified"], said["accepted"], said["status"]) == (True, False, "unknown")
    for revoked, status in ((set[int](), "valid"), ({4711}, "revoked")):
        said = verdict(house, text, a_list(revoked, set()))
        assert (said["verified"], said["accepted"], said["status"]) == (True, status == "valid", status)
        assert said["shown"]["creditsAtLeast"] == {"cn-16h-half": {"3": {"30.00": True}}}
    assert codes(verdict(house, text, a_list(set(), set(), number=2))) == {"status_list_refused"}
    url = f"/v1/learners/{house.open_learner()['id']}/credentials/imports"
    given = {"credential": text, "status_lists": [a_list(set(), set())]}
    (taken,) = house.http.post(url, json=given, headers=house.auth()).get_json()["results"]
    assert [one["code"] for one in taken["errors"]] == ["no_achievement"]
    house.app.extensions["creditbank.trusted_issuers"] = {}
    assert codes(verdict(house, text)) == {"issuer_unknown"}


def test_numbers_with_decimals_are_shown_as_another_issuer_wrote_them(house: House) -> None:
    house.app.extensions["creditbank.trusted_issuers"] = issued.issuers()
    said = verdict(house, by_hand([packed(["salt", "gpa", [3.75, 4.0]])]))
    assert (said["accepted"], said["shown"]["gpa"]) == (True, [3.75, 4])


def test_what_can_t_be_shown_is_refused_where_it_stands(shower: Shower) -> None:
    nobodys = ["00000000-0000-0000-0000-000000000001"]
    cases: list[tuple[dict[str, Any], str]] = [
        ({}, "wrong_choice"),
        ({"at_least": AT_LEAST, "outcomes": nobodys}, "wrong_choice"),
        ({"outcomes": []}, "wrong_count"),
        ({"at_least": AT_LEAST | {"credits": "0"}}, "wrong_amount"),
        ({"at_least": AT_LEAST | {"level": 11}}, "wrong_number"),
        ({"at_least": AT_LEAST | {"level": "3"}}, "wrong_number"),
        ({"at_least": AT_LEAST | {"scheme": "none-such"}}, "not_reached"),
        ({"outcomes": nobodys}, "unknown_outcome"),
    ]
    for asked, code in cases:
        assert [one["code"] for one in shower.present(**asked).get_json()["errors"]] == [code]


def test_nobody_shows_what_is_anothers(shower: Shower) -> None:
    stranger = shower.house.learner_auth(shower.house.open_learner()["id"])
    url = f"/v1/learners/{shower.learner['id']}/credentials/presentations"
    for asker in (stranger, shower.house.auth(), shower.house.auth(*ISSUE)):
        for asked in ({"at_least": AT_LEAST}, {"outcomes": [shower.outcome["id"]]}):
            assert shower.house.http.post(url, json=asked, headers=asker).status_code == 404
    asked = {"outcomes": [shower.outcome["id"]]}
    assert shower.house.http.post(PRESENT, json=asked, headers=stranger).status_code == 404


def test_a_repeat_under_one_key_is_one_presentation(shower: Shower) -> None:
    headers = shower.own | {"Idempotency-Key": "once"}
    made = [shower.house.http.post(PRESENT, json={"at_least": AT_LEAST}, headers=headers) for _ in range(2)]
    assert made[0].get_json() == made[1].get_json()
    listed_all = shower.house.http.get("/v1/learners/me/credentials", headers=shower.own).get_json()
    assert len(listed_all["items"]) == 1


def test_no_birth_date_is_made_up(house: House) -> None:
    learner = house.open_learner(identifiers=[{"type": "student_no", "value": "1"}])
    own = house.learner_auth(learner["id"])
    outcome = house.post_outcome(learner["id"])
    asked = {"outcomes": [outcome["id"]], "with_birth_date": True}
    refused = house.http.post(PRESENT, json=asked, headers=own)
    assert (refused.status_code, refused.get_json()["errors"][0]["code"]) == (409, "birth_date_missing")


def listed(house: House, presentation: str) -> int:
    """Return what the Token Status List tells at the index of a presentation, read as the draft has it."""
    place = body(presentation)["status"]["status_list"]
    headers = {"Accept": "application/statuslist+jwt"}
    answer = house.http.get(place["uri"].removeprefix(BASE_URL), headers=headers)
    assert answer.mimetype == "application/statuslist+jwt"
    token = answer.get_data(as_text=True)
    methods = house.http.get("/.well-known/did.json").get_json()["verificationMethod"]
    (method,) = (one for one in methods if one["id"] == head(token)["kid"])
    PyJWS().decode(token, PyJWK(method["publicKeyJwk"]), algorithms=["ES256"])
    told = body(token)
    assert (head(token)["typ"], told["sub"]) == ("statuslist+jwt", place["uri"])
    bits = told["status_list"]["bits"]
    values = zlib.decompress(base64.urlsafe_b64decode(told["status_list"]["lst"] + "=="))
    at = place["idx"] * bits
    return values[at // 8] >> at % 8 & (2**bits - 1)


def head(text: str) -> dict[str, Any]:
    found: dict[str, Any] = unpacked(text.split(".", maxsplit=1)[0])
    return found


def body(text: str) -> dict[str, Any]:
    """Return what the issuer signed of a presentation, or of a JWT."""
    found: dict[str, Any] = unpacked(text.split("~", maxsplit=1)[0].split(".")[1])
    return found


def disclosure(text: str) -> list[Any]:
    found: list[Any] = unpacked(text)
    return found
