"""Imports over HTTP: a file is sent, looked at beforehand, followed while it is booked, and stopped."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import marshmallow
from flask import Response, current_app

from creditbank.api import fields
from creditbank.api.caller import actor, authenticate, bank, carried_out, errand, looked_up
from creditbank.api.conversions import after_of
from creditbank.api.outcomes import read_record
from creditbank.api.pages import PageQuery
from creditbank.api.problems import fault_document
from creditbank.api.resource import IDEMPOTENCY_KEY, Resource, answered, page_of
from creditbank.api.uploads import CSV_TYPES, FORM_TYPE, NDJSON_TYPES, XLSX_TYPE, Upload, upload
from creditbank.core.calendar import instant_text
from creditbank.core.errors import Fault, Malformed
from creditbank.core.importing import ImportState, Mode, SheetFormat
from creditbank.formats.row_binding import Document
from creditbank.formats.row_mapping import DEFAULT
from creditbank.formats.strict_json import TooLarge
from creditbank.formats.table_bytes import ENCODINGS
from creditbank.formats.table_preview import Preview, previewed
from creditbank.services import import_receiving, imports
from creditbank.services.bank import Answer, Work
from creditbank.services.import_receiving import Asked
from creditbank.services.imports import Import

PREVIEW_BYTES_MAX = 16 * 1024 * 1024
"""The largest file that is looked at beforehand; of a larger CSV its beginning does."""

resource = Resource("Imports", __name__, url_prefix="/v1/imports", description="Files with records, in the background")
resource.before_request(authenticate)


class ImportQuery(fields.StrictSchema):
    """How a file is to be taken; in a form the same words may be fields before the file."""

    mapping = fields.Text(64, load_default=DEFAULT, metadata={"description": "Code of a mapping of columns"})
    mode = fields.Choice(Mode, load_default=Mode.ROWS, metadata={"description": "all: every row is booked or none"})
    encoding = fields.Text(
        16,
        load_default=None,
        pattern="|".join(ENCODINGS),
        hint=" / ".join(ENCODINGS),
        metadata={"description": "Else found"},
    )


class FaultOut(marshmallow.Schema):
    """Why a file, or a row of it, is refused."""

    pointer = marshmallow.fields.String(required=True)
    code = marshmallow.fields.String(required=True)
    message_zh = marshmallow.fields.String(required=True)
    message_en = marshmallow.fields.String(required=True)


class ImportOut(marshmallow.Schema):
    """An import and how far it is; `accepted`, `replayed` and `rejected` count records."""

    id = marshmallow.fields.UUID(required=True)
    state = marshmallow.fields.Enum(ImportState, by_value=True, required=True)
    format = marshmallow.fields.Enum(SheetFormat, by_value=True, required=True)
    mapping = marshmallow.fields.String(required=True)
    mode = marshmallow.fields.Enum(Mode, by_value=True, required=True)
    encoding = marshmallow.fields.String(required=True, allow_none=True)
    bytes_total = marshmallow.fields.Integer(required=True)
    rows_total = marshmallow.fields.Integer(required=True, allow_none=True)
    rows_done = marshmallow.fields.Integer(required=True)
    accepted = marshmallow.fields.Integer(required=True)
    replayed = marshmallow.fields.Integer(required=True)
    rejected = marshmallow.fields.Integer(required=True)
    errors = marshmallow.fields.List(marshmallow.fields.Nested(FaultOut), required=True)
    created_at = marshmallow.fields.DateTime(required=True)
    ended_at = marshmallow.fields.DateTime(required=True, allow_none=True)
    answers_kept = marshmallow.fields.Boolean(required=True)


class ImportPage(marshmallow.Schema):
    """A page of imports, newest first."""

    items = marshmallow.fields.List(marshmallow.fields.Nested(ImportOut), required=True)
    next_cursor = marshmallow.fields.String(required=True, allow_none=True)


class ColumnOut(marshmallow.Schema):
    """A column of a table and what it means; null where it means nothing here and is left out."""

    number = marshmallow.fields.Integer(required=True)
    name = marshmallow.fields.String(required=True)
    field = marshmallow.fields.String(required=True, allow_none=True)


class PreviewRowOut(marshmallow.Schema):
    """A row as it is understood: its line, the records that it tells, and what is wrong with it."""

    row = marshmallow.fields.Integer(required=True)
    records = marshmallow.fields.List(marshmallow.fields.Dict(), required=True)
    errors = marshmallow.fields.List(marshmallow.fields.Nested(FaultOut), required=True)


class PreviewOut(marshmallow.Schema):
    """What was understood of the first rows of a file; nothing is kept of it."""

    format = marshmallow.fields.Enum(SheetFormat, by_value=True, required=True)
    mapping = marshmallow.fields.String(required=True)
    encoding = marshmallow.fields.String(required=True, allow_none=True)
    delimiter = marshmallow.fields.String(required=True, allow_none=True)
    header_row = marshmallow.fields.Integer(required=True, allow_none=True)
    columns = marshmallow.fields.List(marshmallow.fields.Nested(ColumnOut), required=True)
    ids_are_made = marshmallow.fields.Boolean(required=True)
    rows = marshmallow.fields.List(marshmallow.fields.Nested(PreviewRowOut), required=True)


_BINARY = {"schema": {"type": "string", "format": "binary"}}
_BODY = {
    "required": True,
    "content": {
        CSV_TYPES[0]: _BINARY,
        XLSX_TYPE: _BINARY,
        NDJSON_TYPES[0]: _BINARY,
        FORM_TYPE: {
            "schema": {
                "type": "object",
                "properties": {"file": {"type": "string", "format": "binary"}},
                "required": ["file"],
            }
        },
    },
}


@resource.route("", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY], requestBody=_BODY)
@resource.arguments(ImportQuery(), location="query")
@resource.response(202, ImportOut, description="Kept, to be imported in the background")
@resource.alt_response(413, "REQUEST_ENTITY_TOO_LARGE")
@resource.alt_response(415, "UNSUPPORTED_MEDIA_TYPE")
@resource.alt_response(429, "TOO_MANY_REQUESTS")
def send_import(query: dict[str, Any]) -> Response:
    """Send a file with records, CSV, XLSX or NDJSON, to be imported in the background; ask for its id how far it is.

    Good rows are booked, bad rows come back with their reasons; with `mode=all` nothing is booked if any row is bad.
    Needs `outcomes:write`.
    """
    import_receiving.check_sender(actor())
    bytes_max = current_app.config["IMPORT_BYTES_MAX"]
    sent = upload(bytes_max)
    asked = _asked(query, sent)
    own = errand(
        "import.receive", with_key=True, has_body=False
    )  # the file is part of what is compared, read on its way
    import_id = import_receiving.received(bank(), own, asked, sent.content, bytes_max)
    found = looked_up(lambda work: imports.shown(work, import_id))
    return answered(import_document(found), 202, headers={"Location": f"/v1/imports/{import_id}"})


@resource.route("/preview", methods=["POST"])
@resource.doc(requestBody=_BODY)
@resource.arguments(ImportQuery(), location="query")
@resource.response(200, PreviewOut)
@resource.alt_response(413, "REQUEST_ENTITY_TOO_LARGE")
@resource.alt_response(415, "UNSUPPORTED_MEDIA_TYPE")
def preview_import(query: dict[str, Any]) -> Response:
    """Tell what would be understood of a file: its encoding, its columns, its first rows. Nothing is kept of it.

    Of a large CSV its beginning is enough. Needs `outcomes:write`.
    """
    import_receiving.check_sender(actor())
    try:
        sent = upload(PREVIEW_BYTES_MAX)
        asked = _asked(query, sent)
        import_receiving.check_asked(asked)
        content = b"".join(sent.content)
    except TooLarge:
        raise TooLarge((_too_large_to_preview(),)) from None
    found = previewed(content, asked.mapping, asked.encoding, asked.format)
    return answered(looked_up(lambda work: _preview_document(work, found)))


@resource.route("")
@resource.arguments(PageQuery(), location="query")
@resource.response(200, ImportPage)
def imports_list(query: dict[str, Any]) -> Response:
    """List the institution's imports, newest first. Needs `outcomes:write`."""
    after, rows_max = after_of(query), query["limit"]
    found = looked_up(lambda work: imports.page(work, after, rows_max + 1))
    items = [import_document(one) for one in found]
    return answered(page_of(items, rows_max, lambda item: [item["created_at"], item["id"]]))


