"""Canaries: the names, numbers and words of 200 people go through the whole bank and can be read nowhere."""

import io
import json
import os
import re
import sqlite3
import time
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID

import psycopg
import pytest
import structlog
from sqlalchemy import select, text, update

from creditbank.storage import audit, catalogue
from tests.builders import BASE_URL, KEYRING_FILE, SQLITE_FILE, House
from tests.drills.canaries import CANARIES, PLANTED, SPOKEN, Canary, Hit, hits, hits_in_files
from tests.drills.people_walk import Walk, walk_people
from tests.drills.registry_walk import provider_file, walk_console, walk_conversions, walk_logins, walk_registry
from tests.drills.remote import Remote, RemoteHouse
from tests.drills.serving import ENGINES, Server, environment
from tests.drills.spoiling import spoil, unspoilt, unwalked
from tests.providers import RealProvider, served_provider

pytestmark = [
    pytest.mark.filterwarnings("ignore:get_jwt_config:DeprecationWarning"),
    pytest.mark.own_database,
]
"""The mock of a login provider stands on a part of Authlib that is going away."""

JOURNAL = "erasures.jsonl"
LOG = "server.log"


@pytest.fixture(scope="module")
def provider() -> Iterator[RealProvider]:
    """Give a real provider, once for both engines."""
    with served_provider() as served:
        yield served


@pytest.mark.parametrize("engine_name", ENGINES, indirect=True)
def test_nothing_of_200_people_is_let_out(house: House, tmp_path: Path, provider: RealProvider) -> None:
    began = time.time()
    settings = environment(address(house), tmp_path / KEYRING_FILE) | {
        "CREDITBANK_BASE_URL": BASE_URL,
        "CREDITBANK_LOG_FORMAT": "json",
        "CREDITBANK_WEBHOOKS_PRIVATE": "true",
        "CREDITBANK_ERASURES": str(tmp_path / JOURNAL),
        "CREDITBANK_OIDC_PROVIDERS": str(provider_file(tmp_path, provider.issuer)),
    }
    with served(settings, tmp_path / LOG) as remote:
        house.clock.now = datetime.now(UTC)
        walk = Walk(RemoteHouse(house.bank, house.app, house.clock, remote=remote))
        walk_people(walk)
        walk_registry(walk)
        walk_conversions(walk)
        walk_logins(walk, provider)
        assert readable(house, tmp_path, began) == []
        document = remote.get("/openapi.json").get_json()
        spoil(remote, document)
        console = walk_console(walk, settings)
        fail(walk)
        metrics = remote.get("/metrics").content
        assert (unwalked(remote.replies, document), unspoilt(remote.replies, document)) == (set(), set())
        errors = [reply for reply in remote.replies if reply.status_code >= 400 or reply.path.endswith("/batch")]
        assert [hit for reply in errors for hit in hits(f"{reply.method} {reply.path}", reply.content)] == []
        assert {reply.status_code for reply in errors} >= {400, 401, 403, 404, 405, 409, 412, 415, 422, 500}
        assert hits("metrics", metrics) + hits("console", console.encode()) + hits_in_files([tmp_path / LOG]) == []
        assert b'"unforeseen"' in (tmp_path / LOG).read_bytes()
        assert readable(house, tmp_path, began) == []


@contextmanager
def served(settings: dict[str, str], log: Path) -> Iterator[Remote]:
    """Serve the bank in a process of its own, which logs to a file."""
    with log.open("wb") as output:
        server = Server("creditbank.app:create_app", settings, output)
        server.start()
        remote = Remote(server)
        try:
            yield remote
        finally:
            remote.close()
            server.kill()


def fail(walk: Walk) -> None:
    """Let the bank meet what nobody foresaw: seals that don't open, and a database that refuses."""
    learner, case = catalogue.tables["learner"], catalogue.tables["identity_case"]
    one, other = UUID(walk.ids[10]), UUID(walk.ids[11])
    with walk.house.bank.database.transaction() as connection:
        sealed = connection.execute(select(learner.c.sealed_name).where(learner.c.id == other)).scalar_one()
        connection.execute(update(learner).where(learner.c.id == one).values(sealed_name=sealed))
        query = select(case.c.id, case.c.sealed_evidence).where(case.c.sealed_evidence.is_not(None)).limit(1)
        case_id, evidence = connection.execute(query).one()
        connection.execute(update(case).where(case.c.id == case_id).values(sealed_reason=evidence))
    reviewer = walk.house.auth("authority", "identity:review")
    reads = (
        (walk.url(10), walk.house.auth()),
        (walk.url(10, "/export"), walk.own(10)),
        (f"/v1/identity/cases/{case_id}", reviewer),
    )
    answers = [walk.house.http.get(path, headers=auth) for path, auth in reads]
    with walk.house.bank.database.engine.connect() as connection, connection.begin():
        for statement in REFUSING[connection.dialect.name]:
            connection.execute(text(statement))
    new = Canary(900)
    answers.append(walk.house.http.post("/v1/learners", json=new.body(), headers=walk.house.auth()))
    body = {"about": {"field": "name"}, "says": new.text, "wants": new.text}
    answers.append(walk.house.http.post("/v1/learners/me/correction-requests", json=body, headers=walk.own(12)))
    assert [answer.status_code for answer in answers] == [500] * 5


REFUSING = {
    "sqlite": [
        f"CREATE TRIGGER full_{table} BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'full'); END"
        for table in ("identifier", "correction_request")
    ],
    "postgresql": [
        f"ALTER TABLE {table} ADD CONSTRAINT full_{table} CHECK (learner_id IS NULL) NOT VALID"
        for table in ("identifier", "correction_request")
    ],
}
"""What makes the database refuse rows, on PostgreSQL with the whole row in its message."""


