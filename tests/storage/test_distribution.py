"""The schema can be spread by account: what the engine asks of keys and references is read from the catalogue."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Connection, select, text

from creditbank.cli import main
from creditbank.storage import catalogue, people
from creditbank.storage.database import Database, for_update
from creditbank.storage.distributing import Wish, steps
from creditbank.storage.distribution import DISTRIBUTED, GROUPS, LOCAL, REFERENCE, is_distributed
from creditbank.storage.locking import OWNERS_MAX, locked_rows
from creditbank.storage.migrations import APPEND_ONLY, migrate
from creditbank.storage.writing import append, replace_rows, rewrite
from tests import judge
from tests.builders import House, copied_house, new_house
from tests.conftest import postgresql_database as made_database

TABLES = "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"
UNIQUE = """
    SELECT indrelid::regclass::text, indexrelid::regclass::text,
           ARRAY(SELECT attname::text FROM unnest(indkey) AS place JOIN pg_attribute ON attrelid = indrelid
                 AND attnum = place)
    FROM pg_index WHERE indisunique AND indrelid IN (SELECT oid FROM pg_class WHERE relkind = 'r'
    AND relnamespace = 'public'::regnamespace)
"""
REFERENCES = """
    SELECT conrelid::regclass::text, confrelid::regclass::text,
           ARRAY(SELECT ARRAY[own.attname, theirs.attname]::text[] FROM unnest(conkey, confkey) AS pair (a, b)
                 JOIN pg_attribute AS own ON own.attrelid = conrelid AND own.attnum = a
                 JOIN pg_attribute AS theirs ON theirs.attrelid = confrelid AND theirs.attnum = b)
    FROM pg_constraint WHERE contype = 'f' AND connamespace = 'public'::regnamespace
"""
COLUMNS = """
    SELECT attrelid::regclass::text, attname::text, atttypid::regtype::text, attnotnull FROM pg_attribute
    WHERE attnum > 0 AND attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)
