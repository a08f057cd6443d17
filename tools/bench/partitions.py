"""Measure partitioning: `python -m tools.bench.partitions [--entries N] [--server ADDRESS]`.

The ledger's entries in one table and in sixteen by hash of the account, on one PostgreSQL: what is written, read and
vacuumed of either, by turns.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import psycopg

from creditbank.storage.database import Database
from creditbank.storage.migrations import migrate
from tools.bench.raw import pgbench
from tools.bench.scene import LEARNERS, postgresql

ENTRIES = 3_000_000
ENTRIES_EACH = 10
PARTITIONS = 16
ROUNDS = 5
SECONDS = 5

WAYS = ("plain", "parted")

_COLUMNS = """learner_id, scheme, seq, id, posting_id, lot_id, decision_id, counter_account, amount_hundredths,
    balance_after_hundredths, kind, effective_on, recorded_at, actor, hash"""

_CELLS = """'cn-16h-half', {seq}, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), gen_random_uuid(),
    'issuance bench-01', 300, 300, 'recognise', '2026-06-30'::date, now(), 'bench-01-22cf2a9f', sha256('entry')"""

_FILL = """
    INSERT INTO {way} ({columns}) SELECT md5((number % {learners})::text)::uuid, {cells}
    FROM generate_series(0, {entries} - 1) AS number
"""

_POST = """
    INSERT INTO {way} ({columns}) SELECT md5((:number * 7919 % {learners})::text)::uuid, {cells};
"""

_READ = """
    SELECT * FROM {way} WHERE learner_id = md5((:number * 7919 % {learners})::text)::uuid
    ORDER BY recorded_at DESC LIMIT 50;
"""


def main() -> None:
    """Fill both, measure them by turns and print."""
    parser = argparse.ArgumentParser(description="One table of entries beside sixteen")
    parser.add_argument("--entries", type=int, default=ENTRIES)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--server", help="a PostgreSQL in whose database bench_partitions it is done")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, _server(Path(name), asked.server) as server:
        print(_report(server, Path(name), asked))


@contextmanager
def _server(folder: Path, given: str | None) -> Iterator[str]:
    if given:
        yield given
    else:
        with postgresql(folder) as server:
            yield server


def _report(server: str, folder: Path, asked: argparse.Namespace) -> str:
    database = Database(server.replace("postgresql://", "postgresql+psycopg://"))
    migrate(database)
    database.close()
    learners = asked.entries // ENTRIES_EACH
    figures: dict[str, dict[str, list[float]]] = {way: {} for way in WAYS}
    with psycopg.connect(server, autocommit=True) as connection:
        _make(connection)
        for way in WAYS:
            cells = _CELLS.format(seq=f"number / {learners} + 1")
            said = _FILL.format(way=way, columns=_COLUMNS, cells=cells, learners=learners, entries=asked.entries)
            figures[way]["filled in s"] = [_took(connection, said)]
            figures[way]["vacuumed in s"] = [_took(connection, f"VACUUM ANALYZE {way}")]
            figures[way] |= {name: [size] for name, size in _sizes(connection, way, asked.entries).items()}
    for _ in range(asked.rounds):
        for way in WAYS:
            for name, script in (("posts a second", _POST), ("reads a second", _READ)):
                cells = _CELLS.format(seq="nextval('bench_seq')::integer")
                said = script.format(way=way, columns=_COLUMNS, cells=cells, learners=learners)
                figures[way].setdefault(name, []).append(pgbench(server, folder, said, asked.seconds))
    return "\n".join(_lines(figures, asked))


def _make(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """Make a table as the ledger's, and another one in parts; of both the primary key alone is indexed."""
    connection.execute("DROP TABLE IF EXISTS plain, parted")
    connection.execute("CREATE SEQUENCE IF NOT EXISTS bench_seq START 1000000")
    connection.execute("CREATE TABLE plain (LIKE entry INCLUDING ALL)")
    connection.execute("CREATE TABLE parted (LIKE entry INCLUDING ALL) PARTITION BY HASH (learner_id)")
    for number in range(PARTITIONS):
        part = f"parted_{number} PARTITION OF parted FOR VALUES WITH (MODULUS {PARTITIONS}, REMAINDER {number})"
        connection.execute(f"CREATE TABLE {part}".encode())


def _took(connection: psycopg.Connection[tuple[object, ...]], statement: str) -> float:
    began = time.perf_counter()
    connection.execute(statement.encode())
    return time.perf_counter() - began


def _sizes(connection: psycopg.Connection[tuple[object, ...]], way: str, entries: int) -> dict[str, float]:
    """Return bytes an entry: of the rows, and of the index."""
    query = """
        SELECT sum(pg_table_size(oid)), sum(pg_indexes_size(oid)) FROM pg_class
        WHERE oid = %(way)s::regclass OR oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = %(way)s::regclass)
    """
    rows = connection.execute(query, {"way": way}).fetchone()
    assert rows is not None, "a table has a size"
    return {"bytes a row": float(str(rows[0])) / entries, "bytes of index": float(str(rows[1])) / entries}


def _lines(figures: dict[str, dict[str, list[float]]], asked: argparse.Namespace) -> Sequence[str]:
    """Return the table."""
    lines = [f"| {asked.entries:,} entries | one table | {PARTITIONS} parts | ratio |", "|---|---:|---:|---:|"]
    for name in figures["plain"]:
        plain, parted = (median(figures[way][name]) for way in WAYS)
        lines.append(f"| {name} | {plain:,.1f} | {parted:,.1f} | {parted / plain:.2f} |")
    lines += ["", f"Medians of {asked.rounds} rounds of {asked.seconds:g} s, {LEARNERS} learners written and read."]
    return lines


if __name__ == "__main__":
    main()
