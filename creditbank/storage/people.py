"""People: the links that join accounts of one person, and which account each person is known by now."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Column,
    ColumnElement,
    Connection,
    Row,
    String,
    Table,
    Uuid,
    and_,
    column,
    exists,
    or_,
    select,
    table,
    update,
)

from creditbank.core.merging import Link, Person
from creditbank.storage.columns import Instant, catalogue
from creditbank.storage.database import Raced, for_change, for_update, member_of
from creditbank.storage.locking import Lock, locked_rows
from creditbank.storage.writing import append

learner_link = Table(
    "learner_link",
    catalogue,
    Column("id", Uuid, primary_key=True),
    Column("learner_id", Uuid, nullable=False, index=True),
    Column("into_id", Uuid, nullable=False, index=True),
    Column("undoes", Uuid, unique=True),
    Column("case_id", Uuid, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("actor", String(64), nullable=False),
    CheckConstraint("learner_id <> into_id", name="of_two"),
)

_learner = table(
    "learner",
    column("id", Uuid),
    column("root_id", Uuid),
    column("status", String),
    column("restricted_at", Instant),
    column("erased_at", Instant),
)

_affiliation = table("affiliation", column("learner_id", Uuid), column("institution_id", Uuid))


@dataclass(frozen=True, slots=True)
class Held:
    """A person whose accounts are locked, and what keeps them from converting."""

    person: Person
    is_in_conflict: bool
    is_restricted: bool
    is_erased: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """A person as they are found, and whether any of their accounts was restricted or erased."""

    person: Person
    is_restricted: bool
    is_erased: bool


@dataclass(frozen=True, slots=True)
class Stamp:
    """By whom, when and under which case a link is written."""

    case_id: UUID
    actor: str
    recorded_at: datetime


def person(connection: Connection, learner_id: UUID) -> Person | None:
    """Return the person to whom an account belongs."""
    return people(connection, [learner_id]).get(learner_id)


def people(connection: Connection, learner_ids: Iterable[UUID]) -> dict[UUID, Person]:
    """Return to whom each of the accounts belongs, of those that exist."""
    wanted = sorted(set(learner_ids))
    query = select(_learner.c.id, _learner.c.root_id).where(member_of(connection, _learner.c.id, wanted))
    roots = {row.id: row.root_id for row in connection.execute(query)}
    joint = _joint(connection, {root for root in roots.values() if root is not None})
    return {found: Person(found, (found,)) if root is None else joint[root] for found, root in roots.items()}


def standing(connection: Connection, learner_id: UUID) -> Standing | None:
    """Return the person to whom an account belongs, and whether their data is kept from others or gone."""
    row = connection.execute(select(_learner).where(_learner.c.id == learner_id)).one_or_none()
    if row is None:
        return None
    rows = [row]
    if row.root_id is not None:
        rows = list(connection.execute(select(_learner).where(_learner.c.root_id == row.root_id)))
    root = row.root_id or row.id
    return Standing(
        Person(root, (root, *sorted(one.id for one in rows if one.id != root))),
        is_restricted=any(one.restricted_at is not None for one in rows),
        is_erased=any(one.erased_at is not None for one in rows),
    )


def is_there(column: ColumnElement[UUID]) -> ColumnElement[bool]:
    """Return the condition that the account which a column names was not erased."""
    return ~exists().where(_learner.c.id == column, _learner.c.erased_at.is_not(None))


def is_open_to_others(column: ColumnElement[UUID]) -> ColumnElement[bool]:
    """Return the condition that the person whose account a column names was neither restricted nor erased."""
    kin = _learner.alias("kin")
    is_theirs = or_(kin.c.id == _learner.c.id, kin.c.root_id == _learner.c.root_id)
    is_kept_back = or_(kin.c.restricted_at.is_not(None), kin.c.erased_at.is_not(None))
    return ~exists().where(_learner.c.id == column, is_theirs, is_kept_back)


def is_known_to(column: ColumnElement[UUID], institution_id: UUID) -> ColumnElement[bool]:
    """Return the condition that an institution knows the account that a column names, or another of the same person."""
    own, other = _learner.alias("own"), _learner.alias("other")
    of_one_person = or_(other.c.id == own.c.id, other.c.root_id == own.c.root_id)
    joined = own.join(other, of_one_person).join(_affiliation, _affiliation.c.learner_id == other.c.id)
    query = select(own.c.id).select_from(joined)
    return query.where(own.c.id == column, _affiliation.c.institution_id == institution_id).exists()


def open_to_others(connection: Connection, learner_ids: Iterable[UUID]) -> set[UUID]:
    """Return those of the accounts whose persons were neither restricted nor erased, where no condition can ask it."""
    found = people(connection, learner_ids)
    members = sorted({member for one in found.values() for member in one.members})
    is_kept_back = or_(_learner.c.restricted_at.is_not(None), _learner.c.erased_at.is_not(None))
    query = select(_learner.c.id).where(member_of(connection, _learner.c.id, members), is_kept_back)
    kept_back = set(connection.execute(query).scalars()) if members else set()
    return {one for one, its in found.items() if kept_back.isdisjoint(its.members)}


def known_to(connection: Connection, learner_ids: Iterable[UUID], institution_id: UUID) -> set[UUID]:
    """Return those of the accounts that an institution knows, or knows another of the same person."""
    found = people(connection, learner_ids)
    members = sorted({member for one in found.values() for member in one.members})
    query = select(_affiliation.c.learner_id).where(member_of(connection, _affiliation.c.learner_id, members))
    query = query.where(_affiliation.c.institution_id == institution_id)
    known = set(connection.execute(query).scalars()) if members else set()
    return {one for one, its in found.items() if not known.isdisjoint(its.members)}


def restrict(connection: Connection, members: Iterable[UUID], at: datetime | None) -> None:
    """Keep accounts from others from an instant on; None lets them be seen and used again."""
    theirs = member_of(connection, _learner.c.id, sorted(set(members)))
    connection.execute(update(_learner).where(theirs).values(restricted_at=at))


def locked(connection: Connection, learner_id: UUID) -> Held | None:
    """Return a person; until the transaction ends no other that locks any of their accounts goes on.

    New outcomes, which only refer to the accounts, don't wait. Merged or parted meanwhile: Raced.
    """
    return _held(connection, [learner_id], for_change).get(learner_id)


def locked_together(connection: Connection, learner_ids: Iterable[UUID]) -> dict[UUID, Person]:
    """Return to whom merged accounts belong, each person locked, by account; nobody merges or parts them meanwhile.

    The caller holds a reference lock on each of the accounts, which merging and parting wait for.
    """
    found = people(connection, learner_ids)
    members = sorted({member for one in found.values() for member in one.members})
    query = select(_learner.c.id).where(member_of(connection, _learner.c.id, members)).order_by(_learner.c.id)
    locked_rows(connection, query, for_change, owners=members)
    return found


def locked_whole(connection: Connection, learner_ids: Iterable[UUID]) -> dict[UUID, Held]:
    """Return by account to whom it belongs; nothing is written about any of their accounts until the transaction ends.

    Merged or parted meanwhile: Raced.
    """
    return _held(connection, learner_ids, for_update)


def join_up(connection: Connection, value: Link, stamp: Stamp) -> None:
    """Write a link."""
    _append(connection, value, None, stamp)


def take_back(connection: Connection, value: Link, undoing_id: UUID, stamp: Stamp) -> None:
    """Write that a link is taken back; both rows stay. Taken back meanwhile: Raced."""
    undoing = Link(undoing_id, value.learner_id, value.into_id, stamp.recorded_at)
    _append(connection, undoing, value.id, stamp)


def note_roots(connection: Connection, found: Sequence[Person]) -> None:
    """Write on the accounts to whom they belong now."""
    for one in found:
        root = one.id if one.is_joint else None
        members = member_of(connection, _learner.c.id, one.members)
        connection.execute(update(_learner).where(members).values(root_id=root))


def links_around(connection: Connection, learner_id: UUID) -> list[Link]:
    """Return every link, standing or taken back, that ever led to or from an account or one that it was joined with."""
    found: dict[UUID, Link] = {}
    seen: set[UUID] = set()
    reached = {learner_id}
    while reached - seen:
        fresh = sorted(reached - seen)
        seen |= reached
        for link in _links(connection, fresh):
            found[link.id] = link
            reached |= {link.learner_id, link.into_id}
    return sorted(found.values(), key=lambda link: (link.since, link.id))


def link(connection: Connection, link_id: UUID) -> Link | None:
    """Return one link."""
    return next(iter(_linked(connection, learner_link.c.id == link_id)), None)


def every_standing(connection: Connection) -> list[Link]:
    """Return all links that stand, for verification."""
    return [found for found in _linked(connection, learner_link.c.undoes.is_(None)) if found.until is None]


def every_root(connection: Connection) -> dict[UUID, UUID]:
    """Return by account what is written on all that are joined, for verification."""
    query = select(_learner.c.id, _learner.c.root_id).where(_learner.c.root_id.is_not(None))
    return {row.id: row.root_id for row in connection.execute(query)}


def _joint(connection: Connection, roots: Iterable[UUID]) -> dict[UUID, Person]:
    """Return people of several accounts by the account that they are known by."""
    wanted = sorted(set(roots))
    if not wanted:
        return {}
    query = select(_learner.c.id, _learner.c.root_id).where(member_of(connection, _learner.c.root_id, wanted))
    members: dict[UUID, list[UUID]] = {root: [] for root in wanted}
    for row in connection.execute(query.order_by(_learner.c.id)):
        if row.id != row.root_id:
            members[row.root_id].append(row.id)
    return {root: Person(root, (root, *others)) for root, others in members.items()}


def _held(connection: Connection, learner_ids: Iterable[UUID], lock: Lock) -> dict[UUID, Held]:
    """Lock all accounts of the people, in one order, and return the people as they stand then."""
    before = people(connection, learner_ids)
    members = sorted({member for one in before.values() for member in one.members})
    query = select(_learner).where(member_of(connection, _learner.c.id, members)).order_by(_learner.c.id)
    rows = {row.id: row for row in locked_rows(connection, query, lock, owners=members)}
    if people(connection, before) != before:
        raise Raced("accounts were merged or parted meanwhile")
    return {found: _held_of(one, [rows[member] for member in one.members]) for found, one in before.items()}


def _held_of(found: Person, rows: Sequence[Row[Any]]) -> Held:
    return Held(
        found,
        is_in_conflict=any(row.status == "conflict" for row in rows),
        is_restricted=any(row.restricted_at is not None for row in rows),
        is_erased=any(row.erased_at is not None for row in rows),
    )


def _append(connection: Connection, value: Link, undoes: UUID | None, stamp: Stamp) -> None:
    row = {
        "id": value.id,
        "learner_id": value.learner_id,
        "into_id": value.into_id,
        "undoes": undoes,
        "case_id": stamp.case_id,
        "recorded_at": stamp.recorded_at,
        "actor": stamp.actor,
    }
    append(connection, learner_link, [row])


def _links(connection: Connection, learner_ids: Sequence[UUID]) -> list[Link]:
    """Return the links with one of the accounts at either end."""
    ends = (learner_link.c.learner_id, learner_link.c.into_id)
    return _linked(connection, or_(*(member_of(connection, end, learner_ids) for end in ends)))


def _linked(connection: Connection, condition: object) -> list[Link]:
    """Return links with when they were taken back, if they were."""
    undoing = learner_link.alias("undoing")
    joined = learner_link.outerjoin(undoing, undoing.c.undoes == learner_link.c.id)
    query = select(learner_link, undoing.c.recorded_at.label("until")).select_from(joined)
    rows = connection.execute(query.where(and_(condition, learner_link.c.undoes.is_(None))))  # type: ignore[arg-type]
    return [Link(row.id, row.learner_id, row.into_id, row.recorded_at, row.until) for row in rows]
