"""Files that are imported as they are kept: pieces and answers sealed under a key of the file's own, and its plan."""

import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Connection

from creditbank.core.importing import SheetFormat
from creditbank.formats.csv_rows import Lines
from creditbank.formats.row_binding import Binding, Derive, bound
from creditbank.formats.row_reading import ReadRow, json_rows, table_rows
from creditbank.formats.strict_json import text_of
from creditbank.gateways.keyring import Keyring, PersonCipher
from creditbank.services.bank import ATTEMPTS_MAX, Bank, busy
from creditbank.storage import import_parts
from creditbank.storage.database import Raced, Unavailable
from creditbank.storage.import_parts import AnswerBlock, Piece
from creditbank.storage.imports import Import

T = TypeVar("T")

Ask = Callable[[Callable[[Connection], Any]], Any]
"""Runs a query: by itself, or in a transaction that is under way."""

PIECE_BYTES = 1024 * 1024
"""The length of a piece: small in memory, and a file of a gigabyte is a thousand rows."""

PACKED_LEVEL = 1
"""How hard is packed: tables shrink to a fifth at the lowest level already."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a file is read, found out by reading all of it once: for each row to be read alike, whoever goes on.

    `header` are the names of its columns; rows begin at `position`, on `line`. `is_converted` tells that rows are read
    from what was made of a workbook, whose cells told their types.
    """

    encoding: str
    delimiter: str
    header: tuple[str, ...]
    position: int
    line: int
    is_converted: bool = False


def sealed_piece(cipher: PersonCipher, file_id: UUID, data: bytes, number: int, *, is_converted: bool) -> Piece:
    """Return a part of a file as it is kept."""
    place = _piece_place(file_id, number, is_converted=is_converted)
    sealed = cipher.seal_bytes(zlib.compress(data, PACKED_LEVEL), place)
    return Piece(file_id, is_converted, number, len(data), sealed)


def pieces_from(
    ask: Ask, cipher: PersonCipher, file_id: UUID, position: int = 0, *, is_converted: bool = False
) -> Iterator[bytes]:
    """Give the bytes of a file from a position on, piece by piece, each read when it is asked for.

    Refused: TryLater. Raised: SealBroken.
    """
    for number, length in enumerate(
        ask(partial(import_parts.piece_lengths, import_id=file_id, is_converted=is_converted))
    ):
        if position >= length:
            position -= length
            continue
        query = partial(import_parts.piece, import_id=file_id, number=number, is_converted=is_converted)
        sealed: bytes | None = ask(query)
        if sealed is None:
            return  # the import was ended meanwhile, which its worker learns when it comes to write
        place = _piece_place(file_id, number, is_converted=is_converted)
        data = zlib.decompress(cipher.opened_bytes(sealed, place))
        yield data[position:] if position else data
        position = 0


def sealed_plan(cipher: PersonCipher, file_id: UUID, plan: Plan) -> bytes:
    """Return a plan as it is kept: a file without a header would have a person's row in its place."""
    return cipher.seal(text_of(asdict(plan)), f"import_file.plan:{file_id}")


def opened_plan(cipher: PersonCipher, found: Import) -> Plan:
    """Return the plan of a file that was read once."""
    assert found.sealed_plan is not None, "rows are read after the file was"
    document = json.loads(cipher.opened(found.sealed_plan, f"import_file.plan:{found.id}"))
    return Plan(**document | {"header": tuple(document["header"])})


def rows_of(lines: Lines, found: Import, plan: Plan, derive: Derive) -> Iterator[ReadRow]:
    """Give the rows that lines of a file hold, read as was found out once."""
    if found.format is SheetFormat.NDJSON:
        return json_rows(lines, found.mapping, derive)
    binding = bound(found.mapping, plan.header, is_typed=plan.is_converted)
    assert isinstance(binding, Binding), "it was bound when its head was read"
    return table_rows(lines, plan.delimiter, binding, derive)


def cipher_of(keyring: Keyring, found: Import) -> PersonCipher:
    """Return what opens all that is kept of a file. Raises SealBroken."""
    assert found.wrapped_key is not None, "it is asked before the file is forgotten"
    return keyring.person_cipher(found.wrapped_key)


def sealed_block(
    cipher: PersonCipher, file_id: UUID, rows: tuple[int, int], answers: list[Any], rejects: list[Any]
) -> AnswerBlock:
    """Return the answers to rows that follow each other as they are kept; `rows` are the first and last line."""
    sealed = {
        name: cipher.seal_bytes(zlib.compress(text_of(value).encode(), PACKED_LEVEL), _block_place(name, file_id, rows))
        for name, value in (("answers", answers), ("rejects", rejects))
        if value
    }
    return AnswerBlock(file_id, *rows, sealed["answers"], sealed.get("rejects"))


def opened_answers(cipher: PersonCipher, block: AnswerBlock) -> list[Any]:
    """Return the answers of a block."""
    return _list_in(cipher, block, "answers", block.sealed_answers)


def opened_rejects(cipher: PersonCipher, block: AnswerBlock) -> list[Any]:
    """Return the rejected rows of a block."""
    return [] if block.sealed_rejects is None else _list_in(cipher, block, "rejects", block.sealed_rejects)


def _list_in(cipher: PersonCipher, block: AnswerBlock, name: str, sealed: bytes) -> list[Any]:
    place = _block_place(name, block.file_id, (block.first_row, block.last_row))
    found: list[Any] = json.loads(zlib.decompress(cipher.opened_bytes(sealed, place)))
    return found


def _piece_place(file_id: UUID, number: int, *, is_converted: bool) -> str:
    return f"import_piece:{file_id}:{'converted' if is_converted else 'sent'}:{number}"


def _block_place(name: str, file_id: UUID, rows: tuple[int, int]) -> str:
    return f"import_answer.{name}:{file_id}:{rows[0]}"


def written(bank: Bank, write: Callable[[Connection], T]) -> T:
    """Write down something that is nobody's errand and leaves no line in the audit log. Refused: TryLater."""
    for _ in range(ATTEMPTS_MAX):
        try:
            with bank.database.transaction() as connection:
                return write(connection)
        except Raced:
            continue
        except Unavailable as unavailable:
            raise busy() from unavailable
    raise busy()


def read(bank: Bank, query: Callable[[Connection], T]) -> T:
    """Read something that shows nothing of anybody. Refused: TryLater."""
    try:
        return bank.database.read(query)
    except Unavailable as unavailable:
        raise busy() from unavailable


def asking(bank: Bank) -> Ask:
    """Return what runs queries by themselves."""
    return partial(read, bank)
