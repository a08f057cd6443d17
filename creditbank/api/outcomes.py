"""Learning outcomes over HTTP: one by one, corrected, revoked, and listed for a learner."""

import json
from typing import Any
from uuid import UUID

import marshmallow
from flask import Response

from creditbank.api import fields
from creditbank.api.caller import authenticate, carried_out, cursor_of, looked_up, paged, subject
from creditbank.api.learners import IdentifierIn
from creditbank.api.pages import PageQuery
from creditbank.api.positions import read_own
from creditbank.api.quick import QuickSchema
from creditbank.api.resource import (
    IDEMPOTENCY_KEY,
    Resource,
    answered,
    cursor_place,
    etag,
    instant_part,
    page_of,
    seen_revision,
)
from creditbank.core.calendar import instant_text
from creditbank.core.errors import Fault, Refusal
from creditbank.core.outcome import Kind, LearnerReference, Record, Score, Status
from creditbank.core.veil import OPEN, Veil
from creditbank.services import corrections, outcomes, recorded
from creditbank.services.bank import Answer, Work
from creditbank.services.entitlement import veil_of
from creditbank.services.recorded import Receipt, Revision

resource = Resource("Outcomes", __name__, url_prefix="/v1", description="Learning outcomes and what became of them")
resource.before_request(authenticate)

_NAMING = Fault(
    "",
    "one_way_of_naming",
    "请写明学习者：用编号（id），或用号码（identifier，如身份证号、学号）与姓名（name）一起，二者取一。",
    "Name the learner either by id, or by an identifier, such as the resident ID, together with the name.",
)


class LearnerNamed(fields.StrictSchema):
    """A learner named by the bank's id, or by an identifier together with the name."""

    id = fields.Id(allow_none=True, load_default=None)
    identifier = fields.Part(IdentifierIn, allow_none=True, load_default=None)
    name = fields.Text(120, allow_none=True, load_default=None)

    def built(self, data: dict[str, Any]) -> LearnerReference:
        """Return the learner's reference."""
        identifier = data["identifier"]
        if (data["id"] is None) == (identifier is None) or (identifier is None) != (data["name"] is None):
            raise marshmallow.ValidationError([_NAMING])
        if identifier is None:
            return LearnerReference(data["id"])
        more = identifier["issuer"], identifier["valid_until"]
        return LearnerReference(None, identifier["type"], identifier["value"], data["name"], *more)


class ScoreIn(fields.StrictSchema):
    """A result on its scale, such as 85 on "100" or "pass" on "pass_fail"."""

    value = fields.Label(40, required=True)
    scale = fields.Label(40, required=True)

    def built(self, data: dict[str, Any]) -> Score:
        """Return the score."""
        return Score(**data)


class OutcomeIn(QuickSchema):
    """A learning outcome as its issuer records it."""

    external_id = fields.Text(128, required=True, metadata={"description": "The institution's own id of the record"})
    learner = fields.Part(LearnerNamed, required=True)
    kind = fields.Choice(Kind, required=True)
    title = fields.Text(200, required=True)
    completed_on = fields.Day(required=True, metadata={"description": "Not in the future (Asia/Shanghai)"})
    started_on = fields.Day(allow_none=True, load_default=None)
    code = fields.Text(64, allow_none=True, load_default=None)
    category = fields.Text(64, allow_none=True, load_default=None)
    level = fields.Label(40, allow_none=True, load_default=None)
    hours = fields.Amount(allow_none=True, load_default=None, metadata={"description": "学时"})
    credits = fields.Amount(allow_none=True, load_default=None, metadata={"description": "As the issuer counts them"})
    scheme = fields.Text(64, allow_none=True, load_default=None, metadata={"description": "Wanted credit scheme"})
    score = fields.Part(ScoreIn, allow_none=True, load_default=None)
    certificate_no = fields.Text(64, allow_none=True, load_default=None)
    programme = fields.Text(64, allow_none=True, load_default=None)

    def built(self, data: dict[str, Any]) -> Record:
        """Return the record."""
        hours, credit = data.pop("hours"), data.pop("credits")
        return Record(**data, hours_hundredths=hours, credit_hundredths=credit)


class RevocationIn(fields.StrictSchema):
    """Why an outcome is revoked; the learner reads it, so it names no other person."""

    reason = fields.Text(500, required=True)


class RecognitionOut(marshmallow.Schema):
    """What an outcome was recognised for."""

    credits = marshmallow.fields.String(required=True, metadata={"pattern": r"^[0-9]+\.[0-9]{2}$"})
    scheme = marshmallow.fields.String(required=True)
    level = marshmallow.fields.String(required=True, allow_none=True)
    category = marshmallow.fields.String(required=True, allow_none=True)
    ruleset = marshmallow.fields.String(required=True)
    version = marshmallow.fields.Integer(required=True)
    rule = marshmallow.fields.String(required=True)
    valid_until = marshmallow.fields.Date(required=True, allow_none=True)
    decision_id = marshmallow.fields.UUID(required=True)


class OutcomeOut(marshmallow.Schema):
    """What became of an outcome."""

    id = marshmallow.fields.UUID(required=True)
    external_id = marshmallow.fields.String(required=True)
    revision = marshmallow.fields.Integer(required=True)
    status = marshmallow.fields.Enum(Status, by_value=True, required=True)
    learner_id = marshmallow.fields.UUID(required=True)
    recognition = marshmallow.fields.Nested(RecognitionOut, required=True, allow_none=True)
    duplicate_of = marshmallow.fields.UUID(required=True, allow_none=True)
    decision_id = marshmallow.fields.UUID(required=True, allow_none=True)


