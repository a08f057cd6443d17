"""More planted defects: such as the database's own constraints would catch, which `planted` therefore takes away."""

import time
from contextlib import suppress
from typing import Any

from flask import Flask
from sqlalchemy import event

from creditbank.core.errors import Outdated
from creditbank.core.outcome import Record
from creditbank.services import converting, corrections
from creditbank.services.bank import Work
from creditbank.storage import outcomes as outcome_tables
from tests.drills.defects import GAP_SECONDS, application, commit_midway


def no_lock() -> Flask:
    """Lock no account, and let no key catch two postings that took the same number."""
    app = application()
    engine = app.extensions["creditbank"].database.engine

    @event.listens_for(engine, "after_cursor_execute")
    def _linger(_connection: Any, _cursor: Any, sql: str, *_more: Any) -> None:
        if "FROM account" in sql:
            time.sleep(GAP_SECONDS)

    @event.listens_for(engine, "before_cursor_execute", retval=True)
    def _unlock(_connection: Any, _cursor: Any, sql: str, parameters: Any, *_more: Any) -> tuple[str, Any]:
        return (sql.replace(" FOR UPDATE", "") if "FROM account" in sql else sql), parameters

    return app


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
