"""Webhooks over HTTP: registered, tried, changed, given new secrets; what was sent to them, and once more."""

import threading
from typing import Any
from uuid import UUID

import marshmallow
from flask import Response, current_app

from creditbank.api import fields
from creditbank.api.caller import actor, authenticate, carried_out, looked_up
from creditbank.api.conversions import after_of
from creditbank.api.pages import PageQuery
from creditbank.api.resource import IDEMPOTENCY_KEY, Resource, answered, etag, page_of, seen_revision
from creditbank.core.calendar import instant_text
from creditbank.core.event import EventType
from creditbank.core.public_address import URL_CHARACTERS_MAX
from creditbank.core.webhook import Delivery, DeliveryFault, DeliveryState, DisabledFor, Webhook, WebhookState
from creditbank.gateways.webhook_sender import WebhookSender
from creditbank.services import webhooks
from creditbank.services.bank import Answer, Work, busy
from creditbank.services.webhooks import Wish

resource = Resource("Webhooks", __name__, url_prefix="/v1/webhooks", description="Events sent to institutions")
resource.before_request(authenticate)

SENDER = "creditbank.webhook_sender"
"""Under which name an app keeps what knows where webhooks may be."""


LOOKERS = "creditbank.lookers"
"""Under which name an app keeps how many of its threads may look for the hosts of webhooks, which may take seconds."""


class WebhookIn(fields.StrictSchema):
    """Where events are to be sent, and which."""

    url = fields.Text(URL_CHARACTERS_MAX, required=True, metadata={"description": "https, port 443 or 8443"})
    types = fields.Items(
        fields.Choice(EventType),
        len(EventType),
        count_min=0,
        load_default=list,
        metadata={"description": "All if left out or empty"},
    )
    description = fields.Text(200, allow_none=True, load_default=None)
    is_enabled = fields.Flag(load_default=True)


class ReplayIn(fields.StrictSchema):
    """From when on events are to be sent again."""

    since = fields.Instant(required=True)


class DeliveriesQuery(PageQuery):
    """Which deliveries are listed."""

    state = fields.Choice(DeliveryState)


class WebhookOut(marshmallow.Schema):
    """A webhook; `disabled_for` says why nothing is sent, `failing_since` since when nothing comes through."""

    id = marshmallow.fields.UUID(required=True)
    url = marshmallow.fields.String(required=True)
    types = marshmallow.fields.List(marshmallow.fields.String(), required=True)
    description = marshmallow.fields.String(required=True, allow_none=True)
    state = marshmallow.fields.Enum(WebhookState, by_value=True, required=True)
    disabled_for = marshmallow.fields.Enum(DisabledFor, by_value=True, required=True, allow_none=True)
    failing_since = marshmallow.fields.DateTime(required=True, allow_none=True)
    previous_secret_until = marshmallow.fields.DateTime(required=True, allow_none=True)
    created_at = marshmallow.fields.DateTime(required=True)
    revision = marshmallow.fields.Integer(required=True)


class WebhookWithSecretOut(WebhookOut):
    """A webhook with its secret, which is shown this one time."""

    secret = marshmallow.fields.String(required=True)


class WebhookPage(marshmallow.Schema):
    """A page of webhooks, newest first."""

    items = marshmallow.fields.List(marshmallow.fields.Nested(WebhookOut), required=True)
    next_cursor = marshmallow.fields.String(required=True, allow_none=True)


class DeliveryOut(marshmallow.Schema):
    """An event on its way to a webhook; `id` is the event's, and what the webhook is told as `webhook-id`."""

    id = marshmallow.fields.UUID(required=True)
    type = marshmallow.fields.String(required=True)
    state = marshmallow.fields.Enum(DeliveryState, by_value=True, required=True)
    attempts = marshmallow.fields.Integer(required=True)
    queued_at = marshmallow.fields.DateTime(required=True)
    next_attempt_at = marshmallow.fields.DateTime(required=True, allow_none=True)
    ended_at = marshmallow.fields.DateTime(required=True, allow_none=True)
    status = marshmallow.fields.Integer(required=True, allow_none=True)
    fault = marshmallow.fields.Enum(DeliveryFault, by_value=True, required=True, allow_none=True)


