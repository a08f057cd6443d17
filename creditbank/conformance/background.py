"""Trials of what a server does in the background: files with records, and the feed of what happened."""

import csv
import io
import time
from collections.abc import Sequence
from typing import Any

from creditbank.conformance.target import NOBODY, Client, NotTriable, Target, record
from creditbank.conformance.trials import Area, expect, expect_equal, expect_status, trial

BACKGROUND_SECONDS = 30
"""How long a file of some rows, or the event of an outcome, may take."""

LOOK_SECONDS = 0.2
"""Between two looks how far a file is."""

WAIT_SECONDS = 2
"""How long the feed is asked to wait for an event."""

COLUMNS = ("external_id", "learner_id", "kind", "title", "hours", "completed_on")

NO_DAY = "2024-02-30"


@trial(Area.IMPORTS, "every row of a file is answered, and a rejected one comes back to be mended and sent again")
def answers_every_row_of_a_file(target: Target) -> None:
    """Try a table of three rows with a bad one, its answers page by page, and the rejected row, mended."""
    client, _ = target.issuers()
    rows = [_row(target.learner(client)["id"]) for _ in range(3)]
    rows[1]["completed_on"] = NO_DAY
    made = _imported(target, client, rows)
    expect_equal(_counts(made), (2, 0, 1), "(accepted, replayed, rejected)")
    answers = _answers(target, client, made["id"])
    told = [(answer["row"], answer["status"]) for answer in answers]
    expect_equal(told, [(2, "accepted"), (3, "rejected"), (4, "accepted")], "what the rows are answered")
    pointers = {fault["pointer"] for fault in answers[1]["errors"]}
    expect("/completed_on" in pointers, f"the fault is told at {sorted(pointers)}")
    sent = target.ask(client, "GET", f"/v1/imports/{made['id']}/rejects").raise_for_status()
    rejected = list(csv.DictReader(io.StringIO(sent.content.decode("utf-8-sig"))))
    expect_equal([{name: row.get(name) for name in COLUMNS} for row in rejected], [rows[1]], "what comes back")
    mended = _imported(target, client, [row | {"completed_on": "2024-02-29"} for row in rejected])
    expect_equal(_counts(mended), (1, 0, 0), "(accepted, replayed, rejected) of what was mended")


@trial(Area.IMPORTS, "a file that is sent again has no second effect, and nobody else sees it")
def takes_a_file_once(target: Target) -> None:
    """Try a file twice, and as another institution."""
    client, other = target.issuers()
    rows = [_row(target.learner(client)["id"]) for _ in range(2)]
    first = _imported(target, client, rows)
    expect_equal(_counts(_imported(target, client, rows)), (0, 2, 0), "(accepted, replayed, rejected) the second time")
    for part in ("", "/rows", "/rejects"):
        for one in (first["id"], NOBODY):
            expect_status(target.ask(other, "GET", f"/v1/imports/{one}{part}"), 404)


@trial(Area.EVENTS, "each outcome is told of once, in its learner's order, behind a cursor that goes on")
def tells_what_happened(target: Target) -> None:
    """Try three outcomes of a learner, reading one event at a time, and a cursor that is none."""
    client, _ = _listeners(target)
    cursor = _newest(target, client)
    learner = target.learner(client)["id"]
    posted = [target.outcome(client, learner)["id"] for _ in range(3)]
    told = [one for one in _followed(target, client, cursor, posted) if one["data"]["learner_id"] == learner]
    expect_equal([one["data"].get("outcome_id") for one in told], posted, "the outcomes that are told of")
    for one in told:
        expect(one["type"].startswith("outcome."), f"an outcome is told of as {one['type']}")
    expect_status(target.ask(client, "GET", "/v1/events", params={"after": "nonsense"}), 422)


