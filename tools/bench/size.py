"""Measure how size tells: `python -m tools.bench.size [--sizes N …] [--existing URL KEYRING]`.

Banks of several sizes are filled with made-up learning on one PostgreSQL and measured by turns, so that what else the
machine does tells on all of them alike: bytes a row with indexes, how long a balance, a passbook page and a posting
take, and how many pages of the database a balance touches, which no other load changes.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles

import psycopg

from creditbank.config import Settings
from creditbank.loading.filling import Wanted, fill
from creditbank.opening import create_bank
from creditbank.services import statements
from creditbank.services.bank import Bank, looked_up
from creditbank.storage.migrations import migrate
from tools.bench.load import timed
from tools.bench.scene import PORT, bank_url, postgresql, served
from tools.bench.sized import Reader, bytes_by_table, driver_url, pages_of_a_balance, post_one, readers

SIZES = (10_000, 1_000_000)
ENTRIES_EACH = 10
READS = 300
"""Of each kind and bank in a round, each of another learner."""

ROUNDS = 5
POSTS = 60
PAGE = 50
"""Lines of a passbook page."""

WANTED_RATIO = 1.5
WANTED_BYTES = 300


@dataclass
class Sized:
    """A bank of a size, its learners who are read, and what was measured, in milliseconds by what was done."""

    name: str
    settings: Settings
    bank: Bank
    readers: list[Reader]
    milliseconds: dict[str, list[float]] = field(default_factory=dict)


def main() -> None:
    """Fill, measure and print."""
    parser = argparse.ArgumentParser(description="Benchmark of the bank at several sizes")
    parser.add_argument("--sizes", type=int, nargs="*", default=list(SIZES), help="entries; 20000000 is the long form")
    parser.add_argument("--existing", nargs=2, metavar=("URL", "KEYRING"), help="a bank that was filled before")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, _server(Path(name), asked.existing) as server:
        banks = [_filled(Path(name), server, entries) for entries in asked.sizes]
        if asked.existing:
            banks.append(_sized("existing", asked.existing[0], Path(asked.existing[1])))
        for _ in range(asked.rounds):
            for bank in banks:
                _round(bank)
                print(f"{bank.name}: measured once", flush=True)
        print("\n\n".join((_sizes(banks), _times(banks))))
        for bank in banks:
            bank.bank.database.close()


@contextmanager
def _server(folder: Path, existing: Sequence[str] | None) -> Iterator[str]:
    """Give the server of the existing bank, or one of its own: all banks stand on one."""
    if existing:
        yield driver_url(existing[0])
    else:
        with postgresql(folder) as server:
            yield server


def _filled(folder: Path, server: str, entries: int) -> Sized:
    """Fill a bank of a size on a database of its own."""
    name = f"bench_{entries}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
        connection.execute(f"CREATE DATABASE {name}".encode())
    url, keyring = bank_url(server, name), folder / f"{name}.json"
    settings = Settings(database_url=url, keyring=keyring, log_format="none", erasures=folder / f"{name}.jsonl")
    bank = create_bank(settings)
    migrate(bank.database)
    bank.database.close()
    began = time.monotonic()
    fill(settings, Wanted(entries // ENTRIES_EACH, entries, 1, 2, int(time.time())), lambda _name, _count: None)
    print(f"{entries:,} entries filled in {time.monotonic() - began:.0f} s", flush=True)
    with psycopg.connect(driver_url(url), autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
    return _sized(f"{entries:,}", url, keyring)


def _sized(name: str, url: str, keyring: Path) -> Sized:
    settings = Settings(database_url=url, keyring=keyring, log_format="none", erasures=keyring.with_suffix(".jsonl"))
    bank = create_bank(settings)
    return Sized(name, settings, bank, readers(bank, READS))


def _round(sized: Sized) -> None:
    """Measure everything once: first inside this process, then over HTTP on one connection."""
    bank, people = sized.bank, sized.readers
    _add(sized, "balance inside", [_took(lambda one=one: _balance(bank, one)) for one in people])
    _add(sized, "passbook page inside", [_took(lambda one=one: _page(bank, one)) for one in people])
    _add(sized, "posting inside", [_took(lambda one=one: post_one(bank, one)) for one in people[:POSTS]])
    with served(sized.settings.database_url, sized.settings.keyring):
        for name, path in (("balance", "balance"), ("passbook page", f"statement?limit={PAGE}")):
            requests = [one.get(path) for one in people]
            timed(PORT, requests[:20])
            _add(sized, f"{name} over HTTP", timed(PORT, requests))


def _balance(bank: Bank, one: Reader) -> None:
    looked_up(bank, one.actor, lambda work: statements.balance(work, one.learner_id, None, None))


def _page(bank: Bank, one: Reader) -> None:
    looked_up(bank, one.actor, lambda work: statements.passbook(work, one.learner_id, None, PAGE + 1))


def _took(way: Callable[[], None]) -> float:
    began = time.perf_counter()
    way()
    return time.perf_counter() - began


def _add(sized: Sized, name: str, seconds: Sequence[float]) -> None:
    sized.milliseconds.setdefault(name, []).extend(1000 * one for one in seconds)


def _sizes(banks: Sequence[Sized]) -> str:
    """Return bytes a row with indexes, and pages that a balance touches, by table and bank."""
    found = [bytes_by_table(one.settings.database_url) for one in banks]
    lines = [_row("bytes a row with indexes", [one.name for one in banks]), _row("---", ["---:"] * len(banks))]
    lines += [_row(table, [f"{one[table][0]:.0f}" for one in found]) for table in found[0]]
    for name, table in (("all, by entry", "entry"), ("all, by learner", "learner")):
        lines.append(_row(name, [f"{sum(b * n for b, n in one.values()) / one[table][1]:,.0f}" for one in found]))
    lines.append(_row("entries", [f"{one['entry'][1]:,.0f}" for one in found]))
    lines.append(
        _row("pages that a balance touches", [f"{pages_of_a_balance(one.bank, one.readers):.1f}" for one in banks])
    )
    lines += ["", f"Wanted: {WANTED_BYTES} bytes an entry or less."]
    return "\n".join(lines)


def _times(banks: Sequence[Sized]) -> str:
    """Return how long everything takes, and how much longer at each size than at the first."""
    lines = [_row("milliseconds, median and 99 of 100", [one.name for one in banks])]
    lines.append(_row("---", ["---:"] * len(banks)))
    for name in banks[0].milliseconds:
        cells, first = [], _ninety_nine(banks[0].milliseconds[name])
        for one in banks:
            ninety_nine = _ninety_nine(one.milliseconds[name])
            ratio = "" if one is banks[0] else f" ({ninety_nine / first:.2f} ×)"
            cells.append(f"{median(one.milliseconds[name]):.2f} · {ninety_nine:.2f}{ratio}")
        lines.append(_row(name, cells))
    wanted = f"Wanted: 99 of 100 balances within {WANTED_RATIO} × of what they take in the smallest bank."
    return "\n".join([*lines, "", wanted])


def _ninety_nine(values: Sequence[float]) -> float:
    return quantiles(values, n=100)[98]


def _row(name: str, cells: Sequence[str]) -> str:
    return f"| {name} | {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
