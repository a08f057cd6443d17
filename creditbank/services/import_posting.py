"""Imports are worked on: a worker leases one, reads its file to the end, and books its rows for a while.

A lease only keeps workers out of each other's way. What is written is guarded by the import's own row, which each
transaction locks and finds where it expects it.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from uuid import UUID

from sqlalchemy import Connection

from creditbank.core.errors import Fault, Malformed, TryLater
from creditbank.core.importing import OPEN, Cursor, ImportState, Mode
from creditbank.core.permission import Actor
from creditbank.gateways.keyring import PersonCipher
from creditbank.services.bank import Bank
from creditbank.services.import_answers import RecordReader
from creditbank.services.import_checking import checked
from creditbank.services.import_files import cipher_of, opened_plan, read, sealed_plan, written
from creditbank.services.import_ids import deriving
from creditbank.services.import_receiving import SCOPE
from creditbank.services.import_rows import LEASE, LeaseLost, Task, held_to, refuse
from creditbank.storage import clients, import_parts, imports
from creditbank.storage.imports import Import

BEAT_SECONDS = 15.0
"""How often a worker that reads a large file says that it is there."""

FAILURES_MAX = 5
"""After so many failures an import is given up: rows that break something would break it for ever."""

BACKOFF_SECONDS = 15
"""How long an import rests after its first failure; it doubles with each."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Where imports are worked on: by which worker, and what makes records of documents."""

    bank: Bank
    worker: str
    read: RecordReader
    clock: Callable[[], float] = field(default=time.monotonic)


def work_on_one(desk: Desk, seconds: float, import_id: UUID | None = None) -> int:
    """Work for some seconds on the import that has waited longest, or on the one that is named.

    Return how many rows were answered. Refused: TryLater. Raised: what went wrong unforeseen, once it was noted.
    """
    now = desk.bank.clock()
    if not read(desk.bank, lambda connection: imports.is_waiting(connection, now)):
        return 0
    found = written(desk.bank, lambda one: imports.leased(one, desk.worker, (now, now + LEASE), import_id))
    if found is None:
        return 0
    until = desk.clock() + seconds
    try:
        return _worked(desk, found, lambda: desk.clock() >= until)
    except LeaseLost:
        return 0
    except TryLater:
        raise
    except Exception:
        written(desk.bank, lambda connection: _note_failure(connection, desk, found))
        raise
    finally:
        written(desk.bank, lambda connection: imports.release(connection, found.id, desk.worker))


def _worked(desk: Desk, found: Import, is_time: Callable[[], bool]) -> int:
    """Read the file to its end if that was not done yet, then book rows."""
    cipher = cipher_of(desk.bank.keyring, found)
    sender = _sender(desk.bank, found)
    if sender is None:
        zh = "提交此导入的客户端已停用或不再有权限；导入已停止。"
        en = "The client that sent this was deactivated or lost its scope; the import is stopped."
        _refuse(desk, found, (Fault("", "sender_not_allowed", zh, en),))
        return 0
    if found.state is ImportState.WAITING:
        try:
            found = _read_to_the_end(desk, found, cipher)
        except Malformed as refused:
            _refuse(desk, found, refused.faults)
            return 0
    derive = deriving(desk.bank, found.institution_id)
    task = Task(desk.bank, desk.worker, desk.read, found, cipher, opened_plan(cipher, found), sender, derive)
    return task.post_all() if found.mode is Mode.ALL else task.post_some(is_time)


def _read_to_the_end(desk: Desk, found: Import, cipher: PersonCipher) -> Import:
    """Find out how the file is read and note it. Refused: Malformed, TryLater. Raised: LeaseLost."""
    sound = checked(desk.bank, cipher, found, _beat(desk, found.id))
    cursor = Cursor(sound.plan.position, sound.plan.line)
    plan = sealed_plan(cipher, found.id, sound.plan)
    state = ImportState.POSTING

    def note(connection: Connection) -> None:
        held_to(connection, found, desk.worker, found.cursor)
        noted = {"state": state, "sealed_plan": plan, "encoding": sound.plan.encoding, "rows_total": sound.rows_total}
        imports.change(connection, found.id, **noted, position=cursor.position, line=cursor.line)
        if sound.plan.is_converted:
            import_parts.drop_pieces(connection, found.id, only_converted=False)

    written(desk.bank, note)
    return replace(found, state=state, sealed_plan=plan, rows_total=sound.rows_total, cursor=cursor)


def _beat(desk: Desk, import_id: UUID) -> Callable[[], None]:
    """Return what prolongs the lease now and then. Raised by it: LeaseLost."""
    last = desk.clock()

    def beat() -> None:
        nonlocal last
        if desk.clock() - last < BEAT_SECONDS:
            return
        last = desk.clock()
        until = desk.bank.clock() + LEASE
        if not written(desk.bank, lambda connection: imports.renew(connection, import_id, desk.worker, until)):
            raise LeaseLost

    return beat


def _sender(bank: Bank, found: Import) -> Actor | None:
    """Return in whose name the rows are booked: of the client that sent them, if it still may."""
    client = read(bank, lambda connection: clients.by_id(connection, found.client_id))
    member = bank.membership(found.client_id)
    if client is None or member is None or not client.is_active or SCOPE not in client.scopes:
        return None
    place = (member.institution_id, member.code)
    return Actor(client.id, frozenset({SCOPE}), *place, institution_roles=member.roles)


def _refuse(desk: Desk, found: Import, faults: tuple[Fault, ...]) -> None:
    """End the import with the reasons why it can't go on, if it is still this worker's."""

    def note(connection: Connection) -> None:
        held_to(connection, found, desk.worker, found.cursor)
        refuse(connection, found, faults, desk.bank.clock())

    written(desk.bank, note)


def _note_failure(connection: Connection, desk: Desk, found: Import) -> None:
    """Let an import rest that failed unforeseen, longer each time, and give it up in the end."""
    current = imports.locked(connection, found.id)
    if current is None or current.leased_by != desk.worker or current.state not in OPEN:
        return
    failures = current.failures + 1
    if failures >= FAILURES_MAX:
        zh = "导入多次因系统内部错误中断，已停止；请联系我们。"
        en = "The import failed several times for a fault of ours and is stopped; write to us."
        refuse(connection, current, (Fault("", "internal", zh, en),), desk.bank.clock())
        return
    rests_until = desk.bank.clock() + timedelta(seconds=BACKOFF_SECONDS * 2**failures)
    imports.change(connection, found.id, failures=failures, leased_by="nobody", leased_until=rests_until)
