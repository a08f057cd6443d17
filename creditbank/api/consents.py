"""Consents over HTTP: what learners let institutions read, with receipts, and the texts that they agree to."""

from typing import Any
from uuid import UUID

import marshmallow
from flask import Response, current_app

from creditbank.api import fields
from creditbank.api.caller import authenticate, carried_out, looked_up, subject
from creditbank.api.pages import PageQuery
from creditbank.api.positions import read_lagging
from creditbank.api.resource import IDEMPOTENCY_KEY, Resource, answered, cursor_place, instant_part, page_of
from creditbank.core.calendar import instant_text
from creditbank.core.consent import Consent, ConsentScope, ConsentState, ConsentText, Standing
from creditbank.services import consent_texts, consents
from creditbank.services.bank import Answer, Work

CODE = r"[a-z][a-z0-9-]{0,63}"
CODE_HINT = "a-z 0-9 -, 1–64"

TEXT_LENGTH_MAX = 20_000
"""Some ten pages: what is longer nobody reads before agreeing to it."""

resource = Resource("Consents", __name__, url_prefix="/v1", description="What learners let institutions read")
resource.before_request(authenticate)


class TextIn(fields.StrictSchema):
    """A version of a text that learners agree to; it never changes once it is published."""

    code = fields.Text(64, pattern=CODE, hint=CODE_HINT, required=True)
    version = fields.Whole(1, 9999, required=True, metadata={"description": "1, then the one after the newest"})
    title_zh = fields.Text(200, required=True)
    title_en = fields.Text(200, required=True)
    text_zh = fields.Text(TEXT_LENGTH_MAX, required=True)
    text_en = fields.Text(TEXT_LENGTH_MAX, required=True)
    purpose = fields.Text(200, required=True)
    scopes = fields.Items(fields.Choice(ConsentScope), len(ConsentScope), required=True)


class TextNamed(fields.StrictSchema):
    """The version of a text that was shown to the learner."""

    code = fields.Text(64, pattern=CODE, hint=CODE_HINT, required=True)
    version = fields.Whole(1, 9999, required=True)


class ConsentIn(fields.StrictSchema):
    """What a learner lets an institution read."""

    recipient = fields.Text(32, required=True, metadata={"description": "Code of the institution"})
    purpose = fields.Text(200, required=True, metadata={"description": "What for; names no person"})
    scopes = fields.Items(
        fields.Choice(ConsentScope),
        len(ConsentScope),
        required=True,
        metadata={"description": "`identity:read` is sensitive and takes a consent of its own"},
    )
    valid_until = fields.Day(required=True, metadata={"description": "The last day, inclusive; 3 years ahead at most"})
    text = fields.Part(
        TextNamed, allow_none=True, load_default=None, metadata={"description": "Left out: the newest that fits"}
    )

    def built(self, data: dict[str, Any]) -> consents.Wish:
        """Return what is consented to."""
        text = data.pop("text")
        named = None if text is None else (text["code"], text["version"])
        return consents.Wish(**{**data, "scopes": frozenset(data["scopes"])}, text=named)


class TextOut(marshmallow.Schema):
    """A version of a text."""

    code = marshmallow.fields.String(required=True)
    version = marshmallow.fields.Integer(required=True)
    title_zh = marshmallow.fields.String(required=True)
    title_en = marshmallow.fields.String(required=True)
    text_zh = marshmallow.fields.String(required=True)
    text_en = marshmallow.fields.String(required=True)
    purpose = marshmallow.fields.String(required=True)
    scopes = marshmallow.fields.List(marshmallow.fields.Enum(ConsentScope, by_value=True), required=True)
    is_sensitive = marshmallow.fields.Boolean(required=True)
    published_at = marshmallow.fields.DateTime(required=True)


class TextList(marshmallow.Schema):
    """All texts, by code, the newest version first."""

    items = marshmallow.fields.List(marshmallow.fields.Nested(TextOut), required=True)
    next_cursor = marshmallow.fields.String(required=True, allow_none=True)


