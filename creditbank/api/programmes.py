"""Programmes over HTTP: published by accepting institutions, read by everybody."""

from typing import Any

import marshmallow
from flask import Response

from creditbank.api import fields
from creditbank.api.caller import authenticate, carried_out
from creditbank.api.pages import PageQuery
from creditbank.api.positions import read_lagging
from creditbank.api.resource import (
    IDEMPOTENCY_KEY,
    Resource,
    answered,
    cursor_place,
    etag,
    page_of,
    seen_revision,
    text_part,
)
from creditbank.core.errors import Fault, Malformed
from creditbank.core.programme import Course, Programme, programme_document
from creditbank.services import programmes
from creditbank.services.bank import Answer, Work
from creditbank.services.programmes import StoredProgramme

COURSES_MAX = 1000
"""Courses of one programme; the longest published plans have some 200."""

PAIRS_MAX = 50
"""Categories or attributes of one programme."""

CODE = r"[a-z0-9][a-z0-9-]{0,63}"

resource = Resource("Programmes", __name__, url_prefix="/v1/programmes", description="What can be converted into")
resource.before_request(authenticate)


class Pairs(fields.AnyJson):
    """An object whose names are data and whose values are of one kind."""

    def __init__(self, inner: marshmallow.fields.Field[Any], **kwargs: Any) -> None:  # noqa: ANN401
        """`inner` is the field of each value."""
        super().__init__(**kwargs)
        self.inner = inner

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> dict[str, Any]:  # noqa: ANN401, ARG002
        if not isinstance(value, dict):
            raise marshmallow.ValidationError([fields.NOT_OBJECT])
        if len(value) > PAIRS_MAX:
            zh, en = f"最多 {PAIRS_MAX} 项。", f"It has at most {PAIRS_MAX} members."
            raise marshmallow.ValidationError([Fault("", "wrong_count", zh, en)])
        read, faults = {}, {}
        for name, inner in value.items():
            try:
                read[str(fields.Text(64).deserialize(name))] = self.inner.deserialize(inner)
            except marshmallow.ValidationError as refused:
                faults[name] = refused.messages
        if faults:
            raise marshmallow.ValidationError(faults)
        return read


ABOVE_TOTAL = Fault(
    "",
    "above_total",
    "类别学分超过培养方案的总学分；请核对两者。",
    "The category asks for more credits than the whole programme; check both.",
)


class CourseIn(fields.StrictSchema):
    """A course of a programme."""

    code = fields.Text(64, required=True)
    title = fields.Text(200, required=True)
    credits = fields.Amount(required=True, metadata={"description": "Above 0"})
    category = fields.Text(64, allow_none=True, load_default=None, metadata={"description": "统设必修, 专业核心课, …"})

    def built(self, data: dict[str, Any]) -> Course:
        """Return the course."""
        credit = data.pop("credits")
        if credit == 0:
            raise marshmallow.ValidationError({"credits": [fields.NOT_POSITIVE]})
        return Course(data["code"], data["title"], credit, data["category"])


class ProgrammeIn(fields.StrictSchema):
    """A programme as its institution publishes it."""

    code = fields.Text(64, pattern=CODE, hint="a-z 0-9 -, 1–64", required=True)
    title = fields.Text(200, required=True)
    scheme = fields.Text(64, required=True, metadata={"description": "The scheme that its credits count in"})
    total_credits = fields.Amount(required=True, metadata={"description": "Credits for graduation, above 0"})
    category_credits = Pairs(
        fields.Amount(), load_default=dict, metadata={"description": "Credits asked for by category of course"}
    )
    attributes = Pairs(fields.Text(64), load_default=dict, metadata={"description": "What rules ask of a major"})
    courses = fields.Items(fields.Part(CourseIn), COURSES_MAX, count_min=0, load_default=list)

    def built(self, data: dict[str, Any]) -> Programme:
        """Return the programme, as nobody's yet."""
        if data["total_credits"] == 0:
            raise marshmallow.ValidationError({"total_credits": [fields.NOT_POSITIVE]})
        categories, total = data["category_credits"], data["total_credits"]
        above = {name: [ABOVE_TOTAL] for name, credit in categories.items() if credit > total}
        if above:
            raise marshmallow.ValidationError({"category_credits": above})
        return Programme(
            institution="",
            code=data["code"],
            title=data["title"],
            scheme=data["scheme"],
            total_hundredths=data["total_credits"],
            courses=tuple(data["courses"]),
            category_hundredths=categories or None,
            attributes=data["attributes"] or None,
        )


