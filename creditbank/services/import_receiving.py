"""A file that is sent: kept piece by piece, sealed, until all of it is there and waits for a worker."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from creditbank.core.errors import Fault, Malformed, NotAllowed, TooMany
from creditbank.core.importing import Counts, ImportState, Mode, SheetFormat
from creditbank.core.outcome import Record, record_faults
from creditbank.core.permission import Actor, require
from creditbank.formats.claims import claim_of_reference
from creditbank.formats.row_mapping import mapping_codes
from creditbank.formats.strict_json import TooLarge
from creditbank.formats.table_bytes import ENCODINGS, SNIFFED_BYTES, kind_of
from creditbank.services.bank import Answer, Bank, Errand, Work, carried_out, looked_up
from creditbank.services.import_files import PIECE_BYTES, cipher_of, sealed_piece, written
from creditbank.storage import import_parts, imports
from creditbank.storage.imports import Import

SCOPE = "outcomes:write"

OPEN_MAX = 20
"""Imports of one client that are under way: who sends more waits, so that no one fills the database."""

OPEN_RETRY_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Asked:
    """How a file is to be taken; `encoding` and `format` where the sender says so."""

    mapping: str
    mode: Mode
    encoding: str | None = None
    format: SheetFormat | None = None


def check_asked(asked: Asked) -> None:
    """Let pass what can be done. Refused: Malformed."""
    if asked.mapping not in mapping_codes():
        known = ", ".join(mapping_codes())
        zh, en = f"没有这个对照表；可用：{known}。", f"There is no such mapping; use one of {known}."
        raise Malformed((Fault("/mapping", "unknown_mapping", zh, en),))
    assert asked.encoding is None or asked.encoding in ENCODINGS, "the API takes no other"


def faults_by_itself(work: Work, record: Record) -> tuple[Fault, ...]:
    """Return what is wrong with a record whatever else is on record: its days, its scheme, its learner's number."""
    faults = record_faults(record, work.today, work.rulebook().schemes)
    if record.learner.id is not None:
        return faults
    try:
        claim_of_reference(record.learner, work.actor.institution_code, work.today)
    except Malformed as malformed:
        return faults + malformed.faults
    return faults


def received(bank: Bank, errand: Errand, asked: Asked, content: Iterable[bytes], bytes_max: int) -> UUID:
    """Keep a file for a worker to import and return its import, or the earlier one where its key came before.

    Each piece is a transaction of its own, so that nobody waits for whoever sends slowly; the last one is the errand.
    Refused: ScopeMissing, NotAllowed, Malformed, TooLarge, TooMany, KeyReused, TryLater.
    """
    check_sender(errand.actor)
    check_asked(asked)
    blocks = _pieces(content)
    first = next(blocks, b"")
    kind = kind_of(first[:SNIFFED_BYTES], asked.format)
    if isinstance(kind, Fault):
        raise Malformed((kind,))
    made = looked_up(bank, errand.actor, lambda work: _opened(work, asked, kind))
    written(bank, lambda connection: imports.add(connection, made))
    given: UUID | None = None
    try:
        digest = hashlib.sha256(f"{asked}".encode())
        length = _keep(bank, made, _joined(first, blocks), digest, bytes_max)
        given = _waiting(bank, errand, made, length, digest.hexdigest())
    finally:
        if given != made.id:
            written(bank, lambda connection: imports.drop(connection, made.id))
    return given


def check_sender(actor: Actor) -> None:
    """Let pass who may send files. Refused: ScopeMissing, NotAllowed."""
    require(actor, SCOPE)
    if actor.institution_id is None:
        zh, en = "只有机构的客户端可以导入文件。", "Only programs of institutions import files."
        raise NotAllowed((Fault("", "institutions_only", zh, en),))


def _opened(work: Work, asked: Asked, kind: SheetFormat) -> Import:
    if imports.open_count(work.connection, work.actor.client_id) >= OPEN_MAX:
        zh = f"您有 {OPEN_MAX} 个导入尚未完成；请等其完成后再提交。"
        en = f"{OPEN_MAX} of your imports are under way; wait until one is done."
        raise TooMany((Fault("", "too_many_imports", zh, en),), OPEN_RETRY_SECONDS)
    assert work.actor.institution_id is not None, "it was checked"
    return Import(
        id=work.new_id(),
        institution_id=work.actor.institution_id,
        client_id=work.actor.client_id,
        state=ImportState.RECEIVING,
        format=kind,
        mapping=asked.mapping,
        mode=asked.mode,
        encoding=asked.encoding,
        wrapped_key=work.keyring.new_person_key(),
        sealed_plan=None,
        faults=None,
        bytes_total=0,
        rows_total=None,
        rows_done=0,
        counts=Counts(),
        lanes=1,
        failures=0,
        created_at=work.now,
        ended_at=None,
    )


def _keep(bank: Bank, made: Import, blocks: Iterator[bytes], digest: Any, bytes_max: int) -> int:  # noqa: ANN401
    """Keep the pieces of a file, each in a transaction of its own; return its length. Refused: TooLarge, TryLater."""
    cipher = cipher_of(bank.keyring, made)
    length = 0
    for number, block in enumerate(blocks):
        length += len(block)
        if length > bytes_max:
            raise TooLarge((_too_large(bytes_max),))
        digest.update(block)
        piece = sealed_piece(cipher, made.id, block, number, is_converted=False)
        written(bank, partial(import_parts.add_pieces, pieces=[piece]))
    return length


def _waiting(bank: Bank, errand: Errand, made: Import, length: int, digest: str) -> UUID:
    """Let the import wait for a worker; a key that came before gives the import that was made then."""

    def action(work: Work) -> Answer:
        imports.change(work.connection, made.id, state=ImportState.WAITING, bytes_total=length)
        return Answer({"id": str(made.id)}, is_new=True, subject=str(made.id))

    whole = Errand(errand.actor, errand.action, errand.request_id, errand.key, f"{errand.content}\n{digest}")
    return UUID(carried_out(bank, whole, action).body["id"])


def _pieces(content: Iterable[bytes]) -> Iterator[bytes]:
    """Give what comes in any parts as pieces of one length, the last one shorter."""
    waiting = bytearray()
    for part in content:
        waiting += part
        while len(waiting) >= PIECE_BYTES:
            yield bytes(waiting[:PIECE_BYTES])
            del waiting[:PIECE_BYTES]
    if waiting:
        yield bytes(waiting)


def _joined(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _too_large(bytes_max: int) -> Fault:
    most = bytes_max // 1024 // 1024
    zh = f"文件大于 {most} MiB；请拆分后分别提交。"
    return Fault("", "file_too_large", zh, f"The file is larger than {most} MiB; send it in parts.")
