"""What came of the rows of an import over HTTP: every row's answer, and the rejected rows as a file."""

from enum import StrEnum
from typing import Any
from uuid import UUID

import marshmallow
from flask import Response, stream_with_context

from creditbank.api import fields
from creditbank.api.caller import actor, authenticate, bank, looked_up
from creditbank.api.imports import FaultOut
from creditbank.api.pages import PageQuery
from creditbank.api.resource import Resource, answered, cursor_place, page_of, whole_part
from creditbank.api.uploads import CSV_TYPES, NDJSON_TYPES, XLSX_TYPE
from creditbank.core.errors import Fault, Malformed
from creditbank.core.importing import SheetFormat
from creditbank.formats.rejected_rows import REASON_COLUMNS, SHEET_CELLS_MAX, csv_parts, ndjson_parts, workbook
from creditbank.services import imports
from creditbank.services.import_answers import ACCEPTED, REJECTED, REPLAYED, UNBOOKED

resource = Resource("ImportResults", __name__, url_prefix="/v1/imports", description="What came of the rows of files")
resource.before_request(authenticate)

TYPES = {SheetFormat.CSV: CSV_TYPES[0], SheetFormat.XLSX: XLSX_TYPE, SheetFormat.NDJSON: NDJSON_TYPES[0]}
"""As what a file is given out."""


_BINARY = {"schema": {"type": "string", "format": "binary"}}
_FILES = {200: {"description": "The rejected rows", "content": {XLSX_TYPE: _BINARY, NDJSON_TYPES[0]: _BINARY}}}


class RowStatus(StrEnum):
    """What came of a record of a file."""

    ACCEPTED = ACCEPTED
    REPLAYED = REPLAYED
    REJECTED = REJECTED
    UNBOOKED = UNBOOKED


class ImportRowOut(marshmallow.Schema):
    """The answer to a record: its row, and which of a wide row's courses it is."""

    row = marshmallow.fields.Integer(required=True)
    part = marshmallow.fields.Integer(required=True)
    status = marshmallow.fields.Enum(RowStatus, by_value=True, required=True)
    id = marshmallow.fields.UUID()
    external_id = marshmallow.fields.String()
    outcome_status = marshmallow.fields.String()
    credits = marshmallow.fields.String(allow_none=True)
    scheme = marshmallow.fields.String(allow_none=True)
    duplicate_of = marshmallow.fields.UUID(allow_none=True)
    errors = marshmallow.fields.List(marshmallow.fields.Nested(FaultOut))


class ImportRowPage(marshmallow.Schema):
    """Answers to records, in the order of their rows."""

    items = marshmallow.fields.List(marshmallow.fields.Nested(ImportRowOut), required=True)
    next_cursor = marshmallow.fields.String(required=True, allow_none=True)


class RejectsQuery(fields.StrictSchema):
    """As what rejected rows are wanted."""

    format = fields.Text(
        8,
        load_default=None,
        pattern="|".join(SheetFormat),
        hint=" / ".join(SheetFormat),
        metadata={"description": "As it was sent, if left out"},
    )


@resource.route("/<id:import_id>/rows")
@resource.arguments(PageQuery(), location="query")
@resource.response(200, ImportRowPage)
def import_rows(query: dict[str, Any], import_id: UUID) -> Response:
    """List the answers to the rows of an import, as they were given. Needs `outcomes:write`."""
    place = cursor_place(query["cursor"], whole_part, whole_part)
    after, rows_max = (place[0], place[1]) if place else (0, 0), query["limit"]
    found = looked_up(lambda work: imports.answers(work, import_id, after, rows_max + 1))
    items = [_answer_document(one) for one in found]
    return answered(page_of(items, rows_max, lambda item: [item["row"], item["part"]]))


@resource.route("/<id:import_id>/rejects")
@resource.doc(responses=_FILES)
@resource.arguments(RejectsQuery(), location="query")
@resource.response(200, {"type": "string", "format": "binary"}, content_type=CSV_TYPES[0])
def import_rejects(query: dict[str, Any], import_id: UUID) -> Response:
    """Give the rejected rows as a file: the columns that were sent with the reasons, to be mended and sent again.

    Needs `outcomes:write`.
    """
    found = looked_up(lambda work: imports.shown(work, import_id))
    first = looked_up(lambda work: imports.rejected(work, import_id, 0))
    sent = found.format
    wanted = SheetFormat(query["format"] or sent)
    if (sent is SheetFormat.NDJSON) != (wanted is SheetFormat.NDJSON):
        zh = "表格的拒收行以 csv 或 xlsx 取回，NDJSON 的以 ndjson 取回。"
        en = "Rejected rows of a table come as csv or xlsx, those of NDJSON as ndjson."
        raise Malformed((Fault("/format", "other_format", zh, en),))
    rows = imports.all_rejected(bank(), actor(), import_id, first)
    if wanted is SheetFormat.XLSX:
        rows_max = min(found.counts.rejected, found.rows_done)
        if rows_max * (len(first.header) + len(REASON_COLUMNS)) > SHEET_CELLS_MAX:
            zh = "拒收行过多，无法放入一个工作簿；请用 ?format=csv 取回。"
            en = "The rejected rows are too many for a workbook; take them with ?format=csv."
            raise Malformed((Fault("/format", "too_many_rows", zh, en),))
        return _file(workbook(first.header, found.mapping, rows), wanted, import_id)
    if wanted is SheetFormat.CSV:
        return _file(stream_with_context(csv_parts(first.header, found.mapping, rows)), wanted, import_id)
    return _file(stream_with_context(ndjson_parts(rows)), wanted, import_id)


def _file(content: Any, kind: SheetFormat, import_id: UUID) -> Response:  # noqa: ANN401 - bytes, or parts of them
    headers = {"Content-Disposition": f'attachment; filename="rejects-{import_id}.{kind.value}"'}
    suffix = "; charset=utf-8" if kind is SheetFormat.CSV else ""
    return Response(content, content_type=TYPES[kind] + suffix, headers=headers)


def _answer_document(answer: list[Any]) -> dict[str, Any]:
    """Return an answer as it stands on the wire."""
    told = {"row": answer[0], "part": answer[1], "status": answer[2]}
    if answer[2] == REJECTED:
        names = ("pointer", "code", "message_zh", "message_en")
        return told | {"errors": [dict(zip(names, fault, strict=True)) for fault in answer[3]]}
    if answer[2] == UNBOOKED:
        return told
    told_of = ("id", "external_id", "outcome_status", "credits", "scheme", "duplicate_of")
    return told | dict(zip(told_of, answer[3:], strict=True))
