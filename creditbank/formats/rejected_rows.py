"""Rejected rows as a file with the columns that were sent and the reasons behind them, to be mended and sent again."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import xlsxwriter

from creditbank.formats.row_binding import Binding, bound
from creditbank.formats.row_reading import OWN_MEMBER
from creditbank.formats.tables import BYTE_ORDER_MARK, cell

REASON_COLUMNS = ("行号", "拒收原因", "Reasons")
"""Columns behind those that were sent; every mapping passes over them when they come again."""

SHEET_ROWS_MAX = 100_000
"""Rows that are written into one workbook, which is made in memory; more are had as CSV."""

WIDTH_MAX = 60

Reject = Mapping[str, Any]


def csv_parts(header: Sequence[str], mapping: str, rejects: Iterable[Reject]) -> Iterator[bytes]:
    """Give rejected rows of a table as CSV with a byte order mark, part by part; formulas are neutralised."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    binding = bound(mapping, header)
    text.write(BYTE_ORDER_MARK)
    writer.writerow([*header, *REASON_COLUMNS])
    for reject in rejects:
        writer.writerow([cell(one) for one in _row(reject, len(header), binding)])
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
        names = [*header, *REASON_COLUMNS]
        sheet.set_column(0, len(names) - 1, 18, as_text)
        sheet.set_column(len(header) + 1, len(header) + 2, WIDTH_MAX, as_text)
        sheet.freeze_panes(1, 0)
        binding = bound(mapping, header)
        for column, name in enumerate(names):
            sheet.write_string(0, column, name, bold)
        for line, reject in enumerate(rejects, 1):
            for column, value in enumerate(_row(reject, len(header), binding)):
                sheet.write_string(line, column, value, as_text)
    return content.getvalue()


def _row(reject: Reject, width: int, binding: Binding | tuple[Any, ...]) -> list[str]:
    """Return a rejected row with its line and its reasons in both languages."""
    cells = [*reject["cells"], *[""] * width][:width]
    titled = [(_title(one, binding), one[3], one[4]) for one in reject["faults"]]
    zh = "；".join(f"{title}：{said}" if title else said for title, said, _ in titled)
    en = "; ".join(f"{title}: {said}" if title else said for title, _, said in titled)
    return [*cells, str(reject["row"]), zh, en]


def _title(fault: Sequence[Any], binding: Binding | tuple[Any, ...]) -> str:
    """Return the column of a fault, in a wide row with the number of its group."""
    title = binding.title_at(fault[1], fault[0]) if isinstance(binding, Binding) else ""
    return title or (fault[1] if fault[1] not in ("", "/") else "")


def _object(reject: Reject, why: dict[str, Any]) -> dict[str, Any]:
    """Return what was sent as an object; a line that is none stands as it came among the reasons."""
    try:
        found = json.loads(reject["line"])
    except ValueError:
        found = None
    if isinstance(found, dict):
        return found
    why["line"] = reject["line"]
    return {}


def _error(fault: Sequence[Any]) -> dict[str, str]:
    return {"pointer": fault[1], "code": fault[2], "message_zh": fault[3], "message_en": fault[4]}


def _taken(text: io.StringIO) -> bytes:
    """Return what was written and begin anew."""
    part = text.getvalue().encode()
    text.seek(0)
    text.truncate()
    return part
