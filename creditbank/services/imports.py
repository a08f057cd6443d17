"""Imports: shown with how far each is, stopped, answered row by row, and forgotten after a while."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from creditbank.core.errors import Conflict, Fault, Refusal, unknown
from creditbank.core.importing import OPEN, ImportState
from creditbank.core.permission import Actor, require
from creditbank.services.bank import Bank, Work, looked_up
from creditbank.services.import_files import (
    Plan,
    cipher_of,
    opened_answers,
    opened_plan,
    opened_rejects,
    written,
)
from creditbank.services.import_receiving import SCOPE
from creditbank.storage import import_parts, imports
from creditbank.storage.imports import Import

__all__ = [
    "Import",
    "Rejected",
    "all_rejected",
    "answers",
    "cancel",
    "faults_of",
    "forget_old",
    "page",
    "rejected",
    "shown",
]

FORGOTTEN_MAX = 100
"""Imports that are forgotten in one transaction."""

BLOCKS_MAX = 8
"""Blocks of answers that are opened at once: some thousand rows."""


def shown(work: Work, import_id: UUID) -> Import:
    """Return an import of the actor's institution. Refused: ScopeMissing, Unknown alike for one of another's."""
    require(work.actor, SCOPE)
    found = imports.by_id(work.connection, import_id)
    if found is None or found.institution_id != work.actor.institution_id or found.state is ImportState.RECEIVING:
        raise _unknown()
    return found


def page(work: Work, after: tuple[datetime, UUID] | None, rows_max: int) -> list[Import]:
    """Return the imports of the actor's institution, newest first. Refused: ScopeMissing."""
    require(work.actor, SCOPE)
    assert work.actor.institution_id is not None, "learners' tokens carry no scope for writing"
    return imports.page(work.connection, work.actor.institution_id, after, rows_max)


def cancel(work: Work, import_id: UUID) -> Import:
    """Stop an import; what was booked stays, and the rows that were answered keep their answers.

    Stopped before it is answered as it stands. Refused: ScopeMissing, Unknown; Conflict where it is at its end.
    """
    shown(work, import_id)
    found = imports.locked(work.connection, import_id)
    assert found is not None, "it was there a moment ago"
    if found.state is ImportState.CANCELLED:
        return found
    if found.state not in OPEN:
        zh, en = f"此导入已结束（{found.state}）。", f"This import is at its end already: {found.state}."
        raise Conflict((Fault("", "import_ended", zh, en),))
    imports.end(work.connection, import_id, ImportState.CANCELLED, work.now)
    return shown(work, import_id)


def answers(work: Work, import_id: UUID, after: tuple[int, int], rows_max: int) -> list[list[Any]]:
    """Return answers to records in their order, from the one behind a row and its part, as `import_answers` says.

    Refused: ScopeMissing, Unknown; Conflict where they are not kept any more.
    """
    found = _kept(work, import_id)
    cipher = cipher_of(work.keyring, found)
    given: list[list[Any]] = []
    line = after[0] - 1
    while len(given) < rows_max:
        blocks = import_parts.answers(work.connection, import_id, line, 1)
        if not blocks:
            break
        given += [answer for answer in opened_answers(cipher, blocks[0]) if (answer[0], answer[1]) > after]
        line = blocks[0].last_row
    return given[:rows_max]


@dataclass(frozen=True, slots=True)
class Rejected:
    """Some rejected rows, in their order, with the header of their table; `after_row` is where to go on, if at all."""

    header: tuple[str, ...]
    rows: list[dict[str, Any]]
    after_row: int | None


def rejected(work: Work, import_id: UUID, after_row: int) -> Rejected:
    """Return rejected rows from the one behind a line, some thousand at a time.

    Refused: ScopeMissing, Unknown; Conflict where they are not kept any more.
    """
    found = _kept(work, import_id)
    cipher = cipher_of(work.keyring, found)
    plan = opened_plan(cipher, found) if found.sealed_plan is not None else Plan("", "", (), 0, 0)
    blocks = import_parts.answers(work.connection, import_id, after_row, BLOCKS_MAX)
    rows = [row for block in blocks for row in opened_rejects(cipher, block)]
    more = blocks[-1].last_row if len(blocks) == BLOCKS_MAX else None
    return Rejected(plan.header, rows, more)


def all_rejected(bank: Bank, actor: Actor, import_id: UUID, first: Rejected) -> Iterator[dict[str, Any]]:
    """Give all rejected rows, of which the first are at hand; the others are asked for as they are needed."""
    part = first
    while True:
        yield from part.rows
        if part.after_row is None:
            return
        part = looked_up(bank, actor, partial(rejected, import_id=import_id, after_row=part.after_row))


def forget_old(bank: Bank, kept: timedelta, unsent: timedelta) -> int:
    """Forget what is kept of imports that ended long ago, and those that were never sent whole; return how many."""
    now = bank.clock()

    def forget(connection: Connection) -> int:
        ended = imports.ended_before(connection, now - kept, FORGOTTEN_MAX)
        imports.forget(connection, ended)
        never_sent = imports.abandoned(connection, now - unsent, FORGOTTEN_MAX)
        for one in never_sent:
            imports.drop(connection, one)
        return len(ended) + len(never_sent)

    return written(bank, forget)


def _kept(work: Work, import_id: UUID) -> Import:
    found = shown(work, import_id)
    if found.wrapped_key is None:
        zh = "此导入的逐行结果已过保存期限并删除；如仍需要，请重新提交文件，已入库的行不会重复。"
        en = (
            "The answers to its rows are not kept any longer; send the file again, what is on record isn't taken twice."
        )
        raise Conflict((Fault("", "answers_forgotten", zh, en),))
    return found


def _unknown() -> Refusal:
    return unknown("导入", "import")


def faults_of(found: Import) -> list[dict[str, str]]:
    """Return why a file was refused, as it stands on the wire."""
    kept: list[dict[str, str]] = json.loads(found.faults) if found.faults else []
    return kept
