"""Trials of learning: accounts, outcomes one by one and by the batch, the books, and decisions."""

import json
from decimal import Decimal
from typing import Any

from creditbank.conformance.target import NotTriable, Target, person, record
from creditbank.conformance.trials import Area, expect, expect_equal, expect_status, trial

AMOUNTS = ("recognised", "held", "converted", "expired", "available")


@trial(Area.LEARNERS, "a person is opened once: 201, then 200 with the same account")
def opens_once(target: Target) -> None:
    """Try to open an account twice."""
    client, other = target.issuers()
    body = person()
    first = target.ask(client, "POST", "/v1/learners", json=body)
    expect_status(first, 201)
    for who in (client, other):
        again = target.ask(who, "POST", "/v1/learners", json=body)
        expect_status(again, 200)
        expect_equal(again.json()["id"], first.json()["id"], "id")


@trial(Area.LEARNERS, "numbers are shown masked")
def masks_numbers(target: Target) -> None:
    """Try whether the number that was sent comes back."""
    client, _ = target.issuers()
    body = person()
    answer = target.ask(client, "POST", "/v1/learners", json=body)
    expect(body["identifiers"][0]["value"] not in answer.text, "the whole number comes back")
    (shown,) = answer.json()["identifiers"]
    expect("*" in shown["masked"], f"it is shown as {shown['masked']}")


@trial(Area.LEARNERS, "the same number with another name is a conflict of two accounts, not one person")
def notes_conflicts(target: Target) -> None:
    """Try one number with two names."""
    client, _ = target.issuers()
    body = person()
    first = target.learner(client, **body)
    second = target.learner(client, **(body | {"name": "另有其人"}))
    expect(first["id"] != second["id"], "another name gets the same account")
    expect_equal(second["status"], "conflict", "status")


@trial(Area.OUTCOMES, "an outcome is posted once: 201, 200 when it comes again, 409 with other content")
def posts_once(target: Target) -> None:
    """Try one record three times."""
    client, _ = target.issuers()
    body = record(target.learner(client)["id"])
    first = target.ask(client, "POST", "/v1/outcomes", json=body)
    expect_status(first, 201)
    expect_equal(first.json()["revision"], 1, "revision")
    again = target.ask(client, "POST", "/v1/outcomes", json=body)
    expect_status(again, 200)
    expect_equal(again.json()["id"], first.json()["id"], "id")
    other = target.ask(client, "POST", "/v1/outcomes", json=body | {"title": "另一门课"})
    expect_status(other, 409)
    pointers = {error["pointer"] for error in other.json()["errors"]}
    expect("/title" in pointers, f"the difference is told at {sorted(pointers)}")


@trial(Area.OUTCOMES, "external ids are each institution's own")
def keeps_ids_apart(target: Target) -> None:
    """Try one external id at two institutions."""
    client, other = target.issuers()
    body = record(target.learner(client)["id"])
    first = target.ask(client, "POST", "/v1/outcomes", json=body).raise_for_status().json()
    second = target.ask(
        other, "POST", "/v1/outcomes", json=record(target.learner(other)["id"]) | {"external_id": body["external_id"]}
    )
    expect_status(second, 201)
    expect(second.json()["id"] != first["id"], "two institutions' outcomes are one")


@trial(Area.OUTCOMES, "a correction needs the revision that it corrects, and makes the next one")
def corrects_by_revision(target: Target) -> None:
    """Try a correction without, with a wrong and with the right If-Match."""
    client, _ = target.issuers()
    body = record(target.learner(client)["id"])
    made = target.ask(client, "POST", "/v1/outcomes", json=body).raise_for_status().json()
    url, changed = f"/v1/outcomes/{made['id']}", body | {"hours": "32"}
    expect_status(target.ask(client, "PUT", url, json=changed), 428)
    expect_status(target.ask(client, "PUT", url, json=changed, headers={"If-Match": '"7"'}), 412)
    right = target.ask(client, "PUT", url, json=changed, headers={"If-Match": '"1"'})
    expect_status(right, 200)
    expect_equal(right.json()["revision"], 2, "revision")


@trial(Area.OUTCOMES, "the same learning counts once")
def counts_once(target: Target) -> None:
    """Try one course under two external ids."""
    client, _ = target.issuers()
    learner = target.learner(client)["id"]
    body = record(learner)
    first = target.outcome(client, learner, **body)
    again = target.outcome(client, learner, **(body | {"external_id": body["external_id"] + "-again"}))
    expect_equal(again["duplicate_of"], first["id"], "duplicate_of")
    expect(again["recognition"] is None, "it is recognised a second time")


