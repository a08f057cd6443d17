"""Cases on identity: whether two accounts are one person's, who said so, and how each was decided."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Column,
    Connection,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Row,
    Select,
    String,
    Table,
    Uuid,
    or_,
    select,
    tuple_,
)

from creditbank.core.resolution import CaseKind, Verdict
from creditbank.gateways.keyring import Keyring
from creditbank.storage.columns import Instant, catalogue
from creditbank.storage.database import for_update, member_of
from creditbank.storage.distribution import is_distributed
from creditbank.storage.people import is_known_to, is_open_to_others, known_to, open_to_others
from creditbank.storage.sieving import sieved
from creditbank.storage.writing import append, append_missing, rewrite, row_of

identity_case = Table(
    "identity_case",
    catalogue,
    Column("id", Uuid, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("learner_id", Uuid, nullable=False, index=True),
    Column("other_id", Uuid, nullable=False, index=True),
    Column("link_id", Uuid),
    Column("score_hundredths", Integer),
    Column("sealed_reason", LargeBinary),
    Column("sealed_evidence", LargeBinary),
    Column("opened_by", String(64), nullable=False),
    Column("opened_at", Instant, nullable=False),
    Column("verdict", String(16)),
    Column("decided_at", Instant),
    Column("open_key", String(96)),
    Index("uq_identity_case_open_key", "open_key", unique=True),
    Index("ix_identity_case_state_opened_at_id", "state", "opened_at", "id"),
    CheckConstraint("(state = 'decided') = (verdict IS NOT NULL)", name="decided_whole"),
    CheckConstraint("(state = 'open') = (open_key IS NOT NULL)", name="open_key"),
    CheckConstraint("(kind = 'unmerge') = (link_id IS NOT NULL)", name="link"),
    CheckConstraint("kind IN ('conflict', 'likeness', 'merge', 'unmerge')", name="kind"),
    CheckConstraint("learner_id <> other_id", name="of_two"),
    CheckConstraint("state IN ('open', 'decided')", name="state"),
    CheckConstraint("verdict IN ('same', 'different')", name="verdict"),
)

identity_event = Table(
    "identity_event",
    catalogue,
    Column("case_id", Uuid, ForeignKey("identity_case.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("verdict", String(16), nullable=False),
    Column("actor", String(64), nullable=False),
    Column("institution_id", Uuid),
    Column("happened_at", Instant, nullable=False),
    Column("account_id", Uuid),
    CheckConstraint("verdict IN ('same', 'different')", name="verdict"),
)

identity_reason = Table(
    "identity_reason",
    catalogue,
    Column("case_id", Uuid, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("sealed_reason", LargeBinary, nullable=False),
    ForeignKeyConstraint(["case_id", "number"], ["identity_event.case_id", "identity_event.number"]),
)
"""Why somebody said so, apart from what they said: this is sealed anew with each master key, that is written once."""


@dataclass(frozen=True, slots=True)
class IdentityCase:
    """A question about two accounts; of an unmerge `link_id` is the link that is to be taken back.

    `score_hundredths` is the likeness that raised it. Reason and evidence are sealed: people write names into them.
    """

    id: UUID
    kind: CaseKind
    learner_id: UUID
    other_id: UUID
    link_id: UUID | None
    score_hundredths: int | None
    sealed_reason: bytes | None
    sealed_evidence: bytes | None
    opened_by: str
    opened_at: datetime
    verdict: Verdict | None = None
    decided_at: datetime | None = None

    def reason(self, keyring: Keyring) -> str | None:
        """Return why it was opened."""
        return None if self.sealed_reason is None else keyring.opened_bank(self.sealed_reason, reason_place(self.id))

    def evidence(self, keyring: Keyring) -> str | None:
        """Return what it rests on."""
        sealed = self.sealed_evidence
        return None if sealed is None else keyring.opened_bank(sealed, evidence_place(self.id))


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody said on a case.

    `account_id` is the account that the verdict names: of "same" the one that the person is to be known by, of
    "different" the one that keeps the number.
    """

    case_id: UUID
    number: int
    verdict: Verdict
    actor: str
    institution_id: UUID | None
    happened_at: datetime
    account_id: UUID | None = None
    sealed_reason: bytes | None = None

    def reason(self, keyring: Keyring) -> str | None:
        """Return why they said so."""
        sealed, place = self.sealed_reason, said_place(self.case_id, self.number)
        return None if sealed is None else keyring.opened_bank(sealed, place)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which cases are listed: open or decided ones, of a kind, of people whom an institution knows; None for any."""

    is_open: bool | None = None
    kind: CaseKind | None = None
    known_to: UUID | None = None


def reason_place(case_id: UUID) -> str:
    """Return where a sealed reason belongs; it can't be opened anywhere else."""
    return f"identity_case.reason:{case_id}"


def evidence_place(case_id: UUID) -> str:
    """Return where sealed evidence belongs."""
    return f"identity_case.evidence:{case_id}"


def said_place(case_id: UUID, number: int) -> str:
    """Return where the sealed reason of a statement belongs."""
    return f"identity_event.reason:{case_id}:{number}"


def add(connection: Connection, cases: Sequence[IdentityCase]) -> None:
    """Open cases. One of its kind on the same two accounts was opened meanwhile: Raced."""
    append(connection, identity_case, [_row(case) for case in cases])


