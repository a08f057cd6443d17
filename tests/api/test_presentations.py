"""Presentations over HTTP: what a learner shows of credits and outcomes, and nothing else in what is handed on."""

import base64
import json
from typing import Any

import pytest

from creditbank.gateways.keyring import Kind
from creditbank.services import rotation
from creditbank.services.clients import administrator
from tests.api.test_credentials import ISSUE, ISSUER, Holder, change, codes, verdict
from tests.builders import BASE_URL, House

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


def test_try(house: House) -> None:
    shower = Shower(house)
    print(house.balance(shower.learner["id"]))
    made = shower.presented(at_least={"scheme": "cn-16h-half", "credits": "30", "level": 3})
    print(len(made["presentation"]), made)
    print(verdict(house, made["presentation"]))
    made = shower.presented(outcomes=[shower.leveled[0]["id"]], with_name=True, with_birth_date=True)
    print(len(made["presentation"]), made["shown"])
    print(verdict(house, made["presentation"]))
    balance = shower.issue(kind="balance", subject_id=None)
    text = shower.sd_jwt(f"/v1/credentials/{balance['id']}")
    print(len(text))
    print(verdict(house, text))
    text = shower.sd_jwt("/v1/learners/me/credentials/record")
    print(len(text))
    print(verdict(house, text))
    assert 0
