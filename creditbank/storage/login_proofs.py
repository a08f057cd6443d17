"""What proves a login once: attempts under way, tickets that wait to be linked, and link codes."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Column,
    Connection,
    Integer,
    LargeBinary,
    String,
    Table,
    Uuid,
    delete,
    select,
    update,
)

from creditbank.core.identity import Subject
from creditbank.gateways.keyring import Keyring
from creditbank.storage.columns import Instant, catalogue
from creditbank.storage.database import for_update, member_of

TRIES_MAX = 10
"""Wrong codes that one ticket takes."""

login_attempt = Table(
    "login_attempt",
    catalogue,
    Column("state_hash", LargeBinary, primary_key=True),
    Column("browser_hash", LargeBinary, nullable=False),
    Column("provider", String(32), nullable=False),
    Column("sealed_secrets", LargeBinary, nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
)

login_ticket = Table(
    "login_ticket",
    catalogue,
    Column("ticket_hash", LargeBinary, primary_key=True),
    Column("holder", String(16), nullable=False),
    Column("provider", String(32), nullable=False),
    Column("issuer", String(300), nullable=False),
    Column("sealed_subject", LargeBinary, nullable=False),
    Column("wrong_tries", Integer, nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
    CheckConstraint("holder IN ('learners', 'staff')", name="holder"),
    CheckConstraint(f"wrong_tries BETWEEN 0 AND {TRIES_MAX - 1}", name="wrong_tries"),
)

link_code = Table(
    "link_code",
    catalogue,
    Column("code_index", LargeBinary, primary_key=True),
    Column("learner_id", Uuid, nullable=False, index=True),
    Column("institution_id", Uuid, nullable=False),
    Column("created_by", String(64), nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """A login under way: at which provider, and what only the bank knows of it (sealed)."""

    state_hash: bytes
    browser_hash: bytes
    provider: str
    sealed_secrets: bytes
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Ticket:
    """Proof that somebody logged in who is linked with nobody yet."""

    ticket_hash: bytes
    holder: str
    who: Subject
    wrong_tries: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class LinkCode:
    """Proof that an institution knows a learner; found by a keyed hash of the code."""

    code_index: bytes
    learner_id: UUID
    institution_id: UUID
    created_by: str
    expires_at: datetime


def add_attempt(connection: Connection, attempt: Attempt, now: datetime) -> None:
    """Keep a login under way, and drop those whose time is over."""
    connection.execute(delete(login_attempt).where(login_attempt.c.expires_at <= now))
    connection.execute(
        login_attempt.insert().values(
            state_hash=attempt.state_hash,
            browser_hash=attempt.browser_hash,
            provider=attempt.provider,
            sealed_secrets=attempt.sealed_secrets,
            expires_at=attempt.expires_at,
        )
    )


def take_attempt(connection: Connection, state_hash: bytes, browser_hash: bytes, now: datetime) -> Attempt | None:
    """Take the attempt that this browser began away, so that nobody finds it again; None where there is none."""
    its = (login_attempt.c.state_hash == state_hash) & (login_attempt.c.browser_hash == browser_hash)
    row = connection.execute(for_update(connection, select(login_attempt).where(its))).one_or_none()
    if row is None:
        return None
    connection.execute(delete(login_attempt).where(its))
    found = Attempt(row.state_hash, row.browser_hash, row.provider, row.sealed_secrets, row.expires_at)
    return found if now < found.expires_at else None


def add_ticket(connection: Connection, keyring: Keyring, ticket: Ticket, now: datetime) -> None:
    """Keep a ticket, and drop those whose time is over."""
    connection.execute(delete(login_ticket).where(login_ticket.c.expires_at <= now))
    connection.execute(
        login_ticket.insert().values(
            ticket_hash=ticket.ticket_hash,
            holder=ticket.holder,
            provider=ticket.who.provider,
            issuer=ticket.who.issuer,
            sealed_subject=keyring.seal_bank(ticket.who.subject, _ticket_place(ticket.ticket_hash)),
            wrong_tries=ticket.wrong_tries,
            expires_at=ticket.expires_at,
        )
    )


def locked_ticket(connection: Connection, keyring: Keyring, ticket_hash: bytes, now: datetime) -> Ticket | None:
    """Return a ticket that counts still; nobody else tries a code with it till the transaction ends."""
    query = select(login_ticket).where(login_ticket.c.ticket_hash == ticket_hash)
    row = connection.execute(for_update(connection, query)).one_or_none()
    if row is None or row.expires_at <= now:
        return None
    subject = keyring.opened_bank(row.sealed_subject, _ticket_place(ticket_hash))
    who = Subject(row.provider, row.issuer, subject)
    return Ticket(ticket_hash, row.holder, who, row.wrong_tries, row.expires_at)


def tried_wrongly(connection: Connection, ticket: Ticket) -> None:
    """Count a wrong code; after the last the ticket is gone."""
    if ticket.wrong_tries + 1 >= TRIES_MAX:
        end_ticket(connection, ticket)
        return
    its = login_ticket.c.ticket_hash == ticket.ticket_hash
    connection.execute(update(login_ticket).where(its).values(wrong_tries=ticket.wrong_tries + 1))


def end_ticket(connection: Connection, ticket: Ticket) -> None:
    """Take a ticket away."""
    connection.execute(delete(login_ticket).where(login_ticket.c.ticket_hash == ticket.ticket_hash))


def add_link_code(connection: Connection, code: LinkCode, now: datetime) -> None:
    """Keep a link code; it ends the institution's earlier ones for the learner, and what is out of date is dropped."""
    earlier = (link_code.c.learner_id == code.learner_id) & (link_code.c.institution_id == code.institution_id)
    connection.execute(delete(link_code).where(earlier | (link_code.c.expires_at <= now)))
    connection.execute(
        link_code.insert().values(
            code_index=code.code_index,
            learner_id=code.learner_id,
            institution_id=code.institution_id,
            created_by=code.created_by,
            expires_at=code.expires_at,
        )
    )


def take_link_code(connection: Connection, indexes: tuple[bytes, ...], now: datetime) -> LinkCode | None:
    """Take the code that has one of the indexes away, so that it counts once."""
    its = member_of(connection, link_code.c.code_index, indexes)
    row = connection.execute(for_update(connection, select(link_code).where(its))).one_or_none()
    if row is None or row.expires_at <= now:
        return None
    connection.execute(delete(link_code).where(its))
    return LinkCode(row.code_index, row.learner_id, row.institution_id, row.created_by, row.expires_at)


def _ticket_place(ticket_hash: bytes) -> str:
    return f"login_ticket.subject:{ticket_hash.hex()}"
