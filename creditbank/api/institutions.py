"""Institutions over HTTP: registered, shown as of a day, moved between regions, ended."""

from typing import Any
from uuid import UUID

import marshmallow
from flask import Response

from creditbank.api import fields
from creditbank.api.caller import authenticate, carried_out
from creditbank.api.pages import PageQuery
from creditbank.api.positions import read_lagging
from creditbank.api.regions import REGION_ID, RegionName, region_name
from creditbank.api.resource import IDEMPOTENCY_KEY, Resource, answered, cursor_place, page_of, text_part
from creditbank.core.institution import Level, Role
from creditbank.services import institutions
from creditbank.services.bank import Answer, Work
from creditbank.services.institutions import Standing

CODE = r"[a-z][a-z0-9-]{0,31}"
CODE_HINT = "a-z 0-9 -, 1–32"

resource = Resource("Institutions", __name__, url_prefix="/v1/institutions", description="Who issues and accepts")
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
    region = fields.Text(
        64,
        pattern=REGION_ID,
        hint="a-z 0-9 -, 1–64",
        allow_none=True,
        load_default=None,
        metadata={"description": "Id or code of a region in the registry, for one whose code is not published yet"},
    )
    valid_from = fields.Day(allow_none=True, load_default=None)


class EndIn(fields.StrictSchema):
    """The end of an institution; a null `ended_on` takes an end back that was written by mistake."""

    ended_on = fields.Day(required=True, allow_none=True, metadata={"description": "The last day"})
    successor = fields.Text(32, allow_none=True, load_default=None, metadata={"description": "Code of who succeeds it"})
    reason = fields.Text(500, required=True)


class MoveIn(fields.StrictSchema):
    """The region in which an institution stands from a day on."""

    region = fields.Text(64, pattern=REGION_ID, hint="a-z 0-9 -, 1–64", required=True)
    from_day = fields.Day(required=True)


class DayQuery(fields.StrictSchema):
    """As of which day."""

    as_of = fields.Day(load_default=None, metadata={"description": "Today if it is left out"})


class InstitutionsQuery(PageQuery, DayQuery):
    """A page of institutions as of a day."""


class InstitutionOut(marshmallow.Schema):
    """An institution; `region_code` as it was registered, `region` the one in which it stands on the day asked for."""

    id = marshmallow.fields.UUID(required=True)
    code = marshmallow.fields.String(required=True)
    name = marshmallow.fields.String(required=True)
    level = marshmallow.fields.Enum(Level, by_value=True, required=True)
    roles = marshmallow.fields.List(marshmallow.fields.Enum(Role, by_value=True), required=True)
    parent_id = marshmallow.fields.UUID(required=True, allow_none=True)
    social_credit_code = marshmallow.fields.String(required=True, allow_none=True)
    region_code = marshmallow.fields.String(required=True, allow_none=True)
    region = marshmallow.fields.Nested(RegionName, required=True, allow_none=True)
    valid_from = marshmallow.fields.Date(required=True, allow_none=True)
    valid_until = marshmallow.fields.Date(required=True, allow_none=True)
    in_force = marshmallow.fields.Boolean(required=True)
    successor_id = marshmallow.fields.UUID(required=True, allow_none=True)


class InstitutionPage(marshmallow.Schema):
    """A page of institutions, in the order of their codes."""

    items = marshmallow.fields.List(marshmallow.fields.Nested(InstitutionOut), required=True)
    next_cursor = marshmallow.fields.String(required=True, allow_none=True)


@resource.route("")
@resource.arguments(InstitutionsQuery(), location="query")
@resource.response(200, InstitutionPage)
def list_institutions(query: dict[str, Any]) -> Response:
    """List institutions as of a day."""
    place = cursor_place(query["cursor"], text_part) or [""]
    rows_max, day = query["limit"], query["as_of"]
    rows = read_lagging(lambda work: institutions.institutions_page(work, place[0], rows_max + 1, day))
    return answered(page_of([_document(row) for row in rows], rows_max, lambda item: [item["code"]]))


@resource.route("/<id:institution_id>")
@resource.arguments(DayQuery(), location="query")
@resource.response(200, InstitutionOut)
def institution(query: dict[str, Any], institution_id: UUID) -> Response:
    """Show one institution as of a day."""
    return answered(
        _document(read_lagging(lambda work: institutions.institution(work, institution_id, query["as_of"])))
    )


@resource.route("", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.arguments(InstitutionIn())
@resource.response(201, InstitutionOut, description="Registered now")
@resource.alt_response(200, schema=InstitutionOut, description="Registered already")
def register_institution(said: dict[str, Any]) -> Response:
    """Register an institution. Needs `admin`."""
    registration = institutions.Registration(**{**said, "roles": frozenset(said["roles"])})

    def action(work: Work) -> Answer:
        registered, is_new = institutions.register(work, registration)
        return Answer(_document(registered), is_new, subject=registered.institution.code)

    return carried_out("institution.register", action)


@resource.route("/<id:institution_id>/end", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.arguments(EndIn())
@resource.response(201, InstitutionOut, description="Written now")
@resource.alt_response(200, schema=InstitutionOut, description="It stood so already")
def end_institution(said: dict[str, Any], institution_id: UUID) -> Response:
    """Write down an institution's last day and who succeeds it; what it did stays. Needs `admin`."""

    def action(work: Work) -> Answer:
        ended, is_new = institutions.end(work, institution_id, **said)
        return Answer(_document(ended), is_new, subject=ended.institution.code)

    return carried_out("institution.end", action)


@resource.route("/<id:institution_id>/region", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.arguments(MoveIn())
@resource.response(201, InstitutionOut, description="Written now, as it stands on that day")
@resource.alt_response(200, schema=InstitutionOut, description="It was written last already")
def move_institution(said: dict[str, Any], institution_id: UUID) -> Response:
    """Say in which region an institution stands from a day on. Needs `admin`."""

    def action(work: Work) -> Answer:
        moved, is_new = institutions.move(work, institution_id, said["region"], said["from_day"])
        return Answer(_document(moved), is_new, subject=f"{moved.institution.code} {said['region']}")

    return carried_out("institution.move", action)


def _document(standing: Standing) -> dict[str, Any]:
    """Return an institution as it stands on the wire."""
    value = standing.institution
    return {
        "id": str(value.id),
        "code": value.code,
        "name": value.name,
        "level": value.level.value,
        "roles": sorted(value.roles),
        "parent_id": value.parent_id and str(value.parent_id),
        "social_credit_code": value.social_credit_code,
        "region_code": value.region_code,
        "region": standing.region and region_name(standing.region),
        "valid_from": value.valid_from and value.valid_from.isoformat(),
        "valid_until": standing.valid_until and standing.valid_until.isoformat(),
        "in_force": standing.is_in_force,
        "successor_id": standing.successor_id and str(standing.successor_id),
    }