@resource.route("/<id:import_id>")
@resource.response(200, ImportOut)
def import_shown(import_id: UUID) -> Response:
    """Show how far an import of the institution is. Needs `outcomes:write`."""
    return answered(import_document(looked_up(lambda work: imports.shown(work, import_id))))


@resource.route("/<id:import_id>/cancel", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.response(200, ImportOut)
def cancel_import(import_id: UUID) -> Response:
    """Stop an import; what was booked stays. Asked again it is answered as it stands. Needs `outcomes:write`."""

    def action(work: Work) -> Answer:
        found = imports.cancel(work, import_id)
        return Answer(import_document(found), is_new=False, subject=str(found.id))

    return carried_out("import.cancel", action)


def import_document(found: Import) -> dict[str, Any]:
    """Return an import as it stands on the wire."""
    return {
        "id": str(found.id),
        "state": found.state.value,
        "format": found.format.value,
        "mapping": found.mapping,
        "mode": found.mode.value,
        "encoding": found.encoding,
        "bytes_total": found.bytes_total,
        "rows_total": found.rows_total,
        "rows_done": found.rows_done,
        "accepted": found.counts.accepted,
        "replayed": found.counts.replayed,
        "rejected": found.counts.rejected,
        "errors": imports.faults_of(found),
        "created_at": instant_text(found.created_at),
        "ended_at": None if found.ended_at is None else instant_text(found.ended_at),
        "answers_kept": found.wrapped_key is not None,
    }


def _asked(query: dict[str, Any], sent: Upload) -> Asked:
    """Return how the file is to be taken: as the address says, or the form. Refused: Malformed."""
    try:
        told = ImportQuery().load(sent.words)
    except marshmallow.ValidationError as error:
        raise Malformed(fields.faults_of(error.messages)) from None
    whole = {name: told[name] if name in sent.words else value for name, value in query.items()}
    return Asked(whole["mapping"], whole["mode"], whole["encoding"], sent.format)


def _preview_document(work: Work, found: Preview) -> dict[str, Any]:
    return {
        "format": found.format.value,
        "mapping": found.mapping,
        "encoding": found.encoding,
        "delimiter": found.delimiter,
        "header_row": found.header_row,
        "columns": [{"number": one.number, "name": one.name, "field": one.field} for one in found.columns],
        "ids_are_made": found.ids_are_made,
        "rows": [
            {
                "row": row.line,
                "records": [_shown(one.value) for one in row.documents],
                "errors": [fault_document(fault) for one in row.documents for fault in _faults(work, one)],
            }
            for row in found.rows
        ],
    }


def _too_large_to_preview() -> Fault:
    most = PREVIEW_BYTES_MAX // 1024 // 1024
    zh = f"预览最多 {most} MiB；CSV 请只发送开头部分，其他文件请直接提交导入。"
    en = f"At most {most} MiB are looked at beforehand; send the beginning of a CSV, or import the file at once."
    return Fault("", "file_too_large", zh, en)


def _shown(value: Any) -> Any:  # noqa: ANN401 - any JSON value comes and goes
    """Return what a row tells as an answer can hold it: numbers with places as texts."""
    if isinstance(value, dict):
        return {name: _shown(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_shown(one) for one in value]
    return str(value) if isinstance(value, Decimal) else value


def _faults(work: Work, document: Document) -> tuple[Fault, ...]:
    """Return what is wrong with a record by itself; whether it fits what is on record shows when it is booked."""
    if document.faults:
        return document.faults
    record = read_record(document.value)
    return record if isinstance(record, tuple) else import_receiving.faults_by_itself(work, record)
