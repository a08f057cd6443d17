"""Credentials of awards: who may have one issued, what it says, and that it stands as the award does."""

import json
import zipfile
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pypdfium2
import pytest

from creditbank.services import credential_following
from creditbank.storage import catalogue
from tests.api.test_credentials import Holder, change, fetched, status
from tests.api.test_papers import BROWSER, Shown, address_in
from tests.api.test_qualifications import (
    award,
    awarded,
    cases,
    decide,
    elder,
    learned,
    qualifying_house,
    revoke,
)
from tests.builders import House
from tests.moulds import Making
from tests.services.test_erasure import erase

AWARDER = ("cqdx", "credentials:issue")


@pytest.fixture
def house(copied: Callable[[Making], House]) -> House:
    """Give a bank with two definitions in print."""
    return copied(qualifying_house)


class Awardee(Holder):
    """A learner who was awarded a level, and what is issued about that."""

    def __init__(self, house: House, learner: str, given: dict[str, Any]) -> None:  # a learner who is there already
        self.house = house
        self.learner = {"id": learner}
        self.given = given
        self.own = house.learner_auth(learner)

    def ask(self, headers: dict[str, str] | None = None, **body: Any) -> Any:
        """Ask for a credential of the award."""
        wish = {"kind": "qualification", "subject_id": self.given["id"]} | body
        return self.house.http.post("/v1/credentials", json=wish, headers=headers or self.own)


def by_institution(house: House, level: str = "second") -> tuple[Awardee, str]:
    """Return somebody who was awarded a level by cqdx, and the course on which it rests."""
    learner, course, _ = learned(house)
    return Awardee(house, learner, awarded(house, learner, level)), course


def by_rules(house: House) -> Awardee:
    learner = elder(house)
    house.post_outcome(learner, "cqdx")
    _, given = award(house, None, "one", house.learner_auth(learner), "automatic")
    return Awardee(house, learner, given)


