"""Shooting at the server: it is killed at random moments while clients post and retry; then the books are compared."""

import http.client
import json
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from random import Random
from threading import Event, Thread
from typing import Any

from sqlalchemy import func, select

from creditbank.core.permission import Actor
from creditbank.services.bank import Bank, looked_up
from creditbank.services.verification import verify
from creditbank.storage.ledger import entry, lot
from creditbank.storage.outcomes import outcome
from tests.builders import outcome_body
from tests.drills.serving import CLIENTS, READY_SECONDS, Server

DRILL_SECONDS = 240
"""When a drill ends even if it has not seen enough, which its test then says."""

LIVES_SECONDS = (0.1, 0.9)
"""How long the server lives after each start, at least and at most: some hundreds of posts."""


class Fate(Enum):
    """What a client knows of an external id in the end, with the numbers of outcomes and entries that may be there."""

    ACKNOWLEDGED = frozenset({(1, 1)})
    REFUSED = frozenset({(0, 0)})
    UNKNOWN = frozenset({(0, 0), (1, 1)})


@dataclass(frozen=True)
class Aim:
    """How much a drill has to see before it ends."""

    kills_min: int
    acknowledged_min: int


@dataclass
class Poster:
    """A client that posts records, singly and in small batches, and retries until it is answered."""

    name: str
    random: Random
    server: Server
    token: str
    learners: list[str]
    stop: Event
    fates: dict[str, Fate] = field(default_factory=dict)
    unforeseen: list[str] = field(default_factory=list)
    retries: int = 0

    def run(self) -> None:
        """Post until told to stop; what is under way then is finished."""
        number = 0
        while not self.stop.is_set():
            rows = []
            for _ in range(self.random.choice((1, 1, 1, 2, 5))):
                number += 1
                rows.append(self._row(f"{self.name}-{number}"))
            self._post(rows)

    def _row(self, external_id: str) -> dict[str, Any]:
        """Return a record; one in eight is to be refused."""
        day = "2024-06-31" if self.random.random() < 1 / 8 else "2024-06-30"
        return outcome_body(
            self.random.choice(self.learners), 0, external_id=external_id, title=external_id, completed_on=day
        )

    def _post(self, rows: list[dict[str, Any]]) -> None:
        """Post records until there is an answer; one request in ten is given up when its connection breaks."""
        self.fates |= {row["external_id"]: Fate.UNKNOWN for row in rows}
        gives_up = self.random.random() < 1 / 10
        while True:
            try:
                status, answer = self._answer(rows)
            except (OSError, http.client.HTTPException, ValueError):
                if gives_up:
                    return
                self.retries += 1
                time.sleep(0.02)
                continue
            if status == http.client.SERVICE_UNAVAILABLE:
                continue
            self._note(rows, status, answer)
            return

    def _answer(self, rows: list[dict[str, Any]]) -> tuple[int, Any]:
        """Send the records and return status and body of the answer, read to its end."""
        path, body = ("/v1/outcomes", rows[0]) if len(rows) == 1 else ("/v1/outcomes/batch", rows)
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=20)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        try:
            connection.request("POST", path, json.dumps(body), headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def _note(self, rows: list[dict[str, Any]], status: int, answer: Any) -> None:
        """Note what the answer says of each record."""
        if len(rows) == 1:
            told = {201: Fate.ACKNOWLEDGED, 200: Fate.ACKNOWLEDGED, 422: Fate.REFUSED}
            said = [told.get(status)]
        else:
            words = {"accepted": Fate.ACKNOWLEDGED, "replayed": Fate.ACKNOWLEDGED, "rejected": Fate.REFUSED}
            results = answer["results"] if status == http.client.OK else [{"status": ""}] * len(rows)
            said = [words.get(result["status"]) for result in results]
        for row, fate in zip(rows, said, strict=True):
            if fate is None:
                self.unforeseen.append(f"{row['external_id']}: {status} {answer}")
            else:
                self.fates[row["external_id"]] = fate


@dataclass(frozen=True)
class Drill:
    """What came of a drill: kills, retries, what the clients know, and answers that nobody foresaw."""

    kills: int
    retries: int
    fates: dict[str, Fate]
    unforeseen: list[str]

    @property
    def acknowledged(self) -> int:
        """How many external ids were acknowledged."""
        return sum(fate is Fate.ACKNOWLEDGED for fate in self.fates.values())


def shoot(server: Server, token: str, learners: list[str], seed: int, aim: Aim) -> Drill:
    """Let clients post while the server is killed and started again, until enough was seen."""
    random = Random(seed)  # noqa: S311 - moments, no secrets
    stop = Event()
    server.start()
    posters = [
        Poster(f"client{number}", Random(seed + number), server, token, learners, stop)  # noqa: S311 - as above
        for number in range(1, CLIENTS + 1)
    ]
    threads = [Thread(target=poster.run, name=poster.name) for poster in posters]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + DRILL_SECONDS
    kills = 0
    try:
        while time.monotonic() < deadline and not _is_enough(aim, kills, posters):
            time.sleep(random.uniform(*LIVES_SECONDS))
            server.kill()
            kills += 1
            server.start()
    finally:
        stop.set()
        for thread in threads:
            thread.join(READY_SECONDS)
        server.kill()
    fates = {external_id: fate for poster in posters for external_id, fate in poster.fates.items()}
    unforeseen = [line for poster in posters for line in poster.unforeseen]
    return Drill(kills, sum(poster.retries for poster in posters), fates, unforeseen)


def miscounted(bank: Bank, fates: Mapping[str, Fate]) -> dict[str, tuple[int, int]]:
    """Return external ids whose numbers of outcomes and of recognise entries are not what the clients were told."""
    with bank.database.reading() as connection:
        outcomes = Counter(connection.execute(select(outcome.c.external_id)).scalars())
        credited = lot.join(outcome, (outcome.c.learner_id == lot.c.learner_id) & (outcome.c.id == lot.c.outcome_id))
        booked = credited.join(entry, (entry.c.learner_id == lot.c.learner_id) & (entry.c.lot_id == lot.c.id))
        query = (
            select(outcome.c.external_id, func.count().label("entries"))
            .select_from(booked)
            .where(entry.c.kind == "recognise")
        )
        entries = Counter(
            {row.external_id: row.entries for row in connection.execute(query.group_by(outcome.c.external_id))}
        )
    numbers = {one: (outcomes[one], entries[one]) for one in fates.keys() | outcomes.keys() | entries.keys()}
    return {one: found for one, found in numbers.items() if found not in fates.get(one, Fate.REFUSED).value}


def ledger_faults(bank: Bank) -> tuple[str, ...]:
    """Return what a verification of the whole ledger finds."""
    return looked_up(bank, Actor("drill", frozenset({"admin"})), verify).faults


def _is_enough(aim: Aim, kills: int, posters: list[Poster]) -> bool:
    """Tell whether the drill has seen what it is to see."""
    acknowledged = sum(fate is Fate.ACKNOWLEDGED for poster in posters for fate in list(poster.fates.values()))
    return kills >= aim.kills_min and acknowledged >= aim.acknowledged_min
