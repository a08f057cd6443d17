"""Certificate numbers, sealed beside the revisions that told them.

Revisions are written once; a number is sealed anew when its learner's key is changed, and can be destroyed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Column, Connection, ForeignKeyConstraint, Integer, LargeBinary, Table, Uuid, select

from creditbank.gateways.keyring import Keyring
from creditbank.storage.columns import catalogue
from creditbank.storage.database import member_of
from creditbank.storage.writing import append, row_of

certificate = Table(
    "certificate",
    catalogue,
    Column("learner_id", Uuid, primary_key=True),
    Column("outcome_id", Uuid, primary_key=True, index=True),
    Column("revision", Integer, primary_key=True),
    Column("sealed_number", LargeBinary, nullable=False),
    ForeignKeyConstraint(
        ["learner_id", "outcome_id", "revision"],
        ["outcome_revision.learner_id", "outcome_revision.outcome_id", "outcome_revision.revision"],
    ),
)


@dataclass(frozen=True, slots=True)
class Certificate:
    """The sealed number of the certificate that one revision of an outcome tells."""

    learner_id: UUID
    outcome_id: UUID
    revision: int
    sealed_number: bytes

    def number(self, keyring: Keyring, wrapped_key: bytes) -> str:
        """Return the number, opened with its learner's key. Raises SealBroken."""
        place = certificate_place(self.outcome_id, self.revision)
        return keyring.person_cipher(wrapped_key).opened(self.sealed_number, place)

    def is_numbered(self, number: str | None, keyring: Keyring, wrapped_key: bytes) -> bool:
        """Tell whether this is its number; it is opened only where there is one to compare."""
        return number is not None and self.number(keyring, wrapped_key) == number


def certificate_place(outcome_id: UUID, revision: int) -> str:
    """Return where a sealed number belongs; it is named after the table in which it stood at first."""
    return f"outcome_revision.certificate_no:{outcome_id}:{revision}"


def of_outcomes(connection: Connection, outcome_ids: Iterable[UUID]) -> dict[tuple[UUID, int], Certificate]:
    """Return the certificates that any revisions of the outcomes tell, by outcome and revision."""
    ids = sorted(set(outcome_ids))
    if not ids:
        return {}
    query = select(certificate).where(member_of(connection, certificate.c.outcome_id, ids))
    return {
        (row.outcome_id, row.revision): Certificate(row.learner_id, row.outcome_id, row.revision, row.sealed_number)
        for row in connection.execute(query)
    }


def add(connection: Connection, certificates: Sequence[Certificate]) -> None:
    """Keep certificates beside their revisions."""
    append(connection, certificate, [row_of(value) for value in certificates])
