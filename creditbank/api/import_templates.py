"""Mappings of columns over HTTP: what there is, and templates to fill in."""

from enum import StrEnum
from typing import Any

import marshmallow
from flask import Response

from creditbank.api import fields
from creditbank.api.caller import authenticate
from creditbank.api.resource import Resource, answered
from creditbank.api.uploads import CSV_TYPES, XLSX_TYPE
from creditbank.core.errors import unknown
from creditbank.formats.import_templates import csv_template, is_required, template_columns, workbook_template
from creditbank.formats.row_mapping import Mapping, mapping, mapping_codes

resource = Resource("ImportTemplates", __name__, url_prefix="/v1/imports", description="Forms of files with records")
resource.before_request(authenticate)


class TemplateFormat(StrEnum):
    """What a template may be."""

    XLSX = "xlsx"
    CSV = "csv"


class TemplateQuery(fields.StrictSchema):
    """As what a template is wanted."""

    format = fields.Choice(TemplateFormat, load_default=TemplateFormat.XLSX)


class TemplateColumnOut(marshmallow.Schema):
    """A column by its first name, the field that it is for, and all names by which it is known."""

    name = marshmallow.fields.String(required=True)
    field = marshmallow.fields.String(required=True)
    names = marshmallow.fields.List(marshmallow.fields.String(), required=True)
    is_required = marshmallow.fields.Boolean(required=True)


class TemplateOut(marshmallow.Schema):
    """A mapping of columns, with where its names come from and what is assumed."""

    code = marshmallow.fields.String(required=True)
    title_zh = marshmallow.fields.String(required=True)
    title_en = marshmallow.fields.String(required=True)
    source = marshmallow.fields.String(required=True)
    columns = marshmallow.fields.List(marshmallow.fields.Nested(TemplateColumnOut), required=True)


class TemplatesOut(marshmallow.Schema):
    """All mappings."""

    items = marshmallow.fields.List(marshmallow.fields.Nested(TemplateOut), required=True)


@resource.route("/templates")
@resource.response(200, TemplatesOut)
def import_templates() -> Response:
    """List the mappings by which files are understood, with their columns."""
    found = [mapping(code) for code in mapping_codes()]
    return answered({"items": [_document(one) for one in found if one is not None]})


@resource.route("/templates/<code:mapping_code>")
@resource.doc(
    responses={200: {"description": "The template", "content": {CSV_TYPES[0]: {"schema": {"type": "string"}}}}}
)
@resource.arguments(TemplateQuery(), location="query")
@resource.response(200, {"type": "string", "format": "binary"}, content_type=XLSX_TYPE)
def import_template(query: dict[str, Any], mapping_code: str) -> Response:
    """Give a template to fill in: a workbook with drop-downs and notes, or a CSV."""
    found = mapping(mapping_code)
    if found is None:
        raise unknown("对照表", "mapping")
    kind = query["format"]
    is_csv = kind is TemplateFormat.CSV
    content = csv_template(found) if is_csv else workbook_template(found)
    headers = {"Content-Disposition": f'attachment; filename="{found.code}.{kind.value}"'}
    return Response(content, content_type=f"{CSV_TYPES[0]}; charset=utf-8" if is_csv else XLSX_TYPE, headers=headers)


def _document(found: Mapping) -> dict[str, Any]:
    return {
        "code": found.code,
        "title_zh": found.title_zh,
        "title_en": found.title_en,
        "source": found.source,
        "columns": [
            {"name": name, "field": rule.to, "names": list(rule.names), "is_required": is_required(found, rule)}
            for name, rule in template_columns(found)
        ],
    }
