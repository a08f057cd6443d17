"""The audit log over HTTP."""

from typing import Any

import marshmallow
from flask import Response

from creditbank.api import fields
from creditbank.api.caller import authenticate
from creditbank.api.conversions import after_of
from creditbank.api.pages import PageQuery
from creditbank.api.positions import read_lagging
from creditbank.api.resource import Resource, answered, page_of
from creditbank.core.calendar import instant_text
from creditbank.services import auditing

resource = Resource("Audit", __name__, url_prefix="/v1/audit", description="Who did what, and when")
resource.before_request(authenticate)


class AuditQuery(PageQuery):
    """Which lines are wanted; all filters together."""

    actor = fields.Text(64, load_default=None, metadata={"description": "Client id, `staff:…` or `learner:…`"})
    action = fields.Text(64, load_default=None)
    day = fields.Day(load_default=None, metadata={"description": "A calendar day in Asia/Shanghai"})


class AuditLineOut(marshmallow.Schema):
    """One act."""

    id = marshmallow.fields.UUID(required=True)
    happened_at = marshmallow.fields.DateTime(required=True)
    actor = marshmallow.fields.String(required=True)
    action = marshmallow.fields.String(required=True)
    subject = marshmallow.fields.String(required=True)
    request_id = marshmallow.fields.String(required=True)


class AuditPage(marshmallow.Schema):
    """A page of the audit log, newest first."""

    items = marshmallow.fields.List(marshmallow.fields.Nested(AuditLineOut), required=True)
    next_cursor = marshmallow.fields.String(required=True, allow_none=True)


@resource.route("")
@resource.arguments(AuditQuery(), location="query")
@resource.response(200, AuditPage)
def audit_page(query: dict[str, Any]) -> Response:
    """Read the audit log, newest first. Needs `audit:log`."""
    after, rows_max = after_of(query), query["limit"]
    wanted = {"actor": query["actor"], "action": query["action"]}
    found = read_lagging(lambda work: auditing.audit_page(work, wanted, query["day"], after, rows_max + 1))
    items = [_document(line) for line in found]
    return answered(page_of(items, rows_max, lambda item: [item["happened_at"], item["id"]]))


def _document(line: auditing.AuditLine) -> dict[str, Any]:
    return {
        "id": str(line.id),
        "happened_at": instant_text(line.happened_at),
        "actor": line.actor,
        "action": line.action,
        "subject": line.subject,
        "request_id": line.request_id,
    }
