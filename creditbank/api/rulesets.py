"""Rule sets over HTTP: drafted, checked, weighed, published by another, withdrawn, read, and tried on given facts."""

import json
from dataclasses import asdict
from typing import Any

import marshmallow
from flask import Response

from creditbank.api import fields
from creditbank.api.caller import authenticate, carried_out, looked_up
from creditbank.api.pages import PageQuery
from creditbank.api.positions import read_lagging
from creditbank.api.resource import (
    IDEMPOTENCY_KEY,
    ProblemError,
    Resource,
    answered,
    cursor_place,
    page_of,
    text_part,
    whole_part,
)
from creditbank.core.calendar import instant_text
from creditbank.services import impact as weighing
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


class WithdrawalIn(fields.StrictSchema):
    """Why a version is withdrawn; everybody with a token reads it, so it names no person."""

    reason = fields.Text(500, required=True)


class ImpactQuery(fields.StrictSchema):
    """Where to go on."""

    cursor = fields.Text(500, load_default=None, metadata={"description": "`next_cursor` of the answer before"})


STATUS = {
    "enum": ["draft", "published", "superseded", "withdrawn"],
    "description": (
        "`superseded`: a higher version is published and not withdrawn. A superseded version still applies to outcomes "
        "whose day lies in its validity and not in that of the higher one. `withdrawn`: new decisions leave it out; "
        "those taken by it stand, and it can be evaluated and replayed for ever"
    ),
}


class RulesetOut(marshmallow.Schema):
    """A version of a rule set."""

    code = marshmallow.fields.String(required=True)
    version = marshmallow.fields.Integer(required=True)
    status = marshmallow.fields.String(required=True, metadata=STATUS)
    digest = marshmallow.fields.String(required=True, metadata={"description": "SHA-256 of the document (RFC 8785)"})
    drafted_by = marshmallow.fields.String(required=True)
    drafted_at = marshmallow.fields.DateTime(required=True)
    published_by = marshmallow.fields.String(required=True, allow_none=True)
    published_at = marshmallow.fields.DateTime(required=True, allow_none=True)
    withdrawn_by = marshmallow.fields.String(required=True, allow_none=True)
    withdrawn_at = marshmallow.fields.DateTime(required=True, allow_none=True)
    withdrawn_reason = marshmallow.fields.String(required=True, allow_none=True)
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


class TestOut(marshmallow.Schema):
    """How one of a version's own tests comes out; one that fails says what it expects and what it finds."""

    id = marshmallow.fields.String(required=True)
    passed = marshmallow.fields.Boolean(required=True)
    expected = marshmallow.fields.Dict()
    found = marshmallow.fields.Dict()


class CheckOut(marshmallow.Schema):
    """How a version's own tests come out; nothing was written."""

    passed = marshmallow.fields.Boolean(required=True)
    tests = marshmallow.fields.List(marshmallow.fields.Nested(TestOut), required=True)
    faults = marshmallow.fields.List(
        marshmallow.fields.Nested(ProblemError), required=True, metadata={"description": "Up to 50"}
    )


def credits_by_scheme(description: str) -> marshmallow.fields.Dict:
    """Return a field with an amount for each scheme, as a decimal string."""
    amount = marshmallow.fields.String(metadata={"pattern": r"^-?[0-9]+\.[0-9]{2}$"})
    return marshmallow.fields.Dict(
        keys=marshmallow.fields.String(), values=amount, required=True, metadata={"description": description}
    )


class InstitutionImpactOut(marshmallow.Schema):
    """What would change among the outcomes of one institution."""

    institution = marshmallow.fields.String(required=True, metadata={"description": "Its code"})
    changed = marshmallow.fields.Integer(required=True)
    credits_difference = credits_by_scheme("After less before")


class ChangeOut(marshmallow.Schema):
    """A decision that would come out otherwise: its result and the one in its place."""

    decision_id = marshmallow.fields.UUID(required=True)
    outcome_id = marshmallow.fields.UUID(required=True)
    before = marshmallow.fields.Dict(required=True)
    after = marshmallow.fields.Dict(required=True)


