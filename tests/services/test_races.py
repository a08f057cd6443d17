"""Many at once: whatever is asked by several at the same moment has the effect of being asked one after the other."""

from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from decimal import Decimal
from random import Random
from threading import Barrier, Event
from typing import Any

import pytest
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from creditbank.services import settling
from creditbank.services.bank import looked_up
from creditbank.services.clients import administrator
from creditbank.services.verification import verify
from creditbank.storage import outcome_claims
from creditbank.storage.learners import learner
from creditbank.storage.ledger import entry
from creditbank.storage.outcomes import outcome
from tests.builders import House, learner_body, outcome_body, resident_id

SEED = 20260701
"""What every shuffle here starts from, so that a failure can be seen again."""

ROUNDS = 8
"""Times that a race for one moment is run: each one alone may miss it."""


def at_once(calls: Iterable[Callable[[], TestResponse]]) -> list[TestResponse]:
    """Make all calls from threads of their own that start together; return their answers in order."""
    started = list(calls)
    barrier = Barrier(len(started))

    def run(call: Callable[[], TestResponse]) -> TestResponse:
        barrier.wait()
        return call()

    with ThreadPoolExecutor(len(started)) as threads:
        return list(threads.map(run, started))


def poster(
    house: House, body: object, institution: str = "cqdx", path: str = "/v1/outcomes", **headers: str
) -> Callable[[], TestResponse]:
    """Return the call that posts a body."""
    auth = house.auth(institution) | {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda: house.http.post(path, json=body, headers=auth)


def statuses(answers: Iterable[TestResponse]) -> Counter[int]:
    return Counter(answer.status_code for answer in answers)


def count(house: House, table: Any) -> int:
    with house.bank.database.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def check_sound(house: House) -> None:
    assert looked_up(house.bank, administrator(), verify).faults == ()


def available(house: House, learner_id: str) -> Decimal:
    return sum((Decimal(one["available"]) for one in house.balance(learner_id).values()), Decimal(0))


def test_fifty_posts_of_the_same_outcome_make_one_entry_and_are_answered_alike(house: House) -> None:
    learner_id = house.open_learner()["id"]
    answers = at_once([poster(house, outcome_body(learner_id, 1))] * 50)
    assert statuses(answers) == {201: 1, 200: 49}
    assert len({answer.get_data() for answer in answers}) == 1
    assert (count(house, entry), count(house, outcome)) == (1, 1)
    check_sound(house)


def test_of_posts_of_one_key_with_different_content_one_wins_and_the_others_are_told_where_they_differ(
    house: House,
) -> None:
    learner_id = house.open_learner()["id"]
    bodies = [outcome_body(learner_id, 1, hours=str(16 * number)) for number in range(1, 21)]
    answers = at_once([poster(house, body) for body in bodies])
    assert statuses(answers) == {201: 1, 409: 19}
    pointers = {
        tuple(error["pointer"] for error in answer.get_json()["errors"])
        for answer in answers
        if answer.status_code == 409
    }
    assert pointers == {("/hours",)}
    winner = next(answer for answer in answers if answer.status_code == 201).get_json()
    assert available(house, learner_id) == Decimal(winner["recognition"]["credits"])
    assert count(house, entry) == 1


def test_a_hundred_different_posts_on_one_learner_all_succeed_and_add_up(house: House) -> None:
    learner_id = house.open_learner()["id"]
    answers = at_once([poster(house, outcome_body(learner_id, number)) for number in range(100)])
    assert statuses(answers) == {201: 100}
    assert available(house, learner_id) == sum(
        Decimal(answer.get_json()["recognition"]["credits"]) for answer in answers
    )
    assert available(house, learner_id) == Decimal("300.00")
    check_sound(house)


def test_twenty_applications_of_one_person_open_one_account(house: House) -> None:
    answers = at_once([poster(house, learner_body(7), path="/v1/learners")] * 20)
    assert statuses(answers) == {201: 1, 200: 19}
    assert len({answer.get_json()["id"] for answer in answers}) == 1
    assert count(house, learner) == 1


def test_one_person_who_comes_to_be_known_by_twenty_records_has_one_account(house: House) -> None:
    named = {"name": "王小明", "identifier": {"type": "cn.resident_id", "value": resident_id(77)}}
    answers = at_once([poster(house, outcome_body("", number, learner=named)) for number in range(20)])
    assert statuses(answers) == {201: 20}
    assert count(house, learner) == 1
    check_sound(house)


def test_one_identifier_under_two_names_at_once_is_a_conflict_of_both(house: House) -> None:
    for number in range(ROUNDS):
        bodies = [learner_body(number, name=name) for name in ("张三", "李四")]
        answers = at_once([poster(house, body, path="/v1/learners") for body in bodies])
        assert statuses(answers) == {201: 2}
        shown = [
            house.http.get(f"/v1/learners/{answer.get_json()['id']}", headers=house.auth()).get_json()
            for answer in answers
        ]
        assert [one["status"] for one in shown] == ["conflict", "conflict"]


def test_one_identifier_under_two_names_in_one_batch_is_a_conflict_of_both(house: House) -> None:
    identifier = {"type": "cn.resident_id", "value": resident_id(77)}
    rows = [
        outcome_body("", number, learner={"name": name, "identifier": identifier})
        for number, name in enumerate(["张三", "李四", "张三"])
    ]
    results = poster(house, rows, path="/v1/outcomes/batch")().get_json()["results"]
    assert results[0]["learner_id"] == results[2]["learner_id"] != results[1]["learner_id"]
    for row in results:
        shown = house.http.get(f"/v1/learners/{row['learner_id']}", headers=house.auth()).get_json()
        assert shown["status"] == "conflict"


def test_a_certificate_that_two_institutions_post_at_once_is_credited_once(house: House) -> None:
    learner_id = house.open_learner()["id"]
    house.open_learner("cqou", **learner_body(1))  # the same person, who is known there, too
    credited = Decimal(0)
    for number in range(ROUNDS):
        bodies = {
            institution: outcome_body(
                learner_id, number, title=f"{institution} {number}", certificate_no=f"NO. {number}"
            )
            for institution in ("cqdx", "cqou")
        }
        answers = at_once([poster(house, body, institution) for institution, body in bodies.items()])
        assert statuses(answers) == {201: 2}
        told = sorted((answer.get_json() for answer in answers), key=lambda one: str(one["status"]))
        assert [one["status"] for one in told] == ["duplicate", "recognised"]
        assert told[0]["duplicate_of"] == told[1]["id"]
        credited += Decimal(told[1]["recognition"]["credits"])
    assert available(house, learner_id) == credited > 0
    check_sound(house)


def test_one_idempotency_key_at_once_has_one_effect_and_one_answer(house: House) -> None:
    learner_id = house.open_learner()["id"]
    posted = house.post_outcome(learner_id)
    path = f"/v1/outcomes/{posted['id']}/revoke"
    answers = at_once([poster(house, {"reason": "误录"}, path=path, Idempotency_Key="k1")] * 20)
    assert statuses(answers) == {200: 20}
    assert len({answer.get_data() for answer in answers}) == 1
    answers = at_once([poster(house, learner_body(9), path="/v1/learners", Idempotency_Key="k2")] * 20)
    assert statuses(answers) == {201: 20}
    assert len({answer.get_data() for answer in answers}) == 1
    assert count(house, entry) == 2
    check_sound(house)


def test_one_idempotency_key_with_different_content_at_once_serves_one_of_them(house: House) -> None:
    bodies = [learner_body(number) for number in range(10)]
    answers = at_once([poster(house, body, path="/v1/learners", Idempotency_Key="k") for body in bodies])
    assert statuses(answers) == {201: 1, 422: 9}
    codes = {answer.get_json()["code"] for answer in answers if answer.status_code == 422}
    assert codes == {"idempotency_key_reused"}
    assert count(house, learner) == 1


def test_batches_that_overlap_in_any_order_all_succeed_and_take_each_row_once(house: House) -> None:
    random = Random(SEED)  # noqa: S311 - a shuffle, no secret
    learners = [house.open_learner()["id"] for _ in range(5)]
    rows = [outcome_body(learners[number % 5], number, certificate_no=f"C-{number}") for number in range(60)]
    new = {"name": "新人", "identifier": {"type": "cn.resident_id", "value": resident_id(500)}}
    rows += [outcome_body("", number, learner=new) for number in range(60, 65)]
    batches = [random.sample(rows, 45) for _ in range(12)]
    answers = at_once([poster(house, batch, path="/v1/outcomes/batch") for batch in batches])
    assert statuses(answers) == {200: 12}
    accepted = Counter(
        result["external_id"]
        for answer in answers
        for result in answer.get_json()["results"]
        if result["status"] == "accepted"
    )
    assert set(accepted.values()) == {1}
    assert accepted.keys() == {row["external_id"] for batch in batches for row in batch}
    assert all(answer.get_json()["summary"]["rejected"] == 0 for answer in answers)
    assert count(house, entry) == len(accepted)
    check_sound(house)


def test_of_corrections_of_one_revision_one_stands_and_the_others_are_outdated(house: House) -> None:
    learner_id = house.open_learner()["id"]
    body = outcome_body(learner_id, 1)
    posted = poster(house, body)().get_json()
    headers = house.auth() | {"If-Match": '"1"'}

    def correction(hours: int) -> Callable[[], TestResponse]:
        changed = body | {"hours": str(hours)}
        return lambda: house.http.put(f"/v1/outcomes/{posted['id']}", json=changed, headers=headers)

    answers = at_once([correction(16 * number) for number in range(4, 14)])
    assert statuses(answers) == {200: 1, 412: 9}
    winner = next(answer for answer in answers if answer.status_code == 200)
    assert (winner.get_json()["revision"], winner.headers["ETag"]) == (2, '"2"')
    assert available(house, learner_id) == Decimal(winner.get_json()["recognition"]["credits"])
    assert count(house, entry) == 3
    check_sound(house)


def test_the_same_correction_sent_many_times_at_once_is_done_once(house: House) -> None:
    learner_id = house.open_learner()["id"]
    body = outcome_body(learner_id, 1)
    posted = poster(house, body)().get_json()
    headers = house.auth() | {"If-Match": '"1"'}
    url = f"/v1/outcomes/{posted['id']}"
    answers = at_once([lambda: house.http.put(url, json=body | {"hours": "64"}, headers=headers)] * 10)
    assert statuses(answers) == {200: 10}
    assert {answer.get_json()["revision"] for answer in answers} == {2}
    assert (count(house, entry), available(house, learner_id)) == (3, Decimal(4))


def test_a_revocation_beside_a_correction_leaves_nothing_credited(house: House) -> None:
    learner_id = house.open_learner()["id"]
    for number in range(ROUNDS):
        body = outcome_body(learner_id, number)
        posted = poster(house, body)().get_json()
        url = f"/v1/outcomes/{posted['id']}"
        headers = house.auth() | {"If-Match": '"1"'}
        revoked, corrected = at_once(
            [
                poster(house, {"reason": "误录"}, path=f"{url}/revoke"),
                lambda url=url, body=body, headers=headers: house.http.put(  # type: ignore[misc]
                    url, json=body | {"hours": "64"}, headers=headers
                ),
            ]
        )
        assert revoked.status_code == 200
        assert corrected.status_code in (200, 409)
        assert house.http.get(url, headers=house.auth()).get_json()["status"] == "revoked"
    assert available(house, learner_id) == 0
    check_sound(house)


def test_a_duplicate_that_is_posted_while_its_original_is_revoked_is_credited(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    learner_id = house.open_learner()["id"]
    original = house.post_outcome(learner_id, certificate_no="ONE")
    has_read, is_revoked = Event(), Event()
    holders = outcome_claims.holders

    def slow_holders(*arguments: Any) -> Any:
        """Read who holds the claims, then give the revocation a second to overtake."""
        found = holders(*arguments)
        if not has_read.is_set():
            has_read.set()
            is_revoked.wait(1)
        return found

    monkeypatch.setattr(settling.outcome_claims, "holders", slow_holders)
    repeat = poster(house, outcome_body(learner_id, 99, title="另一名称", certificate_no="one"))
    revoke = poster(house, {"reason": "误录"}, path=f"/v1/outcomes/{original['id']}/revoke")
    with ThreadPoolExecutor(2) as threads:
        posted = threads.submit(repeat)
        has_read.wait(5)
        revoked = threads.submit(revoke)
        with suppress(TimeoutError):
            revoked.result(0.5)
        is_revoked.set()
        assert (posted.result().status_code, revoked.result().status_code) == (201, 200)
    standing = house.http.get(f"/v1/outcomes/{posted.result().get_json()['id']}", headers=house.auth()).get_json()
    assert standing["status"] == "recognised"
    assert available(house, learner_id) == 3
    check_sound(house)
