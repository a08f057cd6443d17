"""Erasure: what of a person is destroyed, what stays without a name, table by table."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Connection, Table, delete, or_, select, update

from creditbank.storage.columns import catalogue
from creditbank.storage.database import member_of

DELETED = (
    *("identifier_index", "identifier", "outcome_claim", "affiliation", "certificate", "likeness_index"),
    *("learner_login", "link_code", "credential_share"),
)
"""Tables whose rows about the person go."""

DELETED_BESIDE = ("login_index", "identity_reason")
"""Tables without a learner's id whose rows about the person go: which logins are theirs, why cases were decided."""

EMPTIED: dict[str, dict[str, Any]] = {
    "learner": {"account_no": "", "wrapped_key": b"", "sealed_name": b"", "sealed_birth_date": None},
    "credential": {"sealed_document": b"", "sealed_reason": None},
    "correction_request": {"sealed_says": b"", "sealed_wants": b"", "sealed_reason": None},
    "erasure_request": {"sealed_reason": None, "sealed_verdict_reason": None},
    "guardianship": {"sealed_evidence": b""},
    "identity_case": {"sealed_reason": None, "sealed_evidence": None},
    "identity_history": {"sealed_before": None, "sealed_reason": b""},
    "proxy_session": {"sealed_reason": b""},
}
"""Tables whose rows stay, with what each column holds afterwards."""

STAYS = {
    "access_log": "who read what of a pseudonym",
    "account": "the ledger",
    "consent": "what was consented to, by pseudonym",
    "consent_withdrawal": "what was taken back, by pseudonym",
    "conversion": "a decision by pseudonym",
    "conversion_case": "a decision by pseudonym",
    "conversion_claim": "what keeps one use to one, by pseudonym",
    "conversion_event": "who decided, by pseudonym",
    "conversion_part": "a decision by pseudonym",
    "conversion_reader": "which institutions had a part",
    "decision": "the reasons of the ledger, by pseudonym",
    "entry": "the ledger",
    "learner_link": "which pseudonyms were one person",
    "log_leaf": "where the ledger's entries stand in the log, by pseudonym",
    "event": "what happened to a pseudonym in the last month",
    "lot": "the ledger",
    "outcome": "what institutions recorded, by pseudonym",
    "outcome_key": "keeps a record from being taken twice",
    "outcome_revision": "what institutions recorded, by pseudonym",
    "qualification_award": "a decision by pseudonym",
    "qualification_case": "a decision by pseudonym",
    "qualification_decision": "the reasons of awards, by pseudonym",
    "qualification_event": "who decided, by pseudonym",
    "qualification_source": "which outcomes a decision rests on, by pseudonym",
    "webhook_delivery": "to whom events of the last month were sent, by pseudonym",
    "unsealed_entry": "which entries of the ledger wait to be sealed, by pseudonym",
    "pairwise": "the pseudonym under which a partner knew the pseudonym",
}
"""Tables with the person's pseudonym whose rows stay as they are, and why."""

EMPTIED_BESIDE = "import_answer"
"""The table without a learner's id in which rows of files that were rejected are kept, of anybody."""

REWRITTEN = (*DELETED, *DELETED_BESIDE, *EMPTIED, EMPTIED_BESIDE, "kept_answer")
"""Tables in whose files something may be left of what was deleted or overwritten."""

_OWN_COLUMNS = {
    "learner": ("id",),
    "identity_case": ("learner_id", "other_id"),
}
"""By which columns a row belongs to a person where it isn't `learner_id` alone."""

_NOT_ANSWERED = ("access_log", "decision", "qualification_decision", "entry", "lot", "event")
"""Tables of which no kept answer has its subject."""


def erase(connection: Connection, members: Sequence[UUID], at: datetime) -> None:
    """Destroy a person's key, texts, identifiers and index rows, and the kept answers about them.

    The accounts are locked by the caller.
    """
    _drop_answers(connection, members)
    _drop_rejected(connection, members)
    for name in DELETED:
        table = catalogue.tables[name]
        connection.execute(delete(table).where(_is_theirs(connection, table, members)))
    _delete_beside(connection, members)
    for name, values in EMPTIED.items():
        table = catalogue.tables[name]
        connection.execute(update(table).where(_is_theirs(connection, table, members)).values(values))
    learner = catalogue.tables["learner"]
    theirs = member_of(connection, learner.c.id, members)
    connection.execute(update(learner).where(theirs).values(erased_at=at, restricted_at=None))


def alive(connection: Connection, learner_ids: Sequence[UUID]) -> list[UUID]:
    """Return those of the accounts that are there and were not erased."""
    learner = catalogue.tables["learner"]
    query = select(learner.c.id).where(member_of(connection, learner.c.id, learner_ids), learner.c.erased_at.is_(None))
    return sorted(connection.execute(query).scalars())


def _delete_beside(connection: Connection, members: Sequence[UUID]) -> None:
    """Delete what is about the person in tables that don't name learners."""
    logins, reasons = (catalogue.tables[name] for name in DELETED_BESIDE)
    connection.execute(delete(logins).where(member_of(connection, logins.c.holder_id, members)))
    case = catalogue.tables["identity_case"]
    theirs = select(case.c.id).where(_is_theirs(connection, case, members))
    connection.execute(delete(reasons).where(reasons.c.case_id.in_(theirs)))


def _drop_rejected(connection: Connection, members: Sequence[UUID]) -> None:
    """Drop the rejected rows that are kept of files of institutions that know the person.

    They are sealed and can't be searched for one person; whoever misses others of them sends the file again.
    """
    affiliation, file, rejected = (catalogue.tables[name] for name in ("affiliation", "import_file", EMPTIED_BESIDE))
    knowing = select(affiliation.c.institution_id).where(_is_theirs(connection, affiliation, members))
    institutions = sorted(connection.execute(knowing.distinct()).scalars())
    files = select(file.c.id).where(member_of(connection, file.c.institution_id, institutions))
    theirs = rejected.c.sealed_rejects.is_not(None) & rejected.c.file_id.in_(files)
    connection.execute(update(rejected).where(theirs).values(sealed_rejects=None))


def _drop_answers(connection: Connection, members: Sequence[UUID]) -> None:
    """Drop the answers that are kept for repeats about the person or anything of theirs."""
    subjects = {str(member) for member in members}
    for table in catalogue.tables.values():
        if "id" in table.c and "learner_id" in table.c and table.name not in _NOT_ANSWERED:
            theirs = _is_theirs(connection, table, members)
            subjects |= {str(found) for found in connection.execute(select(table.c.id).where(theirs)).scalars()}
    answer = catalogue.tables["kept_answer"]
    connection.execute(delete(answer).where(member_of(connection, answer.c.subject, sorted(subjects))))


def _is_theirs(connection: Connection, table: Table, members: Sequence[UUID]) -> Any:  # noqa: ANN401 - a condition
    columns: list[Column[UUID]] = [table.c[name] for name in _OWN_COLUMNS.get(table.name, ("learner_id",))]
    return or_(*(member_of(connection, column, members) for column in columns))
