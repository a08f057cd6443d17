"""Rejected rows as a file with the columns that were sent and the reasons behind them, to be mended and sent again."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import xlsxwriter

from creditbank.core.errors import Malformed
from creditbank.formats.row_binding import Binding, bound, trimmed
from creditbank.formats.row_reading import OWN_MEMBER
from creditbank.formats.strict_json import parsed
from creditbank.formats.tables import BYTE_ORDER_MARK, cell

REASON_COLUMNS = ("行号", "拒收原因", "Reasons")
"""Columns behind those that were sent; every mapping passes over them when they come again."""

SHEET_CELLS_MAX = 500_000
"""Cells that are written into one workbook, which is made in memory at 340 bytes a cell; more are had as CSV."""

WIDTH_MAX = 60

Reject = Mapping[str, Any]


def csv_parts(header: Sequence[str], mapping: str, rejects: Iterable[Reject]) -> Iterator[bytes]:
    """Give rejected rows of a table as CSV with a byte order mark, part by part; formulas are neutralised."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    form = _form(header, mapping)
    text.write(BYTE_ORDER_MARK)
    writer.writerow(map(cell, form.names))
    for reject in rejects:
        writer.writerow([cell(one) for one in form.row(reject)])
        if text.tell() > io.DEFAULT_BUFFER_SIZE:
            yield _taken(text)
    yield _taken(text)


def ndjson_parts(rejects: Iterable[Reject]) -> Iterator[bytes]:
    """Give rejected lines of NDJSON, each with a member that says why, which is passed over when it comes again."""
    for reject in rejects:
        why = {"row": reject["row"], "errors": [_error(one) for one in reject["faults"]]}
        yield (json.dumps({**_object(reject, why), OWN_MEMBER: why}, ensure_ascii=False) + "\n").encode()


def workbook(header: Sequence[str], mapping: str, rejects: Iterable[Reject]) -> bytes:
    """Return rejected rows as a workbook, every cell a text, so that no number loses its digits."""
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True, "constant_memory": False}) as book:
        sheet = book.add_worksheet("rejects")
        as_text, bold = book.add_format({"num_format": "@"}), book.add_format({"bold": True, "num_format": "@"})
        form = _form(header, mapping)
        last = len(form.names) - 1
        sheet.set_column(0, last, 18, as_text)
        sheet.set_column(last - 1, last, WIDTH_MAX, as_text)
        sheet.freeze_panes(1, 0)
        for column, name in enumerate(form.names):
            sheet.write_string(0, column, name, bold)
        for line, reject in enumerate(rejects, 1):
            for column, value in enumerate(form.row(reject)):
                sheet.write_string(line, column, value, as_text)
    return content.getvalue()


@dataclass(frozen=True, slots=True)
class _Form:
    """The columns of a table of rejected rows: those that were sent, then the line and the reasons.

    `sent_width` counts the columns of the file that was sent. What stood behind them comes behind the reasons, so that
    a row that had too many cells still has them.
    """

    names: list[str]
    sent_width: int
    binding: Binding | tuple[Any, ...]

    def row(self, reject: Reject) -> list[str]:
        """Return a rejected row with its line and its reasons in both languages."""
        width = len(self.names) - len(REASON_COLUMNS)
        cells = [*reject["cells"], *[""] * self.sent_width]
        behind = trimmed(reject["cells"][self.sent_width :])
        titled = [(_title(one, self.binding), one[3], one[4]) for one in reject["faults"]]
        zh = "；".join(f"{title}：{said}" if title else said for title, said, _ in titled)
        en = "; ".join(f"{title}: {said}" if title else said for title, _, said in titled)
        return [*cells[:width], str(reject["row"]), zh, en, *behind]


def _form(header: Sequence[str], mapping: str) -> _Form:
    """Return the columns for rows under a header; reasons of an earlier time, at its end, are left out."""
    sent = trimmed(header)
    names = sent[: -len(REASON_COLUMNS)] if tuple(sent[-len(REASON_COLUMNS) :]) == REASON_COLUMNS else sent
    return _Form([*names, *REASON_COLUMNS], len(sent), bound(mapping, header))


def _title(fault: Sequence[Any], binding: Binding | tuple[Any, ...]) -> str:
    """Return the column of a fault, in a wide row with the number of its group."""
    title = binding.title_at(fault[1], fault[0]) if isinstance(binding, Binding) else ""
    return title or (fault[1] if fault[1] not in ("", "/") else "")


def _object(reject: Reject, why: dict[str, Any]) -> dict[str, Any]:
    """Return what was sent as an object; a line that is no sound one stands as it came among the reasons."""
    line: str = reject["line"]
    content = line.encode()
    try:
        is_object = isinstance(parsed(content, bytes_max=len(content)), dict)
    except Malformed:
        is_object = False
    if is_object:
        found: dict[str, Any] = json.loads(line)
        return found
    why["line"] = line
    return {}


def _error(fault: Sequence[Any]) -> dict[str, str]:
    return {"pointer": fault[1], "code": fault[2], "message_zh": fault[3], "message_en": fault[4]}


def _taken(text: io.StringIO) -> bytes:
    """Return what was written and begin anew."""
    part = text.getvalue().encode()
    text.seek(0)
    text.truncate()
    return part
