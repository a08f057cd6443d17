"""Figures of a real server of several processes: whichever is asked shows what all of them did, also who was killed."""

import http.client
import os
import re
import signal
import time
from pathlib import Path

from creditbank.gateways.metrics import FOLDER
from tests.builders import SQLITE_FILE, new_house
from tests.drills.serving import Server, environment

PROCESSES = 2
ASKED = 40


def get(port: int, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def counted(port: int) -> float:
    """Return how many requests for the checkpoint some process says were answered."""
    shown = get(port, "/metrics")[1]
    found = re.search(r'^creditbank_requests_total\{.*operation="/v1/log/checkpoint".*\} (\S+)$', shown, re.MULTILINE)
    assert re.search(r"^creditbank_build\{version=", shown, re.MULTILINE)
    assert not re.search(r"\bpid=", shown)
    return float(found[1]) if found else 0


def test_every_process_shows_what_all_did_and_a_killed_one_takes_nothing_along(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / SQLITE_FILE}"
    new_house(url, tmp_path, packs=False).bank.database.close()
    settings = {name: value for name, value in environment(url, tmp_path / "keyring.json").items() if name != FOLDER}
    server = Server("", settings, workers=PROCESSES, threads=1)
    server.start()
    try:
        assert all(get(server.port, "/v1/log/checkpoint")[0] in (200, 404) for _ in range(ASKED))
        assert {counted(server.port) for _ in range(10)} == {ASKED}
        assert "creditbank_jobs_total" in get(server.port, "/metrics")[1], "the worker's, too"
        before = server.worker_pids()
        os.kill(before[-1], signal.SIGKILL)
        deadline = time.monotonic() + 60
        while before[-1] in server.worker_pids() or len(server.worker_pids()) < len(before):
            assert time.monotonic() < deadline, "nobody took its place"
            time.sleep(0.1)
        assert {counted(server.port) for _ in range(10)} == {ASKED}
        in_use = re.search(r"^creditbank_pool_connections_in_use (\S+)", get(server.port, "/metrics")[1], re.MULTILINE)
        assert in_use is not None
        assert float(in_use[1]) <= PROCESSES
    finally:
        server.kill()
