"""Measure django-hordak on a PostgreSQL: run by the Python of an environment in which it is installed.

    python hordak_peer.py ADDRESS SECONDS

Prints transfers a second as JSON: one a transaction, many in one transaction, and by Django's bulk_create.
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import django
import psycopg
from django.conf import settings
from django.core.management import call_command

ACCOUNTS = 400
BULK = 2000
DATABASE = "bench_hordak"


def main() -> None:
    """Measure and print."""
    server, seconds = sys.argv[1], float(sys.argv[2])
    _prepare(server)
    from django.db import transaction  # noqa: PLC0415 - after the settings are made
    from hordak.models import Account, Leg, Transaction  # noqa: PLC0415
    from moneyed import Money  # noqa: PLC0415

    issuer, _ = Account.objects.get_or_create(name="issuer", code="0", type="IN", currencies=["CNY"])
    learners = list(Account.objects.exclude(code="0")[:ACCOUNTS])
    learners += [
        Account.objects.create(name=f"learner {number}", code=str(number), type="LI", currencies=["CNY"])
        for number in range(len(learners) + 1, ACCOUNTS + 1)
    ]
    amount = Money(3, "CNY")

    def one(number: int) -> None:
        with transaction.atomic():
            issuer.transfer_to(learners[number % ACCOUNTS], amount)

    def loop() -> None:
        with transaction.atomic():
            for number in range(BULK):
                issuer.transfer_to(learners[number % ACCOUNTS], amount)

    def bulk() -> None:
        with transaction.atomic():
            made = Transaction.objects.bulk_create([Transaction() for _ in range(BULK)])
            pairs = [(issuer, {"debit": amount}), (None, {"credit": amount})]
            Leg.objects.bulk_create(
                Leg(transaction=moved, account=account or learners[number % ACCOUNTS], **side)
                for number, moved in enumerate(made)
                for account, side in pairs
            )

    figures = {"hordak singly": _singly(one, seconds)}
    figures["hordak in one transaction"] = BULK / _took(loop)
    figures["hordak by bulk_create"] = BULK / _took(bulk)
    print(json.dumps(figures))


def _prepare(server: str) -> None:
    """Set Django up on a database of its own."""
    folder = parse_qs(urlsplit(server).query).get("host", [""])[0]
    with psycopg.connect(server, autocommit=True) as connection:
        is_new = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone() is None
        if is_new:
            connection.execute(f"CREATE DATABASE {DATABASE}")
    database = {"ENGINE": "django.db.backends.postgresql", "NAME": DATABASE, "USER": "postgres", "HOST": folder}
    apps = ["django.contrib.contenttypes", "django.contrib.auth", "djmoney", "mptt", "hordak"]
    settings.configure(
        DATABASES={"default": database}, INSTALLED_APPS=apps, USE_TZ=True, DEFAULT_CURRENCY="CNY",
        CURRENCIES=("CNY",), HORDAK_CURRENCIES=["CNY"], HORDAK_INTERNAL_CURRENCY="CNY",
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    )  # fmt: skip
    django.setup()
    if is_new:
        call_command("migrate", verbosity=0)


def _singly(one: Callable[[int], Any], seconds: float) -> float:
    """Return how many a second are made one after the other."""
    ends, number, began = time.monotonic() + seconds, 0, time.perf_counter()
    while time.monotonic() < ends:
        one(number)
        number += 1
    return number / (time.perf_counter() - began)


def _took(way: Callable[[], None]) -> float:
    began = time.perf_counter()
    way()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