"""
SEQUENCES = "SELECT relname FROM pg_class WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace"
TRIGGERS = "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE NOT tgisinternal"
GROUP_OF = {table: number for number, group in enumerate(GROUPS) for table in group.tables}


@pytest.fixture(scope="module")
def template(postgresql_server: str) -> Iterator[str]:
    """Make a PostgreSQL database with the whole schema and no rows, and give its name."""
    with made_database(postgresql_server) as url:
        made = Database(url)
        migrate(made)
        made.close()
        yield str(made.url.database)


@pytest.fixture
def database(postgresql_server: str, template: str) -> Iterator[Database]:
    """Give a copy of that database."""
    with made_database(postgresql_server, template) as url:
        made = Database(url)
        yield made
        made.close()


def refused(connection: Connection) -> list[str]:
    """Return what the engine would refuse of a schema."""
    listed = [*DISTRIBUTED, *REFERENCE, *LOCAL]
    found = [f"{table} is not listed once" for (table,) in connection.execute(text(TABLES)) if listed.count(table) != 1]
    for table, index, columns in connection.execute(text(UNIQUE)):
        if table in DISTRIBUTED and DISTRIBUTED[table] not in columns:
            found.append(f"{index} lacks the distribution column")
    for table, other, pairs in connection.execute(text(REFERENCES)):
        found += _refused_reference(table, other, pairs)
    types = {(table, name): (kind, is_set) for table, name, kind, is_set in connection.execute(text(COLUMNS))}
    for table, column in DISTRIBUTED.items():
        founder = GROUPS[GROUP_OF[table]].founder
        if types[table, column] != (types[founder, DISTRIBUTED[founder]][0], True):
            found.append(f"{table}.{column} is of another type than its group's, or may be missing")
    found += [f"{name} orders rows across machines" for (name,) in connection.execute(text(SEQUENCES))]
    known = {(table, f"{table}_no_{event}") for table in (*APPEND_ONLY, "ruleset") for event in judge.EVENTS}
    found += [
        f"{name} is not known to be safe"
        for table, name in connection.execute(text(TRIGGERS))
        if (table, name) not in known
    ]
    return found


def _refused_reference(table: str, other: str, pairs: list[list[str]]) -> list[str]:
    if table in DISTRIBUTED and other in DISTRIBUTED:
        is_together = GROUP_OF[table] == GROUP_OF[other] and [DISTRIBUTED[table], DISTRIBUTED[other]] in pairs
    elif table in DISTRIBUTED or table in REFERENCE:
        is_together = other in REFERENCE
    else:
        is_together = other in LOCAL
    return [] if is_together else [f"{table} refers to {other}"]


def test_the_engine_would_refuse_nothing_of_the_schema(database: Database) -> None:
    with database.reading() as connection:
        assert refused(connection) == []
        there = set(connection.execute(text(TABLES)).scalars())
    assert there == {*DISTRIBUTED, *REFERENCE, *LOCAL} == {*catalogue.tables, "alembic_version"}


@pytest.mark.parametrize(
    ("planted", "said"),
    [
        ("CREATE UNIQUE INDEX planted ON entry (id)", "planted lacks"),
        ("ALTER TABLE lot ADD CONSTRAINT planted UNIQUE (outcome_id)", "planted lacks"),
        ("CREATE TABLE planted (id uuid PRIMARY KEY)", "planted is not listed"),
        ("CREATE TABLE planted (learner_id uuid, id bigserial)", "planted_id_seq orders"),
        ("ALTER TABLE consent ADD FOREIGN KEY (institution_id) REFERENCES learner (id)", "consent refers to learner"),
        ("ALTER TABLE outcome_key ADD FOREIGN KEY (learner_id) REFERENCES learner (id)", "outcome_key refers to"),
        ("ALTER TABLE staff ADD FOREIGN KEY (id) REFERENCES learner (id)", "staff refers to learner"),
        ("ALTER TABLE link_code ADD FOREIGN KEY (institution_id) REFERENCES institution (id)", "link_code refers to"),
        ("ALTER TABLE audit ALTER COLUMN id TYPE text, ALTER COLUMN actor TYPE text", ""),
        ("ALTER TABLE learner_login DROP CONSTRAINT fk_learner_login_learner_id, ALTER COLUMN learner_id TYPE text",
         "learner_login.learner_id is of another type"),
        ("CREATE TRIGGER planted BEFORE INSERT ON lot FOR EACH ROW EXECUTE FUNCTION refuse_change()", "planted is not"),
    ],
)  # fmt: skip
def test_a_schema_that_the_engine_would_refuse_is_found(database: Database, planted: str, said: str) -> None:
    with database.engine.connect() as connection, connection.begin() as transaction:
        connection.execute(text(planted))
        found = refused(connection)
        assert [one for one in found if one.startswith(said)] if said else found == []
        transaction.rollback()


def test_a_table_stands_behind_those_that_it_refers_to(database: Database) -> None:
    order = [*REFERENCE, *DISTRIBUTED]
    with database.reading() as connection:
        for table, other, _ in connection.execute(text(REFERENCES)):
            if table in order and table != other:
                assert order.index(other) < order.index(table), (table, other)


CALL = re.compile(r"SELECT create_(reference|distributed)_table\('(\w+)'(?:, '(\w+)', colocate_with => '(\w+)')?\)")


def test_every_table_is_spread_once_by_a_column_that_it_has(database: Database) -> None:
    with database.reading() as connection:
        made = [match.groups() for one in steps(connection, Wish()) for match in [CALL.fullmatch(one)] if match]
        columns = {(table, name) for table, name, *_ in connection.execute(text(COLUMNS))}
        there = set(connection.execute(text(TABLES)).scalars())
    assert sorted(table for _, table, *_ in made) == sorted(there - LOCAL.keys())
    for kind, table, column, together in made:
        assert (kind == "reference") == (table in REFERENCE)
        assert kind == "reference" or (table, column) in columns
        founder = GROUPS[GROUP_OF[table]].founder if table in GROUP_OF else None
        assert together == (None if founder is None else "none" if founder == table else founder)


STAND_IN = """
    CREATE TABLE calls (number serial, said text);
    CREATE TABLE pg_dist_node (groupid int);
    CREATE TABLE pg_dist_partition (logicalrelid regclass PRIMARY KEY, partmethod char);
    CREATE FUNCTION create_reference_table(t regclass) RETURNS void LANGUAGE sql AS
        $$ INSERT INTO pg_dist_partition VALUES (t, 'n') $$;
    CREATE FUNCTION create_distributed_table(t regclass, c text, colocate_with text, shard_count int DEFAULT 32)
        RETURNS void LANGUAGE sql AS $$ INSERT INTO pg_dist_partition VALUES (t, 'h') $$;
    CREATE FUNCTION truncate_local_data_after_distributing_table(t regclass) RETURNS void LANGUAGE sql AS
        $$ INSERT INTO calls (said) VALUES (t::text) $$;
    CREATE FUNCTION citus_set_coordinator_host(h text, p int) RETURNS void LANGUAGE sql AS
        $$ INSERT INTO pg_dist_node VALUES (0) $$;
