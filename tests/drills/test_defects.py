"""Each planted defect is caught by the comparison that finds nothing in the sound bank under the same faults."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.drills.cluster import Cluster
from tests.drills.drilling import drill
from tests.drills.planted import DEFECTS, Planted

IS_LONG = os.environ.get("CREDITBANK_DRILLS") == "long"
"""Whether every defect is planted, and the sound bank drilled like each, as `make drills` has it."""

QUICK = ("dropped_row",)
"""What is planted in `make test`; a second defect is in `test_kill`, all are in `make drills`."""


@pytest.mark.parametrize("planted", [one for one in DEFECTS if IS_LONG or one.name in QUICK], ids=lambda one: one.name)
def test_a_drill_catches(
    planted: Planted, drill_cluster: Cluster, drill_folder: Path, new_database: Callable[[], str], seed: int
) -> None:
    name = new_database()
    drill_cluster.unguard(name, planted.constraints)
    plan = planted.plan(seed, planted.application)
    seen = drill(plan, drill_cluster.url(name), drill_folder, drill_cluster)
    caught = planted.checks & set(seen.journal.found)
    assert caught, f"none of {sorted(planted.checks)} saw it: {dict(seen.journal.found)}, {seen.shortfalls}"


@pytest.mark.skipif(not IS_LONG, reason="long: make drills")
def test_a_drill_finds_nothing_in_the_sound_bank_where_it_catches(
    drill_cluster: Cluster, drill_folder: Path, new_database: Callable[[], str], seed: int
) -> None:
    for planted in DEFECTS:
        seen = drill(planted.plan(seed, ""), drill_cluster.url(new_database()), drill_folder, drill_cluster)
        assert (planted.name, seen.journal.findings, seen.shortfalls) == (planted.name, [], [])


def test_there_are_ten_defects_and_more() -> None:
    assert len({one.application for one in DEFECTS}) >= 10
    assert set(QUICK) < {one.name for one in DEFECTS}
