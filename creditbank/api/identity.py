"""Identity cases over HTTP: conflicts, likenesses, merges and their undoing, each decided by people."""

from enum import StrEnum
from typing import Any
from uuid import UUID

import marshmallow
from flask import Response

from creditbank.api import fields
from creditbank.api.caller import authenticate, carried_out, looked_up
from creditbank.api.conversions import after_of
from creditbank.api.identity_shown import CaseState, IdentityCaseOut, IdentityCasePage, brief, document
from creditbank.api.pages import PageQuery
from creditbank.api.resource import IDEMPOTENCY_KEY, Resource, answered, page_of
from creditbank.core.errors import Fault
from creditbank.core.resolution import CaseKind, Verdict
from creditbank.services import identity_cases, identity_decisions
from creditbank.services.bank import Answer, Work
from creditbank.services.identity_cases import Grounds, Wanted
from creditbank.services.identity_decisions import Word

resource = Resource(
    "Identity", __name__, url_prefix="/v1/identity", description="Whether accounts are one person's, and who said so"
)
resource.before_request(authenticate)

_MISSING = Fault("/into_id", "required", "合并案件须指明 into_id。", "A merge names the other account as into_id.")
_STRAY_LINK = Fault("/link", "not_here", "合并案件没有 link；请删除。", "A merge has no link; leave it out.")
_STRAY_INTO = Fault(
    "/into_id", "not_here", "撤销合并没有 into_id；请删除。", "An unmerge has no into_id; leave it out."
)


class AskedKind(StrEnum):
    """The cases that people open; the others come by themselves."""

    MERGE = "merge"
    UNMERGE = "unmerge"


class IdentityQuery(PageQuery):
    """Which cases are listed."""

    state = fields.Choice(CaseState)
    kind = fields.Choice(CaseKind)


class IdentityCaseIn(fields.StrictSchema):
    """A question about accounts, with why it is asked and what it rests on."""

    kind = fields.Choice(AskedKind, required=True)
    learner_id = fields.Id(required=True, metadata={"description": "The account to merge, or any merged one to part"})
    into_id = fields.Id(
        allow_none=True, load_default=None, metadata={"description": "Of a merge: the account to be known by"}
    )
    link = fields.Id(
        allow_none=True,
        load_default=None,
        metadata={"description": "Of an unmerge: which merge to take back, where there were several"},
    )
    reason = fields.Text(1000, required=True)
    evidence = fields.Text(2000, required=True)

    @marshmallow.validates_schema(skip_on_field_errors=True)
    def check_kind(self, data: dict[str, Any], **_kwargs: object) -> None:
        """Refuse what does not belong to the kind of case."""
        is_merge = data["kind"] is AskedKind.MERGE
        faults = []
        if is_merge and data["into_id"] is None:
            faults.append(_MISSING)
        if is_merge and data["link"] is not None:
            faults.append(_STRAY_LINK)
        if not is_merge and data["into_id"] is not None:
            faults.append(_STRAY_INTO)
        if faults:
            raise marshmallow.ValidationError(faults)


class IdentityDecisionIn(fields.StrictSchema):
    """What an approver says of the two accounts."""

    verdict = fields.Choice(Verdict, required=True)
    into_id = fields.Id(
        allow_none=True, load_default=None, metadata={"description": 'Of "same": the account to be known by'}
    )
    holder = fields.Id(
        allow_none=True, load_default=None, metadata={"description": 'Of "different": whose account keeps the number'}
    )
    reason = fields.Text(1000, allow_none=True, load_default=None)


@resource.route("/cases")
@resource.arguments(IdentityQuery(), location="query")
@resource.response(200, IdentityCasePage)
def list_identity_cases(query: dict[str, Any]) -> Response:
    """List identity cases: an authority's are all, another institution's those both of whose learners it knows.

    Needs `identity:review`.
    """
    after, rows_max = after_of(query), query["limit"]
    wanted = Wanted(query["state"] is CaseState.OPEN if "state" in query else None, query.get("kind"))
    found = looked_up(lambda work: identity_cases.page(work, wanted, after, rows_max + 1))
    return answered(page_of([brief(one) for one in found], rows_max, lambda item: [item["opened_at"], item["id"]]))


@resource.route("/cases/<id:case_id>")
@resource.response(200, IdentityCaseOut)
def identity_case(case_id: UUID) -> Response:
    """Show a case with both accounts; the learners find it in their diaries. Needs `identity:review`."""
    return answered(looked_up(lambda work: document(identity_cases.case(work, case_id))))


@resource.route("/cases", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.arguments(IdentityCaseIn())
@resource.response(201, IdentityCaseOut, description="The case was opened now")
@resource.alt_response(200, schema=IdentityCaseOut, description="A case on the same accounts is open already")
@resource.alt_response(404, "NOT_FOUND")
def open_identity_case(asked: dict[str, Any]) -> Response:
    """Ask that accounts are merged, or merged ones parted; two others have to approve. Needs `identity:review`."""
    grounds = Grounds(asked["reason"], asked["evidence"])

    def action(work: Work) -> Answer:
        if asked["kind"] is AskedKind.MERGE:
            found, is_new = identity_cases.open_merge(work, asked["learner_id"], asked["into_id"], grounds)
        else:
            found, is_new = identity_cases.open_unmerge(work, asked["learner_id"], asked["link"], grounds)
        return Answer(document(found), is_new, subject=str(found.case.id))

    return carried_out("identity.open", action)


@resource.route("/cases/<id:case_id>/decisions", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.arguments(IdentityDecisionIn())
@resource.response(200, IdentityCaseOut)
def decide_identity_case(said: dict[str, Any], case_id: UUID) -> Response:
    """Say whether the accounts are one person's. Needs `identity:review`.

    What changes accounts takes two people, neither of whom opened the case.
    """
    word = Word(said["verdict"], said["into_id"], said["holder"], said["reason"])

    def action(work: Work) -> Answer:
        found = identity_decisions.decide(work, case_id, word)
        return Answer(document(found), is_new=False, subject=str(case_id))

    return carried_out("identity.decide", action)
