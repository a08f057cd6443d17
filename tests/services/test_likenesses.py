"""Accounts that are alike are proposed to people, once, and never merged by the bank itself."""

from typing import Any

import pytest

from creditbank.services import likenesses
from creditbank.services.bank import Answer, Errand, Work, carried_out
from creditbank.services.clients import administrator
from creditbank.storage import likeness
from tests.api.test_identity_cases import cases, reviewer, reviewers, said, shown
from tests.builders import House, resident_id


def propose(house: House) -> likenesses.Compared:
    """Compare all that is new."""
    found: list[likenesses.Compared] = []

    def action(work: Work) -> Answer:
        found.append(likenesses.propose(work))
        return Answer({}, is_new=False, subject="likeness")

    total = likenesses.Compared(0, 0, 0, 0)
    while not found or found[-1].rows:
        carried_out(house.bank, Errand(administrator(), "test.likeness"), action)
        total = total.plus(found[-1])
    return total


def student(house: House, name: str, institution: str = "cqdx", **more: Any) -> dict[str, Any]:
    """Open the account of somebody who is known by a student number only."""
    number = {"type": "student_no", "value": f"2026-{next(house.numbers)}"}
    others = more.pop("identifiers", [])
    return house.open_learner(institution, name=name, identifiers=[number, *others], **more)


def alike(house: House) -> tuple[dict[str, Any], dict[str, Any]]:
    born = {"birth_date": "1960-05-04"}
    return student(house, "张小明", **born), student(house, "张小明", "cqou", **born)


def test_two_accounts_that_are_alike_are_proposed_and_not_merged(house: House) -> None:
    one, other = alike(house)
    assert propose(house).opened == 1
    auth = reviewer(house)
    (case,) = cases(house, auth, kind="likeness")
    assert {case["learner_id"], case["other_id"]} == {one["id"], other["id"]}
    full = house.http.get(f"/v1/identity/cases/{case['id']}", headers=auth).get_json()
    assert (full["score"]["value"], full["score"]["threshold"]) == ("27.35", "20.00")
    assert [part["finding"] for part in full["score"]["parts"]] == ["name_equal", "born_equal"]
    assert full["evidence"] is None
    assert shown(house, one["id"]) == one
    assert shown(house, other["id"], "cqou") == other


def test_what_was_compared_is_not_compared_again(house: House) -> None:
    alike(house)
    assert propose(house).pairs == 1
    assert propose(house) == likenesses.Compared(0, 0, 0, 0)
    student(house, "张小明", birth_date="1960-05-04")
    assert propose(house).pairs == 2


def test_a_pair_that_was_decided_to_be_two_is_never_proposed_again(house: House) -> None:
    one, other = alike(house)
    propose(house)
    auth = reviewer(house)
    (case,) = cases(house, auth)
    assert said(house, auth, case["id"], "different")[1]["verdict"] == "different"
    phone = {"type": "phone", "value": "13800138000"}
    for account, institution in ((one, "cqdx"), (other, "cqou")):
        url = f"/v1/learners/{account['id']}/identifiers"
        assert house.http.post(url, json=phone, headers=house.auth(institution)).status_code == 201
    assert propose(house).opened == 0


def test_people_who_are_merged_are_not_proposed(house: House) -> None:
    alike(house)
    propose(house)
    first, second, _ = reviewers(house)
    (case,) = cases(house, first)
    said(house, first, case["id"], "same")
    said(house, second, case["id"], "same")
    student(house, "张小明", birth_date="1960-05-04")
    assert propose(house).opened == 1


def test_a_number_of_fifteen_digits_links_to_that_of_eighteen_and_leads_to_nobody(house: House) -> None:
    number = resident_id(next(house.numbers))
    whole = house.open_learner(name="张小明", identifiers=[{"type": "resident_id", "value": number}])
    older = {"type": "resident_id_15", "value": number[:6] + number[8:17]}
    other = student(house, "张小明", identifiers=[older])
    assert whole["id"] != other["id"]
    propose(house)
    auth = reviewer(house)
    (case,) = cases(house, auth)
    full = house.http.get(f"/v1/identity/cases/{case['id']}", headers=auth).get_json()
    findings = [part["finding"] for part in full["score"]["parts"]]
    assert findings == ["name_equal", "legacy_equal", "institution_shared"]


def test_a_phone_is_no_proof_and_a_block_of_too_many_is_left_out(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    phone = {"type": "phone", "value": "+8613800138000"}
    for name in ("甲", "乙", "丙"):
        student(house, name, identifiers=[phone])
    assert propose(house) == likenesses.Compared(3, 3, 0, 0)
    monkeypatch.setattr(likeness, "BLOCK_ROWS_MAX", 3)
    student(house, "甲", identifiers=[phone])
    assert propose(house) == likenesses.Compared(1, 0, 0, 1)


def test_rows_are_compared_part_by_part_as_well_as_at_once(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(likenesses, "ROWS_MAX", 1)
    for _ in range(3):
        alike(house)
    assert propose(house).opened == 15