class CourseOut(marshmallow.Schema):
    """A course."""

    code = marshmallow.fields.String(required=True)
    title = marshmallow.fields.String(required=True)
    credits = marshmallow.fields.String(required=True)
    category = marshmallow.fields.String(required=True, allow_none=True)


class ProgrammeOut(marshmallow.Schema):
    """A programme."""

    id = marshmallow.fields.UUID(required=True)
    institution = marshmallow.fields.String(required=True)
    code = marshmallow.fields.String(required=True)
    title = marshmallow.fields.String(required=True)
    scheme = marshmallow.fields.String(required=True)
    total_credits = marshmallow.fields.String(required=True)
    category_credits = marshmallow.fields.Dict(required=True)
    attributes = marshmallow.fields.Dict(required=True)
    courses = marshmallow.fields.List(marshmallow.fields.Nested(CourseOut), required=True)
    revision = marshmallow.fields.Integer(required=True)


class ProgrammePage(marshmallow.Schema):
    """A page of programmes, in the order of institutions' codes and their own."""

    items = marshmallow.fields.List(marshmallow.fields.Nested(ProgrammeOut), required=True)
    next_cursor = marshmallow.fields.String(required=True, allow_none=True)


class ProgrammeQuery(PageQuery):
    """Which programmes are listed."""

    institution = fields.Text(64, load_default=None)


@resource.route("", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.arguments(ProgrammeIn())
@resource.response(201, ProgrammeOut, description="Published now")
@resource.alt_response(200, schema=ProgrammeOut, description="Published already with the same content")
def publish_programme(programme: Programme) -> Response:
    """Publish a programme of your institution, which has to be an acceptor. Needs `rules:write`."""

    def action(work: Work) -> Answer:
        kept, is_new = programmes.publish(work, programme)
        return Answer(_document(kept), is_new, subject=f"{kept.programme.institution} {kept.programme.code}")

    answer = carried_out("programme.publish", action)
    answer.headers.extend(etag(answer.get_json()["revision"]))
    return answer


@resource.route("")
@resource.arguments(ProgrammeQuery(), location="query")
@resource.response(200, ProgrammePage)
def list_programmes(query: dict[str, Any]) -> Response:
    """List programmes, of one institution if you name it."""
    place = cursor_place(query["cursor"], text_part, text_part) or ["", ""]
    institution, rows_max = query["institution"], query["limit"]
    rows = read_lagging(lambda work: programmes.programmes_page(work, institution, (place[0], place[1]), rows_max + 1))
    items = [_document(row) for row in rows]
    return answered(page_of(items, rows_max, lambda item: [item["institution"], item["code"]]))


@resource.route("/<code:institution>/<code:code>")
@resource.response(200, ProgrammeOut)
def programme(institution: str, code: str) -> Response:
    """Show one programme, with its ETag."""
    found = read_lagging(lambda work: programmes.programme(work, institution, code))
    return answered(_document(found), headers=etag(found.revision))


@resource.route("/<code:institution>/<code:code>", methods=["PUT"])
@resource.doc(
    parameters=[
        {
            "in": "header",
            "name": "If-Match",
            "description": "ETag of the revision that is replaced; without it: 428",
            "schema": {"type": "string"},
        },
        IDEMPOTENCY_KEY,
    ]
)
@resource.arguments(ProgrammeIn())
@resource.response(200, ProgrammeOut)
def replace(programme: Programme, institution: str, code: str) -> Response:
    """Replace a programme of your institution; decided conversions keep what they were decided on.

    Needs `rules:write` and If-Match.
    """
    seen = seen_revision()
    if programme.code != code:
        zh, en = "code 须与路径一致；更改代码请发布新的方案。", "The code must be that of the path; publish a new one."
        raise Malformed((Fault("/code", "fixed", zh, en),))

    def action(work: Work) -> Answer:
        kept = programmes.replace_programme(work, institution, seen, programme)
        return Answer(_document(kept), is_new=False, subject=f"{institution} {code}")

    answer = carried_out("programme.replace", action)
    answer.headers.extend(etag(answer.get_json()["revision"]))
    return answer


def _document(kept: StoredProgramme) -> dict[str, Any]:
    """Return a programme as it stands on the wire."""
    told = programme_document(kept.programme)
    courses = [{"category": None, **course} for course in told.get("courses", [])]
    whole = {"category_credits": {}, "attributes": {}} | told
    return {"id": str(kept.id), **whole, "courses": courses, "revision": kept.revision}