@trial(Area.BATCHES, "every row of a batch is answered: good ones are booked, bad ones explained")
def answers_every_row(target: Target) -> None:
    """Try an array and NDJSON with a bad row in the middle, then the array again."""
    client, _ = target.issuers()
    learner = target.learner(client)["id"]
    rows = [record(learner), record(learner) | {"completed_on": "2024-02-30"}, record(learner)]
    answer = target.ask(client, "POST", "/v1/outcomes/batch", json=rows)
    expect_status(answer, 200)
    _expect_rows(answer.json(), ["accepted", "rejected", "accepted"])
    (fault, *_) = answer.json()["results"][1]["errors"]
    expect_equal(fault["pointer"], "/completed_on", "pointer")
    again = target.ask(client, "POST", "/v1/outcomes/batch", json=rows).raise_for_status().json()
    _expect_rows(again, ["replayed", "rejected", "replayed"])
    lines = '{"not json\n' + json.dumps(record(learner))
    told = target.ask(
        client, "POST", "/v1/outcomes/batch", content=lines, headers={"Content-Type": "application/x-ndjson"}
    )
    expect_status(told, 200)
    _expect_rows(told.json(), ["rejected", "accepted"])


def _expect_rows(answer: dict[str, Any], wanted: list[str]) -> None:
    """Go on if the rows of a batch are answered as wanted."""
    expect_equal([row["status"] for row in answer["results"]], wanted, "the rows' status")
    expect_equal([row["row"] for row in answer["results"]], list(range(1, len(wanted) + 1)), "the rows' numbers")
    told = {status: wanted.count(status) for status in ("accepted", "replayed", "rejected")}
    expect_equal({name: answer["summary"][name] for name in told}, told, "summary")


@trial(Area.BOOKS, "credits that are recognised stand in the balance and in the passbook, to the hundredth")
def books_what_it_recognises(target: Target) -> None:
    """Try three outcomes and compare the decisions, the balance and the passbook."""
    client, _ = target.issuers()
    learner = target.learner(client)["id"]
    given: dict[str, Decimal] = {}
    for _ in range(3):
        recognition = _recognised(target.outcome(client, learner))
        given[recognition["scheme"]] = given.get(recognition["scheme"], Decimal(0)) + Decimal(recognition["credits"])
    balances = target.balances(client, learner)
    for scheme, credit in given.items():
        for name in AMOUNTS:
            amount = balances[scheme][name]
            expect(isinstance(amount, str) and amount[-3:-2] == ".", f"{name} is {amount!r}, no string with two places")
        expect_equal(Decimal(balances[scheme]["available"]), credit, "available")
        lines = [line for line in target.statement(client, learner) if line["scheme"] == scheme]
        expect_equal(sum(Decimal(line["amount"]) for line in lines), credit, "the sum of the passbook")
        expect_equal(Decimal(lines[0]["balance_after"]), credit, "balance_after of the newest line")
    expect_equal(len({line["id"] for line in target.statement(client, learner)}), 3, "the number of lines")


@trial(Area.BOOKS, "what is revoked is reversed by a line of its own, and nothing is deleted")
def reverses_what_is_revoked(target: Target) -> None:
    """Try to revoke an outcome twice."""
    client, _ = target.issuers()
    learner = target.learner(client)["id"]
    made = target.outcome(client, learner)
    scheme = _recognised(made)["scheme"]
    for _ in range(2):
        answer = target.ask(client, "POST", f"/v1/outcomes/{made['id']}/revoke", json={"reason": "一致性测试"})
        expect_status(answer, 200)
    expect_equal(target.balances(client, learner)[scheme]["available"], "0.00", "available")
    lines = target.statement(client, learner)
    expect_equal(len(lines), 2, "the number of lines")
    expect_equal(sum(Decimal(line["amount"]) for line in lines), Decimal(0), "the sum of the lines")


@trial(Area.BOOKS, "a balance can be asked as of a day")
def tells_earlier_days(target: Target) -> None:
    """Try a day before anything was learnt."""
    client, _ = target.issuers()
    learner = target.learner(client)["id"]
    scheme = _recognised(target.outcome(client, learner))["scheme"]
    before = target.balances(client, learner, as_of="2023-12-31").get(scheme)
    expect(before is None or before["available"] == "0.00", "credits stand in the balance before they were earned")


@trial(Area.DECISIONS, "a decision tells its rules and its arithmetic, and gives the same when it is taken again")
def explains_decisions(target: Target) -> None:
    """Try the decision on an outcome."""
    client, _ = target.issuers()
    recognition = _recognised(target.outcome(client, target.learner(client)["id"]))
    url = f"/v1/decisions/{recognition['decision_id']}"
    decision = target.ask(client, "GET", url).raise_for_status().json()
    for name in ("inputs", "ruleset", "version", "result", "explanation"):
        expect(bool(decision[name]), f"the decision has no {name}")
    expect_equal(decision["result"]["credits"], recognition["credits"], "credits")
    replayed = target.ask(client, "POST", f"{url}/replay").raise_for_status().json()
    expect_equal(replayed["same"], wanted=True, what="same")


def _recognised(outcome: dict[str, Any]) -> dict[str, Any]:
    """Return what was recognised of an outcome. Raises NotTriable where no rule in force recognises such a course."""
    if outcome["recognition"] is None:
        raise NotTriable("a rule set in force that recognises a course of 16 hours")
    found: dict[str, Any] = outcome["recognition"]
    return found
