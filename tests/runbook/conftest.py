"""A PostgreSQL of the runbook's own."""

from collections.abc import Iterator

import pytest

from tests.drills.cluster import Cluster, new_cluster


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Give a PostgreSQL of its own, with fsync on."""
    made = new_cluster()
    made.start()
    yield made
    made.close()
