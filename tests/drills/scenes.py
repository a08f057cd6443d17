"""The scenes of the long drills: on which engine, with which faults, and what they need of the machine."""

import shutil
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

from tests.drills.cluster import Cluster, new_cluster
from tests.drills.drilling import Outcome, Plan, drill, template
from tests.drills.faults import AT_POSTGRESQL, Fault, kill_server, kill_worker, shift_clock
from tests.drills.hardships import cluster_on_small_disk, cluster_with_failing_sync, fail_sync, fill_disk

SIZES = (1, 1, 1, 1, 2, 5, 20, 200, 1000, 1000)
"""Rows of a request: most requests are small, most rows come in large ones."""

LEARNERS = 600

SQLITE_KILLS = 200


@dataclass(frozen=True)
class Stage:
    """A scene that is set: every round begins with a bank as it was set up."""

    name: str
    plan: Plan
    new_bank: Callable[[], str]
    folder: Path
    cluster: Cluster | None = None
    more: Mapping[str, Any] | None = None
    is_whole: bool = False
    """Whether the plan says itself how much is to be seen."""

    def run(self, seed: int, operations_min: int, faults_min: int) -> Outcome:
        """Run one round."""
        plan = replace(self.plan, seed=seed)
        if not self.is_whole:
            reads = operations_min // 1000
            plan = replace(plan, operations_min=operations_min, faults_min=faults_min, reads_min=reads)
        return drill(plan, self.new_bank(), self.folder, self.cluster, **(self.more or {}))


def postgresql(folder: Path, stack: ExitStack) -> Stage:
    """Set up the product as it is served, on a PostgreSQL with fsync on."""
    cluster = _started(new_cluster(), stack)
    plan = _plan(AT_POSTGRESQL)
    return Stage("postgresql", plan, _banks(cluster, folder), folder, cluster)


def clock(folder: Path, stack: ExitStack) -> Stage:
    """Set up a bank whose clock jumps, forward and back."""
    cluster = _started(new_cluster(), stack)
    faults: dict[Fault, int] = {**AT_POSTGRESQL, shift_clock: sum(AT_POSTGRESQL.values())}
    application = "tests.drills.shifted:create_shifted_app"
    plan = replace(_plan(faults), application=application, operations_min=20_000, faults_min=100, reads_min=100)
    more = {"clock": folder / "clock"}
    return Stage("clock", plan, _banks(cluster, folder), folder, cluster, more, is_whole=True)


def disk(folder: Path, stack: ExitStack) -> Stage:
    """Set up the product on a PostgreSQL whose disk is full now and then. Raises Skipped."""
    cluster = _started(cluster_on_small_disk(stack), stack)
    faults: dict[Fault, int] = {**AT_POSTGRESQL, fill_disk: sum(AT_POSTGRESQL.values())}
    plan = replace(_plan(faults), operations_min=15_000, faults_min=40, reads_min=50)
    return Stage("disk", plan, _banks(cluster, folder), folder, cluster, is_whole=True)


def sync(folder: Path, stack: ExitStack) -> Stage:
    """Set up the product on a PostgreSQL whose fdatasync fails now and then. Raises Skipped."""
    cluster = _started(cluster_with_failing_sync(new_cluster()), stack)
    faults: dict[Fault, int] = {**AT_POSTGRESQL, fail_sync: sum(AT_POSTGRESQL.values())}
    plan = replace(_plan(faults), operations_min=10_000, faults_min=30, reads_min=50)
    return Stage("sync", plan, _banks(cluster, folder), folder, cluster, is_whole=True)


def sqlite(folder: Path, _stack: ExitStack) -> Stage:
    """Set up the product on SQLite, to be killed 200 times."""
    plan = replace(
        _plan({kill_server: 3, kill_worker: 1}), workers=1, operations_min=5_000, faults_min=SQLITE_KILLS, reads_min=100
    )
    template(f"sqlite:///{folder / 'stock.sqlite3'}", folder, LEARNERS)
    numbers = count(1)

    def copied() -> str:
        copy = folder / f"round{next(numbers)}.sqlite3"
        shutil.copy(folder / "stock.sqlite3", copy)
        return f"sqlite:///{copy}"

    plan = replace(plan, pace_seconds=(0.1, 0.9), sizes=(1, 1, 2, 5, 20, 100))
    return Stage("sqlite", plan, copied, folder, is_whole=True)


def _plan(faults: Mapping[Fault, int]) -> Plan:
    """Return the plan of a long drill."""
    return Plan(
        0, faults, 0, 0, sizes=SIZES, learners=LEARNERS, crowds=3, owners=2, pace_seconds=(0.3, 3.0), seconds_max=7200
    )


def _started(cluster: Cluster, stack: ExitStack) -> Cluster:
    stack.callback(cluster.close)
    cluster.start()
    return cluster


def _banks(cluster: Cluster, folder: Path) -> Callable[[], str]:
    """Return what makes a new bank for each round, as a copy of one that is set up once; the last one is dropped."""
    template(cluster.create("stock"), folder, LEARNERS)
    numbers = count(1)

    def copied() -> str:
        number = next(numbers)
        cluster.drop(f"round{number - 1}")
        return cluster.create(f"round{number}", "stock")

    return copied


SCENES: Mapping[str, Callable[[Path, ExitStack], Stage]] = {
    "postgresql": postgresql,
    "clock": clock,
    "disk": disk,
    "sync": sync,
    "sqlite": sqlite,
}
