"""Delivering: everything that was committed arrives, signed, in its order; nobody waits for another's receiver."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from creditbank.api.webhooks import SENDER
from creditbank.core.public_address import target_of
from creditbank.core.webhook import (
    PAUSE_SECONDS_MAX,
    REST_SECONDS_MAX,
    TRIED,
    DeliveryFault,
    DeliveryState,
    DisabledFor,
    Result,
    WebhookState,
    asked_seconds,
    pause_seconds,
    rest_seconds,
)
from creditbank.couriers import SLOW_COURIERS, Couriers
from creditbank.gateways.webhook_sender import SECONDS_MAX, WebhookSender
from creditbank.services import delivering, numbering
from creditbank.services.bank import Answer, Errand, Work, carried_out
from creditbank.services.clients import administrator, deactivate
from creditbank.services.delivering import after, claim, deliver, deliver_all
from creditbank.services.numbering import number, replay
from creditbank.storage import deliveries, webhooks
from creditbank.storage.pressure import lock_waiters
from tests.api.test_consents import diary
from tests.builders import House, outcome_body
from tests.receivers import Receiver, receiver

SENDING = WebhookSender(allows_private=True)
SCOPES = ("webhooks:write", "outcomes:read")


@pytest.fixture
def hooked(house: House) -> House:
    """Give a bank whose webhooks may be on this machine."""
    house.app.extensions[SENDER] = SENDING
    return house


@pytest.fixture
def found() -> Iterator[Receiver]:
    """Give a receiver."""
    with receiver() as one:
        yield one


def registered(house: House, url: str, institution: str = "cqdx", **said: Any) -> dict[str, Any]:
    """Register a webhook and return it with its secret."""
    body = {"url": url, **said}
    answer = house.http.post("/v1/webhooks", json=body, headers=house.auth(institution, *SCOPES))
    assert answer.status_code == 201, answer.get_data(as_text=True)
    document: dict[str, Any] = answer.get_json()
    return document


def asked(house: House, method: str, path: str, institution: str = "cqdx", **said: Any) -> dict[str, Any]:
    """Ask something about webhooks and return the answer."""
    headers = house.auth(institution, *SCOPES) | said.pop("headers", {})
    answer = house.http.open(f"/v1/webhooks{path}", method=method, headers=headers, **said)
    assert answer.status_code in (200, 201, 202), answer.get_data(as_text=True)
    document: dict[str, Any] = answer.get_json()
    return document


def shown(house: House, made: dict[str, Any]) -> dict[str, Any]:
    return asked(house, "GET", f"/{made['id']}")


def listed(house: House, made: dict[str, Any], **query: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = asked(house, "GET", f"/{made['id']}/deliveries", query_string=query)["items"]
    return items


def sent_out(house: House) -> int:
    number(house.bank)
    replay(house.bank)
    return deliver_all(house.bank, SENDING)


def somebody(house: House) -> str:
    learner: str = house.open_learner()["id"]
    return learner


def moved(house: House, **by: float) -> None:
    house.clock.move(**by)
    house.tokens.clear()


# --- what arrives


def test_an_event_arrives_as_the_feed_tells_it(hooked: House, found: Receiver) -> None:
    registered(hooked, found.url)
    hooked.post_outcome(somebody(hooked))
    assert sent_out(hooked) == 1
    fed = hooked.http.get("/v1/events", headers=hooked.auth("cqdx", *SCOPES)).get_json()["items"]
    assert [one.document for one in found.received] == fed
    assert found.ids == [fed[0]["id"]]
    assert fed[0]["ordering_key"] == fed[0]["data"]["learner_id"]
    assert sent_out(hooked) == 0


def test_signatures_verify_with_the_package_of_the_standard(hooked: House, found: Receiver) -> None:
    hooked.clock.now = datetime.now(UTC)
    made = registered(hooked, found.url)
    hooked.post_outcome(somebody(hooked))
    sent_out(hooked)
    (one,) = found.received
    assert Verifier(made["secret"]).verify(one.body, dict(one.headers)) == one.document
    other = "whsec_" + "A" * 43 + "="
    for secret, body in ((made["secret"], one.body + b" "), (other, one.body)):
        with pytest.raises(WebhookVerificationError):
            Verifier(secret).verify(body, dict(one.headers))


def test_for_a_day_both_secrets_count_after_a_change_and_then_the_new_one(hooked: House, found: Receiver) -> None:
    hooked.clock.now = datetime.now(UTC)
    made = registered(hooked, found.url)
    changed = asked(hooked, "POST", f"/{made['id']}/secret")
    assert changed["secret"] != made["secret"]
    hooked.post_outcome(somebody(hooked))
    sent_out(hooked)
    (one,) = found.received
    for secret in (made["secret"], changed["secret"]):
        Verifier(secret).verify(one.body, dict(one.headers))
    moved(hooked, hours=24)
    hooked.post_outcome(somebody(hooked))
    sent_out(hooked)
    assert len(found.received[1].headers["webhook-signature"].split()) == 1


def test_only_the_types_that_are_asked_for_arrive(hooked: House, found: Receiver) -> None:
    registered(hooked, found.url, types=["outcome.revoked"])
    posted = hooked.post_outcome(somebody(hooked))
    hooked.http.post(f"/v1/outcomes/{posted['id']}/revoke", json={"reason": "误登"}, headers=hooked.auth())
    sent_out(hooked)
    assert [one.document["type"] for one in found.received] == ["outcome.revoked"]


def test_a_test_arrives_whatever_the_types_are(hooked: House, found: Receiver) -> None:
    made = registered(hooked, found.url, types=["outcome.revoked"])
    pinged = asked(hooked, "POST", f"/{made['id']}/test")
    sent_out(hooked)
    assert [(one.id, one.document["type"]) for one in found.received] == [(pinged["id"], "webhook.ping")]


def test_each_webhook_of_each_institution_is_told_and_no_other(hooked: House, found: Receiver) -> None:
    with receiver() as second, receiver() as foreign:
        for one in (found, second):
            registered(hooked, one.url)
        registered(hooked, foreign.url, "other")
        hooked.post_outcome(somebody(hooked))
        assert sent_out(hooked) == 2
        assert found.ids == second.ids
        assert foreign.received == []


def test_a_partner_is_sent_what_the_learner_consents_to_when_it_is_sent(hooked: House, found: Receiver) -> None:
    hooked.publish_texts()
    registered(hooked, found.url, "partner")
    learner = somebody(hooked)
    given = hooked.consent(learner, "partner", "outcomes:read")
    posted = hooked.post_outcome(learner)
    sent_out(hooked)
    (told,) = found.received
    assert told.document["data"]["learner_id"] == given["subject"] == told.document["ordering_key"]
    assert told.id == told.document["id"]
    for secret in (learner, posted["id"]):
        assert secret not in told.body.decode() + str(told.headers)
    assert [line[1:] for line in diary(hooked, learner)] == [("outcomes", f"consent:{given['id']}")]
    hooked.post_outcome(learner)
    number(hooked.bank)
    hooked.http.delete(f"/v1/learners/me/consents/{given['id']}", headers=hooked.learner_auth(learner))
    sent_out(hooked)
    assert len(found.received) == 1


def test_what_may_not_be_told_any_more_is_withheld(hooked: House, found: Receiver) -> None:
    made = registered(hooked, found.url)
    learner = somebody(hooked)
    hooked.post_outcome(learner)
    number(hooked.bank)
    hooked.http.post("/v1/learners/me/restriction", headers=hooked.learner_auth(learner))
    sent_out(hooked)
    assert found.received == []
    assert [one["state"] for one in listed(hooked, made)] == ["withheld"]


def test_a_webhook_whose_client_is_no_more_is_turned_off(hooked: House, found: Receiver) -> None:
    made = registered(hooked, found.url)
    hooked.post_outcome(somebody(hooked))
    number(hooked.bank)
    with hooked.bank.database.reading() as connection:
        stored = webhooks.by_id(connection, UUID(made["id"]))
    assert stored is not None

    def action(work: Work) -> Answer:
        deactivate(work, stored.client_id)
        return Answer({}, is_new=True, subject="test")

    carried_out(hooked.bank, Errand(administrator(), "test.deactivate"), action)
    sent_out(hooked)
    assert found.received == []
    after_it = shown(hooked, made)
    assert (after_it["state"], after_it["disabled_for"]) == ("disabled", "client_inactive")


# --- what doesn't arrive at once


def test_a_receiver_that_was_down_for_a_day_gets_everything_afterwards_in_the_order_of_each_learner(
    hooked: House, found: Receiver
) -> None:
    made = registered(hooked, found.url)
    learners = [somebody(hooked) for _ in range(3)]
    found.status = 503
    expected: dict[str, list[str]] = {learner: [] for learner in learners}
    for hour in range(24):
        learner = learners[hour % 3]
        expected[learner].append(hooked.post_outcome(learner)["id"])
        sent_out(hooked)
        moved(hooked, hours=1)
    assert shown(hooked, made)["state"] == "enabled"
    assert shown(hooked, made)["failing_since"] is not None
    tries = len(found.received)
    assert tries < 24 * 10
    found.status = 204
    for _ in range(12):
        sent_out(hooked)
        moved(hooked, hours=1)
    arrived: dict[str, list[str]] = {learner: [] for learner in learners}
    for one in found.received[tries:]:
        arrived[one.document["ordering_key"]].append(one.document["data"]["outcome_id"])
    assert arrived == expected
    assert {one["state"] for one in listed(hooked, made)} == {"delivered"}
    assert shown(hooked, made)["failing_since"] is None


def test_what_fails_for_three_days_is_dead_and_the_webhook_off_and_both_come_back(
    hooked: House, found: Receiver
) -> None:
    made = registered(hooked, found.url)
    hooked.post_outcome(somebody(hooked))
    found.status = 500
    for _ in range(3 * 24):
        sent_out(hooked)
        moved(hooked, hours=1)
    sent_out(hooked)
    for _ in range(8):
        moved(hooked, hours=1)
        sent_out(hooked)
    (dead,) = listed(hooked, made, state="dead")
    assert (dead["status"], dead["fault"]) == (500, "status")
    now = shown(hooked, made)
    assert (now["state"], now["disabled_for"]) == ("disabled", "failing")
    refused = hooked.http.post(
        f"/v1/webhooks/{made['id']}/deliveries/{dead['id']}/resend", headers=hooked.auth("cqdx", *SCOPES)
    )
    assert refused.status_code == 409
    found.status = 204
    body = {"url": found.url, "is_enabled": True}
    again = asked(hooked, "PUT", f"/{made['id']}", json=body, headers={"If-Match": f'"{now["revision"]}"'})
    assert (again["state"], again["disabled_for"]) == ("enabled", None)
    asked(hooked, "POST", f"/{made['id']}/deliveries/{dead['id']}/resend")
    before = len(found.received)
    assert sent_out(hooked) == 1
    assert found.ids[before:] == [dead["id"]]


def test_one_event_that_is_always_refused_holds_up_nobody_but_its_learner(hooked: House, found: Receiver) -> None:
    registered(hooked, found.url)
    poisoned, other = somebody(hooked), somebody(hooked)

    def answer() -> None:
        is_poisoned = found.received[-1].document["ordering_key"] == poisoned
        found.status = 500 if is_poisoned else 204

    found.before = answer
    for learner in (poisoned, poisoned, other, other):
        hooked.post_outcome(learner)
    for _ in range(5):
        sent_out(hooked)
        moved(hooked, minutes=1)
    seen = [one.document for one in found.received]
    assert len({one["id"] for one in seen if one["ordering_key"] == other}) == 2
    assert len({one["id"] for one in seen if one["ordering_key"] == poisoned}) == 1


def test_a_receiver_that_says_gone_is_turned_off_at_once(hooked: House, found: Receiver) -> None:
    made = registered(hooked, found.url)
    hooked.post_outcome(somebody(hooked))
    found.status = 410
    sent_out(hooked)
    assert shown(hooked, made)["disabled_for"] == "gone"


def test_everything_since_an_instant_is_sent_again_under_the_same_ids(
    hooked: House, found: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(numbering, "REPLAYED_ROWS", 2)
    made = registered(hooked, found.url)
    learner = somebody(hooked)
    hooked.post_outcome(learner)
    sent_out(hooked)
    moved(hooked, hours=1)
    since = hooked.clock().isoformat()
    for _ in range(5):
        hooked.post_outcome(learner)
    sent_out(hooked)
    assert len(found.ids) == 6
    asked(hooked, "POST", f"/{made['id']}/replay", json={"since": since})
    sent_out(hooked)
    assert found.ids[6:] == found.ids[1:6]


def test_what_happened_while_it_was_off_can_be_had_by_a_replay(hooked: House, found: Receiver) -> None:
    made = registered(hooked, found.url)
    off = asked(
        hooked, "PUT", f"/{made['id']}", json={"url": found.url, "is_enabled": False}, headers={"If-Match": '"1"'}
    )
    assert off["disabled_for"] == "asked"
    since = hooked.clock().isoformat()
    hooked.post_outcome(somebody(hooked))
    sent_out(hooked)
    assert found.received == []
    asked(hooked, "PUT", f"/{made['id']}", json={"url": found.url}, headers={"If-Match": '"2"'})
    asked(hooked, "POST", f"/{made['id']}/replay", json={"since": since})
    sent_out(hooked)
    assert len(found.received) == 1


# --- how long and how often


def test_pauses_grow_to_their_longest_and_are_spread() -> None:
    assert [pause_seconds(tries, 1) for tries in (1, 2, 3)] == [5, 15, 45]
    assert pause_seconds(1, 0) == 2.5
    assert pause_seconds(1000, 1) == PAUSE_SECONDS_MAX
    assert [rest_seconds(failures, 1) for failures in (0, 1, 2, 3, 4)] == [0, 0, 0, 5, 15]
    assert rest_seconds(1000, 1) == REST_SECONDS_MAX


NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("120", 120),
        ("0", 0),
        ("9" * 500, PAUSE_SECONDS_MAX),
        ("Mon, 01 Jun 2026 12:01:30 GMT", 90),
        ("Mon, 01 Jun 2026 12:01:30 -0000", 90),
        ("Mon, 01 Jun 2026 11:00:00 GMT", 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", PAUSE_SECONDS_MAX),
        *((nothing, 0) for nothing in ("", "-5", "1.5", "soon", "１２", "Mon, 01 Jun 2026 12:00:00 +" + "9" * 40)),
    ],
)
def test_how_long_a_receiver_asks_to_be_left_alone_is_seconds_or_a_date_within_bounds(said: str, seconds: int) -> None:
    assert asked_seconds(said, NOON) == seconds


@pytest.mark.parametrize(("status", "counts"), [(429, True), (503, True), (500, False)])
def test_a_busy_receiver_is_left_alone_for_as_long_as_it_asks(
    hooked: House,
    found: Receiver,
    status: int,
    counts: bool,  # noqa: FBT001 - a column
) -> None:
    made = registered(hooked, found.url)
    found.status, found.headers = status, {"Retry-After": "600"}
    for _ in range(2):
        hooked.post_outcome(somebody(hooked))
    sent_out(hooked)
    tries = 1 if counts else 2
    assert len(found.received) == tries
    found.status = 204
    moved(hooked, seconds=599)
    hooked.post_outcome(somebody(hooked))
    sent_out(hooked)
    assert len(found.received) == (tries if counts else 5)
    moved(hooked, seconds=1)
    sent_out(hooked)
    assert len(set(found.ids)) == 3
    assert {one["state"] for one in listed(hooked, made)} == {"delivered"}


@pytest.mark.parametrize(("age", "state"), [(TRIED - timedelta(seconds=1), "waiting"), (TRIED, "dead")])
def test_a_delivery_is_given_up_when_it_was_tried_for_three_days(hooked: House, age: timedelta, state: str) -> None:
    now = hooked.clock()
    first = delivering.Delivery(UUID(int=1), UUID(int=2), 1, None, "x", DeliveryState.WAITING, 9, now - age, now)
    failed = after(first, Result(DeliveryFault.TIMEOUT, None, 10), now)
    assert (failed.state, failed.attempts) == (state, 10)
    assert (failed.ended_at is None) == (state == "waiting")


# --- several at once


def run_couriers(house: House, until: Callable[[], bool], *, workers: int = 1, seconds: float = 20) -> None:
    """Let workers' couriers go out until something is so."""
    crews = [Couriers(house.bank, SENDING) for _ in range(workers)]
    stop = threading.Event()

    def go(crew: Couriers) -> None:
        while not stop.is_set():
            number(house.bank)
            crew.send_out()
            stop.wait(0.02)

    with ThreadPoolExecutor(workers) as pool:
        going = [pool.submit(go, crew) for crew in crews]
        deadline = time.monotonic() + seconds
        while not until() and time.monotonic() < deadline:
            time.sleep(0.02)
        stop.set()
        for one in going:
            one.result()
    for crew in crews:
        crew.stop()
    assert until()


