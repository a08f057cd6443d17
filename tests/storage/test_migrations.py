"""The schema's history: up, down and up again on both engines, and in the end exactly what the catalogue says."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import CheckConstraint, MetaData, inspect, select, text
from sqlalchemy.engine.interfaces import ReflectedCheckConstraint
from sqlalchemy.exc import IntegrityError
from sqlalchemy.schema import CreateSchema

from creditbank.storage import catalogue
from creditbank.storage.database import Database
from creditbank.storage.migrations import APPEND_ONLY, SCRIPTS, configuration, is_current, migrate, suits

REVISIONS = [script.revision for script in ScriptDirectory(str(SCRIPTS)).walk_revisions()]
"""Every revision, newest first."""


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """Give an empty database, once on each engine."""
    made = Database(database_url)
    yield made
    made.close()


def _tables(database: Database) -> set[str]:
    return set(inspect(database.engine).get_table_names()) - {"alembic_version"}


def _guards(database: Database) -> set[str]:
    """Return the triggers of the schema by name."""
    on_sqlite = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    on_postgresql = "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
    with database.reading() as connection:
        return set(connection.execute(text(on_sqlite if database.is_sqlite else on_postgresql)).scalars())


def _checks(database: Database) -> dict[str, dict[str | None, str]]:
    """Return the constraints of every table by name."""
    inspector = inspect(database.engine)
    return {name: _texts(inspector.get_check_constraints(name)) for name in _tables(database)}


def _functions(database: Database) -> set[str]:
    """Return the functions of the schema, which only PostgreSQL has."""
    if database.is_sqlite:
        return set()
    query = "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
    with database.reading() as connection:
        return set(connection.execute(text(query)).scalars())


def test_a_schema_is_current_only_after_the_last_migration(database: Database) -> None:
    assert not is_current(database)
    for revision in reversed(REVISIONS):
        assert not is_current(database)
        migrate(database, revision)
    assert is_current(database)


def test_a_version_works_with_its_own_schema_and_a_newer_one_and_not_with_an_older(database: Database) -> None:
    """Two versions run on one database while one takes the other's place."""
    assert not suits(database)
    migrate(database, REVISIONS[1])
    assert not suits(database)
    migrate(database)
    assert suits(database)
    with database.transaction() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert suits(database)


def test_migrating_twice_changes_nothing(database: Database) -> None:
    migrate(database)
    before = (_tables(database), _guards(database), _functions(database))
    migrate(database)
    assert (_tables(database), _guards(database), _functions(database)) == before


def test_the_schema_goes_down_to_nothing_and_up_again(database: Database) -> None:
    migrate(database)
    up = (_tables(database), _guards(database), _functions(database))
    command.downgrade(configuration(database), "base")
    assert (_tables(database), _guards(database), _functions(database)) == (set(), set(), set())
    assert not is_current(database)
    migrate(database)
    assert (_tables(database), _guards(database), _functions(database)) == up


def test_every_single_migration_goes_down_and_up(database: Database) -> None:
    migrate(database)
    for _ in REVISIONS:
        before = (_tables(database), _guards(database), _checks(database))
        command.downgrade(configuration(database), "-1")
        assert (_tables(database), _guards(database), _checks(database)) != before
        migrate(database, "+1")
        assert (_tables(database), _guards(database), _checks(database)) == before
        command.downgrade(configuration(database), "-1")


def test_the_migrated_schema_is_the_catalogue(database: Database) -> None:
    migrate(database)
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, catalogue) == []


def test_every_check_of_the_catalogue_is_in_the_schema_and_no_other(database: Database) -> None:
    migrate(database)
    inspector = inspect(database.engine)
    for table in catalogue.tables.values():
        meant = {str(one.name) for one in table.constraints if isinstance(one, CheckConstraint)}
        assert {one["name"] for one in inspector.get_check_constraints(table.name)} == meant


def test_every_check_in_the_schema_says_what_the_catalogue_says(database: Database, tmp_path: Path) -> None:
    migrate(database)
    there = inspect(database.engine)
    meant = Database(f"sqlite:///{tmp_path / 'meant.sqlite3'}") if database.is_sqlite else database
    schema = None if database.is_sqlite else "meant"
    with meant.engine.connect() as connection, connection.begin():
        if schema:
            connection.execute(CreateSchema(schema))
        catalogue.create_all(connection.execution_options(schema_translate_map={None: schema}))
        inspector = inspect(connection)
        for name in catalogue.tables:
            expected = inspector.get_check_constraints(name, schema=schema)
            assert _texts(there.get_check_constraints(name)) == _texts(expected), name
    meant.close()


def test_keys_and_indexes_are_those_of_the_catalogue(database: Database) -> None:
    migrate(database)
    inspector = inspect(database.engine)
    for table in catalogue.tables.values():
        key = inspector.get_pk_constraint(table.name)
        assert key["constrained_columns"] == [column.name for column in table.primary_key], table.name
        assert key["name"] == table.primary_key.name
        meant = {tuple(key.column_keys) for key in table.foreign_key_constraints}
        assert {tuple(found["constrained_columns"]) for found in inspector.get_foreign_keys(table.name)} == meant


def test_every_table_that_is_written_once_is_guarded(database: Database) -> None:
    migrate(database)
    events = ("update", "delete") if database.is_sqlite else ("update", "delete", "truncate")
    assert _guards(database) == {f"{table}_no_{event}" for table in (*APPEND_ONLY, "ruleset") for event in events}


