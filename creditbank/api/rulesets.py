"""Rule sets over HTTP: drafted, read, published by another, and tried on given facts."""

import json
from dataclasses import asdict
from typing import Any

import marshmallow
from flask import Response

from creditbank.api import fields
from creditbank.api.caller import authenticate, carried_out, looked_up
from creditbank.api.pages import PageQuery
from creditbank.api.resource import IDEMPOTENCY_KEY, Resource, answered, cursor_place, page_of, text_part, whole_part
from creditbank.core.calendar import instant_text
from creditbank.services import rulesets
from creditbank.services.bank import Answer, Work
from creditbank.services.rulesets import StoredRuleset

VERSION_MAX = 9999
"""The highest version, as the language of rule sets bounds it."""

resource = Resource(
    "Rule sets", __name__, url_prefix="/v1/rulesets", description="Executable rules, versioned and dated"
)
resource.before_request(authenticate)


class EvaluationIn(fields.StrictSchema):
    """Facts to try a rule set on."""

    version = fields.Whole(1, VERSION_MAX, allow_none=True, load_default=None)
    facts = fields.AnyJson(required=True, metadata={"description": "An outcome's kind, title, issuer, completed_on, …"})


class RulesetOut(marshmallow.Schema):
    """A version of a rule set."""

    code = marshmallow.fields.String(required=True)
    version = marshmallow.fields.Integer(required=True)
    status = marshmallow.fields.String(required=True, metadata={"enum": ["draft", "published"]})
    digest = marshmallow.fields.String(required=True, metadata={"description": "SHA-256 of the document (RFC 8785)"})
    drafted_by = marshmallow.fields.String(required=True)
    drafted_at = marshmallow.fields.DateTime(required=True)
    published_by = marshmallow.fields.String(required=True, allow_none=True)
    published_at = marshmallow.fields.DateTime(required=True, allow_none=True)
    document = marshmallow.fields.Dict(required=True)


class RulesetPage(marshmallow.Schema):
    """A page of rule sets, in the order of code and version."""

    items = marshmallow.fields.List(marshmallow.fields.Nested(RulesetOut), required=True)
    next_cursor = marshmallow.fields.String(required=True, allow_none=True)


class EvaluationOut(marshmallow.Schema):
    """What a version makes of facts; nothing was written."""

    ruleset = marshmallow.fields.String(required=True)
    version = marshmallow.fields.Integer(required=True)
    result = marshmallow.fields.Dict(required=True)
    explanation = marshmallow.fields.Dict(required=True)
    sentences = marshmallow.fields.List(marshmallow.fields.Dict(), required=True)


@resource.route("", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.arguments(fields.AnyDocument())
@resource.response(201, RulesetOut, description="Drafted now")
@resource.alt_response(200, schema=RulesetOut, description="An earlier draft of the version was replaced")
def draft(document: object) -> Response:
    """Draft a version of a rule set; all its faults are told at once. Needs `rules:write`."""

    def action(work: Work) -> Answer:
        kept, is_new = rulesets.draft(work, document)
        return Answer(_document(kept), is_new, subject=f"{kept.code} {kept.version}")

    return carried_out("ruleset.draft", action)


@resource.route("")
@resource.arguments(PageQuery(), location="query")
@resource.response(200, RulesetPage)
def listing(query: dict[str, Any]) -> Response:
    """List rule sets; drafts are seen by those who write, publish or audit."""
    place = cursor_place(query["cursor"], text_part, whole_part) or ["", 0]
    rows = looked_up(lambda work: rulesets.rulesets_page(work, (place[0], place[1]), query["limit"] + 1))
    items = [_document(row) for row in rows]
    return answered(page_of(items, query["limit"], lambda item: [item["code"], item["version"]]))


@resource.route("/<code:code>")
@resource.response(200, RulesetPage)
def versions(code: str) -> Response:
    """Show all versions of a rule set, newest first."""
    found = looked_up(lambda work: rulesets.versions(work, code))
    return answered({"items": [_document(row) for row in found], "next_cursor": None})


@resource.route("/<code:code>/versions/<int(max=9999):version>")
@resource.response(200, RulesetOut)
def version(code: str, version: int) -> Response:
    """Show one version."""
    return answered(_document(looked_up(lambda work: rulesets.ruleset(work, code, version))))


@resource.route("/<code:code>/versions/<int(max=9999):version>/publish", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.response(200, RulesetOut)
@resource.alt_response(422, "UNPROCESSABLE_ENTITY")
def publish(code: str, version: int) -> Response:
    """Publish a draft that somebody else wrote and whose own tests pass. Needs `rules:publish`."""

    def action(work: Work) -> Answer:
        kept, _ = rulesets.publish(work, code, version)
        return Answer(_document(kept), is_new=False, subject=f"{kept.code} {kept.version}")

    return carried_out("ruleset.publish", action)


@resource.route("/<code:code>/evaluate", methods=["POST"])
@resource.arguments(EvaluationIn())
@resource.response(200, EvaluationOut)
def evaluate(asked: dict[str, Any], code: str) -> Response:
    """Try a version on given facts; nothing is written.

    If none is named, the newest that is valid on the facts' day, else the newest.
    """
    found = looked_up(lambda work: rulesets.evaluate(work, code, asked["version"], asked["facts"]))
    return answered(asdict(found))


def _document(kept: StoredRuleset) -> dict[str, Any]:
    """Return a version as it stands on the wire."""
    return {
        "code": kept.code,
        "version": kept.version,
        "status": kept.status,
        "digest": kept.digest,
        "drafted_by": kept.drafted_by,
        "drafted_at": instant_text(kept.drafted_at),
        "published_by": kept.published_by,
        "published_at": kept.published_at and instant_text(kept.published_at),
        "document": json.loads(kept.document),
    }