def test_a_webhook_is_served_by_one_worker_at_a_time(hooked: House, found: Receiver) -> None:
    for _ in range(2):
        registered(hooked, found.url)
    hooked.post_outcome(somebody(hooked))
    number(hooked.bank)
    first = claim(hooked.bank, 1, is_slow=True)
    second = claim(hooked.bank, 5, is_slow=True)
    assert len(first) == len(second) == 1
    assert first[0].id != second[0].id
    assert claim(hooked.bank, 5, is_slow=True) == []
    moved(hooked, seconds=delivering.LEASE.total_seconds())
    assert len(claim(hooked.bank, 5, is_slow=True)) == 2  # whoever had them was killed


def test_claims_pass_over_what_others_claim_just_now(hooked: House, found: Receiver) -> None:
    if hooked.bank.database.is_sqlite:
        pytest.skip("on SQLite one transaction after the other writes")
    for _ in range(2):
        registered(hooked, found.url)
    hooked.post_outcome(somebody(hooked))
    number(hooked.bank)
    now = hooked.clock()
    with hooked.bank.database.transaction() as slow:
        first = webhooks.claim(slow, now, now + delivering.LEASE, is_slow=True, rows_max=1)
        second = claim(hooked.bank, 5, is_slow=True)
        assert len(first) == len(second) == 1
        assert first[0].id != second[0].id