"""
"""What is asked of the engine, by functions that only note that they were called."""

SHAPE = """
    SELECT conrelid::regclass::text, conname::text, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'f'
    UNION ALL
    SELECT tgrelid::regclass::text, tgname::text, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
    ORDER BY 1, 2
"""


@pytest.fixture
def console(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Give the command on the database."""
    monkeypatch.setenv("CREDITBANK_DATABASE_URL", database.url.render_as_string(hide_password=False))
    monkeypatch.setenv("CREDITBANK_KEYRING", str(tmp_path / "keyring.json"))
    return lambda *arguments: CliRunner().invoke(main, ["db", "distribute", *arguments])


def _executed(database: Database, sql: str) -> None:
    with psycopg.connect(database.url.render_as_string(hide_password=False).replace("+psycopg", "")) as connection:
        connection.execute(sql)


def _shape(database: Database) -> list[tuple[str, ...]]:
    with database.reading() as connection:
        return [tuple(row) for row in connection.execute(text(SHAPE))]


def test_without_the_engine_the_command_says_what_it_would_do(
    console: Callable[..., Result], database: Database
) -> None:
    before = _shape(database)
    said = console("--dry-run")
    assert said.exit_code == 1
    assert "SELECT create_distributed_table('learner', 'id', colocate_with => 'none');" in said.output
    assert "citus is not there" in said.output
    refusal = console()
    assert refusal.exit_code == 1
    assert "nothing is done: the extension citus is not there" in refusal.output
    assert _shape(database) == before


