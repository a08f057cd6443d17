"""Decisions on identity that come at once: one merge, however many approve."""

from typing import Any

from sqlalchemy import func, select

from creditbank.storage.people import learner_link
from tests.api.test_identity_cases import REASON, cases, opened, reviewer, reviewers
from tests.builders import House, learner_body
from tests.services.test_races import at_once, poster, statuses

ROUNDS = 3


def approving(house: House, auth: dict[str, str], case_id: str, **body: Any) -> Any:
    def send() -> Any:
        url = f"/v1/identity/cases/{case_id}/decisions"
        return house.http.post(url, json={"verdict": "same"} | body, headers=auth)

    return send


def links(house: House) -> int:
    with house.bank.database.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(learner_link)).scalar_one())


def test_approvers_who_come_at_once_merge_once(house: House) -> None:
    for number in range(ROUNDS):
        one, other = house.open_learner(), house.open_learner()
        asks, first, second = reviewers(house)
        case = opened(house, asks, kind="merge", learner_id=one["id"], into_id=other["id"])
        sent = [approving(house, auth, case["id"]) for auth in (first, second, first, second, asks)]
        found = statuses(at_once(sent))
        assert found[200] + found.get(409, 0) == 4, found
        assert found[403] == 1
        assert links(house) == number + 1


def test_one_approver_who_comes_twice_at_once_speaks_once(house: House) -> None:
    one, other = house.open_learner(), house.open_learner()
    asks, first, _ = reviewers(house)
    case = opened(house, asks, kind="merge", learner_id=one["id"], into_id=other["id"])
    assert statuses(at_once([approving(house, first, case["id"])] * 4)) == {200: 1, 409: 3}
    assert links(house) == 0


def test_opposite_merges_approved_at_once_are_one_person_in_the_end(house: House) -> None:
    ids = [house.open_learner()["id"] for _ in range(3)]
    asks, first, second = reviewers(house)
    pairs = [(0, 1), (1, 2), (2, 0)]
    opened_cases = [opened(house, asks, kind="merge", learner_id=ids[a], into_id=ids[b])["id"] for a, b in pairs]
    for case_id in opened_cases:
        approving(house, first, case_id)()
    found = statuses(at_once([approving(house, second, case_id) for case_id in opened_cases]))
    assert found in ({200: 2, 409: 1}, {200: 3}), found
    assert links(house) == 2
    roots = {house.http.get(f"/v1/learners/{one}", headers=house.auth()).get_json()["id"] for one in ids}
    assert len(roots) == 1
    assert cases(house, first, state="open") == []


def test_a_case_that_is_asked_for_at_once_is_opened_once(house: House) -> None:
    one, other = house.open_learner(), house.open_learner()
    body = REASON | {"kind": "merge", "learner_id": one["id"], "into_id": other["id"]}
    auth = [reviewer(house) for _ in range(4)]

    def asking(header: dict[str, str]) -> Any:
        return lambda: house.http.post("/v1/identity/cases", json=body, headers=header)

    assert statuses(at_once([asking(header) for header in auth])) == {201: 1, 200: 3}


def test_a_number_that_comes_again_while_it_is_decided_leaves_nobody_half_in_conflict(house: House) -> None:
    for _ in range(ROUNDS):
        number = next(house.numbers)
        names = ("甲", "乙")
        ids = [
            house.http.post("/v1/learners", json=learner_body(number, name=name), headers=house.auth()).get_json()["id"]
            for name in names
        ]
        auth = reviewer(house)
        (case,) = [one for one in cases(house, auth, state="open") if ids[0] in (one["learner_id"], one["other_id"])]
        deciding = approving(house, auth, case["id"], verdict="different", holder=ids[0])
        coming = poster(house, learner_body(number, name="丙"), path="/v1/learners")
        answers = at_once([deciding, coming])
        assert sorted(answer.status_code for answer in answers) == [200, 201]
        third = next(answer.get_json()["id"] for answer in answers if answer.status_code == 201)
        url = "/v1/learners/"
        found = {one: house.http.get(url + one, headers=house.auth()).get_json()["status"] for one in (*ids, third)}
        open_on = {
            end
            for one in cases(house, auth, state="open", kind="conflict")
            for end in (one["learner_id"], one["other_id"])
        }
        assert {one for one, status in found.items() if status == "conflict"} == open_on & set(found)
        assert found[ids[0]] == found[third] == "conflict"
