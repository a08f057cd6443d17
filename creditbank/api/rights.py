"""A learner's rights over HTTP: the diary of reads, the export of everything, and restriction."""

from collections.abc import Iterator
from typing import IO, Any
from uuid import UUID

import marshmallow
from flask import Response

from creditbank.api.caller import authenticate, carried_out, looked_up, subject
from creditbank.api.pages import PageQuery
from creditbank.api.positions import read_own
from creditbank.api.resource import IDEMPOTENCY_KEY, Resource, answered, cursor_place, instant_part, page_of
from creditbank.core.calendar import instant_text
from creditbank.core.entitlement import Sight
from creditbank.services import diary, exporting, restrictions
from creditbank.services.bank import Answer, Work

CHUNK_BYTES = 64 * 1024
"""How much of an export is sent at a time."""

resource = Resource("Rights", __name__, url_prefix="/v1/learners", description="What a learner may see, have and stop")
resource.before_request(authenticate)


class ReaderInstitution(marshmallow.Schema):
    """The institution of a reader."""

    code = marshmallow.fields.String(required=True)
    name = marshmallow.fields.String(required=True)


class Sentences(marshmallow.Schema):
    """A sentence in both languages."""

    zh = marshmallow.fields.String(required=True)
    en = marshmallow.fields.String(required=True)


class DiaryLineOut(marshmallow.Schema):
    """A line of the diary."""

    id = marshmallow.fields.UUID(required=True)
    happened_at = marshmallow.fields.DateTime(required=True)
    reader = marshmallow.fields.String(required=True, metadata={"description": "A program, or a member of staff"})
    institution = marshmallow.fields.Nested(ReaderInstitution, required=True, allow_none=True)
    sight = marshmallow.fields.Enum(Sight, by_value=True, required=True)
    basis = marshmallow.fields.String(
        required=True, metadata={"description": "Why they could; a consent's id follows its name: `consent:…`"}
    )
    sentences = marshmallow.fields.Nested(Sentences, required=True)


class DiaryPage(marshmallow.Schema):
    """A page of the diary, newest first."""

    items = marshmallow.fields.List(marshmallow.fields.Nested(DiaryLineOut), required=True)
    next_cursor = marshmallow.fields.String(required=True, allow_none=True)


class RestrictionOut(marshmallow.Schema):
    """Whether a learner's data is kept from others and from any use."""

    learner_id = marshmallow.fields.UUID(required=True)
    is_restricted = marshmallow.fields.Boolean(required=True)


@resource.route("/<learner:learner_id>/access-log")
@resource.arguments(PageQuery(), location="query")
@resource.response(200, DiaryPage)
def access_log(query: dict[str, Any], learner_id: UUID | None) -> Response:
    """Show who saw what of a learner, newest first: to the learner, who acts for them, and auditors."""
    place = cursor_place(query["cursor"], instant_part, UUID)
    after = None if place is None else (place[0], place[1])
    rows_max = query["limit"]
    lines = read_own(lambda work: diary.page(work, subject(learner_id), after, rows_max + 1), learner_id)
    items = [_line_document(told) for told in lines]
    return answered(page_of(items, rows_max, lambda item: [item["happened_at"], item["id"]]))


@resource.route("/<learner:learner_id>/export")
@resource.response(
    200,
    {"type": "string", "format": "binary"},
    content_type="application/zip",
    description="JSON and CSV of every table, and a README in both languages",
)
def export(learner_id: UUID | None) -> Response:
    """Give the learner everything that the bank holds about them, as a zip; masked to who acts for them."""
    packed = looked_up(lambda work: exporting.export(work, subject(learner_id)))
    answer = Response(_chunks(packed), content_type="application/zip")
    answer.headers["Content-Disposition"] = 'attachment; filename="creditbank-export.zip"'
    answer.headers["Cache-Control"] = "no-store"
    answer.call_on_close(packed.close)
    return answer


@resource.route("/<learner:learner_id>/restriction", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.response(200, RestrictionOut)
def restrict(learner_id: UUID | None) -> Response:
    """Have a learner's data kept and not used: institutions and partners see nobody, nothing is converted.

    Records still come in, and the learner reads everything. For the learner and who acts for them.
    """

    def action(work: Work) -> Answer:
        person_id = restrictions.restrict(work, subject(learner_id))
        body = {"learner_id": str(person_id), "is_restricted": True}
        return Answer(body, is_new=False, subject=str(person_id))

    return carried_out("learner.restrict", action)


@resource.route("/<learner:learner_id>/restriction", methods=["DELETE"])
@resource.response(200, RestrictionOut)
def lift_restriction(learner_id: UUID | None) -> Response:
    """Lift the restriction. For the learner and who acts for them."""

    def action(work: Work) -> Answer:
        person_id = restrictions.lift(work, subject(learner_id))
        body = {"learner_id": str(person_id), "is_restricted": False}
        return Answer(body, is_new=False, subject=str(person_id))

    return carried_out("learner.lift_restriction", action)


def _chunks(packed: IO[bytes]) -> Iterator[bytes]:
    """Yield a file's content and close it."""
    with packed:
        while chunk := packed.read(CHUNK_BYTES):
            yield chunk


def _line_document(told: diary.Told) -> dict[str, Any]:
    line = told.line
    return {
        "id": str(line.id),
        "happened_at": instant_text(line.happened_at),
        "reader": line.reader,
        "institution": told.institution and {"code": told.institution[0], "name": told.institution[1]},
        "sight": line.sight.value,
        "basis": line.basis,
        "sentences": told.sentences,
    }