def test_the_command_spreads_tables_and_leaves_references_and_triggers_as_they_were(
    console: Callable[..., Result], database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("creditbank.storage.distributing._ENGINE", "SELECT '13.2'")
    _executed(database, STAND_IN)
    before = _shape(database)
    assert "there are no workers" in console().output
    _executed(database, "INSERT INTO pg_dist_node VALUES (1), (2)")
    assert "don't know this machine" in console().output
    _executed(database, "INSERT INTO scheme VALUES ('a', 'a', 'a', 100, 45, 10, 'down')")
    done = console("--coordinator", "one.example:5433", "--shards", "8")
    assert done.exit_code == 0, done.output
    assert "SELECT citus_set_coordinator_host('one.example', 5433);" in done.output
    assert "colocate_with => 'none', shard_count => 8" in done.output
    assert _shape(database) == before
    later = Database(database.url.render_as_string(hide_password=False))
    with later.reading() as connection:
        assert is_distributed(connection)
        assert connection.execute(text("SELECT said FROM calls ORDER BY number")).scalars().all() == ["scheme"]
        assert set(connection.execute(text("SELECT logicalrelid::text FROM pg_dist_partition")).scalars()) == {
            *DISTRIBUTED,
            *REFERENCE,
        }
    later.close()
    again = console()
    assert (again.exit_code, "all tables are spread already" in again.output) == (0, True)


@contextmanager
def spread(url: str) -> Iterator[Database]:
    """Give a database that believes its tables to be spread."""
    judge.stand_in(url)
    judge.sit()
    made = Database(url)
    try:
        with made.reading() as connection:
            assert is_distributed(connection)
        yield made
    finally:
        made.close()


def _learners(database: Database, many: int) -> list[UUID]:
    ids = sorted(uuid4() for _ in range(many))
    row = {"account_no": "1", "status": "active", "wrapped_key": b"w", "sealed_name": b"n"}
    with database.transaction() as connection:
        now = connection.execute(text("SELECT now()")).scalar_one()
        rows = [{"id": one, "created_at": now} | row for one in ids]
        append(connection, catalogue.tables["learner"], rows)
    return ids


@pytest.mark.parametrize("many", [1, 3, OWNERS_MAX, OWNERS_MAX + 1])
def test_rows_of_many_owners_are_locked_until_the_end(database: Database, many: int) -> None:
    ids = _learners(database, many)
    url = database.url.render_as_string(hide_password=False)
    with spread(url) as there:
        with there.transaction() as connection:
            held = people.locked_whole(connection, ids)
            assert sorted(held) == ids
            with psycopg.connect(url.replace("+psycopg", "")) as other:
                free = other.execute("SELECT id FROM learner FOR UPDATE SKIP LOCKED").fetchall()
                assert free == []
        with psycopg.connect(url.replace("+psycopg", "")) as other:
            assert len(other.execute("SELECT id FROM learner FOR UPDATE SKIP LOCKED").fetchall()) == many


@pytest.mark.parametrize("many", [2, OWNERS_MAX + 1])
def test_what_is_locked_is_what_stands_when_it_is_locked(database: Database, many: int) -> None:
    ids = _learners(database, many)
    learner = catalogue.tables["learner"]
    with spread(database.url.render_as_string(hide_password=False)) as there:
        seen: list[str] = []
        with there.transaction() as first:
            first.execute(learner.update().where(learner.c.id == ids[-1]).values(status="conflict"))

            def wait() -> None:
                query = select(learner.c.id, learner.c.status).order_by(learner.c.id)
                with there.transaction() as second:
                    seen.extend(row.status for row in locked_rows(second, query, for_update))

            waiting = threading.Thread(target=wait)
            waiting.start()
            time.sleep(0.3)
            assert seen == []
        waiting.join()
        assert seen == ["active"] * (many - 1) + ["conflict"]


def test_rows_are_rewritten_whole_and_in_part(database: Database) -> None:
    ids = _learners(database, 3)
    learner, use = catalogue.tables["learner"], catalogue.tables["account"]
    with spread(database.url.render_as_string(hide_password=False)) as there, there.transaction() as connection:
        rewrite(connection, learner, [{"id": one, "account_no": str(number)} for number, one in enumerate(ids)])
        empty = dict.fromkeys(
            ("recognised_hundredths", "held_hundredths", "converted_hundredths", "available_hundredths"), 0
        )
        rows = [
            empty | {"learner_id": one, "scheme": "a", "seq": 0, "recorded_at": None, "chain_hash": b""} for one in ids
        ]
        replace_rows(connection, use, rows)
        rewrite(connection, use, [row | {"seq": 7} for row in rows])
        numbers = connection.execute(select(learner.c.account_no).order_by(learner.c.id)).scalars().all()
        assert numbers == ["0", "1", "2"]
        assert connection.execute(select(use.c.seq)).scalars().all() == [7, 7, 7]


REFUSED = (
    "SELECT * FROM outcome WHERE id = $1 FOR UPDATE",
    "SELECT * FROM account WHERE learner_id = ANY ($1) FOR UPDATE",
    "SELECT * FROM outcome_claim JOIN outcome ON outcome.id = outcome_claim.outcome_id WHERE claim = $1",
    "SELECT * FROM lot JOIN entry ON entry.lot_id = lot.id",
    "SELECT * FROM identity_case JOIN learner ON learner.id = identity_case.learner_id",
    "SELECT * FROM identity_case WHERE EXISTS (SELECT FROM learner WHERE learner.id = identity_case.learner_id)",
    "SELECT * FROM outcome WHERE EXISTS (SELECT FROM learner WHERE learner.root_id = outcome.learner_id)",
    (
        "SELECT (SELECT content FROM outcome_revision WHERE outcome_revision.learner_id = outcome.learner_id"
        " ORDER BY revision LIMIT 1) FROM outcome"
    ),
    "WITH w0 AS (INSERT INTO lot (learner_id) VALUES ($1)) INSERT INTO entry (learner_id) VALUES ($2)",
    "WITH RECURSIVE a AS (SELECT id FROM learner UNION SELECT root_id FROM learner, a) SELECT * FROM a, learner",
    "UPDATE account SET seq = new.seq FROM unnest($1, $2) AS new (id, seq) WHERE account.learner_id = new.id",
    "UPDATE account SET learner_id = $1 WHERE learner_id = $2",
    "DELETE FROM outcome_claim WHERE claim IN (SELECT claim FROM outcome_claim LIMIT 5)",
    "DELETE FROM identity_reason WHERE case_id IN (SELECT id FROM learner)",
    "INSERT INTO lot (id) VALUES ($1)",
    "INSERT INTO lot (learner_id, id) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING",
)
TAKEN = (
    "SELECT * FROM account WHERE account.learner_id = $1::uuid FOR UPDATE",
    "SELECT * FROM account WHERE learner_id = ANY ($1)",
    "SELECT * FROM lot JOIN entry ON entry.learner_id = lot.learner_id AND entry.lot_id = lot.id",
    (
        "SELECT * FROM learner LEFT JOIN affiliation ON affiliation.learner_id = learner.id AND institution_id = $1"
        " WHERE learner.id = $2 FOR KEY SHARE OF learner"
    ),
    (
        "SELECT * FROM correction_request WHERE NOT EXISTS"
        " (SELECT FROM learner WHERE learner.id = correction_request.learner_id AND erased_at IS NOT NULL)"
    ),
    "UPDATE account SET seq = account.seq WHERE learner_id = ANY ($1) RETURNING learner_id",
    (
        "INSERT INTO lot (learner_id, id) SELECT * FROM unnest($1, $2) ON CONFLICT (learner_id, id) DO UPDATE"
        " SET scheme = excluded.scheme"
    ),
    "DELETE FROM identity_reason WHERE case_id IN (SELECT id FROM identity_case)",
    "SELECT * FROM region FOR UPDATE",
)


@pytest.mark.parametrize("statement", REFUSED)
def test_a_statement_that_the_engine_refuses_is_found(statement: str) -> None:
    assert judge.faults(statement)


@pytest.mark.parametrize("statement", TAKEN)
def test_a_statement_that_the_engine_takes_is_left_alone(statement: str) -> None:
    assert judge.faults(statement) == []


def test_no_statement_on_the_way_of_a_record_would_be_refused(postgresql_url: str, tmp_path: Path) -> None:
    new_house(postgresql_url, tmp_path).bank.database.close()
    judge.preside(postgresql_url)
    house = copied_house(postgresql_url, tmp_path)
    _walk(house)
    house.bank.database.close()


def _walk(house: House) -> None:
    learner = house.open_learner()
    recorded = house.post_outcome(learner["id"])
    assert recorded["recognition"]["credits"] == "3.00"
    revoked = house.http.post(f"/v1/outcomes/{recorded['id']}/revoke", json={"reason": "x"}, headers=house.auth())
    assert revoked.status_code == 200, revoked.get_data(as_text=True)
    balance = house.balance(learner["id"])[recorded["recognition"]["scheme"]]
    assert balance["available"] == "0.00"
    house.bank.database.close()
