"""Limits hold for several processes together by Redis, and degrade safely while it is down: no failure, no flood."""

import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from creditbank.gateways.budgets import DOWN_SECONDS
from creditbank.services.access import client_token
from tests.builders import INSTITUTION_SCOPES, SQLITE_FILE, new_house
from tests.drills.serving import BASE_URL, Server, environment

pytestmark = [
    pytest.mark.skipif(not os.environ.get("CREDITBANK_TEST_REDIS"), reason="make test-redis asks a real Redis"),
    pytest.mark.skipif(not shutil.which("redis-server"), reason="redis-server is missing (Debian: redis-server)"),
]

PROCESSES = 3
LIMIT = 120
"""Units of a minute; a share is a third of it."""

ASKED = 400
"""Requests of one round, far more than the limit."""


@dataclass
class Redis:
    """A Redis of the test's own, which keeps nothing on the disk."""

    port: int
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                    connection.sendall(b"PING\r\n")
                    assert connection.recv(16) == b"+PONG\r\n"
                    return
            except OSError:
                assert time.monotonic() < deadline, "Redis did not start"
                time.sleep(0.02)

    def send(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@dataclass
class Bank:
    """A server of several processes that count together."""

    server: Server
    token: Callable[[str], str]

    def ask(self, name: str = "cqdx", *, path: str = "/v1/institutions") -> int:
        """Ask on a connection of its own, which any of the processes may take; return the status."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {self.token(name)}"})
            answer = connection.getresponse()
            answer.read()
            return answer.status
        finally:
            connection.close()

    def flood(self, name: str) -> Counter[int]:
        """Ask from many threads at once and count the answers."""
        with ThreadPoolExecutor(16) as pool:
            return Counter(pool.map(lambda _: self.ask(name), range(ASKED)))

    def failures(self) -> float:
        """Return how often some process found Redis down."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        try:
            connection.request("GET", "/metrics")
            shown = connection.getresponse().read().decode()
        finally:
            connection.close()
        found = re.search(r"^creditbank_limits_store_failures_total (\S+)", shown, re.MULTILINE)
        assert found is not None
        return float(found[1])


@pytest.fixture
def redis() -> Iterator[Redis]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        made = Redis(free.getsockname()[1])
    made.start()
    yield made
    made.kill()


@pytest.fixture
def bank(tmp_path: Path, redis: Redis) -> Iterator[Bank]:
    url = f"sqlite:///{tmp_path / SQLITE_FILE}"
    house = new_house(url, tmp_path, packs=False)
    house.clock.now = datetime.now(UTC)
    tokens = {
        name: client_token_of(house.bank, house.client(name, *INSTITUTION_SCOPES)) for name in ("cqdx", "cqou", "cqsw")
    }
    house.bank.database.close()
    settings = environment(url, tmp_path / "keyring.json") | {
        "CREDITBANK_LIMITS_STORE": f"redis://127.0.0.1:{redis.port}/0",
        "CREDITBANK_REQUESTS_A_MINUTE": str(LIMIT),
    }
    server = Server("", settings, workers=PROCESSES, threads=2)
    server.start()
    yield Bank(server, tokens.__getitem__)
    server.kill()


def client_token_of(bank: object, client_id: str) -> str:
    return client_token(bank, BASE_URL, client_id, INSTITUTION_SCOPES)  # type: ignore[arg-type]


def test_all_processes_together_give_the_limit_and_not_one_more(bank: Bank) -> None:
    began = time.monotonic()
    first = bank.flood("cqdx")
    assert time.monotonic() - began < 60, "within one minute"
    assert first == {200: LIMIT, 429: ASKED - LIMIT}
    assert bank.ask("cqou") == 200


def test_while_redis_is_down_nothing_fails_nobody_floods_and_afterwards_it_counts_again(
    bank: Bank, redis: Redis
) -> None:
    assert bank.ask("cqdx") == 200
    assert bank.failures() == 0
    redis.kill()
    alone = bank.flood("cqdx")
    assert alone.keys() == {200, 429}
    assert LIMIT // PROCESSES <= alone[200] <= LIMIT
    failures = bank.failures()
    assert 1 <= failures <= 20, "Redis is asked seldom while it is down"
    redis.start()
    time.sleep(DOWN_SECONDS + 1)
    for _ in range(3 * PROCESSES):
        bank.ask("cqou")
    together = bank.flood("cqsw")
    assert together == {200: LIMIT, 429: ASKED - LIMIT}
    assert bank.failures() == failures


def test_a_redis_that_hangs_keeps_one_request_waiting_and_not_for_long(bank: Bank, redis: Redis) -> None:
    assert bank.ask("cqdx") == 200
    redis.send(signal.SIGSTOP)
    try:
        took = []
        for _ in range(30):
            began = time.monotonic()
            assert bank.ask("cqou") == 200
            took.append(time.monotonic() - began)
    finally:
        redis.send(signal.SIGCONT)
    assert max(took) < 2
    assert sum(one > 0.2 for one in took) <= PROCESSES + 1
