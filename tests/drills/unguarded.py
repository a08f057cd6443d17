"""More planted defects: what is refused and done all the same, and what the database's own checks would else catch."""

from contextlib import suppress
from typing import Any

from flask import Flask
from sqlalchemy import event, text

from creditbank.core.errors import Outdated
from creditbank.core.outcome import Record
from creditbank.services import converting, corrections
from creditbank.services.bank import Work
from creditbank.storage import outcomes as outcome_tables
from tests.drills.defects import application, commit_midway

PATIENCE = "SET lock_timeout = '2s'"

NO_NUMBERS = ("ALTER TABLE entry DROP CONSTRAINT IF EXISTS entry_pkey",)

NO_BOUNDS = (
    "ALTER TABLE lot DROP CONSTRAINT IF EXISTS ck_lot_not_overspent",
    "ALTER TABLE account DROP CONSTRAINT IF EXISTS ck_account_held",
)


def _unguarded(app: Flask, statements: tuple[str, ...]) -> Flask:
    """Take guards out of the database that would catch the defect by themselves."""
    for statement in statements:
        with suppress(Exception), app.extensions["creditbank"].database.engine.begin() as connection:
            connection.execute(text(PATIENCE))
            connection.execute(text(statement))
    return app


def no_lock() -> Flask:
    """Lock no account, and let no key catch two postings that took the same number."""
    app = _unguarded(application(), NO_NUMBERS)

    @event.listens_for(app.extensions["creditbank"].database.engine, "before_cursor_execute", retval=True)
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
    app = _unguarded(application(), NO_BOUNDS)
    release = converting.release

    def released_twice(work: Work, parts: Any, decision_id: Any) -> None:
        release(work, parts, decision_id)
        release(work, parts, decision_id)

    converting.release = released_twice
    return app
