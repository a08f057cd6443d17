"""Conversions over HTTP: applied for, reviewed step by step, withdrawn, appealed."""

from enum import StrEnum
from typing import Any
from uuid import UUID

from flask import Response

from creditbank.api import fields
from creditbank.api.applications import ConversionOut, ConversionPage, document
from creditbank.api.caller import authenticate, carried_out, looked_up, subject
from creditbank.api.pages import PageQuery
from creditbank.api.resource import (
    IDEMPOTENCY_KEY,
    Resource,
    answered,
    cursor_place,
    instant_part,
    page_of,
)
from creditbank.core.review import State, Verdict
from creditbank.services import conversions, reviews
from creditbank.services.bank import Answer, Work
from creditbank.services.conversions import Wanted, Wish
from creditbank.services.reviews import Said

OUTCOMES_MAX = 200
"""Outcomes named in one application."""


COURSES_MAX = 1000
"""Courses named in one application; the longest published programmes have some 200."""


PARTS_MAX = 1000
"""Parts of one application."""


BEST = "best"
"""Stands for the best choice among all outcomes of the learner."""


resource = Resource("Conversions", __name__, url_prefix="/v1", description="Learning that counts elsewhere")
resource.before_request(authenticate)


class Awaits(StrEnum):
    """Whose step is up."""

    ME = "me"


