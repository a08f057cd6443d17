"""Workers that are killed while they import: the next one goes on, and the books are those of a run in peace."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from creditbank.core.lanes import LANES
from creditbank.services import import_checking, import_rows
from creditbank.services.import_answers import REJECTED
from tests.builders import House, new_house
from tests.drills.importer import left
from tests.drills.importing import Drill, Forked, books, csv_file, faults, found, killed_over_and_over, sent, xlsx_file
from tests.tables import CSV, XLSX, answers, ended, table, work

ROWS = 1_000
RECORDS = 50
"""Records of one transaction: so few that a kill seldom comes too late."""

WAIT_SECONDS = 120


def in_peace(folder: Path, content: bytes, kind: str) -> tuple[House, str]:
    """Import a file on SQLite without being disturbed; return the bank and its import."""
    folder.mkdir()
    house = new_house(f"sqlite:///{folder / 'bank.sqlite3'}", folder)
    import_id = sent(house, content, kind)
    ended(house, import_id)
    return house, import_id


@pytest.fixture
def _shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the rows of a file be shared by several workers."""
    monkeypatch.setattr(import_checking, "ROWS_MIN", ROWS)


@pytest.mark.parametrize("engine_name", ["postgresql"], indirect=True)
@pytest.mark.parametrize(("kind", "kills"), [(CSV, 3), (XLSX, 1)], ids=["csv", "xlsx"])
@pytest.mark.usefixtures("_shared")
def test_the_books_are_the_same_whether_workers_are_killed_or_not(
    house: House, tmp_path: Path, kind: str, kills: int, seed: int
) -> None:
    content = csv_file(ROWS) if kind == CSV else xlsx_file(ROWS)
    import_id = sent(house, content, kind)
    start = partial(Forked, house.bank, tmp_path, RECORDS)
    drill = Drill(kills, seed, start, pause_seconds_max=0.02, workers=LANES)
    assert killed_over_and_over(house.bank, import_id, drill) == kills
    calm, calm_id = in_peace(tmp_path / "calm", content, kind)
    mine, theirs = found(house.bank, import_id), found(calm.bank, calm_id)
    assert (mine.lanes, theirs.lanes) == (LANES, 1), "SQLite has one writer"
    assert (mine.counts, mine.rows_done) == (theirs.counts, theirs.rows_done)
    assert mine.counts.replayed > 0
    assert mine.counts.rejected > 0
    assert books(house.bank) == books(calm.bank)
    assert faults(house.bank) == ()
    given = answers(house, import_id)
    assert [one["row"] for one in given] == list(range(2, ROWS + 2)), "each row has one answer"
    assert sum(one["status"] == REJECTED for one in given) == mine.counts.rejected


def worker(house: House, name: str) -> None:
    """Work until nothing is left, with a short turn at each file."""
    while left(house.bank):
        work(house, name, seconds=0.05)


def test_several_workers_import_several_files_each_row_once(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_rows, "RECORDS_MAX", RECORDS)
    lines = csv_file(600).decode("gbk").splitlines()
    files = [table([], lines[0].split(",")) + "\n".join(lines[1 + part :: 3]) for part in range(3)]
    import_ids = [sent(house, one.encode("gbk"), CSV) for one in files]
    with ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(worker, house, f"worker {number}") for number in range(3)]:
            done.result(WAIT_SECONDS)
    for import_id, content in zip(import_ids, files, strict=True):
        one = found(house.bank, import_id)
        assert (one.state, one.rows_done) == ("done", len(content.splitlines()) - 1)
        assert one.counts.accepted + one.counts.replayed + one.counts.rejected == one.rows_done
        assert len(answers(house, import_id)) == one.rows_done
    assert faults(house.bank) == ()
