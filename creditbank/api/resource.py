"""What all resources share: strict bodies, problems in the API document, learners in paths, pages and entity tags."""

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, NoReturn
from uuid import UUID

import marshmallow
from apispec.ext.marshmallow import MarshmallowPlugin
from flask import Flask, Request, Response, request
from flask_smorest import Api, Blueprint
from webargs import core
from webargs.flaskparser import FlaskParser
from werkzeug.routing import BaseConverter, IntegerConverter

from creditbank.api import fields
from creditbank.api.problems import Unreadable
from creditbank.core.errors import ConditionMissing, Fault, Malformed, Outdated
from creditbank.formats.strict_json import TooLarge, parsed, text_of, too_large

BODY_BYTES_MAX = 1024 * 1024
"""The largest body of a single request: a rule set of thousands of rules fits in."""

DEPTH_MAX = 64
"""The deepest nesting of a body: a rule set's conditions, 16 deep, take 48 levels of JSON."""

PAGE_ROWS_MAX = 200
"""The longest page of a list."""

PAGE_ROWS = 50
"""A page's length where the caller names none."""

SHARE_CODE = "[a-z2-7]{32}"
"""The code of a link: 160 bits in base 32, small letters."""

ME = "me"
"""A learner's own name in paths."""

IDEMPOTENCY_KEY = {
    "in": "header",
    "name": "Idempotency-Key",
    "description": "A key of the caller's own; the same request sent again under it has one effect and one answer",
    "schema": {"type": "string", "pattern": "^[!-~]{1,128}$", "minLength": 1, "maxLength": 128},
}
"""How the header is documented that makes a repeat harmless."""

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII)
_ETAG = re.compile(r'"([1-9][0-9]{0,8})"', re.ASCII)


class ProblemError(marshmallow.Schema):
    """One reason in a problem."""

    pointer = marshmallow.fields.String(required=True, metadata={"description": "JSON pointer into the request"})
    code = marshmallow.fields.String(required=True)
    message_zh = marshmallow.fields.String(required=True)
    message_en = marshmallow.fields.String(required=True)


class Problem(marshmallow.Schema):
    """Problem details, RFC 9457."""

    type = marshmallow.fields.String(required=True)
    title = marshmallow.fields.String(required=True)
    status = marshmallow.fields.Integer(required=True)
    code = marshmallow.fields.String(required=True)
    request_id = marshmallow.fields.String(required=True)
    detail = marshmallow.fields.String()
    errors = marshmallow.fields.List(marshmallow.fields.Nested(ProblemError), required=True)


class _StrictParser(FlaskParser):
    """Reads bodies through the strict JSON door and refuses with our own faults."""

    DEFAULT_UNKNOWN_BY_LOCATION = {**FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION, "query": marshmallow.RAISE}  # noqa: RUF012

    def load_json(self, req: Request, schema: marshmallow.Schema) -> Any:  # noqa: ANN401, ARG002
        return json_body(req)

    def handle_error(self, error: marshmallow.ValidationError, *_args: Any, **_kwargs: Any) -> NoReturn:  # noqa: ANN401
        messages = error.messages
        if isinstance(messages, dict) and len(messages) == 1:
            ((location, inner),) = messages.items()
            messages = inner if location in ("json", "query", "form") else messages
        raise Malformed(fields.faults_of(messages))


