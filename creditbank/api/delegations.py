"""Delegations of review over HTTP: given to an institution below, listed, withdrawn."""

from typing import Any
from uuid import UUID

import marshmallow
from flask import Response

from creditbank.api import fields
from creditbank.api.caller import authenticate, carried_out, looked_up
from creditbank.api.conversions import after_of
from creditbank.api.pages import PageQuery
from creditbank.api.resource import IDEMPOTENCY_KEY, Resource, answered, page_of
from creditbank.core.calendar import instant_text
from creditbank.services import delegations
from creditbank.services.bank import Answer, Work
from creditbank.services.delegations import Delegation, Wish

resource = Resource(
    "Delegations",
    __name__,
    url_prefix="/v1/institutions/<id:institution_id>/delegations",
    description="Reviews decided by an institution below",
)
resource.before_request(authenticate)


class DelegationIn(fields.StrictSchema):
    """To whom reviews are delegated, for how long and why."""

    to = fields.Text(32, required=True, metadata={"description": "Code of an institution below"})
    programme = fields.Text(64, allow_none=True, load_default=None, metadata={"description": "Of this one only"})
    valid_from = fields.Day(allow_none=True, load_default=None, metadata={"description": "Today if it is left out"})
    valid_until = fields.Day(allow_none=True, load_default=None, metadata={"description": "The last day"})
    reason = fields.Text(500, required=True)


class DelegationOut(marshmallow.Schema):
    """A delegation; it counts from its first day to its last, unless it was withdrawn."""

    id = marshmallow.fields.UUID(required=True)
    institution = marshmallow.fields.String(required=True, metadata={"description": "Code of who delegates"})
    to = marshmallow.fields.String(required=True)
    programme = marshmallow.fields.String(required=True, allow_none=True)
    valid_from = marshmallow.fields.Date(required=True)
    valid_until = marshmallow.fields.Date(required=True, allow_none=True)
    reason = marshmallow.fields.String(required=True)
    given_by = marshmallow.fields.String(required=True)
    given_at = marshmallow.fields.DateTime(required=True)
    withdrawn_by = marshmallow.fields.String(required=True, allow_none=True)
    withdrawn_at = marshmallow.fields.DateTime(required=True, allow_none=True)


class DelegationPage(marshmallow.Schema):
    """A page of delegations, newest first."""

    items = marshmallow.fields.List(marshmallow.fields.Nested(DelegationOut), required=True)
    next_cursor = marshmallow.fields.String(required=True, allow_none=True)


@resource.route("")
@resource.arguments(PageQuery(), location="query")
@resource.response(200, DelegationPage)
def list_delegations(query: dict[str, Any], institution_id: UUID) -> Response:
    """List what your institution delegated or was delegated. Needs `conversions:review`, `admin` or `audit:read`."""
    after, rows_max = after_of(query), query["limit"]

    def listed(work: Work) -> list[dict[str, Any]]:
        found = delegations.delegations_page(work, institution_id, after, rows_max + 1)
        return _documents(work, found)

    return answered(page_of(looked_up(listed), rows_max, lambda item: [item["given_at"], item["id"]]))


@resource.route("", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.arguments(DelegationIn())
@resource.response(201, DelegationOut)
def give_delegation(said: dict[str, Any], institution_id: UUID) -> Response:
    """Delegate your institution's reviews to one below it. Needs `conversions:review` or `admin`."""

    def action(work: Work) -> Answer:
        given = delegations.give(work, institution_id, Wish(**said))
        return Answer(_documents(work, [given])[0], is_new=True, subject=str(given.id))

    return carried_out("delegation.give", action)


@resource.route("/<id:delegation_id>", methods=["DELETE"])
@resource.response(200, DelegationOut)
def withdraw_delegation(institution_id: UUID, delegation_id: UUID) -> Response:
    """Withdraw a delegation; it ends at once. Needs `conversions:review` or `admin`."""

    def action(work: Work) -> Answer:
        withdrawn = delegations.withdraw(work, institution_id, delegation_id)
        return Answer(_documents(work, [withdrawn])[0], is_new=False, subject=str(delegation_id))

    return carried_out("delegation.withdraw", action)


def _documents(work: Work, found: list[Delegation]) -> list[dict[str, Any]]:
    """Return delegations as they stand on the wire."""
    codes = delegations.codes_of(work, found)
    return [
        {
            "id": str(one.id),
            "institution": codes[one.from_institution],
            "to": codes[one.to_institution],
            "programme": one.programme,
            "valid_from": one.valid_from.isoformat(),
            "valid_until": one.valid_until and one.valid_until.isoformat(),
            "reason": one.reason,
            "given_by": one.given_by,
            "given_at": instant_text(one.given_at),
            "withdrawn_by": one.withdrawn_by,
            "withdrawn_at": one.withdrawn_at and instant_text(one.withdrawn_at),
        }
        for one in found
    ]
