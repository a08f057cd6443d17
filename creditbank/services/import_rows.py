"""The rows of an import are booked, some of them or all in one transaction, with how far the import is.

Wherever a worker ends, the next one goes on behind the last row that has an answer, and no row has two.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from creditbank.core.errors import Fault
from creditbank.core.importing import Counts, Cursor, ImportState, SheetFormat
from creditbank.core.permission import Actor
from creditbank.formats.csv_rows import Lines
from creditbank.formats.row_binding import Binding, Derive, bound
from creditbank.formats.row_reading import ReadRow, json_rows, table_rows
from creditbank.formats.strict_json import text_of
from creditbank.gateways.keyring import PersonCipher
from creditbank.services.bank import Answer, Bank, Errand, Work, carried_out
from creditbank.services.import_answers import Answered, Block, RecordReader, booked
from creditbank.services.import_files import Ask, Plan, asking, pieces_from, sealed_block, written
from creditbank.storage import import_parts, imports
from creditbank.storage.imports import Import

LEASE = timedelta(seconds=60)
"""How long an import is left to its worker after its last sign of life: longer than any rows take that are booked
together, but for those that are booked all or none, which nobody else can lock meanwhile."""

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
    """An import on which a worker works: how its file is read, in whose name it is booked, and by which worker."""

    bank: Bank
    worker: str
    read: RecordReader
    found: Import
    cipher: PersonCipher
    plan: Plan
    sender: Actor
    derive: Derive

    def post_some(self, is_time: Callable[[], bool]) -> int:
        """Book rows until it is time to stop or all are answered; return how many. Raised: LeaseLost."""
        cursor = self.found.cursor
        for block in self._blocks(asking(self.bank)):
            self._post(block, cursor)
            cursor = block.end
            if is_time():
                break
        return cursor.rows_done - self.found.cursor.rows_done

    def post_all(self) -> int:
        """Book all rows in one transaction, or none where any is rejected; return how many. Raised: LeaseLost."""
        answered: list[Answered] = []

        def action(work: Work) -> Answer:
            answered.clear()
            held_to(work.connection, self.found, self.worker, self.found.cursor)
            end = self.found.cursor
            for block in self._blocks(lambda query: query(work.connection)):
                answered.append(booked(work, block, self.read))
                self._keep(work.connection, answered[-1])
                end = block.end
            counts = _summed(answered)
            if counts.rejected:
                raise _NotAll
            self._advance(work, end, counts)
            return Answer({}, is_new=True, subject=f"{self.found.id}: {end.rows_done} rows")

        try:
            carried_out(self.bank, Errand(self.sender, "import.post"), action)
        except _NotAll:
            self._refuse_all(answered)
        return self.found.rows_total or 0

    def _post(self, block: Block, cursor: Cursor) -> None:
        """Book some rows with their answers and how far that is, in one transaction."""

        def action(work: Work) -> Answer:
            held_to(work.connection, self.found, self.worker, cursor)
            answered = booked(work, block, self.read)
            self._keep(work.connection, answered)
            self._advance(work, block.end, answered.counts)
            return Answer({}, is_new=True, subject=f"{self.found.id}: {block.end.rows_done} rows")

        carried_out(self.bank, Errand(self.sender, "import.post"), action)

    def _keep(self, connection: Connection, answered: Answered) -> None:
        block = sealed_block(self.cipher, self.found.id, answered.lines, answered.answers, answered.rejects)
        import_parts.add_answers(connection, block)

    def _advance(self, work: Work, end: Cursor, counts: Counts) -> None:
        """Note how far the import is; at its end it needs its file no more."""
        connection, import_id = work.connection, self.found.id
        imports.advance(connection, import_id, end, counts, work.now + LEASE)
        if end.rows_done == self.found.rows_total:
            imports.end(connection, import_id, ImportState.DONE, work.now)

    def _refuse_all(self, answered: list[Answered]) -> None:
        """End an import of which nothing is booked, as some rows were rejected; all have their answers."""
        rejected = _summed(answered).rejected
        zh = f"有 {rejected} 条记录被拒收，按要求整体未入库；更正后请重新提交整个文件。"
        en = f"{rejected} records were rejected, so that nothing was booked, as asked; mend them and send all again."
        end = Cursor(self.found.cursor.position, self.found.cursor.line, self.found.rows_total or 0)

        def note(connection: Connection) -> None:
            held_to(connection, self.found, self.worker, self.found.cursor)
            for one in answered:
                self._keep(connection, one.unbooked())
            now = self.bank.clock()
            imports.advance(connection, self.found.id, end, Counts(rejected=rejected), now + LEASE)
            refuse(connection, self.found, (Fault("", "not_all", zh, en),), now)

        written(self.bank, note)

    def _blocks(self, ask: Ask) -> Iterator[Block]:
        """Give the rows that are left in blocks of so many records, or bytes, as are booked together."""
        rows: list[ReadRow] = []
        records, done, begins = 0, self.found.cursor.rows_done, self.found.cursor.position
        for row in self._rows(ask):
            rows.append(row)
            records += len(row.documents)
            if records >= RECORDS_MAX or row.position - begins >= BLOCK_BYTES_MAX:
                done += len(rows)
                yield Block(rows, Cursor(row.position, row.next_line, done))
                rows, records, begins = [], 0, row.position
        if rows:
            yield Block(rows, Cursor(rows[-1].position, rows[-1].next_line, done + len(rows)))

    def _rows(self, ask: Ask) -> Iterator[ReadRow]:
        """Give the rows that are left."""
        found, plan, cursor = self.found, self.plan, self.found.cursor
        pieces = pieces_from(ask, self.cipher, found.id, cursor.position, is_converted=plan.is_converted)
        lines = Lines(pieces, plan.encoding, cursor.position, cursor.line - 1)
        if found.format is SheetFormat.NDJSON:
            return json_rows(lines, found.mapping, self.derive)
        binding = bound(found.mapping, plan.header, is_typed=plan.is_converted)
        assert isinstance(binding, Binding), "it was bound when the file was read to its end"
        return table_rows(lines, plan.delimiter, binding, self.derive)


def held_to(connection: Connection, found: Import, worker: str, cursor: Cursor) -> None:
    """Lock an import that is still this worker's and stands where it is thought to. Raised: LeaseLost."""
    current = imports.locked(connection, found.id)
    if current is None or current.leased_by != worker or current.state is not found.state or current.cursor != cursor:
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
