"""Reports over HTTP: how applications were handled, and why learning brought no credit, for the authority."""

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from dataclasses import fields as names_of
from typing import Any, TypeVar

import marshmallow
from flask import Response

from creditbank.api import fields
from creditbank.api.caller import authenticate
from creditbank.api.positions import read_lagging
from creditbank.api.resource import Resource
from creditbank.api.statistics import AskedRegion, region_document
from creditbank.api.tables import TABLES, TOTAL, answered_as_asked
from creditbank.core.handling import ENDED, ByPlace, Days, Handled, Reason
from creditbank.services import handling
from creditbank.services.handling import Report, Span

resource = Resource("Reports", __name__, url_prefix="/v1/statistics", description="How applications were handled")
resource.before_request(authenticate)

T = TypeVar("T")

DAYS = tuple(one.name for one in names_of(Days))
"""What is told of how long it took."""

_WORDS = {
    Reason.NO_RULESET: ("没有规则集涉及该成果", "no rule set speaks of the outcome"),
    Reason.NO_RULE_APPLIES: ("规则集中没有一条规则的条件成立", "no rule's condition holds"),
    Reason.NO_CREDIT: ("适用的规则得出零学分", "the rule that applies gives no credit"),
    Reason.DUPLICATE: ("同一学习已计算过", "the same learning counts already"),
    Reason.REVOCATION: ("颁发机构撤销了成果", "its issuer revoked the outcome"),
}
"""The reasons in plain words."""


class SpanQuery(fields.StrictSchema):
    """What is asked."""

    region = fields.Text(64, load_default=None, metadata={"description": "Id or code; the whole bank if left out"})
    since = fields.Day(load_default=None, metadata={"description": "First day; the year's first if left out"})
    until = fields.Day(load_default=None, metadata={"description": "Last day; today if left out"})
    by = fields.Choice(ByPlace)


class ReportOut(marshmallow.Schema):
    """What a report is about; once the last day is over (`final`) it stays the same."""

    since = marshmallow.fields.Date(required=True)
    until = marshmallow.fields.Date(required=True)
    final = marshmallow.fields.Boolean(required=True)
    region = marshmallow.fields.Nested(AskedRegion, required=True, allow_none=True)
    institutions = marshmallow.fields.Integer(required=True)


class DaysOut(marshmallow.Schema):
    """In how many days half, nine of ten and all of the decided applications were decided; 0 is the same day."""

    half = marshmallow.fields.Integer(required=True)
    nine_tenths = marshmallow.fields.Integer(required=True)
    longest = marshmallow.fields.Integer(required=True)


class EndsOut(marshmallow.Schema):
    """How many applications ended, by how."""

    approved = marshmallow.fields.Integer(required=True)
    rejected = marshmallow.fields.Integer(required=True)
    withdrawn = marshmallow.fields.Integer(required=True)
    lapsed = marshmallow.fields.Integer(required=True)
    voided = marshmallow.fields.Integer(required=True)


class HandledOut(marshmallow.Schema):
    """Applications that came in, that ended, and that are open at the end; `days` from the first day to a decision."""

    applied = marshmallow.fields.Integer(required=True)
    ended = marshmallow.fields.Nested(EndsOut, required=True)
    open = marshmallow.fields.Integer(required=True)
    days = marshmallow.fields.Nested(DaysOut, required=True, allow_none=True)


class HandledItem(HandledOut):
    """How applications to one of many were handled; `key` is null for what stands in none of the regions below."""

    key = marshmallow.fields.String(required=True, allow_none=True)
    name = marshmallow.fields.String(required=True, allow_none=True)


class HandlingOut(ReportOut):
    """How applications for conversion were handled."""

    figures = marshmallow.fields.Nested(HandledOut, required=True)
    items = marshmallow.fields.List(marshmallow.fields.Nested(HandledItem), required=True)


class ReasonOut(marshmallow.Schema):
    """A reason with the decisions that gave it."""

    code = marshmallow.fields.Enum(Reason, by_value=True, required=True)
    message_zh = marshmallow.fields.String(required=True)
    message_en = marshmallow.fields.String(required=True)
    decisions = marshmallow.fields.Integer(required=True)