def told(holder: Awardee, made: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = holder.document(made)["credentialSubject"]
    return found


def test_an_award_is_an_achievement_with_its_definition_level_institution_and_parts(house: House) -> None:
    holder, _ = by_institution(house)
    made = holder.issue()
    assert (made["kind"], made["institution"], made["valid_until"]) == ("qualification", "cqdx", "2031-07-01")
    document = holder.document(made)
    assert document["type"] == ["VerifiableCredential", "OpenBadgeCredential"]
    assert document["validUntil"] == "2031-07-01T15:59:59Z"
    subject = document["credentialSubject"]
    achievement, said = subject["achievement"], subject["qualificationAward"]
    assert (achievement["achievementType"], achievement["id"]) == ("Certification", f"{made['address']}#achievement")
    assert achievement["creator"] == subject["source"] == said["awardingInstitution"]
    assert said["awardingInstitution"]["id"].endswith("/v1/institutions/cqdx")
    assert said == said | {
        "qualificationCode": "example-qualification",
        "qualificationVersion": 1,
        "levelCode": "second",
        "levelTitle": {"zh": "精进", "en": "second step"},
        "awardedOn": "2026-07-01",
        "isAutomatic": False,
    }
    assert [(one["partTitle"]["zh"], one["partAsked"]["zh"]) for one in said["qualificationPart"]] == [
        ("启航", "已取得或达到此等级"),
        ("技能部分", "证书一项：1+X 证书“中级”或以上"),
    ]
    assert status(house, holder, made) == "valid"
    text = json.dumps(document)
    assert [one for one in (holder.learner["id"], holder.given["id"], holder.given["decision_id"]) if one in text] == []


def test_an_automatic_award_names_nobody_and_is_the_learners_own(house: House) -> None:
    holder = by_rules(house)
    made = holder.issue()
    assert (made["institution"], made["valid_until"]) == (None, "2027-07-01")
    said = told(holder, made)
    assert said["qualificationAward"]["isAutomatic"] is True
    assert "awardingInstitution" not in said["qualificationAward"]
    assert "creator" not in said["achievement"]
    for who in (AWARDER, ("authority", "credentials:issue")):
        assert holder.ask(house.auth(*who)).status_code == 404
        assert house.http.get(f"/v1/credentials/{made['id']}", headers=house.auth(*who)).status_code == 404
    assert change(house, made, "revoke", holder.own).get_json()["status"] == "revoked"


def test_who_awarded_has_it_issued_and_others_learn_of_nothing(house: House) -> None:
    holder, _ = by_institution(house)
    made = holder.issue(house.auth(*AWARDER))
    assert fetched(house, made["id"], house.auth(*AWARDER))["id"] == made["address"]
    stranger = house.learner_auth(house.open_learner()["id"])
    for headers in (house.auth("cqou", "credentials:issue"), stranger):
        refused = holder.ask(headers)
        assert (refused.status_code, refused.get_json()["errors"][0]["code"]) == (404, "unknown_award")
    assert change(house, made, "revoke", holder.own).status_code == 404, "it is the institution's word"


def test_in_review_it_is_suspended_and_holds_again_once_it_is_upheld(house: House) -> None:
    holder, course = by_institution(house, "first")
    made = holder.issue()
    revoke(house, course)
    assert status(house, holder, made) == "suspended"
    refused = holder.ask()
    assert (refused.status_code, refused.get_json()["errors"][0]["code"]) == (409, "not_standing")
    reinstated = change(house, made, "reinstate", house.auth(*AWARDER))
    assert (reinstated.status_code, reinstated.get_json()["errors"][0]["code"]) == (409, "award_in_review")
    assert status(house, holder, made) == "suspended"
    decide(house, cases(house)[0], "uphold")
    assert status(house, holder, made) == "valid"


def test_with_the_award_its_credential_is_revoked_for_ever(house: House) -> None:
    holder, course = by_institution(house, "first")
    made, other = holder.issue(), by_institution(house, "first")[0]
    kept = other.issue()
    revoke(house, course)
    decide(house, cases(house)[0], "revoke")
    assert status(house, holder, made) == "revoked"
    assert status(house, other, kept) == "valid"
    assert change(house, made, "reinstate", house.auth(*AWARDER)).status_code == 409


def test_what_its_issuer_suspended_stays_so_when_the_award_is_upheld(house: House) -> None:
    holder, course = by_institution(house, "first")
    made = holder.issue()
    assert change(house, made, "suspend", house.auth(*AWARDER)).status_code == 200
    revoke(house, course)
    decide(house, cases(house)[0], "uphold")
    assert status(house, holder, made) == "suspended"
    assert change(house, made, "reinstate", house.auth(*AWARDER)).status_code == 200
    assert status(house, holder, made) == "valid"


def test_what_its_issuer_suspended_of_who_was_erased_stays_so(house: House) -> None:
    """An erasure takes the reason away, which tells whose suspension it is."""
    holder, _ = by_institution(house)
    made = holder.issue()
    change(house, made, "suspend", house.auth(*AWARDER))
    erase(house, house.http.get("/v1/learners/me", headers=holder.own).get_json())
    assert credential_following.look_again(house.bank) == 0


def test_it_expires_with_the_award_and_is_superseded_by_the_next_one(house: House) -> None:
    holder = by_rules(house)
    made = holder.issue()
    house.move_to("2027-07-01")
    house.tokens.clear()
    holder.own = house.learner_auth(holder.learner["id"])
    assert status(house, holder, made) == "valid"
    house.move_to("2027-07-02")
    house.tokens.clear()
    holder.own = house.learner_auth(holder.learner["id"])
    assert status(house, holder, made) == "expired"
    assert holder.ask().status_code == 409
    assert award(house, None, "one", holder.own, "automatic")[0] == 201
    url = "/v1/learners/me/credentials"
    assert house.http.get(url, headers=holder.own).get_json()["items"][0]["status"] == "superseded"


def test_the_worker_lets_it_follow_an_award_that_nobody_followed(house: House) -> None:
    """As after a change by a process of an older version, which knew nothing of such credentials."""
    holder, _ = by_institution(house)
    made = holder.issue()
    table = catalogue.tables["qualification_award"]
    for state, wanted in (("in_review", "suspended"), ("in_force", "valid"), ("revoked", "revoked")):
        with house.bank.database.transaction() as connection:
            connection.execute(table.update().values(state=state))
        assert credential_following.look_again(house.bank) == 1
        assert status(house, holder, made) == wanted
        assert credential_following.look_again(house.bank) == 0


def test_a_link_shows_level_without_parts_or_parts_without_level(house: House) -> None:
    holder, _ = by_institution(house)
    made = holder.issue(with_name=True)
    for detail, shown, hidden in (
        ("achievement", "精进", "技能部分"),
        ("credits", "技能部分", "精进"),
        ("holder", "identityHash", "cqdx"),
    ):
        link = holder.share(made, detail)
        told_by_link = json.dumps(house.http.get(f"/verify/{link['code']}").get_json()["shown"], ensure_ascii=False)
        assert shown in told_by_link
        assert hidden not in told_by_link


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("zh", ("资历证书", "已取得下列资历", "精进", "授予机构", "技能部分", "证书一项", "2031-07-01")),
        ("en", ("Certificate of qualification", "second step", "Awarded by", "One certificate", "2031-07-01")),
    ],
)
def test_it_is_printed_as_a_certificate_whose_address_shows_the_same(
    house: House, language: str, words: tuple[str, ...]
) -> None:
    holder, _ = by_institution(house)
    made = holder.issue(with_name=True)
    answer = house.http.get(f"/v1/credentials/{made['id']}.pdf?language={language}", headers=holder.own)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    (text,) = (page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(answer.get_data()))
    for said in words:
        assert said in text, said
    page = Shown(house.http.get(address_in(text), headers=BROWSER).get_data(as_text=True))
    for said in ("资历证书", "有效", "精进", "second step", "技能部分", "授予机构"):
        assert said in page.text, said


def test_the_learners_export_has_it(house: House) -> None:
    holder, _ = by_institution(house)
    made = holder.issue()
    answer = house.http.get("/v1/learners/me/export", headers=holder.own)
    with zipfile.ZipFile(BytesIO(answer.get_data())) as archive:
        (told_of,) = json.loads(archive.read("json/credentials.json"))
    assert (told_of["id"], told_of["kind"], told_of["source_id"]) == (made["id"], "qualification", holder.given["id"])