class RecipientOut(marshmallow.Schema):
    """The institution that may read."""

    code = marshmallow.fields.String(required=True)
    name = marshmallow.fields.String(required=True)


class GrantOut(marshmallow.Schema):
    """What the learner and the recipient both see of a consent."""

    id = marshmallow.fields.UUID(required=True)
    state = marshmallow.fields.Enum(ConsentState, by_value=True, required=True)
    purpose = marshmallow.fields.String(required=True)
    scopes = marshmallow.fields.List(marshmallow.fields.Enum(ConsentScope, by_value=True), required=True)
    is_sensitive = marshmallow.fields.Boolean(required=True)
    valid_until = marshmallow.fields.Date(required=True)
    given_at = marshmallow.fields.DateTime(required=True)
    withdrawn_at = marshmallow.fields.DateTime(required=True, allow_none=True)


class ConsentOut(GrantOut):
    """A consent; `subject` is the learner's id as the recipient sees it, `receipt` a signed JWT."""

    recipient = marshmallow.fields.Nested(RecipientOut, required=True)
    subject = marshmallow.fields.UUID(required=True)
    given_by = marshmallow.fields.String(required=True)
    given_as = marshmallow.fields.Enum(Standing, by_value=True, required=True)
    withdrawn_by = marshmallow.fields.String(required=True, allow_none=True)
    withdrawn_as = marshmallow.fields.Enum(Standing, by_value=True, required=True, allow_none=True)
    text = marshmallow.fields.Nested(TextOut, required=True)
    receipt = marshmallow.fields.String(required=True)


class ConsentPage(marshmallow.Schema):
    """A page of a learner's consents, newest first, also those withdrawn or over."""

    items = marshmallow.fields.List(marshmallow.fields.Nested(ConsentOut), required=True)
    next_cursor = marshmallow.fields.String(required=True, allow_none=True)


class GrantToMeOut(GrantOut):
    """A consent that the asking institution was given."""

    learner_id = marshmallow.fields.UUID(required=True)


class GrantPage(marshmallow.Schema):
    """A page of the consents that an institution was given, newest first."""

    items = marshmallow.fields.List(marshmallow.fields.Nested(GrantToMeOut), required=True)
    next_cursor = marshmallow.fields.String(required=True, allow_none=True)


@resource.route("/consent-texts")
@resource.response(200, TextList)
def list_texts() -> Response:
    """List the texts that learners agree to, every version of each."""
    return answered({"items": [_text(one) for one in read_lagging(consent_texts.every_text)], "next_cursor": None})


