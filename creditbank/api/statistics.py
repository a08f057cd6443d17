"""Statistics over HTTP: figures of a region as of a day, for the authority; no learner's id among them."""

from decimal import Decimal
from typing import Any

import marshmallow
from flask import Response

from creditbank.api import fields
from creditbank.api.caller import authenticate
from creditbank.api.positions import read_lagging
from creditbank.api.resource import Resource
from creditbank.api.tables import TABLES, TOTAL, answered_as_asked
from creditbank.core.credit import decimal_text
from creditbank.core.figures import By, Figures
from creditbank.services import statistics
from creditbank.services.areas import Area
from creditbank.services.statistics import Item, Question, Statistics

resource = Resource("Statistics", __name__, url_prefix="/v1", description="Figures by region as of a day")
resource.before_request(authenticate)


class StatisticsQuery(fields.StrictSchema):
    """What is asked."""

    region = fields.Text(64, load_default=None, metadata={"description": "Id or code; the whole bank if left out"})
    as_of = fields.Day(load_default=None, metadata={"description": "Today if it is left out, of which more may come"})
    by = fields.Choice(By)


class SchemeFigures(marshmallow.Schema):
    """Credits of one scheme: recognised less reversed, converted less undone."""

    scheme = marshmallow.fields.String(required=True)
    recognised = marshmallow.fields.String(required=True)
    converted = marshmallow.fields.String(required=True)


class FiguresOut(marshmallow.Schema):
    """What was counted; `accounts` is null by kind, as an account is of none."""

    accounts = marshmallow.fields.Integer(required=True, allow_none=True)
    outcomes = marshmallow.fields.Integer(required=True)
    credits = marshmallow.fields.List(marshmallow.fields.Nested(SchemeFigures), required=True)


class StatisticsItem(FiguresOut):
    """Figures of one of many; `key` is null for what stands in none of the regions below."""

    key = marshmallow.fields.String(required=True, allow_none=True)
    name = marshmallow.fields.String(required=True, allow_none=True)


class NamedRegion(marshmallow.Schema):
    """A region by its id, which never changes, and its name."""

    id = marshmallow.fields.String(required=True)
    name = marshmallow.fields.String(required=True)


class AskedRegion(NamedRegion):
    """The region that was asked about, and whether it is in force on the day."""

    in_force = marshmallow.fields.Boolean(required=True)
    valid_from = marshmallow.fields.Date(required=True, allow_none=True)
    valid_until = marshmallow.fields.Date(required=True, allow_none=True)
    successors = marshmallow.fields.List(marshmallow.fields.Nested(NamedRegion), required=True)


class UnassignedInstitution(marshmallow.Schema):
    """An institution of which nobody said where below it stands."""

    code = marshmallow.fields.String(required=True)
    name = marshmallow.fields.String(required=True)


class StatisticsOut(marshmallow.Schema):
    """Figures as of a day; once the day is over (`final`) the same question gives the same answer for ever."""

    as_of = marshmallow.fields.Date(required=True)
    final = marshmallow.fields.Boolean(required=True)
    region = marshmallow.fields.Nested(AskedRegion, required=True, allow_none=True)
    institutions = marshmallow.fields.Integer(required=True)
    figures = marshmallow.fields.Nested(FiguresOut, required=True)
    by = marshmallow.fields.Enum(By, by_value=True, required=True, allow_none=True)
    items = marshmallow.fields.List(marshmallow.fields.Nested(StatisticsItem), required=True)
    unassigned = marshmallow.fields.List(marshmallow.fields.Nested(UnassignedInstitution), required=True)


@resource.route("/statistics")
@resource.arguments(StatisticsQuery(), location="query")
@resource.response(200, StatisticsOut)
@resource.alt_response(404, "NOT_FOUND")
@resource.doc(responses=TABLES)
def show_statistics(query: dict[str, Any]) -> Response:
    """Count accounts, outcomes and credits of a region by the end of a day.

    As JSON, or its rows as CSV or XLSX, by Accept. Needs `audit:read` or `admin`.
    """
    by = query.get("by")
    question = Question(query["region"], query["as_of"], by)
    found = read_lagging(lambda work: statistics.statistics(work, question), is_exact=True)
    return answered_as_asked(_document(found, by), _rows(found, by), "statistics")


def _document(found: Statistics, by: By | None) -> dict[str, Any]:
    """Return figures as they stand on the wire."""
    return {
        "as_of": found.area.day.isoformat(),
        "final": found.area.is_final,
        "region": region_document(found.area),
        "institutions": len(found.area.members),
        "figures": _figures(found.figures),
        "by": by and by.value,
        "items": [_item(item, by) for item in found.items],
        "unassigned": [{"code": one.code, "name": one.name} for one in found.area.unassigned],
    }


def region_document(area: Area) -> dict[str, Any] | None:
    """Return the region that was asked about, without its code: that may be given later, and the answer stays."""
    region = area.region
    if region is None:
        return None
    return {
        "id": region.id,
        "name": region.name,
        "in_force": area.is_in_force,
        "valid_from": region.valid_from and region.valid_from.isoformat(),
        "valid_until": region.valid_until and region.valid_until.isoformat(),
        "successors": [{"id": one.id, "name": one.name} for one in area.successors],
    }


def _item(item: Item, by: By | None) -> dict[str, Any]:
    """Return the figures of one of many."""
    figures = _figures(item.figures)
    if by is By.KIND:
        figures["accounts"] = None
    return {"key": item.key, "name": item.name, **figures}


def _rows(found: Statistics, by: By | None) -> list[dict[str, Any]]:
    """Return the items as rows of a table, and all together as the last of them; two columns for each scheme."""
    unknown = {"accounts": None} if by is By.KIND else {}
    items = [{"key": item.key, "name": item.name, **_row(item.figures), **unknown} for item in found.items]
    return [*items, {"key": None, "name": TOTAL, **_row(found.figures)}]


def _row(figures: Figures) -> dict[str, Any]:
    amounts = {
        f"{what} {scheme}": Decimal(decimal_text(hundredths))
        for scheme, one in figures.credits.items()
        for what, hundredths in (("recognised", one.recognised_hundredths), ("converted", one.converted_hundredths))
    }
    return {"accounts": figures.accounts, "outcomes": figures.outcomes, **amounts}


def _figures(figures: Figures) -> dict[str, Any]:
    """Return what was counted."""
    return {
        "accounts": figures.accounts,
        "outcomes": figures.outcomes,
        "credits": [
            {
                "scheme": scheme,
                "recognised": decimal_text(one.recognised_hundredths),
                "converted": decimal_text(one.converted_hundredths),
            }
            for scheme, one in figures.credits.items()
        ],
    }
