"""Some rows of a file are booked together, and each is answered."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from creditbank.core.errors import Fault, Malformed, Refusal
from creditbank.core.importing import Counts, Cursor
from creditbank.core.outcome import Record
from creditbank.formats.row_reading import ReadRow
from creditbank.services.bank import Work
from creditbank.services.outcomes import post_records
from creditbank.services.receipts import Receipt

ACCEPTED, REPLAYED, REJECTED = "accepted", "replayed", "rejected"
UNBOOKED = "unbooked"
"""A good record of a file of which all was to be booked or nothing."""

RecordReader = Callable[[object], "Record | tuple[Fault, ...]"]
"""Makes a record of a document, or says why it is none, as `POST /v1/outcomes` does."""


@dataclass(frozen=True, slots=True)
class Block:
    """Rows that are booked together, and where the import stands behind them."""

    rows: Sequence[ReadRow]
    end: Cursor

    @property
    def lines(self) -> tuple[int, int]:
        """Return the first row's line and the last one's."""
        return self.rows[0].line, self.rows[-1].line


@dataclass(frozen=True, slots=True)
class Answered:
    """Rows with their answers, as they are kept.

    An answer: [line, part, status, outcome id, external id, outcome status, credits, scheme, duplicate of], or
    [line, part, "rejected", faults], or [line, part, "unbooked"]. A reject: {"row": line, "cells": […] or "line": text,
    "faults": [[part, pointer, code, zh, en], …]}.
    """

    lines: tuple[int, int]
    counts: Counts
    answers: list[list[Any]]
    rejects: list[dict[str, Any]]

    def unbooked(self) -> "Answered":
        """Return the same where nothing of it is booked in the end."""
        answers = [one if one[2] == REJECTED else [one[0], one[1], UNBOOKED] for one in self.answers]
        return Answered(self.lines, Counts(0, 0, self.counts.rejected), answers, self.rejects)


def booked(work: Work, block: Block, read: RecordReader) -> Answered:
    """Book the rows of a block that are in order, in the transaction at hand, and answer all of them."""
    records: list[Record] = []
    places: list[tuple[ReadRow, int, tuple[Fault, ...]]] = []
    for row in block.rows:
        for document in row.documents:
            record = read(document.value) if not document.faults else document.faults
            if isinstance(record, Record):
                records.append(record)
                places.append((row, document.part, ()))
            else:
                places.append((row, document.part, _together(document.faults, record)))
    given = iter(post_records(work, records))
    answers: list[list[Any]] = []
    rejects: dict[int, dict[str, Any]] = {}
    counted = dict.fromkeys((ACCEPTED, REPLAYED, REJECTED), 0)
    for row, part, faults in places:
        answer = Malformed(faults) if faults else next(given)
        kept = _kept(row.line, part, answer)
        counted[kept[2]] += 1
        answers.append(kept)
        if isinstance(answer, Refusal):
            reject = rejects.setdefault(row.line, _source(row))
            reject["faults"] += [[part, *fault] for fault in kept[3]]
    return Answered(block.lines, Counts(**counted), answers, list(rejects.values()))


def _together(found: tuple[Fault, ...], record: Record | tuple[Fault, ...]) -> tuple[Fault, ...]:
    """Return why a document is no record; at least one reason."""
    faults = found if found or isinstance(record, Record) else record
    assert faults, "what is refused has a reason"
    return faults


def _source(row: ReadRow) -> dict[str, Any]:
    """Return a row as it came, to be sent again once it is mended."""
    came: dict[str, Any] = {"line": row.source} if isinstance(row.source, str) else {"cells": list(row.source)}
    return {"row": row.line, **came, "faults": []}


def _kept(line: int, part: int, answer: Receipt | Refusal) -> list[Any]:
    """Return an answer as it is kept."""
    if isinstance(answer, Refusal):
        faults = [[fault.pointer, fault.code, fault.message_zh, fault.message_en] for fault in answer.faults]
        return [line, part, REJECTED, faults]
    head, result = answer.head, answer.result or {}
    status = ACCEPTED if answer.is_new else REPLAYED
    duplicate_of = head.duplicate_of and str(head.duplicate_of)
    credits_told = (result.get("credits"), result.get("scheme"))
    return [line, part, status, str(head.id), head.external_id, head.status.value, *credits_told, duplicate_of]
