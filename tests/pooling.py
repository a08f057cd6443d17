"""PgBouncer between the bank and the tests' PostgreSQL, lending connections for one transaction at a time."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from creditbank.storage.database import Database

PORT = 6432
CONNECTIONS = 3
"""Connections to the server for each database: fewer than the bank's threads, so that they are shared all the time."""

IS_POOLED = bool(os.environ.get("CREDITBANK_TEST_POOLER"))
"""Whether PostgreSQL's half of the tests goes through PgBouncer."""

_FOLDER = "CREDITBANK_TEST_POOLER_AT"


@contextmanager
def pooler(server: str) -> Iterator[None]:
    """Start PgBouncer in front of a server; from then on `pooled` leads there."""
    found = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    assert found is not None, "PgBouncer is missing: apt-get install pgbouncer"
    folder = Path(tempfile.mkdtemp(prefix="creditbank-pooler-"))
    with psycopg.connect(server) as connection:
        info = connection.info
        place = f"host={info.host} port={info.port} user={info.user}"
    settings = folder / "pgbouncer.ini"
    settings.write_text(
        f"[databases]\n* = {place}\n[pgbouncer]\npool_mode = transaction\nauth_type = any\nlisten_port = {PORT}\n"
        f"unix_socket_dir = {folder}\ndefault_pool_size = {CONNECTIONS}\nmax_client_conn = 500\n"
    )
    command = [found, str(settings)]
    if os.geteuid() == 0:
        command[1:1] = ["-u", "pgserver"]
        for path in (folder, settings):
            shutil.chown(path, "pgserver")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    deadline = time.monotonic() + 20
    while not (folder / f".s.PGSQL.{PORT}").exists():
        assert process.poll() is None, (folder / "log").read_text()
        assert time.monotonic() < deadline, (folder / "log").read_text()
        time.sleep(0.05)
    os.environ[_FOLDER] = str(folder)
    os.environ["CREDITBANK_POOLER"] = "transaction"
    try:
        yield
    finally:
        del os.environ[_FOLDER], os.environ["CREDITBANK_POOLER"]
        process.terminate()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def direct() -> Iterator[None]:
    """Reach databases without the pooler for a while, which would hold on to one that is to be copied."""
    folder = os.environ.pop(_FOLDER, None)
    try:
        yield
    finally:
        if folder is not None:
            os.environ[_FOLDER] = folder


def pooled(url: str) -> tuple[str, bool]:
    """Return the address by which the bank reaches a database, and whether that is through the pooler."""
    folder = os.environ.get(_FOLDER)
    if folder is None or url.startswith("sqlite"):
        return url, False
    direct = make_url(url).set(host=None, port=None)
    through = direct.update_query_dict({"host": folder, "port": str(PORT)})
    return through.render_as_string(hide_password=False), True


def database_at(url: str) -> Database:
    """Return the database at an address, which is the pooler's where `pooled` led there."""
    return Database(url, has_pooler=IS_POOLED and not url.startswith("sqlite"))
