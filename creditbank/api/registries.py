"""Registries over HTTP: institutions and credit schemes."""

from typing import Any
from uuid import UUID

import marshmallow
from flask import Response

from creditbank.api import fields
from creditbank.api.caller import authenticate, carried_out, looked_up
from creditbank.api.pages import PageQuery
from creditbank.api.resource import IDEMPOTENCY_KEY, Resource, answered, cursor_place, page_of, text_part
from creditbank.core.credit import Rounding, Scheme, decimal_text
from creditbank.core.institution import Institution, Level, Role
from creditbank.services import institutions, schemes
from creditbank.services.bank import Answer, Work

CODE = r"[a-z][a-z0-9-]{0,31}"
CODE_HINT = "a-z 0-9 -, 1–32"

resource = Resource("Registries", __name__, url_prefix="/v1", description="Institutions and credit schemes")
resource.before_request(authenticate)


class InstitutionIn(fields.StrictSchema):
    """An institution to be registered."""

    code = fields.Text(32, pattern=CODE, hint=CODE_HINT, required=True)
    name = fields.Text(200, required=True)
    level = fields.Choice(Level, required=True, metadata={"description": "市 / 区县 / 镇街 / 村社区"})
    roles = fields.Items(fields.Choice(Role), len(Role), required=True)
    parent = fields.Text(32, allow_none=True, load_default=None, metadata={"description": "Code of the one above it"})
    social_credit_code = fields.Text(18, allow_none=True, load_default=None)
    region_code = fields.Text(12, pattern="[0-9]{6,12}", hint="GB/T 2260", allow_none=True, load_default=None)


class InstitutionOut(marshmallow.Schema):
    """An institution."""

    id = marshmallow.fields.UUID(required=True)
    code = marshmallow.fields.String(required=True)
    name = marshmallow.fields.String(required=True)
    level = marshmallow.fields.Enum(Level, by_value=True, required=True)
    roles = marshmallow.fields.List(marshmallow.fields.Enum(Role, by_value=True), required=True)
    parent_id = marshmallow.fields.UUID(required=True, allow_none=True)
    social_credit_code = marshmallow.fields.String(required=True, allow_none=True)
    region_code = marshmallow.fields.String(required=True, allow_none=True)


class InstitutionPage(marshmallow.Schema):
    """A page of institutions, in the order of their codes."""

    items = marshmallow.fields.List(marshmallow.fields.Nested(InstitutionOut), required=True)
    next_cursor = marshmallow.fields.String(required=True, allow_none=True)


class SchemeIn(fields.StrictSchema):
    """A credit scheme; it never changes once it is registered."""

    code = fields.Text(64, pattern=r"[a-z][a-z0-9-]{0,63}", hint="a-z 0-9 -, 1–64", required=True)
    title_zh = fields.Text(200, required=True)
    title_en = fields.Text(200, required=True)
    hours_per_credit = fields.Amount(required=True, metadata={"description": "学时 that make one credit, above 0"})
    minutes_per_hour = fields.Whole(1, 240, load_default=45, metadata={"description": "Minutes of one 学时"})
    step = fields.Amount(load_default=1, metadata={"description": "Smallest part of a credit", "default": "0.01"})
    rounding = fields.Choice(Rounding, load_default=Rounding.DOWN)

    @marshmallow.post_load
    def scheme(self, data: dict[str, Any], **_kwargs: object) -> Scheme:
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


@resource.route("/institutions")
@resource.arguments(PageQuery(), location="query")
@resource.response(200, InstitutionPage)
def list_institutions(query: dict[str, Any]) -> Response:
    """List institutions."""
    place = cursor_place(query["cursor"], text_part) or [""]
    rows = looked_up(lambda work: institutions.institutions_page(work, place[0], query["limit"] + 1))
    items = [_institution_document(row) for row in rows]
    return answered(page_of(items, query["limit"], lambda item: [item["code"]]))


@resource.route("/institutions/<id:institution_id>")
@resource.response(200, InstitutionOut)
def institution(institution_id: UUID) -> Response:
    """Show one institution."""
    return answered(_institution_document(looked_up(lambda work: institutions.institution(work, institution_id))))


@resource.route("/institutions", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.arguments(InstitutionIn())
@resource.response(201, InstitutionOut, description="Registered now")
@resource.alt_response(200, schema=InstitutionOut, description="Registered already")
def register_institution(said: dict[str, Any]) -> Response:
    """Register an institution. Needs `admin`."""
    registration = institutions.Registration(**{**said, "roles": frozenset(said["roles"])})

    def action(work: Work) -> Answer:
        registered, is_new = institutions.register(work, registration)
        return Answer(_institution_document(registered), is_new, subject=registered.code)

    return carried_out("institution.register", action)


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


def _institution_document(value: Institution) -> dict[str, Any]:
    """Return an institution as it stands on the wire."""
    return {
        "id": str(value.id),
        "code": value.code,
        "name": value.name,
        "level": value.level.value,
        "roles": sorted(value.roles),
        "parent_id": value.parent_id and str(value.parent_id),
        "social_credit_code": value.social_credit_code,
        "region_code": value.region_code,
    }


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
