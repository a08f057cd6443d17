"""The feed of events over HTTP: what happened since a cursor, waiting a while for something to happen."""

import threading
import time
from collections.abc import Callable
from typing import Any

import marshmallow
from flask import Response, current_app

from creditbank.api import fields
from creditbank.api.caller import authenticate, cursor_of, looked_up, paged
from creditbank.api.resource import (
    PAGE_ROWS,
    PAGE_ROWS_MAX,
    Resource,
    cursor_place,
    cursor_text,
    wrong_cursor,
)
from creditbank.core.errors import Malformed
from creditbank.core.event import EventType
from creditbank.services import events
from creditbank.services.events import Fed

resource = Resource("Events", __name__, url_prefix="/v1/events", description="What happened, in order")
resource.before_request(authenticate)

WAIT_SECONDS_MAX = 30
"""The longest wait: proxies between give up on what is silent for longer."""

LOOK_SECONDS = 0.5
"""Between two looks whether anything was numbered; no connection to the database is held meanwhile."""

NUMBER_MAX = 2**63
"""What a number of an event is below: what the database counts to."""

WAITERS = "creditbank.waiters"
"""Under which name an app keeps how many of its threads may wait: the others serve."""

TYPES = [one.value for one in EventType]
_TYPE = "|".join(one.replace(".", "[.]") for one in TYPES)


class EventsQuery(fields.StrictSchema):
    """Which events are wanted, and how long to wait for the first of them."""

    after = fields.Text(500, load_default=None, metadata={"description": "`next_cursor` of the answer before"})
    types = fields.Text(
        1000,
        pattern=f"({_TYPE})(,({_TYPE}))*",
        hint=f"{', '.join(TYPES)}",
        load_default=None,
        metadata={"description": "Types, separated by commas; all if left out"},
    )
    wait = fields.Whole(
        0, WAIT_SECONDS_MAX, load_default=0, metadata={"description": "Seconds to wait where there is nothing yet"}
    )
    limit = fields.Whole(1, PAGE_ROWS_MAX, load_default=PAGE_ROWS)


class HappenedOut(marshmallow.Schema):
    """Something that happened; `data` has ids and states, and no word about a person."""

    id = marshmallow.fields.UUID(required=True)
    type = marshmallow.fields.String(required=True, validate=marshmallow.validate.OneOf(TYPES))
    timestamp = marshmallow.fields.DateTime(required=True)
    data = marshmallow.fields.Dict(required=True)


class EventsPage(marshmallow.Schema):
    """Events, oldest first; `next_cursor` is where to go on, also where nothing has happened yet."""

    items = marshmallow.fields.List(marshmallow.fields.Nested(HappenedOut), required=True)
    next_cursor = marshmallow.fields.String(required=True)


@resource.route("")
@resource.arguments(EventsQuery(), location="query")
@resource.response(200, EventsPage)
@resource.alt_response(410, "GONE")
def feed(query: dict[str, Any]) -> Response:
    """Read what happened since a cursor, oldest first, waiting up to `wait` seconds. Needs `webhooks:write`."""
    after, types, rows_max = _after(query["after"]), (query["types"] or "").split(","), query["limit"]
    wanted = [one for one in types if one]

    def ask(behind: int | None) -> Fed:
        return looked_up(lambda work: events.feed(work, behind, wanted, rows_max))

    fed = ask(after)
    waiters: threading.Semaphore = current_app.extensions[WAITERS]
    if not fed.items and query["wait"] and waiters.acquire(blocking=False):
        try:
            fed = _waited(ask, fed, query["wait"])
        finally:
            waiters.release()
    return paged({"items": list(fed.items), "next_cursor": cursor_text([fed.up_to])})


def _waited(ask: Callable[[int | None], Fed], fed: Fed, seconds: int) -> Fed:
    """Return the next events, or none where none came in time."""
    deadline = time.monotonic() + seconds
    while not fed.items and (left := deadline - time.monotonic()) > 0:
        time.sleep(min(LOOK_SECONDS, left))
        if looked_up(events.newest) > fed.up_to:
            fed = ask(fed.up_to)
    return fed


def _after(cursor: str | None) -> int | None:
    """Return the number that a cursor names. Refused: Malformed."""
    try:
        place = cursor_place(cursor_of({"cursor": cursor}), _number)
    except Malformed:
        raise wrong_cursor("/after") from None
    return None if place is None else int(place[0])


def _number(part: object) -> int:
    if type(part) is not int or not 0 <= part < NUMBER_MAX:
        raise ValueError(part)
    return part