def add_missing(connection: Connection, cases: Sequence[IdentityCase]) -> None:
    """Open those of the cases on whose two accounts none of the kind is open, in one statement."""
    append_missing(connection, identity_case, [_row(case) for case in cases])


def change(connection: Connection, cases: Sequence[IdentityCase]) -> None:
    """Write how cases were decided."""
    rewrite(connection, identity_case, [_row(case) for case in cases])


def say(connection: Connection, said: Said) -> None:
    """Write what somebody said. Said meanwhile by somebody else: Raced."""
    row = {**row_of(said), "verdict": said.verdict.value}
    reason = row.pop("sealed_reason")
    append(connection, identity_event, [row])
    if reason is not None:
        rows = [{"case_id": said.case_id, "number": said.number, "sealed_reason": reason}]
        append(connection, identity_reason, rows)


def by_id(connection: Connection, case_id: UUID) -> IdentityCase | None:
    """Return one case."""
    row = connection.execute(select(identity_case).where(identity_case.c.id == case_id)).one_or_none()
    return None if row is None else _case(row)


def locked(connection: Connection, case_id: UUID) -> IdentityCase | None:
    """Return one case, locked until the transaction ends."""
    row = connection.execute(for_update(connection, select(identity_case).where(identity_case.c.id == case_id)))
    found = row.one_or_none()
    return None if found is None else _case(found)


def said_on(connection: Connection, case_ids: Iterable[UUID]) -> dict[UUID, list[Said]]:
    """Return what was said on cases, oldest first, by case."""
    wanted = sorted(set(case_ids))
    found: dict[UUID, list[Said]] = {case_id: [] for case_id in wanted}
    joined = identity_event.outerjoin(identity_reason)
    query = select(identity_event, identity_reason.c.sealed_reason).select_from(joined)
    query = query.where(member_of(connection, identity_event.c.case_id, wanted))
    for row in connection.execute(query.order_by(identity_event.c.case_id, identity_event.c.number)):
        cells = {**row._mapping, "verdict": Verdict(row.verdict)}  # noqa: SLF001 - SQLAlchemy's public name for it
        found[row.case_id].append(Said(**cells))
    return found


def about(connection: Connection, learner_ids: Iterable[UUID]) -> list[IdentityCase]:
    """Return all cases about any of some accounts, oldest first."""
    ids = sorted(set(learner_ids))
    ends = (identity_case.c.learner_id, identity_case.c.other_id)
    query = select(identity_case).where(or_(*(member_of(connection, end, ids) for end in ends)))
    return [_case(row) for row in connection.execute(query.order_by(identity_case.c.opened_at, identity_case.c.id))]


def page(
    connection: Connection,
    wanted: Wanted,
    after: tuple[datetime, UUID] | None,
    rows_max: int,
) -> list[IdentityCase]:
    """Return cases, newest first."""
    query = select(identity_case)
    if wanted.is_open is not None:
        query = query.where(identity_case.c.state == ("open" if wanted.is_open else "decided"))
    if wanted.kind is not None:
        query = query.where(identity_case.c.kind == wanted.kind.value)
    institution_id = wanted.known_to
    if institution_id is None:
        return _page(connection, query, after, rows_max)
    if not is_distributed(connection):
        ends = (identity_case.c.learner_id, identity_case.c.other_id)
        query = query.where(*(is_known_to(end, institution_id) for end in ends), *map(is_open_to_others, ends))
        return _page(connection, query, after, rows_max)

    def passing(some: Sequence[IdentityCase]) -> list[IdentityCase]:
        ends = {end for one in some for end in (one.learner_id, one.other_id)}
        shown = known_to(connection, ends, institution_id) & open_to_others(connection, ends)
        return [one for one in some if {one.learner_id, one.other_id} <= shown]

    pages = partial(_page, connection, query)
    return sieved(pages, passing, lambda one: (one.opened_at, one.id), after, rows_max)


def _page(
    connection: Connection, query: Select[Any], after: tuple[datetime, UUID] | None, rows_max: int
) -> list[IdentityCase]:
    place = (identity_case.c.opened_at, identity_case.c.id)
    if after is not None:
        query = query.where(tuple_(*place) < tuple_(*after))
    rows = connection.execute(query.order_by(*(part.desc() for part in place)).limit(rows_max))
    return [_case(row) for row in rows]


def _open_key(case: IdentityCase) -> str | None:
    """Return what keeps a second case of the kind on the same two accounts from being opened; none once decided."""
    low, high = sorted((case.learner_id, case.other_id))
    return None if case.verdict is not None else f"{case.kind}:{low}:{high}"


def _row(case: IdentityCase) -> dict[str, Any]:
    """Return a case as it is stored."""
    return {
        **row_of(case),
        "open_key": _open_key(case),
        "kind": case.kind.value,
        "state": "open" if case.verdict is None else "decided",
        "verdict": case.verdict and case.verdict.value,
    }


def _case(row: Row[Any]) -> IdentityCase:
    """Return the case that a row holds."""
    cells = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    del cells["state"], cells["open_key"]
    verdict = None if row.verdict is None else Verdict(row.verdict)
    return IdentityCase(**{**cells, "kind": CaseKind(row.kind), "verdict": verdict})
