"""Planted defects: applications of the bank, each with one promise broken, which a drill has to catch.

Each function makes an application for the server, `tests.drills.defects:NAME`; the process is the defect's alone.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from threading import Thread, local
from typing import Any

from flask import Flask
from sqlalchemy import Connection, event

from creditbank.api import batches
from creditbank.app import create_app
from creditbank.config import settings_from_environment
from creditbank.core.outcome import Record
from creditbank.opening import create_bank
from creditbank.services import bank as services
from creditbank.services import outcomes, statements
from creditbank.services.bank import Answer, Bank, Errand, Work
from creditbank.storage import kept_answers, ledger, outcome_claims
from creditbank.storage import outcomes as outcome_tables
from creditbank.storage.database import Database, Raced, Unavailable
from creditbank.storage.writing import append_missing, send_deferred
from tests.drills import late_keys

GAP_SECONDS = 0.03
"""Between two steps that belong together: wide enough to be hit by a drill, narrow enough to escape other tests."""

LATE_SECONDS = 0.15
"""How long an answer runs ahead of its commit."""

STALE_SECONDS = 1.0
"""How long a balance is shown as it was."""


def application(database: Callable[..., Database] = Database) -> Flask:
    """Return the application of the environment, on a database of a kind."""
    settings = settings_from_environment()
    opened = database(settings.database_url, pool_size=settings.pool_size)
    return create_app(settings, replace(create_bank(settings), database=opened))


def no_key() -> Flask:
    """Keep no answers under idempotency keys: a repeat is worked on anew."""
    for name in ("claim", "keep", "forget"):
        assert hasattr(kept_answers, name), "the defect is planted where keys are claimed"
        setattr(kept_answers, name, lambda *_: None)
    kept_answers.by_key = lambda *_: None
    return application()


def half_commit() -> Flask:
    """Commit an outcome, and what brings its credits after it."""
    book = outcomes.book

    def booked_later(work: Work, settlement: Any, write_heads: Callable[[], None]) -> None:
        def committed() -> None:
            write_heads()
            commit_midway(work.connection)

        book(work, settlement, committed)

    outcomes.book = booked_later
    return application()


def late_idempotency() -> Flask:
    """Write what tells a repeat from a new record in a second transaction."""
    return late_keys.create_defective_app()


def no_sync() -> Flask:
    """Answer before a commit is on the disk."""
    app = application()

    @event.listens_for(app.extensions["creditbank"].database.engine, "connect")
    def _hurry(connection: Any, _record: object) -> None:
        connection.execute("SET synchronous_commit = off")
        connection.commit()

    return app


class _EarlyDatabase(Database):
    """A database whose transactions are over for the caller before they are committed."""

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Give a transaction and commit it a moment after everybody was told that it is."""
        connection = self.engine.connect()
        transaction = connection.begin()
        try:
            yield connection
        except BaseException:
            connection.close()
            raise

        def commit() -> None:
            time.sleep(LATE_SECONDS)
            with suppress(Exception):
                transaction.commit()
            connection.close()

        Thread(target=commit).start()


def answer_before_commit() -> Flask:
    """Answer first, commit a moment later."""
    return application(_EarlyDatabase)


_again = local()