def test_two_workers_send_each_event_once(hooked: House, found: Receiver) -> None:
    registered(hooked, found.url)
    learner = somebody(hooked)
    bodies = [outcome_body(learner, next(hooked.numbers)) for _ in range(120)]
    hooked.http.post("/v1/outcomes/batch", json=bodies, headers=hooked.auth())
    run_couriers(hooked, lambda: len(found.received) >= 120, workers=2)
    assert len(set(found.ids)) == len(found.ids) == 120


@pytest.mark.parametrize("engine_name", ["postgresql"], indirect=True)
def test_dead_and_slow_receivers_delay_others_by_no_more_than_twice(hooked: House, found: Receiver) -> None:
    registered(hooked, found.url)
    learner = somebody(hooked)

    def took(count: int) -> float:
        bodies = [outcome_body(learner, next(hooked.numbers)) for _ in range(count)]
        hooked.http.post("/v1/outcomes/batch", json=bodies, headers=hooked.auth())
        begun, wanted = time.monotonic(), len(found.received) + count
        run_couriers(hooked, lambda: len(found.received) >= wanted)
        return max(one.at for one in found.received) - (time.time() - (time.monotonic() - begun))

    took(20)
    alone = took(100)
    with receiver() as slow:
        hang = threading.Event()
        slow.before = lambda: hang.wait(SECONDS_MAX) and None
        for _ in range(SLOW_COURIERS + 2):
            registered(hooked, slow.url)
        hooked.post_outcome(learner)
        number(hooked.bank)
        crew = Couriers(hooked.bank, SENDING)
        crew.send_out()
        while len(slow.received) < SLOW_COURIERS:
            time.sleep(0.01)
        beside = took(100)
        hang.set()
        crew.stop()
    assert beside <= 2 * alone + 0.25  # of which 0.25 s are what it takes to look again


