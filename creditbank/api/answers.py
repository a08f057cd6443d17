"""Answers to records that come many in one request, each with what became of it or why it is rejected."""

from typing import Any

import marshmallow

from creditbank.api.outcomes import RecognitionOut, receipt_document
from creditbank.api.problems import fault_document
from creditbank.core.errors import Refusal
from creditbank.services.receipts import Receipt

STATUSES = ("accepted", "replayed", "rejected")


class RowError(marshmallow.Schema):
    """Why a record is rejected."""

    pointer = marshmallow.fields.String(required=True, metadata={"description": "JSON pointer, or a place"})
    code = marshmallow.fields.String(required=True)
    message_zh = marshmallow.fields.String(required=True)
    message_en = marshmallow.fields.String(required=True)


class RecordAnswer(marshmallow.Schema):
    """What became of one record."""

    status = marshmallow.fields.String(required=True, metadata={"enum": list(STATUSES)})
    id = marshmallow.fields.UUID()
    external_id = marshmallow.fields.String()
    learner_id = marshmallow.fields.UUID()
    revision = marshmallow.fields.Integer()
    outcome_status = marshmallow.fields.String()
    recognition = marshmallow.fields.Nested(RecognitionOut, allow_none=True)
    duplicate_of = marshmallow.fields.UUID(allow_none=True)
    decision_id = marshmallow.fields.UUID(allow_none=True)
    errors = marshmallow.fields.List(marshmallow.fields.Nested(RowError))


class AnswerSummary(marshmallow.Schema):
    """How many records came to what."""

    accepted = marshmallow.fields.Integer(required=True)
    replayed = marshmallow.fields.Integer(required=True)
    rejected = marshmallow.fields.Integer(required=True)


def record_answer(answer: Receipt | Refusal) -> dict[str, Any]:
    """Return what became of a record as it stands on the wire."""
    if isinstance(answer, Refusal):
        return {"status": "rejected", "errors": [fault_document(fault) for fault in answer.faults]}
    document = receipt_document(answer)
    document["outcome_status"] = document.pop("status")
    return {"status": "accepted" if answer.is_new else "replayed", **document}


def summed_up(results: list[dict[str, Any]]) -> dict[str, Any]:
    """Return all answers with how many came to what."""
    return {
        "summary": {status: sum(row["status"] == status for row in results) for status in STATUSES},
        "results": results,
    }
