"""Workers that are killed while events go out: each that was committed arrives, and none that was not.

`make event-drill` sends 10,000 on both engines; the tests send some hundred.
"""

import os
import random
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from threading import Event as Flag
from threading import Thread
from uuid import UUID

import pytest
from sqlalchemy import select

from creditbank.api.webhooks import SENDER
from creditbank.core.entitlement import Basis
from creditbank.core.event import Event, EventType
from creditbank.gateways.webhook_sender import WebhookSender
from creditbank.services.bank import Answer, Errand, Work, carried_out
from creditbank.services.clients import administrator
from creditbank.storage import outbox
from creditbank.storage.events import event
from tests.builders import House, outcome_body
from tests.receivers import receiver

ROOT = Path(__file__).resolve().parents[2]

IS_LONG = bool(os.environ.get("CREDITBANK_EVENT_DRILL"))
EVENTS = 10_000 if IS_LONG else 500
KILLS_MIN = 20 if IS_LONG else 3
ENGINES = ["postgresql", "sqlite"] if IS_LONG else ["postgresql"]
WORKERS = 2
ROWS = 20
"""Outcomes of one transaction."""

WAIT_SECONDS = 900 if IS_LONG else 90


class _Undone(Exception):  # noqa: N818 - what happens, not an error
    """Ends a transaction that told something."""


def undone(house: House) -> UUID:
    """Let an event be told in a transaction that is rolled back; return its id."""
    ids: list[UUID] = []

    def action(work: Work) -> Answer:
        ids.append(work.new_id())
        readers = {work.new_id(): Basis.PART}
        told = Event(ids[-1], EventType.OUTCOME_REVOKED, work.now, UUID(int=1), {}, {}, readers)
        outbox.add(work.connection, [told])
        work.connection.execute(select(outbox.outbox)).all()
        raise _Undone

    with pytest.raises(_Undone):
        carried_out(house.bank, Errand(administrator(), "test.undone"), action)
    return ids[-1]


def post(house: House, learners: list[str], lost: list[UUID], is_done: Flag) -> None:
    """Record outcomes in many transactions, and undo some in between."""
    for turn in range(EVENTS // ROWS):
        bodies = [outcome_body(learners[n % len(learners)], next(house.numbers)) for n in range(ROWS)]
        answer = house.http.post("/v1/outcomes/batch", json=bodies, headers=house.auth())
        assert answer.get_json()["summary"]["accepted"] == ROWS
        if turn % 5 == 0:
            lost.append(undone(house))
    is_done.set()


@pytest.mark.parametrize("engine_name", ENGINES, indirect=True)
@pytest.mark.own_database
def test_each_committed_event_arrives_though_workers_are_killed(house: House, tmp_path: Path) -> None:
    house.clock.now = datetime.now(UTC)
    house.app.extensions[SENDER] = WebhookSender(allows_private=True)
    learners = [house.open_learner()["id"] for _ in range(7)]
    chance = random.Random(EVENTS)  # noqa: S311 - no secret
    url = house.bank.database.url.render_as_string(hide_password=False)
    command = [sys.executable, "-m", "tests.drills.carrier", url, str(tmp_path)]
    lost: list[UUID] = []
    posted = Flag()
    with receiver() as found:
        hook = house.http.post("/v1/webhooks", json={"url": found.url}, headers=house.auth("cqdx", "webhooks:write"))
        assert hook.status_code == 201
        workers = [subprocess.Popen(command, cwd=ROOT) for _ in range(WORKERS)]
        poster = Thread(target=post, args=(house, learners, lost, posted))
        poster.start()
        deadline, kills, seen = time.monotonic() + WAIT_SECONDS, 0, 0
        try:
            while not (posted.is_set() and len(set(found.ids)) >= EVENTS and kills >= KILLS_MIN):
                assert time.monotonic() < deadline, (len(set(found.ids)), kills)
                time.sleep(0.02)
                is_under_way = seen < len(found.received) < EVENTS
                if is_under_way and len(found.received) > EVENTS * kills // (KILLS_MIN + 1):
                    struck = chance.randrange(WORKERS)
                    workers[struck].kill()
                    workers[struck].wait()
                    workers[struck] = subprocess.Popen(command, cwd=ROOT)
                    kills, seen = kills + 1, len(found.received)
        finally:
            for one in workers:
                one.kill()
                one.wait()
            poster.join()
    with house.bank.database.reading() as connection:
        committed = {str(one) for one in connection.execute(select(event.c.id)).scalars()}
    assert len(committed) == EVENTS
    assert set(found.ids) == committed
    assert not {str(one) for one in lost} & set(found.ids)
    assert len(lost) == EVENTS // ROWS // 5
    assert {one.document["id"] for one in found.received} == committed
