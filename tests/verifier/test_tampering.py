"""Whatever is done to a sealed ledger is found and located, read as an export and from the database itself.

DRILL_TAMPERINGS says how many there are (`make drills`: 1,000), DRILL_SEED repeats a run.
"""

import os
from collections import Counter
from random import Random

from sqlalchemy import Connection

from tests.verifier.ledgers import Sealed, checked, checked_directly, export_of, take_guards_away
from tests.verifier.tampering import TAMPERINGS, Scene

TRIES = int(os.environ.get("DRILL_TAMPERINGS", "68"))
"""On SQLite; on PostgreSQL each kind is tried once."""


def unseen(sealed: Sealed, connection: Connection, scene: Scene, number: int) -> str | None:
    """Do one tampering, and return what is amiss with what the verifier says of it, or None; undo it."""
    tampering = TAMPERINGS[number % len(TAMPERINGS)]
    undone = connection.begin_nested()
    place = tampering(scene)
    reports = [
        checked(export_of(connection), sealed.keys, sealed.kept),
        checked_directly(connection, sealed.keys, sealed.kept),
    ]
    undone.rollback()
    for report in reports:
        if not any(place.holds(fault) for fault in report.faults):
            return f"no. {number} {tampering.__name__}: wanted {place}, found {[str(one) for one in report.faults]}"
    if reports[0].by_code != reports[1].by_code:
        return f"no. {number} {tampering.__name__}: {reports[0].by_code} in the export, {reports[1].by_code} directly"
    return None


def test_every_tampering_is_found_and_located(sealed: Sealed, seed: int) -> None:
    database, done = sealed.house.bank.database, Counter[str]()
    tries = TRIES if database.is_sqlite else len(TAMPERINGS)
    with database.reading() as connection:
        if database.is_sqlite:
            connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        connection.exec_driver_sql("BEGIN")
        take_guards_away(connection)
        missed = []
        for number in range(tries):
            scene = Scene(connection, Random(seed + number))  # noqa: S311 - no secret
            missed += [fault for fault in [unseen(sealed, connection, scene, number)] if fault]
            done[TAMPERINGS[number % len(TAMPERINGS)].__name__] += 1
        assert missed == []
        assert checked(export_of(connection), sealed.keys, sealed.kept).faults == []
        connection.exec_driver_sql("ROLLBACK")
        if database.is_sqlite:
            connection.exec_driver_sql("PRAGMA foreign_keys=ON")
    assert len(done) == len(TAMPERINGS)
    assert sum(done.values()) == tries
