"""All that is stored of a person, read table by table as it stands, for an export that leaves nothing out."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, or_, select

from creditbank.gateways.keyring import PersonCipher
from creditbank.storage.columns import catalogue
from creditbank.storage.database import member_of
from creditbank.storage.renewing import PERSON_SEALED

OMITTED: dict[str, dict[str, str]] = {
    "learner": {"wrapped_key": "the learner's key, useless without the bank's"},
    "credential_share": {"code_hash": "a hash of the code that the link was made with"},
    "identity_case": {
        "other_id": "another one's account, where it was decided that it is another one's",
        "score_hundredths": "what a comparison with another one's account gave",
        "sealed_reason": "it speaks of two accounts, of which one may be another one's",
        "sealed_evidence": "it speaks of two accounts, of which one may be another one's",
        "opened_by": "who reported it, who may have to be protected",
    },
}
"""Columns that are left out, and why."""

SEALED = {(column.table, column.name): column for column in PERSON_SEALED}
"""Columns sealed under the learner's key; opened, each is called by its name without "sealed_"."""

OWN_COLUMNS = {
    "learner": ("id",),
    "identity_case": ("learner_id", "other_id"),
    "learner_link": ("learner_id", "into_id"),
}
"""By which columns a row belongs to a person where it isn't `learner_id` alone."""

_TIMES = ("recorded_at", "happened_at", "opened_at", "created_at", "decided_at", "requested_at", "since")
"""What rows are ordered by, whichever a table has."""


def of(
    connection: Connection, name: str, members: Sequence[UUID], ciphers: Mapping[UUID, PersonCipher]
) -> list[dict[str, Any]]:
    """Return the rows of a table that belong to a person, oldest first, sealed columns opened."""
    table = catalogue.tables[name]
    own = OWN_COLUMNS.get(name, ("learner_id",))
    theirs = or_(*(member_of(connection, table.c[column], members) for column in own))
    order = [table.c[column] for column in _TIMES if column in table.c]
    rows = connection.execute(select(table).where(theirs).order_by(*order, *table.primary_key.columns)).mappings()
    return [_opened(name, dict(row), own[0], ciphers) for row in rows]


def _opened(name: str, row: dict[str, Any], own: str, ciphers: Mapping[UUID, PersonCipher]) -> dict[str, Any]:
    """Return a row without what is omitted, and with what is sealed opened."""
    told: dict[str, Any] = {}
    for column, value in row.items():
        if column in OMITTED.get(name, {}):
            continue
        if (name, column) not in SEALED:
            told[column] = value
            continue
        sealed = SEALED[(name, column)]
        opened = None if value is None else ciphers[row[own]].opened(value, sealed.place_of(row))
        told[column.removeprefix("sealed_")] = opened
    return told