class ImpactOut(marshmallow.Schema):
    """What publishing a version now would change; nothing was written."""

    ruleset = marshmallow.fields.String(required=True)
    version = marshmallow.fields.Integer(required=True)
    examined = marshmallow.fields.Integer(
        required=True, metadata={"description": "Recognitions in force of outcomes on a day of the version's validity"}
    )
    without_age = marshmallow.fields.Integer(
        required=True,
        metadata={
            "description": "Of these, those whose stored facts don't tell the learner's age though the version asks "
            "for it; they are reckoned without, and may come out otherwise when they are posted anew"
        },
    )
    changed = marshmallow.fields.Integer(required=True)
    credits_before = credits_by_scheme("Of the changed recognitions, as they stand")
    credits_after = credits_by_scheme("Of the same, as they would come out")
    by_institution = marshmallow.fields.List(marshmallow.fields.Nested(InstitutionImpactOut), required=True)
    examples = marshmallow.fields.List(
        marshmallow.fields.Nested(ChangeOut),
        required=True,
        metadata={"description": "Up to 20; of the caller's own institution only, but for `audit:read` and `admin`"},
    )
    is_complete = marshmallow.fields.Boolean(
        required=True, metadata={"description": "Whether everything behind the cursor was examined"}
    )
    next_cursor = marshmallow.fields.String(required=True, allow_none=True)


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
def list_rulesets(query: dict[str, Any]) -> Response:
    """List rule sets; drafts are seen by those who write, publish or audit."""
    place = cursor_place(query["cursor"], text_part, whole_part) or ["", 0]
    rows = read_lagging(lambda work: rulesets.rulesets_page(work, (place[0], place[1]), query["limit"] + 1))
    items = [_document(row) for row in rows]
    return answered(page_of(items, query["limit"], lambda item: [item["code"], item["version"]]))


@resource.route("/<code:code>")
@resource.response(200, RulesetPage)
def versions(code: str) -> Response:
    """Show all versions of a rule set, newest first."""
    found = read_lagging(lambda work: rulesets.versions(work, code))
    return answered({"items": [_document(row) for row in found], "next_cursor": None})


@resource.route("/<code:code>/versions/<int(max=9999):version>")
@resource.response(200, RulesetOut)
def version(code: str, version: int) -> Response:
    """Show one version."""
    return answered(_document(read_lagging(lambda work: rulesets.ruleset(work, code, version))))


@resource.route("/<code:code>/versions/<int(max=9999):version>/publish", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.response(200, RulesetOut)
@resource.alt_response(422, "UNPROCESSABLE_ENTITY")
def publish_ruleset(code: str, version: int) -> Response:
    """Publish a draft that somebody else wrote and whose own tests pass. Needs `rules:publish`."""

    def action(work: Work) -> Answer:
        kept, _ = rulesets.publish(work, code, version)
        return Answer(_document(kept), is_new=False, subject=f"{kept.code} {kept.version}")

    return carried_out("ruleset.publish", action)


@resource.route("/<code:code>/versions/<int(max=9999):version>/withdraw", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.arguments(WithdrawalIn())
@resource.response(200, RulesetOut)
def withdraw_ruleset(withdrawal: dict[str, str], code: str, version: int) -> Response:
    """Let new decisions leave a published version out; the one before it, if any is valid, comes back into force.

    Decisions that were taken by it stand. Asked again it is answered as it stands. Needs `rules:publish`.
    """

    def action(work: Work) -> Answer:
        kept, _ = rulesets.withdraw(work, code, version, withdrawal["reason"])
        return Answer(_document(kept), is_new=False, subject=f"{kept.code} {kept.version}")

    return carried_out("ruleset.withdraw", action)


@resource.route("/<code:code>/versions/<int(max=9999):version>/check", methods=["POST"])
@resource.response(200, CheckOut)
def check_ruleset(code: str, version: int) -> Response:
    """Run a version's own tests; nothing is written. Needs `rules:write` or `rules:publish`."""
    return answered(asdict(looked_up(lambda work: rulesets.check(work, code, version))))


@resource.route("/<code:code>/versions/<int(max=9999):version>/impact", methods=["POST"])
@resource.arguments(ImpactQuery(), location="query")
@resource.response(200, ImpactOut)
@resource.alt_response(409, "CONFLICT")
def impact(query: dict[str, Any], code: str, version: int) -> Response:
    """Tell which recognitions in force would come out otherwise if the version were published now.

    Reckoned on the stored inputs; nothing is written. Needs `rules:write`, `rules:publish` or `audit:read`.
    """
    return answered(asdict(looked_up(lambda work: weighing.impact(work, code, version, query["cursor"]))))


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
        "status": kept.standing,
        "digest": kept.digest,
        "drafted_by": kept.drafted_by,
        "drafted_at": instant_text(kept.drafted_at),
        "published_by": kept.published_by,
        "published_at": kept.published_at and instant_text(kept.published_at),
        "withdrawn_by": kept.withdrawn_by,
        "withdrawn_at": kept.withdrawn_at and instant_text(kept.withdrawn_at),
        "withdrawn_reason": kept.withdrawn_reason,
        "document": json.loads(kept.document),
    }