def test_a_webhook_counts_as_slow_until_it_is_quick_and_when_it_is_quick_no_more(
    hooked: House, found: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    registered(hooked, found.url)
    learner = somebody(hooked)

    def due_as_slow() -> bool:
        hooked.post_outcome(learner)
        number(hooked.bank)
        moved(hooked, hours=5)
        for is_slow in (True, False):
            for claimed in claim(hooked.bank, 1, is_slow=is_slow):
                deliver(hooked.bank, SENDING, claimed)
                return is_slow
        raise AssertionError

    assert due_as_slow()
    assert not due_as_slow()
    found.status = 500
    assert not due_as_slow()
    assert due_as_slow()
    found.status = 204
    assert due_as_slow()
    assert not due_as_slow()
    monkeypatch.setattr(delivering, "SLOW_SECONDS", 0.0)
    assert not due_as_slow()
    assert due_as_slow()


def failed_meanwhile(house: House, found: Receiver, status: int, meanwhile: Callable[[], Any]) -> dict[str, Any]:
    """Do something about a webhook while a delivery to it fails for the fourth time; return the webhook."""
    made = registered(house, found.url)
    house.post_outcome(somebody(house))
    found.status = 500
    for _ in range(3):
        sent_out(house)
        moved(house, hours=1)
    found.status, found.before = status, meanwhile
    sent_out(house)
    found.before = lambda: None
    return made


def test_a_webhook_that_is_changed_while_its_old_address_is_gone_stays_on_and_is_tried_at_the_new_one(
    hooked: House, found: Receiver
) -> None:
    with receiver() as mended:

        def change() -> None:
            (made,) = asked(hooked, "GET", "")["items"]
            if made["url"] == found.url:
                headers = {"If-Match": f'"{made["revision"]}"'}
                asked(hooked, "PUT", f"/{made['id']}", json={"url": mended.url}, headers=headers)

        made = failed_meanwhile(hooked, found, 410, change)
        pinged = asked(hooked, "POST", f"/{made['id']}/test")
        sent_out(hooked)
        assert pinged["id"] in mended.ids
        assert shown(hooked, made)["state"] == "enabled"


def test_a_webhook_that_is_woken_while_it_fails_is_tried_at_once(hooked: House, found: Receiver) -> None:
    def wake() -> None:
        (made,) = asked(hooked, "GET", "")["items"]
        asked(hooked, "POST", f"/{made['id']}/test")
        found.before = lambda: None

    failed_meanwhile(hooked, found, 500, wake)
    assert [one.document["type"] for one in found.received[4:]] == ["webhook.ping"]


def test_a_webhook_that_moves_or_is_turned_off_gets_nothing_more_at_its_old_address(
    hooked: House, found: Receiver
) -> None:
    made = registered(hooked, found.url)
    hooked.post_outcome(somebody(hooked))
    number(hooked.bank)
    (claimed,) = claim(hooked.bank, 1, is_slow=True)
    with receiver() as elsewhere:
        asked(hooked, "PUT", f"/{made['id']}", json={"url": elsewhere.url}, headers={"If-Match": '"1"'})
        deliver(hooked.bank, SENDING, claimed)
        sent_out(hooked)
        assert (len(found.received), len(elsewhere.received)) == (0, 1)


def test_two_replays_at_once_send_what_either_asks_for(hooked: House, found: Receiver) -> None:
    made = registered(hooked, found.url)
    instants = []
    for _ in range(2):
        instants.append(hooked.clock().isoformat())
        hooked.post_outcome(somebody(hooked))
        sent_out(hooked)
        moved(hooked, hours=1)
    for since in instants:
        asked(hooked, "POST", f"/{made['id']}/replay", json={"since": since})
    sent_out(hooked)
    assert found.ids == found.ids[:2] * 2


def test_a_deleted_webhook_is_sent_nothing_even_by_who_is_under_way(hooked: House, found: Receiver) -> None:
    made = registered(hooked, found.url)
    hooked.post_outcome(somebody(hooked))
    number(hooked.bank)
    (claimed,) = claim(hooked.bank, 1, is_slow=True)
    asked(hooked, "DELETE", f"/{made['id']}")
    assert deliver(hooked.bank, SENDING, claimed) == 0
    assert found.received == []


@pytest.mark.parametrize("engine_name", ["postgresql"], indirect=True)
def test_a_webhook_goes_with_what_was_queued_for_it_just_then(hooked: House, found: Receiver) -> None:
    made = registered(hooked, found.url)
    hooked.post_outcome(somebody(hooked))
    headers, now = hooked.auth("cqdx", *SCOPES), hooked.clock()
    with ThreadPoolExecutor(1) as pool:
        with hooked.bank.database.transaction() as numbering_it:
            (one,) = webhooks.enabled(numbering_it)
            waiting = delivering.Delivery(one.id, UUID(int=7), 1, None, "x", DeliveryState.WAITING, 0, now, now)
            deliveries.queue(numbering_it, [waiting])
            deleted = pool.submit(hooked.http.delete, f"/v1/webhooks/{made['id']}", headers=headers)
            until_somebody_waits(hooked)
        assert deleted.result().status_code == 200
    assert sent_out(hooked) == 0


def until_somebody_waits(house: House) -> None:
    """Wait until a transaction waits for a lock."""
    deadline = time.monotonic() + 10
    while not house.bank.database.read(lock_waiters):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_secret_stands_nowhere_in_the_open(hooked: House, found: Receiver) -> None:
    made = registered(hooked, found.url)
    with hooked.bank.database.reading() as connection:
        stored = webhooks.by_id(connection, UUID(made["id"]))
    assert stored is not None
    assert made["secret"].encode() not in stored.sealed_secret
    assert "secret" not in json.dumps(shown(hooked, made)).replace("previous_secret_until", "")
    assert replace(stored, state=WebhookState.DISABLED, disabled_for=DisabledFor.ASKED).revision == 1
    assert target_of(found.url, allows_private=False) == "not_https"


# --- what the operator sees


def shown_figures(house: House) -> dict[str, float]:
    """Return the figures about events and webhooks, by name with labels."""
    shown = house.http.get("/metrics").get_data(as_text=True)
    lines = (line.rpartition(" ") for line in shown.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in lines if "webhook" in name or "events" in name}


def test_the_operator_sees_what_waits_what_came_of_deliveries_and_how_webhooks_do(
    hooked: House, found: Receiver
) -> None:
    made = registered(hooked, found.url)
    before = shown_figures(hooked)
    assert before['creditbank_webhooks{health="sound"}'] == 1
    hooked.post_outcome(somebody(hooked))
    hooked.clock.move(seconds=7)
    assert shown_figures(hooked)['creditbank_queue_seconds{queue="events"}'] == 7
    found.status = 500
    sent_out(hooked)
    hooked.clock.move(seconds=5)
    now = shown_figures(hooked)
    assert now['creditbank_queue_seconds{queue="events"}'] == 0
    assert now['creditbank_queue_seconds{queue="webhooks"}'] == 5
    assert (now['creditbank_webhooks{health="failing"}'], now['creditbank_webhooks{health="sound"}']) == (1, 0)
    for _ in range(20):
        moved(hooked, hours=4)
        sent_out(hooked)
    given_up = shown_figures(hooked)
    assert (given_up["creditbank_webhook_dead_letters"], given_up['creditbank_webhooks{health="paused"}']) == (1, 1)
    now = shown(hooked, made)
    body, headers = {"url": found.url}, {"If-Match": f'"{now["revision"]}"'}
    asked(hooked, "PUT", f"/{made['id']}", json=body, headers=headers)
    asked(hooked, "POST", f"/{made['id']}/test")
    found.status = 204
    sent_out(hooked)
    after_it = shown_figures(hooked)
    grown = {name: value - before.get(name, 0) for name, value in after_it.items() if "deliveries_total" in name}
    assert grown['creditbank_webhook_deliveries_total{result="delivered"}'] == 1
    assert grown['creditbank_webhook_deliveries_total{result="status"}'] == len(found.received) - 1
    assert after_it['creditbank_webhooks{health="sound"}'] == 1


def test_what_waits_for_a_webhook_that_is_off_is_no_delay(hooked: House, found: Receiver) -> None:
    made = registered(hooked, found.url)
    hooked.post_outcome(somebody(hooked))
    number(hooked.bank)
    off = {"url": found.url, "is_enabled": False}
    asked(hooked, "PUT", f"/{made['id']}", json=off, headers={"If-Match": '"1"'})
    hooked.clock.move(hours=1)
    now = shown_figures(hooked)
    assert now['creditbank_queue_entries{queue="webhooks"}'] == now['creditbank_queue_seconds{queue="webhooks"}'] == 0
    assert now['creditbank_webhooks{health="off"}'] == 1