class OutcomesWanted(fields.Items):
    """A list of outcomes' ids, or "best" for the best choice among all."""

    def __init__(self, **kwargs: Any) -> None:  # noqa: ANN401
        """Take marshmallow's own options."""
        super().__init__(fields.Id(), OUTCOMES_MAX, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        return None if value == BEST else super()._deserialize(value, attr, data, **kwargs)


class TargetIn(fields.StrictSchema):
    """A programme and its courses; without courses all of them, and the programme as a whole."""

    institution = fields.Text(64, required=True)
    programme = fields.Text(64, required=True)
    courses = fields.Items(fields.Text(64), COURSES_MAX, count_min=0, allow_none=True, load_default=None)


class ConversionIn(fields.StrictSchema):
    """An application for conversion."""

    learner_id = fields.Id(allow_none=True, load_default=None, metadata={"description": "Left out: who asks"})
    target = fields.Part(TargetIn, required=True)
    outcomes = OutcomesWanted(load_default=None, metadata={"description": 'Ids, or "best" (as it comes)'})


class DecisionIn(fields.StrictSchema):
    """A reviewer's verdict; rejecting and returning need a reason, which the learner reads."""

    decision = fields.Choice(Verdict, required=True)
    reason = fields.Text(1000, allow_none=True, load_default=None)
    step = fields.Text(64, allow_none=True, load_default=None, metadata={"description": "The step that is decided"})


class ReasonIn(fields.StrictSchema):
    """A reason, if there is one to tell."""

    reason = fields.Text(1000, allow_none=True, load_default=None)


class AppealIn(fields.StrictSchema):
    """Why a rejection is appealed against."""

    reason = fields.Text(1000, required=True)


class PartsIn(fields.StrictSchema):
    """The numbers of parts that the learner declines."""

    parts = fields.Items(fields.Whole(1, PARTS_MAX), PARTS_MAX, required=True)


class ConversionQuery(PageQuery):
    """Which applications are listed."""

    learner_id = fields.Id(load_default=None)
    state = fields.Choice(State)
    awaits = fields.Choice(Awaits, metadata={"description": "Only those that you may decide now"})


@resource.route("/conversions", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.arguments(ConversionIn())
@resource.response(201, ConversionOut)
@resource.alt_response(404, "NOT_FOUND")
def apply(asked: dict[str, Any]) -> Response:
    """Apply for the best conversion that the rules allow; its credits are held until it is decided.

    By the learner, or on their behalf by an institution that knows them. Where nothing can be converted every reason
    is told: 409 if all of it is used already, else 422. Needs `conversions:write`.
    """
    target, wanted = asked["target"], asked["outcomes"]
    courses = None if target["courses"] is None else tuple(target["courses"])
    wish = Wish(target["institution"], target["programme"], courses, None if wanted is None else tuple(wanted))

    def action(work: Work) -> Answer:
        shown = conversions.apply(work, asked["learner_id"] or subject(None), wish)
        return Answer(document(shown), is_new=True, subject=str(shown.conversion.id))

    return carried_out("conversion.apply", action)


@resource.route("/conversions")
@resource.arguments(ConversionQuery(), location="query")
@resource.response(200, ConversionPage)
@resource.alt_response(404, "NOT_FOUND")
def list_conversions(query: dict[str, Any]) -> Response:
    """List applications, newest first: a learner's own, or those your institution accepts, submitted or may review."""
    after, rows_max = after_of(query), query["limit"]
    wanted = Wanted(query["learner_id"], query.get("state"), query.get("awaits") is Awaits.ME)
    found = looked_up(lambda work: conversions.conversions_page(work, wanted, after, rows_max + 1))
    items = [document(one) for one in found]
    return answered(page_of(items, rows_max, lambda item: [item["opened_at"], item["id"]]))


@resource.route("/conversions/<id:conversion_id>")
@resource.response(200, ConversionOut)
def conversion(conversion_id: UUID) -> Response:
    """Show an application to its learner, who applied, its reviewers and auditors.

    Needs `conversions:write`, `conversions:review` or `audit:read`.
    """
    return answered(document(looked_up(lambda work: conversions.conversion(work, conversion_id))))


@resource.route("/conversions/<id:conversion_id>/decisions", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.arguments(DecisionIn())
@resource.response(200, ConversionOut)
def decide(said: dict[str, Any], conversion_id: UUID) -> Response:
    """Decide the step that is up: approve, reject or return. Needs `conversions:review` and the step to be yours."""
    decision = Said(said["decision"], said["reason"], said["step"])
    return _changed("conversion.decide", conversion_id, lambda work: reviews.decide(work, conversion_id, decision))


@resource.route("/conversions/<id:conversion_id>/resubmit", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.arguments(ReasonIn())
@resource.response(200, ConversionOut)
def resubmit(said: dict[str, Any], conversion_id: UUID) -> Response:
    """Send a returned application back to the step that returned it. Needs `conversions:write`."""
    return _changed(
        "conversion.resubmit", conversion_id, lambda work: reviews.resubmit(work, conversion_id, said["reason"])
    )


@resource.route("/conversions/<id:conversion_id>/withdraw", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.arguments(ReasonIn())
@resource.response(200, ConversionOut)
def withdraw_conversion(said: dict[str, Any], conversion_id: UUID) -> Response:
    """Withdraw an open application; what it holds is released. Needs `conversions:write`."""
    return _changed(
        "conversion.withdraw", conversion_id, lambda work: reviews.withdraw(work, conversion_id, said["reason"])
    )


@resource.route("/conversions/<id:conversion_id>/decline", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.arguments(PartsIn())
@resource.response(200, ConversionOut)
def decline(said: dict[str, Any], conversion_id: UUID) -> Response:
    """Decline parts of an open application, as far as its rules let you. Needs `conversions:write`."""
    numbers = set(said["parts"])
    return _changed("conversion.decline", conversion_id, lambda work: reviews.decline(work, conversion_id, numbers))


@resource.route("/conversions/<id:conversion_id>/appeal", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.arguments(AppealIn())
@resource.response(200, ConversionOut)
def appeal(said: dict[str, Any], conversion_id: UUID) -> Response:
    """Appeal against a rejection; somebody else decides. Needs `conversions:write`."""
    return _changed(
        "conversion.appeal", conversion_id, lambda work: reviews.appeal(work, conversion_id, said["reason"])
    )


def _changed(name: str, conversion_id: UUID, change: Any) -> Response:  # noqa: ANN401 - a use case
    def action(work: Work) -> Answer:
        return Answer(document(change(work)), is_new=False, subject=str(conversion_id))

    return carried_out(name, action)


def after_of(query: dict[str, Any]) -> tuple[Any, UUID] | None:
    """Return the place in a list, newest first, behind which a page begins."""
    place = cursor_place(query["cursor"], instant_part, UUID)
    return None if place is None else (place[0], place[1])
