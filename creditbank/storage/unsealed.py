"""The queue of entries that wait to be sealed: written with the entry, so that whatever is seen in it is committed."""

from collections.abc import Sequence

from sqlalchemy import Column, Connection, Integer, String, Table, Uuid

from creditbank.core.ledger import Entry
from creditbank.storage.columns import catalogue
from creditbank.storage.writing import append

unsealed_entry = Table(
    "unsealed_entry",
    catalogue,
    Column("learner_id", Uuid, primary_key=True),
    Column("scheme", String(64), primary_key=True),
    Column("seq", Integer, primary_key=True),
)


def queue(connection: Connection, entries: Sequence[Entry]) -> None:
    """Let entries wait to be sealed, in the transaction in which they are made."""
    rows = [{"learner_id": one.learner_id, "scheme": one.scheme, "seq": one.seq} for one in entries]
    append(connection, unsealed_entry, rows)