def _texts(found: Iterable[ReflectedCheckConstraint]) -> dict[str | None, str]:
    """Return constraints' texts by name, blanks evened out."""
    return {one["name"]: " ".join(one["sqltext"].split()) for one in found}


def test_certificate_numbers_and_claims_survive_the_way_to_keys_that_rotate_and_back(database: Database) -> None:
    migrate(database, "0005")
    learner, outcome = uuid4(), uuid4()
    at = datetime(2026, 7, 1, tzinfo=UTC)
    before = MetaData()
    before.reflect(database.engine)
    rows: dict[str, dict[str, Any]] = {
        "learner": {"id": learner, "account_no": "1", "status": "active", "wrapped_key": b"w", "sealed_name": b"n"},
        "outcome": {"learner_id": learner, "id": outcome, "institution_id": uuid4(), "external_id": "x", "revision": 2}
        | {"status": "recorded", "kind": "course", "completed_on": at.date()},
        "outcome_revision": {"learner_id": learner, "outcome_id": outcome, "revision": 1, "content": "{}", "actor": "a"}
        | {"content_mac": b"m", "sealed_certificate_no": b"sealed", "applied_on": at.date()},
        "outcome_claim": {"claim": b"c", "learner_id": learner, "outcome_id": outcome},
        "kept_answer": {"client_id": "a", "key": "k", "request_digest": b"d", "sealed_answer": b"s"},
    }
    with database.engine.connect() as connection, connection.begin():
        for name, row in rows.items():
            times = {one: at for one in ("created_at", "recorded_at") if one in before.tables[name].c}
            connection.execute(before.tables[name].insert().values(_as_stored(database, row | times)))
        second = rows["outcome_revision"] | {"revision": 2, "sealed_certificate_no": None, "recorded_at": at}
        connection.execute(before.tables["outcome_revision"].insert().values(_as_stored(database, second)))
    migrate(database)
    with database.reading() as connection:
        numbers = connection.execute(select(catalogue.tables["certificate"])).all()
        assert [(row.learner_id, row.outcome_id, row.revision, row.sealed_number) for row in numbers] == [
            (learner, outcome, 1, b"sealed")
        ]
        assert connection.execute(text("SELECT key_id FROM outcome_claim")).scalar_one() == "unnamed"
        assert connection.execute(text("SELECT sealed_answer FROM kept_answer")).scalar_one() == b"s"
    with pytest.raises(IntegrityError), database.engine.connect() as connection, connection.begin():
        connection.execute(text("UPDATE outcome_revision SET content = 'x'"))
    command.downgrade(configuration(database), "0005")
    with database.reading() as connection:
        query = text("SELECT revision, sealed_certificate_no, content_mac FROM outcome_revision ORDER BY revision")
        assert [tuple(row) for row in connection.execute(query)] == [(1, b"sealed", b""), (2, None, b"")]
    with pytest.raises(IntegrityError), database.engine.connect() as connection, connection.begin():
        connection.execute(text("UPDATE outcome_revision SET content = 'x'"))


def test_credentials_of_other_kinds_and_their_links_survive_the_way_to_those_of_awards_and_back(
    database: Database,
) -> None:
    migrate(database, "0015")
    learner, at = uuid4(), datetime(2026, 7, 1, tzinfo=UTC)
    person = {"id": learner, "account_no": "1", "status": "active", "wrapped_key": b"w", "sealed_name": b"n"}
    tables = catalogue.tables
    before = MetaData()
    before.reflect(database.engine, only=["learner"])

    def hold(kind: str, number: int) -> None:
        """Write a credential of a kind with a link to it."""
        row = {"learner_id": learner, "id": UUID(int=number), "kind": kind, "source_id": uuid4(), "issued_by": "a"}
        place = {"status_pair": 1, "status_index": number, "standing": "valid", "sealed_document": b"d"}
        link = {"learner_id": learner, "id": uuid4(), "credential_id": UUID(int=number), "code_hash": bytes(32)}
        shown = {"details": "credits", "made_at": at, "valid_until": at.date()}
        with database.engine.connect() as connection, connection.begin():
            times = {"issued_at": at, "standing_since": at}
            connection.execute(tables["credential"].insert().values(row | place | times))
            connection.execute(tables["credential_share"].insert().values(link | shown))

    def held() -> list[tuple[str, int]]:
        """Return which kinds there are, each with the number of its links."""
        query = "SELECT kind, count(*) FROM credential JOIN credential_share ON credential_id = credential.id"
        with database.reading() as connection:
            found = connection.execute(text(f"{query} GROUP BY kind ORDER BY kind"))
            return [(row[0], row[1]) for row in found]

    with database.engine.connect() as connection, connection.begin():
        connection.execute(before.tables["learner"].insert().values(_as_stored(database, person | {"created_at": at})))
    hold("outcome", 1)
    with pytest.raises(IntegrityError):
        hold("qualification", 2)
    migrate(database, "0016")
    hold("qualification", 2)
    with pytest.raises(IntegrityError):
        hold("whim", 3)
    assert held() == [("outcome", 1), ("qualification", 1)]
    command.downgrade(configuration(database), "0015")
    assert held() == [("outcome", 1)]
    with pytest.raises(IntegrityError):
        hold("qualification", 2)


def _as_stored(database: Database, row: dict[str, Any]) -> dict[str, Any]:
    """Return values as a reflected table takes them: SQLite's knows no UUIDs and no zones."""
    if not database.is_sqlite:
        return row
    return {
        name: value.hex
        if isinstance(value, UUID)
        else value.replace(tzinfo=None)
        if isinstance(value, datetime)
        else value
        for name, value in row.items()
    }