class DeliveryPage(marshmallow.Schema):
    """A page of deliveries, newest first."""

    items = marshmallow.fields.List(marshmallow.fields.Nested(DeliveryOut), required=True)
    next_cursor = marshmallow.fields.String(required=True, allow_none=True)


@resource.route("", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.arguments(WebhookIn())
@resource.response(201, WebhookWithSecretOut)
@resource.alt_response(409, "CONFLICT")
def register_webhook(said: dict[str, Any]) -> Response:
    """Register a webhook and get its secret, which is shown this once. Needs `webhooks:write`."""
    wish = _wish(said)
    _check_url(wish)

    def action(work: Work) -> Answer:
        made = webhooks.register(work, wish)
        return Answer(_document(made.webhook) | {"secret": made.secret}, is_new=True, subject=str(made.webhook.id))

    return carried_out("webhook.register", action)


@resource.route("")
@resource.arguments(PageQuery(), location="query")
@resource.response(200, WebhookPage)
def list_webhooks(query: dict[str, Any]) -> Response:
    """List your institution's webhooks, newest first. Needs `webhooks:write`."""
    after, rows_max = after_of(query), query["limit"]
    found = looked_up(lambda work: webhooks.webhooks_page(work, after, rows_max + 1))
    items = [_document(one) for one in found]
    return answered(page_of(items, rows_max, lambda item: [item["created_at"], item["id"]]))


@resource.route("/<id:webhook_id>")
@resource.response(200, WebhookOut)
def show_webhook(webhook_id: UUID) -> Response:
    """Show a webhook. Needs `webhooks:write`."""
    found = looked_up(lambda work: webhooks.webhook(work, webhook_id))
    return answered(_document(found), headers=etag(found.revision))


@resource.route("/<id:webhook_id>", methods=["PUT"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.arguments(WebhookIn())
@resource.response(200, WebhookOut)
@resource.alt_response(412, "PRECONDITION_FAILED")
@resource.alt_response(428, "PRECONDITION_REQUIRED")
def change_webhook(said: dict[str, Any], webhook_id: UUID) -> Response:
    """Change where a webhook is and what it is told of; turn it off and on. Needs `webhooks:write`."""
    revision, wish = seen_revision(), _wish(said)
    _check_url(wish)

    def action(work: Work) -> Answer:
        changed = webhooks.change(work, webhook_id, revision, wish)
        return Answer(_document(changed), is_new=False, subject=str(webhook_id))

    answer = carried_out("webhook.change", action)
    answer.headers.extend(etag(answer.get_json()["revision"]))
    return answer


@resource.route("/<id:webhook_id>", methods=["DELETE"])
@resource.response(200, WebhookOut)
def delete_webhook(webhook_id: UUID) -> Response:
    """Delete a webhook with everything that waits for it. Needs `webhooks:write`."""

    def action(work: Work) -> Answer:
        return Answer(_document(webhooks.remove(work, webhook_id)), is_new=False, subject=str(webhook_id))

    return carried_out("webhook.delete", action, with_key=False)


@resource.route("/<id:webhook_id>/secret", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.response(201, WebhookWithSecretOut)
def rotate_webhook_secret(webhook_id: UUID) -> Response:
    """Give a webhook a new secret; the one before counts for a day more. Needs `webhooks:write`."""

    def action(work: Work) -> Answer:
        made = webhooks.rotate_secret(work, webhook_id)
        return Answer(_document(made.webhook) | {"secret": made.secret}, is_new=True, subject=str(webhook_id))

    return carried_out("webhook.rotate_secret", action)


@resource.route("/<id:webhook_id>/test", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.response(202, DeliveryOut)
@resource.alt_response(409, "CONFLICT")
def test_webhook(webhook_id: UUID) -> Response:
    """Have a `webhook.ping` sent. Needs `webhooks:write`."""

    def action(work: Work) -> Answer:
        made = webhooks.ping(work, webhook_id)
        return Answer(_delivery_document(made), is_new=True, subject=str(webhook_id))

    return carried_out("webhook.test", action, status_new=202)


@resource.route("/<id:webhook_id>/deliveries")
@resource.arguments(DeliveriesQuery(), location="query")
@resource.response(200, DeliveryPage)
def list_deliveries(query: dict[str, Any], webhook_id: UUID) -> Response:
    """List what was sent or waits to be, newest first; dead letters by `state=dead`. Needs `webhooks:write`."""
    after, rows_max, state = after_of(query), query["limit"], query.get("state")
    found = looked_up(lambda work: webhooks.deliveries_page(work, webhook_id, state, after, rows_max + 1))
    items = [_delivery_document(one) for one in found]
    return answered(page_of(items, rows_max, lambda item: [item["queued_at"], item["id"]]))


@resource.route("/<id:webhook_id>/deliveries/<id:delivery_id>/resend", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.response(202, DeliveryOut)
@resource.alt_response(409, "CONFLICT")
def resend_delivery(webhook_id: UUID, delivery_id: UUID) -> Response:
    """Have an event sent once more. Needs `webhooks:write`."""

    def action(work: Work) -> Answer:
        again = webhooks.resend(work, webhook_id, delivery_id)
        return Answer(_delivery_document(again), is_new=True, subject=str(webhook_id))

    return carried_out("webhook.resend", action, status_new=202)


@resource.route("/<id:webhook_id>/replay", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.arguments(ReplayIn())
@resource.response(202, WebhookOut)
@resource.alt_response(409, "CONFLICT")
def replay_webhook(said: dict[str, Any], webhook_id: UUID) -> Response:
    """Have all events since an instant sent again, under the ids that they had. Needs `webhooks:write`."""

    def action(work: Work) -> Answer:
        found = webhooks.replay(work, webhook_id, said["since"])
        return Answer(_document(found), is_new=True, subject=str(webhook_id))

    return carried_out("webhook.replay", action, status_new=202)


def _check_url(wish: Wish) -> None:
    """Let a URL pass that may be a webhook's. Refused: ScopeMissing, Malformed, TryLater where many look for hosts."""
    sender: WebhookSender = current_app.extensions[SENDER]
    lookers: threading.Semaphore = current_app.extensions[LOOKERS]
    if not lookers.acquire(blocking=False):
        raise busy()
    try:
        webhooks.check_url(sender, actor(), wish)
    finally:
        lookers.release()


def _wish(said: dict[str, Any]) -> Wish:
    types = tuple(dict.fromkeys(one.value for one in said["types"]))
    return Wish(said["url"], types, said["description"] or "", is_enabled=said["is_enabled"])


def _document(found: Webhook) -> dict[str, Any]:
    """Return a webhook as it stands on the wire."""
    return {
        "id": str(found.id),
        "url": found.url,
        "types": list(found.types),
        "description": found.description or None,
        "state": found.state.value,
        "disabled_for": found.disabled_for and found.disabled_for.value,
        "failing_since": found.failing_since and instant_text(found.failing_since),
        "previous_secret_until": found.before_until and instant_text(found.before_until),
        "created_at": instant_text(found.created_at),
        "revision": found.revision,
    }


def _delivery_document(found: Delivery) -> dict[str, Any]:
    """Return a delivery as it stands on the wire."""
    is_waiting = found.state is DeliveryState.WAITING
    return {
        "id": str(found.id),
        "type": found.type,
        "state": found.state.value,
        "attempts": found.attempts,
        "queued_at": instant_text(found.queued_at),
        "next_attempt_at": instant_text(found.due_at) if is_waiting else None,
        "ended_at": found.ended_at and instant_text(found.ended_at),
        "status": found.status,
        "fault": found.fault and found.fault.value,
    }
