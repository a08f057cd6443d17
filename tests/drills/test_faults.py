"""Under every fault at once, what was acknowledged stands once, what was refused doesn't, and reads see it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.drills.cluster import Cluster
from tests.drills.drilling import Outcome, Plan, drill
from tests.drills.faults import AT_POSTGRESQL
from tests.drills.journal import Journal

SHORT_SECONDS = 240
"""When a short drill ends even if it has not seen enough, which its test then says."""


def test_a_drill_under_every_fault_finds_nothing(
    drill_cluster: Cluster, drill_folder: Path, new_database: Callable[[], str], seed: int
) -> None:
    plan = Plan(
        seed,
        AT_POSTGRESQL,
        operations_min=100,
        faults_min=len(AT_POSTGRESQL),
        reads_min=15,
        seconds_max=SHORT_SECONDS,
        application="creditbank.app:create_app",
        has_each_once=True,
        pace_seconds=(0.02, 0.1),
        owners=1,
        rest_seconds=0.05,
    )
    seen = drill(plan, drill_cluster.url(new_database()), drill_folder, drill_cluster)
    assert seen.journal.findings == []
    assert seen.shortfalls == []
    kinds = {kind.split()[0] for kind in seen.journal.done}
    assert kinds >= {"row", "single", "account", "correction", "application"}
    assert seen.journal.tries["without an answer"] + seen.journal.tries["answered 503"] > 0, "nothing was in doubt"
    assert seen.entries >= seen.journal.acknowledged / 2


@pytest.mark.parametrize(
    ("done", "made", "read", "said"),
    [
        (9, 2, 3, ["9 operations of 10"]),
        (10, 1, 3, ["1 faults of 2"]),
        (10, 2, 2, ["2 reads of 3"]),
        (10, 2, 3, []),
    ],
)
def test_a_drill_that_saw_too_little_says_so(done: int, made: int, read: int, said: list[str]) -> None:
    outcome = Outcome(Plan(1, {}, operations_min=10, faults_min=2, reads_min=3), Journal())
    outcome.journal.done["single post"], outcome.journal.read["balance"] = done, read
    outcome.faults["cut_reply"] = made
    assert outcome.shortfalls == said
