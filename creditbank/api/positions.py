"""How far a caller's writes have come: told with every write, sent back with reads that a replica may answer."""

from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

from flask import Flask, Response, current_app, g, request

from creditbank.api.caller import actor, bank, looked_up, subject
from creditbank.services.bank import Bank, Work
from creditbank.services.nearby import Since, looked_up_nearby, written

POSITION = "Creditbank-Position"
"""The header: opaque to callers, who send back the last one that they were given."""

_READS = ("GET", "HEAD", "OPTIONS")

T = TypeVar("T")


def tell_positions(app: Flask) -> None:
    """Let every answer to a write say how far the bank has written, where there is a replica."""
    app.after_request(_tell)


def read_lagging(query: Callable[[Work], T], *, is_exact: bool = False) -> T:
    """Run a query for the caller whose answer may lag: registries, figures (all of them, if exact), the audit log."""
    since = Since(request.headers.get(POSITION), is_exact)
    return looked_up_nearby(bank(), actor(), query, g.request_id, since)


def read_own(query: Callable[[Work], T], learner_id: UUID | None) -> T:
    """Run a query about a learner, which may lag for themself alone."""
    is_own = actor().learner_id == subject(learner_id) and not actor().is_proxy
    return read_lagging(query) if is_own else looked_up(query)


def _tell(response: Response) -> Response:
    opened: Bank = current_app.extensions["creditbank"]
    if request.method not in _READS and response.status_code < 400:  # noqa: PLR2004 - refused: nothing is written
        at = written(opened)
        if at is not None:
            response.headers[POSITION] = at
    return response
