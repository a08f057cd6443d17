"""An upgrade as the runbook says: the schema changes and the new version takes over while clients go on asking.

The version before is the newest commit that did not know the newest migration. Not one request may fail, and in the end
the books are in order, also for an outsider.
"""

import json
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from tests.drills.cluster import Cluster
from tests.drills.serving import CLIENTS, Server, environment
from tests.house.transcripts import ROOT
from tests.runbook.steps import asked, check_books, run, token_of

pytestmark = pytest.mark.skipif(
    not os.environ.get("CREDITBANK_TEST_RUNBOOK"), reason="make test-runbook runs two versions on one database"
)

LOAD_SECONDS = 5
"""How long clients ask before and after each step."""

READS = ("balance", "statement", "outcomes")


@dataclass
class Front:
    """What stands in front of both versions, as a reverse proxy does: it knows which one is asked."""

    port: int = 0


@dataclass
class Asker:
    """A client that posts and reads without a break, and notes whatever it did not expect."""

    number: int
    front: Front
    token: str
    learners: list[str]
    stop: Event
    unforeseen: list[str] = field(default_factory=list)
    answered: Counter[str] = field(default_factory=Counter)
    slowest_seconds: float = 0
    posted: list[str] = field(default_factory=list)

    def run(self) -> None:
        while not self.stop.is_set():
            count = self.answered.total()
            learner = self.learners[count % len(self.learners)]
            if count % 2:
                self._asked("GET", f"/v1/learners/{learner}/{READS[count // 2 % 3]}", None, 200)
            else:
                external_id = f"upgrade-{self.number}-{count}"
                body = {
                    "external_id": external_id,
                    "learner": {"id": learner},
                    "kind": "course",
                    "title": external_id,
                    "hours": "32",
                    "completed_on": "2026-01-05",
                }
                self._asked("POST", "/v1/outcomes", body, 201)
                self.posted.append(external_id)

    def _asked(self, method: str, path: str, body: dict[str, Any] | None, expected: int) -> None:
        began = time.monotonic()
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        connection = HTTPConnection("127.0.0.1", self.front.port, timeout=60)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            told = answer.read()
            if answer.status != expected:
                self.unforeseen.append(f"{method} {path}: {answer.status} {told[:300]!r}")
        except (OSError, HTTPException) as broken:
            self.unforeseen.append(f"{method} {path}: {broken!r}")
        finally:
            connection.close()
        self.answered[method] += 1
        self.slowest_seconds = max(self.slowest_seconds, time.monotonic() - began)


def git(*words: str) -> bytes:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, check=True).stdout


def version_before(folder: Path) -> str:
    """Unpack the version before the newest migration into a folder, and return that migration's name."""
    newest = max((ROOT / "migrations" / "versions").glob("[0-9]*.py")).relative_to(ROOT).as_posix()
    added = git("log", "--diff-filter=A", "--format=%H", "-1", "--", newest).decode().strip()
    if not added:
        pytest.skip("the newest migration isn't committed yet")
    archive = git("archive", f"{added}^")
    folder.mkdir()
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive, check=True)
    return Path(newest).stem


def stopped(server: Server) -> None:
    """Ask a server to end, and wait until it has answered what was under way."""
    assert server.process is not None
    server.process.send_signal(signal.SIGTERM)
    server.process.wait(60)


def while_asking(askers: list[Asker], steps: Callable[[], None]) -> None:
    """Take steps while clients ask, and let them end."""
    threads = [Thread(target=one.run) for one in askers]
    for thread in threads:
        thread.start()
    try:
        time.sleep(LOAD_SECONDS)
        steps()
        time.sleep(LOAD_SECONDS)
    finally:
        askers[0].stop.set()
        for thread in threads:
            thread.join(120)


def test_an_upgrade_under_load_fails_nobody(
    cluster: Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = tmp_path / "before"
    migration = version_before(before)
    settings = environment(cluster.create("upgraded"), tmp_path / "keyring.json") | {
        "CREDITBANK_ERASURES": str(tmp_path / "erasures.jsonl"),
        "CREDITBANK_LOG_FOLDER": str(tmp_path / "log"),
    }
    run(before, settings, "migrate")
    run(before, settings, "demo", "--folder", str(tmp_path))
    made = json.loads((tmp_path / "demo.json").read_text("utf-8"))
    old = Server("", settings, workers=2, threads=2, folder=before)
    new = Server("", settings, workers=2, threads=2, folder=ROOT)
    old.start()
    front, stop = Front(old.port), Event()
    token = token_of(old.port, next(one for one in made["clients"] if one["name"] == "重庆大学"))
    learners = [
        one["id"] for one in made["learners"] if asked(old.port, f"/v1/learners/{one['id']}/balance", token)[0] == 200
    ][:20]
    askers = [Asker(number, front, token, learners, stop) for number in range(CLIENTS)]
    took: dict[str, float] = {}

    def upgrade() -> None:
        began = time.monotonic()
        run(ROOT, settings, "migrate")
        took["migrate"] = time.monotonic() - began
        time.sleep(LOAD_SECONDS)
        new.start()
        assert asked(new.port, "/readyz")[0] == 200
        front.port = new.port
        stopped(old)
        took["all"] = time.monotonic() - began

    try:
        while_asking(askers, upgrade)
    finally:
        old.kill()
        new.kill()
    unforeseen = [one for asker in askers for one in asker.unforeseen]
    answered = sum(asker.answered.total() for asker in askers)
    slowest = max(asker.slowest_seconds for asker in askers)
    with capsys.disabled():
        print(  # noqa: T201 - the runbook tells these figures
            f"\nto {migration}: {answered} requests, {len(unforeseen)} failed, the slowest took {slowest:.2f} s;"
            f" migrated in {took['migrate']:.1f} s, all in {took['all']:.1f} s"
        )
    assert unforeseen == []
    assert answered > 200
    assert all(asker.answered["POST"] > 0 for asker in askers)
    assert check_books(settings, tmp_path) > sum(len(asker.posted) for asker in askers)
