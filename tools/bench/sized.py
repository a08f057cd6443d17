"""What is asked of a bank that was filled: its bytes, some of its learners to read, and a posting on each."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from uuid import UUID

import psycopg
from sqlalchemy import text

from creditbank.core.calendar import bank_day
from creditbank.core.outcome import Kind, LearnerReference, Record
from creditbank.core.permission import Actor
from creditbank.services.access import client_token
from creditbank.services.bank import Answer, Bank, Errand, Work, carried_out
from creditbank.services.outcomes import post_records
from creditbank.services.receipts import Receipt
from creditbank.storage import passbook
from tools.bench.load import HOST
from tools.bench.scene import PORT, got

SCOPES = ("balance:read", "statement:read", "outcomes:write")

_numbers = count(1)

_SIZES = """
    SELECT relname, pg_total_relation_size(oid) / greatest(reltuples, 1), greatest(reltuples, 0) FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND reltuples >= 1000
    ORDER BY pg_total_relation_size(oid) DESC
"""

_READERS = """
    SELECT a.learner_id, c.id AS client_id FROM affiliation a JOIN LATERAL
        (SELECT id FROM client WHERE institution_id = a.institution_id ORDER BY id LIMIT 1) c ON true
    WHERE c.id LIKE 'bench-%' OR c.id LIKE 'cqou-%'
"""


@dataclass(frozen=True, slots=True)
class Reader:
    """A learner, and the client of a school that knows them, with its token."""

    learner_id: UUID
    actor: Actor
    token: str

    def get(self, path: str) -> bytes:
        """Return a GET request for something of the learner's."""
        return got(f"/v1/learners/{self.learner_id}/{path}", self.token)


def driver_url(url: str) -> str:
    """Return a database's address as the driver takes it."""
    return url.replace("postgresql+psycopg://", "postgresql://")


def bytes_by_table(url: str) -> dict[str, tuple[float, float]]:
    """Return by table the bytes of a row, with its indexes, and how many rows there are; the largest first."""
    with psycopg.connect(driver_url(url), autocommit=True) as connection:
        connection.execute("ANALYZE")
        return {name: (float(size), float(rows)) for name, size, rows in connection.execute(_SIZES)}


def readers(bank: Bank, wanted: int) -> list[Reader]:
    """Return learners drawn by chance from all over the bank."""
    with bank.database.reading() as connection:
        total = connection.execute(text("SELECT reltuples FROM pg_class WHERE relname = 'affiliation'")).scalar_one()
        share = min(100.0, 100 * 4 * wanted / max(total, 1))
        drawn = _READERS.replace("affiliation a", f"affiliation a TABLESAMPLE BERNOULLI ({share})")
        rows = connection.execute(text(f"{drawn} ORDER BY random() LIMIT {wanted}")).all()
    tokens: dict[str, tuple[Actor, str]] = {}
    for client_id in {row.client_id for row in rows}:
        member = bank.membership(client_id)
        assert member is not None, "the client was found"
        actor = Actor(client_id, frozenset(SCOPES), member.institution_id, member.code, institution_roles=member.roles)
        tokens[client_id] = (actor, client_token(bank, f"http://{HOST}:{PORT}", client_id, SCOPES))
    return [Reader(row.learner_id, *tokens[row.client_id]) for row in rows]


def post_one(bank: Bank, one: Reader) -> None:
    """Post a new record on a learner's account."""
    number = next(_numbers)
    record = Record(
        external_id=f"size-{bank_day(bank.clock())}-{bank.new_id()}",
        learner=LearnerReference(one.learner_id),
        kind=Kind.COURSE,
        title=f"课程 {number}",
        completed_on=bank_day(bank.clock()) - timedelta(days=1),
        hours_hundredths=4800,
    )

    def action(work: Work) -> Answer:
        answers = post_records(work, [record])
        assert isinstance(answers[0], Receipt), answers
        return Answer({}, is_new=True, subject="1 outcome")

    carried_out(bank, Errand(one.actor, "outcome.post"), action)


def pages_of_a_balance(bank: Bank, people: Sequence[Reader]) -> float:
    """Return how many pages of tables and indexes the balance's statement touches, on the average."""
    pages = 0
    with bank.database.reading() as connection:
        for one in people:
            values = {"learner_id": one.learner_id, "institution_id": one.actor.institution_id}
            sql, given = passbook._balances_known_to.sent(connection, values)  # noqa: SLF001 - the very statement
            told = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}", given).scalar_one()
            plan = (json.loads(told) if isinstance(told, str) else told)[0]["Plan"]
            pages += plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    return pages / len(people)
