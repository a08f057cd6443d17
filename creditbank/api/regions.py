"""Regions over HTTP: the dated registry, read by anybody with a token and loaded by the administrator."""

from typing import Any

import marshmallow
from flask import Response

from creditbank.api import fields
from creditbank.api.caller import authenticate, bank, carried_out
from creditbank.api.pages import PageQuery
from creditbank.api.positions import read_lagging
from creditbank.api.resource import IDEMPOTENCY_KEY, Resource, answered, cursor_place, page_of, text_part
from creditbank.core.calendar import bank_day
from creditbank.core.institution import Level
from creditbank.core.region import Region
from creditbank.core.region_changes import Changed, RegionChange
from creditbank.services import regions
from creditbank.services.bank import Answer, Work

REGION_ID = "[a-z0-9][a-z0-9-]{0,63}"
REGION_CODE = "[0-9]{6}([0-9]{3}){0,2}"

CHANGES_MAX = 5000
"""Regions in one request: more than a city has districts and towns; villages come city by city from a file."""

SUCCESSORS_MAX = 50

resource = Resource("Regions", __name__, url_prefix="/v1/regions", description="The dated registry of regions")
resource.before_request(authenticate)


class RegionIn(fields.StrictSchema):
    """What is said of a region; one that is known already needs no name or level."""

    id = fields.Text(64, pattern=REGION_ID, hint="a-z 0-9 -, 1–64", required=True)
    code = fields.Text(12, pattern=REGION_CODE, hint="GB/T 2260", allow_none=True, load_default=None)
    name = fields.Text(200, load_default=None)
    level = fields.Choice(Level, metadata={"description": "市 / 区县 / 镇街 / 村社区"})
    parent = fields.Text(64, pattern=REGION_ID, hint="a-z 0-9 -, 1–64", allow_none=True, load_default=None)
    valid_from = fields.Day(allow_none=True, load_default=None)
    valid_until = fields.Day(
        allow_none=True, load_default=None, metadata={"description": "The last day; said once, with successors"}
    )
    successors = fields.Items(
        fields.Text(64, pattern=REGION_ID, hint="a-z 0-9 -, 1–64"), SUCCESSORS_MAX, count_min=0, load_default=list
    )


class RegionsIn(fields.StrictSchema):
    """Regions to be put into the registry, all or none; `source` is the document that says so."""

    source = fields.Text(500, load_default=None)
    regions = fields.Items(fields.Part(RegionIn), CHANGES_MAX, required=True)


class RegionsQuery(PageQuery):
    """Which regions: in force on a day, below another."""

    as_of = fields.Day(load_default=None, metadata={"description": "Today if it is left out"})
    parent = fields.Text(64, load_default=None, metadata={"description": "Id or code of the one right above"})


class RegionName(marshmallow.Schema):
    """A region as another names it."""

    id = marshmallow.fields.String(required=True)
    code = marshmallow.fields.String(required=True, allow_none=True)
    name = marshmallow.fields.String(required=True)


class RegionOut(marshmallow.Schema):
    """A region; `code` is null until the official one is published, `valid_from` before what the registry tells."""

    id = marshmallow.fields.String(required=True)
    code = marshmallow.fields.String(required=True, allow_none=True)
    name = marshmallow.fields.String(required=True)
    level = marshmallow.fields.Enum(Level, by_value=True, required=True)
    parent = marshmallow.fields.Nested(RegionName, required=True, allow_none=True)
    valid_from = marshmallow.fields.Date(required=True, allow_none=True)
    valid_until = marshmallow.fields.Date(required=True, allow_none=True)
    successors = marshmallow.fields.List(marshmallow.fields.Nested(RegionName), required=True)
    source = marshmallow.fields.String(required=True, allow_none=True)


class RegionPage(marshmallow.Schema):
    """A page of regions in force on a day, in the order of their ids."""

    as_of = marshmallow.fields.Date(required=True)
    items = marshmallow.fields.List(marshmallow.fields.Nested(RegionOut), required=True)
    next_cursor = marshmallow.fields.String(required=True, allow_none=True)


class RegionsLoaded(marshmallow.Schema):
    """What became of a list of regions: their ids."""

    new = marshmallow.fields.List(marshmallow.fields.String(), required=True)
    changed = marshmallow.fields.List(marshmallow.fields.String(), required=True)
    unchanged = marshmallow.fields.List(marshmallow.fields.String(), required=True)


@resource.route("")
@resource.arguments(RegionsQuery(), location="query")
@resource.response(200, RegionPage)
@resource.alt_response(404, "NOT_FOUND")
def list_regions(query: dict[str, Any]) -> Response:
    """List the regions in force on a day, those right below one if it is named."""
    place = cursor_place(query["cursor"], text_part) or [""]
    day = query["as_of"] or bank_day(bank().clock())
    rows = read_lagging(lambda work: regions.regions_page(work, day, query["parent"], place[0], query["limit"] + 1))
    page = page_of([_document(row) for row in rows], query["limit"], lambda item: [item["id"]])
    return answered({"as_of": day.isoformat(), **page})


@resource.route("/<code:region>")
@resource.response(200, RegionOut)
def show_region(region: str) -> Response:
    """Show a region by its id or official code, whenever it is or was in force."""
    return answered(_document(read_lagging(lambda work: regions.region(work, region))))


@resource.route("", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.arguments(RegionsIn())
@resource.response(201, RegionsLoaded, description="Something is new or changed")
@resource.alt_response(200, schema=RegionsLoaded, description="All of it stood already")
def load_regions(said: dict[str, Any]) -> Response:
    """Put regions into the registry, all or none. Needs `admin`."""
    changes, source = changes_of(said)

    def action(work: Work) -> Answer:
        loaded = regions.load(work, changes, source)
        is_new = bool(loaded.new or loaded.changed)
        return Answer(loaded_document(loaded), is_new, subject=f"{len(changes)} regions")

    return carried_out("region.load", action)


def changes_of(said: dict[str, Any]) -> tuple[list[RegionChange], str | None]:
    """Return the changes that a list of regions asks for, and their source."""
    changes = [RegionChange(**{**one, "successors": tuple(one["successors"])}) for one in said["regions"]]
    return changes, said["source"]


def loaded_document(loaded: Changed) -> dict[str, list[str]]:
    """Return what became of a list of regions as it stands on the wire."""
    return {"new": list(loaded.new), "changed": list(loaded.changed), "unchanged": list(loaded.unchanged)}


def region_name(region: Region) -> dict[str, Any]:
    """Return a region as another names it."""
    return {"id": region.id, "code": region.code, "name": region.name}


def _document(shown: regions.Shown) -> dict[str, Any]:
    """Return a region as it stands on the wire."""
    region = shown.region
    return {
        "id": region.id,
        "code": region.code,
        "name": region.name,
        "level": region.level.value,
        "parent": shown.parent and region_name(shown.parent),
        "valid_from": region.valid_from and region.valid_from.isoformat(),
        "valid_until": region.valid_until and region.valid_until.isoformat(),
        "successors": [region_name(one) for one in shown.successors],
        "source": region.source,
    }
