"""More planted defects: such as the database's own constraints would catch, which `planted` therefore takes away."""

import time
from contextlib import suppress
from typing import Any

from flask import Flask
from sqlalchemy import Connection

from creditbank.core.errors import Outdated
from creditbank.core.outcome import Record
from creditbank.services import converting, corrections
from creditbank.services.bank import Work
from creditbank.storage import outcomes as outcome_tables
from creditbank.storage import writing
from tests.drills.defects import GAP_SECONDS, application, commit_midway


def no_lock() -> Flask:
    """Lock no account, and let no key catch two postings that took the same number."""
    by_driver = writing.sent

    def unlocked(connection: Connection, cursor: Any, sql: str, parameters: Any, **how: Any) -> Any:
        if "FROM account" not in sql or " FOR UPDATE" not in sql:
            return by_driver(connection, cursor, sql, parameters, **how)
        found = by_driver(connection, cursor, sql.replace(" FOR UPDATE", ""), parameters, **how)
        time.sleep(GAP_SECONDS)
        return found

    writing.sent = unlocked
    return application()


def effect_of_refused() -> Flask:
    """Refuse a correction of an older revision, and carry it out all the same."""
    correct = corrections.correct

    def corrected(work: Work, outcome_id: Any, seen_revision: int, record: Record) -> Any:
        try:
            return correct(work, outcome_id, seen_revision, record)
        except Outdated:
            head = outcome_tables.by_id(work.connection, outcome_id)
            assert head is not None, "it was found outdated"
            correct(work, outcome_id, head.revision, record)
            commit_midway(work.connection)
            raise

    corrections.correct = corrected
    return application()


def double_release() -> Flask:
    """Release a hold twice, where nothing in the database stands in the way."""
    app = application()
    release = converting.release

    def released_twice(work: Work, parts: Any, decision_id: Any) -> None:
        release(work, parts, decision_id)
        with suppress(AssertionError):  # where nothing else is held the arithmetic refuses it
            release(work, parts, decision_id)

    converting.release = released_twice
    return app