@resource.route("/consent-texts", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.arguments(TextIn())
@resource.response(201, TextOut, description="Published now")
@resource.alt_response(200, schema=TextOut, description="In print already")
def publish_text(said: dict[str, Any]) -> Response:
    """Publish a version of a text. Needs `admin`."""
    draft = consent_texts.Draft(**{**said, "scopes": frozenset(said["scopes"])})

    def action(work: Work) -> Answer:
        published, is_new = consent_texts.publish(work, draft)
        return Answer(_text(published), is_new, subject=f"{published.code}:{published.version}")

    return carried_out("consent_text.publish", action)


@resource.route("/learners/<learner:learner_id>/consents", methods=["POST"])
@resource.doc(parameters=[IDEMPOTENCY_KEY])
@resource.arguments(ConsentIn())
@resource.response(201, ConsentOut)
def give_consent(wish: consents.Wish, learner_id: UUID | None) -> Response:
    """Let an institution read something of the learner's, and get the receipt. Needs `consents:write`."""

    def action(work: Work) -> Answer:
        shown = consents.give(work, subject(learner_id), wish)
        return Answer(_document(work, shown), is_new=True, subject=str(shown.consent.id))

    return carried_out("consent.give", action)


@resource.route("/learners/<learner:learner_id>/consents")
@resource.arguments(PageQuery(), location="query")
@resource.response(200, ConsentPage)
def list_consents(query: dict[str, Any], learner_id: UUID | None) -> Response:
    """List a learner's consents, newest first, also those withdrawn or over; to those who speak for the learner."""
    rows_max = query["limit"]
    after = _after(query)

    def asked(work: Work) -> list[dict[str, Any]]:
        found = consents.consents_page(work, subject(learner_id), after, rows_max + 1)
        return [_document(work, one) for one in found]

    return answered(page_of(looked_up(asked), rows_max, lambda item: [item["given_at"], item["id"]]))


@resource.route("/learners/<learner:learner_id>/consents/<id:consent_id>")
@resource.response(200, ConsentOut)
def consent(learner_id: UUID | None, consent_id: UUID) -> Response:
    """Show one consent with its receipt."""
    return answered(looked_up(lambda work: _document(work, consents.consent(work, subject(learner_id), consent_id))))


@resource.route("/learners/<learner:learner_id>/consents/<id:consent_id>", methods=["DELETE"])
@resource.response(200, ConsentOut)
def withdraw_consent(learner_id: UUID | None, consent_id: UUID) -> Response:
    """Withdraw a consent: nothing is read on it from now on. Asked again it is answered as it stands.

    Needs `consents:write`.
    """

    def action(work: Work) -> Answer:
        shown = consents.withdraw(work, subject(learner_id), consent_id)
        return Answer(_document(work, shown), is_new=False, subject=str(consent_id))

    return carried_out("consent.withdraw", action)


@resource.route("/consents")
@resource.arguments(PageQuery(), location="query")
@resource.response(200, GrantPage)
def given_to_me(query: dict[str, Any]) -> Response:
    """List the consents that learners gave your institution, newest first, also those withdrawn or over.

    Needs `learners:lookup` or any scope that can be consented to.
    """
    rows_max = query["limit"]
    rows = looked_up(lambda work: consents.given_to_me(work, _after(query), rows_max + 1))
    items = [{**_grant(one, state), "learner_id": str(known_as)} for one, state, known_as in rows]
    return answered(page_of(items, rows_max, lambda item: [item["given_at"], item["id"]]))


def _after(query: dict[str, Any]) -> consents.Place | None:
    place = cursor_place(query["cursor"], instant_part, UUID)
    return None if place is None else (place[0], place[1])


def _document(work: Work, shown: consents.Shown) -> dict[str, Any]:
    """Return a consent as it stands on the wire, with its receipt."""
    given, withdrawn = shown.consent.given, shown.consent.withdrawn
    return {
        **_grant(shown.consent, shown.state),
        "recipient": {"code": shown.recipient.code, "name": shown.recipient.name},
        "subject": str(shown.subject),
        "given_by": given.by,
        "given_as": given.standing.value,
        "withdrawn_by": withdrawn and withdrawn.by,
        "withdrawn_as": withdrawn and withdrawn.standing.value,
        "text": _text(shown.text),
        "receipt": consents.receipt(work, shown, current_app.config["ISSUER"]),
    }


def _grant(value: Consent, state: ConsentState) -> dict[str, Any]:
    return {
        "id": str(value.id),
        "state": state.value,
        "purpose": value.purpose,
        "scopes": sorted(value.scopes),
        "is_sensitive": value.is_sensitive,
        "valid_until": value.valid_until.isoformat(),
        "given_at": instant_text(value.given.at),
        "withdrawn_at": value.withdrawn and instant_text(value.withdrawn.at),
    }


def _text(value: ConsentText) -> dict[str, Any]:
    return {
        "code": value.code,
        "version": value.version,
        "title_zh": value.title_zh,
        "title_en": value.title_en,
        "text_zh": value.text_zh,
        "text_en": value.text_en,
        "purpose": value.purpose,
        "scopes": sorted(value.scopes),
        "is_sensitive": value.is_sensitive,
        "published_at": instant_text(value.published_at),
    }
