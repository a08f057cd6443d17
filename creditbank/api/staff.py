"""Staff over HTTP: registered, invited, given roles and deactivated by security administration."""

from typing import Any
from uuid import UUID

import marshmallow
from flask import Response

from creditbank.api import fields
from creditbank.api.caller import authenticate, bank, carried_out, errand, looked_up
from creditbank.api.pages import PageQuery
from creditbank.api.resource import IDEMPOTENCY_KEY, Resource, answered, cursor_place, page_of
from creditbank.core.calendar import instant_text
from creditbank.core.permission import StaffRole
from creditbank.services import bank as services
from creditbank.services import staff
from creditbank.services.bank import Answer, Work

resource = Resource("Staff", __name__, url_prefix="/v1/staff", description="Staff of institutions and their roles")
resource.before_request(authenticate)


class RolesIn(fields.StrictSchema):
    """The roles that a staff member holds from now on."""

    roles = fields.Items(fields.Choice(StaffRole), len(StaffRole), count_min=0, required=True)


class StaffIn(RolesIn):
    """Somebody who is to work with the bank."""

    institution = fields.Text(32, required=True, metadata={"description": "Code of the institution"})
    name = fields.Text(120, required=True)


class StaffOut(marshmallow.Schema):
    """A staff member with the roles that they hold now."""

    id = marshmallow.fields.UUID(required=True)
    institution = marshmallow.fields.String(required=True)
    name = marshmallow.fields.String(required=True)
    roles = marshmallow.fields.List(marshmallow.fields.Enum(StaffRole, by_value=True), required=True)
    is_active = marshmallow.fields.Boolean(required=True)
    created_at = marshmallow.fields.DateTime(required=True)


class InvitedOut(StaffOut):
    """A staff member with an invitation, shown this one time."""

    invitation = marshmallow.fields.String(required=True)


class StaffPage(marshmallow.Schema):
    """A page of staff, in the order in which they were registered."""

    items = marshmallow.fields.List(marshmallow.fields.Nested(StaffOut), required=True)
    next_cursor = marshmallow.fields.String(required=True, allow_none=True)


@resource.route("", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.arguments(StaffIn())
@resource.response(201, InvitedOut)
@resource.alt_response(404, "NOT_FOUND")
def register(said: dict[str, Any]) -> Response:
    """Register a staff member and get the invitation by which they link their login, within seven days.

    Needs `staff:write`.
    """

    def action(work: Work) -> Answer:
        invited = staff.register(work, said["institution"], said["name"], said["roles"])
        return _invited(invited, _changes(frozenset(), invited.member.roles))

    return carried_out("staff.register", action)


@resource.route("")
@resource.arguments(PageQuery(), location="query")
@resource.response(200, StaffPage)
def list_staff(query: dict[str, Any]) -> Response:
    """List staff: all to the bank's authority, those of one's own institution to others. Needs `staff:write`."""
    place = cursor_place(query["cursor"], UUID)
    after, rows_max = None if place is None else place[0], query["limit"]
    found = looked_up(lambda work: staff.staff_page(work, after, rows_max + 1))
    items = [_document(one, code) for one, code in found]
    return answered(page_of(items, rows_max, lambda item: [item["id"]]))


@resource.route("/<id:staff_id>")
@resource.response(200, StaffOut)
def member(staff_id: UUID) -> Response:
    """Show a staff member. Needs `staff:write`."""
    return answered(_document(*looked_up(lambda work: staff.member(work, staff_id))))


@resource.route("/<id:staff_id>/roles", methods=["PUT"])
@resource.arguments(RolesIn())
@resource.response(200, StaffOut)
@resource.alt_response(409, "CONFLICT")
def set_roles(said: dict[str, Any], staff_id: UUID) -> Response:
    """Let a staff member hold exactly these roles, at once; nobody changes their own. Needs `staff:write`."""

    def action(work: Work) -> Answer:
        before, _ = staff.member(work, staff_id)
        after, code = staff.set_roles(work, staff_id, said["roles"])
        return Answer(_document(after, code), is_new=False, subject=f"{staff_id} {_changes(before.roles, after.roles)}")

    return carried_out("staff.roles", action)


@resource.route("/<id:staff_id>/invitations", methods=["POST"])
@resource.response(201, InvitedOut)
@resource.alt_response(409, "CONFLICT")
def invite(staff_id: UUID) -> Response:
    """Invite a staff member anew: an earlier invitation ends, and with the next login the earlier one.

    Needs `staff:write`.
    """
    action = errand("staff.invite", with_key=False)
    answer = services.carried_out(bank(), action, lambda work: _invited(staff.invite(work, staff_id)))
    return answered(answer.body, 201)


@resource.route("/<id:staff_id>/deactivate", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.response(200, StaffOut)
def deactivate(staff_id: UUID) -> Response:
    """Let a staff member do nothing any more, at once: their login, invitation and tokens end.

    Needs `staff:write`.
    """

    def action(work: Work) -> Answer:
        return Answer(_document(*staff.deactivate(work, staff_id)), is_new=False, subject=str(staff_id))

    return carried_out("staff.deactivate", action)


def _invited(invited: staff.Invited, changes: str = "") -> Answer:
    body = _document(invited.member, invited.institution) | {"invitation": invited.invitation}
    return Answer(body, is_new=True, subject=f"{invited.member.id} {changes}".strip())


def _changes(before: frozenset[StaffRole], after: frozenset[StaffRole]) -> str:
    """Return what changed, for the audit log: "+reviewer -registrar"."""
    return " ".join(
        [*(f"+{role}" for role in sorted(after - before)), *(f"-{role}" for role in sorted(before - after))]
    )


def _document(one: staff.StaffMember, institution: str) -> dict[str, Any]:
    return {
        "id": str(one.id),
        "institution": institution,
        "name": one.name,
        "roles": sorted(one.roles),
        "is_active": one.is_active,
        "created_at": instant_text(one.created_at),
    }
