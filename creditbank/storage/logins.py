"""Logins: whose each is, found by a keyed index of the provider's subject."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Column,
    Connection,
    ForeignKey,
    ForeignKeyConstraint,
    LargeBinary,
    Row,
    String,
    Table,
    Uuid,
    column,
    delete,
    select,
    table,
    update,
)

from creditbank.core.identity import Subject
from creditbank.gateways.keyring import Keyring
from creditbank.storage.columns import Instant, catalogue
from creditbank.storage.database import member_of
from creditbank.storage.writing import append, append_missing

_learner = table("learner", column("id", Uuid), column("wrapped_key", LargeBinary))

learner_login = Table(
    "learner_login",
    catalogue,
    Column("learner_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("provider", String(32), nullable=False),
    Column("issuer", String(300), nullable=False),
    Column("sealed_subject", LargeBinary, nullable=False),
    Column("linked_by", String(64), nullable=False),
    Column("linked_at", Instant, nullable=False),
    Column("ended_at", Instant),
    ForeignKeyConstraint(["learner_id"], ["learner.id"]),
)

staff_login = Table(
    "staff_login",
    catalogue,
    Column("staff_id", Uuid, ForeignKey("staff.id"), primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("provider", String(32), nullable=False),
    Column("issuer", String(300), nullable=False),
    Column("sealed_subject", LargeBinary, nullable=False),
    Column("linked_at", Instant, nullable=False),
    Column("ended_at", Instant),
)

login_index = Table(
    "login_index",
    catalogue,
    Column("subject_index", LargeBinary, primary_key=True),
    Column("holder", String(16), primary_key=True),
    Column("holder_id", Uuid, nullable=False, index=True),
    Column("login_id", Uuid, nullable=False),
    Column("key_id", String(16), nullable=False, index=True),
    CheckConstraint("holder IN ('learners', 'staff')", name="holder"),
)


@dataclass(frozen=True, slots=True)
class Link:
    """A login that is tied to its holder: when, and by whose word."""

    login_id: UUID
    holder_id: UUID
    who: Subject
    linked_by: str
    linked_at: datetime


@dataclass(frozen=True, slots=True)
class LearnerLogin:
    """A login of a learner as they see it."""

    id: UUID
    provider: str
    issuer: str
    linked_at: datetime


def holder_of(connection: Connection, keyring: Keyring, holder: str, who: Subject) -> UUID | None:
    """Return the learner or staff member whose login it is."""
    indexes = [index.value for index in keyring.blind_indexes(_domain(who), who.subject)]
    its = member_of(connection, login_index.c.subject_index, indexes) & (login_index.c.holder == holder)
    return connection.execute(select(login_index.c.holder_id).distinct().where(its)).scalar_one_or_none()


def link_learner(connection: Connection, keyring: Keyring, wrapped_key: bytes, link: Link) -> None:
    """Tie a login to a learner. Linked meanwhile: Raced."""
    _add_index(connection, keyring, "learners", link)
    sealed = keyring.person_cipher(wrapped_key).seal(link.who.subject, f"learner_login.subject:{link.login_id}")
    connection.execute(
        learner_login.insert().values(
            learner_id=link.holder_id,
            id=link.login_id,
            provider=link.who.provider,
            issuer=link.who.issuer,
            sealed_subject=sealed,
            linked_by=link.linked_by,
            linked_at=link.linked_at,
        )
    )


def link_staff(connection: Connection, keyring: Keyring, link: Link) -> None:
    """Tie a login to a staff member, ending the one that they had. Linked meanwhile: Raced."""
    end_staff_logins(connection, link.holder_id, link.linked_at)
    _add_index(connection, keyring, "staff", link)
    connection.execute(
        staff_login.insert().values(
            staff_id=link.holder_id,
            id=link.login_id,
            provider=link.who.provider,
            issuer=link.who.issuer,
            sealed_subject=keyring.seal_bank(link.who.subject, f"staff_login.subject:{link.login_id}"),
            linked_at=link.linked_at,
        )
    )


def end_staff_logins(connection: Connection, staff_id: UUID, at: datetime) -> None:
    """End the logins of a staff member."""
    live = (staff_login.c.staff_id == staff_id) & staff_login.c.ended_at.is_(None)
    connection.execute(update(staff_login).where(live).values(ended_at=at))
    its = (login_index.c.holder == "staff") & (login_index.c.holder_id == staff_id)
    connection.execute(delete(login_index).where(its))


def learner_logins(connection: Connection, members: Sequence[UUID]) -> list[LearnerLogin]:
    """Return a person's live logins, oldest first."""
    live = member_of(connection, learner_login.c.learner_id, members) & learner_login.c.ended_at.is_(None)
    query = select(learner_login).where(live).order_by(learner_login.c.linked_at, learner_login.c.id)
    return [_learner_login(row) for row in connection.execute(query)]


