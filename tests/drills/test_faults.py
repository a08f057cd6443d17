"""Under every fault at once, what was acknowledged stands once, what was refused doesn't, and reads see it."""

from collections.abc import Callable
from pathlib import Path

from tests.drills.cluster import Cluster
from tests.drills.drilling import Plan, drill, template
from tests.drills.faults import AT_POSTGRESQL, kill_server

SHORT_SECONDS = 100
"""When a short drill ends even if it has not seen enough, which its test then says."""


def test_a_drill_under_every_fault_finds_nothing(
    drill_cluster: Cluster, drill_folder: Path, new_database: Callable[[], str], seed: int
) -> None:
    plan = Plan(
        seed,
        AT_POSTGRESQL,
        operations_min=200,
        faults_min=len(AT_POSTGRESQL),
        reads_min=30,
        seconds_max=SHORT_SECONDS,
        has_each_once=True,
        pace_seconds=(0.05, 0.2),
    )
    seen = drill(plan, drill_cluster.url(new_database()), drill_folder, drill_cluster)
    assert seen.journal.findings == []
    assert seen.shortfalls == []
    kinds = {kind.split()[0] for kind in seen.journal.done}
    assert kinds >= {"row", "single", "account", "correction", "application"}
    assert seen.journal.tries["without an answer"] + seen.journal.tries["answered 503"] > 0, "nothing was in doubt"
    assert seen.entries >= seen.journal.acknowledged / 2


def test_a_drill_on_sqlite_killed_a_dozen_times_finds_nothing(tmp_path: Path, seed: int) -> None:
    url = f"sqlite:///{tmp_path / 'bank.sqlite3'}"
    template(url, tmp_path)
    plan = Plan(
        seed,
        {kill_server: 1},
        operations_min=60,
        faults_min=12,
        reads_min=10,
        seconds_max=SHORT_SECONDS,
        pace_seconds=(0.05, 0.3),
        workers=1,
    )
    seen = drill(plan, url, tmp_path)
    assert seen.journal.findings == []
    assert seen.shortfalls == []


def test_a_drill_that_sees_too_little_says_so(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'bank.sqlite3'}"
    template(url, tmp_path)
    plan = Plan(1, {}, operations_min=10**6, faults_min=1, reads_min=10**6, seconds_max=0.5, workers=1)
    shortfalls = drill(plan, url, tmp_path).shortfalls
    assert [line.split(" ", 1)[1] for line in shortfalls] == [
        "operations of 1000000",
        "faults of 1",
        "reads of 1000000",
    ]
