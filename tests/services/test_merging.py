"""Merging on the real bank: one person of several accounts, and parted again as if nothing had been; both engines."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select

from creditbank.core.errors import Conflict, Refusal
from creditbank.core.merging import Link, Person
from creditbank.core.permission import Actor
from creditbank.services import merging
from creditbank.services.bank import Answer, Errand, Work, carried_out, looked_up
from creditbank.services.clients import administrator
from creditbank.services.verification import verify
from creditbank.storage.ledger import entry
from creditbank.storage.people import learner_link
from tests.api.test_conversions import TARGET
from tests.builders import House, outcome_body
from tests.moulds import Making
from tests.services.test_conversion_races import ONE_STEP, UNREVIEWED, small_house

JOINT_RULES = {
    **UNREVIEWED,
    "rules": [{"id": "same", "when": {"same_title": True}}],
}
"""Rules under which an application is approved at once, each course by an outcome of its title."""

SEEDS = range(6)
"""Random sequences of merges, unmerges and records on each engine."""

READER = Actor("registrar", frozenset())


@pytest.fixture
def house(copied: Callable[[Making], House]) -> House:
    """Give a bank that recognises courses by their hours, without the other packs."""
    return copied(joint_house)


def joint_house(url: str, folder: Path) -> House:
    made = small_house(url, folder)
    made.publish_rules(JOINT_RULES)
    made.publish_programme("acceptor")
    return made


def done(house: House, action: Callable[[Work], Any]) -> Any:
    """Carry out an action as a registrar and return what it gives."""
    found: list[Any] = []

    def kept(work: Work) -> Answer:
        found.append(action(work))
        return Answer({}, is_new=True, subject="")

    carried_out(house.bank, Errand(READER, "test.merge"), kept)
    return found[-1]


def join(house: House, one: str, into: str) -> Link:
    link: Link = done(house, lambda work: merging.join(work, UUID(one), UUID(into), uuid4()))
    return link


def part(house: House, link: Link) -> tuple[Person, Person]:
    people: tuple[Person, Person] = done(house, lambda work: merging.part(work, link.id, uuid4()))
    return people


def entries(house: House) -> int:
    with house.bank.database.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(entry)).scalar_one())


def check_sound(house: House) -> None:
    assert looked_up(house.bank, administrator(), verify).faults == ()


def seen(house: House, learner: str) -> dict[str, Any]:
    """Return all that is seen of a learner, by themself and by whom."""
    own = house.learner_auth(learner)
    get = {
        path: house.http.get(f"/v1/learners/{learner}{path}", headers=own).get_json()
        for path in ("", "/balance", "/balance?as_of=2026-06-30", "/statement", "/outcomes")
    }
    planned = house.http.post(f"/v1/learners/{learner}/plan", json={}, headers=own).get_json()
    applied = house.http.get(f"/v1/conversions?learner_id={learner}", headers=own).get_json()
    who = {
        name: house.http.get(f"/v1/learners/{learner}/balance", headers=house.auth(name)).status_code
        for name in ("cqdx", "cqnu", "stranger")
    }
    return {**get, "plan": planned, "conversions": applied, "who": who}


def two(house: House) -> tuple[str, str]:
    """Return two accounts, one known to each of two universities."""
    return house.open_learner("cqdx")["id"], house.open_learner("cqnu")["id"]


def available(house: House, learner: str, **query: str) -> str:
    url = f"/v1/learners/{learner}/balance"
    answer = house.http.get(url, query_string=query, headers=house.learner_auth(learner)).get_json()
    return str(next((one["available"] for one in answer["balances"]), "0.00"))


# --- one person


def test_what_stands_on_merged_accounts_is_seen_together_under_either_id(house: House) -> None:
    one, other = two(house)
    first = house.post_outcome(one, "cqdx", title="管理学")
    second = house.post_outcome(other, "cqnu", title="公文写作", hours="32")
    before = entries(house)
    join(house, other, one)
    assert entries(house) == before, "a merge moves nothing"
    for name in (one, other):
        views = seen(house, name)
        assert views[""]["id"] == one
        assert views[""]["merged"] == [other]
        assert len(views[""]["identifiers"]) == 2
        assert views["/balance"]["learner_id"] == one
        assert views["/balance"]["balances"][0]["available"] == "5.00"
        assert [line["balance_after"] for line in views["/statement"]["items"]] == ["5.00", "3.00"]
        assert {item["id"] for item in views["/outcomes"]["items"]} == {first["id"], second["id"]}
        assert views["who"] == {"cqdx": 200, "cqnu": 200, "stranger": 404}
    for reader in ("cqdx", "cqnu"):
        assert house.balance(one, reader)["cn-16h-half"]["available"] == "5.00"
        assert house.balance(other, reader)["cn-16h-half"]["available"] == "5.00"
    check_sound(house)


def test_a_balance_as_it_was_known_before_the_merge_is_that_of_the_account(house: House) -> None:
    one, other = two(house)
    house.post_outcome(one, "cqdx")
    house.post_outcome(other, "cqnu")
    before = house.clock.now.isoformat()
    house.clock.move(minutes=1)
    join(house, other, one)
    assert available(house, other, known_at=before) == "3.00"
    assert available(house, other, known_at=house.clock.now.isoformat()) == "6.00"
    assert available(house, other, as_of="2026-06-30") == "6.00"


def test_decisions_and_outcomes_of_either_account_are_the_learners(house: House) -> None:
    one, other = two(house)
    outcome = house.post_outcome(other, "cqnu")
    own = house.learner_auth(one)
    paths = [f"/v1/outcomes/{outcome['id']}", f"/v1/decisions/{outcome['decision_id']}"]
    assert [house.http.get(path, headers=own).status_code for path in paths] == [404, 404]
    link = join(house, other, one)
    assert [house.http.get(path, headers=own).status_code for path in paths] == [200, 200]
    part(house, link)
    assert [house.http.get(path, headers=own).status_code for path in paths] == [404, 404]


def test_records_that_come_after_the_merge_stand_on_the_account_that_they_name(house: House) -> None:
    one, other = two(house)
    link = join(house, other, one)
    house.post_outcome(one, "cqnu", title="管理学")  # known to cqou by the other account
    house.post_outcome(other, "cqdx", title="行政法")
    assert available(house, one) == "6.00"
    part(house, link)
    assert (available(house, one), available(house, other)) == ("3.00", "3.00")
    check_sound(house)


def test_a_passbook_of_several_accounts_is_read_page_by_page(house: House) -> None:
    one, other = two(house)
    for number in range(6):
        house.post_outcome(one if number % 2 else other, "cqdx" if number % 2 else "cqnu")
    join(house, other, one)
    own, url, lines = house.learner_auth(one), f"/v1/learners/{one}/statement?limit=2", []
    cursor = ""
    while True:
        page = house.http.get(url + cursor, headers=own).get_json()
        lines += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert len({line["id"] for line in lines}) == 6
    assert [line["balance_after"] for line in lines] == [f"{3 * left}.00" for left in range(6, 0, -1)]


# --- the same learning


def test_the_same_learning_on_both_accounts_counts_once_by_a_reversal_that_names_the_merge(house: House) -> None:
    one, other = two(house)
    first = house.post_outcome(one, "cqdx", title="管理学")
    house.clock.move(minutes=1)
    second = house.post_outcome(other, "cqnu", title="管理学")
    before = {name: seen(house, name) for name in (one, other)}
    count = entries(house)
    link = join(house, other, one)
    assert entries(house) == count + 1
    assert available(house, one) == "3.00"
    newest = seen(house, one)["/statement"]["items"][0]
    assert (newest["kind"], newest["amount"]) == ("reverse", "-3.00")
    decision = house.http.get(f"/v1/decisions/{newest['decision_id']}", headers=house.learner_auth(one)).get_json()
    assert decision["kind"] == "duplicate"
    assert decision["inputs"]["merge"] == str(link.id)
    assert decision["explanation"]["duplicate_of"] == first["id"]
    items = {item["id"]: item for item in seen(house, one)["/outcomes"]["items"]}
    assert (items[second["id"]]["status"], items[second["id"]]["duplicate_of"]) == ("duplicate", first["id"])
    check_sound(house)
    part(house, link)
    check_sound(house)
    for name in (one, other):
        after = seen(house, name)
        for path in ("", "/balance", "/balance?as_of=2026-06-30", "conversions", "who"):
            assert after[path] == before[name][path], path
        assert _told(after) == _told(before[name])


def _told(views: dict[str, Any]) -> list[Any]:
    """Return what outcomes are worth, without the decision that says so last."""
    items = views["/outcomes"]["items"]
    return [
        [item["id"], item["status"], item["duplicate_of"], item["recognition"] and item["recognition"]["credits"]]
        for item in items
    ]


def test_learning_that_comes_twice_after_the_merge_counts_once_until_the_accounts_are_parted(house: House) -> None:
    one, other = two(house)
    link = join(house, other, one)
    house.post_outcome(one, "cqdx", title="管理学")
    again = outcome_body(other, 77, title="管理学")
    answer = house.http.post("/v1/outcomes", json=again, headers=house.auth("cqnu")).get_json()
    assert answer["status"] == "duplicate"
    assert available(house, one) == "3.00"
    part(house, link)
    assert (available(house, one), available(house, other)) == ("3.00", "3.00")
    check_sound(house)


def test_a_duplicate_counts_when_the_outcome_on_the_other_account_is_revoked(house: House) -> None:
    one, other = two(house)
    first = house.post_outcome(one, "cqdx", title="管理学")
    house.post_outcome(other, "cqnu", title="管理学", hours="32")
    link = join(house, other, one)
    revoked = house.http.post(f"/v1/outcomes/{first['id']}/revoke", json={"reason": "误"}, headers=house.auth("cqdx"))
    assert revoked.status_code == 200
    assert available(house, one) == "2.00"
    part(house, link)
    assert (available(house, one), available(house, other)) == ("0.00", "2.00")
    check_sound(house)


def test_a_third_account_stands_behind_what_counts_for_its_own_person(house: House) -> None:
    one, other = two(house)
    third = house.open_learner("cqdx")["id"]
    for learner, issuer in ((one, "cqdx"), (other, "cqnu"), (third, "cqdx")):
        house.post_outcome(learner, issuer, title="管理学")
        house.clock.move(minutes=1)
    join(house, third, other)
    outer = join(house, other, one)
    assert available(house, third) == "3.00"
    part(house, outer)
    assert [available(house, name) for name in (one, other, third)] == ["3.00", "3.00", "3.00"]
    check_sound(house)


# --- conversions


def test_a_conversion_of_one_accounts_outcomes_stays_with_it(house: House) -> None:
    one, other = two(house)
    house.post_outcome(one, "cqdx", title="行政法", hours="32")
    used = house.post_outcome(other, "cqnu", title="管理学")
    link = join(house, other, one)
    made = house.convert(one, {**TARGET, "courses": ["c1"]}, [used["id"]])
    part(house, link)
    listed = [seen(house, name)["conversions"]["items"] for name in (one, other)]
    assert [[item["id"] for item in items] for items in listed] == [[], [made["id"]]]
    check_sound(house)


def test_accounts_are_parted_only_after_their_joint_conversions_are_taken_back(house: House) -> None:
    one, other = two(house)
    first = house.post_outcome(one, "cqdx", title="管理学")
    second = house.post_outcome(other, "cqnu", title="公文写作")
    link = join(house, other, one)
    made = house.convert(one, {**TARGET, "courses": ["c1", "c3"]}, [first["id"], second["id"]])
    assert len(made["parts"]) == 2
    check_sound(house)
    with pytest.raises(Conflict) as refused:
        part(house, link)
    assert [fault.code for fault in refused.value.faults] == ["joint_conversion"]
    assert made["id"] in refused.value.faults[0].message_en
    assert done(house, lambda work: merging.ask_back(work, link.id, "两人误并")) == 1
    assert done(house, lambda work: merging.ask_back(work, link.id, "两人误并")) == 0
    reviewer = house.auth("acceptor", "conversions:review")
    (case,) = house.http.get("/v1/cases", headers=reviewer).get_json()["items"]
    verdict = {"decision": "undo", "reason": "两人误并"}
    undone = house.http.post(f"/v1/cases/{case['id']}/decisions", json=verdict, headers=reviewer)
    assert undone.status_code == 200, undone.get_data(as_text=True)
    check_sound(house)
    part(house, link)
    assert (available(house, one), available(house, other)) == ("0.00", "3.00")
    check_sound(house)


def test_the_same_learning_in_two_approved_conversions_is_for_the_accepting_institution_to_decide(
    house: House,
) -> None:
    one, other = two(house)
    for learner, issuer in ((one, "cqdx"), (other, "cqnu")):
        outcome = house.post_outcome(learner, issuer, title="管理学")
        house.convert(learner, {**TARGET, "courses": ["c1"]}, [outcome["id"]])
        house.clock.move(minutes=1)
    count = entries(house)
    join(house, other, one)
    assert entries(house) == count
    check_sound(house)
    reviewer = house.auth("acceptor", "conversions:review")
    (case,) = house.http.get("/v1/cases", headers=reviewer).get_json()["items"]
    verdict = {"decision": "undo", "reason": "重复"}
    assert house.http.post(f"/v1/cases/{case['id']}/decisions", json=verdict, headers=reviewer).status_code == 200
    kinds = [line["kind"] for line in seen(house, one)["/statement"]["items"]]
    assert kinds[:2] == ["reverse", "restore"]
    assert available(house, one) == "0.00"
    check_sound(house)


# --- refusals and races


def test_nobody_is_merged_with_themself_or_with_nobody(house: House) -> None:
    one, other = two(house)
    join(house, other, one)
    for ends in ((one, other), (other, one), (one, one)):
        with pytest.raises(Conflict):
            join(house, *ends)
    with pytest.raises(Refusal):
        join(house, one, str(uuid4()))
    check_sound(house)


def test_a_link_is_taken_back_once(house: House) -> None:
    one, other = two(house)
    link = join(house, other, one)
    part(house, link)
    with pytest.raises(Conflict):
        part(house, link)
    assert available(house, one) == "0.00"
    again = join(house, one, other)
    assert seen(house, one)[""]["id"] == other
    part(house, again)
    check_sound(house)


def test_two_merges_of_the_same_accounts_at_once_join_them_once(house: House) -> None:
    one, other = two(house)
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda ends: _tried(house, *ends), [(one, other), (other, one)] * 2))
    assert sum(link is not None for link in made) == 1
    with house.bank.database.reading() as connection:
        assert connection.execute(select(func.count()).select_from(learner_link)).scalar_one() == 1
    check_sound(house)


def _tried(house: House, one: str, other: str) -> Link | None:
    try:
        return join(house, one, other)
    except Conflict:
        return None


def test_the_same_learning_recorded_on_both_accounts_while_they_are_merged_counts_once(house: House) -> None:
    for number in range(4):
        one, other = two(house)
        title = f"课程{number}"
        bodies = [
            (outcome_body(one, 1000 + 2 * number, title=title), house.auth("cqdx")),
            (outcome_body(other, 1001 + 2 * number, title=title), house.auth("cqnu")),
        ]
        with ThreadPoolExecutor(3) as pool:
            merged = pool.submit(join, house, other, one)
            posted = [
                pool.submit(lambda item: house.http.post("/v1/outcomes", json=item[0], headers=item[1]), body)
                for body in bodies
            ]
            assert {future.result().status_code for future in posted} == {201}
            merged.result()
        assert available(house, one) == "3.00"
    check_sound(house)


# --- whatever happens


@pytest.mark.parametrize("seed", SEEDS)
def test_merges_and_unmerges_as_they_come_leave_every_account_what_it_had(house: House, seed: int) -> None:
    chance = Random(seed)  # noqa: S311 - drawn anew in every run, no secret
    accounts = [house.open_learner(chance.choice(("cqdx", "cqnu")))["id"] for _ in range(4)]
    for number, learner in enumerate(accounts * 2):
        is_known = house.http.get(f"/v1/learners/{learner}", headers=house.auth("cqdx")).status_code == 200
        issuer = "cqdx" if is_known else "cqnu"
        title = chance.choice(("管理学", "公文写作", f"课程{number}"))
        body = outcome_body(learner, 5000 + number, title=title)
        assert house.http.post("/v1/outcomes", json=body, headers=house.auth(issuer)).status_code == 201
        house.clock.move(seconds=1)
    before = [seen(house, learner) for learner in accounts]
    links: list[Link] = []
    for _ in range(6):
        if links and chance.random() < 0.3:
            part(house, links.pop(chance.randrange(len(links))))
        else:
            made = _tried(house, *chance.sample(accounts, 2))
            links += [made] if made else []
        check_sound(house)
    while links:
        part(house, links.pop(chance.randrange(len(links))))
    check_sound(house)
    after = [seen(house, learner) for learner in accounts]
    for now, then in zip(after, before, strict=True):
        for path in ("", "/balance", "/balance?as_of=2026-06-30", "plan", "conversions", "who"):
            assert now[path] == then[path], path
        assert _told(now) == _told(then)


def test_under_review_a_joint_application_is_withdrawn_before_the_accounts_are_parted(house: House) -> None:
    house.publish_rules({**ONE_STEP, "code": "reviewed", "priority": 900})
    one, other = two(house)
    used = [house.post_outcome(one, "cqdx", title="管理学"), house.post_outcome(other, "cqnu", title="公文写作")]
    link = join(house, other, one)
    made = house.convert(other, {**TARGET, "courses": ["c1", "c3"]}, [outcome["id"] for outcome in used])
    assert made["state"] == "in_review"
    with pytest.raises(Conflict):
        part(house, link)
    withdrawn = house.http.post(f"/v1/conversions/{made['id']}/withdraw", json={}, headers=house.learner_auth(one))
    assert withdrawn.status_code == 200
    part(house, link)
    assert (available(house, one), available(house, other)) == ("3.00", "3.00")
    for name in (one, other):
        for line in seen(house, name)["/statement"]["items"]:
            url = f"/v1/decisions/{line['decision_id']}"
            assert house.http.get(url, headers=house.learner_auth(name)).status_code == 200
    check_sound(house)