class Resource(Blueprint):  # type: ignore[misc] # flask-smorest is untyped
    """A blueprint whose bodies and queries are read strictly."""

    ARGUMENTS_PARSER = _StrictParser()

    def _store_endpoint_docs(self, endpoint: str, obj: Any, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """Name each operation as its function is named, which is what generated clients call it."""
        super()._store_endpoint_docs(endpoint, obj, *args, **kwargs)
        for method, told in self._docs[endpoint].items():
            if method != "parameters":
                told["manual_doc"] = {"operationId": obj.__name__, **told.get("manual_doc", {})}


class Documented(Api):  # type: ignore[misc] # flask-smorest is untyped
    """The API with problems documented as they are sent."""

    ERROR_SCHEMA = Problem
    DEFAULT_ERROR_RESPONSE_NAME = None
    """Each status is documented by itself (creditbank.api.documentation), so that an unforeseen one shows."""

    def _register_error_handlers(self) -> None:
        """Leave errors to creditbank.api.problems."""

    def _register_responses(self) -> None:
        """Document every error as a problem."""
        for status in HTTPStatus:
            self.spec.components.response(status.name, _problem_response(status.phrase), lazy=True)


class LearnerConverter(BaseConverter):
    """A learner's id in a path, or `me` for the learner who asks."""

    regex = "[^/]+"

    def to_python(self, value: str) -> UUID | None:
        """Return the id; None for `me`. What is no id is the id of nobody."""
        if value == ME:
            return None
        return UUID(value) if _UUID.fullmatch(value) else UUID(int=0)


class IdConverter(BaseConverter):
    """An opaque id in a path; what is no id is the id of nothing."""

    regex = "[^/]+"

    def to_python(self, value: str) -> UUID:
        """Return the id."""
        return UUID(value) if _UUID.fullmatch(value) else UUID(int=0)


class CodeConverter(BaseConverter):
    """The code of something in a path; there is nothing under what is no code."""

    regex = "[a-z0-9][a-z0-9-]{0,63}"


class ShareConverter(BaseConverter):
    """The code of a link in a path, in any case: it is typed from paper. What is no code is one that never was."""

    regex = "[^/]{1,64}"

    def to_python(self, value: str) -> str:
        """Return the code in small letters."""
        return value.strip().lower()


class WholeConverter(IntegerConverter):
    """A whole number in a path, in plain digits."""

    regex = "[0-9]+"


def documented_api(app: Flask) -> Documented:
    """Return the API of the app with our fields and path parameters described."""
    app.url_map.converters["learner"] = LearnerConverter
    app.url_map.converters["id"] = IdConverter
    app.url_map.converters["code"] = CodeConverter
    app.url_map.converters["int"] = WholeConverter
    app.url_map.converters["share"] = ShareConverter
    api = Documented(app, spec_kwargs={"marshmallow_plugin": MarshmallowPlugin(schema_name_resolver=_schema_name)})
    id_schema = {"type": "string", "format": "uuid"}
    api.register_converter(IdConverter, lambda _: id_schema)
    api.register_converter(CodeConverter, lambda _: {"type": "string", "pattern": f"^{CodeConverter.regex}$"})
    api.register_converter(ShareConverter, lambda _: {"type": "string", "pattern": f"^{SHARE_CODE}$"})
    api.register_converter(LearnerConverter, lambda _: {"anyOf": [id_schema, {"type": "string", "const": ME}]})
    for field, kind, form in (
        (fields.Text, "string", None),
        (fields.Label, ["string", "integer"], None),
        (fields.Amount, ["string", "number"], None),
        (fields.Day, "string", "date"),
        (fields.Instant, "string", "date-time"),
        (fields.Id, "string", "uuid"),
        (fields.Whole, "integer", None),
        (fields.Choice, "string", None),
        (fields.Flag, "boolean", None),
        (fields.AnyJson, ["object"], None),
    ):
        api.register_field(field, kind, form)
    return api


def json_body(req: Request) -> object:
    """Return the request's body as JSON. Refused: another content type, and whatever the strict door refuses."""
    media_type = req.mimetype
    if not core.is_json(media_type):
        raise wrong_media_type("application/json")
    check_length(req, BODY_BYTES_MAX)
    return parsed(req.get_data(cache=True), bytes_max=BODY_BYTES_MAX, depth_max=DEPTH_MAX)


def check_length(req: Request, bytes_max: int) -> None:
    """Refuse a body that says itself that it is too long, before it is read."""
    if req.content_length is not None and req.content_length > bytes_max:
        raise TooLarge((too_large(req.content_length, bytes_max),))


def wrong_media_type(*wanted: str) -> Unreadable:
    """Return the refusal of a body in another type."""
    names = " / ".join(wanted)
    zh, en = f"请求体的 Content-Type 应为 {names}。", f"Send the body with Content-Type {names}."
    return Unreadable((Fault("", "unsupported_media_type", zh, en),))


def answered(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON answer, Chinese unescaped."""
    return Response(text_of(body), status=status, content_type="application/json", headers=headers)


def etag(revision: int) -> dict[str, str]:
    """Return the header that names a revision."""
    return {"ETag": f'"{revision}"'}


def seen_revision() -> int:
    """Return the revision that If-Match names. Refused: ConditionMissing, Outdated where it names none of ours."""
    header = request.headers.get("If-Match")
    if header is None:
        zh = '请在 If-Match 中给出所读取版本的 ETag，例如 If-Match: "1"。'
        en = 'Name the revision that you saw, by its ETag: If-Match: "1".'
        raise ConditionMissing((Fault("", "if_match_missing", zh, en),))
    match = _ETAG.fullmatch(header.strip())
    if match is None:
        zh, en = "If-Match 不是任何版本的 ETag；请重新读取。", "If-Match is no ETag of a revision; read it again."
        raise Outdated((Fault("", "outdated", zh, en),))
    return int(match[1])


def page_of(items: list[dict[str, Any]], rows_max: int, place: Callable[[dict[str, Any]], list[Any]]) -> dict[str, Any]:
    """Return a page; `items` may hold one more than fits, which tells that there is a next page."""
    shown = items[:rows_max]
    has_more = len(items) > rows_max
    return {"items": shown, "next_cursor": cursor_text(place(shown[-1])) if has_more else None}


def cursor_place(cursor: str | None, *readers: Callable[[Any], Any]) -> list[Any] | None:
    """Return the place that a cursor of ours names, each part read by its reader. Refused: Malformed."""
    if cursor is None:
        return None
    try:
        place = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return [read(part) for read, part in zip(readers, place, strict=True)]
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError, binascii.Error):
        raise wrong_cursor() from None


def wrong_cursor(pointer: str = "/cursor") -> Malformed:
    """Return the refusal of what is no cursor of ours."""
    zh, en = "游标无效；请使用上一页的 next_cursor。", "This is no cursor; use next_cursor of the page before."
    return Malformed((Fault(pointer, "wrong_cursor", zh, en),))


def instant_part(part: str) -> datetime:
    """Return the instant in a cursor."""
    instant = datetime.fromisoformat(part)
    if instant.tzinfo is None:
        raise ValueError(part)
    return instant.astimezone(UTC)


def whole_part(part: object) -> int:
    """Return the whole number in a cursor."""
    if type(part) is not int or not 0 <= part < 2**31:
        raise ValueError(part)
    return part


def text_part(part: object) -> str:
    """Return the code in a cursor."""
    if not isinstance(part, str) or not (part.isascii() and part.isprintable()):
        raise ValueError(part)
    return part


def cursor_text(place: list[Any]) -> str:
    """Return a place in a list as an opaque text."""
    return base64.urlsafe_b64encode(text_of(place).encode()).decode().rstrip("=")


def _problem_response(description: str) -> dict[str, Any]:
    """Return how a problem is documented."""
    return {"description": description, "content": {"application/problem+json": {"schema": Problem}}}


def _schema_name(schema: type[marshmallow.Schema] | marshmallow.Schema) -> str:
    """Return a schema's name in the API document: that of its class."""
    cls = schema if isinstance(schema, type) else type(schema)
    return cls.__name__
