"""A sealed ledger on each engine, made once for all tests, which leave it as it is."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from random import SystemRandom

import pytest

from tests.builders import SQLITE_FILE, copied_house, new_house
from tests.conftest import postgresql_database
from tests.verifier.ledgers import Sealed, sealed_ledger


@pytest.fixture(scope="session")
def sealed_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sealed]:
    """Make a sealed ledger on SQLite."""
    folder = tmp_path_factory.mktemp("sealed")
    made = sealed_ledger(new_house(f"sqlite:///{folder / SQLITE_FILE}", folder), folder)
    yield made
    made.house.bank.database.close()


@pytest.fixture(scope="session")
def sealed_postgresql(postgresql_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sealed]:
    """Make a sealed ledger on PostgreSQL."""
    folder = tmp_path_factory.mktemp("sealed")
    with postgresql_database(postgresql_server) as url:
        made = sealed_ledger(new_house(url, folder), folder)
        yield made
        made.house.bank.database.close()


@pytest.fixture
def sealed(engine_name: str, request: pytest.FixtureRequest) -> Sealed:
    """Give the sealed ledger of each engine."""
    made: Sealed = request.getfixturevalue(f"sealed_{engine_name}")
    return made


@pytest.fixture
def changeable(sealed_sqlite: Sealed, tmp_path: Path) -> Iterator[Sealed]:
    """Give a copy of the one on SQLite, for tests that change it, with its checkpoints as they were published."""
    database = sealed_sqlite.house.bank.database
    database.forget_log()
    folder = Path(str(database.url.database)).parent
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    house = copied_house(f"sqlite:///{tmp_path / SQLITE_FILE}", tmp_path)
    house.clock.now = sealed_sqlite.house.clock.now
    yield sealed_sqlite.on(house, tmp_path / "log")
    house.bank.database.close()


@pytest.fixture
def seed(capsys: pytest.CaptureFixture[str]) -> int:
    """Give the run's seed, that of DRILL_SEED or a new one, and print it so that a failure can be repeated."""
    number = int(os.environ.get("DRILL_SEED") or SystemRandom().randrange(10**6))
    with capsys.disabled():
        print(f"\nDRILL_SEED={number}", end=" ", flush=True)  # noqa: T201 - whoever reads the log needs it
    return number
