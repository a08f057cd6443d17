"""What is told of a request in log, figures and answers: nothing that a caller can make up."""

import re
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from creditbank.services.health import QUEUES
from tests.builders import House, outcome_body, resident_id

MADE_UP = (resident_id(7), "E12345678", "a" * 65, "kid-12345", "a b", "", "张三")


@pytest.mark.parametrize(
    "given", ["0af7651916cd43dd8448eb211c80319c", "0190b5c2-7a3c-7a6e-9d2b-3f6f5f3f9a10", "Req.2026-x_7"]
)
def test_a_request_id_of_the_usual_forms_is_kept(house: House, given: str) -> None:
    answer = house.http.get("/v1/nothing", headers={"X-Request-Id": given})
    assert (answer.headers["X-Request-Id"], answer.get_json()["request_id"]) == (given, given)


def test_any_other_request_id_is_replaced(house: House) -> None:
    for given in MADE_UP:
        answer = house.http.get("/v1/nothing", headers={"X-Request-Id": given})
        told = answer.get_json()["request_id"]
        assert (len(told), answer.headers["X-Request-Id"]) == (32, told)
        assert told != given


def test_a_method_that_nobody_knows_is_counted_and_logged_without_its_name(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = house.http.open("/v1/learners", method="E12345678", headers=house.auth())
    assert (answer.status_code, "POST" in answer.headers["Allow"]) == (405, True)
    shown = house.http.get("/metrics").get_data(as_text=True)
    assert 'method="other"' in shown
    assert "E12345678" not in shown + capsys.readouterr().out + answer.get_data(as_text=True)


def figures(house: House) -> dict[str, float]:
    """Return all figures by name with labels."""
    shown = house.http.get("/metrics").get_data(as_text=True)
    lines = (line.rpartition(" ") for line in shown.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}


def grown(house: House, before: dict[str, float]) -> dict[str, float]:
    """Return what was counted since."""
    return {name: value - before.get(name, 0) for name, value in figures(house).items() if value != before.get(name, 0)}


def test_rejected_records_are_counted_by_reason(house: House) -> None:
    learner_id = house.open_learner()["id"]
    before = figures(house)
    rows = [outcome_body(learner_id, 1), outcome_body(learner_id, 2, hours="x"), outcome_body(learner_id, 3, kind="x")]
    rows.append(outcome_body(learner_id, 4, hours="y"))
    answer = house.http.post("/v1/outcomes/batch", json=rows, headers=house.auth())
    reasons = Counter(row["errors"][0]["code"] for row in answer.get_json()["results"] if row["status"] == "rejected")
    assert (sum(reasons.values()), len(reasons)) == (3, 2)
    since = grown(house, before)
    assert {name: since[name] for name in since if "rejected_records_total" in name} == {
        f'creditbank_rejected_records_total{{code="{code}"}}': count for code, count in reasons.items()
    }
    assert since['creditbank_postings_total{kind="recognise"}'] == 1


def test_requests_are_timed_by_route_and_status(house: House) -> None:
    before = figures(house)
    house.http.get("/v1/learners/0190b5c2-7a3c-7a6e-9d2b-3f6f5f3f9a10", headers=house.auth())
    since = grown(house, before)
    assert since['creditbank_request_seconds_count{operation="/v1/learners/<learner:learner_id>",status="4xx"}'] == 1


def test_a_connection_is_in_use_while_it_is(house: House) -> None:
    before = figures(house)["creditbank_pool_connections_in_use"]
    with house.bank.database.reading() as connection:
        connection.execute(text("SELECT 1"))
        assert figures(house)["creditbank_pool_connections_in_use"] == before + 1
    assert figures(house)["creditbank_pool_connections_in_use"] == before
    assert figures(house)["creditbank_lock_waiters"] == 0


@pytest.mark.parametrize("engine_name", ["postgresql"])
def test_who_waits_for_a_lock_is_seen(house: House) -> None:
    learner_id = house.open_learner()["id"]
    with ThreadPoolExecutor(1) as pool:
        with house.bank.database.transaction() as connection:
            connection.execute(text("SELECT 1 FROM learner WHERE id = :id FOR UPDATE"), {"id": learner_id})
            headers = house.learner_auth(learner_id)
            waiting = pool.submit(house.http.post, f"/v1/learners/{learner_id}/restriction", headers=headers)
            deadline = time.monotonic() + 10
            while figures(house)["creditbank_lock_waiters"] == 0:
                assert time.monotonic() < deadline, "nobody is seen to wait"
        assert waiting.result().status_code == 200
    assert figures(house)["creditbank_lock_waiters"] == 0


def test_figures_are_labelled_with_words_of_our_own_alone(house: House) -> None:
    """Whatever callers send: what varies in the figures is routes, methods, codes and the like."""
    before = set(figures(house))  # the process is the same for all tests, and some have routes of their own
    learner_id = house.open_learner()["id"]
    for path in (
        f"/v1/learners/{learner_id}",
        f"/nowhere/{resident_id(7)}",
        f"/verify/{'a' * 32}",
        "/v1/learners/张三",
    ):
        house.http.get(path, headers=house.auth() | {"X-Request-Id": resident_id(7), "User-Agent": "E12345678"})
    house.http.post("/v1/outcomes", json={"E12345678": 1}, headers=house.auth())
    word = r"[A-Za-z_]+|[0-9]xx|[0-9]{3}|[0-9]+\.[0-9]+(\.[0-9]+)?|\+Inf"
    routes = {rule.rule for rule in house.app.url_map.iter_rules()} | {"none"}
    for name in set(figures(house)) - before:
        for label, value in re.findall(r'(\w+)="([^"]*)"', name):
            if label == "operation":
                assert value in routes
            else:
                assert re.fullmatch(word, value), (label, value)


def test_figures_can_be_kept_to_the_operator(house: House) -> None:
    kept = house
    kept.app.config["METRICS_TOKEN"] = "y" * 16
    for headers in ({}, {"Authorization": "Bearer none"}, {"Authorization": "Bearer 令牌"}, kept.auth()):
        assert kept.http.get("/metrics", headers=headers).status_code == 401
    shown = kept.http.get("/metrics", headers={"Authorization": f"Bearer {'y' * 16}"})
    assert (shown.status_code, "creditbank_requests_total" in shown.get_data(as_text=True)) == (200, True)


def test_a_file_that_waits_is_seen_in_its_queue(house: House) -> None:
    before = figures(house)
    assert {f'creditbank_queue_seconds{{queue="{queue}"}}' for queue in QUEUES} <= before.keys()
    sent = house.http.post("/v1/imports", data="标题\n书法\n".encode(), content_type="text/csv", headers=house.auth())
    assert sent.status_code == 202, sent.get_data(as_text=True)
    house.clock.move(seconds=5)
    since = grown(house, before)
    assert since['creditbank_queue_entries{queue="imports"}'] == 1
    assert since['creditbank_queue_seconds{queue="imports"}'] == 5
