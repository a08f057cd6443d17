"""Workers that are killed while they seal: the next one goes on, and every entry is sealed once."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import func, select

from creditbank.core.checkpoint import parsed_checkpoint
from creditbank.core.merkle import proves_consistency
from creditbank.services import proofs
from creditbank.services.bank import looked_up
from creditbank.services.clients import administrator
from creditbank.services.verification import verify
from creditbank.storage import seal_log
from creditbank.storage.seal_log import log_leaf
from tests.builders import House, outcome_body
from tests.drills.serving import environment

ROOT = Path(__file__).resolve().parents[2]

ENTRIES = 150

KILLS_MIN = 2
"""Kills that hit a worker in the middle of its work, which it had begun and not ended."""

LIVES_MAX = 40

WAIT_SECONDS = 60
"""How long something may take on a machine that is busy with other tests."""


def until(is_so: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.01)


def sealed(house: House) -> int:
    with house.bank.database.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(log_leaf)).scalar_one())


def record(house: House, rows: int) -> None:
    learner = house.open_learner()["id"]
    bodies = [outcome_body(learner, next(house.numbers)) for _ in range(rows)]
    answer = house.http.post("/v1/outcomes/batch", json=bodies, headers=house.auth())
    assert answer.get_json()["summary"]["accepted"] == rows


@pytest.mark.parametrize("engine_name", ["postgresql"], indirect=True)
def test_a_worker_that_is_killed_leaves_nothing_half_and_the_next_goes_on(house: House, tmp_path: Path) -> None:
    record(house, ENTRIES)
    url = house.bank.database.url.render_as_string(hide_password=False)
    command = [sys.executable, "-m", "tests.drills.sealer", url, str(tmp_path)]
    kills = lives = 0
    while sealed(house) < ENTRIES:
        lives += 1
        assert lives <= LIVES_MAX
        before = sealed(house)
        with subprocess.Popen(command, cwd=ROOT) as worker:
            until(lambda worker=worker, before=before: sealed(house) > before or worker.poll() is not None)
            if kills < KILLS_MIN:
                worker.kill()
        kills += before < sealed(house) < ENTRIES
        assert looked_up(house.bank, administrator(), verify).faults == ()
    assert kills >= KILLS_MIN
    report = looked_up(house.bank, administrator(), verify)
    assert (report.faults, report.sealed) == ((), ENTRIES)
    stored = house.bank.database.read(lambda connection: seal_log.checkpoints(connection, 0, 1000))
    files = {path.name for path in (tmp_path / "log" / "checkpoints").iterdir() if not path.name.startswith(".new-")}
    assert files == {str(one.size) for one in stored}
    for older, newer in pairwise(stored):
        sizes = (older.size, newer.size)
        proof = looked_up(house.bank, administrator(), lambda work, sizes=sizes: proofs.consistency(work, *sizes))
        assert proves_consistency(*sizes, proof.hashes, older.root, newer.root)


MAIN = [sys.executable, "-c", "from creditbank.cli import main; main()"]


def settings(house: House, folder: Path) -> dict[str, str]:
    """Return the environment of a bank whose log lies in a folder."""
    url = house.bank.database.url.render_as_string(hide_password=False)
    log = {"CREDITBANK_LOG_FOLDER": str(folder / "log"), "CREDITBANK_ERASURES": str(folder / "erasures.jsonl")}
    return environment(url, folder / "keyring.json") | log | {"CREDITBANK_SEAL_SECONDS": "1"}


def size_published(folder: Path) -> int:
    """Return the size of the newest checkpoint in the folder, -1 where there is none."""
    file = folder / "log" / "checkpoint"
    return parsed_checkpoint(file.read_text("utf-8")).size if file.exists() else -1


@pytest.mark.parametrize("engine_name", ["sqlite"], indirect=True)
def test_a_worker_seals_until_it_is_asked_to_end_and_so_do_its_importers(house: House, tmp_path: Path) -> None:
    record(house, 3)
    command = [*MAIN, "worker", "--importers", "1"]
    with subprocess.Popen(command, env=settings(house, tmp_path), cwd=ROOT) as worker:
        until(lambda: size_published(tmp_path) == 3)
        record(house, 2)
        until(lambda: size_published(tmp_path) == 5)
        importers = children_of(worker.pid)
        assert importers
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(WAIT_SECONDS) == 0
        until(lambda: not any(is_alive(one) for one in importers))
    record(house, 1)
    once = subprocess.run([*MAIN, "worker", "--once"], env=settings(house, tmp_path), cwd=ROOT, check=False)
    assert (once.returncode, size_published(tmp_path)) == (0, 6)
    (tmp_path / "log" / "checkpoint").write_text("no checkpoint", "utf-8")
    failed = subprocess.run([*MAIN, "worker", "--once"], env=settings(house, tmp_path), cwd=ROOT, check=False)
    assert failed.returncode == 1


@pytest.mark.parametrize("engine_name", ["sqlite"], indirect=True)
def test_the_worker_beside_a_server_ends_with_it_even_if_it_is_killed(house: House, tmp_path: Path) -> None:
    record(house, 3)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    command, env = [*MAIN, "serve", "--port", port], settings(house, tmp_path)
    with subprocess.Popen(command, env=env, cwd=ROOT, stdout=subprocess.DEVNULL, start_new_session=True) as server:
        try:
            until(lambda: size_published(tmp_path) == 3)
            worker, *servers = children_of(server.pid)  # in the order in which they were started
            assert servers
            server.kill()
            until(lambda: not is_alive(worker))
        finally:
            os.killpg(server.pid, signal.SIGKILL)


def children_of(parent: int) -> list[int]:
    """Return the processes that a process has started."""
    return [int(child) for child in Path(f"/proc/{parent}/task/{parent}/children").read_text("utf-8").split()]


def is_alive(process: int) -> bool:
    """Tell whether a process goes on."""
    try:
        state = Path(f"/proc/{process}/stat").read_text("utf-8").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