class OutcomeDetail(OutcomeOut):
    """An outcome with what its issuer recorded."""

    content = marshmallow.fields.Dict(required=True, metadata={"description": "The record, without its learner"})
    recorded_at = marshmallow.fields.DateTime(required=True)


class OutcomePage(marshmallow.Schema):
    """A page of outcomes, newest first."""

    items = marshmallow.fields.List(marshmallow.fields.Nested(OutcomeDetail), required=True)
    next_cursor = marshmallow.fields.String(required=True, allow_none=True)


@resource.route("/outcomes", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.arguments(OutcomeIn())
@resource.response(201, OutcomeOut, description="Recorded now")
@resource.alt_response(200, schema=OutcomeOut, description="On record already with the same content")
@resource.alt_response(404, "NOT_FOUND")
def post_outcome(record: Record) -> Response:
    """Record a learning outcome.

    It is judged by the rules in force and, if they give credit, booked on the learner's account at once. Sent again
    with the same content it is answered as it stands; with other content it is a conflict that names the fields.
    Needs `outcomes:write`.
    """

    def action(work: Work) -> Answer:
        answer = outcomes.post_records(work, [record])[0]
        if isinstance(answer, Refusal):
            raise answer
        return Answer(receipt_document(answer), answer.is_new, subject=str(answer.head.id))

    return carried_out("outcome.record", action)


@resource.route("/outcomes/<id:outcome_id>")
@resource.response(200, OutcomeDetail)
def outcome(outcome_id: UUID) -> Response:
    """Show an outcome to its issuer and its learner, with its ETag."""
    receipt, revision = looked_up(lambda work: recorded.outcome(work, outcome_id))
    return answered(_detail(receipt, revision), headers=etag(receipt.head.revision))


@resource.route("/outcomes/<id:outcome_id>", methods=["PUT"])
@resource.doc(
    parameters=[
        {
            "in": "header",
            "name": "If-Match",
            "description": "ETag of the revision that is corrected; without it: 428",
            "schema": {"type": "string"},
        },
        IDEMPOTENCY_KEY,
    ]
)
@resource.arguments(OutcomeIn())
@resource.response(200, OutcomeOut)
def correct_outcome(record: Record, outcome_id: UUID) -> Response:
    """Correct an outcome: a new revision, a reversal of the old credits and an entry for the new ones.

    Needs `outcomes:write` and If-Match.
    """
    seen = seen_revision()

    def action(work: Work) -> Answer:
        receipt = corrections.correct(work, outcome_id, seen, record)
        return Answer(receipt_document(receipt), is_new=False, subject=str(outcome_id))

    answer = carried_out("outcome.correct", action)
    answer.headers.extend(etag(answer.get_json()["revision"]))
    return answer


@resource.route("/outcomes/<id:outcome_id>/revoke", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.arguments(RevocationIn())
@resource.response(200, OutcomeOut)
def revoke_outcome(revocation: dict[str, str], outcome_id: UUID) -> Response:
    """Revoke an outcome; its credits are reversed. Asked again it is answered as it stands. Needs `outcomes:write`."""

    def action(work: Work) -> Answer:
        receipt = corrections.revoke(work, outcome_id, revocation["reason"])
        return Answer(receipt_document(receipt), is_new=False, subject=str(outcome_id))

    return carried_out("outcome.revoke", action)


@resource.route("/learners/<learner:learner_id>/outcomes")
@resource.arguments(PageQuery(), location="query")
@resource.response(200, OutcomePage)
def learner_outcomes(query: dict[str, Any], learner_id: UUID | None) -> Response:
    """List a learner's outcomes, newest first; an institution sees its own. Needs `outcomes:read`."""
    place = cursor_place(cursor_of(query), instant_part, UUID)
    after = None if place is None else (place[0], place[1])
    rows_max = query["limit"]

    def asked(work: Work) -> tuple[list[tuple[Receipt, Revision]], Veil]:
        return recorded.outcomes_of(work, subject(learner_id), after, rows_max + 1), veil_of(work)

    rows, veil = read_own(asked, learner_id)
    places = {veil.id(receipt.head.id): _place(receipt) for receipt, _ in rows}
    items = [_detail(receipt, revision, veil) for receipt, revision in rows]
    return paged(page_of(items, rows_max, lambda item: places[item["id"]]))


_load = OutcomeIn().load


def read_record(value: object) -> Record | tuple[Fault, ...]:
    """Return the record that a document tells, or every fault of it."""
    try:
        record: Record = _load(value)
    except marshmallow.ValidationError as error:
        return fields.faults_of(error.messages)
    return record


def _place(receipt: Receipt) -> list[Any]:
    """Return where an outcome stands in the list, for the cursor."""
    return [instant_text(receipt.head.recorded_at), str(receipt.head.id)]


def receipt_document(receipt: Receipt, veil: Veil = OPEN) -> dict[str, Any]:
    """Return what became of an outcome as it stands on the wire."""
    head = receipt.head
    decision_id = head.decision_id and veil.id(head.decision_id)
    is_recognised = head.status is Status.RECOGNISED and receipt.result is not None
    return {
        "id": veil.id(head.id),
        "external_id": veil.text(head.external_id),
        "revision": head.revision,
        "status": head.status.value,
        "learner_id": veil.learner(head.learner_id),
        "recognition": {**(receipt.result or {}), "decision_id": decision_id} if is_recognised else None,
        "duplicate_of": head.duplicate_of and veil.id(head.duplicate_of),
        "decision_id": decision_id,
    }


def _detail(receipt: Receipt, revision: Revision, veil: Veil = OPEN) -> dict[str, Any]:
    """Return an outcome with what is recorded of it as it stands on the wire."""
    return {
        **receipt_document(receipt, veil),
        "content": json.loads(revision.content),
        "recorded_at": instant_text(veil.instant(receipt.head.recorded_at)),
    }
