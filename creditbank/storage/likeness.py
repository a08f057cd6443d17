"""The index of likeness: keyed hashes of what two accounts of one person have in common, so that few are compared."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Table,
    Uuid,
    column,
    delete,
    func,
    select,
    table,
    text,
)

from creditbank.core.identity import Claim
from creditbank.core.likeness import Traits
from creditbank.core.normalisation import name_key
from creditbank.formats.id_number import birth_date_of
from creditbank.formats.legacy_id import narrowed
from creditbank.gateways.keyring import Keyring
from creditbank.storage.columns import Instant, catalogue
from creditbank.storage.database import for_update, member_of
from creditbank.storage.locking import locked_rows
from creditbank.storage.writing import append, append_missing, rewrite

likeness_index = Table(
    "likeness_index",
    catalogue,
    Column("learner_id", Uuid, ForeignKey("learner.id"), primary_key=True),
    Column("key", LargeBinary, primary_key=True),
    Column("block", String(16), nullable=False),
    Column("is_new", Boolean, nullable=False),
    Column("key_id", String(16), nullable=False),
    Index("ix_likeness_index_key", "key"),
    Index("ix_likeness_index_new", "key", postgresql_where=text("is_new"), sqlite_where=text("is_new")),
)

_learner = table(
    "learner",
    column("id", Uuid),
    column("wrapped_key", LargeBinary),
    column("sealed_name", LargeBinary),
    column("sealed_birth_date", LargeBinary),
    column("restricted_at", Instant),
    column("erased_at", Instant),
)
_affiliation = table("affiliation", column("learner_id", Uuid), column("institution_id", Uuid))
_index = table(
    "identifier_index", column("learner_id", Uuid), column("type", String), column("value_index", LargeBinary)
)

BLOCK_ROWS_MAX = 100
"""Accounts that are compared with each other for having one thing in common. A larger block (the phone of a school's
office, a birth date that stands for "unknown") tells nothing, and its pairs would grow with the square."""


class Block(StrEnum):
    """What accounts of one block have in common."""

    BORN_SURNAME = "born_surname"
    """The birth date and the first character of the name."""
    NAME_YEAR = "name_year"
    """The characters of the name in any order, and the year of birth."""
    PHONE = "phone"
    LEGACY = "legacy"
    """The resident number as it was, or would have been, with 15 digits."""


class BlockKey(NamedTuple):
    """A block by its keyed hash, and the id of the index key that made it."""

    block: Block
    key: bytes
    key_id: str


BlockKeys = tuple[BlockKey, ...]
"""One block under every index key of the ring, newest first."""


@dataclass(frozen=True, slots=True)
class Fresh:
    """Accounts that have come into blocks and were not compared yet, with those that are in the same blocks.

    `pairs` are ordered within and among themselves. `skipped` counts blocks that are too large.
    """

    pairs: tuple[tuple[UUID, UUID], ...]
    rows: int
    skipped: int


def keys_of(keyring: Keyring, name: str, birth_date: date | None, claims: Iterable[Claim]) -> list[BlockKeys]:
    """Return the blocks of an account; birth dates count as they are stated and as resident numbers say them."""
    listed = list(claims)
    key = name_key(name)
    said: dict[tuple[Block, str], None] = {}
    for born in sorted({birth_date, *map(_born, listed)} - {None}, key=str) if key else ():
        assert born is not None, "None was taken out"
        said[Block.BORN_SURNAME, f"{born}|{key[0]}"] = None
        said[Block.NAME_YEAR, f"{''.join(sorted(key))}|{born.year}"] = None
    said |= {(Block.PHONE, claim.value): None for claim in listed if claim.type == "phone"}
    said |= {(Block.LEGACY, legacy): None for legacy in map(_legacy, listed) if legacy is not None}
    return [
        tuple(
            BlockKey(block, hashed.value, hashed.key_id) for hashed in keyring.blind_indexes(f"likeness:{block}", value)
        )
        for block, value in said
    ]


def add(connection: Connection, keyed: Iterable[tuple[UUID, BlockKeys]]) -> None:
    """Put accounts into blocks, in one statement. There already: Raced."""
    append(
        connection,
        likeness_index,
        [block_row(learner_id, key, is_new=True) for learner_id, keys in keyed for key in keys],
    )


def put(connection: Connection, keyed: Iterable[tuple[UUID, BlockKey, bool]]) -> None:
    """Write blocks under another index key, with whether they are still to be compared, where they are not there."""
    rows = [block_row(learner_id, key, is_new=is_new) for learner_id, key, is_new in keyed]
    append_missing(connection, likeness_index, rows)


def of_learners(connection: Connection, learner_ids: Iterable[UUID]) -> dict[UUID, dict[bytes, bool]]:
    """Return by account the keys of its blocks, each with whether it is still to be compared there."""
    ids = sorted(set(learner_ids))
    found: dict[UUID, dict[bytes, bool]] = {one: {} for one in ids}
    for row in connection.execute(
        select(likeness_index).where(member_of(connection, likeness_index.c.learner_id, ids))
    ):
        found[row.learner_id][row.key] = row.is_new
    return found


def keep_only(connection: Connection, learner_id: UUID, keyed: Iterable[BlockKeys]) -> None:
    """Take an account out of all blocks but these; out of all where there are none (erasure)."""
    kept = {key.key for keys in keyed for key in keys}
    gone = of_learners(connection, [learner_id])[learner_id].keys() - kept
    among = member_of(connection, likeness_index.c.key, sorted(gone))
    connection.execute(delete(likeness_index).where(likeness_index.c.learner_id == learner_id, among))


def next_fresh(connection: Connection, rows_max: int) -> Fresh:
    """Return what has come into blocks since it was last asked, up to a number of rows, and note that it was."""
    new = select(likeness_index.c.learner_id, likeness_index.c.key).where(likeness_index.c.is_new)
    rows = locked_rows(connection, new.order_by(likeness_index.c.key).limit(rows_max), for_update)
    if not rows:
        return Fresh((), 0, 0)
    keys = sorted({row.key for row in rows})
    sizes = select(likeness_index.c.key, func.count().label("size")).group_by(likeness_index.c.key)
    counted = connection.execute(sizes.where(member_of(connection, likeness_index.c.key, keys)))
    large = {row.key for row in counted if row.size > BLOCK_ROWS_MAX}
    mates: dict[bytes, list[UUID]] = {key: [] for key in keys if key not in large}
    both = select(likeness_index.c.learner_id, likeness_index.c.key)
    for row in connection.execute(both.where(member_of(connection, likeness_index.c.key, list(mates)))):
        mates[row.key].append(row.learner_id)
    pairs = {
        (min(row.learner_id, mate), max(row.learner_id, mate))
        for row in rows
        for mate in mates.get(row.key, ())
        if mate != row.learner_id
    }
    compared = [{"learner_id": row.learner_id, "key": row.key, "is_new": False} for row in rows]
    rewrite(connection, likeness_index, compared)
    return Fresh(tuple(sorted(pairs)), len(rows), len(large))


def traits(connection: Connection, keyring: Keyring, learner_ids: Collection[UUID]) -> dict[UUID, Traits]:
    """Return what is compared of accounts; of who was erased or whose data may only be stored, nothing."""
    ids = sorted(set(learner_ids))
    opened: dict[UUID, tuple[str, date | None]] = {}
    standing = (_learner.c.erased_at.is_(None), _learner.c.restricted_at.is_(None))
    for row in connection.execute(select(_learner).where(member_of(connection, _learner.c.id, ids), *standing)):
        cipher = keyring.person_cipher(row.wrapped_key)
        name = name_key(cipher.opened(row.sealed_name, f"learner.name:{row.id}"))
        born = row.sealed_birth_date and cipher.opened(row.sealed_birth_date, f"learner.birth_date:{row.id}")
        opened[row.id] = (name, None if born is None else date.fromisoformat(born))
    hashed = _hashed(connection, ids)
    return {one: Traits(one, name, born, *hashed[one]) for one, (name, born) in opened.items()}


def _hashed(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, tuple[frozenset[Any], ...]]:
    """Return what is compared without being opened: phones, legacy numbers, resident IDs, institutions."""
    sets: dict[UUID, tuple[set[Any], ...]] = {one: (set(), set(), set(), set()) for one in ids}
    phones, legacy, resident_ids, institutions = range(4)
    blocks = {Block.PHONE.value: phones, Block.LEGACY.value: legacy}
    query = select(likeness_index).where(member_of(connection, likeness_index.c.learner_id, ids))
    for row in connection.execute(query.where(likeness_index.c.block.in_(list(blocks)))):
        sets[row.learner_id][blocks[row.block]].add(row.key)
    numbers = select(_index).where(member_of(connection, _index.c.learner_id, ids), _index.c.type == "cn.resident_id")
    for row in connection.execute(numbers):
        sets[row.learner_id][resident_ids].add(row.value_index)
    for row in connection.execute(select(_affiliation).where(member_of(connection, _affiliation.c.learner_id, ids))):
        sets[row.learner_id][institutions].add(row.institution_id)
    return {one: tuple(map(frozenset, found)) for one, found in sets.items()}


def _under_all(keyring: Keyring, block: Block, value: str) -> BlockKeys:
    hashes = keyring.blind_indexes(f"likeness:{block}", value)
    return tuple(BlockKey(block, hashed.value, hashed.key_id) for hashed in hashes)


def block_row(learner_id: UUID, key: BlockKey, *, is_new: bool) -> dict[str, Any]:
    """Return an account in a block as it is stored."""
    block = key.block.value
    return {"learner_id": learner_id, "key": key.key, "block": block, "is_new": is_new, "key_id": key.key_id}


def _born(claim: Claim) -> date | None:
    return birth_date_of(claim.type, claim.value)


def _legacy(claim: Claim) -> str | None:
    """Return a resident number in the form that it had before 1999."""
    if claim.type == "cn.resident_id_15":
        return claim.value
    return narrowed(claim.value) if claim.type == "cn.resident_id" else None
