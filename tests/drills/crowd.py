"""Clients that post records on shared accounts, singly and in batches of all sizes, and read what they wrote."""

import http.client
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random
from threading import Event
from typing import Any

from tests.builders import outcome_body
from tests.drills.asking import Asked, Caller, NoAnswerError, Reply
from tests.drills.journal import Journal

ISSUER = "cqdx"

BATCH = "/v1/outcomes/batch"
SINGLE = "/v1/outcomes"

HOURS_A_CREDIT = 16

REFUSED = 1 / 16
"""How many rows are to be refused."""

GIVEN_UP = 1 / 25
"""How many requests are sent once and, where they get no answer, left until the end of the drill."""

REPLAYED = 1 / 10
BALANCES = 1 / 2
LOOKS_MAX = 5
SOME = 50
"""Accounts of one request at most: with more, nobody could post while a large batch is worked on."""

STATEMENTS = 1 / 6
NEVER = "2999-01-01"
NO_DAY = "2024-06-31"

Rows = list[dict[str, Any]]


class WalkEndedError(Exception):
    """An answer from which a client can't go on, which is noted already."""


@dataclass
class Client:
    """A client that works until it is told to stop; what is under way then is finished."""

    name: str
    random: Random
    caller: Caller
    journal: Journal
    stop: Event

    def run(self) -> None:
        """Work, turn by turn; a request that is never answered ends it."""
        try:
            while not self.stop.is_set():
                with suppress(WalkEndedError):
                    self.turn()
        except NoAnswerError as unanswered:
            self.journal.find("unresolved", f"{self.name}: {unanswered}")
        finally:
            self.caller.close()

    def turn(self) -> None:
        """Do one thing, or one after another."""
        raise NotImplementedError

    def chance(self, probability: float) -> bool:
        """Draw a lot."""
        return self.random.random() < probability