class ReasonsItem(marshmallow.Schema):
    """The reasons at one of many; `key` is null for what stands in none of the regions below."""

    key = marshmallow.fields.String(required=True, allow_none=True)
    name = marshmallow.fields.String(required=True, allow_none=True)
    reasons = marshmallow.fields.List(marshmallow.fields.Nested(ReasonOut), required=True)


class ReasonsOut(ReportOut):
    """Why learning brought no credit, the most frequent reason first."""

    reasons = marshmallow.fields.List(marshmallow.fields.Nested(ReasonOut), required=True)
    items = marshmallow.fields.List(marshmallow.fields.Nested(ReasonsItem), required=True)


@resource.route("/handling")
@resource.arguments(SpanQuery(), location="query")
@resource.response(200, HandlingOut)
@resource.alt_response(404, "NOT_FOUND")
@resource.doc(responses=TABLES)
def show_handling(query: dict[str, Any]) -> Response:
    """Tell how applications for conversion to institutions of a region were handled, and how long that took.

    As JSON, or its rows as CSV or XLSX, by Accept. Needs `audit:read` or `admin`.
    """
    report = read_lagging(lambda work: handling.handling(work, _span(query)), is_exact=True)
    document = _document(report) | {"figures": _handled(report.told), "items": _items(report, _handled)}
    return answered_as_asked(document, _rows(report, _handled_row), "handling")


@resource.route("/reasons")
@resource.arguments(SpanQuery(), location="query")
@resource.response(200, ReasonsOut)
@resource.alt_response(404, "NOT_FOUND")
@resource.doc(responses=TABLES)
def show_reasons(query: dict[str, Any]) -> Response:
    """Tell why outcomes that institutions of a region recorded brought no credit.

    As JSON, or its rows as CSV or XLSX, by Accept. Needs `audit:read` or `admin`.
    """
    report = read_lagging(lambda work: handling.reasons(work, _span(query)), is_exact=True)
    document = _document(report) | _reasons(report.told) | {"items": _items(report, _reasons)}
    return answered_as_asked(document, _rows(report, _reasons_row), "reasons")


def _span(query: dict[str, Any]) -> Span:
    return Span(query["region"], query["since"], query["until"], query.get("by"))


def _document(report: Report[Any]) -> dict[str, Any]:
    """Return what a report is about as it stands on the wire."""
    return {
        "since": report.since.isoformat(),
        "until": report.area.day.isoformat(),
        "final": report.area.is_final,
        "region": region_document(report.area),
        "institutions": len(report.area.members),
    }


def _items(report: Report[T], told: Callable[[T], dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"key": part.key, "name": part.name, **told(part.told)} for part in report.parts]


def _rows(report: Report[T], row: Callable[[T], dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the parts as rows of a table, and all together as the last of them."""
    parts = [{"key": part.key, "name": part.name, **row(part.told)} for part in report.parts]
    return [*parts, {"key": None, "name": TOTAL, **row(report.told)}]


def _handled(handled: Handled) -> dict[str, Any]:
    days = handled.days()
    return {
        "applied": handled.applied,
        "ended": {state.value: handled.ended[state] for state in ENDED},
        "open": handled.open,
        "days": None if days is None else asdict(days),
    }


def _handled_row(handled: Handled) -> dict[str, Any]:
    told = _handled(handled)
    days = told["days"] or dict.fromkeys(DAYS)
    return {
        "applied": told["applied"],
        **told["ended"],
        "open": told["open"],
        **{f"days_{one}": days[one] for one in DAYS},
    }


def _reasons(counted: Counter[Reason]) -> dict[str, Any]:
    return {
        "reasons": [
            {"code": code.value, "message_zh": _WORDS[code][0], "message_en": _WORDS[code][1], "decisions": many}
            for code, many in sorted(counted.items(), key=lambda one: (-one[1], one[0]))
        ]
    }


def _reasons_row(counted: Counter[Reason]) -> dict[str, Any]:
    return {code.value: counted[code] for code in Reason}
