"""Registries over HTTP: credit schemes."""

from typing import Any

import marshmallow
from flask import Response

from creditbank.api import fields
from creditbank.api.caller import authenticate, carried_out, looked_up
from creditbank.api.resource import IDEMPOTENCY_KEY, Resource, answered
from creditbank.core.credit import Rounding, Scheme, decimal_text
from creditbank.services import schemes
from creditbank.services.bank import Answer, Work

resource = Resource("Registries", __name__, url_prefix="/v1", description="Credit schemes")
resource.before_request(authenticate)


class SchemeIn(fields.StrictSchema):
    """A credit scheme; it never changes once it is registered."""

    code = fields.Text(64, pattern=r"[a-z][a-z0-9-]{0,63}", hint="a-z 0-9 -, 1–64", required=True)
    title_zh = fields.Text(200, required=True)
    title_en = fields.Text(200, required=True)
    hours_per_credit = fields.Amount(required=True, metadata={"description": "学时 that make one credit, above 0"})
    minutes_per_hour = fields.Whole(1, 240, load_default=45, metadata={"description": "Minutes of one 学时"})
    step = fields.Amount(load_default=1, metadata={"description": "Smallest part of a credit", "default": "0.01"})
    rounding = fields.Choice(Rounding, load_default=Rounding.DOWN)

    def built(self, data: dict[str, Any]) -> Scheme:
        """Return the scheme."""
        hours, step = data.pop("hours_per_credit"), data.pop("step")
        if not 1 <= hours < 2**31:
            raise marshmallow.ValidationError({"hours_per_credit": [fields.NOT_POSITIVE]})
        if not 1 <= step <= 10_000:  # noqa: PLR2004 - a hundred credits, as the table bounds it
            raise marshmallow.ValidationError({"step": [fields.NOT_POSITIVE]})
        return Scheme(**data, hours_per_credit_hundredths=hours, step_hundredths=step)


class SchemeOut(marshmallow.Schema):
    """A credit scheme."""

    code = marshmallow.fields.String(required=True)
    title_zh = marshmallow.fields.String(required=True)
    title_en = marshmallow.fields.String(required=True)
    hours_per_credit = marshmallow.fields.String(required=True)
    minutes_per_hour = marshmallow.fields.Integer(required=True)
    step = marshmallow.fields.String(required=True)
    rounding = marshmallow.fields.Enum(Rounding, by_value=True, required=True)


class SchemeList(marshmallow.Schema):
    """All credit schemes, in the order of their codes."""

    items = marshmallow.fields.List(marshmallow.fields.Nested(SchemeOut), required=True)
    next_cursor = marshmallow.fields.String(required=True, allow_none=True)


@resource.route("/schemes")
@resource.response(200, SchemeList)
def list_schemes() -> Response:
    """List credit schemes."""
    found = looked_up(schemes.every_scheme)
    return answered({"items": [_scheme_document(scheme) for scheme in found], "next_cursor": None})


@resource.route("/schemes", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.arguments(SchemeIn())
@resource.response(201, SchemeOut, description="Registered now")
@resource.alt_response(200, schema=SchemeOut, description="Registered already")
def add_scheme(scheme: Scheme) -> Response:
    """Register a credit scheme. Needs `rules:write` or `admin`."""

    def action(work: Work) -> Answer:
        kept, is_new = schemes.add_scheme(work, scheme)
        return Answer(_scheme_document(kept), is_new, subject=kept.code)

    return carried_out("scheme.add", action)


def _scheme_document(scheme: Scheme) -> dict[str, Any]:
    """Return a scheme as it stands on the wire."""
    return {
        "code": scheme.code,
        "title_zh": scheme.title_zh,
        "title_en": scheme.title_en,
        "hours_per_credit": decimal_text(scheme.hours_per_credit_hundredths),
        "minutes_per_hour": scheme.minutes_per_hour,
        "step": decimal_text(scheme.step_hundredths),
        "rounding": scheme.rounding.value,
    }