def doubling_retry() -> Flask:
    """Run a transaction again whose commit got no reply, by what was known before it."""
    transaction, recorded, holders = Database.transaction, outcome_tables.recorded, outcome_claims.holders
    post, append = outcomes.post_records, outcome_tables.append

    def appended(connection: Connection, table: Any, rows: Sequence[Any]) -> None:
        is_known = getattr(_again, "is_now", False) and table.name in late_keys.LATE_TABLES
        (append_missing if is_known else append)(connection, table, rows)

    def unless_again(query: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *asked: {} if getattr(_again, "is_now", False) else query(*asked)

    outcome_tables.recorded, outcome_claims.holders = unless_again(recorded), unless_again(holders)
    outcome_tables.append = outcome_claims.append = appended
    carried_out = services.carried_out

    def again(bank: Bank, errand: Errand, action: Callable[[Work], Answer]) -> Answer:
        try:
            return carried_out(bank, replace(errand, key=None), action)
        except services.TryLater as refusal:
            if not isinstance(refusal.__cause__, Unavailable):
                raise
            _again.is_now = True
            try:
                return carried_out(bank, replace(errand, key=None), action)
            finally:
                _again.is_now = False

    assert transaction is Database.transaction, "the commit is the sound one"
    assert post is outcomes.post_records, "so is the posting"
    services.carried_out = batches.carried_out = again
    return application()


def lost_update() -> Flask:
    """Write balances from what stood on the account before it was locked."""
    locked = ledger.locked

    def stale(connection: Connection, postings: Sequence[ledger.Posting]) -> ledger.Standings:
        before = {(one.learner_id, one.scheme): one for one in _unlocked(connection, postings)}
        time.sleep(GAP_SECONDS)
        return {
            key: replace(one, recognised_hundredths=before[key].recognised_hundredths) if key in before else one
            for key, one in locked(connection, postings).items()
        }

    ledger.locked = stale
    return application()


def _unlocked(connection: Connection, postings: Sequence[ledger.Posting]) -> list[Any]:
    learners = {posting.lot.learner_id for posting in postings}
    query = ledger.account.select().where(ledger.account.c.learner_id.in_(learners))
    return [ledger._standing(row) for row in connection.execute(query)]  # noqa: SLF001 - as above


def dropped_row() -> Flask:
    """Leave out a row of larger batches, and answer it as if it stood."""
    post = outcomes.post_records

    def posted(work: Work, records: Sequence[Record]) -> Any:
        if len(records) < 5:
            return post(work, records)
        answers = post(work, records[:-1])
        like = next((one for one in answers if isinstance(one, outcomes.Receipt)), None)
        if like is None:
            return [*answers, *post(work, records[-1:])]
        head = replace(like.head, id=work.new_id(), external_id=records[-1].external_id)
        return [*answers, replace(like, head=replace(head, learner_id=records[-1].learner.id))]

    outcomes.post_records = posted
    return application()


def replay_with_effect() -> Flask:
    """Record a repeat as something new, under a name that nobody gave it."""
    post = outcomes.post_records

    def posted(work: Work, records: Sequence[Record]) -> Any:
        answers = post(work, records)
        for record, answer in zip(records, answers, strict=True):
            if isinstance(answer, outcomes.Receipt) and not answer.is_new:
                name = f"{record.external_id}~{work.new_id()}"
                post(work, [replace(record, external_id=name, title=name)])
        return answers

    outcomes.post_records = posted
    return application()


def stale_reads() -> Flask:
    """Show balances as they were a moment ago."""
    balance, kept = statements.balance, {}

    def shown(work: Work, learner_id: Any, as_of: Any, known_at: Any) -> Any:
        at, found = kept.get(learner_id, (0.0, None))
        if time.monotonic() - at > STALE_SECONDS:
            at, found = time.monotonic(), balance(work, learner_id, as_of, known_at)
            kept[learner_id] = at, found
        return found

    statements.balance = shown
    return application()


def commit_midway(connection: Connection) -> None:
    """Commit what was written so far in the middle of a transaction, and linger."""
    send_deferred(connection)
    driver: Any = connection.connection.dbapi_connection
    driver.commit()
    time.sleep(GAP_SECONDS)


class _HopefulDatabase(Database):
    """A database that takes every commit for granted."""

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Give a transaction, and say nothing where it fails after all is worked out."""
        is_worked_out = False
        try:
            with super().transaction() as connection:
                yield connection
                is_worked_out = True
                time.sleep(GAP_SECONDS)
        except (Raced, Unavailable):
            if not is_worked_out:
                raise


def swallowed_rollback() -> Flask:
    """Answer what was worked out, also where the database rolled it back."""
    return application(_HopefulDatabase)