@trial(Area.EVENTS, "no institution is told of another one's outcomes")
def tells_nobody_else(target: Target) -> None:
    """Try an outcome of each of two institutions, and both feeds."""
    listeners = _listeners(target)
    cursors = [_newest(target, one) for one in listeners]
    posted = [target.outcome(one, target.learner(one)["id"])["id"] for one in listeners]
    for client, cursor, own, foreign in zip(listeners, cursors, posted, reversed(posted), strict=True):
        told = _followed(target, client, cursor, [own])
        expect(foreign not in {one["data"].get("outcome_id") for one in told}, f"{client.name} is told of another's")


def _row(learner_id: str) -> dict[str, str]:
    """Return a row about an outcome that nobody has posted."""
    made = record(learner_id) | {"learner_id": learner_id}
    return {name: made[name] for name in COLUMNS}


def _imported(target: Target, client: Client, rows: Sequence[dict[str, str]]) -> dict[str, Any]:
    """Send rows as a table and return the import when it has ended. Raises Broken."""
    text = io.StringIO()
    table = csv.DictWriter(text, list(rows[0]))
    table.writeheader()
    table.writerows(rows)
    sent = target.ask(client, "POST", "/v1/imports", content=text.getvalue(), headers={"Content-Type": "text/csv"})
    expect_status(sent, 202)
    path, until = f"/v1/imports/{sent.json()['id']}", time.monotonic() + BACKGROUND_SECONDS
    while (found := target.ask(client, "GET", path).raise_for_status().json())["ended_at"] is None:
        expect(time.monotonic() < until, f"a file takes more than {BACKGROUND_SECONDS} seconds; does a worker run?")
        time.sleep(LOOK_SECONDS)
    expect_equal(found["state"], "done", "state")
    return dict(found)


def _counts(made: dict[str, Any]) -> tuple[int, int, int]:
    return made["accepted"], made["replayed"], made["rejected"]


def _answers(target: Target, client: Client, import_id: str) -> list[dict[str, Any]]:
    """Return the answers to all rows, read two at a time."""
    answers: list[dict[str, Any]] = []
    query = {"limit": "2"}
    while True:
        page = target.ask(client, "GET", f"/v1/imports/{import_id}/rows", params=query).raise_for_status().json()
        answers += page["items"]
        if page["next_cursor"] is None:
            return answers
        query["cursor"] = page["next_cursor"]


def _listeners(target: Target) -> tuple[Client, Client]:
    """Return clients of two institutions that post outcomes and read events. Raises NotTriable."""
    found = target.issuers()
    if not all("webhooks:write" in one.scopes for one in found):
        raise NotTriable("two clients of different institutions that post outcomes with the scope webhooks:write")
    return found


def _newest(target: Target, client: Client) -> str:
    """Return the cursor behind all events that there are. Raises Broken where one comes twice."""
    query, seen = {"limit": "200"}, set[str]()
    while True:
        page = target.ask(client, "GET", "/v1/events", params=query).raise_for_status().json()
        _expect_new(seen, page)
        query["after"] = page["next_cursor"]
        if not page["items"]:
            return str(page["next_cursor"])


def _followed(target: Target, client: Client, cursor: str, outcome_ids: Sequence[str]) -> list[dict[str, Any]]:
    """Read on, one event at a time, until all these outcomes were told of. Raises Broken."""
    told: list[dict[str, Any]] = []
    seen, until = set[str](), time.monotonic() + BACKGROUND_SECONDS
    while not {one["data"].get("outcome_id") for one in told}.issuperset(outcome_ids):
        expect(time.monotonic() < until, f"outcomes aren't told of in {BACKGROUND_SECONDS} seconds; does a worker run?")
        query = {"after": cursor, "limit": "1", "wait": str(WAIT_SECONDS)}
        page = target.ask(client, "GET", "/v1/events", params=query).raise_for_status().json()
        _expect_new(seen, page)
        told += page["items"]
        cursor = page["next_cursor"]
    return told


def _expect_new(seen: set[str], page: dict[str, Any]) -> None:
    """Go on if none of a page's events came before."""
    for event in page["items"]:
        expect(event["id"] not in seen, "an event comes twice: the cursor doesn't go on")
        seen.add(event["id"])
