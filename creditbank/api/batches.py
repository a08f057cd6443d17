"""Many outcomes in one request: a JSON array or NDJSON, with an answer for every row."""

from typing import Any

import marshmallow
from flask import Response, request

from creditbank.api import fields
from creditbank.api.answers import AnswerSummary, RecordAnswer, record_answer, summed_up
from creditbank.api.caller import actor, authenticate, bank, errand
from creditbank.api.limits import admit_rows
from creditbank.api.outcomes import OutcomeIn, read_record
from creditbank.api.resource import Resource, answered, check_length, wrong_media_type
from creditbank.api.uploads import NDJSON_TYPES, whole_body
from creditbank.core.errors import Fault, Malformed, Refusal
from creditbank.core.outcome import Record
from creditbank.formats.strict_json import TooLarge, ndjson_rows, parsed
from creditbank.gateways import metrics
from creditbank.services import outcomes
from creditbank.services.bank import Answer, Work, carried_out

ROWS_MAX = 10_000
"""Rows of one request: one transaction's worth; larger files go through imports."""

BODY_BYTES_MAX = 16 * 1024 * 1024
"""The largest body: ten thousand records of 1.6 kB each."""


resource = Resource("Batches", __name__, url_prefix="/v1/outcomes", description="Many outcomes in one request")
resource.before_request(authenticate)


class RowOut(RecordAnswer):
    """The answer to a row."""

    row = marshmallow.fields.Integer(required=True, metadata={"description": "From 1; for NDJSON the line"})


class BatchOut(marshmallow.Schema):
    """The answers to all rows, in their order."""

    summary = marshmallow.fields.Nested(AnswerSummary, required=True)
    results = marshmallow.fields.List(marshmallow.fields.Nested(RowOut), required=True)


@resource.route("/batch", methods=["POST"])
@resource.doc(
    requestBody={
        "required": True,
        "content": {
            "application/json": {"schema": {"type": "array", "items": OutcomeIn, "minItems": 1, "maxItems": ROWS_MAX}},
            "application/x-ndjson": {"schema": {"type": "string", "description": "One record a line"}},
        },
    }
)
@resource.response(200, BatchOut)
def post_batch() -> Response:
    """Record many outcomes and answer every row.

    Good rows are booked, bad rows are reported with their reasons and leave no trace; all in one transaction. Send the
    same again and the good rows are answered as replayed. Needs `outcomes:write`.
    """
    rows = _rows()
    admit_rows(actor().name, len(rows))
    refused: dict[int, tuple[Fault, ...]] = {}
    records: list[tuple[int, Record]] = []
    for place, (_, value, faults) in enumerate(rows):
        if faults:
            refused[place] = faults
            continue
        record = read_record(value)
        if isinstance(record, Record):
            records.append((place, record))
        else:
            refused[place] = record

    def action(work: Work) -> Answer:
        answers = outcomes.post_records(work, [record for _, record in records])
        given = dict(zip((place for place, _ in records), answers, strict=True))
        results = [_result(number, given.get(place), refused.get(place)) for place, (number, _, _) in enumerate(rows)]
        body = summed_up(results)
        return Answer(body, is_new=False, subject=f"{body['summary']['accepted']} outcomes")

    body = carried_out(bank(), errand("outcome.batch", with_key=False), action).body
    for row in body["results"]:
        if row["status"] == "rejected":
            metrics.rejected_records_total.labels(row["errors"][0]["code"]).inc()
    return answered(body)


def _rows() -> list[tuple[int, object, tuple[Fault, ...]]]:
    """Return the request's rows with their numbers. Refused: what is no list, or too long a one."""
    check_length(request, BODY_BYTES_MAX)
    if request.mimetype in NDJSON_TYPES:
        lines = ndjson_rows(whole_body(), bytes_max=BODY_BYTES_MAX, rows_max=ROWS_MAX)
        return [(row.line, row.value, row.faults) for row in lines]
    if request.mimetype != "application/json":
        raise wrong_media_type("application/json", NDJSON_TYPES[0])
    value = parsed(whole_body(), bytes_max=BODY_BYTES_MAX)
    if not isinstance(value, list):
        raise Malformed((fields.NOT_LIST,))
    if len(value) > ROWS_MAX:
        zh = f"共 {len(value)} 行，一次最多 {ROWS_MAX} 行；请分批提交。"
        en = f"These are {len(value)} rows, and {ROWS_MAX} are taken at once; send them in parts."
        raise TooLarge((Fault("", "too_many_rows", zh, en),))
    return [(number, row, ()) for number, row in enumerate(value, start=1)]


def _result(number: int, answer: outcomes.Receipt | Refusal | None, faults: tuple[Fault, ...] | None) -> dict[str, Any]:
    """Return the answer to a row as it stands on the wire."""
    return {"row": number, **record_answer(answer or Malformed(faults or ()))}
