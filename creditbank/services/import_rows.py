"""The rows of an import are booked, some of them or all in one transaction, with how far the import is.

Wherever a worker ends, the next one goes on behind the last row that has an answer, and no row has two.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from creditbank.core.errors import Fault
from creditbank.core.importing import Counts, Cursor, ImportState
from creditbank.core.lanes import lane_of
from creditbank.core.permission import Actor
from creditbank.formats.csv_rows import Lines
from creditbank.formats.row_binding import Derive
from creditbank.formats.row_reading import ReadRow
from creditbank.formats.strict_json import text_of
from creditbank.gateways.keyring import PersonCipher
from creditbank.services.bank import Answer, Bank, Errand, Work, carried_out
from creditbank.services.import_answers import Answered, Block, RecordReader, booked
from creditbank.services.import_files import Ask, Plan, asking, pieces_from, rows_of, sealed_block, written
from creditbank.storage import import_lanes, import_parts, imports
from creditbank.storage.import_lanes import Lane
from creditbank.storage.imports import Import

LEASE = timedelta(seconds=60)
"""How long a lane is left to its worker after its last sign of life: longer than any rows take that are booked
together, but for those that are booked all or none, whose lane nobody else can lock meanwhile."""

RECORDS_MAX = 1_000
"""Records of one transaction: whoever wants the same learners waits for less than a second."""


BLOCK_BYTES_MAX = 4 * 1024 * 1024
"""Bytes of rows that are booked together: rows may be as long as lines may be."""


class LeaseLost(Exception):  # noqa: N818 - what happened, not an error
    """Somebody else works on the import, or it was stopped; nothing was written."""


class _NotAll(Exception):  # noqa: N818 - what happened: the transaction is undone by it
    """Some rows of an import that is booked as a whole were rejected."""


@dataclass(frozen=True, slots=True)
class Task:
    """A lane on which a worker works: how its file is read, and in whose name it is booked."""

    bank: Bank
    read: RecordReader
    found: Import
    lane: Lane
    cipher: PersonCipher
    plan: Plan
    sender: Actor
    derive: Derive

    def post_some(self, is_time: Callable[[], bool]) -> int:
        """Book rows until it is time to stop or the lane is at its end; return how many. Raised: LeaseLost."""
        cursor, done = self.lane.cursor, 0
        for block in self._blocks(asking(self.bank)):
            self._post(block, cursor)
            cursor, done = block.end, done + len(block.rows)
            if is_time():
                return done
        written(self.bank, lambda connection: import_lanes.change(connection, self.lane, is_done=True))
        return done

    def post_all(self) -> int:
        """Book all rows in one transaction, or none where any is rejected; return how many. Raised: LeaseLost."""
        answered: list[Answered] = []

        def action(work: Work) -> Answer:
            answered.clear()
            held_to(work.connection, self.lane, self.found.state)
            end, rows = self.lane.cursor, 0
            for block in self._blocks(lambda query: query(work.connection)):
                answered.append(booked(work, block, self.read))
                self._keep(work.connection, answered[-1])
                end, rows = block.end, rows + len(block.rows)
            counts = _summed(answered)
            if counts.rejected:
                raise _NotAll
            self._advance(work, (end, rows, counts))
            return Answer({}, is_new=True, subject=f"{self.found.id}: {rows} rows")

        try:
            carried_out(self.bank, Errand(self.sender, "import.post"), action)
        except _NotAll:
            self._refuse_all(answered)
        return self.found.rows_total or 0

    def _post(self, block: Block, cursor: Cursor) -> None:
        """Book some rows with their answers and how far that is, in one transaction."""

        def action(work: Work) -> Answer:
            held_to(work.connection, replace(self.lane, cursor=cursor), self.found.state)
            answered = booked(work, block, self.read)
            self._keep(work.connection, answered)
            self._advance(work, (block.end, len(block.rows), answered.counts))
            return Answer({}, is_new=True, subject=f"{self.found.id}: {len(block.rows)} rows to line {block.lines[1]}")

        carried_out(self.bank, Errand(self.sender, "import.post"), action)

    def _keep(self, connection: Connection, answered: Answered) -> None:
        block = sealed_block(self.cipher, self.found.id, answered.lines, answered.answers, answered.rejects)
        import_parts.add_answers(connection, block)

    def _advance(self, work: Work, done: tuple[Cursor, int, Counts]) -> None:
        """Note how far the lane is; at its end the import needs its file no more. Raised: LeaseLost."""
        connection, import_id = work.connection, self.found.id
        if not imports.advance(connection, self.lane, done, work.now + LEASE):
            raise LeaseLost
        found = imports.by_id(connection, import_id)
        assert found is not None, "it was changed a moment ago"
        if found.rows_done == found.rows_total:
            imports.end(connection, import_id, ImportState.DONE, work.now)

    def _refuse_all(self, answered: list[Answered]) -> None:
        """End an import of which nothing is booked, as some rows were rejected; all have their answers."""
        rejected = _summed(answered).rejected
        zh = f"有 {rejected} 条记录被拒收，按要求整体未入库；更正后请重新提交整个文件。"
        en = f"{rejected} records were rejected, so that nothing was booked, as asked; mend them and send all again."
        done = (self.lane.cursor, self.found.rows_total or 0, Counts(rejected=rejected))

        def note(connection: Connection) -> None:
            held_to(connection, self.lane, self.found.state)
            for one in answered:
                self._keep(connection, one.unbooked())
            now = self.bank.clock()
            imports.advance(connection, self.lane, done, now + LEASE)
            refuse(connection, self.found, (Fault("", "not_all", zh, en),), now)

        written(self.bank, note)

    def _blocks(self, ask: Ask) -> Iterator[Block]:
        """Give the lane's rows that are left in blocks of so many records, or bytes, as are booked together."""
        rows: list[ReadRow] = []
        records, begins = 0, self.lane.cursor.position
        for row in self._rows(ask):
            if self.found.lanes > 1 and lane_of(row.learner, self.found.lanes) != self.lane.number:
                continue
            rows.append(row)
            records += len(row.documents)
            if records >= RECORDS_MAX or row.position - begins >= BLOCK_BYTES_MAX:
                yield Block(rows, Cursor(row.position, row.next_line))
                rows, records, begins = [], 0, row.position
        if rows:
            yield Block(rows, Cursor(rows[-1].position, rows[-1].next_line))

    def _rows(self, ask: Ask) -> Iterator[ReadRow]:
        """Give the rows that are left of all lanes."""
        plan, cursor = self.plan, self.lane.cursor
        pieces = pieces_from(ask, self.cipher, self.found.id, cursor.position, is_converted=plan.is_converted)
        lines = Lines(pieces, plan.encoding, cursor.position, cursor.line - 1)
        return rows_of(lines, self.found, plan, self.derive)


def held_to(connection: Connection, lane: Lane, state: ImportState) -> None:
    """Lock a lane that is still its worker's; it and its import stand where they are thought to. Raised: LeaseLost."""
    current = import_lanes.locked(connection, lane)
    found = imports.by_id(connection, lane.file_id)
    if current != lane or found is None or found.state is not state:
        raise LeaseLost


def refuse(connection: Connection, found: Import, faults: tuple[Fault, ...], now: datetime) -> None:
    """End an import with the reasons why it can't go on."""
    documents: list[dict[str, Any]] = [
        {"pointer": one.pointer, "code": one.code, "message_zh": one.message_zh, "message_en": one.message_en}
        for one in faults
    ]
    imports.end(connection, found.id, ImportState.REFUSED, now, text_of(documents))


def _summed(answered: list[Answered]) -> Counts:
    counts = Counts()
    for one in answered:
        counts = counts.plus(one.counts)
    return counts