def readable(house: House, folder: Path, began: float) -> list[Hit]:
    """Return what can be read in the files of the database and in a dump; what institutions say is meant to be."""
    return [hit for hit in everything(house, folder, began) if hit.stem not in (SPOKEN, PLANTED)]


def everything(house: House, folder: Path, began: float) -> list[Hit]:
    """Return what can be read in the files of the database and in a dump, whatever it is."""
    files = [*database_files(house, folder, began), folder / JOURNAL]
    return hits_in_files(files) + hits("dump", dump(house))


def database_files(house: House, folder: Path, began: float) -> list[Path]:
    """Return every file of the database that was written since: SQLite's, or all of PostgreSQL's folder."""
    if house.bank.database.is_sqlite:
        return [folder / f"{SQLITE_FILE}{end}" for end in ("", "-wal", "-shm")]
    with psycopg.connect(address(house, psycopg=True), autocommit=True) as connection:
        connection.execute("CHECKPOINT")
        (directory,) = connection.execute("SHOW data_directory").fetchone() or ("",)
    if not os.access(directory, os.R_OK | os.X_OK):
        pytest.skip(f"the files of PostgreSQL in {directory} can't be read by who runs the tests")
    files = [file for file in Path(directory).rglob("*") if file.is_file() and file.stat().st_mtime >= began - 2]
    assert "pg_wal" in {file.parent.name for file in files}
    return files


def dump(house: House) -> bytes:
    """Return everything in the database as text."""
    if house.bank.database.is_sqlite:
        with closing(sqlite3.connect(str(house.bank.database.url.database))) as connection:
            return "\n".join(connection.iterdump()).encode()
    parts = []
    with psycopg.connect(address(house, psycopg=True)) as connection:
        for (table,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall():
            with connection.cursor().copy(f'COPY "{table}" TO STDOUT') as copied:
                parts += [bytes(block) for block in copied]
    return b"".join(parts)


def address(house: House, *, psycopg: bool = False) -> str:
    """Return the database's address, for SQLAlchemy or for psycopg itself."""
    url = house.bank.database.url.render_as_string(hide_password=False)
    return url.replace("+psycopg", "") if psycopg else url


# --- the search itself finds what is let out


WRITINGS: dict[str, Callable[[str], bytes]] = {
    "UTF-8": str.encode,
    "UTF-16": lambda word: word.encode("utf-16-le"),
    "UTF-16, big end first": lambda word: word.encode("utf-16-be"),
    "JSON": lambda word: json.dumps({"name": word}).encode(),
    "JSON in capitals": lambda word: re.sub("(?<=u)[0-9a-f]{4}", lambda one: one[0].upper(), json.dumps(word)).encode(),
    "Python": lambda word: ascii(word).encode(),
    "bytes": lambda word: repr(word.encode()).encode(),
    "URL": lambda word: quote(word).encode(),
    "URL in small letters": lambda word: re.sub("%..", lambda one: one[0].lower(), quote(word)).encode(),
    "hexadecimal": lambda word: word.encode().hex().encode(),
    "hexadecimal in capitals": lambda word: word.encode().hex().upper().encode(),
    "base64": lambda word: b64encode(word.encode()),
    "base64, one on": lambda word: b64encode(b'"' + word.encode() + b'"'),
    "base64, two on": lambda word: b64encode(b': "' + word.encode() + b'"}'),
    "base64 for URLs": lambda word: urlsafe_b64encode(word.encode()),
}


@pytest.mark.parametrize("writing", WRITINGS)
def test_every_word_is_found_however_it_is_written(writing: str) -> None:
    for one in CANARIES[:8]:
        for word in one.words:
            if "capitals" not in writing or not word.isascii():
                assert hits("", b"\0{" + WRITINGS[writing](word) + b"}\0"), word


def test_no_two_people_are_alike() -> None:
    assert len({(one.name, one.resident_id, one.certificate_no) for one in CANARIES}) == 200
    assert len({one.name for one in CANARIES}) == len({one.resident_id for one in CANARIES}) == 200


@pytest.mark.parametrize("word", CANARIES[5].words)
def test_a_word_that_is_logged_is_found(word: str, tmp_path: Path) -> None:
    lines = io.StringIO()
    renderer = structlog.processors.JSONRenderer(ensure_ascii=False)
    log: Any = structlog.wrap_logger(structlog.PrintLogger(lines), [structlog.processors.format_exc_info, renderer])
    log.error("unforeseen", exc_info=ValueError(word))
    (tmp_path / LOG).write_text(lines.getvalue(), "utf-8")
    assert hits_in_files([tmp_path / LOG])


def test_a_word_in_a_table_is_found_in_the_files_and_in_the_dump(house: House, tmp_path: Path) -> None:
    began = time.time()
    leak = audit.AuditLine(house.bank.new_id(), house.clock.now, "test", "test", PLANTED, "")
    with house.bank.database.transaction() as connection:
        audit.add(connection, leak)
    ends = ("-wal", "dump") if house.bank.database.is_sqlite else ("pg_wal", "base", "dump")
    places = [hit.place for hit in everything(house, tmp_path, began) if hit.stem == PLANTED]
    assert all(any(end in place for place in places) for end in ends), places


def test_an_operation_that_nobody_walks_is_missed() -> None:
    document = {"paths": {"/v1/new/{id}": {"post": {"requestBody": {"content": {"application/json": {
        "schema": {"$ref": "#/components/schemas/NewIn"}}}}}}}}  # fmt: skip
    assert unwalked([], document) == unspoilt([], document) == {("POST", "/v1/new/{id}")}
