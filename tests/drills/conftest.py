"""What drills have in common: a PostgreSQL that they may stop, and a bank in it to begin with."""

import os
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from random import SystemRandom

import pytest

from tests.drills.cluster import Cluster, new_cluster
from tests.drills.drilling import template

STOCK = "stock"


@pytest.fixture
def seed(capsys: pytest.CaptureFixture[str]) -> int:
    """Give the drill's seed, that of DRILL_SEED or a new one, and print it so that a failure can be shot again."""
    number = int(os.environ.get("DRILL_SEED") or SystemRandom().randrange(10**6))
    with capsys.disabled():
        print(f"\nDRILL_SEED={number}", end=" ", flush=True)  # noqa: T201 - whoever reads the log needs it
    return number


@pytest.fixture(scope="session")
def drill_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the folder with the keys of the bank that drills begin with."""
    return tmp_path_factory.mktemp("drills")


@pytest.fixture(scope="session")
def drill_cluster(drill_folder: Path) -> Iterator[Cluster]:
    """Give a PostgreSQL of the drills' own, with fsync on."""
    cluster = new_cluster()
    cluster.start()
    template(cluster.create(STOCK), drill_folder)
    yield cluster
    cluster.close()


_numbers = count(1)


@pytest.fixture
def new_database(drill_cluster: Cluster) -> Iterator[Callable[[], str]]:
    """Give what makes a database with the bank that drills begin with, and returns its name."""
    made: list[str] = []

    def new() -> str:
        made.append(f"drill{next(_numbers)}")
        drill_cluster.create(made[-1], STOCK)
        return made[-1]

    yield new
    drill_cluster.await_running()
    for name in made:
        drill_cluster.drop(name)
