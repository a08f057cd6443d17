"""Transcripts over HTTP as ELMO, the XML of EMREX: a learner's to take along, and another's to be recorded."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import marshmallow
from flask import Response, current_app, request

from creditbank.api.answers import AnswerSummary, RecordAnswer, record_answer, summed_up
from creditbank.api.caller import authenticate, carried_out, subject
from creditbank.api.positions import read_own
from creditbank.api.resource import IDEMPOTENCY_KEY, Resource, check_length, wrong_media_type
from creditbank.core.transcript import Transcript
from creditbank.formats.elmo import BYTES_MAX, read_transcript
from creditbank.formats.elmo_writing import write_transcript
from creditbank.services import transcripts
from creditbank.services.bank import Answer, Work
from creditbank.services.receipts import Taken

XML_TYPES = ("application/xml", "text/xml")

resource = Resource("Transcripts", __name__, url_prefix="/v1/learners", description="Transcripts that cross borders")
resource.before_request(authenticate)


class TakenOut(RecordAnswer):
    """What became of a part of a document, such as a credit of a transcript."""

    place = marshmallow.fields.String(required=True, metadata={"description": "Where it stands in the document"})


class TranscriptTaken(marshmallow.Schema):
    """The answers to all credits that count, in their order; parts of what counts already are not among them."""

    summary = marshmallow.fields.Nested(AnswerSummary, required=True)
    results = marshmallow.fields.List(marshmallow.fields.Nested(TakenOut), required=True)


@resource.route("/<learner:learner_id>/elmo")
@resource.response(200, {"type": "string"}, content_type="application/xml", description="An ELMO 1.x document")
def elmo(learner_id: UUID | None) -> Response:
    """Show a learner's outcomes as ELMO, with the credits that were recognised; an institution sees its own.

    Only the learner's own document has their name. Needs `outcomes:read`.
    """
    url = current_app.config["ISSUER"]
    transcript = read_own(lambda work: transcripts.transcript_of(work, subject(learner_id), url), learner_id)
    return Response(write_transcript(transcript), content_type="application/xml; charset=utf-8")


@resource.route("/<learner:learner_id>/elmo", methods=["POST"])
@resource.doc(
    parameters=[IDEMPOTENCY_KEY],
    requestBody={"required": True, "content": {"application/xml": {"schema": {"type": "string"}}}},
)
@resource.response(200, TranscriptTaken)
def post_elmo(learner_id: UUID | None) -> Response:
    """Record what an ELMO document tells as outcomes of the institution, and answer for every credit.

    Along a path from a degree down to its courses each scheme counts once, where it stands first. Every credit needs an
    identifier, the day of completion and a status; what is not passed is refused. Needs `outcomes:write`.
    """

    def action(work: Work) -> Answer:
        transcripts.may_take(work)
        body = taken_document(transcripts.take_transcript(work, subject(learner_id), _document()))
        return Answer(body, is_new=False, subject=f"{body['summary']['accepted']} outcomes")

    return carried_out("transcript.take", action)


def taken_document(taken: Sequence[Taken]) -> dict[str, Any]:
    """Return the answers to all parts of a document as they stand on the wire."""
    return summed_up([{"place": one.place, **record_answer(one.answer)} for one in taken])


def _document() -> Transcript:
    """Return the document that was sent. Refused: TooLarge, Unreadable, Malformed."""
    check_length(request, BYTES_MAX)
    if request.mimetype not in XML_TYPES:
        raise wrong_media_type(*XML_TYPES)
    return read_transcript(request.get_data(cache=True))
