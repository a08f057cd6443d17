"""Imports are worked on: a worker leases a lane of one, reads its file to the end, and books rows for a while.

The rows of a large file are shared by lanes, each of which another worker may lease. A lease only keeps workers out of
each other's way. What is written is guarded by the lane's own row, which each transaction locks and finds where it
expects it.
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
from creditbank.formats.row_binding import Derive
from creditbank.services.bank import Bank
from creditbank.services.import_answers import RecordReader
from creditbank.services.import_checking import checked
from creditbank.services.import_files import cipher_of, opened_plan, read, sealed_plan, written
from creditbank.services.import_ids import deriving
from creditbank.services.import_receiving import SCOPE
from creditbank.services.import_rows import LEASE, LeaseLost, Task, held_to, refuse
from creditbank.storage import clients, import_lanes, import_parts, imports
from creditbank.storage.import_lanes import Lane
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
    leased = written(desk.bank, lambda one: imports.leased(one, desk.worker, (now, now + LEASE), import_id))
    if leased is None:
        return 0
    found, lane = leased
    until = desk.clock() + seconds
    try:
        return _worked(desk, found, lane, lambda: desk.clock() >= until)
    except LeaseLost:
        return 0
    except TryLater:
        raise
    except Exception:
        written(desk.bank, lambda connection: _note_failure(connection, desk, lane))
        raise
    finally:
        written(desk.bank, lambda connection: import_lanes.release(connection, lane, desk.worker))


def _worked(desk: Desk, found: Import, lane: Lane, is_time: Callable[[], bool]) -> int:
    """Read the file to its end if that was not done yet, then book rows of the lane."""
    cipher = cipher_of(desk.bank.keyring, found)
    sender = _sender(desk.bank, found)
    if sender is None:
        zh = "提交此导入的客户端已停用或不再有权限；导入已停止。"
        en = "The client that sent this was deactivated or lost its scope; the import is stopped."
        _refuse(desk, found, lane, (Fault("", "sender_not_allowed", zh, en),))
        return 0
    derive = deriving(desk.bank, found.institution_id)
    if found.state is ImportState.WAITING:
        try:
            found, lane = _read_to_the_end(desk, found, lane, derive)
        except Malformed as refused:
            _refuse(desk, found, lane, refused.faults)
            return 0
    task = Task(desk.bank, desk.read, found, lane, cipher, opened_plan(cipher, found), sender, derive)
    return task.post_all() if found.mode is Mode.ALL else task.post_some(is_time)


def _read_to_the_end(desk: Desk, found: Import, lane: Lane, derive: Derive) -> tuple[Import, Lane]:
    """Find out how the file is read and note it. Refused: Malformed, TryLater. Raised: LeaseLost."""
    cipher = cipher_of(desk.bank.keyring, found)
    sound = checked(desk.bank, cipher, found, derive, _beat(desk, lane))
    cursor = Cursor(sound.plan.position, sound.plan.line)
    noted = {
        "state": ImportState.POSTING,
        "sealed_plan": sealed_plan(cipher, found.id, sound.plan),
        "encoding": sound.plan.encoding,
        "rows_total": sound.rows_total,
        "lanes": sound.lanes,
    }

    def note(connection: Connection) -> Import:
        held_to(connection, lane, found.state)
        imports.change(connection, found.id, **noted)
        import_lanes.spread(connection, found.id, sound.lanes, cursor)
        if sound.plan.is_converted:
            import_parts.drop_pieces(connection, found.id, only_converted=False)
        changed = imports.by_id(connection, found.id)
        assert changed is not None, "its lane is held"
        return changed

    return written(desk.bank, note), replace(lane, cursor=cursor)


def _beat(desk: Desk, lane: Lane) -> Callable[[], None]:
    """Return what prolongs the lease now and then. Raised by it: LeaseLost."""
    last = desk.clock()

    def beat() -> None:
        nonlocal last
        if desk.clock() - last < BEAT_SECONDS:
            return
        last = desk.clock()
        until = desk.bank.clock() + LEASE
        if not written(desk.bank, lambda connection: import_lanes.renew(connection, lane, desk.worker, until)):
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


def _refuse(desk: Desk, found: Import, lane: Lane, faults: tuple[Fault, ...]) -> None:
    """End the import with the reasons why it can't go on, if the lane is still this worker's."""

    def note(connection: Connection) -> None:
        held_to(connection, lane, found.state)
        refuse(connection, found, faults, desk.bank.clock())

    written(desk.bank, note)


def _note_failure(connection: Connection, desk: Desk, lane: Lane) -> None:
    """Let a lane rest that failed unforeseen, longer each time, and give the import up in the end."""
    held = import_lanes.locked(connection, lane)
    current = imports.locked(connection, lane.file_id)
    if held is None or held.leased_by != desk.worker or current is None or current.state not in OPEN:
        return
    failures = current.failures + 1
    if failures >= FAILURES_MAX:
        zh = "导入多次因系统内部错误中断，已停止；请联系我们。"
        en = "The import failed several times for a fault of ours and is stopped; write to us."
        refuse(connection, current, (Fault("", "internal", zh, en),), desk.bank.clock())
        return
    rests_until = desk.bank.clock() + timedelta(seconds=BACKOFF_SECONDS * 2**failures)
    imports.change(connection, current.id, failures=failures)
    import_lanes.change(connection, lane, leased_by="nobody", leased_until=rests_until)