@dataclass
class Crowd(Client):
    """Posts on accounts on which others post at the same time: nobody knows their order, but all know the sums."""

    learners: list[str] = field(default_factory=list)
    sizes: tuple[int, ...] = (1, 1, 2, 5, 20)
    number: int = 0
    given_up: list[tuple[Asked, Rows]] = field(default_factory=list)

    def turn(self) -> None:
        """Post some records, then perhaps look at an account or send the same again."""
        size = self.random.choice(self.sizes)
        some = self.random.sample(self.learners, min(SOME, len(self.learners)))
        rows = [self._row(self.random.choice(some)) for _ in range(size)]
        for row in rows:
            if _hundredths(row):
                self.journal.ask(row["learner"]["id"], [(row["external_id"], _hundredths(row))])
        asked = self._asked(rows)
        try:
            reply = self.caller.ask(asked, tries_max=1 if self.chance(GIVEN_UP) else 0)
        except NoAnswerError:
            self.given_up.append((asked, rows))
            return
        self.note(rows, reply)
        for row in rows[:LOOKS_MAX]:
            if self.chance(BALANCES):
                self._read_balance(row["learner"]["id"])
        if self.chance(STATEMENTS):
            self._read_statement(rows[-1]["learner"]["id"])
        if self.chance(REPLAYED):
            self._replay(asked, rows, reply)

    def settle(self) -> None:
        """Send again what was given up, until it is answered: then it has its one effect."""
        for asked, rows in self.given_up:
            reply = self.caller.ask(asked)
            self.note(rows, Reply(reply.status, reply.document, is_doubted=True))

    def note(self, rows: Rows, reply: Reply) -> None:
        """Note what the answer says of each record."""
        if len(rows) == 1:
            word = {201: "accepted", 200: "replayed", 422: "rejected"}.get(reply.status, str(reply.status))
            results: list[dict[str, Any]] = [dict(reply.document) | {"status": word}]
        else:
            results = reply.document.get("results", []) if reply.status == http.client.OK else []
        kind = "single post" if len(rows) == 1 else "row of a batch"
        if len(results) != len(rows):
            self.journal.find("unforeseen", f"{len(rows)} rows: {reply.status} {str(reply.document)[:300]}")
            return
        for row, result in zip(rows, results, strict=True):
            self._note_row(row, result, (kind, reply.is_doubted))

    def _note_row(self, row: dict[str, Any], result: dict[str, Any], how: tuple[str, bool]) -> None:
        kind, is_doubted = how
        external_id, hundredths, word = row["external_id"], _hundredths(row), result["status"]
        if word == "rejected" and not hundredths:
            self.journal.refuse(external_id)
            self.journal.count(self.journal.refused, kind)
            return
        if not hundredths or word not in ("accepted", "replayed"):
            self.journal.find("unforeseen", f"{external_id}: {str(result)[:300]}")
            return
        if word == "replayed" and not is_doubted:
            self.journal.find("replay", f"{external_id}: the first of its kind was answered as a repeat")
        said = (result["external_id"], result["learner_id"], (result["recognition"] or {}).get("credits"))
        if said != (external_id, row["learner"]["id"], _text(hundredths)):
            self.journal.find("replay", f"{external_id}: was answered as {said}")
        self.journal.tell(row["learner"]["id"], external_id, hundredths, result["id"])
        self.journal.count(self.journal.done, kind)

    def _row(self, learner_id: str) -> dict[str, Any]:
        self.number += 1
        external_id = f"{self.name}-{self.number}"
        changes = {"external_id": external_id, "title": external_id, "completed_on": "2024-06-30"}
        changes["hours"] = str(HOURS_A_CREDIT * self.random.randint(1, 4))
        if self.chance(REFUSED):
            changes["completed_on"] = self.random.choice((NEVER, NO_DAY))
        return outcome_body(learner_id, 0, **changes)

    def _asked(self, rows: Rows) -> Asked:
        if len(rows) > 1:
            return Asked(ISSUER, "POST", BATCH, rows)
        key = f"key-{rows[0]['external_id']}" if self.chance(1 / 2) else None
        return Asked(ISSUER, "POST", SINGLE, rows[0], key)

    def _read_balance(self, learner_id: str) -> None:
        """See that an account has at least what was acknowledged before, and at most what was asked until now."""
        least = self.journal.told_of[learner_id]
        reply = self.caller.ask(Asked(ISSUER, "GET", f"/v1/learners/{learner_id}/balance"))
        most = self.journal.asked_of[learner_id]
        self.journal.count(self.journal.read, "balance")
        if reply.status != http.client.OK:
            self.journal.find("unforeseen", f"balance: {reply.status} {reply.document}")
            return
        has = sum(hundredths(one["recognised"]) for one in reply.document["balances"])
        if not least <= has <= most:
            self.journal.find("own_writes", f"learner {learner_id}: {has}, not from {least} to {most} (hundredths)")

    def _read_statement(self, learner_id: str) -> None:
        """See that each line of the passbook goes on from the one before."""
        reply = self.caller.ask(Asked(ISSUER, "GET", f"/v1/learners/{learner_id}/statement?limit=20"))
        self.journal.count(self.journal.read, "statement")
        if reply.status != http.client.OK:
            self.journal.find("unforeseen", f"statement: {reply.status} {reply.document}")
            return
        items = reply.document["items"]
        for newer, older in pairwise(items):
            if hundredths(newer["balance_after"]) - hundredths(newer["amount"]) != hundredths(older["balance_after"]):
                self.journal.find("own_writes", f"learner {learner_id}: line {newer['id']} doesn't go on from the last")

    def _replay(self, asked: Asked, rows: Rows, first: Reply) -> None:
        """Send the same again, which must be answered as it stands."""
        reply = self.caller.ask(asked)
        self.journal.count(self.journal.replayed, "request")
        if _told(rows, reply) != _told(rows, first):
            self.journal.find("replay", f"{asked.path}: {_told(rows, reply)}, first {_told(rows, first)}"[:500])


def hundredths(text: str) -> int:
    """Return the hundredths that an amount says."""
    return round(float(text) * 100)


def _text(number: int) -> str:
    return f"{number / 100:.2f}"


def _hundredths(row: dict[str, Any]) -> int:
    """Return what a record gives; nothing where it is to be refused."""
    if row["completed_on"] in (NEVER, NO_DAY):
        return 0
    return int(row["hours"]) // HOURS_A_CREDIT * 100


def _told(rows: Rows, reply: Reply) -> list[tuple[bool, str | None]]:
    """Return of each row whether it stands, and under which id."""
    if len(rows) == 1:
        return [(reply.status in (200, 201), reply.document.get("id"))]
    return [(one["status"] in ("accepted", "replayed"), one.get("id")) for one in reply.document.get("results", [])]
