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
from creditbank.storage import import_lanes, import_parts, imports
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

    While an import is under way it ends before the first row that has no answer yet, so that whoever goes on from
    there misses none.
    Refused: ScopeMissing, Unknown; Conflict where they are not kept any more.
    """
    found = _kept(work, import_id)
    cipher = cipher_of(work.keyring, found)
    reached = import_lanes.line_reached(work.connection, import_id) if found.state in OPEN else None
    given: list[list[Any]] = []
    line: int | None = after[0] - 1
    while len(given) < rows_max and line is not None:
        part = _part(work, import_id, line, found.lanes)
        answers = sorted(one for block in part.blocks for one in opened_answers(cipher, block) if part.has(one[0]))
        given += [one for one in answers if (one[0], one[1]) > after and (reached is None or one[0] < reached)]
        line = part.until
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
    part = _part(work, import_id, after_row, BLOCKS_MAX)
    rows = [row for block in part.blocks for row in opened_rejects(cipher, block) if part.has(row["row"])]
    return Rejected(plan.header, sorted(rows, key=lambda row: row["row"]), part.until)


@dataclass(frozen=True, slots=True)
class _Part:
    """Blocks with all answers to the rows behind one and up to another, which is None where there are no more."""

    blocks: list[import_parts.AnswerBlock]
    after: int
    until: int | None

    def has(self, row: int) -> bool:
        return self.after < row and (self.until is None or row <= self.until)


def _part(work: Work, import_id: UUID, after_row: int, blocks_max: int) -> _Part:
    """Return the answers behind a row as far as so many blocks hold all of them, at least as many as there are lanes.

    Only one block of each lane begins before a row and reaches beyond it, so that each part goes further than the last.
    """
    blocks = import_parts.answers(work.connection, import_id, after_row, blocks_max + 1)
    until = blocks.pop().first_row - 1 if len(blocks) > blocks_max else None
    return _Part(blocks, after_row, until)


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