def end_learner_login(connection: Connection, members: Sequence[UUID], login_id: UUID, at: datetime) -> bool:
    """End one of a person's logins; False where the person has no such login that is live."""
    its = member_of(connection, learner_login.c.learner_id, members) & (learner_login.c.id == login_id)
    live = its & learner_login.c.ended_at.is_(None)
    ended = connection.execute(update(learner_login).where(live).values(ended_at=at))
    indexed = member_of(connection, login_index.c.holder_id, members) & (login_index.c.login_id == login_id)
    connection.execute(delete(login_index).where(indexed))
    return ended.rowcount == 1


def _add_index(connection: Connection, keyring: Keyring, holder: str, link: Link) -> None:
    """Make a login findable under every index key. Linked meanwhile: Raced."""
    append(connection, login_index, _index_rows(keyring, holder, (link.holder_id, link.login_id), link.who))


def _index_rows(keyring: Keyring, holder: str, its: tuple[UUID, UUID], who: Subject) -> list[dict[str, Any]]:
    holder_id, login_id = its
    return [
        {
            "subject_index": index.value,
            "holder": holder,
            "holder_id": holder_id,
            "login_id": login_id,
            "key_id": index.key_id,
        }
        for index in keyring.blind_indexes(_domain(who), who.subject)
    ]


def index_anew(connection: Connection, keyring: Keyring, holder_ids: Sequence[UUID]) -> None:
    """Make the live logins of learners and staff findable under every index key of the ring."""
    logins = learner_login.join(_learner, _learner.c.id == learner_login.c.learner_id)
    learners = select(learner_login, _learner.c.wrapped_key).select_from(logins)
    live = member_of(connection, learner_login.c.learner_id, holder_ids) & learner_login.c.ended_at.is_(None)
    rows: list[dict[str, Any]] = []
    for row in connection.execute(learners.where(live)):
        subject = keyring.person_cipher(row.wrapped_key).opened(row.sealed_subject, f"learner_login.subject:{row.id}")
        who = Subject(row.provider, row.issuer, subject)
        rows += _index_rows(keyring, "learners", (row.learner_id, row.id), who)
    staff_live = member_of(connection, staff_login.c.staff_id, holder_ids) & staff_login.c.ended_at.is_(None)
    for row in connection.execute(select(staff_login).where(staff_live)):
        subject = keyring.opened_bank(row.sealed_subject, f"staff_login.subject:{row.id}")
        rows += _index_rows(keyring, "staff", (row.staff_id, row.id), Subject(row.provider, row.issuer, subject))
    append_missing(connection, login_index, rows)


def _learner_login(row: Row[Any]) -> LearnerLogin:
    return LearnerLogin(row.id, row.provider, row.issuer, row.linked_at)


def _domain(who: Subject) -> str:
    """Return under which name a subject is indexed: the same one at two issuers is two persons."""
    return f"login:{who.issuer}"
