"""Balances and passbooks over HTTP."""

from typing import Any
from uuid import UUID

import marshmallow
from flask import Response

from creditbank.api import fields
from creditbank.api.caller import authenticate, cursor_of, paged, subject
from creditbank.api.pages import PageQuery
from creditbank.api.positions import read_own
from creditbank.api.resource import Resource, answered, cursor_place, instant_part, page_of, text_part, whole_part
from creditbank.core.calendar import instant_text
from creditbank.core.credit import decimal_text
from creditbank.core.ledger import EntryKind
from creditbank.core.lots import Balance
from creditbank.core.veil import Veil
from creditbank.services import statements
from creditbank.services.bank import Work
from creditbank.services.entitlement import veil_of
from creditbank.services.statements import Balances, Line

resource = Resource("Balances", __name__, url_prefix="/v1/learners", description="What a learner has, and the passbook")
resource.before_request(authenticate)

_AMOUNT = {"pattern": r"^-?[0-9]+\.[0-9]{2}$"}


class BalanceQuery(fields.StrictSchema):
    """Which balance is asked for."""

    as_of = fields.Day(load_default=None, metadata={"description": "The day in question; today if left out"})
    known_at = fields.Instant(load_default=None, metadata={"description": "As the bank knew it then; now if left out"})


class ExpiringOut(marshmallow.Schema):
    """Credits and the last day on which they can be used."""

    on = marshmallow.fields.Date(required=True)
    credits = marshmallow.fields.String(required=True, metadata=_AMOUNT)


class BalanceOut(marshmallow.Schema):
    """Credits in one scheme; available is recognised less held, converted and expired."""

    scheme = marshmallow.fields.String(required=True)
    recognised = marshmallow.fields.String(required=True, metadata=_AMOUNT)
    held = marshmallow.fields.String(required=True, metadata=_AMOUNT)
    converted = marshmallow.fields.String(required=True, metadata=_AMOUNT)
    expired = marshmallow.fields.String(required=True, metadata=_AMOUNT)
    available = marshmallow.fields.String(required=True, metadata=_AMOUNT)
    expiring = marshmallow.fields.List(marshmallow.fields.Nested(ExpiringOut), required=True)


class BalancesOut(marshmallow.Schema):
    """A learner's balances as of a day."""

    learner_id = marshmallow.fields.UUID(required=True)
    as_of = marshmallow.fields.Date(required=True)
    balances = marshmallow.fields.List(marshmallow.fields.Nested(BalanceOut), required=True)


class LineOut(marshmallow.Schema):
    """A line of the passbook."""

    id = marshmallow.fields.UUID(required=True)
    recorded_at = marshmallow.fields.DateTime(required=True)
    effective_on = marshmallow.fields.Date(required=True)
    kind = marshmallow.fields.Enum(EntryKind, by_value=True, required=True)
    scheme = marshmallow.fields.String(required=True)
    amount = marshmallow.fields.String(required=True, metadata=_AMOUNT)
    balance_after = marshmallow.fields.String(required=True, metadata=_AMOUNT)
    outcome_id = marshmallow.fields.UUID(required=True)
    decision_id = marshmallow.fields.UUID(required=True)


class StatementPage(marshmallow.Schema):
    """A page of the passbook, newest first."""

    items = marshmallow.fields.List(marshmallow.fields.Nested(LineOut), required=True)
    next_cursor = marshmallow.fields.String(required=True, allow_none=True)


@resource.route("/<learner:learner_id>/balance")
@resource.arguments(BalanceQuery(), location="query")
@resource.response(200, BalancesOut)
def balance(query: dict[str, Any], learner_id: UUID | None) -> Response:
    """Show a learner's credits on a day, as the bank knows them now or knew them at an instant.

    Needs `balance:read`.
    """

    def asked(work: Work) -> tuple[Balances, Veil]:
        return statements.balance(work, subject(learner_id), query["as_of"], query["known_at"]), veil_of(work)

    found, veil = read_own(asked, learner_id)
    balances = [_balance_document(one) for one in found.balances]
    return answered(
        {"learner_id": veil.learner(found.learner_id), "as_of": found.as_of.isoformat(), "balances": balances}
    )


@resource.route("/<learner:learner_id>/statement")
@resource.arguments(PageQuery(), location="query")
@resource.response(200, StatementPage)
def statement(query: dict[str, Any], learner_id: UUID | None) -> Response:
    """Show the passbook, newest first, with the available balance after each line. Needs `statement:read`."""
    place = cursor_place(cursor_of(query), instant_part, text_part, whole_part, UUID)
    after = None if place is None else (place[0], place[1], place[2], place[3])
    rows_max = query["limit"]

    def asked(work: Work) -> tuple[list[Line], Veil]:
        return statements.passbook(work, subject(learner_id), after, rows_max + 1), veil_of(work)

    lines, veil = read_own(asked, learner_id)
    places = {veil.id(line.entry.id): _place(line) for line in lines}
    items = [_line_document(line, veil) for line in lines]
    return paged(page_of(items, rows_max, lambda item: places[item["id"]]))


def _place(line: Line) -> list[Any]:
    """Return where a line stands, for the cursor."""
    entry = line.entry
    return [instant_text(entry.recorded_at), entry.scheme, entry.seq, str(entry.learner_id)]


def _balance_document(balance: Balance) -> dict[str, Any]:
    """Return a balance as it stands on the wire."""
    return {
        "scheme": balance.scheme,
        "recognised": decimal_text(balance.recognised_hundredths),
        "held": decimal_text(balance.held_hundredths),
        "converted": decimal_text(balance.converted_hundredths),
        "expired": decimal_text(balance.expired_hundredths),
        "available": decimal_text(balance.available_hundredths),
        "expiring": [
            {"on": part.valid_until and part.valid_until.isoformat(), "credits": decimal_text(part.credit_hundredths)}
            for part in balance.expiring
        ],
    }


def _line_document(line: Line, veil: Veil) -> dict[str, Any]:
    """Return a passbook line as it stands on the wire."""
    entry = line.entry
    return {
        "id": veil.id(entry.id),
        "recorded_at": instant_text(veil.instant(entry.recorded_at)),
        "effective_on": entry.transfer.effective_on.isoformat(),
        "kind": entry.transfer.kind.value,
        "scheme": entry.scheme,
        "amount": decimal_text(entry.transfer.amount_hundredths),
        "balance_after": decimal_text(line.balance_after_hundredths),
        "outcome_id": veil.id(line.outcome_id),
        "decision_id": veil.id(entry.transfer.decision_id),
    }
