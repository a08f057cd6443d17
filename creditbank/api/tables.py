"""Reports as they are asked for: a JSON document, or its rows as CSV or XLSX for a spreadsheet, by Accept."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Response, request

from creditbank.api.resource import answered
from creditbank.formats.tables import csv_bytes, xlsx_bytes

JSON = "application/json"
CSV = "text/csv"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

TOTAL = "合计 / total"
"""How the last row of a report is called, which is about all others together."""

TABLES = {
    200: {
        "description": "The report; as CSV or XLSX its rows alone, by Accept",
        "content": {CSV: {"schema": {"type": "string"}}, XLSX: {"schema": {"type": "string", "format": "binary"}}},
    }
}
"""How the forms beside JSON are documented."""


def answered_as_asked(document: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], name: str) -> Response:
    """Return a report as the caller's Accept asks; as a file it has this name. JSON if nothing is said."""
    wanted = request.accept_mimetypes.best_match([JSON, CSV, XLSX], default=JSON)
    if wanted == JSON:
        return answered(document, headers={"Vary": "Accept"})
    ending, body = ("csv", csv_bytes(rows)) if wanted == CSV else ("xlsx", xlsx_bytes({name: rows}))
    answer = Response(body, content_type=f"{CSV}; charset=utf-8" if wanted == CSV else XLSX)
    answer.headers["Content-Disposition"] = f"attachment; filename={name}.{ending}"
    answer.headers["Vary"] = "Accept"
    return answer
