"""Parts of files that are imported, as they wait to be read; answers to their rows; what ids are made with."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Connection,
    ForeignKey,
    Integer,
    LargeBinary,
    Table,
    Uuid,
    delete,
    select,
)

from creditbank.storage.columns import catalogue
from creditbank.storage.writing import append, row_of

import_piece = Table(
    "import_piece",
    catalogue,
    Column("file_id", Uuid, ForeignKey("import_file.id"), primary_key=True),
    Column("is_converted", Boolean(name="is_converted"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("bytes_count", Integer, nullable=False),
    Column("sealed_piece", LargeBinary, nullable=False),
    CheckConstraint("number >= 0", name="number"),
    CheckConstraint("bytes_count > 0", name="bytes_count"),
)

import_answer = Table(
    "import_answer",
    catalogue,
    Column("file_id", Uuid, ForeignKey("import_file.id"), primary_key=True),
    Column("first_row", Integer, primary_key=True, autoincrement=False),
    Column("last_row", Integer, nullable=False),
    Column("sealed_answers", LargeBinary, nullable=False),
    Column("sealed_rejects", LargeBinary),
    CheckConstraint("first_row > 0 AND first_row <= last_row", name="rows"),
)

import_salt = Table(
    "import_salt",
    catalogue,
    Column("institution_id", Uuid, primary_key=True),
    Column("sealed_salt", LargeBinary, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Piece:
    """A sealed part of a file, as it was sent or as it was converted; `bytes_count` is its length when opened."""

    file_id: UUID
    is_converted: bool
    number: int
    bytes_count: int
    sealed_piece: bytes


@dataclass(frozen=True, slots=True)
class AnswerBlock:
    """The sealed answers to rows of a lane that follow each other, by their lines, and those that were rejected."""

    file_id: UUID
    first_row: int
    last_row: int
    sealed_answers: bytes
    sealed_rejects: bytes | None


def add_pieces(connection: Connection, pieces: Sequence[Piece]) -> None:
    """Keep parts of a file."""
    append(connection, import_piece, [row_of(one) for one in pieces])


def piece_lengths(connection: Connection, import_id: UUID, *, is_converted: bool) -> list[int]:
    """Return the lengths of a file's pieces in bytes, in their order."""
    query = select(import_piece.c.bytes_count).where(*_of(import_id, is_converted=is_converted))
    return list(connection.execute(query.order_by(import_piece.c.number)).scalars())


def piece(connection: Connection, import_id: UUID, number: int, *, is_converted: bool) -> bytes | None:
    """Return one sealed piece."""
    query = select(import_piece.c.sealed_piece).where(
        *_of(import_id, is_converted=is_converted), import_piece.c.number == number
    )
    return connection.execute(query).scalar_one_or_none()


def drop_pieces(connection: Connection, import_id: UUID, *, only_converted: bool | None = None) -> None:
    """Delete a file's pieces: all of them, or only those that were converted or only those that were sent."""
    query = delete(import_piece).where(import_piece.c.file_id == import_id)
    if only_converted is not None:
        query = query.where(import_piece.c.is_converted == only_converted)
    connection.execute(query)


def add_answers(connection: Connection, block: AnswerBlock) -> None:
    """Keep the answers to some rows."""
    append(connection, import_answer, [row_of(block)])


def answers(connection: Connection, import_id: UUID, after_row: int, blocks_max: int) -> list[AnswerBlock]:
    """Return blocks of answers in the order of their first rows, of those that reach beyond a row.

    Blocks of several lanes overlap: before a block's first row there is none of a later one.
    """
    query = select(import_answer).where(import_answer.c.file_id == import_id, import_answer.c.last_row > after_row)
    return [
        AnswerBlock(*row) for row in connection.execute(query.order_by(import_answer.c.first_row).limit(blocks_max))
    ]


def salt(connection: Connection, institution_id: UUID) -> bytes | None:
    """Return an institution's sealed salt."""
    query = select(import_salt.c.sealed_salt).where(import_salt.c.institution_id == institution_id)
    return connection.execute(query).scalar_one_or_none()


def add_salt(connection: Connection, institution_id: UUID, sealed_salt: bytes) -> None:
    """Keep an institution's salt; a second one is Raced."""
    connection.execute(import_salt.insert().values(institution_id=institution_id, sealed_salt=sealed_salt))


def _of(import_id: UUID, *, is_converted: bool) -> Iterator[Any]:
    yield import_piece.c.file_id == import_id
    yield import_piece.c.is_converted == is_converted
